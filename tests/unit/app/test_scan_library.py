"""What a scan makes of the files it finds."""

import os

from lora_manager.domain.events import EventName
from lora_manager.domain.file.record import FileState
from lora_manager.domain.scan import Outcome, Progress
from tests.unit.app.world import World, counts
from tests.unit.domain.file.building import build, lora


async def test_new_files_are_registered_under_their_stems(world: World) -> None:
    world.put("ink", "1")
    world.put("style/deep/wash", "2")
    report = await world.scan()
    assert counts(report) == {Outcome.ADDED: 2}
    assert {name: entry.file_path for name, entry in world.loras.items()} == {
        "ink": str(world.path("ink")),
        "wash": str(world.path("style/deep/wash")),
    }
    assert world.happened() == [EventName.CREATED, EventName.CREATED, EventName.SCANNED]


async def test_an_unchanged_file_is_not_read_again(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.happened()
    steps: list[Progress] = []
    report = await world.scan(on_progress=steps.append)
    assert counts(report) == {Outcome.UNCHANGED: 1}
    assert steps == [Progress()]
    assert world.happened() == [EventName.SCANNED]


async def test_a_scan_tells_how_many_files_came_out_how(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.put("a copy", "1")
    world.put("wash", "2")
    (world.library / "broken.safetensors").write_bytes(b"")
    world.happened()
    await world.scan(dry_run=True)
    assert world.happened() == []
    await world.scan()
    *_, scanned = world.log.events
    assert scanned.facts == {"added": 1, "duplicate": 1, "rejected": 1, "unchanged": 1}


async def test_a_name_that_cannot_hold_the_stem_is_told(world: World) -> None:
    world.put("ink:wash<1>", "1")
    [finding] = (await world.scan())[Outcome.ADDED]
    assert finding.name == "ink_wash_1_"
    assert finding.reason == "registered as 'ink_wash_1_': a name cannot hold all of 'ink:wash<1>'"


async def test_another_file_of_the_same_stem_gets_a_piece_of_its_hash_as_version(world: World) -> None:
    world.put("a/ink", "1")
    world.put("b/ink", "2")
    report = await world.scan()
    assert counts(report) == {Outcome.ADDED: 2}
    [plain, other] = sorted(world.loras.values(), key=lambda entry: entry.version or "")
    assert (plain.name, plain.version) == ("ink", None)
    assert other.file is not None
    assert (other.name, other.version) == ("ink", other.file.hashes.autov2)


async def test_a_second_path_of_the_same_content_is_a_duplicate(world: World) -> None:
    world.put("a/ink", "1")
    await world.scan()
    world.put("b/copy", "1")
    report = await world.scan()
    assert counts(report) == {Outcome.UNCHANGED: 1, Outcome.DUPLICATE: 1}
    [finding] = report[Outcome.DUPLICATE]
    assert (finding.path, finding.previous_path) == (str(world.path("b/copy")), str(world.path("a/ink")))
    assert list(world.loras) == ["ink"]


async def test_a_moved_file_keeps_its_entry_with_all_that_was_said_of_it(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    before, _ = world.loras["ink"].revise(now=world.clock.now(), tags=("wash",), weight=0.5, title="Ink", ordinal=3)
    await world.change(before)
    world.move("ink", to="style/brush")
    report = await world.scan()
    assert counts(report) == {Outcome.MOVED: 1}
    [finding] = report[Outcome.MOVED]
    assert (finding.previous_path, finding.path) == (str(world.path("ink")), str(world.path("style/brush")))
    after = world.loras["ink"]
    assert after.file_path == str(world.path("style/brush"))
    assert (after.id, after.tags, after.weight, after.title, after.ordinal) == (before.id, ("wash",), 0.5, "Ink", 3)


async def test_swapped_files_take_their_entries_with_them(world: World) -> None:
    world.put("a", "1")
    world.put("b", "22")
    await world.scan()
    before = world.loras
    world.move("a", to="aside")
    world.move("b", to="a")
    world.move("aside", to="b")
    assert counts(await world.scan()) == {Outcome.MOVED: 2}
    after = world.loras
    assert {name: entry.id for name, entry in after.items()} == {name: entry.id for name, entry in before.items()}
    assert (after["a"].file_path, after["b"].file_path) == (str(world.path("b")), str(world.path("a")))


async def test_new_content_at_a_registered_path_is_a_changed_lora(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    before = world.loras["ink"]
    world.put("ink", "2")
    assert counts(await world.scan()) == {Outcome.CHANGED: 1}
    after = world.loras["ink"]
    assert after.id == before.id
    assert after.sha256 != before.sha256
    assert after.file is not None
    assert after.file.state is FileState.CHANGED


async def test_a_replaced_file_that_was_kept_aside_keeps_its_entry_and_the_new_one_gets_its_own(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    before = world.loras["ink"]
    world.move("ink", to="old/ink")
    world.put("ink", "2")
    report = await world.scan()
    assert counts(report) == {Outcome.MOVED: 1, Outcome.ADDED: 1}
    after = world.loras
    assert after["ink"].id == before.id
    assert after["ink"].file_path == str(world.path("old/ink"))
    [new] = [entry for entry in after.values() if entry.id != before.id]
    assert (new.name, new.file_path) == ("ink", str(world.path("ink")))
    assert new.version is not None


async def test_new_content_and_its_copy_are_one_changed_lora_and_a_duplicate(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.put("a-copy", "2")
    world.put("ink", "2")
    report = await world.scan()
    assert counts(report) == {Outcome.CHANGED: 1, Outcome.DUPLICATE: 1}
    assert list(world.loras) == ["ink"]


async def test_an_entry_whose_file_was_overwritten_by_another_lora_is_missing(world: World) -> None:
    world.put("ink", "1")
    world.put("wash", "2")
    await world.scan()
    world.put("ink", "2")
    report = await world.scan()
    assert counts(report) == {Outcome.UNCHANGED: 1, Outcome.DUPLICATE: 1, Outcome.MISSING: 1}
    state = world.loras["ink"].file
    assert state is not None
    assert state.state is FileState.MISSING


async def test_a_copy_of_a_touched_file_is_a_copy_and_not_a_move(world: World) -> None:
    world.put("m/ink", "1")
    world.put("wash", "2")
    await world.scan()
    world.touch("m/ink")
    world.put("a/copy", "1")
    world.put("wash", "1")
    report = await world.scan()
    assert [finding.path for finding in report[Outcome.UNCHANGED]] == [str(world.path("m/ink"))]
    assert counts(report) == {Outcome.UNCHANGED: 1, Outcome.DUPLICATE: 2, Outcome.MISSING: 1}


async def test_a_touched_file_outside_the_scanned_folder_still_has_its_entry(world: World) -> None:
    world.put("a/ink", "1")
    await world.scan()
    world.touch("a/ink")
    world.put("b/copy", "1")
    assert counts(await world.scan("b")) == {Outcome.DUPLICATE: 1}
    assert world.loras["ink"].file_path == str(world.path("a/ink"))


async def test_an_entry_follows_a_file_that_left_another_folder_than_the_scanned_one(world: World) -> None:
    world.put("a/ink", "1")
    world.put("b/wash", "2")
    await world.scan()
    world.move("a/ink", to="b/ink")
    world.put("a/ink", "3")
    assert counts(await world.scan("b")) == {Outcome.MOVED: 1, Outcome.UNCHANGED: 1}
    assert world.loras["ink"].file_path == str(world.path("b/ink"))


async def test_a_vanished_file_is_missing_once_and_present_again_when_it_is_back(world: World) -> None:
    path = world.put("ink", "1")
    await world.scan()
    content, time = path.read_bytes(), path.stat().st_mtime_ns
    path.unlink()
    world.happened()
    assert counts(await world.scan()) == {Outcome.MISSING: 1}
    assert world.happened() == [EventName.UPDATED, EventName.SCANNED]
    assert counts(await world.scan()) == {Outcome.MISSING: 1}
    assert world.happened() == [EventName.SCANNED]
    path.write_bytes(content)
    os.utime(path, ns=(time, time))
    assert counts(await world.scan()) == {Outcome.UNCHANGED: 1}
    file = world.loras["ink"].file
    assert file is not None
    assert file.state is FileState.PRESENT


async def test_one_file_can_be_scanned(world: World) -> None:
    world.put("ink", "1")
    world.put("wash", "2")
    assert counts(await world.scan("ink.safetensors")) == {Outcome.ADDED: 1}
    assert list(world.loras) == ["ink"]


async def test_a_file_reached_by_two_paths_of_a_command_is_one_file(world: World) -> None:
    world.put("style/ink", "1")
    assert counts(await world.scan("", "style", "style/ink.safetensors")) == {Outcome.ADDED: 1}


async def test_a_deleted_entry_stays_deleted_and_the_report_says_how_to_have_it_back(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    entry = world.loras["ink"]
    await world.change(entry.delete(now=world.clock.now())[0])
    [finding] = (await world.scan())[Outcome.REJECTED]
    assert str(entry.id) in str(finding.reason)
    assert world.loras == {}


async def test_new_content_where_a_deleted_entry_was_gets_an_entry_of_its_own(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    await world.change(world.loras["ink"].delete(now=world.clock.now())[0])
    world.put("ink", "2")
    assert counts(await world.scan()) == {Outcome.ADDED: 1}
    assert world.loras["ink"].version is None


async def test_what_the_user_said_outlasts_what_a_new_file_says(world: World) -> None:
    layer = lora({"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q": (8, 8)})
    world.path("ink").write_bytes(build(layer, {"modelspec.title": "From the file"}))
    await world.scan()
    assert world.loras["ink"].title == "From the file"
    await world.change(world.loras["ink"].revise(now=world.clock.now(), title="Mine")[0])
    world.path("ink").write_bytes(build(layer, {"modelspec.title": "From the new file"}))
    world.touch("ink")
    assert counts(await world.scan()) == {Outcome.CHANGED: 1}
    assert world.loras["ink"].title == "Mine"


async def test_a_dry_run_changes_nothing_and_tells_nobody(world: World) -> None:
    world.put("ink", "1")
    assert counts(await world.scan(dry_run=True)) == {Outcome.ADDED: 1}
    assert world.loras == {}
    assert world.happened() == []
