"""The book's model behind the kernel: every text is the one that it writes alone."""

import random

import pytest
import torch
from kernel_workloads import check_memory

from llmasos_edu.kernel import torch_driver
from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.kernel.speculation import NGramDraft
from llmasos_edu.kernel.torch_driver import TorchDriver, read_many, read_one
from llmasos_edu.layers.positional import POSITIONS
from llmasos_edu.layers.transformer import EncoderLayer
from llmasos_edu.learning.lora import add_lora
from llmasos_edu.models.language_model import LanguageModel

VOCAB = 61


def random_model(seed=0, dtype=torch.float64, vocab=VOCAB, **options):
    """A model whose every matrix is random, so that its texts depend on all that they see."""
    model = LanguageModel(vocab, d_model=32, num_layers=2, num_heads=4, **options)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1.5 * parameter.shape[-1] ** -0.5, generator=generator)
    return model.to(dtype).eval()


def alone(model, process):
    """What the library's own `generate` writes for the same prompt and seed."""
    generator = torch.Generator().manual_seed(process.seed)
    options = process.sampling or {"temperature": 0}
    prompt, stop = process.tokens[: process.prompt_len], tuple(process.stop)
    new = process.limit - process.prompt_len
    return model.generate([prompt], new, stop=stop, generator=generator, **options)[0].tolist()


def crowd(kernel, number, seed=0, new=16):
    """Processes with random prompts; every other one draws, some stop early."""
    draw = random.Random(seed)
    choices = (None, {"temperature": 0.8, "top_k": 20}, None, {"top_p": 0.9, "repetition_penalty": 1.3})
    return [
        kernel.spawn(
            [draw.randrange(VOCAB) for _ in range(draw.randint(1, 14))], new, seed=index,
            sampling=choices[index % 4], stop=(7, 8) if index % 3 == 0 else (),
        )
        for index in range(number)
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_60_of_60_texts_are_the_same_as_alone_under_round_robin_with_evictions(dtype):
    same = evictions = 0
    for position in POSITIONS:
        for experts in (1, 4):
            model = random_model(dtype=dtype, position=position, num_experts=experts, num_kv_heads=2)
            kernel = Kernel(TorchDriver(model), num_blocks=10, block_size=4, slots=3, policy=RoundRobin(2))
            processes = crowd(kernel, 6)
            kernel.run()
            same += sum(process.tokens == alone(model, process) for process in processes)
            evictions += sum(process.evictions for process in processes)
    assert same == 60
    assert evictions > 60


@pytest.mark.parametrize(
    "switches",
    [{"evict": "swap"}, {"chunk": 3}, {"chunk": 10}, {"draft": NGramDraft(3)}, {"prefix_cache": False}],
    ids=str,
)
@pytest.mark.parametrize("position", ["rotary", "alibi"])
def test_every_exact_switch_changes_nothing(switches, position):
    model = random_model(position=position, vocab=VOCAB)
    kernel = Kernel(
        TorchDriver(model), num_blocks=10, block_size=4, slots=3, policy=RoundRobin(2), **switches
    )
    processes = crowd(kernel, 6, seed=3)
    while kernel.step():
        check_memory(kernel)
    greedy = [process for process in processes if process.sampling is None]
    drawn = [] if "draft" in switches else [process for process in processes if process.sampling]
    assert all(process.tokens == alone(model, process) for process in greedy + drawn)
    assert sum(process.evictions for process in processes) > 0


def test_a_fork_goes_on_as_its_whole_text_would_alone():
    model = random_model()
    kernel = Kernel(TorchDriver(model), num_blocks=40, block_size=4, slots=4)
    parent = kernel.spawn([1, 2, 3, 4, 5, 6], 12)
    kernel.run(max_steps=5)
    children = [kernel.fork(parent, [steer]) for steer in (9, 10, 11)]
    assert [child.reused for child in children] == [10, 10, 10]
    kernel.run()
    assert all(process.tokens == alone(model, process) for process in (parent, *children))
    assert len({tuple(child.output) for child in children}) > 1


def test_a_process_that_draws_goes_on_after_kill_and_resume_as_if_nothing_had_been():
    model = random_model()
    kernel = Kernel(TorchDriver(model), num_blocks=40, block_size=4)
    process = kernel.spawn([1, 2, 3], 12, sampling={"temperature": 1.0}, seed=5)
    kernel.run(max_steps=6)
    kernel.kill(process)
    again = kernel.resume(process)
    kernel.run()
    assert again.tokens == alone(model, again)


SHAPES = {
    "gpt-2": {
        "position": "learned",
        "activation": "gelu",
        "qk_norm": False,
        "bias": True,
        "tie_weights": True,
    },
    "llama": {"norm": "rms", "activation": "swiglu", "qk_norm": False, "num_kv_heads": 2},
    "qwen3": {"norm": "rms", "activation": "swiglu", "qk_norm": "rms", "num_kv_heads": 2, "head_dim": 6},
    "olmoe": {"norm": "rms", "qk_norm": "rms_joint", "num_experts": 4, "num_kv_heads": 1},
    "attention alone": {"d_ff": 0},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_models_of_every_shape_write_what_they_write_alone(shape):
    model = random_model(**SHAPES[shape])
    kernel = Kernel(TorchDriver(model), num_blocks=10, block_size=4, slots=3, policy=RoundRobin(2))
    processes = crowd(kernel, 6, seed=5)
    kernel.run()
    assert all(process.tokens == alone(model, process) for process in processes)


def test_a_model_with_adapters_keeps_them():
    model = random_model()
    plain = alone(model, Kernel(TorchDriver(model), num_blocks=20).spawn([1, 2, 3], 12))
    add_lora(model, rank=2, alpha=4.0)
    for name, parameter in model.named_parameters():
        if "lora_b" in name:
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(0))
    kernel = Kernel(TorchDriver(model.eval()), num_blocks=20, block_size=4)
    process = kernel.spawn([1, 2, 3], 12)
    kernel.run()
    assert process.tokens == alone(model, process) != plain


@pytest.mark.parametrize(("worth", "most"), [(-1, 1024), (0, 6), (1 << 40, 1024)])
def test_how_a_batch_is_cut_into_groups_changes_nothing(worth, most, monkeypatch):
    monkeypatch.setattr(torch_driver, "WORTH", worth)
    monkeypatch.setattr(torch_driver, "MOST_TOKENS", most)
    model = random_model()
    kernel = Kernel(TorchDriver(model), num_blocks=60, block_size=4, slots=8)
    processes = crowd(kernel, 8, seed=2)
    kernel.run()
    assert all(process.tokens == alone(model, process) for process in processes)


def test_rows_of_very_different_lengths_are_read_apart_and_alike_ones_together():
    driver = TorchDriver(random_model(d_ff=8))
    kernel = Kernel(driver, num_blocks=2000, block_size=16, slots=6)
    for length in (2000, 20, 21, 22, 1990, 1000):
        kernel.spawn([1] * length, 20)
    kernel.run(max_steps=2)
    rows = sorted((Row(each, [1], 16 * len(each.space.table) - 1, each.space.table) for each in kernel.ready),
                  key=driver._kind)  # fmt: skip
    assert [len(group) for group in driver._cut(rows)] == [2, 1, 3]


@pytest.mark.parametrize("each", [1, 3])
def test_both_ways_of_attention_are_the_formula(each):
    rows, kv_heads, slots, width, longest = 2, 2, 5, 4, 3
    generator = torch.Generator().manual_seed(0)
    keys, values = (
        torch.randn(kv_heads, rows, slots, width, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    query = torch.randn(rows, longest, kv_heads, each, width, generator=generator, dtype=torch.float64)
    hidden = torch.rand(rows, longest, slots, generator=generator) < 0.4
    hidden[..., 0] = False
    mask = torch.zeros(hidden.shape, dtype=torch.float64).masked_fill(hidden, -torch.inf)
    scores = torch.einsum("rlkgw,krsw->rlkgs", query, keys) / width**0.5 + mask[:, :, None, None]
    right = torch.einsum("rlkgs,krsw->rlkgw", scores.softmax(-1), values)
    many = read_many(query, keys, values, mask.repeat(1, each, 1)[:, None])
    torch.testing.assert_close(many, right)
    for at in range(longest):
        one = read_one(query[:, at], keys, values, mask[:, at, None].repeat(kv_heads, 1, 1))
        torch.testing.assert_close(one, right[:, at])


def test_in_half_precision_a_step_is_the_model_s_within_its_digits():
    model = random_model(dtype=torch.bfloat16)
    kernel = Kernel(TorchDriver(model), num_blocks=40, block_size=4, slots=4)
    processes = [kernel.spawn([number, 2, 3], 8) for number in range(4)]
    kernel.run()
    for process in processes:
        with torch.no_grad():
            logits = model(torch.tensor([process.tokens[:-1]]))[0, 2:].float()
        said = logits.gather(1, torch.tensor(process.output)[:, None])[:, 0]
        assert (logits.amax(-1) - said).max() < 0.1 * logits.std()


# ---- speculation ----


def echo(tokens):
    """Guesses that are sometimes right: the last tokens once more."""
    return [tokens[-1], tokens[0], tokens[-1]]


def test_guesses_save_steps_where_texts_repeat():
    model = random_model(vocab=3)
    said, steps = [], []
    for draft in (None, NGramDraft(4)):
        kernel = Kernel(TorchDriver(model), num_blocks=40, draft=draft)
        process = kernel.spawn([1, 2, 1, 2], 60)
        steps.append(kernel.run())
        said.append(process.tokens)
    assert said[0] == said[1]
    assert steps[1] < 0.7 * steps[0]


def test_speculative_sampling_draws_from_the_model_s_distribution():
    """Chi-square over all texts of three tokens, with guesses and without, against exact probabilities."""
    vocab, prompt, number = 3, [1, 2], 1000
    model = random_model(4, vocab=vocab)
    exact = {(): 1.0}
    with torch.no_grad():
        for _ in range(3):
            longer = {}
            for text, chance in exact.items():
                logits = model(torch.tensor([prompt + list(text)]))[0, -1]
                for token, p in enumerate(logits.softmax(-1).tolist()):
                    longer[(*text, token)] = chance * p
            exact = longer
    assert min(exact.values()) * number > 1
    for draft in (None, echo):
        kernel = Kernel(TorchDriver(model), num_blocks=400, slots=100, draft=draft, trace=False)
        texts = [kernel.spawn(prompt, 3, seed=seed, sampling={"temperature": 1.0}) for seed in range(number)]
        kernel.run()
        counts = dict.fromkeys(exact, 0)
        for process in texts:
            counts[tuple(process.output)] += 1
        chi_square = sum((counts[text] - number * p) ** 2 / (number * p) for text, p in exact.items())
        assert chi_square < 54.05  # 26 degrees of freedom, one in a thousand; the seeds are fixed


def test_a_guess_that_is_taken_for_granted_would_fail_the_same_test():
    """The test above can fail: with the first token always the guess, chi-square is far beyond."""
    model = random_model(4, vocab=3)
    with torch.no_grad():
        p = model(torch.tensor([[1, 2]]))[0, -1].softmax(-1)
    assert sum((1000 * (token == 2) - 1000 * p[token]) ** 2 / (1000 * p[token]) for token in range(3)) > 54.05


# ---- the lossy switches ----


def windowed_logits(model, tokens, window):
    """The model with every position seeing `window` tokens, by an explicit mask and no cache."""
    seq = len(tokens)
    distance = torch.arange(seq)[:, None] - torch.arange(seq)
    mask = (distance >= 0) & (distance < window)
    with torch.no_grad():
        x = model.embedding(torch.tensor([tokens]))
        x, options = model.body.positions(x, torch.arange(seq))
        for block in model.blocks:
            x = block(x, mask=mask, **options)
        return model.head(model.body.norm(x))[0]


@pytest.mark.parametrize("chunk", [None, 3])
def test_a_sliding_window_is_the_windowed_model_exactly_and_frees_what_lies_behind(chunk):
    model = random_model()
    kernel = Kernel(
        TorchDriver(model, window=6), num_blocks=13, block_size=4, slots=2, chunk=chunk, policy=RoundRobin(2)
    )
    processes = [kernel.spawn([number, 2, 3], 40) for number in range(4)]
    most = 0
    while kernel.step():
        check_memory(kernel)
        most = max(most, *(len(p.space.table) - p.space.table.count(-1) for p in processes))
    assert most <= 13
    for process in processes:
        text = process.tokens
        logits = windowed_logits(model, text[:-1], 6)
        assert logits[process.prompt_len - 1 :].argmax(-1).tolist() == process.output


def test_blocks_of_8_bits_are_within_their_bound_and_do_not_depend_on_the_batch():
    model = random_model(num_kv_heads=2)
    texts = []
    for slots, chunk in ((1, None), (4, 3)):
        driver = TorchDriver(model, kv_bits=8)
        kernel = Kernel(driver, num_blocks=12, block_size=4, slots=slots, chunk=chunk, policy=RoundRobin(3))
        texts.append([kernel.spawn([number, 2, 3, 4, 5], 20) for number in range(4)])
        kernel.run()
    assert [process.tokens for process in texts[0]] == [process.tokens for process in texts[1]]
    exact, rounded = TorchDriver(model), TorchDriver(model, kv_bits=8)
    for driver in (exact, rounded):
        kernel = Kernel(driver, num_blocks=8, block_size=4)
        kernel.spawn(list(range(10)), 1)
        kernel.run()
    tables = torch.tensor([[0, 1, 2]])
    for true, near in zip(exact.memory.read(0, tables), rounded.memory.read(0, tables), strict=True):
        true, near = true[:, :, :10], near[:, :, :10]
        bound = true.abs().amax(dim=-1, keepdim=True) / 254
        assert (near - true).abs().le(bound * (1 + 1e-9)).all()
        assert (near != true).any()


def test_grouped_heads_and_8_bits_take_fewer_bytes():
    def size(bits=None, dtype=torch.float32, **options):
        driver = TorchDriver(random_model(dtype=dtype, **options), kv_bits=bits)
        driver.allocate(2, 4)
        return driver.memory.bytes_per_token

    layers, head_dim, number = 2, 8, 4
    assert size() == layers * 2 * 4 * head_dim * number
    assert size(num_kv_heads=1) == size() // 4
    assert size(bits=8) == layers * 2 * 4 * (head_dim + number)


# ---- doors ----


def test_models_that_look_at_their_neighbours_are_refused():
    with pytest.raises(ValueError, match="training mode"):
        TorchDriver(LanguageModel(5, d_model=8, num_layers=1, num_heads=2))
    for options in ({"choice": "expert"}, {"eval_capacity_factor": 1.0}):
        sizes = {"d_model": 8, "num_layers": 1, "num_heads": 2, "num_experts": 2}
        model = LanguageModel(5, **sizes, moe=options).eval()
        with pytest.raises(ValueError, match="neighbours in the batch"):
            TorchDriver(model)
    with pytest.raises(ValueError, match="window=0"):
        TorchDriver(random_model(), window=0)
    model = random_model()
    model.blocks[0].norm_first = False
    with pytest.raises(ValueError, match="norm_first=False"):
        TorchDriver(model)
    model = random_model()
    model.blocks[0].__class__ = type("Skips", (EncoderLayer,), {"forward": lambda self, x, **options: x})
    with pytest.raises(ValueError, match="Skips with MultiHeadAttention is no EncoderLayer"):
        TorchDriver(model)
    model = random_model()
    model.blocks[1].attention = torch.nn.Identity()
    with pytest.raises(ValueError, match="EncoderLayer with Identity is no EncoderLayer"):
        TorchDriver(model)
    with pytest.raises(ValueError, match="bits=4"):
        Kernel(TorchDriver(random_model(), kv_bits=4), num_blocks=2)


def test_a_text_beyond_the_learned_positions_and_a_foreign_token_are_refused():
    model = random_model(position="learned", max_len=10)
    kernel = Kernel(TorchDriver(model), num_blocks=40)
    assert kernel.spawn([1] * 6, 6).reason == "needs 11 positions, the model has 10"
    process = kernel.spawn([1] * 6, 5)
    with pytest.raises(ValueError, match="token 61 is outside the vocabulary of 61"):
        kernel.spawn([61], 5)
    with pytest.raises(ValueError, match="token -1 is outside"):
        kernel.fork(process, [-1])
    kernel.run()
    assert process.tokens == alone(model, process)


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        ({"temperature": -1}, "temperature=-1"),
        ({"top_k": 99}, "top_k=99"),
        ({"top_q": 0.5}, "no option 'top_q'"),
        ({"top_p": "much"}, "top_p"),
        ("greedy", "no dictionary"),
    ],
)
def test_a_sampling_that_cannot_be_followed_is_refused_at_the_door(sampling, words):
    kernel = Kernel(TorchDriver(random_model()), num_blocks=40)
    with pytest.raises(ValueError, match=words):
        kernel.spawn([1], 3, sampling=sampling)
    assert not kernel.processes


@pytest.mark.parametrize("sampling", [None, {"temperature": 0.0}, {"temperature": 1.0}])
def test_a_model_whose_numbers_have_run_away_says_nothing(sampling):
    model = random_model()
    with torch.no_grad():
        model.embedding.weight.fill_(torch.nan)
    kernel = Kernel(TorchDriver(model), num_blocks=8)
    process = kernel.spawn([1], 4, sampling=sampling)
    with pytest.raises(ValueError, match="numbers have run away"):
        kernel.run()
    assert process.tokens == [1]
