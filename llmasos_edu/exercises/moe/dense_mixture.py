"""Exercises of chapter 4.3: the dense mixture.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.moe.dispatch import make_expert

# 4.3-1 --------------------------------------------------------------------------------


def mixture(x, w_router, experts):
    """x [batch, seq, d_model], w_router [d_model, experts], experts: functions of x -> as x."""
    gates = (x @ w_router).softmax(dim=-1)  # [batch, seq, experts]
    answers = torch.stack([expert(x) for expert in experts], dim=-2)  # [batch, seq, experts, d_model]
    return (gates[..., None] * answers).sum(dim=-2)


def _mix(gates, answers):
    """gates [batch, seq, experts], one answer an expert."""
    return sum(gate[..., None] * answer for gate, answer in zip(gates.unbind(-1), answers, strict=True))


def _mixed(x, w, experts, *, gates=lambda z: z.softmax(-1)):
    return _mix(gates(x @ w), [expert(x) for expert in experts])


def _likeliest(z):
    return F.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype)


def _by_einsum(formula: str, dim: int):
    def answer(x, w, experts):
        return torch.einsum(formula, (x @ w).softmax(-1), torch.stack([expert(x) for expert in experts], dim))

    return answer


def _gated_inside(x, w, experts, power=0):
    gates = (x @ w).softmax(-1)
    return sum(
        gate[..., None] ** power * expert(gate[..., None] * x)
        for gate, expert in zip(gates.unbind(-1), experts, strict=True)
    )


def _one_after_the_other(x, w, experts):
    gates, hidden, output = (x @ w).softmax(-1), x, 0
    for gate, expert in zip(gates.unbind(-1), experts, strict=True):
        hidden = expert(hidden)
        output = output + gate[..., None] * hidden
    return output


def _mixture_case(name: str, seed: int, shape: tuple, num_experts: int, *, size: float = 1.5) -> Case:
    d_model = shape[-1]
    x, w_router = random_tensors(seed, shape, (d_model, num_experts))
    experts = [make_expert(seed + 1 + index, d_model) for index in range(num_experts)]
    return Case(name, (x, size * w_router / d_model**0.5, experts))


MIXTURE = Exercise(
    key="4.3-1",
    title="A mixture that asks all experts",
    difficulty=1,
    minutes=10,
    statement=(
        "Every expert answers every token, and a gate mixes the answers. The router's logits are "
        "x @ w_router, one for each expert. A softmax over the experts makes them the token's gates, and the "
        "token's output is the sum of the experts' answers, each times its gate. No residual here: the layer "
        "adds it."
    ),
    takeaway="Each token has a mixture of its own, and pays for all experts.",
    reference=mixture,
    explanation="Stack the answers along an axis that counts experts, and sum over exactly that axis.",
    hints=(
        "Take one token and two experts with the gates 0.7 and 0.3. What is its output? Now write down the "
        "shape of the gates for the whole batch.",
        "One answer has the shape of x, one gate of an expert has the shape [batch, seq]. What must happen "
        "to the gate before the two can be multiplied?",
        "If you stack the answers, name every axis of the result in order. The axis that counts experts must "
        "meet the last axis of the gates, and it alone is summed away.",
    ),
    cases=(
        _mixture_case("2 sequences of 5 tokens, 3 experts", 431, (2, 5, 8), 3),
        _mixture_case("as many experts as tokens", 441, (2, 4, 6), 4),
        _mixture_case("3 sequences of 3 tokens, 3 experts", 451, (3, 3, 4), 3),
        _mixture_case("a single token, 2 experts", 461, (1, 1, 5), 2),
        _mixture_case("a single expert", 471, (2, 3, 4), 1),
        _mixture_case("5 experts and a router that is sure", 481, (1, 6, 4), 5, size=8.0),
    ),
    mistakes=(
        Mistake(
            "summed over the wrong axis",
            "It stops with an error unless some sizes happen to agree, such as those of experts and "
            "tokens, and then the numbers are wrong: the axis that your gates meet counts something else "
            "than experts. Write the shape of the stacked answers down, letter by letter.",
            (
                _by_einsum("bse,bsed->bsd", 1),
                _by_einsum("bse,bsed->bsd", 0),
            ),
        ),
        Mistake(
            "softmax over the wrong axis",
            "Your gates add up to one over the tokens (or over the batch), so a token's mixture depends on "
            "its neighbours. For one token, the gates of all experts should add up to one.",
            (
                lambda *a: _mixed(*a, gates=lambda z: z.softmax(1)),
                lambda *a: _mixed(*a, gates=lambda z: z.softmax(0)),
            ),
        ),
        Mistake(
            "softmax taken twice",
            "Your gates have been through a softmax twice: they add up to one, but lie much closer together "
            "than the router means them.",
            (lambda *a: _mixed(*a, gates=lambda z: z.softmax(-1).softmax(-1)),),
        ),
        Mistake(
            "logits scaled",
            "It comes out as if the logits were divided by the root of d_model (or by d_model), as scores in "
            "attention are. The router's logits are x @ w_router as they are.",
            (
                lambda *a: _mixed(*a, gates=lambda z: (z / a[0].shape[-1] ** 0.5).softmax(-1)),
                lambda *a: _mixed(*a, gates=lambda z: (z / a[0].shape[-1]).softmax(-1)),
            ),
        ),
        Mistake(
            "softmax of the router's weights",
            "Your softmax is taken of w_router, before x meets it. What is to add up to one are the gates of "
            "a token: first the logits, then the softmax.",
            (
                lambda x, w, experts: _mix(x @ w.softmax(-1), [expert(x) for expert in experts]),
                lambda x, w, experts: _mix(x @ w.softmax(0), [expert(x) for expert in experts]),
            ),
        ),
        Mistake(
            "logits divided by their sum",
            "Your gates add up to one, but they are logits over their sum, and some may be negative. What "
            "makes numbers positive before they are shared out?",
            (lambda *a: _mixed(*a, gates=lambda z: z / z.sum(-1, keepdim=True)),),
        ),
        Mistake(
            "sizes of the logits shared out",
            "It comes out as if each gate were the logit without its sign, over the sum of these: an expert "
            "with a logit of -3 then counts as one with 3. A softmax shares out exponentials.",
            (lambda *a: _mixed(*a, gates=lambda z: z.abs() / z.abs().sum(-1, keepdim=True)),),
        ),
        Mistake(
            "no softmax",
            "You mix with the router's logits as they are. They may be negative and do not add up to one, so "
            "a single expert does not simply pass its answer on.",
            (lambda *a: _mixed(*a, gates=lambda z: z),),
        ),
        Mistake(
            "the logarithm of the softmax",
            "Your gates are the logarithms of a softmax: all of them are below zero. The softmax itself "
            "gives shares that add up to one.",
            (lambda *a: _mixed(*a, gates=lambda z: z.log_softmax(-1)),),
        ),
        Mistake(
            "a sigmoid for each expert",
            "Your gates lie between 0 and 1, but each by itself: they do not add up to one. In this mixture "
            "the experts compete for a token.",
            (
                lambda *a: _mixed(*a, gates=torch.sigmoid),
                lambda *a: _mixed(*a, gates=lambda z: z.sigmoid() / len(z[0, 0])),
            ),
        ),
        Mistake(
            "gate applied twice",
            "Each expert's answer counts by the square of its gate: a gate of one half leaves a quarter, and "
            "the weights no longer add up to one.",
            (lambda *a: _mixed(*a, gates=lambda z: z.softmax(-1) ** 2),),
        ),
        Mistake(
            "gate on both sides",
            "Each gate acts twice: on what its expert reads, and on what it answers. An expert should read "
            "the token at its full size; the gate belongs to the answer alone.",
            (lambda *a: _gated_inside(*a, power=1),),
        ),
        Mistake(
            "gate on the input",
            "You multiply what the expert reads, not what it answers. An expert is not linear, so these are "
            "two different things: it should see the token at its full size.",
            (_gated_inside,),
        ),
        Mistake(
            "router ignored",
            "All experts count the same in your result: it is their plain sum or mean, whatever the router "
            "says.",
            (
                lambda *a: _mixed(*a, gates=torch.ones_like),
                lambda *a: _mixed(*a, gates=lambda z: torch.ones_like(z) / z.shape[-1]),
            ),
        ),
        Mistake(
            "only the likeliest expert",
            "Only the expert with the largest gate answers. That is the sparse mixture of the next section; "
            "here all of them take part.",
            (
                lambda *a: _mixed(*a, gates=_likeliest),
                lambda *a: _mixed(*a, gates=lambda z: _likeliest(z) * z.softmax(-1)),
            ),
        ),
        Mistake(
            "one gate for the whole sequence",
            "All tokens of a sequence are mixed alike. The router reads each token by itself and may send "
            "two neighbours to different experts.",
            (
                lambda *a: _mixed(*a, gates=lambda z: z.mean(1, keepdim=True).softmax(-1).expand_as(z)),
                lambda *a: _mixed(
                    *a, gates=lambda z: z.softmax(-1).mean(1, keepdim=True).expand(-1, z.shape[1], -1)
                ),
            ),
        ),
        Mistake(
            "one expert after the other",
            "Each of your experts reads what the one before it answered. Experts stand side by side: all of "
            "them read the same x.",
            (_one_after_the_other,),
        ),
        Mistake(
            "the last expert missing",
            "The last expert has no part in your sum: as many terms as experts are to be added. How far does "
            "your loop go?",
            (
                lambda x, w, experts: _mix((x @ w).softmax(-1)[..., :-1], [run(x) for run in experts[:-1]]),
                lambda x, w, experts: (
                    _mix((x @ w).softmax(-1)[..., :-1], [run(x) for run in experts[:-1]]) + 0 * x
                ),
            ),
        ),
        Mistake(
            "the last expert alone",
            "Your result is what the last expert answers, times its gate: the terms before it are lost. Are "
            "they added up, or does each overwrite the one before it?",
            (lambda x, w, experts: (x @ w).softmax(-1)[..., -1:] * experts[-1](x),),
        ),
        Mistake(
            "residual inside",
            "Your result is the right one plus x. The residual belongs to the layer, which adds it around "
            "this mixture; with yours it would be added twice.",
            (lambda x, w, experts: x + _mixed(x, w, experts),),
        ),
    ),
)


EXERCISES = (MIXTURE,)
