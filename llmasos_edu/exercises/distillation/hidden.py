"""Exercises of chapter 3.5, the part on hidden states: matching vectors of different width.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import (
    Case,
    Exercise,
    Mistake,
    random_tensors,
    value_and_gradients,
)

# 3.5-6 ----------------------------------------------------------------------------------


def hidden_loss(student, teacher, projection, real):
    """student [batch, seq, d_student], teacher [batch, seq, d_teacher], projection [d_student, d_teacher],
    real [batch, seq] booleans -> mean squared difference over the real positions and the width, []."""
    difference = student[real] @ projection - teacher[real]  # [positions, d_teacher]
    return difference.square().mean()


def _squares(student, teacher, projection, real):
    """Squared differences at the real positions, [positions, d_teacher]."""
    return (student[real] @ projection - teacher[real]).square()


def _cut_to_fit(student, teacher, projection, real):
    width = min(student.shape[-1], teacher.shape[-1])
    return (student[real][:, :width] - teacher[real][:, :width]).square().mean()


def _filled_to_fit(student, teacher, projection, real):
    width = max(student.shape[-1], teacher.shape[-1])
    one, other = (torch.nn.functional.pad(x[real], (0, width - x.shape[-1])) for x in (student, teacher))
    return (one - other).square().mean()


def _teacher_projected(student, teacher, projection, real):
    return (student[real] - teacher[real] @ projection.T).square().mean()


def _all_positions(student, teacher, projection, real):
    return (student @ projection - teacher).square().mean()


def _student_cleared(student, teacher, projection, real):
    return (torch.where(real[..., None], student, 0.0) @ projection - teacher).square().mean()


def _directions(student, teacher, projection, real):
    one, other = student[real] @ projection, teacher[real]
    return (one / one.norm(dim=-1, keepdim=True) - other / other.norm(dim=-1, keepdim=True)).square().mean()


def _times_zero(student, teacher, projection, real):
    squares = (student @ projection - teacher).square() * real[..., None]
    return squares.sum() / (real.sum() * teacher.shape[-1])


def _teacher_times_zero(student, teacher, projection, real):
    keep = real[..., None]
    squares = ((torch.where(keep, student, 0.0) @ projection - teacher) * keep).square()
    return squares.sum() / (real.sum() * teacher.shape[-1])


def _chosen_afterwards(student, teacher, projection, real):
    squares = (student @ projection - teacher).square()
    return torch.where(real[..., None], squares, 0.0).sum() / (real.sum() * teacher.shape[-1])


def _divided_by_all(student, teacher, projection, real):
    return _squares(student, teacher, projection, real).sum() / (real.numel() * teacher.shape[-1])


def _over_texts(student, teacher, projection, real):
    """The mean of each text first."""
    rows = range(len(student))
    rows = [i for i in rows if real[i].any()]
    return torch.stack([_squares(student[i], teacher[i], projection, real[i]).mean() for i in rows]).mean()


def _over_texts_with_empty_ones(student, teacher, projection, real):
    rows = range(len(student))
    return torch.stack([_squares(student[i], teacher[i], projection, real[i]).mean() for i in rows]).mean()


def _means_compared(student, teacher, projection, real):
    """The states are averaged along the text, and only their means compared."""
    rows = [i for i in range(len(student)) if real[i].any()]
    gaps = [(student[i][real[i]] @ projection - teacher[i][real[i]]).mean(0) for i in rows]
    return torch.stack(gaps).square().mean()


def _width_averaged(student, teacher, projection, real):
    return (student[real] @ projection - teacher[real]).mean(-1).square().mean()


def _turned(student, teacher, projection, real):
    square = len(projection) == len(projection.T)  # elsewhere the product has no sense, and nobody writes it
    return _squares(student, teacher, projection.T if square else projection, real).mean()


def _cosine(student, teacher, projection, real):
    return 1 - torch.cosine_similarity(student[real] @ projection, teacher[real], dim=-1).mean()


def _the_first_ones(student, teacher, projection, real):
    first = torch.arange(real.shape[1]) < real.sum(1, keepdim=True)
    return _squares(student, teacher, projection, first).mean()


def _up_to_the_last(student, teacher, projection, real):
    upto = real.flip(1).cumsum(1).flip(1) > 0
    return _squares(student, teacher, projection, upto).mean()


def _hits_left_out(each):
    """The mean over the differences, or over the positions, that are not 0."""

    def answer(*inputs):
        squares = each(_squares(*inputs))
        return squares.sum() / (squares != 0).sum()

    return answer


def _case(name, seed, batch, seq, d_student, d_teacher, lengths=None, padding=0.0, of_teacher=0.0):
    student, teacher, projection = random_tensors(
        seed, (batch, seq, d_student), (batch, seq, d_teacher), (d_student, d_teacher)
    )
    real = torch.arange(seq) < torch.tensor(lengths or [seq] * batch)[:, None]
    student = torch.where(real[..., None], student, padding + 3 * student)
    teacher = torch.where(real[..., None], 2 * teacher + 0.5, of_teacher + 2 * teacher + 0.5)
    return Case(name, (student, teacher, projection, real))


HIDDEN = Exercise(
    key="3.5-6",
    title="Hidden states of different width",
    difficulty=2,
    minutes=15,
    statement=(
        "A student of width d_student learns a layer of its teacher of width d_teacher. Bring the student's "
        "vectors to the teacher's width by the projection (a matrix product), and return the mean of the "
        "squared differences, over the width and over all real positions of the batch together. What stands "
        "at padding (real is False) is rubbish, may be infinite, and must have no effect: neither on the "
        "loss nor on the gradient. At least one position is real."
    ),
    takeaway="The projection is thrown away after training: it only translates between two widths.",
    reference=hidden_loss,
    explanation="Padding goes first, so its rubbish is never touched; then project, subtract, square.",
    hints=(
        "Write the four shapes down. On which side of the student's vectors must a matrix [d_student, "
        "d_teacher] stand?",
        "Two texts of different length, one mean: does a position of the short text count as much as one of "
        "the long text?",
        "Infinity times 0 is NaN. A tensor can be indexed with booleans: then only what is real goes on, "
        "one row for each position.",
    ),
    any_order=False,
    cases=(
        _case("2 texts of 3 positions", 6001, 2, 3, 4, 6),
        _case("texts of different length", 6002, 3, 5, 3, 5, [5, 2, 1]),
        _case("a student as wide as its teacher", 6003, 2, 4, 5, 5, [4, 3]),
        _case("a student wider than its teacher", 6004, 2, 3, 6, 4, [1, 3]),
        _case("one position", 6005, 1, 1, 2, 3),
        _case("padding holds infinity", 6006, 3, 4, 4, 8, [4, 1, 2], padding=float("inf")),
        _case("one text is nothing but padding", 6007, 3, 4, 3, 6, [2, 0, 4]),
        _case("the teacher's padding holds infinity", 6008, 2, 3, 3, 4, [3, 2], of_teacher=float("inf")),
        Case(
            "padding in front and between",
            (
                *random_tensors(6009, (2, 4, 3), (2, 4, 2), (3, 2)),
                torch.tensor([[False, True, True, True], [True, False, False, True]]),
            ),
        ),
        Case(
            "a student that hits one position",
            (
                torch.tensor([[[1.0, 2.0], [0.0, 1.0]]]),
                torch.tensor([[[1.0, 2.0], [0.0, 3.0]]]),
                torch.eye(2),
                torch.tensor([[True, True]]),
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "no projection",
            "You compare vectors that speak different languages, cut or filled up to the same width: the "
            "student's first number has nothing to do with its teacher's first. Project.",
            (_cut_to_fit, _filled_to_fit),
        ),
        Mistake(
            "teacher projected",
            "You bring the teacher to the student's width. Asked for is the other way round: the student is "
            "projected, and the teacher stays as it is.",
            (_teacher_projected,),
        ),
        Mistake(
            "projection transposed",
            "Where both widths are equal you use the projection transposed. Its rows belong to the student's "
            "width, its columns to the teacher's.",
            (_turned,),
        ),
        Mistake(
            "padding counted",
            "Padding has an effect on your loss. What stands there is rubbish.",
            (_all_positions, _student_cleared),
        ),
        Mistake(
            "padding multiplied by zero",
            "Where padding holds infinity, your loss or its gradient is NaN: 0 times infinity, also on the "
            "way back through a choice made after the difference. Take padding out before you compute.",
            (_times_zero, _chosen_afterwards),
        ),
        Mistake(
            "the teacher's padding multiplied by zero",
            "Where the teacher's padding holds infinity, your loss or its gradient is NaN: 0 times infinity. "
            "Take padding out of both before you compute.",
            (_teacher_times_zero,),
        ),
        Mistake(
            "padding at the end alone",
            "What comes out is as if padding stood at the end of a text alone. It may stand in front or "
            "between: which positions are real, `real` says of each.",
            (_the_first_ones, _up_to_the_last),
        ),
        Mistake(
            "hits left out",
            "What comes out is as if a difference of 0 did not count in the mean. What is real counts also "
            "where the student hits it.",
            (_hits_left_out(lambda squares: squares), _hits_left_out(lambda squares: squares.mean(-1))),
        ),
        Mistake(
            "divided by all positions",
            "You sum over the real positions and divide by all. The loss then falls when padding is added.",
            (_divided_by_all,),
        ),
        Mistake(
            "every text counts alike",
            "You average within each text first, so a position of a short text counts more than one of a "
            "long text. One mean over all positions.",
            (_over_texts,),
        ),
        Mistake(
            "every text counts alike, empty ones too",
            "You average within each text first, so a position of a short text counts more than one of a "
            "long text, and a text of nothing but padding is 0/0. One mean over all positions.",
            (_over_texts_with_empty_ones,),
        ),
        Mistake(
            "averaged along the text",
            "You average the states over the positions before you compare them. A student whose positions "
            "are all wrong in different directions could look perfect.",
            (_means_compared,),
        ),
        Mistake(
            "averaged over the width",
            "You average the differences over the width before you square: errors of opposite sign cancel. "
            "Square first.",
            (_width_averaged,),
        ),
        Mistake(
            "sum over the width",
            "You sum over the width of the teacher where the mean is asked for: a wider teacher would weigh "
            "more against the other terms of the loss.",
            (lambda *a: _squares(*a).sum(-1).mean(),),
        ),
        Mistake(
            "sum over the positions",
            "You sum over the positions where the mean is asked for: a longer text would mean a larger step.",
            (lambda *a: _squares(*a).mean(-1).sum(),),
        ),
        Mistake(
            "sum of all squares",
            "You sum all squares, over the positions and over the width. Asked for is their mean.",
            (lambda *a: _squares(*a).sum(),),
        ),
        Mistake(
            "not squared",
            "Your differences are not squared, or a root is taken after the squares. Asked for is the mean "
            "of squares.",
            (
                lambda *a: _squares(*a).mean().sqrt(),
                lambda s, t, w, r: (s[r] @ w - t[r]).abs().mean(),
                lambda *a: _squares(*a).sum(-1).sqrt().mean(),
                lambda s, t, w, r: (s[r] @ w - t[r]).mean(),
            ),
        ),
        Mistake(
            "divided by the texts",
            "You average over the width, and then divide by the number of texts. Asked for is the mean over "
            "all real positions.",
            (lambda *a: _squares(*a).mean(-1).sum() / len(a[0]),),
        ),
        Mistake(
            "divided by another number",
            "What comes out is the sum of the squares over another number: that of the texts, or of the real "
            "positions times the student's width. Each real position has d_teacher squares.",
            (
                lambda *a: _squares(*a).sum() / len(a[0]),
                lambda *a: _squares(*a).sum(-1).mean() / a[0].shape[-1],
            ),
        ),
        Mistake(
            "brought to length 1",
            "What comes out is as if both vectors were brought to length 1 before they are compared. Their "
            "lengths count too.",
            (_directions,),
        ),
        Mistake(
            "large differences straightened",
            "What comes out is a loss that grows with a large difference and not with its square "
            "(smooth_l1_loss, huber_loss). Asked for is the mean of the squares.",
            (lambda s, t, w, r: torch.nn.functional.smooth_l1_loss(s[r] @ w, t[r]),),
        ),
        Mistake(
            "half of the squares",
            "Your loss is half of what is asked for. Many formulas carry that 1/2 to make the derivative "
            "nicer; this one does not.",
            (lambda *a: _squares(*a).mean() / 2,),
        ),
        Mistake(
            "angles instead of differences",
            "You compare directions by their cosine. Some papers do; here lengths count too.",
            (_cosine,),
        ),
    ),
    observe=value_and_gradients(0, 2),
    parts=("loss", "gradient of the student's states", "gradient of the projection"),
)

EXERCISES = (HIDDEN,)
