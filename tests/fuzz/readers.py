"""The readers: inputs that each takes, how these are changed, and what it may raise.

A reader takes bytes; what reads files finds them in a scratch folder in memory.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import io
import json
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from unittest import mock

import numpy as np
import torch
from safetensors.numpy import save

from numerics.certificates import checker, kernel
from tests.certified import RELU, made
from tests.fuzz.changes import of_bytes, of_json, of_safetensors, of_words, of_zip
from theory.expressions.spelling import spelled
from theory.expressions.tokens import GrammarError, source
from theory.shape.command import _guarded, _parser
from verify import exercises
from verify.explain.explainer import explainer
from verify.explorer import server
from verify.models.checkpoint import read
from verify.models.setup import KEYS, setup_of
from verify.report.lab import PROFILES
from verify.report.schedule import typical
from verify.teaching.problems import PROBLEMS
from verify.work.codec import Codec
from verify.work.store import Store, _digest

__all__ = ["READERS", "SCRATCH", "Reader", "Refusal"]

Change = Callable[[bytes, random.Random], bytes]
MEMORY = Path("/dev/shm")
SCRATCH = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None, prefix="fuzz-"))
"""Where inputs are put that a reader wants as a file; removed when the process ends."""
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


class Refusal(Exception):
    """A documented error that is no exception: a command's line on stderr and status 2, a notice of
    the store, a status of the server.
    """


@dataclass(frozen=True)
class Reader:
    """How one is tried: valid inputs, their change, the call, the exceptions that it documents.

    ``share`` of a thousand cases are its; ``seconds`` of the processor are enough for each.
    """

    seeds: Callable[[], tuple[bytes, ...]]
    change: Change
    read: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    share: int
    seconds: float = 5


# --- activations ------------------------------------------------------------------------------

TEXTS = (
    *("relu", "nn.LeakyReLU(0.2)", "leaky-relu", "Softplus(beta=5)", "x*torch.sigmoid(1.702*x)"),
    *("0.5*x*(1+tanh(√(2/π)*(x+0.044715*x³)))", "where(x > 0, x, 0.2*x)", "a if x > 0 else -x"),
    *("clamp(x, -1, 1)", "lambda t: max(t, 0)", "|x| - x²", "z**2 + 1e-3", "hardtanh(x, -1, 2)"),
    *("not (x > 0) and x <= 1", "x.tanh().abs()", "gelu(x, approximate='tanh')", "exp(-z^2)"),
)
WORDS = (
    *("x", "z", "e", "pi", "π", "relu", "tanh", "exp", "log", "sqrt", "erf", "where", "max", "mod"),
    *("nn.", "torch.", ".tanh()", "beta=", "inplace=True", "lambda x:", "return ", "if", "else"),
    *("and", "or", "not", "+", "-", "*", "/", "**", "^", "³", "⁻¹", "√", "|", "(", ")", ",", "="),
    *("<", ">=", "==", "&", "[", "{", "'", '"', ";", "\\", ":", "\n", "__import__", "import os"),
)


def _texts() -> tuple[bytes, ...]:
    return tuple(text.encode() for text in TEXTS)


def _worded(*pool: str) -> Change:
    return lambda data, rng: of_words(_text(data), rng, pool).encode(errors="surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode(errors="surrogatepass")
    except UnicodeDecodeError:  # two texts were joined within a character
        return data.decode(errors="replace")


# --- files of networks ------------------------------------------------------------------------

W = {"conv.weight": np.array([[[0.5, -0.25, 1.0]], [[0.1, 0.2, 0.3]]])}
NET = {**W, "conv.bias": np.array([-0.5, 0.25]), "readout.weight": np.array([[1.0, -2.0]])}
IMAGE = {"conv.weight": np.ones((2, 1, 3, 3)), "readout.weight": np.array([[0.5, -2.0]])}
SAID = {"activation": "relu", "length": "17", "padding": "1", "r_min": "5/2", "pooling": "mean"}
HPARAMS = {"hyper_parameters": json.dumps({"activation": "LeakyReLU(0.2)", "length": 17})}
PRELU = {**NET, "act.weight": np.array([0.25], np.float32)}
NORM = {
    "0.weight": NET["conv.weight"],
    "2.weight": np.ones(2),
    "2.bias": np.zeros(2),
    "2.running_mean": np.ones(2) / 2,
    "2.running_var": np.ones(2),
    "3.weight": np.ones((1, 2)),
}
GIVEN: dict[str, str | None] = dict.fromkeys((*KEYS, "activation_args"))


def _safetensors() -> tuple[bytes, ...]:
    nets = ((NET, SAID), (IMAGE, SAID), (NET, HPARAMS), (PRELU, {"length": "17"}), (NORM, SAID))
    return tuple(save(net, told) for net, told in nets)


def _states() -> list[object]:
    state = {name: torch.tensor(value) for name, value in NET.items()}
    torch.manual_seed(0)
    convolution = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(1, 2, 3))
    parts = torch.nn.Sequential(convolution, torch.nn.PReLU(), torch.nn.Linear(2, 1))
    large = {**state, "conv.weight": torch.ones(1, 1, 1).expand(10**6, 1, 10**6)}
    args = {"hparams": {"activation": "relu", "length": 17}, "ema": state, "epoch": 3}
    return [state, parts.state_dict(), {"state_dict": state, **args}, large, [1], torch.ones(2)]


def _saved(*, zipped: bool) -> Callable[[], tuple[bytes, ...]]:
    def files() -> tuple[bytes, ...]:
        made = []
        for state in _states():
            file = io.BytesIO()
            torch.save(state, file, _use_new_zipfile_serialization=zipped)
            made.append(file.getvalue())
        if zipped:
            np.savez(file := io.BytesIO(), **NET)  # type: ignore[arg-type]
            made.append(file.getvalue())
        return tuple(made)

    return files


def _network(data: bytes) -> object:
    """As verify.network reads it, until the work would begin."""
    path = SCRATCH / "net"
    path.write_bytes(data)
    checkpoint = read(path, images=True)
    checkpoint, said = checkpoint.settled(GIVEN)
    told = {"activation": "relu", "length": "17", **said}
    setup = setup_of(told, checkpoint.w.shape[1], images=checkpoint.w.ndim == 3)
    too_much, _ = explainer(checkpoint)
    return too_much(checkpoint, setup)


# --- settings and arguments -------------------------------------------------------------------

SETTINGS = (
    {**SAID, "activation": "leaky_relu", "activation_args": "0.2", "padding_mode": "circular"},
    {"activation": "Softplus", "activation_args": "beta=5", "length": "21", "padding": "valid"},
    {
        **SAID,
        "pooling": "nn.AdaptiveAvgPool1d(1)",
        "r_max": "6.5",
        "kernel_size": "3",
        "stride": "1",
    },
    {**SAID, "pooling": "x.sum(dim=-1)", "padding": "same", "dilation": "(1,)", "groups": "1"},
)


def _settings(data: bytes) -> object:
    """A JSON object of strings, as a setting of signals and of images."""
    given = json.loads(data)
    told = {key: x if isinstance(x, str) else json.dumps(x) for key, x in given.items()}
    with contextlib.suppress(ValueError):
        setup_of(told, 3, images=True)
    return setup_of(told, 3)


LINES = (
    *("network net.pt --activation relu --length 17 --tolerance 0.001 --json --out out",),
    *("predict --channels 2 --taps 3 --seed 1 --bias conv --optimizer sgd --step 0.01 --steps 5",),
    *("predict --lr 1e-3 --momentum 0.5 --weight-decay 0.1 --activation identity --dtype float32",),
    *("train --activation relu --channels 1 --taps 3 --seeds 20 --seed 0 --out nets --jobs 1",),
    *("all --profile quick --only plateau,kinks --seed 0 --jobs 2 --executor serial --out out",),
    *("certificate file.json --json --kernel-out out.v", "explore --out page.html --port 8000"),
    *("shape relu --json --plot out.svg --ascii", "shape -z**2"),
    *("exercises 1 sums=-1/4,1/2 --hint", "exercises 3 b=0.25 a=-1/3 c=1"),
)
OPTIONS = (*(word for line in LINES for word in line.split()), "--", "-", "--help", "--nope", "=")


def _parsers() -> dict[str, Any]:
    names = ("network", "predict", "train", "all", "certificate", "explore", "exercises")
    parsers = {name: import_module(f"verify.{name}")._parser(f"verify.{name}") for name in names}
    return {**parsers, "shape": _parser("theory.shape")}


PARSERS = _parsers()


def _arguments(data: bytes) -> object:
    """A line of words, the first a command; an exercise's answer is read, too."""
    name, _, line = _text(data).partition(" ")
    parser, words = PARSERS.get(name), line.split(" ")
    if parser is None:
        raise Refusal("no command")
    words = list(map(_guarded, words)) if name == "shape" else words
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            options, _ = parser.parse_known_args(words)
            if name == "exercises" and options.number and options.answer:
                return exercises._answer(parser, PROBLEMS[options.number - 1], options.answer)
            return options
    except SystemExit as end:
        line = said.getvalue()
        if end.code == 2 and line.endswith("\n"):
            raise Refusal(line[:-1]) from None
        if end.code != 0 or line:
            raise
        return None


def _argument_lines(data: bytes, rng: random.Random) -> bytes:
    """Most of the commands' names stay."""
    name, _, line = _text(data).partition(" ")
    return f"{name} {of_words(line, rng, OPTIONS)}".encode(errors="surrogatepass")


# --- certificates -----------------------------------------------------------------------------


def _certificates() -> tuple[bytes, ...]:
    F = RELU[4].__class__
    cases = [RELU, ("hardtanh", "circular 2", *RELU[2:]), ("squared_relu", *RELU[1:])]
    return tuple(json.dumps(made(case, F(1, 2), F(3))).encode() for case in cases)


def _certificate_change(data: bytes, rng: random.Random) -> bytes:
    """JSON changed, mostly with its digest made right; or bytes."""
    if rng.random() < 0.2:
        return of_bytes(data, rng, (b"\\ud800", b"[" * 9, b'"": 0,', b"1e999", b"\xff"))
    text = of_json(data.decode(), rng)
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        document = json.loads(text)
        document["digest"] = checker.canonical(document)
        text = json.dumps(document)
    return text.encode(errors="surrogatepass")


def _certificate(data: bytes) -> object:
    """What would have taken long is left to the readers that are quick."""
    with contextlib.suppress(checker.Rejected, kernel.Undecided):
        kernel.instance(data)
    with mock.patch.object(checker, "WORK", 400_000):
        return checker.check(data)


# --- what runs keep ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A value with a part of every kind that the store takes."""

    name: str
    grade: Literal["exact", "near"] | None
    sizes: tuple[int, ...]
    loss: float | str
    weights: np.ndarray[Any, Any]
    told: Mapping[str, tuple[bool, float]]


KEPT = Codec(Kept)
VALUE = Kept("σ", "near", (1, 2), float("nan"), np.eye(3), {"a": (True, 0.5)})
NOTICES: list[str] = []


def _store() -> Store:
    return Store(SCRATCH / "store", NOTICES.append)


STORE = _store()


def _tasks() -> tuple[bytes, ...]:
    """Entries of the store as it writes them, of one date."""
    values = (VALUE, dataclasses.replace(VALUE, weights=np.arange(6, dtype=np.int16).reshape(2, 3)))
    head = json.dumps(["key", STORE._code, "2026-11-30T00:00:00+00:00"]).encode()
    parts = (head + b"\n" + KEPT.encode(value) for value in values)
    return tuple(_digest(part) + b"\n" + part for part in parts)


def _task_change(data: bytes, rng: random.Random) -> bytes:
    """The lines of JSON changed, mostly with the sum made right; or bytes."""
    if rng.random() < 0.2:
        return of_bytes(data, rng)
    _, head, value, arrays = data.split(b"\n", 3)
    if rng.random() < 0.2:
        head = of_json(head.decode(), rng).encode(errors="surrogatepass")
    else:
        value = of_json(value.decode(), rng).encode(errors="surrogatepass")
    arrays = of_bytes(arrays, rng) if rng.random() < 0.2 else arrays
    rest = b"\n".join([head, value, arrays])
    return _digest(rest) + b"\n" + rest


def _task(data: bytes) -> object:
    STORE._path("key").write_bytes(data)
    STORE._noticed.clear()
    NOTICES.clear()
    value = STORE.get("key", KEPT)
    if value is None:
        raise Refusal(NOTICES[0])
    return value


REPORT = {"profile": "quick", "claims": [{"id": "signal", "seconds": 1.5, "training_seconds": 0}]}


def _json_change(data: bytes, rng: random.Random) -> bytes:
    return of_json(data.decode(), rng).encode(errors="surrogatepass")


def _report(data: bytes) -> object:
    path = SCRATCH / "report.json"
    path.write_bytes(data)
    return typical(PROFILES["quick"], path)


# --- requests ---------------------------------------------------------------------------------

HOST, PATH = "127.0.0.1:8000", "/secret/"
HEADERS = f"Host: {HOST}\r\nOrigin: http://{HOST}\r\n"
REQUESTS = (
    f"GET {PATH} HTTP/1.1\r\n{HEADERS}\r\n",
    f"POST {PATH}shape HTTP/1.1\r\n{HEADERS}Content-Length: 4\r\n\r\nrelu",
    f"GET {PATH} HTTP/1.0\r\n{HEADERS}\r\n",
)
LINES_OF_HTTP = (
    *(
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Length: 9",
        b"Host: evil",
        b"HTTP/9.9",
        b"Expect: 100-continue",
    ),
    *(
        b"Transfer-Encoding: chunked",
        b"\0",
        b"//",
        b"%2e%2e/",
        b"\xff",
        b"a" * 70000,
        b"A: b\r\n" * 200,
    ),
)


class _Socket:
    """A connection that holds a request, and remembers what is sent."""

    def __init__(self, data: bytes) -> None:
        self.data, self.sent = data, b""

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self.data))  # type: ignore[arg-type]

    def settimeout(self, _: float) -> None: ...

    def sendall(self, data: bytes) -> None:
        self.sent += bytes(data)


def _request(data: bytes) -> object:
    connection = _Socket(data)
    shown = SimpleNamespace(host=HOST, path=PATH, page=b"page", turn=contextlib.nullcontext())
    shown.turn = SimpleNamespace(acquire=lambda **_: True, release=lambda: None)
    with mock.patch.object(server, "decided", lambda text: {"error": text}):
        server._Handler(connection, ("127.0.0.1", 1), shown)  # type: ignore[arg-type]
    status = connection.sent.split(b" ", 2)[1:2]
    if connection.sent and connection.sent[:5] == b"HTTP/" and status != [b"200"]:
        raise Refusal(f"status {status[0].decode()}")
    return connection.sent


def _asked() -> tuple[bytes, ...]:
    return tuple(request.encode() for request in REQUESTS)


READERS: dict[str, Reader] = {
    "tokens": Reader(
        _texts, _worded(*WORDS), lambda data: source(_text(data)), (GrammarError,), 250
    ),
    "activation": Reader(
        _texts, _worded(*WORDS), lambda data: spelled(_text(data)), (GrammarError,), 50, 15
    ),
    "settings": Reader(
        lambda: tuple(json.dumps(told).encode() for told in SETTINGS),
        lambda data, rng: of_json(data.decode(), rng, raw=0).encode(),
        _settings,
        (ValueError,),
        100,
        15,
    ),
    "arguments": Reader(
        lambda: tuple(line.encode() for line in LINES),
        _argument_lines,
        _arguments,
        (Refusal,),
        150,
    ),
    "safetensors": Reader(_safetensors, of_safetensors, _network, (ValueError,), 100, 15),
    "torch zip": Reader(_saved(zipped=True), of_zip, _network, (ValueError,), 80, 15),
    "torch before 1.6": Reader(_saved(zipped=False), of_bytes, _network, (ValueError,), 50, 15),
    "certificate": Reader(
        _certificates, _certificate_change, _certificate, (checker.Rejected,), 60
    ),
    "store": Reader(_tasks, _task_change, _task, (Refusal,), 60),
    "last report": Reader(lambda: (json.dumps(REPORT).encode(),), _json_change, _report, (), 50),
    "request": Reader(
        _asked, lambda data, rng: of_bytes(data, rng, LINES_OF_HTTP), _request, (Refusal,), 50
    ),
}
"""By name, in the order in which they are tried."""
