"""Every spelling of a sum or a mean over all positions is read; other poolings
are refused by name.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from verify.models.pooling import pooling_of

SIGNALS = {
    "sum": [
        "sum",
        "Sum",
        "SUM",
        "x.sum(-1)",
        "x.sum(dim=-1)",
        "torch.sum(x, dim=-1)",
        ".sum(dim=2)",
        "x.sum(2)",
        "add",
        "torch.sum(x, -1)",
        "np.sum(x, axis=-1)",
        "global_add_pool",
        "sum_pooling",
        "h.sum(-1, keepdim=True)",
        "total",
        "lambda x: x.sum(-1)",
        "x.sum(dim=(-1,))",
    ],
    "mean": [
        "mean",
        "avg",
        "average",
        "gap",
        "GAP",
        "AdaptiveAvgPool1d(1)",
        "nn.AdaptiveAvgPool1d(1)",
        "adaptive_avg_pool1d",
        "torch.nn.AdaptiveAvgPool1d(output_size=1)",
        "F.adaptive_avg_pool1d(x, 1)",
        "x.mean(-1)",
        "x.mean(2)",
        "torch.mean(x, dim=-1)",
        "x.mean(dim=-1, keepdim=True)",
        ".mean(-1)",
        "global average pooling",
        "GlobalAveragePooling1D",
        "global_avg_pool",
        "GlobalAveragePooling1D()",
        "avg_pool",
        "mean pooling",
        "F.adaptive_avg_pool1d(x, 1).squeeze(-1)",
        "nn.Sequential(nn.AdaptiveAvgPool1d(1), nn.Flatten())",
        "AvgPool1d(15)",
        "AvgPool1d(kernel_size=15)",
        "F.avg_pool1d(x, 15)",
        "lambda x: x.mean(-1)",
        "averaging",
        "x.mean(-1, keepdim=False)",
        "repr",
    ],
}
IMAGES = {
    "sum": [
        "sum",
        "x.sum((2, 3))",
        "x.sum(dim=(-2, -1))",
        "x.sum([-1, -2])",
        "torch.sum(x, dim=[2, 3])",
        "x.flatten(2).sum(-1)",
    ],
    "mean": [
        "mean",
        "AdaptiveAvgPool2d(1)",
        "AdaptiveAvgPool2d((1, 1))",
        "nn.AdaptiveAvgPool2d(output_size=(1, 1))",
        "F.adaptive_avg_pool2d(x, 1).flatten(1)",
        "x.mean((-2, -1))",
        "x.flatten(2).mean(2)",
        "AvgPool2d(15)",
        "GlobalAveragePooling2D",
    ],
}


@pytest.mark.parametrize("pooling", SIGNALS)
def test_spellings_of_signals(pooling: str) -> None:
    for text in SIGNALS[pooling]:
        text = repr(torch.nn.AdaptiveAvgPool1d(1)) if text == "repr" else text
        assert pooling_of(text, 1, 15) == pooling, text


@pytest.mark.parametrize("pooling", IMAGES)
def test_spellings_of_images(pooling: str) -> None:
    for text in IMAGES[pooling]:
        assert pooling_of(text, 2, 15) == pooling, text


REFUSED = {
    "max": "max pooling is not explained",
    "nn.AdaptiveMaxPool1d(1)": "max pooling is not explained",
    "x.amax(-1)": "max pooling is not explained",
    "logsumexp": "log-sum-exp pooling is not explained",
    "torch.logsumexp(x, -1)": "log-sum-exp pooling is not explained",
    "LSE": "log-sum-exp pooling is not explained",
    "attention": "attention pooling is not explained",
    "median": "the median is not explained",
    "LPPool1d(2, 3)": "power pooling is not explained",
    "AvgPool1d(2)": "over some positions at a time",
    "AvgPool1d": "over some positions at a time",
    "AdaptiveAvgPool1d(4)": "over some positions at a time",
    "x.mean(1)": "the positions are the last axis, -1",
    "x.sum(0)": "the positions are the last axis, -1",
    "x.mean()": "the positions are the last axis, -1",
    "x.mean((1, 2))": "the positions are the last axis, -1",
    "flatten": "pooling is sum or mean, over all positions, not 'flatten'",
    "__import__('os')": "pooling is sum or mean",
    "x.sum(n)": "pooling is sum or mean",
    "": "pooling is sum or mean",
    "sum(" + 10**5 * "(": "pooling is sum or mean",
}


@pytest.mark.parametrize("text", REFUSED)
def test_other_poolings_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        pooling_of(text, 1, 15)
    assert REFUSED[text] in str(refusal.value)


def test_an_image_has_two_axes() -> None:
    with pytest.raises(ValueError, match="the last two axes"):
        pooling_of("x.mean(-1)", 2, 15)


@given(st.text(max_size=80) | st.from_regex(r"[a-z_.]{1,12}\([-0-9,a-z= ]{0,12}\)", fullmatch=True))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        assert pooling_of(text, 1, 15) in ("sum", "mean")
    except ValueError as refusal:
        assert str(refusal).isprintable()
