"""Wrong answers that once passed, and right ones that once did not."""

import re

import pytest
import torch
import torch.nn.functional as F

from llmasos_edu.exercises import find, judge


def noise_for_zero(noise_down, noise_up):
    return noise_down, 1e-9 * noise_up


def one_too_many_at_the_border(logits, top_p):
    probs, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    kept = probs * (probs.cumsum(-1) - probs <= top_p)
    return torch.zeros_like(logits).scatter(-1, order, kept / kept.sum(-1, keepdim=True))


def product_of_probabilities(before, after):
    joint = before.exp() * after.exp().prod(1)
    return joint / joint.sum()


def one_call_before_the_loop(model, prompt, max_new):
    logits = model(prompt, torch.arange(len(prompt)))
    tokens = prompt
    for step in range(max_new):
        tokens = torch.cat([tokens, logits[-1:].argmax(-1)])
        if step < max_new - 1:
            logits = model(tokens[-1:], torch.tensor([len(tokens) - 1]))
    return tokens


def rubbish_times_zero(x, answers, gates, kept):
    return x + ((gates * kept)[..., None] * answers).sum(1)


def without_absolute_values(decoder, tokens, vocab_size):
    before, farthest = decoder(tokens).sum(-1), 0
    for s in range(len(tokens)):
        for token in range(vocab_size):
            changed = tokens.clone()
            changed[s] = token
            moved = decoder(changed).sum(-1) - before > 1e-4
            farthest = max([farthest, *(s - t for t in range(s) if moved[t])])
    return farthest


def one_other_token(decoder, tokens, vocab_size):
    before, farthest = decoder(tokens), 0
    for s in range(len(tokens)):
        changed = tokens.clone()
        changed[s] = (tokens[s] + 1) % vocab_size
        moved = (decoder(changed) - before).abs().amax(-1) > 1e-4
        farthest = max([farthest, *(s - t for t in range(s) if moved[t])])
    return farthest


def least_to_spare_first(lengths, deadlines):
    now = 0
    for spare, length in sorted((d - n, n) for n, d in zip(lengths, deadlines, strict=True)):
        now += length
        if now > spare + length:
            return False
    return True


def moves_up_alone(decoder, tokens, vocab_size):
    before, farthest = decoder(tokens), 0
    for s in range(len(tokens)):
        for token in range(vocab_size):
            changed = tokens.clone()
            changed[s] = token
            moved = (decoder(changed) - before).amax(-1) > 1e-4
            farthest = max([farthest, *(s - t for t in range(s) if moved[t])])
    return farthest


def padding_at_minus_ten(x, memory, memory_keep, w_query, w_key, w_value):
    scores = (x @ w_query) @ (memory @ w_key).mT / w_query.shape[-1] ** 0.5
    return scores.masked_fill(~memory_keep[:, None], -10.0).softmax(-1) @ (memory @ w_value)


def contexts_cut_off(word_table, context_table, words, contexts, drawn):
    return find("3.2-5").reference(word_table, context_table.detach(), words, contexts, drawn)


def positives_cut_off(anchors, positives, temperature):
    return find("3.2-6").reference(anchors, positives.detach(), temperature)


def losses_cut_off(log_variances, losses):
    return find("3.4-6").reference(log_variances, losses.detach())


def projection_cut_off(student, teacher, projection, real):
    return find("3.5-6").reference(student, teacher, projection.detach(), real)


def gates_cut_off(x, expert, gate, experts):
    return find("4.3-11").reference(x, expert, gate.detach(), experts)


@pytest.mark.parametrize(
    ("key", "answer", "part"),
    [
        ("3.2-5", contexts_cut_off, "context table"),
        ("3.2-6", positives_cut_off, "positives"),
        ("3.4-6", losses_cut_off, "losses"),
        ("3.5-6", projection_cut_off, "projection"),
        ("4.3-11", gates_cut_off, "gate"),
    ],
)
def test_the_gradients_of_all_that_learns_are_looked_at(key, answer, part):
    verdict = judge(key, answer)
    assert verdict.status == "wrong"
    assert re.search(rf"the gradient of (the )?{part} (is|are) missing", verdict.message)


def ended_a_step_ago(processes, size):
    moments = [moment for _, moment in processes]
    held = [sum(-(-(t + m - 1) // size) for t, left in processes if left >= m - 1) for m in moments]
    return max(held, default=0)


def at_the_first_end(processes, size):
    moment = min(left for _, left in processes)
    return sum(-(-(tokens + moment - 1) // size) for tokens, _ in processes)


def up_to_the_share(starts, draws, share):
    return draws[starts][starts.long().cumsum(0) - 1] <= share


@pytest.mark.parametrize(
    ("key", "answer", "mistake"),
    [
        ("2.3-4", ended_a_step_ago, None),
        ("2.3-4", at_the_first_end, "one end alone"),
        ("3.1-3", up_to_the_share, "the share itself hidden"),
        ("2.2-11", least_to_spare_first, "least to spare first"),
        ("4.2-10", moves_up_alone, "only rises seen"),
        ("4.2-5", padding_at_minus_ten, "a finite number such as -1e4"),
        ("3.3-6", noise_for_zero, "both factors random"),
        ("5-5", one_too_many_at_the_border, "one token too many at the border"),
        ("3.1-8", product_of_probabilities, "product too small for float32"),
        ("4.2-10", without_absolute_values, "moves up and down cancel"),
        ("4.2-10", one_other_token, "one other token tried"),
        ("4.3-10", rubbish_times_zero, "rubbish times zero"),
        ("5-6", one_call_before_the_loop, "the prompt read for nothing"),
    ],
)
def test_what_once_passed_is_rejected_and_explained(key, answer, mistake):
    verdict = judge(key, answer)
    assert verdict.status in ("known mistake", "wrong"), verdict.message
    assert verdict.mistake == mistake, verdict.message
    if key == "5-6":
        assert "max_new is 0" in verdict.message


def test_rubbish_may_be_anything():
    x, answers = torch.ones(2, 3), torch.full((2, 2, 3), torch.inf)
    kept = torch.tensor([[False, True], [False, False]])
    answers[0, 1] = 2.0
    combined = find("4.3-10").reference(x, answers, torch.full((2, 2), 0.5), kept)
    assert combined.tolist() == [[2.0] * 3, [1.0] * 3]


def zeros_for_an_empty_sequence(query, key, value, is_token):
    outputs = []
    for q, k, v, real in zip(query, key, value, is_token, strict=True):
        attended = F.scaled_dot_product_attention(q[None], k[real][None], v[real][None])[0]
        outputs.append(attended if real.any() else torch.zeros(q.shape))
    return torch.stack(outputs)


def transfer_as_one_tensor(accuracy, untrained):
    return torch.stack(find("3.3-1").reference(accuracy, untrained))


@pytest.mark.parametrize(
    ("key", "answer"), [("4.1-4", zeros_for_an_empty_sequence), ("3.3-1", transfer_as_one_tensor)]
)
def test_what_was_once_refused_is_right(key, answer):
    verdict = judge(key, answer)
    assert verdict.status == "correct", verdict.message


# Slips that are made in many exercises ---------------------------------------------------------------


def cross_entropy_of_probabilities(logits, tokens, hidden):
    return F.cross_entropy(logits[hidden].softmax(-1), tokens[hidden])


def nll_of_probabilities(logits, tokens, hidden):
    return F.nll_loss(logits[hidden].softmax(-1), tokens[hidden])


def new_task_of_probabilities(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy((inputs @ weights.T).softmax(-1), labels)
    teacher = (old_inputs @ old_weights.T / temperature).softmax(-1)
    return new + strength * F.cross_entropy(old_inputs @ weights.T / temperature, teacher)


def hard_loss_of_probabilities(student, teacher, labels, temperature, alpha):
    soft = F.kl_div(
        F.log_softmax(student / temperature, -1), F.softmax(teacher / temperature, -1), reduction="batchmean"
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student.softmax(-1), labels)


def gates_twice(x, w_router, experts):
    gates = torch.softmax(torch.softmax(x @ w_router, -1), -1)
    return torch.stack([expert(x) for expert in experts], -1).mul(gates.unsqueeze(-2)).sum(-1)


def contrast_of_probabilities(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    return F.cross_entropy(scores.softmax(1), torch.arange(len(anchors)))


def heads_beside_features(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (
        (x @ w).view(x.shape[0], x.shape[1], num_heads, -1) for w in (w_query, w_key, w_value)
    )
    return F.scaled_dot_product_attention(query, key, value).flatten(2) @ w_out


def keys_for_values(x, w_query, w_key, w_value, w_out, num_heads):
    return find("4.1-6").reference(x, w_query, w_key, w_key, w_out, num_heads)


def pairs_turned_by_angles_of_halves(x, positions, base):
    speeds = base ** (-torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = torch.outer(positions.float(), speeds).repeat(1, 2)
    turned = torch.stack((-x[..., 1::2], x[..., ::2]), -1).reshape(x.shape)
    return x * angles.cos() + turned * angles.sin()


def returns_inside_the_loop(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = x + attention(norm_1(x))
        x = x + feed_forward(norm_2(x))
        return final_norm(x)
    return None


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("3.1-2", cross_entropy_of_probabilities, "softmax acts on a softmax"),
        ("3.1-2", nll_of_probabilities, "expects that you have taken it already"),
        ("3.3-5", new_task_of_probabilities, "softmax acts on a softmax"),
        ("3.5-3", hard_loss_of_probabilities, "a softmax acts twice"),
        ("4.3-1", gates_twice, "through a softmax twice"),
        ("3.2-6", contrast_of_probabilities, "A softmax acts on a softmax"),
        ("4.1-6", heads_beside_features, "the heads of one token attend to each other"),
        ("4.1-6", keys_for_values, "if `w_key` stood in the place of `w_value`"),
        ("4.2.3-7", pairs_turned_by_angles_of_halves, "Two ways of pairing are mixed"),
        ("4.2-4", returns_inside_the_loop, "and does a `return` stand in it?"),
    ],
)
def test_slips_of_many_exercises_are_named(key, answer, said):
    verdict = judge(key, answer)
    assert verdict.status in ("known mistake", "wrong")
    assert said in verdict.message


def finds_leaks(build):
    model = build().eval()
    tokens = torch.randint(model.vocab_size, (2, 8), generator=torch.Generator().manual_seed(1))
    return [torch.allclose(model(tokens[:, :n]), model(tokens)[:, :n], atol=1e-4) for n in (3, 5)]


def test_a_review_that_speaks_another_language_is_told_so():
    listed = judge("5-8", finds_leaks)
    assert "Your review returned a list of 2 things. Does it pass then, or not?" in listed.message
    silent = judge("5-8", lambda build: print(end=""))
    assert silent.mistake == "every model passes"
    assert "Is a `return` missing?" in silent.message
