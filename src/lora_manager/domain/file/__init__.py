"""What a LoRA file is, from its bytes alone: header, network, base model, metadata, digests."""

from lora_manager.domain.file.base_model import guess_base_model
from lora_manager.domain.file.digests import Digester, HashObject
from lora_manager.domain.file.embedded import read_embedded, trigger_candidates
from lora_manager.domain.file.facts import BaseModelGuess, Embedded, Hashes, Inspected, MalformedHash, Network
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
