"""The book's model in JavaScript against torch, its tokenizer against the library's, in a real Chromium."""

from __future__ import annotations

import sys
import unicodedata

import pytest
import torch
from model_page import ModelPage, write_page

import llmasos_edu
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer

TOLERANCE = 1e-3
TEXTS = [
    "The with statement is used to wrap the execution of a block with methods.",
    "class Stack:\n    def push(self, item):\n        self.items.append(item)\n",
    "It's 2026; we've 1,000 \"odd\" words -- don't they'll I'd you're I'm she's?",
]
ODD_TEXTS = [
    "", " ", "\n", "a", "  two  blanks ", "tail   ", "\t\ttabs\tin\t\tit", "line\n\n\n  end\r\n\r\n",
    "don't DON'T 'tis 's 'S 'll'll we're'd 've ''' it''s", "'" * 30, "snake_case __init__ a_1 1_a ²³ Ⅷ ½ x²",
    "中文分词，没有空格。 机器学习 2026 年", "日本語のテキスト、ひらがなカタカナ",
    "한국어 띄어쓰기 테스트", "العربية نص ١٢٣ تجربة",
    "Übergrößenträger naïve café", "cafe\u0301 e\u0301e\u0301", "привет мир", "👍🏽 👨‍👩‍👧‍👦 🇨🇳🇩🇪 ☺️ 😀😀",
    "𝕬𝖇𝖈 𝟙𝟚𝟛 𠮷野家", "a\u00a0b\u2003c\u3000d\u2028e\u2029f",
    "\u0085x\u0085\u0085y", "\ufeffbom\ufeff \ufeff in",
    "\u200b\u200d zero\u200bwidth", "\x00\x01\x1c\x1d\x1e\x1f \x7f", "a\x1c b\x1f\x1f  c",
    "....!!??((()))[]{}",
    "=" * 200, "x" * 300, "ab" * 150, " " * 97, "\n" * 40 + " " * 13 + "z", "mixed123abc456 7x8y",
    "\U0010ffff\ufffd",
    "ǅ ʰ ª º ٠ ೨ ௰ 〇 ① ㊿ ༳", "e=mc², ∑∫√ ≤≥ €£¥ ©®™", "\u0301\u0301start with marks", "ta\u0301b \u0301 x",
]  # fmt: skip


def odd_model(**settings):
    """Sizes that no loop divides evenly, random weights, its own base and eps; weights are halves."""
    torch.manual_seed(3)
    model = LanguageModel(256, d_model=15, num_layers=2, num_heads=3, head_dim=6, d_ff=22,
                          position_base=50.0, norm_eps=1e-3, **settings)  # fmt: skip
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape))
    return model.half().float().eval()


@pytest.fixture(scope="module")
def shipped():
    return llmasos_edu.load("manual-dense")


@pytest.fixture(scope="module")
def pages(browser, shipped, tmp_path_factory):
    """Pages of the shipped model and of an odd one that reads bytes."""
    folder, opened = tmp_path_factory.mktemp("models"), {}
    models = {"shipped": (shipped.model, shipped.tokenizer), "odd": (odd_model(), ByteTokenizer())}
    for name, (model, tokenizer) in models.items():
        page = browser.new_page()
        page.context.set_offline(True)
        page.goto(write_page(model, tokenizer, folder / f"{name}.html").as_uri())
        page.wait_for_selector('[data-state="ready"]', state="attached")
        opened[name] = ModelPage(page)
    yield opened
    for page in opened.values():
        page.page.close()


@pytest.fixture
def page(pages):
    return pages["shipped"]


READ = """(js, model, [tokens, silenced]) =>
    [...new js.Reading(model, tokens.length, silenced).read(tokens).logits]"""


def logits_of(page, tokens, silenced=()):
    found = page.run(READ, [tokens, list(silenced)])
    return torch.tensor(found).view(len(tokens), -1)


# ---- the tokenizer ----


@pytest.mark.parametrize("source", [None, "tokenizer", "sampling"])
def test_the_tokenizer_gives_the_library_s_ids(page, shipped, source):
    texts = [*ODD_TEXTS, *TEXTS]
    if source:  # whole files of real prose and code
        module = {"tokenizer": "llmasos_edu.text.tokenizer", "sampling": "llmasos_edu.generation.sampling"}
        __import__(module[source])
        with open(sys.modules[module[source]].__file__, encoding="utf-8") as file:
            texts = [file.read()]
    found = page.run("(js, { tokenizer }, texts) => texts.map((text) => tokenizer.encode(text))", texts)
    for text, ids in zip(texts, found, strict=True):
        assert ids == shipped.tokenizer.encode(text), repr(text)


def test_every_character_of_unicode_is_cut_and_joined_alike(page, shipped):
    """Those that Python's tables know: browser and library are of later versions, and agree on them.

    Of the hundred thousand Chinese and Korean letters, and of private ones, every thirtieth.
    """
    codes = [
        *range(0x3400),
        *range(0x3400, 0xFB00, 30),
        *range(0xFB00, 0x20000),
        *range(0x20000, 0x110000, 30),
    ]
    known = [chr(code) for code in codes if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    texts = [
        "".join(f"a{letter}1{letter}{letter} {letter}b." for letter in known[start : start + 500])
        for start in range(0, len(known), 500)
    ]
    found = page.run(
        "(js, { tokenizer }, texts) => texts.map((text) => tokenizer.encode(text).join())", texts
    )
    wrong = [
        number
        for number, (text, ids) in enumerate(zip(texts, found, strict=True))
        if ids != ",".join(map(str, shipped.tokenizer.encode(text)))
    ]
    assert wrong == []
    assert len(known) > 30_000


def test_text_comes_back_and_a_cut_character_is_marked(page, shipped):
    decode = "(js, { tokenizer }, rows) => rows.map((ids) => tokenizer.decode(ids))"
    rows = [shipped.tokenizer.encode(text) for text in ODD_TEXTS]
    assert page.run(decode, rows) == ODD_TEXTS
    halves = [ids[:-1] for ids in rows if ids] + [ids[1:] for ids in rows if ids]
    assert page.run(decode, halves) == [shipped.tokenizer.decode(ids) for ids in halves]


def test_names_and_vocabulary_are_python_s(page, shipped):
    names = page.run("(js, { tokenizer }) => tokenizer.names")
    assert names == shipped.tokenizer.tokens(range(2048))


def test_half_of_a_surrogate_pair_does_not_stop_a_reader_who_types_it(page, shipped):
    ids = page.run("(js, { tokenizer }) => tokenizer.encode('a\\ud83d b')")
    assert ids == shipped.tokenizer.encode("a\ufffd b")


def test_a_tokenizer_whose_merges_make_one_token_twice(browser, tmp_path):
    """`ab` + `c` and `a` + `bc` are one token: the second way to it may wake a merge learnt before."""
    pairs = ["a b", "b c", "ab c", "abc a", "a bc", "abca b"]
    tokenizer = BytePairTokenizer([tuple(part.encode() for part in pair.split()) for pair in pairs])
    model = LanguageModel(tokenizer.vocab_size, d_model=8, num_layers=1, num_heads=2).eval()
    page = browser.new_page()
    page.goto(write_page(model, tokenizer, tmp_path / "model.html").as_uri())
    page.wait_for_selector('[data-state="ready"]', state="attached")
    texts = ["abcab", "bcabcabca", "aabcbcabab", "abcabcabcbca", "cababcabca"]
    found = ModelPage(page).run("(js, { tokenizer }, texts) => texts.map((t) => tokenizer.encode(t))", texts)
    assert found == [tokenizer.encode(text) for text in texts]
    page.close()


# ---- the forward pass ----


@pytest.mark.parametrize("text", TEXTS)
def test_logits_are_torch_s(page, shipped, text):
    tokens = shipped.tokenizer.encode(text)
    with torch.no_grad():
        expected = shipped.model(torch.tensor([tokens]))[0]
    assert (logits_of(page, tokens) - expected).abs().max() < TOLERANCE


def test_a_model_of_odd_sizes_reads_as_in_torch(pages):
    model, tokens = odd_model(), list(b"sizes that nothing divides, 64 of bytes in a row, and no more: x")
    with torch.no_grad():
        expected = model(torch.tensor([tokens]))[0]
    assert expected.std() > 0.5
    assert (logits_of(pages["odd"], tokens) - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("heads", [[(0, 0)], [(1, 2), (3, 0)], [(0, head) for head in range(4)]])
def test_silenced_heads_are_torch_s_head_mask(page, shipped, heads):
    tokens = shipped.tokenizer.encode(TEXTS[1])
    mask = shipped.model.knock_out(heads)
    with torch.no_grad():
        expected = shipped.model(torch.tensor([tokens]), head_mask=mask)[0]
        intact = shipped.model(torch.tensor([tokens]))[0]
    silenced = (1 - mask).flatten().int().tolist()
    assert (expected - intact).abs().max() > 0.1
    assert (logits_of(page, tokens, silenced) - expected).abs().max() < TOLERANCE


def test_scores_are_torch_s(page, shipped):
    tokens = shipped.tokenizer.encode(TEXTS[2])
    seen = shipped.model.inspect(torch.tensor([tokens]))
    found = page.run(
        """(js, model, tokens) => {
            const reading = new js.Reading(model, tokens.length).read(tokens);
            const rows = [...tokens.keys()], four = [0, 1, 2, 3];
            return four.map((layer) => rows.map((q) => rows.map((k) => reading.score(layer, 1, q, k)))); }""",
        tokens,
    )
    assert (torch.tensor(found) - seen.scores[:, 0, 1]).abs().max() < TOLERANCE


GREEDY = """(js, model, [tokens, count]) => {
    const reading = new js.Reading(model, tokens.length + count);
    const written = [...tokens];
    const start = performance.now();
    for (let i = 0; i < count; i++) {
        reading.read(written);
        written.push(js.softmax(reading.logitsAt(written.length - 1), 0).indexOf(1));
    }
    return { written, seconds: (performance.now() - start) / 1000 }; }"""


@pytest.mark.parametrize("text", [*TEXTS, "中文 ", "\n"])
def test_greedy_writing_is_torch_s_token_for_token(page, shipped, text):
    tokens = shipped.tokenizer.encode(text)
    expected = shipped.model.generate(torch.tensor([tokens]), 120, temperature=0)[0].tolist()
    assert page.run(GREEDY, [tokens, 120])["written"] == expected


def test_a_text_that_changes_is_read_as_if_for_the_first_time(page, shipped):
    first, second = (shipped.tokenizer.encode(f"while the list {end}") for end in ("is empty", "has an item"))
    found = page.run(
        """(js, model, [first, second]) => {
            const reading = new js.Reading(model, 32);
            const steps = [];
            const step = reading.step;
            reading.step = function (token, at) { steps.push(at); step.call(reading, token, at); };
            for (const tokens of [first, second, first.slice(0, 2), first]) reading.read(tokens);
            const logits = [...reading.logitsAt(first.length - 1)];
            return { logits, steps }; }""",
        [first, second],
    )
    shared = next(i for i in range(len(first)) if first[i] != second[i])
    again = [*range(len(first)), *range(shared, len(second)), *range(2, len(first))]
    assert shared >= 2
    assert found["steps"] == again, "what two texts share is read once"
    assert (torch.tensor(found["logits"]) - logits_of(page, first)[-1]).abs().max() == 0
    with pytest.raises(Exception, match="5 tokens, but there is room for 4"):
        page.run("(js, model) => new js.Reading(model, 4).read([1, 2, 3, 4, 5])")


@pytest.mark.parametrize("temperature", [0, 0.5, 1, 2])
def test_softmax_is_torch_s(page, temperature):
    logits = [2.0, -1.0, 0.5, 2.0, float(-300)]
    found = page.run(
        "(js, model, [logits, t]) => [...js.softmax(Float32Array.from(logits), t)]", [logits, temperature]
    )
    expected = torch.tensor([1.0, 0, 0, 0, 0])
    if temperature:
        expected = (torch.tensor(logits) / temperature).softmax(-1)
    assert found == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(found) == pytest.approx(1, abs=1e-12)


def test_fifty_tokens_a_second_at_least(page, shipped, record_property):
    tokens = shipped.tokenizer.encode("The import statement")
    runs = [page.run(GREEDY, [tokens, 100])["seconds"] for _ in range(3)]
    record_property("latency", f"the shipped model in the browser: {100 / min(runs):.0f} tokens a second")
    assert 100 / min(runs) > 50
