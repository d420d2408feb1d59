"""The header of a safetensors file: all there is to know of its tensors without reading one.

Accepts and refuses what the reference library (Rust, ``safetensors/src/tensor.rs``) does, with these differences:

* A tensor name that stands twice is refused. The reference keeps the last one; the format forbids it.
* A tensor described by an array, or a dtype given as an object, is refused: an accident of the reference's JSON reader.
* An unknown dtype in capitals (``F8_E3M4``) is accepted, with its size taken from the offsets: types get added.
* A header of more than two million values is refused: a hundred megabytes of brackets unfold to gigabytes.
* ``-0`` is read as 0.

Source: https://github.com/huggingface/safetensors, README.md, section Format.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple, NoReturn

from lora_manager.domain.file.safetensors_errors import (
    DataMissing,
    DuplicateField,
    DuplicateTensor,
    FileTooShort,
    HeaderEmpty,
    HeaderPastEnd,
    HeaderTooLarge,
    InvalidSafetensors,
    MetadataNotText,
    OffsetsReversed,
    PartialByte,
    SizeMismatch,
    SizeOverflow,
    TensorFieldInvalid,
    TensorFieldMissing,
    TensorNotAnObject,
    TensorsOverlap,
    TrailingBytes,
    UnclaimedBytes,
)
from lora_manager.domain.file.safetensors_json import Object, check_unread, kind_of, part_first, read_object
from lora_manager.domain.file.signatures import refuse_other_format

LENGTH_BYTES = 8  # the header's length: unsigned, little-endian
MAX_HEADER_SIZE = 100_000_000  # Source: MAX_HEADER_SIZE in safetensors/src/tensor.rs
_U64_MAX = 2**64 - 1
_REMEMBERED, _MAX_REMEMBERED = 8, 2**19  # headers, and the bytes of each: at most some 30 MB in all
_METADATA = "__metadata__"
_FIELDS = ("dtype", "shape", "data_offsets")
_SHAPE = "a list of whole numbers from 0 to 2^64-1"
_OFFSETS = "a list of two whole numbers from 0 to 2^64-1"

BITS_OF_DTYPE: Mapping[str, int] = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "I32": 32, "U32": 32, "I64": 64, "U64": 64,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
}  # fmt: skip
"""Bits of one element. Source: Dtype in safetensors/src/tensor.rs."""

_FUTURE_DTYPE = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


class Tensor(NamedTuple):
    """One tensor: its name, element type, shape, and its bytes begin..end counted from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What a safetensors file says of itself before its data.

    :param length: bytes of JSON; the data begins at 8 + length
    :param tensors: in the order of their bytes
    """

    length: int
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]

    @property
    def end(self) -> int:
        """Where the data begins, in bytes from the start of the file."""
        return LENGTH_BYTES + self.length


def header_length(prefix: bytes, file_size: int) -> int:
    """The length of the JSON header in bytes, 1..:data:`MAX_HEADER_SIZE`.

    :param prefix: the file's first 8 bytes or more; all of it when it is shorter
    :raises InvalidSafetensors: it is another format, or the length cannot be true
    """
    length = int.from_bytes(prefix[:LENGTH_BYTES], "little")
    if file_size < LENGTH_BYTES or length > MAX_HEADER_SIZE or LENGTH_BYTES + length > file_size:
        refuse_other_format(prefix)
    if file_size < LENGTH_BYTES:
        raise FileTooShort(file_size)
    if length > MAX_HEADER_SIZE:
        raise HeaderTooLarge(length, MAX_HEADER_SIZE)
    if LENGTH_BYTES + length > file_size:
        raise HeaderPastEnd(length, file_size)
    if length == 0:
        raise HeaderEmpty
    return length


def parse_header(raw: bytes, file_size: int) -> Header:
    """The header, every claim in it checked against the others and against the size of the file.

    :param raw: the JSON bytes, without the 8 bytes before them
    :param file_size: of the whole file in bytes
    :raises InvalidSafetensors: a claim in it is false
    """
    metadata, tensors = _read_alike(raw) or _read_entries(read_object(raw))
    _check_layout(tensors, len(raw), file_size)
    return Header(len(raw), tensors, metadata or {})


def _read_alike(raw: bytes) -> tuple[Mapping[str, str], tuple[Tensor, ...]] | None:
    """What a header says whose tensors were seen before, and what is new of it read as ever.

    None where it begins otherwise than trainers begin it, or is wrong: reading it whole tells what and where.
    """
    if len(raw) > _MAX_REMEMBERED:
        return None
    try:
        parted = part_first(raw, _METADATA)
        return None if parted is None else (_read_metadata(parted[0]), _tensors_of(parted[1]))
    except InvalidSafetensors:
        return None


@lru_cache(_REMEMBERED)
def _tensors_of(raw: bytes) -> tuple[Tensor, ...]:
    """The tensors of a header without metadata. Files that one program made for one model differ in metadata alone.

    :raises InvalidSafetensors: a claim is false, or there is metadata
    """
    metadata, tensors = _read_entries(read_object(raw))
    if metadata is not None:
        raise DuplicateField(_METADATA)
    return tensors


def _read_entries(entries: Object) -> tuple[Mapping[str, str] | None, tuple[Tensor, ...]]:
    """The metadata, None where there is none, and the tensors in the order of their bytes."""
    metadata: dict[str, str] | None = None
    tensors: list[Tensor] = []
    for name, entry in entries:
        if name == _METADATA:
            metadata = _read_metadata(entry)
        else:
            tensors.append(_read_tensor(name, entry))
    if len({name for name, _ in entries}) != len(entries):
        _refuse_duplicate(entries)
    tensors.sort(key=itemgetter(3, 4))
    return metadata, tuple(tensors)


def _read_metadata(entry: object) -> dict[str, str]:
    if entry is None:
        return {}
    if type(entry) is not tuple:
        raise MetadataNotText(None, kind_of(entry))
    metadata: dict[str, str] = {}
    for key, value in entry:
        if type(value) is not str:
            raise MetadataNotText(key, kind_of(value))
        metadata[key] = value
    return metadata


def _read_tensor(name: str, entry: object) -> Tensor:
    if type(entry) is not tuple:
        raise TensorNotAnObject(name, kind_of(entry))
    match entry:
        case (("dtype", dtype), ("shape", shape), ("data_offsets", [begin, end])):
            pass  # as every writer writes it
        case _:
            dtype, shape, begin, end = _pick_fields(name, entry)
    if type(dtype) is not str:
        raise TensorFieldInvalid(name, "dtype", "a text")
    if type(shape) is not list:
        raise TensorFieldInvalid(name, "shape", _SHAPE)
    if type(begin) is not int or type(end) is not int or max(begin, -begin, end, -end) > _U64_MAX:
        raise TensorFieldInvalid(name, "data_offsets", _OFFSETS)
    elements = 1
    for size in shape:
        if type(size) is not int or size < 0:
            raise TensorFieldInvalid(name, "shape", _SHAPE)
        elements *= size
        if elements > _U64_MAX:
            raise SizeOverflow(name)
    tensor = Tensor(name, dtype, tuple(shape), begin, end)
    if elements * BITS_OF_DTYPE.get(dtype, -1) != (end - begin) * 8 or not elements:
        _check_size(tensor, elements)
    return tensor


def _pick_fields(tensor: str, entry: Object) -> tuple[object, object, object, object]:
    """Type, shape, begin and end, if each field stands once and the unknown ones are JSON to the reference too."""
    known: dict[str, object] = {}
    for field, value in entry:
        if field not in _FIELDS:
            check_unread(value)
        elif field in known:
            raise DuplicateField(field, tensor)
        else:
            known[field] = value
    for field in _FIELDS:
        if field not in known:
            raise TensorFieldMissing(tensor, field)
    match known["data_offsets"]:
        case [begin, end]:
            return known["dtype"], known["shape"], begin, end
        case _:
            raise TensorFieldInvalid(tensor, "data_offsets", _OFFSETS)


def _check_size(tensor: Tensor, elements: int) -> None:
    """Say why the size is not what the offsets give; accept an empty tensor, and a dtype that nobody knows yet."""
    name, dtype, shape, begin, end = tensor
    if end < begin:
        raise OffsetsReversed(name, begin, end)
    if max(shape, default=0) > _U64_MAX:
        raise TensorFieldInvalid(name, "shape", _SHAPE)
    bits = BITS_OF_DTYPE.get(dtype)
    if bits is None:
        if not _FUTURE_DTYPE.fullmatch(dtype):
            raise TensorFieldInvalid(name, "dtype", f"one of {', '.join(BITS_OF_DTYPE)}")
        return
    if elements * bits > _U64_MAX:
        raise SizeOverflow(name)
    if elements * bits % 8:
        raise PartialByte(name, dtype)
    if elements * bits != (end - begin) * 8:
        raise SizeMismatch(name, dtype, shape, elements * bits // 8, end - begin)


def _check_layout(tensors: Sequence[Tensor], length: int, file_size: int) -> None:
    """The tensors, in the order of their bytes, must fill the data without a hole, an overlap or a rest."""
    taken_to = 0
    for name, _, _, begin, end in tensors:
        if begin != taken_to:
            raise (UnclaimedBytes if begin > taken_to else TensorsOverlap)(name, begin, taken_to)
        taken_to = end
    expected = LENGTH_BYTES + length + taken_to
    if expected != file_size:
        raise (DataMissing if expected > file_size else TrailingBytes)(expected, file_size)


def _refuse_duplicate(entries: Object) -> NoReturn:
    name, _ = Counter(name for name, _ in entries).most_common(1)[0]
    raise DuplicateField(name) if name == _METADATA else DuplicateTensor(name)
