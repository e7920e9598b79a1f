"""An eighth trial, chapter 5: answers written from the statements alone."""

import copy
import io
import math

import torch

from trial.answers import right, wrong


# Takes the loss per token, in bits, times tokens per byte, but the loss as the unweighted mean of the
# batches
@wrong("5-1", "You average the batches as if they were equally large. Where")
def takes_the_loss_per_token_in_bits_times(losses, counts, text):
    mean = float(sum(losses)) / len(losses)
    return mean / math.log(2) * float(sum(counts)) / len(text.encode("utf-8"))


# Divides by characters: right for ASCII only
@wrong("5-1", "In plain English you are right. In other texts many a character")
def divides_by_characters_right_for_ascii_only(losses, counts, text):
    return sum(loss * n for loss, n in zip(losses, counts, strict=True)) / math.log(2) / len(text)


# Cuts the held-out documents in pieces side by side: a passage that begins within a piece is not found
@wrong("5-2", "It comes out as if passages were compared at certain places")
def cuts_the_held_out_documents_in_pieces_side(documents, held_out, width):
    seen = {
        documents[i][j : j + width] for i in held_out for j in range(0, len(documents[i]) - width + 1, width)
    }
    return [
        i not in set(held_out) and not any(d[j : j + width] in seen for j in range(len(d) - width + 1))
        for i, d in enumerate(documents)
    ]


# Also drops documents that repeat an earlier training document, though these may all be trained on
@wrong("5-2", "For training documents that repeat each other, your result")
def also_drops_documents_that_repeat_an_earlier_training(documents, held_out, width):
    def passages(d):
        return {d[p : p + width] for p in range(len(d) - width + 1)}

    seen = set().union(*(passages(documents[h]) for h in held_out))
    out = []
    for i, d in enumerate(documents):
        ok = i not in set(held_out) and passages(d).isdisjoint(seen)
        if ok:
            seen |= passages(d)
        out.append(ok)
    return out


# Range ends one early: a passage at the very end of a document (or a document of just width characters) is
# missed
@wrong("5-2", "It comes out as if the passage at the very end of a text were")
def range_ends_one_early_a_passage_at_the(documents, held_out, width):
    def passages(d):
        return {d[j : j + width] for j in range(len(d) - width)}

    seen = set().union(*(passages(documents[i]) for i in held_out))
    return [i not in set(held_out) and not (passages(d) & seen) for i, d in enumerate(documents)]


# Off by one: range(len - width) leaves out the last passage of every document
@wrong("5-2", "It comes out as if the passage at the very end of a text were")
def off_by_one_range_len_width_leaves_out(documents, held_out, width):
    def passages(d):
        return {d[p : p + width] for p in range(len(d) - width)}

    seen = set()
    for h in held_out:
        seen |= passages(documents[h])
    return [i not in held_out and not (passages(d) & seen) for i, d in enumerate(documents)]


# Waits until more than patience evaluations were not better: one too many
@wrong("5-3", "You stop only when one more evaluation than patience says has not")
def waits_until_more_than_patience_evaluations_were_not(losses, patience):
    best = 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best] or (losses[best] != losses[best] and losses[i] == losses[i]):
            best = i
        elif i - best > patience:
            return i, best
    return len(losses) - 1, best


# Seeds the generator anew with the old seed: it draws the batches of the first steps again
@wrong("5-4", "The resumed run draws other batches and another dropout than")
def seeds_the_generator_anew_with_the_old_seed(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.manual_seed(run.generator.initial_seed())
    fresh.step = run.step
    return fresh


# Really goes through a file of bytes, as a checkpoint does
@right("5-4")
def really_goes_through_a_file_of_bytes_as(run, fresh):
    f = io.BytesIO()
    torch.save([run.model.state_dict(), run.optimizer.state_dict(), run.generator.get_state(), run.step], f)
    f.seek(0)
    model, optimizer, generator, step = torch.load(f)
    fresh.model.load_state_dict(model)
    fresh.optimizer.load_state_dict(optimizer)
    fresh.generator.set_state(generator)
    fresh.step = step
    return fresh


# Keeps all that are as likely as the last token kept: with equal probabilities not the fewest
@wrong("5-5", "All tokens as likely as the last kept one stay. With five")
def keeps_all_that_are_as_likely_as_the(logits, top_p):
    p = torch.softmax(logits, dim=-1)
    s = p.sort(dim=-1, descending=True).values
    n = (s.cumsum(dim=-1) - s < top_p).sum(dim=-1, keepdim=True)
    kept = torch.where(p >= s.gather(1, n - 1), p, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


# Reads the prompt even where max_new is 0: nothing need be read then
@wrong("5-6", "Right, except where max_new is 0: the model reads the prompt")
def reads_the_prompt_even_where_max_new_is(model, prompt, max_new):
    tokens = prompt
    logits = model(prompt, torch.arange(len(prompt)))
    for n in range(max_new):
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
        if n + 1 < max_new:
            logits = model(tokens[-1:], torch.tensor([len(tokens) - 1]))
    return tokens


# Gives the whole text again at every step although the model holds it: each token is in the cache several
# times
@wrong("5-6", "You give the model the whole text in every call. It holds all")
def gives_the_whole_text_again_at_every_step(model, prompt, max_new):
    tokens = prompt
    for _ in range(max_new):
        logits = model(tokens, torch.arange(len(tokens)))
        tokens = torch.cat([tokens, logits[-1].argmax().view(1)])
    return tokens


# Counts a router where there is a single expert, and only one operation for a multiplication with its
# addition
@wrong("5-7", "The bytes of the cache are right. The operations are 0.5")
def counts_a_router_where_there_is_a_single(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts
    expert = 2 * d_model * d_ff
    table = vocab_size * d_model
    parameters = table * (2 - bool(tied)) + num_layers * (4 * d_model**2 + num_experts * expert + router)
    operations = num_layers * (4 * d_model**2 + top_k * expert + router + 2 * context * d_model) + table
    return parameters, operations, 8 * num_layers * context * d_model


# The cache holds context - 1 positions, because the new token is 'not in it yet'; asked is a cache of
# context positions
@wrong("5-7", "The parameters and operations are right. The bytes of the")
def the_cache_holds_context_1_positions_because_the(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts if num_experts > 1 else 0
    layer = 4 * d_model**2 + num_experts * 2 * d_model * d_ff + router
    parameters = vocab_size * d_model * (1 if tied else 2) + num_layers * layer
    work = 2 * (4 * d_model**2 + top_k * 2 * d_model * d_ff + router) + 4 * context * d_model
    operations = num_layers * work + 2 * vocab_size * d_model
    return parameters, operations, num_layers * 2 * (context - 1) * d_model * 4


# Takes shape and finite logits for a test: a wrong model has both
@wrong("5-8", "All models pass your review, the broken ones too: no failed assert")
def takes_shape_and_finite_logits_for_a_test(build):
    out = build().eval()(torch.tensor([[0, 1, 0], [1, 1, 0]]))
    assert out.shape[:2] == (2, 3)
    assert torch.isfinite(out).all()


# Tests only that no later token changes an earlier position; other bugs (say dropout in use, positions,
# batch) pass
@wrong("5-8", "Your review finds what a test finds that later tokens change")
def tests_only_that_no_later_token_changes_an(build):
    torch.manual_seed(0)
    model = build().eval()
    a = torch.randint(0, 2, (1, 6))
    b = a.clone()
    b[0, -1] = 1 - b[0, -1]
    with torch.no_grad():
        assert torch.allclose(model(a)[:, :-1], model(b)[:, :-1], atol=1e-4)
