"""Which family of models a file was made for: by its layers' names and shapes, else by what its metadata says.

What the layers show is what a runtime will find; metadata is copied, forgotten and edited. Where neither decides, the
family stays unknown: a wrong family hides a file from those who look for it.
"""

from collections.abc import Mapping

from lora_manager.domain.file.base_model_rules import RULES, SAME_LAYERS
from lora_manager.domain.file.clues import Clues
from lora_manager.domain.file.inspected import BaseModelGuess
from lora_manager.domain.file.metadata_values import clean_text
from lora_manager.domain.file.safetensors import Header
from lora_manager.domain.file.survey import Survey, survey

_CLAIMS = ("ss_base_model_version", "modelspec.architecture")
_SHOWN = 80
# How claims begin, without case and punctuation; the longest that fits decides. Sources: kohya sd-scripts
# train_network.py and library/sai_model_spec.py, musubi-tuner ARCHITECTURE_*_FULL, ai-toolkit, ModelSpec 1.0.1.
FAMILY_OF_CLAIM: Mapping[str, str] = {
    **dict.fromkeys(("sd1", "sdv1", "stablediffusion1", "stablediffusionv1"), "sd1"),
    **dict.fromkeys(("sd2", "sdv2", "stablediffusion2", "stablediffusionv2"), "sd2"),
    **dict.fromkeys(("sd3", "sdv3", "stablediffusion3", "stablediffusionv3"), "sd3"),
    **dict.fromkeys(("sdxl", "stablediffusionxl", "pony", "illustrious", "noobai", "animagine"), "sdxl"),
    **dict.fromkeys(("sdxlrefiner", "stablediffusionxlv1refiner"), "sdxl-refiner"),
    **dict.fromkeys(("stablevideodiffusion", "svd"), "svd"),
    "stablecascade": "cascade",
    "flux": "flux",
    **dict.fromkeys(("flux2", "klein"), "flux2"),
    "chroma": "chroma",
    "wan": "wan",
    "qwenimage": "qwen-image",
    "zimage": "z-image",
    **dict.fromkeys(("hunyuanvideo", "framepack"), "hunyuan-video"),
    "hunyuanimage": "hunyuan-image",
    "hunyuandit": "hunyuan-dit",
    "ltx": "ltx",
    "lumina": "lumina",
    "anima": "anima",
    "krea2": "krea-2",
    "pixart": "pixart",
    "kolors": "kolors",
    **dict.fromkeys(("auraflow", "ponyv7"), "auraflow"),
    "hidream": "hidream",
    "cogvideox": "cogvideox",
    "mochi": "mochi",
    "sana": "sana",
    "gptneox": "llm",
}
# kohya writes the name of the SD 3 network alone. Source: sd-scripts library/sd3_utils.py, model_type.
_SD3_NETWORKS = frozenset({"medium", "5medium", "5large", "5largeturbo"})


def guess_base_model(header: Header) -> BaseModelGuess:
    """The family the file was made for, with what decided; None rather than a guess."""
    return guess(survey(header))


def guess(found: Survey) -> BaseModelGuess:
    """As :func:`guess_base_model`, for tensors that are already sorted."""
    clues = Clues(found)
    claimed, claim = _claimed_family(found.header.metadata)
    for rule in RULES:
        evidence = rule.evidence(clues)
        if evidence is not None:
            if claimed in SAME_LAYERS.get(rule.family, ()):
                return BaseModelGuess(claimed, f"{evidence}; metadata: {claim}")
            return BaseModelGuess(rule.family, evidence)
    if claimed is not None:
        return BaseModelGuess(claimed, f"metadata: {claim}")
    return BaseModelGuess(None, "nothing decisive")


def _claimed_family(metadata: Mapping[str, str]) -> tuple[str | None, str]:
    """The family the metadata names, and in which words."""
    for key in _CLAIMS:
        value = clean_text(metadata.get(key, ""))[:_SHOWN]
        family = _family_of(value)
        if family is not None:
            return family, f"{key}={value}"
    if metadata.get("ss_v2") == "True":
        return "sd2", "ss_v2=True"
    return None, ""


def _family_of(claim: str) -> str | None:
    name = "".join(filter(str.isalnum, claim.partition("/")[0].lower()))
    if name in _SD3_NETWORKS:
        return "sd3"
    fitting = [beginning for beginning in FAMILY_OF_CLAIM if name.startswith(beginning)]
    return FAMILY_OF_CLAIM[max(fitting, key=len)] if fitting else None
