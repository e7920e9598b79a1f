"""A ninth trial, chapter 3.3: answers of an audit that looked for what cases and words let pass."""

import math

import torch
import torch.nn.functional as F

from trial.answers import wrong


# Forward including first
@wrong("3.3-1", "The first task is in your forward transfer, with its")
def forward_including_first(accuracy, untrained):
    n = len(untrained)
    fwd = sum(accuracy[max(i - 1, 0), i] - untrained[i] for i in range(n)) / n
    return accuracy[-1].mean(), (accuracy[-1] - accuracy.diagonal())[:-1].mean(), fwd


# Average without the last
@wrong("3.3-1", "Your average leaves the last task out. Only the backward")
def average_without_the_last(accuracy, untrained):
    return (
        accuracy[-1, :-1].mean(),
        (accuracy[-1] - accuracy.diagonal())[:-1].mean(),
        (accuracy.diagonal(1) - untrained[1:]).mean(),
    )


# Backward first row
@wrong("3.3-1", "Your backward transfer compares the end with the first")
def backward_first_row(accuracy, untrained):
    return (
        accuracy[-1].mean(),
        (accuracy[-1] - accuracy[0])[:-1].mean(),
        (accuracy.diagonal(1) - untrained[1:]).mean(),
    )


# Sums
@wrong("3.3-1", "You give the sum over the tasks, of the backward or the")
def sums(accuracy, untrained):
    return (
        accuracy[-1].mean(),
        (accuracy[-1] - accuracy.diagonal())[:-1].sum(),
        (accuracy.diagonal(1) - untrained[1:]).sum(),
    )


# Backward without first
@wrong("3.3-1", "Your backward transfer leaves out the first task. It is")
def backward_without_first(accuracy, untrained):
    return (
        accuracy[-1].mean(),
        (accuracy[-1] - accuracy.diagonal())[1:].mean(),
        (accuracy.diagonal(1) - untrained[1:]).mean(),
    )


# Backward from untrained
@wrong("3.3-1", "Your backward transfer compares the end with the untrained")
def backward_from_untrained(accuracy, untrained):
    return (
        accuracy[-1].mean(),
        (accuracy[-1] - untrained)[:-1].mean(),
        (accuracy.diagonal(1) - untrained[1:]).mean(),
    )


# Forward all future
@wrong("3.3-1", "You take the mean over more pairs of model and task than")
def forward_all_future(accuracy, untrained):
    n = len(untrained)
    f = [accuracy[i, j] - untrained[j] for i in range(n) for j in range(i + 1, n)]
    return accuracy[-1].mean(), (accuracy[-1] - accuracy.diagonal())[:-1].mean(), torch.stack(f).mean()


# Backward all later
@wrong("3.3-1", "You take the mean over more pairs of model and task than")
def backward_all_later(accuracy, untrained):
    n = len(untrained)
    f = [accuracy[i, j] - accuracy[j, j] for j in range(n) for i in range(j + 1, n)]
    return accuracy[-1].mean(), torch.stack(f).mean(), (accuracy.diagonal(1) - untrained[1:]).mean()


def res(stream, held_out, draws, capacity, rule):
    buf, seen = [], 0
    for i, (x, h, u) in enumerate(zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=False)):
        if h:
            continue
        seen += 1
        rule(buf, x, u, seen, i, capacity)
    return torch.tensor(buf)


# Kept by chance in a random place
@wrong("3.3-2", "Whether an item enters, you decide rightly; where, by")
def kept_by_chance_in_a_random_place(stream, held_out, draws, capacity):
    def rule(b, x, u, n, i, c):
        if len(b) < c:
            b.append(x)
        elif u < c / n:
            b[int(u * c)] = x

    return res(stream, held_out, draws, capacity, rule)


# Seen is the position
@wrong("3.3-2", "What comes out is as if an item's number were its")
def seen_is_the_position(stream, held_out, draws, capacity):
    def rule(b, x, u, n, i, c):
        if len(b) < c:
            b.append(x)
        elif int(u * i) < c:
            b[int(u * i)] = x

    return res(stream, held_out, draws, capacity, rule)


# Counted only when full
@wrong("3.3-2", "What comes out is as if items were counted only once the")
def counted_only_when_full(stream, held_out, draws, capacity):
    buf, seen = [], 0
    for x, h, u in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=False):
        if h:
            continue
        if len(buf) < capacity:
            buf.append(x)
        else:
            seen += 1
            if int(u * seen) < capacity:
                buf[int(u * seen)] = x
    return torch.tensor(buf)


# Ceil
@wrong("3.3-2", "What comes out is as if draw * seen were rounded up, so")
def ceil(stream, held_out, draws, capacity):
    def rule(b, x, u, n, i, c):
        if len(b) < c:
            b.append(x)
        elif math.ceil(u * n) < c:
            b[math.ceil(u * n)] = x

    return res(stream, held_out, draws, capacity, rule)


# Modulo
@wrong("3.3-2", "What comes out is as if a place behind the buffer were")
def modulo(stream, held_out, draws, capacity):
    def rule(b, x, u, n, i, c):
        if len(b) < c:
            b.append(x)
        else:
            b[int(u * n) % c] = x

    return res(stream, held_out, draws, capacity, rule)


def grads(w, x, y):
    p = (x @ w.T).softmax(-1)
    e = F.one_hot(y, len(w)) - p
    return e[:, :, None] * x[:, None]


def draw(w, x, u):
    return ((x @ w.T).softmax(-1).cumsum(-1) <= u[:, None]).sum(-1)


# Of p not ln p
@wrong("3.3-3", "What comes out is made of gradients of p(y | x). Asked")
def of_p_not_ln_p(weights, inputs, labels, uniforms):
    y = draw(weights, inputs, uniforms)
    p = (inputs @ weights.T).softmax(-1)
    py = p.gather(1, y[:, None])
    return (grads(weights, inputs, y) * py[:, :, None]).square().mean(0)


# Row of class only
@wrong("3.3-3", "What comes out is as if only the drawn class's own")
def row_of_class_only(weights, inputs, labels, uniforms):
    y = draw(weights, inputs, uniforms)
    g = grads(weights, inputs, y)
    keep = F.one_hot(y, len(weights)).bool()
    return (g * keep[:, :, None]).square().mean(0)


# N minus one
@wrong("3.3-3", "You divide the sum of the squares by n - 1. Nothing was")
def n_minus_one(weights, inputs, labels, uniforms):
    g = grads(weights, inputs, draw(weights, inputs, uniforms)).square()
    return g.sum(0) / max(1, len(g) - 1)


# Root
@wrong("3.3-4", "What comes out is a root of the sum, as a length has one.")
def root(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors).square()).sum().sqrt()


# Summed first
@wrong("3.3-4", "What comes out is as if distances, or Fishers, had been")
def summed_first(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors).sum(0).square()).sum()


# Cross
@wrong("3.3-4", "What comes out is as if distances, or Fishers, had been")
def cross(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors).square().sum(0)).sum()


# Mean anchor
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each")
def mean_anchor(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors.mean(0)).square()).sum()
