"""A memory of blocks behind block tables: exercise 2.3-10 tests it. Correct here, broken in `broken.py`."""


def mixed(before: int, token: int) -> int:
    """What a token's slot holds: a whole number that depends on the token and on the slot before."""
    return (before * 31 + token + 17) % 1_000_003


def slots_for(tokens: list[int]) -> list[int]:
    """What the slots of a text hold in a memory that is right."""
    slots = []
    for token in tokens:
        slots.append(mixed(slots[-1] if slots else 1, token))
    return slots


class Blocks:
    """Texts in blocks: shared where they begin alike, copied before one of them writes.

    Args:
        num_blocks: how many there are.
        block_size: tokens in each.
    """

    def __init__(self, num_blocks: int, block_size: int):
        self.block_size = block_size
        self.slots = [[None] * block_size for _ in range(num_blocks)]
        self.holders = [0] * num_blocks  # how many tables hold each block
        self.known: dict[tuple, int] = {}  # full blocks by what they stand for
        self.tables: dict[str, list[int]] = {}
        self.texts: dict[str, list[int]] = {}  # the tokens that are in the slots
        self.users: dict[str, str] = {}

    @property
    def free(self) -> int:
        """How many blocks no table holds."""
        return self.holders.count(0)

    def begin(self, name: str, tokens: list[int], user: str = "") -> int:
        """A new text that will begin with these tokens. It takes over the full blocks that are known.

        At least one token is left to write. Users share nothing with each other.

        Returns:
            how many of the tokens are there already; the others are still to be written.
        """
        self.tables[name], self.texts[name], self.users[name] = [], [], user
        for end in range(self.block_size, self.reusable(len(tokens)) + 1, self.block_size):
            block = self.known.get(self.key(user, tokens, end))
            if block is None:
                break
            self.find(name, block)
            self.texts[name] = list(tokens[:end])
        return len(self.texts[name])

    def write(self, name: str, token: int) -> None:
        """Put a token behind a text.

        Raises:
            MemoryError: a block is wanted and none is free.
        """
        place, slots = len(self.texts[name]) % self.block_size, self.read(name)
        if place == 0:
            self.tables[name].append(self.take())
        elif self.must_copy(self.tables[name][-1]):
            self.copy_last(name)
        last = self.tables[name][-1]
        self.slots[last][place] = mixed(slots[-1] if slots else 1, token)
        self.texts[name].append(token)
        if place == self.block_size - 1:
            key = self.key(self.users[name], self.texts[name], len(self.texts[name]))
            self.known.setdefault(key, last)

    def read(self, name: str) -> list[int]:
        """What is in the slots of a text, through its table: `slots_for` of its tokens."""
        slots = [slot for block in self.tables[name] for slot in self.slots[block]]
        return slots[: len(self.texts[name])]

    def fork(self, name: str, child: str) -> None:
        """A second text onto the same blocks."""
        self.tables[child] = [self.hold(block) for block in self.tables[name]]
        self.texts[child], self.users[child] = list(self.texts[name]), self.users[name]

    def drop(self, name: str) -> None:
        """A text ends; what it held alone is free."""
        for block in self.tables.pop(name):
            self.release(block)

    # ---- the parts ----

    def reusable(self, count: int) -> int:
        return count - 1

    def key(self, user: str, tokens: list[int], end: int) -> tuple:
        return user, tuple(tokens[:end])

    def find(self, name: str, block: int) -> None:
        self.tables[name].append(self.hold(block))

    def hold(self, block: int) -> int:
        self.holders[block] += 1
        return block

    def release(self, block: int) -> None:
        self.holders[block] -= 1

    def must_copy(self, block: int) -> bool:
        return self.holders[block] > 1

    def copy_last(self, name: str) -> None:
        old, new = self.tables[name][-1], self.take()
        self.slots[new] = list(self.slots[old])
        self.tables[name][-1] = new
        self.release(old)

    def choose(self) -> int:
        return self.holders.index(0)

    def take(self) -> int:
        if not self.free:
            raise MemoryError(f"all {len(self.holders)} blocks are in use")
        block = self.choose()
        self.forget(block)
        return self.hold(block)

    def forget(self, block: int) -> None:
        self.known = {key: number for key, number in self.known.items() if number != block}
