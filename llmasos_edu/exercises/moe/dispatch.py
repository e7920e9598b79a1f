"""Exercises of chapter 4.3, the part on dispatch: the way to the experts and back.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from collections.abc import Callable

import torch

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradients,
)


def make_expert(seed: int, d_model: int) -> Callable:
    """An expert for which half a token does not give half an answer (with ReLU and no bias it would)."""
    into, out = random_tensors(seed, (d_model, 2 * d_model), (2 * d_model, d_model))
    return lambda x: torch.tanh(1.5 * x @ into / d_model**0.5) @ out / d_model**0.5


# 4.3-11 -------------------------------------------------------------------------------


def dispatch(x, expert, gate, experts):
    """x [tokens, d_model], expert and gate [tokens, top_k], experts: functions of [n, d_model] -> as x."""
    order = expert.flatten().argsort(stable=True)
    token = order // expert.shape[1]
    load = torch.bincount(expert.flatten(), minlength=len(experts))
    groups = x[token].split(load.tolist())
    answers = [run(group) for run, group in zip(experts, groups, strict=True) if len(group)]
    weighted = gate.flatten()[order, None] * torch.cat(answers)
    return torch.zeros_like(x).index_add(0, token, weighted)


def watch_the_experts(answer: Callable, inputs: tuple) -> object:
    """Look at the output, at its gradients, and at what each expert was asked.

    Returns:
        (output, gradients of x and of the gates, calls [experts], rows [experts]).
    """
    x, expert, gate, experts = inputs
    rows = [[] for _ in experts]

    def watched(index: int) -> Callable:
        def run(group):
            rows[index].append(group.numel() // group.shape[-1])
            return experts[index](group)

        return run

    inside = [watched(index) for index in range(len(experts))]
    seen = value_and_gradients(0, 2)(answer, (x, expert, gate, inside))
    if not isinstance(seen, tuple):
        return seen
    calls, asked = torch.tensor([len(sizes) for sizes in rows]), torch.tensor([sum(sizes) for sizes in rows])
    return (*seen, calls, asked)


def _sorted(expert):
    """(order, token, groups' sizes by expert number up to the last that is used)."""
    order = expert.flatten().argsort(stable=True)
    return order, order // expert.shape[1], torch.bincount(expert.flatten())


def _weighted(x, expert, gate, experts, *, order_of_gates=True, token=None, power=1, inside=0):
    """Gated answers in sorted order, and the token of each."""
    order, own, load = _sorted(expert)
    token = own if token is None else token(order, x, expert)
    gates = (gate.flatten()[order] if order_of_gates else gate.flatten())[:, None]
    groups = (gates**inside * x[token]).split(load.tolist())
    answers = [experts[index](group) for index, group in enumerate(groups) if len(group)]
    return gates**power * torch.cat(answers), token


def _added(*inputs, **options):
    weighted, token = _weighted(*inputs, **options)
    return torch.zeros_like(inputs[0]).index_add(0, token, weighted)


def _left_sorted(x, expert, gate, experts, *, again=False):
    weighted, _ = _weighted(x, expert, gate, experts)
    weighted = weighted[_sorted(expert)[0]] if again else weighted
    return weighted.view(*expert.shape, -1).sum(1)


def _by_expert(x, expert, gate, experts, *, write, ask=lambda expert, rows: len(rows) > 0):
    """The readable loop, with another way of writing into y."""
    y = torch.zeros_like(x)
    for index, run in enumerate(experts):
        rows, choice = (expert == index).nonzero(as_tuple=True)
        if ask(index, rows):
            y = write(y, rows, gate[rows, choice, None] * run(x[rows]))
    return y


def _overwritten(y, rows, weighted):
    return y.index_copy(0, rows, weighted)


def _assigned_at_once(x, expert, gate, experts):
    weighted, token = _weighted(x, expert, gate, experts)
    return torch.zeros_like(x).index_put((token,), weighted)  # of repeated rows the last one stays


def _added_rows(y, rows, weighted):
    return y.index_add(0, rows, weighted)


def _everybody_asked(x, expert, gate, experts):
    y = 0
    for index, run in enumerate(experts):
        y = y + (gate * (expert == index)).sum(-1, keepdim=True) * run(x)
    return y


def _asked_about_all(x, expert, gate, experts):
    y = 0
    for index, run in enumerate(experts):
        if (expert == index).any():
            y = y + (gate * (expert == index)).sum(-1, keepdim=True) * run(x)
    return y


def _column_by_column(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for choice in range(expert.shape[1]):
        for index, run in enumerate(experts):
            rows = (expert[:, choice] == index).nonzero()[:, 0]
            if len(rows):
                y = _added_rows(y, rows, gate[rows, choice, None] * run(x[rows]))
    return y


def _one_by_one(x, expert, gate, experts):
    rows = []
    for token, choices, gates in zip(x, expert.tolist(), gate, strict=True):
        pairs = zip(choices, gates, strict=True)
        rows.append(sum(weight * experts[index](token[None])[0] for index, weight in pairs))
    return torch.stack(rows)


def _idle_expert_skipped(x, expert, gate, experts):
    """Groups of those experts that have tokens, handed to the first experts in the list."""
    order, token, load = _sorted(expert)
    groups = x[token].split(load[load > 0].tolist())
    answers = [run(group) for run, group in zip(experts, groups, strict=False)]
    return torch.zeros_like(x).index_add(0, token, gate.flatten()[order, None] * torch.cat(answers))


def _by_gates(x, expert, gate, experts):
    """A loop over experts that takes a token for an expert's if its gate is above zero."""
    dense = torch.zeros(len(x), len(experts)).scatter(1, expert, gate)
    y = torch.zeros_like(x)
    for index, run in enumerate(experts):
        mine = (dense[:, index] > 0).nonzero().flatten()
        if len(mine):
            y = y.index_add(0, mine, dense[mine, index, None] * run(x[mine]))
    return y


def _dispatch_case(name: str, seed: int, rows: list, num_experts: int, d_model: int, zero=()) -> Case:
    expert = torch.tensor(rows)
    x, logits = random_tensors(seed, (len(rows), d_model), tuple(expert.shape))
    experts = [make_expert(seed + 1 + index, d_model) for index in range(num_experts)]
    gate = (0.5 * logits).softmax(-1) * 0.9
    for place in zero:
        gate[place] = 0.0
    return Case(name, (x, expert, gate, experts))


DISPATCH = Exercise(
    key="4.3-11",
    title="Every expert called once",
    difficulty=3,
    minutes=25,
    statement=(
        "Bring the tokens to their experts and the answers back: y[t] is the sum over the choices j of "
        "gate[t, j] times what the expert expert[t, j] answers to x[t]. Call each expert once, with all of "
        "its tokens together and no others, and not at all if it has none (the experts of one token are "
        "different ones): the checker watches the calls. The fast way sorts the choices by expert; a loop "
        "over experts is as welcome, if it keeps these rules. No residual here."
    ),
    takeaway="The same sum as asking everybody, for the price of the chosen: sort, ask in groups, add back.",
    reference=dispatch,
    explanation="Sorting puts each expert's tokens side by side; adding by token number undoes the sorting.",
    hints=(
        "Write the choices as one list of pairs (token, expert) and sort it by expert. What do you need to "
        "remember about each entry to bring its answer back?",
        "In a table [tokens, k] that is flattened row by row, which token does the entry with number n "
        "belong to? Gates have to follow the same order as the tokens.",
        "A token with k choices gets k answers, at k places of the sorted list. Each must be added to its "
        "row of y; a plain assignment would keep only one of them.",
    ),
    cases=(
        _dispatch_case("5 tokens, 2 of 3 experts", 610, [[0, 2], [1, 0], [2, 1], [0, 1], [2, 0]], 3, 4),
        _dispatch_case("1 choice, 4 experts", 620, [[3], [0], [1], [3], [2], [0]], 4, 5),
        _dispatch_case("expert 1 has no token", 630, [[2, 0], [0, 2], [3, 0], [3, 2]], 4, 4),
        _dispatch_case("all tokens to the last expert", 640, [[2], [2], [2], [2]], 3, 6),
        _dispatch_case("a single token, 3 choices", 650, [[1, 3, 0]], 5, 4),
        _dispatch_case("a gate of zero", 670, [[0, 1], [1, 2], [0, 2]], 3, 4, zero=[(1, 0)]),
        _dispatch_case(
            "8 tokens, 2 of 6 experts",
            660,
            [[5, 1], [0, 4], [1, 5], [4, 0], [2, 1], [5, 0], [1, 2], [0, 5]],
            6,
            4,
        ),
    ),
    mistakes=(
        Mistake(
            "left in sorted order",
            "The answers are right and lie in the wrong rows: they come back in the order of the experts. "
            "Each has to find the token that it belongs to.",
            (_left_sorted,),
        ),
        Mistake(
            "sorted once more",
            "You apply the sorting order a second time instead of undoing it. If order[i] says where entry i "
            "came from, then entry i has to go back to exactly there.",
            (lambda *a: _left_sorted(*a, again=True),),
        ),
        Mistake(
            "gates not sorted along",
            "Answers return to the right tokens, but multiplied by the gates of other choices: the answers "
            "are in sorted order and the gates are not.",
            (lambda *a: _added(*a, order_of_gates=False),),
        ),
        Mistake(
            "second answer overwrites the first",
            "A token with several experts keeps the answer of only one of them: you assign to its row where "
            "you should add. (A += with repeated row numbers also keeps one only.)",
            (lambda *a: _by_expert(*a, write=_overwritten), _assigned_at_once),
        ),
        Mistake(
            "wrong token for a choice",
            "Your entries belong to other tokens than those that you take. The table [tokens, k] was "
            "flattened row by row: the k choices of a token stand side by side.",
            (
                lambda *a: _added(*a, token=lambda order, x, e: order % len(x)),
                lambda *a: _added(*a, token=lambda order, x, e: (order // len(x)).clamp(max=len(x) - 1)),
            ),
        ),
        Mistake(
            "gates missing",
            "You add the answers as they are. Without the gates the router has no say in how much each "
            "counts, and learns nothing.",
            (lambda *a: _added(*a, power=0),),
        ),
        Mistake(
            "gate applied twice",
            "Each gate acts twice: on the way to the expert and on the way back (or twice on the answer).",
            (lambda *a: _added(*a, power=2), lambda *a: _added(*a, inside=1)),
        ),
        Mistake(
            "gate on the input",
            "You multiply what the expert reads. It is not linear, so half a token does not give half an "
            "answer: the gate belongs to the answer.",
            (lambda *a: _added(*a, power=0, inside=1),),
        ),
        Mistake(
            "every expert asked about every token",
            "The output is right, but each expert reads all tokens, and what was not asked for is thrown "
            "away. That costs as much as the dense mixture; the point of the routing is lost.",
            (_everybody_asked,),
        ),
        Mistake(
            "all tokens to those that are asked",
            "The output is right, but an expert that has any token reads all of them, and what was not asked "
            "for is thrown away. Give it the rows that chose it, and no others.",
            (_asked_about_all,),
        ),
        Mistake(
            "one call for each choice",
            "The output is right, but an expert is called once for the tokens whose first choice it is, once "
            "for those whose second it is, and so on. It should read all of them together.",
            (_column_by_column,),
        ),
        Mistake(
            "a gate of zero taken for no choice",
            "A token whose gate is 0 is not asked about in your version. It has chosen its expert all the "
            "same, and its gate has a gradient: go by `expert`, not by gates above zero.",
            (_by_gates,),
        ),
        Mistake(
            "expert 0 never asked",
            "The expert with the number 0 is never asked, and its tokens get nothing from it. Where does "
            "your loop over the experts begin?",
            (
                lambda *a: _by_expert(
                    *a, write=_added_rows, ask=lambda index, rows: index > 0 and len(rows) > 0
                ),
            ),
        ),
        Mistake(
            "one call for each token",
            "The output is right, but the experts are called for one token at a time. A matrix product of "
            "many rows is much faster than as many products of one row.",
            (_one_by_one,),
        ),
        Mistake(
            "idle expert called",
            "The output is right, but an expert without tokens is called with an empty batch. It should not "
            "run at all.",
            (lambda *a: _by_expert(*a, write=_added_rows, ask=lambda index, rows: True),),
        ),
        Mistake(
            "idle expert shifts the others",
            "Where an expert has no tokens, its group is missing from your list, and all experts after it "
            "get the group of their neighbour. An idle expert needs a group of size zero.",
            (_idle_expert_skipped,),
        ),
        Mistake(
            "first choices only",
            "Only each token's first expert is asked. The other columns of the table count as well.",
            (lambda x, e, g, experts: _added(x, e[:, :1], g[:, :1], experts),),
        ),
        Mistake(
            "every choice with the first gate",
            "With one choice you are right. With more, all answers of a token are multiplied with the gate "
            "of its first choice: each choice has a gate of its own, in the same column as its expert.",
            (lambda x, e, g, experts: _added(x, e, g[:, :1].expand_as(g), experts),),
        ),
        Mistake(
            "the last expert never asked",
            "The expert with the highest number is never asked, and its tokens get nothing from it. How far "
            "does your loop over the experts go?",
            (
                lambda *a: _by_expert(
                    *a, write=_added_rows, ask=lambda index, rows: index < len(a[3]) - 1 and len(rows) > 0
                ),
            ),
        ),
        Mistake(
            "the highest index never asked",
            "The expert with the highest index in the table is never asked, and its tokens get nothing from "
            "it. How far does your loop over the experts go?",
            (
                lambda *a: _by_expert(
                    *a, write=_added_rows, ask=lambda index, rows: index < int(a[1].max()) and len(rows) > 0
                ),
            ),
        ),
        Mistake(
            "residual inside",
            "Your result is the right one plus x. The residual belongs to the layer, which adds it around "
            "this sum.",
            (lambda *a: a[0] + _added(*a),),
        ),
    ),
    observe=watch_the_experts,
    parts=(
        "output",
        "gradient of x",
        "gradient of gate",
        "number of calls of each expert",
        "number of tokens of each expert",
    ),
)


EXERCISES = (DISPATCH,)
