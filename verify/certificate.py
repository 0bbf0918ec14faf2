"""Accept or reject a certificate: python -m verify.certificate FILE

A certificate says how far a network's answer can be from the radius, over every real radius of an
interval, in exact numbers. It is checked from its weights alone, by
numerics/certificates/checker.py: under 250 lines, standard library only, no code in common with
what writes certificates. To check one without this package, copy that file and run it: python
checker.py FILE.

A file whose check would take more than about ten seconds is rejected as too large.

Exit status: 0 accepted, 1 rejected (the reason is printed), 2 usage or a file that cannot be read,
3 the output could not be written or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from fractions import Fraction

from numerics.certificates.checker import BYTES, Rejected, check
from theory.process import run
from verify.models.files import content
from verify.report.arguments import Parser, command_parser, named

__all__ = ["main"]

PROGRAM = "python -m verify.certificate"


def _parser() -> Parser:
    assert __doc__
    parser = command_parser(PROGRAM, __doc__)
    parser.add_argument("file", type=named("file"), metavar="FILE", help="the certificate, JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        read = content(options.file, BYTES)
    except ValueError as error:
        parser.error(f"{options.file}: {error}")
    try:
        claim = check(read)
    except Rejected as error:
        if options.json:
            print(json.dumps({"accepted": False, "reason": str(error)}, indent=2))
        else:
            print(f"rejected: {error}")
        return 1
    document = json.loads(read)
    radius, domain = document["evidence"]["radius"], document["domain"]
    if options.json:
        answer = {
            "accepted": True,
            "reason": None,
            "claim": claim,
            "radius": radius,
            "domain": domain,
            "digest": document["digest"],
        }
        print(json.dumps(answer, indent=2))
        return 0
    low, high = (Fraction(end) for end in claim["worst"])
    exactly = "exactly" if low == high else "at most 1e-12 more than"
    print(f"accepted: for every real r from {_short(domain['low'])} to {_short(domain['high'])}")
    print(f"  |r̂ - r| <= {float(high):.12g}, {exactly} the error at r = {_short(radius)}")
    print(f"  mean of r̂ - r: {float(Fraction(claim['mean'][0])):.12g}")
    print(f"  mean of (r̂ - r)²: {float(Fraction(claim['mean_square'][1])):.12g}")
    return 0


def _short(number: str) -> str:
    """A fraction as it is, or as a decimal number where it is long."""
    return number if len(number) <= 24 else f"{float(Fraction(number)):.15g}"


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
