"""A file is told from one reading, in pieces of any size, and refused as soon as its header shows it."""

import json
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from lora_manager.domain.errors import InvalidFile
from lora_manager.domain.file import FileChangedWhileReading, Inspected, Inspection, InvalidSafetensors, NotALora
from lora_manager.domain.file.safetensors_errors import FileTooShort, HeaderPastEnd, OtherFormat
from tests.unit.domain.file.building import build, header_text, lora

PROJECT = Path(__file__).parents[4]
FACTS = json.loads((PROJECT / "tests/data/facts.json").read_text())
LAYERS = {"lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k": (640, 2048)}
FILE = build(lora(LAYERS, rank=2), {"modelspec.trigger_phrase": "ink, wash"})


def content_of(name: str) -> bytes:
    shipped = PROJECT / "examples/library" / name
    return (shipped if shipped.exists() else PROJECT / "tests/data" / name).read_bytes()


def inspect(content: bytes, chunk_size: int = 1 << 16) -> Inspected:
    inspection = Inspection(len(content), crc32=True, blake3=blake3)
    buffer = bytearray(chunk_size)
    for begin in range(0, len(content), chunk_size):
        chunk = content[begin : begin + chunk_size]
        buffer[: len(chunk)] = chunk
        inspection.feed(memoryview(buffer)[: len(chunk)])
    return inspection.finish()


@pytest.mark.parametrize("chunk_size", [7, 1 << 20])
@pytest.mark.parametrize("name", [name for name, facts in FACTS.items() if facts])
def test_genuine_files_are_told_as_they_are(name: str, chunk_size: int) -> None:
    found = inspect(content_of(name), chunk_size)
    hashes, network = found.hashes, found.network
    assert FACTS[name] == {
        "size_bytes": found.size_bytes,
        "sha256": hashes.sha256,
        "autov1": hashes.autov1,
        "autov2": hashes.autov2,
        "autov3": hashes.autov3,
        "crc32": hashes.crc32,
        "blake3": hashes.blake3,
        "tensors": network.tensors,
        "kind": network.kind,
        "rank": network.rank,
        "base_model": found.base_model.family,
        "output_name": found.embedded.output_name,
    }


@pytest.mark.parametrize("name", [name for name, facts in FACTS.items() if facts is None])
def test_genuine_files_of_another_kind_are_refused(name: str) -> None:
    with pytest.raises((NotALora, OtherFormat)):
        inspect(content_of(name))


@given(st.integers(1, len(FILE)))
def test_the_size_of_the_pieces_changes_nothing(chunk_size: int) -> None:
    assert inspect(FILE, chunk_size) == inspect(FILE)


def test_everything_is_told_at_once() -> None:
    found = inspect(FILE)
    assert (found.size_bytes, found.network.rank, found.base_model.family) == (len(FILE), 2, "sdxl")
    assert found.trigger_candidates == ("ink", "wash")


def test_a_file_that_is_no_lora_is_refused_once_its_header_is_there() -> None:
    text, size = header_text({"decoder.conv_in.weight": ("F32", (2**30,))})
    head = len(text).to_bytes(8, "little") + text.encode()
    inspection = Inspection(len(head) + size)
    inspection.feed(head[:-1])
    with pytest.raises(NotALora):
        inspection.feed(head[-1:])


def test_a_length_that_cannot_be_true_is_refused_at_the_eighth_byte() -> None:
    inspection = Inspection(100)
    inspection.feed(b"\xff" + bytes(6))
    with pytest.raises(HeaderPastEnd):
        inspection.feed(bytes(1))


@pytest.mark.parametrize("content", [b"", b"\x80\x02N."])
def test_a_file_too_short_for_a_length_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidSafetensors):
        inspect(content)
    with pytest.raises(FileTooShort):
        Inspection(0).finish()


@pytest.mark.parametrize("received", [0, 5, 100, len(FILE) - 1])
def test_a_file_that_shrank_while_it_was_read_is_refused(received: int) -> None:
    inspection = Inspection(len(FILE))
    inspection.feed(FILE[:received])
    with pytest.raises(FileChangedWhileReading) as refused:
        inspection.finish()
    assert (refused.value.expected, refused.value.received) == (len(FILE), received)


def test_a_file_that_grew_while_it_was_read_is_refused() -> None:
    inspection = Inspection(len(FILE))
    inspection.feed(FILE)
    inspection.feed(b"more")
    with pytest.raises(FileChangedWhileReading):
        inspection.finish()


@given(st.binary(max_size=40), st.integers(1, 40))
def test_random_bytes_are_refused(content: bytes, chunk_size: int) -> None:
    with pytest.raises(InvalidFile):
        inspect(content, chunk_size)
