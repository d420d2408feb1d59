"""What a registered LoRA takes in from its sidecars."""

from datetime import timedelta

from lora_manager.domain.events import Event, EventName
from lora_manager.domain.provenance import Source
from lora_manager.domain.sidecar import NOTHING, Told
from lora_manager.domain.sidecar.fill import fill
from lora_manager.domain.trigger import Trigger
from lora_manager.domain.validation import Validation, ValidationState
from tests.unit.domain.sidecar.examples import NOW, lora

LATER = NOW + timedelta(days=1)
SAID = Told(
    {"weight": 0.8, "te_weight": 0.5, "tags": ("ink",), "description": "Mine"},
    {"title": "Ink Wash", "triggers": (Trigger("ink"),), "description": "Theirs"},
    Validation(state=ValidationState.VALID, version_id=1),
)


def test_what_nobody_has_set_is_filled_in_one_step() -> None:
    one = lora(title="From the file", provenance={"title": Source.FILE})
    filled, events = fill(one, SAID, now=LATER)
    assert (filled.weight, filled.te_weight, filled.tags) == (0.8, 0.5, ("ink",))
    assert (filled.title, filled.description, filled.triggers) == ("Ink Wash", "Mine", (Trigger("ink"),))
    assert filled.provenance == {"title": Source.CIVITAI, "triggers": Source.CIVITAI, "description": Source.USER}
    assert filled.validation == SAID.validation
    assert (filled.revision, filled.updated_at) == (one.revision + 1, LATER)
    fields = ("description", "tags", "te_weight", "title", "triggers", "validation", "weight")
    assert events == (Event(EventName.UPDATED, LATER, one.id, fields),)


def test_what_a_user_has_set_stays() -> None:
    by_user = dict.fromkeys(["title", "description", "triggers"], Source.USER)
    one = lora(weight=0.5, te_weight=1.0, tags=("mine",), title="Title", description="Text", provenance=by_user)
    filled, [event] = fill(one, SAID, now=LATER)
    assert event.fields == ("validation",)
    assert (filled.weight, filled.te_weight, filled.tags) == (0.5, 1.0, ("mine",))
    assert (filled.title, filled.description, filled.triggers) == ("Title", "Text", ())


def test_a_verdict_that_civitai_gave_itself_stays() -> None:
    asked = Validation(state=ValidationState.UNKNOWN, checked_at=NOW)
    assert fill(lora(validation=asked), SAID, now=LATER)[0].validation == asked


def test_nothing_new_is_no_change() -> None:
    one = lora()
    assert fill(one, NOTHING, now=LATER) == (one, ())
    filled, _ = fill(one, SAID, now=LATER)
    assert fill(filled, SAID, now=LATER) == (filled, ())
