"""Runs on this machine, with what happens to them: kills at every moment, failures, interrupts, two at once."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from supervised import engines

if TYPE_CHECKING:
    from conftest import CommandLine

HERE = Path(__file__).resolve().parent
PATIENCE_S = 120.0


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def said(folder: Path) -> dict[str, Any]:
    """What the engine last said of itself."""
    try:
        status: dict[str, Any] = json.loads((folder / "status.json").read_text())
    except FileNotFoundError:
        return {}
    return status


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with the time of its last change."""
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def work_functions(natrium: CommandLine) -> list[float]:
    """Both work functions of the only result."""
    (row,) = natrium.json("results")
    sides = row["output"]["work_functions"]
    return [sides[side]["work_function_ev"] for side in ("bottom", "top")]


# jobs that decide on jobs, without a calculation


@pytest.fixture
def ladder(natrium: CommandLine) -> CommandLine:
    """A study of an outside distribution, whose jobs replace themselves, make detours and add jobs."""
    return natrium.with_variables(PYTHONPATH=str(HERE / "outside"))


def calls(run: Path) -> dict[str, int]:
    """How often each step was called."""
    return {path.parent.name: len(path.read_text().splitlines()) for path in sorted(run.glob("*/calls.txt"))}


_STEPS = ("first", "climb", "result", "aside", "rung", "rung-2", "rung-3", "rung-4", "rung-5")
ONCE = {f"{number:02d}-{name}": 1 for number, name in enumerate(_STEPS, 1)}


def test_a_flow_that_grows_while_it_runs(ladder: CommandLine) -> None:
    out = ladder("run", "ladder").stdout
    run = ladder.the_run()
    assert "height 3.0 Å" in out
    assert f"natrium show {run.name}" in out
    assert calls(run) == ONCE
    assert (run / f"{run.name}.png").exists()
    shown = ladder.json("show", run.name)
    assert shown["output"]["height_a"] == 3.0
    assert shown["output"]["assumptions"] == ["a ladder has rungs"]
    assert shown["metadata"]["natrium"]["step"] == "result"


@pytest.mark.parametrize(
    ("fate", "repeated"),
    [
        ("kill rung-2", "06-rung-2"),
        ("kill-storing climb", "02-climb"),
        ("kill-stored climb", "02-climb"),
        ("kill-stored aside", "04-aside"),
    ],
)
def test_a_killed_run_is_continued_where_it_was(fate: str, repeated: str, ladder: CommandLine) -> None:
    ladder.with_variables(LADDER=fate)("run", "ladder", code=-signal.SIGKILL)
    run = ladder.the_run()
    before = calls(run)
    assert "height 3.0 Å" in ladder("run", "--resume").stdout
    # the step in hand is repeated, and the jobs that it had decided on but nobody had heard of are decided on again
    assert calls(run)[repeated] == 2
    assert {name: count for name, count in calls(run).items() if count != 1} == {repeated: 2}
    assert before.keys() <= calls(run).keys()
    assert sum(calls(run).values()) == sum(ONCE.values()) + 1
    assert [row["output"]["height_a"] for row in ladder.json("results")] == [3.0]


@pytest.mark.parametrize(
    ("fate", "evidence", "done", "not_started"),
    [
        ("fail rung-2", "the rung is rotten", {"04-aside", "08-rung-4", "09-rung-5"}, "result, rung-3"),
        ("crash climb", "ZeroDivisionError: nobody thought of this", {"04-aside"}, "result"),
    ],
)
def test_a_failed_step_stops_only_what_needs_it(
    fate: str, evidence: str, done: set[str], not_started: str, ladder: CommandLine
) -> None:
    told = ladder.with_variables(LADDER=fate)("run", "ladder", code=3).stderr
    run = ladder.the_run()
    step = fate.partition(" ")[2]
    assert f"{step}: {evidence}" in told
    assert f"not started, because of that: {not_started}" in told
    assert f"natrium run --resume {run.name}" in told
    assert done <= calls(run).keys()
    shown = ladder("show", run.name).stdout
    assert f"failed       {step}" in shown
    assert f"failed       {step}" in ladder("show", f"{run.name}/{step}").stdout
    assert [each["name"] for each in ladder.json("show", f"{run.name}/result")["steps"]] == ["result"]
    assert evidence in shown
    assert [path.name for path in run.glob("*/error.txt")] == (["error.txt"] if "crash" in fate else [])
    assert f"{run.name} (failed)" in ladder("results").stderr

    assert "height 3.0 Å" in ladder("run", "--resume", run.name).stdout
    assert sum(calls(run).values()) == sum(ONCE.values()) + 1


def test_nobody_runs_a_run_that_is_being_run(ladder: CommandLine) -> None:
    first = ladder.with_variables(LADDER="pause rung").start("run", "ladder")
    wait_until(lambda: bool(list(ladder.folder.glob("natrium-runs/*/05-rung/calls.txt"))))
    run = ladder.the_run()
    named = ladder("run", "--resume", run.name, code=2).stderr
    assert f"{run.name} is being run by process {first.pid}" in named
    assert f"no unfinished run but {run.name}" in ladder("run", "--resume", code=2).stderr
    assert "running      rung" in ladder("show", run.name).stdout
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 130, out + err
    assert f"natrium run --resume {run.name}" in out
    assert "interrupted  rung" in ladder("show", run.name).stdout
    assert "height 3.0 Å" in ladder("run", "--resume", "ladder").stdout
    assert f"{run.name} is complete" in ladder("run", "--resume", run.name, code=2).stderr
    assert "there is no unfinished run" in ladder("run", "--resume", code=2).stderr


def test_two_runs_share_one_database(ladder: CommandLine) -> None:
    together = [ladder.with_variables(LADDER="pause first").start("run", "ladder") for _ in range(2)]
    wait_until(lambda: len(list(ladder.folder.glob("natrium-runs/*/01-first/calls.txt"))) == 2)
    status = ladder.json("db", "status")
    (ladder.folder / "go").touch()
    assert set(status["clients"]) == {process.pid for process in together}
    for process in together:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, out + err
    assert len({row["address"] for row in ladder.json("results")}) == 2
    assert ladder.json("db", "status")["pid"] == status["pid"]


# real calculations


@pytest.mark.gpaw
def test_a_run_killed_in_the_middle_of_a_relaxation_gives_the_undisturbed_number(
    natrium: CommandLine, small_na110: tuple[str, ...], finished: CommandLine
) -> None:
    parallel = natrium.with_variables(NATRIUM_RANKS="2")
    process = parallel.start(*small_na110)
    relaxing = "natrium-runs/*/03-slab-relax"
    wait_until(lambda: any(said(folder).get("step", 0) >= 1 for folder in natrium.folder.glob(relaxing)))
    run = natrium.the_run()
    for engine in engines(run / "03-slab-relax"):
        os.kill(engine, signal.SIGSTOP)  # so that it is still running when it is looked at
    shown = natrium("show", run.name).stdout
    assert "attempt 1: running since" in shown
    assert "no end was seen" not in shown
    process.kill()
    process.communicate()
    assert "no end was seen" in natrium("show", run.name).stdout
    assert f"{run.name} (interrupted): natrium run --resume" in natrium("results").stderr
    before = {step: contents(run / step) for step in ("01-bulk", "02-slab")}

    parallel("run", "--resume")
    assert {step: contents(run / step) for step in before} == before
    attempts = json.loads((run / "03-slab-relax/attempts.json").read_text())
    assert [attempt["outcome"] for attempt in attempts] == ["no end was seen", "finished"]
    assert attempts[1]["continued_from"] == "checkpoint.gpw"
    assert work_functions(natrium) == pytest.approx(work_functions(finished), abs=1e-3)


@pytest.mark.gpaw
def test_a_run_stopped_by_its_wall_time_and_by_ctrl_c_gives_the_undisturbed_number(
    natrium: CommandLine, small_na110: tuple[str, ...], finished: CommandLine
) -> None:
    told = natrium(*small_na110, "--wall-time", "1s", code=75).stdout
    run = natrium.the_run()
    assert "the wall time ends" in told
    assert f"natrium run --resume {run.name}" in told
    assert "interrupted  bulk" in natrium("show", run.name).stdout

    with Terminal(natrium, "run", "--resume") as terminal:
        wait_until(lambda: terminal.read() and said(run / "03-slab-relax").get("iteration", 0) >= 2)
        terminal.press_ctrl_c()
        assert terminal.exit_code() == 130
    assert "SCF iteration" in terminal.text
    assert "stopping: the engine writes its checkpoint" in terminal.text
    assert f"natrium run --resume {run.name}" in terminal.text
    assert natrium.json("show", run.name)["state"] == "interrupted"
    assert "Ctrl-C" in natrium.json("show", run.name)["error"]

    natrium("run", "--resume", run.name)
    attempts = json.loads((run / "03-slab-relax/attempts.json").read_text())
    assert [attempt["outcome"] for attempt in attempts] == ["stopped", "finished"]
    assert work_functions(natrium) == pytest.approx(work_functions(finished), abs=1e-3)


@pytest.mark.gpaw
def test_a_calculation_that_cannot_converge_says_what_happened_where_and_what_to_do(
    natrium: CommandLine, small_na110: tuple[str, ...]
) -> None:
    impossible = ("--set", "slab_relax.max_scf_iterations=2", "--set", "slab_relax.energy_ev=1e-12")
    told = natrium(*small_na110, *impossible, code=3).stderr
    run = natrium.the_run()
    assert f"slab-relax: {run}/03-slab-relax: scf not converged" in told
    assert "max_scf_iterations" in told
    assert "not started, because of that: slab-static, result" in told
    assert [row["address"] for row in natrium.json("results", "--calculations")] == [f"{run.name}/bulk"]
    shown = natrium("show", run.name).stdout
    assert "failed       slab-relax" in shown
    assert "scf not converged" in shown
    assert "mixer" in shown  # what was tried
    assert natrium.json("show", run.name)["overrides"]["slab_relax.energy_ev"] == 1e-12


@pytest.mark.gpaw
def test_a_study_is_a_plain_flow_that_jobflow_runs(
    small_na110: tuple[str, ...], finished: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    from natrium.commands.study_options import parsed
    from natrium.workflows.study import settle, study

    monkeypatch.setenv("NATRIUM_RANKS", "1")
    overrides = [value for name, value in pairwise(small_na110) if name == "--set"]
    flow = study("na110").flow(settle(study("na110"), "preview", parsed(overrides)))
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    responses = run_locally(flow, store=store, create_folders=True, root_dir=tmp_path, ensure_success=True, log=False)
    result = responses[flow.output.uuid][1].output
    sides = [result.work_functions.bottom.work_function_ev, result.work_functions.top.work_function_ev]
    assert sides == pytest.approx(work_functions(finished), abs=1e-3)


class Terminal:
    """The command line in a terminal of 100 columns that a person sits at."""

    def __init__(self, natrium: CommandLine, *arguments: str) -> None:
        self.text = ""
        self._command = ["natrium", *arguments]
        self._natrium = natrium
        self._status: int | None = None

    def __enter__(self) -> Terminal:
        import sysconfig

        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.chdir(self._natrium.folder)
            program = f"{sysconfig.get_path('scripts')}/natrium"
            os.execve(program, self._command, self._natrium.environment | {"COLUMNS": "100", "TERM": "xterm"})
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._master)

    def read(self) -> bool:
        """Take in what was printed meanwhile."""
        try:
            while select.select([self._master], [], [], 0)[0]:
                self.text += os.read(self._master, 4096).decode(errors="replace")
        except OSError:  # the other end is closed
            pass
        return True

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def exit_code(self) -> int:
        def ended() -> bool:
            self.read()
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            return bool(pid)

        wait_until(ended)
        self.read()
        assert self._status is not None
        return self._status
