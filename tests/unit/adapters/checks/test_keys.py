"""API keys: who may read them, and for how long they count."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lora_manager.adapters.checks.keys import Keys
from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.domain.access import ApiKey, Scope, key_text
from lora_manager.ports.clock import Clock
from lora_manager.ports.diagnosis import Diagnosis, Health

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class StoppedClock(Clock):
    def now(self) -> datetime:
        return NOW

    def elapsed(self) -> float:
        return 0.0


def a_key(number: int, name: str, ends_in: timedelta | None = None) -> ApiKey:
    return ApiKey.of(
        key_text(f"{number:012x}", "s" * 43),
        name=name,
        scopes=[Scope.READ],
        now=NOW - 100 * DAY,
        expires_at=None if ends_in is None else NOW + ends_in,
    )


async def looked(file: Path, *, is_named: bool = False, length: int | None = None) -> Sequence[Diagnosis]:
    store = FileKeyStore(str(file))
    check = Keys(store, StoppedClock(), file=str(file), file_is_named=is_named, single_key_length=length)
    return await check.look()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "api-keys.json"


async def test_without_keys_the_service_is_for_this_machine_only(file: Path) -> None:
    [found] = await looked(file)
    assert found == Diagnosis("API keys", Health.GOOD, "there are none, so the service listens on this machine only")


@pytest.mark.parametrize(
    ("length", "keys", "finding"),
    [(32, 0, "API_KEY"), (None, 2, "a key in {}, where 2 count"), (32, 1, "API_KEY or a key in {}, where 1 count")],
)
async def test_keys_that_count_are_counted(file: Path, length: int | None, keys: int, finding: str) -> None:
    if keys:
        FileKeyStore(str(file)).put(*(a_key(number, f"key {number}") for number in range(keys)))
    [found] = await looked(file, length=length)
    assert (found.health, found.finding) == (Health.GOOD, f"whoever asks needs {finding.format(file)}")


@pytest.mark.parametrize(("length", "is_short"), [(15, True), (16, False)])
async def test_an_api_key_that_can_be_guessed_is_doubtful(file: Path, length: int, is_short: bool) -> None:
    _, *doubts = await looked(file, length=length)
    assert [one.health for one in doubts] == [Health.DOUBTFUL] * is_short


@pytest.mark.parametrize(
    ("mode", "health"),
    [
        (0o600, None),
        (0o400, None),
        (0o640, Health.DOUBTFUL),
        (0o660, Health.BAD),
        (0o644, Health.BAD),
        (0o602, Health.BAD),
    ],
)
async def test_a_file_that_others_can_read_or_change_is_to_be_closed(
    file: Path, mode: int, health: Health | None
) -> None:
    FileKeyStore(str(file)).put(a_key(1, "studio"))
    os.chmod(file, mode)
    found = [one for one in await looked(file) if one.advice is not None]
    assert [one.health for one in found] == ([] if health is None else [health])
    assert all(f"chmod 600 {file}" in str(one.advice) for one in found)


async def test_keys_that_end_soon_or_have_ended_are_doubtful(file: Path) -> None:
    ends = {"ended": -DAY, "soon": 14 * DAY, "later": 15 * DAY, "never": None}
    keys = [a_key(number, name, ends_in) for number, (name, ends_in) in enumerate(ends.items())]
    FileKeyStore(str(file)).put(*keys)
    summary, *doubts = await looked(file)
    assert summary.finding.endswith(f"a key in {file}, where 3 count")
    assert [one.finding for one in doubts] == [
        "the key 'ended' has expired on 2026-02-28",
        "the key 'soon' expires on 2026-03-15",
    ]
    assert [one.advice for one in doubts] == [
        "make another with lora-manager keys create, or lora-manager keys revoke 000000000000",
        "lora-manager keys rotate 000000000001",
    ]
    assert {one.health for one in doubts} == {Health.DOUBTFUL}


async def test_a_key_that_was_replaced_or_revoked_is_no_doubt(file: Path) -> None:
    revoked = replace(a_key(3, "revoked", -DAY), revoked_at=NOW - 2 * DAY)
    FileKeyStore(str(file)).put(a_key(1, "rotated", DAY), a_key(2, "rotated", 90 * DAY), revoked)
    [found] = await looked(file)
    assert found.health is Health.GOOD


async def test_keys_of_which_none_counts_let_nobody_in(file: Path) -> None:
    FileKeyStore(str(file)).put(a_key(1, "studio").revoked(now=NOW - DAY))
    [found] = await looked(file)
    assert (found.health, found.finding) == (Health.BAD, "none of them counts any more, so nobody gets in")


async def test_a_file_that_is_named_has_to_be_there(file: Path) -> None:
    [found] = await looked(file, is_named=True, length=32)
    assert (found.health, found.finding) == (Health.BAD, f"API_KEYS_FILE names {file}, which is not there")


async def test_a_file_that_cannot_be_understood_is_bad(file: Path) -> None:
    os.close(os.open(file, os.O_CREAT, mode=0o600))
    [found] = await looked(file)
    assert found.health is Health.BAD
    assert str(file) in found.finding


async def test_no_part_of_a_key_is_told(file: Path) -> None:
    FileKeyStore(str(file)).put(key := a_key(1, "studio", DAY))
    os.chmod(file, 0o644)
    told = str(await looked(file, length=3))
    assert key.digest not in told
    assert "s" * 43 not in told
