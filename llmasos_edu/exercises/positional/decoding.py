"""Exercises of chapter 4.2.3, the part on decoding: learned positions behind a cache.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2.3-6 --------------------------------------------------------------------------------


def add_learned_positions(x, table, lengths):
    """x [batch, new, d_model], table [max_len, d_model], lengths [batch] of the cache -> as x."""
    positions = lengths[:, None] + torch.arange(x.shape[1])
    if positions.max() >= len(table):
        raise ValueError(f"position {int(positions.max())}, but the table has only {len(table)}")
    return x + table[positions]


def _looked_up(x, table, lengths, *, shift=0, step=1, beyond="raise"):
    positions = lengths[:, None] + step * torch.arange(x.shape[1]) + shift
    if beyond == "clamp":
        positions = positions.clamp_max(len(table) - 1)
    elif beyond == "wrap":
        positions = positions % len(table)
    elif beyond == "raise" and positions.max() >= len(table):
        raise ValueError("too far")
    elif beyond == "late" and positions.max() > len(table):
        raise ValueError("farther than too far")
    elif beyond == "first" and positions[:, 0].max() >= len(table):
        raise ValueError("the first new token is too far")
    return x + table[positions]


def _refuses_the_sum(x, table, lengths):
    if lengths.sum() + x.shape[1] > len(table):
        raise ValueError("too far")
    return _looked_up(x, table, lengths)


def _one_offset(x, table, lengths, offset):
    return _looked_up(x, table, torch.zeros_like(lengths) + offset)


def _learned_case(name: str, seed: int, new: int, lengths: list[int], max_len: int, d_model: int) -> Case:
    x, table = random_tensors(seed, (len(lengths), new, d_model), (max_len, d_model))
    return Case(name, (x, table, torch.tensor(lengths)))


LEARNED = Exercise(
    key="4.2.3-6",
    title="Learned positions while decoding",
    difficulty=2,
    minutes=15,
    statement=(
        "With a KV cache only the new tokens come in. Row b has lengths[b] tokens in its cache already, and "
        "the rows differ. Add to each new token the learned vector of its true position: the first new token "
        "of row b stands at lengths[b]. Learned positions end with the table: raise ValueError where a "
        "position has no vector."
    ),
    takeaway="A token gets the same vector whether it came with the prompt or alone, much later.",
    reference=add_learned_positions,
    explanation="Offsets of rows and places of new tokens meet in one table of positions, [batch, new].",
    hints=(
        "Row 0 has 5 tokens in its cache, row 1 has 2, and 3 new tokens come in for each. Write the 2 x 3 "
        "table of positions.",
        "That table is a sum of a column (what differs from row to row) and a row (what differs from token "
        "to token). Which of the two needs a new axis?",
        "A tensor of whole numbers [batch, new] as an index into [max_len, d_model]: what shape comes out? "
        "And what must hold for the greatest of them?",
    ),
    cases=(
        _learned_case("one new token, caches of 5 and 2", 1201, 1, [5, 2], 6, 4),
        _learned_case("3 new tokens, caches of 0, 4 and 1", 1202, 3, [0, 4, 1], 10, 6),
        _learned_case("a whole prompt, empty caches", 1203, 5, [0, 0], 5, 4),
        _learned_case("the last position of the table", 1204, 2, [4, 0], 6, 3),
        _learned_case("one position too far", 1205, 1, [6, 2], 6, 3),
        _learned_case("a later token too far", 1206, 4, [1, 3, 0], 6, 5),
        _learned_case("a single row", 1207, 2, [3], 9, 4),
        _learned_case("two positions too far", 1208, 1, [7, 2], 6, 3),
    ),
    mistakes=(
        Mistake(
            "always from position 0",
            "Your new tokens get positions 0, 1, ... again, whatever stands in the cache. What comes after "
            "the prompt seems to stand at the beginning.",
            (lambda x, t, n: _looked_up(x, t, n * 0),),
        ),
        Mistake(
            "one offset for all rows",
            "All rows get one offset: that of one of them (the first, the longest, the shortest) or a mean. "
            "A single row comes out right, rows that differ do not.",
            (
                lambda x, t, n: _one_offset(x, t, n, int(n.float().mean())),
                lambda x, t, n: _one_offset(x, t, n, n[0]),
                lambda x, t, n: _one_offset(x, t, n, n.max()),
                lambda x, t, n: (_looked_up(x, t, n), _one_offset(x, t, n, n.min()))[1],
                lambda x, t, n: x + t[int(n[0]) : int(n[0]) + x.shape[1]],
            ),
        ),
        Mistake(
            "one position too early",
            "Your first new token gets the position of the last token in the cache. If 5 tokens are there, "
            "which positions have they taken?",
            (
                lambda x, t, n: _looked_up(x, t, n, shift=-1),
                lambda x, t, n: _looked_up(x, t, (n - 1).clamp_min(0)),
            ),
        ),
        Mistake(
            "one position too late",
            "You leave one position free between the cache and the new tokens. If 5 tokens are there, which "
            "is the next free number?",
            (
                lambda x, t, n: _looked_up(x, t, n, shift=1),
                lambda x, t, n: _looked_up(x, t, n, shift=1, beyond="none"),
            ),
        ),
        Mistake(
            "lengths with the new tokens",
            "It comes out as if lengths counted the new tokens too. It counts what is in the cache already: "
            "the first new token stands at lengths[b] itself.",
            (
                lambda x, t, n: (
                    _looked_up(x, t, n),
                    x + t[n[:, None] - x.shape[1] + torch.arange(x.shape[1])],
                )[1],
            ),
        ),
        Mistake(
            "same position for all new tokens",
            "All new tokens of a row get the same vector. One at a time you are right; several new tokens "
            "stand behind one another.",
            (
                lambda x, t, n: _looked_up(x, t, n, step=0),
                lambda x, t, n: _looked_up(x, t, n, step=0, beyond="none"),
            ),
        ),
        Mistake(
            "stays at the last position",
            "Beyond the end of the table you hand out its last vector again and again, silently. The reader "
            "of your model should be told that it cannot read so far.",
            (lambda *a: _looked_up(*a, beyond="clamp"),),
        ),
        Mistake(
            "starts again from the front",
            "Beyond the end of the table you begin at its front again: two tokens far apart seem to stand at "
            "the same place. Refuse instead.",
            (lambda *a: _looked_up(*a, beyond="wrap"),),
        ),
        Mistake(
            "torch's own IndexError",
            "Where a position is missing, an IndexError comes, as torch raises it for an index that is too "
            "large; the exercise wants a ValueError, raised before the lookup, in words.",
            (lambda *a: _looked_up(*a, beyond="none"),),
        ),
        Mistake(
            "lets the first missing position through",
            "Farther behind the table your ValueError comes, but just behind it torch's own IndexError does. "
            "A table of 6 rows has which numbers, and which is the first that it does not have?",
            (lambda *a: _looked_up(*a, beyond="late"),),
        ),
        Mistake(
            "asks about the first new token alone",
            "Where the first new token has no vector you refuse it; where only a later one has none, torch's "
            "own IndexError comes. Ask about all positions before the lookup.",
            (lambda *a: _looked_up(*a, beyond="first"),),
        ),
        Mistake(
            "the lengths of all rows added up",
            "You refuse where the caches of all rows together are too long for the table. Each row counts "
            "its positions for itself: what matters is the longest cache.",
            (_refuses_the_sum,),
        ),
        Mistake(
            "refuses the last position",
            "You also refuse the last position of the table, which has a vector. A table of 6 rows has which "
            "numbers?",
            (lambda x, t, n: _looked_up(x, t[:-1], n),),
        ),
        Mistake(
            "multiplied instead of added",
            "You multiply the tokens' vectors by those of their positions. The exercise asks for the sum.",
            (lambda x, t, n: x * _looked_up(x * 0, t, n),),
        ),
        Mistake(
            "positions returned without x",
            "You return the positions' vectors alone. They are to be added to the tokens' own.",
            (lambda x, t, n: _looked_up(x * 0, t, n),),
        ),
    ),
)


EXERCISES = (LEARNED,)
