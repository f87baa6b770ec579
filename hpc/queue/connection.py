"""Everything in the database that a run on a cluster needs: results, runs, submissions, and FireWorks' launch pad."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pymongo import MongoClient
from pymongo.database import Database

from natrium.analysis.runs import Runs
from natrium.hpc.configuration import Configuration
from natrium.hpc.database_server import ATTENDED_S, client_options, server
from natrium.hpc.queue.submission import COLLECTION, Submissions

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from jobflow import JobStore

    from natrium.analysis.results_store import ResultsStore
    from natrium.hpc.slurm.commands import Slurm

WORKFLOW_RUN = "metadata.run"
"""Where a FireWorks workflow names its run."""


@dataclass
class Queue:
    """The open database, and the clusters. What is heavy to import is opened when it is asked for."""

    configuration: Configuration
    database: Database[dict[str, Any]]
    uri: str = field(repr=False)
    patience_s: float
    _open: contextlib.ExitStack = field(repr=False)
    _slurm: dict[str, Slurm] = field(default_factory=dict)

    @cached_property
    def runs(self) -> Runs:
        """The records of runs."""
        return Runs(self.database["runs"])

    @cached_property
    def submissions(self) -> Submissions:
        """The records of submissions."""
        return Submissions(self.database[COLLECTION])

    @cached_property
    def store(self) -> JobStore:
        """The store of result documents."""
        from natrium.hpc.databases import store_on

        return self._open.enter_context(store_on(self.uri, self.configuration, self.patience_s))

    @cached_property
    def results(self) -> ResultsStore:
        """The results with their queries."""
        from natrium.analysis.results_store import ResultsStore

        return ResultsStore(self.store)

    @cached_property
    def launchpad(self) -> LaunchPad:
        """FireWorks' launch pad."""
        from fireworks import LaunchPad

        launchpad = LaunchPad(
            host=self.uri,
            name=self.configuration.database_name,
            uri_mode=True,
            strm_lvl="CRITICAL",
            mongoclient_kwargs=client_options(self.patience_s),
        )
        self._open.callback(launchpad.connection.close)
        _initialise(launchpad)
        return launchpad

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
    with server(configuration) as uri, contextlib.ExitStack() as opened:
        client: MongoClient[dict[str, Any]] = opened.enter_context(MongoClient(uri, **client_options(patience_s)))
        client.admin.command("ping")
        yield Queue(configuration, client[configuration.database_name], uri, patience_s, opened)


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
