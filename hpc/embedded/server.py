"""The server of the embedded database: a program of its own, `python -m natrium.hpc.embedded.server --data FOLDER`.

SecantusDB (GPL-2.0-only) speaks the MongoDB protocol on WiredTiger. It is imported in this process only; natrium talks
to it through a socket on the loopback interface, with a password. Four things differ from SecantusDB's own program:
writes are carried out one at a time (see `serialise_writes`), a query for the first documents reads no others (see
`stop_at_the_limit`), every acknowledged write is on disk, and the server ends by itself when no client has been there
for a while.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from natrium.hpc.embedded.first_documents import stop_at_the_limit
from natrium.hpc.embedded.folder import USER, DatabaseFolder, ServerRecord, boot_id, locked, process_start
from natrium.hpc.embedded.half_made_tables import drop_half_made_tables
from natrium.version import __version__

TESTED_VERSION = "0.7.0b3"
WRITES = ("insert", "update", "delete", "findAndModify", "findandmodify", "bulkWrite")
SCRAM_ITERATIONS = 4096
"""The least that clients accept. More would only slow down guessing, which 256 random bits make hopeless already."""
CACHE = "256M"
LARGEST_LOG_BYTES = 5_000_000
ALREADY_SERVED = 3

log = logging.getLogger("natrium.database")


def serialise_writes() -> None:
    """Carry out one write at a time.

    In SecantusDB 0.7.0b3 findAndModify reads the document that it returns (the one before the change) before it writes,
    so that two clients may draw the same number from a counter. FireWorks takes its ids that way. Statements of a
    transaction pass: they conflict properly, and a writer that waits for a transaction's end must not keep it from it.
    """
    from secantus import commands

    lock = threading.RLock()

    def one_at_a_time(handler: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @functools.wraps(handler)
        def write(document: dict[str, Any], context: Any) -> dict[str, Any]:
            if document.get("autocommit") is False:
                return handler(document, context)
            with lock:
                return handler(document, context)

        return write

    handlers = commands._HANDLERS
    for name in WRITES:
        handlers[name] = one_at_a_time(handlers[name])


def free_port(wanted: int | None) -> int:
    """The wanted port if nobody has it, else 0: the system's choice.

    A server that follows a killed one takes its port over, because that is where the clients look for it.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", wanted or 0))
            return wanted or 0
    log.warning("port %s of the last server is taken: clients of that server will not find this one", wanted)
    return 0


@contextlib.contextmanager
def serving(folder: DatabaseFolder) -> Iterator[None]:
    """Serve the folder as long as the block runs; end with a checkpoint."""
    import secantus
    from secantus.auth import derive_credentials

    if secantus.__version__ != TESTED_VERSION:
        log.warning("SecantusDB %s is not the tested version, %s", secantus.__version__, TESTED_VERSION)
    serialise_writes()
    stop_at_the_limit()
    for table in drop_half_made_tables(folder.storage):
        log.warning("%s was being made when the last server was killed: dropped, nothing was in it", table)
    last = folder.read_record()
    server = secantus.SecantusDBServer(
        host="127.0.0.1",
        port=free_port(last.port if last else None),
        storage_path=str(folder.storage),
        require_auth=True,
        enable_test_commands=False,
        sync_on_commit=True,
        durable=True,
        cache_size=CACHE,
        ttl_sweep_seconds=0,
        client_idle_timeout_s=86400.0,
        # The log of operations is written only because transactions and retried writes need a replica set of one.
        oplog_retention_seconds=60.0,
        oplog_max_entries=1000,
    )
    user = {
        "_id": f"admin.{USER}",
        "user": USER,
        "db": "admin",
        "credentials": derive_credentials(folder.password(), iterations=SCRAM_ITERATIONS).to_doc(),
        "roles": [{"role": "root", "db": "admin"}],
        "mechanisms": ["SCRAM-SHA-256"],
    }
    server.storage.add_user("admin", USER, user, replace=True)
    server.start()
    started = process_start(os.getpid())
    assert started is not None
    folder.write_record(
        ServerRecord(
            pid=os.getpid(),
            pid_start=started,
            boot=boot_id(),
            host=socket.gethostname(),
            port=server.address[1],
            started=datetime.now().astimezone().isoformat(timespec="seconds"),
            version=f"natrium {__version__}, SecantusDB {secantus.__version__}",
        )
    )
    log.info("process %d serves %s on port %d", os.getpid(), folder.path, server.address[1])
    try:
        yield
    finally:
        # First the record, then the end: clients take a server that left its record behind for a crashed one.
        folder.record_file.unlink(missing_ok=True)
        if server._socket is not None:
            server._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts; stop() would wait 2 s for it
        server.stop()
        log.info("stopped")


def wait_for_the_end(folder: DatabaseFolder, idle_s: float | None, asked: threading.Event) -> contextlib.ExitStack:
    """Wait until asked to end, or until no client has been there for `idle_s`; None waits for ever.

    Returns what must be held until the process ends: the start lock, when the server ends by itself, so that a client
    which comes meanwhile waits for the end and then starts a new server.
    """
    held = contextlib.ExitStack()
    if idle_s is None:
        asked.wait()
        return held
    last_seen = time.monotonic()
    while not asked.wait(min(idle_s / 4, 2.0)):
        try:
            with locked(folder.clients_lock):
                alone = not folder.persistent_marker.exists()
        except TimeoutError:
            alone = False
        if not alone:
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen >= idle_s:
            with contextlib.suppress(TimeoutError):
                held.enter_context(locked(folder.start_lock))
                with locked(folder.clients_lock):
                    log.info("no client for %g s", idle_s)
                    return held
            held.close()
            last_seen = time.monotonic()
    return held


def main(arguments: list[str] | None = None) -> int:
    """Run the server until SIGTERM, SIGINT, or until it is alone."""
    parser = argparse.ArgumentParser(prog="python -m natrium.hpc.embedded.server")
    parser.add_argument("--data", type=Path, required=True, help="the database folder")
    parser.add_argument("--idle", type=float, help="end after so many seconds without a client; default: never")
    parser.add_argument("--ready-fd", type=int, help="go to the background and report there: process id, then 'ready'")
    options = parser.parse_args(arguments)
    folder = DatabaseFolder(options.data.resolve())
    if options.ready_fd is not None:
        if os.fork():
            os._exit(0)
        os.set_inheritable(options.ready_fd, False)
        os.write(options.ready_fd, f"{os.getpid()}\n".encode())
    os.umask(0o077)
    folder.create()
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        # Two seconds: somebody may just be looking whether the lock is held, or the last server may be on its way out.
        with locked(folder.server_lock, patience_s=2.0), serving(folder):
            if options.ready_fd is not None:
                os.write(options.ready_fd, b"ready\n")
                os.close(options.ready_fd)
            held = wait_for_the_end(folder, options.idle, asked)
    except TimeoutError:
        log.error("%s is served by another process already: %s", folder.path, folder.read_record())
        return ALREADY_SERVED
    held.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
