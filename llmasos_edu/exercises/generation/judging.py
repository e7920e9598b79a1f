"""Questions of chapter 6.2 that ask for judgement: controls that are missing, and verdicts that follow.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Holds, Lacks, Question

# 6.2-9 --------------------------------------------------------------------------------

CONTROLS = Question(
    key="6.2-9",
    title="Which control is missing?",
    difficulty=2,
    minutes=10,
    statement=(
        "Three sentences from reports. (coverage) 'Our copywriter uses 30 % of the keywords it is given', "
        "measured on "
        "texts about one product, whose keywords are much the same in every order. (quality) 'Beam search "
        "writes the "
        "best texts: their perplexity under our second model is the lowest.' (errors) 'Our proofreader "
        "finds 90 % of "
        "the planted errors', measured with half of all words marked. Choose for each the figure that "
        "would show what "
        "it is worth."
    ),
    takeaway="A figure says something beside what one would get for nothing, or by a trick.",
    explanation=(
        "Keywords of another order show what comes by itself; variety shows texts that repeat themselves; "
        "precision, "
        "or chance, shows what marking half of the words is worth."
    ),
    hints=(
        "Coverage: how many of these words would the texts hold if they had been written for another order?",
        "Quality: what does a text look like that says the same likely words again and again?",
        "Errors: how many of the errors would somebody find who marks every second word without reading?",
    ),
    answer={
        "coverage": "coverage of another order's keywords",
        "quality": "how often the texts repeat themselves",
        "errors": "the share of marked words that are wrong",
    },
    options={
        "coverage": (
            "coverage of another order's keywords",
            "coverage with longer texts",
            "perplexity of the texts",
            "coverage with another seed",
        ),
        "quality": (
            "how often the texts repeat themselves",
            "perplexity under the model that wrote them",
            "perplexity with more beams",
            "the length penalty",
        ),
        "errors": (
            "the share of marked words that are wrong",
            "the share of errors found in longer texts",
            "the surprise of the planted words",
            "the number of planted errors",
        ),
    },
    mistakes=(
        Mistake(
            "longer texts",
            "Longer texts hold more words of every kind, those of other orders too. The figure would rise "
            "and still "
            "not say what is due to the order.",
            ({"coverage": "coverage with longer texts"},),
        ),
        Mistake(
            "another seed",
            "Another seed says how far the figure is due to chance in drawing. It does not say what the "
            "texts would "
            "hold without the order.",
            ({"coverage": "coverage with another seed"},),
        ),
        Mistake(
            "perplexity for coverage",
            "Perplexity says how usual a text is. Whether its words come from the order it does not tell.",
            ({"coverage": "perplexity of the texts"},),
        ),
        Mistake(
            "more of the same judge",
            "The same measure again, for more beams or under the writing model, prefers the same likely "
            "texts. Ask "
            "for something that it does not see.",
            (
                {"quality": "perplexity with more beams"},
                {"quality": "perplexity under the model that wrote them"},
            ),
        ),
        Mistake(
            "a knob for a control",
            "The length penalty is a setting. A control shows what the figure leaves out.",
            ({"quality": "the length penalty"},),
        ),
        Mistake(
            "recall again",
            "That says how many errors there are, or are found. Who marks everything finds all: what is it "
            "that he pays with?",
            (
                {"errors": "the share of errors found in longer texts"},
                {"errors": "the number of planted errors"},
            ),
        ),
        Mistake(
            "surprise for success",
            "High surprise at the planted words does not help if right words surprise as much. Look at "
            "what was marked.",
            ({"errors": "the surprise of the planted words"},),
        ),
    ),
)

# 6.2-10 -------------------------------------------------------------------------------

SENTENCES = (
    "temperature 1 is more varied than beam search",
    "the constraint makes texts that people like better",
    "with the constraint every keyword occurs",
    "beam search is better than temperature 1",
    "the constraint costs bits under the second model",
    "min-p is better than temperature 0.7",
)

VERDICTS = Question(
    key="6.2-10",
    title="What follows from this table?",
    difficulty=2,
    minutes=10,
    statement=(
        "A report: means over five seeds, in brackets an interval of 95 %. Bits per token are measured "
        "under a second "
        "model; alike is the self-BLEU of four drafts. Temperature 0.7: 4.8 [4.5, 5.1] bits, alike 0.13 "
        "[0.10, 0.15]. "
        "Temperature 1: 6.5 [6.0, 6.9], alike 0.10 [0.08, 0.12]. Min-p: 4.5 [4.2, 4.8], alike 0.14 [0.11, "
        "0.16]. "
        "Beams: 3.2 [2.9, 3.4], alike 0.88 [0.85, 0.90]. Beams with the keyword constraint: 4.1 [3.9, "
        "4.3], alike "
        "0.89 [0.87, 0.92], all keywords in every text. No text was read by a person. Which sentences "
        "follow? Give "
        "them as a set."
    ),
    takeaway="An interval that overlaps decides nothing, and a judge that is a model is no reader.",
    explanation="Compare intervals; and ask of each sentence whether what it names has been measured at all.",
    hints=(
        "For each sentence find the two intervals that it compares. Do they overlap?",
        "'Better' and 'like' were measured by nobody here: a model's bits are a model's bits.",
        "What the constraint guarantees by its construction needs no interval.",
    ),
    answer={SENTENCES[at] for at in (0, 2, 4)},
    options=SENTENCES,
    mistakes=(
        Mistake(
            "fewer bits are better texts",
            "Better was measured by nobody: fewer bits under a model make no better text. The beams have "
            "the fewest, and their four drafts are nearly alike; nobody has read them.",
            (Holds(SENTENCES[3]),),
        ),
        Mistake(
            "overlapping intervals",
            "You let min-p win, although its intervals and those of temperature 0.7 overlap, in both "
            "figures.",
            (Holds(SENTENCES[5]),),
        ),
        Mistake(
            "liking was not measured",
            "You say what people like. The table has bits and likeness, and no text was read by a person.",
            (Holds(SENTENCES[1]),),
        ),
        Mistake(
            "a guarantee doubted",
            "You leave out that every keyword occurs. That is no estimate: the constraint allows no other "
            "text.",
            (Lacks(SENTENCES[2]),),
        ),
        Mistake(
            "a price overlooked",
            "You leave out the price of the constraint: 3.2 [2.9, 3.4] against 4.1 [3.9, 4.3], and "
            "nothing overlaps.",
            (Lacks(SENTENCES[4]),),
        ),
        Mistake(
            "a difference not seen",
            "You leave out that temperature 1 is more varied. Its drafts are alike to 0.10 [0.08, 0.12], "
            "those of the beams to 0.88 [0.85, 0.90]: what is alike is not varied, and nothing overlaps.",
            (Lacks(SENTENCES[0]),),
        ),
    ),
)

EXERCISES = (CONTROLS, VERDICTS)
