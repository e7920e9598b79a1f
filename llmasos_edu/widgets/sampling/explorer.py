"""Rules of choice, one after the other: what each keeps, what it cuts, and what is drawn. Section 6.2.1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import traitlets as t
from ipywidgets import widget_serialization

from llmasos_edu.foundation.arguments import check_number, check_whole
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error
from llmasos_edu.widgets.shared.host import without_surrogates
from llmasos_edu.widgets.shared.language_model import BrowserModel, browser_model

MAX_TOKENS = 96
# What a slider can set, and what stands there at first: (least, most, value, on).
RANGES = {
    "repetition_penalty": (1.0, 2.0, 1.2, False),
    "temperature": (0.0, 2.0, 0.8, True),
    "top_k": (1, 100, 40, False),
    "top_p": (0.05, 1.0, 0.9, True),
    "min_p": (0.0, 0.5, 0.05, False),
    "typical": (0.05, 1.0, 0.9, False),
}


class SamplingExplorer(Explorer):
    """A text with each token's probability, and the rules by which the next one is chosen.

    Every rule shows how many tokens it leaves and how much probability it cuts; the rules can change places,
    since each works on what the ones before it left. What is drawn hangs on seed and place alone. All of it
    runs in the browser, with no kernel and no network, on the model that travelled there once.

    Args:
        model: a `LanguageModel` that the browser can compute, such as `manual-dense`; see `pack_model`.
        tokenizer: the model's.
        text: shown first; of more than 96 tokens the first 96.
        rules: names and values of the rules that are on, in their order: `[("temperature", 0.8)]`. The others
            follow, off. Temperature 0.8 and top-p 0.9 unless given.
        seed: 0 to 99.

    Attributes:
        tokens: the ids of the text.
        place: what may stand here is on show, 0 to the number of tokens, where it is what comes next.
        rules: all six, in their order, each as [name, value, on].

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration"; article 6.2.
    """

    page_title = "Sampling"
    _esm = script(
        "shared/language_model.js",
        "shared/choosing.js",
        "shared/text_field.js",
        "sampling/rules.js",
        "sampling/explorer.js",
    )
    _css = style("shared/text_field.css", "shared/bits.css", "sampling/style.css")

    language_model = t.Instance(BrowserModel).tag(sync=True, **widget_serialization)
    tokens = t.List(t.Int(), help="the text").tag(sync=True)
    place = t.Int(0, help="what may stand here is on show").tag(sync=True)
    seed = t.Int(0, help="of what is drawn").tag(sync=True)
    rules = t.List(help="[name, value, on] of each rule, in their order").tag(sync=True)

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        text: str = "The with statement",
        rules: Sequence[tuple[str, float]] | None = None,
        seed: int = 0,
    ) -> None:
        sent = browser_model(model, tokenizer)
        self._tokenizer = tokenizer
        if not isinstance(text, str):
            raise TypeError(f"text is a {type(text).__name__}: a string is wanted")
        tokens = tokenizer.encode(without_surrogates(text))[:MAX_TOKENS]
        super().__init__(
            language_model=sent, tokens=tokens, place=len(tokens), seed=seed, rules=all_rules(rules)
        )

    @property
    def text(self) -> str:
        """The text on show; a cut character is U+FFFD."""
        return self._tokenizer.decode(self.tokens)

    @t.validate("tokens", "place", "seed", "rules")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "tokens":
                check_whole("number of tokens", len(value), 0, MAX_TOKENS)
                self._tokenizer.decode(value)  # refuses an id that does not exist
            elif name == "place":
                check_whole(name, value, 0, len(self.tokens))
            elif name == "seed":
                check_whole(name, value, 0, 99)
            else:
                check_rules(value)
        return value

    def contents(self) -> str:
        on = [name for name, _, used in self.rules if used]
        return f"{len(self.tokens)} tokens, {', '.join(on) or 'no rule'}"


def all_rules(on: Sequence[tuple[str, float]] | None) -> list[list]:
    """All rules as [name, value, on]: those that are given first, then the others at their usual values."""
    if on is None:
        return [[name, value, used] for name, (_, _, value, used) in RANGES.items()]
    given = list(on) if isinstance(on, Iterable) and not isinstance(on, str | Mapping) else [None]
    if not all(
        isinstance(rule, list | tuple) and len(rule) == 2 and isinstance(rule[0], str) for rule in given
    ):
        raise ValueError(f"rules={on!r}: pairs of a name and a value are wanted")
    named = [name for name, _ in given]
    others = [[name, value, False] for name, (_, _, value, _) in RANGES.items() if name not in named]
    rules = [[name, value, True] for name, value in given] + others
    check_rules(rules)
    return rules


def check_rules(rules: Sequence) -> None:
    """Refuse what is not each of the six rules once, with a value that its slider can show.

    Raises:
        ValueError, TypeError: with the rule and its value.
    """
    names = [rule[0] for rule in rules]
    for name in names:
        if name not in RANGES:
            raise ValueError(f"there is no rule {name!r}: {', '.join(RANGES)}")
        if names.count(name) > 1:
            raise ValueError(f"the rule {name} stands twice")
    if len(names) < len(RANGES):
        raise ValueError(f"rules has {len(names)} of {len(RANGES)} rules: all are wanted, on or off")
    for name, value, on in rules:
        least, most = RANGES[name][:2]
        (check_whole if name == "top_k" else check_number)(name, value, least, most)
        if not isinstance(on, bool):
            raise TypeError(f"{name} is on={on!r}: True or False is wanted")
