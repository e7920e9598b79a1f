"""Milestones at one budget: the same tokens, the same work, the same places to predict (section 2.1.2).

Windows of 64 tokens are read, and the last 32 of each are scored, each guessed from those before it alone. So
models that see a window, a state or everything, and those that read one half and write the other, are asked
the same. Work is counted in FLOPs by torch, the optimizer's step included.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.corpus import Split
from llmasos_edu.learning.pretraining import mask_tokens
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.encoder_decoder import EncoderDecoder
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.milestones import (
    BagOfWords,
    InHalves,
    NeuralNGram,
    RecurrentModel,
    RecurrentWithAttention,
)
from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.tokenizer import BytePairTokenizer
from llmasos_edu.training.loop import TextSampler, make_optimizers, train

VOCAB, WINDOW, SCORED, BATCH, WIDTH = 512, 64, 32, 8, 64
MASK = VOCAB  # the token that says "something stood here"
MOST_WINDOWS = 256


class Text(NamedTuple):
    """The two sides of a split as tokens, the held-out one in windows."""

    train: Tensor  # [n]
    windows: Tensor  # [windows, 65], each begins 32 tokens after the one before
    bytes_a_token: float  # of the scored ones


def prepared(split: Split) -> Text:
    """Both sides of a split in a vocabulary of 512 byte pairs, learned from the training side."""
    tokenizer = BytePairTokenizer.train([document.text for document in split.train], VOCAB)
    windows = windows_of(torch.tensor(tokenizer.encode(split.held_out_text)))[:MOST_WINDOWS]
    scored = windows[:, -SCORED:].flatten().tolist()
    num_bytes = len(tokenizer.decode(scored).encode())
    return Text(torch.tensor(tokenizer.encode(split.train_text)), windows, num_bytes / len(scored))


def windows_of(tokens: Tensor) -> Tensor:
    """`[n]` -> `[windows, 65]`, so that the last 32 tokens of all windows follow one another."""
    starts = torch.arange(0, len(tokens) - WINDOW, SCORED)
    return tokens[starts[:, None] + torch.arange(WINDOW + 1)]


# ---- the milestones ----

_BODY = {"position": "rotary", "activation": "squared_relu", "qk_norm": True, "bias": False}

# How much of the book's usual rates each takes, and the order of the counts: `tune` chose them.
RATES = {
    "nnlm": 2, "recurrent": 2, "word2vec": 8, "seq2seq": 4, "transformer": 2, "gpt": 4, "bert": 4, "moe": 4,
}  # fmt: skip
ORDER = 4


def milestones(d_model: int = WIDTH) -> dict[str, Callable[[], nn.Module]]:
    """Each as a function that makes it; what two of them share is equal.

    Source: of each its class; article 2.1.2.
    """
    stack = {"d_model": d_model, "num_heads": 4}
    two = stack | {"num_layers": 2}
    pair = partial(
        EncoderDecoder, VOCAB, target_vocab=VOCAB, num_layers=1, d_ff=4 * d_model, **stack, **_BODY
    )
    return {
        "nnlm": partial(NeuralNGram, VOCAB, d_model=d_model),
        "recurrent": partial(RecurrentModel, VOCAB, d_model=d_model),
        "word2vec": partial(BagOfWords, VOCAB, d_model=d_model),
        "seq2seq": lambda: InHalves(RecurrentWithAttention(VOCAB, d_model=d_model), source=WINDOW - SCORED),
        "transformer": lambda: InHalves(pair(), source=WINDOW - SCORED),
        "gpt": partial(LanguageModel, VOCAB, **two),
        "bert": partial(MaskedLanguageModel, VOCAB + 1, norm_first=True, **two, **_BODY),
        "moe": partial(LanguageModel, VOCAB, d_ff=2 * d_model, num_experts=4, moe={"top_k": 2}, **two),
    }


# ---- equal work ----


def loss_of(model: nn.Module, batch) -> Tensor:
    """Mean surprise, in nats, at all that the model says something about; of BERT at what was hidden."""
    if isinstance(model, MaskedLanguageModel):
        inputs, targets = batch
        return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    logits = model(batch[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:][:, -logits.shape[1] :].flatten())


def sampler(model: nn.Module, tokens: Tensor):
    """Windows of a text, 8 at a time; for BERT with 15 % of the tokens hidden."""
    sample = TextSampler(tokens, context=WINDOW, batch_size=BATCH)
    if not isinstance(model, MaskedLanguageModel):
        return sample
    return lambda generator: mask_tokens(sample(generator), VOCAB, MASK, generator=generator)


def work_of_a_step(make: Callable[[], nn.Module], tokens: Tensor) -> int:
    """FLOPs of forward, backward and the optimizer's step, as torch counts them product by product."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make()
    optimizers = _optimizers(model, 1.0)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        loss_of(model, sampler(model, tokens)(torch.Generator().manual_seed(0))).backward()
        for each in optimizers:
            each.step()
    return counter.get_total_flops()


def steps_for(make: Callable[[], nn.Module], tokens: Tensor, gigaflops: float) -> int:
    """How many training steps a budget of work pays for, at least one."""
    return max(1, round(gigaflops * 1e9 / work_of_a_step(make, tokens)))


def trained(
    make: Callable[[], nn.Module], tokens: Tensor, *, steps: int, rate: float, seed: int
) -> tuple[nn.Module, float]:
    """A model after so many steps, and the processor's seconds that they took.

    Args:
        make: makes it; its weights come from the seed.
        tokens: the training text, `[n]`.
        rate: times the book's usual rates, 0.02 for Muon and 0.01 for AdamW.
        seed: of weights and windows.
    """
    torch.manual_seed(seed)
    model, started = make(), time.process_time()
    optimizers = _optimizers(model, rate)
    train(model, sampler(model, tokens), steps=steps, loss=loss_of, optimizers=optimizers, seed=seed)
    return model.eval(), time.process_time() - started


def _optimizers(model, rate):
    return make_optimizers(model, matrix_lr=0.02 * rate, other_lr=0.01 * rate)


# ---- the same question to all ----


@torch.no_grad()
def bits(model: nn.Module, text: Text) -> float:
    """Bits per byte of the last 32 tokens of each window, each guessed from those before it alone.

    BERT is given a mask at the end, with nothing behind it, at every eighth of these places.
    """
    windows = text.windows
    if isinstance(model, MaskedLanguageModel):
        mask = windows.new_full((len(windows), 1), MASK)
        nats = [
            F.cross_entropy(model(torch.cat([windows[:, :place], mask], 1))[:, -1], windows[:, place])
            for place in _eighths()
        ]
        return _per_byte(torch.stack(nats).mean(), text)
    logits = model(windows[:, :-1])[:, -SCORED:]
    return _per_byte(F.cross_entropy(logits.flatten(0, 1), windows[:, -SCORED:].flatten()), text)


@torch.no_grad()
def bits_from_both_sides(model: MaskedLanguageModel, text: Text) -> float:
    """The same places for BERT as it was trained: one token hidden, the rest of the window in view."""
    nats = []
    for place in _eighths():
        seen = text.windows.clone()
        seen[:, place] = MASK
        nats.append(F.cross_entropy(model(seen)[:, place], text.windows[:, place]))
    return _per_byte(torch.stack(nats).mean(), text)


def bits_of_counts(text: Text, order: int = ORDER) -> float:
    """The same places for the Kneser-Ney n-gram, which needs no training work."""
    model = NGram.kneser_ney(text.train, VOCAB, order)
    shares = torch.stack([model.token_probabilities(window)[-SCORED:] for window in text.windows])
    return -shares.log2().mean().item() / text.bytes_a_token


def _eighths():
    return range(WINDOW - SCORED + 1, WINDOW + 1, 8)


def _per_byte(nats: Tensor, text: Text) -> float:
    return nats.item() / math.log(2) / text.bytes_a_token


def tune(text: Text, gigaflops: float = 20, seed: int = 100) -> dict[str, dict[float, float]]:
    """Trials on the last twentieth of the training text: {milestone: {rate or order: bits per byte}}.

    Rates are the usual ones times 1, 2 and 4, and 8 where 4 was best; orders 3, 4 and 5.
    """
    kept = len(text.train) * 19 // 20
    trial = text._replace(train=text.train[:kept], windows=windows_of(text.train[kept:]))
    found = {"counts": {order: bits_of_counts(trial, order) for order in (3, 4, 5)}}
    for name, make in milestones().items():
        steps, own = steps_for(make, trial.train, gigaflops), {}
        for rate in (1, 2, 4, 8):
            if rate < 8 or min(own, key=own.get) == 4:
                own[rate] = bits(trained(make, trial.train, steps=steps, rate=rate, seed=seed)[0], trial)
        found[name] = own
    return found
