"""Turn LoRAs into a prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from lora_manager.app.prompts.active_arrangements import ActiveArrangements
from lora_manager.domain.errors import InvalidField, InvalidFields, LoraNotFound
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.file.record import name_problem
from lora_manager.domain.lora import Lora, OrderKey
from lora_manager.domain.prompt import Composition, CompositionOptions, Dedupe, Dialect, Member, compose, surround
from lora_manager.domain.trigger import TriggerChoice
from lora_manager.ports.catalog import LoraCatalog
from lora_manager.ports.clock import Clock
from lora_manager.ports.event_log import EventLog


@dataclass(frozen=True, slots=True)
class MemberReference:
    """A LoRA that a composition names: by id, or by name; ``weight`` overrides its own."""

    lora: UUID | str
    weight: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposePromptCommand:
    """What to compose.

    :param members: the LoRAs to take, in this order; None takes the active ones in their order
    :param dialect: how tags are spelled; None takes the configured default
    """

    prefix: str = ""
    suffix: str = ""
    members: tuple[MemberReference, ...] | None = None
    dialect: str | None = None
    separator: str = " "
    base_model: str | None = None
    triggers: TriggerChoice = TriggerChoice.NONE
    dedupe: Dedupe = Dedupe.HIGHEST_WEIGHT


@dataclass(frozen=True, slots=True)
class Dialects:
    """The dialects a deployment speaks, and the one it takes where a request names none."""

    known: Mapping[str, Dialect]
    default: str

    def get(self, name: str | None) -> Dialect:
        """The dialect of this name.

        :raises InvalidFields: it is not known
        """
        dialect = self.known.get(self.default if name is None else name)
        if dialect is None:
            raise InvalidFields([InvalidField("dialect", f"must be one of {', '.join(self.known)}")])
        return dialect


@dataclass(frozen=True, slots=True)
class ComposePrompt:
    """Compose a prompt from the active LoRAs, or from those that the request names.

    Active LoRAs come by ordinal, then name; named ones in the order of the request. Whatever may surprise (a duplicate
    dropped, a file missing, base models mixed) is told as a warning.
    """

    catalog: LoraCatalog
    dialects: Dialects
    active: ActiveArrangements
    log: EventLog
    clock: Clock

    async def __call__(self, command: ComposePromptCommand) -> Composition:
        """Compose.

        :raises InvalidFields: naming every option out of range
        :raises InvalidInput: the dialect cannot write what is asked
        :raises LoraNotFound: a named LoRA does not exist or was deleted
        """
        began = self.clock.elapsed()
        options = CompositionOptions(
            prefix=command.prefix,
            suffix=command.suffix,
            separator=command.separator,
            dialect=self.dialects.get(command.dialect),
            base_model=command.base_model,
            triggers=command.triggers,
            dedupe=command.dedupe,
        )
        if command.members is None:
            composition = surround(await self.active.get(options), options)
        else:
            composition = compose(await self._members(command.members), options)
        facts: dict[str, str | int | float] = {
            "seconds": self.clock.elapsed() - began,
            "adapters": len(composition.members),
            "dialect": options.dialect.name,
            "warnings": len(composition.warnings),
        }
        self.log.record((Event(EventName.COMPOSED, self.clock.now(), facts=facts),))
        return composition

    async def _members(self, references: Sequence[MemberReference]) -> Sequence[Member]:
        ids = {r.lora for r in references if isinstance(r.lora, UUID)}
        names = {r.lora for r in references if isinstance(r.lora, str) and name_problem(r.lora) is None}
        found = await self.catalog.find(ids=ids, names=names)
        by_reference: dict[UUID | str, Lora] = {lora.id: lora for lora in found}
        # Several versions may share a name: an active one is meant before an inactive one, then the canonical first.
        by_reference |= {lora.name: lora for lora in sorted(found, key=_preference, reverse=True)}
        missing = next((r.lora for r in references if r.lora not in by_reference), None)
        if missing is not None:
            raise LoraNotFound(missing)
        return [Member(by_reference[r.lora], r.weight) for r in references]


def _preference(lora: Lora) -> tuple[bool, OrderKey]:
    return (not lora.active, lora.order_key)
