"""The document that keys are kept in: whatever it holds, it gives the keys or says what is wrong with it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.keys.document import Damaged, read_document, write_document
from lora_manager.domain.access import MAX_NAME, ApiKey, Scope
from lora_manager.domain.text import CONTROL
from tests.contract.key_stores import a_key

MOMENTS = st.datetimes(timezones=st.just(UTC))
NAMES = st.text(min_size=1, max_size=MAX_NAME).filter(lambda name: name == name.strip() and not CONTROL.search(name))
SCOPES = st.frozensets(st.sampled_from(Scope), min_size=1)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEY = {
    "id": "0123456789ab",
    "name": "studio",
    "scopes": ["read"],
    "sha256": "0" * 64,
    "created_at": "2026-01-02T03:04:05Z",
    "expires_at": None,
    "revoked_at": None,
}


@st.composite
def api_keys(draw: st.DrawFn) -> ApiKey:
    created_at = draw(MOMENTS.filter(lambda moment: moment.year < 9999))
    lifetime = draw(st.none() | st.timedeltas(timedelta(microseconds=1), timedelta(days=364)))
    return ApiKey(
        id=draw(st.text("0123456789abcdef", min_size=12, max_size=12)),
        name=draw(NAMES),
        scopes=draw(SCOPES),
        digest=draw(st.text("0123456789abcdef", min_size=64, max_size=64)),
        created_at=created_at,
        expires_at=None if lifetime is None else created_at + lifetime,
        revoked_at=draw(st.none() | MOMENTS),
    )


def document(*keys: object, **fields: object) -> bytes:
    return json.dumps({"version": 1, "keys": keys, **fields}).encode()


def what_is_wrong(content: bytes) -> str:
    with pytest.raises(Damaged) as caught:
        read_document(content)
    return str(caught.value)


@given(st.lists(api_keys(), max_size=4, unique_by=lambda key: key.id))
def test_what_is_written_is_read_back(keys: list[ApiKey]) -> None:
    assert list(read_document(write_document(keys)).values()) == keys


def test_people_can_read_it() -> None:
    key = a_key(1, scopes=(Scope.WRITE, Scope.READ))
    assert (
        write_document([key]).decode()
        == f"""{{
  "version": 1,
  "keys": [
    {{
      "id": "000000000001",
      "name": "studio",
      "scopes": [
        "read",
        "write"
      ],
      "sha256": "{key.digest}",
      "created_at": "2026-01-01T00:00:01Z",
      "expires_at": null,
      "revoked_at": null
    }}
  ]
}}
"""
    )


def test_what_people_write_is_read() -> None:
    written = {**KEY, "scopes": ["deliver", "read"], "expires_at": "2026-07-01T12:00:00.5+02:00"}
    [key] = read_document(b"\xef\xbb\xbf\r\n" + document(written)).values()
    assert key.scopes == {Scope.READ, Scope.DELIVER}
    assert key.expires_at == datetime(2026, 7, 1, 10, 0, 0, 500_000, tzinfo=UTC)


@given(st.binary())
def test_any_bytes_give_keys_or_are_damaged(content: bytes) -> None:
    with pytest.raises(Damaged):
        read_document(content)


@given(ANYTHING)
def test_any_json_gives_keys_or_is_damaged(content: object) -> None:
    with pytest.raises(Damaged):
        read_document(json.dumps(content).encode())


@given(st.data())
def test_any_byte_of_a_document_may_be_lost_or_another(data: st.DataObject) -> None:
    whole = document(KEY, {**KEY, "id": "ba9876543210", "expires_at": "2027-01-01T00:00:00Z"})
    at = data.draw(st.integers(0, len(whole) - 1))
    other = whole[:at] + data.draw(st.binary(max_size=2)) + whole[at + data.draw(st.integers(0, 9)) :]
    reason = ""
    try:
        keys = read_document(other)
    except Damaged as error:
        keys, reason = {}, str(error)
    assert "0" * 9 not in reason
    assert all(key_id == key.id and key.scopes for key_id, key in keys.items())


@given(st.sampled_from(sorted(KEY)), ANYTHING)
def test_any_value_of_a_field_gives_a_key_or_is_damaged(name: str, value: object) -> None:
    try:
        [key] = read_document(document({**KEY, name: value})).values()
    except Damaged:
        return
    assert json.loads(write_document([key]))["keys"] == [{**KEY, name: value}]


@pytest.mark.parametrize("name", sorted(KEY))
def test_no_field_may_be_missing(name: str) -> None:
    assert name in what_is_wrong(document({key: value for key, value in KEY.items() if key != name}))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting"),
        (b"\xff\xfe\xfd", "decode"),
        (b"[" * 100_000, "recursion"),
        (b"9" * 10_000, "digits"),
        (b"[]", "object"),
        (b"{}", "version"),
        (document(version=2, extra=1), "this program reads version 1 of it, and not version 2"),
        (document(version=0), "not version 0"),
        (document(version=True), "version"),
        (document(version=1.0), "version"),
        (document(version="1"), "version"),
        (document(extra=1), "extra"),
        (document({**KEY, "note": "mine"}), "note"),
        (document(KEY, KEY), "several keys have the same id"),
        (document({**KEY, "id": "0123456789AB"}), "id"),
        (document({**KEY, "id": "0123456789ab\n"}), "id"),
        (document({**KEY, "sha256": "0" * 63}), "sha256"),
        (document({**KEY, "sha256": "A" * 64}), "sha256"),
        (document({**KEY, "name": " "}), "name"),
        (document({**KEY, "name": "\ud800"}), "name"),
        (document({**KEY, "scopes": []}), "scopes"),
        (document({**KEY, "scopes": ["read", "all"]}), "scopes"),
        (document({**KEY, "scopes": "read"}), "scopes"),
        (document({**KEY, "created_at": "2026-01-02T03:04:05"}), "created_at"),
        (document({**KEY, "created_at": "2026-01-02"}), "created_at"),
        (document({**KEY, "created_at": 1767323045}), "created_at"),
        (document({**KEY, "created_at": "0001-01-01T00:00:00+23:00"}), "out of range"),
        (document({**KEY, "expires_at": KEY["created_at"]}), "expires_at"),
        (document({**KEY, "revoked_at": False}), "revoked_at"),
        (b'{"version": 1, "keys": [], "keys": []}', "twice"),
        (document(KEY).replace(b'"name"', b'"revoked_at": "2026-01-02T03:04:05Z", "name"'), "twice"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told(content: bytes, words: str) -> None:
    assert words in what_is_wrong(content)


@pytest.mark.parametrize("changes", [{"name": 1}, {"scopes": ["all"]}, {"note": 1}, {"expires_at": "soon"}], ids=str)
def test_a_digest_is_never_repeated(changes: dict[str, Any]) -> None:
    assert "0" * 9 not in what_is_wrong(document({**KEY, **changes}))
