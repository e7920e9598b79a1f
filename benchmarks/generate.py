"""Writing tokens: the book's model against transformers' GPT-2 of the same shape.

python benchmarks/generate.py [--quick]
"""

import argparse

import torch
import torch.nn.functional as F
from side_by_side import machine, spread, take_turns
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from llmasos_edu.models.language_model import LanguageModel

VOCAB, D_MODEL, LAYERS, HEADS, D_FF = 256, 128, 4, 4, 512
HEAD_DIM = D_MODEL // HEADS
PROMPT, NEW = 32, 96
GPT2_SHAPE = {
    "position": "learned", "max_len": PROMPT + NEW, "norm": "layer", "activation": "gelu", "qk_norm": False,
    "bias": True, "tie_weights": True,
}  # fmt: skip
TARGETS = {1: 3.5, 16: 2.2}


def transformers_gpt2(prompt: Tensor):
    """`generate` of transformers with its cache: greedy, and no token that ends a row early."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=PROMPT + NEW, n_embd=D_MODEL, n_layer=LAYERS, n_head=HEADS,
            n_inner=D_FF, activation_function="gelu", bos_token_id=None, eos_token_id=None, pad_token_id=0,
            attn_implementation="sdpa",
        )
    ).eval()  # fmt: skip
    options = {"max_new_tokens": NEW, "do_sample": False, "attention_mask": torch.ones_like(prompt)}
    assert model.generate(prompt, **options).shape == (len(prompt), PROMPT + NEW)
    return lambda: model.generate(prompt, **options)


def ours(**settings) -> LanguageModel:
    return LanguageModel(
        VOCAB, d_model=D_MODEL, num_layers=LAYERS, num_heads=HEADS, d_ff=D_FF, **settings
    ).eval()


def cached(model: LanguageModel, prompts):
    """The book's `generate` with its static cache, greedy."""
    return lambda: model.generate(prompts, NEW, temperature=0)


def uncached(model: LanguageModel, prompt: Tensor):
    """Every step reads the whole text again."""

    @torch.inference_mode()
    def write():
        tokens = prompt
        for _ in range(NEW):
            tokens = torch.cat((tokens, model(tokens)[:, -1].argmax(dim=-1, keepdim=True)), dim=1)

    return write


def bare_steps(model: LanguageModel, prompt: Tensor):
    """What torch itself needs: the kernels of the steps after the prompt, without a module or a check.

    The prompt's keys and values are taken as zeros. Not for use: it shows how far one could get.
    """
    batch, longest = len(prompt), PROMPT + NEW
    places, embedding, last = (
        model.body.positions.learned.embedding.weight, model.head.weight, model.body.norm
    )  # fmt: skip
    layers = []
    for block in model.blocks:
        attention, mlp = block.attention, block.feed_forward
        three = (attention.query_proj, attention.key_proj, attention.value_proj)
        joined = [torch.cat([getattr(each, kind).detach() for each in three]) for kind in ("weight", "bias")]
        layers.append((block.attention_norm, *joined, attention.out_proj, block.feed_forward_norm, mlp))

    def norm(x, layer):
        return torch.layer_norm(x, (D_MODEL,), layer.weight, layer.bias)

    def onto(x, branch, layer):
        return torch.addmm(x, branch, layer.weight.T).add_(layer.bias)

    @torch.inference_mode()
    def write():
        keys, values = (torch.zeros(LAYERS, batch, HEADS, longest, HEAD_DIM) for _ in range(2))
        token = prompt[:, -1]
        for end in range(PROMPT, longest):
            x = F.embedding(token, embedding) + places[end]
            rooms = zip(*(part[..., end, :].unbind() for part in (keys, values)), strict=True)
            helds = zip(*(part[..., : end + 1, :].unbind() for part in (keys, values)), strict=True)
            for (first, weight, bias, out_proj, second, mlp), room, held in zip(
                layers, rooms, helds, strict=True
            ):
                joined = F.linear(norm(x, first), weight, bias).view(batch, 3, HEADS, HEAD_DIM)
                query, key, value = joined.unbind(1)
                room[0].copy_(key), room[1].copy_(value)
                heads = F.scaled_dot_product_attention(query[:, :, None], *held)
                x = onto(x, heads.view(batch, D_MODEL), out_proj)
                hidden = F.gelu(F.linear(norm(x, second), mlp.in_proj.weight, mlp.in_proj.bias))
                x = onto(x, hidden, mlp.out_proj)
            token = F.linear(norm(x, last), embedding).argmax(dim=-1)

    return write


REFERENCE = "transformers GPT-2, its cache"


def contenders(batch: int) -> dict:
    """Each one's way to write, by name."""
    generator = torch.Generator().manual_seed(0)
    prompt = torch.randint(VOCAB, (batch, PROMPT), generator=generator)
    # From half of PROMPT to all of it.
    rows = [row[: PROMPT - index * (PROMPT // 2) // batch] for index, row in enumerate(prompt)]
    book, default, experts = ours(**GPT2_SHAPE), ours(), ours(num_experts=8, moe={"d_ff": D_FF // 2})
    for block in experts.blocks:  # a fresh router sends every token to the same experts
        torch.nn.init.normal_(block.feed_forward.router.weight)
    entries = {
        REFERENCE: transformers_gpt2(prompt),
        "book, GPT-2's shape": cached(book, prompt),
        "book, GPT-2's shape, no cache": uncached(book, prompt),
        "book, default shape": cached(default, prompt),
        "book, default shape, 2 of 8 experts of half width": cached(experts, prompt),
        "bare kernels, GPT-2's shape": bare_steps(book, prompt),
    }
    if batch > 1:
        entries["book, GPT-2's shape, rows of different length"] = cached(book, rows)
    return entries


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, about 30 seconds on an idle machine"
    )
    quick = parser.parse_args().quick
    torch.manual_seed(0)
    print(machine())
    print(f"Greedy, {NEW} tokens after a prompt of {PROMPT}, nothing ends early.")
    print(f"d_model {D_MODEL}, {LAYERS} layers, {HEADS} heads, d_ff {D_FF}, vocabulary of {VOCAB}.")
    print("The bare kernels are no library: they show what would be left if Python cost nothing more.\n")
    for batch, target in TARGETS.items():
        timed = take_turns(contenders(batch), rounds=3 if quick else 20, warmup=1)
        print(f"Batch {batch}; target with the cache: at least {target}")
        for name in timed[0]:
            print(f"  {name:50} tokens/s / reference {spread(timed, REFERENCE, name):>22}")


if __name__ == "__main__":
    main()
