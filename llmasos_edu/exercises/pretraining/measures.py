"""Exercises of chapter 3.1, the part on measuring: perplexity and bits per byte.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-4 ----------------------------------------------------------------------------------


def text_perplexity(losses, counts):
    """losses [batches], mean nats per token of each batch, counts [batches], its tokens -> number []."""
    return torch.exp((losses * counts).sum() / counts.sum())


def _batches(name, seed, batches, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    losses = 1.5 + spread * torch.rand(batches, generator=generator)
    return Case(name, (losses, torch.randint(3, 400, (batches,), generator=generator).float()))


def _by_loss(losses, counts):
    tokens = dict(zip(losses.tolist(), counts.tolist(), strict=True))
    return math.exp(sum(loss * n for loss, n in tokens.items()) / sum(tokens.values()))


def _pairs_once(losses, counts):
    pairs = set(zip(losses.tolist(), counts.tolist(), strict=True))
    return math.exp(sum(loss * n for loss, n in pairs) / sum(n for _, n in pairs))


PERPLEXITY = Exercise(
    key="3.1-4",
    title="The perplexity of a whole text",
    difficulty=1,
    minutes=10,
    statement=(
        "A long text was measured in batches of different sizes. For each batch you know its mean loss in "
        "nats per token and its number of tokens. Return the perplexity of the whole text: the exponential "
        "of the mean loss over all its tokens."
    ),
    takeaway="Sums add up, means do not, and perplexities do so least: keep nats and tokens, divide last.",
    reference=text_perplexity,
    explanation="Each mean becomes a sum again, the sums are added, one division, one exponential.",
    hints=(
        "The text must get the same perplexity however it was cut into batches. Which quantities of two "
        "batches may simply be added?",
        "The mean loss of a batch times its number of tokens is the nats of the whole batch.",
        "Add up the nats, add up the tokens, divide, and take the exponential of that one number.",
    ),
    cases=(
        Case("a full batch and a short one", (torch.tensor([2.0, 4.0]), torch.tensor([100.0, 10.0]))),
        _batches("5 batches", 7201, 5),
        _batches("30 batches", 7202, 30),
        _batches("very different losses", 7203, 8, spread=4.0),
        Case("one batch", (torch.tensor([2.3]), torch.tensor([64.0]))),
        Case("equal batches", (torch.tensor([1.0, 2.0, 3.0]), torch.tensor([32.0, 32.0, 32.0]))),
        Case("a batch that is certain", (torch.tensor([0.0, 3.0]), torch.tensor([50.0, 50.0]))),
        Case(
            "batches with the same loss",
            (torch.tensor([2.0, 3.5, 2.0, 3.5]), torch.tensor([10.0, 20.0, 40.0, 20.0])),
        ),
    ),
    mistakes=(
        Mistake(
            "perplexities averaged",
            "You average the perplexities of the batches. The exponential makes bad batches loud, and the "
            "result depends on how the text was cut. Average the loss first.",
            (
                lambda x, n: x.exp().mean(),
                lambda x, n: (x.exp() * n).sum() / n.sum(),
            ),
        ),
        Mistake(
            "batches count alike",
            "Every batch counts alike in your mean. The last, short batch of a text has as much to say as "
            "its tokens, and no more.",
            (lambda x, n: x.mean().exp(),),
        ),
        Mistake(
            "equal batches counted once",
            "Several batches may have the same loss, even with the same number of tokens, and all of them "
            "count. Of such batches your mean holds one alone.",
            (_by_loss, _pairs_once),
        ),
        Mistake(
            "loss instead of perplexity",
            "You return the mean loss. The perplexity is its exponential: among how many equally likely "
            "tokens the model seems to choose.",
            (lambda x, n: (x * n).sum() / n.sum(),),
        ),
        Mistake(
            "power of two",
            "You raise 2 to the loss, but the loss is in nats: the base is e. (2 belongs to bits.)",
            (lambda x, n: 2 ** ((x * n).sum() / n.sum()),),
        ),
        Mistake(
            "a base that does not fit",
            "Base and unit do not fit in your power: e belongs to nats, 2 to bits. The losses are in nats.",
            (
                lambda x, n: ((x * n).sum() / n.sum() / math.log(2)).exp(),
                lambda x, n: 2 ** ((x * n).sum() / n.sum() * math.log(2)),
                lambda x, n: 10 ** ((x * n).sum() / n.sum()),
            ),
        ),
        Mistake(
            "median batch",
            "You take the one batch whose loss stands in the middle. The perplexity of a text is made of "
            "all its tokens.",
            (lambda x, n: x.median().exp(),),
        ),
        Mistake(
            "divided by tokens once more",
            "The mean losses themselves are divided by numbers of tokens. Each is per token already: times "
            "its tokens it is the nats of its batch, and all nats are divided by all tokens.",
            (lambda x, n: (x.sum() / n.sum()).exp(), lambda x, n: (x / n).mean().exp()),
        ),
        Mistake(
            "losses added",
            "You add up the mean losses of the batches. A longer text would then look worse: a perplexity is "
            "made of a mean, taken over tokens.",
            (lambda x, n: x.sum().exp(),),
        ),
        Mistake(
            "inverse",
            "Your number is below 1: it is the geometric mean of the tokens' probabilities. The perplexity "
            "is one over it.",
            (lambda x, n: (-(x * n).sum() / n.sum()).exp(),),
        ),
    ),
)  # fmt: skip

# 3.1-5 ----------------------------------------------------------------------------------


def text_bits_per_byte(nats, text):
    """nats [tokens], the surprise at each token of the text -> bits per byte of the text []."""
    return nats.sum() / math.log(2) / len(text.encode("utf-8"))


def _surprise(name, seed, text, tokens):
    generator = torch.Generator().manual_seed(seed)
    return Case(name, (4 * torch.rand(tokens, generator=generator), text))


BITS = Exercise(
    key="3.1-5",
    title="Bits per byte",
    difficulty=1,
    minutes=10,
    statement=(
        "Two models with different tokenizers are compared on one text. For one of them you know its "
        "surprise in nats at each token. Return what the text costs it in bits per byte of UTF-8."
    ),
    takeaway="The text's bytes are the same for all: per token, a tokenizer with long tokens looks bad.",
    reference=text_bits_per_byte,
    explanation="All nats of the text, turned into bits, shared among the bytes of the text.",
    hints=(
        "How many bits does the whole text cost? How many bytes has it? Neither asks for the number of "
        "tokens.",
        "One nat is 1 / ln 2 = 1.443 bits: a number in bits is the larger one.",
        "A letter such as ü takes two bytes in UTF-8, a Chinese character three: len of a str counts "
        "characters. Which method of str gives its bytes?",
    ),
    cases=(
        _surprise("short words", 7301, "the cat sat on the mat", 9),
        _surprise("German letters", 7302, "Größe über Maß, schöne Grüße", 14),
        _surprise("Chinese characters", 7303, "语言模型预测下一个词", 8),
        _surprise("one token for each byte", 7304, "def f(x):", 9),
        _surprise("a long text in few tokens", 7305, "attention is all you need, they said. " * 6, 40),
        _surprise("an emoji", 7306, "done ✓ 🎉", 6),
        Case("one certain token", (torch.tensor([0.0]), "ab")),
        Case("two lines that cost much", (torch.full((40,), 3.25), "so many nats\nin two lines\n")),
    ),
    mistakes=(
        Mistake(
            "bits per token",
            "You divide by the number of tokens: bits per token. A tokenizer with longer tokens would look "
            "worse on the same text. Divide by the text's bytes.",
            (lambda n, t: n.mean() / math.log(2),),
        ),
        Mistake(
            "nats per byte",
            "Your result is in nats. The surprise is in nats too, so one factor is missing: one nat is "
            "1.443 bits.",
            (lambda n, t: n.sum() / len(t.encode()),),
        ),
        Mistake(
            "nats per token",
            "You return the mean of the surprises: nats, and per token. Neither is asked for.",
            (lambda n, t: n.mean(),),
        ),
        Mistake(
            "characters instead of bytes",
            "Your divisor is the number of characters. A letter outside of English takes several bytes in "
            "UTF-8.",
            (lambda n, t: n.sum() / math.log(2) / len(t),),
        ),
        Mistake(
            "a mean over tokens times characters",
            "You make a sum of the mean surprise by the number of characters. The mean was taken over "
            "tokens: with how many of them does it give all nats of the text again?",
            (lambda n, t: n.mean() / math.log(2) * len(t) / len(t.encode()),),
        ),
        Mistake(
            "blanks left out",
            "A blank is a byte like any other: those at the ends of the text, or all of them, are missing in "
            "your number of bytes.",
            (
                lambda n, t: n.sum() / math.log(2) / len(t.strip().encode()),
                lambda n, t: n.sum() / math.log(2) / len("".join(t.split()).encode()),
            ),
        ),
        Mistake(
            "line breaks left out",
            "A line break is a byte like any other: it is missing in your number of bytes.",
            (lambda n, t: n.sum() / math.log(2) / len("".join(t.splitlines()).encode()),),
        ),
        Mistake(
            "another encoding",
            "You count the bytes of another encoding: two or four for each letter. Asked for are those of "
            "UTF-8.",
            (
                lambda n, t: n.sum() / math.log(2) / len(t.encode("utf-16-le")),
                lambda n, t: n.sum() / math.log(2) / len(t.encode("utf-16")),
                lambda n, t: n.sum() / math.log(2) / len(t.encode("utf-32-le")),
            ),
        ),
        Mistake(
            "words instead of bytes",
            "You divide by the number of words. What a word is depends on the language; bytes do not.",
            (lambda n, t: n.sum() / math.log(2) / len(t.split()),),
        ),
        Mistake(
            "multiplied by ln 2",
            "You multiply by ln 2 where you should divide. One nat is more than one bit, so the number in "
            "bits is the larger.",
            (lambda n, t: n.sum() * math.log(2) / len(t.encode()),),
        ),
        Mistake(
            "bits of the whole text",
            "You return the cost of the whole text. Share it among the bytes, or no two texts compare.",
            (lambda n, t: n.sum() / math.log(2),),
        ),
        Mistake(
            "logarithm of the surprise",
            "You take a logarithm of the surprise. It is a logarithm already: turning nats into bits is one "
            "division.",
            (
                lambda n, t: torch.log2(n.sum() + 1e-9) / len(t.encode()),
                lambda n, t: -torch.log2(n).sum() / len(t.encode()),
                lambda n, t: torch.log2(n).sum() / len(t.encode()),
            ),
        ),
        Mistake(
            "bits per bit",
            "You divide by eight as well: that is the compressed size over the original size. Asked for are "
            "bits for each byte.",
            (lambda n, t: n.sum() / math.log(2) / len(t.encode()) / 8,),
        ),
    ),
)


EXERCISES = (PERPLEXITY, BITS)
