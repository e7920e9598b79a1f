"""The book's own model as a driver: keys and values in real blocks, read through block tables (chapter 2.3).

A batch is ragged: some rows read one token, some a whole prompt. Everything but attention treats each token
by itself, so all tokens of all rows stand in one matrix `[tokens, d_model]`. For attention the rows are
grouped: those that read one token each go through two products for all of them, and prompts of about equal
length are padded and go through one call of the fused kernel.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from llmasos_edu.kernel.choosing import check_sampling, choose, wanted
from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.paged_layers import Layer, layer_of
from llmasos_edu.kernel.paged_tensors import PagedTensors
from llmasos_edu.layers.moe import mixtures_of
from llmasos_edu.layers.positional import alibi_slopes
from llmasos_edu.models.language_model import LanguageModel

MOST_TOKENS = 1024  # of a group of prompts, padding included
WORTH = 2**18  # bytes of padding whose reading takes as long as another group's calls


class Group(NamedTuple):
    """Rows that go through attention together."""

    at: slice | Tensor  # their tokens in the batch: one a row, or `[rows, longest]`, short rows filled up
    tables: Tensor  # [rows, blocks]
    mask: Tensor  # as `read_one` or `read_many` want it


class TorchDriver:
    """A `LanguageModel`, dense or with experts, with any positions, behind the kernel.

    Args:
        model: in evaluation mode; its weights of now.
        window: a position sees itself and `window - 1` before it; all unless given. A model that was not
            trained so loses what lies behind: the text is that of the windowed model, not of the whole one.
        kv_bits: 8 keeps keys and values as whole numbers with scales, as in `PagedTensors`.

    Raises:
        ValueError: a model in training mode; experts that choose tokens or have a capacity, since a text
            would then depend on its neighbours in the batch; a window or bits out of range.

    Source: Kwon et al. 2023 (PagedAttention), section 4.1; Yu et al. 2022, "Orca", section 3 (selective
    batching); Beltagy et al. 2020, "Longformer", section 3.1 (sliding window); Liu et al. 2024, "KIVI",
    for keys and values in few bits.
    """

    def __init__(self, model: LanguageModel, *, window: int | None = None, kv_bits: int | None = None):
        if model.training:
            raise ValueError("the model is in training mode: call model.eval() first")
        for moe in mixtures_of(model):
            if moe.choice == "expert" or moe.eval_capacity_factor is not None:
                raise ValueError(
                    f"experts with choice={moe.choice!r} and eval_capacity_factor={moe.eval_capacity_factor} "
                    "let a text depend on its neighbours in the batch"
                )
        if window is not None and window < 1:
            raise ValueError(f"window={window} must be at least 1")
        self.model, self.window, self.kv_bits = model, window, kv_bits
        self.vocab_size = model.vocab_size
        learned = model.body.positions.learned
        self.positions = None if learned is None else learned.embedding.num_embeddings
        self.layers = [layer_of(block) for block in model.blocks]
        attention = model.blocks[0].attention
        each = attention.num_heads // attention.num_kv_heads
        self.heads = (attention.num_kv_heads, each, attention.head_dim)  # `each` serves one key head
        self.memory: PagedTensors | None = None

    def allocate(self, num_blocks: int, block_size: int) -> None:
        """As in `Driver`."""
        (kv_heads, _, width), weight = self.heads, self.model.head.weight
        self.memory = PagedTensors(
            len(self.model.blocks), num_blocks, block_size, kv_heads, width,
            dtype=weight.dtype, device=weight.device, bits=self.kv_bits,
        )  # fmt: skip

    def check(self, sampling: object) -> None:
        """As in `Driver`: options of `sample_next`, or None for the likeliest token."""
        check_sampling(sampling, self.vocab_size)

    @torch.inference_mode()
    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """As in `Driver`; `Process.sampling` as in `choosing.choose`."""
        # Rows of one kind side by side, long ones first: a group is then a piece of the batch.
        order = sorted(range(len(rows)), key=lambda at: self._kind(rows[at]))
        said: list[list[int]] = [[] for _ in rows]
        for at, tokens in zip(order, self._read([rows[at] for at in order]), strict=True):
            said[at] = tokens
        return said

    def _read(self, rows: Sequence[Row]) -> list[list[int]]:
        x, rotate, places, slots = self._enter(rows)
        groups = self._groups(rows, places)
        for number, layer in enumerate(self.layers):
            x = layer.feed(self._attend(number, layer, x, rotate, slots, groups))
        speaking, counts = wanted(rows)
        if not speaking:
            return [[] for _ in rows]
        if len(speaking) < len(x):
            x = x[torch.tensor(speaking, device=x.device)]
        return choose(rows, counts, self.model.head(self.model.body.norm(x)))

    def _enter(self, rows: Sequence[Row]) -> tuple[Tensor, object, Tensor, Tensor]:
        """All tokens' embeddings, the rotation of queries and keys if there is one, positions, slots."""
        size, tokens, places, slots = self.memory.block_size, [], [], []
        for row in rows:
            tokens += row.tokens
            for place in range(row.start, row.start + len(row.tokens)):
                places.append(place)
                slots.append(row.table[place // size] * size + place % size)
        tokens, places, slots = torch.tensor((tokens, places, slots), device=self.model.head.weight.device)
        x, rotate, encoding = self.model.embedding(tokens), None, self.model.body.positions
        if encoding.rotary is not None:
            rotate = encoding.rotary.at(places[:, None], x.dtype)
        elif encoding.alibi is None:  # whose part is in the masks
            x = encoding(x[None], places)[0][0]
        return x, rotate, places, slots

    def _attend(self, number: int, layer: Layer, x: Tensor, rotate, slots: Tensor, groups) -> Tensor:
        """Attention's half of a block: write the new keys and values, then every group reads its own."""
        kv_heads, each, width = self.heads
        heads = kv_heads * each
        projected = layer.project(x).view(len(x), heads + 2 * kv_heads, width)
        if layer.norm is not None or rotate is not None:
            both = projected[:, : heads + kv_heads]
            turned = both if layer.norm is None else layer.norm(both)
            both.copy_(turned if rotate is None else rotate(turned[:, :, None])[:, :, 0])
        query = projected[:, :heads].unflatten(1, (kv_heads, each))
        self.memory.write(number, slots, projected[:, heads:])
        mixed = x.new_empty(query.shape)
        for group in groups:
            keys, values = self.memory.read(number, group.tables)
            read = read_one if isinstance(group.at, slice) else read_many
            # A padded query is the row's last one again, and so is its answer.
            mixed[group.at] = read(query[group.at], keys, values, group.mask)
        return layer.leave(x, mixed.view(len(x), heads * width))

    def _kind(self, row: Row) -> tuple[int, int]:
        """Rows with equal first numbers may go through attention together: their lengths are alike."""
        first, end = self._seen(row)
        return len(row.tokens).bit_length(), first - end

    def _seen(self, row: Row) -> tuple[int, int]:
        """The first block that the row's tokens see, and the one after the last."""
        size, window = self.memory.block_size, self.window
        first = 0 if window is None else max(0, row.start - window + 1) // size
        return first, -(-(row.start + len(row.tokens)) // size)

    def _groups(self, rows: Sequence[Row], places: Tensor) -> list[Group]:
        """The batch in pieces that go through attention together; `places` are its tokens' positions."""
        groups, begin = [], 0
        for _, alike in itertools.groupby(rows, key=lambda row: self._kind(row)[0]):
            for some in self._cut(list(alike)):
                end = begin + sum(len(row.tokens) for row in some)
                groups.append(self._group(some, slice(begin, end), places))
                begin = end
        return groups

    def _cut(self, rows: list[Row]) -> list[list[Row]]:
        """Rows of one kind in groups: cut where that saves much padding, or where prompts are too many."""
        longest = max(len(row.tokens) for row in rows)
        if longest > 1:
            most = max(1, MOST_TOKENS // longest)
            return [rows[at : at + most] for at in range(0, len(rows), most)]
        wide, groups = 0, []
        for at, row in enumerate(rows):
            first, end = self._seen(row)
            if not groups or (wide - (end - first)) * (len(rows) - at) * self.memory.block_bytes > WORTH:
                wide = end - first
                groups.append([])
            groups[-1].append(row)
        return groups

    def _group(self, rows: list[Row], at: slice, places: Tensor) -> Group:
        """The group of some rows, whose tokens stand at `at` in the batch."""
        device, spans = places.device, [self._seen(row) for row in rows]
        width = max(end - first for first, end in spans)
        tables = [
            row.table[first:end] + [0] * (width - end + first)
            for row, (first, end) in zip(rows, spans, strict=True)
        ]
        keys = torch.arange(width * self.memory.block_size, device=device)[None]
        if self.window is not None:
            keys = (
                keys + torch.tensor([[first] for first, _ in spans], device=device) * self.memory.block_size
            )
        if len(rows[0].tokens) == 1 and self.memory.dtype.itemsize >= 4:
            mask = self._mask(places[at, None], keys).expand(-1, self.heads[0], -1, -1)
            return Group(at, torch.tensor(tables, device=device), mask.transpose(0, 1).flatten(0, 1))
        longest, begin, queries = max(len(row.tokens) for row in rows), at.start, []
        for row in rows:
            queries.append([begin + min(step, len(row.tokens) - 1) for step in range(longest)])
            begin += len(row.tokens)
        queries = torch.tensor(queries, device=device)
        return Group(queries, torch.tensor(tables, device=device), self._mask(places[queries], keys))

    def _mask(self, places: Tensor, keys: Tensor) -> Tensor:
        """What is added to the scores: distance for ALiBi, `-inf` for the future and behind the window.

        Args:
            places: positions of the queries `[rows, longest]`.
            keys: positions of the slots `[rows or 1, slots]`.

        Returns:
            `[rows, kv_heads or 1, heads of each * longest, slots]`; for a single query whose distances do not
            count, 1 in place of `heads of each`.
        """
        dtype, (kv_heads, each, _) = self.model.head.weight.dtype, self.heads
        distance = places[..., None] - keys[:, None]  # [rows, longest, slots]
        hidden = distance < 0
        if self.window is not None:
            hidden |= distance >= self.window
        if self.model.body.positions.alibi is None:
            mask = torch.zeros(hidden.shape, dtype=dtype, device=places.device)
            mask.masked_fill_(hidden, -torch.inf)
            return (mask if places.shape[1] == 1 else mask.repeat(1, each, 1))[:, None]
        slopes = alibi_slopes(kv_heads * each).to(places.device)
        bias = (-slopes[:, None, None] * distance[:, None]).to(dtype)  # [rows, heads, longest, slots]
        return bias.masked_fill_(hidden[:, None], -torch.inf).view(len(places), kv_heads, -1, keys.shape[1])

    def copy(self, source: int, target: int) -> None:
        """As in `Driver`."""
        self.memory.copy(source, target)

    def save(self, block: int) -> object:
        """As in `Driver`."""
        return self.memory.save(block)

    def load(self, block: int, contents: object) -> None:
        """As in `Driver`."""
        self.memory.load(block, contents)


def read_one(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """Attention of one query a row: `softmax(q K^T / sqrt(head_dim) + mask) V`, two products for all rows.

    Args:
        query: `[rows, kv_heads, heads of each, head_dim]`.
        keys, values: `[kv_heads, rows, slots, head_dim]`.
        mask: `[kv_heads * rows, 1 or heads of each, slots]`.

    Returns:
        As `query`.
    """
    rows, kv_heads, each, width = query.shape
    query = query.transpose(0, 1).reshape(kv_heads * rows, each, width)
    scores = torch.baddbmm(mask, query, keys.flatten(0, 1).transpose(1, 2), alpha=width**-0.5)
    mixed = torch.bmm(
        scores.softmax(dim=-1), values.flatten(0, 1)
    )  # [kv_heads * rows, heads of each, head_dim]
    return mixed.view(kv_heads, rows, each, width).transpose(0, 1)


def read_many(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """The same for several queries a row: torch's fused kernel, which builds no matrix of weights.

    Args:
        query: `[rows, longest, kv_heads, heads of each, head_dim]`.
        keys, values: as in `read_one`.
        mask: `[rows, kv_heads or 1, heads of each * longest, slots]`.

    Returns:
        As `query`.
    """
    rows, longest, kv_heads, each, width = query.shape
    query = query.permute(0, 2, 3, 1, 4).reshape(rows, kv_heads, each * longest, width)
    mixed = F.scaled_dot_product_attention(
        query, keys.transpose(0, 1), values.transpose(0, 1), attn_mask=mask
    )
    return mixed.view(rows, kv_heads, each, longest, width).permute(0, 3, 1, 2, 4)
