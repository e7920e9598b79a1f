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


def _masks(tokens, hidden, sentinels):
    return torch.where(hidden, sentinels[0], tokens), tokens[hidden]


def _silent_without_a_gap(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, targets if hidden.any() else targets[:0]


def _first_sentinel_at_the_end(tokens, hidden, sentinels):
    inputs, targets = _parts(tokens, hidden, sentinels)
    return inputs, torch.cat([targets[:-1], sentinels[:1]])


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


def _gaps(name, tokens, hidden, first=100):
    hidden = torch.tensor([sign == "x" for sign in hidden])
    return Case(name, (torch.tensor(tokens), hidden, torch.arange(first, first + len(tokens) + 1)))


SPANS = Exercise(
    key="3.1-7",
    title="T5's gaps",
    difficulty=3,
    minutes=20,
    statement=(
        "Each run of hidden tokens is one gap. In the inputs, put the next sentinel in place of the whole "
        "run. The targets hold for each gap its sentinel and then its tokens, and end with one sentinel "
        "more. With the words of the paper: `thank you <0> me to <1> week` and `<0> for inviting <1> your "
        "party last <2>`."
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
    cases=(
        _gaps("two gaps of two and three", [11, 12, 13, 14, 15, 16, 17, 18, 19, 20], "..xx..xxx."),
        _gaps("one gap at the end", [5, 6, 7, 8, 9], "...xx"),
        _gaps("one gap at the beginning", [5, 6, 7, 8, 9], "xx..."),
        _gaps("gaps of one token", [1, 2, 3, 4, 5, 6, 7], ".x.x.x."),
        _gaps("a token twice", [4, 4, 4, 4, 4, 4], ".xx.x.", first=50),
        _gaps("a long gap", list(range(20)), "..." + "x" * 9 + "....xx.."),
        _gaps("both ends", [3, 1, 4, 1, 5, 9, 2, 6], "xx.xx..x", first=30),
        _gaps("nothing hidden", [2, 7, 1, 8], "....", first=40),
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
            "All gaps have the same sentinel, so the targets cannot say which gap they fill.",
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
            "an old sentinel at the end",
            "Your targets end with a sentinel that does not follow on the others. Go on counting: with gaps "
            "0 and 1, the one that says that nothing follows is number 2.",
            (
                _first_sentinel_at_the_end,
                lambda t, h, s: (_parts(t, h, s)[0], torch.cat([_parts(t, h, s)[1][:-1], s[-1:]])),
            ),
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
            (
                lambda t, h, s: _parts(t, h, s, before=False, after=True),
                lambda t, h, s: _parts(t, h, s, before=False, after=True, last=False),
            ),
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


# 3.1-12 ---------------------------------------------------------------------------------


def put_back(inputs, written, sentinels):
    """inputs [n], written [m], sentinels [k] -> the text [shown tokens + tokens of the gaps]."""
    marks, answers = set(sentinels.tolist()), {}
    for token in written.tolist():
        if token in marks:
            current = answers.setdefault(token, [])
        else:
            current.append(token)
    text = []
    for token in inputs.tolist():
        text += answers.get(token, [token])
    return torch.tensor(text)


def _answers(written, sentinels):
    """Runs of what was written, in its order: [(sentinel, tokens)]."""
    marks, runs = set(sentinels.tolist()), []
    for token in written.tolist():
        if token in marks:
            runs.append((token, []))
        else:
            runs[-1][1].append(token)
    return runs


def _put(inputs, answers, sentinels, *, keep=False, unanswered=True):
    marks, text = set(sentinels.tolist()), []
    for token in inputs.tolist():
        if token not in marks:
            text.append(token)
            continue
        if token in answers:
            text += ([token] if keep else []) + answers[token]
        elif unanswered:
            text.append(token)
    return torch.tensor(text, dtype=inputs.dtype)


def _in_the_order_written(inputs, written, sentinels):
    gaps = [token for token in inputs.tolist() if token in set(sentinels.tolist())]
    runs = [tokens for _, tokens in _answers(written, sentinels)]
    return _put(inputs, dict(zip(gaps, runs, strict=False)), sentinels)


def _first_tokens(inputs, written, sentinels):
    return _put(inputs, {mark: run[:1] for mark, run in _answers(written, sentinels)}, sentinels)


def _last_answers(inputs, written, sentinels):
    """Everything after a sentinel, to the end of what was written."""
    marks, tokens = set(sentinels.tolist()), written.tolist()
    answers = {
        mark: [each for each in tokens[place + 1 :] if each not in marks]
        for place, mark in enumerate(tokens)
        if mark in marks
    }
    return _put(inputs, answers, sentinels)


def _at_the_end(inputs, written, sentinels):
    marks = set(sentinels.tolist())
    return torch.tensor([t for t in [*inputs.tolist(), *written.tolist()] if t not in marks])


def _one_token_a_gap(inputs, written, sentinels):
    """The hidden tokens in a row, one for each sentinel."""
    marks, left = set(sentinels.tolist()), [t for t in written.tolist() if t not in set(sentinels.tolist())]
    text = []
    for token in inputs.tolist():
        text.append(left.pop(0) if token in marks and left else token)
    return torch.tensor(text)


def _answered(name, inputs, written, first=100, count=6):
    return Case(name, (torch.tensor(inputs), torch.tensor(written), torch.arange(first, first + count)))


PUT_BACK = Exercise(
    key="3.1-12",
    title="Read a decoder's answer",
    difficulty=2,
    minutes=15,
    statement=(
        "inputs is a text with gaps, as T5's encoder reads it; written is what a decoder wrote for it: "
        "sentinels, each followed by the tokens of that gap, which may be none. Put the tokens where their "
        "sentinel stands in the inputs. A decoder may err: it may answer the gaps in another order, or leave "
        "one out, and then its sentinel stays in the text. The sentinel that says that nothing follows "
        "stands in no input. What was written begins with a sentinel, and each stands there once."
    ),
    takeaway="A gap has a name, so an answer finds its place however long it is, and in whatever order.",
    reference=put_back,
    explanation="First sort what was written by its sentinels, then walk along the inputs and look each one "
    "up.",
    hints=(
        "Read what was written from left to right. At a sentinel a new answer begins: whose is it, and "
        "where does it end?",
        "Collect the answers in a dictionary from the sentinel to a list of tokens. Only then walk along "
        "the inputs.",
        "Where a token of the inputs has an entry in the dictionary, its list goes into the text, which may "
        "be empty; every other token goes there as it is.",
    ),
    cases=(
        _answered("two gaps", [11, 12, 100, 13, 101, 14], [100, 21, 22, 101, 23, 102]),
        _answered("in another order", [100, 5, 101, 6], [101, 31, 32, 100, 33, 102]),
        _answered("a gap left out", [7, 100, 8, 101, 9, 102], [100, 1, 102, 2, 3, 103]),
        _answered("an answer of nothing", [4, 100, 4, 101], [100, 101, 6, 6, 102]),
        _answered("no end", [50, 1, 2, 51], [50, 3, 4, 51, 5], first=50),
        _answered("tokens after the end", [100, 3, 101], [100, 8, 8, 101, 9, 102, 7, 7]),
        _answered("no gap", [3, 1, 4], [100]),
        _answered("long answers", [9, 100, 9, 101, 9], [101, *range(20, 28), 100, *range(30, 37), 102]),
    ),
    mistakes=(
        Mistake(
            "in the order written",
            "You fill the gaps in the order in which the answers were written. Each answer begins with the "
            "name of its gap: go by that.",
            (_in_the_order_written,),
        ),
        Mistake(
            "sentinels stay",
            "The sentinels still stand beside their answers in your text. An answer takes its sentinel's "
            "place.",
            (lambda i, w, s: _put(i, dict(_answers(w, s)), s, keep=True),),
        ),
        Mistake(
            "one token a gap",
            "You put a single token into each gap. A gap does not tell its length: all tokens up to the next "
            "sentinel are its answer.",
            (_first_tokens, _one_token_a_gap),
        ),
        Mistake(
            "answers without an end",
            "Your answers run on to the end of what was written. The next sentinel ends an answer.",
            (_last_answers,),
        ),
        Mistake(
            "gaps that vanish",
            "A gap that was not answered is gone from your text, and nobody sees that something is missing "
            "there. Its sentinel stays.",
            (lambda i, w, s: _put(i, dict(_answers(w, s)), s, unanswered=False),),
        ),
        Mistake(
            "answers at the end",
            "You put all answers behind the text. They belong where their sentinels stand.",
            (_at_the_end,),
        ),
        Mistake(
            "inputs unchanged",
            "You return the inputs as they are. Their sentinels have to give way to the answers.",
            (lambda i, w, s: i,),
        ),
        Mistake(
            "what was written alone",
            "You return what was written alone, without the text around the gaps. The shown tokens belong "
            "to the text as well.",
            (
                lambda i, w, s: w,
                lambda i, w, s: torch.tensor([t for t in w.tolist() if t not in set(s.tolist())]),
            ),
        ),
    ),
)


EXERCISES = (SPANS, PUT_BACK)
