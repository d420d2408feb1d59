"""Composing prompts from what is registered, and parsing them back."""

import pytest

from lora_manager.app.prompts.active_arrangements import ActiveArrangements
from lora_manager.app.prompts.compose_prompt import ComposePrompt, ComposePromptCommand, Dialects, MemberReference
from lora_manager.app.prompts.parse_prompt import ParsePrompt
from lora_manager.domain.errors import InvalidFields, LoraNotFound
from lora_manager.domain.events import EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import DIALECTS
from tests.unit.app.world import World

SPOKEN = Dialects(DIALECTS, default="a1111")


@pytest.fixture
async def loras(world: World) -> dict[str, Lora]:
    """Three active LoRAs, z in the first place; of ink a second version, which is inactive."""
    for name, ordinal in (("z", 1), ("ink", 2), ("a", None)):
        world.put(name, name)
        await world.scan()
        await world.change(world.loras[name].activate(now=world.clock.now(), ordinal=ordinal)[0])
    world.put("more/ink", "another")
    await world.scan()
    return world.loras


@pytest.fixture
def compose_prompt(world: World) -> ComposePrompt:
    return ComposePrompt(world.catalog, SPOKEN, ActiveArrangements(world.catalog), world.log, world.clock)


@pytest.mark.usefixtures("loras")
async def test_active_loras_come_by_ordinal_and_then_by_name(compose_prompt: ComposePrompt) -> None:
    assert (await compose_prompt(ComposePromptCommand())).prompt == "<lora:z:1> <lora:ink:1> <lora:a:1>"


async def test_every_change_is_in_the_next_prompt(
    compose_prompt: ComposePrompt, loras: dict[str, Lora], world: World
) -> None:
    await compose_prompt(ComposePromptCommand())
    await world.change(loras["z"].revise(now=world.clock.now(), weight=0.5, ordinal=9)[0])
    assert (await compose_prompt(ComposePromptCommand())).prompt == "<lora:ink:1> <lora:z:0.5> <lora:a:1>"
    await world.change(world.loras["ink"].deactivate(now=world.clock.now())[0])
    assert (await compose_prompt(ComposePromptCommand(prefix="a"))).prompt == "a <lora:z:0.5> <lora:a:1>"


async def test_named_loras_come_in_the_order_of_the_request(
    compose_prompt: ComposePrompt, loras: dict[str, Lora]
) -> None:
    members = (MemberReference("a", 0.5), MemberReference(loras["z"].id), MemberReference("ink", 0.0))
    composed = await compose_prompt(ComposePromptCommand(members=members))
    assert composed.prompt == "<lora:a:0.5> <lora:z:1> <lora:ink:0>"


async def test_a_name_of_several_versions_means_the_active_one(
    compose_prompt: ComposePrompt, loras: dict[str, Lora], world: World
) -> None:
    async def chosen() -> Lora:
        [(lora, _)] = (await compose_prompt(ComposePromptCommand(members=(MemberReference("ink"),)))).members
        return lora

    [other] = [lora for lora in loras.values() if lora.name == "ink" and lora.version is not None]
    assert (await chosen()).version is None
    await world.change(loras["ink"].deactivate(now=world.clock.now())[0])
    await world.change(other.activate(now=world.clock.now())[0])
    assert (await chosen()).version == other.version


@pytest.mark.usefixtures("loras")
@pytest.mark.parametrize("name", ["nobody", "", "<", "\ud800"])
async def test_a_lora_that_is_not_there_is_named(compose_prompt: ComposePrompt, name: str) -> None:
    with pytest.raises(LoraNotFound) as refusal:
        await compose_prompt(ComposePromptCommand(members=(MemberReference("a"), MemberReference(name))))
    assert refusal.value.reference == name


async def test_an_unknown_dialect_is_refused_with_those_that_are_known(compose_prompt: ComposePrompt) -> None:
    with pytest.raises(InvalidFields, match="must be one of a1111, sdnext"):
        await compose_prompt(ComposePromptCommand(dialect="klingon"))


@pytest.mark.usefixtures("loras")
async def test_each_composition_is_told_by_how_it_went_and_not_by_what_it_holds(
    compose_prompt: ComposePrompt, world: World
) -> None:
    world.happened()
    await compose_prompt(ComposePromptCommand(prefix="a quiet harbour"))
    await compose_prompt(ComposePromptCommand(members=(MemberReference("z", 0.0),), dialect="sdnext"))
    one, other = world.log.events
    assert one.name is EventName.COMPOSED
    assert (one.subject, one.fields) == (None, ())
    tick = world.clock.tick.total_seconds()
    assert one.facts == {"seconds": pytest.approx(tick), "adapters": 3, "dialect": "a1111", "warnings": 0}
    assert other.facts == {"seconds": pytest.approx(tick), "adapters": 1, "dialect": "sdnext", "warnings": 1}


async def test_what_was_not_composed_is_not_told(compose_prompt: ComposePrompt, world: World) -> None:
    for command in (
        ComposePromptCommand(members=(MemberReference("nobody"),)),
        ComposePromptCommand(dialect="klingon"),
    ):
        with pytest.raises((LoraNotFound, InvalidFields)):
            await compose_prompt(command)
    assert world.happened() == []


@pytest.mark.usefixtures("loras")
async def test_a_prompt_is_parsed_into_the_loras_it_names(world: World) -> None:
    parse_prompt = ParsePrompt(world.catalog, SPOKEN)
    parsed = await parse_prompt("a harbour <lora:z:0.5> <lora:nobody:1> <lora:z:1> <lora:ink:1>")
    assert parsed.text == "a harbour"
    assert [tag.name for tag in parsed.tags] == ["z", "nobody", "z", "ink"]
    assert [lora.name for lora in parsed.loras] == ["z", "ink", "ink"]
    assert parsed.unresolved == ("nobody",)
    with pytest.raises(InvalidFields, match="dialect"):
        await parse_prompt("", "klingon")
