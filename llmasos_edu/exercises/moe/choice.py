"""Exercises of chapter 4.3, the part on experts that choose their tokens.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient
from llmasos_edu.exercises.moe.routing import mask_of_best

# 4.3-7 --------------------------------------------------------------------------------


def expert_choice(logits, capacity):
    """logits [tokens, experts], capacity: tokens an expert takes -> gates [tokens, experts]."""
    probs = logits.softmax(dim=-1)
    order = probs.argsort(dim=0, descending=True, stable=True)
    taken = torch.zeros_like(probs).scatter(0, order[:capacity], 1.0)
    return probs * taken


def _chosen(logits, capacity, *, scores=None, dim=0, gates=lambda p, mask: p * mask, **ties):
    probs = logits.softmax(-1)
    wanted = (probs if scores is None else scores(logits)).detach()
    return gates(probs, mask_of_best(wanted, capacity, dim=dim, **ties))


def _one_expert_each(logits, capacity):
    """Experts choose in turn, and take only tokens that nobody has."""
    probs, free = logits.softmax(-1), torch.ones(len(logits), dtype=torch.bool)
    mask = torch.zeros(probs.shape, dtype=torch.bool)
    for expert in range(probs.shape[1]):
        mine = mask_of_best(probs[:, expert].detach().masked_fill(~free, -1), capacity) & free
        mask[:, expert], free = mine, free & ~mine
    return probs * mask


def _best_of_the_table(logits, capacity):
    probs = logits.softmax(-1)
    flat = probs.detach().flatten()
    return probs * mask_of_best(flat, capacity * probs.shape[1]).view_as(probs)


def _favourites_alone(logits, capacity):
    probs = logits.softmax(-1)
    wanted = probs.detach() * mask_of_best(probs.detach(), 1)
    return probs * (mask_of_best(wanted, capacity, dim=0) & (wanted > 0))


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
        Case("nearly equal tokens, capacity 1", (torch.tensor([[0.0, 0], [2e-6, 0], [4e-6, 0]]), 1)),
        Case("40 tokens of two kinds, capacity 3", (torch.tensor([[1.0, 0], [0, 1]] * 20), 3)),
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
            "Your softmax runs over the tokens, so an expert's probabilities add up to one and a token's do "
            "not. The choice has turned round, the probabilities have not.",
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
            "place taken for rank",
            "One sort tells which token is on each place; you use it as if it told which place each token "
            "has. These are two questions: the order has to be undone, or laid back by its numbers.",
            (lambda z, c: (p := z.softmax(-1)) * ((-p.detach()).argsort(dim=0, stable=True) < c),),
        ),
        Mistake(
            "one table for all experts",
            "Your experts share their places: the highest probabilities of the whole table are taken, as "
            "many as all capacities together. Each expert takes `capacity` tokens of its own column.",
            (_best_of_the_table,),
        ),
        Mistake(
            "only who likes it best",
            "Your experts take only tokens that like no other expert better. A token that has another "
            "favourite may be taken as well, as long as there is room: some of your columns are not full.",
            (_favourites_alone,),
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
            "Where the capacity exceeds the number of tokens it stops with an error: there are not that many "
            "to take. What should an expert do that has room for all?",
            (_no_more_than_there_are,),
        ),
        Mistake(
            "ties left to chance",
            "Right, except where tokens are equal: there you take another one than the first. Torch's topk, "
            "and its sort without `stable=True`, promise nothing about equal numbers.",
            (lambda *a: _chosen(*a, last_of_equals=True), lambda *a: _chosen(*a, stable=False)),
        ),
        Mistake(
            "ties let too many in",
            "Where probabilities are equal, an expert of yours takes more than its capacity: you keep all "
            "that reach the last probability which fits, and several may. Count the gates of a column.",
            (_threshold,),
        ),
        Mistake(
            "the last that fits left out",
            "An expert of yours takes only tokens above the last probability that fits: this one belongs to "
            "the taken ones as well (`>` where `>=` was meant).",
            (lambda z, c: (p := z.softmax(-1)) * (p > p.topk(min(c, len(p)), dim=0).values[-1]),),
        ),
        Mistake(
            "no probabilities",
            "Your gates are no probabilities of a softmax: they are logits, or a sigmoid of each logit by "
            "itself. What makes a token's numbers add up to one over the experts?",
            (
                lambda z, c: z * mask_of_best(z.softmax(-1).detach(), c, dim=0),
                lambda z, c: z * mask_of_best(z.detach(), c, dim=0),
                lambda z, c: z.sigmoid() * mask_of_best(z.detach(), c, dim=0),
                lambda z, c: z.sigmoid() * mask_of_best(z.softmax(-1).detach(), c, dim=0),
            ),
        ),
        Mistake(
            "places for tokens",
            "Your row says which place a token had in the expert's order, not which token it is. The gates "
            "have a row for each token: lay each back where it came from.",
            (lambda z, c: z.softmax(-1).topk(min(c, len(z)), dim=0).values,),
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


EXERCISES = (EXPERT_CHOICE,)
