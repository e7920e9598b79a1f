"""Questions of chapter 2.3 that are answered with numbers: slots, batches and guesses.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.3-1 --------------------------------------------------------------------------------


def _draw_slots(seed: int) -> dict:
    """A prompt, what was said, a block size and a table; the last token's place is no block's first."""
    generator = random.Random(seed)
    while True:
        size, prompt, said = generator.choice([4, 8]), generator.randint(9, 19), generator.randint(3, 8)
        last = prompt + said - 1  # position of the last token, which is not computed yet
        if last % size not in (0, size - 1) and (prompt + said) % size:
            break
    table = generator.sample(range(7, 30), last // size + 1)
    return {"size": size, "prompt": prompt, "said": said, "table": table}


def _slots(size, prompt, said, table, *, last=None):
    last = prompt + said - 1 if last is None else last
    return {"computed": prompt + said - 1, "block": table[last // size], "place": last % size,
            "full blocks": (prompt + said - 1) // size}  # fmt: skip


def _part(name, value):
    """A wrong value in one part alone."""
    return lambda **data: {name: value(**data)}


SLOTS = Question(
    key="2.3-1",
    title="Where does the next slot lie?",
    difficulty=1,
    minutes=10,
    statement=(
        "A process has a prompt of {prompt} tokens and has said {said}. Blocks have {size} slots, its block "
        "table is {table}. How many slots are computed (computed)? In the next step its last token is read: "
        "into which block (block) and which place in it, counted from 0 (place)? And how many of its blocks "
        "are full before that step, so that others may find them (full blocks)?"
    ),
    takeaway="The text is always one token ahead of its slots.",
    explanation="Position of the last token: one less than the number of tokens. Block: position // size.",
    hints=(
        "A token that was said in this step has not been read yet. Which tokens have slots?",
        "Positions count from 0. At which position does the last token stand?",
        "The position divided by the block size: the quotient says where in the table to look, the rest is "
        "the place.",
    ),
    asked={
        "computed": "the tokens that the model has read: the last one is said and not yet read",
        "block": "the number that stands in the table at (position of that token) // (slots of a block)",
        "place": "the position of that token, from 0, less the slots of the blocks before its own",
        "full blocks": "how many blocks the computed slots fill to the end",
    },
    answer=_slots,
    mistakes=(
        Mistake(
            "every token has a slot",
            "You count a slot for every token. The one that was said last has been chosen, but not yet read.",
            (_part("computed", lambda size, prompt, said, table: prompt + said),),
        ),
        Mistake(
            "only the prompt is computed",
            "You count the prompt alone. Each token that was said has been read in the step after it, but "
            "for the last.",
            (_part("computed", lambda size, prompt, said, table: prompt),),
        ),
        Mistake(
            "positions from 1",
            "Your place is one too far: positions and places count from 0.",
            (_part("place", lambda size, prompt, said, table: (prompt + said) % size),),
        ),
        Mistake(
            "the entry for the block",
            "That is the number of the place in the table, 0, 1, 2 ... The number that stands there says in "
            "which block the token lies.",
            (_part("block", lambda size, prompt, said, table: (prompt + said - 1) // size),),
        ),
        Mistake(
            "the block before",
            "That block holds the tokens just before. The token lies in the next one of the table: its "
            "position, counted from 0, divided by the slots of a block and rounded down, says at which "
            "place of the table to look, from 0 as well.",
            (_part("block", lambda size, prompt, said, table: table[(prompt + said - 1) // size - 1]),),
        ),
        Mistake(
            "all blocks called full",
            "That is the number of all blocks of the table. The last of them has room left, and nobody may "
            "find it before it is full.",
            (_part("full blocks", lambda size, prompt, said, table: len(table)),),
        ),
    ),
    draw=_draw_slots,
)


# 2.3-3 --------------------------------------------------------------------------------


def _draw_batch(seed: int) -> dict:
    """Six lengths for which static and continuous batches differ."""
    generator = random.Random(seed)
    while True:
        lengths = generator.sample(range(2, 14), 6)
        ways = [_static(lengths), _continuous(lengths), sum(lengths), -(-sum(lengths) // 2)]
        ways += [max(sum(lengths[0::2]), sum(lengths[1::2])), sum(min(lengths[i : i + 2]) for i in (0, 2, 4))]
        if len(set(ways)) == len(ways):  # no slip comes out right by luck
            return {"lengths": lengths}


def _static(lengths, slots=2):
    return sum(max(lengths[start : start + slots]) for start in range(0, len(lengths), slots))


def _continuous(lengths, slots=2):
    free = [0] * slots
    for length in lengths:
        at = free.index(min(free))
        free[at] += length
    return max(free)


BATCHES = Question(
    key="2.3-3",
    title="Two ways to batch",
    difficulty=2,
    minutes=15,
    statement=(
        "Six requests want {lengths} tokens, in this order; all are there at the start, and a step says one "
        "token for each row. There are 2 slots. After how many steps have all ended when a batch is put "
        "together and runs until both have ended (static)? And when a slot is given to the next request as "
        "soon as it is free (continuous)? How many tokens are said per step in the continuous way (rate)?"
    ),
    takeaway="A static batch costs its longest; a continuous one costs nearly the sum divided by the slots.",
    explanation="Static: the sum of the longer ones of each pair. Continuous: whoever is free takes the "
    "next.",
    hints=(
        "Static: cut the list into pairs, in the order given. How long does a pair last?",
        "Continuous: write down for each slot when it is free. The next request goes to the one that is "
        "free first.",
        "Tokens per step: all tokens together, divided by the steps of the continuous way.",
    ),
    asked={
        "static": "the longer request of each pair, in their order, added up",
        "continuous": "the step after which all have ended, when each begins as soon as a slot is free",
        "rate": "all tokens over the steps of the continuous way",
    },
    answer=lambda lengths: {
        "static": _static(lengths),
        "continuous": _continuous(lengths),
        "rate": sum(lengths) / _continuous(lengths),
    },
    mistakes=(
        Mistake(
            "one after the other",
            "That is the sum of all lengths, as if there were one slot. Two requests say a token in every "
            "step.",
            (lambda lengths: {"static": sum(lengths)}, lambda lengths: {"continuous": sum(lengths)}),
        ),
        Mistake(
            "perfect packing",
            "That is all tokens divided by the slots: the least it could take. At the end one request may "
            "run alone, with the other slot empty.",
            (
                lambda lengths: {"continuous": -(-sum(lengths) // 2)},
                lambda lengths: {"continuous": sum(lengths) / 2},
            ),
        ),
        Mistake(
            "the shorter of each pair",
            "Your static number is the sum of the shorter request of each pair. The next batch begins only "
            "when both have ended.",
            (lambda lengths: {"static": sum(min(lengths[i : i + 2]) for i in (0, 2, 4))},),
        ),
        Mistake(
            "sorted first",
            "Your static number is what comes when the queue is sorted by length first. Batches are put "
            "together in the order given.",
            (lambda lengths: {"static": _static(sorted(lengths))},),
        ),
        Mistake(
            "rate of the static way",
            "Your rate is that of the static batches. Asked for are tokens per step in the continuous way.",
            (lambda lengths: {"rate": sum(lengths) / _static(lengths)},),
        ),
        Mistake(
            "every second request",
            "Your continuous number is what comes when each slot is given every second request. In the "
            "continuous way a request goes to whichever slot is free first.",
            (lambda lengths: {"continuous": max(sum(lengths[0::2]), sum(lengths[1::2]))},),
        ),
        Mistake(
            "exchanged",
            "The two numbers are right, but for each other. Waiting for the longest cannot be quicker.",
            (lambda lengths: {"static": _continuous(lengths), "continuous": _static(lengths)},),
        ),
        Mistake(
            "requests per step",
            "Your rate counts requests. Asked for are tokens: those of all six, over the steps.",
            (lambda lengths: {"rate": len(lengths) / _continuous(lengths)},),
        ),
        Mistake(
            "steps per token",
            "Your rate is the wrong way up: tokens per step, not steps per token.",
            (lambda lengths: {"rate": _continuous(lengths) / sum(lengths)},),
        ),
    ),
    draw=_draw_batch,
)


# 2.3-8 --------------------------------------------------------------------------------


def _draw_guesses(seed: int) -> dict:
    generator = random.Random(seed)
    return {"chance": generator.choice([0.4, 0.5, 0.6, 0.7, 0.8]), "guesses": generator.choice([2, 3, 4]),
            "price": generator.choice([0.1, 0.15, 0.2])}  # fmt: skip


def _tokens(chance, guesses):
    return sum(chance**k for k in range(guesses + 1))


GUESSES = Question(
    key="2.3-8",
    title="When do guesses pay?",
    difficulty=2,
    minutes=15,
    statement=(
        "A draft proposes {guesses} tokens in each step. Each is right with probability {chance}, whatever "
        "came "
        "before; after the first wrong one the others are thrown away, and the model adds one token of its "
        "own. How many tokens does a step yield on average (tokens)? A step costs 1 and {price} for each "
        "token "
        "read, the text's last one and the guesses. How many times as fast as without guesses is it "
        "(speedup)? "
        "And how fast with guesses that are never right (never)?"
    ),
    takeaway="The gain is bounded by 1/(1 - chance), the loss is not: it grows with every guess that is "
    "read.",
    explanation="1 + a + a² + ... + aᵏ tokens a step; the price of a step with k guesses is 1 + c (k + 1).",
    hints=(
        "The first guess counts with probability a, the second only if the first was right too: a².",
        "The model's own token comes in any case. With two guesses: 1 + a + a².",
        "Time per token: price of the step divided by the tokens it yields. Without guesses: 1 + c for one "
        "token.",
    ),
    asked={
        "tokens": "1 + p + p^2 + ...: a guess counts if it and all before it are right",
        "speedup": "tokens by cost (1 + price x (guesses + 1)), by the same for one token, read alone",
        "never": "the same with one token a step, at the cost of a step that reads the guesses",
    },
    answer=lambda chance, guesses, price: {
        "tokens": _tokens(chance, guesses),
        "speedup": _tokens(chance, guesses) * (1 + price) / (1 + price * (guesses + 1)),
        "never": (1 + price) / (1 + price * (guesses + 1)),
    },
    mistakes=(
        Mistake(
            "each guess for itself",
            "You count every right guess. After a wrong one the others are thrown away, right or not.",
            (lambda chance, guesses, price: {"tokens": 1 + chance * guesses},),
        ),
        Mistake(
            "the model's own token forgotten",
            "You leave out the token that the model adds in every step: even with all guesses wrong it "
            "says one.",
            (lambda chance, guesses, price: {"tokens": _tokens(chance, guesses) - 1},),
        ),
        Mistake(
            "all or nothing",
            "You count guesses only where all of them are right. Those before the first wrong one are kept "
            "as well.",
            (lambda chance, guesses, price: {"tokens": 1 + guesses * chance**guesses},),
        ),
        Mistake(
            "guesses without end",
            "That is the sum 1 + p + p^2 + ... without end. It ends with the last of the guesses that are "
            "proposed.",
            (lambda chance, guesses, price: {"tokens": 1 / (1 - chance)},),
        ),
        Mistake(
            "every guess right",
            "That is what a step yields if every guess is right. Each counts only with the probability that "
            "it and all before it are.",
            (lambda chance, guesses, price: {"tokens": guesses + 1},),
        ),
        Mistake(
            "guesses that cost nothing",
            "Your speedup is the number of tokens: you let the guesses be read for nothing.",
            (lambda chance, guesses, price: {"speedup": _tokens(chance, guesses)},),
        ),
        Mistake(
            "the plain step costs 1",
            "Without guesses a step reads one token too, and pays for it: 1 + c, with c for each token.",
            (
                lambda chance, guesses, price: {
                    "speedup": _tokens(chance, guesses) / (1 + price * (guesses + 1))
                },
                lambda chance, guesses, price: {"never": 1 / (1 + price * (guesses + 1))},
            ),
        ),
        Mistake(
            "the last token read for nothing",
            "You let a step pay for its guesses alone. It reads the text's last token as well: with k "
            "guesses and c for each token it costs 1 + c (k + 1), and without any 1 + c.",
            tuple(
                lambda chance, guesses, price, plain=plain, names=names: {
                    name: (_tokens(chance, guesses) if name == "speedup" else 1)
                    * (1 + price * plain)
                    / (1 + price * guesses)
                    for name in names
                }
                for names in (("speedup", "never"), ("speedup",), ("never",))
                for plain in (0, 1)
            ),
        ),
        Mistake(
            "wrong guesses do no harm",
            "You say that guesses that are never right leave the speed as it is. Who pays for reading them?",
            ({"never": 1.0},),
        ),
    ),
    draw=_draw_guesses,
)


EXERCISES = (SLOTS, BATCHES, GUESSES)
