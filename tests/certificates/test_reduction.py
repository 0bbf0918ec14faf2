"""Idle, mirrored and copied channels: what is left of a network answers the same."""

from __future__ import annotations

from numerics.certificates.reduction import reduced
from tests.stored import stored
from verify.models.setup import setup_of

TOLD = {"activation": "relu", "length": "13"}


def test_a_smooth_response_is_known_to_be_constant_only_where_it_is_0() -> None:
    """Idle: taps, bias and σ(0) all 0, or an odd filter under an odd σ without a bias; of all else
    nothing is known.
    """
    odd, even = ([0.5, 0.0, -0.5], [0.5, 0.0, 0.5])
    for name, w, b, idle in (
        ("tanh", [0.0] * 3, 0.0, True),
        ("silu", [0.0] * 3, 0.0, True),
        ("sigmoid", [0.0] * 3, 0.0, False),
        ("tanh", [0.0] * 3, 0.5, False),
        ("tanh", odd, 0.0, True),
        ("tanh", odd, 0.5, False),
        ("tanh", even, 0.0, False),
        ("silu", odd, 0.0, False),
        ("erf", odd, 0.0, True),
    ):
        net = stored([w, [1, 2, 3]], [b, 0], [1, 1], 0)
        domain = setup_of({**TOLD, "activation": name}, 3).domain
        assert (reduced(net, name, domain).place[0] is None) is idle, (name, w, b)


def test_origins_make_the_reduced_channels() -> None:
    """Order, reversal, scale and sign: from the given channels by what is said of them."""
    net = stored([[1, 2, 4], [0, 0, 0], [4, 2, 1], [-3, 1, 5]], [1, 0, 1, -2], [2, 1, 3, -4], 0)
    for name in ("relu", "softplus", "abs", "cube"):
        reduction = reduced(net, name, setup_of({**TOLD, "activation": name}, 3).domain)
        origins = reduction.origins(net)
        kept = [k for k, place in enumerate(reduction.place) if place is not None]
        assert sorted(origin.channel for each in origins for origin in each) == kept
        for channel, each in zip(reduction.channels, origins, strict=True):
            for origin in each:
                w = net.w[origin.channel][:: -1 if origin.turned else 1]
                assert tuple(origin.factor * x for x in w) == channel.w
                assert origin.factor * net.biases[origin.channel] == channel.b
