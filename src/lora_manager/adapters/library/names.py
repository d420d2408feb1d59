"""What the name of a model file says of it."""

import os

from lora_manager.domain.file.record import SAFETENSORS_SUFFIXES

_PICKLES = frozenset({".pt", ".pt2", ".ckpt", ".bin", ".pth", ".pkl"})  # the others ComfyUI takes, all of them pickles
_PICKLE_REASON = "a pickle by its name: opening one can run code, so it is never opened; convert it to safetensors"
_GGUF_REASON = "a GGUF file; only safetensors files can be registered"


def is_safetensors(path: str) -> bool:
    """Whether a file of this name is looked into."""
    return os.path.splitext(path)[1].lower() in SAFETENSORS_SUFFIXES


def refusal_by_name(path: str) -> str | None:
    """Why a file of this name is refused without opening it, or None."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in _PICKLES:
        return _PICKLE_REASON
    return _GGUF_REASON if suffix == ".gguf" else None
