"""The embedded database under the things that happen to it: many clients, kill -9, races, leftovers, strangers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure

from natrium.hpc.embedded.folder import DatabaseError, DatabaseFolder, ServerRecord, boot_id, process_start
from natrium.hpc.embedded.lifecycle import connected, start, status, stop

CLIENT = """
import sys
from pathlib import Path
from natrium.hpc.embedded.lifecycle import connected, status
folder = Path(sys.argv[1])
with connected(folder, idle_s=float(sys.argv[2])) as uri:
    print(status(folder).pid, flush=True)
    sys.stdin.read()
"""
COUNTER = """
import sys
from pymongo import MongoClient
counters = MongoClient(sys.argv[1], journal=True).x.counters
counters.find_one({})
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(counters.find_one_and_update({"_id": "next"}, {"$inc": {"n": 1}})["n"])  # as FireWorks takes its ids
"""


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "database"
    yield path
    if DatabaseFolder(path).record_file.exists():
        stop(path, force=True)


def launch(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def gone_after_s(path, limit_s):
    began = time.monotonic()
    while status(path).running:
        if time.monotonic() - began > limit_s:
            return None
        time.sleep(0.05)
    return time.monotonic() - began


def test_sixteen_clients_draw_every_number_once(folder):
    with connected(folder) as uri, MongoClient(uri) as client:
        client.x.counters.insert_one({"_id": "next", "n": 0})
        processes = [launch(COUNTER, uri, 25) for _ in range(16)]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        drawn = [int(number) for process in processes for number in process.communicate()[0].split()]
        assert sorted(drawn) == list(range(400))
        assert client.x.counters.find_one()["n"] == 400


def test_no_acknowledged_write_is_lost_when_the_server_is_killed(folder):
    acknowledged, ended = [[], []], threading.Event()

    def write(collection, own, offset):
        number = offset
        while not ended.is_set():
            try:
                collection.insert_one({"_id": number})
            except AutoReconnect:
                continue  # not acknowledged; the same number again
            except DuplicateKeyError:
                pass  # it had been written, the acknowledgement was lost
            own.append(number)
            number += 2

    with connected(folder) as uri, MongoClient(uri, journal=True, serverSelectionTimeoutMS=20_000) as client:
        threads = [threading.Thread(target=write, args=(client.x.y, acknowledged[k], k)) for k in (0, 1)]
        for thread in threads:
            thread.start()
        killed = []
        for pause_s in (0.3, 0.17, 0.61, 0.44):
            while (record := DatabaseFolder(folder).read_record()) is None or record.pid in killed or not alive(record):
                time.sleep(0.01)
            before = sum(map(len, acknowledged))
            while sum(map(len, acknowledged)) < before + 5:  # writing goes on after each restart
                time.sleep(0.01)
            time.sleep(pause_s)
            os.kill(record.pid, signal.SIGKILL)
            killed.append(record.pid)
        ended.set()
        for thread in threads:
            thread.join()
        assert {document["_id"] for document in client.x.y.find()} >= {*acknowledged[0], *acknowledged[1]}
        assert status(folder).pid not in killed


def alive(record):
    return process_start(record.pid) == record.pid_start


def test_clients_that_start_at_the_same_moment_share_one_server(folder):
    processes = [launch(CLIENT, folder, 60) for _ in range(4)]
    servers = {int(process.stdout.readline()) for process in processes}
    assert len(servers) == 1
    assert status(folder).clients == tuple(sorted(process.pid for process in processes))
    for process in processes:
        process.communicate()
    assert DatabaseFolder(folder).log_file.read_text().count(" serves ") == 1


def test_the_server_stays_with_its_clients_and_goes_after_them(folder):
    with connected(folder, idle_s=0.6):
        pid = status(folder).pid
        with connected(folder, idle_s=0.6):
            pass
        time.sleep(1.5)
        assert status(folder).pid == pid
    assert gone_after_s(folder, 5) > 0.3
    assert DatabaseFolder(folder).read_record() is None
    assert "no client for 0.6 s" in DatabaseFolder(folder).log_file.read_text()
    with connected(folder):
        assert status(folder).pid != pid


def test_a_killed_client_does_not_keep_the_server(folder):
    client = launch(CLIENT, folder, 0.6)
    client.stdout.readline()
    client.kill()
    client.communicate()
    assert gone_after_s(folder, 5) is not None


def test_clients_that_come_and_go_never_meet_a_closing_server(folder):
    for pause_s in (0.2, 0.22, 0.25, 0.28, 0.31):
        with connected(folder, idle_s=0.2) as uri, MongoClient(uri) as client:
            client.x.y.insert_one({"pause": pause_s})
        time.sleep(pause_s)
    with connected(folder) as uri, MongoClient(uri) as client:
        assert len(list(client.x.y.find())) == 5


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(folder):
    with connected(folder):
        pid = status(folder).pid
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)
        streams = [Path(f"/proc/{pid}/fd/{number}").readlink() for number in (0, 1, 2)]
        assert streams == [Path("/dev/null"), folder / "server.log", folder / "server.log"]


def test_persistent_until_stopped(folder):
    first = start(folder, idle_s=0.3)
    assert (first.running, first.persistent, first.clients) == (True, True, ())
    assert first.size_mb > 0
    assert first.uri.startswith("mongodb://natrium:***@127.0.0.1:")
    time.sleep(1.2)
    assert start(folder).pid == first.pid
    ended = stop(folder)
    assert (ended.running, ended.persistent, ended.pid, ended.uri) == (False, False, None, None)
    assert not process_start(first.pid)


def test_a_running_server_becomes_persistent(folder):
    with connected(folder, idle_s=0.3):
        pid = status(folder).pid
        assert start(folder).pid == pid
    time.sleep(1.0)
    assert status(folder).pid == pid


def test_data_is_there_after_a_clean_stop(folder):
    with connected(folder) as uri, MongoClient(uri) as client:
        client.x.y.insert_many([{"_id": number, "text": "Na" * 1000} for number in range(500)])
    stop(folder)
    assert DatabaseFolder(folder).log_file.read_text().endswith("stopped\n")
    with connected(folder) as uri, MongoClient(uri) as client:
        assert sum(document["_id"] for document in client.x.y.find()) == 499 * 250


def test_a_server_in_use_is_stopped_only_by_force_and_stays_stopped(folder):
    with connected(folder):
        with pytest.raises(DatabaseError, match=f"used by the processes {os.getpid()}"):
            stop(folder)
        assert status(folder).running
        assert not stop(folder, force=True).running
        time.sleep(1.0)
        assert not status(folder).running


@pytest.mark.parametrize("kind", ["dead", "recycled", "zombie", "before the last boot", "torn"])
def test_leftovers_of_a_killed_server_are_seen_through(folder, kind):
    DatabaseFolder(folder).create()
    with subprocess.Popen(["sleep", "60"]) as bystander:
        if kind in ("dead", "zombie"):
            bystander.kill()
        if kind == "dead":
            bystander.wait()
        if kind == "zombie":
            os.waitid(os.P_PID, bystander.pid, os.WEXITED | os.WNOWAIT)
        pid_start = {"zombie": start_of_zombie, "before the last boot": process_start}.get(kind, int)(bystander.pid)
        boot = "another" if kind == "before the last boot" else boot_id()
        DatabaseFolder(folder).write_record(
            ServerRecord(bystander.pid, pid_start, boot, os.uname().nodename, 1, "", "")
        )
        if kind == "torn":
            DatabaseFolder(folder).record_file.write_text('{"pid": 12')
        assert not status(folder).running
        assert not stop(folder).running
        with connected(folder) as uri, MongoClient(uri) as client:
            assert client.admin.command("ping")["ok"] == 1
            assert status(folder).pid != bystander.pid
        if kind in ("recycled", "before the last boot", "torn"):
            assert bystander.poll() is None  # a stranger was never signalled
        bystander.kill()


@pytest.mark.parametrize("missing_record", ["table:", "file:", "colgroup:", None])
def test_a_server_killed_while_it_makes_a_table_leaves_a_database_that_opens(folder, missing_record):
    with connected(folder) as uri, MongoClient(uri, journal=True) as client:
        client.x.first.insert_one({"acknowledged": True})
        client.x.second.insert_one({})  # in a table of its own
    os.kill(status(folder).pid, signal.SIGKILL)
    if missing_record is not None:
        (log,) = DatabaseFolder(folder).storage.glob("WiredTigerLog.*")
        written = log.read_bytes()
        # the log as it was before the missing record of the second table; records begin at multiples of 128
        record = missing_record.encode() + b"secantus_documents_sh"
        end = written.index(record, written.index(b"acknowledged")) // 128 * 128
        log.write_bytes(written[:end] + bytes(len(written) - end))
    with connected(folder) as uri, MongoClient(uri) as client:
        assert client.x.first.count_documents({"acknowledged": True}) == 1
        client.x.second.insert_one({})
        assert client.x.second.count_documents({}) == (2 if missing_record is None else 1)


def start_of_zombie(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_folder_served_from_another_machine_is_left_alone(folder):
    DatabaseFolder(folder).create()
    DatabaseFolder(folder).write_record(ServerRecord(1, 1, "another", "login2", 1, "", ""))
    for call in (start, stop, status, lambda path: connected(path).__enter__()):
        with pytest.raises(DatabaseError, match="login2"):
            call(folder)
    DatabaseFolder(folder).record_file.unlink()


def test_a_second_server_is_refused(folder):
    command = [sys.executable, "-m", "natrium.hpc.embedded.server", "--data", folder]
    with connected(folder) as uri, MongoClient(uri) as client:
        second = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert second.returncode == 3
        assert "is served by another process already" in second.stderr
        client.x.y.insert_one({})


def test_a_server_in_the_foreground_is_shared_too(folder):
    command = [sys.executable, "-m", "natrium.hpc.embedded.server", "--data", folder]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        while not (folder / "server.json").exists():
            assert server.poll() is None
            time.sleep(0.02)
        with connected(folder) as uri, MongoClient(uri) as client:
            assert status(folder).pid == server.pid
            client.x.y.insert_one({})
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
    assert not (folder / "server.json").exists()


@pytest.mark.parametrize(("user", "code"), [("natrium:wrong@", 18), ("root:wrong@", 18), ("", 13)])
def test_strangers_on_the_same_machine_are_refused(folder, user, code):
    with connected(folder) as uri:
        stranger = uri.replace(uri[len("mongodb://") : uri.index("@") + 1], user)
        assert DatabaseFolder(folder).password() not in stranger
        with MongoClient(stranger) as client, pytest.raises(OperationFailure) as caught:
            client.x.y.insert_one({})
        assert caught.value.code == code


def test_files_are_for_the_owner_only(folder):
    with connected(folder) as uri, MongoClient(uri) as client:
        client.x.y.insert_one({})
        for file in [folder, *folder.rglob("*")]:
            with contextlib.suppress(FileNotFoundError):
                assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        assert len(DatabaseFolder(folder).password()) >= 40
        assert DatabaseFolder(folder).password() not in json.dumps(status(folder).__dict__, default=str)
        assert DatabaseFolder(folder).password() not in Path(f"/proc/{status(folder).pid}/cmdline").read_text()


def test_why_a_server_did_not_start_is_told(folder):
    DatabaseFolder(folder).create()
    DatabaseFolder(folder).storage.write_text("not a folder")
    with pytest.raises(DatabaseError, match=r"ended while it started(.|\n)*wiredtiger") as caught, connected(folder):
        pass
    assert str(folder / "server.log") in caught.value.remedy


def test_a_server_that_does_not_answer_is_reported(folder, monkeypatch):
    monkeypatch.setattr("natrium.hpc.embedded.lifecycle.PING_PATIENCE_S", 1.0)
    with connected(folder):
        pid = status(folder).pid
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseError, match=f"process {pid}.*does not answer"), connected(folder):
                pass
        finally:
            os.kill(pid, signal.SIGCONT)


def test_transactions_pass_the_writers_lock(folder):
    with connected(folder) as uri, MongoClient(uri) as client:
        client.x.y.insert_one({"_id": 1, "n": 0})
        waiting = threading.Thread(target=lambda: client.x.y.update_one({"_id": 1}, {"$inc": {"n": 10}}))
        with client.start_session() as session, session.start_transaction():
            client.x.y.update_one({"_id": 1}, {"$inc": {"n": 1}}, session=session)
            waiting.start()  # waits for the transaction, with the lock in its hand
            time.sleep(0.3)
            client.x.y.insert_one({"_id": 2}, session=session)
        waiting.join(10)
        assert client.x.y.find_one({"_id": 1})["n"] == 11
        assert client.x.y.find_one({"_id": 2})
        assert client.x.y.find_one_and_delete({"_id": 2}, projection={"_id": 1})


def resident_mb(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_the_first_documents_cost_nothing_however_many_there_are(folder):
    """GridFS asks for any one chunk whenever it stores a file."""
    with connected(folder) as uri, MongoClient(uri) as client:
        chunks = client.x["arrays.chunks"]
        for first in range(0, 400, 20):
            chunks.insert_many([{"_id": n, "data": os.urandom(2**19)} for n in range(first, first + 20)])
    stop(folder, force=True)
    with connected(folder) as uri, MongoClient(uri) as client:
        chunks = client.x["arrays.chunks"]
        before_mb = resident_mb(status(folder).pid)
        assert chunks.find_one(projection={"_id": 1}) == {"_id": 0}
        assert [one["_id"] for one in chunks.find({}, {"_id": 1}).skip(1).limit(2)] == [1, 2]
        assert resident_mb(status(folder).pid) - before_mb < 100
        assert [one["_id"] for one in chunks.find({}, {"_id": 1}).sort("_id", -1).limit(2)] == [399, 398]
        assert chunks.find_one({"_id": 17}, {"_id": 1}) == {"_id": 17}
        assert chunks.count_documents({}) == 400
