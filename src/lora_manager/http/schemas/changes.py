"""Registering and changing adapters."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, ClassVar, cast
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType, convert, structs

from lora_manager.app.loras.register_lora import RegisterLoraCommand
from lora_manager.app.loras.revise_lora import ReviseLoraCommand
from lora_manager.domain.lora import Lora, LoraChanges
from lora_manager.domain.trigger import Trigger, TriggerStatus
from lora_manager.http.schemas import fields as f
from lora_manager.http.schemas.adapter import AdapterResource
from lora_manager.http.schemas.input import Input

_ANY_PATH = "/any"  # stands in for a path that was not given, where the other fields are checked


class TriggerInput(Input, frozen=True, kw_only=True):
    """A trigger word."""

    text: Annotated[str, Meta(examples=["ink wash"], extra_json_schema={"minLength": 1, "maxLength": 1_000})]
    group: Annotated[str | None, Meta(extra_json_schema={"minLength": 1, "maxLength": 100})] = None
    status: TriggerStatus = TriggerStatus.REQUIRED

    def to_trigger(self) -> Trigger:
        """The trigger as the domain knows it."""
        return Trigger(self.text, self.group, self.status)


class _AdapterFields(Input, frozen=True, kw_only=True):
    """What a client may say of an adapter, at any time."""

    read_only: ClassVar[frozenset[str]] = frozenset(AdapterResource.__struct_fields__)

    version: f.Version | UnsetType = UNSET
    title: f.Title | UnsetType = UNSET
    description: f.Description | UnsetType = UNSET
    tags: f.Tags | UnsetType = UNSET
    weight: f.Weight | UnsetType = UNSET
    te_weight: f.TeWeight | UnsetType = UNSET
    active: f.Active | UnsetType = UNSET
    ordinal: f.Ordinal | UnsetType = UNSET
    triggers: Annotated[tuple[TriggerInput, ...], f.Triggers] | UnsetType = UNSET
    archetype: f.Archetype | UnsetType = UNSET
    archetype_confidence: f.Confidence | UnsetType = UNSET
    base_model: f.BaseModel | UnsetType = UNSET
    preview_url: f.PreviewUrl | UnsetType = UNSET

    @classmethod
    def check(cls, sound: Mapping[str, object]) -> None:
        draft = convert(sound, _Draft)
        draft.check_limits(_ANY_PATH if draft.file_path is UNSET else draft.file_path)

    def check_limits(self, file_path: str = _ANY_PATH) -> None:
        """Hold each field against its limits, by making a LoRA that has nothing else.

        :raises InvalidFields: naming every field that breaks its limit
        """
        changes: LoraChanges = {"name": "-", **self.changes()}
        epoch = datetime.fromtimestamp(0, UTC)
        Lora(id=UUID(int=0), file_path=file_path, created_at=epoch, updated_at=epoch, **changes)

    def changes(self) -> LoraChanges:
        """The fields that are there, as the domain knows them."""
        said = {name: value for name, value in structs.asdict(self).items() if value is not UNSET}
        if self.triggers is not UNSET:
            said["triggers"] = tuple(trigger.to_trigger() for trigger in self.triggers)
        said.pop("file_path", None)
        return cast("LoraChanges", said)


class _Draft(_AdapterFields, frozen=True, kw_only=True):
    """Any of the fields of an adapter."""

    name: f.Name | UnsetType = UNSET
    file_path: f.FilePath | UnsetType = UNSET


class CreateAdapter(_AdapterFields, frozen=True, kw_only=True):
    """A LoRA to register. What is left out comes from the file where the file says it, else from the default."""

    name: f.Name
    file_path: f.FilePath

    def to_command(self) -> RegisterLoraCommand:
        """The request as the application knows it.

        :raises InvalidFields: naming every field that breaks its limit, before anybody looks for the file
        """
        self.check_limits(self.file_path)
        fields = self.changes()
        del fields["name"]
        return RegisterLoraCommand(name=self.name, file_path=self.file_path, fields=fields)


class PatchAdapter(_AdapterFields, frozen=True, kw_only=True):
    """Changes of an adapter: what is absent stays, null clears where null is allowed (RFC 7396)."""

    name: f.Name | UnsetType = UNSET

    def to_command(self, lora_id: UUID, expected_revision: int | None) -> ReviseLoraCommand:
        """The request as the application knows it.

        :raises InvalidFields: naming every field that breaks its limit, whatever the revision
        """
        self.check_limits()
        return ReviseLoraCommand(lora_id=lora_id, changes=self.changes(), expected_revision=expected_revision)
