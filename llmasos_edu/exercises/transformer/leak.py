"""Exercises of chapter 4.2, the part on the future: does a decoder look ahead?

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.transformer.leak_slips import (
    all_behind_at_once,
    before_a_gap,
    by_argmax,
    differences,
    farthest,
    longest_run,
    nearest_moved,
    never_put_back,
    next_token,
    pairs,
    some_tokens_tried,
    with_the_last_token,
)

# 4.2-10 --------------------------------------------------------------------------------


def lookahead(decoder, tokens, vocab_size):
    """decoder: tokens [seq] -> logits [seq, vocab_size]; tokens [seq] -> how far ahead it looks, an int."""
    before, farthest = decoder(tokens), 0
    for later in range(len(tokens)):
        for step in range(1, vocab_size):  # a leak may show with one other token and not with the next
            changed = tokens.clone()
            changed[later] = (tokens[later] + step) % vocab_size
            moved = (decoder(changed) - before).abs().amax(dim=-1) > 1e-4
            for position in range(later):
                if moved[position]:
                    farthest = max(farthest, later - position)
    return farthest


def make_decoder(
    seed: int,
    seq: int,
    vocab: int,
    reads: Callable,
    *,
    leak: float = 1.0,
    shown_by: int | None = None,
    balanced: bool = False,
    falling: bool = False,
    moves: int | None = None,
) -> Callable:
    """A decoder whose position t reads token s where reads(t, s); a later token counts `leak` times.

    With `shown_by`, all tokens but this one read alike; `balanced` logits move up as much as down, and
    `falling` ones are highest with token 0; with `moves`, a later token moves this logit alone.
    """
    embedding, mixing, loud = random_tensors(seed, (vocab, vocab), (seq, seq), (vocab,))
    places = range(seq)
    reach = torch.tensor([[float(reads(t, s)) * (leak if s > t else 1) for s in places] for t in places])
    mixing = (mixing.abs() + 0.5) * reach
    ahead = torch.ones(vocab) if moves is None else (torch.arange(vocab) == moves) * 1.0
    if shown_by is not None:
        embedding = embedding[(torch.arange(vocab) == shown_by).long()]
    if balanced:
        embedding = embedding - embedding.mean(-1, keepdim=True)

    if falling:
        embedding = -embedding.abs() * (torch.arange(vocab) > 0)[:, None]

    def decoder(tokens):
        if tokens.min() < 0 or tokens.max() >= vocab:
            raise IndexError(f"token {int(tokens.max())} is outside the vocabulary of {vocab}")
        read = embedding[tokens]
        return mixing.tril() @ read + mixing.triu(1) @ read * ahead + 10 * loud

    return decoder


def _leak_case(name: str, seed: int, tokens: list[int], vocab: int, reads: Callable, **options) -> Case:
    decoder = make_decoder(seed, len(tokens), vocab, reads, **options)
    return Case(name, (decoder, torch.tensor(tokens), vocab))


def _past(t, s):
    return s <= t


LEAK = Exercise(
    key="4.2-10",
    title="Does this decoder look ahead?",
    difficulty=3,
    minutes=20,
    statement=(
        "Find out by experiment how far ahead a decoder looks that you cannot open: the greatest distance "
        "s - t at which another token at s changes the logits at an earlier position t, and 0 if no later "
        "token ever does. Logits that move by less than 1e-4 have not moved: that is rounding. A decoder "
        "may look ahead at some positions only."
    ),
    takeaway="No mask was read, no weight looked at: what a model depends on can be measured from outside.",
    reference=lookahead,
    explanation="Put every other token in every place and see which earlier outputs move: that is a leak.",
    hints=(
        "An experiment changes one thing. What do you change, what do you compare with what, and which "
        "positions of the output are allowed to change?",
        "Whichever token you put in, it must be another one than before, and one that the vocabulary has. "
        "How many are there, and might the leak show with one of them only?",
        "So: for each place s and each other token, a copy of the tokens with it at s, one call, and a look "
        "at the positions before s. Keep the greatest distance that you meet.",
    ),
    cases=(
        _leak_case("an honest decoder", 901, [3, 1, 4, 1, 5], 6, _past),
        _leak_case("a decoder without a mask", 902, [2, 0, 4, 3, 1, 1], 5, lambda t, s: True),
        _leak_case(
            "a mask that is off by one, tokens all 0", 903, [0, 0, 0, 0, 0], 4, lambda t, s: s <= t + 1
        ),
        _leak_case(
            "position 2 sees token 5", 904, [6, 2, 6, 3, 6, 1, 0], 7, lambda t, s: s <= t or (t, s) == (2, 5)
        ),
        _leak_case(
            "position 0 sees tokens 1 to 3",
            905,
            [1, 2, 3, 4, 0],
            5,
            lambda t, s: s <= t or (t == 0 and s < 4),
        ),
        _leak_case(
            "a faint leak over 2 positions",
            906,
            [2, 5, 1, 0, 3],
            6,
            lambda t, s: t - 1 <= s <= t + 2,
            leak=1.5e-4,
        ),
        _leak_case(
            "an honest decoder with rounding", 907, [1, 0, 2, 2, 1], 3, lambda t, s: True, leak=1.65e-5
        ),
        _leak_case("positions that do not even see themselves", 908, [1, 3, 0, 2], 4, lambda t, s: s < t),
        _leak_case("a single token", 909, [1], 3, lambda t, s: True),
        _leak_case(
            "the last token seen from position 3",
            910,
            [0, 1, 2, 3, 4, 5],
            6,
            lambda t, s: s <= t or (t, s) == (3, 5),
        ),
        _leak_case(
            "a leak that only token 4 shows",
            911,
            [0, 1, 0, 2],
            5,
            lambda t, s: s <= t or (t, s) == (1, 3),
            shown_by=4,
        ),
        _leak_case(
            "a leak that only token 0 shows",
            916,
            [1, 3, 2, 2],
            4,
            lambda t, s: s <= t or (t, s) == (1, 3),
            shown_by=0,
        ),
        _leak_case(
            "logits that move up as much as down",
            912,
            [2, 0, 1, 3, 1],
            4,
            lambda t, s: s <= t + 1,
            balanced=True,
        ),
        _leak_case("logits that only fall", 913, [0, 0, 0, 0], 4, lambda t, s: s <= t + 2, falling=True),
        _leak_case(
            "position 0 sees token 3, and position 3 token 4",
            914,
            [4, 0, 2, 1, 3],
            5,
            lambda t, s: s <= t or (t, s) in ((0, 3), (3, 4)),
        ),
        _leak_case(
            "a leak that moves one logit a little",
            915,
            [1, 5, 0, 3],
            6,
            lambda t, s: s <= t or (t, s) == (1, 3),
            leak=1.5e-4,
            moves=3,
        ),
    ),
    mistakes=(
        Mistake(
            "looking back counted",
            "You report honest decoders, too. A leak is what a changed token does at earlier positions "
            "alone, seen against the outputs for the tokens as they were. Which positions, and which two "
            "outputs, do you compare?",
            (
                lambda *a: max([0, *(abs(s - t) for s, t in pairs(differences(*a)))]),
                lambda *a: max([0, *(t - s for s, t in pairs(differences(*a)))]),
            ),
        ),
        Mistake(
            "one other token tried",
            "A leak that only one token shows goes unseen: you do not put every other token in every "
            "place. What can stand there is the whole vocabulary, from first to last.",
            (
                lambda *a: farthest(pairs(differences(*a, replace=next_token))),
                lambda *a: farthest(pairs(differences(*a, replace=lambda t, v: (t == 0).long()))),
                lambda *a: farthest(pairs(differences(*a, replace=lambda t, v: (t + 1).clamp_max(v - 1)))),
                some_tokens_tried(lambda vocab: range(1, vocab)),
                some_tokens_tried(lambda vocab: range(vocab - 1)),
                some_tokens_tried(lambda vocab: range(1, vocab - 1)),
            ),
        ),
        Mistake(
            "all tokens behind changed at once",
            "It comes out as if all tokens from a place on were changed together. What moves then tells "
            "that one of them is seen, not which: it may be the farthest. Change one token at a time, and "
            "put every other token there.",
            (all_behind_at_once,),
        ),
        Mistake(
            "moves up and down cancel",
            "It comes out as if the moves of the logits were added up. Where some rise as much as others "
            "fall, the sum is zero, and the leak goes unseen: what counts is how far they move, not where "
            "to.",
            (lambda *a: farthest(pairs(differences(*a, measure=lambda change: change.sum(-1)))),),
        ),
        Mistake(
            "changes only the last token",
            "Only what the last token does to others is seen. A decoder that looks one step ahead betrays "
            "itself there too, but one that leaks in the middle gets away.",
            (
                lambda *a: farthest([p for p in pairs(differences(*a)) if p[0] == len(a[1]) - 1]),
                lambda *a: farthest(
                    [p for p in pairs(differences(*a, replace=next_token)) if p[0] == len(a[1]) - 1]
                ),
            ),
        ),
        Mistake(
            "checks the next token only",
            "Only leaks from the token right after a position are found. What lies farther ahead can leak "
            "as well, even where the next token does not.",
            (lambda *a: farthest([p for p in pairs(differences(*a)) if p[0] - p[1] == 1]),),
        ),
        Mistake(
            "checks the first position only",
            "Only what position 0 sees is found. A leak can sit at any position.",
            (lambda *a: farthest([p for p in pairs(differences(*a)) if p[1] == 0]),),
        ),
        Mistake(
            "only rises seen",
            "It comes out as if a logit had to rise by 1e-4. Falling is moving too: what counts is how far "
            "it goes.",
            (lambda *a: farthest(pairs(differences(*a, measure=lambda change: change.amax(-1)))),),
        ),
        Mistake(
            "a place for a distance",
            "You report a place and not a distance: that of the token that is seen, or of the position that "
            "sees it. How far apart are the two?",
            (
                lambda *a: max([0, *(s for s, t in pairs(differences(*a)) if t < s)]),
                lambda *a: max([0, *(t for s, t in pairs(differences(*a)) if t < s)]),
            ),
        ),
        Mistake(
            "some pairs left out",
            "It comes out as if some pairs were never looked at: those with the next token, with position "
            "0, or with the last token. Every token counts, and every position before it.",
            (
                lambda *a: farthest([p for p in pairs(differences(*a)) if p[0] - p[1] != 1]),
                lambda *a: farthest([p for p in pairs(differences(*a)) if p[1] > 0]),
                lambda *a: farthest([p for p in pairs(differences(*a)) if p[0] < len(a[1]) - 1]),
            ),
        ),
        Mistake(
            "the first leak or the last",
            "It comes out as if the first leak that is met, or the last, were the answer, whatever the "
            "others are. Look at all of them and keep the greatest distance.",
            (
                lambda *a: next((s - t for s, t in pairs(differences(*a)) if s > t), 0),
                lambda *a: [0, *(s - t for s, t in pairs(differences(*a)) if s > t)][-1],
                lambda *a: farthest(with_the_last_token(pairs(differences(*a)))),
            ),
        ),
        Mistake(
            "ends at a gap",
            "It comes out as if the search went from near to far and ended where nothing moves. A decoder "
            "may see a token far ahead and none between: every distance has to be tried.",
            (
                lambda *a: before_a_gap({s - t for s, t in pairs(differences(*a))}),
                lambda *a: longest_run(pairs(differences(*a)), 0),
            ),
        ),
        Mistake(
            "changed token not put back",
            "It comes out as if a token that was changed stays so while the next ones are changed. What the "
            "one moves is then laid to another, and honest decoders stand accused: begin each trial with the "
            "tokens as they were.",
            (
                never_put_back(lambda token, vocab: range(vocab)),
                never_put_back(lambda token, vocab: range(vocab), first=1),
                never_put_back(lambda token, vocab: [n for n in range(vocab) if n != token]),
                never_put_back(lambda token, vocab: [n for n in range(vocab) if n != token], first=1),
                never_put_back(lambda token, vocab: [(token + 1) % vocab]),
                never_put_back(lambda token, vocab: [(token + n) % vocab for n in range(1, vocab)]),
            ),
        ),
        Mistake(
            "a single logit that moves",
            "A leak that moves one logit alone goes unseen, as it does where the moves are averaged, not "
            "all logits are looked at, or a share of each logit's size is let pass. One of them that moves "
            "by 1e-4 is a move.",
            (lambda *a: farthest(pairs(differences(*a, measure=lambda change: change.abs().mean(-1)))),),
        ),
        Mistake(
            "token replaced by itself",
            "It comes out as if one and the same token was put in everywhere. Where that stood already "
            "nothing is changed, so a leak there goes unseen. The new token must differ from the old one.",
            (
                lambda *a: farthest(pairs(differences(*a, replace=lambda token, vocab: token * 0))),
                lambda *a: farthest(
                    pairs(differences(*a, replace=lambda token, vocab: token * 0 + vocab - 1))
                ),
                lambda *a: farthest(pairs(differences(*a, replace=lambda token, vocab: token * 0 + 1))),
            ),
        ),
        Mistake(
            "token outside the vocabulary",
            "Where a token is the last of the vocabulary, the one after it does not exist and the decoder "
            "refuses. How do you go round in a circle?",
            (lambda *a: farthest(pairs(differences(*a, replace=lambda token, vocab: token + 1))),),
        ),
        Mistake(
            "only the likeliest token compared",
            "You compare what the decoder would write, not its logits. A leak that changes every "
            "probability a little and the winner not at all goes unseen.",
            (by_argmax,),
        ),
        Mistake(
            "moves of all logits added up",
            "It comes out as if the moves of a position's logits were put together, and that compared with "
            "1e-4. Where each of them moves by less, none has moved: that is rounding.",
            (lambda *a: farthest(pairs(differences(*a, measure=lambda change: change.abs().sum(-1)))),),
        ),
        Mistake(
            "rounding taken for a leak",
            "An honest decoder whose sums round differently stands accused: your threshold is too small, "
            "if there is one. How much may logits move before it counts?",
            (lambda *a: farthest(pairs(differences(*a), 0.0)),),
        ),
        Mistake(
            "a leak seen too small to count",
            "It comes out as if your threshold were too high (or probabilities were compared, which move "
            "less): a faint leak moves the logits by less than a thousandth and is one all the same.",
            (lambda *a: farthest(pairs(differences(*a), 0.05)),),
        ),
        Mistake(
            "whether instead of how far",
            "You return whether there is a leak, or a count of leaks, of positions or of tokens, but not "
            "the distance. The exercise asks for the greatest number of steps.",
            (
                lambda *a: min(1, farthest(pairs(differences(*a)))),
                lambda *a: sum(s > t for s, t in pairs(differences(*a))),
                lambda *a: len({t for s, t in pairs(differences(*a)) if s > t}),
                lambda *a: len({s for s, t in pairs(differences(*a)) if s > t}),
                lambda *a: max((differences(*a) > 1e-4).tril(-1).sum(1).tolist()),
            ),
        ),
        Mistake(
            "smallest distance",
            "You report the nearest leak. What counts is the one that reaches farthest ahead.",
            (lambda *a: min([s - t for s, t in pairs(differences(*a)) if s > t], default=0),),
        ),
        Mistake(
            "the nearest of those that move",
            "Of several earlier positions that one token moves, it comes out as if the nearest counted. The "
            "one that lies farthest back says how far ahead the decoder looks.",
            (nearest_moved,),
        ),
    ),
)


EXERCISES = (LEAK,)
