"""A SQLite file behind a system call: opened for one call, bounded in time, its errors those of a kernel."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from llmasos_edu.foundation.arguments import check_count, check_number
from llmasos_edu.kernel.process import Process


class Database:
    """One file; a connection lives no longer than a call, so nothing is held while a model writes.

    Args:
        path: of the file; made, with its tables, where it is missing.
        schema: what makes the tables.
        patience: seconds that a call waits for another program that writes, then `EBUSY`.
        budget: steps of SQLite's machine that a call may take, then `ETIMEDOUT`.

    Fields:
        work: steps of SQLite's machine that the last call has taken.

    Raises:
        ValueError: there is no folder for the file.
        OSError: `EBUSY` or `EIO`, with the file's name: another program holds it, it is no database.
    """

    def __init__(self, path: str | Path, schema: str, *, patience: float = 0.2, budget: int = 100_000):
        check_number("patience", patience, 0, 60)
        check_count("budget", budget)
        self.path, self.patience, self.budget, self.work = Path(path), patience, budget, 0
        if not self.path.parent.is_dir():
            raise ValueError(f"there is no folder {str(self.path.parent)!r} for {self.path.name!r}")
        try:
            with closing(sqlite3.connect(self.path, timeout=patience)) as connection, connection:
                connection.executescript(schema)
        except sqlite3.Error as error:
            raise OSError(_errno(error), str(error), str(self.path)) from error

    @contextmanager
    def opened(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one call; what it writes is kept whole or, after any error, not at all.

        Raises:
            OSError: `EBUSY`, `ETIMEDOUT` or `EIO`, whatever SQLite says.
        """
        self.work = 0
        try:
            where = f"{self.path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(where, uri=True, timeout=self.patience)) as connection:
                connection.isolation_level = None
                connection.set_progress_handler(self._tick, 1)
                if write:
                    connection.execute("BEGIN IMMEDIATE")
                yield connection
                if write:  # an interrupt here would report as undone what is done
                    connection.set_progress_handler(None, 1)
                    connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OSError(_errno(error), str(error)) from error

    def _tick(self) -> bool:
        """Called at each step of SQLite's machine; true ends the call."""
        self.work += 1
        return self.work > self.budget


def _errno(error: sqlite3.Error) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return errno.EBUSY
    return errno.ETIMEDOUT if code == sqlite3.SQLITE_INTERRUPT else errno.EIO


def check_owner(user: str) -> str:
    """The user as one who may have rows.

    Raises:
        ValueError: no text, or an empty one.
    """
    if not isinstance(user, str) or not user:
        raise ValueError(f"user={user!r}: rows belong to somebody, and the name is a text")
    return user


def owner(process: Process) -> str:
    """Whose rows a call may see: the user of the process, whatever the text says.

    Raises:
        PermissionError: nobody is logged in; else all the nameless would share their rows.
    """
    if not process.user:
        raise PermissionError(errno.EPERM, "nobody is logged in")
    return process.user
