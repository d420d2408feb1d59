"""Images as A1111's API sends them."""

import base64
import binascii
from typing import NamedTuple

from lora_manager.domain.delivery import DispatchFailed

_PNG = b"\x89PNG\r\n\x1a\n"
_LENGTH, _KIND, _CHECKSUM = 4, 4, 4  # bytes, of a PNG chunk


class Image(NamedTuple):
    """An image file.

    :param suffix: ``png``, ``jpg`` or ``webp``
    """

    content: bytes
    suffix: str

    @property
    def infotext(self) -> str | None:
        """The generation parameters that the server wrote into the file; looked for in PNG only."""
        return _png_text(self.content, b"parameters") if self.suffix == "png" else None


def decode_image(text: str) -> Image:
    """The image that is sent as this text: base64, behind ``data:...,`` or not.

    :raises DispatchFailed: it is none: ``bad_image``
    """
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DispatchFailed("bad_image", "the runtime sent an image that is no base64", retryable=False) from error
    suffix = _suffix(content)
    if suffix is None:
        message = "the runtime sent an image that is no PNG, JPEG or WebP; set its option samples_format to png"
        raise DispatchFailed("bad_image", message, retryable=False)
    return Image(content, suffix)


def _suffix(content: bytes) -> str | None:
    """What kind of image it is, by its first bytes.

    Source: PNG 1.2 section 3.1, ITU-T T.81 annex B, RFC 9649 section 2.4.
    """
    if content.startswith(_PNG):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    return "webp" if content.startswith(b"RIFF") and content[8:12] == b"WEBP" else None


def _png_text(content: bytes, keyword: bytes) -> str | None:
    """The text under this keyword, in a chunk before the pixels: tEXt, or iTXt that is not compressed.

    Source: PNG 1.2 sections 3.2 and 4.2.3.
    """
    offset = len(_PNG)
    while offset + _LENGTH + _KIND <= len(content):
        start = offset + _LENGTH + _KIND
        end = start + int.from_bytes(content[offset : offset + _LENGTH], "big")
        kind = content[offset + _LENGTH : start]
        if kind == b"IDAT":
            return None
        if kind == b"tEXt" and content.startswith(keyword + b"\0", start):
            return content[start:end].partition(b"\0")[2].decode("latin-1")
        if kind == b"iTXt" and content.startswith(keyword + b"\0\0\0", start):
            *_, text = content[start + len(keyword) + 3 : end].split(b"\0", 2)
            return text.decode("utf-8", "replace")
        offset = end + _CHECKSUM
    return None
