"""CivitAI's names of base models. The lists are those of basemodel.constants.ts, August 2026."""

import pytest

from lora_manager.domain.civitai.base_models import family_of

FAMILIES = {
    "sd1": "SD 1.4|SD 1.5|SD 1.5 LCM|SD 1.5 Hyper",
    "sd2": "SD 2.0|SD 2.0 768|SD 2.1|SD 2.1 768|SD 2.1 Unclip",
    "sd3": "SD 3|SD 3.5|SD 3.5 Large|SD 3.5 Large Turbo|SD 3.5 Medium",
    "sdxl": "SDXL 0.9|SDXL 1.0|SDXL 1.0 LCM|SDXL Lightning|SDXL Hyper|SDXL Turbo|SDXL Distilled"
    "|Pony|Illustrious|NoobAI",
    "svd": "SVD|SVD XT",
    "cascade": "Stable Cascade",
    "flux": "Flux.1 S|Flux.1 D|Flux.1 Krea|Flux.1 Kontext",
    "flux2": "Flux.2 D|Flux.2 Klein 9B|Flux.2 Klein 9B-base|Flux.2 Klein 4B|Flux.2 Klein 4B-base",
    "wan": "Wan Video|Wan Video 1.3B t2v|Wan Video 14B t2v|Wan Video 14B i2v 480p|Wan Video 14B i2v 720p"
    "|Wan Video 2.2 TI2V-5B|Wan Video 2.2 I2V-A14B|Wan Video 2.2 T2V-A14B|Wan Video 2.5 T2V|Wan Video 2.5 I2V"
    "|Wan Video 2.7",
    "z-image": "ZImageTurbo|ZImageBase",
    "hunyuan-video": "Hunyuan Video",
    "hunyuan-dit": "Hunyuan 1",
    "ltx": "LTXV|LTXV2|LTXV 2.3",
    "pixart": "PixArt a|PixArt E",
    "auraflow": "AuraFlow|Pony V7",
    "qwen-image": "Qwen",
    "krea-2": "Krea 2",
    "anima": "Anima",
    "chroma": "Chroma",
    "cogvideox": "CogVideoX",
    "hidream": "HiDream",
    "kolors": "Kolors",
    "lumina": "Lumina",
    "mochi": "Mochi",
}
UNKNOWN = (
    "ACE Audio|Boogu|Ernie|Flux 3 Video|Grok|HappyHorse|HiDream-O1|Hunyuan3D|Ideogram 4.0|Imagen4|Kling|Lens|MAI"
    "|MageFlow|MiniMax H3|Nano Banana|ODOR|OpenAI|Other|Playground v2|PolyGen|Qwen 2|Qwen 3|Reve|Seedance|Seedream"
    "|Sora 2|Tripo|Upscaler|Veo 3|Vidu Q1|Wan Image 2.7"
)


@pytest.mark.parametrize(
    ("name", "family"), [(name, family) for family, names in FAMILIES.items() for name in names.split("|")]
)
def test_a_base_model_belongs_to_the_family_of_its_layers(name: str, family: str) -> None:
    assert family_of(name) == family


@pytest.mark.parametrize("name", [*UNKNOWN.split("|"), "", "!?", "a model nobody has heard of"])
def test_a_name_that_is_not_known_is_no_family(name: str) -> None:
    assert family_of(name) is None


@pytest.mark.parametrize("name", ["sdxl 1.0", "SDXL1.0", "sdxl_1_0", "SDXL 2.0 Nightly", "illustrious-XL v2"])
def test_spelling_does_not_matter_and_names_to_come_are_known_by_their_beginning(name: str) -> None:
    assert family_of(name) == "sdxl"


def test_every_name_of_the_list_is_accounted_for() -> None:
    known = "|".join(FAMILIES.values()).split("|")
    assert len({*known, *UNKNOWN.split("|")}) == len(known) + len(UNKNOWN.split("|")) == 99
