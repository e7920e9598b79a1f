"""A twelfth trial: answers that are wrong only where no case had looked before."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch

from trial.answers import right, wrong


# A mixture only from two experts on
@wrong("1-1", "as if a model with one expert had none")
def one_expert_is_no_mixture(embedding, body, head, experts, top_k, expert, tokens):
    met = body + head
    if experts > 1:
        met += top_k * expert
    return 6 * met * tokens


# The min_delta of many libraries
@wrong("1-6", "only when it lies below the best one by some margin")
def better_by_a_least_amount(losses, patience, min_delta=1e-3):
    best, where, bad = math.inf, 0, 0
    for i, loss in enumerate(losses):
        if loss < best - min_delta:
            best, where, bad = loss, i, 0
        else:
            bad += 1
            if bad >= patience:
                return [where, i + 1]
    return [where, len(losses)]


# "No loss is above a million"
@wrong("1-6", "had to beat a fixed number")
def begun_at_a_million(losses, patience):
    best, where, bad = 1e6, 0, 0
    for i, loss in enumerate(losses):
        best, where, bad = (loss, i, 0) if loss < best else (best, where, bad + 1)
        if bad == patience:
            return [where, i + 1]
    return [where, len(losses)]


# The loop's variable behind a loop that did not run
@wrong("1-6", "for a single evaluation, your code stopped")
def the_variable_of_a_loop_that_did_not_run(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        best, bad = (i, 0) if losses[i] < losses[best] else (best, bad + 1)
        if bad == patience:
            break
    return [best, i + 1]


# Pairs as strings without anything between
@wrong("2.1-2", "1, 12 then reads like 11, 2")
def pairs_as_strings(train, held_out, vocab_size, k):
    pairs = Counter(f"{a}{b}" for a, b in pairwise(train))
    contexts = Counter(train[:-1])
    bits = [math.log2((contexts[a] + k * vocab_size) / (pairs[f"{a}{b}"] + k)) for a, b in pairwise(held_out)]
    return sum(bits) / len(bits)


# One product over the whole text, in float32
@wrong("2.1-2", "too small for a number of 32 bits")
def one_product_over_the_text(train, held_out, vocab_size, k):
    pairs, contexts = Counter(pairwise(train)), Counter(train[:-1])
    p = [(pairs[a, b] + k) / (contexts[a] + k * vocab_size) for a, b in pairwise(held_out)]
    return (-torch.log2(torch.tensor(p).prod()) / len(p)).item()


# So that no logarithm of 0 comes
@wrong("2.1-3", "as if a probability could not fall below a small number")
def something_added_before_the_logarithm(texts):
    surprises = [-math.log(p + 1e-10) for text in texts for p in text]
    return math.exp(sum(surprises) / len(surprises))


# No part may be empty
@wrong("2.1-5", "as if a part that comes out empty were made one wide")
def no_part_is_empty(low, high, parts, token):
    width = high - low
    begin = low + width * parts[token] // parts[-1]
    return [begin, max(begin + 1, low + width * parts[token + 1] // parts[-1])]


# Whole numbers of NumPy run over
@wrong("2.1-5", "as if a product had to fit into 64 bits")
def whole_numbers_of_an_array(low, high, parts, token):
    ends = np.array(parts[token : token + 2], dtype=np.int64) * (high - low) // parts[-1]
    return [low + int(end) for end in ends]


# Fractions are exact, too
@right("2.1-5")
def of_fractions(low, high, parts, token):
    from fractions import Fraction

    return [low + math.floor(Fraction(high - low) * part / parts[-1]) for part in parts[token : token + 2]]


# A rolling number to the base of a thousand
@wrong("2.1-6", "as if a window were made into one number")
def windows_to_the_base_of_a_thousand(train, held_out, width):
    def keys(tokens):
        return [
            sum(token * 1000**place for place, token in enumerate(tokens[at : at + width]))
            for at in range(len(tokens) - width + 1)
        ]

    known, ours = set(keys(train)), keys(held_out)
    return sum(key in known for key in ours) / len(ours)


# Tokens as uint8
@wrong("2.1-6", "257 is the same as 1")
def tokens_as_bytes(train, held_out, width):
    t, h = (np.array(x).astype(np.uint8).tolist() for x in (train, held_out))
    known = {tuple(t[at : at + width]) for at in range(len(t) - width + 1)}
    ours = [tuple(h[at : at + width]) for at in range(len(h) - width + 1)]
    return sum(window in known for window in ours) / len(ours)


# The best so far begins at -100
@wrong("2.1-9", "yours is the first")
def begun_at_minus_a_hundred(after, alone):
    best, label = -100.0, 0
    for i in range(len(after)):
        gain = sum(after[i]) - sum(alone[i])
        if gain > best:
            best, label = gain, i
    return label


# A quotient of probabilities, in float32
@wrong("2.1-9", "Probabilities as small as these round to 0")
def a_quotient_of_probabilities(after, alone):
    ratios = [
        (torch.tensor(a).exp().prod() / torch.tensor(b).exp().prod()).item()
        for a, b in zip(after, alone, strict=True)
    ]
    return ratios.index(max(ratios))


# Rounded for the eye
@wrong("2.1-9", "as where scores are rounded")
def scores_rounded(after, alone):
    scores = [round(sum(a) - sum(b), 2) for a, b in zip(after, alone, strict=True)]
    return scores.index(max(scores))


# list.index for the place
@wrong("2.1-9", "found again by its numbers")
def a_label_by_its_numbers(after, alone):
    best = max(after, key=lambda numbers: sum(numbers) - sum(alone[after.index(numbers)]))
    return after.index(best)


# Python counts negative places from the end
@wrong("2.2-2", "For a negative address you give -1")
def the_index_error_caught(address, page_size, frames):
    try:
        frame = frames[address // page_size]
    except IndexError:
        return -2
    if frame == -1:
        return -1
    return -2 if address < 0 else frame * page_size + address % page_size


# Rounded up with 0.99
@wrong("2.2-6", "What is left over, however little, needs a page")
def nearly_one_added(sizes, page_size):
    return 1 - sum(sizes) / sum(int(size / page_size + 0.99) * page_size for size in sizes)


# Behind the last hole nothing is looked at
@wrong("2.2-7", "There, too, a piece may touch a hole")
def appended_behind_the_last(holes, start, size):
    if holes and start > holes[-1][0]:
        return [*map(list, holes), [start, size]]
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and sum(merged[-1]) == at:
            merged[-1][1] += length
        else:
            merged.append([at, length])
    return merged


# Each block as a set
@wrong("2.3-2", "as if the order of the tokens in a block did not matter")
def blocks_as_sets(prompt, read, size):
    best = 0
    for text in read:
        end = 0
        while end + size <= min(len(prompt) - 1, len(text)):
            if set(prompt[end : end + size]) != set(text[end : end + size]):
                break
            end += size
        best = max(best, end)
    return best


# Beginnings as strings
@wrong("2.3-2", "1, 230 then reads like 12, 30")
def beginnings_as_strings(prompt, read, size):
    known = {"".join(map(str, text[:end])) for text in read for end in range(size, len(text) + 1, size)}
    reused = 0
    while reused + size < len(prompt) and "".join(map(str, prompt[: reused + size])) in known:
        reused += size
    return reused


# Those behind one are those that are left
@wrong("2.3-4", "as if the processes stood in the order in which they end")
def those_behind_are_left(processes, size):
    peak = 0
    for i, (_, left) in enumerate(processes):
        peak = max(peak, sum((tokens + left - 1 + size - 1) // size for tokens, _ in processes[i:]))
    return peak


# Sorted where it stands
@wrong("2.3-4", "is different after the call")
def sorted_where_it_stands(processes, size):
    processes.sort(key=lambda process: process[1])
    return those_behind_are_left(processes, size)


# list.index for the place
@wrong("2.3-6", "go by the place")
def the_place_of_the_models_token(guesses, likeliest):
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess != own:
            return likeliest[: likeliest.index(own) + 1]
    return list(likeliest)


# Compared as text
@wrong("2.3-6", "25 and 23 begin alike")
def compared_as_text(guesses, likeliest):
    count = 0
    for a, b in zip("".join(map(str, guesses)), "".join(map(str, likeliest)), strict=False):
        if a != b:
            break
        count += 1
    return likeliest[: count + 1]


def called(name, rights, arguments, tools, alike, too_slow):
    if name not in tools:
        return 38
    right, wanted, time, limit = tools[name]
    if right not in rights:
        return 1
    if not alike(arguments, wanted):
        return 22
    return 110 if too_slow(time, limit) else 0


# As many, and each is among those wanted
@wrong("2.3-7", "One of them twice is then as good as both")
def each_among_the_wanted(name, rights, arguments, tools):
    return called(
        name,
        rights,
        arguments,
        tools,
        lambda a, b: len(a) == len(b) and all(each in b for each in a),
        lambda time, limit: time > limit,
    )


# Only one side sorted
@wrong("2.3-7", "Some orders of the right names do not pass")
def one_side_sorted(name, rights, arguments, tools):
    return called(
        name, rights, arguments, tools, lambda a, b: sorted(a) == b, lambda time, limit: time > limit
    )


# Zero taken for "no limit"
@wrong("2.3-7", "as if a limit of 0 were none")
def a_limit_that_is_false(name, rights, arguments, tools):
    return called(
        name,
        rights,
        arguments,
        tools,
        lambda a, b: sorted(a) == sorted(b),
        lambda time, limit: limit and time > limit,
    )
