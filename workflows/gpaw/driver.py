"""The program that runs GPAW: `mpiexec -n N python -m natrium.workflows.gpaw.driver --attempt K`, in the run's folder.

Reads system.json and input.json, continues from checkpoint.gpw where there is one, writes output.json when, and only
when, the calculation is finished. How it ended is said by the exit code and, for an error, by failure.K.json.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from natrium.workflows.atomic_file import replace_text
from natrium.workflows.dispersion import with_dispersion
from natrium.workflows.dynamics_record import Moment
from natrium.workflows.dynamics_record import reached as reached_moment
from natrium.workflows.gpaw.progress import CHECKPOINT, Progress
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


def run(folder: Path, attempt: int, progress: Progress) -> None:
    """Carry out the calculation that input.json describes."""
    from gpaw.mpi import world

    from natrium.workflows.gpaw.dynamics import calculate_reproducibly
    from natrium.workflows.gpaw.harvest import harvest

    task, system = what_was_asked(folder)
    before = last_moment(task, folder) if task["kind"] == "md" else None
    if task["kind"] == "md":
        calculate_reproducibly()
        progress.checkpoint_interval_s = None
    calc, atoms, continued_from = start(task, system, folder, attempt, before)
    calc.hooks["scf_step"] = progress.scf_step(calc)
    progress.report(phase="scf", continued_from=continued_from, task=task["kind"])
    try:
        atoms.calc = with_dispersion(calc, task["dispersion"])
        steps = carry_out_kind(atoms, calc, task, before, progress)
        output = harvest(calc, atoms, system, task, folder)
    except Exception as error:
        # the SCF cycle ended on all ranks alike: what it reached is worth keeping for the next attempt
        if "KohnShamConvergenceError" in [cls.__name__ for cls in type(error).__mro__]:
            progress.keep_unconverged(calc)
        raise
    progress.write_checkpoint(calc)
    if world.rank == 0:
        output |= {"attempt": attempt, "relaxation_steps": steps, "continued_from": continued_from}
        replace_text(folder / OUTPUT, json.dumps(output))
    progress.report(phase="finished")


def carry_out_kind(
    atoms: Any, calc: Any, task: dict[str, Any], before: tuple[Moment, Path] | None, progress: Progress
) -> int:
    """Do what this kind of calculation does; returns the steps of a relaxation, 0 of others."""
    if task["kind"] == "relax":
        from natrium.workflows.gpaw.relaxation import relax

        return relax(atoms, calc, task["relax"], progress.folder, progress)
    if task["kind"] == "md":
        from natrium.workflows.gpaw.dynamics import move

        move(atoms, calc, task, before, progress)
        return 0
    return single_point(atoms)


def last_moment(task: dict[str, Any], folder: Path) -> tuple[Moment, Path] | None:
    """The step that molecular dynamics goes on from, of this folder or of the one that it continues, and which."""
    earlier = task["md"]["continue_from"]
    for place in (folder, Path(earlier) if earlier else None):
        moment = reached_moment(place) if place is not None else None
        if moment is not None and place is not None:
            return moment, place
    return None


def start(
    task: dict[str, Any], system: Any, folder: Path, attempt: int, before: tuple[Moment, Path] | None
) -> tuple[Any, Any, str | None]:
    """A calculator and its atoms: from our own checkpoint, from another calculation's, or from nothing."""
    from gpaw.dft import GPAW

    from natrium.workflows.relaxation import reached

    text = str(folder / f"gpaw.{attempt}.txt")
    keywords = task["gpaw"]
    atoms = system.atoms()
    if task["magnetic_moments"] is not None:
        # also for a continued run: a moment that is held fixed is the sum of these
        atoms.set_initial_magnetic_moments(task["magnetic_moments"])
    last_step = reached(folder)
    if last_step is not None:
        atoms.set_cell(last_step["cell_a"])
        atoms.set_positions(last_step["positions_a"], apply_constraint=False)
    own = folder / CHECKPOINT
    if before is not None:
        atoms.set_positions(before[0].positions_a, apply_constraint=False)
        own = before[1] / f"{before[0].electrons}.gpw"
    source = own if own.exists() else Path(task["start_from"]) if task["start_from"] else None
    calc = read_checkpoint(source, text, keywords, aside=folder / f"checkpoint.unreadable-{attempt}.gpw")
    if calc is not None and source == own:
        atoms.set_cell(calc.atoms.cell)
        atoms.set_positions(calc.atoms.positions, apply_constraint=False)
    if calc is None or not take_over(calc, keywords):
        # legacy_gpaw=False: some keywords would fall back to the old implementation without a word
        return GPAW(**keywords, txt=text, legacy_gpaw=False), atoms, None
    if source != own or task["kind"] == "static":
        # iterate at least once more: Fermi level, levels and potential of a static calculation come from one density
        calc.dft.results = {}
    return calc, atoms, str(source)


def read_checkpoint(source: Path | None, text: str, keywords: dict[str, Any], aside: Path) -> Any:
    """The calculator in a checkpoint; None where there is none. One that cannot be read costs time, not the run."""
    from gpaw.dft import GPAW
    from gpaw.mpi import world

    if source is None or not source.exists():
        return None
    world.barrier()
    try:
        return GPAW(str(source), txt=text, parallel=keywords.get("parallel"), legacy_gpaw=False)
    except MemoryError:
        raise
    except Exception as error:
        world.barrier()
        if world.rank == 0:
            print(f"cannot continue from {source}: {error!r}; starting from nothing", file=sys.stderr)
            if source.parent == aside.parent:
                source.replace(aside)
        world.barrier()
        return None


def take_over(calc: Any, keywords: dict[str, Any]) -> bool:
    """Give a calculator from a checkpoint the keywords that may differ; GPAW ignores keywords where it reads a file.

    Returns:
        False where GPAW 26.7 cannot: a changed calculation in atomic orbitals loses its basis.
    """
    from gpaw.dft import Mixer

    dft, changed = calc.dft, {}
    if dft.params.convergence != keywords["convergence"]:
        changed["convergence"] = keywords["convergence"]
    mixer = keywords.get("mixer")
    if mixer is not None and Mixer.from_param(mixer).todict() != (dft.params.mixer and dft.params.mixer.todict()):
        changed["mixer"] = mixer
    if changed:
        if keywords["mode"]["name"] == "lcao":
            return False
        results = dft.results  # of the same physics, and thrown away by the change
        dft.change(**changed)
        dft.results = results
    dft.scf_loop.maxiter = keywords["maxiter"]
    dft.ibzwfs.make_sure_wfs_are_read_from_gpw_file()  # atoms may move before anything else reads them
    return True


def carry_out(started: Start) -> int:
    """Start MPI, take the folder, run.

    Returns:
        The exit code.
    """
    import gpaw
    from gpaw import cgpaw

    if gpaw.GPAW_MPI_BACKEND is None:
        # what the command `gpaw python` does; but with that, a rank that fails in an import leaves the others waiting
        gpaw.GPAW_MPI_BACKEND = "cgpaw" if cgpaw.have_mpi else "serial"
    from gpaw.mpi import broadcast, world

    folder = started.folder
    lock = take_folder(folder) if world.rank == 0 else None
    alone = broadcast(lock is not None if world.rank == 0 else None, comm=world)
    if not alone:
        if world.rank == 0:
            print(f"another GPAW run holds {folder}/engine.lock", file=sys.stderr)
        return BUSY
    progress = Progress(world, folder, started.deadline, CHECKPOINT_INTERVAL_S)
    code = until_stopped(lambda: run(folder, started.attempt, progress), folder, progress)
    world.barrier()
    return code


CHECKPOINT_INTERVAL_S = float(os.environ.get("NATRIUM_CHECKPOINT_INTERVAL_S", "60"))

if __name__ == "__main__":
    run_program(carry_out)
