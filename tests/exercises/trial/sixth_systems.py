"""A sixth trial, chapters 1 and 2: answers written from the statements alone."""

import math

from trial.answers import right, wrong


@wrong("1-1")
def the_way_back_costs_as_much_as_the_way_forward(embedding, body, head, experts, top_k, expert, tokens):
    return 4 * (body + head + top_k * expert) * tokens


@wrong("1-1")
def a_multiplication_alone(embedding, body, head, experts, top_k, expert, tokens):
    met = body + head + top_k * expert
    return (met + 2 * met) * tokens


@right("1-1")
def flops_term_by_term(embedding, body, head, experts, top_k, expert, tokens):
    forward = sum(2 * part for part in [body, head] + [expert] * top_k)
    return float(forward * tokens + 2 * forward * tokens)


@wrong("1-2")
def tied_turned_round(vocab, d_model, layers, d_ff, tied):
    return layers * (4 * d_model**2 + 2 * d_model * d_ff) + (2 if tied else 1) * vocab * d_model


@wrong("1-2")
def the_network_of_one_layer_only(vocab, d_model, layers, d_ff, tied):
    return layers * 4 * d_model**2 + 2 * d_model * d_ff + (2 - tied) * vocab * d_model


@wrong("1-3")
def machines_rounded_down():
    return {"years": 6 * 70e9 * 2000e9 / 4e13 / (365 * 86400), "machines": 4050}


@wrong("1-3")
def two_operations_for_six():
    years = 2 * 70e9 * 2000e9 / 4e13 / (365 * 86400)
    return {"years": years, "machines": math.ceil(years * 365 / 60)}


def slope(x, y):
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y)) / sum((a - mean_x) ** 2 for a in x)


@wrong("1-4")
def natural_logarithm(years, flops):
    return 1 / slope(years, [math.log(f) for f in flops])


@wrong("1-4")
def from_first_to_last_alone(years, flops):
    return (years[-1] - years[0]) / (math.log2(flops[-1]) - math.log2(flops[0]))


@wrong("1-4")
def the_line_the_other_way(years, flops):
    return slope([math.log2(f) for f in flops], years)


@right("1-4")
def by_numpy(years, flops):
    import numpy

    return float(1 / numpy.polyfit(years, numpy.log10(flops) / numpy.log10(2), 1)[0])


@wrong("1-5")
def first_of_the_second_time_left_out(tokens, guesses, period):
    places = range(period, len(tokens) - 1)
    return sum(guesses[t] == tokens[t + 1] for t in places) / len(places)


@wrong("1-5")
def divided_by_the_whole_text(tokens, guesses, period):
    return sum(guesses[t - 1] == tokens[t] for t in range(period, len(tokens))) / len(tokens)


@right("1-5")
def by_slices(tokens, guesses, period):
    pairs = list(zip(tokens[period:], guesses[period - 1 : -1]))
    return 1 - sum(a != b for a, b in pairs) / len(pairs)


@wrong("1-6")
def held_against_the_one_before(losses, patience):
    bad, best = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        bad = bad + 1 if losses[i] >= losses[i - 1] else 0
        if bad == patience:
            return [best, i + 1]
    return [best, len(losses)]


@wrong("1-6")
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


@wrong("1-7")
def no_control_no_truth():
    return {**CONTROLS_1, "true": "none"}


@wrong("1-7")
def a_longer_passage():
    return {**CONTROLS_1, "copy": "a longer passage"}


DIFFERENCES = [0.48, 0.2, -0.23, 0.13, 0.29]
SD = math.sqrt(sum((d - 0.174) ** 2 for d in DIFFERENCES) / 4)


@wrong("1-8")
def not_divided_by_the_root():
    return {"mean": 0.174, "half": 2.776 * SD, "verdict": "not shown"}


@wrong("1-8")
def a_mean_above_zero_holds():
    return {"mean": 0.174, "half": 2.776 * SD / math.sqrt(5), "verdict": "holds"}


@wrong("1-9")
def saves_the_fifth_only():
    return {"share": 10 / 87, "speedup": 87 / 85, "limit": 87 / 77}


@wrong("1-9")
def optimizer_against_forward_and_back():
    return {"share": 10 / 85, "speedup": 87 / 79, "limit": 87 / 77}


@wrong("2.1-1")
def k_added_once_below(counts, k):
    return [(c + k) / (sum(counts) + k) for c in counts]


@wrong("2.1-1")
def k_only_where_nothing_was_seen(counts, k):
    filled = [c if c else k for c in counts]
    return [c / sum(filled) for c in filled]


@right("2.1-1")
def a_mixture_of_counts_and_chance(counts, k):
    n, v = sum(counts), len(counts)
    trust = n / (n + k * v)
    return [trust * (c / n if n else 0) + (1 - trust) / v for c in counts]


@wrong("2.1-2")
def sizes_from_what_was_seen(train, held_out, vocab_size, k):
    seen = len(set(train))
    bits = 0
    for a, b in zip(held_out, held_out[1:]):
        pair = sum(1 for x, y in zip(train, train[1:]) if (x, y) == (a, b))
        bits -= math.log2((pair + k) / (train[:-1].count(a) + k * seen))
    return bits / (len(held_out) - 1)


@wrong("2.1-2")
def last_token_counts_as_a_context(train, held_out, vocab_size, k):
    bits = 0
    for a, b in zip(held_out, held_out[1:]):
        pair = sum(1 for x, y in zip(train, train[1:]) if (x, y) == (a, b))
        bits -= math.log2((pair + k) / (train.count(a) + k * vocab_size))
    return bits / (len(held_out) - 1)


@wrong("2.1-3")
def mean_of_the_texts_perplexities(texts):
    each = [math.exp(-sum(math.log(p) for p in text) / len(text)) for text in texts]
    return sum(each) / len(each)


@wrong("2.1-3")
def one_over_the_mean_probability(texts):
    flat = [p for text in texts for p in text]
    return len(flat) / sum(flat)


@right("2.1-3")
def a_geometric_mean_in_bits(texts):
    flat = [p for text in texts for p in text]
    return 2.0 ** (sum(-math.log2(p) for p in flat) / len(flat))


TOKENIZERS = {"A": 1.7, "B": 1.4, "perplexity of A": 2**3.4, "better": "B", "missing": "how many bytes a token has"}


@wrong("2.1-4")
def bits_taken_for_nats():
    return {**TOKENIZERS, "perplexity of A": math.exp(3.4)}


@wrong("2.1-4")
def fewer_bits_a_token_is_better():
    return {**TOKENIZERS, "better": "A"}


@wrong("2.1-5")
def divided_first(low, high, parts, token):
    unit = (high - low) // parts[-1]
    return [low + unit * parts[token], low + unit * parts[token + 1]]


@wrong("2.1-5")
def the_width_rounded_by_itself(low, high, parts, token):
    start = low + (high - low) * parts[token] // parts[-1]
    return [start, start + (high - low) * (parts[token + 1] - parts[token]) // parts[-1]]


@right("2.1-5")
def by_divmod(low, high, parts, token):
    ends = [divmod((high - low) * part, parts[-1])[0] for part in parts[token : token + 2]]
    return [low + end for end in ends]


@wrong("2.1-6")
def each_window_once(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    return len(asked & known) / len(asked)


@wrong("2.1-6")
def steps_of_a_whole_window(train, held_out, width):
    known = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    asked = [tuple(held_out[i : i + width]) for i in range(0, len(held_out) - width + 1, width)]
    return sum(w in known for w in asked) / len(asked)


LAW_B = math.log(2.43 / 2.058) / math.log(4)


@wrong("2.1-7")
def embeddings_counted():
    b = math.log(2.43 / 2.058) / math.log(3)
    return {
        "exponent": b,
        "loss": 2.058 * (180 / 600) ** b,
        "sure": "nowhere: a third size has to be measured",
    }


@wrong("2.1-7")
def up_to_the_third():
    return {"exponent": LAW_B, "loss": 2.058 * 0.25**LAW_B, "sure": "for every size"}


@wrong("2.1-8")
def the_head_is_always_there(vocab_size, d_model, num_layers, d_ff, tied):
    layers = num_layers * (4 * d_model**2 + 2 * d_model * d_ff)
    return [layers, layers + 2 * vocab_size * d_model]


@wrong("2.1-8")
def tables_alone_second(vocab_size, d_model, num_layers, d_ff, tied):
    return [num_layers * (4 * d_model**2 + 2 * d_model * d_ff), (2 - tied) * vocab_size * d_model]


@wrong("2.1-9")
def raised_per_token(after, alone):
    scores = [sum(a) / len(a) - sum(b) / len(b) for a, b in zip(after, alone)]
    return scores.index(max(scores))


@wrong("2.1-9")
def raised_as_a_ratio(after, alone):
    scores = [sum(a) / sum(b) for a, b in zip(after, alone)]
    return scores.index(max(scores))


@right("2.1-9")
def summed_the_other_way_round(after, alone):
    fall = [math.fsum(y - x for x, y in zip(a, b)) for a, b in zip(after, alone)]
    return min(range(len(fall)), key=lambda i: (round(fall[i], 9), i))


REPORTS_21 = {
    "gain": 0.03,
    "error": math.sqrt(0.83 * 0.17 / 400),
    "shown": False,
    "n-gram": "the share of held-out passages that were read in training",
    "law": "a model of that size, or near it, measured",
}


@wrong("2.1-10")
def one_error_is_enough():
    return {**REPORTS_21, "shown": True}


@wrong("2.1-10")
def the_error_of_the_baseline():
    return {**REPORTS_21, "error": 0.02}


@wrong("2.2-1")
def pages_from_one():
    return {"first": 5 * 32 + 19, "second": 9 * 32 + 15}


@wrong("2.2-2")
def frame_zero_is_a_fault(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    return frame * page_size + address % page_size if frame > 0 else -1


@wrong("2.2-2")
def one_address_too_many(address, page_size, frames):
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


@wrong("2.2-3")
def only_what_had_to_go():
    return {"fifo": 5, "lru": 4, "optimal": 3}


@wrong("2.2-3")
def last_use_and_arrival_exchanged():
    return {"fifo": 7, "lru": 8, "optimal": 6}


@wrong("2.2-4")
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


@wrong("2.2-4")
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


@wrong("2.2-5")
def the_hand_runs_off_the_circle(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand + 1


@wrong("2.2-5")
def all_bits_cleared(used, hand):
    while used[hand % len(used)] and hand < 2 * len(used):
        hand += 1
    victim = hand % len(used) if hand < 2 * len(used) else 0
    return victim, [False] * len(used), (victim + 1) % len(used)


@wrong("2.2-6")
def mean_of_the_programs_shares(sizes, page_size):
    shares = []
    for size in sizes:
        given = -(-size // page_size) * page_size
        shares.append((given - size) / given)
    return sum(shares) / len(shares)


@wrong("2.2-6")
def a_page_too_many_when_it_fits(sizes, page_size):
    given = sum((size // page_size + 1) * page_size for size in sizes)
    return (given - sum(sizes)) / given


@wrong("2.2-7")
def joined_with_the_hole_before_only(holes, start, size):
    new = []
    for a, b in sorted([*holes, [start, size]]):
        if new and new[-1][0] + new[-1][1] == a and a == start:
            new[-1][1] += b
        else:
            new.append([a, b])
    return new


@wrong("2.2-7")
def put_at_the_end(holes, start, size):
    new = [list(h) for h in holes]
    for hole in new:
        if hole[0] + hole[1] == start:
            hole[1] += size
            return new
        if start + size == hole[0]:
            hole[0], hole[1] = start, hole[1] + size
            return new
    return sorted([*new, [start, size]])


@right("2.2-7")
def by_units(holes, start, size):
    free = {u for a, n in [*holes, [start, size]] for u in range(a, a + n)}
    starts = sorted(u for u in free if u - 1 not in free)
    ends = sorted(u for u in free if u + 1 not in free)
    return [[a, b - a + 1] for a, b in zip(starts, ends)]


@wrong("2.2-8")
def waiting_for_turnaround():
    return {"first come": 10, "shortest first": 4, "round robin response": 2}


@wrong("2.2-8")
def response_is_the_first_slices_end():
    return {"first come": 18, "shortest first": 12, "round robin response": 4}


@wrong("2.2-9")
def nobody_waits_for_the_next(arrivals, lengths):
    end, out = 0, []
    for a, n in zip(arrivals, lengths):
        end += n
        out.append(end - a)
    return out


@wrong("2.2-9")
def until_it_begins(arrivals, lengths):
    end, out = 0, []
    for a, n in zip(arrivals, lengths):
        begin = max(end, a)
        out.append(begin - a)
        end = begin + n
    return out


@wrong("2.2-10")
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


@wrong("2.2-10")
def ends_in_the_order_of_ending(lengths, quantum):
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


@wrong("2.2-11")
def the_shortest_first(lengths, deadlines):
    now = 0
    for n, d in sorted(zip(lengths, deadlines)):
        now += n
        if now > d:
            return False
    return True


@wrong("2.2-11")
def at_the_deadline_is_late(lengths, deadlines):
    now = 0
    for d, n in sorted(zip(deadlines, lengths)):
        now += n
        if now >= d:
            return False
    return True


@right("2.2-11")
def demand_up_to_each_deadline(lengths, deadlines):
    return not any(sum(n for n, d in zip(lengths, deadlines) if d <= line) > line for line in deadlines)


@wrong("2.2-12")
def the_old_block_keeps_its_holders(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] += 1
    return table, holders


@wrong("2.2-12")
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


@wrong("2.2-13")
def no_memory_is_taken():
    return {**PARTS, "none": "taking memory away"}


@wrong("2.2-13")
def process_and_call_exchanged():
    return {**PARTS, "process": "tool call", "system call": "request"}


BENCH = {
    "equal": 1,
    "measures": "how much shorter texts are than the longest",
    "control": "texts of equal, full length",
    "false": False,
}


@wrong("2.2-14")
def the_factor_stays():
    return {**BENCH, "equal": 4.9}


@wrong("2.2-14")
def called_false():
    return {**BENCH, "false": True}


@wrong("2.3-1")
def the_last_token_is_computed_too():
    return {"computed": 18, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-1")
def the_begun_block_is_full():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 3}


@wrong("2.3-2")
def nothing_left_to_compute(prompt, read, size):
    best = 0
    for text in read:
        end = 0
        while end + size <= min(len(prompt), len(text)) and prompt[: end + size] == text[: end + size]:
            end += size
        best = max(best, end)
    return best


@wrong("2.3-2")
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


@wrong("2.3-3")
def packed_without_a_gap():
    return {"static": 34, "continuous": 24, "rate": 2.0}


@wrong("2.3-3")
def sorted_before_batching():
    return {"static": 26, "continuous": 25, "rate": 48 / 25}


@wrong("2.3-4")
def everybody_at_its_longest(processes, size):
    return sum(-(-(n + left - 1) // size) for n, left in processes)


@wrong("2.3-4")
def the_last_token_is_read_as_well(processes, size):
    return max(
        sum(-(-(n + k) // size) for n, left in processes if left >= k) for k in {left for _, left in processes}
    )


@wrong("2.3-4")
def those_who_end_are_gone(processes, size):
    return max(
        sum(-(-(n + k - 1) // size) for n, left in processes if left > k or left == k == max(p[1] for p in processes))
        for k in {left for _, left in processes}
    )


@wrong("2.3-5")
def shared_blocks_counted_as_free(tables, holders, requester, free, wanted):
    gone = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            gone.append(p)
            free += len(tables[p])
    return gone if free >= wanted else []


@wrong("2.3-5")
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


@wrong("2.3-6")
def goes_on_behind_a_wrong_guess(guesses, likeliest):
    return [t for g, t in zip(guesses, likeliest) if g == t] + [likeliest[-1]]


@wrong("2.3-6")
def nothing_of_its_own_when_all_are_right(guesses, likeliest):
    said = []
    for g, t in zip(guesses, likeliest):
        said.append(t)
        if g != t:
            break
    return said


@right("2.3-6")
def up_to_the_first_difference(guesses, likeliest):
    wrong_at = [i for i, g in enumerate(guesses) if g != likeliest[i]]
    return likeliest[: min(wrong_at, default=len(guesses)) + 1]


@wrong("2.3-7")
def the_limit_itself_is_too_long(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, names, time, limit = tools[name]
    if need not in rights:
        return 1
    if sorted(names) != sorted(arguments):
        return 22
    return 110 if time >= limit else 0


@wrong("2.3-7")
def missing_arguments_pass(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, names, time, limit = tools[name]
    if need not in rights:
        return 1
    if any(a not in names for a in arguments):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-8")
def guesses_right_whatever_came_before():
    return {"tokens": 3.1, "speedup": 3.1 * 1.05 / 1.2, "never": 0.875}


@wrong("2.3-8")
def the_own_token_forgotten():
    tokens = 0.7 + 0.49 + 0.343
    return {"tokens": tokens, "speedup": tokens * 1.05 / 1.2, "never": 0.0}


SENTENCES_23 = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


@wrong("2.3-9")
def a_longer_salt():
    return {**SENTENCES_23, "salt": "a longer salt"}


@wrong("2.3-9")
def smaller_blocks():
    return {**SENTENCES_23, "cache": "smaller blocks"}


@wrong("2.3-10")
def a_single_text(make):
    memory = make(4, 2)
    memory.begin("a", [1, 2, 3])
    for token in [1, 2, 3]:
        memory.write("a", token)
    assert len(memory.read("a")) == 3
    memory.drop("a")
    assert memory.free == 4


@wrong("2.3-10")
def block_zero_comes_first(make):
    memory = make(4, 2)
    memory.begin("a", [1, 2, 3])
    memory.write("a", 1)
    assert memory.tables["a"] == [0]


@wrong("2.3-11")
def plenty_of_room_for_all(make):
    from llmasos_edu.exercises.architecture.tiny_kernel import alone

    kernel = make(2, 1000)
    processes = [kernel.spawn([1, 2, n], 6) for n in range(4)]
    for _ in range(100):
        kernel.step()
    for n, process in enumerate(processes):
        assert process.output == alone([1, 2, n], 6, set())


@wrong("2.3-11")
def all_run_in_the_first_step(make):
    kernel = make(2, 1000)
    for n in range(3):
        kernel.spawn([1, 2, n], 6)
    kernel.step()
    assert len(kernel.ran) == 3
