"""Prompts: composing them from LoRAs for one runtime or another, and taking them apart again."""

from lora_manager.domain.prompt.compose import Arrangement, Composition, Rendered, arrange, compose, render, surround
from lora_manager.domain.prompt.dialects import A1111, COMFYUI_LORA_MANAGER, DIALECTS, SDCPP, SDNEXT
from lora_manager.domain.prompt.members import ComposedMember, Dedupe, Member, active_members
from lora_manager.domain.prompt.options import CompositionOptions
from lora_manager.domain.prompt.parse import parse
from lora_manager.domain.prompt.spelling import Dialect, NotWritable, Objection, Spelling
from lora_manager.domain.prompt.tags import LoraEntry, LoraTag, ParsedPrompt
from lora_manager.domain.prompt.template import TemplateDialect
from lora_manager.domain.prompt.warning import CompositionWarning, WarningCode
from lora_manager.domain.prompt.weights import format_weight

__all__ = [
    "A1111",
    "COMFYUI_LORA_MANAGER",
    "DIALECTS",
    "SDCPP",
    "SDNEXT",
    "Arrangement",
    "ComposedMember",
    "Composition",
    "CompositionOptions",
    "CompositionWarning",
    "Dedupe",
    "Dialect",
    "LoraEntry",
    "LoraTag",
    "Member",
    "NotWritable",
    "Objection",
    "ParsedPrompt",
    "Rendered",
    "Spelling",
    "TemplateDialect",
    "WarningCode",
    "active_members",
    "arrange",
    "compose",
    "format_weight",
    "parse",
    "render",
    "surround",
]
