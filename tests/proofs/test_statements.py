"""The laws in Coq: accepted by its kernel, with no axiom, and each named theorem is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.proofs.conftest import GRANTED, ROOT, compile_file, made, needs_coq
from theory.claim import claim_of, find_claims
from theory.proofs import statements
from theory.proofs.statements import SOURCES, coverage, state, theorem

NAMES = sorted({name for c in find_claims() if c.kernel is not None for name in c.kernel.theorems})
UNPROVED = re.compile(
    r"\b(Axioms?|Admitted|admit|Parameters?|Conjectures?|Abort|give_up|Unset Guard Checking"
    r"|bypass_check|Unset Positivity Checking|Unset Universe Checking|type_in_type)\b"
)
"""What lets a sentence stand without a proof."""


def unproved(source: str) -> list[str]:
    """The words in a Coq source, outside of its comments, that lets something stand unproved."""
    return UNPROVED.findall(re.sub(r"\(\*.*?\*\)", "", source, flags=re.DOTALL))


def assumptions(folder: Path, names: list[str]) -> dict[str, str]:
    """What Coq prints for ``Print Assumptions`` of each theorem ``File.name``."""
    files = sorted({name.partition(".")[0] for name in names})
    lines = [f"From Everyweight Require {' '.join(files)}.", "From Coq Require Import String."]
    for name in names:
        lines += [f'Eval compute in "of {name}"%string.', f"Print Assumptions {name}."]
    done = compile_file(folder, "Assumptions.v", "\n".join(lines))
    assert done.returncode == 0, done.stderr
    parts = re.split(r'\s*= "of ([\w.]+)"%string\s*: string\s*', done.stdout)
    return dict(zip(parts[1::2], (text.strip() for text in parts[2::2]), strict=True))


@needs_coq
@pytest.mark.slow
def test_the_kernel_accepts_every_theorem_without_an_axiom(compiled: Path) -> None:
    assert compile_file(compiled, "Granted.v", GRANTED).returncode == 0
    printed = assumptions(compiled, [*NAMES, "Granted.all_zero"])
    assert "granted" in printed.pop("Granted.all_zero")  # an axiom would be seen
    assert set(printed) == set(NAMES)
    assert set(printed.values()) == {"Closed under the global context"}
    assert (compiled / "accepted").is_file()


@needs_coq
@pytest.mark.parametrize("source", [GRANTED, "Theorem law : 1 = 2.\nProof. reflexivity. Qed.\n"])
def test_what_is_not_proved_is_refused(tmp_path: Path, source: str) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    folder = tmp_path / "theory" / "proofs"
    folder.mkdir(parents=True)
    (folder / "Law.v").write_text(source, encoding="utf-8")
    done = made(tmp_path, {})
    assert done.returncode != 0
    assert "Law.v" in done.stdout + done.stderr
    assert not (tmp_path / "build" / "proofs" / "accepted").exists()


def test_without_coq_there_is_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = made(ROOT, {"PATH": str(tmp_path)})
    assert done.returncode != 0
    assert "apt install coq libcoq-mathcomp-algebra" in done.stderr


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.v")), ids=lambda path: path.stem)
def test_nothing_is_left_unproved(path: Path) -> None:
    assert unproved(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line", ["Axiom a : False.", "Proof. Admitted.", "by admit.", "Parameter x : nat."]
)
def test_what_is_unproved_is_seen(line: str) -> None:
    assert len(unproved(f"(* no Axiom here *)\n{line}")) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_named_theorem_is_stated(name: str) -> None:
    short = name.partition(".")[2]
    assert re.search(rf"^(Theorem|Corollary) {short}\b", theorem(name), re.MULTILINE)
    assert "Proof" not in theorem(name)


def test_the_hypotheses_of_its_sections_stand_before_a_theorem() -> None:
    assert theorem("Plateau.plateau_law").startswith("Theorem")
    assert theorem("Staircase.staircase").startswith("Hypotheses (plateau : (h < m)%N)")
    assert theorem("Background.background_law").startswith("Theorem")
    assert theorem("Background.not_exact").startswith("Hypothesis monotone")
    assert "Hypotheses (a0 : a != 0) (J0 : J != 0)." in theorem("Kinks.exact_one_channel")
    assert theorem("Flow.end_is_exact").startswith("Theorem")


def test_a_theorem_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="has no theorem 'steep'"):
        theorem("Plateau.steep")


def test_only_accepted_sources_count_as_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, built = tmp_path / "sources", tmp_path / "built"
    for folder in (sources, built):
        folder.mkdir()
        (folder / "Law.v").write_text("Theorem law : True.", encoding="utf-8")
    monkeypatch.setattr(statements.shutil, "which", lambda name: "/usr/bin/coqc")
    assert "`make proofs` checks it" in state(sources, built)
    (built / "accepted").touch()
    assert state(sources, built) == "checked by Coq's kernel"
    (sources / "Law.v").write_text("Theorem law : False.", encoding="utf-8")
    assert "unchecked here" in state(sources, built)
    monkeypatch.setattr(statements.shutil, "which", lambda name: None)
    assert "coqc is not installed" in state(sources, built)


def test_the_proof_column_says_what_is_proved_where() -> None:
    said = coverage(claim_of("plateau"))
    assert "plateau_law" in said
    assert said.endswith("beyond these: proved in writing")
    assert coverage(claim_of("disk")) == "beyond these: proved in writing"
