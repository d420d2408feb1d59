"""``lora-manager worker``, and what ``serve`` says of deliveries."""

import json
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from tests.cli.receiver import PATIENCE_S, Holding, Replies, receiving, to, wait_until_told
from tests.cli.test_serve import served
from tests.cli.workplace import Workplace
from tests.standins.http_server import Reply

TAKEN: Reply = (200, {}, b"")
NOBODY = "redis://me:hush@127.0.0.1:1/0"


def stop(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGTERM) -> tuple[str, str]:
    """End it as its user would: the rest of what it wrote."""
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_sends_what_was_left_to_it_and_stops_when_it_is_told_to_as_a_success(
    workplace: Workplace, number: signal.Signals
) -> None:
    with receiving(Replies(TAKEN)) as server:
        prompts = ["one", "two", "three"]
        for prompt in prompts:
            workplace.ok("deliver", prompt, *to(server), "--detach")
        with workplace.started("worker") as process:
            for _ in prompts:
                wait_until_told(process, "delivery.completed")
            _, stderr = stop(process, number)
    assert process.returncode == 0
    assert "Traceback" not in stderr
    assert sorted(json.loads(request.body)["prompt"] for request in server.requests) == sorted(prompts)


def test_it_takes_what_is_accepted_while_it_runs(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server, workplace.started("worker") as process:
        assert process.stdout is not None
        process.stdout.readline()
        workplace.ok("deliver", "a castle", *to(server), "--detach")
        wait_until_told(process, "delivery.completed")
    assert len(server.requests) == 1


def test_stopped_it_hands_back_what_does_not_end_and_another_worker_goes_on_with_it(workplace: Workplace) -> None:
    handler = Holding()
    with receiving(handler) as server:
        workplace.ok("deliver", "a castle", *to(server), "--detach")
        with workplace.started("worker", WORKER_GRACE_S="0") as first:
            handler.wait()
            _, stderr = stop(first)
        assert first.returncode == 0
        assert "delivery.retrying" in stderr
        with workplace.started("worker") as second:
            wait_until_told(second, "delivery.completed")
    attempts = [request.headers["x-delivery-attempt"] for request in server.requests]
    assert attempts == ["1", "2"]
    assert len({request.headers["idempotency-key"] for request in server.requests}) == 1


def test_told_twice_it_stops_at_once_and_another_goes_on_when_its_lease_has_run_out(workplace: Workplace) -> None:
    handler = Holding()
    with receiving(handler) as server:
        workplace.ok("deliver", "a castle", *to(server), "--detach")
        with workplace.started("worker", WORKER_LEASE_S="1") as first:
            handler.wait()
            first.send_signal(signal.SIGTERM)
            wait_until_told(first, "Stopping")
            _, stderr = stop(first)
        assert first.returncode == 1
        assert stderr.splitlines()[-1].startswith("Error: stopped at once")
        with workplace.started("worker") as second:
            wait_until_told(second, "delivery.completed")
    assert len(server.requests) == 2


def test_it_says_what_it_works_on(workplace: Workplace) -> None:
    with workplace.started("worker", WORKER_CONCURRENCY="3") as process:
        assert process.stdout is not None
        told = "".join(process.stdout.readline() for _ in range(3))
    assert f"sqlite:///{workplace.folder}/data/db.sqlite, 3 at once" in told
    assert "every second" in told


def test_without_its_broker_it_works_all_the_same_and_no_password_is_shown(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server, workplace.started("worker", QUEUE_URL=NOBODY) as process:
        assert process.stdout is not None
        told = "".join(process.stdout.readline() for _ in range(3))
        workplace.ok("deliver", "a castle", *to(server), "--detach")
        wait_until_told(process, "delivery.completed")
        stdout, stderr = stop(process)
    assert process.returncode == 0
    assert "redis://me:***@127.0.0.1:1/0 tells it" in told
    assert "hush" not in told + stdout + stderr


def fetched(url: str) -> tuple[int, str, str]:
    """What is at a URL: the status, the type and the text."""
    with pytest.MonkeyPatch.context() as without_proxy:
        without_proxy.setenv("no_proxy", "*")
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as response:  # noqa: S310  # loopback
                return response.status, response.headers["content-type"], response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers["content-type"], error.read().decode()


def told_metrics_url(process: "subprocess.Popen[str]") -> str:
    """Where the worker says that its metrics are."""
    assert process.stdout is not None
    told = "".join(process.stdout.readline() for _ in range(4))
    found = re.search(r"^Metrics are at (\S+)\.$", told, re.MULTILINE)
    assert found is not None, told
    return found[1]


def test_it_serves_its_metrics_and_the_figures_of_the_registry_where_it_is_told_to(workplace: Workplace) -> None:
    with receiving(Replies(TAKEN)) as server, workplace.started("worker", "--metrics-port", "0") as process:
        url = told_metrics_url(process)
        workplace.ok("deliver", "a castle", *to(server), "--detach")
        wait_until_told(process, "delivery.completed")
        status, media_type, text = fetched(url)
        assert fetched(url.removesuffix("metrics"))[0] == 404
        _, stderr = stop(process)
    assert process.returncode == 0
    assert (status, media_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    for line in (
        'deliveries_latency_seconds_count{mode="http",outcome="succeeded"} 1.0',
        'deliveries_queue_depth{status="pending"} 0.0',
        "lora_manager_store_up 1.0",
    ):
        assert f"\n{line}\n" in text
    assert "process_start_time_seconds" in text
    assert "GET" not in stderr


def test_a_port_for_metrics_that_is_in_use_is_one_line_with_a_way_out(workplace: Workplace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        result = workplace.run("worker", "--metrics-port", str(taken))
    assert result.exit_code == 1
    [line] = result.stderr.splitlines()
    assert line.startswith(f"Error: cannot serve metrics on 127.0.0.1 port {taken}: ")
    assert line.endswith("; choose another host or port for them")


def test_on_a_database_that_is_behind_it_names_the_command_that_helps(workplace: Workplace) -> None:
    result = workplace.run("worker", AUTO_MIGRATE="off")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.endswith("run lora-manager migrate\n")


def test_the_service_says_who_sends_deliveries(workplace: Workplace) -> None:
    with served(workplace) as (_, greeting):
        assert "Deliveries are sent by this process.\n" in greeting
    (workplace.folder / ".env").write_text(f"QUEUE_URL={NOBODY}\n")
    with served(workplace) as (_, greeting):
        assert "Deliveries are sent by lora-manager worker, since QUEUE_URL is set.\n" in greeting
