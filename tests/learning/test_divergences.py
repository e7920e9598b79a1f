"""Both directions of the KL, the mixture and the logits: by hand, against torch, and in the limits."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from llmasos_edu.learning.divergences import (
    forward_kl,
    jensen_shannon,
    logit_matching,
    reverse_kl,
    soft_cross_entropy,
)

exact = {"rtol": 1e-10, "atol": 1e-12}
divergences = pytest.mark.parametrize(
    "divergence", [forward_kl, reverse_kl, jensen_shannon, soft_cross_entropy]
)


def logits(*shape, seed=0, requires_grad=False):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * x).requires_grad_(requires_grad)


def log(*probabilities):
    return torch.tensor([probabilities], dtype=torch.float64).log()


def gradients(value, *inputs):
    return [value, *torch.autograd.grad(value, inputs)]


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a, b, **exact)


def test_by_hand():
    teacher, student = log(0.5, 0.5), log(0.25, 0.75)
    # 1/2 ln 2 + 1/2 ln(2/3); 1/4 ln(1/2) + 3/4 ln(3/2)
    assert forward_kl(student, teacher).item() == pytest.approx(0.5 * math.log(4 / 3), abs=1e-12)
    expected = 0.75 * math.log(1.5) - 0.25 * math.log(2)
    assert reverse_kl(student, teacher).item() == pytest.approx(expected, abs=1e-12)
    # m = (0.375, 0.625) at beta 1/2; (0.3, 0.7) at beta 0.2
    half = 0.25 * (math.log(0.5 / 0.375) + math.log(0.5 / 0.625))
    half += 0.125 * math.log(0.25 / 0.375) + 0.375 * math.log(0.75 / 0.625)
    assert jensen_shannon(student, teacher).item() == pytest.approx(half, abs=1e-12)
    fifth = 0.2 * 0.5 * (math.log(0.5 / 0.3) + math.log(0.5 / 0.7))
    fifth += 0.8 * (0.25 * math.log(0.25 / 0.3) + 0.75 * math.log(0.75 / 0.7))
    assert jensen_shannon(student, teacher, beta=0.2).item() == pytest.approx(fifth, abs=1e-12)
    # centred: (-1, 1) against (-2, 2), differences 1 and -1, half their mean square
    z, v = torch.tensor([[5.0, 7.0]]), torch.tensor([[0.0, 4.0]])
    assert logit_matching(z, v).item() == 0.5


def test_the_soft_cross_entropy_by_hand():
    old = torch.tensor([[0.0, math.log(9.0)]], dtype=torch.float64)  # T = 2: odds of 3 to 1
    new = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    assert soft_cross_entropy(new, old, temperature=2).item() == pytest.approx(math.log(2))
    new = torch.tensor([[0.0, math.log(49.0)]], dtype=torch.float64)  # T = 2: 7 to 1
    by_hand = -(0.25 * math.log(1 / 8) + 0.75 * math.log(7 / 8))
    assert soft_cross_entropy(new, old, temperature=2).item() == pytest.approx(by_hand)
    by_hand = -(0.1 * math.log(1 / 50) + 0.9 * math.log(49 / 50))
    assert soft_cross_entropy(new, old).item() == pytest.approx(by_hand)
    both = soft_cross_entropy(torch.cat([new, old]), torch.cat([old, old])).item()
    entropy = -(0.1 * math.log(0.1) + 0.9 * math.log(0.9))
    assert both == pytest.approx((by_hand + entropy) / 2)  # mean over rows, not over classes


def test_the_soft_cross_entropy_is_torch_s_and_the_forward_kl_but_for_the_teacher_s_entropy():
    z, v = logits(2, 3, 5, requires_grad=True), logits(2, 3, 5, seed=1)
    p = (v / 3).softmax(-1)
    ours = gradients(soft_cross_entropy(z, v, temperature=3.0), z)
    theirs = F.cross_entropy((z / 3).flatten(0, 1), p.flatten(0, 1))
    same(ours, gradients(theirs, z))
    kl = forward_kl(z, v, temperature=3.0)
    same(ours, gradients(kl + torch.special.entr(p).sum(-1).mean(), z))


@pytest.mark.parametrize("shape", [(4, 7), (2, 3, 5), (6,)])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_both_directions_are_torch_s_kl_div(shape, temperature):
    z, v = logits(*shape, requires_grad=True), logits(*shape, seed=1, requires_grad=True)
    q, p = ((x / temperature).log_softmax(-1).reshape(-1, shape[-1]) for x in (z, v))
    torchs = {"reduction": "batchmean", "log_target": True}
    same(
        gradients(forward_kl(z, v, temperature=temperature), z, v), gradients(F.kl_div(q, p, **torchs), z, v)
    )
    q, p = ((x / temperature).log_softmax(-1).reshape(-1, shape[-1]) for x in (z, v))
    same(
        gradients(reverse_kl(z, v, temperature=temperature), z, v), gradients(F.kl_div(p, q, **torchs), z, v)
    )


@pytest.mark.parametrize(("temperature", "beta"), [(1.0, 0.5), (2.0, 0.3), (0.7, 0.9)])
def test_the_mixture_is_two_of_torch_s_kl_div(temperature, beta):
    z, v = logits(3, 4, 5, requires_grad=True), logits(3, 4, 5, seed=1, requires_grad=True)

    def composed():
        q, p = ((x / temperature).softmax(-1).reshape(-1, 5) for x in (z, v))
        m = (beta * p + (1 - beta) * q).log()
        return beta * F.kl_div(m, p, reduction="batchmean") + (1 - beta) * F.kl_div(
            m, q, reduction="batchmean"
        )

    ours = jensen_shannon(z, v, temperature=temperature, beta=beta)
    same(gradients(ours, z, v), gradients(composed(), z, v))


def test_a_temperature_of_one_and_a_beta_of_a_half_are_the_defaults():
    z, v = logits(4, 5), logits(4, 5, seed=1)
    for divergence in (forward_kl, reverse_kl, jensen_shannon):
        assert torch.equal(divergence(z, v), divergence(z, v, temperature=1.0))
    assert torch.equal(jensen_shannon(z, v), jensen_shannon(z, v, beta=0.5))


@divergences
def test_least_for_equal_logits_and_blind_to_a_shift(divergence):
    z, v = logits(4, 5), logits(4, 5, seed=1)
    least = torch.special.entr(v.softmax(-1)).sum(-1).mean() if divergence is soft_cross_entropy else 0.0
    assert divergence(v, v).item() == pytest.approx(float(least), abs=1e-14)
    assert divergence(z, v).item() > least + 0.05
    assert_close(divergence(z + 3, v - 7), divergence(z, v), **exact)
    assert_close(logit_matching(z + 3, v - 7), logit_matching(z, v), **exact)


@divergences
def test_it_is_the_mean_over_rows(divergence):
    z, v = logits(3, 5), logits(3, 5, seed=1)
    rows = torch.stack([divergence(a, b) for a, b in zip(z, v, strict=True)])
    assert_close(divergence(z, v), rows.mean(), **exact)
    assert_close(divergence(z.view(3, 1, 5), v.view(3, 1, 5)), rows.mean(), **exact)


def test_the_mixture_tends_to_both_directions_and_stays_below_ln_2():
    z, v = logits(6, 5), logits(6, 5, seed=1)
    near = {"rtol": 1e-3, "atol": 1e-3}
    assert_close(jensen_shannon(z, v, beta=1e-5) / 1e-5, forward_kl(z, v), **near)
    assert_close(jensen_shannon(z, v, beta=1 - 1e-5) / 1e-5, reverse_kl(z, v), **near)
    far = jensen_shannon(torch.tensor([[60.0, 0.0]]), torch.tensor([[0.0, 60.0]]))
    assert far.item() == pytest.approx(math.log(2), abs=1e-6)


def test_a_class_that_the_teacher_excludes():
    z = torch.tensor([[1.0, 0.0, 2.0]], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([[0.5, -math.inf, 0.0]], dtype=torch.float64)
    p = v.softmax(-1)
    value, slope = gradients(forward_kl(z, v), z)
    expected = (p[0, [0, 2]] * (p[0, [0, 2]].log() - z.log_softmax(-1)[0, [0, 2]])).sum()
    assert_close(value, expected, **exact)
    assert_close(slope, z.softmax(-1) - p, **exact)
    assert reverse_kl(z, v).item() == math.inf
    assert jensen_shannon(z, v).item() < math.log(2)
    assert forward_kl(v, v).item() == reverse_kl(v, v).item() == 0


def test_far_logits_give_finite_values_and_gradients():
    z = torch.tensor([[0.0, 500.0]], requires_grad=True)
    v = torch.tensor([[500.0, 0.0]])
    for divergence in (forward_kl, reverse_kl):
        value, slope = gradients(divergence(z, v), z)
        assert value.item() == 500
        assert slope.isfinite().all()


def test_the_gradient_of_the_forward_kl_is_q_minus_p_over_the_temperature():
    z, v = logits(1, 6, requires_grad=True), logits(1, 6, seed=1)
    _, slope = gradients(forward_kl(z, v, temperature=4.0), z)
    assert_close(slope, ((z / 4).softmax(-1) - (v / 4).softmax(-1)) / 4, **exact)


@pytest.mark.parametrize("divergence", [forward_kl, reverse_kl])
def test_at_a_high_temperature_t_squared_times_the_kl_is_logit_matching(divergence):
    z, v = logits(3, 6, requires_grad=True), logits(3, 6, seed=1)
    limit = gradients(logit_matching(z, v), z)
    centred = (z - v) - (z - v).mean(-1, keepdim=True)
    assert_close(limit[1], centred / 6 / 3, **exact)  # (z - v) / N, and the mean over three rows
    errors = []
    for temperature in (10.0, 100.0, 1000.0):
        hot = gradients(temperature**2 * divergence(z, v, temperature=temperature), z)
        errors.append(max((a - b).abs().max().item() for a, b in zip(hot, limit, strict=True)))
    assert errors[0] > 5 * errors[1] > 25 * errors[2]
    assert errors[2] < 2e-2


@divergences
@pytest.mark.parametrize("temperature", [0, -1.0, math.inf, math.nan])
def test_a_temperature_out_of_range(divergence, temperature):
    with pytest.raises(ValueError, match=f"temperature={temperature} must be above 0"):
        divergence(logits(2, 3), logits(2, 3), temperature=temperature)


@pytest.mark.parametrize("beta", [0, 1, -0.1, 1.5])
def test_a_beta_out_of_range(beta):
    with pytest.raises(ValueError, match=f"beta={beta} must lie between 0 and 1, both excluded"):
        jensen_shannon(logits(2, 3), logits(2, 3), beta=beta)


@pytest.mark.parametrize("divergence", [forward_kl, reverse_kl, jensen_shannon, logit_matching])
def test_logits_that_do_not_fit(divergence):
    with pytest.raises(ValueError, match=r"logits \[2, 3\], teacher's \[2, 4\]: they must be equal"):
        divergence(logits(2, 3), logits(2, 4))
    with pytest.raises(ValueError, match=r"\[2, 3\], teacher's \[3\]"):
        divergence(logits(2, 3), logits(3))
    with pytest.raises(ValueError, match=r"\[0, 3\], teacher's \[0, 3\].*with a row and a class"):
        divergence(logits(0, 3), logits(0, 3))


def plain_gradients(divergence, kept_z, kept_v):
    """Value and gradients where the excluded class is left out of both, which has no infinity anywhere."""
    z, v = kept_z.clone().requires_grad_(), kept_v.clone().requires_grad_()
    return gradients(divergence(z, v), z, v)


@pytest.mark.parametrize(
    "divergence", [forward_kl, reverse_kl, jensen_shannon, soft_cross_entropy, logit_matching]
)
@pytest.mark.parametrize("rows", [[0, 1], [1]])
def test_a_class_that_both_exclude_is_no_class_and_has_no_gradient(divergence, rows):
    z, v = logits(2, 5), logits(2, 5, seed=1)
    for each in (z, v):
        each[rows, 2] = -math.inf
    z, v = z.requires_grad_(), v.requires_grad_()
    value, of_z, of_v = gradients(divergence(z, v), z, v)
    others = [0, 1, 3, 4]
    assert (of_z[rows, 2] == 0).all()
    assert (of_v[rows, 2] == 0).all()
    if len(rows) == 2:
        same_value, same_z, same_v = plain_gradients(divergence, z.detach()[:, others], v.detach()[:, others])
        assert_close(value, same_value, **exact)
        assert_close(of_z[:, others], same_z, **exact)
        assert_close(of_v[:, others], same_v, **exact)
    assert value.isfinite()
    assert of_z.isfinite().all()
    assert of_v.isfinite().all()


def test_the_mixture_has_a_gradient_where_one_side_excludes():
    z, v = logits(2, 4), logits(2, 4, seed=1)
    z[0, 1] = v[1, 2] = -math.inf
    z, v = z.requires_grad_(), v.requires_grad_()
    near_z, near_v = (each.detach().clamp(min=-40.0).requires_grad_() for each in (z, v))
    near = gradients(jensen_shannon(near_z, near_v), near_z, near_v)
    for ours, limit in zip(gradients(jensen_shannon(z, v), z, v), near, strict=True):
        assert ours.isfinite().all()
        assert_close(ours, limit, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("side", [0, 1])
def test_matched_logits_say_where_one_side_alone_excludes(side):
    both = logits(2, 4), logits(2, 4, seed=1)
    both[side][1, 2] = -math.inf
    with pytest.raises(ValueError, match=r"logits \[1, 2\]: one side alone excludes the class"):
        logit_matching(*both)
