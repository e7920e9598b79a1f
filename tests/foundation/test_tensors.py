"""What tells one set of data from another."""

import pytest
import torch

from llmasos_edu.corpus import DomainSampler
from llmasos_edu.corpus.code_tasks import LabelledText, LabelledTextSampler
from llmasos_edu.foundation.tensors import check_sequence, digest, identity_of, token_vector
from llmasos_edu.learning.incremental import ReplayBuffer, ReplaySampler
from llmasos_edu.learning.multitask import JointSampler, TaskSampler
from llmasos_edu.learning.pretraining import MaskedSampler
from llmasos_edu.learning.word_vectors import SkipGramSampler
from llmasos_edu.training.checkpoint import CheckpointError
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import TextSampler
from llmasos_edu.training.rows import RowSampler

TEXT = torch.arange(60) % 7
BACKWARDS = TEXT.flip(0)
MASKED = {"context": 8, "batch_size": 4, "vocab_size": 8, "mask_id": 7}


def test_a_digest_differs_in_values_shapes_types_and_order_only():
    parts = [TEXT, TEXT.view(6, 10), TEXT.int(), TEXT.flip(0), None, 1, "1"]
    assert len({digest(part) for part in parts}) == len(parts)
    assert digest(TEXT, 1) != digest(1, TEXT)
    assert digest(TEXT.view(6, 10).T) == digest(TEXT.view(6, 10).T.clone())


@pytest.mark.parametrize(
    "make",
    [
        lambda text=TEXT, size=4: TextSampler(text, context=8, batch_size=size),
        lambda text=TEXT, size=4: DomainSampler([text, TEXT], context=8, batch_size=size),
        lambda text=TEXT, size=4: MaskedSampler(text, **MASKED | {"batch_size": size}),
    ],
    ids=["text", "domains", "masked"],
)
def test_a_sampler_is_known_by_all_that_decides_its_batches(make):
    assert make().identity() == make(TEXT.clone()).identity()
    assert len({make().identity(), make(TEXT.flip(0)).identity(), make(size=2).identity()}) == 3


def test_another_way_to_mask_is_other_data():
    rules = [{}, {"share": 0.3}, {"fates": (1, 0, 0)}, {"words": TEXT // 2}]
    assert len({MaskedSampler(TEXT, **MASKED, **rule).identity() for rule in rules}) == 4


def labelled(text=TEXT, size=4, tasks=("kind", "next"), windows=None, seed=0):
    labels = {"kind": text % 2, "next": text.roll(-1)}
    return LabelledTextSampler(
        LabelledText(text, labels), context=8, batch_size=size, tasks=tasks, windows=windows, seed=seed
    )


def replayed(text=TEXT, size=4, old=BACKWARDS, share=2):
    buffer = ReplayBuffer(900, vocab_size=8)
    buffer.add(old.view(-1, 6), torch.Generator().manual_seed(0))
    return ReplaySampler(TextSampler(text, context=5, batch_size=size), buffer, share)


def skip_gram(text=TEXT, size=4, **changed):
    return SkipGramSampler(text, **{"vocab_size": 8, "window": 2, "batch_size": size} | changed)


COMPOSED = {
    "rows": (lambda text=TEXT, size=4: RowSampler(text.view(10, 6), text[:10], batch_size=size), []),
    "labelled": (labelled, [{"tasks": ("kind",)}, {"tasks": ("next", "kind")}, {"windows": 3}]),
    "labelled, few windows": (lambda text=TEXT, size=4, seed=0: labelled(text, size, windows=3, seed=seed),
                              [{"seed": 1}]),
    "tasks": (lambda text=TEXT, size=4, share=0.5:
              TaskSampler([labelled(text, size), labelled()], [share, 1 - share]), [{"share": 0.4}]),
    "joint": (lambda text=TEXT, size=4: JointSampler([labelled(text, size), labelled(tasks=("kind",))]), []),
    "replay": (replayed, [{"old": TEXT}, {"share": 3}]),
    "skip-gram": (skip_gram, [{"window": 1}, {"negatives": 2}, {"noise_power": 1.0}, {"threshold": 0.1},
                              {"threshold": 0.1, "seed": 1}]),
}  # fmt: skip


@pytest.mark.parametrize("name", COMPOSED)
def test_samplers_of_rows_labels_tasks_old_rows_and_words_are_known_too(name):
    make, changes = COMPOSED[name]
    assert make().identity() == make(TEXT.clone()).identity()
    others = [make(), make(TEXT.roll(3)), make(size=2), *(make(**change) for change in changes)]
    assert len({other.identity() for other in others}) == len(others)


@pytest.mark.parametrize("name", COMPOSED)
def test_a_training_resumed_with_other_data_is_refused_by_name(name, tmp_path):
    make, _ = COMPOSED[name]
    file, model = tmp_path / "run.safetensors", torch.nn.Linear(1, 1)

    def go_on(sample):
        return train(model, sample, steps=2, loss=lambda model, _: model.weight.sum(), checkpoint=file)

    go_on(make())
    assert len(go_on(make()).losses) == 2
    with pytest.raises(
        CheckpointError, match=r"run\.safetensors was written with other training arguments.*'data'"
    ):
        go_on(make(TEXT.roll(3)))


def test_a_function_has_no_identity_and_may_stand_among_samplers():
    assert identity_of(len) is None
    assert (
        TaskSampler([len, labelled()], [1, 1]).identity() != TaskSampler([labelled(), len], [1, 1]).identity()
    )


@pytest.mark.parametrize("tokens", [None, ["a"], [[1], [2, 3]], [2**70], object()])
def test_what_no_tensor_can_hold_is_told_in_words(tokens):
    with pytest.raises(TypeError, match="are no row"):
        token_vector(tokens)


def test_a_list_is_no_sequence_of_vectors():
    with pytest.raises(TypeError, match=r"x must be a tensor \[batch, seq, 4\], got list"):
        check_sequence("x", [[[1.0]]], 4)


def test_a_digest_tells_short_fractions_apart():
    ones = torch.ones(2, dtype=torch.bfloat16)
    assert digest(ones) == digest(ones.clone())
    assert digest(ones) != digest(2 * ones)
    assert digest(ones) != digest(ones.float())
    assert digest(ones[0]) != digest(ones[:1])
