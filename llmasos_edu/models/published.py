"""Shapes of published mixtures of experts, and what they weigh: all parameters, and what one token uses.

Every row of `PUBLISHED` holds what the paper prints, with the place where it prints it. The counts follow
from the row alone, so that they can be checked with pencil and paper, and stand beside the totals that the
papers state. Where the two differ by more than rounding, the row's remark says why.
"""

from dataclasses import dataclass

MATRICES = {"relu": 2, "gelu": 2, "geglu": 3, "swiglu": 3}  # a gate is a third matrix


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of one published transformer with experts. No linear map has a bias.

    A model with `encoder_layers` is an encoder with a decoder, and each decoder layer then has a second,
    cross attention. Layers without experts have one feed-forward network of width `dense_ff`.
    """

    name: str
    source: str  # paper, and the table or section that prints the sizes
    d_model: int
    num_heads: int
    head_dim: int
    num_kv_heads: int | None = None  # as many as query heads unless given
    latent: tuple[int, int, int] | None = None  # widths: compressed query, compressed key-value, rotary part
    encoder_layers: int = 0
    decoder_layers: int
    expert_layers: int  # how many of all layers have experts
    num_experts: int  # routed experts in such a layer
    top_k: int  # routed experts that a token uses
    num_shared: int = 0  # experts that every token uses
    renormalize: bool = False  # whether a token's gates are divided by their sum
    sigmoid_scores: bool = False  # whether each expert has a sigmoid of its own instead of a common softmax
    groups: tuple[int, int] | None = None  # experts stand in so many groups, of which a token may use so many
    scaling: float = 1.0  # factor on the gates
    expert_ff: int  # width of one expert
    activation: str
    dense_ff: int = 0
    dense_activation: str | None = None  # as the experts' unless given
    embedding_rows: int  # rows of all embeddings and heads together, each `d_model` wide
    published_total: float  # parameters, as the paper rounds them
    published_active: float | None = None  # the same of those that one token uses, where it is stated
    remark: str = ""


SWITCH = "Fedus et al. 2021, Switch Transformers, table 9"

PUBLISHED = (
    Shape(
        name="GShard 600B", source="Lepikhin et al. 2020, GShard, table 1 and appendix A.2",
        d_model=1024, num_heads=16, head_dim=128, encoder_layers=18, decoder_layers=18,
        expert_layers=18, num_experts=2048, top_k=2, renormalize=True, expert_ff=8192,
        dense_ff=8192, activation="relu",
        embedding_rows=64_000 + 32_000, published_total=600e9,
        remark="The paper rounds: the experts alone are 618 billion. Its abstract says beyond 600 billion.",
    ),
    Shape(
        name="Switch-Base", source=SWITCH,
        d_model=768, num_heads=12, head_dim=64, encoder_layers=12, decoder_layers=12,
        expert_layers=12, num_experts=128, top_k=1, expert_ff=2048, dense_ff=2048, activation="geglu",
        embedding_rows=32_128, published_total=7e9,
        remark="Printed as a whole number of billions.",
    ),
    Shape(
        name="Switch-Large", source=SWITCH,
        d_model=1024, num_heads=16, head_dim=64, encoder_layers=24, decoder_layers=24,
        expert_layers=24, num_experts=128, top_k=1, expert_ff=2816, dense_ff=2816, activation="geglu",
        embedding_rows=32_128, published_total=26e9,
        remark="26.3 billion with two matrices of width 4096, the feed-forward network of the first T5.",
    ),
    Shape(
        name="Switch-XXL",
        source=f"{SWITCH}; experts: switch_xxl.gin in the authors' release (flaxformer)",
        d_model=4096, num_heads=64, head_dim=64, encoder_layers=24, decoder_layers=24,
        expert_layers=24, num_experts=128, top_k=1, expert_ff=10_240, dense_ff=10_240, activation="geglu",
        embedding_rows=2 * 32_128, published_total=395e9,
        remark="The table prints 64 experts, which make 201 billion; the release has 128.",
    ),
    Shape(
        name="Switch-C", source=SWITCH,
        d_model=2080, num_heads=32, head_dim=64, encoder_layers=15, decoder_layers=15,
        expert_layers=30, num_experts=2048, top_k=1, expert_ff=6144, activation="relu",
        embedding_rows=32_128, published_total=1571e9,
    ),
    Shape(
        name="GLaM 64B/64E", source="Du et al. 2021, GLaM, table 4; vocabulary: section 4",
        d_model=8192, num_heads=128, head_dim=128, decoder_layers=64,
        expert_layers=32, num_experts=64, top_k=2, renormalize=True, expert_ff=32_768, activation="gelu",
        dense_ff=32_768, dense_activation="geglu", embedding_rows=256_000, published_total=1.2e12,
        published_active=96.6e9,
        remark="The layers without experts have a gated network (section 4). The total is rounded up.",
    ),
    Shape(
        name="Mixtral 8x7B", source="Jiang et al. 2024, Mixtral of Experts, table 1; totals: section 1",
        d_model=4096, num_heads=32, head_dim=128, num_kv_heads=8, decoder_layers=32,
        expert_layers=32, num_experts=8, top_k=2, renormalize=True, expert_ff=14_336, activation="swiglu",
        embedding_rows=2 * 32_000, published_total=47e9, published_active=13e9,
    ),
    Shape(
        name="Mixtral 8x22B",
        source="params.json of the release; totals: Mistral AI 2024, Cheaper, Better, Faster, Stronger",
        d_model=6144, num_heads=48, head_dim=128, num_kv_heads=8, decoder_layers=56,
        expert_layers=56, num_experts=8, top_k=2, renormalize=True, expert_ff=16_384, activation="swiglu",
        embedding_rows=2 * 32_000, published_total=141e9, published_active=39e9,
    ),
    Shape(
        name="DeepSeekMoE 16B",
        source="Dai et al. 2024, DeepSeekMoE, section 5.1; dense width: config.json of the release",
        d_model=2048, num_heads=16, head_dim=128, decoder_layers=28,
        expert_layers=27, num_experts=64, top_k=6, num_shared=2, expert_ff=1408, dense_ff=10_944,
        activation="swiglu", embedding_rows=2 * 102_400, published_total=16.4e9, published_active=2.8e9,
    ),
    Shape(
        name="DeepSeek-V2",
        source="DeepSeek-AI 2024, DeepSeek-V2, section 3.1.2; dense width: config.json of the release",
        d_model=5120, num_heads=128, head_dim=128, latent=(1536, 512, 64), decoder_layers=60,
        expert_layers=59, num_experts=160, top_k=6, groups=(8, 3), scaling=16.0, num_shared=2,
        expert_ff=1536, dense_ff=12_288,
        activation="swiglu", embedding_rows=2 * 102_400, published_total=236e9, published_active=21e9,
    ),
    Shape(
        name="DeepSeek-V3",
        source="DeepSeek-AI 2024, DeepSeek-V3, section 4.2; dense width: config.json of the release",
        d_model=7168, num_heads=128, head_dim=128, latent=(1536, 512, 64), decoder_layers=61,
        expert_layers=58, num_experts=256, top_k=8, renormalize=True, sigmoid_scores=True,
        groups=(8, 4), scaling=2.5, num_shared=1, expert_ff=2048, dense_ff=18_432,
        activation="swiglu", embedding_rows=2 * 129_280, published_total=671e9, published_active=37e9,
        remark="Without the module that predicts a second token, as in the paper's own total.",
    ),
)  # fmt: skip


def attention_parameters(shape: Shape) -> int:
    """Parameters of one attention: `d_model * head_dim * (2 heads + 2 key-value heads)`.

    With `latent = (q, c, r)` queries pass through `q` features, keys and values through `c`; `r` more
    features of each query and of one common key carry the rotary positions:
    `d_model (q + c + r) + heads (q (head_dim + r) + 2 c head_dim + head_dim d_model)`, and two norms
    on the compressed vectors, `q + c`.

    Source: Ainslie et al. 2023, GQA, section 2.2; DeepSeek-AI 2024, DeepSeek-V2, section 2.1.
    """
    if shape.latent is None:
        kv_heads = shape.num_heads if shape.num_kv_heads is None else shape.num_kv_heads
        return shape.d_model * shape.head_dim * 2 * (shape.num_heads + kv_heads)
    q, c, r = shape.latent
    per_head = q * (shape.head_dim + r) + 2 * c * shape.head_dim + shape.head_dim * shape.d_model
    return shape.d_model * (q + c + r) + shape.num_heads * per_head + q + c


def feed_forward_parameters(d_model: int, d_ff: int, activation: str) -> int:
    """Parameters of one feed-forward network: `2 d_model d_ff`, with a gate `3 d_model d_ff`.

    Raises:
        ValueError: an activation that is not known.
    """
    if activation not in MATRICES:
        raise ValueError(f"activation={activation!r} is not one of {', '.join(MATRICES)}")
    return MATRICES[activation] * d_model * d_ff


def parameters_by_part(shape: Shape) -> dict[str, int]:
    """How many parameters each part has, all layers together; their sum is the model.

    Learned relative positions (GShard, Switch, GLaM), a few thousand a layer, are left out.

    Returns:
        embedding (and head), attention, feed-forward (layers without experts), experts (routed), shared
        experts, router, norms.
    """
    layers = shape.encoder_layers + shape.decoder_layers
    crosses = shape.decoder_layers if shape.encoder_layers else 0
    stacks = 2 if shape.encoder_layers else 1
    expert = feed_forward_parameters(shape.d_model, shape.expert_ff, shape.activation)
    dense = feed_forward_parameters(shape.d_model, shape.dense_ff, shape.dense_activation or shape.activation)
    return {
        "embedding": shape.embedding_rows * shape.d_model,
        "attention": (layers + crosses) * attention_parameters(shape),
        "feed-forward": (layers - shape.expert_layers) * dense,
        "experts": shape.expert_layers * shape.num_experts * expert,
        "shared experts": shape.expert_layers * shape.num_shared * expert,
        "router": shape.expert_layers * shape.num_experts * shape.d_model,
        "norms": (2 * layers + crosses + stacks) * shape.d_model,
    }


def total_parameters(shape: Shape) -> int:
    """All parameters: what must be stored."""
    return sum(parameters_by_part(shape).values())


def active_parameters(shape: Shape) -> int:
    """Parameters that one token meets: all but those of the routed experts that it does not use.

    `active = total - (num_experts - top_k) / num_experts * experts`. Embedding and head count whole, as
    in the published figures; an encoder and its decoder count both.
    """
    experts = parameters_by_part(shape)["experts"]
    return total_parameters(shape) - experts + experts // shape.num_experts * shape.top_k


def moe_settings(shape: Shape) -> dict:
    """Arguments with which the book's `MoE` is one expert layer of this model: `MoE(**moe_settings(shape))`.

    Build it under `torch.device("meta")`: there a tensor has a shape and no memory. What keeps the load even
    in training, such as GShard's limit and its chance for the second expert, is not among them.

    Raises:
        ValueError: the model chooses or weighs its experts as `MoE` cannot; the message names how.
    """
    beyond = ["a sigmoid for each expert"] if shape.sigmoid_scores else []
    if shape.groups is not None:
        beyond.append("{} groups of experts, of which a token may use {}".format(*shape.groups))
    if shape.scaling != 1:
        beyond.append(f"gates times {shape.scaling:g}")
    if beyond:
        raise ValueError(f"MoE cannot be a layer of {shape.name}, which has {', '.join(beyond)}")
    return {
        "d_model": shape.d_model,
        "num_experts": shape.num_experts,
        "top_k": shape.top_k,
        "d_ff": shape.expert_ff,
        "activation": shape.activation,
        "num_shared": shape.num_shared,
        "renormalize": shape.renormalize,
    }


def named(name: str) -> Shape:
    """The published shape of this name.

    Raises:
        ValueError: no such row; the message lists those that there are.
    """
    for shape in PUBLISHED:
        if shape.name == name:
            return shape
    raise ValueError(f"{name!r} is not one of {', '.join(shape.name for shape in PUBLISHED)}")


class PublishedTable:
    """Rows of `PUBLISHED`, counted, beside what the papers state; shown as a table."""

    HEAD = ("model", "experts", "a token uses", "total", "published", "active", "published", "active share")

    def __init__(self, shapes=PUBLISHED):
        self.shapes = tuple(shapes)

    def rows(self) -> list[tuple[str, ...]]:
        """One row a model, all cells as text."""
        return [
            (
                shape.name,
                f"{shape.num_experts}" + (f" + {shape.num_shared}" if shape.num_shared else ""),
                f"{shape.top_k}" + (f" + {shape.num_shared}" if shape.num_shared else ""),
                billions(total_parameters(shape)),
                billions(shape.published_total),
                billions(active_parameters(shape)),
                billions(shape.published_active),
                f"{active_parameters(shape) / total_parameters(shape):.1%}",
            )
            for shape in self.shapes
        ]

    def __repr__(self) -> str:
        rows = [self.HEAD, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligns = (str.ljust, *(str.rjust,) * (len(widths) - 1))
        return "\n".join(
            "  ".join(align(cell, width) for align, cell, width in zip(aligns, row, widths, strict=True))
            for row in rows
        )

    def _repr_markdown_(self) -> str:
        lines = [self.HEAD, ("---", *["---:"] * (len(self.HEAD) - 1)), *self.rows()]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def billions(count: float | None) -> str:
    """A number of parameters in billions, four digits at most; a dash where it is not stated."""
    if count is None:
        return "–"
    return f"{float(f'{count / 1e9:.4g}'):,.10g} B"
