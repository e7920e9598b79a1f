"""The masked language model: it sees both sides, hides padding, tells segments apart, learns to fill gaps."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmasos_edu.layers.transformer import set_norm_eps
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.training.optimizers import make_optimizers

exact = {"rtol": 1e-10, "atol": 1e-10}
VOCAB, WIDTH, SEQ = 11, 8, 7
SHAPES = [
    {},
    {"num_segments": 2, "norm_eps": 1e-12},
    {
        "position": "rotary",
        "norm_first": True,
        "norm": "rms",
        "activation": "swiglu",
        "bias": False,
        "qk_norm": True,
    },
    {"position": "sinusoidal", "tie_weights": False, "d_ff": 5},
]


def make(**options):
    torch.manual_seed(0)
    model = MaskedLanguageModel(VOCAB, d_model=WIDTH, num_layers=2, num_heads=2, **{"max_len": SEQ} | options)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.double().eval()


def tokens():
    return torch.randint(VOCAB, (3, SEQ), generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=SHAPES, ids=str)
def shape(request):
    return request.param


def test_every_position_sees_every_token(shape):
    model, changed = make(**shape), tokens()
    before = model(changed)
    assert before.shape == (3, SEQ, VOCAB)
    changed[:, 3] = (changed[:, 3] + 1) % VOCAB
    assert ((model(changed) - before).abs().amax(dim=-1) > 1e-6).all()


def test_padding_is_seen_by_none(shape):
    model, changed = make(**shape), tokens()
    keep = torch.arange(SEQ) < torch.tensor([[7], [4], [1]])
    changed[~keep] = (changed[~keep] + 1) % VOCAB
    assert_close(model(changed, keep)[keep], model(tokens(), keep)[keep], **exact)
    alone = model(tokens()[1:2, :4])
    assert_close(model(tokens(), keep)[1:2, :4], alone, **exact)


def test_every_parameter_gets_a_gradient_and_settings_rebuild_the_model(shape):
    model = make(**shape)
    segments = torch.ones_like(tokens()) if "num_segments" in shape else None
    model(tokens(), segments=segments).square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []
    twin = MaskedLanguageModel(**json.loads(json.dumps(model.settings))).double().eval()
    twin.load_state_dict(model.state_dict())
    assert_close(twin(tokens()), model(tokens()), **exact)


def test_segments_add_their_vector_and_are_the_first_unless_given():
    model = make(num_segments=3)
    zeros = torch.zeros_like(tokens())
    assert_close(model(tokens(), segments=zeros), model(tokens()), **exact)
    assert not torch.allclose(model(tokens(), segments=zeros + 2), model(tokens()))


def test_predict_on_some_states_is_the_whole_at_these_places():
    model = make()
    hidden = torch.zeros(3, SEQ, dtype=torch.bool)
    hidden[0, 2] = hidden[2, 5] = True
    maps = []
    states = model.encode(tokens(), maps=maps)
    assert states.shape == (3, SEQ, WIDTH)
    assert len(maps) == 2
    assert_close(model.predict(states[hidden]), model(tokens())[hidden], **exact)


def test_options_reach_the_parts():
    model = make(norm_eps=0.25, dropout=0.5, d_ff=5, norm_first=True, qk_norm=True)
    norms = [module for module in model.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == 2 + 2 * 2 + 1
    assert all(norm.eps == 0.25 for norm in norms)
    assert all(layer.attention.qk_norm and layer.norm_first for layer in model.encoder.layers)
    assert model.encoder.layers[0].feed_forward.in_proj.out_features == 5
    assert make().encoder.layers[0].feed_forward.in_proj.out_features == 4 * WIDTH
    assert torch.equal(model(tokens()), model(tokens()))
    assert not torch.equal(model.train()(tokens()), model(tokens()))


@pytest.mark.parametrize("tie", [True, False])
def test_tied_weights_are_one_matrix_and_first_logits_are_small(tie):
    torch.manual_seed(0)
    model = MaskedLanguageModel(VOCAB, d_model=64, num_layers=2, num_heads=4, tie_weights=tie)
    assert (model.head.weight is model.embedding.weight) == tie
    logits = model(tokens())
    assert (logits.std() < 2) if tie else (logits == 0).all()
    assert logits.isfinite().all()


@pytest.mark.parametrize("norm_first", [False, True])
def test_it_learns_to_fill_gaps_from_both_sides(norm_first):
    # A hidden token is the sum of its two neighbours: neither side alone says which.
    torch.manual_seed(0)
    model = MaskedLanguageModel(6, d_model=32, num_layers=1, num_heads=4, max_len=3, norm_first=norm_first)
    optimizers = make_optimizers(model)
    for _ in range(150):
        left, right = torch.randint(5, (2, 64))
        batch = torch.stack((left, torch.full_like(left, 5), right), dim=1)
        loss = F.cross_entropy(model(batch)[:, 1], (left + right) % 5)
        model.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    assert loss < 0.2  # a guess costs ln 5 = 1.6, and so does a model that sees one side


INTS = torch.zeros(2, 4, dtype=torch.long)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: MaskedLanguageModel(0, d_model=8, num_layers=1, num_heads=2),
            "vocab_size=0 must be at least 1 and num_segments=0 at least 0",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=1, num_heads=2, num_segments=-1),
            "num_segments=-1 at least 0",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=0, num_heads=2),
            "num_layers=0 must be at least 1",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=1, num_heads=3),
            "d_model=8 is not divisible by num_heads=3",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=1, num_heads=2, position="x"),
            "position='x' is not one of",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=1, num_heads=2, norm_eps=0.0),
            "norm_eps=0.0 must be positive",
        ),
        (
            lambda: MaskedLanguageModel(5, d_model=8, num_layers=1, num_heads=2, activation="tanh"),
            "activation='tanh' is not one of",
        ),
        (lambda: make()(INTS + VOCAB), "token 11 is outside the vocabulary of 11"),
        (
            lambda: make()(INTS, torch.ones(2, 3, dtype=torch.bool)),
            r"keep must be boolean \[batch=2, seq=4\]",
        ),
        (lambda: make()(INTS, segments=INTS), "this model was made with num_segments=0"),
        (lambda: make(num_segments=2)(INTS, segments=INTS + 2), "segment 2 is none of the 2: 0 to 1"),
        (lambda: make(num_segments=2)(INTS, segments=INTS - 1), "segment -1 is none of the 2"),
        (lambda: make(num_segments=2)(INTS, segments=INTS[:1]), r"shape of tokens, \[2, 4\], got .*\[1, 4\]"),
        (
            lambda: make(num_segments=2)(INTS, segments=INTS.bool()),
            "segments must be integers .* got torch.bool",
        ),
        (lambda: make(num_segments=2)(INTS, segments=INTS.double()), "segments must be integers .*float64"),
        (lambda: make(max_len=3)(INTS), "position 3 has no vector"),
        (lambda: set_norm_eps(nn.LayerNorm(2), -1.0), "norm_eps=-1.0 must be positive"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
