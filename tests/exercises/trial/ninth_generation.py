"""A ninth trial, chapter 6.2: answers that look for the gaps of the checker."""

import itertools
import math

from trial.answers import right, wrong


def everything(sums, log_probs):
    """All continuations."""
    return [[b, t, sums[b] + value] for b, row in enumerate(log_probs) for t, value in enumerate(row)]


def not_said(written, keywords):
    """The keywords that are missing."""
    return sorted(set(keywords) - set(written))


def all_runs(texts, size):
    """The runs of all texts."""
    return [tuple(words[at : at + size]) for words in texts for at in range(len(words) - size + 1)]


def ranks_of(scores, wrong):
    """The ranks of the wrong words."""
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    return [rank for rank, place in enumerate(order, 1) if wrong[place]]


COUNTS = {"p alone": 3, "k then p": 2, "favourite": 0.35 / 0.65}


def idf(passages, have):
    """The weight of a word."""
    return math.log(1 + (passages - have + 0.5) / (have + 0.5))


WORTH = {"common": idf(400, 240), "rare": idf(400, 2), "gain": (6 / 7.5) / (1 / 2.5)}


# Continues only the best beam
@wrong("6.2-2", "Only the best beam has heirs in your version, or a better")
def continues_the_best_beam(s, lp, w):
    b = max(range(len(s)), key=lambda b: s[b])
    return sorted([x for x in everything(s, lp) if x[0] == b], key=lambda x: -x[2])[:w]


# Returns the token's own log-probability
@wrong("6.2-2", "The right continuations are chosen, and the third entry is")
def returns_the_tokens_own(s, lp, w):
    return [[b, t, lp[b][t]] for b, t, v in sorted(everything(s, lp), key=lambda x: -x[2])[:w]]


# Returns probabilities
@wrong("6.2-2", "The right continuations are chosen, and the third entry is a")
def returns_probabilities(s, lp, w):
    return [[b, t, math.exp(v)] for b, t, v in sorted(everything(s, lp), key=lambda x: -x[2])[:w]]


# Names each token once
@wrong("6.2-2", "A token occurs once in your list, with its best beam. Two")
def each_token_one_time(s, lp, w):
    out = []
    seen = set()
    for x in sorted(everything(s, lp), key=lambda x: -x[2]):
        if x[1] not in seen:
            out.append(x)
            seen.add(x[1])
    return out[:w]


# Subtracts the token's log-probability
@wrong("6.2-2", "You subtract the token's log-probability from that of its")
def subtracts_the_token(s, lp, w):
    return sorted(
        [[b, t, s[b] - v] for b, row in enumerate(lp) for t, v in enumerate(row)], key=lambda x: -x[2]
    )[:w]


# Takes the first beam's row for all
@wrong("6.2-2", "All beams are continued with the log-probabilities of the")
def one_row_for_all_beams(s, lp, w):
    return sorted(
        [[b, t, s[b] + lp[0][t]] for b in range(len(s)) for t in range(len(lp[0]))], key=lambda x: -x[2]
    )[:w]


# Leaves the keywords in their order
@wrong("6.2-3", "You return the right tokens in the order in which the")
def in_the_given_order(wr, k, left, v):
    m = [x for x in dict.fromkeys(k) if x not in wr]
    return [] if len(m) > left else m if len(m) == left else list(range(v))


# Takes the length of the text off left
@wrong("6.2-3", "You take what is written off from `left`. That number is what")
def takes_what_is_written_off(wr, k, left, v):
    m = not_said(wr, k)
    left = left - len(wr)
    return [] if len(m) > left else m if len(m) == left else list(range(v))


# Gives up where just as many are missing
@wrong("6.2-3", "Where just as many are missing as tokens are left you give")
def gives_up_at_once(wr, k, left, v):
    m = not_said(wr, k)
    return [] if len(m) >= left and m else list(range(v))


# Does not count the next token
@wrong("6.2-3", "It comes out as if the token that comes next were not among")
def does_not_count_the_next(wr, k, left, v):
    m = not_said(wr, k)
    left = left - 1
    return [] if len(m) > left else m if len(m) == left and m else list(range(v))


# Counts those that are said as well
@wrong("6.2-3", "You give up where there are more keywords than tokens left,")
def counts_all_keywords(wr, k, left, v):
    m = not_said(wr, k)
    return [] if len(set(k)) > left else m if len(m) == left else list(range(v))


# Allows one of the missing ones
@wrong("6.2-3", "Where only keywords may come you allow one of them. Each of")
def allows_one_of_them(wr, k, left, v):
    m = not_said(wr, k)
    return [] if len(m) > left else m[:1] if len(m) == left else list(range(v))


# Allows nothing when all is said
@wrong("6.2-3", "When all keywords are said nothing may come any more in your")
def nothing_when_done(wr, k, left, v):
    m = not_said(wr, k)
    if not m:
        return []
    return [] if len(m) > left else m if len(m) == left else list(range(v))


# Allows no keyword while there is room
@wrong("6.2-3", "While there is room you allow no keyword that is missing. All")
def holds_keywords_back(wr, k, left, v):
    m = not_said(wr, k)
    return [] if len(m) > left else m if len(m) == left else [t for t in range(v) if t not in m]


# Takes the last size minus one tokens, which are all of them with size one
@wrong("6.2-4", "Right, except for runs of one: they have nothing before their")
def minus_size_minus_one(t, s):
    last = t[-(s - 1) :]
    return sorted({t[i + s - 1] for i in range(len(t) - s + 1) if t[i : i + s - 1] == last})


# Looks at the last token alone
@wrong("6.2-4", "It comes out as if only the last token were compared,")
def what_followed_the_last(t, s):
    return sorted({b for a, b in itertools.pairwise(t) if a == t[-1]})


# Goes in steps of size
@wrong("6.2-4", "It comes out as if runs stood side by side, each behind the")
def runs_in_steps(t, s):
    last = t[len(t) - s + 1 :]
    return sorted({t[i + s - 1] for i in range(0, len(t) - s + 1, s) if t[i : i + s - 1] == last})


# Returns what is allowed
@wrong("6.2-4", "You return the tokens of the text that may come next. Asked")
def returns_what_is_allowed(t, s):
    last = t[len(t) - s + 1 :]
    bad = {t[i + s - 1] for i in range(len(t) - s + 1) if t[i : i + s - 1] == last}
    return sorted(set(t) - bad)


# Returns what stood before
@wrong("6.2-4", "You return what stood before the text's end where it stood")
def looks_backwards(t, s):
    last = t[len(t) - s + 1 :]
    return sorted({t[i] for i in range(len(t) - s + 1) if t[i + 1 : i + s] == last})


# Returns them in falling order
@wrong("6.2-4", "You return the right tokens, the highest first. Rising order")
def falling(t, s):
    last = t[len(t) - s + 1 :]
    return sorted({t[i + s - 1] for i in range(len(t) - s + 1) if t[i : i + s - 1] == last}, reverse=True)


# Returns the latest match
@wrong("6.2-4", "You return one token at most. After the same beginning")
def the_latest_match(t, s):
    last = t[len(t) - s + 1 :]
    for i in range(len(t) - s, -1, -1):
        if t[i : i + s - 1] == last:
            return [t[i + s - 1]]
    return []


# Makes words small
@wrong("6.2-5", "Capitals and small letters are one to you. Words are the same")
def in_small_letters(T, s):
    r = [tuple(x.lower() for x in q) for q in all_runs(T, s)]
    return len(set(r)) / len(r)


# Cuts one run at least from each text
@wrong("6.2-5", "Runs shorter than `size` count in your version: at the ends")
def one_run_at_least(T, s):
    r = [tuple(w[i : i + s]) for w in T for i in range(max(1, len(w) - s + 1))]
    return len(set(r)) / len(r)


# Counts shorter runs at the ends
@wrong("6.2-5", "Runs shorter than `size` count in your version: at the ends")
def runs_at_the_ends(T, s):
    r = [tuple(w[i : i + s]) for w in T for i in range(len(w))]
    return len(set(r)) / len(r)


# Returns the number of different runs
@wrong("6.2-5", "You return the number of different runs. Asked for is their")
def the_number(T, s):
    return len(set(all_runs(T, s)))


# Divides the other way round
@wrong("6.2-5", "You divide all runs by the different ones: how often each")
def how_often_each(T, s):
    r = all_runs(T, s)
    return len(r) / len(set(r))


# Returns the share of repeats
@wrong("6.2-5", "You return what is left to one: the share of runs that have")
def the_share_of_repeats(T, s):
    r = all_runs(T, s)
    return 1 - len(set(r)) / len(r)


# Counts different runs in each text
@wrong("6.2-5", "You count the different runs in each text and add them up. A")
def sums_over_texts(T, s):
    return sum(len(set(all_runs([w], s))) for w in T) / len(all_runs(T, s))


# Cuts the texts into blocks
@wrong("6.2-5", "It comes out as if runs stood side by side, each behind the")
def cuts_blocks(T, s):
    r = [tuple(w[i : i + s]) for w in T for i in range(0, len(w) - s + 1, s)]
    return len(set(r)) / len(r)


# Looks at the first text
@wrong("6.2-5", "Only the first of the texts counts in your version. All of")
def the_first_text(T, s):
    r = all_runs(T[:1], s)
    return len(set(r)) / len(r) if r else 0


# Counts runs as if the texts were one
@wrong("6.2-5", "You divide by another number than that of all runs: by the")
def as_one_long_text(T, s):
    r = all_runs(T, s)
    return len(set(r)) / (sum(map(len, T)) - s + 1)


# Adds the precisions
@wrong("6.2-7", "You add the precisions up. Their mean is asked for, which is")
def adds_the_precisions(sc, w):
    return sum((k / r for k, r in enumerate(ranks_of(sc, w), 1)))


# Averages the ranks
@wrong("6.2-7", "You average the ranks themselves. At each wrong word the")
def averages_ranks(sc, w):
    r = ranks_of(sc, w)
    return sum(r) / len(r)


# Takes the precision at the last wrong word
@wrong("6.2-7", "Your number is the precision at the last wrong word, or over")
def precision_at_the_last(sc, w):
    r = ranks_of(sc, w)
    return len(r) / r[-1]


# Takes the order for the ranks
@wrong("6.2-7", "A sort tells which word is on each place; you use it as if it")
def order_as_ranks(sc, w):
    o = sorted(range(len(sc)), key=lambda i: -sc[i])
    rr = sorted(o[i] + 1 for i in range(len(sc)) if w[i])
    return sum((k / r for k, r in enumerate(rr, 1))) / len(rr)


# Counts in the order of the text
@wrong("6.2-7", "The ranks are right, and the wrong words are counted as they")
def counts_in_the_text(sc, w):
    o = sorted(range(len(sc)), key=lambda i: -sc[i])
    rank = {i: r for r, i in enumerate(o, 1)}
    f = 0
    p = []
    for i, x in enumerate(w):
        if x:
            f += 1
            p.append(f / rank[i])
    return sum(p) / len(p)


# Sorts by absolute scores
@wrong("6.2-7", "You sort by the size of the scores, whatever their sign. One")
def sorts_by_size(sc, w):
    o = sorted(range(len(sc)), key=lambda i: -abs(sc[i]))
    r = [r for r, i in enumerate(o, 1) if w[i]]
    return sum((k / q for k, q in enumerate(r, 1))) / len(r)


# Counts pairs in the right order
@wrong("6.2-7", "You count how many pairs of a wrong and a right word stand in")
def counts_pairs(sc, w):
    pos = [s for s, x in zip(sc, w, strict=True) if x]
    neg = [s for s, x in zip(sc, w, strict=True) if not x]
    return sum(p > n for p in pos for n in neg) / (len(pos) * len(neg)) if neg else 1.0


# Treats a single wrong word by itself
@right("6.2-7")
def one_over_the_rank_for_one(sc, w):
    r = ranks_of(sc, w)
    return sum((k / q for k, q in enumerate(r, 1))) / len(r) if len(r) > 1 else 1 / r[0]


# Divides by the sum of top-k twice
@wrong("6.2-1", "right: 'p alone', 'k then p'. 'favourite': 0.432099 is too")
def divides_by_the_sum_twice():
    return COUNTS | {"favourite": 0.35 / 0.9 / 0.9}


# Subtracts the fractions
@wrong("6.2-8", "'gain': That is the one fraction less the other. How many")
def a_difference_of_fractions():
    return WORTH | {"gain": 6 / 7.5 - 1 / 2.5}
