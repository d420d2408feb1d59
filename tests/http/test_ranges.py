"""The Range header, held against slices of bytes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lora_manager.http.ranges import RangeNotSatisfiable, span_of

CONTENT = bytes(range(10))
SIZES = st.integers(0, 40)
PLACES = st.integers(0, 60)


def got(header: str, content: bytes = CONTENT) -> bytes | None:
    """What is sent of the content: None where none of it can be."""
    try:
        span = span_of(header, len(content))
    except RangeNotSatisfiable as error:
        return None if error.size_bytes == len(content) else b"told another length"
    return content if span is None else content[span.begin : span.end]


@given(SIZES, PLACES, PLACES)
def test_from_one_byte_to_another_is_what_a_slice_gives(size: int, first: int, length: int) -> None:
    content = bytes(range(size))
    assert got(f"bytes={first}-{first + length}", content) == (content[first : first + length + 1] or None)


@given(SIZES, PLACES)
def test_from_one_byte_on_is_what_a_slice_gives(size: int, first: int) -> None:
    content = bytes(range(size))
    assert got(f"bytes={first}-", content) == (content[first:] or None)


@given(SIZES, st.integers(1, 60))
def test_the_last_bytes_are_what_a_slice_gives(size: int, count: int) -> None:
    content = bytes(range(size))
    assert got(f"bytes=-{count}", content) == (content[-count:] or None)


@given(st.text() | st.from_regex(r"bytes=[0-9 ,-]*", fullmatch=True), SIZES)
@example("bytes=0-" + "9" * 5000, 10)
def test_whatever_the_header_holds_a_stretch_of_the_content_is_sent_or_none(header: str, size: int) -> None:
    content = bytes(range(size))
    part = got(header, content)
    assert part is None or part in content


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", CONTENT[:1]),
        ("bytes=9-9", CONTENT[9:]),
        ("bytes=5-99999999999999999999999", CONTENT[5:]),
        ("BYTES=2-4", CONTENT[2:5]),
        (" bytes=2-4 ", CONTENT[2:5]),
        ("bytes=,2-4 ,", CONTENT[2:5]),
        ("bytes=-99", CONTENT),
        ("bytes=10-", None),
        ("bytes=10-20", None),
        ("bytes=-0", None),
    ],
)
def test_one_range_is_read_as_the_standard_has_it(header: str, expected: bytes | None) -> None:
    assert got(header) == expected


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=,",
            "bytes=a-b",
            "bytes=1",
            "bytes=--1",
            "bytes=1-2-3",
            "bytes=+1-2",
        ),
        *("bytes=3-2", "bytes=0-1,3-4", "bytes=0-1, -1", "items=0-1", "bytes 0-1", "bytes=1_0-", "bytes=\u0661-"),
    ],
)
def test_several_ranges_and_what_is_none_are_the_whole(header: str) -> None:
    assert span_of(header, len(CONTENT)) is None
