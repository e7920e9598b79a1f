"""How a search for a leak goes wrong: the slips of 4.2-10, wrong on purpose."""

import torch


def largest(change):
    return change.abs().amax(-1)


def next_token(token, vocab):
    return (token + 1) % vocab


def differences(decoder, tokens, vocab_size, replace=None, measure=largest):
    """Largest change of the logits at each position [changed token, position], with every other token."""
    others = [replace] if replace else [lambda t, v, n=n: (t + n) % v for n in range(1, vocab_size)]
    before, rows = decoder(tokens), []
    for place in range(len(tokens)):
        moved = torch.zeros(len(tokens))
        for other in others:
            changed = tokens.clone()
            changed[place] = other(tokens[place], vocab_size)
            moved = torch.maximum(moved, measure(decoder(changed) - before))
        rows.append(moved)
    return torch.stack(rows)


def pairs(differences, tolerance=1e-4):
    """All (changed token, position) where something moved."""
    return (differences > tolerance).nonzero().tolist()


def farthest(pairs):
    return max([0, *(place - position for place, position in pairs)])


def nearest_moved(decoder, tokens, vocab_size):
    """How far the nearest earlier position lies that a changed token moves, the most of all tokens."""
    moved = [(s, t) for s, t in pairs(differences(decoder, tokens, vocab_size)) if t < s]
    return max([0, *(min(s - t for s, t in moved if s == place) for place in {s for s, _ in moved})])


def by_argmax(decoder, tokens, vocab_size):
    before, pairs = decoder(tokens).argmax(-1), []
    for place in range(len(tokens)):
        for step in range(1, vocab_size):
            changed = tokens.clone()
            changed[place] = (tokens[place] + step) % vocab_size
            moved = (decoder(changed).argmax(-1) != before).nonzero()[:, 0]
            pairs += [(place, position) for position in moved.tolist()]
    return farthest(pairs)


def all_behind_at_once(decoder, tokens, vocab_size):
    """From a place on all tokens are other ones; the first place that moves an earlier output ends it."""
    before, farthest = decoder(tokens), 0
    for position in range(len(tokens)):
        for place in range(position + 1, len(tokens)):
            changed = torch.cat([tokens[:place], next_token(tokens[place:], vocab_size)])
            if (decoder(changed)[position] - before[position]).abs().max() > 1e-4:
                farthest = max(farthest, place - position)
                break
    return farthest


def before_a_gap(distances):
    return next(n for n in range(len(distances) + 1) if n + 1 not in distances)


def with_the_last_token(pairs):
    """Of the leaks that are found those with the last token that shows one."""
    ahead = [pair for pair in pairs if pair[0] > pair[1]]
    last = max((place for place, _ in ahead), default=0)
    return [pair for pair in ahead if pair[0] == last]


def longest_run(pairs, side):
    """The farthest distance that is reached without a gap, from one position (1) or to one token (0)."""
    by_place = {}
    for pair in pairs:
        by_place.setdefault(pair[side], set()).add(pair[0] - pair[1])
    return max([0, *map(before_a_gap, by_place.values())])


def some_tokens_tried(which):
    """Of the vocabulary only these tokens are put in."""

    def answer(decoder, tokens, vocab_size):
        others = [lambda token, vocab, n=n: n for n in which(vocab_size)]
        return max([0, *(farthest(pairs(differences(decoder, tokens, vocab_size, n))) for n in others)])

    return answer


def never_put_back(others, first=0):
    """Tokens that have been changed stay so while the next ones are."""

    def answer(decoder, tokens, vocab_size):
        before, changed, farthest = decoder(tokens), tokens.clone(), 0
        for place in range(first, len(tokens)):
            for other in others(int(tokens[place]), vocab_size):
                changed[place] = other
                moved = (largest(decoder(changed) - before)[:place] > 1e-4).nonzero()[:, 0]
                farthest = max([farthest, *(place - position for position in moved.tolist())])
        return farthest

    return answer
