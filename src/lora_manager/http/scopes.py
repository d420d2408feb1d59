"""What each operation needs: the one table."""

from collections.abc import Mapping

from lora_manager.domain.access import Scope

SCOPES: Mapping[str, Scope | None] = {
    "POST /adapters": Scope.WRITE,
    "GET /adapters": Scope.READ,
    "GET /adapters/{id}": Scope.READ,
    "PATCH /adapters/{id}": Scope.WRITE,
    "DELETE /adapters/{id}": Scope.WRITE,
    "POST /adapters/{id}/restore": Scope.WRITE,
    "POST /adapters/{id}/verify": Scope.WRITE,
    "POST /adapters/{id}/validate": Scope.WRITE,
    "GET /adapters/{id}/metadata": Scope.READ,
    "GET /adapters/{id}/file": Scope.READ,
    "GET /adapters/{id}/preview": Scope.READ,
    "POST /uploads": Scope.WRITE,
    "POST /adapters/{id}/activate": Scope.WRITE,
    "POST /adapters/{id}/deactivate": Scope.WRITE,
    "POST /adapters/reorder": Scope.WRITE,
    "POST /adapters/bulk": Scope.WRITE,
    "GET /adapters/tags": Scope.READ,
    "GET /adapters/duplicates": Scope.READ,
    "POST /library/scans": Scope.WRITE,
    "GET /library/scans/{id}": Scope.READ,
    "POST /compose": Scope.READ,  # and ``deliver`` where the body asks for a delivery
    "POST /compose/parse": Scope.READ,
    "POST /deliveries": Scope.DELIVER,
    "GET /deliveries": Scope.READ,
    "GET /deliveries/{id}": Scope.READ,
    "POST /deliveries/{id}/cancel": Scope.DELIVER,
    "POST /deliveries/{id}/retry": Scope.DELIVER,
    "GET /deliveries/{id}/events": Scope.READ,
    "GET /metrics": Scope.READ,
    "GET /health": None,
    "GET /health/ready": None,  # without a key it names the parts that do not answer, and says no more of them
    "GET /schema/openapi.json": None,
    "GET /docs": None,
    "GET /docs/start.js": None,
    "GET /docs/{asset}": None,
    "GET /problems/{code}": None,
}
"""By method and path; None: nobody is asked who they are. ``OPTIONS`` tells of each path no more than /docs does."""


def scope_of(method: str, path: str) -> Scope | None:
    """What an operation needs.

    :param path: its template, with or without the types of its parameters
    :raises KeyError: the table does not know it: there is no operation without a line in it
    """
    plain = path.replace(":uuid", "").replace(":str", "")
    return SCOPES[f"{method} {plain}"]
