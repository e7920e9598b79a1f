"""Training steps of the book's model against its peers at the same shape.

python benchmarks/train.py [--quick]
"""

import argparse
from statistics import median

import torch
import torch.nn.functional as F
from side_by_side import machine, spread, take_turns
from torch import nn
from transformers import GPT2Config, GPT2LMHeadModel

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.next_token import next_token_loss
from llmasos_edu.training.optimizers import make_optimizers

VOCAB, D_MODEL, LAYERS, HEADS, D_FF, CONTEXT, BATCH = 256, 128, 4, 4, 512, 128, 32
GPT2_SHAPE = {
    "position": "learned", "max_len": CONTEXT, "norm": "layer", "activation": "gelu", "qk_norm": False,
    "bias": True, "tie_weights": True,
}  # fmt: skip


class NanoBlock(nn.Module):
    """One projection for queries, keys and values, the fused kernel, GELU, norms first."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(D_MODEL) for _ in range(2))
        self.qkv, self.mix = nn.Linear(D_MODEL, 3 * D_MODEL), nn.Linear(D_MODEL, D_MODEL)
        self.widen, self.narrow = nn.Linear(D_MODEL, D_FF), nn.Linear(D_FF, D_MODEL)

    def forward(self, x):
        batch, seq, _ = x.shape
        parts = self.qkv(self.norms[0](x)).split(D_MODEL, dim=2)
        query, key, value = (part.view(batch, seq, HEADS, D_MODEL // HEADS).transpose(1, 2) for part in parts)
        heads = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(heads.transpose(1, 2).contiguous().view(batch, seq, D_MODEL))
        return x + self.narrow(F.gelu(self.widen(self.norms[1](x))))


class NanoShaped(nn.Module):
    """A model shaped like karpathy/nanoGPT's, written for this comparison; no line is its."""

    def __init__(self, vocab_size=VOCAB):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocab_size, D_MODEL), nn.Embedding(CONTEXT, D_MODEL)
        self.blocks = nn.Sequential(*(NanoBlock() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(D_MODEL), nn.Linear(D_MODEL, vocab_size, bias=False)
        self.head.weight = self.tokens.weight
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places(torch.arange(tokens.shape[1]))
        return self.head(self.norm(self.blocks(x)))


def transformers_gpt2():
    """transformers' GPT-2 of the same shape with random weights and without dropout."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=CONTEXT, n_embd=D_MODEL, n_layer=LAYERS, n_head=HEADS,
            n_inner=D_FF, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False,
            activation_function="gelu", bos_token_id=0, eos_token_id=0, attn_implementation="sdpa",
        )
    )  # fmt: skip
    return model, lambda tokens: model(tokens).logits


def training_step(model, optimizers, logits=None):
    """One step on random bytes: loss, backward, clip, update; as a function without arguments."""
    generator = torch.Generator().manual_seed(0)
    parameters = list(model.parameters())

    def step():
        batch = torch.randint(VOCAB, (BATCH, CONTEXT + 1), generator=generator)
        next_token_loss(logits or model, batch).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return step


def adamw(model):
    return [torch.optim.AdamW(model.parameters(), lr=1e-3)]


def ours(vocab_size=VOCAB, **settings):
    return LanguageModel(
        vocab_size, d_model=D_MODEL, num_layers=LAYERS, num_heads=HEADS, d_ff=D_FF, **settings
    )


def contenders() -> dict:
    """Each one's training step, by name."""
    nano, gpt2, default, muon = NanoShaped(), transformers_gpt2(), ours(), ours()
    book, lean = ours(**GPT2_SHAPE), ours(**GPT2_SHAPE | {"bias": False})
    return {
        "nanoGPT's shape, AdamW": training_step(nano, adamw(nano)),
        "transformers GPT2LMHeadModel, AdamW": training_step(gpt2[0], adamw(gpt2[0]), gpt2[1]),
        "book, GPT-2's shape, AdamW": training_step(book, adamw(book)),
        "book, the same without biases, AdamW": training_step(lean, adamw(lean)),
        "book, default shape, AdamW": training_step(default, adamw(default)),
        "book, default shape, Muon": training_step(muon, make_optimizers(muon)),
    }


SMALL_BATCH = 8  # what chapters train with


def optimizer_shares(rounds: int) -> None:
    """Print which part of a training step is the optimizer's, dense and with eight experts."""
    print(f"\nThe optimizer's share of a step on {SMALL_BATCH} x {CONTEXT} bytes. Target: 20 % and 30 %.")
    for name, settings in {"dense": {}, "8 experts": {"num_experts": 8}}.items():
        model = ours(**settings)
        muon, adamw = make_optimizers(model)
        torchs = torch.optim.Muon(muon.param_groups[0]["params"])

        def gradient(model=model):
            model.zero_grad(set_to_none=True)
            next_token_loss(model, torch.randint(VOCAB, (SMALL_BATCH, CONTEXT + 1))).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)

        steps = {
            "gradient": gradient,
            "AdamW": adamw.step,
            "book's Muon": muon.step,
            "torch's Muon": torchs.step,
        }
        timed = take_turns(steps, rounds=rounds)
        for own in ("book's Muon", "torch's Muon"):
            part = [each[own] + each["AdamW"] for each in timed]
            shares = sorted(p / (p + each["gradient"]) for p, each in zip(part, timed, strict=True))
            low, high = shares[len(shares) // 4], shares[-1 - len(shares) // 4]
            print(f"{name + ', ' + own:36} {median(shares):>6.0%} ({low:.0%} to {high:.0%})")


MATRIX = 1024


def matrix_product():
    """A product of square matrices at a size that this kind of machine does best."""
    first, second = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    return lambda: first @ second


def step_operations() -> float:
    """Floating-point operations of a step in matrix products: forward, and twice that backward.

    Two per weight and token, and the scores and means of causal attention over half the positions on average.
    """
    weights = LAYERS * (4 * D_MODEL**2 + 2 * D_MODEL * D_FF) + D_MODEL * VOCAB
    attention = (
        LAYERS * 2 * CONTEXT * D_MODEL
    )  # two products of 2 * d_model operations for each of CONTEXT / 2
    return 3 * (2 * weights + attention) * BATCH * CONTEXT


def share_of_limit(timed, name: str) -> float:
    """The step's operations per second divided by those of the matrix product in the same round."""
    work = step_operations() / (2 * MATRIX**3)  # in matrix products
    return median(work * seconds["limit"] / seconds[name] for seconds in timed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, about 20 seconds on an idle machine"
    )
    quick = parser.parse_args().quick
    torch.manual_seed(0)
    print(machine())
    print(f"Training steps on {BATCH} x {CONTEXT} random bytes, no dropout, not compiled:")
    print(f"d_model {D_MODEL}, {LAYERS} layers, {HEADS} heads, d_ff {D_FF}.")
    print("The reference has the shape of karpathy/nanoGPT's model and was written for this comparison.")
    print("Target: at least 1.05 of it.\n")
    steps = contenders()
    timed = take_turns({**steps, "limit": matrix_product()}, rounds=6 if quick else 40)
    reference = "nanoGPT's shape, AdamW"
    print(f"{'':36} {'tokens/s / reference':>24} {'share of matrix limit':>22}")
    for name in steps:
        share = share_of_limit(timed, name)
        print(f"{name:36} {spread(timed, reference, name):>24} {share:>22.0%}")
    optimizer_shares(rounds=4 if quick else 15)


if __name__ == "__main__":
    main()
