"""What a job does after its own work: it brings its run up to date, if it can reach the database and SLURM."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable

from pymongo.errors import PyMongoError

from natrium.hpc.configuration import load_configuration
from natrium.hpc.queue.connection import connected_queue
from natrium.hpc.queue.settle import settle
from natrium.structures.errors import NatriumError

_PATIENCE_S = 20.0
"""The result is on disk: an allocation is too dear to wait in for a database."""


def hand_over(runs: Iterable[str], database: str) -> None:
    """Bring runs up to date; what cannot be done here is left to `natrium watch`, and said.

    Args:
        runs: Their addresses.
        database: Where they are recorded, as the configuration shows it.
    """
    try:
        configuration = load_configuration()
        if configuration.database_shown != database:
            # an address that exists only in the environment of the one who submitted does not reach a job
            print(f"left to `natrium watch`: no access to {database} from here", file=sys.stderr)
            return
        with connected_queue(configuration, patience_s=_PATIENCE_S) as queue:
            for run in runs:
                for problem in settle(queue, run).problems:
                    print(f"{run}: {problem}", file=sys.stderr)
    except Exception as error:  # whatever it is, the calculation itself has ended well
        if not isinstance(error, NatriumError | PyMongoError | OSError):
            traceback.print_exc()
        print(f"left to `natrium watch`: {error}", file=sys.stderr)
