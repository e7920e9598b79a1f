"""A ninth trial, chapter 5, up to the stop: answers that look for the gaps of the checker."""

import math

import torch

from trial.answers import right, wrong


def passages(text, width):
    """All passages of a text."""
    return {text[start : start + width] for start in range(len(text) - width + 1)}


# Drops the last batch, as data loaders do in training
@wrong("5-1", "The last batch does not count in your version, though its")
def leaves_the_last_batch_out(n, c, t):
    if len(n) > 1:
        n, c = (n[:-1], c[:-1])
    return sum((a * b for a, b in zip(n, c, strict=True))) / math.log(2) / len(t.encode())


# Counts the bytes in UTF-16
@wrong("5-1", "You divide by another length of the text than its bytes in")
def bytes_in_utf_16(n, c, t):
    return sum((a * b for a, b in zip(n, c, strict=True))) / math.log(2) / len(t.encode("utf-16"))


# Multiplies by 1.44, rounded too much
@wrong("5-1", "Your number is nearly right: the factor between nats and bits")
def multiplies_by_1_44(n, c, t):
    return sum((a * b for a, b in zip(n, c, strict=True))) * 1.44 / len(t.encode())


# Divides by the number of words
@wrong("5-1", "You divide by another length of the text than its bytes in")
def bits_per_word(n, c, t):
    return sum((a * b for a, b in zip(n, c, strict=True))) / math.log(2) / len(t.split())


# Returns the perplexity of a token
@wrong("5-1", "You give a perplexity, the exponential of the nats a token or")
def a_perplexity_per_token(n, c, t):
    return math.exp(sum((a * b for a, b in zip(n, c, strict=True))) / sum(c))


# Takes the first count for all batches
@wrong("5-1", "Every batch counts as if it held as many tokens as the first,")
def all_batches_as_large_as_the_first(n, c, t):
    return sum(n) * c[0] / math.log(2) / len(t.encode())


# Turns bits into bytes
@wrong("5-1", "Your number is an eighth of the right one, or eight times as")
def divides_by_eight(n, c, t):
    return sum((a * b for a, b in zip(n, c, strict=True))) / math.log(2) / len(t.encode()) / 8


# Multiplies two tensors
@right("5-1")
def a_scalar_product_in_float64(n, c, t):
    return (
        torch.tensor(n, dtype=torch.float64)
        @ torch.tensor(c, dtype=torch.float64)
        / math.log(2)
        / len(bytes(t, "utf8"))
    )


# Makes all letters small before comparing
@wrong("5-2", "It comes out as if texts were changed before they are")
def compares_small_letters(d, h, w):
    m = set().union(*(passages(d[i].lower(), w) for i in h))
    return [i not in h and (not m & passages(x.lower(), w)) for i, x in enumerate(d)]


# Takes all blanks out before comparing
@wrong("5-2", "It comes out as if texts were changed before they are")
def compares_without_blanks(d, h, w):
    t = [x.replace(" ", "") for x in d]
    m = set().union(*(passages(t[i], w) for i in h))
    return [i not in h and (not m & passages(x, w)) for i, x in enumerate(t)]


# Drops what is shorter than width
@wrong("5-2", "You drop documents that are shorter than width, whatever")
def drops_all_short_documents(d, h, w):
    m = set().union(*(passages(d[i], w) for i in h))
    return [i not in h and len(x) >= w and (not m & passages(x, w)) for i, x in enumerate(d)]


# Drops a short document that equals a held-out one
@wrong("5-2", "You drop a document shorter than width that repeats what is held out")
def drops_short_copies(d, h, w):
    m = set().union(*(passages(d[i], w) for i in h))
    hs = {d[i] for i in h}
    return [i not in h and x not in hs and (not m & passages(x, w)) for i, x in enumerate(d)]


# Takes at least one slice of every text, also of a short one
@wrong("5-2", "You drop a document shorter than width that repeats what is held out")
def a_short_text_is_its_own_passage(d, h, w):
    return [
        i not in h and (not any(x[k : k + w] in d[j] for j in h for k in range(max(1, len(x) - w + 1))))
        for i, x in enumerate(d)
    ]


# Looks at the first and the last passage of a training text
@wrong("5-2", "It comes out as if passages were compared at certain places")
def compares_first_and_last_passage(d, h, w):
    m = set().union(*(passages(d[i], w) for i in h))
    return [i not in h and x[:w] not in m and (x[-w:] not in m) for i, x in enumerate(d)]


# Compares with the last held-out document only
@wrong("5-2", "It comes out as if only one held-out document were compared")
def compares_with_the_last_held_out(d, h, w):
    m = passages(d[h[-1]], w)
    return [i not in h and (not m & passages(x, w)) for i, x in enumerate(d)]


# Intersects the passages of the held-out documents
@wrong("5-2", "A document stays in your version unless it shares a passage")
def shared_by_all_held_out(d, h, w):
    m = set.intersection(*(passages(d[i], w) for i in h))
    return [i not in h and (not m & passages(x, w)) for i, x in enumerate(d)]


# Passages one character too long
@wrong("5-2", "Your results are what the solution gives if `width` were one")
def passages_one_longer(d, h, w):
    w = w + 1
    m = set().union(*(passages(d[i], w) for i in h))
    return [i not in h and (not m & passages(x, w)) for i, x in enumerate(d)]


# Skips NaN with continue and counts the others
@wrong("5-3", "An evaluation that is NaN is passed over in your version: it")
def skips_nan_with_continue(L, p):
    best, bl, w = (0, math.inf, 0)
    for i, loss in enumerate(L):
        if math.isnan(loss):
            continue
        if loss < bl:
            best, bl, w = (i, loss, 0)
        else:
            w += 1
            if w >= p:
                return (i, best)
    return (len(L) - 1, best)


# Skips NaN, so that it cannot stop there
@wrong("5-3", "An evaluation that is NaN is passed over in your version: it")
def skips_nan_and_measures_by_place(L, p):
    best = None
    for i, loss in enumerate(L):
        if loss != loss:
            continue
        if best is None or loss < L[best]:
            best = i
        elif i - best >= p:
            return (i, best)
    return (len(L) - 1, best or 0)


# Sets the count back at NaN
@wrong("5-3", "After a NaN the count of evaluations in a row begins again in")
def nan_resets_the_count(L, p):
    best, bl, w = (0, math.inf, 0)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl, w = (i, loss, 0)
        elif math.isnan(loss):
            w = 0
        else:
            w += 1
        if w >= p:
            return (i, best)
    return (len(L) - 1, best)


# Stops at the first NaN behind the beginning
@wrong("5-3", "You stop at the first NaN. It counts as one evaluation that")
def stops_at_nan(L, p):
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if math.isnan(loss) and i:
            return (i, best)
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)


# Counts a NaN at the start as not better
@wrong("5-3", "The first evaluation counts as not better where it is NaN. It")
def counts_the_first_nan(L, p):
    best, bl, w = (-1, math.inf, 0)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl, w = (i, loss, 0)
        else:
            w += 1
        if w >= p:
            return (i, best)
    return (len(L) - 1, best)


# Asks for an improvement of a thousandth
@wrong("5-3", "An evaluation must be better by some margin in your version.")
def asks_for_a_margin(L, p):
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if loss < bl - 0.001:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)


# Begins with 100 as the lowest loss
@wrong("5-3", "Your lowest loss begins with a fixed number, and a loss above")
def begins_with_a_hundred(L, p):
    best, bl = (0, 100.0)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)


# Returns the lowest loss and not its place
@wrong("5-3", "You return the lowest loss itself. Asked for is at which")
def returns_the_loss(L, p):
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, bl)
    return (len(L) - 1, bl)


# Compares with <= and measures by place
@wrong("5-3", "A loss that only repeats the best keeps your training alive.")
def equal_is_better_by_place(L, p):
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if loss <= bl:
            bl = loss
            best = i
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)


# Removes NaN from the list first
@wrong("5-3", "It comes out as if a NaN were 0 (or a loss below all others),")
def takes_nan_out_of_the_list(L, p):
    L2 = [x for x in L if x == x]
    best, bl = (0, math.inf)
    for i, loss in enumerate(L2):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L2) - 1, best)


# Replaces NaN by 0
@wrong("5-3", "It comes out as if a NaN were 0 (or a loss below all others),")
def nan_is_zero(L, p):
    L2 = [x if x == x else 0 for x in L]
    best, bl = (0, math.inf)
    for i, loss in enumerate(L2):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)


# Asks whether a loss is not at least as large
@wrong("5-3", "A NaN becomes your best loss, and after it no comparison says")
def asks_whether_it_is_not_worse(L, p):
    best, bl, w = (0, L[0], 0)
    for i, loss in enumerate(L[1:], 1):
        if not loss >= bl:
            best, bl, w = (i, loss, 0)
        else:
            w += 1
        if w >= p:
            return (i, best)
    return (len(L) - 1, best)


# Returns the evaluation before the stop
@wrong("5-3", "The best evaluation is right. The last evaluation is too")
def returns_the_one_before(L, p):
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i - 1, best)
    return (len(L) - 1, best)


# Replaces NaN in the given list
@wrong("5-3", "The numbers are right, but for NaN first your input `losses`")
def writes_infinity_into_the_list(L, p):
    for i in range(len(L)):
        if L[i] != L[i]:
            L[i] = math.inf
    best, bl = (0, math.inf)
    for i, loss in enumerate(L):
        if loss < bl:
            best, bl = (i, loss)
        if i - best >= p:
            return (i, best)
    return (len(L) - 1, best)
