"""A ninth trial, chapter 1: slips that two usual ones have in common, and boundaries."""

import numpy as np

from trial.answers import right, wrong


# Counts one expert, however many a token meets
@wrong("1-1", "You count one expert, however many a token meets. It meets")
def counts_one_expert_however_many_a_token_meets(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + expert)


# Counts the experts that a token does not meet
@wrong("1-1", "You count the experts that a token does not meet. Those that it")
def counts_the_experts_that_a_token_does_not_meet(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + (experts - top_k) * expert)


# Counts a number, not a row, for each token of the vocabulary
@wrong("1-2", "It comes out as if a table held one number for each token. It")
def counts_a_number_not_a_row_for_each_token_of_th(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_model * d_ff) + vocab * (1 if tied else 2)


# Counts biases as well, of all matrices
@wrong("1-2", "It comes out as if matrices had biases. In this transformer")
def counts_biases_as_well_of_all_matrices(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_model * d_ff + d_ff + 5 * d_model) + vocab * d_model * (
        1 if tied else 2
    )


# Takes the differences from the first model instead of from the means
@wrong("1-4", "It comes out as if the line had to go through a point that was")
def takes_the_differences_from_the_first_model_ins(years, flops):
    x = np.array(years) - years[0]
    y = np.log2(flops) - np.log2(flops[0])
    return (x * x).sum() / (x * y).sum()


# Forgets to take the means off: a line through the origin
@wrong("1-4", "It comes out as if the line had to go through a point that was")
def forgets_to_take_the_means_off_a_line_through_t(years, flops):
    x = np.array(years)
    y = np.log2(flops)
    return (x * x).sum() / (x * y).sum()


# Mixes two divisors: np.cov divides by n - 1, np.var by n
@wrong("1-4", "What comes out is the right time, times n - 1 over n or n over")
def mixes_two_divisors_np_cov_divides_by_n_1_np_va(years, flops):
    left = np.log2(flops)
    return np.var(years) / np.cov(years, left)[0, 1]


# Averages the doubling times of the steps from one model to the next
@wrong("1-4", "You average over the steps from one model to the next. Those of")
def averages_the_doubling_times_of_the_steps_from(years, flops):
    left = np.log2(flops)
    return float(np.mean(np.diff(years) / np.diff(left)))


# Divides by one place too few
@wrong("1-5", "What comes out are the hits divided by one less than the places")
def divides_by_one_place_too_few(tokens, guesses, period):
    return sum(guesses[i - 1] == tokens[i] for i in range(period, len(tokens))) / (len(tokens) - period - 1)


# Shifts places and guesses together: compares at the same place
@wrong("1-5", "You compare a token with the guess that was made after reading")
def shifts_places_and_guesses_together_compares_at(tokens, guesses, period):
    n = len(tokens)
    return sum(guesses[i] == tokens[i] for i in range(period - 1, n - 1)) / (n - period)


# Looks at the last time alone
@wrong("1-5", "Your share is that of one of the later times alone, the second")
def looks_at_the_last_time_alone(tokens, guesses, period):
    n = len(tokens)
    return sum(guesses[i - 1] == tokens[i] for i in range(n - period, n)) / period


# Divides the hits of all later times by the length of one
@wrong("1-5", "What comes out are the hits of all later times divided by")
def divides_the_hits_of_all_later_times_by_the_len(tokens, guesses, period):
    n = len(tokens)
    return sum(guesses[i - 1] == tokens[i] for i in range(period, n)) / period


# The best so far begins at 10: a loss above it never counts
@wrong("1-6", "had to beat a fixed number, which these losses do not")
def the_best_so_far_begins_at_10_a_loss_above_it_n(losses, patience):
    b, at, w = (10.0, 0, 0)
    for i, left in enumerate(losses):
        if left < b:
            b, at, w = (left, i, 0)
        else:
            w += 1
            if w >= patience:
                return [at, i + 1]
    return [at, len(losses)]


# An equal evaluation begins the waiting anew
@wrong("1-6", "Where an evaluation is just as good as the best, the waiting")
def an_equal_evaluation_begins_the_waiting_anew(losses, patience):
    b, at, w = (1000000000.0, 0, 0)
    for i, left in enumerate(losses):
        if left <= b:
            w = 0
        else:
            w += 1
        if left < b:
            b, at = (left, i)
        if w >= patience:
            return [at, i + 1]
    return [at, len(losses)]


# Of equal evaluations gives the later one
@wrong("1-6", "You stop where you should, but of two evaluations that are")
def of_equal_evaluations_gives_the_later_one(losses, patience):
    b, w = (1000000000.0, 0)
    n = len(losses)
    for i, left in enumerate(losses):
        if left < b:
            b, w = (left, 0)
        else:
            w += 1
            if w >= patience:
                n = i + 1
                break
    s = losses[:n]
    return [n - 1 - s[::-1].index(min(s)), n]


# Right, in another way: by windows of evaluations
@right("1-6")
def window_compares_with_the_one_evaluation_just_b(losses, patience):
    for i in range(patience, len(losses)):
        if min(losses[i - patience + 1 : i + 1]) >= losses[i - patience]:
            return [losses.index(min(losses[: i + 1])), i + 1]
    return [losses.index(min(losses)), len(losses)]


# Gives the standard deviation of the five differences
@wrong("1-8", "That is the standard deviation of the five differences. Divided")
def gives_the_standard_deviation_of_the_five_diffe():
    return {"mean": 0.174, "half": 0.2612087287974887, "verdict": "not shown"}


# Takes the deviation with n and forgets the root: the same number as the whole width
@wrong("1-8", "That is twice the half: the width of the whole interval. Asked")
def takes_the_deviation_with_n_and_forgets_the_roo():
    return {"mean": 0.174, "half": 0.6485629582268786, "verdict": "not shown"}


# Says by how much faster, not how many times as fast
@wrong("1-9", "That is by how much faster the step is. Asked is how many times")
def says_by_how_much_faster_not_how_many_times_as():
    return {"share": 0.11494252873563218, "speedup": 0.10126582278481022, "limit": 0.1298701298701299}
