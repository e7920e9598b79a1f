"""Paging: virtual addresses, page tables, a TLB, and which page must go (chapter 2.2).

A program names its memory by virtual addresses. They are cut into pages of equal size, the machine's memory
into frames of the same size, and a table says which page lies in which frame. Pages that have no frame lie
on the disk; to touch one is a page fault, and where all frames are taken, a page must make room.

Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapters 18 to 22.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmasos_edu.foundation.arguments import check_count


class PageFault(LookupError):
    """The page has no frame. An operating system would fetch it and let the program try again."""


class ProtectionFault(PermissionError):
    """The page may not be written."""


class Entry(NamedTuple):
    """One line of a page table."""

    frame: int
    writable: bool


class PageTable:
    """Where the pages of one program lie.

    Args:
        page_size: bytes in a page, and in a frame.
        num_pages: size of the virtual memory, in pages.
    """

    def __init__(self, page_size: int, num_pages: int):
        check_count("page_size", page_size)
        check_count("num_pages", num_pages)
        self.page_size = page_size
        self.entries: list[Entry | None] = [None] * num_pages

    def map(self, page: int, frame: int, *, writable: bool = True) -> None:
        """Put a page into a frame."""
        if frame < 0:
            raise ValueError(f"frame={frame} must not be negative")
        self._check_page(page)
        self.entries[page] = Entry(frame, writable)

    def unmap(self, page: int) -> None:
        """The page has no frame any more."""
        self._check_page(page)
        self.entries[page] = None

    def split(self, address: int) -> tuple[int, int]:
        """The page of a virtual address, and the offset within it."""
        page, offset = divmod(address, self.page_size)
        self._check_page(page)
        return page, offset

    def translate(self, address: int, *, write: bool = False) -> int:
        """The physical address of a virtual one: `frame * page_size + offset`.

        Raises:
            IndexError: no such page in this virtual memory (a program would end with a segmentation fault).
            PageFault: the page has no frame.
            ProtectionFault: a write to a page that may only be read.
        """
        page, offset = self.split(address)
        entry = self.entries[page]
        if entry is None:
            raise PageFault(f"address {address} lies on page {page}, which has no frame")
        if write and not entry.writable:
            raise ProtectionFault(f"address {address} lies on page {page}, which may only be read")
        return entry.frame * self.page_size + offset

    def _check_page(self, page: int) -> None:
        if not 0 <= page < len(self.entries):
            raise IndexError(f"page {page} is outside of this memory of {len(self.entries)} pages")


class TLB:
    """A small, fast memory of recent translations (translation look-aside buffer), the oldest use goes.

    Args:
        num_entries: how many translations it holds.
    """

    def __init__(self, num_entries: int):
        check_count("num_entries", num_entries)
        self.num_entries = num_entries
        self.recent: OrderedDict[int, None] = OrderedDict()  # pages, the one used last stands last
        self.hits = self.misses = 0

    def look_up(self, page: int) -> bool:
        """Whether the page's translation is at hand; after the call it is."""
        hit = page in self.recent
        self.hits, self.misses = self.hits + hit, self.misses + (not hit)
        self.recent[page] = None
        self.recent.move_to_end(page)
        if len(self.recent) > self.num_entries:
            self.recent.popitem(last=False)
        return hit


# Replacement: which page must go. Each class has `used(page)`, told at every reference after the page is in,
# and `victim()`, which names the page that goes and forgets it.


class FirstInFirstOut:
    """The page that came first goes."""

    def __init__(self):
        self.queue: deque[int] = deque()

    def used(self, page: int) -> None:
        """Only a page that is new joins the queue."""
        if page not in self.queue:
            self.queue.append(page)

    def victim(self) -> int:
        """The head of the queue."""
        return self.queue.popleft()


class LeastRecentlyUsed:
    """The page whose last use is longest ago goes."""

    def __init__(self):
        self.order: OrderedDict[int, None] = OrderedDict()

    def used(self, page: int) -> None:
        """A used page goes to the end."""
        self.order[page] = None
        self.order.move_to_end(page)

    def victim(self) -> int:
        """The one that stands first."""
        return self.order.popitem(last=False)[0]


class Clock:
    """Nearly the least recently used, for one bit a page: a hand goes round and spares what was used.

    Source: Corbato 1968, "A Paging Experiment with the Multics System".
    """

    def __init__(self):
        self.ring: deque[int] = deque()  # the page under the hand stands first
        self.bit: dict[int, bool] = {}

    def used(self, page: int) -> None:
        """Set the bit; a new page stands just behind the hand, where it comes last."""
        if page not in self.bit:
            self.ring.append(page)
        self.bit[page] = True

    def victim(self) -> int:
        """The first page under the hand whose bit is clear; set bits are cleared on the way."""
        while self.bit[self.ring[0]]:
            self.bit[self.ring[0]] = False
            self.ring.rotate(-1)
        page = self.ring.popleft()
        del self.bit[page]
        return page


class Optimal:
    """The page whose next use is farthest goes: the fewest faults that there can be, for one who knows all.

    Args:
        references: the whole sequence of pages, in advance.

    Source: Belady 1966, "A Study of Replacement Algorithms for a Virtual-Storage Computer".
    """

    def __init__(self, references: Iterable[int]):
        self.future = deque(references)
        self.resident: dict[int, None] = {}

    def used(self, page: int) -> None:
        """One step into the future."""
        if not self.future or self.future[0] != page:
            raise ValueError(f"page {page} is used, but the known future is {list(self.future)[:4]}")
        self.future.popleft()
        self.resident[page] = None

    def victim(self) -> int:
        """Never used again, or used last; the first one to have come in where several are never used."""
        farthest = max(self.resident, key=self._next_use)
        del self.resident[farthest]
        return farthest

    def _next_use(self, page: int) -> int:
        return self.future.index(page) if page in self.future else len(self.future)


class Reference(NamedTuple):
    """One step of a run: the page, what the frames hold after it (None is empty), and what went."""

    page: int
    frames: tuple[int | None, ...]
    fault: bool
    evicted: int | None


@dataclass
class PagingRun:
    """What came of a sequence of references."""

    steps: list[Reference]

    @property
    def faults(self) -> int:
        """How many references found their page without a frame."""
        return sum(step.fault for step in self.steps)


def replace_pages(references: Sequence[int], num_frames: int, policy) -> PagingRun:
    """Follow a sequence of page numbers with a limited number of frames, all empty at first.

    Args:
        references: page numbers, in the order of their use.
        num_frames: how many pages can be in memory at once.
        policy: a fresh `FirstInFirstOut()`, `LeastRecentlyUsed()`, `Clock()`, `Optimal(references)`, or
            anything with `used(page)` and `victim()`.
    """
    check_count("num_frames", num_frames)
    frames: list[int | None] = [None] * num_frames
    steps = []
    for page in references:
        fault, evicted = page not in frames, None
        if fault:
            if None not in frames:
                evicted = policy.victim()
            frames[frames.index(evicted)] = page
        policy.used(page)
        steps.append(Reference(page, tuple(frames), fault, evicted))
    return PagingRun(steps)


def internal_fragmentation(sizes: Sequence[int], page_size: int) -> float:
    """The share of the pages given out that nobody uses: the ends of the last pages.

    `1 - sum(sizes) / sum(ceil(size / page_size) * page_size)`

    Args:
        sizes: what each program (or text) needs, at least 1.
        page_size: in the same unit.
    """
    check_count("page_size", page_size)
    if not sizes or min(sizes) < 1:
        raise ValueError(
            f"sizes={list(sizes)[:5]} must be whole numbers of at least 1, and there must be some"
        )
    given = sum(-(-size // page_size) * page_size for size in sizes)
    return 1 - sum(sizes) / given
