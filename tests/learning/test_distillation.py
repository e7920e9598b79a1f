"""Distillation against compositions of torch's own losses; teachers that stay as they are."""

import copy
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from llmasos_edu.learning import distillation
from llmasos_edu.learning.adaptation import layer_states
from llmasos_edu.learning.distillation import (
    Distillation,
    HiddenMatching,
    HintedStudent,
    distillation_loss,
    forward_kl,
    gain_kept,
    jensen_shannon,
    record_logits,
    reverse_kl,
    teaching,
    written_by,
)
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import TextSampler, make_optimizers, next_token_loss, train
from llmasos_edu.training.rows import RowSampler

VOCAB = 11
exact = {"rtol": 1e-10, "atol": 1e-12}


def logits(*shape, seed=0, requires_grad=False):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * x).requires_grad_(requires_grad)


def texts(*shape, seed=0):
    return torch.randint(VOCAB, shape, generator=torch.Generator().manual_seed(seed))


def make(d_model=8, num_layers=2, seed=0, **options):
    torch.manual_seed(seed)
    model = LanguageModel(VOCAB, d_model=d_model, num_layers=num_layers, num_heads=2, **options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.4)
    return model.double()


def noisy_experts():
    """A teacher whose answers differ between training and evaluation: noisy router, dropout."""
    return make(12, seed=3, num_experts=4, moe={"top_k": 2, "noisy": True}, dropout=0.3)


def gradients(value, *inputs):
    return [value, *torch.autograd.grad(value, inputs)]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, **exact)


def learned(value, model):
    return gradients(value, *(p for p in model.parameters() if p.requires_grad))


# ---- the loss ----


def composed(z, v, y, temperature, alpha):
    """Hinton's loss, written with torch's own two."""
    q = F.log_softmax(z / temperature, dim=-1).reshape(-1, z.shape[-1])
    p = F.softmax(v / temperature, dim=-1).reshape(-1, z.shape[-1])
    soft = F.kl_div(q, p, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * F.cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))


@pytest.mark.parametrize("shape", [(5, VOCAB), (2, 3, VOCAB)])
@pytest.mark.parametrize(
    ("temperature", "alpha"), [(1.0, 0.5), (2.0, 0.3), (5.0, 0.9), (0.5, 0.0), (3.0, 1.0)]
)
def test_the_loss_is_a_composition_of_torch_s_own(shape, temperature, alpha):
    z, v, y = logits(*shape, requires_grad=True), logits(*shape, seed=1), texts(*shape[:-1])
    ours = distillation_loss(z, v, y, temperature=temperature, alpha=alpha)
    same(gradients(ours, z), gradients(composed(z, v, y, temperature, alpha), z))


def test_its_defaults_are_temperature_two_and_equal_shares_of_the_forward_kl():
    z, v, y = logits(4, 5, requires_grad=True), logits(4, 5, seed=1), texts(4) % 5
    same(gradients(distillation_loss(z, v, y), z), gradients(composed(z, v, y, 2.0, 0.5), z))


def test_by_hand():
    z, v = torch.tensor([[0.0, 0.0]]), torch.tensor([[2.0, 0.0]])
    p = torch.tensor([1.0, 0.0]).softmax(-1)  # at T = 2
    kl = (p * (p.log() - torch.tensor(0.5).log())).sum()
    ours = distillation_loss(z, v, torch.tensor([0]), temperature=2.0, alpha=0.25)
    assert_close(ours, 0.25 * 4 * kl + 0.75 * torch.tensor(2.0).log())


@pytest.mark.parametrize("divergence", [forward_kl, reverse_kl, jensen_shannon])
def test_any_divergence_takes_the_teacher_s_place(divergence):
    z, v, y = logits(4, 5), logits(4, 5, seed=1), texts(4) % 5
    ours = distillation_loss(z, v, y, temperature=3.0, alpha=0.4, divergence=divergence)
    soft = divergence(z, v, temperature=3.0)
    assert_close(ours, 0.4 * 9 * soft + 0.6 * F.cross_entropy(z, y), **exact)


def test_positions_that_are_not_scored_count_in_neither_term():
    z, v, y = logits(2, 3, 5, requires_grad=True), logits(2, 3, 5, seed=1), texts(2, 3) % 5
    y[0, 1] = y[1, 2] = -100
    kept = y != -100
    ours = gradients(distillation_loss(z, v, y), z)
    same(ours, gradients(composed(z[kept], v[kept], y[kept], 2.0, 0.5), z))
    assert torch.equal(ours[1][0, 1], torch.zeros(5, dtype=torch.float64))


def test_without_the_truth_the_teacher_alone():
    z, v = logits(2, 3, 5), logits(2, 3, 5, seed=1)
    assert_close(distillation_loss(z, v, alpha=1), 4 * forward_kl(z, v, temperature=2.0), **exact)
    assert_close(
        distillation_loss(z[0, 0], v[0, 0], alpha=1.0), 4 * forward_kl(z[0, 0], v[0, 0], temperature=2)
    )


def test_the_truth_alone_does_not_ask_the_teacher():
    z, y = logits(4, 5), texts(4) % 5
    impossible = torch.full((4, 5), -torch.inf)
    assert_close(distillation_loss(z, impossible, y, alpha=0), F.cross_entropy(z, y), **exact)
    assert_close(distillation_loss(z, impossible.double(), y, alpha=0.0), F.cross_entropy(z, y), **exact)


def test_no_gradient_reaches_the_teacher_s_logits():
    z, v = logits(4, 5, requires_grad=True), logits(4, 5, seed=1, requires_grad=True)
    distillation_loss(z, v, texts(4) % 5).backward()
    assert z.grad is not None
    assert v.grad is None


def test_t_squared_keeps_the_teacher_s_pull_alive():
    z, v = logits(8, 20, requires_grad=True), logits(8, 20, seed=1)
    sizes = [
        gradients(distillation_loss(z, v, alpha=1, temperature=t), z)[1].norm().item() for t in (5.0, 50.0)
    ]
    assert 0.5 < sizes[1] / sizes[0] < 2


def test_losses_that_cannot_be_taken():
    z, v, y = logits(2, 3), logits(2, 3, seed=1), torch.tensor([0, 2])
    for alpha in (-0.1, 1.5):
        with pytest.raises(ValueError, match=f"alpha={alpha} must lie between 0 and 1"):
            distillation_loss(z, v, y, alpha=alpha)
        with pytest.raises(ValueError, match=f"alpha={alpha} must lie between 0 and 1"):
            Distillation(alpha=alpha)
    with pytest.raises(ValueError, match=r"alpha=0\.75 gives the truth a weight of 0\.25, but targets=None"):
        distillation_loss(z, v, alpha=0.75)
    with pytest.raises(ValueError, match=r"logits \[2, 3\], targets \[3\]: all sizes"):
        distillation_loss(z, v, torch.tensor([0, 1, 2]))
    with pytest.raises(ValueError, match="all 2 targets are -100"):
        distillation_loss(z, v, torch.full((2,), -100))
    with pytest.raises(ValueError, match=r"student's logits \[2, 3\], teacher's \[2, 4\]"):
        distillation_loss(z, logits(2, 4), y, alpha=0.0)
    with pytest.raises(ValueError, match="temperature=0 must be above 0"):
        distillation_loss(z, v, y, temperature=0)


# ---- the teacher at work ----


def frozen_modes(model):
    return [module.training for module in model.modules()]


def test_a_teacher_is_in_evaluation_without_gradient_and_then_as_it_was():
    teacher = noisy_experts().train()
    teacher.blocks[0].eval()
    modes = frozen_modes(teacher)
    with teaching(teacher) as same_teacher:
        assert same_teacher is teacher
        assert not any(frozen_modes(teacher))
        assert not teacher(texts(1, 4)).requires_grad
    assert frozen_modes(teacher) == modes
    assert torch.is_grad_enabled()
    with pytest.raises(RuntimeError, match="stop"), teaching(teacher):
        raise RuntimeError("stop")
    assert frozen_modes(teacher) == modes
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("teacher", [lambda: make(12, seed=3), noisy_experts], ids=["dense", "experts"])
def test_distillation_is_the_loss_on_both_models_answers(teacher):
    teacher, student, batch = teacher().train(), make(), texts(3, 7)
    before, modes = copy.deepcopy(teacher.state_dict()), frozen_modes(teacher)
    ours = Distillation(teacher, temperature=3.0, alpha=0.7)(student, batch)
    assert frozen_modes(teacher) == modes
    inputs, targets = batch[:, :-1], batch[:, 1:]
    with torch.no_grad():
        v = copy.deepcopy(teacher).eval()(inputs)
    same(learned(ours, student), learned(composed(student(inputs), v, targets, 3.0, 0.7), student))
    assert all(p.grad is None and p.requires_grad for p in teacher.parameters())
    same(before.values(), teacher.state_dict().values())


def test_its_divergence_is_the_one_that_was_given():
    teacher, student, batch = make(seed=3), make(), texts(3, 7)
    inputs, targets = batch[:, :-1], batch[:, 1:]
    ours = Distillation(teacher, divergence=reverse_kl)(student, batch)
    expected = distillation_loss(student(inputs), teacher(inputs), targets, divergence=reverse_kl)
    assert_close(ours, expected, **exact)
    assert not torch.equal(ours, Distillation(teacher)(student, batch))
    default = distillation_loss(student(inputs), teacher(inputs), targets)
    assert_close(Distillation(teacher)(student, batch), default, **exact)


def test_a_pair_of_inputs_and_targets_for_all_positions_or_for_the_last():
    teacher, student, inputs = make(seed=3), make(), texts(3, 6)
    loss, v, z = Distillation(teacher), teacher(inputs).detach(), student(inputs)
    every, last = texts(3, 6, seed=1), texts(3, seed=2)
    every[:, :2] = -100
    kept = every != -100
    assert_close(loss(student, (inputs, every)), composed(z[kept], v[kept], every[kept], 2.0, 0.5), **exact)
    assert_close(loss(student, (inputs, last)), composed(z[:, -1], v[:, -1], last, 2.0, 0.5), **exact)


def test_classifiers_distil_as_well():
    torch.manual_seed(0)
    teacher, student = nn.Linear(4, 3), nn.Linear(4, 3)
    x, y = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    assert_close(Distillation(teacher)(student, (x, y)), composed(student(x), teacher(x), y, 2.0, 0.5))


def test_recorded_logits_give_the_same_loss_without_the_teacher():
    teacher, student, windows = noisy_experts().train(), make(), texts(5, 7)
    modes = frozen_modes(teacher)
    inputs, targets = windows[:, :-1], windows[:, 1:]
    recorded = record_logits(teacher, inputs, batch_size=2)
    assert frozen_modes(teacher) == modes
    assert recorded.shape == (5, 6, VOCAB)
    assert recorded.dtype == torch.float64
    assert not recorded.requires_grad
    options = {"temperature": 3.0, "alpha": 0.7}
    offline = Distillation(**options)(student, (inputs, targets, recorded))
    assert_close(offline, Distillation(teacher, **options)(student, windows), **exact)
    half = record_logits(teacher, inputs, dtype=torch.float16)
    assert half.dtype == torch.float16
    assert_close(half.double(), recorded, rtol=1e-3, atol=1e-3)
    rough = Distillation(**options)(student, (inputs, targets, half))
    assert rough.dtype == torch.float64
    assert_close(rough, offline, rtol=1e-2, atol=1e-3)


def test_a_recording_asks_the_teacher_in_batches():
    sizes = []

    class Teacher(nn.Module):
        def forward(self, x):
            sizes.append(len(x))
            return x

    assert torch.equal(record_logits(Teacher(), torch.arange(70.0)), torch.arange(70.0))
    assert sizes == [32, 32, 6]
    with pytest.raises(ValueError, match="batch_size=0 is not a whole number of at least 1"):
        record_logits(Teacher(), torch.zeros(3), batch_size=0)


def test_batches_of_another_kind_are_refused():
    windows, teacher, student = texts(2, 5), make(seed=3), make()
    pair = (windows[:, :-1], windows[:, 1:])
    for batch in (windows, pair):
        with pytest.raises(ValueError, match="without a teacher a batch must be"):
            Distillation()(student, batch)
    with pytest.raises(ValueError, match=r"with a teacher a batch must be \(inputs, targets\), got 3 parts"):
        Distillation(teacher)(student, (*pair, pair[0]))
    with pytest.raises(ValueError, match=r"student's logits \[2, 4, 11\], teacher's \[2, 4, 7\]"):
        Distillation()(student, (*pair, torch.zeros(2, 4, 7)))


def test_distillation_trains_a_student_towards_its_teacher():
    torch.manual_seed(0)
    teacher, student = make(12, seed=3).float(), LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2)
    sample, held_out = TextSampler(texts(400), context=8, batch_size=8), texts(16, 9, seed=5)

    def apart(model):
        with torch.no_grad():
            return forward_kl(model(held_out), teacher(held_out)).item()

    start = apart(student)
    teacher.train()
    history = train(student, sample, steps=60, loss=Distillation(teacher, alpha=1.0))
    assert teacher.training
    assert history.losses[-1] < history.losses[0]
    assert apart(student) < 0.6 * start


def test_the_gain_that_is_kept():
    assert gain_kept(2.0, 1.7, 1.0) == pytest.approx(0.3)
    assert gain_kept(2.0, 2.0, 1.0) == 0
    assert gain_kept(2.0, 1.0, 1.0) == 1
    assert gain_kept(2.0, 2.5, 1.0) == -0.5
    for teacher in (2.0, 2.5):
        with pytest.raises(ValueError, match=f"teacher's loss {teacher:g} is not below 2: there is no lead"):
            gain_kept(2.0, 1.9, teacher)


# ---- states ----


def hinted(width=8, pairs=((1, 2), (2, 3)), **options):
    return HintedStudent(make(width, **options), make(12, 3, seed=3), pairs)


@pytest.mark.parametrize("width", [8, 12])
def test_hidden_matching_is_torch_s_mse_on_projected_states(width):
    model, windows = hinted(width), texts(3, 7)
    inputs = windows[:, :-1]
    model.double().teacher.train()
    loss = HiddenMatching(0.7)(model, windows)
    assert model.teacher.training
    theirs = layer_states(model.teacher, inputs)
    x, options = model.student.body.positions(model.student.embedding(inputs), torch.arange(6))
    ours = [x]
    for block in model.student.blocks:
        ours.append(block(ours[-1], **options))
    expected = next_token_loss(model.student, windows)
    for projection, (own, other) in zip(model.projections, model.pairs, strict=True):
        state = ours[own] @ projection.weight.T if width == 8 else ours[own]
        expected = expected + 0.7 / 2 * F.mse_loss(state, theirs[other])
    same(learned(loss, model), learned(expected, model))
    assert all(p.grad is None for p in model.teacher.parameters())


def test_projections_only_where_the_widths_differ():
    assert all(isinstance(each, nn.Identity) for each in hinted(12).projections)
    shapes = [tuple(each.weight.shape) for each in hinted(8).projections]
    assert shapes == [(12, 8), (12, 8)]
    assert all(each.bias is None for each in hinted(8).projections)


def test_a_hinted_student_answers_as_the_student_and_does_not_own_the_teacher():
    model = hinted()
    assert torch.equal(model(texts(2, 5)), model.student(texts(2, 5)))
    own = {id(p) for p in model.parameters()}
    assert not own & {id(p) for p in model.teacher.parameters()}
    assert {id(p) for p in model.student.parameters()} < own


def test_the_embeddings_are_layer_zero_and_the_weight_is_one():
    model, windows = hinted(12, pairs=[(0, 0)]), texts(3, 7)
    inputs = windows[:, :-1]
    first = layer_states(model.student, inputs)[0], layer_states(model.teacher, inputs)[0]
    expected = next_token_loss(model.student, windows) + F.mse_loss(*first)
    assert_close(HiddenMatching()(model, windows), expected, **exact)


def test_states_beside_the_teacher_s_answers_and_a_batch_of_pairs():
    model, windows = hinted().double(), texts(3, 7)
    pair = (windows[:, :-1], windows[:, 1:])
    base = Distillation(model.teacher)
    with_states = HiddenMatching(2.0, base=base)
    states = HiddenMatching(1.0)(model, windows) - next_token_loss(model, windows)
    assert states.item() > 0.1
    assert_close(with_states(model, windows), base(model, windows) + 2 * states, **exact)
    assert_close(with_states(model, pair), with_states(model, windows), **exact)


def test_masked_models_match_their_states_as_well():
    torch.manual_seed(0)
    student, teacher = (
        MaskedLanguageModel(VOCAB, d_model=8, num_layers=layers, num_heads=2, max_len=16) for layers in (1, 2)
    )
    model, tokens = HintedStudent(student.eval(), teacher, [(1, 2)]), texts(2, 6)

    def constant(model, batch):
        return model(batch[0]).sum() * 0

    expected = F.mse_loss(layer_states(student, tokens)[1], layer_states(teacher, tokens)[2])
    assert_close(HiddenMatching(base=constant)(model, (tokens, tokens)), expected)


def test_no_hook_stays_behind():
    model = hinted().double()
    HiddenMatching()(model, texts(2, 5))
    with pytest.raises(ValueError, match="99"):
        HiddenMatching()(model, torch.full((1, 3), 99))
    for each in (model.student, model.teacher):
        assert all(not block._forward_hooks and not block._forward_pre_hooks for block in each.blocks)


def test_hidden_matching_trains_student_and_projection():
    model = hinted().float()
    windows = texts(32, 9)
    before = [each.weight.clone() for each in model.projections]
    start = HiddenMatching()(model, windows).item()
    train(
        model,
        RowSampler(windows, batch_size=8),
        steps=20,
        loss=HiddenMatching(),
        optimizers=make_optimizers(model),
    )
    assert HiddenMatching()(model, windows).item() < start
    assert not any(torch.equal(a, b.weight) for a, b in zip(before, model.projections, strict=True))


@pytest.mark.parametrize("pair", [(3, 0), (0, 4), (-1, 0), (0, -1), (1,), (1, 1, 1)])
def test_layers_that_are_not_there(pair):
    with pytest.raises(ValueError, match=re.escape(f"no such pair of layers {pair}: 0 to 2 and 0 to 3")):
        hinted(pairs=[(2, 3), pair])


def test_no_pairs_at_all():
    with pytest.raises(ValueError, match="pairs is empty"):
        hinted(pairs=[])


# ---- texts ----


def test_the_teacher_s_text_is_what_it_generates():
    teacher, prompts = noisy_experts().train(), texts(5, 3)
    modes = frozen_modes(teacher)
    inputs, targets = written_by(teacher, prompts, 4, generator=torch.Generator().manual_seed(1))
    assert frozen_modes(teacher) == modes
    assert inputs.shape == targets.shape == (5, 6)
    assert torch.equal(inputs[:, :3], prompts)
    assert torch.equal(targets[:, :2], torch.full((5, 2), -100))
    assert torch.equal(targets[:, 2:-1], inputs[:, 3:])
    expected = copy.deepcopy(teacher).eval().generate(prompts, 4, generator=torch.Generator().manual_seed(1))
    assert torch.equal(inputs, expected[:, :-1])
    assert torch.equal(targets[:, 2:], expected[:, 3:])


def test_it_writes_in_batches_and_likeliest_at_temperature_zero(monkeypatch):
    teacher, prompts = make(seed=3).eval(), texts(70, 3)
    sizes, generate = [], teacher.generate
    monkeypatch.setattr(
        teacher, "generate", lambda part, *a, **k: sizes.append(len(part)) or generate(part, *a, **k)
    )
    _, targets = written_by(teacher, prompts, 4, temperature=0)
    assert sizes == [64, 6]
    assert torch.equal(targets[:, 2:], generate(prompts, 4, temperature=0)[:, 3:])
    written_by(teacher, prompts, 1, batch_size=40)
    assert sizes[2:] == [40, 30]


def test_its_temperature_is_one_unless_given():
    teacher, prompts = make(seed=3).eval(), texts(20, 3)

    def seeded(**options):
        return written_by(teacher, prompts, 6, generator=torch.Generator().manual_seed(1), **options)

    assert torch.equal(seeded()[1], seeded(temperature=1.0)[1])
    assert not torch.equal(seeded()[1], seeded(temperature=0.5)[1])


def test_texts_that_cannot_be_written():
    for options, words in (
        ({"new_tokens": 0}, "new_tokens=0"),
        ({"new_tokens": 2, "batch_size": 0}, "batch_size=0"),
    ):
        with pytest.raises(ValueError, match=f"{words} is not a whole number of at least 1"):
            written_by(make(), texts(2, 3), **options)


def test_a_student_learns_from_written_text_with_the_usual_loss():
    teacher = make(12, seed=3).float().eval()
    inputs, targets = written_by(teacher, texts(64, 2), 8, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    student = LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2)
    history = train(student, RowSampler(inputs, targets, batch_size=16), steps=40, loss=next_token_loss)
    assert history.losses[-1] < 0.9 * history.losses[0]
    assert next_token_loss(student, (inputs, targets)).item() == pytest.approx(
        F.cross_entropy(student(inputs)[:, 1:].flatten(0, 1), targets[:, 1:].flatten()).item(), rel=1e-5
    )


def test_the_module_offers_what_it_says():
    assert all(hasattr(distillation, name) for name in distillation.__all__)
