"""The engine of evidence: intervals, the four verdicts, what is stored, a run that is stopped half way."""

import json
import math
import textwrap

import numpy as np
import pytest
from scipy import stats

from llmasos_edu.book import Claims, evidence
from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement, bootstrap, decide, decisions
from llmasos_edu.book.evidence.code import code_digests, digest, named_by_function, same_file
from llmasos_edu.book.evidence.results import (
    Stored,
    experiments,
    find,
    read_results,
    results_path,
    rounded,
    section_of,
    statements,
    write_results,
)
from llmasos_edu.book.evidence.running import Journal, RunFailed, compute, run_again

# -- intervals -----------------------------------------------------------------------


def test_an_interval_shows_no_rounding_noise():
    assert str(evidence.Interval(1.44e-6, -4.2e-9, 0.0384)) == "0 [0, 0.0384]"
    assert str(evidence.Interval(-2e-4, -0.1234, 2e-5)) == "-0.0002 [-0.123, 2e-05]"


def test_five_values_give_about_the_t_interval():
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    found = bootstrap(values)
    half = stats.t.ppf(0.975, 4) * np.std(values, ddof=1) / math.sqrt(5)
    assert found.mean == 3
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), abs=0.25)
    # The plain percentile interval, which is too narrow for so few.
    assert found.high - found.low > 1.3 * (4.2 - 1.8)


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(size=(400, 5))
    inside = [(each := bootstrap(row)).low <= 0 <= each.high for row in draws]
    assert 0.90 < np.mean(inside) < 0.985  # the plain percentile interval: about 0.83


def test_many_values_are_resampled_the_same_way_every_time():
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values).high - values.mean() == pytest.approx(
        stats.t.ppf(0.975, 29) * values.std(ddof=1) / math.sqrt(30), rel=0.1
    )


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan], [1.0, math.inf]])
def test_no_interval_without_numbers(values):
    with pytest.raises(ValueError, match="two or more finite values"):
        bootstrap(values)


def test_values_that_agree_leave_no_room():
    found = bootstrap([0.25] * 5)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)
    assert (found.side(0.2), found.side(0.25), found.side(0.3)) == ("for", "against", "against")


# -- declarations --------------------------------------------------------------------

SOURCE = Source("9.1", "the thing helps", ours=True)
FAST = "并行计算效率高"


def an_experiment(**changes):
    settings = {"run": lambda seed, **s: {}, "vary": {"steps": (1, 2), "depth": (1, 2, 3)}} | changes
    return Experiment("thing", **settings)


def test_one_change_at_a_time_or_every_combination():
    assert an_experiment().settings() == [
        {"steps": 1, "depth": 1},
        {"steps": 2, "depth": 1},
        {"steps": 1, "depth": 2},
        {"steps": 1, "depth": 3},
    ]
    assert len(an_experiment(every=True).settings()) == 6
    both = an_experiment(also=[{"steps": 2, "depth": 3}]).settings()
    assert both == [*an_experiment().settings(), {"steps": 2, "depth": 3}]
    # Seed by seed: whoever stops early has seen every setting.
    assert [seed for _, seed in an_experiment().runs()][:5] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": 4}, "4 seeds"),
        ({"vary": {"steps": (1, 2)}}, "2 settings"),
        ({"also": [{"width": 3}]}, "no width"),
        ({"also": [{"depth": 3}]}, "twice"),
    ],
)
def test_too_little_is_no_evidence(changes, words):
    with pytest.raises(ValueError, match=words):
        an_experiment(**changes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"section": " ", "words": "x"}, "needs a section"),
        ({"section": "9.1", "words": ""}, "needs a section"),
        ({"section": "9.1", "words": "x"}, "9.1, 'x': one says it, .*; here it is nobody"),
        ({"section": "9.1", "words": "x", "cites": " "}, "here it is nobody"),
        (
            {"section": "9.1", "words": "x", "cites": "press2022", "ours": True},
            r"here it is a work \('press2022'\) and we",
        ),
        (
            {"section": "9.1", "words": "x", "article": FAST, "ours": True},
            r"here it is the article .* and we",
        ),
        (
            {"section": "9.1", "words": "x", "article": FAST, "cites": "press2022"},
            r"here it is the article \('并行计算效率高'\) and a work",
        ),
        ({"section": "9.1", "words": "x", "article": "注意力很快"}, "no clause '注意力很快'"),
    ],
)
def test_a_source_says_who_and_what(arguments, words):
    with pytest.raises(ValueError, match=words):
        Source(**arguments)


@pytest.mark.parametrize(
    ("arguments", "marked"),
    [
        ({"article": FAST}, f"it helps (article, 4.1.2: “{FAST}”)"),
        ({"ours": True}, "it helps (ours)"),
        ({"cites": "press2022"}, "it helps ([@press2022])"),
        ({"cites": "press2022, section 3"}, "it helps ([@press2022], section 3)"),
    ],
)
def test_a_source_marks_who_says_it(arguments, marked):
    assert Source("9.1", "it helps", **arguments).marked == marked


def a_statement(experiment, **changes):
    given = {
        "key": "9.1-helps",
        "source": SOURCE,
        "experiment": experiment,
        "effect": lambda f: f["gain"],
        "above": 0.1,
        "control": "nothing done",
        "baseline": lambda f: 0.0,
        "unit": "bits",
    }
    return Statement(**given | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "9.2-helps"}, "does not begin with its section"),
        ({"control": " "}, "names no control"),
        ({"within": lambda s: s["steps"] == 1 and s["depth"] < 3}, "2 of the settings can move it"),
        ({"within": lambda s: s != {"steps": 1, "depth": 1}}, "the chapter's own has to be one"),
    ],
)
def test_a_statement_needs_its_section_and_a_control(changes, words):
    with pytest.raises(ValueError, match=words):
        a_statement(an_experiment(), **changes)


# -- verdicts ------------------------------------------------------------------------


def runs_with(gain):
    """Five seeds a setting, the gain of each setting moved a little by the seed."""
    return [
        (setting, seed, {"gain": gain(setting) + 0.01 * (seed - 2)})
        for setting, seed in an_experiment().runs()
    ]


LONG = Condition("training is long", lambda s: s["steps"] == 2)
DEEP = Condition("the model is deep", lambda s: s["depth"] > 1)


@pytest.mark.parametrize(
    ("gain", "kind", "condition"),
    [
        (lambda s: 0.5, "holds", ""),
        (lambda s: 0.0, "does not hold", ""),
        (lambda s: 0.1, "not shown", ""),  # across the threshold everywhere
        (lambda s: 0.5 if s["depth"] > 1 else 0.0, "holds when", "the model is deep"),
        (lambda s: 0.5 if s["depth"] > 1 else 0.1, "holds when", "the model is deep"),
        (lambda s: 0.5 if s["depth"] == 3 else 0.0, "not shown", ""),  # no condition says so
        (lambda s: 0.1 if s["depth"] == 3 else 0.0, "not shown", ""),
    ],
)
def test_the_four_verdicts(gain, kind, condition):
    found = decide(a_statement(an_experiment(), conditions=(LONG, DEEP)), runs_with(gain))
    assert (found.kind, found.condition) == (kind, condition)
    assert found.verdict == f"{kind} {condition}".strip()
    assert found.runs == 20
    assert found.live().mean == pytest.approx(gain({"steps": 1, "depth": 1}))


def test_settings_that_cannot_move_an_effect_are_left_out():
    statement = a_statement(an_experiment(), within=lambda s: s["steps"] == 1)
    found = decide(statement, runs_with(lambda s: 0.5 if s["steps"] == 1 else 0.0))
    assert found.kind == "holds"
    assert [setting for setting, *_ in found.rows] == statement.settings()
    assert found.runs == 15


def test_one_more_run_lies_near_the_others_or_not():
    found = decide(a_statement(an_experiment()), runs_with(lambda s: 0.5))  # 0.48 to 0.52
    assert [found.near(x) for x in (0.43, 0.45, 0.5, 0.55, 0.57)] == [False, True, True, True, False]


def test_where_a_verdict_flips():
    found = decide(a_statement(an_experiment()), runs_with(lambda s: 0.5 if s["depth"] < 3 else 0.0))
    assert found.flips() == [{"steps": 1, "depth": 3}]
    assert found.flips_in_words() == "3 layers (0 [-0.018, 0.018])"
    assert found.refuted() == found.flips()


def test_what_could_be_either_is_not_refuted():
    found = decide(a_statement(an_experiment()), runs_with(lambda s: 0.5 if s["depth"] < 3 else 0.1))
    assert (found.flips(), found.refuted()) == ([{"steps": 1, "depth": 3}], [])
    assert found.flips_in_words().endswith("could be either)")


def test_title_and_alt_text_name_the_condition():
    statement = a_statement(
        an_experiment(), conditions=[Condition("it is shallow", lambda s: s["depth"] < 3)]
    )
    found = decide(statement, runs_with(lambda s: 0.5 if s["depth"] < 3 else 0.0))
    words = statement.source.words
    assert found.title == f"{words[0].upper()}{words[1:]}: holds when it is shallow"
    assert found.alt_text.startswith(f"{found.title}. The effect in 4 settings")


def test_the_title_of_a_work_s_claim_names_it_in_words():
    source = Source("9.1", "it helps", cites="press2022, section 3")
    found = decide(a_statement(an_experiment(), source=source), runs_with(lambda s: 0.5))
    assert found.title == "It helps (Press et al. 2022, section 3): holds"


def test_a_threshold_that_knowing_nothing_would_pass_is_refused():
    statement = a_statement(an_experiment(), baseline=lambda f: f["gain"])
    with pytest.raises(ValueError, match=r"threshold 0\.1 lies below what knowing nothing gives, 0\.52"):
        decide(statement, runs_with(lambda s: 0.5))


def test_missing_runs_are_told_by_setting():
    runs = [run for run in runs_with(lambda s: 0.5) if run[:2] != ({"steps": 1, "depth": 3}, 4)]
    with pytest.raises(ValueError, match=r"4 of 5 runs with \{'steps': 1, 'depth': 3\}"):
        decide(a_statement(an_experiment()), runs)


# -- a declaration on the disk ---------------------------------------------------------

DECLARATION = '''
"""Evidence of a test."""
from llmasos_edu.book import Claims, evidence
from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement


def run(seed, steps, depth):
    if steps < 0:
        raise RuntimeError("no such steps")
    return {"gain": 0.5 * depth + 0.001 * seed, "other": steps / 3}


THING = Experiment("thing", run, {"steps": (STEPS), "depth": (1, 2, 3)})
HELPS = Statement(
    "9.1-helps", Source("9.1", "the thing helps", ours=True), THING, effect=lambda f: f["gain"], above=0.1,
    control="nothing done", baseline=lambda f: 0.0, unit="bits",
)
'''


@pytest.fixture
def declared(tmp_path, request):
    """A declaration whose module nobody has loaded before."""
    path = tmp_path / f"09_1_{request.node.name.partition('[')[0]}.py"
    path.write_text(DECLARATION.replace("STEPS", "1, 2"))
    return path


def test_from_a_declaration_to_a_verdict_and_back(declared):
    lines = []
    assert compute(declared, workers=2, say=lines.append) == 20
    assert lines[-1].startswith("9.1 thing: 20 of 20 runs")
    stored = read_results(declared)["thing"]
    assert stored.runs[0] == ({"steps": 1, "depth": 1}, 0, {"gain": 0.5, "other": 0.333333})
    assert stored.code == code_digests(declared, "run")
    assert stored.versions.keys() == {"python", "torch", "processor"}
    assert decisions(declared)["9.1-helps"].verdict == "holds"
    assert run_again(declared, "thing", {"steps": 1, "depth": 3}, 4) == {"gain": 1.504, "other": 0.333333}
    # All is there: the same command computes nothing; --again does.
    assert compute(declared, workers=1, say=lines.append) == 0
    assert lines[-1] == "9.1 thing: stored, 20 runs"


def test_a_run_that_was_killed_goes_on_where_it_was(declared):
    journal = Journal(declared, "thing", code_digests(declared, "run"))
    journal.add({"steps": 1, "depth": 1}, 0, {"gain": 7.0, "other": 7.0}, 0.5)
    with journal.file.open("a") as file:
        file.write('\n{"setting": {"steps": 2, "dep')  # the kill
    assert compute(declared, workers=1, say=lambda line: None) == 19
    assert read_results(declared)["thing"].runs[0][2] == {"gain": 7.0, "other": 7.0}
    assert not journal.file.exists()


def test_two_terminals_at_once_keep_each_other_s_results(declared):
    text = declared.read_text()
    declared.write_text(text + '\nOTHER = Experiment("other", run, THING.vary)\n')

    def meanwhile(line):
        if line.startswith("9.1 other: 20 of 20"):  # the other terminal ends just before this one does
            write_results(declared, {"thing": Stored([], {"a": "b"}, {}, "2026-01-01", 1.0)})

    compute(declared, workers=1, only="other", say=meanwhile)
    stored = read_results(declared)
    assert stored.keys() == {"thing", "other"}
    assert len(stored["other"].runs) == 20


def test_what_other_code_has_computed_is_not_taken_over(declared):
    other = Journal(declared, "thing", {"another": "code"})
    other.add({"steps": 1, "depth": 1}, 0, {"gain": 7.0}, 0.5)
    assert compute(declared, workers=1, say=lambda line: None) == 20
    assert read_results(declared)["thing"].runs[0][2]["gain"] == 0.5


def test_a_run_that_fails_is_named_and_the_others_stay(tmp_path):
    path = tmp_path / "09_1_failing.py"
    path.write_text(DECLARATION.replace("STEPS", "1, -2"))
    with pytest.raises(RunFailed, match=r"thing with \{'steps': -2, 'depth': 1\}, seed 0: no such steps"):
        compute(path, workers=1, say=lambda line: None)
    assert len(Journal(path, "thing", code_digests(path, "run")).done) >= 1


def test_an_unknown_experiment_is_refused(declared):
    with pytest.raises(ValueError, match="declares no experiment 'nothing', only thing"):
        compute(declared, only="nothing", say=lambda line: None)


def test_two_of_one_key_are_refused(tmp_path):
    path = tmp_path / "09_1_twice.py"
    path.write_text(DECLARATION.replace("STEPS", "1, 2") + '\nAGAIN = Experiment("thing", run, THING.vary)\n')
    with pytest.raises(ValueError, match="declares thing twice"):
        experiments(path)
    assert list(statements(path)) == ["9.1-helps"]


def test_results_survive_the_disk_and_say_when_they_are_damaged(declared):
    runs = [
        ({"steps": 1, "name": "größer"}, 0, {"gain": 0.1}),
        ({"steps": 2, "name": "x"}, 1, {"gain": -2.0}),
    ]
    results = {"thing": Stored(runs, {"a.py": "12"}, {"torch": "2"}, "2026-01-01", 3.5)}
    write_results(declared, results)
    assert read_results(declared) == results
    assert len(results_path(declared).read_text().splitlines()) > 2 + len(runs)  # one line a run
    results_path(declared).write_text('{"thing": {"runs": [{"seed": 0}]}}')
    with pytest.raises(ValueError, match="holds no results that can be read"):
        read_results(declared)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_figures_are_finite_numbers_of_six_digits(bad):
    assert rounded({"a": 1 / 3, "b": 123456789, "c": np.float32(2)}) == {
        "a": 0.333333,
        "b": 123457000.0,
        "c": 2.0,
    }
    with pytest.raises(ValueError, match="no finite numbers"):
        rounded({"a": bad})


def test_a_chapter_takes_its_verdict_from_the_sweep(declared, monkeypatch):
    compute(declared, workers=1, say=lambda line: None)
    monkeypatch.setattr(evidence, "find", lambda section: [declared])
    evidence.decision.cache_clear()
    claims = Claims("9.1")
    claims.judge("9.1-helps")
    claims.judge("9.1-helps")
    assert claims.rows == [
        (
            "9.1",
            "the thing helps (ours)",
            "4 settings x 5 seeds, against nothing done: 0.502 [0.5, 0.504] bits in the chapter's setting, "
            "above 0.1 in 4 of 4",
            "holds",
        )
    ]
    assert len(evidence.runs_of("9.1-helps")) == 5
    assert [run["gain"] for run in evidence.runs_of("9.1-helps", depth=3)][4] == 1.504
    with pytest.raises(ValueError, match=r"9\.1-helps was never tried with \{'depth': 9\}"):
        evidence.runs_of("9.1-helps", depth=9)
    with pytest.raises(ValueError, match=r"section 9\.1 does not belong to chapter 4\.1"):
        Claims("4.1").judge("9.1-helps")
    with pytest.raises(ValueError, match=r"declares no statement '9\.1-harms', only 9\.1-helps"):
        claims.judge("9.1-harms")
    evidence.decision.cache_clear()


# -- which code it was ----------------------------------------------------------------


def test_words_change_no_digest_and_code_does(tmp_path):
    texts = {
        "plain": "x = 1\ndef f(a):\n    return a  + 1\n",
        "with words": '"""Über."""\n\n# a comment\nx = 1  # one\ndef f(a):\n    "Adds é."; return a  + 1\n',
        "other code": "x = 1\ndef f(a):\n    return a  + 2\n",
        "other text": 'x = 1\ndef f(a):\n    return a  + 1 + len("# no comment")\n',
    }
    found = {}
    for name, text in texts.items():
        path = tmp_path / f"{name}.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        found[name] = digest(path)
    assert len(set(found.values())) >= 3
    assert found["plain"] != found["other code"]
    assert found["plain"] != found["other text"]


def test_docstrings_and_comments_alone(tmp_path):
    (tmp_path / "a.py").write_text(
        '"""One."""\n\nx = 1  # one\n\n\nclass A:\n    """Two\n    lines."""\n\n    y = 2\n'
    )
    (tmp_path / "b.py").write_text('"""Another."""\nx = 1\nclass A:\n    """Ä three."""\n    y = 2\n')
    (tmp_path / "c.py").write_text("x = 1\nclass A:\n    y = 3\n")
    assert digest(tmp_path / "a.py") == digest(tmp_path / "b.py") != digest(tmp_path / "c.py")


def test_the_library_that_a_declaration_goes_through_is_in_its_digests(tmp_path):
    path = tmp_path / "09_1_x.py"
    path.write_text(
        "from llmasos_edu.book.evidence import Source\n"
        "from llmasos_edu.layers.attention import MultiHeadAttention\n"
    )
    found = code_digests(path)
    assert not any(name.startswith("llmasos_edu.book") for name in found)
    assert {"09_1_x.py", "llmasos_edu.layers.attention", "llmasos_edu.layers.kv_cache"} <= found.keys()
    assert not any(name.startswith("llmasos_edu.kernel") for name in found)
    assert json.loads(json.dumps(found)) == found


FUNCTIONS = """
import math
SIZES, RATE = {"small": 3}, 0.1


def helper(x):
    return math.log(x) * RATE


def tidy(function):
    return function


@tidy
def first(seed):
    return {"gain": helper(seed)}


def second(seed):
    return {"gain": SIZES["small"] * seed}
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("* RATE", "/ RATE", {"first"}),
        ("0.1", "0.2", {"first", "second"}),  # one statement that gives both names a meaning
        ("import math", "import cmath as math", {"first"}),
        ('{"small": 3}', '{"small": 4}', {"first", "second"}),
        ("@tidy", "@tidy  # why", set()),
        ("return function", "return lambda seed: function(0)", {"first"}),
        ("SIZES[", "2 * SIZES[", {"second"}),
        ("\n\ndef second", "\nprint(RATE)\n\n\ndef second", {"first", "second"}),  # names nothing: may do all
        ('{"gain": helper', '{"gain": 2 * helper', {"first"}),
    ],
)
def test_a_function_s_digest_changes_with_what_it_reaches(tmp_path, old, new, changed):
    before, after = tmp_path / "a.py", tmp_path / "b.py"
    before.write_text(FUNCTIONS)
    assert old in FUNCTIONS
    after.write_text(FUNCTIONS.replace(old, new, 1))
    assert {name for name in ("first", "second") if digest(before, name) != digest(after, name)} == changed


def test_a_function_that_is_not_there_has_no_digest(tmp_path):
    (tmp_path / "a.py").write_text(FUNCTIONS)
    with pytest.raises(ValueError, match="defines no 'third'"):
        digest(tmp_path / "a.py", "third")


def test_a_result_of_the_whole_file_belongs_to_its_function_while_the_file_is_the_same(tmp_path):
    path, later = tmp_path / "09_1_a.py", tmp_path / "later" / "09_1_a.py"
    later.parent.mkdir()
    path.write_text(FUNCTIONS)
    later.write_text(FUNCTIONS.replace("SIZES[", "2 * SIZES["))
    whole = code_digests(path) | {"llmasos_edu.layers.attention": "of another day"}
    finer = named_by_function(whole, path, "first")
    assert finer == {
        "09_1_a.py:first": digest(path, "first"),
        "llmasos_edu.layers.attention": "of another day",
    }
    assert same_file(whole, path, "first")
    assert same_file(finer, path, "first")
    assert not same_file(whole, later, "first")  # nobody knows which part of the file it was
    assert same_file(finer, later, "first")
    assert named_by_function(whole, later, "first") == whole
    assert named_by_function(finer, later, "first") == finer


def test_more_seeds_and_other_words_keep_the_stored_runs(declared):
    assert compute(declared, workers=1, say=lambda line: None) == 20
    stored = read_results(declared)
    stored["thing"].runs[0][2]["gain"] = 7.0  # to know it again
    write_results(declared, stored)
    text = declared.read_text().replace("(1, 2, 3)}", "(1, 2, 3)}, seeds=6").replace("nothing done", "none")
    more = declared.with_stem(declared.stem + "_more")
    more.write_text(text)
    results_path(declared).rename(results_path(more))
    more_of_it = read_results(more)
    more_of_it["thing"].code = code_digests(more, "run")
    write_results(more, more_of_it)
    assert compute(more, workers=1, say=lambda line: None) == 4
    assert read_results(more)["thing"].runs[0][2]["gain"] == 7.0
    assert len(read_results(more)["thing"].runs) == 24


# -- which file it is -------------------------------------------------------------------


def test_sections_find_their_file(tmp_path):
    for name in (
        "04_2_transformer.py",
        "04_2_3_positional_encoding.py",
        "05_project.py",
        "04_1_attention.py",
        "04_2_3_order.py",
    ):
        (tmp_path / name).write_text("")
    names = {
        s: [path.stem for path in find(s, tmp_path)] for s in ("4.1", "4.1.3", "4.2", "4.2.1", "4.2.3", "5")
    }
    assert names == {
        "4.1": ["04_1_attention"],
        "4.1.3": ["04_1_attention"],
        "4.2": ["04_2_transformer"],
        "4.2.1": ["04_2_transformer"],
        "4.2.3": ["04_2_3_order", "04_2_3_positional_encoding"],
        "5": ["05_project"],
    }
    assert {section_of(path) for path in find("4.2.3", tmp_path)} == {"4.2.3"}
    with pytest.raises(ValueError, match=r"no evidence is declared for section '6.1', only for 4.1, 4.2.3"):
        find("6.1", tmp_path)
