"""The book's own model as a driver: keys and values in real blocks, read through block tables (chapter 2.3).

A batch is ragged: some rows read one token, some a whole prompt. Everything but attention treats each token
by itself, so all tokens of all rows stand in one matrix `[tokens, d_model]`. For attention the rows are
grouped: those with few tokens are padded and go through one call, a long prompt goes alone.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.kernel.choosing import check_sampling, choose, wanted
from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.paged_tensors import PagedTensors
from llmasos_edu.layers.moe import mixtures_of
from llmasos_edu.layers.positional import alibi_slopes
from llmasos_edu.models.language_model import LanguageModel

FEW = 8  # rows with at most so many tokens share one call of attention


class Group(NamedTuple):
    """Rows that go through attention together."""

    queries: Tensor  # [rows, longest], which of the batch's tokens; the last one again where a row is shorter
    tables: Tensor  # [rows, blocks]
    mask: Tensor  # [rows, kv_heads or 1, heads of each * longest, slots], added to the scores


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

    Source: Kwon et al. 2023 (PagedAttention), section 4.1; Yu et al. 2022, "Orca", section 3.2 (selective
    batching); Beltagy et al. 2020, "Longformer", section 3.1 (sliding window); Liu et al. 2024, "KIVI",
    section 3, for keys and values in few bits.
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
        self.project = [_projection(block.attention) for block in model.blocks]
        self.memory: PagedTensors | None = None

    def allocate(self, num_blocks: int, block_size: int) -> None:
        """As in `Driver`."""
        attention, weight = self.model.blocks[0].attention, self.model.head.weight
        self.memory = PagedTensors(
            len(self.model.blocks), num_blocks, block_size, attention.num_kv_heads, attention.head_dim,
            dtype=weight.dtype, device=weight.device, bits=self.kv_bits,
        )  # fmt: skip

    def check(self, sampling: object) -> None:
        """As in `Driver`: options of `sample_next`, or None for the likeliest token."""
        check_sampling(sampling, self.vocab_size)

    @torch.inference_mode()
    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """As in `Driver`; `Process.sampling` as in `choosing.choose`."""
        model, device = self.model, self.model.head.weight.device
        tokens = torch.tensor([token for row in rows for token in row.tokens], device=device)
        places = [range(row.start, row.start + len(row.tokens)) for row in rows]
        positions = torch.tensor([place for each in places for place in each], device=device)
        size = self.memory.block_size
        slots = torch.tensor(
            [row.table[place // size] * size + place % size for row, each in zip(rows, places, strict=True)
             for place in each],
            device=device,
        )  # fmt: skip
        x, rotate = model.embedding(tokens), None  # [tokens, d_model]
        if model.body.positions.alibi is None:  # whose part is in the masks
            (x,), options = model.body.positions(x[None], positions)
            rotate = options.get("rotate")
        groups = self._groups(rows)
        for layer, block in enumerate(model.blocks):
            x = x + self._attend(layer, block.attention, block.attention_norm(x), rotate, slots, groups)
            if block.feed_forward is not None:
                x = x + block.feed_forward(block.feed_forward_norm(x))
        speaking, counts = wanted(rows)
        if not speaking:
            return [[] for _ in rows]
        if len(speaking) < len(x):
            x = x[torch.tensor(speaking, device=device)]
        return choose(rows, counts, model.head(model.body.norm(x)))

    def _attend(self, layer, attention, x: Tensor, rotate, slots: Tensor, groups) -> Tensor:
        """Attention's branch: write the new keys and values, then every group reads its own."""
        heads, kv_heads, width = attention.num_heads, attention.num_kv_heads, attention.head_dim
        projected = self.project[layer](x).view(-1, heads + 2 * kv_heads, width)
        both, value = projected.split_with_sizes((heads + kv_heads, kv_heads), dim=1)
        if attention.qk_norm:
            both = torch.layer_norm(both, (width,))
        if rotate is not None:
            both = rotate(both.transpose(0, 1)).transpose(0, 1)
        query, key = both.split_with_sizes((heads, kv_heads), dim=1)
        self.memory.write(layer, slots, key, value)
        if groups[0].queries.shape == (len(x), 1):  # one token a row: nothing to sort and nothing to pad
            keys, values = self.memory.read(layer, groups[0].tables)
            asked = query.reshape(len(x), kv_heads, -1, width)
            answer = F.scaled_dot_product_attention(asked, keys, values, attn_mask=groups[0].mask)
            return attention.out_proj(answer.reshape(len(x), heads * width))
        mixed = torch.empty(len(x), heads, width, dtype=x.dtype, device=x.device)
        for group in groups:
            keys, values = self.memory.read(layer, group.tables)
            rows, longest = group.queries.shape
            asked = query[group.queries].view(rows, longest, kv_heads, -1, width)
            asked = asked.permute(0, 2, 3, 1, 4).reshape(rows, kv_heads, -1, width)
            answer = F.scaled_dot_product_attention(asked, keys, values, attn_mask=group.mask)
            answer = answer.view(rows, kv_heads, -1, longest, width).permute(0, 3, 1, 2, 4)
            # A padded query is the row's last one again, and so is its answer.
            mixed[group.queries] = answer.reshape(rows, longest, heads, width)
        return attention.out_proj(mixed.flatten(start_dim=1))

    def _groups(self, rows: Sequence[Row]) -> list[Group]:
        """Rows with few tokens together, every other one alone."""
        first, few, groups = 0, [], []
        for row in rows:
            (few if len(row.tokens) <= FEW else groups).append((row, first))
            first += len(row.tokens)
        return [self._group(each) for each in ([few] if few else []) + [[one] for one in groups]]

    def _group(self, rows: Sequence[tuple[Row, int]]) -> Group:
        size, device = self.memory.block_size, self.model.head.weight.device
        longest = max(len(row.tokens) for row, _ in rows)
        held = [-(-(row.start + len(row.tokens)) // size) for row, _ in rows]
        skip = [0] * len(rows)  # blocks behind the window
        if self.window is not None:
            skip = [max(0, row.start - self.window + 1) // size for row, _ in rows]
        width = max(end - begin for begin, end in zip(skip, held, strict=True))
        tables, queries, places = [], [], []
        for (row, first), begin, end in zip(rows, skip, held, strict=True):
            tables.append(row.table[begin:end] + [0] * (width - end + begin))
            steps = [min(step, len(row.tokens) - 1) for step in range(longest)]
            queries.append([first + step for step in steps])
            places.append([row.start + step for step in steps])
        places = torch.tensor(places, device=device)  # [rows, longest]
        keys = torch.arange(width * size, device=device) + torch.tensor(skip, device=device)[:, None] * size
        return Group(
            torch.tensor(queries, device=device), torch.tensor(tables, device=device),
            self._mask(places, keys),
        )  # fmt: skip

    def _mask(self, places: Tensor, keys: Tensor) -> Tensor:
        """What is added to the scores: distance for ALiBi, `-inf` for the future and behind the window.

        Args:
            places: positions of the queries `[rows, longest]`.
            keys: positions of the slots `[rows, slots]`.
        """
        attention, dtype = self.model.blocks[0].attention, self.model.head.weight.dtype
        kv_heads, rows = attention.num_kv_heads, len(places)
        distance = places[..., None] - keys[:, None]  # [rows, longest, slots]
        hidden = distance < 0
        if self.window is not None:
            hidden |= distance >= self.window
        if self.model.body.positions.alibi is None:
            mask = torch.zeros(hidden.shape, dtype=dtype, device=places.device)
            mask.masked_fill_(hidden, -torch.inf)
            return mask.repeat(1, attention.num_heads // kv_heads, 1)[:, None]
        slopes = alibi_slopes(attention.num_heads).to(places.device)
        bias = (-slopes[:, None, None] * distance[:, None]).to(dtype)  # [rows, heads, longest, slots]
        return bias.masked_fill_(hidden[:, None], -torch.inf).view(rows, kv_heads, -1, keys.shape[1])

    def copy(self, source: int, target: int) -> None:
        """As in `Driver`."""
        self.memory.copy(source, target)

    def save(self, block: int) -> object:
        """As in `Driver`."""
        return self.memory.save(block)

    def load(self, block: int, contents: object) -> None:
        """As in `Driver`."""
        self.memory.load(block, contents)


def _projection(attention) -> Callable[[Tensor], Tensor]:
    """Queries, keys and values side by side, from one product where all three are plain matrices."""
    parts = (attention.query_proj, attention.key_proj, attention.value_proj)
    if any(type(part) is not nn.Linear for part in parts):
        return lambda x: torch.cat([part(x) for part in parts], dim=-1)
    weight = torch.cat([part.weight.detach() for part in parts])
    bias = None if parts[0].bias is None else torch.cat([part.bias.detach() for part in parts])
    return lambda x: F.linear(x, weight, bias)
