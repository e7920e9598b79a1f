"""Writing within a constraint: keywords, grammars and schemas hold for every text, whatever the model."""

import json
import re

import jsonschema
import pytest
import torch
from chains import Chain
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus.sentences import words_of
from llmasos_edu.generation.beams import beam_search
from llmasos_edu.generation.constraints import allowed_now, check_room, started, write_constrained
from llmasos_edu.generation.grammar import ByteMachine, choice, literal, one_of, repeat, sequence
from llmasos_edu.generation.grammar_constraint import GrammarConstraint, token_bytes
from llmasos_edu.generation.json_schema import schema_pattern
from llmasos_edu.generation.keywords import KeywordConstraint
from llmasos_edu.generation.sampling import generate
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer

TEXT = "the model reads the text and the text is read by the model, one token after the other " * 9
STOP = 10


@pytest.fixture(scope="module")
def tokenizer():
    return BytePairTokenizer.train(TEXT, 290)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(3)
    model = LanguageModel(tokenizer.vocab_size, d_model=16, num_layers=1, num_heads=2).eval()
    with torch.no_grad():
        model.head.weight.normal_(std=0.7)
    return model


def stop_of(tokenizer):
    return tokenizer.encode("\n")[0]


# ---- keywords ----


def test_a_word_that_the_prompt_has_begun_is_none_that_is_written(tokenizer):
    constraint = KeywordConstraint(tokenizer, ["turn"])
    text, blank = tokenizer.encode("turn"), tokenizer.encode(" ")
    for prompt, counted in (("re", 0), ("the re_", 0), ("re ", 1), ("12", 1), ("the text.", 1)):
        state = constraint.start_after(tokenizer.encode(prompt))
        assert constraint.needed(state) == len(constraint.paths["turn"])
        for token in text + blank:
            state = constraint.advance(state, token)
        assert constraint.progress(state) == counted, prompt
    assert constraint.start_after([]) == constraint.start()
    ended = constraint.start_after(tokenizer.encode("a turn"))  # it stands in the prompt, and is not written
    assert constraint.needed(constraint.advance(ended, blank[0])) > 0
    half = [tokenizer.encode("é")[0]]  # may go on as a letter
    assert constraint.progress(constraint.advance(constraint.start_after(half), text[0])) == 0


@pytest.mark.parametrize("beams", [False, True])
def test_behind_half_a_word_the_keyword_is_written_as_a_word_of_its_own(model, tokenizer, beams):
    constraint = KeywordConstraint(tokenizer, ["read"])
    prompts = [tokenizer.encode(text) for text in ("the ", "al", "the model al")]
    room, stop = constraint.needed(constraint.start()) + 1, stop_of(tokenizer)
    if beams:
        found = beam_search(model, prompts, room, num_beams=3, stop=stop, constraint=constraint)
        found = [each for several in found for each in several[:1]]
    else:
        found = write_constrained(
            model, prompts, room, constraint, stop=stop, generator=torch.Generator().manual_seed(1)
        )
    for prompt, each in zip(prompts, found, strict=True):
        assert "read" in words_of(tokenizer.decode([*prompt, *each.tokens.tolist()]))


@pytest.mark.parametrize("room", [0, 1, 3, 20])
@pytest.mark.parametrize("seed", range(4))
def test_all_keywords_occur_whatever_the_room(model, tokenizer, seed, room):
    words = ["token", "giraffe", "model", "read"]
    constraint = KeywordConstraint(tokenizer, words)
    most = constraint.needed(constraint.start()) + room
    prompts = [tokenizer.encode("the text"), tokenizer.encode("one")]
    for each in write_constrained(
        model,
        prompts,
        most,
        constraint,
        stop=stop_of(tokenizer),
        generator=torch.Generator().manual_seed(seed),
    ):
        assert len(each.tokens) <= most
        said = re.findall(r"[^\W\d_]+", tokenizer.decode(each.tokens.tolist()).lower())
        assert set(words) <= set(said)


def test_a_random_walk_of_allowed_tokens_ends_in_time(tokenizer):
    constraint = KeywordConstraint(tokenizer, ["model", "read", "mode"])
    for seed in range(30):
        generator, state, tokens = torch.Generator().manual_seed(seed), constraint.start(), []
        most = constraint.needed(state) + seed % 4
        for left in range(most, 0, -1):
            mask = constraint.allowed(state, left)
            assert mask.any() or constraint.needed(state) == 0
            if not mask.any():
                break
            options = mask.nonzero()[:, 0]
            token = int(options[torch.randint(len(options), (1,), generator=generator)])
            state = constraint.advance(state, token)
            tokens.append(token)
            assert constraint.needed(state) <= left - 1
        assert {"model", "read", "mode"} <= set(words_of(tokenizer.decode(tokens)))


def test_progress_counts_whole_words_in_any_case():
    constraint = KeywordConstraint(ByteTokenizer(), ["Ox", "bee"])

    def after(text):
        state = constraint.start()
        for byte in text.encode():
            state = constraint.advance(state, byte)
        return constraint.progress(state), constraint.needed(state)

    assert after("") == (0, 7)
    assert after("An OX") == (1, 4)
    assert after("An oxen") == (0, 7)
    assert after("an ox. Bee") == (2, 0)
    assert after("bee_line") == (0, 7)
    assert after("an ox b") == (1, 2)
    assert after("bee2") == (1, 3)
    assert after("foxbee") == (0, 7)


def test_a_word_half_said_is_gone_on_with_or_begun_anew():
    constraint = KeywordConstraint(ByteTokenizer(), ["bee"])
    state = constraint.start()
    assert constraint.helpful(state) == [32]
    for byte in b" be":
        state = constraint.advance(state, byte)
    assert constraint.helpful(state) == [ord("e")]
    state = constraint.advance(state, ord("a"))
    assert (constraint.helpful(state), constraint.needed(state)) == ([32], 4)


def test_a_keyword_at_the_end_may_be_closed_but_not_lengthened():
    constraint = KeywordConstraint(ByteTokenizer(), ["bee"])
    state = constraint.start()
    for byte in b" bee":
        state = constraint.advance(state, byte)
    allowed = constraint.allowed(state, 1)
    assert allowed[ord(".")]
    assert allowed[ord(" ")]
    assert not allowed[ord("s")]
    assert not allowed[0xC3], "half a letter"
    assert not constraint.allowed(state, 0).any()
    assert constraint.allowed(state, 9)[ord("s")], "with room for another bee"


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ([], ValueError, "keywords has 0 entries"),
        ("bee", TypeError, "keywords is one string"),
        (["two words"], ValueError, "'two words' holds other signs than letters"),
        (["bee", "Bee"], ValueError, "keywords holds 'bee' more than once"),
        (["naïve"], ValueError, "a letter of the keyword 'naïve' is spread over several tokens"),
        (None, TypeError, "keywords=None: a list of words is wanted"),
        ([7], TypeError, r"keywords\[0\] is 7, expected a string"),
        ([""], TypeError, r"keywords\[0\] is ''"),
        ([n * "a" + "b" for n in range(65)], ValueError, "has 65 entries, expected 1 to 64"),
    ],
)
def test_keywords_that_are_none_are_refused(words, error, message):
    with pytest.raises(error, match=message):
        KeywordConstraint(ByteTokenizer(), words)


@pytest.mark.parametrize("token", [256, -1, "b", None])
def test_a_token_that_the_tokenizer_does_not_have_is_refused(token):
    constraint = KeywordConstraint(ByteTokenizer(), ["bee"])
    words = f"token {token!r} is none of the tokenizer's: 0 to 255"
    with pytest.raises(ValueError, match=words):
        constraint.advance(constraint.start(), token)
    with pytest.raises(ValueError, match=words):
        constraint.start_after([97, token])
    with pytest.raises(TypeError, match=r"tokenizer=None has no method encode\(\)"):
        KeywordConstraint(None, ["bee"])


def test_without_room_nothing_is_allowed():
    constraint = KeywordConstraint(ByteTokenizer(), ["bee"])
    state = constraint.start()
    assert not constraint.allowed(state, 0).any()
    assert constraint.allowed(state, 1).nonzero().tolist() == [[32]], "what helps, though it is not enough"
    for byte in b" bee":
        state = constraint.advance(state, byte)
    assert torch.equal(constraint.allowed(state, 0), torch.zeros(256, dtype=torch.bool))


# ---- grammars ----

DIGITS = one_of("0123456789")
CLOCK = sequence(
    choice(sequence(one_of("01"), DIGITS), sequence("2", one_of("0123"))), ":", one_of("012345"), DIGITS
)


def test_a_machine_accepts_what_the_pattern_says():
    machine = ByteMachine(CLOCK)
    for text, right in (("09:30", True), ("23:59", True), ("24:00", False), ("9:30", False), ("09:3", False)):
        assert machine.accepts(text.encode()) is right, text
    assert machine.missing(machine.begin) == 5
    assert machine.missing(machine.step(machine.begin, ord("2"))) == 4
    assert machine.step(machine.begin, ord("7")) == frozenset()


PARTS = st.recursive(
    st.sampled_from([literal("ab"), literal("é"), one_of("xyz"), literal("")]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: sequence(*parts))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: choice(*parts))
        | st.tuples(inner, st.integers(0, 2), st.integers(0, 2)).map(
            lambda p: repeat(p[0], p[1], p[1] + p[2])
        )
    ),
    max_leaves=6,
)


def as_regex(pattern):
    """The same pattern in Python's own language of patterns, on bytes."""
    name = type(pattern).__name__
    if name == "OneOf":
        return b"[" + b"".join(re.escape(bytes([byte])) for byte in sorted(pattern.bytes)) + b"]"
    if name == "Repeat":
        return b"(?:%s){%d,%d}" % (as_regex(pattern.part), pattern.least, pattern.most)
    joined = (b"|" if name == "Choice" else b"").join(as_regex(part) for part in pattern.parts)
    return b"(?:" + joined + b")"


@given(pattern=PARTS, text=st.text("abxyzé", max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_machine_agrees_with_pythons_patterns(pattern, text):
    machine, regex = ByteMachine(pattern), re.compile(as_regex(pattern))
    data = text.encode()
    assert machine.accepts(data) == bool(regex.fullmatch(data))
    states, done = machine.begin, b""
    for byte in data:  # what is missing, tried out: the shortest way to the end is that long
        states = machine.step(states, byte)
        done += bytes([byte])
        if not states:
            break
    else:
        missing, frontier = 0, {states}
        while not any(machine._end in each for each in frontier):
            frontier = {machine.step(each, byte) for each in frontier for byte in b"abxyz\xc3\xa9"} - {
                frozenset()
            }
            missing += 1
        assert machine.missing(states) == missing


@pytest.mark.parametrize(
    "choice_of", [{}, {"temperature": 0}, {"temperature": 3.0}, {"top_k": 1}, {"min_p": 0.5}]
)
def test_every_text_is_of_the_grammar(model, tokenizer, choice_of):
    constraint = GrammarConstraint(tokenizer, repeat(sequence(CLOCK, " "), 1, 4))
    machine = constraint.machine
    for seed in range(3):
        found = write_constrained(
            model, [tokenizer.encode("at "), tokenizer.encode("the model")], 26, constraint,
            stop=stop_of(tokenizer), generator=torch.Generator().manual_seed(seed), **choice_of,
        )  # fmt: skip
        for each in found:
            assert machine.accepts(tokenizer.decode(each.tokens.tolist()).encode())
            assert each.log_prob < 0
            assert 0 <= each.forced <= len(each.tokens) + 1


def test_tokens_of_several_bytes_are_used_where_they_fit(tokenizer):
    constraint = GrammarConstraint(tokenizer, literal("the model"))
    state = constraint.start()
    for token in tokenizer.encode("the model"):
        assert constraint.allowed(state, 20)[token]
        state = constraint.advance(state, token)
    assert constraint.needed(state) == 0
    assert not constraint.allowed(state, 20).any()
    pieces = token_bytes(tokenizer)
    for token in (0, 5, 289):
        words = re.escape(f"token {token}, {pieces[token]!r}, is not allowed by the grammar here")
        with pytest.raises(ValueError, match=words):
            constraint.advance(state, token)
    for token in (999, -1, 290, None):
        words = f"token {token}, none of 0 to 289, is not allowed by the grammar here"
        with pytest.raises(ValueError, match=words):
            constraint.advance(state, token)


def test_a_token_that_leaves_no_time_is_not_allowed():
    constraint = GrammarConstraint(ByteTokenizer(), choice("a", "bcd"))
    assert constraint.allowed(constraint.start(), 3)[ord("b")]
    short = constraint.allowed(constraint.start(), 2)
    assert short[ord("a")]
    assert not short[ord("b")]


def test_without_a_constraint_that_binds_it_writes_what_generate_writes(model, tokenizer):
    stop = stop_of(tokenizer)
    anything = GrammarConstraint(tokenizer, repeat(one_of("".join(map(chr, range(128)))), 0, 60))
    prompt = tokenizer.encode("the")
    (found,) = write_constrained(model, [prompt], 8, anything, stop=stop, temperature=0)
    (free,) = generate(model, [prompt], 8, stop=stop, temperature=0)
    if all(max(piece) < 128 for piece in (token_bytes(tokenizer)[t] for t in free.tolist())):
        assert found.tokens.tolist() == [token for token in free.tolist()[len(prompt) :] if token != stop]
        assert found.forced == 0


class Anything:
    """A constraint that allows every token while there is room."""

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size

    def start(self):
        return 0

    def advance(self, state, token):
        return 0

    def needed(self, state):
        return 0

    def allowed(self, state, left):
        return torch.full((self.vocab_size,), left > 0)


def test_what_was_written_counts_as_said_for_the_penalty():
    table = torch.tensor([[0.0, 2.0, 1.5, 1.2, -9.0]] * 5)
    (found,) = write_constrained(
        Chain(table), [[4]], 4, Anything(5), stop=4, temperature=0, repetition_penalty=100.0
    )
    assert found.tokens.tolist() == [1, 2, 3, 1], "each once, and then the likeliest of those that were said"
    (found,) = write_constrained(
        Chain(table), [[1]], 1, Anything(5), stop=4, temperature=0, repetition_penalty=100.0
    )
    assert found.tokens.tolist() == [2], "a prompt is said as well"


def test_writing_ends_when_all_rows_have_ended():
    table = torch.zeros(5, 5)
    table[:, 4] = 9.0
    model = Chain(table)
    found = write_constrained(model, [[0], [1, 2]], 30, Anything(5), stop=4, temperature=0)
    assert [each.tokens.tolist() for each in found] == [[], []]
    assert model.reads == 0
    table[3], table[2, 3] = table[3].roll(1), 20.0  # after 2 comes 3, after 3 comes 0, and then the end
    found = write_constrained(model, [[0], [1, 2]], 30, Anything(5), stop=4, temperature=0)
    assert [each.tokens.tolist() for each in found] == [[], [3, 0]]
    assert model.reads == 2


def test_rows_of_several_lengths_go_on_from_their_own_ends():
    table = torch.zeros(256, 256)
    for before, after in zip(b"lread", b"read.", strict=True):
        table[before, after] = 9.0  # behind an l it would write read
    constraint, rows = KeywordConstraint(ByteTokenizer(), ["read"]), [b"al", b"a model al", b"l"]
    together = write_constrained(
        Chain(table), list(map(list, rows)), 12, constraint, stop=STOP, temperature=0
    )
    for row, found in zip(rows, together, strict=True):
        (alone,) = write_constrained(Chain(table), [list(row)], 12, constraint, stop=STOP, temperature=0)
        assert found.tokens.tolist() == alone.tokens.tolist()
        assert found.log_prob == pytest.approx(alone.log_prob)
        assert "read" in words_of(bytes([*row, *found.tokens.tolist()]).decode())


def test_no_model_is_refused_in_words(tokenizer):
    with pytest.raises(TypeError, match=r"model=None has no method new_cache\(\)"):
        write_constrained(None, [[1]], 5, GrammarConstraint(tokenizer, CLOCK), stop=STOP)


def test_the_log_probability_is_the_models_own(model, tokenizer):
    constraint = GrammarConstraint(tokenizer, CLOCK)
    prompt, stop = tokenizer.encode("at "), stop_of(tokenizer)
    (found,) = write_constrained(
        model, [prompt], 6, constraint, stop=stop, temperature=0, repetition_penalty=1.3
    )
    said = [*found.tokens.tolist(), stop]
    whole = torch.tensor([prompt + said])
    with torch.no_grad():
        log_probs = model(whole[:, :-1])[0, len(prompt) - 1 :].log_softmax(-1)
    assert found.log_prob == pytest.approx(
        log_probs[torch.arange(len(said)), torch.tensor(said)].sum().item(), abs=1e-4
    )
    assert found.forced > 0


def test_rows_that_end_early_wait_for_the_others(model, tokenizer):
    constraint = GrammarConstraint(tokenizer, choice("a", "bbbbbbbb"))
    found = write_constrained(
        model, [tokenizer.encode("the")] * 12, 9, constraint, stop=stop_of(tokenizer),
        generator=torch.Generator().manual_seed(1), temperature=4.0,
    )  # fmt: skip
    texts = [tokenizer.decode(each.tokens.tolist()) for each in found]
    assert set(texts) == {"a", "bbbbbbbb"}


def wrapped(levels):
    """One sign within so many sequences of one part."""
    pattern = literal("a")
    for _ in range(levels):
        pattern = sequence(pattern)
    return pattern


def test_a_text_stands_for_itself():
    assert ByteMachine("abc").accepts(b"abc")
    assert not ByteMachine("abc").accepts(b"ab")
    assert ByteMachine("\ud7ff\ue000").accepts(bytearray("\ud7ff\ue000".encode()))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: one_of("é"), ValueError, "signs of ASCII"),
        (lambda: one_of(""), ValueError, "one or more signs"),
        (lambda: one_of(["a"]), ValueError, r"one_of\(\['a'\]\): one or more signs"),
        (lambda: literal(None), TypeError, r"literal\(None\): a text is wanted"),
        (lambda: literal("a\ud800"), ValueError, "holds half a character"),
        (lambda: literal("\udfff"), ValueError, "holds half a character"),
        (lambda: ByteMachine("a").accepts("a"), TypeError, "'a' is no text in bytes"),
        (lambda: ByteMachine("a").accepts([97]), TypeError, r"\[97\] is no text in bytes"),
        (lambda: ByteMachine("a").missing(frozenset()), ValueError, "does not allow what was read"),
        (lambda: GrammarConstraint(None, "a"), TypeError, "NoneType does not say which bytes its tokens are"),
        (lambda: choice(), ValueError, "nothing to choose from"),
        (lambda: repeat("a", 3, 2), ValueError, "most=2 is out of range"),
        (lambda: repeat("a", -1, 2), ValueError, "least=-1"),
        (lambda: sequence("a", 7), TypeError, "7 is no pattern"),
        (lambda: ByteMachine(None), TypeError, "None is no pattern"),
        (lambda: ByteMachine(wrapped(5000)), ValueError, "too deep to build"),
        (lambda: ByteMachine(repeat("abcdefgh", 0, 5000)), ValueError, "more than 20000 states"),
        (lambda: GrammarConstraint(object(), literal("a")), (TypeError, AttributeError), "vocab_size|pieces"),
    ],
)
def test_bad_patterns_are_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_tokenizer_without_all_bytes_is_refused():
    class Few:
        vocab_size, pieces = 2, [b"a", b"b"]

    with pytest.raises(ValueError, match="not every byte as a token"):
        GrammarConstraint(Few(), literal("a"))
    with pytest.raises(TypeError, match="does not say which bytes"):
        token_bytes(3)


# ---- schemas ----

SHORT = {"type": "string", "maxLength": 5}
TAGS = {"type": "array", "items": {"type": "integer"}, "maxItems": 2}
NULLS = {"type": "array", "items": {"type": "null"}}
PAIR = {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "minLength": 3, "maxLength": 12},
        "points": {"type": "array", "items": SHORT, "minItems": 1, "maxItems": 3},
        "tone": {"enum": ["plain", "formal", 3, None]},
        "words": {"type": "integer"},
        "share": {"type": "number"},
        "draft": {"type": "boolean"},
        "note": {"type": "null"},
        "inner": {"type": "object", "properties": {"tags": TAGS}},
    },
    "required": ["title", "points", "tone", "words", "share", "draft", "note", "inner"],
}  # fmt: skip


@pytest.mark.parametrize("choice_of", [{}, {"temperature": 0}, {"temperature": 2.5}])
def test_every_text_is_json_of_the_schema(model, tokenizer, choice_of):
    constraint = GrammarConstraint(tokenizer, schema_pattern(SCHEMA))
    room = constraint.needed(constraint.start())
    for seed, most in enumerate((room, room + 40, room + 150)):
        found = write_constrained(
            model, [tokenizer.encode("an outline: ")] * 2, most, constraint, stop=stop_of(tokenizer),
            generator=torch.Generator().manual_seed(seed), **choice_of,
        )  # fmt: skip
        for each in found:
            value = json.loads(tokenizer.decode(each.tokens.tolist()))
            jsonschema.validate(value, SCHEMA)
            assert list(value) == list(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "integer"}, ["0", "7", "-12", "123456789"], ["-0", "01", "1234567890", "", "1.5"]),
        ({"type": "number"}, ["0", "-0.5", "3.25", "12", "123456789.123456789"],
         [".5", "1.", "01.5", "-", "1e3", "1234567890", "0.1234567891"]),
        ({"type": "boolean"}, ["true", "false"], ["True", ""]),
        ({"type": "null"}, ["null"], ["None"]),
        ({"type": "string"}, ['""', '"a b"', f'"{60 * "x"}"'], ['"', '"a"b"', f'"{61 * "x"}"', '"\\"']),
        ({"type": "string", "minLength": 2, "maxLength": 2}, ['"ab"'], ['"a"', '"abc"']),
        ({"type": "string", "minLength": 70}, ['"' + "x" * 70 + '"'], ['"' + "x" * 71 + '"']),
        ({"enum": ["a", 2, None]}, ['"a"', "2", "null"], ["a", "3"]),
        (NULLS, ["[]", "[null]", "[" + "null, " * 7 + "null]"],
         ["[null,]", "[null,null]", "[" + "null, " * 8 + "null]"]),
        (NULLS | {"minItems": 2, "maxItems": 3}, ["[null, null]", "[null, null, null]"],
         ["[]", "[null]", "[null, null, null, null]"]),
        (NULLS | {"maxItems": 0}, ["[]"], ["[null]"]),
        (PAIR, ['{"a": null, "b": true}'],
         ['{"a": null}', '{"b": true, "a": null}', '{"a":null, "b": true}', "{}"]),
    ],
)  # fmt: skip
def test_a_schema_describes_just_these(schema, right, wrong):
    machine = ByteMachine(schema_pattern(schema))
    for text in right:
        assert machine.accepts(text.encode()), text
        jsonschema.validate(json.loads(text), schema)
    for text in wrong:
        assert not machine.accepts(text.encode()), text


def nested(schema, levels):
    """The schema within so many lists of one item."""
    for _ in range(levels):
        schema = {"type": "array", "items": schema, "minItems": 1, "maxItems": 1}
    return schema


def objects(levels):
    """Objects within so many objects."""
    schema = {"type": "null"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def test_a_deep_schema_is_held():
    inner = '{"a": ' * 63 + "null" + "}" * 63
    assert ByteMachine(schema_pattern(objects(63))).accepts(inner.encode())
    text = "[" * 63 + "null" + "]" * 63
    assert ByteMachine(schema_pattern(nested({"type": "null"}, 63))).accepts(text.encode())


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (3, "schema=3 is no dictionary"),
        ({"type": "date"}, "type='date' in the schema is none of object, array"),
        ({"type": ["string"]}, "is none of"),
        ({"type": "string", "pattern": "a*"}, "asks for 'pattern' of a string, which is not held"),
        ({"type": "object"}, "no properties"),
        ({"type": "array"}, "does not say what its items are"),
        (
            {"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 2},
            "maxItems=2 is below minItems=3",
        ),
        ({"type": "string", "maxLength": -1}, "maxLength=-1 must be"),
        ({"type": "string", "maxLength": 20_001}, "maxLength=20001 must be a whole number from 0 to 20000"),
        ({"type": "string", "minLength": 20_001}, "minLength=20001 must be"),
        ({"type": "string", "minLength": "3"}, "minLength='3' must be"),
        ({"type": "array", "items": {"type": "null"}, "maxItems": None}, "maxItems=None must be"),
        ({"type": "object", "properties": ["a"]}, "no properties, ['a']: name at least one"),
        ({"type": "object", "properties": {}}, "no properties, {}"),
        (objects(64), "more than 64 levels deep"),
        ({"type": "string", "minLength": True}, "minLength=True must be"),
        ({"enum": []}, "must be a list of one or more"),
        ({"type": "integer", "enum": [1, "a"]}, "enum holds 'a', which is no integer"),
        ({"type": "integer", "enum": [True]}, "enum holds True, which is no integer"),
        ({"enum": [float("nan")]}, "enum holds what JSON cannot write"),
        ({"enum": [{1, 2}]}, "enum holds what JSON cannot write"),
        ({"enum": ["a"], "pattern": "b"}, "asks for 'pattern' of a value of enum"),
        ({"type": "string", "enum": ["a"], "minLength": 3}, "asks for 'minLength' of a string"),
        ({"type": "string", 3: 4}, "asks for '3' of a string"),
        ({"type": "object", "properties": {1: {"type": "null"}}}, "named by texts, got [1]"),
        (
            {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["b"]},
            "required=['b'] must list some of the properties a",
        ),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "required": 7}, "required=7 must list"),
        (nested({"type": "null"}, 64), "more than 64 levels deep"),
        (nested({"type": "null"}, 5000), "more than 64 levels deep"),
    ],
)
def test_a_schema_that_cannot_be_held_is_refused_by_name(schema, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        schema_pattern(schema)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"max_new_tokens": 4}, ValueError, "the constraint needs 5 tokens, and max_new_tokens=4"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens=0"),
        ({"constraint": 3}, TypeError, "constraint=3 has no method start"),
        ({"stop": 999}, ValueError, "stop=999 is no token"),
        ({"stop": True}, TypeError, "stop=True is no token"),
        ({"stop": [1.5]}, TypeError, "stop=1.5 is no token"),
        ({"stop": [1, 2]}, ValueError, "one stop token is wanted, got 2"),
        (
            {"constraint": KeywordConstraint(ByteTokenizer(), ["ox"]), "stop": 1},
            ValueError,
            r"one of \[256\] tokens, the model has 290",
        ),
        ({"topk": 3}, ValueError, "did you mean 'top_k'"),
        ({"seen": None}, ValueError, "options of writing: seen is an argument of its own"),
        ({"logits": None}, ValueError, "options of writing: logits is an argument of its own"),
        ({"prompts": None}, TypeError, "prompts=None: rows of token ids are wanted"),
        ({"prompts": []}, ValueError, "there are no prompts"),
    ],
)
def test_bad_requests_are_refused_in_words(model, tokenizer, options, error, words):
    given = {
        "prompts": [[1]],
        "max_new_tokens": 9,
        "constraint": GrammarConstraint(tokenizer, CLOCK),
        "stop": 1,
    }
    given |= options
    with pytest.raises(error, match=words):
        write_constrained(
            model, given.pop("prompts"), given.pop("max_new_tokens"), given.pop("constraint"), **given
        )


def test_a_constraint_begins_where_the_prompt_ends_if_it_looks_at_it(tokenizer):
    prompt = tokenizer.encode("the mo")
    keywords, grammar = KeywordConstraint(tokenizer, ["del"]), GrammarConstraint(tokenizer, CLOCK)
    assert started(keywords, prompt) == keywords.start_after(prompt) != keywords.start()
    assert started(grammar, prompt) == grammar.start()


def test_a_text_that_is_over_repeats_its_end_and_nothing_else():
    constraint = GrammarConstraint(ByteTokenizer(), choice("a", "ab"))
    begun = constraint.advance(constraint.start(), ord("a"))
    for state, ended, allowed in (
        (constraint.start(), False, [ord("a")]),
        (begun, False, [STOP, ord("b")]),
        (begun, True, [STOP]),
        (constraint.start(), True, [STOP]),
    ):
        assert allowed_now(constraint, state, 2, STOP, ended).nonzero()[:, 0].tolist() == allowed
    assert constraint.allowed(begun, 2).nonzero()[:, 0].tolist() == [ord("b")], "its own table is as it was"


def test_the_room_is_checked_before_a_word_is_written():
    keywords = KeywordConstraint(ByteTokenizer(), ["ox"])
    assert check_room(keywords, 3, STOP, 256) == STOP
    assert check_room(keywords, 3, [STOP], 256) == STOP
    for most, stop, words in (
        (2, STOP, "the constraint needs 3 tokens, and max_new_tokens=2"),
        (3, (), "one stop token is wanted, got 0"),
        (3, ord("x"), "stop=120 ends a text and cannot stand in one, but the constraint needs it"),
    ):
        with pytest.raises(ValueError, match=words):
            check_room(keywords, most, stop, 256)
    with pytest.raises(ValueError, match=r"one of \[256\] tokens, the model has 300"):
        check_room(keywords, 3, STOP, 300)


def test_a_text_that_must_hold_the_token_that_ends_it_is_refused_in_words(model, tokenizer):
    constraint = GrammarConstraint(tokenizer, literal("7:8"))
    colon = tokenizer.encode(":")[0]
    with pytest.raises(ValueError, match=f"allows no token here; does it need stop={colon}"):
        write_constrained(model, [[1]], 9, constraint, stop=colon)
