"""The names of files that lie beside a LoRA file: what other tools know of it, and its previews."""

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
_VIDEOS = (".mp4", ".webm")

LORA_MANAGER = ".metadata.json"
CIVITAI_INFO = ".civitai.info"
A1111 = ".json"
SIDECARS = (LORA_MANAGER, CIVITAI_INFO, A1111)
"""What other tools write. Source: ComfyUI-Lora-Manager, Stable-Diffusion-Webui-Civitai-Helper, AUTOMATIC1111."""

# Said to be the preview before merely of the same name; a picture, which every tool shows, before a video.
PREVIEWS = (
    *(f".preview{suffix}" for suffix in _PICTURES),
    *_PICTURES,
    *(f".preview{suffix}" for suffix in _VIDEOS),
    *_VIDEOS,
)
"""A LoRA's previews, the preferred one first. Source: the names that the same three tools look for."""

SUFFIXES: tuple[str, ...] = (*SIDECARS, *PREVIEWS)
_LONGEST_FIRST = sorted(SUFFIXES, key=len, reverse=True)


def stem_of_companion(file_name: str) -> tuple[str, str] | None:
    """The stem of the LoRA file that a file lies beside, and the suffix, one of :data:`SUFFIXES`; None for any other.

    >>> stem_of_companion("ink.Preview.PNG")
    ('ink', '.preview.png')

    :param file_name: without folders
    """
    lowered = file_name.lower()
    suffix = next((suffix for suffix in _LONGEST_FIRST if lowered.endswith(suffix)), None)
    # Cut by length: lower case may have more characters than what it was made of.
    if suffix is None or len(file_name) == len(suffix):
        return None
    return file_name[: -len(suffix)], suffix


def is_preview(path: str) -> bool:
    """Whether a companion is a preview and no sidecar."""
    return path.lower().endswith(PREVIEWS)
