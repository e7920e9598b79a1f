"""Exercises of chapter 3.3, the part on holding fast: Fisher information and the penalty of EWC.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

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
            "You square the mean of the gradients. Those of different examples cancel in it, and at a "
            "minimum nothing would be left. Square each example's gradient first.",
            (_from(join=lambda gradients: gradients.mean(0).square()),),
        ),
        Mistake(
            "gradients not zeroed",
            "Your first example is right, and each later one holds the gradients of all before it too, as "
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
            "You average gradients (or their sizes) without squaring them. Drawn from the model, they are 0 "
            "on average, whatever the weight is worth.",
            (
                _from(join=lambda gradients: gradients.mean(0)),
                _from(join=lambda gradients: -gradients.mean(0)),
                _from(join=lambda gradients: gradients.abs().mean(0)),
            ),
        ),
        Mistake(
            "root taken",
            "You take the square root of the mean square. The Fisher information is the mean square itself.",
            (_from(join=lambda gradients: gradients.square().mean(0).sqrt()),),
        ),
        Mistake(
            "mean subtracted",
            "You take the variance over the examples. The mean gradient is not subtracted here.",
            (_from(join=lambda gradients: gradients.var(0, unbiased=False)),),
        ),
        Mistake(
            "one number for all weights",
            "You return one number for the whole matrix. Each weight has a Fisher information of its own: do "
            "not sum over classes or inputs.",
            (_from(join=_norms), _from(join=lambda gradients: gradients.square().mean())),
        ),
    ),
)


# 3.3-4 ----------------------------------------------------------------------------------


def ewc_penalty(weights, anchors, fishers, strength):
    """weights [n], anchors and fishers [tasks, n], one row for each old task -> penalty []."""
    return strength / 2 * (fishers * (weights - anchors).square()).sum()


def _penalty(change):
    """The penalty of `change(distance, Fisher)`, summed over weights and old tasks."""
    return lambda w, anchors, fishers, strength: strength / 2 * change(w - anchors, fishers).sum()


def _old_tasks(name, seed, n, tasks, strength, scale=1.0):
    weights, anchors, gradients = random_tensors(seed, (n,), (tasks, n), (tasks, n))
    return Case(name, (weights, anchors, scale * (gradients.square() + 0.05), strength))


EWC = Exercise(
    key="3.3-4",
    title="The penalty of elastic weight consolidation",
    difficulty=2,
    minutes=15,
    statement=(
        "After each old task its weights were kept as an anchor, with the diagonal Fisher information there. "
        "The penalty for leaving them is, for one old task, strength / 2 times the sum over all weights of "
        "Fisher times squared distance from the anchor (Kirkpatrick et al. 2017, equation 3). Add it up over "
        "the old tasks. The gradient with respect to the weights is looked at."
    ),
    takeaway="A spring for each weight, as stiff as the weight mattered, tied to where it stood.",
    reference=ewc_penalty,
    explanation="The weights are compared with every task's own anchor; the Fisher makes each spring stiff.",
    hints=(
        "How large must the penalty be right after the old task, before anything has moved? And after a "
        "thousand steps away from there, which weights is the distance measured from?",
        "Broadcasting compares the weights [n] with all anchors [tasks, n] at once. Nothing is averaged "
        "afterwards.",
        "The derivative of half a square is the distance itself. So a weight feels strength times Fisher "
        "times its distance, from each of the old tasks.",
    ),
    cases=(
        _old_tasks("4 weights, one old task", 8401, 4, 1, 2.0),
        _old_tasks("two old tasks", 8402, 5, 2, 1.0),
        _old_tasks("three old tasks, strength 100", 8403, 6, 3, 100.0),
        _old_tasks("one weight", 8404, 1, 2, 0.3),
        _old_tasks("40 weights, small Fisher", 8405, 40, 4, 50.0, scale=0.01),
        Case(
            "still at the anchor",
            (torch.tensor([1.0, -2.0]), torch.tensor([[1.0, -2.0]]), torch.ones(1, 2), 3.0),
        ),
    ),
    mistakes=(
        Mistake(
            "anchored at the current weights",
            "Your penalty is zero wherever the model goes, as when the anchor moves along. The distance is "
            "measured from the weights that were kept after the old task, not from today's.",
            (lambda w, a, f, s: s / 2 * (f * (w - w.detach()).square()).sum(),),
        ),
        Mistake(
            "half forgotten",
            "The factor 1/2 is missing: your penalty and its gradient are twice too large.",
            (lambda w, a, f, s: 2 * ewc_penalty(w, a, f, s),),
        ),
        Mistake(
            "no gradient",
            "The value is right, but no gradient reaches the weights, so nothing holds them. The anchors are "
            "constants, not the weights.",
            (lambda w, a, f, s: ewc_penalty(w.detach(), a, f, s),),
        ),
        Mistake(
            "Fisher forgotten",
            "Every weight is held equally hard: the Fisher information is missing. Weights that the old task "
            "did not need should be free.",
            (_penalty(lambda distance, fisher: distance.square()),),
        ),
        Mistake(
            "divided by the Fisher",
            "You divide by the Fisher information. A large one means that the weight mattered: it makes the "
            "spring stiffer, not softer.",
            (_penalty(lambda distance, fisher: distance.square() / fisher),),
        ),
        Mistake(
            "Fisher squared too",
            "You square the Fisher information together with the distance. It is a squared gradient already.",
            (_penalty(lambda distance, fisher: (fisher * distance).square()),),
        ),
        Mistake(
            "the Fisher's root",
            "You take the root of the Fisher information. It counts as it is, times the squared distance.",
            (_penalty(lambda distance, fisher: fisher.sqrt() * distance.square()),),
        ),
        Mistake(
            "distance not squared",
            "You take the distance itself. Squared, small steps cost next to nothing and large ones much.",
            (
                _penalty(lambda distance, fisher: fisher * distance.abs()),
                _penalty(lambda distance, fisher: fisher * distance),
            ),
        ),
        Mistake(
            "root at the end",
            "What comes out is a root of the sum, as a length has one. The penalty is the sum of squares "
            "itself.",
            (
                lambda w, a, f, s: s / 2 * (f * (w - a).square()).sum().sqrt(),
                lambda w, a, f, s: s / 2 * (f * (w - a).square()).sum(-1).sqrt().sum(),
            ),
        ),
        Mistake(
            "every Fisher for every task",
            "What comes out is as if distances, or Fishers, had been added up over the old tasks before "
            "they meet. Row i of the one belongs to row i of the other: multiply first, then sum.",
            (
                lambda w, a, f, s: s / 2 * (f.sum(0) * (w - a).square().sum(0)).sum(),
                lambda w, a, f, s: s / 2 * (f.sum(0) * (w - a).sum(0).square()).sum(),
            ),
        ),
        Mistake(
            "mean over the weights",
            "You take the mean over the weights. The larger the model, the weaker each spring would become: "
            "the penalty is a sum.",
            (
                lambda w, a, f, s: s / 2 * (f * (w - a).square()).mean(-1).sum(),
                lambda w, a, f, s: s / 2 * (f * (w - a).square()).mean(),
            ),
        ),
        Mistake(
            "mean over the tasks",
            "You take the mean over the old tasks. Each keeps its full weight, however many there are.",
            (lambda w, a, f, s: ewc_penalty(w, a, f, s) / len(a),),
        ),
        Mistake(
            "one task only",
            "You hold on to one of the old tasks. The others are forgotten as if there were no penalty.",
            (
                lambda w, a, f, s: ewc_penalty(w, a[-1:], f[-1:], s),
                lambda w, a, f, s: ewc_penalty(w, a[:1], f[:1], s),
            ),
        ),
        Mistake(
            "all Fishers at one anchor",
            "You measure all old tasks from a single anchor. Each Fisher belongs to the weights at which it "
            "was taken.",
            (
                lambda w, a, f, s: ewc_penalty(w, a[-1:].expand_as(f), f, s),
                lambda w, a, f, s: ewc_penalty(w, a.mean(0, keepdim=True).expand_as(f), f, s),
            ),
        ),
        Mistake(
            "anchored at zero",
            "You pull the weights to zero: that is weight decay. The old task's weights are the anchor.",
            (lambda w, a, f, s: ewc_penalty(w, 0 * a, f, s),),
        ),
    ),
    observe=value_and_gradient,
    parts=("penalty", "gradient of the weights"),
)

EXERCISES = (FISHER, EWC)
