"""Exercises of chapter 4.3, the part on losses: the balance loss and the router z-loss.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient
from llmasos_edu.exercises.moe.routing import mask_of_best

# 4.3-4 --------------------------------------------------------------------------------


def balance_loss(logits, top_k):
    """logits [tokens, experts], experts a token -> the loss [], without unit."""
    num_tokens, num_experts = logits.shape
    probs = logits.softmax(dim=-1)
    chosen = logits.topk(top_k, dim=-1).indices
    load = torch.bincount(chosen.flatten(), minlength=num_experts) / num_tokens
    return num_experts * (load * probs.mean(dim=0)).sum()


def _balance(logits, top_k, *, load=lambda mask, probs: mask.mean(0), probability=lambda mask, p: p.mean(0)):
    """The loss from what stands for f and what stands for P."""
    probs = logits.softmax(-1)
    mask = mask_of_best(logits.detach(), top_k).to(probs.dtype)
    return logits.shape[-1] * (load(mask, probs) * probability(mask, probs)).sum()


def _multiplied_first(logits, top_k):
    return logits.shape[-1] * (logits.softmax(-1) * mask_of_best(logits, top_k)).mean(0).sum()


def _variation(logits, top_k):
    importance = logits.softmax(-1).sum(0)
    return importance.var(correction=0) / importance.mean() ** 2


def _balance_case(name: str, seed: int, tokens: int, num_experts: int, top_k: int, favour: float = 0) -> Case:
    logits = random_tensors(seed, (tokens, num_experts))[0]
    return Case(name, (logits + favour * torch.arange(num_experts) / num_experts, top_k))


_ROUND = 3 * torch.eye(4)[torch.arange(8) % 4] + torch.tensor([0.0, 0.1, 0.2, 0.3])

BALANCE = Exercise(
    key="4.3-4",
    title="The balance loss",
    difficulty=2,
    minutes=15,
    statement=(
        "The loss of the Switch transformer (Fedus et al. 2021, section 2.2), here for any k: the number of "
        "experts times the sum over experts of f times P. f is how many of the tokens' top_k choices fall on "
        "the expert, divided by the number of tokens. P is the router's mean probability of the expert over "
        "all tokens (softmax over all experts). By hand: 4 tokens, 2 experts, k = 1, f = (3/4, 1/4), P = "
        "(0.6, 0.4) give 2 (0.45 + 0.1) = 1.1. The loss is to be trained with, so the gradient is checked as "
        "well."
    ),
    takeaway="Counts say which expert is too busy, probabilities carry the gradient that changes it.",
    reference=balance_loss,
    explanation="f is a count and has no gradient; each logit feels it through P, stronger where f is large.",
    hints=(
        "Compute f by hand for 3 tokens that choose the experts 0, 0 and 2 of three. What do all entries of "
        "f add up to when k = 2?",
        "f and P are two vectors with one entry an expert. The first is counted over tokens, the second is a "
        "mean over tokens. Only then are they multiplied.",
        "At perfect balance with k = 1 each f and each P is one over the number of experts. Which factor "
        "makes the loss 1 then, whatever that number is?",
    ),
    cases=(
        _balance_case("6 tokens, 4 experts, k = 1", 521, 6, 4, 1),
        _balance_case("10 tokens, 5 experts, k = 2", 522, 10, 5, 2, favour=1.5),
        Case("perfect balance, k = 1", (_ROUND, 1)),
        _balance_case("nearly all tokens want the same expert", 523, 12, 3, 1, favour=9),
        _balance_case("more experts than tokens, k = 3", 524, 4, 8, 3),
        _balance_case("a single token", 525, 1, 3, 2),
        Case("faint majority for one expert", (torch.tensor([[0.1, 0, 0]] * 5 + [[0.0, 4, 1]] * 2), 1)),
    ),
    mistakes=(
        Mistake(
            "from hard counts alone",
            "Your loss is made of counts. It has the right idea, but a count has no gradient: the router "
            "would never learn from it. Which of its factors should be able to move?",
            (
                lambda *a: _balance(*a, probability=lambda mask, p: mask.mean(0)),
                lambda *a: _balance(*a, probability=lambda mask, p: mask.mean(0) / a[1]),
            ),
        ),
        Mistake(
            "router cut off",
            "The number is right, but no gradient comes back from it: something takes the probabilities out "
            "of the graph, and the router would never learn.",
            (lambda *a: _balance(*a).detach(),),
        ),
        Mistake(
            "from probabilities alone",
            "Your loss never looks at where the tokens went: both factors are probabilities. A router that "
            "prefers one expert only a little, but always, sends it every token, and your loss hardly sees.",
            (
                lambda *a: _balance(*a, load=lambda mask, p: p.mean(0)),
                lambda *a: _balance(*a, load=lambda mask, p: p.mean(0).detach()),
                lambda *a: _balance(*a, load=lambda mask, p: a[1] * p.mean(0)),
            ),
        ),
        Mistake(
            "averaged over experts",
            "Your loss is the right one over the number of experts (or its square): a factor is missing, or "
            "a mean stands for the sum. Perfect balance then gives another number for 8 experts than for 64.",
            (
                lambda z, k: _balance(z, k) / z.shape[-1],
                lambda z, k: _balance(z, k) / z.shape[-1] ** 2,
            ),
        ),
        Mistake(
            "load divided by k",
            "Your loss is the right one over k, as if the counts were divided by the number of choices: then "
            "f adds up to one for every k. The exercise divides by the tokens, so perfect balance gives k.",
            (lambda z, k: _balance(z, k) / k,),
        ),
        Mistake(
            "first choices only",
            "With k = 1 you are right. With more you count only each token's first choice, and an expert "
            "that is everybody's second seems idle.",
            (lambda z, k: _balance(z, 1), lambda z, k: k * _balance(z, 1)),
        ),
        Mistake(
            "load weighted by the gates",
            "Your load is not a count: each choice counts as much as its probability. An expert that is "
            "chosen with little conviction has just as much work.",
            (
                lambda *a: _balance(*a, load=lambda mask, p: (mask * p).mean(0)),
                lambda *a: _balance(*a, load=lambda mask, p: (mask * p).mean(0).detach()),
            ),
        ),
        Mistake(
            "gates for probabilities",
            "Your P is the mean of the gates, which are shared out anew among the chosen experts. Asked is "
            "the softmax over all experts: an expert that is not chosen has a probability too.",
            (
                lambda *a: _balance(
                    *a, probability=lambda mask, p: (mask * p / (mask * p).sum(-1, keepdim=True)).mean(0)
                ),
            ),
        ),
        Mistake(
            "probability of the chosen only",
            "Your mean probability leaves out the tokens that did not choose the expert. All tokens count "
            "for P: an expert becomes more likely only if somebody who passes it by feels a pull.",
            (lambda *a: _balance(*a, probability=lambda mask, p: (mask * p).mean(0)),),
        ),
        Mistake(
            "multiplied before the mean",
            "You multiply choice and probability token by token (or average the probability over those "
            "who chose the expert). That measures how sure each token is of its expert; balance is a matter "
            "of the whole batch.",
            (_multiplied_first,),
        ),
        Mistake(
            "logits instead of probabilities",
            "Your P is a mean of logits. They can be shifted by any number without changing the router, "
            "but your loss changes with them. What turns logits into probabilities?",
            (lambda z, k: _balance(z, k, probability=lambda mask, p: z.mean(0)),),
        ),
        Mistake(
            "softmax over the tokens",
            "Your P comes of a softmax over the tokens, which gives every expert the same mean, however the "
            "router likes it. For one token, the probabilities of all experts add up to one.",
            (lambda z, k: _balance(z, k, probability=lambda mask, p: z.softmax(0).mean(0)),),
        ),
        Mistake(
            "another number in front",
            "The sum over experts is right, and another number stands before it than that of the experts: "
            "k, or the number of tokens.",
            (
                lambda z, k: _balance(z, k) / z.shape[-1] * k,
                lambda z, k: _balance(z, k) / z.shape[-1] * len(z),
            ),
        ),
        Mistake(
            "tokens and experts exchanged",
            "It comes out as if the numbers of tokens and of experts stood in each other's place: the counts "
            "over the experts, and the tokens in front. A share of the tokens has their number below it.",
            (lambda z, k: _balance(z, k) / z.shape[-1] ** 2 * len(z) ** 2,),
        ),
        Mistake(
            "only experts with tokens counted",
            "The number in front is right only where every expert has a token: it counts the experts that "
            "were chosen. Idle ones belong to the number of experts.",
            (lambda z, k: _balance(z, k) / z.shape[-1] * len(z.topk(k).indices.unique()),),
        ),
        Mistake(
            "experts counted up to the last chosen",
            "The number in front is right only where the last expert was chosen: it counts the experts up to "
            "the highest index that occurs. Idle ones behind it belong to the number of experts.",
            (lambda z, k: _balance(z, k) / z.shape[-1] * (int(z.topk(k).indices.max()) + 1),),
        ),
        Mistake(
            "softmax of the mean",
            "Your P is the softmax of the mean logits. P is a mean of probabilities: which of the two "
            "steps comes first, for each token by itself?",
            (lambda z, k: _balance(z, k, probability=lambda mask, p: z.mean(0).softmax(-1)),),
        ),
        Mistake(
            "counts not divided",
            "Your loss grows with the batch: the load is a number of tokens and not a share of them, or "
            "the probabilities are added up over the tokens and not averaged, or both.",
            (
                lambda *a: _balance(*a, load=lambda mask, p: mask.sum(0)),
                lambda *a: _balance(
                    *a, load=lambda mask, p: mask.sum(0), probability=lambda mask, p: p.sum(0)
                ),
            ),
        ),
        Mistake(
            "another balance loss",
            "You measure by a variation how unequal the mean probabilities are, or the counts. That is an "
            "older loss (Shazeer 2017); this one multiplies load by probability.",
            (
                _variation,
                lambda *a: (load := mask_of_best(*a).sum(0) * 1.0).var(correction=0) / load.mean() ** 2,
                lambda *a: (load := mask_of_best(*a).sum(0) * 1.0).var() / load.mean() ** 2,
            ),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the logits"),
)


# 4.3-5 --------------------------------------------------------------------------------


def z_loss(logits):
    """logits [tokens, experts] -> the loss [], nats squared."""
    return logits.logsumexp(dim=-1).square().mean()


def _z(logits):
    return logits.logsumexp(-1)


Z_LOSS = Exercise(
    key="4.3-5",
    title="The router's z-loss",
    difficulty=1,
    minutes=10,
    statement=(
        "Large logits of the router make training unstable (Zoph et al. 2022, section 3.3, equation 5). The "
        "z-loss keeps them small: for each token the logarithm of the sum of the exponentials of its logits "
        "(the logarithm of the softmax's denominator), squared; then the mean over tokens. It must stay "
        "finite for logits of several hundred. The gradient is checked as well."
    ),
    takeaway="A shift of all logits changes no probability, but it changes this loss: it holds them down.",
    reference=z_loss,
    explanation="A logarithm for each token, its square, and only then the mean over tokens.",
    hints=(
        "Two experts with logits 0 and 0: the sum of the exponentials is 2. What is the loss of this one "
        "token? How many numbers do you have before the mean, if there are 7 tokens?",
        "The exponential of 300 is infinite in float32. What changes in the logarithm of the sum if you "
        "take the largest logit out of all of them first?",
        "Torch has one function that does exponential, sum and logarithm in one step and in safety. The "
        "square comes after it and before the mean.",
    ),
    cases=(
        Case("6 tokens, 4 experts", random_tensors(531, (6, 4))),
        Case("a single token, 8 experts", (2 * random_tensors(532, (1, 8))[0],)),
        Case("a single expert", (3 * random_tensors(533, (5, 1))[0],)),
        Case("logits far below zero", (random_tensors(534, (4, 3))[0] - 6,)),
        Case("as many tokens as experts", (2 * random_tensors(535, (5, 5))[0],)),
        Case("logits of several hundred", (200 * random_tensors(536, (4, 6))[0],)),
        Case("about nine hundred, up and down", (torch.tensor([[900.0, 899, 10], [-901, -900, -903]]),)),
    ),
    mistakes=(
        Mistake(
            "exponentials overflow",
            "Right for small logits, but not finite for those of several hundred: their exponential does "
            "not fit into float32. Those are the logits that this loss is there for.",
            (lambda z: z.exp().sum(-1).log().square().mean(),),
        ),
        Mistake(
            "largest logit not given back",
            "You take each token's largest logit out before the exponential, which is safe, and do not add "
            "it to the logarithm afterwards. The loss no longer sees how large the logits are.",
            (lambda z: _z(z - z.amax(-1, keepdim=True)).square().mean(),),
        ),
        Mistake(
            "largest logits of all tokens added",
            "It comes out as if each token's largest logit were given back to every token: a column added to "
            "a row becomes a table [tokens, tokens]. Which axis of length one is one too many?",
            (lambda z: ((z - (m := z.amax(-1, keepdim=True))).exp().sum(-1).log() + m).square().mean(),),
        ),
        Mistake(
            "logits cut off",
            "Large logits are cut off at some number in your version. The loss stays finite so, and no "
            "longer sees the logits that it is there for: take out its largest one, and give it back.",
            tuple(
                (lambda z, most=most, least=least: z.clamp(least, most).logsumexp(-1).square().mean())
                for most in (20.0, 30.0, 50.0, 60.0, 80.0, 88.0, 100.0)
                for least in (-torch.inf, -most)
            ),
        ),
        Mistake(
            "not squared",
            "You take the mean of the logarithms, or of their absolute values, without squaring them. The "
            "square makes a token far from zero count much more than one near it.",
            (
                lambda z: _z(z).mean(),
                lambda z: _z(z).abs().mean(),
            ),
        ),
        Mistake(
            "square of the mean",
            "You average first and square afterwards, so a token with a large positive number and one with a "
            "large negative cancel out. Each should count by itself.",
            (lambda z: _z(z).mean().square(),),
        ),
        Mistake(
            "over the tokens",
            "Your sum of exponentials runs over the tokens (or over everything). The denominator of a "
            "softmax belongs to one token: over what does it sum?",
            (lambda z: z.logsumexp(0).square().mean(), lambda z: z.logsumexp((0, 1)).square()),
        ),
        Mistake(
            "summed over tokens",
            "You add the tokens up, so a larger batch has a larger loss. The exercise asks for their mean.",
            (lambda z: _z(z).square().sum(),),
        ),
        Mistake(
            "divided by all logits",
            "You add the tokens up and divide by the number of all logits. There is one square for each "
            "token: how many are there to average?",
            (lambda z: _z(z).square().sum() / z.numel(),),
        ),
        Mistake(
            "squares of the logits",
            "You square the logits themselves, or their sum. That is another loss: this one looks at the "
            "softmax's denominator, a sum of exponentials, one for each token.",
            (
                lambda z: z.square().logsumexp(-1).mean(),
                lambda z: z.square().mean(),
                lambda z: z.square().sum(-1).mean(),
                lambda z: z.sum(-1).square().mean(),
            ),
        ),
        Mistake(
            "largest logit only",
            "You square each token's largest logit. It is most of the answer where one expert is far ahead, "
            "but with equal logits the others count as much.",
            (lambda z: z.amax(-1).square().mean(),),
        ),
        Mistake(
            "of probabilities",
            "You start from probabilities (or their logarithms). After a softmax the size of the logits "
            "can no longer be seen, and that is what this loss is about.",
            (
                lambda z: z.softmax(-1).logsumexp(-1).square().mean(),
                lambda z: z.log_softmax(-1).square().mean(),
            ),
        ),
        Mistake(
            "always zero",
            "Your loss is 0 for all logits, as when they go through a log-softmax first: its denominator "
            "is 1, and the logarithm of that 0. The size of the logits has to be seen.",
            (lambda z: z.log_softmax(-1).logsumexp(-1).square().mean(),),
        ),
        Mistake(
            "mean of exponentials",
            "You take the mean of the exponentials instead of their sum: logits that are all zero would cost "
            "nothing. The denominator of a softmax is a sum.",
            (lambda z: (_z(z) - math.log(z.shape[-1])).square().mean(),),
        ),
        Mistake(
            "one added inside",
            "It comes out as if 1 were added to the sum of the exponentials (`log1p`). The softmax's "
            "denominator is the sum alone.",
            (
                lambda z: z.exp().sum(-1).log1p().square().mean(),
                lambda z: torch.nn.functional.softplus(_z(z)).square().mean(),
            ),
        ),
        Mistake(
            "another unit",
            "Your numbers are about twice too large: that is the square of a logarithm to base 2. Which "
            "logarithm undoes the exponential?",
            (lambda z: _z(z).square().mean() / math.log(2) ** 2,),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the logits"),
)


EXERCISES = (BALANCE, Z_LOSS)
