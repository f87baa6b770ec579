"""Everything in the database that a run on a cluster needs: results, runs, submissions, and FireWorks' launch pad."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fireworks import LaunchPad
from jobflow import JobStore

from natrium.analysis.results_store import ResultsStore
from natrium.analysis.runs import Runs
from natrium.hpc.configuration import Configuration
from natrium.hpc.databases import ATTENDED_S, client_options, server, store_on
from natrium.hpc.queue.submission import COLLECTION, Submissions

if TYPE_CHECKING:
    from natrium.hpc.slurm.commands import Slurm

WORKFLOW_RUN = "metadata.run"
"""Where a FireWorks workflow names its run."""


@dataclass
class Queue:
    """The open database, and the clusters."""

    configuration: Configuration
    store: JobStore
    launchpad: LaunchPad
    runs: Runs
    submissions: Submissions
    results: ResultsStore
    _slurm: dict[str, Slurm] = field(default_factory=dict)

    def slurm(self, cluster: str) -> Slurm:
        """The commands of a cluster.

        Raises:
            InputError: the configuration does not know the cluster.
        """
        if cluster not in self._slurm:
            from natrium.hpc.slurm.commands import Slurm

            self._slurm[cluster] = Slurm(self.configuration.cluster(cluster)[1])
        return self._slurm[cluster]


@contextlib.contextmanager
def connected_queue(configuration: Configuration, patience_s: float = ATTENDED_S) -> Iterator[Queue]:
    """Open the queue for as long as the block runs.

    Args:
        configuration: Says which database, and which clusters there are.
        patience_s: How long a database that does not answer is waited for, s.

    Raises:
        DatabaseError: it cannot be reached, in this call or later in the block, or it refuses the user.
    """
    with server(configuration) as uri, store_on(uri, configuration, patience_s) as store:
        launchpad = LaunchPad(
            host=uri,
            name=configuration.database_name,
            uri_mode=True,
            strm_lvl="CRITICAL",
            mongoclient_kwargs=client_options(patience_s),
        )
        try:
            _initialise(launchpad)
            results = ResultsStore(store)
            submissions = Submissions(launchpad.db[COLLECTION])
            yield Queue(configuration, store, launchpad, results.runs, submissions, results)
        finally:
            launchpad.connection.close()


def _initialise(launchpad: LaunchPad) -> None:
    """FireWorks' counters and the indexes that are asked for; a launch pad that is in use already stays as it is."""
    counters = launchpad.fw_id_assigner
    if counters.find_one({}) is None:
        first: dict[str, Any] = {"next_fw_id": 1, "next_launch_id": 1}
        # a fixed id: two that come at the same time make one document
        counters.update_one({"_id": "natrium"}, {"$setOnInsert": first}, upsert=True)
    for name in ("fw_id", "state", "spec.natrium.run", "launches"):
        launchpad.fireworks.create_index(name, unique=name == "fw_id")
    launchpad.launches.create_index("launch_id", unique=True)
    for name in ("nodes", WORKFLOW_RUN):
        launchpad.workflows.create_index(name)
