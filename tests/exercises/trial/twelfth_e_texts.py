"""A twelfth trial, the part on texts: answers that were right until a case was added for just their slip."""

import math
from functools import cmp_to_key

from trial.answers import wrong


@wrong("6.1-2", "You join name and number to one text.")
def one_key_of_two(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    keys = [owner + of_order for owner, of_order in orders]
    return keys.index(user + number) if user + number in keys else -2


# Every case so far had a window of 200
@wrong("6.1-4", "a narrow window")
def a_window_of_200(lengths, notes, asked, window, reply):
    leaving = 0
    while notes + asked + sum(lengths[leaving:]) + reply > 200:
        leaving += 1
    return leaving


@wrong("6.2-2", "`list.index` finds the first of equals")
def beams_found_by_their_sum(sums, log_probs, width):
    new = [
        [sums.index(total), token, total + value]
        for total, row in zip(sums, log_probs, strict=True)
        for token, value in enumerate(row)
    ]
    return sorted(new, key=lambda each: -each[2])[:width]


@wrong("6.2-2", "`list.index` finds the first of equals")
def beams_found_by_their_row(sums, log_probs, width):
    new = []
    for total, row in zip(sums, log_probs, strict=True):
        for token in range(len(row)):
            new.append([log_probs.index(row), token, total + row[token]])
    return sorted(new, key=lambda each: each[2], reverse=True)[:width]


@wrong("6.2-2", "too small for a number and becomes 0")
def sorted_by_probability(sums, log_probs, width):
    new = [[b, t, sums[b] + value] for b, row in enumerate(log_probs) for t, value in enumerate(row)]
    return sorted(new, key=lambda each: math.exp(each[2]), reverse=True)[:width]


@wrong("6.2-3", "in which a set happens to hold them")
def missing_as_a_set_holds_them(written, keywords, left, vocab):
    missing = set(keywords).difference(written)
    if len(missing) > left:
        return []
    return list(missing) if missing and len(missing) == left else list(range(vocab))


@wrong("6.2-3", "where 10 stands before 2")
def missing_sorted_as_texts(written, keywords, left, vocab):
    missing = [int(token) for token in sorted({str(k) for k in keywords if k not in written})]
    if len(missing) < left or not missing:
        return list(range(vocab))
    return missing if len(missing) == left else []


@wrong("6.2-4", "in which a set happens to hold them")
def followers_as_a_set_holds_them(tokens, size):
    followers, last = set(), tokens[len(tokens) - size + 1 :]
    for at in range(len(tokens) - size + 1):
        if tokens[at : at + size - 1] == last:
            followers.add(tokens[at + size - 1])
    return list(followers)


@wrong("6.2-4", "1, 12 then reads like 11, 2")
def runs_as_digits(tokens, size):
    def text(part):
        return "".join(str(token) for token in part)

    last = text(tokens[len(tokens) - size + 1 :])
    runs = [tokens[at : at + size] for at in range(len(tokens) - size + 1)]
    return sorted({run[-1] for run in runs if text(run[:-1]) == last})


@wrong("6.2-4", "the first and the last token alone")
def the_ends_of_a_beginning(tokens, size):
    if size == 1:
        return sorted(set(tokens))
    found = set()
    for at in range(len(tokens) - size + 1):
        if tokens[at] == tokens[len(tokens) - size + 1] and tokens[at + size - 2] == tokens[-1]:
            found.add(tokens[at + size - 1])
    return sorted(found)


@wrong("6.2-5", "their first and their last word")
def runs_by_their_ends(texts, size):
    ends = [(words[i], words[i + size - 1]) for words in texts for i in range(len(words) - size + 1)]
    return len(set(ends)) / len(ends)


# A comparison that cuts the difference to a whole number: 2.75 - 2.25 is then 0
@wrong("6.2-7", "scores closer than one")
def compared_in_whole_numbers(scores, wrong):
    order = sorted(range(len(scores)), key=cmp_to_key(lambda a, b: int(scores[b] - scores[a])))
    found, total = 0, 0.0
    for rank, place in enumerate(order, 1):
        if wrong[place]:
            found += 1
            total += found / rank
    return total / found
