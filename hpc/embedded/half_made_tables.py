"""Tables that a killed server was still making: dropped before the next server opens the folder.

WiredTiger writes the metadata of a new table one record after the other: the table, its file, its column group. A
server that is killed between two of them (SecantusDB makes a table at the first write to a collection) leaves a table
without a column group behind, which WiredTiger then refuses to open, and with it SecantusDB the whole database. Such
a table never held anything: a write to it follows its column group in the log.
"""

from __future__ import annotations

from pathlib import Path

TABLE, COLUMN_GROUP = "table:", "colgroup:"


def drop_half_made_tables(storage: Path) -> tuple[str, ...]:
    """Drop the tables that have no column group, after WiredTiger's own recovery; nobody else may serve the folder.

    Args:
        storage: WiredTiger's folder; where there is none yet, nothing happens.

    Returns:
        The names of the dropped tables.
    """
    if not storage.is_dir():
        return ()
    import wiredtiger  # in the process of the server only, as SecantusDB

    connection = wiredtiger.wiredtiger_open(
        str(storage),
        # the log as SecantusDB has it
        "create,log=(enabled=true,file_max=10MB,prealloc=false),transaction_sync=(enabled=true,method=fsync)",
    )
    try:
        session = connection.open_session()
        entries = session.open_cursor("metadata:")
        names = {key for key, _ in entries}
        entries.close()
        half_made = tuple(
            name
            for name in sorted(names)
            if name.startswith(TABLE) and COLUMN_GROUP + name.removeprefix(TABLE) not in names
        )
        for name in half_made:
            session.drop(name, "force=true")
        return half_made
    finally:
        connection.close()
