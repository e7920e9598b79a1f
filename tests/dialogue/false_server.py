"""Servers that answer as they are told: by the book of OpenAI's streaming, or against it."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def chunk(content=None, calls=None, end=None, **more):
    """A piece of a streamed answer."""
    delta = ({} if content is None else {"content": content}) | (
        {} if calls is None else {"tool_calls": calls}
    )
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": [choice],
    } | more


def call(name, arguments, index=0):
    """A piece of a call."""
    return {
        "index": index,
        "id": f"id{index}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def stream(*items, done=True):
    """The body of a streamed answer: chunks, or raw lines as texts."""
    lines = [item if isinstance(item, str) else f"data: {json.dumps(item)}" for item in items]
    return "".join(f"{line}\n\n" for line in [*lines, *(["data: [DONE]"] if done else [])])


class FalseServer:
    """Answers each chat with the next of `answers`.

    Each is a body; `(status, kind, body)`, or with a length; a function that gives one; or None: it hangs up.

    Fields:
        asked: the bodies of the chats.
    """

    def __init__(self, *answers, models=("m",)):
        self.answers, self.models, self.asked = list(answers), models, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                models = [{"id": name, "object": "model"} for name in outer.models]
                self.reply(200, "application/json", json.dumps({"object": "list", "data": models}))

            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                answer = outer.answers.pop(0)
                answer = answer() if callable(answer) else answer
                if answer is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                if isinstance(answer, str):
                    answer = (200, "text/event-stream", answer)
                self.reply(*answer)

            def reply(self, status, kind, body, length=None):
                body = body.encode("utf-8", "surrogatepass")
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(length or len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Nothing to standard error."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def late(seconds, answer):
    """An answer that comes too late."""

    def wait():
        time.sleep(seconds)
        return answer

    return wait
