"""What the tests of claims share: their columns at work on the law and on every wrong one, and
cases of the plateau law.
"""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from numerics.arithmetic import oracle
from theory.claim import Claim, chapter_of
from verify.report.evidence import Judge, Judges
from verify.report.lab import TINY, Lab

JUDGES = Judges(*[Judge("the number itself")] * 3)
"""For made claims."""


def hold_and_reject(claim: Claim, seed: int = 0) -> Lab:
    """Check and training hold for the law and fail for every wrong one; the lab in which they were
    tried.
    """
    module = importlib.import_module(f"verify.{chapter_of(claim.id)}.claims.{claim.id}")
    lab = Lab(TINY, seed)
    for question in (module.check, module.train):
        assert question(claim.law, lab).status == "holds"
        passed = [wrong.name for wrong in claim.wrong if question(wrong.law, lab).status != "fails"]
        assert passed == []
    return lab


@st.composite
def plateau_cases(
    draw: st.DrawFn, numbers: st.SearchStrategy[Fraction]
) -> tuple[str, list[Fraction], Fraction, Fraction, list[Any]]:
    """(a rational σ's name, w, b, a half-integer plateau radius, its pulse)."""
    name, n = draw(st.sampled_from(sorted(oracle.RATIONAL))), draw(st.sampled_from([1, 3, 5]))
    more = draw(st.integers(0, 3))
    w = draw(st.lists(numbers, min_size=n, max_size=n))
    r = n // 2 + Fraction(1, 2) + more
    return name, w, draw(numbers), r, oracle.overlap_pulse(r, n + more)
