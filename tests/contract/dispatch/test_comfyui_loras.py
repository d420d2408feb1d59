import pytest

from lora_manager.adapters.dispatch.comfyui_loras import LoraFiles
from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.wanted import WantedLora


@pytest.mark.parametrize(
    ("path", "known", "found"),
    [
        ("/l/ink.safetensors", ["ink.safetensors"], ["ink.safetensors"]),
        ("/l/styles/ink.safetensors", ["ink.safetensors", "styles/ink.safetensors"], ["styles/ink.safetensors"]),
        ("/l/ink.safetensors", ["styles/ink.safetensors", "ink.safetensors"], ["ink.safetensors"]),
        ("/l/styles/ink.safetensors", ["other/ink.safetensors"], ["other/ink.safetensors"]),
        ("/l/styles/ink.safetensors", ["a/styles/ink.safetensors", "b/ink.safetensors"], ["a/styles/ink.safetensors"]),
        ("/l/a/x/ink.safetensors", ["a/y/ink.safetensors", "b/y/ink.safetensors"], ["a/y/ink.safetensors"]),
        ("/l/styles/ink.safetensors", ["styles\\ink.safetensors", "ink.safetensors"], ["styles\\ink.safetensors"]),
        ("D:\\l\\styles\\ink.safetensors", ["styles/ink.safetensors"], ["styles/ink.safetensors"]),
        ("s3://b/styles/ink.safetensors", ["styles/ink.safetensors"], ["styles/ink.safetensors"]),
        ("/l/ink.safetensors", ["ink.pt"], ["ink.pt"]),
        ("/l/ink.safetensors", ["ink.pt", "ink.safetensors"], ["ink.safetensors"]),
        ("/l/Ink.safetensors", ["INK.SAFETENSORS"], ["INK.SAFETENSORS"]),
        ("/l/ink.safetensors", ["INK.safetensors", "ink.safetensors"], ["ink.safetensors"]),
        ("ink", ["ink.safetensors"], ["ink.safetensors"]),
        ("styles/ink", ["styles/ink.safetensors", "ink.safetensors"], ["styles/ink.safetensors"]),
        ("detail.tweaker v1.2", ["detail.tweaker v1.2.safetensors"], ["detail.tweaker v1.2.safetensors"]),
        ("ink", ["a/ink.safetensors", "b/ink.safetensors"], ["a/ink.safetensors", "b/ink.safetensors"]),
        ("/l/ink.safetensors", ["inkwash.safetensors", "link.safetensors", ""], []),
        ("", ["ink.safetensors"], []),
        ("/l/ink.safetensors", [], []),
    ],
)
def test_a_lora_is_the_file_with_the_same_name_that_shares_most_of_its_path(
    path: str, known: list[str], found: list[str]
) -> None:
    assert LoraFiles(known).find(path) == found


def test_every_lora_that_is_missing_is_named_at_once() -> None:
    wanted = [WantedLora("ink", "/l/ink.safetensors", 1.0), WantedLora("fog", "fog", 1.0)]
    with pytest.raises(DispatchFailed) as caught:
        LoraFiles(["a.safetensors"]).nodes(wanted)
    assert caught.value.error.code == "lora_not_found"
    assert (
        "among the 1 LoRAs of ComfyUI there is no 'ink' (file 'ink.safetensors'), 'fog'" in caught.value.error.message
    )


def test_a_lora_that_may_be_several_files_is_not_guessed() -> None:
    with pytest.raises(DispatchFailed) as caught:
        LoraFiles(["a/ink.safetensors", "b/ink.safetensors"]).nodes([WantedLora("ink", "ink", 1.0)])
    assert (caught.value.error.code, caught.value.error.retryable) == ("lora_ambiguous", False)
    assert "'ink' may be any of 'a/ink.safetensors', 'b/ink.safetensors'" in caught.value.error.message
