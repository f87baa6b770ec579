"""The program that runs PySCF: `python -m natrium.workflows.pyscf.driver --attempt K`, in the run's folder.

One process; its threads are OMP_NUM_THREADS. Reads system.json and input.json, continues from checkpoint.chk where
there is one, writes output.json when, and only when, the calculation is finished. How it ended is said by the exit
code and, for an error, by failure.K.json: the same words as GPAW's program.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.dispersion import with_dispersion
from natrium.workflows.program import (
    BUSY,
    OUTPUT,
    Start,
    run_program,
    single_point,
    take_folder,
    until_stopped,
    what_was_asked,
)
from natrium.workflows.pyscf.progress import Progress


def run(folder: Path, attempt: int, progress: Progress) -> None:
    """Carry out the calculation that input.json describes."""
    from natrium.workflows.pyscf.calculator import GaussianOrbitals
    from natrium.workflows.pyscf.harvest import harvest
    from natrium.workflows.pyscf.relaxation import relax
    from natrium.workflows.relaxation import reached

    task, system = what_was_asked(folder)
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


def carry_out(started: Start) -> int:
    """Take the folder, run.

    Returns:
        The exit code.
    """
    folder = started.folder
    lock = take_folder(folder)
    if lock is None:
        print(f"another run holds {folder}/engine.lock", file=sys.stderr)
        return BUSY
    progress = Progress(folder, started.deadline)
    return until_stopped(lambda: run(folder, started.attempt, progress), folder, progress)


if __name__ == "__main__":
    run_program(carry_out)
