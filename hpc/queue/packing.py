"""Which jobs share one allocation: short ones whose engines need the same environment."""

from __future__ import annotations

from collections.abc import Sequence

from natrium.hpc.cluster import Packing
from natrium.hpc.queue.launch import engine_of
from natrium.hpc.queue.submission import Submission


def shared_allocations(prepared: Sequence[Submission], packing: Packing) -> list[list[Submission]]:
    """The submissions in groups, each one SLURM job, in the order in which they were prepared.

    Those of one engine share: a job script sets up one environment.

    Args:
        prepared: Submissions whose folders are written.
        packing: How many may share an allocation, and what counts as short.
    """
    groups: list[list[Submission]] = []
    open_groups: dict[str, list[Submission]] = {}
    for submission in prepared:
        if submission.resources.time_s > packing.shorter_than_s:
            groups.append([submission])
            continue
        engine = engine_of(submission)
        group = open_groups.get(engine)
        if group is None or len(group) >= packing.jobs:
            group = open_groups[engine] = []
            groups.append(group)
        group.append(submission)
    return groups
