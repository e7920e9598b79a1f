"""Answers to chapters 1 and 2 with slips that no list had: written after the newcomers' had been mended."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import torch

from trial.answers import right, wrong

# ---- 1 ----


@wrong("1-1", "Your result is too small by just 4 x top_k x expert x tokens,")
def experts_learn_nothing(embedding, body, head, experts, top_k, expert, tokens):
    return (6 * (body + head) + 2 * top_k * expert) * tokens


@wrong("1-1", "Your result is too small by just 6 x head x tokens, in every")
def head_is_a_table_too(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * (body + top_k * expert) * tokens


@wrong("1-2", "It comes out as if `d_ff` were four times `d_model`. That is")
def always_four_times_as_wide(vocab, d_model, layers, d_ff, tied):
    return layers * 12 * d_model**2 + (1 if tied else 2) * vocab * d_model


@right("1-2")
def shapes_listed(vocab, d_model, layers, d_ff, tied):
    shapes = [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    shapes = shapes * layers + [(vocab, d_model)] * (2 - bool(tied))
    return torch.tensor([a * b for a, b in shapes]).sum()


DAYS = 6 * 70e9 * 2000e9 / (0.4 * 100e12) / 86400


@wrong("1-3", "Asked for: six FLOPs a parameter and token, over those that")
def years_of_360_days():
    return {"years": DAYS / 360, "machines": math.ceil(DAYS / 60)}


@wrong("1-3", "Three times too short, which is what two operations for")
def rule_of_two():
    return {"years": DAYS / 365 / 3, "machines": math.ceil(DAYS / 180)}


@wrong("1-4", "You average over the steps from one model to the next. Those of")
def mean_of_the_yearly_steps(years, flops):
    logs, years = np.log2(np.asarray(flops, dtype=float)), np.asarray(years, dtype=float)
    return float(1 / np.mean(np.diff(logs) / np.diff(years)))


@wrong("1-4", "It comes out as if two models alone were used, the first and")
def first_and_last_point(years, flops):
    return float((years[-1] - years[0]) / math.log2(float(flops[-1]) / float(flops[0])))


@right("1-4")
def by_the_covariance(years, flops):
    x, y = np.asarray(years, dtype=float), np.log2(np.asarray(flops, dtype=float))
    return np.cov(x, y)[0, 0] / np.cov(x, y)[0, 1]


@wrong("1-5", "is 1 in every case")
def text_held_against_itself(tokens, guesses, period):
    places = range(period, len(tokens))
    return sum(bool(tokens[t] == tokens[t - period]) for t in places) / len(places)


@wrong("1-5", "What comes out are the hits divided by the length of the whole")
def over_the_whole_text(tokens, guesses, period):
    hits = sum(bool(guesses[t - 1] == tokens[t]) for t in range(period, len(tokens)))
    return hits / len(tokens)


@wrong("1-6", "You wait for one evaluation more than patience allows before")
def one_more_is_allowed(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best > patience:
            return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6", "You stop where you should, but your first number is the place")
def best_of_what_was_never_made(losses, patience):
    losses, best = [float(x) for x in losses], 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best == patience:
            return [losses.index(min(losses)), i + 1]
    return [best, len(losses)]


REPORTS = {
    "copy": "a text that has nothing to copy, of the same length",
    "adapt": "as many rates tried for both, both trained until they stop improving",
    "growth": "a list of models drawn by a rule that was fixed before",
    "true": "all",
}


@wrong("1-7", "A sentence without its control is not shown. That does not")
def some_may_be_true():
    return {**REPORTS, "true": "some"}


@wrong("1-7", "A longer passage or a larger model repeats the measurement.")
def longer_passage_third_model():
    return {**REPORTS, "copy": "a longer passage", "adapt": "a third model"}


B_LESS_A = [0.48, 0.2, -0.23, 0.13, 0.29]
HALF = 2.776 * float(np.std(B_LESS_A, ddof=1)) / 5**0.5


@wrong("1-8", "Your mean is that of the differences without their signs. One below")
def signs_dropped():
    return {"mean": sum(map(abs, B_LESS_A)) / 5, "half": HALF, "verdict": "holds"}


@wrong("1-8", "That is twice the half: the width of the whole interval.")
def whole_width_of_the_interval():
    return {"mean": 0.174, "half": 2 * HALF, "verdict": "not shown"}


@wrong("1-8", "What comes out is divided by five. The deviation of a mean is smaller")
def over_n_itself():
    return {"mean": 0.174, "half": HALF / 5**0.5, "verdict": "holds"}


@wrong("1-9", "You divide by the other three parts. The optimizer is a part of")
def over_all_the_others():
    return {"share": 10 / 77, "speedup": 87 / 79, "limit": 87 / 77}


@wrong("1-9", "You leave the data out of the step. They take their time as")
def data_not_counted():
    return {"share": 10 / 85, "speedup": 85 / 77, "limit": 85 / 75}


@right("1-9")
def by_amdahl():
    return {"share": 0.1149, "speedup": 1 / (1 - 10 / 87 * 0.8), "limit": 1 / (1 - 10 / 87)}


# ---- 2.1 ----


@wrong("2.1-1", "It comes out as if k were shared among the tokens of the")
def one_k_shared_out(counts, k):
    return [(float(c) + k / len(counts)) / (float(sum(counts)) + k) for c in counts]


@wrong("2.1-1", "It comes out as if k were added to shares. It is added to")
def smoothed_after_dividing(counts, k):
    total = max(float(sum(counts)), 1.0)
    return [(float(c) / total + k) / (1 + k * len(counts)) for c in counts]


@wrong("2.1-2", "The held-out text is in your counts. What is measured was")
def counts_the_held_out_text_in(train, held_out, vocab_size, k):
    both = list(train) + list(held_out)
    pairs = Counter(pairwise(both))
    firsts = Counter(both[:-1])
    steps = list(pairwise(held_out))
    return -sum(math.log2((pairs[s] + k) / (firsts[s[0]] + k * vocab_size)) for s in steps) / len(steps)


@wrong("2.1-2", "You guess a token from the one behind it. A text is written")
def asks_for_the_one_before(train, held_out, vocab_size, k):
    pairs, seconds = Counter(pairwise(train)), Counter(train[1:])
    steps = list(pairwise(held_out))
    return -sum(math.log2((pairs[s] + k) / (seconds[s[1]] + k * vocab_size)) for s in steps) / len(steps)


@right("2.1-2")
def table_of_numpy(train, held_out, vocab_size, k):
    table = np.full((vocab_size, vocab_size), float(k))
    np.add.at(table, (np.asarray(train)[:-1], np.asarray(train)[1:]), 1)
    logs = np.log2(table) - np.log2(table.sum(1, keepdims=True))
    return -logs[np.asarray(held_out)[:-1], np.asarray(held_out)[1:]].mean()


@wrong("2.1-3", "You divide the surprise of all tokens by the number of texts.")
def surprise_of_a_text(texts):
    nats = -sum(math.log(p) for text in texts for p in text)
    return math.exp(nats / len(texts))


TOKENIZERS = {
    "A": 1.7,
    "B": 1.4,
    "perplexity of A": 2**3.4,
    "better": "B",
    "missing": "how many bytes a token has",
}


@wrong("2.1-4", "You multiply the bits of a token by the number of tokens of the other")
def tokens_of_the_other_one():
    return {**TOKENIZERS, "A": 3.4 * 2250 / 9000, "B": 5.6 * 4500 / 9000, "better": "A"}


@wrong("2.1-4", "Asked for: all bits that A needs for the text over the bytes")
def a_byte_has_eight_bits():
    return {**TOKENIZERS, "A": 1.7 / 8, "B": 1.4 / 8}


@wrong("2.1-4", "Both have read the same bytes, so what each needs for a byte")
def size_decides():
    return {**TOKENIZERS, "missing": "how large the models are", "better": "neither"}


@wrong("2.1-5", "An end of yours is rounded up. Both are rounded down: so the")
def upper_end_rounded_up(low, high, parts, token):
    width, total = high - low, parts[-1]
    return [low + width * parts[token] // total, low - (-width * parts[token + 1] // total)]


@wrong("2.1-5", "It comes out as if `parts` counted out of the number of tokens, or of")
def number_of_tokens_for_the_total(low, high, parts, token):
    width, total = high - low, len(parts) - 1
    return [low + width * parts[token] // total, low + width * parts[token + 1] // total]


@wrong("2.1-6", "You compare windows without regard to order. 'dog bites man'")
def same_tokens_in_any_order(train, held_out, width):
    seen = {tuple(sorted(train[i : i + width])) for i in range(len(train) - width + 1)}
    asked = [tuple(sorted(held_out[i : i + width])) for i in range(len(held_out) - width + 1)]
    return sum(a in seen for a in asked) / len(asked)


@wrong("2.1-6", "You ask how much of the training text stands in the held-out")
def windows_of_the_training_text(train, held_out, width):
    asked = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    seen = [tuple(train[i : i + width]) for i in range(len(train) - width + 1)]
    return sum(s in asked for s in seen) / len(seen)


@right("2.1-6")
def searched_in_a_string(train, held_out, width):
    text = "," + ",".join(map(str, train)) + ","
    n = len(held_out) - width + 1
    return sum("," + ",".join(map(str, held_out[i : i + width])) + "," in text for i in range(n)) / n


B = math.log(2.43 / 2.058) / math.log(4)
POWER = {"exponent": B, "loss": 2.058 * 4**-B, "sure": "nowhere: a third size has to be measured"}


@wrong("2.1-7", "Asked for: the fall of the loss's logarithm over the rise of")
def two_kinds_of_logarithm():
    b = math.log(2.43 / 2.058) / math.log10(4)
    return {**POWER, "exponent": b, "loss": 2.058 * 4**-b}


@wrong("2.1-7", "That is the loss of the second model. The third is larger than it: how")
def from_the_first_model():
    return {**POWER, "loss": 2.43 * 4**-B}


@wrong("2.1-7", "Any two points lie on some power law. So these do not say")
def up_to_there():
    return {**POWER, "sure": "up to the third size"}


@wrong("2.1-8", "You count three matrices for attention. There are four:")
def output_matrix_forgotten(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (3 * d_model**2 + 2 * d_model * d_ff)
    return [layers, layers + (1 if tied else 2) * vocab_size * d_model]


@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def quotient_of_the_logarithms(after, alone):
    shares = [sum(a) / sum(b) for a, b in zip(after, alone, strict=True)]
    return shares.index(max(shares))


@wrong("2.1-9", "It comes out as if one token of each label were looked at")
def first_token_alone(after, alone):
    gains = [a[0] - b[0] for a, b in zip(after, alone, strict=True)]
    return gains.index(max(gains))


@right("2.1-9")
def by_sorting_the_labels(after, alone):
    order = sorted(range(len(after)), key=lambda i: (math.fsum(alone[i]) - math.fsum(after[i]), i))
    return np.int64(order[0])


PROMPTED = {
    "gain": 0.03,
    "error": (0.83 * 0.17 / 400) ** 0.5,
    "shown": False,
    "n-gram": "the share of held-out passages that were read in training",
    "law": "a model of that size, or near it, measured",
}


@wrong("2.1-10", "Asked for: the model's share right less the share of the")
def messages_not_shares():
    return {**PROMPTED, "gain": 12}


@wrong("2.1-10", "It comes out as if n stood outside of the root. It is divided by inside")
def n_outside_the_root():
    return {**PROMPTED, "error": (0.83 * 0.17) ** 0.5 / 400, "shown": True}


@wrong("2.1-10", "It sharpens the line where it was measured. What is asked is")
def more_digits():
    return {**PROMPTED, "law": "more digits of the exponent"}


# ---- 2.2 ----


@wrong("2.2-1", "You move the whole address by the frame, so its page is")
def whole_address_behind_the_frame():
    return {"first": 9 * 32 + 83, "second": 12 * 32 + 111}


@wrong("2.2-1", "You multiply the offset by a page's size and add the")
def offset_and_page_exchanged():
    return {"first": 9 + 19 * 32, "second": 12 + 15 * 32}


@wrong("2.2-2", "For a negative address, your result is -1 and should be -2")
def negative_is_a_fault(address, page_size, frames):
    if address < 0:
        return -1
    page, offset = divmod(address, page_size)
    if page >= len(frames):
        return -2
    return -1 if frames[page] == -1 else frames[page] * page_size + offset


@wrong("2.2-2", "For pages of 100, your result is 501 and should be 550, 49")
def offset_by_the_number_of_pages(address, page_size, frames):
    if not 0 <= address < page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    return -1 if frame == -1 else frame * page_size + address % len(frames)


@wrong("2.2-3")
def all_but_optimal_alike():
    return {"fifo": 8, "lru": 8, "optimal": 6}


@wrong("2.2-3")
def optimal_looks_back():
    return {"fifo": 8, "lru": 7, "optimal": 7}


@wrong("2.2-4", "You count uses instead of looking at the last one: a page")
def least_frequent_goes(references, num_frames):
    held, faults = {}, 0
    for page in references:
        if page in held:
            held[page] += 1
            continue
        faults += 1
        if len(held) == num_frames:
            del held[min(held, key=held.get)]
        held[page] = 1
    return faults


@wrong("2.2-4", "Your counts are those of one frame more than there are,")
def one_frame_more(references, num_frames):
    held, faults = [], 0
    for page in references:
        if page in held:
            held.remove(page)
        else:
            faults += 1
        held.append(page)
        if len(held) > num_frames + 1:
            held.pop(0)
    return faults


@wrong("2.2-5", "You clear bits that the hand has not reached. Only a page")
def every_bit_cleared(used, hand):
    n = len(used)
    victim = next(((hand + i) % n for i in range(n) if not used[(hand + i) % n]), hand)
    return victim, [False] * n, (victim + 1) % n


@wrong("2.2-5", "Your hand moves backwards. Any direction would do for a")
def sweeps_backwards(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand - 1) % len(used)
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-6", "You put all programs one behind the other and round up once.")
def programs_share_their_pages(sizes, page_size):
    given = -(-sum(sizes) // page_size) * page_size
    return 1 - sum(sizes) / given


@right("2.2-6")
def wasted_by_modulo(sizes, page_size):
    sizes = np.asarray(sizes)
    waste = (-sizes) % page_size
    return waste.sum() / (sizes + waste).sum()


@wrong("2.2-7", "You join holes with a gap of one between them: [0, 4] ends")
def one_cell_between_does_not_matter(holes, start, size):
    after = []
    for s, n in sorted([list(h) for h in holes] + [[start, size]]):
        if after and sum(after[-1]) + 1 >= s:
            after[-1][1] = s + n - after[-1][0]
        else:
            after.append([s, n])
    return after


@wrong("2.2-7", "Where the piece touches a hole before it and another behind")
def sizes_added_to_the_first(holes, start, size):
    after = [list(h) for h in holes]
    for hole in after:
        if sum(hole) == start:
            hole[1] += size
            return after
        if start + size == hole[0]:
            hole[0], hole[1] = start, hole[1] + size
            return after
    return sorted([*after, [start, size]])


@wrong("2.2-8", "You give the response for jobs that run to their ends. Under")
def response_as_they_come():
    return {"first come": 18, "shortest first": 12, "round robin response": 10}


@wrong("2.2-8", "Under shortest first you let the longest run first, which is")
def longest_runs_first():
    return {"first come": 18, "shortest first": (14 + 22 + 24) / 3, "round robin response": 2}


@wrong("2.2-9", "It comes out as if a job could run beside the one before it, and ended")
def ends_with_its_own_length(arrivals, lengths):
    end, out = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        end = max(end, arrival + length)
        out.append(end - arrival)
    return out


@wrong("2.2-9", "It comes out as if each turnaround counted from the arrival of the")
def measured_from_the_first_arrival(arrivals, lengths):
    end, out = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        end = max(end, arrival) + length
        out.append(end - arrivals[0])
    return out


@wrong("2.2-10", "Your jobs run to their ends in the order in which they stand:")
def never_interrupted(lengths, quantum):
    return np.cumsum(lengths).tolist()


@wrong("2.2-10", "All jobs that end in a round get the same time from you, that")
def ends_with_its_round(lengths, quantum):
    left, ends, now = list(lengths), [0] * len(lengths), 0
    while any(n > 0 for n in left):
        running = [j for j, n in enumerate(left) if n > 0]
        now += sum(min(left[j], quantum) for j in running)
        for j in running:
            left[j] -= quantum
            if left[j] <= 0:
                ends[j] = now
    return ends


@wrong("2.2-11", "It comes out as if lengths and deadlines were sorted each by itself. A")
def both_lists_sorted_alone(lengths, deadlines):
    now = 0
    for length, deadline in zip(sorted(lengths), sorted(deadlines), strict=True):
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.2-11", "It comes out as if the whole work were compared with the latest")
def last_deadline_alone(lengths, deadlines):
    return not lengths or sum(lengths) <= max(deadlines)


@wrong("2.2-12", "The holders are right. For a block that two hold, the table")
def copy_put_beside_the_old_one(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[table[index]] -= 1
        holders[free] = 1
        table.insert(index, free)
    return table, holders


@wrong("2.2-12", "The table is right. For a block that three hold, the holders")
def copy_takes_over_the_holders(table, holders, index, free):
    table, holders = list(table), list(holders)
    old = table[index]
    if holders[old] > 1:
        holders[free], holders[old] = holders[old] - 1, 1
        table[index] = free
    return table, holders


SERVED = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
    "none": "stopping in the middle of a time slice",
}


@wrong("2.2-13", "Asking for a tool is something that a request does while it")
def a_call_is_an_admission():
    return {**SERVED, "system call": "whether a request may begin", "admission": "tool call"}


@wrong("2.2-13", "A request that waits for a tool leaves its place to others")
def cannot_go_on_after_a_wait():
    return {**SERVED, "none": "going on after a wait"}


PAGED = {
    "equal": 1,
    "measures": "how much shorter texts are than the longest",
    "control": "texts of equal, full length",
    "false": False,
}


@wrong("2.2-14", "That is 836 over 4,096: the mean of the texts of the post, and")
def inverse_of_the_factor():
    return {**PAGED, "equal": 836 / 4096}


@wrong("2.2-14", "256 is the number of pages of one full text, 4,096 / 16.")
def pages_of_a_text():
    return {**PAGED, "equal": 4096 / 16, "measures": "how fast the page table is"}


# ---- 2.3 ----


@wrong("2.3-1", "You count the prompt alone. Each token that was said has been")
def prompt_alone_is_computed():
    return {"computed": 15, "block": 23, "place": 7, "full blocks": 1}


@wrong("2.3-1", "right: 'computed', 'block', 'full blocks'. 'place': 17 is too large,")
def place_in_the_text():
    return {"computed": 17, "block": 22, "place": 17, "full blocks": 2}


@wrong("2.3-2", "Your count is that of one text alone, the first or the")
def last_text_alone(prompt, read, size):
    if not read:
        return 0
    count, text = 0, read[-1]
    while count + size < len(prompt) and list(text[count : count + size]) == list(
        prompt[count : count + size]
    ):
        count += size
    return min(count, len(text) // size * size)


@wrong("2.3-2", "You return how many blocks are taken over, not how many")
def blocks_not_tokens(prompt, read, size):
    known = {tuple(t[:i]) for t in read for i in range(size, len(t) + 1, size)}
    count = 0
    while (count + 1) * size < len(prompt) and tuple(prompt[: (count + 1) * size]) in known:
        count += 1
    return count


@wrong("2.3-3", "Your static number is what comes when the queue is sorted")
def pairs_of_like_length():
    return {"static": 4 + 9 + 13, "continuous": 25, "rate": 48 / 25}


@wrong("2.3-3", "Asked for: all tokens over the steps of the continuous")
def tokens_of_one_slot():
    return {"static": 34, "continuous": 25, "rate": 24 / 25}


@right("2.3-3")
def simulated():
    left, rows, steps = [3, 13, 7, 9, 12, 4], [], 0
    while left or rows:
        while left and len(rows) < 2:
            rows.append(left.pop(0))
        rows, steps = [n - 1 for n in rows if n > 1], steps + 1
    return {"static": 34, "continuous": steps, "rate": 48 / steps}


@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def those_who_end_are_gone(processes, size):
    peak = 0
    for _, k in processes:
        peak = max(peak, sum(-(-(n + k - 1) // size) for n, left in processes if left > k))
    return peak


@wrong("2.3-4", "You add all slots and round up once. Two processes never")
def slots_rounded_together(processes, size):
    peak = 0
    for _, k in processes:
        peak = max(peak, -(-sum(n + k - 1 for n, left in processes if left >= k) // size))
    return peak


@wrong("2.3-5", "You begin with the one just below the requester. It is the")
def next_in_rank_goes_first(tables, holders, requester, free, wanted):
    holders, out = list(holders), []
    for p in range(requester + 1, len(tables)):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            for b in tables[p]:
                holders[b] -= 1
                free += holders[b] == 0
    return out if free >= wanted else []


@wrong("2.3-5", "You evict a process that holds nothing. There is nothing to")
def empty_ones_evicted_too(tables, holders, requester, free, wanted):
    holders, out = list(holders), []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        out.append(p)
        for b in tables[p]:
            holders[b] -= 1
            free += holders[b] == 0
    return out if free >= wanted else []


@wrong("2.3-6", "You say the wrong guess, and a token of the model's own behind")
def first_wrong_guess_is_said(guesses, likeliest):
    said = []
    for g, m in zip(guesses, likeliest, strict=False):
        said.append(g)
        if g != m:
            return [*said, m]
    return [*said, likeliest[-1]]


@wrong("2.3-6", "You end with the token after all guesses, wherever the first")
def always_the_very_last_one(guesses, likeliest):
    said = []
    for g, m in zip(guesses, likeliest, strict=False):
        if g != m:
            break
        said.append(g)
    return [*said, likeliest[-1]]


@wrong("2.3-7", "The kernel of Linux returns these numbers negative. Here, as")
def minus_as_the_kernel_does(name, rights, arguments, tools):
    if name not in tools:
        return -38
    needs, names, time, limit = tools[name]
    if needs not in rights:
        return -1
    if sorted(arguments) != sorted(names):
        return -22
    return -110 if time > limit else 0


SAID = 1 + 0.7 + 0.7**2 + 0.7**3
GUESSES = {"tokens": SAID, "speedup": SAID / 1.4 * 1.1, "never": 1.1 / 1.4}


@wrong("2.3-8", "Your speedup is the number of tokens: you let the guesses be")
def guesses_cost_nothing():
    return {**GUESSES, "speedup": SAID, "never": 1}


@wrong("2.3-8", "You count guesses only where all of them are right. Those before the")
def all_right_or_none():
    return {**GUESSES, "tokens": 1 + 3 * 0.343, "speedup": 2.029 / 1.4 * 1.1}


@wrong("2.3-8", "You let a step pay for its guesses alone. It reads the text's")
def guesses_read_but_not_the_last_token():
    return {**GUESSES, "speedup": SAID / 1.3 * 1.1, "never": 1.1 / 1.3}


TURNED = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


@wrong("2.3-9", "Smaller blocks change the figure a little. What makes it")
def smaller_blocks():
    return {**TURNED, "cache": "smaller blocks"}


@wrong("2.3-9", "With more memory nobody is evicted, and the question is gone.")
def more_room():
    return {**TURNED, "swap": "more memory", "salt": "more probes"}


@wrong("2.3-10")
def slots_held_against_the_texts(make):
    from llmasos_edu.exercises.architecture.blocks import slots_for

    memory = make(8, 2)
    memory.begin("a", [1, 2, 3, 4])
    for token in (1, 2, 3, 4):
        memory.write("a", token)
    memory.fork("a", "b")
    memory.write("b", 9)
    assert memory.read("b") == slots_for([1, 2, 3, 4, 9])
    assert memory.read("a") == slots_for([1, 2, 3, 4])


@wrong("2.3-10", "Your review returned a list of 1 thing. Does it pass then, or")
def returns_what_it_found(make):
    memory = make(4, 2)
    memory.begin("a", [1])
    memory.write("a", 1)
    return [memory.free == 3]


@wrong("2.3-11", "Your review finds 2 of 12 bugs. These kernels pass it: one")
def outputs_as_alone(make):
    from llmasos_edu.exercises.architecture.tiny_kernel import alone

    kernel = make(2, 30)
    processes = [kernel.spawn([i, 2, 3], 6, {"pay"}) for i in range(3)]
    kernel.run()
    for i, process in enumerate(processes):
        assert process.output == alone([i, 2, 3], 6, {"pay"})


@wrong("2.3-11", "All right kernels are sent back, and 1 of 12 broken ones")
def asks_for_an_order_of_newcomers(make):
    kernel = make(1, 30)
    for i in range(3):
        kernel.spawn([i], 3)
    kernel.step()
    assert kernel.ran == [0]
    kernel.step()
    assert kernel.ran == [0]


@right("2.2-3")
def counted_by_a_program():
    from collections import OrderedDict

    text, out = [3, 1, 5, 2, 3, 5, 3, 1, 5, 4, 1, 4], {}
    for rule in ("fifo", "lru", "optimal"):
        held, faults = OrderedDict(), 0
        for t, page in enumerate(text):
            if page in held:
                if rule == "lru":
                    held.move_to_end(page)
                continue
            faults += 1
            if len(held) == 3:
                rest = text[t:]
                far = max(held, key=lambda p: rest.index(p) if p in rest else 99)
                held.pop(far if rule == "optimal" else next(iter(held)))
            held[page] = t
        out[rule] = faults
    return out


@right("2.2-8")
def means_as_arrays():
    return {
        "first come": np.mean([8, 22, 24]),
        "shortest first": torch.tensor([2.0, 10.0, 24.0]).mean(),
        "round robin response": 2,
    }
