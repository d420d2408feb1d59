"""What to tell an artist before a prompt is sent. Runtimes apply a LoRA wrongly, or not at all, and report success."""

from collections.abc import Iterable, Iterator, Sequence

from lora_manager.domain.file.record import FileState
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt.options import CompositionOptions
from lora_manager.domain.prompt.spelling import Dialect, Spelling
from lora_manager.domain.prompt.warning import CompositionWarning, WarningCode

_LISTED = 3  # how many names a message lists before it says "and n more"
_PRINTS_AS_ZERO = 0.0005
_FILE_ADVICE = {
    FileState.MISSING: (
        WarningCode.FILE_MISSING,
        "was not there at the last look: put it back, or deactivate it",
    ),
    FileState.CHANGED: (WarningCode.FILE_CHANGED, "changed since it was registered: verify it before you rely on it"),
    FileState.UNREADABLE: (WarningCode.FILE_UNREADABLE, "could not be read: check that it is whole and may be read"),
}


def lora_warnings(members: Iterable[tuple[Lora, float]], dialect: Dialect) -> Iterator[CompositionWarning]:
    """What is doubtful about single LoRAs, each given with the weight it is to have."""
    present, low, high = FileState.PRESENT, -_PRINTS_AS_ZERO, _PRINTS_AS_ZERO  # looked up once, not for each LoRA
    for lora, weight in members:
        name, path, file = lora.name, lora.file_path, lora.file
        if low < weight < high:
            yield CompositionWarning(
                WarningCode.WEIGHT_ZERO,
                f"{name!r} has the weight 0 and leaves the model as it is: give it a weight, or deactivate it",
                lora.id,
            )
        if file is not None and file.state is not present:
            code, advice = _FILE_ADVICE[file.state]
            yield CompositionWarning(code, f"the file of {name!r} ({path}) {advice}", lora.id)
        # Every dialect finds a file by its stem; that is the common case, and this its cheapest test: in Python 3.11
        # ``endswith`` takes three times as long as ``removesuffix``.
        if ("/" in name or path.removesuffix(f"/{name}.safetensors") == path) and not dialect.finds(lora):
            yield CompositionWarning(
                WarningCode.NAME_NOT_FILE_STEM,
                f"the runtime looks for a file called {name!r}, but this one is called {lora.file_stem!r} and will "
                "not be found: give the adapter the name of its file",
                lora.id,
            )


def objection_warnings(loras: Sequence[Lora], spelling: Spelling) -> Iterator[CompositionWarning]:
    """What the dialect objects to and writes all the same; ``loras`` are those of the spelling's tags."""
    for place, (code, reason) in spelling.objections:
        if code is not None:
            yield CompositionWarning(code, f"{loras[place].name!r}: {reason}", loras[place].id)


def prompt_warnings(loras: Sequence[Lora], base_model: str | None) -> Iterator[CompositionWarning]:
    """What is doubtful about these LoRAs together, in a prompt for this base model."""
    if not loras:
        yield CompositionWarning(
            WarningCode.NO_ACTIVE_ADAPTERS, "the prompt uses no LoRA: activate at least one, or name those to use"
        )
    if base_model is None:
        yield from _mixed_base_models(loras)
    else:
        yield from _other_base_models(loras, base_model)


def comment_warnings(options: CompositionOptions) -> Iterator[CompositionWarning]:
    """Whether the text before the tokens hides them."""
    comment = options.dialect.comment
    if comment is None:
        return
    before = options.prefix.strip() + options.separator
    if comment in before.rpartition("\n")[2]:
        yield CompositionWarning(
            WarningCode.COMMENT_HIDES_TOKENS,
            f"{comment!r} in prefix or separator begins a comment that hides the LoRAs on the same line: leave it out, "
            "or let the separator begin a new line",
        )


def _mixed_base_models(loras: Sequence[Lora]) -> Iterator[CompositionWarning]:
    if len({lora.base_model for lora in loras} - {None}) <= 1:
        return
    families: dict[str, list[str]] = {}
    for lora in loras:
        if lora.base_model is not None:
            families.setdefault(lora.base_model, []).append(lora.name)
    listed = "; ".join(f"{family}: {_listed(names)}" for family, names in sorted(families.items()))
    yield CompositionWarning(
        WarningCode.BASE_MODELS_MIXED,
        f"these LoRAs were made for different base models ({listed}); a runtime applies those that do not fit its "
        "checkpoint wrongly or not at all, and does not say so: keep those of one model",
    )


def _other_base_models(loras: Iterable[Lora], wanted: str) -> Iterator[CompositionWarning]:
    for lora in loras:
        if lora.base_model is None:
            yield CompositionWarning(
                WarningCode.BASE_MODEL_UNKNOWN,
                f"nothing says which base model {lora.name!r} was made for: set its base_model if it is {wanted!r}",
                lora.id,
            )
        elif lora.base_model.casefold() != wanted.casefold():
            yield CompositionWarning(
                WarningCode.BASE_MODEL_MISMATCH,
                f"{lora.name!r} was made for {lora.base_model!r}, not for {wanted!r}; a runtime applies it wrongly or "
                "not at all, and does not say so: deactivate it, or use a checkpoint that it fits",
                lora.id,
            )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(map(repr, names[:_LISTED])) + more
