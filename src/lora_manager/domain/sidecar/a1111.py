"""``<stem>.json``, in which AUTOMATIC1111 and its kin keep what the user typed into a LoRA's card.

Source: AUTOMATIC1111 extensions-builtin/Lora/ui_edit_user_metadata.py
"""

from lora_manager.domain.lora import Lora, LoraChanges
from lora_manager.domain.sidecar.document import Document
from lora_manager.domain.sidecar.sieve import Sieve
from lora_manager.domain.sidecar.told import Told

_VERSIONS = {"sd1": "SD1", "sd2": "SD2", "sdxl": "SDXL", "sd3": "SD3"}  # all that the card offers


def read_a1111(document: Document, sieve: Sieve) -> Told:
    """What the card says; its negative text has no place in a LoRA."""
    user: LoraChanges = {}
    if triggers := sieve.triggers("activation text", document.get("activation text")):
        user["triggers"] = triggers
    if weight := sieve.number("preferred weight", document.get("preferred weight")):  # 0: no preference
        user["weight"] = weight
    for key in ("notes", "description"):
        if text := sieve.text(key, document.get(key), "description"):
            user["description"] = text
    if family := sieve.family("sd version", document.get("sd version")):
        user["base_model"] = family
    return Told(user)


def write_a1111(lora: Lora, known: Document) -> Document:
    """What goes into the card. A weight of 0 cannot be written: there it means that there is no preference.

    :param known: what the card says already
    """
    document: Document = {**known, "preferred weight": lora.weight}
    if lora.description is not None:
        document["description"] = lora.description
    if lora.base_model in _VERSIONS:
        document["sd version"] = _VERSIONS[lora.base_model]
    if lora.triggers:
        document["activation text"] = ", ".join(trigger.text for trigger in lora.triggers)
    return document
