"""Exercises of chapter 3.4: labels from brackets, and averages over tasks.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-1 ----------------------------------------------------------------------------------


def nesting_depths(text, deepest):
    """text, a string of n characters -> open brackets around each, at most `deepest`, integers [n]."""
    depths, depth, in_string = [], 0, False
    for character in text:
        if character == '"':
            in_string = not in_string
        elif character in ")]}" and not in_string:
            depth -= 1
        depths.append(min(depth, deepest))
        if character in "([{" and not in_string:
            depth += 1
    return torch.tensor(depths)


def _depths(opening=0, closing=0, brackets="([{)]}", strings=True, never_ends=False, start=0, cap=min):
    """Depths by other rules: `opening`, `closing` are added at brackets, `cap(depth, deepest)` limits."""

    def answer(text, deepest):
        depths, depth, in_string = [], start, False
        half = len(brackets) // 2
        for character in text:
            if character == '"' and strings:
                in_string = never_ends or not in_string
            opens = character in brackets[:half] and not in_string
            closes = character in brackets[half:] and not in_string
            depth -= closes
            depths.append(cap(depth + opening * opens + closing * closes, deepest))
            depth += opens
        return torch.tensor(depths)

    return answer


def _capped_while_counting(lowest):
    def answer(text, deepest):
        depths, depth, in_string = [], 0, False
        for character in text:
            in_string ^= character == '"'
            if character in ")]}" and not in_string:
                depth = max(depth - 1, lowest)
            depths.append(depth)
            if character in "([{" and not in_string:
                depth = min(depth + 1, deepest)
        return torch.tensor(depths)

    return answer


def _kinds_apart(text, deepest):
    """The deepest of the three kinds, each counted by itself."""
    each = [_depths(brackets=kind)(text, deepest) for kind in ("()", "[]", "{}")]
    return torch.stack(each).amax(0)


def _closed_in_strings(text, deepest):
    """Opening brackets in strings do not count, closing ones do."""
    depths, depth, in_string = [], 0, False
    for character in text:
        in_string ^= character == '"'
        depth -= character in ")]}"
        depths.append(min(depth, deepest))
        depth += character in "([{" and not in_string
    return torch.tensor(depths)


def _zero_where(zero):
    """0 at the characters where `zero(text)` holds."""

    def answer(text, deepest):
        depths = nesting_depths(text, deepest)
        return torch.where(torch.tensor(zero(text)), 0, depths)

    return answer


def _quoted(text):
    return [text[: i + 1].count('"') % 2 == 1 for i in range(len(text))]


def _never_closed(text, deepest):
    opened = torch.tensor([c in "([{" for c in text]).long().cumsum(0)
    return (opened - torch.tensor([c in "([{" for c in text]).long()).clamp(max=deepest)


NESTING = Exercise(
    key="3.4-1",
    title="The depth of nesting as a label",
    difficulty=1,
    minutes=15,
    statement=(
        "One of the tasks of this chapter asks of each character of a program how many brackets are open "
        "around it. Give these labels. Round, square and curly brackets all count. A bracket stands outside "
        "of itself, the closing one too: in f(x) only x has depth 1. Brackets between two double quotes "
        "belong to a string and do not count (there are no other quotes, and none is escaped). Every bracket "
        "is closed. Labels end at `deepest`: whatever is deeper gets that label."
    ),
    takeaway="A label that follows from a rule is never wrong; the rule at the borders is a decision.",
    reference=nesting_depths,
    explanation="Closing brackets count down before the character gets its label, opening ones up after it.",
    hints=(
        "Walk through the text with one number in hand: how many brackets are open right now?",
        "An opening bracket stands outside of itself. Does it raise the number before or after it gets its "
        "own label? And a closing one?",
        "Keep the true number while you walk, and limit only the label that you write down. A second "
        "variable remembers whether you are between quotes.",
    ),
    cases=(
        Case("f(x)", ("f(x)", 3)),
        Case("three kinds of brackets", ("a[i] = {k: (1, [2])}", 3)),
        Case("deeper than the deepest", ("((((a))) + b) + c", 2)),
        Case("brackets in a string", ('print("a (b", [c], ")") + (d)', 3)),
        Case("no bracket", ("x = y", 3)),
        Case("two levels only", ("g(h(1), [2, {3}])", 1)),
        Case("empty brackets", ("f()() + [[]]", 3)),
        Case("a comparison", ("a < b and f(c) > d", 3)),
    ),
    mistakes=(
        Mistake(
            "bracket inside itself",
            "At brackets you are off by one: an opening or a closing one gets the depth of what it encloses. "
            "Both stand outside, so the pair has the depth of the text around it.",
            (_depths(opening=1), _depths(closing=1), _depths(opening=1, closing=1)),
        ),
        Mistake(
            "brackets in strings",
            "You count brackets that are inside a string. They open nothing, and everything after them would "
            "be off.",
            (_depths(strings=False),),
        ),
        Mistake(
            "comparisons taken for brackets",
            "`<` and `>` change your depth. Round, square and curly brackets count, and no others: in a "
            "program these two compare.",
            (_depths(brackets="([{<)]}>"),),
        ),
        Mistake(
            "closing brackets in strings",
            "Closing brackets inside a string still count down. Nothing between two double quotes counts, "
            "whichever way it turns.",
            (_closed_in_strings,),
        ),
        Mistake(
            "kinds counted apart",
            "What comes out is as if each kind of bracket were counted by itself. How many are open around "
            "a character is one number for all three kinds together.",
            (_kinds_apart,),
        ),
        Mistake(
            "no depth of their own",
            "You give the depth 0 to all brackets, or to all that stands in a string. These have the depth "
            "of the brackets around them, as every character has.",
            (
                _zero_where(lambda text: [c in "()[]{}" for c in text]),
                _zero_where(_quoted),
                _zero_where(lambda text: [a or c == '"' for a, c in zip(_quoted(text), text, strict=True)]),
            ),
        ),
        Mistake(
            "string never ends",
            "After the first double quote no bracket counts any more. The second quote ends the string.",
            (_depths(never_ends=True),),
        ),
        Mistake(
            "round brackets only",
            "You leave out one or two of the three kinds of brackets. Round, square and curly ones all "
            "count, together.",
            (_depths(brackets="()"), _depths(brackets="([)]")),
        ),
        Mistake(
            "no limit",
            "Your labels go beyond the deepest one. A classifier has a fixed number of classes: limit them.",
            (_depths(cap=lambda depth, deepest: depth),),
        ),
        Mistake(
            "limit while counting",
            "You stop counting at the limit and then count down from there, so deep brackets close too much. "
            "Limit the label, not the count.",
            (_capped_while_counting(lowest=0), _capped_while_counting(lowest=-100)),
        ),
        Mistake(
            "brackets never close",
            "Your depth never falls: you count the brackets that have been opened so far. Closing ones take "
            "one away.",
            (_never_closed,),
        ),
        Mistake(
            "begins at one",
            "Outside of all brackets your depth is 1. Nothing is open there: count from 0.",
            (_depths(start=1), _depths(cap=lambda depth, deepest: min(depth, deepest) + 1)),
        ),
    ),
)


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
            "another number below the line",
            "In your macro average a task's right answers are divided by all questions, or by all right "
            "answers. Its accuracy is the share of its own questions that are right.",
            (
                _macro(lambda a, right, tasks: (a * _sizes(tasks)).mean() / len(tasks)),
                _macro(lambda a, right, tasks: (a * _sizes(tasks)).mean() / right.sum()),
            ),
        ),
        Mistake(
            "the middle task",
            "Your macro average is the median of the tasks, or lies half-way between the best and the worst. "
            "Asked for is their mean.",
            (
                _macro(lambda a, right, tasks: (a.max() + a.min()) / 2),
                _macro(lambda a, right, tasks: a.median()),
                _macro(lambda a, right, tasks: a.quantile(0.5)),
            ),
        ),
    ),
    parts=("micro average", "macro average"),
)


EXERCISES = (NESTING, AVERAGES)
