"""A thirteenth trial, answers written from the statements alone, chapter 6.1."""

import math
import re

from trial.answers import right, wrong


# <done> is counted as the assistant's own
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel writes")
def done_mark_is_learnt_thirteenth(tokens):
    result, mine, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        if t == "<done>":
            kernel = False
        result.append(mine and not kernel)
        if t == "<assistant>":
            mine = True
        elif t == "<end>":
            mine = False
    return result


# Each place looks back for the last mark that matters, no running state
@right("6.1-1")
def own_by_looking_back_thirteenth(tokens):
    def last(marks, end):
        return max((j for j in range(end) if tokens[j] in marks), default=-1)

    own = []
    for i, token in enumerate(tokens):
        turn = last(("<system>", "<user>", "<assistant>", "<end>"), i)
        inside = turn >= 0 and tokens[turn] == "<assistant>"
        kernel = last(("<result>", "<done>"), i)
        answered = kernel > turn and tokens[kernel] == "<result>"
        own.append(inside and not answered and token not in ("<result>", "<done>"))
    return own


# Behind <done> the assistant does not get the word back
@wrong("6.1-1", "Behind the kernel's answer you give the model nothing to say. The")
def own_silent_after_done_thirteenth(tokens):
    own, result = False, []
    for t in tokens:
        if t == "<assistant>":
            result.append(False)
            own = True
            continue
        if t == "<result>":
            own = False
        result.append(own)
        if t == "<end>":
            own = False
    return result


# The place among the user's own orders, not in the list
@wrong("6.1-2", "You count the user's own orders. The place is that in the whole")
def place_among_own_orders_thirteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for owner, n in orders if owner == user]
    return own.index(number) if number in own else -2


# The place among the user's own orders, not in the list
@wrong("6.1-2", "You count the user's own orders. The place is that in the whole")
def place_among_own_thirteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for owner, n in orders if owner == user]
    return own.index(number) if number in own else -2


# Strips again behind the marks: 'yes !' counts, with a blank before the mark
@wrong("6.1-3", "A blank between the yes and its mark is taken away in your version.")
def blank_before_the_mark_thirteenth(pending, said):
    word = said.strip().rstrip(".!").strip().lower()
    return pending if word in ("yes", "是") else 0


# Dots and exclamation marks are taken off on both sides, mixed with blanks
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def yes_stripped_of_all_thirteenth(pending, said):
    return pending if said.strip(" .!").lower() in ("yes", "是") else 0


# A regular expression over the whole message
@right("6.1-3")
def yes_by_expression_thirteenth(pending, said):
    if re.fullmatch(r" *(?:[yY][eE][sS]|是)[.!]* *", said):
        return pending
    return 0


# What fills the window exactly is taken for too long
@wrong("6.1-4", "You drop a turn where all just fit. A full window is no fault.")
def exactly_full_is_too_much_thirteenth(lengths, notes, asked, window, reply):
    leave = 0
    total = sum(lengths) + notes + asked + reply
    while leave < len(lengths) and total >= window:
        total -= lengths[leave]
        leave += 1
    return leave


# A window that is just filled is taken to be too small
@wrong("6.1-4", "You drop a turn where all just fit. A full window is no fault.")
def leave_at_full_window_thirteenth(lengths, notes, asked, window, reply):
    gone = 0
    while gone < len(lengths) and notes + asked + reply + sum(lengths[gone:]) >= window:
        gone += 1
    return gone


# The half width is not divided by 1 + z^2/n
@wrong("6.1-5", "'low', 'high': Your half width is a little too large, as when it is")
def half_width_not_divided_thirteenth():
    n, p, z = 200, 194 / 200, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return {"share": p, "low": middle - half, "high": middle + half, "above 0.97": False}


# The plain interval p +- z sqrt(p (1 - p) / n) instead of Wilson's
@wrong("6.1-5", "'low', 'high': That is p plus and minus z · sqrt(p (1 - p) / n).")
def plain_interval_thirteenth():
    half = 1.96 * math.sqrt(0.97 * 0.03 / 200)
    return {"share": 0.97, "low": 0.97 - half, "high": 0.97 + half, "above 0.97": False}


# Faults are added up instead of multiplying shares
@wrong("6.1-6", "'flawless': That subtracts the faults of all turns. Two faults in")
def faults_added_up_thirteenth():
    return {"flawless": 1 - 8 * 0.03, "needed": 1 - 0.5 / 8, "token": 1 - 0.03 / 10}


# Faults are added instead of multiplying what is right
@wrong("6.1-6", "'flawless': That subtracts the faults of all turns. Two faults in")
def faults_added_thirteenth():
    return {"flawless": 1 - 8 * 0.03, "needed": 1 - 0.5 / 8, "token": 1 - 0.03 / 10}


# A sentence on just these fifty users is treated like one on all users
@wrong("6.1-8", "'near': Both were right fifty times out of fifty: of these users,")
def these_fifty_not_shown_thirteenth():
    return {"beyond": "holds", "better": "not shown", "near": "not shown", "year": "not shown"}


# A count of these very users is treated as a sample
@wrong("6.1-8", "'near': Both were right fifty times out of fifty: of these users,")
def near_as_a_sample_thirteenth():
    return {"beyond": "holds", "better": "not shown", "near": "not shown", "year": "not shown"}
