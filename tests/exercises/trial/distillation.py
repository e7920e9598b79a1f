"""Chapter 3.5, distillation: wrong answers with one slip each, and unusual right ones."""

import copy

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.5-1", "exponential that overflows")
def exponential_that_overflows(logits, temperature):
    p = (logits / temperature).exp()
    p = p / p.sum(-1, keepdim=True)
    return p, -torch.where(p > 0, p * p.log2(), 0).sum(-1)


@wrong("3.5-1", "gives nats")
def entropy_in_nats(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return p, -torch.where(p > 0, p * p.log(), 0).sum(-1)


@wrong("3.5-1", "distribution sharper")
def logits_times_temperature(logits, temperature):
    p = (logits * temperature).softmax(-1)
    return p, -torch.where(p > 0, p * p.log2(), 0).sum(-1)


@wrong("3.5-1", "p log p")
def zero_times_minus_infinity(logits, temperature):
    p = (logits / temperature).softmax(-1)
    return p, -(p * p.log2()).sum(-1)


@right("3.5-1")
def soften_by_xlogy(logits, temperature):
    p = torch.exp(logits.double() / temperature - (logits.double() / temperature).logsumexp(-1, keepdim=True))
    return [p.float(), (torch.special.entr(p).sum(-1) / torch.tensor(2.0).log()).float()]


@wrong("3.5-2", "Torch's own KL")
def both_divergences_exchanged(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    reverse = (s.exp() * (s - t)).sum(-1).mean()
    return reverse, (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-2", "torch's KL")
def kl_div_with_its_default_mean(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    # "mean" divides by the vocabulary as well
    return F.kl_div(s, t, log_target=True), F.kl_div(t, s, log_target=True)


@wrong("3.5-2", "cross entropies")
def cross_entropies_for_divergences(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return -(t.exp() * s).sum(-1).mean(), -(s.exp() * t).sum(-1).mean()  # the entropy is still in them


@wrong("3.5-2", "softmax rounds")
def logarithm_of_the_softmax(student_logits, teacher_logits):
    s, t = student_logits.softmax(-1), teacher_logits.softmax(-1)
    forward = (t * (t.log() - s.log())).sum(-1).mean()  # log of 0
    return forward, (s * (s.log() - t.log())).sum(-1).mean()


@wrong("3.5-2", "infinity instead")
def divergences_by_torch_distributions(student_logits, teacher_logits):
    # torch calls it infinite where a probability of the second rounds to 0
    s = torch.distributions.Categorical(logits=student_logits)
    t = torch.distributions.Categorical(logits=teacher_logits)
    kl = torch.distributions.kl_divergence
    return [kl(t, s).mean().item(), kl(s, t).mean().item()]


@right("3.5-2")
def divergences_by_logsumexp(student_logits, teacher_logits):
    def mean_kl(a, b):
        p = a.double().softmax(-1)
        ratio = (a - b).double() - a.double().logsumexp(-1)[..., None] + b.double().logsumexp(-1)[..., None]
        return float((p * ratio).sum() / p[..., 0].numel())

    return [mean_kl(teacher_logits, student_logits), mean_kl(student_logits, teacher_logits)]


@wrong("3.5-3", "The square of the temperature is")
def temperature_squared_forgotten(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).log_softmax(-1)
    soft = (t.exp() * (t - s)).sum(-1).mean()
    return alpha * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "hard loss")
def hard_term_softened_too(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).log_softmax(-1)
    soft = (t.exp() * (t - s)).sum(-1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.nll_loss(s, labels)  # at temperature 1


@wrong("3.5-3", "alpha weighs")
def alpha_on_the_wrong_term(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (student_logits / temperature).log_softmax(-1), (teacher_logits / temperature).log_softmax(-1)
    soft = (t.exp() * (t - s)).sum(-1).mean()
    return (1 - alpha) * temperature**2 * soft + alpha * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "to the gradient of the student's logits is missing")
def student_detached(student_logits, teacher_logits, labels, temperature, alpha):
    s = (student_logits / temperature).log_softmax(-1).detach()  # it is the teacher that gets no gradient
    t = (teacher_logits / temperature).log_softmax(-1)
    soft = (t.exp() * (t - s)).sum(-1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@right("3.5-3")
def hinton_by_two_cross_entropies(student_logits, teacher_logits, labels, temperature, alpha):
    target = F.softmax(teacher_logits / temperature, 1).detach()
    soft = F.cross_entropy(student_logits / temperature, target) - torch.special.entr(target).sum(1).mean()
    return torch.lerp(F.cross_entropy(student_logits, labels), temperature * temperature * soft, alpha)


@wrong("3.5-4", "training mode")
def teacher_stays_in_training(student, teacher, inputs, temperature):
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)  # with dropout
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-4", "evaluation mode")
def teacher_left_in_eval(student, teacher, inputs, temperature):
    teacher.eval()  # and never set back
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-4", "training mode")
def always_back_to_training(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    teacher.train()  # it may have come in eval
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-4", "no graph")
def student_inside_of_no_grad(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
        s = (student(inputs) / temperature).log_softmax(-1)
    teacher.train(mode)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


@right("3.5-4")
def step_with_a_copied_teacher(student, teacher, inputs, temperature):
    t = copy.deepcopy(teacher).eval()(inputs).detach().div(temperature).softmax(-1)
    s = student(inputs).div(temperature).log_softmax(-1)
    return F.kl_div(s, t, reduction="sum") * temperature**2 / len(inputs)


@wrong("3.5-5", "teacher hesitates")
def shares_not_renormalised(student_logits, probabilities, ids):
    log_p = student_logits.log_softmax(-1).gather(-1, ids)
    return -(probabilities * log_p).sum(-1).mean()


@wrong("3.5-5", "Probabilities lie between")
def renormalised_by_a_softmax(student_logits, probabilities, ids):
    log_p = student_logits.log_softmax(-1).gather(-1, ids)
    return -(probabilities.softmax(-1) * log_p).sum(-1).mean()  # a division was asked for


@wrong("3.5-5", "student's softmax")
def student_cut_to_the_same_tokens(student_logits, probabilities, ids):
    log_p = student_logits.gather(-1, ids).log_softmax(-1)  # over the whole vocabulary
    return -(probabilities / probabilities.sum(-1, keepdim=True) * log_p).sum(-1).mean()


@wrong("3.5-5", "ids name")
def ids_taken_for_places(student_logits, probabilities, ids):
    log_p = student_logits.log_softmax(-1)[:, : ids.shape[1]]  # the first k tokens
    return -(probabilities / probabilities.sum(-1, keepdim=True) * log_p).sum(-1).mean()


@wrong("3.5-6", "times infinity")
def padding_multiplied_by_zero(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2 * real[..., None]  # 0 times infinity
    return square.sum() / (real.sum() * teacher.shape[-1])


@wrong("3.5-6", "short text counts")
def mean_of_the_rows(student, teacher, projection, real):
    rows = [((s[r] @ projection - t[r]) ** 2).mean() for s, t, r in zip(student, teacher, real, strict=True)]
    return torch.stack(rows).mean()  # all positions count alike


@wrong("3.5-6", "sum over the width")
def summed_over_the_width(student, teacher, projection, real):
    return (student[real] @ projection - teacher[real]).square().sum(-1).mean()


@wrong("3.5-6", "padding holds infinity")
def padding_hidden_after_the_square(student, teacher, projection, real):
    square = (student @ projection - teacher) ** 2
    return square.masked_fill(~real[..., None], 0).sum() / (real.sum() * teacher.shape[-1])  # NaN gradient


@right("3.5-6")
def hidden_states_by_mse_loss(student, teacher, projection, real):
    return F.mse_loss(F.linear(student[real], projection.T), teacher[real])


@wrong("3.5-7", "language model predicts")
def shifted_in_the_wrong_direction(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1])
    wanted = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    losses = F.cross_entropy(logits[:, 1:].transpose(1, 2), tokens[:, :-1], reduction="none")
    return losses[wanted[:, :-1]].mean()  # logits at i + 1 for the token at i


@wrong("3.5-7", "prompts most")
def prompt_learned_too(logits, tokens, prompt_lengths, lengths):
    wanted = torch.arange(1, tokens.shape[1]) < lengths[:, None]
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[wanted].mean()


@wrong("3.5-7", "tell padding")
def padding_by_its_token(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    wanted = (place >= prompt_lengths[:, None]) & (tokens[:, 1:] != 0)  # 0 is also a token
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[wanted].mean()


@wrong("3.5-7", "teacher wrote")
def first_token_of_the_teacher_left_out(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    wanted = (place > prompt_lengths[:, None]) & (place < lengths[:, None])  # should be >=
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[wanted].mean()


@right("3.5-7")
def sequence_loss_token_by_token(logits, tokens, prompt_lengths, lengths):
    log_p, parts = logits.log_softmax(-1), []
    for row, (begin, end) in enumerate(zip(prompt_lengths.tolist(), lengths.tolist(), strict=True)):
        parts += [-log_p[row, i - 1, tokens[row, i]] for i in range(begin, end)]
    return sum(parts) / len(parts)


@wrong("3.5-8", "seed whose teacher")
def mean_of_the_shares(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()  # mean gain over mean gain


@wrong("3.5-8", "is lost")
def share_that_is_lost(alone, distilled, teacher):
    return (distilled.mean() - teacher.mean()) / (alone.mean() - teacher.mean())


@wrong("3.5-8", "student alone")
def gain_over_the_loss_alone(alone, distilled, teacher):
    return (alone.mean() - distilled.mean()) / alone.mean()


@wrong("3.5-8", "share off")
def share_cut_to_0_and_1(alone, distilled, teacher):
    return ((alone.mean() - distilled.mean()) / (alone.mean() - teacher.mean())).clamp(0, 1)


# Questions: three reports to judge ----------------------------------------------------------------------

PLENTY = "the student alone with as much arithmetic, on all the text"
PRICE = {
    "skill": (3.24 - 2.15) / (3.24 - 1.73),
    "lead": 0.4,
    "most of the lead": False,
    "steps": 1840,
    "control": PLENTY,
}
ALIKE = {
    "gain": 10.5,
    "likeness": 4.5,
    "verdict": "holds",
    "permuted": "the favourite's place, and the other numbers dealt to other classes",
}
CURVE = {
    "random": 66.0,
    "kept": 0.28,
    "work": 0.3,
    "knows": True,
    "control": "the same share of the requests, drawn at random",
}


@wrong("3.5-9", "That is the lead")
def skill_counted_from_the_student_alone():
    return PRICE | {"skill": 0.4}


@wrong("3.5-9", "Much of that the student learns without any teacher")
def lead_counted_from_the_frequencies():
    return PRICE | {"lead": 1.09 / 1.51, "most of the lead": True}


@wrong("3.5-9", "You divide one model's bits by another's")
def teacher_s_bits_over_the_student_s():
    return PRICE | {"skill": 1.73 / 2.15}


@wrong("3.5-9", "has the student's own work in it as well")
def the_student_s_own_step_forgotten():
    return PRICE | {"steps": 400 * 90 / 25}


@wrong("3.5-9", "not what they cost")
def held_against_equal_steps():
    return PRICE | {"control": "the student alone after as many steps"}


@right("3.5-9")
def bits_as_tensors():
    bits = torch.tensor([3.24, 2.43, 2.15, 1.73], dtype=torch.float64)
    return PRICE | {"skill": (bits[0] - bits[2]) / (bits[0] - bits[3]), "steps": torch.tensor(1840.0)}


@wrong("3.5-10", "Part of it comes to labels that know no likeness at all")
def everything_is_likeness():
    return ALIKE | {"likeness": 10.5}


@wrong("3.5-10", "A claim has to stand against the stronger one")
def the_control_that_is_easier_to_beat():
    return ALIKE | {"likeness": 87.3 - 82.2}


@wrong("3.5-10", "above them it is shown")
def one_part_in_twenty_is_noise():
    return ALIKE | {"verdict": "not shown"}


@wrong("3.5-10", "The student learns wrong answers")
def numbers_dealt_to_any_class():
    return ALIKE | {"permuted": "nothing: every number goes to any class"}


@right("3.5-10")
def rounded_to_whole_tenths():
    return ALIKE | {"gain": round(87.3 - 76.8, 1), "likeness": round(87.3 - 82.8, 1)}


@wrong("3.5-11", "Whoever asks at random asks as well")
def who_asks_nobody():
    return CURVE | {"random": 61}


@wrong("3.5-11", "You divide what is right by what the large model gets right")
def share_of_the_large_model_s_right_answers():
    return CURVE | {"kept": 68 / 86}


@wrong("3.5-11", "It has to try a request before it can be unsure about it")
def the_small_model_reads_what_it_keeps():
    return CURVE | {"work": 0.8 / 10 + 0.2}


@wrong("3.5-11", "Compare with the straight line")
def nothing_is_chosen_well():
    return CURVE | {"knows": False}


@right("3.5-11")
def work_of_a_hundred_requests():
    return CURVE | {"work": (100 * 1 + 20 * 10) / (100 * 10)}
