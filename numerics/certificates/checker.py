r"""Accepts or rejects a certificate: python checker.py FILE, to be read before it is believed.

Standard library only, no code in common with what writes certificates, exact arithmetic.  Exit
status: 0 accepted, 1 rejected, 2 usage or a file that cannot be read, 3 the output could not be
written.  A certificate says how far

    e(r) = c - r + Σ_k a_k Σ_i σ(b_k + Σ_u w_{k,u} x_r(i + u)),
    x_r(j) = clip(r + 1/2 - |j|, 0, 1),

can be from 0 over all real r of an interval, for a continuous σ made of polynomials.  Between two
half-integers every argument of σ is a line in φ = r - (m - 1/2), so e is a polynomial between the
places where a line meets a break of σ. Those places are found here anew; nothing in the file is
taken on trust but the weights.  Format: docs/certificate.md.
"""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, chain, pairwise
from math import ceil, comb, floor, lcm
from typing import Any

__all__ = ["BYTES", "Network", "Rejected", "canonical", "check"]

BYTES = 2**18
"""The size of a file; further limits: the length of a number, nesting, work in steps of some 0.25
µs (ten seconds).
"""
DIGITS, DEPTH, WORK, FORM = 1500, 6, 40_000_000, "everyweight-certificate"
NUMBER, PADDING = (
    re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?"),
    re.compile(r"valid|(zeros|circular|reflect|replicate)( (0|[1-9][0-9]{0,5}))?"),
)
KEYS = {
    "": "format version network domain claim evidence digest",
    "activation": "breaks pieces",
    "network": "activation filters biases readout offset",
    "claim": "worst mean mean_square",
    "domain": "half_length padding low high",
    "evidence": "radius",
}
ZERO, HALF, FINE = Fraction(0), Fraction(1, 2), 2**200


class Rejected(ValueError):
    """The certificate is not accepted; the message says why, in one sentence."""


def need(holds: bool, why: str) -> None:
    if not holds:
        raise Rejected(why)


def canonical(document: dict[str, Any]) -> str:
    """SHA-256 of the document with an empty digest, sorted keys and no blanks."""
    text = json.dumps({**document, "digest": ""}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse(content: bytes) -> dict[str, Any]:
    need(len(content) <= BYTES, f"the file has more than {BYTES} bytes")
    nested = accumulate((byte in b"[{") - (byte in b"]}") for byte in content)
    need(max(nested, default=0) <= DEPTH, f"brackets are nested more than {DEPTH} deep")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len({key for key, _ in pairs}) == len(pairs), "a key occurs twice")
        return dict(pairs)

    try:
        document = json.loads(content.decode("ascii"), parse_int=float, object_pairs_hook=once)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected(f"it is no ASCII JSON ({type(error).__name__})") from error
    return keyed(document, "")


def keyed(value: Any, name: str) -> dict[str, Any]:
    need(
        isinstance(value, dict) and set(value) == set(KEYS[name].split()),
        f"{name or 'the whole'} needs exactly the keys {KEYS[name]}",
    )
    return dict(value)


def number(value: Any) -> Fraction:
    need(
        isinstance(value, str) and len(value) <= DIGITS,
        f"a number is a string of at most {DIGITS} characters",
    )
    need(NUMBER.fullmatch(value) is not None, f"{value[:30]!r} is no fraction")
    fraction = Fraction(value)
    need(str(fraction) == value, f"{value[:30]!r} is not in lowest terms")
    return fraction


def numbers(value: Any, least: int = 0, most: int = 2**16) -> list[Fraction]:
    need(
        isinstance(value, list) and least <= len(value) <= most,
        "a list of numbers is missing, too short or too long",
    )
    return [number(entry) for entry in value]


def value_at(p: list[Fraction], x: Fraction) -> Fraction:
    return sum((coefficient * x**j for j, coefficient in enumerate(p)), ZERO)


def composed(p: list[Fraction], start: Fraction, slope: Fraction) -> list[Fraction]:
    """p(start + φ slope) as a polynomial in φ."""
    total: list[Fraction] = []
    for coefficient in reversed(p):
        both = zip([*total, ZERO], [ZERO, *total], strict=True)
        total = [start * x + slope * y for x, y in both]
        total[0] += coefficient
    return total


class Network:
    """The weights, σ and the pixels of a certificate."""

    def __init__(self, document: dict[str, Any]) -> None:
        net, domain = keyed(document["network"], "network"), keyed(document["domain"], "domain")
        sigma = keyed(net["activation"], "activation")
        self.breaks = numbers(sigma["breaks"])
        need(
            isinstance(sigma["pieces"], list) and len(sigma["pieces"]) == len(self.breaks) + 1,
            "σ needs one piece more than breaks",
        )
        pieces = [numbers(piece, 1) for piece in sigma["pieces"]]
        self.size = max(2, *map(len, pieces))
        self.pieces = [piece + [ZERO] * (self.size - len(piece)) for piece in pieces]
        need(
            self.size <= 9 and len(self.breaks) <= 64,
            "σ has more than 64 breaks or a degree above 8",
        )
        need(all(x < y for x, y in zip(self.breaks, self.breaks[1:])), "breaks do not increase")  # noqa: B905
        need(
            all(
                value_at(p, t) == value_at(q, t)
                for (p, q), t in zip(pairwise(self.pieces), self.breaks, strict=True)
            ),
            "σ jumps",
        )
        need(isinstance(net["filters"], list) and len(net["filters"]) > 0, "there is no filter")
        self.w = [numbers(row, 1) for row in net["filters"]]
        self.taps = len(self.w[0])
        self.b, self.a = map(numbers, (net["biases"], net["readout"]))
        self.c = number(net["offset"])
        need(
            self.taps % 2 == 1 and all(len(row) == self.taps for row in self.w),
            "filters need the same odd number of taps",
        )
        need(
            len(self.b) == len(self.a) == len(self.w),
            "filters, biases and readout differ in number",
        )
        self.length, padding = (
            number(domain["half_length"]).numerator,
            PADDING.fullmatch(str(domain["padding"])),
        )
        need(
            padding is not None,
            "padding is valid, or zeros, circular, reflect, replicate, perhaps with a number of"
            " pixels",
        )
        self.mode, _, pixels = str(domain["padding"]).partition(" ")
        self.padded = int(pixels or (self.taps // 2 if self.mode != "valid" else 0))
        need(
            domain["half_length"] == str(self.length)
            and max(self.taps // 2, self.padded / 2) <= self.length < 10**6,
            "the filter or the padding does not fit the signal",
        )
        self.low, self.high = number(domain["low"]), number(domain["high"])
        need(
            HALF <= self.low < self.high <= self.length + HALF, "the radii do not lie in the signal"
        )
        used = [
            *self.breaks,
            *chain(*self.pieces, *self.w),
            *self.b,
            *self.a,
            self.c,
            self.low,
            self.high,
        ]
        common = lcm(*(x.denominator for x in used))
        self.bits = max(abs(x.numerator) * common // x.denominator for x in used).bit_length()
        self.left, cells = WORK, ceil(self.high + HALF) - floor(self.low + HALF)
        self.spend(
            cells
            * ((4 * (self.taps + self.padded) + 2) * len(self.w) + 40)
            * (1 + len(self.breaks)),
            self.taps,
        )

    def spend(self, times: int, taps: int, more: int = 0) -> None:
        """A window costs its taps and a polynomial: 5 (d + 1)² fractions of d/2 + 1 times the bits
        of all weights.
        """
        fraction = (1200 + (self.size + 1) * (self.bits + more)) ** 2
        self.left -= times * (taps + 5 * self.size**2 * fraction // 1200**2)
        need(self.left >= 0, "it is too large to be checked")

    def windows(self, k: int, m: int) -> Iterator[tuple[int, Fraction, Fraction]]:
        """(how many positions, argument of σ at φ = 0, its slope in φ) on the cell of m."""
        h, size, w = self.taps // 2, 2 * self.length + 1, self.w[k]
        scale = lcm(*(tap.denominator for tap in w))
        whole = [int(tap * scale) for tap in w]
        reach = self.length - h + self.padded
        near = range(max(m - h, 0), min(m + h, reach) + 1), range(self.length - h + 1, reach + 1)
        listed = {s * i for i in chain(*near) for s in (1, -1)}
        shown = {
            "circular": lambda j: abs(size - j),
            "reflect": lambda j: abs(size - 1 - j),
            "replicate": lambda j: self.length,
        }.get(self.mode, abs)
        for i in listed:  # the pulse is even, and so is what the padding shows of it
            seen = [j if j <= self.length else shown(j) for j in map(abs, range(i - h, i + h + 1))]
            start = sum(tap for tap, j in zip(whole, seen, strict=True) if j < m)
            slope = sum(tap for tap, j in zip(whole, seen, strict=True) if j == m)
            yield 1, self.b[k] + Fraction(start, scale), Fraction(slope, scale)
        lit = max(2 * (m - h) - 1, 0)
        yield lit, self.b[k] + sum(w), ZERO
        yield 2 * reach + 1 - lit - len(listed), self.b[k], ZERO

    def error(self, m: int) -> Iterator[tuple[Fraction, Fraction, list[Fraction]]]:
        """e on the cell of m: (from φ, to φ, polynomial in φ), in order."""
        none = [ZERO] * len(self.pieces[0])
        total = [self.c - m + HALF, Fraction(-1), *none[2:]]
        changes: dict[Fraction, list[Fraction]] = {}
        for k, weight in enumerate(self.a):
            for count, start, slope in self.windows(k, m):
                met = sorted((t - start) / slope for t in self.breaks) if slope else []
                before = none
                for left, right in pairwise([ZERO, *(t for t in met if 0 < t < 1), Fraction(1)]):
                    middle = start + slope * (left + right) / 2
                    piece = self.pieces[sum(t < middle for t in self.breaks)]
                    here = [count * weight * x for x in composed(piece, start, slope)]
                    into = changes.get(left, none)
                    changes[left] = [x + y - z for x, y, z in zip(into, here, before, strict=True)]
                    before = here
        for left, right in pairwise([*sorted({ZERO, *changes}), Fraction(1)]):
            total = [x + y for x, y in zip(total, changes.get(left, none), strict=True)]
            yield left, right, total


def below(
    net: Network,
    p: list[Fraction],
    left: Fraction,
    right: Fraction,
    bound: Fraction,
    depth: int = 60,
) -> bool:
    """|p| <= bound on [left, right], shown by subdivision."""
    if depth < 60:
        net.spend(1, 0, 60)
    q, n = composed(p, left, right - left), len(p) - 1  # between its Bernstein coefficients:
    if all(
        abs(sum((Fraction(comb(j, i), comb(n, i)) * q[i] for i in range(j + 1)), ZERO)) <= bound
        for j in range(n + 1)
    ):
        return True
    if depth == 0 or abs(value_at(p, left)) > bound or abs(value_at(p, right)) > bound:
        return False
    vertex = -p[1] / (2 * p[2]) if any(p[2:3]) and not any(p[3:]) else left  # may touch there
    middle = vertex if left < vertex < right else (left + right) / 2
    return all(below(net, p, *ends, bound, depth - 1) for ends in ((left, middle), (middle, right)))


def check(content: bytes) -> dict[str, Any]:
    """The claim of a valid certificate, as read, exact numbers as strings; Rejected says what is
    not so.
    """
    document = parse(content)
    need(document["format"] == FORM and document["version"] == "1", f"it is no {FORM} of version 1")
    need(document["digest"] == canonical(document), "the digest does not fit the content")
    net, claim = Network(document), keyed(document["claim"], "claim")
    radius = number(keyed(document["evidence"], "evidence")["radius"])
    low, high = numbers(claim["worst"], 2, 2)
    need(net.low <= radius <= net.high, "the radius of the worst error lies outside")
    reached, bent = None, False
    sums = {"mean": [0, 0], "mean_square": [0, 0]}
    for m in range(floor(net.low + HALF), min(ceil(net.high + HALF), net.length + 1)):
        start = m - HALF
        for first, last, p in net.error(m):
            left, right = max(first, net.low - start), min(last, net.high - start)
            if left >= right:
                continue
            need(
                below(net, p, left, right, high),
                f"the error exceeds the claim between {start + left} and {start + right}",
            )
            bent = bent or any(p[3:])
            if left <= radius - start <= right:
                reached = abs(value_at(p, radius - start))
            square = [
                sum((p[i] * p[j - i] for i in range(j + 1) if i < len(p) > j - i), ZERO)
                for j in range(2 * len(p) - 1)
            ]
            for name, q in (("mean", p), ("mean_square", square)):
                whole = [ZERO, *(x / (j + 1) for j, x in enumerate(q))]
                part = (value_at(whole, right) - value_at(whole, left)) * FINE
                sums[name] = [sums[name][0] + floor(part), sums[name][1] + ceil(part)]
    need(reached == low, "the error at the radius named is not the claimed one")
    need(
        low == high or (bent and 0 <= high - low <= Fraction(1, 10**12)),
        "the worst error is not enclosed as it could be",
    )
    for name, (least, most) in sums.items():
        ends, scale = numbers(claim[name], 2, 2), (net.high - net.low) * FINE
        need(
            ends[0] * scale <= least and most <= ends[1] * scale,
            f"the {name} is not where the claim says",
        )
        need(ends[1] - ends[0] <= Fraction(1, 2**63), f"the {name} is not enclosed to 2^-63")
    return claim


def main() -> int:
    """Say one line and return the status; os.write tells at once what cannot be written."""
    status, line = 2, "usage: checker.py FILE"
    try:
        [name] = sys.argv[1:]
        with open(name, "rb") as file:
            check(file.read(BYTES + 1))
        status, line = 0, "accepted"
    except Rejected as error:
        status, line = 1, f"rejected: {error}"
    except (MemoryError, OSError, ValueError) as error:
        status, line = 2 + isinstance(error, MemoryError), f"{line}: {error!r}"
    for stream in (1, 2) if status < 2 else (2, 1):
        try:
            os.write(stream, f"{line}\n".encode())
            return status
        except OSError as error:
            status, line = 3, f"the output could not be written: {error.strerror}"
    return status


if __name__ == "__main__":
    sys.exit(main())
