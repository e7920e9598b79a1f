"""Exercises of chapter 5, the part on generation: what is given to a model that remembers.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 5-6 --------------------------------------------------------------------------------


def generate(model, prompt, max_new):
    """model(tokens [new], positions [new]) -> logits [new, vocab]; prompt [seq] -> tokens [seq + max_new]."""
    tokens, held = prompt, 0
    for _ in range(max_new):
        positions = torch.arange(held, len(tokens))
        logits = model(tokens[held:], positions)
        held = len(tokens)
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
    return tokens


class Remembering:
    """One layer of attention with a cache: whatever it is given is held, and read by all that comes later."""

    def __init__(self, seed: int, vocab: int = 9, max_len: int = 64):
        parts = random_tensors(seed, (vocab, 6), (max_len, 6), (6, 6), (6, 6), (6, vocab))
        self.embedding, self.places, self.query, self.value, self.head = parts
        self.held = []  # one vector for each token given so far
        self.given = []  # and its position

    def __call__(self, tokens, positions):
        vocab, max_len = len(self.embedding), len(self.places)
        if tokens.ndim != 1 or tokens.shape != positions.shape or len(tokens) == 0:
            raise ValueError(
                "the model takes tokens [new] and as many positions [new], at least one, got "
                f"{list(tokens.shape)} and {list(positions.shape)}"
            )
        if positions.min() < 0 or positions.max() >= max_len:
            raise ValueError(f"position {int(positions.max())} is outside 0 to {max_len - 1}")
        if tokens.min() < 0 or tokens.max() >= vocab:
            raise ValueError(f"token {int(tokens.max())} is outside the vocabulary of {vocab}")
        logits = []
        for token, position in zip(tokens.tolist(), positions.tolist(), strict=True):
            self.held.append(self.embedding[token] + 1.5 * self.places[position])
            self.given.append(position)
            held = torch.stack(self.held)
            weights = (held @ (self.query @ held[-1]) / 6**0.5).softmax(-1)
            logits.append((held[-1] + 2 * weights @ held @ self.value) @ self.head)
        return torch.stack(logits)


def _generated(
    model, prompt, max_new, *, new=lambda held, size: held, place=lambda held, size, step: held, take=-1
):
    """Generation with knobs: from which token on the model is given something, and at which position."""
    tokens, held = prompt, 0
    for step in range(max_new):
        start, size = new(held, len(tokens)), len(tokens)
        given = tokens[start:]
        first = place(start, size, step)
        logits = model(given, torch.arange(first, first + len(given)))
        held = len(tokens)
        tokens = torch.cat([tokens, logits[take].argmax()[None]])
    return tokens


def _chosen_by(choose, model, prompt, max_new):
    tokens, held = prompt, 0
    for _ in range(max_new):
        logits = model(tokens[held:], torch.arange(held, len(tokens)))
        held = len(tokens)
        tokens = torch.cat([tokens, choose(logits)[None]])
    return tokens


def _last_of_prompt_twice(model, prompt, max_new, *, counted=False):
    model(prompt, torch.arange(len(prompt)))
    tokens = prompt
    for _ in range(max_new):
        place = len(tokens) - 1 + counted
        logits = model(tokens[-1:], torch.tensor([place]))
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
    return tokens


def _prompt_read_for_nothing(model, prompt, max_new):
    """Right but for max_new 0, where nobody asks what comes next."""
    return (
        generate(model, prompt, max_new) if max_new else (model(prompt, torch.arange(len(prompt))), prompt)[1]
    )


def _prompt_at(model, prompt, max_new, place):
    """The prompt's tokens all at one position, the others at theirs."""
    tokens, held = prompt, 0
    for _ in range(max_new):
        positions = torch.arange(held, len(tokens))
        logits = model(tokens[held:], positions if held else torch.full_like(positions, place(len(prompt))))
        held = len(tokens)
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
    return tokens


def _prompt_twice(model, prompt, max_new):
    model(prompt, torch.arange(len(prompt)))
    return generate(model, prompt, max_new)


def _all_from_one(model, prompt, max_new):
    logits = model(prompt, torch.arange(len(prompt)))[-1]
    return torch.cat([prompt, logits.argsort(descending=True)[:max_new]])


def _ends_at_zero(model, prompt, max_new):
    tokens, held = prompt, 0
    for _ in range(max_new):
        chosen = model(tokens[held:], torch.arange(held, len(tokens)))[-1].argmax()
        if chosen == 0:
            break
        held, tokens = len(tokens), torch.cat([tokens, chosen[None]])
    return tokens


def _and_the_last_one_too(model, prompt, max_new, *, ahead=0):
    tokens, logits = prompt, model(prompt, torch.arange(len(prompt)))
    for _ in range(max_new):
        chosen = logits[-1].argmax()[None]
        logits = model(chosen, torch.tensor([len(tokens) + ahead]))
        tokens = torch.cat([tokens, chosen])
    return tokens


def _what_was_given(answer: Callable, inputs: tuple) -> object:
    """The tokens that the answer returns, and the positions that its model was given, in order."""
    model, *_ = inputs
    tokens = answer(*inputs)
    return (
        tokens if tokens is None or tokens is ... else (tokens, torch.tensor(model.given, dtype=torch.long))
    )


def _generation_case(name: str, seed: int, prompt: list[int], max_new: int) -> Case:
    return Case(name, (Remembering(seed), torch.tensor(prompt), max_new))


GENERATE = Exercise(
    key="5-6",
    title="Generate with a cache",
    difficulty=2,
    minutes=15,
    statement=(
        "This model has a cache: it holds every token that it has ever been given, at the position that you "
        "say, and each new token reads all that is held. So a token is given once, with its position in the "
        "text (counted from 0), and never again. Continue the prompt by max_new tokens, always the likeliest "
        "one, and return prompt and continuation. Give the model nothing that it need not read."
    ),
    takeaway="A new token costs one position, however long the text has become.",
    reference=generate,
    explanation="What has been given is one number, held: tokens from there on are new, at these positions.",
    hints=(
        "The prompt has 4 tokens. What is the model given in its first call, in its second, in its third, "
        "and at which positions?",
        "Keep one number: how many tokens the model holds. Which tokens are new, and where do their "
        "positions begin?",
        "A call with several tokens answers with several rows of logits. Which row says what comes next? And "
        "the very last token that you choose: who needs to read it?",
    ),
    cases=(
        _generation_case("a prompt of 4 tokens, 5 more", 561, [3, 1, 4, 1], 5),
        _generation_case("a prompt of a single token", 562, [7], 6),
        _generation_case("a prompt of 2 tokens, 1 more", 563, [2, 5], 1),
        _generation_case("a prompt of 9 tokens, 3 more", 564, [8, 2, 8, 1, 8, 2, 8, 4, 5], 3),
        _generation_case("a prompt that repeats a token", 565, [6, 6, 6], 8),
        _generation_case("a prompt of 5 tokens, 2 more", 566, [0, 1, 2, 3, 4], 2),
        _generation_case("a prompt of 3 tokens, no more", 567, [4, 0, 2], 0),
        _generation_case("a text with token 0", 574, [3, 5, 8], 4),
    ),
    mistakes=(
        Mistake(
            "everything given again",
            "You give the model the whole text in every call. It holds all of it already: after a few calls "
            "it reads the prompt many times over, and every call costs more than the one before.",
            (
                lambda *a: _generated(*a, new=lambda held, size: 0),
                lambda m, p, n: _generated(
                    m, p, n, new=lambda held, size: 0, place=lambda start, size, step: len(m.given)
                ),
            ),
        ),
        Mistake(
            "positions begin anew",
            "Every call of yours counts positions from 0. The model takes each new token for the first one "
            "of the text.",
            (lambda *a: _generated(*a, place=lambda start, size, step: 0),),
        ),
        Mistake(
            "positions one off",
            "Behind the prompt your positions are one too high or one too low (or they start at 1): one "
            "place stays empty, or two tokens share one.",
            (
                lambda *a: _generated(*a, place=lambda start, size, step: start + (step > 0)),
                lambda *a: _generated(*a, place=lambda start, size, step: start - (step > 0)),
                lambda *a: _generated(*a, place=lambda start, size, step: start + 1),
            ),
        ),
        Mistake(
            "position counts the calls",
            "Behind the prompt your positions count the calls, from 0 or from 1. That forgets how long the "
            "prompt was, which went in with the first call.",
            (
                lambda *a: _generated(*a, place=lambda start, size, step: step),
                lambda *a: _generated(*a, place=lambda start, size, step: max(0, step - 1)),
            ),
        ),
        Mistake(
            "last token of the prompt given twice",
            "You give the whole prompt, then its last token once more. The first call had answered what "
            "comes after the prompt already.",
            (_last_of_prompt_twice, lambda *a: _last_of_prompt_twice(*a, counted=True)),
        ),
        Mistake(
            "the last token read for nothing",
            "The tokens are right, but the last one is given to the model as well, and nobody looks at the "
            "answer: one call too many.",
            (
                _and_the_last_one_too,
                lambda model, prompt, n: _and_the_last_one_too(model, prompt, n) if n else prompt,
            ),
        ),
        Mistake(
            "the prompt read for nothing",
            "Right, except where max_new is 0: the model reads the prompt there too, and nobody asks what "
            "comes next. Read only when there is a token to choose.",
            (_prompt_read_for_nothing,),
        ),
        Mistake(
            "logits of the first row",
            "You take the next token from the first row of logits. In a call with the whole prompt that row "
            "answers what comes after the first token.",
            (lambda *a: _generated(*a, take=0),),
        ),
        Mistake(
            "logits of all rows",
            "You take the next token from all rows of logits together: the highest of the table, or their "
            "mean. Only the last row says what comes after the last token.",
            (
                lambda m, p, n: _chosen_by(lambda z: z.argmax() % z.shape[1], m, p, n),
                lambda m, p, n: _chosen_by(lambda z: z.mean(0).argmax(), m, p, n),
            ),
        ),
        Mistake(
            "the unlikeliest token",
            "Your positions are right, and you take the token with the lowest logit. Asked is the likeliest.",
            (lambda m, p, n: _chosen_by(lambda z: z[-1].argmin(), m, p, n),),
        ),
        Mistake(
            "the last two given",
            "Behind the prompt each call of yours gives two tokens, the new one and the one before it, which "
            "the model holds already. A token is given once.",
            (lambda *a: _generated(*a, new=lambda held, size: max(0, held - 1)),),
        ),
        Mistake(
            "only the end of the prompt given",
            "The model gets the prompt's last token and nothing before it. It remembers only what it has "
            "been given.",
            (
                lambda *a: _generated(*a, new=lambda held, size: size - 1),
                lambda *a: _generated(
                    *a, new=lambda held, size: size - 1, place=lambda start, size, step: step
                ),
            ),
        ),
        Mistake(
            "one too high, and the last read",
            "Two things: behind the prompt each position is one too high, as if the new token were counted "
            "before it is placed; and the last token is given to the model, where nobody looks at the "
            "answer.",
            (lambda *a: _and_the_last_one_too(*a, ahead=1),),
        ),
        Mistake(
            "one position for the prompt",
            "In your first call all tokens of the prompt get one and the same position. Each has its own, "
            "counted from 0.",
            (
                lambda *a: _prompt_at(*a, lambda size: size - 1),
                lambda *a: _prompt_at(*a, lambda size: 0),
            ),
        ),
        Mistake(
            "the prompt given twice",
            "You give the whole prompt twice: once before the loop, and once more in it. The model holds "
            "it already when the second comes.",
            (_prompt_twice,),
        ),
        Mistake(
            "all from the first answer",
            "All your new tokens come from one answer, the likeliest after the prompt in their order. Each "
            "new token has to be read before the next one can be chosen.",
            (_all_from_one,),
        ),
        Mistake(
            "token 0 ends the text",
            "It comes out as if token 0 ended the text. It is a token like any other here: max_new are "
            "written.",
            (_ends_at_zero,),
        ),
        Mistake(
            "prompt not returned",
            "You return the new tokens alone. The exercise wants the prompt in front of them.",
            (lambda m, p, n: generate(m, p, n)[len(p) :],),
        ),
        Mistake(
            "one token too many",
            "You write one token more than max_new. The first call, the one with the prompt, gives a token "
            "as well.",
            (lambda m, p, n: generate(m, p, n + 1),),
        ),
        Mistake(
            "one token too few",
            "You write one token less than max_new. The first call, the one with the prompt, gives a "
            "token, and as many calls are needed as tokens.",
            (lambda m, p, n: generate(m, p, n - 1),),
        ),
    ),
    observe=_what_was_given,
    parts=("text", "list of positions given to the model"),
)


EXERCISES = (GENERATE,)
