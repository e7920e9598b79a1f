"""Which names a cell binds, and which it takes from the cells before it."""

import ast
import symtable


def tables(source):
    """The symbol table of a cell, and those of its functions, classes and comprehensions."""
    found = [symtable.symtable(source, "cell", "exec")]
    for table in found:
        found += table.get_children()
    return found


def bound_names(source):
    """Names that hold something else, or for the first time, when the cell has run."""
    top = tables(source)[0]
    return {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}


def taken_names(source):
    """Names that the cell reads, also in its functions, before it binds them or without binding them."""
    top, *inner = tables(source)
    read = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    read |= {s.get_name() for t in inner for s in t.get_symbols() if s.is_global() and s.is_referenced()}
    bound, tree = bound_names(source), ast.parse(source)
    return (read - bound) | {name for name in bound if read_first(tree, name)}


def read_first(tree, name):
    """Whether a name that a cell both reads and binds is read at an earlier place, outside functions."""
    loads, stores = [], []

    def visit(node):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            if getattr(node, "name", None) == name:
                stores.append(start(node))
        elif binds_for_itself(node, name):
            visit(node.generators[0].iter)  # all else means the comprehension's own
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For):
            value = node.iter if isinstance(node, ast.For) else node.value
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for each in (each for target in targets for each in ast.walk(target) if is_name(each, name)):
                if isinstance(node, ast.AugAssign) or isinstance(each.ctx, ast.Load):
                    loads.append(start(each))
                else:
                    stores.append(end(value or each))
            for child in ast.iter_child_nodes(node):
                if child not in targets:
                    visit(child)
        else:
            if is_name(node, name):
                (loads if isinstance(node.ctx, ast.Load) else stores).append(start(node))
            for child in ast.iter_child_nodes(node):
                visit(child)

    visit(tree)
    return bool(loads) and (not stores or min(loads) < min(stores))


def binds_for_itself(node, name):
    """Whether this is a comprehension that runs over the name."""
    targets = [each.target for each in getattr(node, "generators", ())]
    return any(is_name(each, name) for target in targets for each in ast.walk(target))


def is_name(node, name):
    return isinstance(node, ast.Name) and node.id == name


def start(node):
    return node.lineno, node.col_offset


def end(node):
    return node.end_lineno, node.end_col_offset
