"""The stores of results in the database that the configuration names.

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

from natrium.hpc.configuration import Configuration, redacted
from natrium.hpc.database_server import ATTENDED_S, client_options, server
from natrium.structures.errors import InputError

RESULTS = "results"
ARRAYS = "arrays"
ADDITIONAL_STORE = "data"

LARGEST_DOCUMENT_BYTES = 15_990_000


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
