"""The useful facts among the some hundred metadata keys that training programs write.

Sources: kohya sd-scripts ``train_network.py`` (``ss_*``, ``sshs_*``); https://github.com/Stability-AI/ModelSpec 1.0.1.
"""

import re
from collections import Counter
from collections.abc import Mapping

from lora_manager.domain.file.facts import Embedded
from lora_manager.domain.file.metadata_values import MAX_TEXT, clean_text, finite_number, json_object, whole_number

MAX_TRAINING_TAGS = 50
_MAX_TAG_COUNT = 2**31 - 1
_NOTHING = frozenset({"", "None"})  # kohya writes str(None)
_HASH = re.compile(r"[0-9a-f]{12,64}")
_HASH_OF_NOTHING = "e3b0c44298fc"  # sha256 of no bytes, which some tools write as a placeholder


def read_embedded(metadata: Mapping[str, str]) -> Embedded:
    """What the metadata says; every odd value reads as absent, no text raises."""

    def text(key: str) -> str | None:
        value = metadata.get(key)
        if value is None:
            return None
        cleaned = clean_text(value)
        return None if cleaned in _NOTHING else cleaned

    return Embedded(
        title=text("modelspec.title"),
        description=text("modelspec.description"),
        author=text("modelspec.author"),
        date=text("modelspec.date"),
        license=text("modelspec.license"),
        usage_hint=text("modelspec.usage_hint"),
        trigger_phrase=text("modelspec.trigger_phrase"),
        architecture=text("modelspec.architecture"),
        output_name=text("ss_output_name"),
        training_comment=text("ss_training_comment"),
        base_model_version=text("ss_base_model_version"),
        sd_model_name=text("ss_sd_model_name"),
        network_module=text("ss_network_module"),
        algo=read_algo(metadata),
        resolution=text("ss_resolution") or text("modelspec.resolution"),
        clip_skip=whole_number(metadata.get("ss_clip_skip")),
        model_hash=_model_hash(metadata),
        network_dim=whole_number(metadata.get("ss_network_dim")),
        network_alpha=finite_number(metadata.get("ss_network_alpha")),
        training_tags=_training_tags(metadata),
    )


def read_algo(metadata: Mapping[str, str]) -> str | None:
    """The LyCORIS algorithm the training program was told to use."""
    algo = json_object(metadata.get("ss_network_args")).get("algo")
    return clean_text(algo) or None if isinstance(algo, str) else None


def trigger_candidates(embedded: Embedded) -> tuple[str, ...]:
    """The phrases the author names as triggers, each once, in the author's order."""
    phrases = (embedded.trigger_phrase or "").split(",")
    return tuple(dict.fromkeys(trimmed for phrase in phrases if (trimmed := phrase.strip())))


def _model_hash(metadata: Mapping[str, str]) -> str | None:
    for key in ("sshs_model_hash", "modelspec.hash_sha256"):
        value = metadata.get(key, "")[:MAX_TEXT].strip().lower().removeprefix("0x")
        if _HASH.fullmatch(value) and not value.startswith(_HASH_OF_NOTHING):
            return value
    return None


def _training_tags(metadata: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """The commonest caption tags over all dataset folders."""
    totals = Counter[str]()
    for folder in json_object(metadata.get("ss_tag_frequency")).values():
        if not isinstance(folder, dict):
            continue
        for tag, count in folder.items():
            if type(count) is int and 0 < count <= _MAX_TAG_COUNT and (cleaned := clean_text(tag)):
                totals[cleaned] += count
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ranked[:MAX_TRAINING_TAGS])
