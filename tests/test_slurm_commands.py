"""How each end of a job looks through natrium's eyes, on two real SLURMs: one with accounting, one without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from natrium.hpc.cluster import Cluster, NodeShape
from natrium.hpc.slurm.commands import Slurm, SlurmRefusedError, SlurmSilentError
from natrium.hpc.slurm.lab import Lab
from natrium.hpc.slurm.records import (
    FIELD,
    RECORD,
    SlurmJob,
    duration_s,
    jobs_of_sacct,
    jobs_of_squeue,
)


@dataclass(frozen=True)
class End:
    """A job, what happens to it, and what SLURM then says."""

    line: str
    state: str
    exit_code: int = 0
    signal: int = 0
    started: bool = True
    options: tuple[str, ...] = ()
    on_node: int = 0
    cancelled: bool = False


# The second node is killed; long jobs stay on it until then.
ENDS = {
    "exit-0": End("exit 0", "COMPLETED"),
    "exit-3": End("exit 3", "FAILED", exit_code=3),
    "kill": End("kill -9 $$", "FAILED", signal=9),
    "segfault": End("kill -11 $$", "FAILED", signal=11),
    "child-segfault": End("sh -c 'kill -11 $$'; exit $?", "FAILED", exit_code=139),
    "time-limit": End("sleep 300", "TIMEOUT", signal=15, options=("--time=1",)),
    "cancelled-waiting": End("sleep 300", "CANCELLED", options=("--hold",), started=False, cancelled=True),
    "cancelled-running": End("sleep 300", "CANCELLED", signal=15, cancelled=True),
    "node-killed": End("sleep 300", "NODE_FAIL", options=("--no-requeue",), on_node=1),
}


@dataclass
class Submitted:
    lab: Lab
    slurm: Slurm
    folder: Path
    ids: dict[str, str] = field(default_factory=dict)

    def submit(self, name: str, line: str = "sleep 300", *options: str, memory: str = "20") -> str:
        script = self.folder / f"{name}.sh"
        given = (f"--job-name={name}", f"--mem={memory}", "--output=/dev/null", "--comment=a | b", *options)
        script.write_text("#!/bin/sh\n" + "".join(f"#SBATCH {_quoted(each)}\n" for each in given) + line + "\n")
        self.ids[name] = self.slurm.submit(script)
        return self.ids[name]

    def job(self, name: str) -> SlurmJob:
        return self.slurm.jobs([self.ids[name]])[self.ids[name]]

    def wait(self, name: str, until: Callable[[SlurmJob], bool], longest_s: float = 120) -> SlurmJob:
        end = time.monotonic() + longest_s
        while not until(job := self.job(name)):
            assert time.monotonic() < end, job
            time.sleep(0.2)
        return job


def _quoted(option: str) -> str:
    name, equals, value = option.partition("=")
    return f'{name}="{value}"' if equals else name


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, Submitted]]:
    """With and without accounting: every job submitted and hit by what it has to suffer."""
    labs: list[Lab] = []
    try:
        for accounting in (True, False):
            labs.append(Lab(tmp_path_factory.mktemp("lab"), nodes=2, cores=8, memory_mb=2000, accounting=accounting))
            labs[-1].up()
        found = {
            accounting: Submitted(lab, Slurm(lab.cluster), tmp_path_factory.mktemp("scripts"))
            for accounting, lab in zip((True, False), labs, strict=True)
        }
        for each in found.values():
            nodes = [node.name for node in each.slurm.facts().nodes]
            for name, end in ENDS.items():
                each.submit(name, end.line, f"--nodelist={nodes[end.on_node]}", *end.options)
        for each in found.values():
            for name in ("cancelled-running", "node-killed", "time-limit"):
                each.wait(name, lambda job: job.state == "RUNNING")
            # a minute is SLURM's shortest limit; the end can be set more finely
            each.slurm.run("scontrol", "update", f"JobId={each.ids['time-limit']}", "EndTime=now+2")
            each.slurm.cancel([each.ids["cancelled-waiting"], each.ids["cancelled-running"]])
            each.lab.kill_node(each.slurm.facts().nodes[1].name)
        yield found
    finally:
        for lab in labs:
            lab.down()


@pytest.fixture(params=[True, False], ids=["accounting", "no accounting"])
def there(request: pytest.FixtureRequest, both: dict[bool, Submitted]) -> Submitted:
    return both[request.param]


@pytest.mark.parametrize("name", ENDS)
def test_an_end_is_seen_as_what_it_was(there: Submitted, name: str) -> None:
    end = ENDS[name]
    job = there.wait(name, lambda job: job.is_over)
    assert (job.state, job.exit_code, job.signal) == (end.state, end.exit_code, end.signal)
    assert (job.name, job.comment, job.source) == (name, "a | b", "squeue")
    assert bool(job.cancelled_by) == (end.cancelled and there.slurm.has_accounting)
    assert (job.started is not None) == bool(job.nodes) == end.started
    assert job.submitted is not None
    assert job.ended is not None
    assert job.submitted <= (job.started or job.submitted) <= job.ended <= time.time() + 1
    assert not job.is_running
    assert not job.is_pending


class Forgetful(Slurm):
    """A controller that forgets jobs at once, not after MinJobAge."""

    def _squeue(self) -> Iterator[SlurmJob]:
        return iter(())


def test_accounting_remembers_what_the_controller_forgot(both: dict[bool, Submitted]) -> None:
    there = both[True]
    for name in ENDS:
        there.wait(name, lambda job: job.is_over)
    waiting = there.submit("waiting", "exit 0", "--hold")
    found = Forgetful(there.lab.cluster).jobs(there.ids.values())
    assert waiting not in found, "alive in accounting only: its end was lost"
    for name, end in ENDS.items():
        job = found[there.ids[name]]
        # sacct masks the 128 of a shell, and has no signal for what SLURM itself ended
        assert (job.state, job.exit_code) == (end.state, end.exit_code % 128), name
        assert (job.name, job.source) == (name, "sacct")
        assert bool(job.cancelled_by) == end.cancelled
        assert (job.started is not None) == end.started
    assert Forgetful(both[False].lab.cluster).jobs([both[False].ids["exit-0"]]) == {}


def test_memory_that_is_exceeded_ends_a_job(both: dict[bool, Submitted]) -> None:
    there = both[True]
    node = there.slurm.facts().nodes[0].name
    there.submit("memory", "python3 -c 'import time; x = bytearray(300 << 20); time.sleep(30)'", f"--nodelist={node}")
    job = there.wait("memory", lambda job: job.is_over)
    # FAILED by signal 9 where SLURM can only poll
    assert job.state == "OUT_OF_MEMORY" or (job.state, job.signal) == ("FAILED", 9)


def test_hold_and_release(there: Submitted) -> None:
    held = there.submit("held", "exit 0", "--hold", "--time=1-0:05")
    job = there.job("held")
    assert job.is_pending
    assert job.is_held
    assert (job.started, job.ended, job.limit_s) == (None, None, 86700)
    there.slurm.set_time_limit(held, 7)
    assert there.job("held").limit_s == 420
    there.slurm.release([held, there.ids["exit-0"], "9999999"])
    there.slurm.hold([held])
    assert there.job("held").is_held or there.job("held").is_over
    there.slurm.release([held])
    assert there.wait("held", lambda job: job.is_over).state == "COMPLETED"
    there.slurm.hold([there.ids["exit-0"]])
    there.slurm.cancel([held, "9999999"])
    assert there.job("held").state == "COMPLETED"


def test_a_requeued_job_is_seen_in_its_last_start(there: Submitted) -> None:
    there.submit("requeued", "sleep 300", f"--nodelist={there.slurm.facts().nodes[0].name}")
    there.wait("requeued", lambda job: job.state == "RUNNING")
    there.slurm.run("scontrol", "requeue", there.ids["requeued"])
    job = there.wait("requeued", lambda job: job.is_pending)
    assert (job.restarts, job.started, job.ended) == (1, None, None)
    there.slurm.cancel([there.ids["requeued"]])
    assert there.wait("requeued", lambda job: job.is_over).restarts == 1


@pytest.mark.parametrize(
    ("options", "memory", "says"),
    [(["--partition=nowhere"], "20", "artition"), ([], "999999", "node configuration")],
    ids=["partition", "memory"],
)
def test_a_refusal_is_told_in_slurms_words(there: Submitted, options: list[str], memory: str, says: str) -> None:
    with pytest.raises(SlurmRefusedError, match=says):
        there.submit("refused", "exit 0", *options, memory=memory)


def test_unknown_jobs_are_missing_and_names_are_found(there: Submitted) -> None:
    assert there.slurm.jobs([]) == {}
    assert set(there.slurm.jobs(["9999999", there.ids["exit-3"]])) == {there.ids["exit-3"]}
    again = there.submit("exit-0", "exit 0")
    found = there.slurm.named("exit-")
    assert set(found) == {"exit-0", "exit-3"}
    assert found["exit-0"].id == again


def test_the_job_around_natrium_is_not_asked(there: Submitted, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SLURM_JOB_ID": "1",
        "SQUEUE_STATES": "RUNNING",
        "SBATCH_HOLD": "1",
        "SBATCH_ARRAY": "1-3",
    }.items():
        monkeypatch.setenv(name, value)
    inner = Submitted(there.lab, Slurm(there.lab.cluster), there.folder)
    inner.submit("inner", 'test -z "$SLURM_TIME_FORMAT$LC_ALL$SBATCH_HOLD"')
    job = inner.wait("inner", lambda job: job.is_over)
    assert (job.state, job.id) == ("COMPLETED", inner.ids["inner"])


def test_a_controller_that_is_down_is_no_empty_answer(both: dict[bool, Submitted]) -> None:
    there = both[False]
    there.lab.kill_controller()
    quick = Slurm(there.lab.cluster, timeout_s=2)
    try:
        with pytest.raises(SlurmSilentError, match="within 2 s"):
            quick.jobs(["1"])
        with pytest.raises(SlurmSilentError, match="Unable to contact"):
            there.submit("nobody-there", "exit 0")
        with pytest.raises(SlurmSilentError, match="within 2 s"):
            quick.cancel(["1"])
    finally:
        there.lab.start_controller()


def test_commands_or_configuration_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shape = NodeShape(cores=1, memory_mb=1000)
    with pytest.raises(SlurmSilentError, match=r"slurm\.conf does not exist"):
        Slurm(Cluster(node=shape, slurm_conf=tmp_path / "slurm.conf")).jobs(["1"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SlurmSilentError, match="missing on this machine"):
        Slurm(Cluster(node=shape)).jobs(["1"])


@pytest.mark.slow
def test_a_thousand_waiting_jobs_are_read_quickly(both: dict[bool, Submitted]) -> None:
    there = both[True]
    script = there.folder / "thousand.sh"
    script.write_text("#!/bin/sh\n#SBATCH --hold --mem=20 --job-name=thousand --output=/dev/null\nsleep 300\n")
    ids = [there.slurm.submit(script) for _ in range(1000)]
    try:
        spent, begin = time.process_time(), time.perf_counter()
        jobs = there.slurm.jobs(ids)
        assert time.process_time() - spent < 0.25
        assert time.perf_counter() - begin < 2
        assert set(jobs) == set(ids)
        assert all(job.is_held for job in jobs.values())
    finally:
        there.slurm.cancel(ids)
    assert {job.state for job in there.slurm.jobs(ids).values()} == {"CANCELLED"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("0:00", 0), ("1:40", 100), ("10:00", 600), ("2:00:01", 7201), ("1-02:03:04", 93784)),
        *((word, None) for word in ("UNLIMITED", "INVALID", "NOT_SET", "Partition_Limit", "N/A", "")),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_s(text) == seconds


def test_odd_records_are_read() -> None:
    """Forms of other versions and sites, which cannot be made here."""
    sacct = [
        "7_2",
        "CANCELLED by 1000",
        "0:15",
        "None",
        "None assigned",
        "Partition_Limit",
        "5",
        "1",
        "Unknown",
        "None",
        "a b",
    ]
    (job,) = jobs_of_sacct(FIELD.join([*sacct, "two\nlines"]) + f"{FIELD}\n")
    assert (job.id, job.state, job.cancelled_by, job.comment) == ("7_2", "CANCELLED", "1000", "two\nlines")
    assert (job.nodes, job.reason, job.limit_s, job.elapsed_s) == ("", "", None, 5)
    assert (job.submitted, job.started, job.ended) == (1, None, None)
    squeue = [
        "8+1",
        "NEW_STATE",
        "0:0",
        "",
        "(null)",
        "n1",
        "UNLIMITED",
        "INVALID",
        "1",
        "N/A",
        "N/A",
        "a | b",
        "(null)",
    ]
    (job,) = jobs_of_squeue(FIELD.join([*squeue, f"{RECORD}\n"]))
    assert job.is_running, "a state that natrium does not know is no end"
    assert (job.name, job.comment, job.restarts, job.elapsed_s) == ("a | b", "", 0, None)
