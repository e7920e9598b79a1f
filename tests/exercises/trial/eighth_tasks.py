"""An eighth trial, chapter 3.4: answers written from the statements alone."""

import torch

from trial.answers import right, wrong


# Counts brackets within strings
@wrong("3.4-1", "You count brackets that are inside a string. They open")
def counts_brackets_within_strings(text, deepest):
    out, depth = ([], 0)
    for c in text:
        if c in ")]}":
            depth -= 1
        out.append(min(depth, deepest))
        if c in "([{":
            depth += 1
    return out


# Divides by the number of classes and not by its logarithm
@wrong("3.4-2", "You divide by the number of classes. Guessing among C")
def divides_by_the_number_of_classes_and_not(losses, tasks, num_classes):
    each = [losses[tasks == t].mean() / float(num_classes[t]) for t in tasks.unique()]
    return torch.stack(each).mean()


# Divides each example's loss and takes the mean over all examples: a task with many examples decides
@wrong("3.4-2", "You take one mean over all examples, so a task with ten times as")
def divides_each_example_s_loss_and_takes_the(losses, tasks, num_classes):
    return (losses / torch.as_tensor(num_classes)[tasks].to(losses.dtype).log()).mean()


# Tasks without a question count as 0 right
@wrong("3.4-3", "You divide by the number of task numbers, also of those that do")
def tasks_without_a_question_count_as_0_right(right, tasks):
    n = int(tasks.max()) + 1
    each = [
        right[tasks == t].double().mean() if (tasks == t).any() else torch.tensor(0.0).double()
        for t in range(n)
    ]
    return (right.double().mean(), torch.stack(each).mean())


# Weighs the tasks by their size again, so macro is micro
@wrong("3.4-3", "Both of your averages are micro averages (a mean of the tasks")
def weighs_the_tasks_by_their_size_again_so(right, tasks):
    total, n = (0.0, len(right))
    for t in set(tasks.tolist()):
        here = tasks == t
        total += right[here].double().mean().item() * int(here.sum()) / n
    return (right.double().mean().item(), total)


# A width at which both have just as much is refused (< instead of <=: 'do not have more')
@wrong("3.4-4", "Where the separate models would have just as many")
def a_width_at_which_both_have_just_as(d_model, num_layers, vocab_size, classes, step):
    def size(d, bodies):
        return bodies * (vocab_size * d + 12 * num_layers * d * d) + (d + 1) * sum(classes)

    shared = size(d_model, 1)
    d = step
    while size(d + step, len(classes)) < shared:
        d += step
    return (shared, d, size(d, len(classes)))


# Takes any width, not only multiples of step
@wrong("3.4-4", "Your width need not be a multiple of `step`, which attention with")
def takes_any_width_not_only_multiples_of_step(d_model, num_layers, vocab_size, classes, step):
    def size(d, bodies):
        return bodies * (vocab_size * d + 12 * num_layers * d * d) + (d + 1) * sum(classes)

    shared = size(d_model, 1)
    d = max(w for w in range(1, d_model + 1) if size(w, len(classes)) <= shared)
    return (shared, d, size(d, len(classes)))


# Goes on until the separate models have more: one step too wide
@wrong("3.4-4", "Your separate models have more parameters than the shared one:")
def goes_on_until_the_separate_models_have_more(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    def size(d, bodies):
        return bodies * body(d) + sum(d * c + c for c in classes)

    shared, d = (size(d_model, 1), step)
    while size(d, len(classes)) <= shared:
        d += step
    return (shared, d, size(d, len(classes)))


# Softmax of ln n over T
@right("3.4-5")
def softmax_of_ln_n_over_t(sizes, temperature, steps):
    n = torch.as_tensor(sizes).double()
    shares = (n.log() / temperature).softmax(0)
    return (shares, steps * shares / n)


# Returns the shares alone, without the passes
@wrong("3.4-5", "For one task, your function returned a Tensor, but 2")
def returns_the_shares_alone_without_the_passes(sizes, temperature, steps):
    n = torch.as_tensor(sizes).double() ** (1 / temperature)
    return n / n.sum()


# Takes a softmax of sizes / T
@wrong("3.4-5", "You take a softmax of the sizes (or of their shares) divided by")
def takes_a_softmax_of_sizes_t(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes)
    p = (sizes.double() / temperature).softmax(0)
    return (p, p * steps / sizes)


# Takes s for ln sigma: L e^(-2s) + s
@wrong("3.4-6", "You read s as ln sigma: exp(-2s) and s. It is ln sigma^2, so")
def takes_s_for_ln_sigma_l_e_2s(log_variances, losses):
    return ((-2 * log_variances).exp() * losses + log_variances).sum()


# Puts the half of the regression's formula (L / 2 sigma^2) before a cross entropy
@wrong("3.4-6", "You halve the weighted loss. That is the form for")
def puts_the_half_of_the_regression_s_formula(log_variances, losses):
    return (0.5 * losses / log_variances.exp() + 0.5 * log_variances).sum()


# NaN for a task whose gradient is zero in the body
@wrong("3.4-7", "A task that does not reach the body has a gradient of length 0")
def nan_for_a_task_whose_gradient_is_zero(gradients, shared):
    g = gradients[:, shared]
    g = g / g.norm(dim=1, keepdim=True)
    return g @ g.T


# Adds 1e-2 to the lengths against NaN: all cosines come out too small
@wrong("3.4-7", "Something is added to the lengths, or they are held above a")
def adds_1e_2_to_the_lengths_against_nan(gradients, shared):
    g = gradients[:, shared]
    g = g / (g.norm(dim=1, keepdim=True) + 0.01)
    return g @ g.T


# Masked copy, lengths multiplied, a double loop
@right("3.4-7")
def masked_copy_lengths_multiplied_a_double_loop(gradients, shared):
    g = gradients * shared
    n = len(g)
    out = torch.zeros(n, n, dtype=g.dtype)
    for i in range(n):
        for j in range(n):
            if g[i].any() and g[j].any():
                out[i, j] = g[i] / g[i].norm() @ (g[j] / g[j].norm())
    return out


# All tasks together, one j at a time: the part against j by a clamp of the dot products
@right("3.4-8")
def all_tasks_together_one_j_at_a_time(gradients):
    g = gradients.clone()
    for j, other in enumerate(gradients):
        square = other @ other
        if square == 0:
            continue
        against = (g @ other).clamp(max=0) / square
        against[j] = 0
        g = g - against[:, None] * other
    return g


# Stops at the first conflict (break); the later tasks are not looked at
@wrong("3.4-8", "You stop at the first conflict of a task. What is left of its")
def stops_at_the_first_conflict_break_the_later(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            dot = torch.dot(out[i], gradients[j])
            if i != j and dot < 0:
                out[i] -= dot / gradients[j].pow(2).sum() * gradients[j]
                break
    return out


# Takes the lowest judged loss instead of the one where the watched loss is lowest: chooses on the
# judge
@wrong("3.4-9", "You pick the look where the judged loss is lowest. Then the judge")
def takes_the_lowest_judged_loss_instead_of_the():
    return {"nothing": 0.4227, "alone": 0.463, "company": 0.441, "gain": 0.4227 - 0.441, "helps": False}


# Takes the last look of each model instead of stopping
@wrong("3.4-9", "You read the last look. A task with few labels has learned them")
def takes_the_last_look_of_each_model_instead():
    return {"nothing": 0.4227, "alone": 0.937, "company": 0.613, "gain": 0.4227 - 0.613, "helps": False}


# Asks for more seeds and for the same pair again: repetition does not separate width from company
@wrong("3.4-10", "More seeds make the figure surer. Which of two differences has")
def asks_for_more_seeds_and_for_the_same():
    return {
        "constant": 0.67,
        "beyond": -0.05,
        "sharing": "more seeds of the same models",
        "conflict": "the same pair with more seeds",
        "company": "take more seeds",
    }


# Counts all that is not borne out as against
@wrong("3.4-11", "So many settings are not borne out. But an interval across the")
def counts_all_that_is_not_borne_out_as():
    return {"for": 1, "against": 3, "verdict": "holds when labels are few"}
