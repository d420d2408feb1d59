"""Every route needs what the one table says."""

from pathlib import Path

import httpx
import pytest

from lora_manager.domain.access import Scope
from lora_manager.http.app import OPERATIONS
from lora_manager.http.scopes import SCOPES
from tests.http.keys import key_with
from tests.http.service import NOBODY, Service

ROOT = Path(__file__).resolve().parents[2]
CONCRETE = {"{id}": NOBODY, "{asset}": "swagger-ui.css", "{code}": "not-found"}


def address(path: str) -> str:
    """The path with something in the place of each parameter."""
    for name, value in CONCRETE.items():
        path = path.replace(name, value)
    return path


async def ask(service: Service, operation: str, **headers: str) -> httpx.Response:
    method, path = operation.split(" ")
    return await service.client.request(method, address(path), headers=headers)


def test_the_table_has_a_line_for_every_operation_and_none_for_others() -> None:
    operations = [handler.opt["operation"] for handler in OPERATIONS]
    described = {f"{one.method} {one.path.replace(':uuid', '')}" for one in operations}
    about = {"GET /schema/openapi.json", "GET /docs", "GET /docs/start.js", "GET /docs/{asset}", "GET /problems/{code}"}
    assert set(SCOPES) == described | about


async def test_every_route_of_the_application_is_in_the_table(service: Service) -> None:
    transport = service.client._transport  # noqa: SLF001  # the application itself
    assert isinstance(transport, httpx.ASGITransport)
    routes = transport.app.routes  # type: ignore[attr-defined]  # a Litestar
    found = {f"{method} {route.path_format}" for route in routes for method in route.methods}
    ours = {one for one in found if not one.startswith(("OPTIONS ", "HEAD "))}
    assert ours == set(SCOPES)


@pytest.mark.parametrize("operation", [one for one, scope in SCOPES.items() if scope is not None])
async def test_nobody_gets_in_without_a_key_where_one_is_needed(operation: str, guarded: Service) -> None:
    answer = await ask(guarded, operation)
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/unauthenticated"
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("operation", [one for one, scope in SCOPES.items() if scope is not None])
@pytest.mark.parametrize("held", list(Scope))
async def test_a_key_gets_in_where_its_scope_leads_and_nowhere_else(
    operation: str, held: Scope, guarded: Service
) -> None:
    wanted = SCOPES[operation]
    allowed = wanted is held or wanted is Scope.READ or held is Scope.ADMIN
    answer = await ask(guarded, operation, **{"x-api-key": key_with(held)})
    assert (answer.status_code != 403) is allowed, answer.text
    assert answer.status_code != 401
    if not allowed:
        assert answer.json()["type"] == "/problems/scope-missing"
        assert f"the scope {wanted}" in answer.json()["detail"]


@pytest.mark.parametrize("operation", [one for one, scope in SCOPES.items() if scope is None])
async def test_what_tells_nothing_of_the_registry_needs_no_key(operation: str, guarded: Service) -> None:
    assert (await ask(guarded, operation)).status_code == 200


async def test_composing_needs_more_where_it_delivers(guarded: Service) -> None:
    body = {"prefix": "x", "delivery": {"mode": "cli"}}

    async def compose(scope: Scope) -> httpx.Response:
        return await guarded.client.post("/compose", json=body, headers={"x-api-key": key_with(scope)})

    assert (await compose(Scope.READ)).json()["type"] == "/problems/scope-missing"
    assert (await compose(Scope.WRITE)).status_code == 403
    answer = await compose(Scope.DELIVER)
    assert answer.status_code == 200
    assert answer.json()["delivery"]["status"] == "pending"


def test_the_page_on_access_has_the_same_table() -> None:
    page = (ROOT / "docs" / "access.md").read_text()
    for operation, scope in SCOPES.items():
        assert f"| `{operation}` | {scope.value if scope else 'none'} |" in page
