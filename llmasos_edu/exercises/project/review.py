"""Exercises of chapter 5, the part on review: tests of the reader's own that find seeded bugs.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.comparing import kind
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.judging import is_empty
from llmasos_edu.exercises.project.bugs import BUGGY, CORRECT

# 5-8 --------------------------------------------------------------------------------


def review(build):
    """build() -> a model from tokens [batch, seq] to logits [batch, seq, vocab]; an assert fails on a bug."""
    model = build().eval()
    tokens = torch.randint(model.vocab_size, (2, 8), generator=torch.Generator().manual_seed(0))
    logits = model(tokens)

    def same(a, b):
        return torch.allclose(a, b, rtol=1e-4, atol=1e-4)

    # What comes later changes nothing, and each call says the same.
    assert all(same(model(tokens[:, :length]), logits[:, :length]) for length in range(1, 9))
    # Reading token by token with a cache gives what reading at once gives.
    memory = model.new_cache()
    steps = [model(token, memory) for token in tokens.split(1, dim=1)]
    assert same(torch.cat(steps, dim=1), logits)
    # The same token says something else one place further on.
    assert not same(*model(torch.zeros(1, 2, dtype=torch.long)).unbind(dim=1))
    # Every weight of a block belongs to it alone, and learns.
    weights = [weight for block in model.blocks for weight in block.parameters()]
    assert len(set(weights)) == len(weights)
    logits.square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in weights)
    # Attention is torch's own.
    x, part = torch.randn(2, 5, model.d_model), model.blocks[0].attention
    projections = (part.query_proj, part.key_proj, part.value_proj)
    heads = [project(x).unflatten(-1, (part.num_heads, -1)).transpose(1, 2) for project in projections]
    attended = F.scaled_dot_product_attention(*heads, is_causal=True)
    assert same(part(x), part.out_proj(attended.transpose(1, 2).flatten(2)))
    # Experts that agree are of one voice, whatever their gates are.
    first, *others = model.blocks[0].mixture.experts
    for other in others:
        other.load_state_dict(first.state_dict())
    assert same(model.blocks[0].mixture(x), first(x))


def _same(a, b):
    return torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def _start(build):
    model = build().eval()
    return model, torch.randint(model.vocab_size, (2, 8), generator=torch.Generator().manual_seed(3))


@cache
def _prefix(build):
    model, tokens = _start(build)
    return _same(model(tokens[:, :5]), model(tokens)[:, :5])


@cache
def _future(build):
    model, tokens = _start(build)
    changed = tokens.clone()
    changed[:, -1] = (tokens[:, -1] + 1) % model.vocab_size
    return _same(model(changed)[:, :-1], model(tokens)[:, :-1])


@cache
def _cached(build):
    model, tokens = _start(build)
    memory = model.new_cache()
    return _same(torch.cat([model(token, memory) for token in tokens.split(1, 1)], 1), model(tokens))


@cache
def _places(build):
    model, _ = _start(build)
    return not _same(*model(torch.zeros(1, 2, dtype=torch.long)).unbind(1))


@cache
def _own_weights(build):
    weights = [id(weight) for block in build().blocks for weight in block.parameters()]
    return len(set(weights)) == len(weights)


@cache
def _nothing_shared(build):
    weights = [id(weight) for _, weight in build().named_parameters(remove_duplicate=False)]
    return len(set(weights)) == len(weights)


@cache
def _learns(build):
    model, tokens = _start(build)
    model(tokens).square().sum().backward()
    return all(weight.grad is not None and weight.grad.any() for weight in model.blocks.parameters())


def _some_input(model):
    return torch.randn(2, 5, model.d_model, generator=torch.Generator().manual_seed(4))


@cache
def _attends(build):
    model, _ = _start(build)
    x, part = _some_input(model), model.blocks[0].attention
    heads = [
        project(x).unflatten(-1, (part.num_heads, -1)).transpose(1, 2)
        for project in (part.query_proj, part.key_proj, part.value_proj)
    ]
    attended = F.scaled_dot_product_attention(*heads, is_causal=True).transpose(1, 2).flatten(2)
    return _same(part(x), part.out_proj(attended))


@cache
def _one_voice(build):
    model, _ = _start(build)
    x, mixture = _some_input(model), model.blocks[0].mixture
    for expert in mixture.experts:
        expert.load_state_dict(mixture.experts[0].state_dict())
    return _same(mixture(x), mixture.experts[0](x))


ALL = (_prefix, _cached, _places, _own_weights, _learns, _attends, _one_voice)


def _reviews(*tests, without=()):
    """A review that is content when these tests are; all but some unless given."""
    tests = tests or tuple(test for test in ALL if test not in without)
    return lambda build: all(test(build) for test in tests)


def _accepts(answer: Callable, inputs: tuple) -> object:
    """Whether the reader's review lets a model pass: no assert has failed, and it does not return False.

    A test that stops with another error on a broken model alone has noticed something too.
    """
    if is_empty(answer):
        return None
    try:
        said = answer(*inputs)
    except AssertionError:
        return False
    except Exception:
        if inputs[0] in BUGGY.values() and _runs_on_a_correct_model(answer):
            return False
        raise
    truth = isinstance(said, (bool, np.bool_)) or (isinstance(said, torch.Tensor) and said.numel() == 1)
    return said if not truth and said is not None else said is None or bool(said)


def _runs_on_a_correct_model(answer: Callable) -> bool:
    try:
        answer(CORRECT["a correct model"])
    except Exception as error:
        return isinstance(error, AssertionError)
    return True


def _name_what_slips(cases: tuple[Case, ...], values: list, expected: list) -> str:
    """Which bugs pass the review, and which correct models do not; or that it speaks another language."""
    odd = next((got for got in values if not isinstance(got, bool)), None)
    if odd is not None:
        return (
            f"Your review returned {kind(odd)}. May the model be merged then, or not? Return True or False, "
            "or nothing, with asserts that fail on a bug."
        )
    wrong = [
        (case.name, want) for case, got, want in zip(cases, values, expected, strict=True) if got != want
    ]
    passed = [name for name, want in wrong if not want]
    sent_back = [name for name, want in wrong if want]
    turned = len(BUGGY) - len(passed), len(CORRECT) - len(sent_back)  # bugs found, right models accepted
    if len(wrong) >= 0.7 * len(cases) and turned != (0, 0):
        return (
            f"Turned round, your review would find {len(passed)} of {len(BUGGY)} bugs and let "
            f"{len(sent_back)} of {len(CORRECT)} correct models pass. True (or no failing assert) means that "
            "the model may be merged: do you say the contrary?"
        )
    text = f"Your review finds {len(BUGGY) - len(passed)} of {len(BUGGY)} bugs."
    if passed:
        text += f" These models pass it: {'; '.join(passed)}. What would be different if they were right?"
    if sent_back:
        text += (
            f" It sends back what is right: {'; '.join(sent_back)}. Which of your tests asks for more than "
            "must hold?"
        )
    if len(sent_back) == len(CORRECT):
        text += " Not one passes: is your answer the wrong way round (False or a failing assert is a bug)?"
    return text


REVIEW = Exercise(
    key="5-8",
    title="Review a model by its behaviour",
    difficulty=3,
    minutes=30,
    statement=(
        "A pull request brings a model file, and your tests decide. Write review(build): build() makes the "
        "model, with the same weights each time, and one of your asserts must fail if it has a bug (or your "
        f"function returns False). It will be run on {len(CORRECT)} correct models and on {len(BUGGY)} with "
        "one bug each. All have the parts of TinyLanguageModel in llmasos_edu/exercises/project/model.py, "
        "which is correct: read it, import it and try your tests on it. Correct models differ in size, "
        "dropout and rounding, and one uses its embedding as head. This is no race: find a few bugs, see "
        "what the checker says, and add a test for what slips through."
    ),
    takeaway="Whoever changes the model from now on is watched by your tests.",
    reference=review,
    explanation=(
        "No test looks at the code: each states something that holds for every correct model, and compares."
    ),
    hints=(
        "List what must hold for every causal model: which tokens may change which logits? What must two "
        "calls, two lengths of the same text, a run with and one without a cache have in common?",
        "Some bugs leave the whole model plausible. Take a part out: compare attention with torch's own, and "
        "ask what a mixture answers when all of its experts are the same.",
        "The last kind shows in the weights: do two layers share one, and does every weight of a block get a "
        "gradient? Before you compare anything: in which mode is a new model?",
    ),
    cases=tuple(Case(name, (build,)) for name, build in (CORRECT | BUGGY).items()),
    mistakes=(
        Mistake(
            "every model passes",
            "All models pass your review, the broken ones too: no assert failed, and it returned True or "
            "nothing at all. Is a `return` missing? Shapes are right and no number is NaN in any of them: "
            "state how two results must be related (a text and its beginning, a part and torch's own).",
            (lambda build: True,),
        ),
        Mistake(
            "no model passes",
            "Your review sends all models back, the correct ones too. Two usual reasons: a new model is in "
            "training mode and drops at random; or you ask for equality to the last bit, and sums of another "
            "length round differently.",
            (lambda build: False,),
        ),
        Mistake(
            "the other way round",
            "You have found every bug, and say it the wrong way round: True (or no failing assert) means "
            "that the model may be merged.",
            (lambda build: not all(test(build) for test in ALL),),
        ),
        Mistake(
            "tied weights taken for a bug",
            "You find all the bugs, and send back a correct model whose head and embedding are one matrix on "
            "purpose. Which weights must belong to one layer alone?",
            (_reviews(_nothing_shared, *ALL),),
        ),
        Mistake(
            "only the future tested",
            "You test that later tokens change nothing before them, and that finds each leak. A model can be "
            "wrong without leaking: in how it attends, mixes, counts positions, or learns.",
            (_reviews(_future), _reviews(_prefix)),
        ),
        Mistake(
            "only with and without a cache",
            "That a run with a cache equals one without is a strong test. But both may be wrong alike: "
            "scores, gates, positions and unused layers slip through.",
            (_reviews(_cached),),
        ),
        Mistake(
            "the cache not tested",
            "One bug slips through: behind a cache, positions are one off. Nobody sees it in training; it "
            "spoils what the model writes.",
            (_reviews(without=(_cached,)),),
        ),
        Mistake(
            "the mixture not tested",
            "What the gates do goes unseen: ones that do not sum to one, and ones that act twice. For "
            "which experts do you know the mixture's answer whatever the gates are?",
            (_reviews(without=(_one_voice,)),),
        ),
        Mistake(
            "attention compared with nothing",
            "Scores without their scale slip through. Nothing within the model contradicts them: you need "
            "an attention from elsewhere to compare with.",
            (_reviews(without=(_attends,)),),
        ),
        Mistake(
            "gradients not looked at",
            "A router that learns nothing and a last block that nobody uses both slip through. The numbers "
            "are plausible; which weights does a loss move?",
            (_reviews(without=(_learns,)),),
        ),
        Mistake(
            "positions not tested",
            "A model without positions passes. Exchanging two tokens does not betray it, since the mask "
            "tells it their order. On which text does it have nothing to go by?",
            (_reviews(without=(_places,)),),
        ),
        Mistake(
            "layers not told apart",
            "A model whose layers are one and the same block passes. It computes what its code says; count "
            "its weights.",
            (_reviews(without=(_own_weights,)),),
        ),
    ),
    observe=_accepts,
    explain=_name_what_slips,
)


EXERCISES = (REVIEW,)
