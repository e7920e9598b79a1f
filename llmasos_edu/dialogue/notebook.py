"""What the companion keeps of what it was told, for the next conversation (chapter 6.1.3)."""

import errno
from collections.abc import Mapping
from pathlib import Path

from llmasos_edu.dialogue.database import Database, check_owner, owner
from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import SyscallTable

SCHEMA = """
CREATE TABLE IF NOT EXISTS notes (
    owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (owner, key)) WITHOUT ROWID;
"""
SAVE = "INSERT INTO notes VALUES (?, ?, ?) ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value"
SEARCH = "SELECT value FROM notes WHERE owner = ? AND key = ?"
COUNT = "SELECT count(*) FROM notes WHERE owner = ? AND key <> ?"
LONGEST = 100  # characters of a key, and of a value


class Notebook:
    """Notes of all users in a SQLite file: one value for each key of a user, the latest.

    Args:
        path: of the file.
        quota: notes that a user may have.
        options: of `Database`.
    """

    def __init__(self, path: str | Path, *, quota: int = 100, **options):
        check_count("quota", quota)
        self.quota, self.database = quota, Database(path, SCHEMA, **options)

    def install(self, table: SyscallTable, **times: float) -> None:
        """Register `memory.save` and `memory.search`, each with the right of its name; times as there."""
        table.register("memory.save", self.save, effect=True, **times)
        table.register("memory.search", self.search, **times)

    def put(self, user: str, notes: dict[str, str]) -> None:
        """Enter notes of a user, as earlier conversations left them.

        Raises:
            TypeError: no dictionary.
            ValueError: no user, a note that could not be saved.
        """
        check_owner(user)
        if not isinstance(notes, Mapping):
            raise TypeError(f"notes={notes!r}: a dictionary of texts is wanted")
        for key, value in notes.items():
            if not _is_note(key, value):
                raise ValueError(
                    f"the note {key!r}: {value!r} is none: key and value have 1 to {LONGEST} characters"
                )
        with self.database.opened(write=True) as rows:
            rows.executemany(SAVE, [(user, key, value) for key, value in notes.items()])

    def save(self, process: Process, key: str, value: str) -> str:
        """Keep a value under a key. `EINVAL` where one is empty or too long, `ENOSPC` at the quota."""
        if not _is_note(key, value):
            raise OSError(errno.EINVAL, f"a note has 1 to {LONGEST} characters")
        with self.database.opened(write=True) as rows:
            (others,) = rows.execute(COUNT, (owner(process), key)).fetchone()
            if others >= self.quota:
                raise OSError(errno.ENOSPC, f"there are {others} notes already")
            rows.execute(SAVE, (process.user, key, value))
            return "kept"

    def search(self, process: Process, key: str) -> str:
        """The value that the caller has under a key; `ENOENT` where there is none."""
        with self.database.opened() as rows:
            found = rows.execute(SEARCH, (owner(process), key)).fetchone()
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such note")
        return found[0]


def _is_note(key: str, value: str) -> bool:
    return all(isinstance(each, str) and 0 < len(each) <= LONGEST for each in (key, value))
