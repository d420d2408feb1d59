from uuid import UUID

from lora_manager.domain.delivery import Content, DeliveredLora
from lora_manager.domain.delivery.wanted import WantedLora, untagged, wanted_loras

INK = DeliveredLora(UUID(int=1), "ink", None, 0.8, 0.4, None, "/loras/ink wash.safetensors")


def test_the_loras_of_a_composition_are_wanted_by_their_files() -> None:
    content = Content("a cat", ("<lora:ink:0.8>",), (INK,))
    assert wanted_loras("a cat <lora:other:1>", content) == (
        WantedLora("ink", "/loras/ink wash.safetensors", 0.8, 0.4),
    )
    assert untagged("a cat <lora:other:1>", content) == "a cat"


def test_the_loras_of_a_plain_prompt_are_those_its_tags_name() -> None:
    prompt = "a cat <lora:styles/ink:0.5> at night <lora:fog:0.2:1>"
    assert wanted_loras(prompt, Content(prompt)) == (
        WantedLora("styles/ink", "styles/ink", 0.5),
        WantedLora("fog", "fog", 1.0, 0.2),
    )
    assert untagged(prompt, Content(prompt)) == "a cat at night"


def test_the_text_encoder_gets_the_weight_unless_it_has_its_own() -> None:
    assert WantedLora("ink", "ink", 0.8).on_text_encoder == 0.8
    assert WantedLora("ink", "ink", 0.8, 0.0).on_text_encoder == 0.0
