"""Weights of GPT-2, BERT, Mixtral, OLMoE and Qwen3-MoE, as transformers stores them, in the book's classes.

A folder of transformers' is `config.json` and safetensors files; `transformers_folder.py` reads them without
transformers. Nothing in it is executed: pickled weights and folders that bring their own code are refused.
So is, in words, a setting that the book's classes cannot express.

Rotary positions: transformers turns features `i` and `i + head_dim / 2` together, as the book's
`layout="halves"` does, so its matrices fit as they are.
"""

import torch
from torch import nn

from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.transformers_folder import Config, Weights, find_folder

# transformers' names for what the book calls: plain networks, and with a gate
PLAIN = {"gelu": "gelu", "gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh", "relu": "relu",
         "relu2": "squared_relu"}  # fmt: skip
GATED = {"silu": "swiglu", "swish": "swiglu", "gelu": "geglu"}


def load_transformers(name, *, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Build the book's own model from a folder in which transformers saved one of `FAMILIES`.

    Args:
        name: the folder; what is no folder is taken for a name on the Hugging Face hub, whose files are then
            fetched with the package `huggingface_hub` and a network.
        dtype: kind of number of the weights.

    Returns:
        A `MaskedLanguageModel` for BERT, a `LanguageModel` for the others, in evaluation mode. Its dropout is
        0, and `model.settings` rebuild it.

    Raises:
        CheckpointError: the folder is missing, damaged, pickled, of another kind of model, or has a setting
            that the book's classes do not; the message names it.
        TypeError: a `dtype` that is no kind of fraction.

    Source: Radford et al. 2019 (GPT-2); Devlin et al. 2019 (BERT); Jiang et al. 2024 (Mixtral);
    Muennighoff et al. 2024 (OLMoE); Qwen Team 2025 (Qwen3); article 5.
    """
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype={dtype!r} is no kind of fraction, such as torch.float32")
    folder = find_folder(name)
    config = Config(folder)
    family = config.choice("model_type", FAMILIES, "")
    config.require(auto_map=None, quantization_config=None)
    weights = Weights(folder)
    with torch.device("meta"):  # shapes without memory: the weights move in whole
        model, state = family(config, weights)
    weights.check_nothing_is_left()
    model.load_state_dict({key: tensor.to(dtype).contiguous() for key, tensor in state.items()}, assign=True)
    if model.settings["tie_weights"]:
        model.head.weight = model.embedding.weight
    return model.eval()


# ---- the families: settings, and which of their tensors is which of ours ----


def _gpt2(config, weights):
    d_model, vocab = config.size("n_embd", 768), config.size("vocab_size", 50257)
    max_len, d_ff = config.size("n_positions", 1024), config.size("n_inner", 4 * d_model)
    # reorder_and_upcast_attn changes the rounding alone
    config.require(add_cross_attention=False, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False)
    model = config.build(
        LanguageModel, vocab_size=vocab, d_model=d_model, num_layers=config.size("n_layer", 12),
        num_heads=config.size("n_head", 12), d_ff=d_ff, position="learned", max_len=max_len, norm="layer",
        norm_eps=config.number("layer_norm_epsilon", 1e-5), qk_norm=False, bias=True,
        activation=config.choice("activation_function", PLAIN, "gelu_new"),
        tie_weights=config.flag("tie_word_embeddings", True),
    )  # fmt: skip
    weights.rename("transformer.", "")
    weights.ignore(r"h\.\d+\.attn\.(masked_)?bias")  # the causal mask, which old files hold as a tensor
    tied = model.settings["tie_weights"]
    state = {
        "embedding.weight": weights.either("wte.weight", "lm_head.weight", vocab, d_model, tied=tied),
        "body.positions.learned.embedding.weight": weights.take("wpe.weight", max_len, d_model),
        **weights.norm("body.norm", "ln_f", d_model),
    }
    for layer in range(model.settings["num_layers"]):
        ours, theirs = f"body.blocks.{layer}", f"h.{layer}"
        # Matrices are [in, out] there, and query, key and value stand in one.
        joint = zip(
            weights.take(f"{theirs}.attn.c_attn.weight", d_model, 3 * d_model).chunk(3, dim=1),
            weights.take(f"{theirs}.attn.c_attn.bias", 3 * d_model).chunk(3),
            strict=True,
        )
        for role, (weight, bias) in zip(("query", "key", "value"), joint, strict=True):
            state[f"{ours}.attention.{role}_proj.weight"] = weight.T
            state[f"{ours}.attention.{role}_proj.bias"] = bias
        for mine, other, wide, out in (
            ("attention.out_proj", "attn.c_proj", d_model, d_model),
            ("feed_forward.in_proj", "mlp.c_fc", d_model, d_ff),
            ("feed_forward.out_proj", "mlp.c_proj", d_ff, d_model),
        ):
            state[f"{ours}.{mine}.weight"] = weights.take(f"{theirs}.{other}.weight", wide, out).T
            state[f"{ours}.{mine}.bias"] = weights.take(f"{theirs}.{other}.bias", out)
        state |= weights.norm(f"{ours}.attention_norm", f"{theirs}.ln_1", d_model)
        state |= weights.norm(f"{ours}.feed_forward_norm", f"{theirs}.ln_2", d_model)
    state |= weights.head("lm_head.weight", state["embedding.weight"], tied)
    return model, state


def _bert(config, weights):
    d_model, vocab = config.size("hidden_size", 768), config.size("vocab_size", 30522)
    config.require(is_decoder=False, add_cross_attention=False, position_embedding_type="absolute")
    model = config.build(
        MaskedLanguageModel, vocab_size=vocab, d_model=d_model,
        num_layers=config.size("num_hidden_layers", 12),
        num_heads=config.size("num_attention_heads", 12), d_ff=config.size("intermediate_size", 3072),
        max_len=config.size("max_position_embeddings", 512), num_segments=config.size("type_vocab_size", 2),
        norm_eps=config.number("layer_norm_eps", 1e-12),
        activation=config.choice("hidden_act", PLAIN, "gelu"),
        tie_weights=config.flag("tie_word_embeddings", True),
    )  # fmt: skip
    own = model.settings
    d_ff, tied = own["d_ff"], own["tie_weights"]
    weights.rename("LayerNorm.gamma", "LayerNorm.weight")  # as in the first files
    weights.rename("LayerNorm.beta", "LayerNorm.bias")
    # the other head, for the next sentence; positions that old files hold as a tensor
    weights.ignore(r"bert\.pooler\..*", r"cls\.seq_relationship\..*", r"bert\.embeddings\.position_ids")
    head, inner = "cls.predictions", "bert.embeddings"
    state = {
        "embedding.weight": weights.either(
            f"{inner}.word_embeddings.weight", f"{head}.decoder.weight", vocab, d_model, tied=tied
        ),
        "positions.learned.embedding.weight": weights.take(
            f"{inner}.position_embeddings.weight", own["max_len"], d_model
        ),
        "segment_embedding.weight": weights.take(
            f"{inner}.token_type_embeddings.weight", own["num_segments"], d_model
        ),
        **weights.norm("embedding_norm", f"{inner}.LayerNorm", d_model),
        **weights.linear("transform", f"{head}.transform.dense", d_model, d_model),
        **weights.norm("transform_norm", f"{head}.transform.LayerNorm", d_model),
    }
    for layer in range(own["num_layers"]):
        ours, theirs = f"encoder.layers.{layer}", f"bert.encoder.layer.{layer}"
        for mine, other, wide, out in (
            ("attention.query_proj", "attention.self.query", d_model, d_model),
            ("attention.key_proj", "attention.self.key", d_model, d_model),
            ("attention.value_proj", "attention.self.value", d_model, d_model),
            ("attention.out_proj", "attention.output.dense", d_model, d_model),
            ("feed_forward.in_proj", "intermediate.dense", d_model, d_ff),
            ("feed_forward.out_proj", "output.dense", d_ff, d_model),
        ):
            state |= weights.linear(f"{ours}.{mine}", f"{theirs}.{other}", wide, out)
        state |= weights.norm(f"{ours}.attention_norm", f"{theirs}.attention.output.LayerNorm", d_model)
        state |= weights.norm(f"{ours}.feed_forward_norm", f"{theirs}.output.LayerNorm", d_model)
    bias = weights.either(f"{head}.bias", f"{head}.decoder.bias", vocab, tied=True)
    if weights.has(f"{head}.decoder.bias"):  # untied, theirs has both and adds this one
        bias = weights.take(f"{head}.decoder.bias", vocab)
    state |= weights.head(f"{head}.decoder.weight", state["embedding.weight"], tied) | {"head.bias": bias}
    return model, state


def _mixtral(config, weights):
    max_len = config.size("max_position_embeddings", 131_072)
    window = config.size("sliding_window", max_len)
    if window < max_len:
        raise config.refuse(f"sliding_window={window} is shorter than max_position_embeddings={max_len}")
    config.require(mlp_bias=False)
    weights.rename(".block_sparse_moe.", ".mlp.")
    return _mixture(
        config, weights, base=1e6, max_len=max_len, d_model=config.size("hidden_size", 4096),
        vocab_size=config.size("vocab_size", 32_000), num_layers=config.size("num_hidden_layers", 32),
        num_kv_heads=config.size("num_key_value_heads", 8), d_ff=config.size("intermediate_size", 14_336),
        num_experts=config.size("num_local_experts", 8), top_k=config.size("num_experts_per_tok", 2),
        renormalize=True, qk_norm=False, norm_eps=config.number("rms_norm_eps", 1e-5),
    )  # fmt: skip


def _olmoe(config, weights):
    config.require(clip_qkv=None)
    heads = config.size("num_attention_heads", 16)
    experts = "num_local_experts" if config.get("num_experts", None) is None else "num_experts"
    return _mixture(
        config, weights, base=1e4, heads=heads, max_len=config.size("max_position_embeddings", 4096),
        d_model=config.size("hidden_size", 2048), vocab_size=config.size("vocab_size", 50_304),
        num_layers=config.size("num_hidden_layers", 16),
        num_kv_heads=config.size("num_key_value_heads", heads), d_ff=config.size("intermediate_size", 2048),
        num_experts=config.size(experts, 64), top_k=config.size("num_experts_per_tok", 8),
        renormalize=config.flag("norm_topk_prob", False), qk_norm="rms_joint",
        norm_eps=config.number("rms_norm_eps", 1e-5),
    )  # fmt: skip


def _qwen3_moe(config, weights):
    config.require(use_sliding_window=False, decoder_sparse_step=1)
    if config.get("mlp_only_layers", []):
        raise config.refuse("mlp_only_layers: the book has experts in every layer or in none")
    experts = "num_local_experts" if config.get("num_experts", None) is None else "num_experts"
    return _mixture(
        config, weights, base=1e4, max_len=config.size("max_position_embeddings", 32_768),
        d_model=config.size("hidden_size", 2048), vocab_size=config.size("vocab_size", 151_936),
        num_layers=config.size("num_hidden_layers", 24), num_kv_heads=config.size("num_key_value_heads", 4),
        d_ff=config.size("moe_intermediate_size", 768), num_experts=config.size(experts, 128),
        top_k=config.size("num_experts_per_tok", 8), renormalize=config.flag("norm_topk_prob", False),
        qk_norm="rms", norm_eps=config.number("rms_norm_eps", 1e-6),
    )  # fmt: skip


def _mixture(config, weights, *, base, d_model, num_experts, top_k, renormalize, heads=None, **settings):
    """What the decoders with experts have in common: `base` of positions and the sizes are their own."""
    heads = heads or config.size("num_attention_heads", 32)
    if num_experts == 1:
        raise config.refuse("one expert only: a router has nothing to choose there, and the book makes none")
    config.require(attention_bias=False)
    if "head_dim" not in config.values and d_model % heads:
        raise config.refuse(f"hidden_size={d_model} is not divisible by num_attention_heads={heads}")
    head_dim = config.size("head_dim", max(1, d_model // heads))
    model = config.build(
        LanguageModel, d_model=d_model, num_heads=heads, head_dim=head_dim, num_experts=num_experts,
        moe={"top_k": top_k, "renormalize": renormalize}, position="rotary",
        position_base=_rotary_base(config, base), norm="rms", bias=False,
        activation=config.choice("hidden_act", GATED, "silu"),
        tie_weights=config.flag("tie_word_embeddings", False), **settings,
    )  # fmt: skip
    own, width, kv_width = model.settings, heads * head_dim, settings["num_kv_heads"] * head_dim
    table, tied = (own["vocab_size"], d_model), own["tie_weights"]
    state = {
        "embedding.weight": weights.either("model.embed_tokens.weight", "lm_head.weight", *table, tied=tied),
        "body.norm.weight": weights.take("model.norm.weight", d_model),
    }
    matrices = [
        ("attention_norm", "input_layernorm", d_model),
        ("feed_forward_norm", "post_attention_layernorm", d_model),
        ("attention.query_proj", "self_attn.q_proj", width, d_model),
        ("attention.key_proj", "self_attn.k_proj", kv_width, d_model),
        ("attention.value_proj", "self_attn.v_proj", kv_width, d_model),
        ("attention.out_proj", "self_attn.o_proj", d_model, width),
        ("feed_forward.router", "mlp.gate", num_experts, d_model),
    ]
    if own["qk_norm"]:
        sizes = (head_dim, head_dim) if own["qk_norm"] == "rms" else (width, kv_width)
        names = (("attention.query_norm", "self_attn.q_norm"), ("attention.key_norm", "self_attn.k_norm"))
        matrices += [(*pair, size) for pair, size in zip(names, sizes, strict=True)]
    for layer in range(own["num_layers"]):
        ours, theirs = f"body.blocks.{layer}", f"model.layers.{layer}"
        for mine, other, *shape in matrices:
            state[f"{ours}.{mine}.weight"] = weights.take(f"{theirs}.{other}.weight", *shape)
        state[f"{ours}.feed_forward.balancing_bias"] = torch.zeros(num_experts, device="cpu")
        name = f"{theirs}.mlp.experts"
        for expert, parts in enumerate(_experts(weights, name, num_experts, d_model, own["d_ff"])):
            for role, matrix in zip(("gate", "in", "out"), parts, strict=True):
                state[f"{ours}.feed_forward.experts.{expert}.{role}_proj.weight"] = matrix
    state |= weights.head("lm_head.weight", state["embedding.weight"], tied)
    return model, state


def _rotary_base(config, usual):
    """The base of the rotary positions: with the other settings of theirs, beside them, or the usual one."""
    name = "rope_scaling" if config.get("rope_scaling", None) else "rope_parameters"
    rope = config.get(name, {})
    if not isinstance(rope, dict):
        raise config.refuse(f"{name}={rope!r} cannot be expressed: only plain rotary can")
    base = rope.get("rope_theta", config.get("rope_theta", usual))
    kind = rope.get("rope_type", rope.get("type", "default"))
    share = rope.get("partial_rotary_factor", config.get("partial_rotary_factor", 1.0))
    plain = {"rope_theta", "rope_type", "type", "partial_rotary_factor"}
    if type(base) not in (int, float) or kind != "default" or share != 1.0 or not rope.keys() <= plain:
        raise config.refuse(f"{name}={rope!r} cannot be expressed: only plain rotary can")
    return base


def _experts(weights, name, experts, d_model, d_ff):
    """Gate, in and out matrix of every expert: stacked in one file, one by one in another."""
    if weights.has(f"{name}.gate_up_proj"):
        gate_up = weights.take(f"{name}.gate_up_proj", experts, 2 * d_ff, d_model)
        gate, up = gate_up.chunk(2, dim=1)
        return list(zip(gate, up, weights.take(f"{name}.down_proj", experts, d_model, d_ff), strict=True))
    roles = ("w1", "w3", "w2")  # Mixtral's names
    if weights.has(f"{name}.0.gate_proj.weight"):
        roles = ("gate_proj", "up_proj", "down_proj")
    shapes = ((d_ff, d_model), (d_ff, d_model), (d_model, d_ff))
    return [
        [
            weights.take(f"{name}.{expert}.{role}.weight", *shape)
            for role, shape in zip(roles, shapes, strict=True)
        ]
        for expert in range(experts)
    ]


FAMILIES = {"gpt2": _gpt2, "bert": _bert, "mixtral": _mixtral, "olmoe": _olmoe, "qwen3_moe": _qwen3_moe}
