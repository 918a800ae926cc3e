"""The columns that several tables of the page share, each with its heading and the way its values are written."""

from __future__ import annotations

from consumer_fusion.surfaces.report.tables import ColumnView
from consumer_fusion.views.charts.labels import (
    DIRECTION_WORDS,
    from_day_number,
    name_symbiosis,
    write_change,
    write_count,
    write_day,
    write_score,
    write_time,
)

_SIDES = {str(direction): words for direction, words in DIRECTION_WORDS.items()}

SCORE = ColumnView("fusion_score", "Fusion Score", write_score, is_number=True)
CLASS = ColumnView("symbiosis", "kind of relationship", name_symbiosis)
SIDE = ColumnView("direction", "who gives", lambda direction: _SIDES.get(direction, direction))


def write_number(name: str, heading: str, decimals: int = 1) -> ColumnView:
    """A column of plain numbers."""
    return ColumnView(name, heading, lambda value: f"{value:,.{decimals}f}", is_number=True)


def write_counts(name: str, heading: str) -> ColumnView:
    """A column of counts."""
    return ColumnView(name, heading, lambda value: write_count(int(value)), is_number=True)


def write_days(name: str, heading: str) -> ColumnView:
    """A column of days since 1970."""
    return ColumnView(name, heading, lambda day: write_day(from_day_number(day).date()))


def write_times(name: str, heading: str) -> ColumnView:
    """A column of moments in microseconds since 1970."""
    return ColumnView(name, heading, write_time)


def write_changes(name: str, heading: str) -> ColumnView:
    """A column of signed numbers."""
    return ColumnView(name, heading, write_change, is_number=True)
