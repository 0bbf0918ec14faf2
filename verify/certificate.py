"""Accept or reject a certificate: python -m verify.certificate FILE [--kernel]

A certificate says how far a network's answer can be from the radius, over every real radius of an
interval, in exact numbers. It is checked from its weights alone, by
numerics/certificates/checker.py: under 350 lines, standard library only, no code in common with
what writes certificates. To check one without this package, copy that file and run it: python
checker.py FILE.

A file whose check would take more than about ten seconds is rejected as too large.

With --kernel Coq's kernel decides instead, by a checker of piecewise-linear activations that is
proved in Coq: what it accepts is true of every real radius (theory/proofs/Certificate.v). It needs
coqc and some seconds; what is compiled once is kept in $XDG_CACHE_HOME or ~/.cache. --kernel-out
also keeps the Coq file, which coqc compiles only if the kernel accepts the certificate.

With --json one object: "accepted", "reason" (null where accepted), and where accepted "claim",
"radius", "domain" and "digest" as in the file; where the kernel decided "kernel", Coq's version.

Exit status: 0 accepted, 1 rejected (the reason is printed), 2 usage, a file that cannot be read,
that is no certificate or that the kernel's checker is not for, or no coqc, 3 the output could not
be written or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from numerics.arithmetic.decimals import rounded_down, rounded_up
from numerics.certificates import kernel
from numerics.certificates.checker import BYTES, FORM, Rejected, check
from theory.parser import Parser, printable
from theory.process import FAILED, run
from verify.models.files import content, put, reason
from verify.report.arguments import command_parser, named, working

__all__ = ["main"]

PROGRAM = "python -m verify.certificate"
INWARDS = {"low": rounded_up, "high": rounded_down}
"""How the ends of the domain are rounded."""


def _parser(program: str) -> Parser:
    assert __doc__
    parser = command_parser(program, __doc__)
    parser.add_argument("file", type=named("file"), metavar="FILE", help="the certificate, JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--kernel", action="store_true", help="have Coq's kernel decide")
    parser.add_argument(
        "--kernel-out", type=named("file"), metavar="FILE.v",
        help="as --kernel, and keep the Coq file that it decides",
    )  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser(program)
    options = parser.parse_args(arguments)
    judge: dict[str, str] = {}
    try:
        read = content(options.file, BYTES)
    except ValueError as error:
        parser.error(f"{options.file}: {error}")
    try:
        if options.kernel or options.kernel_out:
            given = kernel.instance(read)
            judge["kernel"] = kernel.version()
            _decide(given, options.kernel_out, parser)
        else:
            check(read)
    except Rejected as error:
        if FORM.encode() not in read:
            parser.error(
                f"{options.file}: this is no certificate; `network --out` writes certificate.json"
            )
        if options.json:
            print(json.dumps({"accepted": False, "reason": str(error), **judge}, indent=2))
        else:
            print(f"rejected{_by(judge)}: {error}")
        return 1
    except kernel.Undecided as error:
        parser.error(f"{options.file}: {error}")
    except kernel.KernelError as error:
        print(f"{PROGRAM}: {printable(str(error))}", file=sys.stderr)
        return FAILED
    document = json.loads(read)
    radius, domain, claim = document["evidence"]["radius"], document["domain"], document["claim"]
    if options.json:
        answer = {
            "accepted": True,
            "reason": None,
            "claim": claim,
            "radius": radius,
            "domain": domain,
            "digest": document["digest"],
            **judge,
        }
        print(json.dumps(answer, indent=2))
        return 0
    low, high = (Fraction(end) for end in claim["worst"])
    shown = rounded_up(high, 12)
    exactly = "exactly" if low == high else "at most 1e-12 more than"
    exactly = exactly if Fraction(shown) == high else f"rounded up; the bound is {exactly}"
    ends = " to ".join(_end(domain[x], rounded) for x, rounded in INWARDS.items())
    print(f"accepted{_by(judge)}: for every real r from {ends}")
    print(f"  |r̂ - r| <= {shown}, {exactly} the error at r = {_short(radius)}")
    print(f"  mean of r̂ - r: {_between(*claim['mean'])}")
    least, most = claim["mean_square"]
    square = _short(most) if least == most else f"at most {rounded_up(Fraction(most), 12)}"
    print(f"  mean of (r̂ - r)²: {square}")
    return 0


def _decide(given: str, out: Path | None, parser: Parser) -> None:
    """Rejected, with the reason, unless the kernel accepts; the Coq file goes to ``out``."""
    if out is not None:
        try:
            put(out, kernel.accepting(given).encode())
        except OSError as error:
            parser.error(f"cannot write {out}: {reason(error)}")
    with working("the kernel decides"):
        refusal = kernel.decide(given)
    if refusal is not None:
        raise Rejected(refusal)


def _by(judge: Mapping[str, str]) -> str:
    return f" by the kernel of Coq {judge['kernel']}" if judge else ""


def _end(number: str, rounded: Callable[[Fraction, int], str]) -> str:
    """An end of the interval as it is, or where it is long rounded so that the interval holds."""
    return number if len(number) <= 24 else rounded(Fraction(number), 15)


def _short(number: str) -> str:
    """A fraction as it is, or as a decimal number where it is long."""
    return number if len(number) <= 24 else f"{float(Fraction(number)):.15g}"


def _between(low: str, high: str) -> str:
    """An interval, rounded outwards; one number where its ends are equal."""
    if low == high:
        return _short(low)
    return f"between {rounded_down(Fraction(low), 12)} and {rounded_up(Fraction(high), 12)}"


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
