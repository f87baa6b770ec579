"""The program that runs PySCF: `python -m natrium.workflows.pyscf.driver --attempt K`, in the run's folder.

One process; its threads are OMP_NUM_THREADS. Reads system.json and input.json, continues from checkpoint.chk where
there is one, writes output.json when, and only when, the calculation is finished. How it ended is said by the exit
code and, for an error, by failure.K.json: the same words as GPAW's program.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.dispersion import with_dispersion
from natrium.workflows.program import (
    BUSY,
    FINISHED,
    INPUT,
    OUTPUT,
    STOP,
    STOPPED,
    SYSTEM,
    StopRequestedError,
    fail,
    single_point,
    take_folder,
)
from natrium.workflows.pyscf.progress import Progress


def run(folder: Path, attempt: int, progress: Progress) -> None:
    """Carry out the calculation that input.json describes."""
    from natrium.structures.system import System
    from natrium.workflows.pyscf.calculator import GaussianOrbitals
    from natrium.workflows.pyscf.harvest import harvest
    from natrium.workflows.pyscf.relaxation import relax
    from natrium.workflows.relaxation import reached

    task = json.loads((folder / INPUT).read_text())
    system = System.model_validate_json((folder / SYSTEM).read_text())
    atoms = system.atoms()
    last_step = reached(folder)
    if last_step is not None:
        atoms.set_positions(last_step["positions_a"], apply_constraint=False)
    start_from = Path(task["start_from"]) if task["start_from"] else None
    calculator = GaussianOrbitals(task, system, progress, folder / f"pyscf.{attempt}.txt", start_from)
    progress.report(phase="scf", task=task["kind"])
    atoms.calc = with_dispersion(calculator, task["dispersion"])
    steps = relax(atoms, system, task["relax"], folder, progress) if task["kind"] == "relax" else single_point(atoms)
    task["cycles"] = len(progress.energies_ev)
    output = harvest(calculator.mean_field, atoms, system, task, folder)
    output |= {"attempt": attempt, "relaxation_steps": steps, "continued_from": calculator.continued_from}
    replace_text(folder / OUTPUT, json.dumps(output))
    progress.report(phase="finished")


def main() -> None:
    """Run and say by exit code and files how it ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--attempt", type=int, required=True)
    parser.add_argument("--deadline", type=float, default=None)
    arguments = parser.parse_args()
    folder = Path.cwd()
    try:
        code = carry_out(folder, arguments.attempt, arguments.deadline)
    except BaseException as error:
        fail(folder / f"failure.{arguments.attempt}.json", error)
    sys.exit(code)


def carry_out(folder: Path, attempt: int, deadline: float | None) -> int:
    """Take the folder, run.

    Returns:
        The exit code.
    """
    lock = take_folder(folder)
    if lock is None:
        print(f"another run holds {folder}/engine.lock", file=sys.stderr)
        return BUSY
    progress = Progress(folder, deadline)
    try:
        run(folder, attempt, progress)
    except StopRequestedError:
        progress.report(phase="stopped", reason="asked to stop" if (folder / STOP).exists() else "the wall time ends")
        return STOPPED
    return FINISHED


if __name__ == "__main__":
    main()
