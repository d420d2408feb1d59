"""Mentions of LoRAs: in a prompt's text, and beside it."""

from typing import NamedTuple

HIGH_NOISE = "|high_noise|"  # stable-diffusion.cpp: a name that begins so goes to the high-noise half of Wan 2.2


TagFields = tuple[str, float, float | None]
"""What a LoraTag is when looked at as a tuple; for loops that make thousands of them."""


class LoraTag(NamedTuple):
    """A mention of a LoRA in a prompt.

    :param name: as written; which file it means is the runtime's business
    :param weight: the strength on the model, -100..100
    :param te_weight: the strength on the text encoder where it differs from ``weight``, else None
    """

    name: str
    weight: float = 1.0
    te_weight: float | None = None


class LoraEntry(NamedTuple):
    """A mention of a LoRA beside the prompt: an element of ``lora`` in stable-diffusion.cpp's API.

    :param path: of the file, below the folder of LoRAs the server was started with
    :param multiplier: the weight, -100..100
    :param is_high_noise: whether it goes to the high-noise half of a model that has two (Wan 2.2)

    Source: stable-diffusion.cpp examples/server/api.md.
    """

    path: str
    multiplier: float = 1.0
    is_high_noise: bool = False

    @property
    def tag(self) -> LoraTag:
        """The same mention as a tag."""
        return LoraTag(HIGH_NOISE + self.path if self.is_high_noise else self.path, self.multiplier)


class ParsedPrompt(NamedTuple):
    """A prompt taken apart: its text without the tags, and the tags in their order."""

    text: str
    tags: tuple[LoraTag, ...]


class Found(NamedTuple):
    """A tag and where in the text it stands: ``text[start:end]``."""

    start: int
    end: int
    tag: LoraTag
