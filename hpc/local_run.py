"""Running a study's Flow on this machine: step by step, each in its folder, and continued after whatever happened.

The folder of a run holds flow.json (the jobs as they were planned), settings.json, and one folder a step. A step is
finished when its output is in the results store and finished.json, written after that, in its folder; only then it is
not repeated. Repeating a step whose engine had finished costs nothing: the engine's folder is read again.
"""

from __future__ import annotations

import contextlib
import json
import socket
import traceback
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from jobflow import Flow, Job, JobStore, OnMissing, Response
from monty.json import MontyDecoder, MontyEncoder
from pymongo.errors import PyMongoError

from natrium.analysis.results_store import ResultsStore
from natrium.analysis.runs import Run, Runs, RunStep, State
from natrium.hpc.embedded.folder import DatabaseError
from natrium.hpc.new_run import FLOW, SETTINGS, added_step, establish, new_run
from natrium.hpc.run_lock import alone_in
from natrium.hpc.supervise import CalculationStoppedError
from natrium.structures.errors import InputError, NatriumError
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.plan import in_order, label, new_address, plan
from natrium.workflows.study import Study, StudySettings

FINISHED = "finished.json"
_DIVERSIONS = ("replace", "detour", "addition")


class Observer(Protocol):
    """Somebody who is told how a run proceeds."""

    def step_started(self, name: str, folder: Path, engine_name: str | None) -> None:
        """A step begins, in this folder."""

    def step_ended(self, name: str, state: State, reused: bool) -> None:
        """A step ended; `reused` says that it had been finished before."""


class RunFailedError(NatriumError):
    """At least one step failed; everything that could finish has finished."""

    exit_code = 3


class RunStoppedError(NatriumError):
    """A calculation stopped with a checkpoint, because its wall time ended or it was asked to."""

    exit_code = 75


class StepError(NatriumError):
    """A step failed in a way that nobody foresaw."""


@dataclass
class LocalRun:
    """One run of a study on this machine.

    Args:
        run: Its record.
        flow: Its jobs.
        settings: Those of a run that begins now; None for one that is continued.
    """

    run: Run
    flow: Flow
    settings: StudySettings | None = None
    store: JobStore = field(init=False)
    failures: dict[str, NatriumError] = field(default_factory=dict)
    _blocked: set[str] = field(default_factory=set)
    """Jobs whose output will not come: they failed, wait for one that failed, or want nothing after them."""
    _indices: dict[str, int] = field(default_factory=dict)
    """Which output of each job counts."""
    _enough: bool = False

    @classmethod
    def start(cls, chosen: Study, settings: StudySettings, root: Path) -> LocalRun:
        """Plan a new run in a new folder below `root`. Nothing is written before it is executed."""
        address = new_address(chosen.name)
        flow = plan(chosen, settings, address)
        return cls(new_run(address, settings, flow, root, state=State.WAITING), flow, settings)

    @classmethod
    def resume(cls, run: Run) -> LocalRun:
        """Continue a run that was interrupted, killed, or failed.

        Raises:
            InputError: it is complete, its folder is gone or it belongs to another machine.
        """
        _refuse_complete(run)
        if run.cluster is not None:
            raise InputError(f"{run.address} runs on {run.cluster}", f"natrium status {run.address}; natrium rerun")
        flow_file = Path(run.folder) / FLOW
        if not flow_file.exists():
            raise InputError(
                f"{run.address}: {flow_file} is not on this machine ({socket.gethostname()})",
                f"resume it on {run.host}; if the folder was deleted or moved, start a new run",
            )
        return cls(run, MontyDecoder().decode(flow_file.read_text()))

    def execute(self, store: JobStore, observer: Observer) -> None:
        """Run every step that can run, in order.

        Args:
            store: Connected job store.
            observer: Is told how it goes on.

        Raises:
            InputError: the folder cannot be written; another process is running this run, or has completed it.
            RunFailedError: steps failed.
            RunStoppedError: a calculation stopped with a checkpoint.
            KeyboardInterrupt: the step in hand wrote its checkpoint first.
        """
        self.store = store
        address = self.run.address
        if self.settings is not None:
            establish(self.run, self.settings, self.flow)
            self._runs.insert_run(self.run)
        with alone_in(Path(self.run.folder), address):
            _refuse_complete(self._runs.get_run(address))
            self._runs.update_run(address, state=State.RUNNING)
            try:
                self._run(self.flow, observer)
            except CalculationStoppedError as error:
                self._runs.update_run(address, state=State.INTERRUPTED, error=error.problem)
                raise RunStoppedError(f"{address}: {error.problem}", f"natrium run --resume {address}") from error
            except KeyboardInterrupt:
                self._runs.update_run(address, state=State.INTERRUPTED, error="Ctrl-C, or a request to terminate")
                raise
            except BaseException as error:
                reason = error.problem if isinstance(error, NatriumError) else f"{type(error).__name__}: {error}"
                self._runs.update_run(address, state=State.INTERRUPTED, error=reason)
                raise
            if self.failures:
                failed = self._failed()
                self._runs.update_run(address, state=State.FAILED, error=failed.problem)
                raise failed
            self._runs.update_run(address, state=State.COMPLETED)

    @cached_property
    def _runs(self) -> Runs:
        return ResultsStore(self.store).runs

    def _run(self, flow: Flow, observer: Observer) -> bool:
        """Run the jobs of a flow; say whether all of them did what they should."""
        good = True
        for job, parents in in_order(flow):
            if self._enough:
                return good
            missing = self._blocked & {*parents, *job.input_uuids}
            if missing and job.config.on_missing_references == OnMissing.ERROR:
                self._blocked.add(job.uuid)
                good = False
            else:
                good = self._step(job, observer) and good
        return good

    def _step(self, job: Job, observer: Observer) -> bool:
        """Run one job, unless that is done from what its inputs are now."""
        step = self._record(job)
        inputs = {uuid: index for uuid, index in self._indices.items() if uuid in job.input_uuids}
        inputs = {uuid: index for uuid, index in inputs.items() if uuid not in self._blocked}
        decided = self._finished(job)
        while decided is not None and not inputs.items() <= decided.get("inputs", inputs).items():
            # what was missing then, or poorer, is there now; the poorer result stays, under its own index
            job.index += 1
            decided = self._finished(job)
        self._indices[job.uuid] = job.index
        folder = self._folder(job)
        if decided is not None:
            if step.state != State.COMPLETED:
                self._runs.update_step(self.run.address, step.name, State.COMPLETED)
            observer.step_ended(step.name, State.COMPLETED, True)
        else:
            decided = self._carry_out(job, step, inputs, folder, observer)
        if decided is None or not self._follow(decided, observer):
            self._blocked.add(job.uuid)
            return False
        if decided["stop_children"]:
            self._blocked.add(job.uuid)
        self._enough = self._enough or decided["stop_jobflow"]
        return True

    def _finished(self, job: Job) -> dict[str, Any] | None:
        """What a job decided on that was finished before."""
        finished = self._folder(job) / FINISHED
        if not finished.exists() or not self.store.count({"uuid": job.uuid, "index": job.index}):
            return None
        decided: dict[str, Any] = MontyDecoder().decode(finished.read_text())
        return decided

    def _carry_out(
        self, job: Job, step: RunStep, inputs: dict[str, int], folder: Path, observer: Observer
    ) -> dict[str, Any] | None:
        """Run one job; None when it failed."""
        self._runs.update_step(self.run.address, step.name, State.RUNNING)
        observer.step_started(step.name, folder, step.engine)
        state = State.INTERRUPTED
        try:
            with contextlib.chdir(folder):
                response = job.run(store=self.store)
            decided = self._decided(job, response) | {"inputs": inputs}
            replace_text(folder / FINISHED, json.dumps(decided, cls=MontyEncoder))
            state = State.COMPLETED
            return decided
        except (CalculationStoppedError, DatabaseError, PyMongoError):
            raise  # what holds for this step holds for all
        except Exception as error:
            state = State.FAILED
            self.failures[step.name] = error if isinstance(error, NatriumError) else _unforeseen(error, folder)
            return None
        finally:
            self._runs.update_step(self.run.address, step.name, state)
            observer.step_ended(step.name, state, False)

    def _decided(self, job: Job, response: Response) -> dict[str, Any]:
        """What a job decided on while it ran, its new jobs labelled as steps of this run."""
        for kind in _DIVERSIONS:
            flow = getattr(response, kind)
            for new, _ in in_order(flow) if flow is not None else ():
                new.name = self._record(new).name
                label(new, job.metadata.get("natrium", {}))
        return {name: getattr(response, name) for name in (*_DIVERSIONS, "stop_children", "stop_jobflow")}

    def _follow(self, decided: dict[str, Any], observer: Observer) -> bool:
        """Run what a finished job decided on; say whether what depends on that job can go on."""
        good = {kind: self._run(decided[kind], observer) for kind in _DIVERSIONS if decided[kind] is not None}
        return all(good.get(kind, True) for kind in ("replace", "detour"))

    def _record(self, job: Job) -> RunStep:
        """The step of a job; one that was decided on while the run went on is added, with a name of its own."""
        for step in self.run.steps:
            if step.uuid == job.uuid:
                return step
        step = added_step(self.run, job)
        self._runs.add_step(self.run.address, step)
        return step

    def _folder(self, job: Job) -> Path:
        again = f"-{job.index}" if job.index > 1 else ""  # a job that replaced itself keeps its uuid
        uuids = [step.uuid for step in self.run.steps]
        folder = Path(self.run.folder) / (step_folder(self.run, uuids.index(job.uuid)) + again)
        folder.mkdir(exist_ok=True)
        return folder

    def _failed(self) -> RunFailedError:
        address = self.run.address
        waiting = [step.name for step in self._runs.get_run(address).steps if step.state == State.WAITING]
        told = [f"  {name}: {error.problem}\n    what to do: {error.remedy}" for name, error in self.failures.items()]
        told += [f"  not started, because of that: {', '.join(waiting)}"] if waiting else []
        return RunFailedError(
            "\n".join([f"{address}: {len(self.failures)} of {len(self.run.steps)} steps failed", *told]),
            f"natrium run --resume {address} tries again with the same settings; other settings (--set) need a new run",
        )


def step_folder(run: Run, position: int) -> str:
    """Name of the folder of a step within its run's folder: 03-slab-relax."""
    return f"{position + 1:02d}-{run.steps[position].name}"


def engine_of(run: Run) -> str:
    """Name of the engine of a run on this machine."""
    settings: dict[str, Any] = json.loads((Path(run.folder) / SETTINGS).read_text())
    return str(settings["engine"])


def _refuse_complete(run: Run) -> None:
    if run.state == State.COMPLETED:
        raise InputError(f"{run.address} is complete", f"see it with: natrium show {run.address}")


def _unforeseen(error: Exception, folder: Path) -> StepError:
    log = folder / "error.txt"
    log.write_text("".join(traceback.format_exception(error)))
    return StepError(
        f"{type(error).__name__}: {error}", f"the traceback is in {log}; if natrium is at fault, report it"
    )
