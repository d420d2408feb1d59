"""Asking an outside registry about one LoRA."""

from uuid import UUID

import pytest

from lora_manager.app.validation.validate_lora import ValidateLora
from lora_manager.domain.errors import LoraNotFound, Unavailable
from lora_manager.domain.events import EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.provenance import Source
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from tests.contract.examples import LATER, NOW, a_lora, a_record
from tests.unit.app.validation.scripted import ScriptedValidator, registered
from tests.unit.app.world import START, World


@pytest.fixture
def validator() -> ScriptedValidator:
    return ScriptedValidator()


@pytest.fixture
def validate(world: World, validator: ScriptedValidator) -> ValidateLora:
    return ValidateLora(world.begin, world.catalog, validator, world.clock, world.log)


@pytest.fixture
async def ink(world: World) -> Lora:
    lora = a_lora(file=a_record("a"))
    await registered(world, lora)
    return lora


async def test_what_the_registry_says_is_stored_with_the_moment(
    world: World, validate: ValidateLora, ink: Lora
) -> None:
    lora = await validate(ink.id)

    assert lora == world.loras["ink"]
    assert lora.validation.checked_at is not None
    assert lora.validation.checked_at > START
    assert lora.validation == Validation(
        state=ValidationState.VALID,
        detail="said so",
        model_id=5,
        version_id=6,
        checked_at=lora.validation.checked_at,
    )
    assert lora.revision == ink.revision + 1
    *_, validated = world.log.events
    assert (validated.subject, validated.facts) == (ink.id, {"state": "valid"})
    assert world.happened() == [EventName.UPDATED, EventName.VALIDATED]


async def test_facts_fill_what_no_user_has_set(world: World, validate: ValidateLora) -> None:
    mine, _ = a_lora(file=a_record("a"), base_model="sd1", provenance={"base_model": Source.FILE}).revise(
        now=NOW, title="Mine", triggers=()
    )
    await registered(world, mine)

    lora = await validate(mine.id)

    assert (lora.title, lora.triggers) == ("Mine", ())
    assert (lora.base_model, lora.provenance["base_model"]) == ("sdxl", Source.CIVITAI)


async def test_facts_that_nobody_had_told_are_taken_over(validate: ValidateLora, ink: Lora) -> None:
    lora = await validate(ink.id)

    assert (lora.title, lora.triggers, lora.base_model) == ("Ink Wash", (Trigger("inkwash"),), "sdxl")
    assert set(lora.provenance.values()) == {Source.CIVITAI}


async def test_a_registry_that_does_not_answer_is_a_failure_with_the_reason(
    world: World, validate: ValidateLora, validator: ScriptedValidator, ink: Lora
) -> None:
    validator.said = {ink.id: Unavailable("CivitAI cannot be asked")}

    lora = await validate(ink.id)

    assert (lora.validation.state, lora.validation.detail) == (ValidationState.FAILED, "CivitAI cannot be asked")
    assert lora.validation.checked_at is not None
    assert EventName.VALIDATED in world.happened()


async def test_a_lora_whose_content_changed_meanwhile_keeps_what_it_has(
    world: World, validate: ValidateLora, validator: ScriptedValidator, ink: Lora
) -> None:
    changed, _ = ink.observe(a_record("b"), now=LATER)

    async def change(_: Lora) -> None:
        await world.change(changed)

    validator.meanwhile = change

    assert await validate(ink.id) == changed
    assert world.loras["ink"] == changed
    assert world.happened() == []


async def test_other_changes_made_meanwhile_stay(
    world: World, validate: ValidateLora, validator: ScriptedValidator, ink: Lora
) -> None:
    async def rename(_: Lora) -> None:
        await world.change(ink.revise(now=LATER, title="Mine", weight=0.5)[0])

    validator.meanwhile = rename

    lora = await validate(ink.id)

    assert (lora.title, lora.weight, lora.validation.state) == ("Mine", 0.5, ValidationState.VALID)


async def test_a_lora_that_was_deleted_meanwhile_is_not_found(
    world: World, validate: ValidateLora, validator: ScriptedValidator, ink: Lora
) -> None:
    deleted, _ = ink.delete(now=LATER)

    async def delete(_: Lora) -> None:
        await world.change(deleted)

    validator.meanwhile = delete

    with pytest.raises(LoraNotFound):
        await validate(ink.id)
    assert world.store.loras[ink.id] == deleted
    assert world.happened() == []


async def test_a_lora_that_does_not_exist_is_not_asked_about(
    validate: ValidateLora, validator: ScriptedValidator
) -> None:
    with pytest.raises(LoraNotFound):
        await validate(UUID(int=7))
    assert validator.asked == []
