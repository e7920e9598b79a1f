"""Exercises of chapter 4.3, the part on size and cost: parameters and floating-point operations.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.3-12 -------------------------------------------------------------------------------


def moe_parameters(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    """Sizes of a Mixtral; key and value matrices are [d_model, d_kv] -> total, active numbers of weights."""
    attention = 2 * d_model * d_model + 2 * d_model * d_kv
    expert = 3 * d_model * d_ff
    shared = attention + d_model * num_experts + 2 * d_model
    outside = 2 * vocab_size * d_model + d_model
    total = num_layers * (shared + num_experts * expert) + outside
    active = num_layers * (shared + top_k * expert) + outside
    return total, active


def _parameters(vocab, d, layers, d_kv, d_ff, experts, k, **changes):
    """(total, active) with some of the parts replaced."""
    parts = {
        "attention": 2 * d * d + 2 * d * d_kv,
        "expert": 3 * d * d_ff,
        "router": d * experts,
        "norms": 2 * d,
        "outside": 2 * vocab * d + d,
        "depth": layers,
    }
    parts |= {name: change(parts[name]) for name, change in changes.items()}
    shared = parts["attention"] + parts["router"] + parts["norms"]
    return tuple(parts["depth"] * (shared + n * parts["expert"]) + parts["outside"] for n in (experts, k))


def _only(part):
    """(total, active) of one part alone."""
    others = {"attention", "expert", "router", "norms", "outside"} - {part}
    return lambda *sizes: _parameters(*sizes, **{name: lambda n: 0 for name in others})


def _whole_model_times_experts(vocab, d, layers, d_kv, d_ff, experts, k):
    return tuple(n * _parameters(vocab, d, layers, d_kv, d_ff, 1, 1)[0] for n in (experts, k))


def _layer_times_experts(vocab, d, layers, d_kv, d_ff, experts, k):
    layer = 2 * d * d + 2 * d * d_kv + 3 * d * d_ff + 2 * d
    return tuple(layers * (n * layer + d * experts) + 2 * vocab * d + d for n in (experts, k))


def _active_share(*sizes):
    total = _parameters(*sizes)[0]
    return total, total * sizes[6] / sizes[5]


def _active_router(vocab, d, layers, d_kv, d_ff, experts, k):
    total, active = _parameters(vocab, d, layers, d_kv, d_ff, experts, k)
    return total, active - layers * d * (experts - k)


PARAMETERS = Exercise(
    key="4.3-12",
    title="Total and active parameters",
    difficulty=2,
    minutes=15,
    statement=(
        "Count the weights of a model like Mixtral, and those that one token uses. Each layer has attention "
        "(query and output matrices d_model by d_model, key and value matrices d_model by d_kv, narrower "
        "because heads share them), a router with one column an expert, num_experts experts (SwiGLU: three "
        "matrices between d_model and d_ff), and two norms with d_model weights each. Around the layers: an "
        "embedding table, a separate output matrix of the same size, and a last norm. No biases. A token "
        "uses top_k experts and all of the rest; both tables count as used."
    ),
    takeaway="Memory has to hold the total, a token's work goes with the active: the trade of a mixture.",
    reference=moe_parameters,
    explanation="Only the experts differ: all of them exist, top_k of them are used. The rest counts once.",
    hints=(
        "Make a list of all matrices of one layer with their two sizes. Which of them exist once for each "
        "expert, and which once for each layer?",
        "Total and active differ in a single factor. Does a token use the whole router, or only the columns "
        "of its experts?",
        "To test yourself: Mixtral 8x7B has 32,000 words, d_model 4096, 32 layers, d_kv 1024, d_ff 14336 and "
        "2 of 8 experts, and its announcement (Mistral AI 2023) speaks of 46.7 billion in total and 12.9 "
        "active.",
    ),
    cases=(
        Case("Mixtral 8x7B", (32000, 4096, 32, 1024, 14336, 8, 2)),
        Case("Mixtral 8x22B", (32000, 6144, 56, 1024, 16384, 8, 2)),
        Case("a toy with 1 layer", (10, 4, 1, 2, 8, 3, 1)),
        Case("the book's size: 4 layers of 64", (256, 64, 4, 64, 128, 16, 2)),
        Case("all experts used", (50, 8, 2, 4, 16, 4, 4)),
        Case("a single expert: an ordinary model", (100, 16, 3, 8, 40, 1, 1)),
    ),
    terms={
        "attention": _only("attention"),
        "the router": _only("router"),
        "the norms of the layers": _only("norms"),
        "the experts": _only("expert"),
        "the last norm": lambda vocab, d, *rest: (d, d),
        "the two tables": lambda vocab, d, *rest: (2 * vocab * d, 2 * vocab * d),
    },
    mistakes=(
        Mistake(
            "everything times the experts",
            "You multiply attention (or the whole model) by the number of experts, as the name 8x7B invites "
            "to. Only the feed-forward network exists once for each expert; the rest is shared.",
            (_whole_model_times_experts, _layer_times_experts),
        ),
        Mistake(
            "active is total",
            "Your two numbers are the same: you count all experts as used, or only the used ones as there. "
            "Memory holds all of them, a token visits a few.",
            (
                lambda *s: (_parameters(*s)[0],) * 2,
                lambda *s: (_parameters(*s)[1],) * 2,
            ),
        ),
        Mistake(
            "active as a share of the total",
            "You take the fraction k over experts of everything. A token uses a fraction of the experts, but "
            "all of attention and of the tables.",
            (_active_share,),
        ),
        Mistake(
            "router used in part",
            "The total is right. For the active weights you count only the router's columns of the chosen "
            "experts, but a token needs all logits before anybody can be chosen.",
            (_active_router,),
        ),
        Mistake(
            "router of another size",
            "All is right but the router. It is one matrix in each layer, from d_model to one column for "
            "every expert that there is, whatever top_k and d_ff are.",
            (
                lambda *s: _parameters(*s, router=lambda n: s[1] * s[6]),
                lambda *s: _parameters(*s, router=lambda n: s[4] * s[5]),
                lambda *s: _parameters(*s, router=lambda n: n * s[5]),
                lambda *s: _parameters(*s, router=lambda n: s[1]),
            ),
        ),
        Mistake(
            "active without the rest",
            "The total is right. Your active number is that of the chosen experts alone, or of what a token "
            "leaves out. A token uses its experts and all the rest: attention, router, norms, both tables.",
            (
                lambda *s: (_parameters(*s)[0], _only("expert")(*s)[1]),
                lambda *s: (_parameters(*s)[0], _parameters(*s)[0] - _parameters(*s)[1]),
            ),
        ),
        Mistake(
            "those left out for those chosen",
            "The total is right. Your active number counts the experts that a token leaves out, all less "
            "top_k, in place of those that it visits.",
            (lambda *s: (_parameters(*s)[0], _parameters(*s[:6], s[5] - s[6])[1]),),
        ),
        Mistake(
            "active without what is outside",
            "The total is right. Your active number leaves out what lies around the layers: the two tables "
            "and the last norm. They count as used.",
            (lambda *s: (_parameters(*s)[0], _parameters(*s, outside=lambda n: 0)[1]),),
        ),
        Mistake(
            "biases counted",
            "Your experts have biases: each matrix adds as many weights as it has columns. The exercise says "
            "that there are none.",
            (
                lambda *s: _parameters(*s, expert=lambda n: n + 2 * s[4] + s[1]),
                lambda *s: _parameters(
                    *s,
                    expert=lambda n: n + 2 * s[4] + s[1],
                    attention=lambda n: n + 2 * s[1] + 2 * s[3],
                ),
            ),
        ),
        Mistake(
            "two matrices an expert",
            "Your experts have two matrices. A SwiGLU has a third one, for the gate (exercise 4.2-2).",
            (lambda *s: _parameters(*s, expert=lambda n: n // 3 * 2),),
        ),
        Mistake(
            "one table instead of two",
            "You count a single table of words, or none. Here the embedding and the output matrix are "
            "separate, and both count; many small models share one for both.",
            (
                lambda *s: _parameters(*s, outside=lambda n: n - s[0] * s[1]),
                lambda *s: _parameters(*s, outside=lambda n: n - 2 * s[0] * s[1]),
            ),
        ),
        Mistake(
            "wide keys and values",
            "Your key and value matrices are as wide as the query's. Heads share them here, so they are "
            "narrower: which argument gives their width?",
            (lambda *s: _parameters(*s, attention=lambda n: 4 * s[1] ** 2),),
        ),
        Mistake(
            "attention of other widths",
            "All is right but attention: it has two matrices d_model by d_model, for query and output, and "
            "two d_model by d_kv, for key and value. Write down rows and columns of all four.",
            (
                lambda *s: _parameters(*s, attention=lambda n: 2 * s[1] ** 2 + 2 * s[3] ** 2),
                lambda *s: _parameters(*s, attention=lambda n: s[1] ** 2 + 3 * s[1] * s[3]),
                lambda *s: _parameters(*s, attention=lambda n: 4 * s[1] * s[3]),
                lambda *s: _parameters(*s, attention=lambda n: 3 * s[1] ** 2 + s[1] * s[3]),
                lambda *s: _parameters(*s, attention=lambda n: 2 * s[1] * s[3] + 2 * s[3] ** 2),
            ),
        ),
        Mistake(
            "attention incomplete",
            "One of the four matrices of attention is missing: query, key, value, and the one that leads "
            "back.",
            (
                lambda *s: _parameters(*s, attention=lambda n: n - s[1] ** 2),
                lambda *s: _parameters(*s, attention=lambda n: n - s[1] * s[3]),
            ),
        ),
        Mistake(
            "something small forgotten",
            "A small part is missing: the router, norms, or both (each layer has a router and two norms, "
            "and there is a norm at the end).",
            (
                lambda *s: _parameters(*s, router=lambda n: 0),
                lambda *s: _parameters(*s, norms=lambda n: 0),
                lambda *s: _parameters(*s, outside=lambda n: n - s[1]),
                lambda *s: _parameters(*s, norms=lambda n: 0, outside=lambda n: n - s[1]),
                lambda *s: _parameters(*s, router=lambda n: 0, norms=lambda n: 0, outside=lambda n: n - s[1]),
                lambda *s: _parameters(*s, norms=lambda n: n // 2),
            ),
        ),
        Mistake(
            "one layer",
            "With one layer you are right. In a deeper model every layer has weights of its own, experts "
            "included.",
            (
                lambda *s: _parameters(*s, depth=lambda n: 1),
                lambda *s: (_parameters(*s)[0], _parameters(*s, depth=lambda n: 1)[1]),
            ),
        ),
        Mistake(
            "active and total exchanged",
            "Both numbers are right and stand in each other's place: the total comes first.",
            (lambda *s: _parameters(*s)[::-1],),
        ),
    ),
    parts=("total", "active"),
    rtol=0,
    atol=0.5,
)


EXERCISES = (PARAMETERS,)
