"""Whatever a client says of a target: it is one or refused; what is secret in it is masked; hosts are told apart."""

from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.delivery import Mode, host_of, parse_target, runtime_of
from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.delivery.masking import MASK, gives_access, masked
from lora_manager.domain.errors import InvalidFields, InvalidInput
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import distorted, json_values, mutated, texts
from tests.unit.domain.delivery.workflows import txt2img

GENUINE: Mapping[Mode, dict[str, Any]] = {
    Mode.HTTP: {"host": "::1", "port": 80, "path": "/a?key=x", "scheme": "https", "headers": {"X-Key": "hush"}},
    Mode.CLI: {"template": "draw"},
    Mode.COMFYUI: {"base_url": "http://me:hush@[::1]:8188/a", "workflow": txt2img(), "loader": "1"},
    Mode.SDNEXT: {"base_url": "http://localhost:7860", "payload": {"steps": 20, "api_key": "hush"}},
}
EVERY_MODE = pytest.mark.parametrize("mode", Mode)
URLS = [b"http://me:hush@host:80/a/b?c=d#e", b"https://[fe80::1%25eth0]:443/", b"HTTP://LOCALHOST."]
ENTRIES = [b"loopback, *.studio.example, 10.0.0.0/8:8188, [fd00::1]:80 a.b", b"*.*.a,,;[::ffff:1.2.3.4]/0x7f.1:99999"]


def addresses(originals: list[bytes]) -> st.SearchStrategy[str]:
    return mutated(originals).map(lambda raw: raw.decode("utf-8", "replace")) | texts()


@EVERY_MODE
@fuzz
@given(data=st.data())
def test_any_parameters_are_a_target_or_refused_by_name(mode: Mode, data: st.DataObject) -> None:
    params = data.draw(distorted(GENUINE[mode]).filter(lambda params: isinstance(params, dict)))
    target = outcome(partial(parse_target, mode, params), InvalidFields)
    if isinstance(target, InvalidFields):
        assert all(field.name.startswith("params.") for field in target.fields)
    else:
        runtime_of(target)
        place = host_of(target)
        assert place is None or (place[0] and 1 <= place[1] <= 65_535)
    assert masked(mode, params).keys() == params.keys()


@fuzz
@given(addresses(URLS), addresses(URLS))
def test_any_address_is_one_of_a_runtime_or_refused(url: str, host: str) -> None:
    for mode, params in ((Mode.SDNEXT, {"base_url": url}), (Mode.HTTP, {"host": host, "path": url})):
        target = outcome(partial(parse_target, mode, params), InvalidFields)
        if not isinstance(target, InvalidFields):
            place = host_of(target)
            assert place is not None
            assert len(place[0]) <= 2_048
            AllowedHosts.parse().permits_name(*place)
    gives_access(url)


@fuzz
@given(st.sampled_from(["Password", "apiKey", "x-token", "client_secret"]), json_values())
def test_nothing_under_a_secret_name_is_shown(name: str, value: object) -> None:
    shown = masked(Mode.SDNEXT, {"payload": {name: value}})["payload"]
    assert isinstance(shown, dict)

    def leaves(part: object) -> list[object]:
        items = part.values() if isinstance(part, dict) else part
        return (
            [leaf for item in items for leaf in leaves(item)] if isinstance(items, list | type({}.values())) else [part]
        )

    assert set(leaves(shown[name])) <= {MASK, None}


@fuzz
@given(addresses(ENTRIES), addresses(ENTRIES), st.integers(1, 65_535))
def test_any_list_of_hosts_is_read_or_refused_and_tells_of_any_host(text: str, host: str, port: int) -> None:
    allowed = outcome(partial(AllowedHosts.parse, text), InvalidInput)
    if isinstance(allowed, AllowedHosts):
        allowed.permits_name(host, port)


@fuzz
@given(st.ip_addresses().map(str), addresses(ENTRIES))
def test_the_default_permits_no_address_but_those_of_this_machine(address: str, host: str) -> None:
    real = ip_address(address)
    inner = getattr(real, "ipv4_mapped", None) or real
    if AllowedHosts.parse().permits(host, 80, address):
        assert (
            inner.is_loopback
            or getattr(real, "sixtofour", None)
            or getattr(real, "teredo", None)
            or "64:ff9b" in address
        )


# Parameters by what there is much of in them.
SWOLLEN: dict[str, tuple[Mode, Callable[[int], dict[str, Any]]]] = {
    "unknown parameters": (Mode.HTTP, lambda n: {"host": "a", **{f"p{k}": 1 for k in range(n)}}),
    "headers": (Mode.HTTP, lambda n: {"host": "a", "headers": {f"ä{k}": 1 for k in range(n)}}),
    "host": (Mode.HTTP, lambda n: {"host": "a-" * n}),
    "host of colons": (Mode.HTTP, lambda n: {"host": ":" * n}),
    "path": (Mode.HTTP, lambda n: {"host": "a", "path": "/?token" * n}),
    "url": (Mode.SDNEXT, lambda n: {"base_url": "http://" + "@" * n}),
    "url of marks": (Mode.SDNEXT, lambda n: {"base_url": "http://" + "\u0315\u0316" * n}),
    "payload": (Mode.SDNEXT, lambda n: {"base_url": "http://a", "payload": {f"a{k}Token": [1] for k in range(n)}}),
    "name in a payload": (Mode.SDNEXT, lambda n: {"base_url": "http://a", "payload": {"aB" * n + "A" * n: 1}}),
}


def _taken(mode: Mode, params: dict[str, Any]) -> object:
    masked(mode, params)
    return parse_target(mode, params)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_parameters_take_no_more_than_twice_the_work(shape: str) -> None:
    mode, swell = SWOLLEN[shape]
    require_linear(lambda size: partial(_taken, mode, swell(size)), 400, InvalidFields)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_parameters_take_memory_in_proportion_to_their_size_and_the_refusal_little(shape: str) -> None:
    mode, swell = SWOLLEN[shape]
    params = swell(4_000)
    require_memory(partial(_taken, mode, params), len(str(params)), 20, InvalidFields)
    answer = outcome(partial(_taken, mode, params), InvalidFields)
    assert not isinstance(answer, InvalidFields) or len(str(answer)) <= 20_000


@pytest.mark.parametrize("host", ["a" * 256, "a." * 200 + "a", "1." * 200, ":" * 300, "[" + ":" * 300 + "]"])
def test_no_host_is_longer_than_a_name_can_be(host: str) -> None:
    refused = outcome(partial(parse_target, Mode.HTTP, {"host": host}), InvalidFields)
    assert isinstance(refused, InvalidFields)


@pytest.mark.parametrize("piece", ["a", "a.", "1.", "-", "_", "0x", ":", "[", "*.", "/", "1/", "a:1,", "::1,"])
def test_a_long_list_of_hosts_is_read(piece: str) -> None:
    require_linear(lambda size: partial(AllowedHosts.parse, piece * size), 300, InvalidInput)
    outcome(partial(AllowedHosts.parse, piece * 5_000), InvalidInput)
    AllowedHosts.parse("*.example, 10.0.0.0/8").permits_name(piece * 100_000, 80)
