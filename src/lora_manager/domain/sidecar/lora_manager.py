"""``<stem>.metadata.json``, in which ComfyUI-Lora-Manager keeps all it knows of a LoRA.

Source: ComfyUI-Lora-Manager py/utils/models.py
"""

import json

from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora, LoraChanges, LoraFacts
from lora_manager.domain.provenance import Source
from lora_manager.domain.sidecar.civitai_info import base_model_name, merge_version, read_civitai_info
from lora_manager.domain.sidecar.document import Document
from lora_manager.domain.sidecar.plain_text import html_of
from lora_manager.domain.sidecar.sieve import Sieve
from lora_manager.domain.sidecar.told import Told

FAVORITE = "favorite"
"""The tag of a LoRA that is marked as a favorite there."""


def read_lora_manager(document: Document, sieve: Sieve, hashes: Hashes) -> Told:
    """What it says. A value that CivitAI did not give is the user's; so are the notes, the weights and the tags."""
    version = {**sieve.mapping("civitai", document.get("civitai"))}
    answer = read_civitai_info(version, sieve, hashes)
    civitai = answer.civitai.copy()
    if description := sieve.html("modelDescription", document.get("modelDescription"), "description"):
        civitai["description"] = description
    user = _of_user(document, civitai, sieve)
    if "id" not in version and (triggers := sieve.triggers("trainedWords", version.get("trainedWords"))):
        civitai.pop("triggers", None)
        user["triggers"] = triggers
    return Told(user, civitai, answer.validation)


def write_lora_manager(lora: Lora, known: Document) -> Document:
    """The whole document.

    :param known: what it says already
    """
    version = merge_version(lora, known.get("civitai"))
    document: Document = {
        "model_name": lora.file_stem,
        "modified": lora.created_at.timestamp(),
        "size": 0,
        "sha256": "",
        "base_model": "Unknown",
        "preview_url": "",
        "notes": "",
        "tags": [],
        "modelDescription": "",
        FAVORITE: False,
        **known,
        "file_name": lora.file_stem,
        "file_path": lora.file_path.replace("\\", "/"),
        "usage_tips": json.dumps({**_tips(known.get("usage_tips")), **_weights(lora)}),
        "civitai": version,
        "from_civitai": "id" in version,
    }
    document["base_model"] = base_model_name(lora.base_model, document["base_model"])
    if lora.file is not None:
        document |= {"size": lora.file.size_bytes, "sha256": lora.file.hashes.sha256}
    if lora.title is not None:
        document["model_name"] = lora.title
    if lora.tags:
        document |= {"tags": [*lora.tags], FAVORITE: FAVORITE in lora.tags}
    if lora.description is not None and lora.provenance.get("description") is Source.USER:
        document["notes"] = lora.description
    elif lora.description is not None:
        document["modelDescription"] = html_of(lora.description)
    return document


def _of_user(document: Document, civitai: LoraFacts, sieve: Sieve) -> LoraChanges:
    user: LoraChanges = {}
    title = sieve.text("model_name", document.get("model_name"), "title")
    if title and title not in (civitai.get("title"), document.get("file_name")):  # which may be anything
        user["title"] = title
    if notes := sieve.text("notes", document.get("notes"), "description"):
        user["description"] = notes
    family = sieve.family("base_model", document.get("base_model"))
    if family and family != civitai.get("base_model"):
        user["base_model"] = family
    tips = _tips(document.get("usage_tips"))
    if (weight := sieve.number("usage_tips.strength", tips.get("strength"))) is not None:
        user["weight"] = weight
    if (te_weight := sieve.number("usage_tips.clip_strength", tips.get("clip_strength"))) is not None:
        user["te_weight"] = te_weight
    tags = sieve.tags("tags", document.get("tags"))
    if sieve.flag(FAVORITE, document.get(FAVORITE)) and FAVORITE not in tags:
        tags = sieve.tags("tags", [*tags, FAVORITE])
    if tags:
        user["tags"] = tags
    return user


def _tips(value: object) -> Document:
    """The tips, which are JSON in a text; none where they cannot be read."""
    try:
        tips: object = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    return tips if isinstance(tips, dict) else {}


def _weights(lora: Lora) -> Document:
    weights: Document = {"strength": lora.weight}
    if lora.te_weight is not None:
        weights["clip_strength"] = lora.te_weight
    return weights
