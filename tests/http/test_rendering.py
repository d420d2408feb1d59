"""Adapters are rendered once for each revision, and kept within bounds."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import msgspec

from lora_manager.domain.delivery import Mode
from lora_manager.domain.prompt import DIALECTS, CompositionOptions, Member, compose
from lora_manager.http.answer import to_json
from lora_manager.http.rendering import RenderedAdapters, RenderedCompositions
from lora_manager.http.request import ApiRequest
from lora_manager.http.resource import compose_answer
from lora_manager.http.schemas.prompts import ComposeAnswer
from tests.contract.dispatch.running import running
from tests.contract.examples import LATER, a_lora, a_record
from tests.contract.publication_examples import failed, synced, waiting


def test_a_revision_is_rendered_once() -> None:
    rendered = RenderedAdapters()
    lora = a_lora(file=a_record())
    assert rendered.one(lora) is rendered.one(replace(lora))


def test_a_changed_adapter_is_rendered_anew() -> None:
    rendered = RenderedAdapters()
    lora = a_lora()
    changed, _ = lora.revise(now=LATER, weight=0.5)
    assert msgspec.json.decode(rendered.one(lora))["weight"] == 1.0
    assert msgspec.json.decode(rendered.one(changed))["weight"] == 0.5
    assert msgspec.json.decode(rendered.one(lora))["weight"] == 1.0


def test_the_same_revision_of_another_history_is_rendered_anew() -> None:
    rendered = RenderedAdapters()
    lora = a_lora()
    one, _ = lora.revise(now=LATER, weight=0.5)
    other, _ = lora.revise(now=LATER + timedelta(microseconds=1), weight=0.75)
    assert msgspec.json.decode(rendered.one(one))["weight"] == 0.5
    assert msgspec.json.decode(rendered.one(other))["weight"] == 0.75


def test_where_the_publication_stands_is_never_out_of_date() -> None:
    rendered = RenderedAdapters()
    lora = a_lora()
    states = [
        msgspec.json.decode(rendered.one(lora, publication))["metadata"]["state"]
        for publication in (None, waiting(), failed(), synced(), None)
    ]
    assert states == ["off", "pending", "failed", "synced", "off"]


def test_a_publication_that_stays_where_it_is_is_rendered_once() -> None:
    rendered = RenderedAdapters()
    lora, publication = a_lora(), synced()
    assert rendered.one(lora, publication) is rendered.one(lora, replace(publication))


def test_each_of_many_is_shown_with_its_own_publication() -> None:
    loras, publication = [a_lora("a"), a_lora("b")], synced()
    shown = msgspec.json.decode(RenderedAdapters().many(loras, {loras[1].id: publication}))
    assert [adapter["metadata"]["uri"] for adapter in shown] == [None, publication.uri]


def test_the_least_recently_used_are_dropped() -> None:
    loras = [a_lora(name) for name in "abc"]
    size = len(RenderedAdapters().one(loras[0]))
    rendered = RenderedAdapters(max_bytes=2 * size)
    a, b = rendered.one(loras[0]), rendered.one(loras[1])
    assert rendered.one(loras[0]) is a
    rendered.one(loras[2])
    assert rendered.one(loras[0]) is a
    again = rendered.one(loras[1])
    assert again == b
    assert again is not b


def test_of_each_adapter_one_version_is_kept_however_often_it_changes() -> None:
    lora, other = a_lora("a"), a_lora("b")
    rendered = RenderedAdapters(max_bytes=4 * len(RenderedAdapters().one(lora)))
    kept = rendered.one(other)
    for weight in range(100):
        lora, _ = lora.revise(now=LATER, weight=float(weight))
        rendered.one(lora)
    assert rendered.one(other) is kept


def test_what_is_larger_than_everything_that_may_be_kept_is_rendered_all_the_same() -> None:
    rendered = RenderedAdapters(max_bytes=10)
    lora = a_lora()
    assert msgspec.json.decode(rendered.many([lora, lora])) == [msgspec.json.decode(rendered.one(lora))] * 2


def test_a_composition_is_answered_as_the_command_prints_it() -> None:
    lora = a_lora()
    request = cast("ApiRequest", SimpleNamespace(compositions=RenderedCompositions()))
    delivery = running(Mode.CLI, {})
    for dialect in DIALECTS.values():
        for members in ([Member(lora), Member(a_lora("b"), 0.5)], []):
            composition = compose(members, CompositionOptions(prefix="a harbour", dialect=dialect))
            for sent in (None, delivery):
                answer = compose_answer(request, composition, sent)
                assert answer.body == to_json(ComposeAnswer.of(composition, sent))
