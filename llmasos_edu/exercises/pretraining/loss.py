"""Exercises of chapter 3.1: the loss over hidden tokens.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.1-2 ----------------------------------------------------------------------------------


def hidden_loss(logits, tokens, hidden):
    """logits [batch, seq, vocab], tokens [batch, seq], hidden [batch, seq] -> nats per hidden token []."""
    surprise = -torch.log_softmax(logits, dim=-1).gather(-1, tokens[..., None])[..., 0]
    return surprise[hidden].mean()


def _surprise(logits, tokens):
    """Nats at every place, [batch, seq]."""
    return -logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]


def _entropy(logits, tokens, hidden):
    return -(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1)[hidden].mean()


def _small_added(small, kept_away):
    """The logarithm of probabilities to which something small is added, or that are kept from being less."""

    def answer(logits, tokens, hidden):
        p = logits.softmax(-1).gather(-1, tokens[..., None])[..., 0][hidden]
        return -(p.clamp(min=small) if kept_away else p + small).log().mean()

    return answer


_NEVER_NOTHING = tuple(
    _small_added(10.0**-digits, kept_away) for digits in (12, 10, 9, 8, 7, 6) for kept_away in (False, True)
)


def _in_two_steps(logits, tokens, hidden):
    return -logits.softmax(-1).gather(-1, tokens[..., None])[..., 0][hidden].log().mean()


def _of_exponentials(logits, tokens, hidden):
    p = logits.exp() / logits.exp().sum(-1, keepdim=True)
    return -p.gather(-1, tokens[..., None])[..., 0][hidden].log().mean()


def _of_their_sum(logits, tokens, hidden):
    own = logits.gather(-1, tokens[..., None])[..., 0]
    return (logits.exp().sum(-1).log() - own)[hidden].mean()


def _mean_of_rows(logits, tokens, hidden):
    surprise = _surprise(logits, tokens)
    rows = (surprise * hidden).sum(1) / hidden.sum(1).clamp_min(1)
    return rows.mean()


def _mean_of_rows_that_hide(logits, tokens, hidden):
    rows = [each[some].mean() for each, some in zip(_surprise(logits, tokens), hidden, strict=True)]
    return torch.stack([row for row, some in zip(rows, hidden, strict=True) if some.any()]).mean()


def _shifted(logits, tokens, hidden):
    return _surprise(logits[:, :-1], tokens[:, 1:])[hidden[:, 1:]].mean()


def _mean_probability(logits, tokens, hidden):
    return -(-_surprise(logits, tokens)).exp()[hidden].mean().log()


def _raw_scores(logits, tokens, hidden):
    return -logits.gather(-1, tokens[..., None])[..., 0][hidden].mean()


def _over_places(logits, tokens, hidden):
    surprise = -logits.log_softmax(1).gather(-1, tokens[..., None])[..., 0]
    return surprise[hidden].mean()


def _texts(name, seed, batch, seq, vocab, share=0.3, scale=2.0):
    (logits,) = random_tensors(seed, (batch, seq, vocab))
    generator = torch.Generator().manual_seed(seed + 50)
    tokens = torch.randint(vocab, (batch, seq), generator=generator)
    hidden = torch.rand(batch, seq, generator=generator) < share
    hidden[0, seq // 2], hidden[-1, :1] = True, False
    return Case(name, (scale * logits, tokens, hidden))


LOSS = Exercise(
    key="3.1-2",
    title="The loss of a masked model",
    difficulty=1,
    minutes=10,
    statement=(
        "Return the mean surprise -ln p(token) in nats over the hidden tokens, and over no others. Rows "
        "hide different numbers of tokens, and each hidden token counts alike. The gradient is looked at as "
        "well: stay in torch."
    ),
    takeaway="Where nothing was hidden there is nothing to learn but copying: no loss, no gradient.",
    reference=hidden_loss,
    explanation="Surprise everywhere, then the mean of those places where something was hidden.",
    hints=(
        "Start with the surprise at every place: log of the softmax over the vocabulary, with a minus, read "
        "off at the true token.",
        "The tensor of True and False can be an index: it picks the hidden places out of all rows at once.",
        "How many numbers is your mean taken over? It must be the number of hidden tokens, not of all "
        "tokens.",
    ),
    cases=(
        _texts("2 rows of 6 tokens", 7601, 2, 6, 5),
        _texts("8 rows of 20 tokens", 7602, 8, 20, 11, share=0.15),
        _texts("rows that hide different numbers", 7603, 3, 12, 7, share=0.5),
        _texts("nearly all hidden", 7604, 4, 9, 6, share=0.9),
        _texts("a sure model", 7605, 4, 15, 8, scale=8.0),
        _texts("a single hidden token", 7606, 1, 7, 9, share=0.0),
        _texts("two kinds of token", 7607, 5, 10, 2),
        _texts("logits of a hundred and more", 7608, 3, 8, 6, scale=60.0),
    ),
    mistakes=(
        Mistake(
            "all tokens scored",
            "Your mean runs over all tokens, those in plain sight included. They only teach the model to "
            "copy.",
            (lambda x, t, h: _surprise(x, t).mean(),),
        ),
        Mistake(
            "divided by all tokens",
            "You add up the surprise of the hidden tokens, but divide by the number of all tokens: the "
            "fewer are hidden, the smaller it looks.",
            (lambda x, t, h: (_surprise(x, t) * h).mean(),),
        ),
        Mistake(
            "visible tokens scored",
            "You score the tokens that the model sees, and none that it does not.",
            (lambda x, t, h: _surprise(x, t)[~h].mean(),),
        ),
        Mistake(
            "rows count alike",
            "You take the mean of each row first. A hidden token in a row with few of them then counts "
            "more. Divide once, by the number of all hidden tokens.",
            (_mean_of_rows, _mean_of_rows_that_hide),
        ),
        Mistake(
            "divided by the rows",
            "What comes out is the sum over the hidden tokens, divided by the number of rows. Divide by the "
            "number of hidden tokens.",
            (lambda x, t, h: _surprise(x, t)[h].sum() / len(x),),
        ),
        Mistake(
            "token 0 in plain sight",
            "What comes out is as if each token in plain sight were asked for token 0. Those are not scored "
            "at all, neither for their own number nor for another.",
            (lambda x, t, h: _surprise(x, t * h).mean(),),
        ),
        Mistake(
            "the favourite's surprise",
            "What comes out is the surprise at the model's favourite. Asked for is that at the token that "
            "stood there, likely or not.",
            (lambda x, t, h: -x.log_softmax(-1).amax(-1)[h].mean(),),
        ),
        Mistake(
            "token 0 not scored",
            "Hidden tokens with the number 0 are not scored by you. 0 is a token like any other: mark what "
            "is in sight by a number that no token has.",
            (lambda x, t, h: F.cross_entropy(x[h], t[h], ignore_index=0),),
        ),
        Mistake(
            "summed",
            "You return the sum over the hidden tokens. A batch that hides more would pull harder.",
            (lambda x, t, h: _surprise(x, t)[h].sum(),),
        ),
        Mistake(
            "labels smoothed",
            "A part of each target is spread over all tokens (label smoothing). That is a way of training; "
            "the surprise at the true token alone is asked for.",
            (lambda x, t, h: F.cross_entropy(x[h], t[h], label_smoothing=0.1),),
        ),
        Mistake(
            "bits",
            "Your result is in bits. Nats are asked for: the natural logarithm.",
            (lambda x, t, h: _surprise(x, t)[h].mean() / math.log(2),),
        ),
        Mistake(
            "moved by one",
            "You compare each place with the token after it. That is the causal objective: here a place is "
            "asked for its own token.",
            (_shifted,),
        ),
        Mistake(
            "logarithm of the mean",
            "You average probabilities and take the logarithm at the end. A token that the model thought "
            "impossible then hardly hurts.",
            (_mean_probability,),
        ),
        Mistake(
            "no softmax",
            "You use the logits as if they were logarithms of probabilities. They must be normalised over "
            "the vocabulary first.",
            (_raw_scores,),
        ),
        Mistake(
            "softmax taken twice",
            "A softmax acts on a softmax, as when `cross_entropy`, which takes one by itself, is handed "
            "probabilities. Even a sure and right model then seems to be unsure.",
            (lambda x, t, h: F.cross_entropy(x.softmax(-1)[h], t[h]),),
        ),
        Mistake(
            "something small added",
            "Where the model holds the true token nearly impossible, your loss is too small, as when "
            "something small is added before the logarithm. Is there one function for both steps, softmax "
            "and logarithm?",
            _NEVER_NOTHING,
        ),
        Mistake(
            "softmax and logarithm apart",
            "Your loss is infinite with logits of a hundred and more: a probability below 1e-45 is 0 in "
            "float32, and its logarithm -inf. Is there one function for both steps, softmax and logarithm?",
            (_in_two_steps,),
        ),
        Mistake(
            "exponentials too large",
            "With logits of a hundred and more your loss is no longer a finite number: the exponential of "
            "89 is more than float32 can hold. Is there a function that needs no exponentials of yours?",
            (_of_exponentials, _of_their_sum),
        ),
        Mistake(
            "entropy",
            "What comes out is the entropy of the model's own probabilities: it does not ask which token is "
            "the true one. Asked for is -ln p of the true token alone.",
            (_entropy,),
        ),
        Mistake(
            "a softmax over the batch",
            "Your softmax runs over the rows of the batch. The tokens of the vocabulary compete: it is the "
            "last axis.",
            (lambda x, t, h: -x.log_softmax(0).gather(-1, t[..., None])[..., 0][h].mean(),),
        ),
        Mistake(
            "yes or no for each token",
            "You ask yes or no for each token of the vocabulary. There is one question with one answer "
            "among all tokens: a softmax, and -ln of the true one's share.",
            (lambda x, t, h: F.binary_cross_entropy_with_logits(x[h], F.one_hot(t, x.shape[-1]).to(x)[h]),),
        ),
        Mistake(
            "probabilities without a logarithm",
            "You average the probability of the right token. A loss in nats is made of its logarithm; "
            "`nll_loss` expects that you have taken it already.",
            (
                lambda x, t, h: F.nll_loss(x.softmax(-1)[h], t[h]),
                lambda x, t, h: -F.nll_loss(x.softmax(-1)[h], t[h]),
            ),
        ),
        Mistake(
            "softmax over the places",
            "Your softmax runs over the places of the text. The tokens of the vocabulary compete: it is the "
            "last axis.",
            (_over_places,),
        ),
        Mistake(
            "wrong sign",
            "Your loss is negative: it would be made larger by a better model. Mind the minus.",
            (lambda x, t, h: -_surprise(x, t)[h].mean(),),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient"),
)


EXERCISES = (LOSS,)
