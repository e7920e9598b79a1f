"""Evidence for section 3.1.1: what can be read off a pretrained body, with both controls of a probe.

`make evidence ARGS=3.1.1` computes it. What is varied, and against what, stands in the experiment below.
"""

from functools import cache

import torch

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import library_code
from llmasos_edu.corpus.kinds import labelled_windows
from llmasos_edu.learning.adaptation import labels_at_random, layer_states, probe, shuffled
from llmasos_edu.pretrained import load

shipped = cache(load)


def probed(model, learn, test, where, classes):
    """Right in the task, and with a random label for each token, off the last layer."""
    seen, new = (layer_states(model, tokens)[-1][:, where] for tokens, _ in (learn, test))
    mixed = [labels_at_random(tokens[:, where], classes) for tokens, _ in (learn, test)]
    return probe(seen, learn[1], new, test[1]), probe(seen, mixed[0], new, mixed[1])


def probes(seed, per_kind, body):
    """Six kinds of tokens read off a trained body and off two that have learned nothing."""
    known = shipped(body)
    unread = set(known.card["data"]["held_out_topics"])
    library = library_code(6_000_000)
    new = [d for d in library if d.topic in unread]
    read = [d for d in library if d.topic not in unread][::20]
    learn, test = (
        labelled_windows(side, known.tokenizer, per_kind=count, before=6, after=0, seed=seed)
        for side, count in ((read, per_kind), (new, 80))
    )
    torch.manual_seed(seed)
    bodies = {
        "trained": known.model,
        "new": type(known.model)(**known.model.settings),
        "shuffled": shuffled(known.model, torch.Generator().manual_seed(seed)),
    }
    figures = {}
    for name, each in bodies.items():
        figures[name], figures[f"{name}, random labels"] = probed(each.eval(), learn, test, 6, 6)
    return figures


PROBES = Experiment(
    "probes",
    probes,
    {"per_kind": (100, 50), "body": ("manual-dense", "manual-moe")},
    tolerance=dict.fromkeys(("trained", "new", "shuffled"), 0.03),
    tuned="nothing: the last layer of each body",
)

OF_PROBES = (
    Condition("the probe has 100 labels of each kind", lambda s: s["per_kind"] == 100),
    Condition("the body is the dense one", lambda s: s["body"] == "manual-dense"),
)

ABILITY = Statement(
    "3.1.1-general-ability",
    Source(
        "3.1.1", "pretraining alone teaches what nobody labelled: the kinds of Python's tokens", ours=True
    ),
    PROBES,
    effect=lambda f: f["trained"] - max(f["new"], f["shuffled"]),
    above=0.03,
    control="the better of two bodies that learned nothing: a new one, and one with each matrix shuffled",
    baseline=lambda f: 0.0,
    unit="of the tokens right",
    conditions=OF_PROBES,
)

SELECTIVE = Statement(
    "3.1.1-not-the-probe",
    Source("3.1.1", "the body knows the kinds, it is not the probe that learns them by heart", ours=True),
    PROBES,
    effect=lambda f: (
        (f["trained"] - f["trained, random labels"])
        - max(f[name] - f[f"{name}, random labels"] for name in ("new", "shuffled"))
    ),
    above=0.03,
    control="the same probe on a random label for each token, and both on a body that learned nothing",
    baseline=lambda f: 0.0,
    unit="of selectivity",
    conditions=OF_PROBES,
)
