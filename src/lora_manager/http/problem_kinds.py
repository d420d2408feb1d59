"""The kinds of problem that this service answers with; docs/problems.md lists the same."""

from enum import Enum


class ProblemKind(Enum):
    """A kind of problem: its HTTP status, what happened, and what to do about it."""

    INVALID_FIELDS = (
        400,
        "Some of what was sent is wrong",
        "`invalid_params` names every wrong field, parameter or header and says what is allowed. Correct them all.",
    )
    MALFORMED_BODY = (
        400,
        "The body is not a JSON object",
        "Send one JSON object in UTF-8. NaN, Infinity and unpaired surrogates are not JSON.",
    )
    INVALID_INPUT = 400, "What was sent is wrong", "`detail` says what."
    INVALID_FILE = 400, "The file cannot be registered", "`detail` says what is wrong with the file or its path."
    FILE_MISSING = 400, "There is no such file", "Check the path, as the machine of the service sees it."
    FILE_NOT_READABLE = (
        400,
        "The file cannot be read",
        "Check that it is a regular file (for a scan, a folder) and that the service may read it.",
    )
    OUTSIDE_LIBRARY = (
        400,
        "The path lies outside the library",
        "`detail` names the folder to add to LIBRARY_ROOTS. Where a link leads to is what counts.",
    )
    INVALID_SAFETENSORS = (
        400,
        "The file is not valid safetensors",
        "It is damaged, cut off or of another format: fetch it again, or convert it.",
    )
    NOT_A_LORA = (
        400,
        "The file is no LoRA",
        "It is valid safetensors, but something else: a checkpoint, a VAE, an embedding. `detail` says why.",
    )
    NOT_WRITABLE = (
        400,
        "The dialect cannot write this prompt",
        "`detail` names each LoRA that it has no way to write. Rename it, leave it out, or take another dialect.",
    )
    BAD_REQUEST = 400, "The request is not proper HTTP", "`detail` says what is wrong with it."
    UNAUTHENTICATED = (
        401,
        "An API key is needed",
        "Send one that counts as `X-API-Key`, or as `Authorization: Bearer`. `lora-manager keys create` makes one.",
    )
    FORBIDDEN = 403, "This is not allowed", "`detail` says what would be needed."
    SCOPE_MISSING = 403, "The API key is not for this", "`detail` names the scope that a key needs for it."
    CROSS_SITE = (
        403,
        "A web page of another site has sent this",
        "If the page may use the service, add its origin to CORS_ORIGINS.",
    )
    NOT_FOUND = 404, "There is nothing at this address", "The page /docs shows all addresses. An id is a UUID."
    ADAPTER_NOT_FOUND = (
        404,
        "There is no such adapter",
        "It never was, or it was deleted. `POST /adapters/{id}/restore` brings a deleted one back.",
    )
    SCAN_NOT_FOUND = 404, "There is no such scan", "`POST /library/scans` starts one and answers with its id."
    DELIVERY_NOT_FOUND = 404, "There is no such delivery", "`POST /deliveries` accepts one and answers with its id."
    FILE_GONE = (
        404,
        "The adapter's file cannot be read",
        "`detail` says why. `POST /adapters/{id}/verify` notes it; a scan finds a file that has moved.",
    )
    PREVIEW_NOT_FOUND = (
        404,
        "The adapter has no preview",
        "Put a picture beside its file, under the same name, or set its `preview_url`.",
    )
    METHOD_NOT_ALLOWED = 405, "This address does not take that method", "The `Allow` header lists those it takes."
    CONFLICT = 409, "What is stored does not allow it now", "`detail` says what is in the way."
    NAME_TAKEN = (
        409,
        "The name and version are taken",
        "Choose another name or version, or change the adapter that has them.",
    )
    FILE_NAME_TAKEN = 409, "Another file has this name", "Send the file under another `filename`."
    STALE_REVISION = 409, "The adapter changed meanwhile", "Read it again and repeat the change."
    TRANSITION_NOT_ALLOWED = (
        409,
        "The delivery's status does not allow this",
        "A delivery that ended cannot be cancelled, and only one that failed can be retried.",
    )
    IDEMPOTENCY_KEY_REUSED = (
        409,
        "The Idempotency-Key came before, with another request",
        "Send the same request again to be answered with its delivery, or take a new key for a new delivery.",
    )
    LENGTH_REQUIRED = 411, "The request does not say how long its body is", "Send the file with `Content-Length`."
    PRECONDITION_FAILED = (
        412,
        "The adapter is not at the revision that If-Match names",
        "Somebody changed it. Read it again and repeat the change with the new ETag.",
    )
    BODY_TOO_LARGE = 413, "The body is too large", "Send less at a time; `detail` names the limit."
    TARGET_TOO_LONG = (
        414,
        "The address is too long",
        "`detail` names the limit. Send less in the query, or in several requests.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        415,
        "The body is declared to be something else",
        "Send JSON as `Content-Type: application/json`, a file as `application/octet-stream`.",
    )
    RANGE_NOT_SATISFIABLE = (
        416,
        "The file has none of the bytes asked for",
        "`Content-Range` says how long it is: `bytes */1000`.",
    )
    HOST_NOT_ALLOWED = (
        421,
        "The service is not known by this name",
        "Address it as localhost or by its IP address, add the name to ALLOWED_HOSTS, or make an API key.",
    )
    TOO_MANY_REQUESTS = (
        429,
        "Too many requests",
        "Try again after the seconds that `Retry-After` gives. RATE_LIMIT says how many are allowed.",
    )
    HEAD_TOO_LARGE = 431, "The headers are too large", "`detail` names the limit. Send fewer or shorter headers."
    INTERNAL_ERROR = (
        500,
        "The service has a fault",
        "The request is not to blame. Report it with its `request_id`: the service's log says more under that id.",
    )
    UNAVAILABLE = (
        503,
        "Something that the service needs does not answer",
        "`detail` names it. Try again after the seconds that `Retry-After` gives.",
    )

    def __init__(self, status: int, title: str, advice: str) -> None:
        self.status = status
        self.title = title
        self.advice = advice

    @property
    def code(self) -> str:
        """The name in addresses and documents."""
        return self.name.lower().replace("_", "-")

    @property
    def type(self) -> str:
        """The address that explains it."""
        return f"/problems/{self.code}"
