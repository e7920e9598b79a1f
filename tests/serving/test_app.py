"""The server as clients see it: the real `openai` client, and by hand what that would not send."""

import concurrent.futures
import json
import random
import time

import httpx
import openai
import pytest
from running_server import WINDOW, Running, as_chat

from llmasos_edu.kernel.admission import FuturePeak


def client_of(server, **options):
    return openai.OpenAI(base_url=f"{server.base}/v1", **({"api_key": "none", "max_retries": 0} | options))


def all_free(kernel):
    return not kernel.processes and len(kernel.pool.free) == len(kernel.pool.blocks)


# ---- what the real client gets -------------------------------------------------------


def test_a_completion_is_what_the_model_writes_alone(running):
    server = running()
    done = client_of(server).completions.create(model="integers", prompt="Once upon", max_tokens=20, seed=5)
    assert done.choices[0].text == server.alone("Once upon", 20, seed=5)
    assert done.choices[0].finish_reason == "length"
    assert done.object == "text_completion"
    assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (9, 20, 29)


def test_a_stream_joined_is_the_whole(running):
    server = running()
    stream = client_of(server).completions.create(
        model="integers",
        prompt="Once upon",
        max_tokens=40,
        seed=5,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    texts = [chunk.choices[0].text for chunk in chunks if chunk.choices]
    assert "".join(texts) == server.alone("Once upon", 40, seed=5)
    assert len(texts) > 10
    assert chunks[-2].choices[0].finish_reason == "length"
    assert chunks[-1].usage.completion_tokens == 40


def test_several_prompts_and_choices_come_in_order_with_seeds_of_their_own(running):
    server = running()
    done = client_of(server).completions.create(
        model="integers", prompt=["one", "two"], n=2, max_tokens=8, seed=3, echo=True
    )
    wanted = [
        ("one", 3), ("one", 4), ("two", 5), ("two", 6),
    ]  # fmt: skip
    assert [choice.text for choice in done.choices] == [p + server.alone(p, 8, seed=s) for p, s in wanted]
    assert [choice.index for choice in done.choices] == [0, 1, 2, 3]


def test_streamed_choices_can_be_told_apart(running):
    server = running()
    texts = ["", ""]
    for chunk in client_of(server).completions.create(
        model="integers", prompt="ab", n=2, max_tokens=12, seed=1, stream=True
    ):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [server.alone("ab", 12, seed=1), server.alone("ab", 12, seed=2)]


def test_a_stop_text_ends_the_writing_and_is_not_handed_out(running):
    server = running()
    whole = server.alone("stop here", 60, seed=2)
    stop = whole[20:23]
    done = client_of(server).completions.create(
        model="integers", prompt="stop here", max_tokens=60, seed=2, stop=[stop]
    )
    assert done.choices[0].text == whole[: whole.index(stop)]
    assert done.choices[0].finish_reason == "stop"
    server.until(all_free)


def test_prompts_may_be_token_numbers(running):
    server = running()
    done = client_of(server).completions.create(model="integers", prompt=[65, 66, 67], max_tokens=5, seed=0)
    assert done.choices[0].text == server.alone("ABC", 5)


def test_a_prompt_that_was_read_before_is_not_read_again(running):
    server = running()
    ask = {"model": "integers", "prompt": "x" * 80, "max_tokens": 4, "seed": 0}
    first, second = (client_of(server).completions.create(**ask) for _ in range(2))
    assert first.choices[0].text == second.choices[0].text
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens == 72
    other = client_of(server).completions.create(**ask, user="somebody else")
    assert other.usage.prompt_tokens_details.cached_tokens == 0


@pytest.mark.parametrize("stream", [False, True])
def test_chats_go_through_the_template(running, stream):
    server = running(template=as_chat)
    messages = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]
    done = client_of(server).chat.completions.create(
        model="integers", messages=messages, max_completion_tokens=15, seed=9, stream=stream
    )
    wanted = server.alone("system: be kind\nuser: hello\n", 15, seed=9)
    if stream:
        chunks = list(done)
        assert chunks[0].choices[0].delta.role == "assistant"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == wanted
    else:
        assert done.choices[0].message.content == wanted
        assert done.object == "chat.completion"


def test_a_model_without_a_chat_form_says_so(running):
    with pytest.raises(openai.BadRequestError, match="integers has learned no conversations"):
        client_of(running()).chat.completions.create(
            model="integers", messages=[{"role": "user", "content": "hello"}]
        )


def test_the_models_are_listed(running):
    client = client_of(running())
    assert [model.id for model in client.models.list()] == ["integers"]
    assert client.models.retrieve("integers").id == "integers"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-4'"):
        client.models.retrieve("gpt-4")


# ---- many at once --------------------------------------------------------------------


def test_many_clients_at_once_get_what_they_would_get_alone(running):
    server = running(num_blocks=60, slots=6)
    rng = random.Random(0)
    asked = [
        ("".join(rng.choices("abc ", k=rng.randint(1, 60))), rng.randint(1, 50), rng.randrange(9))
        for _ in range(40)
    ]

    def ask(prompt, count, seed):
        done = client_of(server).completions.create(
            model="integers", prompt=prompt, max_tokens=count, seed=seed, user=str(seed % 3)
        )
        return done.choices[0].text

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda each: ask(*each), asked))
    assert texts == [server.alone(*each) for each in asked]
    server.until(all_free)


def test_a_client_that_goes_away_frees_its_blocks(running):
    server = running(seconds=0.02)
    stream = client_of(server).completions.create(
        model="integers", prompt="away", max_tokens=400, seed=0, stream=True
    )
    next(iter(stream))
    server.until(lambda kernel: len(kernel.processes) == 1)
    stream.close()
    server.until(all_free, seconds=3)


def test_a_client_that_does_not_wait_for_the_whole_frees_its_blocks(running):
    server = running(seconds=0.02)
    with pytest.raises(openai.APITimeoutError):
        client_of(server, timeout=0.5).completions.create(model="integers", prompt="away", max_tokens=400)
    server.until(all_free, seconds=3)


def test_too_many_at_once_are_told_when_to_come_again(running):
    server = running(seconds=0.05, slots=1, max_waiting=2, admission=FuturePeak(1))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        ask = {"model": "integers", "prompt": "hello", "max_tokens": 20}
        answers = list(
            pool.map(lambda _: httpx.post(f"{server.base}/v1/completions", json=ask, timeout=60), range(12))
        )
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert any(answer.status_code == 200 for answer in answers)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    assert "wait already" in refused[0].json()["error"]["message"]


# ---- requests that cannot be served --------------------------------------------------


def test_what_can_never_fit_is_refused_with_both_numbers(running):
    server = running(num_blocks=10)
    with pytest.raises(openai.BadRequestError, match="needs 25 blocks, the pool has 10"):
        client_of(server).completions.create(model="integers", prompt="x" * 100, max_tokens=100)


BAD = [
    ({"max_tokens": -1}, "max_tokens=-1 is not a whole number of at least 1"),
    ({"max_tokens": 2.5}, "max_tokens=2.5 is not a whole number"),
    ({"max_tokens": 10**9}, f"more than the window of {WINDOW}"),
    ({"temperature": -0.1}, "temperature=-0.1 is not a number from 0 to 2"),
    ({"temperature": "hot"}, "temperature='hot' is not a number"),
    ({"top_p": 0}, "top_p=0 leaves no token"),
    ({"top_k": 0}, "top_k=0 is not a whole number of at least 1"),
    ({"n": 17}, "n=17 is not a whole number from 1 to 16"),
    ({"stream": "yes"}, "stream='yes' must be true or false"),
    ({"stream_options": {"include_usage": True}}, "stream_options goes with stream"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "at most 4"),
    ({"stop": ""}, "an empty one"),
    ({"seed": 2**70}, "seed="),
    ({"user": 7}, "user=7 must be a text"),
    ({"prompt": ""}, "the prompt is empty"),
    ({"prompt": []}, "the prompt is empty"),
    ({"prompt": [["a"]]}, "prompt must be a text"),
    ({"prompt": [1, 999]}, "token 999 is outside the vocabulary of 256"),
    ({"prompt": "x" * WINDOW}, f"the prompt has {WINDOW} tokens and the window {WINDOW}"),
    ({"prompt": "\ud800"}, "the prompt is no text"),
    ({"logprobs": 3}, "logprobs=3 is not served"),
    ({"frequency_penalty": 1.0}, "use repetition_penalty"),
    ({"tools": [{"type": "function"}]}, "have not learned to call tools"),
    ({"temprature": 1.0}, "there is no option 'temprature'"),
]


@pytest.mark.parametrize(("option", "words"), BAD, ids=range(len(BAD)))
def test_a_bad_option_is_refused_in_words(one_server, option, words):
    body = {"model": "integers", "prompt": "hello", "max_tokens": 5} | option
    answer = httpx.post(
        f"{one_server.base}/v1/completions",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == next(iter(option)) or error["param"] in ("prompt", "max_tokens")


RAW = [
    (b"", 400, "not JSON"),
    (b"{", 400, "not JSON"),
    (b"[1]", 400, "must be a JSON object"),
    (b'{"model": NaN}', 400, "NaN is not a number in JSON"),
    (b"\xff\xfe", 400, "not JSON"),
    (b"[" * 100_000, 400, "not JSON"),
    (b'{"prompt": "' + b"x" * 10_000_000 + b'"}', 413, "more than 1048576 bytes"),
    (b'{"prompt": "hello"}', 400, "model must name one"),
    (b'{"model": "gpt-4", "prompt": "hello"}', 404, "there is no model 'gpt-4'"),
]


@pytest.mark.parametrize(("raw", "status", "words"), RAW, ids=range(len(RAW)))
def test_a_bad_body_is_refused_in_words(one_server, raw, status, words):
    answer = httpx.post(
        f"{one_server.base}/v1/completions", content=raw, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/v1/completions", {"content": b"{}", "headers": {"content-type": "text/plain"}}, 415),
        ("GET", "/v1/completions", {}, 405),
        ("GET", "/nowhere", {}, 404),
        ("GET", "/v1/models", {"headers": {"host": "evil.example"}}, 400),
    ],
)
def test_other_mistakes_have_a_sentence_too(one_server, method, path, options, status):
    answer = httpx.request(method, one_server.base + path, **options)
    assert answer.status_code == status
    assert answer.text


@pytest.fixture(scope="module")
def one_server():
    """One server for all requests that are refused: none of them may harm it."""
    with Running() as server:
        yield server
        done = client_of(server).completions.create(model="integers", prompt="well", max_tokens=9, seed=0)
        assert done.choices[0].text == server.alone("well", 9)


# ---- a token, and the end ------------------------------------------------------------


def test_a_token_is_asked_for(running):
    server = running(token="secret")
    with pytest.raises(openai.AuthenticationError, match="asks for a token"):
        client_of(server).models.list()
    assert client_of(server, api_key="secret").models.list().data
    assert httpx.get(f"{server.base}/kernel?token=secret").status_code == 200
    assert httpx.get(f"{server.base}/kernel?token=wrong").status_code == 401


def test_texts_that_were_begun_end_and_new_ones_are_refused(running):
    server = running(seconds=0.03)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ask = {"model": "integers", "prompt": "drain", "max_tokens": 30, "seed": 4}
        begun = pool.submit(httpx.post, f"{server.base}/v1/completions", json=ask, timeout=30)
        server.until(lambda kernel: len(kernel.processes) == 1)
        server.engine.close()
        late = httpx.post(f"{server.base}/v1/completions", json=ask, timeout=30)
        assert late.status_code == 503
        assert "about to stop" in late.json()["error"]["message"]
        assert begun.result().json()["choices"][0]["text"] == server.alone("drain", 30, seed=4)


def test_a_driver_that_fails_is_told_to_everyone_who_waits(running):
    server = running(seconds=0.02)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ask = {"model": "integers", "prompt": "fail", "max_tokens": 200}
        begun = pool.submit(httpx.post, f"{server.base}/v1/completions", json=ask, timeout=30)
        server.until(lambda kernel: len(kernel.processes) == 1)
        server.kernel.driver.forward = _broken
        assert begun.result().status_code == 503
        assert "no more memory" in begun.result().json()["error"]["message"]
    time.sleep(0.05)
    assert httpx.post(f"{server.base}/v1/completions", json=ask, timeout=30).status_code == 503


def _broken(rows):
    raise RuntimeError("no more memory")
