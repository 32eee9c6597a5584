"""An OpenAI-compatible endpoint on a socket of this machine: answers as it is told to, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLOW, BROKEN = "slow", "broken"  # answers: later than anybody waits, and with a server's error
SLOW_SECONDS = 1.0


class WordingEndpoint(ThreadingHTTPServer):
    """answers: one after the other, the last one for ever: (subject, body), a text that is no answer, SLOW or BROKEN."""

    def __init__(self, *answers: Any) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.requests = list(answers), list[tuple[str, dict[str, str], str]]()  # path, headers, body

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: WordingEndpoint

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer == SLOW:
            time.sleep(SLOW_SECONDS)
        if answer in (SLOW, BROKEN):
            self.send_error(503)
            return
        content = answer if isinstance(answer, str) else json.dumps(dict(zip(("subject", "body"), answer, strict=True)))
        reply = {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}}]}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests read what was sent."""


@contextmanager
def wording_endpoint(*answers: Any) -> Iterator[WordingEndpoint]:
    with WordingEndpoint(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
