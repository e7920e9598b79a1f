"""Which small change of the right result gives what came, in every case: a factor, a function, a move.

A number says little by itself: 0.69 for 1 may be a factor, an offset, a unit. So each change is tried on all
cases, those that are right included, and named only when it explains every one of them.
"""

import math

import torch

from llmasos_edu.exercises.checker.arrangements import along_an_axis, other_order, other_shape
from llmasos_edu.exercises.checker.pairs import Pair, all_cases, changes_anything, same, wrong_numbers
from llmasos_edu.exercises.checker.terms import said_of

# Factors that have a story.
STORIES = {
    -1.0: "The sign is the wrong way round.",
    math.log(2): "That is ln 2, which turns bits into nats: which of the two is asked for?",
    1 / math.log(2): "That is 1 / ln 2, which turns nats into bits: which of the two is asked for?",
    math.log(10): "That is ln 10: is a logarithm to another base taken?",
    1 / math.log(10): "That is 1 / ln 10: is a logarithm to another base taken?",
    math.log10(2): "That is log10 of 2: is the logarithm to the base 10 taken, where bits are asked for?",
    1 / math.log10(2): "That is 1 / log10 of 2: which base has the logarithm that is asked for?",
    2.0: "What is counted twice?",
    0.5: "What is halved, or counted once where it comes twice?",
    100.0: "Is it a share, or per cent?",
}
PLAIN = (2.0, 0.5, 100.0)
NO_STORY = "Is a factor left out, or is there one too many?"
POWERS = {1.0: "{}", -1.0: "1 / {}", 0.5: "the root of {}", -0.5: "1 / the root of {}"}
POWERS |= {2.0: "the square of {}", -2.0: "1 / the square of {}"}
BY_SIZE = "Is something summed that should be averaged (or averaged over too much), or scaled once too often?"


# What an answer may look like for quite another reason than a slip in this place.
VAGUE = ("another multiple in other cases", "a factor of its own", "a factor in one place")


def explain(pairs: list[Pair], noun: str, *, strict: bool = False) -> str | None:
    """The change of the right result that gives what came in all cases, in words.

    Args:
        pairs: one for each case, at least one of them not right.
        noun: what is compared, for example "your result" or "the gradient of x".
        strict: whether only what can hardly be chance is said.

    Returns:
        a sentence or two, or None where no change explains every case.
    """
    failing = [pair for pair in pairs if not pair.right]
    if failing and all(same(pair.got, pair.want) for pair in failing):
        return None  # so near that what changes next to nothing would explain it
    ways = (_same_everywhere, other_shape, _factor, _offset, _elementwise, along_an_axis, other_order)
    numbers = {float(p.want) for p in failing if p.want.numel() == 1} if _are_numbers(failing) else set()
    if len(numbers) == 1 and len(failing) > 1:
        ways = (_same_everywhere, other_shape)  # where one number is asked for, any change of it is as good
    for words in ways:
        found = words(pairs, failing)
        if found and not (strict and any(vague in found for vague in VAGUE)):
            return said_of(noun, found)
    return None


def _are_numbers(pairs: list[Pair]) -> bool:
    """Whether a single number is asked for, and came, in each case."""
    return all(p.want.numel() == 1 and p.got.numel() == 1 for p in pairs)


def explain_numbers(pairs: list[Pair], noun: str) -> str | None:
    """As `explain`, for a constant factor or a function of each number alone: what can hardly be chance."""
    failing = [pair for pair in pairs if not pair.right]
    for words in (_factor, _elementwise):
        found = words(pairs, failing)
        if found and not any(
            vague in found for vague in (*VAGUE, "is zero", "whether it is zero", BY_SIZE, STORIES[-1.0])
        ):
            return said_of(noun, found)
    return None


def _are_truths(pairs: list[Pair]) -> bool:
    """Whether nothing but 0 and 1 is asked for: True and False are not one apart."""
    return all(p.whole and bool(((p.want == 0) | (p.want == 1)).all()) for p in pairs)


def _reach(failing: list[Pair]) -> str:
    return "here and in every other case that fails" if len(failing) > 1 else "throughout"


def _same_everywhere(pairs: list[Pair], failing: list[Pair]) -> str | None:
    """One number or truth value that came in every case, where several are asked for."""
    alone = all(p.got.numel() == 1 and p.got.shape == p.want.shape for p in pairs)
    if not alone or len(pairs) < 3 or any(float(p.got) != float(pairs[0].got) for p in pairs):
        return None
    came = float(pairs[0].got)
    if not math.isfinite(came) or len({float(p.want) for p in pairs}) < 2:
        return None
    if _are_truths(pairs) and came in (0, 1):
        return f"is {bool(came)} in every case that is tried, and so {bool(came)} where {not came} is right."
    if not came:
        return "is zero, in every case."
    return f"is {came:.6g} in every case that is tried, though several are asked for."


def _factor(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if _are_truths(pairs) or any(
        p.got.shape != p.want.shape or (p.whole and p.want.dim() > 0) for p in pairs
    ):
        return None
    if all(p.whole for p in pairs) and len({float(p.want) for p in failing}) < 3:
        return None  # one place too far is no multiple
    factors = [_ratio(pair) for pair in pairs]
    if any(f is None and not same(p.got, p.want) for f, p in zip(factors, pairs, strict=True)):
        return None
    known = [(f, p) for f, p in zip(factors, pairs, strict=True) if f is not None]
    wrong = [(f, p) for f, p in known if not p.right]
    if sum(int(p.want.ne(0).sum()) for _, p in wrong) < 2 or any(f == 0 for f, _ in wrong):
        return None
    by_size, first = _factor_by_size(known), wrong[0][0]
    if by_size:
        return by_size
    if not all(math.isclose(f, first, rel_tol=1e-2) for f, _ in wrong):
        several = [f for f, p in wrong if int(p.want.ne(0).sum()) > 1]
        if len(several) < 2 or all(math.isclose(f, several[0], rel_tol=1e-2) for f in several):
            return None  # one number is a multiple of any other
        start = (
            f"is {several[0]:.3g} times what it should be in one case, and another multiple in other cases."
        )
        return f"{start} What does that factor depend on?"
    if abs(first - 1) < 0.02:
        return None
    story = next((words for f, words in STORIES.items() if math.isclose(f, first, rel_tol=5e-3)), None)
    if (
        len(wrong) < 3
        and all(p.want.numel() == 1 for _, p in known)
        and (not story or any(math.isclose(first, f, rel_tol=5e-3) for f in PLAIN))
    ):
        return None  # twice as much in two cases of ten is no rule
    start = f"is {first:.3g} times what it should be, {_reach(failing)}."
    return f"{start} {story or NO_STORY}"


def _ratio(pair: Pair) -> float | None:
    """The one number that all of the right result was multiplied with; None where there is none."""
    if not pair.want.any() or not pair.got.isfinite().all() or not pair.want.isfinite().all():
        return None
    largest = pair.want.abs().argmax()
    factor = float(pair.got.flatten()[largest] / pair.want.flatten()[largest])
    return factor if same(pair.got, pair.want * factor) else None


def _factor_by_size(known: list[tuple[float, Pair]]) -> str | None:
    """The factor as a power of something that can be counted, where it is not the same in all cases."""
    if len({f"{f:.3g}" for f, _ in known}) < 2:
        return None
    for power, form in POWERS.items():
        for name in sorted(set.intersection(*(set(pair.sizes) for _, pair in known))):
            sizes = [(f, pair.sizes[name]) for f, pair in known]
            if all(size > 0 and math.isclose(f, size**power, rel_tol=5e-3) for f, size in sizes):
                spoken = form.format(name if name.startswith("the ") else f"`{name}`")
                return f"is {spoken} times what it should be, in every case. {BY_SIZE}"
    return None


def _offset(pairs: list[Pair], failing: list[Pair]) -> str | None:
    # One too many in two cases of nine is no rule: whole and single numbers come out so by chance.
    if _are_truths(pairs):
        return None
    single = all(p.want.numel() == 1 for p in pairs)
    enough = 3 if single or all(p.whole for p in pairs) else 2
    if any(p.got.shape != p.want.shape for p in pairs) or wrong_numbers(failing) < enough:
        return None
    gaps = torch.cat([(p.got - p.want)[p.want.isfinite()].flatten() for p in failing])
    if gaps.numel() < 2 or not gaps.isfinite().all() or not same(gaps, gaps[:1].expand_as(gaps)):
        return None
    gap = float(gaps[0])
    if abs(gap) < 1e-6 or not all(same(p.got, p.want + gap) for p in failing):
        return None
    way = "large" if gap > 0 else "small"
    return f"is too {way} by {abs(gap):.4g}, {_reach(failing)}. What is added, or left out?"


ELEMENTWISE = {
    "zero": lambda w: 0 * w,
    "the square of what it should be": lambda w: w.square(),
    "the root of what it should be": lambda w: w.sqrt(),
    "one divided by what it should be": lambda w: 1 / w,
    "the exponential of what it should be": lambda w: w.exp(),
    "the natural logarithm of what it should be": lambda w: w.log(),
    "the logarithm to the base 2 of what it should be": lambda w: w.log2(),
    "minus the logarithm of what it should be": lambda w: -w.log(),
    "two to the power of what it should be": lambda w: w.exp2(),
    "one minus what it should be": lambda w: 1 - w,
    "the logarithm to the base 10 of what it should be": lambda w: w.log10(),
    "what it should be without its sign": lambda w: w.abs(),
    "what it should be with every negative number set to zero": lambda w: w.clamp(min=0),
    "what it should be with every positive number set to zero": lambda w: w.clamp(max=0),
    "what it should be, cut to at most 1": lambda w: w.clamp(max=1),
    "what it should be after a sigmoid": lambda w: w.sigmoid(),
    "what it should be after a tanh": lambda w: w.tanh(),
    "what it should be, cut to whole numbers": lambda w: w.trunc(),
    "what it should be, rounded to whole numbers": lambda w: w.round(),
    "what it should be, rounded up": lambda w: w.ceil(),
    "only whether it is zero or not": lambda w: w.ne(0).to(w.dtype),
}  # fmt: skip


def _elementwise(pairs: list[Pair], failing: list[Pair]) -> str | None:
    if any(p.got.shape != p.want.shape for p in pairs) or wrong_numbers(failing) < 2:
        return None
    if all(p.whole for p in pairs):
        if _are_truths(pairs) and all_cases(pairs, lambda p: 1 - p.want):
            return "is exactly inverted: true where it should be false, and false where it should be true."
        return None
    for words, change in ELEMENTWISE.items():
        if all_cases(pairs, lambda p, change=change: change(p.want)) and changes_anything(failing, change):
            return f"is {words}, in every case."
    return None
