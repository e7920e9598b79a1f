"""Heads and probes against torch and scikit-learn, and what each leaves untouched."""

import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.testing import assert_close

from llmasos_edu.learning.adaptation import (
    Classifier,
    accuracy,
    classification_loss,
    layer_states,
    pool_states,
    probe,
    probe_layers,
    states,
)
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import make_optimizers, train
from llmasos_edu.training.rows import RowSampler

VOCAB = 12
exact = {"rtol": 1e-10, "atol": 1e-10}


def make(kind, seed=0, d_model=8):
    torch.manual_seed(seed)
    if kind == "causal":
        model = LanguageModel(VOCAB, d_model=d_model, num_layers=2, num_heads=2)
    else:
        model = MaskedLanguageModel(
            VOCAB, d_model=d_model, num_layers=2, num_heads=2, max_len=32, norm_first=True
        )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    return model.double().eval()


both = pytest.mark.parametrize("kind", ["causal", "masked"])


def texts(*shape, seed=0):
    return torch.randint(VOCAB, shape, generator=torch.Generator().manual_seed(seed))


@both
def test_states_are_what_the_model_s_own_head_reads(kind):
    model, tokens = make(kind), texts(3, 6)
    head = model.head if kind == "causal" else model.predict
    assert_close(head(states(model, tokens)), model(tokens), **exact)
    with pytest.raises(ValueError, match="99"):
        states(model, torch.full((1, 2), 99))


@both
def test_layer_states_are_those_of_layer_after_layer(kind):
    model, tokens = make(kind), texts(3, 6)
    found = layer_states(model, tokens)
    assert found.shape == (3, 3, 6, 8)
    assert not found.requires_grad
    if kind == "causal":
        x, options = model.body.positions(model.embedding(tokens), torch.arange(6))
        layers, norm = model.blocks, model.body.norm
    else:
        x, options = model.positions(model.embedding(tokens), torch.arange(6))
        x = model.embedding_norm(x)
        layers, norm = model.encoder.layers, model.encoder.norm
    for number, layer in enumerate(layers):
        assert_close(found[number], x, **exact)
        x = layer(x, **options)
    assert_close(found[2], x, **exact)
    assert_close(norm(found[2]), states(model, tokens), **exact)


@both
def test_looking_leaves_no_hook_and_the_mode_as_it_was(kind):
    model = make(kind).train()
    layer_states(model, texts(1, 4))
    layers = model.blocks if kind == "causal" else model.encoder.layers
    assert all(not layer._forward_hooks and not layer._forward_pre_hooks for layer in layers)
    assert model.training
    with pytest.raises(ValueError, match="99"):
        layer_states(model, torch.full((1, 2), 99))
    assert all(not layer._forward_hooks and not layer._forward_pre_hooks for layer in layers)


def test_pooling_takes_the_mean_or_one_position():
    x = torch.randn(2, 3, 5, 4)
    assert_close(pool_states(x), x.sum(2) / 5)
    assert torch.equal(pool_states(x, 0), x[:, :, 0])
    assert torch.equal(pool_states(x, -1), x[:, :, 4])
    assert torch.equal(pool_states(x, -5), x[:, :, 0])
    for where in (5, -6, "last", True, 1.0):
        with pytest.raises(ValueError, match=f"where={where!r} is neither"):
            pool_states(x, where)


# ---- the head ----


@both
@pytest.mark.parametrize("where", ["mean", -1])
def test_a_classifier_is_a_linear_layer_on_the_states(kind, where):
    model = make(kind)
    classifier = Classifier(model, 4, where=where).double().eval()
    assert torch.equal(classifier(texts(3, 6)), torch.zeros(3, 4, dtype=torch.float64))
    with torch.no_grad():
        classifier.head.weight.normal_()
        classifier.head.bias.normal_()
    tokens, labels = texts(3, 6), torch.tensor([0, 3, 1])
    vectors = states(model, tokens)
    pooled = vectors.mean(1) if where == "mean" else vectors[:, -1]
    logits = pooled @ classifier.head.weight.T + classifier.head.bias
    assert_close(classifier(tokens), logits, **exact)
    loss = classification_loss(classifier, (tokens, labels))
    assert_close(loss, -logits.log_softmax(-1)[range(3), labels].mean(), **exact)


def test_a_new_head_knows_nothing():
    classifier = Classifier(make("causal"), 5)
    loss = classification_loss(classifier.double(), (texts(4, 3), torch.tensor([0, 1, 2, 4])))
    assert loss.item() == pytest.approx(math.log(5))


@both
@pytest.mark.parametrize("head_only", [True, False])
def test_what_learns_and_what_stays(kind, head_only):
    model = make(kind).float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    classifier = Classifier(model, 2, head_only=head_only)
    tokens = texts(40, 5)
    labels = (tokens[:, 2] < 6).long()
    train(
        classifier, RowSampler(tokens, labels, batch_size=16), loss=classification_loss, steps=3,
        progress=False, optimizers=make_optimizers(classifier),
    )  # fmt: skip
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before), "the pretrained model has changed"
    moved = [not torch.equal(before[name], value) for name, value in classifier.model.state_dict().items()]
    assert any(moved) != head_only
    assert classifier.head.weight.abs().max() > 0
    learns = [name for name, p in classifier.named_parameters() if p.requires_grad]
    assert (learns == ["head.weight", "head.bias"]) == head_only


def test_fine_tuning_learns_a_rule_that_a_head_alone_cannot():
    """Are two tokens the same? The mean of random states hardly says so; attention can learn it."""
    tokens = texts(400, 2, seed=3) % 3
    labels = (tokens[:, 0] == tokens[:, 1]).long()
    torch.manual_seed(0)
    model = MaskedLanguageModel(VOCAB, d_model=16, num_layers=2, num_heads=2, max_len=32, norm_first=True)
    reached = {}
    for head_only in (True, False):
        torch.manual_seed(0)
        classifier = Classifier(model, 2, head_only=head_only)
        sampler = RowSampler(tokens, labels, batch_size=64)
        train(classifier, sampler, loss=classification_loss, steps=100, progress=False)
        reached[head_only] = accuracy(classifier, tokens, labels)
    assert reached[False] > 0.95
    assert reached[True] < reached[False] - 0.05


def test_one_class_is_no_task():
    with pytest.raises(ValueError, match="num_classes=1: there is nothing to tell apart"):
        Classifier(make("causal"), 1)
    with pytest.raises(ValueError, match=r"num_classes=2\.5"):
        Classifier(make("causal"), 2.5)


def test_accuracy_is_the_share_of_right_guesses_in_evaluation_mode():
    class Dropped(torch.nn.Module):
        def forward(self, tokens):
            right = F.one_hot(tokens[:, 0], VOCAB).double()
            return -right if self.training else right

    model = Dropped().train()
    tokens = texts(50, 2)
    labels = tokens[:, 0].clone()
    labels[:10] = (labels[:10] + 1) % VOCAB
    for batch_size in (7, 256):
        assert accuracy(model, tokens, labels, batch_size=batch_size) == pytest.approx(0.8)
    assert model.training
    with pytest.raises(ValueError, match="must be equally many"):
        accuracy(model, tokens, labels[:3])


# ---- probes ----


def blobs(n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator)
    centres = torch.tensor([[0.0, 0, 500], [2, 0, 500], [0, 2, 500]])
    return centres[labels] + torch.randn(n, 3, generator=generator) * torch.tensor([1.0, 1, 100]), labels


def test_a_probe_is_scikit_learn_s_on_scaled_features():
    train_side, test_side = blobs(120, 0), blobs(200, 1)
    found = probe(*train_side, *test_side)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    pipeline.fit(train_side[0].numpy(), train_side[1].numpy())
    assert found == pytest.approx(pipeline.score(test_side[0].numpy(), test_side[1].numpy()))
    assert 0.6 < found < 0.95
    shuffled = train_side[1][torch.randperm(120, generator=torch.Generator().manual_seed(2))]
    assert probe(train_side[0], shuffled, *test_side) < 0.55


def test_a_probe_needs_two_classes_and_equal_lengths():
    vectors, labels = blobs(10, 0)
    with pytest.raises(ValueError, match="all 10 training labels are 2: one class only"):
        probe(vectors, torch.full((10,), 2), vectors, labels)
    with pytest.raises(ValueError, match=r"texts \[10, 3\] and labels \[4\]"):
        probe(vectors, labels, vectors, labels[:4])
    with pytest.raises(ValueError, match=r"texts \[10, 3\] and labels \[5\]"):
        probe(vectors, labels[:5], vectors, labels)


@both
def test_probes_go_through_the_layers(kind):
    model = make(kind)
    train_side, test_side = ((texts(60, 4, seed=s), texts(60, 4, seed=s)[:, 1] % 3) for s in (0, 1))
    found = probe_layers(model, train_side, test_side, where=1)
    by_hand = [
        probe(a, train_side[1], b, test_side[1])
        for a, b in zip(
            *(layer_states(model, side[0])[:, :, 1] for side in (train_side, test_side)), strict=True
        )
    ]
    assert found == by_hand
    assert len(found) == 3
    mean = probe_layers(model, train_side, test_side)
    assert mean != found


def test_a_label_of_minus_100_is_not_scored():
    tokens = texts(12, 5)
    labels = (tokens[:, 2] < 6).long()
    some = labels.clone()
    some[::3] = -100
    asked = some != -100
    torch.manual_seed(0)
    classifier = Classifier(make("causal").float(), 2)
    torch.nn.init.normal_(classifier.head.weight)
    assert accuracy(classifier, tokens, some) == accuracy(classifier, tokens[asked], labels[asked])
    loss = classification_loss(classifier, (tokens, some))
    assert torch.equal(loss, classification_loss(classifier, (tokens[asked], labels[asked])))
    vectors = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    kept = probe(vectors[asked], labels[asked], vectors[asked], labels[asked])
    assert probe(vectors, some, vectors, some) == kept
    none = torch.full_like(labels, -100)
    for call in (
        lambda: accuracy(classifier, tokens, none),
        lambda: classification_loss(classifier, (tokens, none)),
    ):
        with pytest.raises(ValueError, match="all 12 labels are -100: nothing is scored"):
            call()
