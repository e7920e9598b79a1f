"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 3.1."""

import math
import statistics
from itertools import groupby

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Scores only tokens that were changed: chosen ones that stay as they are get -100
@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def kept_ones_not_scored_fourteenth(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    targets = torch.where(inputs != tokens, tokens, torch.full_like(tokens, -100))
    return inputs, targets


# Marks what is not hidden with target 0 and ignores 0: a hidden token 0 is not scored either
@wrong("3.1-2", "Hidden tokens with the number 0 are not scored by you. 0 is a token")
def hidden_loss_ignores_token_zero_fourteenth(logits, tokens, hidden):
    targets = torch.where(hidden.bool(), tokens, torch.zeros_like(tokens))
    return F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0)


# Looks up the draw at the word's number instead of at its first token
@wrong("3.1-3", "You take the first draws of the list, one for each word. A word's")
def draw_at_the_words_number_fourteenth(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    return draws[word] < share


# Right: a plain loop that carries the decision of the word's first token along
@right("3.1-3")
def decision_carried_along_fourteenth(starts, draws, share):
    hidden, now = [], False
    for begins, draw in zip(starts.tolist(), draws, strict=False):
        if begins:
            now = bool(draw < share)
        hidden.append(now)
    return torch.tensor(hidden, dtype=torch.bool)


# Averages the perplexities of the batches (weighted by tokens) instead of their losses
@wrong("3.1-4", "You average the perplexities of the batches. The exponential makes")
def perplexity_mean_of_perplexities_fourteenth(losses, counts):
    losses = torch.as_tensor(losses)
    weights = torch.as_tensor(counts).to(losses.dtype)
    return (losses.exp() * weights).sum() / weights.sum()


# Unusual: a product of powers of the batches' perplexities
@right("3.1-4")
def perplexity_product_of_powers_fourteenth(losses, counts):
    counts = [float(c) for c in counts]
    total = math.fsum(counts)
    return torch.tensor(
        math.prod(math.exp(float(loss) * c / total) for loss, c in zip(losses, counts, strict=False))
    )


# Counts the bytes of the text in ASCII and ignores what does not fit
@wrong("3.1-5", "For an emoji, your result is 2.731 and should be 1.26.")
def ascii_bytes_alone_fourteenth(nats, text):
    return nats.sum() / math.log(2) / len(text.encode("ascii", "ignore"))


# The copy is made before the loop: tokens that were hidden stay hidden
@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def hide_and_never_restore_fourteenth(model, tokens, mask_id):
    out = []
    hidden = tokens.clone()
    for i in range(len(tokens)):
        hidden[i] = mask_id
        log_p = model(hidden[None])[0]
        out.append(log_p[i, tokens[i]])
    return torch.stack(out)


# Reads ln p of the mask where ln p of the true token is asked
@wrong("3.1-6", "You ask how likely the mask itself is at its place. Asked for is")
def hide_reads_the_mask_fourteenth(model, tokens, mask_id):
    n = len(tokens)
    rows = tokens.repeat(n, 1)
    rows[torch.arange(n), torch.arange(n)] = mask_id
    log_p = model(rows)
    place = torch.arange(n)
    return log_p[place, place, rows[place, place]]


# A gap at the very beginning is compared with the last token (index -1): no sentinel if that is
# hidden too
@wrong("3.1-7", "Where the text begins and ends in a gap, the first gap gets no")
def first_gap_looks_at_the_last_token_fourteenth(tokens, hidden, sentinels):
    inputs, targets, gaps = [], [], 0
    for i in range(len(tokens)):
        if hidden[i]:
            if not hidden[i - 1]:
                inputs.append(int(sentinels[gaps]))
                targets.append(int(sentinels[gaps]))
                gaps += 1
            targets.append(int(tokens[i]))
        else:
            inputs.append(int(tokens[i]))
    targets.append(int(sentinels[gaps]))
    return torch.tensor(inputs, dtype=torch.long), torch.tensor(targets, dtype=torch.long)


# Right: runs by itertools.groupby
@right("3.1-7")
def corrupt_by_groupby_fourteenth(tokens, hidden, sentinels):
    names = iter([int(s) for s in sentinels])
    inputs, targets = [], []
    for is_hidden, run in groupby(
        zip(tokens.tolist(), hidden.tolist(), strict=False), key=lambda pair: pair[1]
    ):
        run = [token for token, _ in run]
        if is_hidden:
            name = next(names)
            inputs.append(name)
            targets += [name, *run]
        else:
            inputs += run
    targets.append(next(names))
    return torch.tensor(inputs, dtype=tokens.dtype), torch.tensor(targets, dtype=tokens.dtype)


# Goes back to probabilities before normalising: 0 / 0 when what follows is long
@wrong("3.1-8", "Where 300 tokens follow, the probabilities of all of them together")
def exponentials_underflow_fourteenth(before, after):
    p = torch.exp(before) * torch.exp(after).prod(1)
    return p / p.sum()


# The mean over the tokens on the right instead of their sum
@wrong("3.1-8", "You take a mean of logarithms, over the tokens that follow or over")
def fill_mean_of_what_follows_fourteenth(before, after):
    if after.shape[1] == 0:
        return torch.softmax(before, 0)
    return torch.softmax(before + after.mean(dim=1), 0)


# Multiplies probabilities: with many tokens on the right all products underflow, 0 / 0
@wrong("3.1-8", "Where 300 tokens follow, the probabilities of all of them together")
def fill_product_underflows_fourteenth(before, after):
    p = before.exp() * after.exp().prod(dim=1)
    return p / p.sum()


# Gives the steps that are still missing instead of the steps in all
@wrong("3.1-9", "'steps': That is how many further steps it takes. Asked is after")
def further_steps_only_fourteenth():
    scored = 600 * 16 * 40
    return {
        "masked": scored * 0.4,
        "causal": scored,
        "steps": 600 / 0.4 - 600,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# The error of two separate groups of seeds, though differences seed by seed are asked
@wrong("3.1-10", "right: 'gain', 'verdict', 'selectivity'. 'low': -0.0460493 is too")
def verdict_unpaired_interval_fourteenth():
    trained = [0.592, 0.587, 0.581, 0.576, 0.586]
    control = [0.63, 0.617, 0.61, 0.62, 0.616]
    gain = statistics.mean(trained) - statistics.mean(control)
    half = 2.776 * math.sqrt((statistics.variance(trained) + statistics.variance(control)) / 5)
    low, high = gain - half, gain + half
    verdict = "holds" if low > 0.02 else "does not hold" if high <= 0.02 else "not shown"
    return {
        "gain": gain,
        "low": low,
        "high": high,
        "verdict": verdict,
        "selectivity": statistics.mean(trained) - 0.39,
    }


# The last mark is given to the first segment, like the other marks
@wrong("3.1-11", "The last [SEP] has segment 0 with you. It ends the second sentence,")
def last_mark_in_segment_zero_fourteenth(first, second, cls, sep):
    first, second = torch.as_tensor(first), torch.as_tensor(second)
    mark_cls, mark_sep = first.new_tensor([cls]), first.new_tensor([sep])
    tokens = torch.cat([mark_cls, first, mark_sep, second, mark_sep])
    segments = torch.zeros_like(tokens)
    segments[len(first) + 2 : -1] = 1
    return tokens, segments


# An answer of no tokens is taken for no answer (an empty list is false): its sentinel stays
@wrong("3.1-12", "Where an answer holds no token, its sentinel still stands in your")
def empty_answer_keeps_the_sentinel_fourteenth(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    answers, now = {}, None
    for token in (int(w) for w in written):
        if token in marks:
            now = answers.setdefault(token, [])
        else:
            now.append(token)
    text = []
    for token in (int(t) for t in inputs):
        if answers.get(token):
            text += answers[token]
        else:
            text.append(token)
    return torch.tensor(text, dtype=torch.long)


# `or`: an empty answer is falsy, so the sentinel of an empty gap stays in the text
@wrong("3.1-12", "Where an answer holds no token, its sentinel still stands in your")
def put_back_empty_answer_stays_fourteenth(inputs, written, sentinels):
    tensor = isinstance(inputs, torch.Tensor)

    def as_list(v):
        return v.tolist() if hasattr(v, "tolist") else list(v)

    source, answer, marks = as_list(inputs), as_list(written), set(as_list(sentinels))
    gaps, current = {}, None
    for token in answer:
        if token in marks:
            current = gaps.setdefault(token, [])
        else:
            current.append(token)
    text = []
    for token in source:
        text += gaps.get(token) or [token]
    return torch.tensor(text, dtype=inputs.dtype) if tensor else text


# Unusual: splices the text from the back, one sentinel after the other
@right("3.1-12")
def put_back_by_splicing_fourteenth(inputs, written, sentinels):
    tensor = isinstance(inputs, torch.Tensor)
    text = inputs.tolist() if tensor else list(inputs)
    rest = written.tolist() if hasattr(written, "tolist") else list(written)
    marks = sentinels.tolist() if hasattr(sentinels, "tolist") else list(sentinels)
    gaps = {}
    while rest:
        end = 1
        while end < len(rest) and rest[end] not in marks:
            end += 1
        gaps[rest[0]], rest = rest[1:end], rest[end:]
    for place in range(len(text) - 1, -1, -1):
        if text[place] in gaps:
            text[place : place + 1] = gaps[text[place]]
    return torch.tensor(text, dtype=inputs.dtype) if tensor else text
