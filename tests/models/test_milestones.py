"""The milestones: each against its formula, none sees what it predicts, all learn what a window can tell."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.models.encoder_decoder import EncoderDecoder
from llmasos_edu.models.milestones import (
    BagOfWords,
    InHalves,
    NeuralNGram,
    RecurrentModel,
    RecurrentWithAttention,
)
from llmasos_edu.training.loop import train

VOCAB = 11

MODELS = {
    "nnlm": partial(NeuralNGram, VOCAB, d_model=8, window=3),
    "bag": partial(BagOfWords, VOCAB, d_model=8, window=3),
    "bag of all": partial(BagOfWords, VOCAB, d_model=8, window=None),
    "recurrent": partial(RecurrentModel, VOCAB, d_model=8),
    "seq2seq": lambda: InHalves(RecurrentWithAttention(VOCAB, d_model=8), source=4),
    "transformer": lambda: InHalves(
        EncoderDecoder(VOCAB, target_vocab=VOCAB, d_model=8, num_layers=1, num_heads=2, d_ff=16), source=4
    ),
}
EACH = pytest.mark.parametrize("name", MODELS)


def made(name):
    """A model that is not at its start, where all logits are zero."""
    torch.manual_seed(0)
    model = MODELS[name]()
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.out_features == VOCAB:
            nn.init.normal_(module.weight)
    return model.eval()


def texts(batch=3, length=10):
    return torch.randint(VOCAB, (batch, length), generator=torch.Generator().manual_seed(1))


@EACH
def test_logits_are_of_the_last_positions(name):
    scored = made(name)(texts()).shape
    assert scored == (3, 6 if name in ("seq2seq", "transformer") else 10, VOCAB)


@EACH
def test_no_position_sees_what_comes_after(name):
    model, tokens = made(name), texts()
    before = model(tokens)
    for place in range(5, 10):
        changed = tokens.clone()
        changed[:, place:] = (changed[:, place:] + 1) % VOCAB
        ahead = 10 - place
        torch.testing.assert_close(model(changed)[:, :-ahead], before[:, :-ahead])
        assert not torch.allclose(model(changed)[:, -ahead], before[:, -ahead])


@pytest.mark.parametrize(("name", "seen"), [("nnlm", 3), ("bag", 3)])
def test_a_window_ends_where_it_says(name, seen):
    model, tokens = made(name), texts(1, 8)
    for back in range(8):
        changed = tokens.clone()
        changed[0, 7 - back] = (changed[0, 7 - back] + 1) % VOCAB
        same = torch.allclose(model(changed)[0, 7], model(tokens)[0, 7])
        assert same == (back >= seen)


def test_the_bag_knows_no_order_and_the_neural_n_gram_does():
    there, back = torch.tensor([[1, 2, 3]]), torch.tensor([[3, 1, 2]])
    torch.testing.assert_close(made("bag")(there)[:, -1], made("bag")(back)[:, -1])
    assert not torch.allclose(made("nnlm")(there)[:, -1], made("nnlm")(back)[:, -1])


def test_the_bag_is_the_mean_of_the_window():
    model, tokens = made("bag"), texts(1, 7)
    vectors = model.embedding(tokens)[0]
    for place in range(7):
        mean = vectors[max(0, place - 2) : place + 1].mean(0)
        torch.testing.assert_close(model(tokens)[0, place], model.head(mean))


def test_the_neural_n_gram_follows_its_formula():
    model, tokens = made("nnlm"), texts(1, 5)
    padded = [VOCAB, VOCAB, *tokens[0].tolist()]
    for place in range(5):
        side_by_side = model.embedding(torch.tensor(padded[place : place + 3])).flatten()
        torch.testing.assert_close(
            model(tokens)[0, place], model.head(torch.tanh(model.hidden(side_by_side)))
        )


def test_attention_in_the_recurrent_model_is_torch_s_own():
    model = made("seq2seq").model
    source, target = texts(2, 4), texts(2, 6)
    memory, last = model.reader(model.source_embedding(source))
    states, _ = model.writer(model.target_embedding(target), last)
    looked = F.scaled_dot_product_attention(model.match(states), memory, memory, scale=1.0)
    logits = model.head(torch.tanh(model.combine(torch.cat([looked, states], -1))))
    torch.testing.assert_close(model(source, target), logits)


@EACH
def test_each_learns_a_row_that_repeats(name):
    """0 1 2 ... 10 0 1 ...: the last token tells the next one."""
    torch.manual_seed(0)
    model = MODELS[name]()
    rows = (torch.arange(11) + torch.arange(VOCAB)[:, None]) % VOCAB

    def loss(model, batch):
        logits = model(batch[:, :-1])
        return F.cross_entropy(logits.flatten(0, 1), batch[:, 1:][:, -logits.shape[1] :].flatten())

    history = train(model, lambda generator: rows, steps=200, loss=loss)
    assert history.losses[0] == pytest.approx(2.398, abs=0.01)  # ln 11: nothing known at the start
    # A bag of three or more tokens must tell the newest from the others by their sum alone.
    assert history.losses[-1] < (1.2 if name.startswith("bag") else 0.1)


@EACH
def test_tokens_outside_the_vocabulary_are_refused(name):
    with pytest.raises(ValueError, match="11"):
        MODELS[name]()(texts() + VOCAB)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="window=0"):
        NeuralNGram(VOCAB, d_model=8, window=0)
    with pytest.raises(ValueError, match="d_model=0"):
        BagOfWords(VOCAB, d_model=0)
    with pytest.raises(ValueError, match="4 tokens leave nothing behind a source of 4"):
        made("seq2seq")(texts(2, 4))
