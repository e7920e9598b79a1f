"""The shipped dialogue model: what its card says, on the real kernel and the real tools."""

import pytest

from llmasos_edu.dialogue import __main__ as recipe
from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.dialogue.trial import held_out_dialogue, hold, share
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.pretrained import FOLDER, load


@pytest.fixture(scope="module")
def shipped():
    return load("dialogue")


def test_the_card_is_of_this_recipe_and_the_tokenizer_of_this_grammar(shipped):
    assert shipped.card["recipe"]["steps"] == recipe.STEPS
    assert shipped.model.settings.items() >= recipe.SHAPE.items()
    assert (shipped.tokenizer.pieces, shipped.tokenizer.marks) == (tokenizer().pieces, tokenizer().marks)
    losses = [loss for _, loss in shipped.card["loss_curve"]]
    assert losses[0] > 100 * losses[-1] > 0
    scores = shipped.card["held_out_exact_turns"]
    assert min(scores["all"], scores["en"], scores["zh"]) >= 0.97
    assert scores["turns"] > 500


def test_it_is_smaller_than_three_megabytes():
    assert (FOLDER / "dialogue" / "model.safetensors").stat().st_size < 3e6


@pytest.mark.parametrize("language", ["en", "zh"])
def test_held_out_conversations_are_answered_exactly(shipped, tmp_path, language):
    dialogues = {f"user {n}": held_out_dialogue(1000 + n, 176, language=language) for n in range(25)}
    judged = hold(Assistant(TorchDriver(shipped.model), Desk(tmp_path), slots=25), dialogues)
    assert len(judged) > 80
    assert share(judged) >= 0.97
