"""Exercise of chapter 2.3 on what a system call comes to.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _compared(
    name, rights, arguments, tools, alike=lambda a, b: sorted(a) == sorted(b), limited=lambda limit: True
):
    """As asked, but for when names are alike and which limits count."""
    result = call_result(name, rights, arguments, tools)
    if result in (38, 1):
        return result
    _, wanted, time, limit = tools[name]
    if not alike(arguments, wanted):
        return 22
    return 110 if time > limit and limited(limit) else 0


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
        Case("names run together", ("add", ["math"], ["ab"], TOOLS)),
        Case("no such tool", ("jump", ["math"], [], TOOLS)),
        Case("no right, and wrong arguments", ("pay", [], ["a"], TOOLS)),
        Case("no right, and too slow", ("wait", ["money"], [], TOOLS)),
        Case("too slow", ("wait", ["math"], [], TOOLS)),
        Case("wrong arguments, and too slow", ("wait", ["math"], ["a"], TOOLS)),
        Case("a right that is called like the tool", ("math", ["math"], ["x"], TOOLS)),
        Case("time that just reaches the limit", ("math", ["read"], ["x"], TOOLS)),
        Case("a right whose name holds that of another", ("draw", ["martial", "heart"], ["x"], TOOLS)),
        Case("a right whose name is a part of it", ("draw", ["ar", "t"], ["x"], TOOLS)),
        Case("no such tool, and no right", ("jump", [], [], TOOLS)),
        Case("the right stands last of two", ("add", ["read", "math"], ["a", "b"], TOOLS)),
        Case("a sum with one argument twice", ("add", ["math"], ["a", "a"], TOOLS)),
        Case(
            "three arguments, and a little too slow",
            ("sort", ["lists"], ["key", "size", "base"], {"sort": ["lists", ["size", "base", "key"], 3, 2]}),
        ),
        Case("a limit of no time at all", ("now", ["clock"], [], {"now": ["clock", [], 1, 0]})),
    ),
    draw=_draw_call,
    mistakes=(
        Mistake(
            "one of them twice",
            "It comes out as if it were enough that there are as many arguments as are wanted and each is "
            "one of these. One of them twice is then as good as both.",
            (lambda n, r, a, t: _compared(n, r, a, t, lambda a, w: len(a) == len(w) and set(a) <= set(w)),),
        ),
        Mistake(
            "not in any order",
            "Some orders of the right names do not pass with you: it comes out as if the tool's names had "
            "to stand in the order of the alphabet, or the call's in the tool's order or just the other "
            "way round. Any order will do: sort both.",
            (lambda n, r, a, t: _compared(n, r, a, t, lambda a, w: sorted(a) == w),),
        ),
        Mistake(
            "zero is no limit",
            "It comes out as if a limit of 0 were none at all. Whatever takes time takes longer than that.",
            (lambda n, r, a, t: _compared(n, r, a, t, limited=lambda limit: limit != 0),),
        ),
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
            "the name of which it is a part",
            "A right counts in your version when its name is a part of the one that is asked for, as `art` "
            "is of `heart`. Compare whole names, not texts.",
            (
                lambda n, r, a, t: call_result(
                    n, [t[n][0]] if n in t and any(x in t[n][0] for x in r) else [], a, t
                ),
            ),
        ),
        Mistake(
            "arguments before rights",
            "Where the right is missing and the arguments are wrong too, you give the number for the "
            "arguments. The right comes first: who may not call, learns nothing more.",
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
            "It comes out as if the number of arguments alone counted. Two others in their place are as "
            "wrong as one too few.",
            (lambda n, r, a, t: _checked(n, r, a, t, equal=False),),
        ),
        Mistake(
            "names run together",
            "It comes out as if the names of the arguments were run together before they are compared: `ab` "
            "is another name than `a` and `b`.",
            (
                lambda n, r, a, t: call_result(
                    n, r, t[n][1] if n in t and "".join(sorted(a)) == "".join(sorted(t[n][1])) else a, t
                ),
            ),
        ),
        Mistake(
            "no time limit",
            "A call that is wrong in its time alone comes to 0 in your version. Where it takes longer than "
            "its limit, that is 110.",
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
            "the last right alone",
            "You look at one of the process's rights alone, the last. Any of them may be the one that the "
            "tool asks for.",
            (lambda n, r, a, t: call_result(n, r[-1:], a, t),),
        ),
        Mistake(
            "no other right",
            "A process that holds another right besides is refused by you. It is enough that the one that is "
            "asked for is among them.",
            (lambda n, r, a, t: call_result(n, r if len(r) == 1 else [], a, t),),
        ),
        Mistake(
            "time and limit exchanged",
            "It comes out as if time and limit were exchanged. In `tools[name]` the time stands before the "
            "limit; too long is a time above its limit.",
            (lambda n, r, a, t: call_result(n, r, a, {k: [*v[:2], v[3], v[2]] for k, v in t.items()}),),
        ),
        Mistake(
            "a call without arguments",
            "A call without arguments is refused with 22 by you, also where the tool wants none.",
            (lambda n, r, a, t: call_result(n, r, a or [None], t),),
        ),
        Mistake(
            "who has no right, asked first",
            "Where a process holds no right at all, you give the number for a missing right even for a tool "
            "that does not exist. Whether there is such a tool comes first.",
            (lambda n, r, a, t: call_result(n, r, a, t) if r else EPERM,),
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


EXERCISES = (CALL,)
