"""Why a file cannot be read, in the domain's words."""

import errno
import os
from collections.abc import Sequence

from lora_manager.domain.errors import FileMissing, FileNotReadable, OutsideLibrary

SCHEME = "s3://"
CHANGED = "it changed while it was read; try again when nothing writes to it"
TOO_LONG = "it, or a name in it, is longer than the file system allows"
_REASONS = {
    errno.EACCES: "permission denied; let the user that runs the service read it",
    errno.EPERM: "permission denied; let the user that runs the service read it",
    errno.EISDIR: "a folder, not a file",
    errno.ELOOP: "a link that leads in a circle",
    errno.ENAMETOOLONG: TOO_LONG,
    errno.EIO: "the disk could not read it (input/output error); check the disk",
}


def translate(path: str, error: OSError) -> FileNotReadable:
    """The domain's error for what the system refused."""
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if os.path.islink(path):
            return FileNotReadable(path, "a link that leads nowhere")
        return FileMissing(path)
    return FileNotReadable(path, _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__)


class OutsideBucket(OutsideLibrary):
    """A path in object storage leads outside what the service may read there, if it may read any."""

    def __init__(self, path: str, roots: Sequence[str]) -> None:
        super().__init__(path, path.rpartition("/")[0], roots)
        known = ", ".join(roots) or "none"
        bucket = path.removeprefix(SCHEME).partition("/")[0]
        way_out = f"set S3_BUCKET to {bucket} and S3_PREFIX to a folder above it, or to nothing, to allow it"
        written = path.encode(errors="backslashreplace").decode()
        self.args = (f"{written} lies outside the library roots ({known}); {way_out}",)
