"""Exercises of chapter 3.5, the part on what is kept of a teacher: the text that it wrote.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.5-7 ----------------------------------------------------------------------------------


def sequence_loss(logits, tokens, prompt_lengths, lengths):
    """logits [batch, seq, vocab] of the student on tokens [batch, seq], a prompt and what the teacher wrote
    after it; both lengths [batch], without and with the teacher's part -> mean loss over that part, []."""
    losses = -logits[:, :-1].log_softmax(dim=-1).gather(-1, tokens[:, 1:, None])[..., 0]
    place = torch.arange(1, tokens.shape[1])
    written = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    return losses[written].mean()


def _losses(logits, tokens):
    """Loss of every token from the second on, [batch, seq - 1]."""
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def _range(tokens, first, last):
    """Which targets, from the second token on, stand at first <= place < last."""
    place = torch.arange(1, tokens.shape[1])
    return (place >= first[:, None]) & (place < last[:, None])


def _masked(first=lambda p, n: p, last=lambda p, n: n):
    """The loss over another stretch of the text."""

    def answer(logits, tokens, prompts, lengths):
        chosen = _range(tokens, first(prompts, lengths), last(prompts, lengths))
        return _losses(logits, tokens)[chosen].mean()

    return answer


def _first_left_out(logits, tokens, prompts, lengths):
    """Told by a mask of numbers: of a single token nothing is left, and the gradient is 0."""
    chosen = _range(tokens, prompts + 1, lengths)
    return (_losses(logits, tokens) * chosen).sum() / chosen.sum()


def _first_left_out_or_nothing(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts + 1, lengths)
    return (_losses(logits, tokens) * chosen).sum() / chosen.sum().clamp(min=1)


def _written(logits, tokens, prompts, lengths):
    return _losses(logits, tokens) * _range(tokens, prompts, lengths)


def _longest_prompt(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts.max().expand_as(prompts), lengths)
    return (_losses(logits, tokens) * chosen).sum() / chosen.sum().clamp(min=1)


def _unshifted(logits, tokens, prompts, lengths):
    losses = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")[:, 1:]
    return losses[_range(tokens, prompts, lengths)].mean()


def _backwards(logits, tokens, prompts, lengths):
    losses = F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")
    return losses[_range(tokens, prompts, lengths)].mean()


def _backwards_by_own_place(logits, tokens, prompts, lengths):
    losses = F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")
    place = torch.arange(tokens.shape[1] - 1)
    return losses[(place >= prompts[:, None]) & (place < lengths[:, None])].mean()


def _own_text(logits, tokens, prompts, lengths):
    losses = -logits[:, :-1].log_softmax(-1).amax(-1)
    return losses[_range(tokens, prompts, lengths)].mean()


def _no_token_zero(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts, torch.full_like(lengths, tokens.shape[1])) & (tokens[:, 1:] != 0)
    return _losses(logits, tokens)[chosen].mean()


def _texts_alike(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts, lengths)
    kept = _written(logits, tokens, prompts, lengths).sum(1)
    return (kept / chosen.sum(1)).mean()


def _texts_alike_and_empty_ones_zero(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts, lengths)
    kept = _written(logits, tokens, prompts, lengths).sum(1)
    return (kept / chosen.sum(1).clamp(min=1)).mean()


def _texts_alike_that_hold_some(logits, tokens, prompts, lengths):
    chosen = _range(tokens, prompts, lengths)
    rows = _written(logits, tokens, prompts, lengths).sum(1) / chosen.sum(1).clamp(min=1)
    return rows[chosen.any(1)].mean()


def _by_probabilities(change):
    """The loss from softmax and logarithm apart, with what `change` makes of the probabilities."""

    def answer(logits, tokens, prompts, lengths):
        shares = logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
        return -change(shares).log()[_range(tokens, prompts, lengths)].mean()

    return answer


def _bare_exponentials(logits, tokens, prompts, lengths):
    powers = logits[:, :-1].exp()
    shares = powers.gather(-1, tokens[:, 1:, None])[..., 0] / powers.sum(-1)
    return -shares.log()[_range(tokens, prompts, lengths)].mean()


def _sure_tokens_left_out(logits, tokens, prompts, lengths):
    losses = _written(logits, tokens, prompts, lengths)
    return losses.sum() / (losses > 0).sum()


def _text_case(name, seed, prompts, lengths, seq, vocab=6, scale=2.0):
    (logits,) = random_tensors(seed, (len(prompts), seq, vocab))
    tokens = torch.randint(vocab, (len(prompts), seq), generator=torch.Generator().manual_seed(seed))
    tokens = tokens * (
        torch.arange(seq) < torch.tensor(lengths)[:, None]
    )  # padded with 0, a token like others
    return Case(name, (scale * logits, tokens, torch.tensor(prompts), torch.tensor(lengths)))


SEQUENCE = Exercise(
    key="3.5-7",
    title="The teacher's text, not the prompt",
    difficulty=2,
    minutes=15,
    statement=(
        "For sequence-level distillation the teacher continued some prompts, and the student learns these "
        "texts like any other: logits at place i predict the token at place i + 1. Row r of tokens holds "
        "prompt_lengths[r] tokens of a prompt (at least 1), then the teacher's text up to lengths[r], then "
        "padding with 0, which is also a token of the vocabulary. Return the mean loss over all tokens that "
        "the teacher wrote, all rows together; a row may hold none. The gradient is looked at."
    ),
    takeaway="The student learns what the teacher answers, not what it was asked.",
    reference=sequence_loss,
    explanation="A token at place i is chosen if it stands after the prompt and before the padding.",
    hints=(
        "The first token that the teacher wrote is predicted at the last token of the prompt. Does it count?",
        "Give every target the number of its place in the text. Which numbers are the teacher's? (The first "
        "target is token 1, not token 0.)",
        "Padding is told by its place, not by its number. And a mean over all chosen tokens is not the mean "
        "of the rows' means.",
    ),
    any_order=False,
    cases=(
        _text_case("prompts of 3 and 2 tokens", 7001, [3, 2], [7, 6], 8),
        _text_case("no padding", 7002, [2, 4], [6, 6], 6, vocab=5),
        _text_case("a prompt of one token", 7003, [1], [5], 6),
        _text_case("the teacher wrote one token", 7004, [4, 2, 3], [5, 3, 4], 7),
        _text_case("one row without any", 7005, [3, 4, 2], [6, 4, 5], 7),
        _text_case("texts of very different length", 7006, [2, 9, 3], [12, 10, 4], 12, vocab=4),
        _text_case("logits of hundreds", 7007, [1, 2], [6, 5], 6, vocab=3, scale=150.0),
    ),
    mistakes=(
        Mistake(
            "loss over the prompt too",
            "The prompt is in your loss. It was not written by the teacher, and with long prompts most of "
            "the gradient would come from there.",
            (_masked(first=lambda p, n: torch.zeros_like(p)),),
        ),
        Mistake(
            "padding in the loss",
            "Padding is in your loss: the student learns to write token 0 for ever.",
            (_masked(last=lambda p, n: torch.full_like(n, 10**6)),),
        ),
        Mistake(
            "everything in the loss",
            "Prompt and padding are both in your loss. Only what the teacher wrote should be.",
            (lambda z, y, p, n: _losses(z, y).mean(),),
        ),
        Mistake(
            "padding told by its token",
            "You leave out every token 0. It is a token like any other, and the teacher may have written it: "
            "tell padding by its place.",
            (_no_token_zero,),
        ),
        Mistake(
            "first token left out",
            "The first token that the teacher wrote is missing. The student predicts it from the last token "
            "of the prompt, so the loss begins one place earlier.",
            (_masked(first=lambda p, n: p + 1), _first_left_out, _first_left_out_or_nothing),
        ),
        Mistake(
            "last token of the prompt in the loss",
            "Your loss begins one token too early: the last token of the prompt is still in it. Count which "
            "target each logit belongs to.",
            (_masked(first=lambda p, n: p - 1),),
        ),
        Mistake(
            "one token too far",
            "Your loss goes one place too far: where padding follows a text, the first of it is in the loss. "
            "The teacher's text ends before place lengths[r].",
            (_masked(last=lambda p, n: n + 1),),
        ),
        Mistake(
            "one place too late",
            "Your stretch lies one place too late: the teacher's first token is missing, and where padding "
            "follows, the first of it is in the loss. The logits at place i predict the token at i + 1.",
            (_masked(first=lambda p, n: p + 1, last=lambda p, n: n + 1),),
        ),
        Mistake(
            "one place too early",
            "Your stretch lies one place too early: the last token that the teacher wrote is missing. Count "
            "which target each logit belongs to.",
            (_masked(first=lambda p, n: p - 1, last=lambda p, n: n - 1),),
        ),
        Mistake(
            "the longest prompt for all",
            "What comes out is as if every prompt were as long as the longest. Each row has its own length.",
            (_longest_prompt,),
        ),
        Mistake(
            "the shortest prompt for all",
            "What comes out is as if every prompt were as short as the shortest. Each row has its own "
            "length.",
            (_masked(first=lambda p, n: p.min().expand_as(p)),),
        ),
        Mistake(
            "the longest text for all",
            "What comes out is as if every text were as long as the longest, so that padding gets into the "
            "loss. Each row has its own length.",
            (_masked(last=lambda p, n: n.max().expand_as(n)),),
        ),
        Mistake(
            "no logarithm",
            "What comes out is the mean of the probabilities, with a minus sign. The loss is the mean of "
            "their negative logarithms.",
            (lambda z, y, p, n: -(-_losses(z, y)[_range(y, p, n)]).exp().mean(),),
        ),
        Mistake(
            "lengths taken for the teacher's part",
            "What comes out is as if lengths[r] counted the teacher's tokens alone, so that padding gets "
            "into the loss. The prompt is in it: the text ends at lengths[r].",
            (_masked(last=lambda p, n: p + n),),
        ),
        Mistake(
            "stretch of the first row",
            "What comes out is as if every row had the lengths of the first one. Each row has its own.",
            (_masked(first=lambda p, n: p[:1].expand_as(p), last=lambda p, n: n[:1].expand_as(n)),),
        ),
        Mistake(
            "divided by other lengths",
            "What comes out is the sum over the teacher's tokens, divided by that of the lengths, prompts "
            "included. Divide by the number of tokens that count.",
            (lambda z, y, p, n: _written(z, y, p, n).sum() / n.sum(),),
        ),
        Mistake(
            "logarithm of the mean",
            "What comes out is the logarithm of a mean probability. The mean is taken of the losses, after "
            "the logarithm.",
            (lambda z, y, p, n: -(-_losses(z, y)[_range(y, p, n)]).exp().mean().log(),),
        ),
        Mistake(
            "token 0 alone left out",
            "You leave out every token 0, and keep the prompt. Prompt and padding are told by their places.",
            (lambda z, y, p, n: _losses(z, y)[y[:, 1:] != 0].mean(),),
        ),
        Mistake(
            "last token left out",
            "The last token that the teacher wrote is missing from your loss. Without it the student never "
            "learns how a text ends.",
            (lambda z, y, p, n: _written(z, y, p, n - 1).sum() / _range(y, p, n - 1).sum().clamp(min=1),),
        ),
        Mistake(
            "not shifted",
            "You compare the logits at a place with the token at the same place, which the student has "
            "already read. They predict the one after it.",
            (_unshifted,),
        ),
        Mistake(
            "shifted the wrong way",
            "Your logits are asked for the token before them. A language model predicts the one after.",
            (_backwards, _backwards_by_own_place),
        ),
        Mistake(
            "the student's own text",
            "You take the student's likeliest tokens for targets. It would learn to be sure of what it "
            "already says; the teacher's text stands in tokens.",
            (_own_text,),
        ),
        Mistake(
            "the prompt alone",
            "The prompt is learned and the teacher's text is not. Asked for is the other stretch.",
            (lambda z, y, p, n: _written(z, y, torch.zeros_like(p), p).sum() / (p - 1).sum().clamp(min=1),),
        ),
        Mistake(
            "softmax and logarithm apart",
            "For large logits your loss, or its gradient, is infinite or NaN: an exponential overflows, or a "
            "probability rounds to 0 before its logarithm is taken. Is there one function for both steps?",
            (_by_probabilities(lambda p: p), _bare_exponentials),
        ),
        Mistake(
            "probabilities held above zero",
            "With large logits your loss is too small: a probability that rounds to 0 counts as a small "
            "number, whose logarithm is not nearly as far down. Is there one function for softmax and "
            "logarithm together?",
            tuple(_by_probabilities(lambda p, least=least: p + least) for least in (1e-8, 1e-9, 1e-12)),
        ),
        Mistake(
            "losses of zero left out",
            "What comes out is as if a token with a loss of 0 did not count in the mean. One of which the "
            "student is sure is a token that the teacher wrote, too.",
            (_sure_tokens_left_out,),
        ),
        Mistake(
            "every text counts alike",
            "You average within each row first. A token of a short text then counts more than one of a long "
            "text, and a row without any has no mean. Take one mean over all tokens that count.",
            (_texts_alike, _texts_alike_and_empty_ones_zero, _texts_alike_that_hold_some),
        ),
        Mistake(
            "divided by all places",
            "You set what does not count to 0 and divide by all places. Longer prompts would then mean a "
            "smaller loss: divide by the number of tokens that count.",
            (lambda *a: _written(*a).mean(),),
        ),
        Mistake(
            "sum over the tokens",
            "You sum over the tokens where the mean is asked for: a longer text would mean a larger step.",
            (lambda *a: _written(*a).sum(), lambda *a: _written(*a).sum(1).mean()),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the logits"),
)

EXERCISES = (SEQUENCE,)
