"""The exercises of chapter 3.1: the common rules, other right answers, usual mistakes, and the library."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find
from llmasos_edu.exercises.pretraining import judging
from llmasos_edu.learning import sentence_pairs, span_filling
from llmasos_edu.learning.pretraining import causal_gap, corrupt_spans, mask_tokens, masked_token_loss
from llmasos_edu.training.next_token import bits_per_byte

# Right answers in another shape ------------------------------------------------------------------------


def hide_place_by_place(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.tolist(), np.full(tokens.shape, -100)
    for row, place in zip(*np.nonzero(choice.numpy() < 0.15), strict=True):
        targets[row, place] = tokens[row, place]
        if fate[row, place] < 0.8:
            inputs[row][place] = mask_id
        elif fate[row, place] < 0.9:
            inputs[row][place] = int(other[row, place])
    return torch.tensor(inputs), torch.from_numpy(targets)


def loss_by_ignoring(logits, tokens, hidden):
    targets = tokens.masked_fill(~hidden, -100)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)


def words_one_after_the_other(starts, draws, share):
    hidden, decision = [], False
    for begins, draw in zip(starts.tolist(), draws.tolist(), strict=True):
        decision = draw < share if begins else decision
        hidden.append(decision)
    return torch.tensor(hidden)


def perplexity_token_by_token(losses, counts):
    every = torch.repeat_interleave(losses, counts.long())
    return every.mean().exp()


def bits_in_python(nats, text):
    return sum(nats.tolist()) * math.log2(math.e) / len(bytes(text, "utf8"))


def all_places_in_one_batch(model, tokens, mask_id):
    hidden = tokens.repeat(len(tokens), 1).fill_diagonal_(mask_id)
    places = torch.arange(len(tokens))
    return model(hidden)[places, places, tokens]


def spans_by_runs(tokens, hidden, sentinels):
    inputs, targets, used = [], [], iter(sentinels.tolist())
    before = False
    for token, gap in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if gap and not before:
            mark = next(used)
            inputs.append(mark)
            targets.append(mark)
        (targets if gap else inputs).append(token)
        before = gap
    return torch.tensor(inputs), torch.tensor([*targets, next(used)])


def trying_with_probabilities(before, after):
    joint = before.double().exp() * after.double().exp().prod(dim=1)
    return joint / joint.sum()


def segments_by_counting(first, second, cls, sep):
    tokens = [cls, *first.tolist(), sep, *second.tolist(), sep]
    return torch.tensor(tokens), torch.tensor([int(i > len(first) + 1) for i in range(len(tokens))])


def gaps_by_splitting(inputs, written, sentinels):
    known = dict.fromkeys(sentinels.tolist())
    for token in written.tolist():
        if token in known:
            mark = token
            known[mark] = []
        else:
            known[mark] += [token]
    parts = [known[t] if known.get(t) is not None else [t] for t in inputs.tolist()]
    return torch.tensor([token for part in parts for token in part])


ALTERNATIVES = {
    "3.1-1": hide_place_by_place,
    "3.1-2": loss_by_ignoring,
    "3.1-3": words_one_after_the_other,
    "3.1-4": perplexity_token_by_token,
    "3.1-5": bits_in_python,
    "3.1-6": all_places_in_one_batch,
    "3.1-7": spans_by_runs,
    "3.1-8": trying_with_probabilities,
    "3.1-11": segments_by_counting,
    "3.1-12": gaps_by_splitting,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def hide_with_masks_alone(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.clone(), tokens.clone()
    inputs[choice < 0.15] = mask_id
    targets[choice >= 0.15] = -100
    return inputs, targets


def hide_and_score_all(tokens, choice, fate, other, mask_id):
    inputs = tokens.clone()
    inputs[(choice < 0.15) & (fate < 0.8)] = mask_id
    swap = (choice < 0.15) & (fate >= 0.8) & (fate < 0.9)
    inputs[swap] = other[swap]
    return inputs, tokens


def hide_whole_rows(tokens, choice, fate, other, mask_id):
    rows = choice[:, 0] < 0.15
    chosen = rows[:, None].expand_as(tokens)
    inputs = tokens.masked_fill(chosen & (fate < 0.8), mask_id)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, tokens.masked_fill(~chosen, -100)


def loss_of_everything(logits, tokens, hidden):
    return F.cross_entropy(logits.transpose(1, 2), tokens)


def loss_spread_over_all(logits, tokens, hidden):
    every = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return every.masked_fill(~hidden, 0).sum() / tokens.numel()


def loss_of_the_shown(logits, tokens, hidden):
    targets = torch.where(hidden, -100, tokens)
    return F.cross_entropy(logits.transpose(1, 2), targets)


def loss_of_the_next(logits, tokens, hidden):
    targets = tokens.masked_fill(~hidden, -100)[:, 1:]
    return F.cross_entropy(logits[:, :-1].transpose(1, 2), targets)


def words_by_each_token(starts, draws, share):
    return torch.lt(draws, share)


def words_that_spread(starts, draws, share):
    number = starts.cumsum(0)
    low = number[draws < share]
    return torch.isin(number, low)


def perplexity_of_means(losses, counts):
    return torch.tensor([math.exp(loss) for loss in losses.tolist()]).mean()


def perplexity_unweighted(losses, counts):
    return math.exp(losses.sum().item() / len(losses))


def perplexity_in_base_two(losses, counts):
    return torch.exp2(torch.dot(losses, counts) / counts.sum())


def bits_per_token(nats, text):
    return (nats / np.log(2)).mean()


def bits_per_character(nats, text):
    return nats.sum() * math.log2(math.e) / len(text)


def bits_from_too_small_nats(nats, text):
    return nats.sum() * np.log(2) / len(text.encode())


def gaps_that_are_seen(model, tokens, mask_id):
    return model(tokens.unsqueeze(0))[0].gather(1, tokens[:, None])[:, 0]


def gaps_that_pile_up(model, tokens, mask_id):
    hidden, scores = tokens.clone(), []
    for place in range(len(tokens)):
        hidden[place] = mask_id
        scores.append(model(hidden[None])[0, place, tokens[place]])
    return torch.stack(scores)


def gaps_all_at_once(model, tokens, mask_id):
    found = model(torch.full_like(tokens, mask_id)[None])[0]
    return found[torch.arange(len(tokens)), tokens]


def spans_without_an_end(tokens, hidden, sentinels):
    inputs, targets = spans_by_runs(tokens, hidden, sentinels)
    return inputs, targets[:-1]


def spans_with_a_mark_for_each(tokens, hidden, sentinels):
    inputs, targets, number = tokens.clone(), [], 0
    for place in hidden.nonzero()[:, 0].tolist():
        inputs[place] = sentinels[number]
        targets += [int(sentinels[number]), int(tokens[place])]
        number += 1
    return inputs, torch.tensor([*targets, int(sentinels[number])])


def trying_the_left_side(before, after):
    return torch.softmax(before, dim=-1)


def trying_the_mean(before, after):
    seen = after.mean(dim=1) if after.shape[1] else torch.zeros_like(before)
    joint = torch.exp(before + seen)
    return joint / joint.sum()


def trying_unnormalised(before, after):
    return before.exp() * after.exp().prod(dim=1)


def segments_with_the_first_end(first, second, cls, sep):
    tokens, _ = segments_by_counting(first, second, cls, sep)
    return tokens, (torch.arange(len(tokens)) > len(first)).int()


def segments_without_marks(first, second, cls, sep):
    tokens, _ = segments_by_counting(first, second, cls, sep)
    return tokens, torch.tensor([0] * len(first) + [1] * len(second))


def gaps_one_after_the_other(inputs, written, sentinels):
    marks = sentinels.tolist()
    runs, text = [], []
    for token in written.tolist():
        if token in marks:
            runs.append([])
        else:
            runs[-1].append(token)
    for token in inputs.tolist():
        text.extend(runs.pop(0) if token in marks and runs else [token])
    return torch.tensor(text)


VARIATIONS = [
    ("3.1-1", "every chosen token masked", hide_with_masks_alone),
    ("3.1-1", "everything scored", hide_and_score_all),
    ("3.1-1", "whole rows chosen", hide_whole_rows),
    ("3.1-2", "all tokens scored", loss_of_everything),
    ("3.1-2", "divided by all tokens", loss_spread_over_all),
    ("3.1-2", "visible tokens scored", loss_of_the_shown),
    ("3.1-2", "moved by one", loss_of_the_next),
    ("3.1-3", "each token on its own", words_by_each_token),
    ("3.1-3", "any token decides", words_that_spread),
    ("3.1-4", "perplexities averaged", perplexity_of_means),
    ("3.1-4", "batches count alike", perplexity_unweighted),
    ("3.1-4", "power of two", perplexity_in_base_two),
    ("3.1-5", "bits per token", bits_per_token),
    ("3.1-5", "characters instead of bytes", bits_per_character),
    ("3.1-5", "multiplied by ln 2", bits_from_too_small_nats),
    ("3.1-6", "scored without masking", gaps_that_are_seen),
    ("3.1-6", "masks stay", gaps_that_pile_up),
    ("3.1-6", "all hidden at once", gaps_all_at_once),
    ("3.1-7", "no sentinel at the end", spans_without_an_end),
    ("3.1-7", "a sentinel for each token", spans_with_a_mark_for_each),
    ("3.1-8", "the left side alone", trying_the_left_side),
    ("3.1-8", "mean over what follows", trying_the_mean),
    ("3.1-8", "not normalised", trying_unnormalised),
    ("3.1-11", "first end to the second", segments_with_the_first_end),
    ("3.1-11", "marks without a segment", segments_without_marks),
    ("3.1-12", "in the order written", gaps_one_after_the_other),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("3.1", ALTERNATIVES, VARIATIONS)

FAIR, READ = find("3.1-9").right(), find("3.1-10").right()

TestQuestions = question_rules_for(
    "3.1",
    {
        "3.1-9": FAIR | {"masked": float(FAIR["masked"]), "steps": torch.tensor(FAIR["steps"])},
        "3.1-10": READ | {"gain": round(READ["gain"], 3), "low": np.float64(READ["low"])},
    },
    [
        ("3.1-9", "all tokens scored", FAIR | {"masked": FAIR["causal"]}),
        ("3.1-9", "trained until it wins", FAIR | {"control": judging.NOT_FAIR[0]}),
        ("3.1-10", "selectivity turned", READ | {"selectivity": -READ["selectivity"]}),
    ],
    seeds=(None, *range(1, 25)),
)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("3.1") for mistake in item.mistakes}
    assert names >= {
        "scored without masking",
        "visible tokens scored",
        "all tokens scored",
        "whole rows chosen",
        "perplexities averaged",
        "bits per token",
    }
    assert len(of_chapter("3.1")) >= 8


# The references against the library ------------------------------------------------------------------


def test_hiding_equals_the_library_s():
    tokens = torch.randint(40, (6, 50), generator=torch.Generator().manual_seed(1))
    for share_seed in range(3):
        generator = torch.Generator().manual_seed(share_seed)
        choice, fate = (torch.rand(tokens.shape, generator=generator) for _ in range(2))
        other = torch.randint(40, tokens.shape, generator=generator)
        ours = mask_tokens(tokens, 40, 40, generator=torch.Generator().manual_seed(share_seed))
        theirs = find("3.1-1").reference(tokens, choice, fate, other, 40)
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_whole_words_are_the_library_s():
    for got, (starts, draws, share) in every_case("3.1-3"):
        words = starts.long().cumsum(0)[None]
        seed = 5
        library = torch.rand(1, len(draws), generator=torch.Generator().manual_seed(seed))[0]
        _, targets = mask_tokens(
            words, 9, 9, share=share, words=words, generator=torch.Generator().manual_seed(seed)
        )
        assert torch.equal(targets[0] != -100, find("3.1-3").reference(starts, library, share))
        assert got.shape == draws.shape


def test_the_loss_equals_the_library_s():
    class Known:
        def __init__(self, logits):
            self.encode, self.predict = lambda tokens: logits, lambda states: states

    for got, (logits, tokens, hidden) in every_case("3.1-2"):
        targets = tokens.masked_fill(~hidden, -100)
        torch.testing.assert_close(got, masked_token_loss(Known(logits), (tokens, targets)))


def test_perplexity_and_bits_are_those_of_whole_texts():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Embedding(7, 7))
    tokens = torch.randint(7, (31,), generator=torch.Generator().manual_seed(2))
    nats = F.cross_entropy(model(tokens[:-1]), tokens[1:], reduction="none").detach()
    parts = nats.split(8)
    losses, counts = torch.stack([p.mean() for p in parts]), torch.tensor([float(len(p)) for p in parts])
    perplexity = find("3.1-4").reference(losses, counts)
    torch.testing.assert_close(perplexity, nats.mean().exp())
    text = "x" * 57
    bits = find("3.1-5").reference(nats, text)
    assert abs(bits.item() - bits_per_byte(model, tokens, context=8, num_bytes=57)) < 1e-5


def test_spans_are_the_library_s():
    tokens, sentinels = torch.arange(40), torch.arange(100, 130)
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        inputs, targets = corrupt_spans(tokens, sentinels.tolist(), share=0.3, generator=generator)
        hidden = ~torch.isin(tokens, inputs)
        ours = find("3.1-7").reference(tokens, hidden, sentinels)
        assert torch.equal(ours[0], inputs)
        assert torch.equal(ours[1], targets)


def test_two_segments_are_the_library_s():
    for (tokens, segments), (first, second, _cls, sep) in every_case("3.1-11"):
        marks = sentence_pairs.Marks(0, _cls, sep)
        assert torch.equal(sentence_pairs.join(first[None], second[None], marks)[0], tokens)
        assert torch.equal(sentence_pairs.segments_of(tokens[None], sep)[0], segments)


def test_answers_go_where_the_library_puts_them():
    compared = 0
    for text, (inputs, written, sentinels) in every_case("3.1-12"):
        words = [token for token in [*inputs.tolist(), *written.tolist()] if token not in sentinels]
        if max(words) > sentinels[0] or sentinels[1] < sentinels[0]:
            continue  # in the library's vocabulary the sentinels are the last numbers, and count up
        assert torch.equal(span_filling.put_back(inputs, written, int(sentinels[0])), text)
        compared += 1
    assert compared >= len(find("3.1-12").cases) - 3


def test_trying_equals_the_library_s():
    class Pairs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.table = torch.nn.Embedding(6, 6)

        def forward(self, tokens):
            return self.table(tokens)

    torch.manual_seed(1)
    model, text = Pairs().double(), torch.tensor([2, 0, 5, 1])
    steps = model.table.weight.detach().log_softmax(-1)
    after = torch.stack([steps[:, 5], steps[5, 1].expand(6)], dim=1)
    found = find("3.1-8").reference(steps[2], after)
    want = causal_gap(model, text[None], 1, both_sides=True)[0].exp()
    torch.testing.assert_close(found, want)


# The questions' own data ----------------------------------------------------------------------------


def test_all_three_verdicts_are_asked_for():
    assert {find("3.1-10").right(seed)["verdict"] for seed in range(20)} == set(judging.VERDICTS)


def test_an_interval_is_that_of_a_t_test():
    from scipy import stats

    given = find("3.1-10").given(3)
    differences = np.array(given["trained"]) - np.array(given["shuffled"])
    low, high = stats.t.interval(0.95, 4, differences.mean(), stats.sem(differences))
    right = find("3.1-10").right(3)
    assert (right["low"], right["high"]) == pytest.approx((low, high), abs=1e-4)


def test_a_fair_race_asks_as_often():
    for seed in range(5):
        given, right = find("3.1-9").given(seed), find("3.1-9").right(seed)
        asked = right["steps"] * given["batch"] * given["context"] * given["share"]
        assert asked == pytest.approx(right["causal"], rel=1e-3)
