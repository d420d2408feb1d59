"""The limits of what is asked of a delivery, whatever its target."""

import math
import re
from collections.abc import Mapping

from lora_manager.domain.errors import InvalidField, InvalidFields
from lora_manager.domain.fields import check_number
from lora_manager.domain.text import UNSTORABLE

MAX_PROMPT = 1_000_000  # characters
DEFAULT_ATTEMPTS, MAX_ATTEMPTS = 5, 100
DEFAULT_TIMEOUT_S, MIN_TIMEOUT_S, MAX_TIMEOUT_S = 300.0, 0.1, 86_400.0
MAX_DEPTH = 128  # of JSON within JSON; what is deeper, Python can read but not write
KEY = re.compile(r"[\x21-\x7e]{1,255}")


def check_limits(
    prompt: str,
    params: Mapping[str, object],
    max_attempts: int,
    timeout_s: float,
    idempotency_key: str | None,
) -> None:
    """Whether a delivery with these may be accepted.

    :raises InvalidFields: naming each that may not
    """
    problems = [*check_number("timeout_s", timeout_s, MIN_TIMEOUT_S, MAX_TIMEOUT_S)]
    if not 1 <= max_attempts <= MAX_ATTEMPTS:
        problems.append(InvalidField("max_attempts", f"must be an integer from 1 to {MAX_ATTEMPTS}"))
    if len(prompt) > MAX_PROMPT:
        problems.append(InvalidField("prompt", f"must have at most {MAX_PROMPT:,} characters, has {len(prompt):,}"))
    elif UNSTORABLE.search(prompt):
        problems.append(InvalidField("prompt", "must not contain NUL characters or unpaired surrogates"))
    if idempotency_key is not None and not KEY.fullmatch(idempotency_key):
        problems.append(InvalidField("Idempotency-Key", "must have 1 to 255 printable ASCII characters, no spaces"))
    if problem := _unstorable(params):
        problems.append(InvalidField("params", problem))
    if problems:
        raise InvalidFields(problems)


def _unstorable(params: Mapping[str, object]) -> str | None:
    """Why parameters cannot be stored and sent as JSON, if so."""
    level: list[object] = [params]
    for _ in range(MAX_DEPTH):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner += (*item.keys(), *item.values())
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str) and UNSTORABLE.search(item):
                return "must not contain NUL characters or unpaired surrogates"
            elif isinstance(item, float) and not math.isfinite(item):
                return "must not contain numbers that JSON has not, such as NaN or infinity"
        if not inner:
            return None
        level = inner
    return f"must not be nested more than {MAX_DEPTH} deep"
