"""Users with adapters of their own on one resident model: each text is the one that it has alone."""

import copy
import random

import pytest
import torch

from llmasos_edu.kernel.adapter_driver import AdapterDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.layers.positional import POSITIONS
from llmasos_edu.learning.lora import adapter_state, add_lora, serve_together, set_adapter_state
from llmasos_edu.models.language_model import LanguageModel

VOCAB = 61
USERS = ("ann", "ben", "cho", "")  # the last one has no adapter


def random_model(targets=("query_proj", "value_proj"), **options):
    """A model with adapters, and three states that each change its texts."""
    torch.manual_seed(0)
    model = LanguageModel(VOCAB, d_model=32, num_layers=2, num_heads=4, **options)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=1.5 * parameter.shape[-1] ** -0.5)
    plain = copy.deepcopy(model.double()).eval()
    add_lora(model, rank=2, targets=targets)
    states = {
        name: {key: torch.randn_like(value) * 0.5 for key, value in adapter_state(model).items()}
        for name in USERS[:3]
    }
    return plain, model.eval(), states


def alone(plain, model, states, process):
    """What the model with this user's adapter alone writes."""
    if process.user in states:
        set_adapter_state(model, states[process.user])
    own = model if process.user in states else plain
    new = process.limit - process.prompt_len
    return own.generate([process.tokens[: process.prompt_len]], new, temperature=0)[0].tolist()


def crowd(kernel, number=12, seed=0):
    """Processes of four users, some with the very same prompt."""
    draw = random.Random(seed)
    same = [draw.randrange(VOCAB) for _ in range(9)]
    return [
        kernel.spawn(
            same if index < 8 else [draw.randrange(VOCAB) for _ in range(draw.randint(1, 14))],
            12,
            user=USERS[index % 4],
        )
        for index in range(number)
    ]


@pytest.mark.parametrize("position", POSITIONS)
def test_each_text_is_the_one_of_its_adapter_alone(position):
    plain, model, states = random_model(position=position)
    together = copy.deepcopy(model)
    serve_together(together, states)
    kernel = Kernel(AdapterDriver(together), num_blocks=14, block_size=4, slots=5, policy=RoundRobin(2))
    processes = crowd(kernel)
    kernel.run()
    assert [p.tokens for p in processes] == [alone(plain, model, states, p) for p in processes]
    texts = {tuple(p.output) for p in processes[:4]}
    assert len(texts) == 4, "the adapters are to make a difference"
    assert sum(p.evictions for p in processes) > 0


def test_adapters_on_every_layer_below_the_head():
    everywhere = (
        "query_proj",
        "key_proj",
        "value_proj",
        "attention.out_proj",
        "in_proj",
        "feed_forward.out_proj",
    )
    plain, model, states = random_model(everywhere)
    together = copy.deepcopy(model)
    serve_together(together, states)
    kernel = Kernel(AdapterDriver(together), num_blocks=60, slots=6, chunk=5)
    processes = crowd(kernel)
    kernel.run()
    assert [p.tokens for p in processes] == [alone(plain, model, states, p) for p in processes]


def test_blocks_of_one_user_are_shared_and_of_two_are_not():
    _, model, states = random_model()
    serve_together(model, states)
    kernel = Kernel(AdapterDriver(model), num_blocks=60, block_size=4, slots=1)
    prompt = list(range(20))
    first, second, other = [kernel.spawn(prompt, 4, user=user) for user in ("ann", "ann", "ben")]
    kernel.run()
    assert (first.reused, other.reused) == (0, 0)
    assert second.reused >= 16


def test_a_kernel_that_shares_between_users_is_refused():
    _, model, states = random_model()
    serve_together(model, states)
    kernel = Kernel(AdapterDriver(model), num_blocks=60, salted=False)
    kernel.spawn([1, 2, 3], 4, user="")
    kernel.run()
    kernel.spawn([1, 2, 3], 4, user="ann")
    with pytest.raises(ValueError, match="blocks between users, and those of 'ann' depend on an adapter"):
        kernel.run()


def test_models_without_adapters_or_with_one_at_the_head_are_refused():
    plain, _, _ = random_model()
    with pytest.raises(ValueError, match="layers with adapters: none"):
        AdapterDriver(plain)
    _, model, states = random_model(("query_proj", "head"))
    serve_together(model, states)
    with pytest.raises(ValueError, match=r"head; wanted are some, the head not among them"):
        AdapterDriver(model)
