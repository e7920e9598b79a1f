"""An eighth trial, chapter 2.3: answers written from the statements alone."""

import math

from trial.answers import right, wrong


# Counts the block that is begun among the full ones
@wrong("2.3-1", "That is the number of all blocks of the table. The last of them")
def counts_the_block_that_is_begun_among_the():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 3}


# Only looks at the text that was read last
@wrong("2.3-2", "Your count is that of one text alone, the first or the last. Any")
def only_looks_at_the_text_that_was_read(prompt, read, size):
    if not read:
        return 0
    text, n = (read[-1], 0)
    while (
        n + size < len(prompt)
        and n + size <= len(text)
        and (list(text[n : n + size]) == list(prompt[n : n + size]))
    ):
        n += size
    return n


# Looks up each block by its own tokens: what stands before it in the read text is not compared
@wrong("2.3-2", "You compare each block by its own tokens. The keys and values in")
def looks_up_each_block_by_its_own_tokens(prompt, read, size):
    blocks = {tuple(t[i : i + size]) for t in read for i in range(0, len(t) - size + 1, size)}
    n = 0
    while n + size < len(prompt) and tuple(prompt[n : n + size]) in blocks:
        n += size
    return n


# Forgets that one token is always left to compute
@wrong("2.3-2", "A prompt that was read before is taken over whole. Then there is")
def forgets_that_one_token_is_always_left_to(prompt, read, size):
    known = {tuple(t[:n]) for t in read for n in range(size, len(t) + 1, size)}
    n = 0
    while n + size <= len(prompt) and tuple(prompt[: n + size]) in known:
        n += size
    return n


# Leaves one token to compute, but then reuses a part of a block (len(prompt) - 1)
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def leaves_one_token_to_compute_but_then_reuses(prompt, read, size):
    best = 0
    for text in read:
        n = 0
        while (n + 1) * size <= min(len(prompt), len(text)) and list(text[n * size : (n + 1) * size]) == list(
            prompt[n * size : (n + 1) * size]
        ):
            n += 1
        best = max(best, n * size)
    return min(best, max(len(prompt) - 1, 0))


# Counts agreeing tokens one by one, not whole blocks
@wrong("2.3-2", "You count common tokens. A block that is only begun is not known:")
def counts_agreeing_tokens_one_by_one_not_whole(prompt, read, size):
    best = 0
    for text in read:
        same = 0
        for a, b in zip(prompt, text, strict=False):
            if a != b:
                break
            same += 1
        best = max(best, same)
    return min(best, len(prompt) - 1)


# Sorts the requests by length before it makes batches, though they are served in this order
@wrong("2.3-3", "Your static number is what comes when the queue is sorted by")
def sorts_the_requests_by_length_before_it_makes():
    return {"static": 4 + 9 + 13, "continuous": 25, "rate": 48 / 25}


# Counts n + k slots: forgets that the last token is never read
@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def counts_n_k_slots_forgets_that_the_last(processes, size):
    peak = 0
    for _, k in processes:
        peak = max(peak, sum((-(-(n + k) // size) for n, left in processes if left >= k)))
    return peak


# Adds the peaks of the single processes, as if none had ended before
@wrong("2.3-4", "You add what each holds at its own end. They do not end at the")
def adds_the_peaks_of_the_single_processes_as(processes, size):
    return sum((-(-(n + left - 1) // size) for n, left in processes))


# Rounds the sum of the slots up, not each process's: blocks are whole for each
@wrong("2.3-4", "You add all slots and round up once. Two processes never share a")
def rounds_the_sum_of_the_slots_up_not(processes, size):
    moments = {left for _, left in processes}
    return max(math.ceil(sum((n + k - 1 for n, left in processes if left >= k)) / size) for k in moments)


# Returns those evicted although all together were not enough; then nobody is to be evicted
@wrong("2.3-5", "Where all of them together are not enough, you evict them all the")
def returns_those_evicted_although_all_together_were_not(tables, holders, requester, free, wanted):
    h, out = (list(holders), [])
    for p in reversed(range(requester + 1, len(tables))):
        if free >= wanted:
            return out
        if tables[p]:
            out.append(p)
            for b in tables[p]:
                h[b] -= 1
                if h[b] == 0:
                    free += 1
    return out


# Returns how many are evicted instead of who
@wrong("2.3-5", "For shared with the requester, your result is one number, 0, and")
def returns_how_many_are_evicted_instead_of_who(tables, holders, requester, free, wanted):
    h, n, p = (list(holders), 0, len(tables) - 1)
    while free < wanted and p > requester:
        if tables[p]:
            n += 1
            for b in tables[p]:
                h[b] -= 1
                free += h[b] == 0
        p -= 1
    return n if free >= wanted else 0


# Lets the requester evict itself (>= requester)
@wrong("2.3-5", "You evict the requester itself. It needs the blocks: only those")
def lets_the_requester_evict_itself_requester(tables, holders, requester, free, wanted):
    h, out, p = (list(holders), [], len(tables) - 1)
    while free < wanted and p >= requester:
        if tables[p]:
            out.append(p)
            for b in tables[p]:
                h[b] -= 1
                free += h[b] == 0
        p -= 1
    return out if free >= wanted else []


# Counts every block of the evicted as free, also those that others still hold
@wrong("2.3-5", "It comes out as if every block of a victim became free. One that")
def counts_every_block_of_the_evicted_as_free(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            free += len(tables[p])
    return out if free >= wanted else []


# Evicts processes that hold nothing as well
@wrong("2.3-5", "You evict a process that holds nothing. There is nothing to")
def evicts_processes_that_hold_nothing_as_well(tables, holders, requester, free, wanted):
    holders, out = (list(holders), [])
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        out.append(p)
        for b in tables[p]:
            holders[b] -= 1
            free += holders[b] == 0
    return out if free >= wanted else []


# Forgets the token of the model's own when all guesses were right
@wrong("2.3-6", "Where all guesses are right (or there are none), you say no")
def forgets_the_token_of_the_model_s_own(guesses, likeliest):
    said = []
    for g, own in zip(guesses, likeliest, strict=False):
        said.append(own)
        if g != own:
            break
    return said


# Adds always the last of likeliest, also where a guess before was wrong
@wrong("2.3-6", "You end with the token after all guesses, wherever the first")
def adds_always_the_last_of_likeliest_also_where(guesses, likeliest):
    said = []
    for g, own in zip(guesses, likeliest, strict=False):
        if g != own:
            break
        said.append(g)
    return [*said, likeliest[-1]]


# Keeps every guess that agrees, also behind the first wrong one
@wrong("2.3-6", "The number of tokens is that of all right guesses and one more. Right")
def keeps_every_guess_that_agrees_also_behind_the(guesses, likeliest):
    said = [g for g, own in zip(guesses, likeliest, strict=False) if g == own]
    return [*said, likeliest[len(said)]]


# Negative numbers, as the kernel's C code returns them; the statement wants 38, 1, 22, 110
@wrong("2.3-7", "The kernel of Linux returns these numbers negative. Here, as in")
def negative_numbers_as_the_kernel_s_c_code(name, rights, arguments, tools):
    if name not in tools:
        return -38
    right, names, time, limit = tools[name]
    if right not in rights:
        return -1
    if set(arguments) != set(names):
        return -22
    return -110 if time > limit else 0


# A table of conditions, and next()
@right("2.3-7")
def a_table_of_conditions_and_next(name, rights, arguments, tools):
    right, names, time, limit = tools.get(name, (None, [], 0, 0))
    tests = [
        (38, name not in tools),
        (1, right not in rights),
        (22, sorted(arguments) != sorted(names)),
        (110, limit < time),
        (0, True),
    ]
    return next((number for number, applies in tests if applies))


# Asks for more of the same in the cache report: more questions begin with the same instructions as
# well
@wrong("2.3-9", "More questions with the same beginning give the same figure")
def asks_for_more_of_the_same_in_the():
    return {
        "cache": "more questions",
        "swap": "a price for each copied block",
        "salt": "a neighbour who reads a long prompt in the same step",
        "false": False,
    }


# Returns False for every memory, right ones too: a test that always fails finds nothing
@wrong("2.3-10", "Your review sends all memories back, the right ones too. Does it")
def returns_false_for_every_memory_right_ones_too(make):
    make(4, 2)
    return False


# Only looks whether the methods exist
@wrong("2.3-11", "All kernels pass, the broken ones too: no failed assert came out, and")
def only_looks_whether_the_methods_exist(make):
    kernel = make(2, 8)
    return all(callable(getattr(kernel, name)) for name in ("spawn", "kill", "step"))


# Makes a kernel and never lets it step: no bug can show
@wrong("2.3-11", "All kernels pass, the broken ones too: no failed assert came out, and")
def makes_a_kernel_and_never_lets_it_step(make):
    kernel = make(2, 8)
    assert kernel is not None
    return True


# Lowers the bar afterwards so that more is borne out
@wrong("2.3-12", "Whoever lowers the mark after having seen the figures judges")
def lowers_the_bar_afterwards_so_that_more_is():
    return {
        "borne": 3,
        "refuted": 1,
        "verdict": "holds when memory is short",
        "ample": "it is against the claim or could be either",
        "next": "a lower number of steps that counts",
    }
