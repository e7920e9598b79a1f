"""A twelfth trial, of chapters 3.1 to 3.3: answers that were right in all cases but those that came last."""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.exercises import find
from trial.answers import right, wrong


# One token at least is chosen, so that no batch is without a score
@wrong("3.1-1", "you choose a token all the same")
def never_nothing_chosen(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    if not chosen.any():
        chosen.view(-1)[choice.argmin()] = True
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


# Softmax and logarithm one after the other: a probability of 0 has no logarithm
@wrong("3.1-2", "a probability below 1e-45 is 0 in float32")
def surprise_in_two_steps(logits, tokens, hidden):
    p = torch.softmax(logits, dim=-1)
    return torch.mean(-torch.log(p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)[hidden]))


# The softmax by hand, nothing taken off before the exponential
@wrong("3.1-2", "more than float32 can hold")
def softmax_by_hand(logits, tokens, hidden):
    e = torch.exp(logits)
    p = e / e.sum(dim=-1, keepdim=True)
    return F.nll_loss(p[hidden].log(), tokens[hidden])


# The largest logit of the whole batch is taken off, not that of the place: elsewhere ln 0
@wrong("3.1-2")
def one_largest_logit(logits, tokens, hidden):
    logits = logits - logits.max()
    own = logits.gather(-1, tokens[..., None])[..., 0]
    return (logits.exp().sum(-1).log() - own)[hidden].mean()


# In float64 the probabilities by hand hold far longer
@right("3.1-2")
def by_hand_in_float64(logits, tokens, hidden):
    p = logits.double().softmax(-1)[hidden]
    return -p[torch.arange(len(p)), tokens[hidden]].log().mean().float()


# Zeros are filled from the left, also the zero that is a draw
@wrong("3.1-3", "comes out as the word before it does")
def zeros_filled_from_the_left(starts, draws, share):
    held = torch.where(starts, draws, torch.zeros_like(draws)).tolist()
    for i in range(1, len(held)):
        if held[i] == 0:
            held[i] = held[i - 1]
    return torch.tensor([draw < share for draw in held])


# A dict by the loss: of two batches with one loss the later one alone is left
@wrong("3.1-4", "Of such batches your mean holds one alone.")
def a_dict_by_the_loss(losses, counts):
    tokens = {}
    for loss, count in zip(losses.tolist(), counts.tolist(), strict=True):
        tokens[loss] = count
    return math.exp(sum(loss * n for loss, n in tokens.items()) / sum(tokens.values()))


# 0 stands for an empty place in the targets, and token 0 goes with it
@wrong("3.1-7", "Token 0 is missing in your targets")
def zeros_dropped(tokens, hidden, sentinels):
    inputs, targets, gaps = [], [], 0
    for i, token in enumerate(tokens.tolist()):
        if not hidden[i]:
            inputs.append(token)
            continue
        if i == 0 or not hidden[i - 1]:
            inputs.append(int(sentinels[gaps]))
            targets.append(int(sentinels[gaps]))
            gaps += 1
        targets.append(token)
    targets.append(int(sentinels[gaps]))
    return torch.tensor(inputs), torch.tensor([token for token in targets if token])


# Digits are replaced in one long string
@wrong("3.1-12", "Compare whole tokens.")
def replaced_in_a_string(inputs, written, sentinels):
    answers = {}
    for token in written.tolist():
        if token in sentinels.tolist():
            mark = str(token)
            answers[mark] = []
        else:
            answers[mark].append(str(token))
    text = " ".join(str(token) for token in inputs.tolist())
    for mark, answer in answers.items():
        text = text.replace(mark, " ".join(answer))
    return torch.tensor([int(token) for token in text.split()])


# 1e-8 against a division by zero: the product of two small shares is smaller
@wrong("3.2-2", "Where two rare words met, your entry is too small")
def rare_words_held_apart(counts):
    p = counts / counts.sum()
    chance = p.sum(dim=1, keepdim=True) * p.sum(dim=0, keepdim=True)
    return torch.log((p + 1e-8) / (chance + 1e-8)).clamp(min=0)


# 1e-12 is small enough beside any product here
@right("3.2-2")
def a_millionth_of_a_millionth(counts):
    p = counts / counts.sum()
    chance = p.sum(dim=1, keepdim=True) * p.sum(dim=0, keepdim=True)
    return torch.where(p > 0, torch.log(p.clamp(min=1e-12) / (chance + 1e-12)), 0.0).clamp(min=0)


# The sum of exponentials by hand: at temperature 0.01 it is infinite
@wrong("3.2-6", "more than float32 can hold")
def exponentials_of_a_hundred(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    e = torch.exp(scores)
    return -torch.log(torch.diag(e) / e.sum(dim=1)).mean()


# 1e-8 inside the logarithm, against ln 0
@wrong("3.2-6", "as when something small is added before the logarithm")
def against_a_logarithm_of_nothing(anchors, positives, temperature):
    scores = F.cosine_similarity(anchors[:, None], positives[None], dim=-1) / temperature
    return -torch.log(scores.softmax(dim=1).diagonal() + 1e-8).mean()


# The exponentials, twins times 0: infinite where a score is 120
@wrong("3.2-7", "Where a score is above 88 or far below 0")
def exponentials_without_twins(scores, groups):
    twins = (groups[:, None] == groups[None]) & ~torch.eye(len(groups), dtype=torch.bool)
    e = torch.exp(scores) * (~twins).float()
    return (torch.log(e.sum(dim=1)) - torch.diag(scores)).mean()


# One largest score for the whole matrix
@wrong("3.2-7", "Each row has its own largest score.")
def one_largest_score(scores, groups):
    twins = (groups[:, None] == groups[None]) & ~torch.eye(len(groups), dtype=torch.bool)
    scores = scores - scores.max()
    return (torch.log((torch.exp(scores) * ~twins).sum(dim=1)) - torch.diag(scores)).mean()


# The own positive is known by its score, and so is a twin with the same one
@wrong("3.2-7", "Its place tells it")
def the_own_known_by_its_score(scores, groups):
    losses = []
    for i, row in enumerate(scores):
        kept = [j for j in range(len(row)) if groups[j] != groups[i] or row[j] == row[i]]
        losses.append(torch.logsumexp(row[kept], 0) - row[i])
    return torch.stack(losses).mean()


# The classes 0, 1, 2, ... as many as occur: where one is missing, the last is not looked at
@wrong("3.2-8", "as if the classes had the numbers 0, 1, 2")
def as_many_classes_as_occur(classes, clusters, shuffles):
    def purity(of):
        hits = 0
        for cluster in set(clusters.tolist()):
            members = of[clusters == cluster].tolist()
            hits += max(members.count(number) for number in range(len(set(of.tolist()))))
        return hits / len(of)

    return purity(classes), sum(purity(classes[order]) for order in shuffles) / len(shuffles)


# Backward transfer over the tasks that changed at all
@wrong("3.3-1", "Its change is 0")
def over_what_changed(accuracy, untrained):
    changes = [float(accuracy[-1, i] - accuracy[i, i]) for i in range(len(accuracy) - 1)]
    changes = [change for change in changes if change] or [0.0]
    forward = [accuracy[i - 1, i] - untrained[i] for i in range(1, len(accuracy))]
    return accuracy[-1].mean(), sum(changes) / len(changes), sum(forward) / len(forward)


# No example twice in the buffer
@wrong("3.3-2", "may enter although the buffer holds its like")
def no_example_twice(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if hidden:
            continue
        seen += 1
        if item in kept:
            continue
        if len(kept) < capacity:
            kept.append(item)
        elif int(draw * seen) < capacity:
            kept[int(draw * seen)] = item
    return torch.tensor(kept)


# searchsorted takes the class whose sum reaches the draw, unless right=True
@wrong("3.3-3", "your class is one too early")
def searched_from_the_left(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(dim=-1)
    drawn = torch.searchsorted(p.cumsum(dim=-1), uniforms[:, None])[:, 0].clamp(max=len(weights) - 1)
    errors = F.one_hot(drawn, len(weights)) - p
    return (errors[:, :, None] * inputs[:, None]).square().mean(dim=0)


@right("3.3-3")
def searched_from_the_right(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).log_softmax(dim=-1).exp()
    drawn = torch.searchsorted(p.cumsum(dim=-1), uniforms[:, None], right=True)[:, 0]
    return torch.einsum("nc,nd->ncd", p - F.one_hot(drawn, len(weights)), inputs).pow(2).mean(dim=0)


# A dict by the anchor: of two tasks that left one anchor the later Fisher counts alone
@wrong("3.3-4", "of two such tasks your sum holds one")
def a_dict_by_the_anchor(weights, anchors, fishers, strength):
    old = {tuple(anchor.tolist()): (anchor, fisher) for anchor, fisher in zip(anchors, fishers, strict=True)}
    return strength / 2 * sum((fisher * (weights - anchor) ** 2).sum() for anchor, fisher in old.values())


# 1e-8 inside the student's logarithm
@wrong("3.3-5", "the second term pulls too weakly")
def a_student_that_is_never_sure(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    teacher = F.softmax(inputs @ old_weights.T / temperature, dim=1)
    student = torch.log(F.softmax(logits / temperature, dim=1) + 1e-8)
    return F.cross_entropy(logits, labels) - strength * (teacher * student).sum(dim=1).mean()


# The factor 2.571 of five degrees of freedom: five seeds leave four
@wrong("3.1-10")
def five_degrees_of_freedom():
    answer = find("3.1-10").right()
    half = (answer["high"] - answer["gain"]) * 2.571 / 2.776
    return answer | {"low": answer["gain"] - half, "high": answer["gain"] + half}
