"""File formats that get saved under a safetensors name, told by their first bytes."""

from lora_manager.domain.file.safetensors_errors import OtherFormat

_CONVERT = "convert it to safetensors with a tool you trust, then register that"
_UNPACK = "unpack it and register the safetensors file in it"
_DOWNLOAD = "download the model itself"
_PICKLE = "a Python pickle (.pt, .ckpt, .bin), which can run code when it is opened and is never opened here"

# Sources: Python pickletools (PROTO opcode), PKWARE APPNOTE 4.3.7, ggml docs/gguf.md, git-lfs docs/spec.md,
# and the formats' own specifications.
_SIGNATURES = (
    (b"\x80\x02", _PICKLE, _CONVERT),
    (b"\x80\x03", _PICKLE, _CONVERT),
    (b"\x80\x04", _PICKLE, _CONVERT),
    (b"\x80\x05", _PICKLE, _CONVERT),
    (b"PK\x03\x04", f"a zip archive: most likely {_PICKLE}", _CONVERT),
    (b"PK\x05\x06", "an empty zip archive", _DOWNLOAD),
    (b"GGUF", "a GGUF model", _CONVERT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 (Keras) model", _CONVERT),
    (b"\x93NUMPY", "a NumPy array", _CONVERT),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", _DOWNLOAD),
    (b"\xff\xd8\xff", "a JPEG image", _DOWNLOAD),
    (b"version ", "a git-lfs pointer, which stands for the file", "run 'git lfs pull' to get the file itself"),
)
_HTML = (b"<!doctyp", b"<html", b"<head", b"<?xml")
_TEXT = frozenset(b"\t\n\r") | frozenset(range(0x20, 0x7F))


def refuse_other_format(prefix: bytes) -> None:
    """Raise :class:`OtherFormat` if the bytes show what the file is.

    Ask only once they are known to be no header length: a length can by chance look like any of these.

    :param prefix: the first bytes of the file, 8 are enough
    """
    for signature, found, advice in _SIGNATURES:
        if prefix.startswith(signature):
            raise OtherFormat(found, advice)
    if prefix.lstrip().lower().startswith(_HTML):
        raise OtherFormat("a web page, perhaps one that asks to log in", _DOWNLOAD)
    if prefix and _TEXT.issuperset(prefix):
        raise OtherFormat("a text file, perhaps an error message saved under this name", _DOWNLOAD)
