"""View of a calibration: its results, and whether they hold."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from consumer_fusion.i18n.labels import name_kind, write_share, write_time
from consumer_fusion.i18n.messages import Message, translate_message
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.score.calibration.calibration_report import CalibrationReport, find_objection
from consumer_fusion.views.drawings import Drawing, Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns

_MEASURES = {
    "log_loss": N_("log-loss"),
    "auc": N_("ranking (AUC)"),
    "calibration_error": N_("calibration error"),
}


def make_calibration_section(report: CalibrationReport, *, is_applied: bool) -> Section:
    """The results of a calibration.

    Args:
        report: The report of the calibration.
        is_applied: Whether its points are in force.
    """
    return Section(
        "calibration",
        _("Calibration"),
        tuple(_tell(report, is_applied)),
        [_make_reliability_drawing(report)] if report.reliability else (),
        _make_tables(report),
    )


def _tell(report: CalibrationReport, is_applied: bool) -> Iterator[str]:
    yield _(
        "Forecast: does “{outcome}” follow within {days} days of {moment} UTC?",
        outcome=_(report.outcome),
        days=f"{report.horizon_days:g}",
        moment=write_time(report.cutoff_us),
    )
    if report.is_better:
        yield _("The calibrated points forecast better than the points before any calibration.")
    else:
        yield _("The points in force stay: {reason}.", reason=translate_message(find_objection(report)))
    yield _("Its points are in force.") if is_applied else _("Its points are not in force.")
    if report.placebo_share is not None:
        yield _(
            "An artificial kind of random events was given {share} of the points of the kind it imitates.",
            share=write_share(report.placebo_share),
        )
    reasons: dict[Message, list[str]] = {}
    for kind, reason in report.kept_kinds.items():
        reasons.setdefault(reason, []).append(name_kind(kind))
    for reason, kinds in reasons.items():
        yield _(
            "Left as they are ({reason}): {kinds}.", reason=translate_message(reason), kinds=", ".join(kinds)
        )


def _make_reliability_drawing(report: CalibrationReport) -> Drawing:
    from consumer_fusion.views.charts.reliability import draw_reliability

    bins = pa.Table.from_pylist(
        [
            {"predicted": each.predicted, "observed": each.observed, "pair_count": each.count}
            for each in report.reliability
        ]
    )
    return Drawing(
        "reliability",
        _("Reliability of forecasts"),
        _(
            "On the dashed line a forecast of 30% came true in 30% of the relationships, which the bars count."
        ),
        lambda style: draw_reliability(bins, style, outcome=_(report.outcome)),
        lambda: TableView(
            "reliability",
            _("Forecast and outcome, on relationships held out from the calibration"),
            list_columns(
                ColumnView("predicted", N_("forecast"), "share"),
                ColumnView("observed", N_("came true"), "share"),
                "pair_count",
            ),
            bins.to_pylist(),
        ),
    )


def _make_tables(report: CalibrationReport) -> list[TableView]:
    tables = [
        TableView(
            "calibration-measures",
            _("Before and after, on relationships held out from the calibration"),
            [
                ColumnView("measure", N_("measure")),
                ColumnView("before", N_("before"), "measure"),
                ColumnView("after", N_("after"), "measure"),
            ],
            [
                {
                    "measure": _(words),
                    "before": getattr(report.before, name),
                    "after": getattr(report.after, name),
                }
                for name, words in _MEASURES.items()
            ],
        )
    ]
    if report.half_life_factors:
        rows = [
            {"kind": kind, "multiplier": report.multipliers.get(kind, 1.0), "half_life_factor": factor}
            for kind, factor in report.half_life_factors.items()
        ]
        columns = list_columns(
            "kind",
            ColumnView("multiplier", N_("points multiplier"), "number"),
            ColumnView("half_life_factor", N_("half-life multiplier"), "number"),
        )
        caption = _("Calibrated kinds of events")
        tables.append(TableView("calibration-multipliers", caption, columns, rows))
    return tables
