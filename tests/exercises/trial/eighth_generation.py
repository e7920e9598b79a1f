"""An eighth trial, chapter 6.2: answers written from the statements alone."""

from trial.answers import wrong


# Drops the token that crosses the line: only tokens whose sum stays within 0.7 are kept
@wrong("6.2-1", "That is one too few, as when the token with which the share")
def drops_the_token_that_crosses_the_line_only():
    return {"p alone": 2, "k then p": 1, "favourite": 1.0}


# Does not renormalise after top-k: top-p then adds up the old probabilities and keeps all three
@wrong("6.2-1", "That many are left where the old probabilities are added up")
def does_not_renormalise_after_top_k_top_p():
    return {"p alone": 3, "k then p": 3, "favourite": round(0.35 / 0.9, 4)}


# 4.5 is below 4.8, so min-p is better; the intervals overlap, and bits are not quality
@wrong("6.2-10", "You let min-p win, although its intervals and those of")
def with_4_5_is_below_4_8_so_min():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "min-p is better than temperature 0.7",
    }


# Overlooks that [2.9, 3.4] and [3.9, 4.3] bits do not touch: the cost of the constraint follows
@wrong("6.2-10", "You leave out the price of the constraint: 3.2 [2.9, 3.4]")
def overlooks_that_2_9_3_4_and_3():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
    }


# Sorts upwards: log-probabilities are negative, and the smallest is taken for the best
@wrong("6.2-2", "You sort the wrong way round: a log-probability nearer to")
def sorts_upwards_log_probabilities_are_negative_and_the(sums, log_probs, width):
    found = [[b, t, s + p] for b, s in enumerate(sums) for t, p in enumerate(log_probs[b])]
    return sorted(found, key=lambda c: c[2])[:width]


# Joins the words without anything between: 'ab c' and 'a bc' become one run
@wrong("6.2-5", "It comes out as if the words of a run were joined to one")
def joins_the_words_without_anything_between_ab_c(texts, size):
    runs = ["".join(t[i : i + size]) for t in texts for i in range(len(t) - size + 1)]
    return len(set(runs)) / len(runs)


# Takes the lowest quotient for the best: log-probabilities are negative, and the greatest one wins
@wrong("6.2-6", "First the numbers. 'score': -1.7 is too far below zero, by")
def takes_the_lowest_quotient_for_the_best_log():
    return {"none": "C", "mean": "A", "two": "A", "score": -1.7}


# Multiplies in place of dividing at penalty 1 and so lets A win with the whole sum
@wrong("6.2-6", "First the numbers. 'score': -6.8 is too far below zero, by a")
def multiplies_in_place_of_dividing_at_penalty_1():
    return {"none": "A", "mean": "A", "two": "A", "score": -6.8}


# Divides by the number of words instead of the number of wrong words
@wrong("6.2-7", "You divide by the number of words. The mean is taken over the")
def divides_by_the_number_of_words_instead_of(scores, wrong):
    hits, total = 0, 0.0
    for n, i in enumerate(sorted(range(len(scores)), key=lambda i: -scores[i]), 1):
        if wrong[i]:
            hits += 1
            total += hits / n
    return total / len(scores)


# Goes up the list: sorts by rising score
@wrong("6.2-7", "You begin with the least suspected word. The list begins with")
def goes_up_the_list_sorts_by_rising_score(scores, wrong):
    hits, total = 0, 0.0
    for rank, (_, bad) in enumerate(sorted(zip(scores, wrong, strict=True)), 1):
        if bad:
            hits += 1
            total += hits / rank
    return total / hits


# Logarithm of base 2 instead of the natural one
@wrong("6.2-8", "That is the logarithm to base 2. The formula has the natural")
def logarithm_of_base_2_instead_of_the_natural():
    return {"common": 0.7376, "rare": 7.3255, "gain": 2.0}


# Six times the word counts six times as much: overlooks that tf stands below the line too
@wrong("6.2-8", "That lets a word that occurs more often count as many times.")
def six_times_the_word_counts_six_times_as():
    return {"common": 0.5112, "rare": 5.0777, "gain": 6.0}
