"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 6.1."""

import math

from trial.answers import right, wrong


# The kernel's closing mark is taken as the assistant's own
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel writes")
def own_done_mark_fifteenth(tokens):
    out, turn, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        elif t == "<done>":
            kernel = False
        out.append(turn and not kernel)
        if t == "<assistant>":
            turn = True
        elif t == "<end>":
            turn = False
    return out


# The mark of the end is not learnt
@wrong("6.1-1", "You leave out `<end>`. A model that never learnt to end a turn goes")
def own_without_end_fifteenth(tokens):
    out, mine, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        if t in ("<end>", "<user>", "<system>"):
            mine = False
        out.append(mine and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            mine = True
    return out


# The list's own index with an exception for the missing one
@right("6.1-2")
def find_order_index_fifteenth(orders, rights, user, number):
    try:
        return [(o, n) for o, n in orders].index((user, number)) if "orders.find" in rights else -1
    except ValueError:
        return -2


# The order's number is sought first, then its owner compared: somebody else's is EPERM
@wrong("6.1-2", "For an order of somebody else you answer otherwise than for none.")
def find_order_tells_fifteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (owner, n) in enumerate(orders):
        if n == number and owner == user:
            return i
    return -1 if any(n == number for _, n in orders) else -2


# Strips blanks, dots and marks on both sides in any mixture
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def confirmed_strips_all_fifteenth(pending, said):
    return pending if said.strip(" .!").lower() in ("yes", "是") else 0


# Blanks between the yes and the marks are accepted as well (strip both at once)
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def yes_with_blank_before_mark_fifteenth(pending, said):
    return pending if said.strip(" .!").lower() in ("yes", "是") else 0


# A regular expression
@right("6.1-3")
def yes_by_pattern_fifteenth(pending, said):
    import re

    return pending if re.fullmatch(r" *(?:[yY][eE][sS]|是)[.!]* *", said) else 0


# A window that is just full is taken as too small
@wrong("6.1-4", "You drop a turn where all just fit. A full window is no fault.")
def leave_when_just_full_fifteenth(lengths, notes, asked, window, reply):
    total, gone = sum(lengths) + notes + asked + reply, 0
    while gone < len(lengths) and total >= window:
        total -= lengths[gone]
        gone += 1
    return gone


# The reply is not counted in the window
@wrong("6.1-4", "The reply is not taken off the room for the past. The answer must")
def turns_without_reply_fifteenth(lengths, notes, asked, window, reply):
    room = window - notes - asked
    gone, total = 0, sum(lengths)
    while total > room:
        total -= lengths[gone]
        gone += 1
    return gone


# Goes from the newest turn back by recursion
@right("6.1-4")
def turns_recursive_fifteenth(lengths, notes, asked, window, reply):
    def stay(i, room):
        if i < 0 or lengths[i] > room:
            return i + 1
        return stay(i - 1, room - lengths[i])

    return stay(len(lengths) - 1, window - notes - asked - reply)


# Wilson's half width without the term z squared / 4 n squared
@wrong("6.1-5", "'low', 'high': Under your root stands p (1 - p) / n alone. To it")
def wilson_half_without_term_fifteenth():
    p, n, z = 194 / 200, 200, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n)
    return {"share": p, "low": middle - half, "high": middle + half, "above 0.97": False}


# Needed: faults of turns added up instead of multiplied
@wrong("6.1-6", "'needed': That shares a half out among turns. Chances multiply:")
def needed_linear_fifteenth():
    return {"flawless": 0.97**8, "needed": 1 - 0.5 / 8, "token": 0.97 ** (1 / 10)}


# Needed taken as half of the flawless share linearly: 1 - 0.5 / 8
@wrong("6.1-6", "'needed': That shares a half out among turns. Chances multiply:")
def conversation_needed_linear_fifteenth():
    return {"flawless": 0.97**8, "needed": 1 - 0.5 / 8, "token": 0.97 ** (1 / 10)}


# More attacks by a user who can never succeed
@wrong("6.1-7", "'attack': The kernel refuses a thousand, in any language, as it")
def control_more_attacks_fifteenth():
    return {
        "memory": "the same questions with the memory switched off",
        "attack": "a thousand attacks",
        "language": "the same kinds of turns in both languages",
    }


# Overlapping intervals read as a refutation
@wrong("6.1-8", "'better': You say that search is not better than a summary. That")
def table_overlap_refutes_fifteenth():
    return {"beyond": "holds", "better": "does not hold", "near": "does not hold", "year": "not shown"}
