"""Documents of which everything is known: each has one topic, told in stages, one sentence a stage.

They are what sentence pairs (3.1.2) are drawn from. Whether a sentence follows another can be told by its
topic, which stays, and by its stage, which goes on by one. Real text has both kinds of signs, and how much of
each nobody knows.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_count


class Pairs(NamedTuple):
    """Two sentences a row, and a label for each row."""

    first: Tensor  # [n, length]
    second: Tensor  # [n, length]
    labels: Tensor  # [n]


@dataclass(frozen=True)
class Tales:
    """A source of sentences: each sign tells of the topic, or of the stage, or of nothing.

    A sign is one of the topic's own with probability `of_topic`, one of the stage's own with probability
    `of_stage`, else one that all sentences share. Signs are numbered in this order: those of topic 0, of
    topic 1 ..., of stage 0 ..., shared ones.

    Args:
        topics: how many topics there are, 2 or more.
        stages: how many stages a document has, 2 or more.
        length: signs in a sentence.
        of_topic, of_stage: probabilities, together below 1.

    Raises:
        ValueError: a count or probability that fits no source.
    """

    topics: int = 6
    stages: int = 4
    length: int = 8
    of_topic: float = 0.4
    of_stage: float = 0.25

    OWN, MARKS, SHARED = 4, 2, 6  # signs of a topic, of a stage, of all

    def __post_init__(self):
        for name in ("topics", "stages", "length"):
            check_count(name, getattr(self, name))
        if min(self.topics, self.stages) < 2:
            raise ValueError(f"topics={self.topics} and stages={self.stages} must be 2 or more")
        if min(self.of_topic, self.of_stage) < 0 or self.of_topic + self.of_stage >= 1:
            raise ValueError(f"of_topic={self.of_topic} and of_stage={self.of_stage} must have a sum below 1")

    @property
    def vocab(self) -> int:
        """How many different signs there are."""
        return self.topics * self.OWN + self.stages * self.MARKS + self.SHARED

    def sentences(self, topics: Tensor, stages: Tensor, generator) -> Tensor:
        """A sentence for each topic and stage, `[n]` and `[n]`: signs `[n, length]`."""
        shape = (len(topics), self.length)

        def draw(count):
            return torch.randint(count, shape, generator=generator)

        fate = torch.rand(shape, generator=generator)
        of_topic = topics[:, None] * self.OWN + draw(self.OWN)
        of_stage = self.topics * self.OWN + stages[:, None] * self.MARKS + draw(self.MARKS)
        shared = self.topics * self.OWN + self.stages * self.MARKS + draw(self.SHARED)
        told = torch.where(fate < self.of_topic + self.of_stage, of_stage, shared)
        return torch.where(fate < self.of_topic, of_topic, told)

    # ---- what a pretraining is asked ----

    def neighbours(self, count: int, generator) -> Pairs:
        """Two sentences in a row of one document; every label is 1."""
        topic, stage = self._any(self.topics, count, generator), self._any(self.stages - 1, count, generator)
        first = self.sentences(topic, stage, generator)
        second = self.sentences(topic, stage + 1, generator)
        return Pairs(first, second, torch.ones(count, dtype=torch.long))

    def next_or_random(self, count: int, generator) -> Pairs:
        """BERT's pairs: label 1 where the second follows, 0 where it is a later sentence of any document."""
        first, second, _ = self.neighbours(count, generator)
        follows = self._any(2, count, generator)
        topic, stage = self._any(self.topics, count, generator), self._any(self.stages - 1, count, generator)
        other = self.sentences(topic, stage + 1, generator)
        return Pairs(first, torch.where(follows[:, None] == 1, second, other), follows)

    def in_order_or_swapped(self, count: int, generator) -> Pairs:
        """ALBERT's pairs: label 1 where two neighbours stand in their order, 0 where they are swapped."""
        first, second, _ = self.neighbours(count, generator)
        ordered = self._any(2, count, generator)
        keep = ordered[:, None] == 1
        return Pairs(torch.where(keep, first, second), torch.where(keep, second, first), ordered)

    # ---- tasks ----

    def topic_of_one(self, count: int, generator) -> tuple[Tensor, Tensor]:
        """Sentences of any stage `[n, length]`, each labelled with its topic."""
        topic, stage = self._any(self.topics, count, generator), self._any(self.stages, count, generator)
        return self.sentences(topic, stage, generator), topic

    def same_topic(self, count: int, generator) -> Pairs:
        """Two sentences of any stages: label 1 where they share their topic."""
        topic, same = self._any(self.topics, count, generator), self._any(2, count, generator)
        other = (topic + 1 + self._any(self.topics - 1, count, generator)) % self.topics
        one, two = (self._any(self.stages, count, generator) for _ in range(2))
        first = self.sentences(topic, one, generator)
        return Pairs(first, self.sentences(torch.where(same == 1, topic, other), two, generator), same)

    def later_stage(self, count: int, generator) -> Pairs:
        """Two sentences of any topics and of different stages: label 1 where the second is the later one."""
        one, two = (self._any(self.topics, count, generator) for _ in range(2))
        stage = self._any(self.stages, count, generator)
        other = (stage + 1 + self._any(self.stages - 1, count, generator)) % self.stages
        first, second = self.sentences(one, stage, generator), self.sentences(two, other, generator)
        return Pairs(first, second, (other > stage).long())

    @staticmethod
    def _any(count: int, rows: int, generator) -> Tensor:
        return torch.randint(count, (rows,), generator=generator)
