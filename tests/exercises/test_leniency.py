"""Wrong answers that once passed, and right ones that once did not."""

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


@pytest.mark.parametrize(
    ("key", "answer", "mistake"),
    [
        ("3.3-6", noise_for_zero, "both factors random"),
        ("5-5", one_too_many_at_the_border, "one token too many at the border"),
        ("3.1-8", product_of_probabilities, "product too small for float32"),
        ("4.2-10", without_absolute_values, "moves up and down cancel"),
        ("4.2-10", one_other_token, "one other token tried"),
        ("4.3-10", rubbish_times_zero, "rubbish times zero"),
        ("5-6", one_call_before_the_loop, None),
    ],
)
def test_what_once_passed_is_rejected_and_explained(key, answer, mistake):
    verdict = judge(key, answer)
    assert verdict.status in ("known mistake", "wrong"), verdict.message
    assert verdict.mistake == mistake, verdict.message
    if key == "5-6":
        assert "a prompt of 3 tokens, no more" in verdict.message
        assert "The text is right" in verdict.message


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
