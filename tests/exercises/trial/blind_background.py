"""A third trial, written from the statements alone before any of it was run: chapter 1."""

import math

import numpy as np
import torch

from trial.answers import right, wrong


@wrong("1-1", "You count the embedding among the matrices. A row of it is looked up")
def the_embedding_is_counted_too(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * (embedding + body + head + top_k * expert) * tokens


@wrong("1-1", "You come to four operations for each parameter that a")
def backward_costs_as_much_as_forward_4_for_6(embedding, body, head, experts, top_k, expert, tokens):
    per_token = 2 * (body + head + top_k * expert)
    return (per_token + per_token) * tokens


@wrong("1-1", "You count all experts. A token meets `top_k` of them; the others only")
def every_expert_is_met_not_top_k(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + experts * expert)


@wrong("1-2", "Your results are what the solution gives if `tied` were the other way")
def tied_the_wrong_way_round(vocab, d_model, layers, d_ff, tied):
    total = layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return total + vocab * d_model * (2 if tied else 1)


@wrong("1-2", "You count three matrices of attention. It has four:")
def output_matrix_of_attention_forgotten(vocab, d_model, layers, d_ff, tied):
    n = 0
    for _ in range(layers):
        n += 3 * d_model * d_model + d_model * d_ff + d_ff * d_model
    n += vocab * d_model
    if not tied:
        n += vocab * d_model
    return n


@wrong("1-3", "That is the time at what the machine can do at most. In")
def the_40_is_forgotten_in_both():
    return {"years": 266.4, "machines": 1621}


@wrong("1-3", "With the machines that you hire the training is not quite ready in")
def machines_rounded_down_again():
    return {"years": 665.9, "machines": 4050}


@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give it.")
def natural_logarithm_again(years, flops):
    x, y = torch.as_tensor(years).double(), torch.log(torch.as_tensor(flops).double())
    b = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return 1 / b


@wrong("1-4", "You fit the years to the logarithms. Least squares then measures")
def regresses_years_on_the_logarithm(years, flops):
    x, y = torch.as_tensor(years).double(), torch.log2(torch.as_tensor(flops).double())
    return ((x - x.mean()) * (y - y.mean())).sum() / ((y - y.mean()) ** 2).sum()


@wrong("1-4", "It comes out as if two models alone were used, the first and")
def line_through_first_and_last_point_only(years, flops):
    return (years[-1] - years[0]) / (math.log2(flops[-1]) - math.log2(flops[0]))


@wrong("1-5", "You begin one place too late: the first token of the second time can")
def first_token_of_the_second_time_left_out(tokens, guesses, period):
    right = [guesses[t] == tokens[t + 1] for t in range(period, len(tokens) - 1)]
    return sum(bool(r) for r in right) / len(right)


@wrong("1-5", "You compare a token with the guess that was made after reading it")
def guess_compared_with_the_token_at_its_own_place(tokens, guesses, period):
    t, g = torch.as_tensor(tokens), torch.as_tensor(guesses)
    return (t[period:] == g[period:]).float().mean()


@wrong("1-6", "Where you stop, your second number is one too few: the place of")
def the_place_of_the_last_instead_of_how_many(losses, patience):
    best, bad = 0, 0
    for i, x in enumerate(losses):
        if i == 0 or x < losses[best]:
            best, bad = i, 0
        else:
            bad += 1
            if bad == patience:
                return [best, i]
    return [best, len(losses) - 1]


@wrong("1-6", "You take an evaluation that is just as good for a better one, and the")
def an_equal_loss_counts_as_better(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] <= losses[best]:
            best, bad = i, 0
        else:
            bad += 1
        if bad == patience:
            return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6", "You compare each evaluation with the one before it. It must be better")
def compares_with_the_one_before_not_with_the_best(losses, patience):
    bad, made = 0, 1
    for i in range(1, len(losses)):
        made += 1
        bad = bad + 1 if losses[i] >= losses[i - 1] else 0
        if bad == patience:
            break
    seen = [float(x) for x in losses[:made]]
    return [seen.index(min(seen)), made]


@wrong("1-7", "Seeds tell how much the figure scatters. They do not tell whether")
def more_seeds_as_a_control_none_true():
    return {
        "copy": "more seeds",
        "adapt": "as many rates tried for both, both trained until they stop improving",
        "growth": "a list of models drawn by a rule that was fixed before",
        "true": "none",
    }


@wrong("1-7", "Another base turns the same line into other units, more")
def growth_another_base_of_logarithms():
    return {
        "copy": "a text that has nothing to copy, of the same length",
        "adapt": "as many rates tried for both, both trained until they stop improving",
        "growth": "logarithms of another base",
        "true": "all",
    }


@wrong("1-8", "You divide the squares by n. With the mean taken from the same runs")
def standard_deviation_with_n_again():
    return {"mean": 0.174, "half": 0.29, "verdict": "not shown"}


@wrong("1-8", "You give the interval of a single run. That of the mean of five is")
def no_root_of_n_and_the_verdict_read_from_the_mean():
    return {"mean": 0.174, "half": 0.725, "verdict": "holds"}


@wrong("1-9", "You divide the new time by the old one. Faster means: how many times")
def speedup_as_new_time_over_old():
    return {"share": 10 / 87, "speedup": 79 / 87, "limit": 77 / 87}


@wrong("1-9", "You leave the data out of the step. They take their time as well")
def data_left_out_of_the_step():
    return {"share": 10 / 85, "speedup": 85 / 77, "limit": 85 / 75}


@wrong("1-1", "Your result is too small by just 6 x head x tokens, in every case")
def embedding_left_out_but_the_head_forgotten_as_wel(embedding, body, head, experts, top_k, expert, tokens):
    """Embedding left out, but the head forgotten as well."""
    return 6 * (body + top_k * expert) * tokens


@wrong("1-2", "What comes out has a table again in each layer, the embedding or all")
def embedding_counted_once_in_each_layer(vocab, d_model, layers, d_ff, tied):
    tables = 1 if tied else 2
    return layers * (4 * d_model**2 + 2 * d_model * d_ff + tables * vocab * d_model)


@wrong("1-3", "'years': 0.6659 is a thousand times too small: mind the unit")
def years_of_360_days_and_tokens_of_2000_million():
    return {"years": 0.6659, "machines": 5}


@wrong("1-4", "You return the slope, doublings for each year. Asked is the other way")
def the_slope_itself(years, flops):
    return np.polyfit(years, np.log2(np.asarray(flops, dtype=float)), 1)[0]


@wrong("1-4", "You return months, twelve for each year. Asked is the time of a")
def months(years, flops):
    return 12 / np.polyfit(years, np.log2(np.asarray(flops, dtype=float)), 1)[0]


@wrong("1-5", "You return how many were right. Asked is their share of all that")
def counts_no_share(tokens, guesses, period):
    return sum(int(guesses[t - 1] == tokens[t]) for t in range(period, len(tokens)))


@wrong("1-6", "Your first number is one too many, as if places were")
def best_counted_from_1(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best, bad = i, 0
        else:
            bad += 1
        if bad == patience:
            return [best + 1, i + 1]
    return [best + 1, len(losses)]


@wrong("1-8", "You put the variance into the formula. The standard deviation is its")
def variance_for_deviation():
    return {"mean": 0.174, "half": 2.776 * 0.06823 / 5**0.5, "verdict": "holds"}


@wrong("1-9", "When the optimizer costs nothing at all, the other three")
def optimizer_made_5_times_as_fast_a_fifth_of_the_st():
    """Optimizer made 5 times as fast: a fifth of the step is saved."""
    return {"share": 0.1149, "speedup": 1.25, "limit": 8.7}


@wrong("1-1", "Your result is 1 / `tokens` times what it should be, in every case")
def tokens_forgotten(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * (body + head + top_k * expert)


@wrong("1-2", "What comes out has matrices of `d_ff` times `d_ff` in the network. They")
def the_network_s_width_squared(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_ff**2) + vocab * d_model * (1 if tied else 2)


@wrong("1-3", "Three times too short, which is what two operations for")
def two_operations_for_each_parameter_not_six():
    return {"years": 665.9 / 3, "machines": 1351}


@wrong("1-4")
def no_mean_taken_off_a_line_through_the_origin(years, flops):
    y = torch.log2(torch.as_tensor(flops, dtype=torch.float64))
    x = torch.as_tensor(years, dtype=torch.float64)
    x = x - x[0]
    return (x * x).sum() / (x * y).sum()


@wrong("1-5", "What comes out are the hits divided by the length of the whole")
def first_time_counted_among_all(tokens, guesses, period):
    right = sum(bool(guesses[t - 1] == tokens[t]) for t in range(period, len(tokens)))
    return right / (len(tokens) - 1)


@wrong("1-6", "You wait for one evaluation more than patience allows before you stop")
def stops_only_when_patience_is_passed(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best, bad = i, 0
        else:
            bad += 1
        if bad > patience:
            return [best, i + 1]
    return [best, len(losses)]


@wrong("1-8", "First the numbers. 'half': 0.162 is half of what it should be.")
def half_the_interval_again():
    return {"mean": 0.174, "half": 0.162, "verdict": "holds"}


@wrong("1-9")
def share_of_the_old_in_the_new_step():
    return {"share": 10 / 87, "speedup": 87 / 85, "limit": 87 / 77}


@right("1-1")
def numpy_integers_forward_and_back_apart(embedding, body, head, experts, top_k, expert, tokens):
    met = np.int64(body) + head + np.int64(top_k) * expert
    forward = 2.0 * float(met) * tokens
    return forward + 2 * forward


@right("1-4")
def numpy_polyfit(years, flops):
    y = np.log2(np.asarray(flops, dtype=np.float64))
    return float(1 / np.polyfit(np.asarray(years, dtype=np.float64), y, 1)[0])


@right("1-5")
def numpy_means(tokens, guesses, period):
    t, g = np.asarray(tokens), np.asarray(guesses)
    return np.mean(t[period:] == g[period - 1 : -1])


@right("1-6")
def recursion_tuple(losses, patience):
    def go(i, best):
        if i == len(losses) or i - best > patience:
            return best, i
        return go(i + 1, i if losses[i] < losses[best] else best)

    return go(1, 0)


@right("1-3")
def exact_numbers():
    return {"years": 8.4e23 / 4e13 / (365 * 86400), "machines": np.int64(4051)}


@right("1-9")
def fractions():
    return {"share": 10 / 87, "speedup": 87 / 79, "limit": torch.tensor(87 / 77)}
