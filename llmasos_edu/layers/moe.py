"""Mixture of experts: many networks, of which each token uses a few (chapter 4.3).

`DenseMixture` asks all experts and mixes their answers, as in the article. `MoE` asks a few, chosen by a
router (`routing.py`). Two ways to bring tokens to experts and back stand side by side: a loop to
read, and sorting by expert, which is fast; the tests hold them equal in value and gradient.
"""

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from llmasos_edu.layers.routing import (
    Routing,
    balancing_bias_step,
    check_top_k,
    expert_capacity,
    expert_choice_routing,
    load_balancing_loss,
    router_z_loss,
    top_k_routing,
)
from llmasos_edu.layers.transformer import FeedForward, TransformerLayer
from llmasos_edu.training.next_token import next_token_loss


class DenseMixture(nn.Module):
    """All experts answer every token, and a gate mixes the answers: `y = sum_i G(x)_i E_i(x)`.

    `G(x) = softmax(W x)`. The cost grows with the number of experts.

    Args:
        d_model: width in and out.
        num_experts: number of experts.
        expert: what an expert is: `feed_forward`, or `layer`: a whole `TransformerLayer` with
            attention of its own, as in the article's listing (whose layer has two residuals).
        num_heads: heads of such a layer; 4 unless given.
        d_ff, activation: as in `FeedForward`; `d_ff` is `4 * d_model` unless given.
        is_causal: whether such a layer hides the future.

    Raises:
        ValueError: an unknown kind of expert, no expert, sizes that do not fit, a setting of attention where
            experts have none.

    Source: Jacobs et al. 1991, "Adaptive Mixtures of Local Experts";
    article 4.3.1 and its listing.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_experts: int,
        expert: str = "feed_forward",
        num_heads: int | None = None,
        d_ff: int | None = None,
        activation: str = "gelu",
        is_causal: bool = False,
    ):
        super().__init__()
        _check_sizes(d_model, num_experts)
        d_ff = 4 * d_model if d_ff is None else d_ff
        if expert == "feed_forward":
            if num_heads is not None or is_causal:
                raise ValueError(
                    f"num_heads={num_heads} and is_causal={is_causal} are for experts with attention, "
                    "but expert='feed_forward'"
                )
            make = partial(FeedForward, d_model, d_ff=d_ff, activation=activation, bias=False)
        elif expert == "layer":
            num_heads = 4 if num_heads is None else num_heads
            make = partial(TransformerLayer, d_model, num_heads=num_heads, d_ff=d_ff, activation=activation,
                           is_causal=is_causal)  # fmt: skip
        else:
            raise ValueError(f"expert={expert!r} is not one of feed_forward, layer")
        self.experts = nn.ModuleList(make() for _ in range(num_experts))
        self.router = nn.Linear(d_model, num_experts, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map `[batch, seq, d_model]` to the same shape."""
        check_sequence(x, self.router.in_features)
        gates = self.router(x).softmax(dim=-1)  # [batch, seq, experts]
        answers = torch.stack(
            [expert(x) for expert in self.experts], dim=-2
        )  # [batch, seq, experts, d_model]
        return (gates[..., None] * answers).sum(dim=-2)


class Routed(NamedTuple):
    """What a mixture answered, and which experts it asked."""

    output: Tensor  # [..., d_model]
    routing: Routing  # its tokens are the positions in reading order


class MoE(nn.Module):
    """A router sends each token to a few experts: `y = sum of G(x)_i E_i(x)` over the chosen i.

    The cost grows with `top_k`, not with the number of experts. What an expert has no room for is
    dropped: the token gets nothing from it, and passes by on the residual path around the mixture.

    Args:
        d_model: width in and out.
        num_experts: number of routed experts.
        top_k: experts a token; 1 is the Switch transformer.
        d_ff: width of one expert; `4 * d_model` unless given.
        activation: as in `FeedForward`. Experts have no biases.
        renormalize: whether a token's gates sum to one; unless given, they do where `top_k` is above 1. Only
            where the token chooses.
        num_shared: experts beside the routed ones, which every token uses with gate 1.
        noisy: in training add noise to the logits, `N(0, 1) * softplus(W_noise x)`; its scale is learned.
        choice: who chooses: `token`, or `expert`: each expert takes the tokens that want it most.
        capacity_factor: in training an expert takes at most `expert_capacity(...)` assignments; no limit
            unless given. With `choice="expert"` it takes just as many, with factor 1 unless given.
        eval_capacity_factor: the same in evaluation. Without a limit a token never depends on others there.
            With `choice="expert"` it is `capacity_factor` unless given.
        fast: sort tokens by expert; else the readable loop.

    Raises:
        ValueError: a setting that does not fit, with the value.

    Source: Shazeer et al. 2017, sections 2 and 2.1 (noise: equation 4); Fedus et al. 2021, section 2; Dai et
    al. 2024, "DeepSeekMoE", section 3 (shared experts); Zhou et al. 2022 (expert choice); article 4.3. Equal
    to transformers' `MixtralSparseMoeBlock` with `activation="swiglu"`.
    """

    def __init__(
        self,
        d_model: int,
        *,
        num_experts: int,
        top_k: int = 2,
        d_ff: int | None = None,
        activation: str = "gelu",
        renormalize: bool | None = None,
        num_shared: int = 0,
        noisy: bool = False,
        choice: str = "token",
        capacity_factor: float | None = None,
        eval_capacity_factor: float | None = None,
        fast: bool = True,
    ):
        super().__init__()
        _check_sizes(d_model, num_experts)
        check_top_k(top_k, num_experts)
        if choice not in ("token", "expert"):
            raise ValueError(f"choice={choice!r} is not one of token, expert")
        if choice == "expert" and renormalize:
            raise ValueError(
                "renormalize=True needs choice='token': where experts choose, gates are not renormalised"
            )
        if num_shared < 0:
            raise ValueError(f"num_shared={num_shared} must not be negative")
        for factor in (capacity_factor, eval_capacity_factor):
            if factor is not None:
                expert_capacity(
                    1, num_experts=num_experts, top_k=top_k, capacity_factor=factor
                )  # refuses a bad factor now
        d_ff = 4 * d_model if d_ff is None else d_ff
        self.top_k, self.choice, self.fast = top_k, choice, fast
        self.renormalize = top_k > 1 if renormalize is None else renormalize
        self.capacity_factor, self.eval_capacity_factor = capacity_factor, eval_capacity_factor
        self.router = nn.Linear(d_model, num_experts, bias=False)
        self.noise_router = nn.Linear(d_model, num_experts, bias=False) if noisy else None
        self.experts = nn.ModuleList(
            FeedForward(d_model, d_ff=d_ff, activation=activation, bias=False) for _ in range(num_experts)
        )
        self.shared_experts = nn.ModuleList(
            FeedForward(d_model, d_ff=d_ff, activation=activation, bias=False) for _ in range(num_shared)
        )
        self.register_buffer("balancing_bias", torch.zeros(num_experts))

    def forward(
        self, x: Tensor, *, keep: Tensor | None = None, routings: list[Routing] | None = None
    ) -> Tensor:
        """Map `[..., d_model]` to the same shape.

        Args:
            keep: `[...]`, False where a position is padding: it goes to no expert, takes no one's place, is
                in no statistic, and its answer is zero.
            routings: a list to which the `Routing` is added; its tokens are the positions of `x` in reading
                order, without padding.

        Raises:
            ValueError: another width, no token, or a router whose logits are not finite.
        """
        check_sequence(x, self.router.in_features)
        if keep is not None:
            return self._without_padding(x, keep, routings)
        tokens = x.reshape(-1, x.shape[-1])  # [tokens, d_model]
        routing = self.route(tokens)
        dispatch = dispatch_sorted if self.fast else dispatch_loop
        mixed = dispatch(tokens, self.experts, routing)
        for expert in self.shared_experts:
            mixed = mixed + expert(tokens)
        if routings is not None:
            routings.append(routing)
        return mixed.view(x.shape)

    def _without_padding(self, x: Tensor, keep: Tensor, routings: list[Routing] | None) -> Tensor:
        if keep.dtype != torch.bool or keep.shape != x.shape[:-1]:
            raise ValueError(
                f"keep must be boolean {list(x.shape[:-1])} with False for padding, "
                f"got {keep.dtype} {list(keep.shape)}"
            )
        return torch.zeros_like(x).masked_scatter(keep[..., None], self.forward(x[keep], routings=routings))

    def routed(self, x: Tensor, **options) -> Routed:
        """`forward` with its options, and where the tokens went."""
        routings = []
        return Routed(self(x, routings=routings, **options), routings[0])

    def route(self, tokens: Tensor) -> Routing:
        """Where the tokens `[tokens, d_model]` go. Noise is added in training only."""
        logits = self.router(tokens)
        if self.noise_router is not None and self.training:
            logits = logits + torch.randn_like(logits) * nn.functional.softplus(self.noise_router(tokens))
        factor, capacity = self._factor(), None
        if factor is not None:
            capacity = expert_capacity(
                len(logits), num_experts=len(self.experts), top_k=self.top_k, capacity_factor=factor
            )
        if self.choice == "expert":
            if self.balancing_bias.any():
                raise ValueError("balancing_bias is not zero, but with choice='expert' no bias has a say")
            return expert_choice_routing(logits, capacity)
        return top_k_routing(
            logits, self.top_k, renormalize=self.renormalize, bias=self.balancing_bias, capacity=capacity
        )

    def _factor(self) -> float | None:
        """The limit on what an expert takes in the present mode; None is no limit."""
        factor = self.capacity_factor if self.training else self.eval_capacity_factor
        return (factor or self.capacity_factor or 1.0) if self.choice == "expert" else factor

    def each_token_alone(self) -> bool:
        """Whether, in the present mode, a token's experts depend on no other token."""
        factor = self._factor()
        return factor is None or factor * self.top_k >= len(self.experts)

    def check_each_token_alone(self) -> None:
        """Refuse to read a text piece by piece where a token's experts depend on tokens that stand elsewhere.

        They do where the experts choose, and where an expert can be full. With a factor of
        `num_experts / top_k` or more an expert takes all tokens there are, and each goes its own way.

        Raises:
            ValueError: they do in the present mode; the message says by which setting.
        """
        if self.each_token_alone():
            return
        factor = self._factor()
        mode = "training" if self.training else "evaluation"
        limit = "choice='expert'" if self.choice == "expert" else f"a capacity factor of {factor} in {mode}"
        raise ValueError(
            f"with {limit} a token's experts depend on other tokens, which a cache does not know: read the "
            "text whole, or let tokens choose without a limit (eval_capacity_factor=None)"
        )


def dispatch_loop(x: Tensor, experts: nn.ModuleList, routing: Routing) -> Tensor:
    """Ask the experts one after the other: `y[token] += gate * expert(x[token])`. For reading.

    Args:
        x: `[tokens, d_model]`.
        experts: the networks, each maps `[n, d_model]` to `[n, d_model]`.
        routing: the assignments.

    Returns:
        `[tokens, d_model]`; zero for a token all of whose assignments were dropped. An expert without tokens
        does not run and gets no gradient, not even zero: an optimizer then leaves it alone.
    """
    output = torch.zeros_like(x)
    for index, expert in enumerate(experts):
        mine = routing.kept & (routing.expert == index)  # [assignments]
        if mine.any():
            token, gate = routing.token[mine], routing.gate[mine]
            output = output.index_add(0, token, (gate[:, None] * expert(x[token])).to(x.dtype))
    return output


def dispatch_sorted(x: Tensor, experts: nn.ModuleList, routing: Routing) -> Tensor:
    """The same as `dispatch_loop` with tokens sorted by expert, so that each is gathered and added once.

    Args and Returns: as in `dispatch_loop`.

    Source: Gale et al. 2022, "MegaBlocks: Efficient Sparse Training with Mixture-of-Experts"
    (permute, compute by group, permute back).
    """
    order = routing.expert.argsort(stable=True)
    if not routing.kept.all():
        order = order[routing.kept[order]]
    token, gate = routing.token[order], routing.gate[order]
    load = torch.bincount(routing.expert[order], minlength=len(experts)).tolist()
    groups = x.index_select(0, token).split(load)  # one [n, d_model] an expert
    answers = [expert(group) for expert, group in zip(experts, groups, strict=True) if len(group)]
    if not answers:
        return torch.zeros_like(x)
    mixed = torch.cat(answers) * gate[:, None]  # gates have float32's digits at least
    return torch.zeros_like(x).index_add(0, token, mixed.to(x.dtype))


class MixtureLoss:
    """The loss of a language model with experts: next-token loss plus what keeps the load even.

    `loss = cross-entropy + balance * mean over layers of load_balancing_loss + z * mean of router_z_loss`.
    Pass it to `train` as `loss`.

    Args:
        balance: weight of `load_balancing_loss`; 0.01 in Switch and GShard.
        z: weight of `router_z_loss`; 0.001 in ST-MoE.
        bias_rate: step of `balancing_bias_step` after each batch; 0 leaves the biases alone.
        padding: the token that fills short rows, if there is one: it goes to no expert and counts nowhere
            in the balance. That its targets are -100 is for the batch to say.

    Raises:
        ValueError: a weight that is negative or not a number.

    Source: Fedus et al. 2021, section 2.2; Zoph et al. 2022, section 3.3; Wang et al. 2024.
    """

    def __init__(
        self, balance: float = 0.01, z: float = 0.0, bias_rate: float = 0.0, *, padding: int | None = None
    ):
        for name, value in {"balance": balance, "z": z, "bias_rate": bias_rate}.items():
            if not value >= 0:
                raise ValueError(f"{name}={value} must be a number that is not negative")
        self.balance, self.z, self.bias_rate, self.padding = balance, z, bias_rate, padding

    def __call__(self, model: nn.Module, batch) -> Tensor:
        """Scalar tensor, nats per token and the weighted extras.

        Args:
            model: called as `model(tokens, routings=found)`, with `keep` where there is padding; returns
                logits and adds to the list what each layer with experts did, None for a layer without.
            batch: as in `next_token_loss`.

        Raises:
            ValueError: a `bias_rate` where experts choose: no bias has a say there.
        """
        found = []

        def logits(tokens):
            keep = {} if self.padding is None else {"keep": tokens != self.padding}
            return model(tokens, routings=found, **keep)

        loss = next_token_loss(logits, batch)
        mixtures = list(zip(mixtures_of(model), [each for each in found if each is not None], strict=True))
        for moe, routing in mixtures:
            if self.balance:
                loss = loss + self.balance / len(mixtures) * load_balancing_loss(routing)
            if self.z:
                loss = loss + self.z / len(mixtures) * router_z_loss(routing)
            if self.bias_rate and moe.choice == "expert":
                raise ValueError(
                    f"bias_rate={self.bias_rate} moves a bias that choice='expert' does not look at: there "
                    "the load is even already"
                )
            if self.bias_rate and model.training:
                balancing_bias_step(moe.balancing_bias, routing, self.bias_rate)
        return loss


def mixtures_of(model: nn.Module) -> list[MoE]:
    """The model's mixtures, from the first layer to the last."""
    return [module for module in model.modules() if isinstance(module, MoE)]


def _check_sizes(d_model: int, num_experts: int) -> None:
    if d_model < 1 or num_experts < 1:
        raise ValueError(f"d_model={d_model} and num_experts={num_experts} must be at least 1")


def check_sequence(x: Tensor, d_model: int) -> None:
    if x.ndim < 2 or x.shape[-1] != d_model:
        raise ValueError(f"x must be [..., seq, {d_model}], got {list(x.shape)}")
    if x.numel() == 0:
        raise ValueError(f"there are no tokens to route: x is {list(x.shape)}")
