"""Evidence for chapter 1: a small model that copies from its prompt; adapting or training from nothing.

`make evidence ARGS=1` computes it. What is varied, and against what, stands in each experiment below.
"""

import copy
import math
from functools import cache

import torch

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import library_code, manual
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import TextSampler, bits_per_byte
from llmasos_edu.training.optimizers import make_optimizers

COUNT = 64  # passages in a run


@cache
def shipped():
    return load("manual-dense")


@cache
def sides(kind):
    """Texts of a kind by topic: those that the shipped model has read, those that it has not."""
    unread = set(shipped().card["data"]["held_out_topics"])
    found = library_code(6_000_000) if kind == "code" else manual()
    texts = {document.topic: document.text for document in found}
    return tuple({topic: text for topic, text in texts.items() if (topic in unread) == out} for out in (0, 1))


def encoded(text):
    return torch.tensor(shipped().tokenizer.encode(text))


# -- 1.1.2: what stands in the prompt already ---------------------------------------------


@cache
def young(seed, steps=60):
    """The shipped model's shape and size, trained for a minute of its day."""
    learnt = encoded("\n\n".join(sides("code")[0].values())[:300_000])
    torch.manual_seed(seed)
    model = LanguageModel(**shipped().model.settings)
    optimizers = make_optimizers(model, matrix_lr=0.04, other_lr=0.02)
    sampler = TextSampler(learnt, context=64, batch_size=8)
    train(model, sampler, steps=steps, seed=seed, optimizers=optimizers, progress=False)
    return model.eval()


@torch.no_grad()
def bits_behind(model, before, passages):
    """Mean bits of a passage's tokens where `before` stands in front; the seam is left out."""
    rows = torch.cat([before, passages], 1)
    log_p = model.eval()(rows[:, :-1]).log_softmax(-1)
    bits = -log_p.gather(-1, rows[:, 1:, None]).squeeze(-1) / math.log(2)
    return bits[:, before.shape[1] :].mean().item()


def copying(seed, kind, length):
    """Bits a token of unread passages behind themselves, their own tokens in disorder, other passages."""
    unread = encoded("\n\n".join(sides(kind)[1].values()))
    draw = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(unread) - length, (2, COUNT, 1), generator=draw)
    passages, others = unread[starts + torch.arange(length)]
    disorder = torch.rand(COUNT, length, generator=draw).argsort(1)
    before = {"same": passages, "shuffled": passages.gather(1, disorder), "other": others}
    symbols = torch.randint(256, shipped().tokenizer.vocab_size, passages.shape, generator=draw)
    figures = {}
    for name, model in (("shipped", shipped().model), ("young", young(seed))):
        bits = {key: bits_behind(model, text, passages) for key, text in before.items()}
        figures |= {f"{name}_{key}": bits["other"] - bits[key] for key in ("same", "shuffled")}
    for name, text in (("same", symbols), ("shuffled", symbols.gather(1, disorder))):
        saved = -bits_behind(shipped().model, text, symbols)
        figures[f"symbols_{name}"] = saved + bits_behind(shipped().model, symbols.roll(1, 0), symbols)
    return figures


COPYING = Experiment(
    "copying",
    copying,
    {"kind": ("code", "prose"), "length": (32, 8, 96)},
    every=True,
    tolerance={
        "shipped_same": 0.01,
        "shipped_shuffled": 0.01,
        "young_same": 0.1,
        "young_shuffled": 0.1,
        "symbols_same": 0.01,
        "symbols_shuffled": 0.01,
    },
)

COPIES = Statement(
    "1.1.2-copies",
    Source("1.1.2", "a model trained on the next token alone uses its prompt", ours=True),
    COPYING,
    effect=lambda f: f["shipped_same"] - f["young_same"],
    above=0.5,
    control="what a model of equal size saves that was trained for 60 steps, by the same passages",
    baseline=lambda f: 0.0,
    unit="bits a token saved",
    conditions=(
        Condition("the passage has 32 tokens or more", lambda s: s["length"] >= 32),
        Condition("the text is code", lambda s: s["kind"] == "code"),
    ),
)

IN_ORDER = Statement(
    "1.1.2-copies-in-order",
    Source("1.1.2", "it copies the order, and does not only expect the same tokens again", ours=True),
    COPYING,
    effect=lambda f: f["shipped_same"] - f["shipped_shuffled"],
    above=0.3,
    control="what the same tokens save that stand before the passage in disorder",
    baseline=lambda f: 0.0,
    unit="bits a token saved",
    conditions=(
        Condition("the passage has 32 tokens or more", lambda s: s["length"] >= 32),
        Condition("the text is code", lambda s: s["kind"] == "code"),
    ),
)

ANY_SYMBOLS = Statement(
    "1.1.2-copies-anything",
    Source("1.1.2", "what it copies need not be language", ours=True),
    COPYING,
    effect=lambda f: f["symbols_same"] - f["symbols_shuffled"],
    above=0.3,
    control="what the same tokens save that stand before them in disorder; all of them drawn at random",
    baseline=lambda f: 0.0,
    unit="bits a token saved",
    conditions=(
        Condition("the passage has 32 tokens or fewer", lambda s: s["length"] <= 32),
        Condition("the passage has 8 tokens", lambda s: s["length"] == 8),
    ),
    within=lambda s: s["kind"] == "code",  # its tokens are drawn, whatever the text
)

# -- 1.1.3: adapt, or train from nothing? -----------------------------------------------------

CONTEXT, JUDGED, RATES, TUNING_SEED = 48, 800, (0.0003, 0.001, 0.003), 9


@cache
def parts(text, names, tokens):
    """A text's tokens to learn from, to choose by and to be judged by; under other names if asked for."""
    found = encoded((sides("code")[1] | sides("prose")[1])[text])
    sizes = (tokens, JUDGED, JUDGED)
    if len(found) < sum(sizes):
        raise ValueError(f"{text} has {len(found)} tokens, {sum(sizes)} are wanted")
    judged = found[tokens + JUDGED :][:JUDGED]
    num_bytes = len(shipped().tokenizer.decode(judged.tolist()).encode())
    if names == "exchanged":
        vocab = shipped().tokenizer.vocab_size
        found = torch.randperm(vocab, generator=torch.Generator().manual_seed(0))[found]
    return *found[: sum(sizes)].split(sizes), num_bytes


def learn(arm, setting, rate, seed, most):
    """Train until two evaluations in a row are no better; bits per byte where the chosen part was best.

    Returns:
        bits of the part to choose by, and of the part to be judged by, at the best evaluation but the one
        before the first step.
    """
    learnt, chosen, judged, num_bytes = parts(*setting)
    torch.manual_seed(seed)
    model = copy.deepcopy(shipped().model) if arm == "adapted" else LanguageModel(**shipped().model.settings)
    rounds = []

    def score(model):
        rounds.append(
            tuple(
                bits_per_byte(model, part, context=CONTEXT, num_bytes=num_bytes) for part in (chosen, judged)
            )
        )
        return rounds[-1][0]

    optimizers = make_optimizers(model, name="adamw", matrix_lr=rate, other_lr=rate)
    sampler = TextSampler(learnt, context=CONTEXT, batch_size=2)
    train(
        model, sampler, steps=most, seed=seed, warmup=5, final_lr_fraction=1.0, optimizers=optimizers,
        evaluate=score, evaluate_every=10, patience=2, progress=False,
    )  # fmt: skip
    return min(rounds)


@cache
def best_rate(arm, setting):
    """The rate of three that is best after at most 30 steps, with a seed that no figure uses."""
    return min(RATES, key=lambda rate: learn(arm, setting, rate, TUNING_SEED, 30)[0])


def adapting(seed, text, names, tokens):
    """Bits per byte of both arms, each at its rate and stopped by itself, and of the model as it is."""
    setting = (text, names, tokens)
    figures = {
        arm: learn(arm, setting, best_rate(arm, setting), seed, 300)[1] for arm in ("adapted", "from_nothing")
    }
    _, _, judged, num_bytes = parts(*setting)
    return figures | {
        "as_it_is": bits_per_byte(shipped().model, judged, context=CONTEXT, num_bytes=num_bytes)
    }


ADAPTING = Experiment(
    "adapting",
    adapting,
    {"text": ("tarfile", "formatstrings"), "names": ("own", "exchanged"), "tokens": (3000, 6500)},
    every=True,
    tolerance={"adapted": 0.15, "from_nothing": 0.25, "as_it_is": 0.01},
    tuned="three rates for each arm, 30 steps each with a seed of their own, by a part that no figure "
    "reports; both arms are stopped by that part",
)

OWN_NAMES = Condition("the text is in the language that the model has read", lambda s: s["names"] == "own")

ADAPTING_WINS = Statement(
    "1.1.3-adapting",
    Source(
        "1.1.3", "adapting a model beats training one from nothing, for the same text and effort", ours=True
    ),
    ADAPTING,
    effect=lambda f: f["from_nothing"] - f["adapted"],
    above=0.2,
    control="the same model from nothing: equal text, tries of rates, rule to stop",
    baseline=lambda f: 0.0,
    unit="bits per byte",
    conditions=(OWN_NAMES, Condition("the text is code", lambda s: s["text"] == "tarfile")),
)

AS_IT_IS_WINS = Statement(
    "1.1.3-as-it-is",
    Source(
        "1.1.3",
        "on a near text a model is better before its first step than another one ever gets",
        ours=True,
    ),
    ADAPTING,
    effect=lambda f: f["from_nothing"] - f["as_it_is"],
    above=0.0,
    control="the same model from nothing, at its best",
    baseline=lambda f: 0.0,
    unit="bits per byte",
    conditions=(OWN_NAMES, Condition("the text is code", lambda s: s["text"] == "tarfile")),
)
