"""A scan goes on past files, folders and metadata that are not as they should be."""

import os

import pytest

from lora_manager.app.library.scan_library import ScanLibraryCommand
from lora_manager.domain.errors import FileMissing, OutsideLibrary
from lora_manager.domain.file.record import FileState
from lora_manager.domain.scan import Outcome
from tests.permissions import folder_for_anyone, unprivileged
from tests.unit.app.world import World, counts
from tests.unit.domain.file.building import build, lora, wrap


async def test_a_ruined_file_is_told_with_its_entry_and_heals(world: World) -> None:
    path = world.put("ink", "1")
    await world.scan()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    [finding] = (await world.scan())[Outcome.REJECTED]
    entry = world.loras["ink"]
    assert entry.file is not None
    assert (finding.path, finding.lora_id, finding.name) == (str(path), entry.id, "ink")
    assert (entry.file.state, entry.file.detail) == (FileState.UNREADABLE, finding.reason)
    path.write_bytes(whole)
    world.touch("ink")
    assert counts(await world.scan()) == {Outcome.UNCHANGED: 1}
    healed = world.loras["ink"].file
    assert healed is not None
    assert (healed.state, healed.detail) == (FileState.PRESENT, None)


async def test_files_that_are_no_loras_are_named_with_the_reason_and_the_rest_goes_on(world: World) -> None:
    world.put("ink", "1")
    for name, content in {
        "empty.safetensors": b"",
        "pickle.safetensors": b"PK\x03\x04" + bytes(100),
        "cut.safetensors": build(lora({"lora_unet_x": (8, 8)}))[:-1],
        "lies.safetensors": wrap(b'{"a":', b""),
        "old.pt": b"",
    }.items():
        (world.library / name).write_bytes(content)
    os.mkfifo(world.library / "pipe.safetensors")
    (world.library / "nowhere.safetensors").symlink_to(world.library / "nothing")
    report = await world.scan()
    assert counts(report) == {Outcome.ADDED: 1, Outcome.REJECTED: 7}
    assert all(finding.reason and finding.path not in finding.reason for finding in report[Outcome.REJECTED])


@pytest.mark.parametrize(
    "text",
    ["x" * 200_000, "\x00\x1b[2J", " ", "a\nb", "<lora:x:1>", "," * 3_000, ",".join(map(str, range(3_000)))],
    ids=["long", "control", "blank", "lines", "token", "commas", "many"],
)
async def test_whatever_the_metadata_says_the_scan_goes_on(world: World, text: str) -> None:
    keys = (
        "modelspec.title",
        "modelspec.description",
        "modelspec.trigger_phrase",
        "modelspec.author",
        "ss_output_name",
    )
    layer = lora({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": (8, 8)})
    world.path("ink").write_bytes(build(layer, dict.fromkeys((*keys, "ss_output_name", "ss_tag_frequency"), text)))
    assert counts(await world.scan()) == {Outcome.ADDED: 1}


async def test_a_file_without_permission_is_rejected_with_what_to_do() -> None:
    with folder_for_anyone() as folder, World(folder) as world:
        world.put("ink", "1").chmod(0)
        with unprivileged():
            [finding] = (await world.scan())[Outcome.REJECTED]
    assert finding.reason == "permission denied; let the user that runs the service read it"


async def test_a_folder_that_cannot_be_read_just_now_loses_nothing() -> None:
    with folder_for_anyone() as folder, World(folder) as world:
        world.put("private/ink", "1")
        await world.scan()
        world.path("private/ink").parent.chmod(0)
        with unprivileged():
            report = await world.scan()
        world.path("private/ink").parent.chmod(0o755)
        assert [finding.path for finding in report[Outcome.REJECTED]] == [str(folder / "private")]
        assert counts(report) == {Outcome.REJECTED: 1}
        assert counts(await world.scan()) == {Outcome.UNCHANGED: 1}


async def test_a_folder_that_is_not_there_holds_up_no_other_and_loses_nothing(world: World) -> None:
    world.put("disk/ink", "1")
    world.put("other/wash", "2")
    await world.scan()
    (world.library / "disk").rename(world.library / "unmounted")
    report = await world.scan("disk", "other")
    assert counts(report) == {Outcome.UNCHANGED: 1, Outcome.REJECTED: 1}
    [finding] = report[Outcome.REJECTED]
    assert (finding.path, finding.reason) == (str(world.library / "disk"), "there is no such file")


async def test_a_scan_of_nothing_that_is_there_fails(world: World) -> None:
    with pytest.raises(FileMissing):
        await world.scan("nothing", "nowhere")


async def test_a_scan_outside_the_library_fails_before_anything_is_read(world: World) -> None:
    world.put("ink", "1")
    command = ScanLibraryCommand(paths=(str(world.library), "/"))
    with pytest.raises(OutsideLibrary):
        await world.scan_library(command)
    assert world.loras == {}
