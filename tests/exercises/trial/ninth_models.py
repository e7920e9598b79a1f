"""A ninth trial, chapter 5, from the resumed run on: answers that look for the gaps of the checker."""

import copy
import io
import statistics

import torch

from trial.answers import right, wrong


def numbers(v, d, n, ff, e, k, c, tied, head=1, read=2, exp=2):
    """Parameters, operations and bytes of the cache."""
    router, table, expert = (d * e if e > 1 else 0), v * d, exp * d * ff
    operations = 2 * (head * table + n * (4 * d * d + router + k * expert + read * c * d))
    return (1 if tied else 2) * table + n * (4 * d * d + router + e * expert), operations, 8 * c * d * n


SIZES = {
    "dense": 4 * 96 * 288,
    "experts": 3 * 4 * 96 * 288 + 2 * 96 * 6,
    "matched": 3 * 288,
    "stored": 2.0,
    "control": "a dense model with that d_ff, its rate tuned as well",
}
GAINS = [0.017, -0.011, 0.006, -0.007, 0.008]
MEAN, ERROR = statistics.mean(GAINS), statistics.stdev(GAINS) / 5**0.5
JUDGED = {"mean": MEAN, "error": ERROR, "verdict": "not shown", "contrary": 2}
JUDGED |= {"low": MEAN - 2.776 * ERROR, "high": MEAN + 2.776 * ERROR}


# Copies a step one too low
@wrong("5-4", "The number of the step is one too high or too low in your")
def step_one_too_low(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step - 1
    return fresh


# Brings weights and optimizer over, nothing else
@wrong("5-4", "Weights and optimizer are those of the run; two things are")
def model_and_optimizer_alone(run, fresh):
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.model.load_state_dict(run.model.state_dict())
    return fresh


# Brings weights and generator over, nothing else
@wrong("5-4", "Weights and chance are those of the run; two things are still")
def model_and_generator_alone(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    return fresh


# Lets the new run train as many steps
@wrong("5-4", "You let the new run train as long as the run did. It began")
def trains_the_new_run_as_long(run, fresh):
    fresh.train(run.step)
    return fresh


# Gives the resumed run a new generator
@wrong("5-4", "The resumed run draws other batches and another dropout than")
def a_new_generator(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = torch.Generator()
    fresh.step = run.step
    return fresh


# Saves into memory and loads from there
@right("5-4")
def through_torch_save(run, fresh):

    buf = io.BytesIO()
    torch.save(
        {
            "m": run.model.state_dict(),
            "o": run.optimizer.state_dict(),
            "g": run.generator.get_state(),
            "s": run.step,
        },
        buf,
    )
    buf.seek(0)
    d = torch.load(buf)
    fresh.model.load_state_dict(d["m"])
    fresh.optimizer.load_state_dict(d["o"])
    fresh.generator.set_state(d["g"])
    fresh.step = d["s"]


# Compares with top_p less a thousandth
@wrong("5-5", "Tokens that have almost top_p together count as if they had")
def takes_a_thousandth_off(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = P * (b < p - 0.001)
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Gathers with the order where it should scatter
@wrong("5-5", "The numbers are right and in wrong places: the order says")
def applies_the_order_again(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = P * (b < p)
    k = k / k.sum(-1, keepdim=True)
    return k.gather(-1, o)


# Sorts rising and cuts what adds up to one minus top_p
@wrong("5-5", "Right, except among equally likely tokens: there yours keeps")
def cuts_from_the_other_end(z, p):
    P, o = z.softmax(-1).sort(dim=-1, stable=True)
    c = P.cumsum(-1)
    k = P * (c > 1 - p)
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Takes a softmax of the kept probabilities
@wrong("5-5", "The right tokens stay, but a softmax of their probabilities")
def softmax_of_what_is_kept(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = torch.where(b < p, P, -torch.inf).softmax(-1)
    return torch.zeros_like(z).scatter(-1, o, k)


# Divides what is kept by top_p
@wrong("5-5", "The right tokens stay, but you divide by top_p, or by the sum")
def divides_by_top_p(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = P * (b < p) / p
    return torch.zeros_like(z).scatter(-1, o, k)


# Divides by the sum of all rows
@wrong("5-5", "The right tokens stay, but you divide by top_p, or by the sum")
def divides_by_the_sum_of_the_batch(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = P * (b < p)
    k = k / k.sum()
    return torch.zeros_like(z).scatter(-1, o, k)


# Counts in the first row and cuts all rows there
@wrong("5-5", "All rows keep the tokens of the first one, or as many as it.")
def as_many_as_the_first_row_keeps(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    n = int((P[0].cumsum(-1) < p).sum()) + 1
    k = P.clone()
    k[:, n:] = 0
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Keeps two tokens at least
@wrong("5-5", "You keep two tokens at least. Where the likeliest one alone")
def keeps_two_at_least(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    m = b < p
    m[:, :2] = True
    k = P * m
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Takes the softmax along the rows
@wrong("5-5", "Your softmax runs over the rows of the batch, so that a row's")
def softmax_along_the_batch(z, p):
    P, o = z.softmax(0).sort(dim=-1, descending=True, stable=True)
    b = P.cumsum(-1) - P
    k = P * (b < p)
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Shifts the mask of the sums by one place
@right("5-5")
def shifts_the_mask_by_one(z, p):
    P, o = z.softmax(-1).sort(dim=-1, descending=True, stable=True)
    c = P.cumsum(-1)
    m = c < p
    m = torch.cat([torch.ones_like(m[:, :1]), m[:, :-1]], -1)
    k = P * m
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(z).scatter(-1, o, k)


# Takes the largest logit of the whole table
@wrong("5-6", "You take the next token from all rows of logits together: the")
def argmax_of_the_whole_table(m, pr, n):
    toks = pr.tolist()
    held = 0
    for _ in range(n):
        n_layers = m(torch.tensor(toks[held:]), torch.arange(held, len(toks)))
        held = len(toks)
        toks.append(int(n_layers.argmax()) % n_layers.shape[1])
    return torch.tensor(toks)


# Averages the rows of logits
@wrong("5-6", "You take the next token from all rows of logits together: the")
def mean_of_the_rows(m, pr, n):
    toks = pr
    held = 0
    for _ in range(n):
        n_layers = m(toks[held:], torch.arange(held, len(toks)))
        held = len(toks)
        toks = torch.cat([toks, n_layers.mean(0).argmax()[None]])
    return toks


# Takes the lowest logit
@wrong("5-6", "Your positions are right, and you take the token with the")
def argmin_for_argmax(m, pr, n):
    toks = pr
    held = 0
    for _ in range(n):
        n_layers = m(toks[held:], torch.arange(held, len(toks)))
        held = len(toks)
        toks = torch.cat([toks, n_layers[-1].argmin()[None]])
    return toks


# Gives the last two tokens in each call
@wrong("5-6", "Behind the prompt each call of yours gives two tokens, the")
def gives_two_tokens_each_time(m, pr, n):
    toks = pr
    held = 0
    for _ in range(n):
        s = max(0, held - 1) if held else 0
        n_layers = m(toks[s:], torch.arange(s, len(toks)))
        held = len(toks)
        toks = torch.cat([toks, n_layers[-1].argmax()[None]])
    return toks


# Takes token 0 for an end
@wrong("5-6", "For a text with token 0, the text has 5 entries, and 7 are")
def stops_at_token_zero(m, pr, n):
    toks = pr
    held = 0
    for _ in range(n):
        n_layers = m(toks[held:], torch.arange(held, len(toks)))
        held = len(toks)
        t = n_layers[-1].argmax()[None]
        toks = torch.cat([toks, t])
        if t.item() == 0:
            break
    return toks


# Counts one more token as held with each call, whatever was given
@wrong("5-6", "The text is right. For a prompt that repeats a token, the")
def held_grows_by_one(m, pr, n):
    toks = pr
    held = 0
    for step in range(n):
        n_layers = m(toks[held:], torch.arange(held, len(toks)))
        held = step + 1
        toks = torch.cat([toks, n_layers[-1].argmax()[None]])
    return toks


# Gives the prompt token by token
@right("5-6")
def reads_the_prompt_one_by_one(m, pr, n):
    toks = pr
    if n == 0:
        return pr
    for i in range(len(pr)):
        n_layers = m(pr[i : i + 1], torch.tensor([i]))
    for i in range(n):
        toks = torch.cat([toks, n_layers[-1].argmax()[None]])
        if i < n - 1:
            n_layers = m(toks[-1:], torch.tensor([len(toks) - 1]))
    return toks


# Counts the router's columns of the chosen experts
@wrong("5-7", "Only those columns of the router are counted whose experts are")
def router_columns_of_the_chosen(v, d, n_layers, ff, n, k, c, t):
    p, o, m = numbers(v, d, n_layers, ff, n, k, c, t)
    return (p, o - 2 * n_layers * (d * (n - k) if n > 1 else 0), m)


# Twice the parameters, and the context
@wrong("5-7", "Your operations are twice the parameters, and the context on")
def twice_the_parameters_and_reading(v, d, n_layers, ff, n, k, c, t):
    p, _o, m = numbers(v, d, n_layers, ff, n, k, c, t)
    return (p, 2 * p + 4 * n_layers * c * d, m)


# Gives an expert three matrices
@wrong("5-7", "The bytes of the cache are right. The parameters are too")
def three_matrices_an_expert(*s):
    return numbers(*s, exp=3)


# Counts the reading of the context once, not in each layer
@wrong("5-7", "The parameters and bytes of the cache are right. With all")
def reads_the_context_in_one_layer(v, d, n_layers, ff, n, k, c, t):
    p, o, m = numbers(v, d, n_layers, ff, n, k, c, t, read=0)
    return (p, o + 4 * c * d, m)


# Counts one operation for a weight of the router
@wrong("5-9", "'experts': This number counts a part of the router: one")
def router_with_one_operation():
    return SIZES | {"experts": 3 * 4 * 96 * 288 + 96 * 6}


# Lets one expert work
@wrong("5-9", "'experts': This number lets one expert work. A token takes")
def one_expert_of_several():
    return SIZES | {"experts": 4 * 96 * 288 + 2 * 96 * 6}


# Divides the deviation by five
@wrong("5-10", "right: 'mean', 'low', 'high', 'verdict', 'contrary'. 'error':")
def deviation_over_five():
    return JUDGED | {"error": statistics.stdev(GAINS) / 5}


# Exchanges the ends of the interval
@wrong("5-10", "right: 'mean', 'error', 'verdict', 'contrary'. 'low':")
def low_and_high_exchanged():
    return JUDGED | {"low": JUDGED["high"], "high": JUDGED["low"]}
