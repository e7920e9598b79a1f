"""Exercise of chapter 3.2, the part on prediction: the loss of skip-gram.

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
from llmasos_edu.exercises.unsupervised import skip_gram_slips as slips

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
        "the pull towards the true context": lambda *a: slips.loss(*a, push=torch.zeros_like),
        "the push away from the drawn ones": lambda *a: slips.loss(*a, pull=torch.zeros_like),
    },
    mistakes=(
        Mistake(
            "true contexts among the drawn",
            "Where a drawn word is the true context, your loss pulls and pushes the same pair. Leave those "
            "terms out.",
            (lambda *a: slips.loss(*a, left_out=False),),
        ),
        Mistake(
            "the word left out instead of its context",
            "You leave out drawn words that equal the word itself. The true answer is its context: compare "
            "the drawn ones with that.",
            (lambda *a: slips.loss(*a, by_word=True),),
        ),
        Mistake(
            "true contexts of others left out",
            "You leave a drawn word out wherever it is the true context of any pair of the batch. Each pair "
            "has a true context of its own, and only that one is spared.",
            (slips.spared(lambda d, c: ~torch.isin(d, c)),),
        ),
        Mistake(
            "all drawn contexts left out",
            "Where one of the drawn words is the true context, you drop all that were drawn for that pair. "
            "The others are noise like any other.",
            (slips.spared(lambda d, c: (d != c[:, None]).all(1, keepdim=True)),),
        ),
        Mistake(
            "drawn twice, counted once",
            "A word that was drawn twice for a pair counts once in your loss. The sum runs over the k that "
            "were drawn: who comes twice is pushed twice.",
            (slips.drawn_once,),
        ),
        Mistake(
            "large scores held",
            "Ordinary scores come out right, and with large ones your loss is too small, as when scores are "
            "cut off, or something small is added before the logarithm. Is there one function for both "
            "steps, sigmoid and logarithm?",
            (
                *(slips.held(scores=most) for most in (10, 15, 16, 20, 30, 50)),
                *(slips.held(added=little) for little in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)),
            ),
        ),
        Mistake(
            "scores added up first",
            "It comes out as if the scores of the drawn words were added up before the sigmoid. Each of "
            "them is a question of its own: a logarithm for each, then the sum.",
            (slips.scores_added_first,),
        ),
        Mistake(
            "a second minus",
            "You take off log sigmoid of the drawn scores, which is not the same as adding log sigmoid of "
            "their negatives: the minus belongs into the sigmoid.",
            (lambda *a: slips.loss(*a, push=lambda s: -F.logsigmoid(s)),),
        ),
        Mistake(
            "one drawn word alone",
            "You push away the first of the drawn words alone. The sum runs over all k of them.",
            (
                lambda table, other, words, contexts, drawn: slips.loss(
                    table, other, words, contexts, drawn[:, :1]
                ),
            ),
        ),
        Mistake(
            "everybody's noise",
            "What was drawn for one pair is pushed away from the words of all pairs. Each pair has its own "
            "k drawn words.",
            (slips.everybodys_noise,),
        ),
        Mistake(
            "everybody's contexts",
            "Your scores hold each word against the true contexts of all pairs. Each word is pulled towards "
            "its own alone.",
            (slips.everybodys_contexts,),
        ),
        Mistake(
            "scores divided by a root",
            "You divide the scores by the root of the dimension, as attention does. Skip-gram takes the dot "
            "products as they are.",
            (slips.divided_by_the_root,),
        ),
        Mistake(
            "pairs left out",
            "Where the true context is among the drawn, you leave out the whole pair. Only the term of that "
            "drawn word is left out.",
            (slips.pairs_left_out,),
        ),
        Mistake(
            "pulled once more",
            "A drawn word that is the true context is pulled once more in your loss. It is left out: its "
            "yes is there already.",
            (slips.pulled_once_more,),
        ),
        Mistake(
            "one mean over all drawn",
            "You take one mean over the drawn words of all pairs. The terms of a pair are added up, and the "
            "mean is taken over the batch (where no drawn word is kept, a mean of nothing is NaN).",
            (slips.mean_of_the_drawn,),
        ),
        Mistake(
            "a mean over all questions",
            "You take the mean over all yes and no together. The terms of a pair are added up, and the mean "
            "is taken over the batch.",
            (
                slips.mean_of_all,
                lambda *a: slips.mean_of_all(*a, left_out=True),
            ),
        ),
        Mistake(
            "the true context for the word",
            "You hold the drawn words against the true context. The word's own vector stands in both terms.",
            (slips.context_for_the_word,),
        ),
        Mistake(
            "drawn rows of the word table",
            "You look the drawn words up in the word table. They are contexts: their vectors are rows of "
            "the context table.",
            (slips.drawn_from_the_word_table,),
        ),
        Mistake(
            "cosines for products",
            "What comes out is as if the vectors had been brought to length 1. Skip-gram takes the dot "
            "product of the rows as they are.",
            (lambda w, c, *a: slips.loss(F.normalize(w, dim=-1), F.normalize(c, dim=-1), *a),),
        ),
        Mistake(
            "score set to zero",
            "You set the score of a true context among the drawn to 0. Then it still contributes log 2: the "
            "term itself has to go.",
            (slips.score_set_to_zero,),
        ),
        Mistake(
            "tables exchanged for the drawn",
            "For the drawn words you hold a row of the context table against rows of the word table. The "
            "word stays v in both terms; true and drawn contexts are rows of the context table.",
            (slips.tables_exchanged,),
        ),
        Mistake(
            "drawn contexts pulled",
            "Your loss rewards large scores of drawn pairs too. A no to a score is a yes to its negative.",
            (lambda *a: slips.loss(*a, push=F.logsigmoid),),
        ),
        Mistake(
            "mean over the drawn",
            "You take the mean over the drawn contexts where the formula sums: the more are drawn, the "
            "weaker is each push.",
            (lambda *a: slips.loss(*a, over_k=torch.mean), slips.mean_of_the_kept),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the batch where the mean is asked for: the step would grow with the batch size.",
            (lambda *a: slips.loss(*a, over_batch=torch.sum),),
        ),
        Mistake(
            "no drawn contexts",
            "Nothing is pushed apart in your loss. Then every vector may grow in the same direction, and all "
            "pairs are 'true'.",
            (lambda *a: slips.loss(*a, push=torch.zeros_like),),
        ),
        Mistake(
            "no logarithm for the drawn",
            "For the drawn words you add up probabilities, not their logarithms. A no needs its logarithm "
            "as the yes does.",
            (lambda *a: slips.loss(*a, push=lambda s: (-s).sigmoid()),),
        ),
        Mistake(
            "the word itself left out too",
            "Besides the true context you leave out drawn words that equal the word itself. Those are noise "
            "like any other.",
            (slips.word_left_out_too,),
        ),
        Mistake(
            "no logarithm",
            "You add up the probabilities themselves. Their logarithm is what makes a confident error "
            "expensive.",
            (lambda *a: slips.loss(*a, pull=torch.sigmoid, push=lambda s: torch.sigmoid(-s)),),
        ),
        Mistake(
            "one table for both",
            "You look words and contexts up in the same table. A word seldom stands beside itself, yet its "
            "own vector fits it best: that is why there are two tables.",
            (lambda w, c, *a: slips.loss(w, w, *a), lambda w, c, *a: slips.loss(c, c, *a)),
        ),
        Mistake(
            "tables exchanged",
            "You look words up in the context table, and contexts in the word table.",
            (lambda w, c, *a: slips.loss(c, w, *a),),
        ),
        Mistake(
            "a gain, not a loss",
            "The sign of the whole is wrong: your number falls as the vectors get worse.",
            (lambda *a: -slips.loss(*a),),
        ),
        Mistake(
            "a softmax over the drawn",
            "You ask one question with k + 1 answers (a softmax). Negative sampling asks k + 1 separate "
            "questions, each answered yes or no.",
            (slips.softmax_of_all,),
        ),
        Mistake(
            "sigmoid and logarithm apart",
            "For large scores your loss is infinite, or no number at all, as when the sigmoid rounds to 0 "
            "or 1 before the logarithm is taken, or an exponential grows too large. Is there one function "
            "for both steps?",
            (
                lambda *a: slips.loss(
                    *a, pull=lambda s: s.sigmoid().log(), push=lambda s: (-s).sigmoid().log()
                ),
                lambda *a: slips.loss(
                    *a, pull=lambda s: s.sigmoid().log(), push=lambda s: (1 - s.sigmoid()).log()
                ),
                slips.apart_and_masked,
            ),
        ),
    ),
    observe=value_and_gradients(0, 1),
    parts=("loss", "gradient of the word table", "gradient of the context table"),
)

EXERCISES = (LOSS,)
