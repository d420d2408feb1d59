"""The values that labels of metrics take: few, whatever clients send and runtimes answer."""

OTHER = "other"
NO_ROUTE = "none"

# Source: RFC 9110, section 9.3, and RFC 5789.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})

ERROR_CODES = frozenset({
    "bad_answer",
    "bad_image",
    "execution_error",
    "exit_code",
    "fault",
    "handed_back",
    "interrupted",
    "lora_ambiguous",
    "lora_not_found",
    "lost",
    "mode_unavailable",
    "no_api",
    "no_images",
    "not_http",
    "not_started",
    "out_of_memory",
    "prompt_file",
    "redirected",
    "refused",
    "server_busy",
    "server_error",
    "storage_unavailable",
    "target_forbidden",
    "timeout",
    "too_large",
    "unauthorized",
    "unknown_command",
    "unreachable",
    "workflow_rejected",
})  # fmt: skip
"""Why a delivery does not succeed: every code that ours give a ``DeliveryError``."""


def method_of(method: str) -> str:
    """The label of a method, which a client may have made up."""
    return method if method in METHODS else OTHER


def error_of(code: object) -> str:
    """The label of the code of an error."""
    return str(code) if code in ERROR_CODES else OTHER
