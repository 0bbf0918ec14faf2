"""The networks as torch runs them: Conv1d -> activation -> sum or mean pooling -> Linear, float64.

Whatever a trainer finds counts only after it was loaded into these modules and evaluated on real
signals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import sympy as sp
import torch
from torch import Tensor, nn

from numerics.arithmetic.types import Array
from numerics.arithmetic.walk import Arithmetic, compiled
from numerics.pulse.sample import Radii, pulse
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from verify.models.problem import Ensemble, Model, NetworkBatch, NetworkShape, Setting

__all__ = [
    "Answers",
    "Bundle",
    "Elementwise",
    "Network",
    "build",
    "data",
    "elementwise",
    "fresh",
    "load",
    "measure",
    "signals",
    "weights_of",
]


class Elementwise(nn.Module):
    """An activation that torch.nn does not offer as a module, from the torch function that computes
    it.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        """σ at every entry of z, in its shape."""
        return self.function(z)


def _larger(u: Tensor | float, v: Tensor | float) -> Tensor:
    """max(u, v); a number takes the type of the tensor beside it."""
    left, right = (
        x if isinstance(x, Tensor) else torch.tensor(x, dtype=torch.float64) for x in (u, v)
    )
    return torch.maximum(left, right)


def _constant(expression: sp.Expr) -> Callable[[], float] | None:
    if expression.has(z):
        return None
    value = float(expression)
    return lambda: value


TENSORS = Arithmetic(
    constant=_constant,
    functions={
        sp.sqrt: torch.sqrt,
        sp.Abs: torch.abs,
        sp.sign: torch.sign,
        sp.Heaviside: lambda u: (u > 0).to(u.dtype),
        sp.exp: torch.exp,
        sp.log: torch.log,
        sp.sin: torch.sin,
        sp.cos: torch.cos,
        sp.tan: torch.tan,
        sp.tanh: torch.tanh,
        sp.atan: torch.arctan,
        sp.erf: torch.erf,
    },
    joins={
        sp.Add: operator.add,
        sp.Mul: operator.mul,
        sp.Pow: operator.pow,
        sp.Max: _larger,
        sp.Min: lambda u, v: -_larger(-u, -v),
    },
    power=operator.pow,
    divide=operator.truediv,
    logistic=torch.sigmoid,
    softplus=lambda u: torch.logaddexp(u, torch.zeros_like(u)),
)
"""σ on tensors, for the activations without a class in torch.nn."""


class Network(nn.Module):
    """r̂(x) = Linear(pool σ(Conv(x))), Conv1d of signals or Conv2d of images, padding "same" by
    zeros or around a ring.

    Parameters
    ----------
    activation: a row of the catalogue.
    channels, taps: K and n; n × n for images.
    pooling: ``sum`` or ``mean`` over the positions.
    dimensions: 1 for signals, 2 for images.
    inputs: C, of every signal; with more than one a signal is C prepared ones.
    conv_bias, readout_bias: whether b and c exist.
    circular: whether the padding is a ring.

    Raises
    ------
    ValueError: another pooling.
    """

    def __init__(
        self,
        activation: str,
        channels: int,
        taps: int,
        pooling: str = "sum",
        *,
        dimensions: int = 1,
        inputs: int = 1,
        conv_bias: bool = True,
        readout_bias: bool = True,
        circular: bool = False,
    ) -> None:
        super().__init__()
        if pooling not in ("sum", "mean"):
            raise ValueError(f"pooling is sum or mean, not {pooling!r}")
        self.pooling = pooling
        self.conv = _convolution(dimensions, inputs, channels, taps, conv_bias, circular)
        self.activation = elementwise(activation)
        self.readout = nn.Linear(channels, 1, bias=readout_bias, dtype=torch.float64)

    def train(self, mode: bool = True) -> Network:
        """As every module, but that σ stays in evaluation mode (RReLU is random in the other)."""
        super().train(mode)
        self.activation.eval()
        return self

    def preactivation(self, x: Tensor) -> Tensor:
        """z + b at every position: (signals, N) -> (signals, K, N), and so of images; or (signals,
        C, N) -> (signals, K, N).
        """
        z: Tensor = self.conv(x if x.ndim == self.conv.weight.ndim else x[:, None])
        return z

    def pooled(self, x: Tensor) -> Tensor:
        """The features: (signals, N) -> (signals, K)."""
        values: Tensor = self.activation(self.preactivation(x))
        positions = tuple(range(2, values.ndim))
        return values.sum(dim=positions) if self.pooling == "sum" else values.mean(dim=positions)

    def forward(self, x: Tensor) -> Tensor:
        """r̂: (signals, N) -> (signals,)."""
        answers: Tensor = self.readout(self.pooled(x))[:, 0]
        return answers

    @property
    def weights(self) -> NetworkBatch:
        """A copy of the weights as a batch of one network, of one input; with mean pooling a counts
        N times.
        """
        w, b, a, c = self.conv.weight, self.conv.bias, self.readout.weight, self.readout.bias
        return _copied(w[None, :, 0], b, a, c)


class Bundle(nn.Module):
    """B networks of one shape in one module, with sum pooling: the weights of each are its own.

    ``forward``: (R, N) -> (B, R), or (R, N, N) -> (B, R), row j being what network j alone answers.
    """

    def __init__(self, shape: NetworkShape, weights: NetworkBatch) -> None:
        super().__init__()
        count, channels, taps, *_ = weights.w.shape
        (conv_bias, readout_bias), dimensions = shape.biases, weights.w.ndim - 2
        self.conv = _convolution(dimensions, 1, count * channels, taps, conv_bias, shape.ring)
        self.activation = elementwise(shape.activation)
        self.readout = nn.Parameter(torch.tensor(weights.a))
        self.offset = nn.Parameter(torch.tensor(weights.c)) if readout_bias else None
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor(weights.w).reshape(self.conv.weight.shape))
            if self.conv.bias is not None:
                self.conv.bias.copy_(torch.tensor(weights.b).reshape(-1))

    def pooled(self, x: Tensor) -> Tensor:
        """The features of every network: (R, N) -> (R, B, K)."""
        values = self.activation(self.conv(x[:, None]))
        summed: Tensor = values.sum(dim=tuple(range(2, values.ndim)))
        return summed.reshape(len(x), *self.readout.shape)

    def answers(self, features: Tensor) -> Tensor:
        """r̂ of every network: (R, B, K) -> (B, R)."""
        answers = (features * self.readout).sum(dim=-1)
        return answers.T if self.offset is None else (answers + self.offset).T

    def forward(self, x: Tensor) -> Tensor:
        """r̂ of every network: (R, N) -> (B, R)."""
        return self.answers(self.pooled(x))

    @property
    def weights(self) -> NetworkBatch:
        """A copy of all weights as they are now."""
        w, a = self.conv.weight, self.readout
        return _copied(w.reshape(*a.shape, *w.shape[2:]), self.conv.bias, a, self.offset)


def _convolution(
    dimensions: int, inputs: int, channels: int, taps: int, bias: bool, circular: bool
) -> nn.Conv1d | nn.Conv2d:
    return (nn.Conv1d if dimensions == 1 else nn.Conv2d)(
        inputs,
        channels,
        taps,
        padding=taps // 2,
        padding_mode="circular" if circular else "zeros",
        bias=bias,
        dtype=torch.float64,
    )


def _copied(w: Tensor, b: Tensor | None, a: Tensor, c: Tensor | None) -> NetworkBatch:
    """A batch that shares no memory with the module; absent biases are zeros."""
    bias = torch.zeros_like(a) if b is None else b.reshape(a.shape)
    offset = a.new_zeros(len(a)) if c is None else c
    return NetworkBatch(*(x.detach().numpy().copy() for x in (w, bias, a, offset)))


def elementwise(name: str) -> nn.Module:
    """σ as torch computes it, in evaluation mode; what torch would learn in it (PReLU) stays where
    it starts.
    """
    row = spelled(name)
    if not row.torch:
        function = compiled(row.expression, TENSORS)
        moves = row.expression.has(z)
        return Elementwise(function if moves else lambda x: torch.full_like(x, function(x)))
    module: nn.Module = getattr(nn, row.torch)(**row.options)
    for key, value in list(module.named_parameters()):
        delattr(module, key)
        (exact,) = row.parameters.values()  # torch rounds it to float32
        module.register_buffer(key, torch.full_like(value, float(exact), dtype=torch.float64))
    return module.eval()


def build(shape: NetworkShape, pooling: str = "sum", dimensions: int = 1) -> Network:
    """A network of a shape, with torch's own random initial weights."""
    conv_bias, readout_bias = shape.biases
    return Network(
        shape.activation,
        shape.channels,
        shape.taps,
        pooling,
        dimensions=dimensions,
        conv_bias=conv_bias,
        readout_bias=readout_bias,
        circular=shape.ring,
    )


def load(shape: NetworkShape, weights: NetworkBatch, j: int = 0, pixels: int = 0) -> Network:
    """Network j of a batch as a torch module; with ``pixels`` pooling is the mean over so many, and
    a counts so often.
    """
    net = build(shape, "mean" if pixels else "sum", weights.w.ndim - 2)
    values = (
        (net.conv.weight, weights.w[j][:, None]),
        (net.conv.bias, weights.b[j]),
        (net.readout.weight, weights.a[j : j + 1] * float(pixels or 1)),
        (net.readout.bias, weights.c[j : j + 1]),
    )
    with torch.no_grad():
        for parameter, value in values:
            if parameter is not None:
                parameter.copy_(torch.tensor(value))
    return net


def weights_of(nets: Sequence[Network]) -> NetworkBatch:
    """The weights of networks of one shape as a batch, as they are: with mean pooling a counts N
    times.
    """
    return NetworkBatch.joined([net.weights for net in nets])


def fresh(shape: NetworkShape, networks: int) -> NetworkBatch:
    """The initial weights that torch itself gives to ``networks`` modules, one after the other from
    its generator.
    """
    return weights_of([build(shape) for _ in range(networks)])


def data(problem: Setting | Model) -> tuple[Tensor, Tensor]:
    """The signals (R, N) and radii (R,) of training."""
    return signals(problem.radii, problem.taps), torch.tensor(problem.radii.r)


def signals(radii: Radii, taps: int) -> Tensor:
    """The pulses of these radii as a float64 tensor (R, N), N the smallest that never shows the
    border.
    """
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
    """Load every network of an ensemble into torch and run it on the pulses of the radii (default:
    trained on).
    """
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
