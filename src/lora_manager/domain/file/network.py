"""Kind, rank and size of the add-on network in a file.

One file may mix algorithms. Its kind is the factored algorithm (lora, loha, lokr, glora, oft, boft, ia3) that changes
most layers; whole weights (full) and norms beside one are extras and name the file only when alone. A low-rank file is
dora when any layer carries a magnitude, else locon when any of its kernels is larger than 1x1, else lora.
"""

from collections import Counter
from collections.abc import Mapping
from itertools import chain

from lora_manager.domain.file.embedded import read_algo
from lora_manager.domain.file.facts import Network
from lora_manager.domain.file.metadata_values import finite_number, json_object
from lora_manager.domain.file.not_a_lora import refuse_unless_lora
from lora_manager.domain.file.safetensors import Header
from lora_manager.domain.file.survey import Shapes, Survey, survey

_FACTORED = ("lora", "loha", "lokr", "glora", "oft", "boft", "ia3")
# LyCORIS' names for what is called otherwise here. Source: LyCORIS lycoris/kohya.py, network_module_dict.
_ALGO_NAMES = {"locon": "lora", "dylora": "lora", "diag-oft": "oft"}
# Which part of a layer tells its rank, and on which axis: the first that it has. OFT, IA3, full and norm have none.
# Source: LyCORIS lycoris/modules, make_module_from_state_dict.
_RANK_AXES = (("down", 0), ("up", 1), ("hada_w1_b", 0), ("lokr_w2_b", 0), ("lokr_w1_b", 0))
# The two known layouts of GLoRA put the rank on different axes; it is the short one on both.
# Source: ComfyUI comfy/weight_adapter/glora.py.
_GLORA = "a1"
_LINEAR_NDIM = 2  # (out, in); a convolution adds the sizes of its kernel
# PEFT keeps alpha in a configuration; diffusers puts that into the metadata, one part per component.
# Source: diffusers src/diffusers/loaders/lora_base.py, LORA_ADAPTER_METADATA_KEY.
_PEFT_METADATA = "lora_adapter_metadata"
_PEFT_ALPHAS = ("lora_alpha", "transformer.lora_alpha", "unet.lora_alpha", "text_encoder.lora_alpha")


def describe_network(header: Header) -> Network:
    """What network the tensors are.

    :raises NotALora: they are none
    """
    return describe(survey(header))


def describe(found: Survey) -> Network:
    """As :func:`describe_network`, for tensors that are already sorted."""
    refuse_unless_lora(found)
    header = found.header
    ranks = Counter(_ranks(found.parts).values())
    return Network(
        kind=_kind(found),
        rank=max(ranks, key=lambda rank: (ranks[rank], rank), default=None),
        rank_min=min(ranks, default=None),
        rank_max=max(ranks, default=None),
        alpha=_alpha(header.metadata),
        modules=len(found.layers),
        tensors=len(header.tensors),
        dtypes=tuple(sorted({tensor.dtype for tensor in header.tensors})),
    )


def _kind(found: Survey) -> str:
    layers = {algorithm: count for algorithm, count in found.algorithms.items() if algorithm in _FACTORED}
    if not layers:
        return "full" if "full" in found.algorithms else "norm"
    most = max(layers.values())
    tied = [algorithm for algorithm, count in layers.items() if count == most]
    kind = tied[0]
    if len(tied) > 1:
        algo = (read_algo(found.header.metadata) or "").lower()
        algo = _ALGO_NAMES.get(algo, algo)
        kind = algo if algo in tied else kind
    return _low_rank_kind(found.parts) if kind == "lora" else kind


def _low_rank_kind(parts: Mapping[str, Shapes]) -> str:
    magnitudes = parts.get("magnitude", {}).keys()
    if any(magnitudes & parts.get(part, {}).keys() for part in ("down", "up")):
        return "dora"
    shapes = chain(parts.get("down", {}).values(), parts.get("mid", {}).values())
    kernels = (shape[_LINEAR_NDIM:] for shape in shapes if len(shape) > _LINEAR_NDIM)
    return "locon" if any(max(kernel) > 1 for kernel in kernels) else "lora"


def _ranks(parts: Mapping[str, Shapes]) -> dict[str, int]:
    """The rank of every layer that has one."""
    ranks = {layer: min(shape[:2]) for layer, shape in parts.get(_GLORA, {}).items() if len(shape) > 1}
    for part, axis in _RANK_AXES:
        shapes = parts.get(part, {})
        if shapes.keys() - ranks.keys():
            ranks = {layer: shape[axis] for layer, shape in shapes.items() if len(shape) > axis} | ranks
    return ranks


def _alpha(metadata: Mapping[str, str]) -> float | None:
    alpha = finite_number(metadata.get("ss_network_alpha"))
    if alpha is not None:
        return alpha
    configuration = json_object(metadata.get(_PEFT_METADATA))
    for key in _PEFT_ALPHAS:
        value = configuration.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return finite_number(str(value))
    return None
