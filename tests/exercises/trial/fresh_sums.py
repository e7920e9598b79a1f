"""Wrong answers drawn after the checker learned to take a sum apart: slips in one term, or in a count."""

import math

import torch
import torch.nn.functional as F

from trial.answers import wrong


@wrong("2.2-10", "too small by `lengths`")
def waiting_for_the_end(lengths, quantum):
    queue, left, now, waits = list(range(len(lengths))), list(lengths), 0, [0] * len(lengths)
    while queue:
        job = queue.pop(0)
        used = min(quantum, left[job])
        now, left[job] = now + used, left[job] - used
        if left[job]:
            queue.append(job)
        else:
            waits[job] = now - lengths[job]  # its own time is left out
    return waits


@wrong("2.2-11", "It comes out as if a job's length had a say in the order,")
def longest_first(lengths, deadlines):
    now = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=True), reverse=True):
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.3-5", "You evict a process that holds nothing. There is nothing to")
def who_holds_nothing_is_evicted(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
        gone.append(process)
    return gone if free >= wanted else []


@wrong("2.3-6", "The number of tokens is that of all right guesses and one more. Right")
def every_right_guess(guesses, likeliest):
    said = [guess for guess, own in zip(guesses, likeliest, strict=False) if guess == own]
    return [*said, likeliest[len(said)]]  # goes on behind a wrong one


@wrong("3.1-5", "log10 of 2")
def digits_for_bits(nats, text):
    return nats.sum() / math.log(10) / len(text.encode())


@wrong(
    "3.2-5", "contribution of the push away from the drawn ones to the gradient of the word table is missing"
)
def push_without_gradient_of_the_word(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = F.logsigmoid((word * context_table[contexts]).sum(-1))
    scores = torch.einsum("bd,bkd->bk", word.detach(), context_table[drawn])
    noise = F.logsigmoid(-scores) * (drawn != contexts[:, None])
    return -(positive + noise.sum(-1)).mean()


@wrong("3.2-5", "contribution of the pull towards the true context to the loss is `k` times")
def pull_once_for_each_drawn(word_table, context_table, words, contexts, drawn):
    word = word_table[words]
    positive = F.logsigmoid((word * context_table[contexts]).sum(-1))
    scores = torch.einsum("bd,bkd->bk", word, context_table[drawn])
    noise = F.logsigmoid(-scores) * (drawn != contexts[:, None])
    return -(positive[:, None] + noise).sum(-1).mean()  # broadcast before the sum


@wrong("3.4-4", "too small by just 8 x d_model^2 x num_layers")
def attention_alone(d_model, num_layers, vocab_size, classes, step):
    def body(width):
        return vocab_size * width + num_layers * 4 * width * width  # 4, not 12

    def heads(width):
        return sum(count * (width + 1) for count in classes)

    shared, width = body(d_model) + heads(d_model), step
    while len(classes) * body(width + step) + heads(width + step) <= shared:
        width += step
    return shared, width, len(classes) * body(width) + heads(width)


@wrong("3.4-6", "contribution of ln sigma, which is s / 2, to the loss is 1 / the number of tasks times")
def regulariser_averaged(log_variances, losses):
    return (torch.exp(-log_variances) * losses).sum() + log_variances.mean() / 2


@wrong("3.5-3", "is 1 / `temperature` times what it should be")
def hard_part_divided_by_the_temperature(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = (student_logits / temperature).log_softmax(-1)
    soft = F.kl_div(log_q, (teacher_logits / temperature).softmax(-1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) / temperature * F.cross_entropy(student_logits, labels)


@wrong("4.1-6", "Your result is too large by `x`")
def residual_kept_inside(x, w_query, w_key, w_value, w_out, num_heads):
    query, key, value = (
        (x @ w).unflatten(-1, (num_heads, -1)).transpose(1, 2) for w in (w_query, w_key, w_value)
    )
    attended = F.scaled_dot_product_attention(query, key, value)
    return x + attended.transpose(1, 2).flatten(2) @ w_out


@wrong("4.2-1", "contribution of the bias to your result is 2 times")
def bias_twice(x, weight, bias, eps):
    return F.layer_norm(x, x.shape[-1:], weight, bias, eps) + bias


@wrong("4.2.3-2", "if `offset` had no sign")
def offset_without_its_sign(offset, d_model, base):
    matrix = torch.zeros(d_model, d_model)
    for pair in range(d_model // 2):
        angle = torch.tensor(abs(offset) * base ** (-2 * pair / d_model))
        turn = torch.stack([angle.cos(), angle.sin(), -angle.sin(), angle.cos()]).view(2, 2)
        matrix[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = turn
    return matrix


@wrong("4.3-12", "too large by just num_layers x num_experts")
def router_with_a_bias(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    rest = 2 * d_model**2 + 2 * d_model * d_kv + (d_model + 1) * num_experts + 2 * d_model
    outside = 2 * vocab_size * d_model + d_model
    return tuple(num_layers * (rest + n * 3 * d_model * d_ff) + outside for n in (num_experts, top_k))


@wrong("4.3-13", "too large by just tokens x d_ff x num_experts")
def gating_counted(tokens, d_model, d_ff, num_experts, top_k):
    expert = 2 * tokens * 3 * d_model * d_ff + tokens * d_ff  # the product of gate and value
    return 2 * tokens * d_model * num_experts, num_experts * expert, top_k * expert


@wrong("5-7", "too large by just 4 x d_model x num_layers x context")
def context_read_twice(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    table, attention, expert = vocab_size * d_model, 4 * d_model**2, 2 * d_model * d_ff
    router = d_model * num_experts if num_experts > 1 else 0
    parameters = (2 - tied) * table + num_layers * (attention + router + num_experts * expert)
    work = attention + router + top_k * expert + 4 * context * d_model  # keys and values, each twice
    return parameters, 2 * (table + num_layers * work), 8 * context * d_model * num_layers
