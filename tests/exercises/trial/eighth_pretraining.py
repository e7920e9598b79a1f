"""An eighth trial, chapter 3.1: answers written from the statements alone."""

import math
import statistics as s
from itertools import groupby

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Tokens that are chosen but stay as they are get the target -100; they were chosen and have to be
# scored
@wrong("3.1-1", "Chosen tokens that look unchanged, or these and the random ones,")
def tokens_that_are_chosen_but_stay_as_they(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    targets = torch.where(chosen & (fate < 0.9), tokens, torch.full_like(tokens, -100))
    return (inputs, targets)


# Plain loops over batch and places
@right("3.1-1")
def plain_loops_over_batch_and_places(tokens, choice, fate, other, mask_id):
    inputs, targets = (tokens.clone(), torch.full_like(tokens, -100))
    for b in range(tokens.shape[0]):
        for i in range(tokens.shape[1]):
            if choice[b, i] < 0.15:
                targets[b, i] = tokens[b, i]
                if fate[b, i] < 0.8:
                    inputs[b, i] = mask_id
                elif fate[b, i] < 0.9:
                    inputs[b, i] = other[b, i]
    return (inputs, targets)


# Targets hold the true token everywhere, so tokens in plain sight are scored too
@wrong("3.1-1", "Your targets hold the true token everywhere, so the model is")
def targets_hold_the_true_token_everywhere_so_tokens(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = tokens.clone()
    inputs[chosen & (fate < 0.8)] = mask_id
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[swap] = other[swap]
    return (inputs, tokens.clone())


# Takes the number out of torch (item), so there is no gradient
@wrong("3.1-2", "The loss is right. For a single hidden token, the gradient is")
def takes_the_number_out_of_torch_item_so(logits, tokens, hidden):
    lnp = torch.log_softmax(logits, -1)
    s = 0.0
    for b, i in hidden.nonzero().tolist():
        s -= lnp[b, i, tokens[b, i]].item()
    return torch.tensor(s / int(hidden.sum()))


# Logsumexp less the true logit, chosen by a one-hot sum
@right("3.1-2")
def logsumexp_less_the_true_logit_chosen_by_a(logits, tokens, hidden):
    mine = (logits * F.one_hot(tokens, logits.shape[-1])).sum(-1)
    surprise = torch.logsumexp(logits, -1) - mine
    weights = hidden.to(logits.dtype) / hidden.sum()
    return torch.einsum("bs,bs->", surprise, weights)


# The last start at or before each place by cummax
@right("3.1-3")
def the_last_start_at_or_before_each_place(starts, draws, share):
    places = torch.arange(len(starts))
    first = torch.where(starts, places, torch.zeros_like(places)).cummax(0).values
    return draws[first] < share


# Copies from the token before, but in parallel, so only the second token of a word is reached and not
# the third
@wrong("3.1-3", "For 12 tokens, your result differs in 2 of 12 places: the first,")
def copies_from_the_token_before_but_in_parallel(starts, draws, share):
    first = starts & (draws < share)
    before = torch.cat([torch.zeros(1, dtype=torch.bool), first[:-1]])
    return first | before & ~starts


# Averages perplexities, weighted by tokens: the average has to be taken before the exponential
@wrong("3.1-4", "You average the perplexities of the batches. The exponential")
def averages_perplexities_weighted_by_tokens_the_average(losses, counts):
    losses, counts = (torch.as_tensor(losses), torch.as_tensor(counts))
    return (losses.exp() * counts).sum() / counts.sum()


# Divides by the characters of the text, not its bytes: an umlaut or a quotation mark has two or
# three
@wrong("3.1-5", "Your divisor is the number of characters. A letter outside of English")
def divides_by_the_characters_of_the_text_not(nats, text):
    return float(sum(nats)) / math.log(2) / len(text)


# Two slips: characters for bytes, and nats for bits
@wrong("3.1-5", "Right in 1 of 8 cases (one certain token). It comes out as of two")
def two_slips_characters_for_bytes_and_nats_for(nats, text):
    return sum(float(x) for x in nats) / len(text)


# Itertools.groupby over the runs
@right("3.1-7")
def itertools_groupby_over_the_runs(tokens, hidden, sentinels):
    marks = iter(sentinels.tolist())
    inputs, targets = ([], [])
    for is_hidden, run in groupby(
        zip(hidden.tolist(), tokens.tolist(), strict=False), key=lambda pair: bool(pair[0])
    ):
        run = [t for _, t in run]
        if is_hidden:
            mark = next(marks)
            inputs.append(mark)
            targets += [mark, *run]
        else:
            inputs += run
    return (
        torch.tensor(inputs, dtype=tokens.dtype),
        torch.tensor([*targets, next(marks)], dtype=tokens.dtype),
    )


# Forgets what stands on the right of the first token after the gap: only after[:, 0] is used
@wrong("3.1-8", "You look at the first token after the gap alone. The others tell")
def forgets_what_stands_on_the_right_of_the(before, after):
    return (before + after[:, 0]).softmax(0)


# Counts the tokens in plain sight, a share of 0.6, for the hidden ones
@wrong("3.1-9", "You count the tokens that are shown. Scored are the others, those")
def counts_the_tokens_in_plain_sight_a_share():
    return {
        "masked": 600 * 640 * 0.6,
        "causal": 384000,
        "steps": 1000,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# One pass: thinks a causal model gives the gap in one reading as the masked one does
@wrong("3.1-9", "One pass from the left gives a guess that has not seen the right")
def one_pass_thinks_a_causal_model_gives_the():
    return {
        "masked": 153600,
        "causal": 384000,
        "steps": 1500,
        "passes": 1,
        "control": "the masked model after as many questions",
    }


# Multiplies by the share where it has to divide: 240 steps ask the masked one still less
@wrong("3.1-9", "You give the masked model fewer steps than before. It is asked")
def multiplies_by_the_share_where_it_has_to():
    return {
        "masked": 153600,
        "causal": 384000,
        "steps": 600 * 0.4,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# Says 'not shown' because the gain is not above 0.02, though all of the interval lies below it
@wrong("3.1-10", "The verdict goes by the whole interval and the line that was")
def says_not_shown_because_the_gain_is_not():
    a = [0.592, 0.587, 0.581, 0.576, 0.586]
    b = [0.63, 0.617, 0.61, 0.62, 0.616]
    d = [x - y for x, y in zip(a, b, strict=False)]
    m, h = (s.mean(d), 2.776 * s.stdev(d) / 5**0.5)
    return {"gain": m, "low": m - h, "high": m + h, "verdict": "not shown", "selectivity": s.mean(a) - 0.39}


# Holds the trained body against the new body, the weaker control
@wrong("3.1-10", "You compare with the new body. The shuffled one knows as little")
def holds_the_trained_body_against_the_new_body():
    return {"gain": 0.0242, "low": 0.0131, "high": 0.0353, "verdict": "not shown", "selectivity": 0.1944}


# Takes the quotient of real and random labels for the selectivity
@wrong("3.1-10", "right: 'gain', 'low', 'high', 'verdict'. 'selectivity': 1.49846")
def takes_the_quotient_of_real_and_random_labels():
    a = [0.592, 0.587, 0.581, 0.576, 0.586]
    b = [0.63, 0.617, 0.61, 0.62, 0.616]
    d = [x - y for x, y in zip(a, b, strict=False)]
    m, h = (s.mean(d), 2.776 * s.stdev(d) / 5**0.5)
    return {
        "gain": m,
        "low": m - h,
        "high": m + h,
        "verdict": "does not hold",
        "selectivity": s.mean(a) / 0.39,
    }


# Forgets the mark at the end
@wrong("3.1-11", "The second sentence has no end with you. Each of the two is ended")
def forgets_the_mark_at_the_end(first, second, cls, sep):
    first, second = (torch.as_tensor(first).tolist(), torch.as_tensor(second).tolist())
    return (
        torch.tensor([cls, *first, sep, *second]),
        torch.tensor([0] * (len(first) + 2) + [1] * len(second)),
    )
