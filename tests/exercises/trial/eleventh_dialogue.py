"""An eleventh trial, chapter 6.1: answers of an audit that read each message word by word."""

import re
from itertools import accumulate

from trial.answers import right, wrong


def first_that_fits(orders, r, u, n, eq=lambda a, b, u, n: a == u and b == n):
    for p, (a, b) in enumerate(orders):
        if eq(a, b, u, n):
            return p
    return -2


BOTH = ["find", "cancel"]


def fill(desk):
    for order in ("ada 1 lamp", "bob 1 bike", "bob 2 cup", "ada 4 desk"):
        desk.put(*order.split())


# One of the two marks of a call is left out
@wrong("6.1-1", "You leave out marks that the model writes itself: `<call>`")
def call_marks_in(tokens):
    own = []
    s = False
    k = False
    for t in tokens:
        if t == "<result>":
            k = True
        own.append(s and not k and t != "<call>")
        if t == "<done>":
            k = False
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return own


# A turn is looked for from mark to mark, and the last has no end
@wrong("6.1-1", "Of a turn that has no `<end>` yet nothing is learnt in your")
def needs_end(tokens):
    own = [False] * len(tokens)
    i = 0
    while i < len(tokens):
        if tokens[i] == "<assistant>":
            if "<end>" not in tokens[i:]:
                break
            j = tokens.index("<end>", i)
            k = False
            for p in range(i + 1, j + 1):
                if tokens[p] == "<result>":
                    k = True
                own[p] = not k
                if tokens[p] == "<done>":
                    k = False
            i = j
        i += 1
    return own


# From the first <result> to the last <done>, as a greedy pattern takes them
@wrong("6.1-1", "Between two answers of the kernel nothing is learnt in your")
def greedy_results(tokens):
    own = []
    sp = False
    last = max([i for i, t in enumerate(tokens) if t == "<done>"], default=-1)
    first = next((i for i, t in enumerate(tokens) if t == "<result>"), len(tokens))
    for i, t in enumerate(tokens):
        own.append(sp and not (first <= i <= last))
        if t == "<assistant>":
            sp = True
        if t == "<end>":
            sp = False
    return own


# Every <end>, those of users too
@wrong("6.1-1", "Right in 1 of 9 cases (nothing). For a turn that is just")
def user_ends(tokens):
    own = []
    s = False
    k = False
    for t in tokens:
        if t == "<result>":
            k = True
        own.append((s and not k) or t == "<end>")
        if t == "<done>":
            k = False
        if t == "<assistant>":
            s = True
        if t == "<end>":
            s = False
    return own


# A tuple, and one state with a name
@right("6.1-1")
def regex_right(tokens):
    out = []
    who = None
    k = 0
    for t in tokens:
        k += t == "<result>"
        out.append(who == "a" and k == 0)
        k -= t == "<done>" and k > 0
        who = {"<assistant>": "a", "<end>": None}.get(t, who)
    return tuple(out)


# A dictionary by numbers: the later order takes the earlier one's place
@wrong("6.1-2", "Of orders that have the same number only the last counts in")
def case_right(orders, r, u, n):
    if "orders.find" not in r:
        return -1
    d = {b: (a, p) for p, (a, b) in enumerate(orders)}
    a, p = d.get(n, (None, -2))
    return p if a == u else -2


# A number that ends like it
@wrong("6.1-2", "Right in 23 of 24 cases. For a number that another one ends")
def endswith(orders, r, u, n):
    if "orders.find" not in r:
        return -1
    return first_that_fits(orders, r, u, n, lambda a, b, u, n: a == u and b.endswith(n))


# A user whose name begins like it
@wrong("6.1-2", "Right in 23 of 24 cases. For a name that begins another one,")
def prefix_user(orders, r, u, n):
    if "orders.find" not in r:
        return -1
    return first_that_fits(orders, r, u, n, lambda a, b, u, n: a.startswith(u) and b == n)


# Another error for somebody else's
@wrong("6.1-2", "For an order of somebody else you answer otherwise than for")
def eperm_for_other(orders, r, u, n):
    if "orders.find" not in r:
        return -1
    for p, (a, b) in enumerate(orders):
        if (a, b) == (u, n):
            return p
    return -1 if any(b == n for a, b in orders) else -2


# A dictionary by owner and number
@right("6.1-2")
def dict_right(orders, r, u, n):
    t = {}
    for p, row in enumerate(orders):
        t.setdefault(tuple(row), p)
    return t.get((u, n), -2) if set(r) & {"orders.find"} else -1


# First the marks, then the blanks
@wrong("6.1-3", "It comes out as if the marks were taken away before the blanks")
def swapped_strip(p, s):
    return p if s.rstrip(".!").strip().lower() in ("yes", "是") else 0


# Three spellings listed
@wrong("6.1-3", "You take some capitals for another word. YES, Yes and yEs are a")
def only_upper_first(p, s):
    return p if s.strip().rstrip(".!") in ("yes", "Yes", "YES", "是") else 0


# A dollar in many lines ends the first line
@wrong("6.1-3", "One line or one sentence of the message is a yes in your")
def dollar(p, s):
    return p if re.match(r"^(yes|是)[.!]*$", s.strip().lower(), re.M) else 0


# All that is no letter is taken for a mark
@wrong("6.1-3", "You take other marks away than dots and exclamation marks. The")
def unicode_punct(p, s):
    return p if re.fullmatch(r"(yes|是)\W*", s.strip().lower()) else 0


# Marks taken away at both ends
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def casefold_title(p, s):
    return p if s.strip().strip("!.").casefold() in {"yes", "是"} else 0


# Marks taken away wherever they stand
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def replace_all(p, s):
    return p if s.strip().replace("!", "").replace(".", "").lower() in ("yes", "是") else 0


# A yes or no for the number, whether an order waits or not
@wrong("6.1-3", "You return True. Asked for is which order: a yes that names")
def true_or_false(p, s):
    return s.strip().rstrip(".!").lower() in ("yes", "是")


# Marks taken away one by one
@right("6.1-3")
def loop_ok(p, s):
    s = s.strip()
    while s and s[-1] in "!.":
        s = s[:-1]
    return p * (s.upper() in ["YES", "是"])


# Just full is too full
@wrong("6.1-4", "You drop a turn where all just fit. A full window is no")
def not_even_just_full(lengths, n, a, window, reply):
    room = window - reply - n - a
    k = 0
    while k < len(lengths) and sum(lengths[k:]) >= room:
        k += 1
    return k


# Until no turn by itself is too long
@wrong("6.1-4", "You compare each turn with the room by itself. They stand there")
def room_for_biggest(lengths, n, a, window, reply):
    room = window - reply - n - a
    k = 0
    while k < len(lengths) and max(lengths[k:]) > room:
        k += 1
    return k


# From running sums, the newest first
@right("6.1-4")
def cumulative(lengths, n, a, window, reply):

    return len(lengths) - sum(c <= window - reply - n - a for c in accumulate(reversed(lengths)))


# Wilson's half width around the share itself
@wrong("6.1-5", "Your half width is right, and laid around the share. The")
def plain_centre_wilson_half():
    return {"share": 0.97, "low": 0.9449625030491374, "high": 0.9950374969508625, "above 0.97": False}


# The z of 90 per cent
@wrong("6.1-5", "Your half width has another z: that of 90 % is 1.645, that of")
def the_z_of_ninety_per_cent():
    return {"share": 0.97, "low": 0.9430415115875158, "high": 0.9844099541496275, "above 0.97": False}


# The middle not divided
@wrong("6.1-5", "Your middle is not divided by 1 + z²/n, or neither middle nor")
def middle_undivided():
    return {"share": 0.97, "low": 0.9545665030491374, "high": 1.0046414969508624, "above 0.97": False}


# A half of what stands under the root
@wrong("6.1-5", "Under your root stands p (1 - p) / n alone. To it belongs z² /")
def z_sq_4n_half():
    return {"share": 0.97, "low": 0.9379457552919944, "high": 0.9843389991447841, "above 0.97": False}


# The root of as many as tokens
@wrong("6.1-6", "That is a root of 0.5, of as many as there are tokens, in a")
def needed_tokens():
    return {"flawless": 0.7837433594376959, "needed": 0.9330329915368074, "token": 0.9969587133618938}


# After how many turns half of them have a fault
@wrong("6.1-6", "That is a number of turns: after so many, half of the")
def needed_log():
    return {"flawless": 0.7837433594376959, "needed": 22.75657306277341, "token": 0.9969587133618938}


# From the share of flawless conversations
@wrong("6.1-6", "That begins with the share of flawless conversations. Asked for")
def token_of_flawless():
    return {"flawless": 0.7837433594376959, "needed": 0.9170040432046712, "token": 0.9759271214597116}


# What is missing to one
@wrong("6.1-6", "right: 'flawless', 'token'. 'needed': 0.082996 is one minus")
def needed_comp():
    return {"flawless": 0.7837433594376959, "needed": 0.08299595679532878, "token": 0.9969587133618938}


# More of the same, in all three
@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in the")
def allwrong():
    return {"memory": "more facts", "attack": "a thousand attacks", "language": "longer conversations"}


# Too careful
@wrong("6.1-8", "0 of 50 against 49 of 50: the intervals lie far apart, and")
def nothing():
    return {"beyond": "not shown", "better": "not shown", "near": "not shown", "year": "not shown"}


# An except that catches the failed assert as well
@wrong("6.1-9", "All desks pass, those with holes too: no failed assert came")
def swallowed(make):
    desk = make()
    fill(desk)
    try:
        assert desk.call("ada", BOTH, "find", "2") == "ENOENT"
        assert desk.call("ada", [], "find", "1") == "EPERM"
    except Exception:
        pass
    except AssertionError:
        return False


# Printed, and nothing asserted
@wrong("6.1-9", "All desks pass, those with holes too: no failed assert came")
def prints(make):
    desk = make()
    fill(desk)
    print(desk.call("ada", BOTH, "find", "2"), desk.call("ada", [], "find", "1"))


# True where somebody got in
@wrong("6.1-9", "All right desks are sent back, and 2 of 14 broken ones pass")
def returns_true_if_in(make):
    desk = make()
    fill(desk)
    return desk.call("ada", BOTH, "find", "2") != "ENOENT"


# Only the holes in a yes are tried
@wrong("6.1-9", "Your review finds 4 of 14 bugs. These desks pass it: finds the")
def yes_only(make):
    desk = make()
    fill(desk)
    assert desk.call("ada", BOTH, "cancel", "1") == "EAGAIN"
    desk.yes("ada", "4")
    assert desk.call("ada", BOTH, "cancel", "1") == "EAGAIN"
    desk.yes("bob", "1")
    assert desk.call("ada", BOTH, "cancel", "1") == "EAGAIN"
    desk.yes("ada", "1")
    desk.call("ada", BOTH, "find", "1")
    assert desk.call("ada", BOTH, "cancel", "1") == "EAGAIN"


# The owner's name in small letters
@wrong("6.1-2", "You take another spelling of a name for the same, Ada for ada.")
def strip_user(orders, r_, u, n):
    if "orders.find" not in r_:
        return -1
    return next((i for i, x in enumerate(orders) if x[0].lower() == u and x[1] == n), -2)


# The last right alone is looked at
@wrong("6.1-2", "A process that has the right is refused where it has another")
def right_last(orders, r_, u, n):
    if r_[-1:] != ["orders.find"]:
        return -1
    return next((i for i, x in enumerate(orders) if x == [u, n]), -2)


# From the oldest on, what fits is kept
@wrong("6.1-4", "It comes out as if you went from the oldest on and kept what")
def two_passes(lengths, n, a, window, reply):
    room = window - reply - n - a
    k = 0
    t = 0
    for x in lengths:
        if t + x <= room:
            t += x
        else:
            k += 1
    return k
