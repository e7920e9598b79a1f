"""What the explicit path costs, and whether the module's fast path costs anything beside its kernel.

python benchmarks/attention.py [--quick]
"""

import argparse

import torch
import torch.nn.functional as F
from side_by_side import machine, spread, take_turns
from torch import nn

from llmasos_edu.layers.attention import MultiHeadAttention, scaled_dot_product_attention

HEADS, HEAD_DIM, D_MODEL = 4, 32, 128


def with_backward(function, inputs, backward: bool):
    """A call of the function, and of its backward pass on request, as a function without arguments."""

    def forward():
        with torch.no_grad():
            function(*inputs)

    def forward_and_backward():
        torch.autograd.grad(function(*inputs).sum(), inputs)

    return forward_and_backward if backward else forward


def rounds_for(length: int, quick: bool) -> int:
    return (8 if quick else 60) if length <= 512 else (3 if quick else 20)


def explicit_against_fused(quick: bool) -> None:
    print("explicit formula / fused kernel (seconds; above 1: the fused kernel is faster)")
    print(f"{'length':>8} {'mask':>8} {'forward':>24} {'forward + backward':>24}")
    for length in (128, 512, 2048):
        batch = max(1, 2048 // length)
        shape = (batch, HEADS, length, HEAD_DIM)
        inputs = [torch.randn(shape, requires_grad=True) for _ in range(3)]
        for causal in (False, True):
            columns = []
            for backward in (False, True):
                contenders = {
                    "explicit": with_backward(
                        lambda q, k, v, c=causal: scaled_dot_product_attention(q, k, v, is_causal=c),
                        inputs,
                        backward,
                    ),
                    "fused": with_backward(
                        lambda q, k, v, c=causal: F.scaled_dot_product_attention(q, k, v, is_causal=c),
                        inputs,
                        backward,
                    ),
                }
                timed = take_turns(contenders, rounds=rounds_for(length, quick))
                columns.append(spread(timed, "explicit", "fused"))
            print(f"{length:>8} {'causal' if causal else 'none':>8} {columns[0]:>24} {columns[1]:>24}")


def bare_calls(module: MultiHeadAttention):
    """What cannot be left out: three projections, the fused kernel, one projection."""

    def call(x):
        batch, seq, _ = x.shape
        query, key, value = (
            F.linear(x, proj.weight, proj.bias).view(batch, seq, HEADS, HEAD_DIM).transpose(1, 2)
            for proj in (module.query_proj, module.key_proj, module.value_proj)
        )
        heads = F.scaled_dot_product_attention(query, key, value, is_causal=module.is_causal)
        merged = heads.transpose(1, 2).reshape(batch, seq, D_MODEL)
        return F.linear(merged, module.out_proj.weight, module.out_proj.bias)

    return call


def torchs_module(module: MultiHeadAttention, length: int):
    """`nn.MultiheadAttention` of the same size, without weights on show."""
    theirs = nn.MultiheadAttention(D_MODEL, HEADS, batch_first=True)
    hidden = nn.Transformer.generate_square_subsequent_mask(length) if module.is_causal else None
    return lambda x: theirs(x, x, x, attn_mask=hidden, is_causal=module.is_causal, need_weights=False)[0]


def module_against_bare_calls(quick: bool) -> None:
    print("\nMultiHeadAttention, causal / other ways (seconds; target: at most 1.05 of the bare calls)")
    print(f"{'length':>8} {'pass':>20} {'/ bare calls':>24} {'/ nn.MultiheadAttention':>24}")
    for length in (128, 512, 2048):
        module = MultiHeadAttention(D_MODEL, num_heads=HEADS, is_causal=True)
        x = torch.randn(max(1, 4096 // length), length, D_MODEL, requires_grad=True)
        functions = {"ours": module, "bare": bare_calls(module), "torch": torchs_module(module, length)}
        torch.testing.assert_close(functions["ours"](x), functions["bare"](x))
        for backward in (False, True):
            contenders = {
                name: with_backward(function, [x], backward) for name, function in functions.items()
            }
            timed = take_turns(contenders, rounds=2 * rounds_for(length, quick))
            label = "forward + backward" if backward else "forward"
            against = spread(timed, "ours", "bare"), spread(timed, "ours", "torch")
            print(f"{length:>8} {label:>20} {against[0]:>24} {against[1]:>24}")


def bytes_saved(function, x: torch.Tensor) -> int:
    """Bytes that autograd keeps for the backward pass, each storage once."""
    held = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function(x)
    return sum(storage.nbytes() for storage in held.values())


def memory() -> None:
    print("\nMemory kept for the backward pass, relative to length 128 (linear: 4, 16; quadratic: 16, 256)")
    print(f"{'length':>8} {'fused':>8} {'explicit':>9} {'explicit / fused':>17}")
    modules = {
        fused: MultiHeadAttention(D_MODEL, num_heads=HEADS, is_causal=True, fused=fused)
        for fused in (True, False)
    }
    parameters = sum(each.nbytes for each in modules[True].parameters())
    kept = {}
    for length in (128, 512, 2048):
        x = torch.randn(1, length, D_MODEL, requires_grad=True)
        for fused, module in modules.items():
            kept[length, fused] = bytes_saved(module, x) - parameters
        fused, explicit = (kept[length, each] / kept[128, each] for each in (True, False))
        factor = kept[length, False] / kept[length, True]
        print(f"{length:>8} {fused:>8.1f} {explicit:>9.1f} {factor:>17.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, about 20 seconds on an idle machine"
    )
    quick = parser.parse_args().quick
    torch.manual_seed(0)
    print(machine())
    print(f"{HEADS} heads of {HEAD_DIM}; 2,048 positions a call in the first table, 4,096 in the second.\n")
    explicit_against_fused(quick)
    module_against_bare_calls(quick)
    memory()


if __name__ == "__main__":
    main()
