"""An eleventh trial, the kernel: slips and boundaries that the cases or the messages had missed."""

from math import ceil

import numpy as np

from trial.answers import right, wrong


# A text's own last token is left out, as that of the prompt is
@wrong("2.3-2", "A block is not taken over where a text ends just behind it")
def the_last_token_of_every_text(prompt, read, size):
    best = 0
    for text in read:
        common = 0
        for ours, theirs in zip(prompt, text[:-1], strict=False):
            if ours != theirs:
                break
            common += 1
        best = max(best, min(common, len(prompt) - 1) // size * size)
    return best


# The last token left out after rounding: 3 of 4 tokens in blocks of 2
@wrong("2.3-2", "your result is no number of whole blocks")
def rounded_before_the_last_token(prompt, read, size):
    best = 0
    for text in read:
        count = 0
        while (
            count + size <= min(len(prompt), len(text))
            and prompt[count : count + size] == text[count : count + size]
        ):
            count += size
        best = max(best, count)
    return min(best, len(prompt) - 1)


# Equal tokens are counted, and not those at the beginning
@wrong("2.3-2", "equal behind the first difference counted too")
def equal_tokens_anywhere_in_their_place(prompt, read, size):
    counts = [sum(a == b for a, b in zip(prompt, text, strict=False)) for text in read]
    return max([min(count, len(prompt) - 1) // size * size for count in counts], default=0)


# Only where a difference comes is anything counted
@wrong("2.3-2", "you count nothing. All of the")
def counted_at_the_difference(prompt, read, size):
    best = 0
    for text in read:
        for place, (ours, theirs) in enumerate(zip(prompt, text, strict=False)):
            if ours != theirs:
                best = max(best, place // size * size)
                break
    return best


# A whole block left out where the prompt is known to its end: another way to the same
@right("2.3-2")
def a_block_less_for_the_whole_prompt(prompt, read, size):
    best = 0
    for text in read:
        count = 0
        while (
            count + size <= min(len(prompt), len(text))
            and prompt[count : count + size] == text[count : count + size]
        ):
            count += size
        best = max(best, count)
    return best - size if best == len(prompt) else best


# `range` up to the last step, which it leaves out
@wrong("2.3-4", "Your last moment is one step too early")
def steps_but_the_last(processes, size):
    peak = 0
    for step in range(max(left for _, left in processes)):
        peak = max(peak, sum(ceil((n + step - 1) / size) for n, left in processes if left >= step))
    return peak


# At each end all are counted, whether they have ended or not
@wrong("2.3-4", "It comes out as if all were still there at the last end")
def nobody_gives_anything_back(processes, size):
    return max(sum(ceil((n + moment - 1) / size) for n, _ in processes) for _, moment in processes)


# The condition turned round: those who have ended
@wrong("2.3-4", "It comes out as if all were still there at the last end")
def those_who_have_ended(processes, size):
    return max(
        sum(ceil((n + moment - 1) / size) for n, left in processes if left <= moment)
        for _, moment in processes
    )


# The requester is among those who may go
@wrong("2.3-5", "You evict the requester itself")
def from_the_last_to_the_requester(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in range(len(tables) - 1, requester - 1, -1):
        if free >= wanted:
            break
        if tables[process]:
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
            gone.append(process)
    return gone if free >= wanted else []


# Returned inside the loop alone: not where the last one made it enough
@wrong("2.3-5", "Where the process just below the requester has to go too")
def returned_in_the_loop_alone(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            return gone
        if not tables[process]:
            continue
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
        gone.append(process)
    return []


# `break` where `continue` is meant
@wrong("2.3-5", "as if you stopped at a process that holds nothing")
def stops_at_the_first_without_blocks(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted or not tables[process]:
            break
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
        gone.append(process)
    return gone if free >= wanted else []


# Whoever holds least goes first
@wrong("2.3-5", "You begin with whoever holds least")
def the_poorest_first(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    for process in sorted(range(requester + 1, len(tables)), key=lambda p: (len(tables[p]), -p)):
        if free >= wanted:
            break
        if tables[process]:
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
            gone.append(process)
    return gone if free >= wanted else []


# Whether it can be enough is asked of all blocks below, shared ones too
@wrong("2.3-5", "a block that the requester holds as well could become free")
def enough_by_the_count_of_blocks(tables, holders, requester, free, wanted):
    holders, gone = list(holders), []
    if free + sum(len(table) for table in tables[requester + 1 :]) < wanted:
        return []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[process]:
            for block in tables[process]:
                holders[block] -= 1
                free += holders[block] == 0
            gone.append(process)
    return gone


# Cut at the wrong guess, and nothing in its place
@wrong("2.3-6", "Where a guess is wrong, you say no token of the model's own")
def cut_before_the_wrong_guess(guesses, likeliest):
    for place, guess in enumerate(guesses):
        if guess != likeliest[place]:
            return likeliest[:place]
    return likeliest


# The model's next token where its own is asked for
@wrong("2.3-6", "the model's token for the place behind it")
def the_next_token_in_its_place(guesses, likeliest):
    said = []
    for place, guess in enumerate(guesses):
        if guess != likeliest[place]:
            return [*said, likeliest[place + 1]]
        said.append(guess)
    return [*said, likeliest[-1]]


# `in` for `==`
@wrong("2.3-6", "at another place too")
def anywhere_in_the_list(guesses, likeliest):
    said = []
    for guess in guesses:
        if guess not in likeliest:
            break
        said.append(guess)
    return [*said, likeliest[len(said)]]


# Goes on to replace wrong guesses behind the first one
@wrong("2.3-6", "each of them is replaced by the model's token")
def every_wrong_guess_replaced(guesses, likeliest):
    said, wrong_one = [], False
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess != own:
            said.append(own)
            wrong_one = True
        elif not wrong_one:
            said.append(guess)
    return said if wrong_one else [*said, likeliest[-1]]


# The right guesses are counted, wherever they stand
@wrong("2.3-6", "The number of tokens is that of all right guesses and one more")
def as_many_as_are_right(guesses, likeliest):
    count = sum(guess == own for guess, own in zip(guesses, likeliest, strict=False))
    return [*guesses[:count], likeliest[count]]


# All guesses, whether right or not
@wrong("2.3-6", "You say all guesses, right or wrong")
def all_guesses_and_the_last_token(guesses, likeliest):
    return [*guesses, likeliest[-1]]


# A running product of right and wrong
@right("2.3-6")
def by_a_running_product(guesses, likeliest):
    equal = np.array(guesses) == np.array(likeliest[:-1])
    return list(likeliest[: int(np.cumprod(equal).sum()) + 1])


# A text is looked for in a text, the other way round
@wrong("2.3-7", "when its name is a part of the one that is asked for")
def a_right_in_the_name_asked_for(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if not any(each in right_wanted for each in rights):
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# Who has no right at all is sent away before anything else
@wrong("2.3-7", "Where a process holds no right at all")
def nobody_without_rights(name, rights, arguments, tools):
    if not rights:
        return 1
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if right_wanted not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# The last right alone
@wrong("2.3-7", "one of the process's rights alone, the last")
def the_last_right(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if not rights or rights[-1] != right_wanted:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# The four entries of a tool in a wrong order
@wrong("2.3-7", "as if time and limit were exchanged")
def limit_before_time(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, limit, time = tools[name]
    if right_wanted not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# `not arguments` taken for a mistake
@wrong("2.3-7", "A call without arguments is refused")
def no_arguments_are_wrong(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if right_wanted not in rights:
        return 1
    if not arguments or sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


# All texts in one row
@wrong("2.3-2", "as if the texts were one, written behind one another")
def all_texts_in_one_row(prompt, read, size):
    row, common = [token for text in read for token in text], 0
    for ours, theirs in zip(prompt, row, strict=False):
        if ours != theirs:
            break
        common += 1
    return min(common, len(prompt) - 1) // size * size


# Only texts with which the prompt begins
@wrong("2.3-2", "A text counts only where all of it stands at the beginning")
def the_prompt_begins_with_the_text(prompt, read, size):
    whole = [len(text) for text in read if prompt[: len(text)] == text]
    return max([min(count, len(prompt) - 1) // size * size for count in whole], default=0)


# `round` for rounding down
@wrong("2.3-2", "You round to the nearest number of blocks")
def rounded_to_the_nearest(prompt, read, size):
    best = 0
    for text in read:
        count = 0
        while count < min(len(prompt) - 1, len(text)) and prompt[count] == text[count]:
            count += 1
        best = max(best, round(count / size) * size)
    return best


# Two that end together, one of them counted
@wrong("2.3-4", "you count one alone")
def the_one_that_ends_and_all_longer_ones(processes, size):
    peak = 0
    for tokens, left in processes:
        longer = sum(ceil((n + left - 1) / size) for n, more in processes if more > left)
        peak = max(peak, ceil((tokens + left - 1) / size) + longer)
    return peak


# `index` finds the first of two equal tokens
@wrong("2.3-6", "as if the place of a guess were looked up by its token")
def place_by_index(guesses, likeliest):
    said = []
    for guess in guesses:
        own = likeliest[guesses.index(guess)]
        if guess != own:
            return [*said, own]
        said.append(guess)
    return [*said, likeliest[-1]]


# A wrong guess with a smaller number passes
@wrong("2.3-6", "has too many tokens at the end")
def larger_for_unequal(guesses, likeliest):
    count = 0
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess > own:
            break
        count += 1
    return likeliest[: count + 1]


# Names written into one text
@wrong("2.3-7", "as if the names of the arguments were run together")
def names_in_one_text(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if right_wanted not in rights:
        return 1
    if "".join(sorted(arguments)) != "".join(sorted(wanted)):
        return 22
    return 110 if time > limit else 0
