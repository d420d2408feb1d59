"""Plain text of the HTML in which CivitAI keeps descriptions, and back.

Not by ``html.parser``: broken tags, of which anybody can publish as many as he likes, cost it time without bound.
"""

import html
import re

_MARK = re.compile(r"(<!--|-->|<[/!?]?[A-Za-z][^<>]*>)")
# What stands for a character by its number, with more digits than Python reads. No character has such a number.
_ENDLESS_NUMBER = re.compile(r"&#[0-9]{100,};?")
_NAME = re.compile(r"</?([a-z0-9]+)")
# What stands on lines of its own, of the elements that CivitAI keeps. Source: HTML Living Standard, section 15.3.
_BLOCKS = frozenset({"blockquote", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "pre", "tr"})
_UNREAD = frozenset({"noscript", "script", "style", "template"})


def plain_text(markup: str) -> str:
    r"""The text without tags, comments, scripts and styles, a line for each block.

    >>> plain_text("<p>Ink &amp; <b>wash</b></p><script>alert(1)</script><p>Weight 0.8</p>")
    'Ink & wash\n\nWeight 0.8'
    """
    pieces = []
    end = ""  # what the part begins with that ends what is not read
    for part in _MARK.split(markup):
        mark = part.lower()
        name = match[1] if (match := _NAME.match(mark)) else ""
        if end:
            end = "" if mark.startswith(end) else end
        elif mark == "<!--":
            end = "-->"
        elif name in _UNREAD and not mark.startswith("</"):
            end = f"</{name}"
        elif name in _BLOCKS:
            pieces.append("\n")
        elif not _MARK.fullmatch(part) or mark == "-->":
            pieces.append(re.sub(r"\s+", " ", html.unescape(_ENDLESS_NUMBER.sub("\ufffd", part))))
    lines = (re.sub(r"[^\S\n]+", " ", line).strip() for line in "".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def html_of(text: str) -> str:
    """HTML that shows the text.

    >>> html_of("Ink & wash")
    '<p>Ink &amp; wash</p>'
    """
    return f"<p>{html.escape(text, quote=False)}</p>".replace("\n", "<br>")
