"""Exercise of chapter 6.1 whose answer is an attack: it is run on safe desks and on desks with a hole.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.reviewing import Reviewed
from llmasos_edu.exercises.dialogue.broken import BAD_DESKS, GOOD_DESKS

REVIEWED = Reviewed("desks", GOOD_DESKS, BAD_DESKS)

# 6.1-9 --------------------------------------------------------------------------------

BOTH = ["find", "cancel"]


def attack(make):
    """make() -> a new desk; calls [user, rights, name, number]; an assert fails where one gets in."""
    desk = make()
    for order in ("ada 1 lamp", "bob 1 bike", "bob 2 cup", "ada 4 desk"):
        desk.put(*order.split())

    def call(user, name, number, rights=BOTH):
        return desk.call(user, rights, name, number), desk.work

    nothing = call("ada", "find", "9")
    assert nothing[0] == "ENOENT"
    assert call("ada", "find", "2") == nothing  # bob's, in answer and in work
    assert call("ada", "find", "9' OR '1'='1")[0] == "ENOENT"
    assert call("ada", "find", "1", rights=[])[0] == "EPERM"
    assert call("ada", "find", "1", rights=["cancel"])[0] == "EPERM"
    assert call("ada", "cancel", "1", rights=["find"])[0] == "EPERM"
    assert call("ada", "cancel", "1")[0] == "EAGAIN"
    desk.yes("ada", "4")
    assert call("ada", "cancel", "1")[0] == "EAGAIN"
    desk.yes("bob", "1")
    assert call("ada", "cancel", "1")[0] == "EAGAIN"
    desk.yes("ada", "1")
    call("ada", "find", "1")
    assert call("ada", "cancel", "1")[0] == "EAGAIN"
    desk.yes("bob", "2")
    assert call("bob", "cancel", "2")[0] == "OK receipt 1"
    desk.yes("ada", "1")
    assert call("ada", "cancel", "1")[0] == "OK receipt 1"
    desk.yes("ada", "1")
    assert call("ada", "cancel", "1")[0] == "EALREADY"
    assert call("bob", "find", "1")[0] == "OK bike packed"
    assert desk.receipts == [("bob", 1, "2"), ("ada", 1, "1")]


def _tries(make, *, others=True, rights=True, yes=True, after=True, work=True, words=True):
    """The moves of `attack` with some of them left out; True where none gets in."""
    desk, answers = make(), []
    for owner, number in (("ada", "1"), ("bob", "1"), ("bob", "2"), ("ada", "4")):
        desk.put(owner, number, "thing")

    def expect(wanted, *call):
        answers.append(desk.call(*call) == wanted)
        return desk.work

    if others:
        nothing = expect("ENOENT", "ada", BOTH, "find", "9")
        theirs = expect("ENOENT", "ada", BOTH, "find", "2")
        answers.append(nothing == theirs or not work)
    if words:
        expect("ENOENT", "ada", BOTH, "find", "9' OR '1'='1")
    if rights:
        expect("EPERM", "ada", [], "find", "1")
        expect("EPERM", "ada", ["find"], "cancel", "1")
    if yes:
        expect("EAGAIN", "ada", BOTH, "cancel", "1")
        for user, number in (("ada", "4"), ("bob", "1")):
            desk.yes(user, number)
            expect("EAGAIN", "ada", BOTH, "cancel", "1")
        desk.yes("ada", "1")
        desk.call("ada", BOTH, "find", "1")
        expect("EAGAIN", "ada", BOTH, "cancel", "1")
    if after:
        for user, number in (("bob", "2"), ("ada", "1")):
            desk.yes(user, number)
            expect("OK receipt 1", user, BOTH, "cancel", number)
        desk.yes("ada", "1")
        expect("EALREADY", "ada", BOTH, "cancel", "1")
        expect("OK thing packed", "bob", BOTH, "find", "1")
        answers.append(len(desk.receipts) == 2)
    return all(answers)


ATTACK = Exercise(
    key="6.1-9",
    title="Attack the desk",
    difficulty=3,
    minutes=30,
    statement=(
        "The model may be talked into any call. So write what it could be talked into: attack(make), where "
        "make() gives a new desk like `Desk` in llmasos_edu/exercises/dialogue/desk.py (read it: put, yes, "
        "call, work, receipts). Fill it, and try whatever a user must not be able to do, directly or by a "
        "clock, and "
        "what must work. One of your asserts must fail where somebody gets in, or your function returns "
        f"False. It is run on {len(GOOD_DESKS)} safe desks and on {len(BAD_DESKS)} with one hole each. How "
        f"much work a "
        "call takes is left to a desk, as long as it gives nothing away."
    ),
    takeaway="You have attacked every call in the model's place. What is safe now is safe from any prompt.",
    reference=attack,
    explanation=(
        "For each sentence of the docstring of `call` one attempt to break it, and after an allowed effect a "
        "look at what else has changed."
    ),
    hints=(
        "Go through the docstring of `call` sentence by sentence: what would break this one? Users, rights, "
        "owners, a yes, receipts.",
        "An order of somebody else and one that does not exist: compare the whole answer, and `work`. And a "
        "number may hold signs that mean something in SQL.",
        "A yes can be missing, be for another order, come from another user, or be too old. After "
        "cancelling, "
        "look at everybody's orders and at the receipts; then cancel once more.",
    ),
    cases=REVIEWED.cases,
    mistakes=(
        Mistake(
            "every desk is safe",
            "All desks pass, those with holes too: no failed assert came out, and nothing returned False. "
            "Call what must be refused, and look at the answer.",
            (lambda make: True,),
        ),
        Mistake(
            "no desk is safe",
            "You get into every desk, the safe ones too. Do you ask for a certain amount of work, or for "
            "what the docstring does not promise? Or does a call of yours stop with an error that an "
            "`except` swallows, or do you call nothing at all? False says that somebody got in. "
            "Run it on Desk by itself.",
            (lambda make: False,),
        ),
        Mistake(
            "the other way round",
            "You find every hole and say it the wrong way round: True (or no failing assert) means that "
            "nobody "
            "got in.",
            (lambda make: not _tries(make),),
        ),
        Mistake(
            "orders of others alone",
            "You get in where what belongs to others can be read, and nowhere else. The holes in rights, "
            "in a yes and in receipts stay open, and what signs in a number open.",
            (lambda make: _tries(make, rights=False, yes=False, after=False, words=False),),
        ),
        Mistake(
            "rights alone",
            "You get in where a call works without its right, and nowhere else. Who has the right may "
            "still reach for what is not his.",
            (lambda make: _tries(make, others=False, yes=False, after=False, words=False),),
        ),
        Mistake(
            "no clock",
            "The hole that shows in the work behind the answers alone stays open. What takes longer for an "
            "order of somebody else can be timed.",
            (lambda make: _tries(make, work=False),),
        ),
        Mistake(
            "no yes is tried",
            "The holes in a yes stay open. There may be none at all, or it was to another order, from "
            "somebody else, or is too old.",
            (lambda make: _tries(make, yes=False),),
        ),
        Mistake(
            "nothing is ever cancelled",
            "The holes behind a call that is allowed stay open. What does it do to others, to the "
            "receipts, and the second time?",
            (lambda make: _tries(make, after=False),),
        ),
        Mistake(
            "numbers are only numbers",
            "The desk that takes signs in a number for more than a number stays open. A user types what he "
            "likes, quotes as well.",
            (lambda make: _tries(make, words=False),),
        ),
    ),
    observe=REVIEWED.accepts,
    explain=REVIEWED.explain,
)


EXERCISES = (ATTACK,)
