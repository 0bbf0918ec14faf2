"""What is trained on what, and what training made of it: shapes, settings, batches of weights,
ensembles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from numerics.arithmetic.types import Array, Flags, Indices, Signs
from numerics.pulse.sample import Radii
from theory.pulse.network import Network

__all__ = [
    "Ensemble",
    "Faces",
    "Model",
    "NetworkBatch",
    "NetworkShape",
    "Setting",
    "initial",
    "starts",
]

Faces = tuple[tuple[int, int], ...]
"""Held kinks of one network, as (channel, window)."""


@dataclass(frozen=True)
class NetworkShape:
    """A network but for its weights: σ by name, K channels, filters of n taps, of n × n for images.

    It has both biases and sees zeros beyond the border, where a class below does not say otherwise.
    """

    activation: str
    channels: int
    taps: int = 3

    @property
    def biases(self) -> tuple[bool, bool]:
        """Whether there is b, and whether there is c."""
        return True, True

    @property
    def ring(self) -> bool:
        """Whether the signal closes to a ring (circular padding)."""
        return False


@dataclass(frozen=True)
class Setting(NetworkShape):
    """What least squares are trained on: both biases, and radii.

    ``first`` is the smallest m of r = m - 1/2 + φ; 0 means n//2 + 1, plateau radii only.  With one
    channel two radii per cell already tell an exact network from one that errs between them; with
    more channels a finer grid leaves fewer, and less wrong, networks that only meet the grid (see
    :func:`worst`).  ``spread`` multiplies the random filters and their biases that training starts
    from; ``share`` times as many networks are trained as are asked for.
    """

    first: int = 0
    cells: int = 4
    per_cell: int = 16
    spread: float = 1.0
    share: int = 1

    @property
    def radii(self) -> Radii:
        """The training radii."""
        return Radii(self.first or self.taps // 2 + 1, self.cells, self.per_cell)

    @property
    def pixels(self) -> int:
        """N of the signals of training."""
        return 2 * self.radii.half_length(self.taps) + 1


@dataclass(frozen=True)
class Model(NetworkShape):
    """What follows the gradient: which biases there are, the radii (plateau radii by default), and
    the padding.
    """

    conv_bias: bool = False
    readout_bias: bool = False
    first: int = 0
    cells: int = 4
    per_cell: int = 2
    circular: bool = False

    @property
    def biases(self) -> tuple[bool, bool]:
        """Whether b and c are stored."""
        return self.conv_bias, self.readout_bias

    @property
    def ring(self) -> bool:
        """Whether the signal is padded circularly."""
        return self.circular

    @property
    def radii(self) -> Radii:
        """The training radii; ``first`` = 0 means plateau radii only."""
        return Radii(self.first or self.taps // 2 + 1, self.cells, self.per_cell)


@dataclass(frozen=True)
class NetworkBatch:
    """A batch of B networks: w (B, K, n), or (B, K, n, n) of images, b (B, K), a (B, K), c (B,),
    all float64.

    Absent biases are zeros.
    """

    w: Array
    b: Array
    a: Array
    c: Array

    def __getitem__(self, chosen: Indices | slice) -> NetworkBatch:
        return NetworkBatch(self.w[chosen], self.b[chosen], self.a[chosen], self.c[chosen])

    def network(self, j: int = 0) -> tuple[Array, Array, Array, float]:
        """w (K, n) or (K, n, n), b (K,), a (K,) and c of network j."""
        return self.w[j], self.b[j], self.a[j], float(self.c[j])

    def as_network(self, j: int = 0) -> Network[float]:
        """Network j for signals as one network in floats, the dyadic numbers that they are."""
        w, b, a, c = self.network(j)
        return Network(tuple(map(tuple, w.tolist())), tuple(b.tolist()), tuple(a.tolist()), c)

    @classmethod
    def joined(cls, batches: Sequence[NetworkBatch]) -> NetworkBatch:
        """One batch of several, in their order."""
        return cls(*(np.concatenate([getattr(each, name) for each in batches]) for name in "wbac"))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Trained networks, B of them, with what shows that each is at its end.

    Attributes
    ----------
    setting: the problem.
    w, b, a, c: the trained weights, shapes (B, K, n), (B, K), (B, K), (B,).
    start: the random weights they came from.
    loss: (B,), evaluated at the trained weights.
    gradient: (B,) length of the part of the gradient over (w, b, a, c) that no slope admitted on
        the held faces explains: |g + Σ λ_s n_s|, |λ_s| <= |γ_s|; the plain gradient where none is
    held. held: per network the faces (channel k, window s) with U_s · w_k + b_k = 0.
    multipliers: per network (faces, 2), the columns λ_s and γ_s with respect to (w_k, b_k); γ_s is
        half the jump of the loss's slope across the face, 0 where there is no jump.  Independent
        faces with γ_s >= |λ_s|: both sides climb.
    pattern: (B, K, W) the sign of every pre-activation, 0 on a held face; it names the cell.
    stationary: (B,) the trainer found no way down any more; False where it ran out of steps.
    steps: (B,) second-order steps plus descent steps.
    """

    setting: Setting
    w: Array
    b: Array
    a: Array
    c: Array
    start: NetworkBatch
    loss: Array
    gradient: Array
    held: tuple[Faces, ...]
    multipliers: tuple[Array, ...]
    pattern: Signs
    stationary: Flags
    steps: NDArray[np.int64]

    @property
    def weights(self) -> NetworkBatch:
        """The trained weights as one batch."""
        return NetworkBatch(self.w, self.b, self.a, self.c)

    @classmethod
    def joined(cls, ensembles: Sequence[Ensemble]) -> Ensemble:
        """One ensemble of several of one setting, at least one, in their order."""

        def every(name: str) -> Any:
            parts = [getattr(each, name) for each in ensembles]
            if isinstance(parts[0], tuple):
                return tuple(chain.from_iterable(parts))
            return NetworkBatch.joined(parts) if name == "start" else np.concatenate(parts)

        names = (each.name for each in fields(cls) if each.name != "setting")
        return cls(ensembles[0].setting, *map(every, names))


def initial(setting: Setting, networks: int, seed: int) -> NetworkBatch:
    """The :func:`starts` of networks 0, 1, …"""
    return starts(setting, range(networks), seed)


def starts(setting: Setting, numbers: Sequence[int], seed: int) -> NetworkBatch:
    """Random starts as torch.nn.Conv1d and Linear draw them: uniform on ±1/sqrt(fan in), n and K.

    Filters and their biases are then multiplied by the setting's spread.

    Network j is keyed by (seed, setting, j) alone, so it is the same whatever others are drawn.
    """
    n, channels = setting.taps, setting.channels
    name = int.from_bytes(setting.activation.encode(), "big")
    networks = len(numbers)
    drawn = np.empty((networks, channels * (n + 2) + 1))
    for place, j in enumerate(numbers):
        key = [seed, name, channels, n, setting.radii.first, j]
        drawn[place] = np.random.default_rng(np.random.SeedSequence(key)).uniform(
            -1, 1, drawn.shape[1]
        )
    conv = setting.spread * drawn[:, : channels * (n + 1)] / np.sqrt(n)
    read = drawn[:, channels * (n + 1) :] / np.sqrt(channels)
    w = conv[:, : channels * n].reshape(networks, channels, n)
    return NetworkBatch(w, conv[:, channels * n :], read[:, :-1], read[:, -1])
