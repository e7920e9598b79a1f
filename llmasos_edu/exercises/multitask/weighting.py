"""Exercises of chapter 3.4, the part on weights: learned uncertainties, and how often each task is drawn.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
from torch.nn.functional import softplus

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradients,
)

# 3.4-5 ----------------------------------------------------------------------------------


def task_shares(sizes, temperature, steps):
    """sizes [tasks], batches in each task's data -> shares of the draws [tasks], passes [tasks]."""
    powers = sizes ** (1 / temperature)
    shares = powers / powers.sum()
    return shares, steps * shares / sizes


def _shares(rule, passes=lambda shares, sizes, steps: steps * shares / sizes):
    """Shares by another rule, and the passes that follow from them."""

    def answer(sizes, temperature, steps):
        shares = rule(sizes, temperature)
        return shares, passes(shares, sizes, steps)

    return answer


def _right_shares(sizes, temperature):
    return task_shares(sizes, temperature, 1)[0]


def _normal(values):
    return values / values.sum()


def _sizes(name, sizes, temperature, steps):
    return Case(name, (torch.tensor(sizes), temperature, steps))


SHARES = Exercise(
    key="3.4-5",
    title="How often each task is drawn",
    difficulty=1,
    minutes=10,
    statement=(
        "Each training step draws one task and takes a batch of it. With temperature T, task i is drawn with "
        "probability n_i^(1/T) / sum_j n_j^(1/T), where n_i is the number of batches that its data holds "
        "(Raffel et al. 2020, section 3.5.2). Return these shares, and how many times each task's data is "
        "seen, on average, in this number of steps."
    ),
    takeaway="A high temperature lifts small tasks, at a price: their few examples come again and again.",
    reference=task_shares,
    explanation="Powers first, then the sum over the tasks; passes are draws divided by batches.",
    hints=(
        "At T = 1 the shares go with the sizes, and at a very large T all are alike. Does your exponent do "
        "that?",
        "Whatever the exponent made of the sizes, probabilities add up to 1.",
        "In `steps` steps a task is drawn steps times its share, on average. How many draws are one pass "
        "over its data?",
    ),
    cases=(
        _sizes("three tasks, T = 3", [1000.0, 10.0, 100.0], 3.0, 500),
        _sizes("two tasks, T = 2", [100.0, 900.0], 2.0, 300),
        _sizes("T = 1", [10.0, 50.0, 40.0], 1.0, 100),
        _sizes("a high temperature", [5.0, 500.0, 50.0, 20.0], 50.0, 1000),
        _sizes("below 1", [8.0, 2.0, 5.0], 0.5, 60),
        _sizes("one task", [30.0], 4.0, 90),
    ),
    mistakes=(
        Mistake(
            "exponent upside down",
            "Your exponent is T and should be 1/T: a higher temperature makes your large tasks still larger.",
            (
                _shares(lambda sizes, t: _normal(sizes**t)),
                _shares(lambda sizes, t: _normal(sizes.double() ** t)),
            ),
        ),
        Mistake(
            "not renormalised",
            "Your shares do not add up to 1 (unless T is 1). After the power they must be divided by their "
            "sum, even if they were shares before.",
            (
                _shares(lambda sizes, t: _normal(sizes) ** (1 / t)),
                _shares(lambda sizes, t: sizes ** (1 / t)),
                _shares(lambda sizes, t: sizes ** (1 / t) / sizes.sum()),
            ),
        ),
        Mistake(
            "another exponent",
            "What comes out is as if the exponent were 1 - 1/T, or -1/T. It is 1/T: at T = 1 the shares go "
            "with the sizes.",
            (
                _shares(lambda sizes, t: _normal(sizes ** (1 - 1 / t))),
                _shares(lambda sizes, t: _normal(sizes ** (-1 / t))),
            ),
        ),
        Mistake(
            "temperature ignored",
            "Your shares go with the sizes, whatever the temperature (at T = 1 you are right).",
            (_shares(lambda sizes, t: _normal(sizes)),),
        ),
        Mistake(
            "all alike",
            "All your tasks are drawn equally often. That is the limit of a very high temperature only.",
            (_shares(lambda sizes, t: torch.ones_like(sizes) / len(sizes)),),
        ),
        Mistake(
            "softmax of sizes",
            "You take a softmax of the sizes (or of their shares) divided by T. The formula is a power of "
            "the size, that is a softmax of its logarithm.",
            (
                _shares(lambda sizes, t: (sizes / t).softmax(0)),
                _shares(lambda sizes, t: (_normal(sizes) / t).softmax(0)),
            ),
        ),
        Mistake(
            "divided by the temperature",
            "You divide by the temperature, which cancels out when all is divided by the sum (or the shares "
            "no longer add up to 1). It belongs into the exponent.",
            (_shares(lambda sizes, t: _normal(sizes) / t),),
        ),
        Mistake(
            "draws and not passes",
            "Your second number says how often a task is drawn. A pass takes as many draws as its data has "
            "batches: divide by that.",
            (_shares(_right_shares, lambda shares, sizes, steps: steps * shares),),
        ),
        Mistake(
            "passes upside down",
            "Your second number is one over what it should be: draws are divided by the batches of the "
            "task's data, not the other way round.",
            (_shares(_right_shares, lambda shares, sizes, steps: sizes / (steps * shares)),),
        ),
        Mistake(
            "passes of other draws",
            "Your passes do not follow from the shares: the draws of a task are `steps` times its share, and "
            "they are divided by the task's size n_i itself.",
            (
                _shares(_right_shares, lambda shares, sizes, steps: steps / len(sizes) / sizes),
                lambda sizes, t, steps: (
                    task_shares(sizes, t, 1)[0],
                    steps * task_shares(sizes, t, 1)[0] / sizes ** (1 / t),
                ),
                _shares(_right_shares, lambda shares, sizes, steps: steps * sizes / sizes.sum() / sizes),
            ),
        ),
        Mistake(
            "passes over all data",
            "You divide by the data of all tasks together. Each task goes through its own.",
            (_shares(_right_shares, lambda shares, sizes, steps: steps * shares / sizes.sum()),),
        ),
    ),
    parts=("list of shares", "list of passes"),
)


# 3.4-6 ----------------------------------------------------------------------------------


def uncertainty_loss(log_variances, losses):
    """log_variances [tasks], losses [tasks], cross entropies -> the loss of all tasks together, []."""
    return (torch.exp(-log_variances) * losses + log_variances / 2).sum()


def _weighted(term):
    """The sum of `term(log variance, loss)` over the tasks."""
    return lambda s, losses: term(s, losses).sum()


def _tasks(name, seed, tasks, scale=1.0, spread=1.0):
    log_variances, losses = random_tensors(seed, (tasks,), (tasks,))
    return Case(name, (spread * log_variances, scale * (losses.abs() + 0.1)))


UNCERTAINTY = Exercise(
    key="3.4-6",
    title="Weights that are learned",
    difficulty=2,
    minutes=15,
    statement=(
        "Kendall, Gal and Cipolla (2018) give each task a variance sigma squared, learned with the model. "
        "For classification (their equation 10) the loss of a task becomes L / sigma^2 + ln sigma, and all "
        "are added up. What is trained is s = ln sigma^2, one number a task, so that sigma stays above 0 "
        "without any rule. Write the loss in terms of s. The gradient with respect to s is looked at."
    ),
    takeaway="The best s is ln(2 L): each loss is divided by its own size, and ln L is what is minimised.",
    reference=uncertainty_loss,
    explanation="1 / sigma^2 is exp(-s), and ln sigma is half of ln sigma^2, that is s / 2.",
    hints=(
        "If s = ln sigma^2, what is sigma^2 in terms of s? And what is 1 / sigma^2?",
        "ln sigma and ln sigma^2 differ by a factor. Which of them is s, and which is asked for?",
        "To test yourself: at s = 0 the loss is the sum of the task losses, and its gradient with respect to "
        "s is 1/2 - L for each task.",
    ),
    cases=(
        _tasks("two tasks", 9601, 2),
        _tasks("five tasks", 9602, 5),
        _tasks("one task", 9603, 1),
        _tasks("large losses", 9604, 4, scale=30.0, spread=2.0),
        _tasks("losses near zero", 9605, 3, scale=0.02, spread=3.0),
        Case("all variances 1", (torch.zeros(3), torch.tensor([0.5, 1.0, 4.0]))),
    ),
    terms={
        "the weighted loss, exp(-s) L,": lambda s, losses: (torch.exp(-s) * losses).sum(),
        "ln sigma, which is s / 2,": lambda s, losses: s.sum() / 2,
    },
    mistakes=(
        Mistake(
            "no logarithm",
            "Your loss falls as long as s grows: infinite variances make it 0, and no task is learned. The "
            "second term, ln sigma, forbids that.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses),),
        ),
        Mistake(
            "divided by sigma",
            "You divide the loss by sigma. It is divided by sigma squared, whose logarithm s is.",
            (_weighted(lambda s, losses: torch.exp(-s / 2) * losses + s / 2),),
        ),
        Mistake(
            "exponential of plus s",
            "You multiply by sigma^2 in place of dividing: an uncertain task would get a large weight. Mind "
            "the sign in the exponential.",
            (_weighted(lambda s, losses: torch.exp(s) * losses + s / 2),),
        ),
        Mistake(
            "ln of the variance",
            "Your second term is ln sigma^2, twice what it should be. s is the logarithm of the variance, "
            "and asked for is that of its root.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses + s),),
        ),
        Mistake(
            "half the loss",
            "You halve the loss as well. That is the form for regression (equation 7), where the loss is a "
            "squared distance. Here the losses are cross entropies.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses / 2 + s / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses / 2 + s),
            ),
        ),
        Mistake(
            "s taken for the logarithm of sigma",
            "You read s as ln sigma: exp(-2s) and s. It is ln sigma^2, so there is already a 2 in it.",
            (_weighted(lambda s, losses: torch.exp(-2 * s) * losses + s),),
        ),
        Mistake(
            "s taken for the variance",
            "You take s for the variance (or for sigma) itself, and divide by it. It may be below 0: it is a "
            "logarithm.",
            (
                _weighted(lambda s, losses: losses / s + s.log() / 2),
                _weighted(lambda s, losses: losses / s**2 + s.log()),
                _weighted(lambda s, losses: losses / s.square() + s.square().log() / 2),
            ),
        ),
        Mistake(
            "softplus of s",
            "You make the variance by a softplus of s. That keeps it above 0 too, but then s is not ln "
            "sigma^2, as it is here: the variance is exp(s).",
            (
                _weighted(lambda s, losses: losses / softplus(s) + softplus(s).log() / 2),
                _weighted(lambda s, losses: losses / softplus(s) + softplus(s).log()),
                _weighted(lambda s, losses: losses / softplus(s) ** 2 + softplus(s).log()),
                _weighted(lambda s, losses: losses / softplus(s) + s / 2),
            ),
        ),
        Mistake(
            "logarithm of one plus the variance",
            "Your weighted loss is right. The second term is not: you take the logarithm of 1 + sigma^2, or "
            "half of it, which is never below 0. Asked for is ln sigma.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses + softplus(s) / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + softplus(s)),
            ),
        ),
        Mistake(
            "another function of s",
            "Your weighted loss is right. The second term is not: a square, an exponential or the size of s "
            "stands there. ln sigma is half of s itself, below 0 where s is.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.square() / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.exp() / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.exp()),
                _weighted(lambda s, losses: torch.exp(-s) * losses + (s / 2).exp()),
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.abs() / 2),
            ),
        ),
        Mistake(
            "logarithm subtracted",
            "You subtract the second term. Then larger variances are rewarded twice, and the loss has no "
            "bottom.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses - s / 2),),
        ),
        Mistake(
            "mean over the tasks",
            "You take the mean over the tasks. Here they are added up: each has its weight already.",
            (lambda s, losses: uncertainty_loss(s, losses) / len(s),),
        ),
        Mistake(
            "weights not learned",
            "The value is right, but no gradient reaches s: the weights stay what they are.",
            (lambda s, losses: uncertainty_loss(s.detach(), losses),),
        ),
        Mistake(
            "weights not learned from the losses",
            "The value is right, but the weight exp(-s) is cut off from s, so that s only follows the second "
            "term and falls for ever.",
            (_weighted(lambda s, losses: torch.exp(-s).detach() * losses + s / 2),),
        ),
        Mistake(
            "weights that add up to 1",
            "You make the weights add up to 1, as a softmax does. Each task has a weight of its own, and "
            "nothing ties them together but the losses.",
            (
                _weighted(lambda s, losses: torch.softmax(-s, 0) * losses + s / 2),
                _weighted(lambda s, losses: torch.softmax(-s, 0) * losses),
            ),
        ),
    ),
    observe=value_and_gradients(0, 1),
    parts=("loss", "gradient of s", "gradient of the losses"),
)

EXERCISES = (SHARES, UNCERTAINTY)
