"""Settings and effects of a sweep in words: `{"n_heads": 2, "optimizer": "muon"}` is `2 heads, Muon`.

A declaration of evidence names what it varies as its code does. Here stands how a reader says it. A name that
is not known here is written without its underlines, before its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

Setting = Mapping[str, object]

# A word ends in (s) where one of it is no plural; {} is the value.
_NUMBERS = {
    "apart": "peaks {} apart",
    "batch": "batch of {}",
    "block_size": "blocks of {} tokens",
    "clusters": "{} cluster(s)",
    "d_ff": "{} hidden features",
    "d_model": "width {}",
    "depth": "{} layer(s)",
    "digit": "digit {} left out",
    "dim": "{} numbers a vector",
    "distance": "distance {}",
    "dropout": "dropout {}",
    "examples": "{} example(s)",
    "experts": "{} expert(s)",
    "gigaflops": "{} GFLOP",
    "head_dim": "heads {} wide",
    "heads": "{} head(s)",
    "hers": "{} order(s) of hers",
    "labels": "{} label(s)",
    "layers": "{} layer(s)",
    "length": "{} token(s)",
    "memory": "{} block(s) of memory",
    "mixtures": "{} mixture(s)",
    "n_heads": "{} head(s)",
    "n_layers": "{} layer(s)",
    "noise": "noise {}",
    "noise_power": "noise from counts to the power {}",
    "num_experts": "{} expert(s)",
    "num_heads": "{} head(s)",
    "num_layers": "{} layer(s)",
    "order": "{} symbol(s) back",
    "others": "{} other user(s)",
    "own": "{} order(s) of one's own",
    "pairs": "{} pair(s) a head",
    "per_kind": "{} label(s) of each kind",
    "places": "{} place(s)",
    "rank": "rank {}",
    "rare": "rare task with {} windows",
    "rate": "rate {}",
    "replayed": "{} row(s) replayed",
    "request": "requests of {} words",
    "seq": "{} symbol(s) long",
    "std": "embeddings spread by {}",
    "steps": "{} step(s)",
    "style": "style of size {}",
    "tokens": "{} token(s)",
    "top_k": "top-{}",
    "topics": "{} topic(s)",
    "window": "window of {}",
    "width": "width {}",
    "windows": "{} labelled window(s)",
    "words": "{} word(s)",
}
_SHARES = {
    "q": "{} of the words replaced",
    "share": "{} asked",
    "switch": "{} of the turns in the other language",
}
_CHOICES = {
    "ablation": {"zero": "heads set to zero", "mean": "heads set to their mean"},
    "act": {"add": "adding", "cancel": "cancelling", "tell": "telling"},
    "body": {"manual-dense": "dense body", "manual-moe": "body with experts"},
    "chunk": {None: "prompts read whole"},
    "direction": {"forward": "forward KL", "reverse": "reverse KL"},
    "even": {True: "peaks equally high", False: "one peak higher"},
    "evict": {"drop": "evicted pages dropped", "swap": "evicted pages swapped out"},
    "kind": {"agreement": "a form wrong", "doubled": "words doubled", "swapped": "words swapped"},
    "language": {"en": "English", "zh": "Chinese"},
    "marks": {True: "with punctuation marks", False: "without punctuation marks"},
    "mix": {"large": "large mix of tasks", "small": "small mix of tasks"},
    "name": {"manual": "the manual", "code": "code"},
    "names": {"own": "names as they are", "exchanged": "names exchanged"},
    "optimizer": {"adamw": "AdamW", "muon": "Muon", "sgd": "SGD"},
    "positions": {"learned": "learned positions"},
    "quality": {"right": "right answers counted", "bits": "bits counted"},
    "reader": {"manual-dense": "dense reader", "manual-moe": "reader with experts"},
    "shape": {"bell": "a bell for the student", "pointed": "a pointed student"},
    "shared": {True: "style shared by both views", False: "style not shared"},
    "sign": {"entropy": "doubt by entropy", "favourite": "doubt by the favourite"},
    "size": {"small": "small model", "large": "large model"},
    "start": {"loud": "loud start", "quiet": "quiet start"},
    "taken": {"half a layer": "half of a layer's heads out", "one head": "one head out"},
    "task": {"kinds": "kinds of tokens"},
    "text": {
        "exact": "exact language",
        "formatstrings": "prose (formatstrings)",
        "real": "real text",
        "tarfile": "code (tarfile)",
    },
    "tool": {"orders.cancel": "cancelling orders", "orders.find": "finding orders"},
    "where": {"cls": "head on [CLS]", "mean": "head on the mean of all tokens"},
    "windows": {None: "every window labelled"},
    "wording": {"read": "wording read in training", "unread": "wording not read in training"},
    "yes": {"yes": "a plain yes", "carelessly": "a careless yes"},
}
_SAID_BEFORE = {
    "asked": "asked {}",
    "beginning": "begun with {}",
    "between": "{} in between",
    "chunk": "{} tokens of a prompt at a time",
}


def in_words(name: str, value) -> str:
    """One setting as a reader says it: `("n_heads", 2)` is `2 heads`, `("optimizer", "muon")` is `Muon`."""
    known = _CHOICES.get(name, {})
    if value in known:  # 1 and True are one key, but no setting is both
        return known[value]
    if isinstance(value, bool) or value is None:
        return f"{'' if value else 'no '}{_plain(name)}"
    if name in _SAID_BEFORE:
        return _SAID_BEFORE[name].format(value)
    if isinstance(value, str):
        return _said(name, value)
    if name in _SHARES:
        return _SHARES[name].format(f"{100 * value:g} %")
    said = _NUMBERS.get(name, f"{_plain(name)} {{}}").format(number(value))
    return said.replace("(s)", "" if value == 1 else "s")


def _said(name: str, value: str) -> str:
    if name == "order":  # of domains; its commas would read as those between settings
        first, *later = value.split(", ")
        return ", then ".join([f"first {first}", *later])
    if name == "positions":
        return value.replace("rotary", "rotary positions", 1)
    return _plain(value)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def number(value) -> str:
    """A number as it stands in a sentence: `3,000`, `0.25`, `1`."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def setting_names(settings: Sequence[Setting]) -> list[str]:
    """For each setting what differs from the first, `600 steps, 2 layers`; the first is written out whole."""
    first = settings[0]
    changed = [
        ", ".join(in_words(name, value) for name, value in setting.items() if value != first[name])
        for setting in settings[1:]
    ]
    return [", ".join(in_words(name, value) for name, value in first.items()), *changed]


# -- effects -----------------------------------------------------------------------

_PARTS = re.compile(r"(?:all|half|held-out|the|twelve|unseen) ")
_NO_PARTS = re.compile(r"the judge | (?:are|get|is(?! of)) ")


def short(value: float) -> str:
    """A mean or a bound with two significant digits, as in `0.54`, `-1.3` or `0`; never `1e-05`."""
    value = round(float(value), 4) + 0.0
    said = f"{value:.2g}"
    return f"{value:,.0f}" if "e" in said else said


def measured(value: float, unit: str) -> str:
    """A figure with its unit: `0.5 bits a byte`, `0.1 of the answers`, `0.07 (exponent)`."""
    return f"{short(value)} {unit.strip()}".strip()


def axis_words(unit: str) -> str:
    """What an axis of effects is called.

    A unit is what follows a number: *bits a byte*, *of the answers*, *of accuracy*. Without one the second is
    a share, the third a score, and a unit that is a whole phrase keeps its number's place as an ellipsis.
    """
    unit = " ".join(unit.split())
    if unit.startswith("(") and unit.endswith(")"):
        unit = unit[1:-1]
    if not unit.startswith("of "):
        return f"effect, {unit}" if unit else "effect"
    rest = unit.removeprefix("of ")
    if _NO_PARTS.search(rest):
        return f"effect: \N{HORIZONTAL ELLIPSIS} {unit}"
    return f"effect, as a share {unit}" if _PARTS.match(rest) else f"effect in {rest}"
