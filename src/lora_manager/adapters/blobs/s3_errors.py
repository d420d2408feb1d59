"""What S3 and its client report, in the domain's words.

boto's exceptions are known by their names here: its package comes with an extra, and is slow to import.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from lora_manager.domain.blob import BlobChanged, BlobMissing
from lora_manager.domain.errors import Failure, InvalidInput, Unavailable

_KEYS = "correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_BUSY = frozenset({"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests"})
_SERVER_FAULT = 500
_TOO_MANY_REQUESTS = 429

_NO_BUCKET = "there is no bucket {bucket!r} at {endpoint}; make it, or correct {setting}"
_POLICY = (
    "{endpoint} refuses access to the bucket {bucket!r}; " + _KEYS + ", or give their owner a policy that allows "
    "s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject, "
    "s3:AbortMultipartUpload and s3:ListMultipartUploadParts on what is in it"
)
_UNKNOWN_KEY = "{endpoint} does not know the access key, or it has expired; " + _KEYS
_WRONG_SECRET = "{endpoint} refuses the signature: the secret does not belong to the access key; " + _KEYS  # a sentence
_REGION = "the bucket {bucket!r} is not in this region but in {region}; set AWS_REGION to that"
_CLOCK = "{endpoint} refuses requests because the clock of this machine is wrong; set it"
_NO_KEYS = "there is no access key for {endpoint}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_NO_REGION = "{endpoint} needs a region; set AWS_REGION"
_UNEXPLAINED = "{endpoint} answers {status} without the words that S3 has for it; correct S3_ENDPOINT"

_REFUSALS = {
    "NoSuchBucket": _NO_BUCKET,
    "InvalidBucketName": _NO_BUCKET,
    "AccessDenied": _POLICY,
    "AllAccessDisabled": _POLICY,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "ExpiredToken": _UNKNOWN_KEY,
    "InvalidToken": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _WRONG_SECRET,
    "PermanentRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "RequestTimeTooSkewed": _CLOCK,
}

# By the name of an exception of botocore that no answer is behind.
_FAULTS = {
    "ParamValidationError": _NO_BUCKET,
    "NoCredentialsError": _NO_KEYS,
    "PartialCredentialsError": _NO_KEYS,
    "CredentialRetrievalError": _NO_KEYS,
    "NoRegionError": _NO_REGION,
    "InvalidRegionError": _NO_REGION,
}

# The same, where another try may do better.
_AWAY = {
    "EndpointConnectionError": "it cannot be reached",
    "ConnectTimeoutError": "it cannot be reached in time",
    "ProxyConnectionError": "the proxy cannot be reached",
    "ReadTimeoutError": "it does not answer in time",
    "SSLError": "its certificate is not accepted",
    "HTTPClientError": "the connection was lost",
    "IncompleteReadError": "the connection was lost",
    "ClientError": "the connection was lost",  # aiohttp's; botocore's of this name has an answer
}


class Unexplained(InvalidInput):
    """An answer is an error without a word why: one to HEAD, which has no body, or one that is none of S3's."""


class BeyondEnd(Exception):
    """A blob ends before the bytes asked for begin."""


class WriteConflict(Exception):
    """Two wrote at the same moment, and the store let neither; another try will do."""


class NotOffered(Exception):
    """The store has no such thing."""


# By the code of an answer. Source: Amazon S3 API reference, error responses.
_MEANINGS: Mapping[frozenset[str], Callable[[str], Exception]] = {
    frozenset({"NoSuchKey", "NoSuchUpload"}): BlobMissing,
    frozenset({"PreconditionFailed"}): BlobChanged,
    frozenset({"InvalidRange"}): BeyondEnd,
    frozenset({"ConditionalRequestConflict", "OperationAborted"}): WriteConflict,
    frozenset({"NotImplemented"}): NotOffered,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a bucket is, for messages.

    :param endpoint: as it is set, or None for Amazon's own
    :param setting: the name of the setting that names the bucket
    """

    endpoint: str | None
    bucket: str
    setting: str

    @property
    def facts(self) -> dict[str, str]:
        """What messages have blanks for; of the endpoint only what holds no password."""
        address = urlsplit(self.endpoint or "")
        shown = address.netloc.rpartition("@")[2] or "the address that is set"
        return {
            "endpoint": f"{address.scheme}://{shown}" if self.endpoint else "Amazon S3",
            "bucket": self.bucket,
            "setting": self.setting,
        }


def _failure_of(error: Exception, place: Place, uri: str) -> Exception | None:
    """What the error means; None where it is none of S3's."""
    answer: Mapping[str, Any] | None = getattr(error, "response", None)
    if isinstance(answer, Mapping):
        return _failure_of_answer(answer, place, uri)
    names = [kind.__name__ for kind in type(error).__mro__]
    for name in names:
        if name in _FAULTS:
            return InvalidInput(_FAULTS[name].format(**place.facts))
    for name in names:
        if name in _AWAY:
            return _away(_AWAY[name], place)
    return None


def _failure_of_answer(answer: Mapping[str, Any], place: Place, uri: str) -> Exception:
    fault: Mapping[str, Any] = answer.get("Error", {})
    code = str(fault.get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    for codes, meaning in _MEANINGS.items():
        if code in codes:
            return meaning(uri)
    if code in _REFUSALS:
        return InvalidInput(_REFUSALS[code].format(region=fault.get("Region", "another one"), **place.facts))
    if status >= _SERVER_FAULT or status == _TOO_MANY_REQUESTS or code in _BUSY:
        return _away(f"it answers {status}", place)
    if code == str(status):
        return Unexplained(_UNEXPLAINED.format(status=status, **place.facts))
    return InvalidInput(f"{place.facts['endpoint']} refuses what is asked of {uri}: {status} {code}")


def _away(reason: str, place: Place) -> Failure:
    way_out = "try again, check that it runs, or correct S3_ENDPOINT"
    return Unavailable(f"the bucket {place.bucket!r} at {place.facts['endpoint']} does not answer: {reason}; {way_out}")


def was_repeated(error: Failure) -> bool:
    """Whether boto had asked the same before, and got no answer or one that it did not believe."""
    answer: Mapping[str, Any] = getattr(error.__cause__, "response", {})
    return int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0


class translated:  # noqa: N801  # reads as a word: ``with translated(place, uri):``
    """Turns what S3 reports inside the block into the domain's words; what means something else passes.

    :param uri: what is asked about
    :raises BeyondEnd: the bytes asked for are none of the blob's
    :raises WriteConflict: try again
    :raises NotOffered: this store does not know what is asked for
    """

    __slots__ = ("_place", "_uri")

    def __init__(self, place: Place, uri: str) -> None:
        self._place = place
        self._uri = uri

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and (failure := _failure_of(error, self._place, self._uri)) is not None:
            raise failure from error
