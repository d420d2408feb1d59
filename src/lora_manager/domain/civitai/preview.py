"""Choosing one picture to show of those that CivitAI has."""

from collections.abc import Mapping
from typing import NamedTuple

from lora_manager.domain.civitai.values import entries_of, object_of
from lora_manager.domain.fields import check_text, check_url

_UNRATED = 64  # after every rating: nobody vouches for it
# Older answers rate with a word instead. Source: civitai src/server/common/enums.ts, NsfwLevel
_LEVEL_OF_WORD = {"none": 1, "soft": 2, "mature": 4, "x": 8}
_VIDEOS = (".mp4", ".webm")
# Source: civitai src/client-utils/edge-url.ts; the parameters are one segment of the path
_ORIGINAL = "/original=true/"
_SMALL = "/width=450,optimized=true/"
_SMALL_VIDEO = "/transcode=true,width=450,optimized=true/"


class _Picture(NamedTuple):
    is_video: bool
    level: int
    url: str


def choose_preview(images: object) -> str | None:
    """The address of the mildest image, the first of equally mild ones, in a size to show; a video if all are videos.

    :param images: the ``images`` of a model version
    """
    pictures = [picture for image in entries_of(images) if (picture := _read(object_of(image)))]
    best = min(pictures, key=lambda picture: (picture.is_video, picture.level), default=None)
    if best is None:
        return None
    return best.url.replace(_ORIGINAL, _SMALL_VIDEO if best.is_video else _SMALL, 1)


def is_web_url(url: str) -> bool:
    """Whether this is an address on the web, short enough to be kept."""
    # The length first: Python takes quadratic time to look at some addresses.
    return not (any(check_text("preview_url", url)) or any(check_url(url)))


def _read(image: Mapping[str, object]) -> _Picture | None:
    url = image.get("url")
    if not isinstance(url, str) or not is_web_url(url):
        return None
    is_video = image.get("type") == "video" or url.partition("?")[0].lower().endswith(_VIDEOS)
    return _Picture(is_video, _level(image), url)


def _level(image: Mapping[str, object]) -> int:
    level, word = image.get("nsfwLevel"), image.get("nsfw")
    if isinstance(level, int) and 0 < level < _UNRATED:
        return level
    return _LEVEL_OF_WORD.get(word.lower(), _UNRATED) if isinstance(word, str) else _UNRATED
