"""Which cells only draw: their code is folded, so that a chapter reads as prose, short code and pictures."""

import ast
import builtins
import re

# Methods by which a picture is drawn, and plain looks at values that were computed before.
DRAWING = re.compile(
    r"add_axes|add_subplot|annotate|arrow|autoscale|ax[hv]?line|ax[hv]span|axis|barh?|bar_label|box|cells?|colorbar"
    r"|contourf?|errorbar|figure|fill_between|grid|headline|hist|[hv]lines|imshow|invert_yaxis|legend|loglog|margins|matshow"
    r"|minorticks_off|pcolormesh|plot|quiver|row|scale|scatter|semilog[xy]|set(_\w+)?|show|stackplot|stairs|step"
    r"|subplot_mosaic|subplots|subplots_adjust|suptitle|sup[xy]label|text|tick_params|twinx"
    r"|get_(color|legend_handles_labels|[xy]lim|[xy]ticks|xticklabels)|\w+_figure|\w+_drawing"
)
LOOKING = re.compile(
    r"a?max|a?min|aminmax|append|as_dict|clamp|cpu|detach|exp|extend|flatten|float|get|index|insert|isascii"
    r"|isprintable|items?|join|keys|log2?|lower|mean|median|norm|numpy|pop|range|replace|reversed|round|rstrip|sort"
    r"|split|squeeze|startswith|std|sum|title|tokens|tolist|transpose|unfold|unsqueeze|upper|values|view"
)
GRIDS = ("arange", "cat", "linspace", "logspace", "stack", "tensor")  # of torch and NumPy
MODULES = ("plt", "statistics", "math", "diagrams")


def fold_what_only_draws(notebook) -> None:
    """Set `source_hidden` on the code cells that only draw, and on no others."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for place, cell in enumerate(code):
        kept = {
            name: value for name, value in cell.metadata.get("jupyter", {}).items() if name != "source_hidden"
        }
        if only_draws(cell.source, [later.source for later in code[place + 1 :]]):
            kept["source_hidden"] = True
        if kept:
            cell.metadata["jupyter"] = kept
        else:
            cell.metadata.pop("jupyter", None)


def only_draws(source: str, later: list[str]) -> bool:
    """Whether a reader loses nothing but the way a picture is drawn when a cell's code is folded.

    The rule: the cell ends by showing a picture. It calls what draws, and looks at values that are there; it
    runs no model and calls no function of the chapter, of the library (pictures apart) or of torch (grids
    apart). It prints nothing, defines nothing, and leaves nothing behind that a later cell uses.

    Args:
        source: the cell's code.
        later: the code of the cells that follow it.
    """
    tree = _parsed(source)
    if not tree or ast.unparse(tree[-1]) != "plt.show()":
        return False
    refused = (ast.FunctionDef, ast.ClassDef, ast.With, ast.Import, ast.ImportFrom, ast.Assert, ast.While)
    own = {
        target.id
        for statement in _nodes(tree, ast.Assign)
        for target in statement.targets
        if isinstance(statement.value, ast.Lambda) and isinstance(target, ast.Name)
    }
    if _nodes(tree, refused) or not all(_draws_or_looks(call, own) for call in _nodes(tree, ast.Call)):
        return False
    return not _used(_left(tree), later)


def _draws_or_looks(call: ast.Call, own: set[str]) -> bool:
    """Whether a call belongs to a picture; `own` are the cell's own small functions."""
    if isinstance(call.func, ast.Name):
        name = call.func.id
        of_plots = name.endswith(("_figure", "_drawing")) or name in ("Drawing", "wrap")
        return of_plots or name in own or (hasattr(builtins, name) and name != "print")
    if not isinstance(call.func, ast.Attribute):
        return False
    name, root = call.func.attr, _root(call.func)
    if isinstance(call.func.value, ast.Name) and root in ("torch", "np"):
        return name in GRIDS
    return root in MODULES or bool(DRAWING.fullmatch(name) or LOOKING.fullmatch(name))


def _root(node: ast.expr) -> str:
    """The name at which a chain of attributes, items and calls begins: `axes` of `axes[0].legend()`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def _nodes(tree: list[ast.stmt], kind: type | tuple[type, ...]) -> list:
    return [node for statement in tree for node in ast.walk(statement) if isinstance(node, kind)]


def _bound(tree: list[ast.stmt]) -> set[str]:
    """Names that stand for something inside the code, wherever they were given to it."""
    names = {node.id for node in _nodes(tree, ast.Name) if isinstance(node.ctx, ast.Store)}
    return names | {node.arg for node in _nodes(tree, ast.arg)}


def _left(tree: list[ast.stmt]) -> set[str]:
    """Names that the cell leaves behind; those of comprehensions and functions stay in them."""
    inner = [node.target for node in _nodes(tree, ast.comprehension)]
    return _bound(tree) - {
        node.id for target in inner for node in ast.walk(target) if isinstance(node, ast.Name)
    }


def _used(left: set[str], later: list[str]) -> bool:
    """Whether a later cell reads one of the names before it binds it anew."""
    for source in later:
        for statement in _parsed(source):
            read = {node.id for node in _nodes([statement], ast.Name) if isinstance(node.ctx, ast.Load)}
            if (read - _bound([statement])) & left:
                return True
            left = left - _left([statement])
    return False
