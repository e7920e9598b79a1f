"""Exercise of chapter 3.1, the part on gaps: what a masked model says of each token.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-6 ----------------------------------------------------------------------------------


def hide_each_in_turn(model, tokens, mask_id):
    """model: tokens [batch, seq] -> ln p [batch, seq, vocab]; tokens [seq] -> ln p of each token [seq]."""
    scores = []
    for place, token in enumerate(tokens.tolist()):
        hidden = tokens.clone()
        hidden[place] = mask_id
        scores.append(model(hidden[None])[0, place, token])
    return torch.stack(scores)


class _Reader:
    """A small masked model of fixed random numbers: it reads the token itself, its neighbours, and all."""

    def __init__(self, seed, vocab):
        generator = torch.Generator().manual_seed(seed)
        self.own, self.left, self.right, self.all = torch.randn(4, vocab, vocab, generator=generator)
        self.own = 3 * torch.eye(vocab) + self.own

    def __call__(self, tokens):
        if tokens.dim() != 2:
            raise ValueError(f"the model reads tokens [batch, seq], and not of shape {list(tokens.shape)}")
        own, left, right = self.own[tokens], self.left[tokens], self.right[tokens]
        logits = own + self.all[tokens].mean(1, keepdim=True)
        logits[:, 1:] += left[:, :-1]
        logits[:, :-1] += right[:, 1:]
        return logits.log_softmax(-1)


def _take(model, inputs, tokens):
    """ln p of the true tokens: inputs [batch, seq] -> [batch, seq]."""
    return model(inputs).gather(-1, tokens.expand(inputs.shape)[..., None])[..., 0]


def _by_masks(hide):
    """Place t is read from the row in which the tokens where `hide(t, places)` holds are masked."""

    def answer(model, tokens, mask_id):
        places = torch.arange(len(tokens))
        masks = torch.stack([hide(t, places) for t in range(len(tokens))])
        return _take(model, torch.where(masks, mask_id, tokens), tokens).diagonal()

    return answer


def _most_likely(model, tokens, mask_id):
    hidden = torch.where(torch.eye(len(tokens), dtype=torch.bool), mask_id, tokens)
    return model(hidden).max(-1).values.diagonal()


def _mask_scored(model, tokens, mask_id):
    hidden = torch.where(torch.eye(len(tokens), dtype=torch.bool), mask_id, tokens)
    return model(hidden)[..., mask_id].diagonal()


def _first_place_of_each(model, tokens, mask_id):
    numbers = hide_each_in_turn(model, tokens, mask_id)
    return numbers[[tokens.tolist().index(token) for token in tokens.tolist()]]


def _of_the_first_pass(model, tokens, mask_id):
    hidden = torch.where(torch.eye(len(tokens), dtype=torch.bool), mask_id, tokens)
    return _take(model, hidden, tokens)[0]


def _cut_behind(model, tokens, mask_id):
    texts = [torch.cat([tokens[:place], tokens.new_tensor([mask_id])]) for place in range(len(tokens))]
    return torch.stack([model(text[None])[0, -1, token] for text, token in zip(texts, tokens, strict=True)])


def _mean_of_each_pass(model, tokens, mask_id):
    hidden = torch.where(torch.eye(len(tokens), dtype=torch.bool), mask_id, tokens)
    return _take(model, hidden, tokens).mean(1)


def _all_alike_hidden(model, tokens, mask_id):
    return _take(model, torch.where(tokens == tokens[:, None], mask_id, tokens), tokens).diagonal()


def _beside(step):
    """ln p of the hidden token, read `step` places beside it (the first place is beside the last)."""

    def answer(model, tokens, mask_id):
        places = torch.arange(len(tokens))
        hidden = torch.where(torch.eye(len(tokens), dtype=torch.bool), mask_id, tokens)
        return model(hidden)[places, (places + step) % len(tokens), tokens]

    return answer


def _each(answer, change):
    return lambda model, tokens, mask_id: change(answer(model, tokens, mask_id))


_RIGHT = _by_masks(lambda t, places: places == t)


def _sentence(name, seed, seq, vocab=8):
    tokens = torch.randint(vocab - 1, (seq,), generator=torch.Generator().manual_seed(seed))
    return Case(name, (_Reader(seed, vocab), tokens, vocab - 1))


IN_TURN = Exercise(
    key="3.1-6",
    title="Ask a masked model about a whole sentence",
    difficulty=2,
    minutes=15,
    statement=(
        "A masked model gives ln p for every place of a text, its own token included in what it sees. To "
        "ask it how likely each token is given all others, hide that one token and no other, and read ln p "
        "of the true token there. Do so for every place. The tokens themselves must not change."
    ),
    takeaway="It takes one pass for each token, and the sum is no probability of the sentence.",
    reference=hide_each_in_turn,
    explanation="One copy of the text for each place, with the mask in that place alone.",
    hints=(
        "What would a model that has learned to copy say about a token that it sees?",
        "For each place make a fresh copy of the text with the mask there. What happens if you put the "
        "masks into the same tensor one after the other?",
        "Of the answer to that copy you need one number: at that place, for the token that stood there.",
    ),
    cases=(
        _sentence("5 tokens", 7401, 5),
        _sentence("12 tokens", 7402, 12),
        _sentence("two tokens", 7403, 2),
        _sentence("one token", 7404, 1),
        _sentence("a larger vocabulary", 7405, 9, vocab=30),
        Case("the same token again and again", (_Reader(7406, 6), torch.tensor([2, 2, 2, 2]), 5)),
    ),
    mistakes=(
        Mistake(
            "scored without masking",
            "You score tokens that the model sees. It only has to copy them, and such scores say nothing. "
            "Hide each one before you ask for it.",
            (
                _by_masks(lambda t, places: places < 0),
            ),
        ),
        Mistake(
            "the number of its first place",
            "A token that comes twice gets the number of its first place. Each place has its own mask and "
            "its own number.",
            (_first_place_of_each,),
        ),
        Mistake(
            "read off the first pass",
            "You read all numbers off the first pass, in which only the first token is hidden. Each token "
            "is read off the pass that hides it.",
            (_of_the_first_pass,),
        ),
        Mistake(
            "all places of the token",
            "You hide every place at which the same token stands. Only the place that is asked for is "
            "hidden: the model may see that the token occurs elsewhere.",
            (_all_alike_hidden,),
        ),
        Mistake(
            "all hidden at once",
            "You hide all tokens together: the model guesses each of them from masks alone.",
            (_by_masks(lambda t, places: places >= 0),),
        ),
        Mistake(
            "masks stay",
            "All before the token that you ask for is hidden too, as when masks stay where they were put. "
            "Begin with a fresh copy for each place, and hide that one token.",
            (_by_masks(lambda t, places: places <= t),),
        ),
        Mistake(
            "cut behind the mask",
            "The model does not see what stands behind the token that you ask for: the text ends there. It "
            "may read both sides, so give it the whole text.",
            (_cut_behind,),
        ),
        Mistake(
            "a mean over all places",
            "Your number for each place is a mean over all tokens of that pass. Those in sight need no "
            "guess: read the one that is hidden.",
            (_mean_of_each_pass,),
        ),
        Mistake(
            "the rest hidden too",
            "You hide the token and all after it: that is a causal model's view. A masked model may read "
            "both sides.",
            (_by_masks(lambda t, places: places >= t),),
        ),
        Mistake(
            "all others hidden",
            "You hide all the other tokens and show the one that is asked for. It is the other way round.",
            (_by_masks(lambda t, places: places != t),),
        ),
        Mistake(
            "neighbour hidden",
            "It comes out as if the mask stood one place beside the token that you ask for, which the model "
            "can then see.",
            (
                _by_masks(lambda t, places: places == t - 1),
                _by_masks(lambda t, places: places == t + 1),
            ),
        ),
        Mistake(
            "neighbours hidden too",
            "You hide more than the token that you ask for: the one before it, the one after it, or both. "
            "The model may read them: that one token alone is hidden.",
            (
                _by_masks(lambda t, places: (places - t).abs() <= 1),
                _by_masks(lambda t, places: (places == t) | (places == t - 1)),
                _by_masks(lambda t, places: (places == t) | (places == t + 1)),
            ),
        ),
        Mistake(
            "read at the neighbour",
            "You hide the right token and read the answer one place beside it, as one does with a causal "
            "model. A masked model answers at the place of the mask.",
            (_beside(-1), _beside(1)),
        ),
        Mistake(
            "the model's favourite",
            "You take the highest ln p at each place: that is the model's favourite, not the token that "
            "stood there.",
            (_most_likely,),
        ),
        Mistake(
            "asks for the mask",
            "You ask how likely the mask itself is at its place. Asked for is the token that stood there.",
            (_mask_scored,),
        ),
        Mistake(
            "probabilities",
            "You return probabilities. Asked for are their logarithms, as the model gives them.",
            (_each(_RIGHT, torch.exp),),
        ),
        Mistake(
            "one number for the sentence",
            "You return a single number for the whole text. Asked for is one number for each of its tokens.",
            (_each(_RIGHT, torch.sum), _each(_RIGHT, torch.mean)),
        ),
    ),
)  # fmt: skip


EXERCISES = (IN_TURN,)
