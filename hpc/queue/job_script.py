"""The batch script of one SLURM job, made by FireWorks' queue adapter from natrium's template."""

from __future__ import annotations

import math
import os
import shlex
import sys
from pathlib import Path

from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

from natrium.hpc.cluster import Cluster, Resources
from natrium.hpc.queue.job_files import OUTPUT

_TEMPLATE = Path(__file__).with_name("job_script.template")
_SECRET = "NATRIUM_DATABASE_URI"
_DOLLAR = "\0"
"""Stands for $ in all that goes into the template: FireWorks drops every line in which $$ is left over."""
_PATHS = ("GPAW_SETUP_PATH", "VASP_PP_PATH")
_OF_ONE_JOB = ("NATRIUM_SUBMISSION", "NATRIUM_DEADLINE", "NATRIUM_RANKS", "NATRIUM_MPI_LAUNCHER")


def queue_adapter(resources: Resources) -> dict[str, str | int]:
    """A request in the words of FireWorks' `_queueadapter`."""
    words: dict[str, str | int] = {
        "nodes": resources.nodes,
        "ntasks": resources.tasks,
        "mem": f"{resources.memory_mb}M",
        "walltime": wall_time(resources.time_s),
    }
    return words | ({"exclude_nodes": ",".join(resources.exclude)} if resources.exclude else {})


def wall_time(time_s: float) -> str:
    """A time limit as SLURM reads it; it counts in minutes."""
    minutes = max(1, math.ceil(time_s / 60))
    days, minutes = divmod(minutes, 1440)
    return f"{days}-{minutes // 60:02d}:{minutes % 60:02d}:00"


def job_script(
    cluster: Cluster, engine: str, resources: Resources, name: str, comment: str, folders: list[Path]
) -> str:
    """The batch script.

    Args:
        cluster: Where it will run.
        engine: The engine of its calculations.
        resources: What it asks for.
        name: Of the SLURM job.
        comment: Of the SLURM job.
        folders: The submissions' folders; output goes to the first.
    """
    setup = cluster.setup_of(engine)
    signal_s = max(1, int(min(cluster.signal_s, resources.time_s / 4)))
    python = cluster.python or Path(sys.executable)
    arguments = [str(python), "-P", "-m", "natrium.hpc.queue.job", *map(str, folders)]
    output = str(folders[0] / OUTPUT).replace("%", "%%")  # SLURM puts the job's id for %j, and so on
    words = queue_adapter(resources) | {
        "login": " -l" if setup else "",  # a login shell knows `module`, and costs time
        "job_name": shlex.quote(name),  # a bare # would begin a comment
        "comment": shlex.quote(comment),
        "queue": cluster.partition,
        "account": cluster.account,
        "qos": cluster.qos,
        "signal_s": signal_s,
        "output": shlex.quote(output),
        "options": "\n".join(f"#SBATCH {option}" for option in cluster.options),
        "pre_rocket": "\n".join([*_environment(cluster), setup]),
        "folder": shlex.quote(str(folders[0])),
        "rocket_launch": shlex.join(arguments),
    }
    masked = {key: word.replace("$", _DOLLAR) if isinstance(word, str) else word for key, word in words.items()}
    adapter = CommonAdapter("SLURM", template_file=str(_TEMPLATE), **masked)
    script: str = adapter.get_script_str(str(folders[0])).replace(_DOLLAR, "$")
    return script


def _environment(cluster: Cluster) -> list[str]:
    """What a job must know of the place it was submitted from; never a password."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("NATRIUM_") and name != _SECRET and name not in _OF_ONE_JOB
    }
    variables |= {"OMP_NUM_THREADS": "1"} | ({"SLURM_CONF": str(cluster.slurm_conf)} if cluster.slurm_conf else {})
    variables |= {name: os.environ[name] for name in _PATHS if name in os.environ}
    return [
        *(f"export {name}={shlex.quote(text)}" for name, text in sorted(variables.items())),
    ]
