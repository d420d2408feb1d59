"""Which file of a ComfyUI server a LoRA is: it wants the exact text of its list, and may have other folders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from lora_manager.domain.delivery import DispatchFailed
from lora_manager.domain.delivery.wanted import WantedLora
from lora_manager.domain.delivery.workflow import LoraNode

# Source: ComfyUI folder_paths.py, supported_pt_extensions.
_EXTENSIONS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".bin", ".pth", ".pkl")
_NAMED = 5  # files of the same name that are told


class _Likeness(NamedTuple):
    """How much of a path is the same; more is better."""

    is_whole: bool  # all that the server says of the file is the end of our path
    at_end: int
    folders: int


class LoraFiles:
    """The LoRA files of a server.

    :param names: as the server wants them named
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._count = len(names)
        # A server may have a hundred thousand: each is looked at once, not once for every LoRA of a prompt.
        self._by_name = [(spelling, _grouped(names, spelling)) for spelling in (_exact, _stem, _folded)]

    def nodes(self, wanted: Iterable[WantedLora]) -> Sequence[LoraNode]:
        """The LoRAs as the server names them, in their order.

        :raises DispatchFailed: ``lora_not_found`` or ``lora_ambiguous``, naming every LoRA that is
        """
        nodes: list[LoraNode] = []
        missing: list[str] = []
        unclear: list[str] = []
        for lora in wanted:
            match self.find(lora.path):
                case []:
                    missing.append(f"{lora.name!r} (file {_parts(lora.path)[-1]!r})")
                case [name]:
                    nodes.append(LoraNode(name, lora.weight, lora.on_text_encoder))
                case [*names]:
                    unclear.append(f"{lora.name!r} may be any of {', '.join(map(repr, names[:_NAMED]))}")
        if missing:
            message = (
                f"among the {self._count} LoRAs of ComfyUI there is no {', '.join(missing)}; put the file into its "
                "folder models/loras, or one that its extra_model_paths.yaml names, or correct the name"
            )
            raise DispatchFailed("lora_not_found", message, retryable=False)
        if unclear:
            message = (
                f"ComfyUI has several files of the same name: {'; '.join(unclear)}; "
                "let the folders have the same names here and there, or rename a file"
            )
            raise DispatchFailed("lora_ambiguous", message, retryable=False)
        return nodes

    def find(self, path: str) -> Sequence[str]:
        """The files that a path can mean: one, or several that are equally like it, or none.

        First those of the same file name, then of the same name with another extension, then in other upper and lower
        case. Of several the one that has most of the path is meant.

        :param path: of our file, or what a prompt calls it: its name, with or without folders and extension
        """
        for spelling, groups in self._by_name:
            ours = spelling(_parts(path))
            if found := groups.get(ours[-1]):
                likeness = {name: _likeness(ours, spelling(_parts(name))) for name in found}
                best = max(likeness.values())
                return [name for name in found if likeness[name] == best]
        return []


def _grouped(names: Iterable[str], spelling: Callable[[Sequence[str]], Sequence[str]]) -> Mapping[str, Sequence[str]]:
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(spelling(_parts(name))[-1], []).append(name)
    return groups


def _likeness(ours: Sequence[str], theirs: Sequence[str]) -> _Likeness:
    pairs = zip(reversed(ours), reversed(theirs), strict=False)
    at_end = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    return _Likeness(at_end == len(theirs), at_end, len(set(ours[:-1]) & set(theirs[:-1])))


def _parts(path: str) -> Sequence[str]:
    """The folders and the file name; a server on Windows separates them by back slashes."""
    return path.replace("\\", "/").split("/")


def _exact(parts: Sequence[str]) -> Sequence[str]:
    return parts


def _stem(parts: Sequence[str]) -> Sequence[str]:
    *folders, name = parts
    extension = next((known for known in _EXTENSIONS if name.lower().endswith(known)), "")
    return (*folders, name.removesuffix(name[len(name) - len(extension) :]))


def _folded(parts: Sequence[str]) -> Sequence[str]:
    return tuple(part.casefold() for part in _stem(parts))
