"""Real small images."""

import struct
import zlib

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"


def png(parameters: str | None = None, side: int = 8) -> bytes:
    """A grey square, with a text chunk as PIL writes it: tEXt where Latin-1 is enough, else iTXt."""
    rows = (b"\0" + b"\x80" * side) * side
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))]
    if parameters is not None:
        chunks.append(_text(parameters))
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _text(parameters: str) -> tuple[bytes, bytes]:
    try:
        return b"tEXt", b"parameters\0" + parameters.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", b"parameters\0\0\0\0\0" + parameters.encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
