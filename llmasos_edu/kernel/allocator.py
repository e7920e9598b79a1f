"""Allocators: memory in pieces of any size, and the holes that they leave (chapter 2.2).

Where pieces differ in size, memory that is given back leaves holes between pieces in use. A request may then
fail although enough is free, because no single hole is large enough: external fragmentation.

Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapter 17.
"""

from typing import NamedTuple

from llmasos_edu.foundation.arguments import check_count


class OutOfMemory(MemoryError):
    """No hole is large enough."""


class Piece(NamedTuple):
    """A stretch of memory from `start`, `size` long."""

    start: int
    size: int
    used: bool


def external_fragmentation(holes: list[int]) -> float:
    """The share of the free memory that lies outside the largest hole: `1 - max(holes) / sum(holes)`.

    0 where nothing is free, or where all that is free lies together.
    """
    return 1 - max(holes) / sum(holes) if holes else 0.0


class FreeList:
    """Memory with a list of its holes.

    Args:
        size: of the whole memory.
        fit: which hole a request gets: the `first` large enough, the `best` (the smallest large enough) or
            the `worst` (the largest).

    Source: Knuth, "The Art of Computer Programming", volume 1, section 2.5.
    """

    FITS = ("first", "best", "worst")

    def __init__(self, size: int, fit: str = "first"):
        check_count("size", size)
        if fit not in self.FITS:
            raise ValueError(f"fit={fit!r} is none of {', '.join(self.FITS)}")
        self.size, self.fit = size, fit
        self.holes = {0: size}  # start: size, in order of the starts
        self.used: dict[int, int] = {}

    def allocate(self, size: int) -> int:
        """Take `size` from a hole; returns where it starts.

        Raises:
            OutOfMemory: no hole is large enough; says how much is free, and the largest hole.
        """
        check_count("size", size)
        large_enough = [start for start, hole in self.holes.items() if hole >= size]
        if not large_enough:
            free, largest = sum(self.holes.values()), max(self.holes.values(), default=0)
            raise OutOfMemory(f"{size} asked for, {free} free, but the largest hole is {largest}")
        if self.fit != "first":
            choose = min if self.fit == "best" else max
            large_enough = [choose(large_enough, key=self.holes.get)]
        start = large_enough[0]
        rest = self.holes.pop(start) - size
        self.used[start] = size
        if rest:
            self._add_hole(start + size, rest)
        return start

    def free(self, start: int) -> None:
        """Give a piece back; it joins the holes that touch it.

        Raises:
            ValueError: no piece in use starts there (freed twice?).
        """
        if start not in self.used:
            raise ValueError(f"no piece in use starts at {start}")
        size = self.used.pop(start)
        before = next((at for at, hole in self.holes.items() if at + hole == start), None)
        if before is not None:
            size += self.holes.pop(before)
            start = before
        size += self.holes.pop(start + size, 0)
        self._add_hole(start, size)

    def _add_hole(self, start: int, size: int) -> None:
        self.holes[start] = size
        self.holes = dict(sorted(self.holes.items()))

    @property
    def fragmentation(self) -> float:
        """The share of the free memory outside the largest hole."""
        return external_fragmentation(list(self.holes.values()))

    def pieces(self) -> list[Piece]:
        """The whole memory from start to end, used pieces and holes."""
        used = [Piece(start, size, True) for start, size in self.used.items()]
        return sorted(used + [Piece(start, size, False) for start, size in self.holes.items()])


class Buddy:
    """Memory cut in halves: pieces are powers of two, and a piece joins its other half when both are free.

    Finding and joining is quick; the price is internal fragmentation, for a request gets a power of two.

    Args:
        size: of the whole memory, a power of two.

    Source: Knowlton 1965, "A Fast Storage Allocator".
    """

    def __init__(self, size: int):
        check_count("size", size)
        if size & (size - 1):
            raise ValueError(f"size={size} is not a power of two")
        self.size = size
        self.holes: dict[int, set[int]] = {size: {0}}  # size of the piece: where free ones start
        self.used: dict[int, int] = {}  # start: size of the piece
        self.asked: dict[int, int] = {}  # start: what was asked for

    def allocate(self, size: int) -> int:
        """Take a piece of at least `size`; returns where it starts.

        Raises:
            OutOfMemory: no free piece is large enough.
        """
        check_count("size", size)
        wanted = 1 << (size - 1).bit_length()
        large_enough = [piece for piece, starts in self.holes.items() if piece >= wanted and starts]
        if not large_enough:
            free = sum(piece * len(starts) for piece, starts in self.holes.items())
            raise OutOfMemory(f"{size} asked for, {free} free, but no free piece of {wanted} or more")
        piece = min(large_enough)
        start = min(self.holes[piece])
        self.holes[piece].remove(start)
        while piece > wanted:  # keep the left half, the right one is free
            piece //= 2
            self.holes.setdefault(piece, set()).add(start + piece)
        self.used[start], self.asked[start] = piece, size
        return start

    def free(self, start: int) -> None:
        """Give a piece back; it joins its buddy, and the pair its own, as long as both are free.

        The buddy's start differs in one bit, that of the size: `start ^ size`.

        Raises:
            ValueError: no piece in use starts there (freed twice?).
        """
        if start not in self.used:
            raise ValueError(f"no piece in use starts at {start}")
        piece = self.used.pop(start)
        del self.asked[start]
        while piece < self.size and start ^ piece in self.holes.get(piece, ()):
            self.holes[piece].remove(start ^ piece)
            start, piece = min(start, start ^ piece), 2 * piece
        self.holes.setdefault(piece, set()).add(start)

    @property
    def fragmentation(self) -> float:
        """The share of the free memory outside the largest free piece."""
        return external_fragmentation([size for size, starts in self.holes.items() for _ in starts])

    @property
    def internal_fragmentation(self) -> float:
        """The share of the pieces in use that nobody asked for; 0 where none is in use."""
        given = sum(self.used.values())
        return 1 - sum(self.asked.values()) / given if given else 0.0

    def pieces(self) -> list[Piece]:
        """The whole memory from start to end, used pieces and free ones."""
        used = [Piece(start, size, True) for start, size in self.used.items()]
        free = [Piece(start, size, False) for size, starts in self.holes.items() for start in starts]
        return sorted(used + free)
