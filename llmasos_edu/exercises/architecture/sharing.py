"""Exercise of chapter 2.3 on memory: what may be taken over.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.3-2 --------------------------------------------------------------------------------


def tokens_reused(prompt, read, size):
    """prompt [tokens], read [texts][tokens], size -> how many tokens of the prompt need not be computed."""
    best = 0
    for text in read:
        common = 0
        while common < min(len(prompt), len(text)) and prompt[common] == text[common]:
            common += 1
        best = max(best, min(common, len(prompt) - 1) // size * size)
    return best


def _common(prompt, text):
    common = 0
    while common < min(len(prompt), len(text)) and prompt[common] == text[common]:
        common += 1
    return common


def _equal(prompt, text):
    """How many places hold the same token, behind the first difference too."""
    return sum(a == b for a, b in zip(prompt, text, strict=False))


def _blockwise(prompt, read, size):
    """A key of the block alone: blocks of any text at any place."""
    known = {tuple(text[at : at + size]) for text in read for at in range(0, len(text) - size + 1, size)}
    blocks = 0
    while (blocks + 1) * size <= len(prompt) - 1 and tuple(
        prompt[blocks * size : (blocks + 1) * size]
    ) in known:
        blocks += 1
    return blocks * size


def _begun_blocks_too(prompt, read, size):
    """The last block of a text counts, however few tokens it holds."""
    count = 0
    while count + size < len(prompt):
        end = count + size
        if not any(len(text) > count and text[:end] == prompt[: min(end, len(text))] for text in read):
            break
        count = end
    return count


def _any_blocks(prompt, read, size):
    """Blocks of any text at any place, and those behind a block that nobody has read."""
    known = {tuple(text[at : at + size]) for text in read for at in range(0, len(text) - size + 1, size)}
    starts = range(0, (len(prompt) - 1) // size * size, size)
    return size * sum(tuple(prompt[at : at + size]) in known for at in starts)


def _blocks_in_place(prompt, read, size):
    """Blocks of any text at the same place."""
    known = {
        (at, tuple(text[at : at + size])) for text in read for at in range(0, len(text) - size + 1, size)
    }
    reused = 0
    while reused + size <= len(prompt) - 1 and (reused, tuple(prompt[reused : reused + size])) in known:
        reused += size
    return reused


def _by_key(prompt, read, size, key):
    """Block by block, but two blocks are equal where `key` makes the same of them."""
    best = 0
    for text in read:
        end = 0
        while end + size <= min(len(prompt) - 1, len(text)):
            if key(prompt[end : end + size]) != key(text[end : end + size]):
                break
            end += size
        best = max(best, end)
    return best


def _draw_prompt(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    size = generator.choice([2, 3])
    read = [[generator.randrange(2) for _ in range(generator.randint(3, 9))] for _ in range(3)]
    prompt = generator.choice(read)[: generator.randint(2, 8)] + [generator.randrange(2)] * generator.randint(
        0, 2
    )
    return (Case(f"prompt {prompt}, read {read}, blocks of {size}", (prompt, read, size)),)


REUSED = Exercise(
    key="2.3-2",
    title="What need not be computed",
    difficulty=2,
    minutes=15,
    statement=(
        "Texts that were read before lie in blocks of `size` tokens; only full blocks are known. How many "
        "tokens of a new prompt need not be computed? Whole blocks only are reused: one counts if it and all "
        "before it hold what the prompt has there. At least one token is always left to compute, since its "
        "answer is wanted."
    ),
    takeaway="A prefix is worth its full blocks, from the first token on, and never the whole prompt.",
    reference=tokens_reused,
    explanation="The longest common beginning with any text, at most all but one token, rounded down to "
    "blocks.",
    hints=(
        "How many tokens at the beginning does the prompt share with one of the texts?",
        "Of 7 common tokens in blocks of 4, how many lie in full blocks?",
        "And if the whole prompt has been read before, to its last token?",
    ),
    cases=(
        Case("7 tokens in common, blocks of 4", ([1, 2, 3, 4, 5, 6, 7, 8, 9], [[1, 2, 3, 4, 5, 6, 7, 0]], 4)),
        Case("the very same prompt", ([1, 2, 3, 4], [[1, 2, 3, 4]], 2)),
        Case("the same prompt, not at a block's end", ([1, 2, 3, 4, 5], [[1, 2, 3, 4, 5]], 2)),
        Case("nothing was read", ([1, 2, 3], [], 2)),
        Case("another first token", ([9, 2, 3, 4, 5], [[1, 2, 3, 4, 5]], 2)),
        Case("equal blocks after another beginning", ([7, 7, 5, 5, 0], [[7, 7, 1, 1], [2, 2, 5, 5]], 2)),
        Case("equal blocks at another place", ([1, 2, 3], [[7, 7, 1, 2]], 2)),
        Case("the second text has more", ([1, 2, 3, 4, 5, 6], [[1, 2, 0, 0], [1, 2, 3, 4, 9]], 2)),
        Case("a short text was read", ([1, 2, 3, 4], [[1, 2, 3]], 2)),
        Case("a text that ends in a begun block", ([1, 2, 3, 4, 5], [[1, 2, 3]], 2)),
        Case("one token", ([1], [[1, 2]], 1)),
        Case("all of a shorter text, and it ends a block", ([1, 2, 3, 4, 5], [[1, 2, 3, 4]], 2)),
        Case("a token whose digits begin another", ([1, 2, 3], [[1, 25]], 2)),
        Case("two texts that only together hold it", ([1, 2, 3, 4, 5], [[1, 2], [3, 4]], 2)),
        Case("two texts that begin alike", ([1, 2, 3, 4, 5], [[1, 2, 0], [1, 2, 9, 9]], 2)),
        Case("the same tokens in another order", ([2, 1, 3], [[1, 2, 9]], 2)),
        Case("tokens that read alike when run together", ([1, 230, 4], [[12, 30, 5]], 2)),
    ),
    draw=_draw_prompt,
    mistakes=(
        Mistake(
            "a block in any order",
            "It comes out as if the order of the tokens in a block did not matter. 2, 1 is another text "
            "than 1, 2.",
            (lambda p, r, s: _by_key(p, r, s, sorted),),
        ),
        Mistake(
            "tokens run together",
            "It comes out as if tokens were run together into one text before they are compared: 1, 230 "
            "then reads like 12, 30. Keep each token apart.",
            (lambda p, r, s: _by_key(p, r, s, lambda block: "".join(map(str, block))),),
        ),
        Mistake(
            "tokens, not blocks",
            "You count common tokens. A block that is only begun is not known: round down to full blocks.",
            (lambda p, r, s: max([min(_common(p, t), len(p) - 1) for t in r], default=0),),
        ),
        Mistake(
            "nothing left to compute",
            "A prompt that was read before is taken over whole. Then there is nothing to read in this step, "
            "and without reading the model says nothing.",
            (lambda p, r, s: max([_common(p, t) // s * s for t in r], default=0),),
        ),
        Mistake(
            "a block for itself",
            "You compare each block by its own tokens. The keys and values in it depend on all that came "
            "before: equal words after another beginning are another block.",
            (_blockwise, _any_blocks, _blocks_in_place),
        ),
        Mistake(
            "a begun block of a text",
            "You take the last block of a text that was read for known, though it is not full there: the "
            "prompt's block holds tokens that this text has not.",
            (_begun_blocks_too,),
        ),
        Mistake(
            "a block that ends with its text",
            "A block is not taken over where a text ends just behind it. It is full, so it is known: a "
            "token is left over of the prompt alone.",
            (lambda p, r, s: tokens_reused(p, [t[:-1] for t in r], s),),
        ),
        Mistake(
            "rounded too early",
            "Where the whole prompt is known, your result is no number of whole blocks. Leave its last token "
            "out first, and round down to blocks then.",
            (lambda p, r, s: max([min(_common(p, t) // s * s, len(p) - 1) for t in r], default=0),),
        ),
        Mistake(
            "equal tokens behind a difference",
            "It comes out as if tokens that are equal behind the first difference counted too. What stands "
            "there depends on all before it: stop at the first difference.",
            (lambda p, r, s: max([min(_equal(p, t), len(p) - 1) // s * s for t in r], default=0),),
        ),
        Mistake(
            "no difference, nothing counted",
            "Where a text and the prompt differ nowhere before one of them ends, you count nothing. All of "
            "the shorter one is common then.",
            (
                lambda p, r, s: max(
                    [_common(p, t) // s * s for t in r if _common(p, t) < min(len(p), len(t))], default=0
                ),
            ),
        ),
        Mistake(
            "blocks counted",
            "You return how many blocks are taken over, not how many tokens.",
            (lambda p, r, s: tokens_reused(p, r, s) // s,),
        ),
        Mistake(
            "rounded up",
            "You round up to whole blocks. Round down: the last block counts only if all of it is known and "
            "a token is left to compute.",
            (lambda p, r, s: max([-(-min(_common(p, t), len(p) - 1) // s) * s for t in r], default=0),),
        ),
        Mistake(
            "only the last text",
            "Your count is that of one text alone, the first or the last. Any of them may have the longest "
            "common beginning.",
            (lambda p, r, s: tokens_reused(p, r[-1:], s), lambda p, r, s: tokens_reused(p, r[:1], s)),
        ),
        Mistake(
            "the texts as one",
            "It comes out as if the texts were one, written behind one another. Each begins anew: what "
            "stands in a block depends on its own text alone.",
            (lambda p, r, s: tokens_reused(p, [[token for text in r for token in text]], s),),
        ),
        Mistake(
            "whole texts alone",
            "A text counts only where all of it stands at the beginning of the prompt. What both have in "
            "common until they part is known as well.",
            (lambda p, r, s: tokens_reused(p, [t for t in r if p[: len(t)] == t], s),),
        ),
        Mistake(
            "rounded to the nearest",
            "You round to the nearest number of blocks. Round down: the last block counts only if all of it "
            "is known.",
            (lambda p, r, s: max([round(min(_common(p, t), len(p) - 1) / s) * s for t in r], default=0),),
        ),
        Mistake(
            "texts added up",
            "You add up what the prompt has in common with each text. It can be taken over once: the longest "
            "of the common beginnings counts.",
            (
                lambda p, r, s: min(sum(_common(p, t) // s * s for t in r), (len(p) - 1) // s * s),
                lambda p, r, s: sum(min(_common(p, t), len(p) - 1) // s * s for t in r),
            ),
        ),
        Mistake(
            "the shortest beginning",
            "Your count is the least that the prompt has in common with any of the texts. The longest common "
            "beginning counts.",
            (lambda p, r, s: min([min(_common(p, t), len(p) - 1) // s * s for t in r], default=0),),
        ),
        Mistake(
            "one token less, always",
            "You leave a common token out even where the prompt goes on behind it. One token is left to "
            "compute then anyway.",
            (lambda p, r, s: max([max(0, _common(p, t) - 1) // s * s for t in r], default=0),),
        ),
        Mistake(
            "what is left",
            "You return what is still to be computed. Asked for is what need not be.",
            (lambda p, r, s: len(p) - tokens_reused(p, r, s),),
        ),
    ),
)


EXERCISES = (REUSED,)
