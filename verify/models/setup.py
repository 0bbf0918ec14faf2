"""What weights alone do not say of a network: activation, pooling, padding, length of the signal,
radii.

A setting is given as text, on the command line or in the metadata of a file, in the words of torch.
What metadata says beyond these settings is used where it is a parameter of the activation, refused
by name where it changes what the weights mean, and ignored elsewhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import sympy as sp
from flint import fmpq

from numerics.arithmetic.compile import activation
from numerics.arithmetic.numbers import fraction, rational
from numerics.arithmetic.types import Array
from numerics.pulse.domain import HALF, MODES, Domain
from numerics.pulse.preactivations import last_plateau_radius
from theory.expressions.activation import ACTIVATIONS, Activation
from theory.expressions.functions import find
from theory.expressions.pieces import z
from theory.expressions.spelling import spelled
from theory.expressions.tokens import GrammarError
from verify.models.pooling import pooling_of

__all__ = [
    "KEYS",
    "LONGEST",
    "PARAMETERS",
    "SETTINGS",
    "WIDEST",
    "Setup",
    "activation_of",
    "default_high",
    "left_out",
    "merged",
    "setup_of",
    "too_large",
]


KEYS = ("activation", "pooling", "padding", "padding_mode", "length", "r_min", "r_max")
"""The metadata of a checkpoint that a setup is read from."""
LONGEST = 20001
"""Pixels of a signal."""
WIDEST = 2001
"""Pixels of an image per side."""
TALLEST = math.exp(300)
"""Of a response, also times its readout weight: squares stay within the range of float64."""
NUMBER = re.compile(r"\d{1,6}(\.\d{1,30})?|\d{1,9}/\d{1,9}", re.ASCII)
NEUTRAL = MappingProxyType(
    {
        "stride": ("1",),
        "dilation": ("1",),
        "groups": ("1",),
        "output_padding": ("0",),
        "transposed": ("false", "0"),
        "in_channels": ("1",),
        "out_features": ("1",),
        "normalize": ("false", "0", "none"),
        **dict.fromkeys(("scale", "input_scale", "std"), ("1", "1.0", "none")),
        "mean": ("0", "0.0", "none"),
    }
)
"""Settings of a network that change what its weights mean, and the values with which they are
explained.
"""
PARAMETERS = frozenset(
    {name for row in map(find, ACTIVATIONS) if row for name in row.parameters[1:]}
    | {"approximate", "init", "slope"}
)
"""Parameters of activations, by torch's names; slope is that of leaky_relu or prelu."""
SETTINGS = frozenset(
    {
        *KEYS,
        *NEUTRAL,
        *PARAMETERS,
        "activation_args",
        "kernel_size",
        "dimensions",
        "bias",
        "center",
        "centre",
    }
)
"""All that is read of a network's settings."""
SLOPES = MappingProxyType({"leaky_relu": "negative_slope", "prelu": "init"})
"""Torch's names of what is called slope."""
BARE = re.compile(r"([\w. -]+?)\s*(\(\s*\))?", re.ASCII)
"""The name of an activation without parameters."""
ARGUMENTS = re.compile(r"[-\w\s.,=+/'\"]+", re.ASCII)
"""Parameters of an activation."""


@dataclass(frozen=True)
class Setup:
    """A network but for its weights, and the radii it is asked about.

    Attributes
    ----------
    activation: the name of a row, which :func:`theory.expressions.spelling.spelled` reads.
    pooling: ``sum`` or ``mean``, over all positions.
    domain: pixels, padding and radii.
    """

    activation: str
    pooling: str
    domain: Domain

    def share(self, taps: int) -> int:
        """What the pooled sum is divided by."""
        return 1 if self.pooling == "sum" else self.domain.windows(taps)

    def varied(self, taps: int, **changes: str) -> Setup:
        """The same of signals with other settings, by the names of :data:`KEYS`; a default r_max
        stays the default.

        Raises
        ------
        ValueError: as :func:`setup_of`.
        """
        kept = self.as_dict()
        if self.domain.high == default_high(taps, self.domain, self.domain.low):
            del kept["r_max"]
        return setup_of(merged(changes, kept), taps)

    @property
    def padding_in_words(self) -> str:
        """The padding in words: ``padding 2 (reflect)``."""
        settings = self.as_dict()
        mode = settings["padding_mode"]
        return f"padding {settings['padding']}" + (f" ({mode})" if mode != "zeros" else "")

    def as_dict(self) -> dict[str, str]:
        """The metadata of a checkpoint, strings by name."""
        domain = self.domain
        valid = domain.padding == "valid"
        pixels = "same" if domain.pixels is None else str(domain.pixels)
        return {
            "activation": self.activation,
            "pooling": self.pooling,
            "padding": "valid" if valid else pixels,
            "padding_mode": "zeros" if valid else domain.padding,
            "length": str(domain.positions),
            "r_min": _text(domain.low),
            "r_max": _text(domain.high),
        }


def merged(options: Mapping[str, str | None], metadata: Mapping[str, str]) -> dict[str, str]:
    """What options and metadata say together: an option replaces all that the metadata says of its
    subject.
    """
    told = {key: value for key, value in options.items() if value}
    replaced = set(told)
    if _own(told, metadata):
        replaced.discard("activation")
        del told["activation"]
    elif (said := told.get("activation", "")) and ("(" in said or "activation" in metadata):
        replaced |= PARAMETERS | {"activation_args"}
    if "activation_args" in told:
        replaced |= PARAMETERS
    if told.get("padding") in MODES:  # it says the mode, too
        replaced.add("padding_mode")
    if "padding_mode" in told and metadata.get("padding") in MODES:
        told.setdefault("padding", "same")
    return {**{key: x for key, x in metadata.items() if key not in replaced}, **told}


def left_out(options: Mapping[str, str | None], metadata: Mapping[str, str]) -> tuple[str, ...]:
    """A note on the parameters of an activation in the metadata that an option replaces."""
    kept = merged(options, metadata)
    names = sorted((PARAMETERS | {"activation_args"}) & metadata.keys())
    gone = [f"{key} = {_shown(metadata[key])}" for key in names if kept.get(key) != metadata[key]]
    if not gone:
        return ()
    option = "activation" if options.get("activation") else "activation_args"
    said = f"--{option.replace('_', '-')} {_shown(options[option] or '')}"
    return (f"its metadata says {', '.join(gone)}, which {said} replaces",)


def _own(told: Mapping[str, str], metadata: Mapping[str, str]) -> bool:
    """Whether the option names the activation of the metadata, whose parameters then apply."""
    names = [told.get("activation", ""), metadata.get("activation", "")]
    if "(" in names[0] or "activation_args" in told:
        return False
    try:
        first, second = map(spelled, names)
    except GrammarError:
        return False
    same = first.family == second.family and first.torch == second.torch
    return same and first.name.partition("(")[0] == second.name.partition("(")[0]


def setup_of(given: Mapping[str, str | None], taps: int, *, images: bool = False) -> Setup:
    """The setup in a mapping of strings by the names of :data:`KEYS`; missing ones have their
    defaults.

    Defaults: sum pooling, as many zeros beyond the border as keep the length, radii from n/2 to
        :func:`default_high`.
    ``activation`` and ``length`` have none.  ``activation_args`` are its parameters.  Radii of
    images begin at n; no window that sees the disk may meet the border: r <=
    :func:`last_plateau_radius`.

    Raises
    ------
    ValueError: something is missing, malformed, does not fit, or changes what the weights mean; one
        sentence.
    """
    told = {key: value for key, value in given.items() if value}
    _complete(told)
    _understood(told, taps, 1 + images)
    half = _length(told["length"], WIDEST if images else LONGEST, images=images) // 2
    padding, pixels = _padding(told, taps)
    if taps > 2 * half + 1 and not images:
        raise ValueError(f"filters of {taps} taps do not fit into {2 * half + 1} pixels")
    widest = Domain(half, HALF, half + HALF, padding, pixels)
    low = _radius("r_min", told, fmpq(taps) if images else fmpq(taps, 2))
    high = _radius("r_max", told, default_high(taps, widest, low))
    most, where = half + HALF, f" on {2 * half + 1} pixels"
    if images:
        most = last_plateau_radius(taps, widest)
        where = (
            f", where filters of {taps} × {taps} taps on {2 * half + 1} × {2 * half + 1} pixels see"
            " the border"
        )
    if "r_max" not in told and low >= max(HALF, last_plateau_radius(taps, widest)):
        raise ValueError(
            f"with so few pixels filters of {taps} taps see an edge and the border, or its mirror"
            f" image, at once from r = {_text(low)} on; give more pixels"
            + ("" if images else ", or r_min and r_max")
        )
    if not HALF <= low < high <= most:
        raise ValueError(
            f"the radii run from {_text(low)} to {_text(high)}; they have to increase, from 1/2 at"
            f" least to {_text(most)} at most{where}"
        )
    domain = Domain(half, low, high, padding, pixels)
    pooling = pooling_of(told.get("pooling", "sum"), 1 + images, domain.windows(taps))
    return Setup(activation_of(told).name, pooling, domain)


def too_large(name: str, w: Array, b: Array, a: Array, waves: float) -> str:
    """Why a network with pre-activations of this size is not explained, or an empty string; w (K,
    taps), b (K,), a (K,).

    Light is between 0 and 1, so that those of channel k lie between b_k + Σ min(w, 0) and b_k + Σ
    max(w, 0).  What grows exponentially has a limit on the side where it does, at 300: exp, but not
    its flat tail, nor any polynomial, line or bounded σ.  A wave has one at ``waves``, beyond which
    it turns too often between two radii.
    """
    low, high = (np.sum(side, axis=1) + b for side in (np.minimum(w, 0), np.maximum(w, 0)))
    sigma = activation(name)[0]
    with np.errstate(all="ignore"):
        tall = np.maximum(np.abs(sigma(low)), np.abs(sigma(high)))
        most = float(np.max(tall * np.maximum(1, np.abs(a))))
    if not most <= TALLEST:
        return f"its responses reach {most:.3g}: up to {TALLEST:.3g} are explained"
    reach = float(np.max(np.sum(np.abs(w), axis=1) + np.abs(b)))
    if spelled(name).expression.has(sp.sin, sp.cos) and reach > waves:
        return f"its pre-activations reach {reach:.3g}: up to {waves:g} are explained for {name}"
    return ""


def default_high(taps: int, domain: Domain, low: fmpq) -> fmpq:
    """L - h, or less where a window holds an edge of the pulse and the border, or a mirror image,
    before.

    Where L - h is no more than the smallest radius ``low``, the last radius without such a window.
    """
    usual, last = fmpq(domain.half_length - taps // 2), last_plateau_radius(taps, domain)
    return min(usual, last) if usual > low else last


def _complete(told: Mapping[str, str]) -> None:
    """All that has no default is there."""
    examples = {"activation": "relu", "length": "17"}
    missing = [key for key in examples if key not in told]
    if missing:
        options = " ".join(f"--{key} {examples[key]}" for key in missing)
        raise ValueError(
            f"the file does not say its {' and '.join(missing)}; give "
            f"{'it' if len(missing) == 1 else 'them'} as {options}"
        )


def _understood(told: Mapping[str, str], taps: int, dimensions: int) -> None:
    """Nothing that changes what the weights mean, or contradicts them, is left over; names in front
    and a dot do not matter.
    """
    for key, value in told.items():
        name = key.rpartition(".")[2].lower()
        entries = set(re.findall(r"[^\s,()\[\]'\"]+", value.lower()))
        says = f"its metadata says {_shown(key)} = {_shown(value)}"
        if name in NEUTRAL and entries - {*NEUTRAL[name]}:
            raise ValueError(
                f"{says}, which changes what the weights mean: networks with "
                f"{name} = {NEUTRAL[name][0]} are explained"
            )
        if name == "kernel_size" and entries - {str(taps)}:
            raise ValueError(f"{says}, and its filters have {taps} taps")
        if name == "dimensions" and entries - {str(dimensions)}:
            raise ValueError(f"{says}, and its filters are for {dimensions}")
        if name in ("centre", "center") and entries - {"0", "0.0", "middle", "centre", "center"}:
            raise ValueError(f"{says}: pulses and disks are centred on the middle pixel here")
        if name != key and name in {*KEYS, *PARAMETERS}:
            raise ValueError(f"{says}: settings are read under the name {name}")


def _shown(text: str) -> str:
    """The user's characters, printable and short."""
    return repr(text[:60])[1:-1]


def activation_of(told: Mapping[str, str]) -> Activation:
    """The row that ``activation``, ``activation_args`` and parameters by torch's names mean
    together.

    Raises
    ------
    ValueError: none, a constant, or they do not fit; one sentence.
    """
    text = told["activation"]
    if arguments := told.get("activation_args"):
        bare = BARE.fullmatch(text)
        if bare is None:
            raise ValueError(
                f"activation {text[:40]!r} has its parameters already: activation_args"
                f" {arguments[:40]!r} are left over"
            )
        function = find(bare[1].rpartition(".")[2])
        if function is not None and len(function.parameters) == 1:
            raise ValueError(
                f"{bare[1]} takes no parameters: activation_args {arguments[:40]!r} are left over"
            )
        if not ARGUMENTS.fullmatch(arguments):
            raise ValueError(
                f"activation_args are numbers, such as 0.2 or beta=5, not {arguments[:40]!r}"
            )
        text = f"{bare[1]}({arguments})"
    row = _spelled(text)
    parameters = {key: told[key] for key in sorted(PARAMETERS & told.keys())}
    if not parameters:
        return row
    base = row.name.partition("(")[0]
    if "slope" in parameters and (own := SLOPES.get(base)) and own not in parameters:
        parameters[own] = parameters.pop("slope")
    inside = ", ".join(
        f"{key}={value!r}" if key == "approximate" else f"{key}={value}"
        for key, value in parameters.items()
    )
    both = f"its metadata says {_shown(inside)}"
    function = find(base) if base in ACTIVATIONS else None
    torch = ("init",) if base == "prelu" else ("approximate",) if "gelu" in base else ()
    names = () if function is None else (*function.parameters[1:], *torch)
    if left := [key for key in parameters if key not in names]:
        whole = row.name if "(" in row.name else f"{row.name}()"
        raise ValueError(
            f"{both}, and {row.name} has no {left[0]}; if that is of something else, give"
            f" --activation {whole!r}"
        )
    other = _spelled(f"{row.torch}({inside})")
    if row != other and (row != spelled(base) or base == "gelu_tanh"):
        raise ValueError(f"activation is {row.name}, and {both}: they differ; give --activation")
    return other


def _spelled(text: str) -> Activation:
    try:
        row = spelled(text)
    except GrammarError as error:
        raise ValueError(f"activation {text[:60]!r}: {error}") from error
    if not row.expression.has(z):
        raise ValueError(
            f"activation {text[:60]!r} is constant: its answers do not depend on the signal"
        )
    return row


def _padding(told: Mapping[str, str], taps: int) -> tuple[str, int | None]:
    """(one of :data:`numerics.pulse.domain.PADDINGS`, N or None where it keeps the length), one
    pair for one model.
    """
    text = told.get("padding", "same")
    numbers = re.findall(r"[^\s,()\[\]'\"]+", text.lower())
    word = numbers[0] if len(set(numbers)) == 1 else text
    mode = told.get("padding_mode", word if word in MODES else "zeros")
    if mode not in MODES:
        raise ValueError(f"padding_mode is one of {', '.join(MODES)}, not {mode[:40]!r}")
    if word in MODES:
        if mode != word:
            raise ValueError(f"padding is {word} and padding_mode is {mode}; give --padding same")
        word = "same"
    pixels = {"same": taps // 2, "valid": 0}.get(word, -1)
    if re.fullmatch(r"\d{1,6}", word, re.ASCII):
        pixels = int(word)
    if pixels < 0:
        raise ValueError(
            f"padding is same, valid or a number of pixels on each side, not {text[:40]!r}"
        )
    if pixels == taps // 2:
        return mode, None
    return (mode, pixels) if pixels else ("valid", None)


def _length(text: str, longest: int, *, images: bool) -> int:
    """The pixels of a signal, or of an image per side."""
    sides = (
        re.fullmatch(r"[(\[]?(\d{1,6})(?:[x×*]|, ?)(\d{1,6})[)\]]?", text, re.ASCII)
        if images
        else None
    )
    if sides is not None and int(sides[1]) != int(sides[2]):
        raise ValueError(
            f"the image has {sides[1]} × {sides[2]} pixels: its sides have to be equal; crop or pad"
            " it to a square"
        )
    text = text if sides is None else sides[1]
    good = re.fullmatch(r"\d{1,6}", text, re.ASCII)
    length = int(text) if good else 0
    if good and length > longest:
        raise ValueError(
            f"length is a positive odd number of pixels up to {longest}, and not {length}"
        )
    if good and length and length % 2 == 0:
        raise ValueError(
            f"length is an odd number of pixels, not {length}: the pulse is centred on the middle"
            f" pixel; train on {length - 1} or {length + 1}"
        )
    if not length:
        raise ValueError(
            f"length is a positive odd number of pixels up to {longest}, not {text[:40]!r}"
        )
    return length


def _radius(key: str, given: Mapping[str, str], default: fmpq) -> fmpq:
    text = given.get(key)
    if not text:
        return default
    if not NUMBER.fullmatch(text):
        raise ValueError(f"{key} is a number such as 2.5 or 5/2, not {text[:40]!r}")
    try:
        value = Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"{key} is a number such as 2.5 or 5/2, not {text[:40]!r}") from None
    return rational(value)


def _text(number: fmpq) -> str:
    """5 and 5/2 as 5 and 2.5, 1/3 as 1/3."""
    value = fraction(number)
    if value.denominator == 1:
        return str(value)
    decimal = str(float(value))
    return decimal if "e" not in decimal and Fraction(decimal) == value else str(value)
