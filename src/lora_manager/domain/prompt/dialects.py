"""The dialects there are, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from lora_manager.domain.prompt.comfyui import LoraManagerDialect
from lora_manager.domain.prompt.extra_networks import A1111Dialect, SDNextDialect
from lora_manager.domain.prompt.sdcpp import SdCppDialect
from lora_manager.domain.prompt.spelling import Dialect

A1111 = A1111Dialect()
SDNEXT = SDNextDialect()
COMFYUI_LORA_MANAGER = LoraManagerDialect()
SDCPP = SdCppDialect()
DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {dialect.name: dialect for dialect in (A1111, SDNEXT, COMFYUI_LORA_MANAGER, SDCPP)}
)
