"""A sidecar as JSON: read from any bytes, written as the other tools write it."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from lora_manager.domain.errors import InvalidInput

MAX_BYTES = 4 << 20  # the largest found by far is a .civitai.info of some hundred kilobytes

Document: TypeAlias = dict[str, object]


class NotASidecar(InvalidInput):
    """A file is named like a sidecar and is none.

    :param reason: the rest of a sentence that begins with the sidecar
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the sidecar {reason}")


def read_document(raw: bytes) -> Document:
    """The object that a sidecar holds.

    :raises NotASidecar: it holds none, or is larger than :data:`MAX_BYTES`
    """
    if len(raw) > MAX_BYTES:
        raise NotASidecar(f"is larger than the {MAX_BYTES:,} bytes that are read of a sidecar")
    try:
        document: object = json.loads(raw.decode("utf-8-sig"))  # some editors of Windows write the mark
    except UnicodeDecodeError as error:
        raise NotASidecar("is not in UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotASidecar(f"is no JSON: {error.msg} in line {error.lineno}") from error
    except ValueError as error:
        raise NotASidecar("holds a number of too many digits") from error
    except RecursionError as error:
        raise NotASidecar("is nested too deeply") from error
    if not isinstance(document, dict):
        raise NotASidecar("holds no JSON object")
    return document


def write_document(document: Mapping[str, object]) -> bytes:
    """The object as UTF-8.

    :raises NotASidecar: what was in it already cannot be written again
    """
    try:
        text = json.dumps(document, ensure_ascii=False, indent=2)
    except RecursionError as error:
        raise NotASidecar("is nested too deeply") from error
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:  # half a character, which JSON can write only as an escape
        return json.dumps(document, indent=2).encode() + b"\n"
