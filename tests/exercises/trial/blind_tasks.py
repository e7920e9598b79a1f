"""A third trial, written from the statements alone before any of it was run: chapters 6.1 and 6.2."""

import itertools

import numpy as np

from trial.answers import right, wrong


@wrong("6.1-1", "You leave out `<end>`. A model that never learnt to end a turn goes")
def the_end_is_not_learnt(tokens):
    out, mine, kernel = [], False, False
    for t in tokens:
        if t == "<end>":
            mine = False
        if t == "<result>":
            kernel = True
        out.append(mine and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            mine = True
    return out


@wrong("6.1-1", "You leave out what stands between `<call>` and `<do>`. The model")
def the_call_is_not_learnt_either(tokens):
    out, mine, skip = [], False, False
    for t in tokens:
        if t in ("<call>", "<result>"):
            skip = True
        out.append(mine and not skip)
        if t in ("<do>", "<done>"):
            skip = False
        if t == "<assistant>":
            mine = True
        if t == "<end>":
            mine = False
    return out


@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def the_done_mark_is_learnt(tokens):
    out, mine, kernel = [], False, False
    for t in tokens:
        if t == "<done>":
            kernel = False
        if t == "<result>":
            kernel = True
        out.append(mine and not kernel)
        if t == "<assistant>":
            mine = True
        elif t == "<end>":
            mine = False
    return out


@wrong("6.1-2", "For an order of somebody else you answer otherwise than for none. So")
def the_1_where_the_order_is_somebody_else_s(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (owner, n) in enumerate(orders):
        if n == number:
            return i if owner == user else -1
    return -2


@wrong("6.1-2", "You look at the first order of that number alone. Two users may have")
def the_first_order_of_that_number_decides(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for i, (owner, n) in enumerate(orders):
        if n == number:
            return i if owner == user else -2
    return -2


@wrong("6.1-2", "You count the user's own orders. The place is that in the whole list")
def the_place_among_one_s_own(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for o, n in orders if o == user]
    return own.index(number) if number in own else -2


@wrong("6.1-3", "A yes anywhere in the message counts in your version. 'I")
def a_yes_anywhere(pending, said):
    return pending if "yes" in said.lower() or "是" in said else 0


@wrong("6.1-3", "You take some capitals for another word")
def capitals_are_not_taken(pending, said):
    return pending if said.strip().rstrip(".!") in ("yes", "是") else 0


@wrong("6.1-3", "You return True. Asked for is which order: a yes that names none")
def true_for_the_order_again(pending, said):
    s = said.strip().lower().rstrip(".!")
    return pending != 0 and s in ("yes", "是")


@wrong("6.1-4", "The reply is not taken off the room for the past. The answer")
def the_answer_s_room_is_forgotten(lengths, notes, asked, window, reply):
    gone = 0
    while sum(lengths[gone:]) + notes + asked > window:
        gone += 1
    return gone


@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones")
def a_turn_that_fits_is_kept_past_one_that_does_not(lengths, notes, asked, window, reply):
    room, gone = window - notes - asked - reply, 0
    for n in reversed(lengths):
        if n <= room:
            room -= n
        else:
            gone += 1
    return gone


@wrong("6.1-4", "You return how many turns stay. Asked for are those that leave")
def how_many_stay(lengths, notes, asked, window, reply):
    room, stay = window - notes - asked - reply, 0
    for n in reversed(lengths):
        if n > room:
            break
        room -= n
        stay += 1
    return stay


@wrong("6.1-5", "the share of wrong turns")
def the_share_of_wrong_ones():
    return {"share": 0.03, "low": 0.0138, "high": 0.0639, "above 0.97": False}


@wrong("6.1-5", "That is p plus and minus z · sqrt(p (1 - p) / n). Near 1 that is too")
def the_simple_interval_and_above_by_the_middle():
    return {"share": 0.97, "low": 0.9464, "high": 0.9936, "above 0.97": True}


@wrong("6.1-6", "That subtracts the faults of all turns. Two faults in one")
def faults_added_up():
    return {"flawless": 0.76, "needed": 0.9375, "token": 0.99696}


@wrong("6.1-6", "That is the share of conversations with a fault. Asked for")
def the_share_with_a_fault():
    return {"flawless": 0.2163, "needed": 0.917, "token": 0.97}


@wrong("6.1-7", "The kernel refuses a thousand, in any language, as it does a")
def a_thousand_attacks():
    return {
        "memory": "the same questions with the memory switched off",
        "attack": "a thousand attacks",
        "language": "the same kinds of turns in both languages",
    }


@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in")
def more_facts_again():
    return {
        "memory": "more facts",
        "attack": "the same attacks by a user who has the right",
        "language": "a native speaker's opinion",
    }


@wrong("6.1-8", "49 is more than 46, and fifty other users may turn it round: the")
def a_difference_of_three_is_taken_for_shown():
    return {"beyond": "holds", "better": "holds", "near": "does not hold", "year": "not shown"}


@wrong("6.1-8", "Both were right fifty times out of fifty: of these users")
def no_difference_of_these_users_is_not_shown():
    return {"beyond": "holds", "better": "not shown", "near": "not shown", "year": "does not hold"}


@wrong("6.1-9", "All desks pass, those with holes too: no failed assert came out, and nothing")
def nothing_is_tried(make):
    make()


@wrong("6.1-9", "You get into every desk, the safe ones too. Do you ask for a certain")
def any_desk_is_called_unsafe(make):
    desk = make()
    assert desk.receipts == "empty"


@wrong("6.2-1", "That many are left where the old probabilities are added up")
def top_p_works_on_the_old_probabilities():
    return {"p alone": 3, "k then p": 3, "favourite": 0.3889}


@wrong("6.2-1", "That is one too few, as when the token with which the share")
def the_crossing_token_is_left_out():
    return {"p alone": 2, "k then p": 1, "favourite": 1}


@wrong("6.2-2", "You rank by the last token. What counts is the whole text: the beam's")
def the_sum_is_forgotten(sums, log_probs, width):
    c = [[b, t, p] for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    return sorted(c, key=lambda x: -x[2])[:width]


@wrong("6.2-2", "Your result is right, but has too many entries along axis 0 at the")
def width_of_each_beam(sums, log_probs, width):
    out = []
    for b, row in enumerate(log_probs):
        best = sorted(range(len(row)), key=lambda t: -row[t])[:width]
        out += [[b, t, sums[b] + row[t]] for t in best]
    return sorted(out, key=lambda x: -x[2])


@wrong("6.2-2", "You sort the wrong way round: a log-probability nearer to zero is the")
def worst_first_again(sums, log_probs, width):
    c = [[b, t, sums[b] + p] for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    return sorted(c, key=lambda x: x[2])[:width]


@wrong("6.2-3", "You let every token come while it is not too late. After one")
def free_one_step_too_long(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if left >= len(missing):
        return list(range(vocab))
    return []


@wrong("6.2-3", "You allow keywords that were said already. The last places are for")
def all_keywords_also_those_that_were_said(written, keywords, left, vocab):
    missing = set(keywords) - set(written)
    if left > len(missing):
        return list(range(vocab))
    if left == len(missing):
        return sorted(set(keywords))
    return []


@wrong("6.2-3", "More keywords are missing than tokens are left: none saves that text")
def the_missing_ones_though_it_is_too_late(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    return missing if missing and left <= len(missing) else list(range(vocab))


@wrong("6.2-4", "It comes out as if one token too many were compared: a run of")
def context_as_long_as_the_run(tokens, size):
    tail = tokens[-size:]
    return sorted({tokens[i + size] for i in range(len(tokens) - size) if tokens[i : i + size] == tail})


@wrong("6.2-4", "You return one token at most. After the same beginning")
def only_the_first_place_is_found(tokens, size):
    n = size - 1
    tail = tokens[len(tokens) - n :]
    for i in range(len(tokens) - n):
        if tokens[i : i + n] == tail:
            return [tokens[i + n]]
    return []


@wrong("6.2-4", "You forbid every token of the text, or every one that ends a")
def every_token_that_was_said(tokens, size):
    return sorted(set(tokens))


@wrong("6.2-5", "You join the texts first. The last word of one and the first of the")
def the_texts_are_joined(texts, size):
    w = [x for t in texts for x in t]
    runs = [tuple(w[i : i + size]) for i in range(len(w) - size + 1)]
    return len(set(runs)) / len(runs)


@wrong("6.2-5", "You take the share in each text and average. Two copies of one text")
def mean_over_the_texts(texts, size):
    s = []
    for t in texts:
        runs = [tuple(t[i : i + size]) for i in range(len(t) - size + 1)]
        if runs:
            s.append(len(set(runs)) / len(runs))
    return sum(s) / len(s)


@wrong("6.2-6", "right: 'none', 'mean', 'two'. 'score': 1 is of the right size, with")
def the_score_without_its_sign():
    return {"none": "A", "mean": "B", "two": "C", "score": 1.0}


@wrong("6.2-6", "'score': Your score is a mean, but not the best one. Nearest")
def longest_always_wins():
    return {"none": "C", "mean": "C", "two": "C", "score": -9.1 / 9}


@wrong("6.2-7", "You begin with the least suspected word. The list begins with the")
def from_the_lowest_score(scores, wrong):
    o = sorted(range(len(scores)), key=lambda i: scores[i])
    hits, out = 0, []
    for n, i in enumerate(o, 1):
        if wrong[i]:
            hits += 1
            out.append(hits / n)
    return sum(out) / len(out)


@wrong("6.2-7", "You average the precision over all ranks. Only the ranks at which a")
def precision_at_every_place_again(scores, wrong):
    o = sorted(range(len(scores)), key=lambda i: -scores[i])
    hits, out = 0, []
    for n, i in enumerate(o, 1):
        hits += bool(wrong[i])
        out.append(hits / n)
    return sum(out) / len(out)


@wrong("6.2-7", "You take 1 / rank at each wrong word. At the second one two of the")
def places_counted_from_0_plus_one_hit(scores, wrong):
    o = sorted(range(len(scores)), key=lambda i: -scores[i])
    places = [n for n, i in enumerate(o, 1) if wrong[i]]
    return sum(1 / n for n in places) / len(places)


@wrong("6.2-8", "That is the formula with the share put in. n counts passages")
def the_share_taken_for_the_number():
    return {"common": 5.9, "rare": 5.078, "gain": 2}


@wrong("6.2-8", "That is the logarithm without the 1 +. Then a word that most")
def without_1_gain_not_compared_with_tf_1():
    return {"common": -0.4044, "rare": 5.0714, "gain": 0.8}


@wrong("6.2-9", "Longer texts hold more words of every kind, those of other orders")
def longer_texts_again():
    return {
        "coverage": "coverage with longer texts",
        "quality": "how often the texts repeat themselves",
        "errors": "the share of marked words that are wrong",
    }


@wrong("6.2-9", "The same measure again, for more beams or under the writing model")
def own_perplexity_number_of_errors():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "perplexity under the model that wrote them",
        "errors": "the number of planted errors",
    }


@wrong("6.2-10", "You let min-p win, although its intervals and those of temperature")
def min_p_is_taken_for_better():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "min-p is better than temperature 0.7",
    }


@wrong("6.2-10", "You say what people like. The table has bits and likeness, and no")
def the_cost_is_overlooked_liking_is_assumed():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint makes texts that people like better",
    }


@wrong("6.2-10", "the answer should be a set (or a list), but is a str ('with the")
def only_one_sentence_as_a_string():
    return "with the constraint every keyword occurs"


@wrong("6.1-1", "For an answer of the kernel that is cut off, your result differs in 1 of 10 places")
def everything_after_the_first_assistant_mark(tokens):
    out, mine = [], False
    for t in tokens:
        out.append(mine and t not in ("<result>", "<done>", "<user>", "<system>", "<assistant>"))
        if t == "<assistant>":
            mine = True
    return out


@wrong("6.1-2", "You look first and ask for the right after. Who may not call still")
def the_2_before_the_right_is_looked_at(orders, rights, user, number):
    if [user, number] not in [list(o) for o in orders]:
        return -2
    if "orders.find" not in rights:
        return -1
    return [list(o) for o in orders].index([user, number])


@wrong("6.1-3", "Marks of both kinds behind a yes do not count in your")
def only_exclamation_marks_at_the_end(pending, said):
    return pending if said.strip().lower().rstrip("!") in ("yes", "是") else 0


@wrong("6.1-4", "The notes are not taken off the room for the past. They stand")
def the_notes_are_forgotten(lengths, notes, asked, window, reply):
    gone = 0
    while sum(lengths[gone:]) + asked + reply > window:
        gone += 1
    return gone


@wrong("6.1-5", "Asked for: Wilson's middle less his half width, z = 1.96")
def z_squared_over_n_in_the_root():
    return {"share": 0.97, "low": 0.8244, "high": 1.0978, "above 0.97": False}


@wrong("6.1-6", "That is the share to the power of a turn more or less than")
def the_ninth_power_the_eighth_of_a_half():
    return {"flawless": 0.97**9, "needed": 0.5 / 8, "token": 0.97**10}


@wrong("6.2-2", "Your two numbers are the wrong way round: first the beam that is")
def tokens_before_beams(sums, log_probs, width):
    c = [[t, b, sums[b] + p] for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    return sorted(c, key=lambda x: -x[2])[:width]


@wrong("6.2-3", "For a keyword named twice counts once, your result has 0 entries, and")
def keywords_count_as_often_as_they_are_named(written, keywords, left, vocab):
    missing = [k for k in keywords if k not in written]
    if left > len(missing):
        return list(range(vocab))
    if left == len(missing):
        return missing
    return []


@wrong("6.2-5", "For two different texts, your result is 1.667 and should be 1")
def different_words_not_runs(texts, size):
    runs = sum(max(0, len(t) - size + 1) for t in texts)
    return len({w for t in texts for w in t}) / runs


@wrong("6.2-8", "That is the logarithm to base 2. The formula has the natural")
def binary_logarithm():
    return {"common": 0.7376, "rare": 7.3256, "gain": 2}


@wrong("6.2-7", "At each wrong word you take how many of all wrong ones are")
def ties_broken_recall_for_precision(scores, wrong):
    o = sorted(range(len(scores)), key=lambda i: -scores[i])
    total = sum(bool(w) for w in wrong)
    hits, out = 0, []
    for i in o:
        if wrong[i]:
            hits += 1
            out.append(hits / total)
    return sum(out) / len(out)


@wrong("6.1-1", "For a turn that is just beginning, your result differs in 1 of 4")
def the_user_s_end_too(tokens):
    out, mine, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        out.append((mine and not kernel) or t == "<end>")
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            mine = True
        if t == "<end>":
            mine = False
    return out


@wrong("6.1-4", "You drop a turn where all just fit. A full window is no fault")
def strictly_less_than_the_window(lengths, notes, asked, window, reply):
    gone = 0
    while gone < len(lengths) and sum(lengths[gone:]) + notes + asked + reply >= window:
        gone += 1
    return gone


@wrong("6.1-5", "'low', 'high': Your half width is right, and laid around the")
def high_without_the_middle_s_shift():
    return {"share": 0.97, "low": 0.9449, "high": 0.995, "above 0.97": False}


@wrong("6.2-1", "'favourite': That is what comes of dividing by the share of")
def favourite_over_p_alone():
    return {"p alone": 3, "k then p": 2, "favourite": 0.35 / 0.9 / 0.7}


@wrong("6.2-4", "It comes out as if only the last token were compared,")
def tokens_that_follow_the_last_token_anywhere(tokens, size):
    return sorted({b for a, b in itertools.pairwise(tokens) if a == tokens[-1]})


@wrong("6.2-5", "You count the runs that stand once. A run that stands three times is")
def runs_that_come_once(texts, size):
    runs = [tuple(t[i : i + size]) for t in texts for i in range(len(t) - size + 1)]
    return sum(runs.count(r) == 1 for r in runs) / len(runs)


@wrong("6.2-8", "That lets a word that occurs more often count as many times")
def tf_not_weighed():
    return {"common": 0.5112, "rare": 5.0777, "gain": 6.0}


@wrong("6.2-10", "Better was measured by nobody: fewer bits under a model make")
def the_variety_is_forgotten_beams_called_better():
    return {
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "beam search is better than temperature 1",
    }


@right("6.1-2")
def next_with_a_default(orders, rights, user, number):
    place = next((i for i, o in enumerate(orders) if list(o) == [user, number]), -2)
    return place if "orders.find" in set(rights) else -1


@right("6.1-3")
def regex(pending, said):
    import re

    return pending if re.fullmatch(r"\s*(yes|是)[.!]*\s*", said, re.IGNORECASE) else 0


@right("6.2-2")
def heapq_and_tuples(sums, log_probs, width):
    import heapq

    c = ((b, t, sums[b] + p) for b, row in enumerate(log_probs) for t, p in enumerate(row))
    return heapq.nlargest(width, c, key=lambda x: x[2])


@right("6.2-4")
def a_dictionary_of_contexts(tokens, size):
    from collections import defaultdict

    after = defaultdict(set)
    for i in range(len(tokens) - size + 1):
        run = tuple(tokens[i : i + size])
        after[run[:-1]].add(run[-1])
    if len(tokens) < size - 1:
        return []
    return sorted(after[tuple(tokens[len(tokens) - size + 1 :])])


@right("6.2-7")
def numpy(scores, wrong):
    w = np.asarray(wrong, dtype=float)[np.argsort(-np.asarray(scores, dtype=float))]
    return float(((w.cumsum() / np.arange(1, len(w) + 1)) * w).sum() / w.sum())


@right("6.2-10")
def a_list_for_the_set():
    return [
        "with the constraint every keyword occurs",
        "temperature 1 is more varied than beam search",
        "the constraint costs bits under the second model",
    ]
