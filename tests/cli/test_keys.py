"""``lora-manager keys``."""

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.cli.keys import KeyState, state_of
from lora_manager.domain.access import ApiKey, Scope, digest_of, key_id_of
from tests.cli.workplace import Workplace
from tests.contract.key_stores import a_key

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = "Warning: this is the first key: from now on the service lets nobody in without one"
NONE_LEFT = "Warning: no key is left that counts, so nobody gets in; lora-manager keys create makes one\n"


def kept(workplace: Workplace) -> list[ApiKey]:
    """The keys in the data folder."""
    return list(FileKeyStore(str(workplace.folder / "data" / "api-keys.json")).all())


def create(workplace: Workplace, name: str = "studio", *more: str) -> str:
    """The text of a new key."""
    return workplace.ok("keys", "create", name, "--scope", "read", *more).removesuffix("\n")


def id_of(text: str) -> str:
    key_id = key_id_of(text)
    assert key_id is not None
    return key_id


def test_create_prints_the_key_alone_and_on_stderr_what_to_know(workplace: Workplace) -> None:
    result = workplace.run("keys", "create", "studio", "--scope", "write", "--scope", "read")

    text = result.stdout.removesuffix("\n")
    assert result.stderr.splitlines() == [
        f"The key studio ({id_of(text)}) allows read, write. It never expires.",
        "It is shown this once. Send it as X-API-Key: KEY, or as Authorization: Bearer KEY.",
        FIRST,
    ]
    [key] = kept(workplace)
    assert (key.name, key.scopes, key.digest) == ("studio", frozenset({Scope.READ, Scope.WRITE}), digest_of(text))


def test_only_the_first_key_closes_the_service(workplace: Workplace) -> None:
    assert FIRST in workplace.run("keys", "create", "studio", "--scope", "read").stderr
    assert FIRST not in workplace.run("keys", "create", "other", "--scope", "read").stderr
    workplace.ok("keys", "revoke", "studio")
    workplace.ok("keys", "revoke", "other")
    assert FIRST not in workplace.run("keys", "create", "third", "--scope", "read").stderr


def test_beside_the_single_key_none_is_the_first(workplace: Workplace) -> None:
    assert FIRST not in workplace.run("keys", "create", "studio", "--scope", "read", API_KEY="hunter2").stderr


def test_create_with_json_prints_one_object(workplace: Workplace) -> None:
    printed = workplace.json("keys", "create", "studio", "--scope", "admin", "--expires", "2999-12-31")

    [key] = kept(workplace)
    assert key.matches(printed["text"])
    assert printed == {
        "key": {
            "id": key.id,
            "name": "studio",
            "scopes": ["admin"],
            "state": "active",
            "created_at": printed["key"]["created_at"],
            "expires_at": "2999-12-31T00:00:00Z",
            "revoked_at": None,
        },
        "text": printed["text"],
    }
    assert datetime.fromisoformat(printed["key"]["created_at"]) == key.created_at


@pytest.mark.parametrize(
    ("given", "lifetime"),
    [("30m", timedelta(minutes=30)), ("24h", DAY), ("90d", 90 * DAY), ("52w", 364 * DAY), ("99999w", 699_993 * DAY)],
)
def test_a_key_expires_after_a_time(workplace: Workplace, given: str, lifetime: timedelta) -> None:
    create(workplace, "studio", "--expires", given)
    [key] = kept(workplace)
    assert key.expires_at == key.created_at + lifetime


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2999-12-31", datetime(2999, 12, 31, tzinfo=UTC)),
        ("2999-12-31T12:30", datetime(2999, 12, 31, 12, 30, tzinfo=UTC)),
        ("2999-12-31T12:30:00Z", datetime(2999, 12, 31, 12, 30, tzinfo=UTC)),
        ("2999-12-31T12:30+02:00", datetime(2999, 12, 31, 10, 30, tzinfo=UTC)),
    ],
)
def test_a_key_expires_at_a_date_in_utc(workplace: Workplace, given: str, moment: datetime) -> None:
    create(workplace, "studio", "--expires", given)
    assert [key.expires_at for key in kept(workplace)] == [moment]


@pytest.mark.parametrize(
    "given",
    ["", "soon", "30", "30s", "-30d", "1.5d", "1d12h", "30 d", "100000d", "٣d", "2999-02-30", "9999-12-31T23:59-12"],
)
def test_what_is_neither_a_time_nor_a_date_is_wrong_usage(workplace: Workplace, given: str) -> None:
    result = workplace.run("keys", "create", "studio", "--scope", "read", "--expires", given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is neither a duration such as 30m, 24h, 90d or 52w, nor a date such as 2030-01-31" in result.stderr
    assert not (workplace.folder / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["studio"], "Missing option '--scope'"),
        (["--scope", "read"], "Missing argument 'NAME'"),
        (["studio", "--scope", "all"], "'all' is not one of 'read', 'write', 'deliver', 'admin'"),
        ([" ", "--scope", "read"], "Error: name must be 1 to 100 characters"),
        (["studio", "--scope", "read", "--expires", "0d"], "Error: expires_at must lie in the future"),
        (["studio", "--scope", "read", "--expires", "2020-01-01"], "Error: expires_at must lie in the future"),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_wrong_usage(workplace: Workplace, arguments: list[str], words: str) -> None:
    result = workplace.run("keys", "create", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert not (workplace.folder / "data").exists()


def test_a_name_in_use_names_the_command_that_replaces_its_key(workplace: Workplace) -> None:
    key_id = id_of(create(workplace))
    result = workplace.run("keys", "create", "studio", "--scope", "read")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"`lora-manager keys rotate {key_id}` replaces it" in result.stderr


def test_a_listing_shows_every_key_and_no_digest(workplace: Workplace) -> None:
    text = create(workplace, "studio", "--scope", "deliver", "--expires", "2999-12-31")
    create(workplace, "ci")
    workplace.ok("keys", "revoke", "ci")

    titles, studio, ci = workplace.ok("keys", "list").splitlines()

    made = f"{kept(workplace)[0].created_at:%Y-%m-%d %H:%M} UTC"
    assert titles.split() == ["id", "name", "scopes", "state", "created", "expires"]
    assert studio.split("  ")[0] == id_of(text)
    assert [cell.strip() for cell in studio.split("  ") if cell.strip()][1:] == [
        "studio",
        "read, deliver",
        "active",
        made,
        "2999-12-31 00:00 UTC",
    ]
    assert "revoked" in ci
    assert ci.rstrip().endswith("never")
    for printed in (workplace.ok("keys", "list"), workplace.ok("keys", "list", "--json")):
        assert digest_of(text) not in printed
        assert text[16:] not in printed


def test_a_listing_as_json_has_the_keys_in_the_order_they_were_made(workplace: Workplace) -> None:
    create(workplace, "studio", "--expires", "1d")
    create(workplace, "ci")
    keys = workplace.json("keys", "list")["keys"]
    assert [(key["name"], key["state"]) for key in keys] == [("studio", "expires_soon"), ("ci", "active")]


def test_where_there_are_no_keys_the_listing_says_how_to_make_one(workplace: Workplace) -> None:
    assert workplace.ok("keys", "list") == "There are no keys; lora-manager keys create makes one.\n"
    assert workplace.json("keys", "list") == {"keys": []}
    assert not (workplace.folder / "data").exists()


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (a_key(1), KeyState.ACTIVE),
        (a_key(1, expires_at=NOW + 14 * DAY + DAY), KeyState.ACTIVE),
        (a_key(1, expires_at=NOW + 14 * DAY), KeyState.EXPIRES_SOON),
        (a_key(1, expires_at=NOW + DAY), KeyState.EXPIRES_SOON),
        (a_key(1, expires_at=NOW), KeyState.EXPIRED),
        (a_key(1, revoked_at=NOW), KeyState.REVOKED),
        (a_key(1, expires_at=NOW - DAY, revoked_at=NOW), KeyState.REVOKED),
    ],
)
def test_the_state_says_whether_a_key_counts_and_for_how_long(key: ApiKey, state: KeyState) -> None:
    assert state_of(key, NOW) is state


def test_rotate_prints_the_new_key_alone_and_lets_the_old_one_go_on_for_a_day(workplace: Workplace) -> None:
    text = create(workplace)

    result = workplace.run("keys", "rotate", "studio")

    old, new = kept(workplace)
    assert new.matches(result.stdout.removesuffix("\n"))
    assert old.matches(text)
    assert old.expires_at == new.created_at + DAY
    assert result.stderr.splitlines() == [
        f"The key studio ({new.id}) allows read. It never expires.",
        "It is shown this once. Send it as X-API-Key: KEY, or as Authorization: Bearer KEY.",
        f"The old one ({old.id}) expires at {old.expires_at:%Y-%m-%d %H:%M} UTC.",
    ]


def test_rotate_without_an_overlap_revokes_the_old_key(workplace: Workplace) -> None:
    text = create(workplace)
    told = workplace.run("keys", "rotate", id_of(text), "--overlap", "0h").stderr
    old, new = kept(workplace)
    assert (old.revoked_at, old.expires_at) == (new.created_at, None)
    assert f"The old one ({old.id}) was revoked at " in told


def test_rotate_takes_how_long_both_count_and_until_when_the_new_one_does(workplace: Workplace) -> None:
    create(workplace)
    printed = workplace.json("keys", "rotate", "studio", "--overlap", "2w", "--expires", "90d")
    old, new = kept(workplace)
    assert new.matches(printed["text"])
    assert new.expires_at == new.created_at + 90 * DAY
    assert old.expires_at == new.created_at + 14 * DAY
    assert (printed["key"]["id"], printed["replaced"]["id"]) == (new.id, old.id)
    assert printed["replaced"]["state"] == "expires_soon"


def test_an_overlap_is_no_date(workplace: Workplace) -> None:
    create(workplace)
    result = workplace.run("keys", "rotate", "studio", "--overlap", "2030-01-31")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "'2030-01-31' is no duration such as 30m, 24h, 90d or 52w" in result.stderr


def test_a_key_that_was_revoked_is_not_rotated(workplace: Workplace) -> None:
    create(workplace)
    workplace.ok("keys", "revoke", "studio")
    result = workplace.run("keys", "rotate", "studio")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "was revoked or has expired; `lora-manager keys create` makes another" in result.stderr


def test_where_several_keys_have_a_name_the_id_says_which_to_revoke(workplace: Workplace) -> None:
    create(workplace)
    workplace.ok("keys", "rotate", "studio")
    old, new = kept(workplace)

    result = workplace.run("keys", "revoke", "studio")
    assert (result.exit_code, result.stdout) == (1, "")
    assert old.id in result.stderr
    assert new.id in result.stderr

    assert workplace.ok("keys", "revoke", old.id).startswith(f"studio ({old.id}) was revoked at ")
    assert [key.revoked_at is None for key in kept(workplace)] == [False, True]


def test_a_key_that_was_found_somewhere_is_revoked_by_its_text(workplace: Workplace) -> None:
    text = create(workplace)
    result = workplace.run("keys", "revoke", text)
    assert result.exit_code == 0
    assert text not in result.output
    assert [key.revoked_at is None for key in kept(workplace)] == [False]


def test_revoking_the_last_key_says_that_nobody_gets_in(workplace: Workplace) -> None:
    create(workplace, "studio")
    create(workplace, "ci")
    assert workplace.run("keys", "revoke", "studio").stderr == ""
    assert workplace.run("keys", "revoke", "ci").stderr == NONE_LEFT
    assert workplace.run("keys", "revoke", "ci").stderr == NONE_LEFT
    assert workplace.run("keys", "revoke", "ci", API_KEY="hunter2").stderr == ""


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
def test_a_key_that_is_not_there_names_the_command_that_lists_all(workplace: Workplace, verb: str) -> None:
    result = workplace.run("keys", verb, "studio")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: there is no key 'studio'; `lora-manager keys list` shows all\n"


def test_keys_are_kept_where_the_deployment_says(workplace: Workplace) -> None:
    place = workplace.folder / "vault" / "keys.json"
    workplace.ok("keys", "create", "studio", "--scope", "read", API_KEYS_FILE=str(place))
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(json.loads(workplace.ok("keys", "list", "--json", API_KEYS_FILE="vault/keys.json"))["keys"]) == 1


def test_a_damaged_file_is_one_line_and_stays_as_it_is(workplace: Workplace) -> None:
    place = workplace.folder / "keys.json"
    place.write_text("{}")
    for arguments in (["list"], ["create", "studio", "--scope", "read"], ["rotate", "studio"], ["revoke", "studio"]):
        result = workplace.run("keys", *arguments, API_KEYS_FILE=str(place))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: the API keys in {place} are damaged: ")
        assert len(result.stderr.splitlines()) == 1
    assert place.read_text() == "{}"


def test_no_database_is_made_for_keys(workplace: Workplace) -> None:
    create(workplace)
    assert sorted(path.name for path in Path("data").iterdir()) == ["api-keys.json", "api-keys.json.lock"]
    assert workplace.run("keys", "list", DATABASE_URL="postgresql://127.0.0.1:1/nowhere").exit_code == 0
