"""Exercises of chapter 3.1, the part on T5: gaps with a name.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from itertools import pairwise

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-7 ----------------------------------------------------------------------------------


def corrupt(tokens, hidden, sentinels):
    """tokens, hidden [seq], sentinels [k] -> inputs [shorter], targets [hidden + gaps + 1]."""
    inputs, targets, gaps = [], [], 0
    for i, token in enumerate(tokens):
        if not hidden[i]:
            inputs.append(token)
            continue
        if i == 0 or not hidden[i - 1]:
            inputs.append(sentinels[gaps])
            targets.append(sentinels[gaps])
            gaps += 1
        targets.append(token)
    return torch.stack(inputs), torch.stack([*targets, sentinels[gaps]])


def _spans(tokens, hidden):
    """Runs of the text: [(hidden or not, tokens of the run)]."""
    cuts = [0, *((hidden[1:] != hidden[:-1]).nonzero()[:, 0] + 1).tolist(), len(tokens)]
    return [(bool(hidden[a]), tokens[a:b]) for a, b in pairwise(cuts)]


def _parts(tokens, hidden, sentinels, *, last=True, before=True, after=False, keep=False, same=False):
    inputs, targets, gaps = [], [], 0
    for is_hidden, run in _spans(tokens, hidden):
        mark = sentinels[:1] if same else sentinels[gaps : gaps + 1]
        inputs += [run] if not is_hidden else [mark, run] if keep else [mark]
        if is_hidden:
            targets += ([mark] if before else []) + [run] + ([mark] if after else [])
            gaps += 1
    end = sentinels[:1] if same else sentinels[gaps : gaps + 1]
    return torch.cat(inputs), torch.cat([*targets, end] if last else [tokens[:0], *targets])


def _one_for_each_token(tokens, hidden, sentinels):
    marks = torch.cat([sentinels, sentinels[-1] + 1 + torch.arange(len(tokens))])
    number = hidden.long().cumsum(0) - 1
    inputs = torch.where(hidden, marks[number.clamp_min(0)], tokens)
    pairs = [torch.stack([marks[i], token]) for i, token in enumerate(tokens[hidden])]
    return inputs, torch.cat([*pairs, marks[int(hidden.sum())][None]])


def _without_zeros(tokens, hidden, sentinels):
    inputs, targets = corrupt(tokens, hidden, sentinels)
    return inputs, targets[targets != 0]


def _masks(tokens, hidden, sentinels):
    return torch.where(hidden, sentinels[0], tokens), tokens[hidden]


def _silent_without_a_gap(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, targets if hidden.any() else targets[:0]


def _first_sentinel_at_the_end(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, torch.cat([targets[:-1], sentinels[:1]])


def _used_sentinel_at_the_end(tokens, hidden, sentinels):
    """The end has the sentinel of the last gap; without a gap that is `sentinels[-1]`."""
    gaps = sum(is_hidden for is_hidden, _ in _spans(tokens, hidden))
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, torch.cat([targets[:-1], sentinels[gaps - 1][None]])


def _first_and_second(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels, same=True)
    return inputs, torch.cat([targets[:-1], sentinels[1:2]])


def _shown_as_targets(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, torch.cat([inputs, targets[-1:]])


def _first_of_each_gap(tokens, hidden, sentinels):
    first = hidden & ~torch.cat([hidden.new_tensor([False]), hidden[:-1]])
    inputs, targets = _parts(tokens, hidden, sentinels)
    pairs = torch.stack([sentinels[: int(first.sum())], tokens[first]], 1)
    return inputs, torch.cat([pairs.flatten(), targets[-1:]])


def _no_end_behind_a_gap(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, targets[:-1] if hidden[-1] else targets


def _round_the_end(tokens, hidden, sentinels):
    return (_no_gap_at_the_start if hidden[-1] else _parts)(tokens, hidden, sentinels)


def _no_gap_at_the_start(tokens, hidden, sentinels):
    """A gap needs a visible token before it."""
    inputs, targets, gaps = [], [], 0
    for i, token in enumerate(tokens):
        if hidden[i] and i and not hidden[i - 1]:
            inputs.append(sentinels[gaps])
            targets.append(sentinels[gaps])
            gaps += 1
        (targets if hidden[i] else inputs).append(token)
    return torch.stack(inputs), torch.stack([*targets, sentinels[gaps]])


def _shown_exchanged(tokens, hidden, sentinels):
    return tuple(reversed(_parts(tokens, hidden, sentinels)))


def _counted_up(tokens, hidden, sentinels):
    """Sentinels made by adding 1, and not taken from the list."""
    return _parts(tokens, hidden, sentinels[0] + torch.arange(len(sentinels)))


def _gaps(name, tokens, hidden, first=100, step=1):
    hidden = torch.tensor([sign == "x" for sign in hidden])
    return Case(name, (torch.tensor(tokens), hidden, first + step * torch.arange(len(tokens) + 1)))


SPANS = Exercise(
    key="3.1-7",
    title="T5's gaps",
    difficulty=3,
    minutes=20,
    statement=(
        "Each run of hidden tokens is one gap. In the inputs, put the next one of `sentinels` in place of "
        "the whole run. The targets hold for each gap its sentinel and then its tokens, and end with one "
        "sentinel more. With the words of the paper: `thank you <0> me to <1> week` and `<0> for inviting "
        "<1> your party last <2>`."
    ),
    takeaway="A gap does not tell its length, and the decoder writes only what is missing: short targets.",
    reference=corrupt,
    explanation="A run begins where a token is hidden and the one before it is not: there the sentinel goes.",
    hints=(
        "Walk along the text. A visible token goes to the inputs. What do you do at the first token of a "
        "gap, and what at its others?",
        "A gap begins where a token is hidden and the one before it is visible, or does not exist. That is "
        "where both lists get a sentinel.",
        "Count the gaps as you go: the count is the number of the next sentinel. After the last gap the "
        "targets get one more, which says that nothing follows.",
    ),
    any_order=False,
    cases=(
        _gaps("two gaps of two and three", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20], "..xx..xxx."),
        _gaps("one gap at the end", [5, 6, 7, 8, 9], "...xx"),
        _gaps("one gap at the beginning", [5, 6, 7, 8, 9], "xx..."),
        _gaps("gaps of one token", [1, 2, 3, 4, 5, 6, 7], ".x.x.x."),
        _gaps("a token twice", [4, 4, 4, 4, 4, 4], ".xx.x.", first=50),
        _gaps("a long gap", list(range(20)), "..." + "x" * 9 + "....xx.."),
        _gaps("both ends", [3, 1, 4, 1, 5, 9, 2, 6], "xx.xx..x", first=30),
        _gaps("nothing hidden", [2, 7, 1, 8], "....", first=40),
        _gaps("sentinels that count down, as T5's do", [1, 2, 3, 4, 5], "x.xx.", first=99, step=-1),
        _gaps("token 0 hidden", [6, 0, 2, 5], ".xx.", first=40),
    ),
    mistakes=(
        Mistake(
            "a sentinel for each token",
            "You put a sentinel in place of every hidden token. A whole run gets one, so the length of the "
            "gap stays secret and the inputs get shorter.",
            (_one_for_each_token,),
        ),
        Mistake(
            "one sentinel for all gaps",
            "All gaps and the end have the same sentinel, so the targets cannot say which gap they fill, "
            "nor where they end.",
            (lambda t, h, s: _parts(t, h, s, same=True),),
        ),
        Mistake(
            "no sentinels in the targets",
            "Your targets hold the hidden tokens in a row: nothing says where one gap's tokens end and the "
            "next one's begin.",
            (
                lambda t, h, s: _parts(t, h, s, before=False),
                lambda t, h, s: _parts(t, h, s, before=False, last=False),
            ),
        ),
        Mistake(
            "no sentinel at the end",
            "The last sentinel is missing. It tells the decoder that the last gap is filled.",
            (lambda t, h, s: _parts(t, h, s, last=False),),
        ),
        Mistake(
            "no end without a gap",
            "Where nothing is hidden your targets are empty. They end with one sentinel more than there are "
            "gaps: with no gap, how many is that?",
            (_silent_without_a_gap,),
        ),
        Mistake(
            "the second sentinel first",
            "Your first gap gets the second of `sentinels`. Count from 0: the first one is `sentinels[0]`.",
            (lambda t, h, s: _parts(t, h, torch.cat([s[1:], s[-1:]])),),
        ),
        Mistake(
            "one sentinel, another at the end",
            "All gaps have the first sentinel, and the end the second in every case, so the targets cannot "
            "say which gap they fill.",
            (_first_and_second,),
        ),
        Mistake(
            "shown tokens as targets",
            "Your targets hold the tokens that are shown, beside the sentinels. They hold what the inputs "
            "lack: behind each sentinel the tokens of its gap.",
            (_shown_as_targets,),
        ),
        Mistake(
            "one token of each gap",
            "Your targets hold the first token of each gap alone. All that its sentinel stands for belongs "
            "there.",
            (_first_of_each_gap,),
        ),
        Mistake(
            "token 0 missing",
            "Token 0 is missing in your targets where it is hidden, as if 0 stood for an empty place. It is "
            "a token like all others.",
            (_without_zeros,),
        ),
        Mistake(
            "an old sentinel at the end",
            "Your targets end with a sentinel that does not follow on the others. Go on counting: with gaps "
            "0 and 1, the one that says that nothing follows is number 2.",
            (
                _first_sentinel_at_the_end,
                lambda t, h, s: (_parts(t, h, s)[0], torch.cat([_parts(t, h, s)[1][:-1], s[-1:]])),
                _used_sentinel_at_the_end,
            ),
        ),
        Mistake(
            "sentinels counted up",
            "What comes out is as if each sentinel were the first one plus its number. They stand in "
            "`sentinels`, in order, and need not be neighbours: T5's count down.",
            (_counted_up,),
        ),
        Mistake(
            "no end behind a gap",
            "Where the text ends in a gap, the last sentinel is missing from your targets. It ends them "
            "there too: it says that nothing follows.",
            (_no_end_behind_a_gap,),
        ),
        Mistake(
            "the first token beside the last",
            "Where the text begins and ends in a gap, the first gap gets no sentinel from you, as when the "
            "place before the first is looked up as -1, which is the last.",
            (_round_the_end,),
        ),
        Mistake(
            "no gap at the beginning",
            "A gap at the very beginning of the text gets no sentinel from you: no visible token stands "
            "before it, and it is a run all the same.",
            (_no_gap_at_the_start,),
        ),
        Mistake(
            "sentinel after its tokens",
            "The sentinel stands behind the tokens of its gap in your targets. It comes first: it says "
            "which gap is being filled.",
            (lambda t, h, s: _parts(t, h, s, before=False, after=True),),
        ),
        Mistake(
            "a sentinel that closes each gap",
            "In your targets a sentinel closes each gap, and none stands at the end for itself. It comes "
            "first, to say which gap is being filled; one more says that nothing follows.",
            (lambda t, h, s: _parts(t, h, s, before=False, after=True, last=False),),
        ),
        Mistake(
            "the hidden tokens stay",
            "Your inputs hold the hidden tokens beside their sentinels: there is nothing left to guess.",
            (lambda t, h, s: _parts(t, h, s, keep=True),),
        ),
        Mistake(
            "whole text as target",
            "Your targets are the whole text. That is another objective (BART's): T5 writes only what is "
            "missing, which makes its targets short.",
            (lambda t, h, s: (_parts(t, h, s)[0], t),),
        ),
        Mistake(
            "BERT's masks",
            "You put the same mask on each hidden token and ask for the tokens in a row. That is BERT's "
            "question, put to an encoder. Here each run is one gap with a name.",
            (_masks,),
        ),
        Mistake(
            "inputs and targets exchanged",
            "You return the targets first. The inputs come first: what the model reads.",
            (_shown_exchanged,),
        ),
    ),
    parts=("inputs", "targets"),
)


EXERCISES = (SPANS,)
