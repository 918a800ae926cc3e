"""The static report: one HTML file that needs no network, no JavaScript and no server to be read.

Given plain data (`ReportPage`); nothing here reads a workspace. Charts come from `consumer_fusion.charts`.
"""

from __future__ import annotations

from consumer_fusion.report.page import (
    CalibrationSummary,
    CourseShown,
    PairExplained,
    ReportPage,
    WorkspaceCounts,
)
from consumer_fusion.report.writing import write_report

__all__ = [
    "CalibrationSummary",
    "CourseShown",
    "PairExplained",
    "ReportPage",
    "WorkspaceCounts",
    "write_report",
]
