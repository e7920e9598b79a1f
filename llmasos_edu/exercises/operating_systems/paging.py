"""Exercises of section 2.2.1: virtual addresses.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.question import Question
from llmasos_edu.exercises.operating_systems.apart import told_apart

# 2.2-1 --------------------------------------------------------------------------------


def _draw_table(seed: int) -> dict:
    """A page size, a table of four pages and two addresses on different pages, none on page or offset 0."""
    generator = random.Random(seed)
    page_size = generator.choice([16, 32, 64])
    frames = generator.sample(range(5, 16), 4)
    pages = generator.sample([1, 2, 3], 2)
    offsets = generator.sample(range(4, page_size - 3), 2)
    first, second = (page * page_size + offset for page, offset in zip(pages, offsets, strict=True))
    return {"page_size": page_size, "frames": frames, "first": first, "second": second}


def _of_both(rule):
    """The answer that a rule (page, offset, frame, page size) gives for both addresses."""

    def answer(page_size, frames, first, second):
        found = {}
        for name, address in (("first", first), ("second", second)):
            page, offset = divmod(address, page_size)
            found[name] = rule(page, offset, frames[page], page_size)
        return found

    return answer


def _of_either(rule):
    """The answers that a rule gives for both addresses, and for one of them while the other is right."""
    both = _of_both(rule)

    def one(name):
        return lambda **data: {name: both(**data)[name]}

    return both, one("first"), one("second")


def _of_the_page_beside(step):
    """The answers with the frame of the page before or behind, for both addresses and for either."""

    def both(page_size, frames, first, second):
        def rule(page, offset, frame, size):
            beside = page + step
            return frames[beside] * size + offset if 0 <= beside < len(frames) else math.nan

        return _of_both(rule)(page_size, frames, first, second)

    return both, *(lambda name=name, **data: {name: both(**data)[name]} for name in ("first", "second"))


_translated_by_hand = _of_both(lambda page, offset, frame, size: frame * size + offset)
_BY_HAND_SLIPS = told_apart(
    _translated_by_hand,
    _of_either(lambda page, offset, frame, size: frame * size),
    _of_the_page_beside(-1),
    _of_the_page_beside(1),
    _of_either(lambda page, offset, frame, size: frame + offset),
    _of_either(lambda page, offset, frame, size: page * size + offset),
    _of_either(lambda page, offset, frame, size: offset * size + frame),
    _of_either(lambda page, offset, frame, size: frame * size + page * size + offset),
    _of_either(lambda page, offset, frame, size: frame * size + page),
    (
        *_of_either(lambda page, offset, frame, size: (frame + 1) * size + offset),
        *_of_either(lambda page, offset, frame, size: (frame - 1) * size + offset),
    ),
    (
        *_of_either(lambda page, offset, frame, size: frame * size + offset - 1),
        *_of_either(lambda page, offset, frame, size: frame * size + offset + 1),
    ),
    near=1e-4,
)

BY_HAND = Question(
    key="2.2-1",
    title="Translate by hand",
    difficulty=1,
    minutes=5,
    statement=(
        "Pages have {page_size} bytes, and pages 0, 1, 2, 3 lie in frames {frames}. At which physical "
        "addresses do the virtual addresses {first} (first) and {second} (second) lie?"
    ),
    takeaway="The page moves, the offset stays: neighbours on a page stay neighbours.",
    explanation=(
        "Divide by the page size: the quotient is the page, the remainder the offset. Then frame times page "
        "size, plus the offset."
    ),
    hints=(
        "How many whole pages lie before the address? That is the number of its page, counted from 0.",
        "What is left after these pages is the offset within the page. Paging does not change it.",
        "The frame's first byte lies at its number times the size of a frame. How far behind it is your "
        "byte?",
    ),
    asked={
        "first": "the frame of the first address's page, times a page's size, plus the offset",
        "second": "the frame of the second address's page, times a page's size, plus the offset",
    },
    answer=_translated_by_hand,
    mistakes=(
        Mistake(
            "offset left out",
            "You give the first byte of the right frame. The address is not the first byte of its page: "
            "where within the page does it lie?",
            _BY_HAND_SLIPS[0],
        ),
        Mistake(
            "pages counted from 1",
            "You look up the page before: the list of frames begins with that of page 0, so page 2 is its "
            "third entry.",
            _BY_HAND_SLIPS[1],
        ),
        Mistake(
            "page rounded up",
            "You look up the page behind: the address lies within a page, so the number of whole pages "
            "before it is its page's number. Round down, as the list begins with page 0.",
            _BY_HAND_SLIPS[2],
        ),
        Mistake(
            "frame not multiplied",
            "You add the frame's number and the offset. A frame's number counts frames, an address counts "
            "bytes: how many bytes lie before that frame?",
            _BY_HAND_SLIPS[3],
        ),
        Mistake(
            "page kept as it is",
            "That is the virtual address again: you put the page's own number where its frame's belongs. "
            "What does the table say about that page?",
            _BY_HAND_SLIPS[4],
        ),
        Mistake(
            "page and offset exchanged",
            "You multiply the offset by a page's size and add the frame's number as it is. Which of the two "
            "counts pages, and which counts bytes within one?",
            _BY_HAND_SLIPS[5],
        ),
        Mistake(
            "frame added to the address",
            "You move the whole address by the frame, so its page is counted as well. Only the offset goes "
            "along; the table replaces the rest.",
            _BY_HAND_SLIPS[6],
        ),
        Mistake(
            "page for the offset",
            "What comes out has the number of the page where the offset belongs: quotient and remainder of "
            "one division. Which of them goes along unchanged?",
            _BY_HAND_SLIPS[7],
        ),
        Mistake(
            "frames counted from 1",
            "What comes out lies one frame away from the right one. Frame 0 begins at byte 0, so that frame "
            "9 begins at nine times the size of a page.",
            _BY_HAND_SLIPS[8],
        ),
        Mistake(
            "one byte away",
            "What comes out is one byte beside the right one. The first byte of a page has the offset 0.",
            _BY_HAND_SLIPS[9],
        ),
    ),
    draw=_draw_table,
)


# 2.2-2 --------------------------------------------------------------------------------


def translate(address, page_size, frames):
    """address, page_size, frames [pages] (-1 = no frame) -> physical address, -1 fault, -2 outside."""
    page, offset = divmod(address, page_size)
    if not 0 <= page < len(frames):
        return -2
    return frames[page] * page_size + offset if frames[page] >= 0 else -1


def _translated(address, page_size, frames, *, outside=-2, fault=-1, add=lambda page, offset: offset):
    page, offset = divmod(address, page_size)
    if not 0 <= page < len(frames):
        return outside
    return frames[page] * page_size + add(page, offset) if frames[page] >= 0 else fault


def _draw_addresses(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    page_size = generator.choice([8, 16, 64])
    frames = generator.sample(range(3, 20), 4)
    frames[generator.randrange(4)] = -1
    addresses = generator.sample(range(5 * page_size), 3)
    return tuple(
        Case(f"address {address} on pages of {page_size}", (address, page_size, list(frames)))
        for address in addresses
    )


TABLE = Exercise(
    key="2.2-2",
    title="A page table in code",
    difficulty=1,
    minutes=10,
    statement=(
        "Translate a virtual address. `frames[p]` is the frame of page p, or -1 where the page has none. "
        "Return the physical address; -1 for a page fault; -2 for an address outside of this memory, a "
        "negative one included."
    ),
    takeaway="Three outcomes, and only one of them is an address: the other two are the kernel's business.",
    reference=translate,
    explanation=(
        "The quotient is looked up, the remainder goes along; outside is asked about before the table is."
    ),
    hints=(
        "One division gives you both halves of the address. What are quotient and remainder called here?",
        "Before you look into the table: is there such a line at all? Python's lists count from the end for "
        "negative indices, which is not what a machine should do.",
        "A frame of -1 is not an address. Which of the three answers is it, and in which order do you ask?",
    ),
    cases=(
        Case("address 21 on pages of 16", (21, 16, [3, 7, -1, 2])),
        Case("the first byte of page 0", (0, 16, [3, 7, -1, 2])),
        Case("a page without a frame", (40, 16, [3, 7, -1, 2])),
        Case("the last byte of the last page", (63, 16, [3, 7, -1, 2])),
        Case("the first byte outside", (64, 16, [3, 7, -1, 2])),
        Case("far behind the last page", (150, 16, [3, 7, -1, 2])),
        Case("a negative address", (-1, 16, [3, 7, -1, 2])),
        Case("a page in frame 0", (9, 8, [4, 0])),
        Case("pages of 100", (250, 100, [9, 1, 5])),
        Case("a negative address of more than a page", (-20, 16, [3, 7, -1, 2])),
    ),
    draw=_draw_addresses,
    mistakes=(
        Mistake(
            "a negative address that meets no frame",
            "For a negative address you give -1 where the page, counted from the end of the table, has no "
            "frame. Whatever stands there, the address lies outside: ask that first.",
            (lambda a, p, f: -1 if 0 > a // p >= -len(f) and f[a // p] < 0 else translate(a, p, f),),
        ),
        Mistake(
            "offset left out",
            "You return the first byte of the frame: at address 21, five bytes into its page, that is five "
            "too low. What goes along unchanged?",
            (lambda a, p, f: _translated(a, p, f, add=lambda page, offset: 0),),
        ),
        Mistake(
            "address added whole",
            "You add the whole address to the start of the frame, so that the pages before it are counted "
            "as well. Which part of the address is still needed once the page is known?",
            (lambda a, p, f: _translated(a, p, f, add=lambda page, offset: page * p + offset),),
        ),
        Mistake(
            "frame not multiplied",
            "You add the frame's number as if it were bytes. How many bytes lie before frame 7 when a frame "
            "has 16?",
            (lambda a, p, f: -2 if not 0 <= a // p < len(f) else -1 if f[a // p] < 0 else f[a // p] + a % p,),
        ),
        Mistake(
            "page and offset exchanged",
            "You multiply the offset by a page's size and add the frame's number as it is. Which of the two "
            "counts pages, and which counts bytes within one?",
            (
                lambda a, p, f: (
                    -2 if not 0 <= a // p < len(f) else -1 if f[a // p] < 0 else a % p * p + f[a // p]
                ),
            ),
        ),
        Mistake(
            "the address itself",
            "Where there is a frame, you return the virtual address as it was: the page's own number stands "
            "where its frame's belongs.",
            (
                lambda a, p, f: _translated(
                    a, p, [page if frame >= 0 else -1 for page, frame in enumerate(f)]
                ),
            ),
        ),
        Mistake(
            "page rounded to the nearest",
            "It comes out as if the page were the nearest whole number to address / page size. The address "
            "lies behind the beginning of its page, however close to its end: round down.",
            (
                lambda a, p, f: (
                    -2
                    if not 0 <= round(a / p) < len(f)
                    else -1
                    if f[round(a / p)] < 0
                    else f[round(a / p)] * p + a % p
                ),
            ),
        ),
        Mistake(
            "fault not noticed",
            "For a page without a frame you compute an address from -1. The table holds a sign there, not a "
            "number: ask before you multiply.",
            (lambda a, p, f: f[a // p] * p + a % p if 0 <= a // p < len(f) else -2,),
        ),
        Mistake(
            "frame 0 taken for none",
            "A page in frame 0 comes out as a fault. Zero is a frame like any other, though Python takes it "
            "for false: what exactly marks a missing one?",
            (lambda a, p, f: _translated(a, p, [frame or -1 for frame in f]),),
        ),
        Mistake(
            "negative addresses counted from the end",
            "A negative address gives a place in memory, as when Python's list counts from its end. A "
            "program that asks for address -1 must be told that it is outside.",
            (lambda a, p, f: _translated(a % (p * len(f)), p, f) if a < 0 else _translated(a, p, f),),
        ),
        Mistake(
            "the limit itself let in",
            "The first byte behind the last page is treated as if it lay inside. With 4 pages there is no "
            "page 4: which comparison lets it in?",
            (
                lambda a, p, f: -1 if a // p == len(f) else _translated(a, p, f),
                lambda a, p, f: f[a // p] if a // p == len(f) else _translated(a, p, f),
            ),
        ),
        Mistake(
            "outside taken for a fault",
            "An address outside of the memory gets the answer of a page fault. A fault can be mended by "
            "fetching the page, this one cannot: they need different answers.",
            (lambda a, p, f: _translated(a, p, f, outside=-1),),
        ),
        Mistake(
            "a fault taken for outside",
            "A page without a frame gets the answer of an address outside of the memory. This one can be "
            "mended by fetching the page, that one cannot: they need different answers.",
            (lambda a, p, f: _translated(a, p, f, fault=-2),),
        ),
        Mistake(
            "fault and outside exchanged",
            "A page without a frame gets the answer of an address outside of the memory, and the other way "
            "round. Which of them is -1? That fault can be mended by fetching the page.",
            (lambda a, p, f: _translated(a, p, f, fault=-2, outside=-1),),
        ),
        Mistake(
            "cut towards zero",
            "A negative address is taken for one on page 0, as when `int` cuts a quotient towards zero. It "
            "lies outside of this memory.",
            (
                lambda a, p, f: f[0] * p + a % p if -p < a < 0 else translate(a, p, f),
                lambda a, p, f: f[0] * p + a if -p < a < 0 else translate(a, p, f),
            ),
        ),
        Mistake(
            "pages of sixteen",
            "It comes out as if each page had 16 bytes. How many it has is in `page_size`.",
            (lambda a, p, f: translate(a, 16, f),),
        ),
        Mistake(
            "pages looked for among the frames",
            "It comes out as if a page were outside whose number is none of the numbers in `frames`. These "
            "are numbers of frames; pages are counted by the places in the list.",
            (lambda a, p, f: -2 if a // p not in f else -1 if f[a // p] < 0 else f[a // p] * p + a % p,),
        ),
        Mistake(
            "the number of pages for their size",
            "It comes out as if a frame had as many bytes as there are pages. It has `page_size`.",
            (
                lambda a, p, f: (
                    -2 if not 0 <= a // p < len(f) else -1 if f[a // p] < 0 else f[a // p] * len(f) + a % p
                ),
            ),
        ),
        Mistake(
            "page 0 taken for outside",
            "Addresses on page 0 come out as outside. Pages are counted from 0.",
            (lambda a, p, f: -2 if a // p == 0 else translate(a, p, f),),
        ),
    ),
)


EXERCISES = (BY_HAND, TABLE)
