"""Exercise of chapter 3.4: averages over questions and over tasks.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-3 ----------------------------------------------------------------------------------


def micro_and_macro(right, tasks):
    """right [n] bool, tasks [n], the task of each answer -> micro, macro average of accuracy, [] each."""
    accuracies = [right[tasks == task].double().mean() for task in tasks.unique()]
    return right.double().mean(), torch.stack(accuracies).mean()


def _accuracies(right, tasks):
    return torch.stack([right[tasks == task].double().mean() for task in tasks.unique()])


def _macro(measure):
    """The right micro average beside another measure of (accuracies, right, tasks)."""

    def answer(right, tasks):
        return right.double().mean(), measure(_accuracies(right, tasks), right, tasks)

    return answer


def _each_run(accuracies, right, tasks):
    runs = tasks.unique_consecutive(return_counts=True)[1].tolist()
    return torch.stack([part.double().mean() for part in right.split(runs)]).mean()


def _task_of_each_run(accuracies, right, tasks):
    of = dict(zip(tasks.unique().tolist(), accuracies, strict=True))
    return torch.stack([of[task] for task in tasks.unique_consecutive().tolist()]).mean()


def _sizes(tasks):
    return tasks.unique(return_counts=True)[1]


def _over_all_numbers(accuracies, right, tasks):
    return accuracies.sum() / (tasks.max() + 1)


def _empty_ones_too(accuracies, right, tasks):
    numbers = range(int(tasks.max()) + 1)
    return torch.stack([right[tasks == task].double().mean() for task in numbers]).mean()


def _below(limit):
    """The macro average over tasks with a number below `limit(number of questions)`."""

    def measure(accuracies, right, tasks):
        return accuracies[tasks.unique() < limit(len(tasks))].mean()

    return measure


def _answers(name, seed, shares, n, accuracies):
    generator = torch.Generator().manual_seed(seed)
    tasks = torch.multinomial(torch.tensor(shares), n, replacement=True, generator=generator)
    right = torch.rand(n, generator=generator) < torch.tensor(accuracies)[tasks]
    return Case(name, (right, tasks))


AVERAGES = Exercise(
    key="3.4-3",
    title="Micro and macro average",
    difficulty=1,
    minutes=10,
    statement=(
        "A model has answered n questions of several tasks; `right` says which answers are right, `tasks` to "
        "which task each question belongs. Return two averages of its accuracy. Micro: every question "
        "counts the same. Macro: every task counts the same. Some task numbers may not occur: such tasks do "
        "not count."
    ),
    takeaway="Micro hides a small task that fails; macro lets it speak as loudly as a large one.",
    reference=micro_and_macro,
    explanation="One mean over all answers; and one mean over the means of the tasks that occur.",
    hints=(
        "One task has 90 questions and the model answers all of them, another has 10 and it answers none. "
        "Which average is 0.9 and which is 0.5?",
        "For the macro average, first find the accuracy of each task by itself.",
        "How many numbers go into your second mean? As many as there are different numbers in `tasks`, not "
        "as the largest of them suggests.",
    ),
    cases=(
        _answers("a large and a small task", 9101, [0.8, 0.2], 25, [0.9, 0.3]),
        _answers("three tasks", 9102, [0.6, 0.3, 0.1], 60, [0.4, 0.9, 0.6]),
        _answers("one task", 9103, [1.0], 12, [0.6]),
        _answers("task 1 does not occur", 9104, [0.7, 0.0, 0.3], 30, [0.9, 0.5, 0.4]),
        _answers(
            "tasks 0 and 3 do not occur", 9105, [0.0, 0.5, 0.2, 0.0, 0.3], 40, [0.5, 0.9, 0.2, 0.5, 0.7]
        ),
        Case(
            "one, two and three questions",
            (torch.tensor([True, False, False, True, False, False]), torch.tensor([0, 1, 1, 2, 2, 2])),
        ),
        Case("all wrong but one", (torch.tensor([False, False, False, True]), torch.tensor([0, 0, 0, 1]))),
        Case(
            "a task that comes back",
            (torch.tensor([True, False, False, True, True]), torch.tensor([0, 1, 1, 1, 0])),
        ),
        Case(
            "tasks 3, 7 and 12 alone",
            (torch.tensor([True, False, True, False, True]), torch.tensor([12, 12, 7, 7, 3])),
        ),
    ),
    mistakes=(
        Mistake(
            "exchanged",
            "Your two averages are exchanged. Micro looks at single questions, macro at whole tasks.",
            (lambda right, tasks: (_accuracies(right, tasks).mean(), right.double().mean()),),
        ),
        Mistake(
            "micro twice",
            "Both of your averages are micro averages (a mean of the tasks weighted by their size is one "
            "too). In the macro average a small task counts as much as a large one.",
            (_macro(lambda a, right, tasks: right.double().mean()),),
        ),
        Mistake(
            "macro twice",
            "Both of your averages are macro averages. In the micro average each question counts the same, "
            "whatever its task.",
            (lambda right, tasks: (_accuracies(right, tasks).mean(), _accuracies(right, tasks).mean()),),
        ),
        Mistake(
            "absent tasks counted",
            "You divide by the number of task numbers, also of those that do not occur. A task without "
            "questions is not a task that failed.",
            (_macro(_over_all_numbers),),
        ),
        Mistake(
            "mean of nothing",
            "Where a task does not occur you take a mean over no question: 0 / 0 is NaN, and it spreads. "
            "Visit the tasks that occur.",
            (_macro(_empty_ones_too),),
        ),
        Mistake(
            "each run a task",
            "Your macro average comes out as if each run of equal numbers in `tasks` were a task of its own: "
            "one that comes back counts once more. Where does it stand twice among your tasks?",
            (_macro(_task_of_each_run), _macro(_each_run)),
        ),
        Mistake(
            "sum over the tasks",
            "Your macro average is a sum over the tasks. Divide by their number.",
            (_macro(lambda a, right, tasks: a.sum()),),
        ),
        Mistake(
            "errors counted",
            "You count the answers that are wrong. Accuracy is the share of those that are right.",
            (lambda right, tasks: micro_and_macro(~right, tasks),),
        ),
        Mistake(
            "answers divided by tasks",
            "You divide right answers by the number of tasks. Inside a task, divide by the number of its "
            "questions.",
            (_macro(lambda a, right, tasks: right.sum() / len(a)),),
        ),
        Mistake(
            "tasks below the line of the micro average",
            "Your micro average divides all right answers by the number of tasks. Every question counts the "
            "same in it: divide by the number of questions.",
            (lambda right, tasks: (right.sum() / len(_sizes(tasks)), _accuracies(right, tasks).mean()),),
        ),
        Mistake(
            "all questions below the line",
            "In your macro average a task's right answers are divided by all questions. Its accuracy is the "
            "share of its own questions that are right.",
            (_macro(lambda a, right, tasks: (a * _sizes(tasks)).mean() / len(tasks)),),
        ),
        Mistake(
            "all right answers below the line",
            "In your macro average a task's right answers are divided by all right answers. Its accuracy is "
            "the share of its own questions that are right.",
            (_macro(lambda a, right, tasks: (a * _sizes(tasks)).mean() / right.sum()),),
        ),
        Mistake(
            "failed tasks left out",
            "What comes out is as if a task without a right answer did not count. It does, with an accuracy "
            "of 0.",
            (_macro(lambda a, right, tasks: a[a > 0].mean()),),
        ),
        Mistake(
            "the last task left out",
            "What comes out is as if the task with the highest number were left out of the macro average. "
            "Every task that occurs counts.",
            (
                _macro(lambda a, right, tasks: a[:-1].mean()),
                _macro(lambda a, right, tasks: a[:-1].mean() if len(a) > 1 else a.mean()),
            ),
        ),
        Mistake(
            "the first task left out",
            "What comes out is as if the task with the lowest number were left out of the macro average. "
            "Every task that occurs counts.",
            (
                _macro(lambda a, right, tasks: a[1:].mean()),
                _macro(lambda a, right, tasks: a[1:].mean() if len(a) > 1 else a.mean()),
            ),
        ),
        Mistake(
            "large numbers left out",
            "What comes out is as if tasks with a large number were left out of the macro average. A task's "
            "number is a name, and may be any: go through those that occur.",
            (_macro(_below(lambda n: n)), _macro(_below(lambda n: 10))),
        ),
        Mistake(
            "the worst task",
            "Your macro average is the accuracy of the worst task. Asked for is the mean over the tasks.",
            (_macro(lambda a, right, tasks: a.min()),),
        ),
        Mistake(
            "the middle task",
            "Your macro average is the median of the tasks' accuracies. Asked for is their mean.",
            (
                _macro(lambda a, right, tasks: a.median()),
                _macro(lambda a, right, tasks: a.quantile(0.5)),
            ),
        ),
        Mistake(
            "between best and worst",
            "Your macro average lies half-way between the best and the worst task. Asked for is the mean of "
            "all of them.",
            (_macro(lambda a, right, tasks: (a.max() + a.min()) / 2),),
        ),
    ),
    parts=("micro average", "macro average"),
)


EXERCISES = (AVERAGES,)
