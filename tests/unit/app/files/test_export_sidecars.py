"""Writing sidecars for other tools."""

import json
from pathlib import Path
from typing import Any

import pytest

from lora_manager.adapters.blobs.local import LocalBlobStore
from lora_manager.app.files.export_sidecars import ExportReport, ExportSidecars, ExportSidecarsCommand
from lora_manager.domain.errors import LoraNotFound
from lora_manager.domain.lora import Lora
from lora_manager.domain.sidecar import SidecarFormat
from lora_manager.domain.validation import Validation, ValidationState
from tests.contract.examples import a_lora, new_id
from tests.unit.app.world import START, World

BOTH = (SidecarFormat.A1111, SidecarFormat.LORA_MANAGER)


async def export(world: World, *loras: Lora, to: Path | None = None, **options: Any) -> ExportReport:  # noqa: ANN401  # of the command
    """Export with these options, in all formats that need no answer of CivitAI unless told otherwise."""
    use = ExportSidecars(world.catalog, world.files, LocalBlobStore)
    command = ExportSidecarsCommand(
        lora_ids=tuple(lora.id for lora in loras),
        to=None if to is None else str(to),
        **{"formats": BOTH, **options},
    )
    return await use(command)


async def scanned(world: World, *names: str) -> list[Lora]:
    """Files of these names, registered."""
    for name in names:
        world.put(name, name)
    await world.scan()
    return [next(lora for lora in world.store.living() if lora.file_path == str(world.path(name))) for name in names]


def weight_in(path: Path) -> float:
    """The weight that a card says."""
    weight: float = json.loads(path.read_text())["preferred weight"]
    return weight


async def test_sidecars_are_written_beside_the_files(world: World) -> None:
    await scanned(world, "ink", "style/wash")
    report = await export(world)
    expected = {f"{name}{suffix}" for name in ("ink", "style/wash") for suffix in (".json", ".metadata.json")}
    assert {str(Path(path).relative_to(world.library)) for path in report.written} == expected
    assert all(json.loads((world.library / name).read_text()) for name in expected)
    assert (report.kept, report.unknown, report.failed) == ([], 0, [])


async def test_only_the_loras_asked_for_are_exported(world: World) -> None:
    [ink, _] = await scanned(world, "ink", "wash")
    await export(world, ink)
    assert sorted(path.name for path in world.library.glob("*.json")) == ["ink.json", "ink.metadata.json"]


async def test_a_lora_that_is_not_there_ends_the_export_before_it_begins(world: World) -> None:
    [ink] = await scanned(world, "ink")
    with pytest.raises(LoraNotFound):
        await export(world, ink, a_lora(id=new_id()))
    assert list(world.library.glob("*.json")) == []


async def test_a_file_that_is_there_is_left_alone(world: World) -> None:
    await scanned(world, "ink")
    there = world.put_beside("ink", ".json", "anything")
    report = await export(world, formats=(SidecarFormat.A1111,))
    assert (report.written, report.kept, report.failed) == ([], [str(there)], [])
    assert there.read_text() == "anything"


async def test_a_file_that_is_there_is_updated_when_told_so_and_keeps_what_is_not_ours(world: World) -> None:
    await scanned(world, "ink")
    there = world.put_beside("ink", ".json", {"negative text": "photo", "preferred weight": 0.2})
    report = await export(world, formats=(SidecarFormat.A1111,), overwrite=True)
    assert report.written == [str(there)]
    assert json.loads(there.read_text()) == {"negative text": "photo", "preferred weight": 1.0}
    again = await export(world, formats=(SidecarFormat.A1111,), overwrite=True)
    assert (again.written, again.kept) == ([], [str(there)])


async def test_a_file_that_is_no_sidecar_is_never_replaced_and_the_rest_goes_on(world: World) -> None:
    await scanned(world, "ink", "wash")
    there = world.put_beside("ink", ".json", "[1, 2]")
    report = await export(world, formats=(SidecarFormat.A1111,), overwrite=True)
    assert report.failed == [(str(there), "the sidecar holds no JSON object")]
    assert report.written == [str(world.library / "wash.json")]
    assert there.read_text() == "[1, 2]"


async def test_what_civitai_is_not_known_to_have_gets_no_answer_of_civitai(world: World) -> None:
    [ink, _] = await scanned(world, "ink", "wash")
    valid = Validation(state=ValidationState.VALID, model_id=1, version_id=2)
    await world.change(ink.conclude(valid, now=world.clock.now())[0])
    report = await export(world, formats=(SidecarFormat.CIVITAI_INFO,))
    assert (report.written, report.unknown) == ([str(world.library / "ink.civitai.info")], 1)


async def test_another_folder_gets_the_folders_of_the_library_and_the_previews(world: World, tmp_path: Path) -> None:
    await scanned(world, "style/ink")
    picture = world.put_beside("style/ink", ".preview.PNG", "picture")
    world.put_beside("style/ink", ".json", {"other": 1})
    report = await export(world, to=tmp_path / "out", formats=(SidecarFormat.A1111,))
    out = tmp_path / "out" / "style"
    assert sorted(report.written) == [str(out / "ink.json"), str(out / "ink.preview.PNG")]
    assert (out / "ink.preview.PNG").read_text() == "picture"
    assert "other" not in json.loads((out / "ink.json").read_text())
    picture.write_text("another")
    kept = await export(world, to=tmp_path / "out", formats=(SidecarFormat.A1111,))
    assert (kept.written, len(kept.kept)) == ([], 2)
    again = await export(world, to=tmp_path / "out", formats=(SidecarFormat.A1111,), overwrite=True)
    assert (again.written, again.kept) == ([str(out / "ink.preview.PNG")], [str(out / "ink.json")])
    assert (out / "ink.preview.PNG").read_text() == "another"


async def test_a_dry_run_tells_what_would_be_written_and_writes_nothing(world: World, tmp_path: Path) -> None:
    await scanned(world, "ink")
    world.put_beside("ink", ".png", "picture")
    report = await export(world, to=tmp_path / "out", dry_run=True)
    names = sorted(Path(path).name for path in report.written)
    assert names == ["ink.json", "ink.metadata.json", "ink.png"]
    assert not (tmp_path / "out").exists()


async def test_a_lora_whose_file_is_gone_gets_no_sidecars_and_no_folder(world: World) -> None:
    await scanned(world, "style/ink")
    path = world.path("style/ink")
    path.unlink()
    path.parent.rmdir()
    report = await export(world)
    assert report.failed == [(str(path), f"{path}: there is no such file")]
    assert not path.parent.exists()


@pytest.mark.parametrize("path", ["s3://loras/style/ink.safetensors", "/elsewhere/ink.safetensors"])
async def test_a_lora_outside_the_local_library_is_exported_to_a_folder_only(
    world: World, tmp_path: Path, path: str
) -> None:
    lora = Lora(id=new_id(), name="ink", file_path=path, created_at=START, updated_at=START)
    async with world.begin() as uow:
        await uow.loras.add(lora)
        await uow.commit()
    report = await export(world, lora)
    [(failed, reason)] = report.failed
    assert failed == path
    assert "--to" in reason
    other = await export(world, lora, to=tmp_path / "out", formats=(SidecarFormat.A1111,))
    assert other.written == [str(tmp_path / "out" / "ink.json")]


async def test_two_loras_do_not_write_over_each_others_sidecars(world: World) -> None:
    [ink] = await scanned(world, "ink")
    twin = Lora(id=new_id(), name="twin", file_path=ink.file_path, weight=0.5, created_at=START, updated_at=START)
    async with world.begin() as uow:
        await uow.loras.add(twin)
        await uow.commit()
    report = await export(world, formats=(SidecarFormat.A1111,), overwrite=True)
    assert (len(report.written), len(report.failed)) == (1, 1)
    assert "the sidecars of another LoRA" in report.failed[0][1]


async def test_progress_is_told_from_none_to_all(world: World) -> None:
    await scanned(world, "a", "b", "c")
    steps: list[tuple[int, int]] = []
    use = ExportSidecars(world.catalog, world.files, LocalBlobStore)
    await use(ExportSidecarsCommand(formats=BOTH), lambda done, total: steps.append((done, total)))
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]


async def test_what_was_exported_is_taken_in_by_another_registry(world: World) -> None:
    [ink] = await scanned(world, "ink")
    said = ink.revise(now=world.clock.now(), weight=0.6, tags=("style", "favorite"), title="Ink & wash")[0]
    await world.change(said)
    await export(world)
    assert weight_in(world.library / "ink.json") == 0.6
    with World(world.library) as other:
        await other.scan()
        taken = other.loras["ink"]
    assert (taken.weight, taken.tags, taken.title) == (0.6, ("style", "favorite"), "Ink & wash")
