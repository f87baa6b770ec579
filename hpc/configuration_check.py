"""Trying out a configuration: everything that would otherwise be discovered at night, by a job that failed.

What is checked runs on this machine; a compute node may differ.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from natrium.hpc.finding import Finding, tried
from natrium.structures.errors import NatriumError

if TYPE_CHECKING:
    from natrium.hpc.configuration import Configuration


def check(cluster: str | None = None) -> Iterator[Finding]:
    """Try everything out, one finding after the other. Never raises: what fails is a finding.

    Args:
        cluster: Only this one; none: all that are configured.
    """
    from natrium.hpc.cluster_check import check_cluster
    from natrium.hpc.configuration import load_configuration

    try:
        configuration = load_configuration()
    except NatriumError as error:
        yield Finding("configuration", "problem", error.problem, error.remedy)
        return
    yield from tried("configuration file", _file)
    yield from tried("database", partial(_database, configuration))
    try:
        names = [configuration.cluster(cluster)[0]] if cluster else list(configuration.clusters)
        if configuration.default_cluster:
            configuration.cluster()
    except NatriumError as error:
        yield Finding("clusters", "problem", error.problem, error.remedy)
        return
    if not names:
        yield Finding("clusters", "ok", "none: natrium run calculates on this machine")
    for name in names:
        yield from tried(f"{name}: SLURM", partial(check_cluster, name, configuration))


def _file() -> Iterator[Finding]:
    from natrium.hpc.configuration import config_file

    file = config_file()
    if not file.exists():
        yield Finding(
            "configuration file", "ok", f"{file} does not exist; defaults hold. `natrium config init` writes it"
        )
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o022:
        # its setup lines run in every job
        yield Finding(
            "configuration file", "problem", f"others may write {file} (mode {mode:03o})", f"chmod 600 {file}"
        )
    else:
        yield Finding("configuration file", "ok", f"{file} (mode {mode:03o})")


def _database(configuration: Configuration) -> Iterator[Finding]:
    """Write as a job writes, into a collection of our own, and take it away."""
    from pymongo import WriteConcern
    from pymongo.errors import OperationFailure

    from natrium.hpc.databases import results_store

    where = configuration.database_shown
    with results_store(configuration) as store:
        database = store.docs_store._collection.database
        scratch = database.get_collection(f"natrium_check_{os.getpid()}", write_concern=WriteConcern(w=1, j=True))
        try:
            scratch.insert_one({"checked": True})
            found = scratch.find_one({"checked": True})
            scratch.drop()
        except OperationFailure as error:
            said = error.details.get("errmsg") if error.details else error.code
            remedy = f"give the user the role readWrite on the database {configuration.database_name}"
            yield Finding("database", "problem", f"{where} refuses to write: {said}", remedy)
            return
    if found:
        yield Finding("database", "ok", f"{where}, database {configuration.database_name}: written, read, removed")
    else:
        yield Finding("database", "problem", f"{where} did not return what was written", "check the server's log")
