"""What every validator does."""

from collections.abc import AsyncIterator, Callable

import pytest

from lora_manager.adapters.civitai.client import client_for
from lora_manager.domain.civitai.version import read_version
from lora_manager.domain.errors import InvalidInput, Unavailable
from lora_manager.domain.validation import ValidationState
from lora_manager.ports.validator import Validator
from tests.contract.civitai_world import World, a_file, ask, ask_one, open_world, states
from tests.contract.examples import a_lora
from tests.standins.civitai import a_version, page
from tests.standins.http_server import Drop

Make = Callable[..., Validator]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture(params=["civitai", "posting"])
def make(request: pytest.FixtureRequest, world: World) -> Make:
    made: Make = getattr(world, request.param)
    return made


@pytest.fixture
def validator(make: Make) -> Validator:
    return make()


async def test_a_published_file_is_valid_and_brings_facts(world: World, validator: Validator) -> None:
    version = a_version("a" * 64)
    world.site.publish(version)
    lora = a_file("a")

    verdict = await ask_one(validator, lora)

    assert verdict.lora_id == lora.id
    validation = verdict.validation
    assert (validation.state, validation.detail, validation.checked_at) == (ValidationState.VALID, None, None)
    assert (validation.model_id, validation.version_id) == (765_432, 1_234_567)
    assert validation.page_url == f"{world.site.url}/models/765432?modelVersionId=1234567"
    read = read_version(version)
    assert read is not None
    assert verdict.facts == read.facts()


async def test_a_file_of_other_bytes_is_a_mismatch_and_brings_facts(world: World, validator: Validator) -> None:
    world.site.publish(a_version("a" * 64, autov3="b" * 12))

    verdict = await ask_one(validator, a_file("c", tensors="b"))

    assert verdict.validation.state is ValidationState.MISMATCH
    assert "bytes" in (verdict.validation.detail or "")
    assert verdict.validation.version_id == 1_234_567
    assert verdict.facts["title"] == "Ink Wash"


async def test_a_file_nobody_published_is_unknown(validator: Validator) -> None:
    verdict = await ask_one(validator, a_file("a"))

    assert verdict.validation.state is ValidationState.UNKNOWN
    assert verdict.validation.page_url is None
    assert verdict.facts == {}


async def test_each_lora_gets_its_verdict_also_those_with_the_same_file(world: World, validator: Validator) -> None:
    world.site.publish(a_version("a" * 64))
    world.site.publish(a_version("d" * 64, autov3="b" * 12))
    loras = [a_file("c"), a_file("a"), a_file("e", tensors="b"), a_file("a"), a_file("f")]

    assert states(await ask(validator, *loras)) == ["unknown", "valid", "mismatch", "valid", "unknown"]


async def test_nobody_is_asked_about_nothing(world: World, validator: Validator) -> None:
    assert await ask(validator) == []
    assert world.site.requests == []


async def test_a_lora_whose_file_nobody_read_fails_and_the_rest_goes_on(world: World, validator: Validator) -> None:
    world.site.publish(a_version("a" * 64))

    unread, known = await ask(validator, a_lora("unread"), a_file("a"))

    assert unread.validation.state is ValidationState.FAILED
    assert "verify it first" in (unread.validation.detail or "")
    assert known.validation.state is ValidationState.VALID


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520])
async def test_a_trouble_that_passes_is_waited_for(world: World, validator: Validator, status: int) -> None:
    world.site.publish(a_version("a" * 64))
    world.site.next_replies.extend([page(status), Drop()])

    assert states(await ask(validator, a_file("a"))) == ["valid"]
    assert len(world.site.requests) == 3
    assert world.time.slept == [1.0, 2.0]


@pytest.mark.parametrize("trouble", [page(503), page(429), Drop(), page(301, Location="https://elsewhere/?secret=1")])
async def test_a_service_that_does_not_answer_is_unavailable(
    world: World, validator: Validator, trouble: tuple[int, dict[str, str], bytes] | Drop
) -> None:
    world.site.every_reply = trouble

    with pytest.raises(Unavailable) as caught:
        await ask(validator, a_file("a"))

    assert "cannot be asked" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(world.site.requests) <= 3


async def test_what_was_said_before_the_service_went_away_was_said(world: World, validator: Validator) -> None:
    world.site.publish(a_version("a" * 64))
    verdicts = validator.ask([a_file("a"), a_file("b", tensors="c")])

    first = await anext(verdicts)
    world.site.every_reply = page(503)

    assert first.validation.state is ValidationState.VALID
    with pytest.raises(Unavailable):
        await anext(verdicts)


async def test_a_service_that_keeps_silent_is_unavailable(world: World, make: Make) -> None:
    world.site.holds = True

    with pytest.raises(Unavailable, match="did not answer within"):
        await ask(make(timeout_s=0.02), a_file("a"))


async def test_a_service_that_is_down_is_not_asked_again_at_once(world: World, validator: Validator) -> None:
    world.site.every_reply = page(503)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ask(validator, a_file("a"))
    asked = len(world.site.requests)

    with pytest.raises(Unavailable) as caught:
        await ask(validator, a_file("a"))

    assert str(caught.value).endswith(
        "failed several times in a row, last because it answered with 503; ask again in 30 s"
    )
    assert len(world.site.requests) == asked == 5


async def test_a_long_time_to_be_left_alone_is_told_instead_of_waited_for(world: World, validator: Validator) -> None:
    world.site.next_replies.append(page(429, Retry_After="1800"))

    with pytest.raises(Unavailable, match="ask again in 30 minutes"):
        await ask(validator, a_file("a"))
    with pytest.raises(Unavailable, match="ask again in 30 minutes"):
        await ask(validator, a_file("a"))

    assert len(world.site.requests) == 1
    assert world.time.slept == []


async def test_a_date_until_which_to_be_left_alone_is_understood(world: World, validator: Validator) -> None:
    world.site.next_replies.append(page(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT"))

    with pytest.raises(Unavailable, match="ask again in 1440 minutes"):
        await ask(validator, a_file("a"))


async def test_a_short_time_to_be_left_alone_is_waited_for(world: World, validator: Validator) -> None:
    world.site.publish(a_version("a" * 64))
    world.site.next_replies.extend([page(429, Retry_After="90"), page(503, Retry_After="7")])

    assert states(await ask(validator, a_file("a"))) == ["valid"]
    assert world.time.slept == [90.0, 7.0]


async def test_the_key_is_sent_in_a_header_and_nowhere_else(world: World, make: Make) -> None:
    world.site.publish(a_version("a" * 64))

    await ask(make("right"), a_file("a"), a_file("b"))
    await ask(make(), a_file("a"))

    *with_key, without_key = world.site.requests
    assert {request.headers["authorization"] for request in with_key} == {"Bearer right"}
    assert "authorization" not in without_key.headers
    assert not any("right" in request.path or b"right" in request.body for request in with_key)


@pytest.mark.parametrize("key", ["two\r\nlines", " spaced ", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_without_being_told(make: Make, key: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make(key)

    assert "CIVITAI_API_KEY" in str(caught.value)
    assert key.strip() not in str(caught.value)


async def test_only_the_host_of_the_address_is_asked(world: World, make: Make) -> None:
    world.client = client_for("https://civitai.com")

    with pytest.raises(Unavailable, match="its name leads to this machine"):
        await ask(make(), a_file("a"))

    assert world.site.requests == []
