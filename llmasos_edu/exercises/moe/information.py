"""Exercises of chapter 4.3, the part on specialisation: mutual information of expert and domain.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.3-14 -------------------------------------------------------------------------------


def mutual_information(counts):
    """counts [experts, domains], how many tokens of a domain an expert got -> information [], bits."""
    joint = counts / counts.sum()
    independent = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    ratio = torch.where(joint > 0, joint / independent, 1.0)
    return (joint * ratio.log2()).sum()


def _entropy(p):
    return torch.special.entr(p).sum() / math.log(2)


def _parts(counts):
    """Joint entropy, entropy of the experts, entropy of the domains, bits."""
    joint = counts / counts.sum()
    return _entropy(joint), _entropy(joint.sum(1)), _entropy(joint.sum(0))


def _information(counts):
    joint, experts, domains = _parts(counts)
    return experts + domains - joint


def _log_ratio(counts):
    joint = counts / counts.sum()
    ratio = joint / (joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True))
    return joint, torch.where(joint > 0, ratio, 1.0).log2()


def _terms(counts):
    joint, logarithm = _log_ratio(counts)
    return joint * logarithm


def _domains_alike(counts):
    return _information(counts / counts.sum(0, keepdim=True).clamp(min=1))


def _experts_alike(counts):
    rows = counts / counts.sum(1, keepdim=True).clamp(min=1)
    return _information(rows)


def _mean_over_experts(counts, *, idle=False):
    """What each expert's tokens tell, by its own shares, averaged as if all experts were equally busy."""
    rows = counts if idle else counts[counts.sum(1) > 0]
    shares = rows / rows.sum(1, keepdim=True).clamp(min=1)
    ratio = torch.where(shares > 0, shares / (counts.sum(0) / counts.sum()), 1.0)
    return (shares * ratio.log2()).sum(1).mean()


INFORMATION = Exercise(
    key="4.3-14",
    title="Do experts know domains?",
    difficulty=2,
    minutes=15,
    statement=(
        "counts[i, d] is how many tokens of domain d went to expert i. The mutual information says how many "
        "bits the expert tells about the domain: sum over i and d of p(i, d) times the base-2 logarithm of "
        "p(i, d) / (p(i) p(d)), where p(i, d) is the share of all tokens, and p(i) and p(d) are its sums "
        "over a row and over a column. Empty cells add nothing, and there may be experts without any token."
    ),
    takeaway="Zero if domains do not matter to the router; at most the entropy of domains or of the load.",
    reference=mutual_information,
    explanation="Shares, the two margins, the ratio to what independence would give, weighted by the shares.",
    hints=(
        "Work out by hand: 2 experts, 2 domains, each expert gets exactly the 5 tokens of one domain. What "
        "are p(i, d), p(i), p(d), and how many bits come out?",
        "The product p(i) p(d) for all pairs is a table like p(i, d). Which sums keep an axis of length one, "
        "so that the two multiply to a table?",
        "An empty cell gives zero times minus infinity, which is NaN. What must its ratio be replaced by so "
        "that its logarithm is harmless?",
    ),
    cases=(
        Case("each domain its own expert", (torch.tensor([[5.0, 0], [0, 5]]),)),
        Case("domains do not matter", (torch.tensor([[2.0, 4, 6], [3, 6, 9]]),)),
        Case("no empty cell, 3 experts, 2 domains", (torch.tensor([[30.0, 5], [10, 20], [8, 27]]),)),
        Case("an expert without tokens", (torch.tensor([[4, 1, 0], [0, 0, 0], [1, 6, 2], [3, 0, 9]]),)),
        Case("a rare domain with an expert of its own", (torch.tensor([[90, 0], [60, 0], [0, 6]]),)),
        Case("a single domain", (torch.tensor([[7.0], [2.0], [3.0]]),)),
        Case("nearly each domain its own expert", (torch.tensor([[4000.0, 1], [1, 4000]]),)),
        Case("8 experts, 4 domains", ((10 * random_tensors(571, (8, 4))[0].abs()).round() + 1,)),
    ),
    mistakes=(
        Mistake(
            "in nats",
            "Your numbers are 0.69 of what they should be: you use the natural logarithm, whose unit is the "
            "nat. Bits belong to base 2.",
            (lambda c: _information(c) * math.log(2),),
        ),
        Mistake(
            "empty cells give NaN",
            "Right, except where a cell is empty: there zero meets the logarithm of zero. A cell without "
            "tokens should add nothing.",
            (
                lambda c: (
                    (p := c / c.sum()) * (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log2()
                ).sum(),
            ),
        ),
        Mistake(
            "joint entropy",
            "You compute the entropy of the pairs (or minus it): it is far from zero even if domains do not "
            "matter at all. What is missing is the comparison with independence.",
            (
                lambda c: _parts(c)[0],
                lambda c: -_parts(c)[0],
            ),
        ),
        Mistake(
            "what is left over",
            "You compute the uncertainty that remains when the other one is known. Information is the rest: "
            "how much of the uncertainty has gone.",
            (lambda c: _parts(c)[0] - _parts(c)[1], lambda c: _parts(c)[0] - _parts(c)[2]),
        ),
        Mistake(
            "entropy of one side",
            "You compute the entropy of the load or of the domains alone. It is an upper limit: it is "
            "reached only if one of the two tells the other for certain.",
            (lambda c: _parts(c)[1], lambda c: _parts(c)[2]),
        ),
        Mistake(
            "not weighted",
            "All cells count the same in your sum (or mean) of logarithms. A cell with few tokens says "
            "little: each logarithm is weighted by its share of the tokens, and these products are added.",
            (lambda c: _log_ratio(c)[1].sum(), lambda c: _log_ratio(c)[1].mean()),
        ),
        Mistake(
            "mean of the weighted cells",
            "Your result is the right one over the number of cells (or of experts, or of domains). The "
            "weights are shares already: their products with the logarithms are added up, not averaged.",
            (
                lambda c: _information(c) / c.numel(),
                lambda c: _information(c) / c.shape[0],
                lambda c: _information(c) / c.shape[1],
            ),
        ),
        Mistake(
            "one margin alone",
            "Below your ratio stands one margin, that of the experts or that of the domains. Independence "
            "would give the product of both; with one you get minus what stays uncertain.",
            (
                lambda c: _parts(c)[1] - _parts(c)[0],
                lambda c: _parts(c)[2] - _parts(c)[0],
            ),
        ),
        Mistake(
            "weighted by independence",
            "You weight the logarithms by the product of the margins. Here what really happened is the "
            "weight: each cell's share of the tokens.",
            (lambda c: ((p := _log_ratio(c))[0].sum(1, True) * p[0].sum(0, True) * p[1]).sum(),),
        ),
        Mistake(
            "weighted by counts",
            "You weight by numbers of tokens, not by shares, so twice the text gives twice the bits.",
            (lambda c: _information(c) * c.sum(),),
        ),
        Mistake(
            "domains made equally large",
            "You turn each domain into shares of its own first, so a rare domain counts as much as a common "
            "one. Here every token counts the same.",
            (_domains_alike,),
        ),
        Mistake(
            "experts made equally busy",
            "You turn each expert's row into shares of its own first, so an expert with few tokens counts as "
            "much as a busy one. Here every token counts the same.",
            (
                _experts_alike,
                lambda c: _experts_alike(c) * (c.sum(1) > 0).float().mean(),
                _mean_over_experts,
                lambda c: _mean_over_experts(c, idle=True),
                lambda c: _mean_over_experts(c) * (c.sum(1) > 0).sum(),
                lambda c: (
                    _parts(c)[2] - torch.stack([_entropy(r / r.sum()) for r in c if r.sum() > 0]).mean()
                ),
            ),
        ),
        Mistake(
            "divided by an entropy",
            "You divide by the entropy of the domains or of the load. That makes a share between 0 and 1, "
            "useful for comparing; the exercise asks for bits.",
            (
                lambda c: _information(c) / _parts(c)[2],
                lambda c: _information(c) / _parts(c)[1],
                lambda c: _information(c) / min(_parts(c)[1:]),
            ),
        ),
        Mistake(
            "joint entropy not taken off",
            "You add the entropies of the load and of the domains. What both together are uncertain, the "
            "entropy of the pairs, has to be taken off.",
            (lambda c: _parts(c)[1] + _parts(c)[2],),
        ),
        Mistake(
            "negative terms made positive",
            "A cell with fewer tokens than independence would give has a negative logarithm. You take its "
            "size without the sign, or leave it out: it has to be taken off.",
            (
                lambda c: _terms(c).abs().sum(),
                lambda c: _terms(c).clamp(min=0).sum(),
            ),
        ),
        Mistake(
            "compared with equal shares",
            "You compare with equal shares, of all cells, or of all experts or domains. Compare with the "
            "product of the margins that there are: they need not be equal.",
            (
                lambda c: math.log2(c.numel()) - _parts(c)[0],
                lambda c: math.log2(c.shape[0]) + _parts(c)[2] - _parts(c)[0],
                lambda c: math.log2(c.shape[1]) + _parts(c)[1] - _parts(c)[0],
            ),
        ),
        Mistake(
            "the logarithm of the sum",
            "You take one logarithm, of the weighted sum of the ratios. Each ratio has its own: first the "
            "logarithm, then the weight, then the sum.",
            (lambda c: (_log_ratio(c)[0] * _log_ratio(c)[1].exp2()).sum().log2(),),
        ),
        Mistake(
            "means for margins",
            "Your p(i) and p(d) are means over a row and a column. They are sums: each of the two adds up "
            "to one.",
            (lambda c: _information(c) + math.log2(c.numel()),),
        ),
        Mistake(
            "another distance from independence",
            "You measure how far the shares are from independence by squares. The exercise asks for the "
            "logarithm of the ratio, weighted by the share.",
            (
                lambda c: (_terms(c) * _log_ratio(c)[1]).sum(),
                lambda c: (_log_ratio(c)[0] * _log_ratio(c)[1].exp2()).sum() - 1,
            ),
        ),
        Mistake(
            "one cell or the diagonal",
            "You take one cell alone, the one that gives most, or those on the diagonal. Expert i need not "
            "belong to domain i: the terms of all cells are added.",
            (lambda c: _terms(c).max(), lambda c: _terms(c).diagonal().sum()),
        ),
        Mistake(
            "guessed right",
            "That is the share of tokens whose domain is guessed right from the expert. Asked for is how "
            "many bits it tells.",
            (lambda c: c.max(1).values.sum() / c.sum(),),
        ),
        Mistake(
            "tokens added to every cell",
            "It comes out as if a token, or a half, were added to every cell. Empty cells add nothing: skip "
            "them, and leave the shares as they are.",
            (lambda c: _information(c + 1), lambda c: _information(c + 0.5)),
        ),
        Mistake(
            "sign missing",
            "Your information is negative, as if an expert could tell less than nothing: the ratio stands "
            "upside down, or a minus that belongs to an entropy has crept in.",
            (lambda c: -_information(c),),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (INFORMATION,)
