"""The laws as ``theory`` derives them for small sizes, printed as lemmas of Coq.

Each lemma says that what sympy has derived equals what the theorem of theory/proofs says at that
size, so the definitions in Coq are the package's.  ``python -m theory.proofs.instances`` writes
theory/proofs/Instances.v anew; a test holds the file to this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from theory.claim import claim_of
from theory.invariance import background
from theory.proofs.statements import SOURCES
from theory.pulse import loss, plateau
from theory.pulse.network import direct_response, g, taps
from theory.pulse.signal import phi
from theory.pulse.staircase import to_taps
from theory.training import conserved

__all__ = ["Instance", "controls", "coq", "instances", "lemma", "refused", "rejected", "source"]

Names = Mapping[sp.Symbol, str]
SMALL = (1, 3)
"""The taps n of the lemmas on responses."""
LARGEST = 5
"""The most taps in any lemma."""


@dataclass(frozen=True)
class Instance:
    """A lemma: its name, the variables it is about, the package's law and the theorem's at a size.

    ``proof`` is the tactic that finds both equal.
    """

    name: str
    variables: str
    derived: str
    general: str
    proof: str = "by_law F phi"


def coq(expression: sp.Expr, names: Names, part_last: bool = True) -> str:
    """The expression as a term over the field ``F``; every symbol needs a name.

    ``part_last`` is for :func:`terms`.

    Raises
    ------
    ValueError: a function or a power that the theorems do not hold.
    """
    inner = partial(coq, names=names, part_last=part_last)
    match expression:
        case sp.Integer():
            return f"{expression}%:R" if expression >= 0 else f"(- {-expression}%:R)"
        case sp.Rational():
            return f"({inner(sp.Integer(expression.p))} / {expression.q}%:R)"
        case sp.Symbol():
            return names[expression]
        case sp.Add():
            parts = map(inner, reversed(terms(expression, part_last)))
            return reduce(lambda behind, part: f"({part} + {behind})", parts)
        case sp.Mul():
            return "(" + " * ".join(map(inner, expression.args)) + ")"
        case sp.Pow(base=base, exp=sp.Rational(p=1, q=2)):
            return f"(Num.sqrt {inner(base)})"
        case sp.Pow(base=base, exp=sp.Integer(p=power)):
            positive = inner(base) if power in (1, -1) else f"({inner(base)} ^+ {abs(power)})"
            return positive if power > 0 else f"({positive}^-1)"
        case AppliedUndef(args=(argument,)):
            return f"{expression.func.__name__} {inner(argument)}"
    raise ValueError(f"no term of the theorems: {expression}")


def terms(expression: sp.Add, part_last: bool) -> list[sp.Expr]:
    """The summands in the order of their taps, what φ multiplies last where that is asked for.

    So arguments of g are the same terms as those that Coq finds when it writes out its sums.
    """
    order = {tap: k for k, tap in enumerate(taps(LARGEST))}

    def place(term: sp.Expr) -> tuple[bool, int]:
        known = [order[symbol] for symbol in term.free_symbols & order.keys()]
        return part_last and term.has(phi), min(known, default=len(order))

    return sorted(expression.args, key=place)


def _tap_names(n: int, channel: str = "", row: str = "w") -> dict[sp.Symbol, str]:
    return {tap: f"({row} {u}%N)" for u, tap in enumerate(taps(n, channel))}


def _responses(law: plateau.Law, name: str, general: str) -> Iterator[Instance]:
    for n in SMALL:
        names = {**_tap_names(n), plateau.r: "r", phi: "phi"}
        derived = coq(to_taps(law(n), n), names)
        variables = "(g : F -> F) (w : nat -> F) (r phi : F)"
        yield Instance(f"{name}_{n}", variables, derived, general.replace("h ", f"{n // 2} "))


CHANNEL = (
    "(a {k})",
    "(slope (g {k}) h (w {k}))",
    "(g {k} 0)",
    "(kappa (g {k}) h (w {k}))",
    "(deviation (g {k}) h (w {k}) phi)",
)
"""What the loss needs of channel k, in the order of ``residuals``: a, Δ, g(0), κ, D(φ)."""


def _losses(law: loss.Residuals, name: str) -> Iterator[Instance]:
    """α, β and D of two channels, from what each of them has."""
    columns = [sp.symbols(f"x{kind}_:2") for kind in range(len(CHANNEL))]
    c, size = sp.symbols("c N")
    names = {c: "c", size: "(size L)%:R"}
    for column, term in zip(columns, CHANNEL, strict=True):
        names |= {symbol: term.format(k=f"{k}%N") for k, symbol in enumerate(column)}
    a, *others = columns
    variables = "(h L : nat) (g : nat -> F -> F) (w : nat -> nat -> F) (a : nat -> F) (c phi : F)"
    general = ("alpha 2 h g w a", "beta 2 h L g w a c", "total_deviation 2 h g w a phi")
    proof = "rewrite /alpha /beta /total_deviation unlock /=; by_ring F"
    for value, equal in zip(law(a, c, size, *others), general, strict=True):
        kind = equal.partition(" ")[0]
        yield Instance(f"{name}_{kind}", variables, coq(value, names), equal, proof)


def _conserved(law: conserved.Conserved, name: str, n: int) -> Iterator[Instance]:
    """The quadratic quantities of two channels of n taps; a wrong law may have fewer of them."""
    w = [taps(n, str(k)) for k in range(2)]
    a = sp.symbols("a_:2")
    names = {symbol: f"(a {k}%N)" for k, symbol in enumerate(a)}
    for k in range(2):
        names |= _tap_names(n, str(k), f"w {k}%N")
    kinds = (f"even {n} a S 0 0", f"even {n} a S 0 1", f"even {n} a S 1 1", "odd a S 0 1")
    proof = "rewrite /even /odd /sum_taps unlock /=; by_field F"
    variables = "(w : nat -> nat -> F) (a : nat -> F)"
    for place, (value, kind) in enumerate(zip(law.products(w, a), kinds, strict=False)):
        general = kind.replace("S", f"(fun i => sum_taps {n} (w i))")
        yield Instance(f"{name}_{n}_{place}", variables, coq(value, names), general, proof)


def _backgrounds(law: background.Background, name: str) -> Iterator[Instance]:
    """The response at half-integers on the background β, on a ring of N pixels."""
    beta, size = sp.symbols("beta N")
    sums = "N * g (beta * S h w) + 2%:R * r * (g ((beta + 1) * S h w) - g (beta * S h w))"
    general = f"{sums} + kappa (fun z => g (beta * S h w + z)) h w"
    variables = "(g : F -> F) (w : nat -> F) (beta r N : F)"
    for n in SMALL:
        names = {**_tap_names(n), beta: "beta", size: "N", plateau.r: "r"}
        value = coq(law.response(g, taps(n), beta, plateau.r, size), names)
        equal = general.replace(" h ", f" {n // 2} ")
        yield Instance(f"{name}_{n}", variables, value, equal, "by_response F g")


PLATEAU = "2%:R * r * slope g h w + kappa g h w"
SUBPIXEL = f"{PLATEAU} + deviation g h w phi"


PRINTED: dict[str, Callable[[Any, str], Iterator[Instance]]] = {
    "plateau": lambda law, name: _responses(law, name, PLATEAU),
    "subpixel": lambda law, name: _responses(law, name, SUBPIXEL),
    "loss": lambda law, name: _losses(law.residuals, name),
    "conserved": lambda law, name: _conserved(law, name, 3),
    "background": _backgrounds,
}
"""How the law of a claim is printed; the lemmas' names begin with the name that is given."""


def instances() -> Iterator[Instance]:
    """The lemmas, in the order of the story: the definition, then the laws."""
    for n, m, half_length in ((1, 1, 1), (1, 2, 3), (3, 2, 3), (3, 3, 5), (5, 3, 5)):
        names = {**_tap_names(n), phi: "phi"}
        direct = direct_response(taps(n), m, phi, half_length)
        derived = coq(direct, names, part_last=False)
        general = f"response g {n // 2} {half_length} w (pulse {half_length} {m} phi)"
        variables = "(g : F -> F) (w : nat -> F) (phi : F)"
        yield Instance(f"definition_{n}_{m}_{half_length}", variables, derived, general)
    for name, printed in PRINTED.items():
        yield from printed(claim_of(name).law, name)


def refused() -> Iterator[Instance]:
    """What the wrong laws of the claims say otherwise: none of it may be a lemma."""
    right = {instance.derived for instance in instances()}
    for name, printed in PRINTED.items():
        for k, wrong in enumerate(claim_of(name).wrong):
            wrongly = printed(wrong.law, f"wrong_{name}_{k}")
            yield from (instance for instance in wrongly if instance.derived not in right)


HEADER = """(** Made by theory/proofs/instances.py: the laws that the package derives with sympy for
    small sizes equal the theorems' at these sizes. *)

From mathcomp Require Import all_ssreflect all_algebra.
From Everyweight Require Import Tactics Signal Staircase Plateau Subpixel Loss Flow.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import Order.Theory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(** Writes out the sums and the pixels of one size. *)
Ltac write_out phi :=
  rewrite ?kappa_sums ?deviation_sums /response /slope /preactivation /padded /S /C /T ?unlock /=;
  repeat match goal with |- context [pulse ?L ?m ?p ?j] => rewrite (pulse_nat L m p j) end;
  repeat match goal with |- context [if ?b then _ else _] =>
    let v := eval vm_compute in b in change b with v; cbv iota end;
  rewrite ?(mulr0, mulr1, addr0, add0r) ?(fun w : nat -> _ => mulrC (w _) phi) -?addrA.

Ltac by_law F phi := write_out phi; by_field F.

(** The same where arguments of g are not yet the same terms: [ring] decides which are equal. *)
Ltac by_response F g :=
  rewrite /kappa /S /C unlock /=; in_field F;
  repeat match goal with |- context [g ?x] => match goal with |- context [g ?y] =>
    tryif constr_eq x y then fail else replace (g y) with (g x) by (f_equal; ring) end end;
  ring.

Section Instances.
Variable F : realFieldType.
Add Field field_of_F : (field_laws F).
"""


def lemma(instance: Instance) -> str:
    """The lemma with its proof."""
    stated = f"Lemma {instance.name} {instance.variables} :\n  {instance.derived}"
    return f"{stated}\n  = {instance.general}.\nProof. {instance.proof}. Qed.\n"


def rejected(instance: Instance) -> str:
    """The same as a goal at which the proof is to fail; Coq stops where it succeeds."""
    stated = f"Goal forall {instance.variables},\n  {instance.derived}"
    return f"{stated}\n  = {instance.general}.\nProof. intros. Fail ({instance.proof}). Abort.\n"


def source() -> str:
    """The whole of Instances.v."""
    return "\n".join([HEADER, *map(lemma, instances()), "End Instances.\n"])


def controls(wrong: Iterable[Instance]) -> str:
    """A file that Coq accepts if each of these is rejected."""
    return "\n".join([HEADER, *map(rejected, wrong), "End Instances.\n"])


if __name__ == "__main__":
    (SOURCES / "Instances.v").write_text(source(), encoding="utf-8")
