"""Jobs of several flows that would calculate the same, calculated once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from monty.json import MontyDecoder, MontyEncoder

if TYPE_CHECKING:
    from jobflow import Job

_IDENTITY = ("function", "function_args", "function_kwargs", "config")
"""What decides on what a job does. Its name and its metadata only say where it is found."""


def merged(jobs: Iterable[Job]) -> tuple[list[Job], Mapping[str, str]]:
    """Of jobs with the same function and the same inputs, the first.

    Two inputs are the same when they are the same data, or outputs of the same job; so a chain that begins alike is
    shared as far as it is alike.

    Args:
        jobs: Each after those it takes outputs of. They are not changed.

    Returns:
        New jobs, which belong to no flow, and by the uuid of each given job that of the job that stands for it.
    """
    kept: dict[str, str] = {}
    standing_for: dict[str, str] = {}
    ours = []
    for job in jobs:
        text = json.dumps(job, cls=MontyEncoder)
        for uuid, other in standing_for.items():
            if uuid != other:
                text = text.replace(uuid, other)
        document = json.loads(text)
        identity = json.dumps([document[name] for name in _IDENTITY], sort_keys=True)
        standing_for[job.uuid] = kept.setdefault(identity, job.uuid)
        if standing_for[job.uuid] == job.uuid:
            ours.append(MontyDecoder().process_decoded(document | {"hosts": []}))
    return ours, standing_for
