"""A ninth trial, chapter 6.1: answers that look for the gaps of the checker."""

import math
import re

from trial.answers import right, wrong


def _wilson(p, n, z=1.96):
    """Middle and half width."""
    shrink = 1 + z * z / n
    return (p + z * z / 2 / n) / shrink, z / shrink * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)


SHARE, TURNS = 0.97, 200
SURE = {"share": SHARE, "above 0.97": False}
CHAIN = {"flawless": 0.97**8, "needed": 0.5 ** (1 / 8), "token": 0.97**0.1}


# Leaves out only what stands between the kernel's marks
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def learns_both_marks_of_the_kernel(tokens):
    out = []
    s = q = False
    for t in tokens:
        if t == "<result>":
            q = True
            out.append(s)
            continue
        if t == "<done>":
            q = False
            out.append(s)
            continue
        out.append(s and (not q))
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return out


# Switches on again before it looks at done
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def learns_done(tokens):
    out = []
    s = q = False
    for t in tokens:
        if t == "<result>":
            q = True
        if t == "<done>":
            q = False
        out.append(s and (not q))
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return out


# Switches off behind result
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def learns_result(tokens):
    out = []
    s = q = False
    for t in tokens:
        out.append(s and (not q))
        if t == "<result>":
            q = True
        if t == "<done>":
            q = False
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return out


# Turns its switches before the token is looked at
@wrong("6.1-1", "You count `<assistant>`, which the program writes, and leave")
def turns_its_switches_too_early(tokens):
    out = []
    s = q = False
    for t in tokens:
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
        if t == "<result>":
            q = True
        out.append(s and (not q))
        if t == "<done>":
            q = False
    return out


# Leaves out all marks
@wrong("6.1-1", "You leave out marks that the model writes itself: `<call>`,")
def learns_no_mark(tokens):
    out = []
    s = q = False
    for t in tokens:
        if t == "<result>":
            q = True
        out.append(s and (not q) and (not t.startswith("<")))
        if t == "<done>":
            q = False
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return out


# Learns only the last turn
@wrong("6.1-1", "Only one turn of the assistant's is learnt in your version,")
def learns_the_last_turn(tokens):
    out = [False] * len(tokens)
    if "<assistant>" in tokens:
        i = len(tokens) - 1 - tokens[::-1].index("<assistant>")
        q = False
        for k in range(i + 1, len(tokens)):
            if tokens[k] == "<result>":
                q = True
            out[k] = not q
            if tokens[k] == "<done>":
                q = False
            if tokens[k] == "<end>":
                break
    return out


# Looks for the end of each answer and takes one without end for the model's
@wrong("6.1-1", "Where the list ends in the middle of the kernel's answer you")
def learns_an_answer_that_is_cut_off(tokens):
    out = []
    s = False
    t = tokens
    kernel = [False] * len(t)
    for a, x in enumerate(t):
        if x == "<result>" and "<done>" in t[a:]:
            b = a + t[a:].index("<done>")
            for k in range(a, b + 1):
                kernel[k] = True
    for a, x in enumerate(t):
        out.append(s and (not kernel[a]))
        if x == "<assistant>":
            s = True
        if x == "<end>":
            s = False
    return out


# Compares the numbers as whole numbers
@wrong("6.1-2", "A number with a zero before it finds an order in your")
def compares_numbers(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and int(n) == int(number):
            return i
    return -2


# Joins the rights and looks for the words
@wrong("6.1-2", "A right with a like name is enough in your version: one that")
def looks_for_the_right_in_a_text(orders, rights, user, number):
    if "orders.find" not in " ".join(rights):
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i
    return -2


# Takes every right in which find occurs
@wrong("6.1-2", "A right with a like name is enough in your version: one that")
def any_right_to_find(orders, rights, user, number):
    if not any("find" in r for r in rights):
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i
    return -2


# Asks that there be no other right
@wrong("6.1-2", "A process that has the right is refused where it has another")
def the_right_and_no_other(orders, rights, user, number):
    if rights != ["orders.find"]:
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i
    return -2


# Counts places from one
@wrong("6.1-2", "You count places from 1. The first order in the list has the")
def counts_from_one(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders, 1):
        if o == user and n == number:
            return i
    return -2


# Exchanges the two errors
@wrong("6.1-2", "Your errors are not the two that are asked for: -1 without")
def exchanges_the_errors(orders, rights, user, number):
    if "orders.find" not in rights:
        return -2
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i
    return -1


# Returns the number of the order
@wrong("6.1-2", "You return the order's number where its place in the list is")
def returns_the_number(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for _i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return int(n)
    return -2


# Takes a row where either fits
@wrong("6.1-2", "A row fits in your version where the owner or the number is")
def owner_or_number(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user or n == number:
            return i
    return -2


# Returns within the loop's else
@wrong("6.1-2", "You decide at the first row of the list: where it does not")
def decides_at_the_first_row(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i
        else:
            return -2
    return -2


# Looks for the order's number in the one asked for
@wrong("6.1-2", "A part of a number finds an order in your version, or a")
def a_number_within_the_number(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders):
        if o == user and n in number:
            return i
    return -2


# Takes up to three marks
@wrong("6.1-3", "You take one mark at the end, or a few. The statement has")
def three_marks_at_most(pending, said):
    return pending if re.fullmatch("\\s*(yes|是)[.!]{0,3}\\s*", said, re.I) else 0


# Takes a yes on any line
@wrong("6.1-3", "One line or one sentence of the message is a yes in your")
def a_yes_on_some_line(pending, said):
    return (
        pending
        if any(line.strip().rstrip(".!").lower() in ("yes", "是") for line in said.splitlines())
        else 0
    )


# Looks at the first sentence alone
@wrong("6.1-3", "For a yes, and then a sentence, your result is 4,711 and")
def a_yes_as_first_sentence(pending, said):
    return pending if re.split("[.!]", said.strip().lower())[0] in ("yes", "是") else 0


# Takes a y for a yes
@wrong("6.1-3", "Other words than `yes` and `是` count in your version. The")
def takes_a_y(pending, said):
    return pending if said.strip().rstrip(".!").lower() in ("yes", "是", "y") else 0


# Takes a yes with the order's number
@wrong("6.1-3", "A yes with the order's number behind it counts in your")
def takes_a_yes_with_the_number(pending, said):
    return pending if said.strip().rstrip(".!").lower() in ("yes", "是", f"yes {pending}") else 0


# Wants a mark behind the yes
@wrong("6.1-3", "A yes counts only with a mark behind it in your version. Dots")
def wants_a_mark(pending, said):
    return pending if re.fullmatch(" *(yes|是)[.!]+ *", said, re.I) else 0


# Takes dots or exclamation marks, not both
@wrong("6.1-3", "Marks of both kinds behind a yes do not count in your")
def wants_marks_of_one_kind(pending, said):
    return pending if re.fullmatch("\\s*(yes|是)(\\.*|!*)\\s*", said, re.I) else 0


# Takes any letters of yes in a row
@wrong("6.1-3", "A yes that is said several times, or letters of it in a row,")
def takes_letters_of_yes(pending, said):
    return pending if re.fullmatch("\\s*[yes是]+[.!]*\\s*", said, re.I) else 0


# Returns -1 where nothing may be cancelled
@wrong("6.1-3", "For nothing said, your result is -1 and should be 0.")
def minus_one_for_none(pending, said):
    return pending if said.strip().rstrip(".!").lower() in ("yes", "是") else -1


# One pattern for the whole message
@right("6.1-3")
def one_pattern(pending, said):
    return pending if re.fullmatch(" *(yes|是)[.!]* *", said, re.IGNORECASE) else 0


# Compares each turn by itself
@wrong("6.1-4", "You compare each turn with the room by itself. They stand")
def compares_each_turn(L, n, a, w, r):
    room = w - n - a - r
    return sum(1 for x in L if x > room)


# Lets the longest turns leave
@wrong("6.1-4", "It comes out as if the longest turns left first. The oldest")
def the_longest_leave_first(L, n, a, w, r):
    room = w - n - a - r
    k = 0
    L = list(L)
    while sum(L) > room:
        L.remove(max(L))
        k += 1
    return k


# Never lets the last turn leave
@wrong("6.1-4", "The last of the past turns stays in your version, even where")
def keeps_the_last_turn(L, n, a, w, r):
    room = w - n - a - r
    k = 0
    while k < len(L) - 1 and sum(L[k:]) > room:
        k += 1
    return k


# Returns the tokens of the turns that leave
@wrong("6.1-4", "You return a number of tokens: those that are too many, or")
def returns_the_tokens_that_leave(L, n, a, w, r):
    room = w - n - a - r
    k = 0
    while sum(L[k:]) > room:
        k += 1
    return sum(L[:k])


# Takes 2 for z
@wrong("6.1-5", "'low', 'high': Your half width is a little too large, as when")
def takes_two_for_z():
    m, h = _wilson(SHARE, TURNS, 2.0)
    return SURE | {"low": m - h, "high": m + h}


# Takes the root of as many as turns
@wrong("6.1-6", "'token': That goes with the number of turns: a fault divided")
def the_root_of_the_turns():
    return CHAIN | {"token": 0.97 ** (1 / 8)}


# Takes the power of the tokens
@wrong("6.1-6", "'flawless': That is the share to the power of the tokens, or")
def the_power_of_the_tokens():
    return CHAIN | {"flawless": 0.97**10}


# Takes a root of the share given
@wrong("6.1-6", "'needed': That is a root of the share given. Asked is which")
def the_root_of_the_share_given():
    return CHAIN | {"needed": 0.97 ** (1 / 8)}
