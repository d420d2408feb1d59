"""Looking files up by hash: one by one, in batches, and through all that CivitAI answers oddly."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lora_manager.adapters.civitai import client as paced_client
from lora_manager.adapters.civitai.client import client_for
from lora_manager.adapters.civitai.validator import CivitaiValidator
from lora_manager.domain.errors import Unavailable
from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora
from lora_manager.domain.validation import ValidationState
from tests.contract.civitai_world import World, a_file, ask, ask_one, open_world, states
from tests.contract.examples import a_lora, a_record
from tests.standins.civitai import Version, a_version, page, reply
from tests.standins.http_server import Reply

odd_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(a_version("b" * 64)),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "files", "hashes", "error"]), inner),
    max_leaves=8,
)
odd_answers = st.builds(reply, st.sampled_from([200, 200, 400, 404, 410]), odd_json) | st.builds(
    lambda status, body: (status, {"Content-Type": "text/html"}, body),
    st.sampled_from([200, 202, 400, 403, 418]),
    st.binary(),
)
OF_NOTHING = "e3b0c44298fc"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
def civitai(world: World) -> CivitaiValidator:
    return world.civitai()


def numbered(number: int) -> Lora:
    sha256, autov3 = f"{number:064x}", f"{number + 0x1000:012x}"
    return a_lora(f"ink {number}", file=replace(a_record(), hashes=Hashes(sha256, "0" * 8, sha256[:10], autov3)))


def publish(world: World, *numbers: int) -> None:
    for number in numbers:
        world.site.publish(a_version(f"{number:064x}", autov3=f"{number + 0x1000:012x}"))


async def test_one_file_is_asked_for_by_itself(world: World, civitai: CivitaiValidator) -> None:
    world.site.publish(a_version("a" * 64))

    await ask_one(civitai, a_file("a"))

    assert world.site.asked == ["A" * 64]


async def test_a_file_that_is_not_found_is_asked_for_by_its_tensors(world: World, civitai: CivitaiValidator) -> None:
    await ask_one(civitai, a_file("a", tensors="b"))

    assert world.site.asked == ["A" * 64, "B" * 12]


async def test_many_files_are_asked_for_a_hundred_at_a_time(world: World, civitai: CivitaiValidator) -> None:
    publish(world, *range(150))

    verdicts = await ask(civitai, *map(numbered, range(150)))

    assert states(verdicts) == ["valid"] * 150
    assert [hashes.count(",") + 1 for hashes in world.site.asked] == [100, 50]


async def test_of_many_only_those_not_found_are_asked_for_by_their_tensors(
    world: World, civitai: CivitaiValidator
) -> None:
    publish(world, 1, 3)

    verdicts = await ask(civitai, *map(numbered, range(5)))

    assert states(verdicts) == ["unknown", "valid", "unknown", "valid", "unknown"]
    assert [len(asked) for asked in world.site.asked[1:]] == [12] * 3


async def test_those_that_are_found_are_told_before_the_others_are_asked_for(
    world: World, civitai: CivitaiValidator
) -> None:
    publish(world, 4)

    first = await anext(civitai.ask([numbered(number) for number in range(5)]))

    assert first.validation.state is ValidationState.VALID
    assert len(world.site.requests) == 1


@pytest.mark.parametrize("odd", [None, 7, [], {}, {"id": 5}, {"id": 5, "files": [{"hashes": {}}]}])
async def test_after_an_odd_batch_those_missing_are_asked_for_alone(
    world: World, civitai: CivitaiValidator, odd: object
) -> None:
    publish(world, 1, 3)
    world.site.odd_entries = [odd, a_version("f" * 64)]

    assert states(await ask(civitai, *map(numbered, range(4)))) == ["unknown", "valid", "unknown", "valid"]
    assert [len(asked) for asked in world.site.asked[1:]] == [64, 12, 64, 12]


@pytest.mark.parametrize(
    "answer",
    [reply(400, {"error": "✖ Too small"}), reply(405, {"error": "Method not allowed"}), reply(200, {"odd": 1})],
    ids=["one bad entry", "no batches", "no array"],
)
async def test_a_batch_that_is_refused_is_asked_one_by_one(
    world: World, civitai: CivitaiValidator, answer: Reply
) -> None:
    publish(world, 1, 2)
    world.site.next_replies.append(answer)

    assert states(await ask(civitai, *map(numbered, (1, 2)))) == ["valid", "valid"]
    assert [len(asked) for asked in world.site.asked[1:]] == [64, 64]


async def test_answers_that_are_too_large_fail_the_one_file_and_not_the_rest(
    world: World, civitai: CivitaiValidator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_client, "_MAX_BYTES", 10_000)
    publish(world, 1)
    world.site.publish(a_version(f"{2:064x}", description="long" * 5_000))

    small, large = await ask(civitai, numbered(1), numbered(2))

    assert small.validation.state is ValidationState.VALID
    assert large.validation.state is ValidationState.FAILED
    assert "larger than" in (large.validation.detail or "")


async def test_a_hash_that_was_not_found_is_not_asked_for_again_within_the_hour(
    world: World, civitai: CivitaiValidator
) -> None:
    loras = [a_file("a", tensors="b"), a_file("c", tensors="b")]
    assert states(await ask(civitai, *loras)) == ["unknown", "unknown"]
    asked = len(world.site.requests)
    world.time.now += 3_599

    assert states(await ask(civitai, *loras)) == ["unknown", "unknown"]

    assert len(world.site.requests) == asked == 2


async def test_a_file_published_later_is_found_an_hour_later(world: World, civitai: CivitaiValidator) -> None:
    await ask_one(civitai, a_file("a"))
    world.site.publish(a_version("a" * 64))
    assert states([await ask_one(world.civitai(), a_file("a"))]) == ["unknown"]  # which the network remembers, too
    world.time.now += 3_601
    world.site.now += 3_601

    assert states([await ask_one(civitai, a_file("a"))]) == ["valid"]


@pytest.mark.parametrize(
    "lora",
    [
        a_lora(file=replace(a_record("a"), network=replace(a_record().network, tensors=0))),
        a_lora(file=replace(a_record("a"), hashes=Hashes("a" * 64, "a" * 8, "a" * 10, OF_NOTHING))),
    ],
    ids=["no tensors", "placeholder"],
)
async def test_the_hash_of_nothing_is_not_asked_for(world: World, civitai: CivitaiValidator, lora: Lora) -> None:
    world.site.publish(a_version("f" * 64, autov3=OF_NOTHING))

    assert states([await ask_one(civitai, lora)]) == ["unknown"]
    assert world.site.asked == ["A" * 64]


async def test_a_file_that_several_loras_have_is_asked_for_once(world: World, civitai: CivitaiValidator) -> None:
    world.site.publish(a_version("a" * 64, autov3="b" * 12))

    assert states(await ask(civitai, *[a_file("c", tensors="b") for _ in range(3)])) == ["mismatch"] * 3
    assert world.site.asked == ["C" * 64, "B" * 12]


def without_hashes(version: Version) -> Version:
    return {**version, "files": [{**version["files"][0], "hashes": {}}]}


def archived(version: Version) -> Version:
    return {**version, "files": [], "downloadUrl": None}


@pytest.mark.parametrize("change", [without_hashes, archived])
@pytest.mark.parametrize("lora", [a_file("a"), a_file("c", tensors="b")], ids=["by file", "by tensors"])
async def test_a_version_that_does_not_tell_the_hashes_of_its_files_is_trusted(
    world: World, civitai: CivitaiValidator, change: Callable[[Version], Version], lora: Lora
) -> None:
    version = a_version("a" * 64, autov3="b" * 12)
    world.site.publish(version, change(version))

    assert states([await ask_one(civitai, lora)]) == ["valid"]


async def test_a_mismatch_names_the_file_that_has_the_tensors(world: World, civitai: CivitaiValidator) -> None:
    world.site.publish(a_version("a" * 64, autov3="b" * 12))

    verdict = await ask_one(civitai, a_file("c", tensors="b"))

    assert "inkwash_v1.safetensors" in (verdict.validation.detail or "")


async def test_a_file_that_only_its_tensors_lead_to_is_valid_where_the_version_lists_it(
    world: World, civitai: CivitaiValidator
) -> None:
    world.site.publish(a_version("f" * 64, autov3="b" * 12), answer=a_version("a" * 64, autov3="b" * 12))

    assert states([await ask_one(civitai, a_file("a", tensors="b"))]) == ["valid"]
    assert len(world.site.requests) == 2


async def test_what_the_scans_say_is_told_of_a_file_that_is_valid(world: World, civitai: CivitaiValidator) -> None:
    version = a_version("a" * 64)
    other = {**version["files"][0], "hashes": {}, "pickleScanResult": "Error"}
    version["files"] = [other, {**version["files"][0], "virusScanResult": "Danger"}]
    world.site.publish(version)

    verdict = await ask_one(civitai, a_file("a"))

    assert verdict.validation.state is ValidationState.VALID
    assert verdict.validation.detail == "CivitAI warns of this file: virus scan: Danger"


async def test_a_version_whose_main_file_is_gone_is_unknown(world: World, civitai: CivitaiValidator) -> None:
    world.site.publish(a_version("a" * 64), answer=None)

    assert states(await ask(civitai, a_file("a"), a_file("b"))) == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(200, {"odd": True}), "no model version"),
        (reply(200, []), "no model version"),
        (reply(200, {"name": "v1"}), "no model version"),
        (reply(400, {"error": "✖ Invalid hash"}), "✖ Invalid hash"),
        (reply(410, {"message": "gone\nfor good"}), "gone for good"),
        (reply(418, {"error": None}), "without a reason"),
    ],
)
async def test_an_odd_answer_fails_the_one_file_and_not_the_rest(
    world: World, civitai: CivitaiValidator, answer: Reply, said: str
) -> None:
    world.site.publish(a_version("b" * 64))
    world.site.next_replies.extend([reply(400, {}), answer])

    odd, sound = await ask(civitai, a_file("a"), a_file("b"))

    assert odd.validation.state is ValidationState.FAILED
    assert said in (odd.validation.detail or "")
    assert sound.validation.state is ValidationState.VALID


@pytest.mark.parametrize("answer", [page(200), (200, {}, b'{"id": '), (200, {}, b"\xff"), (200, {}, b"[" * 100_000)])
async def test_an_answer_that_is_not_json_is_asked_for_again(
    world: World, civitai: CivitaiValidator, answer: Reply
) -> None:
    world.site.publish(a_version("a" * 64))
    world.site.next_replies.append(answer)

    assert states([await ask_one(civitai, a_file("a"))]) == ["valid"]
    assert len(world.site.requests) == 2


@pytest.mark.parametrize(
    ("answer", "way_out"),
    [
        (page(403), "set CIVITAI_API_KEY"),
        (page(404), "check that CIVITAI_BASE_URL leads to CivitAI itself"),
        (page(301, Location="https://civitai.example/"), "redirects to https://civitai.example/"),
        (reply(401, {"error": "Unauthorized"}), "Unauthorized; check CIVITAI_API_KEY"),
        (reply(403, {"error": "Forbidden"}), "Forbidden; check CIVITAI_API_KEY"),
    ],
)
async def test_a_site_that_turns_everybody_away_is_unavailable_at_once_with_the_way_out(
    world: World, civitai: CivitaiValidator, answer: Reply, way_out: str
) -> None:
    world.site.every_reply = answer

    with pytest.raises(Unavailable) as caught:
        await ask(civitai, a_file("a"), a_file("b"))

    assert way_out in str(caught.value)
    assert len(world.site.requests) == 1


async def test_a_wrong_key_is_named_by_its_setting_and_never_told(world: World) -> None:
    civitai = world.civitai("wrong-key")

    with pytest.raises(Unavailable, match="check CIVITAI_API_KEY") as caught:
        await ask(civitai, a_file("a"))

    world.site.every_reply = reply(403, {"error": "the key wrong-key has no rights"})
    with pytest.raises(Unavailable, match=r"the key \*\*\* has no rights") as again:
        await ask(civitai, a_file("a"))
    assert "wrong-key" not in f"{caught.value} {again.value} {civitai!r}"


async def test_slow_answers_slow_the_questions_down(world: World, civitai: CivitaiValidator) -> None:
    def be_slow() -> None:
        world.time.now += 6

    world.site.on_request = be_slow

    await ask(civitai, a_file("a"))

    assert world.pace.per_second == 0.75  # 3 / 2 / 2: by file and by tensors


async def test_the_address_of_a_page_never_holds_a_password(world: World) -> None:
    world.site.publish(a_version("a" * 64))
    base_url = world.site.url.replace("//", "//me:secret@")
    civitai = CivitaiValidator(world.client, base_url, None, world.pace)

    verdict = await ask_one(civitai, a_file("a"))

    assert verdict.validation.page_url == f"{world.site.url}/models/765432?modelVersionId=1234567"


async def test_a_site_on_this_machine_may_be_asked_by_its_name(world: World) -> None:
    world.site.publish(a_version("a" * 64))
    base_url = world.site.url.replace("127.0.0.1", "localhost")
    async with aclosing(client_for(base_url)) as client:
        assert states([await ask_one(CivitaiValidator(client, base_url, None, world.pace), a_file("a"))]) == ["valid"]


@given(answers=st.lists(odd_answers, min_size=2, max_size=6))
@settings(max_examples=50)
async def test_whatever_the_site_answers_each_lora_is_judged_or_the_site_is_unavailable(answers: list[Reply]) -> None:
    async with open_world() as world:
        world.site.publish(a_version("a" * 64))
        world.site.next_replies.extend(answers)
        try:
            verdicts = await ask(world.civitai(), a_file("a"), a_file("b"))
        except Unavailable:
            return
        assert set(states(verdicts)) <= {"valid", "mismatch", "unknown", "failed"}
