"""Networks for images explained: closed forms, the identity at finite radii, torch's own answers,
and what each channel does.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import log, pi
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from numerics.disk.disk import arcs, disk, pixels
from numerics.disk.perimeter_enclosure import Filter, Strength, strength_of
from tests.disk.elliptic import enclosed
from tests.disk_accounts import STEP, account_of
from tests.strategies import handful
from theory.disk.perimeter import width
from verify.disk.networks import disks, drawn
from verify.explain.disk_facts import features
from verify.explain.images import too_much
from verify.models.checkpoint import Checkpoint
from verify.models.setup import setup_of

Array = NDArray[np.float64]
SOBEL = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def weight(document: dict[str, Any], name: str, *index: int) -> dict[str, Any]:
    (found,) = (x for x in document["weights"] if (x["name"], x["index"]) == (name, list(index)))
    return dict(found)


def test_the_lattice_accounts_for_how_squares_waver() -> None:
    """Squares waver with the pixels of the edge, and nothing much else; a one-signed difference
    does not; where σ jumps nothing is said.
    """
    domain = {"length": "101", "r_min": "20", "r_max": "45"}
    square = account_of(STEP[None], np.array([0.3]), activation="square", **domain)["lattice"]
    assert square["measured"] > 0.5 and square["left"] < square["measured"] / 20
    assert abs(square["law"] / square["measured"] - 1) < 0.05
    width = account_of(STEP[None], np.array([0.25]), **domain)["lattice"]
    assert width["measured"] < 1e-4 and width["law"] < 1e-9
    assert account_of(STEP[None], np.array([0.25]), activation="hardshrink")["lattice"] is None


@pytest.mark.parametrize(("name", "half"), [("abs", 1), ("relu", 2)])
@pytest.mark.parametrize(("w", "moment"), [(STEP, 1), (SOBEL, 8), (SOBEL.T, 8)])
def test_one_difference(name: str, half: int, w: Array, moment: int) -> None:
    """a = 1/(4|m|), or 1/(2|m|): the width of the disk."""
    a = half / (4 * moment)
    first = account_of(w[None], np.array([a]), activation=name)
    c = weight(first, "readout.bias", 0)["derived"]
    found = account_of(w[None], np.array([a]), c=c, activation=name, tolerance=Fraction(1, 10))
    assert found["explained"] and found["failing"] == []
    (one,) = found["filters"]
    assert (
        one["closed_form"]
        and one["difference"] is not None
        and one["role"] == "measures the perimeter"
    )
    assert (one["sum"], one["rise"], one["moment"], one["excess"]) == (0, 0, moment, 0)
    assert one["perimeter"] == 4 * moment / half
    assert found["residuals"] == {"area": 0, "perimeter": 0}
    read = weight(found, "readout.weight", 0, 0)
    assert read["derived"] == a and read["residual"] == 0 and "|m|" in read["law"]
    assert abs(weight(found, "readout.bias", 0)["residual"]) < 1e-12
    if w is STEP:
        # The crest: a 2 Σ x_r(0, j) = r - 1/(24 r) - ..., exactly.
        r = np.linspace(3, 10, 225)
        crest = np.array([float(width((1, 0), x, 11, np)) for x in r]) / 4
        error = crest - r - np.mean(crest - r)
        worst = found["worst_error"]
        assert np.max(np.abs(error)) - 1e-11 <= worst["value"] <= worst["bound"] < 0.01
        assert worst["bound"] <= 1.03 * np.max(np.abs(error)) and worst["certified"] is True


def test_one_laplacian() -> None:
    """a = 1/P for a second difference; a blur with its threshold at half has a closed form, and a
    derived readout only where the area cancels.
    """
    laplacian = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    found = account_of(laplacian[None], np.array([0.1]))
    assert found["filters"][0]["closed_form"] == "4|Σ w D|"
    assert weight(found, "readout.weight", 0, 0)["law"] == "1/(4|Σ w D|)"
    assert weight(found, "readout.weight", 0, 0)["derived"] == pytest.approx(
        1 / 10.573162386861662, rel=1e-15
    )
    blur = np.ones((1, 3, 3)) / 8
    for name, law in (("abs", "1/(-4Σ w D)"), ("relu", "the slope is 1")):
        found = account_of(blur, np.array([-0.2]), b=np.array([-9 / 16]), activation=name)
        assert (
            "Σ w D" in found["filters"][0]["closed_form"] and found["filters"][0]["error"] < 1e-15
        )
        assert (found["filters"][0]["rise"] == 0) == (name == "abs")
        assert weight(found, "readout.weight", 0, 0)["law"] == law


def test_a_network_without_activation_weighs_the_disk() -> None:
    found = account_of(np.ones((1, 3, 3)), np.array([0.01]), activation="identity")
    (one,) = found["filters"]
    assert (one["role"], one["perimeter"], one["error"]) == ("measures the area", 0, 0)
    mean = 6.5
    assert found["identity"]["area"] == pytest.approx(2 * mean * pi * 0.09, rel=1e-12)
    assert abs(found["identity"]["rest"]) < 1e-9 and not found["explained"]
    # With the best readout its loss is the floor.
    slope = weight(found, "readout.weight", 0, 0)
    assert slope["law"] == "the slope is 1"
    share = 1 / (2 * mean * pi * 9)
    best = share * (1 - found["loss"]["floor"] / np.var(np.linspace(3, 10, 225)))
    trained = account_of(np.ones((1, 3, 3)), np.array([best]), activation="identity")
    c = weight(trained, "readout.bias", 0)["derived"]
    trained = account_of(np.ones((1, 3, 3)), np.array([best]), c=c, activation="identity")
    assert trained["loss"]["value"] == pytest.approx(trained["loss"]["floor"], rel=1e-9)
    assert trained["identity"]["unsettled"] < 1e-9
    assert trained["identity"]["slope"] == pytest.approx(trained["identity"]["explains"], rel=1e-9)


def _drawn(seed: int, channels: int, n: int) -> tuple[Array, Array, Array, float]:
    rng = np.random.default_rng(seed)
    return (
        rng.normal(size=(channels, n, n)),
        rng.normal(size=channels) / 50,
        rng.normal(size=channels) / 4,
        1.5,
    )


@handful
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(("relu", "tanh", "hardtanh", "square")),
    st.integers(1, 2),
    st.sampled_from((1, 3)),
)
@example(0, "relu", 2, 3)
def test_everything_adds_up(seed: int, name: str, channels: int, n: int) -> None:
    w, a, b, c = _drawn(seed, channels, n)
    found = account_of(w, a, b, c, activation=name)
    same = found["identity"]
    by_filter = [one["shares"] for one in found["filters"]]
    size = 1 + sum(abs(x) for share in by_filter for x in share.values())
    for key in ("area", "perimeter", "rest"):
        assert abs(sum(share[key] for share in by_filter) - same[key]) <= 1e-12 * size
    assert abs(same["area"] + same["perimeter"] + same["rest"] - same["slope"]) <= 1e-12 * size
    assert found["explained"] is (not found["failing"])
    # By torch, from the module that trains them.
    net = drawn(name, channels, n, np.random.default_rng(0))
    with torch.no_grad():
        for parameter, value in zip(
            net.parameters(), (w[:, None], b, a[None], np.array([c])), strict=True
        ):
            parameter.copy_(torch.tensor(value))
        r = np.linspace(3, 10, 225)
        error = net(disks(r, 12)).numpy() - r
    assert found["loss"]["value"] == pytest.approx(np.mean(error**2), rel=1e-9)
    assert found["worst_error"]["value"] == pytest.approx(np.max(np.abs(error)), rel=1e-9)


def test_a_derived_weight_does_what_it_says() -> None:
    w, a, b, c = _drawn(3, 2, 3)
    found = account_of(w, a, b, c, activation="relu")
    changed = a.copy()
    changed[1] = weight(found, "readout.weight", 0, 1)["derived"]
    after = account_of(w, changed, b, c, activation="relu")
    assert after["identity"]["slope"] == pytest.approx(1, abs=1e-9)
    c = weight(after, "readout.bias", 0)["derived"]
    last = account_of(w, changed, b, c, activation="relu")
    assert abs(weight(last, "readout.bias", 0)["residual"]) < 1e-9


def test_a_mean_is_a_sum_over_the_number_of_pixels() -> None:
    w, a, b, c = _drawn(4, 1, 3)
    one = account_of(w, a, b, c, Fraction(1, 20), activation="relu")
    two = account_of(w, a * 625, b, c, activation="relu", pooling="mean")
    assert two["loss"]["value"] == pytest.approx(one["loss"]["value"], rel=1e-9)
    assert two["residuals"] == pytest.approx(one["residuals"], rel=1e-9)
    sums, means = (weight(x, "readout.weight", 0, 0)["derived"] for x in (one, two))
    assert means == pytest.approx(625 * sums, rel=1e-9)
    exact = account_of(STEP[None], np.array([0.25 * 625]), pooling="mean")
    assert weight(exact, "readout.weight", 0, 0)["residual"] == 0


def test_channels_that_do_nothing() -> None:
    w = np.stack([STEP, -np.ones((3, 3)), np.zeros((3, 3)), STEP])
    found = account_of(w, np.array([0.5, 1, 1, 0]), np.array([0.0, 0, 0.5, 0]), activation="relu")
    roles = [one["role"] for one in found["filters"]]
    assert roles == ["measures the perimeter", "dead", "adds a constant", "dead"]
    assert weight(found, "readout.weight", 0, 1)["derived"] is None
    assert weight(found, "conv.weight", 1, 0, 2, 2)["role"] == "dead"


def test_both_and_a_cancelling_area() -> None:
    """Two filters of one sign with the same area, read with opposite signs."""
    w = np.stack([np.eye(3), np.full((3, 3), 1 / 3)])
    found = account_of(w, np.array([0.5, -0.5]), np.array([-1.0, -1.0]), activation="relu")
    assert [one["role"] for one in found["filters"]] == ["measures both"] * 2
    assert abs(found["residuals"]["area"]) < 1e-12 and "cancel" in found["verdict"]


def test_an_idle_channel_changes_nothing() -> None:
    """Whether a filter was the only one was asked of all channels, dead ones too: beside zeros 0.25
    became 0.24976.
    """
    alone = account_of(STEP[None], np.array([0.3]))
    for other, bias, a in ((0 * STEP, 0.0, 1.0), (STEP, 0.0, 0.0), (0 * STEP, -2.0, 0.5)):
        two = account_of(
            np.stack([STEP, other]), np.array([0.3, a]), b=np.array([0.0, bias]), c=None
        )
        for key in ("value", "role", "derived", "residual", "law"):
            assert (
                weight(two, "readout.weight", 0, 0)[key]
                == weight(alone, "readout.weight", 0, 0)[key]
            )
    assert weight(alone, "readout.weight", 0, 0)["derived"] == 0.25


def _doubled(w: Array, b: Array, a: Array) -> tuple[Array, Array, Array]:
    return np.concatenate([w, w[:1]]), np.append(b, b[0]), np.concatenate([a / [2, 1], a[:1] / 2])


ORBIT: dict[str, Any] = {
    "scaled": lambda w, b, a: (1024 * w, 1024 * b, a / 1024),
    "exchanged": lambda w, b, a: (w[::-1], b[::-1], a[::-1]),
    "split": _doubled,
    "idle": lambda w, b, a: (np.concatenate([w, w[:1]]), np.append(b, 0), np.append(a, 0)),
    "far below": lambda w, b, a: (np.concatenate([w, -w[:1]]), np.append(b, -200), np.append(a, 0)),
}


@pytest.mark.parametrize("name", ORBIT)
@pytest.mark.parametrize("c", [0.0, 0.3])
def test_networks_that_answer_the_same_are_judged_the_same(name: str, c: float) -> None:
    w, b, a = np.stack([STEP, np.eye(3)]), np.array([0.0, -3.0]), np.array([0.5, 0.25])
    one = account_of(w, a, b, c, Fraction(1, 20), activation="relu")
    w, b, a = ORBIT[name](w, b, a)
    two = account_of(w, a, b, c, Fraction(1, 20), activation="relu")
    assert (one["explained"], one["failing"]) == (two["explained"], two["failing"])
    for key in ("value", "radius", "bound"):
        assert two["worst_error"][key] == pytest.approx(one["worst_error"][key], rel=1e-9)
    assert one["explained"] is (c == 0)


@pytest.mark.parametrize("step", [(0, 1), (1, 0)])
def test_a_filter_alone_is_read_by_its_perimeter(step: tuple[int, int]) -> None:
    """1/P wherever Δ = 0 and P is proved, and the formula of its own class only: one tap off and
    neither 4|m| nor 4|Σ w D| is meant.
    """
    w = np.zeros((3, 3))
    w[1, 1], w[1 + step[0], 1 + step[1]], w[0, 0] = -1, 1.125, -0.125
    found = account_of(w[None], np.array([0.25]))
    (one,) = found["filters"]
    read = weight(found, "readout.weight", 0, 0)
    assert one["closed_form"] == "" and read["law"] == "1/P"
    assert abs(one["perimeter"] - float(enclosed(w, 0.0, "abs"))) <= one["error"] < 1e-5
    assert read["derived"] == 1 / one["perimeter"] != 1 / (4 * one["moment"])
    laplacian = np.array([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    stated = weight(account_of(laplacian[None], np.array([0.1])), "readout.weight", 0, 0)["derived"]
    assert 1 / stated == pytest.approx(float(enclosed(laplacian, 0.0, "abs")), rel=1e-14)


def test_a_channel_that_answers_between_the_sampled_radii_only_is_not_dead() -> None:
    """Roles were those of the grid: a ReLU whose bias is its largest pre-activation there was dead,
    while it moves the answer by pixels.
    """
    w = np.array([[1.0, -0.25, 0.5], [-1.0, 2.0, -0.75], [0.25, -1.5, 0.5]])
    r, dense = np.linspace(3, 10, 225), np.linspace(3, 10, 7 * 1024 + 1)

    def peak(radii: np.ndarray) -> float:
        return max(float(np.max(signal.correlate(x, w))) for x in disk(radii, 12))

    most, there = peak(r), peak(dense)
    a = 4 / (there - most)
    found = account_of(
        np.stack([STEP, w]), np.array([0.5, a]), np.array([0, -most]), None, activation="relu"
    )
    alone = account_of(STEP[None], np.array([0.5]), None, None, activation="relu")
    assert there > most and alone["worst_error"]["value"] < 1 < found["worst_error"]["value"]
    assert found["filters"][1]["role"].startswith("measures")


def test_arcs_are_what_pixels_grow_by() -> None:
    """∫ ℓ dr = x(r₂) - x(r₁), and ℓ rises up to the second nearest corner and falls from there
    on.
    """
    r = np.linspace(0.5, 6, 55001)
    for i, j in ((0, 0), (1, 0), (3, 0), (2, 2), (4, 1), (3, 2)):
        length, area = arcs(r, i, j), pixels(r, i, j)
        slope = np.gradient(area, r)
        assert np.median(np.abs(slope - length)) < 1e-6
        corner = np.hypot(max(i - 0.5, 0), j + 0.5)
        assert np.all(np.diff(length[r <= corner]) >= -1e-12)
        assert np.all(np.diff(length[r >= corner]) <= 1e-12)


def test_the_bound_of_a_perimeter_that_is_not_known_fails_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Straight edges account for it; that their P is not known well enough is no fault of
    theirs.
    """

    def rough(edge: Filter) -> Strength:
        return replace(strength_of(edge), error=10.0)

    w, a = 140 * STEP, np.array([1 / 272.255])
    c = -625 * float(a[0]) * log(2)
    plain = account_of(w[None], a, c=c, activation="softplus", tolerance=Fraction(1, 10))
    assert plain["failing"] == [] and plain["identity"]["error"] < 1e-5
    monkeypatch.setattr("verify.explain.images.strength_of", rough)
    found = account_of(w[None], 10 * a, c=10 * c, activation="softplus", tolerance=Fraction(100))
    assert found["failing"] == ["bound"] and "Σ aP is known to 0.37 only" in found["verdict"]


def test_a_jump_has_no_proof() -> None:
    found = account_of(
        STEP[None], np.array([0.3]), activation="hardshrink", tolerance=Fraction(100)
    )
    assert found["filters"][0]["error"] is None and found["identity"]["error"] is None
    assert found["failing"] == ["bound"] and not found["explained"] and "jumps" in found["verdict"]


def test_windows_wider_than_the_disks_see_no_edges() -> None:
    w = np.zeros((1, 11, 11))
    w[0, 5, 5:7] = -1, 1
    wide = account_of(
        w, np.array([0.25]), length="31", r_min="1", r_max="7", tolerance=Fraction(100)
    )
    assert wide["failing"] == ["edges"]


@pytest.mark.parametrize("turned", [lambda w: w.T, np.rot90, np.flipud])
def test_the_symmetries_of_the_square(turned: Any) -> None:
    """Pixels of equal height are equal floats: the same sums in another order."""
    w, a, b, c = _drawn(6, 1, 3)
    one, two = (account_of(x[None], a, b, c, activation="relu") for x in (w[0], turned(w[0])))
    assert two["loss"]["value"] == pytest.approx(one["loss"]["value"], rel=1e-10)
    assert two["filters"][0]["perimeter"] == pytest.approx(one["filters"][0]["perimeter"], abs=1e-5)
    assert two["filters"][0]["role"] == one["filters"][0]["role"]


@pytest.mark.parametrize(
    ("w", "name", "words"),
    [
        (1e13 * np.ones((1, 3, 3)), "relu", "size 1e+13"),
        (1e-200 * np.ones((1, 3, 3)), "relu", "size 1e-200"),
        (1e3 * np.ones((1, 3, 3)), "exp", "responses reach"),
        (1e3 * np.ones((1, 3, 3)), "sin", "pre-activations reach"),
        (np.ones((1, 17, 17)), "relu", "too many"),
        (np.ones((300, 3, 3)), "relu", "too many"),
    ],
)
def test_too_much(w: Array, name: str, words: str) -> None:
    found = Checkpoint(w, np.ones(len(w)), None, None, {})
    setup = setup_of({"activation": name, "length": "61"}, w.shape[1], images=True)
    assert words in too_much(found, setup)


@pytest.mark.parametrize("name", ["square", "cube", "hardswish", "tanh", "softplus"])
def test_large_preactivations(name: str) -> None:
    """Polynomials need no limit, and where σ is flat, or a line, there is nothing to limit: only
    exp and sin were ever in danger.
    """
    w, r = 1e4 * STEP, np.linspace(3, 10, 225)
    found = account_of(w[None], np.array([1e-4]), activation=name)
    assert (
        found["worst_error"]["value"]
        >= np.max(np.abs(features(w[None], np.zeros(1), name, r)[:, 0] * 1e-4 - r)) - 1e-6
    )


def test_too_many_pixels() -> None:
    found = Checkpoint(np.ones((9, 5, 5)), np.ones(9), None, None, {})
    setup = setup_of({"activation": "relu", "length": "2001"}, 5, images=True)
    assert "too many pixels" in too_much(found, setup)


@pytest.mark.parametrize("seed", range(3))
def test_random_filters_with_the_best_readout_share_the_work_out(seed: int) -> None:
    """Six channels of tanh, only the readout fitted (as seen, not proved): the rest is a small part
    of the scale.
    """
    rng = np.random.default_rng(seed)
    w, b = rng.normal(size=(6, 3, 3)), rng.normal(size=6) / 3
    r = np.linspace(3, 6, 97)
    design = np.column_stack([features(w, b, "tanh", r), np.ones(len(r))])
    best = np.linalg.lstsq(design, r, rcond=None)[0]
    c = best[-1] - 625 * float(best[:-1] @ np.tanh(b))
    found = account_of(w, best[:-1], b, c, Fraction(1, 10), activation="tanh", r_max="6")
    assert found["explained"] and found["identity"]["unsettled"] < 1e-7
    assert abs(found["identity"]["rest"]) < found["identity"]["scale"] / 4
    assert found["identity"]["slope"] == pytest.approx(found["identity"]["explains"], abs=1e-9)
