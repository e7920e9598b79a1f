"""Weights of transformers' models in the book's classes: the same logits, clear refusals.

The models are small and random; transformers makes and saves them here. Every parameter is drawn anew, biases
and norms included, so that none can be forgotten or exchanged unseen.
"""

import json
import pickle
import shutil
import sys
import types

import pytest
import safetensors.torch
import torch
from torch import nn
from torch.testing import assert_close

from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.interop import load_transformers
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.checkpoint import CheckpointError, load_model, save_model

transformers = pytest.importorskip("transformers")
exact = {"rtol": 0, "atol": 1e-9}
VOCAB, WIDTH, SEQ = 31, 12, 9
FAMILIES = ("gpt2", "bert", "mixtral", "olmoe", "qwen3_moe")


def make(family, **changes):
    """A small random model of transformers', in float64."""
    if family == "gpt2":
        settings = {"vocab_size": VOCAB, "n_positions": 16, "n_embd": WIDTH, "n_layer": 2, "n_head": 3}
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings | changes))
    elif family == "bert":
        settings = {
            "vocab_size": VOCAB, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 3,
            "intermediate_size": 20, "max_position_embeddings": 16,
        }  # fmt: skip
        model = transformers.BertForMaskedLM(transformers.BertConfig(**settings | changes))
    else:
        settings = {
            "vocab_size": VOCAB, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 3,
            "num_key_value_heads": 1, "intermediate_size": 20, "max_position_embeddings": 64,
            "rope_parameters": {"rope_type": "default", "rope_theta": 100.0},
        }  # fmt: skip
        experts = {
            "mixtral": {"num_local_experts": 5},
            "olmoe": {"num_experts": 5, "num_experts_per_tok": 2, "pad_token_id": None, "eos_token_id": None},
            "qwen3_moe": {"num_experts": 5, "num_experts_per_tok": 2, "moe_intermediate_size": 10,
                          "head_dim": 6},
        }  # fmt: skip
        kind = {"mixtral": "Mixtral", "olmoe": "Olmoe", "qwen3_moe": "Qwen3Moe"}[family]
        config = getattr(transformers, f"{kind}Config")(**settings | experts[family] | changes)
        config._experts_implementation = "eager"  # the grouped one does not take float64
        model = getattr(transformers, f"{kind}ForCausalLM")(config)
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.double().eval()


def tokens(seed=1):
    return torch.randint(VOCAB, (3, SEQ), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def in_double(monkeypatch):
    """transformers computes Mixtral's norms, angles and router in float32, whatever the model is in.

    Here its float32 is float64, from the making of the model on.
    """
    monkeypatch.setattr(torch, "float32", torch.float64)
    monkeypatch.setattr(torch, "float", torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved folder of each family, to be copied and damaged."""
    folders = {}
    for family in FAMILIES:
        folders[family] = tmp_path_factory.mktemp(family)
        make(family).save_pretrained(folders[family])
    return folders


# ---- the same logits ----

GPT2_CASES = [
    {}, {"tie_word_embeddings": False}, {"activation_function": "relu", "n_inner": 20},
    {"activation_function": "gelu"}, {"layer_norm_epsilon": 0.1},
]  # fmt: skip
BERT_CASES = [
    {}, {"tie_word_embeddings": False}, {"hidden_act": "gelu_new", "type_vocab_size": 3},
    {"layer_norm_eps": 0.1},
]  # fmt: skip
MIXTRAL_CASES = [
    {}, {"tie_word_embeddings": True}, {"num_key_value_heads": 3, "num_experts_per_tok": 1},
    {"rms_norm_eps": 0.1}, {"hidden_act": "gelu", "num_experts_per_tok": 4}, {"sliding_window": 64},
    {"head_dim": 4},
    {"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
]  # fmt: skip


@pytest.mark.parametrize("changes", GPT2_CASES, ids=str)
def test_gpt2_gives_the_same_logits(tmp_path, changes):
    theirs = make("gpt2", **changes)
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path, dtype=torch.float64)
    assert isinstance(ours, LanguageModel)
    assert not ours.training
    with torch.no_grad():
        assert_close(ours(tokens()), theirs(tokens()).logits, **exact)
    assert (ours.head.weight is ours.embedding.weight) == theirs.config.tie_word_embeddings


@pytest.mark.parametrize("changes", BERT_CASES, ids=str)
def test_bert_gives_the_same_logits(tmp_path, changes):
    theirs = make("bert", **changes)
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path, dtype=torch.float64)
    assert isinstance(ours, MaskedLanguageModel)
    keep = torch.arange(SEQ) < torch.tensor([[9], [4], [1]])
    segments = (torch.arange(SEQ) > 3).long().expand(3, -1)
    with torch.no_grad():
        for padding, kinds in ((None, None), (keep, None), (None, segments), (keep, segments)):
            mask = None if padding is None else padding.long()
            expected = theirs(tokens(), attention_mask=mask, token_type_ids=kinds, output_hidden_states=True)
            assert_close(ours(tokens(), padding, kinds), expected.logits, **exact)
            assert_close(ours.encode(tokens(), padding, kinds), expected.hidden_states[-1], **exact)
    assert (ours.head.weight is ours.embedding.weight) == theirs.config.tie_word_embeddings


@pytest.mark.parametrize("changes", MIXTRAL_CASES, ids=str)
def test_mixtral_gives_the_same_logits(tmp_path, changes, in_double):
    theirs = make("mixtral", **changes)
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path, dtype=torch.float64)
    with torch.no_grad():
        assert_close(ours(tokens()), theirs(tokens()).logits, **exact)
    assert (ours.head.weight is ours.embedding.weight) == theirs.config.tie_word_embeddings


OTHER_MIXTURES = [
    ("olmoe", {}), ("olmoe", {"norm_topk_prob": True, "num_key_value_heads": 3}),
    ("olmoe", {"tie_word_embeddings": True, "num_experts_per_tok": 1, "rms_norm_eps": 0.1}),
    ("qwen3_moe", {}), ("qwen3_moe", {"norm_topk_prob": True, "head_dim": 4}),
    ("qwen3_moe", {"tie_word_embeddings": True, "num_experts_per_tok": 4, "hidden_act": "gelu"}),
]  # fmt: skip


@pytest.mark.parametrize(("family", "changes"), OTHER_MIXTURES, ids=str)
def test_olmoe_and_qwen3_give_the_same_logits(tmp_path, family, changes, in_double):
    theirs = make(family, **changes)
    theirs.save_pretrained(tmp_path)
    ours = load_transformers(tmp_path, dtype=torch.float64)
    with torch.no_grad():
        assert_close(ours(tokens()), theirs(tokens()).logits, **exact)
    assert ours.blocks[0].attention.qk_norm == {"olmoe": "rms_joint", "qwen3_moe": "rms"}[family]
    again = LanguageModel(**ours.settings).double().eval()
    again.load_state_dict(ours.state_dict())
    assert_close(again(tokens()), ours(tokens()), **exact)


@pytest.mark.parametrize("family", ["mixtral", "olmoe", "qwen3_moe"])
def test_a_mixture_as_transformers_runs_it_differs_by_its_rounding_alone(tmp_path, family):
    theirs = make(family)
    theirs.save_pretrained(tmp_path)
    with torch.no_grad():
        ours = load_transformers(tmp_path, dtype=torch.float64)
        assert_close(ours(tokens()), theirs(tokens()).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_is_what_comes_by_default(saved, family):
    model = load_transformers(saved[family])
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}
    assert all(parameter.requires_grad for parameter in model.parameters())
    expected = load_transformers(saved[family], dtype=torch.float64)(tokens())
    assert_close(model(tokens()).double(), expected, rtol=0, atol=1e-3)


def test_a_loaded_model_writes_with_a_cache_what_it_writes_without(saved):
    for family in ("gpt2", "mixtral", "olmoe", "qwen3_moe"):
        model = load_transformers(saved[family], dtype=torch.float64)
        prompt = tokens()[:1, :4]
        written = model.generate(prompt, 6, temperature=0)
        for _ in range(6):
            prompt = torch.cat((prompt, model(prompt)[:, -1].argmax(-1, keepdim=True)), dim=1)
        assert torch.equal(written, prompt)


@pytest.mark.parametrize("family", FAMILIES)
def test_loading_leaves_the_random_numbers_alone_and_a_loaded_model_trains(saved, family):
    state = torch.get_rng_state()
    model = load_transformers(saved[family], dtype=torch.float64).train()
    assert torch.equal(state, torch.get_rng_state())
    model(tokens()).square().mean().backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_our_file_of_a_loaded_model_is_read_by_us_and_by_plain_safetensors(saved, family, tmp_path):
    model = load_transformers(saved[family], dtype=torch.float64)
    save_model(tmp_path / "ours.safetensors", model)
    found = load_model(tmp_path / "ours.safetensors", type(model))
    assert_close(found(tokens()), model(tokens()), **exact)
    plain = safetensors.torch.load_file(tmp_path / "ours.safetensors")
    state = model.state_dict()
    assert set(state) - set(plain) <= {"head.weight"}
    assert all(torch.equal(tensor, state[name]) for name, tensor in plain.items())


# ---- the forms in which such folders come ----


def rewrite(folder, change):
    """Apply `change` to the tensors of a folder, as a dict."""
    path = folder / "model.safetensors"
    safetensors.torch.save_file(change(safetensors.torch.load_file(path)), path)


def configure(folder, **changes):
    """Change settings of a folder; None takes one out."""
    path = folder / "config.json"
    settings = {k: v for k, v in (json.loads(path.read_text()) | changes).items() if v is not None}
    path.write_text(json.dumps(settings))


@pytest.fixture
def copies(saved, tmp_path):
    """A fresh copy of a family's folder, and the logits of the original."""

    def copy(family):
        folder = tmp_path / family
        shutil.copytree(saved[family], folder)
        return folder, load_transformers(saved[family], dtype=torch.float64)(tokens())

    return copy


def same_logits(folder, expected):
    return load_transformers(folder, dtype=torch.float64)(tokens()).allclose(expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_shards(family, tmp_path, saved):
    make(family).save_pretrained(tmp_path, max_shard_size="6KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    assert not (tmp_path / "model.safetensors").exists()
    assert same_logits(str(tmp_path), load_transformers(saved[family], dtype=torch.float64)(tokens()))


def test_experts_one_by_one_or_stacked(copies):
    folder, expected = copies("mixtral")
    stacked = {name: tensor.clone() for name, tensor in make("mixtral").state_dict().items()}
    assert stacked["model.layers.0.mlp.experts.gate_up_proj"].shape == (5, 40, WIDTH)
    rewrite(folder, lambda tensors: stacked)
    assert same_logits(folder, expected)
    stacked["model.layers.1.mlp.experts.down_proj"] = stacked["model.layers.1.mlp.experts.down_proj"][
        :4
    ].clone()
    rewrite(folder, lambda tensors: stacked)
    with pytest.raises(
        CheckpointError, match=r"experts.down_proj has shape \[4, 12, 20\] in the file, \[5, 12, 20\]"
    ):
        load_transformers(folder)


def test_the_first_gpt2_files(copies):
    folder, expected = copies("gpt2")

    def old(tensors):
        plain = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}
        mask = torch.ones(16, 16, dtype=torch.bool).tril()[None, None]
        return plain | {"h.0.attn.bias": mask, "h.1.attn.masked_bias": torch.tensor(-1e4)}

    rewrite(folder, old)
    configure(
        folder, tie_word_embeddings=None, activation_function=None, layer_norm_epsilon=None, n_inner=None
    )
    assert same_logits(folder, expected)


def test_the_first_bert_files(copies):
    folder, expected = copies("bert")

    def old(tensors):
        names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        renamed = {}
        for name, tensor in tensors.items():
            for new, first in names.items():
                name = name.replace(new, first)
            renamed[name] = tensor
        renamed["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
        more = {
            "bert.pooler.dense.weight": torch.ones(WIDTH, WIDTH),
            "cls.seq_relationship.bias": torch.ones(2),
        }
        return renamed | more | {"bert.embeddings.position_ids": torch.arange(16)[None]}

    rewrite(folder, old)
    assert same_logits(folder, expected)
    name = "cls.predictions.decoder.weight"
    rewrite(folder, lambda tensors: tensors | {name: tensors[name] + 1})
    with pytest.raises(CheckpointError, match=f"ties {name} to the embedding, in the file they differ"):
        load_transformers(folder)


def test_the_first_mixtral_settings(copies):
    folder, expected = copies("mixtral")
    configure(folder, rope_parameters=None, rope_theta=100.0, rope_scaling=None, head_dim=None)
    assert same_logits(folder, expected)
    configure(folder, rope_theta=101.0)
    assert not same_logits(folder, expected)


def test_plain_rotary_positions_in_all_words_that_say_so(copies):
    """The base may stand beside `rope_parameters`, and the kind under its old name; as in transformers."""
    folder, expected = copies("mixtral")
    plain = {"rope_scaling": None, "rope_theta": None}
    for settings in (
        {"rope_parameters": {"rope_type": "default"}, "rope_theta": 100.0},
        {"rope_parameters": {"type": "default", "rope_theta": 100}},
        {"rope_parameters": None, "rope_scaling": {"rope_type": "default"}, "rope_theta": 100.0},
        {"rope_parameters": None, "rope_scaling": {"type": "default"}, "rope_theta": 100.0},
        {"rope_parameters": {"rope_theta": 7.0}, "rope_scaling": {"type": "default", "rope_theta": 100.0}},
        {"rope_parameters": {}, "rope_theta": 100.0},
    ):
        configure(folder, **plain | settings)
        assert same_logits(folder, expected), settings
        theirs = transformers.AutoConfig.from_pretrained(folder).rope_parameters
        assert (theirs["rope_theta"], theirs["rope_type"]) == (100.0, "default"), settings
    configure(folder, **plain | {"rope_parameters": {"rope_type": "default"}, "rope_theta": 500.0})
    assert load_transformers(folder).settings["position_base"] == 500.0
    configure(folder, **plain | {"rope_parameters": {"rope_type": "default"}})
    assert load_transformers(folder).settings["position_base"] == 1e6


TIED = [
    ("gpt2", "transformer.wte.weight", "lm_head.weight"),
    ("mixtral", "model.embed_tokens.weight", "lm_head.weight"),
    ("olmoe", "model.embed_tokens.weight", "lm_head.weight"),
    ("bert", "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
    ("bert", "cls.predictions.bias", "cls.predictions.decoder.bias"),
]


@pytest.mark.parametrize(("family", "name", "other"), TIED)
def test_tied_weights_under_either_name(tmp_path, family, name, other):
    """`safetensors.torch.save_model` keeps one of two names, and not always the one that we would."""
    make(family, tie_word_embeddings=True).save_pretrained(tmp_path)
    expected = load_transformers(tmp_path, dtype=torch.float64)(tokens())

    def renamed(tensors):
        rest = {key: tensor for key, tensor in tensors.items() if key not in (name, other)}
        return rest | {other: tensors[name]}

    rewrite(tmp_path, renamed)
    assert same_logits(tmp_path, expected)
    rewrite(tmp_path, lambda tensors: tensors | {name: tensors[other].clone()})
    assert same_logits(tmp_path, expected)
    rewrite(tmp_path, lambda tensors: {key: tensors[key] for key in tensors if key not in (name, other)})
    with pytest.raises(CheckpointError, match=f"it lacks {name.removeprefix('transformer.')}"):
        load_transformers(tmp_path)


def test_what_safetensors_own_save_model_writes(tmp_path):
    for family in ("gpt2", "mixtral"):
        theirs = make(family, tie_word_embeddings=True)
        theirs.save_pretrained(tmp_path)
        expected = load_transformers(tmp_path, dtype=torch.float64)(tokens())
        safetensors.torch.save_model(theirs, str(tmp_path / "model.safetensors"))
        assert same_logits(tmp_path, expected)


# ---- refusals ----

SETTINGS = [
    ("gpt2", {"model_type": "llama"}, "model_type='llama' is not one of gpt2, bert, mixtral, olmoe"),
    ("gpt2", {"model_type": None}, "model_type='' is not one of"),
    ("gpt2", {"auto_map": {"AutoModel": "mine.Model"}}, "auto_map=.*mine.Model.* cannot be expressed"),
    ("gpt2", {"quantization_config": {"bits": 4}}, "quantization_config=.*cannot be expressed"),
    ("gpt2", {"activation_function": "mish"}, "activation_function='mish' is not one of gelu, gelu_new"),
    ("gpt2", {"activation_function": ["gelu"]}, r"activation_function=\['gelu'\] is not one of"),
    ("gpt2", {"scale_attn_weights": False}, "scale_attn_weights=False cannot be .*the book has .*=True"),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx=True cannot"),
    ("gpt2", {"add_cross_attention": True}, "add_cross_attention=True cannot"),
    ("gpt2", {"n_embd": "12"}, "n_embd='12' must be a whole number from 1 up"),
    ("gpt2", {"n_layer": 0}, "n_layer=0 must be a whole number"),
    ("gpt2", {"n_layer": True}, "n_layer=True must be a whole number"),
    ("gpt2", {"n_head": 5}, "d_model=12 is not divisible by num_heads=5"),
    ("gpt2", {"layer_norm_epsilon": 0}, "layer_norm_epsilon=0 must be a positive number"),
    ("gpt2", {"tie_word_embeddings": "yes"}, "tie_word_embeddings='yes' must be true or false"),
    ("gpt2", {"tie_word_embeddings": False}, "it lacks lm_head.weight"),
    ("gpt2", {"n_layer": 3}, "it lacks h.2.attn.c_attn.weight"),
    ("gpt2", {"n_layer": 1}, r"it holds h.1.attn.c_attn.bias, .*, \.\.\., which the model has not"),
    ("gpt2", {"n_positions": 8}, r"wpe.weight has shape \[16, 12\] in the file, \[8, 12\] by the settings"),
    ("bert", {"is_decoder": True}, "is_decoder=True cannot"),
    ("bert", {"add_cross_attention": True}, "add_cross_attention=True cannot"),
    ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type='relative_key' cannot"),
    ("bert", {"hidden_act": "silu"}, "hidden_act='silu' is not one of gelu"),
    ("bert", {"vocab_size": 32}, r"word_embeddings.weight has shape \[31, 12\] in the file, \[32, 12\]"),
    ("bert", {"tie_word_embeddings": False}, "it lacks cls.predictions.decoder.weight"),
    ("mixtral", {"sliding_window": 63}, "sliding_window=63 is shorter than max_position_embeddings=64"),
    ("mixtral", {"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling=.*cannot"),
    ("mixtral", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "rope_parameters=.*yarn"),
    ("mixtral", {"rope_parameters": {"rope_theta": 1e4, "factor": 4.0}}, "rope_parameters=.*factor"),
    ("mixtral", {"rope_parameters": {"partial_rotary_factor": 0.5}}, "rope_parameters=.*0.5"),
    ("mixtral", {"rope_parameters": [1]}, r"rope_parameters=\[1\] cannot"),
    ("mixtral", {"rope_parameters": {"rope_theta": 0.5}}, "base=0.5 must be above 1"),
    ("mixtral", {"head_dim": 8}, r"q_proj.weight has shape \[12, 12\] in the file, \[24, 12\] by"),
    ("mixtral", {"hidden_act": "relu"}, "hidden_act='relu' is not one of silu"),
    ("mixtral", {"attention_bias": True}, "attention_bias=True cannot"),
    ("mixtral", {"num_experts_per_tok": 6}, "top_k=6"),
    ("mixtral", {"num_key_value_heads": 2}, "num_heads=3 is not divisible by num_kv_heads=2"),
    ("mixtral", {"num_local_experts": 6}, "mlp.gate.weight has shape|it lacks model.layers.0.mlp.experts.5"),
    ("mixtral", {"num_local_experts": 1}, "one expert only: a router has nothing to choose there"),
    ("olmoe", {"num_experts": 1}, "one expert only"),
    ("olmoe", {"clip_qkv": 8.0}, "clip_qkv=8.0 cannot be expressed"),
    ("olmoe", {"num_experts": 6}, "mlp.gate.weight has shape"),
    ("qwen3_moe", {"mlp_only_layers": [0]}, "mlp_only_layers: the book has experts in every layer or"),
    ("qwen3_moe", {"decoder_sparse_step": 2}, "decoder_sparse_step=2 cannot"),
    ("qwen3_moe", {"use_sliding_window": True}, "use_sliding_window=True cannot"),
    ("qwen3_moe", {"head_dim": 5}, "head_dim=5 must be even|even"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "changes", "words"), SETTINGS, ids=str)
def test_what_cannot_be_expressed_or_does_not_fit_is_refused_in_words(copies, family, changes, words):
    folder, _ = copies(family)
    configure(folder, **changes)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_transformers(folder)
    assert str(folder) in str(caught.value)


def refusal(folder):
    with pytest.raises(CheckpointError) as caught:
        load_transformers(folder)
    assert str(folder) in str(caught.value)
    return str(caught.value)


class Malicious:
    """Unpickling this creates a file: the proof that something ran."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (open, (self.trace, "w"))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.safetensors"])
@pytest.mark.parametrize("kind", ["zip", "pickle"])
def test_pickles_are_refused_and_run_nothing(copies, tmp_path, name, kind):
    folder, _ = copies("gpt2")
    (folder / "model.safetensors").unlink()
    trace = tmp_path / "trace"
    if kind == "zip":
        torch.save({"wte.weight": Malicious(trace)}, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(Malicious(trace)))
    message = refusal(folder)
    assert name in message
    assert "pickle, which can run any code" in message
    assert not trace.exists()


# ---- names on the hub ----


def test_a_name_on_the_hub_is_fetched_without_pickles(saved, monkeypatch):
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(saved["gpt2"])

    monkeypatch.setitem(
        sys.modules, "huggingface_hub", types.SimpleNamespace(snapshot_download=snapshot_download)
    )
    assert isinstance(load_transformers("someone/some-model.v1"), LanguageModel)
    assert isinstance(load_transformers("gpt2"), LanguageModel)
    assert [name for name, _ in asked] == ["someone/some-model.v1", "gpt2"]
    assert not any("bin" in pattern or pattern == "*" for _, patterns in asked for pattern in patterns)


def test_reading_a_folder_needs_neither_transformers_nor_the_hub(saved, monkeypatch):
    for name in ("transformers", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, name, None)
    for family in FAMILIES:
        load_transformers(saved[family])


@pytest.mark.parametrize("dtype", [torch.int8, "float32", None])
def test_a_kind_of_number_that_holds_no_weights_is_refused(tmp_path, dtype):
    with pytest.raises(TypeError, match="is no kind of fraction"):
        load_transformers(tmp_path, dtype=dtype)
