"""Questions as text: their form, their balance, what is left out, and the two baselines that read little."""

import pytest
import torch

from llmasos_edu.corpus.code_tasks import LabelledText
from llmasos_edu.corpus.kinds import KINDS
from llmasos_edu.learning.code_lessons import texts
from llmasos_edu.learning.code_questions import (
    Instruction,
    Questions,
    by_last_byte,
    constant_answer,
    instructions_of,
)


def drawn(*instructions, count=300, named=True):
    return Questions(texts(3).train, instructions, count, named)(torch.Generator().manual_seed(0))


def test_a_question_names_task_and_alphabet_and_shows_twelve_bytes():
    text = texts(3).train
    tokens, answers = drawn(Instruction("kind", "a"), Instruction("depth", "1"), count=2)
    assert tokens.shape == (4, 16)
    assert [bytes(row[:3]) for row in tokens.tolist()] == [b"ka:", b"ka:", b"d1:", b"d1:"]
    assert (tokens[:, -1] == ord("=")).all()
    assert all(bytes(row[3:15]) in bytes(text.tokens.tolist()) for row in tokens.tolist())
    assert set(map(chr, answers.tolist())) <= set("abc012")


def test_without_names_only_the_name_is_gone():
    one = Instruction("word", "1")
    (with_name, answers), (without, same) = drawn(one), drawn(one, named=False)
    assert torch.equal(answers, same)
    assert torch.equal(with_name[:, 2:], without[:, 2:])
    assert (without[:, :2] == ord("?")).all()


def test_the_answer_is_the_class_of_the_last_byte():
    tokens = torch.arange(40)
    labels = torch.full((40,), KINDS.index("comment"))
    labels[20], labels[30], labels[35] = (KINDS.index(name) for name in ("name", "string", "operator"))
    text = LabelledText(tokens, {"kind": labels})
    rows, answers = Questions(text, [Instruction("kind", "1")], 50)(torch.Generator().manual_seed(1))
    assert set(zip(rows[:, -2].tolist(), map(chr, answers.tolist()), strict=True)) == {
        (20, "0"),
        (30, "1"),
        (35, "2"),
    }


def test_classes_are_asked_alike_so_a_constant_is_right_by_chance_alone():
    for task, classes in (("kind", 3), ("depth", 3), ("word", 2), ("docstring", 2)):
        _, answers = drawn(Instruction(task, "1"), count=3000)
        assert constant_answer(answers) == pytest.approx(1 / classes, abs=0.03)


def test_a_table_of_last_bytes_knows_what_it_has_seen():
    rows = torch.zeros(4, 16, dtype=torch.long)
    rows[:, -2] = torch.tensor([7, 7, 7, 8])
    answers = torch.tensor([1, 1, 2, 3])
    asked = rows.clone()
    asked[3, -2] = 9  # never seen: the commonest answer of all
    assert by_last_byte((rows, answers), (asked, torch.tensor([1, 1, 1, 1]))) == 1.0
    assert by_last_byte((rows, answers), (rows, torch.tensor([2, 2, 2, 3]))) == 0.25


def test_one_instruction_is_left_out_and_all_its_letters_are_trained():
    left = Instruction("kind", "a")
    trained = instructions_of(("kind", "depth"), left)
    assert left not in trained
    assert len(trained) == 3
    every = instructions_of(("kind", "depth", "word", "docstring"))
    assert len({each.name for each in every}) == len(every) == 8, "two instructions of one name"
    assert set(left.name) <= set("".join(each.name for each in trained))


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(ValueError, match="no instruction"):
        Questions(texts(3).train, [], 1)
    flat = LabelledText(torch.arange(30), {"depth": torch.zeros(30, dtype=torch.long)})
    with pytest.raises(ValueError, match="no place of class 1 of 'depth'"):
        Questions(flat, [Instruction("depth", "1")], 1)
