"""A thirteenth trial, answers written from the statements alone, chapter 2.3."""

from trial.answers import right, wrong


# Gives the number of the block in the process, not the one in the block table
@wrong("2.3-1", "'block': That is the number of the place in the table, 0, 1, 2 ...")
def block_not_translated_thirteenth():
    return {"computed": 17, "block": 17 // 8, "place": 17 % 8, "full blocks": 17 // 8}


# Leaves a token to compute by min(..., n - 1), so that a part of a block is reused
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def part_of_a_block_reused_thirteenth(prompt, read, size):
    prompt = list(prompt)
    best = 0
    for text in read:
        text = list(text)
        blocks = 0
        while (blocks + 1) * size <= min(len(text), len(prompt)) and text[
            blocks * size : (blocks + 1) * size
        ] == prompt[blocks * size : (blocks + 1) * size]:
            blocks += 1
        best = max(best, blocks * size)
    return min(best, len(prompt) - 1)


# One token is left by subtracting one, not by leaving a whole block
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def reused_all_but_one_token_thirteenth(prompt, read, size):
    best = 0
    for text in read:
        n = 0
        while (
            n + size <= len(prompt)
            and n + size <= len(text)
            and list(prompt[n : n + size]) == list(text[n : n + size])
        ):
            n += size
        best = max(best, n)
    return max(0, min(best, len(prompt) - 1))


# Continuous: all tokens divided by the slots, as if no slot stood empty at the end
@wrong("2.3-3", "'continuous': That is all tokens divided by the slots: the least it")
def slots_never_empty_thirteenth():
    lengths = [3, 13, 7, 9, 12, 4]
    static = sum(max(lengths[i : i + 2]) for i in range(0, 6, 2))
    continuous = -(-sum(lengths) // 2)
    return {"static": static, "continuous": continuous, "rate": sum(lengths) / continuous}


# Continuous batching as if no slot ever stood empty: all tokens divided by two
@wrong("2.3-3", "'continuous': That is all tokens divided by the slots: the least it")
def continuous_perfectly_packed_thirteenth():
    steps = (3 + 13 + 7 + 9 + 12 + 4) // 2
    return {"static": 13 + 9 + 12, "continuous": steps, "rate": 48 / steps}


# Those that are about to end are not counted any more at their last moment
@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def those_that_end_are_gone_thirteenth(processes, size):
    peak = 0
    for _, moment in processes:
        held = 0
        for tokens, left in processes:
            if left > moment:
                held += -(-(tokens + moment - 1) // size)
        peak = max(peak, held)
    return peak


# The process that is about to end is not counted any more
@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def peak_without_the_ending_thirteenth(processes, size):
    most = 0
    for _, moment in processes:
        held = 0
        for tokens, left in processes:
            if left > moment:
                held += -(-(tokens + moment - 1) // size)
        most = max(most, held)
    return most


# Holders are not counted down: a block that two victims share never becomes free
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when both of")
def shared_by_two_victims_never_free_thirteenth(tables, holders, requester, free, wanted):
    evicted = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        free += sum(holders[b] == 1 for b in tables[p])
        evicted.append(p)
    return evicted if free >= wanted else []


# A block shared by several victims is never counted as free
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when both of")
def victims_shared_never_free_thirteenth(tables, holders, requester, free, wanted):
    gone = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        gone.append(p)
        free += sum(1 for b in tables[p] if holders[b] == 1)
    return gone if free >= wanted else []


# Recursion on the first guess
@right("2.3-6")
def kept_by_recursion_thirteenth(guesses, likeliest):
    if len(guesses) == 0 or guesses[0] != likeliest[0]:
        return [likeliest[0]]
    return [likeliest[0], *kept_by_recursion_thirteenth(guesses[1:], likeliest[1:])]


# Behind the kept guesses always stands likeliest[k], also after a wrong guess
@wrong("2.3-6", "You end with the token after all guesses, wherever the first wrong")
def kept_last_of_all_thirteenth(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess != own:
            break
        said.append(guess)
    return [*said, likeliest[-1]]


# Recursion over the guesses
@right("2.3-6")
def kept_recursive_thirteenth(guesses, likeliest):
    if len(guesses) == 0 or guesses[0] != likeliest[0]:
        return [likeliest[0]]
    return [likeliest[0], *kept_recursive_thirteenth(guesses[1:], likeliest[1:])]


# A tool that takes exactly its limit is timed out
@wrong("2.3-7", "A call that takes just its limit does not come to 0 in your")
def at_the_limit_is_too_late_thirteenth(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_, wanted, time, limit = tools[name]
    if right_ not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    if time >= limit:
        return 110
    return 0


# A call that takes just its limit is too late
@wrong("2.3-7", "A call that takes just its limit does not come to 0 in your")
def call_at_the_limit_thirteenth(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_needed, wanted, time, limit = tools[name]
    if right_needed not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    if time >= limit:
        return 110
    return 0


# The step without guesses costs 1: the token that it reads too is forgotten
@wrong("2.3-8", "'speedup': Without guesses a step reads one token too, and pays for")
def plain_step_costs_one_thirteenth():
    tokens = 1 + 0.7 + 0.7**2 + 0.7**3
    step = 1 + 0.1 * 4
    return {"tokens": tokens, "speedup": tokens / step, "never": 1 / step}


# Without guesses a step is taken to cost 1: the token that it reads is forgotten
@wrong("2.3-8", "'speedup': Without guesses a step reads one token too, and pays for")
def baseline_reads_nothing_thirteenth():
    tokens = 1 + 0.7 + 0.7**2 + 0.7**3
    cost = 1 + 0.1 * 4
    return {"tokens": tokens, "speedup": tokens / cost, "never": 1 / cost}


# Every interval that reaches to what counts is taken for one against the claim
@wrong("2.3-12", "'refuted': In so many settings the claim was not borne out. But an")
def open_counted_as_refuted_thirteenth():
    return {
        "borne": 3,
        "refuted": 3,
        "verdict": "holds when memory is short",
        "ample": "it is against the claim",
        "next": "more draws where it could be either",
    }
