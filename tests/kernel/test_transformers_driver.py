"""Models of transformers behind the kernel, against their own greedy `generate`."""

import random

import pytest
import torch
from kernel_workloads import check_memory

transformers = pytest.importorskip("transformers")

from llmasos_edu.kernel.kernel import Kernel  # noqa: E402
from llmasos_edu.kernel.scheduler import RoundRobin  # noqa: E402
from llmasos_edu.kernel.speculation import NGramDraft  # noqa: E402
from llmasos_edu.kernel.transformers_driver import TransformersDriver  # noqa: E402


def gpt2():
    config = transformers.GPT2Config(
        vocab_size=50, n_positions=64, n_embd=32, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config)


def llama():
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


def randomised(make):
    torch.manual_seed(0)
    model = make().to(torch.float64).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    return model


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("switches", [{}, {"evict": "swap", "chunk": 4}, {"draft": NGramDraft(3)}], ids=str)
def test_texts_are_those_of_transformers_own_generate(make, switches):
    model = randomised(make)
    kernel = Kernel(
        TransformersDriver(model), num_blocks=9, block_size=4, slots=3, policy=RoundRobin(2), **switches
    )
    draw = random.Random(1)
    prompts = [[draw.randrange(50) for _ in range(draw.randint(1, 12))] for _ in range(6)]
    processes = [kernel.spawn(prompt, 14) for prompt in prompts]
    kernel.run()
    for process in processes:
        prompt = torch.tensor([process.tokens[: process.prompt_len]])
        options = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
        right = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=14, **options)
        assert process.tokens == right[0].tolist()
    assert sum(process.evictions for process in processes) > 0


def test_learned_positions_end_where_the_model_s_do():
    kernel = Kernel(TransformersDriver(randomised(gpt2)), num_blocks=40)
    assert kernel.spawn([1] * 60, 6).reason == "needs 65 positions, the model has 64"


def test_a_model_in_training_mode_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        TransformersDriver(llama().train())


def test_a_model_that_keeps_a_state_instead_of_keys_is_refused():
    config = transformers.MambaConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, state_size=4)
    model = transformers.MambaForCausalLM(config).eval()
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Kernel(TransformersDriver(model), num_blocks=4)


# ---- the audit of memory, with a real model ----

STORMS = [
    {"evict": "swap", "draft": NGramDraft(3)},
    {"evict": "swap", "chunk": 3},
    {"evict": "drop", "chunk": 4, "draft": NGramDraft(2)},
]


def storm(kernel, draw, steps=70):
    """Spawn, fork, kill and resume at random; the memory is audited after each step."""
    begun = []
    for _ in range(steps):
        alive = [each for each in begun if not each.ended]
        what = draw.random()
        if what < 0.3 or not alive:
            prompt = [draw.randrange(50) for _ in range(draw.randint(1, 10))]
            begun.append(kernel.spawn(prompt, draw.randint(1, 12), user=str(draw.randrange(2))))
        elif what < 0.45:
            begun.append(kernel.fork(draw.choice(alive), [draw.randrange(50)], max_new=draw.randint(1, 8)))
        elif what < 0.55:
            kernel.kill(draw.choice(alive))
        elif what < 0.6:
            killed = [each for each in begun if each.reason == "killed" and each.remaining]
            begun += [kernel.resume(each) for each in killed[-1:]]
        kernel.step()
        check_memory(kernel)
    while kernel.step():
        check_memory(kernel)
    return begun


@pytest.mark.parametrize("make", [gpt2, llama])
@pytest.mark.parametrize("switches", STORMS, ids=str)
def test_forks_kills_swaps_and_guesses_lose_no_block_and_change_no_text(make, switches):
    model = randomised(make)
    kernel = Kernel(
        TransformersDriver(model), num_blocks=8, block_size=4, slots=3, policy=RoundRobin(2), **switches
    )
    begun = storm(kernel, random.Random(7))
    assert len(kernel.pool.free) == 8
    assert sum(each.evictions for each in begun) > 0
    assert {each.state.value for each in begun} >= {"done", "killed"}
    longest = {}  # a prompt's whole greedy text, for all that begin with it
    for each in begun:
        prompt = tuple(each.tokens[: each.prompt_len])
        if len(prompt) < len(each.tokens):
            longest[prompt] = max(longest.get(prompt, 0), len(each.tokens) - len(prompt))
    for prompt, new in longest.items():
        tokens = torch.tensor([prompt])
        options = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0, "max_new_tokens": new}
        right = model.generate(tokens, attention_mask=torch.ones_like(tokens), **options)[0].tolist()
        for each in begun:
            if tuple(each.tokens[: each.prompt_len]) == prompt:
                assert each.tokens == right[: len(each.tokens)]
    assert len(longest) > 15
