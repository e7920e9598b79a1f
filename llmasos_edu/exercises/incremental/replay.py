"""Exercise of chapter 3.3, the part on replay: a fair sample of a stream whose end nobody knows.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.3-2 ----------------------------------------------------------------------------------


def reservoir(stream, held_out, draws, capacity):
    """stream [n], held_out [n] bool, draws [n] in [0, 1) -> the buffer at the end [at most capacity]."""
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if hidden:
            continue
        seen += 1
        place = int(draw * seen)
        if len(kept) < capacity:
            kept.append(item)
        elif place < capacity:
            kept[place] = item
    return torch.tensor(kept)


def _buffer(place, *, counts=lambda hidden: not hidden, enters=lambda hidden: not hidden, at_the_end=False):
    """A buffer whose place for an item is `place(draw, seen, capacity, n)`.

    `counts` and `enters` say whether an item with this mark is counted as seen, and whether it may enter;
    `at_the_end` throws held-out items out of the buffer when all is over.
    """

    def answer(stream, held_out, draws, capacity):
        kept, seen = [], 0
        for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
            seen += counts(hidden)
            if not enters(hidden):
                continue
            if len(kept) < capacity:
                kept.append((item, hidden))
                continue
            where = int(place(draw, seen, capacity, len(stream)))
            if 0 <= where < capacity:
                kept[where] = (item, hidden)
        return torch.tensor([item for item, hidden in kept if not (at_the_end and hidden)])

    return answer


def _enters_at(where):
    """The right items enter a full buffer, at another place, `where(draw, seen, capacity)`."""
    return _buffer(
        lambda draw, seen, capacity, n: (
            where(draw, seen, capacity) if int(draw * seen) < capacity else capacity
        )
    )


def _always(hidden):
    return True


def _uniform(draw, seen, capacity, n):
    return draw * seen


def _ring(draw, seen, capacity, n):
    return (seen - 1) % capacity


def _latest(stream, held_out, draws, capacity):
    return stream[~held_out][-capacity:]


def _oldest_out(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        seen += not hidden
        if not hidden and (len(kept) < capacity or draw * seen < capacity):
            kept = [*kept, item][-capacity:]
    return torch.tensor(kept)


def _moved_up(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        seen += not hidden
        place = int(draw * seen)
        if not hidden and (len(kept) < capacity or place < capacity):
            kept = [item_before for n, item_before in enumerate(kept) if len(kept) < capacity or n != place]
            kept.append(item)
    return torch.tensor(kept)


def _one_place_more(draw, seen, capacity, n):
    place = int(draw * seen)
    return min(place, capacity - 1) if place <= capacity else place


def _counted_when_full(stream, held_out, draws, capacity):
    """Items are counted from the first one that meets a full buffer."""
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if hidden:
            continue
        if len(kept) < capacity:
            kept.append(item)
            continue
        seen += 1
        if int(draw * seen) < capacity:
            kept[int(draw * seen)] = item
    return torch.tensor(kept)


def _test_data_counted_once_full(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        seen += not hidden or len(kept) == capacity
        if hidden:
            continue
        if len(kept) < capacity:
            kept.append(item)
        elif int(draw * seen) < capacity:
            kept[int(draw * seen)] = item
    return torch.tensor(kept)


def _smallest_draws(stream, held_out, draws, capacity):
    stream, draws = stream[~held_out], draws[~held_out]
    return stream[draws.argsort()[:capacity].sort().values]


def _from_the_front(stream, held_out, draws, capacity):
    """The first items stand in the other order; then all goes its way."""
    places = (~held_out).nonzero()[:capacity, 0]
    turned = stream.clone()
    turned[places] = stream[places.flip(0)]
    return reservoir(turned, held_out, draws, capacity)


def _length_of_what_is_counted(stream, held_out, draws, capacity):
    counted = len(stream) - int(held_out.sum())
    return _buffer(lambda draw, seen, capacity, n: draw * counted)(stream, held_out, draws, capacity)


def _draws_out_of_step(skip):
    """The draws taken one after the other, and not each with its item; `skip` of them for the full buffer."""

    def answer(stream, held_out, draws, capacity):
        stream = stream[~held_out]
        shift = capacity if skip else 0
        draws = torch.cat((torch.zeros(shift), draws))[: len(stream)]
        return reservoir(stream, torch.zeros(len(stream), dtype=torch.bool), draws, capacity)

    return answer


def _no_example_twice(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        seen += not hidden
        place = len(kept) if len(kept) < capacity else int(draw * seen)
        if not hidden and item not in kept and place < capacity:
            kept[place : place + 1] = [item]
    return torch.tensor(kept)


def _looked_up(stream, held_out, draws, capacity):
    first = [stream.tolist().index(item) for item in stream.tolist()]
    return reservoir(stream, held_out[first], draws[first], capacity)


def _stream(name, seed, n, capacity, held_out=0.25):
    generator = torch.Generator().manual_seed(seed)
    stream = torch.randperm(10 * n, generator=generator)[:n]
    hidden = torch.rand(n, generator=generator) < held_out
    return Case(name, (stream, hidden, torch.rand(n, generator=generator), capacity))


def _items(name, stream, test_data, draws, capacity):
    hidden = torch.tensor([place in test_data for place in range(len(stream))])
    return Case(name, (torch.tensor(stream), hidden, torch.tensor(draws), capacity))


_JUST_MISS = [0.9, 0.3, 0.625, 0.5, 0.1, 0.375, 0.0]
_DRAWS = [0.35, 0.85, 0.35, 0.3, 0.35, 0.65, 0.45, 0.05, 0.55, 0.65]

RESERVOIR = Exercise(
    key="3.3-2",
    title="A fair sample of the past",
    difficulty=2,
    minutes=20,
    statement=(
        "Replay keeps a buffer of at most `capacity` training examples. At any time, each example seen so "
        "far should be in it with the same probability, though nobody knows how long the stream will be. "
        "Reservoir sampling (Vitter 1985, algorithm R) does that. Go through the stream. Items marked "
        "held_out are test data: they never enter, and they do not count as seen. Every other item is "
        "counted; while the buffer has room, it is added at the end. Once the buffer is full, the item with "
        "the number `seen` (the first has number 1) gets the place floor(draw * seen) with the draw of its "
        "own position: if that is a place in the buffer, it replaces what stands there; if not, it is "
        "dropped. Return the buffer."
    ),
    takeaway="The n-th item stays with probability capacity / n, which makes all n equal again.",
    reference=reservoir,
    explanation="Each training item draws a place among all seen so far, and is kept if the buffer has it.",
    hints=(
        "When the 10th item arrives and the buffer holds 3, with what probability must it enter, so that all "
        "ten are alike?",
        "A place drawn among `seen` places lies in the buffer with just that probability. Is the present "
        "item counted when you draw?",
        "Walk through stream, marks and draws together, so that each draw stays with its own item. The test "
        "for held-out items comes before anything else, also before counting.",
    ),
    cases=(
        _stream("20 items, room for 4", 8201, 20, 4),
        _stream("60 items, room for 8", 8202, 60, 8),
        _stream("no test data", 8203, 30, 5, held_out=0.0),
        _stream("half of it test data", 8204, 40, 5, held_out=0.5),
        _stream("room for all", 8205, 9, 12),
        _stream("room for one", 8206, 25, 1),
        _stream("200 items, room for 20", 8207, 200, 20),
        _items("draws that just miss", [31, 12, 57, 40, 28, 63, 75], (4,), _JUST_MISS, 2),
        _items("equal examples", [7, 0, 7, 3, 9, 7, 0, 5, 3, 7], (4, 7), _DRAWS, 3),
    ),
    mistakes=(
        Mistake(
            "the place rounded to the nearest",
            "You round draw * seen to the nearest whole number, so that place 0 is hit half as often as it "
            "should be. The floor is asked for: which numbers have the floor 0?",
            (_buffer(lambda draw, seen, capacity, n: round(draw * seen)),),
        ),
        Mistake(
            "the place rounded up",
            "What comes out is as if draw * seen were rounded up, so that place 0 is never hit. The floor is "
            "asked for: the largest whole number that is not above it.",
            (_buffer(lambda draw, seen, capacity, n: -int(-draw * seen // 1)),),
        ),
        Mistake(
            "equal examples",
            "Equal examples of the stream are not told apart. Each comes at its own place, with its own draw "
            "and its own mark, and may enter although the buffer holds its like.",
            (_no_example_twice, _looked_up),
        ),
        Mistake(
            "a place of its own",
            "Whether an item enters, you decide rightly; where, by another rule. The place that was drawn, "
            "floor(draw * seen), is the place in the buffer: no second one is needed.",
            (
                _enters_at(lambda draw, seen, capacity: draw * capacity),
                _enters_at(lambda draw, seen, capacity: (seen - 1) % capacity),
                _enters_at(lambda draw, seen, capacity: capacity - 1),
                _enters_at(lambda draw, seen, capacity: 0),
            ),
        ),
        Mistake(
            "wrapped round",
            "What comes out is as if a place behind the buffer were counted on from its beginning (modulo "
            "the capacity). Such an item is dropped.",
            (_buffer(lambda draw, seen, capacity, n: int(draw * seen) % capacity),),
        ),
        Mistake(
            "counted when full",
            "What comes out is as if items were counted only once the buffer is full. Those that filled it "
            "have been seen too: the first of all has the number 1.",
            (_counted_when_full,),
        ),
        Mistake(
            "the position for the number",
            "What comes out is as if an item's number were its position in the stream, counted from 0. It is "
            "counted from 1, and test data is not counted.",
            (_buffer(lambda draw, seen, capacity, n: draw * (seen - 1), counts=_always),),
        ),
        Mistake(
            "the others move up",
            "You take the item at the place out and add the new one at the end: all behind it move to other "
            "places, and the next draw meets somebody else there. The new one stands in the old one's place.",
            (_moved_up,),
        ),
        Mistake(
            "the place behind the last one",
            "The place that equals the capacity counts as one in the buffer. With room for 4 the places are "
            "0 to 3: an item that draws 4 is dropped.",
            (_buffer(_one_place_more),),
        ),
        Mistake(
            "test data leaks",
            "Held-out items are in your buffer. The model will train on its own test, and every score from "
            "then on is worth nothing.",
            (_buffer(_uniform, counts=_always, enters=_always),),
        ),
        Mistake(
            "test data thrown out too late",
            "You take held-out items out of the buffer at the end. Until then they have pushed training "
            "items out, and their places stay empty. Pass them by when they arrive.",
            (_buffer(_uniform, counts=_always, enters=_always, at_the_end=True),),
        ),
        Mistake(
            "test data counted",
            "Held-out items stay out, but you count them as seen. The training items after them then enter "
            "too rarely: the sample leans to the beginning.",
            (_buffer(_uniform, counts=_always),),
        ),
        Mistake(
            "the present item not counted",
            "You draw among the items before the present one. It has been seen too: count it first. As it "
            "is, late items enter too often.",
            (_buffer(lambda draw, seen, capacity, n: draw * (seen - 1)),),
        ),
        Mistake(
            "counted one too many",
            "Your count is one too high when you draw: the first item has the number 1, not 2. Late items "
            "enter too rarely.",
            (_buffer(lambda draw, seen, capacity, n: draw * (seen + 1)),),
        ),
        Mistake(
            "every item enters",
            "Every item finds a place in your full buffer, so the past is washed out: nearly all that is "
            "left is recent. The place is drawn among all seen, not among the buffer's.",
            (_buffer(lambda draw, seen, capacity, n: draw * capacity),),
        ),
        Mistake(
            "first come, only served",
            "Your buffer never changes once it is full. It remembers the beginning of the stream and nothing "
            "of what came later.",
            (_buffer(lambda draw, seen, capacity, n: -1),),
        ),
        Mistake(
            "the latest items",
            "Your buffer holds the latest items, as a window over the stream does. After two tasks it has "
            "forgotten the first, which is what replay should prevent.",
            (_buffer(_ring), _latest),
        ),
        Mistake(
            "the oldest goes",
            "Whether an item enters, you decide rightly, but it always pushes out the oldest. Then old items "
            "vanish sooner than others. The place drawn says who goes.",
            (_oldest_out,),
        ),
        Mistake(
            "length known beforehand",
            "You draw among as many places as there are items in the end. Their number is not known while "
            "the stream runs, and the early items enter far too rarely.",
            (_buffer(lambda draw, seen, capacity, n: draw * n), _length_of_what_is_counted),
        ),
        Mistake(
            "added at the front",
            "What comes out is as if each item were put before the others while the buffer fills. It is "
            "added at the end.",
            (_from_the_front,),
        ),
        Mistake(
            "room for one more",
            "Your buffer takes one item more than `capacity` before it counts as full.",
            (lambda stream, held_out, draws, capacity: reservoir(stream, held_out, draws, capacity + 1),),
        ),
        Mistake(
            "the last place is safe",
            "What comes out is as if the last place of a full buffer could not be drawn. Its places are 0 to "
            "capacity - 1, and each of them can.",
            (_buffer(lambda draw, seen, capacity, n: draw * seen if int(draw * seen) < capacity - 1 else n),),
        ),
        Mistake(
            "the first place is safe",
            "What comes out is as if place 0 of a full buffer could not be drawn. Its places are 0 to "
            "capacity - 1, and each of them can.",
            (_buffer(lambda draw, seen, capacity, n: draw * seen if int(draw * seen) > 0 else n),),
        ),
        Mistake(
            "chance of one item later",
            "What comes out is as if an item entered with the chance of the next one, capacity / (seen + 1). "
            "The present item is the one with the number `seen`.",
            (_buffer(lambda draw, seen, capacity, n: draw * seen if draw * (seen + 1) <= capacity else n),),
        ),
        Mistake(
            "test data counted once full",
            "Held-out items stay out, but once the buffer is full you count them as seen. They do not count "
            "at any time.",
            (_test_data_counted_once_full,),
        ),
        Mistake(
            "the smallest draws stay",
            "What comes out is as if the items with the smallest draws were kept. That is a fair sample too, "
            "of another kind: here a draw says at which place its item enters.",
            (_smallest_draws,),
        ),
        Mistake(
            "draws out of step",
            "You use the draws one after the other, and not each with the item of its own position. Take the "
            "same items out of the draws that you take out of the stream.",
            (_draws_out_of_step(skip=False), _draws_out_of_step(skip=True)),
        ),
    ),
)


EXERCISES = (RESERVOIR,)
