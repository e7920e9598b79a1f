"""A second trial, by somebody who knew the statements only: slips that show in few cases, 2.2 to 3.4."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("2.2-4", "clock, or second chance")
def a_second_chance_for_the_used(references, num_frames):
    """The clock in place of what it approximates."""
    pages, bits, hand, faults = [], [], 0, 0
    for page in references:
        if page in pages:
            bits[pages.index(page)] = True
            continue
        faults += 1
        if len(pages) < num_frames:
            pages.append(page)
            bits.append(True)
            continue
        while bits[hand]:
            bits[hand] = False
            hand = (hand + 1) % num_frames
        pages[hand], bits[hand] = page, True
        hand = (hand + 1) % num_frames
    return faults


@wrong("2.2-5", "hand is 1 and should be 2")
def one_round_and_no_more(used, hand):
    used = list(used)
    for step in range(len(used)):
        place = (hand + step) % len(used)
        if not used[place]:
            return place, used, (place + 1) % len(used)
        used[place] = False
    return hand, used, hand


@wrong("2.2-5", "It comes out as if the first clear bit from frame 0 on were looked for")
def any_clear_bit_from_the_front(used, hand):
    used = list(used)
    if all(used):
        used = [False] * len(used)
    victim = used.index(False)
    return victim, used, (victim + 1) % len(used)


@wrong("2.2-7", "join it with one of them and leave the other")
def one_neighbour_is_enough(holes, start, size):
    """A piece between two holes is joined with the first and no more."""
    result = [list(hole) for hole in holes]
    for hole in result:
        if hole[0] + hole[1] == start:
            hole[1] += size
            return result
        if start + size == hole[0]:
            hole[0], hole[1] = start, size + hole[1]
            return result
    return sorted([*result, [start, size]])


@wrong("2.2-7", "order of their starts")
def new_hole_at_the_end(holes, start, size):
    before = [hole for hole in holes if hole[0] + hole[1] == start]
    after = [hole for hole in holes if hole[0] == start + size]
    others = [hole for hole in holes if hole not in before + after]
    begin = before[0][0] if before else start
    end = after[0][0] + after[0][1] if after else start + size
    return [*others, [begin, end - begin]]


@wrong("2.2-9", "is 4 and should be 3")
def each_waits_for_the_last_arrival(arrivals, lengths):
    """All start when everybody is there."""
    now, result = max(arrivals, default=0), []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now += length
        result.append(now - arrival)
    return result


@wrong("2.2-10", "in which they stand")
def rest_goes_to_the_front(lengths, quantum):
    left, ends, now = list(lengths), [0] * len(lengths), 0
    for job in range(len(left)):
        while left[job] > 0:
            now += min(quantum, left[job])
            left[job] -= quantum
        ends[job] = now
    return ends


@wrong("2.2-10", "is different after the call")
def the_given_list_runs_down(lengths, quantum):
    ends, now = [0] * len(lengths), 0
    while any(lengths):
        for job, left in enumerate(lengths):
            if left:
                now += min(quantum, left)
                lengths[job] -= min(quantum, left)
                ends[job] = now
    return ends


@wrong("2.2-11", "spare (deadline minus length)")
def smallest_slack_first(lengths, deadlines):
    now = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=True), key=lambda job: job[1] - job[0]):
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.2-11", "each had a processor")
def each_job_for_itself(lengths, deadlines):
    return all(length <= deadline for length, deadline in zip(lengths, deadlines, strict=True))


@wrong("2.2-12", "Exchanged: the table and holders")
def holders_first_and_table_second(table, holders, index, free):
    table, holders = list(table), list(holders)
    old = table[index]
    if holders[old] > 1:
        table[index] = free
        holders[old] -= 1
        holders[free] += 1
    return holders, table


@wrong("2.2-12", "right as far as it goes, but lacks blocks")
def every_entry_of_the_block_replaced(table, holders, index, free):
    """All entries of the table behind the place go along."""
    table, holders = list(table), list(holders)
    old = table[index]
    if holders[old] > 1:
        table = [*table[:index], free]
        holders[old] -= 1
        holders[free] += 1
    return table, holders


@wrong("2.2-12", "is different after the call")
def writer_changes_the_shared_lists(table, holders, index, free):
    old = table[index]
    if holders[old] > 1:
        holders[old] -= 1
        holders[free] = 1
        table[index] = free
    return table, holders


@wrong("2.3-2", "result is 2 and should be 4")
def always_one_block_less(prompt, read, size):
    best = 0
    for text in read:
        blocks = 0
        while (blocks + 1) * size <= min(len(prompt), len(text)) and (
            prompt[blocks * size : (blocks + 1) * size] == text[blocks * size : (blocks + 1) * size]
        ):
            blocks += 1
        best = max(best, blocks)
    return max(best - 1, 0) * size if best * size + size > len(prompt) else best * size


@wrong("2.3-2", "is not full there")
def a_begun_block_of_a_text_is_known(prompt, read, size):
    count = 0
    while count + size < len(prompt):
        block = prompt[: count + size]
        if not any(text[: count + size] == block[: len(text)] and len(text) > count for text in read):
            break
        count += size
    return count


@wrong("2.3-2", "Your count is that of one text alone,")
def only_the_last_text_read(prompt, read, size):
    count = 0
    text = read[-1] if read else []
    while count + size < len(prompt) and count + size <= len(text):
        if prompt[count : count + size] != text[count : count + size]:
            break
        count += size
    return count


@wrong("2.3-4", "what is held now")
def blocks_at_the_start(processes, size):
    return sum(-(-tokens // size) for tokens, _ in processes)


@wrong("2.3-4", "You look at one end alone")
def peak_when_the_longest_ends(processes, size):
    moment = max((left for _, left in processes), default=0)
    return sum(-(-(tokens + moment - 1) // size) for tokens, left in processes if left >= moment)


@wrong("2.3-5", "You evict a process that holds nothing. There is nothing to")
def those_with_nothing_are_evicted_too(tables, holders, requester, free, wanted):
    holders, evicted = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        evicted.append(process)
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
    return evicted if free >= wanted else []


@wrong("2.3-5", "You evict the requester itself. It needs the blocks: only those")
def the_requester_may_go_itself(tables, holders, requester, free, wanted):
    holders, evicted = list(holders), []
    for process in range(len(tables) - 1, requester - 1, -1):
        if free >= wanted:
            break
        if tables[process]:
            evicted.append(process)
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
    return evicted if free >= wanted else []


@wrong("2.3-5", "You go on where just enough are free. `wanted` free blocks are")
def one_more_than_needed(tables, holders, requester, free, wanted):
    holders, evicted = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free > wanted:
            break
        if tables[process]:
            evicted.append(process)
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
    return evicted if free >= wanted else []


@wrong("2.3-5", "is different after the call")
def counts_down_in_the_given_holders(tables, holders, requester, free, wanted):
    evicted = []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[process]:
            evicted.append(process)
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
    return evicted if free >= wanted else []


@wrong("2.3-6", "IndexError: list index")
def index_beyond_the_guesses(guesses, likeliest):
    at = 0
    while guesses[at] == likeliest[at]:
        at += 1
    return [*guesses[:at], likeliest[at]]


@wrong("2.3-6", "has 1 entry, and 2 are asked for")
def token_after_the_next(guesses, likeliest):
    """Guesses are compared with what the model says one place later."""
    said = []
    for guess, own in zip(guesses, likeliest[1:], strict=True):
        if guess != own:
            return [*said, own]
        said.append(guess)
    return [*said, likeliest[-1]]


@wrong("2.3-7", "your result is a str (")
def names_of_the_numbers(name, rights, arguments, tools):
    if name not in tools:
        return "ENOSYS"
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return "EPERM"
    if set(arguments) != set(wanted):
        return "EINVAL"
    return "ETIMEDOUT" if time > limit else 0


@wrong("2.3-7", "result is 22 and should be 38")
def missing_tool_is_an_invalid_argument(name, rights, arguments, tools):
    if name not in tools:
        return 22
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return 1
    if set(arguments) != set(wanted):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-7", "It comes out as if the number of arguments alone counted. Two others")
def names_counted_only(name, rights, arguments, tools):
    if name not in tools:
        return 38
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return 1
    if len(arguments) != len(wanted):
        return 22
    return 110 if time > limit else 0


@wrong("3.1-1", "to the wrong side")
def limits_taken_in(tokens, choice, fate, other, mask_id):
    chosen = choice <= 0.15
    inputs = tokens.clone()
    inputs[chosen & (fate <= 0.8)] = mask_id
    swap = chosen & (fate > 0.8) & (fate <= 0.9)
    inputs[swap] = other[swap]
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-1", "is different after the call")
def tokens_masked_where_they_lie(tokens, choice, fate, other, mask_id):
    targets = torch.where(choice < 0.15, tokens, -100)
    tokens[(choice < 0.15) & (fate < 0.8)] = mask_id
    swap = (choice < 0.15) & (fate >= 0.8) & (fate < 0.9)
    tokens[swap] = other[swap]
    return tokens, targets


@wrong("3.1-2", "not scored by you")
def token_zero_is_never_scored(logits, tokens, hidden):
    targets = tokens.masked_fill(~hidden, 0)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)


@wrong("3.1-2", "A softmax acts on a softmax, as when")
def softmax_and_then_cross_entropy(logits, tokens, hidden):
    return F.cross_entropy(logits.softmax(-1)[hidden], tokens[hidden])


@wrong("3.1-2", "of the right token")
def probability_for_its_logarithm(logits, tokens, hidden):
    return F.nll_loss(logits[hidden].softmax(-1), tokens[hidden])


@wrong("3.1-3", "is False and should be True")
def one_following_token_at_most(starts, draws, share):
    hidden = starts & (draws < share)
    follows = torch.cat([torch.tensor([False]), hidden[:-1]]) & ~starts
    return hidden | follows


@wrong("3.1-3", "is hidden by you")
def a_draw_equal_to_the_share(starts, draws, share):
    first = torch.where(starts, torch.arange(len(starts)), 0).cummax(0).values
    return draws[first] <= share


@wrong("3.1-3", "Behind the first hidden word everything is hidden. A word ends where")
def hidden_until_the_end(starts, draws, share):
    """What was hidden once is not shown again."""
    return torch.cumsum(starts & (draws < share), 0) > 0


@wrong("3.1-5", "the number of words")
def words_for_bytes(nats, text):
    return nats.sum() / math.log(2) / max(len(text.split()), 1)


@wrong("3.1-5", "where you should divide")
def multiplied_by_ln_2(nats, text):
    return nats.sum() * math.log(2) / len(text.encode("utf-8"))


@wrong("3.1-6", "and all after it")
def all_that_follow_hidden_too(model, tokens, mask_id):
    result = []
    for i in range(len(tokens)):
        text = tokens.clone()
        text[i:] = mask_id
        result.append(model(text[None])[0, i, tokens[i]])
    return torch.stack(result)


@wrong("3.1-6", "where they were put")
def mask_put_into_the_readers_tokens(model, tokens, mask_id):
    result = []
    for i in range(len(tokens)):
        text, token = tokens, int(tokens[i])
        text[i] = mask_id
        result.append(model(text[None].clone())[0, i, token])
    return torch.stack(result)


@wrong("3.1-6", "that the model sees")
def nothing_hidden(model, tokens, mask_id):
    return model(tokens[None])[0].gather(1, tokens[:, None]).squeeze(1)


@wrong("3.1-6", "You return probabilities")
def probabilities_for_ln_p(model, tokens, mask_id):
    n = len(tokens)
    batch = tokens.repeat(n, 1).fill_diagonal_(mask_id)
    return model(batch)[torch.arange(n), torch.arange(n), tokens].exp()


@wrong("3.1-7", "no sentinel from you")
def a_gap_at_the_start_is_missed(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], -1
    for i, token in enumerate(tokens.tolist()):
        if not hidden[i]:
            inputs.append(token)
            continue
        if i and not hidden[i - 1]:
            gap += 1
            inputs.append(int(sentinels[gap]))
            targets.append(int(sentinels[gap]))
        targets.append(token)
    targets.append(int(sentinels[gap + 1]))
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.1-7", "your targets are empty")
def nothing_to_say_without_a_gap(tokens, hidden, sentinels):
    if not hidden.any():
        return tokens.clone(), tokens[:0]
    opens = hidden & ~torch.cat([torch.tensor([False]), hidden[:-1]])
    gap = opens.long().cumsum(0) - 1
    marks = sentinels[gap.clamp(min=0)]
    inputs = torch.where(opens, marks, tokens)[opens | ~hidden]
    targets = torch.stack([marks, tokens], 1)[torch.stack([opens, hidden], 1)]
    return inputs, torch.cat([targets, sentinels[gap[-1] + 1].reshape(1)])


@wrong("3.1-7", "follow on the others")
def last_sentinel_of_the_list_at_the_end(tokens, hidden, sentinels):
    opens = hidden & ~torch.cat([torch.tensor([False]), hidden[:-1]])
    gap = opens.long().cumsum(0) - 1
    marks = sentinels[gap.clamp(min=0)]
    inputs = torch.where(opens, marks, tokens)[opens | ~hidden]
    targets = torch.stack([marks, tokens], 1)[torch.stack([opens, hidden], 1)]
    return inputs, torch.cat([targets, sentinels[-1:]])


@wrong("3.1-8", "Where 300 tokens follow, the probabilities of all of them")
def product_that_vanishes(before, after):
    """Nothing is left of it in float32 after a long right side."""
    p = before.exp() * after.exp().prod(1)
    return p / p.sum()


@wrong("3.1-8", "Divide by their sum")
def not_made_to_sum_to_one(before, after):
    return (before + after.sum(1)).exp()


@wrong("3.1-8", "a softmax of probabilities")
def softmax_in_the_end_of_probabilities(before, after):
    return ((before + after.sum(1)).exp()).softmax(0)


@wrong("3.2-1", "A pair of words that meets several times at one distance is")
def pairs_lost_by_an_indexed_sum(tokens, vocab_size, window):
    """An indexed += counts a pair once for each distance, however often it is there."""
    counts = torch.zeros(vocab_size, vocab_size)
    for distance in range(1, window + 1):
        left, right_ = tokens[:-distance], tokens[distance:]
        keep = (left >= 0) & (right_ >= 0)
        counts[left[keep], right_[keep]] += 1
        counts[right_[keep], left[keep]] += 1
    return counts


@wrong("3.2-1", "that it never had")
def no_word_is_the_last_word(tokens, vocab_size, window):
    """-1 as an index."""
    counts = torch.zeros(vocab_size, vocab_size)
    words = tokens.tolist()
    for i in range(len(words)):
        for j in range(max(0, i - window), min(len(words), i + window + 1)):
            if i != j:
                counts[words[i], words[j]] += 1
    return counts


@wrong("3.2-1", "2 times what it should be")
def each_pair_counted_from_both_ends(tokens, vocab_size, window):
    words, counts = tokens.tolist(), torch.zeros(vocab_size, vocab_size)
    for i in range(len(words)):
        for j in range(len(words)):
            if 0 < abs(i - j) <= window and min(words[i], words[j]) >= 0:
                counts[words[i], words[j]] += 1
                counts[words[j], words[i]] += 1
    return counts


@wrong("3.2-2", "PMI cuts both off")
def negative_ones_left_in(counts):
    expected = counts.sum(1, keepdim=True) * counts.sum(0) / counts.sum()
    return torch.where(counts > 0, torch.log(counts / expected), 0.0)


@wrong("3.2-2", "of the whole table")
def weighted_as_mutual_information(counts):
    joint = counts / counts.sum()
    expected = joint.sum(1, keepdim=True) * joint.sum(0)
    return torch.where(counts > 0, joint * torch.log(joint / expected), 0.0).clamp(min=0)


@wrong("3.2-2", "may even stand twice")
def row_conditional_divided_by_the_row(counts):
    """P(c | w) by P(w)."""
    joint = counts / counts.sum()
    rows = joint.sum(1, keepdim=True)
    return torch.where(counts > 0, torch.log(joint / rows**2), 0.0).clamp(min=0)


@wrong("3.2-3", "sign of the cosine")
def sign_of_the_cosine_lost(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    scores = (unit @ unit[query]).abs()
    scores[query] = -1
    return scores.topk(k).indices


@wrong("3.2-3", "tips of the vectors")
def nearest_by_distance(vectors, query, k):
    order = (vectors - vectors[query]).norm(dim=1).argsort()
    return order[order != query][:k]


@wrong("3.2-3", "return the cosines themselves")
def cosines_for_numbers_again(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    scores = unit @ unit[query]
    scores[query] = -2
    return scores.topk(k).values


@wrong("3.2-4", "drawn like any other")
def power_zero_draws_everything(counts, power):
    """0 to the power of 0 is 1."""
    weights = counts.double() ** power
    return weights / weights.sum()


@wrong("3.2-4", "and with others not")
def always_three_quarters(counts, power):
    weights = counts**0.75
    return weights / weights.sum()


@wrong("3.2-5", "pair of the batch")
def one_left_out_for_all(word_table, context_table, words, contexts, drawn):
    """A drawn word is left out if it is anybody's true context."""
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-torch.einsum("bd,bkd->bk", v, context_table[drawn]))
    return -(yes + (no * ~torch.isin(drawn, contexts)).sum(1)).mean()


@wrong("3.2-5", "You look words and contexts up in the")
def one_table_for_both(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * word_table[contexts]).sum(-1))
    no = F.logsigmoid(-torch.einsum("bd,bkd->bk", v, word_table[drawn])) * (drawn != contexts[:, None])
    return -(yes + no.sum(1)).mean()


@wrong("3.2-5", "drawn for that pair")
def whole_row_left_out(word_table, context_table, words, contexts, drawn):
    """One true context among the drawn, and all of the row's drawn are gone."""
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-torch.einsum("bd,bkd->bk", v, context_table[drawn]))
    clean = (drawn != contexts[:, None]).all(1)
    return -(yes + no.sum(1) * clean).mean()


@wrong("3.2-6", "no gradient flows")
def positives_without_a_gradient(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives.detach(), dim=1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(anchors)))


@wrong("3.2-6", "loss by the temperature")
def temperature_outside_of_the_softmax(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T
    return F.cross_entropy(scores, torch.arange(len(anchors))) / temperature


@wrong("3.2-6", "and among them only")
def other_anchors_compete_too(anchors, positives, temperature):
    """As SimCLR does it."""
    a, p = F.normalize(anchors, dim=1), F.normalize(positives, dim=1)
    own = (a @ a.T).masked_fill(torch.eye(len(a), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(torch.cat([a @ p.T, own], 1) / temperature, torch.arange(len(a)))


@wrong("3.2-7", "Your twins still have a say: the score that you give them")
def twins_at_minus_ten(scores, groups):
    """Low, but not out of the softmax."""
    twins = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(twins, -10.0), torch.arange(len(groups)))


@wrong("3.2-7", "they have a twin")
def rows_with_twins_are_skipped(scores, groups):
    alone = (groups[:, None] == groups).sum(1) == 1
    losses = torch.logsumexp(scores, 1) - scores.diagonal()
    return losses[alone].mean() if alone.any() else scores.sum() * 0


@wrong("3.2-7", "negatives of each other")
def softmax_first_and_twins_afterwards(scores, groups):
    """The probabilities of the twins are removed after they were shared out."""
    twins = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)
    log_p = scores.log_softmax(1).masked_fill(twins, -torch.inf)
    return -log_p.diagonal().mean()


@wrong("3.2-8", "the cluster with the highest number")
def last_cluster_forgotten(classes, clusters, shuffles):
    def purity(labels):
        most = 0
        for cluster in range(int(clusters.max())):
            inside = labels[clusters == cluster]
            most += int(inside.bincount().max()) if len(inside) else 0
        return most / len(labels)

    return purity(classes), sum(purity(classes[order]) for order in shuffles) / len(shuffles)


@wrong("3.2-8", "throw of the dice")
def one_shuffle_only(classes, clusters, shuffles):
    def purity(labels):
        most = sum(int(labels[clusters == c].bincount().max()) for c in clusters.unique())
        return most / len(labels)

    return purity(classes), purity(classes[shuffles[0]])


@wrong("3.2-8", "best of all shuffles")
def best_of_the_shuffles(classes, clusters, shuffles):
    def purity(labels):
        most = sum(int(labels[clusters == c].bincount().max()) for c in clusters.unique())
        return most / len(labels)

    return purity(classes), max(purity(classes[order]) for order in shuffles)


@wrong("3.3-1", "has been learned already")
def forward_after_it_was_learned(accuracy, untrained):
    backward = (accuracy[-1] - accuracy.diagonal())[:-1].mean()
    return accuracy[-1].mean(), backward, (accuracy.diagonal() - untrained)[1:].mean()


@wrong("3.3-1", "each on the tasks that it had learned")
def average_over_all_that_was_learned(accuracy, untrained):
    """The mean of the lower triangle."""
    n = len(accuracy)
    average = accuracy.tril().sum() / (n * (n + 1) / 2)
    backward = (accuracy[-1] - accuracy.diagonal())[:-1].mean()
    return average, backward, (accuracy.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-2", "as it should be")
def places_rounded_and_not_cut(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if test:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        elif (place := round(draw * seen)) < capacity:
            buffer[place] = item
    return torch.tensor(buffer)


@wrong("3.3-2", "pushes out the oldest")
def oldest_goes_first(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if test:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        elif draw * seen < capacity:
            buffer = [*buffer[1:], item]
    return torch.tensor(buffer)


@wrong("3.3-3", "You average the sizes of the gradients")
def absolute_gradient_for_its_square(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = (p.cumsum(-1) <= uniforms[:, None]).sum(-1).clamp(max=p.shape[-1] - 1)
    residual = F.one_hot(drawn, len(weights)) - p
    return residual.abs().T @ inputs.abs() / len(inputs)


@wrong("3.3-3", "than the uniform number")
def class_after_the_drawn_one(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = ((p.cumsum(-1) <= uniforms[:, None]).sum(-1) + 1).clamp(max=p.shape[-1] - 1)
    residual = F.one_hot(drawn, len(weights)) - p
    return (residual**2).T @ inputs**2 / len(inputs)


@wrong("3.3-4", "mean over the weights")
def mean_over_the_weights(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).mean(1).sum()


@wrong("3.3-4", "from a single anchor")
def one_mean_anchor(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors.mean(0)) ** 2).sum()


@wrong("3.3-5", "by the temperature too")
def new_task_softened_as_well(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T / temperature
    target = (inputs @ old_weights.T / temperature).softmax(-1)
    return F.cross_entropy(logits, labels) + strength * F.cross_entropy(logits, target)


@wrong("3.3-5", "squared distance of logits")
def squared_distance_of_logits(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    gap = (logits - inputs @ old_weights.T) / temperature
    return F.cross_entropy(logits, labels) + strength * gap.square().sum(-1).mean()


@wrong("3.3-5", "Your new task counts 1 less the strength")
def strength_shared_out(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    """(1 - strength) and strength."""
    logits = inputs @ weights.T
    target = (inputs @ old_weights.T / temperature).softmax(-1)
    kept = F.cross_entropy(logits / temperature, target)
    return (1 - strength) * F.cross_entropy(logits, labels) + strength * kept


@wrong("3.3-6", "too small by 1, here")
def one_row_of_down_is_zero(noise_down, noise_up):
    down = noise_down.clone()
    down[-1] = 0
    return down, torch.zeros_like(noise_up)


@wrong("3.3-6", "before its first step")
def up_as_small_as_rounding(noise_down, noise_up):
    return noise_down, noise_up * 1e-7


@right("3.3-6")
def first_features_picked(noise_down, noise_up):
    return torch.eye(*noise_down.shape) * 0.02, torch.zeros_like(noise_up)


@wrong("3.3-7", "what is left over")
def whole_number_of_alpha_by_rank(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha // len(down) * (up @ down)
    return x @ plain.T, plain


@wrong("3.3-7", "In 4 of the 6 cases that come out wrong")
def update_taken_out_when_merged(x, weight, down, up, alpha, merged):
    update = alpha / len(down) * (up @ down)
    plain = weight - update if merged else weight
    return x @ (plain + update).T, plain


@wrong("3.3-8", "every matrix were square")
def both_factors_of_one_size(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(2 * rank * d_in for _, d_in in shapes)
    return one, (base_parameters + domains * one) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "What you give for the two storages is")
def parameters_for_bytes(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    return one, base_parameters + domains * one, domains * base_parameters


@wrong("3.4-1", "what the solution gives if `deepest` were one smaller")
def limit_is_left_out(text, deepest):
    depths, depth, quoted = [], 0, False
    for char in text:
        quoted ^= char == '"'
        depth -= char in ")]}" and not quoted
        depths.append(min(depth, deepest - 1))
        depth += char in "([{" and not quoted
    return torch.tensor(depths)


@wrong("3.4-1", "What comes out is as if each kind of bracket were counted")
def each_kind_counts_for_itself(text, deepest):
    """The deepest of the three counts."""
    depths, counts, quoted = [], [0, 0, 0], False
    for char in text:
        quoted ^= char == '"'
        if not quoted and char in ")]}":
            counts[")]}".index(char)] -= 1
        depths.append(min(max(counts), deepest))
        if not quoted and char in "([{":
            counts["([{".index(char)] += 1
    return torch.tensor(depths)


@wrong("3.4-2", "divide nats by bits")
def guess_in_bits_again(losses, tasks, num_classes):
    means = [losses[tasks == t].mean() / num_classes[t].float().log2() for t in tasks.unique()]
    return torch.stack(means).mean()


@wrong("3.4-2", "add the tasks up")
def tasks_added_up_again(losses, tasks, num_classes):
    return sum(losses[tasks == t].mean() / num_classes[t].float().log() for t in tasks.unique())


@wrong("3.4-2", "were the first ones")
def classes_in_the_order_of_the_batch(losses, tasks, num_classes):
    """The i-th task that is there is taken for task i."""
    means = [losses[tasks == t].mean() / num_classes[i].float().log() for i, t in enumerate(tasks.unique())]
    return torch.stack(means).mean()


@wrong("3.4-4", "width is 88 and should be 80")
def rounded_to_the_nearest_step(d_model, num_layers, vocab_size, classes, step):
    def separate(width):
        return sum(vocab_size * width + 12 * num_layers * width**2 + (width + 1) * c for c in classes)

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * sum(classes)
    width = next(w for w in range(d_model + 1, 0, -1) if separate(w) <= shared)
    width = max(step, round(width / step) * step)
    return shared, width, separate(width)


@wrong("3.4-4", "Right in 1 of 9 cases (1 task: the same model)")
def parameters_of_one_separate_model(d_model, num_layers, vocab_size, classes, step):
    def one(width, c):
        return vocab_size * width + 12 * num_layers * width**2 + (width + 1) * c

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * sum(classes)
    width = step
    while sum(one(width + step, c) for c in classes) <= shared:
        width += step
    return shared, width, one(width, classes[0])


@wrong("3.4-5", "Right in 1 of 7 cases (one task)")
def passes_by_the_mean_size(sizes, temperature, steps):
    weights = sizes.double() ** (1 / temperature)
    shares = weights / weights.sum()
    return shares, shares * steps / sizes.double().mean()


@wrong("3.4-5", "1 you are right)")
def temperature_on_the_shares_at_the_end(sizes, temperature, steps):
    """Divided by T and made to sum to 1: nothing happens."""
    shares = sizes / sizes.sum() / temperature
    shares = shares / shares.sum()
    return shares, shares * steps / sizes


@wrong("3.4-6", "mean over the tasks")
def mean_for_all_added_up(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances / 2).mean()


@wrong("3.4-6", "s as ln sigma")
def s_taken_for_ln_sigma(log_variances, losses):
    return (losses * torch.exp(-2 * log_variances) + log_variances).sum()


@wrong("3.4-6", "Your second term is the logarithm of 1 + sigma^2, or half")
def regulariser_that_is_never_negative(log_variances, losses):
    """ln(1 + sigma^2) / 2."""
    return (losses / log_variances.exp() + F.softplus(log_variances) / 2).sum()


@wrong("3.4-7", "Something is added to the lengths, or they are held above")
def a_thousandth_added_to_the_lengths(gradients, shared):
    body = gradients[:, shared]
    unit = body / (body.norm(dim=1, keepdim=True) + 1e-3)
    return unit @ unit.T


@wrong("3.4-7", "numbers are dot products")
def dot_products_only(gradients, shared):
    body = gradients[:, shared]
    return body @ body.T


@wrong("3.4-8", "conflict of a task")
def first_conflict_only(gradients):
    rows = []
    for i, g in enumerate(gradients):
        for j, other in enumerate(gradients):
            if j != i and g @ other < 0:
                g = g - (g @ other) / (other @ other) * other
                break
        rows.append(g)
    return torch.stack(rows)


@wrong("3.4-8", "it only grows longer")
def own_part_taken_from_the_other(gradients):
    """Projected onto itself."""
    rows = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            dot = g @ gradients[j]
            if i != j and dot < 0:
                g = g - dot / (g @ g) * g
        rows.append(g)
    return torch.stack(rows)


@wrong("3.4-8", "last to the first")
def others_in_reverse(gradients):
    rows = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in reversed(range(len(gradients))):
            if j != i and g @ gradients[j] < 0:
                g = g - (g @ gradients[j]) / gradients[j].square().sum() * gradients[j]
        rows.append(g)
    return torch.stack(rows)
