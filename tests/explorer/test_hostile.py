"""What the page reads, changed as for the package's own readers: a link, an expression, a file, a
certificate; each gives a value or its documented error.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.explorer.states import state_of
from tests.fuzz.changes import of_json
from tests.fuzz.readers import READERS

CASES = 2000
"""Of each reader."""
READ = """
async ({name, cases}) => {
  const {fromFragment, toFragment} = await import("state");
  const {activationOf, Unreadable} = await import("expression");
  const {tensorsOf, networkOf, Unusable} = await import("safetensors");
  const {check, Rejected} = await import("checker");
  const text = (bytes) => new TextDecoder().decode(bytes);
  const sorted = (x) => JSON.stringify(x, (_, part) => (
    part && !Array.isArray(part) && typeof part === "object"
      ? Object.fromEntries(Object.entries(part).sort()) : part));
  const kept = (bytes) => {
    const state = fromFragment(`#${encodeURIComponent(text(bytes))}`);
    if (!state) throw new Unreadable("no state");
    const again = fromFragment(toFragment(state));
    if (sorted(again) !== sorted(state)) throw new TypeError("it does not come back");
  };
  const [read, refusal] = {
    "link": [kept, Unreadable],
    "activation": [(bytes) => activationOf(text(bytes)), Unreadable],
    "safetensors": [(bytes) => networkOf(tensorsOf(bytes)), Unusable],
    "certificate": [check, Rejected],
  }[name];
  const faults = [];
  let taken = 0;
  for (const [k, encoded] of cases.entries()) {
    try { await read(Uint8Array.from(atob(encoded), (x) => x.charCodeAt(0))); taken++; }
    catch (error) { if (!(error instanceof refusal)) faults.push([k, String(error.stack)]); }
  }
  return [taken, faults];
}
"""
LINK = json.dumps(
    {
        **state_of("relu", [["1/8", "1/4", "1/8"]], ["-1/8"], ["4/7"], "2/7"),
        "tab": "disk",
        "radius": 5.3,
        "disk": {"w": ["0"] * 9, "b": "0", "r": 6.3, "x": 0, "y": 0},
        "training": {"optimizer": "sgd", "step": 0.2, "decay": 0, "c": False},
    }
)


def _link(_: bytes, rng: random.Random) -> bytes:
    return of_json(LINK, rng).encode(errors="surrogatepass")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["link", "activation", "safetensors", "certificate"])
def test_the_page_reads_or_refuses(page: Any, name: str) -> None:
    change: Callable[[bytes, random.Random], bytes] = _link
    seeds = (LINK.encode(),)
    if name in READERS:
        change, seeds = READERS[name].change, READERS[name].seeds()
    rng = random.Random(name)
    cases = [*seeds, *(change(rng.choice(seeds), rng) for _ in range(CASES))]
    sent = {"name": name, "cases": [base64.b64encode(case).decode() for case in cases]}
    taken, faults = page.evaluate(READ, sent)
    assert [(cases[k], stack) for k, stack in faults[:3]] == []
    assert taken
