"""``lora-manager compose`` and ``parse``."""

import asyncio

import pytest

from lora_manager.container import open_application
from lora_manager.domain import CompositionOptions, active_members, compose
from lora_manager.settings import load_settings
from tests.cli.workplace import Workplace


@pytest.fixture
def active(workplace: Workplace) -> Workplace:
    """fog in the first place, ink in the second, sun inactive."""
    for number, name in enumerate(("ink", "fog", "sun")):
        workplace.put(name, str(number))
    workplace.ok("import", "loras")
    workplace.ok("activate", "fog", "--ordinal", "1")
    workplace.ok("activate", "ink", "--ordinal", "2")
    return workplace


def test_the_prompt_is_that_of_the_domain_alone_on_stdout(active: Workplace) -> None:
    async def of_the_domain() -> str:
        async with open_application(load_settings({})) as application:
            members = active_members(await application.catalog.active())
            return compose(members, CompositionOptions(prefix="a harbour", suffix="dawn", separator=", ")).prompt

    arguments = ("compose", "--prefix", "a harbour", "--suffix", "dawn", "--separator", ", ")
    result = active.run(*arguments)
    assert result.stdout == "a harbour, <lora:fog:1>, <lora:ink:1>, dawn\n"
    assert result.stdout == asyncio.run(of_the_domain()) + "\n"
    assert active.json(*arguments)["prompt"] + "\n" == result.stdout


def test_named_loras_come_in_the_order_of_the_command_with_their_weights(active: Workplace) -> None:
    sun = active.json("show", "sun")["adapter"]["id"]
    named = ("--adapter", f"{sun}=-0.5", "--adapter", "ink", "--adapter", "fog=0.75")
    assert active.ok("compose", *named) == "<lora:sun:-0.5> <lora:ink:1> <lora:fog:0.75>\n"


def test_a_name_that_holds_an_equals_sign_is_meant_whole_where_it_is_registered(workplace: Workplace) -> None:
    for number, name in enumerate(("a=0.5", "a", "b=c=d")):
        workplace.put(name, str(number))
    workplace.ok("import", "loras")

    def composed(member: str) -> str:
        return workplace.ok("compose", "--adapter", member, "--dialect", "comfyui-lora-manager")

    assert composed("a=0.5") == "<lora:a=0.5:1>\n"
    assert composed("a=0.25") == "<lora:a:0.25>\n"
    assert composed("a=0.5=0.25") == "<lora:a=0.5:0.25>\n"
    assert composed("b=c=d") == "<lora:b=c=d:1>\n"
    assert composed("b=c=d=2") == "<lora:b=c=d:2>\n"


@pytest.mark.parametrize("member", ["nobody", "nobody=1", "ink=", "ink=heavy", "=1", ""])
def test_a_lora_that_is_not_there_fails_in_one_line(active: Workplace, member: str) -> None:
    result = active.run("compose", "--adapter", member)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("weight", ["nan", "inf", "1000"])
def test_a_weight_that_cannot_be_is_wrong_usage(active: Workplace, weight: str) -> None:
    result = active.run("compose", "--adapter", f"ink={weight}")
    assert (result.exit_code, result.stdout) == (2, "")


def test_warnings_go_to_stderr_and_into_the_json(active: Workplace) -> None:
    active.ok("deactivate", "ink")
    active.ok("deactivate", "fog")
    result = active.run("compose", "--prefix", "a harbour")
    assert result.stdout == "a harbour\n"
    assert result.stderr.startswith("Warning: the prompt uses no LoRA")
    assert [warning["code"] for warning in active.json("compose")["warnings"]] == ["no_active_adapters"]


def test_a_dialect_that_puts_loras_beside_the_prompt_says_where_to_find_them(active: Workplace) -> None:
    result = active.run("compose", "--prefix", "a harbour", "--dialect", "sdcpp")
    assert result.stdout == "a harbour\n"
    assert "--json shows them" in result.stderr
    assert len(active.json("compose", "--dialect", "sdcpp")["loras"]) == 2


@pytest.mark.parametrize(
    "arguments", [["--triggers", "some"], ["--dedupe", "none"], ["--dialect", "klingon"], ["--separator", "x" * 101]]
)
def test_an_option_that_cannot_be_is_wrong_usage(active: Workplace, arguments: list[str]) -> None:
    result = active.run("compose", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_prompt_is_taken_apart_into_text_tags_and_what_is_registered(active: Workplace) -> None:
    parsed = active.json("parse", "a harbour <lora:ink:0.5> <lora:nobody:1>")
    assert parsed["text"] == "a harbour"
    assert parsed["tags"] == [
        {"name": "ink", "weight": 0.5, "te_weight": None},
        {"name": "nobody", "weight": 1.0, "te_weight": None},
    ]
    assert [adapter["name"] for adapter in parsed["adapters"]] == ["ink"]
    assert parsed["unresolved"] == ["nobody"]
    lines = active.ok("parse", "a harbour <lora:ink:0.25:0.5> <lora:nobody:1>").splitlines()
    assert lines[0] == "a harbour"
    assert [line.split() for line in lines[3:]] == [["ink", "0.5", "0.25", "yes"], ["nobody", "1", "no"]]


def test_a_prompt_without_tags_is_its_text(active: Workplace) -> None:
    assert active.ok("parse", "a [red]harbour[/red]") == "a [red]harbour[/red]\n"


def test_a_prompt_is_read_from_stdin_whatever_its_bytes(active: Workplace) -> None:
    result = active.run("parse", "-", "--json", stdin=b"a \xff harbour\n<lora:ink:1>\n")
    assert result.exit_code == 0
    assert r'"text": "a \\xff harbour"' in result.stdout


def test_arguments_that_are_not_utf8_are_taken_as_they_can_be_shown(active: Workplace) -> None:
    assert active.ok("parse", "a \udcff harbour") == "a \\xff harbour\n"


def test_what_is_composed_is_parsed_back(active: Workplace) -> None:
    prompt = active.ok("compose", "--prefix", "a harbour")
    assert [tag["name"] for tag in active.json("parse", prompt)["tags"]] == ["fog", "ink"]
