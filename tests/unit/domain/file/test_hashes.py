import pytest

from lora_manager.domain.file import Hashes, MalformedHash

GOOD = {
    "sha256": "a" * 64,
    "autov1": "b" * 8,
    "autov2": "c" * 10,
    "autov3": "d" * 12,
    "crc32": "0" * 8,
    "blake3": "f" * 64,
}


def test_hashes_of_the_published_lengths_are_kept() -> None:
    assert Hashes(**GOOD).autov3 == "d" * 12


def test_crc32_and_blake3_may_be_left_out() -> None:
    hashes = Hashes("a" * 64, "b" * 8, "c" * 10, "d" * 12)
    assert (hashes.crc32, hashes.blake3) == (None, None)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("beginning", ["A", "g", "", "aa"])
def test_a_hash_of_wrong_case_alphabet_or_length_is_refused_by_name(name: str, beginning: str) -> None:
    value = beginning + GOOD[name][1:]
    with pytest.raises(MalformedHash) as refused:
        Hashes(**{**GOOD, name: value})
    assert (refused.value.name, refused.value.value) == (name, value)
