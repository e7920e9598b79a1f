"""An eleventh trial, chapter 5: slips beside the usual ones, and some that other words told wrongly."""

import copy
import io
import math

import numpy as np
import torch

from trial.answers import right, wrong


def grams(t, w):
    return {t[i : i + w] for i in range(len(t) - w + 1)}


def cost(V, D, L, F_, E, K, C, tied):
    table, att, exp = V * D, 4 * D * D, 2 * D * F_
    r = D * E if E > 1 else 0
    par = (1 if tied else 2) * table + L * (att + r + E * exp)
    return par, 2 * (table + L * (att + r + K * exp + 2 * C * D)), 8 * C * D * L


# The first loss times all tokens
@wrong("5-1", "as if the loss of one batch, the first or the last")
def the_first_batch_speaks_for_all(losses, counts, text):
    return losses[0] * sum(counts) / math.log(2) / len(text.encode())


# The text without its blanks
@wrong("5-1", "those without its blanks")
def blanks_do_not_count(losses, counts, text):
    return (
        sum(loss * c for loss, c in zip(losses, counts, strict=False))
        / math.log(2)
        / len(text.strip().replace(" ", "").encode())
    )


# One byte less
@wrong("5-1", "as if there were one too few")
def the_last_byte_not_counted(losses, counts, text):
    return (
        sum(loss * c for loss, c in zip(losses, counts, strict=False))
        / math.log(2)
        / (len(text.encode()) - 1)
    )


# As if the first token of a batch had no loss
@wrong("5-1", "as if there were one too few")
def the_first_token_never_predicted(losses, counts, text):
    return (
        sum(loss * (c - 1) for loss, c in zip(losses, counts, strict=False))
        / math.log(2)
        / len(text.encode())
    )


@right("5-1")
def a_dot_product(losses, counts, text):
    return float(np.dot(losses, counts) * np.log2(np.e) / len(bytes(text, "utf8")))


# Equal, holding one or held by one
@wrong("5-2", "as if only whole copies were dropped")
def copies_either_way_round(docs, held, w):
    return [i not in held and not any(docs[h] in d or d in docs[h] for h in held) for i, d in enumerate(docs)]


# range(1, ...)
@wrong("5-2", "at the very beginning of a text")
def windows_from_the_second_character(docs, held, w):
    def g(t):
        return {t[i : i + w] for i in range(1, len(t) - w + 1)}

    m = set().union(*(g(docs[h]) for h in held))
    return [i not in held and not (g(d) & m) for i, d in enumerate(docs)]


# A held-out document is not compared with itself, and not looked up
@wrong("5-2", "shares nothing with the others passes")
def compared_with_the_other_held_out_ones(docs, held, w):
    bad = set()
    for h in held:
        for i, d in enumerate(docs):
            if i != h and grams(d, w) & grams(docs[h], w):
                bad.add(i)
    return [i not in bad for i in range(len(docs))]


@right("5-2")
def windows_looked_up_in_the_text(docs, held, w):
    return [
        i not in set(held)
        and not any(docs[h][s : s + w] in d for h in held for s in range(len(docs[h]) - w + 1))
        for i, d in enumerate(docs)
    ]


# > for >=
@wrong("5-3", "You stop only when one more evaluation")
def more_than_patience(losses, patience):
    best, bl, w = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if loss < bl:
            best, bl, w = i, loss, 0
        else:
            w += 1
        if w > patience:
            return i, best
    return len(losses) - 1, best


# A margin of 1e-6
@wrong("5-3", "better by some margin")
def better_by_a_millionth(losses, patience):
    best, bl, w = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if loss < bl - 1e-6:
            best, bl, w = i, loss, 0
        elif i:
            w += 1
        if w >= patience:
            return i, best
    return len(losses) - 1, best


# len(losses) without - 1
@wrong("5-3", "one behind the end of the list")
def the_length_for_the_last_place(losses, patience):
    best, bl, w = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if loss < bl:
            best, bl, w = i, loss, 0
        else:
            w += 1
        if w >= patience:
            return i, best
    return len(losses), best


# The highest
@wrong("5-3", "as if a higher loss were the better one")
def a_record_upwards(losses, patience):
    best, bl, w = 0, -math.inf, 0
    for i, loss in enumerate(losses):
        if loss > bl:
            best, bl, w = i, loss, 0
        else:
            w += 1
        if w >= patience:
            return i, best
    return len(losses) - 1, best


# Where the best was
@wrong("5-3", "your first number is where the best evaluation was")
def steps_back_to_the_best(losses, patience):
    best, bl, w = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if loss < bl:
            best, bl, w = i, loss, 0
        elif i:
            w += 1
        if w >= patience:
            return i - patience, best
    return len(losses) - 1, best


# NaN as the best loss so far, then infinity
@wrong("5-3", "After a NaN it comes out as if any number")
def anything_beats_a_nan(losses, patience):
    best, bl, w = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if math.isnan(loss):
            bl = math.inf
            w += 1
        elif loss < bl:
            best, bl, w = i, loss, 0
        else:
            w += 1
        if w >= patience:
            return i, best
    return len(losses) - 1, best


@right("5-3")
def argmin_of_what_is_seen(losses, patience):
    a = np.array([math.inf if math.isnan(loss) else loss for loss in losses])
    for i in range(len(a)):
        b = int(a[: i + 1].argmin())
        if i - b >= patience:
            return i, b
    return len(a) - 1, int(a.argmin())


# A copy of run; fresh is as it was
@wrong("5-4", "nothing of run has come into it")
def another_run_given_back(run, fresh):
    return copy.deepcopy(run)


# Nothing
@wrong("5-4", "nothing of run has come into it")
def fresh_as_it_came(run, fresh):
    return fresh


# Only the optimizer
@wrong("5-4", "and not they alone")
def the_optimizer_alone(run, fresh):
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    return fresh


# Step and generator
@wrong("5-4", "and not they alone")
def step_and_chance_alone(run, fresh):
    fresh.step = run.step
    fresh.generator.set_state(run.generator.get_state())
    return fresh


# Shared tensors, and no generator
@wrong("5-4", "Two things at least")
def state_dicts_and_the_step(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.step = run.step
    return fresh


# A new AdamW
@wrong("5-4", "yours are not those of the run")
def a_new_optimizer_for_new_weights(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer = torch.optim.AdamW(fresh.model.parameters(), lr=0.1)
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


# manual_seed(0)
@wrong("5-4", "draws other batches")
def seeded_with_zero(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.manual_seed(0)
    fresh.step = run.step
    return fresh


@right("5-4")
def by_way_of_a_buffer(run, fresh):

    b = io.BytesIO()
    torch.save((run.model.state_dict(), run.optimizer.state_dict(), run.generator.get_state(), run.step), b)
    b.seek(0)
    m, o, g, s = torch.load(b)
    fresh.model.load_state_dict(m)
    fresh.optimizer.load_state_dict(o)
    fresh.generator.set_state(g)
    fresh.step = s


# All losses, times all tokens
@wrong("5-1", "taken for the loss of every token")
def all_losses_times_all_tokens(losses, counts, text):
    return sum(losses) * sum(counts) / math.log(2) / len(text.encode())


# A count that begins behind the first and is never set back
@wrong("5-3", "You count all bad evaluations since the start.")
def bad_ones_counted_from_the_second_on(losses, patience):
    best, least, bad = 0, math.inf, 0
    for now, loss in enumerate(losses):
        if loss < least:
            best, least = now, loss
        elif now:
            bad += 1
        if bad == patience:
            return now, best
    return len(losses) - 1, best
