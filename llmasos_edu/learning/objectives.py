"""Two objectives in one race: gaps and next tokens, one text, networks of one shape (section 3.1.2).

A masked model is asked at few of the tokens that it reads, a causal one at all. So "the same training" can
mean the same steps or the same number of questions, and a race has to say which. Both kinds train at a
constant rate after a warm-up, so that a long run passes through the short ones on its way.
"""

import copy
import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.corpus import MarkovSource, Split
from llmasos_edu.learning.pretraining import (
    MaskedSampler,
    TextSampler,
    causal_gap,
    masked_gap,
    masked_token_loss,
    next_token_loss,
)
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import make_optimizers, train

SIGNS = "\n abcdefghijklmnopqrstuvwxyz0_.,:;=()[]{}'\"#+-*/<>@"
SHARE, BATCH, WARMUP = 0.3, 64, 16
RATES = {"muon": (0.06, 0.01), "adamw": (0.01, 0.01)}  # of matrices and of all else
TRIED = 160  # texts in which a causal model tries every token


class Language(NamedTuple):
    """A text to learn from, texts to be asked about, and the place of the gap in these."""

    train: Tensor  # [n]
    texts: Tensor  # [texts, context]
    place: int
    vocab: int  # the mask has this number, one more than any token
    d_model: int


def encode(text: str) -> Tensor:
    """A text in signs: small letters, marks, a space for all that is strange, 0 for every digit: [n].

    Each byte of UTF-8 is a sign, so that bits a sign are bits per byte.
    """
    return _TABLE[torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).long()]


def _sign(byte: int) -> int:
    character = chr(byte) if byte < 128 else " "
    character = "0" if character.isdigit() else character.lower()
    return SIGNS.index(character) if character in SIGNS else SIGNS.index(" ")


_TABLE = torch.tensor([_sign(byte) for byte in range(256)])


def real_text(split: Split, context: int = 16, texts: int = 600) -> Language:
    """Manual and library in signs, and windows of what is held out."""
    held_out = encode(split.held_out_text)
    windows = held_out[: len(held_out) // context * context].view(-1, context)[:texts]
    return Language(encode(split.train_text), windows, context // 2, len(SIGNS), 64)


def exact_source() -> MarkovSource:
    """Eight symbols of which each depends on the last one alone: what can be known is a number."""
    return MarkovSource(8, concentration=0.3)


def exact_language(context: int = 8, texts: int = 2000) -> Language:
    """60,000 symbols of the source to learn from, and texts of it to be asked about."""
    source, generator = exact_source(), torch.Generator().manual_seed(0)
    symbols = source.sample(60, 1000, generator=generator).flatten()
    return Language(symbols, source.sample(texts, context, generator=generator), context // 2, 8, 32)


def make_model(kind: str, language: Language, *, seed: int, num_layers: int = 1) -> nn.Module:
    """A `"masked"` or a `"causal"` model of one shape, four heads, rotary positions.

    Raises:
        ValueError: another kind.
    """
    if kind not in ("masked", "causal"):
        raise ValueError(f'kind={kind!r} is neither "masked" nor "causal"')
    torch.manual_seed(seed)
    shape = {"d_model": language.d_model, "num_layers": num_layers, "num_heads": 4}
    if kind == "causal":
        return LanguageModel(language.vocab, **shape)
    return MaskedLanguageModel(
        language.vocab + 1, position="rotary", norm_first=True, activation="squared_relu", qk_norm=True,
        bias=False, tie_weights=False, **shape,
    )  # fmt: skip


def trained(
    kind: str, language: Language, steps, *, seed: int, optimizer: str = "muon", share: float = SHARE
) -> list[nn.Module]:
    """One training, and the model as it was after each of some numbers of steps.

    Args:
        kind: `"masked"` or `"causal"`.
        language: what it reads.
        steps: numbers of steps, rising.
        seed: of weights and windows.
        optimizer: `"muon"` or `"adamw"`, at `RATES`.
        share: of the tokens that are hidden from a masked model.
    """
    model, context = make_model(kind, language, seed=seed), language.texts.shape[1]
    sizes = {"context": context, "batch_size": BATCH}
    if kind == "masked":
        rule = {"vocab_size": language.vocab, "mask_id": language.vocab, "share": share}
        sampler, loss = MaskedSampler(language.train, **sizes, **rule), masked_token_loss
    else:
        sampler, loss = TextSampler(language.train, **sizes), next_token_loss
    kept = {}

    def keep(done, now):
        if done in steps:
            kept[done] = copy.deepcopy(now)

    matrix_lr, other_lr = RATES[optimizer]
    optimizers = make_optimizers(model, name=optimizer, matrix_lr=matrix_lr, other_lr=other_lr)
    train(
        model, sampler, steps=max(steps), loss=loss, seed=seed, optimizers=optimizers, warmup=WARMUP,
        final_lr_fraction=1.0, on_step=keep,
    )  # fmt: skip
    return [kept[each].eval() for each in steps]


def budgets(steps: int, share: float = SHARE) -> dict[str, int]:
    """Steps of a masked model for as many steps as a causal one has, and for as many questions."""
    return {"equal steps": steps, "equal questions": round(steps / share)}


def bits(log_p: Tensor, truth: Tensor) -> float:
    """Mean surprise at the true tokens in bits, from ln p `[texts, vocab]`."""
    return F.nll_loss(log_p, truth).item() / math.log(2)


def ask_masked(model: nn.Module, language: Language) -> dict[str, float]:
    """Bits at a gap with both sides in view, and at the end of the same texts cut after the place."""
    texts, place = language.texts, language.place
    truth, cut = texts[:, place], texts[:, : place + 1]
    return {
        "gap": bits(masked_gap(model, texts, place, language.vocab), truth),
        "end": bits(masked_gap(model, cut, place, language.vocab), truth),
    }


def ask_causal(model: nn.Module, language: Language) -> dict[str, float]:
    """Bits from the left alone, on all texts and on the first ones, and by trying every token on these."""
    texts, place = language.texts, language.place
    left = causal_gap(model, texts, place)
    few = texts[:TRIED]
    return {
        "left": bits(left, texts[:, place]),
        "left, few": bits(left[:TRIED], few[:, place]),
        "trying, few": bits(causal_gap(model, few, place, both_sides=True), few[:, place]),
    }


def bits_of_shares(language: Language) -> float:
    """Bits of somebody who knows how frequent each token is, and reads nothing."""
    shares = torch.bincount(language.train, minlength=language.vocab).double() + 1
    return bits(
        (shares / shares.sum()).log().expand(len(language.texts), -1), language.texts[:, language.place]
    )


def race(language: Language, *, steps: int, seed: int, optimizer: str = "muon") -> dict[str, float]:
    """Both kinds on one text: bits of a causal model after some steps, of a masked one at two budgets."""
    (causal,) = trained("causal", language, [steps], seed=seed, optimizer=optimizer)
    lengths = budgets(steps)
    masked = trained("masked", language, list(lengths.values()), seed=seed, optimizer=optimizer)
    figures = ask_causal(causal, language) | {"shares": bits_of_shares(language)}
    for name, model in zip(lengths, masked, strict=True):
        figures |= {f"masked {where}, {name}": value for where, value in ask_masked(model, language).items()}
    return figures
