"""Certificates decided by Coq's kernel.

theory/proofs/Certificate.v has a checker of piecewise-linear certificates as a Coq function and the
theorem that what it accepts is true of every real radius. Here a file becomes an instance, number
by number, and coqc evaluates the checker on it:

    Lemma accepted : check given = true.                        (decided by computation)
    Theorem holds : forall F : ordered_field, claimed F given.  (check_sound F accepted)

What is read here, and no kernel sees: JSON, the digest, the form of the numbers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from secrets import token_hex
from typing import Any

import theory
from numerics.certificates.checker import (
    FORM,
    PADDING,
    canonical,
    keyed,
    need,
    number,
    numbers,
    parse,
)

__all__ = [
    "KernelError",
    "Undecided",
    "accepting",
    "decide",
    "instance",
    "rejecting",
    "run",
    "version",
]

SOURCE = Path(theory.__path__[0], "proofs", "Certificate.v")
"""The checker, its theorem and the proof."""
SECONDS: float = 600
"""The time that coqc may take for one certificate."""
STEPS = 10**7
"""Taps that filters have at all positions on all cells, together: some 40 s of the kernel."""
NO_AXIOMS = "Closed under the global context"
HEADER = """\
From Coq Require Import QArith String List.
From Everyweight Require Import Certificate.
Import ListNotations.
Open Scope Q_scope.

"""


class Undecided(ValueError):
    """The kernel's checker is not for this file, or coqc is not there; the message says why."""


class KernelError(RuntimeError):
    """coqc proved neither that a certificate is accepted nor that it is rejected."""


# --- a file as an instance ----------------------------------------------------------------------


def _number(value: Fraction) -> str:
    return f"({value.numerator} # {value.denominator})"


def _list(terms: Iterable[str]) -> str:
    return f"[{'; '.join(terms)}]"


def _numbers(value: Any, least: int = 0, most: int = 2**16) -> str:
    return _list(map(_number, numbers(value, least, most)))


def _piece(value: Any) -> str:
    """A piece of σ as (constant, slope)."""
    constant, *more = numbers(value, 1)
    need(len(more) <= 8, "σ has more than 64 breaks or a degree above 8")
    while more and not more[-1]:
        more.pop()
    if len(more) > 1:
        raise Undecided(
            f"the kernel's checker is for degree 1, and σ has a piece of degree {len(more)}"
        )
    return f"({_number(constant)}, {_number(more[0] if more else Fraction(0))})"


def _pair(value: Any) -> str:
    low, high = numbers(value, 2, 2)
    return f"({_number(low)}, {_number(high)})"


def instance(content: bytes) -> str:
    """A certificate as a term of theory/proofs/Certificate.v's type, its numbers as in the file.

    Raises
    ------
    Rejected: the file is no certificate of this format.
    Undecided: σ is not piecewise linear, or the signal is too long.
    """
    document = parse(content)
    need(document["format"] == FORM and document["version"] == "1", f"it is no {FORM} of version 1")
    need(document["digest"] == canonical(document), "the digest does not fit the content")
    net, domain = keyed(document["network"], "network"), keyed(document["domain"], "domain")
    sigma, claim = keyed(net["activation"], "activation"), keyed(document["claim"], "claim")
    need(len(numbers(sigma["breaks"])) <= 64, "σ has more than 64 breaks or a degree above 8")
    need(isinstance(sigma["pieces"], list), "σ needs one piece more than breaks")
    need(isinstance(net["filters"], list), "there is no filter")
    padding, half_length = str(domain["padding"]), number(domain["half_length"])
    need(PADDING.fullmatch(padding) is not None, "padding is none of those that there are")
    need(half_length.denominator == 1, "half_length is no whole number")
    need(half_length < 10**6, "the filter or the padding does not fit the signal")
    mode, _, pixels = padding.partition(" ")
    fields = {
        "breaks": _numbers(sigma["breaks"]),
        "pieces": _list(map(_piece, sigma["pieces"])),
        "filters": _list(_numbers(row, 1) for row in net["filters"]),
        "biases": _numbers(net["biases"]),
        "readout": _numbers(net["readout"]),
        "offset": _number(number(net["offset"])),
        "half_length": f"({half_length})%Z",
        "mode": mode.capitalize(),
        "pixels": f"Some {pixels}%Z" if pixels else "None",
        "low": _number(number(domain["low"])),
        "high": _number(number(domain["high"])),
        "worst": _pair(claim["worst"]),
        "mean": _pair(claim["mean"]),
        "mean_square": _pair(claim["mean_square"]),
        "radius": _number(number(keyed(document["evidence"], "evidence")["radius"])),
    }
    taps = sum(map(len, net["filters"]))
    span = number(domain["high"]) - number(domain["low"])
    cells = min(max(span, Fraction(0)), half_length) + 2
    if (2 * half_length + int(pixels or 0) + taps) * taps * cells > STEPS:
        raise Undecided(f"the kernel's checker is for at most {STEPS} taps × positions × cells")
    body = ";\n".join(f"  {name} := {term}" for name, term in fields.items())
    return f"{{|\n{body}\n|}}"


def accepting(given: str) -> str:
    """A Coq file that compiles only if the kernel accepts the instance."""
    return f"""\
(* coqc -Q FOLDER Everyweight THIS, where FOLDER has theory/proofs/Certificate.v, compiled. *)
{HEADER}Definition given : certificate := {given}.

Lemma accepted : check given = true.
Proof. vm_cast_no_check (eq_refl true). Qed.

Theorem holds : forall F : ordered_field, claimed F given.
Proof. intros F. exact (check_sound F given accepted). Qed.

Print Assumptions holds.
"""


def rejecting(given: str) -> str:
    """A Coq file that prints why an instance is rejected, once the kernel has proved that it is."""
    return f"""{HEADER}Definition given : certificate := {given}.

Definition reason : option string := Eval vm_compute in rejection given.

Lemma decided : rejection given = reason.
Proof. vm_cast_no_check (eq_refl reason). Qed.

Print reason.
"""


# --- coqc ---------------------------------------------------------------------------------------


def decide(given: str) -> str | None:
    """Why the kernel rejects an instance; None where it accepts it.

    Raises
    ------
    Undecided: coqc is absent, or it took too long.
    KernelError: it proved neither.
    """
    proof = run(accepting(given))
    if proof.returncode == 0 and proof.stdout.strip() == NO_AXIOMS:
        return None
    answer = run(rejecting(given))
    reason = re.match(r'reason = Some "([^"]+)"', " ".join(answer.stdout.split()))
    if answer.returncode or reason is None:
        raise KernelError(f"coqc decided nothing: {_line(proof.stderr + answer.stderr)}")
    return reason[1]


def run(text: str) -> subprocess.CompletedProcess[str]:
    """What coqc says to a file that uses Certificate.v; errors as of :func:`decide`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = _compiled(folder)
        (folder / "given.v").write_text(text, encoding="utf-8")
        return _coqc("-Q", str(library), "Everyweight", "given.v", folder=folder)


def version() -> str:
    """Coq's version, such as ``8.16.1``; Undecided where it is not there."""
    return _coqc("--print-version", folder=Path.cwd()).stdout.partition(" ")[0]


def _coqc(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["coqc", "-q", *arguments]
    try:
        return subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=SECONDS,
        )
    except FileNotFoundError as error:
        raise Undecided("coqc is not there: on Debian or Ubuntu, apt install coq") from error
    except subprocess.TimeoutExpired as error:
        raise Undecided(f"coqc took more than {SECONDS} s") from error


def _compiled(folder: Path) -> Path:
    """The folder of Certificate.vo: one of the user's cache, or ``folder`` if none can be kept."""
    source = SOURCE.read_text(encoding="utf-8")
    key = hashlib.sha256(f"{version()}\n{source}".encode()).hexdigest()
    caches = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    cache = (caches if caches.is_absolute() else folder) / "everyweight" / key
    if (cache / "Certificate.vo").is_file():
        return cache
    (folder / "Certificate.v").write_text(source, encoding="utf-8")
    answer = _coqc("-Q", ".", "Everyweight", "Certificate.v", folder=folder)
    if answer.returncode:
        raise KernelError(f"Coq {version()} cannot compile its checker: {_line(answer.stderr)}")
    unfinished = cache / f".unfinished-{token_hex(8)}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "Certificate.vo", unfinished)
        unfinished.replace(cache / "Certificate.vo")
    except OSError:  # no rights, or a full disk
        with suppress(OSError):
            unfinished.unlink()
        return folder
    return cache


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
