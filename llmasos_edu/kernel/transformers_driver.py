"""Any causal model of transformers with a cache as a driver (chapter 2.3).

The model keeps its own attention. Before a step the keys and values of each row are brought together from its
blocks into a cache of transformers; after it the new ones go back into the row's blocks.
"""

from collections.abc import Sequence

import torch

from llmasos_edu.kernel.choosing import check_sampling, choose, wanted
from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.paged_tensors import PagedTensors


class TransformersDriver:
    """A causal model of transformers behind the kernel.

    Args:
        model: such as `AutoModelForCausalLM` makes, in evaluation mode; its cache must hold keys and values
            of all positions in every layer, in equal shapes.

    Raises:
        ImportError: transformers is not installed.
        ValueError: a model in training mode, or one with a window or state of its own in its cache.
    """

    def __init__(self, model):
        from transformers import DynamicCache

        if model.training:
            raise ValueError("the model is in training mode: call model.eval() first")
        self.model, self.new_cache = model, DynamicCache
        config = model.config.get_text_config()
        self.window, self.vocab_size = None, config.vocab_size
        self.positions = getattr(config, "max_position_embeddings", None)
        self.memory: PagedTensors | None = None

    @torch.no_grad()
    def allocate(self, num_blocks: int, block_size: int) -> None:
        """As in `Driver`; the model reads one token to show the shapes of its cache."""
        token = torch.zeros(1, 1, dtype=torch.long, device=self.model.device)
        cache = self.model(token, past_key_values=self.new_cache(), use_cache=True).past_key_values
        keys = [getattr(layer, "keys", None) for layer in cache.layers]
        shapes = {None if key is None else tuple(key.shape) for key in keys}
        if len(shapes) != 1 or None in shapes or next(iter(shapes))[2] != 1:
            raise ValueError(f"{type(self.model).__name__} keeps {shapes} in its cache, not keys and values")
        if any(getattr(layer, "is_sliding", False) for layer in cache.layers):
            raise ValueError(f"{type(self.model).__name__} has a sliding window of its own")
        self.memory = PagedTensors(
            len(keys), num_blocks, block_size, keys[0].shape[1], keys[0].shape[3],
            dtype=keys[0].dtype, device=keys[0].device,
        )  # fmt: skip

    def check(self, sampling: object) -> None:
        """As in `Driver`: options of `sample_next`, or None for the likeliest token."""
        check_sampling(sampling, self.vocab_size)

    @torch.inference_mode()
    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """As in `Driver`; rows that read equally many tokens go through the model together."""
        by_length: dict[int, list[int]] = {}
        for index, row in enumerate(rows):
            by_length.setdefault(len(row.tokens), []).append(index)
        said: list[list[int]] = [[] for _ in rows]
        for indices in by_length.values():
            for index, tokens in zip(indices, self._read([rows[i] for i in indices]), strict=True):
                said[index] = tokens
        return said

    def _read(self, rows: Sequence[Row]) -> list[list[int]]:
        """One pass for rows that read equally many tokens."""
        device, size, new = self.model.device, self.memory.block_size, len(rows[0].tokens)
        starts = torch.tensor([row.start for row in rows], device=device)[:, None]
        past = max(row.start for row in rows)
        cache = self._gathered(rows, past)
        # The past of a shorter row is padded at its end; the new tokens of all stand behind it.
        keep = torch.cat((torch.arange(past, device=device) < starts, starts >= 0), dim=1)
        keep = torch.cat((keep[:, :-1], keep[:, -1:].expand(-1, new)), dim=1)
        positions = starts + torch.arange(new, device=device)
        tokens = torch.tensor([row.tokens for row in rows], device=device)
        logits = self.model(
            tokens, past_key_values=cache, attention_mask=keep.long(), position_ids=positions, use_cache=True
        ).logits
        at = torch.tensor(
            [row.table[place // size] * size + place % size for row in rows
             for place in range(row.start, row.start + new)],
            device=device,
        )  # fmt: skip
        for layer, held in enumerate(cache.layers):
            both = torch.cat((held.keys, held.values), dim=1)[:, :, past:]  # [rows, 2 * kv_heads, new, width]
            self.memory.write(layer, at, both.transpose(1, 2).flatten(0, 1))
        places, counts = wanted(rows)
        return choose(rows, counts, logits.flatten(0, 1)[places])

    def _gathered(self, rows: Sequence[Row], past: int):
        """A cache of transformers with what the rows have read."""
        cache, size = self.new_cache(), self.memory.block_size
        if past == 0:
            return cache
        blocks = -(-past // size)
        tables = [row.table[: -(-row.start // size)] for row in rows]
        tables = [table + [0] * (blocks - len(table)) for table in tables]
        tables = torch.tensor(tables, device=self.model.device)
        for layer in range(len(self.memory.slots)):
            key, value = self.memory.read(layer, tables)
            key, value = (each.transpose(0, 1)[:, :, :past].clone() for each in (key, value))
            cache.update(key, value, layer)
        return cache

    def copy(self, source: int, target: int) -> None:
        """As in `Driver`."""
        self.memory.copy(source, target)

    def save(self, block: int) -> object:
        """As in `Driver`."""
        return self.memory.save(block)

    def load(self, block: int, contents: object) -> None:
        """As in `Driver`."""
        self.memory.load(block, contents)
