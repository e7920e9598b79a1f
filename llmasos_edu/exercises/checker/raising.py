"""What is said of an answer that stops with an error."""

from llmasos_edu.exercises.checker.exercise import Case, Verdict
from llmasos_edu.exercises.checker.running import reader_place

# What to say beside an error that torch raises in words which do not tell what to do.
ADVICE = {
    "takes from 1 to 0 positional": "beside `stable=True` torch wants the axis by its name, `dim=...`",
    "(int, stable=bool)": "beside `stable=True` torch wants the axis by its name, `dim=...`",
    "'list' object has no attribute": "it is a list of Python; `torch.tensor(...)` makes a tensor of it",
    "sequence by non-int of type 'list'": "these are lists of Python; `torch.tensor(...)` makes tensors",
    "bitwise_": "`&` and `|` bind tighter than `<`, `==` and their like: put each comparison in brackets",
    "Boolean value of Tensor": "`and`, `or`, `not` and `if` want one truth value; `&`, `|`, `~` work on all",
    "does not require grad": "something has cut the graph (`detach`, `item`, numpy, `no_grad`)",
    "a leaf Variable that requires grad": "it is written into in place: make a new tensor instead",
}


def last_line(error: BaseException) -> str:
    """An error as Python names it, with advice where torch's own words give none."""
    text = str(error).strip().splitlines()
    said = f"{type(error).__name__}: {text[0][:200].rstrip('.')}" if text else type(error).__name__
    advice = next((words for mark, words in ADVICE.items() if mark in str(error)), None)
    return f"{said}: {advice}" if advice else said


def raised(case: Case, error: BaseException, right: int, count: int) -> Verdict:
    """The verdict on an answer that stops in `case`, and is right in `right` of `count` cases."""
    start = f"Right in {right} of {count} cases, but for {case.name}" if right else f"For {case.name}"
    if isinstance(error, SystemExit):
        message = f"{start}, your code asked Python to exit. A function hands its result back with `return`."
    elif isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        message = (
            f"{start}, your code asked for more memory than an answer may use. "
            "Which tensor grows faster than the inputs? Its shape, printed, usually tells."
        )
    else:
        message = f"{start}, your code stopped with {last_line(error)}."
    return Verdict("error", message, place=reader_place(error))
