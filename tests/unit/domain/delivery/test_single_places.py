"""Which entries of the allowed hosts name one host and a TCP port."""

import pytest

from lora_manager.domain.delivery.allowed_hosts import AllowedHosts


@pytest.mark.parametrize(
    ("setting", "places"),
    [
        ("gpu:8188", [("gpu", 8188)]),
        ("10.0.0.5:80, [2001:db8::1]:443", [("10.0.0.5", 80), ("2001:db8::1", 443)]),
        ("loopback:8188", [("localhost", 8188), ("::1", 8188)]),
        ("127.0.0.1:7860", [("127.0.0.1", 7860)]),
        ("loopback gpu 10.0.0.5 10.0.0.0/8:80 *.lan:80", []),
    ],
)
def test_only_single_hosts_with_a_port_are_places(setting: str, places: list[tuple[str, int]]) -> None:
    assert list(AllowedHosts.parse(setting).single_places) == places
