"""The folder of an embedded database: its files, its locks, and which process serves it.

Whether somebody lives is asked of the kernel, through locks that it releases with the process, whatever ended it:
`server.lock` is held by the one server, `clients.lock` is shared by every client, `start.lock` is held while a server
is started or stopped. The process id in server.json is believed only together with the time that process started.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from natrium.structures.errors import NatriumError

USER = "natrium"


class DatabaseError(NatriumError):
    """The database cannot be started, reached or stopped."""

    exit_code = 4


def boot_id() -> str:
    """The identity of this start of this kernel: another one means that no process of the record can live here."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def process_start(pid: int) -> int | None:
    """When a process started, clock ticks since boot; None if there is none (a zombie is none)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # the command's name may contain blanks and brackets
    return None if state in "ZX" else int(fields[18])


@dataclass(frozen=True)
class ServerRecord:
    """server.json: which process serves the folder, and where it listens."""

    pid: int
    pid_start: int
    boot: str
    host: str
    port: int
    started: str
    version: str

    @property
    def is_this_process_alive(self) -> bool:
        """Whether the very process that wrote the record lives, not one that was given its number later."""
        return self.boot == boot_id() and process_start(self.pid) == self.pid_start


@dataclass(frozen=True)
class DatabaseFolder:
    """The files of one embedded database. Everything in it is for its owner alone: login nodes are shared."""

    path: Path

    @property
    def record_file(self) -> Path:
        """Which process serves the folder; removed by a clean stop."""
        return self.path / "server.json"

    @property
    def log_file(self) -> Path:
        """What the server said, the last start at the end."""
        return self.path / "server.log"

    @property
    def storage(self) -> Path:
        """WiredTiger's files."""
        return self.path / "wiredtiger"

    @property
    def persistent_marker(self) -> Path:
        """While it exists, the server stays without clients."""
        return self.path / "persistent"

    @property
    def server_lock(self) -> Path:
        """Held by the server as long as it lives."""
        return self.path / "server.lock"

    @property
    def start_lock(self) -> Path:
        """Held while a server is started or stopped."""
        return self.path / "start.lock"

    @property
    def clients_lock(self) -> Path:
        """Shared by all clients as long as they live."""
        return self.path / "clients.lock"

    def create(self) -> None:
        """Make the folder, open to its owner only.

        Raises:
            DatabaseError: It cannot be made, or belongs to somebody else.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as error:
            raise DatabaseError(
                f"the database folder {self.path} cannot be used: {error.strerror}",
                "set NATRIUM_DATA_DIR to a folder of your own on a local disk",
            ) from error

    def password(self) -> str:
        """The password of this folder's server; made at the first call, readable by the owner only."""
        file = self.path / "password"
        if not file.exists():
            draft = file.with_name(f"password.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(secrets.token_urlsafe(32))
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)  # unlike a rename, this never replaces the password of a faster process
            draft.unlink()
        return file.read_text()

    def uri(self, record: ServerRecord) -> str:
        """The address of the server with the password in it: for a MongoDB client, never for a person or a document."""
        return f"mongodb://{USER}:{self.password()}@127.0.0.1:{record.port}/?authSource=admin&directConnection=true"

    def read_record(self) -> ServerRecord | None:
        """The last server's record, whether or not it lives."""
        try:
            return ServerRecord(**json.loads(self.record_file.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def write_record(self, record: ServerRecord) -> None:
        """Replace server.json in one step, so that nobody reads half of it."""
        draft = self.record_file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(self.record_file)

    def serving(self) -> ServerRecord | None:
        """The living server's record; None where none lives, and while one starts or ends.

        Raises:
            DatabaseError: A server on another machine, or in another container, has the folder.
        """
        record = self.read_record()
        if record is None:
            return None
        held = is_locked(self.server_lock)
        if held and record.is_this_process_alive:
            return record
        here = socket.gethostname()
        if record.host != here and (held or record.boot != boot_id()):
            raise DatabaseError(
                f"the database folder {self.path} belongs to a server on {record.host} (process {record.pid}),"
                f" this is {here}",
                f"work there, or stop it there with `natrium db stop`, or set NATRIUM_DATA_DIR to a folder on a disk of"
                f" this machine; if {record.host} is gone for good, remove {self.record_file}",
            )
        return None

    def log_tail(self, lines: int = 15) -> str:
        """The end of the server's log."""
        if not self.log_file.exists():
            return f"(there is no {self.log_file})"
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def clients(self) -> tuple[int, ...]:
        """Process ids that hold the clients' lock, from the kernel's list of locks."""
        if not self.clients_lock.exists():
            return ()
        inode = str(self.clients_lock.stat().st_ino)
        rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        holders = [row[4] for row in rows if row[1:4:2] == ["FLOCK", "READ"] and row[5].rpartition(":")[2] == inode]
        return tuple(sorted(map(int, holders)))

    def size_mb(self) -> float:
        """What the folder takes on disk, MB."""
        total = 0
        for file in self.path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # WiredTiger removes old logs while we look
                total += file.stat().st_size
        return total / 1e6


@contextlib.contextmanager
def locked(path: Path, *, shared: bool = False, patience_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file as long as the block runs.

    Raises:
        TimeoutError: Somebody else held it all the time.
    """
    deadline = time.monotonic() + patience_s
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError(str(path)) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock exclusively."""
    try:
        with locked(path, shared=True):
            return False
    except TimeoutError:
        return True
