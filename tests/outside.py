"""A library beside which a secret lies, and folders that become links at the worst moment."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.library import lora_bytes, write_lora

SECRET = "nobody outside the house may know this"
INSIDE = "anybody may know this"


@dataclass(frozen=True)
class House:
    """Folders: a library, another root, and what is outside.

    :param folder: the library's ``style``, in which lies ``ink.safetensors`` with a sidecar and a preview; outside lies
        a folder with files of the same names
    """

    path: Path

    @property
    def library(self) -> Path:
        return self.path / "library"

    @property
    def other_root(self) -> Path:
        return self.path / "other"

    @property
    def outside(self) -> Path:
        return self.path / "outside"

    @property
    def folder(self) -> Path:
        return self.library / "deep" / "style"

    @property
    def lora(self) -> Path:
        return self.folder / "ink.safetensors"

    def swap(self) -> None:
        """Put a link that leads outside in the place of the folder."""
        os.rename(self.folder, self.library / "deep" / "aside")
        os.symlink(self.outside, self.folder)

    def swap_back(self) -> None:
        """Put the folder in its place again."""
        os.unlink(self.folder)
        os.rename(self.library / "deep" / "aside", self.folder)


def build_house(path: Path) -> House:
    """A house in an empty folder."""
    house = House(path)
    house.other_root.mkdir(parents=True)
    for folder, content in ((house.folder, INSIDE), (house.outside, SECRET)):
        write_lora(folder / "ink.safetensors", content)
        (folder / "ink.png").write_text(content)
        (folder / "ink.json").write_text(f'{{"notes": "{content}"}}')
    write_lora(house.outside / f"{SECRET}.safetensors", SECRET)
    (house.outside / f"ink.{SECRET}.png").write_text(SECRET)
    return house


@contextmanager
def at_call(number: int, happens: Callable[[], None], patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Something that happens right before the system is called for the nth time to open, list or look at something.

    :param number: 0 is the first call
    :return: the names of the calls, as they come
    """
    calls: list[str] = []

    def watched(name: str) -> Callable[..., object]:
        original: Callable[..., object] = getattr(os, name)

        def call(*args: Any, **options: Any) -> object:  # noqa: ANN401  # passed on
            calls.append(name)
            if len(calls) == number + 1:
                happens()
            return original(*args, **options)

        return call

    with patch.context() as patched:
        replacements = {
            name: watched(name) for name in ("open", "scandir", "stat", "mkdir", "replace", "link", "unlink")
        }
        for name, replacement in replacements.items():
            patched.setattr(os, name, replacement)
        yield calls


SECRET_LORA = lora_bytes(SECRET)
