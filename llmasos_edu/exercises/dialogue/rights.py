"""Exercises of chapter 6.1 on what a call may do: whose rows it finds, and what makes a yes.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random
import re

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

EPERM, ENOENT = 1, 2  # as Linux numbers them

# 6.1-2 --------------------------------------------------------------------------------


def find_order(orders, rights, user, number):
    """orders [[owner, number]], rights [names], user, number -> place of the order, or minus an error."""
    if "orders.find" not in rights:
        return -1
    for place, (owner, of_order) in enumerate(orders):
        if (owner, of_order) == (user, number):
            return place
    return -2


def _equal(owner, of_order, user, number):
    return (owner, of_order) == (user, number)


def _found(orders, user, number, fits=_equal):
    return next((place for place, row in enumerate(orders) if fits(*row, user, number)), -ENOENT)


def _finds(fits):
    """An answer that asks for the right first, as it should, and then finds whatever fits."""
    return lambda orders, rights, user, number: (
        _found(orders, user, number, fits) if "orders.find" in rights else -EPERM
    )


def _tells(orders, rights, user, number):
    found = find_order(orders, rights, user, number)
    return -EPERM if found == -ENOENT and any(row[1] == number for row in orders) else found


ORDERS = [["ada", "4711"], ["bob", "4712"], ["ada", "4720"], ["bob", "4711"], ["ada", "47"], ["Ada", "4713"]]


def _draw_order(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    user, number = generator.choice(["ada", "bob", "eve"]), generator.choice(["4711", "4712", "47", "9"])
    rights = generator.choice([["orders.find"], ["orders.cancel", "orders.find"], ["orders.cancel"]])
    return (Case(f"{user} asks for {number} with the rights {rights}", (ORDERS, rights, user, number)),)


FIND = Exercise(
    key="6.1-2",
    title="One's own order and no other",
    difficulty=1,
    minutes=15,
    statement=(
        "A tool is asked for an order. Without the right `orders.find` it answers -1 (minus `EPERM`). "
        "Else it "
        "returns the place in the list, from 0, of the order that has this number and belongs to this user, "
        "and -2 (minus `ENOENT`) where the user has none. Nobody may learn from the answer whether somebody "
        "else has an order of that number."
    ),
    takeaway="The right is asked first, the owner stands in the query, and what is not yours is not there.",
    reference=find_order,
    explanation="Owner and number in one condition; an order of somebody else falls out as if it were none.",
    codes=True,
    hints=(
        "Two questions: may this process call at all, and which row belongs to this user?",
        "Two users may have orders of the same number. What makes a row the right one?",
        "Compare your answers for an order of somebody else and for one that does not exist. Are they equal?",
    ),
    cases=(
        Case("one's own", (ORDERS, ["orders.find"], "ada", "4711")),
        Case("the same number of another user", (ORDERS, ["orders.find"], "bob", "4711")),
        Case("somebody else's", (ORDERS, ["orders.find"], "ada", "4712")),
        Case("nobody's", (ORDERS, ["orders.find"], "ada", "9999")),
        Case("without the right", (ORDERS, [], "ada", "4711")),
        Case("with another right", (ORDERS, ["orders.cancel"], "ada", "4711")),
        Case("without the right, and no such order", (ORDERS, ["orders.cancel"], "ada", "9999")),
        Case("a number that others begin with", (ORDERS, ["orders.find"], "ada", "47")),
        Case("part of a number", (ORDERS, ["orders.find"], "ada", "471")),
        Case("a user who is written in capitals", (ORDERS, ["orders.find"], "ADA", "4711")),
        Case("one's second order", (ORDERS, ["orders.find"], "ada", "4720")),
        Case("with two rights", (ORDERS, ["orders.cancel", "orders.find"], "ada", "4720")),
        Case("no orders", ([], ["orders.find"], "ada", "4711")),
    ),
    draw=_draw_order,
    mistakes=(
        Mistake(
            "the owner is not asked",
            "You find an order by its number alone. Whoever guesses numbers reads the orders of all.",
            (_finds(lambda owner, of_order, user, number: of_order == number),),
        ),
        Mistake(
            "the answer tells on others",
            "For an order of somebody else you answer otherwise than for none. So one learns that it exists.",
            (_tells,),
        ),
        Mistake(
            "the right is not asked",
            "Nobody is refused: a process without the right finds orders too. The right comes first.",
            (lambda orders, rights, user, number: _found(orders, user, number),),
        ),
        Mistake(
            "any right will do",
            "A process with some right may find orders in your version. Which right does the tool ask for?",
            (lambda orders, rights, user, number: _found(orders, user, number) if rights else -EPERM,),
        ),
        Mistake(
            "the right comes last",
            "You look first and ask for the right after. Who may not call still learns what there is.",
            (
                lambda orders, rights, user, number: (
                    -EPERM
                    if "orders.find" not in rights and _found(orders, user, number) >= 0
                    else _found(orders, user, number)
                ),
            ),
        ),
        Mistake(
            "numbers that begin alike",
            "A part of a number finds an order in your version. Numbers are equal or they are not.",
            (_finds(lambda owner, of_order, user, number: owner == user and of_order.startswith(number)),),
        ),
        Mistake(
            "names in any case",
            "You take ADA for ada. A user's name is the key to the rows, and another spelling another user.",
            (
                _finds(
                    lambda owner, of_order, user, number: owner.lower() == user.lower() and of_order == number
                ),
            ),
        ),
        Mistake(
            "the user's first",
            "You return some order of the user's, whatever the number. The number is in the question.",
            (_finds(lambda owner, of_order, user, number: owner == user),),
        ),
        Mistake(
            "errors without a sign",
            "You return errors as positive numbers. 1 and 2 are places in the list: an error must be "
            "below 0.",
            (
                lambda orders, rights, user, number: (
                    abs(found) if (found := find_order(orders, rights, user, number)) < 0 else found
                ),
            ),
        ),
        Mistake(
            "a place among one's own",
            "You count the user's own orders. The place is that in the whole list.",
            (
                lambda orders, rights, user, number: (
                    _found([row for row in orders if row[0] == user], user, number)
                    if "orders.find" in rights
                    else -EPERM
                ),
            ),
        ),
        Mistake(
            "place 0 taken for nothing",
            "The first order of the list is never found: its place is 0, and 0 counts as False (`or`, `if`). "
            "Ask whether something was found, not whether its place is true.",
            (lambda orders, rights, user, number: find_order(orders, rights, user, number) or -ENOENT,),
        ),
        Mistake(
            "the first of that number decides",
            "You look at the first order of that number alone. Two users may have orders of one number, and "
            "the user's own may stand further down.",
            (
                lambda orders, rights, user, number: (
                    -EPERM
                    if "orders.find" not in rights
                    else next(
                        (
                            i if row[0] == user else -ENOENT
                            for i, row in enumerate(orders)
                            if row[1] == number
                        ),
                        -ENOENT,
                    )
                ),
            ),
        ),
    ),
)

# 6.1-3 --------------------------------------------------------------------------------


def confirmed_order(pending, said):
    """pending [a number, 0 for none]: the order that waits; said -> the order that may be cancelled, or 0."""
    return pending if said.strip().rstrip(".!").lower() in ("yes", "是") else 0


def _when(test):
    return lambda pending, said: pending if test(said.strip().rstrip(".!").lower()) else 0


OTHER_MARKS = ["".join(more) for many in (1, 2, 3, 4) for more in itertools.combinations("?,。！", many)]


def _other_marks_too(marks):
    return lambda pending, said: pending if said.strip().rstrip(".!" + marks).lower() in ("yes", "是") else 0


def _draw_turn(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    said = generator.choice(["Yes.", "yes", "是", "Yes, and all others!", "No.", "Where is it?", "YES!"])
    pending = generator.choice([0, 4711, 5000])
    return (Case(f"{said!r} while {pending or 'nothing'} waits", (pending, said)),)


YES = Exercise(
    key="6.1-3",
    title="What counts as a yes",
    difficulty=2,
    minutes=15,
    statement=(
        "Before an order is cancelled the assistant asks. `pending` is the number of the order that it has "
        "just asked about, 0 where it has asked about none; `said` is the user's next message. Return the "
        "order that may be cancelled in this turn, and 0 where none may. The whole message must be a yes: "
        "`yes` or `是`, in capitals or not, with blanks around it (spaces; whether tabs and line ends are "
        "blanks is left to you), with dots or exclamation marks (`.` and `!` alone) straight behind it."
    ),
    takeaway="A yes is given by a user to one order in one turn; what the model believes gives nothing.",
    reference=confirmed_order,
    explanation="The program reads the message itself; a text that also says other things is no yes.",
    codes=True,
    hints=(
        "Two things must come together: an order waits, and nothing else stands in the message than a yes.",
        "'Yes, and cancel all others' begins with a yes. Is the whole message one?",
        "Take away what may stand around a yes, then compare. Mind both languages.",
    ),
    cases=(
        Case("yes", (4711, "Yes.")),
        Case("yes in Chinese", (4711, "是")),
        Case("YES! with blanks", (5000, "  YES! ")),
        Case("no", (4711, "No.")),
        Case("a yes and more", (4711, "Yes, and cancel all others")),
        Case("a word with yes in it", (4711, "yesterday")),
        Case("another question", (4711, "Where is it?")),
        Case("more, and then a yes", (4711, "I would never say yes")),
        Case("nothing waits", (0, "Yes.")),
        Case("not quite a no", (4711, "Maybe.")),
        Case("a word that ends like a yes", (4711, "eyes")),
        Case("three marks at its end", (4711, "Yes!!!")),
        Case("dots before it", (4711, "...yes")),
        Case("dots between its letters", (4711, "y.e.s")),
        Case("capitals behind a blank", (4711, " YES!")),
        Case("a blank before it", (4711, " yes")),
        Case("a piece of a yes", (4711, "ye")),
        Case("nothing said", (4711, "")),
        Case("a blank behind its mark", (4711, "yes. ")),
        Case("marks of both kinds", (4711, "yes.!.")),
        Case("a mark behind 是", (4711, "是!")),
        Case("a question", (4711, "Yes?")),
        Case("a blank before its mark", (4711, "yes !")),
        Case("a comma behind it", (4711, "yes,")),
        Case("a Chinese full stop", (4711, "是。")),
        Case("a wide exclamation mark", (4711, "是！")),
        Case("both languages", (4711, "yes是")),
    ),
    draw=_draw_turn,
    mistakes=(
        Mistake(
            "a yes somewhere",
            "A yes anywhere in the message counts in your version. 'I never said yes' has one as well.",
            (_when(lambda said: "yes" in said or "是" in said),),
        ),
        Mistake(
            "a yes at the beginning",
            "A message that begins with yes counts in your version. What else does it say? And yesterday "
            "begins so too.",
            (_when(lambda said: said.startswith(("yes", "是"))),),
        ),
        Mistake(
            "a yes at the end",
            "A message that ends with yes counts in your version. What stands before it may say the "
            "contrary.",
            (_when(lambda said: said.endswith(("yes", "是"))),),
        ),
        Mistake(
            "a piece of a yes",
            "A piece of a yes counts in your version, and a message of nothing at all. Compare the whole "
            "of both.",
            (_when(lambda said: said in "yes是"),),
        ),
        Mistake(
            "a yes among the words",
            "One word of the message is a yes in your version, and the others may say anything.",
            (
                _when(lambda said: {"yes", "yes,", "是"} & set(said.split())),
                _when(lambda said: re.search(r"\byes\b|是", said)),
            ),
        ),
        Mistake(
            "whatever is no no",
            "All that is not a no counts as a yes in your version. Silence and questions are no consent.",
            (_when(lambda said: said not in ("no", "不")),),
        ),
        Mistake(
            "the question is enough",
            "You let the order go as soon as it waits, whatever was said. Then the question need not have "
            "been asked.",
            (lambda pending, said: pending,),
        ),
        Mistake(
            "yes for the number",
            "You return True. Asked for is which order: a yes that names none could be used for any.",
            (lambda pending, said: bool(confirmed_order(pending, said)),),
        ),
        Mistake(
            "English alone",
            "Who says 是 has said yes. A program that reads two languages takes consent in both.",
            (_when(lambda said: said == "yes"),),
        ),
        Mistake(
            "letter by letter",
            "You compare the message as it was typed. YES!, with a blank before it, is a yes too.",
            (
                lambda pending, said: pending if said in ("yes", "是") else 0,
                lambda pending, said: pending if said in ("yes", "Yes.", "是") else 0,
            ),
        ),
        Mistake(
            "capitals",
            "You take some capitals for another word. YES and Yes are a yes as well: make all letters small "
            "before you compare.",
            (
                lambda pending, said: pending if said.strip().rstrip(".!") in ("yes", "是") else 0,
                lambda pending, said: pending if said.strip().rstrip(".!") in ("yes", "Yes", "是") else 0,
            ),
        ),
        Mistake(
            "no yes counts",
            "No message lets an order go in your version. With an order that waits and a plain yes, which of "
            "your conditions is not met?",
            (lambda pending, said: 0,),
        ),
        Mistake(
            "marks not taken away",
            "A yes with a mark behind it does not count in your version. Dots and exclamation marks may "
            "stand there.",
            (lambda pending, said: pending if said.strip().lower() in ("yes", "是") else 0,),
        ),
        Mistake(
            "blanks not taken away",
            "A yes with a blank before it, or behind its mark, does not count in your version. Blanks may "
            "stand around it.",
            (lambda pending, said: pending if said.rstrip(".!").lower() in ("yes", "是") else 0,),
        ),
        Mistake(
            "blanks on one side",
            "You take the blanks away on one side of the message alone. They may stand on both, behind the "
            "last mark as well.",
            (
                lambda pending, said: pending if said.lstrip().rstrip(".!").lower() in ("yes", "是") else 0,
                lambda pending, said: pending if said.rstrip().rstrip(".!").lower() in ("yes", "是") else 0,
            ),
        ),
        Mistake(
            "marks anywhere",
            "You take dots and exclamation marks away in front as well, or wherever they stand. They may "
            "stand at the end alone; something else before the yes is no plain yes.",
            (
                lambda pending, said: pending if said.lower().strip(" .!") in ("yes", "是") else 0,
                lambda pending, said: pending if re.sub(r"[\s.!]", "", said).lower() in ("yes", "是") else 0,
            ),
        ),
        Mistake(
            "marks of other kinds",
            "You take other marks away than dots and exclamation marks. The statement names `.` and `!` "
            "alone: a question is no yes, and a list of marks that grows by good will has no end.",
            tuple(map(_other_marks_too, OTHER_MARKS)),
        ),
        Mistake(
            "blanks between word and marks",
            "A blank between the yes and its mark is taken away in your version. Marks may stand straight "
            "behind it alone.",
            (lambda pending, said: pending if said.strip().rstrip(" .!").lower() in ("yes", "是") else 0,),
        ),
        Mistake(
            "one mark at most",
            "You take one mark at the end. The statement has dots and exclamation marks, so that several "
            "may follow each other.",
            (lambda pending, said: pending if re.fullmatch(r"\s*(yes|是)[.!]?\s*", said.lower()) else 0,),
        ),
    ),
)


EXERCISES = (FIND, YES)
