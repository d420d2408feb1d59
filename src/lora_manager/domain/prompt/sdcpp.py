"""stable-diffusion.cpp's server, which takes LoRAs beside the prompt."""

from collections.abc import Iterator, Sequence

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.lookup import file_name
from lora_manager.domain.prompt.spelling import Dialect, Objection, Spelling, weight_objection
from lora_manager.domain.prompt.tags import HIGH_NOISE, Found, LoraEntry, LoraTag, TagFields
from lora_manager.domain.prompt.warning import WarningCode


class SdCppDialect(Dialect):
    """stable-diffusion.cpp: a list of file names and weights; a tag in the text is text.

    A LoRA whose name begins with ``|high_noise|`` goes to the high-noise half of Wan 2.2, as on its command line.

    Source: leejet/stable-diffusion.cpp examples/server/api.md, examples/common/common.cpp.
    """

    name = "sdcpp"

    def reference(self, lora: Lora) -> str:
        return (HIGH_NOISE if lora.name.startswith(HIGH_NOISE) else "") + file_name(lora)

    def finds(self, lora: Lora) -> bool:  # noqa: ARG002 - a file is always found by its own name
        return True

    def objections(self, tag: LoraTag) -> Sequence[Objection]:
        if objection := weight_objection(tag):
            return (objection,)
        if not tag.name.removeprefix(HIGH_NOISE):
            return (Objection(None, "a path must not be empty"),)
        if tag.te_weight not in (None, tag.weight):
            reason = "stable-diffusion.cpp has one weight for model and text encoder: that of the model is sent"
            return (Objection(WarningCode.TE_WEIGHT_LOST, reason),)
        return ()

    def render(self, tags: Sequence[TagFields]) -> Spelling:
        entries = tuple(
            LoraEntry(name.removeprefix(HIGH_NOISE), weight, name.startswith(HIGH_NOISE)) for name, weight, _ in tags
        )
        return Spelling(structured=entries, objections=self._accepted(tags))

    def find(self, text: str) -> Iterator[Found]:  # noqa: ARG002 - no text holds a tag for this runtime
        return iter(())
