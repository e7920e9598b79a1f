"""Blanks: whether anybody has answered yet."""

import dis
import itertools

from llmasos_edu.exercises.checker.exercise import Verdict

EMPTY_INSTRUCTIONS = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "POP_TOP",
    "RETURN_CONST",
    "RETURN_VALUE",
    "RAISE_VARARGS",
}
EMPTY_INSTRUCTIONS |= {"LOAD_COMMON_CONSTANT", "NOT_TAKEN"}  # Python 3.14 says some of these differently


def is_empty(answer: object) -> bool:
    """Whether nobody has touched this blank: nothing, dots, or a function without a statement in it."""
    if answer is None or answer is ...:
        return True
    code = getattr(answer, "__code__", None)
    if code is None:
        return False
    if set(code.co_names) == {"NotImplementedError"}:
        return len(list(dis.get_instructions(answer))) <= 8
    if any(not (value is None or value is ... or isinstance(value, str)) for value in code.co_consts):
        return False
    steps = list(dis.get_instructions(answer))
    if any(isinstance(value, str) for value in _returned(steps)):
        return False  # a text is handed back: wrong as it may be, somebody has answered
    return all(step.opname in EMPTY_INSTRUCTIONS for step in steps)


def _returned(steps: list[dis.Instruction]) -> list[object]:
    """The constants that a function returns, wherever it returns one."""
    loaded = [a.argval for a, b in itertools.pairwise(steps) if b.opname == "RETURN_VALUE"]
    return loaded + [step.argval for step in steps if step.opname == "RETURN_CONST"]


def blank(key: str) -> Verdict:
    return Verdict("blank", f'not answered yet. hint("{key}") gives a first push.')
