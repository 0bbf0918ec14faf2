"""What a page says about its claim, taken from the claim itself while the page is built.

``{claim-statement} ID`` the statement, a line for each formula, and its assumptions;
``{claim-proof} ID`` runs the machine proof and says what it covers; ``{claim-controls} ID`` lists
the wrong laws and the step of the proof that rejects each, the first in order;
``{claim-counterexamples} ID`` drops its hypotheses one at a time and shows the smallest case that
then disobeys, ``{counterexample-list}`` those of all claims; ``{claim-list}``
every chapter with a row per claim; ``{theorem-list}`` the named theorems of all pages; ``{story}``
the sidebar, in the order of theory/claim.py.  A proof that does not hold, or a wrong law that is
not rejected, is a build error.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from worked import ROOT, RunsCode, table

from theory.claim import CHAPTERS, Claim, chapter_of, find_claims
from verify.counterexamples.catalogue import HEAD, reasons_of, rows_of, searched, searches_of


class _OfClaim(RunsCode):
    required_arguments = 1

    @property
    def claim(self) -> Claim:
        known = {claim.id: claim for claim in find_claims()}
        if self.arguments[0] not in known:
            raise self.error(f"no claim is called {self.arguments[0]!r}")
        return known[self.arguments[0]]


class Statement(_OfClaim):
    def run(self) -> list[nodes.Node]:
        self.depend()
        claim = self.claim
        text = f"**{claim.title}.**\n\n"
        text += "".join(f"$$\n{line}\n$$\n\n" for line in claim.lines)
        text += "\n".join(f"- {sentence}" for sentence in claim.assumptions)
        if claim.requires:
            links = ", ".join(f"[{name}](/{chapter_of(name)}/{name}.md)" for name in claim.requires)
            text += f"\n\nBuilds on: {links}."
        return [
            nodes.container("", *self.markdown(text), classes=["claim"], ids=[f"claim-{claim.id}"])
        ]


class ProofOf(_OfClaim):
    def run(self) -> list[nodes.Node]:
        self.depend()
        claim = self.claim
        proof = claim.prove(claim.law)
        if not proof.holds:
            names = ", ".join(step.name for step in proof.open) or "no steps"
            raise self.error(f"the proof of {claim.id} is open: {names}")
        text = f"{len(proof.steps)} exact steps, all decided true. Covered: {proof.covers}."
        if claim.kernel is not None:
            text += f"\n\n[In Coq](/proofs.md): {claim.kernel.covers}."
        return self.markdown(text)


class Controls(_OfClaim):
    def run(self) -> list[nodes.Node]:
        self.depend()
        claim = self.claim
        rows = []
        for wrong in claim.wrong:
            refuting = (step.name for step in claim.prove(wrong.law) if not step.holds)
            name = next(refuting, None)
            if name is None:
                raise self.error(f"the proof of {claim.id} accepts {wrong.name!r}")
            rows.append((wrong.name, f"`{name}`"))
        head = ("the wrong law", "the first step of the proof that rejects it")
        return self.markdown(table(head, rows))


def _dropped(name: str) -> str:
    """The searches of a claim: what is tried, in which order, and a row per hypothesis."""
    text = []
    for search, result in zip(searches_of(name), searched(name), strict=True):
        if result.refuting:
            raise ValueError(f"{name}: {result.refuting[0]} disobeys with all hypotheses")
        words = f"{search.formula[0].upper()}{search.formula[1:]}"
        text.append(
            f"*{words}.* The cases, in this order: {search.order}. With all hypotheses"
            f" {result.kept} of them were tried, and the law held in each.\n\n"
            + table(HEAD, rows_of(result))
        )
    if reasons := reasons_of(name):
        parts = "; ".join(f"“{part}” {reason}" for part, reason in reasons)
        text.append(f"Not dropped: {parts}.")
    return "\n\n".join(text)


class Counterexamples(_OfClaim):
    def run(self) -> list[nodes.Node]:
        self.depend()
        return self.markdown(_dropped(self.claim.id))


class AllCounterexamples(RunsCode):
    def run(self) -> list[nodes.Node]:
        self.depend()
        text = [self.needless()]
        for claim in find_claims():
            page = f"/{chapter_of(claim.id)}/{claim.id}.md"
            text.append(f"**[{claim.title}]({page}).**\n\n{_dropped(claim.id)}")
        return self.markdown("\n\n".join(text))

    @staticmethod
    def needless() -> str:
        """Those without which no case was found that disobeys, and why they are asked for."""
        rows = [
            (f"[{claim.id}]({page})", o.words, o.instead, o.tried, o.kept)
            for claim in find_claims()
            for page in (f"/{chapter_of(claim.id)}/{claim.id}.md",)
            for result in searched(claim.id)
            for o in result.outcomes
            if o.case is None
        ]
        head = ("claim", "no counterexample without", "tried with", "cases", "why it is asked")
        return "**Hypotheses without a counterexample.**\n\n" + table(head, rows)


class Listing(RunsCode):
    def run(self) -> list[nodes.Node]:
        self.depend()
        titles = {claim.id: claim.title for claim in find_claims()}
        text = []
        for chapter in CHAPTERS:
            names = chapter.claims + chapter.appendix
            rows = [(f"[{name}](/{chapter.name}/{name}.md)", titles[name]) for name in names]
            about = f"**{chapter.title}.** {chapter.about}"
            text.append(f"{about}\n\n{table(('page', 'what it says'), rows)}")
        return self.markdown("\n\n".join(text))


THEOREM = re.compile(r"\((theorem-[\w-]+)\)=\n *\*+(?:Theorem \()?([\w ]+)")
"""A label and, on the line below it, the name."""


class Theorems(RunsCode):
    """A row per named theorem, with its page; chapters first, in their order."""

    def run(self) -> list[nodes.Node]:
        self.depend()
        places = [chapter.name for chapter in CHAPTERS]
        pages = [page for place in places for page in sorted((ROOT / "docs" / place).glob("*.md"))]
        rows = []
        for page in (*pages, *sorted((ROOT / "docs").glob("*.md"))):
            self.env.note_dependency(str(page))
            text, name = page.read_text(encoding="utf-8"), page.relative_to(ROOT / "docs")
            title = text.split("\n", 1)[0].removeprefix("# ")
            rows += [
                (f"[{theorem}](/{name}#{label})", f"[{title}](/{name})")
                for label, theorem in THEOREM.findall(text)
            ]
        return self.markdown(table(("theorem", "page"), rows))


class Story(RunsCode):
    """The pages of every chapter, then those of the appendix, as the sidebar shows them."""

    def run(self) -> list[nodes.Node]:
        self.depend()
        more = {"invariance": ("atlas",)}
        groups = [
            (
                chapter.title,
                [f"/{chapter.name}/{name}" for name in chapter.claims + more.get(chapter.name, ())],
            )
            for chapter in CHAPTERS
        ]
        groups.append(("Appendix", [f"/{c.name}/{name}" for c in CHAPTERS for name in c.appendix]))
        trees = [
            f"```{{toctree}}\n:hidden:\n:caption: {title}\n" + "\n".join(pages) + "\n```"
            for title, pages in groups
        ]
        return self.markdown("\n\n".join(trees))


def _search(app: Sphinx, env: Any, names: list[str]) -> None:
    """All searches, once: with ``-j`` pages are read in processes forked from this one."""
    if "counterexamples" in names:
        for claim in find_claims():
            searched(claim.id)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("claim-statement", Statement)
    app.add_directive("claim-proof", ProofOf)
    app.add_directive("claim-controls", Controls)
    app.add_directive("claim-counterexamples", Counterexamples)
    app.add_directive("counterexample-list", AllCounterexamples)
    app.add_directive("claim-list", Listing)
    app.add_directive("theorem-list", Theorems)
    app.add_directive("story", Story)
    app.connect("env-before-read-docs", _search)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
