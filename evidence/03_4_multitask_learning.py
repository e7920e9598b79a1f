"""Evidence for chapter 3.4, multi-task learning: sharing, few labels, a resident body, weights, text.

`make evidence ARGS=3.4` computes it. What is varied, and against what, stands in each experiment below; how
every model on code is trained, watched, stopped and judged stands in `llmasos_edu/learning/code_lessons.py`.
"""

import itertools
import math
from functools import cache, partial

import torch

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import library_code
from llmasos_edu.corpus.code_tasks import (
    CODE_TASKS,
    LabelledText,
    LabelledTextSampler,
    labelled_text,
)
from llmasos_edu.learning.code_lessons import (
    base_rates,
    learn,
    losses_of,
    mean_loss,
    new_model,
    spread,
    texts,
    windows_of,
)
from llmasos_edu.learning.code_questions import (
    Instruction,
    Questions,
    by_last_byte,
    constant_answer,
    instructions_of,
)
from llmasos_edu.learning.multitask import (
    JointSampler,
    MultiTask,
    TaskSampler,
    gradient_cosines,
    pcgrad_loss,
    task_gradients,
    task_losses,
    task_scores,
    task_shares,
    uncertainty_loss,
    weighted_loss,
)
from llmasos_edu.learning.soft_sharing import SoftSharing, soft_sharing_loss
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load
from llmasos_edu.training.keeping import BestSoFar
from llmasos_edu.training.loop import make_optimizers, train

NARROW, WIDE = 32, 72  # four bodies of the one have as many parameters as one of the other, within 3 %

LOUD = "kind"  # the task whose loss is given in another unit
WEIGHTINGS = (
    ("kind x 100", weighted_loss, 100.0),
    ("learned", uncertainty_loss, 1.0),
    ("learned, kind x 100", uncertainty_loss, 100.0),
)

# -- four tasks: together, apart, weighted, in pairs -----------------------------------


def company(seed, steps, windows):
    """Four tasks apart, together at two widths, weighted, with surgery, in pairs; what cosines foretold."""
    text = texts(seed)

    def taught(tasks, d_model=NARROW, **more):
        sample = windows_of(text.train, tasks, windows=windows, seed=seed)
        lesson = learn(new_model(tasks, seed, d_model=d_model), sample, seed, steps=steps, **more)
        return losses_of(lesson.model, text.held_out)

    met = Meetings(text.train, steps)
    alone = {task: taught([task])[task] for task in CODE_TASKS}
    together = taught(CODE_TASKS, on_step=met)
    figures = {
        "knows nothing": mean_loss(base_rates(text.held_out), CODE_TASKS),
        "apart, narrow": mean_loss(alone),
        "apart, wide": mean_loss({task: taught([task], WIDE)[task] for task in CODE_TASKS}),
        "together, narrow": mean_loss(together),
        "together, wide": mean_loss(taught(CODE_TASKS, WIDE)),
        "together, surgery": mean_loss(taught(CODE_TASKS, loss=pcgrad_loss)),
        "conflicts": met.conflicts(),
    }
    others = [task for task in CODE_TASKS if task != LOUD]
    for name, loss, unit in WEIGHTINGS:
        more = {"slow_weights": 0.2} if loss is uncertainty_loss else {}
        found = taught(CODE_TASKS, loss=partial(loss, weights={LOUD: unit}), **more)
        figures |= {name: mean_loss(found), f"{name}, others": mean_loss(found, others)}
    figures["together, narrow, others"] = mean_loss(together, others)
    cosines, gains = met.cosines(), {}
    for pair in itertools.combinations(CODE_TASKS, 2):
        found = taught(pair)
        for task, other in (pair, pair[::-1]):
            gains[task, other] = alone[task] - found[task]
            figures[f"gain of {task} by {other}"] = gains[task, other]
    figures |= {f"cosine of {a} and {b}": cosines[a, b] for a, b in itertools.combinations(CODE_TASKS, 2)}
    return figures | foretold(cosines, gains)


class Meetings:
    """Writes down, every tenth step, the cosines of the four tasks' gradients on one batch of 16 windows."""

    def __init__(self, text, steps):
        self.sample = LabelledTextSampler(text, context=48, batch_size=16)
        self.steps, self.tables = steps, []

    def __call__(self, step, model):
        if step % 10 == 0:
            batch = self.sample(torch.Generator().manual_seed(step))
            losses = task_losses(model, batch).values()
            self.tables.append(gradient_cosines(task_gradients(losses, model.shared_parameters())))

    def cosines(self):
        """{(task, other): mean cosine over the first half of the training}."""
        table = torch.stack(self.tables[: max(1, len(self.tables) // 2)]).mean(0)
        names = list(CODE_TASKS)
        return {
            (a, b): table[i, j].item() for i, a in enumerate(names) for j, b in enumerate(names) if i != j
        }

    def conflicts(self):
        """The share of negative cosines among all pairs on all batches."""
        tables = torch.stack(self.tables)
        return (tables[:, *torch.triu_indices(4, 4, 1)] < 0).float().mean().item()


def foretold(cosines, gains):
    """Do cosines foretell gains? Which of two partners is better, and whether one helps at all."""
    order = []
    for task in CODE_TASKS:
        others = [other for other in CODE_TASKS if other != task]
        order += [
            float((cosines[task, a] > cosines[task, b]) == (gains[task, a] > gains[task, b]))
            for a, b in itertools.combinations(others, 2)
        ]
    helped = [gain > 0 for gain in gains.values()]
    agree = sum((cosines[pair] > 0) == (gain > 0) for pair, gain in gains.items()) / len(gains)
    share = sum(helped) / len(helped)
    return {
        "better partner foretold": sum(order) / len(order),
        "harm foretold": agree,
        "commoner answer": max(share, 1 - share),
        "pairs harmed": 1 - share,
    }


COMPANY = Experiment(
    "company",
    company,
    {"steps": (80, 200, 400), "windows": (None, 40)},
    tolerance=dict.fromkeys(
        ("apart, narrow", "apart, wide", "together, narrow", "together, wide", "together, surgery"), 0.1
    )
    | {"knows nothing": 1e-4},
    tuned="nothing: AdamW with one pair of rates for all, 0.01 for matrices and 0.03 for all else",
)

IN_COMPANY = (
    Condition("every window is labelled", lambda s: s["windows"] is None),
    Condition("labels are few (40 windows)", lambda s: s["windows"] == 40),
    Condition("training is short (80 steps)", lambda s: s["steps"] == 80),
    Condition("training is longer (200 steps or more)", lambda s: s["steps"] >= 200),
    Condition("training is long (400 steps)", lambda s: s["steps"] == 400),
    Condition("training is no longer than 200 steps", lambda s: s["steps"] <= 200),
    Condition(
        "every window is labelled and training is short (80 steps)",
        lambda s: s["windows"] is None and s["steps"] == 80,
    ),
    Condition(
        "labels are few (40 windows) or training is longer (200 steps or more)",
        lambda s: s["windows"] == 40 or s["steps"] >= 200,
    ),
    Condition(
        "labels are few (40 windows) or training is long (400 steps)",
        lambda s: s["windows"] == 40 or s["steps"] == 400,
    ),
)


def ours(section, words):
    return Source(section, words, ours=True)


EQUAL_TOTAL = Statement(
    "3.4.1-equal-total-size",
    ours("3.4.1", "at equal total size one shared model does several tasks better than separate ones"),
    COMPANY,
    effect=lambda f: f["apart, narrow"] - f["together, wide"],
    above=0.02,
    control="four separate models with as many parameters together, as many steps, each stopped at its best",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=IN_COMPANY,
)

EQUAL_NARROW = Statement(
    "3.4.1-equal-width-narrow",
    ours("3.4.1", "at equal width, 32, sharing a body makes several tasks better"),
    COMPANY,
    effect=lambda f: f["apart, narrow"] - f["together, narrow"],
    above=0.02,
    control="four separate models of width 32, each stopped at its best",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=IN_COMPANY,
)

EQUAL_WIDE = Statement(
    "3.4.1-equal-width-wide",
    ours("3.4.1", "at equal width, 72, sharing a body makes several tasks better"),
    COMPANY,
    effect=lambda f: f["apart, wide"] - f["together, wide"],
    above=0.02,
    control="four separate models of width 72, each stopped at its best",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=IN_COMPANY,
)

PARTNER = Statement(
    "3.4.2-cosine-chooses-partners",
    ours("3.4.2", "of two partners for a task, the one whose gradient agrees more helps it more"),
    COMPANY,
    effect=lambda f: f["better partner foretold"] - 0.5,
    above=0.1,
    control="a coin, right in half of the choices",
    baseline=lambda f: 0.0,
    unit="of the choices, beyond the coin's half",
    conditions=IN_COMPANY,
)

HARM = Statement(
    "3.4.2-cosine-foretells-harm",
    ours("3.4.2", "a negative cosine of two tasks' gradients foretells that they harm each other"),
    COMPANY,
    effect=lambda f: f["harm foretold"] - f["commoner answer"],
    above=0.0,
    control="the commoner of the two answers, given for every pair",
    baseline=lambda f: 0.0,
    unit="of twelve ordered pairs, beyond the commoner answer",
    conditions=IN_COMPANY,
)

SURGERY = Statement(
    "3.4.2-surgery-helps",
    ours("3.4.2", "gradient surgery makes shared training better"),
    COMPANY,
    effect=lambda f: f["together, narrow"] - f["together, surgery"],
    above=0.02,
    control="the plain sum of the same losses: same model, steps and rates",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=IN_COMPANY,
)

UNIT = Statement(
    "3.4.2-learned-weights-undo-units",
    ours("3.4.2", "learned weights undo what another unit of one loss does to the other tasks"),
    COMPANY,
    effect=lambda f: (
        (f["kind x 100, others"] - f["together, narrow, others"])
        - (f["learned, kind x 100, others"] - f["learned, others"])
    ),
    above=0.02,
    control="the harm that the same factor, 100, does where weights are equal",
    baseline=lambda f: 0.0,
    unit="nats a label less harm to the three other tasks",
    conditions=IN_COMPANY,
)

UNCERTAINTY = Statement(
    "3.4.2-learned-beat-equal",
    ours("3.4.2", "weights learned by uncertainty make a better model than equal ones"),
    COMPANY,
    effect=lambda f: f["together, narrow"] - f["learned"],
    above=0.02,
    control="equal weights: the same losses, steps and rates",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=IN_COMPANY,
)

# -- one task with few labels, and company ---------------------------------------------


def few_labels(seed, windows, steps, optimizer):
    """Word with few labels: alone, with kind in one body, with kind of another place, with kind beside it."""
    text, options = texts(seed), {"steps": steps, "optimizer": optimizer, "judged": ["word"]}
    few = windows_of(text.train, ["word"], windows=windows, seed=seed)
    rolled = text.train.labels["kind"].roll(len(text.train.tokens) // 2)
    strange = LabelledText(text.train.tokens, {"kind": rolled})
    last = {}

    def taught(name, model, sample, **more):
        def at_the_end(step, model):
            if step == steps:
                last[name] = losses_of(model, text.held_out)["word"]

        lesson = learn(model, sample, seed, **options, **more, on_step=at_the_end)
        return losses_of(lesson.model, text.held_out)["word"]

    pair = partial(new_model, ["word", "kind"], seed)
    apart = SoftSharing({task: new_model([task], seed) for task in ("word", "kind")})
    beside = JointSampler([few, windows_of(text.train, ["kind"])])
    return {
        "knows nothing": base_rates(text.held_out)["word"],
        "alone": taught("alone", new_model(["word"], seed), few),
        "company": taught("company", pair(), beside),
        "strange company": taught("strange", pair(), JointSampler([few, windows_of(strange, ["kind"])])),
        "soft": taught("soft", apart, beside, loss=partial(soft_sharing_loss, strength=STRENGTH)),
        "alone, at the end": last["alone"],
        "company, at the end": last["company"],
    }


STRENGTH = 0.01

FEW = Experiment(
    "few-labels",
    few_labels,
    {"windows": (40, 160), "steps": (100, 200), "optimizer": ("adamw", "muon")},
    tolerance={"knows nothing": 1e-4, "alone": 0.1, "company": 0.1, "strange company": 0.1, "soft": 0.1},
    tuned="the strength of soft sharing, on seeds 100 and 101: 0.001, 0.01, 0.1; nothing else",
)

WITH_FEW = (
    Condition("labels are few (40 windows)", lambda s: s["windows"] == 40),
    Condition("there are 160 windows with labels", lambda s: s["windows"] == 160),
    Condition("training is short (100 steps)", lambda s: s["steps"] == 100),
    Condition("training is longer (200 steps)", lambda s: s["steps"] == 200),
    Condition("the optimizer is AdamW", lambda s: s["optimizer"] == "adamw"),
    Condition("matrices are moved by Muon", lambda s: s["optimizer"] == "muon"),
    Condition(
        "labels are few (40 windows) and the optimizer is AdamW",
        lambda s: s["windows"] == 40 and s["optimizer"] == "adamw",
    ),
    Condition(
        "labels are few (40 windows) and training is short (100 steps)",
        lambda s: s["windows"] == 40 and s["steps"] == 100,
    ),
    Condition(
        "labels are few (40 windows), for 100 steps of AdamW",
        lambda s: s["windows"] == 40 and s["steps"] == 100 and s["optimizer"] == "adamw",
    ),
    Condition(
        "training is longer (200 steps) or matrices are moved by Muon",
        lambda s: s["steps"] == 200 or s["optimizer"] == "muon",
    ),
    Condition(
        "training is longer (200 steps) or there are 160 windows with labels",
        lambda s: s["steps"] == 200 or s["windows"] == 160,
    ),
    Condition(
        "training is short (100 steps) and the optimizer is AdamW",
        lambda s: s["steps"] == 100 and s["optimizer"] == "adamw",
    ),
)

HELPS = Statement(
    "3.4.1-company-helps",
    ours("3.4.1", "what one task learns helps another that has few labels"),
    FEW,
    effect=lambda f: min(f["alone"], f["strange company"], f["knows nothing"]) - f["company"],
    above=0.02,
    control="the best of three: the task alone, beside labels of another place, one who knows nothing",
    baseline=lambda f: 0.0,
    unit="nats a label of word",
    conditions=WITH_FEW,
)

SOFT = Statement(
    "3.4.1-soft-sharing-helps",
    ours("3.4.1", "two bodies that are drawn towards each other help a task that has few labels"),
    FEW,
    effect=lambda f: min(f["alone"], f["knows nothing"]) - f["soft"],
    above=0.02,
    control="the better of two: the task alone, one who knows nothing",
    baseline=lambda f: 0.0,
    unit="nats a label of word",
    conditions=WITH_FEW,
)

OVERFITS = Statement(
    "3.4.1-alone-to-the-end",
    ours("3.4.1", "a task alone with few labels, trained to the end, is worse than knowing nothing"),
    FEW,
    effect=lambda f: f["alone, at the end"] - f["knows nothing"],
    above=0.02,
    control="one who knows how often each label comes and reads nothing",
    baseline=lambda f: 0.0,
    unit="nats a label of word",
    conditions=WITH_FEW,
)

# -- heads on a resident body -----------------------------------------------------------


@cache
def pieces():
    """Code in the shipped model's tokens: modules that it has read, and those that it has not, by halves."""
    _, tokenizer, card = load("manual-dense")
    unseen = set(card["data"]["held_out_topics"])
    library = library_code(1_500_000)
    new = [document for document in library if document.topic in unseen]
    read = [document for document in library if document.topic not in unseen][:8]
    return (
        labelled_text(read, tokenizer),
        labelled_text(new[1::2], tokenizer),
        labelled_text(new[::2], tokenizer),
    )


def resident(seed, windows, steps):
    """Heads on the shipped body, heads on an untrained body, and everything trained from nothing."""
    shipped = load("manual-dense")[0]
    read, watched, judged = pieces()
    sample = LabelledTextSampler(read, context=64, batch_size=8, windows=windows, seed=seed)
    watched, judged = spread(watched, 24), spread(judged, 100)

    def mean(model, text):
        return mean_loss({t: score.loss for t, score in task_scores(model, text, context=64).items()})

    def taught(start, head_only):
        torch.manual_seed(seed)
        model = MultiTask(start, {t: len(names) for t, names in CODE_TASKS.items()}, head_only=head_only)
        best = BestSoFar(partial(mean, text=watched))
        options = {"seed": seed, "final_lr_fraction": 0, "optimizers": make_optimizers(model)}
        train(
            model,
            sample,
            steps=steps,
            loss=weighted_loss,
            evaluate=best,
            evaluate_every=steps // 8,
            **options,
        )
        best.restore(model)
        return mean(model, judged)

    torch.manual_seed(seed)
    fresh = LanguageModel(**shipped.settings)
    return {
        "knows nothing": mean_loss(base_rates(judged)),
        "heads alone": taught(shipped, head_only=True),
        "heads on nothing": taught(fresh, head_only=True),
        "from nothing": taught(fresh, head_only=False),
    }


RESIDENT = Experiment(
    "resident",
    resident,
    {"windows": (40, 160), "steps": (40, 80)},
    tolerance={"knows nothing": 1e-4, "heads alone": 0.05, "heads on nothing": 0.1, "from nothing": 0.15},
    tuned="nothing: the book's usual rates for all",
)

HEADS = Statement(
    "3.4.2-heads-on-a-resident-body",
    ours("3.4.2", "a resident language model serves new tasks through small heads, with few labels"),
    RESIDENT,
    effect=lambda f: min(f["from nothing"], f["heads on nothing"], f["knows nothing"]) - f["heads alone"],
    above=0.05,
    control="the best of three: the same body trained from nothing, heads on it untrained, knowing nothing",
    baseline=lambda f: 0.0,
    unit="nats a label, mean of four tasks",
    conditions=(
        Condition("labels are few (40 windows)", lambda s: s["windows"] == 40),
        Condition("training is short (40 steps)", lambda s: s["steps"] == 40),
        Condition("training is longer (80 steps)", lambda s: s["steps"] == 80),
        Condition("there are 160 windows with labels", lambda s: s["windows"] == 160),
        Condition(
            "labels are few (40 windows) and training is short (40 steps)",
            lambda s: s["windows"] == 40 and s["steps"] == 40,
        ),
    ),
)

# -- which task comes next --------------------------------------------------------------


def turns(seed, rare, steps, optimizer):
    """Three tasks drawn in proportion and alike; each judged at its own best look."""
    text = texts(seed)
    amounts = {"kind": 4000, "depth": 400, "docstring": rare}
    known = base_rates(text.held_out)
    figures = {f"{task} knows nothing": known[task] for task in amounts}
    for name, temperature in (("in proportion", 1.0), ("alike", math.inf)):
        draws = [windows_of(text.train, [task], windows=n, seed=seed) for task, n in amounts.items()]
        sample = TaskSampler(draws, task_shares(amounts.values(), temperature))
        looks = Looks(amounts, text, steps)
        learn(new_model(amounts, seed), sample, seed, steps=steps, optimizer=optimizer, on_step=looks)
        figures |= {f"{task} {name}": looks.best(task) for task in amounts}
        figures |= {f"{task} {name}, at the end": looks.last(task) for task in amounts}
    return figures


class Looks:
    """Eight looks at watched and held-out loss; each task is judged where its watched loss was least."""

    def __init__(self, tasks, text, steps):
        self.tasks, self.text, self.every, self.seen = tasks, text, steps // 8, []

    def __call__(self, step, model):
        if step % self.every == 0:
            self.seen.append((losses_of(model, self.text.watched), losses_of(model, self.text.held_out)))

    def best(self, task):
        return min(self.seen, key=lambda look: look[0][task])[1][task]

    def last(self, task):
        return self.seen[-1][1][task]


TURNS = Experiment(
    "turns",
    turns,
    {"rare": (40, 160), "steps": (100, 200), "optimizer": ("adamw", "muon")},
    tolerance=dict.fromkeys(("kind in proportion", "kind alike", "docstring in proportion"), 0.15),
    tuned="nothing",
)

TAKING_TURNS = (
    Condition("the rare task has 40 windows", lambda s: s["rare"] == 40),
    Condition("the rare task has 160 windows", lambda s: s["rare"] == 160),
    Condition("training is longer (200 steps)", lambda s: s["steps"] == 200),
    Condition("training is short (100 steps)", lambda s: s["steps"] == 100),
    Condition("the optimizer is AdamW", lambda s: s["optimizer"] == "adamw"),
    Condition("matrices are moved by Muon", lambda s: s["optimizer"] == "muon"),
    Condition(
        "training is short (100 steps) and the optimizer is AdamW",
        lambda s: s["steps"] == 100 and s["optimizer"] == "adamw",
    ),
    Condition(
        "the rare task has 40 windows and the optimizer is AdamW",
        lambda s: s["rare"] == 40 and s["optimizer"] == "adamw",
    ),
    Condition(
        "the rare task has 160 windows or training is longer (200 steps)",
        lambda s: s["rare"] == 160 or s["steps"] == 200,
    ),
    Condition(
        "the rare task has 40 windows and training is short (100 steps)",
        lambda s: s["rare"] == 40 and s["steps"] == 100,
    ),
)

LIFTS = Statement(
    "3.4.2-equal-turns-lift-the-rare",
    ours("3.4.2", "drawing all tasks alike lifts the rare one"),
    TURNS,
    effect=lambda f: min(f["docstring in proportion"], f["docstring knows nothing"]) - f["docstring alike"],
    above=0.02,
    control="the better of two: tasks drawn in proportion to their data, one who knows nothing",
    baseline=lambda f: 0.0,
    unit="nats a label of docstring",
    conditions=TAKING_TURNS,
)

PAYS = Statement(
    "3.4.2-equal-turns-cost-the-large",
    ours("3.4.2", "drawing all tasks alike costs the one with most data"),
    TURNS,
    effect=lambda f: f["kind alike"] - f["kind in proportion"],
    above=0.02,
    control="the same model and steps, tasks drawn in proportion to their data",
    baseline=lambda f: 0.0,
    unit="nats a label of kind",
    conditions=TAKING_TURNS,
)

# -- tasks as text ----------------------------------------------------------------------

LEFT_OUT = Instruction("kind", "a")
MIXES = {"small": ("kind", "depth"), "large": ("kind", "depth", "word", "docstring")}


def as_text(seed, mix, steps, num_layers):
    """One language model, all instructions but one: with their names and without; and the one left out."""
    text = texts(seed)
    trained = instructions_of(MIXES[mix], LEFT_OUT)
    count = 64 // len(trained)
    known = [Questions(text.train, [each], 2000)(torch.Generator().manual_seed(seed)) for each in trained]
    figures = {"constant": 0.0, "by last byte": 0.0, "named": 0.0, "unnamed": 0.0}
    models = {}
    for named in (True, False):
        torch.manual_seed(seed)
        model = LanguageModel(256, d_model=32, num_layers=num_layers, num_heads=2)
        optimizers = make_optimizers(model, name="adamw", matrix_lr=0.01, other_lr=0.03)
        sample = Questions(text.train, trained, count, named)
        train(model, sample, steps=steps, seed=seed, final_lr_fraction=0, optimizers=optimizers)
        models[named] = model.eval()
    for each, table in zip(trained, known, strict=True):
        asked = asked_of(text.held_out, each, seed)
        figures["constant"] += constant_answer(asked[1]) / len(trained)
        figures["by last byte"] += by_last_byte(table, asked) / len(trained)
        figures["named"] += right_share(models[True], *asked) / len(trained)
        figures["unnamed"] += right_share(models[False], *asked_of(text.held_out, each, seed, False)) / len(
            trained
        )
    asked = asked_of(text.held_out, LEFT_OUT, seed)
    twin = asked_of(text.held_out, Instruction("kind", "1"), seed)
    return figures | {
        "left out": right_share(models[True], *asked),
        "left out, constant": constant_answer(asked[1]),
        "same task, trained": right_share(models[True], *twin),
        "left out, in its alphabet": in_alphabet(models[True], asked[0]),
    }


def asked_of(text, instruction, seed, named=True):
    return Questions(text, [instruction], 500, named)(torch.Generator().manual_seed(1000 + seed))


@torch.no_grad()
def right_share(model, questions, answers):
    return (model(questions)[:, -1].argmax(-1) == answers).double().mean().item()


@torch.no_grad()
def in_alphabet(model, questions):
    said = model(questions)[:, -1].argmax(-1)
    return torch.isin(said, torch.tensor(list(b"abc"))).double().mean().item()


TEXT = Experiment(
    "as-text",
    as_text,
    {"mix": ("large", "small"), "steps": (200, 400), "num_layers": (1, 2)},
    tolerance={"constant": 0.02, "named": 0.12, "unnamed": 0.12, "left out": 0.4},
    tuned="nothing",
)

AS_TEXT = (
    Condition("training is longer (400 steps)", lambda s: s["steps"] == 400),
    Condition("training is short (200 steps)", lambda s: s["steps"] == 200),
    Condition("four tasks are in the mix", lambda s: s["mix"] == "large"),
    Condition("two tasks are in the mix", lambda s: s["mix"] == "small"),
    Condition("the model has two layers", lambda s: s["num_layers"] == 2),
    Condition("the model has one layer", lambda s: s["num_layers"] == 1),
    Condition(
        "training is longer (400 steps) or the model has two layers",
        lambda s: s["steps"] == 400 or s["num_layers"] == 2,
    ),
    Condition(
        "four tasks are in the mix and the model has one layer",
        lambda s: s["mix"] == "large" and s["num_layers"] == 1,
    ),
    Condition(
        "four tasks are in the mix and training is short (200 steps)",
        lambda s: s["mix"] == "large" and s["steps"] == 200,
    ),
    Condition(
        "four tasks are in the mix, for 200 steps, in one layer",
        lambda s: s["mix"] == "large" and s["steps"] == 200 and s["num_layers"] == 1,
    ),
)

ONE_HEAD = Statement(
    "3.4.3-tasks-as-text",
    ours("3.4.3", "one model with one head does several tasks that are written as text"),
    TEXT,
    effect=lambda f: f["named"] - f["by last byte"],
    above=0.03,
    control="a table for each task: the commonest answer for the byte that is asked about",
    baseline=lambda f: f["constant"] - f["by last byte"],
    unit="of the answers",
    conditions=AS_TEXT,
)

NAMES = Statement(
    "3.4.3-the-name-is-needed",
    ours("3.4.3", "it takes the name of the task in the text"),
    TEXT,
    effect=lambda f: f["named"] - f["unnamed"],
    above=0.1,
    control="the same model, steps and questions with ?? in place of the names",
    baseline=lambda f: 0.0,
    unit="of the answers",
    conditions=AS_TEXT,
)

NEW_TASK = Statement(
    "3.4.3-a-task-left-out",
    ours("3.4.3", "a mix of instructions teaches an instruction that was left out"),
    TEXT,
    effect=lambda f: f["left out"] - f["left out, constant"],
    above=0.05,
    control="the best constant answer to the instruction that was left out",
    baseline=lambda f: 0.0,
    unit="of the answers",
    conditions=AS_TEXT,
)
