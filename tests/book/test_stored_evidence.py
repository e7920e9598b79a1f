"""The stored evidence: whole, judged by its rule, and given again by the code as it is."""

import hashlib
import os
import random
import subprocess

import pytest

from llmasos_edu.book import BOOK_ROOT, load_outline
from llmasos_edu.book.article import CHINESE, clause
from llmasos_edu.book.evidence import decisions
from llmasos_edu.book.evidence.code import code_digests, same_file
from llmasos_edu.book.evidence.results import experiments, files, read_results, section_of, statements
from llmasos_edu.book.evidence.running import run_again

FILES = pytest.mark.parametrize("path", files(), ids=section_of)
GUARANTEED = "the code guarantees it in every run, and a setting is a try at breaking it"
ALL_OR_NONE = "words that are searched for are found in the same language, and in the other one they are not"
FEWER_THAN_THREE = {  # statements whose settings may give the same figures, and why
    "6.1.1-same-transcript": GUARANTEED,
    "6.1.1-trouble": GUARANTEED,
    "6.1.1-once-and-told": GUARANTEED,
    "6.1.2-orders-of-others": GUARANTEED,
    "6.1.3-search-recalls": ALL_OR_NONE,
    "6.1.3-search-beats-summary": ALL_OR_NONE,
    "6.1.3-knows-again": "ten tries a seed, and all succeed",
}
COUNTED = "a kernel's steps are counted, and both acts take as many"
EQUAL_BY_COUNT = FEWER_THAN_THREE | {"6.1.2-first-token": COUNTED}
CHEAP = 20.0  # CPU seconds of a run that every commit may repeat


def this_commit():
    """Another number for each commit, so that over time every cheap run is repeated."""
    named = (
        os.environ.get("LLMASOS_EVIDENCE_SEED")
        or subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=BOOK_ROOT, capture_output=True, text=True, check=False
        ).stdout
    )
    return int(hashlib.sha256(named.encode()).hexdigest()[:8], 16)


def test_there_is_evidence():
    assert files()


@FILES
def test_every_statement_has_a_source_a_control_and_runs(path):
    declared, results = statements(path), read_results(path)
    assert declared
    used = {statement.experiment.key for statement in declared.values()}
    assert used == experiments(path).keys() == results.keys()
    for statement in declared.values():
        assert statement.source.section.startswith(section_of(path))
        assert statement.experiment.tuned
        source = statement.source
        assert bool(source.article) + bool(source.cites) + source.ours == 1
        if source.article:
            said = clause(source.article)
            assert CHINESE.search(said.zh)
            assert f"(article, {said.section}: “{said.zh}”)" in source.marked


@FILES
def test_verdicts_follow_from_the_stored_runs(path):
    """Among others: every run is there, and no threshold is one that knowing nothing would pass."""
    found = decisions(path)
    assert found.keys() == statements(path).keys()
    for each in found.values():
        assert each.kind in ("holds", "holds when", "does not hold", "not shown")
        assert len(each.rows) == len(each.statement.settings())


@FILES
def test_settings_touch_what_they_vary(path):
    """Where two settings give each seed the same effect, to nine digits, they are one setting."""
    results = read_results(path)
    for key, statement in statements(path).items():
        effects = {}
        for setting, seed, figures in results[statement.experiment.key].runs:
            effects.setdefault(repr(sorted(setting.items())), []).append(
                (seed, round(statement.effect(figures), 9))
            )
        different = len({tuple(sorted(each)) for each in effects.values()})
        assert (different < 3) == (key in FEWER_THAN_THREE), f"{key}: {different} different rows of effects"


@FILES
def test_no_two_settings_of_a_verdict_are_one(path):
    """A row that repeats another tells a reader of more settings than were tried.

    Whole numbers and shares of 0 and 1 may agree by themselves; other figures do not in every seed.
    """
    results = read_results(path)
    for key, statement in statements(path).items():
        effects = {}
        for setting, seed, figures in results[statement.experiment.key].runs:
            if statement.within(setting):
                effects.setdefault(repr(sorted(setting.items())), {})[seed] = statement.effect(figures)
        rows = [tuple(sorted(each.items())) for each in effects.values()]
        broken = [row for row in rows if any(effect % 1 for _, effect in row)]
        alike = len(broken) - len(set(broken))
        assert not alike or key in EQUAL_BY_COUNT, f"{key}: {alike} settings give every seed another's effect"


@FILES
def test_results_belong_to_the_declaration_as_it_is(path):
    declared = experiments(path)
    for key, stored in read_results(path).items():
        assert same_file(stored.code, path, declared[key].run.__name__), (
            f"{path.name} has changed since {key} was computed: make evidence ARGS={section_of(path)}"
        )


@FILES
def test_the_library_is_the_one_that_computed_them(path):
    """Says which results are stale; what a change of the library moves is measured by the run below."""
    now = {name: value for name, value in code_digests(path).items() if name != path.name}
    stale = {}
    for key, stored in read_results(path).items():
        then = {name: value for name, value in stored.code.items() if not name.startswith(path.name)}
        stale[key] = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if changed := {name for names in stale.values() for name in names}:
        pytest.skip(f"computed before these changed: {', '.join(sorted(changed))}")


def chapter_of(path):
    """The number of the chapter that a file of evidence belongs to: 3.1 for 3.1.1, 4.2.3 for itself."""
    section = section_of(path)
    numbers = [each.number for each in load_outline()]
    return max((n for n in numbers if f"{section}.".startswith(f"{n}.")), key=len)


def cheap_experiments(chapter):
    """{(file, key): CPU seconds of a mean run} of a chapter's experiments that a commit may repeat."""
    return {
        (path, key): each.cpu_seconds / len(each.runs)
        for path in files()
        if chapter_of(path) == chapter
        for key, each in read_results(path).items()
        if experiments(path)[key].tolerance and each.cpu_seconds / len(each.runs) <= CHEAP
    }


@pytest.mark.parametrize("chapter", dict.fromkeys(map(chapter_of, files())))
def test_one_stored_run_of_each_chapter_comes_out_again(chapter):
    """Each experiment's turn comes, a dear one's the less often the dearer it is."""
    cheap, choose = cheap_experiments(chapter), random.Random(this_commit())
    assert cheap, f"chapter {chapter} has no experiment that is cheap enough to repeat"
    (path, key), *_ = choose.choices(list(cheap), [1 / max(cost, 1) for cost in cheap.values()])
    setting, seed, figures = choose.choice(read_results(path)[key].runs)
    again = run_again(path, key, setting, seed)
    assert again.keys() == figures.keys()
    off = {
        name: (figures[name], again[name])
        for name, room in experiments(path)[key].tolerance.items()
        if abs(again[name] - figures[name]) > room + 1e-9
    }
    assert not off, f"{key} with {setting}, seed {seed}: stored and computed now differ: {off}"
