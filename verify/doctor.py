"""Say whether this machine is fit, and what to mend: python -m verify.doctor

Versions are compared with those that the package needs, and with those that it was tested with
where constraints.txt is at hand. Reference digits are computed again: exact ones, which have to be
the same, and those of a short training, within a bound on the rounding of its sums.

Exit status: 0 fit, 1 something is wrong (how to mend it is printed), 2 usage, 3 the output could
not be written or the machine failed, 130 interrupted.
"""

from __future__ import annotations

import json
import locale
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Literal

from theory.parser import printable
from theory.process import run
from verify.report.arguments import command_parser, cores, importing, working

__all__ = ["Finding", "digits", "findings", "main", "surroundings", "versions"]

PROGRAM = "python -m verify.doctor"
PINS = Path(__file__).parents[1] / "constraints.txt"
"""The versions that were tested; only a clone has them."""
INSTALL = "pip install -c constraints.txt -e . in a clone brings the versions that were tested"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: right, worth a note, or wrong; and then how to mend it."""

    name: str
    value: str
    state: Literal["ok", "note", "wrong"] = "ok"
    advice: str = ""


# --- versions -----------------------------------------------------------------------------------


def versions() -> Iterator[Finding]:
    """Python, and what the package needs."""
    try:
        own = metadata.metadata("everyweight")
    except metadata.PackageNotFoundError:
        yield Finding("everyweight", "not installed", "wrong", f"install it: {INSTALL}")
        return
    yield Finding("everyweight", own["Version"])
    python = platform.python_version()
    yield _compared("python", python, own["Requires-Python"].removeprefix(">="), "")
    pins = PINS.read_text(encoding="utf-8") if PINS.is_file() else ""
    for name, least in re.findall(r"^([\w-]+) *>= *([\d.]+)$", "\n".join(_needed()), re.MULTILINE):
        pin = re.search(rf"^{name}==(.+)$", pins, re.MULTILINE)
        try:
            yield _compared(name, metadata.version(name), least, pin[1] if pin else "")
        except metadata.PackageNotFoundError:
            yield Finding(name, "not installed", "wrong", f"install it: {INSTALL}")


def _needed() -> list[str]:
    return metadata.requires("everyweight") or []


def _compared(name: str, version: str, least: str, tested: str) -> Finding:
    if _numbers(version) < _numbers(least):
        return Finding(name, version, "wrong", f"at least {least} is needed: {INSTALL}")
    if tested and _numbers(version) != _numbers(tested):
        return Finding(name, version, "note", f"{tested} was tested; should digits differ, take it")
    return Finding(name, version)


def _numbers(version: str) -> list[int]:
    """2.13.0+cpu as [2, 13], trailing zeros left out."""
    numbers = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


# --- the machine --------------------------------------------------------------------------------


def surroundings() -> Iterator[Finding]:
    """Libraries below, threads, Coq, the folder, the locale."""
    import numpy as np
    import torch
    from sympy.external.gmpy import GROUND_TYPES

    from numerics.certificates import kernel

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield Finding("BLAS", f"{blas['name']} {blas['version']}")
    asked = os.environ.get("OMP_NUM_THREADS")
    told = f", OMP_NUM_THREADS={asked}" if asked else ""
    yield Finding("threads", f"{torch.get_num_threads()} of torch on {cores()} cores{told}")
    flint = GROUND_TYPES == "flint"
    advice = "" if flint else "proofs take longer: python-flint 0.7 or newer makes them quick"
    yield Finding("ground types", f"{GROUND_TYPES} (sympy)", "ok" if flint else "note", advice)
    try:
        yield Finding("coqc", kernel.version())
    except kernel.Undecided as error:
        yield Finding(
            "coqc", "not found", "note", f"only --kernel and make proofs want it: {error}"
        )
    yield _folder(Path.cwd())
    yield _encoding(locale.getpreferredencoding(False))


def _folder(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(2**16))  # a full disk still takes a file without content
            file.flush()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Finding("folder", f"{folder}: {reason}", "note", "give commands --out elsewhere")
    return Finding("folder", f"{folder} takes files")


def _encoding(name: str) -> Finding:
    if re.fullmatch(r"utf-?8", name, re.IGNORECASE):
        return Finding("locale", name)
    return Finding("locale", name, "note", "σ and φ are printed as ?: set PYTHONUTF8=1")


# --- reference digits ---------------------------------------------------------------------------

TAPS = tuple(Fraction(count, 8) for count in (1, 2, 2, 2, 1))
BIAS, HALF_LENGTH = Fraction(-1, 8), 12
"""A filter of five taps that is exact under ReLU, on 25 pixels."""
STAIRCASE = "0, 1/24, 1/24, 5/24, 5/24, 11/24, 11/24, 17/24, 17/24, 11/12, 11/12, 1"
"""Its pre-activations before the bias, at φ = 1/3."""
SEEDED = "-0.41104516046694917"
"""The last number that seed 0 draws for tanh with one channel of five taps: the start of c."""
STEPS, LOSS = 20, "0.24147996796043514"
"""Gradient descent from there on 64 radii with η = 1/1000, and the loss before its last step, as 50
digits give it.
"""
ROUNDINGS = STEPS * 64 * 16
"""Products in all of its answers: each is off by half a unit in the last place at most, and descent
does not make that grow.
"""


def digits() -> Iterator[Finding]:
    """What has to come out, and what did: exact numbers, a start, and the loss of a training."""
    import numpy as np
    from flint import fmpq

    from numerics.arithmetic.compile import exact_values
    from numerics.pulse.channel import exact_quantities
    from numerics.pulse.domain import Domain
    from numerics.pulse.exact_error import exact_net, summary
    from theory.pulse.readout import exact_readout
    from theory.pulse.staircase import preactivation_counts
    from verify.models.networks import data, load
    from verify.models.problem import Setting, initial
    from verify.optimise.sgd import descend

    taps, third = len(TAPS), Fraction(1, 3)
    stairs = exact_values(list(preactivation_counts(taps, 3, HALF_LENGTH)), taps)(TAPS, third)
    yield _reproduced("staircase", ", ".join(map(str, sorted(stairs))), STAIRCASE)

    channel = exact_quantities(TAPS, lambda z: max(z + BIAS, Fraction(0)), (third,))
    offset = (2 * HALF_LENGTH + 1) * channel.background + channel.kappa
    (a,), c = exact_readout([channel.slope], [offset])
    yield _reproduced("exact weights", f"a = {a}, c = {c}", "a = 4/7, c = 2/7")

    domain = Domain(HALF_LENGTH, fmpq(5, 2), fmpq(10))
    errors = [summary(exact_net("relu", [TAPS], [BIAS], [a], end), domain) for end in (c, third)]
    worst = ", ".join(str(error.worst.high) for error in errors)
    yield _reproduced("worst error", worst, "0, 1/21")

    setting = Setting("tanh", 1, taps)
    start = initial(setting, 1, 0)
    yield _reproduced("start", repr(float(start.c[0])), SEEDED)
    losses = descend(load(setting, start), *data(setting), STEPS, 1e-3).losses[:, 0]
    bound = ROUNDINGS * float(np.spacing(losses[0])) / 2
    near = abs(float(losses[-1]) - float(LOSS)) <= bound
    value = f"{losses[-1]:.15g}"
    yield _reproduced("trained loss", value, value if near else f"{LOSS} ± {bound:.1g}")


def _reproduced(name: str, value: str, expected: str) -> Finding:
    if value == expected:
        return Finding(name, value)
    return Finding(name, value, "wrong", f"{expected} was expected; {INSTALL}")


# --- the command --------------------------------------------------------------------------------


def findings() -> Iterator[Finding]:
    """All of them; a part that a missing library ends is one that is wrong."""
    parts: dict[str, Callable[[], Iterator[Finding]]] = {
        "versions": versions,
        "machine": surroundings,
        "digits": digits,
    }
    for name, part in parts.items():
        try:
            with importing():
                yield from part()
        except Exception as error:  # noqa: BLE001 - what is broken is what is looked for
            reason = (str(error) or type(error).__name__).splitlines()[0]
            yield Finding(name, reason, "wrong", INSTALL)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """The command line; returns the exit status, or raises SystemExit as argparse does."""
    assert __doc__
    parser = command_parser(program, __doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    with working("computing reference digits"):
        report = list(findings())
    fit = all(finding.state != "wrong" for finding in report)
    if options.json:
        print(json.dumps({"fit": fit, "findings": [asdict(x) for x in report]}, indent=2))
        return 0 if fit else 1
    for finding in report:
        print(f"{finding.state:5}  {finding.name:14}  {printable(finding.value)}")
        if finding.advice:
            print(f"       {'':14}  {finding.advice}")
    print("fit" if fit else "not fit: see above")
    return 0 if fit else 1


if __name__ == "__main__":
    sys.exit(run(PROGRAM, main))
