from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.delivery.allowed_hosts import AllowedHosts
from lora_manager.domain.errors import InvalidInput

# Every way we know to write an IPv4 address in IPv6.
WRAPPED = ("::ffff:{}", "64:ff9b::{}")


def sixtofour(address: IPv4Address) -> str:
    return f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::1"


def teredo(address: IPv4Address) -> str:
    hidden = int(address) ^ 0xFFFF_FFFF
    return f"2001:0:4136:e378:8000:63bf:{hidden >> 16:x}:{hidden & 0xFFFF:x}"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_all_that_is_allowed_by_default(address: str) -> None:
    allowed = AllowedHosts.parse()

    assert allowed.permits_name(address, 8188)
    assert allowed.permits("localhost", 8188, address)
    assert allowed.permits_name("localhost", 8188)
    assert not allowed.permits_name("runtime.example", 8188)
    assert not allowed.permits("localhost", 8188, "192.0.2.1")


@pytest.mark.parametrize(
    ("setting", "host", "port", "address"),
    [
        ("10.0.0.5", "10.0.0.5", 1, "10.0.0.5"),
        ("10.0.0.0/8", "gpu", 8188, "10.200.0.1"),
        ("10.0.0.0/8:8188", "gpu", 8188, "10.200.0.1"),
        ("2001:db8::5", "2001:db8::5", 80, "2001:db8::5"),
        ("[2001:db8::]:80", "2001:db8::", 80, "2001:db8::"),
        ("[2001:db8::/32]:80", "gpu", 80, "2001:db8:1::7"),
        ("gpu", "gpu", 80, "192.0.2.1"),
        ("gpu", "GPU.", 80, "192.0.2.1"),
        ("GPU.lan:8188", "gpu.lan", 8188, "192.168.1.5"),
        ("*.lan", "a.b.lan", 80, "192.168.1.5"),
        ("comfy_ui", "comfy_ui", 8188, "172.18.0.3"),
        ("loopback:9000", "localhost", 9000, "127.0.0.1"),
        ("169.254.169.254", "169.254.169.254", 80, "169.254.169.254"),
        ("gpu, \n10.0.0.1\tlan", "lan", 80, "192.0.2.1"),
    ],
)
def test_what_an_entry_allows(setting: str, host: str, port: int, address: str) -> None:
    allowed = AllowedHosts.parse(setting)

    assert allowed.permits_name(host, port)
    assert allowed.permits(host, port, address)


@pytest.mark.parametrize(
    ("setting", "host", "port"),
    [
        ("10.0.0.5", "10.0.0.6", 80),
        ("10.0.0.5:80", "10.0.0.5", 81),
        ("gpu", "gpu2", 80),
        ("gpu:80", "gpu", 81),
        ("gpu", "gpu.lan", 80),
        ("*.lan", "lan", 80),
        ("*.lan", "evil-lan", 80),
        ("gpu", "192.0.2.1", 80),
        ("loopback:9000", "localhost", 9001),
        ("loopback", "169.254.169.254", 80),
        ("0.0.0.0/0", "::1", 80),
    ],
)
def test_what_no_entry_names_is_refused_before_it_is_resolved(setting: str, host: str, port: int) -> None:
    assert not AllowedHosts.parse(setting).permits_name(host, port)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",  # noqa: S104  # an address to refuse
        "0.1.2.3",
        "::",
        "169.254.169.254",
        "fe80::1",
        "fe80::1%eth0",
        "224.0.0.1",
        "ff02::1",
        "240.0.0.1",
        "255.255.255.255",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "::127.0.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
        sixtofour(IPv4Address("127.0.0.1")),
        teredo(IPv4Address("127.0.0.1")),
    ],
)
def test_an_allowed_name_never_leads_to_this_machine_this_wire_or_a_metadata_service(address: str) -> None:
    assert not AllowedHosts.parse("gpu").permits("gpu", 80, address)


def test_an_allowed_name_may_lead_to_the_loopback_where_that_is_allowed_too() -> None:
    allowed = AllowedHosts.parse("gpu loopback")

    assert allowed.permits_name("gpu", 80)
    assert allowed.permits("gpu", 80, "127.0.1.1")


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "127.1", "127.0.0.01", "0177.0.0.1", "0x7f.0.0.1", "017700000001", "127.0.0.1.", "1."],
)
def test_no_other_notation_of_an_ipv4_address_passes_as_a_name(host: str) -> None:
    assert not AllowedHosts.parse("0.0.0.0/0, ::/0").permits_name(host, 80)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_ipv6_form(address: IPv4Address) -> None:
    allowed = AllowedHosts.parse("10.0.0.0/8, 192.0.2.7, gpu")
    wrapped = [form.format(address) for form in WRAPPED] + [sixtofour(address), teredo(address)]

    for host in ("gpu", "other"):
        assert {allowed.permits(host, 80, form) for form in wrapped} == {allowed.permits(host, 80, str(address))}


@given(st.ip_addresses().map(str), st.integers(1, 65_535))
def test_an_address_is_judged_alike_before_and_after_it_is_resolved(address: str, port: int) -> None:
    allowed = AllowedHosts.parse("0.0.0.0/1, 8000::/1, gpu:80")

    assert allowed.permits_name(address, port) == allowed.permits(address, port, address)


@given(st.text(max_size=40), st.integers(1, 65_535))
def test_every_text_is_judged(host: str, port: int) -> None:
    # Nothing else can lead to the loopback.
    name = host.lower().removesuffix(".")

    if AllowedHosts.parse("127.0.0.1").permits_name(host, port):
        assert host == "127.0.0.1" or name == "localhost" or name.endswith(".localhost")


@pytest.mark.parametrize(
    "entry",
    [
        "http://gpu",
        "gpu/path",
        "gpu:",
        "gpu:0",
        "gpu:65536",
        "gpu:http",
        "*",
        "*.*.lan",
        "g*.lan",
        "127.1",
        "0x7f000001",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "[::1",
        "2001:db8::5:99999",
        "::ffff:10.0.0.1",
        "64:ff9b::/96",
        "-gpu",
        "user@gpu",
        "gräf",
        "a" * 64,
        ".".join(["a" * 60] * 5),
    ],
)
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        AllowedHosts.parse(f"loopback, {entry}")

    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize("setting", ["", " , "])
def test_a_setting_that_names_nothing_is_refused(setting: str) -> None:
    with pytest.raises(InvalidInput, match="at least one"):
        AllowedHosts.parse(setting)
