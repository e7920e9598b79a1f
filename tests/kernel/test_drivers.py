"""The integer model: exact, and sensitive to every slot."""

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel, Row
from llmasos_edu.kernel.kernel import Kernel


def slots(model, tokens, start=0):
    past = []
    model.read(past, tokens, start)
    return past


def test_a_slot_depends_on_token_position_and_every_slot_before():
    model = IntegerModel()
    base = slots(model, [1, 2, 3])
    for other in (slots(model, [9, 2, 3]), slots(model, [2, 1, 3]), slots(model, [1, 2, 3], 1)):
        assert other[2] != base[2]
    assert [slot % 512 for slot in base] == [1, 2, 3]


def test_reading_in_pieces_is_reading_at_once():
    for window in (None, 1, 2, 3):
        model = IntegerModel(window=window)
        whole, past, new = [], [], model.read([], list(range(8)), 0)
        model.read(whole, list(range(8)), 0)
        pieces = model.read(past, [0, 1, 2], 0) + model.read(past, [3], 3) + model.read(past, [4, 5, 6, 7], 4)
        assert pieces == new
        assert past == whole == (new if window is None else new[-window:])


def test_the_next_token_depends_on_every_slot_and_the_seed():
    model = IntegerModel()
    base = slots(model, [1, 2, 3])
    said = model.next_token(base, 0)
    assert model.next_token(base, 1) != said
    for at in range(3):
        changed = list(base)
        changed[at] += 512
        assert model.next_token(changed, 0) != said


def test_a_position_behind_the_window_does_not_count():
    model = IntegerModel(window=2)
    assert model.next_token(slots(model, [1, 2, 3, 4, 5]), 0) != model.next_token(
        slots(model, [1, 2, 3, 5, 5]), 0
    )
    one = IntegerModel(window=1)
    assert slots(one, [1, 2, 3])[-1] == slots(one, [7, 8, 3])[-1]


def test_tokens_stay_in_the_vocabulary_and_vary():
    model, past, said = IntegerModel(5), [], []
    for position in range(200):
        model.read(past, [said[-1] if said else 1], position)
        said.append(model.next_token(past, 0))
    assert set(said) == set(range(5))


def test_a_call_once_begun_is_spelled_to_its_end():
    model = IntegerModel(4, calls=[b"ab"], call_every=1)
    text = [1]
    for _ in range(8):
        text.append(model.next_token(slots(model, text), 0))
    assert text == [1, 256, *b"ab", 257, 256, *b"ab", 257]
    assert model.next_token(slots(model, [256, 258]), 0) == 256  # an answer's mark ends the call


def test_blocks_that_were_given_back_cannot_be_read():
    driver = IntegerDriver()
    driver.allocate(4, 2)
    process = Kernel(IntegerDriver(), num_blocks=1).spawn([1], 1)
    driver.forward([Row(process, [1, 2, 3], 0, [0, 1])])
    with pytest.raises(LookupError, match="block 0 of the text was given back"):
        driver.forward([Row(process, [4], 3, [-1, 1])])


def test_guesses_are_kept_up_to_the_first_wrong_one():
    driver = IntegerDriver(IntegerModel(7))
    driver.allocate(8, 4)
    process = Kernel(IntegerDriver(), num_blocks=1).spawn([1], 1)
    right, text = [], [1, 2]
    for _ in range(4):
        right.append(driver.model.next_token(slots(driver.model, text), 0))
        text.append(right[-1])

    def said(guesses):
        return driver.forward([Row(process, [1, 2, *guesses], 0, [0, 1], len(guesses))])[0]

    assert said([]) == right[:1]
    assert said(right[:3]) == right
    assert said([right[0], 99, right[2]]) == right[:2]
    assert said([99, right[1]]) == right[:1]
    assert driver.forward([Row(process, [1, 2], 0, [0], speaks=False)]) == [[]]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"vocab": 0}, "vocab=0"), ({"vocab": 257}, "vocab=257"), ({"window": 0}, "window=0")],
)
def test_bad_settings_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        IntegerModel(**options)


@pytest.mark.parametrize("window", [None, 1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_text_read_through_blocks_is_the_text_read_at_once(window, size):
    """Whatever the pieces: the driver sees through the table just what the model sees."""
    text = [7, 1, 4, 4, 2, 9, 0, 3, 5, 6, 8]
    model = IntegerModel(50, window=window)
    process = Kernel(IntegerDriver(), num_blocks=1).spawn([1], 1)
    for cut in range(1, len(text)):
        driver = IntegerDriver(model)
        driver.allocate(20, size)
        table = [*range(19, 19 - -(-len(text) // size), -1)]
        driver.forward([Row(process, text[:cut], 0, table, speaks=False)])
        (said,) = driver.forward([Row(process, text[cut:], cut, table)])
        past = []
        model.read(past, text, 0)
        assert said == [model.next_token(past, process.seed)]


def test_a_slot_is_this_number():
    """Known values: a change of the mixture would change every stored trace of the chapter."""
    prime = (1 << 61) - 1
    first = ((3 * 7919 + 5 * 104_729) % prime) * 512 + 5
    second = ((first * 31 + 4 * 7919 + 6 * 104_729) % prime) * 512 + 6
    assert slots(IntegerModel(), [5, 6], 3) == [first, second]


class Said(IntegerDriver):
    """Says what it is told."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, rows):
        super().forward(rows)
        return self.answer(rows)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda rows: None, "Said answered 1 rows with None"),
        (lambda rows: [], r"Said answered 1 rows with \[\]"),
        (lambda rows: [[]], "for process 0: from 1 to 1 are wanted"),
        (lambda rows: [[1, 2]], "from 1 to 1 are wanted"),
        (lambda rows: [[512]], "tokens are whole numbers below 512"),
        (lambda rows: [[-1]], "tokens are whole numbers below 512"),
        (lambda rows: [[1.0]], "tokens are whole numbers below 512"),
    ],
)
def test_an_answer_that_would_spoil_the_text_is_told(answer, words):
    kernel = Kernel(Said(answer), num_blocks=8)
    kernel.spawn([1, 2], 4)
    with pytest.raises(RuntimeError, match=words):
        kernel.run()


def test_a_row_that_does_not_speak_must_be_silent():
    kernel = Kernel(Said(lambda rows: [[1] for _ in rows]), num_blocks=8, chunk=2)
    kernel.spawn([1, 2, 3, 4, 5], 4)
    with pytest.raises(RuntimeError, match="from 0 to 0 are wanted"):
        kernel.run()
    silent = Kernel(Said(lambda rows: [[1] if row.speaks else [] for row in rows]), num_blocks=8, chunk=2)
    process = silent.spawn([1, 2, 3, 4, 5], 4)
    silent.run()
    assert process.output == [1, 1, 1, 1]
