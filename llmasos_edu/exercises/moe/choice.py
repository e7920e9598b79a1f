"""Exercises of chapter 4.3, the part on balance without a loss: a bias, and experts that choose.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient
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
    ),
    mistakes=(
        Mistake(
            "gate sees the bias",
            "You choose well, but the gates hold the bias as well. It would scale what the expert answers, "
            "and gates could become negative or exceed one.",
            (lambda *a: _step(*a, gates=lambda p, b, mask: (p + b) * mask),),
        ),
        Mistake(
            "choice ignores the bias",
            "Your tokens choose by probability alone, so the bias has no effect: a busy expert stays busy "
            "however low its bias sinks.",
            (lambda *a: _step(*a, scores=lambda p, b: p),),
        ),
        Mistake(
            "pushed the wrong way",
            "Busy experts become more attractive and idle ones less: after some steps one expert has it all. "
            "Look at the sign of your difference.",
            (lambda *a: _step(*a, move=lambda load, p: torch.sign(load - load.mean())),),
        ),
        Mistake(
            "step grows with the error",
            "Your step is larger for an expert that is farther from the mean. That is a fair idea, but here "
            "every expert moves by exactly rate; only the direction depends on the load.",
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
            "choices for each token: nearly every expert looks busy.",
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
            "You compare mean probabilities, not counts. What makes an expert busy is how many tokens chose "
            "it, and since the bias took part in the choice, that can be quite another thing.",
            (lambda *a: _step(*a, move=lambda load, p: torch.sign(p.mean() - p.mean(0))),),
        ),
        Mistake(
            "gates renormalised",
            "Choice and bias are right, but your gates add up to one. Here the probabilities stay as they "
            "are.",
            (lambda *a: _step(*a, gates=lambda p, b, mask: p * mask / (p * mask).sum(-1, keepdim=True)),),
        ),
    ),
    parts=("gate matrix", "new bias"),
)


# 4.3-7 --------------------------------------------------------------------------------


def expert_choice(logits, capacity):
    """logits [tokens, experts], capacity: tokens an expert takes -> gates [tokens, experts]."""
    probs = logits.softmax(dim=-1)
    order = probs.argsort(dim=0, descending=True, stable=True)
    taken = torch.zeros_like(probs).scatter(0, order[:capacity], 1.0)
    return probs * taken


def _chosen(logits, capacity, *, scores=None, dim=0, last_of_equals=False, gates=lambda p, mask: p * mask):
    probs = logits.softmax(-1)
    wanted = (probs if scores is None else scores(logits)).detach()
    return gates(probs, mask_of_best(wanted, capacity, dim=dim, last_of_equals=last_of_equals))


def _one_expert_each(logits, capacity):
    """Experts choose in turn, and take only tokens that nobody has."""
    probs, free = logits.softmax(-1), torch.ones(len(logits), dtype=torch.bool)
    mask = torch.zeros(probs.shape, dtype=torch.bool)
    for expert in range(probs.shape[1]):
        mine = mask_of_best(probs[:, expert].detach().masked_fill(~free, -1), capacity) & free
        mask[:, expert], free = mine, free & ~mine
    return probs * mask


def _no_more_than_there_are(logits, capacity):
    probs = logits.softmax(-1)
    order = probs.topk(capacity, dim=0).indices
    return probs * torch.zeros_like(probs).scatter(0, order, 1.0)


def _threshold(logits, capacity):
    """All that reach the last probability that fits: of equals more than the capacity."""
    probs = logits.softmax(-1)
    line = probs.detach().topk(min(capacity, len(probs)), dim=0).values[-1]
    return torch.where(probs >= line, probs, 0.0)


def _divided(gates, dim):
    return gates / gates.sum(dim, keepdim=True).clamp(min=1e-9)


def _choice_case(name: str, seed: int, tokens: int, num_experts: int, capacity: int, favour=0.0) -> Case:
    logits, shift = random_tensors(seed, (tokens, num_experts), (tokens, 1))
    # A shift of all of a token's logits: no probability changes, but raw logits would choose differently.
    return Case(name, (logits + 3 * shift + favour * torch.arange(num_experts) / num_experts, capacity))


EXPERT_CHOICE = Exercise(
    key="4.3-7",
    title="The experts choose",
    difficulty=2,
    minutes=15,
    statement=(
        "Turn the choice round (Zhou et al. 2022): the router's probabilities are the softmax over the "
        "experts, as before, and each expert takes the `capacity` tokens that give it the highest "
        "probability (all tokens, if there are fewer). The gate is that probability, and zero where the "
        "expert did not take the token. Among equal probabilities the earlier token is taken. A token may "
        "have several experts, or none. The gradient is checked as well."
    ),
    takeaway=(
        "Every expert has the same work, without a loss. But later tokens decide about earlier ones, so a "
        "model that writes word by word cannot use it."
    ),
    reference=expert_choice,
    explanation="The softmax runs along a row, each token's; the choice runs down a column, each expert's.",
    hints=(
        "Draw a table with a row for each token and a column for each expert. Along which of the two does "
        "the softmax run? Along which does the choice?",
        "How many gates of a column are not zero, at least if there are enough tokens? And of a row?",
        "Two traps: a capacity larger than the number of tokens, and equal probabilities. A stable sort cut "
        "off after so many places has neither.",
    ),
    cases=(
        _choice_case("8 tokens, 4 experts, capacity 2", 551, 8, 4, 2),
        _choice_case("6 tokens, 3 experts, capacity 3", 552, 6, 3, 3, favour=3.0),
        _choice_case("capacity 1", 553, 5, 4, 1),
        _choice_case("capacity above the number of tokens", 554, 3, 2, 5),
        Case("4 equal tokens, capacity 2", (torch.tensor([[1.0, 0, 2]] * 4), 2)),
        _choice_case("as many tokens as experts", 555, 5, 5, 2),
        Case("3 equal tokens and another", (torch.tensor([[2.0, 0], [2, 0], [0, 2], [2, 0]]), 2)),
        Case("equal tokens, capacity 1", (torch.tensor([[2.0, 0], [2, 0], [0, 2], [1, 1]]), 1)),
    ),
    mistakes=(
        Mistake(
            "tokens choose",
            "Each of your tokens chooses `capacity` experts, as in the exercises before. Here it is the "
            "other way round: count the gates in a column.",
            (
                lambda *a: _chosen(*a, dim=1),
                lambda *a: _divided(_chosen(*a, dim=1), -1),
            ),
        ),
        Mistake(
            "softmax over the tokens",
            "Your softmax runs over the tokens, so an expert's gates add up to one and a token's do not. The "
            "choice has turned round, the probabilities have not.",
            (
                lambda z, c: z.softmax(0) * mask_of_best(z, c, dim=0),
                lambda z, c: z.softmax(0) * mask_of_best(z.softmax(-1), c, dim=0),
            ),
        ),
        Mistake(
            "chosen by logits",
            "Your experts compare raw logits. A token whose logits are all high is then taken by everybody, "
            "though none of its experts stands out. What makes two tokens comparable?",
            (lambda *a: _chosen(*a, scores=lambda z: z),),
        ),
        Mistake(
            "gates renormalised",
            "The choice is right, but you rescale the gates so that those of a token (or of an expert) add "
            "up to one. Here the probabilities stay as they are.",
            (
                lambda *a: _divided(_chosen(*a), -1),
                lambda *a: _divided(_chosen(*a), 0),
            ),
        ),
        Mistake(
            "gates are only 0 and 1",
            "You return who was taken, not how much it counts. Without the probability in it, no gradient "
            "tells the router which token was worth taking.",
            (lambda *a: _chosen(*a, gates=lambda p, mask: mask.float()),),
        ),
        Mistake(
            "router cut off",
            "The numbers are right, but no gradient reaches the router. The choice may be taken out of the "
            "graph; the probability that becomes the gate may not.",
            (lambda *a: _chosen(*a).detach(),),
        ),
        Mistake(
            "each token only once",
            "A token that one expert has taken is gone for the others in your version. Experts choose "
            "without looking at each other; a token may have several.",
            (_one_expert_each,),
        ),
        Mistake(
            "more tokens asked for than there are",
            "It works until the capacity exceeds the number of tokens, and then there are not that many to "
            "take. What should an expert do that has room for all?",
            (_no_more_than_there_are,),
        ),
        Mistake(
            "ties left to chance",
            "Right, except where tokens are equal: there you take another one than the first. Torch's topk "
            "promises nothing about equal numbers.",
            (lambda *a: _chosen(*a, last_of_equals=True),),
        ),
        Mistake(
            "ties let too many in",
            "Where probabilities are equal, an expert of yours takes more than its capacity: you keep all "
            "that reach the last probability which fits, and several may. Count the gates of a column.",
            (_threshold,),
        ),
        Mistake(
            "the tokens that want it least",
            "Your experts take the tokens that give them the lowest probability. Look at the direction of "
            "your sort.",
            (lambda *a: _chosen(*a, scores=lambda z: -z.softmax(-1)),),
        ),
    ),
    observe=value_and_gradient,
    parts=("gate matrix", "gradient of the logits"),
)


EXERCISES = (BIAS_STEP, EXPERT_CHOICE)
