"""Exercise of chapter 3.4 on a fair comparison: how wide separate models may be at equal parameters.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-4 ----------------------------------------------------------------------------------


def separate_width(d_model, num_layers, vocab_size, classes, step):
    """classes: a list of integers [tasks] -> parameters shared, width, parameters of separate models."""

    def body(width):
        return vocab_size * width + num_layers * 12 * width * width

    def heads(width):
        return sum(count * (width + 1) for count in classes)

    shared = body(d_model) + heads(d_model)
    width = step
    while len(classes) * body(width + step) + heads(width + step) <= shared:
        width += step
    return shared, width, len(classes) * body(width) + heads(width)


def _body(width, layers, vocab):
    return vocab * width + layers * 12 * width * width


def _heads(width, classes):
    return sum(count * (width + 1) for count in classes)


def _largest(fits, step):
    width = step
    while fits(width + step):
        width += step
    return width


def _sized(width, body=_body, shared_heads=_heads, separate_heads=_heads, bodies=lambda classes: 1):
    """An answer with other rules: `width(d_model, tasks, step, fits)` chooses, the others count."""

    def answer(d_model, layers, vocab, classes, step):
        shared = bodies(classes) * body(d_model, layers, vocab) + shared_heads(d_model, classes)

        def separate(d):
            return len(classes) * body(d, layers, vocab) + separate_heads(d, classes)

        chosen = width(d_model, len(classes), step, lambda d: separate(d) <= shared)
        return shared, chosen, separate(chosen)

    return answer


def _fitting(d_model, tasks, step, fits):
    return _largest(fits, step)


def _halved(d_model, tasks, step, fits):
    return max(step, d_model // tasks // step * step)


def _by_the_root(d_model, tasks, step, fits):
    return max(step, int(d_model / tasks**0.5) // step * step)


def _one_step_more(d_model, tasks, step, fits):
    return _largest(fits, step) + step


def _any_width(d_model, tasks, step, fits):
    return _largest(fits, 1)


def _without_bias(width, classes):
    return sum(count * width for count in classes)


def _no_heads(width, classes):
    return 0


def _all_heads_in_each(width, classes):
    return len(classes) * _heads(width, classes)


def _below(d_model, layers, vocab, classes, step):
    """At just the same number the separate models are taken for too large."""
    shared = _body(d_model, layers, vocab) + _heads(d_model, classes)

    def together(width):
        return len(classes) * _body(width, layers, vocab) + _heads(width, classes)

    width = _largest(lambda d: together(d) < shared, step)
    return shared, width, together(width)


def _nearest(d_model, layers, vocab, classes, step):
    shared, width, together = separate_width(d_model, layers, vocab, classes, step)
    wider = len(classes) * _body(width + step, layers, vocab) + _heads(width + step, classes)
    return (shared, width, together) if shared - together <= wider - shared else (shared, width + step, wider)


def _down_from_the_shared(d_model, tasks, step, fits):
    return next(width for width in range(d_model, 0, -step) if fits(width))


def _rounded_up(d_model, tasks, step, fits):
    return -(-_largest(fits, 1) // step) * step


def _one_bias(width, classes):
    return sum(count * width + 1 for count in classes)


def _bias_of_the_width(width, classes):
    return sum(count * width + width for count in classes)


def _one_of_them(d_model, layers, vocab, classes, step):
    shared, width, together = separate_width(d_model, layers, vocab, classes, step)
    return shared, width, together // len(classes)


def _chosen_by_the_bodies(d_model, layers, vocab, classes, step):
    body = _body(d_model, layers, vocab)
    width = _largest(lambda d: len(classes) * _body(d, layers, vocab) <= body, step)
    together = len(classes) * _body(width, layers, vocab) + _heads(width, classes)
    return body + _heads(d_model, classes), width, together


def _equal_parts(d_model, layers, vocab, classes, step):
    shared = _body(d_model, layers, vocab) + _heads(d_model, classes)
    part = shared / len(classes)
    width = _largest(lambda d: _body(d, layers, vocab) + max(classes) * (d + 1) <= part, step)
    return shared, width, len(classes) * _body(width, layers, vocab) + _heads(width, classes)


def _left_over(d_model, layers, vocab, classes, step):
    shared, width, together = separate_width(d_model, layers, vocab, classes, step)
    return shared, width, shared - together


def _one_table(d_model, layers, vocab, classes, step):
    """One embedding table for all the separate models."""
    shared = _body(d_model, layers, vocab) + _heads(d_model, classes)

    def together(width):
        return len(classes) * _body(width, layers, 0) + vocab * width + _heads(width, classes)

    fits = [width for width in range(step, d_model + 1, step) if together(width) <= shared]
    return shared, fits[-1], together(fits[-1])


def _one_model(d_model, layers, vocab, classes, step):
    shared, width, together = separate_width(d_model, layers, vocab, classes, step)
    return shared, width, together - (len(classes) - 1) * _body(width, layers, vocab)


WIDTH = Exercise(
    key="3.4-4",
    title="Separate models of the same total size",
    difficulty=3,
    minutes=20,
    statement=(
        "Is one shared model better than a separate model for each task? The comparison is fair when both "
        "sides have the same number of parameters in all. A body of width d has an embedding table "
        "(vocab_size times d) and num_layers layers of 12 d squared; nothing else is counted. A head for C "
        "classes is a linear layer with bias. The shared model has one body of width d_model and a head for "
        "each task; `classes` holds their numbers of classes. The separate models, one for each task, each "
        "have a body of their own and one head, all of the same width, which must be a multiple of `step` "
        "(attention needs it). Return the parameters of the shared model, the largest width at which the "
        "separate models together do not have more, and how many they then have together. A width of `step` "
        "always fits."
    ),
    takeaway="Layers go as the square of the width: four models instead of one are about half as wide.",
    reference=separate_width,
    explanation="Count both sides with the same functions, and widen the separate models while they fit.",
    hints=(
        "Write two functions, one for a body of width d and one for all heads at width d. The separate "
        "models together have as many heads as the shared model, and how many bodies?",
        "If only the layers counted, the width would fall with the square root of the number of tasks. The "
        "embedding falls with the number itself. So do not solve for the width: try.",
        "Begin at `step` and widen by `step` as long as the next width still fits. At most as many "
        "parameters are allowed; the nearest width may be one too many.",
    ),
    cases=(
        Case("4 tasks of the book's size", (64, 4, 256, [8, 4, 2, 2], 4)),
        Case("2 tasks", (128, 2, 1000, [5, 3], 8)),
        Case("1 task: the same model", (48, 3, 100, [10], 4)),
        Case("a large vocabulary", (96, 2, 20_000, [4, 2, 2], 4)),
        Case("9 tasks in deep models", (120, 12, 50, [2] * 9, 2)),
        Case("heads of many classes", (60, 2, 30, [500, 2, 900], 2)),
        Case("3 tasks in steps of 16", (160, 3, 300, [6, 4, 2], 16)),
        Case("a shared width that is no multiple of the step", (50, 2, 100, [3, 5], 8)),
        Case("5 tasks in steps of 1", (80, 1, 3_000, [300, 20, 20, 20, 20], 1)),
    ),
    mistakes=(
        Mistake(
            "same width",
            "You give each separate model the width of the shared one. Together they then have several times "
            "its parameters, and may win by size alone.",
            (_sized(lambda d_model, tasks, step, fits: d_model),),
        ),
        Mistake(
            "width divided by the tasks",
            "You divide the width by the number of tasks. A layer has 12 d squared parameters, so at half "
            "the width it has only a quarter: room is left unused.",
            (_sized(_halved),),
        ),
        Mistake(
            "width divided by the root",
            "You divide the width by the square root of the number of tasks. That is right for the layers, "
            "not for the embedding, which grows with the width itself: they do not always fit.",
            (_sized(_by_the_root),),
        ),
        Mistake(
            "one step too wide",
            "Your separate models have more parameters than the shared one: the width is one step too large. "
            "Take the last that fits, not the first that does not.",
            (_sized(_one_step_more),),
        ),
        Mistake(
            "steps from the shared width",
            "You go down from the shared width in steps. Where that is no multiple of `step`, yours is none "
            "either: go through the multiples of `step`.",
            (_sized(_down_from_the_shared),),
        ),
        Mistake(
            "the nearest total",
            "What comes out is the width whose total lies nearest to that of the shared model. It may have "
            "more by that, and must not: take the largest that does not.",
            (_nearest,),
        ),
        Mistake(
            "rounded up to a step",
            "What comes out is the largest width that fits, rounded up to a multiple of `step`. Then it may "
            "no longer fit: round down, or try multiples alone.",
            (_sized(_rounded_up),),
        ),
        Mistake(
            "equal taken for more",
            "Where the separate models would have just as many parameters as the shared one, your width is "
            "a step too small. They may not have more: equal is allowed.",
            (_below,),
        ),
        Mistake(
            "step ignored",
            "Your width need not be a multiple of `step`, which attention with its heads asks for.",
            (_sized(_any_width),),
        ),
        Mistake(
            "embedding forgotten",
            "You count the layers and the heads but not the embedding table. In small models it is a large "
            "part, and each separate model has its own.",
            (_sized(_fitting, body=lambda width, layers, vocab: layers * 12 * width * width),),
        ),
        Mistake(
            "heads forgotten",
            "You count no heads. With few classes that is little, with many it is not.",
            (_sized(_fitting, shared_heads=_no_heads, separate_heads=_no_heads),),
        ),
        Mistake(
            "bias forgotten",
            "Your heads have no bias: each class has d weights and one number more.",
            (_sized(_fitting, shared_heads=_without_bias, separate_heads=_without_bias),),
        ),
        Mistake(
            "another bias",
            "Your heads have one number of bias, or one for each entry of the width. A linear layer has as "
            "many as it has outputs: one for each class.",
            (
                _sized(_fitting, shared_heads=_one_bias, separate_heads=_one_bias),
                _sized(_fitting, shared_heads=_bias_of_the_width, separate_heads=_bias_of_the_width),
            ),
        ),
        Mistake(
            "all heads in each model",
            "You give every separate model the heads of all tasks. Each has one task and one head.",
            (_sized(_fitting, separate_heads=_all_heads_in_each),),
        ),
        Mistake(
            "a body for each task in the shared model",
            "Your shared model has a body for every task. One body is shared by all: that is what makes it a "
            "shared model.",
            (_sized(_fitting, bodies=len),),
        ),
        Mistake(
            "one layer only",
            "You count a single layer in each model. A body has num_layers of them, all alike.",
            (_sized(_fitting, body=lambda width, layers, vocab: vocab * width + 12 * width * width),),
        ),
        Mistake(
            "one table for all",
            "Your separate models share one embedding table. Each has a body of its own, its table included.",
            (_one_table,),
        ),
        Mistake(
            "bodies compared",
            "What comes out is as if the width were chosen by the bodies alone. The heads count too, on both "
            "sides.",
            (_chosen_by_the_bodies,),
        ),
        Mistake(
            "an equal part for each",
            "What comes out is as if each separate model had to fit into an equal part of the whole. Only "
            "all of them together may not have more: a small one leaves room for a large one.",
            (_equal_parts,),
        ),
        Mistake(
            "width not squared",
            "Your layers grow with the width itself. They have 12 d squared parameters.",
            (_sized(_fitting, body=lambda width, layers, vocab: vocab * width + layers * 12 * width),),
        ),
        Mistake(
            "what is left over",
            "Your last number is what the separate models have less than the shared one. Asked for is how "
            "many they have.",
            (_left_over,),
        ),
        Mistake(
            "the mean of the separate models",
            "Your last number is what one separate model has, on average. All of them together are asked "
            "for.",
            (_one_of_them,),
        ),
        Mistake(
            "one body counted",
            "Your last number holds the body of one separate model. The bodies of all of them are to be "
            "counted.",
            (_one_model,),
        ),
    ),
    parts=("number of shared parameters", "width", "number of separate parameters"),
    rtol=1e-6,
)

EXERCISES = (WIDTH,)
