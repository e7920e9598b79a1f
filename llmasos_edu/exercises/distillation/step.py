"""Exercises of chapter 3.5, the part on the step: a teacher that neither drops, nor learns, nor changes.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
from torch import nn

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.5-4 ----------------------------------------------------------------------------------


def step_loss(student, teacher, inputs, temperature):
    """Two modules, inputs [batch, features] -> T^2 KL(teacher || student), mean over the batch, []."""
    was_training = teacher.training
    teacher.eval()
    with torch.no_grad():
        log_p = (teacher(inputs) / temperature).log_softmax(dim=-1)
    teacher.train(was_training)
    log_q = (student(inputs) / temperature).log_softmax(dim=-1)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=-1).mean()


def _traces(answer, inputs):
    """The loss, what its gradient reaches in student and teacher, and the modes that are left behind.

    The dice of a dropout fall the same way in every call, so a teacher left in training mode is recognised.
    """
    student, teacher = inputs[:2]
    chances = _chances(teacher)
    while_asked = []
    student.register_forward_pre_hook(lambda module, _: while_asked.append(module.training))
    came = student.training
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loss = answer(*inputs)
    if not isinstance(loss, torch.Tensor):
        return loss if loss is None or loss is ... else (loss, None, None, None)
    if loss.requires_grad:
        loss.sum().backward()
    kept = student.training == came and all(mode == came for mode in while_asked)
    at_one = all(module.training == teacher.training for module in teacher.modules())
    at_one = at_one and _chances(teacher) == chances
    modes = torch.tensor([float(mode) for mode in (teacher.training, at_one, student.training, kept)])
    reached = _gradient(teacher)
    reached = torch.zeros_like(_weights(teacher)) if reached is None else reached
    return loss.detach(), _gradient(student), reached, modes


def _chances(module):
    return [each.p for each in module.modules() if isinstance(each, nn.Dropout)]


def _weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def _gradient(module):
    if all(parameter.grad is None for parameter in module.parameters()):
        return None
    each = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return torch.cat([gradient.flatten() for gradient in each])


def _step(*, in_eval=True, back=True, of_teacher=torch.no_grad, of_student=torch.enable_grad, power=2,
          student_in_eval=False, hard=False, turned=False):  # fmt: skip
    """The step with knobs: modes, graphs, the square of T, who is compared with whom."""

    def answer(student, teacher, inputs, t):
        mode, as_it_came = teacher.training, student.training
        teacher.train(mode and not in_eval)
        if student_in_eval:
            student.train(student_in_eval == "never")
        with of_teacher():
            log_p = (teacher(inputs) / t).log_softmax(-1)
        if hard:
            log_p = (log_p - log_p.amax(-1, keepdim=True)).div(1e-6).log_softmax(-1)
        with of_student():
            log_q = (student(inputs) / t).log_softmax(-1)
        teacher.train({True: mode, False: teacher.training, "on": True}[back])
        student.train(as_it_came if student_in_eval == "meanwhile" else student.training)
        one, other = (log_q, log_p) if turned else (log_p, log_q)
        return t**power * (one.exp() * (one - other)).sum(-1).mean()

    return answer


def _top_put_back(student, teacher, inputs, temperature):
    """The attribute of the teacher itself is put back, not those of its layers."""
    mode = teacher.training
    loss = _step(back=False)(student, teacher, inputs, temperature)
    teacher.training = mode
    return loss


def _over_the_vocabulary(student, teacher, inputs, temperature):
    loss = _step()(student, teacher, inputs, temperature)
    return loss / teacher[-1].out_features


def _unsoftened(student, teacher, inputs, temperature):
    return temperature**2 * _step()(student, teacher, inputs, 1.0)


def _as_the_student(student, teacher, inputs, temperature):
    loss = _step()(student, teacher, inputs, temperature)
    teacher.train(student.training)
    return loss


def _dropout_taken_out(student, teacher, inputs, temperature):
    for module in teacher.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return _step(in_eval=False)(student, teacher, inputs, temperature)


def _at_rest(teacher, inputs):
    mode = teacher.training
    with torch.no_grad():
        logits = teacher.eval()(inputs)
    teacher.train(mode)
    return logits


def _cross(student, teacher, inputs, temperature):
    targets = (_at_rest(teacher, inputs) / temperature).softmax(-1)
    return temperature**2 * nn.functional.cross_entropy(student(inputs) / temperature, targets)


def _teacher_alone_softened(student, teacher, inputs, temperature):
    log_p = (_at_rest(teacher, inputs) / temperature).log_softmax(-1)
    log_q = student(inputs).log_softmax(-1)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1).mean()


def _network(seed, features, hidden, vocab, dropout, training):
    with torch.random.fork_rng(devices=[]):  # the reader's own dice stay as they are
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(features, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, vocab)
        )
    with torch.no_grad():
        network[-1].weight.mul_(4)
    return network.train(training)


def _case(name, seed, batch, temperature, teacher_training=False, student_training=True, dropout=0.5):
    student = _network(seed, 6, 5, 7, 0.0, student_training)
    teacher = _network(seed + 1, 6, 16, 7, dropout, teacher_training)
    (inputs,) = random_tensors(seed, (batch, 6))
    return Case(name, (student, teacher, inputs, temperature))


STEP = Exercise(
    key="3.5-4",
    title="A teacher at rest",
    difficulty=2,
    minutes=15,
    statement=(
        "Compute the loss of one step, T^2 KL(teacher || student), from the two networks themselves: both "
        "map inputs [batch, features] to logits [batch, vocab]. The teacher has dropout, and may be in "
        "training mode. It must answer without dropout, must get no gradient, and must be left in the mode "
        "in which it came; the student keeps its mode too. Return the loss; the check takes its gradient."
    ),
    takeaway="eval() switches off dropout, no_grad() switches off learning: neither does the other's work.",
    reference=step_loss,
    explanation="The mode is kept, set and put back; only the teacher's forward pass runs without a graph.",
    hints=(
        "Two things are wrong with simply calling the teacher: its dropout throws dice, and the loss can be "
        "lowered by changing the teacher. They have two different cures.",
        "A module knows whether it is in training mode, in an attribute. Keep that before you change it.",
        "How far does the part of your code reach that builds no graph? The student's forward pass must lie "
        "outside it.",
    ),
    cases=(
        _case("a teacher in training mode", 4001, 4, 2.0, teacher_training=True),
        _case("a teacher in evaluation mode", 4002, 3, 1.0),
        _case("both in evaluation mode", 4003, 5, 3.0, student_training=False),
        _case("a teacher in training mode, a student in evaluation mode", 4004, 4, 4.0, True, False),
        _case("one row", 4005, 1, 2.0, teacher_training=True, dropout=0.3),
        _case("temperature 5", 4006, 6, 5.0, teacher_training=True),
    ),
    mistakes=(
        Mistake(
            "teacher left in training mode",
            "Your teacher answers with its dropout on, where it came in training mode: a part of what it "
            "knows is thrown away, another one each time. Forbidding the graph does not change that.",
            (_step(in_eval=False),),
        ),
        Mistake(
            "teacher not detached",
            "The gradient reaches the teacher: an optimizer that holds its weights would move the teacher "
            "towards the student. Evaluation mode does not prevent that.",
            (_step(of_teacher=torch.enable_grad),),
        ),
        Mistake(
            "a teacher like any network",
            "You call the teacher as if it were the student: its dropout is on where it came in training "
            "mode, and the gradient reaches its weights. It needs a mode and a graph switched off.",
            (_step(in_eval=False, of_teacher=torch.enable_grad),),
        ),
        Mistake(
            "mode not put back",
            "After your step the teacher is in evaluation mode for good. Whoever trains it further will "
            "wonder where the dropout went: put it back as it came.",
            (_step(back=False),),
        ),
        Mistake(
            "the layers not put back",
            "The teacher's own mode is back after your step, and that of its layers is not, so that its "
            "dropout stays off: `teacher.training = ...` sets one attribute of one module. "
            "`teacher.train(mode)` reaches all of them.",
            (_top_put_back,),
        ),
        Mistake(
            "no temperature",
            "What comes out is as if neither side were softened: logits are divided by the temperature "
            "before their softmax, on both sides.",
            (_unsoftened,),
        ),
        Mistake(
            "mean over the vocabulary",
            "Your loss is divided by the size of the vocabulary too, as the reduction 'mean' of torch's KL "
            "loss does. Sum over tokens, mean over the batch ('batchmean').",
            (_over_the_vocabulary,),
        ),
        Mistake(
            "always back to training",
            "After your step the teacher is in training mode, even where it came in evaluation mode. Keep "
            "the mode before you change it.",
            (_step(back="on"),),
        ),
        Mistake(
            "student without a graph",
            "No gradient reaches the student: its forward pass runs where no graph is built, or its output, "
            "or the loss, was cut off. It is the one who must learn.",
            (_step(of_student=torch.no_grad),),
        ),
        Mistake(
            "the teacher learns",
            "The gradient reaches the teacher and not the student. The teacher is the one to be called where "
            "no graph is built.",
            (_step(of_teacher=torch.enable_grad, of_student=torch.no_grad),),
        ),
        Mistake(
            "student put to rest too",
            "You put the student into evaluation mode as well. In training it learns with its own dropout, "
            "if it has any.",
            (
                _step(student_in_eval=True),
                _step(student_in_eval=True, back=False),
                _step(student_in_eval="meanwhile"),
            ),
        ),
        Mistake(
            "student put to work",
            "You put the student into training mode. It keeps the mode in which it came: whoever measures it "
            "in evaluation mode would measure its dropout.",
            (_step(student_in_eval="never"),),
        ),
        Mistake(
            "T^2 forgotten",
            "In front of your divergence stands T, or nothing, where the square of the temperature belongs.",
            (_step(power=0), _step(power=1)),
        ),
        Mistake(
            "KL arguments exchanged",
            "Your divergence has the student's probabilities as weights. Asked for is KL(teacher || "
            "student), weighted by the teacher.",
            (_step(turned=True),),
        ),
        Mistake(
            "the student's mode for the teacher",
            "After your step the teacher is in the mode of the student. Put its own mode back: keep that "
            "before you change it.",
            (_as_the_student,),
        ),
        Mistake(
            "dropout taken out",
            "The teacher's dropout is not what it was: after your step it throws nothing away, in training "
            "mode either. eval() switches dropout off without changing its p.",
            (_dropout_taken_out,),
        ),
        Mistake(
            "cross entropy for KL",
            "Your loss is T^2 times the cross entropy with the teacher's softened probabilities. Its "
            "gradient is that of KL, but its value keeps the teacher's entropy and never reaches 0.",
            (_cross,),
        ),
        Mistake(
            "teacher alone softened",
            "It comes out as if the teacher were softened and the student not. The same temperature belongs "
            "on both sides.",
            (_teacher_alone_softened,),
        ),
        Mistake(
            "hard labels from the teacher",
            "You keep the teacher's likeliest token and drop the rest of its distribution. What the others "
            "get is what makes a teacher worth more than a label.",
            (_step(hard=True),),
        ),
    ),
    observe=_traces,
    parts=("loss", "gradient of the student", "gradient of the teacher", "modes of teacher and student"),
)

EXERCISES = (STEP,)
