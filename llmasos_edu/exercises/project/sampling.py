"""Exercises of chapter 5, the part on writing: the nucleus of a distribution.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 5-5 --------------------------------------------------------------------------------


def nucleus(logits, top_p):
    """logits [batch, vocab], top_p a number above 0, at most 1 -> probabilities [batch, vocab]."""
    probs, order = logits.softmax(dim=-1).sort(dim=-1, descending=True, stable=True)
    before = probs.cumsum(dim=-1) - probs  # what the likelier tokens have together
    kept = probs.masked_fill(before >= top_p, 0.0)
    kept = kept / kept.sum(dim=-1, keepdim=True)
    return torch.zeros_like(logits).scatter(-1, order, kept)


def _sorted(logits, descending=True, stable=True):
    return logits.softmax(-1).sort(dim=-1, descending=descending, stable=stable)


def _back(kept, order, *, normalise=True):
    kept = kept / kept.sum(-1, keepdim=True) if normalise else kept
    return torch.zeros_like(kept).scatter(-1, order, kept)


def _nucleus(logits, top_p, *, first=False, normalise=True, descending=True, crossing=True, reached=False):
    probs, order = _sorted(logits, descending)
    mass = probs.cumsum(-1) - (probs if crossing else 0)
    keep = mass < top_p if crossing and not reached else mass <= top_p
    if first:
        keep[:, 0] = True
    return _back(probs * keep, order, normalise=normalise)


def _kept(logits, top_p, stable=True):
    """The sorted row with zeros for what is cut off, and its order."""
    probs, order = _sorted(logits, stable=stable)
    return probs * (probs.cumsum(-1) - probs < top_p), order


def _ties_kept(logits, top_p):
    probs, _ = _sorted(logits)
    lowest = probs.masked_fill(probs.cumsum(-1) - probs >= top_p, 1.0).amin(-1, keepdim=True)
    kept = logits.softmax(-1)
    return _renormalised(kept * (kept >= lowest * (1 - 1e-6)))


def _renormalised(kept):
    return kept / kept.sum(-1, keepdim=True)


def _threshold(logits, top_p):
    probs = logits.softmax(-1)
    return _renormalised(probs * (probs >= top_p))


def _threshold_as_it_is(logits, top_p):
    probs = logits.softmax(-1)
    return probs * (probs >= top_p)


def _of_the_best(logits, share, *, normalise=True):
    probs = logits.softmax(-1)
    kept = probs * (probs >= share * probs.amax(-1, keepdim=True))
    return _renormalised(kept) if normalise else kept


def _rest_to_the_first(logits, top_p):
    kept, order = _kept(logits, top_p)
    kept[:, 0] += 1 - kept.sum(-1)
    return _back(kept, order, normalise=False)


def _rest_in_equal_parts(logits, top_p):
    kept, order = _kept(logits, top_p)
    stays = kept > 0
    rest = (1 - kept.sum(-1, keepdim=True)) / stays.sum(-1, keepdim=True)
    return _back(kept + stays * rest, order, normalise=False)


def _crossing_cut(logits, top_p):
    kept, order = _kept(logits, top_p)
    below = (top_p - (kept.cumsum(-1) - kept)).clamp(min=0)
    return _back(torch.minimum(kept, below), order)


def _left_sorted(logits, top_p):
    return nucleus(logits, top_p).sort(-1, descending=True)[0]


def _one_set_for_all(logits, top_p):
    probs = logits.softmax(-1)
    return _renormalised(probs * (nucleus(logits[:1], top_p) > 0))


def _as_many_as_the_first(logits, top_p):
    probs, order = _sorted(logits)
    many = int((nucleus(logits[:1], top_p) > 0).sum())
    return _back(probs * (torch.arange(logits.shape[-1]) < many), order)


def _left_sorted_as_kept(logits, top_p):
    probs, _ = _sorted(logits)
    return _renormalised(probs * (probs.cumsum(-1) - probs < top_p))


def _mask_by_the_order(logits, top_p):
    probs, order = _sorted(logits)
    keep = probs.cumsum(-1) - probs < top_p
    return _renormalised(logits.softmax(-1) * keep.gather(-1, order))


def _two_at_least(logits, top_p):
    probs, order = _sorted(logits)
    keep = probs.cumsum(-1) - probs < top_p
    keep[:, :2] = True
    return _back(probs * keep, order)


def _of_the_columns(logits, top_p):
    probs, order = logits.softmax(0).sort(dim=-1, descending=True, stable=True)
    return _back(probs * (probs.cumsum(-1) - probs < top_p), order)


def _count_not_mass(logits, top_p):
    probs, order = _sorted(logits)
    places = torch.arange(logits.shape[-1])
    return _back(probs * (places < max(1, round(top_p * logits.shape[-1]))), order)


def _zero_logits(logits, top_p):
    return logits.masked_fill(nucleus(logits, top_p) == 0, 0.0).softmax(-1)


def _even(logits, top_p):
    return _renormalised((nucleus(logits, top_p) > 0).to(logits.dtype))


def _mass_in_vocabulary_order(logits, top_p):
    probs = logits.softmax(-1)
    return _renormalised(probs * (probs.cumsum(-1) - probs < top_p))


def _of(*probabilities):
    """Logits [1, vocab] with these probabilities, shifted as logits may be."""
    return torch.tensor([probabilities]).log() + 2.0


NUCLEUS = Exercise(
    key="5-5",
    title="Nucleus sampling",
    difficulty=2,
    minutes=15,
    statement=(
        "Nucleus sampling (top-p; Holtzman et al. 2020) draws from the likeliest tokens alone. "
        "In each row order the tokens by probability, and keep the fewest of them whose probabilities "
        "together reach top_p; the token that crosses the line is kept. At least one token always stays. "
        "Among equally likely tokens the lower index counts as the likelier. Return the probabilities to "
        "draw from: zero for what is left out, and a sum of one in each row, every token in its own place."
    ),
    takeaway="Where the model is sure it now hardly chooses, and where it is not it chooses among many.",
    reference=nucleus,
    explanation="A token stays if the likelier ones have not reached top_p before it: the first always does.",
    hints=(
        "Take 0.5, 0.3, 0.15, 0.05 and top_p = 0.7. Which tokens stay, and with which probabilities do you "
        "draw from them?",
        "After sorting, look at each token's sum of all likelier ones, without itself. For which tokens is "
        "that sum still too small?",
        "Sorting has moved the tokens. You need the order to put the probabilities back; sort hands it "
        "out, and it can be told to keep the order of equals.",
    ),
    cases=(
        Case("0.5, 0.3, 0.15, 0.05 and top_p 0.7", (_of(0.5, 0.3, 0.15, 0.05), 0.7)),
        Case("the same in another order", (_of(0.15, 0.05, 0.5, 0.3), 0.7)),
        Case("a token that has more than top_p by itself", (_of(0.04, 0.9, 0.06), 0.6)),
        Case("five equally likely tokens", (torch.full((1, 5), -1.5), 0.5)),
        Case("four equally likely tokens, of which two reach top_p 0.5", (torch.full((1, 4), -1.5), 0.5)),
        Case("equals at the border", (_of(0.1, 0.2, 0.1, 0.4, 0.1, 0.1), 0.75)),
        Case("two that all but reach top_p", (torch.tensor([[1.03, 0.62, 0.0, 0.0]]), 0.7)),
        Case("three rows of 7 tokens", (2 * random_tensors(551, (3, 7))[0], 0.8)),
        Case("a sure row and an unsure one", (torch.tensor([[9.0, 0, 1, 0], [0.3, 0.2, 0, 0.1]]), 0.9)),
        Case("top_p 1 keeps all", (random_tensors(552, (2, 5))[0], 1.0)),
        Case("a very small top_p", (1.5 * random_tensors(553, (2, 6))[0], 0.01)),
        Case("the first of 15 equals among 30 tokens", (torch.tensor([[0.0, 1] * 15]), 0.01)),
    ),
    mistakes=(
        Mistake(
            "cut before the token that crosses",
            "You stop one token too early: the kept ones do not reach top_p. The token that crosses the line "
            "belongs to them.",
            (lambda *a: _nucleus(*a, crossing=False, first=True),),
        ),
        Mistake(
            "one token too many at the border",
            "Where the kept tokens have exactly top_p together, you keep one more. They have reached it "
            "already: two of four equal tokens make up one half.",
            (lambda *a: _nucleus(*a, reached=True),),
        ),
        Mistake(
            "nothing left",
            "Where the likeliest token alone has more than top_p, you keep none at all (NaN, or a row of "
            "zeros). It is the one that crosses the line: it must stay.",
            (
                lambda *a: _nucleus(*a, crossing=False),
                lambda *a: _nucleus(*a, crossing=False).nan_to_num(),
                lambda *a: _nucleus(*a, crossing=False, normalise=False),
            ),
        ),
        Mistake(
            "nothing cut off",
            "All tokens keep the probability that they had: nothing is left out, whatever top_p is. Which of "
            "them are not needed to reach it?",
            (lambda logits, top_p: logits.softmax(-1),),
        ),
        Mistake(
            "not renormalised",
            "You keep the right tokens with their old probabilities. The rows no longer sum to one: what "
            "was cut off has to be shared out.",
            (lambda *a: _nucleus(*a, normalise=False),),
        ),
        Mistake(
            "ties kept together",
            "All tokens as likely as the last kept one stay. With five equal tokens you keep five, where "
            "fewer reach top_p: cut by place in the order, not by value.",
            (_ties_kept,),
        ),
        Mistake(
            "least likely first",
            "You add up from the least likely token. The nucleus is what is left when the tail has gone, "
            "not the tail.",
            (lambda *a: _nucleus(*a, descending=False),),
        ),
        Mistake(
            "left in sorted order",
            "The numbers are right, and stand in the order of their size. Which token is the first one? "
            "Put each back into its own place.",
            (_left_sorted,),
        ),
        Mistake(
            "sorted once more",
            "The numbers are right and in wrong places: the order says which token stands at each place of "
            "the sorted row, and you use it as if it said at which place each token stands. It has to be "
            "undone, not applied a second time.",
            (lambda logits, top_p: _left_sorted_as_kept(logits, top_p).gather(-1, _sorted(logits)[1]),),
        ),
        Mistake(
            "the mask by the order",
            "It comes out as if what stays had been marked in the sorted row and the marks brought back with "
            "the order itself: it says which token stands at each place of that row. To bring marks back it "
            "has to be undone.",
            (_mask_by_the_order,),
        ),
        Mistake(
            "ties from the other end",
            "Right, except among equally likely tokens: there yours keeps one with a higher index. An order "
            "that is read from its end turns equals round, and a sort without `stable=True` may.",
            (lambda z, p: nucleus(z.flip(-1), p).flip(-1), lambda *a: _back(*_kept(*a, stable=False))),
        ),
        Mistake(
            "softmax taken again",
            "The right tokens stay, but a softmax of their probabilities makes them nearly alike. What they "
            "have is divided by its sum: they are probabilities already.",
            (
                lambda logits, top_p: torch.where(
                    nucleus(logits, top_p) > 0, logits.softmax(-1), -torch.inf
                ).softmax(-1),
            ),
        ),
        Mistake(
            "a softmax over zeros as well",
            "It comes out as if a softmax were taken of the probabilities, with 0 for what is cut off. The "
            "zeros get a share of it like all others. What stays is divided by its sum.",
            (
                lambda logits, top_p: torch.where(
                    nucleus(logits, top_p) > 0, logits.softmax(-1), 0.0
                ).softmax(-1),
            ),
        ),
        Mistake(
            "divided by another sum",
            "The right tokens stay, but you divide by top_p, or by the sum of all rows. Each row is divided "
            "by what its own tokens have together, so that it sums to one.",
            (
                lambda logits, top_p: _nucleus(logits, top_p, normalise=False) / top_p,
                lambda logits, top_p: (k := _nucleus(logits, top_p, normalise=False)) / k.sum(),
            ),
        ),
        Mistake(
            "two tokens at least",
            "You keep two tokens at least. Where the likeliest one alone reaches top_p, it stays alone.",
            (_two_at_least,),
        ),
        Mistake(
            "softmax over the rows",
            "Your softmax runs over the rows of the batch, so that a row's probabilities depend on its "
            "neighbours. Those of one row add up to one.",
            (_of_the_columns,),
        ),
        Mistake(
            "a margin at the border",
            "Tokens that have almost top_p together count as if they had it: a small number is taken off, or "
            "sums are rounded. Almost is not enough, and the next token stays.",
            (lambda logits, top_p: nucleus(logits, top_p - 1e-3),),
        ),
        Mistake(
            "a threshold on single tokens",
            "You compare each token's own probability with top_p, so that only one that has as much by "
            "itself stays. The line is for their sum.",
            (_threshold, _threshold_as_it_is),
        ),
        Mistake(
            "a share of the best one's",
            "It comes out as if a token stayed when it has at least a certain share of the likeliest one's "
            "probability. That is min-p, another method: here the line is for the sum of those that stay.",
            (
                _of_the_best,
                lambda logits, top_p: _of_the_best(logits, 1 - top_p),
                lambda *a: _of_the_best(*a, normalise=False),
            ),
        ),
        Mistake(
            "what is left of top_p",
            "It comes out as if 1 - top_p were the line. The likeliest tokens are kept until they have "
            "top_p together; the rest is what goes.",
            (
                lambda logits, top_p: nucleus(logits, 1 - top_p),
                lambda logits, top_p: _nucleus(logits, 1 - top_p, reached=True),
            ),
        ),
        Mistake(
            "shared out in another way",
            "The right tokens stay, but what was cut off goes to the likeliest alone, or to all in equal "
            "parts. Divided by their sum, they keep their proportion.",
            (
                _rest_to_the_first,
                _rest_in_equal_parts,
            ),
        ),
        Mistake(
            "the crossing token cut",
            "The token that crosses the line keeps only what lies below it in your result. It is kept "
            "whole, and then all are divided by their sum.",
            (_crossing_cut,),
        ),
        Mistake(
            "top_p as a temperature",
            "It comes out as if the logits were divided by top_p. That is what a temperature does: every "
            "token keeps a chance, and none is cut off.",
            (lambda logits, top_p: (logits / top_p).softmax(-1),),
        ),
        Mistake(
            "logits given back",
            "You give back logits, of the tokens that stay. Asked for are probabilities, which sum to one "
            "in each row.",
            (
                lambda logits, top_p: torch.where(nucleus(logits, top_p) > 0, logits, 0.0),
                lambda logits, top_p: torch.where(nucleus(logits, top_p) > 0, logits, -torch.inf),
            ),
        ),
        Mistake(
            "not sorted",
            "You add up in the order of the vocabulary. Which tokens stay then depends on their numbers, "
            "not on how likely they are.",
            (_mass_in_vocabulary_order,),
        ),
        Mistake(
            "a share of the vocabulary",
            "You keep a share of the tokens instead of a share of the probability: as many where the model "
            "is sure as where it is not.",
            (_count_not_mass,),
        ),
        Mistake(
            "first row decides",
            "All rows keep the tokens of the first one, or as many as it. Each row has a nucleus of its own.",
            (_one_set_for_all, _as_many_as_the_first),
        ),
        Mistake(
            "logit zero for what is left out",
            "You set the logits of the others to 0, and 0 is an ordinary logit: after the softmax they "
            "still have a chance. Which logit has none?",
            (_zero_logits,),
        ),
        Mistake(
            "kept tokens made equal",
            "The right tokens stay, but all with the same chance. The likelier ones among them are still "
            "the likelier ones.",
            (_even,),
        ),
    ),
)


EXERCISES = (NUCLEUS,)
