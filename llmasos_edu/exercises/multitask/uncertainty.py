"""Exercise of chapter 3.4, the part on weights: uncertainties that are learned.

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

# 3.4-6 ----------------------------------------------------------------------------------


def uncertainty_loss(log_variances, losses):
    """log_variances [tasks], losses [tasks], cross entropies -> the loss of all tasks together, []."""
    return (torch.exp(-log_variances) * losses + log_variances / 2).sum()


def _weighted(term):
    """The sum of `term(log variance, loss)` over the tasks."""
    return lambda s, losses: term(s, losses).sum()


def _held(bound):
    """The loss with s held between two bounds."""
    return lambda s, losses: uncertainty_loss(s.clamp(-bound, bound), losses)


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
        Case("a huge and a tiny variance", (torch.tensor([11.0, -11.0]), torch.tensor([3.0, 3e-5]))),
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
            "You halve the weighted loss. That is the form for regression (equation 7), where the loss is a "
            "squared distance. Here the losses are cross entropies.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses / 2 + s / 2),),
        ),
        Mistake(
            "the half before the other term",
            "You halve the weighted loss, and not the second term. It is the other way round: ln sigma is "
            "half of s, and the loss is divided by sigma squared and by nothing else.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses / 2 + s),),
        ),
        Mistake(
            "twice s in the exponent",
            "What comes out is as if the loss were divided by the fourth power of sigma: exp(-2s). s is ln "
            "sigma^2, so there is already a 2 in it.",
            (_weighted(lambda s, losses: torch.exp(-2 * s) * losses + s / 2),),
        ),
        Mistake(
            "the halves exchanged",
            "What comes out is exp(-s / 2) times the loss, plus s: the half stands in the wrong term. 1 / "
            "sigma^2 is exp(-s), and ln sigma is half of s.",
            (_weighted(lambda s, losses: torch.exp(-s / 2) * losses + s),),
        ),
        Mistake(
            "both signs turned",
            "What comes out is as if s were the logarithm of 1 / sigma^2: the sign is the wrong way round in "
            "both terms. s is ln sigma^2.",
            (_weighted(lambda s, losses: torch.exp(s) * losses - s / 2),),
        ),
        Mistake(
            "one bracket too many",
            "What comes out is as if both terms were divided by sigma squared. The loss alone is divided: ln "
            "sigma stands beside it.",
            (_weighted(lambda s, losses: torch.exp(-s) * (losses + s / 2)),),
        ),
        Mistake(
            "one plus the variance below the line",
            "What comes out is as if the loss were divided by 1 + sigma^2, as a sigmoid of -s does it. It is "
            "divided by sigma^2: the weight is exp(-s).",
            (_weighted(lambda s, losses: torch.sigmoid(-s) * losses + s / 2),),
        ),
        Mistake(
            "logarithm of a logarithm",
            "What comes out is as if ln s, or half of it, stood for ln sigma. s is a logarithm already, and "
            "may be below 0: half of it is ln sigma.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.log() / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.log()),
            ),
        ),
        Mistake(
            "never below zero",
            "What comes out is as if ln sigma were held at 0 where it is below. It may be: a task with "
            "little noise has a variance below 1.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses + (s / 2).clamp(min=0)),),
        ),
        Mistake(
            "s held between bounds",
            "What comes out is as if s were held between two bounds: beyond them it has no effect, and no "
            "gradient reaches it. s may be any number; its exponential is above 0 without a rule.",
            (_held(10), _held(5), _held(3)),
        ),
        Mistake(
            "a quarter of s",
            "Your second term is a quarter of s. ln sigma is half of ln sigma^2, and s is ln sigma^2.",
            (_weighted(lambda s, losses: torch.exp(-s) * losses + s / 4),),
        ),
        Mistake(
            "sums multiplied",
            "What comes out is as if the sum of the weights were multiplied by the sum of the losses. Each "
            "loss has its own weight: multiply first, then sum.",
            (lambda s, losses: torch.exp(-s).sum() * losses.sum() + s.sum() / 2,),
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
            "You make the variance, or sigma, by a softplus of s. That keeps it above 0 too, but then s is "
            "not ln sigma^2, as it is here: the variance is exp(s).",
            (
                _weighted(lambda s, losses: losses / softplus(s) + softplus(s).log() / 2),
                _weighted(lambda s, losses: losses / softplus(s) + softplus(s).log()),
                _weighted(lambda s, losses: losses / softplus(s) ** 2 + softplus(s).log()),
                _weighted(lambda s, losses: losses / softplus(s) + s / 2),
            ),
        ),
        Mistake(
            "logarithm of one plus the variance",
            "Your second term is the logarithm of 1 + sigma^2, or half of it, which is never below 0. Asked "
            "for is ln sigma.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses + softplus(s) / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + softplus(s)),
            ),
        ),
        Mistake(
            "another function of s",
            "In your second term stands a square, an exponential or the size of s. ln sigma is half of s "
            "itself, below 0 where s is.",
            (
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.square() / 2),
                _weighted(lambda s, losses: torch.exp(-s) * losses + s.square()),
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
            "No gradient reaches s: the weights of the tasks stay what they are, and nothing is learned "
            "about them.",
            (lambda s, losses: uncertainty_loss(s.detach(), losses),),
        ),
        Mistake(
            "weights not learned from the losses",
            "The weight exp(-s) is cut off from s, so that s only follows the second term and falls for "
            "ever.",
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

EXERCISES = (UNCERTAINTY,)
