"""Whether modules run the code that their classes were written with, or something put in its place."""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules import module as torch_module

# torch's lists of hooks that wait for any module at all to be called
EVERYWHERE = [getattr(torch_module, name) for name in ("_global_forward_hooks", "_global_forward_pre_hooks")]


def code_of(*classes: type) -> dict[type, dict]:
    """What each class's methods are now: {class: {name: function}}, those that it inherits among them."""
    return {cls: _methods(cls) for cls in classes}


def runs_own_code(modules: Iterable[nn.Module], known: dict[type, dict]) -> bool:
    """True where each module is of a known class, whose methods are what they were, and no hook waits.

    Args:
        modules: the modules that would be called.
        known: from `code_of`, taken when the classes were defined.
    """
    modules = list(modules)
    if any(EVERYWHERE) or any(type(module) not in known for module in modules):
        return False
    kinds = {type(module) for module in modules}
    # Other packages add methods of their own to torch's classes: what is new here, nothing here calls.
    if not all(known[kind].items() <= _methods(kind).items() for kind in kinds):
        return False
    return not any(
        module._forward_hooks
        or module._forward_pre_hooks
        or not known[type(module)].keys().isdisjoint(vars(module))
        for module in modules
    )


def _methods(cls: type) -> dict:
    found = {}
    for base in reversed(cls.__mro__[:-1]):
        found |= {
            name: value
            for name, value in vars(base).items()
            if callable(value) or isinstance(value, property)
        }
    return found
