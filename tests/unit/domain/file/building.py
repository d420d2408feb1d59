"""Makes safetensors files by hand, so that each test says only what matters to it."""

import json
import math
from collections.abc import Mapping, Sequence

from lora_manager.domain.file import Header, parse_header
from lora_manager.domain.file.safetensors import BITS_OF_DTYPE

Tensors = Mapping[str, tuple[str, Sequence[int]]]
"""Element type and shape by name."""


def wrap(header: str | bytes, data: bytes = b"") -> bytes:
    """A file with this text as header, whatever it says."""
    raw = header.encode() if isinstance(header, str) else header
    return len(raw).to_bytes(8, "little") + raw + data


def entry(dtype: str = "F32", shape: Sequence[int] = (1,), offsets: Sequence[int] = (0, 4)) -> str:
    """How a header describes one tensor."""
    return json.dumps({"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)})


def header_text(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> tuple[str, int]:
    """The header of a valid file with these tensors, and how many bytes of data follow it."""
    document: dict[str, object] = {} if metadata is None else {"__metadata__": dict(metadata)}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + math.prod(shape) * BITS_OF_DTYPE[dtype] // 8
        document[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    return json.dumps(document), end


def build(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> bytes:
    """A valid file with these tensors, all zero."""
    text, size = header_text(tensors, metadata)
    return wrap(text, bytes(size))


def header_of(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> Header:
    """The header of such a file, without ever making its data."""
    text, size = header_text(tensors, metadata)
    raw = text.encode()
    return parse_header(raw, 8 + len(raw) + size)


def lora(layers: Mapping[str, tuple[int, int]], rank: int = 4, down: str = "lora_down", up: str = "lora_up") -> Tensors:
    """A LoRA on linear layers, given as (out, in) by path."""
    tensors: dict[str, tuple[str, Sequence[int]]] = {}
    for path, (given, taken) in layers.items():
        tensors[f"{path}.{down}.weight"] = ("F16", (rank, taken))
        tensors[f"{path}.{up}.weight"] = ("F16", (given, rank))
    return tensors


def peft(layers: Mapping[str, tuple[int, int]], rank: int = 4) -> Tensors:
    """The same as PEFT names it."""
    return lora(layers, rank, "lora_A", "lora_B")
