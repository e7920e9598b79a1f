"""Exercise of chapter 3.2, the part on counting: who stands near whom.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.2-1 ----------------------------------------------------------------------------------


def count_neighbours(tokens, vocab_size, window):
    """tokens [n], -1 for no word -> counts [vocab_size, vocab_size]: row the word, column its neighbour."""
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            other = int(tokens[j])
            if i != j and word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


def _counts(tokens, vocab_size, window, near=lambda i, j, w: 0 < abs(i - j) <= w, weight=lambda d: 1.0):
    """Counts of all pairs of places that are `near`, each with the weight of its distance."""
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        for j, other in enumerate(tokens.tolist()):
            if near(i, j, window) and word >= 0 and other >= 0:
                counts[word, other] += weight(abs(i - j))
    return counts


def _hidden_as_the_last_word(tokens, vocab_size, window):
    return _counts(torch.where(tokens < 0, vocab_size - 1, tokens), vocab_size, window)


def _hidden_as_a_neighbour(tokens, vocab_size, window):
    """Only the word itself is asked whether it is one."""
    counts = _counts(torch.where(tokens < 0, vocab_size, tokens), vocab_size + 1, window)
    counts[:, vocab_size - 1] += counts[:, vocab_size]
    return counts[:vocab_size, :vocab_size]


def _in_pieces(tokens, vocab_size, window):
    return sum(_counts(piece, vocab_size, window) for piece in tokens.split(window + 1))


def _sliding(tokens, vocab_size, window):
    starts = range(len(tokens) - window)
    counts = [_counts(tokens[start : start + window + 1], vocab_size, window) for start in starts]
    return sum(counts, torch.zeros(vocab_size, vocab_size))


def _full_windows(tokens, vocab_size, window):
    return _counts(
        tokens, vocab_size, window, lambda i, j, w: 0 < abs(i - j) <= w and w <= i < len(tokens) - w
    )


def _without_the_last(tokens, vocab_size, window):
    return _counts(tokens, vocab_size, window, lambda i, j, w: 0 < abs(i - j) <= w and i < len(tokens) - 1)


def _round_the_beginning(tokens, vocab_size, window):
    """Places before the first are those from the end, as far as there are any."""
    counts = _counts(tokens, vocab_size, window)
    for i, word in enumerate(tokens.tolist()):
        for j in range(max(i - window, -len(tokens)), 0):
            if word >= 0 and tokens[j] >= 0:
                counts[word, tokens[j]] += 1
    return counts


def _slices_from_the_end(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i, word in enumerate(tokens.tolist()):
        before, after = tokens[i - window : i], tokens[i + 1 : i + 1 + window]
        for other in torch.cat((before, after)).tolist():
            if word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


def _up_to_a_gap(tokens, vocab_size, window):
    """A place without a word ends the view of those before and behind it."""

    def sees(i, j, w):
        return 0 < abs(i - j) <= w and bool((tokens[min(i, j) : max(i, j)] >= 0).all())

    return _counts(tokens, vocab_size, window, sees)


def _alike_once(tokens, vocab_size, window):
    counts, text = torch.zeros(vocab_size, vocab_size), tokens.tolist()
    for i, word in enumerate(text):
        others = {*text[max(0, i - window) : i], *text[i + 1 : i + 1 + window]}
        for other in others - {-1}:
            if word >= 0:
                counts[word, other] += 1
    return counts


def _once_at_a_distance(tokens, vocab_size, window):
    """`counts[words, neighbours] += 1` for all pairs of a distance at once."""
    counts = torch.zeros(vocab_size, vocab_size)
    for distance in range(1, min(window, len(tokens) - 1) + 1):
        one, other = tokens[:-distance], tokens[distance:]
        both = (one >= 0) & (other >= 0)
        counts[one[both], other[both]] += 1
        counts[other[both], one[both]] += 1
    return counts


def _equal_words_once(tokens, vocab_size, window):
    counts = count_neighbours(tokens, vocab_size, window)
    return counts - counts.diagonal().diag() / 2


def _other_words_only(tokens, vocab_size, window):
    return _counts(tokens, vocab_size, window).fill_diagonal_(0)


def _text(*numbers):
    return torch.tensor(numbers)


COUNTS = Exercise(
    key="3.2-1",
    title="Who stands near whom",
    difficulty=1,
    minutes=15,
    statement=(
        "Count how often each word stands near each other word: entry (w, c) is the number of pairs of "
        "different places, at most `window` apart, with word w at the one and word c at the other. Two "
        "places with one and the same word are counted from both sides too. A -1 in the text is a place "
        "without a word: it is near nobody, but it takes up room."
    ),
    takeaway="This table is all that vectors from counts will ever know of the text.",
    reference=count_neighbours,
    explanation="Each place looks to both sides, as far as the window and the text reach.",
    hints=(
        "Take the text 0 1 2 0 3 and window 1. Which pairs of places are near, and in which two entries of "
        "the table does each of them stand?",
        "For the place i the near ones begin at i - window and end at i + window. What happens to these two "
        "at the edges of the text?",
        "Two conditions decide whether a pair counts: the places differ (not the words!), and neither holds "
        "a -1.",
    ),
    cases=(
        Case("5 words, window 1", (_text(0, 1, 2, 0, 3), 4, 1)),
        Case("the same words, window 2", (_text(0, 1, 2, 0, 3), 4, 2)),
        Case("a text with places without a word", (_text(0, -1, 1, 2, -1, -1, 2, 1), 4, 2)),
        Case("a word beside itself", (_text(1, 1, 0, 1, 1), 2, 2)),
        Case("a window longer than the text", (_text(2, 0, 1), 3, 9)),
        Case("a single word", (_text(0), 2, 3)),
        Case(
            "30 words, window 3",
            (torch.randint(-1, 6, (30,), generator=torch.Generator().manual_seed(1)), 6, 3),
        ),
    ),
    mistakes=(
        Mistake(
            "one side only",
            "Each place looks in one direction only, so that each pair of places is counted once. If w "
            "stands near c, then c stands near w, and both entries count.",
            (
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < j - i <= w),
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < i - j <= w),
            ),
        ),
        Mistake(
            "the place itself counted",
            "The diagonal is too large by each word's own count: every place counts itself as near. A word "
            "is its own neighbour only where it stands a second time.",
            (lambda t, v, w: _counts(t, v, w, lambda i, j, w: abs(i - j) <= w),),
        ),
        Mistake(
            "window one too short",
            "A neighbour exactly `window` places away is missing, on one side or on both. `range` and slices "
            "stop before their end.",
            (
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: 0 < abs(i - j) < w),
                lambda t, v, w: _counts(t, v, w, lambda i, j, w: i - w <= j < i + w and i != j),
            ),
        ),
        Mistake(
            "half the window",
            "You look at half of `window` to each side. A neighbour may be as many as `window` places away "
            "on either side.",
            (lambda t, v, w: _counts(t, v, w // 2),),
        ),
        Mistake(
            "cut into pieces",
            "It comes out as if the text were cut into pieces of window + 1 places: pairs across a cut are "
            "missing. Every place looks as far as `window` to both sides.",
            (_in_pieces,),
        ),
        Mistake(
            "once for each window",
            "A pair counts once for each run of window + 1 places that holds both, so that near pairs count "
            "more often, and a text shorter than that has none. Each pair of places counts once for each "
            "side.",
            (_sliding,),
        ),
        Mistake(
            "no neighbours near the ends",
            "A place with fewer than `window` places before or behind it counts nothing for its own word. "
            "It has neighbours too: fewer.",
            (_full_windows,),
        ),
        Mistake(
            "the last place has no row",
            "The last place counts nothing for its own word: your loop ends one place too early.",
            (_without_the_last,),
        ),
        Mistake(
            "word 0 left out",
            "Word 0 has no neighbours in your table, and is nobody's. Only -1 stands for a place without a "
            "word: 0 is a word.",
            (lambda t, v, w: _counts(torch.where(t == 0, -1, t), v, w),),
        ),
        Mistake(
            "places before the first",
            "At the beginning of the text you look further than its first place: a negative index takes "
            "places from its end.",
            (_round_the_beginning,),
        ),
        Mistake(
            "only at the distance",
            "You count the pairs that are exactly `window` apart. Nearer ones are near as well: every "
            "distance from 1 to `window` counts.",
            (lambda t, v, w: _counts(t, v, w, lambda i, j, w: abs(i - j) == w),),
        ),
        Mistake(
            "gaps closed",
            "It comes out as if the places without a word were taken out of the text before counting, so "
            "that words that were far apart became neighbours. A -1 counts for nothing, but it keeps its "
            "place.",
            (lambda t, v, w: _counts(t[t >= 0], v, w),),
        ),
        Mistake(
            "-1 counted as the last word",
            "The last word has neighbours that it never had, as when Python reads the index -1 as 'the last "
            "one'. Leave those places out.",
            (_hidden_as_the_last_word,),
        ),
        Mistake(
            "-1 as a neighbour",
            "A place without a word has no row in your table, but as a neighbour it is counted, for the "
            "last word: the index -1 means the last one. Leave it out there too.",
            (_hidden_as_a_neighbour,),
        ),
        Mistake(
            "slices from the end",
            "At the beginning of the text a neighbour is lost: i - window is negative there, and a negative "
            "start of a slice counts from the end of the text.",
            (_slices_from_the_end,),
        ),
        Mistake(
            "a word never beside itself",
            "You leave out pairs of equal words. Two places may hold the same word: compare the places, not "
            "the words.",
            (_other_words_only,),
        ),
        Mistake(
            "equal words from one side",
            "On the diagonal you have half of what is asked for. Two places with the same word are counted "
            "from both sides, as all pairs are.",
            (_equal_words_once,),
        ),
        Mistake(
            "a gap ends the view",
            "What comes out is as if a word did not see past a -1. Such a place is near nobody, but words on "
            "both sides of it may be near each other.",
            (_up_to_a_gap,),
        ),
        Mistake(
            "once at each distance",
            "A pair of words that meets several times at one distance is counted once there, as "
            "`counts[words, others] += 1` does for a whole list of pairs (`index_put_` with "
            "accumulate=True adds each of them).",
            (_once_at_a_distance,),
        ),
        Mistake(
            "met or not",
            "Your table holds zeros and ones: it says whether two words ever met, not how often.",
            (lambda t, v, w: _counts(t, v, w).clamp(max=1),),
        ),
        Mistake(
            "divided by a sum",
            "You divide the counts by a sum, that of all or of each row. Asked for are the counts "
            "themselves.",
            (
                lambda t, v, w: _counts(t, v, w) / _counts(t, v, w).sum().clamp(min=1),
                lambda t, v, w: _counts(t, v, w) / _counts(t, v, w).sum(1, keepdim=True).clamp(min=1),
            ),
        ),
        Mistake(
            "several alike counted once",
            "A word that stands several times near a place is counted once there. Every pair of places "
            "counts.",
            (_alike_once,),
        ),
        Mistake(
            "near words weigh more",
            "You let near pairs count more than far ones. Some methods do that; here every pair within the "
            "window counts 1.",
            (
                lambda t, v, w: _counts(t, v, w, weight=lambda d: 1 / d),
                lambda t, v, w: _counts(t, v, w, weight=lambda d: w + 1 - d),
            ),
        ),
    ),
)


EXERCISES = (COUNTS,)
