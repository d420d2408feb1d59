"""Registering, verifying and changing LoRAs."""

import zlib
from uuid import UUID

import pytest
from blake3 import blake3

from lora_manager.app.library.inspect_file import InspectFile
from lora_manager.app.loras.activate_lora import ActivateLora, DeactivateLora
from lora_manager.app.loras.change_many import BulkAction, BulkResult, ChangeMany, ChangeManyCommand
from lora_manager.app.loras.delete_lora import DeleteLora, RestoreLora
from lora_manager.app.loras.find_duplicates import FindDuplicates
from lora_manager.app.loras.register_lora import RegisterLora, RegisterLoraCommand
from lora_manager.app.loras.reorder_loras import ReorderLoras
from lora_manager.app.loras.revise_lora import ReviseLora, ReviseLoraCommand
from lora_manager.app.loras.verify_lora import VerifyLora
from lora_manager.domain.errors import (
    FileMissing,
    FileNotReadable,
    InvalidFields,
    InvalidFile,
    LoraNotFound,
    NameTaken,
    OutsideLibrary,
    StaleRevision,
)
from lora_manager.domain.events import EventName
from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.registry import SharedBy
from tests.unit.app.world import CountedIdentifiers, World
from tests.unit.domain.file.building import build, lora

NOBODY = UUID(int=7)
LAYER = lora({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": (8, 8)})


def inspecting(world: World) -> InspectFile:
    return InspectFile(world.files, blake3)


@pytest.fixture
def register(world: World) -> RegisterLora:
    return RegisterLora(world.begin, inspecting(world), world.clock, CountedIdentifiers(), world.log)


@pytest.fixture
async def ink(world: World, register: RegisterLora) -> Lora:
    """A registered LoRA."""
    path = world.put("ink", "1")
    entry = await register(RegisterLoraCommand(name="ink", file_path=str(path)))
    world.happened()
    return entry


async def test_a_registered_lora_has_the_facts_of_its_file_where_the_request_has_none(
    world: World, register: RegisterLora
) -> None:
    path = world.path("ink")
    path.write_bytes(build(LAYER, {"modelspec.title": "Ink", "modelspec.trigger_phrase": "ink wash, paper"}))
    plain = await register(RegisterLoraCommand(name="plain", file_path=str(path)))
    own = await register(
        RegisterLoraCommand(name="own", file_path=str(path), fields={"title": "Mine", "triggers": (), "weight": 0.5})
    )
    assert (plain.title, [trigger.text for trigger in plain.triggers]) == ("Ink", ["ink wash", "paper"])
    assert (own.title, own.triggers, own.weight) == ("Mine", (), 0.5)
    assert plain.sha256 == own.sha256
    assert world.loras == {"plain": plain, "own": own}
    assert world.happened() == [EventName.CREATED, EventName.CREATED]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("{library}/nothing.safetensors", FileMissing),
        ("{library}", FileNotReadable),
        ("/etc/hostname", OutsideLibrary),
        ("ink.safetensors", InvalidFile),
        ("{library}/ink\x00.safetensors", InvalidFile),
        ("{library}/text.safetensors", InvalidFile),
    ],
)
async def test_what_cannot_be_registered_is_refused_for_its_reason_and_leaves_nothing(
    world: World, register: RegisterLora, path: str, error: type[InvalidFile]
) -> None:
    (world.library / "text.safetensors").write_text("no LoRA")
    with pytest.raises(error):
        await register(RegisterLoraCommand(name="ink", file_path=path.format(library=world.library)))
    assert world.loras == {}
    assert world.happened() == []


async def test_wrong_fields_are_named_before_the_file_is_read(world: World, register: RegisterLora) -> None:
    command = RegisterLoraCommand(name="<", file_path=f"{world.library}/nothing", fields={"weight": 1000.0})
    with pytest.raises(InvalidFields) as refusal:
        await register(command)
    assert [field.name for field in refusal.value.fields] == ["name", "weight"]


async def test_a_name_is_registered_once_for_each_version(world: World, register: RegisterLora, ink: Lora) -> None:
    with pytest.raises(NameTaken):
        await register(RegisterLoraCommand(name="ink", file_path=ink.file_path))
    await register(RegisterLoraCommand(name="ink", file_path=ink.file_path, fields={"version": "v2"}))
    assert list(world.loras) == ["ink", "ink@v2"]


@pytest.fixture
def verify(world: World) -> VerifyLora:
    return VerifyLora(world.begin, world.catalog, inspecting(world), world.clock, world.log)


async def test_verifying_says_what_the_file_is_now(world: World, verify: VerifyLora, ink: Lora) -> None:
    async def state() -> FileState:
        file = (await verify(ink.id)).file
        assert file is not None
        return file.state

    assert await state() is FileState.PRESENT
    world.put("ink", "2")
    assert await state() is FileState.CHANGED
    assert await state() is FileState.PRESENT, "verifying once more accepts the new content"
    world.path("ink").write_bytes(b"")
    assert await state() is FileState.UNREADABLE
    assert world.loras["ink"].file is not None
    world.path("ink").unlink()
    assert await state() is FileState.MISSING
    world.put("ink", "2")
    assert await state() is FileState.PRESENT


async def test_further_hashes_are_taken_when_asked_for_and_kept(world: World, verify: VerifyLora, ink: Lora) -> None:
    content = world.path("ink").read_bytes()
    await verify(ink.id, crc32=True, blake3=True)
    world.touch("ink")
    await world.scan()
    file = world.loras["ink"].file
    assert file is not None
    assert file.hashes.crc32 == f"{zlib.crc32(content):08x}"
    assert file.hashes.blake3 == blake3(content).hexdigest()


async def test_a_revision_that_does_not_hold_any_more_is_refused(world: World, ink: Lora) -> None:
    revise = ReviseLora(world.begin, world.clock, world.log)
    revised = await revise(ReviseLoraCommand(lora_id=ink.id, changes={"weight": 0.5}, expected_revision=1))
    assert (revised.weight, revised.revision) == (0.5, 2)
    with pytest.raises(StaleRevision):
        await revise(ReviseLoraCommand(lora_id=ink.id, changes={"weight": 0.25}, expected_revision=1))
    assert world.loras["ink"] == revised


async def test_a_change_that_changes_nothing_is_told_to_nobody(world: World, ink: Lora) -> None:
    activate = ActivateLora(world.begin, world.clock, world.log)
    active = await activate(ink.id, 3)
    assert (active.active, active.ordinal) == (True, 3)
    assert await activate(ink.id) == active
    assert world.happened() == [EventName.ACTIVATED, EventName.UPDATED]
    inactive = await DeactivateLora(world.begin, world.clock, world.log)(ink.id)
    assert (inactive.active, inactive.ordinal) == (False, 3)
    assert world.happened() == [EventName.DEACTIVATED]


async def test_a_deleted_lora_is_gone_until_it_is_restored(world: World, ink: Lora) -> None:
    delete, restore = DeleteLora(world.begin, world.clock, world.log), RestoreLora(world.begin, world.clock, world.log)
    await delete(ink.id)
    assert world.loras == {}
    with pytest.raises(LoraNotFound):
        await delete(ink.id)
    restored = await restore(ink.id)
    assert await restore(ink.id) == restored
    assert world.loras == {"ink": restored}
    assert world.happened() == [EventName.DELETED, EventName.RESTORED]
    assert world.path("ink").exists()


async def test_an_order_is_all_or_nothing(world: World, register: RegisterLora, ink: Lora) -> None:
    wash = await register(RegisterLoraCommand(name="wash", file_path=str(world.put("wash", "2"))))
    reorder = ReorderLoras(world.begin, world.clock, world.log)
    for ids in ([wash.id, NOBODY], [wash.id, wash.id]):
        with pytest.raises((LoraNotFound, InvalidFields)):
            await reorder(ids)
    assert {entry.ordinal for entry in world.loras.values()} == {None}
    await reorder([wash.id, ink.id])
    assert {name: entry.ordinal for name, entry in world.loras.items()} == {"wash": 1, "ink": 2}


async def test_one_thing_is_done_to_many_with_a_result_for_each(world: World, ink: Lora) -> None:
    change_many = ChangeMany(world.begin, world.clock, world.log)
    tag = ChangeManyCommand(action=BulkAction.TAG, lora_ids=(NOBODY, ink.id, ink.id), tags=("style", " style "))
    assert await change_many(tag) == {NOBODY: BulkResult.NOT_FOUND, ink.id: BulkResult.CHANGED}
    assert await change_many(tag) == {NOBODY: BulkResult.NOT_FOUND, ink.id: BulkResult.UNCHANGED}
    assert world.loras["ink"].tags == ("style",)
    for action in (BulkAction.UNTAG, BulkAction.ACTIVATE, BulkAction.DEACTIVATE, BulkAction.DELETE):
        tags = ("style",) if action is BulkAction.UNTAG else ()
        results = await change_many(ChangeManyCommand(action=action, lora_ids=(ink.id,), tags=tags))
        assert results == {ink.id: BulkResult.CHANGED}
    assert world.loras == {}


@pytest.mark.parametrize(
    ("action", "tags"), [(BulkAction.TAG, ()), (BulkAction.UNTAG, (" ",)), (BulkAction.DELETE, ("a",))]
)
def test_tags_go_with_tagging_and_with_nothing_else(action: BulkAction, tags: tuple[str, ...]) -> None:
    with pytest.raises(InvalidFields, match="tags"):
        ChangeManyCommand(action=action, lora_ids=(), tags=tags)


async def test_duplicates_are_found_by_content_and_by_name(world: World, register: RegisterLora, ink: Lora) -> None:
    copy = await register(RegisterLoraCommand(name="copy", file_path=ink.file_path))
    other = await register(
        RegisterLoraCommand(name="ink", file_path=str(world.put("other", "2")), fields={"version": "v2"})
    )
    groups = await FindDuplicates(world.catalog, world.catalog)()
    found = [(group.by, [entry.id for entry in group.loras]) for group in groups if group.by is not SharedBy.AUTOV3]
    assert found == [(SharedBy.SHA256, [ink.id, copy.id]), (SharedBy.NAME, [ink.id, other.id])]
