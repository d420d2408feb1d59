"""Which family CivitAI's names of base models stand for."""

from collections.abc import Mapping

from lora_manager.domain.file.base_model import FAMILY_OF_CLAIM

_LONGEST = 100  # characters that are looked at; the longest name so far has 28
# How CivitAI's names begin that training programs do not write; None keeps a name from being taken for a shorter one.
# Source: civitai packages/civitai-shared/src/basemodel.constants.ts
_FAMILY_OF_BEGINNING: Mapping[str, str | None] = {
    **FAMILY_OF_CLAIM,
    "qwen": "qwen-image",
    "qwen2": None,
    "qwen3": None,
    "hunyuan1": "hunyuan-dit",
    "flux3": None,
    "hidreamo1": None,
    "wanimage": None,
}


def family_of(base_model: str | None) -> str | None:
    """The family a name such as ``SDXL 1.0`` stands for, as a file's own layers would tell it; None where unknown.

    Case and punctuation do not matter, and names yet to come are known by how they begin. What was trained from SDXL
    (Pony, Illustrious, NoobAI) fits where SDXL does.

    >>> family_of("Pony"), family_of("Pony V7"), family_of("Flux.2 Klein 4B"), family_of("Sora 2")
    ('sdxl', 'auraflow', 'flux2', None)
    """
    name = "".join(filter(str.isalnum, (base_model or "")[:_LONGEST].lower()))
    fitting = [beginning for beginning in _FAMILY_OF_BEGINNING if name.startswith(beginning)]
    return _FAMILY_OF_BEGINNING[max(fitting, key=len)] if fitting else None
