"""Keys in a file: who may read it, who writes it when, and what keeps everybody out."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_manager.adapters.blobs.locking import locked
from lora_manager.adapters.keys.document import write_document
from lora_manager.adapters.keys.file import FileKeyStore
from lora_manager.domain.errors import Unavailable
from lora_manager.testing.strategies import EPOCH
from tests.contract.key_stores import Watch, a_key
from tests.permissions import NOBODY, folder_for_anyone, unprivileged

ROOT = Path(__file__).resolve().parents[4]
LOOK = 0.5  # seconds from one look at the file to the next


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "api-keys.json"


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(path: Path, watch: Watch) -> FileKeyStore:
    return FileKeyStore(str(path), watch)


def another(path: Path) -> FileKeyStore:
    """A store of another process."""
    return FileKeyStore(str(path))


def why_not(ask: Callable[[], object]) -> str:
    with pytest.raises(Unavailable) as caught:
        ask()
    return str(caught.value)


def keeps_everybody_out(store: FileKeyStore) -> str:
    """The reason, which every question gets for an answer."""
    reasons = {why_not(ask) for ask in (store.are_kept, store.all, lambda: store.find(a_key(1).id))}
    assert len(reasons) == 1
    return reasons.pop()


def test_only_its_owner_may_read_the_file(store: FileKeyStore, path: Path) -> None:
    for number in (1, 2):
        store.put(a_key(number))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_open_to_others_is_not_after_a_change(store: FileKeyStore, path: Path) -> None:
    store.put(a_key(1))
    path.chmod(0o644)
    store.put(a_key(2))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_written_is_never_open_to_others_for_a_moment(
    store: FileKeyStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    genuine = os.open

    def noting(name: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        descriptor = genuine(name, flags, mode, dir_fd=dir_fd)
        if str(path) in name and not name.endswith(".lock"):
            modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    before = os.umask(0)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", noting)
            store.put(a_key(1))
            store.put(a_key(2))
    finally:
        os.umask(before)

    assert modes != []
    assert set(modes) == {0o600}


def test_nothing_is_left_beside_the_file_but_its_lock(store: FileKeyStore, path: Path) -> None:
    store.put(a_key(1))
    store.put(a_key(2))
    assert sorted(os.listdir(path.parent)) == ["api-keys.json", "api-keys.json.lock"]


def test_looking_makes_nothing(store: FileKeyStore, path: Path) -> None:
    assert not store.are_kept()
    assert list(store.all()) == []
    assert not path.parent.exists()


def test_all_is_on_the_disk_before_the_file_takes_its_place(
    store: FileKeyStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, move = os.fsync, os.replace

    def noting_sync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        steps.append(f"sync {kind}")
        sync(descriptor)

    def noting_move(source: str, target: str) -> None:
        steps.append("move")
        move(source, target)

    path.parent.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", noting_sync)
        patch.setattr(os, "replace", noting_move)
        store.put(a_key(1))

    assert steps == ["sync file", "move", "sync folder"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device; let the user that runs this command write to its folder"),
        (errno.EROFS, "Read-only file system; it is mounted read-only: change the keys where the file comes from"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_disk_that_fails_is_named_and_keeps_what_was_there(
    store: FileKeyStore, path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    store.put(a_key(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        reason = why_not(lambda: store.put(a_key(2)))

    assert reason.startswith(f"cannot write the API keys to {path}: {words}")
    assert list(store.all()) == [a_key(1)]
    assert sorted(os.listdir(path.parent)) == ["api-keys.json", "api-keys.json.lock"]


def test_a_folder_that_may_not_be_written_is_named() -> None:
    with folder_for_anyone() as folder:
        path = folder / "api-keys.json"
        another(path).put(a_key(1))
        path.chmod(0o644)
        folder.chmod(0o555)
        with unprivileged():
            reason = why_not(lambda: another(path).put(a_key(2)))
            assert list(another(path).all()) == [a_key(1)]

    assert reason.startswith(f"cannot write the API keys to {path}: Permission denied; ")
    assert "API_KEYS_FILE" in reason


def test_a_file_that_may_not_be_read_keeps_everybody_out() -> None:
    with folder_for_anyone() as folder:
        path = folder / "api-keys.json"
        another(path).put(a_key(1))
        with unprivileged():
            if os.access(path, os.R_OK, effective_ids=True):
                path.chmod(0o000)
            reason = keeps_everybody_out(another(path))

    assert reason.startswith(f"the API keys in {path} cannot be read: Permission denied; let the user that runs")


def test_a_folder_that_may_not_be_entered_does_not_count_as_one_without_keys() -> None:
    with folder_for_anyone() as folder:
        closed = folder / "closed"
        another(closed / "api-keys.json").put(a_key(1))
        closed.chmod(0o000)
        with unprivileged():
            assert "Permission denied" in keeps_everybody_out(another(closed / "api-keys.json"))
        closed.chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can replace the file of another user")
def test_what_root_replaces_stays_its_owners(store: FileKeyStore, path: Path) -> None:
    store.put(a_key(1))
    os.chown(path, NOBODY, -1)
    store.put(a_key(2))
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (NOBODY, 0o600)


def test_a_file_that_was_deleted_keeps_everybody_out(store: FileKeyStore, path: Path, watch: Watch) -> None:
    store.put(a_key(1))
    path.unlink()
    watch.seconds += LOOK

    reason = keeps_everybody_out(store)

    assert reason.startswith(f"the API keys in {path} are gone")
    assert "put the file back, or make new keys with `lora-manager keys create`" in reason


def test_a_file_that_was_deleted_before_the_first_look_keeps_everybody_out(path: Path, watch: Watch) -> None:
    another(path).put(a_key(1))
    store = FileKeyStore(str(path), watch)
    path.unlink()
    assert "are gone" in keeps_everybody_out(store)


def test_a_file_that_came_later_and_was_deleted_keeps_everybody_out(
    store: FileKeyStore, path: Path, watch: Watch
) -> None:
    assert not store.are_kept()
    another(path).put(a_key(1))
    watch.seconds += LOOK
    assert store.are_kept()

    path.unlink()
    watch.seconds += LOOK

    assert "are gone" in keeps_everybody_out(store)


def test_a_file_that_was_deleted_with_its_folder_keeps_everybody_out(
    store: FileKeyStore, path: Path, watch: Watch
) -> None:
    store.put(a_key(1))
    path.parent.rename(path.parent.parent / "elsewhere")
    watch.seconds += LOOK
    assert "are gone" in keeps_everybody_out(store)


def test_new_keys_let_in_again_where_the_file_was_deleted(store: FileKeyStore, path: Path, watch: Watch) -> None:
    store.put(a_key(1))
    path.unlink()
    watch.seconds += LOOK
    assert "are gone" in why_not(store.are_kept)

    another(path).put(a_key(2))
    watch.seconds += LOOK

    assert store.find(a_key(2).id) == a_key(2)
    assert store.find(a_key(1).id) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "Expecting value"), (b'{"version": 2}', "version 2"), (b'{"version": 1, "keys": [{}]}', "id")],
    ids=["empty", "of another version", "with a key of nothing"],
)
def test_a_damaged_file_keeps_everybody_out_and_is_not_written_over(
    store: FileKeyStore, path: Path, watch: Watch, content: bytes, words: str
) -> None:
    store.put(a_key(1))
    path.write_bytes(content)
    watch.seconds += LOOK

    reason = keeps_everybody_out(store)

    assert reason.startswith(f"the API keys in {path} are damaged: ")
    assert words in reason
    assert reason.endswith("correct the file, or put an earlier one back")
    assert why_not(lambda: store.put(a_key(2))) == reason
    assert path.read_bytes() == content


def test_a_file_without_keys_lets_nobody_in(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(write_document([]))
    store = another(path)
    assert store.are_kept()
    assert store.find(a_key(1).id) is None


def test_a_file_that_is_repaired_lets_in_again(store: FileKeyStore, path: Path, watch: Watch) -> None:
    store.put(a_key(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    watch.seconds += LOOK
    assert "damaged" in why_not(store.are_kept)

    path.write_bytes(whole)
    watch.seconds += LOOK

    assert store.find(a_key(1).id) == a_key(1)


def test_what_is_no_file_keeps_everybody_out(path: Path) -> None:
    path.mkdir(parents=True)
    assert "Is a directory" in keeps_everybody_out(another(path))
    path.rmdir()
    os.mkfifo(path)
    assert "is no regular file" in keeps_everybody_out(another(path))


def test_a_file_in_the_place_of_the_folder_is_named(path: Path) -> None:
    path.parent.touch()
    assert "Not a directory" in keeps_everybody_out(another(path))
    assert str(path) in why_not(lambda: another(path).put(a_key(1)))


def test_the_file_is_looked_at_twice_a_second_at_most(
    store: FileKeyStore, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(a_key(1))
    looks: list[str] = []
    for name in ("stat", "open"):
        genuine = getattr(os, name)

        def noting(place: str, *more: int, _name: str = name, _genuine: Callable[..., object] = genuine) -> object:
            looks.append(_name)
            return _genuine(place, *more)

        monkeypatch.setattr(os, name, noting)

    for step in range(40):  # two seconds
        watch.seconds = step / 20
        assert store.are_kept()
        assert store.find(a_key(1).id) == a_key(1)

    assert looks == ["open", "stat", "stat", "stat"]


def test_a_file_that_cannot_be_read_is_tried_twice_a_second_at_most(
    store: FileKeyStore, path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    opened: list[str] = []
    genuine = os.open

    def noting(place: str, flags: int) -> int:
        opened.append(place)
        return genuine(place, flags)

    monkeypatch.setattr(os, "open", noting)
    for step in range(20):  # a second
        watch.seconds = step / 20
        why_not(store.are_kept)

    assert opened == [str(path)] * 2


def test_a_change_in_place_is_seen(store: FileKeyStore, path: Path, watch: Watch) -> None:
    store.put(a_key(1))
    assert store.find(a_key(2).id) is None

    path.write_bytes(write_document([a_key(1), a_key(2)]))
    watch.seconds += LOOK

    assert store.find(a_key(2).id) == a_key(2)


def test_a_file_that_is_mounted_by_links_is_read_and_followed(tmp_path: Path, watch: Watch) -> None:
    """As Kubernetes mounts a Secret: the file is a link through ``..data``, which is swapped for another folder."""
    for number, folder in enumerate(("..2026_01_01", "..2026_01_02"), start=1):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "api-keys.json").write_bytes(write_document([a_key(number)]))
    (tmp_path / "..data").symlink_to("..2026_01_01")
    (tmp_path / "api-keys.json").symlink_to("..data/api-keys.json")
    store = FileKeyStore(str(tmp_path / "api-keys.json"), watch)
    assert list(store.all()) == [a_key(1)]
    assert store.find(a_key(1).id) == a_key(1)

    (tmp_path / "..new").symlink_to("..2026_01_02")
    (tmp_path / "..new").replace(tmp_path / "..data")
    watch.seconds += LOOK
    assert store.find(a_key(1).id) is None
    assert store.find(a_key(2).id) == a_key(2)

    (tmp_path / "..data").unlink()
    watch.seconds += LOOK
    assert "are gone" in keeps_everybody_out(store)


def test_a_link_that_leads_nowhere_does_not_count_as_no_keys(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("nowhere.json")
    assert "are gone" in keeps_everybody_out(another(path))


def test_writing_through_a_link_leaves_it_a_link(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "vault" / "genuine.json")
    store = another(path)

    store.put(a_key(1))
    store.put(a_key(2))

    assert path.is_symlink()
    assert sorted(os.listdir(tmp_path / "vault")) == ["genuine.json", "genuine.json.lock"]
    assert list(another(path).all()) == [a_key(1), a_key(2)]


ADD = """
import sys
from lora_manager.adapters.keys.file import FileKeyStore
from tests.contract.key_stores import a_key

path, first = sys.argv[1], int(sys.argv[2])
store = FileKeyStore(path)
print("ready", flush=True)
for number in range(first, first + 20):
    store.put(a_key(number))
"""


def start(code: str, path: Path, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, str(path), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_that_add_at_once_lose_nothing(path: Path) -> None:
    processes = [start(ADD, path, str(first)) for first in (100, 200, 300)]
    ends = [(process.communicate()[1], process.returncode) for process in processes]

    assert ends == [("", 0)] * 3
    wanted = [a_key(first + number) for first in (100, 200, 300) for number in range(20)]
    assert list(another(path).all()) == wanted


def test_whoever_adds_waits_for_the_lock_and_whoever_reads_does_not(path: Path) -> None:
    another(path).put(a_key(1))
    with locked(f"{path}.lock"):
        process = start(ADD, path, "100")
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert list(another(path).all()) == [a_key(1)]
        assert process.poll() is None
    assert process.communicate() == ("", "")
    assert len(another(path).all()) == 21


DIE = """
import os, signal, sys
from lora_manager.adapters.keys.file import FileKeyStore
from tests.contract.key_stores import a_key

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, sys.argv[2], die)
FileKeyStore(sys.argv[1]).put(a_key(2))
"""


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_crash_while_writing_leaves_the_old_file_and_nothing_in_the_way(path: Path, moment: str) -> None:
    another(path).put(a_key(1))

    process = start(DIE, path, moment)
    assert (process.communicate()[1], process.returncode) == ("", -signal.SIGKILL)
    assert list(another(path).all()) == [a_key(1)]

    another(path).put(a_key(3).revoked(now=EPOCH))
    assert [key.id for key in another(path).all()] == [a_key(1).id, a_key(3).id]
    assert sorted(os.listdir(path.parent)) == ["api-keys.json", "api-keys.json.lock"]
