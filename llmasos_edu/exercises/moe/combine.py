"""Exercises of chapter 4.3, the part on combining: what a layer gives when tokens were dropped.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.3-10 -------------------------------------------------------------------------------


def combine(x, answers, gates, kept):
    """x [tokens, d_model], answers [tokens, top_k, d_model], gates and kept [tokens, top_k] -> as x."""
    gated = torch.where(kept[..., None], gates[..., None] * answers, 0.0)
    return x + gated.sum(dim=1)


def _combined(x, answers, gates, kept, *, weights=lambda g, kept: g * kept, residual=lambda x, kept: x):
    by = weights(gates, kept)[..., None]
    return residual(x, kept) + torch.where(by != 0, by * answers, 0.0).sum(1)


def _any(kept):
    return kept.any(-1, keepdim=True)


def _rescaled(gates, kept):
    left = gates * kept
    return torch.where(_any(kept), left / left.sum(-1, keepdim=True).clamp(min=1e-9), 0.0)


def _x_for_dropped(x, answers, gates, kept):
    return (gates[..., None] * torch.where(kept[..., None], answers, x[:, None])).sum(1)


def _combine_case(name: str, seed: int, kept: list, d_model: int, rubbish: list | None = None) -> Case:
    kept = torch.tensor(kept, dtype=torch.bool)
    x, answers, logits = random_tensors(
        seed, (len(kept), d_model), (*kept.shape, d_model), (*kept.shape[:1], 2 + kept.shape[1])
    )
    if rubbish is not None:
        answers[~kept] = torch.tensor(rubbish)[:, None]
    return Case(name, (x, answers, logits.softmax(-1)[:, : kept.shape[1]], kept))


COMBINE = Exercise(
    key="4.3-10",
    title="What becomes of a dropped token",
    difficulty=2,
    minutes=10,
    statement=(
        "The experts have answered: answers[t, j] is what the j-th choice of token t gave, gates[t, j] its "
        "gate, and kept[t, j] is False where the choice was dropped (what stands in answers there is "
        "rubbish, NaN or infinity too). Return what the whole layer gives: the residual x plus the gated "
        "answers that were kept. A token all of whose choices were dropped passes unchanged. Gates "
        "are not raised when another choice of the token is dropped."
    ),
    takeaway="Dropping costs a token this layer's advice, not its life: the residual carries it past.",
    reference=combine,
    explanation="What was dropped is replaced by zero, and x is added for everybody, dropped or not.",
    hints=(
        "What should come out for a token that was dropped by all of its experts? And for one that lost only "
        "its second choice?",
        "Which of the four inputs does kept choose from? And what becomes of rubbish such as NaN when it is "
        "multiplied by zero?",
        "Name the axes of answers. Which of them is summed away, and how many axes do the weights lack to be "
        "multiplied with it?",
    ),
    cases=(
        _combine_case("5 tokens, 2 choices", 561, [[1, 1], [1, 0], [0, 1], [0, 0], [1, 1]], 4),
        _combine_case("nothing dropped", 562, [[1, 1], [1, 1], [1, 1]], 6),
        _combine_case("everything dropped", 563, [[0, 0], [0, 0]], 5),
        _combine_case("1 choice", 564, [[1], [0], [1], [0]], 3),
        _combine_case("3 choices", 565, [[1, 0, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]], 4),
        _combine_case("as many tokens as choices", 566, [[0, 1], [1, 1]], 2),
        _combine_case(
            "rubbish that is NaN or infinite",
            567,
            [[1, 1], [1, 0], [0, 0]],
            3,
            rubbish=[torch.nan, torch.inf, -torch.inf],
        ),
    ),
    terms={
        "the answers": lambda x, answers, gates, kept: combine(0 * x, answers, gates, kept),
    },
    mistakes=(
        Mistake(
            "dropped token zeroed",
            "A token that was dropped by all of its experts comes out as zeros: it is lost for all layers "
            "above. It should pass as it came.",
            (lambda *a: _combined(*a, residual=lambda x, kept: x * _any(kept)),),
        ),
        Mistake(
            "one drop takes the residual",
            "A token that lost a choice loses its x as well. The residual is added for every token, whatever "
            "became of its choices.",
            (lambda *a: _combined(*a, residual=lambda x, kept: x * kept.all(-1, keepdim=True)),),
        ),
        Mistake(
            "no residual",
            "You return the experts' answers without x. The exercise asks for what the whole layer gives; "
            "a dropped token would be gone.",
            (lambda *a: _combined(*a, residual=lambda x, kept: 0),),
        ),
        Mistake(
            "residual for dropped tokens only",
            "Only a token that was dropped by all of its experts gets its x in your result. The residual "
            "is added for everybody.",
            (lambda *a: _combined(*a, residual=lambda x, kept: x * ~_any(kept)),),
        ),
        Mistake(
            "drops ignored",
            "Choices that were dropped count all the same: kept has no effect, and rubbish flows into your "
            "result.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g),),
        ),
        Mistake(
            "rubbish times zero",
            "Where an answer was dropped you multiply what stands there with zero. Rubbish may be NaN or "
            "infinite, and zero times that is NaN: choose instead of multiplying.",
            (lambda x, answers, g, kept: x + ((g * kept)[..., None] * answers).sum(1),),
        ),
        Mistake(
            "only NaN replaced",
            "You replace NaN alone. Rubbish may be infinite as well, and zero times infinity is NaN: choose "
            "by `kept`, not by what stands there.",
            (
                lambda x, answers, g, kept: (
                    x + ((g * kept)[..., None] * answers.masked_fill(answers.isnan(), 0)).sum(1)
                ),
            ),
        ),
        Mistake(
            "kept inverted",
            "You add exactly the answers that were dropped. kept is True where an expert had room.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g * ~kept),),
        ),
        Mistake(
            "gate applied twice",
            "Each gate acts twice, so a gate of one half leaves a quarter. It happens where the side of "
            "the experts multiplies and the side that combines does so again; these answers are unweighted.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g * g * kept),),
        ),
        Mistake(
            "gates missing",
            "All kept answers count the same: the gates have no effect, and so the router would get no "
            "gradient.",
            (
                lambda *a: _combined(*a, weights=lambda g, kept: kept),
                lambda *a: _combined(*a, weights=lambda g, kept: kept / kept.shape[-1]),
            ),
        ),
        Mistake(
            "remaining gates raised",
            "You rescale the gates that are left so that they add up to one, or to what all did. Then an "
            "expert speaks louder only because another was full; here its gate stays what the router said.",
            (
                lambda *a: _combined(*a, weights=_rescaled),
                lambda *a: _combined(*a, weights=lambda g, k: _rescaled(g, k) * g.sum(-1, keepdim=True)),
                lambda *a: _combined(
                    *a, weights=lambda g, k: torch.where(k.all(-1, keepdim=True), g, _rescaled(g, k))
                ),
                lambda *a: _combined(*a, weights=lambda g, kept: g * kept / (g * kept).sum(-1, keepdim=True)),
            ),
        ),
        Mistake(
            "all gates raised",
            "You divide the gates by the sum of all of the token's gates, dropped ones included. They are "
            "given as the router means them: here each stays as it is.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g * kept / g.sum(-1, keepdim=True)),),
        ),
        Mistake(
            "one drop drops the token",
            "A token that lost one choice loses all of them. Each kept choice still answers.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g * kept.all(-1, keepdim=True)),),
        ),
        Mistake(
            "x for a dropped answer",
            "Where a choice was dropped you put x in the answer's place, with its gate. A dropped choice "
            "adds nothing; x stands in the result once, at its full size.",
            (_x_for_dropped, lambda x, *a: x + _x_for_dropped(x, *a)),
        ),
        Mistake(
            "one kept keeps all",
            "A token one of whose choices was kept has all its answers in your result, dropped ones too. "
            "Each choice has its own fate.",
            (
                lambda *a: _combined(*a, weights=lambda g, kept: g * _any(kept)),
                lambda x, answers, *a: _combined(
                    x, answers.nan_to_num(), *a, weights=lambda g, kept: g * _any(kept)
                ),
            ),
        ),
        Mistake(
            "one answer a token",
            "Only one answer of a token counts in your result: that of its first kept choice. All that were "
            "kept are added.",
            (lambda *a: _combined(*a, weights=lambda g, kept: g * kept * (kept.cumsum(-1) == 1)),),
        ),
        Mistake(
            "residual once for each choice",
            "x is added once for each choice (or each kept choice) instead of once for each token.",
            (
                lambda *a: _combined(*a, residual=lambda x, kept: x * kept.shape[-1]),
                lambda *a: _combined(*a, residual=lambda x, kept: x * kept.sum(-1, keepdim=True)),
            ),
        ),
        Mistake(
            "residual weighted",
            "The residual is scaled as if x were one more answer. It is added at its full size, whatever the "
            "gates are.",
            (
                lambda x, answers, g, kept: (
                    _combined(x, answers, g, kept, residual=lambda x, kept: 0)
                    + x * (1 - (g * kept).sum(-1, keepdim=True))
                ),
                lambda x, answers, g, kept: _combined(
                    x, answers + x[:, None], g, kept, residual=lambda x, k: 0
                ),
            ),
        ),
        Mistake(
            "mean of the answers",
            "You divide by the number of choices, or of those that were kept, so the answers count too "
            "little. The gates already say how much each counts.",
            (
                lambda *a: _combined(*a, weights=lambda g, kept: g * kept / kept.shape[-1]),
                lambda *a: _combined(
                    *a, weights=lambda g, kept: g * kept / kept.sum(-1, keepdim=True).clamp(min=1)
                ),
            ),
        ),
    ),
)


EXERCISES = (COMBINE,)
