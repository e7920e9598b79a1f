"""Evidence for chapter 6.2, content generation: rules of choice, constraints, and a proofreader.

`make evidence ARGS=6.2` computes it. What is varied, and against what, stands in each experiment below.
"""

import random
import re
from functools import cache

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus.keyword_pairs import briefs, keyword_prompt, manual_sides, pair_rows
from llmasos_edu.corpus.planted_errors import Planted, plant_error
from llmasos_edu.corpus.sentences import Keywords, sentences, words_of
from llmasos_edu.corpus.split import join
from llmasos_edu.generation.beams import beam_search
from llmasos_edu.generation.keywords import KeywordConstraint
from llmasos_edu.generation.surprise import token_bits, word_bits
from llmasos_edu.pretrained import load
from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.overlap import coverage, self_bleu
from llmasos_edu.training.loop import train
from llmasos_edu.training.optimizers import make_optimizers
from llmasos_edu.training.rows import RowSampler

BRIEFS, DRAFTS, LONGEST = 14, 4, 36
COLD_TO_WARM = (0.5, 0.7, 1.0, 1.3)
JUDGES = {"bits": "manual-moe", "counted": "4-gram"}

# -- 6.2.1: the copywriter ---------------------------------------------------------------


@cache
def shipped(name):
    return load(name)


@cache
def sides():
    """The manual's topics to learn from, and those that no shipped model has read."""
    return manual_sides(shipped("manual-dense").card["data"]["held_out_topics"])


@cache
def material():
    """Sentences to learn from and held out, and which words are keywords."""
    learnt, judged = map(sentences, sides())
    return learnt, judged, Keywords(learnt)


@cache
def copywriter(seed, steps):
    """`manual-dense`, taught on pairs of two or three keywords and a sentence."""
    tokenizer, (learnt, _, keywords) = shipped("manual-dense").tokenizer, material()
    orders = [order for count in (2, 3) for order in briefs(learnt, keywords, count, seed=seed)]
    inputs, targets = pair_rows(tokenizer, orders, 64)
    model = load("manual-dense").model
    train(
        model,
        RowSampler(inputs, targets, batch_size=8),
        steps=steps,
        optimizers=make_optimizers(model, matrix_lr=0.01, other_lr=0.005),
        seed=seed,
        progress=False,
    )
    return model.eval()


def bits_per_token(judge, texts):
    """Mean surprise of another model at each text, which begins a line."""
    rows = [shipped("manual-dense").tokenizer.encode("\n" + (text or ".")) for text in texts]
    if judge == "4-gram":
        bits = [-np.log2(counts().token_probabilities(row)[1:].numpy()) for row in rows]
    else:
        bits = [token_bits(shipped(judge).model, row).numpy() for row in rows]
    return float(np.concatenate(bits).mean())


@cache
def counts(order=4):
    """An n-gram of the manual's tokens, nothing of the held-out topics in it."""
    tokenizer = shipped("manual-dense").tokenizer
    return NGram.kneser_ney(tokenizer.encode(join(sides()[0])), tokenizer.vocab_size, order)


def drafts(model, orders, seed, rule):
    """Four texts for each order, by one way of choosing: lists `[orders][drafts]`."""
    tokenizer = shipped("manual-dense").tokenizer
    prompts, stop = [keyword_prompt(tokenizer, order.words) for order in orders], tokenizer.encode("\n")[0]
    if "beams" in rule:
        found = []
        for order, prompt in zip(orders, prompts, strict=True):
            held = KeywordConstraint(tokenizer, order.words) if rule["beams"] == "held" else None
            found += beam_search(
                model, [prompt], LONGEST, num_beams=DRAFTS, stop=stop, constraint=held, length_penalty=1.0
            )
        return [[tokenizer.decode(each.tokens.tolist()) for each in four] for four in found]
    rows = model.generate(
        [prompt for prompt in prompts for _ in range(DRAFTS)], LONGEST, stop=stop,
        generator=torch.Generator().manual_seed(seed), **rule,
    )  # fmt: skip
    texts = [
        tokenizer.decode(row.tolist()[len(prompts[at // DRAFTS]) :]).strip() for at, row in enumerate(rows)
    ]
    return [texts[at : at + DRAFTS] for at in range(0, len(texts), DRAFTS)]


def measured(texts, orders):
    """Coverage of the own keywords and of the next order's, likeness of four drafts, what judges say."""
    said = [[words_of(text) or ["-"] for text in four] for four in texts]
    own = [coverage(words, order.words) for four, order in zip(said, orders, strict=True) for words in four]
    others = [*orders[1:], orders[0]]
    foreign = [
        coverage(words, order.words) for four, order in zip(said, others, strict=True) for words in four
    ]
    alike = [self_bleu(four) for four in said if len(four) > 1]
    return {
        "coverage": float(np.mean(own)),
        "foreign": float(np.mean(foreign)),
        "alike": float(np.mean(alike)) if alike else 1.0,
    } | {
        name: bits_per_token(judge, [text for four in texts for text in four])
        for name, judge in JUDGES.items()
    }


RULES = {f"T{temperature}": {"temperature": temperature} for temperature in COLD_TO_WARM} | {
    "top_k": {"top_k": 20},
    "top_p": {"top_p": 0.9},
    "min_p": {"min_p": 0.1},
    "beams": {"beams": "free"},
    "held": {"beams": "held"},
}


def frontier(seed, words, steps):
    """All rules on the same orders by one copywriter."""
    _, judged, keywords = material()
    orders = briefs(judged, keywords, words, seed=seed)[:BRIEFS]
    model, figures = copywriter(seed, steps), {}
    for name, rule in RULES.items():
        found = measured(drafts(model, orders, seed, rule), orders)
        figures |= {f"{name}_{what}": value for what, value in found.items()}
    return figures


def saved_by(rule):
    """Bits a token that a rule saves against temperatures alone, at the likeness that its own drafts have.

    Of the two judges the one that grants less has the last word.
    """

    def effect(figures):
        alike = [figures[f"T{temperature}_alike"] for temperature in COLD_TO_WARM]
        order = np.argsort(alike)

        def saved(judge):
            bits = [figures[f"T{temperature}_{judge}"] for temperature in COLD_TO_WARM]
            warm = np.interp(figures[f"{rule}_alike"], np.array(alike)[order], np.array(bits)[order])
            return float(warm - figures[f"{rule}_{judge}"])

        return min(saved(judge) for judge in JUDGES)

    return effect


FRONTIER = Experiment(
    "frontier",
    frontier,
    {"words": (3, 2), "steps": (120, 60)},
    tolerance={
        f"{name}_{what}": 1.0 if what in JUDGES else 0.3
        for name in RULES
        for what in ("coverage", "foreign", "alike", *JUDGES)
    },
    tuned="nothing: one rate, 0.01, and the usual value of each rule",
)

SETTINGS = (
    Condition("training is longer (120 steps)", lambda s: s["steps"] == 120),
    Condition("three keywords are given", lambda s: s["words"] == 3),
)

HEARS = Statement(
    "6.2.1-hears-keywords",
    Source(
        "6.2.1",
        "drawn at temperature 0.7, a small model taught on pairs for seconds writes with its keywords",
        ours=True,
    ),
    FRONTIER,
    effect=lambda f: f["T0.7_coverage"] - f["T0.7_foreign"],
    above=0.05,
    control="the same texts held against the keywords of another order",
    baseline=lambda f: 0.0,
    unit="of the keywords",
    conditions=SETTINGS,
)

TOP_K = Statement(
    "6.2.1-top-k",
    Source("6.2.1", "cutting off the unlikely (top-k 20) buys variety cheaper than a temperature", ours=True),
    FRONTIER,
    effect=saved_by("top_k"),
    above=0.1,
    control="temperatures 0.5 to 1.3 at equally alike drafts",
    baseline=lambda f: 0.0,
    unit="bits a token under the stricter of two judges",
    conditions=SETTINGS,
)

NUCLEUS = Statement(
    "6.2.1-top-p",
    Source(
        "6.2.1", "cutting off the unlikely (top-p 0.9) buys variety cheaper than a temperature", ours=True
    ),
    FRONTIER,
    effect=saved_by("top_p"),
    above=0.1,
    control="temperatures 0.5 to 1.3 at equally alike drafts",
    baseline=lambda f: 0.0,
    unit="bits a token under the stricter of two judges",
    conditions=SETTINGS,
)

MIN_P = Statement(
    "6.2.1-min-p",
    Source(
        "6.2.1", "cutting off the unlikely (min-p 0.1) buys variety cheaper than a temperature", ours=True
    ),
    FRONTIER,
    effect=saved_by("min_p"),
    above=0.1,
    control="temperatures 0.5 to 1.3 at equally alike drafts",
    baseline=lambda f: 0.0,
    unit="bits a token under the stricter of two judges",
    conditions=SETTINGS,
)

ALIKE = Statement(
    "6.2.1-beams-alike",
    Source("6.2.1", "four beams are nearly the same text", ours=True),
    FRONTIER,
    effect=lambda f: f["beams_alike"] - f["T0.7_alike"],
    above=0.3,
    control="four draws at temperature 0.7",
    baseline=lambda f: 0.0,
    unit="of self-BLEU",
    conditions=SETTINGS,
)

PRICE = Statement(
    "6.2.1-price-of-keywords",
    Source(
        "6.2.1",
        "keywords that the model would leave out make a text less likely for another model",
        ours=True,
    ),
    FRONTIER,
    effect=lambda f: min(f[f"held_{judge}"] - f[f"beams_{judge}"] for judge in JUDGES),
    above=0.3,
    control="the same beams without the constraint",
    baseline=lambda f: 0.0,
    unit="bits a token under the stricter of two judges",
    conditions=SETTINGS,
)

# -- 6.2.2: the proofreader --------------------------------------------------------------


def misspelt(sentence, seed):
    """A sentence with two neighbouring letters of one word exchanged, neither its first nor its last."""
    words, draw = sentence.split(" "), random.Random(f"{seed} misspelt {sentence}")
    places = [
        (place, at)
        for place, word in enumerate(words[1:-1], 1)
        if re.fullmatch("[a-z]{5,}", word)
        for at in range(1, len(word) - 2)
        if word[at] != word[at + 1]
    ]
    if not places:
        return None
    place, at = draw.choice(places)
    word = words[place]
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return Planted(" ".join(words), frozenset({place}), "misspelt")


@cache
def read_for_errors(seed, kind, reader):
    """Each sentence with an error: its words in three scores, and which of them are wrong."""
    dense, usual = shipped("manual-dense"), -counts(1).probabilities([]).log2()
    found = []
    for sentence in material()[1]:
        planted = misspelt(sentence, seed) if kind == "misspelt" else plant_error(sentence, kind, seed)
        if planted is None:
            continue
        tokens = dense.tokenizer.encode("\n" + planted.text)
        pieces = [dense.tokenizer.decode([token]) for token in tokens[1:]]
        own = token_bits(shipped(reader).model, tokens)
        counted = -counts().token_probabilities(tokens)[1:].log2()
        scores = {"raw": own, "model": own - usual[tokens[1:]], "ngram": counted - usual[tokens[1:]]}
        words = {name: [word.per_token for word in word_bits(pieces, bits)] for name, bits in scores.items()}
        found.append(([place in planted.places for place in range(len(words["raw"]))], words))
    return found


def proofread(seed, kind, reader, ranked):
    """Average precision of words in three orders, by surprise, above the usual, by a 4-gram, and at random.

    Words of all sentences stand in one list, or each sentence has a list of its own and the mean is taken.
    """
    read = read_for_errors(seed, kind, reader)
    draw = np.random.default_rng(seed)
    if ranked == "all sentences in one list":
        wrong = [sum((each for each, _ in read), [])]  # noqa: RUF017
        lists = {name: [sum((words[name] for _, words in read), [])] for name in ("raw", "model", "ngram")}  # noqa: RUF017
    else:
        wrong = [each for each, _ in read]
        lists = {name: [words[name] for _, words in read] for name in ("raw", "model", "ngram")}

    def precision(scores):
        return float(np.mean([average_precision_score(*each) for each in zip(wrong, scores, strict=True)]))

    figures = {name: precision(scores) for name, scores in lists.items()}
    at_random = [precision([draw.random(len(each)) for each in wrong]) for _ in range(10)]
    return figures | {"chance": float(np.mean(at_random)), "words": float(sum(map(len, wrong)))}


PROOFREAD = Experiment(
    "proofread",
    proofread,
    {
        "kind": ("swapped", "doubled", "agreement", "misspelt"),
        "reader": ("manual-dense", "manual-moe"),
        "ranked": ("all sentences in one list", "each sentence for itself"),
    },
    every=True,
    tolerance={"raw": 0.02, "model": 0.02, "ngram": 0.02, "chance": 1e-4, "words": 0.5},
)

KINDS = (
    Condition("a word is doubled", lambda s: s["kind"] == "doubled"),
    Condition("words are swapped", lambda s: s["kind"] == "swapped"),
    Condition("words are swapped or a form is wrong", lambda s: s["kind"] != "doubled"),
    Condition("words are swapped or doubled", lambda s: s["kind"] != "agreement"),
    Condition("a word is doubled or a form is wrong", lambda s: s["kind"] != "swapped"),
    Condition("a form is wrong", lambda s: s["kind"] == "agreement"),
    Condition("a word is misspelt", lambda s: s["kind"] == "misspelt"),
    Condition(
        "the error is no wrong form, or each sentence has a list of its own",
        lambda s: (s["kind"], s["ranked"]) != ("agreement", "all sentences in one list"),
    ),
    Condition(
        "no word is misspelt and all sentences' words stand in one list",
        lambda s: s["kind"] != "misspelt" and s["ranked"] == "all sentences in one list",
    ),
)

FINDS = Statement(
    "6.2.2-surprise-finds-errors",
    Source(
        "6.2.2", "words that surprise more than they usually do are wrong more often than others", ours=True
    ),
    PROOFREAD,
    effect=lambda f: f["model"] - f["chance"],
    above=0.05,
    control="words marked at random",
    baseline=lambda f: 0.0,
    unit="of average precision",
    conditions=KINDS,
)

USUAL = Statement(
    "6.2.2-above-the-usual",
    Source("6.2.2", "what a word usually costs must be taken off its surprise", ours=True),
    PROOFREAD,
    effect=lambda f: f["model"] - f["raw"],
    above=0.02,
    control="the same model's surprise as it is",
    baseline=lambda f: 0.0,
    unit="of average precision",
    conditions=KINDS,
)

BETTER = Statement(
    "6.2.2-better-than-counting",
    Source("6.2.2", "a small model finds planted errors better than a 4-gram does", ours=True),
    PROOFREAD,
    effect=lambda f: f["model"] - f["ngram"],
    above=0.02,
    control="a 4-gram of the manual",
    baseline=lambda f: 0.0,
    unit="of average precision",
    conditions=KINDS,
)
