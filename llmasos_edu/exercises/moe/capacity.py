"""Exercises of chapter 4.3, the part on room: how much an expert takes, and who is served.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.3-8 --------------------------------------------------------------------------------


def expert_capacity(batch, seq, num_experts, top_k, capacity_factor):
    """A batch of tokens [batch, seq], each with top_k choices -> how many one expert takes, an int."""
    return math.ceil(capacity_factor * top_k * batch * seq / num_experts)


CAPACITY = Exercise(
    key="4.3-8",
    title="How much an expert takes",
    difficulty=1,
    minutes=5,
    statement=(
        "Each of the batch * seq tokens chooses top_k experts. If all experts were chosen equally often, "
        "how many choices would fall on each? The capacity is capacity_factor times that number, rounded up "
        "to a whole one, so that every expert can take at least one token. No case hinges on a float's "
        "rounding noise, such as that of 1.1 * 10."
    ),
    takeaway="Factor 1 is enough only at perfect balance; the rest is room for imbalance, or stays empty.",
    reference=expert_capacity,
    explanation="All choices of the batch, shared out evenly, times the factor, and one rounding at the end.",
    hints=(
        "2 sequences of 6 tokens with 2 choices each: how many choices in all? How many for each of 4 "
        "experts?",
        "The rounding comes last. What would become of 1.4 choices times the factor 1.5 if you rounded "
        "earlier?",
        "The mathematics module has two functions that make a whole number, one for each direction. A "
        "quarter of a token must become one, not none.",
    ),
    cases=(
        Case("2 sequences of 8 tokens, 4 experts, k = 1, factor 1", (2, 8, 4, 1, 1.0)),
        Case("4 sequences of 10 tokens, 8 experts, k = 2, factor 1.25", (4, 10, 8, 2, 1.25)),
        Case("3 tokens for 8 experts", (1, 3, 8, 1, 1.0)),
        Case("3 sequences of 7 tokens, 4 experts, k = 2, factor 1.5", (3, 7, 4, 2, 1.5)),
        Case("a factor below 1", (2, 16, 8, 2, 0.5)),
        Case("one sequence of 5 tokens, factor 2", (1, 5, 4, 2, 2.0)),
        Case("8 sequences of a single token, 16 experts", (8, 1, 16, 1, 1.25)),
        Case("5 tokens to 2 experts", (5, 1, 2, 1, 1.0)),
        Case("9 sequences of 3 tokens, 4 experts, factor 1.25", (9, 3, 4, 1, 1.25)),
        Case("one token more than experts", (1, 4097, 4096, 1, 1.0)),
        Case("13 tokens, 4 experts, factor 1.25", (1, 13, 4, 1, 1.25)),
        Case("5 tokens, 4 of 5 experts, factor 1.25", (1, 5, 5, 4, 1.25)),
        Case("3 tokens, 2 experts, factor 4", (1, 3, 2, 1, 4.0)),
        Case("3 tokens, 2 of 8 experts", (1, 3, 8, 2, 1.0)),
        Case("4097 sequences of 4099 tokens, a single expert", (4097, 4099, 1, 1, 1.0)),
    ),
    mistakes=(
        Mistake(
            "capacity per sequence",
            "You count the tokens of one sequence. Experts serve the whole batch at once, and a sequence "
            "that needs an expert more often may use the room that another one leaves.",
            (
                lambda b, s, e, k, f: math.ceil(f * k * s / e),
                lambda b, s, e, k, f: int(f * k * s / e),
            ),
        ),
        Mistake(
            "rounded for each sequence",
            "You round up for each sequence and multiply by their number, so the rounding is multiplied "
            "too. Experts serve the whole batch at once: one rounding, at the very end.",
            (lambda b, s, e, k, f: b * math.ceil(f * k * s / e),),
        ),
        Mistake(
            "rounded down",
            "You cut the fraction off. With few tokens and many experts the capacity becomes zero, and "
            "then every token of the batch is dropped; elsewhere one place is missing, unless the number "
            "is whole.",
            (lambda b, s, e, k, f: int(f * k * b * s / e),),
        ),
        Mistake(
            "rounded down, to one at least",
            "You cut the fraction off, and only see to it that there is one place. Where the number is "
            "above one and not whole, a place is missing: that much too little costs a token.",
            (lambda b, s, e, k, f: max(1, int(f * k * b * s / e)),),
        ),
        Mistake(
            "rounded to the nearest",
            "You round to the nearest whole number, and where that is the one below, a place is missing. Too "
            "much room costs a little padding, too little costs a token.",
            (
                lambda b, s, e, k, f: round(f * k * b * s / e),
                lambda b, s, e, k, f: max(1, round(f * k * b * s / e)),
                lambda b, s, e, k, f: int(f * k * b * s / e + 0.5),
            ),
        ),
        Mistake(
            "k forgotten",
            "With k = 1 you are right. With k = 2 every token asks for two places, and your experts have "
            "room for half of the choices.",
            (lambda b, s, e, k, f: math.ceil(f * b * s / e),),
        ),
        Mistake(
            "divided by k",
            "With k = 1 you are right. With more choices for each token you give less room, because k "
            "stands below the line. Does an expert get more or less to do when k grows?",
            (lambda b, s, e, k, f: math.ceil(f * b * s / (e * k)),),
        ),
        Mistake(
            "factor forgotten",
            "Your capacity is the even share, whatever the factor says: no room is left for an expert that "
            "is asked more often than others.",
            (lambda b, s, e, k, f: math.ceil(k * b * s / e),),
        ),
        Mistake(
            "factor forgotten, and rounded down",
            "Your capacity is the even share without its fraction, whatever the factor says. Where does "
            "capacity_factor come in, and in which direction is rounded?",
            (lambda b, s, e, k, f: k * b * s // e,),
        ),
        Mistake(
            "rounded too early",
            "It comes out as if something were rounded on the way, the even share or a product, before all "
            "factors have acted. One rounding, at the very end.",
            (
                lambda b, s, e, k, f: math.ceil(f * math.ceil(k * b * s / e)),
                lambda b, s, e, k, f: math.ceil(f * k * math.ceil(b * s / e)),
                lambda b, s, e, k, f: math.ceil(math.ceil(f * b * s) * k / e),
                lambda b, s, e, k, f: math.ceil(int(f * k * b * s) / e),
                lambda b, s, e, k, f: math.ceil(f * (k * b * s // e)),
                lambda b, s, e, k, f: int(f * (k * b * s // e)),
            ),
        ),
        Mistake(
            "not rounded",
            "You return a fraction of a token. An expert takes whole ones.",
            (lambda b, s, e, k, f: f * k * b * s / e,),
        ),
        Mistake(
            "divided by the factor",
            "You divide by the factor: a larger one should give more room, and yours gives less.",
            (lambda b, s, e, k, f: math.ceil(k * b * s / (e * f)),),
        ),
        Mistake(
            "not shared out",
            "That is what all experts take together (or one expert, if it had to take everything). Each gets "
            "its share.",
            (lambda b, s, e, k, f: math.ceil(f * k * b * s), lambda b, s, e, k, f: b * s),
        ),
        Mistake(
            "no more than tokens, no fewer than k",
            "Your capacity is held between limits that the statement does not have: it may exceed the number "
            "of tokens, where the factor is large, and may be less than top_k, though never less than one.",
            (
                lambda b, s, e, k, f: min(b * s, math.ceil(f * k * b * s / e)),
                lambda b, s, e, k, f: max(k, math.ceil(f * k * b * s / e)),
            ),
        ),
        Mistake(
            "rounded in 32 bits",
            "Above 16 million your number is one off: of 32 bits, as torch makes it of a Python number, it "
            "does not hold every whole one there. `math.ceil` needs no tensor.",
            (lambda b, s, e, k, c: int(torch.tensor(c * k * b * s / e).ceil()),),
        ),
        Mistake(
            "nearly rounded up",
            "It comes out as if a little less than one were added and the fraction cut off. Where it is "
            "very small, a place is missing: it is to be rounded up however small it is.",
            tuple(
                (lambda b, s, e, k, f, little=little: int(f * k * b * s / e + little))
                for little in (0.9, 0.99)
            ),
        ),
        Mistake(
            "always one more",
            "Where the places come out whole already, factor and all, you have one too many, as when the "
            "fraction is cut off and one added.",
            (lambda b, s, e, k, f: int(f * k * b * s / e) + 1,),
        ),
    ),
    rtol=0,
    atol=1e-6,
)


# 4.3-9 --------------------------------------------------------------------------------


def served(expert, num_experts, capacity):
    """expert [tokens, top_k], each token's best choice first -> kept [tokens, top_k], True or False."""
    taken = [0] * num_experts
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for choice in range(expert.shape[1]):
        for token in range(len(expert)):
            index = int(expert[token, choice])
            kept[token, choice] = taken[index] < capacity
            taken[index] += 1
    return kept


def _queue(expert, num_experts):
    """The place of each entry in its expert's queue, [assignments], in the order given."""
    one_hot = torch.nn.functional.one_hot(expert, num_experts)
    return (one_hot.cumsum(0) * one_hot).sum(-1) - 1


def _places(expert, num_experts):
    """The place of each choice in its expert's queue, [tokens, top_k]."""
    return _queue(expert.T.flatten(), num_experts).view(expert.shape[1], -1).T


def _places_by_sorting(expert):
    """The same from one sort by expert, which may exchange choices of one expert."""
    flat = expert.T.flatten()
    order = flat.argsort()
    place = torch.arange(len(flat)) - torch.searchsorted(flat[order], flat[order])
    return torch.empty_like(flat).scatter(0, order, place).view(expert.shape[1], -1).T


def _row_by_row(expert, num_experts, capacity):
    return _queue(expert.flatten(), num_experts).view(expert.shape) < capacity


def _column_by_column(expert, num_experts, capacity):
    return torch.stack([_queue(column, num_experts) < capacity for column in expert.T], -1)


def _full_experts_closed(expert, num_experts, capacity):
    return (torch.bincount(expert.flatten(), minlength=num_experts) <= capacity)[expert]


def _ends_with_a_drop(expert, num_experts, capacity):
    taken, kept = [0] * num_experts, torch.zeros_like(expert, dtype=torch.bool)
    for choice, column in enumerate(expert.T.tolist()):
        for token, index in enumerate(column):
            if taken[index] >= capacity:
                break
            kept[token, choice] = True
            taken[index] += 1
    return kept


def _one_kept_a_token(expert, num_experts, capacity):
    taken, kept = [0] * num_experts, torch.zeros_like(expert, dtype=torch.bool)
    for choice, column in enumerate(expert.T.tolist()):
        for token, index in enumerate(column):
            kept[token, choice] = taken[index] < capacity and not kept[token].any()
            taken[index] += int(kept[token, choice])
    return kept


def _kept_case(name: str, rows: list, num_experts: int, capacity: int) -> Case:
    return Case(name, (torch.tensor(rows), num_experts, capacity))


SERVED = Exercise(
    key="4.3-9",
    title="Who is served",
    difficulty=3,
    minutes=20,
    statement=(
        "An expert takes at most `capacity` choices, in the order of service: first the best choices "
        "(column 0) of all tokens, from the first token to the last, then all second choices in the order of "
        "the tokens, and so on. What comes when the expert is full is dropped. Say for each choice whether "
        "it is kept."
    ),
    takeaway="Nobody loses a first choice to somebody else's second one, and equal runs drop equal tokens.",
    reference=served,
    explanation="One counter for each expert, shared by all choices; the outer loop runs over the choices.",
    hints=(
        "Take three tokens that choose (0, 1), (0, 1), (1, 0) with capacity 1, and serve them by hand. Which "
        "of the six choices comes third?",
        "Each expert has a queue. A choice is kept if its place in the queue is below the capacity. Do first "
        "and second choices of the same expert stand in one queue or in two?",
        "Two loops do it: one over choices, one over tokens, and a counter for each expert. Which of the "
        "loops is the outer one?",
    ),
    cases=(
        _kept_case("3 tokens, 2 choices, capacity 1", [[0, 1], [0, 1], [1, 0]], 2, 1),
        _kept_case("6 tokens, 1 choice, capacity 2", [[1], [0], [1], [1], [2], [1]], 3, 2),
        _kept_case(
            "6 tokens, 2 of 4 experts, capacity 3", [[0, 2], [0, 1], [3, 0], [0, 3], [2, 0], [0, 1]], 4, 3
        ),
        _kept_case("room for all", [[0, 1], [1, 2], [2, 0]], 3, 2),
        _kept_case("everybody wants the same two", [[2, 0]] * 5, 4, 2),
        _kept_case("3 choices", [[0, 1, 2], [1, 0, 3], [0, 2, 1], [3, 0, 1], [0, 3, 2]], 4, 3),
        _kept_case("a second choice before its first", [[1, 0], [1, 0], [0, 1], [0, 1]], 2, 3),
        _kept_case("40 tokens, capacity 3", [[1], [0]] * 20, 2, 3),
    ),
    mistakes=(
        Mistake(
            "token by token",
            "It comes out as if all choices of a token were served before the next token's turn. Then an "
            "early token's second choice takes the place of a later token's first. In which order do the "
            "columns come?",
            (_row_by_row,),
        ),
        Mistake(
            "laid back in another order",
            "The order in which you serve is not the one in which you lay the results back into the table: "
            "a list that goes choice by choice does not fill a table row by row, nor the other way round.",
            (
                lambda e, n, c: (_queue(e.T.flatten(), n) < c).view(e.shape),
                lambda e, n, c: (_queue(e.flatten(), n) < c).view(e.shape[1], -1).T,
            ),
        ),
        Mistake(
            "a queue for each choice",
            "First and second choices stand in queues of their own, so an expert takes up to capacity of "
            "each. It has one queue and one capacity for all that comes.",
            (_column_by_column,),
        ),
        Mistake(
            "one too many or too few",
            "An expert does not take just as many as its capacity, but one more, or one less. If the first "
            "place in the queue has the number 0, which number has the last one that still fits?",
            (
                lambda e, n, c: _places(e, n) <= c,
                lambda e, n, c: _places(e, n) < c - 1,
                lambda e, n, c: _row_by_row(e, n, c + 1),
            ),
        ),
        Mistake(
            "a sort that exchanges equals",
            "With few choices you are right. With many, those for the same expert lose their order: a sort "
            "may exchange equal ones unless it is told to be stable.",
            (lambda e, n, c: _places_by_sorting(e) < c,),
        ),
        Mistake(
            "last come, first served",
            "You keep those who come last and drop the first ones: the queue is read from its end.",
            (lambda e, n, c: _places(e.flip((0, 1)), n).flip((0, 1)) < c,),
        ),
        Mistake(
            "last token first",
            "Within a column you serve the last token first, so it is the early tokens that are dropped.",
            (lambda e, n, c: _places(e.flip(0), n).flip(0) < c,),
        ),
        Mistake(
            "second choices first",
            "Your second choices are served before the first ones. A token's favourite is in column 0.",
            (lambda e, n, c: _places(e.flip(1), n).flip(1) < c,),
        ),
        Mistake(
            "full expert closed",
            "An expert that is asked too often drops everybody in your version. It serves as many as it has "
            "room for; only those after them are dropped.",
            (_full_experts_closed,),
        ),
        Mistake(
            "whole token dropped",
            "When one choice of a token is dropped, you drop its others, or its later ones, as well. "
            "Another expert may still have room: each choice has its own fate.",
            (
                lambda e, n, c: (_places(e, n) < c).all(-1, keepdim=True).expand_as(e),
                lambda e, n, c: (_places(e, n) < c).cumprod(-1).bool(),
            ),
        ),
        Mistake(
            "the first drop ends the column",
            "As soon as a choice of a column is dropped, those after it in the column are dropped too, "
            "though their experts have room. One full expert says nothing of the others.",
            (_ends_with_a_drop,),
        ),
        Mistake(
            "one expert a token",
            "A token whose better choice was kept loses its others, or its place is given away. Each choice "
            "is served by its own expert, as long as that has room.",
            (_one_kept_a_token,),
        ),
        Mistake(
            "dropped instead of kept",
            "True and False are exchanged: you say which choices are dropped.",
            (lambda e, n, c: _places(e, n) >= c, lambda e, n, c: ~_row_by_row(e, n, c)),
        ),
        Mistake(
            "one counter for all experts",
            "It comes out as if all choices, or all tokens, were counted together, whichever expert they "
            "go to. Each expert fills up by itself.",
            (
                lambda e, n, c: c > torch.arange(e.numel()).view(e.shape[1], -1).T,
                lambda e, n, c: (torch.arange(len(e)) < c)[:, None].expand_as(e),
                lambda e, n, c: c * n > torch.arange(e.numel()).view(e.shape[1], -1).T,
            ),
        ),
        Mistake(
            "nobody dropped",
            "You keep everything: nobody is ever full, and a popular expert has no end of work. Is the "
            "capacity looked at, and do your counters go on from token to token?",
            (lambda e, n, c: torch.ones_like(e, dtype=torch.bool),),
        ),
    ),
)


EXERCISES = (CAPACITY, SERVED)
