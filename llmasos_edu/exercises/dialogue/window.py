"""Exercises of chapter 6.1 on the text that a model reads: which of its tokens it learns.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 6.1-1 --------------------------------------------------------------------------------


def own_tokens(tokens):
    """tokens [n] of a conversation -> [n] booleans: True where the assistant itself must say the token."""
    own, speaking, quoted = [], False, False
    for token in tokens:
        quoted = quoted or token == "<result>"
        own.append(speaking and not quoted)
        if token == "<done>":
            quoted = False
        if token == "<assistant>":
            speaking = True
        if token == "<end>":
            speaking = False
    return own


def _own(tokens, *, results=False, end=True, mark=False, users=False, calls=True, after=True):
    """`own_tokens` with one rule or another changed."""
    own, speaking, quoted, called, answered = [], False, False, False, False
    for token in tokens:
        quoted = quoted or token == "<result>"
        called = called or token == "<call>"
        mine = (speaking or users) and (results or not quoted) and (calls or not called)
        mine = mine and (after or not answered)
        mine = mine and (end or token != "<end>")
        own.append(bool(mine or (mark and token == "<assistant>")))
        quoted = quoted and token != "<done>"
        called = called and token != "<do>"
        answered = (answered or token == "<done>") and token != "<end>"
        if token in ("<assistant>", "<end>"):
            speaking = token == "<assistant>"
    return own


def _quoted(tokens):
    """For each token whether the kernel writes it, its two marks included."""
    quoted, by_kernel = False, []
    for token in tokens:
        quoted = quoted or token == "<result>"
        by_kernel.append(quoted)
        quoted = quoted and token != "<done>"
    return by_kernel


def _but(tokens, *marks):
    return [own and token not in marks for own, token in zip(own_tokens(tokens), tokens, strict=True)]


def _one_turn(tokens, own, *, last):
    """What is learnt of the first or the last of the assistant's turns."""
    places = [at for at, token in enumerate(tokens) if token == "<assistant>"]
    if not places:
        return own
    if last:
        return [mine and at > places[-1] for at, mine in enumerate(own)]
    return [mine and (len(places) < 2 or at < places[1]) for at, mine in enumerate(own)]


def _closed_answers_alone(tokens):
    closed = [by_kernel and "<done>" in tokens[at:] for at, by_kernel in enumerate(_quoted(tokens))]
    return [own and not by_kernel for own, by_kernel in zip(_own(tokens, results=True), closed, strict=True)]


HELLO = ["<system>", "<end>", "<user>", "Hello", "<end>", "<assistant>", "Hi", "!", "<end>"]
FIND = [
    "<user>", "Where?", "<end>", "<assistant>", "<call>", "find", "4711", "<do>",
    "<result>", "OK", "lamp", "<done>", "Your", "lamp", "<end>",
]  # fmt: skip
TWICE = [
    "<user>", "Both?", "<end>", "<assistant>", "<call>", "a", "<do>", "<result>", "OK", "<done>",
    "<call>", "b", "<do>", "<result>", "EIO", "<done>", "No", "<end>",
]  # fmt: skip


def _draw_tokens(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    tokens = [token for _ in range(3) for token in generator.choice([HELLO[2:], FIND, TWICE])]
    return (Case(f"three turns drawn with seed {seed}", (tokens,)),)


OWN = Exercise(
    key="6.1-1",
    title="Which tokens are learnt",
    difficulty=1,
    minutes=15,
    statement=(
        "A conversation is a list of tokens. Marks are `<system>`, `<user>`, `<assistant>`, `<end>`, and in "
        "an assistant's turn `<call>` ... `<do>` around what it asks of the kernel, `<result>` ... `<done>` "
        "around what the kernel answers. Return for each token whether the assistant must say it itself: "
        "all from behind `<assistant>` to `<end>`, without what the kernel writes, its two marks included. "
        "The kernel's marks stand in an assistant's turn alone, and the list may end in the middle of one."
    ),
    takeaway="What others say is read, never learnt: a model that learnt results would invent them.",
    reference=own_tokens,
    explanation="Two switches: whose turn it is, and whether the kernel has the word.",
    hints=(
        "Who writes `<assistant>`: the program that frames the turn, or the model? And who writes `<end>`?",
        "Two things to keep in mind as you walk along: is it the assistant's turn, and has the kernel the "
        "word?",
        "A turn may hold several calls, and text behind the last answer. When does the kernel's word end?",
    ),
    cases=(
        Case("a greeting", (HELLO,)),
        Case("a call", (FIND,)),
        Case("two calls in one turn", (TWICE,)),
        Case("three turns", (HELLO + FIND + HELLO[2:],)),
        Case("a turn that is just beginning", (["<user>", "Hi", "<end>", "<assistant>"],)),
        Case("nothing", ([],)),
        Case("the user says a word of the assistant's", (["<user>", "Hi", "!", "<end>", *HELLO[5:]],)),
        Case("the system says something", (["<system>", "Be", "kind", "<end>", *HELLO[2:]],)),
        Case("an answer of the kernel that is cut off", (FIND[: FIND.index("OK") + 1],)),
    ),
    draw=_draw_tokens,
    mistakes=(
        Mistake(
            "the kernel's answers too",
            "You let the model learn what the kernel answers. It would then say results that nobody has "
            "looked up.",
            (
                lambda tokens: _own(tokens, results=True),
                lambda tokens: [
                    own and token not in ("<result>", "<done>")
                    for own, token in zip(_own(tokens, results=True), tokens, strict=True)
                ],
            ),
        ),
        Mistake(
            "the end is left out",
            "You leave out `<end>`. A model that never learnt to end a turn goes on until its room is "
            "used up.",
            (lambda tokens: _own(tokens, end=False),),
        ),
        Mistake(
            "the mark that gives the word",
            "You count `<assistant>` itself. The program writes it to give the model the word.",
            (lambda tokens: _own(tokens, mark=True),),
        ),
        Mistake(
            "the turn begins and ends one too early",
            "You count `<assistant>`, which the program writes, and leave out `<end>`, which the model must "
            "learn. When does a switch of yours turn, before the token is looked at or after it?",
            (
                lambda tokens: _own(tokens, mark=True, end=False),
                lambda tokens: [
                    own or done
                    for own, done in zip(
                        _own(tokens, mark=True, end=False), (t == "<done>" for t in tokens), strict=True
                    )
                ],
            ),
        ),
        Mistake(
            "no mark is learnt",
            "You leave out marks that the model writes itself: `<call>`, `<do>`, or both, or `<end>` as "
            "well. Without them it never learns to call, or to stop.",
            (
                lambda tokens: _but(tokens, "<call>"),
                lambda tokens: _but(tokens, "<do>"),
                lambda tokens: _but(tokens, "<call>", "<do>"),
                lambda tokens: _but(tokens, "<call>", "<do>", "<end>"),
            ),
        ),
        Mistake(
            "one turn alone",
            "Only one turn of the assistant's is learnt in your version, the first or the last. There may be "
            "many in a conversation.",
            (
                lambda tokens: _one_turn(tokens, own_tokens(tokens), last=False),
                lambda tokens: _one_turn(tokens, own_tokens(tokens), last=True),
            ),
        ),
        Mistake(
            "a turn must be closed",
            "Of a turn that has no `<end>` yet nothing is learnt in your version. The list may end in the "
            "middle of one: what stands there is the assistant's all the same.",
            (lambda tokens: [own and "<end>" in tokens[at:] for at, own in enumerate(own_tokens(tokens))],),
        ),
        Mistake(
            "from the first answer to the last",
            "Between two answers of the kernel nothing is learnt in your version: it has the word from the "
            "first `<result>` to the last `<done>`. Each answer ends with its own `<done>`.",
            (
                lambda tokens: [
                    own and not ("<result>" in tokens[:at] and "<done>" in tokens[at:])
                    for at, own in enumerate(own_tokens(tokens))
                ],
                lambda tokens: [
                    own and not ("<result>" in tokens[: at + 1] and "<done>" in tokens[at:])
                    for at, own in enumerate(_own(tokens, results=True))
                ],
            ),
        ),
        Mistake(
            "the first answer alone",
            "Only the kernel's first answer is left out in your version. There may be several, in one turn "
            "or in later ones.",
            (
                lambda tokens: [
                    own and not (by_kernel and "<done>" not in tokens[:at])
                    for at, (own, by_kernel) in enumerate(
                        zip(_own(tokens, results=True), _quoted(tokens), strict=True)
                    )
                ],
            ),
        ),
        Mistake(
            "an answer must be closed",
            "Where the list ends in the middle of the kernel's answer you let the model learn it. From "
            "`<result>` on the kernel has the word, whether `<done>` has come yet or not.",
            (_closed_answers_alone,),
        ),
        Mistake(
            "everything",
            "You let the model learn what users say as well. It shall answer them, not speak for them.",
            (lambda tokens: [True] * len(tokens),),
        ),
        Mistake(
            "calls are left out",
            "You leave out what stands between `<call>` and `<do>`. The model writes its calls itself.",
            (lambda tokens: _own(tokens, calls=False),),
        ),
        Mistake(
            "nothing after the first answer",
            "Behind the kernel's answer you give the model nothing to say. The sentence to the user, and "
            "perhaps another call, come then.",
            (lambda tokens: _own(tokens, after=False),),
        ),
        Mistake(
            "the kernel keeps the word",
            "From the first answer of the kernel on nothing is the model's in your version, in later turns "
            "either. When has the kernel said all that it has to say?",
            (lambda tokens: [own and "<result>" not in tokens[:at] for at, own in enumerate(_own(tokens))],),
        ),
        Mistake(
            "the assistant keeps the word",
            "From the first `<assistant>` on the model has the word in your version, also where users "
            "speak. What ends its turn?",
            (
                lambda tokens: [
                    "<assistant>" in tokens[:at] and not quoted for at, quoted in enumerate(_quoted(tokens))
                ],
            ),
        ),
        Mistake(
            "the kernel's two marks",
            "You let the model learn `<result>` or `<done>`. The kernel writes both of them, as it writes "
            "what stands between.",
            (
                lambda tokens: [
                    own or token == "<result>" for own, token in zip(own_tokens(tokens), tokens, strict=True)
                ],
                lambda tokens: [
                    own or token == "<done>" for own, token in zip(own_tokens(tokens), tokens, strict=True)
                ],
                lambda tokens: [
                    own or token in ("<result>", "<done>")
                    for own, token in zip(own_tokens(tokens), tokens, strict=True)
                ],
            ),
        ),
    ),
)


EXERCISES = (OWN,)
