"""A sixth trial, chapters 1 and 2: answers written from the statements alone."""

import itertools
import math

from trial.answers import right, wrong


@wrong("1-1", "You come to four operations for each parameter that a")
def back_costs_as_much_as_forward_sixth(embedding, body, head, experts, top_k, expert, tokens):
    return 4 * (body + head + top_k * expert) * tokens


@wrong("1-1", "You come to three operations for each parameter that")
def a_multiplication_alone(embedding, body, head, experts, top_k, expert, tokens):
    met = body + head + top_k * expert
    return (met + 2 * met) * tokens


@right("1-1")
def flops_term_by_term(embedding, body, head, experts, top_k, expert, tokens):
    forward = sum(2 * part for part in [body, head] + [expert] * top_k)
    return float(forward * tokens + 2 * forward * tokens)


@wrong("1-2", "if `tied` were the other way round")
def tied_turned_round(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_model * d_ff) + (2 if tied else 1) * vocab * d_model


@wrong("1-2", "What comes out has the attention of all layers, but the network of one.")
def the_network_of_one_layer_only(vocab, d_model, layers, d_ff, tied):
    return layers * 4 * d_model**2 + 2 * d_model * d_ff + (2 - tied) * vocab * d_model


@wrong("1-3", "With the machines that you hire the training is not quite")
def machines_rounded_down_sixth():
    return {"years": 6 * 70e9 * 2000e9 / 4e13 / (365 * 86400), "machines": 4050}


@wrong("1-3", "Three times too short, which is what two operations")
def two_operations_for_six():
    years = 2 * 70e9 * 2000e9 / 4e13 / (365 * 86400)
    return {"years": years, "machines": math.ceil(years * 365 / 60)}


def slope(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=False)) / sum(
        (a - mean_x) ** 2 for a in x
    )


@wrong("1-4", "That is the time of a growth by 2.718, as natural logarithms give it.")
def natural_logarithm_sixth(years, flops):
    return 1 / slope(years, [math.log(f) for f in flops])


@wrong("1-4", "You fit the years to the logarithms. Least squares then")
def years_over_doublings(years, flops):
    return slope([math.log2(f) for f in flops], years)


@wrong("1-4", "It comes out as if two models alone were used, the first and")
def from_first_to_last_alone(years, flops):
    return (years[-1] - years[0]) / (math.log2(flops[-1]) - math.log2(flops[0]))


@right("1-4")
def by_numpy(years, flops):
    import numpy

    return float(1 / numpy.polyfit(years, numpy.log10(flops) / numpy.log10(2), 1)[0])


@wrong("1-5", "You begin one place too late: the first token of the")
def first_of_the_second_time_left_out(tokens, guesses, period):
    places = range(period, len(tokens) - 1)
    return sum(guesses[t] == tokens[t + 1] for t in places) / len(places)


@wrong("1-5", "What comes out are the hits divided by the length of the whole")
def divided_by_the_whole_text(tokens, guesses, period):
    return sum(guesses[t - 1] == tokens[t] for t in range(period, len(tokens))) / len(tokens)


@right("1-5")
def by_slices(tokens, guesses, period):
    pairs = list(zip(tokens[period:], guesses[period - 1 : -1], strict=False))
    return 1 - sum(a != b for a, b in pairs) / len(pairs)


@wrong("1-6", "You compare each evaluation with the one before it. It")
def held_against_the_one_before(losses, patience):
    bad, best = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        bad = bad + 1 if losses[i] >= losses[i - 1] else 0
        if bad == patience:
            return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6", "You stop where you should, but your first number is the place")
def best_of_all_evaluations(losses, patience):
    best = 0
    for i in range(len(losses)):
        if losses[i] < losses[best]:
            best = i
        if i - best >= patience:
            return [losses.index(min(losses)), i + 1]
    return [best, len(losses)]


@right("1-6")
def the_best_by_a_prefix(losses, patience):
    for n in range(1, len(losses) + 1):
        best = min(range(n), key=lambda i: (losses[i], i))
        if n - 1 - best == patience:
            break
    return [best, n]


CONTROLS_1 = {
    "copy": "a text that has nothing to copy, of the same length",
    "adapt": "as many rates tried for both, both trained until they stop improving",
    "growth": "a list of models drawn by a rule that was fixed before",
    "true": "all",
}


@wrong("1-7", "A sentence without its control is not shown. That does")
def no_control_no_truth():
    return {**CONTROLS_1, "true": "none"}


@wrong("1-7", "A longer passage or a larger model repeats the")
def a_longer_passage():
    return {**CONTROLS_1, "copy": "a longer passage"}


DIFFERENCES = [0.48, 0.2, -0.23, 0.13, 0.29]
SD = math.sqrt(sum((d - 0.174) ** 2 for d in DIFFERENCES) / 4)


@wrong("1-8", "You give the interval of a single run. That of the mean")
def not_divided_by_the_root():
    return {"mean": 0.174, "half": 2.776 * SD, "verdict": "not shown"}


@wrong("1-8", "Lay the interval on an axis, from mean - half to mean +")
def a_mean_above_zero_holds():
    return {"mean": 0.174, "half": 2.776 * SD / math.sqrt(5), "verdict": "holds"}


@wrong("1-9", "It comes out as if the optimizer's new time were taken off the")
def saves_the_fifth_only():
    return {"share": 10 / 87, "speedup": 87 / 85, "limit": 87 / 77}


@wrong("1-9", "You leave the data out of the step. They take their time")
def optimizer_against_forward_and_back():
    return {"share": 10 / 85, "speedup": 87 / 79, "limit": 87 / 77}


@wrong("2.1-1", "Your numbers do not sum to one. k is added above the line")
def k_added_once_below(counts, k):
    return [(c + k) / (sum(counts) + k) for c in counts]


@wrong("2.1-1", "You give k to the tokens with count 0 alone. By this rule")
def k_only_where_nothing_was_seen(counts, k):
    filled = [c if c else k for c in counts]
    return [c / sum(filled) for c in filled]


@right("2.1-1")
def a_mixture_of_counts_and_chance(counts, k):
    n, v = sum(counts), len(counts)
    trust = n / (n + k * v)
    return [trust * (c / n if n else 0) + (1 - trust) / v for c in counts]


@wrong("2.1-2", "It comes out as if the vocabulary were taken from the tokens of the")
def sizes_from_what_was_seen(train, held_out, vocab_size, k):
    seen = len(set(train))
    bits = 0
    for a, b in itertools.pairwise(held_out):
        pair = sum(1 for x, y in itertools.pairwise(train) if (x, y) == (a, b))
        bits -= math.log2((pair + k) / (train[:-1].count(a) + k * seen))
    return bits / (len(held_out) - 1)


@wrong("2.1-2", "You count the last token of the training text as a")
def last_token_counts_as_a_context(train, held_out, vocab_size, k):
    bits = 0
    for a, b in itertools.pairwise(held_out):
        pair = sum(1 for x, y in itertools.pairwise(train) if (x, y) == (a, b))
        bits -= math.log2((pair + k) / (train.count(a) + k * vocab_size))
    return bits / (len(held_out) - 1)


@wrong("2.1-3", "You average over texts, so a text of one token weighs as")
def mean_of_the_texts_perplexities_sixth(texts):
    each = [math.exp(-sum(math.log(p) for p in text) / len(text)) for text in texts]
    return sum(each) / len(each)


@wrong("2.1-3", "You average the probabilities. A token that the model")
def one_over_the_mean_probability_sixth(texts):
    flat = [p for text in texts for p in text]
    return len(flat) / sum(flat)


@right("2.1-3")
def a_geometric_mean_in_bits(texts):
    flat = [p for text in texts for p in text]
    return 2.0 ** (sum(-math.log2(p) for p in flat) / len(flat))


TOKENIZERS = {
    "A": 1.7,
    "B": 1.4,
    "perplexity of A": 2**3.4,
    "better": "B",
    "missing": "how many bytes a token has",
}


@wrong("2.1-4", "You take e to the power of bits. The base belongs to the")
def bits_taken_for_nats():
    return {**TOKENIZERS, "perplexity of A": math.exp(3.4)}


@wrong("2.1-4", "Each token costs A less, but A has more of them to say")
def fewer_bits_a_token_is_better():
    return {**TOKENIZERS, "better": "A"}


@wrong("2.1-5", "You divide the width first and lose what is left over. In")
def divided_first(low, high, parts, token):
    unit = (high - low) // parts[-1]
    return [low + unit * parts[token], low + unit * parts[token + 1]]


@wrong("2.1-5", "Your end is the new low end and a part's width that was rounded")
def the_width_rounded_by_itself(low, high, parts, token):
    start = low + (high - low) * parts[token] // parts[-1]
    return [start, start + (high - low) * (parts[token + 1] - parts[token]) // parts[-1]]


@right("2.1-5")
def by_divmod(low, high, parts, token):
    ends = [divmod((high - low) * part, parts[-1])[0] for part in parts[token : token + 2]]
    return [low + end for end in ends]


@wrong("2.1-6", "You count each different window once. A passage that")
def each_window_once(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    return len(asked & known) / len(asked)


@wrong("2.1-6", "Windows do not overlap in one text or in both. A")
def steps_of_a_whole_window(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = [tuple(held_out[i : i + width]) for i in range(0, len(held_out) - width + 1, width)]
    return sum(w in known for w in asked) / len(asked)


LAW_B = math.log(2.43 / 2.058) / math.log(4)


@wrong("2.1-7", "You count the embeddings into N. They grow more slowly")
def embeddings_counted():
    b = math.log(2.43 / 2.058) / math.log(3)
    return {
        "exponent": b,
        "loss": 2.058 * (180 / 600) ** b,
        "sure": "nowhere: a third size has to be measured",
    }


@wrong("2.1-7", "Any two points lie on some power law. So these do not say")
def for_every_size_to_be_sure():
    return {"exponent": LAW_B, "loss": 2.058 * 0.25**LAW_B, "sure": "for every size"}


@wrong("2.1-8", "You count two tables where embedding and head are")
def the_head_is_always_there(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [layers, layers + 2 * vocab_size * d_model]


@wrong("2.1-8", "Your second number is that of the tables alone. All parameters")
def tables_alone_second(vocab_size, d_model, num_layers, d_ff, tied):
    return [num_layers * (4 * d_model**2 + 2 * d_model * d_ff), (2 - tied) * vocab_size * d_model]


@wrong("2.1-9", "You average over the tokens of a label. Its probability")
def raised_per_token(after, alone):
    scores = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(after, alone, strict=False)]
    return scores.index(max(scores))


@wrong("2.1-9", "It comes out as if one log-probability were divided by the other.")
def raised_as_a_ratio(after, alone):
    scores = [sum(a) / sum(b) for a, b in zip(after, alone, strict=False)]
    return scores.index(max(scores))


@right("2.1-9")
def summed_the_other_way_round(after, alone):
    fall = [math.fsum(y - x for x, y in zip(a, b, strict=False)) for a, b in zip(after, alone, strict=False)]
    return min(range(len(fall)), key=lambda i: (round(fall[i], 9), i))


REPORTS_21 = {
    "gain": 0.03,
    "error": math.sqrt(0.83 * 0.17 / 400),
    "shown": False,
    "n-gram": "the share of held-out passages that were read in training",
    "law": "a model of that size, or near it, measured",
}


@wrong("2.1-10", "Compare the gain with twice the standard error: above it")
def one_error_is_enough():
    return {**REPORTS_21, "shown": True}


@wrong("2.1-10", "You put the base rate into the formula. p is the share")
def the_error_of_the_baseline():
    return {**REPORTS_21, "error": 0.02}


@wrong("2.2-1", "You look up the page before: the list of frames begins")
def pages_from_one():
    return {"first": 5 * 32 + 19, "second": 9 * 32 + 15}


@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame")
def frame_zero_is_a_fault_sixth(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    return frame * page_size + address % page_size if frame > 0 else -1


@wrong("2.2-2", "The first byte behind the last page is treated as if it lay inside.")
def one_address_too_many_sixth(address, page_size, frames):
    if address < 0 or address > page_size * len(frames):
        return -2
    if address == page_size * len(frames):
        return -1
    frame = frames[address // page_size]
    return frame * page_size + address % page_size if frame >= 0 else -1


@right("2.2-2")
def a_dictionary_of_all_addresses(address, page_size, frames):
    table = {}
    for p, f in enumerate(frames):
        for offset in range(page_size):
            table[p * page_size + offset] = -1 if f == -1 else f * page_size + offset
    return table.get(address, -2)


@wrong("2.2-3", "Each of your counts is three too low: the first three")
def only_what_had_to_go():
    return {"fifo": 5, "lru": 4, "optimal": 3}


@wrong("2.2-3", "Your first two numbers are right, but for each other's")
def last_use_and_arrival_exchanged():
    return {"fifo": 7, "lru": 8, "optimal": 6}


@wrong("2.2-4", "You let the page go that was used last, and keep the one")
def the_one_just_used_goes(references, num_frames):
    order, faults = [], 0
    for page in references:
        if page in order:
            order.remove(page)
        else:
            faults += 1
            if len(order) == num_frames:
                order.pop()
        order.append(page)
    return faults


@wrong("2.2-4", "You count uses instead of looking at the last one: a page")
def the_least_often_used_goes(references, num_frames):
    uses, held, faults = {}, [], 0
    for page in references:
        uses[page] = uses.get(page, 0) + 1
        if page not in held:
            faults += 1
            if len(held) == num_frames:
                held.remove(min(held, key=lambda p: uses[p]))
            held.append(page)
    return faults


@right("2.2-4")
def by_the_distance_of_reuse(references, num_frames):
    faults = 0
    for t, page in enumerate(references):
        before = references[:t]
        if page not in before:
            faults += 1
            continue
        last = t - 1 - before[::-1].index(page)
        faults += len(set(references[last + 1 : t])) >= num_frames
    return faults


@wrong("2.2-5", "Where the victim is the last frame, your hand")
def the_hand_runs_off_the_circle(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand + 1


@wrong("2.2-5", "You clear bits that the hand has not reached. Only a page")
def all_bits_cleared_sixth(used, hand):
    while used[hand % len(used)] and hand < 2 * len(used):
        hand += 1
    victim = hand % len(used) if hand < 2 * len(used) else 0
    return victim, [False] * len(used), (victim + 1) % len(used)


@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def mean_of_the_programs_shares_sixth(sizes, page_size):
    shares = []
    for size in sizes:
        given = -(-size // page_size) * page_size
        shares.append((given - size) / given)
    return sum(shares) / len(shares)


@wrong("2.2-6", "A program that fits exactly gets an empty page from you.")
def a_page_too_many_when_it_fits(sizes, page_size):
    given = sum((size // page_size + 1) * page_size for size in sizes)
    return (given - sum(sizes)) / given


@wrong("2.2-7", "Where a hole touches the piece on one of its sides you")
def joined_with_the_hole_before_only(holes, start, size):
    new = []
    for a, b in sorted([*holes, [start, size]]):
        if new and new[-1][0] + new[-1][1] == a and a == start:
            new[-1][1] += b
        else:
            new.append([a, b])
    return new


@wrong("2.2-7", "Where the piece touches a hole before it and another behind")
def the_first_that_touches_grows(holes, start, size):
    new = [list(hole) for hole in holes]
    for hole in new:
        if hole[0] + hole[1] == start:
            hole[1] += size
            return new
        if start + size == hole[0]:
            hole[0], hole[1] = start, hole[1] + size
            return new
    return sorted([*new, [start, size]])


@wrong("2.2-7", "Where the piece touches a hole before it and another behind")
def the_last_that_touches_grows(holes, start, size):
    new = [list(hole) for hole in holes]
    for hole in reversed(new):
        if start + size == hole[0]:
            hole[0], hole[1] = start, hole[1] + size
            return new
        if hole[0] + hole[1] == start:
            hole[1] += size
            return new
    return sorted([*new, [start, size]])


@right("2.2-7")
def by_units(holes, start, size):
    free = {u for a, n in [*holes, [start, size]] for u in range(a, a + n)}
    starts = sorted(u for u in free if u - 1 not in free)
    ends = sorted(u for u in free if u + 1 not in free)
    return [[a, b - a + 1] for a, b in zip(starts, ends, strict=False)]


@wrong("2.2-8", "Your turnaround ends where the job begins: its own length is left out.")
def waiting_for_turnaround_sixth():
    return {"first come": 10, "shortest first": 4, "round robin response": 2}


@wrong("2.2-8", "Your response is one turn too long: the mean of the")
def response_is_the_first_slices_end():
    return {"first come": 18, "shortest first": 12, "round robin response": 4}


@wrong("2.2-9", "You add up the lengths as if there were never a pause: a")
def nobody_waits_for_the_next(arrivals, lengths):
    end, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        end += n
        out.append(end - a)
    return out


@wrong("2.2-9", "You return how long each waits before it runs. Turnaround")
def until_it_begins(arrivals, lengths):
    end, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        begin = max(end, a)
        out.append(begin - a)
        end = begin + n
    return out


@wrong("2.2-10", "A job that ends in the middle of its turn keeps the")
def whole_slices_always(lengths, quantum):
    left, queue, now, ends = list(lengths), list(range(len(lengths))), 0, [0] * len(lengths)
    while queue:
        job = queue.pop(0)
        left[job] -= quantum
        now += quantum
        if left[job] > 0:
            queue.append(job)
        else:
            ends[job] = now
    return ends


@wrong("2.2-10", "The times are right but sorted: entry i should be the end")
def ends_in_the_order_of_ending_sixth(lengths, quantum):
    queue, now, ends = [(i, n) for i, n in enumerate(lengths)], 0, []
    while queue:
        job, n = queue.pop(0)
        ran = min(n, quantum)
        now += ran
        if n > ran:
            queue.append((job, n - ran))
        else:
            ends.append(now)
    return ends


@wrong("2.2-11", "It comes out as if the shortest job ran first. That is best for the")
def the_shortest_first(lengths, deadlines):
    now = 0
    for n, d in sorted(zip(lengths, deadlines, strict=False)):
        now += n
        if now > d:
            return False
    return True


@wrong("2.2-11", "A job that ends exactly at its deadline counts as late in")
def at_the_deadline_is_late_sixth(lengths, deadlines):
    now = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        now += n
        if now >= d:
            return False
    return True


@right("2.2-11")
def demand_up_to_each_deadline_sixth(lengths, deadlines):
    return not any(
        sum(n for n, d in zip(lengths, deadlines, strict=False) if d <= line) > line for line in deadlines
    )


@wrong("2.2-12", "The old block still counts the writer among its holders,")
def the_old_block_keeps_its_holders(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] += 1
    return table, holders


@wrong("2.2-12", "You copy also a block that nobody else holds. Nothing")
def copied_even_alone(table, holders, index, free):
    table, holders = list(table), list(holders)
    holders[table[index]] -= 1
    table[index] = free
    holders[free] = 1
    return table, holders


PARTS = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
    "none": "stopping in the middle of a time slice",
}


@wrong("2.2-13", "A kernel can take a request's blocks away: it drops them")
def no_memory_is_taken():
    return {**PARTS, "none": "taking memory away"}


@wrong("2.2-13", "'process' and 'system call' are exchanged")
def process_and_call_exchanged():
    return {**PARTS, "process": "tool call", "system call": "request"}


BENCH = {
    "equal": 1,
    "measures": "how much shorter texts are than the longest",
    "control": "texts of equal, full length",
    "false": False,
}


@wrong("2.2-14", "You expect 4.9 on texts of full length too. How much does")
def the_factor_stays():
    return {**BENCH, "equal": 4.9}


@wrong("2.2-14", "Nothing in the sentence is untrue: on these texts the")
def called_false():
    return {**BENCH, "false": True}


@wrong("2.3-1", "You count a slot for every token. The one that was said")
def the_last_token_is_computed_too():
    return {"computed": 18, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-1", "That is the number of all blocks of the table. The last")
def the_begun_block_is_full_sixth():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 3}


@wrong("2.3-2", "A prompt that was read before is taken over whole. Then")
def nothing_left_to_compute(prompt, read, size):
    best = 0
    for text in read:
        end = 0
        while end + size <= min(len(prompt), len(text)) and prompt[: end + size] == text[: end + size]:
            end += size
        best = max(best, end)
    return best


@wrong("2.3-2", "You compare each block by its own tokens. The keys and")
def a_block_may_stand_anywhere(prompt, read, size):
    known = {tuple(t[i : i + size]) for t in read for i in range(0, len(t) - size + 1, size)}
    end = 0
    while end + size < len(prompt) and tuple(prompt[end : end + size]) in known:
        end += size
    return end


@right("2.3-2")
def prefixes_in_a_set(prompt, read, size):
    known = {tuple(t[:e]) for t in read for e in range(size, len(t) + 1, size)}
    fits = [e for e in range(size, len(prompt), size) if tuple(prompt[:e]) in known]
    return max(fits, default=0)


@wrong("2.3-3", "That is all tokens divided by the slots: the least it")
def packed_without_a_gap():
    return {"static": 34, "continuous": 24, "rate": 2.0}


@wrong("2.3-3", "Your static number is what comes when the queue is")
def sorted_before_batching():
    return {"static": 26, "continuous": 25, "rate": 48 / 25}


@wrong("2.3-4", "You add what each holds at its own end. They do not end")
def everybody_at_its_longest(processes, size):
    return sum(-(-(n + left - 1) // size) for n, left in processes)


@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def gone_unless_last(processes, size):
    ends = {left for _, left in processes}
    last = max(ends)
    return max(
        sum(math.ceil((n + k - 1) / size) for n, left in processes if left > k or left == k == last)
        for k in ends
    )


@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def the_last_token_is_read_as_well(processes, size):
    return max(
        sum(-(-(n + k) // size) for n, left in processes if left >= k)
        for k in {left for _, left in processes}
    )


@wrong("2.3-5", "It comes out as if every block of a victim became free. One that")
def shared_blocks_counted_as_free_sixth(tables, holders, requester, free, wanted):
    gone = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            gone.append(p)
            free += len(tables[p])
    return gone if free >= wanted else []


@wrong("2.3-5", "Where all of them together are not enough, you evict them")
def some_go_for_nothing(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            gone.append(p)
        for b in tables[p]:
            holders[b] -= 1
            free += holders[b] == 0
    return gone


@wrong("2.3-6", "You say every right guess, and at the end the token behind all")
def goes_on_behind_a_wrong_guess(guesses, likeliest):
    return [t for g, t in zip(guesses, likeliest, strict=False) if g == t] + [likeliest[-1]]


@wrong("2.3-6", "Where all guesses are right (or there are none), you say no")
def nothing_of_its_own_when_all_are_right(guesses, likeliest):
    said = []
    for g, t in zip(guesses, likeliest, strict=False):
        said.append(t)
        if g != t:
            break
    return said


@right("2.3-6")
def up_to_the_first_difference(guesses, likeliest):
    wrong_at = [i for i, g in enumerate(guesses) if g != likeliest[i]]
    return likeliest[: min(wrong_at, default=len(guesses)) + 1]


@wrong("2.3-7", "A call that takes just its limit does not come to 0 in")
def the_limit_itself_is_too_long(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, names, time, limit = tools[name]
    if need not in rights:
        return 1
    if sorted(names) != sorted(arguments):
        return 22
    return 110 if time >= limit else 0


@wrong("2.3-7", "You ask whether every argument that is given is wanted, and not")
def missing_arguments_pass(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, names, time, limit = tools[name]
    if need not in rights:
        return 1
    if any(a not in names for a in arguments):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-8", "You count every right guess. After a wrong one the others")
def guesses_right_whatever_came_before():
    return {"tokens": 3.1, "speedup": 3.1 * 1.1 / 1.4, "never": 11 / 14}


@wrong("2.3-8", "You leave out the token that the model adds in every")
def the_own_token_forgotten():
    tokens = 0.7 + 0.49 + 0.343
    return {"tokens": tokens, "speedup": tokens * 1.1 / 1.4, "never": 0.0}


SENTENCES_23 = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


@wrong("2.3-9", "A salt that nobody guesses is long enough. The clock sees")
def a_longer_salt_sixth():
    return {**SENTENCES_23, "salt": "a longer salt"}


@wrong("2.3-9", "Smaller blocks change the figure a little. What makes it")
def smaller_blocks_sixth():
    return {**SENTENCES_23, "cache": "smaller blocks"}


@wrong("2.3-10", "finds 1 of 12 bugs")
def a_single_text(make):
    memory = make(4, 2)
    memory.begin("a", [1, 2, 3])
    for token in [1, 2, 3]:
        memory.write("a", token)
    assert len(memory.read("a")) == 3
    memory.drop("a")
    assert memory.free == 4


@wrong("2.3-10", "It sends back what is right")
def block_zero_comes_first(make):
    memory = make(4, 2)
    memory.begin("a", [1, 2, 3])
    memory.write("a", 1)
    assert memory.tables["a"] == [0]


@wrong("2.3-11", "These kernels pass it")
def plenty_of_room_for_all(make):
    from llmasos_edu.exercises.architecture.tiny_kernel import alone

    kernel = make(2, 1000)
    processes = [kernel.spawn([1, 2, n], 6) for n in range(4)]
    for _ in range(100):
        kernel.step()
    for n, process in enumerate(processes):
        assert process.output == alone([1, 2, n], 6, set())


@wrong("2.3-11", "All right kernels are sent back")
def all_run_in_the_first_step(make):
    kernel = make(2, 1000)
    for n in range(3):
        kernel.spawn([1, 2, n], 6)
    kernel.step()
    assert len(kernel.ran) == 3


GAPS = {
    "paired": 2.262 * 0.0065 / math.sqrt(10),
    "unpaired": 2.262 * 0.018 * math.sqrt(2 / 10),
    "any": "holds",
    "least": "not shown",
    "separate": "not shown",
}


@wrong("2.2-15", "That is the number for one of the two allocators, with its ten")
def one_spread_for_two():
    return {**GAPS, "unpaired": 2.262 * 0.018 / math.sqrt(10)}


@wrong("2.2-15", "You multiply t with the spread of single differences.")
def spread_of_one_difference():
    return {**GAPS, "paired": 2.262 * 0.0065}


@wrong("2.2-15", "The mean lies above 0.01, but part of its interval does")
def the_mean_is_above_the_line():
    return {**GAPS, "least": "holds"}


@wrong("2.2-15", "Of separate draws the interval reaches below 0, but above")
def overlapping_clouds_refute():
    return {**GAPS, "separate": "does not hold"}


@wrong("2.2-15", "The interval reaches beyond 0.01 as well as below it. A")
def a_part_below_the_line_refutes():
    return {**GAPS, "least": "does not hold"}


@right("2.2-15")
def gaps_rounded():
    return {**GAPS, "paired": 0.00465, "unpaired": 0.0182}


ADMISSION = {
    "borne": 3,
    "refuted": 1,
    "verdict": "holds when memory is short",
    "ample": "it is against the claim or could be either",
    "next": "more draws where it could be either",
}


@wrong("2.3-12", "In so many settings the claim was not borne out. But an")
def all_of_ample_memory_is_against():
    return {**ADMISSION, "refuted": 3}


@wrong("2.3-12", "The settings disagree, but not without order: sort them")
def mixed_is_not_shown():
    return {**ADMISSION, "verdict": "not shown"}


@wrong("2.3-12", "Among the settings with ample memory one at least reaches")
def ample_is_against():
    return {**ADMISSION, "ample": "it is against the claim"}


@wrong("2.3-12", "No interval lies below 0, but that is not the mark. A")
def none_lies_below_zero():
    return {**ADMISSION, "refuted": 0}
