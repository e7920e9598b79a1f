"""Exercise of chapter 3.3, the part on holding fast: Fisher information.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.3-3 ----------------------------------------------------------------------------------


def fisher_diagonal(weights, inputs, labels, uniforms):
    """weights [classes, dim], inputs [n, dim], labels [n], uniforms [n] -> diagonal Fisher [classes, dim]."""
    probabilities = (inputs @ weights.T).softmax(-1)
    drawn = (probabilities.cumsum(-1) <= uniforms[:, None]).sum(-1)
    errors = F.one_hot(drawn, len(weights)) - probabilities
    gradients = errors[:, :, None] * inputs[:, None, :]
    return gradients.square().mean(0)


def _gradients(weights, inputs, classes):
    """Gradient of ln p(class) for each example: [n, classes, dim]."""
    errors = F.one_hot(classes, len(weights)) - (inputs @ weights.T).softmax(-1)
    return errors[:, :, None] * inputs[:, None, :]


def _drawn(weights, inputs, labels, uniforms):
    return ((inputs @ weights.T).softmax(-1).cumsum(-1) <= uniforms[:, None]).sum(-1)


def _from(classes=_drawn, join=lambda gradients: gradients.square().mean(0)):
    """The gradients for some choice of classes, joined in some way."""

    def answer(weights, inputs, labels, uniforms):
        return join(_gradients(weights, inputs, classes(weights, inputs, labels, uniforms)))

    return answer


def _most_likely(weights, inputs, labels, uniforms):
    return (inputs @ weights.T).argmax(-1)


def _by_own_probability(weights, inputs, labels, uniforms):
    below = (inputs @ weights.T).softmax(-1) <= uniforms[:, None]
    return below.sum(-1).clamp(max=len(weights) - 1)


def _one_class_on(weights, inputs, labels, uniforms):
    return (_drawn(weights, inputs, labels, uniforms) + 1).clamp(max=len(weights) - 1)


def _last_below(weights, inputs, labels, uniforms):
    return (_drawn(weights, inputs, labels, uniforms) - 1).clamp(min=0)


def _border_included(weights, inputs, labels, uniforms):
    """The first class whose cumulative probability reaches the draw."""
    return ((inputs @ weights.T).softmax(-1).cumsum(-1) < uniforms[:, None]).sum(-1)


def _any_class(weights, inputs, labels, uniforms):
    return (uniforms * len(weights)).long()


def _all_classes(weights, inputs, labels, uniforms):
    chance = (inputs @ weights.T).softmax(-1)
    return ((chance * (1 - chance)).T @ inputs.square()) / len(inputs)


def _own_row(weights, inputs, labels, uniforms):
    """Gradients of the drawn class's own weights alone."""
    drawn = _drawn(weights, inputs, labels, uniforms)
    own = F.one_hot(drawn, len(weights))[:, :, None]
    return (own * _gradients(weights, inputs, drawn)).square().mean(0)


def _of_the_probability(weights, inputs, labels, uniforms):
    """Gradients of p in place of ln p."""
    drawn = _drawn(weights, inputs, labels, uniforms)
    chance = (inputs @ weights.T).softmax(-1).gather(1, drawn[:, None])[:, :, None]
    return (chance * _gradients(weights, inputs, drawn)).square().mean(0)


def _of_factors(change):
    """Means of products of other factors than the squares of both."""

    def answer(weights, inputs, labels, uniforms):
        drawn = _drawn(weights, inputs, labels, uniforms)
        errors = F.one_hot(drawn, len(weights)) - (inputs @ weights.T).softmax(-1)
        left, right = change(errors, inputs)
        return (left[:, :, None] * right[:, None, :]).mean(0)

    return answer


def _drawn_alone(weights, inputs, labels, uniforms):
    drawn = F.one_hot(_drawn(weights, inputs, labels, uniforms), len(weights))
    return (drawn[:, :, None] * inputs[:, None, :]).square().mean(0)


def _weighted_once_more(weights, inputs, labels, uniforms):
    drawn = _drawn(weights, inputs, labels, uniforms)
    chance = (inputs @ weights.T).softmax(-1).gather(1, drawn[:, None])[:, :, None]
    return (chance * _gradients(weights, inputs, drawn).square()).mean(0)


def _likeliest_first(weights, inputs, labels, uniforms):
    chances, classes = (inputs @ weights.T).softmax(-1).sort(descending=True, stable=True)
    place = (chances.cumsum(-1) <= uniforms[:, None]).sum(-1)
    return classes.gather(1, place[:, None])[:, 0]


def _by_the_first(weights, inputs, uniforms):
    return _drawn(weights, inputs, None, uniforms[:1].expand_as(uniforms))


def _softmax_down(weights, inputs, labels, uniforms):
    chances = (inputs @ weights.T).softmax(0)
    drawn = (chances.cumsum(-1) <= uniforms[:, None]).sum(-1).clamp(max=len(weights) - 1)
    errors = F.one_hot(drawn, len(weights)) - chances
    return (errors[:, :, None] * inputs[:, None, :]).square().mean(0)


def _norms(gradients):
    return gradients.flatten(1).square().sum(1).mean()


def _fisher_case(name, seed, n, classes, dim, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    weights, inputs = random_tensors(seed, (classes, dim), (n, dim))
    labels = torch.randint(classes, (n,), generator=generator)
    uniforms = torch.rand(n, generator=generator) * 0.98 + 0.01
    return Case(name, (scale * weights, inputs, labels, uniforms))


FISHER = Exercise(
    key="3.3-3",
    title="Fisher information on the diagonal",
    difficulty=3,
    minutes=25,
    statement=(
        "EWC asks how sharply the model's answers depend on each weight: the Fisher information, the mean "
        "over examples of the squared gradient of ln p(y | x), where y is drawn from the model's own "
        "distribution. The model is a softmax over inputs @ weights.T. To draw the class of example i, take "
        "the first class whose cumulative probability is larger than uniforms[i]. Return one number for each "
        "weight. The data's own labels are there too, because a training loop has them in hand; decide "
        "whether they belong here."
    ),
    takeaway="Fisher asks the model what it would answer; with the data's labels it is the 'empirical' one.",
    reference=fisher_diagonal,
    explanation="The gradient of ln softmax: one-hot of the class less the probabilities, times the input.",
    hints=(
        "There are three steps: draw one class for each example, take the gradient of its log-probability "
        "for each example on its own, then square and average. Which of these orders cannot be exchanged?",
        "For a softmax over a matrix product, the gradient of ln p(y | x) is a column times a row: the "
        "column is 1 at class y less the probabilities, the row is x. Autograd, one example at a time, gives "
        "the same.",
        "Square every example's gradient by itself, entry by entry, before any mean. Gradients of opposite "
        "sign would cancel, and their squares do not.",
    ),
    cases=(
        _fisher_case("5 examples, 3 classes", 8301, 5, 3, 4),
        _fisher_case("one example", 8312, 1, 4, 3),
        _fisher_case("20 examples, 5 classes", 8303, 20, 5, 3),
        _fisher_case("two classes", 8304, 12, 2, 6),
        _fisher_case("a model that is sure", 8305, 15, 4, 5, scale=2.0),
        _fisher_case("a model that knows nothing", 8306, 16, 4, 3, scale=0.0),
        Case(
            "draws that lie just on a border",
            (
                torch.zeros(4, 2),
                torch.tensor([[1.0, -2.0], [0.5, 3.0], [-1.5, 1.0], [2.0, 0.25], [-3.0, 0.5]]),
                torch.tensor([0, 3, 1, 2, 0]),
                torch.tensor([0.25, 0.5, 0.75, 0.25, 0.5]),
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "another class drawn",
            "Your class is another one than the first whose cumulative probability is larger than the "
            "uniform number. Write the sums p0, p0 + p1, ... beside the number for one example: which is "
            "the first that lies above it?",
            (_from(_by_own_probability), _from(_one_class_on), _from(_last_below)),
        ),
        Mistake(
            "a draw on the border",
            "Where a draw is just as large as a cumulative probability, your class is one too early. Asked "
            "for is the first whose cumulative probability is larger than the draw.",
            (_from(_border_included),),
        ),
        Mistake(
            "the data's labels",
            "You take the gradients for the labels of the data: that is the empirical Fisher. It measures "
            "how wrong the model is on them, and is near zero where it is right. Draw from the model "
            "instead.",
            (_from(lambda weights, inputs, labels, uniforms: labels),),
        ),
        Mistake(
            "the most likely class",
            "You take the most likely class of each example. The model's distribution gives the others their "
            "share too, and their gradients are the large ones: draw.",
            (_from(_most_likely),),
        ),
        Mistake(
            "all classes equally likely",
            "You draw every class with the same chance. The classes come from the model's own distribution.",
            (_from(_any_class),),
        ),
        Mistake(
            "over all classes",
            "You take the expectation over all classes, which is the exact Fisher of this model. Here one "
            "class is drawn for each example, as one does where the classes are too many.",
            (_all_classes,),
        ),
        Mistake(
            "square of the mean",
            "You square the mean of the gradients. Those of opposite sign cancel in it, though each of them "
            "says that the weight matters. Square each example's gradient first.",
            (_from(join=lambda gradients: gradients.mean(0).square()),),
        ),
        Mistake(
            "gradients not zeroed",
            "Each example after the first holds the gradients of all before it too, as "
            "when `backward` adds to what is there. Set the gradient back before each example.",
            (_from(join=lambda gradients: gradients.cumsum(0).square().mean(0)),),
        ),
        Mistake(
            "square of the sum",
            "You square the sum of the gradients, divided by the number of examples or not. Examples cancel "
            "each other in it: square each one's gradient first, then take the mean.",
            (
                _from(join=lambda gradients: gradients.sum(0).square()),
                _from(join=lambda gradients: gradients.sum(0).square() / len(gradients)),
            ),
        ),
        Mistake(
            "not averaged",
            "You add the squared gradients up. Twice as many examples would make the old task twice as "
            "important: take the mean.",
            (_from(join=lambda gradients: gradients.square().sum(0)),),
        ),
        Mistake(
            "the drawn class alone",
            "What comes out is as if only the drawn class's own weights had a gradient. The softmax ties all "
            "classes together: for the others it is minus their probability, times the input.",
            (_own_row,),
        ),
        Mistake(
            "gradient of the probability",
            "What comes out is made of gradients of p(y | x). Asked for are those of its logarithm.",
            (_of_the_probability,),
        ),
        Mistake(
            "divided by one less",
            "You divide the sum of the squares by n - 1. Nothing was estimated from them before: the mean is "
            "over n.",
            (_from(join=lambda gradients: gradients.square().sum(0) / max(1, len(gradients) - 1)),),
        ),
        Mistake(
            "not squared",
            "You average gradients without squaring them. Drawn from the model, they are 0 on average, "
            "whatever the weight is worth.",
            (
                _from(join=lambda gradients: gradients.mean(0)),
                _from(join=lambda gradients: -gradients.mean(0)),
            ),
        ),
        Mistake(
            "sizes for squares",
            "You average the sizes of the gradients. Asked for are their squares, in which large gradients "
            "count for more.",
            (_from(join=lambda gradients: gradients.abs().mean(0)),),
        ),
        Mistake(
            "the input not squared",
            "What comes out is as if only the error were squared, one-hot less probabilities, and not the "
            "input. The gradient is the product of the two, and all of it is squared.",
            (_of_factors(lambda errors, inputs: (errors.square(), inputs)),),
        ),
        Mistake(
            "the error not squared",
            "What comes out is as if only the input were squared, and not the error, one-hot less "
            "probabilities. The gradient is the product of the two, and all of it is squared.",
            (_of_factors(lambda errors, inputs: (errors, inputs.square())),),
        ),
        Mistake(
            "no probabilities taken off",
            "What comes out is as if the gradient of ln p(y | x) were the one-hot of the class times the "
            "input. The softmax has a gradient too: take the probabilities off the one-hot.",
            (_drawn_alone,),
        ),
        Mistake(
            "weighted by the probability",
            "What comes out is as if each example's squares were multiplied by the probability of its class. "
            "It was drawn by that probability: its weight is in the draw already.",
            (_weighted_once_more,),
        ),
        Mistake(
            "sorted before the draw",
            "What comes out is as if the classes were sorted before the draw, the likeliest first. They are "
            "added up in their own order.",
            (_from(_likeliest_first),),
        ),
        Mistake(
            "one number for all draws",
            "What comes out is as if the first of the uniform numbers were used for every example. Each "
            "example has its own.",
            (_from(lambda weights, inputs, labels, uniforms: _by_the_first(weights, inputs, uniforms)),),
        ),
        Mistake(
            "softmax over the examples",
            "What comes out is as if the softmax ran over the examples. The classes of one example compete.",
            (_softmax_down,),
        ),
        Mistake(
            "root taken",
            "You take the square root of the mean square. The Fisher information is the mean square itself.",
            (_from(join=lambda gradients: gradients.square().mean(0).sqrt()),),
        ),
        Mistake(
            "mean subtracted",
            "You take the variance over the examples. The mean gradient is not subtracted here.",
            (
                _from(join=lambda gradients: gradients.var(0, unbiased=False)),
                _from(join=lambda gradients: gradients.var(0)),
            ),
        ),
        Mistake(
            "one number for all weights",
            "You return one number for the whole matrix. Each weight has a Fisher information of its own: do "
            "not sum over classes or inputs.",
            (_from(join=_norms), _from(join=lambda gradients: gradients.square().mean())),
        ),
    ),
)

EXERCISES = (FISHER,)
