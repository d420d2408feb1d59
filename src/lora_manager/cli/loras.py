"""LoRAs as people and machines see them."""

from collections.abc import Sequence

from lora_manager.cli.output import print_json, print_table
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import format_weight

_TITLES = ("name", "version", "base model", "kind", "rank", "weight", "place", "file", "id")


def print_loras(loras: Sequence[Lora]) -> None:
    """A line for each LoRA."""
    print_table(_TITLES, [_row(lora) for lora in loras])


def print_lora_as_json(lora: Lora) -> None:
    """The LoRA as the REST API answers it."""
    from lora_manager.http.schemas.adapter import AdapterResource
    from lora_manager.http.schemas.answers import AdapterAnswer

    print_json(AdapterAnswer(AdapterResource.of(lora)))


def place(lora: Lora) -> str:
    """Where the LoRA stands in the composition: empty where it is not in it, ``-`` where it has no ordinal."""
    if not lora.active:
        return ""
    return "-" if lora.ordinal is None else str(lora.ordinal)


def file_state(lora: Lora) -> str:
    """What the last look at the file found."""
    if lora.file is None:
        return "unread"
    return "ok" if lora.file.state is FileState.PRESENT else lora.file.state.value


def _row(lora: Lora) -> tuple[str, ...]:
    network = lora.file.network if lora.file else None
    return (
        lora.name,
        lora.version or "",
        lora.base_model or "",
        network.kind if network else "",
        str(network.rank) if network and network.rank is not None else "",
        format_weight(lora.weight),
        place(lora),
        file_state(lora),
        str(lora.id),
    )
