"""Exercises of chapter 4.2, the part on writing: greedy decoding.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2-9 --------------------------------------------------------------------------------


def greedy_decode(next_logits, batch, start, end, max_len):
    """next_logits: tokens [batch, written + 1] -> logits [batch, vocab]; returns tokens [batch, written]."""
    tokens = torch.full((batch, 1), start)
    done = torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len and not done.all():
        chosen = next_logits(tokens).argmax(dim=-1)
        chosen = torch.where(done, end, chosen)
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
        done = done | (chosen == end)
    return tokens[:, 1:]


def _greedy(
    next_logits,
    batch,
    start,
    end,
    max_len,
    *,
    finished="repeat",
    until=torch.all,
    reads=slice(None),
    room=0,
    choose=lambda logits: logits.argmax(-1),
):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len + room and not until(done):
        chosen = choose(next_logits(tokens[:, reads]))
        if finished != "write":
            chosen = chosen.masked_fill(
                done, {"repeat": end, "zero": 0, "minus": -1, "start": start}[finished]
            )
        tokens = torch.cat([tokens, chosen[:, None]], 1)
        done = done | (chosen == end)
    return tokens[:, 1:]


def _start_read_once(next_logits, batch, start, end, max_len):
    return _greedy(
        lambda tokens: next_logits(tokens[:, 1:] if tokens.shape[1] > 1 else tokens),
        batch,
        start,
        end,
        max_len,
    )


def _never(done):
    return False


def _until_all_say_end_at_once(next_logits, batch, start, end, max_len):
    """Nobody is remembered as finished: it ends when all rows say end in one and the same step."""
    tokens = torch.full((batch, 1), start)
    for _ in range(max_len):
        chosen = next_logits(tokens).argmax(-1)
        tokens = torch.cat([tokens, chosen[:, None]], 1)
        if (chosen == end).all():
            break
    return tokens[:, 1:]


def _stops_before_the_last_end(next_logits, batch, start, end, max_len):
    """Where all have said end it stops, and the column that holds the last one is not appended."""
    written = _greedy(next_logits, batch, start, end, max_len)
    return written[:, :-1] if (written == end).any(1).all() else written


def _in_front(next_logits, batch, start, end, max_len):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len and not done.all():
        chosen = next_logits(tokens).argmax(-1).masked_fill(done, end)
        tokens = torch.cat([chosen[:, None], tokens], 1)
        done = done | (chosen == end)
    return tokens[:, :-1]


def make_writer(start: int, *scripts: list[int], vocab: int = 8, level: float = 0.0) -> Callable:
    """A stand-in for a decoder that knows its sentences by heart.

    Row r gives the highest logit to the next token of scripts[r] as long as it has been given exactly what
    comes before; otherwise, and after the end of the script, it babbles. All logits are raised by `level`.
    """
    noise = random_tensors(820, (64, vocab))[0].tanh()

    def next_logits(tokens):
        if tokens.shape[0] != len(scripts) or tokens.shape[1] < 1:
            raise ValueError(f"tokens must be [{len(scripts)}, at least 1], got {list(tokens.shape)}")
        rows = []
        for script, row in zip(scripts, tokens.tolist(), strict=True):
            step = len(row) - 1
            known = step < len(script) and row == [start, *script[:step]]
            likeliest = script[step] if known else 3 + (sum(row) + step) % (vocab - 3)
            rows.append(level + noise[step] + 4.0 * (torch.arange(vocab) == likeliest))
        return torch.stack(rows)

    return next_logits


def _greedy_case(
    name: str, start: int, end: int, max_len: int, *scripts: list[int], level: float = 0.0
) -> Case:
    return Case(name, (make_writer(start, *scripts, level=level), len(scripts), start, end, max_len))


GREEDY = Exercise(
    key="4.2-9",
    title="Greedy decoding of a batch",
    difficulty=2,
    minutes=20,
    statement=(
        "Write with a decoder: begin every row with start, ask next_logits for what comes next (it reads "
        "all tokens so far, start included), append the likeliest token, and go on. A row that has said end "
        "only repeats end from then on. Stop when all rows have said it, or after max_len written tokens. "
        "Return what was written, without start. (start and end are different tokens, and max_len is at "
        "least 1.)"
    ),
    takeaway="A decoder that gives one distribution at a time has written sentences of different lengths.",
    reference=greedy_decode,
    explanation="The loop feeds its own words back, and remembers for each row whether it has finished.",
    hints=(
        "Forget the end for a moment and write max_len tokens: what does the loop hold, and what grows by "
        "one column each time round?",
        "Which rows have finished is a boolean vector [batch] that starts out all False. How does the newest "
        "column change it?",
        "Two rules hang on that vector: what a finished row appends instead of its choice, and when the loop "
        "may stop. 'All' or 'any' for the second?",
    ),
    cases=(
        _greedy_case("one sentence of 3 words", 1, 2, 10, [5, 6, 4, 2]),
        _greedy_case(
            "three sentences that end at different times", 1, 2, 10, [5, 2], [6, 7, 3, 2], [4, 4, 2]
        ),
        _greedy_case("a sentence that is cut at 4 tokens", 1, 2, 4, [7, 6, 5, 4, 3, 3, 3, 2], [5, 2]),
        _greedy_case("at most one token", 1, 2, 1, [6, 2], [2]),
        _greedy_case("sentences that end at once", 2, 1, 5, [1], [1]),
        _greedy_case("start 7 and end 0", 7, 0, 6, [3, 0], [4, 5, 6, 0], [0]),
        _greedy_case("a sentence of exactly 3 tokens where 3 are allowed", 1, 2, 3, [4, 5, 2]),
        _greedy_case("logits that are all far below 0", 1, 2, 6, [4, 3, 2], [5, 6, 7, 2], level=-150.0),
    ),
    mistakes=(
        Mistake(
            "finished row goes on writing",
            "A row that has said end goes on with words while its neighbours are still busy. What should it "
            "append instead of what the decoder says?",
            (
                lambda *a: _greedy(*a, finished="write"),
                _until_all_say_end_at_once,
            ),
        ),
        Mistake(
            "writes to the end",
            "It comes out as if nothing happened at end: every row goes on with words until max_len is "
            "reached. A row that has said end repeats it, and when all have said it the loop ends.",
            (lambda *a: _greedy(*a, finished="write", until=_never),),
        ),
        Mistake(
            "one choice for all rows",
            "It comes out as if the likeliest token were looked for among the logits of all rows at once, "
            "or along another axis. A single sentence may come out right: each row has a likeliest token "
            "of its own.",
            (
                lambda *a: _greedy(*a, choose=lambda z: z.argmax().expand(len(z))),
                lambda *a: _greedy(*a, choose=lambda z: (z.argmax() % z.shape[1]).expand(len(z))),
                lambda *a: _greedy(*a, choose=lambda z: z.argmax(0)[: len(z)]),
            ),
        ),
        Mistake(
            "a search that begins at 0",
            "Right, except where all logits are negative: there it comes out as if token 0 were the "
            "likeliest, as it does when the search for the greatest begins at 0, or when e to the power of "
            "each is so small that it becomes 0. Compare the logits themselves, from below every number.",
            (lambda *a: _greedy(*a, choose=lambda logits: logits.clamp_min(0).argmax(-1)),),
        ),
        Mistake(
            "the least likely where all are negative",
            "Right, except where all logits are negative: there the least likely token comes out, or the one "
            "farthest from 0. A sum that is negative turns the order round when you divide by it, and so do "
            "squares and magnitudes. The likeliest token has the greatest logit as it stands.",
            (lambda *a: _greedy(*a, choose=lambda logits: logits.abs().argmax(-1)),),
        ),
        Mistake(
            "start read once",
            "It comes out as if the decoder read start in its first call and never again. It reads all "
            "tokens so far, start included, in every call.",
            (_start_read_once,),
        ),
        Mistake(
            "stops when the first row is done",
            "The loop ends as soon as one row has said end, whichever it is or a certain one, and the "
            "others are cut off. A single sentence comes out right: when is the last one done?",
            (
                lambda *a: _greedy(*a, until=torch.any),
                lambda *a: _greedy(*a, until=lambda done: done[0]),
            ),
        ),
        Mistake(
            "never stops early",
            "The words are right, but there are always max_len columns, also where all rows have said end "
            "before: the last ones are then nothing but end. The result stops where the last row has "
            "ended.",
            (lambda *a: _greedy(*a, until=_never),),
        ),
        Mistake(
            "start returned",
            "The start token still stands in front of each row. The decoder had to read it, but it was not "
            "written by it.",
            (
                lambda f, b, s, e, n: torch.cat([torch.full((b, 1), s), _greedy(f, b, s, e, n)], 1),
                lambda f, b, s, e, n: torch.cat([torch.full((b, 1), s), _greedy(f, b, s, e, n, room=-1)], 1),
            ),
        ),
        Mistake(
            "one token too few",
            "Where the length limit bites, you stop one token too early. Does start count towards max_len?",
            (lambda *a: _greedy(*a, room=-1),),
        ),
        Mistake(
            "one token too many",
            "Where the length limit bites, you write one token more than max_len. Start does not count: "
            "how many are written when you stop?",
            (lambda *a: _greedy(*a, room=1),),
        ),
        Mistake(
            "decoder sees only the last token",
            "Each call gives the decoder the newest token alone, and it forgets what it has written before. "
            "That works only with a cache; here it reads the whole beginning.",
            (
                lambda *a: _greedy(*a, reads=slice(-1, None)),
                lambda *a: _greedy(*a, reads=slice(-1, None), finished="write"),
            ),
        ),
        Mistake(
            "decoder always sees the same",
            "The decoder is given the start token every time and so repeats its first word. What it has "
            "written has to come back as its next input.",
            (lambda *a: _greedy(*a, reads=slice(0, 1)),),
        ),
        Mistake(
            "finished row filled with something else",
            "A finished row is filled up with something else than end, such as 0, -1 or start. The "
            "exercise wants end repeated, so that nothing new seems to be said.",
            tuple(lambda *a, fill=fill: _greedy(*a, finished=fill) for fill in ("zero", "minus", "start")),
        ),
        Mistake(
            "end left off",
            "The last column is missing in your result. It was written, and the end token that may stand "
            "in it too, so it belongs to the result.",
            (lambda *a: _greedy(*a)[:, :-1], _stops_before_the_last_end),
        ),
        Mistake(
            "written from right to left",
            "New tokens are put in front of the old ones, so the decoder reads its own words backwards. On "
            "which side does a sentence grow?",
            (_in_front,),
        ),
    ),
)


EXERCISES = (GREEDY,)
