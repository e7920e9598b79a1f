"""Labels of code: against the eye on small sources, in characters, bytes and pieces; and their windows."""

import pytest
import torch

from llmasos_edu.corpus import Document
from llmasos_edu.corpus.code_tasks import (
    CODE_TASKS,
    UNLABELLED,
    LabelledText,
    LabelledTextSampler,
    character_labels,
    labelled_text,
)
from llmasos_edu.text.tokenizer import BytePairTokenizer

SOURCE = '''"""Of [areas]."""
def area(r, of=[(1, {2: ((3))})]):
    "größe"  # (none
    if not r: return 'a(b'
'''
# one sign a character: a space is unlabelled
DEPTH = """\
00000 00000000000
000 0000011 1111233 333 3333332100
    0000000  0 00000
    00 000 00 000000 00000
"""
DOCSTRING = """\
11111 11111111111
000 0000000 0000000 000 0000000000
    1111111  0 00000
    00 000 00 000000 00000
"""
WORD = """\

111 0000 0  00

    11 111 0  111111
"""


def shown(source, task):
    """The labels as text, a line for each line of the source."""
    labels = character_labels(source)[task]
    assert len(labels) == len(source)
    signs = (
        "\n" if c == "\n" else " " if label == UNLABELLED else str(label)
        for c, label in zip(source, labels, strict=True)
    )
    return "\n".join(line.rstrip() for line in "".join(signs).split("\n"))


@pytest.mark.parametrize(("task", "expected"), [("depth", DEPTH), ("docstring", DOCSTRING), ("word", WORD)])
def test_labels_are_those_that_the_eye_gives(task, expected):
    assert shown(SOURCE, task) == expected


def test_kinds_are_those_of_the_tokenizer():
    kinds = CODE_TASKS["kind"]
    found = character_labels("x = 10  # ten\n")["kind"]
    assert [kinds[k] if k >= 0 else "" for k in found] == (
        ["name", "", "operator", "", "number", "number", "", "", "comment", "", *["comment"] * 3, ""]
    )


def test_every_task_has_the_names_of_its_labels():
    assert {task: len(names) for task, names in CODE_TASKS.items()} == {
        "kind": 6, "depth": 4, "word": 2, "docstring": 2,
    }  # fmt: skip
    assert CODE_TASKS["word"] == ("name", "keyword")
    assert CODE_TASKS["docstring"] == ("code", "docstring")
    assert list(character_labels("x\n")) == list(CODE_TASKS)


def test_depth_stops_counting_at_three_and_comes_back():
    assert shown("((((((1))))))\n", "depth") == "0123333333210\n"


def test_brackets_of_an_f_string_are_text():
    source = "x = [f\"{a[0]}(\", rf'{b}']\n"
    assert shown(source, "depth") == "0 0 " + "0" + "1" * 11 + " " + "1" * 7 + "0\n"


def test_which_strings_are_docstrings():
    source = (
        'class A:\n    """one"""\n    x = "no"\n    async def f(self):\n        "two"\n        "not this"\n'
        "def g():\n    1\ndef h():\n    b'bytes are none'\nfor i in x:\n    'a loop has none'\n"
    )
    labels = character_labels(source)["docstring"]
    assert "".join(c for c, label in zip(source, labels, strict=True) if label == 1) == '"""one""""two"'


def test_a_docstring_over_lines_after_letters_beyond_ascii():
    source = "def größe(ä='ü'): 'é doc'\nclass B:\n  '''zwei\n  süß'''; y = 'ß'\n"
    labels = character_labels(source)["docstring"]
    text = "".join(c for c, label in zip(source, labels, strict=True) if label == 1)
    assert text == "'édoc''''zweisüß'''"


def test_line_ends_of_other_systems_and_form_feeds_keep_places():
    source = 'x = 1\r\n\x0cdef f():\r\n    "doc"\r\n    return (2)\r\n'
    labels = character_labels(source)
    docstring, depth = (
        "".join(c for c, label in zip(source, labels[task], strict=True) if label == 1)
        for task in ("docstring", "depth")
    )
    assert (docstring, depth) == ('"doc"', "2")


def test_what_python_does_not_read_is_refused():
    for source in ("x = (1,\n", "return = 3\n", "x = 1\n  y = 2\n", "x = '\0'\n"):
        with pytest.raises(ValueError, match="this is no Python source"):
            character_labels(source)


def test_bytes_carry_the_labels_of_their_characters():
    text = labelled_text([Document("a", "ä = (1)"), Document("bad", "x = (1,"), Document("b", "if x: y")])
    assert bytes(text.tokens.tolist()).decode() == "ä = (1)\n\nif x: y\n\n"
    none = UNLABELLED
    assert text.tokens.dtype == torch.long
    assert list(text.labels) == list(CODE_TASKS)
    assert text.labels["depth"].tolist() == (
        [0, 0, none, 0, none, 0, 1, 0, none, none, 0, 0, none, 0, 0, none, 0, none, none]
    )
    assert text.labels["word"].tolist() == ([0, 0] + [none] * 8 + [1, 1, none, 0, none, none, 0, none, none])


def test_pieces_carry_the_label_of_their_first_labelled_character():
    # ASCII alone: a piece of a longer letter would have no place of its own in the walk below
    ascii_source = SOURCE.strip().replace("ö", "o").replace("ß", "s")
    documents = [Document("a", ascii_source), Document("b", "x = (yield_value)\n" * 6)]
    tokenizer = BytePairTokenizer.train([d.text for d in documents], 290)
    text = labelled_text(documents, tokenizer)
    whole = "".join(d.text + "\n\n" for d in documents)
    assert tokenizer.decode(text.tokens.tolist()) == whole
    by_character = {task: [] for task in CODE_TASKS}
    for document in documents:
        for task, labels in character_labels(document.text + "\n\n").items():
            by_character[task] += labels
    place = 0
    for number, token in enumerate(text.tokens.tolist()):
        size = len(tokenizer.decode([token]))
        for task, labels in by_character.items():
            asked = [label for label in labels[place : place + size] if label != UNLABELLED]
            assert text.labels[task][number] == (asked[0] if asked else UNLABELLED)
        place += size
    assert place == len(whole)


def test_no_source_at_all_is_said():
    with pytest.raises(ValueError, match="none of the 1 documents is a Python source"):
        labelled_text([Document("bad", "x = (")])


# ---- windows ----


@pytest.fixture
def text():
    n = torch.arange(40)
    return LabelledText(n, {"twice": 2 * n, "less": n - 1})


def test_a_batch_is_windows_with_the_labels_of_the_same_places(text):
    tokens, labels = LabelledTextSampler(text, context=5, batch_size=300)(torch.Generator().manual_seed(0))
    assert tokens.shape == (300, 5)
    assert torch.equal(tokens, tokens[:, :1] + torch.arange(5))
    assert list(labels) == ["twice", "less"]
    assert torch.equal(labels["twice"], 2 * tokens)
    assert torch.equal(labels["less"], tokens - 1)
    assert (tokens.min(), tokens.max()) == (0, 39)  # both ends of the text are drawn


def test_a_whole_text_is_a_window_and_tasks_can_be_chosen(text):
    tokens, labels = LabelledTextSampler(text, context=40, batch_size=2, tasks=["less"])(torch.Generator())
    assert torch.equal(tokens, torch.arange(40).expand(2, -1))
    assert list(labels) == ["less"]


def test_the_windows_can_be_few_and_always_the_same(text):
    def starts(of_batch, **few):
        sampler = LabelledTextSampler(text, context=4, batch_size=200, **few)
        return sorted(set(sampler(torch.Generator().manual_seed(of_batch))[0][:, 0].tolist()))

    assert len(starts(0)) > 30
    assert len(starts(0, windows=3)) == 3
    assert starts(0, windows=3) == starts(1, windows=3)
    assert starts(0, windows=3) == starts(0, windows=3, seed=0) != starts(0, windows=3, seed=1)


def test_the_generator_alone_decides(text):
    sampler = LabelledTextSampler(text, context=4, batch_size=8)
    one, again, other = (sampler(torch.Generator().manual_seed(s))[0] for s in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_sampler_refuses_what_cannot_be(text):
    with pytest.raises(ValueError, match="40 tokens, context=41"):
        LabelledTextSampler(text, context=41, batch_size=1)
    with pytest.raises(ValueError, match="no task 'thrice', only twice, less"):
        LabelledTextSampler(text, context=4, batch_size=1, tasks=["twice", "thrice"])
    for name, sizes in {"context": (0, 1), "batch_size": (4, 0)}.items():
        with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
            LabelledTextSampler(text, context=sizes[0], batch_size=sizes[1])
    with pytest.raises(ValueError, match="windows=0"):
        LabelledTextSampler(text, context=4, batch_size=1, windows=0)
