"""Exercises of chapter 4.3, the part on computing: the operations of a mixture.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.3-13 -------------------------------------------------------------------------------


def moe_flops(tokens, d_model, d_ff, num_experts, top_k):
    """tokens, router [d_model, num_experts], SwiGLU experts -> operations: router, all experts, top_k."""
    router = 2 * tokens * d_model * num_experts
    expert = 2 * tokens * 3 * d_model * d_ff
    return router, num_experts * expert, top_k * expert


def _flops(tokens, d, d_ff, experts, k, *, router=1, expert=1):
    one = 6 * tokens * d * d_ff * expert
    return 2 * tokens * d * experts * router, experts * one, k * one


def _with_router(*sizes):
    router, everybody, few = _flops(*sizes)
    return router, router + everybody, router + few


FLOPS = Exercise(
    key="4.3-13",
    title="What a mixture computes",
    difficulty=1,
    minutes=10,
    statement=(
        "A product of a matrix [n, a] with one [a, b] takes n a b multiplications and as many additions: "
        "2 n a b operations. Count those of the matrix products of a forward pass, for three things: the "
        "router; the experts, when each of them answers every token; and the experts, when each token goes "
        "to top_k of them. An expert is a SwiGLU with three matrices between d_model and d_ff. Leave "
        "everything out that is not a matrix product."
    ),
    takeaway="The last number does not know how many experts there are; only the router's small one grows.",
    reference=moe_flops,
    explanation="Twice tokens times weights, for the weights that a token meets.",
    hints=(
        "Begin with one token and one matrix d_model by d_ff. How many multiplications, how many additions?",
        "How many such products does one SwiGLU make for a token? How many experts does a token meet, in "
        "each of the two ways of asking?",
        "A check: the second number over the third is the number of experts over k, whatever the widths are. "
        "And the router is a matrix product like any other.",
    ),
    cases=(
        Case("a layer of Mixtral 8x7B, 1000 tokens", (1000, 4096, 14336, 8, 2)),
        Case("64 experts, k = 1", (128, 64, 256, 64, 1)),
        Case("a single token", (1, 8, 16, 4, 2)),
        Case("all experts chosen", (10, 6, 12, 3, 3)),
        Case("one expert", (7, 5, 20, 1, 1)),
        Case("narrow experts, k = 6 of 64", (50, 32, 8, 64, 6)),
    ),
    mistakes=(
        Mistake(
            "additions forgotten",
            "Some of your numbers, or all of them, are half of what they should be: a multiplication with "
            "its addition is counted as one operation. Some papers do (they call it a MAC); here each "
            "counts.",
            (
                lambda *s: _flops(*s, router=0.5, expert=0.5),
                lambda *s: _flops(*s, router=0.5),
                lambda *s: _flops(*s, expert=0.5),
            ),
        ),
        Mistake(
            "two matrices an expert",
            "Your experts make two products for each token. A SwiGLU has a third matrix, for its gate.",
            (lambda *s: _flops(*s, expert=2 / 3),),
        ),
        Mistake(
            "two matrices and no additions",
            "Your router's number is half of what it should be, and the experts' are a third: as with two "
            "matrices instead of three, and a multiplication with its addition counted as one.",
            (lambda *s: _flops(*s, router=0.5, expert=1 / 3),),
        ),
        Mistake(
            "one matrix an expert",
            "Your experts' numbers are a third of what they should be, as with one product an expert. A "
            "SwiGLU makes three: two into the hidden width and one back.",
            (lambda *s: _flops(*s, expert=1 / 3),),
        ),
        Mistake(
            "only one expert a token",
            "With k = 1 you are right. With more, each token is worked on by k experts, and each of them "
            "computes in full.",
            (lambda *s: (*_flops(*s)[:2], _flops(*s)[2] // s[4]),),
        ),
        Mistake(
            "tokens shared out",
            "You divide the work by the number of experts once more. A token's cost is that of the experts "
            "that it visits; how many others there are does not matter.",
            (
                lambda *s: (*_flops(*s)[:2], _flops(*s)[2] / s[3]),
                lambda *s: (_flops(*s)[0], _flops(*s)[1] / s[3], _flops(*s)[2] / s[3]),
            ),
        ),
        Mistake(
            "one expert for all",
            "Your second number is what one expert computes for all tokens. There every expert answers every "
            "token: how many are at work?",
            (lambda *s: (_flops(*s)[0], _flops(*s)[1] / s[3], _flops(*s)[2]),),
        ),
        Mistake(
            "all experts in both",
            "Your second and third number are the same. The sparse mixture leaves experts unasked: that "
            "is what it is for.",
            (lambda *s: (*_flops(*s)[:2], _flops(*s)[1]), lambda *s: (*_flops(*s)[::2], _flops(*s)[2])),
        ),
        Mistake(
            "all and chosen exchanged",
            "Your second and third number stand in each other's place: first the experts when each answers "
            "every token, then when a token goes to top_k of them.",
            (lambda *s: (_flops(*s)[0], _flops(*s)[2], _flops(*s)[1]),),
        ),
        Mistake(
            "router for the chosen only",
            "Your router computes only k logits for each token. Which k they are it knows after it has "
            "computed all of them.",
            (lambda *s: (2 * s[0] * s[1] * s[4], *_flops(*s)[1:]),),
        ),
        Mistake(
            "other widths",
            "A matrix of yours has other widths than it should: the router goes from d_model to one column "
            "an expert, and each of an expert's three matrices lies between d_model and d_ff.",
            (
                lambda *s: (2 * s[0] * s[2] * s[3], *_flops(*s)[1:]),
                lambda *s: (_flops(*s)[0], 6 * s[0] * s[1] ** 2 * s[3], 6 * s[0] * s[1] ** 2 * s[4]),
                lambda *s: (
                    _flops(*s)[0],
                    *(2 * s[0] * (2 * s[1] * s[2] + s[2] ** 2) * n for n in (s[3], s[4])),
                ),
                lambda *s: (
                    _flops(*s)[0],
                    *(2 * s[0] * (2 * s[1] * s[2] + s[1] ** 2) * n for n in (s[3], s[4])),
                ),
            ),
        ),
        Mistake(
            "weights for operations",
            "You count weights. A product of a token with a matrix takes two operations for each weight, and "
            "there are as many such products as tokens.",
            (lambda *s: tuple(n / (2 * s[0]) for n in _flops(*s)),),
        ),
        Mistake(
            "another order",
            "Your three numbers are right and stand in another order: first the router, then the experts "
            "when each answers every token, then when a token goes to top_k of them.",
            (
                lambda *s: (*_flops(*s)[1:], _flops(*s)[0]),
                lambda *s: _flops(*s)[::-1],
                lambda *s: (_flops(*s)[2], *_flops(*s)[:2]),
                lambda *s: (_flops(*s)[1], _flops(*s)[0], _flops(*s)[2]),
            ),
        ),
        Mistake(
            "those that are not asked",
            "Your third number is that of the experts that are left out, all less top_k. Asked for is what "
            "the chosen ones compute.",
            (lambda *s: (*_flops(*s)[:2], _flops(*s)[1] - _flops(*s)[2]),),
        ),
        Mistake(
            "router counted in",
            "You add the router to the experts. The exercise asks for three numbers, each by itself.",
            (_with_router,),
        ),
        Mistake(
            "for one token",
            "With a single token you are right. With more, each of them goes through these products.",
            (
                lambda *s: _flops(1, *s[1:]),
                lambda *s: (_flops(1, *s[1:])[0], *_flops(*s)[1:]),
                lambda *s: (_flops(*s)[0], *_flops(1, *s[1:])[1:]),
            ),
        ),
        Mistake(
            "backward pass counted",
            "Your numbers are three times too large: forward and backward together. The exercise asks for "
            "the forward pass.",
            (lambda *s: _flops(*s, router=3, expert=3),),
        ),
    ),
    parts=("count for the router", "count for all experts", "count for top_k experts"),
    rtol=1e-6,
    atol=0.5,
)


EXERCISES = (FLOPS,)
