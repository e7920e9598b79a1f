"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 2.3."""

from collections import Counter

from trial.answers import right, wrong


# Gives the block's place in the table instead of the block that stands there
@wrong("2.3-1", "'block': That is the number of the place in the table, 0, 1, 2 ...")
def place_in_the_table_as_block_fourteenth():
    computed = 15 + 3 - 1
    return {"computed": computed, "block": computed // 8, "place": computed % 8, "full blocks": computed // 8}


# Caps the reuse by one token instead of by a whole block
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def cap_by_one_token_fourteenth(prompt, read, size):
    best = 0
    for text in read:
        n = 0
        while n + size <= min(len(prompt), len(text)) and list(prompt[n : n + size]) == list(
            text[n : n + size]
        ):
            n += size
        best = max(best, n)
    return max(0, min(best, len(prompt) - 1))


# One token is left by cutting one token off, not a whole block, where all of the prompt is known
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def reused_all_but_one_token_fourteenth(prompt, read, size):
    prompt = list(prompt)
    known = set()
    for text in read:
        for end in range(size, len(text) + 1, size):
            known.add(tuple(text[:end]))
    reused = 0
    while reused + size <= len(prompt) and tuple(prompt[: reused + size]) in known:
        reused += size
    return max(0, min(reused, len(prompt) - 1))


# A block counts if any text has it at this place, whatever stood before it there
@wrong("2.3-2", "You compare each block by its own tokens. The keys and values in it")
def reused_block_at_its_place_fourteenth(prompt, read, size):
    prompt = list(prompt)
    reused = 0
    while reused + size < len(prompt):
        block = prompt[reused : reused + size]
        if not any(list(text[reused : reused + size]) == block for text in read):
            break
        reused += size
    return reused


# Continuous: takes the ideal, all tokens divided by the slots, as if none were ever empty
@wrong("2.3-3", "'continuous': That is all tokens divided by the slots: the least it")
def slots_never_empty_fourteenth():
    lengths = [3, 13, 7, 9, 12, 4]
    static = sum(max(lengths[i : i + 2]) for i in range(0, 6, 2))
    continuous = -(-sum(lengths) // 2)
    return {"static": static, "continuous": continuous, "rate": sum(lengths) / continuous}


# Adds up the slots of all processes before rounding up to blocks
@wrong("2.3-4", "You add all slots and round up once. Two processes never share a")
def rounds_up_the_sum_fourteenth(processes, size):
    peak = 0
    for _, k in processes:
        slots = sum(n + k - 1 for n, left in processes if left >= k)
        peak = max(peak, -(-slots // size))
    return peak


# Adds the slots of all and rounds up once: processes share their last blocks
@wrong("2.3-4", "You add all slots and round up once. Two processes never share a")
def peak_pools_the_slots_fourteenth(processes, size):
    most = 0
    for _, k in processes:
        slots = sum(n + k - 1 for n, left in processes if left >= k)
        most = max(most, -(-slots // size))
    return most


# Looks after the end: who ends at that step has given its blocks back already
@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def peak_after_the_end_fourteenth(processes, size):
    most = 0
    for _, k in processes:
        held = sum((n + k - 1 + size - 1) // size for n, left in processes if left > k)
        most = max(most, held)
    return most


# Unusual: plays every single step, slot by slot, instead of looking at the ends alone
@right("2.3-4")
def peak_step_by_step_fourteenth(processes, size):
    running = [[n - 1, left] for n, left in processes]
    most = 0
    while any(left > 0 for _, left in running):
        running = [[slots + 1, left - 1] for slots, left in running if left > 0]
        held = 0
        for slots, _ in running:
            blocks = 0
            while blocks * size < slots:
                blocks += 1
            held += blocks
        most = max(most, held)
    return most


# A block counts as won only if one table held it at the start; two victims that share it win nothing
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when both of")
def shared_by_two_victims_not_won_fourteenth(tables, holders, requester, free, wanted):
    evicted = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        free += sum(1 for b in tables[p] if holders[b] == 1)
        evicted.append(p)
    return evicted if free >= wanted else []


# Right: tries every number of victims, shortest first, and counts what each set of tables sets free
@right("2.3-5")
def every_number_of_victims_fourteenth(tables, holders, requester, free, wanted):
    below = [p for p in reversed(range(requester + 1, len(tables))) if len(tables[p])]
    for number in range(len(below) + 1):
        gone = Counter(b for p in below[:number] for b in tables[p])
        if free + sum(1 for b, times in gone.items() if times == holders[b]) >= wanted:
            return below[:number]
    return []


# Keeps every guess that is right, those behind the first wrong one too
@wrong("2.3-6", "The number of tokens is that of all right guesses and one more.")
def kept_filters_all_right_ones_fourteenth(guesses, likeliest):
    said = [g for g, own in zip(guesses, likeliest, strict=False) if g == own]
    said.append(likeliest[len(said)])
    return said


# Checks only that no unknown argument is there: missing ones pass
@wrong("2.3-7", "You ask whether every argument that is given is wanted, and not")
def missing_arguments_pass_fourteenth(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, names, time, limit = tools[name]
    if right_wanted not in rights:
        return 1
    if not all(a in names for a in arguments):
        return 22
    if time > limit:
        return 110
    return 0


# Right: pairs of number and test, tried one after the other; the names are counted, not sorted
@right("2.3-7")
def first_error_that_applies_fourteenth(name, rights, arguments, tools):
    tests = (
        (38, lambda: name not in tools),
        (
            1,
            lambda: (
                rights.count(tools[name][0]) == 0
                if isinstance(rights, list)
                else tools[name][0] not in rights
            ),
        ),
        (22, lambda: Counter(arguments) != Counter(tools[name][1])),
        (110, lambda: tools[name][2] > tools[name][3]),
    )
    return next((number for number, applies in tests if applies()), 0)


# Without guesses a step is taken to cost 1, its one token is not paid
@wrong("2.3-8", "'speedup': Without guesses a step reads one token too, and pays for")
def guesses_against_a_step_of_one_fourteenth():
    p, k, price = 0.7, 3, 0.1
    tokens = sum(p**i for i in range(k + 1))
    step = 1 + price * (k + 1)
    return {"tokens": tokens, "speedup": tokens / step, "never": 1 / step}


# Salt: thinks that the clock was only asked too seldom
@wrong("2.3-9", "'salt': More probes sharpen a clock that has something to see. With")
def more_probes_for_the_salt_fourteenth():
    return {
        "cache": "questions with nothing in common",
        "swap": "a price for each copied block",
        "salt": "more probes",
        "false": False,
    }


# Refuted only where the whole interval lies below zero, not at or below 3
@wrong("2.3-12", "'refuted': No interval lies below 0, but that is not the mark. A")
def verdict_refuted_below_zero_fourteenth():
    short = [[4, 12], [6, 11], [8, 16]]
    ample = [[-3, 11], [-3, 11], [-3, 2]]
    return {
        "borne": sum(low > 3 for low, _ in short + ample),
        "refuted": sum(high < 0 for _, high in short + ample),
        "verdict": "holds when memory is short",
        "ample": "it is against the claim or could be either",
        "next": "more draws where it could be either",
    }
