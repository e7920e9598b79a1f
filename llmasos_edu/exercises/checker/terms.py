"""The terms of an exercise: what the axes of its tensors count, read from the shapes in its docstring."""

import inspect
import re

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise

# `names [shape]` in a docstring: the names of parameters may be listed before their common shape.
SHAPE = re.compile(r"([\w*]+(?:(?:, | and )[\w*]+)*)?:? ?\[([^\[\]]*)\]")
# One entry of such an axis, as one speaks of it.
ENTRY = {
    "processes": "process",
    "seq": "token",
    "tokens": "token",
    "length": "position",
    "target": "target token",
    "source": "source token",
    "new": "new token",
    "past": "cached token",
    "q": "query",
    "query_len": "query",
    "key_len": "key",
    "heads": "head",
    "num_heads": "head",
    "kv_heads": "KV head",
    "experts": "expert",
    "shorter": "entry",
    "top_k": "choice",
    "vocab": "vocabulary entry",
    "vocab_size": "vocabulary entry",
    "classes": "class",
    "tasks": "task",
    "words": "word",
    "contexts": "context",
    "beams": "beam",
    "documents": "document",
    "domains": "domain",
    "seeds": "seed",
    "sorted": "entry",
}
FEATURES = {"d_model", "head_dim", "dim", "value_dim", "d_ff", "d_in", "d_out", "d_student", "d_teacher"}
# What else than the verb becomes another word where what is spoken of is a plural.
IN_THE_PLURAL = {
    "but has too": "but have too",
    "but lacks": "but lack",
    "as far as it goes": "as far as they go",
    "it should be": "they should be",
    "whether it is": "whether they are",
    " its ": " their ",
}
TOKENS = {"seq", "target", "new", "q", "written", "query_len"}


def axes_of_inputs(exercise: Exercise) -> dict[str, tuple[str, ...]]:
    """The names of the axes of each parameter, as far as the docstring tells: {"x": ("batch", "seq")}."""
    head, _, _ = (exercise.reference.__doc__ or "").rpartition("->")
    parameters = list(inspect.signature(exercise.reference).parameters)
    found = {}
    for names, shape in SHAPE.findall(head):
        for name in re.split(r", | and ", names):
            matching = [p for p in parameters if re.fullmatch(name.replace("*", ".*"), p)] if name else []
            for parameter in matching:
                found.setdefault(parameter, _split(shape))
    return found


def axes_of_parts(exercise: Exercise) -> list[tuple[str, ...] | None]:
    """The names of the axes of each part of the result, None where the docstring does not tell."""
    count = max(1, len(exercise.parts))
    _, _, tail = (exercise.reference.__doc__ or "").rpartition("->")
    inputs = axes_of_inputs(exercise)
    parameters = list(inspect.signature(exercise.reference).parameters)
    shapes = [_split(shape) for _, shape in SHAPE.findall(tail)]
    like = re.search(r"\bas (\w+)\b", tail)
    if not shapes and like and like[1] in inputs:
        shapes = [inputs[like[1]]]
    parts = [None] * count
    gradients = [i for i, name in enumerate(exercise.parts) if name.startswith("gradient of")]
    gradients += [i for i, name in enumerate(exercise.parts) if name in ("gradient",) or "respect" in name]
    for place, number in enumerate(gradients):
        of = exercise.parts[number].removeprefix("gradient of ").removeprefix("the ").replace(" ", "_")
        parts[number] = inputs.get(of if of in parameters else parameters[place if len(gradients) > 1 else 0])
    others = [i for i in range(count) if i not in gradients]
    if len(shapes) == 1:
        shapes = shapes * len(others)
    if len(shapes) == len(others):
        for number, shape in zip(others, shapes, strict=True):
            parts[number] = shape
    return parts


def _split(shape: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in shape.split(",") if name.strip())


def named_axes(axes: tuple[str, ...] | None, dims: int) -> list[str] | None:
    """A name for each of `dims` axes: leading ones that stand as '...' become '' where they are several."""
    if axes is None:
        return None
    if "..." in axes:
        rest = [name for name in axes if name != "..."]
        leading = dims - len(rest)
        return None if leading < 0 else [""] * leading + rest
    return list(axes) if len(axes) == dims else None


def entries(axes: tuple[str, ...] | None, dims: int) -> list[str] | None:
    """What one entry along each axis is called, ["sequence", "token", "feature"]; None if not known."""
    names = named_axes(axes, dims)
    if names is None:
        return None
    texts = any(name in TOKENS for name in names)
    outer = [["row"], ["row"], ["sequence", "row"]] if not texts else [[], ["sequence"], ["sequence", "head"]]
    if not texts and names[-1:] and names[-1] in FEATURES:
        outer = [[], ["token"], ["sequence", "token"]]
    leading = iter(outer[names.count("")] if names.count("") <= 2 else ["row"] * dims)
    words = []
    for i, name in enumerate(names):
        if names.count(name) > 1 and name:
            pair = ("query", "key") if name == "seq" else ("row", "column")
            words.append(pair[name in names[:i]])
        elif name == "k" and "q" in names:
            words.append("key")
        elif name == "batch":
            words.append("sequence" if texts else "row")
        elif name == "":
            words.append(next(leading))
        else:
            plain = name.isidentifier() and len(name) > 1
            single = name.removesuffix("s") if name.endswith("s") and not name.endswith("ss") else name
            single = name.removesuffix("es") if name.endswith(("ches", "shes", "xes")) else single
            entry = ENTRY.get(name) or ("feature" if name in FEATURES else single if plain else "entry")
            words.append(entry)
    return words if len(set(words)) == len(words) else None


def place_in_words(place: list[int], axes: tuple[str, ...] | None) -> str:
    """A place in a tensor in the terms of the exercise, for example "sequence 0, token 3, feature 1"."""
    words = entries(axes, len(place))
    if words is None:
        return f"place {place}" if len(place) > 1 else f"entry {place[0]}" if place else ""
    return ", ".join(f"{word} {index}" for word, index in zip(words, place, strict=True))


def is_are(noun: str) -> str:
    """The noun with its verb: "the loss is", "the bits are"."""
    head = re.split(r" (?:of|with|for|after|given) ", noun)[0]
    plural = head.endswith("s") and not head.endswith(("ss", "bias", "'s"))
    return f"{noun} {'are' if plural else 'is'}"


def said_of(noun: str, predicate: str) -> str:
    """A noun with what is said of it in the singular, also where it is a plural: "the bits stand ..."."""
    verb, _, rest = predicate.partition(" ")
    if is_are(noun).endswith(" are"):
        verb = {"is": "are", "has": "have", "was": "were"}.get(verb, verb.removesuffix("s"))
        for one, many in IN_THE_PLURAL.items():
            rest = rest.replace(one, many)
    return f"{noun} {verb} {rest}"


def along(axis: int, axes: tuple[str, ...] | None, dims: int) -> str:
    """What runs along an axis, counted from the end, in the plural: "tokens", or "axis 1"."""
    words = entries(axes, dims)
    if words is None:
        return f"axis {dims + axis}"
    irregular = {"vocabulary entry": "vocabulary entries", "entry": "entries", "class": "classes"}
    irregular |= {"query": "queries", "process": "processes"}
    return irregular.get(words[axis], words[axis] + "s")


def sizes_of(exercise: Exercise, case: Case) -> dict[str, float]:
    """What can be counted in a case: the lengths of named axes and the numbers among the inputs, by name."""
    axes, sizes = axes_of_inputs(exercise), {}
    for parameter, value in zip(inspect.signature(exercise.reference).parameters, case.inputs, strict=False):
        if isinstance(value, torch.Tensor):
            names = named_axes(axes.get(parameter), value.dim()) or []
            for name, size in zip(names, value.shape, strict=True) if names else ():
                if name.isidentifier():
                    sizes.setdefault(f"the number of {name}" if name.endswith("s") else name, float(size))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            sizes.setdefault(parameter, float(value))
    return sizes
