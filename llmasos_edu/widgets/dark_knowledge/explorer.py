"""What a teacher says besides its favourite: next-token probabilities at any temperature, and its students'.

Section 3.5 (distillation): at T = 1 the small probabilities hardly show, at T = 4 they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.dark_knowledge.data import (
    MAX_TOP,
    TEMPERATURES,
    check_logits,
    check_students,
    check_tokens,
    rows_shown,
    step_of,
    tables,
    to_bytes,
)
from llmasos_edu.widgets.shared.explorer import Explorer, script, style


class DarkKnowledgeExplorer(Explorer):
    """After each token of a text, what a teacher and one or two students expect next, at any temperature.

    Everything is computed when the explorer is made, at 52 temperatures from 0.25 to 20.7, over the whole
    vocabulary and in float64. What is sent is rounded to float32 and takes about 2 kB for each position.

    Args:
        tokens: the text, `[seq]` integers, 1 to 32 of them.
        teacher_logits: `[seq, vocab]`: row i says what comes after token i.
        students: the logits of one or two students, by name: `{"alone": [seq, vocab], "distilled": ...}`.
        names: the name of every token: `tokenizer.tokens(range(tokenizer.vocab_size))`.
        top: how many of the teacher's likeliest tokens get a row of their own, 1 to 12; each student's two
            likeliest and the true token are added, all others stand together in one row.
        position: the token after which is looked at first; the one in the middle if not given.
        temperature: at first; the nearest of the slider's 52 is taken, and 1, 2, 4, 8 and 16 are among them.

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Hinton, Vinyals and Dean 2015, sections 1 and 2; article 3.5.
    """

    page_title = "Dark knowledge"
    _esm = script("dark_knowledge/softening.js", "dark_knowledge/explorer.js")
    _css = style("dark_knowledge/style.css")

    pieces = t.List(t.Unicode(), help="names of the tokens in use").tag(sync=True)
    ids = t.List(t.Int(), help="the text, as numbers of pieces").tag(sync=True)
    models = t.List(t.Unicode(), help="the teacher, then its students").tag(sync=True)
    vocab = t.Int(help="tokens in the vocabulary").tag(sync=True)
    rows = t.List(t.List(t.Int()), help="[position][row]: numbers of pieces").tag(sync=True)
    logits = t.Bytes(help="float32 [position, row, model], the largest of a model and position is 0").tag(
        sync=True
    )
    tables = t.Bytes(help="float32 [position, temperature, quantity], see `tables`").tag(sync=True)
    temperatures = t.List(t.Float(), help="what the slider can take").tag(sync=True)
    position = t.Int(0, help="the token after which is looked at").tag(sync=True)
    step = t.Int(16, help="number of the temperature").tag(sync=True)
    log_scale = t.Bool(False, help="bars on a logarithmic scale").tag(sync=True)
    gradient = t.Bool(False, help="whether the gradient of the soft loss is shown").tag(sync=True)

    def __init__(self, tokens: Any, teacher_logits: Any, students: Mapping[str, Any],
                 names: Sequence[str], *, top: int = 8, position: int | None = None,
                 temperature: float = 1.0) -> None:  # fmt: skip
        text = check_tokens(tokens, names)
        seq, vocab = len(text), len(names)
        students = {"teacher": teacher_logits, **check_students(students)}
        check_whole("top", top, 1, min(MAX_TOP, vocab))
        position = seq // 2 if position is None else position
        check_whole("position", position, 0, seq - 1)
        step = step_of(temperature)
        logits = torch.stack([check_logits(name, each, seq, vocab) for name, each in students.items()])
        rows = rows_shown(logits, text, top)
        used: dict[int, int] = {}
        ids = [used.setdefault(token, len(used)) for token in text.tolist()]
        numbered = [[used.setdefault(token, len(used)) for token in shown] for shown in rows]
        kept = torch.cat([logits[:, i, shown].T for i, shown in enumerate(rows)])  # [rows of all, models]
        super().__init__(
            pieces=[str(names[token]) for token in used], ids=ids, models=list(students), vocab=vocab,
            rows=numbered, logits=to_bytes(kept), tables=to_bytes(tables(logits, rows)),
            temperatures=TEMPERATURES, position=position, step=step,
        )  # fmt: skip

    @property
    def temperature(self) -> float:
        """The temperature on show. What is set is rounded to the nearest that the slider can take."""
        return self.temperatures[self.step]

    @temperature.setter
    def temperature(self, value: float) -> None:
        self.step = step_of(value)

    def probabilities(self, position: int | None = None, temperature: float | None = None) -> torch.Tensor:
        """What the bars show: `[rows + 1, models]`; the last row is all tokens that are not shown, together.

        Args:
            position: the token after which is looked at; the one on show if not given.
            temperature: the nearest of the slider's; the one on show if not given.
        """
        position = self.position if position is None else position
        check_whole("position", position, 0, len(self.ids) - 1)
        step = self.step if temperature is None else step_of(temperature)
        first = sum(len(shown) for shown in self.rows[:position])
        logits = np.frombuffer(self.logits, "<f4").reshape(-1, len(self.models))
        here = torch.from_numpy(logits[first : first + len(self.rows[position])].copy()).double()
        table = np.frombuffer(self.tables, "<f4").reshape(len(self.ids), len(TEMPERATURES), -1)
        others = torch.from_numpy(table[position, step, : len(self.models)].copy()).double()
        return torch.cat((here / self.temperatures[step], others[None])).softmax(dim=0)

    @t.validate("position", "step")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        high = (len(self.ids) if name == "position" else len(TEMPERATURES)) - 1
        if not 0 <= value <= high:
            raise t.TraitError(f"{name}={value} is out of range: 0 to {high}")
        return value

    def contents(self) -> str:
        return f"{len(self.ids)} tokens, {', '.join(self.models)}"
