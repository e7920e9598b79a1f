"""The masking explorer without a browser: its proposals against the library's, what it refuses and saves."""

import json

import matplotlib.pyplot as plt
import pytest
import torch
import traitlets

from llmasos_edu.learning.pretraining import causal_gap, masked_gap
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.plots.masking import masking_figure
from llmasos_edu.widgets import MaskingExplorer, embed_widget_state

VOCAB = 9
NAMES = [f"·t{i}" for i in range(VOCAB)]
TEXT = torch.tensor([3, 1, 4, 1, 5, 2, 6, 0])


def models(seed=0):
    torch.manual_seed(seed)
    masked, causal = (
        MaskedLanguageModel(VOCAB + 1, d_model=8, num_layers=1, num_heads=2, max_len=64),
        LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2),
    )
    with torch.no_grad():
        for model in (masked, causal):
            for parameter in model.parameters():
                parameter.normal_(0, 0.7)
    return masked.eval(), causal.eval()


def explorer(**settings):
    return MaskingExplorer(TEXT, *models(), VOCAB, NAMES, **settings)


def agrees(proposal, pieces, log_p, truth):
    """Whether a proposal is the distribution ln p [vocab or more], and tells place and p of the truth."""
    p = log_p[:VOCAB].softmax(0)
    order = p.sort(descending=True, stable=True)
    assert [pieces[i] for i in proposal["ids"]] == [NAMES[i] for i in order.indices[: len(proposal["ids"])]]
    assert proposal["p"] == pytest.approx(order.values[: len(proposal["p"])].tolist(), abs=1e-5)
    assert proposal["truth"] == pytest.approx(p[truth].item(), abs=1e-6)
    assert proposal["rank"] == (p > p[truth]).sum().item() + 1


def test_single_gaps_are_those_of_the_library():
    shown, (masked, causal) = explorer(top=4), models()
    assert [shown.pieces[i] for i in shown.ids] == [NAMES[i] for i in TEXT.tolist()]
    for place in range(len(TEXT)):
        (proposal,) = shown.masked[0][place]
        agrees(proposal, shown.pieces, masked_gap(masked, TEXT[None], place, VOCAB)[0], TEXT[place])
        if place:
            found = causal_gap(causal, TEXT[None], place)[0]
            agrees(shown.causal[place][0], shown.pieces, found, TEXT[place])
    assert shown.causal[0] == []


def test_wider_gaps_hide_neighbours_together_and_the_causal_model_reads_its_own_guesses():
    shown, (masked, causal) = explorer(max_width=3), models()
    assert [len(starts) for starts in shown.masked] == [8, 7, 6]
    for start in range(6):
        hidden = TEXT.clone()
        hidden[start : start + 3] = VOCAB
        with torch.no_grad():
            logits = masked(hidden[None])[0]
        for offset in range(3):
            proposal = shown.masked[2][start][offset]
            agrees(proposal, shown.pieces, logits[start + offset], TEXT[start + offset])
    for start in range(1, 8):
        read = TEXT[:start]
        assert len(shown.causal[start]) == min(3, 8 - start)
        for offset, proposal in enumerate(shown.causal[start]):
            with torch.no_grad():
                logits = causal(read[None])[0, -1]
            agrees(proposal, shown.pieces, logits, TEXT[start + offset])
            read = torch.cat((read, logits.argmax()[None]))


def test_the_mask_is_never_proposed_and_the_models_keep_their_mode():
    masked, causal = models()
    masked.train()
    with torch.no_grad():
        masked.head.bias[VOCAB] = 100.0  # the mask itself would win everywhere
    shown = MaskingExplorer(TEXT, masked, causal, VOCAB, NAMES, top=8)
    assert set(shown.pieces) <= set(NAMES)
    assert sum(shown.masked[0][0][0]["p"]) > 0.5
    assert masked.training
    assert not causal.training


BAD = [
    ({"tokens": TEXT[None]}, ValueError, r"one row of 3 to 64 integers, got torch.int64 \[1, 8\]"),
    ({"tokens": TEXT[:2]}, ValueError, r"3 to 64 integers, got torch.int64 \[2\]"),
    ({"tokens": TEXT.float()}, ValueError, "integers, got torch.float32"),
    ({"tokens": torch.zeros(65, dtype=torch.long)}, ValueError, r"3 to 64 integers, .* \[65\]"),
    ({"tokens": [1, 2, 9]}, ValueError, "token 9 has no name: names has 9 entries"),
    ({"tokens": [1, -2, 3]}, ValueError, "token -2 has no name"),
    ({"names": "abcdefghi"}, TypeError, "names is one string"),
    ({"max_width": 5}, ValueError, "max_width=5 is out of range: 1 to 4"),
    ({"tokens": TEXT[:3], "max_width": 3}, ValueError, "max_width=3 is out of range: 1 to 2"),
    ({"max_width": 1.0}, TypeError, "max_width=1.0 must be a whole number"),
    ({"top": 9}, ValueError, "top=9 is out of range: 1 to 8"),
    ({"top": True}, TypeError, "top=True must be a whole number"),
    ({"width": 4}, ValueError, "width=4 is out of range: 1 to 3"),
    ({"token": 8}, ValueError, "token=8 is out of range: 0 to 7"),
    ({"token": 7, "width": 2}, ValueError, "token=7 is out of range: 0 to 6"),
    ({"mask_id": -1}, ValueError, "mask_id=-1 is out of range"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_meets_words_with_values(changes, error, message):
    given = {"tokens": TEXT, "names": NAMES, "mask_id": VOCAB} | changes
    with pytest.raises(error, match=message):
        MaskingExplorer(given.pop("tokens"), *models(), given.pop("mask_id"), given.pop("names"), **given)


def test_it_begins_in_the_middle_and_python_can_move_it():
    shown = explorer()
    assert (shown.token, shown.width, shown.shown) == (4, 1, False)
    assert (explorer(token=2, width=3).token, explorer(token=2, width=3).width) == (2, 3)
    shown.token, shown.width, shown.shown = 7, 3, True
    for name, value, message in (
        ("token", 8, "token=8 is out of range: 0 to 7"),
        ("token", -1, "token=-1"),
        ("width", 0, "width=0 is out of range: 1 to 3"),
        ("width", 4, "width=4"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(shown, name, value)
    assert (shown.token, shown.width) == (7, 3)


def test_repr_says_what_it_shows_and_never_changes():
    shown = explorer(max_width=2)
    assert repr(shown) == "MaskingExplorer(8 tokens, gaps of up to 2)"
    shown.token = 1


def test_its_page_names_no_address_and_is_small(tmp_path):
    torch.manual_seed(1)
    text = torch.randint(VOCAB, (48,))
    long = MaskingExplorer(text, *models(), VOCAB, NAMES)
    page = long.save_html(tmp_path / "masking.html").read_text(encoding="utf-8")
    assert len(page) < 150_000
    assert "https://" not in page
    assert page.count("http://") == page.count("http://www.w3.org/2000/svg")
    assert "<h1>Masking and prediction</h1>" in page
    named = long.save_html(tmp_path / "b.html", title="Gaps").read_text(encoding="utf-8")
    assert "<h1>Gaps</h1>" in named


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    shown = explorer()
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": shown.get_state()}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == shown._esm
    assert payload["state"]["masked"] == shown.masked
    assert payload["buffers"] == []


# ---- the still picture ----


def test_the_picture_draws_both_models_proposals_and_marks_the_truth():
    shown = explorer(token=3, top=8)
    figure = masking_figure(shown, title="A gap", width=6)
    for axes, proposal in zip(figure.axes, (shown.masked[0][3][0], shown.causal[3][0]), strict=True):
        assert [bar.get_width() for bar in axes.patches] == proposal["p"]
        told = [text.get_text() for text in axes.get_yticklabels()]
        ticked = [shown.pieces[i] + (" ✓" if i == shown.ids[3] else "") for i in proposal["ids"]]
        assert told == ticked
    assert figure.get_supxlabel() == "·t3 ·t1 ·t4 [·t1] ·t5 ·t2 ·t6 ·t0"
    assert figure.get_suptitle() == "A gap"
    assert figure.get_size_inches()[0] == 6
    plt.close(figure)


def test_the_picture_of_the_first_token_says_that_nothing_stands_before_it():
    figure = masking_figure(explorer(token=0, width=2))
    assert not figure.axes[1].patches
    assert [text.get_text() for text in figure.axes[1].texts] == ["nothing stands before it"]
    assert figure.get_supxlabel().startswith("[·t3] [·t1] ·t4")
    plt.close(figure)
