"""Composing prompts and taking them apart."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Self
from uuid import UUID

from msgspec import UNSET, Meta, Struct, UnsetType, convert

from lora_manager.app.prompts.compose_prompt import ComposePromptCommand, MemberReference
from lora_manager.app.prompts.parse_prompt import ResolvedPrompt
from lora_manager.domain.delivery import Delivery, Status
from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.prompt import (
    DIALECTS,
    ComposedMember,
    Composition,
    CompositionOptions,
    CompositionWarning,
    Dedupe,
    LoraEntry,
    TemplateDialect,
    WarningCode,
)
from lora_manager.domain.prompt.options import MAX_AFFIX, MAX_SEPARATOR
from lora_manager.domain.trigger import TriggerChoice
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.adapter import AdapterResource
from lora_manager.http.schemas.destination import DestinationInput, require
from lora_manager.http.schemas.input import Input
from lora_manager.http.schemas.many import MAX_IDS

_DIALECTS = [*DIALECTS, TemplateDialect.name]
Dialect = Annotated[
    Annotated[str, Meta(extra_json_schema={"enum": _DIALECTS})] | None,
    Meta(
        description="How the runtime wants to be told of LoRAs; null is the default. "
        "`template` is there where the setting TOKEN_FORMAT is",
        examples=list(DIALECTS),
    ),
]
_AFFIX = {"maxLength": MAX_AFFIX, "pattern": r"^[^\x00]*$"}


class MemberInput(Input, frozen=True, kw_only=True):
    """A LoRA to take: by id or by name, one of them."""

    id: Annotated[UUID, Meta(description="An adapter's id")] | UnsetType = UNSET
    name: Annotated[str, Meta(description="An adapter's name")] | UnsetType = UNSET
    weight: Annotated[f.TeWeight, Meta(description="Instead of its own weight")] = None


_Member = Annotated[MemberInput, Meta(extra_json_schema={"oneOf": [{"required": ["id"]}, {"required": ["name"]}]})]


class ComposeInput(Input, frozen=True, kw_only=True):
    """What to compose. Without `adapters` the active ones are taken, in their order."""

    prefix: Annotated[str, Meta(examples=["a quiet harbour at dawn"], extra_json_schema=_AFFIX)] = ""
    suffix: Annotated[str, Meta(extra_json_schema=_AFFIX)] = ""
    adapters: Annotated[
        tuple[_Member, ...] | None,
        Meta(description="The LoRAs to take, in this order", extra_json_schema={"maxItems": MAX_IDS}),
    ] = None
    dialect: Dialect = None
    separator: Annotated[str, Meta(extra_json_schema={"maxLength": MAX_SEPARATOR})] = " "
    base_model: f.BaseModel = None
    triggers: Annotated[TriggerChoice, Meta(description="Which trigger words to take in")] = TriggerChoice.NONE
    dedupe: Annotated[Dedupe, Meta(description="Which of several LoRAs of one name stays")] = Dedupe.HIGHEST_WEIGHT
    delivery: Annotated[DestinationInput | None, Meta(description="Deliver the prompt, too")] = None

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        it = convert(sound, cls)
        require(
            lambda: CompositionOptions(
                prefix=it.prefix, suffix=it.suffix, separator=it.separator, base_model=it.base_model
            ),
            lambda: _check_destination(it.delivery),
        )

    def to_command(self) -> ComposePromptCommand:
        """The request as the application knows it.

        :raises InvalidFields: a member has no id and no name, or both
        """
        return ComposePromptCommand(
            prefix=self.prefix,
            suffix=self.suffix,
            members=None if self.adapters is None else _references(self.adapters),
            dialect=self.dialect,
            separator=self.separator,
            base_model=self.base_model,
            triggers=self.triggers,
            dedupe=self.dedupe,
        )


def _check_destination(destination: DestinationInput | None) -> None:
    if destination is not None:
        destination.said().check()


def _references(members: tuple[MemberInput, ...]) -> tuple[MemberReference, ...]:
    if len(members) > MAX_IDS:
        raise InvalidFields([InvalidField("adapters", f"must be at most {MAX_IDS}, are {len(members)}")])
    references = []
    wrong = []
    for index, member in enumerate(members):
        if member.id is not UNSET and member.name is UNSET:
            references.append(MemberReference(member.id, member.weight))
        elif member.name is not UNSET and member.id is UNSET:
            references.append(MemberReference(member.name, member.weight))
        else:
            wrong.append(index)
    if wrong:
        raise InvalidFields(InvalidField(f"adapters[{index}]", "must have either an id or a name") for index in wrong)
    return tuple(references)


class WarningResource(Struct, frozen=True):
    """Something a runtime would do wrong or leave out, and still report success."""

    code: WarningCode
    message: str
    adapter_id: Annotated[UUID, Meta(description="Absent where the whole prompt is meant")] | UnsetType = UNSET

    @classmethod
    def all_of(cls, warnings: Iterable[CompositionWarning]) -> tuple[Self, ...]:
        """The warnings of a composition as clients see them."""
        return tuple(cls(code, message, UNSET if lora_id is None else lora_id) for code, message, lora_id in warnings)


class MemberResource(Struct, frozen=True):
    """An adapter as it stands in the prompt."""

    id: UUID
    name: str
    weight: float
    ordinal: int | None

    @classmethod
    def all_of(cls, members: Iterable[ComposedMember]) -> tuple[Self, ...]:
        """The members of a composition as clients see them."""
        return tuple([cls(lora.id, lora.name, weight, lora.ordinal) for lora, weight in members])


class EntryResource(Struct, frozen=True):
    """A LoRA as stable-diffusion.cpp takes it: an element of `lora` beside the prompt."""

    path: str
    multiplier: float
    is_high_noise: bool

    @classmethod
    def all_of(cls, entries: Iterable[LoraEntry]) -> tuple[Self, ...]:
        """What a dialect puts beside the prompt, as clients see it."""
        return tuple(cls(*entry) for entry in entries)


class DeliveryReference(Struct, frozen=True):
    """The delivery of the prompt, as it was accepted."""

    id: UUID
    status: Status


class ComposeAnswer(Struct, frozen=True):
    """A prompt and what it is made of."""

    prompt: str
    tokens: Annotated[tuple[str, ...], Meta(description="The tags as they stand in the prompt")]
    warnings: tuple[WarningResource, ...]
    adapters: Annotated[tuple[MemberResource, ...], Meta(description="Those in the prompt, in their order")]
    loras: (
        Annotated[
            tuple[EntryResource, ...],
            Meta(description="Only where the dialect puts LoRAs beside the prompt (`sdcpp`) and there are any"),
        ]
        | UnsetType
    ) = UNSET
    delivery: DeliveryReference | None = None

    @classmethod
    def of(cls, composition: Composition, delivery: Delivery | None = None) -> Self:
        """The composition, and its delivery, as clients see them."""
        return cls(
            prompt=composition.prompt,
            tokens=composition.tokens,
            warnings=WarningResource.all_of(composition.warnings),
            adapters=MemberResource.all_of(composition.members),
            loras=EntryResource.all_of(composition.structured) or UNSET,
            delivery=None if delivery is None else DeliveryReference(delivery.id, delivery.status),
        )


class ParseInput(Input, frozen=True, kw_only=True):
    """A prompt to take apart."""

    prompt: Annotated[str, Meta(examples=["a harbour <lora:ink-wash:0.75>"])]
    dialect: Dialect = None


class TagResource(Struct, frozen=True):
    """A mention of a LoRA in a prompt."""

    name: str
    weight: float
    te_weight: Annotated[float | None, Meta(description="Where it differs from the weight")]

    @classmethod
    def all_of(cls, prompt: ResolvedPrompt) -> tuple[Self, ...]:
        """The prompt's tags as clients see them."""
        return tuple(cls(*tag) for tag in prompt.tags)


class ParseAnswer(Struct, frozen=True):
    """A prompt taken apart."""

    text: Annotated[str, Meta(description="The prompt without the tags that were read")]
    tags: tuple[TagResource, ...]
    adapters: Annotated[tuple[AdapterResource, ...], Meta(description="The registered LoRAs that the tags name")]
    unresolved: Annotated[tuple[str, ...], Meta(description="Names that no registered LoRA has")]
