"""The trigger words that authors give on CivitAI."""

import re

from lora_manager.domain.civitai.values import entries_of, line_of
from lora_manager.domain.fields import MAX_TRIGGERS
from lora_manager.domain.trigger import Trigger

_LONGEST_ENTRY = 10_000  # characters that are read; the longest prompts have some thousand
_LORA_TAG = re.compile(r"<lora:[^<>]*>", re.IGNORECASE)
_WORD = re.compile(r"(?:[^,(]+|\([^()]*\)|\()++")


def read_triggers(value: object) -> tuple[Trigger, ...]:
    """The triggers that ``trainedWords`` lists, each once, in the author's order.

    Authors write one word an entry or a whole phrase of the prompt, ``word1, word2``. Both mean the same words, and a
    prompt joins them with commas again, so that an entry is split at its commas and what several entries share is one
    trigger. A comma in parentheses splits nothing: ``(red dress, hat:1.2)`` has a meaning only as a whole. Tags such as
    ``<lora:name:0.8>`` are left out: they are no words, and name the file as its author has it.

    :param value: an array of texts, or one text

    >>> [trigger.text for trigger in read_triggers(["ink wash, harbour <lora:ink:0.8>", "ink wash, night"])]
    ['ink wash', 'harbour', 'night']
    """
    entries = [value] if isinstance(value, str) else entries_of(value)[:MAX_TRIGGERS]
    texts: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, str):
            for word in _WORD.findall(_LORA_TAG.sub(",", entry[:_LONGEST_ENTRY])):
                if text := line_of(word):
                    texts.setdefault(text.casefold(), text)
    return tuple(map(Trigger, texts.values()))
