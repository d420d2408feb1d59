"""Entity tags (RFC 9110 section 8.8.3): an adapter's is its revision in quotes."""

import re

from lora_manager.domain.errors import InvalidField, InvalidFields

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_STRONG_REVISION = re.compile(r'(?<!/)"([1-9][0-9]{0,18})"')


def etag(version: int | str) -> str:
    """The entity tag of a revision, or of whatever else tells one content from another."""
    return f'"{version}"'


def is_known(if_none_match: str, tag: str) -> bool:
    """Whether the client has what this tag stands for (weak comparison). A header that cannot be read matches none."""
    if if_none_match.strip() == "*":
        return True
    return _TAGS.fullmatch(if_none_match.strip()) is not None and tag in re.findall(r'"[^"]*"', if_none_match)


def revisions(if_match: str) -> frozenset[int] | None:
    """The revisions that a change may be made to (strong comparison); None for ``*``: whichever there is.

    :raises InvalidFields: the header cannot be read; to pass over it would lose the update it should protect
    """
    if if_match.strip() == "*":
        return None
    if not _TAGS.fullmatch(if_match.strip()):
        raise InvalidFields([InvalidField("If-Match", 'must be * or a list of entity tags such as "3"')])
    return frozenset(map(int, _STRONG_REVISION.findall(if_match)))
