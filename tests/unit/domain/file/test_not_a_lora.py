"""Safetensors files that are something else are refused by name."""

import pytest

from lora_manager.domain.file import NotALora, describe_network
from tests.unit.domain.file.building import Tensors, header_of


def named(*names: str, shape: tuple[int, ...] = (8, 8)) -> Tensors:
    return dict.fromkeys(names, ("F16", shape))


NOT_LORAS: dict[str, tuple[str, Tensors]] = {
    "no tensors": ("empty file", {}),
    "A1111 embedding": ("textual-inversion embedding", named("emb_params", shape=(4, 768))),
    "old embedding": ("textual-inversion embedding", named("string_to_param.*", shape=(4, 768))),
    "SDXL embedding": (
        "textual-inversion embedding",
        {"clip_l": ("F16", (8, 768)), "clip_g": ("F16", (8, 1280))},
    ),
    "diffusers embedding": ("textual-inversion embedding", named("<cat-toy>", shape=(768,))),
    "hypernetwork": ("hypernetwork", named("768.0.linear.0.weight", "768.1.linear.0.bias")),
    "VAE": ("VAE", named("encoder.conv_in.weight", "decoder.conv_in.weight", "quant_conv.weight")),
    "video VAE": ("VAE", named("decoder.conv1.weight", "decoder.middle.0.weight")),
    "checkpoint": (
        "checkpoint",
        named("model.diffusion_model.input_blocks.0.0.weight", "first_stage_model.encoder.conv_in.weight"),
    ),
    "quantised checkpoint": (
        "quantised model",
        named("double_blocks.0.img_attn.qkv.weight", "double_blocks.0.img_attn.qkv.weight.absmax"),
    ),
    "GPTQ": ("quantised model", named("model.layers.0.self_attn.q_proj.qweight")),
    "ControlNet": (
        "ControlNet",
        named("controlnet_cond_embedding.conv_in.weight", "down_blocks.0.resnets.0.conv1.weight"),
    ),
    "original ControlNet": ("ControlNet", named("control_model.zero_convs.0.0.weight")),
    "control-LoRA": ("ControlNet (control-LoRA)", named("lora_controlnet", "input_blocks.1.0.emb_layers.1.down")),
    "IP-Adapter": ("IP-Adapter", named("image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight")),
    "IP-Adapter with a LoRA inside": (
        "IP-Adapter",
        {
            **named("image_proj.proj.0.weight"),
            **{f"ip_adapter.{n}.to_q_lora.{x}.weight": ("F16", (8, 8)) for n in range(9) for x in ("up", "down")},
        },
    ),
    "text encoder": ("text encoder", named("text_model.encoder.layers.0.mlp.fc1.weight")),
    "T5": ("text encoder", named("encoder.block.0.layer.0.SelfAttention.q.weight", "shared.weight")),
    "CLIP vision": ("image encoder", named("vision_model.encoder.layers.0.mlp.fc1.weight")),
    "language model": ("language model", named("model.embed_tokens.weight", "model.layers.0.mlp.up_proj.weight")),
    "upscaler": ("upscaler", named("model.0.weight", "model.1.sub.0.RDB1.conv1.0.weight")),
    "transformer upscaler": (
        "upscaler",
        named("conv_first.weight", "layers.0.residual_group.blocks.0.attn.qkv.weight"),
    ),
    "motion module": (
        "AnimateDiff motion module",
        named("down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight"),
    ),
    "Flux": ("whole diffusion model", named("double_blocks.0.img_attn.qkv.weight", "img_in.weight")),
    "diffusers UNet": ("whole diffusion model", named("down_blocks.0.resnets.0.conv1.weight", "conv_in.weight")),
    "something else": ("unrecognised", named("one.weight", "two.weight", "three.weight", "four.weight")),
    "only alphas": ("unrecognised", named("layer.alpha", "layer.scale", shape=())),
    "a small network with b1 and b2": ("unrecognised", named("net.w1", "net.b1", "net.w2", "net.b2")),
}


@pytest.mark.parametrize(("reason", "tensors"), NOT_LORAS.values(), ids=NOT_LORAS.keys())
def test_what_is_no_lora_is_refused_by_name(reason: str, tensors: Tensors) -> None:
    with pytest.raises(NotALora) as refused:
        describe_network(header_of(tensors))
    assert refused.value.reason == reason
    assert reason == "unrecognised" or reason in str(refused.value)


def test_an_unrecognised_file_is_shown_by_a_few_of_its_tensors() -> None:
    with pytest.raises(NotALora) as refused:
        describe_network(header_of(NOT_LORAS["something else"][1]))
    assert refused.value.examples == ("one.weight", "two.weight", "three.weight")
    assert "'one.weight', 'two.weight', 'three.weight'" in str(refused.value)
