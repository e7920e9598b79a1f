"""Exercises of chapter 6.1 on what a call may do: whose rows it finds.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

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


def _joined(orders, rights, user, number):
    return _finds(lambda owner, of_order, *asked: owner + of_order == "".join(asked))(
        orders, rights, user, number
    )


def _tells(orders, rights, user, number):
    found = find_order(orders, rights, user, number)
    return -EPERM if found == -ENOENT and any(row[1] == number for row in orders) else found


def _last_of_the_number(orders, rights, user, number):
    places = {of_order: place for place, (_, of_order) in enumerate(orders)}
    if "orders.find" not in rights:
        return -EPERM
    return places[number] if number in places and orders[places[number]][0] == user else -ENOENT


def _minus_two_from(place, orders, *a):
    found = find_order(orders, *a)
    return -ENOENT if found >= place else found


ORDERS = [["ada", "4711"], ["bob", "4712"], ["ada", "4720"], ["bob", "4711"], ["ada", "47"], ["Ada", "4713"]]

MORE = [["adam", "4720"], ["ada", "14711"], ["ada", "4711"]]


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
        Case(
            "with two rights the other way round", (ORDERS, ["orders.find", "orders.cancel"], "ada", "4720")
        ),
        Case("an order of Ada in capitals", (ORDERS, ["orders.find"], "ada", "4713")),
        Case("with rights of like names", (ORDERS, ["orders.finder", "my.orders.find"], "ada", "4711")),
        Case("with another right to find", (ORDERS, ["customers.find"], "ada", "4711")),
        Case("a number with a zero before it", (ORDERS, ["orders.find"], "ada", "04711")),
        Case("a number that ends alike", (ORDERS, ["orders.find"], "ada", "14711")),
        Case("no orders", ([], ["orders.find"], "ada", "4711")),
        Case("the first of the list, its number once", (ORDERS[:3], ["orders.find"], "ada", "4711")),
        Case("a number that another one ends with", (MORE, ["orders.find"], "ada", "4711")),
        Case("a user whose name another one begins with", (MORE, ["orders.find"], "adam", "4720")),
        Case("a name that begins another one", (MORE, ["orders.find"], "ada", "4720")),
        Case("a name and a number that read alike when joined", (ORDERS, ["orders.find"], "ada4", "711")),
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
            "A part of a number finds an order in your version, or a number that holds another one. Numbers "
            "are equal or they are not.",
            (
                _finds(lambda owner, of_order, user, number: owner == user and number in of_order),
                _finds(lambda owner, of_order, user, number: owner == user and of_order in number),
            ),
        ),
        Mistake(
            "name and number joined",
            "You join name and number to one text. `ada4` with 711 then reads like `ada` with 4711, and sees "
            "her order. Compare the two one by one.",
            (_joined,),
        ),
        Mistake(
            "numbers for texts",
            "A number with a zero before it finds an order in your version. They are compared as numbers, "
            "and are texts: another spelling is another order.",
            (_finds(lambda owner, of_order, user, number: owner == user and int(of_order) == int(number)),),
        ),
        Mistake(
            "rights that sound alike",
            "A right with a like name is enough in your version: one that holds the words, or begins or ends "
            "with them. A process has just this right, or it has not.",
            (
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if "orders.find" in " ".join(rights) else -EPERM
                ),
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if any("find" in right for right in rights) else -EPERM
                ),
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if any(r.startswith("orders") for r in rights) else -EPERM
                ),
            ),
        ),
        Mistake(
            "no other right beside it",
            "A process that has the right is refused where it has another one as well. Ask whether this one "
            "is among its rights.",
            (
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if rights[:1] == ["orders.find"] else -EPERM
                ),
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if rights[-1:] == ["orders.find"] else -EPERM
                ),
                lambda orders, rights, user, number: (
                    _found(orders, user, number) if rights == ["orders.find"] else -EPERM
                ),
            ),
        ),
        Mistake(
            "places from one",
            "You count places from 1. The first order in the list has the place 0.",
            (
                lambda orders, rights, user, number: (
                    found + (found >= 0) if (found := find_order(orders, rights, user, number)) else 1
                ),
            ),
        ),
        Mistake(
            "other errors",
            "Your errors are not the two that are asked for: -1 without the right, -2 where the user has no "
            "such order. Are they exchanged, or one for both?",
            (
                lambda *a: {-1: -2, -2: -1}.get(found := find_order(*a), found),
                lambda *a: max(-1, find_order(*a)),
                lambda *a: -2 if (found := find_order(*a)) < 0 else found,
            ),
        ),
        Mistake(
            "the number of the order",
            "You return the order's number where its place in the list is asked for, counted from 0.",
            (lambda orders, *a: int(a[2]) if find_order(orders, *a) >= 0 else find_order(orders, *a),),
        ),
        Mistake(
            "owner or number",
            "A row fits in your version where the owner or the number is right. It takes both.",
            (_finds(lambda owner, of_order, user, number: owner == user or of_order == number),),
        ),
        Mistake(
            "only the first row",
            "You decide at the first row of the list: where it does not fit, you say that there is none. The "
            "others have to be looked at before.",
            (lambda orders, *a: _minus_two_from(1, orders, *a),),
        ),
        Mistake(
            "names in any case",
            "You take another spelling of a name for the same, Ada for ada. A user's name is the key to the "
            "rows, and another spelling is another user.",
            (
                _finds(lambda owner, of_order, user, number: owner.lower() == user and of_order == number),
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
            "nothing is found",
            "Nobody finds an order in your version, not even one's own. Is a row, which is a list, compared "
            "with a tuple? The two are never equal.",
            (lambda orders, rights, user, number: -ENOENT if "orders.find" in rights else -EPERM,),
        ),
        Mistake(
            "the last of that number decides",
            "Of orders that have the same number only the last counts in your version, as in a dictionary by "
            "numbers. Two users may have orders of one number: the owner belongs to the key.",
            (_last_of_the_number,),
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


EXERCISES = (FIND,)
