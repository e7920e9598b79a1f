"""Exercises of chapter 5, the part on cost: what a whole model weighs, computes and remembers.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 5-7 --------------------------------------------------------------------------------


def model_cost(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    """Sizes (experts are [d_model, d_ff] and back), tied a bool -> parameters, operations, cache bytes."""
    table, attention, expert = vocab_size * d_model, 4 * d_model**2, 2 * d_model * d_ff
    router = d_model * num_experts if num_experts > 1 else 0
    parameters = (1 if tied else 2) * table + num_layers * (attention + router + num_experts * expert)
    reading = 2 * context * d_model  # multiplications: scores, then the sum of the values
    operations = 2 * (table + num_layers * (attention + router + top_k * expert + reading))
    return parameters, operations, 4 * 2 * context * d_model * num_layers


def _budget(
    vocab, width, layers, d_ff, experts, top_k, context, tied, *, tables=None, working=None, stored=None,
    router=True, lone_router=False, reading=2, lookup=0, head=1, each=2, cache=8, repeats=None,
    read=None, matrices=4,
):  # fmt: skip
    """The three numbers with knobs, from which the wrong answers are made."""
    tables = (1 if tied else 2) if tables is None else tables
    working, stored = top_k if working is None else working, experts if stored is None else stored
    repeats = layers if repeats is None else repeats
    asks = width * experts if router and (experts > 1 or lone_router) else 0
    table, layer, expert = vocab * width, matrices * width**2 + asks, 2 * width * d_ff
    attended = reading * (context if read is None else read) * width
    operations = each * ((head + lookup) * table + repeats * (layer + working * expert + attended))
    return tables * table + repeats * (layer + stored * expert), operations, cache * context * width * repeats


def _counted(**without):
    """The three numbers of one part alone: what is missing when it is left out."""
    return lambda *s: tuple(a - b for a, b in zip(_budget(*s), _budget(*s, **without), strict=True))


BUDGET = Exercise(
    key="5-7",
    title="What a model costs",
    difficulty=2,
    minutes=15,
    statement=(
        "Count for a model like this chapter's: a table of embeddings; in each layer attention with four "
        "matrices d_model by d_model, and num_experts experts of two matrices each (d_model to d_ff and "
        "back), before them a router with one column an expert, if there is more than one; a head, which is "
        "the table itself where tied. No biases; leave norms and softmax out. Return the parameters; the "
        "operations for one new token that goes to top_k experts and attends to context positions, its own "
        "included (a multiplication and its addition are two); and the bytes of a float32 cache of context "
        "positions (all heads together are d_model wide)."
    ),
    takeaway="The three grow with different things: experts, top_k, and the length of the text.",
    reference=model_cost,
    explanation=(
        "Each weight that a token meets costs two operations; looking up an embedding costs none. Attention "
        "adds two products of d_model numbers for each position that is read."
    ),
    hints=(
        "Begin with a model of one layer and one expert, and write a list of its matrices with their sizes. "
        "Which of them does a token multiply with?",
        "A matrix a by b costs one vector 2 a b operations. The embedding is not multiplied with, it is "
        "looked up. How much is a score of one query with one key, over all heads together?",
        "In the cache lie one key and one value for each layer and position, each d_model numbers. And a "
        "float32 is how many bytes?",
    ),
    cases=(
        Case("one expert, tied", (1000, 64, 4, 256, 1, 1, 128, True)),
        Case("one expert, not tied", (1000, 64, 4, 256, 1, 1, 128, False)),
        Case("8 experts, 2 a token", (512, 32, 3, 128, 8, 2, 64, False)),
        Case("4 experts, 1 a token, tied", (256, 16, 2, 48, 4, 1, 10, True)),
        Case("all experts, one position", (100, 12, 1, 24, 3, 3, 1, False)),
        Case("two experts", (200, 8, 2, 16, 2, 1, 5, False)),
        Case("a long text", (300, 24, 5, 96, 6, 2, 4096, True)),
    ),
    terms={
        "the table": _counted(tables=0),
        "the head's product": _counted(head=0),
        "attention's four matrices": _counted(matrices=0),
        "reading the context": _counted(reading=0),
        "the router": _counted(router=False),
        "the experts": _counted(working=0, stored=0),
    },
    mistakes=(
        Mistake(
            "all experts at work",
            "Your operations count every expert. A token visits top_k of them; the others cost memory, not "
            "time.",
            (lambda *s: _budget(*s, working=s[4]),),
        ),
        Mistake(
            "one expert at work",
            "With top_k = 1 you are right. With more, a token is worked on by that many experts, each in "
            "full.",
            (lambda *s: _budget(*s, working=1),),
        ),
        Mistake(
            "a share of one expert at work",
            "It comes out as if top_k / num_experts of one expert were at work. A token is worked on by "
            "top_k experts, each of them in full.",
            (lambda *s: _budget(*s, working=s[5] / s[4]),),
        ),
        Mistake(
            "only the experts of one token stored",
            "Your parameters hold only some of the experts: as many as one token uses, or a single one. "
            "All of them have to be kept: another token goes elsewhere.",
            (lambda *s: _budget(*s, stored=s[5]), lambda *s: _budget(*s, stored=1)),
        ),
        Mistake(
            "the table counted wrongly",
            "Head and embedding: where they are tied they are one matrix, and else two. Your parameters "
            "count them alike in both cases, or the wrong way round.",
            (
                lambda *s: _budget(*s, tables=2),
                lambda *s: _budget(*s, tables=1),
                lambda *s: _budget(*s, tables=2 if s[7] else 1),
            ),
        ),
        Mistake(
            "the lookup counted as a product",
            "You let the embedding cost as much as the head. A token's row is looked up in the table: "
            "nothing is multiplied.",
            (lambda *s: _budget(*s, lookup=1), lambda *s: _budget(*s, lookup=0 if s[7] else 1)),
        ),
        Mistake(
            "the head costs nothing",
            "The product with the head is missing among your operations. Tied or not, every new token is "
            "compared with the whole vocabulary.",
            (lambda *s: _budget(*s, head=0),),
        ),
        Mistake(
            "a tied head costs nothing",
            "Where head and table are tied the product with the head is missing among your operations. It is "
            "stored once, and every new token is compared with the whole vocabulary all the same.",
            (lambda *s: _budget(*s, head=0 if s[7] else 1),),
        ),
        Mistake(
            "reading the context costs nothing",
            "Your operations do not grow with the length of the text. Each new token's query meets every "
            "key that it attends to, and sums the values.",
            (lambda *s: _budget(*s, reading=0),),
        ),
        Mistake(
            "scores or values, not both",
            "For each position read you count one product of d_model numbers. There are two: the score with "
            "its key, and the value that is added.",
            (lambda *s: _budget(*s, reading=1),),
        ),
        Mistake(
            "the whole context, not one token",
            "It comes out as if the whole text were computed, or read once for each of its tokens. With "
            "the earlier keys and values in the cache, only the new token is computed.",
            (
                lambda *s: _budget(*s, each=2 * s[6]),
                lambda *s: _budget(*s, read=s[6] ** 2),
            ),
        ),
        Mistake(
            "additions forgotten",
            "Your operations are half of the right number: a multiplication and its addition are counted as "
            "one.",
            (lambda *s: _budget(*s, each=1),),
        ),
        Mistake(
            "two operations for each parameter",
            "Your operations are twice the parameters. A token meets only top_k of the experts, looks its "
            "row of the embeddings up, and reads the context, which costs products without any parameter.",
            (lambda *s: (_budget(*s)[0], 2 * _budget(*s)[0], _budget(*s)[2]),),
        ),
        Mistake(
            "two for each parameter, and the context",
            "Your operations are twice the parameters, and the context on top. A token meets only top_k of "
            "the experts, and looks its row of the embeddings up without a product.",
            (lambda *s: (_budget(*s)[0], 2 * _budget(*s)[0] + 4 * s[6] * s[1] * s[2], _budget(*s)[2]),),
        ),
        Mistake(
            "router for the chosen only",
            "Only those columns of the router are counted whose experts are chosen, in your operations or "
            "in your parameters too. Which they are it knows after it has computed all of them.",
            (
                lambda *s: (
                    _budget(*s)[0],
                    _budget(*s)[1] - 2 * s[2] * s[1] * (s[4] - s[5]) * (s[4] > 1),
                    _budget(*s)[2],
                ),
                lambda *s: (
                    _budget(*s)[0] - s[2] * s[1] * (s[4] - s[5]) * (s[4] > 1),
                    _budget(*s)[1] - 2 * s[2] * s[1] * (s[4] - s[5]) * (s[4] > 1),
                    _budget(*s)[2],
                ),
            ),
        ),
        Mistake(
            "router forgotten",
            "With a single expert you are right. Where there are several, the router has weights as well, "
            "and every token asks it.",
            (lambda *s: _budget(*s, router=False),),
        ),
        Mistake(
            "a router before a single expert",
            "You count a router where there is only one expert. With nothing to choose from, there is none.",
            (lambda *s: _budget(*s, lone_router=True),),
        ),
        Mistake(
            "one layer",
            "You count a single layer. The model has num_layers of them, each with weights and a cache of "
            "its own.",
            (lambda *s: _budget(*s, repeats=1),),
        ),
        Mistake(
            "cache of another size",
            "Parameters and operations are right; the cache is not. It holds keys and values, in every "
            "layer, in numbers of four bytes.",
            (
                lambda *s: _budget(*s, cache=4),
                lambda *s: _budget(*s, cache=2),
                lambda *s: _budget(*s, cache=1),
                lambda *s: _budget(*s, cache=8 / s[2]),
                lambda *s: _budget(*s, cache=16),
            ),
        ),
    ),
    parts=("parameters", "operations", "bytes of the cache"),
    rtol=1e-6,
    atol=0.5,
)


EXERCISES = (BUDGET,)
