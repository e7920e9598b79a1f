"""Exercise of chapter 3.4: labels from brackets.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import re

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.4-1 ----------------------------------------------------------------------------------


def nesting_depths(text, deepest):
    """text, a string of n characters -> open brackets around each, at most `deepest`, integers [n]."""
    depths, depth, in_string = [], 0, False
    for character in text:
        if character == '"':
            in_string = not in_string
        elif character in ")]}" and not in_string:
            depth -= 1
        depths.append(min(depth, deepest))
        if character in "([{" and not in_string:
            depth += 1
    return torch.tensor(depths)


def _depths(opening=0, closing=0, brackets="([{)]}", strings=True, never_ends=False, start=0, cap=min):
    """Depths by other rules: `opening`, `closing` are added at brackets, `cap(depth, deepest)` limits."""

    def answer(text, deepest):
        depths, depth, in_string = [], start, False
        half = len(brackets) // 2
        for character in text:
            if character == '"' and strings:
                in_string = never_ends or not in_string
            opens = character in brackets[:half] and not in_string
            closes = character in brackets[half:] and not in_string
            depth -= closes
            depths.append(cap(depth + opening * opens + closing * closes, deepest))
            depth += opens
        return torch.tensor(depths)

    return answer


def _capped_while_counting(lowest):
    def answer(text, deepest):
        depths, depth, in_string = [], 0, False
        for character in text:
            in_string ^= character == '"'
            if character in ")]}" and not in_string:
                depth = max(depth - 1, lowest)
            depths.append(depth)
            if character in "([{" and not in_string:
                depth = min(depth + 1, deepest)
        return torch.tensor(depths)

    return answer


def _kinds_apart(text, deepest):
    """The deepest of the three kinds, each counted by itself."""
    each = [_depths(brackets=kind)(text, deepest) for kind in ("()", "[]", "{}")]
    return torch.stack(each).amax(0)


def _closed_in_strings(text, deepest):
    """Opening brackets in strings do not count, closing ones do."""
    depths, depth, in_string = [], 0, False
    for character in text:
        in_string ^= character == '"'
        depth -= character in ")]}"
        depths.append(min(depth, deepest))
        depth += character in "([{" and not in_string
    return torch.tensor(depths)


def _zero_where(zero):
    """0 at the characters where `zero(text)` holds."""

    def answer(text, deepest):
        depths = nesting_depths(text, deepest)
        return torch.where(torch.tensor(zero(text)), 0, depths)

    return answer


def _quoted(text):
    return [text[: i + 1].count('"') % 2 == 1 for i in range(len(text))]


def _line_by_line(text, deepest):
    return torch.cat([_depths()(line, deepest) for line in text.splitlines(keepends=True)])


def _empty_strings_skipped(text, deepest):
    blank = re.sub('"[^"]+"', lambda found: " " * len(found[0]), text)
    return _depths(strings=False)(blank, deepest)


def _strings_within_brackets(text, deepest):
    """A double quote outside of all brackets is read as any other character."""
    depths, depth, in_string = [], 0, False
    for character in text:
        in_string = (in_string ^ (character == '"')) and depth > 0
        depth -= character in ")]}" and not in_string
        depths.append(min(depth, deepest))
        depth += character in "([{" and not in_string
    return torch.tensor(depths)


def _never_closed(text, deepest):
    opened = torch.tensor([c in "([{" for c in text]).long().cumsum(0)
    return (opened - torch.tensor([c in "([{" for c in text]).long()).clamp(max=deepest)


NESTING = Exercise(
    key="3.4-1",
    title="The depth of nesting as a label",
    difficulty=1,
    minutes=15,
    statement=(
        "One of the tasks of this chapter asks of each character of a program how many brackets are open "
        "around it. Give these labels. Round, square and curly brackets all count. A bracket stands outside "
        "of itself, the closing one too: in f(x) only x has depth 1. Brackets between two double quotes "
        "belong to a string and do not count (there are no other quotes, and none is escaped). Every bracket "
        "is closed. Labels end at `deepest`: whatever is deeper gets that label."
    ),
    takeaway="A label that follows from a rule is never wrong; the rule at the borders is a decision.",
    reference=nesting_depths,
    explanation="Closing brackets count down before the character gets its label, opening ones up after it.",
    hints=(
        "Walk through the text with one number in hand: how many brackets are open right now?",
        "An opening bracket stands outside of itself. Does it raise the number before or after it gets its "
        "own label? And a closing one?",
        "Keep the true number while you walk, and limit only the label that you write down. A second "
        "variable remembers whether you are between quotes.",
    ),
    cases=(
        Case("f(x)", ("f(x)", 3)),
        Case("three kinds of brackets", ("a[i] = {k: (1, [2])}", 3)),
        Case("deeper than the deepest", ("((((a))) + b) + c", 2)),
        Case("brackets in a string", ('print("a (b", [c], ")") + (d)', 3)),
        Case("no bracket", ("x = y", 3)),
        Case("two levels only", ("g(h(1), [2, {3}])", 1)),
        Case("empty brackets", ("f()() + [[]]", 3)),
        Case("a comparison", ("a < b and f(c) > d", 3)),
        Case("a call over two lines", ("f(a,\n  g(b))", 3)),
        Case("strings outside of brackets, one of them empty", ('x = "" + "(" + f(y)', 3)),
    ),
    mistakes=(
        Mistake(
            "bracket inside itself",
            "At opening brackets you are off by one: they get the depth of what they enclose. Both brackets "
            "stand outside, so the pair has the depth of the text around it.",
            (_depths(opening=1),),
        ),
        Mistake(
            "closing bracket inside itself",
            "At closing brackets you are off by one: they get the depth of what they enclose. Both brackets "
            "stand outside, so the pair has the depth of the text around it.",
            (_depths(closing=1),),
        ),
        Mistake(
            "both brackets inside themselves",
            "At brackets you are off by one: opening and closing ones get the depth of what they enclose. "
            "Both stand outside, so the pair has the depth of the text around it.",
            (_depths(opening=1, closing=1),),
        ),
        Mistake(
            "brackets in strings",
            "You count brackets that are inside a string. They open nothing and close nothing: between two "
            "double quotes the depth stays what it is.",
            (_depths(strings=False),),
        ),
        Mistake(
            "comparisons taken for brackets",
            "`<` and `>` change your depth. Round, square and curly brackets count, and no others: in a "
            "program these two compare.",
            (_depths(brackets="([{<)]}>"),),
        ),
        Mistake(
            "closing brackets in strings",
            "Closing brackets inside a string still count down. Nothing between two double quotes counts, "
            "whichever way it turns.",
            (_closed_in_strings,),
        ),
        Mistake(
            "kinds counted apart",
            "What comes out is as if each kind of bracket were counted by itself. How many are open around "
            "a character is one number for all three kinds together.",
            (_kinds_apart,),
        ),
        Mistake(
            "brackets without a depth",
            "You give the depth 0 to all brackets. They have the depth of the brackets around them, as every "
            "character has.",
            (_zero_where(lambda text: [c in "()[]{}" for c in text]),),
        ),
        Mistake(
            "strings without a depth",
            "You give the depth 0 to all that stands in a string. It has the depth of the brackets around "
            "the string, as every character has.",
            (
                _zero_where(_quoted),
                _zero_where(lambda text: [a or c == '"' for a, c in zip(_quoted(text), text, strict=True)]),
            ),
        ),
        Mistake(
            "string never ends",
            "After the first double quote no bracket counts any more. The second quote ends the string.",
            (_depths(never_ends=True),),
        ),
        Mistake(
            "each line by itself",
            "What comes out is as if every line began at depth 0. A bracket stays open until it is closed, "
            "over as many lines as there are.",
            (_line_by_line,),
        ),
        Mistake(
            "an empty string skipped",
            "What comes out is as if one of the two quotes of an empty string did not count, so that what "
            "follows is taken the wrong way round. Every double quote begins a string or ends one.",
            (_empty_strings_skipped,),
        ),
        Mistake(
            "strings inside brackets only",
            "What comes out is as if a double quote outside of all brackets began no string. Brackets in a "
            "string do not count, wherever it stands.",
            (_strings_within_brackets,),
        ),
        Mistake(
            "one kind of brackets only",
            "You count one of the three kinds of brackets alone. Round, square and curly ones all count, "
            "together.",
            (_depths(brackets="()"), _depths(brackets="[]")),
        ),
        Mistake(
            "two kinds of brackets only",
            "You leave out one of the three kinds of brackets. Round, square and curly ones all count, "
            "together.",
            (_depths(brackets="([)]"), _depths(brackets="({)}"), _depths(brackets="[{]}")),
        ),
        Mistake(
            "nothing where it is too deep",
            "What is deeper than the deepest has the label 0 with you, or begins again from 0. It gets the "
            "label `deepest`.",
            (
                _depths(cap=lambda depth, deepest: depth if depth <= deepest else 0),
                _depths(cap=lambda depth, deepest: depth % (deepest + 1)),
            ),
        ),
        Mistake(
            "no limit",
            "Your labels go beyond the deepest one. A classifier has a fixed number of classes: limit them.",
            (_depths(cap=lambda depth, deepest: depth),),
        ),
        Mistake(
            "limit while counting",
            "You stop counting at the limit and then count down from there, so deep brackets close too much. "
            "Limit the label, not the count.",
            (_capped_while_counting(lowest=0), _capped_while_counting(lowest=-100)),
        ),
        Mistake(
            "brackets never close",
            "Your depth never falls: you count the brackets that have been opened so far. Closing ones take "
            "one away.",
            (_never_closed,),
        ),
        Mistake(
            "begins at one",
            "Outside of all brackets your depth is 1. Nothing is open there: count from 0.",
            (_depths(start=1), _depths(cap=lambda depth, deepest: min(depth, deepest) + 1)),
        ),
    ),
)


EXERCISES = (NESTING,)
