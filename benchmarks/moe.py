"""A layer of experts against a dense network of the same active work and against transformers' Mixtral.

python benchmarks/moe.py [--quick]
"""

import argparse
from functools import partial
from statistics import median

import torch
from side_by_side import machine, spread, take_turns
from torch import nn
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

from llmasos_edu.layers.moe import DenseMixture, MoE
from llmasos_edu.layers.transformer import FeedForward

TOKENS, D_MODEL, D_FF = 4096, 128, 512
SHAPES = [(4, 1), (4, 2), (16, 1), (16, 2), (64, 1), (64, 2)]
SORTED, LOOP, ALL = "book, sorted", "book, loop", "book, dense mixture"
EAGER, GROUPED, BATCHED = "transformers, eager", "transformers, grouped_mm", "transformers, batched_mm"


def experts(num_experts: int, top_k: int, **options) -> MoE:
    """The book's layer in Mixtral's shape: SwiGLU of three matrices, gates that sum to one."""
    settings = {"d_ff": D_FF, "activation": "swiglu", "renormalize": True} | options
    return MoE(D_MODEL, num_experts=num_experts, top_k=top_k, **settings)


def mixtral(moe: MoE, implementation: str) -> MixtralSparseMoeBlock:
    """transformers' block with the weights of `moe`."""
    config = MixtralConfig(
        hidden_size=D_MODEL, intermediate_size=D_FF, num_local_experts=len(moe.experts),
        num_experts_per_tok=moe.top_k, experts_implementation=implementation,
    )  # fmt: skip
    block = MixtralSparseMoeBlock(config)
    with torch.no_grad():
        block.gate.weight.copy_(moe.router.weight)
        for index, expert in enumerate(moe.experts):
            block.experts.gate_up_proj[index] = torch.cat((expert.gate_proj.weight, expert.in_proj.weight))
            block.experts.down_proj[index] = expert.out_proj.weight
    return block


def same_layers(num_experts: int, top_k: int, peers=(EAGER, GROUPED)) -> dict[str, nn.Module]:
    """The book's layer in both dispatches and transformers' in its own, all with the same weights."""
    fast, loop = experts(num_experts, top_k), experts(num_experts, top_k, fast=False)
    loop.load_state_dict(fast.state_dict())
    return {SORTED: fast, LOOP: loop} | {name: mixtral(fast, name.split(", ")[1]) for name in peers}


def check_same(layers: dict[str, nn.Module], x) -> None:
    """All give the same output, or the ratio of their times would mean nothing."""
    reference = layers[SORTED](x)
    for name, layer in layers.items():
        difference = ((layer(x) - reference).abs().max() / reference.abs().max()).item()
        if not difference < 1e-4:
            raise RuntimeError(f"{name} differs from {SORTED} by {difference:.1e} of the largest output")


def forward(layer, x):
    with torch.no_grad():
        layer(x)


def forward_backward(layer, x, upstream):
    layer(x.detach().requires_grad_()).backward(upstream)
    layer.zero_grad(set_to_none=True)


def in_turns(layers: dict[str, nn.Module], x, rounds: int) -> list:
    """For forward, then for forward and backward: the seconds of each layer in each round."""
    upstream = torch.randn_like(x)
    calls = ((forward, (x,)), (forward_backward, (x, upstream)))
    return [
        take_turns({name: partial(call, layer, *args) for name, layer in layers.items()}, rounds=rounds)
        for call, args in calls
    ]


def against_dense(rounds: int) -> None:
    """The layer over the dense network that does for every token what `top_k` experts do."""
    print(f"\n{TOKENS} tokens. Seconds over those of a dense SwiGLU network of d_ff {D_FF} * top_k:\n")
    for num_experts, top_k in SHAPES:
        x = torch.randn(1, TOKENS, D_MODEL)
        layers = same_layers(num_experts, top_k)
        check_same(layers, x)
        layers["dense"] = FeedForward(D_MODEL, d_ff=D_FF * top_k, activation="swiglu", bias=False)
        if num_experts == 4:
            layers[ALL] = DenseMixture(D_MODEL, num_experts=num_experts, d_ff=D_FF, activation="swiglu")
        timed = in_turns(layers, x, rounds)
        heading = f"{num_experts} experts, top {top_k}"
        print(f"{heading:26} {'forward':>22} {'forward + backward':>22}")
        for name in layers:
            if name != "dense":
                print(f"  {name:24} " + " ".join(f"{spread(each, name, 'dense'):>22}" for each in timed))


def with_two_matrices(rounds: int) -> None:
    """The same for the book's default expert, GELU between two matrices."""
    print(f"\n{TOKENS} tokens, experts of two matrices and GELU over such a dense network:\n")
    print(f"{'':26} {'forward':>22} {'forward + backward':>22}")
    for num_experts, top_k in SHAPES:
        layers = {
            "dense": FeedForward(D_MODEL, d_ff=D_FF * top_k, bias=False),
            SORTED: experts(num_experts, top_k, activation="gelu"),
        }
        timed = in_turns(layers, torch.randn(1, TOKENS, D_MODEL), rounds)
        heading = f"{num_experts} experts, top {top_k}"
        print(f"{heading:26} " + " ".join(f"{spread(each, SORTED, 'dense'):>22}" for each in timed))


def by_number_of_experts(rounds: int, tokens_each: int = 256) -> None:
    """Is the cost per token flat in the number of experts, when each keeps its number of tokens?"""
    print(f"\n{tokens_each} tokens an expert, top 1: seconds over those of the dense network on the same")
    print("tokens, forward + backward. A flat column is a cost that does not grow with the experts:\n")
    names = (SORTED, LOOP, EAGER, GROUPED)
    print(f"{'experts':>8} {'tokens':>7} " + " ".join(f"{name:>24}" for name in names))
    for num_experts in (4, 8, 16, 32, 64):
        tokens = tokens_each * num_experts
        layers = same_layers(num_experts, 1)
        layers["dense"] = FeedForward(D_MODEL, d_ff=D_FF, activation="swiglu", bias=False)
        _, timed = in_turns(layers, torch.randn(1, tokens, D_MODEL), rounds)
        row = " ".join(f"{spread(timed, name, 'dense'):>24}" for name in names)
        print(f"{num_experts:>8} {tokens:>7} {row}")


def by_tokens_per_expert(rounds: int, num_experts: int = 16) -> None:
    """Which way of dispatch is the fastest where?"""
    print(f"\n{num_experts} experts, top 1: seconds over those of {SORTED}, forward / forward + backward")
    print("(medians; transformers' batched_mm copies the matrices for each token: small batches only).\n")
    names = (LOOP, EAGER, GROUPED, BATCHED, ALL)
    print(f"{'tokens each':>11} " + " ".join(f"{name:>24}" for name in names) + "   fastest, both ways")
    for tokens_each in (1, 4, 16, 64, 256, 1024):
        x = torch.randn(1, tokens_each * num_experts, D_MODEL)
        layers = same_layers(num_experts, 1, (EAGER, GROUPED) + ((BATCHED,) if tokens_each <= 4 else ()))
        check_same(layers, x)
        layers[ALL] = DenseMixture(D_MODEL, num_experts=num_experts, d_ff=D_FF, activation="swiglu")
        timed = in_turns(layers, x, rounds)
        ratios = {
            name: [median(seconds[name] / seconds[SORTED] for seconds in each) for each in timed]
            for name in layers
        }
        cells = [" / ".join(f"{ratio:.2f}" for ratio in ratios[n]) if n in ratios else "" for n in names]
        fastest = ", ".join(min(ratios, key=lambda name, way=way: ratios[name][way]) for way in range(2))
        print(f"{tokens_each:>11} " + " ".join(f"{cell:>24}" for cell in cells) + f"   {fastest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, about two minutes")
    rounds = 3 if parser.parse_args().quick else 15
    torch.manual_seed(0)
    print(machine())
    print(f"d_model {D_MODEL}, d_ff {D_FF} in each expert, random tokens, a random router.")
    print("Targets: never above the better of transformers' two; at most 1.25 for 4 to 16 experts, forward +")
    print("backward. On both sides an expert is SwiGLU without biases, W2 (silu(Wg x) * W1 x), with the same")
    print("numbers (transformers keeps Wg and W1 as one matrix); equal outputs are checked first.")
    against_dense(rounds)
    with_two_matrices(rounds)
    by_number_of_experts(rounds)
    by_tokens_per_expert(rounds)


if __name__ == "__main__":
    main()
