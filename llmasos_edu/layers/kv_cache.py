"""The memory of decoding: keys and values of the positions already read (chapter 4.1.2)."""

import torch
from torch import Tensor


class KVCache:
    """Keys and values of the positions already read, so that decoding reads each position once.

    Room for `max_len` positions is set aside at once. Rows of a batch may hold different numbers
    of positions: a row's new positions follow its own old ones.

    Args:
        batch_size, num_kv_heads, max_len, head_dim: the shape `[batch, kv_heads, max_len, head_dim]`
            of each of the two buffers.

    Source: Shazeer 2019, "Fast Transformer Decoding", section 2.4 (incremental inference).
    """

    def __init__(self, batch_size, *, num_kv_heads, max_len, head_dim, dtype=None, device=None):
        shape = (batch_size, num_kv_heads, max_len, head_dim)
        if min(shape) < 1:
            raise ValueError(
                f"a cache needs positive sizes, got [batch, kv_heads, max_len, head_dim] = {shape}"
            )
        self.keys = torch.zeros(shape, dtype=dtype, device=device)
        self.values = torch.zeros(shape, dtype=dtype, device=device)
        self.lengths = [0] * batch_size

    def positions(self, new: int) -> Tensor:
        """Positions of the next `new` tokens: `[new]` where all rows are equally long, or `[batch, new]`."""
        start = self.lengths[0]
        if self._aligned():
            return torch.arange(start, start + new, device=self.keys.device)
        ahead = torch.arange(new, device=self.keys.device)
        return torch.tensor(self.lengths, device=self.keys.device)[:, None] + ahead

    def append(self, key: Tensor, value: Tensor, counts: list[int] | None = None) -> tuple[Tensor, Tensor]:
        """Store new keys and values `[batch, kv_heads, new, head_dim]` and return all that are held.

        Args:
            counts: how many of the `new` positions are real in each row; the rest is padding at the
                row's end, which the row's next position will overwrite. All of them unless given.

        Returns:
            Keys and values `[batch, kv_heads, longest, head_dim]`. What lies behind a row's own end is
            not part of it: hide it with `mask`, taken before `append`.

        Raises:
            ValueError: no room left, shapes, kinds of number or counts that do not fit, with the values.
            RuntimeError: called while gradients are recorded.
        """
        new = key.shape[-2]
        counts = [new] * len(self.lengths) if counts is None else counts
        if torch.is_autocast_enabled(key.device.type):  # which chooses a kind of number for each operation
            key, value = key.to(self.keys.dtype), value.to(self.values.dtype)
        self._check_new(key, value, new, counts)
        if self._aligned():
            start = self.lengths[0]
            self.keys[:, :, start : start + new] = key
            self.values[:, :, start : start + new] = value
        else:
            rows = torch.arange(len(self.lengths), device=key.device)[:, None]
            places = self.positions(new)
            self.keys[rows, :, places] = key.transpose(1, 2)
            self.values[rows, :, places] = value.transpose(1, 2)
        longest = max(self.lengths) + new
        self.lengths = [length + count for length, count in zip(self.lengths, counts, strict=True)]
        return self.keys[:, :, :longest], self.values[:, :, :longest]

    def mask(self, new: int) -> Tensor | None:
        """Who may see whom once `new` positions are appended: causal within each row.

        Returns:
            `[batch or 1, 1, new, longest]`, True = may attend; None where one new position sees all.
        """
        if new == 1 and self._aligned():
            return None
        places = self.positions(new)
        keys = torch.arange(max(self.lengths) + new, device=self.keys.device)
        visible = keys <= places[..., None]  # [new, longest] or [batch, new, longest]
        return visible[:, None] if visible.ndim == 3 else visible[None, None]

    def reorder(self, rows: Tensor) -> None:
        """Let row `i` go on from what row `rows[i]` has read: some are copied, others forgotten.

        Args:
            rows: integers `[batch]`, which old row each new one continues.

        Raises:
            ValueError: not one old row for each row, or a row that is not there.
        """
        batch = len(self.lengths)
        if rows.shape != (batch,) or rows.is_floating_point() or rows.dtype == torch.bool:
            raise ValueError(f"rows must be {batch} integers, got {rows.dtype} {list(rows.shape)}")
        places = rows.tolist()
        if not all(0 <= row < batch for row in places):
            raise ValueError(f"rows={places} must lie between 0 and {batch - 1}: the cache has {batch} rows")
        # In place: whoever holds the buffers, such as a decoding step, goes on with them.
        held = max(self.lengths)
        self.keys[:, :, :held] = self.keys[rows, :, :held]
        self.values[:, :, :held] = self.values[rows, :, :held]
        self.lengths = [self.lengths[row] for row in places]

    def is_empty(self) -> bool:
        """Whether no row has read anything: what comes first sees itself alone, as without a cache."""
        return not any(self.lengths)

    def _aligned(self) -> bool:
        """Whether all rows hold equally many positions."""
        return len(set(self.lengths)) == 1

    def _check_new(self, key: Tensor, value: Tensor, new: int, counts: list[int]) -> None:
        batch, kv_heads, max_len, head_dim = self.keys.shape
        if key.shape != (batch, kv_heads, new, head_dim) or value.shape != key.shape:
            raise ValueError(
                f"key {list(key.shape)} and value {list(value.shape)} do not fit a cache of "
                f"[batch={batch}, kv_heads={kv_heads}, {max_len}, head_dim={head_dim}]"
            )
        if max(self.lengths) + new > max_len:
            raise ValueError(
                f"the cache holds {max_len} positions: {max(self.lengths)} used, {new} more do not fit"
            )
        if not key.dtype == value.dtype == self.keys.dtype:
            raise ValueError(
                f"a cache of {self.keys.dtype} cannot hold {key.dtype} keys, {value.dtype} values"
            )
        if len(counts) != batch or not all(0 <= count <= new for count in counts):
            raise ValueError(f"counts={counts} must be {batch} numbers from 0 to {new}, one a row")
        if torch.is_grad_enabled() and (key.requires_grad or value.requires_grad):
            raise RuntimeError("a KVCache is for decoding: call the model inside torch.inference_mode()")
