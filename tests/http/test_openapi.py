"""The OpenAPI document tells the truth, and the page that shows it needs nothing from elsewhere."""

import json
import re
from inspect import cleandoc
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import schemathesis
from litestar.handlers import HTTPRouteHandler

from lora_manager.domain.prompt import DIALECTS
from lora_manager.http.app import OPERATIONS
from lora_manager.http.openapi import openapi_document
from lora_manager.http.operation import Operation
from lora_manager.http.problem_kinds import ProblemKind
from lora_manager.http.strict import read_json

DOCUMENT: dict[str, Any] = json.loads(openapi_document(OPERATIONS))
ROUTES = {
    *("POST /adapters", "GET /adapters", "GET /adapters/{id}", "PATCH /adapters/{id}", "DELETE /adapters/{id}"),
    *("POST /adapters/{id}/restore", "POST /adapters/{id}/activate", "POST /adapters/{id}/deactivate"),
    *("POST /adapters/{id}/verify", "POST /adapters/reorder", "POST /adapters/bulk", "GET /adapters/tags"),
    *("GET /adapters/duplicates", "POST /library/scans", "GET /library/scans/{id}", "POST /compose"),
    *("POST /compose/parse", "GET /health", "GET /health/ready", "GET /metrics"),
    *("POST /deliveries", "GET /deliveries", "GET /deliveries/{id}", "GET /deliveries/{id}/events"),
    *("POST /deliveries/{id}/cancel", "POST /deliveries/{id}/retry"),
    *("GET /adapters/{id}/file", "GET /adapters/{id}/preview", "POST /uploads"),
    *("GET /adapters/{id}/metadata", "POST /adapters/{id}/validate"),
}


def operation_of(handler: HTTPRouteHandler) -> Operation:
    operation: Operation = handler.opt["operation"]
    return operation


def described() -> list[tuple[str, dict[str, Any]]]:
    """Each operation in the document, by method and path."""
    paths = DOCUMENT["paths"].items()
    return [(f"{method.upper()} {path}", operation) for path, item in paths for method, operation in item.items()]


def nodes(node: object) -> list[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(node, list):
        return [found for item in node for found in nodes(item)]
    if isinstance(node, dict):
        return [node, *(found for item in node.values() for found in nodes(item))]
    return []


def test_the_document_is_valid_openapi_31() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_it_lists_every_route_once() -> None:
    assert {route for route, _ in described()} == ROUTES
    assert len({operation["operationId"] for _, operation in described()}) == len(ROUTES)


def test_every_reference_leads_somewhere_and_every_component_is_used() -> None:
    components = {kind: parts for kind, parts in DOCUMENT["components"].items() if kind != "securitySchemes"}
    parts = {f"#/components/{kind}/{name}" for kind, parts in components.items() for name in parts}
    assert {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node} == parts


@pytest.mark.parametrize("handler", OPERATIONS, ids=lambda handler: str(handler.operation_id))
def test_an_operation_is_described_by_its_use_case(handler: HTTPRouteHandler) -> None:
    says = operation_of(handler).does or handler.fn
    assert says.__doc__
    assert handler.description
    assert cleandoc(says.__doc__).startswith(handler.description)
    for markup in (":raises", ":param", "``", ":class:"):
        assert markup not in handler.description


@pytest.mark.parametrize(("route", "operation"), described(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_operation_documents_its_problems(route: str, operation: dict[str, Any]) -> None:
    statuses = {int(status) for status in operation["responses"]}
    assert {500, 503} <= statuses
    if "application/json" in operation.get("requestBody", {}).get("content", ()):
        assert {400, 413, 415} <= statuses
    if "{id}" in route:
        assert 404 in statuses
    for status in statuses - {200, 201, 202, 204, 206, 304, 307}:
        assert list(operation["responses"][str(status)]["content"]) == ["application/problem+json"]


def test_what_is_no_json_is_documented_by_its_media_types() -> None:
    operations = dict(described())
    body = operations["POST /uploads"]["requestBody"]
    assert (body["required"], list(body["content"])) == (True, ["application/octet-stream"])
    [filename] = operations["POST /uploads"]["parameters"]
    assert (filename["name"], filename["required"]) == ("filename", True)
    for status in ("200", "206"):
        file = operations["GET /adapters/{id}/file"]["responses"][status]["content"]
        preview = operations["GET /adapters/{id}/preview"]["responses"][status]["content"]
        assert list(file) == ["application/octet-stream"]
        assert {media_type.split("/")[0] for media_type in preview} == {"image", "video"}


def test_every_kind_of_problem_is_documented_somewhere_or_belongs_to_no_single_operation() -> None:
    documented = {kind for handler in OPERATIONS for kind in operation_of(handler).all_problems}
    general = {ProblemKind.INVALID_INPUT, ProblemKind.CONFLICT, ProblemKind.FORBIDDEN}
    assert documented == {*ProblemKind} - {ProblemKind.METHOD_NOT_ALLOWED} - general


def test_every_operation_tells_of_what_is_refused_before_it_is_reached() -> None:
    for name, operation in described():
        assert {"400", "414", "431"} <= operation["responses"].keys(), name


def test_a_dialect_is_one_that_there_is() -> None:
    for schema in ("ComposeInput", "ParseInput"):
        dialect = jsonschema_rs.validator_for(DOCUMENT["components"]["schemas"][schema]["properties"]["dialect"])
        assert all(map(dialect.is_valid, (*DIALECTS, "template", None)))
        assert not dialect.is_valid("forge")


@pytest.mark.parametrize(
    "handler",
    [handler for handler in OPERATIONS if operation_of(handler).body],
    ids=lambda handler: str(handler.operation_id),
)
def test_the_example_of_a_body_can_be_sent(handler: HTTPRouteHandler) -> None:
    operation = operation_of(handler)
    assert operation.body is not None
    assert operation.body_example
    body = read_json(operation.body, msgspec.json.encode(operation.body_example))
    for convert in ("changes", "to_command", "to_ids"):
        if convert == "changes" or handler.operation_id != "change_adapter":
            getattr(body, convert, lambda: None)()


def test_every_example_fits_its_schema() -> None:
    examples = [(node, example) for node in nodes(DOCUMENT) for example in node.get("examples", []) if "type" in node]
    assert len(examples) > 10
    for schema, example in examples:
        whole = {**schema, "components": DOCUMENT["components"]}
        jsonschema_rs.validator_for(whole).validate(example)


async def test_the_document_is_served(shell: httpx.AsyncClient) -> None:
    answer = await shell.get("/schema/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT


async def test_the_page_loads_nothing_from_elsewhere(shell: httpx.AsyncClient) -> None:
    page = await shell.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'self';")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses == ["data:,", "/docs/swagger-ui.css", "/docs/swagger-ui.js", "/docs/start.js"]
    start = (await shell.get("/docs/start.js")).text
    assert re.findall(r'"(/[^"]*)"', start) == ["/schema/openapi.json"]
    assert "//" not in page.text + start


async def test_the_page_comes_with_swagger_ui(shell: httpx.AsyncClient) -> None:
    script, style = await shell.get("/docs/swagger-ui.js"), await shell.get("/docs/swagger-ui.css")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "SwaggerUIBundle" in script.text
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert ".swagger-ui" in style.text
    assert "@import" not in style.text
