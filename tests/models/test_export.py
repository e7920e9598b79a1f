"""The book's models in transformers' hands: the same logits, or a refusal that names what differs.

Every parameter is drawn anew, biases and norms included, so that none can be forgotten or exchanged unseen.
"""

import json
import os

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from llmasos_edu.learning.lora import add_lora
from llmasos_edu.models.export import ExportError, save_transformers
from llmasos_edu.models.interop import load_transformers
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load
from llmasos_edu.text.tokenizer import BytePairTokenizer

transformers = pytest.importorskip("transformers")
VOCAB, WIDTH, SEQ = 31, 12, 9
LEARNED = {"position": "learned", "qk_norm": False, "max_len": 16}
GATED = {"norm": "rms", "activation": "swiglu", "qk_norm": False}
EXPERTS = GATED | {"num_experts": 5, "d_ff": 20, "num_kv_heads": 1}
MODELS = {
    "GPT2LMHeadModel": [
        LEARNED | {"bias": True, "activation": "gelu_tanh", "norm_eps": 1e-3},
        LEARNED | {"tie_weights": True, "activation": "gelu", "d_ff": 20},
        LEARNED | {"activation": "relu"},
    ],
    "LlamaForCausalLM": [
        GATED | {"num_kv_heads": 1, "position_base": 100.0, "bias": True, "d_ff": 20},
        GATED | {"tie_weights": True, "norm_eps": 1e-2},
    ],
    "MixtralForCausalLM": [
        EXPERTS,
        EXPERTS | {"moe": {"top_k": 3, "d_ff": 7, "noisy": True}, "tie_weights": True, "position_base": 50.0},
        EXPERTS | {"activation": "relu", "moe": {"activation": "swiglu", "capacity_factor": 1.0}},
    ],
    "PersimmonForCausalLM": [
        {},
        {"bias": True, "tie_weights": True, "activation": "gelu", "position_base": 100.0, "d_ff": 20},
        {"num_kv_heads": 3, "norm_eps": 1e-5, "dropout": 0.1},
    ],
}
CASES = [(name, settings) for name, every in MODELS.items() for settings in every]


def make(**settings):
    torch.manual_seed(0)
    model = LanguageModel(VOCAB, **{"d_model": WIDTH, "num_layers": 2, "num_heads": 3} | settings)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.eval()


def tokens(rows=3, seq=SEQ):
    return torch.randint(VOCAB, (rows, seq), generator=torch.Generator().manual_seed(1))


def theirs(folder):
    """The model as transformers loads it, nothing missing and nothing left over."""
    model, about = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(about.values()), about
    model.config._experts_implementation = "eager"  # the grouped one does not take float64
    return model.eval()


@pytest.mark.parametrize(("architecture", "settings"), CASES)
def test_transformers_computes_the_same_logits(tmp_path, architecture, settings):
    model = make(**settings)
    assert save_transformers(model, tmp_path / "new" / "folder") == architecture
    found = theirs(tmp_path / "new" / "folder")
    assert type(found).__name__ == architecture
    assert_close(found(tokens()).logits, model(tokens()), rtol=0, atol=1e-5)
    assert_close(
        found.generate(tokens(), max_new_tokens=6, do_sample=False),
        model.generate(tokens(), 6, temperature=0.0),
    )


@pytest.mark.parametrize(("architecture", "settings"), CASES)
def test_in_float64_they_part_by_what_transformers_computes_in_float32(tmp_path, architecture, settings):
    model = make(**settings).double()
    save_transformers(model, tmp_path)
    found = theirs(tmp_path)
    assert found.dtype == torch.float64
    # Angles in all but GPT-2, the norms as well in Llama and Mixtral, the router's softmax in Mixtral.
    bound = {"GPT2LMHeadModel": 1e-12, "PersimmonForCausalLM": 1e-7}.get(architecture, 5e-7)
    assert_close(found(tokens()).logits, model(tokens()), rtol=0, atol=bound)


def exact_norm(self, x):
    """The RMS norm of Llama and Mixtral without the detour through float32."""
    return self.weight * x * (x.square().mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()


@pytest.mark.parametrize(("architecture", "settings"), CASES)
def test_with_their_norm_in_float64_all_stay_within_1e_7(tmp_path, monkeypatch, architecture, settings):
    from transformers.models.llama.modeling_llama import LlamaRMSNorm
    from transformers.models.mixtral.modeling_mixtral import MixtralRMSNorm

    model = make(**settings).double()
    save_transformers(model, tmp_path)
    found = theirs(tmp_path)
    rounded = (found(tokens()).logits - model(tokens())).abs().max()
    for norm in (LlamaRMSNorm, MixtralRMSNorm):
        monkeypatch.setattr(norm, "forward", exact_norm)
    left = (found(tokens()).logits - model(tokens())).abs().max()
    assert left < 1e-7
    if architecture in ("LlamaForCausalLM", "MixtralForCausalLM"):
        assert left < rounded / 3  # most of what parts us is their norm's rounding


@pytest.mark.parametrize(("architecture", "settings"), CASES)
def test_where_their_float32_is_float64_nothing_parts_them(tmp_path, monkeypatch, architecture, settings):
    model = make(**settings).double()
    expected = model(tokens())
    save_transformers(model, tmp_path)
    monkeypatch.setattr(torch, "float32", torch.float64)
    monkeypatch.setattr(torch, "float", torch.float64)
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    assert_close(theirs(tmp_path)(tokens()).logits, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("settings", [MODELS["GPT2LMHeadModel"][0], LEARNED | {"tie_weights": True}, EXPERTS])
def test_what_is_written_is_read_again_by_the_book(tmp_path, settings):
    model = make(**settings)
    save_transformers(model, tmp_path)
    again = load_transformers(tmp_path)
    assert torch.equal(again(tokens()), model(tokens()))
    assert again.settings["tie_weights"] == model.settings["tie_weights"]


def test_a_shipped_model_goes_out_with_its_tokenizer(tmp_path):
    model, tokenizer, _ = load("manual-dense")
    assert save_transformers(model, tmp_path, tokenizer=tokenizer) == "PersimmonForCausalLM"
    read = transformers.AutoTokenizer.from_pretrained(tmp_path)
    text = "The for statement\n    is 語 used"
    ids = tokenizer.encode(text)
    assert read(text)["input_ids"] == ids
    assert read.decode(ids) == text
    batch = torch.tensor([ids])
    assert_close(theirs(tmp_path)(batch).logits, model(batch), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"position": "alibi"}, r"Persimmon, the nearest, differs in position='alibi' \(there 'rotary'\)$"),
        ({"qk_norm": False}, r"qk_norm=False \(there True\)"),
        ({"num_kv_heads": 1}, r"num_kv_heads=1 \(there None or 3\)"),
        ({"norm_eps": 1e-6}, r"norm_eps=1e-06 \(there None or 1e-05\)"),
        ({"d_ff": 0}, r"Persimmon.* d_ff=0 \(there above 0\)"),
        ({"activation": "geglu"}, r"activation='geglu' \(there 'gelu' or .*'squared_relu'\)"),
        (LEARNED | {"qk_norm": True}, r"GPT-2, the nearest, differs in qk_norm=True \(there False\)"),
        (LEARNED | {"num_kv_heads": 1}, r"GPT-2.* num_kv_heads=1"),
        (GATED | {"activation": "relu"}, r"Llama, .* activation='relu' \(there 'swiglu'\)"),
        (GATED | {"qk_norm": True, "position": "none"}, r"position='none'.*, qk_norm=True \(there False"),
        ({"num_experts": 2}, r"Mixtral.* norm='layer'.*, activation='squared_relu'.*, qk_norm=True"),
        (EXPERTS | {"bias": True}, r"Mixtral.* bias=True \(there False\)"),
        (EXPERTS | {"moe": {"top_k": 1}}, r"renormalize=False \(there True\)"),
        (EXPERTS | {"moe": {"num_shared": 1}}, r"num_shared=1 \(there 0\)"),
        (EXPERTS | {"moe": {"eval_capacity_factor": 2.0}}, r"eval_capacity_factor=2.0 \(there None\)"),
        (EXPERTS | {"moe": {"choice": "expert"}}, r"choice='expert' \(there 'token'\)"),
        (EXPERTS | {"moe": {"activation": "relu"}}, r"activation='relu' \(there 'swiglu'\)"),
    ],
)  # fmt: skip
def test_what_no_architecture_has_is_named(tmp_path, settings, words):
    with pytest.raises(ExportError, match=rf"^no architecture of transformers' equals this model.*{words}"):
        save_transformers(make(**settings), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_was_changed_after_the_making_is_named(tmp_path):
    scaled, turned, pushed, adapted = make(), make(), make(**EXPERTS), make()
    scaled.body.positions.rotary.scale = 4
    turned.body.positions.rotary.layout = "pairs"
    pushed.blocks[1].feed_forward.balancing_bias[2] = 0.5
    add_lora(adapted, rank=2)
    for model, words in (
        (scaled, r"rotary positions with scale=4 and layout='halves', there 1 and 'halves'"),
        (turned, r"scale=1.* and layout='pairs'"),
        (pushed, "layer 1 chooses experts with a balancing bias, which Mixtral has not"),
        (adapted, "changed since it was made .*: merge its adapters first"),
        (nn.Linear(2, 2), "a Linear is no LanguageModel"),
    ):
        with pytest.raises(ExportError, match=words):
            save_transformers(model, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_folder_holds_what_engines_look_for_and_is_replaced_whole(tmp_path):
    larger = LanguageModel(256, d_model=WIDTH, num_layers=2, num_heads=3)
    save_transformers(larger, tmp_path, tokenizer=BytePairTokenizer([]))
    files = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert sorted(os.listdir(tmp_path)) == files
    config = json.loads((tmp_path / "config.json").read_text())
    # Engines that know an older transformers read these two names.
    assert (config["rope_theta"], config["partial_rotary_factor"]) == (10_000.0, 1.0)
    assert config["max_position_embeddings"] == 1024
    model = make(**GATED)
    save_transformers(model, tmp_path)
    assert_close(theirs(tmp_path)(tokens()).logits, model(tokens()), rtol=0, atol=1e-5)


def test_the_model_in_hand_is_left_as_it_was(tmp_path):
    model = make(**EXPERTS).half().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_transformers(model, tmp_path)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert theirs(tmp_path).dtype == torch.float16


def test_a_tokenizer_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path):
    for tokenizer, words in ((BytePairTokenizer([]), "the tokenizer has 256 tokens, the model knows 31"),
                             (object(), "object cannot be written")):  # fmt: skip
        with pytest.raises(ExportError, match=words):
            save_transformers(make(), tmp_path / "out", tokenizer=tokenizer)
    assert not (tmp_path / "out").exists()
