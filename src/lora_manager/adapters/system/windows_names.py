"""What Windows makes of names: some are devices in every folder, some lose their end, some lead out of the file system.

Pure functions of text, so that they can be tested anywhere. Source: Microsoft, "Naming Files, Paths, and Namespaces".
"""

import ntpath
import re
from collections.abc import Iterable

_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])[ ]*(?:[.:].*)?", re.IGNORECASE)
_UNFIT = re.compile(r'[<>:"|?*\x00-\x1f]')  # a colon would name a stream beside the file's own content
_NAMESPACES = ("\\\\.\\", "\\\\?\\", "\\??\\")


def unfit_name(name: str) -> str | None:
    """Why no file or folder can have this name, or None.

    >>> unfit_name("nul.safetensors")
    'Windows takes it for a device'
    """
    if _DEVICES.fullmatch(name):
        return "Windows takes it for a device"
    if _UNFIT.search(name):
        return 'Windows allows none of < > : " | ? * and control characters in a name'
    if name.endswith((".", " ")):
        return "Windows cuts off a dot or space at its end"
    return None


def unfit_path(path: str, roots: Iterable[str]) -> str | None:
    r"""Why a path cannot lie in a root, or None; told before anybody looks, as looking at a share tells who looks.

    >>> unfit_path(r"\\elsewhere\share\ink.safetensors", [r"D:\loras"])
    'it lies on another drive or share than every library root'

    :param roots: absolute
    """
    straight = path.replace("/", "\\")
    if straight.startswith(_NAMESPACES):
        return "it names a device"
    drive, below = ntpath.splitdrive(straight)
    if not drive or not below.startswith("\\"):
        return "it must begin with a drive and a backslash, or with a share"
    if ntpath.normcase(drive) not in {ntpath.normcase(ntpath.splitdrive(root)[0]) for root in roots}:
        return "it lies on another drive or share than every library root"
    names = [name for name in below.split("\\") if name not in {"", ".", ".."}]
    return next((f"{name!r}: {reason}" for name in names if (reason := unfit_name(name))), None)
