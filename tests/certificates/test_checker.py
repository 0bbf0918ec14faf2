"""Certificates: what is written is accepted; what is changed is refused, or still true; hostile
files end at once.
"""

from __future__ import annotations

import ast
import copy
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.certificates import checker
from numerics.certificates.checker import BYTES, Rejected, canonical, check
from tests.certified import RELU, Document, in_bytes, made
from tests.pulse.test_exact_error import SIGMAS, THREE, _simulated, networks
from tests.strategies import few

F = Fraction
CONTINUOUS = sorted(set(SIGMAS) - {"hardshrink", "threshold"})


def _signed(document: Document) -> bytes:
    """With the digest made to fit."""
    return in_bytes({**document, "digest": canonical(document)})


HARDSWISH = ("hardswish", "circular", 4, THREE, F(1, 7))
SAMPLES = [made(RELU, F(1, 2), F(9, 2)), made(HARDSWISH, F(3, 4), F(4))]


# --- what is right is accepted ------------------------------------------------------------------


@few
@given(
    networks(),
    st.lists(st.fractions(0, 1, max_denominator=12), min_size=2, max_size=2, unique=True),
)
@example(("cube", "zeros", 3, THREE, F(0)), [F(0), F(1)])
@example(("square", "circular", 2, THREE, F(1)), [F(0), F(1, 3)])
@example(("identity", "zeros", 2, [[[F(1)]], [F(0)], [F(1, 2)]], F(0)), [F(0), F(1)])
def test_certificates_are_accepted_and_true(case: Any, ends: list[Fraction]) -> None:
    name, padding, half_length, (w, b, a), c = case
    if name not in CONTINUOUS:
        return
    low, high = (F(1, 2) + end * half_length for end in sorted(ends))
    document = made(case, low, high)
    claim = check(in_bytes(document))
    assert claim == document["claim"]
    bounds = [F(x) for x in claim["worst"]]

    def error(r: F) -> F:
        return abs(_simulated(SIGMAS[name], w, b, a, c, r, half_length, padding))

    assert error(F(document["evidence"]["radius"])) == bounds[0]
    assert all(error(low + (high - low) * F(t, 30)) <= bounds[1] for t in range(31))


def test_an_exact_network_is_certified_as_exact() -> None:
    case = ("relu", "zeros", 6, [[[F(1, 4), F(1, 2), F(1, 4)]], [F(0)], [F(1, 2)]], F(0))
    assert check(in_bytes(made(case, F(1, 2), F(5))))["worst"] == ["0", "0"]


# --- what is changed is refused -----------------------------------------------------------------


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key in value:
            yield from _leaves(value[key], (*path, key))
    elif isinstance(value, list):
        for j, one in enumerate(value):
            yield from _leaves(one, (*path, j))
    else:
        yield path


def _at(document: Document, path: tuple[Any, ...]) -> tuple[Any, Any]:
    holder: Any = document
    for step in path[:-1]:
        holder = holder[step]
    return holder, path[-1]


def _mutant(document: Document, rng: random.Random) -> tuple[Document, tuple[Any, ...]]:
    """One field changed: by a little, by a lot, by a unit in some last place, or
    to something else.
    """
    changed = copy.deepcopy(document)
    path = rng.choice(list(_leaves(changed)))
    holder, key = _at(changed, path)
    old = holder[key]
    try:
        number = F(old)
    except ValueError:
        others = {"zeros": "circular", "circular": "valid", "valid": "zeros"}
        holder[key] = others.get(old, old[:-1] + ("0" if old[-1:] != "0" else "1"))
        return changed, path
    step = rng.choice(
        [
            F(1),
            F(-1),
            F(1, 2 ** rng.randrange(1, 90)),
            -F(1, 2 ** rng.randrange(1, 90)),
            -2 * number,
        ]
    )
    holder[key] = str(number + step) if step else str(number + 1)
    return changed, path


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_no_single_change_is_accepted(number: int) -> None:
    rng = random.Random(number)
    for _ in range(2000):
        changed, path = _mutant(SAMPLES[number], rng)
        if changed == SAMPLES[number]:
            continue
        with pytest.raises(Rejected):
            check(in_bytes(changed))
            pytest.fail(f"accepted a change of {path}")


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_a_change_that_hides_behind_a_new_digest_is_refused_or_true(number: int) -> None:
    """Then only the arithmetic can tell.  What is accepted has to be true in the
    slow simulation.
    """
    rng = random.Random(number)
    refused = accepted = 0
    for _ in range(600):
        changed, path = _mutant(SAMPLES[number], rng)
        if path == ("digest",) or changed == SAMPLES[number]:
            continue
        try:
            claim = check(_signed(changed))
        except Rejected:
            refused += 1
            continue
        accepted += 1
        net, domain = changed["network"], changed["domain"]
        w, b, a = (
            [[F(t) for t in row] for row in net["filters"]],
            [F(x) for x in net["biases"]],
            [F(x) for x in net["readout"]],
        )
        low, high = F(domain["low"]), F(domain["high"])
        breaks = [F(t) for t in net["activation"]["breaks"]]
        pieces = [[F(x) for x in piece] for piece in net["activation"]["pieces"]]

        def sigma(v: F) -> F:
            return sum(x * v**j for j, x in enumerate(pieces[sum(t < v for t in breaks)]))  # noqa: B023

        for t in range(41):
            r = low + (high - low) * F(t, 40)
            error = _simulated(
                sigma, w, b, a, F(net["offset"]), r, int(domain["half_length"]), domain["padding"]
            )
            assert abs(error) <= F(claim["worst"][1]), path
    # A longer signal, or an enclosure that is wider by a hair, is a true claim of its own.
    assert refused > 10 * accepted > 0


def test_a_wider_claim_is_no_certificate() -> None:
    """Only the tightest bound is accepted: a worse one would be true, but say less than it seems
    to.
    """
    changed = copy.deepcopy(SAMPLES[0])
    changed["claim"]["worst"][1] = str(F(changed["claim"]["worst"][1]) + F(1, 10**15))
    with pytest.raises(Rejected, match="not enclosed as it could be"):
        check(_signed(changed))


# --- hostile files ------------------------------------------------------------------------------

GOOD = in_bytes(SAMPLES[0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"null",
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"9" * 10_000,
        b"\xff\xfe",
        '{"format": "\u00e9"}'.encode(),
        GOOD + b"x",
        GOOD.replace(b'"version": "1"', b'"version": 1'),
        GOOD.replace(b'"version": "1"', b'"version": NaN'),
        GOOD.replace(b'"version": "1"', b'"version": "1", "version": "1"'),
        GOOD.replace(b'"-1/8"', b'"-2/16"'),
        GOOD.replace(b'"-1/8"', b'"-1/0"'),
        GOOD.replace(b'"-1/8"', b'"' + b"9" * 2000 + b'"'),
        GOOD.replace(b'"-1/8"', b'"1e9999999"'),
        GOOD.replace(b'"-1/8"', b'"__import__"'),
        b" " * (BYTES + 1),
    ],
    ids=range(18),
)
def test_hostile_files_are_refused(content: bytes) -> None:
    with pytest.raises(Rejected) as error:
        check(content)
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


def test_every_cut_is_refused() -> None:
    for end in range(len(GOOD)):
        with pytest.raises(Rejected):
            check(GOOD[:end])


@given(st.integers(0, 8 * len(GOOD) - 1))
def test_every_flipped_bit_is_refused(bit: int) -> None:
    content = bytearray(GOOD)
    content[bit // 8] ^= 1 << bit % 8
    if json.loads(GOOD) == _loads(bytes(content)):
        return  # a blank for a blank
    with pytest.raises(Rejected):
        check(bytes(content))


def _loads(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(Rejected):
        check(content)


def test_what_would_take_long_is_refused_before_it_is_begun() -> None:
    huge = copy.deepcopy(SAMPLES[0])
    huge["domain"].update(half_length="99999", high="90000")
    with pytest.raises(Rejected, match="too large"):
        check(_signed(huge))


def _costly(
    channels: int, taps: int, cells: int, degree: int, breaks: int, digits: int, dyadic: bool = True
) -> bytes:
    """Random weights of so many digits; that the claim is wrong, only the end of
    the check tells.
    """
    rng = random.Random(0)
    top = 10**digits

    def scale() -> int:
        return 2 ** (10 * digits // 3) if dyadic else rng.randrange(top // 2 + 1, top)

    def number() -> F:
        return F(rng.randrange(-top, top), scale())

    def row(size: int) -> list[str]:
        return [str(number()) for _ in range(size)]

    places = sorted({F(rng.randrange(-2 * top, 2 * top), top) for _ in range(breaks)})
    pieces = [[number() for _ in range(degree + 1)]]
    for place in places:
        constant, slope, *more = pieces[-1]
        pieces.append([constant - place, slope + 1, *more])
    first = 2 * taps
    found = {
        "format": "everyweight-certificate",
        "version": "1",
        "network": {
            "activation": {
                "breaks": [str(x) for x in places],
                "pieces": [[str(x) for x in piece] for piece in pieces],
            },
            "filters": [row(taps) for _ in range(channels)],
            "biases": row(channels),
            "readout": row(channels),
            "offset": "0",
        },
        "domain": {
            "half_length": str(cells + 3 * taps),
            "padding": "zeros",
            "low": f"{2 * first - 1}/2",
            "high": f"{2 * (first + cells) - 1}/2",
        },
        "claim": {"worst": ["0", "9" * 1499], "mean": ["0", "1"], "mean_square": ["0", "1"]},
        "evidence": {"radius": str(first)},
        "digest": "",
    }
    return _signed(found)


def _seconds(content: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[float, int]:
    """How long the check takes that ends with a rejection, and the steps that it counted."""
    nets: list[checker.Network] = []

    class Spy(checker.Network):
        def __init__(self, document: Document) -> None:
            nets.append(self)
            super().__init__(document)

    with monkeypatch.context() as patch:
        patch.setattr(checker, "Network", Spy)
        begin = time.process_time()
        with pytest.raises(Rejected, match="not the claimed one"):
            check(content)
    return time.process_time() - begin, checker.WORK - nets[0].left


def test_no_shape_takes_longer_than_it_is_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound knew neither degree nor digits: 300 cells of degree 8 with 650 digits took 72 s.

    ReLU with 31 taps and float weights sets the time of a step; others may take twice that.
    Siblings: subdivisions were not counted, and verify.network wrote certificates that its own
    checker calls too large.
    """
    seconds, steps = _seconds(_costly(8, 31, 1, 1, 1, 18), monkeypatch)
    for shape in (
        (1, 1, 60, 1, 0, 5),
        (1, 3, 2, 8, 0, 650),
        (1, 3, 10, 8, 0, 20),
        (8, 1, 5, 1, 4, 200),
        (1, 31, 1, 1, 4, 60, False),
        (1, 1, 10, 2, 64, 5),
        (2, 3, 1, 3, 4, 30, False),
        (1, 101, 2, 1, 1, 18),
    ):
        longer, more = _seconds(_costly(*shape), monkeypatch)
        assert longer / more <= 2 * seconds / steps, shape


@pytest.mark.parametrize(
    "shape", [(1, 3, 300, 8, 0, 650), (1, 3, 4000, 8, 0, 5), (4, 9, 20, 1, 1, 300, False)], ids=str
)
def test_what_takes_more_than_ten_seconds_is_refused_at_once(shape: Any) -> None:
    content = _costly(*shape)
    begin = time.process_time()
    with pytest.raises(Rejected, match="too large"):
        check(content)
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("number", range(len(SAMPLES)))
def test_the_page_s_count_of_steps_is_the_checker_s(number: int) -> None:
    """Cause: a subdivision was said to cost as much as a polynomial on a window; it has no taps,
    but 60 bits more.
    """
    net = checker.Network(SAMPLES[number])
    n, filters, t, d, bits = net.taps, len(net.w), len(net.breaks), net.size - 1, net.bits
    low, high = F(SAMPLES[number]["domain"]["low"]), F(SAMPLES[number]["domain"]["high"])
    halves = [F(k, 2) for k in range(1, 2 * net.length + 2, 2)]
    cells = sum(low < k + 1 and k < high for k in halves)

    def cost(more: int) -> int:
        return int(5 * (d + 1) ** 2 * (1 + F((d + 2) * (bits + more), 1200)) ** 2)

    begun = checker.WORK - cells * (6 * n * filters + 40) * (t + 1) * (n + cost(0))
    assert net.left == begun
    net.spend(1, 0, 60)
    assert net.left == begun - cost(60)


def test_it_runs_alone(tmp_path: Path) -> None:
    """Copied out, isolated from this package and from all others: accepted 0, rejected 1,
    unreadable 2.
    """
    alone = tmp_path / "checker.py"
    alone.writein_bytes(Path(checker.__file__).readin_bytes())
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.writein_bytes(in_bytes(SAMPLES[0]))
    bad.writein_bytes(in_bytes({**SAMPLES[0], "digest": ""}))
    for path, status in ((good, 0), (bad, 1), (tmp_path / "absent", 2)):
        command = [sys.executable, "-I", "-S", str(alone), str(path)]
        found = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
        assert found.returncode == status, found


def test_subdivisions_are_work_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Chebyshev polynomial reaches its bound nine times, and each time to within 1e-30 of it."""
    size = 10**30
    document = json.loads(_costly(1, 1, 5, 8, 0, 5))
    document["network"] = {
        "activation": {
            "breaks": [],
            "pieces": [["1", "0", "-32", "0", "160", "0", "-256", "0", "128"]],
        },
        "filters": [["2"]],
        "biases": ["-1"],
        "readout": [str(size)],
        "offset": str(-15 * size),
    }
    document["claim"]["worst"][1] = str(2 * size + 7)
    monkeypatch.setattr(checker, "WORK", 4_000_000)
    with pytest.raises(Rejected, match="too large"):
        check(_signed(document))


def test_the_checker_is_short_and_stands_alone() -> None:
    source = Path(checker.__file__).read_text("utf-8")
    assert len(source.splitlines()) < 350
    modules = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    assert modules <= sys.stdlib_module_names
