"""The grammar: one right answer to each turn, by rules that are written here once more; halves never meet."""

import random
import re
from collections import Counter

import pytest

from llmasos_edu.dialogue import lexicon, names
from llmasos_edu.dialogue.grammar import (
    BROKEN,
    WEIGHTS,
    Call,
    Talk,
    World,
    by_digits,
    notes_text,
)
from llmasos_edu.dialogue.lexicon import (
    ANSWER,
    DAYS,
    EVENTS,
    FACTS,
    HOURS,
    ITEMS,
    STATUSES,
    TROUBLES,
    USER,
    answer,
    word,
)


def turns(count, **options):
    """The first turns of many conversations."""
    return [Talk(seed, **options).turn() for seed in range(count)]


def whole(seed, length=12, **options):
    talk = Talk(seed, **options)
    return talk, [talk.turn() for _ in range(length)]


# ---- words ----


def test_both_languages_have_as_many_forms_and_none_twice():
    def walk(node):
        if isinstance(node, dict) and set(node) == {"en", "zh"}:
            assert len(node["en"]) == len(node["zh"]) >= 4
            assert all(len(set(forms)) == len(forms) for forms in node.values())
        else:
            for child in node.values():
                walk(child)

    walk(USER)
    assert all(set(sentences) == {"en", "zh"} for sentences in ANSWER.values())
    assert {*STATUSES, *TROUBLES, *(f"too late {status}" for status in STATUSES)} <= set(ANSWER)


def test_a_form_and_its_translation_have_the_same_holes():
    def holes(text):
        return Counter(re.findall(r"\{(\w+)\}", text))

    for outcome, sentences in ANSWER.items():
        assert holes(sentences["en"]) == holes(sentences["zh"]), outcome


def test_no_answer_is_said_for_two_outcomes_of_one_kind():
    for language in ("en", "zh"):
        said = [sentences[language] for sentences in ANSWER.values()]
        assert len(set(said)) == len(said)


def test_words_of_a_language():
    assert word("zh", "lamp") == "台灯"
    assert word("zh", "Friday") == "周五"
    assert word("zh", "choir") == "合唱"
    assert word("zh", "dog") == "狗"
    assert word("zh", "Ada") == "Ada"
    assert word("en", "lamp") == "lamp"
    with pytest.raises(ValueError, match="language='de' is none of en, zh"):
        word("de", "lamp")


def test_an_answer_has_its_values_in_the_words_of_the_language():
    assert answer("sent", "en", item="lamp", day="Friday") == "Your lamp was sent on Friday."
    assert answer("sent", "zh", item="lamp", day="Friday") == "您的台灯周五已寄出。"
    with pytest.raises(ValueError, match="outcome='lost' is none"):
        answer("lost", "en")


# ---- names and halves ----


def test_the_halves_are_fixed_and_about_a_fifth_is_held_out():
    numbers = [str(number) for number in range(1000, 10_000)]
    share = sum(names.held_out("order", number) for number in numbers) / len(numbers)
    assert 0.18 < share < 0.22
    assert [n for n in numbers[:30] if names.held_out("order", n)] == ["1002", "1016", "1029"]
    assert any(names.held_out("order", n) != names.held_out("name", n) for n in numbers[:50])


def test_drawn_values_lie_in_the_wanted_half():
    chance = random.Random(0)
    for kept in (False, True):
        for _ in range(200):
            assert names.held_out("name", names.name(chance, "en", kept=kept)) == kept
            number = names.order_number(chance, kept=kept)
            assert names.held_out("order", number) == kept
            assert re.fullmatch("[1-9][0-9]{3}", number)


def test_names_are_of_the_script_and_one_in_ten_of_the_other():
    for language in ("en", "zh"):
        chance = random.Random(3)
        drawn = [names.name(chance, language, kept=False) for _ in range(2000)]
        latin = sum(name.isascii() for name in drawn) / len(drawn)
        assert abs((latin if language == "zh" else 1 - latin) - 0.1) < 0.03
        assert all(re.fullmatch("[A-Z][a-z]*", name) for name in drawn if name.isascii())
        assert all(2 <= len(name) <= 3 for name in drawn if not name.isascii())
    assert len(set(drawn)) > 1500


# ---- sums ----


@pytest.mark.parametrize(
    ("a", "b", "act", "work", "result"),
    [
        (37, 45, "plus", "7+5=12, 3+4+1=8", 82),
        (30, 45, "plus", "0+5=5, 3+4+0=7", 75),
        (99, 99, "plus", "9+9=18, 9+9+1=19", 198),
        (4, 5, "plus", "4+5=9, 0+0+0=0", 9),
        (5, 5, "plus", "5+5=10, 0+0+1=1", 10),
        (62, 37, "minus", "12-7=5, 6-3-1=2", 25),
        (67, 32, "minus", "7-2=5, 6-3-0=3", 35),
        (50, 50, "minus", "0-0=0, 5-5-0=0", 0),
    ],
)
def test_a_sum_on_paper(a, b, act, work, result):
    assert by_digits(a, b, act) == (work, result)


def test_every_sum_on_paper_is_true_in_each_step():
    for a in range(100):
        for b in range(100):
            for act in ("plus", "minus") if a >= b else ("plus",):
                work, result = by_digits(a, b, act)
                assert result == (a + b if act == "plus" else a - b)
                steps = [step.split("=") for step in work.split(", ")]
                assert all(eval(left) == int(right) for left, right in steps)
                ones, tens = (int(right) for _, right in steps)
                assert tens * 10 + ones % 10 == result


# ---- turns ----


def test_the_same_seed_gives_the_same_conversation():
    assert whole(5)[1] == whole(5)[1] != whole(6)[1]


def test_an_order_that_is_there_is_told_as_it_is():
    found = Counter()
    for seed in range(300):
        talk = Talk(seed, language="en", switch=0)
        turn = talk.turn("find")
        (call,) = turn.calls
        (number,) = re.findall(r"\d{4}", turn.said)
        assert (call.name, call.arguments) == ("orders.find", {"number": number})
        order = talk.start.orders[number]
        if order is None:
            assert (call.errno, call.text) == ("ENOENT", f"no order {number}")
            assert turn.answer == f"I cannot find an order {number} of yours."
        else:
            assert (call.errno, call.text) == ("OK", " ".join(order))
            assert turn.answer == answer(order[1], "en", item=order[0], day=order[2])
            assert order[0] in ITEMS
            assert order[2] in DAYS
        found[order and order[1]] += 1
    assert set(found) == {None, *STATUSES}
    assert 30 < found[None] < 75


def test_an_order_is_the_same_when_it_is_asked_for_again():
    again = 0
    for seed in range(60):
        talk, said = Talk(seed), {}
        for _ in range(10):
            (call,) = talk.turn("find").calls
            number = call.arguments["number"]
            again += number in said
            assert said.setdefault(number, call.text) == call.text
    assert again > 100


def cancelling(seed):
    """A conversation at the point where an order waits for a yes."""
    talk = Talk(seed, language="en", switch=0)
    while not talk.pending:
        turn = talk.turn("cancel")
    return talk, turn


def test_cancelling_asks_first_and_a_yes_leaves_a_receipt():
    for seed in range(40):
        talk, asked = cancelling(seed)
        number = talk.pending
        assert asked.calls == (Call("orders.cancel", {"number": number}, "EAGAIN", "the user must confirm"),)
        assert asked.answer == f"Shall I cancel order {number}? Please say yes or no."
        receipts = talk.receipts
        done = talk.turn("yes")
        assert done.calls == (Call("orders.cancel", {"number": number}, "OK", f"receipt {receipts + 1}"),)
        assert done.answer == f"Order {number} is cancelled. Your receipt has the number {receipts + 1}."
        assert talk.orders[number] == (talk.start.orders[number][0], "cancelled", talk.start.today)
        assert talk.start.orders[number][1] == "packed"
        assert talk.turn("yes").answer == "I have not asked you anything."


def test_a_no_leaves_the_order_and_another_topic_drops_the_question():
    talk, _ = cancelling(2)
    number, refused = talk.pending, talk.turn("no")
    assert (refused.calls, refused.answer) == ((), f"Order {number} stays as it is.")
    assert talk.orders[number][1] == "packed"
    talk, _ = cancelling(3)
    talk.turn("hours")
    late = talk.turn("yes")
    assert (late.calls, late.answer) == ((), "I have not asked you anything.")


def test_what_is_not_packed_any_more_cannot_be_cancelled():
    found = set()
    for seed in range(200):
        talk = Talk(seed, language="en", switch=0)
        (call,) = (turn := talk.turn("cancel")).calls
        order = talk.start.orders[call.arguments["number"]]
        if order and order[1] != "packed":
            assert (call.errno, call.text) == ("EALREADY", order[1])
            assert turn.answer == answer(f"too late {order[1]}", "en", number=call.arguments["number"])
            assert talk.pending is None
            found.add(order[1])
        elif order is None:
            assert (call.errno, turn.answer) == ("ENOENT", answer("no order", "en", **call.arguments))
    assert found == {"sent", "delivered", "cancelled"}


def test_opening_hours_are_those_of_the_table():
    said = {}
    for turn in (Talk(seed, language="en", switch=0).turn("hours") for seed in range(200)):
        (day,) = re.findall("|".join(DAYS), turn.said)
        said[day] = turn.answer
        assert turn.calls == ()
    assert said["Sunday"] == "On Sunday we are closed."
    assert said["Wednesday"] == "On Wednesday we are open from 9 to 13."
    assert set(said) == set(HOURS)


def test_sums_are_right_and_nothing_is_taken_from_less():
    for act, sign in (("plus", "plus"), ("minus", "minus")):
        for seed in range(200):
            turn = Talk(seed, language="en", switch=0).turn(act)
            a, b, c = map(int, re.search(rf": (\d+) {sign} (\d+) is (\d+)\.", turn.answer).groups())
            assert c == (a + b if act == "plus" else a - b) >= 0
            assert {str(a), str(b)} == set(re.findall(r"\d+", turn.said))


def test_an_appointment_is_entered_or_the_hour_is_taken():
    taken = 0
    for seed in range(300):
        talk = Talk(seed, language="en", switch=0)
        turn = talk.turn("add")
        (call,) = turn.calls
        what, day, time = call.arguments.values()
        assert what in EVENTS
        assert day in turn.said
        assert time in turn.said
        assert what in turn.said.lower()
        if call.errno == "OK":
            assert (call.text, talk.calendar[day, time], talk.start.calendar) == ("noted", what, {})
            assert turn.answer == f"I have put {what} on {day} at {time} into your calendar."
        else:
            taken += 1
            assert call.errno == "EEXIST"
            assert talk.start.calendar == {(day, time): call.text}
            assert turn.answer == f"On {day} at {time} you have {call.text} already."
    assert 20 < taken < 75


def test_the_same_hour_is_taken_the_second_time():
    talk = Talk(0, language="en")
    (call,) = talk.turn("add").calls
    _, day, time = call.arguments.values()
    talk.chance = random.Random()
    for _ in range(20_000):
        (again,) = talk.turn("add").calls
        if (again.arguments["day"], again.arguments["time"]) == (day, time):
            break
    assert again.errno == "EEXIST"


def test_what_was_told_is_known_without_a_call_and_the_latest_word_counts():
    again = 0
    for seed in range(200):
        talk = Talk(seed, language="en", switch=0)
        told = [talk.turn("tell") for _ in range(9)]
        last = {turn.calls[0].arguments["key"]: turn.calls[0].arguments["value"] for turn in told}
        again += len(told) - len(last)
        assert talk.facts == talk.stored == last
        turn = talk.turn("ask")
        if not turn.calls:
            (key,) = [key for key in last if turn.answer == answer_to(key, last[key])]
            assert key in turn.said or key == "name"
    assert again > 100


def answer_to(key, value):
    return f"Your name is {value}." if key == "name" else f"Your {key} is called {value}."


def test_what_was_not_told_is_searched_for_and_then_known():
    outcomes = Counter()
    for seed in range(200):
        talk = Talk(seed, language="en", switch=0)
        turn = talk.turn("ask")
        (call,) = turn.calls
        key = call.arguments["key"]
        assert call.name == "memory.search"
        found = talk.start.notes[key]
        outcomes[found is None] += 1
        if found is None:
            assert (call.errno, call.text, talk.facts) == ("ENOENT", "no such note", {})
            assert turn.answer == "You have not told me that."
        else:
            assert (call.errno, call.text, talk.facts) == ("OK", found, {key: found})
            assert turn.answer == answer_to(key, found)
    assert 90 < outcomes[False] < 180


def test_a_greeting_calls_by_name_whoever_is_known():
    seen = Counter()
    for seed in range(100):
        talk = Talk(seed, language="en", switch=0)
        turn = talk.turn("hello")
        (call,) = turn.calls
        assert call.arguments == {"key": "name"}
        if call.errno == "OK":
            assert turn.answer == f"Hello {call.text}, how can I help you?"
            assert talk.turn("hello").calls == ()
        else:
            assert turn.answer == "Hello, what is your name?"
            assert talk.asked_name
        seen[call.errno] += 1
    assert set(seen) == {"OK", "ENOENT"}


def test_notes_at_the_top_are_known_from_the_start():
    talk = Talk(3, known=3, language="en", switch=0)
    assert len(talk.notes) == 3
    assert talk.notes == talk.facts == talk.start.notes
    assert notes_text({"dog": "Rex", "name": "Ada"}) == "dog = Rex; name = Ada"
    assert notes_text({}) == ""


@pytest.mark.parametrize("act", ["thanks", "bye", "sad", "glad", "who", "beyond"])
def test_small_talk_and_what_lies_beyond_call_nothing(act):
    for turn in (Talk(seed).turn(act) for seed in range(30)):
        assert (turn.calls, turn.answer) == ((), ANSWER[act][turn.language])
        assert "{" not in turn.said


def test_a_trouble_ends_in_its_own_sentence():
    seen = set()
    for seed in range(400):
        talk = Talk(seed, trouble=1.0)
        turn = talk.turn(talk.chance.choice(["find", "cancel", "add", "tell", "ask"]))
        if turn.calls:
            (call,) = turn.calls
            kind = "EIO" if call.errno in BROKEN else call.errno
            assert turn.answer == ANSWER[kind][turn.language]
            assert talk.pending is None
            seen.add(call.errno)
    assert seen == {*TROUBLES, *BROKEN}
    talk, _ = cancelling(4)
    talk.trouble = 1.0
    number = talk.pending
    turn = talk.turn("yes")
    assert turn.calls[0].errno not in ("OK", "EAGAIN")
    assert talk.orders[number][1] == "packed"


def test_a_name_that_could_not_be_kept_is_still_known_in_this_conversation():
    talk = Talk(1, trouble=1.0)
    (call,) = talk.turn("tell").calls
    assert talk.facts == {call.arguments["key"]: call.arguments["value"]}
    assert talk.stored == {}


def test_held_out_conversations_hold_nothing_that_training_ones_may():
    for kept in (False, True):
        for seed in range(60):
            talk, said = whole(seed, kept=kept)
            assert all(names.held_out("order", number) == kept for number in talk.orders)
            assert all(names.held_out("name", value) == kept for value in talk.facts.values())
            for turn in said:
                if turn.act == "add":
                    assert names.held_out("appointment", " ".join(turn.calls[0].arguments.values())) == kept


def test_forms_that_were_held_out_come_only_when_they_are_asked_for():
    seen = {turn.said for turn in turns(600, language="en", switch=0)}
    assert "Good day." not in seen
    assert "Good morning." in seen
    unseen = {turn.said for turn in turns(600, unseen=True, language="en", switch=0) if turn.act == "hello"}
    assert unseen == {"Good day."}


def test_every_kind_of_turn_comes_about_as_often_as_it_should():
    counts = Counter(turn.act for turn in turns(4000))
    total = sum(WEIGHTS.values())
    for act, weight in WEIGHTS.items():
        assert abs(counts[act] / 4000 - weight / total) < 0.02, act


def test_after_a_question_mostly_the_answer_comes():
    counts = Counter()
    for seed in range(300):
        talk, _ = cancelling(seed)
        counts[talk.turn().act] += 1
    assert counts["yes"] > 150
    assert counts["no"] > 40
    assert counts["yes"] + counts["no"] < 300
    greeted = [Talk(seed, language="en", switch=0) for seed in range(300)]
    asked = [talk for talk in greeted if "what is your name" in talk.turn("hello").answer]
    assert sum(talk.turn().act == "tell" for talk in asked) > 0.5 * len(asked)


def test_some_turns_switch_the_language():
    languages = Counter(turn.language for turn in turns(500, language="zh", switch=0.2))
    assert 60 < languages["en"] < 145
    assert {turn.language for turn in turns(100, language="zh", switch=0)} == {"zh"}
    assert 100 < sum(turn.language == "en" for turn in turns(300, switch=0)) < 200


def test_the_world_says_what_there_was_before():
    assert World() == World({}, {}, {}, 0, "Monday")
    assert Talk(0, today="Friday").start.today == "Friday"
    assert {Talk(seed).start.today for seed in range(60)} == set(DAYS)
    assert all(0 <= Talk(seed).start.receipts <= 900 for seed in range(60))


def test_noise_is_of_at_most_six_words_and_mostly_of_known_ones():
    chance = random.Random(0)
    drawn = [names.noise(chance).split() for _ in range(2000)]
    assert {len(words) for words in drawn} == set(range(7))
    counts = Counter(word for words in drawn for word in words)
    assert all(re.fullmatch(r"[a-z0-9:._]{1,6}", word) for word in counts)
    assert {len(word) for word in counts} == set(range(1, 7))
    known = counts.most_common(13)  # each of them comes about as often; the others are letters by chance
    assert 0.67 < sum(often for _, often in known) / counts.total() < 0.75
    assert known[0][1] < 1.5 * known[-1][1]
    assert len("".join(counts)) > 1000


def test_appointments_lie_on_quarters_of_the_day_s_hours():
    chance = random.Random(0)
    drawn = [names.appointment(chance).split() for _ in range(3000)]
    whats, days, times = (set(each) for each in zip(*drawn, strict=True))
    assert (whats, days) == (set(EVENTS), set(DAYS))
    assert times == {f"{hour}:{minute}" for hour in range(8, 21) for minute in ("00", "15", "30", "45")}


def test_what_is_added_has_two_digits_at_most():
    chance = random.Random(0)
    drawn = [names.pair(chance).split() for _ in range(3000)]
    for numbers in zip(*drawn, strict=True):
        assert {int(number) for number in numbers} == set(range(100))


def test_names_have_one_to_three_syllables_and_none_is_rude():
    chance = random.Random(0)
    latin = {names.latin_name(chance) for _ in range(3000)}
    assert not [name for name in latin if names.RUDE.search(name.lower())]
    assert {len(name) for name in latin} >= {2, 3, 4, 5, 6, 7, 8}
    assert max(map(len, latin)) <= 14
    chinese = [names.chinese_name(chance) for _ in range(3000)]
    family = sum(name[0] in lexicon.SURNAMES for name in chinese) / 3000
    assert 0.5 < family < 0.75
    assert 0.4 < sum(len(name) == 2 for name in chinese) / 3000 < 0.6


def test_bad_wishes_are_refused_in_words():
    with pytest.raises(ValueError, match="act='sing' is none of find, cancel"):
        Talk(0).turn("sing")
    with pytest.raises(ValueError, match="language='de' is none of en, zh"):
        Talk(0, language="de")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Talk("1"), TypeError, "seed='1' must be a whole number"),
        (lambda: Talk(-1), ValueError, "seed=-1 is out of range"),
        (lambda: Talk(0, known=7), ValueError, "known=7 is out of range: 0 to 6"),
        (lambda: Talk(0, known=None), TypeError, "known=None"),
        (lambda: Talk(0, trouble=1.5), ValueError, "trouble=1.5 is out of range: 0 to 1"),
        (lambda: Talk(0, trouble=float("nan")), ValueError, "trouble=nan"),
        (lambda: Talk(0, switch="0"), TypeError, "switch='0' must be a number"),
        (lambda: Talk(0, switch=-0.1), ValueError, "switch=-0.1 is out of range: 0 to 1"),
        (lambda: Talk(0, today="Fri"), ValueError, "today='Fri' is none of Monday, Tuesday"),
        (lambda: Talk(0, today=["Friday"]), ValueError, "today=.* is none of Monday"),
        (lambda: Talk(0, weights=None), TypeError, "weights=None: a dictionary"),
        (lambda: Talk(0, weights={"sing": 1}), ValueError, "act='sing' is none of find, cancel"),
        (lambda: Talk(0, weights={"find": -1}), ValueError, "the weight of find=-1 is out of range"),
        (lambda: Talk(0, weights={"find": 0}), ValueError, "none is above 0, so no turn could be drawn"),
        (lambda: Talk(0, weights={}), ValueError, "weights={}: none is above 0"),
        (lambda: Talk(0).turn(["find"]), ValueError, "act=.* is none of find"),
        (lambda: Talk(0).turn("tell", key="horse"), ValueError, "key='horse' is none of name, dog"),
        (lambda: by_digits(100, 1, "plus"), ValueError, "a=100 is out of range: 0 to 99"),
        (lambda: by_digits(1, 100, "plus"), ValueError, "b=100 is out of range: 0 to 99"),
        (lambda: by_digits(1, 2, "minus"), ValueError, "b=2 is out of range: 0 to 1"),
        (lambda: by_digits(1.5, 2, "plus"), TypeError, "a=1.5 must be a whole number"),
        (lambda: by_digits(2, 1, "times"), ValueError, "act='times' is none of plus, minus"),
        (lambda: word("zh", None), TypeError, "name=None is no text"),
        (lambda: word("zh", ["dog"]), TypeError, "is no text"),
        (lambda: answer("hello", "de"), ValueError, "language='de' is none of en, zh"),
        (lambda: answer([], "en"), ValueError, r"outcome=\[\] is none"),
        (lambda: answer("sent", "en", item="lamp"), ValueError, "'sent' needs a value for 'day'"),
        (lambda: names.name(random.Random(0), "de", kept=True), ValueError, "language='de' is none of en"),
    ],
)  # fmt: skip
def test_what_is_no_wish_is_refused_with_what_came(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_widest_wishes_are_heard():
    assert len(Talk(0, known=6, trouble=1, switch=1).facts) == 6
    assert by_digits(99, 99, "plus")[1] == 198
    assert by_digits(0, 0, "minus")[1] == 0


def test_every_fact_is_told_and_asked_in_time():
    asked, told = set(), set()
    for seed in range(300):
        talk = Talk(seed)
        told |= set(talk.turn("tell").calls[0].arguments.values()) & set(FACTS)
        for call in talk.turn("ask").calls:
            asked.add(call.arguments["key"])
    assert asked == told == set(FACTS)
