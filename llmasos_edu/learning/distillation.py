"""Distillation: a small model, the student, learns from what a large one, the teacher, would have said.

The article's section 3.5. First the loss and the teacher at work, then what else than logits a teacher can
give: its states and its writing. What trains is a `loss(model, batch)` for `training.train`.
"""

from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.learning.adaptation import layer_states, layers_of, states_recorded
from llmasos_edu.learning.divergences import (
    check_logits,
    forward_kl,
    jensen_shannon,
    logit_matching,
    reverse_kl,
)
from llmasos_edu.training.next_token import next_token_loss

__all__ = [
    "Distillation",
    "HiddenMatching",
    "HintedStudent",
    "distillation_loss",
    "forward_kl",
    "gain_kept",
    "jensen_shannon",
    "logit_matching",
    "record_logits",
    "reverse_kl",
    "teaching",
    "written_by",
]


def distillation_loss(
    student_logits, teacher_logits, targets=None, *, temperature=2.0, alpha=0.5, divergence=forward_kl
):
    """Learn from the teacher and from the truth: `alpha T^2 D(teacher, student; T) + (1 - alpha) H`.

    D is the divergence at temperature T, H the cross-entropy with the true classes at temperature 1. The
    gradient of D shrinks as 1/T^2; the factor T^2 keeps both terms' shares as T changes. No gradient flows
    into the teacher's logits.

    Args:
        student_logits, teacher_logits: [..., classes].
        targets: true classes [...], -100 where neither term counts; may be left out when alpha is 1.
        temperature: T, above 0.
        alpha: weight of the teacher, 0 (the truth alone) to 1 (the teacher alone).
        divergence: `forward_kl`, `reverse_kl`, `jensen_shannon` or another of their kind.

    Returns:
        Scalar tensor, nats per scored row.

    Raises:
        ValueError: shapes that do not fit, alpha or temperature out of range, nothing to score.

    Source: Hinton et al. 2015, section 2; article 3.5.
    """
    _check_alpha(alpha)
    check_logits(student_logits, teacher_logits)
    rows = (-1, student_logits.shape[-1])
    student, teacher = student_logits.reshape(rows), teacher_logits.detach().reshape(rows)
    if targets is None:
        if alpha < 1:
            raise ValueError(f"alpha={alpha} gives the truth a weight of {1 - alpha:g}, but targets=None")
    else:
        if targets.shape != student_logits.shape[:-1]:
            shapes = f"logits {list(student_logits.shape)}, targets {list(targets.shape)}"
            raise ValueError(f"{shapes}: all sizes but the number of classes must be equal")
        targets = targets.flatten()
        scored = targets != -100
        if not scored.any():
            raise ValueError(f"all {len(targets)} targets are -100: nothing is scored")
        if not scored.all():
            student, teacher, targets = student[scored], teacher[scored], targets[scored]
    loss = 0.0
    if alpha > 0:
        loss = loss + alpha * temperature**2 * divergence(student, teacher, temperature=temperature)
    if alpha < 1:
        loss = loss + (1 - alpha) * F.cross_entropy(student, targets)
    return loss


def _check_alpha(alpha):
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha={alpha} must lie between 0 and 1")


# ---- the teacher at work ----


@contextmanager
def teaching(teacher):
    """Within it the teacher is in evaluation mode and without gradient; afterwards its modes are as before.

    In training mode a teacher with dropout or with noisy experts would say something else each time.
    """
    with modes_kept(teacher), torch.no_grad():
        yield teacher.eval()


class Distillation:
    """`distillation_loss` with a teacher, for `train`: `loss(student, batch)`.

    Any two models with the same classes will do: dense or with experts, of any sizes.

    Args:
        teacher: maps inputs to logits [..., classes]; None where each batch brings the teacher's logits.
        temperature, alpha, divergence: as in `distillation_loss`.

    A batch is, with a teacher, what `next_token_loss` takes: windows [batch, seq + 1], or a pair: inputs
    and targets, where targets [batch] of a language model belong to the last position. Without one it is a
    triple: inputs, targets, and the teacher's logits for these inputs, as `record_logits` gives them.

    Raises:
        ValueError: alpha out of range; when called, a batch of another kind or shapes that do not fit.

    Source: Hinton et al. 2015, section 2; article 3.5.
    """

    def __init__(self, teacher=None, *, temperature=2.0, alpha=0.5, divergence=forward_kl):
        _check_alpha(alpha)
        self.teacher = teacher
        self.options = {"temperature": temperature, "alpha": alpha, "divergence": divergence}

    def __call__(self, model, batch):
        inputs, targets, teacher_logits = self._parts(batch)
        logits = model(inputs)
        if self.teacher is not None:
            with teaching(self.teacher) as teacher:
                teacher_logits = teacher(inputs)
        if targets.ndim == logits.ndim - 2:  # one target a text
            logits, teacher_logits = logits[:, -1], teacher_logits[:, -1]
        return distillation_loss(logits, teacher_logits.to(logits.dtype), targets, **self.options)

    def _parts(self, batch):
        if self.teacher is None:
            if isinstance(batch, Tensor) or len(batch) != 3:
                raise ValueError("without a teacher a batch must be (inputs, targets, teacher's logits)")
            return batch
        if isinstance(batch, Tensor):
            return batch[:, :-1], batch[:, 1:], None
        if len(batch) != 2:
            raise ValueError(f"with a teacher a batch must be (inputs, targets), got {len(batch)} parts")
        return *batch, None


def record_logits(teacher, inputs, *, batch_size=32, dtype=None):
    """What the teacher says, asked once and kept (offline distillation): [n, ..., classes].

    It pays where the student reads a text several times, or several students read it. A text of n tokens
    takes `n * classes` numbers.

    Args:
        teacher: maps inputs to logits.
        inputs: [n, ...].
        batch_size: inputs per forward pass.
        dtype: of what is kept, such as torch.float16 for half the memory; the teacher's own unless given.
    """
    check_count("batch_size", batch_size)
    with teaching(teacher):
        return torch.cat([teacher(part).to(dtype=dtype) for part in inputs.split(batch_size)])


def gain_kept(alone, distilled, teacher):
    """Share of the teacher's lead that the student takes over: `(alone - distilled) / (alone - teacher)`.

    Args:
        alone, distilled, teacher: losses, lower is better: of the model trained without the teacher, of the
            same model trained with it, of the teacher.

    Returns:
        0 when the teacher was of no use, 1 when the student is as good; below 0 when it harmed.

    Raises:
        ValueError: the teacher has no lead.

    Source: Fedus et al. 2021, section 4.2, tables 6 and 7 (there over a dense model of the teacher's cost).
    """
    if not teacher < alone:
        raise ValueError(f"the teacher's loss {teacher:g} is not below {alone:g}: there is no lead to keep")
    return (alone - distilled) / (alone - teacher)


# ---- states and texts ----


class HintedStudent(nn.Module):
    """A student beside its teacher, with what makes their inner states comparable; answers as the student.

    `projection(h)` is `W h` where the widths differ, with a W that is learned, and h itself where they agree.

    Args:
        student, teacher: a `LanguageModel` or a `MaskedLanguageModel` each. The student is trained in place;
            the teacher is no part of the parameters.
        pairs: (student's layer, teacher's layer) that shall agree; 0 is what enters the first layer, as in
            `layer_states`.

    Raises:
        ValueError: no pairs, or a layer that is not there.

    Source: Romero et al. 2015 (FitNets), section 2.2; Jiao et al. 2020 (TinyBERT), section 3.1.
    """

    def __init__(self, student, teacher, pairs):
        super().__init__()
        self.student, self.pairs = student, [tuple(pair) for pair in pairs]
        self._teacher = [teacher]  # in a list, so that its weights are not registered as ours
        depths = [len(layers_of(model)) for model in (student, teacher)]
        for pair in self.pairs:
            if len(pair) != 2 or not all(
                0 <= layer <= depth for layer, depth in zip(pair, depths, strict=True)
            ):
                raise ValueError(f"no such pair of layers {pair}: 0 to {depths[0]} and 0 to {depths[1]}")
        if not self.pairs:
            raise ValueError("pairs is empty: no states are compared")
        widths = [model.embedding.embedding_dim for model in (student, teacher)]
        self.projections = nn.ModuleList(
            nn.Identity() if widths[0] == widths[1] else nn.Linear(*widths, bias=False) for _ in self.pairs
        )

    @property
    def teacher(self):
        """The teacher."""
        return self._teacher[0]

    def forward(self, tokens):
        """The student's logits."""
        return self.student(tokens)


class HiddenMatching:
    """A loss on answers plus one on states, for `train`: `base + weight * mean over pairs of MSE`.

    `MSE = mean (projection(h_student) - h_teacher)^2` over all positions, scored or not, and the teacher's
    width.

    Args:
        weight: of the states.
        base: loss(model, batch) on the answers, such as `next_token_loss` or a `Distillation`.

    Called with a `HintedStudent` and a batch: windows [batch, seq + 1], or a tuple that begins with inputs.

    Source: Jiao et al. 2020 (TinyBERT), section 3.1; Romero et al. 2015 (FitNets), section 2.2.
    """

    def __init__(self, weight=1.0, *, base=next_token_loss):
        self.weight, self.base = weight, base

    def __call__(self, model, batch):
        with states_recorded(model.student) as ours:
            value = self.base(model, batch)
        inputs = batch[:, :-1] if isinstance(batch, Tensor) else batch[0]
        theirs = layer_states(model.teacher, inputs)
        losses = [
            F.mse_loss(projection(ours[own]), theirs[other])
            for projection, (own, other) in zip(model.projections, model.pairs, strict=True)
        ]
        return value + self.weight * torch.stack(losses).mean()


def written_by(teacher, prompts, new_tokens, *, temperature=1.0, generator=None, batch_size=64):
    """Text that the teacher writes, to train a student on by `next_token_loss` (sequence-level distillation).

    The student needs neither logits nor the teacher's vocabulary in common beyond the text itself.

    Args:
        teacher: a `LanguageModel`.
        prompts: beginnings [n, seq].
        new_tokens: how many tokens it adds to each.
        temperature: of its choices; 0 writes what is likeliest at each step.
        generator: source of randomness; torch's global one unless given.
        batch_size: prompts continued at once.

    Returns:
        inputs and targets, [n, seq + new_tokens - 1] each; targets are -100 within the prompts.

    Source: Kim & Rush 2016 (there the likeliest sequence, by beam search); article 3.5.
    """
    check_count("new_tokens", new_tokens)
    check_count("batch_size", batch_size)
    with teaching(teacher):
        options = {"temperature": temperature, "generator": generator}
        parts = [teacher.generate(part, new_tokens, **options) for part in prompts.split(batch_size)]
    texts = torch.cat(parts)
    inputs, targets = texts[:, :-1], texts[:, 1:].clone()
    targets[:, : prompts.shape[1] - 1] = -100
    return inputs, targets
