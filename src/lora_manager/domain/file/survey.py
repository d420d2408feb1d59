"""Tensor names sorted into the layers they change: the ground for telling kind, rank and base model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lora_manager.domain.file.safetensors import Header

Shape: TypeAlias = tuple[int, ...]
Shapes: TypeAlias = dict[str, Shape]
"""Shapes by layer."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


# What the last component of a tensor's name, apart from ".weight", says it is. Sources: LyCORIS lycoris/modules
# (weight_list), ComfyUI comfy/weight_adapter, kohya sd-scripts networks/oft.py, PEFT src/peft/tuners, ai-toolkit.
_PARTS: Mapping[str, str] = {
    **dict.fromkeys(("lora_down", "lora_A", "lora_embedding_A"), "down"),
    **dict.fromkeys(("lora_up", "lora_B", "lora_embedding_B"), "up"),
    **dict.fromkeys(("dora_scale", "lora_magnitude_vector", "magnitude"), "magnitude"),
    "lora_mid": "mid",
    **_same("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
    **_same("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_t1", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
    **_same("a1", "a2", "b1", "b2", "bm"),
    **_same("oft_blocks", "oft_diag", "oft_r", "oft_R", "boft_R", "boft_s", "on_input", "ia3_l"),
    **_same("diff", "diff_b", "set_weight", "w_norm", "b_norm", "alpha", "scale", "rescale", "reshape_weight"),
}
# PEFT may put the adapter's name, most often "default", after these.
_PARTS_WITH_NAME = frozenset({"lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector"})
# Diffusers before PEFT: "to_q_lora.down.weight", "to_q.lora.down.weight", "q_proj.lora_linear_layer.down.weight".
_STEMS = (".lora_linear_layer", "_lora", ".lora")
# XLabs puts two on one layer, for the image and the text stream: "processor.qkv_lora1.down.weight".
_NUMBERED_STEMS = ("_lora1", "_lora2")
_BUNDLED_EMBEDDING = "bundle_emb."  # Source: AUTOMATIC1111 extensions-builtin/Lora/networks.py
_BOFT_NDIM = 4  # dimensions of oft_blocks, where OFT's has 3. Source: LyCORIS lycoris/modules/boft.py

# Any of these parts makes a layer one of the algorithm; what else it has (alpha, scale, bias) is beside the point.
_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "lora": ("down", "up"),
    "loha": ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
    "lokr": ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b"),
    "glora": ("a1",),
    "oft": ("oft_blocks", "oft_diag", "oft_r", "oft_R"),
    "boft": ("boft_blocks", "boft_R", "boft_s"),
    "ia3": ("on_input", "ia3_l"),
    "full": ("diff", "diff_b", "set_weight"),
    "norm": ("w_norm", "b_norm"),
}


@dataclass(frozen=True, slots=True)
class Survey:
    """The layers a file changes.

    :param parts: for each part that layers may have, the shapes of those that have it
    :param algorithms: for each algorithm in the file, how many layers it changes
    :param layers: every layer that is changed, in the order of the file
    :param others: names of the tensors that change no layer
    """

    header: Header
    parts: Mapping[str, Shapes]
    algorithms: Mapping[str, int]
    layers: Sequence[str]
    others: Sequence[str]


def survey(header: Header) -> Survey:
    """Sort every tensor into the layer it changes."""
    parts: dict[str, Shapes] = {}
    others: list[str] = []
    for name, _, shape, _, _ in header.tensors:
        layer, _, last = name.rpartition(".")
        if last == "weight":
            layer, _, last = layer.rpartition(".")
        part = _PARTS.get(last)
        if part is None:
            layer, part = _split_unusual(name)
            if part is None:
                others.append(name)
                continue
        shapes = parts.get(part)
        if shapes is None:
            parts[part] = {layer: shape}
        else:
            shapes[layer] = shape
    if "oft_blocks" in parts:
        blocks = parts["oft_blocks"]
        parts["boft_blocks"] = {layer: shape for layer, shape in blocks.items() if len(shape) == _BOFT_NDIM}
        parts["oft_blocks"] = {layer: shape for layer, shape in blocks.items() if len(shape) != _BOFT_NDIM}
    layers: dict[str, None] = {}
    algorithms: dict[str, int] = {}
    for algorithm, decisive in _ALGORITHMS.items():
        changed = dict.fromkeys(layer for part in decisive if part in parts for layer in parts[part])
        if changed:
            algorithms[algorithm] = len(changed)
            layers |= changed
    return Survey(header, parts, algorithms, tuple(layers), tuple(_unrelated(others, parts, layers)))


def _split_unusual(name: str) -> tuple[str, str | None]:
    """The layer and the part of a tensor that older or wrapped programs named; None if it plays no part."""
    path, _, last = name.rpartition(".")
    layer, _, suffix = path.rpartition(".")
    if last == "bias":
        return layer, "bias" if suffix in _PARTS else None
    if last == "weight" and suffix in {"down", "up"}:
        for stem in _STEMS:
            if layer.endswith(stem):
                return layer.removesuffix(stem), suffix
        return layer, suffix if layer.endswith(_NUMBERED_STEMS) else None
    if last == "weight":
        layer, _, suffix = layer.rpartition(".")
    return layer, _PARTS[suffix] if suffix in _PARTS_WITH_NAME else None


def _unrelated(others: Sequence[str], parts: Mapping[str, Shapes], layers: Mapping[str, None]) -> Iterator[str]:
    """What no layer needs: not bundled embeddings, nor the weights IA3 keeps under the layer's own name."""
    for name in others:
        if not name.startswith(_BUNDLED_EMBEDDING) and name.removesuffix(".weight") not in layers:
            yield name
    for part, shapes in parts.items():
        yield from (f"{layer}.{part}" for layer in shapes if layer not in layers)
