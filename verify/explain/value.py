"""An explained network: one frozen value, which text.py prints, page.py draws, and :func:`document`
turns into JSON.

It is made in one place, signals.py or images.py.  Its fields have the names of docs/network.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING, Any

from flint import fmpq

from numerics.arithmetic.types import Array
from numerics.certificates.conditions import Stored
from numerics.certificates.nearest import Nearest
from numerics.certificates.reduction import Origin
from numerics.disk.perimeter_enclosure import Filter
from theory.pulse.symmetry import Channel
from verify.models.checkpoint import Checkpoint
from verify.models.setup import Setup, too_large
from verify.report.render import as_json

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from torch import Tensor, nn

    from verify.models.live.module import Live

__all__ = [
    "GRADES",
    "LITTLE",
    "Alternative",
    "Explanation",
    "FilterShare",
    "Identity",
    "ImageError",
    "ImageExplanation",
    "ImageWeight",
    "Interval",
    "Neighbour",
    "Place",
    "Replay",
    "Shares",
    "Sides",
    "SignalError",
    "SignalExplanation",
    "SignalLoss",
    "SignalWeight",
    "Weight",
    "document",
    "graded",
    "unfit",
]

Interval = tuple[float | None, float | None]
"""Two ends; None is infinite."""
Sides = tuple[float | None, float | None]
"""For a weight made smaller, and made larger; None where there is no finite value."""


# ------------------------------------------------------------------------------- what both have


@dataclass(frozen=True)
class Place:
    """The value of one weight: the tensor, where in it, and what stands there."""

    name: str
    index: tuple[int, ...]
    value: float

    @property
    def label(self) -> str:
        """conv.weight 0,0,2 and the like."""
        return f"{self.name} {','.join(map(str, self.index))}"


@dataclass(frozen=True)
class Weight(Place):
    """What it does, and the value that its law gives it; a free weight has an interval."""

    role: str
    derived: float | Interval | None
    residual: float | None


@dataclass(frozen=True)
class Alternative:
    """Other settings, or units, under which the same weights err by much less.

    Attributes
    ----------
    options: what differs, as an option of the command and its value.
    scale, offset: the answer is (r - offset)/scale.
    error: no radius has a larger one, in pixels; of a network for images the largest at the sampled
        radii.
    exact: it is proved to be 0.
    """

    options: Mapping[str, str]
    scale: float
    offset: float
    error: float
    exact: bool

    @property
    def rescaled(self) -> bool:
        """The radii are given in other units."""
        return (self.scale, self.offset) != (1, 0)


@dataclass(frozen=True)
class Replay:
    """What was read, run again in torch: at the worst radius and on a grid.

    Attributes
    ----------
    subject: what was run: the user's own module or file, or the nearest exact network.
    radius, error: r, and r̂ - r as torch computes it in the type ``dtype``; infinite where
        that overflows. It is the worst radius, or one of the grid where only the grid disagrees.
    certified: the size of the error of what was read, there.
    apart: how far torch is from that.
    allowed: what rounding may add or take away; None where no bound on it is known.
    agrees: at all these radii they are apart by no more than that, or than the tolerance where it
        is None; None where nothing disagrees and the worst error is only approached.
    """

    subject: str
    radius: float
    error: float
    dtype: str
    certified: float
    apart: float
    allowed: float | None
    agrees: bool | None

    @property
    def short(self) -> str:
        """Of the subject, what a reader has given."""
        return self.subject.removesuffix(", in torch").removesuffix(" itself")


@dataclass(frozen=True)
class Explanation:
    """What is told of every network.

    Attributes
    ----------
    file: its name.
    setup, channels, taps: the network but for its weights.
    notes: what was done when the file was read.
    tolerance: in pixels.
    grade: one of :data:`GRADES`.
    tolerance_needed: the smallest tolerance at which it is explained; None where none is known.
    verdict: one sentence.
    alternatives: settings under which it errs by much less, where it is not explained.
    next_step: what to do next, in one sentence.
    failing: the names of what fails; nothing does where it is explained.
    residuals: of its laws, by name.
    checkpoint: the network as it was read, with the user's own names.
    live: the module that was explained, where it was one.
    replay: of the module or the file; of the nearest exact network where that alone disagrees.
    """

    file: str
    setup: Setup
    channels: int
    taps: int
    notes: tuple[str, ...]
    tolerance: float
    grade: str
    tolerance_needed: float | None
    verdict: str
    failing: tuple[str, ...]
    alternatives: tuple[Alternative, ...]
    next_step: str
    residuals: Mapping[str, float]
    checkpoint: Checkpoint = field(kw_only=True, repr=False, compare=False)
    live: Live | None = field(default=None, kw_only=True, repr=False, compare=False)
    replay: Replay | None = field(default=None, kw_only=True, compare=False)

    @property
    def explained(self) -> bool:
        """Nothing fails."""
        return not self.failing

    def text(self) -> str:
        """What the command prints."""
        from verify.explain.text import show

        show(self, page := StringIO())
        return page.getvalue()

    def __str__(self) -> str:
        """The same, for ``print``."""
        return self.text().rstrip("\n")

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that the command prints."""
        return document(self)

    def _repr_html_(self) -> str:
        """The page in a notebook."""
        from verify.explain.page import embedded

        return embedded(self)

    def plot(self) -> Drawing:
        """The error over the radius."""
        from verify.explain.page import error_drawing

        return error_drawing(self)

    def certificate(self) -> dict[str, Any]:
        """The certificate of the worst error, for the checker.

        Raises
        ------
        ValueError: there is none; the message says why.
        """
        from verify.explain.certificate import certificate_of

        self._same()
        return certificate_of(self)

    def repair(self) -> nn.Module | dict[str, Tensor]:
        """The nearest exact network that was found, in a copy of the module, or as a state_dict.

        Warns where the weights had to be rounded to the network's type, by how much it errs then.

        Raises
        ------
        ValueError: none is known.
        """
        from verify.explain.live.restored import restored

        self._same()
        return restored(self)

    def _same(self) -> None:
        """Raise where the module answers otherwise than what was read of it: that is another
        network.
        """
        if self.replay is not None and self.replay.agrees is False:
            raise ValueError("the module is not what was read of it: its replay differs")


GRADES = ("exact", "near exact", "accurate", "off")
"""It errs by 0; it errs by little and an exact network is near; it errs by little, and none near it
is known; it errs by more.
"""
LITTLE = Fraction(1, 10)
"""Of a pixel for the error, of its length for the distance to the exact network; a tolerance above
this takes its place.
"""


def graded(
    worst: Fraction | float, needed: Fraction | None, tolerance: Fraction, *, exact: bool
) -> str:
    """The grade of a network that errs by ``worst`` pixels and is explained from the tolerance
    ``needed`` on, None: from none.
    """
    limit = max(tolerance, LITTLE)
    if exact:
        return "exact"
    if needed is not None and needed <= limit:
        return "near exact"
    return "accurate" if worst <= limit else "off"


def unfit(checkpoint: Checkpoint, setup: Setup, least: float, largest: float, waves: float) -> str:
    """Why weights of this size are not explained, or an empty string.

    Each has to be 0, or of a size from ``least`` to ``largest``.
    """
    w, a, b = checkpoint.w, checkpoint.a, checkpoint.biases
    for size in map(abs, (*w.ravel().tolist(), *a.tolist(), *b.tolist(), checkpoint.offset)):
        if size and not least <= size <= largest:
            allowed = f"weights of {least:g} to {largest:g}, and 0, are explained"
            return f"a weight of size {size:.3g}: {allowed}"
    return too_large(setup.activation, w.reshape(len(a), -1), b, a, waves)


# ------------------------------------------------------------------------------------- signals


@dataclass(frozen=True)
class SignalWeight(Weight):
    """A weight of a network for signals.

    Attributes
    ----------
    interval: in which it alone meets no kink.
    sensitivity: what the loss gains per squared unit of change; None where that is infinite.
    gradient: of the loss, on both sides.
    exact: the last two are rational numbers, rounded.
    """

    interval: Interval | None
    sensitivity: float | None
    gradient: Sides
    exact: bool


@dataclass(frozen=True)
class SignalLoss:
    """The mean of (r̂ - r)² over all real radii and its parts by name; as rational numbers, if it
    is one.
    """

    value: float
    parts: Mapping[str, float]
    exact: fmpq | None
    exact_parts: Mapping[str, fmpq] | None


@dataclass(frozen=True)
class SignalError:
    """sup |r̂ - r|.

    Attributes
    ----------
    value: exact, or from where to where.
    about: the upper end as a float.
    radius, attained: where it is attained, or only approached.
    as_it_runs: with roundings included, by type.
    assumes: what that rests on, if it is not proved.
    """

    value: fmpq | tuple[fmpq, fmpq]
    about: float
    radius: fmpq
    attained: bool
    as_it_runs: Mapping[str, float]
    assumes: str

    @property
    def exact(self) -> bool:
        """It is one number."""
        return isinstance(self.value, fmpq)


@dataclass(frozen=True)
class Neighbour:
    """The nearest exact network that was found.

    Attributes
    ----------
    exists: False where none can be, None where none was found or exactness is not proved.
    distance: from where to where it lies; the lower end is None where nothing is proved.
    relative: as a share of the length of the network.
    anywhere: no exact network is nearer than this.
    cells: the kind of every channel.
    weights: in the shape of the file.
    reason: why there is none.
    """

    exists: bool | None
    distance: tuple[float | None, float] | None
    relative: float | None
    anywhere: float | None
    cells: tuple[str, ...] | None
    weights: tuple[Place, ...] | None
    reason: str


@dataclass(frozen=True)
class SignalExplanation(Explanation):
    """A network for signals explained.

    Attributes
    ----------
    kind: the class of its activation.
    cell: one word for the whole network.
    canonical: its channels with the symmetries used up.
    origins: for each of these the channels of the network that it is made of.
    stored: the network.
    near: the nearest exact network that was found, next to the one it is judged by, or None
        (numerics/certificates/reduction.py).
    exact: the same in the shape of ``stored``, or None.
    """

    kind: str
    cell: str
    loss: SignalLoss
    worst_error: SignalError
    weights: tuple[SignalWeight, ...]
    canonical: tuple[Channel, ...]
    origins: tuple[tuple[Origin, ...], ...]
    nearest: Neighbour
    stored: Stored
    near: Nearest | None
    exact: Stored | None


# -------------------------------------------------------------------------------------- images


@dataclass(frozen=True)
class ImageWeight(Weight):
    """A weight of a network for images; ``law`` says what its derived value is derived from."""

    law: str


@dataclass(frozen=True)
class Shares:
    """Where the slope Cov(r, r̂)/Var r comes from: 2μπaΔ, aP, and the rest, which is measured."""

    area: float
    perimeter: float
    rest: float


@dataclass(frozen=True)
class Identity(Shares):
    """The shares of all filters together.

    Attributes
    ----------
    slope: their sum.
    explains: 1 - L/Var r.
    scale: (ρ/μ)², of what straight edges leave out.
    error: of Σ aP, None where nothing is proved.
    unsettled: how far the readout is from the least-squares one, in pixels.
    """

    slope: float
    explains: float
    scale: float
    error: float | None
    unsettled: float


@dataclass(frozen=True)
class ImageError:
    """sup |r̂ - r| as far as it is known.

    Attributes
    ----------
    value, radius: the largest that was found, and where.
    sampled: at how many radii.
    bound: no radius has a larger one; None where that was too much work.
    certified: the bound tells on which side of the tolerance the error is, and is near the value
        or under the tolerance.
    """

    value: float
    radius: float
    sampled: int
    bound: float | None
    certified: bool


@dataclass(frozen=True)
class FilterShare:
    """One filter: S, Δ, the dipole and its length |m|, and P with its error.

    Attributes
    ----------
    error: of P; None beside a jump.
    closed_form: of P, in words; empty where there is none.
    difference: the step, where the filter is a difference whose edges all show one sign.
    excess: P over what a one-signed filter with this dipole has, less 1.
    shares: of the slope.
    """

    channel: int
    role: str
    sum: float
    rise: float
    dipole: tuple[float, float]
    moment: float
    perimeter: float
    error: float | None
    closed_form: str
    difference: tuple[int, int] | None
    excess: float | None
    shares: Shares


@dataclass(frozen=True)
class ImageExplanation(Explanation):
    """A network for images explained.

    Attributes
    ----------
    lattice: root mean squares about the best parabola: measured, of the lattice's law, and what it
        leaves; None beside jumps.
    loss: the mean of (r̂ - r)² over the sampled radii, and the least one without an activation.
    drawn: the filters.
    error: radii, and r̂ - r there.
    law: radii, and what the lattice makes of the error; None beside jumps.
    """

    identity: Identity
    lattice: Mapping[str, float] | None
    loss: Mapping[str, float]
    worst_error: ImageError
    filters: tuple[FilterShare, ...]
    weights: tuple[ImageWeight, ...]
    drawn: tuple[Filter, ...]
    error: tuple[Array, Array]
    law: tuple[Array, Array] | None


# ---------------------------------------------------------------------------------------- JSON

KEYS = (
    *(
        "notes",
        "tolerance",
        "grade",
        "tolerance_needed",
        "verdict",
        "failing",
        "alternatives",
        "next_step",
    ),
    *(
        "cell",
        "residuals",
        "identity",
        "lattice",
        "loss",
        "worst_error",
        "filters",
        "weights",
        "canonical",
        "nearest",
    ),
)
"""The fields that are printed, in order."""


def document(explanation: Explanation) -> dict[str, Any]:
    """The JSON object of an explanation; exact numbers are strings p/q."""
    network: dict[str, Any] = {**explanation.setup.as_dict()}
    if isinstance(explanation, ImageExplanation):
        network["dimensions"] = 2
    network |= {"channels": explanation.channels, "taps": explanation.taps}
    if isinstance(explanation, SignalExplanation):
        network["class"] = explanation.kind
    values = {field.name: getattr(explanation, field.name) for field in fields(explanation)}
    return {
        "file": explanation.file,
        "network": network,
        "explained": explanation.explained,
        **{name: as_json(values[name]) for name in KEYS if name in values},
    }
