"""A grammar of conversations in which every answer is right or wrong: what is said, called, found, answered.

A `Talk` is a small world in motion: orders, notes, a calendar, and what has been told so far. It draws a turn
and knows the one right way through it: which calls to make, and which sentence to say after what they gave.
"""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from llmasos_edu.dialogue.lexicon import (
    DAYS,
    EVENTS,
    FACTS,
    HOURS,
    ITEMS,
    LANGUAGES,
    STATUSES,
    TROUBLES,
    USER,
    answer,
    word,
)
from llmasos_edu.dialogue.names import appointment, draw, name, noise, order_number, pair
from llmasos_edu.foundation.arguments import check_number, check_whole

BROKEN = ("EIO", "EIO", "ENOSYS", "ESTALE", "ENOSPC")  # all end in the sentence for EIO
WEIGHTS = {
    "find": 14, "cancel": 13, "hours": 6, "plus": 8, "minus": 7, "add": 12, "tell": 16, "ask": 18, "hello": 5,
    "thanks": 2, "bye": 1, "sad": 2, "glad": 2, "who": 2, "beyond": 5, "yes": 1, "no": 1,
}  # fmt: skip
KINDS = {
    "name": "name",
    "dog": "thing",
    "cat": "thing",
    "friend": "thing",
    "city": "place",
    "street": "place",
}


class Call(NamedTuple):
    """A system call of the assistant, and what came back."""

    name: str
    arguments: dict[str, str]
    errno: str
    text: str

    @property
    def request(self) -> str:
        """The words of the call, as the kernel reads them."""
        return f"{self.name} {json.dumps(self.arguments, ensure_ascii=False)}"


class Turn(NamedTuple):
    """What a user says and the right way to answer it."""

    act: str
    language: str
    said: str
    calls: tuple[Call, ...]
    answer: str


@dataclass
class World:
    """What the tools know before the conversation begins.

    Fields:
        orders: number: (item, status, day); a number that is asked for and has no order stands here as None.
        notes: what was told in earlier conversations.
        calendar: (day, time): event.
        receipts: how many receipts the user has had.
        today: the day on which something is cancelled.
    """

    orders: dict[str, tuple[str, str, str] | None] = field(default_factory=dict)
    notes: dict[str, str | None] = field(default_factory=dict)
    calendar: dict[tuple[str, str], str] = field(default_factory=dict)
    receipts: int = 0
    today: str = "Monday"


class Talk:
    """A conversation that is drawn turn by turn; the world comes into being as it is asked about.

    Args:
        seed: of all that is drawn.
        kept: whether names, numbers, sums and appointments come from the half that was held out.
        unseen: whether users speak in the forms that were held out.
        trouble: the share of calls that fail for no fault of the user's.
        language: of the user; drawn unless given.
        switch: the share of turns in the other language.
        known: facts that stand in the notes at the top of the window.
        today: the day; drawn unless given.
        weights: how often each kind of turn comes.

    Fields:
        facts: what stands in the window: told, found or in the notes.
        start: the world as it was before the first turn.

    Raises:
        TypeError: a seed or a number of facts that is no whole number, weights that are no dictionary.
        ValueError: a language, a day or a kind of turn that there is not; a share outside 0 to 1; more facts
            than there are; weights of which none is above 0.
    """

    def __init__(
        self,
        seed: int,
        *,
        kept: bool = False,
        unseen: bool = False,
        trouble: float = 0.0,
        language: str | None = None,
        switch: float = 0.05,
        known: int = 0,
        today: str | None = None,
        weights: dict[str, int] = WEIGHTS,
    ):
        check_whole("seed", seed, 0, 2**63)
        check_whole("known", known, 0, len(FACTS))
        check_number("trouble", trouble, 0, 1)
        check_number("switch", switch, 0, 1)
        if today is not None and today not in list(DAYS):
            raise ValueError(f"today={today!r} is none of {', '.join(DAYS)}")
        _check_weights(weights)
        self.chance = random.Random(seed)
        self.kept, self.unseen, self.trouble, self.switch = kept, unseen, trouble, switch
        self.weights = weights
        self.base = language or self.chance.choice(LANGUAGES)
        if self.base not in LANGUAGES:
            raise ValueError(f"language={language!r} is none of {', '.join(LANGUAGES)}")
        receipts, day = self.chance.randint(0, 900), self.chance.choice(list(DAYS))
        self.start = World(receipts=receipts, today=today or day)
        self.receipts = self.start.receipts
        self.orders: dict[str, tuple[str, str, str] | None] = {}
        self.calendar: dict[tuple[str, str], str] = {}
        self.stored: dict[str, str | None] = {}  # the notes as they are now
        self.facts: dict[str, str] = {}
        for key in self.chance.sample(list(FACTS), known):
            self.facts[key] = self.start.notes[key] = self.stored[key] = self._name(self.base)
        self.notes = dict(self.facts)
        self.pending: str | None = None  # the order whose cancelling waits for a yes
        self.asked_name = False

    def turn(self, act: str | None = None, *, key: str | None = None) -> Turn:
        """Draw a turn; of a given kind, or one that fits. A fact to tell or ask for may be given as well.

        Raises:
            ValueError: a kind of turn or a fact that there is not.
        """
        act = act or self._next_act()
        if act not in list(WEIGHTS):
            raise ValueError(f"act={act!r} is none of {', '.join(WEIGHTS)}")
        if key is not None and key not in list(FACTS):
            raise ValueError(f"key={key!r} is none of {', '.join(FACTS)}")
        language = self.base
        if self.chance.random() < self.switch:
            language = next(other for other in LANGUAGES if other != language)
        pending, self.pending, self.asked_name, self.about = self.pending, None, False, key
        if act in ("yes", "no"):
            return self._reply(act, language, pending)
        return getattr(self, f"_{act}", self._plain)(act, language)

    def _next_act(self) -> str:
        if self.pending and self.chance.random() < 0.9:
            return self.chance.choices(["yes", "no"], weights=[3, 1])[0]
        if self.asked_name and self.chance.random() < 0.6:
            return "tell"
        return self.chance.choices(list(self.weights), weights=list(self.weights.values()))[0]

    # ---- drawing values ----

    def _name(self, language: str) -> str:
        return name(self.chance, language, kept=self.kept)

    def _form(self, forms: dict[str, list[str]], language: str) -> str:
        return forms[language][-1] if self.unseen else self.chance.choice(forms[language][:-1])

    def _number(self) -> str:
        """An order's number: one that was spoken of, now and then, else a new one."""
        if self.orders and self.chance.random() < 0.3:
            return self.chance.choice(list(self.orders))
        return order_number(self.chance, kept=self.kept)

    def _order(self, number: str, weights: tuple[int, ...]) -> tuple[str, str, str] | None:
        """The order of this number, which comes into being when it is first asked for; one in six is none."""
        if number not in self.orders:
            status = self.chance.choices(STATUSES, weights=weights)[0]
            order = (self.chance.choice(list(ITEMS)), status, self.chance.choice(list(DAYS)))
            self.orders[number] = self.start.orders[number] = order if self.chance.random() > 1 / 6 else None
        return self.orders[number]

    def _fails(self) -> tuple[str, str, str] | None:
        """The name of an error, its text, and the error whose sentence is said; None where the call works."""
        if self.chance.random() >= self.trouble:
            return None
        kind = self.chance.choice(TROUBLES)
        errno = self.chance.choice(BROKEN) if kind == "EIO" else kind
        return errno, noise(self.chance), kind

    # ---- customer service ----

    def _find(self, act: str, language: str) -> Turn:
        number = self._number()
        said = self._form(USER["find"], language).format(number=number)
        order, failure = self._order(number, (4, 4, 4, 1)), self._fails()
        if failure:
            errno, text, outcome = failure
            values = {}
        elif order is None:
            errno, text, outcome, values = "ENOENT", f"no order {number}", "no order", {"number": number}
        else:
            item, status, day = order
            errno, text, outcome, values = "OK", " ".join(order), status, {"item": item, "day": day}
        call = Call("orders.find", {"number": number}, errno, text)
        return Turn(act, language, said, (call,), answer(outcome, language, **values))

    def _cancel(self, act: str, language: str) -> Turn:
        number = self._number()
        said = self._form(USER["cancel"], language).format(number=number)
        order, failure = self._order(number, (10, 2, 2, 1)), self._fails()
        values = {"number": number}
        if failure:
            errno, text, outcome = failure
        elif order is None:
            errno, text, outcome = "ENOENT", f"no order {number}", "no order"
        elif order[1] != "packed":
            errno, text, outcome = "EALREADY", order[1], f"too late {order[1]}"
        else:
            errno, text, outcome = "EAGAIN", "the user must confirm", "confirm"
            self.pending = number
        call = Call("orders.cancel", {"number": number}, errno, text)
        return Turn(act, language, said, (call,), answer(outcome, language, **values))

    def _reply(self, act: str, language: str, number: str | None) -> Turn:
        said = self._form(USER[act], language)
        if number is None:
            return Turn(act, language, said, (), answer("no question", language))
        if act == "no":
            return Turn(act, language, said, (), answer("stays", language, number=number))
        failure = self._fails()
        if failure:
            errno, text, outcome = failure
        else:
            self.receipts += 1
            self.orders[number] = (self.orders[number][0], "cancelled", self.start.today)
            errno, text, outcome = "OK", f"receipt {self.receipts}", "receipt"
        call = Call("orders.cancel", {"number": number}, errno, text)
        return Turn(
            act, language, said, (call,), answer(outcome, language, number=number, receipt=self.receipts)
        )

    def _hours(self, act: str, language: str) -> Turn:
        day = self.chance.choice(list(DAYS))
        said = self._form(USER["hours"], language).format(day=word(language, day))
        hours = HOURS[day]
        if hours is None:
            return Turn(act, language, said, (), answer("closed", language, day=day))
        return Turn(act, language, said, (), answer("open", language, day=day, start=hours[0], end=hours[1]))

    # ---- the assistant ----

    def _plus(self, act: str, language: str) -> Turn:
        a, b = draw(self.chance, act, pair, kept=self.kept).split()
        if act == "minus":
            a, b = sorted((a, b), key=int, reverse=True)
        work, c = by_digits(int(a), int(b), act)
        said = self._form(USER[act], language).format(a=a, b=b)
        return Turn(act, language, said, (), answer(act, language, work=work, a=a, b=b, c=c))

    _minus = _plus

    def _add(self, act: str, language: str) -> Turn:
        what, day, time = draw(self.chance, "appointment", appointment, kept=self.kept).split()
        said = self._form(USER["add"], language).format(
            what=word(language, what), day=word(language, day), time=time
        )
        said = said[0].upper() + said[1:]
        values, failure = {"what": what, "day": day, "time": time}, self._fails()
        if (day, time) not in self.calendar and self.chance.random() < 0.15:
            other = self.chance.choice(list(EVENTS))
            self.calendar[day, time] = self.start.calendar[day, time] = other
        if failure:
            errno, text, outcome = failure
        elif (day, time) in self.calendar:
            errno, text, outcome = "EEXIST", self.calendar[day, time], "taken"
        else:
            self.calendar[day, time] = what
            errno, text, outcome = "OK", "noted", "added"
        call = Call("calendar.add", values, errno, text)
        return Turn(act, language, said, (call,), answer(outcome, language, other=text, **values))

    # ---- the companion ----

    def _tell(self, act: str, language: str) -> Turn:
        new = [key for key in FACTS if key not in self.facts or self.chance.random() < 0.15]
        drawn = self.chance.choice(new or ["name"])
        key = self.about or drawn
        value = self._name(language)
        said = self._form(USER["tell"][KINDS[key]], language).format(key=word(language, key), value=value)
        self.facts[key] = value
        failure = self._fails()
        if failure:
            errno, text, outcome = failure
        else:
            self.stored[key] = value
            errno, text, outcome = "OK", "kept", "told name" if key == "name" else "told"
        call = Call("memory.save", {"key": key, "value": value}, errno, text)
        return Turn(act, language, said, (call,), answer(outcome, language, key=key, value=value))

    def _ask(self, act: str, language: str) -> Turn:
        absent = [key for key in FACTS if key not in self.facts]
        if self.facts and (not absent or self.chance.random() < 0.7):
            key = self.chance.choice(list(self.facts))
        else:
            key = self.chance.choice(absent)
        key = self.about or key
        said = self._form(USER["ask"][KINDS[key]], language).format(key=word(language, key))
        calls, failure = self._recall(key)
        if failure:
            return Turn(act, language, said, calls, answer(failure, language))
        outcome = "is name" if key == "name" else "is"
        return Turn(act, language, said, calls, answer(outcome, language, key=key, value=self.facts[key]))

    def _recall(self, key: str) -> tuple[tuple[Call, ...], str | None]:
        """What it takes to have the fact in the window, and the outcome where it is not to be had."""
        if key in self.facts:
            return (), None
        if key not in self.stored:
            found = self._name(self.base) if self.chance.random() < 0.7 else None
            self.stored[key] = self.start.notes[key] = found
        failure = self._fails()
        if failure:
            return (Call("memory.search", {"key": key}, failure[0], failure[1]),), failure[2]
        value = self.stored[key]
        if value is None:
            return (Call("memory.search", {"key": key}, "ENOENT", "no such note"),), "untold"
        self.facts[key] = value
        return (Call("memory.search", {"key": key}, "OK", value),), None

    def _hello(self, act: str, language: str) -> Turn:
        said = self._form(USER["hello"], language)
        calls, failure = self._recall("name")
        if failure:
            self.asked_name = True
            return Turn(act, language, said, calls, answer("hello", language))
        return Turn(act, language, said, calls, answer("hello name", language, value=self.facts["name"]))

    def _plain(self, act: str, language: str) -> Turn:
        said = self._form(USER[act], language).format(value=self._name(language))
        return Turn(act, language, said, (), answer(act, language))


def by_digits(a: int, b: int, act: str) -> tuple[str, int]:
    """A sum or a difference of numbers below 100 as it is done on paper: ones, tens, and the result.

    `37 + 45`: `7+5=12, 3+4+1=8`, 82. `62 - 37`: `12-7=5, 6-3-1=2`, 25. Written out, each step is small; a
    model that says the result at once would have to see the carry before it says the first digit.

    Raises:
        TypeError: what is no whole number.
        ValueError: a number outside 0 to 99, more taken away than there is, neither `plus` nor `minus`.
    """
    check_whole("a", a, 0, 99)
    check_whole("b", b, 0, 99 if act == "plus" else a)
    if act not in ("plus", "minus"):
        raise ValueError(f"act={act!r} is none of plus, minus")
    (tens, ones), (more_tens, more_ones) = divmod(a, 10), divmod(b, 10)
    if act == "plus":
        carry = ones + more_ones > 9
        first = f"{ones}+{more_ones}={ones + more_ones}"
        return f"{first}, {tens}+{more_tens}+{carry:d}={tens + more_tens + carry}", a + b
    borrow = ones < more_ones
    ones += 10 * borrow
    first = f"{ones}-{more_ones}={ones - more_ones}"
    return f"{first}, {tens}-{more_tens}-{borrow:d}={tens - more_tens - borrow}", a - b


def notes_text(facts: dict[str, str]) -> str:
    """Facts as they stand in the notes at the top of a window, and as a summary gives them."""
    return "; ".join(f"{key} = {value}" for key, value in facts.items())


def _check_weights(weights: Mapping[str, float]) -> None:
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights={weights!r}: a dictionary of kinds of turns is wanted")
    for act, weight in weights.items():
        if act not in WEIGHTS:
            raise ValueError(f"act={act!r} is none of {', '.join(WEIGHTS)}")
        check_number(f"the weight of {act}", weight, 0, 10**9)
    if not sum(weights.values()):
        raise ValueError(f"weights={dict(weights)!r}: none is above 0, so no turn could be drawn")
