"""Exercises of chapter 6.1 on what a call may do: what makes a yes.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random
import re

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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
        "`yes` or `是`, in capitals or small letters or both, with blanks around it (spaces; "
        "whether tabs and line ends are blanks is left to you), with dots or exclamation marks (`.` and `!` "
        "alone) straight behind it."
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
        Case("many marks", (4711, "yes......")),
        Case("a yes on a line of its own", (4711, "Wait, no.\nYes.")),
        Case("a yes, and then a sentence", (4711, "Yes! And all others.")),
        Case("a short yes", (4711, "y")),
        Case("consent of another kind", (4711, "OK.")),
        Case("consent of another kind in Chinese", (4711, "可以")),
        Case("a yes with a number", (4711, "yes 4711")),
        Case("twice", (4711, "yes yes")),
        Case("a capital in the middle", (4711, "yEs")),
        Case("a line behind a yes", (4711, "yes\nNo, wait.")),
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
            (
                lambda pending, said: bool(confirmed_order(pending, said)),
                lambda pending, said: bool(confirmed_order(1, said)),
            ),
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
            "You take some capitals for another word. YES, Yes and yEs are a yes as well: make all letters "
            "small before you compare.",
            (
                lambda pending, said: (
                    pending if said.strip().rstrip(".!") in ("yes", "Yes", "YES", "是") else 0
                ),
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
            "marks before blanks",
            "It comes out as if the marks were taken away before the blanks: so a mark with a blank behind "
            "it stays, and a blank before a mark goes. First the blanks, then the marks.",
            (lambda pending, said: pending if said.rstrip(".!").strip().lower() in ("yes", "是") else 0,),
        ),
        Mistake(
            "marks anywhere",
            "You take dots and exclamation marks away in front as well, or wherever they stand. They may "
            "stand at the end alone; something else before the yes is no plain yes.",
            (
                lambda pending, said: pending if said.lower().strip(" .!") in ("yes", "是") else 0,
                lambda pending, said: pending if re.sub(r"[\s.!]", "", said).lower() in ("yes", "是") else 0,
                lambda pending, said: pending if said.strip().strip(".!").lower() in ("yes", "是") else 0,
                lambda pending, said: (
                    pending if re.sub("[.!]", "", said.strip()).lower() in ("yes", "是") else 0
                ),
            ),
        ),
        Mistake(
            "marks of other kinds",
            "You take other marks away than dots and exclamation marks. The statement names `.` and `!` "
            "alone: a question is no yes, and a list of marks that grows by good will has no end.",
            (
                *map(_other_marks_too, OTHER_MARKS),
                lambda pending, said: pending if re.fullmatch(r"\s*(yes|是)\W*", said.lower()) else 0,
            ),
        ),
        Mistake(
            "blanks between word and marks",
            "A blank between the yes and its mark is taken away in your version. Marks may stand straight "
            "behind it alone.",
            (lambda pending, said: pending if said.strip().rstrip(" .!").lower() in ("yes", "是") else 0,),
        ),
        Mistake(
            "other words for yes",
            "Other words than `yes` and `是` count in your version. The statement names these two: a list of "
            "words that grows by good will has no end.",
            (
                _when(lambda said: said in ("yes", "是", "y")),
                _when(lambda said: said in ("yes", "是", "ok")),
                _when(lambda said: said in ("yes", "是", "ok", "maybe")),
                _when(lambda said: said in ("yes", "是", "可以")),
                _when(lambda said: said in ("yes", "是", "y", "ok")),
                _when(lambda said: said in ("yes", "是", "y", "ok", "可以")),
                _when(lambda said: said in ("yes", "是", "ok", "可以")),
            ),
        ),
        Mistake(
            "a yes by itself among others",
            "One line or one sentence of the message is a yes in your version, and the others may say "
            "anything. The whole message must be one.",
            (
                lambda pending, said: pending * any(confirmed_order(1, line) for line in said.splitlines()),
                lambda pending, said: confirmed_order(pending, said.split("\n")[0]),
                lambda pending, said: pending * bool(confirmed_order(1, re.split("[.!]", said.strip())[0])),
            ),
        ),
        Mistake(
            "a yes and the number",
            "A yes with the order's number behind it counts in your version. The whole message must be one.",
            (lambda pending, said: confirmed_order(pending, said.replace(str(pending), "")),),
        ),
        Mistake(
            "several yes",
            "A yes that is said several times, or letters of it in a row, count in your version. The whole "
            "message is one yes.",
            (
                lambda pending, said: (
                    pending if re.fullmatch(r"\s*(yes|是)+[.!]*\s*", said, re.IGNORECASE) else 0
                ),
                lambda pending, said: pending if re.fullmatch(r"\s*[yes是]+[.!]*\s*", said.lower()) else 0,
                _when(lambda said: said and set(said.split()) <= {"yes", "是"}),
            ),
        ),
        Mistake(
            "a mark must follow",
            "A yes counts only with a mark behind it in your version. Dots and exclamation marks may stand "
            "there, and need not.",
            (lambda pending, said: pending if re.fullmatch(r"\s*(yes|是)[.!]+\s*", said.lower()) else 0,),
        ),
        Mistake(
            "marks of one kind",
            "Marks of both kinds behind a yes do not count in your version, or marks of one kind not at all. "
            "Dots and exclamation marks may stand there, in any order.",
            (
                lambda pending, said: pending if re.fullmatch(r"\s*(yes|是)(\.*|!*)\s*", said.lower()) else 0,
                lambda pending, said: pending if said.strip().rstrip(".").lower() in ("yes", "是") else 0,
                lambda pending, said: pending if said.strip().rstrip("!").lower() in ("yes", "是") else 0,
            ),
        ),
        Mistake(
            "something else than 0 for none",
            "Where no order may be cancelled you return another number than 0, or nothing.",
            (
                lambda pending, said: confirmed_order(pending, said) or -1,
                lambda pending, said: confirmed_order(pending, said) or None,
            ),
        ),
        Mistake(
            "one mark at most",
            "You take one mark at the end, or a few. The statement has dots and exclamation marks, so that "
            "any number may follow each other.",
            (
                lambda pending, said: (
                    pending if re.fullmatch(r"\s*(yes|是)[.!]{0,3}\s*", said.lower()) else 0
                ),
                lambda pending, said: pending if re.fullmatch(r"\s*(yes|是)[.!]?\s*", said.lower()) else 0,
            ),
        ),
    ),
)


EXERCISES = (YES,)
