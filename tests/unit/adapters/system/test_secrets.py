from lora_manager.adapters.system.secrets import new_key_text
from lora_manager.domain.access import key_id_of


def test_every_text_is_that_of_a_key() -> None:
    assert all(key_id_of(new_key_text()) for _ in range(100))


def test_no_two_texts_share_an_id_or_a_secret() -> None:
    made = [new_key_text() for _ in range(100)]
    assert len({text[3:15] for text in made}) == len({text[16:] for text in made}) == 100
