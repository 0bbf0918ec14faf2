"""Firefox, headless, by its own protocol: Marionette, JSON with its length before it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element in WebDriver."""
WATCHED = """
window.asked = [];
const own = gBrowser.selectedBrowser.browsingContext.id;
Services.obs.addObserver((subject) => {
  const channel = subject.QueryInterface(Ci.nsIHttpChannel);
  if (channel.loadInfo.browsingContextID === own) window.asked.push(channel.URI.spec);
}, "http-on-modify-request");
Services.console.reset();
"""
TROUBLE = """
const errors = Services.console.getMessageArray()
  .filter((line) => line instanceof Ci.nsIScriptError)
  .filter((line) => !/^(chrome|resource|moz-extension):/.test(line.sourceName));
return [...window.asked, ...errors.map(String)];
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Firefox:
    """A window of Firefox with a profile of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        port = _free_port()
        (profile / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
        options = ["--headless", "--marionette", "--remote-allow-system-access", "--no-remote"]
        self.process = subprocess.Popen(
            [program, *options, "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.connection = self._connected(port)
        self.stream = self.connection.makefile("rb")
        self.calls = 0
        self._answer()
        self.call("WebDriver:NewSession", capabilities={})
        self.call("WebDriver:SetWindowRect", width=1280, height=1400)
        self.in_browser(WATCHED)

    def _connected(self, port: int) -> socket.socket:
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=60)
            except OSError:
                time.sleep(0.1)
        raise AssertionError("Firefox does not answer")

    def _answer(self) -> Any:
        size = b""
        while (digit := self.stream.read(1)) != b":":
            size += digit
        return json.loads(self.stream.read(int(size)))

    def call(self, command: str, **parameters: Any) -> Any:
        """A command of WebDriver, and its value."""
        self.calls += 1
        line = json.dumps([0, self.calls, command, parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(line), line))
        _, _, error, answer = self._answer()
        assert error is None, error
        return answer.get("value") if isinstance(answer, dict) else answer

    def open(self, address: str) -> None:
        """Load a page."""
        self.call("WebDriver:Navigate", url=address)

    def evaluate(self, script: str, *arguments: Any) -> Any:
        """What a script returns, or the promise that it returns."""
        return self.call("WebDriver:ExecuteScript", script=script, args=list(arguments))

    def in_browser(self, script: str) -> Any:
        """A script of the browser itself."""
        self.call("Marionette:SetContext", value="chrome")
        value = self.evaluate(script)
        self.call("Marionette:SetContext", value="content")
        return value

    def trouble(self) -> list[str]:
        """Requests and errors since the window was opened."""
        return list(self.in_browser(TROUBLE))

    def find(self, selector: str) -> str:
        """The element of a CSS selector."""
        return str(
            self.call("WebDriver:FindElement", using="css selector", value=selector)[ELEMENT]
        )

    def click(self, selector: str) -> None:
        """Click with a pointer."""
        self.call("WebDriver:ElementClick", id=self.find(selector))

    def type(self, selector: str, text: str) -> None:
        """Keys, or the path of a file."""
        self.call("WebDriver:ElementSendKeys", id=self.find(selector), text=text)

    def drag(self, selector: str, x: int, y: int) -> None:
        """Press on an element, move by (x, y) pixels, and let go."""
        element = {ELEMENT: self.find(selector)}
        actions = [
            {"type": "pointerMove", "origin": element, "x": 0, "y": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "origin": "pointer", "x": x, "y": y, "duration": 100},
            {"type": "pointerUp", "button": 0},
        ]
        pointer = {"type": "pointer", "id": "mouse", "actions": actions}
        self.call("WebDriver:PerformActions", actions=[pointer])

    def close(self) -> None:
        """End it."""
        self.call("Marionette:Quit", flags=["eForceQuit"])
        self.stream.close()
        self.connection.close()
        self.process.wait(30)
