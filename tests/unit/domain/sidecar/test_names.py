"""Which files lie beside a LoRA file."""

import pytest

from lora_manager.domain.sidecar import SIDECARS, SUFFIXES, is_preview, stem_of_companion


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_suffix_is_known_in_any_case_and_the_stem_keeps_its_own(suffix: str) -> None:
    assert stem_of_companion(f"Ink v1.0{suffix.upper()}") == ("Ink v1.0", suffix)


@pytest.mark.parametrize(
    ("file_name", "expected"),
    [
        ("ink.metadata.json", ("ink", ".metadata.json")),
        ("ink.preview.png", ("ink", ".preview.png")),
        ("ink.v2.json", ("ink.v2", ".json")),
        ("İ.preview.png", ("İ", ".preview.png")),
        ("ink.safetensors", None),
        ("ink.txt", None),
        ("info", None),
        (".json", None),
        (".preview.png", None),
    ],
)
def test_the_longest_suffix_decides(file_name: str, expected: tuple[str, str] | None) -> None:
    assert stem_of_companion(file_name) == expected


def test_sidecars_come_before_previews_said_to_be_such_before_pictures_of_the_same_name_and_videos_last() -> None:
    assert SUFFIXES[:3] == SIDECARS
    place = SUFFIXES.index
    assert place(".preview.webp") < place(".png") < place(".avif") < place(".preview.mp4") < place(".webm")


def test_a_sidecar_is_no_preview() -> None:
    assert {suffix for suffix in SUFFIXES if not is_preview(f"/loras/ink{suffix}")} == set(SIDECARS)
    assert is_preview("s3://loras/INK.PREVIEW.PNG")
