"""The database server that the configuration names: its address for as long as it is needed, and clear errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure

from natrium.hpc.configuration import Configuration
from natrium.hpc.embedded.folder import DatabaseError
from natrium.hpc.embedded.lifecycle import connected
from natrium.structures.errors import InputError

ATTENDED_S = 10.0
"""Patience with a database that does not answer, while a person waits."""
UNATTENDED_S = 600.0
"""The same in a long job: the result of hours must outlive a restart of the database."""

AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13


@contextlib.contextmanager
def server(configuration: Configuration) -> Iterator[str]:
    """The address of the configured database server; without a `database_uri` the embedded one is started or shared.

    Yields:
        An address with the password in it: not for people, logs or documents.

    Raises:
        DatabaseError: It cannot be reached, in this call or later in the block, or it refuses the user.
    """
    with contextlib.ExitStack() as stack:
        if configuration.database_uri is None:
            uri = stack.enter_context(connected(configuration.embedded_folder))
        else:
            uri = configuration.database_uri.get_secret_value()
        stack.enter_context(_clear_errors(configuration))
        yield uri


def client_options(patience_s: float) -> dict[str, Any]:
    """Options of every client: writes are acknowledged when journaled, a server that restarts is waited for.

    Args:
        patience_s: How long an operation waits for a server, s.
    """
    return {"journal": True, "serverSelectionTimeoutMS": int(patience_s * 1000), "appname": "natrium"}


@contextlib.contextmanager
def _clear_errors(configuration: Configuration) -> Iterator[None]:
    where = configuration.database_shown
    try:
        yield
    except ConfigurationError:
        # Without the driver's message, which may quote the address.
        raise InputError(f"the database address {where} is not valid", "correct NATRIUM_DATABASE_URI") from None
    except ConnectionFailure as error:
        raise DatabaseError(
            f"the database ({where}) does not answer: {_first_sentence(error)}",
            "start it and check NATRIUM_DATABASE_URI; without one, natrium uses the embedded database"
            if configuration.database_uri
            else "see `natrium db status`, then run the same command again: it starts the database",
        ) from error
    except OperationFailure as error:
        if error.code not in (AUTHENTICATION_FAILED, UNAUTHORIZED):
            raise
        raise DatabaseError(
            f"the database ({where}) refuses the user: {error.details.get('errmsg') if error.details else error.code}",
            "check user, password and authSource in NATRIUM_DATABASE_URI (special characters as %40 and the like)",
        ) from error


def _first_sentence(error: Exception) -> str:
    return str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
