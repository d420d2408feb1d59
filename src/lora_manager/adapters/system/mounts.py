"""What the machine tells of its file systems."""

import os

_TABLE = "/proc/self/mountinfo"  # Source: proc_pid_mountinfo(5)
_DEVICE = 2  # the field
_REMOTE = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "drvfs", "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone",
    "fuse.s3fs", "fuse.sshfs", "gfs2", "lustre", "nfs", "nfs4", "ocfs2", "prl_fs", "smb3", "smbfs", "vboxsf",
})  # fmt: skip


def remote_file_system_of(path: str, table: str = _TABLE) -> str | None:
    """The kind of the file system that a path lies on, if another machine may write to it at the same time.

    None, too, where the system does not tell: only Linux has this table.

    :raises OSError: there is no such path
    """
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open(table, encoding="utf-8", errors="replace") as lines:
            kinds = {_kind(line) for line in lines if line.split()[_DEVICE] == wanted}
    except OSError:
        return None
    return next(iter(kinds & _REMOTE), None)


def _kind(line: str) -> str:
    _, _, rest = line.partition(" - ")
    return rest.split()[0]
