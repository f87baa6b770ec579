"""From a ready Firework to a SLURM job: inputs resolved and written down, reserved, recorded, then submitted.

The order makes a crash at any point harmless: the record comes before sbatch and carries the job's name, so whoever
comes next finds the job in SLURM by its name, or submits it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fireworks import FWorker
from monty.json import MontyDecoder, jsanitize

from natrium.analysis.runs import Run
from natrium.hpc.cluster import Cluster, Resources
from natrium.hpc.job_outcome import JobOutcome
from natrium.hpc.queue.job_files import PAYLOAD, SCRIPT, make_current, read_started
from natrium.hpc.queue.job_script import job_script
from natrium.hpc.queue.submission import Stage, Submission, now
from natrium.workflows.atomic_file import replace_text

if TYPE_CHECKING:
    from natrium.hpc.queue.connection import Queue

_WORKER = FWorker(name="natrium")


def prepare(queue: Queue, run: Run, firework: dict[str, Any], history: Sequence[Submission], number: int) -> Submission:
    """Reserve a Firework, resolve its inputs, write them down and record the submission that will carry it out.

    Args:
        queue: The open database.
        run: The run it belongs to.
        firework: Its document: fw_id, spec.
        history: Earlier submissions of the same Firework.
        number: Of the submission among those of its step.
    """
    natrium = firework["spec"]["natrium"]
    step = natrium["step"]
    identity = f"{run.address}/{step}#{number}"
    folder = Path(firework["spec"]["_launch_dir"])
    job_folder = folder / f"job-{number}"
    job_folder.mkdir(parents=True, exist_ok=True)
    job = MontyDecoder().process_decoded(firework["spec"]["_tasks"][0]["job"])
    job.resolve_args(store=queue.store)
    job.metadata["natrium"] |= {"submission": identity}
    resources, basis = _request(firework, history)
    _, launch_id = queue.launchpad.reserve_fw(_WORKER, str(job_folder), fw_id=firework["fw_id"])
    submission = Submission(
        id=identity,
        run=run.address,
        step=step,
        number=number,
        uuid=job.uuid,
        index=job.index,
        fw_id=firework["fw_id"],
        launch_id=launch_id,
        cluster=str(run.cluster),
        folder=str(folder),
        resources=resources,
        basis=basis,
        prepared=now(),
        job_name=identity,
        here=is_light(firework),
    )
    _write_payload(queue, run, submission, job, natrium["engine"])
    queue.submissions.insert(submission)
    return submission


def is_light(firework: dict[str, Any]) -> bool:
    """Whether a step is plain Python: it builds a structure or evaluates results, and asks for nothing of SLURM."""
    spec = firework["spec"]
    return spec["natrium"]["kind"] != "calculation" and "_queueadapter" not in spec


def engine_of(submission: Submission) -> str:
    """The engine whose environment a prepared submission needs."""
    return str(json.loads((submission.job_folder / PAYLOAD).read_text())["engine"])


def send(
    queue: Queue, cluster: Cluster, together: Sequence[Submission], history: Sequence[Submission]
) -> list[Submission]:
    """Submit the SLURM job of one prepared submission, or of several that share an allocation.

    Args:
        queue: The open database.
        cluster: Where to.
        together: What the job carries out, one after the other.
        history: Submissions of the same run: what SLURM took once needs no preflight, which costs six commands.

    Raises:
        SlurmRefusedError: SLURM will not have it.
        SlurmSilentError: SLURM does not answer; the submissions stay prepared.
    """
    first = together[0]
    slurm = queue.slurm(first.cluster)
    script = first.job_folder / SCRIPT
    resources = _shared(together)
    comment = f"natrium show {first.run}"
    engine = engine_of(first)
    folders = [submission.job_folder for submission in together]
    replace_text(script, job_script(cluster, engine, resources, first.job_name, comment, folders))
    for submission in together:
        make_current(Path(submission.folder), submission.id)
    taken = [past for past in history if past.slurm_id and past.outcome != JobOutcome.REFUSED]
    if all(past.resources != resources for past in taken):
        from natrium.hpc.slurm.preflight import preflight

        preflight(slurm, cluster, script, resources)
    slurm_id = slurm.submit(script)
    return [accept(queue, submission, slurm_id) for submission in together]


def accept(queue: Queue, submission: Submission, slurm_id: str) -> Submission:
    """Record that SLURM has the job."""
    queue.launchpad.set_reservation_id(submission.launch_id, slurm_id)
    return queue.submissions.update(submission, slurm_id=slurm_id, stage=Stage.QUEUED, unseen_since=None)


def already_sent(queue: Queue, submission: Submission) -> str | None:
    """The SLURM job of a prepared submission, if whoever prepared it came as far as sbatch but not to the record.

    Raises:
        SlurmSilentError: SLURM does not answer.
    """
    started = read_started(submission.job_folder)
    if started is not None and started["slurm_id"]:
        return str(started["slurm_id"])
    found = queue.slurm(submission.cluster).named(submission.job_name)
    return found[submission.job_name].id if submission.job_name in found else None


def _request(firework: dict[str, Any], history: Sequence[Submission]) -> tuple[Resources, str]:
    decisions = [past.decision for past in history if past.counts and past.decision is not None and past.decision.again]
    if decisions:
        return decisions[-1].resources, f"after {history[-1].outcome}: {decisions[-1].why}"
    asked = firework["spec"].get("natrium_request")
    return (Resources(**asked["resources"]), asked["basis"]) if asked else (Resources(), "natrium's smallest request")


def _shared(together: Sequence[Submission]) -> Resources:
    """One request for several calculations, one after the other."""
    each = [submission.resources for submission in together]
    most = {name: max(getattr(one, name) for one in each) for name in ("nodes", "tasks", "memory_mb")}
    excluded = sorted({node for one in each for node in one.exclude})
    return Resources(time_s=sum(one.time_s for one in each), exclude=tuple(excluded), **most)


def _environment(submission: Submission, launcher: str) -> dict[str, str]:
    """What the supervisor of an engine finds in its environment."""
    return {
        "NATRIUM_SUBMISSION": submission.id,
        "NATRIUM_RANKS": str(submission.resources.tasks),
        "NATRIUM_MPI_LAUNCHER": launcher,
    }


def _write_payload(queue: Queue, run: Run, submission: Submission, job: Any, engine: str) -> None:
    cluster = queue.configuration.cluster(run.cluster)[1]
    payload = {
        "submission": submission.id,
        "run": run.address,
        "run_folder": run.folder,
        "engine": engine,
        "hand_over": cluster.submit_from_jobs and cluster.database == "reachable",
        "database": queue.configuration.database_shown,
        "database_host": socket.gethostname() if queue.configuration.database_uri is None else None,
        "environment": {} if submission.here else _environment(submission, cluster.launcher(engine)),
        "job": jsanitize(job.as_dict()),
    }
    replace_text(submission.job_folder / PAYLOAD, json.dumps(payload))
