"""The exercises of chapter 6.1: solutions, blanks, known mistakes, and what readers write instead of both."""

import re
import sys

import cloudpickle
import pytest
from exercise_rules import every_case, rules_for
from question_rules import question_rules_for
from scipy.stats import binomtest
from scripted import WORDS

from llmasos_edu.dialogue.assistant import is_yes
from llmasos_edu.dialogue.grammar import Talk
from llmasos_edu.dialogue.template import framed, turn_tokens
from llmasos_edu.exercises import find, judge
from llmasos_edu.exercises.dialogue.broken import BAD_DESKS, GOOD_DESKS
from llmasos_edu.exercises.dialogue.desk import Desk

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def own_by_pieces(tokens):
    text, own = list(tokens), [False] * len(tokens)
    while "<assistant>" in text:
        start = text.index("<assistant>")
        text[start] = ""
        stop = text.index("<end>", start) if "<end>" in text[start:] else len(text) - 1
        inside = False
        for at in range(start + 1, stop + 1):
            inside = inside or text[at] == "<result>"
            own[at] = not inside
            inside = inside and text[at] != "<done>"
    return own


def order_by_dictionary(orders, rights, user, number):
    known = {tuple(row): place for place, row in enumerate(orders)}
    return known.get((user, number), -2) if set(rights) & {"orders.find"} else -1


def yes_by_pattern(pending, said):
    yes = re.fullmatch(r"\s*(yes|是)[.!]*\s*", said, re.IGNORECASE)
    return pending if yes else 0


def leaving_from_the_end(lengths, notes, asked, window, reply):
    room, stays = window - reply - notes - asked, 0
    for length in lengths[::-1]:
        room -= length
        if room < 0:
            break
        stays += 1
    return len(lengths) - stays


def attack_without_asserts(make):
    """Every pair of moves is compared with what a careful clerk would say."""
    people, numbers = ("ada", "bob"), ("1", "2", "3", "' OR 'a'='a")
    for who in people:
        for number in numbers:
            for rights in ([], ["find"], ["cancel"], ["find", "cancel"]):
                for consent in (None, ("ada", "1"), ("bob", "1"), ("ada", "2"), ("bob", "2")):
                    desk = make()
                    for owner, of_order in (("ada", "1"), ("bob", "1"), ("bob", "2")):
                        desk.put(owner, of_order, owner + of_order)
                    mine = (who, number) in {("ada", "1"), ("bob", "1"), ("bob", "2")}
                    for name in ("find", "cancel", "cancel"):
                        if consent:
                            desk.yes(*consent)
                        agreed = consent == (who, number) and len(rights) > 0
                        done = desk.receipts
                        before = len(done)
                        said = desk.call(who, rights, name, number)
                        if name not in rights:
                            want = "EPERM"
                        elif not mine:
                            want = "ENOENT"
                        elif name == "find":
                            want = f"OK {who}{number} packed"
                        elif before:
                            want = "EALREADY"
                        else:
                            want = "OK receipt 1" if agreed else "EAGAIN"
                        if said != want or len(desk.receipts) != before + (want == "OK receipt 1"):
                            return False
                    other = "bob" if who == "ada" else "ada"
                    if "OK" not in desk.call(other, ["find"], "find", "1") or "packed" not in desk.call(
                        other, ["find"], "find", "1"
                    ):
                        return False
    desk = make()
    for owner in people:
        desk.put(owner, "1", "x")
    desk.put("bob", "2", "y")
    works = set()
    for number in ("2", "9"):
        desk.call("ada", ["find"], "find", number)
        works.add(desk.work)
    desk.yes("ada", "1")
    desk.call("ada", ["find"], "find", "1")
    if len(works) > 1 or desk.call("ada", ["cancel"], "cancel", "1") != "EAGAIN":
        return False
    for owner in people:
        desk.yes(owner, "1")
        if desk.call(owner, ["cancel"], "cancel", "1") != "OK receipt 1":
            return False
    return True


ALTERNATIVES = {
    "6.1-1": own_by_pieces,
    "6.1-2": order_by_dictionary,
    "6.1-3": yes_by_pattern,
    "6.1-4": leaving_from_the_end,
    "6.1-9": attack_without_asserts,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def own_of_all_that_follows(tokens):
    own, on = [], False
    for token in tokens:
        own.append(on)
        if token == "<assistant>":
            on = True
        if token == "<end>":
            on = False
    return own


def order_by_number(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for place, (_, of_order) in enumerate(orders):
        if of_order == number:
            return place
    return -2


def order_that_tells(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    if [user, number] in orders:
        return orders.index([user, number])
    return -1 if number in [of_order for _, of_order in orders] else -2


def yes_that_begins(pending, said):
    return pending if said.strip().lower().startswith(("yes", "是")) else 0


def leaving_without_reply(lengths, notes, asked, window, reply):
    gone, lengths = 0, list(lengths)
    while lengths and notes + asked + sum(lengths) > window:
        lengths.pop(0)
        gone += 1
    return gone


def attack_that_believes(make):
    make().put("ada", "1", "lamp")


VARIATIONS = [
    ("6.1-1", "the kernel's answers too", own_of_all_that_follows),
    ("6.1-2", "the owner is not asked", order_by_number),
    ("6.1-2", "the answer tells on others", order_that_tells),
    ("6.1-3", "a yes at the beginning", yes_that_begins),
    ("6.1-4", "no room for the reply", leaving_without_reply),
    ("6.1-9", "every desk is safe", attack_that_believes),
]
TestExercises = rules_for("6.1", ALTERNATIVES, VARIATIONS)


def sure(**parts):
    return dict(find("6.1-5").right()) | parts


def chain(**parts):
    return dict(find("6.1-6").right()) | parts


CHAIN = find("6.1-6").given()
QUESTION_ALTERNATIVES = {
    "6.1-5": {
        name: float(f"{value:.4f}") if isinstance(value, float) else value for name, value in sure().items()
    },
    "6.1-6": {name: float(f"{value:.4f}") for name, value in chain().items()},
    "6.1-7": dict(find("6.1-7").right()),
    "6.1-8": dict(find("6.1-8").right()),
}
QUESTION_VARIATIONS = [
    ("6.1-5", "the share that was wrong", sure(share=1 - sure()["share"])),
    (
        "6.1-6",
        "faults added up",
        chain(flawless=1 - CHAIN["turns"] * (1 - CHAIN["share"])),
    ),
    ("6.1-7", "more attacks", dict(find("6.1-7").right()) | {"attack": "a thousand attacks"}),
    ("6.1-8", "the larger number wins", dict(find("6.1-8").right()) | {"better": "holds"}),
]
TestQuestions = question_rules_for("6.1", QUESTION_ALTERNATIVES, QUESTION_VARIATIONS)


# The exercises say what the library does ---------------------------------------------------------------


def test_own_tokens_are_those_that_the_model_is_trained_on():
    own_tokens = find("6.1-1").reference
    for seed in range(40):
        talk = Talk(seed)
        tokens, own = framed("system", ""), []
        own = [False] * len(tokens)
        for _ in range(4):
            more, theirs = turn_tokens(talk.turn())
            tokens, own = tokens + more, own + theirs
        assert own_tokens([WORDS.decode([token]) for token in tokens]) == own


def test_a_yes_is_what_the_program_takes_for_one():
    for order, (pending, said) in every_case("6.1-3"):
        if re.search(r"\s[.!]|[。！]", said):  # the program forgives these marks, the exercise does not
            assert (order, is_yes(said)) == (0, True), said
        else:
            assert order == (pending if is_yes(said) else 0), said


def test_the_interval_is_that_of_scipy():
    for seed in range(5):
        given, right = find("6.1-5").given(seed), find("6.1-5").right(seed)
        test = binomtest(given["turns"] - given["wrong"], given["turns"]).proportion_ci(method="wilson")
        assert (right["low"], right["high"]) == pytest.approx((test.low, test.high), abs=1e-4)


def test_the_intervals_of_the_table_are_wilson_s():
    for count, words in ((0, "0 to .07"), (46, ".81 to .97"), (49, ".90 to 1.00"), (50, ".93 to 1.00")):
        ends = binomtest(count, 50).proportion_ci(method="wilson")
        low, high = re.findall(r"[\d.]+", words)
        assert (round(ends.low, 2), round(ends.high, 2)) == (float(low), float(high))
        assert words in find("6.1-8").statement


# The desks that readers attack -------------------------------------------------------------------------


def test_every_desk_with_a_hole_is_named_and_every_safe_one_does_its_work():
    assert len(BAD_DESKS) == 14
    for make in GOOD_DESKS.values():
        desk = make()
        desk.put("ada", "1", "lamp")
        assert desk.call("ada", ["find"], "find", "1") == "OK lamp packed"
        desk.yes("ada", "1")
        assert desk.call("ada", ["cancel"], "cancel", "1") == "OK receipt 1"
        assert desk.call("ada", ["find"], "find", "1") == "OK lamp cancelled"


def test_an_attack_that_misses_some_is_told_which():
    def half(make):
        desk = make()
        desk.put("ada", "1", "lamp")
        desk.put("bob", "2", "bike")
        assert desk.call("ada", ["find", "cancel"], "find", "2") == "ENOENT"
        assert desk.call("ada", ["find", "cancel"], "cancel", "1") == "EAGAIN"

    verdict = judge("6.1-9", half)
    assert verdict.status == "wrong"
    assert "of 14 bugs" in verdict.message
    assert "keeps no receipt" in verdict.message
    assert "finds the orders of others" not in verdict.message


def test_a_yes_counts_for_the_next_call_alone():
    desk = Desk()
    desk.put("ada", "1", "lamp")
    desk.yes("ada", "1")
    assert desk.call("ada", [], "cancel", "1") == "EPERM"
    assert desk.call("ada", ["cancel"], "cancel", "1") == "EAGAIN"
