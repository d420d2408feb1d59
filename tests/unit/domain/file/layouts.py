"""LoRAs of many model families, laid out as their writers do, with the models' real sizes."""

from tests.unit.domain.file.building import Tensors, lora, peft

Layers = dict[str, tuple[int, int]]
"""Sizes (out, in) by path."""


def unet(text: int, path: str = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_") -> Layers:
    return {f"{path}attn1_to_q": (640, 640), f"{path}attn2_to_k": (640, text)}


def clip(prefix: str, width: int) -> Layers:
    return {f"{prefix}text_model_encoder_layers_0_self_attn_q_proj": (width, width)}


def dotted(layers: Layers, prefix: str = "") -> Layers:
    return {prefix + name: size for name, size in layers.items()}


SINGLE: Layers = {"single_transformer_blocks.0.attn.to_q": (3072, 3072)}
JOINT: Layers = {"transformer_blocks.0.attn.to_q": (3072, 3072), "transformer_blocks.0.attn.add_q_proj": (3072, 3072)}
WAN: Layers = {"blocks.0.self_attn.q": (5120, 5120), "blocks.0.ffn.0": (13824, 5120)}
NEXT_DIT: Layers = {"layers.0.attention.to_q": (3840, 3840), "layers.0.feed_forward.w1": (10240, 3840)}

FAMILIES: dict[str, tuple[str | None, Tensors]] = {
    # U-Nets
    "SD 1, kohya": ("sd1", lora({**unet(768), **clip("lora_te_", 768)})),
    "SD 2, kohya": ("sd2", lora({**unet(1024), **clip("lora_te_", 1024)})),
    "SDXL, kohya": ("sdxl", lora({**unet(2048), **clip("lora_te1_", 768), **clip("lora_te2_", 1280)})),
    "SDXL, Stability's names": ("sdxl", lora(unet(2048, "lora_unet_input_blocks_4_1_transformer_blocks_1_"))),
    "SDXL refiner": ("sdxl-refiner", lora(unet(1280))),
    "SD 1, PEFT": ("sd1", peft(unet(768, "unet.up_blocks.1.attentions.0.transformer_blocks.0."))),
    "SD 1, PEFT, dots": ("sd1", peft({"unet.up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k": (320, 768)})),
    "SD 1, old diffusers": (
        "sd1",
        {
            f"down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.{part}.weight": ("F32", shape)
            for part, shape in {"down": (4, 768), "up": (320, 4)}.items()
        },
    ),
    "SD 1, LoKr": (
        "sd1",
        {
            "lycoris_attentions_0_transformer_blocks_0_attn2_to_k.lokr_w1": ("F16", (16, 24)),
            "lycoris_attentions_0_transformer_blocks_0_attn2_to_k.lokr_w2_a": ("F16", (20, 4)),
            "lycoris_attentions_0_transformer_blocks_0_attn2_to_k.lokr_w2_b": ("F16", (4, 32)),
        },
    ),
    "SDXL, LoHa": (
        "sdxl",
        {
            "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.hada_w1_a": ("F16", (1280, 4)),
            "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.hada_w1_b": ("F16", (4, 2048)),
        },
    ),
    "SD 2, whole weights": ("sd2", {"lora_unet_mid_block_attentions_0_attn2_to_k.diff": ("F16", (1280, 1024))}),
    "SDXL by its depth": ("sdxl", lora({"lora_unet_input_blocks_7_1_transformer_blocks_9_attn1_to_q": (1280, 1280)})),
    "SDXL by its second text encoder": (
        "sdxl",
        lora({"lora_unet_mid_block_resnets_0_conv1": (8, 8), **clip("lora_te2_", 1280)}),
    ),
    "SD 1 by its text encoder": ("sd1", lora(clip("lora_te_", 768))),
    "SD 2 by its text encoder": ("sd2", lora(clip("lora_te_", 1024))),
    "U-Net without anything telling": (None, lora({"lora_unet_mid_block_attentions_0_proj_in": (1280, 1280)})),
    "video U-Net": (
        None,
        lora(unet(1024) | {"lora_unet_mid_block_attentions_0_temporal_transformer_blocks_0_ff": (8, 8)}),
    ),
    "CLIP-L alone, as Flux, SD 3 and SDXL have it": (None, lora(clip("lora_te1_", 768))),
    "CLIP-L and CLIP-G alone, as SD 3 and SDXL have them": (
        None,
        lora({**clip("lora_te1_", 768), **clip("lora_te2_", 1280)}),
    ),
    "Stable Cascade": ("cascade", lora({"lora_prior_unet_down_blocks_0_0_kv_mapper_1": (2048, 2048)})),
    # Black Forest Labs and Tencent
    "Flux, kohya": (
        "flux",
        lora(
            {"lora_unet_double_blocks_0_img_mod_lin": (18432, 3072), "lora_unet_single_blocks_0_linear1": (21504, 3072)}
        ),
    ),
    "Flux, kohya, with T5": (
        "flux",
        lora(
            {
                "lora_unet_double_blocks_0_img_attn_qkv": (9216, 3072),
                "lora_te3_encoder_block_0_layer_0_SelfAttention_q": (4096, 4096),
            }
        ),
    ),
    "Flux, diffusers": ("flux", peft(dotted({**SINGLE, **JOINT}, "transformer."))),
    "Flux, one kind of layer": ("flux", peft({"transformer.single_transformer_blocks.7.proj_out": (3072, 15360)})),
    "Flux, double blocks only": (
        "flux",
        peft(dotted({**JOINT, "transformer_blocks.0.ff_context.net.2": (3072, 12288)}, "transformer.")),
    ),
    "Flux, OneTrainer": ("flux", lora({"lora_transformer_single_transformer_blocks_0_attn_to_q": (3072, 3072)})),
    "Flux, OneTrainer split": ("flux", lora({"transformer.double_blocks.0.img_attn.qkv.0": (3072, 3072)})),
    "Flux, PEFT around native": ("flux", peft({"base_model.model.double_blocks.0.img_attn.proj": (3072, 3072)})),
    "Flux, ComfyUI": ("flux", peft({"diffusion_model.single_blocks.0.linear2": (3072, 15360)})),
    "Flux, XLabs": (
        "flux",
        {
            f"double_blocks.0.processor.qkv_lora1.{x}.weight": ("F16", s)
            for x, s in {"down": (16, 3072), "up": (9216, 16)}.items()
        },
    ),
    "Flux Control": ("flux", peft({"img_in": (3072, 128), "double_blocks.0.img_attn.qkv": (9216, 3072)})),
    "Chroma": ("chroma", peft({"diffusion_model.distilled_guidance_layer.in_proj": (5120, 64)})),
    "Flux.2 dev": ("flux2", peft({"diffusion_model.double_blocks.0.img_attn.qkv": (18432, 6144)})),
    "Flux.2 Klein 9B": ("flux2", peft({"diffusion_model.single_blocks.0.linear1": (36864, 4096)})),
    "Flux.2 Klein 4B, MLP in": ("flux2", peft({"diffusion_model.double_blocks.0.img_mlp.0": (18432, 3072)})),
    "Flux.2 Klein 4B, MLP out": ("flux2", peft({"diffusion_model.double_blocks.0.txt_mlp.2": (3072, 9216)})),
    "Flux.2 Klein 4B, single in": ("flux2", peft({"diffusion_model.single_blocks.0.linear1": (27648, 3072)})),
    "Flux.2 Klein 4B, single out": ("flux2", peft({"diffusion_model.single_blocks.0.linear2": (3072, 12288)})),
    "Flux.2, diffusers": (
        "flux2",
        peft({"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj": (27648, 3072)}),
    ),
    "Flux.2, diffusers, output only": (
        "flux2",
        peft({"transformer.single_transformer_blocks.0.attn.to_out": (3072, 12288)}),
    ),
    "Hunyuan Video, native": ("hunyuan-video", peft({"diffusion_model.double_blocks.0.img_attn_qkv": (9216, 3072)})),
    "Hunyuan Video, kohya": ("hunyuan-video", lora({"lora_unet_double_blocks_0_img_mlp_fc1": (12288, 3072)})),
    "Hunyuan Video, late block": ("hunyuan-video", lora({"lora_unet_double_blocks_19_img_attn_qkv": (9216, 3072)})),
    "Hunyuan Video, diffusers": (
        "hunyuan-video",
        peft({"transformer.single_transformer_blocks.39.attn.to_q": (3072, 3072)}),
    ),
    "Hunyuan Video 1.5": ("hunyuan-video", lora({"lora_unet_double_blocks_53_img_attn_q": (2048, 2048)})),
    "Hunyuan Video with its token refiner": (
        "hunyuan-video",
        peft(
            {
                "diffusion_model.double_blocks.0.img_attn_qkv": (9216, 3072),
                "diffusion_model.txt_in.individual_token_refiner.blocks.0.adaLN_modulation.1": (6144, 3072),
            }
        ),
    ),
    "Hunyuan Image": ("hunyuan-image", lora({"lora_unet_double_blocks_0_img_attn_qkv": (10752, 3584)})),
    "Hunyuan 3D": (None, lora({"lora_unet_double_blocks_0_img_attn_qkv": (3072, 1024)})),
    "HunyuanDiT": ("hunyuan-dit", peft({"base_model.model.blocks.0.attn1.Wqkv": (4224, 1408)})),
    # Other transformers
    "AuraFlow, diffusers": ("auraflow", peft({"transformer.joint_transformer_blocks.0.attn.to_q": (3072, 3072)})),
    "AuraFlow, single blocks": (
        "auraflow",
        peft(dotted({**SINGLE, "single_transformer_blocks.0.ff.linear_1": (8192, 3072)}, "transformer.")),
    ),
    "HiDream": ("hidream", peft({"diffusion_model.double_stream_blocks.0.block.attn1.to_q": (2560, 2560)})),
    "SD 3, kohya": ("sd3", lora({"lora_unet_joint_blocks_0_x_block_attn_qkv": (4608, 1536), **clip("lora_te1_", 768)})),
    "SD 3 medium, diffusers": ("sd3", peft({"transformer.transformer_blocks.0.attn.to_q": (1536, 1536)})),
    "SD 3.5 medium, diffusers": (
        "sd3",
        peft({f"transformer.transformer_blocks.0.{a}.to_q": (1536, 1536) for a in ("attn", "attn2")}),
    ),
    "SD 3.5 large, OneTrainer": ("sd3", lora({"lora_transformer_transformer_blocks_0_attn_to_q": (2432, 2432)})),
    "Qwen-Image, diffusers": ("qwen-image", peft(dotted(JOINT, "transformer."))),
    "Qwen-Image, bare": ("qwen-image", peft({"transformer_blocks.0.img_mlp.net.0.proj": (12288, 3072)})),
    "Qwen-Image, kohya": ("qwen-image", lora({"lora_unet_transformer_blocks_0_attn_to_q": (3072, 3072)})),
    "LTX": ("ltx", peft({"diffusion_model.transformer_blocks.0.attn2.to_k": (2048, 2048)})),
    "LTX 13B": ("ltx", peft({"transformer.transformer_blocks.0.attn2.to_k": (4096, 4096)})),
    "LTX 2": ("ltx", peft({"diffusion_model.transformer_blocks.0.audio_to_video_attn.to_q": (2048, 4096)})),
    "PixArt, diffusers": ("pixart", peft({"transformer.transformer_blocks.0.attn2.to_k": (1152, 1152)})),
    "PixArt, native": ("pixart", peft({"diffusion_model.blocks.0.cross_attn.kv_linear": (2304, 1152)})),
    "Sana": ("sana", peft({"transformer.transformer_blocks.0.attn2.to_k": (2240, 2240)})),
    "CogVideoX 2B": ("cogvideox", peft({"transformer.transformer_blocks.0.attn1.to_q": (1920, 1920)})),
    "CogVideoX 5B": ("cogvideox", peft({"transformer.transformer_blocks.0.attn1.to_q": (3072, 3072)})),
    "Mochi, native": (
        "mochi",
        {f"blocks.0.attn.qkv_x.lora_{x}": ("F16", s) for x, s in {"A": (4, 3072), "B": (9216, 4)}.items()},
    ),
    "Mochi, diffusers": ("mochi", peft({"transformer.transformer_blocks.0.attn1.add_q_proj": (3072, 1536)})),
    "Mochi, late block": ("mochi", peft({"transformer.transformer_blocks.47.attn1.to_q": (3072, 3072)})),
    "Krea 2, native": ("krea-2", peft({"diffusion_model.txtfusion.projector": (6144, 6144)})),
    "Krea 2, attention": ("krea-2", peft({f"blocks.0.attn.{x}": (6144, 6144) for x in ("wq", "gate")})),
    "Wan, native": ("wan", peft(dotted(WAN, "diffusion_model."))),
    "Wan, kohya": ("wan", lora({"lora_unet_blocks_0_cross_attn_k": (1536, 1536)})),
    "Wan-Fun": ("wan", lora({"lora_unet__blocks_0_cross_attn_k": (1536, 1536)})),
    "Wan, diffusers": ("wan", peft({"transformer.blocks.0.attn1.to_q": (5120, 5120)})),
    "Wan, bare diffusers": ("wan", peft({"blocks.0.attn2.to_k": (3072, 3072)})),
    "Anima, kohya": ("anima", lora({"lora_unet_blocks_0_self_attn_q_proj": (2048, 2048)})),
    "Anima, its adapter": ("anima", lora({"lora_unet_llm_adapter_blocks_0_self_attn_q_proj": (1024, 1024)})),
    "Anima, native": ("anima", peft({"diffusion_model.blocks.0.mlp.layer1": (8192, 2048)})),
    "Cosmos 14B": (None, peft({"diffusion_model.blocks.0.mlp.layer1": (20480, 5120)})),
    "Z-Image": ("z-image", peft(dotted(NEXT_DIT, "diffusion_model."))),
    "Z-Image, kohya": ("z-image", lora({"lora_unet__layers_0_attention_to_q": (3840, 3840)})),
    "Z-Image, PEFT": ("z-image", peft(dotted(NEXT_DIT, "base_model.model.transformer."))),
    "Lumina 2, kohya": (
        "lumina",
        lora({"lora_unet_layers_0_attention_qkv": (3840, 2304), "lora_te_layers_0_self_attn_q_proj": (2048, 2304)}),
    ),
    # Language models
    "Llama": ("llm", peft({"base_model.model.model.layers.0.self_attn.q_proj": (4096, 4096)})),
    "Llama, MLP": ("llm", peft({"base_model.model.model.layers.0.mlp.gate_proj": (11008, 4096)})),
    "Mixtral": ("llm", peft({"base_model.model.model.layers.0.block_sparse_moe.experts.0.w1": (14336, 4096)})),
    "Phi": ("llm", peft({"base_model.model.model.layers.0.self_attn.dense": (2560, 2560)})),
    "GPT-NeoX": ("llm", peft({"base_model.model.gpt_neox.layers.0.attention.query_key_value": (6144, 2048)})),
    "GPT-2": ("llm", peft({"base_model.model.transformer.h.0.attn.c_attn": (2304, 768)})),
    "Falcon and BLOOM": (
        "llm",
        peft({"base_model.model.transformer.h.0.self_attention.query_key_value": (4672, 4544)}),
    ),
    "OPT": ("llm", peft({"base_model.model.model.decoder.layers.0.self_attn.q_proj": (768, 768)})),
    "T5": ("llm", peft({"base_model.model.encoder.block.0.layer.0.SelfAttention.q": (768, 768)})),
    "CLIP under PEFT": (None, peft({"base_model.model.text_model.encoder.layers.0.self_attn.q_proj": (768, 768)})),
    "nothing known": (None, lora({"some_layer": (8, 8)})),
}
