"""A run as a FireWorks workflow: jobflow's own conversion, and where each step works and what it asks for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fireworks import Firework, Workflow
from jobflow import Flow
from jobflow.managers.fireworks import flow_to_workflow

from natrium.analysis.runs import Run
from natrium.hpc.local_run import step_folder
from natrium.hpc.queue.job_script import queue_adapter
from natrium.hpc.queue.request import Request


def workflow(run: Run, flow: Flow, requests: Mapping[str, Request]) -> Workflow:
    """The workflow of a run.

    Args:
        run: Its record.
        flow: Its jobs.
        requests: What its calculations ask of SLURM, by step.
    """
    made = as_workflow(run, flow)
    for firework in made.fws:
        asked = requests.get(firework.spec["natrium"]["step"])
        if asked is not None:
            firework.spec.update(asking(asked))
    return made


def asking(request: Request) -> dict[str, Any]:
    """What a Firework's spec says of its request: in FireWorks' words and in ours."""
    own = {
        "resources": request.resources.model_dump(mode="json"),
        "basis": request.basis,
        "asked": request.asked.model_dump(mode="json", exclude_none=True),
    }
    return {"_queueadapter": queue_adapter(request.resources), "natrium_request": own}


def as_workflow(run: Run, flow: Flow) -> Workflow:
    """Jobs as a FireWorks workflow that belongs to a run, every step with its place."""
    # jobflow warns of independent branches, which are nothing unusual
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Some jobs are not connected")
        made: Workflow = flow_to_workflow(flow, name=run.address, metadata={"run": run.address})
    place(run, made.fws)
    return made


def place(run: Run, fireworks: Iterable[Firework]) -> None:
    """Give each Firework its folder, and keep FireWorks' own workers from taking it: they would not find its inputs."""
    position = {step.uuid: number for number, step in enumerate(run.steps)}
    for firework in fireworks:
        job: Any = firework.tasks[0]["job"]
        again = f"-{job.index}" if job.index > 1 else ""  # a job that replaced itself keeps its uuid
        folder = Path(run.folder) / (step_folder(run, position[job.uuid]) + again)
        firework.spec["_launch_dir"] = str(folder)
        firework.spec["_category"] = "natrium"
