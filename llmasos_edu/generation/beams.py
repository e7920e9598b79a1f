"""Beam search: the likeliest texts, several beginnings followed at once (chapter 6.2.1).

The likeliest next token does not always lead to the likeliest text. So the best few beginnings are kept; each
is continued by every token, and the best few of all that are kept again. What ends is laid aside with its
score. With a constraint the places are shared out among beginnings that have come equally far with it, since
a beginning that has taken up a rare keyword is less likely for the time being and would lose its place.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count, check_methods, check_number
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.generation.constraints import (
    METHODS,
    WRITES,
    Constraint,
    allowed_now,
    check_room,
    nothing_left,
    started,
)
from llmasos_edu.generation.prompts import as_batch, stop_table, unpadded
from llmasos_edu.generation.sampling import check_choosable


class Hypothesis(NamedTuple):
    """A text that beam search found."""

    tokens: Tensor  # [written], without the prompt and without the token that ended it
    log_prob: float  # of these tokens and the end, nats
    score: float  # log_prob / length ** length_penalty, the end counted
    ended: bool  # by its own end, not by the limit


class _Beam(NamedTuple):
    """A beginning that is followed."""

    row: int  # of the cache
    tokens: tuple[int, ...]
    log_prob: float
    state: object  # of the constraint


@torch.inference_mode()
def beam_search(
    model,
    prompts: Sequence,
    max_new_tokens: int,
    *,
    num_beams: int = 4,
    length_penalty: float = 1.0,
    stop: int | Sequence[int] = (),
    constraint: Constraint | None = None,
) -> list[list[Hypothesis]]:
    """The best continuations of each prompt, at most `num_beams` of them.

    A text's score is its log-probability divided by the number of its new tokens, the end included, to the
    power `length_penalty`: 0 compares texts by their probability, which favours short ones, 1 by the mean of
    a token. The search for a prompt ends when nothing that is followed could still beat the worst text that
    is kept.

    Args:
        model: a `LanguageModel`.
        prompts: rows of tokens, of any lengths.
        max_new_tokens: at most so many tokens are written, the end not counted where a constraint is given.
        num_beams: beginnings that are kept; 1 takes the likeliest token at each step.
        length_penalty: exponent of the length, not negative.
        stop: the token or tokens that end a text.
        constraint: what every text must keep, as in `Constraint`; one with `progress` and `helpful`, as
            `KeywordConstraint`, is searched in banks of equal progress.

    Returns:
        For each prompt its hypotheses, best first.

    Raises:
        ValueError: bad prompts, counts below 1, a negative penalty; a constraint without exactly one stop
            token, of another vocabulary, or one that needs more than `max_new_tokens` or the stop token;
            scores of the model that are not finite.
        TypeError: no model, no constraint.

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 7, with the plain power of
    the length; equal to transformers' beam search with `early_stopping="never"`. Banks: Post & Vilar 2018,
    "Fast Lexically Constrained Decoding with Dynamic Beam Allocation".
    """
    check_methods("model", model, WRITES)
    check_count("max_new_tokens", max_new_tokens)
    check_count("num_beams", num_beams)
    check_number("length_penalty", length_penalty, 0, 100)
    rows, counts = as_batch(prompts, model.vocab_size)
    ends = stop_table(stop, model.vocab_size).nonzero()[:, 0].tolist()
    if constraint is not None:
        check_methods("constraint", constraint, METHODS)
        check_room(constraint, max_new_tokens, ends, model.vocab_size)
    limit = max_new_tokens + (constraint is not None)  # the end of a constrained text has room of its own
    searches = [
        _Search(number, num_beams, length_penalty, ends, limit, constraint, prompt)
        for number, prompt in enumerate(unpadded(rows, counts))
    ]
    with modes_kept(model):
        model.eval()
        cache = model.new_cache(len(rows) * num_beams, rows.shape[1] + limit)
        many = rows.repeat_interleave(num_beams, dim=0)
        spread = None if counts is None else [count for count in counts for _ in range(num_beams)]
        logits = model.next_logits(many, cache=cache, counts=spread)
        read = model.decoding_step(cache)
        for _ in range(limit):
            check_choosable(logits)
            log_probs = logits.double().log_softmax(dim=-1)
            for search in searches:
                search.extend(log_probs)
            if all(search.over for search in searches):
                break
            for layer in cache:
                layer.reorder(torch.tensor([row for search in searches for row in search.parents]))
            logits = read(torch.tensor([[token] for search in searches for token in search.newest]))
    return [search.best() for search in searches]


class _Search:
    """The search for one prompt's continuations; rows `number * num_beams ...` of the cache are its own."""

    def __init__(self, number, num_beams, length_penalty, ends, limit, constraint, prompt):
        self.width, self.penalty, self.ends, self.limit = num_beams, length_penalty, ends, limit
        self.constraint, self.first = constraint, number * num_beams
        state = None if constraint is None else started(constraint, prompt)
        self.beams = [_Beam(self.first, (), 0.0, state)]
        self.found: list[Hypothesis] = []
        self.over = False
        self._places()

    def extend(self, log_probs: Tensor) -> None:
        """One token further; `log_probs` `[rows of the cache, vocab]`."""
        if self.over:
            return
        candidates = []
        for beam in self.beams:
            candidates += self._continuations(beam, log_probs[beam.row])
        length = len(self.beams[0].tokens) + 1
        candidates.sort(key=lambda each: -each[0])  # stable: of equals the better beam, the first token
        going = []
        for rank, (log_prob, token, beam) in enumerate(candidates):
            if token not in self.ends:
                going.append((log_prob, token, beam))
            elif rank < self.width or self.constraint is not None:  # else it would be kept for want of others
                self._keep(beam.tokens, log_prob, length, ended=True)
        chosen = self._share(going)
        self.beams = [
            _Beam(
                self.first + place,
                (*beam.tokens, token),
                log_prob,
                None if self.constraint is None else self.constraint.advance(beam.state, token),
            )
            for place, (log_prob, token, beam) in enumerate(chosen)
        ]
        self._places([beam.row for _, _, beam in chosen])
        if length == self.limit:
            for beam in self.beams:
                self._keep(beam.tokens, beam.log_prob, length, ended=False)
            self.over = True
        self.over = self.over or not self.beams or not self._can_improve()

    def best(self) -> list[Hypothesis]:
        """What was found, best first."""
        if not self.found:
            raise ValueError(nothing_left(self.ends[0]))
        return self.found

    def _continuations(self, beam: _Beam, log_probs: Tensor) -> list[tuple]:
        """The likeliest tokens after a beginning, those that a constraint hopes for, and the ends."""
        if self.constraint is not None:
            left = self.limit - 1 - len(beam.tokens)
            mask = allowed_now(self.constraint, beam.state, left, self.ends[0])
            log_probs = log_probs.masked_fill(~mask, -torch.inf)
        count = min(2 * self.width + len(self.ends), len(log_probs))
        tokens = log_probs.topk(count).indices.tolist()
        if hasattr(self.constraint, "helpful"):
            tokens = list(dict.fromkeys([*tokens, *self.constraint.helpful(beam.state)]))
        if self.constraint is not None:
            tokens = list(dict.fromkeys([*tokens, *self.ends]))
        values = log_probs[tokens].tolist()
        return [
            (beam.log_prob + value, token, beam)
            for token, value in zip(tokens, values, strict=True)
            if value > -torch.inf
        ]

    def _share(self, going: list[tuple]) -> list[tuple]:
        """The best candidates; with banks the best of each in turn, those that have come furthest first."""
        if not hasattr(self.constraint, "progress"):
            return going[: self.width]
        banks: dict[int, list[tuple]] = {}
        for each in going:
            _, token, beam = each
            missing = self.constraint.needed(self.constraint.advance(beam.state, token))
            banks.setdefault(missing, []).append(each)
        chosen, turn = [], 0
        while len(chosen) < self.width and any(len(bank) > turn for bank in banks.values()):
            chosen += [banks[missing][turn] for missing in sorted(banks) if len(banks[missing]) > turn]
            turn += 1
        return sorted(chosen[: self.width], key=lambda each: -each[0])

    def _keep(self, tokens, log_prob: float, length: int, *, ended: bool) -> None:
        """A text is finished: it stays if it is among the best."""
        score = log_prob / length**self.penalty
        self.found.append(Hypothesis(torch.tensor(tokens, dtype=torch.long), log_prob, score, ended))
        self.found = sorted(self.found, key=lambda each: -each.score)[: self.width]

    def _can_improve(self) -> bool:
        """Whether a beginning could still become better than the worst that is kept."""
        if len(self.found) < self.width:
            return True
        longest = self.limit if self.penalty else 1
        return max(beam.log_prob for beam in self.beams) / longest**self.penalty > self.found[-1].score

    def _places(self, rows: Sequence[int] = ()) -> None:
        """For the cache: from which row each of the own rows goes on, and the token that it reads."""
        spare = self.width - len(rows)  # rows that nobody follows read something, whatever it is
        self.parents = [*rows, *range(self.first, self.first + spare)]
        self.newest = [beam.tokens[-1] if beam.tokens else 0 for beam in self.beams]
        self.newest += [0] * (self.width - len(self.newest))
