"""A ninth trial, chapter 2.3: slips that two usual ones have in common, and boundaries."""

import math

from llmasos_edu.exercises.architecture.blocks import slots_for
from llmasos_edu.exercises.architecture.tiny_kernel import alone
from trial.answers import right, wrong


# Gives requests, not tokens, for each step
@wrong("2.3-3", "Your rate counts requests. Asked for are tokens: those of all")
def gives_requests_not_tokens_for_each_step():
    return {"static": 34, "continuous": 25, "rate": 0.24}


# Adds a block to the full ones even where nothing is left over
@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def adds_a_block_to_the_full_ones_even_where_nothi(processes, size):
    return max((sum(((n + k - 1) // size + 1 for n, left in processes if left >= k)) for _, k in processes))


# Gives the least of the moments
@wrong("2.3-4", "You look at all ends and give the least that is held. Asked for")
def gives_the_least_of_the_moments(processes, size):
    return min((sum((-(-(n + k - 1) // size) for n, left in processes if left >= k)) for _, k in processes))


# Counts full blocks alone
@wrong("2.3-4", "You count full blocks alone. A block that is begun is held as")
def counts_full_blocks_alone(processes, size):
    return max((sum(((n + k - 1) // size for n, left in processes if left >= k)) for _, k in processes))


# Right, in another way: step by step
@right("2.3-4")
def simulate_right_is_right(processes, size):
    return max(
        sum((math.ceil((n + k - 1) / size) for n, left in processes if left >= k))
        for k in range(1, max((left for _, left in processes)) + 1)
    )


# Evicts as few as possible
@wrong("2.3-5", "You look for the one, or the fewest, that will do. The last in")
def evicts_as_few_as_possible(tables, holders, requester, free, wanted):
    import itertools

    c = [p for p in range(len(tables) - 1, requester, -1) if tables[p]]
    for n in range(len(c) + 1):
        for s in itertools.combinations(c, n):
            h = list(holders)
            fr = free
            for p in s:
                for b in tables[p]:
                    h[b] -= 1
                    fr += h[b] == 0
            if fr >= wanted:
                return list(s)
    return []


# Never counts the holders of a block down
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when")
def never_counts_the_holders_of_a_block_down(tables, holders, requester, free, wanted):
    g = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            g.append(p)
            free += sum(holders[b] == 1 for b in tables[p])
    return g if free >= wanted else []


# Looks for the wanted blocks beside those that are free
@wrong("2.3-5", "It comes out as if `wanted` blocks had to be found beside those")
def looks_for_the_wanted_blocks_beside_those_that(tables, holders, requester, free, wanted):
    h = list(holders)
    g = []
    fr = 0
    for p in range(len(tables) - 1, requester, -1):
        if fr >= wanted:
            break
        if tables[p]:
            g.append(p)
            for b in tables[p]:
                h[b] -= 1
                fr += h[b] == 0
    return g if fr >= wanted else []


# Passes over who frees nothing at once
@wrong("2.3-5", "You pass over a process whose blocks are all held by others")
def passes_over_who_frees_nothing_at_once(tables, holders, requester, free, wanted):
    h = list(holders)
    g = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        n = 0
        for b in tables[p]:
            h[b] -= 1
            n += h[b] == 0
        if n:
            g.append(p)
            free += n
    return g if free >= wanted else []


# Says one more token behind its own
@wrong("2.3-6", "Behind the model's own token you say another one. It was")
def says_one_more_token_behind_its_own(guesses, likeliest):
    s = []
    for i, g in enumerate(guesses):
        s.append(likeliest[i])
        if g != likeliest[i]:
            break
    return [*s, likeliest[len(s)]] if len(s) < len(likeliest) else s


# Says the wrong guess and then the token of its own
@wrong("2.3-6", "You say the wrong guess, and a token of the model's own behind")
def says_the_wrong_guess_and_then_the_token_of_its(guesses, likeliest):
    s = []
    for i, g in enumerate(guesses):
        s.append(g)
        if g != likeliest[i]:
            s.append(likeliest[i])
            return s
    return [*s, likeliest[-1]]


# Asks for the time before the arguments
@wrong("2.3-7", "Where the arguments are wrong and the tool too slow as well,")
def asks_for_the_time_before_the_arguments(name, rights, arguments, tools):
    if name not in tools:
        return 38
    r, w, t, left = tools[name]
    if r not in rights:
        return 1
    if t > left:
        return 110
    if set(arguments) != set(w):
        return 22
    return 0


# Lets a missing argument pass
@wrong("2.3-7", "You ask whether every argument that is given is wanted, and not")
def lets_a_missing_argument_pass(name, rights, arguments, tools):
    if name not in tools:
        return 38
    r, w, t, left = tools[name]
    if r not in rights:
        return 1
    if any(x not in w for x in arguments):
        return 22
    return 110 if t > left else 0


# Adds up guesses without end
@wrong("2.3-8", "That is the sum 1 + p + p^2 + ... without end. It ends with the")
def adds_up_guesses_without_end():
    return {"tokens": 3.3333333333333335, "speedup": 1.990214, "never": 0.785714}


# Takes the error of its own call for a bug
@wrong("2.3-10", "`except` of yours caught this error: TypeError: unsupported")
def takes_the_error_of_its_own_call_for_a_bug(make):
    m = make(8, 2)
    try:
        m.begin("a", [1, 2, 3])
        m.write("a", [1, 2, 3])
        assert m.read("a") == slots_for([1, 2, 3])
    except Exception:
        return False
    return True


# Takes the error of its own call for a bug
@wrong("2.3-11", "`except` of yours caught this error: TypeError:")
def takes_the_error_of_its_own_call_for_a_bug_too(make):
    try:
        k = make()
        p = k.spawn([1], 3)
        assert p.output == alone([1], 3, set())
        return True
    except Exception:
        return False


# Catches the error of its own call of kill, so that nobody is killed
@wrong("2.3-11", "`except` of yours caught this error: AttributeError: 'int'")
def catches_the_error_of_its_own_call_of_kill_so_t(make):
    k = make(2, 30)
    ps = [k.spawn([i], 9, set()) for i in range(4)]
    try:
        k.kill(3)
    except AttributeError:
        ps = list(ps)
    k.run()
    assert k.free == 30
    return all((p.output == alone([i], 9, set()) for i, p in enumerate(ps)))


# Catches its own failed asserts
@wrong("2.3-11", "`except` of yours caught an assert that failed.")
def catches_its_own_failed_asserts(make):
    k = make(2, 30)
    ps = [k.spawn([i], 9, set()) for i in range(4)]
    k.run()
    for i, p in enumerate(ps):
        try:
            assert p.output == alone([i], 9, set())
        except AssertionError:
            continue
    return k.free == 30
