"""Chapter 3.3, incremental learning: wrong answers with one slip each, and unusual right ones."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.3-1", "backward transfer")
def backward_transfer_with_its_sign_turned(accuracy, untrained):
    end, own = accuracy[-1], accuracy.diagonal()
    before = accuracy.diagonal(1)
    return end.mean(), (own - end)[:-1].mean(), (before - untrained[1:]).mean()  # forgetting, not transfer


@wrong("3.3-1", "task fewer")
def last_task_counted_as_well(accuracy, untrained):
    end, own = accuracy[-1], accuracy.diagonal()
    return end.mean(), (end - own).mean(), (accuracy.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-1", "entries below")
def forward_from_the_wrong_diagonal(accuracy, untrained):
    end, own = accuracy[-1], accuracy.diagonal()
    after = accuracy.diagonal(-1)  # one task later, not one earlier
    return end.mean(), (end - own)[:-1].mean(), (after - untrained[1:]).mean()


@wrong("3.3-1", "was learned")
def average_along_the_way(accuracy, untrained):
    end, own = accuracy[-1], accuracy.diagonal()
    average = own.mean()  # each right after it was learned
    return average, (end - own)[:-1].mean(), (accuracy.diagonal(1) - untrained[1:]).mean()


@right("3.3-1")
def transfer_summed_in_loops(accuracy, untrained):
    a, b, n = accuracy.tolist(), untrained.tolist(), len(untrained)
    backward = [a[-1][j] - a[j][j] for j in range(n - 1)]
    forward = [a[j - 1][j] - b[j] for j in range(1, n)]
    return [sum(a[-1]) / n, sum(backward) / (n - 1), sum(forward) / (n - 1)]


@wrong("3.3-2", "Held-out items")
def held_out_items_count_as_seen(stream, held_out, draws, capacity):
    buffer = []
    for seen, (item, test, draw) in enumerate(zip(stream.tolist(), held_out, draws, strict=True), 1):
        if test:
            continue  # but enumerate has counted it
        if len(buffer) < capacity:
            buffer.append(item)
        elif int(draw * seen) < capacity:
            buffer[int(draw * seen)] = item
    return torch.tensor(buffer)


@wrong("3.3-2", "late items enter")
def numbers_begin_at_zero(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out, draws, strict=True):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        elif int(draw * seen) < capacity:
            buffer[int(draw * seen)] = item
        seen += 1  # should come first
    return torch.tensor(buffer)


@wrong("3.3-2", "latest items")
def oldest_replaced(stream, held_out, draws, capacity):
    buffer = []
    for item in stream[~held_out].tolist():
        buffer.append(item)
    return torch.tensor(buffer[-capacity:])  # the last ones, not a fair sample


@wrong("3.3-2", "item finds")
def always_replaces(stream, held_out, draws, capacity):
    buffer = []
    for item, test, draw in zip(stream.tolist(), held_out, draws, strict=True):
        if not test and len(buffer) < capacity:
            buffer.append(item)
        elif not test:
            buffer[int(draw * capacity)] = item  # draw * seen: most are dropped
    return torch.tensor(buffer)


@right("3.3-2")
def reservoir_with_a_dictionary_of_places(stream, held_out, draws, capacity):
    kept = stream[~held_out]
    places = (draws[~held_out].double() * torch.arange(1, len(kept) + 1)).floor().long()
    buffer = dict(enumerate(kept[:capacity].tolist()))
    for i in range(capacity, len(kept)):
        if int(places[i]) in buffer:
            buffer[int(places[i])] = kept[i].item()
    return list(buffer.values())


@wrong("3.3-3", "empirical Fisher")
def fisher_of_the_given_labels(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    error = F.one_hot(labels, len(weights)) - p  # the empirical Fisher
    return (error[:, :, None] * inputs[:, None]).square().mean(0)


@wrong("3.3-3", "example's gradient")
def square_of_the_mean_gradient(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = (p.cumsum(-1) > uniforms[:, None]).float().argmax(-1)
    error = F.one_hot(drawn, len(weights)) - p
    return (error[:, :, None] * inputs[:, None]).mean(0).square()  # the mean comes after the square


@wrong("3.3-3", "most likely class")
def likeliest_class_for_a_draw(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    error = F.one_hot(p.argmax(-1), len(weights)) - p  # nothing is drawn
    return (error[:, :, None] * inputs[:, None]).square().mean(0)


@wrong("3.3-3", "squared gradients")
def squares_summed(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = (p.cumsum(-1) > uniforms[:, None]).float().argmax(-1)
    error = F.one_hot(drawn, len(weights)) - p
    return error.square().T @ inputs.square()  # not divided by the number of examples


@right("3.3-3")
def fisher_by_autograd_and_searchsorted(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=True):
        w = weights.detach().clone().requires_grad_()
        log_p = F.log_softmax(w @ x, 0)
        edges = log_p.detach().exp().cumsum(0)
        y = torch.searchsorted(edges, u, right=True).clamp(max=len(w) - 1)
        total += torch.autograd.grad(log_p[y], w)[0] ** 2
    return total / len(inputs)


@wrong("3.3-4", "factor 1/2")
def half_forgotten(weights, anchors, fishers, strength):
    return strength * (fishers * (weights - anchors) ** 2).sum()


@wrong("3.3-4", "mean over the old tasks")
def mean_over_the_tasks(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).sum(1).mean()  # they are added up


@wrong("3.3-4", "single anchor")
def only_the_last_anchor(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors[-1]) ** 2).sum()


@wrong("3.3-4", "squared gradient already")
def fisher_inside_of_the_square(weights, anchors, fishers, strength):
    return strength / 2 * ((fishers * (weights - anchors)) ** 2).sum()


@right("3.3-4")
def penalty_as_quadratic_forms(weights, anchors, fishers, strength):
    moves = [weights - a for a in anchors]
    forms = [m @ torch.diag(f) @ m for m, f in zip(moves, fishers, strict=True)]
    return sum(forms, torch.zeros(())) * (strength * 0.5)


@wrong("3.3-5", "old data")
def answers_kept_on_the_old_inputs(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    hard = F.cross_entropy(inputs @ weights.T, labels)
    old = (old_inputs @ old_weights.T / temperature).softmax(-1)  # nobody has kept these
    new = (old_inputs @ weights.T / temperature).log_softmax(-1)
    return hard - strength * (old * new).sum(-1).mean()


@wrong("3.3-5", "Only one of the two models' logits")
def only_the_old_model_is_softened(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    old = (inputs @ old_weights.T / temperature).softmax(-1)
    soft = -(old * logits.log_softmax(-1)).sum(-1).mean()  # the present one as well
    return F.cross_entropy(logits, labels) + strength * soft


@wrong("3.3-5", "Hinton's distillation")
def temperature_squared_as_hinton(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    old = (inputs @ old_weights.T / temperature).softmax(-1)
    soft = -(old * (logits / temperature).log_softmax(-1)).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * temperature**2 * soft  # not asked for here


@wrong("3.3-5", "softmax acts")
def probabilities_given_to_cross_entropy(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    new = (inputs @ weights.T / temperature).softmax(-1)
    old = (inputs @ old_weights.T / temperature).softmax(-1)
    soft = F.cross_entropy(new, old)  # softmax of a softmax
    return F.cross_entropy(inputs @ weights.T, labels) + strength * soft


@right("3.3-5")
def forgetting_by_kl_div(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits, target = F.linear(inputs, weights), F.linear(inputs, old_weights).div(temperature)
    soft = F.kl_div(
        F.log_softmax(logits / temperature, 1), target.log_softmax(1), reduction="batchmean", log_target=True
    )
    return F.nll_loss(F.log_softmax(logits, 1), labels) + strength * soft


@wrong("3.3-6", "Nothing is changed at the start, and")
def both_factors_zero(noise_down, noise_up):
    return torch.zeros_like(noise_down), torch.zeros_like(noise_up)  # no gradient for either


@wrong("3.3-6", "The model has changed before its first")
def both_factors_noise(noise_down, noise_up):
    return noise_down, noise_up  # the layer changes at once


@wrong("3.3-6", "stay alike")
def down_all_ones(noise_down, noise_up):
    return torch.ones_like(noise_down), torch.zeros_like(noise_up)  # all rows alike: rank 1 for ever


@right("3.3-6")
def down_zero_and_up_noise(noise_down, noise_up):
    return noise_down - noise_down, noise_up.clone()


@wrong("3.3-7", "higher rank")
def scaled_by_alpha_alone(x, weight, down, up, alpha, merged):
    whole = weight if merged else weight + alpha * up @ down  # rank forgotten
    return x @ whole.T, whole


@wrong("3.3-7", "merged layer")
def merged_twice(x, weight, down, up, alpha, merged):
    whole = weight + alpha / len(down) * up @ down
    return x @ whole.T, whole


@wrong("3.3-7", "small size")
def rank_read_from_up(x, weight, down, up, alpha, merged):
    whole = weight if merged else weight + alpha / up.shape[0] * up @ down  # d_out, not rank
    return x @ whole.T, whole


@wrong("3.3-7", "input `weight`")
def merged_into_the_given_weight(x, weight, down, up, alpha, merged):
    if not merged:
        weight += alpha / down.shape[0] * (up @ down)  # in place
    return x @ weight.T, weight


@wrong("3.3-8", "matrix were square")
def square_matrices_assumed(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * sum(2 * rank * d_in for _, d_in in shapes)
    return adapter, (base_parameters + domains * adapter) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "store the base")
def base_stored_for_each_domain(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * rank * sum(a + b for a, b in shapes)
    return adapter, domains * (base_parameters + adapter) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "base besides")
def copies_beside_the_base(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * rank * sum(a + b for a, b in shapes)
    copies = (domains + 1) * base_parameters * bytes_each  # the base itself is not needed
    return adapter, (base_parameters + domains * adapter) * bytes_each, copies


@right("3.3-8")
def storage_as_floats_in_a_list(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    factors = [(rank * d_in, d_out * rank) for d_out, d_in in shapes] * num_layers
    one = float(sum(map(sum, factors)))
    return [
        one,
        bytes_each * (base_parameters + one * domains),
        float(bytes_each * base_parameters) * domains,
    ]


TRIAL = {
    "trials": 15,
    "chosen on": "a part of the training text that was kept back",
    "plain": "as many rates as EWC had trials",
    "above the table": 0.06,
    "adapter": "the one that was least surprised by the text so far",
}
MATRIX = {"backward": -0.14, "by sums": 0.16, "below the table": {"prose"}, "prose helps code": True}
SWEEP = {"borne out": 2, "open": 1, "verdict": "holds when a stage is long"}


@wrong("3.3-9", "You count the strengths or the rates alone, or")
def strengths_and_rates_added():
    return TRIAL | {"trials": 5 + 3}


@wrong("3.3-9", "one too many")
def plain_training_counted_as_a_trial():
    return TRIAL | {"trials": 16}


@wrong("3.3-9", "has picked luck as well")
def settings_chosen_on_the_test_texts():
    return TRIAL | {"chosen on": "the test texts"}


@wrong("3.3-9", "Plain training has a knob as well")
def plain_training_gets_the_winner_s_rate():
    return TRIAL | {"plain": "EWC's best rate"}


@wrong("3.3-9", "LoRA is told what the others have to find out")
def the_right_adapter_is_given():
    return TRIAL | {"adapter": "that of its domain"}


@wrong("3.3-9", "You compare one of the two domains")
def the_old_domain_alone():
    return TRIAL | {"above the table": 0.19 - 0.22}


@wrong("3.3-9", "You give EWC's own average")
def average_without_the_table():
    return TRIAL | {"above the table": (0.19 + 0.35) / 2}


@right("3.3-9")
def a_fair_trial_in_other_letters():
    return {
        "adapter": "The one that was least surprised by the text so far",
        "plain": "As many rates as EWC had trials",
        "chosen on": "a part of the training text  that was kept back",
        "above the table": (0.19 + 0.35) / 2 - (0.22 + 0.2) / 2,
        "trials": 15.0,
    }


@wrong("3.3-10", "You divide by three")
def all_three_domains_in_the_mean():
    return MATRIX | {"backward": (0.15 - 0.35 + 0.33 - 0.41 + 0.0) / 3}


@wrong("3.3-10", "sign turned round")
def forgetting_for_backward_transfer():
    return MATRIX | {"backward": 0.14}


@wrong("3.3-10", "what both later stages have taken")
def lost_since_the_beginning():
    return MATRIX | {"by sums": 0.35 - 0.15}


@wrong("3.3-10", "To lose some is not yet to be worse than a table")
def all_that_lost_something():
    return MATRIX | {"below the table": ["code", "prose"]}


@wrong("3.3-10", "Two numbers decide: the model of prose")
def prose_measured_against_trained_code():
    return MATRIX | {"prose helps code": 0.21 > 0.41}


@right("3.3-10")
def the_matrix_by_torch():
    matrix = torch.tensor([[0.35, 0.21, 0.02], [0.31, 0.41, 0.03], [0.15, 0.33, 0.39]])
    return MATRIX | {
        "backward": (matrix[-1] - matrix.diag())[:2].mean(),
        "by sums": matrix[1, 0] - matrix[2, 0],
        "below the table": frozenset({"prose"}),
    }


@wrong("3.3-11", "So many intervals have their middle")
def means_compared_with_the_threshold():
    return SWEEP | {"borne out": 3, "open": 0}


@wrong("3.3-11", "lies above 0")
def zero_for_what_counts():
    return SWEEP | {"borne out": 3}


@wrong("3.3-11", "The sentence names no condition, so one")
def one_kind_setting_is_enough():
    return SWEEP | {"verdict": "holds"}


@wrong("3.3-11", "when every setting speaks against it")
def one_harsh_setting_is_enough():
    return SWEEP | {"verdict": "does not hold"}


@wrong("3.3-11", "more is shown than nothing")
def mixed_signs_show_nothing():
    return SWEEP | {"verdict": "not shown"}


@wrong("3.3-11", "That number of open settings is all")
def whatever_is_not_for_is_open():
    return SWEEP | {"open": 2}


@right("3.3-11")
def a_verdict_with_numbers_of_numpy():
    return {"verdict": "Holds when a stage is long", "open": torch.tensor(1), "borne out": 2.0}
