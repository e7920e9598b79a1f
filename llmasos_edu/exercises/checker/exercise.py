"""What an exercise is: its statement, its cases, its solution and the usual wrong answers."""

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType

import torch

from llmasos_edu.exercises.checker.comparing import NO_GRADIENT

STATUSES = ("correct", "blank", "known mistake", "wrong", "error", "too slow", "crashed", "stopped")


@dataclass(frozen=True)
class Case:
    """One call of the reader's function: `name` says what it is called for, `inputs` are its arguments."""

    name: str
    inputs: tuple

    def fresh(self) -> tuple:
        """Copies of the inputs, so that an answer that writes into them spoils nothing."""
        return tuple(
            item.clone() if isinstance(item, torch.Tensor) else copy.deepcopy(item) for item in self.inputs
        )


def random_tensors(seed: int, *shapes: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    """Normal numbers of these shapes, the same on every machine."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


@dataclass(frozen=True)
class Mistake:
    """A usual wrong answer, kept as code: one implementation per variation that behaves differently."""

    name: str
    message: str
    implementations: tuple[Callable, ...]


def call(answer: Callable, inputs: tuple) -> object:
    """What most exercises look at: the value that the answer returns."""
    return answer(*inputs)


def value_and_gradients(*places: int) -> Callable[[Callable, tuple], object]:
    """How to look at the output and at the gradients that it sends back to the inputs at these places."""

    def look(answer: Callable, inputs: tuple) -> object:
        leaves = {place: inputs[place].clone().requires_grad_() for place in places}
        # Copies of the leaves: torch forbids writing into a leaf, and the message would not be the reader's.
        output = answer(*(leaves[i] * 1 if i in leaves else value for i, value in enumerate(inputs)))
        if not isinstance(output, torch.Tensor):
            return output if output is None or output is ... else (output, *[NO_GRADIENT] * len(places))
        if not output.requires_grad:
            return output, *[NO_GRADIENT] * len(places)
        # Of a single number its own gradient, as a reader would take it.
        probe = torch.linspace(-1 if output.numel() > 1 else 1, 1, output.numel()).reshape(output.shape)
        gradients = torch.autograd.grad((output * probe).sum(), leaves.values(), allow_unused=True)
        return output.detach(), *(NO_GRADIENT if gradient is None else gradient for gradient in gradients)

    return look


def value_and_gradient(answer: Callable, inputs: tuple) -> object:
    """Look at the output and at the gradient that it sends back to the first input.

    Returns:
        (output, gradient of the first input), or NO_GRADIENT where the output is not connected to it.
        A blank (None, ...) comes back as it is.
    """
    return value_and_gradients(0)(answer, inputs)


@dataclass(frozen=True)
class Exercise:
    """An exercise of the book.

    Args:
        key: its name in `check`, for example "4.1-3".
        title: a few words.
        difficulty: 1 to 3 stars.
        minutes: how long a reader should plan.
        statement: short Markdown.
        takeaway: one sentence that a correct answer is greeted with.
        reference: the solution; its name, signature and docstring are what the reader starts from.
        explanation: one line that `solution` shows with the source.
        hints: from a first push to nearly there.
        cases: what the answer is run on, edge cases included.
        draw: seed -> more cases, the same on every machine, for `check(key, answer, seed=7)`; from a few
            seeds without being asked, for an answer that is right in all cases.
        any_order: whether the numbers of a case may be dealt anew, in any order, and still keep what the
            statement promises of them.
        seed: what was drawn from; `with_seed` sets it.
        mistakes: the usual wrong answers, recognised by what they do.
        observe: what is looked at in one call, by default the returned value.
        build: makes of a case's inputs what the answer is handed, where a case holds less than that (a seed).
        shown_by: the code that shows what is looked at, where that is more than the call ({call}).
        parts: names of the returned parts where there is more than one.
        explain: says what an unknown answer gets wrong, from all cases, its values and the right ones; unless
            given, the first difference is described.
        imports: slow modules that its runs make torch import; the checker's process imports them once, where
            each answer would do it again.
        codes: whole numbers are names here, such as those of errors: how far one is off says nothing.
        terms: summands of the right result, each as a function of its own with the reference's signature; a
            slip in one of them is then named. There may be others.
        rtol, atol: the tolerance of the comparison (float32 sums in another order must pass).
    """

    key: str
    title: str
    difficulty: int
    minutes: int
    statement: str
    takeaway: str
    reference: Callable
    explanation: str
    hints: tuple[str, ...]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    observe: Callable[[Callable, tuple], object] = call
    build: Callable[[tuple], tuple] | None = None
    shown_by: str = "{call}"
    parts: tuple[str, ...] = ()
    explain: Callable[[tuple[Case, ...], list, list], str] | None = None
    draw: Callable[[int], tuple[Case, ...]] | None = None
    any_order: bool = True
    seed: int | None = None
    imports: tuple[str, ...] = ()
    codes: bool = False
    terms: Mapping[str, Callable] = field(default_factory=dict)
    rtol: float = 1e-3
    atol: float = 1e-5

    def with_seed(self, seed: int | None) -> "Exercise":
        """The exercise with the cases that a seed draws behind its own; itself without a seed or a draw."""
        if seed is None or self.draw is None:
            return self
        return replace(self, cases=self.cases + self.draw(seed), seed=seed)

    @property
    def starter(self) -> str:
        """The code that stands in the notebook before the reader has written anything."""
        name, signature = self.reference.__name__, inspect.signature(self.reference)
        head = f'def {name}{signature}:\n    """{self.reference.__doc__}"""\n'
        return f'{head}    ...\n\n\ncheck("{self.key}", {name})'


def in_order(*modules: ModuleType) -> tuple[Exercise, ...]:
    """The exercises of a chapter's modules, in the order of their numbers."""
    exercises = (item for module in modules for item in module.EXERCISES)
    return tuple(sorted(exercises, key=lambda item: int(item.key.rpartition("-")[2])))


@dataclass(frozen=True)
class Verdict:
    """What the checker found.

    Args:
        status: one of `STATUSES`.
        message: two or three sentences to the reader.
        mistake: the name of the known mistake, if one was recognised.
        place: (file, line) in the reader's code where an exception came from.
        prints: what the reader's code printed.
        example: the smallest case that fails as code to paste, with what came and what should come.
    """

    status: str
    message: str
    mistake: str | None = None
    place: tuple[str, int] | None = None
    prints: str = ""
    example: str = ""
