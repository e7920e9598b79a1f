"""Exercises of chapter 4.2, the part on writing: one step of beam search.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from itertools import pairwise

import torch

from llmasos_edu.exercises.checker.comparing import to_tensor
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2-11 --------------------------------------------------------------------------------


def beam_step(log_probs, step_log_probs):
    """log_probs [beams] so far, step_log_probs [beams, vocab] -> parents, tokens, log_probs, each [beams]."""
    beams, vocab = step_log_probs.shape
    total = log_probs[:, None] + step_log_probs
    best, place = total.flatten().topk(beams)
    return place // vocab, place % vocab, best


def _ties_in_order(answer, inputs):
    """What the answer returns; continuations that are equally likely, in the order of parents and tokens."""
    found = answer(*inputs)
    if not isinstance(found, (tuple, list)) or len(found) != 3:
        return found
    parts = [to_tensor(part) for part in found]
    if any(part is None or part.dim() != 1 or len(part) != len(inputs[0]) for part in parts):
        return found
    parent, token, best = (part.tolist() for part in parts)
    runs = [0]
    for one, other in pairwise(best):
        runs.append(runs[-1] + (one != other))
    order = sorted(range(len(best)), key=lambda place: (runs[place], parent[place], token[place]))
    return tuple(part[order] for part in parts)


def _looked_up(total):
    """The place of each of the best, looked up by its number: the first that has it."""
    flat = total.flatten().tolist()
    best = sorted(flat, reverse=True)[: len(total)]
    place = torch.tensor([flat.index(number) for number in best])
    return place // total.shape[1], place % total.shape[1], torch.tensor(best)


def _by_number(log_probs, step):
    """A dict from the log-probability to the continuation: of two that are equal the later one stays."""
    total = (log_probs[:, None] + step).tolist()
    known = {number: (b, v) for b, row in enumerate(total) for v, number in enumerate(row)}
    best = sorted(known, reverse=True)[: len(step)]
    parents, tokens = zip(*(known[number] for number in best), strict=True)
    return torch.tensor(parents), torch.tensor(tokens), torch.tensor(best)


def _few_from_each(log_probs, step):
    """Each beginning puts up as many as there are beams, and stops where it has fewer tokens than that."""
    best, token = (log_probs[:, None] + step).topk(len(step), -1)
    best, place = best.flatten().topk(len(step))
    return place // len(step), token.flatten()[place], best


def _chosen(total, divisor=None):
    best, place = total.flatten().topk(total.shape[0])
    divisor = total.shape[1] if divisor is None else divisor
    return place // divisor, place % divisor, best


def _each_its_own(log_probs, step):
    best, token = step.max(-1)
    return torch.arange(len(log_probs)), token, log_probs + best


def _each_its_own_sorted(log_probs, step):
    best, token = step.max(-1)
    order = (log_probs + best).argsort(descending=True)
    return order, token[order], (log_probs + best)[order]


def _each_its_own_sum(log_probs, step):
    """As above, the sums compared: behind a beginning of -inf all tokens tie."""
    best, token = (log_probs[:, None] + step).max(-1)
    best, order = best.sort(descending=True)
    return order, token[order], best


def _best_beam_only(log_probs, step):
    best, token = step[log_probs.argmax()].topk(len(log_probs))
    return log_probs.argmax().expand(len(log_probs)), token, log_probs.max() + best


def _unsorted(log_probs, step):
    parent, token, best = _chosen(log_probs[:, None] + step)
    order = (parent * step.shape[1] + token).argsort()
    return parent[order], token[order], best[order]


def _step_returned(log_probs, step):
    parent, token, _ = _chosen(log_probs[:, None] + step)
    return parent, token, step[parent, token]


def _chosen_by_the_step(log_probs, step):
    parent, token, best = _chosen(step)
    return parent, token, log_probs[parent] + best


def _worst(log_probs, step):
    parent, token, best = _chosen(-(log_probs[:, None] + step))
    return parent, token, -best


def _of_parent(log_probs, step):
    parent, token, _ = _chosen(log_probs[:, None] + step)
    return parent, token, log_probs[parent]


def _parents(choose):
    def answer(log_probs, step):
        best, place = (log_probs[:, None] + step).flatten().topk(len(step))
        return choose(place, *step.shape), place % step.shape[1], best

    return answer


def _tokens(choose):
    def answer(log_probs, step):
        best, place = (log_probs[:, None] + step).flatten().topk(len(step))
        return place // step.shape[1], choose(place, *step.shape), best

    return answer


def _parents_of_the_short_table(log_probs, step):
    """Each beginning keeps as many as there are beams; the remainder is taken for the parent."""
    few, token = (log_probs[:, None] + step).topk(min(step.shape), -1)
    best, place = few.flatten().topk(len(step))
    return place % len(step), token.flatten()[place], best


def _two_children(log_probs, step):
    some, token = (log_probs[:, None] + step).topk(2, -1)
    best, place = some.flatten().topk(len(step))
    return place // 2, token.flatten()[place], best


def _each_token_once(log_probs, step):
    best, parent = (log_probs[:, None] + step).max(0)
    best, token = best.topk(len(step))
    return parent[token], token, best


def _of_probabilities(log_probs, step):
    parent, token, best = _chosen(log_probs.exp()[:, None] * step.exp())
    return parent, token, best.log()


def _beam_case(name: str, seed: int, log_probs: list[float], vocab: int, size: float = 1.5) -> Case:
    step = (size * random_tensors(seed, (len(log_probs), vocab))[0]).log_softmax(-1)
    return Case(name, (torch.tensor(log_probs), step))


BEAM = Exercise(
    key="4.2-11",
    title="One step of beam search",
    difficulty=2,
    minutes=15,
    statement=(
        "Beam search follows several beginnings at once. log_probs[b] is the log-probability of beginning b, "
        "and step_log_probs[b, v] that of token v after it. Choose, among all continuations of all "
        "beginnings, as many of the likeliest as there are beams. Return three tensors, best first: which "
        "beginning each continues (parents), with which token, and its log-probability."
    ),
    takeaway="A beginning may have several children or none: all continuations compete with each other.",
    reference=beam_step,
    explanation="Add along the path, lay the table flat, take the best: the place tells row and column.",
    hints=(
        "The probability of a beginning with one more token is a product. What becomes of it for logarithms, "
        "and how do [beams] and [beams, vocab] meet in it?",
        "Now there is a table of all continuations. Does each row choose its own best, or do all entries "
        "compete in one competition?",
        "In a table laid flat row by row, entry (b, v) stands at place b * vocab + v. How do you get b and v "
        "back from the place?",
    ),
    cases=(
        _beam_case("3 beams, 5 tokens", 921, [-1.0, -1.2, -1.5], 5),
        _beam_case("the first step: only one beginning is possible", 922, [0.0, -torch.inf, -torch.inf], 6),
        _beam_case("2 beams, one far ahead", 923, [-0.5, -6.0], 4),
        _beam_case("4 beams not in order, 4 tokens", 924, [-3.0, -2.5, -2.8, -2.6], 4),
        _beam_case("a single beam, which is greedy", 925, [-2.0], 7),
        _beam_case("3 long beginnings, 4 tokens", 927, [-131.0, -130.2, -130.5], 4),
        _beam_case("4 beams, 3 tokens", 928, [-1.0, -1.4, -1.2, -1.1], 3),
        Case(
            "3 beams, two of them equally likely, with the same tokens behind them",
            (torch.tensor([-1.0, -1.3, -1.0]), torch.tensor([[0.5, 0.2, 0.3]] * 3).log()),
        ),
        _beam_case("4 beams, 9 tokens, close to each other", 926, [-2.0, -2.1, -1.9, -2.2], 9, 0.7),
    ),
    mistakes=(
        Mistake(
            "each beam keeps its own best",
            "Every beginning gets exactly one child in your result. A poor beginning should be able to die, "
            "and a good one to go on in two ways.",
            (_each_its_own, _each_its_own_sorted, _each_its_own_sum),
        ),
        Mistake(
            "only the best beam continued",
            "All your continuations come from one beginning, the likeliest. A second-best beginning with an "
            "excellent next token can overtake it.",
            (_best_beam_only,),
        ),
        Mistake(
            "earlier log-probabilities forgotten",
            "You compare the new tokens alone, as if all beginnings were equally likely. An impossible "
            "beginning then wins if its next word is sure.",
            (lambda log_probs, step: _chosen(step), _chosen_by_the_step),
        ),
        Mistake(
            "log-probabilities multiplied",
            "You multiply logarithms. Probabilities along a path are multiplied, so what happens to their "
            "logarithms?",
            (
                lambda log_probs, step: _chosen(log_probs[:, None] * step),
                lambda log_probs, step: _chosen(-log_probs[:, None] * step),
            ),
        ),
        Mistake(
            "probabilities added",
            "You add probabilities where a product belongs: a path whose first half is impossible would "
            "still look good.",
            (
                lambda log_probs, step: _chosen(log_probs.exp()[:, None] + step.exp()),
                lambda log_probs, step: _chosen((log_probs.exp()[:, None] + step.exp()).log()),
            ),
        ),
        Mistake(
            "probabilities instead of logarithms",
            "You chose rightly and hand back probabilities. After a hundred tokens they are too small for a "
            "float: stay with the logarithms.",
            (lambda log_probs, step: _chosen((log_probs[:, None] + step).exp()),),
        ),
        Mistake(
            "place divided by the number of beams",
            "The log-probabilities are right, but parents and tokens are not, save where there are as many "
            "beams as tokens. How long is one row of the table that you laid flat?",
            (lambda log_probs, step: _chosen(log_probs[:, None] + step, divisor=len(log_probs)),),
        ),
        Mistake(
            "parents from another number",
            "Tokens and log-probabilities are right, and the parents are not: the place was divided by "
            "another number than a row of that table is long, or what is left over was taken for the row.",
            (
                _parents(lambda place, beams, vocab: place // beams),
                _parents(lambda place, beams, vocab: place % beams),
                _parents(lambda place, beams, vocab: place % vocab),
                _parents_of_the_short_table,
            ),
        ),
        Mistake(
            "tokens from another number",
            "Parents and log-probabilities are right, and the tokens are not: a token's number is what is "
            "left of the place when all whole rows before it are taken off.",
            (
                _tokens(lambda place, beams, vocab: place),
                _tokens(lambda place, beams, vocab: place // beams),
                _tokens(lambda place, beams, vocab: place % beams),
                _tokens(lambda place, beams, vocab: place // vocab),
            ),
        ),
        Mistake(
            "two children at most",
            "It comes out as if each beginning could have two children at most. In the first step a single "
            "one has all of them: let as many compete as there are beams.",
            (_two_children,),
        ),
        Mistake(
            "as many of each as there are beams",
            "Right, except where there are fewer tokens than beams: no beginning has as many children as "
            "there are beams then, and topk stops. All continuations together are enough.",
            (_few_from_each,),
        ),
        Mistake(
            "looked up by the number",
            "Right, except where two continuations are equally likely: it comes out as if they were looked "
            "up by their log-probability, and only one of the two found. Keep each number with its place.",
            (lambda log_probs, step: _looked_up(log_probs[:, None] + step), _by_number),
        ),
        Mistake(
            "each token once",
            "Every token comes once at most in your result, with its best beginning. The same token may "
            "continue two beginnings, and both may be among the best.",
            (_each_token_once,),
        ),
        Mistake(
            "probabilities on the way",
            "Right for short beginnings. For long ones your probabilities underflow: exp(-130) is 0 in "
            "float32. Add logarithms, and never leave them.",
            (_of_probabilities,),
        ),
        Mistake(
            "parents and tokens exchanged",
            "Your first tensor holds the tokens and the second the parents (or the table was laid flat the "
            "other way round). Which comes first in the statement?",
            (lambda log_probs, step: tuple(_chosen(log_probs[:, None] + step)[i] for i in (1, 0, 2)),),
        ),
        Mistake(
            "added along the wrong axis",
            "Your old log-probabilities are added to the tokens and not to the beginnings: an error in most "
            "cases, and a wrong table where there are as many tokens as beams.",
            (lambda log_probs, step: _chosen(log_probs + step),),
        ),
        Mistake(
            "not sorted",
            "The right continuations are there, but not from best to worst. The first of them is what is "
            "handed out at the end.",
            (_unsorted, lambda *a: tuple(part.flip(0) for part in beam_step(*a))),
        ),
        Mistake(
            "log-probability of a part",
            "Parents and tokens are right. The number that you return is that of the last token alone, or of "
            "the beginning alone; the next step needs that of the whole path.",
            (_step_returned, _of_parent),
        ),
        Mistake(
            "the least likely chosen",
            "You keep the continuations with the lowest log-probabilities. Log-probabilities are negative: "
            "the likeliest is the one nearest to 0.",
            (_worst,),
        ),
    ),
    parts=("parents", "tokens", "log-probabilities"),
    observe=_ties_in_order,
)


EXERCISES = (BEAM,)
