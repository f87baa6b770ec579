"""`natrium status`, `watch`, `logs`, `cancel` and `rerun`: runs on clusters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from natrium.commands.study_options import Overrides

if TYPE_CHECKING:
    from rich.tree import Tree

    from natrium.analysis.runs import Run
    from natrium.hpc.queue.connection import Queue
    from natrium.hpc.queue.tree import RunStatus, StepStatus
    from natrium.hpc.queue.watch import Pass

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]
_COLOURS = {"completed": "green", "failed": "red", "cancelled": "red", "running": "cyan", "queued": "yellow"}


def status(
    address: Annotated[str | None, typer.Argument(metavar="[ID]", help="One run; default: all that go on.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Completed ones too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every few seconds until Ctrl-C.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many runs, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show runs on clusters as trees: state, SLURM job, time, attempts, and why something failed or waits."""
    from natrium.commands.output import console, print_json

    with _queue(to_look=True) as queue:
        if watch and not as_json:
            _watch_status(queue, address, everything, limit)
            return
        found, problems = _look(queue, address, everything, limit)
        if as_json:
            print_json([run.model_dump(mode="json") for run in found])
            return
        for tree in _trees(found):
            console.print(tree)
        _notes(queue, found, problems)


def watch(
    once: Annotated[bool, typer.Option("--once", help="One pass, for cron.")] = False,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between two passes.")] = 10.0,
) -> None:
    """See all runs through: launch what is ready, judge what ended, rerun what the policy says. Ctrl-C ends it."""
    from natrium.commands.output import line
    from natrium.hpc.database_server import UNATTENDED_S
    from natrium.hpc.queue.watch import one_pass
    from natrium.hpc.queue.watch import watch as keep_watching
    from natrium.hpc.stop_requests import stop_requested

    with _queue(UNATTENDED_S) as queue:
        if once:
            _report(one_pass(queue))
            return
        line(f"watching every {interval:g} s; Ctrl-C ends it, the jobs go on")
        with stop_requested() as stop:
            keep_watching(queue, interval, _report, stop)


def logs(
    address: Annotated[str, typer.Argument(metavar="ID", help="A run, or one of its steps: na110-3f9c2a/slab-relax.")],
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f", help="Go on until the job ends.")] = True,
) -> None:
    """Show what the running calculation writes, and follow it."""
    from natrium.commands.follow import follow as follow_file
    from natrium.commands.output import line
    from natrium.hpc.queue.logs import newest_log
    from natrium.hpc.queue.submission import Stage

    with _queue() as queue:
        found = newest_log(queue, address)
        line(f" ({found.submission}, {found.stage})", str(found.path))

        def goes_on() -> bool:
            now = newest_log(queue, address)
            return follow and now.path == found.path and now.stage != Stage.ENDED

        follow_file(found.path, goes_on)


def cancel(
    address: Annotated[str, typer.Argument(metavar="ID", help="A run, or one of its steps.")],
) -> None:
    """Cancel a run's jobs; files, checkpoints and finished results stay."""
    from natrium.commands.output import line
    from natrium.hpc.queue.cancel import cancel as end

    with _queue() as queue:
        name, _, step = address.partition("/")
        run = queue.runs.get_run(name)
        ended = end(queue, run.address, step or None)
        for submission in ended:
            line(f"cancelled: {submission.id}, SLURM job {submission.slurm_id}")
        line(f"start it again with: natrium rerun {run.address}")


def rerun(
    address: Annotated[str | None, typer.Argument(metavar="[ID]", help="A run, or one of its steps.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every run that failed.")] = False,
    overrides: Overrides = None,
    resources: Annotated[
        list[str] | None, typer.Option(metavar="[STEP:]WHAT", help="Ask for other resources, as in natrium submit.")
    ] = None,
) -> None:
    """Calculate again what failed or was cancelled, or a step by its name; what depends on it follows."""
    from natrium.analysis.runs import State
    from natrium.commands.output import line
    from natrium.commands.study_options import parsed
    from natrium.commands.submit import wanted_resources
    from natrium.hpc.queue.rerun import rerun as again
    from natrium.hpc.queue.settle import settle
    from natrium.hpc.queue.sign_of_life import is_watched
    from natrium.structures.errors import InputError

    if failed == (address is not None):
        raise InputError("which run?", "natrium rerun ID, or natrium rerun --failed for all that failed")
    with _queue() as queue:
        asked = wanted_resources(resources or [], queue.configuration.resource_classes)
        name, _, step = (address or "").partition("/")
        runs = (
            [queue.runs.get_run(name)]
            if address
            else [run for run in queue.runs.list_runs(state=State.FAILED, limit=1000) if run.cluster is not None]
        )
        if not runs:
            line("no run failed")
        for run in runs:
            steps = again(queue, run.address, step or None, parsed(overrides or []), asked)
            line(f": calculates anew {' → '.join(steps)}", run.address)
            done = settle(queue, run.address)
            for submission in done.launched:
                line(f"  {submission.step}: SLURM job {submission.slurm_id}")
            for problem in done.problems:
                line(f"  {problem}")
        if runs and not is_watched(queue.database):
            line("nobody watches: natrium watch sees runs through")


@contextmanager
def _queue(patience_s: float | None = None, *, to_look: bool = False) -> Iterator[Queue]:
    """The queue; who only looks does not wait for what it takes to change something."""
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.queue.light_imports import import_jobflow

    if not to_look:
        import_jobflow()
    from natrium.hpc.database_server import ATTENDED_S
    from natrium.hpc.queue.connection import connected_queue

    with connected_queue(load_configuration(), patience_s or ATTENDED_S) as queue:
        yield queue


def _look(queue: Queue, address: str | None, everything: bool, limit: int) -> tuple[list[RunStatus], list[str]]:
    from natrium.analysis.runs import UNFINISHED, State
    from natrium.hpc.queue.tree import statuses

    problems: list[str] = []
    runs: list[Run] = (
        [queue.runs.get_run(address.partition("/")[0])]
        if address
        else queue.runs.on_clusters(State if everything else UNFINISHED)
    )
    runs = sorted((run for run in runs if run.cluster), key=lambda run: run.created, reverse=True)[:limit]
    return statuses(queue, runs, problems), problems


def _watch_status(queue: Queue, address: str | None, everything: bool, limit: int) -> None:
    import contextlib
    import time

    from rich.console import Group
    from rich.live import Live

    from natrium.commands.output import console

    with contextlib.suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
        while True:
            found, problems = _look(queue, address, everything, limit)
            live.update(Group(*_trees(found), *problems), refresh=True)
            time.sleep(2)


def _trees(found: list[RunStatus]) -> list[Tree]:
    from rich.text import Text
    from rich.tree import Tree

    trees = []
    for run in found:
        title = Text.assemble(
            (run.address, "bold"),
            f"  {run.study} ({run.preset}) on {run.cluster}  ",
            (run.state, _COLOURS.get(run.state, "")),
        )
        tree = Tree(title, guide_style="dim")
        for step in run.steps:
            branch = tree.add(
                Text.assemble(f"{step.name:<14} ", (f"{step.state:<10}", _COLOURS.get(step.state, "")), _facts(step))
            )
            for past in step.history:
                branch.add(Text(past, style="dim"))
            if step.why and step.state in ("failed", "cancelled", "queued"):
                branch.add(Text(step.why, style="red" if step.state != "queued" else "dim"))
        if run.state in ("failed", "cancelled"):
            tree.add(Text(f"start it again with: natrium rerun {run.address}", style="dim"))
        trees.append(tree)
    return trees


def _facts(step: StepStatus) -> str:
    from natrium.commands.dry_run import duration

    if step.slurm_id is None:
        return ""
    told = [f"job {step.slurm_id}"]
    if step.slurm_state:
        told.append(step.slurm_state + (f" on {step.nodes}" if step.nodes else ""))
    if step.elapsed_s is not None:
        told.append(f"{duration(step.elapsed_s)} of {duration(step.limit_s or 0)}")
    if step.submissions > 1:
        told.append(f"job number {step.submissions} of this step")
    return ", ".join(told)


def _notes(queue: Queue, found: list[RunStatus], problems: list[str]) -> None:
    from natrium.analysis.runs import ACTIVE
    from natrium.commands.output import notes
    from natrium.hpc.queue.sign_of_life import is_watched

    for problem in problems:
        notes.print(problem)
    if not found:
        notes.print("no run goes on; natrium submit starts one, natrium status --all shows the completed ones")
    if any(run.state in ACTIVE for run in found) and not is_watched(queue.database):
        notes.print("nobody watches: natrium watch sees runs through, natrium watch --once brings them up to date now")


def _report(done: Pass) -> None:
    """A line for all that happened, with the time: made to be kept in a file."""
    import time

    for address, settled in done.settled.items():
        for submission in settled.ended:
            why = submission.decision.why if submission.decision else ""
            print(
                f"{time.strftime('%F %T')} {submission.id}: {submission.outcome} ({submission.evidence}) → {why}",
                flush=True,
            )
        for submission in settled.launched:
            print(f"{time.strftime('%F %T')} {submission.id}: SLURM job {submission.slurm_id}", flush=True)
        if settled.state is not None and not settled.launched and settled.ended:
            print(f"{time.strftime('%F %T')} {address}: {settled.state}", flush=True)
    for problem in done.problems:
        print(f"{time.strftime('%F %T')} {problem}", flush=True)
