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
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil, floor
from operator import mul
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from hypothesis import example, given
from hypothesis import strategies as st

from numerics.certificates import checker
from numerics.certificates.checker import BYTES, Rejected, canonical, check
from tests.certified import RELU, Document, in_bytes, made
from tests.paddings import windows
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


@pytest.mark.parametrize(
    "document", [*SAMPLES, json.loads(_costly(2, 5, 2, 3, 3, 30))], ids=range(3)
)
def test_the_page_s_count_of_steps_is_the_checker_s(document: Document) -> None:
    """Cause: a subdivision was said to cost as much as a polynomial on a window; it has no taps,
    but 60 bits more.
    """
    net = checker.Network(document)
    n, filters, t, d, bits = net.taps, len(net.w), len(net.breaks), net.size - 1, net.bits
    low, high = F(document["domain"]["low"]), F(document["domain"]["high"])
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
    alone.write_bytes(Path(checker.__file__).read_bytes())
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(in_bytes(SAMPLES[0]))
    bad.write_bytes(in_bytes({**SAMPLES[0], "digest": ""}))
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


# --- every limit, at its border -----------------------------------------------------------------


def _refused(match: str, call: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(Rejected, match=match):
        call(*arguments)


def _changed(*path: Any, to: Any, of: Document = SAMPLES[0]) -> Document:
    """A sample with one entry replaced."""
    document = copy.deepcopy(of)
    holder, key = _at(document, path)
    holder[key] = to
    return document


def test_texts_keep_to_the_limits_of_the_page() -> None:
    space = 2**18 - len(GOOD)
    assert check(GOOD + b" " * space)
    _refused("bytes", check, GOOD + b" " * (space + 1))
    _refused("^the whole needs exactly", checker.parse, b"[" * 6 + b"]" * 6)
    _refused("nested", checker.parse, b"[" * 7 + b"]" * 7)
    assert checker.number("9" * 1500) == 10**1500 - 1
    for value in ("9" * 1501, 1.0, None):
        _refused("1500 characters", checker.number, value)
    for value, why in (("7" * 40 + "x", "no fraction"), ("7" * 40 + "/7", "not in lowest terms")):
        _refused(f"^'7{{30}}' is {why}$", checker.number, value)
    assert checker.numbers([]) == [] and checker.numbers(["2"], 1, 1) == [2]
    _refused("a list of numbers", checker.numbers, {"1": "1"})
    _refused("needs exactly", checker.keyed, checker.KEYS["claim"].split(), "claim")
    for key, text in (("format", "another"), ("version", "2")):
        _refused("no everyweight-certificate of version 1", check, _signed(_changed(key, to=text)))


SIGMA, DOMAIN = ("network", "activation"), ("domain",)


def _sigma(breaks: int, pieces: int | None = None, size: int = 2) -> dict[str, Any]:
    """The identity, written as several pieces, the last coefficients 0."""
    piece = ["0", "1", *["0"] * (size - 2)]
    return {"breaks": [str(t) for t in range(breaks)], "pieces": [piece] * (pieces or breaks + 1)}


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (SIGMA, _sigma(64)),
        (SIGMA, _sigma(0, size=9)),
        (SIGMA, {"breaks": [], "pieces": [["1"]]}),
        ((*DOMAIN, "high"), "11/2"),
        ((*DOMAIN, "half_length"), "999999"),
        (("network", "filters"), [["1"]]),
    ],
    ids=range(6),
)
def test_networks_at_the_limits_are_read(path: tuple[Any, ...], to: Any) -> None:
    document = _changed(*path, to=to)
    net = checker.Network(document)
    assert net.left > 0
    assert net.size == max(2, *map(len, document["network"]["activation"]["pieces"]))


@pytest.mark.parametrize(
    ("path", "to", "why"),
    [
        (SIGMA, _sigma(65), "more than 64 breaks"),
        (SIGMA, _sigma(0, size=10), "degree above 8"),
        (SIGMA, _sigma(2, 2), "one piece more"),
        (SIGMA, _sigma(2, 4), "one piece more"),
        (SIGMA, {"breaks": ["0"], "pieces": {"0": [], "1": []}}, "one piece more"),
        (SIGMA, _sigma(2) | {"breaks": ["1", "0"]}, "increase"),
        (SIGMA, _sigma(2) | {"breaks": ["0", "0"]}, "increase"),
        (("network", "filters"), [], "no filter"),
        (("network", "filters"), {"1": ["1"]}, "no filter"),
        (("network", "filters"), [["1", "1"]], "odd number"),
        (("network", "filters"), [["1"], ["1", "1", "1"]], "odd number"),
        (("network", "biases"), ["0", "0"], "differ in number"),
        (("network", "readout"), ["0", "0"], "differ in number"),
        ((*DOMAIN, "padding"), "mirror", "padding is"),
        ((*DOMAIN, "half_length"), "11/2", "does not fit"),
        ((*DOMAIN, "half_length"), "1000000", "does not fit"),
        ((*DOMAIN, "high"), "6", "do not lie"),
        ((*DOMAIN, "high"), "1/2", "do not lie"),
        ((*DOMAIN, "low"), "1/3", "do not lie"),
    ],
    ids=range(19),
)
def test_networks_beyond_the_limits_are_refused(path: tuple[Any, ...], to: Any, why: str) -> None:
    _refused(why, checker.Network, _changed(*path, to=to))


@pytest.mark.parametrize(("padding", "taps"), [("zeros", 5), ("valid", 5), ("zeros 4", 1)])
def test_the_filter_and_the_padding_just_fit(padding: str, taps: int) -> None:
    """A filter reaches over the signal, and a pixel is seen twice beyond the border, no more."""
    document = _changed("network", "filters", to=[["1"] * taps])
    document["domain"] |= {"half_length": "2", "padding": padding, "high": "5/2"}
    net = checker.Network(document)
    assert net.padded == {"zeros": taps // 2, "valid": 0, "zeros 4": 4}[padding]
    for larger in ({"half_length": "1", "high": "3/2"}, {"padding": "zeros 5"}):
        changed = copy.deepcopy(document)
        changed["domain"] |= larger
        _refused("does not fit", checker.Network, changed)


def test_work_is_counted_to_the_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checker.WORK == 4 * 10**7
    used = checker.WORK - checker.Network(SAMPLES[0]).left
    monkeypatch.setattr(checker, "WORK", used)
    assert checker.Network(SAMPLES[0]).left == 0
    monkeypatch.setattr(checker, "WORK", used - 1)
    _refused("too large", checker.Network, SAMPLES[0])


def test_a_window_of_long_numbers_costs_their_bits_squared() -> None:
    """A thousand times the size of a short fraction is a million times its work."""
    net = checker.Network(SAMPLES[0])
    more, left = 999 * 1200 // (net.size + 1) - net.bits, net.left
    assert (net.size + 1) * (net.bits + more) == 999 * 1200
    net.spend(1, 7, more)
    assert left - net.left == 7 + 5 * net.size**2 * 10**6


# --- the parts of the arithmetic ----------------------------------------------------------------


@few
@given(networks())
@example(("relu", "zeros", 2, [[[F(1)]], [F(-1)], [F(1)]], F(0)))
@example(("relu", "reflect 2", 3, [[[F(1), F(-2), F(4), F(-8), F(16)]], [F(0)], [F(1)]], F(0)))
def test_windows_and_the_error_are_those_of_plain_lists(case: Any) -> None:
    """Each window once, and on every cell the pieces one after the other, without an empty one."""
    name, padding, half_length, (w, b, a), c = case
    if name not in CONTINUOUS:
        return
    net = checker.Network(made(case, F(1, 2), F(1, 2) + half_length))
    for m in range(1, half_length + 1):
        lit = [
            [F(1) if abs(i) < radius else F(0) for i in range(-half_length, half_length + 1)]
            for radius in (m, m + 1)
        ]
        for k, (taps, bias) in enumerate(zip(w, b, strict=True)):
            ends = [
                [bias + sum(map(mul, taps, seen)) for seen in windows(x, padding, len(taps), F(0))]
                for x in lit
            ]
            counted = Counter({(z, slope): 0 for _, z, slope in net.windows(k, m)})
            for count, z, slope in net.windows(k, m):
                counted[z, slope] += count
            assert +counted == Counter((z, after - z) for z, after in zip(*ends, strict=True))
        pieces = list(net.error(m))
        assert [left for left, _, _ in pieces] == [0, *(right for _, right, _ in pieces[:-1])]
        assert pieces[-1][1] == 1 and all(left < right for left, right, _ in pieces)
        for left, right, p in pieces:
            for phi in (left, (left + 2 * right) / 3, right):
                r = m - F(1, 2) + phi
                error = _simulated(SIGMAS[name], w, b, a, c, r, half_length, padding)
                assert checker.value_at(p, phi) == error


def _spent(p: list[Any], left: int, right: int, bound: Fraction) -> tuple[bool, float]:
    """Whether a polynomial is shown to be below its bound, and the subdivisions of that."""
    net = checker.Network(_changed(*SIGMA, to=_sigma(0, size=9)))
    begun = net.left
    holds = checker.below(net, [F(x) for x in p], F(left), F(right), bound)
    used = begun - net.left
    net.spend(1, 0, 60)
    return holds, used / (begun - used - net.left)


TOUCHING = [F(7, 9), F(4, 3), F(-2)]
"""1 - 2 (x - 1/3)²."""


@pytest.mark.parametrize(
    ("p", "left", "right", "bound", "answer"),
    [
        ([0, 1], 0, 1, F(1), (True, 0)),
        ([0, 1], 0, 1, F(1, 2), (False, 0)),
        ([1, -1], 0, 1, F(1, 2), (False, 0)),
        ([0, -1], 1, 2, F(2), (True, 0)),
        (TOUCHING, 0, 1, F(1), (True, 2)),
        (TOUCHING, -3, 2, F(191, 9), (True, 0)),
        ([F(7, 9) - 3, *TOUCHING[1:]], 0, 1, F(26, 9) - F(1, 10**9), (False, 0)),
        # Its Bernstein coefficients are 1, -7/3, 2, 0, and in reverse: it touches the bound at an
        # end, and is below it inside.
        ([1, -10, 23, -14], 0, 1, F(1), (True, 2)),
        ([0, 6, -19, 14], 0, 1, F(1), (True, 2)),
    ],
)
def test_a_bound_is_shown_by_as_few_subdivisions_as_needed(
    p: list[Any], left: int, right: int, bound: Fraction, answer: tuple[bool, int]
) -> None:
    assert _spent(p, left, right, bound) == answer
    if answer[0]:
        assert _spent([-x for x in p], left, right, bound) == answer


def test_sixty_halvings_and_no_more() -> None:
    """1 - (x - 1/3)² (1 + x), by a cubic's Bernstein coefficients, which are off by the square of
    the width.
    """
    p = [F(8, 9), F(5, 9), F(-1, 3), F(-1)]
    assert _spent(p, 0, 1, 1 + F(1, 2**122))[0]
    assert not _spent(p, 0, 1, 1 + F(1, 2**123))[0]


# --- the claim, to the last bit -----------------------------------------------------------------


def _signed_claim(document: Document, **claim: Any) -> bytes:
    """With other numbers claimed."""
    texts = {name: [str(x) for x in value] for name, value in claim.items()}
    return _signed({**document, "claim": {**document["claim"], **texts}})


@pytest.mark.parametrize(("offset", "radius"), [(F(1, 2), "3/2"), (F(3, 2), "1/2")])
def test_the_worst_radius_may_be_an_end(offset: Fraction, radius: str) -> None:
    document = made(("relu", "zeros", 3, [[[F(1)]], [F(0)], [F(0)]], offset), F(1, 2), F(3, 2))
    assert check(in_bytes(document)) and document["evidence"]["radius"] == radius


def _mean(document: Document, name: str, fine: int) -> tuple[Fraction, Fraction]:
    """Bounds of the mean of e or e²: each piece is rounded outward to multiples of 1/fine."""
    net, low, high = checker.Network(document), F(0), F(0)
    for m in range(1, net.length + 1):
        for first, last, p in net.error(m):
            left, right = max(first, net.low - m + F(1, 2)), min(last, net.high - m + F(1, 2))
            if left < right:
                q = sp.Poly([sp.Rational(x) for x in reversed(p)], sp.Symbol("x"))
                whole = (q if name == "mean" else q**2).integrate()
                part = F(str(whole.eval(sp.Rational(right)) - whole.eval(sp.Rational(left))))
                low, high = low + F(floor(part * fine), fine), high + F(ceil(part * fine), fine)
    return low / (net.high - net.low), high / (net.high - net.low)


@pytest.mark.parametrize("name", ["mean", "mean_square"])
def test_means_are_claimed_to_the_last_bit(name: str) -> None:
    """Sums of pieces that are rounded outward to 2^-200, over an enclosure of 2^-63 at most."""
    document = made(("cube", "zeros", 4, [[[F(1)]], [F(1, 3)], [F(1, 7)]], F(0)), F(2, 3), F(17, 4))
    least, most = _mean(document, name, 2**200)
    assert least < _mean(document, name, 2**201)[0] and _mean(document, name, 2**201)[1] < most
    step, widest = F(1, 2**220), F(1, 2**63)
    for ends in ([least, most], [least, least + widest], [most - widest, most]):
        assert check(_signed_claim(document, **{name: ends}))
    where = f"the {name} is not where the claim says"
    for ends, why in (
        ([least + step, most], where),
        ([least, most - step], where),
        ([most + widest / 2, most + widest], where),
        ([least, least + widest + step], f"the {name} is not enclosed"),
        ([least, most, most], "a list of numbers"),
        ([least], "a list of numbers"),
    ):
        _refused(why, check, _signed_claim(document, **{name: ends}))


def test_a_bent_error_is_enclosed_to_twelve_digits() -> None:
    """Where e is no quadratic the claim may be wider than what is attained, by 1e-12 at most."""
    document = made(("cube", "zeros", 4, [[[F(1)]], [F(1, 3)], [F(1, 7)]], F(0)), F(1, 2), F(4))
    low, widest = F(document["claim"]["worst"][0]), F(1, 10**12)
    assert check(_signed_claim(document, worst=[low, low + widest]))
    for high, why in (
        (low + widest + F(1, 10**30), "not enclosed as it could be"),
        (low - F(1, 10**30), "the error exceeds the claim between"),
    ):
        _refused(why, check, _signed_claim(document, worst=[low, high]))
    _refused("the claimed one", check, _signed_claim(document, worst=[low - widest / 2, low]))
    _refused("a list of numbers", check, _signed_claim(document, worst=[low, low, low]))


def test_what_bends_beyond_the_radii_does_not_count() -> None:
    """σ(z) = z up to 1, then z + (z - 1)³; the radii end where a window reaches 1."""
    document = made(("relu", "zeros", 2, [[[F(1)]], [F(1, 2)], [F(1)]], F(0)), F(1, 2), F(1))
    document["network"]["activation"] = {
        "breaks": ["1"],
        "pieces": [["0", "1"], ["-1", "4", "-3", "1"]],
    }
    left, right, line = next(checker.Network(document).error(1))
    assert (left, right) == (0, F(1, 2)) and not any(line[2:])
    worst, phi = max((abs(checker.value_at(line, end)), end) for end in (left, right))
    document["evidence"]["radius"] = str(F(1, 2) + phi)
    means = {name: _mean(document, name, 2**200) for name in ("mean", "mean_square")}
    assert check(_signed_claim(document, worst=[worst, worst], **means))
    wider = _signed_claim(document, worst=[worst, worst + F(1, 10**15)], **means)
    _refused("not enclosed as it could be", check, wider)


def test_where_the_error_exceeds_the_claim() -> None:
    document = made(("relu", "zeros", 3, [[[F(1)]], [F(0)], [F(0)]], F(1, 2)), F(3, 4), F(5, 4))
    less = _signed_claim(document, worst=[F(1, 8), F(1, 8)])
    _refused("^the error exceeds the claim between 3/4 and 5/4$", check, less)


# --- the command --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "broken", "status", "streams"),
    [
        (GOOD, (), 0, ("accepted", "")),
        (b" " * (2**18 - len(GOOD)) + GOOD, (), 0, ("accepted", "")),
        (b"{}", (), 1, ("rejected: the whole needs exactly", "")),
        (None, (), 2, ("", "usage: checker.py FILE: FileNotFoundError(")),
        (MemoryError(), (), 3, ("", "usage: checker.py FILE: MemoryError(")),
        (ValueError(), (), 2, ("", "usage: checker.py FILE: ValueError(")),
        (GOOD, (1,), 3, ("", "the output could not be written: full")),
        (b"{}", (1,), 3, ("", "the output could not be written: full")),
        (None, (2,), 3, ("the output could not be written: full", "")),
        (GOOD, (1, 2), 3, ("", "")),
        (None, (1, 2), 3, ("", "")),
    ],
    ids=range(11),
)
def test_the_command_says_one_line(
    content: Any,
    broken: tuple[int, ...],
    status: int,
    streams: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the other stream when one cannot be written, and to nobody when none can."""
    path, said = tmp_path / "certificate.json", ["", ""]

    def write(stream: int, line: bytes) -> None:
        if stream in broken:
            raise OSError(28, "full")
        said[stream - 1] += line.decode()

    def fail(content: bytes) -> None:
        raise error

    if isinstance(content, bytes):
        path.write_bytes(content)
    elif (error := content) is not None:
        path.write_bytes(GOOD)
        monkeypatch.setattr(checker, "check", fail)
    monkeypatch.setattr(checker.os, "write", write)
    monkeypatch.setattr(sys, "argv", ["checker.py", str(path)])
    assert checker.main() == status
    assert all(line.startswith(start) for line, start in zip(said, streams, strict=True))
    assert [bool(line) for line in said] == [bool(start) for start in streams]
    assert all(line == "" or line.index("\n") == len(line) - 1 for line in said)


@pytest.mark.parametrize("more", [[], ["a.json", "b.json"]])
def test_the_command_takes_one_file(
    more: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["checker.py", *more])
    assert checker.main() == 2
    said = capfd.readouterr()
    assert said.out == "" and said.err.startswith("usage: checker.py FILE: ValueError(")
