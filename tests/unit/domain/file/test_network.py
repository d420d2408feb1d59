"""Which network a file holds, for every way the field spells one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.file import Network, NotALora, describe_network
from tests.unit.domain.file.building import Tensors, header_of, lora, peft

LAYER = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
OTHER = "lora_unet_mid_block_attentions_0_proj_in"


def one_layer(**parts: tuple[int, ...]) -> Tensors:
    """The tensors of one layer; ``__`` stands for a dot."""
    return {f"{LAYER}.{part.replace('__', '.')}": ("F16", shape) for part, shape in parts.items()}


def describe(tensors: Tensors, **metadata: str) -> Network:
    return describe_network(header_of(tensors, metadata))


LORA = one_layer(lora_down__weight=(4, 320), lora_up__weight=(320, 4))
KINDS: list[tuple[str, str, Tensors, int | None]] = [
    ("kohya", "lora", one_layer(lora_up__weight=(320, 4), lora_down__weight=(4, 320), alpha=()), 4),
    ("PEFT", "lora", one_layer(lora_A__weight=(8, 320), lora_B__weight=(320, 8)), 8),
    ("PEFT with bias", "lora", one_layer(lora_A__weight=(8, 320), lora_B__weight=(320, 8), lora_B__bias=(320,)), 8),
    ("PEFT with a name", "lora", one_layer(lora_A__default__weight=(8, 3), lora_B__default__weight=(3, 8)), 8),
    ("PEFT embeddings", "lora", one_layer(lora_embedding_A=(8, 32000), lora_embedding_B=(320, 8)), 8),
    ("Mochi", "lora", one_layer(lora_A=(16, 3072), lora_B=(3072, 16)), 16),
    (
        "old diffusers processor",
        "lora",
        {f"a.processor.to_q_lora.{x}.weight": ("F32", (4, 4)) for x in ("up", "down")},
        4,
    ),
    ("old diffusers", "lora", {f"a.to_q.lora.{x}.weight": ("F32", (4, 4)) for x in ("up", "down")}, 4),
    ("old diffusers text", "lora", {f"a.q.lora_linear_layer.{x}.weight": ("F32", (4, 4)) for x in ("up", "down")}, 4),
    (
        "XLabs",
        "lora",
        {f"double_blocks.0.processor.qkv_lora1.{x}.weight": ("F32", (16, 16)) for x in ("up", "down")},
        16,
    ),
    ("1x1 convolution", "lora", one_layer(lora_down__weight=(4, 320, 1, 1), lora_up__weight=(320, 4, 1, 1)), 4),
    ("3x3 convolution", "locon", one_layer(lora_down__weight=(4, 320, 3, 3), lora_up__weight=(320, 4, 1, 1)), 4),
    (
        "Tucker convolution",
        "locon",
        one_layer(lora_down__weight=(4, 320, 1, 1), lora_mid__weight=(4, 4, 3, 3), lora_up__weight=(320, 4, 1, 1)),
        4,
    ),
    ("kohya DoRA", "dora", {**LORA, **one_layer(dora_scale=(320, 1))}, 4),
    ("PEFT DoRA", "dora", {**LORA, **one_layer(lora_magnitude_vector=(320,))}, 4),
    ("PEFT DoRA with weight", "dora", {**LORA, **one_layer(lora_magnitude_vector__weight=(320,))}, 4),
    ("PEFT DoRA with a name", "dora", {**LORA, **one_layer(lora_magnitude_vector__default__weight=(320,))}, 4),
    ("ai-toolkit DoRA", "dora", {**LORA, **one_layer(magnitude=(320,))}, 4),
    (
        "LoHa",
        "loha",
        one_layer(hada_w1_a=(320, 8), hada_w1_b=(8, 320), hada_w2_a=(320, 8), hada_w2_b=(8, 320), alpha=()),
        8,
    ),
    (
        "LoHa with DoRA's scale",
        "loha",
        one_layer(hada_w1_a=(320, 8), hada_w1_b=(8, 320), hada_w2_a=(320, 8), hada_w2_b=(8, 320), dora_scale=(1, 320)),
        8,
    ),
    ("LoKr in halves", "lokr", one_layer(lokr_w1=(16, 16), lokr_w2_a=(20, 4), lokr_w2_b=(4, 20), alpha=()), 4),
    ("LoKr in four halves", "lokr", one_layer(lokr_w1_a=(16, 2), lokr_w1_b=(2, 16), lokr_w2=(20, 20)), 2),
    ("LoKr whole", "lokr", one_layer(lokr_w1=(16, 16), lokr_w2=(20, 20)), None),
    (
        "GLoRA",
        "glora",
        one_layer(a1__weight=(320, 4), a2__weight=(4, 320), b1__weight=(640, 4), b2__weight=(4, 320)),
        4,
    ),
    (
        "older GLoRA",
        "glora",
        one_layer(a1__weight=(4, 320), a2__weight=(320, 4), b1__weight=(4, 320), b2__weight=(640, 4)),
        4,
    ),
    ("OFT", "oft", one_layer(oft_blocks=(8, 40, 40), alpha=()), None),
    ("kohya OFT", "oft", one_layer(oft_diag=(8, 40)), None),
    ("BOFT", "boft", one_layer(oft_blocks=(3, 8, 40, 40), rescale=(1, 320)), None),
    ("PEFT BOFT", "boft", one_layer(boft_R=(3, 8, 40, 40), boft_s=(320, 1)), None),
    ("IA3", "ia3", one_layer(weight=(320,), on_input=()), None),
    ("PEFT IA3", "ia3", one_layer(ia3_l=(320, 1)), None),
    ("full", "full", one_layer(diff=(320, 320), diff_b=(320,)), None),
    ("ComfyUI's replaced weight", "full", one_layer(set_weight=(320, 320)), None),
    ("norm", "norm", one_layer(w_norm=(320,), b_norm=(320,)), None),
    ("only the upper half", "lora", one_layer(lora_up__weight=(320, 4)), 4),
    ("only the lower half", "lora", one_layer(lora_down__weight=(4, 320)), 4),
]


@pytest.mark.parametrize(("kind", "tensors", "rank"), [row[1:] for row in KINDS], ids=[row[0] for row in KINDS])
def test_every_spelling_of_a_network_is_known(kind: str, tensors: Tensors, rank: int | None) -> None:
    network = describe(tensors)
    assert (network.kind, network.rank, network.modules) == (kind, rank, 1)
    assert network.tensors == len(tensors)


def test_the_two_streams_of_an_xlabs_block_are_two_layers() -> None:
    layers = {f"double_blocks.0.processor.proj_lora{n}": (3072, 3072) for n in (1, 2)}
    tensors = {name.replace(".lora_", "."): value for name, value in lora(layers).items()}
    assert describe(tensors).modules == 2


def test_rank_is_the_commonest_and_the_larger_of_equally_common_ones() -> None:
    ranks = [4, 4, 8, 8, 2]
    tensors = {
        name: value
        for n, rank in enumerate(ranks)
        for name, value in lora({f"lora_unet_{n}": (320, 320)}, rank).items()
    }
    network = describe(tensors)
    assert (network.rank, network.rank_min, network.rank_max, network.modules) == (8, 2, 8, 5)


def test_types_are_named_as_in_the_file_once_each_and_sorted() -> None:
    assert describe({**LORA, f"{LAYER}.alpha": ("F32", ()), f"{LAYER}.scale": ("BF16", ())}).dtypes == (
        "BF16",
        "F16",
        "F32",
    )


@pytest.mark.parametrize(
    ("metadata", "alpha"),
    [
        ({}, None),
        ({"ss_network_alpha": "8.0"}, 8.0),
        ({"ss_network_alpha": "None"}, None),
        ({"ss_network_alpha": "nan"}, None),
        ({"lora_adapter_metadata": '{"lora_alpha": 16}'}, 16.0),
        ({"lora_adapter_metadata": '{"text_encoder.lora_alpha": 4, "transformer.lora_alpha": 8.5}'}, 8.5),
        ({"lora_adapter_metadata": '{"unet.lora_alpha": true}'}, None),
        ({"lora_adapter_metadata": '{"lora_alpha": 1e999}'}, None),
        ({"lora_adapter_metadata": f'{{"lora_alpha": {"9" * 4000}}}'}, None),
        ({"lora_adapter_metadata": "[1]"}, None),
        ({"lora_adapter_metadata": "{"}, None),
    ],
    ids=range(11),
)
def test_alpha_is_what_the_metadata_says(metadata: dict[str, str], alpha: float | None) -> None:
    assert describe(LORA, **metadata).alpha == alpha


def test_the_factored_algorithm_with_most_layers_names_the_file() -> None:
    loha = {f"{OTHER}_{n}.{part}": ("F16", (4, 4)) for n in range(2) for part in ("hada_w1_a", "hada_w1_b")}
    assert describe({**LORA, **loha}).kind == "loha"


@pytest.mark.parametrize(
    ("algo", "kind"), [("lokr", "lokr"), ("locon", "lora"), ("LoKr", "lokr"), ("boft", "lora"), ("", "lora")]
)
def test_the_training_arguments_decide_only_a_tie(algo: str, kind: str) -> None:
    lokr: Tensors = {f"{OTHER}.lokr_w1": ("F16", (4, 4)), f"{OTHER}.lokr_w2": ("F16", (4, 4))}
    arguments = f'{{"algo": "{algo}"}}'
    assert describe({**LORA, **lokr}, ss_network_args=arguments).kind == kind
    assert describe(LORA, ss_network_args=arguments).kind == "lora"


def test_whole_weights_and_norms_beside_a_lora_do_not_rename_it() -> None:
    extras: Tensors = {f"{OTHER}_{n}.{part}": ("F16", (4,)) for n in range(5) for part in ("diff", "diff_b", "w_norm")}
    network = describe({**LORA, **extras})
    assert (network.kind, network.modules) == ("lora", 6)


def test_a_bias_change_on_a_lora_layer_is_no_further_layer() -> None:
    assert describe({**LORA, **one_layer(diff_b=(320,))}).modules == 1


def test_bundled_embeddings_count_as_tensors_only() -> None:
    bundled: Tensors = {
        f"bundle_emb.word.{name}": ("F16", (4, 768)) for name in ("string_to_param.*", "clip_l", "clip_g")
    }
    network = describe({**LORA, **bundled})
    assert (network.kind, network.modules, network.tensors) == ("lora", 1, 5)


def test_weights_saved_beside_a_lora_do_not_hide_it() -> None:
    assert (
        describe(
            {
                **peft({"base_model.model.model.layers.0.mlp.up_proj": (8, 8)}),
                "base_model.model.lm_head.weight": ("F16", (8, 8)),
            }
        ).kind
        == "lora"
    )


def outcome(tensors: Tensors) -> Network | NotALora:
    try:
        return describe(tensors)
    except NotALora as refused:
        return refused


@given(st.dictionaries(st.text(max_size=30), st.lists(st.integers(0, 5), max_size=5), max_size=5))
def test_no_names_and_shapes_raise_anything_else(shapes: dict[str, list[int]]) -> None:
    shapes.pop("__metadata__", None)
    found = outcome({name: ("F16", shape) for name, shape in shapes.items()})
    assert found.reason if isinstance(found, NotALora) else found.modules >= 1


PARTS = [
    "lora_up.weight",
    "lora_down.weight",
    "lora_mid.weight",
    "alpha",
    "hada_w1_b",
    "lokr_w1",
    "lokr_w2_b",
    "oft_blocks",
]
PARTS += ["a1.weight", "a2.weight", "diff", "dora_scale", "on_input", "w_norm", "lora_B.bias", "weight", "lora_A"]


@given(st.dictionaries(st.sampled_from(PARTS), st.lists(st.integers(0, 5), max_size=5), max_size=6))
def test_parts_of_any_shape_raise_nothing_else(shapes: dict[str, list[int]]) -> None:
    found = outcome({f"layer.{part}": ("F16", shape) for part, shape in shapes.items()})
    assert found.reason if isinstance(found, NotALora) else found.modules == 1
