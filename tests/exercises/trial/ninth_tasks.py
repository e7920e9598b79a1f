"""A ninth trial, chapter 3.4: answers of an audit that looked for what cases and words let pass."""

import torch

from trial.answers import wrong


def walk(text, deepest, opens="([{", closes=")]}", quotes='"', cap=min):
    out, d, s = [], 0, False
    for c in text:
        if c in quotes:
            s = not s
        if c in closes and not s:
            d -= 1
        out.append(cap(d, deepest))
        if c in opens and not s:
            d += 1
    return torch.tensor(out)


# Zero at brackets
@wrong("3.4-1", "You give the depth 0 to all brackets. They have the depth")
def zero_at_brackets(text, deepest):
    out = walk(text, deepest).tolist()
    return torch.tensor([0 if c in "()[]{}" else d for c, d in zip(text, out, strict=False)])


# Zero in strings
@wrong("3.4-1", "You give the depth 0 to all that stands in a string. It")
def zero_in_strings(text, deepest):
    out, s, res = walk(text, deepest).tolist(), False, []
    for c, d in zip(text, out, strict=False):
        if c == '"':
            s = not s
        res.append(0 if s else d)
    return torch.tensor(res)


# Angle too
@wrong("3.4-1", "`<` and `>` change your depth. Round, square and curly")
def angle_too(text, deepest):
    return walk(text, deepest, opens="([{<", closes=")]}>")


# Each kind alone
@wrong("3.4-1", "What comes out is as if each kind of bracket were counted")
def each_kind_alone(text, deepest):
    d, s, out = {"(": 0, "[": 0, "{": 0}, False, []
    pair = {")": "(", "]": "[", "}": "{"}
    for c in text:
        if c == '"':
            s = not s
        if c in pair and not s:
            d[pair[c]] -= 1
        out.append(min(max(d.values()), deepest))
        if c in d and not s:
            d[c] += 1
    return torch.tensor(out)


# String closed in string
@wrong("3.4-1", "Closing brackets inside a string still count down.")
def string_closed_in_string(text, deepest):
    out, d, s = [], 0, False
    for c in text:
        if c == '"':
            s = not s
        if c in ")]}":
            d -= 1
        out.append(min(d, deepest))
        if c in "([{" and not s:
            d += 1
    return torch.tensor(out)


# Divided after all
@wrong("3.4-2", "You divide all tasks by the same number. Each has a")
def divided_after_all(losses, tasks, num_classes):
    t = tasks.unique()
    m = torch.stack([losses[tasks == k].mean() for k in t])
    return m.mean() / num_classes[t].float().mean().log()


# Log plus one
@wrong("3.4-2", "What comes out is as if a guess were made among one class")
def log_plus_one(losses, tasks, num_classes):
    t = tasks.unique()
    return torch.stack([losses[tasks == k].mean() / (num_classes[k] + 1.0).log() for k in t]).mean()


# Weighted by count
@wrong("3.4-2", "You take one mean over all examples, so a task with ten")
def weighted_by_count(losses, tasks, num_classes):
    t = tasks.unique()
    m = torch.stack([losses[tasks == k].mean() / num_classes[k].float().log() for k in t])
    w = torch.stack([(tasks == k).sum() for k in t]).float()
    return (m * w).sum() / w.sum()


# Subtracted
@wrong("3.4-2", "What comes out is the mean loss less what guessing costs.")
def subtracted(losses, tasks, num_classes):
    t = tasks.unique()
    return torch.stack([losses[tasks == k].mean() - num_classes[k].float().log() for k in t]).mean()


# Per class recall
@wrong("3.4-3", "In your macro average a task's right answers are divided")
def per_class_recall(right, tasks):
    f = [(right & (tasks == t)).double().mean() for t in tasks.unique()]
    return right.double().mean(), torch.stack(f).mean()


# Share of right answers
@wrong("3.4-3", "In your macro average a task's right answers are divided")
def share_of_right_answers(right, tasks):
    return right.double().mean(), torch.stack(
        [right[tasks == t].sum() / right.sum() for t in tasks.unique()]
    ).mean()


# Middle
@wrong("3.4-3", "Your macro average lies half-way between the best and the")
def middle(right, tasks):
    a = torch.stack([right[tasks == t].double().mean() for t in tasks.unique()])
    return right.double().mean(), (a.max() + a.min()) / 2


# First and last
@wrong("3.4-3", "Your macro average lies half-way between the best and the")
def first_and_last(right, tasks):
    a = [right[tasks == t].double().mean() for t in range(int(tasks.max()) + 1) if (tasks == t).any()]
    return right.double().mean(), sum(a[:2]) / min(2, len(a))


def body(w, layers, vocab):
    return vocab * w + layers * 12 * w * w


def heads(w, classes):
    return sum(c * (w + 1) for c in classes)


def wide(d, layers, vocab, classes, step, fits):
    shared = body(d, layers, vocab) + heads(d, classes)
    w = step
    while fits(len(classes) * body(w + step, layers, vocab) + heads(w + step, classes), shared):
        w += step
    return shared, w, len(classes) * body(w, layers, vocab) + heads(w, classes)


# Strictly less
@wrong("3.4-4", "Where the separate models would have just as many")
def strictly_less(d_model, num_layers, vocab_size, classes, step):
    return wide(d_model, num_layers, vocab_size, classes, step, lambda a, b: a < b)


# Nearest
@wrong("3.4-4", "What comes out is the width whose total lies nearest to")
def nearest(d_model, num_layers, vocab_size, classes, step):
    s, w, n = wide(d_model, num_layers, vocab_size, classes, step, lambda a, b: a <= b)
    m = len(classes) * body(w + step, num_layers, vocab_size) + heads(w + step, classes)
    return (s, w + step, m) if abs(m - s) < abs(n - s) else (s, w, n)


# One model compared
@wrong("3.4-4", "The number of shared parameters is right. For a shared")
def one_model_compared(d_model, num_layers, vocab_size, classes, step):
    s = body(d_model, num_layers, vocab_size) + heads(d_model, classes)
    w = step
    while body(w + step, num_layers, vocab_size) + heads(w + step, classes) <= s:
        w += step
    return s, w, len(classes) * body(w, num_layers, vocab_size) + heads(w, classes)


# Bias one
@wrong("3.4-4", "Your heads have one number of bias, or one for each entry")
def bias_one(d_model, num_layers, vocab_size, classes, step):
    def h(w):
        return sum(c * w + 1 for c in classes)

    s = body(d_model, num_layers, vocab_size) + h(d_model)
    w = step
    while len(classes) * body(w + step, num_layers, vocab_size) + h(w + step) <= s:
        w += step
    return s, w, len(classes) * body(w, num_layers, vocab_size) + h(w)


# Bias d
@wrong("3.4-4", "Your heads have one number of bias, or one for each entry")
def bias_d(d_model, num_layers, vocab_size, classes, step):
    def h(w):
        return sum(c * w + w for c in classes)

    s = body(d_model, num_layers, vocab_size) + h(d_model)
    w = step
    while len(classes) * body(w + step, num_layers, vocab_size) + h(w + step) <= s:
        w += step
    return s, w, len(classes) * body(w, num_layers, vocab_size) + h(w)


# One separate
@wrong("3.4-4", "Your last number is what one separate model has, on")
def one_separate(d_model, num_layers, vocab_size, classes, step):
    s, w, n = wide(d_model, num_layers, vocab_size, classes, step, lambda a, b: a <= b)
    return s, w, n // len(classes)


# Rounded width up to step
@wrong("3.4-4", "What comes out is the largest width that fits, rounded up")
def rounded_width_up_to_step(d_model, num_layers, vocab_size, classes, step):
    s, w, _n = wide(d_model, num_layers, vocab_size, classes, 1, lambda a, b: a <= b)
    w = -(-w // step) * step
    return s, w, len(classes) * body(w, num_layers, vocab_size) + heads(w, classes)


# From shared down
@wrong("3.4-4", "You go down from the shared width in steps. Where that is")
def from_shared_down(d_model, num_layers, vocab_size, classes, step):
    s = body(d_model, num_layers, vocab_size) + heads(d_model, classes)
    w = d_model
    while len(classes) * body(w, num_layers, vocab_size) + heads(w, classes) > s:
        w -= step
    return s, w, len(classes) * body(w, num_layers, vocab_size) + heads(w, classes)


# Log t
@wrong("3.4-5", "Your exponent is T and should be 1/T: a higher")
def log_t(sizes, temperature, steps):
    p = (sizes.log() * temperature).softmax(0)
    return p, steps * p / sizes


# Passes equal
@wrong("3.4-5", "Your passes do not follow from the shares: the draws of a")
def passes_equal(sizes, temperature, steps):
    p = sizes ** (1 / temperature)
    p = p / p.sum()
    return p, steps / len(sizes) / sizes


# T root of sum
@wrong("3.4-5", "Your shares do not add up to 1 (unless T is 1, or there")
def t_root_of_sum(sizes, temperature, steps):
    p = sizes ** (1 / temperature) / sizes.sum() ** (1 / temperature)
    return p, steps * p / sizes


# Passes from sizes
@wrong("3.4-5", "Your passes do not follow from the shares: the draws of a")
def passes_from_sizes(sizes, temperature, steps):
    p = sizes ** (1 / temperature)
    return p / p.sum(), steps * p / p.sum() / p


# One minus
@wrong("3.4-5", "What comes out is as if the exponent were 1 - 1/T. It is")
def one_minus(sizes, temperature, steps):
    p = sizes ** (1 - 1 / temperature)
    p = p / p.sum()
    return p, steps * p / sizes


# Exp minus
@wrong("3.4-5", "What comes out is as if the exponent were -1/T: your")
def exp_minus(sizes, temperature, steps):
    p = sizes ** (-1 / temperature)
    p = p / p.sum()
    return p, steps * p / sizes
