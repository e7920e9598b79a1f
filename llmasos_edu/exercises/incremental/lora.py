"""Exercises of chapter 3.3, the part on adapters: how LoRA starts, and how it is merged.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.3-6 ----------------------------------------------------------------------------------


def lora_start(noise_down, noise_up):
    """noise_down [rank, d_in], noise_up [d_out, rank] -> first values of down, up, same shapes."""
    return noise_down, torch.zeros_like(noise_up)


def _what_becomes_of_it(answer, inputs):
    """Train the factors for three steps towards a full matrix, and look at what they do.

    Returns:
        (the four sizes of both factors, 1 where the layer is changed at the start and 0 where not, the rank
        of what the factors add after the steps). Where the sizes are wrong,
        there is nothing else.
    """
    rank, d_in = inputs[0].shape
    d_out = inputs[1].shape[0]
    result = answer(*inputs)
    if result is None:
        return result
    result = result if isinstance(result, (tuple, list)) else (result,)
    if not all(isinstance(factor, torch.Tensor) for factor in result):
        raise ValueError("down and up are asked for, two tensors and nothing else")
    sizes = torch.tensor([size for factor in result for size in factor.shape])
    if sizes.tolist() != [rank, d_in, d_out, rank]:
        return sizes, None, None
    down, up = (factor.detach().double() for factor in result)
    change = (up @ down).abs().max()
    changed = torch.where(change > 0, 1.0, 0 * change)  # exactly; NaN stays NaN
    (target,) = random_tensors(17, (d_out, d_in))
    for _ in range(3):
        error = up @ down - target  # the gradient of half the squared distance with respect to up @ down
        down, up = down - 0.01 * up.T @ error, up - 0.01 * error @ down.T
    learned = (up @ down).nan_to_num()
    sizes_along = torch.linalg.svdvals(learned)
    return sizes, changed, (sizes_along > 1e-6 * sizes_along.max().clamp(min=1e-6)).sum()


def _noises(name, seed, rank, d_in, d_out, scale=0.2):
    down, up = random_tensors(seed, (rank, d_in), (d_out, rank))
    return Case(name, (scale * down, scale * up))


START = Exercise(
    key="3.3-6",
    title="How LoRA starts",
    difficulty=1,
    minutes=10,
    statement=(
        "LoRA (Hu et al. 2021, section 4.1) leaves a weight W as it is and adds up @ down, two small factors "
        "that are trained instead (in the paper down is A and up is B). Give both factors their first "
        "values: the layer must do exactly what it did before, and gradient descent must be able to make up "
        "@ down a matrix of the full rank, which is `rank`. The two noises hold small normal random numbers; "
        "use of them what you need. I train your factors for three steps and look at what became of them."
    ),
    takeaway="One factor at zero keeps the model as it was; the other one, random, lets it learn.",
    reference=lora_start,
    explanation="Zero times anything is zero, and the gradient of the zero factor is made of the other one.",
    hints=(
        "The product up @ down must be zero. Which of the two have to be zero for that?",
        "The gradient of up is made of down, and the gradient of down is made of up. What becomes of the "
        "gradients where both are zero?",
        "If all rows of a factor are alike, so are their gradients, and they stay alike for ever. Random "
        "numbers make them different.",
    ),
    cases=(
        _noises("rank 2 between 5 and 4", 8601, 2, 5, 4),
        _noises("rank 4 in a square matrix", 8602, 4, 8, 8),
        _noises("rank 3 from 6 to 12", 8603, 3, 6, 12),
        _noises("rank 8 from 40 to 20", 8604, 8, 40, 20),
        _noises("rank 5 from 7 to 9", 8605, 5, 7, 9),
    ),
    mistakes=(
        Mistake(
            "both factors zero",
            "Nothing is changed at the start, and nothing is learned. That is so where both factors are "
            "zero: then both gradients are zero for ever, each being multiplied by the other.",
            (lambda down, up: (0 * down, 0 * up),),
        ),
        Mistake(
            "both factors random",
            "The model has changed before its first step, as when both factors are random: it begins with "
            "noise in its weights. Their product must be zero at the start, exactly.",
            (lambda down, up: (down, up),),
        ),
        Mistake(
            "all rows alike",
            "Nothing is changed at the start, but the rank stays 1, as when all rows (or all columns) of the "
            "other factor are alike: they give the same gradients, and all stay alike, however large the "
            "rank was chosen.",
            (lambda down, up: (torch.ones_like(down), 0 * up),),
        ),
        Mistake(
            "both factors constant",
            "The model has changed before training, so that neither factor is zero; and the rank stays 1, "
            "as when all rows are alike. One factor has to be zero, the other random.",
            (lambda down, up: (torch.ones_like(down), torch.ones_like(up)),),
        ),
        Mistake(
            "factors exchanged",
            "Your factors have each other's sizes. Asked for is down, which is [rank, d_in], and then up, "
            "which is [d_out, rank].",
            (lambda down, up: (0 * up, down),),
        ),
        Mistake(
            "factors turned",
            "Your factors have the sizes of others that lie on their side: rows and columns exchanged in "
            "both. Then up @ down does not even fit together.",
            (lambda down, up: (down.T, 0 * up.T),),
        ),
    ),
    observe=_what_becomes_of_it,
    parts=("list of sizes (of down, then of up)", "change at the start", "rank after three steps"),
)


# 3.3-7 ----------------------------------------------------------------------------------


def lora_layer(x, weight, down, up, alpha, merged):
    """x [n, d_in], weight [d_out, d_in], down [rank, d_in], up [d_out, rank] -> output [n, d_out], weight."""
    if not merged:
        weight = weight + alpha / down.shape[0] * up @ down
    return x @ weight.T, weight


def _layer(in_output, in_weight=None):
    """Output and weight with an update times these factors, `factor(alpha, rank, d_in, d_out, merged)`."""
    in_weight = in_weight or in_output

    def answer(x, weight, down, up, alpha, merged):
        (rank, d_in), d_out = down.shape, up.shape[0]
        one, other = (
            weight + factor(alpha, rank, d_in, d_out, merged) * up @ down for factor in (in_output, in_weight)
        )
        return x @ one.T, other

    return answer


def _right(alpha, rank, d_in, d_out, merged):
    return 0 if merged else alpha / rank


def _unless_merged(factor):
    return lambda alpha, rank, d_in, d_out, merged: 0 if merged else factor(alpha, rank, d_in, d_out)


def _replaced(x, weight, down, up, alpha, merged):
    update = weight if merged else alpha / len(down) * up @ down
    return x @ update.T, update


def _taken_out(x, weight, down, up, alpha, merged):
    output, plain = lora_layer(x, weight, down, up, alpha, merged)
    return output, plain - alpha / len(down) * up @ down if merged else plain


def _output_of_the_update(x, weight, down, up, alpha, merged):
    output, plain = lora_layer(x, weight, down, up, alpha, merged)
    return output if merged else output - x @ weight.T, plain


def _output_without_the_update(x, weight, down, up, alpha, merged):
    output, plain = lora_layer(x, weight, down, up, alpha, merged)
    return output - alpha / len(down) * x @ (up @ down).T if merged else output, plain


def _all_scaled(x, weight, down, up, alpha, merged):
    plain = weight if merged else alpha / len(down) * (weight + up @ down)
    return x @ plain.T, plain


def _adapted(name, seed, n, d_in, d_out, rank, alpha, merged=False):
    return Case(
        name, (*random_tensors(seed, (n, d_in), (d_out, d_in), (rank, d_in), (d_out, rank)), alpha, merged)
    )


MERGE = Exercise(
    key="3.3-7",
    title="LoRA, apart and merged",
    difficulty=2,
    minutes=15,
    statement=(
        "A LoRA layer adds alpha / rank times up @ down to its weight W (Hu et al. 2021, section 4.1); alpha "
        "is a number, rank the number of rows of down. Return what the layer gives for x, without bias, and "
        "the weight of the plain linear layer that gives the same. merged says that this has been done "
        "before: then the weight that you get holds the update already."
    ),
    takeaway="Merged, an adapter costs no time at all; merged twice, it is a model that nobody trained.",
    reference=lora_layer,
    explanation="One weight serves both results: W with the scaled update in it, unless it was in it before.",
    hints=(
        "Write down the sizes of up and of down. In which order can they be multiplied to give the size of "
        "W?",
        "The two results say the same thing twice: x through the plain weight must give the output. Is your "
        "factor before the update the same in both?",
        "Where merged is true, the update is inside the weight. What is left to be added?",
    ),
    cases=(
        _adapted("rank 2 with alpha 4", 8701, 3, 5, 4, 2, 4.0),
        _adapted("rank 4 with alpha 1", 8702, 6, 8, 8, 4, 1.0),
        _adapted("rank 8 with alpha 16", 8703, 2, 12, 20, 8, 16.0),
        _adapted("merged before", 8704, 3, 5, 4, 2, 6.0, merged=True),
        _adapted("rank 1", 8705, 4, 6, 3, 1, 0.5),
        _adapted("merged before, rank 3", 8706, 5, 7, 9, 3, 1.5, merged=True),
    ),
    mistakes=(
        Mistake(
            "scale forgotten on merge",
            "The weight that you return holds the update without alpha / rank: after merging, the model is "
            "another one.",
            (_layer(_right, _unless_merged(lambda alpha, rank, d_in, d_out: 1)),),
        ),
        Mistake(
            "scale forgotten in the output",
            "Your output holds the update without alpha / rank: the merged layer is another one than the "
            "layer apart.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: 1), _right),),
        ),
        Mistake(
            "taken out again",
            "What comes out where merged is True is the weight less the update: what it was before it was "
            "merged. Asked for is the plain weight that gives the output, which you were given.",
            (_taken_out,),
        ),
        Mistake(
            "the weight scaled too",
            "What comes out is as if alpha / rank stood before the weight as well. It scales the update "
            "alone.",
            (_all_scaled,),
        ),
        Mistake(
            "scale forgotten",
            "The factor alpha / rank is missing: alpha has no effect on what you return.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: 1)),),
        ),
        Mistake(
            "rank forgotten",
            "You multiply by alpha and do not divide by the rank. An adapter of a higher rank would then "
            "begin with larger steps.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha)),),
        ),
        Mistake(
            "divided without a rest",
            "You divide alpha by the rank in whole numbers (//), which drops what is left over. The factor "
            "may well be below 1.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha // rank)),),
        ),
        Mistake(
            "root of the rank",
            "You divide by the square root of the rank, as a later variant does (rsLoRA, Kalajdzievski "
            "2023). LoRA itself divides by the rank.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha / rank**0.5)),),
        ),
        Mistake(
            "another size for the rank",
            "You divide alpha by the width of the layer. The rank is the small size that the two factors "
            "share.",
            (
                _layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha / d_in)),
                _layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha / d_out)),
            ),
        ),
        Mistake(
            "scale upside down",
            "You multiply by rank / alpha. It is the other way up: a larger alpha makes the update count for "
            "more.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: rank / alpha)),),
        ),
        Mistake(
            "scale on both factors",
            "The factor alpha / rank is in your update twice, once for each of the two matrices. It belongs "
            "to their product, once.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: (alpha / rank) ** 2)),),
        ),
        Mistake(
            "merged twice",
            "You add the update to a weight that holds it already. In a merged layer the adapters are "
            "silent.",
            (
                _layer(lambda alpha, rank, d_in, d_out, merged: alpha / rank),
                _layer(lambda alpha, rank, d_in, d_out, merged: alpha / rank, _right),
                _layer(_right, lambda alpha, rank, d_in, d_out, merged: alpha / rank),
            ),
        ),
        Mistake(
            "merged the wrong way round",
            "You add the update where it is in the weight already, and leave it out where it is not.",
            (_layer(lambda alpha, rank, d_in, d_out, merged: alpha / rank if merged else 0),),
        ),
        Mistake(
            "weight replaced",
            "Your layer consists of the update alone. It is added to the weight that was trained before.",
            (_replaced,),
        ),
        Mistake(
            "adapters left out",
            "One of your two results is that of the weight as it was, without the update. Both must "
            "describe the same layer.",
            (
                _layer(_right, _unless_merged(lambda *sizes: 0)),
                _layer(_unless_merged(lambda *sizes: 0), _right),
            ),
        ),
        Mistake(
            "multiplied by the rank",
            "You multiply by the rank where you should divide by it: the factor is alpha / rank.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: alpha * rank)),),
        ),
        Mistake(
            "the update alone in the output",
            "Where merged is False your output is that of the update alone. The layer gives what the weight "
            "gives, and the update on top.",
            (_output_of_the_update,),
        ),
        Mistake(
            "twice in the output",
            "Where merged is False the update is in your output twice, as when it is added to what a weight "
            "gives that holds it already.",
            (_layer(_unless_merged(lambda alpha, rank, d_in, d_out: 2 * alpha / rank), _right),),
        ),
        Mistake(
            "taken out of the output",
            "Where merged is True the update has been taken out of your output. The layer gives what the "
            "weight gives that you were given: the update is in it.",
            (
                _output_without_the_update,
                lambda *inputs: (_output_without_the_update(*inputs)[0], _taken_out(*inputs)[1]),
            ),
        ),
    ),
    parts=("output", "weight"),
)

EXERCISES = (START, MERGE)
