"""``lora-manager deliver``."""

import json
import os
import pty
import sys
from pathlib import Path

from tests.cli.receiver import PATIENCE_S, Replies, receiving, to
from tests.cli.terminal import read_all
from tests.cli.workplace import Workplace
from tests.standins.http_server import Reply

TAKEN: Reply = (200, {"Content-Type": "application/json"}, b'{"queued": true}')
BUSY: Reply = (503, {"Retry-After": "0"}, b"")
REFUSED: Reply = (400, {}, b"no such model")
HTTP = ("--mode", "http", "--param", "host=127.0.0.1", "--param", "port=1")


def commands(**programs: str) -> str:
    """CLI_COMMANDS with a command for each of these Python programs."""
    return json.dumps({name: [sys.executable, "-c", program] for name, program in programs.items()})


def test_a_prompt_is_sent_and_what_the_runtime_answered_is_shown(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        result = workplace.run("deliver", "a castle <lora:ink:1>", *to(server), "--param", "path=/prompts")
    assert result.exit_code == 0
    first, *answer = result.stdout.splitlines()
    assert first == "succeeded after 1 attempt"
    assert [line.split(maxsplit=1) for line in answer] == [
        ["status", "200"],
        ["body", '{"queued": true}'],
        ["truncated", "false"],
    ]
    [request] = server.requests
    assert (request.method, request.path) == ("POST", "/prompts")
    assert json.loads(request.body)["prompt"] == "a castle <lora:ink:1>"


def test_as_json_it_is_the_record_of_the_delivery_with_its_secrets_masked(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        secret = ("--param", "headers.Authorization=Bearer hush")
        result = workplace.run("deliver", "a castle", *to(server), *secret, "--json")
    delivery = json.loads(result.stdout)["delivery"]
    assert (delivery["status"], delivery["prompt"], delivery["mode"]) == ("succeeded", "a castle", "http")
    assert delivery["params"]["port"] == server.port
    [request] = server.requests
    assert request.headers["authorization"] == "Bearer hush"
    assert request.headers["idempotency-key"] == delivery["id"]
    assert "hush" not in result.output


def test_each_event_is_a_line_on_stderr_where_that_is_no_terminal(workplace: Workplace) -> None:
    with receiving(Replies(BUSY, TAKEN)) as server:
        result = workplace.run("deliver", "a castle", *to(server))
    assert result.exit_code == 0
    assert result.stdout.startswith("succeeded after 2 attempts\n")
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "delivery.enqueued",
        "delivery.started, attempt 1",
        "delivery.retrying, attempt 1",
        "delivery.started, attempt 2",
        "delivery.completed, attempt 2",
    ]
    assert "503" in lines[2]


def test_a_delivery_that_failed_ends_the_command_with_the_reason(workplace: Workplace) -> None:
    with receiving(Replies(REFUSED)) as server:
        result = workplace.run("deliver", "a castle", *to(server))
    assert result.exit_code == 1
    assert result.stdout.startswith("failed after 1 attempt\n")
    assert result.stderr.splitlines()[-1].startswith("Error: the delivery failed (")
    assert "no such model" in result.stderr


def test_as_json_a_delivery_that_failed_is_a_record_too(workplace: Workplace) -> None:
    result = workplace.run("deliver", "a castle", *HTTP, "--max-attempts", "1", "--json")
    assert result.exit_code == 1
    delivery = json.loads(result.stdout)["delivery"]
    assert (delivery["status"], delivery["error"]["retryable"]) == ("failed", True)


def test_what_a_command_wrote_is_shown_line_by_line(workplace: Workplace) -> None:
    known = commands(
        repeat="prompt = input(); print(prompt); print(prompt.upper())", many="print('\\n'.join('x' * 50))"
    )
    shown = workplace.ok("deliver", "a castle", "--mode", "cli", "--param", "template=repeat", CLI_COMMANDS=known)
    assert "stdout            a castle\n                  A CASTLE\n" in shown
    cut = workplace.ok("deliver", "a castle", "--mode", "cli", "--param", "template=many", CLI_COMMANDS=known)
    assert cut.count("x\n") == 20
    assert "... and 30 more lines; --json has all of them" in cut


def test_what_a_command_wrote_before_it_failed_is_shown_too(workplace: Workplace) -> None:
    known = commands(fail="import sys; print('so far'); sys.exit('out of memory')")
    result = workplace.run(
        "deliver", "a castle", "--mode", "cli", "--param", "template=fail", "--max-attempts", "1", CLI_COMMANDS=known
    )
    assert result.exit_code == 1
    assert "so far" in result.stdout
    assert "out of memory" in result.stderr


def test_without_a_command_the_prompt_is_left_in_a_file_that_is_named(workplace: Workplace) -> None:
    result = workplace.json("deliver", "a castle", "--mode", "cli")["delivery"]["result"]
    assert Path(result["prompt_file"]).read_text() == "a castle"


def test_a_prompt_is_read_from_stdin_without_the_end_of_its_last_line(workplace: Workplace) -> None:
    result = workplace.run("deliver", "-", "--mode", "cli", "--json", stdin="a castle\nat dawn\n")
    assert json.loads(result.stdout)["delivery"]["prompt"] == "a castle\nat dawn"


def test_a_prompt_that_is_no_text_is_wrong_usage(workplace: Workplace) -> None:
    result = workplace.run("deliver", "-", "--mode", "cli", stdin=b"a \xff castle")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: prompt must not contain ")


def test_composed_it_sends_the_active_loras_after_the_prompt(workplace: Workplace) -> None:
    workplace.put("ink", "1")
    workplace.ok("import", "loras")
    workplace.ok("activate", "ink")
    with receiving(Replies(TAKEN)) as server:
        workplace.ok("deliver", "a castle", "--compose", *to(server))
        workplace.ok("deliver", "--compose", "--dialect", "comfyui-lora-manager", "--triggers", "all", *to(server))
    with_prompt, without = (json.loads(request.body) for request in server.requests)
    assert with_prompt["prompt"] == "a castle <lora:ink:1>"
    assert [lora["name"] for lora in with_prompt["metadata"]["adapters"]] == ["ink"]
    assert without["prompt"] == "<lora:ink:1>"


def test_the_warnings_of_a_composition_go_to_stderr(workplace: Workplace) -> None:
    result = workplace.run("deliver", "a castle", "--compose", "--mode", "cli")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: the prompt uses no LoRA")


def test_detached_it_sends_nothing_and_prints_the_id_alone(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        result = workplace.run("deliver", "a castle", *to(server), "--detach")
        accepted = workplace.json("deliver", "a castle", *to(server), "--detach")
    assert (result.exit_code, result.stderr) == (0, "")
    assert len(result.stdout.strip()) == len(accepted["delivery_id"])
    assert accepted["status"] == "pending"
    assert server.requests == []


def test_it_sends_its_own_delivery_and_leaves_the_others_to_the_workers(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        workplace.ok("deliver", "for others", *to(server), "--detach")
        workplace.ok("deliver", "mine", *to(server))
    assert [json.loads(request.body)["prompt"] for request in server.requests] == ["mine"]


def test_a_terminal_shows_where_the_delivery_stands_on_stderr_and_nothing_of_it_on_stdout(workplace: Workplace) -> None:
    with receiving(Replies(BUSY, TAKEN)) as server:
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb") as terminal:
            process = workplace.start("deliver", "a castle", *to(server), stderr=theirs, TERM="xterm", COLUMNS="200")
            os.close(theirs)
            shown = read_all(terminal)
            stdout, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert stdout.startswith("succeeded after 2 attempts\n")
    assert b"retrying, attempt 1 of 5, the next in" in shown
