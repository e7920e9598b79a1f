"""Words for answers that are no known mistake: what explains all cases, where it is wrong, the case shown."""

import math

import pytest
import torch
import torch.nn.functional as F
from small_exercises import make_exercise, words

import llmasos_edu.exercises as exercises
from llmasos_edu.exercises import find, inputs
from llmasos_edu.exercises.checker.examples import literal
from llmasos_edu.exercises.checker.exercise import Mistake, random_tensors
from llmasos_edu.exercises.checker.judging import examine
from llmasos_edu.exercises.checker.terms import (
    axes_of_inputs,
    axes_of_parts,
    entries,
    is_are,
    place_in_words,
    said_of,
)


def table(scores):
    """scores [batch, seq] -> shares [batch, seq]."""
    return scores.softmax(-1)


TABLE = make_exercise(table, *[random_tensors(n, (1 + n % 3, 2 + n)) for n in range(4)])


def entropy(weights, temperature):
    """weights [batch, vocab] -> mean entropy in bits []."""
    weights = (weights.log() / temperature).softmax(-1)
    return -(weights * weights.log2()).sum(-1).mean()


ENTROPY = make_exercise(
    entropy, *[(random_tensors(n, (1 + n % 3, 2 + n))[0].softmax(-1), 1.0 + n) for n in range(4)]
)


def ids(tokens):
    """tokens [seq] -> the same in another order [seq]."""
    return tokens.sort()[0]


IDS = make_exercise(ids, *[(torch.tensor(row),) for row in ([4, 9, 2, 7], [11, 3, 5], [8, 6, 1, 2, 3])])


@pytest.mark.parametrize(
    ("item", "answer", "said"),
    [
        (TABLE, lambda s: 3 * table(s), "Your result is 3 times what it should be"),
        (TABLE, lambda s: -table(s), "The sign is the wrong way round"),
        (TABLE, lambda s: table(s) + 0.25, "too large by 0.25, here and in every other case"),
        (TABLE, lambda s: table(s).square(), "the square of what it should be, in every case"),
        (TABLE, lambda s: table(s).log(), "the natural logarithm of what it should be"),
        (TABLE, lambda s: 1 - table(s), "one minus what it should be"),
        (TABLE, lambda s: table(s).mT, "axes 0 and 1 exchanged (sequences and tokens)"),
        (TABLE, lambda s: table(s).roll(1, -1), "shifted by one along the tokens, towards the end"),
        (TABLE, lambda s: F.pad(table(s), (1, 0))[:, :-1], "comes one step too late along the tokens"),
        (TABLE, lambda s: F.pad(table(s), (0, 1))[:, 1:], "comes one step too early along the tokens"),
        (TABLE, lambda s: table(s).flip(-1), "in reversed order along the tokens"),
        (TABLE, lambda s: table(s).softmax(-1), "went through a softmax over the tokens once more"),
        (TABLE, lambda s: s.exp(), "each set of tokens has a factor of its own"),
        (TABLE, lambda s: table(s).sort(-1)[0], "sorted along the tokens, smallest first"),
        (TABLE, lambda s: table(s)[:, torch.arange(s.shape[1]).roll(2)], "in another order along the tokens"),
        (TABLE, lambda s: table(s).cumsum(-1), "summed up along the tokens"),
        (TABLE, lambda s: table(s)[:1].expand_as(s), "repeats the first of the sequences for all"),
        (TABLE, lambda s: table(s)[None], "right numbers in the right order, but the shape [1, 1, 2]"),
        (TABLE, lambda s: table(s).sum(-1), "the sum over the tokens of what it should be"),
        (TABLE, lambda s: table(s)[:, :-1], "lacks tokens at the end"),
        (TABLE, lambda s: F.pad(table(s), (2, 0)), "has too many tokens in front"),
        (TABLE, lambda s: (table(s),), "packed in a tuple of one. Is there a comma too many?"),
        (TABLE, lambda s: table(-s), "the solution gives if `scores` had its sign turned"),
        (TABLE, lambda s: table(table(s)), "went through a softmax over the tokens once more"),
        (ENTROPY, lambda w, t: entropy(w, t) * math.log(2), "ln 2, which turns bits into nats"),
        (ENTROPY, lambda w, t: -entropy(w, t), "The sign is the wrong way round"),
        (ENTROPY, lambda w, t: entropy(w, t).exp(), "the exponential of what it should be"),
        (ENTROPY, lambda w, t: entropy(w, t) * len(w), "is `batch` times what it should be, in every case"),
        (ENTROPY, lambda w, t: entropy(w, t) / w.shape[-1], "is 1 / `vocab` times what it should be"),
        (ENTROPY, lambda w, t: entropy(w, t) * t**2, "is the square of `temperature` times"),
        (ENTROPY, lambda w, t: entropy(w, 1.0), "the solution gives if `temperature` were 1"),
        (ENTROPY, lambda w, t: entropy(w, 1 / t), "stood in the denominator instead of the numerator"),
        (ENTROPY, lambda w, t: entropy(w.softmax(-1), t), "if `weights` has been through a softmax first"),
        (IDS, lambda t: t.sort(descending=True)[0], "in reversed order along the tokens"),
        (IDS, lambda t: t, "right numbers in another order along the tokens"),
        (IDS, lambda t: ids(t) + 1, "too large by 1"),
    ],
)  # fmt: skip
def test_what_explains_all_cases_is_named(item, answer, said):
    assert said in words(item, answer)


def test_what_explains_only_some_cases_is_not_named():
    twice_once = words(TABLE, lambda s: table(s) * (2 if len(s) == 1 else 3))
    assert "another multiple in other cases" in twice_once
    text = words(TABLE, lambda s: table(s).flip(-1) if len(s) > 1 else table(s).roll(1, -1).square())
    assert "reversed" not in text
    assert "shifted" not in text
    scalar = words(ENTROPY, lambda w, t: entropy(w, t) + w.var())
    assert "times" not in scalar


def test_ids_and_counts_are_no_magnitudes():
    near = make_exercise(ids, (torch.tensor([50_000, 50_001, 50_257]),), (torch.tensor([40_000, 50_000]),))
    text = words(near, lambda t: ids(t) + torch.tensor([0, 3, 7, 1])[: len(t)])
    assert "%" not in text
    assert "differs in 1 of 2 places: the first, token 1, is 50,003 and should be 50,000" in text
    count = make_exercise(lambda n: 46_702_792_704 * n, (1,), (2,), atol=0.5, rtol=0)
    text = words(count, lambda n: 46_702_792_704 * n + n * n)
    assert "46,702,792,705 and should be 46,702,792,704, 1 too many" in text


def test_where_it_is_wrong_is_said_in_the_terms_of_the_exercise():
    def causal(x):
        """x [batch, seq, seq] -> weights [batch, seq, seq]."""
        return x.tril().square()

    item = make_exercise(causal, *[random_tensors(n, (2, 3 + n, 3 + n)) for n in range(3)])
    noise = torch.rand(2, 9, 9, generator=torch.Generator().manual_seed(0))

    def but_for(where):
        return lambda x: causal(x) + noise[:, : x.shape[1], : x.shape[1]] * where(torch.ones_like(x))

    assert "only where the key equals the query" in words(item, but_for(lambda m: m.tril().triu()))
    assert "only where the key is later than the query" in words(item, but_for(lambda m: m.triu(1)))
    assert "Only query 0 is right" in words(item, but_for(lambda m: F.pad(m[:, 1:], (0, 0, 1, 0))))
    assert "Only sequence 0 is right" in words(item, but_for(lambda m: torch.stack([0 * m[0], m[1]])))
    text = words(item, lambda x: causal(x) + (torch.arange(x.shape[1]) == 2) * (x > 0.5))
    assert "sequence 0, query" in text or "sequence 1, query" in text


def test_what_the_right_cases_share_is_said():
    def padded(x, keep):
        """x [batch, seq], keep [batch, seq] -> x [batch, seq]."""
        return x * keep

    masks = [torch.ones(2, 3), torch.ones(2, 4), torch.tensor([[1.0, 1, 0]]), torch.tensor([[0.0, 1]])]
    cases = [(random_tensors(n, tuple(m.shape))[0], m.bool()) for n, m in enumerate(masks)]
    item = make_exercise(padded, *cases)
    text = words(item, lambda x, keep: x * keep + (~keep) * x.abs().sqrt())
    assert "right in just those in which `keep` is all True" in text
    assert "if `keep` were True everywhere" in words(item, lambda x, keep: x)
    assert "if `keep` were inverted" in words(item, lambda x, keep: x * ~keep)


def test_parts_that_are_right_and_parts_that_are_exchanged():
    def both(x):
        """x [batch, seq] -> low, high, both [batch]."""
        return x.amin(-1), x.amax(-1)

    item = make_exercise(both, *[random_tensors(n, (2 + n, 3)) for n in range(3)], parts=("low", "high"))
    assert "the low and high stand in each other's place" in words(item, lambda x: both(x)[::-1])
    assert words(item, lambda x: (both(x)[0], 2 * both(x)[1])).startswith(
        "The low is right. The high is 2 ti"
    )
    assert "packed twice" in words(item, lambda x: (both(x),))
    assert "2 results are asked for: low, high" in words(item, lambda x: (*both(x), x))


def test_exchanged_and_mistaken_inputs_are_named():
    def attention(query, key, value):
        """query, key, value [seq, dim] -> output [seq, dim]."""
        return (query @ key.T).softmax(-1) @ value

    item = make_exercise(attention, *[random_tensors(n, *[(3 + n, 3)] * 3) for n in range(3)])
    assert "if `query` and `key` were exchanged" in words(item, lambda q, k, v: attention(k, q, v))
    assert "if `key` stood in the place of `value`" in words(item, lambda q, k, v: attention(q, k, k))


def test_a_return_inside_the_loop_is_named():
    def chain(x, layers):
        """x [batch, dim], layers: functions -> x [batch, dim]."""
        for layer in layers:
            x = layer(x)
        return x

    cases = [(random_tensors(n, (2, 3))[0], [torch.sin, torch.cos, torch.tanh][: 1 + n]) for n in range(3)]
    text = words(make_exercise(chain, *cases), lambda x, layers: layers[0](x))
    assert "if `layers` ended after its first entry: does a `return` stand inside the loop, or" in text


@pytest.mark.parametrize(
    ("answer", "what", "cause"),
    [
        (lambda s: table(s) * (0 * torch.tensor(-torch.inf)), "is NaN", "0 times infinity"),
        (lambda s: (s - 100).sqrt(), "is NaN", "root or logarithm of a negative number"),
        (lambda s: table(s) + torch.inf, "is infinity", "a division by zero"),
        (lambda s: (0 * s).log() + s, "is minus infinity", "an -inf of your own"),
    ],
)
def test_not_a_number_gets_its_causes(answer, what, cause):
    text = words(TABLE, answer)
    assert what in text
    assert cause in text


def test_an_error_in_some_cases_does_not_hide_wrong_values():
    def halves(x):
        """x [n] -> halves [n]."""
        return x / 2

    item = make_exercise(halves, *[random_tensors(n, (n,)) for n in range(2, 7)])
    verdict = examine(item, lambda: lambda x: x[9] if len(x) == 4 else x / 2 + x[0] * x[1])
    assert verdict.status == "wrong"
    assert verdict.message.startswith("For case 0, your result differs in 2 of 2 places")
    assert "Besides, for case 2 it stops with IndexError" in verdict.message
    verdict = examine(item, lambda: lambda x: x[9] if len(x) < 6 else x / 2)
    assert verdict.status == "error"
    assert verdict.message.startswith("Right in 1 of 5 cases, but for case 0")


def test_a_right_refusal_hides_nothing_and_a_missing_one_is_named():
    def bounded(x, limit):
        """x [n], limit a number -> x [n], at most limit."""
        if limit < 0:
            raise ValueError(f"limit={limit} is negative")
        return x.clamp(max=limit)

    cases = [(*random_tensors(n, (3,)), 0.1 * n - 0.1) for n in range(4)]
    item = make_exercise(bounded, *cases)

    def wrong_clamp(x, limit):
        if limit < 0:
            raise ValueError
        return x.clamp(min=limit)

    verdict = examine(item, lambda: wrong_clamp)
    assert verdict.status == "wrong"
    assert "ValueError" not in verdict.message
    text = words(item, lambda x, limit: x.clamp(max=limit))
    assert "should refuse its inputs with a ValueError, but it returned a Tensor" in text
    returned = words(item, lambda x, limit: ValueError("negative") if limit < 0 else x.clamp(max=limit))
    assert "a ValueError, handed back with `return`: an error has to be raised" in returned


@pytest.mark.parametrize(
    "answer",
    [
        lambda s: table(s).to_sparse() * 2,
        lambda s: table(s).to("meta"),
        lambda s: torch.nested.nested_tensor([table(s)[0], table(s)[0, :1]]),
        lambda s: torch.quantize_per_tensor(table(s), 0.5, 0, torch.qint8),
    ],
)
def test_unusual_tensors_get_a_sentence(answer):
    verdict = examine(TABLE, lambda: answer)
    assert verdict.status == "wrong"
    assert verdict.message.endswith((".", "?"))
    assert examine(TABLE, lambda: lambda s: table(s).to_sparse()).status == "correct"


def test_torchs_own_complaint_is_no_blank():
    def between(x):
        """x [n] -> whether it lies between, [n]."""
        return (x > 0) & (x < 1)

    item = make_exercise(between, *random_tensors(1, (1, 4), (1, 3)))
    verdict = examine(item, lambda: lambda x: x > 0 & x < 1)
    assert verdict.status == "error"
    assert "`&` and `|` bind tighter than `<`" in verdict.message

    def todo(x):
        x = x + 1
        raise NotImplementedError("later")

    assert examine(item, lambda: todo).status == "blank"


def test_writing_into_an_input_names_the_input_and_the_usual_ways():
    def added(x, other):
        """x, other [n] -> their sum [n]."""
        return x + other

    item = make_exercise(added, *[random_tensors(n, (3,), (3,)) for n in range(3)])

    def in_place(x, other):
        other += x
        return other

    text = words(item, in_place)
    assert "your input `other` is different after the call" in text
    assert "`+=`" in text
    assert "append" in text


# The case that is shown ------------------------------------------------------------------------------


def run_example(example, answer, **names):
    """What the code of an example gives, run as a reader would."""
    code = example.splitlines()
    call = next(i for i, line in enumerate(code) if line.startswith("# came")) - 1
    exec("\n".join(code[:call]), names := {"torch": torch} | names)
    return eval(code[call], names | {code[call].split("(")[0]: answer})


def test_the_example_is_code_that_shows_the_difference():
    def no_shift(scores):
        return scores.exp() / scores.exp().sum(-1, keepdim=True) + (scores > 1)

    verdict = examine(TABLE, lambda: no_shift)
    came = run_example(verdict.example, no_shift)
    should = run_example(verdict.example, table)
    assert not torch.allclose(came, should)
    assert verdict.example.splitlines()[-2] == f"# came:      {rounded(came)}"
    assert verdict.example.splitlines()[-1] == f"# should be: {rounded(should)}"


def rounded(tensor):
    return literal(tensor).removeprefix("torch.tensor(").removesuffix(")")


def test_the_smallest_failing_case_is_cut_smaller():
    def without_scale(query, key, value):
        return F.scaled_dot_product_attention(query, key, value, is_causal=True) + (value > 1)

    verdict = exercises.judge("4.1-3", without_scale)
    assert "query = torch.tensor([[[" in verdict.example
    assert verdict.example.count(".") < 40
    came, should = (run_example(verdict.example, f) for f in (without_scale, find("4.1-3").reference))
    assert not torch.allclose(came, should)


def test_a_large_case_is_fetched_by_number():
    def almost(x, num_heads):
        out = find("4.1-5").reference(x, num_heads).clone()
        out[..., -1, :1] += x.numel() > 100
        return out

    verdict = examine(find("4.1-5"), lambda: almost)
    lines = verdict.example.splitlines()
    assert lines[0] == "from llmasos_edu.exercises import inputs"
    assert 'x, num_heads = inputs("4.1-5", 0)' in lines[1]
    came, should = (run_example(verdict.example, f) for f in (almost, find("4.1-5").reference))
    assert not torch.equal(came, should)


def test_check_shows_the_example_below_the_words(capsys):
    exercises.check("4.1-2", lambda scores: scores.softmax(-1) + 0.5 * (scores > 0.4))
    text = capsys.readouterr().out
    assert (
        "The smallest case that fails, to paste into a cell:\n\n    # A part of the case named above ("
        in text
    )
    assert "), with numbers of its own.\n    scores = torch.tensor(" in text
    assert "\n    # should be: " in text


def test_inputs_are_fresh_and_counted():
    first, again = inputs("4.1-3", 0), inputs("4.1-3", 0)
    assert torch.equal(first[0], again[0])
    assert first[0] is not again[0]
    assert len(inputs("4.1-3", 9, seed=3)) == 3
    with pytest.raises(ValueError, match="cases 0 to 7, so there is no case 9"):
        inputs("4.1-3", 9)


def test_literals_can_be_read_back():
    values = [torch.tensor([[1.5, -torch.inf], [torch.nan, 0.0]]), torch.zeros(2, 0, 3), torch.tensor(7)]
    values += [torch.tensor([True, False]), torch.empty(0, dtype=torch.long), torch.tensor([1.0]).double()]
    for value in values:
        back = eval(literal(value), {"torch": torch})
        assert back.dtype == value.dtype
        assert back.shape == value.shape
        assert torch.equal(back.nan_to_num(), value.nan_to_num())
    assert eval(literal([1, (2.5, "x"), math.inf]), {"torch": torch, "float": float}) == [
        1,
        (2.5, "x"),
        math.inf,
    ]
    assert literal(torch.sin) is None


def test_terms_come_from_the_docstring():
    causal = find("4.1-3")
    assert axes_of_inputs(causal)["query"] == ("...", "seq", "head_dim")
    assert place_in_words([1, 2, 3, 0], axes_of_parts(causal)[0]) == "sequence 1, head 2, token 3, feature 0"
    assert place_in_words([1, 2], None) == "place [1, 2]"
    padded = find("4.1-4")
    assert axes_of_parts(padded) == [("batch", "seq", "head_dim")] * 4, "as query, and three gradients"
    assert axes_of_parts(find("4.2-8")) == [()]


def test_a_list_of_another_length_is_spoken_of_by_its_entries():
    def kept(tokens):
        """tokens -> those that are even."""
        return [token for token in tokens if token % 2 == 0]

    item = make_exercise(kept, ([1, 2, 3, 4],), ([2, 2, 5],), ([7, 8],), ([6, 1],))
    text = words(item, lambda tokens: [token for token in tokens if token > 1])
    assert "has 2 entries, and 1 is asked for" in text
    assert "The first that differs, entry 0, is 7 and should be 8" in text
    assert "has 0 entries, and 1 is asked for." in words(item, lambda tokens: [])


@pytest.mark.parametrize(
    ("noun", "said"),
    [
        ("the loss", "is"),
        ("the bits", "are"),
        ("the new bias", "is"),
        ("the gradient of the logits", "is"),
        ("the bytes of the cache", "are"),
    ],
)
def test_one_is_and_several_are(noun, said):
    assert is_are(noun) == f"{noun} {said}"
    assert said_of(noun, "is too large") == f"{noun} {said} too large"
    stand = "stand" if said == "are" else "stands"
    assert said_of(noun, "stands in reversed order") == f"{noun} {stand} in reversed order"


def test_a_dict_is_written_out():
    assert literal({"add": ["math", 2], "b": (1,)}) == "{'add': ['math', 2], 'b': (1,)}"
    assert literal({"add": print}) is None


def test_a_factor_that_one_number_cannot_show_is_sought_in_the_other_cases():
    def scaled(x):
        """x [..., dim] -> as x."""
        return x / x.shape[-1] ** 0.5

    item = make_exercise(scaled, *random_cases((1, 1), (2, 3), (4, 5), (3, 2)))
    text = words(item, lambda x: x / x.shape[0])
    assert "in one case, and another multiple in other cases" in text


def random_cases(*shapes):
    return [(random_tensors(n, shape)[0],) for n, shape in enumerate(shapes)]


def in_time(lengths, deadline):
    """lengths, deadline -> whether all of them are done in time."""
    return sum(lengths) <= deadline


IN_TIME = make_exercise(
    in_time, ([2, 2], 4), ([3], 2), ([1, 4, 1], 6), ([5, 1], 7), ([2], 2), ([4, 4], 7),
    mistakes=(Mistake("never", "Never in time.", (lambda lengths, deadline: False,)),),
)  # fmt: skip


def test_true_and_false_are_not_one_apart():
    text = words(IN_TIME, lambda lengths, deadline: 2 * max(lengths) <= deadline)
    assert "too small by" not in text
    assert "times what" not in text
    assert "Here it errs one way only, False where True is right" in text
    lax = words(IN_TIME, lambda lengths, deadline: max(lengths) <= deadline + 1)
    assert "True where False is right" in lax


def test_a_single_truth_is_no_evidence_for_a_mistake():
    # Wherever both say False, they agree: that says nothing.
    verdict = examine(IN_TIME, lambda: lambda lengths, deadline: sum(lengths) < deadline)
    assert verdict.mistake is None


def test_an_index_that_is_one_too_far_is_no_multiple():
    def last(losses):
        """losses -> index of the last one."""
        return len(losses) - 1

    item = make_exercise(last, ([1.0] * 5,), ([2.0] * 5,), ([3.0],), ([1.0, 2.0],), ([1.0, 2.0, 3.0],))
    assert "times what" not in words(item, lambda losses: 5 if len(losses) == 5 else len(losses) - 1)


def spread(x, weight):
    """x [batch, dim], weight [dim] -> mean over the batch []."""
    return (x * weight).sum(-1).square().mean()


def test_the_case_of_one_number_is_shown_on_few_examples():
    item = make_exercise(spread, *[random_tensors(n, (6 + n, 3), (3,)) for n in range(3)])
    shown = examine(item, lambda: lambda x, weight: (x * weight).sum(-1).abs().mean()).example
    assert shown.count("[") == 3  # one row of x, and the weight
    unnamed = make_exercise(lambda x, weight: spread(x, weight), *[case.inputs for case in item.cases])
    assert "[[" in examine(unnamed, lambda: lambda x, weight: x.mean()).example


def test_a_case_that_hardly_shows_the_slip_is_not_the_one_shown():
    small, large = random_tensors(1, (1, 3), (3,)), random_tensors(2, (4, 3), (3,))
    item = make_exercise(spread, small, large)
    text = words(item, lambda x, w: spread(x, w) * 1.001 + (len(x) > 1) * x.amax())
    assert "For case 1" in text


def test_the_words_for_axes_without_a_name_and_for_batches():
    assert entries(("batches",), 1) == ["batch"]
    bare = make_exercise(lambda x: x.softmax(-1), *random_cases((2, 3), (3, 4), (4, 5)))
    text = words(bare, lambda x: x.softmax(-1) / x.softmax(-1).amax(-1, keepdim=True))
    assert "its largest number among the entries along axis 1" in text


def test_the_last_along_an_axis_left_out_in_all_inputs_is_named():
    def weighted(losses, counts):
        """losses [batches], counts [batches] -> mean []."""
        return (losses * counts).sum() / counts.sum()

    item = make_exercise(
        weighted, *[(x, 1 + x.abs().flip(0)) for (x,) in random_cases((3,), (4,), (5,), (6,))]
    )
    text = words(item, lambda losses, counts: weighted(losses[:-1], counts[:-1]))
    assert "if the last along the axis batches (of `losses`, `counts`) were left out" in text


def test_what_is_said_of_a_plural_is_said_in_the_plural():
    said = "is right as far as it goes, but lacks tokens: its shape is [2] and should be [3]."
    assert said_of("your result", said) == f"your result {said}"
    assert said_of("the inputs", said) == (
        "the inputs are right as far as they go, but lack tokens: their shape is [2] and should be [3]."
    )
    assert said_of("the parents", "is right, but has too many beams.") == (
        "the parents are right, but have too many beams."
    )
    item = make_exercise(lambda x: x.exp(), *[(torch.arange(6.0).reshape(2, 3) / n,) for n in (3, 4, 5)])
    text = words(item, lambda x: x.exp().roll((1, 1), (0, 1)).roll(1, 1))
    assert "along the entries along" not in text


def test_of_one_case_alone_nothing_is_said_to_be_shared():
    cases = [(random_tensors(n, (n + 1, 2))[0].abs(), n) for n in (1, 2, 3, 4)]
    item = make_exercise(lambda x, n: (x * n).sum(-1).sqrt(), *cases)
    assert "in just those" not in words(item, lambda x, n: (x * n).sum(-1).sqrt() + (n > 1) * x[:, 0].sin())
    twice = make_exercise(
        lambda x, n: (x * n).sum(-1).sqrt(), *cases, (random_tensors(9, (4, 2))[0].abs(), 1)
    )
    said = words(twice, lambda x, n: (x * n).sum(-1).sqrt() + (n > 1) * x[:, 0].sin())
    assert "Of the cases here it is right in just those in which `n` is 1" in said
