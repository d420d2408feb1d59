"""Answers that hold adapters, and what ETag, If-Match and If-None-Match mean for them."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from uuid import UUID

from lora_manager.app.loras.find_duplicates import Duplicates
from lora_manager.app.prompts.parse_prompt import ResolvedPrompt
from lora_manager.domain.delivery import Delivery
from lora_manager.domain.lora import Lora
from lora_manager.domain.metadata import revision_of
from lora_manager.domain.prompt import Composition
from lora_manager.domain.publication import Publication
from lora_manager.domain.selection import Page, Selection
from lora_manager.http.answer import Answer, EmptyAnswer, Header, to_json
from lora_manager.http.etags import etag, revisions
from lora_manager.http.request import ApiRequest
from lora_manager.http.schemas.prompts import DeliveryReference, TagResource


async def adapter_answer(request: ApiRequest, lora: Lora, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """One adapter with its ETag; to a client that has this revision already, that nothing changed."""
    tag = etag(lora.revision)
    headers: list[Header] = [(b"etag", tag.encode())]
    if status is HTTPStatus.CREATED:
        headers.append((b"location", f"/adapters/{lora.id}".encode()))
    if request.is_known(tag):
        return EmptyAnswer(304, headers)
    publications = await _publications(request, [lora])
    adapter = request.adapters.one(lora, publications.get(lora.id) if publications else None)
    return Answer(b'{"adapter":%b}' % adapter, status=status, headers=headers)


async def list_answer(request: ApiRequest, loras: Sequence[Lora]) -> Answer:
    """Adapters in their order."""
    return Answer(b'{"items":%b}' % request.adapters.many(loras, await _publications(request, loras)))


async def page_answer(request: ApiRequest, selection: Selection, page: Page) -> Answer:
    """A page of a listing."""
    items = request.adapters.many(page.items, await _publications(request, page.items))
    next_cursor = None if page.next_cursor is None else page.next_cursor.text
    return Answer(
        b'{"items":%b,"total":%d,"limit":%d,"offset":%d,"next_cursor":%b}'
        % (items, page.total, selection.limit, selection.offset, to_json(next_cursor))
    )


async def duplicates_answer(request: ApiRequest, groups: Sequence[Duplicates]) -> Answer:
    """Groups of adapters that share something."""
    publications = await _publications(request, (lora for group in groups for lora in group.loras))
    items = b",".join(
        b'{"by":%b,"value":%b,"adapters":%b}'
        % (to_json(group.by), to_json(group.value), request.adapters.many(group.loras, publications))
        for group in groups
    )
    return Answer(b'{"items":[%b]}' % items)


async def parse_answer(request: ApiRequest, prompt: ResolvedPrompt) -> Answer:
    """A prompt taken apart."""
    return Answer(
        b'{"text":%b,"tags":%b,"adapters":%b,"unresolved":%b}'
        % (
            to_json(prompt.text),
            to_json(TagResource.all_of(prompt)),
            request.adapters.many(prompt.loras, await _publications(request, prompt.loras)),
            to_json(prompt.unresolved),
        )
    )


def compose_answer(request: ApiRequest, composition: Composition, delivery: Delivery | None = None) -> Answer:
    """A prompt and what it is made of, as ``ComposeAnswer`` has it."""
    return Answer(
        b'{"prompt":%b,%b,"delivery":%b}'
        % (
            to_json(composition.prompt),
            request.compositions.beside_prompt(composition),
            b"null" if delivery is None else to_json(DeliveryReference(delivery.id, delivery.status)),
        )
    )


def document_answer(request: ApiRequest, document: bytes) -> Answer:
    """An adapter's metadata document, with the ETag of the revision it is of."""
    tag = etag(revision_of(document) or 0)  # ours always tell theirs
    headers: list[Header] = [(b"etag", tag.encode())]
    return EmptyAnswer(304, headers) if request.is_known(tag) else Answer(document, headers=headers)


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


async def _publications(request: ApiRequest, loras: Iterable[Lora]) -> Mapping[UUID, Publication]:
    """Where the metadata of each of them stands; empty where nothing is published."""
    catalog = request.application.publications
    return {} if catalog is None else await catalog.of({lora.id for lora in loras})
