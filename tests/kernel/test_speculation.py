"""The n-gram draft: what it expects."""

import pytest

from llmasos_edu.kernel.speculation import NGramDraft


@pytest.mark.parametrize(
    ("tokens", "guesses"),
    [
        ([1], []),
        ([1, 2, 3], []),
        ([1, 2, 3, 9, 1, 2, 3], [9, 1, 2, 3, 9]),
        ([1, 2, 8, 3, 2, 9, 3, 2], [9, 3, 2, 9, 3]),  # the longest run, at its latest place
        ([5, 5, 5], [5, 5, 5, 5, 5]),
        ([7, 1, 8, 1], [8, 1, 8, 1, 8]),
    ],
)
def test_the_draft_repeats_what_followed(tokens, guesses):
    assert NGramDraft(5, 2)(tokens) == guesses


def test_a_longer_run_is_preferred_to_a_later_one():
    tokens = [1, 2, 3, 7, 3, 8, 1, 2, 3]
    assert NGramDraft(1, 3)(tokens) == [7]
    assert NGramDraft(1, 1)(tokens) == [8]


@pytest.mark.parametrize(("options", "words"), [({"guesses": 0}, "guesses=0"), ({"longest": 0}, "longest=0")])
def test_bad_drafts_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        NGramDraft(**options)
