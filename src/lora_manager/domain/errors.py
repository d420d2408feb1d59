"""What can go wrong, named for the fact and sorted by kind.

Every error derives from one of six kinds. Whoever stands at the edge (HTTP, CLI) maps the kind; the message is always
fit to show to a user and never holds a secret.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

# An answer must not grow with what it refuses.
MAX_PROBLEMS = 1_000  # of one error
_MAX_TOLD = 20  # problems in its message
MAX_FIELD_NAME = 200  # characters


class Failure(Exception):
    """Anything the domain, a port or a use case reports; ``str()`` is a sentence for the user."""

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are unpickled by calling their class with their message, which ours do not take.
        return Failure._restored, (type(self), self.args, self.__dict__)

    @staticmethod
    def _restored(kind: "type[Failure]", args: tuple[object, ...], attributes: dict[str, object]) -> "Failure":
        failure = kind.__new__(kind, *args)
        failure.__dict__.update(attributes)
        return failure


class NotFound(Failure):
    """The thing asked for does not exist."""


class Conflict(Failure):
    """The request is fine, but what is stored does not allow it now."""


class InvalidInput(Failure):
    """What was sent, set or pointed at is wrong, and stays wrong until the caller changes it."""


class Forbidden(Failure):
    """The caller may not do this."""


class Unavailable(Failure):
    """Something needed (a database, a bucket, a disk) does not answer now; trying again later may work."""


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One wrong field: its name as the caller wrote it, cut where it is very long, and what is allowed."""

    name: str
    reason: str

    def __post_init__(self) -> None:
        if len(self.name) > MAX_FIELD_NAME:
            object.__setattr__(self, "name", f"{self.name[:MAX_FIELD_NAME]}...")


class InvalidFields(InvalidInput):
    """One or more fields hold what they may not; all of them are named at once, of very many the first ones."""

    def __init__(self, fields: Iterable[InvalidField]) -> None:
        self.fields = tuple(islice(fields, MAX_PROBLEMS))
        told = "; ".join(f"{field.name}: {field.reason}" for field in self.fields[:_MAX_TOLD])
        more = len(self.fields) - _MAX_TOLD
        super().__init__(f"{told}; and {more} more" if more > 0 else told)


class InvalidFile(InvalidInput):
    """A file is not what it must be to be registered."""


class FileNotReadable(InvalidFile):
    """A file that should be read is no regular file, or the system refuses to open it."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class FileMissing(FileNotReadable):
    """There is no file at a path."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "there is no such file")


class OutsideLibrary(InvalidFile):
    """A path leads outside every library root."""

    def __init__(self, path: str, root_to_add: str, roots: Iterable[str]) -> None:
        self.path = path
        self.root_to_add = root_to_add
        known = ", ".join(roots) or "none"
        super().__init__(
            f"{path} lies outside the library roots ({known}); add {root_to_add} to LIBRARY_ROOTS to allow it"
        )


class LoraNotFound(NotFound):
    """No LoRA has this id (or name), or it was deleted."""

    def __init__(self, reference: UUID | str) -> None:
        self.reference = reference
        super().__init__(f"there is no adapter {str(reference)!r}; it may have been deleted")


class NameTaken(Conflict):
    """Another LoRA that is not deleted has this name and version."""

    def __init__(self, name: str, version: str | None) -> None:
        self.name = name
        self.version = version
        which = f"version {version!r}" if version is not None else "no version"
        super().__init__(f"an adapter named {name!r} with {which} is already registered; choose another version")


class StaleRevision(Conflict):
    """The LoRA changed since the caller read it."""

    def __init__(self, expected: int, actual: int) -> None:
        self.expected = expected
        self.actual = actual
        super().__init__(f"the adapter is at revision {actual}, not {expected}; read it again and repeat the change")
