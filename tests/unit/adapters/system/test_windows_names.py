"""What Windows would make of names and paths."""

import pytest

from lora_manager.adapters.system.windows_names import unfit_name, unfit_path

ROOTS = ["D:\\loras", "\\\\nas\\models\\loras"]


@pytest.mark.parametrize(
    "name",
    [
        "CON", "con", "nul.safetensors", "AUX.tar.gz", "prn ", "COM1", "com9.sft", "LPT\N{SUPERSCRIPT ONE}", "CONIN$",
        "nul .sft", "ink.safetensors:secret", "ink.safetensors::$DATA", "ink.", "ink ", "ink.safetensors. .", "a<b",
        "a?", "a*", 'a"', "a|b", "a\x00b", "a\nb",
    ],
)  # fmt: skip
def test_a_name_that_stands_for_something_else_is_unfit(name: str) -> None:
    assert unfit_name(name) is not None


@pytest.mark.parametrize(
    "name", ["ink.safetensors", "console", "nullary.sft", "com10", "a.con", ".hidden", "墨 ink", "COM"]
)
def test_a_name_that_is_one_is_fit(name: str) -> None:
    assert unfit_name(name) is None


@pytest.mark.parametrize(
    "path",
    [
        "\\\\elsewhere\\share\\ink.safetensors",
        "//elsewhere/share/ink.safetensors",
        "\\\\nas\\other\\ink.safetensors",
        "\\\\.\\D:\\loras\\ink.safetensors",
        "\\\\.\\pipe\\ink",
        "//./PhysicalDrive0",
        "\\\\?\\D:\\loras\\ink.safetensors",
        "\\\\?\\UNC\\elsewhere\\share\\ink",
        "\\??\\D:\\loras\\ink",
        "C:\\loras\\ink.safetensors",
        "D:ink.safetensors",
        "D:",
        "\\loras\\ink.safetensors",
        "/loras/ink.safetensors",
        "ink.safetensors",
        "",
        "D:\\loras\\CON",
        "D:\\loras\\nul.safetensors",
        "D:\\loras\\aux\\ink.safetensors",
        "D:\\loras\\ink.safetensors:stream",
        "D:\\loras\\ink.safetensors.",
        "D:\\loras \\ink.safetensors",
        "D:\\loras\\D:\\ink.safetensors",
    ],
)
def test_a_path_that_may_lead_out_is_unfit(path: str) -> None:
    assert unfit_path(path, ROOTS) is not None


@pytest.mark.parametrize(
    "path",
    [
        "D:\\loras\\ink.safetensors",
        "d:/loras/style/ink.safetensors",
        "D:\\loras\\..\\elsewhere",  # where that leads, the file system tells
        "D:\\",
        "\\\\nas\\models\\loras\\ink.safetensors",
        "//NAS/models/loras/ink.safetensors",
    ],
)
def test_a_path_on_the_drive_of_a_root_is_fit(path: str) -> None:
    assert unfit_path(path, ROOTS) is None
