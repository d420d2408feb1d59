"""Whatever a client sends as a body, a query or a header: it is read, or refused with what is wrong."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.blob import Span
from lora_manager.domain.errors import MAX_PROBLEMS, InvalidFields
from lora_manager.http.etags import is_known, revisions
from lora_manager.http.ranges import RangeNotSatisfiable, span_of
from lora_manager.http.schemas.changes import CreateAdapter, PatchAdapter
from lora_manager.http.schemas.deliveries import DeliveryInput, DeliveryQuery
from lora_manager.http.schemas.input import Input
from lora_manager.http.schemas.listing import AdapterQuery
from lora_manager.http.schemas.many import BulkInput
from lora_manager.http.schemas.prompts import ComposeInput
from lora_manager.http.strict import MalformedBody, read_json, read_query
from tests.fuzz.bounds import fuzz, outcome, require_linear, require_memory
from tests.fuzz.hostile import distorted, json_bytes, mutated, texts

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
BODIES: dict[type[Input], dict[str, Any]] = {
    CreateAdapter: {"name": "ink", "file_path": "/loras/ink.safetensors", "triggers": [{"text": "ink"}], "ordinal": 1},
    PatchAdapter: {"weight": 0.5, "te_weight": None, "tags": ["ink"], "preview_url": "https://a.b/c.png"},
    DeliveryInput: {"prompt": "a cat", "mode": "http", "params": {"host": "a", "headers": {"X-Key": "x"}}},
    ComposeInput: {"prefix": "a", "adapters": [{"id": ID, "weight": 0.5}], "delivery": {"mode": "cli", "cli": {}}},
    BulkInput: {"action": "tag", "ids": [ID], "tags": ["ink"]},
}
QUERIES: dict[type[Input], bytes] = {
    AdapterQuery: b"active=true&tag=a&tag=b%20c&q=ink+wash&order_by=-name&limit=10&cursor=AAAA",
    DeliveryQuery: b"status=pending&status=failed&mode=http&limit=5&cursor=%C3%A9",
}
HEADERS = [b'"3", W/"4" , "x"', b"*", b"bytes=0-1,3-", b"BYTES= ,-5 ,", b"bytes=9-1"]
BODY_KINDS = pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)


def answered(kind: type[Input], raw: bytes) -> object:
    """The body as a command, as the handlers make one of it."""
    body: Any = read_json(kind, raw)
    return body.to_command() if isinstance(body, CreateAdapter | DeliveryInput | ComposeInput | BulkInput) else body


@BODY_KINDS
@fuzz
@given(data=st.data())
def test_any_body_is_read_or_refused_by_field(kind: type[Input], data: st.DataObject) -> None:
    genuine = BODIES[kind]
    raw = data.draw(json_bytes(distorted(genuine)) | mutated([json.dumps(genuine).encode()]))
    refused = outcome(partial(answered, kind, raw), MalformedBody, InvalidFields)
    assert not isinstance(refused, InvalidFields) or refused.fields


@pytest.mark.parametrize("kind", QUERIES, ids=lambda kind: kind.__name__)
@fuzz
@given(data=st.data())
def test_any_query_is_read_or_refused_by_parameter(kind: type[Input], data: st.DataObject) -> None:
    raw = data.draw(mutated([QUERIES[kind]]) | texts().map(lambda text: text.encode("utf-8", "replace")))
    query: Any = outcome(partial(read_query, kind, raw), InvalidFields)
    if not isinstance(query, InvalidFields):
        outcome(query.to_selection, InvalidFields)


@fuzz
@given(mutated(HEADERS).map(lambda raw: raw.decode("latin-1")) | texts(), st.integers(0, 2**40))
def test_any_header_is_read_or_refused(header: str, size: int) -> None:
    span = outcome(partial(span_of, header, size), RangeNotSatisfiable)
    if isinstance(span, Span):
        assert 0 <= span.begin < (span.end or 0) <= size
    is_known(header, '"3"')
    found = outcome(partial(revisions, header), InvalidFields)
    assert found is None or isinstance(found, InvalidFields) or all(number > 0 for number in found)


@pytest.mark.parametrize("piece", ['"', '"a"', '"a",', 'W/"', ",", " ", "bytes=", "0-", "-", "9", "bytes=0-0,", "\t"])
def test_a_long_header_is_read(piece: str) -> None:
    for header in (piece * 20_000, f"bytes={piece * 20_000}", f'"a"{piece * 20_000}!'):
        outcome(partial(span_of, header, 10), RangeNotSatisfiable)
        is_known(header, '"a"')
        outcome(partial(revisions, header), InvalidFields)


def _body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def _adapter(**fields: object) -> bytes:
    return _body(name="ink", file_path="/loras/ink.safetensors", **fields)


# Bodies by what there is much of in them.
SWOLLEN: dict[str, tuple[type[Input], Callable[[int], bytes]]] = {
    "brackets": (PatchAdapter, lambda n: b'{"tags": ' + b"[" * n),
    "digits": (PatchAdapter, lambda n: b'{"ordinal": ' + b"9" * n + b', "weight": "1"}'),
    "unknown fields": (PatchAdapter, lambda n: _body(**{f"field{number}": 1 for number in range(n)})),
    "wrong tags": (PatchAdapter, lambda n: _body(tags=[1] * n)),
    "one field often": (PatchAdapter, lambda n: b"{" + b'"weight": "1", ' * n + b'"weight": 1}'),
    "ids": (BulkInput, lambda n: _body(action="activate", ids=[ID] * n)),
    "wrong ids": (BulkInput, lambda n: _body(action="activate", ids=["x"] * n)),
    "wrong numbers in params": (
        DeliveryInput,
        lambda n: b'{"prompt": "a", "mode": "sdnext", "params": {"payload": {"a": [' + b"1e999," * n + b"1]}}}",
    ),
    "wrong numbers under a long name": (
        DeliveryInput,
        lambda n: b'{"prompt": "a", "mode": "sdnext", "params": {"' + b"x" * 10 * n + b'": [' + b"1e999," * n + b"1]}}",
    ),
    "long names within long names": (
        DeliveryInput,
        lambda n: (
            b'{"prompt": "a", "mode": "sdnext", "params": '
            + b'{"%b": ' % (b"x" * (n // 10)) * 100
            + b"["
            + b"1e999," * n
            + b"1]"
            + b"}" * 101
        ),
    ),
    "unknown parameters": (
        DeliveryInput,
        lambda n: _body(prompt="a", mode="http", params={"host": "a", **{f"p{number}": 1 for number in range(n)}}),
    ),
    "headers": (
        DeliveryInput,
        lambda n: _body(prompt="a", mode="http", params={"host": "a", "headers": {f" {k}": 1 for k in range(n)}}),
    ),
    "long unknown parameters": (
        DeliveryInput,
        lambda n: _body(
            prompt="a", mode="http", params={"host": "a", **{f"p{number:0{n}}": 1 for number in range(50)}}
        ),
    ),
    "bad tags": (CreateAdapter, lambda n: _adapter(tags=[f"\a{number}" for number in range(n)])),
    "bad triggers": (CreateAdapter, lambda n: _adapter(triggers=[{"text": ""}] * n)),
    "preview address": (CreateAdapter, lambda n: _adapter(preview_url="http://" + "\u0315\u0316" * n)),
    "nameless members": (ComposeInput, lambda n: _body(adapters=[{"weight": 1}] * n)),
    "members": (ComposeInput, lambda n: _body(adapters=[{"name": "a", "weight": "x"}] * n)),
}


@pytest.mark.parametrize("shape", SWOLLEN)
def test_twice_the_body_takes_no_more_than_twice_the_work(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    require_linear(lambda size: partial(answered, kind, swell(size)), 300, MalformedBody, InvalidFields)


@pytest.mark.parametrize("shape", SWOLLEN)
def test_a_body_takes_memory_in_proportion_to_its_size_and_few_of_its_problems_are_told(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    raw = swell(4_000)
    require_memory(partial(answered, kind, raw), len(raw), 40, MalformedBody, InvalidFields)
    refused = outcome(partial(answered, kind, raw), MalformedBody, InvalidFields)
    if isinstance(refused, InvalidFields):
        assert len(refused.fields) <= MAX_PROBLEMS
        assert sum(len(field.name + field.reason) for field in refused.fields) < 400 * MAX_PROBLEMS
        assert len(str(refused)) < 10_000


@pytest.mark.parametrize("shape", ["wrong numbers under a long name", "preview address"])
def test_a_body_of_as_many_bytes_as_one_may_have_is_read(shape: str) -> None:
    kind, swell = SWOLLEN[shape]
    outcome(partial(answered, kind, swell(400_000)), InvalidFields)  # what works unseen would take minutes
