"""Exercise of chapter 3.3, the part on holding fast: the penalty of EWC.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.3-4 ----------------------------------------------------------------------------------


def ewc_penalty(weights, anchors, fishers, strength):
    """weights [n], anchors and fishers [tasks, n], one row for each old task -> penalty []."""
    return strength / 2 * (fishers * (weights - anchors).square()).sum()


def _penalty(change):
    """The penalty of `change(distance, Fisher)`, summed over weights and old tasks."""
    return lambda w, anchors, fishers, strength: strength / 2 * change(w - anchors, fishers).sum()


def _penalty_of_squares(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights.square() - anchors.square())).sum()


def _old_tasks(name, seed, n, tasks, strength, scale=1.0):
    weights, anchors, gradients = random_tensors(seed, (n,), (tasks, n), (tasks, n))
    return Case(name, (weights, anchors, scale * (gradients.square() + 0.05), strength))


def _equal_anchors_once(weights, anchors, fishers, strength):
    last = {tuple(anchor.tolist()): i for i, anchor in enumerate(anchors)}
    kept = list(last.values())
    return ewc_penalty(weights, anchors[kept], fishers[kept], strength)


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
        Case(
            "two old tasks with one anchor",
            (
                torch.tensor([1.0, -2.0, 0.5]),
                torch.tensor([[0.5, 1.0, 2.0], [0.5, 1.0, 2.0]]),
                torch.tensor([[0.25, 2.0, 1.0], [3.0, 0.5, 0.125]]),
                2.0,
            ),
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
            "No gradient reaches the weights, so nothing holds them. The anchors are constants, not the "
            "weights.",
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
            "averaged first",
            "What comes out is as if the Fishers and the anchors were averaged over the old tasks, and one "
            "penalty made of these means. Each old task has a penalty of its own.",
            (lambda w, a, f, s: s / 2 * (f.mean(0) * (w - a.mean(0)).square()).sum(),),
        ),
        Mistake(
            "difference of the squares",
            "What comes out is as if the squares of the anchors were taken off the squares of the weights. "
            "First the difference, then its square.",
            (_penalty_of_squares,),
        ),
        Mistake(
            "the worst task only",
            "What comes out is as if only the old task with the largest penalty counted. Add them all up.",
            (lambda w, a, f, s: s / 2 * (f * (w - a).square()).sum(-1).max(),),
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
            "one of two equal anchors",
            "Two old tasks may have left the same anchor. Each has its own Fisher, and both count: of two "
            "such tasks your sum holds one.",
            (_equal_anchors_once,),
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

EXERCISES = (EWC,)
