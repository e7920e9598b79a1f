"""Beam search: against transformers, against trying everything, and with a constraint."""

import copy
import itertools

import pytest
import torch
from chains import Chain, drawn_chain
from transformers import GPT2Config, GPT2LMHeadModel

from llmasos_edu.generation.beams import beam_search
from llmasos_edu.generation.grammar import literal
from llmasos_edu.generation.grammar_constraint import GrammarConstraint
from llmasos_edu.generation.keywords import KeywordConstraint
from llmasos_edu.models.interop import load_transformers
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import ByteTokenizer

VOCAB, STOP = 7, 3


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same random model as transformers' and as the book's."""
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=STOP,
        pad_token_id=0, initializer_range=0.6, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
    )  # fmt: skip
    theirs = GPT2LMHeadModel(config).double().eval()
    folder = tmp_path_factory.mktemp("gpt2")
    theirs.save_pretrained(folder)
    return theirs, load_transformers(folder, dtype=torch.float64)


def prompt(seed, length=4):
    return torch.randint(VOCAB, (length,), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("num_beams", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_it_equals_transformers(both, seed, num_beams, length_penalty):
    theirs, ours = both
    row = prompt(seed)
    (found,) = beam_search(ours, [row], 9, num_beams=num_beams, length_penalty=length_penalty, stop=STOP)
    if num_beams == 1:
        want = theirs.generate(row[None], attention_mask=torch.ones(1, 4), max_new_tokens=9, do_sample=False)
        written = want[0, 4:].tolist()
        assert found[0].tokens.tolist() == (written[: written.index(STOP)] if STOP in written else written)
        return

    want = theirs.generate(
        row[None], attention_mask=torch.ones(1, 4), max_new_tokens=9, num_beams=num_beams, do_sample=False,
        num_return_sequences=num_beams, length_penalty=length_penalty, early_stopping="never",
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    texts = [
        list(itertools.takewhile(lambda token: token != STOP, each.tolist()))
        for each in want.sequences[:, 4:]
    ]
    scores = [each.score for each in found]
    assert scores == pytest.approx(want.sequences_scores.tolist(), abs=1e-6)
    assert [each.tokens.tolist() for each in found] == [
        text[: len(each.tokens)] for text, each in zip(texts, found, strict=True)
    ]


def everything(model, row, most):
    """Every text that ends, or has `most` tokens: (log-probability, tokens, ended)."""
    found, waiting = [], [((), 0.0)]
    while waiting:
        tokens, total = waiting.pop()
        with torch.no_grad():
            log_probs = model(torch.cat((row, torch.tensor(tokens, dtype=torch.long)))[None])[
                0, -1
            ].log_softmax(-1)
        for token, value in enumerate(log_probs.tolist()):
            if token == STOP:
                found.append((total + value, tokens, True))
            elif len(tokens) + 1 == most:
                found.append((total + value, (*tokens, token), False))
            else:
                waiting.append(((*tokens, token), total + value))
    return found


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_a_beam_as_wide_as_all_texts_finds_the_best_of_all(both, length_penalty):
    _, model = both
    row = prompt(5)
    texts = everything(model, row, 3)
    score = lambda each: each[0] / (len(each[1]) + each[2]) ** length_penalty  # noqa: E731
    best = max(texts, key=score)
    (found,) = beam_search(model, [row], 3, num_beams=300, length_penalty=length_penalty, stop=STOP)
    assert tuple(found[0].tokens.tolist()) == best[1]
    assert found[0].score == pytest.approx(score(best))
    assert found[0].log_prob == pytest.approx(best[0])
    assert found[0].ended == best[2]
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_prompts_of_several_lengths_do_not_disturb_each_other(both):
    _, model = both
    rows = [prompt(1, 2), prompt(2, 5), prompt(3, 3)]
    together = beam_search(model, rows, 6, num_beams=3, stop=STOP)
    alone = [beam_search(model, [row], 6, num_beams=3, stop=STOP)[0] for row in rows]
    for first, second in zip(together, alone, strict=True):
        assert [each.tokens.tolist() for each in first] == [each.tokens.tolist() for each in second]
        assert [each.score for each in first] == pytest.approx([each.score for each in second])


def test_scores_are_what_the_model_says_of_the_texts(both):
    _, model = both
    row = prompt(4)
    for each in beam_search(model, [row], 6, num_beams=4, length_penalty=0.7, stop=STOP)[0]:
        said = each.tokens.tolist() + [STOP] * each.ended
        whole = torch.cat((row, torch.tensor(said, dtype=torch.long)))
        with torch.no_grad():
            log_probs = model(whole[None, :-1])[0, len(row) - 1 :].log_softmax(-1)
        total = log_probs[torch.arange(len(said)), torch.tensor(said)].sum().item()
        assert each.log_prob == pytest.approx(total)
        assert each.score == pytest.approx(total / len(said) ** 0.7)


# ---- chains: a table of scores in a model's place ----


@pytest.mark.parametrize(("length_penalty", "reads"), [(0, 0), (0.6, 0), (1, 2), (2, 39)])
def test_the_search_ends_when_nothing_can_become_better(length_penalty, reads):
    # Each time it ends with p = 0.834, -log p = 0.182; any other token has -log p = 3.182. After n others the
    # score can come to n * 3.182 / 40**penalty at best, and as long as that is below 0.182 it may get better.
    table = torch.zeros(5, 5, dtype=torch.float64)
    table[:, STOP] = 3.0
    model = Chain(table)
    ((best,),) = beam_search(model, [[0]], 40, num_beams=1, length_penalty=length_penalty, stop=STOP)
    assert model.reads == reads
    assert len(best.tokens) == (39 if length_penalty == 2 else 0)
    assert best.ended
    assert best.tokens.dtype == torch.long


class Without:
    """A constraint that does not have what is named."""

    def __init__(self, constraint, *names):
        self._constraint, self._names = constraint, names

    def __getattr__(self, name):
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._constraint, name)


def test_banks_and_hints_find_likelier_texts_with_rare_keywords():
    constraint = KeywordConstraint(ByteTokenizer(), ["ox", "bee"])
    scores = {}
    for hidden in ((), ("progress",), ("helpful",)):
        held = Without(constraint, *hidden)
        found = [
            beam_search(drawn_chain(seed), [[97]], 14, num_beams=4, stop=10, constraint=held)[0][0].score
            for seed in range(12)
        ]
        scores[hidden] = sum(found) / 12
    assert scores[()] > scores["progress",] + 0.05
    assert scores[()] > scores["helpful",] + 0.05


@pytest.mark.parametrize("num_beams", [1, 3])
def test_a_room_that_just_suffices_is_enough(num_beams):
    constraint = KeywordConstraint(ByteTokenizer(), ["ox"])
    (found,) = beam_search(drawn_chain(0), [[97]], 3, num_beams=num_beams, stop=10, constraint=constraint)
    assert [bytes(each.tokens.tolist()) for each in found] == [b" ox"]
    assert found[0].ended


def test_prompts_of_several_lengths_go_on_from_their_own_ends():
    model = drawn_chain(1)
    rows = [[5], [7, 9, 200], [8, 3]]
    together = beam_search(model, rows, 5, num_beams=3, stop=10)
    for row, found in zip(rows, together, strict=True):
        (alone,) = beam_search(model, [row[-1:]], 5, num_beams=3, stop=10)
        assert [each.tokens.tolist() for each in found] == [each.tokens.tolist() for each in alone]


def test_behind_half_a_word_each_row_begins_a_word_of_its_own():
    table = torch.zeros(256, 256, dtype=torch.float64)
    for before, after in zip(b"lread", b"read.", strict=True):
        table[before, after] = 9.0  # behind an l it would write read
    constraint, rows = KeywordConstraint(ByteTokenizer(), ["read"]), [b"al", b"a model al", b"l"]
    found = beam_search(Chain(table), list(map(list, rows)), 12, stop=10, constraint=constraint)
    for row, (best, *_) in zip(rows, found, strict=True):
        (alone,) = beam_search(Chain(table), [list(row)], 12, stop=10, constraint=constraint)
        assert best.tokens.tolist() == alone[0].tokens.tolist()
        assert b" read" in bytes(best.tokens.tolist())


def test_the_mode_comes_back_and_nothing_is_kept_for_training(bytes_model):
    bytes_model.train()
    try:
        beam_search(bytes_model, [list(b"the")], 2)
        assert bytes_model.training
    finally:
        bytes_model.eval()


# ---- with a constraint ----


@pytest.fixture(scope="module")
def bytes_model():
    torch.manual_seed(0)
    model = LanguageModel(256, d_model=16, num_layers=1, num_heads=2).eval()
    with torch.no_grad():
        model.head.weight.normal_(std=0.5)
    return model


@pytest.mark.parametrize("num_beams", [1, 3, 8])
def test_every_hypothesis_keeps_the_constraint(bytes_model, num_beams):
    constraint = KeywordConstraint(ByteTokenizer(), ["ox", "bee"])
    for hypotheses in beam_search(
        bytes_model, [list(b"the "), list(b"a")], 12, num_beams=num_beams, stop=10, constraint=constraint
    ):
        assert 1 <= len(hypotheses) <= num_beams
        for each in hypotheses:
            text = bytes(each.tokens.tolist()).decode("latin-1").lower()
            assert {"ox", "bee"} <= set(
                "".join(c if c.isascii() and c.isalpha() else " " for c in text).split()
            )
            assert each.ended
            assert len(each.tokens) <= 12


def test_more_beams_find_a_likelier_text_within_the_constraint(bytes_model):
    constraint = KeywordConstraint(ByteTokenizer(), ["ox"])
    best = [
        beam_search(
            bytes_model, [list(b"the ")], 8, num_beams=n, length_penalty=0, stop=10, constraint=constraint
        )[0][0].score
        for n in (1, 16)
    ]
    assert best[1] > best[0]


def test_a_constraint_that_the_model_keeps_by_itself_changes_nothing(both):
    class Anything:
        def start(self):
            return 0

        def advance(self, state, token):
            return 0

        def needed(self, state):
            return 0

        def allowed(self, state, left):
            return torch.full((VOCAB,), left > 0)

    _, model = both
    ended = 0
    for seed in range(8):
        free = beam_search(model, [prompt(seed)], 9, num_beams=3, stop=STOP)[0][0]
        held = beam_search(model, [prompt(seed)], 9, num_beams=3, stop=STOP, constraint=Anything())[0][0]
        if free.ended:
            ended += 1
            assert held.score >= free.score - 1e-12
    assert ended


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"num_beams": 0}, ValueError, "num_beams=0"),
        ({"length_penalty": -1}, ValueError, "length_penalty=-1"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens=0"),
        ({"num_beams": 1.5}, ValueError, "num_beams=1.5"),
        ({"length_penalty": None}, TypeError, "length_penalty=None must be a number"),
        ({"length_penalty": float("nan")}, ValueError, "length_penalty=nan is out of range"),
        ({"length_penalty": 101}, ValueError, "length_penalty=101 is out of range: 0 to 100"),
        ({"stop": None}, TypeError, "stop=None is no token"),
        ({"stop": 300}, ValueError, "stop=300 is no token"),
        ({"constraint": "ox"}, TypeError, "constraint='ox' has no method start"),
        (
            {"constraint": KeywordConstraint(ByteTokenizer(), ["ox"])},
            ValueError,
            "one stop token is wanted, got 0",
        ),
        (
            {"constraint": KeywordConstraint(ByteTokenizer(), ["giraffe"]), "stop": 10, "max_new_tokens": 7},
            ValueError,
            "the constraint needs 8 tokens, and max_new_tokens=7",
        ),
        (
            {"constraint": KeywordConstraint(ByteTokenizer(), ["ox"]), "stop": ord("x")},
            ValueError,
            "stop=120 ends a text and cannot stand in one",
        ),
        (
            {"constraint": GrammarConstraint(ByteTokenizer(), literal("ox")), "stop": ord("x")},
            ValueError,
            "allows no token here; does it need stop=120",
        ),
    ],
)
def test_bad_requests_are_refused_in_words(bytes_model, options, error, words):
    with pytest.raises(error, match=words):
        beam_search(bytes_model, [list(b"the")], **({"max_new_tokens": 8} | options))


def test_what_is_no_model_or_no_prompt_is_refused_in_words(bytes_model):
    with pytest.raises(TypeError, match=r"model=None has no method new_cache\(\)"):
        beam_search(None, [list(b"the")], 4)
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        beam_search(bytes_model, [list(b"the"), []], 4)


def test_a_model_whose_numbers_have_run_away_finds_nothing_and_says_so(bytes_model):
    broken = copy.deepcopy(bytes_model)
    with torch.no_grad():
        broken.head.weight.fill_(torch.nan)
    with pytest.raises(ValueError, match="the largest logit of row 0 is nan"):
        beam_search(broken, [list(b"the")], 4)
