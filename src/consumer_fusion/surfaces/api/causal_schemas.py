"""The wire of actions and effects: the shapes in which they leave, with the names of the command line's JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.records.schema import Schema


class ShrunkEffect(Schema):
    """An effect drawn towards others of its kind, with an interval that holds without a prior."""

    mean: float | None
    low: float | None
    high: float | None


class EffectCheck(Schema):
    """Something that was looked at before a number is told."""

    name: str
    verdict: Literal["passed", "warned", "refused"]
    sentence: str


class ObservedDay(Schema):
    """What was seen on a day."""

    day: str
    value: float | None


class ExpectedDay(ObservedDay):
    """What was expected of a day."""

    low: float | None
    high: float | None


class Effect(Schema):
    """What an action did to a metric."""

    action: str
    metric: str
    effect_from: str = Field(description="The first day of the window.")
    effect_until: str = Field(description="Its last day.")
    step: Literal["day", "week", "month"] = Field(description="What each value stands for.")
    told_with: str | None = Field(
        description="The action with which it is told, where both ran on the same days; in lists it counts there."
    )
    total: float | None = Field(
        description="Change over the window: its days of `observed` less `expected`. Null where values do not add up."
    )
    total_low: float | None = Field(description="Lower end of its 95% interval.")
    total_high: float | None = Field(description="Upper end.")
    effect: float | None = Field(
        description="Mean change a day (or week or month), in the units of the metric."
    )
    effect_low: float | None = Field(description="Lower end of its 95% interval.")
    effect_high: float | None = Field(description="Upper end.")
    relative: float | None = Field(description="The same as a share of what was expected.")
    low: float | None = Field(description="Lower end of the 95% interval of `relative`.")
    high: float | None = Field(description="Upper end.")
    p_value: float | None
    interval: Literal["sequential", "fixed"] = Field(
        description="`sequential` until the declared end: it holds however often one looks."
    )
    shrunk: ShrunkEffect
    label: EvidenceLabel = Field(description="What may be said of it by itself.")
    detectable: float | None = Field(
        description="The smallest change, as a share, that would have been found in four cases of five."
    )
    library: str = Field(description="The placebos it was judged by.")
    checks: list[EffectCheck]
    observed: list[ObservedDay] = Field(description="The window and up to sixty steps before it.")
    expected: list[ExpectedDay]


class ListedEffect(Effect):
    """An effect in a list, with what becomes of it there."""

    q_value: float | None = Field(
        description="The share of false finds if the list of its brand's effects is cut here."
    )
    q_count: int = Field(description="So many effects of the brand are in that list.")
    listed_label: EvidenceLabel = Field(
        description="What may be said of it in that list: nothing is found where `q_value` is above 0.1."
    )


class Effects(Schema):
    """Measured effects."""

    items: list[ListedEffect]
