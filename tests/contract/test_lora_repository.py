"""The contract of ``ports.loras``."""

import random
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest

from lora_manager.domain.errors import Conflict, LoraNotFound, NameTaken, StaleRevision
from lora_manager.domain.lora import Lora
from lora_manager.domain.provenance import Source
from lora_manager.domain.trigger import Trigger, TriggerStatus
from lora_manager.domain.validation import Validation, ValidationState
from tests.contract.examples import LATER, NOW, a_lora, a_record, new_id
from tests.contract.stores import Stores


async def stored(stores: Stores, *lora_ids: UUID) -> list[Lora]:
    async with stores.begin() as uow:
        return list(await uow.loras.get(*lora_ids))


async def test_every_field_comes_back_as_it_was_stored(stores: Stores) -> None:
    lora = a_lora(
        "ink 🖌 'wash' \"%_\\",
        version="1.0 'β'",
        title="A title\nof two lines",
        description="x" * 100_000,
        tags=("style:anime", "ß", "SS", "İ"),
        weight=0.1,
        te_weight=-0.0,
        active=True,
        ordinal=-(2**53 - 1),
        triggers=(Trigger("inkwash"), Trigger("bw", "outfit", TriggerStatus.OPTIONAL)),
        archetype="style",
        archetype_confidence=1 / 3,
        base_model="sdxl",
        preview_url="https://example.org/a.png?b=c",
        file=a_record(detail="permission denied"),
        validation=Validation(state=ValidationState.VALID, checked_at=NOW, model_id=2**40, detail="d", page_url="u"),
        provenance=MappingProxyType({"title": Source.USER, "triggers": Source.CIVITAI}),
        revision=7,
        deleted_at=LATER,
    )
    plain = a_lora("plain")
    await stores.add(lora, plain)
    assert await stored(stores, lora.id, plain.id) == [lora, plain]


@pytest.mark.parametrize(
    "fields",
    [
        # 16 kB that do not compress: more than PostgreSQL can index.
        {"file_path": "/" + "".join(map(chr, random.Random(0).sample(range(0x10000, 0x30000), 4_095)))},  # noqa: S311
        {"file": a_record(modified_ns=2**64)},
        {"file": a_record(modified_ns=-1, size_bytes=2**53)},
        {"tags": tuple("🖌" * 90 + f"{number}" for number in range(100))},
        {"weight": 5e-324, "te_weight": -99.99999999999999},
    ],
    ids=["longest path", "time beyond 64 bits", "time before 1970", "longest tags", "odd weights"],
)
async def test_extreme_values_come_back_as_they_were_stored(stores: Stores, fields: dict[str, Any]) -> None:
    lora = a_lora(**fields)
    await stores.add(lora)
    assert await stored(stores, lora.id) == [lora]
    async with stores.begin() as uow:
        assert list(await uow.loras.matching(paths=[lora.file_path])) == [lora]


async def test_get_answers_in_the_order_asked_each_once_without_unknown_ids(stores: Stores) -> None:
    a, b, gone = a_lora("a"), a_lora("b"), a_lora("gone", deleted_at=NOW)
    await stores.add(a, b, gone)
    assert await stored(stores, gone.id, b.id, new_id(), a.id, b.id) == [gone, b, a]
    assert await stored(stores) == []


async def test_a_transaction_sees_its_own_changes(stores: Stores) -> None:
    lora = a_lora()
    async with stores.begin() as uow:
        await uow.loras.add(lora)
        changed, _ = lora.revise(now=LATER, name="pencil", tags=("new",))
        await uow.loras.save(changed)
        assert list(await uow.loras.get(lora.id)) == [changed]
        assert list(await uow.loras.matching(names=["pencil"])) == [changed]
        assert list(await uow.loras.matching(names=["ink"])) == []


async def test_matching_finds_by_path_content_or_name_ordered_by_id_each_once(stores: Stores) -> None:
    by_path = a_lora("a", file_path="/loras/%_.safetensors")
    by_content = a_lora("b", file=a_record("b"))
    by_name = a_lora("c")
    by_all = a_lora("c", version="2", file_path="/loras/%_.safetensors", file=a_record("b"), deleted_at=NOW)
    other = a_lora("d", file_path="/loras/other.safetensors", file=a_record("d"))
    await stores.add(other, by_all, by_name, by_content, by_path)
    async with stores.begin() as uow:
        found = await uow.loras.matching(paths=["/loras/%_.safetensors"], sha256s=["b" * 64], names=["c", "C"])
        assert list(found) == [by_path, by_content, by_name, by_all]
        assert list(await uow.loras.matching(names=["c"])) == [by_name, by_all]
        assert list(await uow.loras.matching()) == []


async def test_lists_may_be_longer_than_a_statement_takes_parameters(stores: Stores) -> None:
    lora = a_lora("n39999")
    await stores.add(lora)
    numbers = range(40_000)
    async with stores.begin() as uow:
        assert list(await uow.loras.get(*(new_id() for _ in numbers), lora.id)) == [lora]
        names, paths = [f"n{number}" for number in numbers], [f"/p{number}" for number in numbers]
        assert list(await uow.loras.matching(names=names, paths=paths)) == [lora]


@pytest.mark.parametrize("version", [None, "2"])
async def test_a_name_and_version_can_be_taken_once(stores: Stores, version: str | None) -> None:
    first, second, free = a_lora("ink", version=version), a_lora("ink", version=version), a_lora("free")
    await stores.add(first)
    async with stores.begin() as uow:
        with pytest.raises(NameTaken) as refused:
            await uow.loras.add(free, second)
        assert (refused.value.name, refused.value.version) == ("ink", version)
        assert list(await uow.loras.get(free.id, second.id)) == []
        await uow.loras.add(free)  # the unit of work is still usable
        await uow.commit()
    assert await stored(stores, first.id, free.id, second.id) == [first, free]


async def test_two_of_one_call_cannot_share_a_name_and_version(stores: Stores) -> None:
    first, second = a_lora("ink"), a_lora("ink")
    with pytest.raises(NameTaken):
        await stores.add(first, second)
    assert await stored(stores, first.id, second.id) == []


async def test_another_version_or_case_is_another_name(stores: Stores) -> None:
    loras = [a_lora("ink"), a_lora("ink", version="1"), a_lora("ink", version="2"), a_lora("Ink"), a_lora("ínk")]
    await stores.add(*loras)
    assert await stored(stores, *(lora.id for lora in loras)) == loras


async def test_a_deleted_lora_keeps_no_name_and_may_not_come_back_under_a_taken_one(stores: Stores) -> None:
    old, new = a_lora("ink"), a_lora("ink")
    await stores.add(old)
    deleted, _ = old.delete(now=LATER)
    await stores.save(deleted)
    await stores.add(new)
    restored, _ = deleted.restore(now=LATER)
    with pytest.raises(NameTaken) as refused:
        await stores.save(restored)
    assert (refused.value.name, refused.value.version) == ("ink", None)
    assert await stored(stores, old.id) == [deleted]


async def test_an_id_can_be_added_once(stores: Stores) -> None:
    lora = a_lora("ink")
    await stores.add(lora)
    with pytest.raises(Conflict):
        await stores.add(a_lora("other", id=lora.id))
    assert await stored(stores, lora.id) == [lora]


async def test_save_refuses_a_name_that_another_has_and_stores_nothing(stores: Stores) -> None:
    ink, pencil, chalk = a_lora("ink", version="1"), a_lora("pencil"), a_lora("chalk")
    await stores.add(ink, pencil, chalk)
    renamed, _ = pencil.revise(now=LATER, name="ink", version="1")
    active, _ = chalk.activate(now=LATER)
    async with stores.begin() as uow:
        with pytest.raises(NameTaken) as refused:
            await uow.loras.save(active, renamed)
        assert (refused.value.name, refused.value.version) == ("ink", "1")
        assert list(await uow.loras.get(chalk.id, pencil.id)) == [chalk, pencil]
        await uow.loras.save(active)  # the unit of work is still usable
        await uow.commit()
    assert await stored(stores, pencil.id, chalk.id) == [pencil, active]


async def test_names_are_given_up_and_taken_in_the_order_of_the_call(stores: Stores) -> None:
    ink, pencil = a_lora("ink"), a_lora("pencil")
    await stores.add(ink, pencil)
    freed, _ = ink.revise(now=LATER, name="chalk")
    taking, _ = pencil.revise(now=LATER, name="ink")
    with pytest.raises(NameTaken):
        await stores.save(taking, freed)
    await stores.save(freed, taking)
    assert await stored(stores, ink.id, pencil.id) == [freed, taking]


@pytest.mark.parametrize("revision", [1, 3])
async def test_save_refuses_any_but_the_next_revision(stores: Stores, revision: int) -> None:
    lora = a_lora()
    await stores.add(lora)
    stale = a_lora("changed", id=lora.id, revision=revision)
    with pytest.raises(StaleRevision) as refused:
        await stores.save(stale)
    assert (refused.value.expected, refused.value.actual) == (revision - 1, 1)
    assert await stored(stores, lora.id) == [lora]


async def test_save_refuses_what_is_not_stored(stores: Stores) -> None:
    known, unknown = a_lora("known"), a_lora("unknown", revision=2)
    await stores.add(known)
    with pytest.raises(LoraNotFound) as refused:
        await stores.save(known.activate(now=LATER)[0], unknown)
    assert refused.value.reference == unknown.id
    assert await stored(stores, known.id, unknown.id) == [known]


async def test_several_revisions_of_one_lora_may_be_saved_at_once(stores: Stores) -> None:
    lora = a_lora()
    await stores.add(lora)
    second, _ = lora.revise(now=LATER, tags=("a", "b"))
    third, _ = second.revise(now=LATER, tags=("b", "c"))
    await stores.save(second, third)
    assert await stored(stores, lora.id) == [third]
    assert list(await stores.report.tags()) == [("b", 1), ("c", 1)]


async def test_nothing_may_be_added_and_saved(stores: Stores) -> None:
    async with stores.begin() as uow:
        await uow.loras.add()
        await uow.loras.save()
        await uow.commit()
