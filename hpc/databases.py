"""Connections to the databases that the configuration names.

Importing this module costs half a second (maggma): do it where a database is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

import bson
from jobflow import JobStore
from maggma.stores import GridFSStore, MongoStore
from monty.json import jsanitize
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure

from natrium.hpc.configuration import Configuration, redacted
from natrium.hpc.embedded.folder import DatabaseError
from natrium.hpc.embedded.lifecycle import connected
from natrium.structures.errors import InputError

ATTENDED_S = 10.0
"""Patience with a database that does not answer, while a person waits."""
UNATTENDED_S = 600.0
"""The same in a long job: the result of hours must outlive a restart of the database."""

RESULTS = "results"
ARRAYS = "arrays"
ADDITIONAL_STORE = "data"

LARGEST_DOCUMENT_BYTES = 15_990_000
AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13


@contextlib.contextmanager
def results_store(configuration: Configuration, *, patience_s: float = ATTENDED_S) -> Iterator[JobStore]:
    """The connected job store of all results, for as long as the block runs.

    Documents are in the collection "results", the payloads of large arrays in the additional store "data" (GridFS).
    Writes are acknowledged when they are in the journal. Without a `database_uri` the embedded database is started or
    shared.

    Args:
        configuration: Says which database.
        patience_s: How long a database that does not answer is waited for, here and in every later operation, s.

    Raises:
        DatabaseError: It cannot be reached, in this call or later in the block, or it refuses the user.
    """
    with server(configuration) as uri, store_on(uri, configuration, patience_s) as store:
        yield store


@contextlib.contextmanager
def store_on(uri: str, configuration: Configuration, patience_s: float) -> Iterator[JobStore]:
    """The same on a server whose address is known, within a block of `server`, which explains errors."""
    client = client_options(patience_s)
    database = configuration.database_name
    documents = ResultDocuments.from_uri(uri, RESULTS, database=database, mongoclient_kwargs=client)
    arrays = ArrayFiles.from_uri(uri, ARRAYS, database=database, mongoclient_kwargs=client)
    store = JobStore(documents, additional_stores={ADDITIONAL_STORE: arrays})
    store.connect()
    try:
        documents._collection.database.command("ping")
        documents._collection.create_index([("uuid", 1), ("index", 1)], unique=True)
        arrays._files_collection.create_index("metadata.blob_uuid")
        yield store
    finally:
        store.close()


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


class _WithoutSecrets:
    """A store that never writes its address down: serialised stores end up in FireWorks' documents and job files."""

    uri: str

    @property
    def name(self) -> str:
        """The address without the password."""
        return redacted(self.uri)

    def as_dict(self) -> NoReturn:
        """Refused.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"the store {self.name} cannot be serialised: the database's password would be written down",
            "open it where it is used, with results_store(load_configuration())",
        )


class ResultDocuments(_WithoutSecrets, MongoStore):
    """The store of result documents. It checks their size before anything is written."""

    def update(self, docs: list[dict[str, Any]] | dict[str, Any], key: list[str] | str | None = None) -> None:
        """Insert or replace documents.

        Raises:
            InputError: A document is too large; nothing was written.
        """
        for document in docs if isinstance(docs, list) else [docs]:
            check_size(document)
        super().update(docs, key=key)


class ArrayFiles(_WithoutSecrets, GridFSStore):
    """The store of large arrays, without a limit on their size."""


def check_size(document: dict[str, Any]) -> None:
    """Refuse a result document that the database cannot hold.

    Raises:
        InputError: It is larger than 15.99 MB; the message names its largest parts.
    """
    plain = jsanitize(document, allow_bson=True, recursive_msonable=True)
    size = len(bson.encode(plain))
    if size <= LARGEST_DOCUMENT_BYTES:
        return
    output = plain.get("output")
    parts = output if isinstance(output, dict) else plain
    sizes = {name: len(bson.encode({name: value})) for name, value in parts.items()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
    raise InputError(
        f"the result of {plain.get('name', plain.get('uuid'))} has {size / 1e6:.1f} MB, more than the"
        f" {LARGEST_DOCUMENT_BYTES / 1e6:.2f} MB of a document; largest parts: "
        + ", ".join(f"{name} {sizes[name] / 1e6:.1f} MB" for name in largest),
        "declare large arrays as StoredArray and the job with @job(data=PAYLOAD), see natrium.analysis.stored_array",
    )


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
