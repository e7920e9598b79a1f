"""Exercise of chapter 3.3 on learning without forgetting: the old model as a teacher.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors, value_and_gradient

# 3.3-5 ----------------------------------------------------------------------------------


def lwf_loss(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    """weights, old_weights [classes, dim], inputs, old_inputs [n, dim], labels [n] -> loss []."""
    logits = inputs @ weights.T
    teacher = (inputs @ old_weights.T / temperature).softmax(-1)
    student = (logits / temperature).log_softmax(-1)
    distilled = -(teacher * student).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * distilled


def _count_and_gradient(answer, inputs):
    """(how many numbers the loss has, gradient of the weights): constants in it make no difference."""
    result = value_and_gradient(answer, inputs)
    if not isinstance(result, tuple):
        return result
    value, gradient = result
    return (value.numel() if isinstance(value, torch.Tensor) else 1), gradient


def _cross(teacher, student):
    """Mean cross entropy of logits `student` with the distribution of the logits `teacher`."""
    return -(teacher.softmax(-1) * student.log_softmax(-1)).sum(-1).mean()


def _distil(term, join=lambda new, old, strength: new + strength * old):
    """The loss of the new task joined with `term(new logits, teacher's logits, temperature)`."""

    def answer(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
        logits = inputs @ weights.T
        old = term(logits, inputs @ old_weights.T, temperature)
        return join(F.cross_entropy(logits, labels), old, strength)

    return answer


def _right_term(s, t, T):
    return _cross(t / T, s / T)


def _on(teacher_reads, student_reads):
    """Learning without forgetting on other inputs: 1 for the new ones, 0 for the old ones."""

    def answer(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
        read = (old_inputs, inputs)
        teacher = read[teacher_reads] @ old_weights.T / temperature
        student = read[student_reads] @ weights.T / temperature
        return F.cross_entropy(inputs @ weights.T, labels) + strength * _cross(teacher, student)

    return answer


def _on_both(join):
    """The second term on the new inputs and on the old ones, joined by their mean or their sum."""

    def answer(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
        terms = [
            _cross(read @ old_weights.T / temperature, read @ weights.T / temperature)
            for read in (inputs, old_inputs)
        ]
        return F.cross_entropy(inputs @ weights.T, labels) + strength * join(torch.stack(terms))

    return answer


def _old_answers_of_old_inputs(hard):
    """The old inputs without a temperature, or with the old model's favourites for labels."""

    def answer(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
        asked, said = old_inputs @ weights.T, old_inputs @ old_weights.T
        old = F.cross_entropy(asked / temperature, said.argmax(-1)) if hard else _cross(said, asked)
        return F.cross_entropy(inputs @ weights.T, labels) + strength * old

    return answer


def _softmax_twice(s, t, T):
    return _cross(t / T, (s / T).softmax(-1))


def _reversed(s, t, T):
    student, teacher = (s / T).log_softmax(-1), (t / T).log_softmax(-1)
    return (student.exp() * (student - teacher)).sum(-1).mean()


def _lwf_case(name, seed, n, classes, dim, temperature, strength, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    shapes = (classes, dim), (classes, dim), (n, dim), (n, dim)
    weights, old_weights, inputs, old_inputs = random_tensors(seed, *shapes)
    labels = torch.randint(classes, (n,), generator=generator)
    weights, old_weights = scale * weights, scale * old_weights
    return Case(name, (weights, old_weights, inputs, labels, 1 + old_inputs, temperature, strength))


def _never_nothing(small):
    """Something small is added to the student's probabilities before the logarithm."""

    def answer(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
        old, now = ((inputs @ w.T / temperature).softmax(-1) for w in (old_weights, weights))
        soft = -(old * (now + small).log()).sum(-1).mean()
        return F.cross_entropy(inputs @ weights.T, labels) + strength * soft

    return answer


LWF = Exercise(
    key="3.3-5",
    title="Learning without forgetting",
    difficulty=3,
    minutes=20,
    statement=(
        "Learning without forgetting (Li and Hoiem 2016) keeps no old data: while the new task is learned, "
        "the model should go on answering as the old model answers, for the new inputs. Loss: cross entropy "
        "of the new labels, plus strength times the cross entropy between the old model's softmax and the "
        "present one's, with all logits of this second term divided by the temperature. Both are means over "
        "the examples. The models are softmaxes over inputs @ weights.T. The old inputs are in reach only "
        "because somebody will measure on them what was forgotten. I look at the gradient of the weights, so "
        "a Kullback-Leibler divergence in the place of the cross entropy is right too."
    ),
    takeaway="The old model is the memory: it must be a frozen copy, and it is asked about the new data.",
    reference=lwf_loss,
    explanation="Both models read the new inputs; one learns the labels and, softened, the other's answers.",
    hints=(
        "Name the two models and the two sets of inputs. Which three of the four possible pairs does the "
        "loss need, and which of them does the method promise to do without?",
        "If the teacher is the model that is being trained, what is the gradient of the second term?",
        "Teacher and student are divided by the temperature before their softmax; the first term is not. In "
        "the second, sum over the classes, then the mean over the examples.",
    ),
    cases=(
        _lwf_case("5 examples, 3 classes, temperature 2", 8501, 5, 3, 4, 2.0, 1.0),
        _lwf_case("temperature 1", 8502, 6, 4, 3, 1.0, 0.5),
        _lwf_case("a strong teacher", 8503, 8, 5, 4, 2.0, 5.0),
        _lwf_case("one example", 8504, 1, 3, 5, 4.0, 2.0),
        _lwf_case("20 examples, 6 classes", 8505, 20, 6, 4, 3.0, 1.5),
        _lwf_case("temperature one half", 8506, 7, 4, 3, 0.5, 0.7),
        _lwf_case("models that are sure and disagree", 8507, 6, 4, 3, 1.0, 1.0, scale=8.0),
    ),
    terms={
        "the cross entropy of the new labels": _distil(_right_term, lambda new, old, strength: new),
        "the distillation": _distil(_right_term, lambda new, old, strength: strength * old),
    },
    mistakes=(
        Mistake(
            "current model as teacher",
            "Your second term has no pull towards the old model, as when the model in training is its own "
            "teacher, when the student is cut off from the graph, or when the term is missing. The frozen "
            "copy answers, and the model in training is held to that.",
            (
                _distil(lambda s, t, T: _cross((s / T).detach(), s / T)),
                _distil(lambda s, t, T: _cross(s / T, s / T)),
            ),
        ),
        Mistake(
            "old data",
            "Teacher and student read the old inputs. That works, but it is replay: this method has no old "
            "data to read. Both read the new inputs.",
            (_on(0, 0), _old_answers_of_old_inputs(hard=False), _old_answers_of_old_inputs(hard=True)),
        ),
        Mistake(
            "teacher and student read different inputs",
            "Teacher and student answer about different inputs, so one is blamed for not saying what the "
            "other said of something else. Both read the new ones.",
            (_on(0, 1), _on(1, 0)),
        ),
        Mistake(
            "no temperature",
            "The temperature has no effect in your loss (at temperature 1 you are right).",
            (_distil(lambda s, t, T: _cross(t, s)),),
        ),
        Mistake(
            "temperature on one side",
            "Only one of the two models' logits are divided by the temperature. At equal weights the student "
            "should be at rest, and is not: divide both.",
            (
                _distil(lambda s, t, T: _cross(t / T, s)),
                _distil(lambda s, t, T: _cross(t, s / T)),
            ),
        ),
        Mistake(
            "temperature multiplied",
            "You multiply the logits by the temperature. Above 1 that sharpens the teacher; it should soften "
            "it. The logits are divided.",
            (_distil(lambda s, t, T: _cross(t * T, s * T)),),
        ),
        Mistake(
            "hard answers",
            "You take the old model's favourite as a label. Its probabilities of the other classes are what "
            "it remembers beside that.",
            (
                _distil(lambda s, t, T: F.cross_entropy(s / T, t.argmax(-1))),
                _distil(lambda s, t, T: F.cross_entropy(s, t.argmax(-1))),
            ),
        ),
        Mistake(
            "both terms softened",
            "You divide the logits of the new task's term by the temperature too. Only the second term is "
            "softened (at temperature 1 you are right).",
            (
                lambda w, o, x, y, z, t, k: (
                    F.cross_entropy(x @ w.T / t, y) + k * _cross(x @ o.T / t, x @ w.T / t)
                ),
            ),
        ),
        Mistake(
            "distance of the logits",
            "Your second term is a squared distance of logits. That is distillation as well, but of another "
            "kind: asked for is a cross entropy of two softmaxes.",
            (
                _distil(lambda s, t, T: ((s - t) / T).square().sum(-1).mean()),
                _distil(lambda s, t, T: (s / T - t / T).square().mean()),
                _distil(lambda s, t, T: (s - t).square().mean()),
            ),
        ),
        Mistake(
            "distance of the probabilities",
            "Your second term is a squared distance of probabilities. Asked for is a cross entropy of two "
            "softmaxes: -p ln q, summed over the classes.",
            (
                _distil(lambda s, t, T: ((s / T).softmax(-1) - (t / T).softmax(-1)).square().sum(-1).mean()),
                _distil(lambda s, t, T: ((s / T).softmax(-1) - (t / T).softmax(-1)).square().mean()),
            ),
        ),
        Mistake(
            "softmax over the examples",
            "In your second term the softmax runs over the examples. The classes compete: it is the last "
            "axis.",
            (
                _distil(lambda s, t, T: -((t / T).softmax(0) * (s / T).log_softmax(0)).sum(-1).mean()),
                _distil(lambda s, t, T: -((t / T).softmax(0) * (s / T).log_softmax(0)).sum(0).mean()),
            ),
        ),
        Mistake(
            "student without a logarithm",
            "What comes out is as if the student's probabilities stood where their logarithms belong: "
            "torch's own KL loss takes them without a word.",
            (_distil(lambda s, t, T: -((t / T).softmax(-1) * (s / T).softmax(-1)).sum(-1).mean()),),
        ),
        Mistake(
            "new labels for old inputs",
            "What comes out is as if the new labels were asked of the old inputs. They belong to the new "
            "ones.",
            (lambda w, o, x, y, z, t, k: F.cross_entropy(z @ w.T, y) + k * _cross(x @ o.T / t, x @ w.T / t),),
        ),
        Mistake(
            "new task missing",
            "Nothing in your loss pulls the weights towards the new labels, as when their term is missing, "
            "is cut off from the graph, or asks the old model. Nothing new is learned.",
            (_distil(_right_term, lambda new, old, strength: strength * old),),
        ),
        Mistake(
            "strength on the other term",
            "The strength stands before the wrong term. It belongs to the old answers, and the new task "
            "counts in full.",
            (_distil(_right_term, lambda new, old, strength: strength * new + old),),
        ),
        Mistake(
            "strength taken off the other term",
            "Your new task counts 1 less the strength. It counts in full, whatever the strength, which may "
            "well be above 1.",
            (_distil(_right_term, lambda new, old, strength: (1 - strength) * new + strength * old),),
        ),
        Mistake(
            "divided by both weights",
            "What comes out is as if the whole loss were divided by 1 plus the strength. The new task counts "
            "in full, whatever the strength.",
            (_distil(_right_term, lambda new, old, strength: (new + strength * old) / (1 + strength)),),
        ),
        Mistake(
            "no strength",
            "The strength has no effect in your loss (where it is 1 you are right). It stands before the old "
            "answers.",
            (_distil(_right_term, lambda new, old, strength: new + old),),
        ),
        Mistake(
            "labels once more",
            "What comes out is as if the second term asked for the new labels again. It asks for what the "
            "old model answers.",
            (
                lambda w, o, x, y, z, t, k: F.cross_entropy(x @ w.T, y) + k * F.cross_entropy(x @ w.T / t, y),
                lambda w, o, x, y, z, t, k: (1 + k) * F.cross_entropy(x @ w.T, y),
            ),
        ),
        Mistake(
            "held to the old weights",
            "Your second term is a squared distance of the weights from the old ones. Here the answers are "
            "held, not the weights: a cross entropy of two softmaxes.",
            (
                lambda w, o, x, y, z, t, k: F.cross_entropy(x @ w.T, y) + k * (w - o).square().sum(),
                lambda w, o, x, y, z, t, k: F.cross_entropy(x @ w.T, y) + k * (w - o).square().mean(),
                lambda w, o, x, y, z, t, k: F.cross_entropy(x @ w.T, y) + k / 2 * (w - o).square().sum(),
            ),
        ),
        Mistake(
            "old inputs besides",
            "What comes out is as if teacher and student read the old inputs besides the new ones. This "
            "method has no old data to read.",
            (_on_both(torch.mean), _on_both(torch.sum)),
        ),
        Mistake(
            "temperature on the probabilities",
            "What comes out is as if probabilities were divided by the temperature. It divides the logits, "
            "before the softmax.",
            (_distil(lambda s, t, T: _cross(t, s) / T),),
        ),
        Mistake(
            "teacher's softmax twice",
            "What comes out is as if the teacher's probabilities went through a softmax once more. One is "
            "enough: they add up to 1 already.",
            (_distil(lambda s, t, T: _cross((t / T).softmax(-1), s / T)),),
        ),
        Mistake(
            "temperature squared in front",
            "You multiply the second term by the square of the temperature, as Hinton's distillation does. "
            "Here its size is set by the strength alone.",
            (_distil(lambda s, t, T: T * T * _cross(t / T, s / T)),),
        ),
        Mistake(
            "divergence the wrong way round",
            "Your divergence has its two arguments exchanged: the teacher's probabilities must weigh the "
            "student's logarithms.",
            (_distil(_reversed), _distil(lambda s, t, T: _cross(s / T, t / T))),
        ),
        Mistake(
            "mean over the classes too",
            "Your second term is divided by the number of classes as well. Sum over the classes: the mean is "
            "over the examples only.",
            (_distil(lambda s, t, T: _cross(t / T, s / T) / s.shape[-1]),),
        ),
        Mistake(
            "something small under the logarithm",
            "Where the model holds nearly impossible what the old one answers, the second term pulls too "
            "weakly, as when something small is added before the logarithm. Is there one function for both "
            "steps, softmax and logarithm?",
            tuple(map(_never_nothing, (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12))),
        ),
        Mistake(
            "softmax taken twice",
            "In one of your two terms, or in both, a softmax acts on a softmax, as when a loss function "
            "that takes one by itself is handed probabilities. It expects logits.",
            (
                lambda w, o, x, y, z, t, k: (
                    F.cross_entropy((x @ w.T).softmax(-1), y) + k * _cross(x @ o.T / t, x @ w.T / t)
                ),
                lambda w, o, x, y, z, t, k: (
                    F.cross_entropy((x @ w.T).softmax(-1), y) + k * _cross(z @ o.T / t, z @ w.T / t)
                ),
                lambda w, o, x, y, z, t, k: (
                    F.cross_entropy((x @ w.T).softmax(-1), y) + k * _softmax_twice(x @ w.T, x @ o.T, t)
                ),
                _distil(_softmax_twice),
            ),
        ),
        Mistake(
            "sum over the examples",
            "You sum over the examples in one term or in both. A larger batch would then mean a larger step.",
            (
                _distil(lambda s, t, T: len(s) * _cross(t / T, s / T)),
                lambda w, o, x, y, z, t, k: len(x) * lwf_loss(w, o, x, y, z, t, k),
            ),
        ),
    ),
    observe=_count_and_gradient,
    parts=("shape of the loss", "gradient of the weights"),
)

EXERCISES = (LWF,)
