"""Exercises of chapter 2.3 on what is said: which guesses are kept, what a system call comes to.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.3-6 --------------------------------------------------------------------------------


def kept(guesses, likeliest):
    """guesses [k], likeliest [k + 1]: the model's own token at each guess and after all -> said [tokens]."""
    said = []
    for guess, own in zip([*guesses, None], likeliest, strict=True):
        said.append(own)
        if guess != own:
            break
    return said


def _draw_guesses(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    likeliest = [generator.randrange(5) for _ in range(5)]
    guesses = [own if generator.random() < 0.7 else (own + 1) % 5 for own in likeliest[:4]]
    return (Case(f"guesses {guesses}, likeliest {likeliest}", (guesses, likeliest)),)


def _right(guesses, likeliest):
    return [guess for guess, own in zip(guesses, likeliest, strict=False) if guess == own]


def _agreed(guesses, likeliest):
    """The guesses before the first wrong one."""
    pairs = zip(guesses, likeliest, strict=False)
    return [guess for guess, own in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)]


KEPT = Exercise(
    key="2.3-6",
    title="Which guesses are kept",
    difficulty=2,
    minutes=15,
    statement=(
        "The model has read k guesses in one step. `likeliest[i]` is the token that it would have said "
        "itself "
        "where guess i stands, and `likeliest[k]` what it says after all of them. Return what is said: "
        "guesses as "
        "long as each is the model's own token, and then one token of the model's own."
    ),
    takeaway="Every step says what plain decoding would say, only more of it at once.",
    reference=kept,
    explanation="Up to the first guess that differs, and there the model's token in its place.",
    hints=(
        "If the very first guess is wrong, what is said in this step, and how many tokens?",
        "After a wrong guess, `likeliest` goes on, but it was computed from a text with the wrong token in "
        "it.",
        "If all k guesses are right, k + 1 tokens are said. Which is the last?",
    ),
    cases=(
        Case("all right", ([1, 2, 3], [1, 2, 3, 4])),
        Case("the first wrong", ([9, 2, 3], [1, 2, 3, 4])),
        Case("the second wrong", ([1, 9, 3], [1, 2, 3, 4])),
        Case("the last wrong", ([1, 2, 9], [1, 2, 3, 4])),
        Case("right, wrong, right", ([1, 9, 3, 4], [1, 2, 3, 4, 5])),
        Case("no guess", ([], [7])),
        Case("one guess, right", ([5], [5, 6])),
        Case("tokens in no order, the third wrong", ([7, 2, 9, 4], [7, 2, 5, 4, 1])),
    ),
    draw=_draw_guesses,
    mistakes=(
        Mistake(
            "the right ones picked out",
            "You keep right guesses behind a wrong one. They continue a text that is not said.",
            (lambda g, own: [*_right(g, own), own[-1]], _right),
        ),
        Mistake(
            "no token of its own",
            "You return the guesses that were right and nothing else. If the first is wrong, nothing would "
            "be "
            "said at all.",
            (lambda g, own: kept(g, own)[:-1],),
        ),
        Mistake(
            "nothing behind right guesses",
            "Where all guesses are right (or there are none), you say no token of the model's own behind "
            "them. `likeliest` has one for that place too.",
            (lambda g, own: kept(g, own)[: len(g)],),
        ),
        Mistake(
            "something behind the wrong guess",
            "You say the wrong guess, and a token of the model's own behind it. That token stands in its "
            "place.",
            (
                lambda g, own: [*_agreed(g, own), *g[len(_agreed(g, own)) :][:1], own[len(_agreed(g, own))]],
                lambda g, own: [
                    *_agreed(g, own),
                    *g[len(_agreed(g, own)) :][:1],
                    own[: len(_agreed(g, own)) + 2][-1],
                ],
            ),
        ),
        Mistake(
            "one token too many",
            "Behind the model's own token you say another one. It was computed from a text with the wrong "
            "guess in it.",
            (lambda g, own: own[: len(kept(g, own)) + 1],),
        ),
        Mistake(
            "compared one place on",
            "It comes out as if a guess were compared with the model's token for the place behind it. "
            "`likeliest[i]` stands where guess i stands.",
            (lambda g, own: [*_agreed(g, own[1:]), own[len(_agreed(g, own[1:]))]],),
        ),
        Mistake(
            "how many",
            "You return a number of tokens. Asked for is what is said: a list of the tokens themselves.",
            (lambda g, own: len(kept(g, own)), lambda g, own: len(kept(g, own)) - 1),
        ),
        Mistake(
            "the wrong guess is said",
            "You end with the wrong guess itself. In its place stands what the model would have said.",
            (lambda g, own: [*kept(g, own)[:-1], [*g, own[-1]][len(kept(g, own)) - 1]],),
        ),
        Mistake(
            "always the last of the model's",
            "You end with the token after all guesses, wherever the first wrong one stood.",
            (lambda g, own: [*kept(g, own)[:-1], own[-1]],),
        ),
        Mistake(
            "all that the model says",
            "You return all of the model's tokens, always. Behind a wrong guess they answer a text that "
            "does not "
            "exist.",
            (lambda g, own: list(own),),
        ),
        Mistake(
            "all or nothing",
            "You keep all guesses or none. Those before the first wrong one are right as well.",
            (lambda g, own: list(own) if list(g) == list(own[:-1]) else [own[0]],),
        ),
    ),
)


OK, EPERM, EINVAL, ENOSYS, ETIMEDOUT = 0, 1, 22, 38, 110  # as Linux numbers them

# 2.3-7 --------------------------------------------------------------------------------


def call_result(name, rights, arguments, tools):
    """name, rights [names], arguments [names], tools {name: [right, arguments, time, limit]} -> number."""
    if name not in tools:
        return 38
    right, wanted, time, limit = tools[name]
    if right not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


def _checked(name, rights, arguments, tools, order="right arguments time", own=True, equal=True, room=0):
    if name not in tools:
        return ENOSYS
    right, wanted, time, limit = tools[name]
    tests = {
        "right": (EPERM, right not in rights if own else not rights),
        "arguments": (
            EINVAL,
            sorted(arguments) != sorted(wanted) if equal else len(arguments) != len(wanted),
        ),
        "time": (ETIMEDOUT, time > limit - room),
    }
    return next((errno for test in order.split() for errno, fails in [tests[test]] if fails), OK)


TOOLS = {"add": ["math", ["a", "b"], 1, 5], "pay": ["money", ["amount"], 2, 5], "wait": ["math", [], 9, 4],
         "math": ["read", ["x"], 0, 0], "draw": ["art", ["x"], 1, 3]}  # fmt: skip


def _draw_call(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    name = generator.choice([*TOOLS, "jump"])
    rights = generator.sample(["math", "money", "read"], generator.randint(0, 3))
    arguments = generator.choice([["a", "b"], ["amount"], [], ["x"]])
    return (Case(f"{name} with {arguments} by rights {rights}", (name, rights, arguments, TOOLS)),)


CALL = Exercise(
    key="2.3-7",
    title="What a call comes to",
    difficulty=2,
    minutes=15,
    statement=(
        "`tools[name]` is [right that it asks for, names of its arguments, time that it takes, its limit]. "
        "Return what a call comes to, as a number like Linux: 38 (ENOSYS) where there is no such tool; 1 "
        "(EPERM) without its right; 22 (EINVAL) where the names of the arguments are not just those that it "
        "wants, in any order; 110 (ETIMEDOUT) where it takes longer than its limit; else 0. The first that "
        "applies, in this order."
    ),
    takeaway="The right is asked before anything else about the call: who may not, learns nothing more.",
    reference=call_result,
    explanation="One question after the other; the order is part of the protection.",
    codes=True,
    hints=(
        "Four questions, one after the other; the first that is answered badly decides.",
        "Which of the process's rights counts? Not any of them, and not the tool's name.",
        "A limit that is just reached is not exceeded. Arguments may come in any order.",
    ),
    cases=(
        Case("a sum by who may do sums", ("add", ["math"], ["a", "b"], TOOLS)),
        Case("a sum with another right", ("add", ["money"], ["a", "b"], TOOLS)),
        Case("a sum with its arguments turned round", ("add", ["math", "read"], ["b", "a"], TOOLS)),
        Case("a sum with one argument", ("add", ["math"], ["a"], TOOLS)),
        Case("a sum with an argument too many", ("add", ["math"], ["a", "b", "c"], TOOLS)),
        Case("a sum with other arguments", ("add", ["math"], ["a", "c"], TOOLS)),
        Case("no such tool", ("jump", ["math"], [], TOOLS)),
        Case("no right, and wrong arguments", ("pay", [], ["a"], TOOLS)),
        Case("no right, and too slow", ("wait", ["money"], [], TOOLS)),
        Case("too slow", ("wait", ["math"], [], TOOLS)),
        Case("wrong arguments, and too slow", ("wait", ["math"], ["a"], TOOLS)),
        Case("a right that is called like the tool", ("math", ["math"], ["x"], TOOLS)),
        Case("time that just reaches the limit", ("math", ["read"], ["x"], TOOLS)),
        Case("a right whose name holds that of another", ("draw", ["martial", "heart"], ["x"], TOOLS)),
        Case("the right stands last of two", ("add", ["read", "math"], ["a", "b"], TOOLS)),
    ),
    draw=_draw_call,
    mistakes=(
        Mistake(
            "any right will do",
            "A process with some right may do everything in your version. The tool names the one that it "
            "asks "
            "for.",
            (lambda n, r, a, t: _checked(n, r, a, t, own=False),),
        ),
        Mistake(
            "the right is not asked",
            "Nobody is ever refused for want of a right in your version: a stranger may do whatever a tool "
            "can do.",
            (lambda n, r, a, t: _checked(n, r, a, t, "arguments time"),),
        ),
        Mistake(
            "a part of another right's name",
            "A right counts in your version when its name stands in that of another, as `art` does in "
            "`heart`. Compare whole names, not texts.",
            (
                lambda n, r, a, t: call_result(
                    n, [x for x in [t[n][0]] if x in " ".join(r)] if n in t else r, a, t
                ),
            ),
        ),
        Mistake(
            "arguments before rights",
            "Who may not call a tool is told by you what its arguments are. The right comes first.",
            (lambda n, r, a, t: _checked(n, r, a, t, "arguments right time"),),
        ),
        Mistake(
            "the name for the right",
            "You look for the tool's name among the rights. The right that it asks for may be called "
            "otherwise.",
            (
                lambda n, r, a, t: (
                    ENOSYS
                    if n not in t
                    else call_result(n, ["x"] if n in r else [], a, {k: ["x", *v[1:]] for k, v in t.items()})
                ),
            ),
        ),
        Mistake(
            "the number of arguments",
            "You count the arguments. Two others in their place are as wrong as one too few.",
            (lambda n, r, a, t: _checked(n, r, a, t, equal=False),),
        ),
        Mistake(
            "no time limit",
            "A tool that takes longer than its limit is waited for in your version, and with it the process.",
            (lambda n, r, a, t: _checked(n, r, a, t, "right arguments"),),
        ),
        Mistake(
            "the limit itself",
            "A call that takes just its limit does not come to 0 in your version. It takes no longer than "
            "its limit, which is all that is asked.",
            (lambda n, r, a, t: _checked(n, r, a, t, room=1e-9),),
        ),
        Mistake(
            "arguments left over",
            "You ask whether every argument that is wanted is there, and not whether one too many is.",
            (lambda n, r, a, t: _checked(n, r, [x for x in a if n not in t or x in t[n][1]], t),),
        ),
        Mistake(
            "a missing argument",
            "You ask whether every argument that is given is wanted, and not whether every one that is "
            "wanted is given.",
            (lambda n, r, a, t: call_result(n, r, t[n][1] if n in t and set(a) <= set(t[n][1]) else a, t),),
        ),
        Mistake(
            "the last that applies",
            "Where several numbers apply, you give the one that stands last in the list. The first decides.",
            (lambda n, r, a, t: _checked(n, r, a, t, "time arguments right"),),
        ),
        Mistake(
            "time before arguments",
            "Where the arguments are wrong and the tool too slow as well, you give the number for too slow. "
            "The arguments come before the time.",
            (lambda n, r, a, t: _checked(n, r, a, t, "right time arguments"),),
        ),
        Mistake(
            "the first right alone",
            "You look at one of the process's rights alone, the first. Any of them may be the one that the "
            "tool asks for.",
            (lambda n, r, a, t: call_result(n, r[:1], a, t),),
        ),
        Mistake(
            "the right before the tool",
            "For a tool that does not exist you give the number for a missing right. Whether there is such a "
            "tool comes first.",
            (lambda n, r, a, t: call_result(n, r, a, t) if n in t else EPERM,),
        ),
        Mistake(
            "negative numbers",
            "The kernel of Linux returns these numbers negative. Here, as in `errno`, they are positive.",
            (lambda n, r, a, t: -call_result(n, r, a, t),),
        ),
        Mistake(
            "the order of arguments",
            "Arguments in another order are refused. They have names: their order means nothing.",
            (
                lambda n, r, a, t: (
                    call_result(n, r, a, t)
                    if n not in t or t[n][0] not in r
                    else EINVAL
                    if list(a) != list(t[n][1])
                    else call_result(n, r, a, t)
                ),
            ),
        ),
    ),
)


EXERCISES = (KEPT, CALL)
