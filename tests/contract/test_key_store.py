"""What every store of keys does."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lora_manager.domain.access import ApiKey, Scope
from lora_manager.testing.strategies import EPOCH
from tests.contract.key_stores import Kept, a_key, file_kept, memory_kept

LATER = EPOCH + timedelta(days=1)
MUCH_LATER = EPOCH + timedelta(days=9)

KEYS = {
    "plain": a_key(1),
    "every scope": a_key(2, scopes=tuple(Scope)),
    "expiring and revoked": a_key(3, expires_at=MUCH_LATER, revoked_at=LATER),
    "to the microsecond": a_key(4, created_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
    "a name of any letters": a_key(5, name='工作室 "nights" \\ \U0001f58b'),
    "an old one": a_key(6, created_at=datetime(1, 1, 1, tzinfo=UTC)),
    "one for ages": a_key(7, expires_at=datetime.max.replace(tzinfo=UTC)),
}


@pytest.fixture(params=("memory", "file"))
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return memory_kept() if request.param == "memory" else file_kept(tmp_path)


def test_a_new_store_has_no_keys(kept: Kept) -> None:
    assert not kept.store.are_kept()
    assert kept.store.find("0" * 12) is None
    assert list(kept.store.all()) == []


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_what_was_put_is_found_as_it_was(kept: Kept, key: ApiKey) -> None:
    kept.store.put(key)
    assert kept.store.find(key.id) == key
    assert list(kept.store.all()) == [key]


def test_nothing_is_found_under_another_id(kept: Kept) -> None:
    kept.store.put(a_key(1))
    for key_id in (a_key(2).id, "", a_key(1).id[:-1], a_key(1).name, a_key(1).digest):
        assert kept.store.find(key_id) is None


def test_keys_are_kept_as_soon_as_one_was_added(kept: Kept) -> None:
    assert not kept.store.are_kept()
    kept.store.put(a_key(1))
    assert kept.store.are_kept()


def test_where_a_key_was_added_keys_are_kept_whatever_became_of_it(kept: Kept) -> None:
    kept.store.put(a_key(1, expires_at=LATER), a_key(2))
    kept.store.put(a_key(2).revoked(now=LATER))
    assert kept.store.are_kept()
    assert kept.elsewhere.are_kept()


def test_all_keys_are_listed_by_the_time_they_were_made(kept: Kept) -> None:
    kept.store.put(a_key(3), a_key(1, revoked_at=LATER))
    kept.store.put(a_key(4, created_at=EPOCH), a_key(2, expires_at=LATER))
    assert [key.id for key in kept.store.all()] == [a_key(number).id for number in (4, 1, 2, 3)]


def test_keys_of_one_moment_are_listed_in_the_same_order_every_time(kept: Kept) -> None:
    kept.store.put(*(a_key(number, created_at=EPOCH) for number in (3, 1, 2)))
    assert [key.id for key in kept.store.all()] == [a_key(number).id for number in (1, 2, 3)]


def test_a_key_takes_the_place_of_the_one_with_its_id(kept: Kept) -> None:
    kept.store.put(a_key(1), a_key(2))
    kept.store.put(a_key(1, expires_at=LATER), a_key(3))
    assert list(kept.store.all()) == [a_key(1, expires_at=LATER), a_key(2), a_key(3)]
    assert kept.store.find(a_key(1).id) == a_key(1, expires_at=LATER)


def test_a_key_that_is_revoked_must_stay_so(kept: Kept) -> None:
    kept.store.put(a_key(1))
    kept.elsewhere.put(a_key(1).revoked(now=LATER))

    kept.store.put(a_key(1, expires_at=MUCH_LATER))

    assert list(kept.store.all()) == [a_key(1, expires_at=MUCH_LATER, revoked_at=LATER)]


def test_what_others_change_at_the_same_time_stays(kept: Kept) -> None:
    kept.store.put(a_key(1), a_key(2))
    assert kept.elsewhere.find(a_key(1).id) == a_key(1)

    kept.store.put(a_key(1).revoked(now=LATER))
    kept.elsewhere.put(a_key(2, expires_at=LATER), a_key(3))

    assert list(kept.store.all()) == [a_key(1, revoked_at=LATER), a_key(2, expires_at=LATER), a_key(3)]


def test_all_keys_must_be_up_to_date(kept: Kept) -> None:
    assert list(kept.elsewhere.all()) == []
    kept.store.put(a_key(1))
    assert list(kept.elsewhere.all()) == [a_key(1)]
    kept.store.put(a_key(1).revoked(now=LATER))
    assert list(kept.elsewhere.all()) == [a_key(1, revoked_at=LATER)]


def test_what_a_process_changes_it_sees_at_once(kept: Kept) -> None:
    assert kept.store.find(a_key(1).id) is None
    kept.store.put(a_key(1))
    assert kept.store.find(a_key(1).id) == a_key(1)
    kept.store.put(a_key(1).revoked(now=LATER))
    assert kept.store.find(a_key(1).id) == a_key(1, revoked_at=LATER)


def test_what_one_process_changes_others_see_within_a_second(kept: Kept) -> None:
    assert not kept.elsewhere.are_kept()

    kept.store.put(a_key(1))
    kept.wait(1)
    assert kept.elsewhere.are_kept()
    assert kept.elsewhere.find(a_key(1).id) == a_key(1)

    kept.store.put(a_key(1).revoked(now=LATER))
    kept.wait(1)
    assert kept.elsewhere.find(a_key(1).id) == a_key(1, revoked_at=LATER)
