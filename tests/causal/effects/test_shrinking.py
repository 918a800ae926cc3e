"""Effects of one kind are shrunk together, and told as shares whatever the scale of each."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import shrink_reports


def make_report(estimate, *, is_log, **more):
    """A report of which only what shrinking reads is filled."""
    filled = {"metric": "orders", "estimate_log": estimate, "se_log": 0.01, "is_log": is_log, **more}
    return EffectReport(**({field.name: None for field in fields(EffectReport)} | filled))


@pytest.mark.parametrize(
    ("estimate", "is_log", "relative", "low", "share"),
    [
        (0.5, True, math.expm1(0.5), 0.4, math.expm1(0.5)),
        (0.5, False, 0.5, 0.4, 0.5),
        (-1.4, False, -1.0, -1.0, -1.0),
        (-1.4, False, -1.4, -1.6, -1.4),
        # Where a level came from nothing, the relative effect beside the logarithm lies nearer to the estimate.
        (0.5, True, 0.5, 0.4, math.expm1(0.5)),
    ],
    ids=["logarithm", "relative", "all is lost", "below zero", "a logarithm that looks relative"],
)
def test_a_shrunk_effect_is_told_on_the_scale_that_its_report_declares(
    estimate, is_log, relative, low, share
):
    (shrunk,) = shrink_reports(
        [make_report(estimate, is_log=is_log, relative=relative, low=low)], ["campaign"]
    )
    assert shrunk.mean == pytest.approx(share)
