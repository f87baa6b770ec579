"""`natrium run --dry-run`: every input file and the estimated cost; nothing is started."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore
    from natrium.hpc.configuration import Configuration
    from natrium.workflows.engine import Parallelism
    from natrium.workflows.study import Study, StudySettings

_PATIENCE_S = 2.0
_CORES: dict[Parallelism, str] = {"processes": "MPI processes", "threads": "threads of one process"}


def dry_run(chosen: Study, settings: StudySettings, directory: Path) -> None:
    """Write the inputs of every calculation into a new folder, and print what they would cost."""
    from natrium.commands.output import line, table
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.estimate import estimate
    from natrium.structures.errors import InputError
    from natrium.workflows.atomic_file import replace_text
    from natrium.workflows.engine import engine
    from natrium.workflows.plan import new_address, plan
    from natrium.workflows.sections import planned

    address = new_address(chosen.name)
    plan(chosen, settings, address)  # refuses what a run would refuse
    folder = directory.absolute() / f"{address}-dry-run"
    configuration = load_configuration()
    rows = []
    cores: set[str] = set()
    total_s = 0.0
    with _results_that_answer(configuration) as finished:
        for number, (step, own) in enumerate(planned(chosen, settings).items(), 1):
            inputs = folder / f"{number:02d}-{step}"
            try:
                inputs.mkdir(parents=True)
            except OSError as error:
                raise InputError(
                    f"cannot write {folder}: {error.strerror}", "choose another folder with --dir"
                ) from error
            program = engine(own.engine)
            program.write_inputs(own.calculation, own.system, inputs)
            cores.add(_CORES[program.parallelism])
            cost = estimate(step, own.calculation, own.system, configuration.ranks, finished, own.engine)
            total_s += cost.wall_time_s
            rows.append(
                {
                    "step": step,
                    "atoms": len(own.system.symbols),
                    "k-points": cost.kpoints,
                    "size": cost.size,
                    "bands": cost.bands,
                    "MB/core": f"{cost.memory_per_rank_mb:.0f}",
                    "wall time": duration(cost.wall_time_s),
                    "rests on": cost.basis,
                }
            )
    replace_text(folder / "settings.json", settings.model_dump_json(indent=1))
    table(rows)
    line(f"input files: {folder}")
    line(f"Together {duration(total_s)}." if len(rows) > 1 else "")
    line(
        f"Wall times are for {configuration.ranks} {' or '.join(sorted(cores))} on idle cores; a model is good to a"
        " factor of three."
        " Later steps are written with the reference geometry, a run uses the relaxed one. Nothing was started."
    )


@contextlib.contextmanager
def _results_that_answer(configuration: Configuration) -> Iterator[ResultsStore | None]:
    """Finished runs to learn from, if their database runs and answers at once; a dry run starts none."""
    from natrium.analysis.results_store import ResultsStore
    from natrium.hpc.databases import results_store
    from natrium.hpc.embedded.folder import DatabaseError
    from natrium.hpc.embedded.lifecycle import status

    with contextlib.ExitStack() as stack:
        store = None
        with contextlib.suppress(DatabaseError):
            if configuration.database_uri is not None or status(configuration.embedded_folder).running:
                store = ResultsStore(stack.enter_context(results_store(configuration, patience_s=_PATIENCE_S)))
        yield store


def duration(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
