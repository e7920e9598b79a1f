"""Which page goes: the policies of section 2.2.1, and how many faults there are under each."""


def count_faults(references, num_frames, victim, *, cold=True):
    """Faults when `victim(resident, past, future)` goes; without the cold ones, those into an empty frame."""
    resident, faults = [], 0
    for now, page in enumerate(references):
        if page in resident:
            continue
        full = len(resident) == num_frames
        if full:
            resident.remove(victim(resident, references[:now], references[now:]))
        resident.append(page)
        faults += full or cold
    return faults


def first_in(resident, past, future):
    return resident[0]


def last_in(resident, past, future):
    return resident[-1]


def least_recent(resident, past, future):
    return min(resident, key=lambda page: len(past) - past[::-1].index(page))


def most_recent(resident, past, future):
    return max(resident, key=lambda page: len(past) - past[::-1].index(page))


def least_frequent(resident, past, future):
    return min(resident, key=lambda page: (past.count(page), len(past) - past[::-1].index(page)))


def farthest(resident, past, future):
    return max(resident, key=lambda page: future.index(page) if page in future else len(future))


def never_is_now(resident, past, future):
    return max(resident, key=lambda page: future.index(page) if page in future else -1)


def soonest(resident, past, future):
    return min(resident, key=lambda page: future.index(page) if page in future else len(future))
