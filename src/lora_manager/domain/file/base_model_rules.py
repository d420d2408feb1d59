"""The rules that tell a model family by the names and shapes of its layers: the first that applies decides.

Order matters where families share names: the narrower rule stands first. Sources of names and sizes: the models' own
configurations (diffusers ``config.json``), ComfyUI ``comfy/model_detection.py``, InvokeAI
``backend/patches/lora_conversions``, kohya sd-scripts ``networks``.
"""

from dataclasses import dataclass

from lora_manager.domain.file.clues import Clues

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """One of these sizes must be found.

    :param endings: where: in layers whose path ends so; anywhere inside the denoiser's blocks when empty
    :param given: whether the layers give it; otherwise they take it
    """

    sizes: tuple[int, ...]
    endings: Keys = ()
    given: bool = False

    def evidence(self, clues: Clues) -> str | None:
        """What was found, or None."""
        if not self.endings:
            present, found = clues.widths, "its blocks are {} wide"
        else:
            present = clues.given_by(self.endings) if self.given else clues.taken_by(self.endings)
            found = f"{self.endings[0].strip('_')} and the like {'give' if self.given else 'take'} {{}}"
        return next((found.format(size) for size in self.sizes if size in present), None)


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold for a file to belong to a family.

    :param keys: of each of these groups at least one occurs in a path; ``^`` and ``$`` stand for its begin and end
    :param size: what must be found among the shapes; None where names suffice
    :param absent: none of these occurs
    """

    family: str
    keys: tuple[Keys, ...]
    size: Size | None = None
    absent: Keys = ()

    def evidence(self, clues: Clues) -> str | None:
        """One sentence saying what decided, or None if the rule does not apply."""
        found: list[str] = []
        for group in self.keys:
            key = _first_in(clues.text, group)
            if key is None:
                return None
            found.append(key.strip("^_$."))
        if _first_in(clues.text, self.absent) is not None:
            return None
        names = ", ".join(found)
        if self.size is None:
            return f"keys: {names}"
        size = self.size.evidence(clues)
        return None if size is None else f"keys: {names}; shape: {size}"


def _first_in(text: str, keys: Keys) -> str | None:
    for key in keys:
        if key in text:
            return key
    return None


def _keys(text: str) -> Keys:
    return tuple(text.split())


_UNET = _keys("down_blocks_ up_blocks_ mid_block_ input_blocks_ output_blocks_ middle_block_ attentions_")
_VIDEO_UNET = _keys("temporal_transformer_blocks_ time_stack_")
_CROSS_ATTENTION = _keys("_attn2_to_k _attn2_to_v")
_CLIP_LAYERS = _keys("_self_attn_q_proj _self_attn_k_proj _self_attn_v_proj _self_attn_out_proj _mlp_fc1")

# Black Forest Labs' names of blocks, which Tencent's models share; Flux' last ones are 18 and 37
_BFL = _keys("^double_blocks_ ^single_blocks_")
_FLUX2_NAMES = _keys("double_stream_modulation single_stream_modulation to_qkv_mlp_proj _ff_linear_in$")
_HUNYUAN_NAMES = _keys(
    "_img_mlp_fc _txt_mlp_fc _img_mod_linear$ _txt_mod_linear$ _modulation_linear$ individual_token_refiner"
    " .img_attn_qkv .img_attn_proj .txt_attn_qkv .txt_attn_proj _img_attn_q$ _txt_attn_q$"
    " ^double_blocks_19_ ^single_blocks_38_ ^single_blocks_39_"
)
# The same models in diffusers
_BLOCKS = _keys("^transformer_blocks_")
_SINGLE_BLOCKS = _keys("^single_transformer_blocks_")
_HUNYUAN_DIFFUSERS_NAMES = _keys(
    "token_refiner ^transformer_blocks_19_ ^single_transformer_blocks_38_ ^single_transformer_blocks_39_"
)
_JOINT_ATTENTION = _keys(
    "_attn_to_q$ _attn_to_k$ _attn_to_v$ _attn_to_out_0$"
    " _attn_add_q_proj$ _attn_add_k_proj$ _attn_add_v_proj$ _attn_to_add_out$"
)
_MOCHI_LAST_BLOCKS = tuple(f"^transformer_blocks_{n}_" for n in range(42, 48))  # CogVideoX' last is 41
_WAN_NAMES = _keys(
    "_self_attn_q$ _self_attn_k$ _self_attn_v$ _self_attn_o$ _ffn_0$ _ffn_2$ _ffn_net_"
    " _cross_attn_q$ _cross_attn_k$ _cross_attn_v$ _cross_attn_o$ _cross_attn_k_img$ _cross_attn_v_img$"
)
_COSMOS_NAMES = _keys(
    "_self_attn_q_proj$ _self_attn_k_proj$ _self_attn_v_proj$ _self_attn_output_proj$ _adaln_modulation_"
    " _cross_attn_q_proj$ _cross_attn_k_proj$ _cross_attn_v_proj$ _cross_attn_output_proj$ _mlp_layer1$ _mlp_layer2$"
)
_NEXT_DIT = _keys("^layers_ ^context_refiner_ ^noise_refiner_")
_NEXT_DIT_NAMES = _keys("_attention_ _feed_forward_ _adaLN_modulation_ _attn_to_")
# Language models, as PEFT wraps them
_LLM = _keys(
    "^model_layers_ ^model_decoder_layers_ ^model_language_model_layers_ ^language_model_model_layers_ ^h_"
    " ^gpt_neox_layers_ ^encoder_layers_ ^encoder_block_ ^decoder_block_ ^backbone_layers_"
    " ^bert_encoder_layer_ ^roberta_encoder_layer_"
)
_LLM_NAMES = _keys(
    "_self_attn_ _mlp_ _attn_c_ _attn_q_proj$ _attn_k_proj$ _attn_v_proj$ _attn_out_proj$ _block_sparse_moe_"
    " _attention_query_key_value$ _attention_dense$ _self_attention_ _SelfAttention_ _attention_self_ _mixer_"
)

RULES: tuple[Rule, ...] = (
    # U-Nets: the width of the text that cross-attention reads tells them apart.
    Rule("sd1", (_UNET,), Size((768,), _CROSS_ATTENTION), _VIDEO_UNET),
    Rule("sd2", (_UNET,), Size((1024,), _CROSS_ATTENTION), _VIDEO_UNET),
    Rule("sdxl", (_UNET,), Size((2048,), _CROSS_ATTENTION), _VIDEO_UNET),
    Rule("sdxl-refiner", (_UNET,), Size((1280,), _CROSS_ATTENTION), _VIDEO_UNET),
    # SD 1 and 2 have one transformer block at each place, SDXL has up to ten.
    Rule("sdxl", (_UNET, tuple(f"_transformer_blocks_{n}_" for n in range(1, 10))), absent=_VIDEO_UNET),
    Rule("sdxl", (_UNET, ("^lora_te2_", "^text_encoder_2_"))),
    Rule("sd1", (("^lora_te_text_model_",),), Size((768,), _CLIP_LAYERS)),
    Rule("sd2", (("^lora_te_text_model_", "^text_encoder_text_model_"),), Size((1024,), _CLIP_LAYERS)),
    Rule("cascade", (("lora_prior_unet_", "lora_prior_te_"),)),
    Rule("chroma", (("distilled_guidance_layer",),)),
    Rule("flux2", (_FLUX2_NAMES,)),
    Rule("flux2", (_SINGLE_BLOCKS, ("_attn_to_out$",))),
    Rule("flux2", ((*_BFL, *_SINGLE_BLOCKS),), Size((6144, 4096))),
    Rule("flux2", (_BFL,), Size((18432,), ("_img_mlp_0", "_txt_mlp_0"), given=True)),
    Rule("flux2", (_BFL,), Size((9216,), ("_img_mlp_2", "_txt_mlp_2"))),
    Rule("flux2", (_BFL,), Size((27648,), ("_linear1",), given=True)),
    Rule("flux2", (_BFL,), Size((12288,), ("_linear2",))),
    Rule("hunyuan-image", (_BFL,), Size((3584,))),
    Rule("hunyuan-video", (_BFL, _HUNYUAN_NAMES), Size((3072, 2048))),
    Rule("flux", (_BFL,), Size((3072,))),
    Rule("auraflow", (("^joint_transformer_blocks_", "^double_layers_", "^single_layers_"),)),
    Rule("auraflow", (_SINGLE_BLOCKS, ("_ff_linear_1$", "_ff_linear_2$", "_ff_out_projection$"))),
    Rule("hidream", (("^double_stream_blocks_", "^single_stream_blocks_"),)),
    Rule("hunyuan-video", (_SINGLE_BLOCKS, _HUNYUAN_DIFFUSERS_NAMES), Size((3072,))),
    Rule("flux", (_SINGLE_BLOCKS,), Size((3072,))),
    Rule("sd3", (("^joint_blocks_",),)),
    Rule("sd3", (_BLOCKS, _JOINT_ATTENTION), Size((1536, 2432))),
    Rule("ltx", (_BLOCKS, ("_audio_attn1_", "_audio_attn2_", "_audio_to_video_attn_", "_video_to_audio_attn_"))),
    Rule("flux", (_BLOCKS, ("_ff_context_", "_norm1_context_")), Size((3072,))),
    Rule("qwen-image", (_BLOCKS, ("_img_mlp_net_", "_txt_mlp_net_", "_img_mod_1$", "_txt_mod_1$"))),
    Rule("qwen-image", (_BLOCKS, _JOINT_ATTENTION), Size((3072,))),
    Rule("mochi", (("^blocks_",), ("_attn_qkv_x$", "_attn_qkv_y$", "_attn_proj_x$", "_attn_proj_y$", "_mlp_x_w"))),
    Rule("mochi", (_BLOCKS, ("_attn1_add_q_proj$", "_attn1_add_k_proj$", "_attn1_add_v_proj$", "_attn1_to_add_out$"))),
    Rule("mochi", (_MOCHI_LAST_BLOCKS, ("_attn1_to_",)), Size((3072,)), ("_attn2_",)),
    Rule("cogvideox", (_BLOCKS, ("_attn1_to_",)), Size((1920, 3072)), ("_attn2_",)),
    Rule("ltx", (_BLOCKS, ("_attn2_to_",)), Size((2048, 4096))),
    Rule("pixart", (_BLOCKS, ("_attn2_to_",)), Size((1152,)), ("_ff_conv_",)),
    Rule("pixart", (("^blocks_",), ("_cross_attn_kv_linear$", "_cross_attn_q_linear$")), Size((1152,))),
    Rule("sana", (_BLOCKS, ("_attn2_to_",)), Size((2240,))),
    Rule("krea-2", (("txtfusion", "text_fusion", "time_mod_proj"),)),
    Rule("krea-2", (("_attn_wq$",), ("_attn_gate$",))),
    Rule("wan", (("^blocks_", "^vace_blocks_"), _WAN_NAMES)),
    Rule("wan", (("^blocks_",), ("_attn1_to_", "_attn2_to_")), Size((1536, 3072, 5120))),
    Rule("hunyuan-dit", (("^blocks_",), ("_attn1_Wqkv$", "_attn2_kv_proj$"))),
    Rule("anima", (("^llm_adapter_",),)),
    Rule("anima", (("^blocks_",), _COSMOS_NAMES), Size((2048,))),
    Rule("z-image", (_NEXT_DIT, _NEXT_DIT_NAMES), Size((3840,))),
    Rule("lumina", (_NEXT_DIT, _NEXT_DIT_NAMES), Size((2304,))),
    Rule("llm", (_LLM, _LLM_NAMES)),
)
"""To know a new family, add a line here, and one to ``FAMILY_OF_CLAIM`` if its trainers write metadata."""

SAME_LAYERS: dict[str, frozenset[str]] = {
    "sdxl": frozenset({"kolors"}),
    "flux": frozenset({"chroma", "hunyuan-video"}),
    "cogvideox": frozenset({"mochi"}),
}
"""Families whose layers may look exactly like those of another: here the metadata may decide between the two."""
