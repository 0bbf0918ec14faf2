"""Templates: all that they are given is escaped, and nothing may be missing."""

from __future__ import annotations

import jinja2
import pytest

from verify.report import render as module
from verify.report.render import render


def _template(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    engine = module._engine()
    monkeypatch.setattr(engine, "loader", jinja2.DictLoader({"made": text}))


def test_text_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    _template(monkeypatch, "<p>{{ text }}</p>")
    assert render("made", text="<script>&") == "<p>&lt;script&gt;&amp;</p>"


def test_what_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _template(monkeypatch, "{{ text }}{{ absent }}")
    with pytest.raises(jinja2.UndefinedError):
        render("made", text="")


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "0"), (1.0, "100"), (0.5, "50"), (0.0512, "5.1"), (0.999, "99.9"), (0.99, "99")],
)
def test_shares_in_percent(share: float, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _template(monkeypatch, "{{ share|percent }}")
    assert render("made", share=share) == shown
