"""Accepts and refuses what the reference library does; the deliberate differences are spelled out."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, deserialize

from lora_manager.domain.file import InvalidSafetensors, header_length, parse_header
from lora_manager.domain.file.safetensors import BITS_OF_DTYPE
from tests.unit.domain.file.building import entry, wrap

read_with_reference: Callable[[bytes], object] = deserialize
names = st.text(max_size=8).filter(lambda name: name != "__metadata__")
sizes = st.integers(0, 4)
NASTY = [
    *("-0", "-1", "01", "+1", "1.0", "1e2", "1e999", "18446744073709551615", "18446744073709551616", "9" * 400),
    *("true", "null", "NaN", "-Infinity", "[]", "{}", "[[", "}}", ",", ":", "\\", "\ufeff", "\x00", "\x7f", " \t"),
    *('""', '"F16"', '"F8_E3M4"', '"f16"', '"\\ud800"', '"\\ud83d\\ude00"', '"dtype"', '"shape"', '"__metadata__"'),
    *('{"F32": null}', '["F32", [], [0, 4]]', "[" * 130 + "]" * 130, '"dtype": "F32",', '"x": [{"y": 1}],'),
]
token = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+|[\[\]{},:]|\s+')


@st.composite
def headers(draw: st.DrawFn) -> tuple[str, int]:
    """The header of a valid file, written in any order and spacing, and the size of its data."""
    end = 0
    document: dict[str, object] = {}
    for name in draw(st.lists(names, max_size=4, unique=True)):
        dtype = draw(st.sampled_from(sorted(BITS_OF_DTYPE)))
        shape = draw(st.lists(sizes, max_size=3))
        if math.prod(shape) * BITS_OF_DTYPE[dtype] % 8:
            shape.append(4)
        begin, end = end, end + math.prod(shape) * BITS_OF_DTYPE[dtype] // 8
        fields = [("dtype", dtype), ("shape", shape), ("data_offsets", [begin, end])]
        document[name] = dict(draw(st.permutations(fields)))
    if draw(st.booleans()):
        document["__metadata__"] = draw(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3))
    ordered = dict(draw(st.permutations(list(document.items()))))
    if draw(st.booleans()):
        ordered = {name: ordered[name] for name in sorted(ordered, key=lambda name: name != "__metadata__")}
    indent, separators = draw(st.sampled_from([(None, None), (1, None), (None, (",", ":"))]))
    text = json.dumps(ordered, ensure_ascii=draw(st.booleans()), indent=indent, separators=separators)
    return text + " " * draw(sizes), end


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """A valid file after one or two tricks with its JSON or its bytes."""
    text, size = draw(headers())
    for _ in range(draw(st.integers(0, 2))):
        tokens = list(token.finditer(text))
        found = draw(st.sampled_from(tokens))
        place = slice(found.start(), draw(st.sampled_from([found.start(), found.end()])))
        other = draw(st.sampled_from([*NASTY, *(match.group() for match in tokens)]))
        text = text[: place.start] + other + text[place.stop :]
    file = bytearray(wrap(text, bytes(size)))
    for _ in range(draw(st.integers(0, 1))):
        file[draw(st.integers(0, len(file) - 1))] = draw(st.integers(0, 255))
    file += bytes(draw(st.sampled_from([0, 0, 0, 1])))
    return bytes(file[: len(file) - draw(st.sampled_from([0, 0, 0, 1]))])


def verdict(header: bytes, size: int) -> object:
    """What the header says, or the error; ``size`` is that of the data."""
    try:
        read = parse_header(header, 8 + len(header) + size)
    except InvalidSafetensors as error:
        return type(error)
    return read.tensors, read.metadata


def accepts(file: bytes) -> bool:
    try:
        length = header_length(file[:8], len(file))
        parse_header(file[8 : 8 + length], len(file))
    except InvalidSafetensors:
        return False
    return True


def reference_accepts(file: bytes) -> bool:
    try:
        read_with_reference(file)
    except SafetensorError:
        return False
    return True


def stricter_by_design(file: bytes) -> bool:
    """The reference accepts a repeated tensor name, an entry that is an array, a dtype that is an object."""
    pairs = json.loads(header_of(file), object_pairs_hook=tuple)
    entries = [value for name, value in pairs if name != "__metadata__"]
    repeated = any(times > 1 for times in Counter(name for name, _ in pairs).values())
    arrays = any(isinstance(value, list) for value in entries)
    objects = any(isinstance(dict(value).get("dtype"), tuple) for value in entries if isinstance(value, tuple))
    return repeated or arrays or objects


def more_lenient_by_design(file: bytes) -> bool:
    """The reference refuses a type it does not know yet, and -0."""
    header = header_of(file)
    unknown = set(re.findall(r'"([A-Z][A-Z0-9_]{0,31})"', header)) - set(BITS_OF_DTYPE)
    return bool(unknown) or "-0" in header


def header_of(file: bytes) -> str:
    return file[8 : 8 + int.from_bytes(file[:8], "little")].decode()


@given(headers())
@settings(max_examples=200)
def test_every_valid_file_is_accepted(header: tuple[str, int]) -> None:
    text, size = header
    file = wrap(text, bytes(size))
    assert reference_accepts(file)
    assert accepts(file)


@given(damaged_files())
@settings(max_examples=600)
def test_verdicts_differ_from_the_reference_only_by_design(file: bytes) -> None:
    ours, theirs = accepts(file), reference_accepts(file)
    if theirs and not ours:
        assert stricter_by_design(file)
    elif ours and not theirs:
        assert more_lenient_by_design(file)


@given(damaged_files())
@settings(max_examples=600)
def test_tensors_that_were_seen_before_are_told_as_those_that_were_not(file: bytes) -> None:
    length = min(int.from_bytes(file[:8], "little"), len(file) - 8)
    header, size = file[8 : 8 + length], len(file) - 8 - length
    # One that begins with a blank is read whole, the other one by what was seen before.
    assert verdict(header, size) == verdict(header, size) == verdict(b" " + header, size)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (f'{{"a": {entry(offsets=(0, 8))}, "a": {entry()}}}', False),
        ('{"a": ["F32", [1], [0, 4]]}', False),
        ('{"a": {"dtype": {"F32": null}, "shape": [1], "data_offsets": [0, 4]}}', False),
        (f'{{"a": {entry("F8_E3M4")}}}', True),
        ('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [-0, 4]}}', True),
    ],
    ids=["repeated name", "array as entry", "object as dtype", "unknown dtype", "minus zero"],
)
def test_each_deliberate_difference_is_one(text: str, *, accepted: bool) -> None:
    file = wrap(text, bytes(4))
    assert accepts(file) is accepted
    assert reference_accepts(file) is not accepted


@given(st.binary(max_size=64))
@settings(max_examples=200)
def test_random_bytes_are_judged_as_the_reference_judges_them(file: bytes) -> None:
    assert accepts(file) == reference_accepts(file)


@pytest.mark.parametrize("depth", [125, 126])
def test_nesting_ends_where_the_reference_ends_it(depth: int) -> None:
    text = f'{{"a": {{"x": {"[" * depth}{"]" * depth}, "dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}}}'
    file = wrap(text, bytes(4))
    assert accepts(file) == reference_accepts(file) == (depth == 125)


@pytest.mark.parametrize(
    "number",
    ["9" * 308, "9" * 309, "9" * 5_000, "1e308", "1e309", "-9e999"],
    ids=["308 digits", "309 digits", "5000 digits", "1e308", "1e309", "-9e999"],
)
def test_numbers_in_unknown_fields_end_where_the_reference_ends_them(number: str) -> None:
    file = wrap(f'{{"a": {{"x": {number}, "dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}}}', bytes(4))
    assert accepts(file) == reference_accepts(file)
