"""How a LoRA takes in what its sidecars say."""

from dataclasses import replace
from datetime import datetime
from typing import cast

from lora_manager.domain.events import Event, EventName
from lora_manager.domain.lora import FACT_FIELDS, Change, Lora, LoraChanges
from lora_manager.domain.provenance import Source
from lora_manager.domain.sidecar.told import Told
from lora_manager.domain.validation import ValidationState

_UNSET = {"weight": 1.0, "te_weight": None, "tags": ()}
"""The values of the fields without a provenance as long as nobody has set them."""


def fill(lora: Lora, told: Told, *, now: datetime) -> Change:
    """The registered LoRA with what its sidecars say, where no user has said anything; one revision for all of it.

    CivitAI's verdict is taken only where nobody has asked CivitAI about the file.
    """
    open_to_user = {name: value for name, value in told.user.items() if _is_open(lora, name)}
    revised, by_user = lora.revise(now=now, **cast("LoraChanges", open_to_user))
    unasked = lora.validation.state is ValidationState.UNCHECKED
    validation = told.validation if unasked and told.validation is not None else lora.validation
    filled, by_civitai = revised.conclude(validation, now=now, **told.civitai)
    if filled is lora:
        return lora, ()
    fields = {field for event in (*by_user, *by_civitai) for field in event.fields}
    event = Event(EventName.UPDATED, filled.updated_at, lora.id, tuple(sorted(fields)))
    return replace(filled, revision=lora.revision + 1), (event,)


def _is_open(lora: Lora, name: str) -> bool:
    """Whether no user has set the field."""
    if name in FACT_FIELDS:
        return lora.provenance.get(name) is not Source.USER
    return name in _UNSET and getattr(lora, name) == _UNSET[name]
