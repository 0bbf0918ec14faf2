"""The page on the loopback address, where ``theory.shape`` decides the activations that are typed.

    GET  /TOKEN/        the page
    POST /TOKEN/shape   an expression; the answer of ``python -m theory.shape --json``

A page of another site can neither read nor drive it: it does not know the token, a name that it
points to 127.0.0.1 is not the one that is answered, and what it sends names another origin.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from theory.shape.command import SECONDS

__all__ = ["LONGEST", "Server", "decided"]

LONGEST = 8000
"""Bytes of an expression; the grammar takes 2000 characters."""
SLACK = 10
"""Seconds beyond those of the analysis, for the process to begin and to end."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def decided(text: str) -> dict[str, Any]:
    """What ``theory.shape`` says of an expression, or ``error``: why it says nothing; its process
    is ended with the time.
    """
    command = [sys.executable, "-m", "theory.shape", "--json", "--", text]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS + SLACK, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"not decided within {SECONDS} seconds"}
    except ValueError:  # a NUL
        return {"error": "it is no expression"}
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer
    reason = done.stderr.strip().splitlines()
    return {"error": reason[-1].partition(": ")[2] if reason else "no answer"}


class Server(ThreadingHTTPServer):
    """Answers at ``address`` alone, and nobody who does not know it.

    Raises
    ------
    OSError: the port is taken.
    """

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.host = f"127.0.0.1:{self.server_address[1]}"
        self.path = f"/{secrets.token_urlsafe(24)}/"
        self.address = f"http://{self.host}{self.path}"
        self.page = b""
        """What it shows."""
        self.turn = threading.Lock()
        """One analysis at a time."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = 10

    def do_GET(self) -> None:
        if self._refused(""):
            return
        self._answer(200, "text/html; charset=utf-8", self.server.page)

    def do_POST(self) -> None:
        if self._refused("shape"):
            return
        if self.headers.get("Origin") != f"http://{self.server.host}":
            return self._answer(403)
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 9):
            return self._answer(411)
        if int(length) > LONGEST:
            return self._answer(413)
        try:
            text = self.rfile.read(int(length)).decode()
        except UnicodeDecodeError:
            return self._answer(400)
        if not self.server.turn.acquire(timeout=SECONDS + SLACK):
            return self._answer(503)
        try:
            answer = decided(text)
        finally:
            self.server.turn.release()
        self._answer(200, "application/json", json.dumps(answer).encode())

    def _refused(self, name: str) -> bool:
        """Answered with an error: another host or another path."""
        if self.headers.get("Host") != self.server.host:
            self._answer(403)
        elif not secrets.compare_digest(self.path.encode(), f"{self.server.path}{name}".encode()):
            self._answer(404)
        else:
            return False
        return True

    def _answer(self, status: int, kind: str = "text/plain", body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A request that is none: the status alone."""
        self._answer(code)

    def version_string(self) -> str:
        """No versions are told."""
        return "everyweight"

    def log_message(self, format: str, *values: object) -> None:
        """Nothing is written."""
