"""A model's training and evaluation modes."""

from contextlib import contextmanager


@contextmanager
def modes_kept(model):
    """Give every module its training or evaluation mode back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def evaluating(model):
    """The model in evaluation mode; afterwards every module has the mode that it had."""
    with modes_kept(model):
        model.eval()
        yield
