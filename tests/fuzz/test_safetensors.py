"""Whatever the bytes of a file: it is described or refused, for memory and work in proportion to its header."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file import InvalidSafetensors, NotALora, parse_header
from lora_manager.domain.file.inspected import Inspected
from lora_manager.domain.file.inspection import Inspection
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import NUMBERS, distorted, json_bytes, json_values, mutated, texts
from tests.unit.domain.file.building import wrap

ROOT = Path(__file__).resolve().parents[2]
FILES = [path.read_bytes() for path in (*ROOT.glob("examples/library/*"), *ROOT.glob("tests/data/*.safetensors"))]
TENSOR = '{"dtype": "F16", "shape": [1, 1], "data_offsets": [0, 2]}'
NAMES = ("a.lora_down.weight", "lora_unet_x.lora_up.weight", "a.oft_blocks", "a.hada_w1_b", "a.alpha", "a.diff", "a")
METADATA = ("ss_tag_frequency", "ss_network_args", "ss_network_alpha", "ss_clip_skip", "lora_adapter_metadata")
MORE_METADATA = ("ss_base_model_version", "modelspec.architecture", "modelspec.trigger_phrase", "sshs_model_hash")


def head_of(file: bytes) -> bytes:
    return file[8 : 8 + int.from_bytes(file[:8], "little")]


HEADS = [head_of(file) for file in FILES]
DOCUMENTS = [json.loads(head) for head in HEADS]


def inspect(file: bytes, size: int | None = None, step: int = 1 << 16) -> Inspected:
    """What is said of a file that comes in pieces."""
    inspection = Inspection(len(file) if size is None else size, crc32=True)
    for start in range(0, len(file), step):
        inspection.feed(file[start : start + step])
    return inspection.finish()


@st.composite
def liars(draw: DrawFn) -> bytes:
    """Headers that are JSON of the right form and say anything of lengths, types and places."""

    def tensor() -> str:
        number = st.sampled_from(NUMBERS) | st.integers(0, 8).map(str)
        shape = ", ".join(draw(st.lists(number, max_size=5)))
        dtype = draw(st.sampled_from(["F16", "F4", "F6_E2M3", "F99", "f16", "", "X" * 40]))
        return f'{{"dtype": "{dtype}", "shape": [{shape}], "data_offsets": [{draw(number)}, {draw(number)}]}}'

    names = draw(st.lists(st.sampled_from(NAMES), max_size=4))
    return ("{" + ", ".join(f'"{name}": {tensor()}' for name in names) + "}").encode()


@fuzz
@given(st.binary(max_size=200) | mutated(FILES), st.integers(1, 70), st.integers(-9, 9))
def test_any_file_is_described_or_refused(file: bytes, step: int, missing: int) -> None:
    outcome(partial(inspect, file, max(len(file) + missing, 0), step), InvalidFile)


@fuzz
@given(liars() | mutated(HEADS) | json_bytes(distorted(*DOCUMENTS)), st.integers(0, 64) | st.just(10**30))
def test_any_header_is_believed_only_where_all_of_it_fits(head: bytes, data: int) -> None:
    header = outcome(partial(parse_header, head, 8 + len(head) + data), InvalidSafetensors)
    if not isinstance(header, InvalidSafetensors):
        assert sum(tensor.end - tensor.begin for tensor in header.tensors) == data
        assert all(0 <= tensor.begin <= tensor.end for tensor in header.tensors)


@fuzz
@given(st.dictionaries(st.sampled_from(METADATA + MORE_METADATA), texts() | json_values().map(json.dumps)))
def test_any_metadata_reads_as_something_that_can_be_stored(metadata: dict[str, str]) -> None:
    text = json.dumps({"__metadata__": metadata}, ensure_ascii=True)[:-1] + f', "{NAMES[0]}": {TENSOR}}}'
    found = outcome(partial(inspect, wrap(text, bytes(2))), InvalidSafetensors)  # half a character is refused
    if not isinstance(found, InvalidSafetensors):
        repr(found).encode()
        assert len(found.embedded.training_tags) <= 50
        assert all(len(phrase) <= 2_000 for phrase in found.trigger_candidates)


@pytest.mark.parametrize(
    "offsets",
    [(0, "9" * 4_300), ("-" + "9" * 4_300, "9" * 4_300), ("9" * 4_300, "9" * 4_300), (0, 2**64)],
    ids=["end", "both", "begin", "64 bits"],
)
@pytest.mark.parametrize("dtype", ["F16", "F99"])
def test_offsets_that_no_file_can_have_are_refused(offsets: tuple[object, object], dtype: str) -> None:
    head = f'{{"a": {{"dtype": "{dtype}", "shape": [1], "data_offsets": [{offsets[0]}, {offsets[1]}]}}}}'.encode()
    with pytest.raises(InvalidSafetensors, match="data_offsets"):
        parse_header(head, 8 + len(head) + 2)


def _with_metadata(key: str, value: str) -> str:
    return f'{{"__metadata__": {{"{key}": "{value}"}}, "{NAMES[0]}": {TENSOR}}}'


def _tensors(count: int, name: str) -> str:
    entry = '"{}": {{"dtype": "F16", "shape": [1, 1], "data_offsets": [{}, {}]}}'
    entries = (entry.format(name.format(number), 2 * number, 2 * number + 2) for number in range(count))
    return "{" + ", ".join(entries) + "}"


# Headers by what there is much of in them.
SWOLLEN: dict[str, Callable[[int], str]] = {
    "layers": lambda n: _tensors(n, "lora_unet_input_blocks_{}_x.lora_down.weight"),
    "strangers": lambda n: _tensors(n, "blocks.{}.weight"),
    "hypernetwork": lambda n: _tensors(n, "{}.0.linear"),
    "one name": lambda n: _tensors(n, "a.lora_down.weight"),
    "dots in a name": lambda n: f'{{"{"." * n}.lora_down.weight": {TENSOR}}}',
    "containers in a name": lambda n: f'{{"{"unet." * n}lora_down.weight": {TENSOR}}}',
    "ends in a name": lambda n: f'{{"{"$^" * n}.lora_down.weight": {TENSOR}}}',
    "sizes": lambda n: f'{{"a.lora_down.weight": {TENSOR.replace("1, 1", ", ".join(["1"] * n))}}}',
    "unread values": lambda n: f'{{"a.lora_down.weight": {{"x": [{", ".join(["[]"] * n)}], {TENSOR[1:]}}}',
    "unread levels": lambda n: f'{{"a.lora_down.weight": {{"x": {"[" * n}{"]" * n}, {TENSOR[1:]}}}',
    "unread digits": lambda n: f'{{"a.lora_down.weight": {{"x": {"9" * n}, {TENSOR[1:]}}}',
    "brackets": lambda n: "[" * n,
    "metadata": lambda n: '{"__metadata__": {' + ", ".join(f'"{k}": "{k}"' for k in range(n)) + f'}}, "a": {TENSOR}}}',
    "caption tags": lambda n: _with_metadata(
        "ss_tag_frequency", '{\\"a\\": {' + ",".join(f'\\"{k}\\": 1' for k in range(n)) + "}}"
    ),
    "folders": lambda n: _with_metadata(
        "ss_tag_frequency", "{" + ",".join(f'\\"{k}\\": {{\\"a\\": 1}}' for k in range(n)) + "}"
    ),
    "brackets in metadata": lambda n: _with_metadata("ss_tag_frequency", "[" * n),
    "phrases": lambda n: _with_metadata("modelspec.trigger_phrase", "a," * n),
    "claim": lambda n: _with_metadata("ss_base_model_version", "sd" * n),
    "nuls": lambda n: _with_metadata("modelspec.title", "\\u0000" * n),
}


def _read(head: str) -> Inspected:
    return inspect(wrap(head, bytes(2 * max(head.count("data_offsets"), 1))))


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_header_takes_no_more_than_twice_the_work(shape: str) -> None:
    require_linear(lambda size: partial(_read, SWOLLEN[shape](size)), 400, InvalidFile)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_header_takes_memory_in_proportion_to_its_size(shape: str) -> None:
    head = SWOLLEN[shape](4_000)
    require_memory(partial(_read, head), len(head), 30, InvalidFile)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_header_of_many_thousand_of_the_same_is_read(shape: str) -> None:
    outcome(partial(_read, SWOLLEN[shape](10_000)), InvalidFile)  # what works unseen would take minutes


def test_metadata_is_not_unfolded_to_more_values_than_a_header_may_hold() -> None:
    # Escaped, these brackets are not counted as the header's own; this would take more than a hundred megabytes.
    head = _with_metadata(
        "ss_tag_frequency", '{\\"a\\": \\u005b' + "[]\\u002c".replace("[", "\\u005b") * 2_100_000 + "1]}"
    )
    require_memory(partial(_read, head), len(head), 5)


def test_a_file_that_is_no_lora_is_told_by_few_names() -> None:
    found = outcome(partial(_read, _tensors(1_000, "blocks.{}.weight")), NotALora)
    assert len(str(found)) < 1_000
