"""Keys and values of real models in blocks of memory (chapter 2.3).

One buffer a layer, `[2 * kv_heads, blocks, block_size, head_dim]`: first the heads of the keys, then those of
the values. A head's slots lie side by side, so what is brought in for a batch is one piece a head, ready for
a product. With 8 bits a number is a whole one from -127 to 127 times a scale, one scale for each slot, head,
and keys or values. A slot is rounded when it is written and never again, so the result does not depend on
who else was in the batch, nor on chunks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class PagedTensors:
    """The memory of all layers.

    Args:
        layers, num_blocks, block_size, kv_heads, head_dim: its shape.
        bits: 8 for whole numbers with scales; None keeps `dtype`. Then an entry is off by at most half a
            scale: 1/254 of the largest of its slot and head.
    """

    def __init__(
        self,
        layers: int,
        num_blocks: int,
        block_size: int,
        kv_heads: int,
        head_dim: int,
        *,
        dtype: torch.dtype,
        device,
        bits: int | None = None,
    ):
        if bits not in (None, 8):
            raise ValueError(f"bits={bits} is not one of None, 8")
        self.block_size, self.kv_heads, self.dtype = block_size, kv_heads, dtype
        shape = (2 * kv_heads, num_blocks, block_size, head_dim)
        stored = dtype if bits is None else torch.int8
        self.slots = [torch.zeros(shape, dtype=stored, device=device) for _ in range(layers)]
        self.block_bytes = self.slots[0][:, 0].numel() * self.slots[0].element_size()  # of a block in a layer
        self.workspace, self.scales = self.slots[0].new_empty(0), None
        if bits is not None:
            self.scales = [torch.ones(*shape[:-1], 1, dtype=dtype, device=device) for _ in range(layers)]

    @property
    def bytes_per_token(self) -> int:
        """What a slot takes in all layers."""
        buffers = self.slots + (self.scales or [])
        return sum(buffer[:, 0, 0].numel() * buffer.element_size() for buffer in buffers)

    def write(self, layer: int, at: Tensor, both: Tensor) -> None:
        """Put keys and then values, `[tokens, 2 * kv_heads, head_dim]`, into the slots `at` `[tokens]`."""
        both = both.transpose(0, 1)  # [2 * kv_heads, tokens, head_dim]
        if self.scales is not None:
            scale = both.abs().amax(dim=-1, keepdim=True) / 127
            scale = scale.masked_fill(scale == 0, 1)
            self.scales[layer].flatten(1, 2).index_copy_(1, at, scale)
            both = (both / scale).round().to(torch.int8)
        self.slots[layer].flatten(1, 2).index_copy_(1, at, both)

    def read(self, layer: int, tables: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values `[kv_heads, rows, slots, head_dim]` of block tables `[rows, blocks]`.

        They are good until the next call: one workspace serves all, so that no memory is asked for each time.
        """
        rows, blocks = tables.shape
        tables, memory = tables.flatten(), self.slots[layer]
        heads, _, size, width = memory.shape
        needed = heads * len(tables) * size * width
        if len(self.workspace) < needed:
            with torch.inference_mode(False):  # a buffer made in inference mode can be used nowhere else
                self.workspace = memory.new_empty(2 * needed)
        both = self.workspace[:needed].view(heads, len(tables), size, width)
        torch.index_select(memory, 1, tables, out=both)
        if self.scales is not None:
            both = both.to(self.dtype) * self.scales[layer].index_select(1, tables)
        key, value = both.view(2, self.kv_heads, rows, blocks * size, width).unbind()
        return key, value

    def copy(self, source: int, target: int) -> None:
        """Copy a block in all layers."""
        for buffer in self.slots + (self.scales or []):
            buffer[:, target] = buffer[:, source]

    def save(self, block: int) -> list[Tensor]:
        """The contents of a block."""
        return [buffer[:, block].clone() for buffer in self.slots + (self.scales or [])]

    def load(self, block: int, contents: Sequence[Tensor]) -> None:
        """Bring back what `save` gave."""
        for buffer, saved in zip(self.slots + (self.scales or []), contents, strict=True):
            buffer[:, block] = saved
