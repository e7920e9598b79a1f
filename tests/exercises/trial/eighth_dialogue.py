"""An eighth trial, chapter 6.1: answers written from the statements alone."""

import re

from trial.answers import right, wrong


# Switches back on at <done> itself, so the kernel's closing mark counts as the assistant's
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def switches_back_on_at_done_itself_so_the(tokens):
    out, own, turn = [], False, False
    for t in tokens:
        if t == "<result>":
            own = False
        if t == "<done>":
            own = turn
        out.append(own)
        if t == "<assistant>":
            own = turn = True
        if t == "<end>":
            own = turn = False
    return out


# `place or -2`: the place 0 counts as nothing found
@wrong("6.1-2", "The first order of the list is never found: its place is 0,")
def place_or_2_the_place_0_counts_as(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    place = next((i for i, o in enumerate(orders) if list(o) == [user, number]), None)
    return place or -2


# A friendly reader: the Chinese full stop and exclamation mark pass too; `.` and `!` alone are named
@wrong("6.1-3", "You take other marks away than dots and exclamation marks.")
def a_friendly_reader_the_chinese_full_stop_and(pending, said):
    return pending if said.strip().rstrip(".!。！").lower() in ("yes", "是") else 0


# Forgets capitals, and allows a single mark only
@wrong("6.1-3", "For marks of both kinds, your result is 0 and should be")
def forgets_capitals_and_allows_a_single_mark_only(pending, said):
    return pending if re.fullmatch(r"\s*(yes|是)[.!]?\s*", said) else 0


# One regular expression with fullmatch, blanks around and marks straight behind the word
@right("6.1-3")
def one_regular_expression_with_fullmatch_blanks_around_and(pending, said):
    return pending if re.fullmatch(r" *(?:[yY][eE][sS]|是)[.!]* *", said) else 0


# Off by one: a conversation that fills the window exactly loses a turn
@wrong("6.1-4", "You drop a turn where all just fit. A full window is no fault.")
def off_by_one_a_conversation_that_fills_the(lengths, notes, asked, window, reply):
    room = window - notes - asked - reply
    left = list(lengths)
    while left and sum(left) >= room:
        left.pop(0)
    return len(lengths) - len(left)


# The plain interval p ± z sqrt(p (1 - p) / n) instead of Wilson's
@wrong("6.1-5", "That is p plus and minus z · sqrt(p (1 - p) / n). Near 1 that")
def the_plain_interval_p_z_sqrt_p_1():
    return {"share": 0.97, "low": 0.9464, "high": 0.9936, "above 0.97": False}


# Only makes a desk and tries nothing
@wrong("6.1-9", "All desks pass, those with holes too: no failed assert came out, and")
def only_makes_a_desk_and_tries_nothing(make):
    desk = make()
    assert desk is not None
    return True
