"""The appearance of all charts: palettes with enough contrast, sizes, fonts, and the frame of a chart.

Gain and loss are blue and orange, which people with any colour vision can distinguish, and each chart also shows them
by position, sign or shape. `tests/test_charts.py` checks the contrasts of WCAG 2.2 AA.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import pyarrow as pa

from consumer_fusion.errors import InputError

# Metric-compatible fonts: vl-convert measures with Liberation Sans, readers see the one that they have.
FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"

BESIDE: tuple[tuple[str, Literal["left", "right"], int], ...] = (("up", "left", 7), ("down", "right", -7))
"""Position of the number next to a mark: (way, alignment, shift in pixels)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a chart by meaning.

    Attributes:
        paper: Background.
        ink: Text and main lines.
        quiet_ink: Axis labels and remarks.
        line: Reference lines and axes.
        grid: Grid lines.
        gain: Increases of a score.
        loss: Decreases of a score.
        count: Bars of counts.
        band: The fill of an interval.
        band_edge: The edge of an interval.
        mutualism: Both gain.
        commensal_brand_gains: The brand gains.
        commensal_consumer_gains: The consumer gains.
        one_sided_brand_takes: One-sided, the brand takes.
        one_sided_consumer_takes: One-sided, the consumer takes.
        competition: Both lose.
        amensal: One side is harmed.
        neutral: Neutral.
        unknown: Unknown.
    """

    paper: str
    ink: str
    quiet_ink: str
    line: str
    grid: str
    gain: str
    loss: str
    count: str
    band: str
    band_edge: str
    mutualism: str
    commensal_brand_gains: str
    commensal_consumer_gains: str
    one_sided_brand_takes: str
    one_sided_consumer_takes: str
    competition: str
    amensal: str
    neutral: str
    unknown: str

    def as_dict(self) -> dict[str, str]:
        """The colours by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def pick_symbiosis(self, symbiosis: str) -> str:
        """The colour of a class."""
        return self.as_dict()[symbiosis.replace("-", "_")]


LIGHT = Palette(
    paper="#ffffff",
    ink="#18202b",
    quiet_ink="#4d5866",
    line="#7b8592",
    grid="#e4e8ed",
    gain="#0a62b9",
    loss="#b84a06",
    count="#4a6a8a",
    band="#d5e5f7",
    band_edge="#6f9fd2",
    mutualism="#00705a",
    commensal_brand_gains="#0a62b9",
    commensal_consumer_gains="#6a4fc9",
    one_sided_brand_takes="#b84a06",
    one_sided_consumer_takes="#ad2f7e",
    competition="#8c1414",
    amensal="#7d5f00",
    neutral="#5f6a77",
    unknown="#8590a0",
)

DARK = Palette(
    paper="#161b22",
    ink="#eef2f6",
    quiet_ink="#aeb9c5",
    line="#7f8b99",
    grid="#2a323c",
    gain="#6db3ff",
    loss="#ff9d5c",
    count="#8fb0d0",
    band="#22405f",
    band_edge="#5585b8",
    mutualism="#3fcfae",
    commensal_brand_gains="#6db3ff",
    commensal_consumer_gains="#b7a4ff",
    one_sided_brand_takes="#ff9d5c",
    one_sided_consumer_takes="#f58ac6",
    competition="#ff7a7a",
    amensal="#dcb53c",
    neutral="#a3aebb",
    unknown="#76828f",
)

THEMED = replace(
    LIGHT,
    **{name: f"var(--fusion-{name.replace('_', '-')}, {colour})" for name, colour in LIGHT.as_dict().items()},
)
"""For SVG within a page: the page's CSS chooses the colours (see `write_css_variables`)."""


def write_css_variables(palette: Palette) -> str:
    """The declarations that give a page's `THEMED` charts the colours of a palette."""
    return " ".join(
        f"--fusion-{name.replace('_', '-')}: {colour};" for name, colour in palette.as_dict().items()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartStyle:
    """The style of a chart: palette, size and title.

    Attributes:
        palette: Its colours.
        width: Its full width in pixels, labels included; below 480 it is laid out for a phone.
        has_title: Whether it has its own title; not needed under a heading of a page.
    """

    palette: Palette = LIGHT
    width: int = 640
    has_title: bool = True

    @property
    def is_narrow(self) -> bool:
        """Whether it is laid out for a phone."""
        return self.width < 480

    @property
    def label_limit(self) -> int:
        """Maximum width of a label next to a bar, in pixels."""
        return 120 if self.is_narrow else 210

    def make_room(self, labels: Iterable[str], letter_width: float = 7.3) -> float:
        """Width reserved for labels next to bars in pixels, enough for the widest font that readers may have."""
        return min(self.label_limit + 40, letter_width * max(map(len, labels), default=0) + 8)


ROW_HEIGHT, NAME_SHIFT, BAR_SHIFT = 40, -11, 6
"""Row height, and shifts of the name above the bar and of the bar, in pixels."""

DEFAULT_STYLE = ChartStyle()
"""The light style for pages."""


def check_columns(table: pa.Table, names: Sequence[str], chart: str) -> None:
    """Check that a table has the columns of a chart.

    Raises:
        InputError: Columns are missing; the message names them.
    """
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise InputError(
            f"The table for the {chart} has no {', '.join(missing)}; it has {', '.join(table.column_names)}.",
            hint=f"Give it {', '.join(names)}.",
        )
