"""What the pages about modes say of the code is so."""

import json
import re
from typing import Any

import pytest

from lora_manager.cli.main import SUMMARIES
from lora_manager.domain.metadata import metadata_document
from lora_manager.domain.validation import ValidationState
from tests.contract.examples import a_lora
from tests.modes.page import ROOT, blocks

DOCS = ROOT / "docs"


def section(page: str, title: str) -> str:
    """A section of a page, from its title to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page} has no section {title}"
    return found[1]


def rows(text: str) -> list[str]:
    """What the first column of the tables in a text holds between backticks."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def json_blocks(page: str) -> list[dict[str, Any]]:
    text = (DOCS / page).read_text()
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def test_every_key_of_the_metadata_document_is_explained_in_its_order() -> None:
    assert rows(section("modes/published-metadata.md", "The document")) == list(json.loads(metadata_document(a_lora())))


def test_every_state_of_a_validation_is_explained() -> None:
    assert set(rows(section("civitai.md", "What is said"))) == {f"{state}" for state in ValidationState} | {
        "validation.state"
    }


def test_every_command_stands_in_its_table() -> None:
    table = (DOCS / "cli.md").read_text().partition("\n## ")[0]
    assert {row.split()[0] for row in rows(table)} == SUMMARIES.keys()


def test_the_policy_allows_what_a_refusal_by_the_store_asks_for() -> None:
    policy, rule = json_blocks("modes/full-remote.md")
    allowed = {action for statement in policy["Statement"] for action in statement["Action"]}
    source = (ROOT / "src/lora_manager/adapters/blobs/s3_errors.py").read_text()
    assert allowed == set(re.findall(r"s3:[A-Z]\w+", source))
    assert rule["Rules"][0]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > 0


@pytest.mark.parametrize(
    "page", ["modes/local.md", "modes/published-metadata.md", "modes/full-remote.md", "civitai.md", "sidecars.md"]
)
def test_no_other_command_is_named_than_there_are(page: str) -> None:
    named = re.findall(r"\blora-manager ([a-z]+)", "".join(blocks(page)))
    assert named != []
    assert set(named) <= SUMMARIES.keys()
