"""The rules over many LoRAs, kept in memory."""

import hashlib
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given

from lora_manager.domain.errors import Conflict, InvalidField, InvalidFields, LoraNotFound, NameTaken
from lora_manager.domain.events import Event, EventName
from lora_manager.domain.file.facts import Hashes
from lora_manager.domain.lora import Lora
from lora_manager.domain.prompt import CompositionOptions
from lora_manager.domain.registry import DuplicateGroup, Registry, SharedBy, Step, duplicates
from lora_manager.testing import strategies
from tests.contract.examples import LATER, NOW, a_lora, a_record

NOBODY = UUID(int=7)


def holding(*loras: Lora) -> Registry:
    registry = Registry()
    for lora in loras:
        registry, _ = registry.register(lora)
    return registry


def test_a_registered_lora_is_found_by_its_id_and_told_of() -> None:
    lora = a_lora()
    registry, events = Registry().register(lora)
    assert registry.get(lora.id) is lora
    assert events == (Event(EventName.CREATED, NOW, lora.id),)


def test_an_id_is_registered_once() -> None:
    lora = a_lora()
    with pytest.raises(Conflict, match=f"an adapter with the id {lora.id} is already registered"):
        holding(lora).register(a_lora("wash", id=lora.id))


@pytest.mark.parametrize("version", [None, "v1"])
def test_a_name_and_version_belong_to_one_lora_and_no_version_is_a_version(version: str | None) -> None:
    with pytest.raises(NameTaken) as refused:
        holding(a_lora(version=version)).register(a_lora(version=version))
    assert (refused.value.name, refused.value.version) == ("ink", version)


def test_a_name_may_be_shared_by_different_versions() -> None:
    assert len(holding(a_lora(), a_lora(version="v1"), a_lora(version="v2")).loras) == 3


def test_names_that_differ_in_case_are_different_names() -> None:
    assert len(holding(a_lora("ink"), a_lora("Ink")).loras) == 2


def test_a_deleted_lora_gives_its_name_free() -> None:
    assert len(holding(a_lora(deleted_at=NOW), a_lora(), a_lora(deleted_at=NOW)).loras) == 3


def test_a_revision_replaces_the_lora_and_is_told_of() -> None:
    lora = a_lora()
    registry, events = holding(lora).revise(lora.id, now=LATER, name="wash")
    assert registry.get(lora.id).name == "wash"
    assert events == (Event(EventName.UPDATED, LATER, lora.id, ("name",)),)


def test_a_lora_cannot_take_the_name_of_another_but_keep_its_own() -> None:
    lora, other = a_lora(), a_lora("wash")
    registry = holding(lora, other)
    with pytest.raises(NameTaken):
        registry.revise(other.id, now=LATER, name="ink")
    assert registry.revise(lora.id, now=LATER, name="ink") == (registry, ())


def test_a_lora_is_activated_and_deactivated_once() -> None:
    lora = a_lora()
    registry, activated = holding(lora).activate(lora.id, now=LATER, ordinal=4)
    assert (registry.get(lora.id).active, registry.get(lora.id).ordinal) == (True, 4)
    assert [event.name for event in activated] == [EventName.ACTIVATED, EventName.UPDATED]
    assert registry.activate(lora.id, now=LATER) == (registry, ())
    registry, deactivated = registry.deactivate(lora.id, now=LATER)
    assert [event.name for event in deactivated] == [EventName.DEACTIVATED]
    assert registry.deactivate(lora.id, now=LATER) == (registry, ())


def test_loras_are_numbered_from_one_in_the_order_given_and_the_others_stay() -> None:
    a, b, c = a_lora("a", ordinal=1), a_lora("b"), a_lora("c", ordinal=9)
    registry, events = holding(a, b, c).reorder([b.id, a.id], now=LATER)
    assert [registry.get(lora.id).ordinal for lora in (b, a, c)] == [1, 2, 9]
    assert [event.subject for event in events] == [b.id, a.id]


def test_an_order_that_holds_already_changes_nothing() -> None:
    a, b = a_lora("a", ordinal=1), a_lora("b", ordinal=2)
    assert holding(a, b).reorder([a.id, b.id], now=LATER) == (holding(a, b), ())


def test_reordering_names_every_repeated_id() -> None:
    a, b = a_lora("a"), a_lora("b")
    with pytest.raises(InvalidFields) as refused:
        holding(a, b).reorder([a.id, b.id, a.id, a.id], now=LATER)
    assert refused.value.fields == tuple(InvalidField(f"ids[{index}]", "is in the list already") for index in (2, 3))


def test_reordering_numbers_nobody_where_one_is_missing() -> None:
    lora = a_lora()
    registry = holding(lora)
    with pytest.raises(LoraNotFound):
        registry.reorder([lora.id, NOBODY], now=LATER)
    assert registry.get(lora.id).ordinal is None


def test_a_deleted_lora_is_not_found_until_it_is_restored() -> None:
    lora = a_lora()
    registry, deletion = holding(lora).delete(lora.id, now=LATER)
    with pytest.raises(LoraNotFound):
        registry.get(lora.id)
    registry, restoration = registry.restore(lora.id, now=LATER)
    assert registry.get(lora.id).revision == 3
    assert [event.name for event in (*deletion, *restoration)] == [EventName.DELETED, EventName.RESTORED]


def test_a_lora_whose_name_was_taken_meanwhile_is_not_restored() -> None:
    gone = a_lora(deleted_at=NOW)
    with pytest.raises(NameTaken):
        holding(gone, a_lora()).restore(gone.id, now=LATER)


def test_restoring_a_living_lora_changes_nothing() -> None:
    lora = a_lora()
    assert holding(lora).restore(lora.id, now=LATER) == (holding(lora), ())


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.get(NOBODY),
        lambda registry: registry.revise(NOBODY, now=LATER, weight=0.5),
        lambda registry: registry.activate(NOBODY, now=LATER),
        lambda registry: registry.deactivate(NOBODY, now=LATER),
        lambda registry: registry.delete(NOBODY, now=LATER),
        lambda registry: registry.restore(NOBODY, now=LATER),
    ],
    ids=["get", "revise", "activate", "deactivate", "delete", "restore"],
)
def test_what_is_not_registered_is_named(change: Callable[[Registry], object]) -> None:
    with pytest.raises(LoraNotFound, match=str(NOBODY)):
        change(holding(a_lora()))


@pytest.mark.parametrize(
    "change",
    [
        lambda registry, _: registry.register(a_lora("new")),
        lambda registry, lora_id: registry.revise(lora_id, now=LATER, weight=0.5),
        lambda registry, lora_id: registry.activate(lora_id, now=LATER),
        lambda registry, lora_id: registry.reorder([lora_id], now=LATER),
        lambda registry, lora_id: registry.delete(lora_id, now=LATER),
    ],
    ids=["register", "revise", "activate", "reorder", "delete"],
)
def test_the_registry_that_a_change_came_from_stays_as_it_was(change: Callable[[Registry, UUID], Step]) -> None:
    lora = a_lora()
    before = holding(lora)
    after, events = change(before, lora.id)
    assert dict(before.loras) == {lora.id: lora}
    assert after != before
    assert events


def test_a_registry_cannot_be_changed_in_place() -> None:
    lora = a_lora()
    with pytest.raises(TypeError):
        holding(lora).loras[lora.id] = lora  # type: ignore[index]  # that it cannot is the point


@given(strategies.registries())
def test_loras_that_may_be_together_are_registered_in_any_order(loras: list[Lora]) -> None:
    assert set(holding(*loras).loras.values()) == set(loras)


def test_equal_files_equal_tensors_and_equal_names_are_told_in_this_order() -> None:
    a, b = a_lora("a", file=a_record("1")), a_lora("b", file=a_record("1"))
    c, d = a_lora("c", file=a_record("2", tensors="1")), a_lora("b", version="v2")
    assert holding(d, c, b, a).duplicates() == (
        DuplicateGroup(SharedBy.SHA256, "1" * 64, (a.id, b.id)),
        DuplicateGroup(SharedBy.AUTOV3, "1" * 12, (a.id, b.id, c.id)),
        DuplicateGroup(SharedBy.NAME, "b", (b.id, d.id)),
    )


def test_groups_of_one_kind_are_ordered_by_what_they_share() -> None:
    loras = [a_lora(name, version=version) for name in "ba" for version in ("v1", "v2")]
    assert [group.value for group in duplicates(loras)] == ["a", "b"]


def test_equal_files_are_not_also_told_as_equal_tensors() -> None:
    groups = duplicates([a_lora("a", file=a_record("1")), a_lora("b", file=a_record("1"))])
    assert [group.by for group in groups] == [SharedBy.SHA256]


def test_files_without_tensors_do_not_share_them() -> None:
    nothing = hashlib.sha256().hexdigest()[:12]
    hollow = [Hashes(digit * 64, digit * 8, digit * 10, nothing) for digit in "12"]
    assert duplicates(a_lora(hashes.autov1, file=a_record(hashes=hashes)) for hashes in hollow) == ()


def test_deleted_loras_are_no_duplicates() -> None:
    loras = [a_lora(file=a_record("1")), a_lora(version="v2", file=a_record("1"), deleted_at=NOW)]
    assert duplicates(loras) == ()


def test_loras_without_a_known_file_share_only_their_names() -> None:
    assert duplicates([a_lora("a"), a_lora("b")]) == ()


def test_the_active_loras_become_a_prompt_in_their_order() -> None:
    registry = holding(
        a_lora("ink", ordinal=2, active=True, weight=0.5),
        a_lora("wash", ordinal=1, active=True),
        a_lora("idle"),
        a_lora("gone", active=True, deleted_at=NOW),
    )
    assert registry.compose().prompt == "<lora:wash:1> <lora:ink:0.5>"
    assert registry.compose(CompositionOptions(prefix="a cat")).prompt == "a cat <lora:wash:1> <lora:ink:0.5>"
