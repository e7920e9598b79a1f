"""What a language model costs: parameters, memory and arithmetic, by hand formulas (chapters 4.3 and 5).

Everything follows from the settings, so that a model that fits on no machine can be counted as well. The
tests hold the formulas equal to the parameters of the model and to what `torch.utils.flop_counter` counts.

Conventions. A FLOP is one multiplication or one addition; only matrix products are counted, `2 m n k` for
`[m, k] [k, n]`. Attention counts all pairs of positions, also those that the causal mask hides. A backward
pass is two products for each one forward: gradients of the input and of the matrix. The counter agrees where
attention runs step by step (`fused=False`); the fused kernel of the CPU is not in its list, and it counts
nothing for it. (That kernel computes the scores once more on the way back, which is not counted here either.)
"""

import inspect
from typing import NamedTuple

from llmasos_edu.layers.moe import MoE
from llmasos_edu.layers.routing import expert_capacity
from llmasos_edu.layers.transformer import GATED
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.polar import newton_schulz_flops


class Part(NamedTuple):
    """One part of the model, all layers together."""

    name: str
    parameters: int  # all of them
    active: int  # those that one token meets
    forward: int  # FLOPs of a forward pass over the whole batch
    training: int  # FLOPs of a forward and a backward pass


class Budget:
    """Parameters, memory and FLOPs of a language model, part by part; shown as a table.

    Args:
        model: a `LanguageModel`, or the dict of its arguments (what is left out has its usual value).
        batch, seq: the batch that is read, `[batch, seq]` tokens.
        bytes_per_number: of weights, gradients, optimizer states and cache; 4 for float32, 2 for bfloat16.
        optimizer: `muon` or `adamw`, as in `make_optimizers`.

    Raises:
        ValueError: an argument of no language model, sizes below 1, an unknown optimizer.

    Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", section 2.1 (FLOPs); article 5.
    """

    def __init__(
        self,
        model: LanguageModel | dict,
        batch: int = 1,
        seq: int = 1024,
        *,
        bytes_per_number: int = 4,
        optimizer: str = "muon",
    ):
        self.settings = _with_defaults(LanguageModel, getattr(model, "settings", model))
        if min(batch, seq, bytes_per_number) < 1:
            raise ValueError(
                f"batch={batch}, seq={seq} and bytes_per_number={bytes_per_number} must be at least 1"
            )
        if optimizer not in ("muon", "adamw"):
            raise ValueError(f"optimizer={optimizer!r} is neither muon nor adamw")
        self.batch, self.seq, self.tokens = batch, seq, batch * seq
        self.bytes_per_number, self.optimizer = bytes_per_number, optimizer
        self.parts = [part for part in self._parts() if any(part[1:])]

    # ---- the model, part by part ----

    def _parts(self) -> list[Part]:
        own = self.settings
        d_model, layers, vocab = own["d_model"], own["num_layers"], own["vocab_size"]
        matrices, biases = self._attention()
        norms = (1 if self._dense_ff() == 0 and own["num_experts"] == 1 else 2) * layers + 1
        norm_width = 2 * d_model if own["norm"] == "layer" else d_model
        positions = own["max_len"] * d_model if own["position"] == "learned" else 0
        table = vocab * d_model
        return [
            self._part("embedding", table + positions, 0),
            self._part("attention, matrices", layers * (matrices + biases), layers * matrices),
            self._part("attention, scores and sums", 0, layers * 2 * self.seq * self._width()),
            *self._feed_forward(),
            self._part("norms", norms * norm_width + layers * self._qk_norm(), 0),
            self._part("head", 0 if own["tie_weights"] else table, table),
        ]

    def _part(self, name: str, parameters: int, products: int) -> Part:
        """A part of which every token meets all; `products` are multiplications a token."""
        forward = 2 * self.tokens * products
        return Part(name, parameters, parameters, forward, 3 * forward)

    def _attention(self) -> tuple[int, int]:
        """Parameters of one layer's four matrices, and of their biases."""
        d_model, width, kv_width = self.settings["d_model"], self._width(), self._kv_width()
        biases = width + 2 * kv_width + d_model if self.settings["bias"] else 0
        return 2 * d_model * (width + kv_width), biases

    def _head_dim(self) -> int:
        return self.settings["head_dim"] or self.settings["d_model"] // self.settings["num_heads"]

    def _width(self) -> int:
        return self._head_dim() * self.settings["num_heads"]

    def _kv_width(self) -> int:
        return self._head_dim() * (self.settings["num_kv_heads"] or self.settings["num_heads"])

    def _qk_norm(self) -> int:
        """Weights of the norms of one layer's queries and keys."""
        sizes = {"rms": 2 * self._head_dim(), "rms_joint": self._width() + self._kv_width()}
        return sizes.get(self.settings["qk_norm"], 0)

    def _dense_ff(self) -> int:
        d_ff = self.settings["d_ff"]
        return 4 * self.settings["d_model"] if d_ff is None else d_ff

    def _feed_forward(self) -> list[Part]:
        own, d_model, d_ff = self.settings, self.settings["d_model"], self._dense_ff()
        layers, experts = own["num_layers"], own["num_experts"]
        if experts == 1:
            count = 3 if own["activation"] in GATED else 2
            biases = (count - 1) * d_ff + d_model if own["bias"] and d_ff else 0
            matrices = count * d_model * d_ff
            return [self._part("feed-forward", layers * (matrices + biases), layers * matrices)]
        moe = self._mixture()
        expert = (3 if moe["activation"] in GATED else 2) * d_model * moe["d_ff"]
        router = d_model * experts
        noise = router if moe["noisy"] else 0  # of which evaluation makes no use
        forward = layers * 2 * self._assignments(moe, moe["eval_capacity_factor"]) * expert
        training = layers * 6 * self._assignments(moe, moe["capacity_factor"]) * expert
        shared = layers * moe["num_shared"] * expert
        routing = self._part("router", layers * router, layers * router)
        return [
            Part("experts", layers * experts * expert, layers * moe["top_k"] * expert, forward, training),
            self._part("shared experts", shared, shared),
            routing._replace(
                parameters=layers * (router + noise),
                active=layers * (router + noise),
                training=routing.training + 6 * self.tokens * layers * noise,
            ),
        ]

    def _mixture(self) -> dict:
        own = self.settings
        given = {"d_model": own["d_model"], "num_experts": own["num_experts"]}
        given |= {"d_ff": self._dense_ff(), "activation": own["activation"]} | (own["moe"] or {})
        return _with_defaults(MoE, given)

    def _assignments(self, moe: dict, factor: float | None) -> int:
        """Pairs of a token and an expert that runs on it: `tokens * top_k`; at most what the experts take."""
        chosen = self.tokens * moe["top_k"]
        by_expert = moe["choice"] == "expert"
        if factor is None and not by_expert:
            return chosen
        factor = factor or moe["capacity_factor"] or 1.0  # the last two for choice by the expert
        sizes = {"num_experts": moe["num_experts"], "top_k": moe["top_k"]}
        capacity = expert_capacity(self.tokens, **sizes, capacity_factor=factor)
        room = moe["num_experts"] * min(capacity, self.tokens)
        return room if by_expert else min(chosen, room)

    # ---- sums ----

    @property
    def total_parameters(self) -> int:
        """All parameters; a matrix that is embedding and head counts once."""
        return sum(part.parameters for part in self.parts)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token meets: `top_k` of the routed experts, and all else."""
        return sum(part.active for part in self.parts)

    @property
    def forward_flops(self) -> int:
        """FLOPs of reading the batch."""
        return sum(part.forward for part in self.parts)

    @property
    def training_flops(self) -> int:
        """FLOPs of a forward and a backward pass, before the optimizer's step."""
        return sum(part.training for part in self.parts)

    @property
    def optimizer_flops(self) -> int:
        """FLOPs of the optimizer's step: Muon's rounds on each hidden matrix; AdamW has no products.

        Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
        """
        if self.optimizer == "adamw":
            return 0
        return sum(
            count * newton_schulz_flops(rows, columns) for count, rows, columns in self._hidden_matrices()
        )

    @property
    def weight_bytes(self) -> int:
        """Memory of the weights."""
        return self.total_parameters * self.bytes_per_number

    @property
    def gradient_bytes(self) -> int:
        """Memory of the gradients, one number a parameter."""
        return self.weight_bytes

    @property
    def optimizer_bytes(self) -> int:
        """Memory of the optimizer's averages: two numbers a parameter with AdamW, one where Muon moves it."""
        by_muon = sum(count * rows * columns for count, rows, columns in self._hidden_matrices())
        numbers = 2 * self.total_parameters - (by_muon if self.optimizer == "muon" else 0)
        return numbers * self.bytes_per_number

    @property
    def cache_bytes_per_token(self) -> int:
        """Memory that a KV cache takes for each token of each row: a key and a value a layer and head."""
        return 2 * self.settings["num_layers"] * self._kv_width() * self.bytes_per_number

    def _hidden_matrices(self) -> list[tuple[int, int, int]]:
        """How many matrices of which size Muon moves: those of attention and of the networks."""
        own, d_model = self.settings, self.settings["d_model"]
        d_ff, activation, copies = self._dense_ff(), own["activation"], 1
        if own["num_experts"] > 1:
            moe = self._mixture()
            d_ff, activation, copies = moe["d_ff"], moe["activation"], moe["num_experts"] + moe["num_shared"]
        networks = copies * (3 if activation in GATED else 2)
        layers = own["num_layers"]
        found = [(2 * layers, self._width(), d_model), (2 * layers, self._kv_width(), d_model)]
        return found + ([(networks * layers, d_ff, d_model)] if d_ff else [])

    # ---- shown ----

    HEAD = ("part", "parameters", "active", "forward FLOPs", "training FLOPs")

    def rows(self) -> list[tuple[str, ...]]:
        """One row a part and one for their sum, all cells as text."""
        total = Part(
            "together", self.total_parameters, self.active_parameters, self.forward_flops, self.training_flops
        )
        return [(part.name, *(short(number) for number in part[1:])) for part in (*self.parts, total)]

    def notes(self) -> list[str]:
        """What the table does not show: memory, the optimizer, and the rule of thumb."""
        rule = self.training_flops / (6 * self.active_parameters * self.tokens)
        return [
            f"batch [{self.batch}, {self.seq}]: training FLOPs are {rule:.3g} times 6 x active x tokens",
            f"{self.optimizer} step: {short(self.optimizer_flops, 'FLOPs')}",
            f"weights {short(self.weight_bytes, 'B')}, gradients {short(self.gradient_bytes, 'B')}, "
            f"optimizer {short(self.optimizer_bytes, 'B')}",
            f"KV cache: {short(self.cache_bytes_per_token, 'B')} a token",
        ]

    def __repr__(self) -> str:
        rows = [self.HEAD, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligns = (str.ljust, *(str.rjust,) * (len(widths) - 1))
        lines = [
            "  ".join(align(cell, width) for align, cell, width in zip(aligns, row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(lines + self.notes())

    def _repr_markdown_(self) -> str:
        lines = [self.HEAD, ("---", *["---:"] * (len(self.HEAD) - 1)), *self.rows()]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return table + "\n\n" + "\n".join(f"- {note}" for note in self.notes())


def short(number: float, unit: str = "") -> str:
    """A number with four digits at most and a letter for thousands (k, M, G, T, P, E): `1.235 MB`."""
    for power, letter in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        rounded = float(f"{number:.4g}")
        if rounded >= 10**power:
            return f"{rounded / 10**power:.4g} {letter}{unit}"
    return f"{number:.4g} {unit}".strip()


def _with_defaults(model_class, given: dict) -> dict:
    """The arguments of a constructor: those given, the usual values for the rest."""
    usual = {key: parameter.default for key, parameter in inspect.signature(model_class).parameters.items()}
    unknown = sorted(given.keys() - usual.keys())
    missing = [key for key, value in usual.items() if value is inspect.Parameter.empty and key not in given]
    if unknown or missing:
        name = model_class.__name__
        raise ValueError(f"these are not the settings of a {name}: unknown {unknown}, missing {missing}")
    return usual | given
