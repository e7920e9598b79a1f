"""Exercises of chapter 4.2, the part on writing: greedy decoding, and one step of beam search.

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
    next_logits, batch, start, end, max_len, *, finished="repeat", until=torch.all, reads=slice(None), room=0
):
    tokens, done = torch.full((batch, 1), start), torch.zeros(batch, dtype=torch.bool)
    while tokens.shape[1] <= max_len + room and not until(done):
        chosen = next_logits(tokens[:, reads]).argmax(-1)
        if finished != "write":
            chosen = chosen.masked_fill(done, {"repeat": end, "zero": 0, "start": start}[finished])
        tokens = torch.cat([tokens, chosen[:, None]], 1)
        done = done | (chosen == end)
    return tokens[:, 1:]


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


def make_writer(start: int, *scripts: list[int], vocab: int = 8) -> Callable:
    """A stand-in for a decoder that knows its sentences by heart.

    Row r gives the highest logit to the next token of scripts[r] as long as it has been given exactly what
    comes before; otherwise, and after the end of the script, it babbles.
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
            rows.append(noise[step] + 4.0 * (torch.arange(vocab) == likeliest))
        return torch.stack(rows)

    return next_logits


def _greedy_case(name: str, start: int, end: int, max_len: int, *scripts: list[int]) -> Case:
    return Case(name, (make_writer(start, *scripts), len(scripts), start, end, max_len))


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
    ),
    mistakes=(
        Mistake(
            "finished row goes on writing",
            "A row that has said end goes on with words while its neighbours are still busy. What should it "
            "append instead of what the decoder says?",
            (
                lambda *a: _greedy(*a, finished="write"),
                lambda *a: _greedy(*a, finished="write", until=_never),
                _until_all_say_end_at_once,
            ),
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
            "one token too few or too many",
            "Where the length limit bites, you stop one token too early or too late. Does start count "
            "towards max_len?",
            (lambda *a: _greedy(*a, room=-1), lambda *a: _greedy(*a, room=1)),
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
            "A finished row is filled up with 0 or with start. The exercise wants end repeated, so that "
            "nothing new seems to be said.",
            (lambda *a: _greedy(*a, finished="zero"), lambda *a: _greedy(*a, finished="start")),
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


# 4.2-11 --------------------------------------------------------------------------------


def beam_step(log_probs, step_log_probs):
    """log_probs [beams] so far, step_log_probs [beams, vocab] -> parents, tokens, log_probs, each [beams]."""
    beams, vocab = step_log_probs.shape
    total = log_probs[:, None] + step_log_probs
    best, place = total.flatten().topk(beams)
    return place // vocab, place % vocab, best


def _chosen(total, divisor=None):
    best, place = total.flatten().topk(total.shape[0])
    divisor = total.shape[1] if divisor is None else divisor
    return place // divisor, place % divisor, best


def _each_its_own(log_probs, step):
    best, token = step.max(-1)
    return torch.arange(len(log_probs)), token, log_probs + best


def _each_its_own_sorted(log_probs, step):
    best, token = step.max(-1)
    order = (log_probs + best).argsort(descending=True)
    return order, token[order], (log_probs + best)[order]


def _each_its_own_sum(log_probs, step):
    """As above, the sums compared: behind a beginning of -inf all tokens tie."""
    best, token = (log_probs[:, None] + step).max(-1)
    best, order = best.sort(descending=True)
    return order, token[order], best


def _best_beam_only(log_probs, step):
    best, token = step[log_probs.argmax()].topk(len(log_probs))
    return log_probs.argmax().expand(len(log_probs)), token, log_probs.max() + best


def _unsorted(log_probs, step):
    parent, token, best = _chosen(log_probs[:, None] + step)
    order = (parent * step.shape[1] + token).argsort()
    return parent[order], token[order], best[order]


def _step_returned(log_probs, step):
    parent, token, _ = _chosen(log_probs[:, None] + step)
    return parent, token, step[parent, token]


def _chosen_by_the_step(log_probs, step):
    parent, token, best = _chosen(step)
    return parent, token, log_probs[parent] + best


def _worst(log_probs, step):
    parent, token, best = _chosen(-(log_probs[:, None] + step))
    return parent, token, -best


def _of_parent(log_probs, step):
    parent, token, _ = _chosen(log_probs[:, None] + step)
    return parent, token, log_probs[parent]


def _beam_case(name: str, seed: int, log_probs: list[float], vocab: int, size: float = 1.5) -> Case:
    step = (size * random_tensors(seed, (len(log_probs), vocab))[0]).log_softmax(-1)
    return Case(name, (torch.tensor(log_probs), step))


BEAM = Exercise(
    key="4.2-11",
    title="One step of beam search",
    difficulty=2,
    minutes=15,
    statement=(
        "Beam search follows several beginnings at once. log_probs[b] is the log-probability of beginning b, "
        "and step_log_probs[b, v] that of token v after it. Choose, among all continuations of all "
        "beginnings, as many of the likeliest as there are beams. Return three tensors, best first: which "
        "beginning each continues (parents), with which token, and its log-probability."
    ),
    takeaway="A beginning may have several children or none: all continuations compete with each other.",
    reference=beam_step,
    explanation="Add along the path, lay the table flat, take the best: the place tells row and column.",
    hints=(
        "The probability of a beginning with one more token is a product. What becomes of it for logarithms, "
        "and how do [beams] and [beams, vocab] meet in it?",
        "Now there is a table of all continuations. Does each row choose its own best, or do all entries "
        "compete in one competition?",
        "In a table laid flat row by row, entry (b, v) stands at place b * vocab + v. How do you get b and v "
        "back from the place?",
    ),
    cases=(
        _beam_case("3 beams, 5 tokens", 921, [-1.0, -1.2, -1.5], 5),
        _beam_case("the first step: only one beginning is possible", 922, [0.0, -torch.inf, -torch.inf], 6),
        _beam_case("2 beams, one far ahead", 923, [-0.5, -6.0], 4),
        _beam_case("4 beams not in order, 4 tokens", 924, [-3.0, -2.5, -2.8, -2.6], 4),
        _beam_case("a single beam, which is greedy", 925, [-2.0], 7),
        _beam_case("4 beams, 9 tokens, close to each other", 926, [-2.0, -2.1, -1.9, -2.2], 9, 0.7),
    ),
    mistakes=(
        Mistake(
            "each beam keeps its own best",
            "Every beginning gets exactly one child in your result. A poor beginning should be able to die, "
            "and a good one to go on in two ways.",
            (_each_its_own, _each_its_own_sorted, _each_its_own_sum),
        ),
        Mistake(
            "only the best beam continued",
            "All your continuations come from one beginning, the likeliest. A second-best beginning with an "
            "excellent next token can overtake it.",
            (_best_beam_only,),
        ),
        Mistake(
            "earlier log-probabilities forgotten",
            "You compare the new tokens alone, as if all beginnings were equally likely. An impossible "
            "beginning then wins if its next word is sure.",
            (lambda log_probs, step: _chosen(step), _chosen_by_the_step),
        ),
        Mistake(
            "log-probabilities multiplied",
            "You multiply logarithms. Probabilities along a path are multiplied, so what happens to their "
            "logarithms?",
            (
                lambda log_probs, step: _chosen(log_probs[:, None] * step),
                lambda log_probs, step: _chosen(-log_probs[:, None] * step),
            ),
        ),
        Mistake(
            "probabilities added",
            "You add probabilities where a product belongs: a path whose first half is impossible would "
            "still look good.",
            (
                lambda log_probs, step: _chosen(log_probs.exp()[:, None] + step.exp()),
                lambda log_probs, step: _chosen((log_probs.exp()[:, None] + step.exp()).log()),
            ),
        ),
        Mistake(
            "probabilities instead of logarithms",
            "You chose rightly and hand back probabilities. After a hundred tokens they are too small for a "
            "float: stay with the logarithms.",
            (lambda log_probs, step: _chosen((log_probs[:, None] + step).exp()),),
        ),
        Mistake(
            "place divided by the number of beams",
            "The log-probabilities are right, but parents and tokens are not, save where there are as many "
            "beams as tokens. How long is one row of the table that you laid flat?",
            (lambda log_probs, step: _chosen(log_probs[:, None] + step, divisor=len(log_probs)),),
        ),
        Mistake(
            "parents and tokens exchanged",
            "Your first tensor holds the tokens and the second the parents (or the table was laid flat the "
            "other way round). Which comes first in the statement?",
            (lambda log_probs, step: tuple(_chosen(log_probs[:, None] + step)[i] for i in (1, 0, 2)),),
        ),
        Mistake(
            "added along the wrong axis",
            "Your old log-probabilities are added to the tokens and not to the beginnings: an error in most "
            "cases, and a wrong table where there are as many tokens as beams.",
            (lambda log_probs, step: _chosen(log_probs + step),),
        ),
        Mistake(
            "not sorted",
            "The right continuations are there, but not from best to worst. The first row is what is handed "
            "out at the end.",
            (_unsorted, lambda *a: tuple(part.flip(0) for part in beam_step(*a))),
        ),
        Mistake(
            "log-probability of a part",
            "Parents and tokens are right. The number that you return is that of the last token alone, or of "
            "the beginning alone; the next step needs that of the whole path.",
            (_step_returned, _of_parent),
        ),
        Mistake(
            "the least likely chosen",
            "You keep the continuations with the lowest log-probabilities. Log-probabilities are negative: "
            "the likeliest is the one nearest to 0.",
            (_worst,),
        ),
    ),
    parts=("parents", "tokens", "log-probabilities"),
)


EXERCISES = (GREEDY, BEAM)
