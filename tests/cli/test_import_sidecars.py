"""``lora-manager import``: what other tools left beside the files."""

import json

from tests.cli.workplace import Workplace, counts

CARD = {"activation text": "ink wash", "preferred weight": 0.8, "description": "Ink"}


def put_card(workplace: Workplace, name: str, card: object) -> None:
    """Write what AUTOMATIC1111 leaves beside a file."""
    (workplace.library / f"{name}.json").write_text(json.dumps(card))


def test_a_new_lora_takes_in_what_was_typed_elsewhere(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    put_card(workplace, "ink", CARD)
    workplace.ok("import", "loras")
    adapter = workplace.json("show", "ink")["adapter"]
    assert (adapter["weight"], adapter["description"], adapter["revision"]) == (0.8, "Ink", 1)
    assert workplace.json("compose", "--adapter", "ink", "--triggers", "all")["prompt"] == "<lora:ink:0.8> ink wash"


def test_a_value_that_is_left_out_is_named(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    put_card(workplace, "ink", {**CARD, "preferred weight": "much"})
    told = workplace.ok("import", "loras")
    assert "Registered, but:\n" in told
    assert "ink.json: 'preferred weight' was left out: must be a number" in told


def test_sidecars_of_registered_files_are_taken_in_when_asked_for(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    workplace.put("wash", "2")
    workplace.ok("import", "loras")
    put_card(workplace, "ink", CARD)
    put_card(workplace, "wash", [])
    assert counts(workplace.json("import", "loras")) == {"unchanged": 2}
    planned = workplace.json("import", "loras", "--sidecars", "--dry-run")
    assert counts(planned) == {"changed": 1, "unchanged": 1}
    assert workplace.json("show", "ink")["adapter"]["weight"] == 1.0
    told = workplace.ok("import", "loras", "--sidecars")
    assert "(ink): took in what its sidecars say" in told
    assert "wash.json was not read: it holds no JSON object" in told
    assert workplace.json("show", "ink")["adapter"]["weight"] == 0.8
