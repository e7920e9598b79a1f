"""The book's language models as transformers, vLLM and SGLang load them (chapter 5).

The way back from `interop.py`. A model is written as the architecture that computes the same thing:

    learned positions, layer norm                                        GPT-2
    rotary positions, RMS norm, SwiGLU                                   Llama, with experts Mixtral
    rotary positions, layer norm, norm of queries and keys (usual here)  Persimmon

Where theirs has a bias and ours none, zeros are written. What matters in training alone (dropout, noise, an
expert's capacity) is left out. What none of them computes is refused by name.
"""

import json
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from llmasos_edu.foundation.files import write_atomically
from llmasos_edu.layers.moe import MoE
from llmasos_edu.models.language_model import LanguageModel

ACTIVATIONS = {"gelu": "gelu", "gelu_tanh": "gelu_new", "relu": "relu", "squared_relu": "relu2"}
QK_NORM_EPS = 1e-5  # of torch's layer_norm, with which queries and keys are normed here
PERSIMMON_PARTS = {
    "attention_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm",
    "attention.out_proj": "self_attn.dense", "feed_forward.in_proj": "mlp.dense_h_to_4h",
    "feed_forward.out_proj": "mlp.dense_4h_to_h",
}  # fmt: skip
LLAMA_PARTS = {
    "attention_norm": "input_layernorm", "feed_forward_norm": "post_attention_layernorm",
    "attention.query_proj": "self_attn.q_proj", "attention.key_proj": "self_attn.k_proj",
    "attention.value_proj": "self_attn.v_proj", "attention.out_proj": "self_attn.o_proj",
}  # fmt: skip
LLAMA_NETWORK = {
    "feed_forward.gate_proj": "mlp.gate_proj", "feed_forward.in_proj": "mlp.up_proj",
    "feed_forward.out_proj": "mlp.down_proj",
}  # fmt: skip
MIXTRAL_EXPERT = {"gate_proj": "w1", "in_proj": "w3", "out_proj": "w2"}


class ExportError(ValueError):
    """No architecture of transformers' computes what this model does; the message says where they part."""


def save_transformers(model: LanguageModel, folder: str | Path, *, tokenizer=None) -> str:
    """Write a model as `config.json` and `model.safetensors`, from which transformers makes an equal one.

    In float64 the logits part by what transformers computes in float32 all the same. Rotary angles, and
    Mixtral's router, cost 1e-8 to 8e-8; the norms of Llama and Mixtral 1e-7 to 4e-7 with logits of about 2.
    Where its float32 is made float64, the two are equal to 1e-9.

    Args:
        model: a `LanguageModel`; its weights keep their kind of number.
        folder: made where it is missing; each file replaces an old one whole.
        tokenizer: a `BytePairTokenizer`, written beside it as `tokenizer.json`.

    Returns:
        the name of the architecture, such as `PersimmonForCausalLM`.

    Raises:
        ExportError: a setting, or a part changed since, that their architectures do not have; all are named.
        OSError: the folder cannot be written.

    Source: Radford et al. 2019 (GPT-2); Touvron et al. 2023 (Llama); Jiang et al. 2024 (Mixtral); Elsen et
    al. 2023 (Persimmon); article 5.
    """
    family = _family(model)
    _check_is_plain(model)
    if tokenizer is not None:
        _check_fits(tokenizer, model)
    config, tensors = family(model)
    config = _common(model) | config
    folder = Path(folder)
    if tokenizer is not None:
        write_atomically(folder / "tokenizer.json", tokenizer.library.to_str(pretty=True).encode())
        about = {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
        write_atomically(folder / "tokenizer_config.json", (json.dumps(about, indent=2) + "\n").encode())
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    raw = safetensors.torch.save(tensors, {"format": "pt"})
    write_atomically(folder / "model.safetensors", raw)
    write_atomically(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    return config["architectures"][0]


# ---- at the door ----


def _family(model: LanguageModel):
    """The nearest architecture, once all that it does not have has been ruled out."""
    if not isinstance(model, LanguageModel):
        raise ExportError(f"a {type(model).__name__} is no LanguageModel: only those are written")
    own = model.settings | {"activation": _activation(model)}
    one_network = {"norm": ("layer",), "num_experts": (1,), "num_kv_heads": (None, own["num_heads"]),
                   "activation": tuple(ACTIVATIONS)}  # fmt: skip
    gated = {"norm": ("rms",), "position": ("rotary",), "activation": ("swiglu",), "qk_norm": (False,)}
    if own["num_experts"] > 1:
        name, family, theirs = "Mixtral", _mixtral, gated | {"bias": (False,)}
    elif own["norm"] == "rms":
        name, family, theirs = "Llama", _llama, gated
    elif own["position"] == "learned":
        name, family, theirs = "GPT-2", _gpt2, one_network | {"qk_norm": (False,)}
    else:
        # One eps serves all norms there.
        other = {"position": ("rotary",), "qk_norm": (True,), "norm_eps": (None, QK_NORM_EPS)}
        name, family, theirs = "Persimmon", _persimmon, one_network | other
    differs = [_difference(key, own[key], theirs[key]) for key in theirs if own[key] not in theirs[key]]
    differs += ["d_ff=0 (there above 0)"] * (own["d_ff"] == 0) + _unlike_mixtral(model.blocks[0].feed_forward)
    if differs:
        raise ExportError(
            f"no architecture of transformers' equals this model. {name}, the nearest, differs in "
            + ", ".join(differs)
        )
    return family


def _activation(model: LanguageModel) -> str:
    """That of the networks: experts may have one of their own."""
    return (model.settings["moe"] or {}).get("activation", model.settings["activation"])


def _difference(name: str, here, there: tuple) -> str:
    return f"{name}={here!r} (there {' or '.join(map(repr, there))})"


def _unlike_mixtral(mixture) -> list[str]:
    """What a mixture does in evaluation that Mixtral's does not; nothing where there are no experts."""
    if not isinstance(mixture, MoE):
        return []
    found = {
        "renormalize": (mixture.renormalize, True), "num_shared": (len(mixture.shared_experts), 0),
        "choice": (mixture.choice, "token"), "eval_capacity_factor": (mixture.eval_capacity_factor, None),
    }  # fmt: skip
    return [_difference(name, here, (there,)) for name, (here, there) in found.items() if here != there]


def _check_fits(tokenizer, model: LanguageModel) -> None:
    """Refuse a tokenizer that cannot be written, or whose tokens the model does not know."""
    if not hasattr(tokenizer, "library"):
        raise ExportError(f"a {type(tokenizer).__name__} cannot be written: give a BytePairTokenizer")
    if tokenizer.vocab_size > model.vocab_size:
        raise ExportError(
            f"the tokenizer has {tokenizer.vocab_size} tokens, the model knows {model.vocab_size}"
        )


def _check_is_plain(model: LanguageModel) -> None:
    """Refuse a model that is no longer what its settings say."""
    with torch.device("meta"):
        names = LanguageModel(**model.settings).state_dict().keys()
    extra = sorted(model.state_dict().keys() ^ names)
    if extra:
        raise ExportError(f"the model was changed since it was made ({extra[0]}): merge its adapters first")
    rotary = model.body.positions.rotary
    if rotary is not None and (rotary.scale != 1 or rotary.layout != "halves"):
        here = f"scale={rotary.scale} and layout={rotary.layout!r}"
        raise ExportError(f"rotary positions with {here}, there 1 and 'halves'")
    for layer, block in enumerate(model.blocks):
        bias = getattr(block.feed_forward, "balancing_bias", None)
        if bias is not None and bias.count_nonzero():
            raise ExportError(f"layer {layer} chooses experts with a balancing bias, which Mixtral has not")


# ---- settings and tensors ----


def _common(model: LanguageModel) -> dict:
    """What every `config.json` says."""
    dtype = str(model.embedding.weight.dtype).removeprefix("torch.")
    return {
        "torch_dtype": dtype, "vocab_size": model.vocab_size, "bos_token_id": None, "eos_token_id": None,
        "pad_token_id": None, "use_cache": True,
    }  # fmt: skip


def _sizes(model: LanguageModel) -> dict:
    """The sizes as all families but GPT-2 name them."""
    own, block = model.settings, model.blocks[0]
    network = getattr(block.feed_forward, "experts", [block.feed_forward])[0]
    base = float(own["position_base"])
    return {
        "hidden_size": own["d_model"], "intermediate_size": network.in_proj.out_features,
        "num_hidden_layers": own["num_layers"], "num_attention_heads": own["num_heads"],
        "max_position_embeddings": own["max_len"], "attention_dropout": 0.0,
        "rope_theta": base, "rope_parameters": {"rope_type": "default", "rope_theta": base},
    }  # fmt: skip


def _linear(state: dict, ours: str, theirs: str) -> dict[str, Tensor]:
    """Weight and bias of a linear map or a norm; zeros for a bias that we do not have."""
    weight = state[f"{ours}.weight"]
    bias = state.get(f"{ours}.bias")
    return {
        f"{theirs}.weight": weight,
        f"{theirs}.bias": weight.new_zeros(len(weight)) if bias is None else bias,
    }


def _renamed(state: dict, ours: str, theirs: str) -> dict[str, Tensor]:
    """Weight, and bias where there is one."""
    return {
        f"{theirs}.{kind}": state[f"{ours}.{kind}"]
        for kind in ("weight", "bias")
        if f"{ours}.{kind}" in state
    }


def _gpt2(model: LanguageModel):
    own, state = model.settings, model.state_dict()
    config = {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": own["d_model"],
        "n_layer": own["num_layers"], "n_head": own["num_heads"], "n_positions": own["max_len"],
        "n_inner": model.blocks[0].feed_forward.in_proj.out_features,
        "layer_norm_epsilon": model.body.norm.eps,
        "activation_function": ACTIVATIONS[own["activation"]], "tie_word_embeddings": own["tie_weights"],
        "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0,
    }  # fmt: skip
    tensors = {
        "transformer.wte.weight": state["embedding.weight"],
        "transformer.wpe.weight": state["body.positions.learned.embedding.weight"],
        **_linear(state, "body.norm", "transformer.ln_f"),
    }
    if not own["tie_weights"]:
        tensors["lm_head.weight"] = state["head.weight"]
    for layer in range(own["num_layers"]):
        ours, theirs = f"body.blocks.{layer}", f"transformer.h.{layer}"
        joint = [_linear(state, f"{ours}.attention.{role}_proj", "") for role in ("query", "key", "value")]
        maps = {
            "attn.c_attn.weight": torch.cat([one[".weight"] for one in joint]),
            "attn.c_attn.bias": torch.cat([one[".bias"] for one in joint]),
            **_linear(state, f"{ours}.attention.out_proj", "attn.c_proj"),
            **_linear(state, f"{ours}.feed_forward.in_proj", "mlp.c_fc"),
            **_linear(state, f"{ours}.feed_forward.out_proj", "mlp.c_proj"),
        }
        # Matrices are [in, out] there.
        tensors |= {
            f"{theirs}.{name}": tensor.T if tensor.ndim == 2 else tensor for name, tensor in maps.items()
        }
        tensors |= _linear(state, f"{ours}.attention_norm", f"{theirs}.ln_1")
        tensors |= _linear(state, f"{ours}.feed_forward_norm", f"{theirs}.ln_2")
    return config, tensors


def _persimmon(model: LanguageModel):
    own, state = model.settings, model.state_dict()
    config = _sizes(model) | {
        "model_type": "persimmon", "architectures": ["PersimmonForCausalLM"], "qk_layernorm": True,
        "layer_norm_eps": QK_NORM_EPS, "hidden_act": ACTIVATIONS[own["activation"]], "hidden_dropout": 0.0,
        "partial_rotary_factor": 1.0, "tie_word_embeddings": False,
    }  # fmt: skip
    config["rope_parameters"]["partial_rotary_factor"] = 1.0
    # Engines read a head of its own, also where ours is the embedding.
    tensors = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "lm_head.weight": state["head.weight"],
        **_linear(state, "body.norm", "model.final_layernorm"),
    }
    heads, head_dim = own["num_heads"], own["d_model"] // own["num_heads"]
    for layer in range(own["num_layers"]):
        ours, theirs = f"body.blocks.{layer}", f"model.layers.{layer}"
        for mine, other in PERSIMMON_PARTS.items():
            tensors |= _linear(state, f"{ours}.{mine}", f"{theirs}.{other}")
        joint = [_linear(state, f"{ours}.attention.{role}_proj", "") for role in ("query", "key", "value")]
        for kind in ("weight", "bias"):
            # One head after the other, each with its query, key and value.
            parts = [one[f".{kind}"].unflatten(0, (heads, head_dim)) for one in joint]
            tensors[f"{theirs}.self_attn.query_key_value.{kind}"] = torch.stack(parts, dim=1).flatten(0, 2)
        for norm in ("q_layernorm", "k_layernorm"):
            one = state["embedding.weight"].new_ones(head_dim)
            tensors |= {f"{theirs}.self_attn.{norm}.weight": one, f"{theirs}.self_attn.{norm}.bias": 0 * one}
    return config, tensors


def _llama(model: LanguageModel):
    own = model.settings
    config, tensors = _of_rms_norm(model)
    config |= {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "attention_bias": own["bias"],
        "mlp_bias": own["bias"], "tie_word_embeddings": own["tie_weights"],
    }  # fmt: skip
    if own["tie_weights"]:
        del tensors["lm_head.weight"]
    state = model.state_dict()
    for layer in range(own["num_layers"]):
        for mine, other in LLAMA_NETWORK.items():
            tensors |= _renamed(state, f"body.blocks.{layer}.{mine}", f"model.layers.{layer}.{other}")
    return config, tensors


def _mixtral(model: LanguageModel):
    own, state = model.settings, model.state_dict()
    config, tensors = _of_rms_norm(model)
    config |= {
        "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "sliding_window": None,
        "num_local_experts": own["num_experts"], "num_experts_per_tok": model.blocks[0].feed_forward.top_k,
        "tie_word_embeddings": False,
    }  # fmt: skip
    for layer in range(own["num_layers"]):
        ours, theirs = f"body.blocks.{layer}.feed_forward", f"model.layers.{layer}.block_sparse_moe"
        tensors[f"{theirs}.gate.weight"] = state[f"{ours}.router.weight"]
        for expert in range(own["num_experts"]):
            for mine, other in MIXTRAL_EXPERT.items():
                name = f"{theirs}.experts.{expert}.{other}.weight"
                tensors[name] = state[f"{ours}.experts.{expert}.{mine}.weight"]
    return config, tensors


def _of_rms_norm(model: LanguageModel):
    """What Llama and Mixtral share: all but the feed-forward part."""
    own, state, norm = model.settings, model.state_dict(), model.body.norm
    eps = torch.finfo(norm.weight.dtype).eps if norm.eps is None else norm.eps
    config = _sizes(model) | {
        "num_key_value_heads": own["num_kv_heads"] or own["num_heads"], "hidden_act": "silu",
        "head_dim": own["d_model"] // own["num_heads"], "rms_norm_eps": eps,
    }  # fmt: skip
    tensors = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "lm_head.weight": state["head.weight"],
        "model.norm.weight": state["body.norm.weight"],
    }
    for layer in range(own["num_layers"]):
        for mine, other in LLAMA_PARTS.items():
            tensors |= _renamed(state, f"body.blocks.{layer}.{mine}", f"model.layers.{layer}.{other}")
    return config, tensors
