"""What a LoRA file is, from its bytes alone: header, network, base model, metadata, digests.

A registry in memory needs the facts of files; what reads files is loaded when something of it is asked for.
"""

from typing import TYPE_CHECKING

from lora_manager.domain.file.facts import Embedded, Hashes, MalformedHash, Network
from lora_manager.domain.lazily import loader

if TYPE_CHECKING:
    from lora_manager.domain.file.base_model import guess_base_model
    from lora_manager.domain.file.digests import Digester, HashObject
    from lora_manager.domain.file.embedded import read_embedded, trigger_candidates
    from lora_manager.domain.file.inspected import BaseModelGuess, Inspected
    from lora_manager.domain.file.inspection import FileChangedWhileReading, Inspection
    from lora_manager.domain.file.network import describe_network
    from lora_manager.domain.file.not_a_lora import UNRECOGNISED, NotALora
    from lora_manager.domain.file.safetensors import MAX_HEADER_SIZE, Header, Tensor, header_length, parse_header
    from lora_manager.domain.file.safetensors_errors import InvalidSafetensors

__all__ = [
    "MAX_HEADER_SIZE",
    "UNRECOGNISED",
    "BaseModelGuess",
    "Digester",
    "Embedded",
    "FileChangedWhileReading",
    "HashObject",
    "Hashes",
    "Header",
    "Inspected",
    "Inspection",
    "InvalidSafetensors",
    "MalformedHash",
    "Network",
    "NotALora",
    "Tensor",
    "describe_network",
    "guess_base_model",
    "header_length",
    "parse_header",
    "read_embedded",
    "trigger_candidates",
]

_HOMES = {
    "BaseModelGuess": "inspected",
    "Inspected": "inspected",
    "Digester": "digests",
    "FileChangedWhileReading": "inspection",
    "HashObject": "digests",
    "Header": "safetensors",
    "Inspection": "inspection",
    "InvalidSafetensors": "safetensors_errors",
    "MAX_HEADER_SIZE": "safetensors",
    "NotALora": "not_a_lora",
    "Tensor": "safetensors",
    "UNRECOGNISED": "not_a_lora",
    "describe_network": "network",
    "guess_base_model": "base_model",
    "header_length": "safetensors",
    "parse_header": "safetensors",
    "read_embedded": "embedded",
    "trigger_candidates": "embedded",
}

__getattr__ = loader(__name__, _HOMES)
