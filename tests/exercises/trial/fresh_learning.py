"""Chapters 2.2 and 3: wrong answers drawn after the checker was mended on the others, one slip each."""

import math
from collections import Counter, deque

import torch
import torch.nn.functional as F

from llmasos_edu.exercises import find
from trial.answers import right, wrong


@wrong("2.2-2", "fault can")
def fault_and_outside_exchanged(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if not 0 <= page < len(frames):
        return -1  # outside is -2
    return -2 if frames[page] == -1 else frames[page] * page_size + offset


@wrong("2.2-4", "long ago")
def least_often_used_goes(references, num_frames):
    frames, uses, faults = set(), Counter(), 0
    for page in references:
        uses[page] += 1
        if page not in frames:
            faults += 1
            if len(frames) == num_frames:
                frames.remove(min(frames, key=lambda p: uses[p]))  # how often, not how long ago
            frames.add(page)
    return faults


@wrong("2.2-5", "clear bits")
def all_bits_cleared(used, hand):
    n = len(used)
    victim = next(((hand + i) % n for i in range(n) if not used[(hand + i) % n]), hand)
    return victim, [False] * n, (victim + 1) % n  # also those that the hand has not passed


@wrong("2.2-6", "What comes out is the share of the pages that are not full. Of such a")
def wasted_pages_counted_whole(sizes, page_size):
    pages = sum(-(-size // page_size) for size in sizes)
    return sum(size % page_size != 0 for size in sizes) / pages  # a page that is half full is no waste whole


@wrong("2.2-9", "It comes out as if each turnaround counted from the arrival of the")
def idle_time_added_to_the_wait(arrivals, lengths):
    now, times = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = now + max(0, arrival - now) + length
        times.append(now - arrivals[0])  # from the first arrival, not from its own
    return times


@wrong("2.2-10", "input `lengths`")
def lengths_used_up_in_place(lengths, quantum):
    queue, ends, now = deque(range(len(lengths))), [0] * len(lengths), 0
    while queue:
        job = queue.popleft()
        run = min(quantum, lengths[job])
        lengths[job] -= run  # the list that was given
        now += run
        if lengths[job]:
            queue.append(job)
        else:
            ends[job] = now
    return ends


@wrong("2.2-7", "join holes")
def touching_holes_overlap(holes, start, size):
    free = sorted([list(hole) for hole in holes] + [[start, size]])
    result = [free[0]]
    for begin, length in free[1:]:
        if result[-1][0] + result[-1][1] >= begin - 1:  # a gap of one is a gap
            result[-1][1] = begin + length - result[-1][0]
        else:
            result.append([begin, length])
    return result


@wrong("2.2-12", "block 0")
def every_place_of_the_block_replaced(table, holders, index, free):
    block = table[index]
    if holders[block] <= 1:
        return table, holders
    holders = [n - (b == block) + (b == free) for b, n in enumerate(holders)]
    return [free if i <= index else b for i, b in enumerate(table)], holders  # all up to the place


@wrong("2.2-14", "More seeds")
def seeds_for_the_control():
    return {
        "equal": 1,
        "measures": "how much shorter texts are than the longest",
        "control": "more seeds",
        "false": False,
    }


@wrong("3.1-1", "just on a limit")
def bounds_on_the_wrong_side(tokens, choice, fate, other, mask_id):
    chosen = choice <= 0.15  # below
    inputs = torch.where(chosen & (fate <= 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate > 0.8) & (fate <= 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-1", "put into `fate`")
def choice_drawn_anew_for_fate(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (choice < 0.8 * 0.15), mask_id, tokens)  # fate is not read
    inputs = torch.where(chosen & (choice >= 0.8 * 0.15) & (choice < 0.9 * 0.15), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-2", "softmax runs over")
def logits_of_shown_tokens_in_the_softmax(logits, tokens, hidden):
    log_p = logits.log_softmax(1)  # over the places
    return -log_p.gather(-1, tokens[..., None])[..., 0][hidden].mean()


@wrong("3.1-3", "word's draws")
def words_by_the_mean_draw(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    mean = torch.zeros(int(word.max()) + 1).index_add(0, word, draws) / torch.bincount(word)
    return mean[word] < share


@wrong("3.1-5")
def utf16_counted(nats, text):
    return nats.sum() / math.log(2) / len(text.encode("utf-16"))


@wrong("3.1-6")
def read_one_place_later(model, tokens, mask_id):
    result = []
    for i in range(len(tokens)):
        masked = tokens.clone()
        masked[i] = mask_id
        result.append(model(masked[None])[0, i - 1, tokens[i]])  # as a causal model would
    return torch.stack(result)


@wrong("3.1-7", "For nothing hidden, the targets have 0 entries, and 1 is")
def shown_tokens_in_the_targets(tokens, hidden, sentinels):
    inputs, targets, gap = [], [], -1
    before = None
    for token, hide in zip(tokens.tolist(), hidden.tolist(), strict=True):
        if hide != before and (hide or before is not None):
            gap += 1
            (inputs if hide else targets).append(int(sentinels[gap]))  # gaps of both kinds get numbers
        (targets if hide else inputs).append(token)
        before = hide
    return torch.tensor(inputs), torch.tensor(targets)


@wrong("3.2-1")
def window_of_both_sides_together(tokens, vocab_size, window):
    counts, words = torch.zeros(vocab_size, vocab_size), tokens.tolist()
    for i, a in enumerate(words):
        for j, b in enumerate(words):
            if i != j and abs(i - j) <= window // 2 and a >= 0 and b >= 0:  # half on each side
                counts[a, b] += 1
    return counts


@wrong("3.2-2", "columns have no say")
def share_of_the_row_only(counts):
    p_given = counts / counts.sum(1, keepdim=True).clamp(min=1)
    ratio = p_given / (counts.sum(1) / counts.sum())[:, None].clamp(min=1e-9)  # P(w), where P(c) belongs
    return ratio.clamp(min=1e-30).log().clamp(min=0)


@wrong("3.2-5", "context table")
def tables_exchanged(word_table, context_table, words, contexts, drawn):
    v = context_table[words]
    yes = F.logsigmoid((v * word_table[contexts]).sum(-1))
    no = F.logsigmoid(-(word_table[drawn] @ v[..., None])[..., 0])
    return -(yes + no.masked_fill(drawn == contexts[:, None], 0).sum(-1)).mean()


@wrong("3.2-5", "word itself")
def left_out_by_the_word(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] @ v[..., None])[..., 0])
    return -(yes + no.masked_fill(drawn == words[:, None], 0).sum(-1)).mean()  # the context


@wrong("3.2-6", "the anchors have not")
def only_positives_normalised(anchors, positives, temperature):
    scores = anchors @ F.normalize(positives, dim=-1).T / temperature
    return F.cross_entropy(scores, torch.arange(len(scores)))


@wrong("3.2-7")
def groups_compared_along_the_row_only(scores, groups):
    same = (groups == groups[0])[None, :].expand_as(scores) & ~torch.eye(len(groups), dtype=torch.bool)
    return F.cross_entropy(scores.masked_fill(same, -torch.inf), torch.arange(len(groups)))


@wrong("3.2-8", "no item of class 1")
def clusters_shuffled_by_inverse(classes, clusters, shuffles):
    def purity(labels):
        found = 0
        for c in clusters.unique():
            found += int((labels[clusters == c]).unique(return_counts=True)[1].min())  # the rarest class
        return found / len(labels)

    return purity(classes), sum(purity(classes[s]) for s in shuffles) / len(shuffles)


@wrong("3.3-1", "columns exchanged")
def transposed_table(accuracy, untrained):
    a = accuracy.T  # rows are what was learned, columns what is measured
    n = len(a)
    return a[-1].mean(), (a[-1] - a.diagonal())[: n - 1].mean(), (a.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-2")
def draw_scaled_by_the_buffer_and_seen(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out, draws, strict=True):
        if test:
            continue
        seen += 1
        place = round(float(draw) * seen)  # floor
        if len(buffer) < capacity:
            buffer.append(item)
        elif place < capacity:
            buffer[place] = item
    return torch.tensor(buffer)


@wrong("3.3-3", "`backward` adds")
def gradients_never_zeroed(weights, inputs, labels, uniforms):
    w, total = weights.clone().requires_grad_(), torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=True):
        log_p = F.log_softmax(w @ x, 0)
        y = int((log_p.exp().cumsum(0) <= u).sum())
        log_p[y].backward()  # adds to what is there
        total += w.grad**2
    return total / len(inputs)


@wrong("3.3-4", "single anchor")
def anchors_averaged_first(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors.mean(0)) ** 2).sum()


@wrong("3.3-5")
def teacher_learns_along(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    mixed = 0.5 * (weights + old_weights)  # a moving average is another method
    target = (inputs @ mixed.T / temperature).softmax(-1)
    soft = -(target * (logits / temperature).log_softmax(-1)).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * soft


@wrong("3.3-7", "non-singleton dimension")
def factors_in_the_other_order(x, weight, down, up, alpha, merged):
    whole = weight if merged else weight + alpha / len(down) * (down.T @ up.T).T.T  # [d_in, d_out]
    return x @ whole.T, whole


@wrong("3.3-7", "must describe")
def weight_returned_unmerged(x, weight, down, up, alpha, merged):
    extra = 0 if merged else alpha / len(down) * (x @ down.T) @ up.T
    return x @ weight.T + extra, weight


@wrong("3.4-2", "front of the list")
def guess_of_the_wrong_task(losses, tasks, num_classes):
    present = tasks.unique()
    means = torch.stack([losses[tasks == t].mean() for t in present])
    return (means / num_classes[: len(present)].log()).mean()  # the first ones, not those present


@wrong("3.4-6", "loss by sigma")
def half_on_the_wrong_term(log_variances, losses):
    return (losses * (-log_variances / 2).exp() + log_variances / 2).sum()  # divided by sigma, not its square


@wrong("3.4-7", "wrong way round")
def heads_looked_at_instead(gradients, shared):
    body = gradients * ~shared
    norms = body.norm(dim=1)
    return (body @ body.T / (norms[:, None] * norms)).nan_to_num(0.0)


@wrong("3.4-8", "cut g")
def each_conflict_from_the_start(gradients):
    result = []
    for i, g in enumerate(gradients):
        others = [o for j, o in enumerate(gradients) if j != i and g @ o < 0]
        result.append(g - sum((g @ o / (o @ o) * o for o in others), torch.zeros_like(g)))
    return torch.stack(result)


@wrong("3.5-1", "temperature 1")
def entropy_at_temperature_one(logits, temperature):
    p = (logits / temperature).softmax(-1)
    plain = logits.softmax(-1)
    return p, (torch.special.entr(plain) / math.log(2)).sum(-1)


@wrong("3.5-4", "own dropout")
def generator_of_the_student_used_up(student, teacher, inputs, temperature):
    was, mode = teacher.training, student.training
    teacher.eval()
    student.eval()  # without its dropout, too
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    teacher.train(was)
    student.train(mode)
    return temperature**2 * (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-6", "You bring the teacher to the student's width. Asked")
def projection_applied_to_the_teacher(student, teacher, projection, real):
    return (student[real] - teacher[real] @ projection.T).square().mean()


@wrong("3.5-8", "You choose the best seed, of the shares or of the")
def best_seed_against_best_seed(alone, distilled, teacher):
    return (alone.min() - distilled.min()) / (alone.min() - teacher.min())


RACE = find("3.1-9").right()
PROBE = find("3.1-10").right()


@wrong("3.1-9", "asked at the hidden ones alone")
def both_asked_at_everything():
    return RACE | {"masked": RACE["causal"]}


@wrong("3.1-9", "needs more of them")
def a_shorter_run_for_the_masked_one():
    given = find("3.1-9").given()
    return RACE | {"steps": given["steps"] * given["share"]}


@wrong("3.1-9", "always finds it")
def go_on_until_it_is_ahead():
    return RACE | {"control": "the masked model after as many steps as it needs to win"}


@wrong("3.1-9", "put in")
def one_read_of_the_text():
    return RACE | {"passes": 1}


@right("3.1-9")
def numbers_as_floats():
    return {name: float(value) if isinstance(value, int) else value for name, value in RACE.items()}


@wrong("3.1-10", "partly the control's weakness")
def gain_over_a_new_body():
    given = find("3.1-10").given()
    pairs = zip(given["trained"], given["new"], strict=True)
    return PROBE | {"gain": sum(a - b for a, b in pairs) / 5}


@wrong("3.1-10", "one in six")
def gain_over_a_die():
    return PROBE | {"gain": sum(find("3.1-10").given()["trained"]) / 5 - 1 / 6}


@wrong("3.1-10", "whole interval")
def whatever_is_left():
    other = {"holds": "not shown", "not shown": "holds", "does not hold": "not shown"}
    return PROBE | {"verdict": other[PROBE["verdict"]]}


@right("3.1-10")
def three_decimals():
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in PROBE.items()}
