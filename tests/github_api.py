"""The part of GitHub's REST API that comments go through, on loopback."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

BOT = {"user": {"type": "Bot", "login": "github-actions[bot]"}, "author_association": "NONE"}
COLLABORATOR = {"user": {"type": "User", "login": "ada"}, "author_association": "COLLABORATOR"}
STRANGER = {"user": {"type": "User", "login": "eve"}, "author_association": "NONE"}


@dataclass
class Api:
    """Comments of pull request 7 of acme/shop, and every request that was made."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    is_read_only: bool = False
    answer: tuple[int, bytes] | None = None
    location: str = ""

    def add(self, body: str, author: dict[str, Any]) -> None:
        """Have somebody comment."""
        number = len(self.comments) + 1
        url = f"https://github.example/acme/shop/pull/7#issuecomment-{number}"
        self.comments.append({"id": number, "body": body, "html_url": url, **author})

    @property
    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments]

    def respond(self, method: str, target: str, content: Any) -> tuple[int, Any]:
        """Do what a request asks."""
        address = urlsplit(target)
        below = "/repos/acme/shop/issues"
        if method == "GET" and address.path == f"{below}/7/comments":
            query = {name: int(values[0]) for name, values in parse_qs(address.query).items()}
            start = (query["page"] - 1) * query["per_page"]
            return 200, self.comments[start : start + query["per_page"]]
        if self.is_read_only:
            return 403, {"message": "Resource not accessible by integration"}
        if method == "POST" and address.path == f"{below}/7/comments":
            self.add(content["body"], BOT)
            return 201, self.comments[-1]
        for comment in self.comments:
            if method == "PATCH" and address.path == f"{below}/comments/{comment['id']}":
                comment["body"] = content["body"]
                return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def running_api() -> Iterator[Api]:
    """Give the API, served on loopback for the block."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            given = self.rfile.read(size)
            api.requests.append(f"{self.command} {self.path}")
            api.tokens.add(self.headers.get("Authorization", ""))
            if api.answer is not None:
                code, body = api.answer
            else:
                code, answered = api.respond(self.command, self.path, json.loads(given) if given else None)
                body = json.dumps(answered).encode()
            self.send_response(code)
            if api.location:
                self.send_header("Location", api.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815  # the names are http.server's

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
