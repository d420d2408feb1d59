"""A service whose clock is set forward and back while it works: nothing is sent twice, lost, or refused."""

from http import HTTPStatus
from pathlib import Path

from tests.crash.faults import accepted, becomes, receiving, registered, service
from tests.crash.service import Service, until

__all__ = ["service"]

HOUR_S = 3600
# SQLite's own clock stays as it is: it only dates the ages among the metrics.
SHIFTED = """
import datetime, os, time
real_now, real_time, real_time_ns = datetime.datetime.now, time.time, time.time_ns

def shift():
    with open(os.environ["CLOCK_SHIFT"]) as file:
        return int(file.read())

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, zone=None):
        return real_now(zone) + datetime.timedelta(seconds=shift())

time.time = lambda: real_time() + shift()
time.time_ns = lambda: real_time_ns() + shift() * 1_000_000_000
import lora_manager.adapters.database.deliveries as deliveries, lora_manager.adapters.system.clock as clock
import lora_manager.adapters.system.identifiers
deliveries.datetime = clock.datetime = Shifted
"""


async def test_a_clock_that_is_set_by_an_hour_forward_and_back_loses_nothing(service: Service) -> None:
    clock = Clock(service.folder / "clock")
    service.environment = {"CLOCK_SHIFT": str(clock.path)}
    service.preamble = SHIFTED
    async with service.running(), receiving() as receiver:
        ink = await registered(service, "ink")
        sent, changes = [], []
        for number, shift_s in enumerate((0, HOUR_S, -HOUR_S), 1):
            clock.set(shift_s)
            changes.append(await changed(service, ink, number))
            sent.append(await accepted(service, "http", receiver.params))
            await receiver.got(number)  # those before are under way all the time
        assert [delivery_id for delivery_id, _ in receiver.attempts] == sent == sorted(sent)
        receiver.release.set()
        for delivery_id in sent:
            delivery = await becomes(service, delivery_id)
            assert delivery["status"] == "succeeded"
            assert [attempt["number"] for attempt in delivery["attempts"]] == [1]
        assert len(receiver.attempts) == len(sent)
        assert changes == sorted(changes)
        assert await scanned(service) == "succeeded"
    assert b"Traceback" not in service.said


class Clock:
    """What the processes' clock is off by, for them to read at every look at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.path)


async def changed(service: Service, lora_id: str, number: int) -> str:
    """When a LoRA was changed, as the service tells it."""
    answer = await service.ask("PATCH", f"/adapters/{lora_id}", json={"weight": number / 10})
    return str(answer.json()["adapter"]["updated_at"])


async def scanned(service: Service) -> str:
    """How a scan ended."""
    scan = (await service.ask("POST", "/library/scans", HTTPStatus.ACCEPTED)).json()["scan"]

    async def has_ended() -> bool:
        scan.update((await service.ask("GET", f"/library/scans/{scan['id']}")).json()["scan"])
        return bool(scan["state"] != "running")

    await until(has_ended)
    return str(scan["state"])
