"""The tools of one shop together: a folder with order book, notes and calendars, and the calls to them."""

import datetime
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llmasos_edu.dialogue.calendar import Calendar, check_date
from llmasos_edu.dialogue.grammar import World
from llmasos_edu.dialogue.lexicon import DAYS
from llmasos_edu.dialogue.notebook import Notebook
from llmasos_edu.dialogue.orders import Order, OrderBook
from llmasos_edu.dialogue.template import TOOLS, syntax, tokenizer
from llmasos_edu.dialogue.transcript import Called, parts_of
from llmasos_edu.kernel.syscalls import SyscallTable

MONDAY = datetime.date(2026, 1, 5)
RIGHTS = frozenset(TOOLS)  # what a customer who is logged in may call


class Desk:
    """Order book, notebook and calendars in one folder, which outlives the program.

    Args:
        folder: made where it is missing.
        today: the day on which all happens.
        latency: time units of the kernel's clock that each call takes.
        limit: a call that would take longer is answered `ETIMEDOUT`.
        options: of `Database`, for both files.

    Raises:
        TypeError: a day that is no date.
        ValueError, OSError: as in `SyscallTable.register` and `Database`.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        today: datetime.date = MONDAY,
        latency: float = 1.0,
        limit: float = 100.0,
        **options,
    ):
        check_date(today)
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.today = list(DAYS)[today.weekday()]
        self.orders = OrderBook(folder / "orders.sqlite", today=self.today, **options)
        self.notes = Notebook(folder / "notes.sqlite", **options)
        self.calendar = Calendar(folder / "calendars", today=today)
        self.table = SyscallTable(syntax())
        for tool in (self.orders, self.notes, self.calendar):
            tool.install(self.table, latency=latency, limit=limit)

    def fill(self, user: str, world: World) -> None:
        """Enter what the grammar says was there before a user's conversation.

        Raises:
            TypeError: no world.
            ValueError: no user; orders or notes that there cannot be.
            OSError: an appointment that cannot be entered, as in `Calendar.put`.
        """
        if not isinstance(world, World):
            raise TypeError(f"world={world!r:.80} is no World: World(orders=..., notes=...)")
        orders = [Order(number, *order) for number, order in world.orders.items() if order is not None]
        self.orders.put(user, orders, receipts=world.receipts)
        self.notes.put(user, {key: value for key, value in world.notes.items() if value is not None})
        for (day, time), what in world.calendar.items():
            self.calendar.put(user, what, day, time)

    def heard(self, user: str, output: Sequence[int]) -> None:
        """Note that a user has got a turn: a receipt that a whole turn tells does not wait any longer.

        Args:
            user: whose turn.
            output: its tokens. A turn that broke off has told nothing.
        """
        if not output or output[-1] != tokenizer().marks["end"]:
            return
        for part in parts_of(output):
            if isinstance(part, Called) and (part.name, part.errno) == ("orders.cancel", "OK"):
                with suppress(OSError):  # it waits on, and is told once more at worst
                    self.orders.told(user, json.loads(part.arguments)["number"])
