"""Answers to the judging exercises of chapter 4.1, written from the statements alone."""

import math

from trial.answers import right, wrong

SETS = {
    "anywhere": 559,
    "same_layer": 55,
    "share": 4 / 55,
    "whole": 0,
    "beside": "other sets of as many heads, in the same layer and anywhere",
}


@wrong("4.1-12", "This number counts the picked set too. It cannot be a control")
def the_set_itself_is_counted():
    return {**SETS, "anywhere": 560, "same_layer": 56, "share": 4 / 56}


@wrong("4.1-12", "This number counts the same heads in another order as another")
def orders_of_three_heads():
    return {**SETS, "anywhere": 16 * 15 * 14 - 1, "same_layer": 8 * 7 * 6 - 1, "share": 4 / 335}


@wrong("4.1-12", "A layer has only one set of all its heads, and that one was")
def one_whole_layer_is_left():
    return {**SETS, "whole": 1}


@wrong("4.1-12", "You divide by the sets of the whole model. The few that hurt")
def share_of_all_sets():
    return {**SETS, "share": 4 / 559}


@wrong("4.1-12", "This number leaves out whole heads, not sets: the picked")
def heads_left_to_choose_from():
    return {**SETS, "anywhere": math.comb(13, 3), "same_layer": math.comb(5, 3), "share": 0.4}


@wrong("4.1-12", "Heads can stand in for each other: taken out one by one none")
def one_by_one():
    return {**SETS, "beside": "the same heads silenced one by one"}


LINE = {
    "fixed": 3,
    "thousand": 10,
    "level": 3700,
    "twice": 172 / 46,
    "says": "attention's lead shrinks with the length",
}


@wrong("4.1-13", "With this number all of a token's cost grows with the length")
def four_times_for_twice_the_text():
    return {**LINE, "twice": 4}


@wrong("4.1-13", "That compares the cost of a token. A text of twice the length")
def of_a_token_not_of_a_text():
    return {**LINE, "twice": 43 / 23}


@wrong("4.1-13", "With this number all of a token's cost grows with the length")
def through_the_origin():
    return {**LINE, "fixed": 0, "thousand": 11.5, "level": 40 / 0.0115}


@wrong("4.1-13", "That is the rise from the first point to the last, or")
def whole_rise_for_a_thousand():
    return {**LINE, "thousand": 15, "fixed": 0.5}


@wrong("4.1-13", "Asked for: the rise of the line over a thousand tokens,")
def time_at_a_thousand():
    return {**LINE, "thousand": 13}


@wrong("4.1-13", "That is how much *further* the line must go from its last")
def from_the_last_point_on():
    return {**LINE, "level": 1700}


@wrong("4.1-13", "The square belongs to the whole text. A token looks at as")
def square_for_each_token():
    return {**LINE, "says": "a token costs attention the square of the length"}


@right("4.1-13")
def numbers_with_points():
    return {**LINE, "fixed": 3.0, "level": 3.7e3, "twice": round(172 / 46, 2)}


FOLLOW = {
    "at a rate of 0.01 attention learns the task and the GRU does not",
}


@wrong("4.1-14", "Look at the interval over 96 tokens again: does all of it lie")
def lead_that_counts_is_denied():
    return FOLLOW | {"with each at its own best rate attention has no lead that counts over 96 tokens"}


@wrong("4.1-14", "You say that a GRU cannot. It failed at one rate. With a rate")
def cannot_remember():
    return FOLLOW | {"a GRU cannot remember over 96 tokens"}


@wrong("4.1-14", "You say it of self-attention as such. Nothing here shows a")
def reaches_further():
    return FOLLOW | {"self-attention reaches further than a recurrent network"}


@wrong("4.1-14", "Over 32 tokens the interval reaches from behind to far ahead.")
def equally_good():
    return FOLLOW | {"over 32 tokens the two are equally good"}


@wrong("4.1-14", "You leave out what was measured at 0.01. It is a narrow")
def one_rate_shows_nothing():
    return set()


@right("4.1-14")
def the_one_sentence_as_a_list():
    return list(FOLLOW)
