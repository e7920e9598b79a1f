"""What the readers' tests of 2.3-10 and 2.3-11 are run on: correct machines, and machines with one bug each.

These bugs are here on purpose.
"""

from llmasos_edu.exercises.architecture.blocks import Blocks
from llmasos_edu.exercises.architecture.tiny_kernel import TinyKernel, say

# Memories, correct in another way ----------------------------------------------------------------------


class FromTheEnd(Blocks):
    def choose(self):
        return len(self.holders) - 1 - self.holders[::-1].index(0)


class UnknownFirst(Blocks):
    """A free block whose contents may be found again is taken last."""

    def choose(self):
        free = [block for block, holders in enumerate(self.holders) if holders == 0]
        return min(free, key=lambda block: (block in self.known.values(), block))


class HashedKeys(Blocks):
    def key(self, user, tokens, end):
        return (hash((user, tuple(tokens[:end]))),)


# Memories with one bug ---------------------------------------------------------------------------------


class ForkNotCounted(Blocks):
    def fork(self, name, child):
        super().fork(name, child)
        for block in self.tables[child]:
            self.holders[block] -= 1


class FoundNotCounted(Blocks):
    def find(self, name, block):
        self.tables[name].append(block)


class NeverCopied(Blocks):
    def must_copy(self, block):
        return False


class CopiedWithoutContents(Blocks):
    def copy_last(self, name):
        super().copy_last(name)
        self.slots[self.tables[name][-1]] = [0] * self.block_size


class OldOneStillHeld(Blocks):
    def copy_last(self, name):
        self.hold(self.tables[name][-1])
        super().copy_last(name)


class TakenButKnown(Blocks):
    def forget(self, block):
        pass


class KeyOfTheBlockAlone(Blocks):
    def key(self, user, tokens, end):
        return user, end, tuple(tokens[end - self.block_size : end])


class KeyWithoutOrder(Blocks):
    def key(self, user, tokens, end):
        return user, tuple(sorted(tokens[:end]))


class KeyWithoutUser(Blocks):
    def key(self, user, tokens, end):
        return (tuple(tokens[:end]),)


class NothingLeftToWrite(Blocks):
    def reusable(self, count):
        return count


class LastBlockLeaks(Blocks):
    def drop(self, name):
        for block in self.tables.pop(name)[:-1]:
            self.release(block)


class FreeWhileHeld(Blocks):
    def release(self, block):
        self.holders[block] = 0


# Kernels, correct in another way -----------------------------------------------------------------------


class EvictsAtOnce(TinyKernel):
    """Whoever has not run in a step keeps nothing: slower, and right."""

    def step(self):
        more = super().step()
        for process in self.processes:
            if process.pid not in self.ran:
                process.held = 0
        return more


class LongestFirst(TinyKernel):
    """The same turns; newcomers begin in another order."""

    def rank(self, process):
        return process.back, -len(process.tokens) if process.back == 0 else 0, process.pid


# Kernels with one bug ----------------------------------------------------------------------------------


class OneTooMany(TinyKernel):
    def is_done(self, process):
        return len(process.tokens) > process.limit


class OneTooFew(TinyKernel):
    def is_done(self, process):
        return len(process.tokens) >= max(process.prompt_len + 1, process.limit - 1)


class OneRowTooMany(TinyKernel):
    def rows(self):
        return self.slots + 1


class DeadKeepMemory(TinyKernel):
    def kill(self, process):
        held = process.held
        super().kill(process)
        process.held = held


class DoneKeepMemory(TinyKernel):
    def end(self, process, state):
        held = process.held
        super().end(process, state)
        process.held = held if state == "done" else 0


class LowestNumberFirst(TinyKernel):
    def rank(self, process):
        return (process.pid,)


class EvictedForgetTheirStart(TinyKernel):
    lost = frozenset()

    def evict(self, process):
        super().evict(process)
        self.lost |= {process.pid}

    def next_token(self, process):
        return say(process.tokens[1:] if process.pid in self.lost else process.tokens)


class MemoryWithoutEnd(TinyKernel):
    def make_room(self, process, ready):
        return True


class RightsNotAsked(TinyKernel):
    def may_pay(self, process):
        return True


class AnyRightWillDo(TinyKernel):
    def may_pay(self, process):
        return bool(process.rights)


class NeverRefuses(TinyKernel):
    def could_fit(self, process):
        return True


class KillsTheNeighbour(TinyKernel):
    def kill(self, process):
        super().kill(process)
        for other in self.processes[process.pid + 1 : process.pid + 2]:
            super().kill(other)


# The lists ---------------------------------------------------------------------------------------------

GOOD_MEMORIES = {
    "a correct memory": Blocks,
    "a correct memory that fills from its end": FromTheEnd,
    "a correct memory that keeps known blocks as long as it can": UnknownFirst,
    "a correct memory with hashed keys": HashedKeys,
}
BAD_MEMORIES = {
    "a fork that is not counted": ForkNotCounted,
    "a block from the cache that is not counted": FoundNotCounted,
    "no copy before a write": NeverCopied,
    "a copy without its contents": CopiedWithoutContents,
    "after a copy the old block is still held": OldOneStillHeld,
    "a block that is taken and still known": TakenButKnown,
    "a key of the block alone": KeyOfTheBlockAlone,
    "a key that forgets the order": KeyWithoutOrder,
    "a key that forgets the user": KeyWithoutUser,
    "a text that is wholly taken from the cache": NothingLeftToWrite,
    "a last block that is never given back": LastBlockLeaks,
    "a block that is free while somebody holds it": FreeWhileHeld,
}
GOOD_KERNELS = {
    "a correct kernel": TinyKernel,
    "a correct kernel that evicts whoever does not run": EvictsAtOnce,
    "a correct kernel that lets long prompts begin first": LongestFirst,
}
BAD_KERNELS = {
    "one token too many": OneTooMany,
    "one token too few": OneTooFew,
    "one row too many": OneRowTooMany,
    "the killed keep their memory": DeadKeepMemory,
    "the ended keep their memory": DoneKeepMemory,
    "the lowest number always first": LowestNumberFirst,
    "the evicted forget how they began": EvictedForgetTheirStart,
    "memory without end": MemoryWithoutEnd,
    "rights that nobody asks for": RightsNotAsked,
    "any right will do": AnyRightWillDo,
    "a text that can never fit is let in": NeverRefuses,
    "a neighbour that is killed too": KillsTheNeighbour,
}
