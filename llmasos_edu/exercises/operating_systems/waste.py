"""An exercise of section 2.2.1: what a page wastes.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.2-6 --------------------------------------------------------------------------------


def wasted_share(sizes, page_size):
    """sizes [programs], page_size -> share of the pages given out that holds nothing."""
    given = sum(-(-size // page_size) * page_size for size in sizes)
    return 1 - sum(sizes) / given


def _draw_sizes(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    page_size = generator.choice([16, 32, 48])
    sizes = [generator.randrange(1, 300) for _ in range(6)]
    return (Case(f"sizes {sizes} on pages of {page_size}", (sizes, page_size)),)


WASTE = Exercise(
    key="2.2-6",
    title="What pages waste",
    difficulty=1,
    minutes=10,
    statement=(
        "Each program gets whole pages, as few as hold it. What share of all pages that were given out holds "
        "nothing? Every size is at least 1."
    ),
    takeaway="On average half a page a program is lost, so small pages waste little and need long tables.",
    reference=wasted_share,
    explanation="Round each size up to whole pages, then compare what is used with what was given.",
    hints=(
        "How many pages does a program of 17 bytes need when a page has 16? And one of 16, and one of 1?",
        "Rounding up without floating point: what does Python's // do with a negative number?",
        "The share is over all programs together: first the two sums, then one division.",
    ),
    cases=(
        Case("sizes 5, 8 and 17 on pages of 8", ([5, 8, 17], 8)),
        Case("a size that fits exactly", ([16, 32], 16)),
        Case("a size one above", ([17], 16)),
        Case("pages of 1", ([3, 9, 4], 1)),
        Case("small programs on a large page", ([1, 1, 2], 100)),
        Case("two of the same size and another", ([9, 9, 16], 8)),
        Case("texts of 12, 40, 300 and 7 tokens in blocks of 16", ([12, 40, 300, 7], 16)),
        Case("a byte on a page of 65536", ([131073, 65536, 1], 65536)),
    ),
    draw=_draw_sizes,
    mistakes=(
        Mistake(
            "a byte for nothing",
            "It comes out as if a page of which a byte or so is used were not given out, as where a "
            "fraction is rounded up with a number just below one. What is left over, however little, needs "
            "a page.",
            (lambda s, p: 1 - sum(s) / (p * sum(int(size / p + 0.99) for size in s)),),
        ),
        Mistake(
            "rounded down",
            "It comes out as if a program got only the pages that it fills (or one, where it fills none), "
            "so that its end has no place. To which side must the number of pages be rounded?",
            (
                lambda s, p: 1 - sum(s) / max(1, sum(size // p * p for size in s)),
                lambda s, p: 1 - sum(s) / sum(max(1, size // p) * p for size in s),
            ),
        ),
        Mistake(
            "rounded to the nearest",
            "It comes out as if the number of pages were rounded to the nearest. A program of a page and a "
            "little needs two: nothing may be left without a place.",
            (lambda s, p: 1 - sum(s) / max(1, sum(round(size / p) * p for size in s)),),
        ),
        Mistake(
            "what the last page holds",
            "You count what each program has beyond the pages that it fills. Wasted is what is left of its "
            "last page: nothing, where it fits exactly.",
            (lambda s, p: sum(size % p for size in s) / sum(-(-size // p) * p for size in s),),
        ),
        Mistake(
            "a share of the last pages",
            "What comes out is the waste divided by one page for each program, its last. The share is one "
            "of all pages that were given out.",
            (lambda s, p: sum(-size % p for size in s) / (len(s) * p),),
        ),
        Mistake(
            "as large as the largest",
            "It comes out as if each program were given as many pages as the largest one. Each gets as few "
            "as hold it.",
            (lambda s, p: 1 - sum(s) / (len(s) * -(-max(s) // p) * p),),
        ),
        Mistake(
            "always one page more",
            "A program that fits exactly gets an empty page from you. Rounding up 2.0 gives 2: how many "
            "pages do 32 bytes need when a page has 16?",
            (lambda s, p: 1 - sum(s) / sum((size // p + 1) * p for size in s),),
        ),
        Mistake(
            "used instead of wasted",
            "You return the share that is in use. What was asked for is the rest: together they make up 1.",
            (lambda s, p: sum(s) / sum(-(-size // p) * p for size in s),),
        ),
        Mistake(
            "mean of shares",
            "What comes out is the mean of the programs' own shares, so that a program of 1 byte weighs as "
            "much as one of 300. What counts is the memory of all of them together.",
            (lambda s, p: sum(1 - size / (-(-size // p) * p) for size in s) / len(s),),
        ),
        Mistake(
            "bytes instead of a share",
            "You return how much is wasted, not which share of what was given out. By what must it be "
            "divided?",
            (lambda s, p: sum(-(-size // p) * p - size for size in s),),
        ),
        Mistake(
            "divided by what is used",
            "You divide the waste by what the programs use. The question is about the pages given out, of "
            "which the waste is a part: so the share cannot exceed 1.",
            (lambda s, p: sum(-(-size // p) * p - size for size in s) / sum(s),),
        ),
        Mistake(
            "programs put end to end",
            "You put all programs one behind the other and round up once. Two programs never share a page: "
            "each one's last page is its own.",
            (lambda s, p: 1 - sum(s) / (-(-sum(s) // p) * p),),
        ),
        Mistake(
            "a whole page where it fits",
            "A program that fits exactly wastes a whole page in yours, of the right number of pages. "
            "Nothing is left of its last page.",
            (lambda s, p: sum(p - size % p for size in s) / sum(-(-size // p) * p for size in s),),
        ),
        Mistake(
            "pages that are not full",
            "What comes out is the share of the pages that are not full. Of such a page only a part is "
            "wasted.",
            (lambda s, p: sum(size % p > 0 for size in s) / sum(-(-size // p) for size in s),),
        ),
        Mistake(
            "half a page each",
            "It comes out as if each program wasted half a page. That is a rule of thumb for many; asked is "
            "what these waste.",
            (lambda s, p: len(s) * p / 2 / sum(-(-size // p) * p for size in s),),
        ),
        Mistake(
            "divided by one page",
            "What comes out is the waste in pages: divided by one page. The share is one of all pages that "
            "were given out.",
            (lambda s, p: sum(-size % p for size in s) / p,),
        ),
        Mistake(
            "pages and bytes mixed",
            "It comes out as if bytes were divided by a number of pages. Each page has `page_size` of them.",
            (lambda s, p: 1 - sum(s) / sum(-(-size // p) for size in s),),
        ),
        Mistake(
            "each size once",
            "It comes out as if programs of the same size were counted once. Each gets pages of its own.",
            (lambda s, p: wasted_share(list(set(s)), p),),
        ),
    ),
)


EXERCISES = (WASTE,)
