"""Exercises of chapter 5, the part on review: tests of the reader's own that find seeded bugs.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from functools import cache

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.reviewing import Reviewed
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


REVIEWED = Reviewed("models", CORRECT, BUGGY)

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
    cases=REVIEWED.cases,
    mistakes=(
        Mistake(
            "every model passes",
            "All models pass your review, the broken ones too: no failed assert came out, and it returned "
            "True or nothing at all. Is a `return` missing? Shapes are right and no number is NaN in any "
            "of them: state how two results must be related (a text and its beginning, a part and "
            "torch's own).",
            (lambda build: True,),
        ),
        Mistake(
            "no model passes",
            "Your review sends all models back, the correct ones too. Usual reasons: a new model is in "
            "training mode and drops at random; or you ask for equality to the last bit, and sums of another "
            "length round differently; or a test that must not hold, such as one of the past. Run it on the "
            "correct model, review(lambda: TinyLanguageModel()): the traceback shows which assert fails. Or "
            "do you return True for a bug?",
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
            "Your review finds what a test finds that later tokens change nothing before them: each leak, "
            "and dropout that is left on, since two runs then differ. A model can be wrong without leaking: "
            "in how it attends, mixes, counts positions, or learns.",
            (
                _reviews(_future),
                _reviews(_prefix),
            ),
        ),
        Mistake(
            "only with and without a cache",
            "Your review finds what a comparison of runs with and without a cache finds. Both may be wrong "
            "alike: scores, gates, positions and unused layers slip through.",
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
    observe=REVIEWED.accepts,
    explain=REVIEWED.explain,
)


EXERCISES = (REVIEW,)
