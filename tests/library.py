"""Small LoRA files to fill a library with."""

import os
from pathlib import Path

from tests.unit.domain.file.building import build, header_text, lora, wrap

_LAYER = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"


def lora_bytes(content: str) -> bytes:
    """A LoRA file; equal texts give equal bytes, texts of equal length files of equal size."""
    return build(lora({_LAYER: (8, 8)}), {"ss_training_comment": content})


def write_lora(path: Path, content: str, *, modified_ns: int | None = None) -> Path:
    """Put a LoRA file at a path, making the folders to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lora_bytes(content))
    if modified_ns is not None:
        os.utime(path, ns=(modified_ns, modified_ns))
    return path


def write_endless_lora(path: Path) -> Path:
    """Put a LoRA file there that nobody reads to its end: it is immense, and takes no room on the disk."""
    shapes = {"lora_down": (4, 1 << 32), "lora_up": (8, 4)}
    text, size = header_text({f"{_LAYER}.{half}.weight": ("F32", shape) for half, shape in shapes.items()})
    path.write_bytes(wrap(text))
    os.truncate(path, 8 + len(text) + size)
    return path
