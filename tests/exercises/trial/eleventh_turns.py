"""An eleventh trial, time in chapter 2.2: answers by somebody who knew the cases."""

import itertools
from collections import deque

import numpy as np
import torch

from trial.answers import right, wrong


# The lengths averaged
@wrong("2.2-8", "'first come', 'shortest first': That is the mean of the lengths. A")
def the_lengths_averaged():
    return {"first come": 8.0, "shortest first": 8.0, "round robin response": 2.0}


# Divided by two
@wrong("2.2-8", "'round robin response': What comes out is the sum divided by two.")
def divided_by_two():
    return {"first come": 18.0, "shortest first": 12.0, "round robin response": 3.0}


# The end of all
@wrong("2.2-8", "'first come', 'shortest first': That is the sum of the lengths, at")
def the_end_of_all():
    return {"first come": 24.0, "shortest first": 24.0, "round robin response": 2.0}


# The middle one of the ends
@wrong("2.2-8", "'first come', 'shortest first': That is the middle one of the three")
def the_middle_one_of_the_ends():
    return {"first come": 22.0, "shortest first": 10.0, "round robin response": 2.0}


# Waiting for turnaround
@wrong("2.2-8", "'first come': Your turnaround ends where the job begins: its own")
def waiting_for_the_first_turnaround():
    return {"first come": 10.0, "shortest first": 12.0, "round robin response": 2.0}


# Begun before the other has ended
@wrong("2.2-9", "It comes out as if a job could run beside the one before it, and")
def begun_before_the_other_has_ended(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now = max(now, a + n)
        out.append(now - a)
    return out


# The sign
@wrong("2.2-9", "Your numbers have the wrong sign: a turnaround is the end minus the")
def the_sign(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now = max(now, a) + n
        out.append(a - now)
    return out


# Arrivals added up
@wrong("2.2-9", "It comes out as if each arrival were added to the clock. The clock")
def arrivals_added_up(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now = now + a + n
        out.append(now - a)
    return out


# The one before as if it never waited
@wrong("2.2-9", "It comes out as if the job before had begun when it came. It may have")
def the_one_before_as_if_it_never_waited(arrivals, lengths):
    out = []
    for i, (a, n) in enumerate(zip(arrivals, lengths, strict=False)):
        prev = lengths[i - 1] + arrivals[i - 1] if i else 0
        out.append(max(prev, a) + n - a)
    return out


# Right, in another way
@right("2.2-9")
def unusual_nr(arrivals, lengths):
    e = np.cumsum(lengths)
    s = np.maximum.accumulate(np.array(arrivals) - np.concatenate([[0], e[:-1]]))
    return s + e - arrivals


# Whole turns, and one for nothing left
@wrong("2.2-10", "It comes out as if each turn took a whole quantum, and a job that has")
def whole_turns_and_one_for_nothing_left(lengths, quantum):
    q, t, out = deque(enumerate(lengths)), 0, [0] * len(lengths)
    while q:
        i, n = q.popleft()
        t += quantum
        if n >= quantum:
            q.append((i, n - quantum))
        else:
            out[i] = t
    return out


# Changing over takes time
@wrong("2.2-10", "It comes out as if changing over took one unit. Here it takes no time.")
def changing_over_takes_time(lengths, quantum):
    q, t, out = deque(enumerate(lengths)), 0, [0] * len(lengths)
    while q:
        i, n = q.popleft()
        d = min(n, quantum)
        t += d
        if n > d:
            q.append((i, n - d))
            t += 1
        else:
            out[i] = t
    return out


# The shortest first in the queue
@wrong("2.2-10", "It comes out as if the queue began with the shortest job. It begins")
def the_shortest_first_in_the_queue(lengths, quantum):
    q, t, out = deque(sorted(enumerate(lengths), key=lambda x: x[1])), 0, [0] * len(lengths)
    while q:
        i, n = q.popleft()
        d = min(n, quantum)
        t += d
        if n > d:
            q.append((i, n - d))
        else:
            out[i] = t
    return out


# The end of the first turn
@wrong("2.2-10", "You give the time at which a job's first turn ends. Asked is when the")
def the_end_of_the_first_turn(lengths, quantum):
    q, t, out = deque(enumerate(lengths)), 0, [0] * len(lengths)
    while q:
        i, n = q.popleft()
        d = min(n, quantum)
        t += d
        out[i] = out[i] or t
        if n > d:
            q.append((i, n - d))
    return out


# Right, in another way
@right("2.2-10")
def unusual_rr(lengths, quantum):
    out = []
    for i, n in enumerate(lengths):
        k = -(-n // quantum)
        before = sum(min(m, k * quantum) for m in lengths[:i])
        after = sum(min(m, (k - 1) * quantum) for m in lengths[i + 1 :])
        out.append(before + n + after)
    return torch.tensor(out)


# Deadlines rounded
@wrong("2.2-11", "It comes out as if deadlines that lie close together were taken for")
def deadlines_rounded(lengths, deadlines):
    t = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False), key=lambda x: x[0] // 2):
        t += n
        if t > d:
            return False
    return True


# Deadlines added up
@wrong("2.2-11", "It comes out as if all the work were compared with the sum of the")
def deadlines_added_up(lengths, deadlines):
    return sum(lengths) <= sum(deadlines)


# One in time is enough
@wrong("2.2-11", "It comes out as if it were enough that one job is in time. All have")
def one_in_time_is_enough(lengths, deadlines):
    t = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        t += n
        if t <= d:
            return True
    return not lengths


# One unit late let in
@wrong("2.2-11", "A job that ends one unit behind its deadline counts as in time in")
def one_unit_late_let_in(lengths, deadlines):
    t = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        if t + n > d + 1:
            return False
        t += n
    return True


# Neighbours alone
@wrong("2.2-11", "It comes out as if each job waited for the one before it alone. That")
def neighbours_alone(lengths, deadlines):
    jobs = sorted(zip(deadlines, lengths, strict=False))
    return all(a[1] + b[1] <= b[0] for a, b in itertools.pairwise(jobs)) and all(n <= d for d, n in jobs)


# The length has a say
@wrong("2.2-11", "It comes out as if a job's length had a say in the order, beside its")
def the_length_has_a_say(lengths, deadlines):
    t = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False), key=lambda x: x[0] * x[1]):
        t += n
        if t > d:
            return False
    return True


# Right, in another way
@right("2.2-11")
def unusual_dr(lengths, deadlines):
    return np.bool_(
        all(sum(n for n, e in zip(lengths, deadlines, strict=False) if e <= d) <= d for d in deadlines)
    )


# Two holders for the copy
@wrong("2.2-12", "The copy counts two holders in yours. Only the writer holds it.")
def two_holders_for_the_copy(table, holders, index, free):
    table, holders = list(table), list(holders)
    b = table[index]
    if holders[b] > 1:
        table[index] = free
        holders[b] -= 1
        holders[free] += 2
    return table, holders


# The copy appended
@wrong("2.2-12", "The copy stands at the end of your table, and the old block in its")
def the_copy_appended(table, holders, index, free):
    table, holders = list(table), list(holders)
    b = table[index]
    if holders[b] > 1:
        table.append(free)
        holders[b] -= 1
        holders[free] = 1
    return table, holders


# A holder of another block taken off
@wrong("2.2-12", "The holder is taken off at the place of the write in `holders`, not")
def a_holder_of_another_block_taken_off(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[index] -= 1
        table[index] = free
        holders[free] = 1
    return table, holders


# Only where there are two holders
@wrong("2.2-12", "A block with three holders is written into without a copy. Wherever")
def only_where_there_are_two_holders(table, holders, index, free):
    table, holders = list(table), list(holders)
    b = table[index]
    if holders[b] == 2:
        table[index] = free
        holders[b] -= 1
        holders[free] = 1
    return table, holders


# Set to one, not less by one
@wrong("2.2-12", "The old block is left with one holder, however many it had. It loses")
def set_to_one_not_less_by_one(table, holders, index, free):
    table, holders = list(table), list(holders)
    b = table[index]
    if holders[b] > 1:
        table[index] = free
        holders[b] = 1
        holders[free] = 1
    return table, holders


# Right, in another way
@right("2.2-12")
def unusual_w2r(table, holders, index, free):
    t, h = np.array(table), np.array(holders)
    if h[t[index]] != 1:
        h[t[index]] -= 1
        t[index] = free
        h[free] += 1
    return t, h


# A page for a factor
@wrong("2.2-14", "16 is the number of tokens of a page. Asked for is a factor between")
def a_page_for_a_factor():
    return {
        "equal": 16.0,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    }


# No root
@wrong("2.2-15", "What comes out is divided by the number of draws itself. A mean")
def no_root():
    return {
        "paired": 0.00147,
        "unpaired": 0.018209,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# The root of n - 1
@wrong("2.2-15", "What comes out has the root of 9 below the line. The n - 1 is in the")
def the_root_of_n_1():
    return {
        "paired": 0.004901,
        "unpaired": 0.018209,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# Twenty below the root
@wrong("2.2-15", "That is one spread over the root of twenty. The spreads of both come")
def twenty_below_the_root():
    return {
        "paired": 0.004649,
        "unpaired": 0.009104,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# An end of the interval
@wrong("2.2-15", "That is an end of the interval of the mean difference. Asked is how")
def an_end_of_the_interval():
    return {
        "paired": 0.01665,
        "unpaired": 0.018209,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# Another factor
@wrong("2.2-15", "What comes out has the factor 1.96, for very many draws. With ten it")
def another_factor():
    return {
        "paired": 0.004029,
        "unpaired": 0.018209,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# Both spreads, of both kinds
@wrong("2.2-15", "What comes out adds the variance of the differences to that of one")
def both_spreads_of_both_kinds():
    return {
        "paired": 0.004649,
        "unpaired": 0.013689,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }


# The gap for its spread
@wrong("2.2-15", "What comes out has the gap itself where the standard deviation of the")
def the_gap_for_its_spread():
    return {
        "paired": 0.008584,
        "unpaired": 0.018209,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }
