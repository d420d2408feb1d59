"""Ranges of bytes (RFC 9110 section 14)."""

import re

from lora_manager.domain.blob import Span
from lora_manager.domain.errors import InvalidInput

# One stretch: first-last, first- (to the end) or -count (the last ones); a list may have empty elements.
_ONE_RANGE = re.compile(r"bytes=[ \t,]*([0-9]{0,100})-([0-9]{0,100})[ \t,]*", re.IGNORECASE)


class RangeNotSatisfiable(InvalidInput):
    """A range begins behind the end of the file."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        super().__init__(f"the file has {size_bytes} bytes; the range holds none of them")


def span_of(header: str, size_bytes: int) -> Span | None:
    """The stretch of a file that a Range header asks for; None: send the whole file.

    That is the answer to several ranges at once, too, and to a header that cannot be read.

    >>> span_of("bytes=-3", 10)
    Span(begin=7, end=10)

    :raises RangeNotSatisfiable: the file has none of the bytes asked for
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.group(1, 2) == ("", ""):
        return None
    first, last = (int(digits) if digits else None for digits in match.groups())
    if first is not None and last is not None and last < first:
        return None
    if first is None:
        begin, end = max(size_bytes - (last or 0), 0), size_bytes
    else:
        begin, end = first, size_bytes if last is None else min(last + 1, size_bytes)
    if begin >= size_bytes:
        raise RangeNotSatisfiable(size_bytes)
    return Span(begin, end)
