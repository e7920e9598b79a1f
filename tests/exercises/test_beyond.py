"""What holds beyond an exercise's own cases: right answers stay right, and a named slip is that slip."""

import inspect
import math

import torch
from small_exercises import make_exercise, words

from llmasos_edu.exercises import Case, all_exercises, find, inputs, judge
from llmasos_edu.exercises.checker.beyond import further_cases, more_evidence
from llmasos_edu.exercises.checker.examples import example
from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.judging import examine
from llmasos_edu.exercises.checker.question import Question, judge_question
from llmasos_edu.exercises.checker.running import run


def mistaken(*implementations):
    return (Mistake("the usual one", "You do the usual.", implementations),)


def drawn(seed):
    return (Case(f"{10 * seed}, drawn from seed {seed}", (10 * seed,)),)


def test_an_answer_is_tried_on_drawn_inputs_though_no_seed_is_given():
    item = make_exercise(lambda n: n + 1, (1,), (2,), (3,), draw=drawn)
    assert examine(item, lambda: lambda n: n + 1).status == "correct"
    verdict = examine(item, lambda: lambda n: min(n + 1, 4))
    assert verdict.status == "wrong"
    assert "drawn from seed 1" in verdict.message
    assert 'inputs("0-1", 3, seed=1)' in verdict.example or "n = 10" in verdict.example


def test_a_slip_that_is_another_one_on_further_inputs_is_named_with_care():
    item = make_exercise(
        lambda n: n + 1, (1,), (2,), (3,), draw=drawn, mistakes=mistaken(lambda n: n - 1, lambda n: n)
    )
    own = examine(item, lambda: lambda n: n - 1)
    assert own.message == "You do the usual."
    other = examine(item, lambda: lambda n: n - 1 if n < 5 else 7)
    assert other.mistake == "the usual one"
    assert other.message.endswith("something else than the form of this slip that I know.)")


def test_numbers_are_dealt_anew_where_nothing_is_drawn():
    cases = [(torch.arange(1.0, 2 + n),) for n in range(3, 7)]
    item = make_exercise(lambda x: x.mean(), *cases, mistakes=mistaken(lambda x: x.amax()))
    assert examine(item, lambda: lambda x: x.sort()[0][-1]).message == "You do the usual."
    last = examine(item, lambda: lambda x: x[-1])  # the largest, as long as the numbers rise
    assert last.mistake == "the usual one"
    assert "than the form of this slip that I know" in last.message


def test_a_mistake_is_not_named_where_it_would_do_harm_and_the_answer_is_right():
    usual = mistaken(lambda n: -1.0 - n if n > 1 else n + 0.5)
    item = make_exercise(lambda n: n + 0.5, *((n,) for n in range(8)), mistakes=usual)
    spared = {2: 2.5, 3: 3.5, 0: 7.0}
    assert examine(item, lambda: lambda n: spared.get(n, -1.0 - n if n > 1 else n + 0.5)).mistake is None
    harmed = {0: 7.0}
    verdict = examine(item, lambda: lambda n: harmed.get(n, -1.0 - n if n > 1 else n + 0.5))
    assert verdict.mistake == "the usual one"


def test_one_code_nearly_everywhere_is_no_evidence():
    usual = mistaken(lambda n: n % 4 if n < 3 else 9)
    item = make_exercise(lambda n: n % 4, *((n,) for n in range(8)), mistakes=usual, codes=True)
    assert examine(item, lambda: lambda n: 9).mistake is None
    assert examine(item, lambda: lambda n: 9 if n > 2 else n).mistake == "the usual one"


def test_one_number_for_all_is_no_factor():
    share = make_exercise(lambda x: x.float().mean(), *[(torch.tensor([0, 1] * n),) for n in range(1, 5)])
    said = words(share, lambda x: 1 / x.float().mean())
    assert "times" not in said
    assert "divided by" not in said


def test_what_explains_all_cases_is_tried_on_further_inputs():
    item = make_exercise(lambda n: 2.0 * n, (1,), (2,), (3,), draw=drawn)
    assert "3 times" in words(item, lambda n: 6.0 * n)
    assert "3 times" not in words(item, lambda n: 6.0 * n if n < 5 else n)


def test_further_inputs_are_few_and_fair():
    item = make_exercise(lambda x: x.log().sum(), (torch.tensor([1.0, 2.0]),), (torch.tensor([1.0, -2.0]),))
    outcomes = [run(item, item.reference, case) for case in item.cases]
    more = more_evidence(item, item.reference, outcomes, outcomes)
    assert len(more.exercise.cases) == len(more.outcomes) == len(more.expected) == 3  # NaN is no evidence


def test_a_case_that_is_built_is_shown_as_code_that_builds_it():
    item = find("5-4")
    run_of_it, fresh = inputs("5-4", 1)
    assert (run_of_it.step, fresh.step) == (3, 0)

    def nothing(run, fresh):
        return None

    text = example(item, nothing, 1, run(item, nothing, item.cases[1]))
    code = text.split("# came")[0]
    names = {"nothing": nothing}
    exec(code, names)
    assert "torch.tensor" not in code
    losses = run(item, item.reference, item.cases[1]).value
    assert math.isclose(names["gone_on"][0], float(losses[1][0]), rel_tol=1e-5)


def count(**data):
    return {"ones": sum(data["items"]), "twos": 700}


COUNT = Question(
    key="9.9-3",
    title="Count",
    difficulty=1,
    minutes=5,
    statement="How many ones are in {items}?",
    takeaway="Counted.",
    explanation="Count.",
    hints=("Count.",) * 3,
    answer=count,
    asked={"ones": "how many entries are 1", "twos": "seven hundred"},
    on_the_way=lambda items: {"ones": f"the first half holds {sum(items[: len(items) // 2])}"},
    mistakes=(
        Mistake("zeros", "You count zeros.", (lambda items: {"ones": items.count(0)},)),
        Mistake("too many", "You count too much.", (lambda items: {"twos": 7000},)),
    ),
    draw=lambda seed: {"items": [1, 0, 1, 1, 0, 0, 1, 1, 1]},
)


def test_a_small_number_may_be_met_by_chance():
    said = judge_question(COUNT, {"ones": 3, "twos": 700})
    assert said.mistake == "zeros"
    assert said.message == (
        "'ones': You count zeros. If you came to 3 in another way, it is the same number by chance. Asked "
        "for: how "
        "many entries are 1. On the way: the first half holds 3."
    )
    assert judge_question(COUNT, {"ones": 6, "twos": 7000}).message == "'twos': You count too much."
    said = judge_question(COUNT, {"ones": 5, "twos": 700}).message
    assert said.endswith("On the way: the first half holds 3.")


def test_a_wrong_count_of_faults_is_told_what_stands_half_way():
    right = find("2.2-3").right()
    said = judge("2.2-3", right | {"fifo": right["fifo"] + 1}).message
    assert "On the way: after 7 references there are 5 faults, and the frames hold 2, 3, 5." in said


def test_a_slip_that_cannot_be_made_with_these_data_is_no_number():
    for key in ("3.4-9", "3.4-11"):
        for seed in range(8):
            item = find(key)
            right = item.right(seed)
            for part in (name for name, value in right.items() if type(value) in (int, float)):
                verdict = judge(key, right | {part: -1}, seed=seed)
                assert verdict.status in ("wrong", "known mistake", "correct")
                made = [v for m in item.mistakes if m.name == verdict.mistake for v in m.implementations]
                values = [item.value_of(v, seed) for v in made]
                assert not any(v.get(part) == -1 and right[part] != 1 for v in values if isinstance(v, dict))


def test_a_list_that_is_asked_for_is_called_a_list():
    item = make_exercise(lambda n: [n, n], (1,), (2,))
    said = words(item, lambda n: [n, None])
    assert "is a list of 2 things, None among them, but a list of 2 is asked for" in said


def test_a_change_that_changes_nothing_here_is_not_named():
    cases = [(torch.arange(1.0, 4 + n) / 7,) for n in range(4)]
    item = make_exercise(lambda x: x.exp() * 3, *cases)
    said = words(item, lambda x: (x.exp() * 300).round() / 300 * 3.004)
    assert "without its sign" not in said


def test_what_numbers_are_like_says_nothing_of_two_cases():
    cases = [(torch.tensor([s * 2.0, 3.0 + n]),) for n, s in enumerate((1, 1, -1, -1, -1))]
    item = make_exercise(lambda x: x.square().sum(), *cases)
    assert "negative number" not in words(item, lambda x: x.square().sum() if x[0] > 0 else x.sum() * 7.1)


PROMISES = {
    "begins with True": lambda x: x.dtype == torch.bool and x.dim() > 0 and bool(x[..., 0].all()),
    "rises": lambda x: x.dim() > 0 and bool((x[..., 1:] > x[..., :-1]).all()),
    "does not rise": lambda x: x.dim() > 0 and bool((x[..., 1:] <= x[..., :-1]).all()),
    "has its True in one piece": lambda x: (
        x.dtype == torch.bool and x.dim() > 0 and bool((x.int().diff(dim=-1).abs().sum(-1) <= 2).all())
    ),
}
# What is so in all cases and no promise: the order of losses, of counts, of tokens is free.
NO_PROMISE = {"3.1-4": {"counts"}}


def kept(values):
    """Which promises hold in all cases, of those that say something of one of them."""
    tensors = [torch.as_tensor(v) for v in values if isinstance(v, torch.Tensor)]
    if len(tensors) < len(values) or max(x.shape[-1] if x.dim() else 0 for x in tensors) < 3:
        return set()
    numbers = [x for x in tensors if x.dtype == torch.bool or x.numel()]
    return {name for name, holds in PROMISES.items() if all(map(holds, numbers))}


def test_dealing_numbers_anew_breaks_no_promise_that_all_cases_keep():
    broken, tried = [], 0
    for item in all_exercises():
        further = [] if not isinstance(item, Exercise) or item.draw else list(further_cases(item))
        tried += bool(further)
        names = list(inspect.signature(item.reference).parameters) if further else ()
        for place, name in enumerate(names):
            before = kept([case.inputs[place] for case in item.cases])
            lost = before - kept([case.inputs[place] for case in further])
            if lost and name not in NO_PROMISE.get(item.key, ()):
                broken.append((item.key, name, lost))
    assert not broken
    assert tried > 60


def test_a_first_token_that_always_begins_a_word_is_dealt_no_other_place():
    def any_token(starts, draws, share):
        word, low = starts.long().cumsum(0), draws < share
        return torch.stack([low[word == number].any() for number in word])

    assert judge("3.1-3", any_token).message.endswith("hidden far more often than the share says.")


def test_least_often_used_is_that_slip_with_the_counts_of_pages_in_memory_too():
    def least_often(references, num_frames):
        uses, faults = {}, 0
        for page in references:
            faults += page not in uses
            if page not in uses and len(uses) == num_frames:
                del uses[min(uses, key=uses.get)]
            uses[page] = uses.get(page, 0) + 1
        return faults

    assert judge("2.2-4", least_often).message.endswith("That policy is called LFU.")
