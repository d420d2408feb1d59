"""What a scan takes in from the sidecars that lie beside LoRA files."""

import hashlib

from lora_manager.app.library.sidecars import Sidecars
from lora_manager.domain.events import EventName
from lora_manager.domain.provenance import Source
from lora_manager.domain.scan import Outcome
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import ValidationState
from tests.library import lora_bytes
from tests.unit.app.world import World, counts
from tests.unit.domain.sidecar.examples import HASHES

CARD = {"activation text": "ink wash", "preferred weight": 0.8, "description": "Ink"}


def answer(content: str) -> dict[str, object]:
    """What CivitAI says of a file with this content."""
    hashes = {"SHA256": hashlib.sha256(lora_bytes(content)).hexdigest().upper()}
    return {"id": 2, "modelId": 1, "model": {"name": "Ink Wash"}, "files": [{"hashes": hashes}]}


async def test_a_new_lora_takes_in_its_sidecars_before_anybody_sees_it(world: World) -> None:
    world.put("style/ink", "1")
    world.put_beside("style/ink", ".json", CARD)
    world.put_beside("style/ink", ".civitai.info", answer("1"))
    world.put_beside("style/ink", ".metadata.json", {"tags": ["style"]})
    world.put_beside("style/ink", ".preview.png", "no sidecar")
    [finding] = (await world.scan())[Outcome.ADDED]
    assert finding.reason is None
    ink = world.loras["ink"]
    assert (ink.weight, ink.tags, ink.triggers) == (0.8, ("style",), (Trigger("ink wash"),))
    assert (ink.title, ink.description) == ("Ink Wash", "Ink")
    assert {field: ink.provenance[field] for field in ("title", "description", "triggers", "base_model")} == {
        "title": Source.CIVITAI,
        "description": Source.USER,
        "triggers": Source.USER,
        "base_model": Source.FILE,
    }
    assert (ink.validation.state, ink.validation.version_id) == (ValidationState.VALID, 2)
    assert ink.revision == 1
    assert world.happened() == [EventName.CREATED, EventName.SCANNED]


async def test_what_cannot_be_taken_in_is_told_and_the_lora_is_registered(world: World) -> None:
    world.put("ink:wash", "1")
    world.put_beside("ink:wash", ".json", "{")
    world.put_beside("ink:wash", ".metadata.json", {"tags": 1})
    [finding] = (await world.scan())[Outcome.ADDED]
    assert finding.reason == (
        "registered as 'ink_wash': a name cannot hold all of 'ink:wash'; "
        "ink:wash.metadata.json: 'tags' was left out: must be a list of texts; "
        "ink:wash.json was not read: it is no JSON: Expecting property name enclosed in double quotes in line 1"
    )


async def test_a_sidecar_that_leads_out_of_the_library_is_not_read(world: World) -> None:
    outside = world.library.parent / "secret.json"
    outside.write_text('{"notes": "secret"}')
    world.put("ink", "1")
    (world.library / "ink.json").symlink_to(outside)
    report = await world.scan()
    assert counts(report) == {Outcome.ADDED: 1}
    assert world.loras["ink"].description is None


async def test_a_sidecar_that_is_gone_when_it_is_to_be_read_is_told_and_the_others_are_read(world: World) -> None:
    ink, gone = str(world.put("ink", "1")), str(world.library / "ink.metadata.json")
    sidecars = Sidecars(world.files)
    sidecars.add({ink: [gone, str(world.put_beside("ink", ".json", CARD))]})
    told = (await sidecars.read({ink: HASHES}))[ink]
    assert told.user["weight"] == 0.8
    assert told.problems == (f"the sidecar was not read: {gone}: there is no such file",)


async def test_files_without_sidecars_have_nothing_read_beside_them(world: World) -> None:
    world.put("ink", "1")
    world.put_beside("ink", ".preview.png", "picture")
    world.put_beside("other", ".json", CARD)
    await world.scan(sidecars=True)
    assert world.loras["ink"].weight == 1.0


async def test_a_registered_lora_keeps_what_it_has_unless_sidecars_are_asked_for(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.put_beside("ink", ".json", CARD)
    assert counts(await world.scan()) == {Outcome.UNCHANGED: 1}
    assert world.loras["ink"].weight == 1.0


async def test_a_registered_lora_is_filled_from_its_sidecars_once(world: World) -> None:
    world.put("ink", "1")
    world.put("wash", "2")
    await world.scan()
    world.put_beside("ink", ".json", CARD)
    world.happened()
    report = await world.scan(sidecars=True)
    assert counts(report) == {Outcome.CHANGED: 1, Outcome.UNCHANGED: 1}
    [finding] = report[Outcome.CHANGED]
    assert (finding.name, finding.reason) == ("ink", "took in what its sidecars say")
    assert (world.loras["ink"].weight, world.loras["ink"].revision) == (0.8, 2)
    assert world.happened() == [EventName.UPDATED, EventName.SCANNED]
    assert counts(await world.scan(sidecars=True)) == {Outcome.UNCHANGED: 2}
    assert world.happened() == [EventName.SCANNED]


async def test_what_the_user_has_set_outlasts_the_sidecars(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    await world.change(world.loras["ink"].revise(now=world.clock.now(), weight=0.5, description="Mine")[0])
    world.put_beside("ink", ".json", CARD)
    assert counts(await world.scan(sidecars=True)) == {Outcome.CHANGED: 1}
    ink = world.loras["ink"]
    assert (ink.weight, ink.description, ink.triggers) == (0.5, "Mine", (Trigger("ink wash"),))


async def test_a_moved_file_is_filled_from_where_it_is_now(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.move("ink", to="style/brush")
    world.put_beside("style/brush", ".json", CARD)
    [finding] = (await world.scan(sidecars=True))[Outcome.MOVED]
    assert finding.reason == "took in what its sidecars say"
    assert world.loras["ink"].weight == 0.8


async def test_a_sidecar_that_says_nothing_to_a_registered_lora_still_has_its_problems_told(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.put_beside("ink", ".json", {"preferred weight": "much"})
    [finding] = (await world.scan(sidecars=True))[Outcome.UNCHANGED]
    assert finding.reason == "ink.json: 'preferred weight' was left out: must be a number"


async def test_a_deleted_entry_is_not_filled(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    await world.change(world.loras["ink"].delete(now=world.clock.now())[0])
    world.put_beside("ink", ".json", CARD)
    assert counts(await world.scan(sidecars=True)) == {Outcome.REJECTED: 1}


async def test_a_dry_run_tells_what_would_be_taken_in_and_takes_in_nothing(world: World) -> None:
    world.put("ink", "1")
    await world.scan()
    world.put("wash", "2")
    for name in ("ink", "wash"):
        world.put_beside(name, ".json", CARD)
    world.happened()
    assert counts(await world.scan(sidecars=True, dry_run=True)) == {Outcome.ADDED: 1, Outcome.CHANGED: 1}
    assert world.happened() == []
    assert {name: lora.weight for name, lora in world.loras.items()} == {"ink": 1.0}
