"""What the attacks of 6.1-9 are run on: correct desks, and desks with one hole each.

These holes are here on purpose.
"""

import sqlite3

from llmasos_edu.exercises.dialogue.desk import Desk

# Correct in another way --------------------------------------------------------------------------------


class WithSqlite(Desk):
    """Finds orders by a query with places for the values, as one should."""

    query = "SELECT item, status FROM orders WHERE owner = ? AND number = ?"

    def look(self, user, number):
        rows = sqlite3.connect(":memory:")
        rows.execute("CREATE TABLE orders (owner, number, item, status)")
        for (owner, of_order), (item, status) in self.orders.items():
            rows.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", (owner, of_order, item, status))
        self.work += len(self.orders)
        found = self.ask(rows, user, number)
        rows.close()
        return None if found is None else list(found)

    def ask(self, rows, user, number):
        return rows.execute(self.query, (user, number)).fetchone()


class LooksAtAll(Desk):
    """Walks through all orders and stops nowhere, so that its work is always the same."""

    def look(self, user, number):
        self.work += len(self.orders)
        return next((order for key, order in self.orders.items() if key == (user, number)), None)


class KeepsYesAsKeys(Desk):
    """Remembers a yes as one text."""

    def yes(self, user, number):
        self.consents = {repr((user, number))}

    def agreed(self, consents, user, number):
        return repr((user, number)) in consents


# With one hole -----------------------------------------------------------------------------------------


class OwnerNotAsked(Desk):
    def look(self, user, number):
        self.work += 1
        own = self.orders.get((user, number))
        return own or next((order for (_, n), order in self.orders.items() if n == number), None)

    def cancel(self, user, number):
        if (user, number) not in self.orders:
            return "EAGAIN"
        return super().cancel(user, number)


class CancelsForOthers(Desk):
    """Finds the user's own, but cancels every order of that number."""

    def cancel(self, user, number):
        for (_, other), order in self.orders.items():
            if other == number:
                order[1] = "cancelled"
        return super().cancel(user, number)


class RightNotAsked(Desk):
    def may(self, rights, name):
        return True


class AnyRight(Desk):
    def may(self, rights, name):
        return bool(rights)


class TellsOnOthers(Desk):
    def refusal(self, number):
        return "EPERM" if any(other == number for _, other in self.orders) else "ENOENT"


class WorksLonger(Desk):
    """The same answer, but an order of somebody else is looked at before it is refused."""

    def refusal(self, number):
        self.work += sum(other == number for _, other in self.orders)
        return "ENOENT"


class Glued(WithSqlite):
    """A query glued together from what was said."""

    def ask(self, rows, user, number):
        try:
            return rows.execute(
                f"SELECT item, status FROM orders WHERE owner = '{user}' AND number = '{number}'"
            ).fetchone()
        except sqlite3.Error:
            return None


class NoYesNeeded(Desk):
    def agreed(self, consents, user, number):
        return True


class YesToAnything(Desk):
    def agreed(self, consents, user, number):
        return any(who == user for who, _ in consents)


class AnybodysYes(Desk):
    def agreed(self, consents, user, number):
        return any(what == number for _, what in consents)


class YesForEver(Desk):
    def __init__(self):
        super().__init__()
        self.all = set()

    def yes(self, user, number):
        super().yes(user, number)
        self.all.add((user, number))

    def agreed(self, consents, user, number):
        return (user, number) in self.all


class CancelsTwice(Desk):
    def again(self, user, number):
        return self.cancel(user, number)


class NoReceipt(Desk):
    def keep(self, user, receipt, number):
        pass


class ReceiptsOfAll(Desk):
    def next_receipt(self, user):
        return 1 + len(self.receipts)


# The lists ---------------------------------------------------------------------------------------------

GOOD_DESKS = {
    "a correct desk": Desk,
    "a correct desk on SQLite": WithSqlite,
    "a correct desk that looks at all orders": LooksAtAll,
    "a correct desk that keeps a yes as a text": KeepsYesAsKeys,
}
BAD_DESKS = {
    "finds the orders of others": OwnerNotAsked,
    "cancels the orders of others": CancelsForOthers,
    "asks for no right": RightNotAsked,
    "any right will do": AnyRight,
    "answers otherwise for the orders of others": TellsOnOthers,
    "works longer for the orders of others": WorksLonger,
    "a query glued together": Glued,
    "cancels without a yes": NoYesNeeded,
    "a yes to another order will do": YesToAnything,
    "somebody else's yes will do": AnybodysYes,
    "a yes counts for ever": YesForEver,
    "cancels twice": CancelsTwice,
    "keeps no receipt": NoReceipt,
    "numbers the receipts of all together": ReceiptsOfAll,
}
