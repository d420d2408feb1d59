"""What may be taken over from outside."""

from collections.abc import Sequence

from lora_manager.domain.civitai.preview import is_web_url
from lora_manager.domain.fields import MAX_TRIGGERS, check_text, check_triggers
from lora_manager.domain.lora import LoraFacts
from lora_manager.domain.trigger import Trigger


def facts_within_limits(
    *, title: str | None, triggers: Sequence[Trigger], base_model: str | None, preview_url: str | None
) -> LoraFacts:
    """The facts that are known and that a LoRA can have; what breaks a limit of its field is left out."""
    facts = LoraFacts()
    if title is not None and not any(check_text("title", title)):
        facts["title"] = title
    if sound := tuple(trigger for trigger in triggers if not any(check_triggers([trigger]))):
        facts["triggers"] = sound[:MAX_TRIGGERS]
    if base_model is not None and not any(check_text("base_model", base_model)):
        facts["base_model"] = base_model
    if preview_url is not None and is_web_url(preview_url):
        facts["preview_url"] = preview_url
    return facts
