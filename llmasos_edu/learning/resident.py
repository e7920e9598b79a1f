"""The resident model: one pretrained body in memory, and beside it a head and an adapter for each task.

The body is read once and never changes; a task is some kilobytes. Texts of different tasks can share one pass
through the body: each row of a batch takes its own task's adapter. The article's section 3.1.3.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import contextmanager
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.layers.adapters import AdapterChoice, BatchedLoRALinear
from llmasos_edu.learning.adaptation import pool_states, states
from llmasos_edu.learning.lora import ATTENTION, base_digest
from llmasos_edu.training.checkpoint import CheckpointError, read_tensors, write_tensors


class ResidentModel:
    """A body that many tasks share.

    The weights are those of the given model, shared and not copied; they are frozen here, and stay as
    they were there. In each layer with adapters `y = x W^T + b + 2 (x A_t^T) B_t^T`, A and B being those of
    the row's task t.

    Args:
        model: a `LanguageModel` or a `MaskedLanguageModel`, pretrained.
        targets: last names of the layers that can carry adapters.

    Raises:
        ValueError: no layer has such a name.

    Source: Hu et al. 2021, "LoRA", section 4; Chen et al. 2023, "Punica: Multi-Tenant LoRA Serving",
    arXiv:2310.18547, for many adapters in one batch; article 3.1.3.
    """

    def __init__(self, model: nn.Module, *, targets: Sequence[str] = ATTENTION):
        shared = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
        shared |= {id(buffer): buffer for buffer in model.buffers()}
        self.body = copy.deepcopy(model, shared).eval()
        named = {name: m for name, m in self.body.named_modules() if isinstance(m, nn.Linear)}
        self.carriers = {n: _Carrier(m) for n, m in named.items() if n.rsplit(".", 1)[-1] in targets}
        if not self.carriers:
            raise ValueError(
                f"no linear layer is called one of {list(targets)}: nothing could carry an adapter"
            )
        for name, carrier in self.carriers.items():
            self.body.set_submodule(name, carrier)
        self.tasks: dict[str, Task] = {}

    def add(self, name: str, num_classes: int, *, where="mean", rank: int = 0) -> Task:
        """A new task: a head that starts at zero, and adapters of a rank, or none for rank 0.

        Args:
            name: of the task.
            num_classes: at least 2.
            where: the vector that the head reads, as in `pool_states`.
            rank: of the adapters.

        Returns:
            The task, a module that maps tokens `[batch, seq]` to logits `[batch, classes]` and trains as any
            other; the body has no part in its parameters. A depends on torch's random seed.

        Raises:
            ValueError: a name that is taken, fewer than two classes, or a rank below 0.
        """
        if name in self.tasks:
            raise ValueError(f"there is a task {name!r} already")
        self.tasks[name] = Task(self, num_classes, where=where, rank=rank)
        return self.tasks[name]

    def __call__(self, tokens: Tensor, names: Sequence[str]) -> list[Tensor]:
        """Answer texts of different tasks in one pass through the body.

        Args:
            tokens: `[batch, seq]`.
            names: the task of each row.

        Returns:
            for each row its logits, `[classes of its task]`.

        Raises:
            ValueError: another number of names than rows, or a task that is not here.
        """
        if len(names) != len(tokens):
            raise ValueError(f"{len(names)} names for {len(tokens)} texts")
        if missing := set(names) - self.tasks.keys():
            raise ValueError(f"no task {sorted(missing)[0]!r}, only {', '.join(self.tasks) or 'none'}")
        rows = [self.tasks[name] for name in names]
        x = self.states(tokens, rows)
        return [task.head(pool_states(x[i], task.where)) for i, task in enumerate(rows)]

    def states(self, tokens: Tensor, tasks: Sequence[Task]) -> Tensor:
        """States `[batch, seq, d_model]` of texts, each with the adapters of its own task."""
        with self._adapters(tasks):
            return states(self.body, tokens)

    @contextmanager
    def _adapters(self, tasks):
        """For one batch the tasks' adapters beside the layers, their ranks filled up with zeros."""
        numbers = {task: str(number) for number, task in enumerate(dict.fromkeys(tasks))}
        choice = AdapterChoice(list(numbers.values()))
        choice.choose([numbers[task] for task in tasks])
        rank = max(task.rank for task in numbers)
        if rank:
            for name, carrier in self.carriers.items():
                carrier.carry([task.padded(name, carrier, rank) for task in numbers], choice)
        try:
            yield
        finally:
            for carrier in self.carriers.values():
                carrier.drop()

    # ---- what it takes ----

    def num_bytes(self, name: str | None = None) -> int:
        """Bytes of the body's parameters, or of what one task adds to it."""
        module = self.body if name is None else self.tasks[name]
        return sum(p.numel() * p.element_size() for p in module.parameters())

    @cached_property
    def digest(self) -> str:
        """The sha256 of the body, which never changes."""
        return base_digest(self.body)

    def save_task(self, path, name: str) -> None:
        """Write a task, and nothing of the body but its digest, to one safetensors file."""
        task = self.tasks[name]
        content = {"classes": task.head.out_features, "where": task.where, "rank": task.rank}
        write_tensors(path, "task", content | {"base": self.digest}, task.state_dict())

    def load_task(self, path, name: str) -> Task:
        """Add the task of a file under a name.

        Raises:
            CheckpointError: the file is damaged or foreign, or the task was learned on another body.
        """
        content, tensors = read_tensors(path, "task")
        if content["base"] != self.digest:
            raise CheckpointError(f"{path}: this task was learned on another body")
        with torch.random.fork_rng(devices=[]):
            task = self.add(name, content["classes"], where=content["where"], rank=content["rank"])
        task.load_state_dict(tensors)
        return task


class Task(nn.Module):
    """What one task adds to a resident model: made by `ResidentModel.add`."""

    def __init__(self, resident: ResidentModel, num_classes: int, *, where, rank: int):
        super().__init__()
        check_count("num_classes", num_classes)
        if num_classes < 2:
            raise ValueError(f"num_classes={num_classes}: there is nothing to tell apart")
        if rank != 0:
            check_count("rank", rank)
        self._resident = (resident,)  # in a tuple: the body is no part of the task
        self.where, self.rank = where, rank
        self.head = nn.Linear(resident.body.embedding.embedding_dim, num_classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.low, self.high = nn.ParameterDict(), nn.ParameterDict()
        for name, carrier in resident.carriers.items() if rank else ():
            out_features, in_features = carrier.weight.shape
            start = torch.randn(rank, in_features) * in_features**-0.5
            self.low[_key(name)] = nn.Parameter(start)
            self.high[_key(name)] = nn.Parameter(torch.zeros(out_features, rank))

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `[batch, classes]` of texts `[batch, seq]`, all of them of this task."""
        x = self._resident[0].states(tokens, [self] * len(tokens))
        return self.head(pool_states(x, self.where))

    def padded(self, name: str, carrier: nn.Linear, rank: int) -> tuple[Tensor, Tensor]:
        """A `[rank, in]` and B `[out, rank]` of a layer, with rows and columns of zeros to fill the rank."""
        if self.rank == 0:
            out_features, in_features = carrier.weight.shape
            return torch.zeros(rank, in_features), torch.zeros(out_features, rank)
        more = rank - self.rank
        return F.pad(self.low[_key(name)], (0, 0, 0, more)), F.pad(self.high[_key(name)], (0, more))


class _Carrier(BatchedLoRALinear):
    """A layer of the body: plain, or for one batch with adapters beside it, through which gradients flow."""

    def __init__(self, linear: nn.Linear):
        nn.Module.__init__(self)
        self.out_features, self.in_features = linear.weight.shape
        self.weight, self.bias = linear.weight, linear.bias
        self.drop()

    def carry(self, pairs: Sequence[tuple[Tensor, Tensor]], choice: AdapterChoice) -> None:
        """Take adapters for the batch to come: each one's A `[rank, in]` and B `[out, rank]`, of one rank."""
        self.rank, self.choice = len(pairs[0][0]), choice
        self.lora_a = torch.cat([a for a, _ in pairs])
        self.lora_b = torch.cat([2 * b for _, b in pairs], dim=1)

    def drop(self) -> None:
        """Be plain again, and keep nothing of the adapters."""
        self.choice = self.lora_a = self.lora_b = None

    def forward(self, x: Tensor) -> Tensor:
        """Map `[batch, seq, in]` to `[batch, seq, out]`."""
        return F.linear(x, self.weight, self.bias) if self.choice is None else super().forward(x)


def _key(name: str) -> str:
    return name.replace(".", "/")  # a parameter's name has no dot
