"""Exercises of chapter 4.2.3, the part on which position goes where: adding, padding, decoding.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.attention.masks import mask_of
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2.3-4 --------------------------------------------------------------------------------


def encode(tokens, embedding, positions, layers):
    """tokens [batch, seq], embedding [vocab, d_model], positions [max_len, d_model], layers: functions of
    [batch, seq, d_model] -> [batch, seq, d_model]."""
    seq, d_model = tokens.shape[1], embedding.shape[1]
    x = d_model**0.5 * embedding[tokens] + positions[:seq]
    for layer in layers:
        x = layer(x)
    return x


def make_layer(seed: int, d_model: int) -> Callable:
    """A layer with a residual, in which every token reads all tokens."""
    own, others = random_tensors(seed, (d_model, d_model), (d_model, d_model))
    return lambda x: x + torch.tanh((x @ own + x.mean(1, keepdim=True) @ others) / d_model**0.5)


def _through(x, layers):
    for layer in layers:
        x = layer(x)
    return x


def _added_again(x, layers):
    for layer in layers:
        x = x + layer(x)
    return x


def _embedded(tokens, embedding):
    return embedding.shape[1] ** 0.5 * embedding[tokens]


def _in_every_layer(tokens, embedding, positions, layers, *, before=True):
    x, added = _embedded(tokens, embedding), positions[: tokens.shape[1]]
    for layer in layers:
        x = layer(x + added) if before else layer(x) + added
    return x if layers else x + added


def _again_in_every_layer(tokens, embedding, positions, layers):
    added = positions[: tokens.shape[1]]
    x = _embedded(tokens, embedding) + added
    for layer in layers:
        x = layer(x) + added
    return x


def _encode_case(name: str, seed: int, batch: int, seq: int, d_model: int, depth: int) -> Case:
    embedding, positions, noise = random_tensors(seed, (10, d_model), (12, d_model), (batch, seq))
    tokens = (noise.abs() * 7).long() % 10
    return Case(
        name, (tokens, embedding, positions, [make_layer(seed + i, d_model) for i in range(1, depth + 1)])
    )


ENCODE = Exercise(
    key="4.2.3-4",
    title="Where positions come in",
    difficulty=1,
    minutes=10,
    statement=(
        "Embed the tokens, multiply the embeddings by sqrt(d_model) (as the original does, so that they are "
        "not drowned by what comes next), add the vectors of positions 0, 1, ... once, and run the result "
        "through the layers, one after the other."
    ),
    takeaway="Positions are added once, at the bottom, and the residual path carries them up.",
    reference=encode,
    explanation="Order enters with the input; each later layer finds it on the residual path.",
    hints=(
        "Two tables, two lookups: one by the token, one by the place where it stands. What is the shape of "
        "each result?",
        "All rows of the batch use the same positions, so [seq, d_model] can be added to "
        "[batch, seq, d_model] as it is. How do you take as many rows of the table as there are tokens?",
        "The factor belongs to one of the two summands only. And the sum is made before the loop over the "
        "layers, not in it.",
    ),
    cases=(
        _encode_case("2 sequences of 5 tokens, 2 layers", 1101, 2, 5, 6, 2),
        _encode_case("one sequence of 12 tokens, 3 layers", 1111, 1, 12, 4, 3),
        _encode_case("a single layer", 1121, 3, 4, 8, 1),
        _encode_case("no layer at all", 1131, 2, 3, 5, 0),
        _encode_case("as many sequences as tokens, 2 layers", 1141, 4, 4, 4, 2),
    ),
    mistakes=(
        Mistake(
            "positions added in every layer",
            "You add the positions again in each layer. With one layer it may look right; with more, the "
            "positions pile up on the residual path. Where does order enter this model?",
            (_in_every_layer, lambda *a: _in_every_layer(*a, before=False), _again_in_every_layer),
        ),
        Mistake(
            "positions missing",
            "The positions have no influence on your result: shuffle the tokens and each keeps its vector. "
            "What tells the layers who stands where?",
            (lambda t, e, p, layers: _through(_embedded(t, e), layers),),
        ),
        Mistake(
            "positions added at the end",
            "You add the positions after the last layer. By then no layer is left that could use them.",
            (lambda t, e, p, layers: _through(_embedded(t, e), layers) + p[: t.shape[1]],),
        ),
        Mistake(
            "looked up by the token",
            "Your positions are looked up by the token's number, so a word gets the same one wherever it "
            "stands. What should choose the row of that table?",
            (lambda t, e, p, layers: _through(_embedded(t, e) + p[t], layers),),
        ),
        Mistake(
            "factor missing",
            "The embeddings come in without their factor, so the positions weigh too much beside them. See "
            "the statement: by what are the embeddings multiplied?",
            (lambda t, e, p, layers: _through(e[t] + p[: t.shape[1]], layers),),
        ),
        Mistake(
            "factor on the sum",
            "You multiply the sum, so the positions grow with the embeddings. The factor is there to change "
            "the proportion between the two.",
            (lambda t, e, p, layers: _through(e.shape[1] ** 0.5 * (e[t] + p[: t.shape[1]]), layers),),
        ),
        Mistake(
            "factor on the positions",
            "The factor went to the positions. It is the embeddings that would be drowned without it.",
            (lambda t, e, p, layers: _through(e[t] + e.shape[1] ** 0.5 * p[: t.shape[1]], layers),),
        ),
        Mistake(
            "without the root",
            "You multiply by d_model itself (or divide by its root). The statement asks for the root, as a "
            "factor.",
            (
                lambda t, e, p, layers: _through(e.shape[1] * e[t] + p[: t.shape[1]], layers),
                lambda t, e, p, layers: _through(e[t] / e.shape[1] ** 0.5 + p[: t.shape[1]], layers),
            ),
        ),
        Mistake(
            "another factor",
            "It comes out as if the factor were the root of another number: of the vocabulary, or of the "
            "tokens. The statement asks for sqrt(d_model), the width of the vectors.",
            (
                lambda t, e, p, layers: _through(len(e) ** 0.5 * e[t] + p[: t.shape[1]], layers),
                lambda t, e, p, layers: _through(t.shape[1] ** 0.5 * e[t] + p[: t.shape[1]], layers),
            ),
        ),
        Mistake(
            "one position for all",
            "All tokens of a sequence get the vector of one position, that of the first or the last. Each "
            "place has a row of the table.",
            (
                lambda t, e, p, layers: _through(_embedded(t, e) + p[0], layers),
                lambda t, e, p, layers: _through(_embedded(t, e) + p[t.shape[1] - 1], layers),
            ),
        ),
        Mistake(
            "rows from the end",
            "Your positions come from the end: the last rows of the table, or the right rows in reverse "
            "order. The first token gets row 0, the next row 1.",
            (
                lambda t, e, p, layers: _through(_embedded(t, e) + p[-t.shape[1] :], layers),
                lambda t, e, p, layers: _through(_embedded(t, e) + p[: t.shape[1]].flip(0), layers),
            ),
        ),
        Mistake(
            "x added once more",
            "You add x to what a layer returns. Each layer has its residual inside: its result goes on as it "
            "is.",
            (lambda t, e, p, layers: _added_again(_embedded(t, e) + p[: t.shape[1]], layers),),
        ),
        Mistake(
            "multiplied instead of added",
            "You multiply embeddings and positions. A feature that is 0 at some position would then be wiped "
            "out; the original adds.",
            (lambda t, e, p, layers: _through(_embedded(t, e) * p[: t.shape[1]], layers),),
        ),
        Mistake(
            "positions from 1",
            "Your first token gets the vector of position 1 and the others follow. The table begins at 0.",
            (lambda t, e, p, layers: _through(_embedded(t, e) + p.roll(-1, 0)[: t.shape[1]], layers),),
        ),
        Mistake(
            "the batch counted instead of the tokens",
            "All tokens of a sequence get the same position's vector, by the number of their sequence. "
            "Along which axis does the position run?",
            (lambda t, e, p, layers: _through(_embedded(t, e) + p[: t.shape[0], None], layers),),
        ),
    ),
    atol=1e-4,
)


# 4.2.3-5 --------------------------------------------------------------------------------


def positions_of(is_token):
    """is_token [batch, seq] (True = a token, False = padding) -> whole numbers [batch, seq], 0 at padding."""
    return (is_token.long().cumsum(dim=-1) - 1) * is_token


def _everywhere(is_token):
    return torch.arange(is_token.shape[1]).expand(is_token.shape)


def _count(is_token):
    return is_token.long().cumsum(-1)


def _begun_again(is_token):
    count = _count(is_token)
    before_run = (count * ~is_token).cummax(-1).values
    return (count - 1 - before_run) * is_token


RAGGED = Exercise(
    key="4.2.3-5",
    title="Positions of a padded batch",
    difficulty=2,
    minutes=10,
    statement=(
        "Prompts of different lengths wait in one batch, with padding in front (so that all end together), "
        "behind, or both. A token's position is the number of tokens before it in its own row: the first "
        "token has position 0 wherever it stands. Padding gets 0."
    ),
    takeaway="A prompt now gets the same positions alone and in a batch, and so the same answer.",
    reference=positions_of,
    explanation="A running count of the tokens, less one, is the number of tokens before each of them.",
    hints=(
        "Write the answer for the row '. . A B C' under it. And for 'A B . .'?",
        "You need a count that goes up by one at each token and stays at padding. Which operation adds up as "
        "it goes along?",
        "Such a count is 1 at the first token. What is missing then, and what has to happen at the padding "
        "in front, where it is too small?",
    ),
    any_order=False,
    cases=(
        Case("padding in front", (mask_of("11111", "..111", "....1"),)),
        Case("padding behind", (mask_of("1111", "11..", "1..."),)),
        Case("padding on both sides", (mask_of(".111..", "..11..", "111111"),)),
        Case("no padding", (mask_of("111", "111"),)),
        Case("an empty row", (mask_of("....", ".11."),)),
        Case("a gap in the middle", (mask_of("11..11", ".1.1.1"),)),
        Case("padding in front of every row", (mask_of(".1111", "..111", "....1"),)),
    ),
    mistakes=(
        Mistake(
            "same positions for every row",
            "Every row gets 0, 1, 2, ... in your result. A prompt with padding in front then begins at a "
            "later position than it would alone.",
            (lambda m: _everywhere(m), lambda m: torch.arange(m.shape[1])),
        ),
        Mistake(
            "columns counted",
            "Padding gets 0, but the tokens are counted from the edge of the row, padding included. Where "
            "does the count of a row's own tokens begin?",
            (lambda m: _everywhere(m) * m,),
        ),
        Mistake(
            "one start for the whole batch",
            "It comes out as if one start served the whole batch (that of the first row, or of the row that "
            "begins first or last). Each row has a start of its own: which axis is that of the rows?",
            (
                lambda m: ((_everywhere(m) - m.long().argmax(1).min()) * m).clamp_min(0),
                lambda m: ((_everywhere(m) - m.long().argmax(1).max()) * m).clamp_min(0),
                lambda m: (_everywhere(m) - m.long().argmax(1)[0]) * m,
                lambda m: ((_everywhere(m) - m.long().argmax(1)[0]) * m).clamp_min(0),
            ),
        ),
        Mistake(
            "counted from 1",
            "Your first tokens get position 1. How many tokens stand before the first?",
            (lambda m: _count(m) * m, _count),
        ),
        Mistake(
            "padding not set to 0",
            "Padding in front gets -1 in your result, and padding behind the last token's number. "
            "A table of positions has no row -1.",
            (lambda m: _count(m) - 1,),
        ),
        Mistake(
            "padding behind not set to 0",
            "Padding behind gets the last token's number in your result, or one more. What sets a place to 0 "
            "that holds no token?",
            (lambda m: (_count(m) - 1).clamp_min(0), lambda m: _count(m) - m.long()),
        ),
        Mistake(
            "padding at -1",
            "Every place of padding gets -1 in your result. Padding gets 0, and a table of "
            "positions has no row -1.",
            (lambda m: _count(m) * m - 1,),
        ),
        Mistake(
            "padding counted instead of tokens",
            "You count the padding before each place. What does True mean in is_token?",
            (
                lambda m: _count(~m) * m,
                lambda m: (_count(~m) - 1) * ~m,
                lambda m: (_count(~m) - 1).clamp_min(0),
            ),
        ),
        Mistake(
            "counted from the right",
            "Your last token has position 0: you count from the end. Before which side of the row do the "
            "earlier tokens stand?",
            (lambda m: (_count(m.flip(-1)).flip(-1) - 1) * m,),
        ),
        Mistake(
            "counted in the mirror",
            "It comes out as if the count ran over the row turned round, and were laid beside the tokens "
            "without being turned back. Before which side of the row do the earlier tokens stand?",
            (
                lambda m: (_count(m.flip(-1)) - 1).clamp_min(0) * m,
                lambda m: (_count(m.flip(-1)) - 1) * m,
            ),
        ),
        Mistake(
            "counted down the batch",
            "Your running count goes down the columns, from one row to the next. Rows of a batch know "
            "nothing of each other: which axis is that of the tokens?",
            (lambda m: (m.long().cumsum(0) - 1) * m,),
        ),
        Mistake(
            "all shifted by the number of pads",
            "You subtract the number of all pads of a row. With padding in front that is right, with padding "
            "behind it is not: what counts is only what stands before the token.",
            (
                lambda m: (_everywhere(m) - (~m).sum(-1, keepdim=True)) * m,
                lambda m: (_everywhere(m) - (~m).sum(-1, keepdim=True)).clamp_min(0) * m,
                lambda m: (_everywhere(m) - (~m).sum(-1, keepdim=True)).clamp_min(0),
            ),
        ),
        Mistake(
            "padding always behind",
            "It comes out as if every row began with its tokens: as many places from the left count as "
            "there are tokens. With padding behind that is right; in front of the tokens it is not.",
            (lambda m: torch.where(_everywhere(m) < m.sum(-1, keepdim=True), _everywhere(m), 0),),
        ),
        Mistake(
            "places counted from the first token",
            "Places are counted from a row's first token on, whatever stands there: padding behind gets "
            "numbers that go on, and a gap between tokens is counted too. Only tokens count, and padding "
            "gets 0.",
            (
                lambda m: _everywhere(m) - m.long().argmax(-1, keepdim=True),
                lambda m: (_everywhere(m) - m.long().argmax(-1, keepdim=True)).clamp_min(0),
            ),
        ),
        Mistake(
            "begins again after a gap",
            "Behind a gap between tokens your count begins at 0 again. A token's position is the number of "
            "all tokens before it in its row.",
            (_begun_again,),
        ),
        Mistake(
            "goes on from row to row",
            "Your count goes on from one row to the next, so that only the first row begins at 0. Rows of a "
            "batch know nothing of each other.",
            (lambda m: (m.flatten().long().cumsum(0).reshape(m.shape) - 1) * m,),
        ),
        Mistake(
            "only padding in front taken away",
            "A gap between tokens is counted in your result as if tokens stood there.",
            (lambda m: (_everywhere(m) - (_count(m) == 0).sum(-1, keepdim=True)) * m,),
        ),
    ),
)


EXERCISES = (ENCODE, RAGGED)
