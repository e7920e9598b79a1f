"""The loss of skip-gram with knobs, and slips in it that exercise 3.2-5 recognises: wrong on purpose."""

import torch
import torch.nn.functional as F


def loss(
    word_table, context_table, words, contexts, drawn, *,
    pull=F.logsigmoid, push=lambda s: F.logsigmoid(-s), left_out=True, by_word=False, over_k=torch.sum,
    over_batch=torch.mean,
):  # fmt: skip
    """The loss with knobs: what is said to true and to drawn pairs, who is left out, what is summed."""
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1)
    negative = (word[:, None] * context_table[drawn]).sum(-1)
    keep = torch.ones_like(drawn, dtype=torch.bool)
    if left_out:
        keep = drawn != (words if by_word else contexts)[:, None]
    noise = over_k(push(negative) * keep, dim=-1)
    return -over_batch(pull(positive) + noise)


def score_set_to_zero(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1)
    negative = (word[:, None] * context_table[drawn]).sum(-1) * (drawn != contexts[:, None])
    return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(-1)).mean()


def spared(keep):
    """The loss with another rule which drawn words are kept, `keep(drawn, contexts)`."""

    def answer(word_table, context_table, words, contexts, drawn):
        word = word_table[words]
        positive = (word * context_table[contexts]).sum(-1)
        noise = F.logsigmoid(-(word[:, None] * context_table[drawn]).sum(-1)) * keep(drawn, contexts)
        return -(F.logsigmoid(positive) + noise.sum(-1)).mean()

    return answer


def mean_of_the_kept(word_table, context_table, words, contexts, drawn):
    keep = drawn != contexts[:, None]
    share = keep / keep.sum(1, keepdim=True).clamp(min=1)
    return spared(lambda d, c: share)(word_table, context_table, words, contexts, drawn)


def drawn_once(word_table, context_table, words, contexts, drawn):
    """A word that was drawn twice for one pair counts once."""
    first = torch.stack([(drawn[:, :i] == drawn[:, i : i + 1]).any(1) for i in range(drawn.shape[1])], 1)
    return spared(lambda d, c: (d != c[:, None]) & ~first)(word_table, context_table, words, contexts, drawn)


def scores(word_table, context_table, words, contexts, drawn):
    """Scores of the true contexts [batch] and of the drawn ones [batch, k], and which of these are kept."""
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1)
    return positive, (word[:, None] * context_table[drawn]).sum(-1), drawn != contexts[:, None]


def scores_added_first(*inputs):
    positive, negative, keep = scores(*inputs)
    return -(F.logsigmoid(positive) + F.logsigmoid(-(negative * keep).sum(-1))).mean()


def everybodys_noise(word_table, context_table, words, contexts, drawn):
    return loss(word_table, context_table, words, contexts, drawn.flatten().expand(len(words), -1))


def everybodys_contexts(word_table, context_table, words, contexts, drawn):
    _, negative, keep = scores(word_table, context_table, words, contexts, drawn)
    positive = word_table[words] @ context_table[contexts].T
    return -F.logsigmoid(positive).mean() - (F.logsigmoid(-negative) * keep).sum(-1).mean()


def divided_by_the_root(word_table, *inputs):
    return loss(word_table / word_table.shape[1] ** 0.5, *inputs)


def word_left_out_too(word_table, context_table, words, contexts, drawn):
    positive, negative, keep = scores(word_table, context_table, words, contexts, drawn)
    no = F.logsigmoid(-negative) * (keep & (drawn != words[:, None]))
    return -(F.logsigmoid(positive) + no.sum(-1)).mean()


def pairs_left_out(*inputs):
    positive, negative, keep = scores(*inputs)
    return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(-1))[keep.all(-1)].mean()


def pulled_once_more(*inputs):
    positive, negative, keep = scores(*inputs)
    return -(F.logsigmoid(positive) + F.logsigmoid(torch.where(keep, -negative, negative)).sum(-1)).mean()


def mean_of_all(*inputs, left_out=False):
    positive, negative, keep = scores(*inputs)
    no = F.logsigmoid(-negative)
    return -torch.cat([F.logsigmoid(positive), no[keep] if left_out else no.flatten()]).mean()


def mean_of_the_drawn(*inputs):
    positive, negative, keep = scores(*inputs)
    return -F.logsigmoid(positive).mean() - F.logsigmoid(-negative)[keep].mean()


def context_for_the_word(word_table, context_table, words, contexts, drawn):
    yes = F.logsigmoid((word_table[words] * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[contexts][:, None] * context_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


def drawn_from_the_word_table(word_table, context_table, words, contexts, drawn):
    yes = F.logsigmoid((word_table[words] * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(word_table[words][:, None] * word_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


def held(scores=None, added=0.0):
    """The loss with scores cut off, or something small added inside the logarithm."""

    def logarithm(s):
        s = s if scores is None else s.clamp(-scores, scores)
        return (s.sigmoid() + added).log() if added else F.logsigmoid(s)

    return lambda *a: loss(*a, pull=logarithm, push=lambda s: logarithm(-s))


def tables_exchanged(word_table, context_table, words, contexts, drawn):
    yes = F.logsigmoid((word_table[words] * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[contexts][:, None] * word_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


def apart_and_masked(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    yes = (word * context_table[contexts]).sum(-1).sigmoid().log()
    no = (-(word[:, None] * context_table[drawn]).sum(-1)).sigmoid().log()
    return -(yes + torch.where(drawn == contexts[:, None], 0.0, no).sum(-1)).mean()


def softmax_of_all(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1, keepdim=True)
    negative = (word[:, None] * context_table[drawn]).sum(-1)
    negative = negative.masked_fill(drawn == contexts[:, None], -torch.inf)
    return -torch.cat((positive, negative), 1).log_softmax(1)[:, 0].mean()
