"""What a target has to be told is checked before anything is stored, all of it at once."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.delivery import (
    CliTarget,
    ComfyTarget,
    HttpTarget,
    Mode,
    SdnextTarget,
    host_of,
    parse_target,
    runtime_of,
)
from lora_manager.domain.errors import InvalidFields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
NAMES = st.sampled_from(
    ["host", "port", "path", "scheme", "headers", "template", "base_url", "workflow", "loader", "payload"]
)
WORKFLOW = {"1": {"class_type": "CheckpointLoaderSimple", "inputs": {}}}


def wrong(mode: Mode, params: Mapping[str, object]) -> set[str]:
    """The names of the parameters that are refused."""
    with pytest.raises(InvalidFields) as caught:
        parse_target(mode, params)
    return {field.name for field in caught.value.fields}


def test_an_http_target_needs_no_more_than_a_host() -> None:
    target = parse_target(Mode.HTTP, {"host": "example.com"})
    assert target == HttpTarget("example.com", 80, "/", "http", {})
    assert isinstance(target, HttpTarget)
    assert target.url == "http://example.com:80/"


def test_https_is_spoken_on_its_own_port_unless_another_is_named() -> None:
    assert host_of(parse_target(Mode.HTTP, {"host": "example.com", "scheme": "https"})) == ("example.com", 443)
    assert host_of(parse_target(Mode.HTTP, {"host": "a.b", "scheme": "https", "port": 8443})) == ("a.b", 8443)


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_host_is_taken_with_and_without_brackets(host: str) -> None:
    target = parse_target(Mode.HTTP, {"host": host})
    assert isinstance(target, HttpTarget)
    assert (target.host, target.url) == ("::1", "http://[::1]:80/")


@pytest.mark.parametrize(
    "host",
    ["", "http://a", "a/b", "a:80", "a b", "user@a", "a?b", "a#b", "a\\b", "a\r\nb", "ä", "[::1", 5, None, "[::1]:80"],
)
def test_what_is_no_host_is_refused(host: object) -> None:
    assert wrong(Mode.HTTP, {"host": host}) == {"params.host"}


@pytest.mark.parametrize("port", [0, -1, 65_536, 1.5, "80", True, 10**30])
def test_what_is_no_port_is_refused(port: object) -> None:
    assert wrong(Mode.HTTP, {"host": "a", "port": port}) == {"params.port"}


@pytest.mark.parametrize("path", ["", "no-slash", "/a b", "/a\nb", "/ä", "/a#b", 5, "/" + "a" * 3_000])
def test_what_is_no_path_is_refused(path: object) -> None:
    assert wrong(Mode.HTTP, {"host": "a", "path": path}) == {"params.path"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil"),
        ("content-LENGTH", "5"),
        ("Idempotency-Key", "mine"),
        ("X-Delivery-Attempt", "1"),
        ("Transfer-Encoding", "chunked"),
        ("X Y", "a"),
        ("", "a"),
        ("X-Y", "a\r\nX-Z: b"),
        ("X-Y", "ä"),
        ("X-Y", 5),
    ],
)
def test_headers_that_could_break_or_fake_the_request_are_refused(name: str, value: object) -> None:
    assert wrong(Mode.HTTP, {"host": "a", "headers": {name: value}}) == {f"params.headers.{name}"}


def test_every_wrong_and_unknown_parameter_is_named_at_once() -> None:
    params = {"host": "a b", "port": "x", "path": "x", "scheme": "ftp", "headers": [], "hots": 1}
    assert wrong(Mode.HTTP, params) == {f"params.{name}" for name in params}


def test_a_command_is_named_not_given() -> None:
    assert parse_target(Mode.CLI, {}) == CliTarget(None)
    assert parse_target(Mode.CLI, {"template": "draw-2.0"}) == CliTarget("draw-2.0")
    for template in ["rm -rf /", "../x", "", 5, ["ls"]]:
        assert wrong(Mode.CLI, {"template": template}) == {"params.template"}


@pytest.mark.parametrize(
    "base_url",
    ["", "127.0.0.1:8188", "ftp://a", "http://", "http://a?x=1", "http://a#x", "http://a:99999", "http://a b", None, 5],
)
def test_what_is_no_base_url_is_refused(base_url: object) -> None:
    assert wrong(Mode.COMFYUI, {"base_url": base_url, "workflow": WORKFLOW}) == {"params.base_url"}
    assert wrong(Mode.SDNEXT, {"base_url": base_url}) == {"params.base_url"}


def test_a_base_url_loses_the_slash_at_its_end_and_keeps_its_path() -> None:
    target = parse_target(Mode.SDNEXT, {"base_url": "https://gpu.lan/forge/"})
    assert target == SdnextTarget("https://gpu.lan/forge", {})


def test_comfyui_needs_a_workflow() -> None:
    assert wrong(Mode.COMFYUI, {"base_url": "http://a"}) == {"params.workflow"}
    target = parse_target(Mode.COMFYUI, {"base_url": "http://a", "workflow": WORKFLOW, "loader": "1"})
    assert target == ComfyTarget("http://a", WORKFLOW, "1")


def test_the_prompt_is_not_given_twice() -> None:
    assert wrong(Mode.SDNEXT, {"base_url": "http://a", "payload": {"prompt": "x"}}) == {"params.payload.prompt"}


def test_one_runtime_has_one_name_however_it_is_spelled() -> None:
    spellings = ["http://127.0.0.1:8188", "http://LOCALHOST:8188/", "http://user:pw@127.0.0.1:8188/x"]
    assert {runtime_of(parse_target(Mode.SDNEXT, {"base_url": url})) for url in spellings} == {"localhost:8188"}
    assert runtime_of(parse_target(Mode.HTTP, {"host": "127.0.0.1"})) is None
    assert runtime_of(parse_target(Mode.CLI, {})) is None
    assert runtime_of(parse_target(Mode.CLI, {"template": "draw"})) == "command draw"
    assert host_of(parse_target(Mode.CLI, {})) is None


@given(st.sampled_from(Mode), st.dictionaries(NAMES | st.text(), JSON, max_size=6))
def test_no_parameters_raise_anything_but_invalid_fields(mode: Mode, params: dict[str, object]) -> None:
    try:
        target = parse_target(mode, params)
    except InvalidFields as error:
        names = [field.name for field in error.fields]
        assert names == [name for name in names if name.startswith("params.")]
    else:
        assert host_of(target) is None or all(host_of(target) or ())
