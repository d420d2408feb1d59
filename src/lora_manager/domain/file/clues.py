"""What the layers' names and shapes offer for telling which model they belong to."""

import re
from collections.abc import Mapping, Sequence

from lora_manager.domain.file.survey import Shapes, Survey

# Programs put these before the path of a layer in the denoiser. Sources: kohya sd-scripts networks, OneTrainer,
# LyCORIS lycoris/wrapper.py, PEFT, diffusers, ComfyUI comfy/lora.py.
_CONTAINERS = re.compile(
    r"\^(?:base_model\.model\.|model\.diffusion_model\.|diffusion_model\.|transformer\.|unet\."
    r"|lora_unet__?|lora_transformer_|lycoris_)++"  # possessive: it takes no memory for each that it finds
)
_BLOCKS = (
    *("double_blocks_", "single_blocks_", "transformer_blocks_", "single_transformer_blocks_"),
    *("blocks_", "layers_", "context_refiner_", "noise_refiner_"),
)


class Clues:
    """A file's layers, spelled one way: containers removed, ``.`` and ``_`` alike.

    :ivar text: every path between ``^`` and ``$``, as spelled here and once more as the file spells it
    """

    def __init__(self, found: Survey) -> None:
        names = "$^".join(found.layers)
        paths = _CONTAINERS.sub("^", f"^{names}").replace(".processor", "").replace(".", "_")
        self.text = f"{paths}$^{names}$" if "." in names else f"{paths}$"
        # A name that contains "$^" shifts the pairs: it can mislead nobody further than any other invented name.
        self._layers = list(zip(paths[1:].split("$^"), found.layers, strict=False))
        self._parts = found.parts
        self._taken: dict[tuple[str, ...], frozenset[int]] = {}
        self._widths: frozenset[int] | None = None

    @property
    def widths(self) -> frozenset[int]:
        """How wide the denoiser's blocks are: each of their layers takes or gives that many features, or more."""
        if self._widths is None:
            inside = [layer for path, layer in self._layers if path.startswith(_BLOCKS)]
            taken, given = _taken(self._parts, inside), _given(self._parts, inside)
            sides = ([side[layer] for side in (taken, given) if layer in side] for layer in inside)
            self._widths = frozenset(min(sizes) for sizes in sides if sizes)
        return self._widths

    def taken_by(self, endings: tuple[str, ...]) -> frozenset[int]:
        """The sizes of what goes into layers whose path ends so."""
        if endings not in self._taken:
            self._taken[endings] = frozenset(_taken(self._parts, self._ending(endings)).values())
        return self._taken[endings]

    def given_by(self, endings: tuple[str, ...]) -> frozenset[int]:
        """The sizes of what comes out of layers whose path ends so."""
        return frozenset(_given(self._parts, self._ending(endings)).values())

    def _ending(self, endings: tuple[str, ...]) -> list[str]:
        return [layer for path, layer in self._layers if path.endswith(endings)]


def _taken(parts: Mapping[str, Shapes], layers: Sequence[str]) -> dict[str, int]:
    """How many features each layer takes, of those whose parts tell."""
    return _sizes(parts, layers, ("down", "hada_w1_b", "diff", "set_weight"), "b", 1)


def _given(parts: Mapping[str, Shapes], layers: Sequence[str]) -> dict[str, int]:
    """How many features each layer gives, of those whose parts tell."""
    return _sizes(parts, layers, ("up", "hada_w1_a", "diff", "set_weight"), "a", 0)


def _sizes(
    parts: Mapping[str, Shapes], layers: Sequence[str], tellers: tuple[str, ...], half: str, axis: int
) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for shapes in (parts[part] for part in tellers if part in parts):
        sizes |= {layer: shape[axis] for layer in layers if len(shape := shapes.get(layer, ())) > 1}
    # LoKr stores two factors of the size, each whole or as two halves.
    first = parts.get("lokr_w1", {}) | parts.get(f"lokr_w1_{half}", {})
    second = parts.get("lokr_w2", {}) | parts.get(f"lokr_w2_{half}", {})
    for layer in first.keys() & second.keys() & set(layers):
        if len(first[layer]) > 1 and len(second[layer]) > 1:
            sizes[layer] = first[layer][axis] * second[layer][axis]
    return sizes
