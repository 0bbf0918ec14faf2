"""Which pooling a text means: every spelling of a sum or a mean over all positions.

    sum, x.sum(-1), torch.sum(x, dim=2), global_add_pool                                  sum
    mean, avg, gap, x.mean(-1), AdaptiveAvgPool1d(1), F.adaptive_avg_pool1d(x, 1)         mean
    AvgPool1d(17), where a filter has 17 positions                                        mean

The theory is for the sum over positions; a mean is the sum over their number.  Other poolings are refused by name.
"""

from __future__ import annotations

import re

__all__ = ["POOLINGS", "pooling_of"]

POOLINGS = ("sum", "mean")
"""Over all positions."""
THEORY = "the theory is for a sum or a mean over all positions"
WORDS = {
    "mean": "mean avg average gap meanpool avgpool averagepool globalmean globalavg globalaverage globalmeanpool"
    " globalavgpool globalaveragepool adaptiveavgpool",
    "sum": "sum add total sumpool addpool globalsum globaladd globalsumpool globaladdpool",
}
"""Names without _, -, and endings such as -ing and 1d."""
NAMES = {name: pooling for pooling, names in WORDS.items() for name in names.split()}
OTHERS = {
    "max pooling": r"max|top_?k",
    "log-sum-exp pooling": r"log_?sum_?exp|lse",
    "attention pooling": r"att(entio)?n|soft_?max",
    "the median": r"median",
    "power pooling": r"lp_?pool|gem\b|norm",
}
"""Poolings that are known and have no theory here, the first one that a text contains."""
BESIDE = re.compile(
    r"^(nn\.)?sequential\(|^lambda\w+:|,(nn\.)?flatten\([\d,]*\)\)$|(\.(squeeze|flatten|view|reshape)\([-\w.,()=]*\))+$"
)
"""What stands beside a pooling and only changes shapes; texts have no blanks here."""
CALL = re.compile(r"(?P<before>([a-z_]\w*(\(2\))?\.)*)(?P<name>[a-z_][\w-]*)(\((?P<inside>.*)\))?")


def pooling_of(text: str, dimensions: int, windows: int) -> str:
    """``sum`` or ``mean``; a signal has 1 dimension, an image 2, and a filter ``windows`` positions along each.

    Raises
    ------
    ValueError: it is neither; one sentence.
    """
    if text in POOLINGS:
        return text
    call = CALL.fullmatch(BESIDE.sub("", re.sub(r"\s", "", text[:200]).lower()))
    for name, pattern in OTHERS.items():
        if re.search(pattern, text[:200].lower()):
            raise ValueError(f"it pools by {_quoted(text)}: {name} is not explained, {THEORY}")
    if call is None:
        raise _unknown(text)
    name = re.sub(r"[-_]|ing|\dd$", "", re.sub(r"_?\dd$", "", call["name"]))
    pooling = NAMES.get(name)
    if pooling is None:
        raise _unknown(text)
    if call["inside"] is None:
        if re.fullmatch(r"avg_?pool\dd", call["name"]):
            raise ValueError(_local(text))
        return pooling
    numbers = _numbers(call["inside"], text)
    if "pool" in name or name == "gap":
        everywhere = {1} if "adaptive" in name or "global" in name else {windows}
        if numbers and set(numbers) != everywhere:
            raise ValueError(_local(text))
    else:
        _over_positions(numbers, text, 1 if "flatten(2)" in call["before"] else dimensions)
    return pooling


def _numbers(inside: str, text: str) -> list[int]:
    """The numbers between the parentheses, but for the tensor in front and what only keeps shapes."""
    kept = re.sub(
        r"^[a-z_]\w*(,|$)|,?keepdims?=\w+|\b(dim|axis|output_size|kernel_size)=", "", inside
    )
    if not re.fullmatch(r"[-\d,()\[\]]*", kept):
        raise _unknown(text)
    return [int(number) for number in re.findall(r"-?\d+", kept)]


def _over_positions(numbers: list[int], text: str, dimensions: int) -> None:
    """These axes of (batch, channels, positions) are all those of the positions."""
    axes = tuple(range(2, 2 + dimensions))
    if {axis % (2 + dimensions) if axis >= -dimensions else axis for axis in numbers} != set(axes):
        last = ", ".join(str(axis - 2 - dimensions) for axis in axes)
        whose = (
            "the positions of an image are the last two axes"
            if dimensions > 1
            else "positions are the last axis"
        )
        raise ValueError(
            f"it pools by {_quoted(text)}: {whose}, {last}, of (batch, channels, positions)"
        )


def _local(text: str) -> str:
    return f"it pools by {_quoted(text)}, over some positions at a time: {THEORY}"


def _unknown(text: str) -> ValueError:
    return ValueError(f"pooling is sum or mean, over all positions, not {_quoted(text)}")


def _quoted(text: str) -> str:
    return repr(text[:40])
