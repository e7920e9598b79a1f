"""Answers to chapter 6.1 by somebody who had seen no known mistake: rights, consent, windows, attacks."""

import math
import random
import re

import numpy as np
import torch

from trial.answers import right, wrong


def wilson(p, n, z):
    m = (p + z * z / 2 / n) / (1 + z * z / n)
    h = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return m - h, m + h


LOW, HIGH = wilson(0.97, 200, 1.96)
SURE = {"share": 0.97, "low": LOW, "high": HIGH, "above 0.97": False}
h = 1.96 * math.sqrt(0.97 * 0.03 / 200)
l2, h2 = wilson(0.03, 200, 1.96)
CHAIN = {"flawless": 0.97**8, "needed": 0.5 ** (1 / 8), "token": 0.97**0.1}
ASSISTANTS = {
    "memory": "the same questions with the memory switched off",
    "attack": "the same attacks by a user who has the right",
    "language": "the same kinds of turns in both languages",
}
TABLE = {"beyond": "holds", "better": "not shown", "near": "does not hold", "year": "not shown"}


@wrong("6.1-1", "You count `<assistant>` itself")
def the_mark_assistant_too(tokens):
    own, kernel, out = False, False, []
    for t in tokens:
        if t == "<assistant>":
            own = True
        if t == "<result>":
            kernel = True
        out.append(own and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<end>":
            own = False
    return out


@wrong("6.1-1", "You leave out `<end>`")
def end_left_out(tokens):
    own, kernel, out = False, False, []
    for t in tokens:
        if t == "<end>":
            own = False
        if t == "<result>":
            kernel = True
        out.append(own and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            own = True
    return out


@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def the_kernel_s_marks_learnt(tokens):
    own, kernel, out = False, False, []
    for t in tokens:
        if t == "<done>":
            kernel = False
        out.append(own and not kernel)
        if t == "<result>":
            kernel = True
        if t == "<assistant>":
            own = True
        if t == "<end>":
            own = False
    return out


@wrong("6.1-1", "You leave out what stands between `<call>` and `<do>`")
def the_call_left_out_as_well(tokens):
    own, skip, out = False, False, []
    for t in tokens:
        if t in ("<result>", "<call>"):
            skip = True
        out.append(own and not skip)
        if t in ("<done>", "<do>"):
            skip = False
        if t == "<assistant>":
            own = True
        if t == "<end>":
            own = False
    return out


@wrong("6.1-1", "has 0 entries, and 4 are asked for")
def the_tokens_themselves_instead_of_a_mask(tokens):
    out, own = [], False
    for t in tokens:
        if own:
            out.append(t)
        if t == "<assistant>":
            own = True
        if t == "<end>":
            own = False
    return out


@wrong("6.1-1", "From the first `<assistant>` on the model has the word in")
def assistant_stays_on_every_end_after_counts(tokens):
    i = tokens.index("<assistant>") if "<assistant>" in tokens else len(tokens)
    out, kernel = [], False
    for j, t in enumerate(tokens):
        if t == "<result>":
            kernel = True
        out.append(j > i and not kernel)
        if t == "<done>":
            kernel = False
    return out


@right("6.1-1")
def state_by_the_last_mark_numpy(tokens):
    state, out = "", []
    for t in tokens:
        if t == "<result>" and state == "a":
            state = "k"
        out.append(state == "a")
        state = {"<assistant>": "a", "<end>": "", "<done>": "a" if state == "k" else state}.get(t, state)
    return np.array(out, dtype=bool)


@wrong("6.1-2", "For an order of somebody else you answer otherwise than for none")
def eperm_where_somebody_else_has_it(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (o, n) in enumerate(orders):
        if n == number:
            return i if o == user else -1
    return -2


@wrong("6.1-2", "You look at the first order of that number alone")
def first_of_the_number_decides_enoent(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    nums = [n for _, n in orders]
    if number not in nums:
        return -2
    i = nums.index(number)
    return i if orders[i][0] == user else -2


@wrong("6.1-2", "You count the user's own orders")
def place_among_the_user_s_own_orders(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    mine = [n for o, n in orders if o == user]
    return mine.index(number) if number in mine else -2


@wrong("6.1-2", "A right with a like name is enough in your version: one that")
def any_right_that_begins_with_orders(orders, rights, user, number):
    if not any(r.startswith("orders") for r in rights):
        return -1
    for i, (o, n) in enumerate(orders):
        if [o, n] == [user, number]:
            return i
    return -2


@wrong("6.1-2", "You look first and ask for the right after")
def no_order_before_no_right(orders, rights, user, number):
    for i, (o, n) in enumerate(orders):
        if o == user and n == number:
            return i if "orders.find" in rights else -1
    return -2


@wrong("6.1-2", "is 2 and should be -2")
def last_place(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    table = {(o, n): i for i, (o, n) in enumerate(orders)}
    return table.get((user, number), 2)


@right("6.1-2")
def by_list_index_and_exception(orders, rights, user, number):
    if not set(rights) & {"orders.find"}:
        return -1
    try:
        return [tuple(o) for o in orders].index((user, number))
    except ValueError:
        return -2


@wrong("6.1-3", "A message that begins with yes counts in your version. What")
def begins_with_yes(pending, said):
    return pending if said.strip().lower().startswith(("yes", "是")) else 0


@wrong("6.1-3", "One word of the message is a yes in your version, and the others may")
def yes_anywhere(pending, said):
    return pending if re.search(r"\byes\b|是", said.lower()) else 0


@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def marks_stripped_everywhere(pending, said):
    return pending if re.sub(r"[\s.!]", "", said).lower() in ("yes", "是") else 0


@wrong("6.1-3", "You take dots and exclamation marks away in front as well, or")
def stripped_at_both_ends(pending, said):
    return pending if said.lower().strip(" .!") in {"yes", "是"} else 0


@wrong("6.1-3", "You return True")
def true_for_the_order(pending, said):
    return bool(pending) and said.strip().rstrip(".!").lower() in ("yes", "是")


@wrong("6.1-3", "You take some capitals for another word")
def capitals_forgotten(pending, said):
    return pending if said.strip().rstrip(".!").strip() in ("yes", "Yes", "是") else 0


@wrong("6.1-3", "You take one mark at the end")
def one_mark_only(pending, said):
    s = said.strip().lower()
    return pending if s in ("yes", "yes.", "yes!", "是", "是.", "是!") else 0


@right("6.1-3")
def by_a_regular_expression(pending, said):
    return pending * bool(re.fullmatch(r"\s*(yes|是)[.!]*\s*", said, re.I))


@wrong("6.1-4", "The reply is not taken off the room for the past. The answer")
def reply_forgotten(lengths, notes, asked, window, reply):
    left = list(lengths)
    gone = 0
    while left and notes + asked + sum(left) > window:
        left.pop(0)
        gone += 1
    return gone


@wrong("6.1-4", "You drop a turn where all just fit")
def strict_a_full_window_is_too_much(lengths, notes, asked, window, reply):
    gone = 0
    while gone < len(lengths) and notes + asked + reply + sum(lengths[gone:]) >= window:
        gone += 1
    return gone


@wrong("6.1-4", "You return a number of tokens: those that are too many, or")
def tokens_that_leave(lengths, notes, asked, window, reply):
    return max(0, notes + asked + reply + sum(lengths) - window)


@wrong("6.1-4", "It comes out as if the newest left: the beginning stays, and")
def filled_from_the_oldest(lengths, notes, asked, window, reply):
    room, kept = window - notes - asked - reply, 0
    for n in lengths:
        if n > room:
            break
        room -= n
        kept += 1
    return len(lengths) - kept


@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones")
def what_fits_is_kept_with_gaps(lengths, notes, asked, window, reply):
    room, gone = window - notes - asked - reply, 0
    for n in reversed(lengths):
        if n <= room:
            room -= n
        else:
            gone += 1
    return gone


@wrong("6.1-4", "is different after the call")
def list_emptied_in_place(lengths, notes, asked, window, reply):
    n = len(lengths)
    while lengths and notes + asked + reply + sum(lengths) > window:
        del lengths[0]
    return n - len(lengths)


@wrong("6.1-4", "You return how many turns stay")
def stays_for_the_kept(lengths, notes, asked, window, reply):
    room, kept = window - notes - asked - reply, 0
    for n in lengths[::-1]:
        if n > room:
            break
        room -= n
        kept += 1
    return kept


@right("6.1-4")
def suffix_sums_and_searchsorted(lengths, notes, asked, window, reply):
    room = window - notes - asked - reply
    suffix = np.cumsum(np.array(list(lengths)[::-1], dtype=np.int64))
    return len(lengths) - int(np.searchsorted(suffix, room, side="right"))


@wrong("6.1-5", "That is p plus and minus z · sqrt(p (1 - p) / n)")
def normal_interval():
    return SURE | {"low": 0.97 - h, "high": 0.97 + h}


@wrong("6.1-5", "the share of wrong turns")
def the_share_of_the_wrong_ones():
    return {"share": 0.03, "low": l2, "high": h2, "above 0.97": False}


@wrong("6.1-5", "Shown is only what the whole interval says. Lay its lower end")
def the_share_itself_is_compared():
    return SURE | {"above 0.97": True}


@wrong("6.1-5", "'low' and 'high' are exchanged")
def low_and_high_exchanged():
    return SURE | {"low": HIGH, "high": LOW}


@wrong("6.1-5", "Under the root you divide z² by 4n")
def z_squared_over_4n_for_4n_squared():
    return SURE | dict(
        zip(
            ("low", "high"),
            (
                (lambda m, q: (m - q, m + q))(
                    (0.97 + 1.9208 / 200) / (1 + 3.8416 / 200),
                    1.96 / (1 + 3.8416 / 200) * math.sqrt(0.97 * 0.03 / 200 + 3.8416 / 800),
                )
            ),
            strict=False,
        )
    )


@wrong("6.1-6", "That subtracts the faults of all turns. Two faults in one")
def faults_added():
    return CHAIN | {"flawless": 1 - 8 * 0.03}


@wrong("6.1-6", "That raises 0.5 to a power. Asked for is what must be raised")
def needed_half_to_the_eighth():
    return CHAIN | {"needed": 0.5**8}


@wrong("6.1-6", "That shares a half out among turns. Chances multiply: take")
def divided_by_ten():
    return CHAIN | {"token": 1 - 0.03 / 10, "needed": 1 - 0.5 / 8}


@wrong("6.1-6", "78.37 is 100 times too large (a share or per cent?)")
def in_per_cent():
    return {"flawless": 78.37, "needed": 91.7, "token": 99.696}


@right("6.1-6")
def by_logarithms():
    return {
        "flawless": math.exp(8 * math.log(0.97)),
        "needed": torch.tensor(2.0).pow(-1 / 8),
        "token": np.power(0.97, 0.1),
    }


@wrong("6.1-7", "The kernel refuses a thousand, in any language, as it does a")
def more_attacks():
    return ASSISTANTS | {"attack": "a thousand attacks"}


@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in")
def more_facts():
    return ASSISTANTS | {"memory": "more facts"}


@wrong("6.1-7", "What is right is known here to the last character")
def native_speaker():
    return ASSISTANTS | {"language": "a native speaker's opinion"}


@wrong("6.1-8", "49 is more than 46, and fifty other users may turn it round")
def given_49_is_more_than_46():
    return TABLE | {"better": "holds"}


@wrong("6.1-8", "Ten turns are not a year")
def the_year_believed():
    return TABLE | {"year": "holds"}


@wrong("6.1-8", "You say that search is not better than a summary")
def everything_refuted():
    return TABLE | {"better": "does not hold", "year": "does not hold"}


@wrong("6.1-8", "0 of 50 against 49 of 50")
def careful_everywhere():
    return TABLE | {"beyond": "not shown"}


@wrong("6.1-9", "Your review finds 1 of 14 bugs")
def only_the_right_is_tried(make):
    d = make()
    d.put("ann", "1", "tea")
    assert d.call("ann", [], "find", "1") == "EPERM"
    assert d.call("ann", ["find"], "find", "1") == "OK tea packed"


@wrong("6.1-9", "One of your tests asks for more")
def every_desk_is_broken_expects_eperm_for_a_foreign_order(make):
    d = make()
    d.put("ann", "1", "tea")
    assert d.call("bob", ["find"], "find", "1") == "EPERM"


@wrong("6.1-9", "All desks pass, those with holes too")
def returns_true_where_it_is_safe_never_fails_calls(make):
    d = make()
    d.put("ann", "1", "tea")
    try:
        assert d.call("bob", ["find"], "find", "1") == "ENOENT"
        assert d.call("ann", ["cancel"], "cancel", "1") == "EAGAIN"
    except AssertionError:
        pass
    return True


@wrong("6.1-9", "Your review finds 1 of 14 bugs")
def exact_work_demanded(make):
    d = make()
    d.put("ann", "1", "tea")
    d.call("ann", ["find"], "find", "1")
    assert d.work == 1
    d.call("bob", ["find"], "find", "1")
    assert d.work == 1


@wrong("6.1-9", "Your review finds 5 of 14 bugs")
def answers_only_nothing_of_the_clock_receipts_and_old(make):
    d = make()
    d.put("ann", "1", "tea")
    d.put("bob", "2", "pen")
    R = ["find", "cancel"]
    if d.call("ann", [], "cancel", "1") != "EPERM":
        return False
    if d.call("bob", R, "find", "1") != "ENOENT":
        return False
    if d.call("bob", R, "cancel", "1") != "ENOENT":
        return False
    if d.call("ann", R, "cancel", "1") != "EAGAIN":
        return False
    d.yes("ann", "1")
    if d.call("ann", R, "cancel", "1") != "OK receipt 1":
        return False
    return d.call("ann", R, "cancel", "1") == "EALREADY"


@right("6.1-9")
def random_walk_against_a_model_of_one_s_own(make):
    rng = random.Random(0)
    users, numbers, R = (
        ["ann", "bob", "eve"],
        ["1", "2", "12", "1' or '1'='1", "%"],
        [["find", "cancel"], ["find"], ["cancel"], []],
    )
    for _ in range(150):
        d = make()
        orders, receipts, consent = {}, [], set()
        for _ in range(30):
            u, n, k = rng.choice(users), rng.choice(numbers), rng.random()
            if k < 0.2:
                if (u, n) not in orders:
                    d.put(u, n, "tea" + u)
                    orders[u, n] = ["tea" + u, "packed"]
                continue
            if k < 0.4:
                d.yes(u, n)
                consent = {(u, n)}
                if rng.random() < 0.3:
                    continue
            r, name = (
                (rng.choice(R), rng.choice(["find", "cancel"])) if rng.random() < 0.5 else (R[0], "cancel")
            )
            if rng.random() < 0.2:
                u = rng.choice(users)
            given, consent = consent, set()
            got, o = d.call(u, list(r), name, n), orders.get((u, n))
            if name not in r:
                want = "EPERM"
            elif o is None:
                want = "ENOENT"
            elif name == "find":
                want = f"OK {o[0]} {o[1]}"
            elif o[1] == "cancelled":
                want = "EALREADY"
            elif (u, n) not in given:
                want = "EAGAIN"
            else:
                i = 1 + sum(a == u for a, _, _ in receipts)
                want = f"OK receipt {i}"
                o[1] = "cancelled"
                receipts.append((u, i, n))
            assert got == want, (u, r, name, n, got, want)
            assert d.receipts == receipts
            assert {k: list(v) for k, v in d.orders.items()} == orders
    for before in (0, 3, 40):
        for name in ("find", "cancel"):
            d = make()
            for i in range(before):
                d.put("ann", f"9{i}", "x")
            d.put("ann", "1", "tea")
            d.put("bob", "2", "pen")
            d.call("bob", ["find", "cancel"], name, "1")
            w = d.work
            d.call("bob", ["find", "cancel"], name, "777")
            assert d.work == w
