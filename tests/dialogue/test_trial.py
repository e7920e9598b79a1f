"""Trials: who answers by the book is exact in every turn, and one sign more or less is not."""

import pytest
import torch
from scripted import MARKS, WORDS, ScriptedDriver, called

from llmasos_edu.dialogue import __main__ as recipe
from llmasos_edu.dialogue import names
from llmasos_edu.dialogue.assistant import Assistant, Reply
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.grammar import Call, Turn
from llmasos_edu.dialogue.template import framed, turn_tokens
from llmasos_edu.dialogue.transcript import Called
from llmasos_edu.dialogue.trial import Judged, held_out_dialogue, hold, recall_dialogue, share
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load
from llmasos_edu.text.words import WordTokenizer

DIALOGUES = {f"user {seed}": held_out_dialogue(seed, 176) for seed in range(40)}


class Perfect(ScriptedDriver):
    """Says in each turn of each user's conversation what the grammar says."""

    def __init__(self, dialogues):
        super().__init__({})
        for user, dialogue in dialogues.items():
            for number, turn in enumerate(dialogue.turns, 1):
                calls = [called(call.request) for call in turn.calls]
                self.script[user, number] = self._tokens([*calls, turn.answer])

    def _next(self, process):
        number = process.tokens[: process.prompt_len].count(MARKS["user"])
        own, within = 0, False
        for token in process.output:
            within = within or token == MARKS["result"]
            own += not within
            within = within and token != MARKS["done"]
        return self.script[process.user, number][own]


def test_a_conversation_fits_and_is_of_the_held_out_half():
    for dialogue in DIALOGUES.values():
        length = len(framed("system", "")) + sum(len(turn_tokens(turn)[0]) for turn in dialogue.turns)
        assert 176 - 64 < length <= 176
        assert all(names.held_out("order", number) for number in dialogue.start.orders)
        assert dialogue.start.today == "Monday"
    assert held_out_dialogue(3, 100) == held_out_dialogue(3, 100) != held_out_dialogue(4, 100)
    assert held_out_dialogue(3, 100).start.today == "Monday"
    assert held_out_dialogue(3, 100, today="Friday").start.today == "Friday"
    with pytest.raises(ValueError, match="tokens=0"):
        held_out_dialogue(0, 0)


@pytest.mark.parametrize("num_blocks", [200, 16])
def test_by_the_book_every_turn_is_exact_on_the_real_tools(tmp_path, num_blocks):
    assistant = Assistant(Perfect(DIALOGUES), Desk(tmp_path), slots=16, num_blocks=num_blocks)
    judged = hold(assistant, DIALOGUES)
    assert len(judged) == sum(len(dialogue.turns) for dialogue in DIALOGUES.values())
    wrong = [(each.turn, each.reply.text, each.reply.calls) for each in judged if not each.exact]
    assert wrong == []
    assert share(judged) == 1.0
    evictions = sum(process.evictions for process in assistant.kernel.processes.values())
    assert (evictions > 0) == (num_blocks == 16)


TURN = Turn("find", "en", "Where?", (Call("orders.find", {"number": "4711"}, "OK", "lamp"),), "There.")
RIGHT = Called("orders.find", '{ "number":"4711"}', "OK", "lamp")


@pytest.mark.parametrize(
    ("text", "calls", "exact"),
    [
        ("There.", [{}], True),
        ("There", [{}], False),
        ("There.", [], False),
        ("There.", [{}, {}], False),
        ("There.", [{"name": "orders.cancel"}], False),
        ("There.", [{"errno": "EIO"}], False),
        ("There.", [{"text": "bag"}], False),
        ("There.", [{"arguments": "{"}], False),
        ("There.", [{"arguments": '{"number": "4712"}'}], False),
    ],
)
def test_a_turn_is_exact_or_not(text, calls, exact):
    calls = tuple(RIGHT._replace(**change) for change in calls)
    assert Judged("ada", TURN, Reply(text, calls, None)).exact is exact


def test_a_share_needs_turns():
    right, wrong = (Judged("ada", TURN, Reply(text, (RIGHT,), None)) for text in ("There.", "Here."))
    assert share([right, wrong, wrong, wrong]) == 0.25
    with pytest.raises(ValueError, match="no turn was judged"):
        share([])


def test_conversations_take_options_and_may_differ_in_length(tmp_path):
    short = {"a": held_out_dialogue(1, 60), "b": held_out_dialogue(2, 170)}
    assert len(short["a"].turns) < len(short["b"].turns)
    judged = hold(Assistant(Perfect(short), Desk(tmp_path)), short, rights=[])
    assert len(judged) == sum(len(dialogue.turns) for dialogue in short.values())
    assert {call.errno for each in judged for call in each.reply.calls} == {"EPERM"}


def test_a_trial_is_drawn_as_it_is_wished_and_who_is_asked_again_hears_one_language():
    for seed in range(20):
        for language in ("en", "zh"):
            dialogue = held_out_dialogue(seed, 120, language=language, switch=0.0)
            assert {turn.language for turn in dialogue.turns} == {language}
            asked = recall_dialogue(seed, 6, language=language)
            assert {turn.language for turn in asked.turns} == {language}


@pytest.mark.parametrize("dialogues", [{}, None, []])
def test_somebody_must_talk(tmp_path, dialogues):
    with pytest.raises(ValueError, match="a dictionary of users and their dialogues is wanted"):
        hold(Assistant(Perfect({}), Desk(tmp_path)), dialogues)


@pytest.mark.parametrize(("seed", "error"), [(None, TypeError), (-1, ValueError), (2**41, ValueError)])
def test_a_seed_is_a_whole_number(seed, error):
    for draw in (held_out_dialogue, recall_dialogue):
        with pytest.raises(error, match=f"seed={seed}"):
            draw(seed, 60)


# ---- the recipe ----


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """The recipe with a tiny model and two trials."""
    shape = {"d_model": 16, "num_layers": 1, "num_heads": 2}
    sizes = {"SHAPE": shape, "CONTEXT": 64, "BATCH": 2, "TRIALS": 2, "WORK": tmp_path / "work"}
    for name, value in sizes.items():
        monkeypatch.setattr(recipe, name, value)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    yield tmp_path / "dialogue"
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


def test_the_recipe_makes_a_model_that_loads_and_goes_on_where_it_stopped(kitchen, capsys, monkeypatch):
    recipe.make(3, kitchen)
    model, words, card = load(kitchen)
    assert "dialogue: done, exact turns of held-out conversations: 0.000 of " in capsys.readouterr().out
    assert isinstance(words, WordTokenizer)
    assert (words.pieces, words.marks) == (WORDS.pieces, WORDS.marks)
    assert isinstance(model, LanguageModel)
    assert not model.training
    assert card["recipe"]["steps"] == 3
    assert set(card["held_out_exact_turns"]) == {"all", "en", "zh", "turns"}
    assert card["loss_curve"][0][0] == 3
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: pytest.fail("a step was made again"))
    recipe.make(3, kitchen)
    assert load(kitchen).card == card


def test_the_command_takes_a_number_of_steps(kitchen, monkeypatch):
    asked = []
    monkeypatch.setattr(recipe, "make", lambda steps, folder: asked.append((steps, folder.name)))
    for words in ([], ["--steps", "7"]):
        monkeypatch.setattr("sys.argv", ["dialogue", *words])
        recipe.main()
    assert asked == [(recipe.STEPS, "dialogue"), (7, "dialogue")]
