"""An action: a deliberate measure of a brand, whose effect can be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from consumer_fusion.records.table import Column, Table

ExpectedEffect = Literal["temporary", "lasting", "unknown"]
Assignment = Literal["everybody", "random", "chosen", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectWindow:
    """Days on which an effect is measured, counted from the start of the action.

    Attributes:
        delay_days: Days from the start of the action to the start of the effect.
        effect_days: Length of the window in days.
    """

    delay_days: int
    effect_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A deliberate measure of a brand.

    Attributes:
        action_id: Id of the action.
        brand: Key of the brand.
        title: Title of the action.
        action_type: Type in one word (`concert`, `promotion`, `price`); small actions are pooled within it.
        starts_at: ISO 8601 start; a date alone means the beginning of that day.
        ends_at: ISO 8601 end; a date alone means the whole of that day; None for an action without duration.
        region: Region, as in the property `region` of events; None for everywhere.
        segment: Segment, as in the property `segment` of events; None for all.
        assignment: Selection of the recipients.
        expected_effect: Expected effect, declared before the measurement.
        delay_days: Days from its start to the start of the effect.
        effect_days: Length of the effect in days; None for its own length, or two weeks where it has no duration.
        windows: Other windows for some metrics, by the metric's name.
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
        Column("action_id", "text", "Id of the action."),
        Column("brand_id", "integer", "The brand of the action."),
        Column("title", "text", "Title, as entered by the brand."),
        Column("action_type", "text", "Type in one word; estimates of small actions are pooled within it."),
        Column("starts_us", "integer", "Time of its start."),
        Column(
            "ends_us", "integer", "Time of its end; null for an action without duration.", is_optional=True
        ),
        Column("region", "text", "Region; null for everywhere.", is_optional=True),
        Column("segment", "text", "Segment; null for all.", is_optional=True),
        Column("assignment", "text", "Selection of the recipients: everybody, random, chosen, unknown."),
        Column("expected_effect", "text", "temporary, lasting or unknown, declared before the measurement."),
        Column("delay_days", "integer", "Days from its start to the start of the effect."),
        Column(
            "effect_days",
            "integer",
            "Length of the effect in days; null for its own length.",
            is_optional=True,
        ),
        Column("windows", "text", "Other windows for some metrics, as a JSON object."),
        Column("origin", "text", "Origin of the declaration: a person, file, event or product."),
        Column("declared_us", "integer", "Time of the declaration."),
        Column("withdrawn_us", "integer", "Time of its withdrawal as never carried out.", is_optional=True),
    ),
    primary_key=("action_id",),
    indexes=(("brand_id",),),
    scope="actions",
)
