"""Starting, sharing, watching and stopping the server of an embedded database.

A calculation writes `with connected(folder) as uri:`. The first one starts the server, all others share it, and the
server ends by itself some time after the last. `start` and `stop` are for people who want it to stay.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from natrium.hpc.embedded.folder import USER, DatabaseError, DatabaseFolder, ServerRecord, is_locked, locked

IDLE_S = 60.0
START_PATIENCE_S = 60.0
"""A start takes half a second; recovery after a crash reads the journal, which takes longer on a slow disk."""
STOP_PATIENCE_S = 30.0
PING_PATIENCE_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DatabaseStatus:
    """What `natrium db status` shows."""

    running: bool
    data_dir: Path
    size_mb: float
    persistent: bool
    clients: tuple[int, ...] = ()
    """Processes that use it."""
    pid: int | None = None
    uri: str | None = None
    """Without the password."""
    started: str | None = None
    version: str | None = None


@contextlib.contextmanager
def connected(data_dir: Path, *, idle_s: float = IDLE_S) -> Iterator[str]:
    """The address of the folder's server, started or shared, which runs as long as the block does.

    A server that dies meanwhile (out of memory, kill -9) is started again on the same port, so that MongoDB clients
    with some patience go on. A server that somebody stops stays stopped.

    Args:
        data_dir: The database folder, made if it does not exist.
        idle_s: How long a server started here stays after its last client, s.

    Yields:
        A MongoDB address with the password in it: not for people, logs or documents.

    Raises:
        DatabaseError: The server cannot be started or reached, or the folder is in use on another machine.
    """
    folder = DatabaseFolder(data_dir.resolve())
    folder.create()
    with locked(folder.clients_lock, shared=True, patience_s=5.0):
        record = _ensure_server(folder, idle_s)
        ended = os.eventfd(0, os.EFD_CLOEXEC)
        watch = threading.Thread(target=_keep_alive, args=(folder, idle_s, record, ended), daemon=True)
        watch.start()
        try:
            yield folder.uri(record)
        finally:
            os.eventfd_write(ended, 1)
            watch.join()
            os.close(ended)


def start(data_dir: Path, *, persistent: bool = True, idle_s: float = IDLE_S) -> DatabaseStatus:
    """Start the server if it does not run; a persistent one stays until `stop`.

    Raises:
        DatabaseError: The server cannot be started or reached, or the folder is in use on another machine.
    """
    folder = DatabaseFolder(data_dir.resolve())
    folder.create()
    if persistent:
        folder.persistent_marker.touch()
    _ensure_server(folder, idle_s)
    return status(data_dir)


def stop(data_dir: Path, *, force: bool = False) -> DatabaseStatus:
    """Stop the server cleanly; nothing happens where none runs.

    Args:
        data_dir: The database folder.
        force: Stop it even though processes use it.

    Raises:
        DatabaseError: Processes use it, it does not end, or it runs on another machine.
    """
    folder = DatabaseFolder(data_dir.resolve())
    if not folder.path.is_dir():
        return status(data_dir)
    with _start_lock(folder):
        record = _serving_soon(folder)
        clients = folder.clients()
        if record and clients and not force:
            raise DatabaseError(
                f"the database in {folder.path} is used by the processes {', '.join(map(str, clients))}",
                "wait for them or end them first; --force stops the database under them, which makes them fail",
            )
        folder.persistent_marker.unlink(missing_ok=True)
        if record:
            _terminate(folder, record)
    return status(data_dir)


def status(data_dir: Path) -> DatabaseStatus:
    """What runs on the folder, without starting or changing anything.

    Raises:
        DatabaseError: The folder is in use on another machine.
    """
    folder = DatabaseFolder(data_dir.resolve())
    record = folder.serving()
    return DatabaseStatus(
        running=record is not None,
        data_dir=folder.path,
        size_mb=folder.size_mb(),
        persistent=folder.persistent_marker.exists(),
        clients=folder.clients() if record else (),
        pid=record.pid if record else None,
        uri=f"mongodb://{USER}:***@127.0.0.1:{record.port}/" if record else None,
        started=record.started if record else None,
        version=record.version if record else None,
    )


@contextlib.contextmanager
def _start_lock(folder: DatabaseFolder) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder.start_lock, patience_s=START_PATIENCE_S + STOP_PATIENCE_S))
        except TimeoutError:
            raise DatabaseError(
                f"another process has been starting or stopping the database in {folder.path} for"
                f" {START_PATIENCE_S + STOP_PATIENCE_S:g} s",
                f"find it with `fuser {folder.start_lock}` and end it",
            ) from None
        yield


def _ensure_server(folder: DatabaseFolder, idle_s: float) -> ServerRecord:
    with _start_lock(folder):
        while True:
            record = _serving_soon(folder) or _start_process(folder, idle_s)
            try:
                _ping(folder, record)
            except DatabaseError:
                if record.is_this_process_alive:
                    raise  # and if it died just now, the next one is started
            else:
                return record


def _serving_soon(folder: DatabaseFolder) -> ServerRecord | None:
    """The living server, after one that is starting or ending has done so; None where the folder is free."""
    deadline = time.monotonic() + STOP_PATIENCE_S
    while (record := folder.serving()) is None and is_locked(folder.server_lock):
        if time.monotonic() >= deadline:
            raise DatabaseError(
                f"a process has held the database in {folder.path} for {STOP_PATIENCE_S:g} s without serving it",
                f"find it with `fuser {folder.server_lock}` and end it",
            )
        time.sleep(0.02)
    return record


def _start_process(folder: DatabaseFolder, idle_s: float) -> ServerRecord:
    ready, report = os.pipe()
    command = [sys.executable, "-P", "-m", "natrium.hpc.embedded.server"]
    options = ["--data", str(folder.path), "--idle", str(idle_s), "--ready-fd", str(report)]
    with open(folder.log_file, "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
        # A session of its own: Ctrl-C in the terminal of this client ends the client, not the database.
        launcher = subprocess.Popen(
            command + options,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.path,
            start_new_session=True,
            pass_fds=(report,),
        )
    os.close(report)
    said, timed_out = _read_until_ready(ready)
    launcher.wait()
    record = folder.read_record()
    if said.endswith("ready\n") and record is not None:
        return record
    if timed_out and said:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(said.split()[0]), signal.SIGKILL)
    how = f"was not ready after {START_PATIENCE_S:g} s" if timed_out else "ended while it started"
    raise DatabaseError(
        f"the server of the database in {folder.path} {how}; the end of its log:\n{folder.log_tail()}",
        f"look at {folder.log_file}; a full or network disk is the usual reason: NATRIUM_DATA_DIR chooses another one,"
        " NATRIUM_DATABASE_URI a MongoDB server",
    )


def _read_until_ready(ready: int) -> tuple[str, bool]:
    said = b""
    deadline = time.monotonic() + START_PATIENCE_S
    try:
        while not said.endswith(b"ready\n"):
            if not select.select([ready], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return said.decode(), True
            piece = os.read(ready, 100)
            if not piece:
                break
            said += piece
    finally:
        os.close(ready)
    return said.decode(), False


def _ping(folder: DatabaseFolder, record: ServerRecord) -> None:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    limits = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS")
    patience: dict[str, Any] = dict.fromkeys(limits, int(PING_PATIENCE_S * 1000))
    try:
        with MongoClient[dict[str, Any]](folder.uri(record), **patience) as client:
            client.admin.command("ping")
            client.admin.command("connectionStatus")  # unlike ping, this needs the password
    except PyMongoError as error:
        raise DatabaseError(
            f"the database server (process {record.pid}, port {record.port}) does not answer: {error}; the end of its"
            f" log:\n{folder.log_tail()}",
            "stop it with `natrium db stop --force` and try again",
        ) from error


def _keep_alive(folder: DatabaseFolder, idle_s: float, record: ServerRecord, ended: int) -> None:
    """Start the server again when it dies, until `ended` is written to."""
    while _outlived(record, ended):
        if folder.read_record() is None:
            log.warning("the database in %s was stopped", folder.path)
            return
        log.warning("the database server (process %d) died; starting it again", record.pid)
        try:
            record = _ensure_server(folder, idle_s)
        except DatabaseError as error:
            log.error("%s", error)
            return


def _outlived(record: ServerRecord, ended: int) -> bool:
    """Wait for the end of the server (True) or of this client's work (False)."""
    try:
        process = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return True
    try:
        if not record.is_this_process_alive:
            return True
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.register(ended, select.POLLIN)
        return ended not in [descriptor for descriptor, _ in poll.poll()]
    finally:
        os.close(process)


def _terminate(folder: DatabaseFolder, record: ServerRecord) -> None:
    try:
        process = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return
    try:
        if not record.is_this_process_alive:
            return
        signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], STOP_PATIENCE_S)[0]:
            raise DatabaseError(
                f"the database server (process {record.pid}) did not end within {STOP_PATIENCE_S:g} s",
                f"look at {folder.log_file}; `kill -9 {record.pid}` loses nothing that was acknowledged",
            )
    finally:
        os.close(process)
