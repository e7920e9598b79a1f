"""Questions of chapter 2.1 that are answered with numbers and choices: two tokenizers, and a law.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.1-4 --------------------------------------------------------------------------------


def _draw_tokenizers(seed: int) -> dict:
    """A model of small tokens with few bits a token, and one of large tokens that is better by the byte."""
    generator = random.Random(seed)
    size = generator.choice([6000, 9000, 12000])
    few, many = size // generator.choice([3, 4]), size // 2
    while True:
        small, large = round(generator.uniform(3.4, 4.2), 1), round(generator.uniform(4.6, 5.6), 1)
        if large * few < 0.9 * small * many and large > small + 0.6 and small != 4.0:
            return {"size": size, "tokens_a": many, "bits_a": small, "tokens_b": few, "bits_b": large}


def _by_the_byte(size, tokens_a, bits_a, tokens_b, bits_b):
    return {
        "A": bits_a * tokens_a / size,
        "B": bits_b * tokens_b / size,
        "perplexity of A": 2**bits_a,
        "better": "B",
        "missing": "how many bytes a token has",
    }


def _part(**parts):
    """A wrong value in some parts alone."""
    return lambda **data: {name: part(**data) for name, part in parts.items()}


def _each(change):
    """The same slip in both of the models, or in one of them alone; change(size, tokens, bits)."""
    a = {"A": lambda size, tokens_a, bits_a, **_: change(size, tokens_a, bits_a)}
    b = {"B": lambda size, tokens_b, bits_b, **_: change(size, tokens_b, bits_b)}
    return _part(**a, **b), _part(**a), _part(**b)


TOKENIZERS = Question(
    key="2.1-4",
    title="Two tokenizers, one text",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Model A needs {bits_a} bits a token, model B {bits_b}. So A is the better one.' "
        "Both read "
        "the same text of {size} bytes. A's tokenizer cuts it into {tokens_a} tokens, B's into "
        "{tokens_b}. How "
        "many bits per byte does each need (A, B)? What is A's perplexity per token (perplexity of A)? Which "
        "of the two is better (better)? And what does the report leave out that decides it (missing)?"
    ),
    takeaway="Whoever cuts finer has more tokens to guess, each of them easier. A byte is the same for all.",
    explanation="Bits per byte: bits a token, times tokens, divided by bytes. Perplexity: 2 to the "
    "bits a token.",
    hints=(
        "The whole text costs each model some number of bits. How many, and over how many bytes?",
        "Perplexity per token is 2 to the power of the bits a token: no byte comes into it.",
        "Give A a tokenizer that cuts twice as fine. What happens to its bits a token if it gets no wiser?",
    ),
    asked={
        "A": "all bits that A needs for the text over the bytes of the text",
        "B": "all bits that B needs for the text over the bytes of the text",
        "perplexity of A": "2 to the bits that A needs for one token",
    },
    answer=_by_the_byte,
    options={
        "better": ("A", "B", "neither"),
        "missing": (
            "how many bytes a token has",
            "how large the models are",
            "a second text",
            "the perplexities",
        ),
    },
    draw=_draw_tokenizers,
    mistakes=(
        Mistake(
            "bits a token compared",
            "Each token costs A less, but A has more of them to say the same text: compare what the whole "
            "text costs.",
            ({"better": "A"},),
        ),
        Mistake(
            "tokens a byte",
            "You give how many tokens a byte has. Each token costs bits: multiply by them.",
            (*_each(lambda size, tokens, bits: tokens / size),),
        ),
        Mistake(
            "bytes a token",
            "You give how many bytes a token has. Each token costs bits, and of tokens a byte has the "
            "inverse of this number.",
            (*_each(lambda size, tokens, bits: size / tokens),),
        ),
        Mistake(
            "divided the wrong way",
            "You divide the bits a token by the tokens a byte. A byte that is cut into more tokens costs "
            "more, not less.",
            (*_each(lambda size, tokens, bits: bits * size / tokens),),
        ),
        Mistake(
            "the whole text",
            "You give the bits of the whole text. Asked is for those of one byte of it.",
            (*_each(lambda size, tokens, bits: bits * tokens),),
        ),
        Mistake(
            "one token over all bytes",
            "You divide the bits of one token by the bytes of the whole text. First all bits of the text: "
            "how many tokens has it?",
            (*_each(lambda size, tokens, bits: bits / size),),
        ),
        Mistake(
            "eight for the bytes of a token",
            "You divide by 8. That many bits are a byte's where it is stored; here bits are a surprise, and "
            "the bytes are those of the text: how many are they for each token?",
            (*_each(lambda size, tokens, bits: bits / 8),),
        ),
        Mistake(
            "the other's tokens",
            "You multiply the bits of a token by the number of tokens of the other model. Each cuts the "
            "text in its own way.",
            (
                _part(
                    A=lambda size, tokens_b, bits_a, **_: bits_a * tokens_b / size,
                    B=lambda size, tokens_a, bits_b, **_: bits_b * tokens_a / size,
                ),
            ),
        ),
        Mistake(
            "e for 2",
            "You take e to the power of bits. The base belongs to the unit: bits go with 2, nats with e.",
            (_part(**{"perplexity of A": lambda bits_a, **_: math.exp(bits_a)}),),
        ),
        Mistake(
            "perplexity of a byte",
            "That is 2 to the bits per byte. Asked for is the perplexity per token, the figure that papers "
            "print; it cannot be compared across tokenizers.",
            (
                _part(
                    **{"perplexity of A": lambda size, tokens_a, bits_a, **_: 2 ** (bits_a * tokens_a / size)}
                ),
            ),
        ),
        Mistake(
            "ten for 2",
            "What comes out is 10 to the power of bits. The base belongs to the unit: bits go with 2.",
            (_part(**{"perplexity of A": lambda bits_a, **_: 10**bits_a}),),
        ),
        Mistake(
            "squared",
            "That is the square of the bits. Asked is for 2 to their power.",
            (_part(**{"perplexity of A": lambda bits_a, **_: bits_a**2}),),
        ),
        Mistake(
            "the other's perplexity",
            "That is 2 to the bits of B for a token. Asked is for the perplexity of A.",
            (_part(**{"perplexity of A": lambda bits_b, **_: 2**bits_b}),),
        ),
        Mistake(
            "no power",
            "Those are the bits themselves. Perplexity is the number of equally likely tokens that would "
            "cost as much: 2 to the power of the bits.",
            (_part(**{"perplexity of A": lambda bits_a, **_: bits_a}),),
        ),
        Mistake(
            "perplexities would not help",
            "Perplexity per token is the same figure in another dress: 2 to the bits a token. It "
            "hangs on the "
            "tokenizer just as much.",
            ({"missing": "the perplexities"},),
        ),
        Mistake(
            "no winner",
            "Both have read the same bytes, so what each needs for a byte can be compared. Which is less?",
            ({"better": "neither"},),
        ),
        Mistake(
            "size or another text",
            "Size and a second text are worth knowing, but the two figures of this report could not be "
            "compared even with them.",
            ({"missing": "how large the models are"}, {"missing": "a second text"}),
        ),
    ),
)


# 2.1-7 --------------------------------------------------------------------------------


def _draw_law(seed: int) -> dict:
    """Two sizes and their losses, a third size; the embeddings are half of the small model."""
    generator = random.Random(seed)
    small = generator.choice([20_000, 30_000, 50_000])
    exponent = generator.choice([0.05, 0.08, 0.1, 0.12])
    low = round(generator.uniform(2.4, 3.2), 2)
    tables = {"one": small, "two": 2 * small, "three": 4 * small}
    layers = {"one": small, "two": 4 * small, "three": 16 * small}
    return {
        "all_one": layers["one"] + tables["one"], "tables_one": tables["one"], "loss_one": low,
        "all_two": layers["two"] + tables["two"], "tables_two": tables["two"],
        "loss_two": round(low * 4**-exponent, 3),
        "all_three": layers["three"] + tables["three"], "tables_three": tables["three"],
    }  # fmt: skip


def _law(n1, n2, n3, loss_one, loss_two):
    exponent = math.log(loss_one / loss_two) / math.log(n2 / n1)
    return {"exponent": exponent, "loss": loss_two * (n3 / n2) ** -exponent}


def _layers(d):
    return [d[f"all_{name}"] - d[f"tables_{name}"] for name in ("one", "two", "three")]


def _right_law(**d):
    found = _law(*_layers(d), d["loss_one"], d["loss_two"])
    return found | {"sure": "nowhere: a third size has to be measured"}


def _straight_in_logarithm(**d):
    n1, n2, n3 = map(math.log, _layers(d))
    return {"loss": d["loss_two"] - (d["loss_one"] - d["loss_two"]) / (n2 - n1) * (n3 - n2)}


def _straight(**d):
    n1, n2, n3 = _layers(d)
    return {"loss": d["loss_two"] - (d["loss_one"] - d["loss_two"]) / (n2 - n1) * (n3 - n2)}


def _third_with_embeddings(**d):
    found = _right_law(**d)
    loss = d["loss_two"] * (d["all_three"] / _layers(d)[1]) ** -found["exponent"]
    others = (each(**d)["loss"] for each in (_right_law, _straight, _straight_in_logarithm))
    return {"loss": -1.0 if any(math.isclose(loss, other, rel_tol=0.02) for other in others) else loss}


LAW = Question(
    key="2.1-7",
    title="A law through two points",
    difficulty=3,
    minutes=20,
    statement=(
        "Two models were trained by one recipe. The first has {all_one} parameters, {tables_one} of "
        "them in its "
        "embeddings, and a loss of {loss_one}; the second has {all_two}, {tables_two} of them in its "
        "embeddings, and a loss of {loss_two}. Take the power law loss = a N^-b over the parameters "
        "that are in "
        "no embedding. What is b (exponent)? What loss does the law give a model of {all_three} parameters, "
        "{tables_three} of them in embeddings (loss)? Where do these two losses alone show that the law "
        "holds (sure)?"
    ),
    takeaway="Two points always fit. It is the third one, measured, that makes a law of a line.",
    explanation="b = ln(L1 / L2) / ln(N2 / N1) with N without embeddings; then L2 (N3 / N2)^-b.",
    hints=(
        "First the three N: what is left of each number when its embeddings are taken off?",
        "Divide the two equations a N^-b by each other: a is gone, and b stands in the exponent.",
        "How many straight lines go through two points, whatever the points are?",
    ),
    asked={
        "exponent": "the fall of the loss's logarithm over the rise of N's, N without embeddings",
        "loss": "the second loss times (third N / second N)^-b, N without embeddings",
    },
    answer=_right_law,
    options={
        "sure": (
            "between the two sizes",
            "up to the third size",
            "for every size",
            "nowhere: a third size has to be measured",
        )
    },
    draw=_draw_law,
    rtol=5e-3,
    mistakes=(
        Mistake(
            "embeddings counted in",
            "You count the embeddings into N. They grow more slowly than the layers, so the line gets too "
            "steep.",
            (
                lambda **d: _law(d["all_one"], d["all_two"], d["all_three"], d["loss_one"], d["loss_two"]),
                lambda **d: {
                    "exponent": _law(d["all_one"], d["all_two"], 1, d["loss_one"], d["loss_two"])["exponent"]
                },
            ),
        ),
        Mistake(
            "embeddings counted twice",
            "You add the embeddings to a number that has them already. Taken off they should be.",
            (
                lambda **d: _law(
                    *(d[f"all_{n}"] + d[f"tables_{n}"] for n in ("one", "two", "three")),
                    d["loss_one"],
                    d["loss_two"],
                ),
            ),
        ),
        Mistake(
            "the sign",
            "Your exponent is negative: then the loss would grow with N. The law has a minus sign of "
            "its own.",
            (lambda **d: {"exponent": -_right_law(**d)["exponent"]},),
        ),
        Mistake(
            "a straight line",
            "You go on in a straight line. A power law is straight where both axes are logarithmic: "
            "each factor "
            "of N takes off the same share, not the same amount.",
            (_straight_in_logarithm, _straight),
        ),
        Mistake(
            "upside down",
            "You divide the logarithm of the sizes by that of the losses. The exponent says how much "
            "the loss moves when the size does.",
            (lambda **d: {"exponent": 1 / _right_law(**d)["exponent"]},),
        ),
        Mistake(
            "the losses without their logarithms",
            "What comes out has the difference of the losses above the line. A power law is straight in "
            "their logarithms.",
            (
                lambda **d: {
                    "exponent": (d["loss_one"] - d["loss_two"]) / math.log(_layers(d)[1] / _layers(d)[0])
                },
                lambda **d: {"exponent": (d["loss_one"] - d["loss_two"]) / (_layers(d)[1] - _layers(d)[0])},
            ),
        ),
        Mistake(
            "the sizes without their logarithms",
            "What comes out has the difference of the sizes below the line. A power law is straight where "
            "both axes are logarithmic.",
            (
                lambda **d: {
                    "exponent": math.log(d["loss_one"] / d["loss_two"]) / (_layers(d)[1] - _layers(d)[0])
                },
            ),
        ),
        Mistake(
            "the second once more",
            "That is the loss of the second model. The third is larger than it: how much does the law take "
            "off?",
            (lambda **d: {"loss": d["loss_two"]},),
        ),
        Mistake(
            "the first once more",
            "That is the loss of the first model. It also comes out where the sign of the exponent is "
            "turned. The third model is the largest: its loss is the lowest.",
            (lambda **d: {"loss": d["loss_one"]},),
        ),
        Mistake(
            "two points are a law",
            "Any two points lie on some power law. So these do not say that the losses follow one, not even "
            "between them.",
            (
                {"sure": "between the two sizes"},
                {"sure": "up to the third size"},
                {"sure": "for every size"},
            ),
        ),
        Mistake(
            "embeddings of the third",
            "Your loss is what the right exponent gives when the embeddings are counted into N for the "
            "third model. The law is one over the parameters that are in no embedding.",
            (_third_with_embeddings,),
        ),
    ),
)


EXERCISES = (TOKENIZERS, LAW)
