"""A third trial, written from the statements alone before any of it was run: chapter 2.3."""

import math

from trial.answers import right, wrong


@wrong("2.3-1", "You count a slot for every token. The one that was said last has been")
def the_last_token_counted_as_computed():
    return {"computed": 18, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-1", "That is the number of the place in the table, 0, 1, 2 ... The number")
def the_block_s_place_in_the_table_for_its_number():
    return {"computed": 17, "block": 2, "place": 1, "full blocks": 2}


@wrong("2.3-2", "You compare each block by its own tokens. The keys and values in it")
def a_block_counts_wherever_it_stands_whatever_is_be(prompt, read, size):
    """A block counts wherever it stands, whatever is before it."""
    known = {tuple(t[i : i + size]) for t in read for i in range(0, len(t) - size + 1, size)}
    n = 0
    while n + size < len(prompt) and tuple(prompt[n : n + size]) in known:
        n += size
    return n


@wrong("2.3-2", "A prompt that was read before is taken over whole. Then there is")
def nothing_is_left_to_compute(prompt, read, size):
    best = 0
    for t in read:
        n = 0
        while n + size <= min(len(t), len(prompt)) and list(t[n : n + size]) == list(prompt[n : n + size]):
            n += size
        best = max(best, n)
    return best


@wrong("2.3-2", "You count common tokens. A block that is only begun is not known")
def counts_tokens_of_a_block_that_is_not_full(prompt, read, size):
    best = 0
    for t in read:
        n = 0
        while n < min(len(t), len(prompt) - 1) and t[n] == prompt[n]:
            n += 1
        best = max(best, n)
    return best


@wrong("2.3-3", "That is all tokens divided by the slots: the least it")
def continuous_as_the_sum_over_the_slots():
    return {"static": 34, "continuous": 24, "rate": 2}


@wrong("2.3-3", "Your rate is that of the static batches. Asked for are tokens per")
def rate_of_the_static_way_again():
    return {"static": 34, "continuous": 25, "rate": 48 / 34}


@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def forgets_that_the_last_token_is_never_read(processes, size):
    best = 0
    for k in {left for _, left in processes}:
        best = max(best, sum(-(-(n + k) // size) for n, left in processes if left >= k))
    return best


@wrong("2.3-4", "You add what each holds at its own end. They do not end at the same")
def all_at_their_own_ends(processes, size):
    return sum(math.ceil((n + left - 1) / size) for n, left in processes)


@wrong("2.3-4", "You look at one end alone. Those who stay go on growing, and those")
def only_the_first_moment(processes, size):
    if not processes:
        return 0
    k = min(left for _, left in processes)
    return sum(math.ceil((n + k - 1) / size) for n, left in processes)


@wrong("2.3-5", "It comes out as if every block of a victim became free. One that")
def every_block_of_a_victim_counts_as_freed(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            free += len(tables[p])
    return out if free >= wanted else []


@wrong("2.3-5", "Where all of them together are not enough, you evict them all the")
def evicts_though_all_are_not_enough(tables, holders, requester, free, wanted):
    h = list(holders)
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        out.append(p)
        for b in tables[p]:
            h[b] -= 1
            if h[b] == 0:
                free += 1
    return out


@wrong("2.3-5", "You begin with the one just below the requester. It is the next to")
def highest_below_first(tables, holders, requester, free, wanted):
    h = list(holders)
    out = []
    for p in range(requester + 1, len(tables)):
        if free >= wanted:
            break
        if not tables[p]:
            continue
        out.append(p)
        for b in tables[p]:
            h[b] -= 1
            free += h[b] == 0
    return out if free >= wanted else []


@wrong("2.3-6", "Where all guesses are right (or there are none), you say no")
def no_own_token_after_all_guesses_were_right(guesses, likeliest):
    out = []
    for g, one in zip(guesses, likeliest, strict=False):
        out.append(one)
        if g != one:
            break
    return out


@wrong("2.3-6", "You say every right guess, and at the end the token behind all")
def goes_on_after_a_wrong_guess(guesses, likeliest):
    return [g for g, one in zip(guesses, likeliest, strict=False) if g == one] + [likeliest[len(guesses)]]


@wrong("2.3-6", "You end with the wrong guess itself. In its place stands what the")
def the_wrong_guess_is_said(guesses, likeliest):
    out = []
    for i, g in enumerate(guesses):
        out.append(g)
        if g != likeliest[i]:
            return out
    return [*out, likeliest[-1]]


@wrong("2.3-7", "Where the right is missing and the arguments are wrong too, you give")
def arguments_checked_before_rights(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right, names, time, limit = tools[name]
    if sorted(arguments) != sorted(names):
        return 22
    if right not in rights:
        return 1
    return 110 if time > limit else 0


@wrong("2.3-7", "You ask whether every argument that is wanted is there, and not")
def too_many_arguments_are_let_through(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right, names, time, limit = tools[name]
    if right not in rights:
        return 1
    if not all(n in arguments for n in names):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-8", "You count every right guess. After a wrong one the others are thrown")
def three_times_the_probability_plus_one():
    return {"tokens": 3.1, "speedup": 3.1 * 1.1 / 1.4, "never": 11 / 14}


@wrong("2.3-8", "Without guesses a step reads one token too, and pays for it: 1 + c")
def a_step_without_guesses_costs_1():
    return {"tokens": 2.533, "speedup": 2.533 / 1.4, "never": 1 / 1.4}


@wrong("2.3-9", "More questions with the same beginning give the same figure again")
def more_questions_more_probes():
    return {
        "cache": "more questions",
        "swap": "a price for each copied block",
        "salt": "more probes",
        "false": False,
    }


@wrong("2.3-9", "However often it is drawn, and however fast the model computes, a")
def another_seed_for_swap():
    return {
        "cache": "questions with nothing in common",
        "swap": "another seed",
        "salt": "a neighbour who reads a long prompt in the same step",
        "false": False,
    }


@wrong("2.3-10", "All memories pass, the broken ones too: no failed assert came out, and nothing")
def tests_nothing(make):
    memory = make(4, 2)
    assert memory is not None


@wrong("2.3-10", "For a correct memory, your code stopped with TypeError")
def make_called_without_its_arguments(make):
    memory = make()
    memory.begin([1, 2, 3])


@wrong("2.3-10", "Your review sends all memories back, the right ones too. Does it ask")
def rejects_everything(make):
    return False


@wrong("2.3-11", "All kernels pass, the broken ones too: no failed assert came out, and nothing")
def every_failure_is_swallowed(make):
    try:
        kernel = make(2, 8)
        assert kernel.free == 0
    except Exception:
        pass


@wrong("2.3-11", "Your review returned a list of 0 things. Does it pass then, or not?")
def returns_the_list_of_what_failed(make):
    problems = []
    kernel = make(2, 8)
    if not hasattr(kernel, "spawn"):
        problems.append("spawn")
    return problems


@wrong("2.3-3")
def static_adds_the_shorter_ones():
    return {"static": 19, "continuous": 25, "rate": 1.92}


@wrong("2.3-6", "For one guess, right, your result differs in 1 of 2 places: the")
def all_right_guesses_and_the_own_token_at_the_first(guesses, likeliest):
    """All right guesses and the own token at the first place."""
    n = 0
    while n < len(guesses) and guesses[n] == likeliest[n]:
        n += 1
    return [*list(guesses[:n]), likeliest[0]]


@wrong("2.3-7", "A call that takes just its limit does not come to 0 in")
def at_the_limit_is_too_long_again(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right, names, time, limit = tools[name]
    if right not in rights:
        return 1
    if sorted(names) != sorted(arguments):
        return 22
    return 110 if time >= limit else 0


@wrong("2.3-8", "It reads the text's last token as well")
def never_guesses_are_free():
    return {"tokens": 2.533, "speedup": 2.533 * 1.1 / 1.3, "never": 1.0}


@wrong("2.3-2", "For the very same prompt, your result is 4 and should be 2, 2 too")
def longest_text_that_was_read(prompt, read, size):
    return max([len(t) // size * size for t in read if t[: len(t)] == prompt[: len(t)]], default=0)


@wrong("2.3-5", "The numbers are right, but for one is enough your input `holders` is")
def holders_are_changed(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            for b in tables[p]:
                holders[b] -= 1
                free += holders[b] == 0
    return out if free >= wanted else []


@wrong("2.3-7", "The kernel of Linux returns these numbers negative. Here, as in")
def negative_numbers_as_linux_returns_them(name, rights, arguments, tools):
    if name not in tools:
        return -38
    right, names, time, limit = tools[name]
    if right not in rights:
        return -1
    if sorted(names) != sorted(arguments):
        return -22
    return -110 if time > limit else 0


@right("2.3-2")
def sets_of_prefixes(prompt, read, size):
    known = {tuple(t[:n]) for t in read for n in range(size, len(t) + 1, size)}
    return max([k for k in range(0, len(prompt), size) if k == 0 or tuple(prompt[:k]) in known])


@right("2.3-4")
def every_step_counted(processes, size):
    last = max([one for _, one in processes], default=0)
    return max(
        [sum((n + k - 1 + size - 1) // size for n, one in processes if k <= one) for k in range(1, last + 1)],
        default=0,
    )


@right("2.3-6")
def takewhile(guesses, likeliest):
    import itertools

    n = sum(1 for _ in itertools.takewhile(lambda p: p[0] == p[1], zip(guesses, likeliest, strict=False)))
    return tuple(likeliest[: n + 1])
