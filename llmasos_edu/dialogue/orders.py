"""The order book of a shop: find one's own order, and cancel it once one has said yes (chapter 6.1.1).

A user sees only the own rows. Two things hold it: the right to call, which the kernel asks for, and the
query, which has the owner in its condition. An order of somebody else is no order, in answer and in work.
"""

import errno
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from llmasos_edu.dialogue.database import Database, check_owner, owner
from llmasos_edu.dialogue.lexicon import DAYS, STATUSES
from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import SyscallTable

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    owner TEXT NOT NULL, number TEXT NOT NULL, item TEXT NOT NULL, status TEXT NOT NULL, day TEXT NOT NULL,
    PRIMARY KEY (owner, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS receipts (
    owner TEXT NOT NULL, receipt INTEGER NOT NULL, number TEXT NOT NULL,
    PRIMARY KEY (owner, receipt)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS untold (
    owner TEXT NOT NULL, number TEXT NOT NULL, receipt INTEGER NOT NULL,
    PRIMARY KEY (owner, number)) WITHOUT ROWID;
"""
PUT = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?)"
FIND = "SELECT item, status, day FROM orders WHERE owner = ? AND number = ?"
CANCEL = "UPDATE orders SET status = 'cancelled', day = ? WHERE owner = ? AND number = ?"
NEXT = "SELECT coalesce(max(receipt), 0) + 1 FROM receipts WHERE owner = ?"
UNTOLD = "SELECT receipt FROM untold WHERE owner = ? AND number = ?"
TOLD = "DELETE FROM untold WHERE owner = ? AND number = ?"


class Order(NamedTuple):
    """A row of the order book."""

    number: str
    item: str
    status: str  # one of `STATUSES`
    day: str


def confirmed(number: str) -> str:
    """The right to cancel this one order, given to the one process that follows a user's yes."""
    return f"confirmed:{number}"


class OrderBook:
    """The orders of all users in a SQLite file.

    Args:
        path: of the file.
        today: the day that a cancelled order gets.
        options: of `Database`.
    """

    def __init__(self, path: str | Path, *, today: str = "Monday", **options):
        if today not in list(DAYS):
            raise ValueError(f"today={today!r} is none of {', '.join(DAYS)}")
        self.today, self.database = today, Database(path, SCHEMA, **options)

    def install(self, table: SyscallTable, **times: float) -> None:
        """Register `orders.find` and `orders.cancel`, each with the right of its name; times as there."""
        table.register("orders.find", self.find, **times)
        table.register("orders.cancel", self.cancel, effect=True, **times)

    def put(self, user: str, orders: Iterable[Order], *, receipts: int = 0) -> None:
        """Enter orders of a user, as the shop's till does.

        Args:
            user: the owner.
            orders: new ones; a number that the user has already is replaced.
            receipts: the number of the user's last receipt.

        Raises:
            TypeError: what is no order; a number or an item that is no text.
            ValueError: no user, a status or a day that there is not, a negative number of receipts.
        """
        check_owner(user)
        check_whole("receipts", receipts, 0, 2**62)
        if not isinstance(orders, Iterable):
            raise TypeError(f"orders={orders!r}: a list of orders is wanted")
        orders = list(orders)
        for order in orders:
            if (
                not isinstance(order, Order)
                or not isinstance(order.number, str)
                or not isinstance(order.item, str)
            ):
                raise TypeError(f"{order!r} is no Order with texts for number and item")
            if order.status not in STATUSES or order.day not in list(DAYS):
                raise ValueError(
                    f"{order}: status is one of {', '.join(STATUSES)}, day one of {', '.join(DAYS)}"
                )
        with self.database.opened(write=True) as rows:
            rows.executemany(PUT, [(user, *order) for order in orders])
            rows.executemany(TOLD, [(user, order.number) for order in orders])
            if receipts:
                rows.execute("INSERT OR IGNORE INTO receipts VALUES (?, ?, '')", (user, receipts))

    def find(self, process: Process, number: str) -> str:
        """`item status day` of the caller's order; `ENOENT` where the caller has none of that number."""
        with self.database.opened() as rows:
            return " ".join(self._own(rows, process, number))

    def cancel(self, process: Process, number: str) -> str:
        """Cancel the caller's order and leave a receipt: both or neither.

        A receipt that nobody has been told of, since whoever should have told it died, waits: who asks again,
        and says yes again, is given it, and nothing is done twice.

        Errors: `ENOENT` no such order of the caller's; `EALREADY` it is not in the shop any more, with its
        status; `EAGAIN` the caller has not said yes to this order.
        """
        with self.database.opened(write=True) as rows:
            _, status, _ = self._own(rows, process, number)
            waits = rows.execute(UNTOLD, (process.user, number)).fetchone() if status == "cancelled" else None
            if status != "packed" and waits is None:
                raise OSError(errno.EALREADY, status)
            if confirmed(number) not in process.capabilities:
                raise OSError(errno.EAGAIN, "the user must confirm")
            if waits is not None:
                return f"receipt {waits[0]}"
            rows.execute(CANCEL, (self.today, process.user, number))
            (receipt,) = rows.execute(NEXT, (process.user,)).fetchone()
            rows.execute("INSERT INTO receipts VALUES (?, ?, ?)", (process.user, receipt, number))
            rows.execute("INSERT OR REPLACE INTO untold VALUES (?, ?, ?)", (process.user, number, receipt))
            return f"receipt {receipt}"

    def told(self, user: str, number: str) -> None:
        """The user has read which receipt the cancelling of this order left: it waits no longer.

        Raises:
            ValueError: no user.
            OSError: as in `Database.opened`; the receipt then goes on waiting, and may be told once more.
        """
        check_owner(user)
        with self.database.opened(write=True) as rows:
            rows.execute(TOLD, (user, number))

    def _own(self, rows: sqlite3.Connection, process: Process, number: str) -> tuple[str, str, str]:
        order = rows.execute(FIND, (owner(process), number)).fetchone()
        if order is None:
            raise FileNotFoundError(errno.ENOENT, f"no order {number}")
        return order
