"""Exercises of chapter 3.2, the part on prediction: the noise that skip-gram draws, and its loss.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradients,
)

# 3.2-4 ----------------------------------------------------------------------------------


def noise_shares(counts, power):
    """counts [vocab], power -> the share with which each word is drawn as noise, [vocab]."""
    weights = torch.where(counts > 0, counts**power, 0.0)
    return weights / weights.sum()


def _numbers(*values):
    return torch.tensor(values, dtype=torch.float32)


NOISE = Exercise(
    key="3.2-4",
    title="Drawing noise",
    difficulty=1,
    minutes=5,
    statement=(
        "Skip-gram draws its wrong contexts in proportion to their count to a power, 3/4 in the paper. Turn "
        "counts into the shares with which words are drawn. A word that is not in the text is never drawn, "
        "with power 0 neither."
    ),
    takeaway="A power below 1 lifts rare words: 10,000 times as frequent, drawn 1,000 times as often.",
    reference=noise_shares,
    explanation="The power first, then the division by the sum of what the power made; no count, no share, "
    "whatever the power is.",
    hints=(
        "With power 3/4, a word of count 16 weighs 8 and a word of count 1 weighs 1. What are their shares, "
        "if there are no others?",
        "Shares add up to 1. Which sum makes them do so: that of the counts, or that of the weights?",
        "Two lines: weights from counts, shares from weights. The power is an argument, not always 3/4: "
        "which weight has a word of count 0 if it is 0?",
    ),
    cases=(
        Case("counts 16 and 1, power 3/4", (_numbers(16, 1), 0.75)),
        Case("counts 8, 4, 2 and 0", (_numbers(8, 4, 2, 0), 0.75)),
        Case("power 1/2", (_numbers(9, 4, 1, 0, 25), 0.5)),
        Case("power 1", (_numbers(3, 2, 5), 1.0)),
        Case("all equally frequent", (_numbers(7, 7, 7, 7), 0.75)),
        Case("one word alone", (_numbers(12), 0.75)),
        Case("counts from 1 to a million", (_numbers(1_000_000, 3_000, 40, 1), 0.75)),
        Case("power 0: all words of the text alike", (_numbers(8, 0, 1, 3), 0.0)),
    ),
    mistakes=(
        Mistake(
            "no power",
            "Your shares are those of the counts: the power is missing (and a mere factor would cancel).",
            (lambda n, p: n / n.sum(),),
        ),
        Mistake(
            "shares that do not add up to 1",
            "Counts or shares are raised to the power, and what comes out does not sum to 1. The power "
            "changes the sum, so divide after it and by its own.",
            (lambda n, p: (n / n.sum()) ** p, lambda n, p: n**p / n.sum(), lambda n, p: n**p),
        ),
        Mistake(
            "power turned over",
            "Frequent words are drawn even more often than they stand in the text: you take the root where "
            "the power is asked for. A power below 1 brings shares nearer to one another.",
            (lambda n, p: n ** (1 / p) / (n ** (1 / p)).sum(),),
        ),
        Mistake(
            "rare words first",
            "The sign of your power is wrong: a power below 0 gives rare words the larger shares, and a "
            "count of 0 to such a power is infinite.",
            (lambda n, p: n**-p / (n**-p).sum(),),
        ),
        Mistake(
            "rare words first, absent ones too",
            "The sign of your power is wrong: a power below 0 gives rare words the larger shares, and words "
            "that are not in the text get one as well.",
            (lambda n, p: n.clamp(min=1) ** -p / (n.clamp(min=1) ** -p).sum(),),
        ),
        Mistake(
            "all in the text alike",
            "Every word of the text has the same share in your noise. The counts must have a say in it.",
            (lambda n, p: (n > 0) / (n > 0).sum(),),
        ),
        Mistake(
            "all alike",
            "Every word has the same share in your noise, in the text or not. The counts must have a say in "
            "it.",
            (lambda n, p: torch.full_like(n, 1 / len(n)),),
        ),
        Mistake(
            "a softmax",
            "You put numbers through a softmax. Shares in proportion to a weight are the weights divided by "
            "their sum, without an exponential.",
            (lambda n, p: n.softmax(0), lambda n, p: (n**p).softmax(0), lambda n, p: (n * p).softmax(0)),
        ),
        Mistake(
            "one added to every count",
            "You add 1 to the counts: that changes the shares, and a word that is not in the text would be "
            "drawn.",
            (lambda n, p: (n + 1) ** p / ((n + 1) ** p).sum(),),
        ),
        Mistake(
            "0 to the power of 0",
            "With power 0 a word that is not in the text is drawn like any other: 0 to the power of 0 is 1. "
            "Whatever the power is, no count means no share.",
            (lambda n, p: n**p / (n**p).sum(),),
        ),
        Mistake(
            "3/4 built in",
            "With power 3/4 you are right and with others not: the power stands fixed in your code. It is an "
            "argument.",
            (lambda n, p: n**0.75 / (n**0.75).sum(),),
        ),
    ),
)


# 3.2-5 ----------------------------------------------------------------------------------


def negative_sampling(word_table, context_table, words, contexts, drawn):
    """Tables [vocab, dim], words and contexts [batch], drawn [batch, k] -> mean loss over the batch, [].

    A drawn word that is the true context is left out."""
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1)
    negative = torch.einsum("bd,bkd->bk", word, context_table[drawn])
    is_noise = drawn != contexts[:, None]
    noise = F.logsigmoid(-negative) * is_noise
    return -(F.logsigmoid(positive) + noise.sum(-1)).mean()


def _loss(
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


def _score_set_to_zero(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1)
    negative = (word[:, None] * context_table[drawn]).sum(-1) * (drawn != contexts[:, None])
    return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(-1)).mean()


def _spared(keep):
    """The loss with another rule which drawn words are kept, `keep(drawn, contexts)`."""

    def answer(word_table, context_table, words, contexts, drawn):
        word = word_table[words]
        positive = (word * context_table[contexts]).sum(-1)
        noise = F.logsigmoid(-(word[:, None] * context_table[drawn]).sum(-1)) * keep(drawn, contexts)
        return -(F.logsigmoid(positive) + noise.sum(-1)).mean()

    return answer


def _mean_of_the_kept(word_table, context_table, words, contexts, drawn):
    keep = drawn != contexts[:, None]
    share = keep / keep.sum(1, keepdim=True).clamp(min=1)
    return _spared(lambda d, c: share)(word_table, context_table, words, contexts, drawn)


def _drawn_once(word_table, context_table, words, contexts, drawn):
    """A word that was drawn twice for one pair counts once."""
    first = torch.stack([(drawn[:, :i] == drawn[:, i : i + 1]).any(1) for i in range(drawn.shape[1])], 1)
    return _spared(lambda d, c: (d != c[:, None]) & ~first)(word_table, context_table, words, contexts, drawn)


def _held(scores=None, added=0.0):
    """The loss with scores cut off, or something small added inside the logarithm."""

    def logarithm(s):
        s = s if scores is None else s.clamp(-scores, scores)
        return (s.sigmoid() + added).log() if added else F.logsigmoid(s)

    return lambda *a: _loss(*a, pull=logarithm, push=lambda s: logarithm(-s))


def _tables_exchanged(word_table, context_table, words, contexts, drawn):
    yes = F.logsigmoid((word_table[words] * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[contexts][:, None] * word_table[drawn]).sum(-1))
    return -(yes + (no * (drawn != contexts[:, None])).sum(1)).mean()


def _apart_and_masked(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    yes = (word * context_table[contexts]).sum(-1).sigmoid().log()
    no = (-(word[:, None] * context_table[drawn]).sum(-1)).sigmoid().log()
    return -(yes + torch.where(drawn == contexts[:, None], 0.0, no).sum(-1)).mean()


def _softmax_of_all(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = (word * context_table[contexts]).sum(-1, keepdim=True)
    negative = (word[:, None] * context_table[drawn]).sum(-1)
    negative = negative.masked_fill(drawn == contexts[:, None], -torch.inf)
    return -torch.cat((positive, negative), 1).log_softmax(1)[:, 0].mean()


def _case(name, seed, vocab, dim, batch, k, scale=1.0):
    word_table, context_table = (scale * table for table in random_tensors(seed, (vocab, dim), (vocab, dim)))
    generator = torch.Generator().manual_seed(seed)
    words, contexts = torch.randint(vocab, (2, batch), generator=generator)
    drawn = torch.randint(vocab, (batch, k), generator=generator)
    drawn[0, 0] = contexts[0]  # chance would do this too, sooner or later
    return Case(name, (word_table, context_table, words, contexts, drawn))


LOSS = Exercise(
    key="3.2-5",
    title="Skip-gram with negative sampling",
    difficulty=3,
    minutes=20,
    statement=(
        "Write the loss of skip-gram: a yes for the true context, a no for each of the k drawn ones, "
        "-log sigmoid(v_w . u_c) - sum over k of log sigmoid(-v_w . u_k), with v a row of the word table and "
        "u one of the context table; mean over the batch. A drawn word that happens to be the true context "
        "is left out: it must not be pushed away. Scores may be as large as 200. The gradient is looked at."
    ),
    takeaway="Pull one, push k: the vectors end where the pull of the text and the push of chance balance.",
    reference=negative_sampling,
    explanation="The drawn ones are compared with the true context, and their terms, not scores, become 0.",
    hints=(
        "The true pair wants a large score and a drawn pair a small one. With which sign does each go into "
        "the sigmoid?",
        "In which of the two tables do drawn words live? What is the shape of their vectors, and along which "
        "axis are they multiplied with the word's own?",
        "A term that is left out contributes 0 to the sum. A score of 0 contributes log 2: that is not the "
        "same. And sigmoid(-200) is 0 in float32, so let torch take both steps at once.",
    ),
    cases=(
        _case("3 pairs, 2 drawn each", 2001, 6, 4, 3, 2),
        _case("one pair, one drawn", 2002, 5, 3, 1, 1),
        _case("8 pairs, 5 drawn each", 2003, 9, 6, 8, 5),
        _case("as many drawn as pairs", 2004, 12, 5, 4, 4),
        _case("a small vocabulary: many drawn are true", 2005, 3, 4, 6, 4),
        _case("scores of a hundred and more", 2006, 7, 8, 5, 3, scale=7.0),
    ),
    terms={
        "the pull towards the true context": lambda *a: _loss(*a, push=torch.zeros_like),
        "the push away from the drawn ones": lambda *a: _loss(*a, pull=torch.zeros_like),
    },
    mistakes=(
        Mistake(
            "true contexts among the drawn",
            "Where a drawn word is the true context, your loss pulls and pushes the same pair. Leave those "
            "terms out.",
            (lambda *a: _loss(*a, left_out=False),),
        ),
        Mistake(
            "the word left out instead of its context",
            "You leave out drawn words that equal the word itself. The true answer is its context: compare "
            "the drawn ones with that.",
            (lambda *a: _loss(*a, by_word=True),),
        ),
        Mistake(
            "true contexts of others left out",
            "You leave a drawn word out wherever it is the true context of any pair of the batch. Each pair "
            "has a true context of its own, and only that one is spared.",
            (_spared(lambda d, c: ~torch.isin(d, c)),),
        ),
        Mistake(
            "all drawn contexts left out",
            "Where one of the drawn words is the true context, you drop all that were drawn for that pair. "
            "The others are noise like any other.",
            (_spared(lambda d, c: (d != c[:, None]).all(1, keepdim=True)),),
        ),
        Mistake(
            "drawn twice, counted once",
            "A word that was drawn twice for a pair counts once in your loss. The sum runs over the k that "
            "were drawn: who comes twice is pushed twice.",
            (_drawn_once,),
        ),
        Mistake(
            "large scores held",
            "Ordinary scores come out right, and with large ones your loss is too small, as when scores are "
            "cut off, or something small is added before the logarithm. Is there one function for both "
            "steps, sigmoid and logarithm?",
            (
                *(_held(scores=most) for most in (10, 15, 16, 20, 30, 50)),
                *(_held(added=little) for little in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)),
            ),
        ),
        Mistake(
            "cosines for products",
            "What comes out is as if the vectors had been brought to length 1. Skip-gram takes the dot "
            "product of the rows as they are.",
            (lambda w, c, *a: _loss(F.normalize(w, dim=-1), F.normalize(c, dim=-1), *a),),
        ),
        Mistake(
            "score set to zero",
            "You set the score of a true context among the drawn to 0. Then it still contributes log 2: the "
            "term itself has to go.",
            (_score_set_to_zero,),
        ),
        Mistake(
            "tables exchanged for the drawn",
            "For the drawn words you hold a row of the context table against rows of the word table. The "
            "word stays v in both terms; true and drawn contexts are rows of the context table.",
            (_tables_exchanged,),
        ),
        Mistake(
            "drawn contexts pulled",
            "Your loss rewards large scores of drawn pairs too. A no to a score is a yes to its negative.",
            (lambda *a: _loss(*a, push=F.logsigmoid),),
        ),
        Mistake(
            "mean over the drawn",
            "You take the mean over the drawn contexts where the formula sums: the more are drawn, the "
            "weaker is each push.",
            (lambda *a: _loss(*a, over_k=torch.mean), _mean_of_the_kept),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the batch where the mean is asked for: the step would grow with the batch size.",
            (lambda *a: _loss(*a, over_batch=torch.sum),),
        ),
        Mistake(
            "no drawn contexts",
            "Nothing is pushed apart in your loss. Then every vector may grow in the same direction, and all "
            "pairs are 'true'.",
            (lambda *a: _loss(*a, push=torch.zeros_like),),
        ),
        Mistake(
            "no logarithm",
            "You add up the probabilities themselves. Their logarithm is what makes a confident error "
            "expensive.",
            (lambda *a: _loss(*a, pull=torch.sigmoid, push=lambda s: torch.sigmoid(-s)),),
        ),
        Mistake(
            "one table for both",
            "You look words and contexts up in the same table. A word seldom stands beside itself, yet its "
            "own vector fits it best: that is why there are two tables.",
            (lambda w, c, *a: _loss(w, w, *a), lambda w, c, *a: _loss(c, c, *a)),
        ),
        Mistake(
            "tables exchanged",
            "You look words up in the context table, and contexts in the word table.",
            (lambda w, c, *a: _loss(c, w, *a),),
        ),
        Mistake(
            "a gain, not a loss",
            "The sign of the whole is wrong: your number falls as the vectors get worse.",
            (lambda *a: -_loss(*a),),
        ),
        Mistake(
            "a softmax over the drawn",
            "You ask one question with k + 1 answers (a softmax). Negative sampling asks k + 1 separate "
            "questions, each answered yes or no.",
            (_softmax_of_all,),
        ),
        Mistake(
            "sigmoid and logarithm apart",
            "For large scores your loss is infinite, or no number at all: the sigmoid has rounded to 0 or 1 "
            "before the logarithm is taken. Is there one function for both steps?",
            (
                lambda *a: _loss(*a, pull=lambda s: s.sigmoid().log(), push=lambda s: (-s).sigmoid().log()),
                lambda *a: _loss(
                    *a, pull=lambda s: s.sigmoid().log(), push=lambda s: (1 - s.sigmoid()).log()
                ),
                _apart_and_masked,
            ),
        ),
    ),
    observe=value_and_gradients(0, 1),
    parts=("loss", "gradient of the word table", "gradient of the context table"),
)

EXERCISES = (NOISE, LOSS)
