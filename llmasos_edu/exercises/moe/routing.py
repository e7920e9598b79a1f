"""Exercises of chapter 4.3, the part on gates: the best k experts, and where the softmax stands.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 4.3-2 --------------------------------------------------------------------------------


def top_k_gates(logits, top_k):
    """logits [tokens, experts], top_k an int -> gates [tokens, experts], zero for experts not chosen."""
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    hidden = torch.ones_like(logits, dtype=torch.bool).scatter(-1, chosen, False)
    return logits.masked_fill(hidden, -torch.inf).softmax(dim=-1)


def mask_of_best(scores: torch.Tensor, top_k: int, *, dim=-1, last_of_equals=False, stable=True):
    """True for the `top_k` highest scores along an axis; of equal ones the first is taken."""
    scores = scores.flip(dim) if last_of_equals else scores
    rank = scores.argsort(dim=dim, descending=True, stable=stable).argsort(dim=dim)
    mask = rank < top_k
    return mask.flip(dim) if last_of_equals else mask


def _after(logits, mask):
    return logits.masked_fill(~mask, -torch.inf).softmax(-1)


def _before(logits, mask):
    return logits.softmax(-1) * mask


def _threshold(logits, top_k):
    return logits >= logits.topk(top_k).values[:, -1:]


def _divided_by_constant(logits, top_k):
    gates = _before(logits, mask_of_best(logits, top_k))
    return gates / gates.sum(-1, keepdim=True).detach()


def _logits_over_their_sum(logits, top_k):
    kept = logits * mask_of_best(logits, top_k)
    return kept / kept.sum(-1, keepdim=True)


def _chosen_over_their_sum(logits, top_k):
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    kept = logits.gather(-1, chosen)
    return torch.zeros_like(logits).scatter(-1, chosen, kept / kept.sum(-1, keepdim=True))


def _softmax_twice(logits, top_k):
    return _after(logits.softmax(-1), mask_of_best(logits, top_k))


def _gates_case(name: str, seed: int, tokens: int, num_experts: int, top_k: int, size: float = 1.5) -> Case:
    return Case(name, (size * random_tensors(seed, (tokens, num_experts))[0], top_k))


TOP_K = Exercise(
    key="4.3-2",
    title="The gates of the best k",
    difficulty=1,
    minutes=15,
    statement=(
        "Choose for each token the top_k experts with the highest logits. Give every other expert the gate "
        "zero, and renormalise: the gates of the chosen are in the proportions of the softmax and add up to "
        "one. Among equal logits the expert with the lower index is taken. The router learns through these "
        "gates, so the gradient is checked as well."
    ),
    takeaway="The choice itself has no gradient; the chosen gates have one, as they compete in a softmax.",
    reference=top_k_gates,
    explanation="Whoever is not chosen gets the logit minus infinity; the softmax does the rest.",
    hints=(
        "Take the logits 2, 1, 0 and k = 2. Compute the softmax of all three, keep two of them, and divide "
        "by their sum. Then compute the softmax of 2 and 1 alone. What do you notice?",
        "Which logit must an expert have for its softmax to be exactly zero? (It is not zero: the "
        "exponential of zero is 1.)",
        "For the ties: torch's topk promises nothing about equal numbers. A sort can be asked to keep equal "
        "ones in the order in which it found them.",
    ),
    cases=(
        _gates_case("6 tokens, 4 experts, k = 2", 501, 6, 4, 2),
        _gates_case("k = 1", 502, 5, 3, 1),
        _gates_case("k = number of experts", 503, 4, 3, 3),
        Case("all logits equal, k = 2", (torch.zeros(2, 4), 2)),
        Case("three share the first two places", (torch.tensor([[1.0, 3, 3, 0, 3, 1]]), 2)),
        Case("three equal beside a low one", (torch.tensor([[4.0, 4, 4, 0], [0, 4, 4, 4]]), 2)),
        _gates_case("8 experts, k = 3, logits of several tens", 504, 6, 8, 3, size=20.0),
        Case("negative logits only", (-3 - random_tensors(505, (4, 5))[0].abs(), 2)),
        Case("nearly equal logits, k = 1", (torch.tensor([[0.5, 0.5005, -1], [0, 5e-7, -1]]), 1)),
        Case("logits far below zero", (torch.tensor([[-300.0, -301, -300.5, -304]]), 2)),
        Case("40 experts of two kinds, k = 2", (torch.tensor([[0.0, 1] * 20]), 2)),
    ),
    mistakes=(
        Mistake(
            "not renormalised",
            "A token's gates do not add up to one: they are the probabilities of a "
            "softmax over all experts, and the share of those left out is missing. A token that divides its "
            "favour among many gets a faint answer.",
            (
                lambda z, k: _before(z, mask_of_best(z, k)),
                lambda z, k: _before(z, mask_of_best(z, k, last_of_equals=True)),
            ),
        ),
        Mistake(
            "not renormalised, and ties let in",
            "Your gates are the probabilities of a softmax over all experts as they are: they have to be "
            "renormalised among the chosen. And where logits are equal, more than k experts have one.",
            (lambda z, k: _before(z, _threshold(z, k)),),
        ),
        Mistake(
            "zero logits for the others",
            "Experts that were not chosen still have a gate: you set their logits to zero, and the "
            "exponential of zero is 1. With negative logits they even win.",
            (lambda z, k: (z * mask_of_best(z, k)).softmax(-1),),
        ),
        Mistake(
            "zero logits take a share",
            "Your gates do not add up to one: the logits of the others are set to 0, and these take a share "
            "of the softmax before they are put to zero. What is the exponential of 0?",
            (lambda z, k: _before(z * mask_of_best(z, k), mask_of_best(z, k)),),
        ),
        Mistake(
            "softmax taken twice",
            "However sure the router is, none of the chosen gets more than 2.72 times as much as another: a "
            "softmax of probabilities acts where one of logits should. Which of the two is one too many?",
            (
                _softmax_twice,
                lambda z, k: (z.softmax(-1) * mask_of_best(z, k)).softmax(-1),
            ),
        ),
        Mistake(
            "ties let too many in",
            "Where logits are equal, more than k experts have a gate: you keep all that reach the k-th "
            "highest number, and several may. Count the chosen ones.",
            (lambda z, k: _after(z, _threshold(z, k)),),
        ),
        Mistake(
            "the k-th left out",
            "Only experts above the k-th highest number have a gate: the k-th itself belongs to the chosen "
            "(`>` where `>=` was meant, or k - 1 places).",
            (
                lambda z, k: _after(z, z > z.topk(k).values[:, -1:]).nan_to_num(),
                lambda z, k: _after(z, z > z.topk(k).values[:, -1:]),
            ),
        ),
        Mistake(
            "ties left to chance",
            "Right, except where logits are equal: there you take another expert than the first. A sort read "
            "from its end does that, torch's topk, and its sort without `stable=True`.",
            (
                lambda z, k: _after(z, mask_of_best(z, k, last_of_equals=True)),
                lambda z, k: _after(z, mask_of_best(z, k, stable=False)),
            ),
        ),
        Mistake(
            "chosen over the tokens",
            "You choose the best tokens of each expert, not the best experts of each token. Which axis "
            "counts the experts?",
            (
                lambda z, k: _after(z, mask_of_best(z, k, dim=0)).nan_to_num(),
                lambda z, k: _before(z, mask_of_best(z, k, dim=0)),
                lambda z, k: z.masked_fill(~mask_of_best(z, k, dim=0), -torch.inf).softmax(0),
            ),
        ),
        Mistake(
            "the lowest chosen",
            "Your tokens go to the experts that they like least. Look at the direction of your sort.",
            (lambda z, k: _after(z, mask_of_best(-z, k)), lambda z, k: _before(z, mask_of_best(-z, k))),
        ),
        Mistake(
            "all chosen count the same",
            "Each chosen expert has the same gate, so nothing remains of how much better one is than the "
            "other, and no gradient reaches the router: it would never learn.",
            (
                lambda z, k: mask_of_best(z, k) / k,
                lambda z, k: mask_of_best(z, k).float(),
            ),
        ),
        Mistake(
            "place taken for rank",
            "One sort tells which expert is on each place; you use it as if it told which place each expert "
            "has. These are two questions: the order has to be undone, or laid back by its numbers.",
            (lambda z, k: _after(z, (-z).argsort(dim=-1, stable=True) < k),),
        ),
        Mistake(
            "sigmoids shared out",
            "Your chosen gates add up to one, but they are in the proportions of sigmoids. Asked are those "
            "of the softmax, that is of the exponentials: a logit higher by one counts 2.7 times as much.",
            (lambda z, k: (s := z.sigmoid() * mask_of_best(z, k)) / s.sum(-1, keepdim=True),),
        ),
        Mistake(
            "router cut off",
            "The numbers are right, but no gradient reaches the router: something takes the gates out of the "
            "graph. It would send tokens about for ever as it did on the first day.",
            (lambda z, k: _after(z, mask_of_best(z, k)).detach(),),
        ),
        Mistake(
            "divided by a constant",
            "The numbers are right, the gradient is not: you divide by the sum as if it were a fixed number. "
            "When one of the chosen logits rises, by how much do the other gates have to fall?",
            (_divided_by_constant,),
        ),
        Mistake(
            "logits divided by their sum",
            "You divide the logits by their sum. Logits may be negative or add up to zero, so gates below "
            "zero or NaN can come of it. What makes numbers positive before they are shared out?",
            (_logits_over_their_sum, _chosen_over_their_sum),
        ),
    ),
    observe=value_and_gradient,
    parts=("gate matrix", "gradient of the logits"),
)


# 4.3-3 --------------------------------------------------------------------------------


def two_orders(logits, top_k):
    """logits [tokens, experts] -> before and after, both [tokens, top_k], and share [tokens, 1]."""
    probs = logits.softmax(dim=-1)
    before = probs.topk(top_k, dim=-1).values
    after = logits.topk(top_k, dim=-1).values.softmax(dim=-1)
    return before, after, before.sum(dim=-1, keepdim=True)


def _orders(logits, top_k, *, probs=None, best=lambda v: v, after=None, share=None):
    """The right triple with some of its steps replaced."""
    values = best(logits.sort(-1, descending=True).values)
    before = best((logits.softmax(-1) if probs is None else probs(logits)).sort(-1, descending=True).values)
    before, values = before[:, :top_k], values[:, :top_k]
    second = values.softmax(-1) if after is None else after(values, before)
    return before, second, (before.sum(-1, keepdim=True) if share is None else share(before, second))


def _exchanged(logits, top_k):
    before, after, share = _orders(logits, top_k)
    return after, before, share


def _renormalised(logits, top_k):
    before, after, share = _orders(logits, top_k)
    return before / share, after, share


ORDERS = Exercise(
    key="4.3-3",
    title="The softmax before the choice, or after it",
    difficulty=2,
    minutes=10,
    statement=(
        "Models differ in where the softmax stands. `before`: softmax over all experts, then the top_k "
        "probabilities as they are. `after`: the top_k logits, then a softmax over these alone. Return both, "
        "the best expert first. The two differ by one factor for each token. Return it as well: `share` is "
        "the number that a token's `before` must be divided by to become its `after`."
    ),
    takeaway=(
        "So a softmax after the choice equals one before it with renormalisation. With k = 1 such a gate "
        "is always 1 and teaches the router nothing; Switch, which has k = 1, keeps the probability."
    ),
    reference=two_orders,
    explanation="Both keep the proportions of the exponentials; `share` is the chosen ones' part of the sum.",
    hints=(
        "Take the logits 0, 0, 0, 0 and k = 2. What is each probability before the choice? What is it when "
        "only two compete?",
        "A softmax divides exponentials by their sum. What is that sum in `before`, and what is it in "
        "`after`? The share is the ratio of the two.",
        "Look at the share from the other side: `after` adds up to one for each token. What does `before` "
        "add up to?",
    ),
    cases=(
        _gates_case("6 tokens, 5 experts, k = 2", 511, 6, 5, 2),
        _gates_case("k = 1", 512, 5, 4, 1),
        _gates_case("k = number of experts", 513, 3, 3, 3),
        _gates_case("a single token, 8 experts, k = 3", 514, 1, 8, 3),
        _gates_case("as many tokens as experts", 515, 4, 4, 2, size=3.0),
        _gates_case("logits of several hundred", 516, 4, 6, 2, size=150.0),
    ),
    mistakes=(
        Mistake(
            "before and after exchanged",
            "The numbers are right and stand in each other's place. In `before` the softmax is taken first "
            "and the choice made afterwards, so its gates add up to less than one.",
            (_exchanged,),
        ),
        Mistake(
            "before renormalised",
            "Your `before` adds up to one as well, so the two ways have become one. Models that take the "
            "softmax first and stop there pass on how sure the router was.",
            (
                _renormalised,
                lambda *a: _orders(*a)[1:2] * 2 + (_orders(*a)[1].sum(-1, keepdim=True),),
            ),
        ),
        Mistake(
            "after not renormalised",
            "Your `after` is `before` once more: its softmax still knows the experts that were not chosen. "
            "Over how many logits does it run?",
            (
                lambda *a: _orders(*a, after=lambda values, before: before),
                lambda *a: _orders(
                    *a, after=lambda values, before: before, share=lambda b, s: torch.ones_like(b[:, :1])
                ),
            ),
        ),
        Mistake(
            "softmax of probabilities",
            "Your `after` takes a softmax of numbers that have been through one: however sure the router "
            "is, no gate is more than 2.72 times another. It should start from the logits.",
            (lambda *a: _orders(*a, after=lambda values, before: before.softmax(-1)),),
        ),
        Mistake(
            "softmax over the tokens",
            "A softmax of yours runs over the tokens: a token's gates change when its neighbours do. Which "
            "axis counts the experts?",
            (
                lambda *a: _orders(*a, probs=lambda z: z.softmax(0)),
                lambda *a: _orders(*a, after=lambda values, before: values.softmax(0)),
                lambda *a: _orders(
                    *a, probs=lambda z: z.softmax(0), after=lambda values, before: values.softmax(0)
                ),
            ),
        ),
        Mistake(
            "share upside down",
            "Both gates are right, but your share is never below one: it is `after` over `before`. By what "
            "must `before` be divided?",
            (lambda *a: _orders(*a, share=lambda b, s: 1 / b.sum(-1, keepdim=True)),),
        ),
        Mistake(
            "mean instead of sum",
            "Both gates are right, but your share is too small by the factor k: you take the mean of the "
            "chosen probabilities. Try it: does `before` divided by it add up to one?",
            (lambda *a: _orders(*a, share=lambda b, s: b.mean(-1, keepdim=True)),),
        ),
        Mistake(
            "one share for all tokens",
            "Both gates are right, but you use a single number for all tokens. A token about which the "
            "router is sure loses little by the choice, another one much.",
            (
                lambda *a: _orders(*a, share=lambda b, s: b.sum(-1, keepdim=True).mean().expand(len(b), 1)),
                lambda *a: _orders(*a, share=lambda b, s: b.sum().expand(len(b), 1)),
            ),
        ),
        Mistake(
            "what the choice leaves out",
            "Your share is one minus the right one: what the experts that were not chosen had, or what the "
            "two gates differ by in all. Asked is the number that `before` is divided by to give `after`.",
            (lambda *a: _orders(*a, share=lambda b, s: (s - b).sum(-1, keepdim=True)),),
        ),
        Mistake(
            "difference instead of ratio",
            "Your share is a difference of the two gates. It should be a factor: divide one by the other for "
            "a single token, and see that every chosen expert gives the same number.",
            (lambda *a: _orders(*a, share=lambda b, s: (s - b)[:, :1]),),
        ),
        Mistake(
            "product instead of sum",
            "Both gates are right, but your share is the product of the chosen probabilities. What divides "
            "them so that they add up to one is their sum.",
            (lambda *a: _orders(*a, share=lambda b, s: b.prod(-1, keepdim=True)),),
        ),
        Mistake(
            "the first columns",
            "You take the first top_k experts of the table, and not the best ones. Each token has to be "
            "sorted first.",
            (lambda z, k: _orders(z[:, :k], k, probs=lambda _: z.softmax(-1)[:, :k], best=lambda v: v),),
        ),
        Mistake(
            "share of the best expert alone",
            "With k = 1 you are right. With more, your share is the probability of the best expert alone; "
            "`before` divided by it begins with 1 and adds up to more than one.",
            (lambda *a: _orders(*a, share=lambda b, s: b[:, :1]),),
        ),
        Mistake(
            "logits divided by their sum",
            "Your `after` is the chosen logits over their sum. Logits may be negative; what a softmax "
            "divides by its sum are exponentials.",
            (lambda *a: _orders(*a, after=lambda values, before: values / values.sum(-1, keepdim=True)),),
        ),
        Mistake(
            "worst first",
            "The exercise asks for the best expert first; your columns begin with the worst (or hold the "
            "least liked experts).",
            (
                lambda *a: tuple(part.flip(-1) for part in _orders(*a)),
                lambda *a: _orders(*a, best=lambda v: v.flip(-1)),
            ),
        ),
    ),
    parts=("tensor before", "tensor after", "share"),
)


EXERCISES = (TOP_K, ORDERS)
