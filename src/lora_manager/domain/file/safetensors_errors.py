"""Every way a safetensors header can lie, as one error each; the message says the cause and the way out."""

from collections.abc import Sequence

from lora_manager.domain.errors import InvalidFile

_SHOWN = 80


class InvalidSafetensors(InvalidFile):
    """The file is no valid safetensors file."""


class FileTooShort(InvalidSafetensors):
    """The file ends before the eight bytes that give the header's length."""

    def __init__(self, file_size: int) -> None:
        self.file_size = file_size
        super().__init__(
            f"the file has {file_size} bytes, a safetensors file has at least 10; download or export it again"
        )


class OtherFormat(InvalidSafetensors):
    """The first bytes belong to another file format."""

    def __init__(self, found: str, advice: str) -> None:
        self.found = found
        self.advice = advice
        super().__init__(f"this is {found}, not a safetensors file; {advice}")


class HeaderTooLarge(InvalidSafetensors):
    """The first eight bytes announce a header longer than the format allows."""

    def __init__(self, length: int, limit: int) -> None:
        self.length = length
        self.limit = limit
        super().__init__(
            f"the first 8 bytes announce a header of {length} bytes, at most {limit} are allowed; "
            "this is no safetensors file, or it is damaged"
        )


class HeaderPastEnd(InvalidSafetensors):
    """The announced header would end after the file does."""

    def __init__(self, length: int, file_size: int) -> None:
        self.length = length
        self.file_size = file_size
        super().__init__(
            f"the header should end at byte {8 + length}, but the file has {file_size} bytes; "
            "the file is cut off: download it again"
        )


class HeaderEmpty(InvalidSafetensors):
    """The header has no bytes, as in a file of zeros."""

    def __init__(self) -> None:
        super().__init__("the header has length 0; a file of zeros is an interrupted download: download it again")


class HeaderNotUtf8(InvalidSafetensors):
    """The header's bytes are no UTF-8 text."""

    def __init__(self, position: int) -> None:
        self.position = position
        super().__init__(f"the header is not UTF-8 text from byte {8 + position} on; the file is damaged")


class HeaderNotJson(InvalidSafetensors):
    """The header's text is no JSON."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the header is not JSON: {reason}; the file is damaged or its writer is faulty")


class HeaderTooDeep(InvalidSafetensors):
    """Arrays and objects in the header are nested deeper than readers follow."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the header nests arrays or objects {limit} deep or deeper; no writer does that")


class HeaderTooManyValues(InvalidSafetensors):
    """The header's JSON would unfold to more values than any model has."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"the header holds more than {limit} JSON values; it is made to exhaust memory")


class HeaderNotAnObject(InvalidSafetensors):
    """The header is JSON, but not an object."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"the header must be a JSON object, it is {found}")


class MetadataNotText(InvalidSafetensors):
    """``__metadata__`` is something other than a map from text to text."""

    def __init__(self, key: str | None, found: str) -> None:
        self.key = key
        self.found = found
        place = "__metadata__" if key is None else f"__metadata__[{_quote(key)}]"
        expected = "an object of texts" if key is None else "a text"
        super().__init__(f"{place} must be {expected}, it is {found}; save the file again with text values only")


class DuplicateField(InvalidSafetensors):
    """A field that may stand once stands twice, so that two readers may see two different files."""

    def __init__(self, field: str, tensor: str | None = None) -> None:
        self.field = field
        self.tensor = tensor
        place = "the header" if tensor is None else f"tensor {_quote(tensor)}"
        super().__init__(f"{place} has the field {field} twice")


class DuplicateTensor(InvalidSafetensors):
    """Two tensors have one name, so that two readers may see two different files."""

    def __init__(self, tensor: str) -> None:
        self.tensor = tensor
        super().__init__(f"the header names the tensor {_quote(tensor)} twice")


class TensorNotAnObject(InvalidSafetensors):
    """A tensor is described by something other than a JSON object."""

    def __init__(self, tensor: str, found: str) -> None:
        self.tensor = tensor
        self.found = found
        super().__init__(f"tensor {_quote(tensor)} must be described by a JSON object, it is {found}")


class TensorFieldMissing(InvalidSafetensors):
    """A tensor has no dtype, shape or data_offsets."""

    def __init__(self, tensor: str, field: str) -> None:
        self.tensor = tensor
        self.field = field
        super().__init__(f"tensor {_quote(tensor)} has no {field}")


class TensorFieldInvalid(InvalidSafetensors):
    """A tensor's dtype, shape or data_offsets is of the wrong type or out of range."""

    def __init__(self, tensor: str, field: str, expected: str) -> None:
        self.tensor = tensor
        self.field = field
        self.expected = expected
        super().__init__(f"tensor {_quote(tensor)}: {field} must be {expected}")


class OffsetsReversed(InvalidSafetensors):
    """A tensor ends before it begins."""

    def __init__(self, tensor: str, begin: int, end: int) -> None:
        self.tensor = tensor
        self.begin = begin
        self.end = end
        super().__init__(f"tensor {_quote(tensor)} begins at byte {begin} and ends at byte {end}, before it begins")


class TensorsOverlap(InvalidSafetensors):
    """Two tensors claim the same bytes."""

    def __init__(self, tensor: str, begin: int, taken_to: int) -> None:
        self.tensor = tensor
        self.begin = begin
        self.taken_to = taken_to
        super().__init__(
            f"tensor {_quote(tensor)} begins at byte {begin}, but the bytes up to {taken_to} belong to another tensor"
        )


class UnclaimedBytes(InvalidSafetensors):
    """Between two tensors lie bytes that belong to none, where anything could hide."""

    def __init__(self, tensor: str, begin: int, taken_to: int) -> None:
        self.tensor = tensor
        self.begin = begin
        self.taken_to = taken_to
        super().__init__(f"the bytes {taken_to} to {begin} before tensor {_quote(tensor)} belong to no tensor")


class SizeMismatch(InvalidSafetensors):
    """A tensor's shape and element type need another number of bytes than its offsets give it."""

    def __init__(self, tensor: str, dtype: str, shape: Sequence[int], needed: int, given: int) -> None:
        self.tensor = tensor
        self.dtype = dtype
        self.shape = tuple(shape)
        self.needed = needed
        self.given = given
        super().__init__(
            f"tensor {_quote(tensor)}: its shape of {dtype} needs {needed} bytes, its offsets give {given}"
        )


class SizeOverflow(InvalidSafetensors):
    """A tensor's size does not fit into 64 bits."""

    def __init__(self, tensor: str) -> None:
        self.tensor = tensor
        super().__init__(f"tensor {_quote(tensor)}: its shape multiplies to more than 64 bits can count")


class PartialByte(InvalidSafetensors):
    """A tensor of elements smaller than a byte does not fill its last byte."""

    def __init__(self, tensor: str, dtype: str) -> None:
        self.tensor = tensor
        self.dtype = dtype
        super().__init__(f"tensor {_quote(tensor)}: this many {dtype} elements do not end on a whole byte")


class DataMissing(InvalidSafetensors):
    """The file ends before its last tensor does."""

    def __init__(self, expected: int, file_size: int) -> None:
        self.expected = expected
        self.file_size = file_size
        super().__init__(f"the file should have {expected} bytes, it has {file_size}; it is cut off: download it again")


class TrailingBytes(InvalidSafetensors):
    """After the last tensor come bytes that belong to none, where anything could hide."""

    def __init__(self, expected: int, file_size: int) -> None:
        self.expected = expected
        self.file_size = file_size
        super().__init__(
            f"the tensors end at byte {expected}, the file has {file_size}; "
            "the rest belongs to nothing: download the file again"
        )


def _quote(name: str) -> str:
    """The name in quotes, cut where it is too long to show, with what cannot be shown escaped."""
    return ascii(name) if len(name) <= _SHOWN else f"{name[:_SHOWN]!a}..."
