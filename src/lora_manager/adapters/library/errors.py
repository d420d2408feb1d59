"""What the operating system says of a file, in the domain's words."""

import errno
import os

from lora_manager.domain.errors import FileMissing, FileNotReadable

_REASONS = {
    errno.EACCES: "permission denied; let the user that runs the service read it",
    errno.EPERM: "permission denied; let the user that runs the service read it",
    errno.EISDIR: "a folder, not a file",
    errno.ELOOP: "a link that leads in a circle",
    errno.EIO: "the disk could not read it (input/output error); check the disk",
}


def translate(path: str, error: OSError) -> FileNotReadable:
    """The domain's error for what the system refused."""
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if os.path.islink(path):
            return FileNotReadable(path, "a link that leads nowhere")
        return FileMissing(path)
    return FileNotReadable(path, _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__)
