"""The networks as torch runs them: Conv1d -> activation -> sum or mean pooling -> Linear, float64.

Whatever a trainer finds counts only after it was loaded into these modules and evaluated on real signals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from numerics.arithmetic.types import Array
from numerics.pulse.sample import Radii, pulse
from theory.expressions.activation import ACTIVATIONS
from verify.models.ensemble import Ensemble, NetworkBatch, Setting

__all__ = [
    "Answers",
    "Elementwise",
    "Network",
    "build",
    "elementwise",
    "load",
    "measure",
    "signals",
    "weights_of",
]


class Elementwise(nn.Module):
    """An activation that torch.nn does not offer as a module, from the torch function that computes it."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        return self.function(z)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "abs": torch.abs,
    "square": torch.square,
    "cube": lambda z: z**3,
    "arctan": torch.arctan,
    "erf": torch.erf,
    "sin": torch.sin,
    "exp": torch.exp,
}
"""The rows without a class in torch.nn."""


class Network(nn.Module):
    """r̂(x) = Linear(pool σ(Conv1d(x))), zero padding "same" unless asked for circular.

    Parameters
    ----------
    activation: a row of the catalogue.
    channels, taps: K and n.
    pooling: ``sum`` or ``mean`` over the positions.
    conv_bias, readout_bias: whether b and c exist.
    """

    def __init__(
        self,
        activation: str,
        channels: int,
        taps: int,
        pooling: str = "sum",
        *,
        conv_bias: bool = True,
        readout_bias: bool = True,
        circular: bool = False,
    ) -> None:
        super().__init__()
        if pooling not in ("sum", "mean"):
            raise ValueError(f"pooling is sum or mean, not {pooling!r}")
        self.pooling = pooling
        self.conv = nn.Conv1d(
            1,
            channels,
            taps,
            padding=taps // 2,
            padding_mode="circular" if circular else "zeros",
            bias=conv_bias,
            dtype=torch.float64,
        )
        self.activation = elementwise(activation)
        self.readout = nn.Linear(channels, 1, bias=readout_bias, dtype=torch.float64)

    def train(self, mode: bool = True) -> Network:
        """As every module, but that σ stays in evaluation mode (RReLU is random in the other)."""
        super().train(mode)
        self.activation.eval()
        return self

    def preactivation(self, x: Tensor) -> Tensor:
        """z + b at every position: (signals, N) -> (signals, K, N)."""
        z: Tensor = self.conv(x[:, None, :])
        return z

    def pooled(self, x: Tensor) -> Tensor:
        """The features: (signals, N) -> (signals, K)."""
        values: Tensor = self.activation(self.preactivation(x))
        return values.sum(dim=2) if self.pooling == "sum" else values.mean(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """r̂: (signals, N) -> (signals,)."""
        answers: Tensor = self.readout(self.pooled(x))[:, 0]
        return answers


def elementwise(name: str) -> nn.Module:
    """σ as torch computes it, in evaluation mode; what torch would learn in it (PReLU) stays where it starts."""
    row = ACTIVATIONS[name]
    if not row.torch:
        return Elementwise(FUNCTIONS[name])
    module: nn.Module = getattr(nn, row.torch)(**row.options)
    for key, value in list(module.named_parameters()):
        delattr(module, key)
        module.register_buffer(key, value.detach().double())
    return module.eval()


def build(setting: Setting, pooling: str = "sum") -> Network:
    """A network of a setting's shape, with torch's own random initial weights."""
    return Network(setting.activation, setting.channels, setting.taps, pooling)


def load(setting: Setting, weights: NetworkBatch, j: int, pooling: str = "sum") -> Network:
    """Network j of a batch as a torch module; with mean pooling a is multiplied by N."""
    net = build(setting, pooling)
    factor = 1.0
    if pooling == "mean":
        factor = 2.0 * setting.radii.half_length(setting.taps) + 1.0
    with torch.no_grad():
        net.conv.weight.copy_(torch.tensor(weights.w[j])[:, None, :])
        _bias(net).copy_(torch.tensor(weights.b[j]))
        net.readout.weight.copy_(torch.tensor(weights.a[j] * factor)[None, :])
        net.readout.bias.copy_(torch.tensor(weights.c[j : j + 1]))
    return net


def weights_of(nets: Sequence[Network]) -> NetworkBatch:
    """The weights of networks of one shape as a batch, as they are: with mean pooling a counts N times."""
    with torch.no_grad():
        return NetworkBatch(
            np.stack([net.conv.weight[:, 0, :].numpy().copy() for net in nets]),
            np.stack([_bias(net).numpy().copy() for net in nets]),
            np.stack([net.readout.weight[0].numpy().copy() for net in nets]),
            np.array([float(net.readout.bias) for net in nets]),
        )


def _bias(net: Network) -> Tensor:
    bias = net.conv.bias
    assert bias is not None, "every network here has a conv bias"
    return bias


def signals(radii: Radii, taps: int) -> Tensor:
    """The pulses of these radii as a float64 tensor (R, N), N the smallest that never shows the border."""
    return torch.tensor(pulse(radii.r, radii.half_length(taps)))


class Answers:
    """What the torch modules of an ensemble answer on real signals.

    Attributes
    ----------
    pooled: (B, R, K), the features Σ_i σ(z_i + b).
    prediction: (B, R), r̂.
    loss: (B,), the mean of (r̂ - r)² over the radii.
    """

    def __init__(self, pooled: Array, prediction: Array, r: Array) -> None:
        self.pooled = pooled
        self.prediction = prediction
        self.loss = np.mean((prediction - r) ** 2, axis=1)


@lru_cache(maxsize=128)
def measure(ensemble: Ensemble, radii: Radii | None = None) -> Answers:
    """Load every network of an ensemble into torch and run it on the pulses of the radii (default: trained on)."""
    setting = ensemble.setting
    radii = radii or setting.radii
    x = signals(radii, setting.taps)
    pooled, prediction = [], []
    with torch.inference_mode():
        for j in range(len(ensemble.c)):
            net = load(setting, ensemble.weights, j)
            features = net.pooled(x)
            pooled.append(features.numpy())
            prediction.append(net.readout(features)[:, 0].numpy())
    return Answers(np.stack(pooled), np.stack(prediction), radii.r)
