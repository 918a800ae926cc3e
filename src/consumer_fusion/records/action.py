"""An action: something that a brand did on purpose, whose effect may be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

ExpectedEffect = Literal["temporary", "lasting", "unknown"]
Assignment = Literal["everybody", "random", "chosen", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectWindow:
    """When an effect is looked for, counted from the day on which the action begins.

    Attributes:
        delay_days: So many days after the action began.
        effect_days: For so many days.
    """

    delay_days: int
    effect_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """Something that a brand did on purpose.

    Attributes:
        action_id: Its id.
        brand: Key of the brand.
        title: What it was, in words.
        action_type: Its kind in a word (`concert`, `promotion`, `price`); small actions are shrunk within it.
        starts_at: ISO 8601: when it began; a date alone is the beginning of that day.
        ends_at: ISO 8601: when it ended, a date alone being its last day, the whole of it; None for something of a
            moment.
        region: Where, as the property `region` of events says it; None for everywhere.
        segment: For whom, as the property `segment` of events says it; None for all.
        assignment: How those were found who got it.
        expected_effect: What is expected of its effect, said before looking.
        delay_days: So many days after its start an effect is looked for.
        effect_days: For so many days; None for its own length, or two weeks where it is of a moment.
        windows: Other days for some metrics, by the metric's name.
    """

    action_id: str
    brand: str
    title: str
    starts_at: str
    action_type: str = "other"
    ends_at: str | None = None
    region: str | None = None
    segment: str | None = None
    assignment: Assignment = "unknown"
    expected_effect: ExpectedEffect = "unknown"
    delay_days: int = 0
    effect_days: int | None = None
    windows: Mapping[str, EffectWindow] = field(default_factory=dict)


ACTIONS = Table(
    name="actions",
    grain="one declared action of a brand",
    writer="causal.actions",
    columns=(
        Column("action_id", "text", "Its id."),
        Column("brand_id", "integer", "The brand that did it."),
        Column("title", "text", "What it was, in the words of the brand."),
        Column("action_type", "text", "Its kind in a word; small actions are shrunk within it."),
        Column("starts_us", "integer", "When it began."),
        Column("ends_us", "integer", "When it ended; null for something of a moment.", is_optional=True),
        Column("region", "text", "Where; null for everywhere.", is_optional=True),
        Column("segment", "text", "For whom; null for all.", is_optional=True),
        Column("assignment", "text", "How those were found who got it: everybody, random, chosen, unknown."),
        Column("expected_effect", "text", "temporary, lasting or unknown, said before looking."),
        Column("delay_days", "integer", "So many days after its start an effect is looked for."),
        Column("effect_days", "integer", "For so many days; null for its own length.", is_optional=True),
        Column("windows", "text", "Other days for some metrics, as a JSON object."),
        Column("origin", "text", "How it was declared: by a person, file, event or product."),
        Column("declared_us", "integer", "When it was declared here."),
        Column("withdrawn_us", "integer", "When it was withdrawn as never done.", is_optional=True),
    ),
    primary_key=("action_id",),
    indexes=(("brand_id",),),
    scope="actions",
)
