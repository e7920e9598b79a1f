"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 6.1."""

from bisect import bisect_right
from itertools import accumulate
from math import sqrt

from trial.answers import right, wrong


# The kernel's last mark counts as the assistant's own
@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel writes")
def done_mark_is_own_fourteenth(tokens):
    own, answering, kernel = [], False, False
    for token in tokens:
        if token == "<result>":
            kernel = True
        elif token == "<done>":
            kernel = False
        own.append(answering and not kernel)
        if token == "<assistant>":
            answering = True
        elif token == "<end>":
            answering = False
    return own


# Right: no state is carried, each token looks back for the last mark before it
@right("6.1-1")
def each_token_looks_back_fourteenth(tokens):
    def last(before, marks):
        return next((token for token in reversed(before) if token in marks), None)

    own = []
    for i, token in enumerate(tokens):
        speaks = last(tokens[:i], ("<system>", "<user>", "<assistant>", "<end>")) == "<assistant>"
        kernel = token in ("<result>", "<done>") or last(tokens[:i], ("<result>", "<done>")) == "<result>"
        own.append(speaks and not kernel)
    return own


# Gives the place among the user's own orders instead of that in the whole list
@wrong("6.1-2", "You count the user's own orders. The place is that in the whole")
def place_among_ones_own_fourteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for owner, n in orders if owner == user]
    return own.index(number) if number in own else -2


# The place among the user's own orders, not the place in the list
@wrong("6.1-2", "You count the user's own orders. The place is that in the whole")
def find_place_among_own_fourteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for owner, n in orders if owner == user]
    return own.index(number) if number in own else -2


# Gives up at the first order of that number, if it is somebody else's
@wrong("6.1-2", "You look at the first order of that number alone. Two users may")
def find_gives_up_at_first_fourteenth(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for place, (owner, n) in enumerate(orders):
        if n == number:
            return place if owner == user else -2
    return -2


# Takes blanks off once more behind the dots: "yes !" counts as a yes
@wrong("6.1-3", "A blank between the yes and its mark is taken away in your version.")
def blanks_before_the_mark_allowed_fourteenth(pending, said):
    word = said.strip(" ").rstrip(".!").rstrip(" ").lower()
    return pending if word in ("yes", "是") else 0


# Strips blanks and marks in one go, on both sides and mixed: '! yes' and 'yes !' pass
@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def confirmed_strips_all_at_once_fourteenth(pending, said):
    return pending if said.strip(" .!").lower() in ("yes", "是") else 0


# A turn that finds no room is skipped and older, shorter ones still stay
@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones before")
def older_short_turns_stay_fourteenth(lengths, notes, asked, window, reply):
    room, leave = window - reply - notes - asked, 0
    for length in reversed(lengths):
        if length <= room:
            room -= length
        else:
            leave += 1
    return leave


# Goes on behind a turn that finds no room: an older, shorter one may still be taken in
@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones before")
def turns_gap_in_the_middle_fourteenth(lengths, notes, asked, window, reply):
    room = window - reply - notes - asked
    kept = 0
    for length in reversed(lengths):
        if length <= room:
            room -= length
            kept += 1
    return len(lengths) - kept


# The case that all turns must leave falls out of the loop and returns 0
@wrong("6.1-4", "Where all past turns must leave, yours leave none, as when a loop")
def turns_all_leave_forgotten_fourteenth(lengths, notes, asked, window, reply):
    room = window - reply - notes - asked
    for leave in range(len(lengths)):
        if sum(lengths[leave:]) <= room:
            return leave
    return 0


# Unusual: running sums from the newest turn back, and a search in them
@right("6.1-4")
def turns_by_bisection_fourteenth(lengths, notes, asked, window, reply):
    sums = list(accumulate(reversed(lengths)))
    return len(lengths) - bisect_right(sums, window - reply - notes - asked)


# Writes z^2 / 4n under the root instead of z^2 / 4n^2
@wrong("6.1-5", "'low', 'high': Under the root you divide z² by 4n. There it is n")
def square_of_n_forgotten_fourteenth():
    n, p, z = 200, 194 / 200, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n))
    return {"share": p, "low": middle - half, "high": middle + half, "above 0.97": middle - half > 0.97}


# Needed: shares the faults out evenly (1 - 0.5 / 8) instead of taking the eighth root of a half
@wrong("6.1-6", "'needed': That shares a half out among turns. Chances multiply:")
def half_a_fault_over_eight_turns_fourteenth():
    return {"flawless": 0.97**8, "needed": 1 - 0.5 / 8, "token": 0.97 ** (1 / 10)}


# A token's share is taken from the whole conversation's share, not the turn's
@wrong("6.1-6", "'token': That begins with the share of flawless conversations.")
def turn_token_from_conversation_fourteenth():
    flawless = 0.97**8
    return {"flawless": flawless, "needed": 0.5 ** (1 / 8), "token": flawless ** (1 / 10)}


# Language: asks for a judgement instead of the same kinds of turns
@wrong("6.1-7", "'language': What is right is known here to the last character. What")
def a_native_speaker_decides_fourteenth():
    return {
        "memory": "the same questions with the memory switched off",
        "attack": "the same attacks by a user who has the right",
        "language": "a native speaker's opinion",
    }


# Equal counts of just these fifty users are called 'not shown' instead of 'does not hold'
@wrong("6.1-8", "'near': Both were right fifty times out of fifty: of these users,")
def table_equal_counts_not_shown_fourteenth():
    return {"beyond": "holds", "better": "not shown", "near": "not shown", "year": "not shown"}
