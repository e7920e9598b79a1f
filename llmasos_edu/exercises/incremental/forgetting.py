"""Exercises of chapter 3.3: what is forgotten, and what to keep of the past.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.3-1 ----------------------------------------------------------------------------------


def transfer(accuracy, untrained):
    """accuracy [tasks, tasks], untrained [tasks] -> average, backward and forward transfer, each []."""
    last, just_learned = accuracy[-1], accuracy.diagonal()
    backward = (last - just_learned)[:-1].mean()
    forward = (accuracy.diagonal(offset=1) - untrained[1:]).mean()
    return last.mean(), backward, forward


def _with(average=None, backward=None, forward=None):
    """The right three numbers with some of them replaced by those of other functions."""

    def answer(accuracy, untrained):
        changes = (average, backward, forward)
        right = transfer(accuracy, untrained)
        return tuple(
            value if change is None else change(accuracy, untrained)
            for change, value in zip(changes, right, strict=True)
        )

    return answer


def _triangle(accuracy, untrained):
    seen = torch.ones_like(accuracy).tril().bool()
    return accuracy[seen].mean()


def _backward_over_all(accuracy, untrained):
    return (accuracy[-1] - accuracy.diagonal()).mean()


def _forward_over_all(accuracy, untrained):
    return (accuracy.diagonal(offset=1) - untrained[1:]).sum() / len(untrained)


def _from_the_best(accuracy, untrained):
    return (accuracy[-1] - accuracy.max(0).values)[:-1].mean()


def _one_task_later(accuracy, untrained):
    return (accuracy.diagonal(offset=-1) - accuracy.diagonal()[:-1]).mean()


def _over_pairs(value, below):
    """The mean of `value(accuracy, untrained, model, task)` over all pairs below the diagonal, or above."""

    def measure(accuracy, untrained):
        n = len(untrained)
        pairs = [(i, j) for i in range(n) for j in range(n) if (i > j if below else i < j)]
        return torch.stack([value(accuracy, untrained, i, j) for i, j in pairs]).mean()

    return measure


def _all_earlier_models(accuracy, untrained):
    """Forward transfer from the mean of all models before a task."""
    n = len(untrained)
    return torch.stack([accuracy[:task, task].mean() - untrained[task] for task in range(1, n)]).mean()


def _forward_with_the_first(accuracy, untrained):
    return (_forward_over_all(accuracy, untrained) * len(untrained) + accuracy[0, 0] - untrained[0]) / len(
        untrained
    )


def _only_what_changed(accuracy, untrained):
    average, _, forward = transfer(accuracy, untrained)
    changes = (accuracy[-1] - accuracy.diagonal())[:-1]
    return average, changes.sum() / (changes != 0).sum().clamp(min=1), forward


def _matrix(name, seed, tasks, first=None):
    generator = torch.Generator().manual_seed(seed)
    accuracy = torch.rand(tasks, tasks, generator=generator) * 0.4 + 0.1
    accuracy += 0.4 * torch.ones(tasks, tasks).tril()  # a task that was trained is known better
    untrained = torch.rand(tasks, generator=generator) * 0.3
    return Case(name, (accuracy if first is None else first, untrained))


TRANSFER = Exercise(
    key="3.3-1",
    title="Average accuracy, backward and forward transfer",
    difficulty=1,
    minutes=15,
    statement=(
        "A model learns tasks one after the other. accuracy[i, j] is its accuracy on task j after it has "
        "learned tasks 0 to i; untrained[j] is the accuracy on task j of the model before any training. "
        "Return three numbers as Lopez-Paz and Ranzato (2017, GEM, section 2) define them. Average accuracy: "
        "the mean over all tasks at the end. Backward transfer: for every task but the last, its accuracy "
        "at the end less its accuracy right after it was learned; the mean of these. Forward transfer: for "
        "every task but the first, its accuracy just before it is learned less that of the untrained model; "
        "the mean of these. At least two tasks."
    ),
    takeaway="Backward transfer below zero is forgetting; an average cannot tell it from a poor start.",
    reference=transfer,
    explanation="The last row, the diagonal, and the diagonal above it hold all that is needed.",
    hints=(
        "Write a table of 3 rows and 3 columns on paper. Which row tells how good the model is at the end? "
        "Where stand the accuracies right after each task was learned?",
        "Backward transfer takes two numbers from the same column: one on the diagonal, one at the bottom. "
        "For the last task these are the same number, so it is left out of the sum and of the count.",
        "Just before task i is learned, the model knows tasks 0 to i - 1. So forward transfer reads row i - "
        "1 and column i, and subtracts the untrained accuracy of task i.",
    ),
    cases=(
        _matrix("3 tasks", 8101, 3),
        _matrix("2 tasks", 8102, 2),
        _matrix("5 tasks", 8103, 5),
        _matrix(
            "nothing forgotten", 8104, 3, torch.tensor([[0.9, 0.2, 0.3], [0.9, 0.8, 0.1], [0.9, 0.8, 0.7]])
        ),
        _matrix(
            "late tasks help the early ones", 8105, 3, torch.tensor([[5.0, 3, 1], [6, 5, 4], [8, 7, 6]]) / 9
        ),
        _matrix("8 tasks", 8106, 8),
        _matrix("one task unchanged", 8107, 3, torch.tensor([[7.0, 2, 1], [6, 5, 4], [4, 5, 8]]) / 8),
    ),
    mistakes=(
        Mistake(
            "whole matrix",
            "Your average runs over the whole matrix, and so over models that had not yet seen the task. "
            "What counts is the model at the end: one row.",
            (_with(average=lambda a, b: a.mean()),),
        ),
        Mistake(
            "all tasks seen so far",
            "Your average runs over all models, each on the tasks that it had learned by then. What counts "
            "is the model at the end: one row.",
            (_with(average=_triangle),),
        ),
        Mistake(
            "average of the diagonal",
            "You average each task's accuracy right after it was learned. Whatever is forgotten later does "
            "not show there.",
            (_with(average=lambda a, b: a.diagonal().mean()),),
        ),
        Mistake(
            "the last task not averaged",
            "Your average leaves the last task out. Only the backward transfer does so: the average "
            "accuracy is over all tasks.",
            (_with(average=lambda a, b: a[-1, :-1].mean()),),
        ),
        Mistake(
            "last column",
            "You average the last column: one task, seen by all models. Asked for is one model, the last, on "
            "all tasks.",
            (_with(average=lambda a, b: a[:, -1].mean()),),
        ),
        Mistake(
            "rows and columns exchanged",
            "You read the table with rows and columns exchanged. A row belongs to a model (how much it has "
            "learned), a column to a task.",
            (lambda a, b: transfer(a.T, b),),
        ),
        Mistake(
            "forgetting with its sign turned",
            "Your backward transfer has the wrong sign: accuracy at the end less accuracy when fresh. What "
            "is forgotten makes it negative.",
            (_with(backward=lambda a, b: -transfer(a, b)[1]),),
        ),
        Mistake(
            "both divided by all tasks",
            "You divide both transfers by the number of all tasks. The last has no backward transfer and the "
            "first no forward transfer, so each mean is over one task fewer.",
            (_with(backward=_backward_over_all, forward=_forward_over_all),),
        ),
        Mistake(
            "backward divided by all tasks",
            "Your backward transfer is divided by the number of all tasks. The last task has none, so the "
            "mean is over one task fewer.",
            (_with(backward=_backward_over_all),),
        ),
        Mistake(
            "forward divided by all tasks",
            "Your forward transfer is divided by the number of all tasks. The first task has none, so the "
            "mean is over one task fewer.",
            (_with(forward=_forward_over_all),),
        ),
        Mistake(
            "compared with the best",
            "Your backward transfer is the accuracy at the end less the best that the task ever had, which "
            "is another measure of forgetting. Take off the accuracy right after the task was learned.",
            (_with(backward=_from_the_best),),
        ),
        Mistake(
            "less than the best",
            "You give the best accuracy that a task ever had less the one at the end, which is another "
            "measure of forgetting. Asked for is the end less the accuracy right after the task was learned.",
            (_with(backward=lambda a, b: -_from_the_best(a, b)),),
        ),
        Mistake(
            "sums for means",
            "You give the sum over the tasks, of the backward or the forward transfer, where the mean is "
            "asked for.",
            (
                _with(
                    backward=lambda a, b: (a[-1] - a.diagonal()).sum(),
                    forward=lambda a, b: (a.diagonal(offset=1) - b[1:]).sum(),
                ),
                _with(backward=lambda a, b: (a[-1] - a.diagonal()).sum()),
                _with(forward=lambda a, b: (a.diagonal(offset=1) - b[1:]).sum()),
            ),
        ),
        Mistake(
            "the first task left out",
            "Your backward transfer leaves out the first task. It is the last that has none: nothing came "
            "after it.",
            (_with(backward=lambda a, b: (a[-1] - a.diagonal())[1:].mean()),),
        ),
        Mistake(
            "from the first row",
            "Your backward transfer compares the end with the first row. A task's accuracy right after it "
            "was learned stands in its own row: on the diagonal.",
            (_with(backward=lambda a, b: (a[-1] - a[0])[:-1].mean()),),
        ),
        Mistake(
            "from the untrained model",
            "Your backward transfer compares the end with the untrained model. Asked for is what has become "
            "of a task since it was learned: compare with the diagonal.",
            (_with(backward=lambda a, b: (a[-1] - b)[:-1].mean()),),
        ),
        Mistake(
            "from the row before the last",
            "Your backward transfer compares the end with the row before it. Each task is compared with the "
            "moment right after it was learned: on the diagonal.",
            (_with(backward=lambda a, b: (a[-1] - a[-2])[:-1].mean()),),
        ),
        Mistake(
            "changes without a sign",
            "Your backward transfer is a mean of sizes: what is gained counts like what is lost. Keep the "
            "sign of each difference.",
            (_with(backward=lambda a, b: (a[-1] - a.diagonal())[:-1].abs().mean()),),
        ),
        Mistake(
            "unchanged tasks left out",
            "A task that is as good at the end as right after it was learned does not count in your backward "
            "transfer. Its change is 0, and the mean runs over it too.",
            (_only_what_changed,),
        ),
        Mistake(
            "losses alone",
            "In your backward transfer a task that has gained counts as 0. Gains belong to it as they are: "
            "some methods have them.",
            (_with(backward=lambda a, b: (a[-1] - a.diagonal())[:-1].clamp(max=0).mean()),),
        ),
        Mistake(
            "one task's transfer",
            "Your backward transfer is that of the first task alone. Asked for is the mean over all tasks "
            "but the last.",
            (_with(backward=lambda a, b: a[-1, 0] - a[0, 0]),),
        ),
        Mistake(
            "all models on the way",
            "You take the mean over more pairs of model and task than are asked for: backward transfer looks "
            "at the last model alone, forward transfer at the model just before the task.",
            (
                _with(backward=_over_pairs(lambda a, b, i, j: a[i, j] - a[j, j], below=True)),
                _with(forward=_over_pairs(lambda a, b, i, j: a[i, j] - b[j], below=False)),
                _with(forward=_all_earlier_models),
                _with(
                    backward=_over_pairs(lambda a, b, i, j: a[i, j] - a[j, j], below=True),
                    forward=_over_pairs(lambda a, b, i, j: a[i, j] - b[j], below=False),
                ),
            ),
        ),
        Mistake(
            "one task later",
            "Your backward transfer stops after one more task. The model at the end has learned all of them: "
            "its row is the last.",
            (_with(backward=_one_task_later),),
        ),
        Mistake(
            "forward from the own row",
            "Your forward transfer reads the diagonal, where the task has been learned already. Read the row "
            "above it: the model just before.",
            (
                _with(forward=lambda a, b: (a.diagonal() - b)[1:].mean()),
                _with(forward=lambda a, b: (a.diagonal() - b).mean()),
            ),
        ),
        Mistake(
            "the first task in forward transfer",
            "The first task is in your forward transfer, with its accuracy after it was learned. No model "
            "was trained before it: the mean is over the others.",
            (_with(forward=_forward_with_the_first),),
        ),
        Mistake(
            "below the diagonal",
            "Your forward transfer reads the entries below the diagonal: the task before, after this one was "
            "learned. Above the diagonal stands this task, before it was learned.",
            (
                _with(forward=lambda a, b: (a.diagonal(offset=-1) - b[1:]).mean()),
                _with(forward=lambda a, b: (a.diagonal(offset=-1) - b[:-1]).mean()),
            ),
        ),
        Mistake(
            "baseline of another task",
            "In forward transfer you subtract the untrained accuracy of the task before. Both numbers of a "
            "difference belong to the same task.",
            (_with(forward=lambda a, b: (a.diagonal(offset=1) - b[:-1]).mean()),),
        ),
        Mistake(
            "baseline forgotten",
            "Your forward transfer is an accuracy, not a difference. Even an untrained model is sometimes "
            "right: subtract that.",
            (_with(forward=lambda a, b: a.diagonal(offset=1).mean()),),
        ),
        Mistake(
            "first row",
            "Your forward transfer asks the model that has learned the first task only. Just before task i "
            "the model has learned all tasks before it.",
            (_with(forward=lambda a, b: (a[0] - b)[1:].mean()),),
        ),
        Mistake(
            "last rows",
            "Your forward transfer reads one row for all tasks, that of the last model or of the one before "
            "it. Task i is read from the model just before it: row i - 1.",
            (
                _with(forward=lambda a, b: (a[-1] - b)[1:].mean()),
                _with(forward=lambda a, b: (a[-2] - b)[1:].mean()),
            ),
        ),
        Mistake(
            "less the task before",
            "Your forward transfer subtracts the accuracy on the task that was learned just before. Both "
            "numbers of a difference belong to the same task: subtract its untrained accuracy.",
            (_with(forward=lambda a, b: (a.diagonal(offset=1) - a.diagonal()[:-1]).mean()),),
        ),
        Mistake(
            "one baseline for all",
            "Your forward transfer subtracts the same number for every task: the untrained accuracy of the "
            "first one, or the mean of all. Each task but the first has an untrained accuracy of its own.",
            (
                _with(forward=lambda a, b: (a.diagonal(offset=1) - b[0]).mean()),
                _with(forward=lambda a, b: a.diagonal(offset=1).mean() - b.mean()),
            ),
        ),
    ),
    parts=("average accuracy", "backward transfer", "forward transfer"),
)


EXERCISES = (TRANSFER,)
