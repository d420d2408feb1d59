"""Whatever a client sends, allowed by OpenAPI or not: the answer is one that OpenAPI promises, and none is a 500."""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lora_manager.app.application import Application
from lora_manager.container import open_application
from lora_manager.domain.errors import Unavailable
from lora_manager.http.app import OPERATIONS
from lora_manager.http.openapi import openapi_document
from lora_manager.settings import Settings, load_settings
from tests.contract.postgres import PostgresServer
from tests.http.live import listening
from tests.http.registries import Saying, asking
from tests.library import write_lora

ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "416", "429"]
"""What may be said to what OpenAPI allows: 416 where the file ends before the range begins."""
REJECTED = ["400", "401", "403", "404", "405", "406", "409", "413", "414", "415", "422", "428", "429"]
"""What may be said to what it does not allow: 413 and 414 where there is also too much of it."""
CHECKS = schemathesis.Config.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ACCEPTED},
            "negative_data_rejection": {"expected-statuses": REJECTED},
        }
    }
)
OPEN = schemathesis.pytest.from_fixture("open_document")
WITH_KEY = schemathesis.pytest.from_fixture("document_with_key")
KEY = "correct-horse-battery-staple"
BEYOND_OPENAPI = {
    *("POST /adapters", "POST /uploads", "POST /library/scans"),  # the file or folder has to be there
    *("PATCH /adapters/{id}", "POST /adapters/{id}/activate"),  # If-Match has to match; an ordinal is told once
    *("POST /adapters/reorder", "POST /adapters/bulk", "POST /compose"),  # the adapters have to be there
    *("GET /adapters", "GET /deliveries"),  # a cursor is one that was given out
    "POST /deliveries",  # the target has to be allowed
}
"""What they take depends on more than OpenAPI can say, so that some of what it allows is refused."""
PROFILE = hypothesis_settings(
    max_examples=int(os.environ.get("SCHEMATHESIS_EXAMPLES", "5")),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A service on a port of this machine.

    :param adapter_id: an adapter it has
    :param file_path: a file that it could register
    :param delivery_id: a delivery that ended, so that its stream of events ends
    """

    url: str
    session: requests.Session
    adapter_id: str
    file_path: str
    delivery_id: str


Targets = Mapping[str, Target]
"""By the system of the database."""


# From fixtures: what is sent is made when the tests run, where all that collect them would make it anew.
@pytest.fixture
def open_document(request: pytest.FixtureRequest) -> BaseSchema:
    """What OpenAPI says where nobody is asked who they are."""
    _name_as_it_was(request.node)
    return schemathesis.openapi.from_dict(json.loads(openapi_document(OPERATIONS)), config=CHECKS)


@pytest.fixture
def document_with_key(request: pytest.FixtureRequest) -> BaseSchema:
    """What it says where a key is asked for."""
    _name_as_it_was(request.node)
    return schemathesis.openapi.from_dict(json.loads(openapi_document(OPERATIONS, needs_key=True)), config=CHECKS)


def _name_as_it_was(node: pytest.Item) -> None:
    """Schemathesis 4.32 looks for the name of a test where it stood before pytest 9.2."""
    vars(node)["_nodeid"] = node.nodeid


@contextmanager
def targeted(folder: Path, **environ: str) -> Iterator[Target]:
    paths = [str(write_lora(folder / "library" / f"{name}.safetensors", name)) for name in ("ink", "fog")]
    environ |= {"DATA_DIR": str(folder), "LIBRARY_ROOTS": str(folder / "library"), "AUTO_MIGRATE": "true"}
    environ["TOKEN_FORMAT"] = "<lora:{name}:{weight}>"  # so that all dialects of the document are there
    # There is no worker: deliveries are accepted and stay where they are, nothing is contacted and no command is run.
    with listening(_offline(load_settings(environ))) as listen_port:
        url = f"http://127.0.0.1:{listen_port}"
        with httpx.Client(base_url=url, headers={"X-API-Key": KEY}) as client:
            body = {"name": folder.name, "file_path": paths[0]}
            adapter = client.post("/adapters", json=body).json()["adapter"]
            delivery_id = client.post("/deliveries", json={"prompt": "x", "mode": "cli"}).json()["delivery_id"]
            client.post(f"/deliveries/{delivery_id}/cancel")
        with requests.Session() as session:
            session.trust_env = False
            yield Target(url, session, adapter["id"], paths[1], delivery_id)


@pytest.fixture
def open_targets(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Targets]:
    """Services that ask nobody who they are."""
    with on_each_system(tmp_path, postgres_server) as targets:
        yield targets


@pytest.fixture
def closed_targets(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Targets]:
    """Services that ask for a key."""
    with on_each_system(tmp_path, postgres_server, API_KEY=KEY) as targets:
        yield targets


@contextmanager
def on_each_system(folder: Path, server: PostgresServer, **environ: str) -> Iterator[Targets]:
    """A service on each database."""
    with (
        server.database("template0") as url,
        targeted(folder / "sqlite", **environ) as on_sqlite,
        targeted(folder / "postgresql", DATABASE_URL=url, **environ) as on_postgresql,
    ):
        yield {"sqlite": on_sqlite, "postgresql": on_postgresql}


@asynccontextmanager
async def _offline(settings: Settings) -> AsyncIterator[Application]:
    """The application, with nobody outside to ask."""
    async with open_application(settings) as application:
        yield asking(application, Saying(Unavailable("nobody is asked here")))


@PROFILE
@OPEN.parametrize()
def test_every_answer_is_one_that_openapi_promises(case: Case[Any], open_targets: Targets) -> None:
    _check(case, open_targets)


@PROFILE
@WITH_KEY.parametrize()
def test_every_answer_is_one_that_openapi_promises_where_a_key_is_needed(
    case: Case[Any], closed_targets: Targets
) -> None:
    _check(case, closed_targets, {"X-API-Key": KEY})


def _check(case: Case[Any], targets: Targets, headers: dict[str, str] | None = None) -> None:
    for system, target in targets.items():
        if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
            _aim(case, target)
        # Where a redirect leads is nobody's business here: a preview_url may be any address.
        case.call_and_validate(
            base_url=target.url,
            session=target.session,
            headers={**(headers or {}), "User-Agent": system},  # to tell them apart in what is reported
            excluded_checks=[positive_data_acceptance] if case.operation.label in BEYOND_OPENAPI else [],
            allow_redirects=False,
        )


def _aim(case: Case[Any], target: Target) -> None:
    """Random ids and paths lead nowhere: let these lead somewhere."""
    if "/adapters/{id}" in case.path:
        case.path_parameters["id"] = target.adapter_id
    if "/deliveries/{id}" in case.path:
        case.path_parameters["id"] = target.delivery_id
    if case.path == "/adapters" and isinstance(case.body, dict):
        case.body["file_path"] = target.file_path
