"""The digests by which sites name a file, however its bytes arrive."""

import hashlib
import zlib
from itertools import pairwise

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.file import Digester, Hashes
from lora_manager.domain.file.digests import AUTOV1_BEGIN, AUTOV1_END

CONTENT = bytes(n * 7 % 256 for n in range(256)) * (AUTOV1_END // 256 + 10)
EDGES = [
    0,
    1,
    100,
    AUTOV1_BEGIN - 1,
    AUTOV1_BEGIN,
    AUTOV1_BEGIN + 1,
    AUTOV1_END - 1,
    AUTOV1_END,
    AUTOV1_END + 1,
    len(CONTENT),
]


def by_definition(content: bytes, header_end: int) -> Hashes:
    sha256 = hashlib.sha256(content).hexdigest()
    return Hashes(
        sha256=sha256,
        autov1=hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8],
        autov2=sha256[:10],
        autov3=hashlib.sha256(content[header_end:]).hexdigest()[:12],
        crc32=f"{zlib.crc32(content):08x}",
        blake3=blake3(content).hexdigest(),
    )


def digest(chunks: list[bytes], header_end: int) -> Hashes:
    digester = Digester(header_end, crc32=True, blake3=blake3)
    for chunk in chunks:
        digester.update(memoryview(chunk))
    return digester.finish()


@pytest.mark.parametrize("size", EDGES)
def test_a_file_of_any_size_has_the_digests_of_their_definitions(size: int) -> None:
    assert digest([CONTENT[:size]], 90) == by_definition(CONTENT[:size], 90)


places = st.integers(0, len(CONTENT)) | st.sampled_from(EDGES)


@given(st.lists(places, max_size=8), places)
def test_splitting_the_bytes_anywhere_changes_nothing(cuts: list[int], header_end: int) -> None:
    ends = [0, *sorted(cuts), len(CONTENT)]
    chunks = [CONTENT[begin:end] for begin, end in pairwise(ends)]
    assert digest(chunks, header_end) == by_definition(CONTENT, header_end)


def test_a_file_under_one_mebibyte_has_the_autov1_of_no_bytes() -> None:
    assert digest([bytes(1000)], 8).autov1 == "e3b0c442"


def test_crc32_and_blake3_come_only_on_request() -> None:
    hashes = Digester(0).finish()
    assert (hashes.crc32, hashes.blake3) == (None, None)


def test_nothing_of_a_reused_buffer_is_kept() -> None:
    digester = Digester(2)
    buffer = bytearray(b"abcd")
    digester.update(memoryview(buffer))
    buffer[:] = b"wxyz"
    digester.update(memoryview(buffer))
    assert digester.finish().sha256 == hashlib.sha256(b"abcdwxyz").hexdigest()
