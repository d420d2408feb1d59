"""``lora-manager deliver``: how it is told where to deliver to."""

import json

import pytest

from tests.cli.receiver import Replies, receiving
from tests.cli.workplace import Workplace
from tests.standins.http_server import Reply

TAKEN: Reply = (200, {}, b"")
HTTP = ("--mode", "http", "--param", "host=127.0.0.1", "--param", "port=1")
COMFYUI = ("--mode", "comfyui", "--param", "base_url=http://127.0.0.1:1")


def test_parameters_come_from_a_file_and_those_of_the_command_line_win(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        params = {"host": "127.0.0.1", "port": 1, "path": "/a", "headers": {"X-A": "file", "X-B": "file"}}
        (workplace.folder / "params.json").write_text(json.dumps(params))
        (workplace.folder / "c.json").write_text('"from c"')
        given = [f"port={server.port}", "headers.X-B=1 and 2", "headers.X-C=@c.json", 'headers.X-D="3"']
        told = [part for pair in given for part in ("--param", pair)]
        workplace.ok("deliver", "a castle", "--mode", "http", "--params", "params.json", *told)
    [request] = server.requests
    assert request.path == "/a"
    assert {name: request.headers[f"x-{name}"] for name in "abcd"} == {
        "a": "file",
        "b": "1 and 2",
        "c": "from c",
        "d": "3",
    }


def test_parameters_are_read_from_stdin(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server:
        params = json.dumps({"host": "127.0.0.1", "port": server.port})
        result = workplace.run("deliver", "a castle", "--mode", "http", "--params", "-", stdin=params)
    assert result.exit_code == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["a castle"], "--mode"),
        (["a castle", "--mode", "fax"], "'fax' is not one of"),
        (["--mode", "cli"], "PROMPT is missing"),
        (["a castle", "--mode", "cli", "--triggers", "all"], "need --compose"),
        (["a castle", "--mode", "cli", "--dialect", "a1111"], "need --compose"),
        (["a castle", "--mode", "cli", "--compose", "--dialect", "klingon"], "dialect must be one of"),
        (["-", "--mode", "cli", "--params", "-"], "stdin holds either PROMPT or --params"),
        (["a castle", *HTTP, "--param", "path"], "'path' is no KEY=VALUE"),
        (["a castle", *HTTP, "--param", "headers..X=1"], "'headers..X' is no KEY=VALUE"),
        (["a castle", *HTTP, "--param", "=1"], "'' is no KEY=VALUE"),
        (["a castle", *HTTP, "--param", "port.number=1"], "port.number: port is no object"),
        (["a castle", *HTTP, "--param", "port=NaN"], "params.port must be an integer"),
        (["a castle", *HTTP, "--param", "colour=red"], "params.colour is not known"),
        (["a castle", *HTTP, "--param", "headers=@nowhere.json"], "nowhere.json"),
        (["a castle", *HTTP, "--param", "headers=@loras"], "loras"),
        (["a castle", *HTTP, "--param", "headers=@broken.json"], "broken.json holds no JSON"),
        (["a castle", "--mode", "http", "--params", "list.json"], "list.json must hold a JSON object"),
        (["a castle", "--mode", "http", "--params", "broken.json"], "broken.json holds no JSON"),
        (["a castle", "--mode", "http"], "params.host must be"),
        (["a castle", "--mode", "http", "--param", "host=192.0.2.1"], "192.0.2.1:80 is not in DELIVERY_ALLOWED_HOSTS"),
        (["a castle", "--mode", "cli", "--param", "template=draw"], "CLI_COMMANDS knows none"),
        (["a castle", *COMFYUI], "params.workflow must be"),
        (["a castle", *HTTP, "--max-attempts", "0"], "max_attempts must be"),
        (["a castle", *HTTP, "--timeout-s", "0"], "timeout_s must be"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_delivered_is_wrong_usage(workplace: Workplace, arguments: list[str], reason: str) -> None:
    (workplace.folder / "broken.json").write_text('{"host": NaN}')
    (workplace.folder / "list.json").write_text("[]")
    result = workplace.run("deliver", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in result.stderr


def test_a_file_may_be_the_beginning_of_what_a_parameter_holds(workplace: Workplace) -> None:
    workflow = {"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{prompt}"}}}
    (workplace.folder / "workflow.json").write_text(json.dumps(workflow))
    told = ("--param", "workflow=@workflow.json", "--param", "workflow.6.inputs.text=before {prompt}")
    record = workplace.run("deliver", "a castle", *COMFYUI, *told, "--max-attempts", "1", "--json").stdout
    workflow["6"]["inputs"] = {"text": "before {prompt}"}
    assert json.loads(record)["delivery"]["params"]["workflow"] == workflow
