"""The served page: it answers its own address alone, and an activation within its time."""

from __future__ import annotations

import http.client
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from verify.explorer import server as module
from verify.explorer.page import html
from verify.explorer.server import LONGEST, Server, decided


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(0) as opened:
        opened.page = b"the page"
        thread = threading.Thread(target=opened.serve_forever)
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def _asked(
    server: Server, method: str, path: str, body: bytes | None = None, **changes: str | None
) -> tuple[int, bytes]:
    """The status and the body; headers as the page sends them, but for the changes."""
    headers = {"Host": server.host, "Origin": f"http://{server.host}", **changes}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {**headers, "Content-Length": str(len(body or b""))}.items():
        if value is not None and not (name == "Content-Length" and body is None):
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    reply = connection.getresponse()
    answer = reply.status, reply.read()
    assert reply.headers["Access-Control-Allow-Origin"] is None
    assert reply.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    connection.close()
    return answer


def test_only_its_own_address_is_answered(server: Server) -> None:
    assert server.address == f"http://127.0.0.1:{server.server_address[1]}{server.path}"
    assert len(server.path) > 30
    assert _asked(server, "GET", server.path) == (200, b"the page")
    other = "x" if server.path[-2] != "x" else "y"
    for path in (
        "/",
        "/x/",
        f"{server.path}x",
        f"{server.path[:-2]}{other}/",
        f"{server.path}shape",
    ):
        assert _asked(server, "GET", path) == (404, b"")
    for host in ("evil.example", "localhost", "127.0.0.1", None):
        assert _asked(server, "GET", server.path, Host=host) == (403, b"")


def test_another_page_cannot_drive_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "decided", lambda text: {"said": text})
    path = f"{server.path}shape"
    assert _asked(server, "POST", path, b"x") == (200, b'{"said": "x"}')
    for origin in ("http://evil.example", "null", f"https://{server.host}", None):
        assert _asked(server, "POST", path, b"x", Origin=origin) == (403, b"")
    assert _asked(server, "POST", path, b"x", Host="evil.example") == (403, b"")
    assert _asked(server, "POST", server.path, b"x") == (404, b"")
    assert _asked(server, "POST", path, None) == (411, b"")
    assert _asked(server, "POST", path, b"\xff") == (400, b"")
    assert _asked(server, "PUT", path, b"x")[0] == 501


def test_what_is_too_long_is_not_read(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    headers = {"Origin": f"http://{server.host}", "Content-Length": str(LONGEST + 1)}
    connection.request("POST", f"{server.path}shape", headers=headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_an_expression_is_decided_or_refused() -> None:
    answer = decided("-x*sigmoid(-3*x)")
    assert (answer["class"], answer["channels"]) == ("linear_odd_part", 2)
    assert answer["weights"]["exact"]["a"] == ["-1/2", "1/2"]
    refused = decided("--help")["error"]
    assert refused.startswith("character 3: ") and "the name 'help'" in refused
    assert decided("x\0") == {"error": "it is no expression"}


def test_no_answer_in_time_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: Any, **options: Any) -> None:
        assert options["timeout"] >= 20
        raise subprocess.TimeoutExpired("theory.shape", 20)

    monkeypatch.setattr(subprocess, "run", late)
    assert decided("x") == {"error": "not decided within 20 seconds"}


@pytest.mark.browser
@pytest.mark.usefixtures("derived")
def test_a_typed_activation_is_decided_in_the_page(browser: Any, server: Server) -> None:
    server.page = html(served=True).encode()
    tab = browser.new_page()
    trouble: list[str] = []
    tab.on("console", lambda line: trouble.append(line.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("request", lambda request: trouble.append(request.url))
    tab.goto(server.address)
    tab.get_by_role("tab", name="Activation").click()
    tab.get_by_label("activation σ").fill("x*sigmoid(3*x)")
    tab.get_by_label("activation σ").press("Enter")
    words = "() => document.querySelector('.verdict').innerText.startsWith('σ: exact with 2 chan')"
    tab.wait_for_function(words)
    tab.close()
    asked = [url for url in trouble if not url.startswith("data:")]
    assert asked == [server.address, f"{server.address}shape"]
