"""The doctor: reference digits from the definitions, and each fault with its advice."""

from __future__ import annotations

import json
import locale
import math
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from verify import doctor
from verify.doctor import Finding, digits, findings, main, surroundings, versions
from verify.models.problem import Setting, initial


def lacking(looked: Iterator[Finding], state: str = "wrong") -> dict[str, str]:
    """Value and advice of what is wrong, or worth a note, by its name."""
    return {x.name: f"{x.value}; {x.advice}" for x in looked if x.state == state}


def test_this_machine_is_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["fit"] is True
    assert {tuple(x) for x in document["findings"]} == {("name", "value", "state", "advice")}
    names = {x["name"] for x in document["findings"]}
    assert {"python", "torch", "BLAS", "threads", "coqc", "locale", "trained loss"} <= names


def test_the_reference_loss_is_that_of_the_definitions() -> None:
    """Gradient descent by hand, pixel by pixel, in plain sums."""
    setting = Setting("tanh", 1, 5)
    start, length = initial(setting, 1, 0), setting.radii.half_length(5)
    assert repr(float(start.c[0])) == doctor.SEEDED
    *w, b, a, c = map(float, (*start.w[0, 0], start.b[0, 0], start.a[0, 0], start.c[0]))
    radii = [*map(float, setting.radii.r)]
    for _ in range(doctor.STEPS):
        terms: list[tuple[float, ...]] = []
        for r in radii:
            light = [min(max(r + 0.5 - abs(j), 0), 1) for j in range(-length - 2, length + 3)]
            windows = [light[i : i + 5] for i in range(2 * length + 1)]
            inside = [sum(p * q for p, q in zip(w, x, strict=True)) for x in windows]
            heights = [math.tanh(b + z) for z in inside]
            error = c + a * math.fsum(heights) - r
            bent = [a * (1 - y * y) for y in heights]
            slopes = [sum(d * x[u] for d, x in zip(bent, windows, strict=True)) for u in range(5)]
            each = (*slopes, sum(bent), math.fsum(heights), 1.0)
            terms.append((error**2, *(2 * error * slope for slope in each)))
        loss, *gradient = (math.fsum(column) / len(radii) for column in zip(*terms, strict=True))
        *w, b, a, c = (x - y / 1000 for x, y in zip((*w, b, a, c), gradient, strict=True))
    assert loss == pytest.approx(float(doctor.LOSS), rel=1e-13)


# --- faults -------------------------------------------------------------------------------------


def test_an_old_version_and_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version
    changed = {"numpy": "1.26.4", "torch": "2.12.0+cpu"}

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        return changed.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)
    wrong = lacking(versions())
    assert wrong.keys() == {"numpy", "rich"} and "1.26.4; at least 2.0 is needed" in wrong["numpy"]
    assert "was tested" in lacking(versions(), "note")["torch"]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "metadata", none)
    assert lacking(versions()).keys() == {"everyweight"}


def test_a_machine_that_lacks_things(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: "ANSI_X3.4-1968")
    monkeypatch.setattr("sympy.external.gmpy.GROUND_TYPES", "python")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "absent")
    notes = lacking(surroundings(), "note")
    assert notes.keys() == {"ground types", "coqc", "folder", "locale"}
    assert "no such file or directory; give commands --out" in notes["folder"]


def test_other_digits_are_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, other in (("STAIRCASE", "0, 1"), ("SEEDED", "0.5"), ("LOSS", "0.2414799678")):
        monkeypatch.setattr(doctor, name, other)
    assert lacking(digits()).keys() == {"staircase", "start", "trained loss"}
    monkeypatch.setattr(doctor, "surroundings", lambda: iter([]))
    assert main([]) == 1
    out = capsys.readouterr().out
    assert out.endswith("not fit: see above\n") and "0.5 was expected; pip install" in out


def test_a_part_that_cannot_be_computed_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Finding]:
        raise ImportError("libopenblas.so: cannot open shared object file\nmore")

    for part in ("versions", "surroundings", "digits"):
        monkeypatch.setattr(doctor, part, broken)
    assert lacking(findings()).keys() == {"versions", "machine", "digits"}
