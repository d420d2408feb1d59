"""Every defence that the security page claims names tests that exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
TITLES = ["asset", "attack", "defence", "shown by"]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def threats() -> list[list[str]]:
    return [row for row in rows() if row != TITLES and set("".join(row)) - set("-: ")]


def test_the_page_has_the_table() -> None:
    assert TITLES in rows()
    assert len(threats()) >= 30


@pytest.mark.parametrize("row", threats(), ids=lambda row: row[1][:40])
def test_each_row_names_a_test_that_is_there(row: list[str]) -> None:
    assert len(row) == len(TITLES)
    assert all(row)
    named = NAMED.findall(row[-1])
    assert named, f"no test is named: {row}"
    for path, name in named:
        assert name in functions_of(path), f"{path} has no {name}"
