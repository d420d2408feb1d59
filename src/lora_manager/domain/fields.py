"""The limits of a LoRA's fields, and the check that names every wrong one at once."""

import re
from collections.abc import Iterable, Iterator, Sequence

from lora_manager.domain.errors import InvalidField
from lora_manager.domain.file.record import stem_of
from lora_manager.domain.text import CONTROL, UNSTORABLE
from lora_manager.domain.trigger import Trigger

MAX_TAGS = MAX_TAG = 100
MAX_TRIGGERS = 1_000
MAX_WEIGHT = 100.0  # ComfyUI's LoraLoader takes -100..100 and no runtime takes more
MAX_ORDINAL = 2**53 - 1  # the largest integer every JSON reader keeps exact (RFC 8259 section 6)
MAX_PATH = 4_096  # Linux PATH_MAX
TEXT_LIMITS = {
    "version": 100,
    "title": 1_000,
    "description": 100_000,
    "archetype": 100,
    "base_model": 100,
    "preview_url": 2_048,
}
_ONE_LINE = frozenset({"version", "archetype", "base_model"})


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags trimmed, without empty ones and repeats, in their order."""
    return tuple(dict.fromkeys(trimmed for tag in tags if (trimmed := tag.strip())))


def check_text(name: str, value: str | None) -> Iterator[InvalidField]:
    """Whether an optional text field keeps its limit and holds only what can be stored."""
    if value is None:
        return
    limit = TEXT_LIMITS[name]
    if len(value) > limit:
        yield InvalidField(name, f"must have at most {limit} characters, has {len(value)}")
    if name in _ONE_LINE:
        if not value or value != value.strip():
            yield InvalidField(name, "must not be empty, nor begin or end with white space; null means none")
        if CONTROL.search(value):
            yield InvalidField(name, "must not contain control characters")
    elif UNSTORABLE.search(value):
        yield InvalidField(name, "must not contain NUL characters or unpaired surrogates")


def check_number(name: str, value: float | None, low: float, high: float) -> Iterator[InvalidField]:
    """Whether an optional number is one, is finite and lies in low..high."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield InvalidField(name, "must be a number")
    elif not low <= value <= high:  # which is false for nan, too
        yield InvalidField(name, f"must be a finite number from {low:g} to {high:g}")


def check_ordinal(value: int | None) -> Iterator[InvalidField]:
    """Whether an optional ordinal is an integer that JSON keeps exact."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        yield InvalidField("ordinal", "must be an integer")
    elif not -MAX_ORDINAL <= value <= MAX_ORDINAL:
        yield InvalidField("ordinal", f"must be an integer from {-MAX_ORDINAL} to {MAX_ORDINAL}")


def check_tags(tags: Sequence[str]) -> Iterator[InvalidField]:
    """Whether there are at most 100 tags of at most 100 characters; of too many the first 100 are looked at."""
    if len(tags) > MAX_TAGS:
        yield InvalidField("tags", f"must be at most {MAX_TAGS}, are {len(tags)}")
    for index, tag in enumerate(tags[:MAX_TAGS]):
        if len(tag) > MAX_TAG:
            yield InvalidField(f"tags[{index}]", f"must have at most {MAX_TAG} characters, has {len(tag)}")
        if CONTROL.search(tag):
            yield InvalidField(f"tags[{index}]", "must not contain control characters")


def check_triggers(triggers: Sequence[Trigger]) -> Iterator[InvalidField]:
    """Whether each trigger is one line of 1 to 1,000 characters, and its group one of 1 to 100.

    There may be 1,000 of them; of too many the first 1,000 are looked at.
    """
    if len(triggers) > MAX_TRIGGERS:
        yield InvalidField("triggers", f"must be at most {MAX_TRIGGERS}, are {len(triggers)}")
    for index, trigger in enumerate(triggers[:MAX_TRIGGERS]):
        for part, text, limit in (("text", trigger.text, 1_000), ("group", trigger.group, 100)):
            if text is not None and (not 1 <= len(text) <= limit or text != text.strip() or CONTROL.search(text)):
                yield InvalidField(
                    f"triggers[{index}].{part}",
                    f"must have 1 to {limit} characters, no control characters, no white space at either end",
                )


def check_url(value: str | None) -> Iterator[InvalidField]:
    """Whether an optional preview address is an absolute http or https URL.

    Nothing is said of one that is too long, which :func:`check_text` refuses: Python takes quadratic time for some.
    """
    if value is None or len(value) > TEXT_LIMITS["preview_url"]:
        return
    from urllib.parse import urlsplit  # noqa: PLC0415  # a tenth of the time that the domain takes to load

    try:
        parts = urlsplit(value)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"[\s\x00-\x1f]", value)
    except ValueError:
        sound = False
    if not sound:
        yield InvalidField("preview_url", "must be an absolute http or https URL")


def check_path(value: str) -> Iterator[InvalidField]:
    """Whether a file path is absolute (or ``s3://bucket/key``) and can be stored."""
    if not 1 <= len(value) <= MAX_PATH:
        yield InvalidField("file_path", f"must have 1 to {MAX_PATH} characters, has {len(value)}")
    elif UNSTORABLE.search(value):
        yield InvalidField("file_path", "must not contain NUL characters or bytes that are not UTF-8")
    elif not re.match(r"/|s3://[^/]+/.|[A-Za-z]:[\\/]|\\\\", value):
        yield InvalidField("file_path", "must be an absolute path, or s3://bucket/key")
    elif not stem_of(value):
        yield InvalidField("file_path", "must name a file, not a folder")
