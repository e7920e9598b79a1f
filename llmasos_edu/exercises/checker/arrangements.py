"""Whether the right numbers came in another arrangement, and where the wrong ones stand."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from llmasos_edu.exercises.checker.pairs import Pair, all_cases, changes_anything, holds, same, wrong_numbers
from llmasos_edu.exercises.checker.terms import along, entries


def other_shape(pairs: list[Pair], failing: list[Pair]) -> str | None:
    dims = max(pair.want.dim() for pair in failing)
    for i in range(-dims, 0):
        for j in range(i + 1, 0):
            # A case with fewer axes has none to exchange.
            if all_cases(pairs, lambda p, i=i, j=j: p.want.transpose(i, j) if p.want.dim() >= -i else p.want):
                return _exchanged_axes(max(failing, key=lambda p: p.want.dim()), i, j)
    if all(p.got.shape == p.want.shape for p in pairs):
        return None
    if all(p.got.numel() == p.want.numel() and same(p.got.flatten(), p.want.flatten()) for p in pairs):
        p = next(p for p in failing if p.got.shape != p.want.shape)
        shapes = f"the shape {list(p.got.shape)} instead of {list(p.want.shape)}"
        return f"has the right numbers in the right order, but {shapes}."
    return _not_reduced(pairs, failing) or _longer(pairs, failing)


def _exchanged_axes(pair: Pair, i: int, j: int) -> str:
    dims = pair.want.dim()
    one, other = along(i, pair.axes, dims), along(j, pair.axes, dims)
    named = "" if one.startswith("axis") else f" ({one} and {other})"
    return f"has the right numbers with axes {dims + i} and {dims + j} exchanged{named}. Which comes first?"


def _not_reduced(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if all(p.got.dim() >= p.want.dim() for p in pairs):
        for axis in (None, *range(-max(p.got.dim() for p in pairs), 0)):
            for name in ("mean", "sum"):
                ways = {"dim": axis} if axis is not None else {}

                def reduced(pair: Pair, name=name, ways=ways) -> bool:
                    return pair.got.dim() > 0 and same(getattr(pair.got, name)(**ways), pair.want)

                if all(holds(reduced, p) for p in pairs):
                    least = min(failing, key=lambda p: p.got.numel())
                    over = "" if axis is None else f" over axis {failing[0].got.dim() + axis}"
                    return f"has the shape {list(least.got.shape)}: its {name}{over} is what is asked for."
    for axis in range(-min(p.want.dim() for p in pairs), 0):
        for name, change in (("mean", torch.mean), ("sum", torch.sum)):
            if all_cases(pairs, lambda p, axis=axis, change=change: change(p.want, dim=axis)):
                what = along(axis, failing[0].axes, failing[0].want.dim())
                what = what if what.startswith("axis") else f"the {what}"
                return f"is the {name} over {what} of what it should be: one number each is asked for."
    return None


def _longer(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if any(p.got.dim() != p.want.dim() for p in pairs):
        return None
    least = min(failing, key=lambda p: p.want.numel())  # the case that is shown, too
    for axis in range(-min(p.want.dim() for p in pairs), 0):
        for at_end in (True, False):

            def more(p: Pair, axis=axis, at_end=at_end) -> bool:
                return p.want.numel() > 0 and same(_end(p.got, axis, p.want.shape[axis], at_end), p.want)

            def fewer(p: Pair, axis=axis, at_end=at_end) -> bool:
                return p.got.numel() > 0 and same(p.got, _end(p.want, axis, p.got.shape[axis], at_end))

            what = along(axis, failing[0].axes, failing[0].want.dim())
            what = f"entries along {what}" if what.startswith("axis") else what
            where = f"{what} {'at the end' if at_end else 'in front'}: {_list_shapes(least)}."
            if all(holds(more, p) for p in pairs):
                return f"is right, but has too many {where}"
            if all(holds(fewer, p) for p in pairs):
                return f"is right as far as it goes, but lacks {where}"
    return None


def _end(tensor: torch.Tensor, axis: int, length: int, at_end: bool) -> torch.Tensor:
    """What is left of a tensor when its end (or its front) is cut off."""
    return tensor.narrow(axis, 0 if at_end else tensor.shape[axis] - length, length)


def _list_shapes(pair: Pair) -> str:
    return f"its shape is {list(pair.got.shape)} and should be {list(pair.want.shape)}"


ALONG = {
    "went through a softmax over the {} once more": lambda w, a: w.softmax(a),
    "went through a softmax over the {}, and its logarithm is taken": lambda w, a: w.log_softmax(a),
    "is divided by its sum over the {}, which is one too many steps": lambda w, a: w / w.sum(a, keepdim=True),
    "is divided by its largest number among the {}": lambda w, a: w / w.amax(a, keepdim=True),
    "is divided by its length (norm) over the {}": lambda w, a: w / w.norm(dim=a, keepdim=True),
    "has its mean over the {} taken out": lambda w, a: w - w.mean(a, keepdim=True),
    "is summed up along the {} (a cumulative sum)": lambda w, a: w.cumsum(a),
    "is averaged over the {} and repeated": lambda w, a: w.mean(a, keepdim=True).expand_as(w),
}
MOVED = {
    "stands in reversed order along the {}": lambda w, a: w.flip(a),
    "is shifted by one along the {}, towards the end (the last comes first)": lambda w, a: w.roll(1, a),
    "is shifted by one along the {}, towards the front (the first comes last)": lambda w, a: w.roll(-1, a),
    "is sorted along the {}, smallest first": lambda w, a: w.sort(a)[0],
    "is sorted along the {}, largest first": lambda w, a: w.sort(a, descending=True)[0],
    "repeats the first of the {} for all": lambda w, a: w.narrow(a, 0, 1).expand_as(w),
    "repeats the last of the {} for all": lambda w, a: w.narrow(a, w.shape[a] - 1, 1).expand_as(w),
}  # fmt: skip


def _axes(pairs: list[Pair]) -> Iterator[tuple[int, str]]:
    dims = min(p.want.dim() for p in pairs)
    example = max((p for p in pairs if not p.right), key=lambda p: p.want.numel())
    for axis in range(-1, -dims - 1, -1):
        if example.want.shape[axis] > 1:
            what = along(axis, example.axes, example.want.dim())
            yield axis, f"entries along {what}" if what.startswith("axis") else what


def _once_along(words: str) -> str:
    return words.replace("along the entries along axis", "along axis")


def along_an_axis(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if any(p.got.shape != p.want.shape or p.want.numel() == 0 for p in pairs) or wrong_numbers(failing) < 3:
        return None
    whole = all(p.whole for p in pairs)
    for axis, name in _axes(pairs):
        for words, change in (MOVED if whole else ALONG | MOVED).items():
            here = partial(change, a=axis)
            if all_cases(pairs, lambda p, here=here: here(p.want)) and changes_anything(failing, here):
                return _once_along(words.format(name)) + "."
        for step, words in ((1, "late"), (-1, "early")):
            if all(_shifted(p, axis, step) for p in pairs) and any(p.want.shape[axis] > 2 for p in failing):
                said = f"comes one step too {words} along the {name}: each stands in the next one's place."
                return _once_along(said)
        long_enough = not whole and any(p.want.shape[axis] > 2 for p in failing)
        if long_enough and all(_multiples(p, axis) for p in pairs):
            return _own_factors(pairs, failing, name)
    return None


def _own_factors(pairs: list[Pair], failing: list[Pair], name: str) -> str:
    """What has a factor of its own: the one end that is wrong, each entry of the first axis, or each line."""
    words, dims = entries(failing[0].axes, failing[0].want.dim()), failing[0].want.dim()
    wrong = [~torch.isclose(p.got, p.want, rtol=1e-3, atol=1e-5) for p in failing]
    for axis in range(dims):
        end = _end_of_axis(wrong, axis) or ""
        if end.endswith("is wrong, in every case that fails."):
            what = words[axis] if words else f"entry along axis {axis}"
            end = end.format(first=f"the first {what}", last=f"the last {what}")
            return f"is right but for a factor in one place. {end} What is multiplied or divided there alone?"
    whole = dims > 2 and all(_multiples(_in_rows(p), -1) for p in pairs)
    each = f"each {words[0]}" if whole and words else f"each set of {name}"
    return (
        f"is right up to a factor, but {each} has a factor of its own. Is something multiplied or divided "
        "that is not the same for all?"
    )


def _in_rows(pair: Pair) -> Pair:
    """All that stands at one entry of the first axis as one line."""
    return replace(pair, got=pair.got.flatten(1), want=pair.want.flatten(1))


def _shifted(pair: Pair, axis: int, step: int) -> bool:
    length = pair.want.shape[axis]
    if length < 2:
        return True
    front, back = (lambda t: t.narrow(axis, 0, length - 1)), (lambda t: t.narrow(axis, 1, length - 1))
    got, want = (back(pair.got), front(pair.want)) if step > 0 else (front(pair.got), back(pair.want))
    return same(got, want) and bool((want != want.flatten()[0]).any() or pair.right or length == 2)


def _multiples(pair: Pair, axis: int) -> bool:
    """Whether each line along the axis is the right one times a number of its own."""
    if not pair.got.isfinite().all() or not pair.want.isfinite().all():
        return False
    largest = pair.want.abs().argmax(axis, keepdim=True)
    scale = pair.want.gather(axis, largest)
    factors = torch.where(scale != 0, pair.got.gather(axis, largest) / scale, 1.0)
    return bool((factors != 0).all()) and same(pair.got, pair.want * factors)


def other_order(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if any(p.got.shape != p.want.shape for p in pairs) or wrong_numbers(failing) < 3:
        return None
    distinct = max(len(p.want.unique()) for p in failing)
    if distinct < 3 or not all(same(p.got.flatten().sort()[0], p.want.flatten().sort()[0]) for p in pairs):
        return None
    for axis, name in _axes(pairs):
        if all(same(p.got.sort(axis)[0], p.want.sort(axis)[0]) for p in pairs):
            return _once_along(
                f"holds the right numbers in another order along the {name}. Which comes first?"
            )
    return "holds the right numbers in every case, but in other places. Which axis is cut or moved first?"


def only_some(pairs: list[Pair], failing: list[Pair]) -> str | None:
    """Where the wrong numbers stand, if it is the same place in every failing case, in words."""
    if any(p.got.shape != p.want.shape for p in pairs) or len(failing) < 2:
        return None
    wrong = [~torch.isclose(p.got, p.want, rtol=1e-3, atol=1e-5, equal_nan=True) for p in failing]
    if any(not w.any() or w.all() or w.dim() == 0 for w in wrong):
        return None
    words = entries(failing[0].axes, failing[0].want.dim())
    found = _triangles(wrong, words)
    for axis in range(-min(w.dim() for w in wrong), 0):
        at_axis = f"along axis {failing[0].want.dim() + axis}" if failing[0].want.dim() > 1 else ""
        first = f"{words[axis]} 0" if words else f"entry 0 {at_axis}".strip()
        last = f"the last {words[axis]}" if words else f"the last entry {at_axis}".strip()
        end = _end_of_axis(wrong, axis) if not found and all(w.shape[axis] > 1 for w in wrong) else None
        found = found or (end and end.format(first=first, last=last))
    return found


def _end_of_axis(wrong: list[torch.Tensor], axis: int) -> str | None:
    """Whether the first or the last along the axis is the only one that is right, or the only one wrong."""
    if any(w.dim() <= axis for w in wrong):
        return None  # in some cases there are fewer axes
    lines = [
        w.movedim(axis, 0).reshape(w.shape[axis], -1).any(1) for w in wrong
    ]  # which entries have something wrong
    longer = any(len(line) > 2 for line in lines)
    if not any(line[0] for line in lines) and all(line[1:].all() for line in lines):
        return "Only {first} is right, in every case that fails."
    if longer and not any(line[-1] for line in lines) and all(line[:-1].all() for line in lines):
        return "Only {last} is right, in every case that fails."
    if longer and not any(line[1:].any() for line in lines):
        return "Only {first} is wrong, in every case that fails."
    if longer and not any(line[:-1].any() for line in lines):
        return "Only {last} is wrong, in every case that fails."
    return None


def _triangles(wrong: list[torch.Tensor], words: list[str] | None) -> str | None:
    if any(w.dim() < 2 or min(w.shape[-2:]) < 2 for w in wrong):
        return None
    row, column = words[-2:] if words else ("row", "column")
    if any(w.shape[-1] != w.shape[-2] for w in wrong) and (row, column) != ("query", "key"):
        return None  # a row of numbers, and no table of pairs
    above = [torch.ones_like(w).triu(1) for w in wrong]
    below = [torch.ones_like(w).tril(-1) for w in wrong]
    diagonal = [~(a | b) for a, b in zip(above, below, strict=True)]
    for places, sign in ((diagonal, "equals"), (above, "is later than"), (below, "is earlier than")):
        if not any((w & ~p).any() for w, p in zip(wrong, places, strict=True)):
            return f"It is wrong only where the {column} {sign} the {row}."
    return None
