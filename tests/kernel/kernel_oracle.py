"""What a kernel must come to, told without a kernel: answers of calls, and a text decoded alone."""


class Broken(AssertionError):
    """An invariant does not hold; `number` says which."""

    def __init__(self, number, words):
        super().__init__(f"invariant {number}: {words}")
        self.number = number


def need(truth, number, words):
    if not truth:
        raise Broken(number, words)


# ---- the tools, and an oracle of their answers that knows no table ----

ANSWERS = {  # request: (right, errno and text, latency)
    'add {"a": 2, "b": 3}': ("math", "OK 5", 3),
    'add {"a": 2}': ("math", "EINVAL missing a required argument: 'b'", 0),
    'add {"a": true, "b": 3}': ("math", "EINVAL a=True is not int", 0),
    "add [1]": ("math", "EINVAL arguments must be a JSON object, got [1]", 0),
    "fail": ("math", "EIO ZeroDivisionError: division by zero", 2),
    "full": ("math", "ENOSPC no room", 2),
    "slow": ("math", "ETIMEDOUT no answer within 4", 4),
    "long": ("math", "OK " + 40 * "x", 0),
    'note {"text": "a"}': ("note", "OK noted", 5),
    'note {"text": "b"}': ("note", "OK noted", 5),
    "nothing": (None, "ENOSYS there is no call 'nothing'", 0),
}


def expected(request, rights):
    """Errno and text, and the latency, of a request by a process with these rights."""
    need(request in ANSWERS, 5, f"a call that no model wrote: {request!r}")
    right, said, latency = ANSWERS[request]
    if right is not None and right not in rights:
        return f"EPERM this process may not {right}", 0
    return said, latency


def answer(request, rights, room):
    """The tokens of the answer."""
    said, _ = expected(request, rights)
    tokens = list(said.encode())
    if len(tokens) + 2 > room:
        tokens = tokens[: max(0, room - 7)] + list(b"[cut]")
    return [258, *tokens, 259][:room]


def tools(modules, effects):
    """A table with the calls of `ANSWERS`; what `note` does is written into `effects`."""
    table = modules["syscalls"].SyscallTable()

    def add(process, a: int, b: int):
        return a + b

    def fail(process):
        raise ZeroDivisionError("division by zero")

    def full(process):
        raise OSError(28, "no room")

    def note(process, text: str):
        effects.append((process.pid, len(process.tokens), text))
        return "noted"

    table.register("add", add, capability="math", latency=3)
    table.register("fail", fail, capability="math", latency=2)
    table.register("full", full, capability="math", latency=2)
    table.register("slow", lambda process: "never", capability="math", latency=9, limit=4)
    table.register("long", lambda process: 40 * "x", capability="math")
    table.register("note", note, latency=5, effect=True)
    return table


# ---- the text that a process must come to ----


def alone(model, prompt, limit, seed, stop, rights, calls):
    """Decode one text by itself, without blocks: `tokens` with everything after the prompt."""
    tokens, past, read = list(prompt), [], 0
    while len(tokens) < limit:
        model.read(past, tokens[read:], read)
        read = len(tokens)
        tokens.append(model.next_token(past, seed))
        if tokens[-1] in stop:
            break
        if calls and tokens[-1] == 257 and len(tokens) < limit:
            said = tokens[len(prompt) : -1]
            marks = [at for at, token in enumerate(said) if token > 255]
            if marks and said[marks[-1]] == 256:
                tokens += answer(bytes(said[marks[-1] + 1 :]).decode(), rights, limit - len(tokens))
    return tokens
