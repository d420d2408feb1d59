"""Safetensors files that are something else, told by the names of their tensors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file.safetensors import Tensor
from lora_manager.domain.file.survey import Survey

UNRECOGNISED = "unrecognised"
_EMBEDDING = "textual-inversion embedding"
_MAX_EMBEDDING_TENSORS = 8
_VECTORS = (1, 2)  # dimensions of one text vector, or of several
_TEXT_WIDTHS = frozenset({768, 1024, 1280, 2048, 4096})  # CLIP-L, OpenCLIP-H, OpenCLIP-G, both of SDXL, T5-XXL
_HYPERNETWORK = re.compile(r"\d+\.[01]\.\w")  # "768.0.linear.0.weight": width, key or value, layer
_EXAMPLES = 3
_SHOWN = 80


class NotALora(InvalidFile):
    """The file is a valid safetensors file, but no LoRA.

    :param reason: what it is instead; :data:`UNRECOGNISED` when its tensors say nothing
    :param examples: names of some of the tensors that say so
    """

    def __init__(self, reason: str, examples: Sequence[str] = ()) -> None:
        self.reason = reason
        self.examples = tuple(name[:_SHOWN] for name in examples[:_EXAMPLES])
        if reason == UNRECOGNISED:
            what = "its tensors are not named like those of a LoRA"
        else:
            what = f"it looks like {'an' if reason[0] in 'aeiouAEIOU' else 'a'} {reason}"
        seen = f" (tensors such as {', '.join(map(ascii, self.examples))})" if self.examples else ""
        super().__init__(f"the file is no LoRA: {what}{seen}")


@dataclass(frozen=True, slots=True)
class _Form:
    """How the names of something that is no LoRA begin, or what they contain."""

    reason: str
    beginnings: tuple[str, ...]
    fragments: tuple[str, ...] = ()

    def claims(self, name: str) -> bool:
        return name.startswith(self.beginnings) or any(fragment in name for fragment in self.fragments)


def _form(reason: str, beginnings: str, fragments: str = "") -> _Form:
    return _Form(reason, tuple(beginnings.split()), tuple(fragments.split()))


# These may hold LoRA layers of their own, and no runtime loads them as a LoRA all the same.
_WITH_LORA_INSIDE = (
    _form("IP-Adapter", "image_proj. ip_adapter."),
    _form("ControlNet (control-LoRA)", "lora_controlnet"),
)
# In this order: a checkpoint contains a VAE and text encoders, and anything may be quantised.
_FORMS = (
    _form(_EMBEDDING, "emb_params string_to_param string_to_token"),
    _form(
        "quantised model",
        "scaled_fp8 comfy_quant",
        ".quant_state. .absmax .quant_map .qweight .qzeros .weight_scale .scale_weight .comfy_quant",
    ),
    _form(
        "ControlNet",
        "control_model. controlnet_ lllite_ zero_convs. adapter.body. input_hint_block.",
        ".zero_convs. controlnet_cond_embedding controlnet_down_blocks .input_hint_block.",
    ),
    _form("AnimateDiff motion module", "motion_modules.", ".motion_modules."),
    _form(
        "checkpoint",
        "model.diffusion_model. first_stage_model. cond_stage_model. conditioner.embedders. text_encoders.",
    ),
    _form(
        "VAE",
        "encoder.conv_in. decoder.conv_in. encoder.down decoder.up decoder.mid encoder.conv1. decoder.conv1."
        " quant_conv. post_quant_conv. taesd_",
    ),
    _form(
        "text encoder",
        "text_model. transformer.text_model. text_encoder encoder.block. encoder.embed_tokens. shared.weight"
        " token_embedding transformer.resblocks.",
    ),
    _form("image encoder", "vision_model. visual. vision_tower."),
    _form("language model", "model.embed_tokens. lm_head. model.layers. gpt_neox. transformer.h. h."),
    _form(
        "upscaler",
        "model.0.weight model.1.sub. RRDB_trunk conv_first. conv_up1 upsample params_ema",
        ".residual_group. .rdb1.",
    ),
    _form(
        "whole diffusion model",
        "diffusion_model. transformer. unet. double_blocks. single_blocks. transformer_blocks. joint_blocks."
        " single_transformer_blocks. joint_transformer_blocks. double_stream_blocks. single_stream_blocks."
        " double_layers. single_layers. blocks. layers. down_blocks. up_blocks. mid_block. input_blocks. output_blocks."
        " middle_block.",
    ),
)


def refuse_unless_lora(found: Survey) -> None:
    """Raise :class:`NotALora` if the tensors are those of something else, in whole or for the greater part."""
    tensors, others = found.header.tensors, found.others
    if not tensors:
        raise NotALora("empty file")
    if not others:
        return
    _refuse_if_any(_WITH_LORA_INSIDE, others)
    if 2 * len(others) > len(tensors):
        if not found.layers and _are_embeddings(tensors):
            raise NotALora(_EMBEDDING, others)
        if all(map(_HYPERNETWORK.match, others)):
            raise NotALora("hypernetwork", others)
        _refuse_if_any(_FORMS, others)
    if not found.layers:
        raise NotALora(UNRECOGNISED, others)


def _refuse_if_any(forms: Sequence[_Form], names: Sequence[str]) -> None:
    for form in forms:
        claimed = [name for name in names if form.claims(name)]
        if claimed:
            raise NotALora(form.reason, claimed)


def _are_embeddings(tensors: Sequence[Tensor]) -> bool:
    """Whether these are a few text vectors under bare names, as diffusers and SDXL embeddings are saved."""
    return len(tensors) <= _MAX_EMBEDDING_TENSORS and all(
        "." not in tensor.name and len(tensor.shape) in _VECTORS and tensor.shape[-1] in _TEXT_WIDTHS
        for tensor in tensors
    )
