"""An eleventh trial, chapter 4.2, training and writing: slips whose message told of another, or of none."""

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def pad_(rows, p, n):
    return torch.tensor([list(r) + [p] * (n - len(r)) for r in rows])


def moved(dec, tok, s, v):
    o = tok.clone()
    o[s] = v
    return (dec(o) - dec(tok)).abs().amax(-1)


def att(q, k, v, keep=None, s=None):
    z = q @ k.mT / (s or q.shape[-1] ** 0.5)
    return z.masked_fill(~keep, -torch.inf).softmax(-1) @ v


def T(n, d=0):
    return torch.ones(n, n).tril(d).bool()


# [start, *words, end] filled up, then [:-1] and [1:]: short rows keep their end
@wrong("4.2-7", "The end token stands among your inputs.")
def one_row_shifted_by_slices(s, start, end, pad):
    n = max(map(len, s))
    full = pad_([[start, *w, end] for w in s], pad, n + 2)
    return full[:, :-1], full[:, 1:]  # end token stands in inputs of short rows


# torch.zeros for the inputs
@wrong("4.2-7", "a number of your own")
def inputs_begun_with_zeros(s, start, end, pad):
    n = max(map(len, s)) + 1
    inputs = torch.zeros(len(s), n).long()
    labels = torch.full((len(s), n), pad)
    for k, w in enumerate(s):
        inputs[k, : len(w) + 1] = torch.tensor([start, *w])
        labels[k, : len(w) + 1] = torch.tensor([*w, end])
    return inputs, labels


# end where pad belongs
@wrong("4.2-7", "are filled up with start or with end")
def inputs_filled_with_end(s, start, end, pad):
    n = max(map(len, s)) + 1
    return pad_([[start, *w] for w in s], end, n), pad_([[*w, end] for w in s], pad, n)


@right("4.2-7")
def tables_filled_in_numpy(s, start, end, pad):
    n = max(len(w) for w in s) + 1
    a = np.full((len(s), n), pad)
    b = a.copy()
    for k, w in enumerate(s):
        a[k, 0] = start
        a[k, 1 : len(w) + 1] = w
        b[k, : len(w)] = w
        b[k, len(w)] = end
    return torch.from_numpy(a), torch.from_numpy(b)


# Divided by the batch
@wrong("4.2-8", "divided by the number of sentences")
def per_sentence(z, y, pad):
    return F.cross_entropy(z.transpose(1, 2), y.masked_fill(y == pad, -100), reduction="sum") / len(z)


# + 1e-9 against log 0
@wrong("4.2-8", "as if a small number such as 1e-9")
def log_of_p_plus_a_little(z, y, pad):
    p = z.softmax(-1).gather(-1, y[..., None])[..., 0]
    return -(p[y != pad] + 1e-9).log().mean()


# The mean first
@wrong("4.2-8", "the logarithm taken of their mean")
def log_after_the_mean(z, y, pad):
    p = z.softmax(-1).gather(-1, y[..., None])[..., 0]
    return -p[y != pad].mean().log()


# dim=1
@wrong("4.2-8", "as if the softmax ran along the positions")
def softmax_over_the_positions(z, y, pad):
    lp = z.log_softmax(1).gather(-1, y[..., None])[..., 0]
    return -lp[y != pad].mean()


# The decoder's entropy
@wrong("4.2-8", "the label said only whether a position counts")
def entropy_for_the_loss(z, y, pad):
    lp = z.log_softmax(-1)
    return -(lp.exp() * lp).sum(-1)[y != pad].mean()


# The largest log-probability
@wrong("4.2-8", "the label said only whether a position counts")
def the_likeliest_for_the_label(z, y, pad):
    lp = z.log_softmax(-1).amax(-1)
    return -lp[y != pad].mean()


# As with a text that is its own label
@wrong("4.2-8", "compared with the label of the next one")
def labels_shifted_again(z, y, pad):
    return F.cross_entropy(z[:, :-1].flatten(0, 1), y[:, 1:].flatten(), ignore_index=pad)


@right("4.2-8")
def position_by_position(z, y, pad):
    tot = [
        -(z[i, t, y[i, t]] - z[i, t].logsumexp(0))
        for i in range(len(y))
        for t in range(y.shape[1])
        if y[i, t] != pad
    ]
    return sum(tot) / len(tot)


# argmax() without dim
@wrong("4.2-9", "among the logits of all rows at once")
def argmax_of_the_whole_table(f, batch, start, end, n):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch).bool()
    while t.shape[1] <= n and not done.all():
        c = f(t).argmax().expand(batch).masked_fill(done, end)
        t = torch.cat([t, c[:, None]], 1)
        done |= c == end
    return t[:, 1:]


# dim=0
@wrong("4.2-9", "among the logits of all rows at once")
def argmax_down_the_rows(f, batch, start, end, n):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch).bool()
    while t.shape[1] <= n and not done.all():
        c = f(t).argmax(0)[:batch].masked_fill(done, end)
        t = torch.cat([t, c[:, None]], 1)
        done |= c == end
    return t[:, 1:]


# -1 for finished rows
@wrong("4.2-9", "something else than end, such as 0, -1")
def minus_one_behind_end(f, batch, start, end, n):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch).bool()
    while t.shape[1] <= n and not done.all():
        c = f(t).argmax(-1).masked_fill(done, -1)
        t = torch.cat([t, c[:, None]], 1)
        done |= c == end
    return t[:, 1:]


# No look at end
@wrong("4.2-9", "as if nothing happened at end")
def never_looks_for_end(f, batch, start, end, n):
    t = torch.full((batch, 1), start)
    for _ in range(n):
        t = torch.cat([t, f(t).argmax(-1)[:, None]], 1)
    return t[:, 1:]


# The first word takes start's place
@wrong("4.2-9", "as if the decoder read start in its first call")
def start_left_behind(f, batch, start, end, n):
    t = torch.full((batch, 1), start)
    done = torch.zeros(batch).bool()
    out = []
    while len(out) < n and not done.all():
        c = f(t).argmax(-1).masked_fill(done, end)
        t = c[:, None] if not out else torch.cat([t, c[:, None]], 1)
        out.append(c)
        done |= c == end
    return torch.stack(out, 1)


@right("4.2-9")
def rows_as_lists(f, batch, start, end, n):
    rows = [[start] for _ in range(batch)]
    for _ in range(n):
        if all(end in r[1:] for r in rows):
            break
        best = f(torch.tensor(rows)).max(-1).indices.tolist()
        for r, b in zip(rows, best, strict=False):
            r.append(end if end in r[1:] else b)
    return torch.tensor([r[1:] for r in rows])


# A sum of many small moves
@wrong("4.2-10", "put together, and that compared")
def moves_summed_over_the_logits(dec, tok, V):
    far = 0
    b = dec(tok)
    for s in range(len(tok)):
        for v in range(V):
            o = tok.clone()
            o[s] = v
            m = (dec(o) - b).abs().sum(-1)
            for t in range(s):
                if m[t] >= 1e-4:
                    far = max(far, s - t)
    return far


# range(1, vocab - 1)
@wrong("4.2-10", "you do not put every other token")
def neither_the_first_nor_the_last_token(dec, tok, V):
    far = 0
    for s in range(len(tok)):
        for v in range(1, V - 1):
            m = moved(dec, tok, s, v)
            for t in range(s):
                if m[t] >= 1e-4:
                    far = max(far, s - t)
    return far


# Returned at the first leak from the end
@wrong("4.2-10", "the first leak that is met, or the last")
def the_first_leak_from_behind(dec, tok, V):
    b = dec(tok)
    for s in reversed(range(len(tok))):
        for v in range(V):
            o = tok.clone()
            o[s] = v
            m = (dec(o) - b).abs().amax(-1) >= 1e-4
            if m[:s].any():
                return s - int(m[:s].nonzero()[0])
    return 0


@right("4.2-10")
def from_far_to_near(dec, tok, V):
    a = dec(tok).numpy()
    n = len(tok)
    for d in range(n - 1, 0, -1):
        for s in range(d, n):
            for v in range(V):
                o = tok.numpy().copy()
                o[s] = v
                if np.abs(dec(torch.from_numpy(o)).numpy() - a)[s - d].max() > 1e-4:
                    return d
    return 0


# // beams for the parent
@wrong("4.2-11", "Tokens and log-probabilities are right, and the parents")
def parents_by_the_number_of_beams(lp, st):
    B, V = st.shape
    best, p = (lp[:, None] + st).flatten().topk(B)
    return p // B, p % V, best


# % for //, in the table of what each beam kept
@wrong("4.2-11", "Tokens and log-probabilities are right, and the parents")
def remainder_of_the_short_table(lp, st):
    B, _V = st.shape
    best, t = (lp[:, None] + st).topk(B, dim=-1)
    best, i = best.flatten().topk(B)
    return i % B, t.flatten()[i], best


# The place as it is
@wrong("4.2-11", "Parents and log-probabilities are right, and the tokens")
def places_for_tokens(lp, st):
    B, V = st.shape
    best, p = (lp[:, None] + st).flatten().topk(B)
    return p // V, p, best


# // beams for the token
@wrong("4.2-11", "Parents and log-probabilities are right, and the tokens")
def a_quotient_for_the_token(lp, st):
    B, V = st.shape
    best, p = (lp[:, None] + st).flatten().topk(B)
    return p // V, p // B, best


# max over the beams
@wrong("4.2-11", "Every token comes once at most")
def the_best_beam_of_each_token(lp, st):
    B, _V = st.shape
    best, p = (lp[:, None] + st).max(0)
    v, i = best.topk(B)
    return p[i], i, v


# Long beginnings become equal
@wrong("4.2-11", "For 3 long beginnings")
def beginnings_held_above_minus_ten(lp, st):
    B, V = st.shape
    best, p = (lp[:, None].clamp_min(-10) + st).flatten().topk(B)
    return p // V, p % V, best


@right("4.2-11")
def row_by_row_then_all(lp, st):
    B = len(lp)
    k = min(B, st.shape[1])
    v, t = (lp[:, None] + st).topk(k, -1)
    best, i = v.reshape(-1).sort(descending=True)
    i = i[:B]
    return torch.div(i, k, rounding_mode="floor"), t.reshape(-1)[i], best[:B]


# Divided by the longest sentence
@wrong("4.2-8", "divided by the length of a row")
def over_the_length_of_a_row(z, y, pad):
    losses = F.cross_entropy(z.flatten(0, 1), y.flatten(), ignore_index=pad, reduction="sum")
    return losses / y.shape[1]


# Two for each beginning, then the best of these
@wrong("4.2-11", "two children at most")
def two_of_each_beginning(lp, st):
    v, t = (lp[:, None] + st).topk(2, -1)
    best, i = v.flatten().topk(len(lp))
    return i // 2, t.flatten()[i], best
