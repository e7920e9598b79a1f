"""The exercises of chapter 2.3: solutions, blanks, known mistakes, and what readers write instead of both."""

import errno
import sys
from itertools import takewhile

import cloudpickle
import pytest
from exercise_rules import every_case, rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find, judge
from llmasos_edu.exercises.architecture.blocks import Blocks, slots_for
from llmasos_edu.exercises.architecture.broken import BAD_KERNELS, BAD_MEMORIES, GOOD_KERNELS, GOOD_MEMORIES
from llmasos_edu.exercises.architecture.tiny_kernel import PAY, TinyKernel, alone, say
from llmasos_edu.exercises.checker.terms import along
from llmasos_edu.kernel.admission import future_peak
from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.memory import AddressSpace, BlockPool
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.speculation import NGramDraft
from llmasos_edu.kernel.syscalls import SyscallTable

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def reused_by_a_set(prompt, read, size):
    known = {tuple(text[:end]) for text in read for end in range(size, len(text) + 1, size)}
    reused = 0
    for end in range(size, len(prompt), size):
        if tuple(prompt[:end]) not in known:
            break
        reused = end
    return reused


def peak_by_walking(processes, size):
    peak, step, longest = 0, 1, max((left for _, left in processes), default=0)
    while step <= longest:
        held = 0
        for tokens, left in processes:
            if left >= step:
                held += (tokens + step - 1 + size - 1) // size
        peak, step = max(peak, held), step + 1
    return peak


def victims_by_trying(tables, holders, requester, free, wanted):
    gone = []
    for count in range(len(tables) - requester):
        chosen = [p for p in range(len(tables) - 1, requester, -1) if tables[p]][:count]
        held = [block for p in chosen for block in tables[p]]
        freed = sum(held.count(block) == holders[block] for block in set(held))
        if free + freed >= wanted:
            return chosen
        gone = chosen
    return [] if gone is not None else gone


def kept_by_counting(guesses, likeliest):
    right = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(guesses, likeliest, strict=False))))
    return likeliest[: right + 1]


def call_by_a_chain(name, rights, arguments, tools):
    tool = tools.get(name)
    if tool is None:
        return errno.ENOSYS
    if not any(right == tool[0] for right in rights):
        return errno.EPERM
    if set(arguments) ^ set(tool[1]):
        return errno.EINVAL
    return 0 if tool[2] <= tool[3] else errno.ETIMEDOUT


def memory_reviewed_without_asserts(make):
    """Random moves, both invariants after each."""
    import random

    draw = random.Random(1)
    memory = make(10, 2)
    pool = [[1, 2, 3, 4, 0], [2, 1, 3, 4, 0], [1, 2, 4, 3, 0], [2, 1, 4, 3, 1], [1, 2, 3, 4]]
    owner = {}
    for number in range(400):
        name, living = f"t{number}", list(memory.tables)
        if living and (draw.random() < 0.45 or len(living) > 2):
            memory.drop(draw.choice(living))
        elif living and draw.random() < 0.4:
            parent = draw.choice(living)
            memory.fork(parent, name)
            owner[name] = owner[parent]
            for each in (name, parent):
                if memory.free:
                    memory.write(each, draw.randrange(5))
        elif memory.free > 3:
            tokens = [draw.randrange(5, 9) for _ in range(4)] if draw.random() < 0.3 else draw.choice(pool)
            user = draw.choice("ab")
            shared = [n for n in memory.tables if owner[n] != user]
            found = memory.begin(name, tokens, user)
            owner[name] = user
            if found >= len(tokens):
                return False
            if any(set(memory.tables[name]) & set(memory.tables[n]) for n in shared):
                return False
            for token in tokens[found:]:
                memory.write(name, token)
        held = [block for table in memory.tables.values() for block in table]
        if memory.holders != [held.count(block) for block in range(10)]:
            return False
        if any(memory.read(n) != slots_for(memory.texts[n]) for n in memory.tables):
            return False
    return True


def kernel_reviewed_by_sizes(make):
    """Some kernels of several sizes; what can be seen is asked after every step."""
    for slots, memory in ((1, 16), (2, 24), (3, 40)):
        kernel = make(slots, memory)
        jobs = [([n, n + 1], 10, {"pay"} if n % 2 else {"other"}) for n in range(5)] + [
            ([1], memory + 1, {"pay"})
        ]
        family = [kernel.spawn(*job) for job in jobs]
        if family[-1].state != "refused":
            return False
        family.pop()
        for step in range(400):
            if step == 2 * slots:
                kernel.kill(family[2])
                if kernel.free != memory - sum(p.held for p in family if p.state == "ready"):
                    return False
            if not kernel.step():
                break
            turns = [p.turns for p in family if p.state == "ready"]
            if len(kernel.ran) > slots or kernel.free < 0 or (turns and max(turns) - min(turns) > 2):
                return False
        for process, job in zip(family, jobs, strict=False):
            text = alone(*job)
            if process.output != (text[: len(process.output)] if process is family[2] else text):
                return False
            if process.state == "killed" and process is not family[2]:
                return False
        if kernel.free != memory:
            return False
    return True


ALTERNATIVES = {
    "2.3-2": reused_by_a_set,
    "2.3-4": peak_by_walking,
    "2.3-5": victims_by_trying,
    "2.3-6": kept_by_counting,
    "2.3-7": call_by_a_chain,
    "2.3-10": memory_reviewed_without_asserts,
    "2.3-11": kernel_reviewed_by_sizes,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def reused_without_rounding(prompt, read, size):
    longest = 0
    for text in read:
        same = [a == b for a, b in zip(prompt, text, strict=False)]
        longest = max(longest, same.index(False) if False in same else len(same))
    return min(longest, len(prompt) - 1)


def reused_to_the_last(prompt, read, size):
    ends = range(size, len(prompt) + 1, size)
    return max([end for end in ends if any(text[:end] == prompt[:end] for text in read)], default=0)


def peak_without_who_ends(processes, size):
    peak = 0
    for _, now in processes:
        peak = max(peak, sum((t + now - 2) // size + 1 for t, left in processes if left > now))
    return peak


def peak_as_a_sum(processes, size):
    return sum((tokens + left + size - 2) // size for tokens, left in processes)


def victims_all_counted(tables, holders, requester, free, wanted):
    gone = []
    for process in reversed(range(requester + 1, len(tables))):
        if free < wanted and tables[process]:
            gone.append(process)
            free += len(tables[process])
    return gone if free >= wanted else []


def victims_for_nothing(tables, holders, requester, free, wanted):
    left, gone = dict(enumerate(holders)), []
    for process in reversed(range(requester + 1, len(tables))):
        if free >= wanted:
            break
        for block in tables[process]:
            left[block] -= 1
            free += left[block] == 0
        if tables[process]:
            gone.append(process)
    return gone


def kept_every_right_one(guesses, likeliest):
    return [g for g, own in zip(guesses, likeliest, strict=False) if g == own] + likeliest[-1:]


def kept_with_the_wrong_guess(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        said.append(guess)
        if guess != own:
            return said
    return [*said, likeliest[-1]]


def call_by_any_right(name, rights, arguments, tools):
    if name not in tools:
        return 38
    _, wanted, time, limit = tools[name]
    if not rights:
        return 1
    return 22 if set(wanted) != set(arguments) else 110 if time > limit else 0


def memory_by_counts(make):
    memory = make(8, 2)

    def counted():
        held = [block for table in memory.tables.values() for block in table]
        return memory.holders == [held.count(block) for block in range(8)]

    def put(name, tokens, user=""):
        found = memory.begin(name, tokens, user)
        for token in tokens[found:]:
            memory.write(name, token)
        return found < len(tokens) and counted()

    good = put("a", [1, 2, 3])
    memory.fork("a", "b")
    memory.write("b", 4)
    good = good and counted()
    memory.drop("a")
    good = good and counted() and put("c", [1, 2, 3, 4]) and memory.begin("d", [1, 2, 5], "b") == 0
    for name in "bcd":
        memory.drop(name)
    return good and memory.free == 8


def kernel_by_texts(make):
    kernel = make(2, 30)
    jobs = [
        ([1, 2], 12, {"pay"}),
        ([3], 9, {"read"}),
        ([4, 4, 4], 12, set()),
        ([5], 12, {"pay"}),
        ([6, 1], 8, set()),
    ]
    family = [kernel.spawn(*job) for job in jobs]
    kernel.run(5)
    kernel.kill(family[3])
    kernel.run(200)
    for process, job in zip(family, jobs, strict=True):
        text = alone(*job)
        assert process.output == (text[: len(process.output)] if process is family[3] else text)


def call_within_the_limit(name, rights, arguments, tools):
    errno = call_by_a_chain(name, rights, arguments, tools)
    return 110 if errno == 0 and tools[name][2] >= tools[name][3] else errno


def call_with_more_arguments(name, rights, arguments, tools):
    errno = call_by_a_chain(name, rights, arguments, tools)
    if errno == 22 and set(tools[name][1]) <= set(arguments):
        return 110 if tools[name][2] > tools[name][3] else 0
    return errno


def call_as_the_kernel_returns_it(name, rights, arguments, tools):
    return -call_by_a_chain(name, rights, arguments, tools)


VARIATIONS = [
    ("2.3-2", "tokens, not blocks", reused_without_rounding),
    ("2.3-2", "nothing left to compute", reused_to_the_last),
    ("2.3-4", "whoever ends has gone", peak_without_who_ends),
    ("2.3-4", "everybody at their end", peak_as_a_sum),
    ("2.3-5", "shared blocks counted as free", victims_all_counted),
    ("2.3-5", "for nothing", victims_for_nothing),
    ("2.3-6", "the right ones picked out", kept_every_right_one),
    ("2.3-6", "the wrong guess is said", kept_with_the_wrong_guess),
    ("2.3-7", "any right will do", call_by_any_right),
    ("2.3-7", "the limit itself", call_within_the_limit),
    ("2.3-7", "arguments left over", call_with_more_arguments),
    ("2.3-7", "negative numbers", call_as_the_kernel_returns_it),
    ("2.3-10", "counts but no texts", memory_by_counts),
    ("2.3-11", "only the texts", kernel_by_texts),
]

TestRules = rules_for("2.3", ALTERNATIVES, VARIATIONS)

# Questions -------------------------------------------------------------------------------------------

RIGHT = {key: find(key).right() for key in ("2.3-1", "2.3-3", "2.3-8", "2.3-9", "2.3-12")}
IN_ANOTHER_FORM = {
    "2.3-1": {name: float(value) for name, value in RIGHT["2.3-1"].items()},
    "2.3-3": dict(reversed(RIGHT["2.3-3"].items())),
    "2.3-8": {name: round(value, 2) for name, value in RIGHT["2.3-8"].items()},
    "2.3-9": {
        name: value.upper() if isinstance(value, str) else value for name, value in RIGHT["2.3-9"].items()
    },
    "2.3-12": dict(reversed(RIGHT["2.3-12"].items())),
}
SLIPS = [
    ("2.3-9", "memory for all", RIGHT["2.3-9"] | {"swap": "more memory"}),
    ("2.3-9", "called false", RIGHT["2.3-9"] | {"false": True}),
    ("2.3-12", "no condition seen", RIGHT["2.3-12"] | {"verdict": "not shown"}),
]

TestQuestions = question_rules_for("2.3", IN_ANOTHER_FORM, SLIPS, seeds=(None, 1, 7, 11))


@pytest.mark.parametrize("seed", range(30))
def test_the_verdict_follows_from_the_intervals(seed):
    data, right = find("2.3-12").given(seed), find("2.3-12").right(seed)
    assert all(low > data["above"] for low, _ in data["short"])
    assert right["borne"] == 3
    assert right["refuted"] == sum(high <= data["above"] for _, high in data["ample"]) in (1, 2)
    assert not any(low > data["above"] for low, _ in data["ample"])


def test_error_numbers_are_names_and_processes_have_a_plural():
    def arguments_first(name, rights, arguments, tools):
        errno = call_by_a_chain(name, rights, arguments, tools)
        return 22 if errno == 1 and len(arguments) == 1 else errno

    said = judge("2.3-7", arguments_first).message
    assert "is 22 and should be 1." in said
    assert along(-1, ("processes",), 1) == "processes"


def test_every_exercise_knows_five_mistakes():
    for number in range(1, 13):
        assert len(find(f"2.3-{number}").mistakes) >= 5


# The references against the kernel -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_slots_and_batches_by_hand_are_the_kernel_s(seed):
    data = find("2.3-1").given(seed)
    pool = BlockPool(40, data["size"])
    kernel = Kernel(IntegerDriver(), num_blocks=40, block_size=data["size"])
    process = kernel.spawn(range(data["prompt"]), data["said"] + 5)
    kernel.run(max_steps=data["said"])
    right = find("2.3-1").right(seed)
    assert process.space.length == right["computed"]
    assert len(process.output) == data["said"]
    assert len(kernel.pool.index) == right["full blocks"]
    assert right["place"] == process.space.length % data["size"]
    assert data["table"].index(right["block"]) == process.space.length // data["size"]
    assert pool.blocks_for(process.space.length + 1) == len(data["table"])
    lengths = find("2.3-3").given(seed)["lengths"]
    continuous = Kernel(IntegerDriver(), num_blocks=40, slots=2)
    for length in lengths:
        continuous.spawn(b"a", length)
    assert continuous.run() == find("2.3-3").right(seed)["continuous"]


def test_what_is_reused_is_what_the_prefix_cache_finds():
    for got, (prompt, read, size) in every_case("2.3-2"):
        kernel = Kernel(IntegerDriver(), num_blocks=40, block_size=size)
        for text in read:
            kernel.spawn(text, 1)
            kernel.run()
        process = kernel.spawn(prompt, 1)
        kernel.run()
        assert process.reused == got


def test_the_peak_is_that_of_admission():
    for got, (processes, size) in every_case("2.3-4"):
        pool = BlockPool(4, size)
        each = [
            Process(pid=pid, tokens=[0] * tokens, prompt_len=1, limit=tokens + left, space=AddressSpace(pool))
            for pid, (tokens, left) in enumerate(processes)
        ]
        assert future_peak(each, pool) == got


def test_guesses_are_kept_as_the_driver_keeps_them():
    model_steps = 0
    kernel = Kernel(IntegerDriver(), num_blocks=20, draft=NGramDraft(3))
    process = kernel.spawn([1, 2, 1, 2], 40)
    kernel.run()
    text = process.tokens
    for step in kernel.trace.steps[1:]:
        (row,) = step["batch"]
        at = text.index(row["said"][0], model_steps) if row["said"][0] in text[model_steps:] else None
        assert at is not None
        assert len(row["said"]) <= row["guesses"] + 1
    for got, (guesses, likeliest) in every_case("2.3-6"):
        assert got == likeliest[: len(got)]
        assert got[:-1] == guesses[: len(got) - 1]


def test_calls_come_to_what_the_table_says():
    for got, (name, rights, arguments, tools) in every_case("2.3-7"):
        table = SyscallTable()
        for tool, (right, wanted, time, limit) in tools.items():
            scope = {}
            exec(f"def function(process{''.join(', ' + each for each in wanted)}): return ''", scope)
            table.register(tool, scope["function"], capability=right, latency=time, limit=limit)
        kernel = Kernel(IntegerDriver(), num_blocks=4)
        process = kernel.spawn(b"x", 1, capabilities=rights)
        request = f"{name} {{{', '.join(f'{chr(34)}{each}{chr(34)}: 1' for each in arguments)}}}"
        name_of = {0: "OK"} | errno.errorcode
        assert table.dispatch(process, request, 0).errno == name_of[got]


# The machines that readers' tests are run on -----------------------------------------------------------


def test_there_are_twelve_bugs_of_each_kind():
    assert len(BAD_MEMORIES) == len(BAD_KERNELS) == 12
    assert len(GOOD_MEMORIES) >= 3
    assert len(GOOD_KERNELS) >= 3


def test_a_memory_behaves_as_its_docstring_says():
    memory = Blocks(3, 2)
    for token in (1, 2, 3):
        memory.begin("a", [token]) if token == 1 else None
        memory.write("a", token)
    memory.fork("a", "b")
    memory.write("b", 9)
    assert memory.free == 0
    with pytest.raises(MemoryError, match="all 3 blocks"):
        memory.write("b", 9)
    assert memory.read("b") == slots_for([1, 2, 3, 9])


@pytest.mark.parametrize("seed", range(5))
def test_the_tiny_kernel_writes_what_alone_writes(seed):
    kernel = TinyKernel(2, 30)
    jobs = [([seed, n], 5 + n, {"pay"} if n % 2 else set()) for n in range(6)]
    family = [kernel.spawn(*job) for job in jobs]
    kernel.run()
    assert [each.output for each in family] == [alone(*job) for job in jobs]
    assert PAY in {say([n]) for n in range(200)}


def test_a_review_that_says_another_thing_is_told_so():
    verdict = judge("2.3-10", lambda make: 3)
    assert verdict.status == "wrong"
    assert "Return True or False" in verdict.message


def test_a_review_that_misses_some_is_told_which():
    def texts_of_one(make):
        kernel = make(1, 30)
        process = kernel.spawn([1, 2], 12, {"pay"})
        kernel.run(100)
        assert process.output == alone([1, 2], 12, {"pay"})

    verdict = judge("2.3-11", texts_of_one)
    assert verdict.status in ("wrong", "known mistake")
    assert "of 12 bugs" in verdict.message or verdict.mistake


def test_a_seed_draws_more_cases_for_a_function():
    verdict = judge("2.3-5", victims_by_trying, seed=7)
    assert verdict.status == "correct", verdict.message
    assert "all 15 cases" in verdict.message
