"""A tenth trial, over several chapters: answers whose message said something that was untrue of them."""

import torch

from trial.answers import wrong


# Least often used, with counts of the pages in memory alone
@wrong("2.2-4", "That policy is called LFU.")
def lru_least_often(references, num_frames):
    frames, faults = {}, 0
    for page in references:
        if page in frames:
            frames[page] += 1
            continue
        faults += 1
        if len(frames) == num_frames:
            victim = min(frames, key=frames.get)
            del frames[victim]
        frames[page] = 1
    return faults


# Asserts that stand in a try whose except catches them
@wrong("2.3-10", "An `except` of yours caught an assert that failed on a right one, too.")
def memory_asserts_swallowed(make):
    try:
        memory = make(8, 2)
        memory.begin("a", [1, 2, 3])
        memory.fork("a", "b")
        memory.write("b", 4)
        assert list(memory.read("a")) == [1, 2, 3]
        assert list(memory.read("b")) == [1, 2, 3, 4]
        memory.drop("a")
        memory.drop("b")
        assert memory.free == 8
    except Exception as problem:
        print("could not be tried:", problem)
    return True


# A word is hidden as soon as any of its tokens drew below share
@wrong("3.1-3", "You hide a word as soon as one of its tokens has a low draw.")
def words_any_draw(starts, draws, share):
    word = torch.cumsum(starts.long(), 0)
    low = draws < share
    return torch.stack([low[word == w].any() for w in word])


# A task that comes in two runs counts twice
@wrong("3.4-3", "as if each run of equal numbers in `tasks` were a task of its own")
def macro_of_runs(right, tasks):
    right = right.float()
    macro = torch.stack([right[tasks == t].mean() for t in torch.unique_consecutive(tasks)]).mean()
    return right.mean(), macro


# The accuracy of each run by itself
@wrong("3.4-3", "as if each run of equal numbers in `tasks` were a task of its own")
def macro_of_pieces(right, tasks):
    pieces, begin = [], 0
    for place in range(1, len(tasks) + 1):
        if place == len(tasks) or tasks[place] != tasks[begin]:
            pieces.append(right[begin:place].float().mean())
            begin = place
    return right.float().mean(), torch.stack(pieces).mean()


# A lead whose interval lies above 0 is taken for one that counts
@wrong("4.1-14", "Nothing here shows a lead that counts at the best rates")
def verdict_above_zero_counts():
    return {
        "at a rate of 0.01 attention learns the task and the GRU does not",
        "self-attention reaches further than a recurrent network",
    }


# A score of exactly 0 is taken for the future
@wrong("4.1-3", "your result is NaN in 4 of 16 places")
def causal_zero_means_masked(query, key, value):
    scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
    scores = torch.tril(scores)
    scores = scores.masked_fill(scores == 0, float("-inf"))
    return torch.softmax(scores, dim=-1) @ value


# The mask gets its new axis in front: right for a batch of one
@wrong("4.2-5", "In the cases here in which it runs it is not right either")
def cross_mask_in_front(x, memory, memory_keep, w_query, w_key, w_value):
    q, k, v = x @ w_query, memory @ w_key, memory @ w_value
    scores = q @ k.mT / q.shape[-1] ** 0.5
    scores = scores.masked_fill(~memory_keep.unsqueeze(0), float("-inf"))
    return torch.softmax(scores, dim=-1) @ v


# The sum that the gates are divided by is a fixed number: the others fall, but too little
@wrong("4.3-2", "by how much do the other gates have to fall?")
def gates_detached_sum(logits, top_k):
    order = torch.argsort(logits, dim=-1, descending=True, stable=True)[:, :top_k]
    mask = torch.zeros_like(logits).scatter(1, order, 1.0)
    gates = torch.softmax(logits, dim=-1) * mask
    return gates / gates.sum(dim=-1, keepdim=True).detach()


# The chosen experts in the order of their index
@wrong("4.3-3", "holds the right numbers in another order along axis 1. Which comes first?")
def orders_by_index(logits, top_k):
    chosen = logits.topk(top_k, dim=-1).indices.sort(dim=-1).values
    before = torch.softmax(logits, dim=-1).gather(1, chosen)
    after = torch.softmax(logits.gather(1, chosen), dim=-1)
    return before, after, before.sum(dim=-1, keepdim=True)


# A document shorter than width counts as a passage: it is shut out where it is the copy of a held-out one
@wrong("5-2", "You drop a document shorter than width that repeats what is held out.")
def split_short_is_passage(documents, held_out, width):
    def passages(text):
        return {text[i : i + width] for i in range(max(1, len(text) - width + 1))}

    seen = set().union(*(passages(documents[h]) for h in held_out))
    return [i not in held_out and seen.isdisjoint(passages(d)) for i, d in enumerate(documents)]


# Shape and look-ahead alone are tested, and dropout with them
@wrong("5-8", "each leak, and dropout that is left on, since two runs then differ")
def review_looks_ahead_only(build):
    model = build().eval()
    with torch.no_grad():
        vocab = model.vocab_size
        tokens = torch.arange(6).remainder(vocab)[None]
        whole = model(tokens)
        assert whole.shape == (1, 6, vocab)
        for n in range(1, 6):
            assert torch.allclose(model(tokens[:, :n]), whole[:, :n], atol=1e-3)
