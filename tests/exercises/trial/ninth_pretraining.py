"""A ninth trial, chapter 3.1: answers of an audit that looked for what cases and words let pass."""

import itertools
import math
import statistics as st

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A fate of 0.9 itself still gives a random token
@wrong("3.1-1", "A draw that lies just on a limit goes to the wrong side,")
def a_fate_of_just_0_9_is_random(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate <= 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


# Only the choice lets its limit in
@wrong("3.1-1", "A draw that lies just on a limit goes to the wrong side,")
def a_choice_of_just_0_15_is_chosen(tokens, choice, fate, other, mask_id):
    chosen = choice <= 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


# Python numbers in lists
@right("3.1-1")
def numbers_in_lists(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.tolist(), [[-100] * tokens.shape[1] for _ in tokens]
    c, f, o = choice.tolist(), fate.tolist(), other.tolist()
    for b, row in enumerate(tokens.tolist()):
        for i, token in enumerate(row):
            if c[b][i] < 0.15:
                targets[b][i] = token
                inputs[b][i] = mask_id if f[b][i] < 0.8 else o[b][i] if f[b][i] < 0.9 else token
    return torch.tensor(inputs), torch.tensor(targets)


# Rows' means over rows that hide something
@wrong("3.1-2", "You take the mean of each row first. A hidden token in a")
def rows_that_hide_something_count_alike(logits, tokens, hidden):
    surprise = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    rows = [s[h].mean() for s, h in zip(surprise, hidden, strict=True) if h.any()]
    return torch.stack(rows).mean()


# Divides by the batch
@wrong("3.1-2", "What comes out is the sum over the hidden tokens, divided")
def divided_by_the_rows(logits, tokens, hidden):
    surprise = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return (surprise * hidden).sum() / len(tokens)


# Targets of visible set to 0 and not ignored
@wrong("3.1-2", "What comes out is as if each token in plain sight were")
def visible_targets_are_zero(logits, tokens, hidden):
    return F.cross_entropy(logits.flatten(0, 1), (tokens * hidden).flatten())


# The loss of the wrong axis of gather : argmax
@wrong("3.1-2", "What comes out is the surprise at the model's favourite.")
def surprise_of_the_favourite(logits, tokens, hidden):
    return -logits.log_softmax(-1).amax(-1)[hidden].mean()


# The last word is never hidden
@wrong("3.1-3", "The last word is never hidden. No word begins behind it")
def the_last_word_stays(starts, draws, share):
    hidden = torch.zeros_like(starts)
    places = starts.nonzero()[:, 0].tolist()
    for a, b in itertools.pairwise(places):
        hidden[a:b] = draws[a] < share
    return hidden


# Each batch divided by its tokens once more
@wrong("3.1-4", "The mean losses themselves are divided by numbers of")
def sum_of_losses_by_tokens(losses, counts):
    return torch.exp(losses.sum() / counts.sum())


# Mean of means over counts
@wrong("3.1-4", "The mean losses themselves are divided by numbers of")
def mean_of_means_over_counts(losses, counts):
    return torch.exp((losses / counts).mean())


# Harmonic / geometric of perplexities = right
@right("3.1-4")
def powers_multiplied(losses, counts):
    p = 1.0
    for x, n in zip(losses.tolist(), counts.tolist(), strict=True):
        p *= math.exp(x) ** (n / float(counts.sum()))
    return p


# Without blanks at the ends
@wrong("3.1-5", "A blank is a byte like any other: those at the ends of")
def without_blanks_at_the_ends(nats, text):
    return nats.sum() / math.log(2) / len(text.strip().encode())


# Without any blanks
@wrong("3.1-5", "A blank is a byte like any other: those at the ends of")
def without_any_blanks(nats, text):
    return nats.sum() / math.log(2) / len(text.replace(" ", "").encode())


# Mean of the tokens' bits / mean bytes of chars
@wrong("3.1-5", "You make a sum of the mean surprise by the number of")
def mean_over_mean(nats, text):
    return nats.mean() / math.log(2) / (len(text.encode()) / len(text))


# Hides every place where the token stands
@wrong("3.1-6", "You hide every place at which the same token stands. Only")
def all_places_of_the_token_hidden(model, tokens, mask_id):
    out = []
    for i, t in enumerate(tokens.tolist()):
        out.append(model(torch.where(tokens == t, mask_id, tokens)[None])[0, i, t])
    return torch.stack(out)


# In place on the tokens and put back
@right("3.1-6")
def in_place_and_put_back(model, tokens, mask_id):
    out = []
    for i in range(len(tokens)):
        true = int(tokens[i])
        tokens[i] = mask_id
        out.append(float(model(tokens.unsqueeze(0))[0, i, true]))
        tokens[i] = true
    return out


# Counts sentinels up from the first
@wrong("3.1-7", "What comes out is as if each sentinel were the first one")
def sentinels_counted_up_from_the_first(tokens, hidden, sentinels):
    first, inputs, targets, gaps = int(sentinels[0]), [], [], 0
    for i, (t, h) in enumerate(zip(tokens.tolist(), hidden.tolist(), strict=True)):
        if not h:
            inputs.append(t)
            continue
        if i == 0 or not hidden[i - 1]:
            inputs.append(first + gaps)
            targets.append(first + gaps)
            gaps += 1
        targets.append(t)
    return torch.tensor(inputs), torch.tensor([*targets, first + gaps])


# The end sentinel only if the text ends visible
@wrong("3.1-7", "Where the text ends in a gap, the last sentinel is")
def no_end_when_the_text_ends_in_a_gap(tokens, hidden, sentinels):
    inputs, targets, gaps = [], [], 0
    for i, (t, h) in enumerate(zip(tokens.tolist(), hidden.tolist(), strict=True)):
        if not h:
            inputs.append(t)
            continue
        if i == 0 or not hidden[i - 1]:
            inputs.append(int(sentinels[gaps]))
            targets.append(int(sentinels[gaps]))
            gaps += 1
        targets.append(t)
    if not hidden[-1]:
        targets.append(int(sentinels[gaps]))
    return torch.tensor(inputs), torch.tensor(targets)


# Hidden[-1] for the first place
@wrong("3.1-7", "Where the text begins and ends in a gap, the first gap")
def the_place_before_the_first_is_the_last(tokens, hidden, sentinels):
    inputs, targets, gaps = [], [], 0
    for i, (t, h) in enumerate(zip(tokens.tolist(), hidden.tolist(), strict=True)):
        if not h:
            inputs.append(t)
            continue
        if not hidden[i - 1]:
            inputs.append(int(sentinels[gaps]))
            targets.append(int(sentinels[gaps]))
            gaps += 1
        targets.append(t)
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[gaps])])


# A mean with nan
@wrong("3.1-8", "You take a mean of logarithms, over the tokens that")
def a_mean_with_nan(before, after):
    return torch.softmax(before + after.mean(1), 0)


# Sum over the candidates
@wrong("3.1-8", "Your result does not depend on what follows: that is the")
def sum_over_the_candidates(before, after):
    return torch.softmax(before + after.sum(), 0)


# Doubles and logsumexp
@right("3.1-8")
def doubles_and_logsumexp(before, after):
    s = [float(b) + sum(row) for b, row in zip(before, after.double().tolist(), strict=True)]
    top = max(s)
    e = [math.exp(x - top) for x in s]
    return [x / sum(e) for x in e]


G = {
    "masked": 153600,
    "causal": 384000,
    "steps": 1500,
    "passes": 2000,
    "control": "the masked model after as many questions",
}


A = [0.592, 0.587, 0.581, 0.576, 0.586]


N = [0.566, 0.568, 0.556, 0.562, 0.549]


B = [0.63, 0.617, 0.61, 0.62, 0.616]


# Exchanged
@wrong("3.1-9", "You score the masked model at every token. Those in plain")
def exchanged():
    return G | {"masked": 384000, "causal": 153600}


# Same
@wrong("3.1-9", "First the numbers. 'steps': 600 is a number of the")
def same():
    return G | {"control": "both again with another seed", "steps": 600}


def probe(**k):
    d = [x - y for x, y in zip(A, B, strict=False)]
    m, h = st.mean(d), 2.776 * st.stdev(d) / 5**0.5
    return {
        "gain": m,
        "low": m - h,
        "high": m + h,
        "verdict": "does not hold",
        "selectivity": st.mean(A) - 0.39,
    } | k


# Holds by size
@wrong("3.1-10", "The verdict goes by the whole interval and the line that")
def holds_by_size():
    return probe(verdict="holds")


# Gain weaker only gain
@wrong("3.1-10", "You compare with the new body. The shuffled one knows as")
def gain_weaker_only_gain():
    return probe(gain=st.mean(A) - st.mean(N))


def pair(f, s, c, e):
    t = torch.cat([torch.tensor([c]), f, torch.tensor([e]), s, torch.tensor([e])])
    return t, (torch.arange(len(t)) >= len(f) + 2).long()


# By counting marks
@right("3.1-11")
def by_counting_marks(first, second, cls, sep):
    t = [cls, *first.tolist(), sep, *second.tolist(), sep]
    return t, [0] * (len(first) + 2) + [1] * (len(second) + 1)


# Empty stays
@wrong("3.1-12", "Where an answer holds no token, its sentinel still stands")
def empty_stays(inputs, written, sentinels):
    marks, answers = set(sentinels.tolist()), {}
    for t in written.tolist():
        if t in marks:
            cur = answers.setdefault(t, [])
        else:
            cur.append(t)
    text = []
    for t in inputs.tolist():
        text += answers.get(t) or [t]
    return torch.tensor(text)


# Last answer dropped
@wrong("3.1-12", "The last answer is missing where no sentinel follows it.")
def last_answer_dropped(inputs, written, sentinels):
    marks, w = sentinels.tolist(), written.tolist()
    places = [i for i, t in enumerate(w) if t in marks]
    answers = {w[a]: w[a + 1 : b] for a, b in itertools.pairwise(places)}
    text = []
    for t in inputs.tolist():
        text += answers.get(t, [t])
    return torch.tensor(text)
