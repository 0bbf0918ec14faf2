"""What programs cite is there: every page, and every anchor on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from theory import citations
from theory.citations import THEOREMS, located, pages, statement, theorem
from theory.claim import find_claims
from verify.invariance import atlas
from verify.training.side_by_side import CITED

ROOT = Path(__file__).parents[1]
WRITTEN = re.compile(r"docs/[\w/]+\.md(?:#[\w-]+)?")


def _anchors(page: str) -> set[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {
        *(re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") for words in headings),
        *re.findall(r"^ *(?:- )?\((theorem-[\w-]+)\)=$", text, re.MULTILINE),
        *(f"claim-{name}" for name in re.findall(r"\{claim-statement\} (\w+)", text)),
    }


def _stands(citation: str) -> bool:
    page, _, anchor = citation.partition("#")
    return (ROOT / page).is_file() and (not anchor or anchor in _anchors(page))


def test_cited_theorems_and_claims_stand_in_the_documentation() -> None:
    assert [name for name in THEOREMS if not _stands(theorem(name))] == []
    assert [claim.id for claim in find_claims() if not _stands(statement(claim.id))] == []
    with pytest.raises(KeyError):
        theorem("riemann")
    with pytest.raises(ValueError, match="no chapter"):
        statement("riemann")


def test_citations_in_the_code_lead_somewhere() -> None:
    packages = [ROOT / name for name in ("theory", "numerics", "verify")]
    sources = [path.read_text("utf-8") for root in packages for path in root.rglob("*.py")]
    written = {citation for text in sources for citation in WRITTEN.findall(text)}
    assert "docs/network.md#grades" in written
    assert [citation for citation in sorted(written) if not _stands(citation)] == []


def test_reasons_cite_the_table() -> None:
    """Obstructions name their theorem in words, from which the citation follows."""
    source = (ROOT / "theory/shape/impossible.py").read_text(encoding="utf-8")
    names = set(re.findall(r'(?:Obstruction|_only_itself)\(\s*"([\w ]+)"', source))
    assert names and names <= set(THEOREMS)
    assert all(_stands(entry.reason.page) for entry in atlas.entries())
    assert all(map(_stands, CITED.values()))


def test_what_is_printed_opens_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cited = f"read {theorem('one kink')} and (docs/network.md#grades), not /a/docs/train.md"
    monkeypatch.chdir(ROOT)
    assert located(cited) == cited
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()  # of another project
    shown = re.findall(r"[^\s(]+\.md", located(cited))
    assert [Path(page).is_file() for page in shown] == [True, True, False]


def test_an_installed_package_knows_its_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a clone they are where the wheel's list of files says."""
    place = tmp_path / "share"
    place.mkdir()
    (place / "glossary.md").touch()

    class Listed:
        name = "glossary.md"

        def locate(self) -> Path:
            return place / self.name

    monkeypatch.setattr(citations, "__file__", str(tmp_path / "theory" / "citations.py"))
    monkeypatch.setattr(citations.metadata, "files", lambda _: [Listed()])
    pages.cache_clear()
    try:
        assert pages() == place
        assert located("docs/network.md#grades") == f"{place}/network.md#grades"
    finally:
        pages.cache_clear()
