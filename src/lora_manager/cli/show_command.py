"""The command ``lora-manager show``."""

from collections.abc import Iterator

import click

from lora_manager.app.application import Application
from lora_manager.cli.lookup import find, find_one
from lora_manager.cli.loras import Published, file_state, place, print_loras
from lora_manager.cli.options import json_option, lora_argument
from lora_manager.cli.output import say
from lora_manager.cli.session import Session
from lora_manager.domain.file.record import FileRecord
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import format_weight
from lora_manager.domain.publication import Publication
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import ValidationState

_LABEL_WIDTH = 14


@click.command("show")
@lora_argument
@json_option
@click.pass_obj
def command(session: Session, *, reference: str, as_json: bool) -> None:
    """Show all that is known of one LoRA.

    Where a name has several versions they are listed: choose one by its id.
    """

    async def look(application: Application) -> Published:
        loras = [await find_one(application, reference)] if as_json else await find(application, reference)
        return await Published.of(application, loras)

    found = session.run(look)
    if as_json:
        found.print_first_as_json()
    elif len(found.loras) > 1:
        print_loras(found.loras)
    else:
        [lora] = found.loras
        for label, value in (*_facts(lora), *_elsewhere(lora, found.publications.get(lora.id))):
            say(f"{label:<{_LABEL_WIDTH}}{value}")


def _facts(lora: Lora) -> Iterator[tuple[str, str]]:
    """What there is to say, by label; what nobody said is left out."""
    optional = {
        "version": lora.version,
        "title": lora.title,
        "description": lora.description,
        "base model": lora.base_model,
        "archetype": lora.archetype,
        "preview": lora.preview_url,
    }
    yield "name", lora.name
    yield from ((label, value) for label, value in optional.items() if value is not None)
    yield "id", str(lora.id)
    yield "weight", format_weight(lora.weight)
    if lora.te_weight is not None:
        yield "te weight", format_weight(lora.te_weight)
    yield "active", f"yes, place {place(lora)}" if lora.active else "no"
    if lora.tags:
        yield "tags", ", ".join(lora.tags)
    yield from (("trigger", _trigger(trigger)) for trigger in lora.triggers)
    yield "path", lora.file_path
    yield "file", file_state(lora)
    if lora.file is not None:
        yield from _file_facts(lora.file)


def _elsewhere(lora: Lora, publication: Publication | None) -> Iterator[tuple[str, str]]:
    """What others say of it, and where others read of it; what was never asked or published is left out."""
    validation = lora.validation
    if validation.state is not ValidationState.UNCHECKED:
        yield "validation", _joined(validation.state, validation.detail, validation.page_url)
    if publication is not None:
        yield "metadata", _joined(publication.state, publication.detail, publication.uri)


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part is not None)


def _file_facts(file: FileRecord) -> Iterator[tuple[str, str]]:
    network = file.network
    if file.detail is not None:
        yield "problem", file.detail
    rank = "" if network.rank is None else f", rank {network.rank}"
    alpha = "" if network.alpha is None else f", alpha {network.alpha:g}"
    yield "network", f"{network.kind}{rank}{alpha}, {network.modules:,} modules, {network.tensors:,} tensors"
    yield "size", f"{file.size_bytes:,} bytes"
    yield "sha256", file.hashes.sha256
    yield "AutoV2", file.hashes.autov2
    yield "AutoV3", file.hashes.autov3


def _trigger(trigger: Trigger) -> str:
    group = "" if trigger.group is None else f", {trigger.group}"
    return f"{trigger.text} ({trigger.status}{group})"
