"""The contract of ``ports.catalog.LibraryReport``."""

import pytest

from lora_manager.domain.file.record import FileState
from lora_manager.domain.registry import DuplicateGroup, SharedBy, duplicates
from lora_manager.domain.scan import KnownFile
from tests.contract.examples import LATER, NOW, a_lora, a_record
from tests.contract.stores import Stores


async def test_tags_are_counted_over_the_living_most_used_first_then_by_code_point(stores: Stores) -> None:
    await stores.add(
        a_lora("a", tags=("z", "a", "B")),
        a_lora("b", tags=("z", "ä", "🖌")),
        a_lora("c", tags=("z", "a", "\ue000")),
        a_lora("gone", tags=("z", "gone"), deleted_at=NOW),
    )
    assert list(await stores.report.tags()) == [("z", 3), ("a", 2), ("B", 1), ("ä", 1), ("\ue000", 1), ("🖌", 1)]


async def test_tags_follow_every_change(stores: Stores) -> None:
    lora = a_lora(tags=("a", "b"))
    await stores.add(lora)
    changed, _ = lora.revise(now=LATER, tags=("b", "c"))
    await stores.save(changed)
    assert list(await stores.report.tags()) == [("b", 1), ("c", 1)]
    deleted, _ = changed.delete(now=LATER)
    await stores.save(deleted)
    assert list(await stores.report.tags()) == []
    await stores.save(deleted.restore(now=LATER)[0])
    assert list(await stores.report.tags()) == [("b", 1), ("c", 1)]


async def test_duplicates_are_the_groups_that_the_domain_finds(stores: Stores) -> None:
    loras = [
        a_lora("ink", version="1", file=a_record("1")),
        a_lora("ink", version="2", file=a_record("2")),
        a_lora("copy", file=a_record("2")),
        a_lora("retitled", file=a_record("3", tensors="2")),
        a_lora("alone", file=a_record("4")),
        a_lora("unread"),
        a_lora("alone", version="gone", file=a_record("4"), deleted_at=NOW),
    ]
    await stores.add(*loras)
    found = list(await stores.report.duplicates())
    assert found == list(duplicates(loras))
    assert [(group.by, group.value[:3], len(group.lora_ids)) for group in found] == [
        (SharedBy.SHA256, "222", 2),
        (SharedBy.AUTOV3, "222", 3),
        (SharedBy.NAME, "ink", 2),
    ]


async def test_files_without_tensors_are_no_duplicates_of_each_other(stores: Stores) -> None:
    empty = {"autov1": "0" * 8, "autov2": "0" * 10, "autov3": "e3b0c44298fc"}  # AutoV3 of no bytes
    record = a_record("5")
    hashes = [type(record.hashes)(sha256=digit * 64, **empty) for digit in "56"]
    await stores.add(a_lora("a", file=a_record(hashes=hashes[0])), a_lora("b", file=a_record(hashes=hashes[1])))
    assert list[DuplicateGroup](await stores.report.duplicates()) == []


LIBRARY = [
    "/loras/a.safetensors",
    "/loras/b/c.safetensors",
    "/loras/B/c.safetensors",
    "/loras/%/d.safetensors",
    "/loras/_/e.safetensors",
    "/loras2/f.safetensors",
    "/loras.safetensors",
    "/loras\\x.safetensors",
    "/Loras/g.safetensors",
    "/lo🖌/h.safetensors",
    "/" + "deep/" * 100 + "i.safetensors",
    "/" + "deep/" * 100 + "j/k.safetensors",
    "C:\\loras\\l.safetensors",
    "C:\\loras/m.safetensors",
    "\\\\server\\share\\n.safetensors",
    "s3://bucket/loras/o.safetensors",
    "s3://bucket2/p.safetensors",
]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/loras", LIBRARY[:5]),
        ("/loras/", LIBRARY[:5]),
        ("/loras/a.safetensors", LIBRARY[:1]),
        ("/loras/b", LIBRARY[1:2]),
        ("/loras/%", LIBRARY[3:4]),
        ("/loras/_", LIBRARY[4:5]),
        ("/lora", []),
        ("/lo🖌", LIBRARY[9:10]),
        ("/", [path for path in LIBRARY if path.startswith("/")]),
        ("/" + "deep/" * 100, LIBRARY[10:12]),
        ("/" + "deep/" * 100 + "j", LIBRARY[11:12]),
        ("C:\\loras", LIBRARY[12:14]),
        ("C:\\", LIBRARY[12:14]),
        ("\\\\server\\share\\", LIBRARY[14:15]),
        ("s3://bucket", LIBRARY[15:16]),
    ],
)
async def test_known_files_are_those_at_or_below_a_path_and_no_others(
    stores: Stores, folder: str, expected: list[str]
) -> None:
    await stores.add(*(a_lora("ink", version=str(number), file_path=path) for number, path in enumerate(LIBRARY)))
    assert [known.path for known in await stores.report.known_files(folder)] == sorted(expected)


async def test_a_known_file_says_what_is_known_and_whether_its_entry_was_deleted(stores: Stores) -> None:
    seen = a_lora("a", file_path="/loras/a", file=a_record(state=FileState.CHANGED, size_bytes=5, modified_ns=-7))
    untimed = a_lora("b", file_path="/loras/b", file=a_record(size_bytes=6, modified_ns=None), deleted_at=NOW)
    unread = a_lora("c", file_path="/loras/b")
    await stores.add(unread, untimed, seen)
    assert list(await stores.report.known_files("/loras")) == [
        KnownFile(seen.id, "/loras/a", 5, -7, FileState.CHANGED, deleted=False),
        KnownFile(untimed.id, "/loras/b", 6, None, FileState.PRESENT, deleted=True),
        KnownFile(unread.id, "/loras/b", None, None, None, deleted=False),
    ]
