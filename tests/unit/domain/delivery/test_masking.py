from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.delivery import Mode
from lora_manager.domain.delivery.masking import MASK, masked

SECRET = "s3cr3t"
SECRET_NAMES = (
    "password", "PASSWORD", "db_password", "passwordHash", "token", "apiToken", "HF_TOKEN", "secret", "client-secret",
    "api_key", "apikey", "API_KEY", "x-api-key", "apiKey", "OPENAI_APIKey", "access_key", "privateKey", "Authorization",
    "auth", "basicAuth", "credential", "credentials", "Set-Cookie", "bearer", "HTTPAuth", "auth key",
)  # fmt: skip
HARMLESS_NAMES = (
    "max_tokens", "tokenizer", "tokens", "author", "authors", "key", "keys", "monkey", "keyboard", "steps", "prompt",
    "secretary", "authentic", "cookies_and_cream", "api", "seed", "12", "", "猫", "access", "passwordless",
)  # fmt: skip
harmless = st.none() | st.booleans() | st.integers() | st.text("abc *:/@?&=", max_size=10)
trees = st.recursive(
    harmless,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(HARMLESS_NAMES), inner, max_size=3),
    max_leaves=8,
)
secrets = st.recursive(
    st.just(SECRET), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner, max_size=2)
)
with_secrets = st.recursive(
    st.dictionaries(st.sampled_from(SECRET_NAMES), secrets, max_size=2),
    lambda inner: (
        st.lists(inner | harmless, max_size=3)
        | st.dictionaries(st.sampled_from(HARMLESS_NAMES), inner | harmless, max_size=3)
    ),
)
userinfos = (
    "", f"me:{SECRET}@", f":{SECRET}@", f"{SECRET}@", f"{SECRET}:@", f"me:{SECRET}:x{SECRET}@", f"m@e:{SECRET}@",
    f"me:{SECRET}@{SECRET}@",
)  # fmt: skip
urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(userinfos),
    st.sampled_from(["host", "127.0.0.1:7860", "[::1]:80"]),
    st.sampled_from(["", "/", "/sub/path", "/a@b"]),
)
queries = st.lists(st.one_of(
    st.sampled_from([*SECRET_NAMES, "key", "sig", "signature", "%61pi%5Fkey"]).map(lambda name: f"{name}={SECRET}"),
    st.sampled_from(["", "a", "a=b", "=", "page=2", "author=x", "max_tokens=7", "token"]),
)).map("&".join)  # fmt: skip
paths = st.builds("/{}{}".format, st.sampled_from(["", "hook", "a/b"]), st.just("") | queries.map(lambda q: f"?{q}"))
headers = st.dictionaries(
    st.sampled_from(["Authorization", "X-Custom", "Cookie", "accepted", "X-Api-Key"]), st.just(SECRET)
)
targets: st.SearchStrategy[tuple[Mode, dict[str, object]]] = st.one_of(
    st.tuples(st.just(Mode.HTTP), st.fixed_dictionaries({"host": st.just("host"), "path": paths, "headers": headers})),
    st.tuples(st.just(Mode.COMFYUI), st.fixed_dictionaries({"base_url": urls, "workflow": with_secrets})),
    st.tuples(st.just(Mode.SDNEXT), st.fixed_dictionaries({"base_url": urls, "payload": with_secrets})),
    st.tuples(st.just(Mode.CLI), st.fixed_dictionaries({"template": st.just("name")})),
)


@given(targets)
def test_a_secret_is_never_shown(target: tuple[Mode, dict[str, object]]) -> None:
    assert SECRET not in repr(masked(*target))


@given(targets)
def test_masking_keeps_the_shape(target: tuple[Mode, dict[str, object]]) -> None:
    _, params = target

    assert _shape(masked(*target)) == _shape(params)


@given(targets)
def test_masking_twice_is_masking_once(target: tuple[Mode, dict[str, object]]) -> None:
    mode, _ = target
    once = masked(*target)

    assert masked(mode, once) == once


@given(trees, trees)
def test_what_is_no_secret_is_shown(payload: object, workflow: object) -> None:
    assert masked(Mode.SDNEXT, {"payload": payload}) == {"payload": payload}
    assert masked(Mode.COMFYUI, {"workflow": workflow}) == {"workflow": workflow}


@given(st.sampled_from(Mode), st.dictionaries(st.sampled_from(["headers", "path", "base_url", "payload"]), trees))
def test_masking_takes_parameters_of_any_type(mode: Mode, params: dict[str, object]) -> None:
    assert masked(mode, params).keys() == params.keys()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_secret_is_known_by_a_word_of_its_name(name: str) -> None:
    assert masked(Mode.SDNEXT, {"payload": {name: "x"}}) == {"payload": {name: MASK}}


@pytest.mark.parametrize("name", ["accept", "Accept-Language", "USER-AGENT", "X-Request-Id"])
def test_harmless_headers_are_shown(name: str) -> None:
    assert masked(Mode.HTTP, {"headers": {name: "x"}}) == {"headers": {name: "x"}}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/hook?token=x&a=b", "/hook?token=***&a=b"),
        ("/hook?a=b&X-Amz-Signature=x=y", "/hook?a=b&X-Amz-Signature=***"),
        ("/hook?api%5fkey=x", "/hook?api%5fkey=***"),
        ("/token=x", "/token=x"),
        ("/?token", "/?token"),
        ("/?", "/?"),
    ],
)
def test_of_a_path_only_secrets_in_the_query_are_masked(path: str, shown: str) -> None:
    assert masked(Mode.HTTP, {"path": path}) == {"path": shown}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://me:x@host:7860/sub", "http://me:***@host:7860/sub"),
        ("http://x@host", "http://***@host"),
        ("http://x:@host", "http://***@host"),
        ("http://host/a@b", "http://host/a@b"),
        ("https://[::1]:443", "https://[::1]:443"),
    ],
)
def test_of_a_url_only_the_password_is_masked(url: str, shown: str) -> None:
    assert masked(Mode.COMFYUI, {"base_url": url}) == {"base_url": shown}


def test_values_below_a_secret_name_are_masked_where_they_are() -> None:
    workflow = {"4": {"inputs": {"auth": {"user": "me", "port": 80, "none": None, "all": [True, 1.5]}}}}

    assert masked(Mode.COMFYUI, {"workflow": workflow}) == {
        "workflow": {"4": {"inputs": {"auth": {"user": MASK, "port": MASK, "none": None, "all": [MASK, MASK]}}}}
    }


def _shape(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else None
