"""Chapter 3.4, multitask learning: wrong answers with one slip each, and unusual right ones."""

import math

import torch

from trial.answers import right, wrong


@wrong("3.4-1", "At brackets you are off by one: opening and closing ones")
def opening_bracket_inside_itself(text, deepest):
    depth, quoted, labels = 0, False, []
    for char in text:
        if char == '"':
            quoted = not quoted
        if char in "([{" and not quoted:
            depth += 1
        labels.append(min(depth, deepest))  # after the opening one: it is inside of itself
        if char in ")]}" and not quoted:
            depth -= 1
    return torch.tensor(labels)


@wrong("3.4-1", "count brackets")
def brackets_of_strings_counted(text, deepest):
    depth, labels = 0, []
    for char in text:
        depth -= char in ")]}"
        labels.append(min(depth, deepest))
        depth += char in "([{"
    return torch.tensor(labels)


@wrong("3.4-1", "stop counting")
def depth_itself_is_cut(text, deepest):
    depth, quoted, labels = 0, False, []
    for char in text:
        quoted ^= char == '"'
        if not quoted and char in ")]}":
            depth -= 1
        labels.append(depth)
        if not quoted and char in "([{":
            depth = min(depth + 1, deepest)  # the count must go on; only the label ends
    return torch.tensor(labels)


@wrong("3.4-1", "You count one of the three kinds of brackets alone.")
def round_brackets_only(text, deepest):
    depth, quoted, labels = 0, False, []
    for char in text:
        quoted ^= char == '"'
        depth -= not quoted and char == ")"
        labels.append(min(depth, deepest))
        depth += not quoted and char == "("
    return torch.tensor(labels)


@right("3.4-1")
def depths_by_running_sums(text, deepest):
    outside = [part for i, part in enumerate(text.split('"')) if i % 2 == 0]
    bare = '"'.join(
        p if i % 2 == 0 else "." * len(p) for i, p in enumerate(text.split('"')) if outside is not None
    )
    opens = torch.tensor([c in "([{" for c in bare], dtype=torch.long)
    closes = torch.tensor([c in ")]}" for c in bare], dtype=torch.long)
    return (opens.cumsum(0) - opens - closes.cumsum(0)).clamp(max=deepest).tolist()


@wrong("3.4-2", "over all examples")
def mean_over_the_examples(losses, tasks, num_classes):
    return (losses / num_classes[tasks].log()).mean()  # tasks with many examples weigh more


@wrong("3.4-2", "all tasks")
def absent_tasks_count_too(losses, tasks, num_classes):
    total = torch.zeros(len(num_classes)).index_add(0, tasks, losses)
    means = total / torch.bincount(tasks, minlength=len(num_classes)).clamp(min=1)
    return (means / num_classes.log()).mean()  # over all, not over those that are there


@wrong("3.4-2", "guess would")
def guess_in_bits(losses, tasks, num_classes):
    present = tasks.unique()
    return torch.stack([losses[tasks == t].mean() / num_classes[t].log2() for t in present]).mean()


@wrong("3.4-2", "tasks up")
def tasks_added_up(losses, tasks, num_classes):
    return sum(losses[tasks == t].mean() / num_classes[t].log() for t in tasks.unique())


@right("3.4-2")
def shared_loss_by_weights_of_examples(losses, tasks, num_classes):
    share = 1 / torch.bincount(tasks)[tasks]
    weight = share / torch.tensor([math.log(c) for c in num_classes.tolist()])[tasks]
    return losses @ weight / len(set(tasks.tolist()))


@wrong("3.4-3", "Micro looks")
def micro_and_macro_exchanged(right, tasks):
    macro = torch.stack([right[tasks == t].float().mean() for t in tasks.unique()]).mean()
    return macro, right.float().mean()


@wrong("3.4-3", "not occur")
def gaps_in_the_numbers_count_as_zero(right, tasks):
    hits, count = torch.bincount(tasks, right.float()), torch.bincount(tasks)
    return right.float().mean(), (hits / count.clamp(min=1)).mean()  # tasks that do not occur


@wrong("3.4-3", "scaled once")
def counts_for_shares(right, tasks):
    macro = torch.stack([right[tasks == t].float().sum() for t in tasks.unique()]).mean()
    return right.float().sum(), macro


@wrong("3.4-4", "step too large")
def one_width_too_far(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, heads):
        return vocab_size * width + 12 * num_layers * width**2 + sum((width + 1) * c for c in heads)

    shared, width = parameters(d_model, classes), step
    while sum(parameters(width, [c]) for c in classes) <= shared:
        width += step
    return shared, width, sum(parameters(width, [c]) for c in classes)  # the first that is too large


@wrong("3.4-4", "no bias")
def heads_without_a_bias(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, heads):
        return vocab_size * width + 12 * num_layers * width**2 + sum(width * c for c in heads)

    shared, width = parameters(d_model, classes), step
    while sum(parameters(width + step, [c]) for c in classes) <= shared:
        width += step
    return shared, width, sum(parameters(width, [c]) for c in classes)


@wrong("3.4-4", "12 d squared")
def each_model_as_large_as_its_share(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, heads):
        return vocab_size * width + 12 * num_layers * width**2 + sum((width + 1) * c for c in heads)

    shared = parameters(d_model, classes)
    width = d_model // len(classes) // step * step  # a body grows with the square of its width
    return shared, width, sum(parameters(width, [c]) for c in classes)


@wrong("3.4-4", "Right in 1 of 9 cases (1 task: the same model)")
def body_counted_once_for_all(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, heads):
        return vocab_size * width + 12 * num_layers * width**2 + sum((width + 1) * c for c in heads)

    shared, width = parameters(d_model, classes), step
    while parameters(width + step, [max(classes)]) <= shared:  # of one separate model alone
        width += step
    return shared, width, parameters(width, [max(classes)])


@right("3.4-4")
def width_by_bisection(d_model, num_layers, vocab_size, classes, step):
    def cost(width, bodies):
        body = width * (vocab_size + 12 * num_layers * width)
        return bodies * body + (width + 1) * sum(classes)

    low, high = 1, d_model // step + 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost(middle * step, len(classes)) <= cost(d_model, 1) else (low, middle)
    return cost(d_model, 1), low * step, cost(low * step, len(classes))


@wrong("3.4-5", "higher temperature")
def power_of_the_temperature(sizes, temperature, steps):
    shares = sizes**temperature / (sizes**temperature).sum()  # 1 / T
    return shares, shares * steps / sizes


@wrong("3.4-5", "softmax of the sizes")
def softmax_of_the_sizes(sizes, temperature, steps):
    shares = (sizes / temperature).softmax(0)
    return shares, shares * steps / sizes


@wrong("3.4-5", "task goes through")
def passes_over_all_the_data(sizes, temperature, steps):
    shares = sizes ** (1 / temperature)
    shares = shares / shares.sum()
    return shares, shares * steps / sizes.sum()  # each task has its own data


@wrong("3.4-5", "many draws")
def draws_for_passes(sizes, temperature, steps):
    shares = sizes ** (1 / temperature)
    shares = shares / shares.sum()
    return shares, shares * steps  # batches drawn, not times seen


@wrong("3.4-6", "ln sigma^2")
def s_taken_for_sigma(log_variances, losses):
    sigma = log_variances.exp()  # exp(s) is the variance
    return (losses / sigma**2 + sigma.log()).sum()


@wrong("3.4-6", "equation 7")
def regression_formula(log_variances, losses):
    return (losses / (2 * log_variances.exp()) + log_variances / 2).sum()  # equation 7, not 10


@wrong("3.4-6", "ln sigma^2")
def whole_s_for_half(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances).sum()  # ln sigma is s / 2


@wrong("3.4-6", "mean over the tasks")
def mean_over_the_tasks_of_both(log_variances, losses):
    return (losses * (-log_variances).exp() + log_variances / 2).mean()


@right("3.4-6")
def uncertainty_through_sigma(log_variances, losses):
    sigmas = [(s / 2).exp() for s in log_variances.unbind()]
    parts = [loss / (sigma * sigma) + torch.log(sigma) for sigma, loss in zip(sigmas, losses, strict=True)]
    return torch.stack(parts).sum()


@wrong("3.4-7", "conflicts look harmless")
def cosine_over_all_parameters(gradients, shared):
    norms = gradients.norm(dim=1).clamp(min=1e-30)
    return gradients @ gradients.T / norms[:, None] / norms  # the heads make tasks look at a right angle


@wrong("3.4-7", "reach the body")
def zero_by_zero(gradients, shared):
    body = gradients[:, shared]
    norms = body.norm(dim=1)
    return body @ body.T / (norms[:, None] * norms)  # NaN for a task without a gradient


@wrong("3.4-7", "conflicts look harmless")
def norms_of_the_whole_gradient(gradients, shared):
    body = gradients[:, shared]
    unit = body / gradients.norm(dim=1, keepdim=True).clamp(min=1e-30)  # norms with the heads in them
    return unit @ unit.T


@wrong("3.4-7", "whole diagonal")
def diagonal_always_one(gradients, shared):
    body = gradients[:, shared]
    norms = body.norm(dim=1)
    return (body @ body.T / (norms[:, None] * norms)).nan_to_num(0.0).fill_diagonal_(1)


@wrong("3.4-8", "original ones")
def projected_onto_changed_gradients(gradients):
    result = gradients.clone()
    for i in range(len(result)):
        for j in range(len(result)):
            if i != j and result[i] @ result[j] < 0:  # j's original one
                result[i] = result[i] - result[i] @ result[j] / (result[j] @ result[j]) * result[j]
    return result


@wrong("3.4-8")
def conflict_judged_by_the_original(gradients):
    result = []
    for i, original in enumerate(gradients):
        g = original.clone()
        for j, other in enumerate(gradients):
            if i != j and original @ other < 0:  # g has changed meanwhile
                g = g - g @ other / (other @ other) * other
        result.append(g)
    return torch.stack(result)


@wrong("3.4-8", "projection divides")
def divided_by_the_norm_not_its_square(gradients):
    result = []
    for i, original in enumerate(gradients):
        g = original.clone()
        for j, other in enumerate(gradients):
            if i != j and g @ other < 0:
                g = g - g @ other / other.norm() * other
        result.append(g)
    return torch.stack(result)


@wrong("3.4-8", "wrong way round")
def agreement_taken_out(gradients):
    result = []
    for i, original in enumerate(gradients):
        g = original.clone()
        for j, other in enumerate(gradients):
            if i != j and g @ other > 0:  # should be below 0
                g = g - g @ other / (other @ other) * other
        result.append(g)
    return torch.stack(result)


@right("3.4-8")
def surgery_in_float64_lists(gradients):
    rows = gradients.double().tolist()

    def dot(a, b):
        return math.fsum(x * y for x, y in zip(a, b, strict=True))

    def operate(g, others):
        if not others:
            return g
        first, *rest = others
        factor = min(dot(g, first), 0.0) / (dot(first, first) or 1.0)
        return operate([x - factor * y for x, y in zip(g, first, strict=True)], rest)

    return torch.tensor([operate(g, rows[:i] + rows[i + 1 :]) for i, g in enumerate(rows)])


CURVES = {"nothing": 0.4227, "alone": 0.483, "company": 0.458, "gain": -0.0353, "helps": False}
DESIGN = {
    "constant": 0.67,
    "beyond": -0.05,
    "sharing": "separate bodies of the wide width",
    "conflict": "pairs that nobody made, with cosines of both signs",
    "company": "stop both sides where their watched loss is lowest",
}
VERDICT = {"for": 1, "against": 1, "verdict": "holds when labels are few"}


@wrong("3.4-9", "constant answer is better than that here")
def the_lone_task_is_all_there_is_to_beat():
    return CURVES | {"gain": 0.025, "helps": True}


@wrong("3.4-9", "over both", "take the mean over both")
def surprise_at_the_usual_label():
    return CURVES | {"nothing": -math.log(0.85)}


@wrong("3.4-9", "It is the watched text")
def lowest_of_the_judged_losses():
    return CURVES | {"alone": 0.463, "company": 0.441, "gain": 0.4227 - 0.441}


@wrong("3.4-9", "'nothing': ", "too small")
def accuracy_of_the_constant_for_its_loss():
    return CURVES | {"nothing": 0.15}


@right("3.4-9")
def losses_as_tensors():
    return {name: torch.tensor(value) for name, value in CURVES.items()}


@wrong("3.4-10", "half of the questions are of each")
def constant_of_the_easier_task():
    return DESIGN | {"constant": 0.76, "beyond": 0.62 - 0.76}


@wrong("3.4-10", "Keep the width and take the company away")
def an_even_wider_one():
    return DESIGN | {"sharing": "a shared body that is wider still"}


@wrong("3.4-10", "Your number is the constant less the model. Asked for is")
def beyond_without_its_sign():
    return DESIGN | {"beyond": 0.05}


@wrong("3.4-10", "learns its windows by heart")
def longer_for_both():
    return DESIGN | {"company": "train both sides longer"}


@right("3.4-10")
def with_capitals_and_blanks():
    return DESIGN | {"sharing": "Separate  bodies of the WIDE width"}


@wrong("3.4-11", "Where the interval reaches below it")
def means_are_counted():
    return VERDICT | {"for": 3}


@wrong("3.4-11", "against nothing")
def three_are_not_borne_out():
    return VERDICT | {"against": 3}


@wrong("3.4-11", "'Not shown' is what is left when no other verdict fits.")
def too_much_is_open():
    return VERDICT | {"verdict": "not shown"}


@right("3.4-11")
def counts_as_numpy_would_give_them():
    return VERDICT | {"for": torch.tensor(1), "against": torch.tensor(1)}
