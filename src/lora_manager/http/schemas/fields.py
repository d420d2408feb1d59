"""The fields of the REST resources: what each one means, and the limits that OpenAPI tells of.

The domain enforces the limits. They are repeated here as documentation only, from the same constants.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from lora_manager.domain.fields import (
    MAX_ORDINAL,
    MAX_PATH,
    MAX_TAG,
    MAX_TAGS,
    MAX_TRIGGERS,
    MAX_WEIGHT,
    TEXT_LIMITS,
)
from lora_manager.domain.file.record import MAX_NAME

_NAME = r"^[^<>:\s\x00-\x1f\x7f-\x9f]([^<>:\x00-\x1f\x7f-\x9f]*[^<>:\s\x00-\x1f\x7f-\x9f])?$"
_ONE_LINE = r"^[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f])?$"
_STORABLE = r"^[^\x00]*$"
_ORDINALS = {"minimum": -MAX_ORDINAL, "maximum": MAX_ORDINAL}
_WEIGHTS = {"minimum": -MAX_WEIGHT, "maximum": MAX_WEIGHT}


def _text(name: str, pattern: str = _STORABLE) -> dict[str, object]:
    return {"maxLength": TEXT_LIMITS[name], "pattern": pattern}


Moment = Annotated[
    str,
    Meta(
        description="RFC 3339, UTC",
        examples=["2026-01-31T12:00:00.000000Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
Name = Annotated[
    str,
    Meta(
        description="What goes into the prompt token",
        examples=["ink-wash"],
        extra_json_schema={"minLength": 1, "maxLength": MAX_NAME, "pattern": _NAME},
    ),
]
Version = Annotated[
    str | None,
    Meta(
        description="Tells LoRAs of one name apart",
        examples=["v2"],
        extra_json_schema={"minLength": 1, **_text("version", _ONE_LINE)},
    ),
]
Title = Annotated[str | None, Meta(description="For people; never in a token", extra_json_schema=_text("title"))]
Description = Annotated[
    str | None, Meta(description="For people; never in a token", extra_json_schema=_text("description"))
]
Tags = Annotated[
    tuple[Annotated[str, Meta(extra_json_schema={"maxLength": MAX_TAG})], ...],
    Meta(
        description="Trimmed, each once, in their order",
        examples=[["style:ink", "landscape"]],
        extra_json_schema={"maxItems": MAX_TAGS},
    ),
]
FilePath = Annotated[
    str,
    Meta(
        description="Absolute path inside a library root",
        examples=["/loras/ink-wash.safetensors"],
        extra_json_schema={"minLength": 1, "maxLength": MAX_PATH, "pattern": _STORABLE},
    ),
]
Weight = Annotated[float, Meta(description="Strength; 0 is 0", examples=[0.75], extra_json_schema=_WEIGHTS)]
TeWeight = Annotated[
    float | None,
    Meta(description="Strength on the text encoder where it differs", examples=[0.5], extra_json_schema=_WEIGHTS),
]
Active = Annotated[bool, Meta(description="Whether it is part of the composition")]
Place = Annotated[int, Meta(description="Place in the composition", examples=[1], extra_json_schema=_ORDINALS)]
Ordinal = Annotated[
    int | None,
    Meta(description="Place in the composition; null comes last", examples=[1], extra_json_schema=_ORDINALS),
]
Triggers = Meta(description="Trigger words, in their order", extra_json_schema={"maxItems": MAX_TRIGGERS})
Archetype = Annotated[
    str | None,
    Meta(
        description="What kind of thing it draws",
        examples=["character"],
        extra_json_schema={"minLength": 1, **_text("archetype", _ONE_LINE)},
    ),
]
Confidence = Annotated[
    float | None, Meta(description="How sure the archetype is", extra_json_schema={"minimum": 0, "maximum": 1})
]
BaseModel = Annotated[
    str | None,
    Meta(
        description="Family of base models it was made for",
        examples=["sdxl"],
        extra_json_schema={"minLength": 1, **_text("base_model", _ONE_LINE)},
    ),
]
PreviewUrl = Annotated[
    str | None,
    Meta(
        description="An http or https address of a picture",
        examples=["https://example.org/ink-wash.png"],
        extra_json_schema={"maxLength": TEXT_LIMITS["preview_url"], "format": "uri"},
    ),
]


def moment(value: datetime) -> str:
    """The time as RFC 3339 in UTC, always with microseconds, so that texts sort like times."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment_or_none(value: datetime | None) -> str | None:
    """As :func:`moment`; no time is null."""
    return None if value is None else moment(value)
