"""AUTOMATIC1111's prompt syntax, and SD.Next's variant of it."""

import re
from collections.abc import Iterator, Sequence

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.brackets import BracketDialect
from lora_manager.domain.prompt.lookup import ends_path, is_stem_or_alias
from lora_manager.domain.prompt.spelling import Objection
from lora_manager.domain.prompt.tags import Found, LoraTag
from lora_manager.domain.prompt.warning import WarningCode
from lora_manager.domain.prompt.weights import read_weights

_EXTRA_NETWORK = re.compile(r"<(\w++):([^>]++)>")
_RANDOM_CHOICE = re.compile(r"\{[^{}]*\}|__.*?__")


class ExtraNetworksDialect(BracketDialect):
    """What both read alike: arguments between colons; one with exactly one ``=`` is named, the others go by place.

    Source: AUTOMATIC1111/stable-diffusion-webui modules/extra_networks.py, vladmandic/sdnext modules/extra_networks.py.
    """

    spellings: frozenset[str] = frozenset({"lora"})
    weights_by_place: int = 1

    def find(self, text: str) -> Iterator[Found]:
        last = text.rfind(">") + 1  # without this limit "<a:<a:<a:" would be read to its end from every "<"
        for match in _EXTRA_NETWORK.finditer(text, 0, last):
            if match[1] in self.spellings and (tag := self._tag(match[2].split(":"))):
                yield Found(match.start(), match.end(), tag)

    def _name_objection(self, name: str) -> Objection | None:
        if name.count("=") == 1:
            reason = "a name with exactly one '=' is taken for an option and lost: rename the file and the adapter"
            return Objection(None, reason)
        return super()._name_objection(name)

    def _tag(self, arguments: Sequence[str]) -> LoraTag | None:
        """The tag these arguments make; None where they say something that a LoraTag does not hold."""
        named = dict(argument.split("=") for argument in arguments if argument.count("=") == 1)
        placed = [argument for argument in arguments if argument.count("=") != 1]
        if not placed or not placed[0] or len(placed) > 1 + self.weights_by_place or named.keys() - {"te", "unet"}:
            return None
        numbers = read_weights([*placed[1:], *named.values()])
        if numbers is None:
            return None
        by_place = numbers[: len(placed) - 1]
        by_name = dict(zip(named, numbers[len(by_place) :], strict=True))
        te_weight = by_name.get("te", by_place[0] if by_place else 1.0)
        weight = by_name.get("unet", by_place[1] if len(by_place) > 1 else te_weight)
        return LoraTag(placed[0], weight, None if te_weight == weight else te_weight)


class A1111Dialect(ExtraNetworksDialect):
    """AUTOMATIC1111, Forge, reForge: ``<lora:name:weight>`` or ``<lora:name:te_weight:weight>``.

    Source: AUTOMATIC1111/stable-diffusion-webui extensions-builtin/Lora/extra_networks_lora.py and
    modules/processing_scripts/comments.py.
    """

    name = "a1111"
    comment: str | None = "#"
    marks: tuple[str, ...] = (":", ">", "=", "#")
    spellings = frozenset({"lora", "lyco"})
    weights_by_place = 2

    def finds(self, lora: Lora) -> bool:
        return is_stem_or_alias(lora)

    def _pair(self, weight: str, te_weight: str) -> str:
        return f"{te_weight}:{weight}"

    def _name_objection(self, name: str) -> Objection | None:
        if refusal := super()._name_objection(name):
            return refusal
        if "#" not in name:
            return None
        return Objection(
            WarningCode.NAME_NOT_WRITABLE,
            "'#' begins a comment in AUTOMATIC1111 and Forge, and the rest of the line is lost: rename the file and "
            "the adapter, or switch off their setting Enable comments",
        )


class SDNextDialect(ExtraNetworksDialect):
    """SD.Next: ``<lora:name:weight>`` or ``<lora:name:te=te_weight:unet=weight>``.

    Source: vladmandic/sdnext modules/lora/extra_networks_lora.py, modules/lora/lora_load.py, modules/styles.py.
    """

    name = "sdnext"
    marks: tuple[str, ...] = (":", ">", "=", "/", "{", "__")

    def finds(self, lora: Lora) -> bool:
        return is_stem_or_alias(lora) or ends_path(lora) or lora.name == lora.file_stem.replace(".", "_")

    def _pair(self, weight: str, te_weight: str) -> str:
        return f"te={te_weight}:unet={weight}"

    def _name_objection(self, name: str) -> Objection | None:
        if refusal := super()._name_objection(name):
            return refusal
        if name.startswith("/"):
            return Objection(None, "a name that begins with '/' is downloaded, not looked up: rename the adapter")
        if not _RANDOM_CHOICE.search(name):
            return None
        return Objection(
            WarningCode.NAME_NOT_WRITABLE,
            "SD.Next puts a random choice in the place of {...} and __...__: rename the file and the adapter",
        )
