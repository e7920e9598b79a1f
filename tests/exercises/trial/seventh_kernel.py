"""A seventh trial, chapter 2.3: answers written from the statements alone."""

import math

from trial.answers import right, wrong


# Full blocks from the prompt alone, 15 // 8 = 1: what was said is not looked at
@wrong("2.3-1", "Asked for: how many blocks the computed slots fill to the end.")
def full_blocks_from_the_prompt_alone_15_8_1():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 1}


# Each block is looked up by its own tokens and place alone, in any text: what stood before it there is
# not compared
@wrong("2.3-2", "You compare each block by its own tokens. The keys and values in")
def each_block_is_looked_up_by_its_own_tokens(prompt, read, size):
    known = set()
    for text in read:
        for b in range(len(text) // size):
            known.add((b, tuple(text[b * size : (b + 1) * size])))
    blocks = 0
    while (blocks + 1) * size < len(prompt) and (
        blocks,
        tuple(prompt[blocks * size : (blocks + 1) * size]),
    ) in known:
        blocks += 1
    return blocks * size


# Equal blocks are counted wherever they stand in the row: a gap in the middle does not stop the count
@wrong("2.3-2", "For another first token, your result is 2 and should be 0, 2 too")
def equal_blocks_are_counted_wherever_they_stand(prompt, read, size):
    best = 0
    for text in read:
        blocks = min(len(text), len(prompt) - 1) // size
        same = sum(
            list(text[b * size : (b + 1) * size]) == list(prompt[b * size : (b + 1) * size])
            for b in range(blocks)
        )
        best = max(best, same * size)
    return best


# A trie of nested dictionaries keyed by whole blocks, walked recursively
@right("2.3-2")
def a_trie_of_nested_dictionaries_keyed_by_whole(prompt, read, size):
    root = {}
    for text in read:
        node = root
        for b in range(len(text) // size):
            node = node.setdefault(tuple(text[b * size : (b + 1) * size]), {})

    def walk(node, at):
        key = tuple(prompt[at : at + size])
        if at + size >= len(prompt) or key not in node:
            return at
        return walk(node[key], at + size)

    return walk(root, 0)


# Continuous as a perfect packing, 48 tokens / 2 slots = 24 steps and rate 2, the idle slot at the end
# forgotten
@wrong("2.3-3", "That is all tokens divided by the slots: the least it could")
def continuous_as_a_perfect_packing_48_tokens_2():
    return {"static": 34, "continuous": 24, "rate": 2.0}


# Slots of all processes are pooled and rounded up once: no process has a last block that is partly empty
@wrong("2.3-4", "You add all slots and round up once. Two processes never share a")
def slots_of_all_processes_are_pooled(processes, size):
    return max(
        math.ceil(sum(n + k - 1 for n, left in processes if left >= k) / size)
        for k in {left for _, left in processes}
    )


# At the moment at which somebody ends its blocks count as given back already (left > k)
@wrong("2.3-4", "At the moment when a process says its last token you no longer")
def at_the_moment_at_which_somebody_ends(processes, size):
    return max(
        sum(-(-(n + k - 1) // size) for n, left in processes if left > k)
        for k in {left for _, left in processes}
    )


# Simulates every step and takes the maximum as it goes
@right("2.3-4")
def simulates_every_step_and_takes_the_maximum(processes, size):
    alive, peak, k = [list(p) for p in processes], 0, 0
    while alive:
        peak = max(peak, sum((n + k - 1 + size - 1) // size for n, _ in alive))
        k += 1
        alive = [p for p in alive if p[1] >= k]
    return peak


# A block counts as freed only if it had one holder at the start: one shared by two victims never becomes
# free
@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when")
def a_block_counts_as_freed_only_if_it_had(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            free += sum(holders[b] == 1 for b in tables[p])
    return out if free >= wanted else []


# A process that would free nothing at once (all its blocks shared) is passed over, though it must let go
@wrong("2.3-5", "For both holders go, your result has 0 entries, and 2 are asked")
def a_process_that_would_free_nothing_at_once(tables, holders, requester, free, wanted):
    holders, out = list(holders), []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        gain = sum(holders[b] == 1 for b in tables[p])
        if gain:
            for b in tables[p]:
                holders[b] -= 1
            free += gain
            out.append(p)
    return out if free >= wanted else []


# Do ... while: one process is evicted before it is asked whether enough is free already
@wrong("2.3-5", "For enough is free, your result has 1 entry, and 0 are asked")
def do_while_one_process_is_evicted_before(tables, holders, requester, free, wanted):
    holders, out = list(holders), []
    for p in range(len(tables) - 1, requester, -1):
        if not tables[p]:
            continue
        for b in tables[p]:
            holders[b] -= 1
            free += holders[b] == 0
        out.append(p)
        if free >= wanted:
            return out
    return out if free >= wanted else []


# Zip stops with the guesses: when all are right the model's own token after them is not said
@wrong("2.3-6", "Where all guesses are right (or there are none), you say no")
def zip_stops_with_the_guesses(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        said.append(own)
        if guess != own:
            break
    return said


# The one token of the model's own is always likeliest[k], also after a guess that was thrown away
@wrong("2.3-6", "You end with the token after all guesses, wherever the first")
def the_one_token_of_the_model_s_own_is_always(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess != own:
            break
        said.append(guess)
    return [*said, likeliest[-1]]


# Arguments are too many without complaint: it is only asked whether all that the tool wants are there
@wrong("2.3-7", "You ask whether every argument that is wanted is there, and not")
def arguments_are_too_many_without_complaint(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, wanted, time, limit = tools[name]
    if need not in rights:
        return 1
    if not all(a in arguments for a in wanted):
        return 22
    return 110 if time > limit else 0


# The right is sought in the joined text of all rights: a right whose name is a part of another's passes
@wrong("2.3-7", "A right counts in your version when its name stands in that of")
def the_right_is_sought_in_the_joined_text(name, rights, arguments, tools):
    if name not in tools:
        return 38
    need, wanted, time, limit = tools[name]
    if need not in " ".join(rights):
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# The step without guesses costs 1, its own token's 0.05 forgotten there: speedup and never relative to 1
@wrong("2.3-8", "Without guesses a step reads one token too, and pays for it: 1 +")
def the_step_without_guesses_costs_1_its_own():
    tokens = 1 + 0.7 + 0.49 + 0.343
    return {"tokens": tokens, "speedup": tokens / 1.4, "never": 1 / 1.4}


_NINE = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


# False = True, a sentence without its control is taken for a false one
@wrong("2.3-9", "It was measured, and it is true of what was measured. What is")
def false_true_a_sentence_without_its_control():
    return {**_NINE, "false": True}


# Tests only that a new memory has the size that was asked for and that two memories are two objects: bugs
# of use slip through
@wrong("2.3-10", "All memories pass, the broken ones too: no failed assert came out, and")
def tests_only_that_a_new_memory_has_the_size(make):
    first, second = make(4, 2), make(4, 2)
    assert first is not second
    assert first is not None
    assert second is not None


# Returns False always ('if in doubt reject'): right memories are rejected too
@wrong("2.3-10", "Your review sends all memories back, the right ones too. Does it")
def returns_false_always_if_in_doubt_reject(make):
    return False


# Any exception on the way is swallowed (try / except) and the kernel passes
@wrong("2.3-11", "All kernels pass, the broken ones too: no failed assert came out, and")
def any_exception_on_the_way_is_swallowed_try(make):
    try:
        kernel = make(2, 8)
        kernel.spawn([1, 2, 3], 4)
        for _ in range(20):
            kernel.step()
    except Exception:
        pass
    return True


# Returns the result of a test as text ('ok'), asserts nothing about the texts
@wrong("2.3-11", "Your review returned a str ('ok'). Does it pass then, or not?")
def returns_the_result_of_a_test_as_text_ok(make):
    make(1, 4)
    make(3, 16)
    return "ok"


def _twelve(**other):
    said = {
        "borne": 3,
        "refuted": 1,
        "verdict": "holds when memory is short",
        "ample": "it is against the claim or could be either",
        "next": "more draws where it could be either",
    }
    return {**said, **other}


# Refuted = 0, 'against' read as wholly below zero instead of below the 3 steps that count
@wrong("2.3-12", "No interval lies below 0, but that is not the mark. A saving")
def refuted_0_against_read_as_wholly_below_zero():
    return _twelve(refuted=0)
