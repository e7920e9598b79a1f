"""The things that chapters 3 to 5 build, each drawn once, with the shapes of what flows.

Every function returns a `FlowChart`: `.figure` is the picture, `.describe()` its alt text.
"""

from __future__ import annotations

from itertools import pairwise

from llmasos_edu.plots.flow_chart import FlowChart


def attention() -> FlowChart:
    """Scaled dot-product attention (4.1.1)."""
    chart = FlowChart(4.6, 4.2, title="Attention: a lookup that returns a mean")
    for name, x in (("queries Q", 0.75), ("keys K", 2.35), ("values V", 3.75)):
        chart.node(name, x, 0.24, kind="data", width=1.1)
    chart.node("scores", 1.55, 1.25, "compare: Q Kᵀ / √d_k", width=1.9)
    chart.node("mask", 1.55, 1.92, "mask: forbidden to −∞", width=1.9)
    chart.node("softmax", 1.55, 2.59, "softmax over the keys", width=1.9)
    chart.node("mix", 2.65, 3.28, "weighted mean of V", width=1.7)
    chart.flow("queries Q", "scores", "[query, d_k]", at=-0.6, label="left")
    chart.flow("keys K", "scores", "[key, d_k]", at=0.6)
    chart.flow("scores", "mask", "[query, key]")
    chart.flow("mask", "softmax", "[query, key]")
    chart.flow("softmax", "mix", "weights [query, key]", at=-0.55, label="left")
    chart.flow("values V", "mix", "[key, d_v]", at=0.6)
    chart.node("answers", 2.65, 4.02, "answers", kind="data", width=1.0, height=0.28)
    chart.flow("mix", "answers", "[query, d_v]")
    return chart


def masks() -> FlowChart:
    """Which scores a mask leaves: no future, no padding, and both (4.1.2)."""
    chart = FlowChart(4.6, 2.05, title="Masks [query, key]: white becomes −∞")
    size, length = 5, 3  # of five places the last two are padding
    causal = [[key <= query for key in range(size)] for query in range(size)]
    padding = [[key < length for key in range(size)] for _ in range(size)]
    both = [[a and b for a, b in zip(*rows, strict=True)] for rows in zip(causal, padding, strict=True)]
    for name, x, filled in (("causal", 0.95, causal), ("padding", 2.35, padding), ("both", 3.75, both)):
        chart.cells(name, x, 1.0, filled)
    chart.note("one row a query, one column a key", 2.35, 1.72)
    chart.note("keys 4 and 5 are padding", 2.35, 1.92)
    return chart


def multi_head() -> FlowChart:
    """Heads split and merged (4.1.3)."""
    chart = FlowChart(4.6, 5.1, title="Several heads: the same width, cut into slices")
    chart.node("x", 2.3, 0.22, "X", kind="data", width=0.8, height=0.3)
    for name, x in (("W_Q", 0.9), ("W_K", 2.3), ("W_V", 3.7)):
        chart.node(name, x, 0.98, kind="learned", width=0.8)
        chart.flow("x", name)
    chart.node("split", 2.3, 1.75, "cut the columns into heads, bring the heads to the front", width=4.2)
    for name, x in (("W_Q", 0.9), ("W_K", 2.3), ("W_V", 3.7)):
        chart.flow(name, "split", "[seq, d_model]" if name == "W_K" else "", at=x - 2.3)
    for index, (name, x) in enumerate((("head 0", 0.75), ("head 1", 1.95), ("head h − 1", 3.75))):
        chart.node(name, x, 2.62, f"{name}:\nattention", kind="computed", width=1.05, height=0.5)
        chart.flow("split", name, "[seq, head_dim]" if index == 1 else "")
    chart.note("···", 2.82, 2.62, size=12)
    chart.node("merge", 2.3, 3.45, "put the heads side by side, in their order", width=4.2)
    for name, x in (("head 0", 0.75), ("head 1", 1.95), ("head h − 1", 3.75)):
        chart.flow(name, "merge", "[seq, head_dim]" if name == "head 1" else "", at=x - 2.3)
    chart.node("W_O", 2.3, 4.2, kind="learned", width=0.8, height=0.32)
    chart.flow("merge", "W_O", "[seq, d_model]")
    chart.node("out", 2.3, 4.92, "answer", kind="data", width=0.9, height=0.28)
    chart.flow("W_O", "out", "[seq, d_model]")
    return chart


def _residual_path(chart, x: float, steps, shape: str) -> None:
    """Boxes under one another at x, joined by arrows; the first and the last carry the shape.

    Args:
        steps: (name, text, y) from top to bottom; `+` is a small box, the first and the last are data.
    """
    for place, (name, text, y) in enumerate(steps):
        if place in (0, len(steps) - 1):
            chart.node(name, x, y, text, kind="data", width=1.4, height=0.28)
        elif text == "+":
            chart.node(name, x, y, text, width=0.4, height=0.28)
        else:
            chart.node(name, x, y, text, kind="learned", width=1.75, height=0.34)
    names = [name for name, *_ in steps]
    for place, (start, end) in enumerate(pairwise(names)):
        chart.flow(start, end, shape if place in (0, len(names) - 2) else "")


def encoder_layer() -> FlowChart:
    """An encoder layer with the norm first, and its two residual paths (4.2.1)."""
    chart = FlowChart(4.2, 4.65, title="A layer: two branches off one path")
    steps = [
        ("x", "x", 0.22), ("norm 1", "norm", 0.85), ("attention", "self-attention", 1.42),
        ("add 1", "+", 2.02), ("norm 2", "norm", 2.62), ("network", "feed-forward network", 3.19),
        ("add 2", "+", 3.79),
        ("out", "to the next layer", 4.45),
    ]  # fmt: skip
    _residual_path(chart, 2.1, steps, "[seq, d_model]")
    chart.flow("x", "add 1", via=0.75)
    chart.flow("add 1", "add 2", via=0.75)
    chart.note("residual\npath", 0.42, 1.15)
    chart.note("residual\npath", 0.42, 2.9)
    return chart


def decoder_layer() -> FlowChart:
    """A decoder layer; its norms are in a note, not in boxes of their own (4.2.2)."""
    chart = FlowChart(4.6, 4.6, title="A decoder layer: it reads itself, then the source")
    steps = [
        ("x", "target so far", 0.22), ("self", "causal self-attention", 0.95), ("add 1", "+", 1.5),
        ("cross", "cross-attention", 2.15), ("add 2", "+", 2.7), ("network", "feed-forward network", 3.3),
        ("add 3", "+", 3.85), ("out", "what comes next", 4.43),
    ]  # fmt: skip
    _residual_path(chart, 1.9, steps, "[target, d_model]")
    for start, end in (("x", "add 1"), ("add 1", "add 2"), ("add 2", "add 3")):
        chart.flow(start, end, via=0.6)
    chart.node("memory", 3.95, 2.15, "encoder's\noutput", kind="data", width=0.85, height=0.5)
    chart.flow("memory", "cross")
    chart.note("keys, values\n[source, d_model]", 3.85, 1.6)
    chart.note("each branch begins\nwith a norm", 3.75, 3.3)
    return chart


def encoder_decoder() -> FlowChart:
    """The whole transformer of 2017: an encoder that reads, a decoder that writes (4.2.2)."""
    chart = FlowChart(4.6, 4.1, title="Encoder and decoder: one reads, one writes")
    for side, x, what, layer in (
        ("source", 0.92, "source tokens", "self-attention,\nfeed-forward"),
        ("target", 3.6, "target so far", "causal self-attention,\ncross-attention,\nfeed-forward"),
    ):
        chart.node(side, x, 0.22, what, kind="data", width=1.2, height=0.28)
        embedding = f"{side} embedding"
        chart.node(embedding, x, 0.95, "embedding + position", kind="learned", width=1.55, height=0.32)
        chart.node(f"{side} layers", x, 2.05, layer, kind="learned", width=1.55, height=0.72)
        chart.group("N layers", x, 1.97, 1.7, 1.08)
        chart.flow(side, embedding, f"[{side}]")
        chart.flow(embedding, f"{side} layers")
    chart.node("memory", 2.26, 2.05, kind="data", width=0.72, height=0.3)
    chart.flow("source layers", "memory")
    chart.flow("memory", "target layers")
    chart.note("keys and values of all\ncross-attentions:\n[source, d_model]", 1.9, 2.98)
    chart.node("head", 3.6, 3.05, "head: one score a token", kind="learned", width=1.7, height=0.32)
    chart.node("logits", 3.6, 3.8, "logits", kind="data", width=0.9, height=0.28)
    chart.flow("target layers", "head", "[target, d_model]", label="left")
    chart.flow("head", "logits", "[target, vocab]", label="left")
    return chart


def transformer() -> FlowChart:
    """The language model: tokens to logits (4.2 and 5)."""
    chart = FlowChart(4.4, 4.5, title="A language model, from tokens to logits")
    chart.node("tokens", 2.1, 0.22, "token ids", kind="data", width=1.1, height=0.28)
    chart.node("embed", 2.1, 0.9, "embedding", kind="learned", width=1.3)
    chart.node("layers", 2.1, 2.1, "attention, then\nfeed-forward or experts", kind="learned", width=1.9,
               height=0.5)  # fmt: skip
    chart.group("N layers", 2.1, 2.02, 2.3, 0.92)
    chart.node("norm", 2.1, 3.1, "norm", kind="learned", width=0.9, height=0.3)
    chart.node("head", 2.1, 3.66, "head: one score a token", kind="learned", width=1.9, height=0.32)
    chart.node("logits", 2.1, 4.32, "logits", kind="data", width=0.9, height=0.28)
    chart.flow("tokens", "embed", "[batch, seq]")
    chart.flow("embed", "layers", "[batch, seq, d_model]")
    chart.flow("layers", "norm", "[batch, seq, d_model]")
    chart.flow("norm", "head")
    chart.flow("head", "logits", "[batch, seq, vocab]")
    chart.note("positions turn\nqueries and\nkeys in each", 3.84, 2.02)
    return chart


def rotary() -> FlowChart:
    """Sines that are added against rotations that turn (4.2.3)."""
    chart = FlowChart(4.6, 2.9, title="Two ways to say where a token stands")
    chart.node("word a", 1.4, 0.24, "embedding", kind="data", width=1.1, height=0.3)
    chart.node("sines", 0.5, 1.1, "sines of\nposition t", width=0.8, height=0.46)
    chart.node("add", 1.4, 1.1, "+", width=0.4, height=0.28)
    chart.node("attention a", 1.4, 1.95, "every layer's attention", kind="learned", width=1.9)
    chart.flow("word a", "add", "[d_model]")
    chart.flow("sines", "add")
    chart.flow("add", "attention a", "[d_model]")
    chart.note("added once, at the bottom", 1.4, 2.5)
    chart.node("word b", 3.5, 0.24, "query or key", kind="data", width=1.2, height=0.3)
    chart.node("turn", 3.5, 1.1, "turn each pair by\nt · frequency", width=1.5, height=0.46)
    chart.node("dot", 3.5, 1.95, "q · k sees t_q − t_k", kind="computed", width=1.6)
    chart.flow("word b", "turn", "[head_dim]")
    chart.flow("turn", "dot", "[head_dim]")
    chart.note("turned inside every head", 3.5, 2.5)
    return chart


def mixture() -> FlowChart:
    """A mixture of experts with its router, top 2 of 4 (4.3)."""
    chart = FlowChart(4.6, 3.9, title="A mixture: a router asks few of many")
    chart.node("x", 2.1, 0.22, "token x", kind="data", width=1.0, height=0.28)
    chart.node("router", 0.75, 1.05, "router", kind="learned", width=0.9)
    chart.node("top", 0.75, 1.8, "softmax,\nkeep top 2", width=1.0, height=0.48)
    for index, x in enumerate((1.75, 2.45, 3.15, 3.85)):
        chosen = index in (1, 3)
        chart.node(f"expert {index}", x, 1.8, f"E{index}", kind="learned" if chosen else "frozen", width=0.5)
    chart.node("sum", 2.45, 2.9, "sum of gate · answer", width=1.7)
    chart.node("y", 2.45, 3.7, "y", kind="data", width=0.6, height=0.26)
    chart.flow("x", "router", "[d_model]", label="left")
    chart.flow("router", "top", "[experts]")
    for index in (1, 3):
        chart.flow("x", f"expert {index}", "[d_model]" if index == 1 else "")
        chart.flow(f"expert {index}", "sum", "[d_model]" if index == 3 else "", at=0.3 if index == 3 else 0.0)
    chart.flow("top", "sum", "gates [2]", at=-0.6, label="left")
    chart.flow("sum", "y", "[d_model]")
    chart.note("grey: not asked,\ncosts nothing", 3.9, 0.75)
    return chart


def lora() -> FlowChart:
    """A low-rank adapter beside a frozen matrix (3.3)."""
    chart = FlowChart(4.2, 3.1, title="LoRA: write beside the matrix, not into it")
    chart.node("x", 2.1, 0.22, "x", kind="data", width=0.7, height=0.28)
    chart.node("W", 1.1, 1.35, "W, frozen\n[d_out, d_in]", kind="frozen", width=1.25, height=0.5)
    chart.node("A", 3.1, 1.0, "A  [r, d_in]", kind="learned", width=1.15, height=0.32)
    chart.node("B", 3.1, 1.72, "B  [d_out, r]", kind="learned", width=1.15, height=0.32)
    chart.node("add", 2.1, 2.35, "+", width=0.4, height=0.28)
    chart.node("y", 2.1, 2.92, "y", kind="data", width=0.7, height=0.26)
    chart.flow("x", "W", "[d_in]", label="left")
    chart.flow("x", "A", "[d_in]")
    chart.flow("A", "B", "[r], small")
    chart.flow("W", "add", "[d_out]", at=-0.1, label="left")
    chart.flow("B", "add", "[d_out] · α / r", at=0.1)
    chart.flow("add", "y", "[d_out]")
    return chart


def objectives() -> FlowChart:
    """Predict what follows against fill what is hidden (3.1)."""
    chart = FlowChart(4.6, 3.3, title="Two objectives on one text")
    chart.node("text a", 1.15, 0.25, "the cat sat down", kind="data", width=1.7, height=0.3)
    chart.node("model a", 1.15, 1.1, "causal model", kind="learned", width=1.4)
    chart.node("guess a", 1.15, 1.95, "a guess for every next token", width=2.05)
    chart.node("loss a", 1.15, 2.8, "loss over all positions", kind="loss", width=1.9)
    chart.flow("text a", "model a", "[seq]")
    chart.flow("model a", "guess a", "[seq, vocab]")
    chart.flow("guess a", "loss a")
    chart.note("GPT: sees the past", 1.15, 3.15)
    chart.node("text b", 3.45, 0.25, "the [MASK] sat down", kind="data", width=1.9, height=0.3)
    chart.node("model b", 3.45, 1.1, "encoder, no causal mask", kind="learned", width=1.75)
    chart.node("guess b", 3.45, 1.95, "a guess for the hidden ones", width=2.05)
    chart.node("loss b", 3.45, 2.8, "loss over 15 % of positions", kind="loss", width=2.0)
    chart.flow("text b", "model b", "[seq]")
    chart.flow("model b", "guess b", "[hidden, vocab]")
    chart.flow("guess b", "loss b")
    chart.note("BERT: sees both sides", 3.45, 3.15)
    return chart


def sentence_pair() -> FlowChart:
    """BERT's input of two segments, and the two losses on it (3.1.2)."""
    chart = FlowChart(4.6, 4.05, title="Two sentences, two questions")
    text = "[CLS] sentence A [SEP] sentence B [SEP]"
    chart.node("text", 2.3, 0.25, text, kind="data", width=3.5, height=0.3)
    chart.node("tokens", 0.85, 1.1, "embedding\nof each token", kind="learned", width=1.2, height=0.48)
    chart.node("segments", 3.65, 1.1, "embedding of its\nsegment, 0 or 1", kind="learned", width=1.45,
               height=0.48)  # fmt: skip
    chart.node("add", 2.3, 1.1, "+", width=0.4, height=0.28)
    chart.node("encoder", 2.3, 1.95, "encoder: each position reads all", kind="learned", width=2.5)
    chart.node("hidden", 1.15, 2.85, "head at the hidden tokens", kind="learned", width=1.95)
    chart.node("pair", 3.45, 2.85, "head at [CLS]: does B follow?", kind="learned", width=2.1)
    chart.node("loss", 2.3, 3.7, "loss: the sum of both means", kind="loss", width=2.1)
    chart.flow("text", "tokens", "[seq]", label="left")
    chart.flow("text", "segments", "[seq], 0 or 1")
    chart.flow("tokens", "add")
    chart.flow("segments", "add")
    chart.flow("add", "encoder", "[seq, d_model]")
    chart.flow("encoder", "hidden", "[hidden, d_model]", label="left")
    chart.flow("encoder", "pair", "[d_model]")
    chart.flow("hidden", "loss", "[hidden, vocab]", at=-0.5, label="left")
    chart.flow("pair", "loss", "[2]", at=0.5)
    return chart


def span_filling() -> FlowChart:
    """T5's objective: an encoder reads the text with gaps, a decoder writes them (3.1.2)."""
    chart = FlowChart(4.6, 3.35, title="T5: read with gaps, write the gaps")
    chart.node("source", 1.15, 0.25, "thank you <0> me to <1> week", kind="data", width=2.22, height=0.3)
    chart.node("encoder", 1.0, 1.2, "encoder: reads\nboth sides", kind="learned", width=1.3, height=0.48)
    chart.node("target", 3.5, 0.25, "start <0> for inviting <1> …", kind="data", width=2.05, height=0.3)
    reads = "decoder: reads its own\npast, and the encoder"
    chart.node("decoder", 3.6, 1.2, reads, kind="learned", width=1.75, height=0.48)
    chart.node("guess", 3.45, 2.15, "a guess for every next token", width=2.05)
    chart.node("loss", 3.45, 3.0, "loss over all of the target", kind="loss", width=1.95)
    chart.flow("source", "encoder", "[source]", label="left")
    chart.flow("target", "decoder", "[target]")
    chart.flow("encoder", "decoder", "[source, d_model]")
    chart.flow("decoder", "guess", "[target, vocab]")
    chart.flow("guess", "loss")
    chart.note("asked: <0> for inviting\n<1> your party last <2>", 1.15, 2.15)
    return chart


def resident() -> FlowChart:
    """One frozen body for the texts of two tasks, each row with its own adapter and head (3.1.3)."""
    chart = FlowChart(4.6, 3.2, title="One body in memory, two tasks in one batch")
    chart.node("texts", 2.75, 0.25, "texts of tasks a, b, a", kind="data", width=1.9, height=0.3)
    chart.node("adapters", 0.55, 1.15, "adapter a\nadapter b", kind="learned", width=0.9, height=0.5)
    chart.node("body", 2.75, 1.15, "the pretrained body,\nloaded once", kind="frozen", width=1.7, height=0.5)
    chart.node("head a", 1.85, 2.05, "head a", kind="learned", width=0.8, height=0.32)
    chart.node("head b", 3.3, 2.05, "head b", kind="learned", width=0.8, height=0.32)
    chart.node("answers a", 1.85, 2.85, "answers 1 and 3", kind="data", width=1.35, height=0.3)
    chart.node("answers b", 3.3, 2.85, "answer 2", kind="data", width=0.9, height=0.3)
    chart.flow("texts", "body", "[batch, seq]")
    chart.flow("adapters", "body", "each row\nits own")
    chart.flow("body", "head a", "[rows of a, d_model]", label="left")
    chart.flow("body", "head b", "[rows of b, d_model]")
    chart.flow("head a", "answers a", "[classes of a]", label="left")
    chart.flow("head b", "answers b", "[classes of b]")
    return chart


def distillation() -> FlowChart:
    """Teacher, student, and the two parts of the loss (3.5)."""
    chart = FlowChart(4.6, 3.85, title="Distillation: learn from what the teacher finds likely")
    chart.node("x", 2.3, 0.22, "one batch of texts", kind="data", width=1.6, height=0.28)
    chart.node("teacher", 1.05, 1.0, "teacher, frozen", kind="frozen", width=1.4)
    chart.node("student", 3.2, 1.0, "student", kind="learned", width=1.2)
    chart.node("soft", 1.05, 1.85, "softmax(logits / T)", width=1.6)
    chart.node("own", 3.2, 1.85, "softmax(logits / T),\nand at T = 1", width=1.6, height=0.48)
    chart.node("kl", 1.6, 2.75, "T² · KL(teacher | student)", kind="loss", width=2.1)
    chart.node("ce", 3.75, 2.75, "cross-entropy\nwith the labels", kind="loss", width=1.3, height=0.48)
    chart.node("total", 2.5, 3.55, "α · first + (1 − α) · second", kind="loss", width=2.3, height=0.28)
    chart.flow("x", "teacher")
    chart.flow("x", "student")
    chart.flow("teacher", "soft", "[batch, vocab]")
    chart.flow("student", "own", "[batch, vocab]")
    chart.flow("soft", "kl", at=-0.5)
    chart.flow("own", "kl", at=0.7)
    chart.flow("own", "ce", at=0.0)
    chart.flow("kl", "total", at=-0.6)
    chart.flow("ce", "total", at=0.7)
    return chart


def training_loop() -> FlowChart:
    """One step of training (5, and every experiment)."""
    chart = FlowChart(4.4, 3.6, title="A step of training, again and again")
    chart.node("batch", 2.0, 0.24, "draw a batch", kind="data", width=1.3, height=0.3)
    chart.node("model", 2.0, 0.95, "model", kind="learned", width=1.3)
    chart.node("loss", 2.0, 1.7, "loss: one number", kind="loss", width=1.5)
    chart.node("backward", 2.0, 2.45, "backward: a gradient for\nevery parameter", width=1.9, height=0.46)
    chart.node("optimizer", 2.0, 3.25, "optimizer: step, then clear", width=2.1)
    chart.flow("batch", "model", "[batch, seq + 1]")
    chart.flow("model", "loss", "[batch, seq, vocab]")
    chart.flow("loss", "backward", "[]")
    chart.flow("backward", "optimizer", "shapes of the weights")
    chart.flow("optimizer", "model", "new\nweights", via=0.7, label="left")
    return chart


ALL = {
    each.__name__: each
    for each in (
        attention, masks, multi_head, encoder_layer, decoder_layer, encoder_decoder, transformer, rotary,
        mixture, lora, objectives, sentence_pair, span_filling, distillation, resident, training_loop,
    )
}  # fmt: skip
