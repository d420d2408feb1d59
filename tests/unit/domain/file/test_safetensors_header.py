"""What a valid header tells, and one named error for every way it can lie."""

import json

import pytest

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file import MAX_HEADER_SIZE, Header, InvalidSafetensors, header_length, parse_header
from lora_manager.domain.file import safetensors_errors as errors
from lora_manager.domain.file.safetensors_json import MAX_VALUES
from tests.unit.domain.file.building import build, entry, header_of, wrap


def read(file: bytes) -> Header:
    length = header_length(file[:8], len(file))
    return parse_header(file[8 : 8 + length], len(file))


def test_a_header_tells_names_types_shapes_places_and_metadata() -> None:
    header = read(build({"b": ("F16", (2, 3)), "a": ("BF16", ())}, {"who": "me"}))
    assert [tuple(tensor) for tensor in header.tensors] == [("b", "F16", (2, 3), 0, 12), ("a", "BF16", (), 12, 14)]
    assert header.metadata == {"who": "me"}
    assert header.end == 8 + header.length


def test_tensors_come_in_the_order_of_their_bytes() -> None:
    text = f'{{"late": {entry(offsets=(4, 8))}, "early": {entry()}}}'
    assert [tensor.name for tensor in read(wrap(text, bytes(8))).tensors] == ["early", "late"]


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        ' \t\r\n{"__metadata__": null} \n',
        '{"__metadata__": {}}',
        '{"__metadata__": {"twice": "1", "twice": "2"}}',
        '{"": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}',
        '{"a": {"shape": [0, 18446744073709551615], "data_offsets": [0, 0], "dtype": "F32"}}',
        '{"a": {"dtype": "F4", "shape": [0], "data_offsets": [0, 0]}}',
        '{"\\ud83d\\ude00": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}}',
    ],
)
def test_unusual_but_valid_headers_are_read(text: str) -> None:
    assert isinstance(read(wrap(text)), Header)


@pytest.mark.parametrize("extra", ["null", '{"deep": [1.5, true, "x"]}', "[" * 125 + "]" * 125, "9" * 308])
def test_unknown_fields_of_a_tensor_are_passed_over(extra: str) -> None:
    text = f'{{"a": {{"dtype": "F32", "note": {extra}, "shape": [1], "data_offsets": [0, 4]}}}}'
    assert read(wrap(text, bytes(4))).tensors[0].shape == (1,)


def test_a_type_that_is_not_known_yet_is_kept_with_the_size_its_offsets_give() -> None:
    tensor = read(wrap(f'{{"a": {entry("F8_E3M4", (5,), (0, 5))}}}', bytes(5))).tensors[0]
    assert (tensor.dtype, tensor.shape, tensor.end) == ("F8_E3M4", (5,), 5)


TENSOR = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


def test_files_of_the_same_tensors_are_told_apart_by_their_metadata() -> None:
    first, second = (read(wrap(f'{{"__metadata__":{{"who":"{who}"}},{TENSOR}}}', bytes(4))) for who in ("me", "you!"))
    assert first.tensors == second.tensors == read(wrap(f"{{{TENSOR}}}", bytes(4))).tensors
    assert (first.metadata, second.metadata) == ({"who": "me"}, {"who": "you!"})
    assert second.length == first.length + 2


@pytest.mark.parametrize(
    ("text", "size", "error"),
    [
        ('{"__metadata__":{"a":1},%}', 4, errors.MetadataNotText),
        ('{"__metadata__":{"a":"\\udfff"},%}', 4, errors.HeaderNotJson),
        ('{"__metadata__":{},%,"__metadata__":{}}', 4, errors.DuplicateField),
        ('{"__metadata__":{},%,"\\u005f_metadata__":{}}', 4, errors.DuplicateField),
        ('{"__metadata__":{},%,%}', 4, errors.DuplicateTensor),
        ('{"__metadata__":{},%,}', 4, errors.HeaderNotJson),
        ('{"__metadata__":{}%}', 4, errors.HeaderNotJson),
        ('{"__metadata__":{},%}}', 4, errors.HeaderNotJson),
        ('{"__metadata__":{},%}', 5, errors.TrailingBytes),
        ('{"__metadata__":{},%}', 3, errors.DataMissing),
    ],
)
def test_a_lie_beside_tensors_that_were_seen_before_is_told(
    text: str, size: int, error: type[InvalidSafetensors]
) -> None:
    read(wrap(f'{{"__metadata__":{{}},{TENSOR}}}', bytes(4)))
    with pytest.raises(error):
        read(wrap(text.replace("%", TENSOR), bytes(size)))


def tensor_text(dtype: str = '"F32"', shape: str = "[1]", offsets: str = "[0, 4]") -> str:
    return f'{{"a": {{"dtype": {dtype}, "shape": {shape}, "data_offsets": {offsets}}}}}'


LIES: dict[str, tuple[bytes, type[InvalidSafetensors]]] = {
    "empty file": (b"", errors.FileTooShort),
    "seven bytes": (b"\x01" + bytes(6), errors.FileTooShort),
    "length beyond the limit": ((MAX_HEADER_SIZE + 1).to_bytes(8, "little") + b"{}", errors.HeaderTooLarge),
    "length beyond the file": ((3).to_bytes(8, "little") + b"{}", errors.HeaderPastEnd),
    "file of zeros": (bytes(100), errors.HeaderEmpty),
    "no utf-8": (wrap(b'{"\xff": 1}'), errors.HeaderNotUtf8),
    "utf-16": (wrap("{}".encode("utf-16")), errors.HeaderNotUtf8),
    "byte order mark": (wrap("\ufeff{}"), errors.HeaderNotJson),
    "no json": (wrap("{" + "x" * 8), errors.HeaderNotJson),
    "zeros after the json": (wrap("{}\0\0"), errors.HeaderNotJson),
    "two documents": (wrap("{}{}"), errors.HeaderNotJson),
    "trailing comma": (wrap('{"__metadata__": {},}'), errors.HeaderNotJson),
    "control character in a name": (wrap('{"a\n": 1}'), errors.HeaderNotJson),
    "half a character in a name": (wrap('{"\\ud800": 1}'), errors.HeaderNotJson),
    "half a character in metadata": (wrap('{"__metadata__": {"a": "\\uDFFF"}}'), errors.HeaderNotJson),
    "NaN": (wrap(tensor_text(shape="[NaN]"), bytes(4)), errors.HeaderNotJson),
    "Infinity": (wrap(tensor_text(shape="[-Infinity]"), bytes(4)), errors.HeaderNotJson),
    "float too large": (wrap(tensor_text(shape="[1e999]"), bytes(4)), errors.HeaderNotJson),
    "number of 5,000 digits": (wrap(tensor_text(shape=f"[{'1' * 5000}]"), bytes(4)), errors.HeaderNotJson),
    "large number in an unknown field": (wrap(f'{{"a": {{"x": {"9" * 309}}}}}'), errors.HeaderNotJson),
    "deep unknown field": (wrap(f'{{"a": {{"x": {"[" * 126}{"]" * 126}}}}}'), errors.HeaderTooDeep),
    "bottomless objects": (wrap('{"a":' * 200_000), errors.HeaderTooDeep),
    "bottomless arrays": (wrap("[" * 200_000), errors.HeaderTooDeep),
    "two million values": (wrap(f'{{"a": [{"0," * MAX_VALUES}0]}}'), errors.HeaderTooManyValues),
    "array": (wrap("[]"), errors.HeaderNotAnObject),
    "null": (wrap("null"), errors.HeaderNotAnObject),
    "metadata is a list": (wrap('{"__metadata__": []}'), errors.MetadataNotText),
    "metadata holds a number": (wrap('{"__metadata__": {"a": 1}}'), errors.MetadataNotText),
    "metadata holds a number under a name used twice": (
        wrap('{"__metadata__": {"a": 1, "a": "2"}}'),
        errors.MetadataNotText,
    ),
    "metadata twice": (wrap('{"__metadata__": {}, "__metadata__": {}}'), errors.DuplicateField),
    "tensor twice": (wrap(f'{{"a": {entry(offsets=(4, 8))}, "a": {entry()}}}', bytes(4)), errors.DuplicateTensor),
    "shape twice": (
        wrap('{"a": {"dtype": "F32", "shape": [1], "shape": [1], "data_offsets": [0, 4]}}', bytes(4)),
        errors.DuplicateField,
    ),
    "tensor is null": (wrap('{"a": null}'), errors.TensorNotAnObject),
    "tensor is an array": (wrap('{"a": ["F32", [1], [0, 4]]}', bytes(4)), errors.TensorNotAnObject),
    "no dtype": (wrap('{"a": {"shape": [1], "data_offsets": [0, 4]}}', bytes(4)), errors.TensorFieldMissing),
    "dtype in small letters": (wrap(tensor_text('"f32"'), bytes(4)), errors.TensorFieldInvalid),
    "empty dtype": (wrap(tensor_text('""'), bytes(4)), errors.TensorFieldInvalid),
    "dtype is an object": (wrap(tensor_text('{"F32": null}'), bytes(4)), errors.TensorFieldInvalid),
    "shape is text": (wrap(tensor_text(shape='"1"'), bytes(4)), errors.TensorFieldInvalid),
    "shape holds a float": (wrap(tensor_text(shape="[1.0]"), bytes(4)), errors.TensorFieldInvalid),
    "shape holds true": (wrap(tensor_text(shape="[true]"), bytes(4)), errors.TensorFieldInvalid),
    "shape is negative": (wrap(tensor_text(shape="[-1, -1]"), bytes(4)), errors.TensorFieldInvalid),
    "shape beyond 64 bits beside a zero": (
        wrap(tensor_text(shape="[0, 18446744073709551616]", offsets="[0, 0]")),
        errors.TensorFieldInvalid,
    ),
    "one offset": (wrap(tensor_text(offsets="[0]"), bytes(4)), errors.TensorFieldInvalid),
    "three offsets": (wrap(tensor_text(offsets="[0, 4, 4]"), bytes(4)), errors.TensorFieldInvalid),
    "offset is true": (wrap(tensor_text(shape="[]", offsets="[0, true]"), bytes(4)), errors.TensorFieldInvalid),
    "offsets are an object": (wrap(tensor_text(offsets='{"a": 0, "b": 4}'), bytes(4)), errors.TensorFieldInvalid),
    "ends before it begins": (wrap(tensor_text(offsets="[4, 0]"), bytes(4)), errors.OffsetsReversed),
    "same bytes twice": (wrap(f'{{"a": {entry()}, "b": {entry()}}}', bytes(8)), errors.TensorsOverlap),
    "negative offset": (wrap(tensor_text(offsets="[-4, 0]"), bytes(4)), errors.TensorsOverlap),
    "hole before the first tensor": (wrap(tensor_text(offsets="[4, 8]"), bytes(8)), errors.UnclaimedBytes),
    "hole between tensors": (
        wrap(f'{{"a": {entry()}, "b": {entry(offsets=(8, 12))}}}', bytes(12)),
        errors.UnclaimedBytes,
    ),
    "shape larger than its bytes": (wrap(tensor_text(shape="[2]"), bytes(4)), errors.SizeMismatch),
    "shape of nothing with bytes": (wrap(tensor_text(shape="[0]"), bytes(4)), errors.SizeMismatch),
    "shape beyond 64 bits": (wrap(tensor_text(shape=f"[{2**40}, {2**40}, 0]")), errors.SizeOverflow),
    "bits beyond 64 bits": (wrap(tensor_text(shape=f"[{2**63 - 1}]")), errors.SizeOverflow),
    "half a byte": (wrap(f'{{"a": {entry("F4", (3,), (0, 1))}}}', bytes(1)), errors.PartialByte),
    "cut off": (wrap(tensor_text(), bytes(3)), errors.DataMissing),
    "more than the tensors": (wrap(tensor_text(), bytes(5)), errors.TrailingBytes),
    "data without a tensor": (wrap("{}", b"\0"), errors.TrailingBytes),
}


@pytest.mark.parametrize(("file", "error"), LIES.values(), ids=LIES.keys())
def test_every_lie_has_its_own_error(file: bytes, error: type[InvalidSafetensors]) -> None:
    with pytest.raises(InvalidFile) as refused:
        read(file)
    assert type(refused.value) is error


def test_no_error_class_is_without_a_lie() -> None:
    tested = {error for _, error in LIES.values()} | {errors.OtherFormat}
    assert tested == set(errors.InvalidSafetensors.__subclasses__())


@pytest.mark.parametrize(
    ("file", "facts"),
    [
        (LIES["length beyond the file"][0], {"length": 3, "file_size": 10}),
        (LIES["shape larger than its bytes"][0], {"tensor": "a", "shape": (2,), "needed": 8, "given": 4}),
        (LIES["hole before the first tensor"][0], {"tensor": "a", "begin": 4, "taken_to": 0}),
        (LIES["metadata holds a number"][0], {"key": "a", "found": "a number"}),
        (LIES["no dtype"][0], {"tensor": "a", "field": "dtype"}),
        (LIES["tensor twice"][0], {"tensor": "a"}),
        (LIES["no utf-8"][0], {"position": 2}),
    ],
)
def test_an_error_carries_its_facts(file: bytes, facts: dict[str, object]) -> None:
    with pytest.raises(InvalidSafetensors) as refused:
        read(file)
    assert {name: getattr(refused.value, name) for name in facts} == facts


def test_a_message_stays_short_and_printable_whatever_a_tensor_is_called() -> None:
    name = "\x1b[31m\u202e" + "x" * 100_000
    with pytest.raises(errors.TensorNotAnObject) as refused:
        read(wrap(json.dumps({name: None})))
    assert len(str(refused.value)) < 300
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        (b"PK\x03\x04\0\0\x08\x08", "zip archive: most likely a Python pickle"),
        (b"\x80\x02}q\0X\x0a\0", "Python pickle"),
        (b"\x80\x04\x95\x1a\0\0\0\0", "Python pickle"),
        (b"\x80\x02N.", "Python pickle"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"<!DOCTYPE html>", "web page"),
        (b"\n\n <HTML>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b'{"error": "not found"}', "text file"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("length", [8, None], ids=["eight bytes", "all bytes"])
def test_other_formats_are_called_by_their_name(prefix: bytes, found: str, length: int | None) -> None:
    with pytest.raises(errors.OtherFormat, match=found):
        header_length(prefix[:length], len(prefix))


def test_a_length_that_happens_to_look_like_another_format_is_a_length() -> None:
    length = int.from_bytes(b"PK\x03\x04", "little")
    assert header_length(b"PK\x03\x04\0\0\0\0", 8 + length) == length


def test_the_largest_header_the_format_allows_is_allowed() -> None:
    assert header_length(MAX_HEADER_SIZE.to_bytes(8, "little"), 8 + MAX_HEADER_SIZE) == MAX_HEADER_SIZE


def test_a_header_of_thousands_of_tensors_is_read() -> None:
    assert len(header_of({f"layer.{n}.alpha": ("F16", ()) for n in range(20_000)}).tensors) == 20_000
