"""What is known of a LoRA file from its bytes alone."""

import re
from dataclasses import dataclass

_HEX_LENGTHS = {"sha256": 64, "autov1": 8, "autov2": 10, "autov3": 12, "crc32": 8, "blake3": 64}
_LOWER_HEX = re.compile(r"[0-9a-f]*")


class MalformedHash(ValueError):
    """A hash is not lower-case hexadecimal of the length its kind has."""

    def __init__(self, name: str, value: str, length: int) -> None:
        self.name = name
        self.value = value
        self.length = length
        super().__init__(f"{name} must be {length} lower-case hexadecimal digits, is {value!r}")


@dataclass(frozen=True, slots=True)
class Hashes:
    """The digests by which sites and runtimes name a file, in lower-case hexadecimal.

    :param sha256: of the whole file, 64 digits
    :param autov1: of 64 KiB at offset 1 MiB, 8 digits; collides easily
    :param autov2: the first 10 digits of ``sha256``
    :param autov3: of the tensors' bytes without the header, 12 digits; an edit of the metadata leaves it alone
    :param crc32: of the whole file, 8 digits; None when not asked for
    :param blake3: of the whole file, 64 digits; None when not asked for
    :raises MalformedHash: a digest is not lower-case hexadecimal of that length

    Source: the lengths CivitAI publishes (ModelHashType; AutoV3 is cut to 12 there).
    """

    sha256: str
    autov1: str
    autov2: str
    autov3: str
    crc32: str | None = None
    blake3: str | None = None

    def __post_init__(self) -> None:
        for name, length in _HEX_LENGTHS.items():
            value: str | None = getattr(self, name)
            if value is not None and not (len(value) == length and _LOWER_HEX.fullmatch(value)):
                raise MalformedHash(name, value, length)


@dataclass(frozen=True, slots=True)
class Network:
    """The add-on network in a file.

    :param kind: lora, locon, loha, lokr, dora, oft, boft, glora, ia3, full or norm
    :param rank: the commonest rank of its modules, the larger of equally common ones; None where the kind has no rank
    :param rank_min: the smallest rank
    :param rank_max: the largest rank
    :param alpha: as the metadata says; the scale that is applied is alpha / rank
    :param modules: number of layers it changes
    :param tensors: number of tensors in the file
    :param dtypes: element types as written in the file, sorted
    """

    kind: str
    rank: int | None
    rank_min: int | None
    rank_max: int | None
    alpha: float | None
    modules: int
    tensors: int
    dtypes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What the file's metadata says of itself: claims of its writer, nothing verified.

    :param model_hash: sha256 of the tensors' bytes as the writer computed it; stale once the file was saved again
    :param training_tags: the most frequent caption tags with their counts, commonest first
    """

    title: str | None = None
    description: str | None = None
    author: str | None = None
    date: str | None = None
    license: str | None = None
    usage_hint: str | None = None
    trigger_phrase: str | None = None
    architecture: str | None = None
    output_name: str | None = None
    training_comment: str | None = None
    base_model_version: str | None = None
    sd_model_name: str | None = None
    network_module: str | None = None
    algo: str | None = None
    resolution: str | None = None
    clip_skip: int | None = None
    model_hash: str | None = None
    network_dim: int | None = None
    network_alpha: float | None = None
    training_tags: tuple[tuple[str, int], ...] = ()
