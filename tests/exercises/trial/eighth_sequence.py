"""An eighth trial, chapter 3.3: answers written from the statements alone."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Loops, numbers of Python
@right("3.3-1")
def loops_numbers_of_python(accuracy, untrained):
    a, u = (accuracy.tolist(), untrained.tolist())
    n = len(u)
    average = sum(a[n - 1]) / n
    back = [a[n - 1][j] - a[j][j] for j in range(n - 1)]
    forward = [a[j - 1][j] - u[j] for j in range(1, n)]
    return (average, sum(back) / len(back), sum(forward) / len(forward))


# Divides both transfers by the number of tasks, not by the number of terms (tasks - 1)
@wrong("3.3-1", "You divide both transfers by the number of all tasks. The last has")
def divides_both_transfers_by_the_number_of_tasks(accuracy, untrained):
    n = len(untrained)
    avg = accuracy[-1].mean()
    back = sum(accuracy[-1, i] - accuracy[i, i] for i in range(n - 1)) / n
    forward = sum(accuracy[i - 1, i] - untrained[i] for i in range(1, n)) / n
    return (avg, back, forward)


# Removes the replaced item and adds the new one at the end: the places are no longer right
@wrong("3.3-2", "You take the item at the place out and add the new one at the")
def removes_the_replaced_item_and_adds_the_new(stream, held_out, draws, capacity):
    buffer, seen = ([], 0)
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=False):
        if test:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        elif int(draw * seen) < capacity:
            buffer.pop(int(draw * seen))
            buffer.append(item)
    return torch.tensor(buffer)


# Weighs all classes by their probability (the exact expectation); the statement has a class drawn for
# each example
@wrong("3.3-3", "You take the expectation over all classes, which is the exact")
def weighs_all_classes_by_their_probability_the_exact(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(1)
    return (p * (1 - p)).T @ inputs**2 / len(inputs)


# Only the last old task holds: earlier anchors are forgotten
@wrong("3.3-4", "You hold on to one of the old tasks. The others are forgotten as")
def only_the_last_old_task_holds_earlier_anchors(weights, anchors, fishers, strength):
    return strength / 2 * (fishers[-1] * (weights - anchors[-1]) ** 2).sum()


# Multiplies Fisher before squaring: Fisher gets squared too
@wrong("3.3-4", "You square the Fisher information together with the distance. It")
def multiplies_fisher_before_squaring_fisher_gets_square(weights, anchors, fishers, strength):
    return strength / 2 * ((fishers * (weights - anchors)) ** 2).sum()


# Uses the added Fisher of all tasks with the mean of the anchors
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher")
def uses_the_added_fisher_of_all_tasks_with(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors.mean(0)) ** 2).sum()


# Cross entropy the wrong way: the present model's softmax weighs the old one's logarithms
@wrong("3.3-5", "Your divergence has its two arguments exchanged: the teacher's")
def cross_entropy_the_wrong_way_the_present_model(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    now, old = (inputs @ weights.T, inputs @ old_weights.T)
    keep = -((now / temperature).softmax(1) * (old / temperature).log_softmax(1)).sum(1).mean()
    return F.cross_entropy(now, labels) + strength * keep


# Divides the logits of the first term by the temperature as well; only the second term is softened
@wrong("3.3-5", "You divide the logits of the new task's term by the temperature")
def divides_the_logits_of_the_first_term_by(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    now = inputs @ weights.T / temperature
    target = (inputs @ old_weights.T / temperature).softmax(1)
    return F.cross_entropy(now, labels) + strength * F.cross_entropy(now, target)


# Kullback-Leibler divergence in the place of the cross entropy, as the statement allows
@right("3.3-5")
def kullback_leibler_divergence_in_the_place_of_the(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    now = F.linear(inputs, weights)
    old = F.linear(inputs, old_weights).detach()
    keep = F.kl_div(
        F.log_softmax(now / temperature, 1),
        F.log_softmax(old / temperature, 1),
        reduction="batchmean",
        log_target=True,
    )
    return F.nll_loss(now.log_softmax(1), labels) + strength * keep


# Up is zero but all rows of down are the same noise: the columns of up learn the same
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as when")
def up_is_zero_but_all_rows_of_down(noise_down, noise_up):
    return (noise_down[:1].expand_as(noise_down).clone(), torch.zeros_like(noise_up))


# The other way round: down begins at zero and up with the noise
@right("3.3-6")
def the_other_way_round_down_begins_at_zero(noise_down, noise_up):
    return (torch.zeros_like(noise_down), noise_up.clone())


# Takes the rank from up's rows, which are d_out
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the small")
def takes_the_rank_from_up_s_rows_which(x, weight, down, up, alpha, merged):
    whole = weight if merged else weight + alpha / up.shape[0] * (up @ down)
    return (x @ whole.T, whole)


# Forgets to divide alpha by the rank
@wrong("3.3-7", "You multiply by alpha and do not divide by the rank. An adapter")
def forgets_to_divide_alpha_by_the_rank(x, weight, down, up, alpha, merged):
    if not merged:
        weight = weight + alpha * (up @ down)
    return (x @ weight.T, weight)


# Stores a base for each domain beside its adapter
@wrong("3.3-8", "You store the base again for every domain. It is the same for all")
def stores_a_base_for_each_domain_beside_its(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    n = num_layers * rank * sum((a + b for a, b in shapes))
    return (n, domains * (base_parameters + n) * bytes_each, domains * base_parameters * bytes_each)


# Chooses settings on the text that was trained on, where who learns by heart wins
@wrong("3.3-9", "On the text that was trained on, the setting that learns by heart")
def chooses_settings_on_the_text_that_was_trained():
    return {
        "trials": 15,
        "chosen on": "the text that was trained on",
        "plain": "as many rates as EWC had trials",
        "above the table": 0.06,
        "adapter": "the one that was least surprised by the text so far",
    }


# Gives plain training EWC's best rate, which was chosen for EWC
@wrong("3.3-9", "Plain training has a knob as well: a lower rate forgets less. Who")
def gives_plain_training_ewc_s_best_rate_which():
    return {
        "trials": 15,
        "chosen on": "a part of the training text that was kept back",
        "plain": "EWC's best rate",
        "above the table": 0.06,
        "adapter": "the one that was least surprised by the text so far",
    }


# Lets the adapter be chosen by the whole text: it would look at tokens that are still to be
# predicted; and gives the sum of the two differences
@wrong("3.3-9", "You add the two differences up. An average over two domains is")
def lets_the_adapter_be_chosen_by_the_whole():
    return {
        "trials": 15,
        "chosen on": "a part of the training text that was kept back",
        "plain": "as many rates as EWC had trials",
        "above the table": 0.12,
        "adapter": "the one that is least surprised by the whole text",
    }


# Takes the loss on prose since prose (0.20) and not in the stage of sums alone
@wrong("3.3-10", "You give what both later stages have taken from prose. Asked for")
def takes_the_loss_on_prose_since_prose_0():
    return {"backward": -0.14, "by sums": 0.35 - 0.15, "below the table": {"prose"}, "prose helps code": True}
