"""LoRAs as people and machines see them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from lora_manager.app.application import Application
from lora_manager.cli.output import print_json, print_table
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import format_weight
from lora_manager.domain.publication import Publication

if TYPE_CHECKING:
    from lora_manager.http.schemas.adapter import AdapterResource

_TITLES = ("name", "version", "base model", "kind", "rank", "weight", "place", "file", "id")


def print_loras(loras: Sequence[Lora]) -> None:
    """A line for each LoRA."""
    print_table(_TITLES, [_row(lora) for lora in loras])


@dataclass(frozen=True, slots=True)
class Published:
    """LoRAs, and where the publication of each stands; ``publications`` is empty where nothing is published."""

    loras: Sequence[Lora]
    publications: Mapping[UUID, Publication]

    @classmethod
    async def of(cls, application: Application, loras: Sequence[Lora]) -> "Published":
        """The LoRAs with what is known of their publication now."""
        catalog = application.publications
        return cls(loras, {} if catalog is None else await catalog.of([lora.id for lora in loras]))

    def resources(self) -> "tuple[AdapterResource, ...]":
        """As the REST API answers them."""
        from lora_manager.http.schemas.adapter import AdapterResource

        return tuple(AdapterResource.of(lora, self.publications.get(lora.id)) for lora in self.loras)

    def print_first_as_json(self) -> None:
        """The first LoRA as the REST API answers it."""
        from lora_manager.http.schemas.answers import AdapterAnswer

        print_json(AdapterAnswer(self.resources()[0]))


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
