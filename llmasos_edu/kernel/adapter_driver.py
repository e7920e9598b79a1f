"""One model in memory, and for each user an adapter: several of them in one batch (sections 2.3, 3.3.2)."""

from collections.abc import Sequence

from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.layers.adapters import AdapterChoice, BatchedLoRALinear
from llmasos_edu.models.language_model import LanguageModel


class AdapterDriver(TorchDriver):
    """A `TorchDriver` whose rows go through the adapter that bears their user's name; others through none.

    Keys and values depend on the adapter. So a block must never be shared between users: the kernel has to be
    `salted`, as it is unless told otherwise, and a row that is not is refused.

    Args:
        model: whose adapted layers are `BatchedLoRALinear`, as `serve_together` makes them.
        window, kv_bits: as in `TorchDriver`.

    Raises:
        ValueError: no adapted layer, one at the head (which sees the speaking rows alone), and as
            `TorchDriver` does.
    """

    def __init__(self, model: LanguageModel, *, window: int | None = None, kv_bits: int | None = None):
        super().__init__(model, window=window, kv_bits=kv_bits)
        adapted = {name: m for name, m in model.named_modules() if isinstance(m, BatchedLoRALinear)}
        if not adapted or "head" in adapted:
            raise ValueError(
                f"layers with adapters: {', '.join(adapted) or 'none'}; wanted are some, the head not "
                "among them"
            )
        self.choice: AdapterChoice = next(iter(adapted.values())).choice

    def _enter(self, rows: Sequence[Row]) -> tuple:
        self.choice.choose([self._adapter(row) for row in rows for _ in row.tokens])
        return super()._enter(rows)

    def _adapter(self, row: Row) -> str | None:
        user = row.process.user
        if user not in self.choice.numbers:
            return None
        if row.process.space.salt != user:
            raise ValueError(
                f"the kernel shares blocks between users, and those of {user!r} depend on an adapter: "
                "make it with salted=True"
            )
        return user
