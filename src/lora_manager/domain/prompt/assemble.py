"""Putting the parts of a prompt together, so that the runtime reads each as what it is."""

from collections.abc import Iterable, Iterator

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.prompt.spelling import Dialect, Spelling


def assemble(prefix: str, spelling: Spelling, rest: Iterable[str], dialect: Dialect, separator: str) -> str:
    """Prefix, tokens and the rest, joined by the separator; prefix and rest are trimmed, what is empty vanishes.

    :raises InvalidFields: the runtime would not read the tokens after this prefix, or with this separator
    """
    prefix = prefix.strip()
    prompt = separator.join(filter(None, (prefix, *spelling.tokens, *(text.strip() for text in rest))))
    start = len(prefix) + len(separator) if prefix else 0
    places = _places(spelling, start, len(separator))
    spaced = separator.isspace()
    if not spaced and not _read(dialect, prompt, places):
        raise _mistaken("separator", dialect, "tell the tokens from each other or from the text; use white space")
    # White space keeps tokens apart; only a tag left open in the prefix could still draw in the first of them.
    first = next(places, None) if spaced and prefix and dialect.opening in prefix else None
    if first is not None and not _read(dialect, prompt[: first[1]], [first]):
        raise _mistaken("prefix", dialect, "tell its end from the first token; close the tag that is open there")
    return prompt


def _places(spelling: Spelling, start: int, gap: int) -> Iterator[tuple[int, int]]:
    """Where the tokens begin and end, but for those the dialect objects to."""
    objected = {place for place, _ in spelling.objections}
    for place, token in enumerate(spelling.tokens):
        if place not in objected:
            yield start, start + len(token)
        start += len(token) + gap


def _read(dialect: Dialect, prompt: str, places: Iterable[tuple[int, int]]) -> bool:
    return {(found.start, found.end) for found in dialect.find(prompt)}.issuperset(places)


def _mistaken(field: str, dialect: Dialect, what: str) -> InvalidFields:
    return InvalidFields([InvalidField(field, f"the dialect {dialect.name} could not {what}")])
