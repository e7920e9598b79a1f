"""A seventh trial, chapter 3.1: answers written from the statements alone."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# A chosen token that stays as it is (fate from 0.9) gets target -100: only changed places are scored
@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def a_chosen_token_that_stays_as_it_is_fate(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), torch.full_like(tokens, mask_id), tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    targets = torch.where(inputs != tokens, tokens, torch.full_like(tokens, -100))
    return inputs, targets


# Inputs is the same tensor as tokens (no copy), so the targets, made afterwards, hold mask_id and the
# other tokens
@wrong("3.1-1", "Your targets hold what the model sees at the chosen places,")
def inputs_is_the_same_tensor_as_tokens_no_copy(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = tokens
    swap = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[chosen & (fate < 0.8)] = mask_id
    inputs[swap] = other[swap]
    targets = tokens.clone()
    targets[~chosen] = -100
    return inputs, targets


# Plain loops over nested lists, tensors made at the end
@right("3.1-1")
def plain_loops_over_nested_lists_tensors_made(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.tolist(), [[-100] * tokens.shape[1] for _ in range(tokens.shape[0])]
    for r in range(tokens.shape[0]):
        for c in range(tokens.shape[1]):
            if choice[r, c] >= 0.15:
                continue
            targets[r][c] = int(tokens[r, c])
            if fate[r, c] < 0.8:
                inputs[r][c] = int(mask_id)
            elif fate[r, c] < 0.9:
                inputs[r][c] = int(other[r, c])
    return torch.tensor(inputs), torch.tensor(targets)


# Shown tokens are marked by target 0 with ignore_index=0: a hidden token that is token 0 is left out as
# well
@wrong("3.1-2", "Hidden tokens with the number 0 are not scored by you. 0 is a")
def shown_tokens_are_marked_by_target_0(logits, tokens, hidden):
    targets = torch.where(hidden, tokens, torch.zeros_like(tokens))
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


# One draw a word: the k-th word takes draws[k], not the draw of its first token
@wrong("3.1-3", "You take the first draws of the list, one for each word. A")
def one_draw_a_word_the_k_th_word_takes_draws_k(starts, draws, share):
    word = torch.as_tensor(starts).long().cumsum(0) - 1
    return draws[word] < share


# Perplexity of each batch first, then their mean weighted by the tokens: exponential before the mean
@wrong("3.1-4", "You average the perplexities of the batches. The exponential")
def perplexity_of_each_batch_first_then_their(losses, counts):
    losses, counts = torch.as_tensor(losses).double(), torch.as_tensor(counts).double()
    return (losses.exp() * counts).sum() / counts.sum()


# Mean nats times bytes per token instead of divided by it (the ratio stands upside down)
@wrong("3.1-5", "For an emoji, your result is 5.917 and should be 1.26.")
def mean_nats_times_bytes_per_token_instead(nats, text):
    nats = torch.as_tensor(nats).double()
    bytes_per_token = len(text.encode()) / len(nats)
    return nats.mean() / math.log(2) * bytes_per_token


# The hidden token is not put back before the next one is hidden: the last one is asked with all others
# hidden
@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def the_hidden_token_is_not_put_back_before(model, tokens, mask_id):
    masked, out = tokens.clone(), []
    for i in range(len(tokens)):
        masked[i] = mask_id
        out.append(model(masked[None])[0, i, tokens[i]])
    return torch.stack(out)


# Reads ln p of what stands in the masked copy (the mask) and not of the true token
@wrong("3.1-6", "You ask how likely the mask itself is at its place. Asked for is")
def reads_ln_p_of_what_stands_in_the_masked_copy(model, tokens, mask_id):
    rows = tokens.repeat(len(tokens), 1)
    rows.fill_diagonal_(mask_id)
    place = torch.arange(len(tokens))
    return model(rows)[place, place, rows[place, place]]


# One call a place with torch.cat of left, mask and right; loop and stack
@right("3.1-6")
def one_call_a_place_with_torch_cat_of_left_mask(model, tokens, mask_id):
    mask, out = tokens.new_tensor([mask_id]), []
    for i, token in enumerate(tokens.tolist()):
        row = torch.cat([tokens[:i], mask, tokens[i + 1 :]])
        out.append(model(row.unsqueeze(0)).squeeze(0)[i][token])
    return torch.stack(out)


# A gap begins where hidden[i] and not hidden[i - 1]; at i = 0 this is hidden[-1], the LAST place: a gap
# at the front is lost when the text also ends in one
@wrong("3.1-7", "Where the text begins and ends in a gap, the first gap gets")
def a_gap_begins_where_hidden_i_and_not_hidden_i(tokens, hidden, sentinels):
    tokens, hidden, sentinels = tokens.tolist(), hidden.tolist(), sentinels.tolist()
    inputs, targets, gap = [], [], 0
    for i, token in enumerate(tokens):
        if hidden[i]:
            if not hidden[i - 1]:
                inputs.append(sentinels[gap])
                targets.append(sentinels[gap])
                gap += 1
            targets.append(token)
        else:
            inputs.append(token)
    return torch.tensor(inputs), torch.tensor([*targets, sentinels[gap]])


# No closing sentinel in the targets when the text ends with a gap ('nothing follows it')
@wrong("3.1-7", "Where the text ends in a gap, the last sentinel is missing")
def no_closing_sentinel_in_the_targets(tokens, hidden, sentinels):
    inputs, targets, gap, before = [], [], 0, False
    for token, gone in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if gone and not before:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
            gap += 1
        (targets if gone else inputs).append(token)
        before = gone
    if not before:
        targets.append(int(sentinels[gap]))
    return torch.tensor(inputs), torch.tensor(targets)


# The two sides are averaged as distributions (mixture) instead of multiplied
@wrong("3.1-8", "You add probabilities where they must be multiplied: a candidate")
def the_two_sides_are_averaged_as_distributions(before, after):
    return (before.softmax(0) + after.sum(1).softmax(0)) / 2


# Numpy in float64 with logaddexp.reduce as the normaliser
@right("3.1-8")
def numpy_in_float64_with_logaddexp_reduce(before, after):
    total = np.asarray(before, dtype=np.float64) + np.asarray(after, dtype=np.float64).sum(axis=-1)
    return torch.tensor(np.exp(total - np.logaddexp.reduce(total)), dtype=torch.float32)


def _race(**other):
    said = {
        "masked": 153600,
        "causal": 384000,
        "steps": 1500,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }
    return {**said, **other}


# The causal one asked at 39 of 40 tokens (first one has nothing before it), against the statement; steps
# follow
@wrong("3.1-9", "You leave out the first token of each window, for nothing stands")
def the_causal_one_asked_at_39_of_40_tokens():
    return _race(causal=600 * 16 * 39, steps=600 * 16 * 39 / 256)


def _probe(control, verdict, chance=0.39, base=(0.592, 0.587, 0.581, 0.576, 0.586)):
    d = np.array(base) - np.array(control)
    half = 2.776 * d.std(ddof=1) / math.sqrt(5)
    return {
        "gain": d.mean(),
        "low": d.mean() - half,
        "high": d.mean() + half,
        "verdict": verdict,
        "selectivity": float(np.mean(base)) - chance,
    }


# The control is 'a new body', the weaker of the two (gain 0.024), not the better one
@wrong("3.1-10", "You compare with the new body. The shuffled one knows as little")
def the_control_is_a_new_body_the_weaker():
    return _probe([0.566, 0.568, 0.556, 0.562, 0.549], "not shown")


# Lengths exchanged in the segments: zeros for the second sentence's length, ones for the first's
@wrong("3.1-11", "It comes out as if the first sentence had the length of the second:")
def lengths_exchanged_in_the_segments_zeros(first, second, cls, sep):
    first, second = [int(t) for t in first], [int(t) for t in second]
    tokens = [cls, *first, sep, *second, sep]
    return torch.tensor(tokens), torch.tensor([0] * (len(second) + 2) + [1] * (len(first) + 1))


# The k-th answer goes to the k-th sentinel of the inputs, whichever sentinel it names
@wrong("3.1-12", "You fill the gaps in the order in which the answers were")
def the_k_th_answer_goes_to_the_k_th_sentinel(inputs, written, sentinels):
    marks = {int(s) for s in sentinels}
    answers = []
    for token in [int(t) for t in written]:
        if token in marks:
            answers.append([])
        else:
            answers[-1].append(token)
    shown = [int(t) for t in inputs]
    out, gap = [], 0
    for token in shown:
        if token in marks and gap < len(answers):
            out += answers[gap]
            gap += 1
        else:
            out.append(token)
    return torch.tensor(out)
