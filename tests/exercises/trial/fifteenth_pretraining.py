"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 3.1."""

import math
import statistics

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A chosen token that stays as it is gets no target
@wrong("3.1-1", "Chosen tokens that look unchanged, or these and the random ones,")
def hide_kept_unscored_fifteenth(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = tokens.clone()
    masked = chosen & (fate < 0.8)
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[masked] = mask_id
    inputs[swapped] = other[swapped]
    targets = torch.full_like(tokens, -100)
    targets[masked | swapped] = tokens[masked | swapped]
    return inputs, targets


# Mean of the rows' means
@wrong("3.1-2", "You take the mean of each row first. A hidden token in a row with")
def hidden_rows_alike_fifteenth(logits, tokens, hidden):
    loss = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    hidden = hidden.to(loss.dtype)
    n = hidden.sum(1)
    rows = (loss * hidden).sum(1) / n.clamp(min=1)
    return rows[n > 0].mean()


# A word is hidden when the draw of any of its tokens is below share
@wrong("3.1-3", "You hide a word as soon as one of its tokens has a low draw. Long")
def hide_words_any_draw_fifteenth(starts, draws, share):
    word = torch.cumsum(starts.long(), 0)
    hit = set(word[draws < share].tolist())
    return torch.tensor([w in hit for w in word.tolist()], dtype=torch.bool)


# Number of the word from a running sum, its first draw by gather
@right("3.1-3")
def hide_words_gather_fifteenth(starts, draws, share):
    starts = torch.as_tensor(starts).bool()
    place = torch.where(starts, torch.arange(len(starts)), torch.zeros(len(starts), dtype=torch.long))
    first = torch.cummax(place, 0).values
    return torch.as_tensor(draws)[first] < share


# Running mean, batch by batch
@right("3.1-4")
def perplexity_running_fifteenth(losses, counts):
    mean, seen = 0.0, 0
    for loss, n in zip(losses, counts, strict=False):
        loss, n = float(loss), int(n)
        if n:
            seen += n
            mean += (loss - mean) * n / seen
    return torch.tensor(math.exp(mean))


# Exponentials averaged, weighted by tokens, instead of the exponential of the mean
@wrong("3.1-4", "You average the perplexities of the batches. The exponential makes")
def perplexity_mean_of_exps_fifteenth(losses, counts):
    losses, counts = (
        torch.as_tensor(losses, dtype=torch.float64),
        torch.as_tensor(counts, dtype=torch.float64),
    )
    return (losses.exp() * counts).sum() / counts.sum()


# Nats to bits the wrong way round: times ln 2
@wrong("3.1-5", "You multiply by ln 2 where you should divide. One nat is more than")
def bits_times_ln2_fifteenth(nats, text):
    return torch.as_tensor(nats).sum() * math.log(2) / len(text.encode("utf-8"))


# Characters instead of bytes
@wrong("3.1-5", "Your divisor is the number of characters. A letter outside of")
def bits_per_character_fifteenth(nats, text):
    return torch.as_tensor(nats, dtype=torch.float64).sum() / math.log(2) / len(text)


# Masks pile up: what was hidden stays hidden at later places
@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def hide_pile_up_fifteenth(model, tokens, mask_id):
    copy, out = tokens.clone(), []
    for i in range(len(tokens)):
        copy[i] = mask_id
        out.append(model(copy[None])[0, i, tokens[i]])
    return torch.stack(out)


# One batch of all masked copies, an identity matrix as mask
@right("3.1-6")
def hide_in_one_batch_fifteenth(model, tokens, mask_id):
    n = len(tokens)
    eye = torch.eye(n, dtype=torch.bool)
    batch = tokens.repeat(n, 1).masked_fill(eye, mask_id)
    logp = model(batch)
    return torch.stack([logp[i, i, int(tokens[i])] for i in range(n)])


# Closes the targets with the last of all sentinels instead of the next one
@wrong("3.1-7", "Your targets end with a sentinel that does not follow on the")
def corrupt_last_sentinel_fifteenth(tokens, hidden, sentinels):
    inputs, targets, gap, inside = [], [], 0, False
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if not h:
            inputs.append(t)
        else:
            if not inside:
                inputs.append(int(sentinels[gap]))
                targets.append(int(sentinels[gap]))
                gap += 1
            targets.append(t)
        inside = h
    targets.append(int(sentinels[-1]))
    return torch.tensor(inputs, dtype=torch.long), torch.tensor(targets, dtype=torch.long)


# Only the first token on the right is read after each candidate
@wrong("3.1-8", "You look at the first token after the gap alone. The others tell")
def fill_first_after_fifteenth(before, after):
    return torch.softmax(before + after[:, 0], 0)


# Steps divided by the share that is shown instead of the hidden one
@wrong("3.1-9", "'steps': You divide by the share that is shown. A step asks at the")
def race_steps_shown_share_fifteenth():
    n = 600 * 16 * 40
    return {
        "masked": n * 0.4,
        "causal": n,
        "steps": 600 / (1 - 0.4),
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# Held against the new body instead of the better control
@wrong("3.1-10", "'gain', 'low', 'high': You compare with the new body. The shuffled")
def probe_against_new_fifteenth():
    t = [0.592, 0.587, 0.581, 0.576, 0.586]
    c = [0.566, 0.568, 0.556, 0.562, 0.549]
    d = [a - b for a, b in zip(t, c, strict=False)]
    g = sum(d) / 5
    h = 2.776 * statistics.stdev(d) / math.sqrt(5)
    return {
        "gain": g,
        "low": g - h,
        "high": g + h,
        "verdict": "holds" if g - h > 0.02 else "does not hold" if g + h <= 0.02 else "not shown",
        "selectivity": sum(t) / 5 - 0.39,
    }


# The mark between the two belongs to the second sentence
@wrong("3.1-11", "The [SEP] between the sentences has segment 1 with you. It ends the")
def segments_sep_second_fifteenth(first, second, cls, sep):
    a, b = [int(t) for t in first], [int(t) for t in second]
    tokens = [cls, *a, sep, *b, sep]
    segments = [0] * (len(a) + 1) + [1] * (len(b) + 2)
    return torch.tensor(tokens), torch.tensor(segments)


# A dictionary of generators' pieces
@right("3.1-12")
def put_back_dict_fifteenth(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    pieces, now = {}, None
    for t in (int(t) for t in written):
        if t in marks:
            now = pieces.setdefault(t, [])
        else:
            now.append(t)
    out = []
    for t in (int(t) for t in inputs):
        out += pieces.get(t, [t]) if t in marks else [t]
    return torch.tensor(out, dtype=torch.long)


# Tokens of a gap whose sentinel the decoder left out: the sentinel vanishes
@wrong("3.1-12", "A gap that was not answered is gone from your text, and nobody sees")
def put_back_drops_sentinel_fifteenth(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    gaps, now = {}, None
    for t in (int(t) for t in written):
        if t in marks:
            now = t
            gaps[now] = []
        else:
            gaps[now].append(t)
    text = []
    for t in (int(t) for t in inputs):
        text += gaps.get(t, []) if t in marks else [t]
    return torch.tensor(text)
