"""`natrium show`: a result with everything that it rests on, or how far a run has come."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore
    from natrium.analysis.runs import Run
    from natrium.workflows.calculation import Calculation
    from natrium.workflows.result import Attempt, CalculationResult, Evaluation, Provenance, StudyResult

_OF_KIND = {
    "relax": ("force_ev_a", "max_steps", "cell"),
    "md": ("steps", "time_step_fs", "ensemble", "temperature_k", "thermostat_fs", "seed"),
}
"""Settings that mean nothing in a calculation of another kind."""


def show(
    address: Annotated[
        str, typer.Argument(metavar="ID", help="na110-3f9c2a, or one of its steps: na110-3f9c2a/slab-relax.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Show a result: numbers with unit and meaning, settings, and what it rests on; or how far a run has come."""
    from natrium.commands.results import open_store

    with open_store() as store:
        found = _result_or_run(store, address)
        if as_json and isinstance(found, dict) and found["metadata"]["natrium"]["kind"] == "study":
            found["executed"] = _executed(store, found["metadata"]["natrium"]["run"])
    if isinstance(found, dict):
        _show_result(found, as_json)
    else:
        _show_run(found, address.partition("/")[2], as_json)


def _result_or_run(store: ResultsStore, address: str) -> dict[str, Any] | Run:
    """The result document at an address; where there is none yet, the record of its run."""
    from natrium.analysis.runs import UNFINISHED
    from natrium.structures.errors import InputError

    try:
        return store.get(address, arrays=True)
    except InputError as no_result:
        name, _, step = address.partition("/")
        try:
            run = store.runs.get_run(name)
        except InputError:
            raise no_result from None
        if run.state not in UNFINISHED or not any(known.name.startswith(step) for known in run.steps):
            raise
        return run


def _executed(store: ResultsStore, run: str) -> list[dict[str, Any]]:
    """How every calculation of a run was done: the result document has not all of them."""
    from natrium.workflows.reproduction import Executed

    rows = store.find(run=run, kind="calculation", limit=0)
    newest = {row.address: Executed.model_validate(row.output) for row in reversed(rows)}
    return [one.model_dump(mode="json") for one in newest.values()]


def _show_result(document: dict[str, Any], as_json: bool) -> None:
    from pydantic import ValidationError

    from natrium.commands.output import line, print_json
    from natrium.structures.errors import InputError
    from natrium.workflows.plan import PART
    from natrium.workflows.result import Evaluation
    from natrium.workflows.study import study

    if as_json:
        # with the time zone, which the database leaves out
        document["completed_at"] = datetime.fromisoformat(document["completed_at"]).astimezone().isoformat()
        told = ("metadata", "completed_at", "uuid", "index", "output", "executed")
        print_json({name: document[name] for name in told if name in document})
        return
    natrium = document["metadata"]["natrium"]
    is_study = natrium["kind"] in ("study", PART)
    address = natrium["run"] + ("" if natrium["kind"] == "study" else f"/{natrium['step']}")
    model = _model(natrium["study"], natrium["kind"])
    try:
        result = model.model_validate(document["output"])
    except ValidationError as error:
        raise InputError(
            f"{address} was written by another version of natrium: {error.error_count()} fields differ",
            f"natrium show --json {address} shows it as it is",
        ) from None
    line(f"  {natrium['formula']}, completed {document['completed_at'][:16].replace('T', ' ')}", address)
    if is_study:
        line("", study(natrium["study"]).headline(result), "bold green")
        _study(address, result)
    elif isinstance(result, Evaluation):
        _evaluation(result)
    else:
        _calculation(result)


def _model(study_name: str, kind: str) -> Any:
    """The class of a document of this kind."""
    from natrium.workflows.result import CalculationResult
    from natrium.workflows.study import Evaluating, study

    if kind == "calculation":
        return CalculationResult
    chosen = study(study_name)
    return chosen.evaluation if kind == "evaluation" and isinstance(chosen, Evaluating) else chosen.result


def _evaluation(result: Evaluation) -> None:
    """A structure's own numbers, then those of its density difference."""
    from natrium.commands.output import line, numbers

    for name in type(result).model_fields:
        part = getattr(result, name)
        if part is not None and name != "system":
            line("", f"\n{name}")
            numbers(part, leave_out=("system", "calculations"))


def _study(address: str, result: StudyResult) -> None:
    from natrium.commands.output import line, numbers, short, spoken, table, with_unit
    from natrium.workflows.result import StudyResult
    from natrium.workflows.study import Tabulated, study

    line("", "\nnumbers")
    reporter = study(result.study)
    if isinstance(reporter, Tabulated):
        for rows in reporter.tables(result):
            table(rows)
            line("")
    else:
        numbers(result, leave_out=tuple(StudyResult.model_fields))
    line("", "\nsettings")
    engines = ", ".join(sorted({one.provenance.engine for one in result.calculations.values()})) or result.engine
    line(f"  study {result.study}, preset {result.preset} ({result.quality}), engine {engines}")
    line(f"  changed from the preset: {short(result.overrides) if result.overrides else 'nothing'}")
    for assumption in result.assumptions:
        line(f"  assumed: {assumption}")
    line("", "\ncalculations")
    for name, part in result.calculations.items():
        more = "" if "/" in address else f"  (natrium show {address}/{name})"
        line(f": {part.system}, {part.formula}{more}", f"  {name}")
        line(f"    {_settings(part.calculation)}")
        facts = ("energy_ev", "relaxation_steps", "max_force_ev_a", "wall_time_s", "peak_memory_mb")
        line("    " + ", ".join(f"{spoken(fact)} {with_unit(fact, getattr(part, fact))}" for fact in facts))
        _attempts(part.attempts)
    _provenance({name: part.provenance for name, part in result.calculations.items()})


def _calculation(result: CalculationResult) -> None:
    from natrium.commands.output import line, numbers

    line(f"  {result.system.label}")
    line("", "\nnumbers")
    numbers(result, leave_out=("system", "calculation", "attempts", "provenance"))
    line(", at its final geometry", "\nsystem")
    numbers(result.system, leave_out=("label",))
    line("", "\nsettings")
    line(f"  {_settings(result.calculation)}")
    line("", "\nattempts")
    _attempts(result.attempts)
    _provenance({"": result.provenance})


def _settings(calculation: Calculation) -> str:
    """The settings that are set and mean something, as --set takes them."""
    import yaml

    unused = {name for kind, names in _OF_KIND.items() if kind != calculation.kind for name in names}
    told = {name: value for name, value in calculation.model_dump(mode="json").items() if name not in unused}
    plain = {
        name: int(value) if value == int(value) else value for name, value in told.items() if isinstance(value, float)
    }
    flow = [
        yaml.safe_dump({name: value}, default_flow_style=True, width=10_000).strip()[1:-1].replace(": ", "=", 1)
        for name, value in (told | plain).items()
        if value not in (None, False, {}, [])
    ]
    return "  ".join(flow)


def _attempts(attempts: list[Attempt], *, running: bool = False) -> None:
    """All of them; the last one of a step that runs has no end yet, and is written down as if it had vanished."""
    from natrium.commands.output import line, short

    for attempt in attempts:
        if running and attempt is attempts[-1] and attempt.wall_time_s is None:
            line(f"    attempt {attempt.number}: running since {attempt.started:%Y-%m-%d %H:%M} UTC")
            continue
        after = f" after {attempt.wall_time_s:.1f} s" if attempt.wall_time_s is not None else ""
        job = f", job {attempt.scheduler_job}" if attempt.scheduler_job else ""
        line(
            f"    attempt {attempt.number}: {attempt.outcome}{after}, {attempt.ranks} processes on {attempt.host}{job},"
            f" {attempt.started:%Y-%m-%d %H:%M} UTC; {attempt.evidence}"
        )
        if attempt.continued_from:
            line(f"      continued from {attempt.continued_from}")
        if attempt.changes:
            line(f"      changed for the next attempt: {short(attempt.changes)}")


def _provenance(of: dict[str, Provenance]) -> None:
    """What is the same for all calculations is said once."""
    from natrium.commands.output import line, short

    line("", "\nprovenance")
    if not of:
        line("  nothing was calculated")
        return
    first = next(iter(of.values()))
    for name in type(first).model_fields:
        values = {step: getattr(provenance, name) for step, provenance in of.items()}
        shared = all(value == getattr(first, name) for value in values.values())
        for step, value in {"": getattr(first, name)}.items() if shared else values.items():
            called = name.replace("_", " ") + (f" of {step}" if step else "")
            if isinstance(value, dict):
                line(f"  {called}:")
                for key, item in value.items():
                    line(f"    {key} {short(item)}")
            else:
                line(f"  {called}: {value}")


def _show_run(run: Run, asked: str, as_json: bool) -> None:
    """How far a run has come, or of one that was asked for a step, that step."""
    from natrium.analysis.runs import State
    from natrium.commands.output import line, print_json, short
    from natrium.commands.progress import described
    from natrium.hpc.attempts import read_attempts
    from natrium.hpc.local_run import step_folder
    from natrium.hpc.run_lock import state_now
    from natrium.workflows.engine import engine

    state = state_now(run)
    if as_json:
        steps = [step.model_dump(mode="json") for step in run.steps if step.name.startswith(asked)]
        print_json(run.model_dump(mode="json") | {"state": state.value, "steps": steps})
        return
    line(f"  {state}; it has no result yet", run.address)
    line(f"  preset {run.preset}, changed: {short(run.overrides) if run.overrides else 'nothing'}")
    line(f"  started {run.created.astimezone():%Y-%m-%d %H:%M} on {run.host}, folder {run.folder}")
    for position, step in enumerate(run.steps):
        if not step.name.startswith(asked):
            continue
        folder = Path(run.folder) / step_folder(run, position)
        told = State.INTERRUPTED if step.state == State.RUNNING and state != State.RUNNING else step.state
        line(f"  {told:<12} {step.name}")
        if told in (State.FAILED, State.INTERRUPTED, State.RUNNING):
            line(f"    folder {folder}")
            _attempts(read_attempts(folder), running=told == State.RUNNING)
        if told == State.RUNNING and step.engine is not None:
            line(f"    now: {described(engine(step.engine).progress(folder))}")
    if run.error and state != State.RUNNING:
        line(f"why: {run.error}")
    if run.cluster is not None:
        line(f"its jobs on {run.cluster}: natrium status {run.address}")
    elif state != State.RUNNING:
        line(f"continue with: natrium run --resume {run.address}")
