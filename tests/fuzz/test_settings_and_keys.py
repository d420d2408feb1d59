"""Whatever a variable or a key holds: it is taken or refused, and no secret is shown."""

from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.adapters.database.url import PostgresServer
from lora_manager.domain.access import ApiKey, Scope, key_id_of, key_text
from lora_manager.domain.errors import InvalidFields
from lora_manager.settings import InvalidSettings, load_settings, mask_url
from tests.fuzz.bounds import fuzz, outcome
from tests.fuzz.hostile import mutated, texts

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEY = key_text("0123456789ab", "A" * 43)
# What a variable holds in a sound deployment.
SOUND = {
    "DATABASE_URL": "postgresql://me:hush@host/db",
    "LIBRARY_ROOTS": "/loras:/more",
    "STORAGE_TYPE": "s3",
    "S3_BUCKET": "loras",
    "S3_PREFIX": "a/b",
    "S3_ENDPOINT": "http://localhost:9000",
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "METADATA_SYNC": "yes",
    "CIVITAI_BASE_URL": "https://civitai.com",
    "QUEUE_URL": "redis://:hush@host:6379/0",
    "API_KEY": "hush",
    "API_KEYS_FILE": "~/keys.json",
    "ALLOWED_HOSTS": "studio.example, nas",
    "RATE_LIMIT": "600/minute",
    "CORS_ORIGINS": "https://studio.example:8443",
    "DELIVERY_ALLOWED_HOSTS": "loopback, *.studio.example:80",
    "CLI_COMMANDS": '{"draw": ["/usr/bin/draw", "{prompt_file}"]}',
    "TOKEN_FORMAT": "<lora:{name}:{weight}>",
    "WORKER_CONCURRENCY": "50",
    "LOG_LEVEL": "info",
}


@fuzz
@given(st.sampled_from(sorted(SOUND)), st.data())
def test_any_value_of_a_variable_is_taken_or_refused_by_its_name(name: str, data: st.DataObject) -> None:
    value = data.draw(texts() | mutated([SOUND[name].encode()]).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
    settings = outcome(partial(load_settings, {**SOUND, name: value}), InvalidSettings)
    if not isinstance(settings, InvalidSettings):
        assert repr(settings).isprintable()


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a-", ".", "[", "{", "~", "~a/", "/", ":", "http://", "http://a", "@", "9", " "]
)
@pytest.mark.parametrize("name", SOUND)
def test_a_long_value_of_a_variable_is_taken_or_refused(name: str, piece: str) -> None:
    for end in ("", "!", "@"):
        outcome(partial(load_settings, {**SOUND, name: piece * 20_000 + end}), InvalidSettings)


def decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


@fuzz
@given(
    texts() | mutated([b"redis://me", b"postgresql+asyncpg://me"]).map(decoded),
    st.sampled_from(["", "1234/", "?", "#", "@", ":", "[", " "]),
    texts() | mutated([b"host:1/a?b=c#d"]).map(decoded),
)
def test_any_address_is_shown_without_its_password(before: str, start: str, after: str) -> None:
    url = f"{before}:{start}hush@{after}"
    assert "hush" not in mask_url(url)
    assert "hush" not in str(PostgresServer(f"postgresql://{url}"))
    wrong = outcome(
        partial(load_settings, {"S3_ENDPOINT": url, "CORS_ORIGINS": url, "QUEUE_URL": url}), InvalidSettings
    )
    assert "hush" not in str(wrong)


@pytest.mark.parametrize("password", ["hush", "h:u@s", "%2F"])
def test_a_password_in_an_address_is_never_shown(password: str) -> None:
    assert password not in mask_url(f"redis://me:{password}@host:1/a")


@fuzz
@given(texts() | mutated([KEY.encode()]).map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_a_key_of_ours_or_not(text: str) -> None:
    found = key_id_of(text)
    assert found is None or (found in text and len(text) == len(KEY))
    key = outcome(partial(ApiKey.of, text, name="ink", scopes=[Scope.READ], now=NOW), InvalidFields)
    assert isinstance(key, InvalidFields) == (found is None)
    if isinstance(key, ApiKey):
        assert key.matches(text)
        assert not key.matches(KEY + "x")


@fuzz
@given(texts(), st.frozensets(st.sampled_from(Scope)), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_a_key_of_any_name_is_made_or_refused(name: str, scopes: frozenset[Scope], expires_at: datetime | None) -> None:
    key = outcome(partial(ApiKey.of, KEY, name=name, scopes=scopes, now=NOW, expires_at=expires_at), InvalidFields)
    if isinstance(key, ApiKey):
        assert KEY not in repr(key)
        assert key.digest not in repr(key)
        assert not key.revoked(now=NOW).counts(NOW)
