"""Sentences of a text, and their keywords: what the copywriter of chapter 6.2.1 learns from."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from llmasos_edu.corpus.document import Document
from llmasos_edu.foundation.arguments import check_count

WORD = re.compile(r"[^\W\d_]+(?:_[^\W_]+)*")  # letters; a name with bars inside is one word
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_SIGNS = re.compile(r"[\w ,.;:'\"()\-*/`]+")  # no formulas, no code


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, in their order: runs of letters, `__init__` as `init`."""
    return [word.lower() for word in WORD.findall(text)]


def sentences(documents: Sequence[Document], *, shortest: int = 6, longest: int = 24) -> list[str]:
    """Plain sentences of prose: on one line, from a capital letter to a full stop, each once.

    A blank line ends a paragraph, a full stop before a capital letter a sentence. What holds code, a grammar
    or unusual signs is left out, and so are sentences of other lengths.

    Args:
        documents: such as those of `manual()`.
        shortest, longest: how many words a sentence may have.

    Returns:
        Sentences in the order of the text.

    Raises:
        ValueError: lengths that no sentence can have.
    """
    check_count("shortest", shortest)
    if longest < shortest:
        raise ValueError(
            f"longest={longest} is below shortest={shortest}: no sentence can have such a length"
        )
    found = {}
    for document in documents:
        for paragraph in re.split(r"\n\s*\n", document.text):
            line = " ".join(paragraph.split())
            if "::=" in line or ">>>" in line:
                continue
            for sentence in _END.split(line):
                whole = sentence[:1].isupper() and sentence.endswith(".") and _SIGNS.fullmatch(sentence)
                if whole and shortest <= len(sentence.split()) <= longest:
                    found[sentence] = None
    return list(found)


class Keywords:
    """Which words of a sentence say what it is about: those that are neither common nor unknown.

    Args:
        sentences: where words are counted.
        common: so many of the most frequent words are no keywords.
        least: a keyword occurs at least so often.
        letters: a keyword has at least so many letters.

    Raises:
        ValueError: a count below 1; sentences without a keyword among them.
    """

    def __init__(self, sentences: Iterable[str], *, common: int = 120, least: int = 3, letters: int = 4):
        for name, value in {"common": common, "least": least, "letters": letters}.items():
            check_count(name, value)
        counts = Counter(word for sentence in sentences for word in words_of(sentence))
        rare = set(counts) - {word for word, _ in counts.most_common(common)}
        self.known = frozenset(word for word in rare if counts[word] >= least and len(word) >= letters)
        if not self.known:
            raise ValueError(
                f"none of {len(counts)} words is a keyword: with common={common}, least={least} and "
                f"letters={letters} the text is too short"
            )

    def of(self, sentence: str) -> list[str]:
        """All keywords of a sentence, each once, in its order."""
        return [word for word in dict.fromkeys(words_of(sentence)) if word in self.known]

    def draw(self, sentence: str, count: int, seed: int) -> list[str] | None:
        """Some keywords of a sentence, in the alphabet's order, so that nothing is told of its own.

        Args:
            count: how many; None where the sentence has fewer.
            seed: of the choice, which depends on the sentence as well.

        Returns:
            `[count]` words, or None.
        """
        found = self.of(sentence)
        if len(found) < count:
            return None
        return sorted(random.Random(f"{seed} {sentence}").sample(found, count))
