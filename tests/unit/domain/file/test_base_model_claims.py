"""What the metadata adds to what the layers show of a LoRA's model family."""

import pytest

from lora_manager.domain.file import BaseModelGuess, guess_base_model
from tests.unit.domain.file.building import Tensors, header_of, lora, peft
from tests.unit.domain.file.layouts import SINGLE, unet

UNKNOWN = lora({"some_layer": (8, 8)})


def guess(tensors: Tensors, **metadata: str) -> BaseModelGuess:
    return guess_base_model(header_of(tensors, metadata))


@pytest.mark.parametrize(
    ("claim", "family"),
    [
        ("sd_v1", "sd1"),
        ("sd_v1_v", "sd1"),
        ("sd_1.5", "sd1"),
        ("sd_v2_v", "sd2"),
        ("sd_2.1", "sd2"),
        ("sdxl_base_v1-0", "sdxl"),
        ("Illustrious", "sdxl"),
        ("animagine-xl", "sdxl"),
        ("medium", "sd3"),
        ("5-large", "sd3"),
        ("sd3m", "sd3"),
        ("flux1", "flux"),
        ("flux_kontext", "flux"),
        ("flux_2_dev", "flux2"),
        ("FLUX.2 klein", "flux2"),
        ("chroma", "chroma"),
        ("lumina2", "lumina"),
        ("hunyuan-image-2.1", "hunyuan-image"),
        ("hunyuan_video", "hunyuan-video"),
        ("framepack", "hunyuan-video"),
        ("anima", "anima"),
        ("wan2.1", "wan"),
        ("qwen_image_edit", "qwen-image"),
        ("z_image", "z-image"),
        ("krea2", "krea-2"),
        ("Pony V7", "auraflow"),
        ("large", None),
        ("None", None),
        ("", None),
    ],
)
def test_without_telling_layers_the_metadata_decides(claim: str, family: str | None) -> None:
    found = guess(UNKNOWN, ss_base_model_version=claim)
    assert found.family == family
    assert found.evidence == (f"metadata: ss_base_model_version={claim}" if family else "nothing decisive")


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("stable-diffusion-v1/lora", "sd1"),
        ("stable-diffusion-v2-768-v/lora", "sd2"),
        ("stable-diffusion-xl-v1-base/lora", "sdxl"),
        ("stable-diffusion-xl-v1-refiner/lora", "sdxl-refiner"),
        ("stable-diffusion-3-5-large/lora", "sd3"),
        ("stable-diffusion-v3-medium/lora", "sd3"),
        ("Flux.1-dev/lora", "flux"),
        ("flux-1-schnell/LoRA", "flux"),
        ("stable-cascade-v1-stage-c/lora", "cascade"),
        ("stable-video-diffusion-img2vid-v1", "svd"),
        ("lumina-2/lora", "lumina"),
        ("gpt-neo-x", "llm"),
        ("sd-something/sdxl", None),
    ],
)
def test_modelspec_architectures_are_read_up_to_the_slash(architecture: str, family: str | None) -> None:
    assert guess(UNKNOWN, **{"modelspec.architecture": architecture}).family == family


def test_ss_v2_tells_sd_2_only_when_it_is_true_and_nothing_else_tells() -> None:
    assert guess(UNKNOWN, ss_v2="True") == BaseModelGuess("sd2", "metadata: ss_v2=True")
    assert guess(UNKNOWN, ss_v2="False", ss_output_name="x").family is None
    assert guess(UNKNOWN, ss_v2="True", ss_base_model_version="sdxl_base_v1-0").family == "sdxl"


def test_layers_outweigh_metadata_that_contradicts_them() -> None:
    assert guess(lora(unet(768)), ss_base_model_version="sdxl_base_v1-0").family == "sd1"


@pytest.mark.parametrize(
    ("tensors", "claim", "family"),
    [
        (lora(unet(2048)), "kolors", "kolors"),
        (peft(SINGLE), "chroma", "chroma"),
        (peft(SINGLE), "framepack", "hunyuan-video"),
        (peft({"transformer.transformer_blocks.0.attn1.to_q": (3072, 3072)}), "mochi", "mochi"),
    ],
    ids=["kolors", "chroma", "framepack", "mochi"],
)
def test_metadata_decides_between_families_whose_layers_are_the_same(tensors: Tensors, claim: str, family: str) -> None:
    found = guess(tensors, ss_base_model_version=claim)
    assert found.family == family
    assert found.evidence.startswith("keys: ")
    assert found.evidence.endswith(f"; metadata: ss_base_model_version={claim}")
