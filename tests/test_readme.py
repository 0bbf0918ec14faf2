"""README: claims in their order, links that lead somewhere, and the picture as made today."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from theory.claim import chapter_of, order
from verify.report.story import parts

ROOT = Path(__file__).parents[1]


def test_readme_links_the_claims_in_their_order() -> None:
    """Six chapters and the appendix, each with a paragraph, a formula and its pages."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Six chapters")[2]
    chapters = text.partition("\n## ")[0]
    whole = parts([name for _, name in order()])
    assert re.findall(r"^### (.+)$", chapters, re.MULTILINE) == [part.title for part in whole]
    for part, block in zip(whole, chapters.split("### ")[1:], strict=True):
        *prose, links = block.strip().splitlines()
        pages = re.findall(r"\[(\w+)\]\(docs/(\w+)/(\w+)\.md\)", links)
        assert [page for _, *page in pages] == [[chapter_of(name), name] for name in part.claims]
        assert all(name == page for name, _, page in pages)
        assert ("$$" in "".join(prose)) == (part.name != "appendix")


def test_readme_is_short_and_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    assert links and [link for link in links if not (ROOT / link).is_file()] == []


def test_the_picture_is_what_the_package_makes() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "_ext" / "picture.py"))
    assert made["FILE"].read_text(encoding="utf-8") == made["picture"]()
