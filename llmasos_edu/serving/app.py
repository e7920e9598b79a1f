"""The server: OpenAI's endpoints over the kernel, errors in words, a control room at `/`.

Built on Starlette; uvicorn runs it (`python -m llmasos_edu serve`).
"""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from llmasos_edu.serving import control
from llmasos_edu.serving.engine import Busy, Closed, Engine, TooLarge
from llmasos_edu.serving.model import ServedModel, parsed
from llmasos_edu.serving.plan import NoCall
from llmasos_edu.serving.refusals import BadRequest
from llmasos_edu.serving.requests import Asked, chat, completion
from llmasos_edu.serving.tools import ToolCall
from llmasos_edu.serving.writing import Writing, begin

MAX_BODY = 2**20  # bytes
BODY_SECONDS = 30.0  # a body that takes longer is given up
LOOK_SECONDS = 0.2  # how often those who wait look whether the server is about to stop
LOOPBACK = ("127.0.0.1", "localhost")


class Forms:
    """How a completion or a chat looks in JSON; `chat` says which."""

    def __init__(self, model: str, chat: bool):
        self.chat, self.model = chat, model
        self.id = ("chatcmpl-" if chat else "cmpl-") + secrets.token_hex(12)
        self.created = int(time.time())

    def _frame(self, kind: str, choices: list, **more) -> dict:
        head = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return head | {"choices": choices} | more

    def whole(self, texts: list[str], writings: list[Writing], usage: dict) -> dict:
        """The answer to a request without `stream`."""
        choices = []
        for index, (text, writing) in enumerate(zip(texts, writings, strict=True)):
            said = {"message": _message(text, writing.calls)} if self.chat else {"text": text}
            end = {"logprobs": None, "finish_reason": writing.finish_reason}
            choices.append({"index": index} | said | end)
        return self._frame("chat.completion" if self.chat else "text_completion", choices, usage=usage)

    def piece(
        self, index: int, text: str | None, end: str | None = None, first: bool = False, call=None
    ) -> dict:
        """A piece of one choice in a stream: of its text, or of a call."""
        if self.chat:
            delta = ({"role": "assistant"} if first else {}) | ({} if text is None else {"content": text})
            delta |= {} if call is None else {"tool_calls": [call]}
            said = {"delta": delta}
        else:
            said = {"text": text or ""}
        choice = {"index": index} | said | {"logprobs": None, "finish_reason": end}
        return self._frame("chat.completion.chunk" if self.chat else "text_completion", [choice])

    def count(self, usage: dict) -> dict:
        """The last piece of a stream that was asked for `include_usage`."""
        return self._frame("chat.completion.chunk" if self.chat else "text_completion", [], usage=usage)


def _message(text: str, calls: list[ToolCall]) -> dict:
    if not calls:
        return {"role": "assistant", "content": text}
    return {"role": "assistant", "content": text or None, "tool_calls": [call.json() for call in calls]}


def usage(prompt_tokens: int, writings: list[Writing]) -> dict:
    """OpenAI's count; cached tokens are those that a process did not have to compute."""
    said = sum(writing.completion_tokens for writing in writings)
    reused = sum(writing.listener.process.reused for writing in writings)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": said,
        "total_tokens": prompt_tokens + said,
        "prompt_tokens_details": {"cached_tokens": reused},
    }


async def body(request: Request, engine: Engine) -> bytes:
    """The body, at most `MAX_BODY` bytes of it, not for ever, and not when the server is about to stop.

    Raises:
        BadRequest: it is too large, too slow, or no JSON by its own word. Closed: the server stops.
    """
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip() != "application/json":
        # Also what keeps other sites' pages out: a browser asks before it sends this type across origins.
        raise BadRequest(f"the content type must be application/json, got {kind!r}", status=415)
    reading = asyncio.ensure_future(_read(request))
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while not reading.done():
                await asyncio.wait({reading}, timeout=LOOK_SECONDS)
                if engine.closing and not reading.done():
                    raise Closed("the server is about to stop and waits for no body")
            return await reading
    except TimeoutError:
        raise BadRequest(f"the body did not arrive within {BODY_SECONDS:g} s", status=408) from None
    finally:
        reading.cancel()


async def _read(request: Request) -> bytes:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MAX_BODY:
            raise BadRequest(f"the body has more than {MAX_BODY} bytes", status=413)
    return bytes(raw)


async def until_gone(request: Request) -> None:
    """Return when the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def or_gone(request: Request, writings: list[Writing]) -> list[str] | None:
    """All texts in whole, or None where the client went away before: then their processes are killed."""
    texts = asyncio.gather(*(writing.whole() for writing in writings))
    gone = asyncio.ensure_future(until_gone(request))
    try:
        await asyncio.wait({texts, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await texts if texts.done() else None
    finally:
        for task in (texts, gone):
            task.cancel()
        await asyncio.gather(texts, gone, return_exceptions=True)


def event(data: dict | str) -> str:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n"


async def streamed(forms: Forms, asked: Asked, echo: list[str], writings: list[Writing], prompt_tokens: int):
    """The events of a streamed answer, all choices mixed as they come."""
    news: asyncio.Queue = asyncio.Queue()

    async def read(index: int, writing: Writing) -> None:
        try:
            await news.put(forms.piece(index, echo[index], first=True))
            async with aclosing(writing.pieces()) as pieces:
                async for text in pieces:
                    await news.put(forms.piece(index, text))
            for call in writing.calls:
                for delta in call.deltas():
                    await news.put(forms.piece(index, None, call=delta))
            await news.put(forms.piece(index, None, writing.finish_reason))
            await news.put(None)
        except Exception as error:  # whatever it is: who waits for news must not wait for ever
            await news.put(error_json(str(error) or type(error).__name__, "server_error"))
            await news.put(None)

    readers = [asyncio.ensure_future(read(*pair)) for pair in enumerate(writings)]
    try:
        unfinished = len(readers)
        while unfinished:
            item = await news.get()
            unfinished -= item is None
            if item is not None:
                yield event(item)
        if asked.usage:
            yield event(forms.count(usage(prompt_tokens, writings)))
        yield event("[DONE]")
    finally:  # the client may have gone away: whoever still reads ends, and its process with it
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        for writing in writings:  # a reader that never began has nothing to clean up by itself
            writing.engine.kill(writing.listener.process.pid, "nobody listens")


class Api:
    """The endpoints of one model."""

    def __init__(self, engine: Engine, model: ServedModel):
        self.engine, self.model = engine, model
        self.seeds = itertools.count(secrets.randbits(32))

    async def _body(self, request: Request) -> bytes:
        return await body(request, self.engine)

    async def completions(self, request: Request) -> Response:
        """`POST /v1/completions`."""
        return await self._answer(request, completion(parsed(await self._body(request))))

    async def chats(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        return await self._answer(request, chat(parsed(await self._body(request))))

    async def _answer(self, request: Request, asked: Asked) -> Response:
        seed = next(self.seeds) if asked.seed is None else asked.seed
        writings, prompt_tokens = await begin(self.engine, self.model, asked, seed)
        forms, echo = Forms(self.model.name, bool(asked.messages)), self._echo(asked)
        if asked.stream:
            events = streamed(forms, asked, echo, writings, prompt_tokens)
            return StreamingResponse(events, media_type="text/event-stream", headers=control.FRESH)
        texts = await or_gone(request, writings)
        if texts is None:
            return Response(status_code=499)  # nobody reads it
        texts = [before + text for before, text in zip(echo, texts, strict=True)]
        return JSONResponse(forms.whole(texts, writings, usage(prompt_tokens, writings)))

    def _echo(self, asked: Asked) -> list[str]:
        """What stands before each choice: the prompt where `echo` was asked for."""
        if not asked.echo:
            return [""] * max(1, len(asked.prompts)) * asked.n
        decode = self.model.tokenizer.decode
        texts = [prompt if isinstance(prompt, str) else decode(prompt) for prompt in asked.prompts]
        return [text for text in texts for _ in range(asked.n)]

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`, and one of them by its name."""
        own = {"id": self.model.name, "object": "model", "created": 0, "owned_by": "llmasos_edu"}
        name = request.path_params.get("name")
        if name is None:
            return JSONResponse({"object": "list", "data": [own]})
        if name != self.model.name:
            raise BadRequest(f"there is no model {name!r} here", "model", status=404, code="model_not_found")
        return JSONResponse(own)


# ---- errors, in OpenAI's form and in words -------------------------------------------


def error_json(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict:
    """OpenAI's form of an error; a client's option may be named by half of a character."""
    param = None if param is None else param.encode(errors="backslashreplace").decode()
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that was not served."""
    headers = {}
    if isinstance(error, BadRequest):
        status, kind, param, code = error.status, "invalid_request_error", error.param, error.code
    elif isinstance(error, TooLarge):
        status, kind, param, code = 400, "invalid_request_error", "max_tokens", "out_of_memory"
        error = f"the request can never fit into this server's memory: it {error} blocks"
    elif isinstance(error, Busy):
        status, kind, param, code = 429, "rate_limit_error", None, "queue_full"
        headers["retry-after"] = str(error.retry_after)
    elif isinstance(error, HTTPException):
        status, kind, param, code = error.status_code, "invalid_request_error", None, None
        error = f"{error.detail}: {request.method} {request.url.path}"
    else:
        status, kind, param, code = 500 if isinstance(error, NoCall) else 503, "server_error", None, None
    return JSONResponse(error_json(str(error), kind, param, code), status, headers)


def failed(request: Request, error: Exception) -> Response:
    """A bug of ours: a sentence for the client; the trace goes to the server's log."""
    return JSONResponse(error_json("the server failed on this request", "server_error"), 500)


class BearerToken:
    """Lets in only who sends the token, as `Authorization: Bearer TOKEN` or, for a browser, as `?token=`."""

    def __init__(self, app, token: str):
        self.app, self.token = app, token

    async def __call__(self, scope, receive, send) -> None:
        """ASGI."""
        # The page's own files hold nothing of the kernel's; what they ask for needs the token.
        if scope["type"] != "http" or scope["path"] in control.PAGE or self._may(Request(scope)):
            await self.app(scope, receive, send)
            return
        message = "this server asks for a token: send it as Authorization: Bearer TOKEN"
        refusal = JSONResponse(error_json(message, "invalid_request_error", code="invalid_api_key"), 401)
        await refusal(scope, receive, send)

    def _may(self, request: Request) -> bool:
        kind, _, sent = request.headers.get("authorization", "").partition(" ")
        sent = sent if kind.lower() == "bearer" else request.query_params.get("token", "")
        return secrets.compare_digest(sent.encode(), self.token.encode())


def make_app(
    engine: Engine, model: ServedModel, *, token: str | None = None, hosts: tuple[str, ...] = LOOPBACK
) -> Starlette:
    """The whole server as an ASGI application; it starts the engine and, at its end, lets it run dry.

    Args:
        engine: not started yet.
        model: what the engine's driver is a model of.
        token: what clients must send, at least one sign of ASCII that can be seen and no blank; None lets
            everyone in who reaches the port.
        hosts: names under which the server may be asked for; a page of another site that has its name point
            here is refused. `("*",)` allows all.

    Raises:
        ValueError: an empty token, which nobody would need to know, or one that no header can carry.
    """
    if token is not None and not (token and all("!" <= sign <= "~" for sign in token)):
        raise ValueError(f"token={token!r} must be letters, digits and signs of ASCII, and not empty")
    api, room = Api(engine, model), control.ControlRoom(engine, model)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        engine.start()
        try:
            yield
        finally:
            await engine.drain()
            engine.stop()

    routes = [
        Route("/v1/models", api.models),
        Route("/v1/models/{name:path}", api.models),
        Route("/v1/completions", api.completions, methods=["POST"]),
        Route("/v1/chat/completions", api.chats, methods=["POST"]),
        *room.routes(partial(body, engine=engine)),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)]
    if token is not None:
        middleware.append(Middleware(BearerToken, token=token))
    handlers = dict.fromkeys((BadRequest, TooLarge, Busy, Closed, NoCall, HTTPException), refused)
    return Starlette(
        routes=routes,
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers=handlers | {ClientDisconnect: refused, Exception: failed},
    )
