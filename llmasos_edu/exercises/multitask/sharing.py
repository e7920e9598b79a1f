"""Exercise of chapter 3.4 on the loss of several tasks together: examples, tasks, and scales.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, value_and_gradient

# 3.4-2 ----------------------------------------------------------------------------------


def shared_loss(losses, tasks, num_classes):
    """losses [n] in nats, tasks [n], num_classes [tasks] -> mean over tasks of loss / a guess's loss, []."""
    guess = num_classes.float().log()
    each = [losses[tasks == task].mean() / guess[task] for task in tasks.unique()]
    return torch.stack(each).mean()


def _each(losses, tasks, inside=torch.mean):
    return torch.stack([inside(losses[tasks == task]) for task in tasks.unique()])


def _guess(tasks, num_classes):
    return num_classes.float().log()[tasks.unique()]


def _by(scale):
    """Mean over the tasks of `scale(mean loss, number of classes)`."""

    def answer(losses, tasks, num_classes):
        return scale(_each(losses, tasks), num_classes[tasks.unique()].float()).mean()

    return answer


def _each_example(losses, tasks, num_classes):
    return (losses / num_classes.float().log()[tasks]).mean()


def _sums_inside(losses, tasks, num_classes):
    return (_each(losses, tasks, torch.sum) / _guess(tasks, num_classes)).mean()


def _all_in_one_sum(losses, tasks, num_classes):
    return (_each(losses, tasks, torch.sum) / _guess(tasks, num_classes)).sum()


def _sum_of_tasks(losses, tasks, num_classes):
    return (_each(losses, tasks) / _guess(tasks, num_classes)).sum()


def _absent_too(losses, tasks, num_classes):
    return _sum_of_tasks(losses, tasks, num_classes) / len(num_classes)


def _means_of_nothing(losses, tasks, num_classes):
    means = [losses[tasks == task].mean() for task in range(len(num_classes))]
    return (torch.stack(means) / num_classes.float().log()).mean()


def _one_scale(losses, tasks, num_classes):
    return _each(losses, tasks).mean() / num_classes.float().log().mean()


def _one_scale_of_those_there(losses, tasks, num_classes):
    return _each(losses, tasks).mean() / _guess(tasks, num_classes).mean()


def _classes_from_the_front(losses, tasks, num_classes):
    means = _each(losses, tasks)
    return (means / num_classes.float().log()[: len(means)]).mean()


def _by_classes(losses, tasks, num_classes):
    classes = num_classes[tasks]
    each = [losses[classes == number].mean() / number.float().log() for number in classes.unique()]
    return torch.stack(each).mean()


def _free_tasks_absent(losses, tasks, num_classes):
    means = _each(losses, tasks)
    return (means / _guess(tasks, num_classes))[means > 0].mean()


def _constant_share(losses, tasks, num_classes):
    means = _each(losses, tasks)
    return (means / means.detach()).mean()


def _batch(name, seed, counts, classes):
    generator = torch.Generator().manual_seed(seed)
    tasks = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    tasks = tasks[torch.randperm(len(tasks), generator=generator)]
    classes = torch.tensor(classes)
    losses = torch.rand(len(tasks), generator=generator) * 2 * classes.float().log()[tasks]
    return Case(name, (losses, tasks, classes))


LOSS = Exercise(
    key="3.4-2",
    title="One loss for all tasks",
    difficulty=2,
    minutes=15,
    statement=(
        "A batch holds examples of several tasks: losses are their cross entropies in nats, tasks the task "
        "of each, num_classes the number of classes of every task. A task with many classes has larger "
        "losses, and some tasks have more examples than others; neither should decide what the shared body "
        "learns. So take the mean loss of each task, divide it by what guessing would cost, ln(num_classes) "
        "of that task, and take the mean over the tasks that are in the batch. The gradient is looked at."
    ),
    takeaway="Whatever you add up, you have weighed: by examples, by classes, or by a choice of your own.",
    reference=shared_loss,
    explanation="A mean inside each task, a common scale, then a mean over the tasks that are there.",
    hints=(
        "Two means stand one inside the other. Which of them runs over examples, and which over tasks?",
        "A task of 2 classes that is guessed costs 0.69 nats, one of 50 classes 3.9. After division by what "
        "a guess costs, what do both cost?",
        "A task without an example in the batch has no mean. Go through the task numbers that occur, and "
        "divide by how many these are.",
    ),
    cases=(
        _batch("two tasks", 9201, [6, 2], [2, 10]),
        _batch("three tasks of different size", 9202, [12, 5, 1], [5, 2, 50]),
        _batch("one task", 9203, [7], [4]),
        _batch("a task is not in the batch", 9204, [5, 0, 3], [2, 8, 4]),
        _batch("two tasks are not in the batch", 9205, [0, 9, 0, 2], [3, 3, 7, 30]),
        _batch("six tasks", 9206, [1, 2, 3, 4, 5, 6], [2, 4, 8, 16, 32, 64]),
        _batch("two tasks with as many classes", 9207, [4, 1, 2], [3, 3, 5]),
        Case(
            "a task whose losses are 0",
            (torch.tensor([0.6, 0.0, 0.2, 0.0]), torch.tensor([0, 1, 0, 1]), torch.tensor([2, 4])),
        ),
    ),
    mistakes=(
        Mistake(
            "different scales",
            "You add up tasks in different units: one of 50 classes has losses many times larger than one of "
            "2, and its gradient drowns the other. Divide by what a guess costs.",
            (_by(lambda mean, classes: mean),),
        ),
        Mistake(
            "mean over all examples",
            "You take one mean over all examples, so a task with ten times as many counts ten times as much. "
            "First a mean inside each task.",
            (_each_example,),
        ),
        Mistake(
            "neither examples nor scales",
            "Your loss is the plain mean of the batch: tasks with many examples and with many classes decide "
            "everything. Both have to be taken out.",
            (lambda losses, tasks, num_classes: losses.mean(),),
        ),
        Mistake(
            "sum inside a task",
            "Inside a task you take the sum of its examples. Then a task with more of them counts more: take "
            "the mean.",
            (_sums_inside, _all_in_one_sum),
        ),
        Mistake(
            "sum over the tasks",
            "You add the tasks up. With another number of tasks the step would have another length: take the "
            "mean over them.",
            (_sum_of_tasks,),
        ),
        Mistake(
            "mean of nothing",
            "A task that is not in the batch has a mean over no example: NaN, and with it the whole loss. Go "
            "through the tasks that occur.",
            (_means_of_nothing,),
        ),
        Mistake(
            "absent tasks counted",
            "You divide by the number of all tasks. Those that are not in this batch are no tasks with a "
            "loss of 0: divide by the number of those that are there.",
            (_absent_too,),
        ),
        Mistake(
            "divided by the number of classes",
            "You divide by the number of classes. Guessing among C classes costs ln C nats: divide by that.",
            (_by(lambda mean, classes: mean / classes),),
        ),
        Mistake(
            "multiplied by what a guess costs",
            "You multiply by the logarithm of the number of classes: tasks with many classes weigh still "
            "more. Divide by it.",
            (_by(lambda mean, classes: mean * classes.log()),),
        ),
        Mistake(
            "all losses over all guesses",
            "What comes out is all losses added up, over what guessing all examples would cost. There a task "
            "with more examples, or more classes, weighs more: each task has a quotient of its own.",
            (lambda x, t, n: x.sum() / n.float().log()[t].sum(),),
        ),
        Mistake(
            "divided by the whole batch",
            "What comes out is as if a task's losses were divided by the number of all examples of the "
            "batch. Its mean is over its own examples.",
            (lambda x, t, n: _sums_inside(x, t, n) / len(x),),
        ),
        Mistake(
            "the largest loss of a task",
            "What comes out is as if each task had its largest loss for its mean. Take the mean of its "
            "examples.",
            (lambda x, t, n: (_each(x, t, torch.max) / _guess(t, n)).mean(),),
        ),
        Mistake(
            "bits under nats",
            "You divide nats by bits: log2 in place of the natural logarithm. A guess would then cost 0.69 "
            "and not 1.",
            (_by(lambda mean, classes: mean / classes.log2()),),
        ),
        Mistake(
            "one scale for all",
            "You divide all tasks by the same number. Each has a number of classes of its own.",
            (
                _one_scale,
                _one_scale_of_those_there,
                lambda x, t, n: _each(x, t).mean() / n[t.unique()].float().mean().log(),
                lambda x, t, n: _each(x, t).mean() / n.float().mean().log(),
            ),
        ),
        Mistake(
            "one class more",
            "What comes out is as if a guess were made among one class more. Guessing among C classes costs "
            "ln C.",
            (_by(lambda mean, classes: mean / (classes + 1).log()),),
        ),
        Mistake(
            "the guess subtracted",
            "What comes out is the mean loss less what guessing costs. Divide by it: then a task that is "
            "guessed costs 1, whatever its number of classes.",
            (_by(lambda mean, classes: mean - classes.log()),),
        ),
        Mistake(
            "classes of another task",
            "You take the numbers of classes from the front of the list, as if the tasks that are there were "
            "the first ones. A task that is absent keeps its place in it.",
            (_classes_from_the_front,),
        ),
        Mistake(
            "tasks told by their classes",
            "What comes out is as if tasks with the same number of classes were one task. Which examples "
            "belong to one task, `tasks` says.",
            (_by_classes,),
        ),
        Mistake(
            "a task without loss left out",
            "What comes out is as if a task whose losses are all 0 were not in the batch. It is there, and "
            "has the mean 0.",
            (_free_tasks_absent,),
        ),
        Mistake(
            "divided by its own value",
            "You divide each loss by its own value, so that yours is always 1 and never falls. The scale "
            "must be fixed beforehand.",
            (_constant_share,),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the losses"),
)

EXERCISES = (LOSS,)
