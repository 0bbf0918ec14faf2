"""Which pooling a text means: every spelling of a sum or a mean over all positions.

    sum, x.sum(-1), torch.sum(x, dim=2), global_add_pool                                  sum
    mean, avg, gap, x.mean(-1), AdaptiveAvgPool1d(1), F.adaptive_avg_pool1d(x, 1)         mean
    AvgPool1d(17), where a filter has 17 positions                                        mean

The theory is for the sum over positions; a mean is the sum over their number.  Other poolings are
refused by name.
"""

from __future__ import annotations

import re

__all__ = ["POOLINGS", "pooling_of"]

POOLINGS = ("sum", "mean")
"""Over all positions."""
LONGEST = 200
"""Characters that are looked at."""
THEORY = "the theory is for a sum or a mean over all positions"
WORDS = {
    "mean": (
        "mean avg average averaging gap meanpool avgpool averagepool globalmean globalavg"
        " globalaverage globalmeanpool globalavgpool globalaveragepool adaptiveavgpool"
    ),
    "sum": "sum add total sumpool addpool globalsum globaladd globalsumpool globaladdpool",
}
"""Names without _, -, 1d; pooling is pool."""
NAMES = {name: pooling for pooling, names in WORDS.items() for name in names.split()}
OTHERS = {
    "max pooling": r"max|top_?k",
    "log-sum-exp pooling": r"log_?sum_?exp|\blse",
    "attention pooling": r"att(entio)?n|soft_?max",
    "the median": r"median",
    "power pooling": r"lp_?pool|gem\b|norm",
}
"""Poolings that are known and have no theory here, the first one that a text contains."""
AROUND = (
    (r"\s|^lambda \w+:", ""),
    (r"^(?:torch\.)?(?:nn\.)?sequential\((.*),(?:torch\.)?(?:nn\.)?flatten\([\d,]*\)\)$", r"\1"),
    (r"(\.(squeeze|flatten|view|reshape)\([^()]*\))+$", ""),
)
"""What stands around a pooling and only changes shapes, and what is left."""
CALL = re.compile(
    r"(?P<before>\.?(?:[a-z_]\w*(?:\(2\))?\.)*)(?P<name>[a-z_][\w-]*)(?:\((?P<inside>.*)\))?",
    re.ASCII,
)


def pooling_of(text: str, dimensions: int, windows: int) -> str:
    """``sum`` or ``mean``; a signal has 1 dimension, an image 2, and a filter ``windows`` positions
    along each.

    Raises
    ------
    ValueError: it is neither; one sentence.
    """
    left = text[:LONGEST].lower()
    for name, pattern in OTHERS.items():
        if re.search(pattern, left):
            raise ValueError(f"it pools by {text[:40]!r}: {name} is not explained, {THEORY}")
    for pattern, kept in AROUND:
        left = re.sub(pattern, kept, left)
    call = CALL.fullmatch(left)
    name = "" if call is None else re.sub("[-_]|[12]d$", "", call["name"])
    pooling = NAMES.get(re.sub("(?<=pool)ing$", "", name))
    if call is None or pooling is None:
        raise _unknown(text)
    if "pool" in name or name == "gap":
        _everywhere(call, text, windows)
    elif call["inside"] is not None:
        _over_positions(call, text, 1 if "flatten(2)" in call["before"] else dimensions)
    return pooling


def _numbers(inside: str, text: str) -> set[int]:
    """The numbers between the parentheses, but for the tensor in front and what
    only keeps shapes.
    """
    names = r"^[a-z_]\w*,|,?keepdims?=\w+|\b(dim|axis|output_size|kernel_size)="
    kept = re.sub(names, "", inside)
    if not re.fullmatch(r"(\(*|\[)-?\d+(,-?\d+)*,?(\)*|\])|", kept):
        raise _unknown(text)
    return {int(number) for number in re.findall(r"-?\d+", kept)}


def _everywhere(call: re.Match[str], text: str, windows: int) -> None:
    """One number is left of each channel."""
    numbers = _numbers(call["inside"] or "", text)
    local = re.fullmatch(r"avg_?pool[12]d", call["name"]) is not None
    if numbers != {windows} if local else numbers - {1}:
        raise ValueError(f"it pools by {text[:40]!r}, over some positions at a time: {THEORY}")


def _over_positions(call: re.Match[str], text: str, dimensions: int) -> None:
    """These axes of (batch, channels, positions) are all those of the positions."""
    axes = {axis + 2 + dimensions if axis < 0 else axis for axis in _numbers(call["inside"], text)}
    if axes != set(range(2, 2 + dimensions)):
        last = "the last axis, -1" if dimensions == 1 else "the last two axes, (-2, -1)"
        raise ValueError(
            f"it pools by {text[:40]!r}: the positions are {last}, of (batch, channels, positions)"
        )


def _unknown(text: str) -> ValueError:
    return ValueError(f"pooling is sum or mean, over all positions, not {text[:40]!r}")
