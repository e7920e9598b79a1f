"""A ninth trial, chapter 3.4: answers of an audit that looked for what cases and words let pass."""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises import find
from trial.answers import right, wrong


# Half square
@wrong("3.4-6", "In your second term stands a square, an exponential or")
def half_square(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances.square() / 2).sum()


# Exp s second
@wrong("3.4-6", "In your second term stands a square, an exponential or")
def exp_s_second(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances.exp() / 2).sum()


# Product of sigmas
@right("3.4-6")
def product_of_sigmas(log_variances, losses):
    return (losses * (-log_variances).exp()).sum() + log_variances.exp().prod().sqrt().log()


# Abs s
@wrong("3.4-6", "In your second term stands a square, an exponential or")
def abs_s(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances.abs() / 2).sum()


# Nan to num
@wrong("3.4-7", "Something is added to the lengths, or they are held above")
def nan_to_num(gradients, shared):
    return F.cosine_similarity((gradients * shared)[:, None], gradients * shared, dim=-1, eps=1e-3)


# First body
@wrong("3.4-7", "What comes out is as if the shared parameters were the")
def first_body(gradients, shared):
    b = gradients[:, : int(shared.sum())]
    n = b.norm(dim=1)
    return torch.nan_to_num(b @ b.T / (n[:, None] * n))


# L1
@wrong("3.4-7", "What comes out is as if a length were the sum, or the")
def l1(gradients, shared):
    b = gradients[:, shared]
    n = b.abs().sum(1)
    return torch.nan_to_num(b @ b.T / (n[:, None] * n))


# Signs
@wrong("3.4-7", "What comes out are signs: 1, 0 or -1. Asked for are the")
def signs(gradients, shared):
    b = gradients[:, shared]
    return (b @ b.T).sign()


# Einsum doubles
@right("3.4-7")
def einsum_doubles(gradients, shared):
    b = gradients[:, shared].double()
    n = b.norm(dim=1)
    u = torch.where(n[:, None] > 0, b / n[:, None].clamp(min=1e-300), 0.0)
    return torch.einsum("ip,jp->ij", u, u)


def pcgrad(g, acts, cut, upto=None):
    out = []
    for i in range(len(g)):
        v = g[i].clone()
        for j in range(len(g)):
            if j != i and acts(v, g[j], i, j):
                v = cut(v, g[j])
        out.append(v)
    return torch.stack(out)


def cut(v, u):
    return v - (v @ u) / (u @ u) * u


# Only later
@wrong("3.4-8", "You compare a task only with those that come after it.")
def only_later(gradients):
    return pcgrad(gradients, lambda v, u, i, j: j > i and v @ u < 0, cut)


# Only earlier
@wrong("3.4-8", "You compare a task only with those that come before it.")
def only_earlier(gradients):
    return pcgrad(gradients, lambda v, u, i, j: j < i and v @ u < 0, cut)


# In place
@wrong("3.4-8", "You compare with gradients that have been changed")
def in_place(gradients):
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            d = gradients[i] @ gradients[j]
            if i != j and d < 0:
                gradients[i] -= d / gradients[j].square().sum() * gradients[j]
    return gradients


# Half cut
@wrong("3.4-8", "What comes out is as if half of the projection were taken")
def half_cut(gradients):
    return pcgrad(gradients, lambda v, u, i, j: v @ u < 0, lambda v, u: v - 0.5 * (v @ u) / (u @ u) * u)


# Strongest first
@wrong("3.4-8", "What comes out is as if the others were met in the order")
def strongest_first(gradients):
    out = []
    for i in range(len(gradients)):
        v = gradients[i].clone()
        for j in (gradients @ gradients[i]).argsort().tolist():
            if j != i and v @ gradients[j] < 0:
                v = cut(v, gradients[j])
        out.append(v)
    return torch.stack(out)


# Pairwise both
@wrong("3.4-8", "Whether two tasks conflict is decided by the gradients as")
def pairwise_both(gradients):
    out = gradients.clone()
    for i in range(len(gradients)):
        for j in range(i + 1, len(gradients)):
            if gradients[i] @ gradients[j] < 0:
                out[i] = cut(out[i], gradients[j])
                out[j] = cut(out[j], gradients[i])
    return out


# Unit vectors
@wrong("3.4-8", "What comes out is as if every gradient were brought to")
def unit_vectors(gradients):
    u = F.normalize(gradients, dim=1)
    return pcgrad(u, lambda v, w, i, j: v @ w < 0, lambda v, w: v - (v @ w) * w)


# Returns list of cut parts
@wrong("3.4-8", "You return what surgery takes away. Asked for is what is")
def returns_list_of_cut_parts(gradients):
    return gradients - pcgrad(gradients, lambda v, u, i, j: v @ u < 0, cut)


R = find("3.4-9").right()


D = find("3.4-10").right()


V = find("3.4-11").right()


G = find("3.4-9").given()


G10 = find("3.4-10").given()


# Gain alone
@wrong("3.4-9", "You compare with the lone task, but a constant answer is")
def gain_alone():
    return R | {"gain": R["alone"] - R["company"]}


# Nothing half
@wrong("3.4-9", "That is what a coin costs, ln 2. Who knows that one label")
def nothing_half():
    return R | {"nothing": 0.6931}


# Nothing rare
@wrong("3.4-9", "You give the surprise at the rarer label, or one of the")
def nothing_rare():
    return R | {"nothing": 1.897}


# Nothing one term
@wrong("3.4-9", "You give the surprise at the rarer label, or one of the")
def nothing_one_term():
    return R | {"nothing": 0.85 * 0.1625}


# Company last
@wrong("3.4-9", "You read the last look. A task with few labels has")
def company_last():
    return R | {"company": G["company_judged"][-1], "gain": R["nothing"] - G["company_judged"][-1]}


# Exchanged
@wrong("3.4-9", "They stand in each other's place: which of the lists")
def exchanged():
    return R | {"alone": R["company"], "company": R["alone"]}


# Helps only
@wrong("3.4-9", "Compare the gain with 0.02: company helps where it is")
def helps_only():
    return R | {"helps": not R["helps"]}


# Means
@wrong("3.4-9", "You take the mean of the six looks. A model is stopped at")
def means():
    return R | {"alone": sum(G["alone_judged"]) / 6, "company": sum(G["company_judged"]) / 6}


# Larger
@wrong("3.4-10", "You take the constant answer of one task for both. The")
def larger():
    return D | {
        "constant": max(G10["first"], G10["second"]),
        "beyond": G10["right"] - max(G10["first"], G10["second"]),
    }


# Seeds
@wrong("3.4-10", "More seeds make the figure surer. Which of two")
def seeds():
    return D | {
        "sharing": "more seeds of the same models",
        "conflict": "the same pair with more seeds",
        "company": "take more seeds",
    }


# Does not
@wrong("3.4-11", "'Does not hold' needs all four intervals to end at 0.02")
def does_not():
    return V | {"verdict": "does not hold"}


# Shown
@wrong("3.4-11", "'Not shown' is what is left when no other verdict fits.")
def shown():
    return V | {"verdict": "not shown"}


# Holds
@wrong("3.4-11", "The claim has no condition in it, so it must be borne out")
def holds():
    return V | {"verdict": "holds"}


# By mean
@wrong("3.4-11", "In so many settings the mean is above the line. Where the")
def by_mean():
    return V | {"for": 3, "against": 1, "verdict": "not shown"}


# For2
@wrong("3.4-11", "In so many settings the interval lies above zero. What")
def for2():
    return V | {"for": 2}


# Against3
@wrong("3.4-11", "So many settings are not borne out. But an interval")
def against3():
    return V | {"against": 3}
