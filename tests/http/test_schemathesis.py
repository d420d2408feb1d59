"""Whatever a client sends, allowed by OpenAPI or not: the answer is one that OpenAPI promises, and none is a 500."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lora_manager.app.application import Application
from lora_manager.container import open_application
from lora_manager.domain.errors import Unavailable
from lora_manager.http.app import OPERATIONS
from lora_manager.http.openapi import openapi_document
from lora_manager.settings import Settings, load_settings
from tests.http.live import listening
from tests.http.registries import Saying, asking
from tests.library import write_lora

SCHEMA = schemathesis.openapi.from_dict(json.loads(openapi_document(OPERATIONS)))


@dataclass(frozen=True, slots=True)
class Target:
    """A service on a port of this machine.

    :param adapter_id: an adapter it has
    :param file_path: a file that it could register
    :param delivery_id: a delivery that ended, so that its stream of events ends
    """

    url: str
    adapter_id: str
    file_path: str
    delivery_id: str


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder: Path = tmp_path_factory.mktemp("service")
    paths = [str(write_lora(folder / "library" / f"{name}.safetensors", name)) for name in ("ink", "fog")]
    environ = {"DATA_DIR": str(folder), "LIBRARY_ROOTS": str(folder / "library")}
    # There is no worker: deliveries are accepted and stay where they are, nothing is contacted and no command is run.
    with listening(_offline(load_settings(environ))) as listen_port:
        url = f"http://127.0.0.1:{listen_port}"
        adapter = httpx.post(f"{url}/adapters", json={"name": "ink", "file_path": paths[0]}).json()["adapter"]
        delivery_id = httpx.post(f"{url}/deliveries", json={"prompt": "x", "mode": "cli"}).json()["delivery_id"]
        httpx.post(f"{url}/deliveries/{delivery_id}/cancel")
        yield Target(url, adapter["id"], paths[1], delivery_id)


@asynccontextmanager
async def _offline(settings: Settings) -> AsyncIterator[Application]:
    """The application, with nobody outside to ask."""
    async with open_application(settings) as application:
        yield asking(application, Saying(Unavailable("nobody is asked here")))


@SCHEMA.parametrize()
@hypothesis_settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_openapi_promises(case: Case[Any], target: Target) -> None:
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        _aim(case, target)
    # What can be registered, named or composed depends on more than OpenAPI can say.
    # Where a redirect leads is nobody's business here: a preview_url may be any address.
    case.call_and_validate(base_url=target.url, excluded_checks=[positive_data_acceptance], allow_redirects=False)


def _aim(case: Case[Any], target: Target) -> None:
    """Random ids and paths lead nowhere: let these lead somewhere."""
    if "/adapters/{id}" in case.path:
        case.path_parameters["id"] = target.adapter_id
    if "/deliveries/{id}" in case.path:
        case.path_parameters["id"] = target.delivery_id
    if case.path == "/adapters" and isinstance(case.body, dict):
        case.body["file_path"] = target.file_path
