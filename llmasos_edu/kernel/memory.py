"""Memory: blocks of key and value slots, block tables, and a cache of prefixes (chapter 2.3).

What a model has read stays in slots, one a token: its keys and values in every layer. Slots come in blocks
of equal size, as memory comes in pages. A process sees its slots through a block table, so its blocks may
lie anywhere, and two processes whose texts begin alike may hold the same block. Here are the numbers of
the blocks and who holds them; what is in them belongs to the driver.
"""

import hashlib
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

GONE = -1  # in a block table: this block lies behind the sliding window and was given back


@dataclass(slots=True)
class Block:
    """One block: how many tables hold it, and the key under which its contents are known."""

    references: int = 0
    key: bytes | None = None


class OutOfBlocks(RuntimeError):
    """A block was asked for and none was free. The kernel makes room first, so a user never sees it."""


class BlockPool:
    """All blocks, the free ones, and an index of those whose contents may be used again.

    A free block keeps its contents and its key until somebody takes it: the one that was freed longest ago
    goes first, and before it those without a key.

    Args:
        num_blocks: how many there are.
        block_size: slots in each.
        prefix_cache: whether full blocks are published for others.

    Source: Kwon et al. 2023, "Efficient Memory Management for Large Language Model Serving with
    PagedAttention", sections 4.2 to 4.4.
    """

    def __init__(self, num_blocks: int, block_size: int, *, prefix_cache: bool = True):
        self.block_size, self.prefix_cache = block_size, prefix_cache
        self.blocks = [Block() for _ in range(num_blocks)]
        self.free = OrderedDict.fromkeys(range(num_blocks))  # the next to be taken stands first
        self.index: dict[bytes, int] = {}

    def blocks_for(self, slots: int) -> int:
        """How many blocks hold so many slots."""
        return -(-slots // self.block_size)

    def take(self) -> int:
        """A block for new contents; what it held is forgotten."""
        if not self.free:
            raise OutOfBlocks(f"all {len(self.blocks)} blocks are in use")
        number, _ = self.free.popitem(last=False)
        block = self.blocks[number]
        if block.key is not None:
            del self.index[block.key]
            block.key = None
        block.references = 1
        return number

    def share(self, number: int) -> int:
        """One more table holds the block."""
        block = self.blocks[number]
        if block.references == 0:
            del self.free[number]
        block.references += 1
        return number

    def release(self, number: int) -> None:
        """One table less holds the block; the last one to let go frees it."""
        block = self.blocks[number]
        block.references -= 1
        if block.references == 0:
            self.free[number] = None
            if block.key is None:
                self.free.move_to_end(number, last=False)

    def publish(self, number: int, key: bytes) -> None:
        """Make a full, computed block known; the first one under a key stays the known one."""
        if self.prefix_cache and key not in self.index:
            self.index[key] = number
            self.blocks[number].key = key

    def cached(self, keys: Iterable[bytes]) -> list[int]:
        """The blocks known under the first of the keys, up to the first that is unknown."""
        found = []
        for key in keys:
            number = self.index.get(key)
            if number is None:
                break
            found.append(number)
        return found

    def holders(self, tables: Iterable[Sequence[int]]) -> dict[int, int]:
        """How many of these tables hold each block."""
        counts: dict[int, int] = {}
        for table in tables:
            for number in table:
                if number != GONE:
                    counts[number] = counts.get(number, 0) + 1
        return counts

    def freed_by(self, given_up: dict[int, int]) -> int:
        """How many blocks would be free if these holds, as from `holders`, were given up."""
        return sum(self.blocks[number].references == count for number, count in given_up.items())


def first_key(salt: str) -> bytes:
    """The key before the first block: processes with other salts never share a key."""
    return hashlib.sha256(b"salt:" + salt.encode()).digest()


def next_key(before: bytes, tokens: Sequence[int]) -> bytes:
    """The key of a block, which stands for its tokens and for all tokens before them."""
    return hashlib.sha256(before + array("q", tokens).tobytes()).digest()


class AddressSpace:
    """The memory of one process: its block table, and how many of its tokens are computed.

    Args:
        pool: where blocks come from.
        salt: only processes with the same salt share cached blocks.
    """

    def __init__(self, pool: BlockPool, salt: str = ""):
        self.pool, self.salt = pool, salt
        self.table: list[int] = []
        self.length = 0  # slots computed
        self.keys = [first_key(salt)]  # keys[i + 1] is that of block i
        self.saved: list | None = None  # contents of the blocks, while swapped out

    def learn_keys(self, tokens: Sequence[int]) -> None:
        """Compute the keys of all full blocks of the text."""
        size = self.pool.block_size
        for block in range(len(self.keys) - 1, len(tokens) // size):
            self.keys.append(next_key(self.keys[-1], tokens[block * size : (block + 1) * size]))

    def prefix(self, tokens: Sequence[int]) -> list[int]:
        """Known blocks that hold the beginning of the text; at least one token is left to compute."""
        if not self.pool.prefix_cache:
            return []
        self.learn_keys(tokens)
        return self.pool.cached(self.keys[1 : 1 + (len(tokens) - 1) // self.pool.block_size])

    def map(self, blocks: Sequence[int]) -> int:
        """Begin with known blocks instead of computing them; returns how many tokens that saved."""
        self.table = [self.pool.share(number) for number in blocks]
        self.length = len(blocks) * self.pool.block_size
        return self.length

    def missing(self, upto: int, prefix: Sequence[int] = (), given_up: dict[int, int] | None = None) -> int:
        """How many free blocks it takes before slots up to `upto` can be written.

        Args:
            prefix: known blocks that an empty space will begin with.
            given_up: holds of other tables that count as given up, as from `BlockPool.holders`.
        """
        pool, given_up = self.pool, given_up or {}
        if self.saved is not None:
            prefix = [number for number in self._known() if number is not None]
            loaded = self.swapped - len(prefix)
            new = pool.blocks_for(upto) - len(self.saved) + loaded
        else:
            new = pool.blocks_for(upto) - len(self.table) - len(prefix)
        unheld = sum(pool.blocks[number].references == given_up.get(number, 0) for number in prefix)
        return new + unheld + self._writes_shared(given_up)

    def reserve(self, upto: int) -> list[tuple[int, int]]:
        """Own every slot from `length` to `upto`; returns the blocks to copy, as (from, to).

        A block that others hold as well is replaced by a copy before it is written (copy-on-write).
        """
        copies = []
        if self._writes_shared({}):
            at = self.length // self.pool.block_size
            shared = self.table[at]
            self.table[at] = self.pool.take()
            self.pool.release(shared)
            copies.append((shared, self.table[at]))
        while len(self.table) < self.pool.blocks_for(upto):
            self.table.append(self.pool.take())
        return copies

    def _writes_shared(self, given_up: dict[int, int]) -> bool:
        """Whether the next slot lies in a block that another table holds too."""
        at = self.length // self.pool.block_size
        if at >= len(self.table):
            return False
        return self.pool.blocks[self.table[at]].references - given_up.get(self.table[at], 0) > 1

    def commit(self, upto: int, tokens: Sequence[int], window: int | None = None) -> None:
        """Slots up to `upto` are computed: publish what became full, give back what is not needed."""
        size, pool = self.pool.block_size, self.pool
        if pool.prefix_cache and upto // size > self.length // size:
            self.learn_keys(tokens)
            for block in range(self.length // size, upto // size):
                pool.publish(self.table[block], self.keys[block + 1])
        self.length = upto
        while len(self.table) > pool.blocks_for(upto):  # guesses that came to nothing
            pool.release(self.table.pop())
        if window is not None:
            self._slide(window)

    def _slide(self, window: int) -> None:
        """Give back the blocks that the next token does not see: it sees itself and `window - 1` before."""
        for block in range((self.length - window + 1) // self.pool.block_size):
            if self.table[block] != GONE:
                self.pool.release(self.table[block])
                self.table[block] = GONE

    def fork(self) -> "AddressSpace":
        """A second table onto the same blocks."""
        child = AddressSpace(self.pool, self.salt)
        child.keys = list(self.keys)
        child.length = self.length
        computed = self.table[: self.pool.blocks_for(self.length)]  # the two will write others apart
        child.table = [number if number == GONE else self.pool.share(number) for number in computed]
        return child

    def drop(self) -> None:
        """Give everything back: what was computed must be computed again."""
        for number in reversed(self.table):  # a text's beginning is the likeliest to be asked for again
            if number != GONE:
                self.pool.release(number)
        self.table, self.length, self.saved = [], 0, None

    def swap_out(self, save: Callable[[int], object]) -> int:
        """Save the contents elsewhere and give the blocks back; returns how many were copied."""
        saved = [None if number == GONE else save(number) for number in self.table]
        length = self.length
        self.drop()
        self.saved, self.length = saved, length
        return len(saved) - saved.count(None)

    def swap_in(self, load: Callable[[int, object], None]) -> int:
        """Take blocks and bring the contents back; returns how many were copied. Known ones are shared."""
        size, copied = self.pool.block_size, 0
        # Before any is taken: taking could give a known one away.
        self.table = [GONE if number is None else self.pool.share(number) for number in self._known()]
        for block, contents in enumerate(self.saved):
            if contents is not None and self.table[block] == GONE:
                number = self.table[block] = self.pool.take()
                load(number, contents)
                copied += 1
                if self.pool.prefix_cache and (block + 1) * size <= self.length:
                    self.pool.publish(number, self.keys[block + 1])
        self.saved = None
        return copied

    def _known(self) -> list[int | None]:
        """For each saved block the one that is known to hold the same; only full ones are."""
        keys, index = self.keys[1 : 1 + self.length // self.pool.block_size], self.pool.index
        known = [index.get(key) for key in keys] + [None] * (len(self.saved) - len(keys))
        return [None if saved is None else number for saved, number in zip(self.saved, known, strict=True)]

    @property
    def swapped(self) -> int:
        """Blocks that wait elsewhere."""
        return 0 if self.saved is None else len(self.saved) - self.saved.count(None)
