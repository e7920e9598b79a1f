"""Exercise of chapter 3.2 on contrast: negatives that are none.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.2-7 ----------------------------------------------------------------------------------


def grouped_loss(scores, groups):
    """scores [batch, batch], row: anchor, groups [batch] -> mean contrastive loss without false negatives."""
    own = torch.eye(len(scores), dtype=torch.bool)
    twin = (groups[:, None] == groups) & ~own
    negatives_and_own = scores.masked_fill(twin, -torch.inf)
    return (negatives_and_own.logsumexp(dim=-1) - scores.diagonal()).mean()


def _cross(scores):
    return F.cross_entropy(scores, torch.arange(len(scores)))


def _twins(scores, groups):
    own = torch.eye(len(scores), dtype=torch.bool)
    return (groups[:, None] == groups) & ~own


def _all_of_the_group_out(scores, groups):
    """Also the own positive: what is left is the sum over other groups."""
    same = groups[:, None] == groups
    return (scores.masked_fill(same, -torch.inf).logsumexp(-1) - scores.diagonal()).mean()


def _zeroed(scores, groups):
    return _cross(scores.masked_fill(_twins(scores, groups), 0.0))


def _some_twins(some):
    """Only some of the twins leave the sum, `some(table of the twins)`."""
    return lambda scores, groups: _cross(scores.masked_fill(some(_twins(scores, groups)), -torch.inf))


def _lowered(score):
    return lambda scores, groups: _cross(scores.masked_fill(_twins(scores, groups), score))


def _added_to_the_probability(eps):
    def answer(scores, groups):
        masked = scores.masked_fill(_twins(scores, groups), -torch.inf)
        return -(masked.softmax(-1).diagonal() + eps).log().mean()

    return answer


def _twins_as_positives(scores, groups, mean=True):
    same = (groups[:, None] == groups).float()
    logs = scores.log_softmax(-1)
    if mean:
        return -((logs * same).sum(-1) / same.sum(-1)).mean()
    return -(scores.softmax(-1) * same).sum(-1).log().mean()


def _lonely_rows_only(scores, groups):
    lonely = ~_twins(scores, groups).any(-1)
    losses = F.cross_entropy(scores, torch.arange(len(scores)), reduction="none")
    return (losses * lonely).sum() / lonely.sum().clamp(min=1)


def _lonely_rows_over_all(scores, groups):
    lonely = ~_twins(scores, groups).any(-1)
    return (F.cross_entropy(scores, torch.arange(len(groups)), reduction="none") * lonely).mean()


def _other_groups_out(scores, groups):
    other = groups[:, None] != groups
    return _cross(scores.masked_fill(other, -torch.inf))


def _told_by_its_score(scores, groups):
    out = (groups[:, None] == groups) & (scores != scores.diagonal()[:, None])
    return _cross(scores.masked_fill(out, -torch.inf))


def _sum_of_exponentials(scores, groups):
    return ((scores.exp() * ~_twins(scores, groups)).sum(-1).log() - scores.diagonal()).mean()


def _off_the_largest_of_all(scores, groups):
    return _sum_of_exponentials(scores - scores.max(), groups)


def _one_of_each_group(scores, groups):
    """Only the first anchor and the first positive of each group."""
    first = [i for i, group in enumerate(groups.tolist()) if group not in groups[:i].tolist()]
    return _cross(scores[first][:, first])


def _who_has_a_twin_out(scores, groups):
    """A positive that has a twin competes for no anchor but its own."""
    out = _twins(scores, groups).any(0) & ~torch.eye(len(scores), dtype=torch.bool)
    return _cross(scores.masked_fill(out, -torch.inf))


def _first_twin_only(scores, groups):
    twins = _twins(scores, groups)
    return _cross(scores.masked_fill(twins & (twins.cumsum(1) == 1), -torch.inf))


def _grouped(name, seed, groups, scale=2.0, above=0.0):
    (scores,) = random_tensors(seed, (len(groups), len(groups)))
    return Case(name, (scale * scores + above, torch.tensor(groups)))


GROUPS = Exercise(
    key="3.2-7",
    title="Negatives that are positives in disguise",
    difficulty=2,
    minutes=15,
    statement=(
        "Two rows of a batch may come from the same thing: they have the same group. Pushing them apart "
        "would be wrong. From scores [batch, batch], already divided by the temperature, make the "
        "contrastive loss in which an anchor's own positive (the diagonal) competes only with positives of "
        "other groups. Mean over the anchors; the gradient is looked at."
    ),
    takeaway="The larger the batch, the more often chance puts a twin into it: know your negatives.",
    reference=grouped_loss,
    explanation="Twins leave the sum of exponentials: their score becomes -inf, whose exponential is 0.",
    hints=(
        "Which entries of the matrix of all pairs have equal groups? Which of these must stay all the same?",
        "An entry leaves a sum of exponentials when its exponential is 0. Which score has that exponential? "
        "It is not the score 0.",
        "If all of a batch is one group, every anchor's own positive is alone in its sum, and the loss is 0.",
    ),
    cases=(
        _grouped("two twins in a batch of 4", 4001, [0, 1, 0, 2]),
        _grouped("no twins", 4002, [3, 1, 2]),
        _grouped("three of a kind", 4003, [5, 5, 1, 5, 2]),
        _grouped("one group only", 4004, [7, 7, 7]),
        _grouped("two groups, mixed", 4005, [0, 1, 1, 0, 1, 0]),
        _grouped("large scores", 4006, [0, 0, 1, 2, 2, 3], scale=12.0),
        _grouped("scores far below 0", 4007, [0, 1, 1, 2], above=-40.0),
        _grouped("rows far apart", 4008, [0, 1, 0, 2], above=torch.tensor([[120.0], [0], [-120], [30]])),
        Case(
            "a twin with the same score",
            (torch.tensor([[2.0, 2.0, 1.0], [0.5, 1.0, 3.0], [0.0, 1.5, 2.5]]), torch.tensor([4, 4, 1])),
        ),
    ),
    mistakes=(
        Mistake(
            "twins pushed away",
            "Rows of the same group still count as negatives of each other. Your loss is too high wherever "
            "there are twins.",
            (lambda s, g: _cross(s),),
        ),
        Mistake(
            "own positive left out too",
            "You leave out the whole group and with it the own positive: a row always has its own group. The "
            "diagonal stays.",
            (
                _all_of_the_group_out,
                lambda s, g: _cross(s.masked_fill(g[:, None] == g, -1e9)),
                lambda s, g: _cross(s.masked_fill(g[:, None] == g, -torch.inf)),
            ),
        ),
        Mistake(
            "score set to zero",
            "You set the scores of twins to 0. Their exponential is then 1, so they still compete. Only one "
            "score takes an entry out of a softmax.",
            (_zeroed,),
        ),
        Mistake(
            "one of two twins",
            "Of two twins only one is left out, or only some of the twins are: an anchor's twins may stand "
            "before it and behind it, and they need not be its neighbours.",
            (
                _some_twins(lambda twins: twins.triu()),
                _some_twins(lambda twins: twins.tril()),
                _some_twins(lambda twins: twins.triu() & ~twins.triu(2)),
                _some_twins(lambda twins: twins & ~twins.triu(2) & ~twins.tril(-2)),
            ),
        ),
        Mistake(
            "one twin of several",
            "What comes out is as if only the first twin of each anchor left its sum. An anchor may have "
            "more than one: where three are of a kind, it has two.",
            (_first_twin_only,),
        ),
        Mistake(
            "one of each group",
            "What comes out is as if only the first of each group were in the batch. The others stay: they "
            "are anchors too, and compete for the anchors of other groups.",
            (_one_of_each_group,),
        ),
        Mistake(
            "out of every row",
            "What comes out is as if a positive that has a twin competed for no anchor but its own. It "
            "is out of the rows of its own group only: for anchors of other groups it is a true negative.",
            (_who_has_a_twin_out,),
        ),
        Mistake(
            "not low enough",
            "Your twins still have a say: the score that you give them is low, but not low enough beside "
            "other low ones. Which score has the exponential 0?",
            (
                *map(_lowered, (-1.0, -5.0, -10.0, -20.0, -30.0)),
                lambda s, g: _lowered(s.detach().min().item())(s, g),
            ),
        ),
        Mistake(
            "exponentials too large or too small",
            "Where a score is above 88 or far below 0, its exponential is infinite or 0 in float32, and your "
            "loss is no longer a finite number. Is there a function that needs no exponentials of yours?",
            (_sum_of_exponentials,),
        ),
        Mistake(
            "the own told by its score",
            "A twin whose score is as large as that of the own positive stays in your sum, as when the own "
            "is told by its score. Its place tells it: it stands on the diagonal.",
            (_told_by_its_score,),
        ),
        Mistake(
            "one largest score for all rows",
            "What comes out is as if the largest score of all were taken off in every row: in a row far "
            "below it all exponentials are 0. Each row has its own largest score.",
            (_off_the_largest_of_all,),
        ),
        Mistake(
            "something small under the logarithm",
            "What comes out is as if something small were added to the probability, against ln 0. Where the "
            "own positive's probability is smaller still, the loss then stops growing. Leave it out: the "
            "logarithm of the sum of exponentials, less the own score, needs nothing of the kind.",
            tuple(map(_added_to_the_probability, (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12))),
        ),
        Mistake(
            "twins counted as positives",
            "You pull the twins as well, as supervised contrastive learning does. Here they are left alone: "
            "neither pulled nor pushed.",
            (_twins_as_positives, lambda s, g: _twins_as_positives(s, g, mean=False)),
        ),
        Mistake(
            "rows with twins left out",
            "You leave out whole anchors because they have a twin. Such an anchor still has its own positive "
            "and the negatives of other groups.",
            (_lonely_rows_only, _lonely_rows_over_all),
        ),
        Mistake(
            "the other groups left out",
            "Your mask is the wrong way round: the twins compete and the true negatives are gone.",
            (_other_groups_out,),
        ),
        Mistake(
            "sum over the batch",
            "You sum over the anchors where the mean is asked for: a larger batch would mean a larger step.",
            (lambda s, g: len(s) * grouped_loss(s, g),),
        ),
        Mistake(
            "the wrong way round",
            "Your sums run down the columns. A row belongs to an anchor, and an anchor chooses among the "
            "entries of its row.",
            (lambda s, g: grouped_loss(s.T, g),),
        ),
    ),
    observe=value_and_gradient,
    parts=("loss", "gradient of the scores"),
)

EXERCISES = (GROUPS,)
