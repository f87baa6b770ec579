"""`natrium submit`: a study on a SLURM cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from natrium.commands.study_options import Engine, Molecules, Overrides, Preset, settings_given

if TYPE_CHECKING:
    from natrium.analysis.runs import Run
    from natrium.hpc.cluster import Cluster, ResourceClass
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.queue.submit import Planned


def submit(
    target: Annotated[str, typer.Argument(metavar="STUDY", help="A study (natrium studies lists them).")],
    cluster: Annotated[
        str | None, typer.Option(help="Where to (natrium config show lists them); default: the configured one.")
    ] = None,
    preset: Preset = "standard",
    overrides: Overrides = None,
    engine: Engine = "gpaw",
    molecules: Molecules = None,
    resources: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[STEP:]WHAT",
            help="A resource class, or tasks=4,time_s=2h,memory_mb=4000,nodes=1; for one step or all; may be repeated.",
        ),
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", help="Run folders are made below this one; default: the cluster's runs_dir, or here."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Although the same thing was submitted before.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show every job script and the estimates; submit nothing.")
    ] = False,
) -> None:
    """Submit a study to a SLURM cluster and return at once; `natrium watch` sees it through."""
    from natrium.commands.output import line
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.queue.connection import connected_queue
    from natrium.hpc.queue.sign_of_life import is_watched
    from natrium.hpc.queue.submit import plan_run
    from natrium.hpc.queue.submit import submit as send
    from natrium.workflows.plan import check
    from natrium.workflows.study import settle, study

    chosen = study(target)
    settings = settle(chosen, preset, settings_given(overrides, molecules), engine)
    check(chosen, settings)
    configuration = load_configuration()
    name, described = configuration.cluster(cluster)
    asked = wanted_resources(resources or [], configuration.resource_classes)
    with connected_queue(configuration) as queue:
        root = directory or described.runs_dir or Path("natrium-runs")
        planned = plan_run(chosen, settings, name, described, root, asked, queue.results)
        if dry_run:
            _show_plan(queue, planned, described)
            return
        if not again:
            _ask_about(queue.runs.same_request(str(planned.run.request_sha256)))
        done = send(queue, planned)
        watched = is_watched(queue.database)
    address = planned.run.address
    line(f" ({settings.preset}) submitted to {name}, in {planned.run.folder}", address)
    for submission in done.launched:
        line(f"  {submission.step}: SLURM job {submission.slurm_id}, {_asks(submission.resources)}")
    for problem in done.problems:
        line(f"  {problem}; natrium watch submits it when it can")
    line(f"see how it goes: natrium status {address}")
    if not watched:
        line("nobody watches: start `natrium watch` where it may stay, or put `natrium watch --once` into cron")


def wanted_resources(texts: Sequence[str], classes: dict[str, ResourceClass]) -> dict[str, ResourceClass]:
    """What --resources says, by step; "" stands for all that have no word of their own.

    Raises:
        InputError: an unknown class or field, or a value that cannot be.
    """
    from pydantic import ValidationError

    from natrium.hpc.cluster import ResourceClass
    from natrium.structures.errors import InputError

    asked: dict[str, ResourceClass] = {}
    for text in texts:
        step, colon, what = text.rpartition(":")
        if what in classes:
            asked[step] = classes[what]
            continue
        pairs = dict(pair.split("=", 1) for pair in what.split(",") if "=" in pair)
        known = ", ".join([*(f"the class {name}" for name in classes), *(f"{n}=…" for n in ResourceClass.model_fields)])
        if not pairs or set(pairs) - set(ResourceClass.model_fields):
            raise InputError(f"--resources {text}: neither a resource class nor a request", f"there are {known}")
        try:
            asked[step if colon else ""] = ResourceClass.model_validate(pairs)
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(
                f"--resources {text}: {first['loc'][0]}: {first['msg']}", "write tasks=4,time_s=2h"
            ) from None
    return asked


def _ask_about(same: Sequence[Run]) -> None:
    """The same request was made before: is that meant?"""
    import sys

    from natrium.analysis.runs import State
    from natrium.structures.errors import InputError

    useful = [run for run in same if run.state not in (State.FAILED, State.CANCELLED)]
    if not useful:
        return
    run = useful[0]
    told = f"{run.address} is the same calculation, {run.state} (submitted {run.created.astimezone():%Y-%m-%d %H:%M})"
    if sys.stdin.isatty() and typer.confirm(f"{told}. Submit it once more?"):
        return
    raise InputError(told, f"see natrium status {run.address}; natrium submit --again submits it once more")


def _show_plan(queue: Queue, planned: Planned, cluster: Cluster) -> None:
    from natrium.commands.dry_run import duration
    from natrium.commands.output import line, table
    from natrium.hpc.queue.job_script import job_script
    from natrium.hpc.slurm.commands import SlurmRefusedError
    from natrium.hpc.slurm.preflight import preflight
    from natrium.workflows.atomic_file import replace_text

    rows = []
    refusals: dict[str, list[str]] = {}
    folder = Path(planned.run.folder).with_name(planned.run.address + "-dry-run")
    positions = {step.name: number for number, step in enumerate(planned.run.steps, 1)}
    engines = {step.name: step.engine or planned.settings.engine for step in planned.run.steps}
    for step, request in planned.requests.items():
        estimate = planned.estimates[step]
        inputs = folder / f"{positions[step]:02d}-{step}"
        inputs.mkdir(parents=True)
        name = f"{planned.run.address}/{step}#1"
        script = job_script(cluster, engines[step], request.resources, name, "natrium dry run", [inputs])
        replace_text(inputs / "job.sh", script)
        line("", f"# {inputs / 'job.sh'}")
        line(script)
        try:
            preflight(queue.slurm(str(planned.run.cluster)), cluster, inputs / "job.sh", request.resources)
            verdict = "yes"
        except SlurmRefusedError as error:
            verdict = "no"
            refusals.setdefault(f"{error.problem}; {error.remedy}", []).append(step)
        rows.append(
            {
                "step": step,
                "k-points": estimate.kpoints,
                "asks for": _asks(request.resources),
                "estimate": f"{duration(estimate.wall_time_s)}, {estimate.memory_per_rank_mb:.0f} MB/core",
                "rests on": request.basis,
                "would be taken": verdict,
            }
        )
    table(rows)
    line("Steps of plain Python run beside these, without jobs of their own. Nothing was submitted.")
    for why, steps in refusals.items():
        line(f" would be refused: {why}", ", ".join(steps), "bold red")
    if refusals:
        raise typer.Exit(2)


def _asks(resources: object) -> str:
    from natrium.commands.dry_run import duration
    from natrium.hpc.cluster import Resources

    assert isinstance(resources, Resources)
    nodes = f"{resources.nodes} node{'s' if resources.nodes > 1 else ''}"
    processes = f"{resources.tasks} process{'es' if resources.tasks > 1 else ''}"
    return f"{nodes}, {processes}, {resources.memory_mb} MB, {duration(resources.time_s)}"
