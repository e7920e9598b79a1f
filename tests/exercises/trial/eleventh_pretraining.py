"""An eleventh trial, pretraining: slips and boundaries that the cases or the messages had missed."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Masks and random tokens wherever the fate says so
@wrong("3.1-1", "masks and random tokens also where no token was chosen")
def fates_of_all_tokens(tokens, choice, fate, other, mask_id):
    inputs = torch.where(fate < 0.8, mask_id, tokens)
    inputs = torch.where((fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(choice < 0.15, tokens, -100)


# The second step overwrites the masks of the first
@wrong("3.1-1", "There are no masks in your inputs")
def random_tokens_over_the_masks(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


# Scored is what differs
@wrong("3.1-1", "as if a token were scored where the inputs differ")
def scored_where_it_differs(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(inputs != tokens, tokens, torch.tensor(-100))


# 0 where -100 is asked for
@wrong("3.1-1", "Your targets hold 0 where nothing is scored")
def zero_for_ignored(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, 0)


# A billionth in the logarithm
@wrong("3.1-2", "something small is added before the logarithm")
def a_billionth_in_the_logarithm(logits, tokens, hidden):
    p = logits.softmax(-1).gather(-1, tokens[..., None])[..., 0]
    return -(p[hidden] + 1e-9).log().mean()


# The entropy, not the cross entropy
@wrong("3.1-2", "the entropy of the model's own probabilities")
def entropy_of_the_guess(logits, tokens, hidden):
    p = logits.softmax(-1)
    return -(p * p.log()).sum(-1)[hidden].mean()


# Softmax over dimension 0
@wrong("3.1-2", "Your softmax runs over the rows of the batch")
def softmax_over_the_rows(logits, tokens, hidden):
    return -logits.log_softmax(0).gather(-1, tokens[..., None])[..., 0][hidden].mean()


# Yes or no for each token of the vocabulary
@wrong("3.1-2", "You ask yes or no for each token")
def binary_cross_entropy(logits, tokens, hidden):
    one_hot = F.one_hot(tokens, logits.shape[-1]).float()
    return F.binary_cross_entropy_with_logits(logits[hidden], one_hot[hidden])


# logsumexp by hand, one place after the other
@right("3.1-2")
def one_place_after_the_other(logits, tokens, hidden):
    total = 0
    for b, s in hidden.nonzero().tolist():
        total = total + torch.logsumexp(logits[b, s], 0) - logits[b, s, tokens[b, s]]
    return total / int(hidden.sum())


# The sum of low draws may be above the share
@wrong("3.1-3", "You add up the draws of a word")
def draws_of_a_word_added_up(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    sums = torch.zeros(int(starts.sum())).index_add(0, word, draws)
    return (sums < share)[word]


# A later token may hide the rest of its word
@wrong("3.1-3", "the first token with a low draw hides all behind it")
def hidden_from_a_low_draw_on(starts, draws, share):
    hidden = draws < share
    for i in range(1, len(starts)):
        if not starts[i] and hidden[i - 1]:
            hidden[i] = True
    return hidden


# No word is ever over
@wrong("3.1-3", "Behind the first hidden word everything is hidden")
def hidden_to_the_end(starts, draws, share):
    return ((draws < share) & starts).cumsum(0) > 0


# One token too few, one too many
@wrong("3.1-3", "The last token of each hidden word can still be seen")
def ends_one_early(starts, draws, share):
    hidden, places = torch.zeros_like(starts), [*starts.nonzero()[:, 0].tolist(), len(starts)]
    for begin, end in pairwise(places):
        if draws[begin] < share:
            hidden[begin : end - 1] = True
    return hidden


# The number of the first token, carried along
@right("3.1-3")
def place_of_the_first_token(starts, draws, share):
    first = torch.where(starts, torch.arange(len(starts)), 0).cummax(0).values
    return draws[first] < share


# Bits, and e to their power
@wrong("3.1-4", "Base and unit do not fit")
def e_to_the_power_of_bits(losses, counts):
    return ((losses * counts).sum() / counts.sum() / math.log(2)).exp()


# A product of powers
@right("3.1-4")
def powers_of_each_batch_multiplied(losses, counts):
    return (losses.double().exp() ** (counts / counts.sum())).prod()


# Line breaks are bytes
@wrong("3.1-5", "A line break is a byte like any other")
def without_line_breaks(nats, text):
    return nats.sum() / math.log(2) / len(text.replace("\n", "").encode())


# The exponential of a text's cost is more than float32 holds
@wrong("3.1-5", "infinity")
def logarithm_of_the_exponential(nats, text):
    return torch.log2(nats.sum().exp()) / len(text.encode())


# Everything before the place is hidden, by a fresh copy each time
@wrong("3.1-6", "All before the token that you ask for is hidden too")
def all_up_to_the_place(model, tokens, mask_id):
    scores = []
    for place, token in enumerate(tokens.tolist()):
        text = tokens.clone()
        text[: place + 1] = mask_id
        scores.append(model(text[None])[0, place, token])
    return torch.stack(scores)


# The text is cut behind the mask
@wrong("3.1-6", "The model does not see what stands behind")
def up_to_the_mask(model, tokens, mask_id):
    scores = []
    for place, token in enumerate(tokens.tolist()):
        text = tokens[: place + 1].clone()
        text[place] = mask_id
        scores.append(model(text[None])[0, place, token])
    return torch.stack(scores)


# No batch axis
@wrong("3.1-6", "the model reads tokens [batch, seq]")
def a_row_without_a_batch(model, tokens, mask_id):
    scores = []
    for place, token in enumerate(tokens.tolist()):
        text = tokens.clone()
        text[place] = mask_id
        scores.append(model(text)[place, token])
    return torch.stack(scores)


def _gaps(tokens, hidden, number, end):
    """Inputs and targets with `number(gap)` for each gap and `end(gaps)` behind the last."""
    inputs, targets, gaps, before = [], [], 0, False
    for token, is_hidden in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if not is_hidden:
            inputs.append(token)
        else:
            if not before:
                inputs.append(int(number(gaps)))
                targets.append(int(number(gaps)))
                gaps += 1
            targets.append(token)
        before = is_hidden
    return torch.tensor(inputs), torch.tensor([*targets, int(end(gaps))])


# The last gap's sentinel once more
@wrong("3.1-7", "Your targets end with a sentinel that does not follow")
def the_last_sentinel_again(tokens, hidden, sentinels):
    return _gaps(tokens, hidden, lambda gap: sentinels[gap], lambda gaps: sentinels[gaps - 1])


# One name for all gaps, the next for the end
@wrong("3.1-7", "All gaps have the first sentinel, and the end the second")
def one_name_for_all_gaps(tokens, hidden, sentinels):
    return _gaps(tokens, hidden, lambda gap: sentinels[0], lambda gaps: sentinels[1])


# Counted from 1
@wrong("3.1-7", "Your first gap gets the second of")
def gaps_from_one(tokens, hidden, sentinels):
    return _gaps(
        tokens,
        hidden,
        lambda gap: sentinels[gap + 1],
        lambda gaps: sentinels[min(gaps + 1, len(sentinels) - 1)],
    )


# Lists are as good as tensors
@right("3.1-7")
def lists_of_numbers(tokens, hidden, sentinels):
    inputs, targets = _gaps(tokens, hidden, lambda gap: sentinels[gap], lambda gaps: sentinels[gaps])
    return inputs.tolist(), targets.tolist()


# Two shares multiplied
@wrong("3.1-8", "in the right proportion, but do not sum to 1")
def two_shares_multiplied(before, after):
    return before.softmax(0) * after.sum(1).softmax(0)


# Logarithms divided by their sum
@wrong("3.1-8", "You divide logarithms by their sum")
def logarithms_by_their_sum(before, after):
    both = before + after.sum(1)
    return both / both.sum()


# Something small against a division by 0
@wrong("3.1-8", "something small is added to the divisor")
def small_in_the_divisor(before, after):
    p = (before + after.sum(1)).exp()
    return p / (p.sum() + 1e-9)


# Nothing stands before the first token, but the statement scores it
@wrong("3.1-9", "You leave out the first token of each window")
def the_first_token_left_out():
    return {
        "masked": 153600,
        "causal": 374400,
        "steps": 1500,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


# The interval of a normal distribution
@wrong("3.1-10", "You take 1.96 for 2.776")
def the_normal_factor():
    half = (0.0342 - 0.02604024) / 2.776 * 1.96
    return {
        "gain": -0.0342,
        "low": -0.0342 - half,
        "high": -0.0342 + half,
        "verdict": "does not hold",
        "selectivity": 0.1944,
    }


# Half the row for each segment
@wrong("3.1-11", "as if the row were cut in the middle")
def half_of_the_row(first, second, cls, sep):
    tokens = torch.cat(
        [first.new_tensor([cls]), first, first.new_tensor([sep]), second, first.new_tensor([sep])]
    )
    return tokens, (torch.arange(len(tokens)) >= len(tokens) // 2).long()


# Sentinels told by their size
@wrong("3.1-12", "as if a sentinel were told by its size")
def from_the_first_sentinel_on(inputs, written, sentinels):
    answers, current = {}, None
    for token in written.tolist():
        if token >= int(sentinels[0]):
            current = answers.setdefault(token, [])
        else:
            current.append(token)
    return torch.tensor([t for token in inputs.tolist() for t in answers.get(token, [token])])


# Only a gap of the inputs ends an answer
@wrong("3.1-12", "does not end an answer in your version")
def ended_by_gaps_alone(inputs, written, sentinels):
    gaps = set(inputs.tolist()) & set(sentinels.tolist())
    answers, current = {}, []
    for token in written.tolist():
        if token in gaps:
            current = answers.setdefault(token, [])
        else:
            current.append(token)
    return torch.tensor([t for token in inputs.tolist() for t in answers.get(token, [token])])


# Slices between the marks
@right("3.1-12")
def slices_between_marks(inputs, written, sentinels):
    places = [*torch.isin(written, sentinels).nonzero()[:, 0].tolist(), len(written)]
    answers = {int(written[a]): written[a + 1 : b] for a, b in pairwise(places)}
    return torch.cat([answers.get(int(token), token[None]) for token in inputs])


# The draw of the word before
@wrong("3.1-3", "Each word but the first takes the draw of the word before it")
def draw_of_the_word_before(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    return draws[starts][(word - 1).clamp(min=0)] < share


# A number for each token, not for each place
@wrong("3.1-6", "A token that comes twice gets the number of its first place")
def remembered_by_token(model, tokens, mask_id):
    known = {}
    for place, token in enumerate(tokens.tolist()):
        if token not in known:
            text = tokens.clone()
            text[place] = mask_id
            known[token] = model(text[None])[0, place, token]
    return torch.stack([known[token] for token in tokens.tolist()])


# A row for each mask, and only the first row read
@wrong("3.1-6", "You read all numbers off the first pass")
def only_the_first_row(model, tokens, mask_id):
    rows = tokens.repeat(len(tokens), 1).fill_diagonal_(mask_id)
    return model(rows)[0, torch.arange(len(tokens)), tokens]


# Whatever was written is looked up, words too
@wrong("3.1-12", "Any token of the inputs is looked up in what was written")
def every_token_looked_up(inputs, written, sentinels):
    marks, tokens, text = set(sentinels.tolist()), written.tolist(), []
    for token in inputs.tolist():
        if token not in tokens:
            text.append(token)
            continue
        place = tokens.index(token) + 1
        while place < len(tokens) and tokens[place] not in marks:
            text.append(tokens[place])
            place += 1
    return torch.tensor(text)


# The other sentence's length
@wrong("3.1-11", "as if the first sentence had the length of the second")
def the_second_length(first, second, cls, sep):
    marks = first.new_tensor([sep])
    tokens = torch.cat([first.new_tensor([cls]), first, marks, second, marks])
    segments = torch.zeros_like(tokens)
    segments[len(second) + 2 :] = 1
    return tokens, segments
