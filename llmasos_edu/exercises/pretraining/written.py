"""Exercises of chapter 3.1, the part on what a decoder wrote: answers put back into the gaps of a text.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _last_tokens(inputs, written, sentinels):
    return _put(inputs, {mark: run[-1:] for mark, run in _answers(written, sentinels) if run}, sentinels)


def _words_looked_up(inputs, written, sentinels):
    """Any token of the inputs that was written is taken for the name of an answer."""
    marks, tokens, text = set(sentinels.tolist()), written.tolist(), []
    for token in inputs.tolist():
        if token not in tokens:
            text.append(token)
            continue
        for each in tokens[tokens.index(token) + 1 :]:
            if each in marks:
                break
            text.append(each)
    return torch.tensor(text)


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


def _marked_from(low):
    """What is not below `low(sentinels)` is taken for a sentinel."""

    def answer(inputs, written, sentinels):
        tokens = torch.cat([inputs, written])
        return put_back(inputs, written, tokens[tokens >= low(sentinels)])

    return answer


def _to_the_next_gap(inputs, written, sentinels):
    """Only a sentinel of the inputs ends an answer."""
    gaps = inputs[torch.isin(inputs, sentinels)]
    return put_back(inputs, written, gaps) if len(gaps) else inputs


def _answered(name, inputs, written, first=100, count=6, step=1):
    sentinels = first + step * torch.arange(count)
    return Case(name, (torch.tensor(inputs), torch.tensor(written), sentinels))


def _in_a_string(inputs, written, sentinels):
    text, answers, mark = " ".join(map(str, inputs.tolist())), {}, None
    for token in written.tolist():
        if token in sentinels.tolist():
            mark = token
            answers[mark] = []
        else:
            answers[mark].append(str(token))
    for mark, answer in answers.items():
        text = text.replace(str(mark), " ".join(answer))
    return torch.tensor([int(word) for word in text.split()])


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
    any_order=False,
    cases=(
        _answered("two gaps", [11, 12, 100, 13, 101, 14], [100, 21, 22, 101, 23, 102]),
        _answered("in another order", [100, 5, 101, 6], [101, 31, 32, 100, 33, 102]),
        _answered("a gap left out", [7, 100, 8, 101, 9, 102], [100, 1, 102, 2, 3, 103]),
        _answered("an answer of nothing", [4, 100, 4, 101], [100, 101, 6, 6, 102]),
        _answered("no end", [50, 1, 2, 51], [50, 3, 4, 51, 5], first=50),
        _answered("tokens after the end", [100, 3, 101], [100, 8, 8, 101, 9, 102, 7, 7]),
        _answered("no gap", [3, 1, 4], [100]),
        _answered("sentinels that count down", [1, 99, 2, 98], [99, 3, 4, 98, 5, 97], first=99, step=-1),
        _answered("words with larger numbers", [300, 100, 7, 101], [100, 200, 101, 400, 300, 102]),
        _answered("tokens of the same digits", [10, 3, 11, 1011], [10, 110, 11, 4, 12], first=10),
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
            "sentinels by their size",
            "It comes out as if a sentinel were told by its size. They stand in `sentinels`, in an order of "
            "their own, and words may have larger numbers: look there.",
            (_marked_from(lambda s: s[0]), _marked_from(min)),
        ),
        Mistake(
            "an end that ends nothing",
            "A sentinel that stands in no input does not end an answer in your version: what follows it "
            "goes into the gap before. Every sentinel ends an answer.",
            (_to_the_next_gap,),
        ),
        Mistake(
            "words looked up too",
            "Any token of the inputs is looked up in what was written, a word as well. Only a sentinel is "
            "replaced by what follows it there.",
            (_words_looked_up,),
        ),
        Mistake(
            "digits replaced",
            "A token whose digits hold those of a sentinel, as 1011 holds 10 and 11, comes out changed, as "
            "when digits are replaced in one long string. Compare whole tokens.",
            (_in_a_string,),
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
            (_first_tokens, _last_tokens, _one_token_a_gap),
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
            "an answer of nothing not put in",
            "Where an answer holds no token, its sentinel still stands in your text. It was answered, with "
            "nothing: then nothing stands there.",
            (lambda i, w, s: _put(i, {mark: run for mark, run in _answers(w, s) if run}, s),),
        ),
        Mistake(
            "the last answer lost",
            "The last answer is missing where no sentinel follows it. It ends where the text ends that was "
            "written.",
            (lambda i, w, s: _put(i, dict(_answers(w, s)[:-1]), s),),
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


EXERCISES = (PUT_BACK,)
