"""The explanation of one network: its numbers add up, and a reader sees every weight."""

from __future__ import annotations

import pytest

from verify.models.problem import Setting
from verify.optimise.ensemble import train_ensemble
from verify.pulse.classify import classify
from verify.pulse.explained import explain, explanation


@pytest.fixture(scope="module")
def ensemble():
    return train_ensemble(Setting("relu", 1, 5), 30, 0)


def test_terms_add_up_to_the_measured_loss(ensemble) -> None:
    for j, ending in enumerate(classify(ensemble)):
        values = explanation(ensemble, ending, j)
        assert values["total"] == pytest.approx(sum(v for _, v in values["terms"]), abs=1e-15)
        assert abs(values["total"] - values["loss"]) <= ending.tolerance


def test_exact_networks_have_the_predicted_readout(ensemble) -> None:
    exact = [(j, e) for j, e in enumerate(classify(ensemble)) if e.kind == "exact"]
    assert exact
    for j, ending in exact:
        values = explanation(ensemble, ending, j)
        assert values["a"] == pytest.approx(values["predicted_a"], rel=1e-9)
        assert values["c"] == pytest.approx(values["predicted_c"], rel=1e-9, abs=1e-9)


def test_held_taps_satisfy_their_equations(ensemble) -> None:
    """A tap is called held exactly when a partial sum that contains it is -b."""
    seen = 0
    for j, ending in enumerate(classify(ensemble)):
        if ending.cell != "threshold":
            continue
        values = explanation(ensemble, ending, j)
        w = {tap["u"]: tap["value"] for tap in values["taps"]}
        for tap in values["taps"]:
            for text in tap["held"]:
                members = text.split(" = ")[1].split(" + ")
                total = sum(w[int(name[2:-1])] for name in members)
                assert total == pytest.approx(-values["b"], rel=1e-9)
                seen += 1
    assert seen


def test_markup_names_every_weight(ensemble) -> None:
    endings = classify(ensemble)
    page = explain(ensemble, endings[0], 0, "test")
    for name in ("w(-2)", "w(-1)", "w(0)", "w(1)", "w(2)"):
        assert f'scope="row">{name}<' in page
    assert page.count("<svg") == 2
