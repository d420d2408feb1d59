"""What of a sidecar's values a LoRA can hold."""

from collections.abc import Iterable, Mapping, Sequence

from lora_manager.domain.civitai.base_models import family_of
from lora_manager.domain.civitai.triggers import read_triggers
from lora_manager.domain.errors import InvalidField
from lora_manager.domain.fields import (
    MAX_TAGS,
    MAX_TRIGGERS,
    MAX_WEIGHT,
    check_number,
    check_tags,
    check_text,
    check_triggers,
    clean_tags,
)
from lora_manager.domain.sidecar.plain_text import plain_text
from lora_manager.domain.trigger import Trigger


class Sieve:
    """Lets through what a LoRA can hold, and names the rest; a value that is absent or empty says nothing.

    :param file_name: the sidecar's, to name what is left out
    """

    def __init__(self, file_name: str) -> None:
        self._file_name = file_name
        self.problems: list[str] = []

    def leave_out(self, key: str, reason: str) -> None:
        """Note that what stands under a key of the sidecar is not taken."""
        self.problems.append(f"{self._file_name}: {key!a} was left out: {reason}")

    def mapping(self, key: str, value: object) -> Mapping[str, object]:
        """An object."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.leave_out(key, "must be an object")
        return {}

    def text(self, key: str, value: object, field: str) -> str | None:
        """A text that this field of a LoRA can hold."""
        text = self._text(key, value)
        return text if text and self._is_sound(key, check_text(field, text)) else None

    def html(self, key: str, value: object, field: str) -> str | None:
        """The same, of HTML."""
        return self.text(key, plain_text(self._text(key, value) or ""), field)

    def family(self, key: str, value: object) -> str | None:
        """The family that the name of a base model stands for; a name that stands for none says nothing."""
        return family_of(self._text(key, value))

    def number(self, key: str, value: object) -> float | None:
        """A number that can be a weight."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.leave_out(key, "must be a number")
            return None
        return float(value) if self._is_sound(key, check_number(key, value, -MAX_WEIGHT, MAX_WEIGHT)) else None

    def flag(self, key: str, value: object) -> bool:
        """Whether something is so."""
        if value is not None and not isinstance(value, bool):
            self.leave_out(key, "must be true or false")
        return value is True

    def triggers(self, key: str, value: object) -> tuple[Trigger, ...]:
        """Trigger words, from one text or a list of texts."""
        texts = [value] if isinstance(value, str) else self._texts(key, value)
        triggers = read_triggers(texts)
        kept = [trigger for trigger in triggers if not any(check_triggers([trigger]))]
        self._count(key, len(triggers) - len(kept[:MAX_TRIGGERS]), "cannot be triggers of a LoRA")
        return tuple(kept[:MAX_TRIGGERS])

    def tags(self, key: str, value: object) -> tuple[str, ...]:
        """Tags, from a list of texts."""
        tags = clean_tags(self._texts(key, value))
        kept = [tag for tag in tags if not any(check_tags([tag]))]
        self._count(key, len(tags) - len(kept[:MAX_TAGS]), "cannot be tags of a LoRA")
        return tuple(kept[:MAX_TAGS])

    def _text(self, key: str, value: object) -> str | None:
        if value is not None and not isinstance(value, str):
            self.leave_out(key, "must be a text")
            return None
        return (value or "").strip() or None

    def _texts(self, key: str, value: object) -> Sequence[str]:
        if value is None:
            return ()
        if not isinstance(value, list):
            self.leave_out(key, "must be a list of texts")
            return ()
        texts = [text for text in value if isinstance(text, str)]
        self._count(key, len(value) - len(texts), "are no texts")
        return texts

    def _is_sound(self, key: str, problems: Iterable[InvalidField]) -> bool:
        problem = next(iter(problems), None)
        if problem is not None:
            self.leave_out(key, problem.reason)
        return problem is None

    def _count(self, key: str, lost: int, reason: str) -> None:
        if lost:
            self.problems.append(f"{self._file_name}: {lost} of {key!a} were left out: they {reason}")
