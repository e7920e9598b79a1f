"""Exercise of chapter 3.3 on what adapters cost to store.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.3-8 ----------------------------------------------------------------------------------


def adapter_storage(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    """shapes [(d_out, d_in), ...] -> parameters of one adapter, bytes with adapters, bytes with copies."""
    adapter = num_layers * sum(rank * (d_out + d_in) for d_out, d_in in shapes)
    with_adapters = bytes_each * (base_parameters + domains * adapter)
    return adapter, with_adapters, bytes_each * domains * base_parameters


def _storage(adapter=None, stored=None, copies=None):
    """The right three numbers, with other rules for some of them; what is stored follows the adapter."""

    def answer(shapes, num_layers, rank, base, domains, bytes_each):
        one = adapter_storage(shapes, num_layers, rank, base, domains, bytes_each)[0]
        one = adapter(shapes, num_layers, rank) if adapter else one
        return (
            one,
            (stored or (lambda one, base, domains, each: each * (base + domains * one)))(
                one, base, domains, bytes_each
            ),
            (copies or (lambda base, domains, each: each * domains * base))(base, domains, bytes_each),
        )

    return answer


def _base_trained_too(shapes, num_layers, rank, base, domains, bytes_each):
    one, stored, copies = adapter_storage(shapes, num_layers, rank, base, domains, bytes_each)
    return base + one, stored, copies


def _in_units(unit):
    """Numbers of parameters, or bits, in place of bytes."""

    def answer(shapes, num_layers, rank, base, domains, bytes_each):
        return adapter_storage(shapes, num_layers, rank, base, domains, unit(bytes_each))

    return answer


def _entries(shapes, num_layers):
    return num_layers * sum(d_out * d_in for d_out, d_in in shapes)


def _without_the_adapted(shapes, num_layers, rank, base, domains, bytes_each):
    one, stored, copies = adapter_storage(shapes, num_layers, rank, base, domains, bytes_each)
    return one, stored - bytes_each * _entries(shapes, num_layers), copies


def _copies_of_the_adapted(shapes, num_layers, rank, base, domains, bytes_each):
    one, stored, _ = adapter_storage(shapes, num_layers, rank, base, domains, bytes_each)
    return one, stored, bytes_each * (base + domains * _entries(shapes, num_layers))


def _copies_with_adapters(shapes, num_layers, rank, base, domains, bytes_each):
    one, stored, copies = adapter_storage(shapes, num_layers, rank, base, domains, bytes_each)
    return one, stored, copies + bytes_each * domains * one


STORAGE = Exercise(
    key="3.3-8",
    title="What adapters cost",
    difficulty=1,
    minutes=10,
    statement=(
        "Each of num_layers layers has the same matrices to be adapted, of the sizes in `shapes`, each a "
        "pair (d_out, d_in). Each gets two LoRA factors of this rank and nothing else. Return how many "
        "parameters one adapter has (one for the whole model); how many bytes it takes to store the base "
        "model and one adapter for each domain; and how many bytes it takes to store instead one fine-tuned "
        "copy of the whole model for each domain. A parameter takes bytes_each bytes."
    ),
    takeaway="A copy grows with the whole model; an adapter grows with its width, and the base is shared.",
    reference=adapter_storage,
    explanation="A factor has rank rows or rank columns, so a matrix costs rank times the sum of its sizes.",
    hints=(
        "One factor is [rank, d_in], the other is [d_out, rank]. How many numbers are in both together?",
        "All adapted matrices of a layer count, each with its own two sizes, and so do all layers.",
        "With adapters the base is stored once, whatever the number of domains. With copies, each domain has "
        "all of the model. Bytes come last, in both.",
    ),
    cases=(
        Case("query and value of 4 layers of 64", ([(64, 64), (64, 64)], 4, 4, 230_000, 3, 4)),
        Case("the two matrices of a feed-forward network", ([(256, 64), (64, 256)], 4, 8, 230_000, 3, 4)),
        Case("a wide matrix alone", ([(300, 100)], 2, 5, 90_000, 2, 4)),
        Case("numbers of two bytes", ([(128, 128)], 6, 2, 1_000_000, 5, 2)),
        Case("one domain", ([(32, 32), (8, 32)], 3, 1, 20_000, 1, 4)),
        Case(
            "query and value of GPT-3, 10 domains",
            ([(12288, 12288), (12288, 12288)], 96, 4, 175_000_000_000, 10, 2),
        ),
    ),
    mistakes=(
        Mistake(
            "the whole matrix",
            "You count all entries of a matrix, or rank times as many. An adapter has two thin factors: "
            "their sizes are added, not multiplied.",
            (
                _storage(lambda shapes, layers, r: layers * r * sum(a * b for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * sum(a * b for a, b in shapes)),
            ),
        ),
        Mistake(
            "one factor only",
            "You count one of the two factors of each matrix. The other is stored and trained as well.",
            (
                _storage(lambda shapes, layers, r: layers * r * sum(b for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * r * sum(a for a, b in shapes)),
            ),
        ),
        Mistake(
            "taken for square",
            "You count as if every matrix were square. Where d_out and d_in differ, the two factors differ "
            "in size.",
            (
                _storage(lambda shapes, layers, r: layers * 2 * r * sum(b for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * 2 * r * sum(a for a, b in shapes)),
            ),
        ),
        Mistake(
            "layers forgotten",
            "You count the factors of one layer. Every layer has its own, and all are stored.",
            (_storage(lambda shapes, layers, r: r * sum(a + b for a, b in shapes)),),
        ),
        Mistake(
            "one matrix a layer",
            "You count one matrix of each layer. All in the list get an adapter.",
            (
                _storage(lambda shapes, layers, r: layers * r * sum(shapes[0])),
                _storage(lambda shapes, layers, r: layers * r * sum(shapes[-1])),
            ),
        ),
        Mistake(
            "equal sizes counted once",
            "Matrices of the same size are counted once. Each matrix in the list gets two factors of its "
            "own.",
            (_storage(lambda shapes, layers, r: layers * r * sum(a + b for a, b in set(shapes))),),
        ),
        Mistake(
            "more than two factors",
            "Your adapter has more than its two factors, as when a bias counts, or a matrix of rank times "
            "rank between them. Only the two are added.",
            (
                _storage(lambda shapes, layers, r: layers * sum(r * (a + b) + r * r for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * sum(r * (a + b) + a for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * sum(r * (a + b) + b for a, b in shapes)),
                _storage(lambda shapes, layers, r: layers * sum(r * (a + b) + r + a for a, b in shapes)),
            ),
        ),
        Mistake(
            "adapters in parameters",
            "The base is in bytes and the adapters beside it are not: each of their parameters takes "
            "bytes_each bytes too.",
            (_storage(stored=lambda one, base, domains, each: each * base + domains * one),),
        ),
        Mistake(
            "base in parameters",
            "With adapters, those are in bytes and the base is not: each of its parameters takes bytes_each "
            "bytes too.",
            (_storage(stored=lambda one, base, domains, each: base + each * domains * one),),
        ),
        Mistake(
            "one adapter too few",
            "You store one adapter less than there are domains. The base by itself belongs to none of them: "
            "each domain has its own adapter.",
            (_storage(stored=lambda one, base, domains, each: each * (base + (domains - 1) * one)),),
        ),
        Mistake(
            "one copy only",
            "You store a single copy. Each domain has a fine-tuned copy of its own, and all are stored.",
            (_storage(copies=lambda base, domains, each: each * base),),
        ),
        Mistake(
            "adapted matrices taken out",
            "What comes out is as if the adapted matrices left the base. LoRA leaves them where they are, "
            "and adds two factors to each.",
            (_without_the_adapted,),
        ),
        Mistake(
            "copies of the adapted matrices",
            "What comes out is as if a domain's copy held the adapted matrices alone, beside one base. A "
            "copy is the whole model.",
            (_copies_of_the_adapted,),
        ),
        Mistake(
            "adapters in the copies",
            "You store an adapter with each copy. A fine-tuned copy needs none: its own weights were "
            "trained.",
            (_copies_with_adapters,),
        ),
        Mistake(
            "four bytes built in",
            "Your parameters take four bytes, whatever bytes_each says: in half precision they take two.",
            (_in_units(lambda each: 4),),
        ),
        Mistake(
            "base forgotten",
            "You store adapters without the model that they belong to. Alone they do nothing: the base is "
            "part of the bill.",
            (_storage(stored=lambda one, base, domains, each: each * domains * one),),
        ),
        Mistake(
            "base once for each domain",
            "You store the base again for every domain. It is the same for all of them, which is the point "
            "of adapters.",
            (_storage(stored=lambda one, base, domains, each: each * domains * (base + one)),),
        ),
        Mistake(
            "one adapter for all",
            "You store a single adapter. Each domain has one of its own, or the last domain overwrites the "
            "others.",
            (_storage(stored=lambda one, base, domains, each: each * (base + one)),),
        ),
        Mistake(
            "base among the adapter",
            "Your first number is too large by the base's parameters. They are frozen: the adapter is only "
            "what is added.",
            (_base_trained_too,),
        ),
        Mistake(
            "base besides the copies",
            "You store the base besides the copies. Here a copy stands for itself: one model for each "
            "domain.",
            (_storage(copies=lambda base, domains, each: each * (domains + 1) * base),),
        ),
        Mistake(
            "not in bytes",
            "What you give for the two storages is in parameters, or in bits. Asked for are bytes: each "
            "parameter takes bytes_each of them.",
            (_in_units(lambda each: 1), _in_units(lambda each: 8 * each)),
        ),
    ),
    parts=("number of parameters", "bytes with adapters", "bytes with copies"),
    rtol=1e-6,
)

EXERCISES = (STORAGE,)
