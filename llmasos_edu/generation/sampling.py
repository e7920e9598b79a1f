"""Sampling: from a model's scores to the next token, and from token to token to a text (chapters 5 and 6.2).

First the rules that change the scores, each a function of its own: a penalty on repetition, the
temperature, then three ways to cut off the unlikely. `choice_probabilities` applies them in this order,
`sample_next` draws, `stream` and `generate` draw again and again.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_options
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.generation.prompts import as_batch, stop_table

ROUNDINGS = 16  # by so many of the last digit's steps a sum of probabilities may be off


def penalize_repetition(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Make the tokens that a row has already said less likely: `x / penalty` if `x > 0`, else `x * penalty`.

    The paper divides every such score. A negative one would rise by that, so it is multiplied instead, as
    in transformers.

    Args:
        logits: `[..., vocab]`.
        seen: `[..., vocab]`, True where the token stands in the row; from `seen_tokens`.
        penalty: 1 changes nothing, the paper takes 1.2; below 1 repetition is rewarded.

    Returns:
        `[..., vocab]`.

    Raises:
        ValueError: a penalty that is not positive and finite, a `seen` of another shape.

    Source: Keskar et al. 2019, "CTRL". Equal to transformers'
    `RepetitionPenaltyLogitsProcessor`.
    """
    _check_choice(repetition_penalty=penalty)
    if seen.shape != logits.shape:
        raise ValueError(f"seen {list(seen.shape)} must have the shape of logits {list(logits.shape)}")
    lowered = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, lowered, logits)


def apply_temperature(logits: Tensor, temperature: float) -> Tensor:
    """Divide the scores' distances by the temperature: `(x - max(x)) / temperature`.

    The shift changes no probability and keeps the smallest temperature from overflowing.

    Args:
        logits: `[..., vocab]`.
        temperature: below 1 the likely become likelier, above 1 all come nearer to each other; 0, the
            limit, leaves the likeliest token alone, the first in the vocabulary where several are.

    Returns:
        `[..., vocab]`, 0 for the likeliest.

    Raises:
        ValueError: a temperature that is negative or not finite.

    Source: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network", section 2.
    """
    _check_choice(temperature=temperature)
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    if temperature < torch.finfo(shifted.dtype).tiny:  # what rounds to zero is zero
        return keep_top_k(shifted, 1)
    return shifted / temperature


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """Keep the `top_k` likeliest tokens, and give all others the score `-inf`: the probability zero.

    Args:
        logits: `[..., vocab]`.
        top_k: how many are kept. Among equals the first in the vocabulary.

    Returns:
        `[..., vocab]`.

    Raises:
        ValueError: `top_k` below 1 or above the size of the vocabulary.

    Source: Fan et al. 2018, "Hierarchical Neural Story Generation". Equal to transformers'
    `TopKLogitsWarper` where no two scores are equal; that keeps all that equal the last.
    """
    _check_choice(logits.shape[-1], top_k=top_k)
    order = _likeliest_first(logits)
    return logits.scatter(-1, order[..., top_k:], -torch.inf)


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Keep the nucleus: the fewest likeliest tokens whose probabilities sum to `top_p` or more.

    A token stays when those likelier than it have less than `top_p` together, so one always stays. Few
    stay where the model is sure, many where it is not.

    Args:
        logits: `[..., vocab]`.
        top_p: above 0; 1 keeps all. Among equals the first in the vocabulary counts as the likelier.

    Returns:
        `[..., vocab]`, `-inf` for what is cut off.

    Raises:
        ValueError: `top_p` outside 0 to 1, or 0.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration". Equal to
    transformers' `TopPLogitsWarper`.
    """
    _check_choice(top_p=top_p)
    if top_p == 1:  # in so many words: sums of rounded numbers reach 1 before the end
        return logits
    order = _likeliest_first(logits)
    sums = logits.gather(-1, order).double().softmax(dim=-1).cumsum(dim=-1)
    # The token after the one that reaches top_p is the first to go. A sum that is short of it by no more than
    # the rounding of its terms, as 0.5 + 0.3 is of 0.8, has reached it.
    reached = sums >= top_p - ROUNDINGS * torch.finfo(logits.dtype).eps
    cut = torch.zeros_like(reached).scatter(-1, order[..., 1:], reached[..., :-1])
    return logits.masked_fill(cut, -torch.inf)


def keep_min_p(logits: Tensor, min_p: float) -> Tensor:
    """Keep the tokens that have at least `min_p` times the probability of the likeliest.

    Args:
        logits: `[..., vocab]`.
        min_p: 0 keeps all, 1 the likeliest and its equals.

    Returns:
        `[..., vocab]`, `-inf` for what is cut off.

    Raises:
        ValueError: `min_p` outside 0 to 1.

    Source: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling". Equal to transformers'
    `MinPLogitsWarper`.
    """
    _check_choice(min_p=min_p)
    probs = logits.softmax(dim=-1)
    min_p = min_p * (1 - ROUNDINGS * torch.finfo(logits.dtype).eps)  # 0.1 / 0.2 is at least 0.5
    return logits.masked_fill(probs < min_p * probs.amax(dim=-1, keepdim=True), -torch.inf)


def choice_probabilities(
    logits: Tensor,
    *,
    seen: Tensor | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
) -> Tensor:
    """The probabilities from which the next token is drawn.

    The order is that of transformers: repetition penalty, temperature, top-k, top-p, min-p. Each works
    on what the ones before it left, whose probabilities sum to one again. A rule that is None is left out.

    Args:
        logits: `[batch, vocab]`.
        seen: `[batch, vocab]`, for the penalty, which needs it.
        temperature: as in `apply_temperature`.
        top_k, top_p, min_p: as in `keep_top_k`, `keep_top_p`, `keep_min_p`.
        repetition_penalty: as in `penalize_repetition`.

    Returns:
        `[batch, vocab]`, a row sums to one; in float32 where the logits have fewer digits.

    Raises:
        ValueError: a setting out of its range, logits of another shape or without a finite largest one.
    """
    logits = _enter(logits, seen, repetition_penalty)
    if temperature != 1:
        logits = apply_temperature(logits, temperature)
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None:
        logits = keep_top_p(logits, top_p)
    if min_p is not None:
        logits = keep_min_p(logits, min_p)
    return logits.softmax(dim=-1)


def sample_next(
    logits: Tensor,
    *,
    seen: Tensor | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw one token a row from `choice_probabilities`; at temperature 0 take the likeliest, without a draw.

    Args:
        logits, seen, temperature, top_k, top_p, min_p, repetition_penalty: as in `choice_probabilities`.
        generator: source of randomness; torch's global one unless given.

    Returns:
        Token ids `[batch]`.

    Raises:
        ValueError: as in `choice_probabilities`.
    """
    if temperature == 0:
        _check_choice(logits.shape[-1], top_k=top_k, top_p=top_p, min_p=min_p)
        return _enter(logits, seen, repetition_penalty).argmax(dim=-1)
    probs = choice_probabilities(
        logits, seen=seen, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        repetition_penalty=repetition_penalty,
    )  # fmt: skip
    return torch.multinomial(probs, 1, generator=generator)[:, 0]


def seen_tokens(tokens: Tensor, vocab_size: int, counts: Sequence[int] | None = None) -> Tensor:
    """Which tokens stand in each row.

    Args:
        tokens: `[batch, seq]`.
        vocab_size: number of different tokens.
        counts: how many tokens of each row are real; the rest is padding at its end.

    Returns:
        Boolean `[batch, vocab]`.
    """
    place = torch.arange(tokens.shape[1], device=tokens.device)
    ends = place.new_tensor([tokens.shape[1]] * len(tokens) if counts is None else counts)
    said = torch.zeros(len(tokens), vocab_size, dtype=torch.long, device=tokens.device)
    return said.scatter_add(1, tokens.long(), (place < ends[:, None]).long()) > 0


def stream(
    model,
    prompts: Tensor | Sequence,
    max_new_tokens: int,
    *,
    stop: int | Iterable[int] = (),
    generator: torch.Generator | None = None,
    **choice,
) -> Iterator[Tensor]:
    """Continue each prompt, and hand out the tokens as they are written: one a row at a time.

    Each position is read once and kept in a cache. While the stream is open the model is in evaluation
    mode; it gets its own mode back when the stream ends or is closed.

    Args:
        model: a `LanguageModel`.
        prompts: tokens `[batch, seq]`, or a list of rows of any lengths, at least one token each.
        max_new_tokens: at most so many tokens are written.
        stop: the token or tokens that end a row. A row that has ended repeats its last token; when all
            have, the stream ends.
        generator: source of randomness; torch's global one unless given. Rows share it, so what one row
            draws depends on how many there are.
        choice: `temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty` of `sample_next`. The penalty
            looks at the row's prompt and at what was written.

    Yields:
        Token ids `[batch]`.

    Raises:
        ValueError: at the call: bad prompts, settings out of range. On the way: a text that outgrows the
            model's learned positions, scores that name no token.
    """
    tokens, counts = as_batch(prompts, model.vocab_size)
    if isinstance(max_new_tokens, bool) or not isinstance(max_new_tokens, int) or max_new_tokens < 0:
        raise ValueError(f"max_new_tokens={max_new_tokens} must be a whole number that is not negative")
    check_options("options of writing", choice, _check_choice, besides=("vocab_size",))
    _check_choice(model.vocab_size, **choice)
    ends = stop_table(stop, model.vocab_size).to(tokens.device)
    return _write(model, tokens, counts, max_new_tokens, ends, generator, choice)


def generate(model, prompts: Tensor | Sequence, max_new_tokens: int, **options) -> Tensor | list[Tensor]:
    """Continue each prompt and return it with what was written.

    Args:
        model, prompts, max_new_tokens: as in `stream`.
        options: the others of `stream`.

    Returns:
        For prompts `[batch, seq]`: `[batch, seq + written]`; a row that has ended before the others repeats
        its last token. For a list of rows: a list of rows, each without such repeats.

    Raises:
        ValueError: as in `stream`.
    """
    new = list(stream(model, prompts, max_new_tokens, **options))
    if isinstance(prompts, Tensor):
        # A copy: what was made in inference mode could not be trained on.
        return torch.cat((prompts.long(), *(token[:, None] for token in new)), dim=1)
    written = torch.stack(new, dim=1) if new else torch.empty(len(prompts), 0, dtype=torch.long)
    ends = stop_table(options.get("stop", ()), model.vocab_size)
    rows = []
    for prompt, row in zip(prompts, written.cpu(), strict=True):
        stops = ends[row].nonzero()[:1, 0].tolist()  # the place of the first, if there is one
        rows.append(torch.cat((torch.as_tensor(prompt).long().cpu(), row[: stops[0] + 1] if stops else row)))
    return rows


@torch.inference_mode()
def _write(model, tokens, counts, max_new_tokens, ends, generator, choice) -> Iterator[Tensor]:
    """The loop of `stream`: read, choose, hand out."""
    may_end, done = bool(ends.any()), torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    seen = None
    if choice.get("repetition_penalty") is not None:
        seen = seen_tokens(tokens, model.vocab_size, counts)
    with modes_kept(model):
        model.eval()
        cache = model.new_cache(len(tokens), tokens.shape[1] + max_new_tokens)
        read = partial(model.next_logits, cache=cache, counts=counts)  # the prompt, and then the fast path
        for written in range(max_new_tokens):
            if written == 1:
                read = model.decoding_step(cache)
            logits = read(tokens)
            token = sample_next(logits, seen=seen, generator=generator, **choice)
            if may_end:
                token = torch.where(done, tokens[:, -1], token)  # what has ended repeats itself
                done |= ends[token]
            yield token
            if may_end and done.all():
                return
            tokens = token[:, None]
            if seen is not None:
                seen.scatter_(1, tokens, True)


def _likeliest_first(logits: Tensor) -> Tensor:
    """Places in falling order; a stable sort, so that equals stay in the vocabulary's order."""
    return logits.argsort(dim=-1, descending=True, stable=True)


def _enter(logits: Tensor, seen: Tensor | None, repetition_penalty: float | None) -> Tensor:
    """The door of every choice: checked scores with enough digits to add up, and the penalty on them."""
    if logits.ndim != 2 or not logits.is_floating_point() or logits.numel() == 0:
        raise ValueError(f"logits must be numbers [batch, vocab], got {logits.dtype} {list(logits.shape)}")
    check_choosable(logits)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if repetition_penalty is None:
        return logits
    if seen is None:
        raise ValueError(f"repetition_penalty={repetition_penalty} needs `seen`: what each row has said")
    return penalize_repetition(logits, seen, repetition_penalty)


def check_choosable(logits: Tensor) -> None:
    """Refuse scores `[batch, vocab]` among which none is the largest.

    Raises:
        ValueError: with the row and what its largest score is.
    """
    largest = logits.amax(dim=-1)  # NaN where one is NaN
    # A finite sum has finite terms, and is cheap; one that is not may only have overflowed.
    if not math.isfinite(largest.sum()) and not largest.isfinite().all():
        row = int((~largest.isfinite()).nonzero()[0])
        raise ValueError(
            f"the largest logit of row {row} is {largest[row].item()}, so no token is the likeliest: the "
            "model's numbers have run away, or every token was ruled out"
        )


def _check_choice(
    vocab_size: int | None = None,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
) -> None:
    """Refuse what no rule can work with; the size of the vocabulary is needed for `top_k` alone."""
    if not 0 <= temperature < math.inf:
        raise ValueError(f"temperature={temperature} must be a number that is not negative")
    if top_k is not None and not (isinstance(top_k, int) and 1 <= top_k <= vocab_size):
        raise ValueError(f"top_k={top_k} must be a whole number from 1 to vocab_size={vocab_size}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p={top_p} must be a probability above 0 and at most 1")
    if min_p is not None and not 0 <= min_p <= 1:
        raise ValueError(f"min_p={min_p} must be a share from 0 to 1")
    if repetition_penalty is not None and not 0 < repetition_penalty < math.inf:
        raise ValueError(f"repetition_penalty={repetition_penalty} must be a positive number")
