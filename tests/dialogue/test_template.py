"""The template: marks that no text can hold, the assistant's tokens alone to be learnt, outside messages."""

import json

import pytest
import torch

from llmasos_edu.dialogue import template
from llmasos_edu.dialogue.grammar import Call, Talk, Turn
from llmasos_edu.dialogue.learning import DialogueSampler
from llmasos_edu.dialogue.template import (
    FRAMES,
    MARKS,
    TOOLS,
    framed,
    messages_tokens,
    own_targets,
    summary_tokens,
    syntax,
    tokenizer,
    training_row,
    turn_tokens,
)
from llmasos_edu.dialogue.transcript import Called, Said, TranscriptReader, parts_of
from llmasos_edu.dialogue.trial import FIRST
from llmasos_edu.kernel.syscalls import Result

WORDS = tokenizer()
FOUND = Call("orders.find", {"number": "4711"}, "OK", "lamp sent Friday")
TURN = Turn("find", "en", "Where is my order 4711?", (FOUND,),
            "Your lamp was sent on Friday.")  # fmt: skip


def shown(tokens):
    return WORDS.decode(tokens)


# ---- the vocabulary ----


def test_known_words_are_one_token_and_names_are_spelled():
    assert WORDS.tokens(WORDS.encode("Where is my order 47?")) == [
        "Where",
        "·is",
        "·my",
        "·order",
        "·",
        "4",
        "7",
        "?",
    ]
    assert WORDS.tokens(WORDS.encode(" Zaffo")) == ["·", "Z", "a", "f", "f", "o"]
    assert WORDS.tokens(WORDS.encode("订单")) == ["订", "单"]
    assert len(WORDS.encode("𠀀")) == 4
    assert WORDS.tokens(WORDS.encode('orders.find {"number": "1"}')) == [
        "orders.find", "·{\"", "number", "\":·\"", "1", "\"}",
    ]  # fmt: skip


def test_all_that_the_grammar_says_but_names_and_digits_is_known():
    spelled = set()
    for seed in range(300):
        talk = Talk(seed)
        turn = talk.turn()
        if turn.act not in ("tell", "ask", "hello", "beyond"):
            text = turn.said + turn.answer + "".join(call.request + call.text for call in turn.calls)
            spelled |= {chr(token) for token in WORDS.encode(text) if token < 256}
    assert not {sign for sign in spelled if sign.isalpha()}


def test_forms_that_are_held_out_are_not_in_the_vocabulary():
    assert WORDS.tokens(WORDS.encode(" Plan")) == ["·", "P", "l", "a", "n"]  # a form that nobody has read


@pytest.mark.parametrize(
    "text", ["", "a", "<system>", "<end>", "[cut]", "ÄÖ 𠀀\n\t", "x" * 300, 'orders.find {"', "  "]
)
def test_every_text_comes_back_and_no_text_is_a_mark(text):
    tokens = WORDS.encode(text)
    assert WORDS.decode(tokens) == text
    assert not set(tokens) & set(WORDS.marks.values())


def test_the_marks_are_the_last_tokens():
    assert list(WORDS.marks) == list(MARKS)
    assert list(WORDS.marks.values()) == list(range(WORDS.vocab_size - len(MARKS), WORDS.vocab_size))
    assert [WORDS.ids[piece] for piece in (*TOOLS, *FRAMES)] == list(
        range(256, 256 + len(TOOLS) + len(FRAMES))
    )


# ---- turns and rows ----


def test_a_turn_and_which_tokens_are_the_model_s():
    tokens, own = turn_tokens(TURN)
    assert shown(tokens) == (
        '<user>Where is my order 4711?<end><assistant><call>orders.find {"number": "4711"}<do>'
        "<result>OK lamp sent Friday<done>Your lamp was sent on Friday.<end>"
    )
    theirs = [token if mine else WORDS.marks["pad"] for token, mine in zip(tokens, own, strict=True)]
    assert shown(theirs).replace("<pad>", "") == (
        '<call>orders.find {"number": "4711"}<do>Your lamp was sent on Friday.<end>'
    )
    assert shown(framed("system", "dog = Rex")) == "<system>dog = Rex<end>"
    assert shown(framed("assistant", "Hello.")) == "<assistant>Hello.<end>"


def test_an_error_without_words_has_no_blank_at_its_end():
    tokens, _ = turn_tokens(TURN._replace(calls=(FOUND._replace(errno="EIO", text=""),)))
    assert "<result>EIO<done>" in shown(tokens)


def test_a_summary_is_the_model_s_but_for_its_mark():
    tokens, own = summary_tokens({"dog": "Rex", "name": "Ada"})
    assert shown(tokens) == "<summary>dog = Rex; name = Ada<end>"
    assert own == [False] + [True] * (len(tokens) - 1)


def test_targets_leave_out_what_others_say():
    assert own_targets([5, 6, 7, 8], [True, False, True, False]) == [-100, 7, -100]


def test_a_training_row_is_whole_turns_filled_up():
    summaries = padded = known = 0
    for seed in range(200):
        tokens, own = training_row(seed, 200)
        assert len(tokens) == len(own) == 200
        text = shown(tokens)
        body = text.rstrip("<pad>")
        assert text.startswith("<system>")
        assert "<pad>" not in text.replace("<pad>", "", 0)[: len(body) - 4]
        assert tokens[200 - text.count("<pad>") - 1] == WORDS.marks["end"]
        assert not any(own[200 - text.count("<pad>") :])
        assert text.count("<user>") == text.count("<assistant>") >= 2
        summaries += text.count("<summary>")
        padded += text.count("<pad>")
        known += not text.startswith("<system><end>")
    assert 40 < summaries < 160
    assert 0 < padded < 200 * 50
    assert 90 < known < 150


def test_training_rows_hold_troubles_in_their_share():
    errors = calls = 0
    for seed in range(300):
        text = shown(training_row(seed, 256)[0])
        calls += text.count("<result>")
        errors += sum(
            text.count(f"<result>{name}")
            for name in ("EPERM", "EBUSY", "ETIMEDOUT", "EINVAL", "EIO", "ES", "ENOSYS", "ENOSPC")
        )
    assert 0.08 < errors / calls < 0.16
    quiet = "".join(shown(training_row(seed, 256, trouble=0.0)[0]) for seed in range(100))
    assert "EBUSY" not in quiet


def test_the_sampler_gives_inputs_and_targets_of_fresh_rows():
    sampler, generator = DialogueSampler(context=128, batch_size=3), torch.Generator().manual_seed(0)
    inputs, targets = sampler(generator)
    assert inputs.shape == targets.shape == (3, 128)
    scored = targets != -100
    assert torch.equal(targets[:, :-1][scored[:, :-1]], inputs[:, 1:][scored[:, :-1]])
    assert 0.3 < scored.float().mean() < 0.8
    again, _ = sampler(generator)
    assert not torch.equal(inputs, again)
    same, _ = DialogueSampler(context=128, batch_size=3)(torch.Generator().manual_seed(0))
    assert torch.equal(same, inputs)
    identities = {
        DialogueSampler(context=c, batch_size=b).identity() for c, b in ((64, 2), (64, 2), (65, 2), (64, 3))
    }
    assert len(identities) == 3
    for bad in ({"context": 0, "batch_size": 1}, {"batch_size": 0, "context": 1}):
        with pytest.raises(ValueError, match=f"^{next(iter(bad))}=0 is not a whole number"):
            DialogueSampler(**bad)


def test_no_conversation_is_drawn_twice_and_none_is_one_of_a_trial(monkeypatch):
    drawn = []

    def row(seed, length):
        drawn.append(seed)
        return [0] * length, [True] * length

    monkeypatch.setattr(template, "training_row", row)
    sampler, generator = DialogueSampler(context=4, batch_size=100), torch.Generator().manual_seed(0)
    for _ in range(10):
        sampler(generator)
    assert len(set(drawn)) == 1000
    assert 0 <= min(drawn) < max(drawn) < FIRST


# ---- the kernel's side ----


def test_the_kernel_finds_the_call_and_writes_the_answer():
    tokens, _ = turn_tokens(TURN)
    marks, form = WORDS.marks, syntax()
    closing = tokens.index(marks["do"])
    assert form.request(tokens[: closing + 1]) == 'orders.find {"number": "4711"}'
    answer = form.answer(Result("OK", "lamp sent Friday"), 99)
    assert answer == tokens[closing + 1 : tokens.index(marks["done"]) + 1]
    assert shown(form.answer(Result("OK", "lamp sent Friday"), 5)) == "<result>OK lamp[cut]<done>"


# ---- reading back ----


def test_what_was_written_is_read_back():
    tokens, _ = turn_tokens(TURN)
    written = tokens[tokens.index(WORDS.marks["assistant"]) + 1 :]
    call = Called("orders.find", '{"number": "4711"}', "OK", "lamp sent Friday")
    assert parts_of(written) == [call, Said("Your lamp was sent on Friday.")]
    reader, pieces = TranscriptReader(), []
    for token in written:
        pieces += reader.push([token])
    pieces += reader.finish()
    assert pieces[0] == call
    assert "".join(piece.text for piece in pieces[1:]) == "Your lamp was sent on Friday."


def marked(*parts):
    """Texts and marks as tokens."""
    tokens = []
    for part in parts:
        tokens += [WORDS.marks[part[1:-1]]] if part.startswith("<") else WORDS.encode(part)
    return tokens


@pytest.mark.parametrize(
    ("parts", "read"),
    [
        (("<result>", "OK all", "<done>", "So."), [Said("So.")]),
        (("So ", "<result>", "OK"), [Said("So ")]),
        (("<call>", "orders.find", "<end>"), []),
        (("<call>", "a", "<do>"), []),
        (("<do>", "x", "<done>"), [Said("x")]),
        (("<call>", "a", "<do>", "<result>", "EIO", "<done>", "y"), [Called("a", "", "EIO", ""), Said("y")]),
        (("<call>", "a", "<call>", "b", "<do>", "<result>", "OK 1", "<done>"), [Called("b", "", "OK", "1")]),
        (("a", "<user>", "b"), [Said("ab")]),
        ((), []),
    ],
)
def test_odd_transcripts_are_read_without_belief(parts, read):
    assert parts_of(marked(*parts)) == read


def test_the_end_of_a_turn_ends_a_call_that_was_not_closed():
    turn = [WORDS.marks["call"], *WORDS.encode("fly {}"), WORDS.marks["end"]]
    assert parts_of(turn) == []
    assert parts_of([*turn, *WORDS.encode("Hello.")]) == [Said("Hello.")]
    other = [WORDS.marks["call"], *WORDS.encode("fly {}"), WORDS.marks["user"], *WORDS.encode("Hello.")]
    assert parts_of(other) == []  # what stands in a call that is open is none of the sentence


def test_a_character_waits_until_it_is_whole_and_bytes_that_are_none_do_not_wait_for_ever():
    reader = TranscriptReader()
    bytes_ = list("𠀀".encode())
    assert [reader.push([byte]) for byte in bytes_] == [[], [], [], [Said("𠀀")]]
    assert reader.push([0xFF, 0xFF, 0xFF]) == []
    assert reader.push([0xFF]) == [Said("\ufffd" * 4)]
    assert reader.push([0xE4]) == []
    assert reader.finish() == [Said("\ufffd")]
    for mark in ("call", "end", "result"):  # whatever follows, half a character will not become whole
        assert TranscriptReader().push([*b"a", 0xE4, WORDS.marks[mark]]) == [Said("a"), Said("\ufffd")]


# ---- messages from outside ----


def test_messages_are_the_template():
    call = {"function": {"name": "orders.find", "arguments": json.dumps({"number": "4711"})}}
    messages = [
        {"role": "system", "content": "dog = Rex"},
        {"role": "user", "content": TURN.said},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "OK lamp sent Friday"},
        {"role": "assistant", "content": TURN.answer},
    ]
    tokens, _ = turn_tokens(TURN)
    begin = framed("system", "dog = Rex")
    assert messages_tokens(messages) == begin + tokens
    done = tokens.index(WORDS.marks["done"]) + 1
    assert messages_tokens(messages[:-1]) == begin + tokens[:done]
    assert messages_tokens(messages[:2]) == begin + tokens[: tokens.index(WORDS.marks["assistant"]) + 1]
    asked = [*framed("user", TURN.said), WORDS.marks["assistant"]]
    assert messages_tokens(messages[1:2]) == [*framed("system", ""), *asked]
    assert messages_tokens([]) == framed("system", "")


@pytest.mark.parametrize(
    "roles",
    ["assistant", "tool", "user user", "user system", "user tool", "robot", "user calls user",
     "user calls assistant", "user calls tool tool"],
)  # fmt: skip
def test_messages_in_an_order_that_has_no_form_are_refused(roles):
    calls = {"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": ""}}]}
    roles = roles.split()
    messages = [calls if role == "calls" else {"role": role, "content": "a"} for role in roles]
    with pytest.raises(ValueError, match=rf"message {len(roles) - 1} with role='\w+' has no place here"):
        messages_tokens(messages)
    with pytest.raises(ValueError, match=r"message 0 .*its content is no text"):
        messages_tokens([{"role": "user", "content": 3}])


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([None], "message 0 is None: it needs a role"),
        ([{"role": "user", "content": "a"}, "b"], "message 1 is 'b': it needs a role"),
        (None, "messages=None: a list of messages"),
        ("Hello.", "messages='Hello.': a list of messages"),
        ({"role": "user", "content": "a"}, "a list of messages"),
        ([{"role": "assistant", "tool_calls": 3}], "message 0 .* a list of tool_calls"),
        ([{"role": "assistant", "tool_calls": {"function": {}}}], "message 0 .* a list of tool_calls"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [None]}],
         "message 1 has the call None: it needs a function"),
        ([{"role": "assistant", "tool_calls": [{"function": "orders.find"}]}], "it needs a function"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "orders.find"}}]}], "with name and arg"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "a", "arguments": {}}}]}], "and arg"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_words(messages, words):
    with pytest.raises(ValueError, match=words):
        messages_tokens(messages)


def test_messages_may_come_one_by_one():
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": ()}]
    assert messages_tokens(iter(messages)) == messages_tokens(messages)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: framed("robot", "a"), ValueError, "role='robot' is none of system, user, assistant"),
        (lambda: framed("end", "a"), ValueError, "role='end' is none"),
        (lambda: framed("user", None), TypeError, "not NoneType"),
        (lambda: own_targets([1, 2], [True]), ValueError, "2 tokens, and for 1 it is said whose they are"),
        (lambda: training_row(0, 0), ValueError, "length=0"),
        (lambda: training_row(1, 1), ValueError, r"length=1: the notes alone have \d+ tokens"),
        (lambda: training_row("a", 64), TypeError, "seed='a' must be a whole number"),
        (lambda: training_row(0, 64, trouble=2), ValueError, "trouble=2 is out of range: 0 to 1"),
    ],
)
def test_what_has_no_form_is_refused_with_what_came(make, error, words):
    with pytest.raises(error, match=words):
        make()
