"""Exercise of chapter 3.1, the part on hiding whole words.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from itertools import pairwise

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-3 ----------------------------------------------------------------------------------


def hide_words(starts, draws, share):
    """starts [seq] (True = a word begins here), draws [seq] -> hidden [seq], True or False."""
    word = starts.long().cumsum(0) - 1
    return draws[starts][word] < share


def _runs(starts, draws):
    """The draws of each word, word after word."""
    places = [*starts.nonzero()[:, 0].tolist(), len(starts)]
    return [draws[a:b] for a, b in pairwise(places)]


def _by_word(decide):
    """An answer that decides for a whole word by its draws."""

    def answer(starts, draws, share):
        words = _runs(starts, draws)
        return torch.cat([torch.full((len(word),), bool(decide(word, share))) for word in words])

    return answer


def _moved_end(step):
    """Hidden words end so many tokens behind their end."""

    def answer(starts, draws, share):
        hidden, places = torch.zeros_like(starts), [*starts.nonzero()[:, 0].tolist(), len(starts)]
        for begin, end in pairwise(places):
            if draws[begin] < share:
                hidden[begin : end + step] = True
        return hidden

    return answer


def _from_the_first_low_draw(starts, draws, share):
    return torch.cat([(word < share).long().cumsum(0) > 0 for word in _runs(starts, draws)])


def _zeros_filled(starts, draws, share):
    held = torch.where(starts, draws, 0.0).tolist()
    for i in range(1, len(held)):
        held[i] = held[i] or held[i - 1]
    return torch.tensor(held) < share


def _next_word(starts, draws, share):
    firsts = draws[starts]
    return firsts[starts.long().cumsum(0).clamp_max(len(firsts) - 1)] < share


def _consecutive_draws(starts, draws, share):
    return draws[starts.long().cumsum(0) - 1] < share


def _between_two_starts(starts, draws, share):
    hidden, places = torch.zeros_like(starts), starts.nonzero()[:, 0].tolist()
    for begin, end in pairwise(places):
        hidden[begin:end] = draws[begin] < share
    return hidden


def _word_before(starts, draws, share):
    return draws[starts][(starts.long().cumsum(0) - 2).clamp_min(0)] < share


def _number_of_words(starts, draws, share):
    firsts = draws[starts]
    count = max(1, round(share * len(firsts)))
    chosen = torch.zeros(len(firsts), dtype=torch.bool)
    chosen[firsts.argsort()[:count]] = True
    return chosen[starts.long().cumsum(0) - 1]


def _words(name, seed, seq, share, begin=0.4):
    generator = torch.Generator().manual_seed(seed)
    starts = torch.rand(seq, generator=generator) < begin
    starts[0] = True
    return Case(name, (starts, torch.rand(seq, generator=generator), share))


WORDS = Exercise(
    key="3.1-3",
    title="Hide whole words",
    difficulty=2,
    minutes=10,
    statement=(
        "A word may be cut into several tokens; starts says where a word begins, and the first token always "
        "begins one. Hide whole words: a word is hidden, with all its tokens, when the draw of its first "
        "token is below share. The draws of its other tokens do not count."
    ),
    takeaway="Half a hidden word is no riddle: its other half gives it away.",
    reference=hide_words,
    explanation="Counting the beginnings numbers the words; each token takes the draw of its word's first.",
    hints=(
        "Give every token the number of its word: 0 0 0 1 1 2. A running count of something makes it.",
        "How many words have begun up to and including this token? That count, less one, is the number.",
        "Keep the draws of the first tokens alone: they are one for each word, in order. Index them by the "
        "numbers of the words.",
    ),
    any_order=False,
    cases=(
        _words("12 tokens", 7101, 12, 0.4),
        _words("60 tokens, 15 %", 7102, 60, 0.15),
        _words("every token a word", 7103, 20, 0.3, begin=2.0),
        _words("long words", 7104, 50, 0.5, begin=0.15),
        _words("200 tokens", 7105, 200, 0.15, begin=0.5),
        _words("one token", 7106, 1, 1.0),
        Case(
            "five words, two of them hidden",
            (
                torch.tensor([True, False, True, False, False, True, True, False, True]),
                torch.tensor([0.1, 0.9, 0.8, 0.05, 0.3, 0.7, 0.19, 0.6, 0.21]),
                0.2,
            ),
        ),
        Case(
            "low draws with a larger sum",
            (
                torch.tensor([True, False, True, False, True, False]),
                torch.tensor([0.2, 0.25, 0.6, 0.1, 0.1, 0.15]),
                0.3,
            ),
        ),
        Case(
            "a draw that lies just on the share",
            (torch.tensor([True, True, False, True]), torch.tensor([0.125, 0.25, 0.125, 0.5]), 0.25),
        ),
        Case(
            "a draw of 0",
            (
                torch.tensor([True, False, True, False, True]),
                torch.tensor([0.9, 0.3, 0.0, 0.8, 0.5]),
                0.4,
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "each token on its own",
            "You decide for each token by its own draw, so that words are hidden in part.",
            (lambda s, d, p: d < p,),
        ),
        Mistake(
            "the share itself hidden",
            "A word whose draw equals the share is hidden by you. Below the share is asked for.",
            (lambda s, d, p: d[s][s.long().cumsum(0) - 1] <= p,),
        ),
        Mistake(
            "a draw of 0 is none",
            "A word whose draw is 0 comes out as the word before it does, as if 0 stood for no draw. A draw "
            "may be 0, and 0 is below the share.",
            (_zeros_filled,),
        ),
        Mistake(
            "first tokens only",
            "You hide the first tokens of the chosen words and leave their ends to be seen.",
            (lambda s, d, p: (d < p) & s,),
        ),
        Mistake(
            "the last token of a word stays",
            "The last token of each hidden word can still be seen. A word goes to where the next one "
            "begins: that token alone is no more of it.",
            (_moved_end(-1),),
        ),
        Mistake(
            "the next word begun",
            "The token behind a hidden word is hidden as well. A word goes to where the next one begins, "
            "and not beyond.",
            (_moved_end(1),),
        ),
        Mistake(
            "hidden to the end",
            "Behind the first hidden word everything is hidden. A word ends where the next one begins, and "
            "that one is asked anew.",
            (lambda s, d, p: ((d < p) & s).long().cumsum(0) > 0,),
        ),
        Mistake(
            "from the first low draw on",
            "Within a word, the first token with a low draw hides all behind it. The draw of the word's "
            "first token alone decides, for the whole word.",
            (_from_the_first_low_draw,),
        ),
        Mistake(
            "the highest draw so far",
            "It comes out as if each word had the highest draw of those at which a word has begun so far, "
            "its own included. It has its own, whatever came before.",
            (lambda s, d, p: torch.where(s, d, -1.0).cummax(0).values < p,),
        ),
        Mistake(
            "any token decides",
            "You hide a word as soon as one of its tokens has a low draw. Long words are then hidden far "
            "more often than the share says.",
            (_by_word(lambda word, p: (word < p).any()),),
        ),
        Mistake(
            "all tokens decide",
            "You hide a word only when all of its tokens have a low draw. Long words are then hardly ever "
            "hidden.",
            (_by_word(lambda word, p: (word < p).all()),),
        ),
        Mistake(
            "sum of the draws",
            "You add up the draws of a word and compare the sum with the share. The draw of its first token "
            "alone counts.",
            (_by_word(lambda word, share: word.sum() < share),),
        ),
        Mistake(
            "mean of the draws",
            "You compare the mean of a word's draws with the share. A mean of several numbers is seldom "
            "small: long words are then hidden less often.",
            (_by_word(lambda word, p: word.mean() < p),),
        ),
        Mistake(
            "last token decides",
            "You take the draw of a word's last token. Asked for is that of its first.",
            (_by_word(lambda word, p: word[-1] < p),),
        ),
        Mistake(
            "the next word's draw",
            "Each word but the last takes the draw of the word behind it, as if words were numbered from 1 "
            "where indexing counts from 0.",
            (_next_word,),
        ),
        Mistake(
            "the draw of the word before",
            "Each word but the first takes the draw of the word before it. Its own stands where it begins.",
            (_word_before,),
        ),
        Mistake(
            "draws taken in a row",
            "You take the first draws of the list, one for each word. A word's draw stands where the word "
            "begins.",
            (_consecutive_draws,),
        ),
        Mistake(
            "the last word stays",
            "The last word is never hidden. No word begins behind it to say where it ends: it ends with the "
            "text.",
            (_between_two_starts,),
        ),
        Mistake(
            "a fixed number of words",
            "You hide a fixed number of words, those with the lowest draws. Each word is decided on its own.",
            (_number_of_words,),
        ),
        Mistake(
            "shown and hidden exchanged",
            "You mark the words that stay visible. True stands for hidden: a draw below the share.",
            (_by_word(lambda word, p: word[0] >= p),),
        ),
    ),
)


EXERCISES = (WORDS,)
