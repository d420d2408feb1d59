"""Input that somebody made to do harm, or that something damaged."""

import copy
import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from lora_manager.testing import strategies

_LONG = 5_000  # digits: more than Python turns into a number, or a number into
NUMBERS = (
    *("0", "-0", "-1", "1.5", "1e2", "1e308", "1e309", "-9e999", "NaN", "-Infinity", "01", "+1", ".5"),
    *(str(2**31), str(2**53 + 1), str(2**63), str(2**64 - 1), str(2**64), "9" * 400, "9" * 4_300, "-" + "9" * 4_300),
    "9" * _LONG,
)
"""Numbers as JSON texts, and some that are none."""
TEXTS = (
    *("", " ", "\0", "\ud800", "\udc00\ud800", "\ufeff", "\u0315\u0316" * 50, "İ", "ﬁ", "\U0001f58b", "\x1b[2J"),
    *("<" * 50, "<!--", "<script>", "<p", "</", "&#" + "9" * _LONG + ";", "&#x" + "f" * _LONG, "&lt;&#0;", "&" * 50),
    *("../../etc/passwd", "C:\\", "http://[", "http://[::1%25]/", "http://a:99999/", "https://\u2100.example", "//a"),
    *("{" * 200, "[" * 200, '{"a":' * 2_000, "[" * 5_000, "9" * _LONG, "%s%n", "{prompt}", "{0.__class__}"),
    *("(" * 200, "((a,b),", "a" * 2_100, "lora-1", "SDXL 1.0", "__proto__", "None"),
)
_PIECES = (
    *(text.encode("utf-8", "surrogatepass") for text in TEXTS),
    *(number.encode() for number in NUMBERS),
    *(b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"\\", b'"', b'""', b",", b":", b"null", b"{}", b"[]", b"}]"),
)


@cache
def texts() -> SearchStrategy[str]:
    """Any text at all, and often one that made trouble somewhere."""
    return strategies.any_text() | st.sampled_from(TEXTS)


@cache
def json_values() -> SearchStrategy[Any]:
    """Any decoded JSON."""
    numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**53 + 1, 2**64, -(2**64), 10**400])
    leaves = st.none() | st.booleans() | numbers | texts()
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4), max_leaves=8
    )


@st.composite
def distorted(draw: DrawFn, *genuine: Any) -> Any:  # noqa: ANN401  # JSON is anything
    """A genuine JSON value in which up to three parts, at any depth, are left out, doubled or replaced by any JSON."""
    value: Any = copy.deepcopy(draw(st.sampled_from(genuine)))
    for _ in range(draw(st.integers(0, 3))):
        value = _distorted_once(draw, value)
    return value


@st.composite
def mutated(draw: DrawFn, originals: Sequence[bytes]) -> bytes:
    """Genuine bytes that are cut, repeated, overwritten or exchanged in one to four places."""
    raw = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(start + 40, len(raw))))
        piece = draw(st.sampled_from(_PIECES) | st.binary(max_size=8) | st.just(raw[start:end] * 2))
        raw = raw[:start] + piece + raw[end:]
    return raw if draw(st.booleans()) else raw[: draw(st.integers(0, len(raw)))]


def json_bytes(values: SearchStrategy[Any]) -> SearchStrategy[bytes]:
    """Values as JSON, some of which is damaged, doubled or no JSON any more."""
    written = values.map(_written)
    return written | written.flatmap(lambda raw: mutated([raw]))


def _distorted_once(draw: DrawFn, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 9)) == 0:
        return draw(json_values())
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    match draw(st.sampled_from(["inside", "inside", "inside", "out", "double"])):
        case "out":
            del value[key]
        case "double" if isinstance(value, list):
            value.insert(key, value[key])
        case "double" if isinstance(value, dict):
            value[draw(texts())] = value[key]
        case _:
            value[key] = _distorted_once(draw, value[key])
    return value


def _written(value: Any) -> bytes:  # noqa: ANN401
    return json.dumps(value).encode()
