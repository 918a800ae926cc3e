"""Comparisons of the data in a file: people of two arms, or units of a panel; nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from consumer_fusion.causal.designs.audiences import GroupDifference, compare_randomised
from consumer_fusion.causal.designs.exposure_verdicts import judge_exposure
from consumer_fusion.causal.designs.exposures import FeatureBalance, adjust_exposure
from consumer_fusion.causal.designs.panels import measure_panel
from consumer_fusion.causal.experiments.imbalance import CHOSEN, WORTH_NAMING, find_imbalances
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.records.schema import Schema, describe

REACHED = frozenset({"treated", "reached", "exposed", "1", "true", "yes"})
NOT_REACHED = frozenset({"held_out", "not reached", "control", "0", "false", "no"})
_MOST_WORDS = 12
"""A column with more different words than this is treated as a name, not as a covariate."""


class ArmDifference(Schema):
    """The difference between two arms, per person."""

    effect: float = describe("Effect", "Mean outcome with the action minus without.")
    low: float = describe("Low", "Lower end of its 95% interval.")
    high: float = describe("High", "Upper end.")
    p_value: float = describe("p", "Two-sided p-value of no effect.", form="p_value")
    without: float = describe("Without", "Mean outcome without the action.")
    treated: int = describe("Treated", "Number of people with the action.")
    held_out: int = describe("Held out", "Number of people without it.")

    @classmethod
    def from_groups(cls, found: GroupDifference) -> Self:
        """The difference of two groups."""
        return cls(
            effect=found.effect, low=found.low, high=found.high, p_value=found.p_value, without=found.without,
            treated=found.treated_count, held_out=found.held_out_count,
        )  # fmt: skip


class AudienceReport(Schema):
    """The effect of an action, from a file of people."""

    label: EvidenceLabel = describe("Evidence", "Strength of the evidence.")
    naive: ArmDifference = describe("Unadjusted", "The plain difference.")
    adjusted: ArmDifference = describe("Adjusted", "The difference adjusted for covariates.")
    features: tuple[str, ...] = describe("Covariates", "Names of the covariates.")
    sentences: tuple[str, ...] = describe(
        "Remarks", "Remarks; where the arms were randomised, only the differences between them."
    )


class ExposureReport(AudienceReport):
    """The same where the arms were not randomised."""

    balance: tuple[FeatureBalance, ...] = describe("Balance", "Balance of the groups by covariate.")
    left_out_share: float = describe("Left out", "Share of people without a counterpart.", form="share")
    robustness: float = describe(
        "Robustness",
        "Share of the remaining variation that a hidden confounder must explain to bring the effect to 0.",
        form="share",
    )
    robustness_interval: float = describe(
        "Robustness of the interval", "The same to bring 0 into the interval.", form="share"
    )
    e_value: float = describe(
        "E-value", "Factor by which it must multiply the chances of being reached and of the outcome."
    )


class PanelRow(Schema):
    """One period of a panel."""

    period: str = describe("Period", "Its label.")
    observed: float = describe("Observed", "Observed value of the unit.")
    expected: float = describe("Expected", "Value of the synthetic control.")


class PanelReport(Schema):
    """The effect on one unit of a panel, by a synthetic control."""

    effect: float = describe("Effect", "Mean of observed minus expected from the action on.")
    relative: float = describe("Relative effect", "The same over the mean expected.", form="change")
    low: float | None = describe("Low", "Lower end of its 95% interval; null with too few units.")
    high: float | None = describe("High", "Upper end.")
    p_value: float = describe("p", "Share of units that deviate as much for their fit.", form="p_value")
    fit_error: float = describe("Error of the fit", "Root mean square of the deviation before the action.")
    weights: dict[str, float] = describe("Weights", "Weight by unit, largest first.")
    left_out: dict[str, str] = describe("Left out", "Units that were not used, and why.")
    placebos: dict[str, float] = describe("Placebos", "By unit: the effect where it is treated instead.")
    leave_one_out: tuple[float, float] = describe(
        "Leave one out", "Smallest and largest effect when a unit of weight is left out."
    )
    periods: tuple[PanelRow, ...] = describe("Periods", "Observed and expected values.")
    sentences: tuple[str, ...] = describe("Remarks", "Verdict and cautions.")


def compare_audience_file(
    path: Path,
    *,
    outcome: str,
    arm: str,
    is_randomised: bool,
    before: str | None = None,
    earlier: str | None = None,
    ignored: Sequence[str] = ("consumer",),
) -> AudienceReport:
    """Compare the two arms of a file with one row a person; every other column is used as a covariate known before.

    Args:
        path: A .csv or .parquet file.
        outcome: Column of the outcome, a number.
        arm: Column of the arm: people who were to get the action, or whom it reached.
        is_randomised: Whether the arms were randomised.
        before: Column of the same outcome in an equally long period before; required where not randomised.
        earlier: Column of the same in the period before that, on which the comparison is checked as a placebo.
        ignored: Columns that are not used.

    Raises:
        InputError: The file or a column is malformed.
        RefusedError: Too few people, or too few with counterparts.
    """
    rows = _read_rows(path)
    values, is_reached = _read_numbers(rows, outcome, path), _read_arm(rows, arm, path)
    used = {outcome, arm, *ignored}
    names, features = _read_features(rows, [name for name in rows.column_names if name not in used])
    if is_randomised:
        adjusted = compare_randomised(values, is_reached, features)
        is_clear = adjusted.low > 0.0 or adjusted.high < 0.0
        is_chosen = bool(find_imbalances(features, names, is_reached, CHOSEN))
        found_by_chance: EvidenceLabel = "changed_after" if is_chosen else "caused"
        return AudienceReport(
            label=found_by_chance if is_clear else "cannot_tell",
            naive=ArmDifference.from_groups(compare_randomised(values, is_reached)),
            adjusted=ArmDifference.from_groups(adjusted),
            features=names,
            sentences=_tell_unlike(
                find_imbalances(features, names, is_reached, WORTH_NAMING), is_chosen=is_chosen
            ),
        )
    if before is None:
        raise InputError(
            "The arms were not randomised, and no column holds the outcome before.",
            hint="Name it with --before: then only changes are compared.",
        )
    past = _read_numbers(rows, before, path)
    found = adjust_exposure(past, values, is_reached, features, feature_names=names)
    placebo = None
    if earlier is not None:
        # Covariates known before the period before: neither that period's outcome nor the last one's.
        kept = [place for place, name in enumerate(names) if name.split(":")[0] != before]
        placebo = adjust_exposure(
            _read_numbers(rows, earlier, path), past, is_reached, features[:, kept],
            feature_names=[names[place] for place in kept],
        )  # fmt: skip
    verdict = judge_exposure(found, placebo)
    return ExposureReport(
        label=verdict.label, naive=ArmDifference.from_groups(found.naive),
        adjusted=ArmDifference.from_groups(found.adjusted), features=names, sentences=verdict.sentences,
        balance=found.balance, left_out_share=found.trimmed_share, robustness=found.sensitivity.robustness,
        robustness_interval=found.sensitivity.robustness_interval, e_value=found.sensitivity.e_value,
    )  # fmt: skip


def _tell_unlike(names: Sequence[str], *, is_chosen: bool) -> tuple[str, ...]:
    """Name the differences between arms that are said to be randomised, before an effect is called caused."""
    if not names:
        return ()
    told = _(
        N_(
            "The groups differ by more than chance explains in: {names}. Either they were not randomised, or this was "
            "known only after the action; in that case leave the column out, since a result of the action must not be "
            "adjusted for."
        ),
        names=", ".join(names),
    )
    return (told, _(N_("So it does not count as caused."))) if is_chosen else (told,)


def compare_panel_file(path: Path, *, unit: str, first_period: str) -> PanelReport:
    """Compare one unit of a panel with a mix of the others.

    Args:
        path: A .csv or .parquet file with a row for each period, named in the first column, and a column for each unit.
        unit: The column of the unit that was acted on.
        first_period: The first period after the action.

    Raises:
        InputError: The file, the unit or the period is invalid.
        RefusedError: Too few periods or other units.
    """
    rows = _read_rows(path)
    periods = [str(one) for one in rows.column(0).to_pylist()]
    others = [name for name in rows.column_names[1:] if name != unit]
    own = _read_numbers(rows, unit, path)
    if first_period not in periods:
        raise InputError(
            f"There is no period '{first_period}' in {path.name}; it has {periods[0]} to {periods[-1]}.",
            hint="Write it as in the first column.",
        )
    columns = [_read_numbers(rows, name, path) for name in others]
    matrix = np.column_stack(columns) if columns else np.zeros((len(periods), 0))
    found = measure_panel(own, matrix, periods.index(first_period), donor_names=others, periods=periods)
    values = zip(found.periods, found.observed.tolist(), found.expected.tolist(), strict=True)
    return PanelReport(
        effect=found.effect, relative=found.relative, low=found.low, high=found.high, p_value=found.p_value,
        fit_error=found.fit_error, weights=dict(found.weights), left_out=dict(found.dropped),
        placebos=dict(found.placebo_effects), leave_one_out=found.leave_one_out, sentences=found.sentences,
        periods=tuple(
            PanelRow(period=period, observed=observed, expected=expected)
            for period, observed, expected in values
        ),
    )  # fmt: skip


def _read_rows(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".csv":
            return pa_csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{path.name} cannot be read: {error}.", hint="Check its name and its form.", where=str(path)
        ) from error
    raise InputError(
        f"'{path.name}' ends neither in .parquet nor in .csv.", hint="Use one of these file formats."
    )


def _find_column(rows: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    if name not in rows.column_names:
        raise InputError(
            f"{path.name} has no column '{name}'.", hint=f"It has {', '.join(rows.column_names)}."
        )
    return rows[name]


def _read_numbers(rows: pa.Table, name: str, path: Path) -> NDArray[np.float64]:
    column = _find_column(rows, name, path)
    try:
        numbers = column.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise InputError(f"The column '{name}' has a value that is not a number.", hint=str(error)) from error
    return np.asarray(numbers, dtype=np.float64)


def _read_arm(rows: pa.Table, name: str, path: Path) -> NDArray[np.bool_]:
    words = [str(one).strip().lower() for one in _find_column(rows, name, path).to_pylist()]
    unknown = sorted(set(words) - REACHED - NOT_REACHED)
    if unknown:
        raise InputError(
            f"The column '{name}' holds '{unknown[0]}'.",
            hint="Write treated or held_out, reached or not reached, 1 or 0.",
        )
    return np.array([word in REACHED for word in words], dtype=np.bool_)


def _read_features(rows: pa.Table, names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Numeric columns, with an indicator of missing values; one indicator for each word of a text column."""
    told: list[str] = []
    columns: list[NDArray[Any]] = []
    for name in names:
        column = rows[name]
        if (
            pa.types.is_integer(column.type)
            or pa.types.is_floating(column.type)
            or pa.types.is_boolean(column.type)
        ):
            numbers = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
            is_missing = ~np.isfinite(numbers)
            told.append(name)
            columns.append(
                np.where(is_missing, np.median(numbers[~is_missing]) if (~is_missing).any() else 0, numbers)
            )
            if is_missing.any():
                told.append(f"{name}: missing")
                columns.append(is_missing.astype(np.float64))
        elif pa.types.is_string(column.type):
            words = sorted({one for one in pc.unique(column).to_pylist() if one is not None})
            if 1 < len(words) <= _MOST_WORDS:
                told += [f"{name}: {word}" for word in words[1:]]
                listed = np.array(column.to_pylist(), dtype=object)
                columns += [(listed == word).astype(np.float64) for word in words[1:]]
    if not columns:
        return (), np.zeros((rows.num_rows, 0))
    return tuple(told), np.column_stack(columns)
