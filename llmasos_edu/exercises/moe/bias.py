"""Exercises of chapter 4.3: balance without a loss, by a bias.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.moe.routing import mask_of_best

# 4.3-6 --------------------------------------------------------------------------------


def bias_step(probs, bias, top_k, rate):
    """probs [tokens, experts], bias [experts], rate a number -> gates [tokens, experts], bias [experts]."""
    chosen = (probs + bias).topk(top_k, dim=-1).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = torch.bincount(chosen.flatten(), minlength=len(bias)).to(probs.dtype)
    return gates, bias + rate * torch.sign(load.mean() - load)


def _step(probs, bias, top_k, rate, *, scores=None, gates=None, move=None, after=None):
    """The right pair with some of its steps replaced."""
    mask = mask_of_best(probs + bias if scores is None else scores(probs, bias), top_k)
    load = mask.sum(0).to(probs.dtype)
    direction = torch.sign(load.mean() - load) if move is None else move(load, probs)
    return (
        probs * mask if gates is None else gates(probs, bias, mask),
        bias + rate * direction if after is None else after(bias, rate * direction),
    )


def _load_from_gates(probs, bias, top_k, rate):
    return _step(probs, bias, top_k, rate, move=lambda _, p: _towards(p * _mask(p, bias, top_k) > 0))


def _towards(mask):
    load = mask.sum(0, dtype=torch.float)
    return torch.sign(load.mean() - load)


def _chosen_again(probs, bias, top_k, rate):
    sums, mask = probs + bias, torch.zeros_like(probs, dtype=torch.bool)
    for _ in range(top_k):
        best = sums.argmax(-1, keepdim=True)
        mask.scatter_(-1, best, True)
        sums.scatter_(-1, best, 0.0)
    return probs * mask, bias + rate * _towards(mask)


def _mask(probs, bias, top_k, rate=None):
    return mask_of_best(probs + bias, top_k).to(probs.dtype)


def _from_mean(load):
    return torch.sign(load.mean() - load)


def _bias_case(name: str, seed: int, tokens: int, num_experts: int, top_k: int, rate: float, **sizes) -> Case:
    logits, bias = random_tensors(seed, (tokens, num_experts), (num_experts,))
    favour = sizes.get("favour", 0.0) * torch.arange(num_experts) / num_experts
    return Case(name, ((logits + favour).softmax(-1), sizes.get("bias", 0.1) * bias, top_k, rate))


BIAS_STEP = Exercise(
    key="4.3-6",
    title="Balance by a bias",
    difficulty=2,
    minutes=15,
    statement=(
        "Balance without a loss (Wang et al. 2024): every expert has a bias. A token chooses the top_k "
        "experts by probability plus bias (no two sums are equal here), but the gate of a chosen expert is "
        "its probability alone (not renormalised; zero for the others). After the batch count the load, the "
        "number of choices of each expert. Every expert with less than the mean load has its bias raised by "
        "rate, every one with more has it lowered by rate, and one exactly at the mean keeps it. Return the "
        "gates and the new bias; leave the old one as it is."
    ),
    takeaway="The bias decides who works, and never how much the answer counts: no gradient is disturbed.",
    reference=bias_step,
    explanation="The bias enters the choice alone; the sign of (mean load - load) moves it by equal steps.",
    hints=(
        "Two scores are at work: one to choose by, one to weigh by. Write down which of the two knows the "
        "bias.",
        "With 6 tokens, 4 experts and k = 2 there are 12 choices. What is the mean load? Which way does the "
        "bias of an expert with load 5 go?",
        "All experts move by the same step, however far from the mean they are. Which function of the "
        "difference gives 1, 0 or -1?",
    ),
    any_order=False,
    cases=(
        _bias_case("6 tokens, 4 experts, k = 2", 541, 6, 4, 2, 0.01),
        _bias_case("k = 1, one expert favoured", 542, 10, 4, 1, 0.05, favour=4.0),
        _bias_case("a bias that outweighs the probabilities", 543, 8, 5, 2, 0.1, bias=2.0),
        _bias_case("no bias yet, 3 experts", 544, 9, 3, 1, 0.001, bias=0.0, favour=1.0),
        Case(
            "loads 3, 2, 1: one exactly at the mean",
            (
                torch.tensor([[0.6, 0.3, 0.1]] * 3 + [[0.2, 0.7, 0.1]] * 2 + [[0.2, 0.1, 0.7]]),
                torch.tensor([0.02, 0.0, -0.02]),
                1,
                0.01,
            ),
        ),
        _bias_case("12 tokens, 8 experts, k = 3", 545, 12, 8, 3, 0.02, bias=0.05),
        Case(
            "sums far below zero, and a chosen probability of zero",
            (
                torch.tensor([[0.7, 0.25, 0.05], [0.0, 0.45, 0.55], [0.1, 0.15, 0.75]]),
                torch.tensor([-1.5, -3.0, -3.5]),
                2,
                0.1,
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "gate sees the bias",
            "You choose well, but the gates hold the bias as well. It would scale what the expert answers, "
            "and gates could become negative or exceed one.",
            (lambda *a: _step(*a, gates=lambda p, b, mask: (p + b) * mask),),
        ),
        Mistake(
            "load from the gates",
            "You count gates above zero. A chosen expert may have the probability zero, and so its gate: "
            "the choice counts all the same.",
            (_load_from_gates,),
        ),
        Mistake(
            "chosen again",
            "It comes out as if what is chosen were marked with a number such as 0: where the other sums lie "
            "below that, the same expert is chosen again. Mark it with minus infinity.",
            (_chosen_again,),
        ),
        Mistake(
            "choice ignores the bias",
            "Your tokens choose by probability alone, so the bias has no effect: a busy expert stays busy "
            "however low its bias sinks.",
            (lambda *a: _step(*a, scores=lambda p, b: p),),
        ),
        Mistake(
            "pushed the wrong way",
            "Busy experts become more attractive and idle ones less, so the imbalance grows from step "
            "to step. Look at the sign of your difference.",
            (lambda *a: _step(*a, move=lambda load, p: torch.sign(load - load.mean())),),
        ),
        Mistake(
            "step grows with the error",
            "Your step is larger for an expert that is farther from the mean. That is a fair idea, but here "
            "every expert off the mean moves by exactly rate; only the direction depends on the load.",
            (
                lambda *a: _step(*a, move=lambda load, p: load.mean() - load),
                lambda *a: _step(*a, move=lambda load, p: (load.mean() - load) / load.mean()),
                lambda *a: _step(*a, move=lambda load, p: (load.mean() - load) / load.sum()),
                lambda *a: _step(*a, move=lambda load, p: (load.mean() - load) / len(p)),
            ),
        ),
        Mistake(
            "mean load without k",
            "With k = 1 you are right. With more, you compare with tokens over experts, but there are k "
            "choices for each token: the mean load is k times as high.",
            (lambda *a: _step(*a, move=lambda load, p: torch.sign(len(p) / len(load) - load)),),
        ),
        Mistake(
            "only one side moves",
            "You move the busy experts or the idle ones, but not both. Each batch should lower the one and "
            "raise the other.",
            (
                lambda *a: _step(*a, move=lambda load, p: -(load > load.mean()).float()),
                lambda *a: _step(*a, move=lambda load, p: (load < load.mean()).float()),
                lambda *a: _step(*a, move=lambda load, p: (load == load.min()).float()),
                lambda *a: _step(*a, move=lambda load, p: -(load == load.max()).float()),
            ),
        ),
        Mistake(
            "an expert at the mean moves",
            "Right, except for an expert whose load is exactly the mean: yours moves, though it has nothing "
            "to correct.",
            (
                lambda *a: _step(*a, move=lambda load, p: 1 - 2.0 * (load >= load.mean())),
                lambda *a: _step(*a, move=lambda load, p: 1 - 2.0 * (load > load.mean())),
            ),
        ),
        Mistake(
            "old bias lost",
            "You return the step alone. The bias is a memory: it adds up what every batch has told it.",
            (lambda *a: _step(*a, after=lambda b, step: step),),
        ),
        Mistake(
            "load from probabilities",
            "You compare probabilities (of all tokens, or of those that chose the expert), not counts. What "
            "makes an expert busy is how many tokens chose it, however sure they were.",
            (lambda *a: _step(*a, move=lambda load, p: _from_mean(p.sum(0))),),
        ),
        Mistake(
            "load without the bias",
            "Your load counts what the tokens would choose by probability alone. What each expert had to do "
            "in this batch was chosen with the bias: count those choices.",
            (lambda p, b, *a: _step(p, b, *a, move=lambda load, _: _from_mean(_mask(p, 0 * b, *a).sum(0))),),
        ),
        Mistake(
            "load of the first choices",
            "With k = 1 you are right. With more, your load counts each token's best choice alone; an expert "
            "works for those to whom it is the second as well.",
            (lambda p, b, *a: _step(p, b, *a, move=lambda load, _: _from_mean(_mask(p, b, 1).sum(0))),),
        ),
        Mistake(
            "another middle",
            "You compare the loads with another number than their mean: it is all choices over all experts, "
            "idle ones included, and it may be a fraction. Is yours rounded, a median, or of the busy ones?",
            (
                lambda *a: _step(*a, move=lambda load, p: torch.sign(load.median() - load)),
                lambda *a: _step(*a, move=lambda load, p: torch.sign(load.mean().round() - load)),
                lambda *a: _step(*a, move=lambda load, p: torch.sign(load[load > 0].mean() - load)),
            ),
        ),
        Mistake(
            "idle experts keep their bias",
            "An expert that nobody chose keeps its bias in your version. Its load is 0, which is less than "
            "the mean: it is the first that should be raised.",
            (lambda *a: _step(*a, move=lambda load, p: _from_mean(load) * (load > 0)),),
        ),
        Mistake(
            "bias taken off",
            "It comes out as if the bias were subtracted where the tokens choose. It is added: raised, it "
            "makes an expert more attractive.",
            (lambda *a: _step(*a, scores=lambda p, b: p - b),),
        ),
        Mistake(
            "bias multiplied",
            "Your new bias is the old one times a factor: a bias of zero would never move. The step is "
            "added, or taken off.",
            (lambda *a: _step(*a, after=lambda b, step: b * (1 + step)),),
        ),
        Mistake(
            "probabilities times bias",
            "It comes out as if the tokens chose by probability times bias, or times one plus bias. The bias "
            "is added to the probability.",
            (
                lambda *a: _step(*a, scores=lambda p, b: p * (1 + b)),
                lambda *a: _step(*a, scores=lambda p, b: p * b),
            ),
        ),
        Mistake(
            "gates are only 0 and 1",
            "The new bias is right, and your gates say who was chosen, not how much it counts. The gate of a "
            "chosen expert is its probability.",
            (lambda *a: _step(*a, gates=lambda p, b, mask: mask.to(p.dtype)),),
        ),
        Mistake(
            "chosen with the new bias",
            "The new bias is right, and your gates are those of a choice with it. The tokens of this batch "
            "choose with the old one; the new one is for the next.",
            (lambda p, b, k, r: (p * _mask(p, _step(p, b, k, r)[1], k), _step(p, b, k, r)[1]),),
        ),
        Mistake(
            "gates renormalised",
            "Choice and bias are right, but your gates add up to one. Here the probabilities stay as they "
            "are.",
            (
                lambda *a: _step(*a, gates=lambda p, b, mask: p * mask / (p * mask).sum(-1, keepdim=True)),
                lambda *a: _step(*a, gates=lambda p, b, mask: p.masked_fill(~mask, -torch.inf).softmax(-1)),
            ),
        ),
        Mistake(
            "gates for all",
            "The new bias is right, and experts that were not chosen have a gate as well: there it is zero.",
            (lambda *a: _step(*a, gates=lambda p, b, mask: p),),
        ),
    ),
    parts=("gate matrix", "new bias"),
)


EXERCISES = (BIAS_STEP,)
