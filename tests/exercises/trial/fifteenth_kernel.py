"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 2.3."""

import math

from trial.answers import right, wrong


# Counts the last token as computed already
@wrong("2.3-1", "'computed': You count a slot for every token. The one that was said")
def slot_eighteen_fifteenth():
    computed = 15 + 3
    return {
        "computed": computed,
        "block": [15, 23, 22][computed // 8],
        "place": computed % 8,
        "full blocks": computed // 8,
    }


# Leaves one token, but cuts into a block for it
@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def reused_all_but_one_fifteenth(prompt, read, size):
    best = 0
    for text in read:
        full = len(text) // size
        n = 0
        while (
            n < full
            and (n + 1) * size <= len(prompt)
            and list(text[n * size : (n + 1) * size]) == list(prompt[n * size : (n + 1) * size])
        ):
            n += 1
        best = max(best, n * size)
    return max(0, min(best, len(prompt) - 1))


# Counts blocks by where they lie: a block found at the same place of any text, not with the same
# beginning
@wrong("2.3-2", "You compare each block by its own tokens. The keys and values in it")
def reused_without_prefix_fifteenth(prompt, read, size):
    prompt = [int(t) for t in prompt]
    known = set()
    for text in read:
        text = [int(t) for t in text]
        for i in range(0, len(text) - size + 1, size):
            known.add((i, tuple(text[i : i + size])))
    n = 0
    while n + size < len(prompt) and (n, tuple(prompt[n : n + size])) in known:
        n += size
    return n


# Continuous as the tokens divided by the slots, as if they came out even
@wrong("2.3-3", "'continuous': That is all tokens divided by the slots: the least it")
def continuous_even_fifteenth():
    lengths = [3, 13, 7, 9, 12, 4]
    static = sum(max(lengths[i : i + 2]) for i in range(0, 6, 2))
    steps = math.ceil(sum(lengths) / 2)
    return {"static": static, "continuous": steps, "rate": sum(lengths) / steps}


# Looks at every single moment
@right("2.3-4")
def peak_every_moment_fifteenth(processes, size):
    most = 0
    for k in range(max((left for _, left in processes), default=0) + 1):
        held = 0
        for n, left in processes:
            slots = n + k - 1
            if k <= left and slots > 0:
                held += (slots + size - 1) // size
        most = max(most, held)
    return most


# One slot too many: n + k slots after k steps
@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full block")
def peak_one_slot_more_fifteenth(processes, size):
    best = 0
    for k in {left for _, left in processes}:
        best = max(best, sum(-(-(n + k) // size) for n, left in processes if left >= k))
    return best


# Plays all steps one by one and takes the largest, no search for ends
@right("2.3-4")
def peak_by_play_fifteenth(processes, size):
    most, k = 0, 1
    while any(left >= k for _, left in processes):
        held = 0
        for n, left in processes:
            if left >= k:
                held += math.ceil((n + k - 1) / size)
        most = max(most, held)
        k += 1
    return most


# A block shared by two that are evicted is never counted as free (holders are not counted down)
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when both of")
def victims_holders_fixed_fifteenth(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        out.append(p)
        free += sum(1 for b in tables[p] if holders[b] == 1)
    return out if free >= wanted else []


# After all guesses are right no token of its own is said
@wrong("2.3-6", "Where all guesses are right (or there are none), you say no token")
def kept_no_bonus_fifteenth(guesses, likeliest):
    said = []
    for g, own in zip(guesses, likeliest, strict=False):
        said.append(own)
        if g != own:
            break
    return said


# The model's own token is left out when all guesses are right
@wrong("2.3-6", "Where all guesses are right (or there are none), you say no token")
def kept_no_bonus_fifteenth_too(guesses, likeliest):
    said = []
    for g, m in zip(guesses, likeliest, strict=False):
        said.append(m)
        if g != m:
            break
    return said


# Recursion over the list
@right("2.3-6")
def kept_recursive_fifteenth(guesses, likeliest):
    if len(guesses) == 0 or guesses[0] != likeliest[0]:
        return [likeliest[0]]
    return [guesses[0], *kept_recursive_fifteenth(guesses[1:], likeliest[1:])]


# Just at the limit counts as too long
@wrong("2.3-7", "A call that takes just its limit does not come to 0 in your")
def call_at_limit_fifteenth(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_, names, time, limit = tools[name]
    if right_ not in rights:
        return 1
    if sorted(arguments) != sorted(names):
        return 22
    return 110 if time >= limit else 0


# At the limit counts as too late
@wrong("2.3-7", "A call that takes just its limit does not come to 0 in your")
def call_at_limit_fifteenth_too(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_, names, time, limit = tools[name]
    if right_ not in rights:
        return 1
    if sorted(arguments) != sorted(names):
        return 22
    return 110 if time >= limit else 0


# The guess tokens alone are priced, not the text's last one
@wrong("2.3-8", "'speedup', 'never': You let a step pay for its guesses alone. It")
def guesses_price_without_last_fifteenth():
    tokens = sum(0.7**i for i in range(4))
    return {"tokens": tokens, "speedup": tokens * 1.0 / (1 + 0.1 * 3), "never": 1.0 / (1 + 0.1 * 3)}


# Salt: asks for a longer salt, although the clock sees load and not contents
@wrong("2.3-9", "'salt': A salt that nobody guesses is long enough. The clock sees")
def control_longer_salt_fifteenth():
    return {
        "cache": "questions with nothing in common",
        "swap": "a price for each copied block",
        "salt": "a longer salt",
        "false": False,
    }


# Open draws are taken as speaking against: refuted counts all that are not borne out
@wrong("2.3-12", "'refuted': In so many settings the claim was not borne out. But an")
def verdict_not_borne_is_refuted_fifteenth():
    short, ample = [[4, 12], [6, 11], [8, 16]], [[-3, 11], [-3, 11], [-3, 2]]
    borne = sum(lo > 3 for lo, hi in short + ample)
    return {
        "borne": borne,
        "refuted": 6 - borne,
        "verdict": "holds when memory is short",
        "ample": "it is against the claim",
        "next": "more draws where it could be either",
    }
