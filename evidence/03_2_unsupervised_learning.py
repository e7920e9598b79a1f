"""Evidence for chapter 3.2, unsupervised learning: two roads to vectors, clusters, contrast, traffic, labels.

`make evidence ARGS=3.2` computes it. What is varied, and against what, stands in each experiment below. All
texts are Python's own library and manual; a seed draws which half of the modules is read.
"""

import builtins
import keyword
import random
import re
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from torch import nn

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import library_code, manual
from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.learning.unsupervised import (
    SkipGram,
    SkipGramSampler,
    cluster_nmi,
    cluster_purity,
    cluster_quality,
    cooccurrence,
    frequent_words,
    info_nce,
    nearest,
    ppmi,
    sampled_scores,
    skip_gram_loss,
    svd_vectors,
)
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import TextSampler, make_optimizers, train

TOKEN = re.compile(r"(\"{3}|'{3})[\s\S]*?\1|#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'|([A-Za-z_]\w*|\d[\w.]*|[^\s\w])")
KINDS = 6  # classes of tokens, and packages


def numbered(texts, words, gap):
    """Lists of words as one row of their numbers, -1 for a rare word and for the gaps between texts."""
    number = {word: i for i, word in enumerate(words)}
    return torch.tensor([p for text in texts for p in [*(number.get(w, -1) for w in text), *[-1] * gap]])


# -- maps (3.2.1) ----------------------------------------------------------------------------


def maps(seed, words, perplexity):
    """Share of ten true neighbours that are among the ten nearest on the map, for two kinds of map."""
    texts = [re.findall(r"[a-z_]+", document.text.lower()) for document in manual()]
    texts = random.Random(seed).sample(texts, 2 * len(texts) // 3)
    kept = frequent_words((word for text in texts for word in text), max_words=words)
    counts = cooccurrence(numbered(texts, kept, 5), len(kept), window=5)
    unit = F.normalize(svd_vectors(ppmi(counts, context_power=0.75), 50), dim=1)
    true = nearest(unit, torch.arange(len(kept)), 10)[0]

    def share(points):
        points = torch.as_tensor(points)
        away = torch.cdist(points, points).fill_diagonal_(torch.inf)
        near = away.topk(10, largest=False).indices
        return (near[:, :, None] == true[:, None, :]).any(1).double().mean().item()

    tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, max_iter=300)
    return {
        "pca": share(PCA(2).fit_transform(unit.numpy())),
        "tsne": share(tsne.fit_transform(unit.numpy())),
        "chance": 10 / (len(kept) - 1),
    }


MAPS = Experiment(
    "maps",
    maps,
    {"words": (700, 350), "perplexity": (15, 40)},
    tolerance={"pca": 0.02, "tsne": 0.06, "chance": 1e-4},
)

MAP = Statement(
    "3.2.1-map-shows-neighbours",
    Source("3.2.1", "a map in the plane shows which words are near", ours=True),
    MAPS,
    effect=lambda f: max(f["pca"], f["tsne"]),
    above=0.7,
    control="all ten neighbours, the better of PCA and t-SNE; chance keeps 2 in 100",
    baseline=lambda f: f["chance"],
    unit="of the ten nearest words kept",
    conditions=(Condition("words are few (350)", lambda s: s["words"] == 350),),
)

# -- clusters and classes of tokens (3.2.1) ------------------------------------------------------


@cache
def modules():
    """The library's program text as tokens, comments and strings left out, one list a module."""
    return [[t for _, t in TOKEN.findall(d.text) if t] for d in library_code(6_000_000)]


@cache
def half(seed):
    """Half of the modules, and the tokens that stand in them 30 times or more."""
    programs = random.Random(seed).sample(modules(), len(modules()) // 2)
    return programs, frequent_words((token for program in programs for token in program), min_count=30)


def token_class(token):
    """What Python says about a token; None for a name that somebody made up."""
    if keyword.iskeyword(token):
        return "keyword"
    if re.fullmatch(r"__\w+__", token):
        return "special name"
    known = getattr(builtins, token, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return "exception"
    if known is not None:
        return "builtin"
    return "number" if token[0].isdigit() else None if re.match(r"\w", token) else "sign"


@cache
def judges(seed):
    """Rows and classes of the tokens that have a class."""
    named = [(i, token_class(token)) for i, token in enumerate(half(seed)[1]) if token_class(token)]
    return torch.tensor([i for i, _ in named]), [name for _, name in named]


def clustered(points, count, start, tries=4):
    return KMeans(count, n_init=tries, random_state=start).fit_predict(points.double().numpy())


def nmi_of(of, seed, count=KINDS):
    """NMI of clusters with classes, mean over three starts; vectors at length 1, or one number a token."""
    rows, labels = judges(seed)
    points = of[rows] if of.shape[1] == 1 else F.normalize(of[rows].double(), dim=1)
    return float(np.mean([cluster_nmi(labels, clustered(points, count, start)) for start in range(3)]))


def own_class(of, seed):
    """Share of the tokens whose nearest neighbour, by cosine or by the one number, is of their class."""
    rows, labels = judges(seed)
    if of.shape[1] == 1:
        near = torch.cdist(of[rows], of[rows]).fill_diagonal_(torch.inf).argmin(1)
    else:
        near = nearest(of[rows], torch.arange(len(rows)), 1)[0][:, 0]
    return float(np.mean([labels[i] == labels[j] for i, j in enumerate(near.tolist())]))


def frequency(text, size):
    """The logarithm of each token's count, `[tokens, 1]`: what a vector of no company knows."""
    return torch.bincount(text[text >= 0], minlength=size).double().log()[:, None]


def clusters(seed, clusters, window, dim):
    """Clusters of vectors from counts against the classes, beside clusters that know less."""
    programs, tokens = half(seed)
    text = numbered(programs, tokens, window)
    table = cooccurrence(text, len(tokens), window=window)
    vectors = svd_vectors(ppmi(table, context_power=0.75), dim)
    rows, labels = judges(seed)
    found = [
        cluster_quality(
            labels, clustered(F.normalize(vectors[rows], dim=1), clusters, start), permutations=30, seed=start
        )
        for start in range(3)
    ]
    draw = np.random.default_rng(seed)
    blind = draw.integers(0, len(rows) // 2, len(rows))
    noise = torch.randn(len(tokens), dim, generator=torch.Generator().manual_seed(seed))
    return {
        "nmi": float(np.mean([each.nmi for each in found])),
        "purity": float(np.mean([each.purity for each in found])),
        "nmi by chance": float(np.mean([each.chance_nmi for each in found])),
        "purity by chance": float(np.mean([each.chance_purity for each in found])),
        "nmi of frequency": nmi_of(frequency(text, len(tokens)), seed, clusters),
        "nmi of noise": nmi_of(noise, seed, clusters),
        "purity of pairs": cluster_purity(labels, blind),
    }


CLUSTERS = Experiment(
    "clusters",
    clusters,
    {"clusters": (6, 3, 12), "window": (2, 5), "dim": (50, 10)},
    every=True,  # one change at a time never asked for a wide window and few numbers together
    tolerance={"nmi": 0.06, "purity": 0.06, "nmi of frequency": 0.05, "purity of pairs": 0.001},
    tuned="nothing: context power 3/4 and singular values to the power 1/2, as in the papers",
)

KNOW = Statement(
    "3.2.1-clusters-know-classes",
    Source("3.2.1", "structure can be found without labels: clusters tell something of classes", ours=True),
    CLUSTERS,
    effect=lambda f: f["nmi"] - max(f["nmi by chance"], f["nmi of noise"], f["nmi of frequency"]),
    above=0.05,
    control="as many clusters of the tokens' frequencies, of random vectors, of shuffled classes",
    baseline=lambda f: 0.0,
    unit="of NMI above the best of three that know no company",
    conditions=(
        Condition("clusters are six or more", lambda s: s["clusters"] >= KINDS),
        Condition("vectors have 50 numbers", lambda s: s["dim"] == 50),
    ),
)

ARE = Statement(
    "3.2.1-clusters-are-classes",
    Source("3.2.1", "clusters are classes", ours=True),
    CLUSTERS,
    effect=lambda f: (f["purity"] - f["purity by chance"]) / (1 - f["purity by chance"]),
    above=0.8,
    control="shuffled classes, which give 0, and equal partitions, which give 1",
    baseline=lambda f: 0.0,
    unit="of the way from chance to perfect purity",
)

FLATTERS = Statement(
    "3.2.1-purity-flatters",
    Source("3.2.1", "random clusters, if they are many, are as pure as good ones that are few", ours=True),
    CLUSTERS,
    effect=lambda f: f["purity of pairs"] - f["purity"],
    above=-0.05,
    control="k-means on vectors from counts; the random ones hold two tokens each on average",
    baseline=lambda f: f["purity by chance"] - f["purity"],
    unit="of purity",
    conditions=(
        Condition("the good ones are six or fewer", lambda s: s["clusters"] <= KINDS),
        Condition("the good ones are three", lambda s: s["clusters"] == 3),
    ),
)

# -- two roads to vectors (3.2.1) ----------------------------------------------------------------


def correlation(one, other):
    return torch.corrcoef(torch.stack([one.double(), other.double()]))[0, 1].item()


def roads(seed, steps, noise_power):
    """Skip-gram's scores against its theory, and its vectors against those from counts."""
    programs, tokens = half(seed)
    window, dim = 2, 50
    text = numbered(programs, tokens, window)
    torch.manual_seed(seed)
    model = SkipGram(len(tokens), dim=dim)
    draw = SkipGramSampler(
        text, vocab_size=len(tokens), window=window, negatives=5, batch_size=1024, noise_power=noise_power
    )
    adam = torch.optim.Adam(model.parameters(), lr=0.03)
    train(
        model, draw, steps=steps, loss=skip_gram_loss, optimizers=adam, clip=None, seed=seed, progress=False
    )
    table = frequency(text, len(tokens)).exp()[:, 0]
    counts = cooccurrence(text, len(tokens), window=window)
    often = (counts >= 20).nonzero().T
    scores = model(*often).detach()
    other_power = 1.0 if noise_power != 1.0 else 0.75
    theory = {
        name: sampled_scores(counts, table**power, negatives=5)[tuple(often)]
        for name, power in (("own", noise_power), ("other", other_power))
    }
    known = torch.stack([torch.ones(often.shape[1]), *table.log()[often]], 1).double()
    line = known @ torch.linalg.lstsq(known, scores.double()[:, None]).solution[:, 0]
    vectors = {
        "counts": svd_vectors(ppmi(counts, context_power=0.75), dim),
        "learned": model.words.weight.detach(),
        "noise": torch.randn(len(tokens), dim, generator=torch.Generator().manual_seed(seed)),
    }
    return {
        **{f"theory, {name} noise": correlation(scores, value) for name, value in theory.items()},
        "frequencies alone": correlation(scores, line),
        **{f"nmi, {name}": nmi_of(value, seed) for name, value in vectors.items()},
        **{f"own class, {name}": own_class(value, seed) for name, value in vectors.items()},
    }


ROADS = Experiment(
    "roads",
    roads,
    {"steps": (400, 800), "noise_power": (0.75, 1.0)},
    tolerance={
        "theory, own noise": 0.03,
        "theory, other noise": 0.03,
        "frequencies alone": 0.03,
        "nmi, learned": 0.12,
        "own class, learned": 0.1,
        "nmi, counts": 0.06,
    },
    tuned="on seed 100: Adam at 0.01 and 0.03 after 500 and 1,500 steps; counts with singular values to the "
    "power 0, 1/2, 1 and contexts to the power 3/4 and 1",
)

FOLLOWS = Statement(
    "3.2.1-scores-follow-pmi",
    Source(
        "3.2.1",
        "the scores that skip-gram learns follow the theory: PMI for its own noise less ln k",
        ours=True,
    ),
    ROADS,
    effect=lambda f: f["theory, own noise"] - f["frequencies alone"],
    above=0.1,
    control="the best fit from how often the two words occur, which knows nothing of their meeting",
    baseline=lambda f: 0.0,
    unit="of correlation",
    conditions=(Condition("training is longer (800 steps)", lambda s: s["steps"] == 800),),
)

NOISE = Statement(
    "3.2.1-noise-decides",
    Source("3.2.1", "which noise is drawn decides which table is learned", ours=True),
    ROADS,
    effect=lambda f: f["theory, own noise"] - f["theory, other noise"],
    above=0.02,
    control="the table for the other noise: counts to the power 1 where 3/4 was drawn, and the reverse",
    baseline=lambda f: 0.0,
    unit="of correlation",
    conditions=(Condition("training is longer (800 steps)", lambda s: s["steps"] == 800),),
)

PREDICTION = Statement(
    "3.2.1-prediction-beats-counts",
    Source("3.2.1", "vectors from prediction are better than vectors from counts", ours=True),
    ROADS,
    effect=lambda f: min(f[f"{judge}, learned"] - f[f"{judge}, counts"] for judge in ("nmi", "own class")),
    above=0.05,
    control="as many numbers for each token from PPMI and SVD, same text, same window",
    baseline=lambda f: 0.0,
    unit="of the judge that grants less (NMI, own-class neighbours)",
    conditions=(
        Condition("training is longer (800 steps)", lambda s: s["steps"] == 800),
        Condition("contexts are drawn by their counts", lambda s: s["noise_power"] == 1.0),
    ),
)

# -- contrast where the truth is known (3.2.1) ---------------------------------------------------


def known_world(seed, style, shared):
    """300 things of five kinds, pairs of views of them, and one view of all to be judged by."""
    own = torch.Generator().manual_seed(seed)
    kinds = torch.arange(300) % 5
    content = 1.5 * torch.randn(5, 8, generator=own)[kinds] + 0.3 * torch.randn(300, 8, generator=own)
    turn = torch.linalg.qr(torch.randn(32, 32, generator=own)).Q

    def view(chosen, generator, styles=None):
        if styles is None:
            styles = style * torch.randn(len(chosen), 8, generator=generator)
        rest = 0.1 * torch.randn(len(chosen), 16, generator=generator)
        return torch.cat([content[chosen], styles, rest], 1) @ turn, styles

    def pairs(generator):
        chosen = torch.randperm(300, generator=generator)[:128]
        first, styles = view(chosen, generator)
        return first, view(chosen, generator, styles if shared else None)[0]

    return kinds, pairs, view(torch.arange(300), own)[0]


def known(seed, style, shared, dim, steps):
    """NMI of five clusters with the true kinds: contrast, PCA, and the pairs without any loss."""
    kinds, pairs, seen = known_world(seed, style, shared)
    torch.manual_seed(seed)
    model = nn.Linear(32, dim)
    adam = torch.optim.Adam(model.parameters(), lr=0.02)

    def loss(model, batch):
        return info_nce(model(batch[0]), model(batch[1]), temperature=0.1)

    train(model, pairs, steps=steps, loss=loss, optimizers=adam, seed=seed, progress=False)
    generator = torch.Generator().manual_seed(seed)
    ones, others = (torch.cat(side) for side in zip(*(pairs(generator) for _ in range(steps)), strict=True))
    product = ones.T @ others  # what two views have in common, [32, 32]
    directions = torch.linalg.eigh(product + product.T).eigenvectors[:, -dim:]
    places = {
        "contrast": model(seen).detach(),
        "pca": torch.as_tensor(PCA(dim).fit_transform(seen.numpy())),
        "pairs": seen @ directions,
    }
    return {
        name: cluster_nmi(kinds, clustered(F.normalize(value.double(), dim=1), 5, 0))
        for name, value in places.items()
    }


KNOWN = Experiment(
    "known",
    known,
    {"style": (4, 1, 10), "shared": (False, True), "dim": (2, 5), "steps": (200, 100)},
    tolerance={"contrast": 0.15, "pca": 0.05, "pairs": 0.05},
    tuned="nothing: temperature 0.1, Adam at 0.02; PCA and the pairs have nothing to tune",
)

SHARED = Statement(
    "3.2.1-contrast-finds-what-matters",
    Source("3.2.1", "contrast finds what matters where variance does not", ours=True),
    KNOWN,
    effect=lambda f: f["contrast"] - f["pca"],
    above=0.2,
    control="PCA to as many numbers: what varies most",
    baseline=lambda f: 0.0,
    unit="of NMI with the true kinds",
    conditions=(
        Condition("the two views share what matters and nothing else", lambda s: not s["shared"]),
        Condition(
            "the views differ in style, and style varies more than what matters",
            lambda s: not s["shared"] and s["style"] > 1,
        ),
    ),
)

PAIRS = Statement(
    "3.2.1-pairs-do-it",
    Source("3.2.1", "it takes a contrastive loss to find what two views share", ours=True),
    KNOWN,
    effect=lambda f: f["contrast"] - f["pairs"],
    above=0.1,
    control="the main directions of the product of first and second views, the same pairs, no training",
    baseline=lambda f: 0.0,
    unit="of NMI with the true kinds",
    conditions=(Condition("style is overwhelming (10)", lambda s: s["style"] == 10),),
)

# -- the system's own traffic (3.2.2) ------------------------------------------------------------

PACKAGES = ("asyncio", "email", "importlib", "multiprocessing", "unittest", "xml")
WORDS, LENGTH = 3000, 30


@cache
def sessions():
    """A module is a programmer's session; its words, in order."""
    return {d.topic: re.findall(r"[a-z]{2,}", d.text.lower()) for d in library_code(10_000_000)}


class Traffic:
    """Requests of some words each: those of yesterday to learn from, those of today to be judged by."""

    def __init__(self, seed, length):
        draw, self.length = random.Random(seed), length
        of_package = [[name for name in sessions() if name.split(".")[0] == p] for p in PACKAGES]
        today = [draw.sample(names, len(names) // 2) for names in of_package]
        held = {name for names in today for name in names}
        self.names = [name for name in sessions() if name not in held]
        self.words = frequent_words((w for name in self.names for w in sessions()[name]), max_words=WORDS)
        self.number = {word: i for i, word in enumerate(self.words)}
        self.followers = self.requests(self.names).view(-1, 2, length)  # [pairs, 2, length]
        self.yesterday = self.followers.reshape(-1, length)
        self.today = [self.requests(names) for names in today]
        self.lessons = [self.requests([n for n in names if n not in held]) for names in of_package]
        self.share = torch.bincount(self.yesterday.flatten(), minlength=WORDS) / self.yesterday.numel()
        holds = (self.bag(self.yesterday) > 0).double().mean(0)  # share of the requests, [words]
        self.idf = -holds.clamp(min=1e-4).log().float()

    def requests(self, names):
        """Requests `[n, length]` of known words; two that follow each other are rows 2i and 2i + 1."""
        rows, pair = [], 2 * self.length
        for name in names:
            ids = torch.tensor([self.number[w] for w in sessions()[name] if w in self.number])
            rows.append(ids[: len(ids) // pair * pair].view(-1, self.length))
        return torch.cat(rows)

    def bag(self, rows):
        return torch.zeros(len(rows), WORDS).scatter_add_(1, rows, torch.ones(rows.shape))


@cache
def traffic(seed, length):
    return Traffic(seed, length)


@cache
def counted(seed, length, dim):
    """Word vectors from counts over yesterday's sessions."""
    own = traffic(seed, length)
    text = numbered([sessions()[name] for name in own.names], own.words, 5)
    table = ppmi(cooccurrence(text, WORDS, window=5), context_power=0.75).float()
    return svd_vectors(table, dim)


@cache
def encoder(seed, length, dim, steps):
    """Word vectors trained so that a request finds the next one of its session."""
    own = traffic(seed, length)
    torch.manual_seed(seed)
    model = nn.EmbeddingBag.from_pretrained(counted(seed, length, dim).clone(), freeze=False, mode="mean")
    adam = torch.optim.Adam(model.parameters(), lr=0.01)

    def draw(generator):
        return own.followers[torch.randint(len(own.followers), (128,), generator=generator)]

    def loss(model, batch):
        return info_nce(model(batch[:, 0]), model(batch[:, 1]), temperature=0.1)

    train(model, draw, steps=steps, loss=loss, optimizers=adam, seed=seed, progress=False)
    return model


@cache
def representations(seed, length, dim, steps):
    """{name: function from requests to rows at length 1}."""
    own, vectors, model = traffic(seed, length), counted(seed, length, dim), encoder(seed, length, dim, steps)
    nonsense = torch.randn(WORDS, dim, generator=torch.Generator().manual_seed(seed))
    less = (1e-3 / (1e-3 + own.share))[:, None] * vectors  # frequent words are shorter
    middles = [own.share @ table for table in (less, vectors)]  # the mean over all of yesterday's requests
    raw = {
        "contrast": lambda rows: model(rows).detach(),
        "weighted": lambda rows: less[rows].mean(1) - middles[0],
        "centred": lambda rows: vectors[rows].mean(1) - middles[1],
        "plain": lambda rows: vectors[rows].mean(1),
        "counts": lambda rows: own.bag(rows).log1p() * own.idf,
        "random": lambda rows: nonsense[rows].mean(1),
    }
    return {name: lambda rows, f=f: F.normalize(f(rows).float(), dim=1) for name, f in raw.items()}


def followers_found(encode, pairs, among=250):
    """Share of requests whose follower is the nearest of so many."""
    hits = []
    for group in pairs[: len(pairs) // among * among].split(among):
        right = (encode(group[:, 0]) @ encode(group[:, 1]).T).argmax(1) == torch.arange(among)
        hits.append(right.double().mean().item())
    return float(np.mean(hits))


def edited(rows, share, q, generator):
    """The requests again, each word with probability q replaced by another one of the traffic."""
    other = torch.multinomial(share, rows.numel(), replacement=True, generator=generator).view(rows.shape)
    return torch.where(torch.rand(rows.shape, generator=generator) < q, other, rows)


def shuffled(rows, seed):
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))]


def served(own, requests, contexts):
    """Share of the prompts' tokens that the kernel need not compute; a prompt: two contexts and a request."""

    def said(rows):
        return " ".join(own.words[i] for i in rows.flatten().tolist()).encode()

    kernel = Kernel(IntegerDriver(), num_blocks=600, block_size=16, slots=8)
    prompts = [
        list(said(context) + b" | " + said(request))
        for context, request in zip(contexts, requests, strict=True)
    ]
    processes = [kernel.spawn(prompt, 1, user="all") for prompt in prompts]
    kernel.run()
    return sum(each.reused for each in processes) / sum(map(len, prompts))


def with_contexts(own, encode, clusters, seed):
    """Contexts for today's requests: found for each, shared by its cluster, or by a cluster at random."""
    requests = [shuffled(rows, seed)[:12] for rows in own.today]
    truth = torch.arange(KINDS).repeat_interleave(12)
    requests, truth = shuffled(torch.cat(requests), seed), shuffled(truth, seed)
    shelves = [shuffled(rows, seed)[:150] for rows in own.lessons]
    shelf = torch.cat(shelves)
    labels = torch.arange(KINDS).repeat_interleave(torch.tensor([len(rows) for rows in shelves]))
    vectors, known = encode(requests), encode(shelf)
    means = KMeans(clusters, n_init=2, random_state=seed).fit(known.numpy())
    centres = torch.as_tensor(means.cluster_centers_)
    route = (vectors @ F.normalize(centres, dim=1).T).argmax(1)

    def two(asked):
        return (asked @ known.T).topk(2, dim=1).indices  # [rows, 2] places on the shelf

    chosen = {
        "own": two(vectors),
        "cluster": two(centres)[route],
        "random": two(centres)[shuffled(route, seed)],
    }
    figures = {}
    for name, places in chosen.items():
        figures[f"saved, {name}"] = served(own, requests, shelf[places])
        figures[f"fits, {name}"] = (labels[places] == truth[:, None]).double().mean().item()
    return figures


def own_traffic(seed, steps, request, dim):
    """Clusters of requests, and the next request of a session, by six ways to see a request."""
    own, encode = traffic(seed, request), representations(seed, request, dim, steps)
    exam = torch.cat([shuffled(rows, seed)[:80] for rows in own.today])
    truth = np.repeat(range(KINDS), [min(80, len(rows)) for rows in own.today])
    pairs = shuffled(torch.cat(own.today).view(-1, 2, request), seed)
    figures = {}
    for name, f in encode.items():
        found = [cluster_nmi(truth, clustered(f(exam), KINDS, start, tries=1)) for start in range(3)]
        figures[f"nmi, {name}"] = float(np.mean(found))
        figures[f"next, {name}"] = followers_found(f, pairs)
    return figures


def edited_again(seed, q, steps, request):
    """Share of edited requests that are found among 1,500, by six ways to see a request."""
    own, encode = traffic(seed, request), representations(seed, request, 64, steps)
    flat = shuffled(torch.cat(own.today), seed)[:1500]
    again = edited(flat[:300], own.share, q, torch.Generator().manual_seed(seed))
    same = {name: (f(again) @ f(flat).T).argmax(1) == torch.arange(len(again)) for name, f in encode.items()}
    return {f"again, {name}": right.double().mean().item() for name, right in same.items()}


def contexts(seed, clusters, steps, request):
    """What contexts spare the kernel and how well they fit, by contrastive vectors."""
    own, encode = traffic(seed, request), representations(seed, request, 64, steps)["contrast"]
    return with_contexts(own, encode, clusters, seed)


TRIED = (
    "on seed 100, six tries each: contrast at rates 0.003 and 0.01, temperatures 0.05, 0.1, 0.2; plain "
    "vectors as they are, centred, weighted by a = 1e-3, 1e-4, by idf, less a first direction"
)

TRAFFIC = Experiment(
    "traffic",
    own_traffic,
    {"steps": (300, 100), "request": (30, 15), "dim": (64, 16)},
    tolerance={"nmi, contrast": 0.15, "next, contrast": 0.04, "next, counts": 0.005},
    tuned=TRIED,
)

DUPLICATES = Experiment(
    "duplicates",
    edited_again,
    {"q": (0.6, 0.3), "steps": (300, 100), "request": (30, 15)},
    tolerance={"again, contrast": 0.06, "again, counts": 0.01},
    tuned=TRIED,
)

CONTEXTS = Experiment(
    "contexts",
    contexts,
    {"clusters": (12, 48), "steps": (300, 100), "request": (30, 15)},
    tolerance={"fits, cluster": 0.12, "saved, cluster": 0.06},
    tuned=TRIED,
)

LONG = Condition("training is longer (300 steps)", lambda s: s["steps"] == 300)
THIRTY = Condition("requests have 30 words", lambda s: s["request"] == 30)
BOTH = Condition(
    "training is longer (300 steps) and requests have 30 words",
    lambda s: s["steps"] == 300 and s["request"] == 30,
)
OTHERWISE = (
    LONG,
    THIRTY,
    Condition("vectors have 64 numbers", lambda s: s["dim"] == 64),
    BOTH,
    Condition(
        "training is longer (300 steps) and vectors have 64 numbers",
        lambda s: s["steps"] == 300 and s["dim"] == 64,
    ),
)

GROUPS = Statement(
    "3.2.2-requests-have-subjects",
    Source("3.2.2", "a system can group its requests by subject without labels", ours=True),
    TRAFFIC,
    effect=lambda f: f["nmi, contrast"] - max(f["nmi, random"], f["nmi, counts"]),
    above=0.05,
    control="as many clusters of weighted word counts (tf-idf), and of means of random word vectors",
    baseline=lambda f: 0.0,
    unit="of NMI with the six packages",
    conditions=OTHERWISE,
)

SUBJECTS = Statement(
    "3.2.2-contrast-groups-better",
    Source("3.2.2", "contrastive vectors group requests better than weighted, centred plain ones", ours=True),
    TRAFFIC,
    effect=lambda f: f["nmi, contrast"] - max(f["nmi, weighted"], f["nmi, centred"], f["nmi, plain"]),
    above=0.03,
    control="means of word vectors from counts: plain, centred, weighted and centred; the best of the three",
    baseline=lambda f: 0.0,
    unit="of NMI with the six packages",
    conditions=OTHERWISE,
)

NEXT = Statement(
    "3.2.2-contrast-finds-the-next",
    Source("3.2.2", "contrastive vectors find a session's next request better than plain ones", ours=True),
    TRAFFIC,
    effect=lambda f: f["next, contrast"] - max(f["next, weighted"], f["next, centred"], f["next, plain"]),
    above=0.01,
    control="means of word vectors from counts: plain, centred, weighted and centred; the best of the three",
    baseline=lambda f: 0.0,
    unit="of the requests found among 250",
    conditions=OTHERWISE,
)

NEXT_COUNTS = Statement(
    "3.2.2-contrast-beats-word-counts",
    Source("3.2.2", "contrastive vectors find a session's next request better than word counts", ours=True),
    TRAFFIC,
    effect=lambda f: f["next, contrast"] - f["next, counts"],
    above=0.01,
    control="weighted counts of the 3,000 words (tf-idf)",
    baseline=lambda f: 0.0,
    unit="of the requests found among 250",
    conditions=OTHERWISE,
)

AGAIN = Statement(
    "3.2.2-near-duplicates",
    Source("3.2.2", "near-duplicates are what contrastive vectors find and word counts miss", ours=True),
    DUPLICATES,
    effect=lambda f: f["again, contrast"] - f["again, counts"],
    above=0.01,
    control="weighted counts of the 3,000 words (tf-idf)",
    baseline=lambda f: 0.0,
    unit="of the edited requests found among 1,500",
    conditions=(LONG, THIRTY, BOTH, Condition("more is replaced (0.6)", lambda s: s["q"] == 0.6)),
)

FITS = Statement(
    "3.2.2-routes-by-subject",
    Source("3.2.2", "a request that is routed by similarity gets a context on its own subject", ours=True),
    CONTEXTS,
    effect=lambda f: f["fits, cluster"] - f["fits, random"],
    above=0.2,
    control="the same contexts, the same number of requests on each, dealt out at random",
    baseline=lambda f: 0.0,
    unit="of the contexts from the request's own package",
    conditions=(LONG, THIRTY, BOTH),
)

SAVES = Statement(
    "3.2.2-shared-contexts-save",
    Source("3.2.2", "contexts that a cluster shares spare the kernel work", ours=True),
    CONTEXTS,
    effect=lambda f: f["saved, cluster"] - f["saved, own"],
    above=0.1,
    control="two contexts found for each request alone, same kernel, same prefix cache, same order",
    baseline=lambda f: 0.0,
    unit="of the prompts' tokens",
    conditions=(LONG, THIRTY, BOTH, Condition("there are 12 clusters", lambda s: s["clusters"] == 12)),
)

COSTS_NOTHING = Statement(
    "3.2.2-shared-contexts-fit-as-well",
    Source("3.2.2", "a context for the whole cluster fits as well as one found for the request", ours=True),
    CONTEXTS,
    effect=lambda f: f["fits, cluster"] - f["fits, own"],
    above=-0.05,
    control="two contexts found for each request alone",
    baseline=lambda f: f["fits, random"] - f["fits, own"],
    unit="of the contexts from the request's own package",
    conditions=(LONG, THIRTY, BOTH, Condition("there are 48 clusters", lambda s: s["clusters"] == 48)),
)

# -- inside a language model (3.2.3) -------------------------------------------------------------


def inside(seed, steps, optimizer):
    """How often a token's nearest is of its own class, in the tables of a small language model."""
    programs, tokens = half(seed)
    text = numbered(programs, tokens, 2)
    stream = torch.where(text < 0, len(tokens), text)  # one more token: anything rare
    torch.manual_seed(seed)
    model = LanguageModel(len(tokens) + 1, d_model=64, num_layers=2, num_heads=4)
    start = model.embedding.weight.detach().clone()
    rates = {"matrix_lr": 0.02, "other_lr": 0.01} if optimizer == "muon" else {"other_lr": 0.01}
    train(
        model,
        TextSampler(stream, context=64, batch_size=8),
        steps=steps,
        optimizers=make_optimizers(model, name=optimizer, **rates),
        seed=seed,
        progress=False,
    )
    table, head = model.embedding.weight.detach(), model.head.weight.detach()
    counts = cooccurrence(text, len(tokens), window=2)
    return {
        "untrained": own_class(start, seed),
        "embedding": own_class(table, seed),
        "added": own_class(table - start, seed),
        "head": own_class(head, seed),
        "nmi, head": nmi_of(head, seed),
        "nmi, embedding": nmi_of(table, seed),
        "counts": own_class(svd_vectors(ppmi(counts, context_power=0.75), 50), seed),
        "frequency": own_class(frequency(text, len(tokens)), seed),
    }


INSIDE = Experiment(
    "inside",
    inside,
    {"steps": (100, 200), "optimizer": ("muon", "adamw")},
    tolerance={"untrained": 0.02, "embedding": 0.08, "head": 0.1, "counts": 0.02, "frequency": 0.01},
    tuned="nothing: the library's usual rates for Muon and AdamW",
)

LONGER = (
    Condition("training is longer (200 steps)", lambda s: s["steps"] == 200),
    Condition("Muon trains the matrices", lambda s: s["optimizer"] == "muon"),
)

HEAD = Statement(
    "3.2.3-head-knows-classes",
    Source("3.2.3", "a language model learns the classes of tokens without labels, in its head", ours=True),
    INSIDE,
    effect=lambda f: f["head"] - max(f["untrained"], f["frequency"]),
    above=0.1,
    control="the nearest in frequency, and the untrained embedding; the better of the two",
    baseline=lambda f: 0.0,
    unit="of the tokens whose nearest is of their class",
    conditions=LONGER,
)

EMBEDDING = Statement(
    "3.2.3-embedding-knows-classes",
    Source(
        "3.2.3", "a language model learns the classes of tokens without labels, in its embedding", ours=True
    ),
    INSIDE,
    effect=lambda f: f["embedding"] - max(f["untrained"], f["frequency"]),
    above=0.1,
    control="the nearest in frequency, and the untrained embedding; the better of the two",
    baseline=lambda f: 0.0,
    unit="of the tokens whose nearest is of their class",
    conditions=LONGER,
)

BETTER_HEAD = Statement(
    "3.2.3-head-beats-counts",
    Source("3.2.3", "the head of a trained model knows the classes better than counts do", ours=True),
    INSIDE,
    effect=lambda f: f["head"] - f["counts"],
    above=0.02,
    control="50 numbers from PPMI and SVD of the same text",
    baseline=lambda f: 0.0,
    unit="of the tokens whose nearest is of their class",
    conditions=LONGER,
)

# -- few labels (3.2.3) --------------------------------------------------------------------------

SCALES = {"counts": 8, "weighted": 2, "contrast": 2, "random": 30}


def few_labels(seed, labels):
    """Share of right answers on today's requests after so many labelled ones of each package."""
    own, encode = traffic(seed, LENGTH), representations(seed, LENGTH, 64, 300)
    lesson = [shuffled(rows, seed)[:labels] for rows in own.lessons]
    exam = [shuffled(rows, seed)[:100] for rows in own.today]
    answers, truth = (np.repeat(range(KINDS), [len(rows) for rows in each]) for each in (lesson, exam))
    right = {"chance": 1 / KINDS}
    for name, scale in SCALES.items():
        seen, asked = (scale * encode[name](torch.cat(rows)).numpy() for rows in (lesson, exam))
        student = LogisticRegression(max_iter=300).fit(seen, answers)
        right[name] = float((student.predict(asked) == truth).mean())
    return right


LABELS = Experiment(
    "labels",
    few_labels,
    {"labels": (1, 8, 64)},
    tolerance={"counts": 0.02, "weighted": 0.02, "contrast": 0.05},
    tuned="on seed 100: the length of the rows (2, 8, 30), which is the strength of the classifier's "
    "penalty, for each contender; nothing else",
)

FEW = (
    Condition("labels are eight or fewer", lambda s: s["labels"] <= 8),
    Condition("there is one label for each", lambda s: s["labels"] == 1),
)

WORTH = Statement(
    "3.2.3-unlabelled-is-worth-labels",
    Source("3.2.3", "unlabelled text makes up for missing labels", ours=True),
    LABELS,
    effect=lambda f: f["contrast"] - f["counts"],
    above=0.05,
    control="counts of words whose weights (idf) come from the same unlabelled text, same classifier",
    baseline=lambda f: 0.0,
    unit="of the answers right",
    conditions=FEW,
)

PLAIN_DOES = Statement(
    "3.2.3-contrast-for-labels",
    Source("3.2.3", "for that it takes contrast: weighted, centred plain vectors are worth less", ours=True),
    LABELS,
    effect=lambda f: f["contrast"] - f["weighted"],
    above=0.02,
    control="weighted, centred means of word vectors from counts of the same unlabelled text",
    baseline=lambda f: 0.0,
    unit="of the answers right",
    conditions=FEW,
)
