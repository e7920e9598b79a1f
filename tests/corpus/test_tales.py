"""Documents of which everything is known: which signs tell what, and what each kind of pair holds."""

import pytest
import torch

from llmasos_edu.corpus.tales import Tales

TOPICS, STAGES = 3, 4


def a_source(**settings):
    return Tales(topics=TOPICS, stages=STAGES, length=40, **settings)


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def topic_of(tales, sentences):
    """The topic whose signs stand in each sentence; all of them must be of one."""
    told = [{int(t) // tales.OWN for t in row if t < tales.topics * tales.OWN} for row in sentences]
    assert all(len(each) == 1 for each in told)
    return torch.tensor([each.pop() for each in told])


def stage_of(tales, sentences):
    first = tales.topics * tales.OWN
    last = first + tales.stages * tales.MARKS
    told = [{(int(t) - first) // tales.MARKS for t in row if first <= t < last} for row in sentences]
    assert all(len(each) == 1 for each in told)
    return torch.tensor([each.pop() for each in told])


def test_a_sentence_tells_its_topic_and_its_stage_and_no_other():
    tales = a_source()
    topics, stages = torch.tensor([0, 1, 2, 2]), torch.tensor([3, 0, 1, 2])
    sentences = tales.sentences(topics, stages, random())
    assert sentences.shape == (4, 40)
    assert torch.equal(topic_of(tales, sentences), topics)
    assert torch.equal(stage_of(tales, sentences), stages)
    assert sentences.min() >= 0
    assert sentences.max() == tales.vocab - 1


def test_shares_of_the_signs():
    tales = a_source(of_topic=0.5, of_stage=0.2)
    n = 500
    signs = tales.sentences(torch.zeros(n, dtype=torch.long), torch.zeros(n, dtype=torch.long), random())
    assert (signs < tales.OWN).double().mean().item() == pytest.approx(0.5, abs=0.02)
    shared = tales.topics * tales.OWN + tales.stages * tales.MARKS
    assert (signs >= shared).double().mean().item() == pytest.approx(0.3, abs=0.02)


def test_neighbours_share_their_topic_and_go_on_by_one_stage():
    tales = a_source()
    first, second, labels = tales.neighbours(200, random())
    assert torch.equal(topic_of(tales, first), topic_of(tales, second))
    assert torch.equal(stage_of(tales, first) + 1, stage_of(tales, second))
    assert labels.tolist() == [1] * 200


def test_random_pairs_have_any_topic_and_the_true_ones_follow():
    tales = a_source()
    first, second, labels = tales.next_or_random(600, random())
    same = topic_of(tales, first) == topic_of(tales, second)
    step = stage_of(tales, second) - stage_of(tales, first)
    assert same[labels == 1].all()
    assert (step[labels == 1] == 1).all()
    assert same[labels == 0].double().mean().item() == pytest.approx(1 / TOPICS, abs=0.08)
    assert set(stage_of(tales, second)[labels == 0].tolist()) == set(range(1, STAGES))
    assert labels.double().mean().item() == pytest.approx(0.5, abs=0.08)


def test_swapped_pairs_differ_in_their_order_alone():
    tales = a_source()
    first, second, labels = tales.in_order_or_swapped(300, random())
    assert torch.equal(topic_of(tales, first), topic_of(tales, second))
    assert torch.equal(stage_of(tales, second) - stage_of(tales, first), 2 * labels - 1)
    assert 0 < labels.sum() < 300


def test_tasks_are_labelled_with_the_truth():
    tales = a_source()
    sentences, labels = tales.topic_of_one(100, random())
    assert torch.equal(topic_of(tales, sentences), labels)
    first, second, labels = tales.same_topic(300, random())
    assert torch.equal((topic_of(tales, first) == topic_of(tales, second)).long(), labels)
    assert 100 < labels.sum() < 200
    first, second, labels = tales.later_stage(300, random())
    step = stage_of(tales, second) - stage_of(tales, first)
    assert torch.equal((step > 0).long(), labels)
    assert (step != 0).all()
    assert 100 < labels.sum() < 200
    assert (topic_of(tales, first) != topic_of(tales, second)).any()


def test_the_generator_decides_all():
    tales = a_source()
    one, two, other = (tales.next_or_random(20, random(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one.first, other.first)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"topics": 1}, "topics=1 and stages=4"),
        ({"stages": 1}, "topics=6 and stages=1"),
        ({"length": 0}, "length"),
        ({"of_topic": 0.7, "of_stage": 0.3}, "of_topic=0.7"),
        ({"of_stage": -0.1}, "of_stage=-0.1"),
    ],
)
def test_settings_that_fit_no_source(settings, words):
    with pytest.raises(ValueError, match=words):
        Tales(**settings)
