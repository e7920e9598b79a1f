"""Still pictures of routing: what they show is what the routing holds, and what is refused."""

from itertools import pairwise

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from llmasos_edu.layers.routing import expert_choice_routing, routing_statistics, top_k_routing
from llmasos_edu.plots.experts import expert_load_figure


def random_routing(tokens=24, experts=4, top_k=2, *, seed=0, **settings):
    logits = torch.randn(tokens, experts, generator=torch.Generator().manual_seed(seed))
    return top_k_routing(logits, top_k, **settings)


def words(count):
    return [f"w{i}" for i in range(count)]


DOMAINS = ["prose"] * 10 + ["code"] * 8 + ["sums"] * 6


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def bar_lengths(axes, experts):
    """`[parts, experts]`: widths of the bars, part by part; parts that lack some experts are left out."""
    groups = [[bar.get_width() for bar in container] for container in axes.containers]
    return np.array([group for group in groups if len(group) == experts])


def test_the_map_is_the_router_s_probabilities_and_dots_are_its_choice():
    routing = random_routing(capacity=10)
    axes = expert_load_figure(routing).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), routing.probs.T)
    assert axes.images[0].get_clim() == (0, 1)
    marks = [{tuple(place) for place in group.get_offsets().tolist()} for group in axes.collections]
    pairs = torch.stack((routing.token, routing.expert), 1)
    first = torch.arange(len(pairs)) < 24
    expected = [routing.kept & first, routing.kept & ~first, ~routing.kept]
    assert marks == [{tuple(pair) for pair in pairs[each].tolist()} for each in expected]
    assert all(marks), "the case has no drop, or no second choice"
    assert axes.get_ylabel() == "expert"


def test_bars_are_the_load_by_domain_and_the_drops_beyond_capacity():
    routing = random_routing(capacity=10)
    statistics = routing_statistics(routing)
    bars = expert_load_figure(routing, domains=DOMAINS).axes[1]
    kept = bar_lengths(bars, 4)
    assert kept.shape == (3, 4)
    for domain, name in enumerate(("prose", "code", "sums")):
        mine = [i for i in range(len(routing.token)) if DOMAINS[routing.token[i]] == name and routing.kept[i]]
        expected = np.bincount(routing.expert[mine], minlength=4)
        np.testing.assert_array_equal(kept[domain], expected)
    lost = [bar.get_width() for bar in bars.containers[3]]
    assert lost == statistics.dropped[statistics.dropped > 0].tolist()
    starts = [bar.get_x() for bar in bars.containers[3]]
    assert starts == [10] * len(lost), "what is dropped does not begin at the capacity"
    lines = sorted(line.get_xdata()[0] for line in bars.lines)
    assert lines == [10, 12], "capacity, and the even share of 48 assignments over 4 experts"
    assert [text.get_text() for text in bars.texts] == ["capacity 10"]
    assert bars.get_xlim()[1] > statistics.load.max()


def test_without_drops_a_capacity_is_drawn_only_where_it_is_given():
    routing = random_routing()
    assert len(expert_load_figure(routing).axes[1].lines) == 1
    lines = [line.get_xdata()[0] for line in expert_load_figure(routing, capacity=20).axes[1].lines]
    assert sorted(lines) == [12, 20]


def test_several_routings_share_one_scale_and_one_band_each():
    before, after = random_routing(), random_routing(seed=1)
    figure = expert_load_figure(
        [before, after], domains=DOMAINS, names=["before", "after"], title="A finding"
    )
    boards, bars = figure.axes[0:4:2], figure.axes[1:4:2]
    assert [axes.get_title(loc="left") for axes in boards] == ["before", "after"]
    assert bars[0].get_xlim() == bars[1].get_xlim()
    for axes in boards:
        assert [text.get_text() for text in axes.texts] == ["P", "C", "S"]
        starts = [(box.get_x() + 0.5, box.get_width()) for box in axes.patches]
        assert starts == [(0, 10), (10, 8), (18, 6)]
        assert len({(box.get_facecolor(), box.get_hatch()) for box in axes.patches}) == 3
    assert figure.get_suptitle() == "A finding"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["P prose", "C code", "S sums", "first choice", "later choice", "even share"]


def test_words_are_written_where_there_is_room_and_never_overlap():
    figure = expert_load_figure(random_routing(), [" a", "\n", *words(22)])
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["·a", "⏎", "w0"]
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))
    crowded = expert_load_figure(random_routing(100), words(100)).axes[0]
    assert "w0" not in [label.get_text() for label in crowded.get_xticklabels()]


def test_many_tokens_and_experts_are_drawn_without_dots_and_with_fewer_numbers():
    axes = expert_load_figure(random_routing(500, 64, 4, capacity=30)).axes[0]
    assert len(axes.collections) == 0
    assert len(axes.get_yticks()) == 16
    assert axes.images[0].get_array().shape == (64, 500)


def test_expert_choice_is_drawn_too():
    routing = expert_choice_routing(torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), 4)
    figure = expert_load_figure(routing)
    np.testing.assert_array_equal(bar_lengths(figure.axes[1], 3), [[4, 4, 4]])
    assert len(figure.axes[0].collections[0].get_offsets()) == 12, "experts have no second choice"
    assert figure.legends[0].get_texts()[0].get_text() == "chosen"


def test_bad_input_meets_words_with_values():
    routing = random_routing(capacity=10)
    for arguments, settings, message in (
        ([[]], {}, "there is no routing to draw"),
        ([[routing, random_routing(23)]], {}, r"differ in \[tokens, experts\], \[\[24, 4\], \[23, 4\]\]"),
        ([random_routing(2049, 2)], {}, "2,049 tokens are too many to draw, at most 2,048"),
        ([routing, words(3)], {}, "tokens has 3 strings for 24 tokens"),
        ([routing], {"domains": ["a"]}, "domains has 1 strings for 24 tokens"),
        ([routing], {"domains": words(24)}, "24 domains are too many to tell apart, at most 8"),
        ([routing], {"names": ["a", "b"]}, "names has 2 strings for 1 routings"),
        ([routing], {"capacity": 9}, "capacity=9, but an expert of the routing kept 10 assignments"),
        (
            [routing],
            {"capacity": 11},
            "capacity=11, but the routing dropped assignments with 10 kept at most",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            expert_load_figure(*arguments, **settings)
