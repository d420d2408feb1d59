"""What kind of file a name promises."""

ANY_TYPE = "application/octet-stream"
_BY_SUFFIX = {
    ".json": "application/json",
    ".info": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".avif": "image/avif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}  # never one that a browser runs, such as HTML or SVG


def media_type_of(path: str) -> str:
    """The media type of a LoRA file, a sidecar or a preview, by its name.

    >>> media_type_of("ink.preview.PNG")
    'image/png'
    """
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    return _BY_SUFFIX.get(suffix, ANY_TYPE)
