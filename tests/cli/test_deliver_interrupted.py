"""``lora-manager deliver``, stopped before the delivery has ended."""

import asyncio
import signal
from uuid import UUID

import pytest

from lora_manager.container import open_application
from lora_manager.settings import load_settings
from tests.cli.receiver import PATIENCE_S, Holding, Replies, receiving, to, wait_until_told
from tests.cli.workplace import Workplace
from tests.standins.http_server import Reply

LATER: Reply = (503, {"Retry-After": "3600"}, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_interrupted_it_leaves_the_delivery_waiting_and_says_what_can_be_done(
    workplace: Workplace, number: signal.Signals
) -> None:
    with receiving(Replies(LATER)) as server, workplace.started("deliver", "a castle", *to(server)) as process:
        wait_until_told(process, "delivery.retrying")
        [request] = server.requests
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert stdout == "retrying after 1 attempt\n"
    assert "Error: interrupted; the delivery is retrying" in stderr
    assert f"curl -X POST localhost:8000/deliveries/{request.headers['idempotency-key']}/cancel" in stderr


def test_cancelled_by_somebody_else_it_ends_and_says_so(workplace: Workplace) -> None:
    async def cancel(delivery_id: str) -> None:
        async with open_application(load_settings({})) as application:
            await application.cancel_delivery(UUID(delivery_id))

    with receiving(Replies(LATER)) as server, workplace.started("deliver", "a castle", *to(server)) as process:
        wait_until_told(process, "delivery.retrying")
        [request] = server.requests
        asyncio.run(cancel(request.headers["idempotency-key"]))
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout) == (1, "cancelled after 1 attempt\n")
    assert stderr.endswith("Error: the delivery was cancelled\n")


def test_interrupted_while_it_sends_it_lets_the_attempt_end(workplace: Workplace) -> None:
    handler = Holding()
    with receiving(handler) as server, workplace.started("deliver", "a castle", *to(server)) as process:
        handler.wait()
        process.send_signal(signal.SIGINT)
        wait_until_told(process, "Stopping")
        handler.let_go()
        stdout, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert stdout.startswith("succeeded after 1 attempt\n")


def test_interrupted_twice_it_ends_at_once(workplace: Workplace) -> None:
    handler = Holding()
    with receiving(handler) as server, workplace.started("deliver", "a castle", *to(server)) as process:
        handler.wait()
        process.send_signal(signal.SIGINT)
        wait_until_told(process, "Stopping")
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout) == (1, "")
    assert stderr.splitlines()[-1].startswith("Error: stopped at once")
    assert "Traceback" not in stderr
