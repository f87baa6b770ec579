"""The ladder once more, but every job that decides on further jobs, and each of those, is a SLURM job."""

from __future__ import annotations

from typing import Any, ClassVar

from jobflow import Flow
from ladder import Ladder

_REQUEST = {"resources": {"time_s": 600, "memory_mb": 500}, "basis": "a test"}
_IN_SLURM = {"manager_config": {"_queueadapter": {}, "natrium_request": _REQUEST}}


class Vine(Ladder):
    """first → climb (replaced by its rungs) → result; aside stands beside it."""

    name: ClassVar[str] = "vine"
    summary: ClassVar[str] = "the height of a vine"

    def flow(self, settings: Any) -> Flow:
        """The ladder's jobs, and those that they decide on, each in a SLURM job."""
        flow = super().flow(settings)
        for job in flow.jobs:
            if job.name != "result":
                job.update_config(_IN_SLURM, dynamic=True)
        return flow
