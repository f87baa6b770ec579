"""Faults of the engine, each provoked for real: what is cured, what is recorded, what is left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ase.build import bulk, molecule

from natrium.hpc import gpaw_handlers
from natrium.hpc.attempts import read_attempts
from natrium.hpc.engine_job import Launch
from natrium.hpc.gpaw_diagnosis import diagnose
from natrium.hpc.outcome import REMEDIES, Outcome
from natrium.hpc.supervise import CalculationFailedError, CalculationStoppedError, supervise
from natrium.structures.errors import InputError
from natrium.structures.slabs import metal_slab
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.result import CalculationResult

pytestmark = pytest.mark.gpaw

BULK = {"cutoff_ev": 200, "kpoints": (4, 4, 4), "valence_electrons": {"Na": 1}}
SLAB = {"cutoff_ev": 200, "kpoints": (4, 4, 1), "valence_electrons": {"Na": 1}, "dipole_layer": True}
TIGHT = SLAB | {"energy_ev": 1e-8}
RELAX = SLAB | {"kpoints": (2, 2, 1), "kind": "relax", "force_ev_a": 0.02}


def crystal() -> System:
    return System.from_atoms(bulk("Na", "bcc", a=4.2), "bulk Na")


def slab() -> System:
    return metal_slab("Na", "110", layers=3, vacuum_a=13.0, lattice_constant_a=4.2)


def strained_slab() -> System:
    """A slab with several relaxation steps before it."""
    positions = [list(position) for position in slab().positions_a]
    positions[0][2] -= 0.2
    positions[2][2] += 0.3
    return slab().moved(positions)


def oxygen() -> System:
    atoms = molecule("O2")
    atoms.set_cell([5, 5, 5])
    atoms.center()
    return System.from_atoms(atoms, "O2", multiplicity=3)


def run(settings: dict[str, Any], system: System, folder: Path, *, ranks: int = 1, **launch: Any) -> CalculationResult:
    folder.mkdir(exist_ok=True)
    return supervise(GPAW(), Calculation.model_validate(settings), system, folder, launch=Launch(ranks=ranks, **launch))


def prepare(settings: dict[str, Any], system: System, folder: Path, **gpaw: Any) -> None:
    """Write the inputs and change GPAW's keywords behind natrium's back."""
    folder.mkdir(exist_ok=True)
    GPAW().write_inputs(Calculation.model_validate(settings), system, folder)
    task = json.loads((folder / "input.json").read_text())
    task["gpaw"] |= gpaw
    (folder / "input.json").write_text(json.dumps(task))


def outcomes(folder: Path) -> list[str]:
    return [attempt.outcome for attempt in read_attempts(folder)]


def engines(folder: Path) -> list[int]:
    """Processes of the engine in this folder, MPI launchers left out."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").readlink() == folder.resolve()
            command = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if here and b"natrium.workflows.gpaw.driver" in command and not command[0].endswith(b"mpiexec"):
            found.append(int(process.name))
    return sorted(found)


def until(condition: Callable[[], Any], patience_s: float = 60.0) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.02)


class Saboteur(threading.Thread):
    """Does something to a run from aside. Use as a context; what goes wrong in it fails the test."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Saboteur:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.join(60)
        if self.error is not None:
            raise self.error


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., CalculationResult]:
    """The result that the same calculation has when nothing happens to it; each is carried out once."""
    results: dict[str, CalculationResult] = {}

    def result(settings: dict[str, Any], system: System) -> CalculationResult:
        key = f"{settings}{system}"
        if key not in results:
            results[key] = run(settings, system, tmp_path_factory.mktemp("undisturbed"))
        return results[key]

    return result


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint after every SCF iteration."""
    monkeypatch.setenv("NATRIUM_CHECKPOINT_INTERVAL_S", "0")


# --- convergence -----------------------------------------------------------------------------------------------------


def test_slow_convergence_is_continued_with_softer_mixing(tmp_path: Path, undisturbed: Any) -> None:
    result = run(BULK | {"max_scf_iterations": 6}, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["scf not converged", "finished"]
    assert result.attempts == read_attempts(tmp_path)
    assert result.attempts[0].changes == {"mixer": gpaw_handlers.SofterMixing.mixers[0]}
    assert "KohnShamConvergenceError" in result.attempts[0].evidence
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=2e-5)
    # the cure changed how, not what
    before, after = (json.loads((tmp_path / name).read_text()) for name in ("input.1.json", "input.json"))
    assert after["gpaw"].pop("mixer")
    assert before == after


def test_impossible_convergence_is_a_failure(tmp_path: Path) -> None:
    """Two runs in one process: the counters of the first do not shorten the second."""
    for folder in (tmp_path / "first", tmp_path / "second"):
        with pytest.raises(CalculationFailedError, match="scf not converged") as caught:
            run(BULK | {"max_scf_iterations": 3, "energy_ev": 1e-13}, crystal(), folder)
        assert caught.value.outcome == Outcome.SCF_NOT_CONVERGED
        assert caught.value.remedy == REMEDIES[Outcome.SCF_NOT_CONVERGED]
        assert outcomes(folder) == ["scf not converged"] * 4
        assert [attempt.changes.get("mixer") for attempt in read_attempts(folder)] == [
            *gpaw_handlers.SofterMixing.mixers,
            None,
        ]
        assert not (folder / "output.json").exists()


def test_too_few_bands(tmp_path: Path) -> None:
    prepare(
        BULK | {"max_scf_iterations": 20},
        crystal(),
        tmp_path,
        nbands=2,
        convergence={"bands": "CBM+2.0", "energy": 1e-3},
    )
    result = run(BULK | {"max_scf_iterations": 20}, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["too few bands", "finished"]
    assert result.attempts[0].changes == {"nbands": 6}
    assert result.attempts[1].continued_from is None
    assert GPAW().progress(tmp_path)["bands"] == 6


# --- kills -----------------------------------------------------------------------------------------------------------


def test_killed_rank(tmp_path: Path, undisturbed: Any, often: None) -> None:
    def kill() -> None:
        until(lambda: (tmp_path / "checkpoint.gpw").exists())
        assert len(engines(tmp_path)) == 2
        os.kill(engines(tmp_path)[1], signal.SIGKILL)

    with Saboteur(kill):
        result = run(TIGHT, slab(), tmp_path, ranks=2)
    assert outcomes(tmp_path) == ["killed by signal 9", "finished"]
    assert "signal 9" in result.attempts[0].evidence
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


def test_killed_every_time(tmp_path: Path) -> None:
    def kill() -> None:
        for attempt in (1, 2, 3):
            until(lambda attempt=attempt: len(read_attempts(tmp_path)) == attempt and engines(tmp_path))
            for engine in engines(tmp_path):
                os.kill(engine, signal.SIGKILL)

    with Saboteur(kill), pytest.raises(CalculationFailedError, match="killed by signal 9") as caught:
        run(BULK, crystal(), tmp_path)
    assert caught.value.outcome == Outcome.KILLED
    assert "memory" in caught.value.remedy
    assert outcomes(tmp_path) == ["killed by signal 9"] * 3


def test_crash_is_tried_again(tmp_path: Path) -> None:
    """A segmentation fault without a launcher that reports it."""

    def crash() -> None:
        until(lambda: engines(tmp_path))
        os.kill(engines(tmp_path)[0], signal.SIGSEGV)

    with Saboteur(crash):
        result = run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["crashed", "finished"]
    assert "SIGSEGV" in result.attempts[0].evidence


SUPERVISING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in jobs that a shell runs in the background
import sys
from pathlib import Path
from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
folder, ranks = Path(sys.argv[1]), int(sys.argv[2])
system = System.model_validate_json((folder / "wanted-system.json").read_text())
calculation = Calculation.model_validate_json((folder / "wanted.json").read_text())
supervise(GPAW(), calculation, system, folder, launch=Launch(ranks=ranks))
"""


def supervising(settings: dict[str, Any], system: System, folder: Path, ranks: int = 1) -> subprocess.Popen[bytes]:
    """A natrium process of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "wanted-system.json").write_text(system.model_dump_json())
    (folder / "wanted.json").write_text(Calculation.model_validate(settings).model_dump_json())
    return subprocess.Popen([sys.executable, "-c", SUPERVISING, str(folder), str(ranks)], stderr=subprocess.DEVNULL)


@pytest.fixture
def at_the_end() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("ranks", [1, 2])
def test_killed_supervisor(ranks: int, tmp_path: Path, undisturbed: Any, at_the_end: list[Any]) -> None:
    """The engine ends with natrium, and another natrium takes the relaxation up where it was."""
    process = supervising(RELAX, strained_slab(), tmp_path, ranks)
    at_the_end.append(process)
    until(lambda: GPAW().progress(tmp_path).get("relaxation_step", 0) >= 2)
    process.kill()
    process.wait()
    until(lambda: not engines(tmp_path), 10)
    taken = json.loads((tmp_path / "relaxation-step.json").read_text())["step"]
    assert taken >= 1

    result = run(RELAX, strained_slab(), tmp_path, ranks=ranks)
    expected = undisturbed(RELAX, strained_slab())
    assert outcomes(tmp_path) == ["no end was seen", "finished"]
    assert result.attempts[0].wall_time_s is None
    assert result.energy_ev == pytest.approx(expected.energy_ev, abs=1e-5)
    assert result.relaxation_steps == expected.relaxation_steps
    frames = geometries(tmp_path)
    assert len(frames) == result.relaxation_steps + 1
    for ours, theirs in zip(frames, geometries(Path(expected.provenance.folder)), strict=True):
        assert ours == pytest.approx(theirs, abs=2e-3)


def geometries(folder: Path) -> list[Any]:
    from ase.io import read

    return [atoms.positions for atoms in read(folder / "relaxation.traj", ":")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_asked_to_end(number: signal.Signals, tmp_path: Path, undisturbed: Any, at_the_end: list[Any]) -> None:
    process = supervising(TIGHT, slab(), tmp_path, 2)
    at_the_end.append(process)
    until(lambda: GPAW().progress(tmp_path).get("phase") == "scf")
    process.send_signal(number)
    assert process.wait(30) != 0
    assert not engines(tmp_path)
    assert outcomes(tmp_path) == ["stopped"]
    assert "asked to stop" in read_attempts(tmp_path)[0].evidence
    assert (tmp_path / "checkpoint.gpw").exists()
    result = run(TIGHT, slab(), tmp_path, ranks=2)
    assert outcomes(tmp_path) == ["stopped", "finished"]
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


# --- time and memory -------------------------------------------------------------------------------------------------


def test_wall_time(tmp_path: Path, undisturbed: Any) -> None:
    with pytest.raises(CalculationStoppedError, match="the wall time ends") as caught:
        run(TIGHT, slab(), tmp_path, deadline=time.time() + 4)
    assert caught.value.exit_code == 75
    assert outcomes(tmp_path) == ["stopped"]
    result = run(TIGHT, slab(), tmp_path)
    assert outcomes(tmp_path) == ["stopped", "finished"]
    assert result.attempts[1].continued_from == "checkpoint.gpw"
    assert result.wall_time_s == pytest.approx(sum(attempt.wall_time_s or 0 for attempt in result.attempts))
    assert result.energy_ev == pytest.approx(undisturbed(TIGHT, slab()).energy_ev, abs=1e-6)


def test_a_stopped_triplet_stays_one(tmp_path: Path) -> None:
    """The moment that is held fixed survives checkpoints, also one that a continued run wrote after moving atoms."""
    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.25, "smearing": "none", "kind": "relax"}

    def stop(step: int) -> Callable[[], None]:
        def ask() -> None:
            until(lambda: GPAW().progress(tmp_path).get("relaxation_step", 0) >= step and engines(tmp_path))
            GPAW().request_stop(tmp_path)

        return ask

    for step in (1, 2):
        with Saboteur(stop(step)), pytest.raises(CalculationStoppedError):
            run(settings, oxygen(), tmp_path)
    result = run(settings, oxygen(), tmp_path)
    assert outcomes(tmp_path) == ["stopped", "stopped", "finished"]
    assert result.magnetic_moment == pytest.approx(2, abs=1e-3)


def test_too_little_memory(tmp_path: Path) -> None:
    """Enough to import GPAW, too little to calculate: half the processes, then the remedy."""
    settings = {"cutoff_ev": 900, "valence_electrons": {"Na": 1}}
    large = System.from_atoms(bulk("Na", "bcc", a=4.2, cubic=True) * (3, 3, 3), "large")
    launch = Launch(ranks=2, memory_limit_mb=1000)
    with pytest.raises(CalculationFailedError, match="out of memory") as caught:
        supervise(GPAW(), Calculation.model_validate(settings), large, tmp_path, launch=launch)
    assert caught.value.outcome == Outcome.OUT_OF_MEMORY
    attempts = read_attempts(tmp_path)
    assert [(attempt.outcome, attempt.ranks) for attempt in attempts] == [("out of memory", 2), ("out of memory", 1)]
    assert attempts[0].changes == {"ranks": 1}
    assert launch.ranks == 2  # the caller's next calculation starts as it was told


# --- what no handler may touch ---------------------------------------------------------------------------------------


def test_atoms_too_close(tmp_path: Path) -> None:
    system = slab().moved(
        [slab().positions_a[0], slab().positions_a[1], [value + 0.01 for value in slab().positions_a[1]]]
    )
    with pytest.raises(CalculationFailedError, match="atoms too close: AtomsTooClose"):
        run(SLAB, system, tmp_path)
    assert outcomes(tmp_path) == ["atoms too close"]


def test_box_too_small(tmp_path: Path) -> None:
    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.3, "smearing": "none"}
    tight = System.model_validate(oxygen().model_dump() | {"cell_a": ((5, 0, 0), (0, 5, 0), (0, 0, 3.2))})
    with pytest.raises(CalculationFailedError, match=r"box too small.*too close to"):
        run(settings, tight, tmp_path)
    assert outcomes(tmp_path) == ["box too small"]


def test_energy_is_not_a_number(tmp_path: Path, undisturbed: Any) -> None:
    """A checkpoint whose density has a hole."""
    import numpy as np
    from ase.io import ulm

    prepare(BULK, crystal(), tmp_path)
    shutil.copy(Path(undisturbed(BULK, crystal()).provenance.folder) / "checkpoint.gpw", tmp_path)
    with ulm.Reader(tmp_path / "checkpoint.gpw") as reader:
        offset = reader.density.proxy("density").offset
    with (tmp_path / "checkpoint.gpw").open("r+b") as file:
        file.seek(offset)
        file.write(np.array([np.nan]).tobytes())
    with pytest.raises(CalculationFailedError, match="energy is not a number"):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["energy is not a number"]


def test_dataset_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPAW configuration file that the check does not know of takes the datasets away."""
    home = tmp_path / "home"
    (home / ".gpaw").mkdir(parents=True)
    (home / ".gpaw" / "rc.py").write_text(f"setup_paths[:] = [{str(home)!r}]\n")
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(CalculationFailedError, match="missing dataset") as caught:
        run(BULK, crystal(), tmp_path / "run")
    assert "GPAW_SETUP_PATH" in caught.value.remedy
    assert outcomes(tmp_path / "run") == ["missing dataset"]


def test_unknown_error_is_not_tried_again(tmp_path: Path) -> None:
    prepare(BULK, crystal(), tmp_path, nonsense=1)
    with pytest.raises(CalculationFailedError, match=r"unknown failure: TypeError.*nonsense"):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["unknown failure"]


def test_missing_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CalculationFailedError, match="engine did not start: no-such-launcher"):
        run(BULK, crystal(), tmp_path, ranks=2, launcher="no-such-launcher -x")
    assert outcomes(tmp_path) == ["engine did not start"]


def test_lost_charge(tmp_path: Path) -> None:
    """The engine counts its electrons, whatever it was told."""
    from natrium.workflows.engine import EngineError

    settings = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.3, "smearing": "none"}
    ion = System.model_validate(oxygen().model_dump() | {"charge": 2, "multiplicity": 1})
    prepare(settings, ion, tmp_path, charge=0)
    with pytest.raises(EngineError, match=r"counted 12.0 valence electrons, the system has 10.0 \(charge \+2\)"):
        run(settings, ion, tmp_path)


PHYSICS = {
    "mode",
    "xc",
    "kpts",
    "occupations",
    "spinpol",
    "charge",
    "convergence",
    "setups",
    "h",
    "basis",
    "poissonsolver",
}


@pytest.mark.parametrize("outcome", Outcome)
def test_no_cure_moves_the_energy(outcome: Outcome, tmp_path: Path) -> None:
    """Whatever happened and however often: only mixing, bands and ranks ever change."""
    from natrium.hpc.attempts import begin_attempt, end_attempt
    from natrium.hpc.outcome import Finding

    prepare(BULK, crystal(), tmp_path)
    (tmp_path / "status.json").write_text('{"bands": 5}')
    before = json.loads((tmp_path / "input.json").read_text())
    launch = Launch(ranks=8)
    for _ in range(4):
        begin_attempt(tmp_path, launch.ranks, None)
        end_attempt(tmp_path, Finding(outcome, "as if"))
        acting = [handler for handler in gpaw_handlers.handlers(launch) if handler.check(str(tmp_path))]
        assert len(acting) <= 1
        for handler in acting:
            handler.correct(str(tmp_path))
    after = json.loads((tmp_path / "input.json").read_text())
    assert {name: after["gpaw"].get(name) for name in PHYSICS} == {name: before["gpaw"].get(name) for name in PHYSICS}
    assert after["gpaw"].keys() - before["gpaw"].keys() <= {"mixer", "nbands"}
    assert {**after, "gpaw": None} == {**before, "gpaw": None}


# --- what counts as a result -----------------------------------------------------------------------------------------


def test_a_file_alone_proves_nothing(tmp_path: Path, undisturbed: Any) -> None:
    """An output from elsewhere is not taken for a result, neither before nor after a run that failed."""
    elsewhere = Path(undisturbed(BULK, crystal()).provenance.folder)
    prepare(BULK, crystal(), tmp_path, nonsense=1)
    shutil.copy(elsewhere / "output.json", tmp_path)
    with pytest.raises(CalculationFailedError, match="unknown failure"):
        run(BULK, crystal(), tmp_path)


class Silent(GPAW):
    """A program that ends well and does nothing."""

    def command(self, attempt: int, deadline: float | None) -> list[str]:  # noqa: ARG002
        return ["true"]


@pytest.mark.parametrize(
    ("left_over", "words"), [(False, "output.json is missing"), (True, "output.json is an older one")]
)
def test_exit_code_zero_proves_nothing(left_over: bool, words: str, tmp_path: Path) -> None:
    if left_over:
        (tmp_path / "output.json").write_text('{"attempt": 0}')
    with pytest.raises(CalculationFailedError, match=words):
        supervise(Silent(), Calculation.model_validate(BULK), crystal(), tmp_path, launch=Launch(ranks=1))
    assert outcomes(tmp_path) == ["unknown failure"]


def test_finished_is_read_not_repeated(undisturbed: Any) -> None:
    first = undisturbed(BULK, crystal())
    again = run(BULK, crystal(), Path(first.provenance.folder), launcher="no-such-launcher")
    assert again.model_dump(exclude={"provenance"}) == first.model_dump(exclude={"provenance"})


def test_folder_of_another_calculation(undisturbed: Any) -> None:
    folder = Path(undisturbed(BULK, crystal()).provenance.folder)
    for settings, system in (
        (BULK | {"cutoff_ev": 210}, crystal()),
        (BULK, crystal().model_copy(update={"label": "other"})),
    ):
        with pytest.raises(InputError, match="already holds another calculation"):
            run(settings, system, folder)
    assert outcomes(folder) == ["finished"]


def test_inputs_torn_by_a_kill_are_written_again(tmp_path: Path) -> None:
    prepare(BULK, crystal(), tmp_path)
    (tmp_path / "calculation.json").unlink()
    (tmp_path / "input.json").write_text("{")
    assert run(BULK, crystal(), tmp_path).electrons == pytest.approx(1)


def test_damaged_checkpoint_costs_time_not_the_run(tmp_path: Path, undisturbed: Any) -> None:
    (tmp_path / "checkpoint.gpw").write_bytes(b"- of Ulm, not")
    result = run(BULK, crystal(), tmp_path)
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=1e-6)
    assert (tmp_path / "checkpoint.unreadable-1.gpw").exists()
    assert "cannot continue" in (tmp_path / "engine.1.err").read_text()
    assert result.raw["continued_from"] is None


def test_two_supervisors_in_one_folder(tmp_path: Path) -> None:
    def second() -> None:
        until(lambda: engines(tmp_path))
        with pytest.raises(InputError, match="another natrium process"):
            run(BULK, crystal(), tmp_path)

    with Saboteur(second):
        run(BULK, crystal(), tmp_path)
    assert outcomes(tmp_path) == ["finished"]


# --- the environment of the engine -----------------------------------------------------------------------------------


VARIABLES = {
    "PMI_RANK": False,
    "PMIX_NAMESPACE": False,
    "PMIX_MCA_gds": True,
    "OMPI_COMM_WORLD_SIZE": False,
    "OMPI_UNIVERSE_SIZE": False,
    "OMPI_MCA_ess": False,
    "OMPI_MCA_orte_hnp_uri": False,
    "OMPI_MCA_btl": True,
    "PRTE_MCA_plm": True,
    "OPENBLAS_NUM_THREADS": False,
    "GPAW_SETUP_PATH": True,
    "SLURM_JOB_ID": True,
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "7")
    assert (Launch(ranks=2).environment().get(name) == "7") == VARIABLES[name]


def test_one_thread_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    assert Launch(ranks=1).environment()["OMP_NUM_THREADS"] == "1"


def test_supervised_from_within_mpi(tmp_path: Path, undisturbed: Any) -> None:
    """natrium itself started by an MPI launcher: its engine is another launch and must not join the first."""
    (tmp_path / "wanted-system.json").write_text(crystal().model_dump_json())
    (tmp_path / "wanted.json").write_text(Calculation.model_validate(BULK).model_dump_json())
    outer = Launch(ranks=2)
    command = ["mpiexec", "-n", "1", sys.executable, "-c", SUPERVISING, str(tmp_path), "2"]
    subprocess.run(command, env=outer.environment(), check=True, timeout=60)
    assert outcomes(tmp_path) == ["finished"]
    result = run(BULK, crystal(), tmp_path)
    assert result.attempts[0].ranks == 2
    assert result.energy_ev == pytest.approx(undisturbed(BULK, crystal()).energy_ev, abs=1e-5)


# --- the words of the fallen -----------------------------------------------------------------------------------------

LAST_WORDS = {
    "mpiexec noticed that process rank 1 with PID 0 on node n exited on signal 9 (Killed).": Outcome.KILLED,
    "mpiexec noticed that process rank 1 exited on signal 11 (Segmentation fault).": Outcome.CRASHED,
    "slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch.": Outcome.OUT_OF_MEMORY,
    "srun: error: n1: task 0: Out Of Memory": Outcome.OUT_OF_MEMORY,
    "python: c/extensions.h:33: gpaw_malloc: Assertion `p != NULL' failed.": Outcome.OUT_OF_MEMORY,
    "ImportError: libopenblas.so: failed to map segment: Cannot allocate memory": Outcome.OUT_OF_MEMORY,
    "numpy._core._exceptions._ArrayMemoryError": Outcome.OUT_OF_MEMORY,
    "ModuleNotFoundError: No module named 'gpaw'": Outcome.NOT_STARTED,
    "There are not enough slots available in the system": Outcome.NOT_STARTED,
    "something else": Outcome.UNKNOWN,
}


@pytest.mark.parametrize("words", LAST_WORDS)
def test_last_words(words: str, tmp_path: Path) -> None:
    (tmp_path / "engine.1.err").write_text(f"before\n{words}\nafter\n")
    finding = diagnose(tmp_path, 1, 1)
    assert finding.outcome == LAST_WORDS[words]
    assert words in finding.evidence or finding.outcome == Outcome.UNKNOWN


def test_every_outcome_has_a_remedy() -> None:
    assert {outcome for outcome in Outcome if outcome != Outcome.FINISHED} == set(REMEDIES)
