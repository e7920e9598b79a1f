"""The recipe of the shipped models: it says how far it is, and an interrupted training goes on."""

import pytest
import torch

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained.making import RATES, RECIPE, train_shipped


def a_model():
    torch.manual_seed(0)
    return LanguageModel(7, d_model=4, num_layers=1, num_heads=1)


class Batches:
    """Draws tokens; raises Ctrl-C in the place of one batch."""

    def __init__(self, interrupted=None):
        self.drawn, self.interrupted = 0, interrupted

    def __call__(self, generator):
        self.drawn += 1
        if self.drawn == self.interrupted:
            raise KeyboardInterrupt
        tokens = torch.randint(7, (2, 5), generator=generator)
        return tokens[:, :-1], tokens[:, 1:]


def test_every_hundred_steps_it_says_how_far_it_is(tmp_path, capsys):
    history = train_shipped(
        "tiny", a_model(), Batches(), steps=102, work=tmp_path, evaluate=lambda model: 0.5
    )
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("tiny: 100 of 102 steps, 0.")
    assert said.endswith(" minutes of CPU time in this run")
    assert len(history.losses) == 102
    assert history.evaluations[-1] == (102, 0.5), "other options of the training are passed on"


def test_who_is_interrupted_is_told_and_goes_on_to_the_same_model(tmp_path):
    whole, cut = a_model(), a_model()
    train_shipped("whole", whole, Batches(), steps=6, work=tmp_path)
    with pytest.raises(SystemExit, match="cut was interrupted: say the same command again"):
        train_shipped("cut", cut, Batches(interrupted=4), steps=6, work=tmp_path)
    again, batches = a_model(), Batches()
    train_shipped("cut", again, batches, steps=6, work=tmp_path)
    assert batches.drawn == 3, "the first three steps are not made again"
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_card_says_what_the_recipe_is():
    assert RECIPE == {"optimizer": "muon and adamw", "warmup": 100}
    assert RATES.keys() == {"matrix_lr", "other_lr", "weight_decay"}
