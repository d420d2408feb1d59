"""Whether the service is there, and whether it can work."""

from contextlib import nullcontext
from dataclasses import dataclass

import httpx

from lora_manager.domain.errors import Unavailable
from lora_manager.ports.readiness import Part
from tests.http.service import Service, application_with, client_of


@dataclass(frozen=True, slots=True)
class Probed(Part):
    """A part that answers, or says why not."""

    name: str
    trouble: str | None = None

    async def check(self) -> None:
        if self.trouble is not None:
            raise Unavailable(self.trouble)


async def ask(*parts: Part) -> httpx.Response:
    application = application_with(parts=parts)
    async with client_of(nullcontext(application)) as client:
        return await client.get("/health/ready")


async def test_a_process_that_answers_is_healthy_whatever_else_works(shell: httpx.AsyncClient) -> None:
    answer = await shell.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_a_service_whose_parts_answer_is_ready(service: Service) -> None:
    answer = await service.client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"parts": ["database"], "status": "ready"})


async def test_every_part_that_does_not_answer_is_named() -> None:
    answer = await ask(Probed("database", "refused"), Probed("queue"), Probed("blob store", "no such bucket"))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.json()["detail"] == "database: refused; blob store: no such bucket"
    assert int(answer.headers["retry-after"]) > 0
