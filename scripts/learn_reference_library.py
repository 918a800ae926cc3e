"""Learn the reference library of placebos that ships with the product, from openly licensed daily series.

    python scripts/learn_reference_library.py --data DIR [--only temporary --only ending]

Every series is cut into spans of several lengths, so that short histories are judged by short ones; sources count
alike, however many series they have. It writes `causal/inference/library/reference.json` and the README beside it:
derived numbers alone (quantiles of errors), nothing of the data.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consumer_fusion.causal.filters.fitted_series import FittedSeries, fit_series
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, load_reference_library
from consumer_fusion.causal.inference.rule_learning import QUESTIONS, learn_calibration
from consumer_fusion.causal.series.series import DailySeries

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
if TYPE_CHECKING:
    read_families: Any
else:
    from cause_data import read_families

LIBRARY = ROOT / "src" / "consumer_fusion" / "causal" / "inference" / "library"
NAME = "Reference library"
SEED = 2_026
SPANS_A_SOURCE = 40
SPAN_DAYS = (120, 200, 300, 390)
LEAST_SPAN_DAYS = 100
MOST_CONTROLS = 8
KNOWN_SHARE = 0.7


def main() -> None:
    """Learn and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSUMER_FUSION_DATA", "../shared/data"))
    parser.add_argument("--without", action="append", default=[], help="a source to leave out, for a trial")
    parser.add_argument(
        "--only",
        action="append",
        choices=QUESTIONS,
        help="learn these questions, and keep the laws of all others",
    )
    parser.add_argument("--out", type=Path, default=LIBRARY / "reference.json")
    options = parser.parse_args()
    families = [
        family
        for family in read_families(Path(options.data), with_pandemic=False)
        if family.is_open and family.name not in options.without
    ]
    if not families:
        parser.error(f"no openly licensed series in {options.data}")
    questions = tuple(options.only or QUESTIONS)
    calibration = learn_calibration(list(fit_spans(families)), name=NAME, questions=questions)
    if options.only:
        rules = {key: rule for key, rule in load_reference_library().rules.items() if key[1] not in questions}
        calibration = PlaceboCalibration(NAME, {**rules, **calibration.rules})
    calibration.save(options.out)
    if options.out.parent == LIBRARY:
        (LIBRARY / "README.md").write_text(describe_sources(families), encoding="utf-8")
    for form, question, days in sorted(calibration.rules):
        print(f"{question:>8} {days:>3} days: {calibration.describe(form, days, question)} ({form})")


def fit_spans(families: Sequence[Any]) -> Iterator[FittedSeries]:
    """Fit spans of each source, alone and with sister series where it has them."""
    for number, family in enumerate(families):
        chance = np.random.default_rng([SEED, number])
        for _ in range(SPANS_A_SOURCE):
            span = draw_span(family.series, chance)
            if span is not None:
                yield fit_series(span, country=family.country)
        for _ in range(SPANS_A_SOURCE if len(family.control_series) > 1 else 0):
            at = int(chance.integers(len(family.control_series)))
            span = draw_span((family.control_series[at],), chance)
            if span is not None:
                others = [sister for place, sister in enumerate(family.control_series) if place != at]
                picked = chance.permutation(len(others))[:MOST_CONTROLS]
                yield fit_series(
                    span, controls=[others[int(place)] for place in picked], country=family.country
                )


def draw_span(series: Sequence[DailySeries], chance: np.random.Generator) -> DailySeries | None:
    """A span of one of the series, of one of the lengths that fit into it; None where too much of it is missing."""
    one = series[int(chance.integers(len(series)))]
    lengths = [days for days in SPAN_DAYS if days <= one.values.size] or [one.values.size]
    days = int(chance.choice(lengths))
    start = int(chance.integers(one.values.size - days + 1))
    values = one.values[start : start + days].copy()
    if days < LEAST_SPAN_DAYS or np.isfinite(values).mean() < KNOWN_SHARE:
        return None
    return replace(one, first_day=one.first_day + start, values=values)


def describe_sources(families: Sequence[Any]) -> str:
    """The README beside the library: whose data it was learnt from."""
    rows = "\n".join(f"| `{family.name}` | {family.licence} |" for family in families)
    return f"""# The reference library

`reference.json` says how far forecasts of daily series miss where nothing was done, by form of the series, question
asked and length of the window. It was learnt by `scripts/learn_reference_library.py` and holds derived numbers alone:
quantiles of forecast errors, pooled over sources. An installation's own placebos take its place as they become many.

| source | licence and attribution |
|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
