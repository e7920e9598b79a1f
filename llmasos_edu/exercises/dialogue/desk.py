"""A shop's desk with two calls behind it: exercise 6.1-9 attacks it. Correct here, broken in `broken.py`."""


class Desk:
    """Orders of many users, found and cancelled by calls; a process brings its user and its rights along."""

    def __init__(self):
        self.orders: dict[tuple[str, str], list[str]] = {}  # (owner, number): [item, status]
        self.receipts: list[tuple[str, int, str]] = []  # owner, receipt, number
        self.consents: set[tuple[str, str]] = set()  # (user, number)
        self.work = 0  # rows that the last call has looked at

    def put(self, owner: str, number: str, item: str) -> None:
        """A new order, as the shop's till enters it. Two users may have orders of the same number."""
        self.orders[owner, number] = [item, "packed"]

    def yes(self, user: str, number: str) -> None:
        """The user has said yes to cancelling this order. It counts for the next call alone."""
        self.consents = {(user, number)}

    def call(self, user: str, rights: list[str], name: str, number: str) -> str:
        """What the kernel answers to a call of a process of this user.

        `find`: `OK item status` of the user's own order. `cancel`: `OK receipt n`, n counted for each user
        from 1; the order is cancelled then, and the receipt kept. Else, the first that applies: `EPERM`
        without the right of the call's name; `ENOENT` where this user has no such order, which takes as much
        work whether somebody else has one or not; for `cancel`, `EALREADY` where it is cancelled, and
        `EAGAIN` where the user has not said yes to this order just before.
        """
        consents, self.consents, self.work = self.consents, set(), 0
        if not self.may(rights, name):
            return "EPERM"
        order = self.look(user, number)
        if order is None:
            return self.refusal(number)
        item, status = order
        if name == "find":
            return f"OK {item} {status}"
        if status == "cancelled":
            return self.again(user, number)
        if not self.agreed(consents, user, number):
            return "EAGAIN"
        return self.cancel(user, number)

    # ---- the parts ----

    def may(self, rights: list[str], name: str) -> bool:
        return name in rights

    def look(self, user: str, number: str) -> list[str] | None:
        self.work += 1
        return self.orders.get((user, number))

    def refusal(self, number: str) -> str:
        return "ENOENT"

    def again(self, user: str, number: str) -> str:
        return "EALREADY"

    def agreed(self, consents: set[tuple[str, str]], user: str, number: str) -> bool:
        return (user, number) in consents

    def cancel(self, user: str, number: str) -> str:
        self.orders[user, number][1] = "cancelled"
        receipt = self.next_receipt(user)
        self.keep(user, receipt, number)
        return f"OK receipt {receipt}"

    def next_receipt(self, user: str) -> int:
        return 1 + sum(owner == user for owner, _, _ in self.receipts)

    def keep(self, user: str, receipt: int, number: str) -> None:
        self.receipts.append((user, receipt, number))
