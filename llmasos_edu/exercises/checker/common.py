"""What those cases have in common that an answer gets right."""

import inspect

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise
from llmasos_edu.exercises.checker.terms import sizes_of

BY_CHANCE = ("no negative number", "no number larger than 100 in size")  # how facts on single numbers end

# Numbers that are names of something: that one equals a size is chance.
NAMES = {
    "start",
    "end",
    "pad",
    "cls",
    "sep",
    "mask_id",
    "hand",
    "index",
    "free",
    "token",
    "requester",
    "user",
}


def what_right_cases_share(exercise: Exercise, right: dict[int, bool], trivial: set[int]) -> str | None:
    """What the cases that come out right have in common, and no other has, in words.

    Args:
        exercise: what was asked.
        right: which cases are right, by their numbers.
        trivial: those in which nothing but zeros are asked for; alone they say nothing.
    """
    good = [i for i, ok in right.items() if ok]
    if min(len(good), len(right) - len(good)) < 2 or all(map(trivial.__contains__, good)):
        return None  # of one case alone many things are true
    names = list(inspect.signature(exercise.reference).parameters)
    facts = [_facts(exercise, case, names) for case in exercise.cases]
    common = set.intersection(*(facts[i] for i in good))
    common -= set().union(*(facts[i] for i, ok in right.items() if not ok))
    # What numbers happen to be like says something only when several cases share it.
    few = min(len(good), len(right) - len(good)) < 3
    common = {fact for fact in common if not (few and fact.endswith(BY_CHANCE))}
    if not common:
        return None
    return f"Of the cases here it is right in just those in which {min(sorted(common), key=len)}."


def _facts(exercise: Exercise, case: Case, names: list[str]) -> set[str]:
    sizes = {name if name[:4] == "the " else f"`{name}`": n for name, n in sizes_of(exercise, case).items()}
    facts = {f"{name} is {size:g}" for name, size in sizes.items() if size in (0, 1)}
    names_of_sizes = sorted(name for name in sizes if name.strip("`") not in NAMES)
    facts |= {
        f"{one} equals {other}"
        for place, one in enumerate(names_of_sizes)
        for other in names_of_sizes[place + 1 :]
        if sizes[one] == sizes[other] > 1
    }
    for name, value in zip(names, case.inputs, strict=False):
        if isinstance(value, torch.Tensor) and value.dtype == torch.bool and value.numel():
            whole = "all True" if value.all() else "False somewhere"
            facts.add(f"`{name}` is {whole}")
        elif isinstance(value, bool):
            facts.add(f"`{name}` is {value}")
        elif isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
            # That all is right where negative or large numbers stand would be chance, and send one elsewhere.
            if (value >= 0).all():
                facts.add(f"`{name}` holds no negative number")
            if value.abs().max() <= 100:
                facts.add(f"`{name}` holds no number larger than 100 in size")
        elif isinstance(value, (list, tuple, str)) and len(value) < 2:
            facts.add(f"`{name}` has {len(value)} entr{'y' if len(value) == 1 else 'ies'}")
    return facts
