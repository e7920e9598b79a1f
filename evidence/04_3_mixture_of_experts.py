"""Evidence for chapter 4.3, mixture of experts: gains at equal work, experts that die, cost, specialisation.

`make evidence ARGS=4.3` computes it. What is varied, and against what, stands in each experiment below.
"""

import copy
import math
import time
from functools import cache

import torch
import torch.nn.functional as F
from sklearn.metrics import mutual_info_score

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import DomainSampler, domain_corpus
from llmasos_edu.layers.moe import MixtureLoss, MoE, mixtures_of
from llmasos_edu.layers.routing import balancing_bias_step, load_balancing_loss
from llmasos_edu.layers.transformer import FeedForward
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import bits_per_byte, make_optimizers, next_token_loss, train

# -- language models on four kinds of text ------------------------------------------

WINDOW, WIDTH, EXPERT = 32, 32, 64
EIGHT = {"num_experts": 8, "d_ff": EXPERT}
MODELS = {
    "plain": {"d_ff": EXPERT},
    "wide": {"d_ff": 8 * EXPERT},
    "dense": EIGHT | {"moe": {"top_k": 8, "renormalize": False}},
    "sparse": EIGHT | {"moe": {"top_k": 1}},
    "choice": EIGHT | {"moe": {"top_k": 1, "choice": "expert"}},
}
BALANCE = {"dense": 0.0, "sparse": 0.02, "choice": 0.0}


@cache
def corpus():
    return domain_corpus(120_000)


def held_out_windows(count=48):
    """Rows of held-out text [4 * count, WINDOW + 1], kind after kind."""
    size = WINDOW + 1
    return torch.cat([kind.held_out[: count * size].view(count, size) for kind in corpus().values()])


def trained(name, seed, steps, layers, optimizer):
    torch.manual_seed(seed)
    model = LanguageModel(256, d_model=WIDTH, num_layers=layers, num_heads=4, **MODELS[name])
    rates = {} if optimizer == "muon" else {"matrix_lr": 0.01, "other_lr": 0.01}
    train(
        model,
        DomainSampler([kind.train for kind in corpus().values()], context=WINDOW, batch_size=16),
        steps=steps,
        loss=MixtureLoss(balance=BALANCE[name]) if name in BALANCE else next_token_loss,
        optimizers=make_optimizers(model, name=optimizer, **rates),
        seed=seed,
    )
    return model.eval()


def mean_bits(model):
    """Held-out bits per byte, mean over the four kinds."""
    scored = [kind.held_out[:3000] for kind in corpus().values()]
    return sum(bits_per_byte(model, text, context=WINDOW, num_bytes=3000) for text in scored) / 4


def language(seed, steps, layers, optimizer):
    """Five models alike but for the feed-forward network, and what two of them did with the text."""
    models = {name: trained(name, seed, steps, layers, optimizer) for name in MODELS}
    figures = {name: mean_bits(models[name]) for name in ("plain", "wide", "dense", "sparse")}
    figures["nothing"] = knowing_nothing()
    generator = torch.Generator().manual_seed(seed)
    return (
        figures
        | told_by_experts(models["sparse"], generator)
        | knocked_out(models["sparse"], generator)
        | given_to_the_hard(models, generator)
    )


@cache
def knowing_nothing():
    """Bits per byte of one who knows how often each byte comes in each kind of text, and no more."""
    shares = [torch.bincount(kind.held_out[:3000], minlength=256) / 3000 for kind in corpus().values()]
    return sum(torch.special.entr(share).sum().item() for share in shares) / 4 / math.log(2)


def bits_told(a, b):
    return mutual_info_score(a.flatten(), b.flatten()) / math.log(2)


def told_by_experts(model, generator):
    """Bits that the last layer's expert tells of the byte, of the kind, of the kind where the byte is known.

    By chance: the kinds of the windows that hold a byte are shuffled among them, byte by byte, so that what
    neighbours share stays together; mean and largest of ten shuffles.
    """
    rows = held_out_windows()[:, :-1]
    with torch.no_grad():
        _, routings = model.routed(rows)
    expert = routings[-1].expert.view(rows.shape)
    of_window = torch.arange(4).repeat_interleave(len(rows) // 4)
    kind = of_window[:, None].expand_as(rows)
    by_chance = []
    for _ in range(10):
        mixed = kind.clone()
        for byte in rows.unique():
            here = rows == byte
            holds = here.any(1).nonzero()[:, 0]
            dealt = of_window.clone()
            dealt[holds] = of_window[holds[torch.randperm(len(holds), generator=generator)]]
            mixed[here] = dealt[:, None].expand_as(rows)[here]
        by_chance.append(told_beyond_the_byte(mixed, expert, rows))
    return {
        "told_byte": bits_told(rows, expert),
        "told_kind": bits_told(kind, expert),
        "told_beyond": told_beyond_the_byte(kind, expert, rows),
        "beyond_by_chance": sum(by_chance) / len(by_chance),
        "beyond_at_most": max(by_chance),
        "expert_entropy": bits_told(expert, expert),
    }


def told_beyond_the_byte(kind, expert, byte):
    """I(kind; expert | byte) = I(kind; expert and byte) - I(kind; byte), bits."""
    return bits_told(kind, expert * 256 + byte) - bits_told(kind, byte)


def knocked_out(model, generator):
    """How much of an expert's knock-out falls on the kind that it hurts most, and of tokens that are dealt.

    The control takes out as many tokens, with the same bytes, wherever they stand: what would follow if an
    expert were a set of bytes and nothing else.
    """
    rows = held_out_windows()
    tokens = rows[:, :-1]
    with torch.no_grad():
        _, routings = model.routed(tokens)
    expert, byte = routings[-1].expert, tokens.flatten()
    intact = nats_of_kinds(model, rows, torch.zeros_like(expert, dtype=torch.bool))
    ours, dealt, sizes = [], [], []
    for number in range(8):
        out = expert == number
        if out.sum() < len(expert) / 80:
            continue
        sizes.append(out.float().mean().item())
        ours.append(largest_share(nats_of_kinds(model, rows, out) - intact))
        draws = [
            largest_share(nats_of_kinds(model, rows, same_bytes(out, byte, generator)) - intact)
            for _ in range(3)
        ]
        dealt.append(draws)
    weights = torch.tensor(sizes) / sum(sizes)
    by_draw = (weights[:, None] * torch.tensor(dealt)).sum(0)
    return {
        "hit": (weights * torch.tensor(ours)).sum().item(),
        "hit_dealt": by_draw.mean().item(),
        "hit_dealt_at_most": by_draw.max().item(),
    }


def largest_share(damage):
    damage = damage.clamp_min(0)
    return (damage.max() / damage.sum().clamp_min(1e-9)).item()


def same_bytes(out, byte, generator):
    """As many tokens as `out` has, with the same bytes, drawn from all."""
    drawn = torch.zeros_like(out)
    for value in byte[out].unique():
        here = (byte == value).nonzero()[:, 0]
        count = int((out & (byte == value)).sum())
        drawn[here[torch.randperm(len(here), generator=generator)[:count]]] = True
    return drawn


def nats_of_kinds(model, rows, out):
    """Loss of each kind [4] where the last mixture answers nothing to some tokens `[tokens]`."""
    moe = mixtures_of(model)[-1]
    hook = moe.register_forward_hook(
        lambda module, inputs, output: output.masked_fill(out.view(output.shape[:-1])[..., None], 0.0)
    )
    with torch.no_grad():
        logits = model(rows[:, :-1])
    hook.remove()
    nats = F.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction="none")
    return nats.view(4, -1).mean(1)


def given_to_the_hard(models, generator):
    """Rank correlation of a token's experts, where experts choose, with what the plain model pays there."""
    rows = held_out_windows()
    with torch.no_grad():
        logits = models["plain"](rows[:, :-1])
        _, routings = models["choice"].routed(rows[:, :-1])
    hard = F.cross_entropy(logits.transpose(1, 2), rows[:, 1:], reduction="none").flatten()
    experts = sum(torch.bincount(each.token, minlength=len(hard)) for each in routings)
    shuffled = [
        rank_correlation(experts[torch.randperm(len(experts), generator=generator)], hard) for _ in range(20)
    ]
    return {
        "given": rank_correlation(experts, hard),
        "given_by_chance": max(shuffled),
        "most_experts": experts.max().item(),
        "without": (experts == 0).float().mean().item(),
    }


def rank_correlation(a, b):
    return torch.corrcoef(torch.stack((ranks(a), ranks(b))))[0, 1].item()


def ranks(values):
    """Mean ranks among equals."""
    _, place, count = values.unique(return_inverse=True, return_counts=True)
    return (count.cumsum(0) - (count - 1) / 2).double()[place]


LANGUAGE = Experiment(
    "language",
    language,
    {"steps": (150, 450), "layers": (1, 2), "optimizer": ("muon", "adamw")},
    tolerance={
        "plain": 0.1,
        "wide": 0.1,
        "dense": 0.1,
        "sparse": 0.1,
        "nothing": 1e-4,
        "told_byte": 0.5,
        "told_beyond": 0.15,
        "given": 0.3,
    },
    tuned="nothing: one rate for all five models, the book's default for Muon and 0.01 for AdamW",
)

WHEN_TRAINED = (
    Condition("training is longer (450 steps)", lambda s: s["steps"] == 450),
    Condition("training is short (150 steps)", lambda s: s["steps"] == 150),
    Condition("the matrices are moved by Muon", lambda s: s["optimizer"] == "muon"),
    Condition("the model has two layers", lambda s: s["layers"] == 2),
    Condition("the model has one layer", lambda s: s["layers"] == 1),
    Condition(
        "training is longer (450 steps) or the model has two layers",
        lambda s: s["steps"] == 450 or s["layers"] == 2,
    ),
    Condition(
        "training is longer (450 steps) or the matrices are moved by AdamW",
        lambda s: s["steps"] == 450 or s["optimizer"] == "adamw",
    ),
    Condition(
        "training is short (150 steps) and the matrices are moved by Muon",
        lambda s: s["steps"] == 150 and s["optimizer"] == "muon",
    ),
)

DENSE = Statement(
    "4.3.1-dense-mixture",
    Source("4.3.1", "a mixture whose experts all answer beats one network", ours=True),
    LANGUAGE,
    effect=lambda f: f["wide"] - f["dense"],
    above=0.02,
    control="one network eight times as wide: equal weights, equal work",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=WHEN_TRAINED,
)

SPARSE = Statement(
    "4.3.3-sparse-gain",
    Source("4.3.3", "at equal work a token, more experts make a better model", ours=True),
    LANGUAGE,
    effect=lambda f: f["plain"] - f["sparse"],
    above=0.02,
    control="one network as wide as one expert: equal work, an eighth of the weights",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=WHEN_TRAINED,
)

TOPICS = Statement(
    "4.3.3-kinds-beyond-bytes",
    Source(
        "4.3.3",
        "different experts model different phenomena: the kind of text, beyond what the byte tells",
        article="不同的专家可以建模不同的语言现象",
    ),
    LANGUAGE,
    effect=lambda f: f["told_beyond"] - f["beyond_by_chance"],
    above=0.05,
    control="kinds shuffled among the windows that hold the same byte",
    baseline=lambda f: f["beyond_at_most"] - f["beyond_by_chance"],
    unit="bits that the expert tells of the kind where the byte is known",
    conditions=WHEN_TRAINED,
)

KNOCK_OUT = Statement(
    "4.3.3-knock-out",
    Source(
        "4.3.3", "an expert that is taken out hurts one kind of text more than its bytes explain", ours=True
    ),
    LANGUAGE,
    effect=lambda f: f["hit"] - f["hit_dealt"],
    above=0.05,
    control="as many tokens with the same bytes taken out, wherever they stand",
    baseline=lambda f: f["hit_dealt_at_most"] - f["hit_dealt"],
    unit="of the damage, on the kind that is hurt most",
    conditions=WHEN_TRAINED,
)

ADAPTIVE = Statement(
    "4.3.3-compute-adapts",
    Source(
        "4.3.3",
        "compute adapts to the input: hard tokens get more experts, where experts choose",
        article="利用路由机制实现自适应计算",
    ),
    LANGUAGE,
    effect=lambda f: f["given"],
    above=0.1,
    control="the same numbers of experts dealt to tokens at random",
    baseline=lambda f: f["given_by_chance"],
    unit="rank correlation of a token's experts with the plain model's loss there",
    conditions=WHEN_TRAINED,
)

# -- eight tasks: who is left without work, and what brings it back -------------------


def eight_tasks(seed):
    """A function that draws vectors [count, 16] and what their task makes of them."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(8, 16, generator=generator)
    matrices = torch.randn(8, 16, 16, generator=generator) / 4

    def draw(count, generator):
        task = torch.randint(8, (count,), generator=generator)
        x = centres[task] + 0.5 * torch.randn(count, 16, generator=generator)
        return x, torch.einsum("nij,nj->ni", matrices[task], x)

    return draw


CURES = {
    "nothing": {},
    "loss": {"balance": 0.1},
    "bias": {"bias_rate": 0.01},
    "noise": {"noise": True},
    "choice": {"choice": "expert"},
}


def taught(layer, draw, seed, steps, rate, *, balance=0.0, bias_rate=0.0, noise=False, choice="token"):
    """The layer, trained on for some steps with one cure."""
    layer.choice, noise_router = choice, layer.noise_router
    layer.noise_router = noise_router if noise else None
    optimizer = torch.optim.AdamW(layer.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    for _ in range(steps):
        x, y = draw(256, generator)
        output, routing = layer.train().routed(x)
        loss = (output - y).square().mean()
        if balance:
            loss = loss + balance * load_balancing_loss(routing)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if bias_rate:
            balancing_bias_step(layer.balancing_bias, routing, bias_rate)
    layer.noise_router = noise_router
    return layer.eval()


def state_of(layer, x, y):
    """Experts with a quarter of an even share or more where tokens choose, and the relative squared error."""
    with torch.no_grad():
        error = (layer(x) - y).square().mean() / y.square().mean()
        choice, layer.choice = layer.choice, "token"
        load = torch.bincount(layer.routed(x).routing.expert, minlength=len(layer.experts))
        layer.choice = choice
    return (load >= 0.25 * load.float().mean()).sum().item(), error.item()


def routing(seed, top_k, steps, rate):
    """Five layers from one start, each with one cure; and the one without any, trained on with three."""
    draw = eight_tasks(seed)
    x, y = draw(2000, torch.Generator().manual_seed(1000 + seed))
    torch.manual_seed(seed)
    start = MoE(16, num_experts=8, d_ff=32, top_k=top_k, noisy=True)
    figures = {"alive_untrained": state_of(start.eval(), x, y)[0]}
    for name, cure in CURES.items():
        layer = taught(copy.deepcopy(start), draw, seed, steps, rate, **cure)
        figures[f"alive_{name}"], figures[f"error_{name}"] = state_of(layer, x, y)
        if name == "nothing":
            left_alone = layer
    for name in ("nothing", "loss", "bias"):
        layer = taught(copy.deepcopy(left_alone), draw, seed + 1, steps, rate, **CURES[name])
        figures[f"revived_{name}"], figures[f"later_{name}"] = state_of(layer, x, y)
    return figures


ROUTING = Experiment(
    "routing",
    routing,
    {"top_k": (1, 2), "steps": (300, 600), "rate": (0.01, 0.003)},
    tolerance=dict.fromkeys(("alive_nothing", "alive_loss", "alive_bias", "revived_loss"), 3.0)
    | {"error_nothing": 0.2, "error_loss": 0.2, "error_choice": 0.3},
    tuned="nothing: one rate for all; the strengths are 0.1 for the loss and 0.01 for the bias throughout",
)

TOP_ONE = (
    Condition("each token asks one expert", lambda s: s["top_k"] == 1),
    Condition("each token asks two experts", lambda s: s["top_k"] == 2),
    Condition("the rate is 0.01", lambda s: s["rate"] == 0.01),
    Condition(
        "each token asks one expert and the rate is 0.01", lambda s: s["top_k"] == 1 and s["rate"] == 0.01
    ),
    Condition(
        "each token asks one expert and training is short (300 steps)",
        lambda s: s["top_k"] == 1 and s["steps"] == 300,
    ),
    Condition(
        "each token asks one expert, for 300 steps at 0.01",
        lambda s: s["top_k"] == 1 and s["steps"] == 300 and s["rate"] == 0.01,
    ),
    Condition(
        "each token asks two experts or training is longer (600 steps)",
        lambda s: s["top_k"] == 2 or s["steps"] == 600,
    ),
    Condition(
        "each token asks two experts or the rate is 0.003", lambda s: s["top_k"] == 2 or s["rate"] < 0.01
    ),
)

DYING = Statement(
    "4.3.2-experts-die",
    Source("4.3.2", "left alone, experts fall out of work", ours=True),
    ROUTING,
    effect=lambda f: f["alive_untrained"] - f["alive_nothing"],
    above=0.5,
    control="the same router before training",
    baseline=lambda f: 0.0,
    unit="experts of 8 lost",
    conditions=TOP_ONE,
)

ENOUGH = Statement(
    "4.3.2-top-k-is-enough",
    Source("4.3.2", "softmax, top-k and zero for the rest is enough to route", ours=True),
    ROUTING,
    effect=lambda f: f["error_loss"] / f["error_nothing"],
    above=0.8,
    control="the same layer with a balance loss",
    baseline=lambda f: f["error_loss"],  # who knows nothing has the error 1
    unit="of the error is left with a balance loss",
    conditions=TOP_ONE,
)


def cure_statement(name, words):
    return Statement(
        f"4.3.2-{name}-cures",
        Source("4.3.2", f"{words} keeps experts at work", ours=True),
        ROUTING,
        effect=lambda f: f[f"alive_{name}"] - f["alive_nothing"],
        above=0.5,
        control="the same start without a cure",
        baseline=lambda f: 0.0,
        unit="experts of 8 more",
        conditions=TOP_ONE,
    )


LOSS_CURES = cure_statement("loss", "a balance loss alone")
BIAS_CURES = cure_statement("bias", "a bias alone")
NOISE_CURES = cure_statement("noise", "noise alone")
CHOICE_CURES = cure_statement("choice", "training with the experts' own choice")


def revival_statement(name, words):
    return Statement(
        f"4.3.2-{name}-revives",
        Source("4.3.2", f"{words} brings idle experts back", ours=True),
        ROUTING,
        effect=lambda f: f[f"revived_{name}"] - f["revived_nothing"],
        above=0.5,
        control="the same layer trained on without a cure",
        baseline=lambda f: 0.0,
        unit="experts of 8 more",
        conditions=TOP_ONE,
    )


LOSS_REVIVES = revival_statement("loss", "a balance loss")
BIAS_REVIVES = revival_statement("bias", "a bias")

# -- what a step costs, the optimizer's part included ----------------------------------


def cost(seed, tokens, optimizer, width):
    """CPU seconds of one step, forward and backward and the optimizer's, relative to one plain network."""
    torch.manual_seed(seed)
    x = torch.randn(1, tokens, width)
    make = {
        "one": lambda: FeedForward(width, d_ff=2 * width, activation="gelu", bias=False),
        "eight": lambda: MoE(width, num_experts=8, top_k=1, d_ff=2 * width),
        "many": lambda: MoE(width, num_experts=32, top_k=1, d_ff=2 * width),
    }
    both = {name: seconds_of_a_step(build(), x, optimizer) for name, build in make.items()}
    figures = {}
    for name in ("eight", "many"):
        figures[f"passes_{name}"] = both[name][0] / both["one"][0]
        figures[f"step_{name}"] = sum(both[name]) / sum(both["one"])
    return figures


def seconds_of_a_step(layer, x, optimizer, repeats=3):
    """The least of a few: CPU seconds of forward and backward, and of the optimizer's step."""
    optimizers = make_optimizers(layer, name=optimizer)
    best = [math.inf, math.inf]
    for _ in range(repeats + 1):
        started = time.process_time()
        layer(x).square().mean().backward()
        middle = time.process_time()
        for each in optimizers:
            each.step()
        ended = time.process_time()
        best = [min(best[0], middle - started), min(best[1], ended - middle)]
        layer.zero_grad(set_to_none=True)
    return best


COST = Experiment(
    "cost",
    cost,
    {"tokens": (2048, 512, 8192), "optimizer": ("muon", "adamw"), "width": (128, 64)},
    tuned="nothing: the least of four steps in each case",
)

WHAT_COSTS = (
    Condition("the optimizer is AdamW", lambda s: s["optimizer"] == "adamw"),
    Condition("a step reads many tokens (8,192)", lambda s: s["tokens"] == 8192),
    Condition("layers are wide (128)", lambda s: s["width"] == 128),
    Condition(
        "a step reads 2,048 tokens or more and layers are wide (128)",
        lambda s: s["tokens"] >= 2048 and s["width"] == 128,
    ),
    Condition("a step reads 2,048 tokens or more", lambda s: s["tokens"] >= 2048),
    Condition(
        "the optimizer is AdamW or a step reads many tokens (8,192)",
        lambda s: s["optimizer"] == "adamw" or s["tokens"] == 8192,
    ),
)

PASSES = Statement(
    "4.3.3-cost-of-the-passes",
    Source(
        "4.3.3",
        "capacity grows, compute stays under control: forward and backward, 8 experts",
        article="增大模型容量的同时控制计算开销",
    ),
    COST,
    effect=lambda f: 2 - f["passes_eight"],
    above=0.0,
    control="one plain network of an expert's width, no router",
    baseline=lambda f: 2 - 8.0,
    unit="times less than twice the CPU time",
    conditions=WHAT_COSTS,
)

STEPS = Statement(
    "4.3.3-cost-of-a-step",
    Source(
        "4.3.3",
        "capacity grows, compute stays under control: a whole training step, 8 experts",
        article="增大模型容量的同时控制计算开销",
    ),
    COST,
    effect=lambda f: 2 - f["step_eight"],
    above=0.0,
    control="one plain network of an expert's width, the optimizer's step counted on both sides",
    baseline=lambda f: 2 - 8.0,
    unit="times less than twice the CPU time",
    conditions=WHAT_COSTS,
)
