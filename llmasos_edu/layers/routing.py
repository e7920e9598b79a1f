"""Routing: which experts a token goes to, and how evenly the work is spread (chapter 4.3.2).

A router gives every token one score an expert, its logits. What follows from them stands here: the
choice (by the token or by the expert), the limit on what an expert takes, the losses and the bias that keep
the load even, and the numbers that show whether it is. The experts themselves are in `moe.py`.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Routing(NamedTuple):
    """Who goes where: a list of assignments, each of one token to one expert.

    Assignments stand in the order in which experts serve them: all first choices in the order of the
    tokens, then all second choices, and so on.
    """

    logits: Tensor  # [tokens, experts], the router's scores
    probs: Tensor  # [tokens, experts], their softmax; in float32 where the logits have fewer digits
    token: Tensor  # [assignments], which token
    expert: Tensor  # [assignments], goes to which expert
    gate: Tensor  # [assignments], and the factor on what that expert answers
    kept: Tensor  # [assignments], False where the expert was full: the assignment is dropped


def top_k_routing(
    logits: Tensor,
    top_k: int,
    *,
    renormalize: bool = True,
    bias: Tensor | None = None,
    capacity: int | None = None,
) -> Routing:
    """Send each token to its `top_k` likeliest experts: `G_i = softmax(logits)_i` for these, else zero.

    The choice itself has no gradient. The router learns through the gates of the chosen experts, and
    through the softmax, in which every logit takes part.

    Args:
        logits: `[tokens, experts]`.
        top_k: experts a token.
        renormalize: divide a token's gates by their sum, so that they sum to one. This equals a softmax
            over the chosen logits alone. With `top_k=1` every gate is then 1 and the router learns nothing.
        bias: `[experts]`, added to the probabilities for the choice alone; gates do not see it.
        capacity: at most so many assignments an expert; later ones are dropped. No limit unless given.

    Returns:
        Routing with `tokens * top_k` assignments. Among equal scores the expert with the lower index is
        taken. A gate is not raised when another assignment of the token is dropped.

    Raises:
        ValueError: shapes, `top_k` or capacity that do not fit, logits that are not finite.

    Source: Shazeer et al. 2017, "Outrageously Large Neural Networks", section 2.1; Fedus et al. 2021,
    "Switch Transformers", section 2.1 (one expert, capacity); Wang et al. 2024, "Auxiliary-Loss-Free Load
    Balancing", section 3 (bias); article 4.3.2. Equal to the router of transformers' Mixtral.
    """
    _check_logits(logits)
    num_tokens, num_experts = logits.shape
    check_top_k(top_k, num_experts)
    probs = _probabilities(logits)
    scores = probs if bias is None else probs + bias
    chosen = _best(scores.detach(), top_k)  # [tokens, top_k]
    gates = probs.gather(-1, chosen)
    if renormalize:
        gates = gates / gates.sum(dim=-1, keepdim=True)
    token = torch.arange(num_tokens, device=logits.device).repeat(top_k)
    expert = chosen.T.flatten()
    return Routing(logits, probs, token, expert, gates.T.flatten(), _within(capacity, expert, num_experts))


def expert_choice_routing(logits: Tensor, capacity: int) -> Routing:
    """Let each expert take the `capacity` tokens that want it most: perfect balance, nothing dropped.

    A token may be taken by several experts or by none. Whether it is depends on all other tokens, later ones
    included: not for a model that writes one token after the other.

    Args:
        logits: `[tokens, experts]`.
        capacity: tokens an expert takes; all of them where there are fewer.

    Returns:
        Routing with `experts * capacity` assignments. Gates are the probabilities. Among equal ones the
        earlier token is taken.

    Raises:
        ValueError: logits or capacity that do not fit.

    Source: Zhou et al. 2022, "Mixture-of-Experts with Expert Choice Routing", section 3.2.
    """
    _check_logits(logits)
    _check_capacity(capacity)
    num_tokens, num_experts = logits.shape
    taken = min(capacity, num_tokens)
    probs = _probabilities(logits)
    token = probs.detach().argsort(dim=0, descending=True, stable=True)[:taken].T.flatten()
    expert = torch.arange(num_experts, device=logits.device).repeat_interleave(taken)
    return Routing(
        logits, probs, token, expert, probs[token, expert], torch.ones_like(token, dtype=torch.bool)
    )


def expert_capacity(num_tokens: int, *, num_experts: int, top_k: int, capacity_factor: float) -> int:
    """How many assignments an expert takes: `ceil(capacity_factor * top_k * tokens / experts)`.

    Factor 1 is just enough if the load is perfectly even. Tokens are those of the whole batch.

    Raises:
        ValueError: a factor that is not positive and finite: the capacity would be zero.

    Source: Fedus et al. 2021, section 2.2, equation 3; Lepikhin et al. 2020, "GShard", section 2.2.
    """
    if not (capacity_factor > 0 and math.isfinite(capacity_factor)):
        raise ValueError(
            f"capacity_factor={capacity_factor} must be positive: an expert of capacity zero takes no token"
        )
    # 1.1 * 10 is 11.000000000000002 and must not become 12.
    return max(1, math.ceil(capacity_factor * top_k * num_tokens / num_experts - 1e-9))


# ---- balance: two losses and a bias ----


def load_balancing_loss(routing: Routing) -> Tensor:
    """Falls when load and probability are spread over the experts: `experts * sum_i f_i P_i`.

    `f_i` is the number of assignments to expert i over the number of tokens, before any is dropped: a count,
    without gradient. `P_i` is its mean probability, which carries the gradient. At perfect balance the value
    is `top_k`, at collapse on one sure expert it is `experts`. It can lie below `top_k`, when probability and
    load sit on different experts: the balanced value is no lower bound.

    Returns:
        Scalar tensor, without unit.

    Source: Fedus et al. 2021, section 2.2, equations 4 to 6 (one expert a token); equal to transformers'
    `load_balancing_loss_func` on one layer.
    """
    num_tokens, num_experts = routing.probs.shape
    load = torch.bincount(routing.expert, minlength=num_experts).to(routing.probs.dtype)
    return num_experts * (load / num_tokens * routing.probs.mean(dim=0)).sum()


def router_z_loss(routing: Routing) -> Tensor:
    """Keeps the router's logits small: the mean over tokens of `log(sum_i exp(logit_i))^2`.

    Returns:
        Scalar tensor, nats squared.

    Source: Zoph et al. 2022, "ST-MoE: Designing Stable and Transferable Sparse Expert Models", section 3.3,
    equation 5.
    """
    return _with_enough_digits(routing.logits).logsumexp(dim=-1).square().mean()


def balancing_bias_step(bias: Tensor, routing: Routing, rate: float) -> None:
    """Raise the bias of every expert below the mean load by `rate`, lower those above: no gradient involved.

    Args:
        bias: `[experts]`, changed in place; pass it to `top_k_routing`.
        routing: of the training step that was just taken.
        rate: the step, in units of probability; 0.001 in the paper.

    Source: Wang et al. 2024, "Auxiliary-Loss-Free Load Balancing Strategy for Mixture-of-Experts",
    algorithm 1.
    """
    load = torch.bincount(routing.expert, minlength=len(bias)).to(bias.dtype)
    with torch.no_grad():
        bias += rate * torch.sign(load.mean() - load)


# ---- looking at it ----


class RoutingStatistics(NamedTuple):
    """How one layer spread one batch over its experts."""

    load: Tensor  # [experts], assignments to each expert, dropped ones included
    dropped: Tensor  # [experts], assignments beyond its capacity
    mean_prob: Tensor  # [experts], the router's mean probability of each expert
    entropy: float  # bits, mean over tokens of the entropy of the router's probabilities
    max_over_mean: float  # load of the busiest expert over the mean load; 1 is perfect balance
    balance_loss: float  # load_balancing_loss
    z_loss: float  # router_z_loss

    def __repr__(self):
        load = f"load={self.load.tolist()}, dropped={int(self.dropped.sum())}"
        return f"RoutingStatistics({load}, max_over_mean={self.max_over_mean:.2f})"


@torch.no_grad()
def routing_statistics(routing: Routing) -> RoutingStatistics:
    """Load, drops, entropy and balance of one layer's routing."""
    num_experts = routing.probs.shape[-1]
    load = torch.bincount(routing.expert, minlength=num_experts)
    return RoutingStatistics(
        load=load,
        dropped=torch.bincount(routing.expert[~routing.kept], minlength=num_experts),
        mean_prob=routing.probs.mean(dim=0),
        entropy=torch.special.entr(routing.probs).sum(dim=-1).mean().item() / math.log(2),
        max_over_mean=(load.max() / load.float().mean()).item(),
        balance_loss=load_balancing_loss(routing).item(),
        z_loss=router_z_loss(routing).item(),
    )


def routings_from_logits(
    router_logits: Iterable[Tensor],
    top_k: int,
    *,
    renormalize: bool = True,
    capacity_factor: float | None = None,
) -> list[Routing]:
    """The routing of every layer from router logits alone, as transformers' MoE models return them.

    Args:
        router_logits: one tensor a layer, `[tokens, experts]` or `[batch, seq, experts]`:
            `model(..., output_router_logits=True).router_logits`.
        top_k: the model's experts a token (`config.num_experts_per_tok`).
        renormalize: as in `top_k_routing`; Mixtral does.
        capacity_factor: what a limit would drop; no limit unless given.

    Raises:
        ValueError: no layer, or logits that do not fit.
    """
    layers = [] if router_logits is None else list(router_logits)
    if not layers:
        raise ValueError("there are no router logits: call the model with output_router_logits=True")
    routings = []
    for logits in layers:
        logits = logits.flatten(0, -2) if logits.ndim > 2 else logits
        _check_logits(logits)
        capacity = None
        if capacity_factor is not None:
            tokens, experts = logits.shape
            capacity = expert_capacity(
                tokens, num_experts=experts, top_k=top_k, capacity_factor=capacity_factor
            )
        routings.append(top_k_routing(logits, top_k, renormalize=renormalize, capacity=capacity))
    return routings


def _probabilities(logits: Tensor) -> Tensor:
    return _with_enough_digits(logits).softmax(dim=-1)


def _with_enough_digits(logits: Tensor) -> Tensor:
    """In float32 at least: with bfloat16's three digits clear gaps between experts would round to ties."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _best(scores: Tensor, count: int) -> Tensor:
    """The experts with the highest scores, best first `[tokens, count]`; among equals the lower index.

    `topk` breaks ties as it likes, `argmax` promises the first. A few passes cost less than a stable sort.
    """
    best = [scores.argmax(dim=-1, keepdim=True)]
    for _ in range(count - 1):
        scores = scores.scatter(-1, best[-1], -torch.inf)
        best.append(scores.argmax(dim=-1, keepdim=True))
    return torch.cat(best, dim=-1)


# ---- at the door ----


def _within(capacity: int | None, expert: Tensor, num_experts: int) -> Tensor:
    """Which assignments come before their expert is full `[assignments]`."""
    if capacity is None:
        return torch.ones_like(expert, dtype=torch.bool)
    _check_capacity(capacity)
    order = expert.argsort(stable=True)
    load = torch.bincount(expert, minlength=num_experts)
    first = load.cumsum(0) - load  # where each expert's queue begins in that order
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=expert.device) - first[expert[order]]
    return place < capacity


def check_top_k(top_k: int, num_experts: int) -> None:
    """Raise ValueError unless a token can go to `top_k` of `num_experts` experts."""
    if not 1 <= top_k <= num_experts:
        raise ValueError(f"top_k={top_k} must lie between 1 and num_experts={num_experts}")


def _check_capacity(capacity: int) -> None:
    if capacity < 1:
        raise ValueError(f"capacity={capacity} must be at least 1: an expert of capacity zero takes no token")


def _check_logits(logits: Tensor) -> None:
    if logits.ndim != 2 or not logits.is_floating_point():
        raise ValueError(f"logits must be numbers [tokens, experts], got {logits.dtype} {list(logits.shape)}")
    if logits.numel() == 0:
        raise ValueError(f"there is nothing to route: logits {list(logits.shape)}")
    if not torch.stack(logits.detach().aminmax()).isfinite().all():  # NaN comes through; one pass
        token, expert = (~logits.isfinite()).nonzero()[0].tolist()
        raise ValueError(
            f"the router's logit of token {token} for expert {expert} is {logits[token, expert].item()}: "
            "the model's numbers have run away (try a lower learning rate)"
        )
