"""Answers that hold adapters, and what ETag, If-Match and If-None-Match mean for them."""

from collections.abc import Sequence
from http import HTTPStatus

from lora_manager.app.loras.find_duplicates import Duplicates
from lora_manager.app.prompts.parse_prompt import ResolvedPrompt
from lora_manager.domain.lora import Lora
from lora_manager.domain.selection import Page, Selection
from lora_manager.http.answer import Answer, EmptyAnswer, Header, to_json
from lora_manager.http.etags import etag, is_unmodified, revisions
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.prompts import TagResource


def adapter_answer(request: ApiRequest, lora: Lora, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """One adapter with its ETag; to a client that has this revision already, that nothing changed."""
    headers: list[Header] = [(b"etag", etag(lora.revision).encode())]
    if status is HTTPStatus.CREATED:
        headers.append((b"location", f"/adapters/{lora.id}".encode()))
    if request.scope["method"] in {"GET", "HEAD"}:
        known = request.header(b"if-none-match")
        if known is not None and is_unmodified(known, lora.revision):
            return EmptyAnswer(304, headers)
    return Answer(b'{"adapter":%b}' % request.adapters.one(lora), status=status, headers=headers)


def list_answer(request: ApiRequest, loras: Sequence[Lora]) -> Answer:
    """Adapters in their order."""
    return Answer(b'{"items":%b}' % request.adapters.many(loras))


def page_answer(request: ApiRequest, selection: Selection, page: Page) -> Answer:
    """A page of a listing."""
    next_cursor = None if page.next_cursor is None else page.next_cursor.text
    return Answer(
        b'{"items":%b,"total":%d,"limit":%d,"offset":%d,"next_cursor":%b}'
        % (request.adapters.many(page.items), page.total, selection.limit, selection.offset, to_json(next_cursor))
    )


def duplicates_answer(request: ApiRequest, groups: Sequence[Duplicates]) -> Answer:
    """Groups of adapters that share something."""
    items = b",".join(
        b'{"by":%b,"value":%b,"adapters":%b}'
        % (to_json(group.by), to_json(group.value), request.adapters.many(group.loras))
        for group in groups
    )
    return Answer(b'{"items":[%b]}' % items)


def parse_answer(request: ApiRequest, prompt: ResolvedPrompt) -> Answer:
    """A prompt taken apart."""
    return Answer(
        b'{"text":%b,"tags":%b,"adapters":%b,"unresolved":%b}'
        % (
            to_json(prompt.text),
            to_json(TagResource.all_of(prompt)),
            request.adapters.many(prompt.loras),
            to_json(prompt.unresolved),
        )
    )


async def expected_revision(request: ApiRequest) -> int | None:
    """The revision that If-Match asks a change to be made to; None where any will do.

    :raises InvalidFields: the header cannot be read
    :raises LoraNotFound: there is no such adapter
    """
    given = request.header(b"if-match")
    wanted = None if given is None else revisions(given)
    if wanted is None:
        return None
    current = (await request.application.catalog.get(request.path_id)).revision
    return current if current in wanted else min(wanted, default=0)  # 0 is no revision at all
