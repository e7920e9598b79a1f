"""A seventh trial, chapter 6.1: answers written from the statements alone."""

import itertools
import math
import re

from trial.answers import right, wrong


# Behind <done> the assistant does not go on: what it says after the kernel's answer is not learnt
@wrong("6.1-1", "Behind the kernel's answer you give the model nothing to say.")
def behind_done_the_assistant_does_not_go(tokens):
    own, out = False, []
    for token in tokens:
        if token == "<result>":
            own = False
        out.append(own)
        if token == "<assistant>":
            own = True
        elif token == "<end>":
            own = False
    return out


# The call (<call> ... <do>) is left out like the kernel's part, though the assistant must say it
@wrong("6.1-1", "You leave out what stands between `<call>` and `<do>`. The model")
def the_call_call_do_is_left_out_like_the_kernel(tokens):
    turn = skip = False
    out = []
    for token in tokens:
        if token in ("<call>", "<result>"):
            skip = True
        out.append(turn and not skip)
        if token in ("<do>", "<done>"):
            skip = False
        if token == "<assistant>":
            turn = True
        elif token == "<end>":
            turn = False
    return out


# The conversation joined to one string of letters and cut by regular expressions
@right("6.1-1")
def the_conversation_joined_to_one_string(tokens):
    code = {"<assistant>": "A", "<end>": "E", "<result>": "R", "<done>": "D"}
    letters = "".join(code.get(token, ".") for token in tokens)
    own = [False] * len(tokens)
    for turn in re.finditer(r"(?<=A)[^E]*E?", letters):
        for place in range(*turn.span()):
            own[place] = True
        for kernel in re.finditer(r"R[^D]*D?", turn.group()):
            for place in range(turn.start() + kernel.start(), turn.start() + kernel.end()):
                own[place] = False
    return own


# The place is counted among the user's own orders, not in the list of all
@wrong("6.1-2", "You count the user's own orders. The place is that in the whole")
def the_place_is_counted_among_the_user_s_own(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    mine = [n for owner, n in orders if owner == user]
    return mine.index(number) if number in mine else -2


# Stops at the first order of that number and asks for its owner: one's own of the same number further
# down is not found
@wrong("6.1-2", "You look at the first order of that number alone. Two users may")
def stops_at_the_first_order_of_that_number(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for place, (owner, n) in enumerate(orders):
        if n == number:
            return place if owner == user else -2
    return -2


# Strip('.! ') takes dots and marks off in FRONT too: '...yes' or '!yes' cancels an order
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def strip_takes_dots_and_marks_off_in_front_too(pending, said):
    return pending if said.strip().strip(".! ").lower() in ("yes", "是") else 0


# Only one mark is taken off the end: 'yes!!' is no yes
@wrong("6.1-3", "For a blank before its mark, your result is 4,711 and should be 0")
def only_one_mark_is_taken_off_the_end_yes_is_no(pending, said):
    said = said.strip().lower()
    if said and said[-1] in ".!":
        said = said[:-1]
    return pending if said.strip() in ("yes", "是") else 0


# Goes from the newest back and passes over a turn that is too long, keeping older short ones: a gap in
# the middle
@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones")
def goes_from_the_newest_back_and_passes_over(lengths, notes, asked, window, reply):
    room, leave = window - notes - asked - reply, 0
    for length in reversed(lengths):
        if length <= room:
            room -= length
        else:
            leave += 1
    return leave


# From the first turn that fits into the room by itself, in the direction from the oldest: the newest
# leave, not the oldest
@wrong("6.1-4", "It comes out as if the newest left: the beginning stays, and")
def from_the_first_turn_that_fits_into_the_room(lengths, notes, asked, window, reply):
    room, stay = window - notes - asked - reply, 0
    for length in lengths:
        if length > room:
            break
        room -= length
        stay += 1
    return len(lengths) - stay


# Suffix sums with itertools.accumulate
@right("6.1-4")
def suffix_sums_with_itertools_accumulate(lengths, notes, asked, window, reply):
    sums = itertools.accumulate(reversed(list(lengths)))
    return len(lengths) - sum(notes + asked + reply + s <= window for s in sums)


def _wilson(p, n=200, z=1.96):
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return middle - half, middle + half


# The interval is laid around the share itself, not around Wilson's middle
@wrong("6.1-5", "'low', 'high': Your half width is right, and laid around the")
def the_interval_is_laid_around_the_share_itself():
    low, high = _wilson(0.97)
    half = (high - low) / 2
    return {"share": 0.97, "low": round(0.97 - half, 4), "high": round(0.97 + half, 4), "above 0.97": False}


# Needed by sharing out the allowed fault: 1 - 0.5 / 8
@wrong("6.1-6", "That shares a half out among turns. Chances multiply: take the")
def needed_by_sharing_out_the_allowed_fault_1_0():
    return {"flawless": round(0.97**8, 4), "needed": 1 - 0.5 / 8, "token": round(0.97**0.1, 4)}


_CONTROLS = {
    "memory": "the same questions with the memory switched off",
    "attack": "the same attacks by a user who has the right",
    "language": "the same kinds of turns in both languages",
}


# Attack = a thousand attacks, more of what could not succeed
@wrong("6.1-7", "The kernel refuses a thousand, in any language, as it does a")
def attack_a_thousand_attacks_more_of_what_could():
    return {**_CONTROLS, "attack": "a thousand attacks"}


_TABLE = {"beyond": "holds", "better": "not shown", "near": "does not hold", "year": "not shown"}


# Near = not shown, an interval taken to where the sentence is about these very fifty
@wrong("6.1-8", "Both were right fifty times out of fifty: of these users, search")
def near_not_shown_an_interval_taken():
    return {**_TABLE, "near": "not shown"}


# Better = does not hold, because the intervals overlap
@wrong("6.1-8", "You say that search is not better than a summary. That the")
def better_does_not_hold_because_the_intervals():
    return {**_TABLE, "better": "does not hold"}


# Attacks nothing: a new desk is made and thrown away, so every hole is missed
@wrong("6.1-9", "All desks pass, those with holes too: no failed assert came out, and")
def attacks_nothing_a_new_desk_is_made(make):
    assert make() is not None


# Makes two desks and demands that they be the same object, so safe ones are refused
@wrong("6.1-9", "You get into every desk, the safe ones too. Do you ask for a")
def makes_two_desks_and_demands_that_they(make):
    assert make() is make()
