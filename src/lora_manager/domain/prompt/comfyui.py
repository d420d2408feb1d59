"""The prompt syntax of ComfyUI-Lora-Manager's nodes; ComfyUI itself has none."""

import re
from collections.abc import Iterator

from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.brackets import BracketDialect
from lora_manager.domain.prompt.lookup import ends_path
from lora_manager.domain.prompt.spelling import Objection
from lora_manager.domain.prompt.tags import Found, LoraTag
from lora_manager.domain.prompt.warning import WarningCode
from lora_manager.domain.prompt.weights import read_weights

_TAG = re.compile(r"<lora:([^:>]++):([^:>]++)(?::([^:>]++))?>", re.IGNORECASE)


class LoraManagerDialect(BracketDialect):
    """ComfyUI-Lora-Manager: ``<lora:name:weight>`` or ``<lora:name:weight:te_weight>``; ``folder/name`` is a name too.

    Source: willmiao/ComfyUI-Lora-Manager py/nodes/utils.py, py/utils/utils.py, web/comfyui/lora_syntax_utils.js.
    """

    name = "comfyui-lora-manager"
    marks: tuple[str, ...] = (":", ">", ",", "  ")

    def finds(self, lora: Lora) -> bool:
        return ends_path(lora)

    def find(self, text: str) -> Iterator[Found]:
        for match in _TAG.finditer(text):
            weights = read_weights(match.group(2, 3) if match[3] else (match[2],))
            if weights is not None:
                te_weight = None if weights[-1] == weights[0] else weights[-1]
                yield Found(match.start(), match.end(), LoraTag(match[1], weights[0], te_weight))

    def _pair(self, weight: str, te_weight: str) -> str:
        return f"{weight}:{te_weight}"

    def _name_objection(self, name: str) -> Objection | None:
        if refusal := super()._name_objection(name):
            return refusal
        if "," not in name and "  " not in name:
            return None
        return Objection(
            WarningCode.NAME_NOT_WRITABLE,
            "the text box of ComfyUI-Lora-Manager changes commas and double spaces: rename the file and the adapter, "
            "or feed the prompt to its LoRA Text Loader, which leaves them alone",
        )
