"""Whatever a client sends, allowed by OpenAPI or not: the answer is one that OpenAPI promises, and none is a 500."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from lora_manager.container import open_application
from lora_manager.http.app import OPERATIONS, create_app
from lora_manager.http.openapi import openapi_document
from lora_manager.settings import load_settings
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
    app = create_app(open_application(load_settings(environ)))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        adapter = httpx.post(f"{url}/adapters", json={"name": "ink", "file_path": paths[0]}).json()["adapter"]
        delivery_id = httpx.post(f"{url}/deliveries", json={"prompt": "x", "mode": "cli"}).json()["delivery_id"]
        httpx.post(f"{url}/deliveries/{delivery_id}/cancel")
        yield Target(url, adapter["id"], paths[1], delivery_id)
        server.should_exit = True
        thread.join()


@SCHEMA.parametrize()
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_openapi_promises(case: Case[Any], target: Target) -> None:
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        _aim(case, target)
    # What can be registered, named or composed depends on more than OpenAPI can say.
    case.call_and_validate(base_url=target.url, excluded_checks=[positive_data_acceptance])


def _aim(case: Case[Any], target: Target) -> None:
    """Random ids and paths lead nowhere: let these lead somewhere."""
    if "/adapters/{id}" in case.path:
        case.path_parameters["id"] = target.adapter_id
    if "/deliveries/{id}" in case.path:
        case.path_parameters["id"] = target.delivery_id
    if case.path == "/adapters" and isinstance(case.body, dict):
        case.body["file_path"] = target.file_path
