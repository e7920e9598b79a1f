"""Exercise of chapter 3.1, the part on hiding tokens by BERT's rule.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from itertools import product

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

IGNORED = -100

# 3.1-1 ----------------------------------------------------------------------------------


def hide_tokens(tokens, choice, fate, other, mask_id):
    """tokens, choice, fate, other [batch, seq] -> inputs [batch, seq], targets [batch, seq]."""
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


def _hidden(tokens, chosen, fate, other, mask_id, to_mask=0.8, to_other=0.1):
    inputs = torch.where(chosen & (fate < to_mask), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= to_mask) & (fate < to_mask + to_other), other, inputs)
    return inputs, torch.where(chosen, tokens, IGNORED)


def _with_fates(to_mask, to_other):
    return lambda t, c, f, o, m: _hidden(t, c < 0.15, f, o, m, to_mask, to_other)


def _one_at_least(t, c, f, o, m):
    chosen = c < 0.15
    return _hidden(t, chosen if chosen.any() else c == c.min(), f, o, m)


def _fixed_share(t, c, f, o, m):
    count = max(1, round(0.15 * c.numel()))
    chosen = torch.zeros(c.numel(), dtype=torch.bool)
    chosen[c.flatten().argsort()[:count]] = True
    return _hidden(t, chosen.view(c.shape), f, o, m)


def _fixed_share_of_a_row(t, c, f, o, m):
    count = max(1, round(0.15 * c.shape[1]))
    chosen = torch.zeros_like(c, dtype=torch.bool).scatter(1, c.argsort(1)[:, :count], True)
    return _hidden(t, chosen, f, o, m)


def _noise_everywhere(t, c, f, o, m):
    inputs, targets = _hidden(t, c < 0.15, f, o, m)
    return torch.where((f >= 0.8) & (f < 0.9), o, inputs), targets


def _hidden_everywhere(t, c, f, o, m):
    return _hidden(t, c < 2, f, o, m)[0], torch.where(c < 0.15, t, IGNORED)


def _scored_where_different(t, c, f, o, m):
    inputs, _ = _hidden(t, c < 0.15, f, o, m)
    return inputs, torch.where(inputs != t, t, IGNORED)


def _zeros_for_the_rest(t, c, f, o, m):
    return _hidden(t, c < 0.15, f, o, m)[0], torch.where(c < 0.15, t, 0)


def _unchanged_ones_dropped(t, c, f, o, m):
    inputs, targets = _hidden(t, c < 0.15, f, o, m)
    return inputs, torch.where(f < 0.9, targets, IGNORED)


def _only_masks_scored(t, c, f, o, m):
    inputs, targets = _hidden(t, c < 0.15, f, o, m)
    return inputs, torch.where(f < 0.8, targets, IGNORED)


def _target_of_inputs(t, c, f, o, m):
    inputs, _ = _hidden(t, c < 0.15, f, o, m)
    return inputs, torch.where(c < 0.15, inputs, IGNORED)


def _swapped(t, c, f, o, m):
    inputs = torch.where((c < 0.15) & (f < 0.8), o, t)
    inputs = torch.where((c < 0.15) & (f >= 0.8) & (f < 0.9), m, inputs)
    return inputs, torch.where(c < 0.15, t, IGNORED)


def _draws(name, seed, batch, seq, vocab=40, mask_id=40):
    generator = torch.Generator().manual_seed(seed)
    tokens, other = (torch.randint(vocab, (batch, seq), generator=generator) for _ in range(2))
    choice, fate = (torch.rand(batch, seq, generator=generator) for _ in range(2))
    return Case(name, (tokens, choice, fate, other, mask_id))


def _limits_let_in(choice, mask, other):
    """The rule with `<=` for `<` at some of its three limits."""

    def answer(t, c, f, o, m):
        chosen = c <= 0.15 if choice else c < 0.15
        masked = f <= 0.8 if mask else f < 0.8
        inputs = torch.where(chosen & ~masked & (f <= 0.9 if other else f < 0.9), o, t)
        return torch.where(chosen & masked, m, inputs), torch.where(chosen, t, IGNORED)

    return answer


_ON_THE_LIMITS = Case(
    "draws that lie just on a limit",
    (
        torch.tensor([[7, 8, 9, 3, 6]]),
        torch.tensor([[0.15, 0.1, 0.15, 0.9, 0.1]], dtype=torch.float64),  # 0.9 itself, whoever compares
        torch.tensor([[0.5, 0.8, 0.8, 0.8, 0.9]], dtype=torch.float64),
        torch.tensor([[4, 3, 2, 1, 5]]),
        99,
    ),
)
_NONE_CHOSEN = Case(
    "nothing is chosen",
    (
        torch.tensor([[7, 8, 9], [3, 5, 6]]),
        torch.tensor([[0.5, 0.2, 0.9], [0.3, 0.16, 0.7]]),
        torch.tensor([[0.5, 0.85, 0.1], [0.95, 0.3, 0.8]]),
        torch.tensor([[1, 2, 4], [4, 2, 1]]),
        99,
    ),
)
_ALL_FATES = Case(
    "one row with every fate",
    (
        torch.tensor([[7, 8, 9, 3, 5, 6, 2, 1]]),
        torch.tensor([[0.01, 0.14, 0.1, 0.9, 0.5, 0.3, 0.149, 0.151]]),
        torch.tensor([[0.1, 0.85, 0.95, 0.1, 0.85, 0.95, 0.79, 0.2]]),
        torch.tensor([[4, 3, 2, 4, 3, 2, 4, 3]]),
        99,
    ),
)

HIDE = Exercise(
    key="3.1-1",
    title="Hide tokens by BERT's rule",
    difficulty=2,
    minutes=15,
    statement=(
        "choice and fate hold one number between 0 and 1 for each token, drawn evenly. A token is chosen "
        "when its choice is below 0.15. A chosen token becomes mask_id when its fate is below 0.8, the "
        "token in other when it is from 0.8 to below 0.9, and stays as it is from 0.9 on. Return the "
        "inputs, and targets with the true token where one was chosen and -100 (not scored) everywhere "
        "else."
    ),
    takeaway="All chosen tokens are scored, however they look: the model cannot know which it may trust.",
    reference=hide_tokens,
    explanation="One condition says who is chosen; the fate only decides what the model sees there.",
    hints=(
        "Write the condition for being chosen first, as a tensor of True and False. Everything else is a "
        "matter of where it is True.",
        "The inputs change in two steps: masks where chosen and fate is low, random tokens where chosen and "
        "fate lies in the narrow band. Do both steps ask whether the token is chosen?",
        "The targets do not ask for the fate at all: a chosen token that kept its face is scored as well.",
    ),
    cases=(
        _ALL_FATES,
        _ON_THE_LIMITS,
        _draws("4 rows of 30 tokens", 7001, 4, 30),
        _draws("one long row", 7002, 1, 200),
        _draws("40 short rows", 7003, 40, 6),
        _draws("mask with the number 0", 7004, 6, 40, vocab=20, mask_id=0),
        _draws("a large batch", 7005, 20, 60),
        _draws("a mask far outside the vocabulary", 7006, 5, 50, mask_id=1000),
        _NONE_CHOSEN,
    ),
    mistakes=(
        Mistake(
            "the limits themselves",
            "A draw that lies just on a limit goes to the wrong side, at one limit or at several: a choice "
            "of 0.15 is not below 0.15, a fate of 0.8 no longer gives a mask, and with one of 0.9 the token "
            "stays.",
            tuple(_limits_let_in(*which) for which in product((True, False), repeat=3) if any(which)),
        ),
        Mistake(
            "one is always chosen",
            "Where no choice is below 0.15, you choose a token all the same. Then no token is chosen, and "
            "nothing is scored.",
            (_one_at_least,),
        ),
        Mistake(
            "every chosen token masked",
            "Every chosen token becomes the mask in your inputs. A mask never occurs in real text: with a "
            "tenth of random and a tenth of unchanged tokens the model learns to mind all words.",
            (_with_fates(1.1, 0.0),),
        ),
        Mistake(
            "no token stays",
            "The chosen tokens that are not masked all become random ones in your inputs. Half of them keep "
            "their face: look at fates from 0.9 on.",
            (_with_fates(0.8, 0.3),),
        ),
        Mistake(
            "no random tokens",
            "There are no random tokens in your inputs. What happens to a chosen token whose fate lies "
            "between 0.8 and 0.9?",
            (_with_fates(0.8, 0.0), _with_fates(0.9, 0.0)),
        ),
        Mistake(
            "everything scored",
            "Your targets hold the true token everywhere, so the model is mostly asked for tokens that it "
            "sees. It would learn to copy. Only the chosen ones are scored, the rest is -100.",
            (lambda t, c, f, o, m: (_hidden(t, c < 0.15, f, o, m)[0], t),),
        ),
        Mistake(
            "whole rows chosen",
            "You choose whole rows of the batch, all or nothing, by the draw of their first token. Each "
            "token of each row has a draw of its own.",
            (lambda t, c, f, o, m: _hidden(t, (c[:, :1] < 0.15).expand_as(c), f, o, m),),
        ),
        Mistake(
            "one draw for all rows",
            "Every row of your batch is chosen from by the draws of the first row, so that the same places "
            "are chosen in all. Each token of each row has a draw of its own.",
            (lambda t, c, f, o, m: _hidden(t, (c[:1] < 0.15).expand_as(c), f, o, m),),
        ),
        Mistake(
            "a fixed number chosen",
            "You hide a fixed number of tokens, of all or of each row, those with the lowest draws. Asked "
            "for is one decision for each token, by its own number, so that rows differ in how much they "
            "hide.",
            (_fixed_share, _fixed_share_of_a_row),
        ),
        Mistake(
            "fates of all tokens",
            "You put random tokens also where no token was chosen. The fate counts for chosen tokens only: "
            "the others are the text that the model reads.",
            (_noise_everywhere,),
        ),
        Mistake(
            "masks of all tokens",
            "You put masks and random tokens also where no token was chosen. The fate counts for chosen "
            "tokens only: the others are the text that the model reads.",
            (_hidden_everywhere,),
        ),
        Mistake(
            "scored where it looks different",
            "It comes out as if a token were scored where the inputs differ from it. A chosen one may look "
            "the same, and is scored too: from a fate of 0.9 on, or when the token in other is equal by "
            "chance.",
            (_scored_where_different,),
        ),
        Mistake(
            "zero for what is not scored",
            "Your targets hold 0 where nothing is scored. 0 may be the number of a token: -100 is asked for.",
            (_zeros_for_the_rest,),
        ),
        Mistake(
            "no masks",
            "There are no masks in your inputs: every chosen token whose fate is below 0.9 becomes the one "
            "in other. Is your second condition true as well where the first one is?",
            (_with_fates(0.0, 0.9),),
        ),
        Mistake(
            "unchanged ones not scored",
            "Chosen tokens that look unchanged, or these and the random ones, are not scored in your "
            "targets. All that were chosen are scored: only then can the model not know which of the tokens "
            "that it sees it may trust.",
            (_unchanged_ones_dropped, _only_masks_scored),
        ),
        Mistake(
            "asks for what is shown",
            "Your targets hold what the model sees at the chosen places, masks included, instead of what "
            "stood there.",
            (_target_of_inputs,),
        ),
        Mistake(
            "mask and random exchanged",
            "You put random tokens in eight of ten cases and masks in one. It is the other way round.",
            (_swapped,),
        ),
        Mistake(
            "most tokens hidden",
            "You choose the tokens whose draw is 0.15 or above, and none of the others: most of the text. "
            "Below 0.15 is asked for.",
            (lambda t, c, f, o, m: _hidden(t, c >= 0.15, f, o, m),),
        ),
    ),
    parts=("inputs", "targets"),
)


EXERCISES = (HIDE,)
