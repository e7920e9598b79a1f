"""Chapter 3.1, pretraining: wrong answers with one slip each, and unusual right ones."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.1-1", "no random")
def masks_nine_of_ten(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.9), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9) & (inputs != mask_id), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)  # what should get another token is masked already


@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def targets_only_where_the_input_changed(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(inputs != tokens, tokens, -100)  # chosen tokens that stay are scored too


@wrong("3.1-1", "masks included")
def tokens_masked_in_place(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = tokens  # no copy
    inputs[chosen & (fate < 0.8)] = mask_id
    swapped = chosen & (fate >= 0.8) & (fate < 0.9)
    inputs[swapped] = other[swapped]
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-1", "Your targets hold 0 where nothing is scored. 0 may be the number of a")
def ignored_targets_are_zero(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, tokens * chosen  # 0 is a token; -100 is not scored


@right("3.1-1")
def hidden_one_token_at_a_time(tokens, choice, fate, other, mask_id):
    def one(token, c, f, o):
        if c >= 0.15:
            return token, -100
        return (mask_id if f < 0.8 else o if f < 0.9 else token), token

    rows = zip(tokens.tolist(), choice.tolist(), fate.tolist(), other.tolist(), strict=True)
    pairs = torch.tensor([[one(*entry) for entry in zip(*row, strict=True)] for row in rows])
    return pairs[..., 0], pairs[..., 1]


@wrong("3.1-2", "each row first")
def mean_of_the_rows_means(logits, tokens, hidden):
    losses = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none") * hidden
    return (losses.sum(1) / hidden.sum(1)).mean()  # rows with few hidden tokens weigh too much


@wrong("3.1-2", "hidden tokens")
def divided_by_all_tokens(logits, tokens, hidden):
    losses = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return (losses * hidden).mean()  # over all tokens, not over the hidden ones


@wrong("3.1-2", "negative")
def surprise_without_its_sign(logits, tokens, hidden):
    log_p = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    return log_p[hidden].mean()


@right("3.1-2")
def hidden_loss_by_ignored_targets(logits, tokens, hidden):
    return F.cross_entropy(logits.flatten(0, 1), tokens.masked_fill(~hidden, -100).flatten())


@wrong("3.1-3", "own draw")
def every_token_by_its_own_draw(starts, draws, share):
    return draws < share  # the draws of a word's later tokens count as well


@wrong("3.1-3", "chosen words")
def only_the_first_token_of_a_word(starts, draws, share):
    return starts & (draws < share)


@wrong("3.1-3", "Each word but the last takes the draw")
def words_numbered_one_too_high(starts, draws, share):
    word = starts.cumsum(0)  # the first word has number 1
    hidden = draws[starts] < share
    return torch.cat([hidden, hidden[-1:]])[word]


@right("3.1-3")
def words_hidden_by_a_running_flag(starts, draws, share):
    flag, hidden = False, []
    for start, draw in zip(starts, draws, strict=True):
        flag = bool(draw < share) if start else flag
        hidden.append(flag)
    return torch.tensor(hidden)


@wrong("3.1-4", "bad batches loud")
def mean_of_the_perplexities(losses, counts):
    return (losses.exp() * counts).sum() / counts.sum()  # the exponential comes last


@wrong("3.1-4", "batch counts alike")
def batches_weigh_alike(losses, counts):
    return losses.mean().exp()


@wrong("3.1-4", "base is e")
def perplexity_to_the_base_two(losses, counts):
    return 2 ** ((losses * counts).sum() / counts.sum())  # nats need e


@wrong("3.1-5", "several bytes")
def bits_per_character(nats, text):
    return nats.sum() / math.log(2) / len(text)  # characters, not bytes


@wrong("3.1-5", "nats too")
def nats_per_byte(nats, text):
    return nats.sum() / len(text.encode("utf-8"))


@wrong("3.1-5", "ln 2")
def bits_multiplied_by_ln_two(nats, text):
    return nats.sum() * math.log(2) / len(text.encode())  # should be divided


@right("3.1-5")
def bits_per_byte_as_a_python_float(nats, text):
    return math.fsum(nats.tolist()) * math.log2(math.e) / sum(1 for _ in bytearray(text, "utf8"))


@wrong("3.1-6", "scores say")
def asked_without_hiding(model, tokens, mask_id):
    return model(tokens[None])[0].gather(-1, tokens[:, None])[:, 0]  # each token is seen


@wrong("3.1-6", "model guesses")
def all_hidden_at_once(model, tokens, mask_id):
    log_p = model(torch.full_like(tokens, mask_id)[None])[0]
    return log_p.gather(-1, tokens[:, None])[:, 0]


@wrong("3.1-6", "masks stay")
def hidden_and_never_shown_again(model, tokens, mask_id):
    masked, result = tokens.clone(), []
    for i in range(len(tokens)):
        masked[i] = mask_id  # the earlier ones stay hidden
        result.append(model(masked[None])[0, i, tokens[i]])
    return torch.stack(result)


@wrong("3.1-6", "list's own append")
def mask_in_the_tokens_themselves(model, tokens, mask_id):
    result = []
    for i in range(len(tokens)):
        truth = tokens[i]  # a view: it becomes the mask as well
        tokens[i] = mask_id
        result.append(model(tokens[None])[0, i, truth])
        tokens[i] = truth
    return torch.stack(result)


@right("3.1-6")
def all_masks_in_one_batch(model, tokens, mask_id):
    eye = torch.eye(len(tokens), dtype=torch.bool)
    batch = torch.where(eye, mask_id, tokens.expand(len(tokens), -1))
    return model(batch).diagonal(dim1=0, dim2=1).T.gather(1, tokens.unsqueeze(1)).squeeze(1)


@wrong("3.1-7", "gap stays secret")
def a_sentinel_for_each_token(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], 0
    for token, hide in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if hide:
            inputs.append(int(sentinels[gap]))  # one for each token, not for each run
            targets += [int(sentinels[gap]), token]
            gap += 1
        else:
            inputs.append(token)
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[gap])])


@wrong("3.1-7", "last sentinel")
def no_last_sentinel(tokens, hidden, sentinels):
    inputs, targets, gap, before = [], [], 0, False
    for token, hide in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if hide and not before:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
            gap += 1
        (targets if hide else inputs).append(token)
        before = hide
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.1-7", "sentinel stands")
def sentinel_after_its_tokens(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], 0
    hides = [*hidden.tolist(), False]
    for i, token in enumerate(tokens.tolist()):
        if not hides[i]:
            inputs.append(token)
            continue
        targets.append(token)
        if not hides[i + 1]:
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))  # should stand before the run
            gap += 1
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[gap])])


@wrong("3.1-8", "anywhere but at the last")
def only_the_last_token_read(before, after):
    return (before + after[:, -1]).softmax(0)


@wrong("3.1-8", "that follow")
def mean_of_what_follows(before, after):
    return (before + after.mean(1)).softmax(0)  # log-probabilities of a text are summed


@wrong("3.1-8", "left side")
def the_left_side_forgotten(before, after):
    return after.sum(1).softmax(0)


@wrong("3.1-8", "joint probabilities")
def normalised_by_no_softmax(before, after):
    return (before + after.sum(1)).exp()  # not divided by the sum


@right("3.1-8")
def filled_in_float64_by_hand(before, after):
    score = before.double() + after.double().sum(-1)
    return torch.exp(score - torch.logsumexp(score, 0)).float()
