"""LoRAs to compose, in files that are named as runtimes expect."""

from datetime import datetime

from lora_manager.domain.file.facts import Embedded
from lora_manager.domain.file.record import FileRecord, FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import (
    A1111,
    Composition,
    CompositionOptions,
    Dedupe,
    Dialect,
    Member,
    WarningCode,
    compose,
)
from lora_manager.domain.trigger import Trigger, TriggerChoice, TriggerStatus
from tests.contract.examples import NOW, a_record, new_id


def a_lora(
    name: str = "ink",
    *,
    version: str | None = None,
    file_path: str | None = None,
    weight: float = 1.0,
    te_weight: float | None = None,
    active: bool = True,
    ordinal: int | None = None,
    triggers: tuple[Trigger, ...] = (),
    base_model: str | None = None,
    file: FileRecord | None = None,
    deleted_at: datetime | None = None,
) -> Lora:
    """An active LoRA in a file of its name."""
    return Lora(
        id=new_id(),
        name=name,
        version=version,
        file_path=file_path or f"/loras/{name}.safetensors",
        weight=weight,
        te_weight=te_weight,
        active=active,
        ordinal=ordinal,
        triggers=triggers,
        base_model=base_model,
        file=file,
        created_at=NOW,
        updated_at=NOW,
        deleted_at=deleted_at,
    )


def a_file(state: FileState = FileState.PRESENT, output_name: str | None = None) -> FileRecord:
    """A file that was looked at, and the name it was trained under."""
    return a_record(state=state, embedded=Embedded(output_name=output_name))


def required(text: str) -> Trigger:
    """A trigger that a prompt needs."""
    return Trigger(text)


def optional(text: str) -> Trigger:
    """A trigger that a prompt may do without."""
    return Trigger(text, status=TriggerStatus.OPTIONAL)


def composed(
    *loras: Lora,
    prefix: str = "",
    suffix: str = "",
    separator: str = " ",
    dialect: Dialect = A1111,
    base_model: str | None = None,
    triggers: TriggerChoice = TriggerChoice.NONE,
    dedupe: Dedupe = Dedupe.HIGHEST_WEIGHT,
) -> Composition:
    """The composition of these LoRAs, in this order."""
    options = CompositionOptions(
        prefix=prefix,
        suffix=suffix,
        separator=separator,
        dialect=dialect,
        base_model=base_model,
        triggers=triggers,
        dedupe=dedupe,
    )
    return compose([Member(lora) for lora in loras], options)


def codes(composition: Composition) -> list[WarningCode]:
    """What a composition warns of."""
    return [warning.code for warning in composition.warnings]
