"""Asking an outside registry about many LoRAs."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from lora_manager.app.validation.validate_loras import STALE_AFTER, ValidateLoras, ValidateLorasCommand
from lora_manager.domain.errors import LoraNotFound, Unavailable
from lora_manager.domain.events import EventName
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import Validation, ValidationState
from tests.contract.examples import LATER, a_lora, a_record
from tests.unit.app.validation.scripted import ScriptedValidator, registered, some
from tests.unit.app.world import START, World

ALL = ValidateLorasCommand()


@pytest.fixture
def validator() -> ScriptedValidator:
    return ScriptedValidator()


@pytest.fixture
def validate(world: World, validator: ScriptedValidator) -> ValidateLoras:
    return ValidateLoras(world.begin, world.catalog, validator, world.clock, world.log)


def judged(world: World) -> int:
    return sum(lora.validation.checked_at is not None for lora in world.store.living())


def checked(name: str, state: ValidationState, ago: timedelta) -> Lora:
    return a_lora(name, file=a_record("a"), validation=Validation(state=state, checked_at=START - ago))


async def test_all_are_asked_about_a_hundred_at_a_time_and_counted(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    loras = await some(world, 230)
    validator.said = {loras[7].id: ValidationState.FAILED, loras[8].id: ValidationState.UNKNOWN}

    report = await validate(ALL)

    assert [len(names) for names in validator.asked] == [100, 100, 30]
    assert report.counts == {ValidationState.VALID: 228, ValidationState.FAILED: 1, ValidationState.UNKNOWN: 1}
    assert report.judged == judged(world) == 230
    assert report.failed == [("ink 7", "said so")]
    assert world.happened().count(EventName.VALIDATED) == 230


async def test_progress_is_told_from_none_to_all(world: World, validate: ValidateLoras) -> None:
    await some(world, 120)
    told: list[tuple[int, int]] = []

    await validate(ALL, lambda done, count: told.append((done, count)))

    assert told == [(done, 120) for done in range(121)]


async def test_nobody_is_asked_where_there_is_nothing_to_ask(
    validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    report = await validate(ALL)

    assert (report.judged, validator.asked) == (0, [])


async def test_only_those_named_are_asked_about_and_each_once(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    loras = await some(world, 3)

    report = await validate(ValidateLorasCommand(lora_ids=(loras[2].id, loras[0].id, loras[2].id)))

    assert report.judged == 2
    assert [sorted(names) for names in validator.asked] == [["ink 0", "ink 2"]]


async def test_one_that_does_not_exist_is_told_before_anybody_is_asked(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    [lora] = await some(world, 1)

    with pytest.raises(LoraNotFound):
        await validate(ValidateLorasCommand(lora_ids=(lora.id, UUID(int=7))))
    assert validator.asked == []


async def test_stale_are_those_never_judged_judged_in_vain_or_long_ago(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    moment, day = timedelta(seconds=1), timedelta(days=1)
    await registered(
        world,
        a_lora("never", file=a_record("a")),
        checked("in vain", ValidationState.FAILED, moment),
        checked("given up", ValidationState.PENDING, moment),
        checked("long ago", ValidationState.VALID, STALE_AFTER + day),
        checked("lately", ValidationState.VALID, STALE_AFTER - day),
        checked("unknown lately", ValidationState.UNKNOWN, moment),
    )

    await validate(ValidateLorasCommand(stale=True))

    [names] = validator.asked
    assert sorted(names) == ["given up", "in vain", "long ago", "never"]


async def test_what_was_said_before_the_registry_went_away_is_kept(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    loras = await some(world, 130)
    validator.said = {loras[127].id: Unavailable("CivitAI cannot be asked")}

    with pytest.raises(Unavailable, match="CivitAI cannot be asked"):
        await validate(ALL)

    assert judged(world) == 127
    assert world.store.loras[loras[127].id] == loras[127]


async def test_what_was_said_before_an_interruption_is_kept(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    await some(world, 30)
    reached = asyncio.Event()

    async def hang(lora: Lora) -> None:
        if lora.name == "ink 25":
            reached.set()
            await asyncio.Event().wait()

    validator.meanwhile = hang
    task = asyncio.create_task(validate(ALL))
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert judged(world) == 25


async def test_those_changed_or_deleted_meanwhile_keep_their_state_and_the_rest_goes_on(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    changed, deleted, kept = await some(world, 3)

    async def interfere(lora: Lora) -> None:
        if lora.id == changed.id:
            await world.change(changed.observe(a_record("f"), now=LATER)[0])
        if lora.id == deleted.id:
            await world.change(deleted.delete(now=LATER)[0])

    validator.meanwhile = interfere

    await validate(ALL)

    validations = [world.store.loras[lora.id].validation for lora in (changed, deleted)]
    assert validations == [Validation(), Validation()]
    assert world.store.loras[kept.id].validation.state is ValidationState.VALID
    assert world.happened().count(EventName.VALIDATED) == 1


async def test_it_goes_on_when_all_were_deleted_meanwhile(
    world: World, validate: ValidateLoras, validator: ScriptedValidator
) -> None:
    await some(world, 1)

    async def delete(lora: Lora) -> None:
        await world.change(lora.delete(now=LATER)[0])

    validator.meanwhile = delete

    assert (await validate(ALL)).judged == 1
    assert judged(world) == 0
