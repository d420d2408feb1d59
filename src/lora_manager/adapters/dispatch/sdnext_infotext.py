"""What a server with A1111's API tells of what it made: ``info``, a JSON text, and the infotext of every image.

Source: AUTOMATIC1111/stable-diffusion-webui modules/processing.py, modules/infotext_utils.py, vladmandic/sdnext
modules/processing_info.py.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

_SEED = re.compile(r"[0-9]{1,20}")  # 64 bits


class Info:
    """The ``info`` of an answer; a field that is missing or of another type is as good as none.

    :param raw: as it came: a JSON text, in some versions the object itself, in others nothing
    """

    def __init__(self, raw: Any) -> None:
        self._fields = _object(raw)

    @property
    def seed(self) -> int | None:
        """Of the first image."""
        return _integer(self._fields.get("seed"))

    def seed_of(self, image: int) -> int | None:
        """Of this image, counted from 0; a grid stands before the others and has none."""
        first = _integer(self._fields.get("index_of_first_image")) or 0
        return _integer(_at(self._fields.get("all_seeds"), image - first))

    def infotext_of(self, image: int) -> str | None:
        """Of this image, counted from 0, a grid included."""
        return _text(_at(self._fields.get("infotexts"), image))

    def parameter(self, name: str, infotext: str | None) -> str | None:
        """What an extra network noted under this name, here or in the infotext."""
        parameters = self._fields.get("extra_generation_params")
        noted = _text(parameters.get(name)) if isinstance(parameters, dict) else None
        return noted or field_of(infotext, name)


def field_of(infotext: str | None, name: str) -> str | None:
    """A field of the last line of an infotext; its value is a JSON text where it holds a comma or a colon."""
    line = (infotext or "").rstrip().rpartition("\n")[2]
    found = re.search(rf'(?:^|, ){re.escape(name)}: ("(?:[^"\\]|\\.)*+"|[^,]*+)', line)
    if found is None:
        return None
    value = found[1]
    if not value.startswith('"'):
        return value
    try:
        return _text(json.loads(value))
    except ValueError:
        return value.strip('"')


def seed_in(infotext: str | None) -> int | None:
    """The seed that an infotext tells."""
    seed = field_of(infotext, "Seed") or ""
    return int(seed) if _SEED.fullmatch(seed) else None


def _object(raw: Any) -> dict[str, Any]:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            return {}
    return raw if isinstance(raw, dict) else {}


def _at(values: Any, index: int) -> Any:
    return values[index] if isinstance(values, Sequence) and 0 <= index < len(values) else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
