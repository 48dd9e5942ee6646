"""How every database of a run is opened, and how its errors are told."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from evolkit.errors import RunError, StorageError

BUSY_TIMEOUT_S = 60.0
"""How long a write waits for another process that shares a completion store."""


def open_database(path: Path, schema: str, *, version: int, is_synced: bool) -> sqlite3.Connection:
    """A connection to the database at `path`, made with `schema` if it is not there.

    Raises RunError when the file is no database or of another version, StorageError when the
    disk refuses.
    """
    with storage_errors(path):
        connection = connect(path, is_synced=is_synced)
        connection.execute("BEGIN IMMEDIATE")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            for statement in schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")
    if found not in (0, version):
        connection.close()
        raise RunError(
            f"{path}: format {found}, this evolkit reads {version}; "
            "use the evolkit that made it or start a new folder"
        )
    return connection


def connect(path: Path, *, is_synced: bool) -> sqlite3.Connection:
    """A connection in autocommit mode; the caller opens its transactions.

    `is_synced` waits for the disk at each commit (power loss loses nothing); without it a commit
    survives the death of the process, not of the machine.
    """
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
    # Texts in scripts other than Latin are long: 4 MiB keeps the inner pages of a large tree.
    connection.execute("PRAGMA cache_size = -4096")
    return connection


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours, once, for all of the store."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"{path}: {error}; nothing stored is lost: make room or mend the disk, run again"
        ) from error
    except sqlite3.DatabaseError as error:
        raise RunError(f"{path}: not a database of evolkit's: {error}") from error
