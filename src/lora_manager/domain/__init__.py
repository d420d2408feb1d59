"""What is true of LoRAs, prompts and files; no third-party import, no I/O.

This is the library for embedders: everything a service of your own needs to register, order and compose LoRAs in
memory, to read what a LoRA file is, and to take prompts apart.

What a name stands for is loaded when it is first asked for: who reads file headers needs no prompts.
"""

from typing import TYPE_CHECKING

from lora_manager.domain.lazily import loader

if TYPE_CHECKING:
    from lora_manager.domain.errors import (
        Conflict,
        Failure,
        FileMissing,
        FileNotReadable,
        Forbidden,
        InvalidField,
        InvalidFields,
        InvalidFile,
        InvalidInput,
        LoraNotFound,
        NameTaken,
        NotFound,
        OutsideLibrary,
        StaleRevision,
        Unavailable,
    )
    from lora_manager.domain.events import Event, EventName
    from lora_manager.domain.file.record import FileRecord, FileState
    from lora_manager.domain.ids import uuid7
    from lora_manager.domain.lora import Lora, LoraChanges, LoraFacts
    from lora_manager.domain.metadata import metadata_document
    from lora_manager.domain.prompt import (
        DIALECTS,
        Composition,
        CompositionOptions,
        Dedupe,
        Dialect,
        LoraTag,
        Member,
        ParsedPrompt,
        TemplateDialect,
        active_members,
        compose,
        format_weight,
        parse,
    )
    from lora_manager.domain.provenance import Source
    from lora_manager.domain.registry import DuplicateGroup, Registry, SharedBy, duplicates
    from lora_manager.domain.sidecar import SidecarFormat, Told, read_sidecars, write_sidecar
    from lora_manager.domain.trigger import Trigger, TriggerChoice, TriggerStatus
    from lora_manager.domain.validation import Validation, ValidationState

__all__ = [
    "DIALECTS",
    "Composition",
    "CompositionOptions",
    "Conflict",
    "Dedupe",
    "Dialect",
    "DuplicateGroup",
    "Event",
    "EventName",
    "Failure",
    "FileMissing",
    "FileNotReadable",
    "FileRecord",
    "FileState",
    "Forbidden",
    "InvalidField",
    "InvalidFields",
    "InvalidFile",
    "InvalidInput",
    "Lora",
    "LoraChanges",
    "LoraFacts",
    "LoraNotFound",
    "LoraTag",
    "Member",
    "NameTaken",
    "NotFound",
    "OutsideLibrary",
    "ParsedPrompt",
    "Registry",
    "SharedBy",
    "SidecarFormat",
    "Source",
    "StaleRevision",
    "TemplateDialect",
    "Told",
    "Trigger",
    "TriggerChoice",
    "TriggerStatus",
    "Unavailable",
    "Validation",
    "ValidationState",
    "active_members",
    "compose",
    "duplicates",
    "format_weight",
    "metadata_document",
    "parse",
    "read_sidecars",
    "uuid7",
    "write_sidecar",
]

_HOMES = {
    **dict.fromkeys(
        (
            "Conflict",
            "Failure",
            "FileMissing",
            "FileNotReadable",
            "Forbidden",
            "InvalidField",
            "InvalidFields",
            "InvalidFile",
            "InvalidInput",
            "LoraNotFound",
            "NameTaken",
            "NotFound",
            "OutsideLibrary",
            "StaleRevision",
            "Unavailable",
        ),
        "errors",
    ),
    **dict.fromkeys(
        (
            "Event",
            "EventName",
        ),
        "events",
    ),
    **dict.fromkeys(
        (
            "FileRecord",
            "FileState",
        ),
        "file.record",
    ),
    **dict.fromkeys(("uuid7",), "ids"),
    **dict.fromkeys(
        (
            "Lora",
            "LoraChanges",
            "LoraFacts",
        ),
        "lora",
    ),
    **dict.fromkeys(
        (
            "Composition",
            "CompositionOptions",
            "DIALECTS",
            "Dedupe",
            "Dialect",
            "LoraTag",
            "Member",
            "ParsedPrompt",
            "TemplateDialect",
            "active_members",
            "compose",
            "format_weight",
            "parse",
        ),
        "prompt",
    ),
    **dict.fromkeys(("Source",), "provenance"),
    **dict.fromkeys(
        (
            "DuplicateGroup",
            "Registry",
            "SharedBy",
            "duplicates",
        ),
        "registry",
    ),
    **dict.fromkeys(("metadata_document",), "metadata"),
    **dict.fromkeys(("SidecarFormat", "Told", "read_sidecars", "write_sidecar"), "sidecar"),
    **dict.fromkeys(("Validation", "ValidationState"), "validation"),
    **dict.fromkeys(
        (
            "Trigger",
            "TriggerChoice",
            "TriggerStatus",
        ),
        "trigger",
    ),
}

__getattr__ = loader(__name__, _HOMES)
