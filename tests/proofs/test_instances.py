"""The package's laws and those in Coq are the same: printed for small sizes, and compared."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import sympy as sp

from tests.proofs.conftest import compile_file, needs_coq
from theory.claim import claim_of
from theory.proofs.instances import PRINTED, controls, coq, instances, refused, source
from theory.proofs.statements import SOURCES

X, Y = sp.symbols("x y")
NAMES = {X: "x", Y: "y"}


def test_the_file_holds_what_theory_derives() -> None:
    """Where a law was changed: python -m theory.proofs.instances, and make proofs."""
    assert (SOURCES / "Instances.v").read_text(encoding="utf-8") == source()


def test_names_are_different() -> None:
    names = [instance.name for instance in (*instances(), *refused())]
    assert len(set(names)) == len(names)


def test_every_printed_claim_has_a_wrong_law_to_refuse() -> None:
    count = Counter(instance.name.split("_")[1] for instance in refused())
    assert set(count) == set(PRINTED)
    assert all(f"wrong_plateau_{k}_3" in {i.name for i in refused()} for k in range(3))
    assert len(claim_of("plateau").wrong) == 3


@pytest.mark.parametrize(
    ("expression", "term"),
    [
        (X - sp.Rational(1, 2), "(((- 1%:R) / 2%:R) + x)"),
        (X**2 / Y, "((x ^+ 2) * (y^-1))"),
        (sp.sqrt(X), "(Num.sqrt x)"),
        (sp.Function("g")(X * Y), "g (x * y)"),
    ],
)
def test_terms(expression: sp.Expr, term: str) -> None:
    assert coq(expression, NAMES) == term


def test_what_the_theorems_do_not_hold_is_no_term() -> None:
    with pytest.raises(ValueError, match="no term of the theorems"):
        coq(sp.sin(X), NAMES)


@needs_coq
@pytest.mark.slow
def test_coq_refuses_the_wrong_laws_printed_the_same_way(compiled: Path) -> None:
    right = next(instance for instance in instances() if instance.name == "plateau_3")
    for name, text, accepted in (
        ("Controls.v", controls(refused()), True),
        ("Right.v", controls([right]), False),
    ):
        done = compile_file(compiled, name, text)
        assert (done.returncode == 0) is accepted, done.stderr
    assert "has not failed" in done.stderr
