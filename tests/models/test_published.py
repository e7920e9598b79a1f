"""Published mixtures: counted by hand, against the papers' totals, our MoE and transformers' models."""

import pytest
import torch

from llmasos_edu.layers.moe import MoE
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.models.published import (
    PUBLISHED,
    PublishedTable,
    Shape,
    active_parameters,
    attention_parameters,
    billions,
    feed_forward_parameters,
    moe_settings,
    named,
    parameters_by_part,
    total_parameters,
)

NAMES = [shape.name for shape in PUBLISHED]


def size(module):
    return sum(parameter.numel() for parameter in module.parameters())


def tiny(**changes):
    shape = {
        "name": "tiny", "source": "by hand", "d_model": 3, "num_heads": 2, "head_dim": 5, "decoder_layers": 3,
        "expert_layers": 2, "num_experts": 4, "top_k": 1, "expert_ff": 7, "dense_ff": 11,
        "activation": "relu", "embedding_rows": 13, "published_total": 1.0,
    }  # fmt: skip
    return Shape(**shape | changes)


def test_a_small_shape_by_hand():
    # attention: 3 * 5 * 2 * (2 + 2); an expert 2 * 3 * 7; a dense network 2 * 3 * 11; 7 norms
    assert parameters_by_part(tiny()) == {
        "embedding": 39, "attention": 3 * 120, "feed-forward": 66, "experts": 2 * 4 * 42, "shared experts": 0,
        "router": 2 * 4 * 3, "norms": 7 * 3,
    }  # fmt: skip
    assert total_parameters(tiny()) == 39 + 360 + 66 + 336 + 24 + 21
    assert active_parameters(tiny()) == total_parameters(tiny()) - 2 * 3 * 42
    assert active_parameters(tiny(top_k=3)) == total_parameters(tiny()) - 2 * 42


def test_each_option_changes_its_part_alone():
    def changed(**changes):
        before, after = parameters_by_part(tiny()), parameters_by_part(tiny(**changes))
        return {part: after[part] - before[part] for part in before if after[part] != before[part]}

    assert changed(num_kv_heads=1) == {"attention": -3 * 30}
    assert changed(num_shared=2) == {"shared experts": 2 * 2 * 42}
    assert changed(dense_activation="geglu") == {"feed-forward": 33}
    assert changed(activation="swiglu") == {"feed-forward": 33, "experts": 2 * 4 * 21}
    # two encoder layers: their attention and the decoder's three crosses; a norm a cross, the encoder's last
    assert changed(encoder_layers=2) == {
        "attention": 5 * 120,
        "feed-forward": 2 * 66,
        "norms": (4 + 3 + 1) * 3,
    }
    # q=2, c=4, r=1: down 3 * 7; per head up 2 * 6 + 2 * 4 * 5, out 5 * 3; norms on 2 + 4
    assert attention_parameters(tiny(latent=(2, 4, 1))) == 21 + 2 * (12 + 40 + 15) + 6


@pytest.mark.parametrize("name", NAMES)
def test_what_is_computed_is_what_the_paper_states(name):
    shape = named(name)
    tolerance = 0.06 if name == "Switch-Base" else 0.045  # 7.4 billion, printed as 7B
    assert total_parameters(shape) == pytest.approx(shape.published_total, rel=tolerance)
    if shape.published_active is not None:
        assert active_parameters(shape) == pytest.approx(shape.published_active, rel=0.02)
    exact = abs(total_parameters(shape) / shape.published_total - 1) < 0.01
    assert exact or shape.remark, "a difference above one per cent needs its reason"
    assert shape.source


def test_the_reasons_that_remarks_give_are_true():
    def total(name, **changes):
        return total_parameters(Shape(**vars(named(name)) | changes)) / 1e9

    assert total("Switch-XXL", num_experts=64) == pytest.approx(201, abs=0.5)
    relu = {"activation": "relu", "expert_ff": 4096, "dense_ff": 4096}
    assert total("Switch-Large", **relu) == pytest.approx(26.3, abs=0.05)
    assert parameters_by_part(named("GShard 600B"))["experts"] == pytest.approx(618e9, abs=1e9)
    not_gated = Shape(**vars(named("GLaM 64B/64E")) | {"dense_activation": None})
    assert abs(active_parameters(named("GLaM 64B/64E")) / 96.6e9 - 1) < 0.001
    assert abs(active_parameters(not_gated) / 96.6e9 - 1) > 0.05


BEYOND = {
    "DeepSeek-V2": "8 groups of experts, of which a token may use 3, gates times 16",
    "DeepSeek-V3": "a sigmoid for each expert, 8 groups of experts, .* use 4, gates times 2.5",
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_the_books_moe_cannot_do_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"MoE cannot be a layer of {name}, which has {BEYOND[name]}$"):
        moe_settings(named(name))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BEYOND])
def test_an_expert_layer_is_the_books_moe(name):
    shape = named(name)
    with torch.device("meta"):
        moe = MoE(**moe_settings(shape))
    assert moe.top_k == shape.top_k
    assert moe.renormalize == shape.renormalize == (name.split()[0] in ("GShard", "GLaM", "Mixtral"))
    assert len(moe.shared_experts) == shape.num_shared
    parts = parameters_by_part(shape)
    counted = parts["experts"] + parts["shared experts"] + parts["router"]
    assert size(moe) * shape.expert_layers == counted


@pytest.mark.parametrize("name", ["Mixtral 8x7B", "Mixtral 8x22B"])
def test_mixtral_is_a_setting_of_the_books_model(name):
    shape = named(name)
    with torch.device("meta"):
        model = LanguageModel(
            shape.embedding_rows // 2, d_model=shape.d_model, num_layers=shape.decoder_layers,
            num_heads=shape.num_heads, num_kv_heads=shape.num_kv_heads, num_experts=shape.num_experts,
            d_ff=shape.expert_ff, moe={"top_k": shape.top_k}, norm="rms", activation="swiglu", qk_norm=False,
        )  # fmt: skip
    assert size(model) == total_parameters(shape)


def theirs(transformers, shape):
    """transformers' own configuration of this shape."""
    common = {
        "vocab_size": shape.embedding_rows // 2, "hidden_size": shape.d_model,
        "num_hidden_layers": shape.decoder_layers, "num_attention_heads": shape.num_heads,
        "num_experts_per_tok": shape.top_k,
    }  # fmt: skip
    if shape.name.startswith("Mixtral"):
        own = {"intermediate_size": shape.expert_ff, "num_key_value_heads": shape.num_kv_heads}
        own |= {"num_local_experts": shape.num_experts}
        return transformers.MixtralForCausalLM, transformers.MixtralConfig(**common | own)
    query, key_value, rotary = shape.latent
    own = {
        "intermediate_size": shape.dense_ff, "moe_intermediate_size": shape.expert_ff,
        "n_routed_experts": shape.num_experts, "n_shared_experts": shape.num_shared,
        "first_k_dense_replace": shape.decoder_layers - shape.expert_layers,
        "num_key_value_heads": shape.num_heads, "q_lora_rank": query, "kv_lora_rank": key_value,
        "qk_rope_head_dim": rotary, "qk_nope_head_dim": shape.head_dim, "v_head_dim": shape.head_dim,
    }  # fmt: skip
    version = "V2" if shape.name.endswith("V2") else "V3"
    config = getattr(transformers, f"Deepseek{version}Config")(**common | own)
    return getattr(transformers, f"Deepseek{version}ForCausalLM"), config


@pytest.mark.parametrize("name", ["Mixtral 8x7B", "Mixtral 8x22B", "DeepSeek-V2", "DeepSeek-V3"])
def test_transformers_counts_the_same(name):
    transformers = pytest.importorskip("transformers")
    shape = named(name)
    model_class, config = theirs(transformers, shape)
    with torch.device("meta"):
        model = model_class(config)
    assert size(model) == total_parameters(shape)


def test_transformers_counts_the_same_in_switch():
    transformers = pytest.importorskip("transformers")
    shape = named("Switch-Base")
    config = transformers.SwitchTransformersConfig(
        vocab_size=shape.embedding_rows, d_model=shape.d_model, d_kv=shape.head_dim, d_ff=3072,
        num_layers=shape.encoder_layers, num_sparse_encoder_layers=6, num_decoder_layers=shape.decoder_layers,
        num_sparse_decoder_layers=6, num_heads=shape.num_heads, num_experts=shape.num_experts,
    )  # fmt: skip
    with torch.device("meta"):
        model = transformers.SwitchTransformersForConditionalGeneration(config)
    positions = 2 * 32 * shape.num_heads  # the relative positions that we leave out: once a stack
    # two matrices of width 3072 weigh what three of 2048 do
    assert size(model) == total_parameters(shape) + positions


def test_the_table_shows_every_model_with_four_digits_at_most():
    table = PublishedTable()
    plain, markdown = repr(table).splitlines(), table._repr_markdown_().splitlines()
    assert len(plain) == len(markdown) - 1 == len(PUBLISHED) + 1
    assert len({len(line) for line in plain}) == 1
    mixtral = next(line for line in markdown if "8x7B" in line)
    assert mixtral == "| Mixtral 8x7B | 8 | 2 | 46.7 B | 47 B | 12.88 B | 13 B | 27.6% |"
    assert "| DeepSeek-V3 | 256 + 1 | 8 + 1 | 671 B |" in table._repr_markdown_()
    assert all(line.count("|") == 9 for line in markdown)
    assert [row[0] for row in PublishedTable([named("Switch-C")]).rows()] == ["Switch-C"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, "–"), (1571.23e9, "1,571 B"), (96.6e9, "96.6 B"), (1.2e12, "1,200 B"), (2.5e8, "0.25 B")],
)
def test_billions(count, text):
    assert billions(count) == text


def test_unknown_names_are_refused_in_words():
    with pytest.raises(ValueError, match=r"'Mixtral' is not one of GShard 600B, .*DeepSeek-V3"):
        named("Mixtral")
    with pytest.raises(ValueError, match="activation='tanh' is not one of relu, gelu, geglu, swiglu"):
        feed_forward_parameters(2, 3, "tanh")
