"""Gate B: does the score rank who returns as well as models made for nothing else? `python benchmarks/validity.py`

Half of the pairs train, the other half test, over several random halves. Supervised rivals and the calibration are
fitted at T1, everything is scored at T2, on unseen pairs and a later time; BG/NBD is fitted on all pairs up to T2. The
settings below were written before any result was seen. A miss is printed as a miss.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from validity_ledgers import load_ledger
from validity_rivals import (
    DAY,
    describe_rfm,
    describe_richly,
    fit_lightgbm,
    fit_logistic,
    predict_bgnbd,
    rank_rfm,
    summarise_orders,
)
from validity_verdicts import OURS, RIVALS, judge_settings, print_settings

from consumer_fusion.score.calibration import validity
from consumer_fusion.score.calibration.calibration import calibrate
from consumer_fusion.score.calibration.calibration_report import apply_calibration, find_link
from consumer_fusion.score.calibration.link_functions import (
    compute_probability,
    forecast_outcomes,
)
from consumer_fusion.score.calibration.samples import draw_sample
from consumer_fusion.score.forecast.forecasts import learn_forecaster, make_forecast
from consumer_fusion.score.forecast.traits import read_pairs
from consumer_fusion.score.points.points_table import load_points

OUTCOME = "Order Completed"
SEED = 20_261
_TOLD = (
    "multipliers",
    "half_life_factors",
    "is_better",
    "scale_drift",
    "placebo_share",
    "gain",
    "gain_error",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A data set and horizon, with the two cutoffs: the end of the data less one horizon, and one more."""

    ledger: str
    weeks: int
    first_cutoff: str
    second_cutoff: str

    @property
    def name(self) -> str:
        return f"{self.ledger} {self.weeks} weeks"


SETTINGS = (
    Setting("cdnow", 13, "1997-12-30T00:00:00Z", "1998-03-31T00:00:00Z"),
    Setting("cdnow", 26, "1997-07-01T00:00:00Z", "1997-12-30T00:00:00Z"),
    # Two horizons of 39 weeks are the whole of the data: T1 is the end of the quarter in which all first came.
    Setting("cdnow", 39, "1997-04-01T00:00:00Z", "1997-09-30T00:00:00Z"),
    Setting("online_retail", 8, "2011-08-19T12:50:00Z", "2011-10-14T12:50:00Z"),
    Setting("completejourney", 4, "2017-11-06T03:47:38Z", "2017-12-04T03:47:38Z"),
)


def main() -> None:
    """Run the settings and print what was measured against the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSUMER_FUSION_DATA", "../shared/data"))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument(
        "--quick", action="store_true", help="two settings, one split, fewer bootstrap rounds"
    )
    parser.add_argument("--splits", type=int, default=5, help="random halves of the pairs, averaged")
    options = parser.parse_args()
    folder = Path(options.data)
    if not (folder / "cdnow").is_dir():
        parser.error(f"no data sets in {folder}; give their folder with --data or CONSUMER_FUSION_DATA")
    started = time.monotonic()
    settings = (SETTINGS[0], SETTINGS[4]) if options.quick else SETTINGS
    rounds, splits = (100, 1) if options.quick else (300, options.splits)
    results = [run_setting(setting, folder, rounds, splits) for setting in settings]
    report = {
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "seconds": round(time.monotonic() - started, 1),
        "settings": results,
        "verdicts": judge_settings(results),
    }
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        print_settings(report)


def run_setting(setting: Setting, folder: Path, rounds: int, splits: int) -> dict[str, object]:
    """One setting over several splits of the pairs; every figure is the mean of theirs."""
    ledger = load_ledger(setting.ledger, folder)
    events = ledger.select(["consumer_id", "kind", "occurred_us", "day", "value"]).to_pandas()
    at_second = summarise_orders(events, read_time(setting.second_cutoff))
    bgnbd = predict_bgnbd(at_second, setting.weeks * 7.0)
    runs = [run_split(setting, ledger, events, bgnbd, SEED + split, rounds) for split in range(splits)]
    return {
        "setting": setting.name,
        "cutoffs": [setting.first_cutoff, setting.second_cutoff],
        "splits": splits,
        "bgnbd": bgnbd[2],
        **average_figures(runs),
        "learnt": [run["learnt"] for run in runs],
    }


def average_figures(runs: list[dict]) -> dict:
    """The mean of every figure over the splits, however deep it lies."""

    def average(parts: list):
        if isinstance(parts[0], dict):
            return {name: average([part[name] for part in parts]) for name in parts[0]}
        if isinstance(parts[0], list):
            return [average(list(each)) for each in zip(*parts, strict=True)]
        return sum(parts) / len(parts)

    return average([{name: part for name, part in run.items() if name != "learnt"} for run in runs])


def run_split(
    setting: Setting, ledger: pa.Table, events: pd.DataFrame, bgnbd: tuple, seed: int, rounds: int
) -> dict[str, object]:
    """Fit everybody at T1, score everybody at T2, measure on the pairs that nobody was fitted on."""
    first_us, second_us = read_time(setting.first_cutoff), read_time(setting.second_cutoff)
    horizon_days = setting.weeks * 7.0
    consumers = np.unique(events.consumer_id)
    training = np.random.default_rng(seed).permutation(consumers)[: consumers.size // 2]

    at_first, at_second = summarise_orders(events, first_us), summarise_orders(events, second_us)
    came_first, _ = _find_outcomes(events, at_first.consumer_id, first_us, horizon_days)
    came, spent = _find_outcomes(events, at_second.consumer_id, second_us, horizon_days)
    is_training = np.isin(at_first.consumer_id, training)
    is_test = ~np.isin(at_second.consumer_id, training)

    probability: dict[str, np.ndarray] = {"BG/NBD": bgnbd[0]}
    money: dict[str, np.ndarray] = {"BG/NBD": bgnbd[1]}
    ranking = {"RFM": rank_rfm(at_second)}
    logistic = fit_logistic(describe_rfm(at_first)[is_training], came_first[is_training])
    probability["logistic RFM"] = logistic(describe_rfm(at_second))
    trees = fit_lightgbm(
        describe_richly(events, at_first, first_us)[is_training], came_first[is_training], seed
    )
    probability["LightGBM"] = trees(describe_richly(events, at_second, second_us))

    points = load_points()
    report = calibrate(
        take_consumers(ledger, training),
        points,
        outcome=OUTCOME,
        horizon_days=horizon_days,
        cutoff_us=first_us,
        seed=seed,
    )
    for arm, table in (("defaults", points), ("calibrated", apply_calibration(points, report))):
        link = find_link(report, table, OUTCOME, horizon_days)
        sample = draw_sample(ledger, table, outcome=OUTCOME, cutoff_us=second_us, horizon_days=0.0)
        linked = compute_probability(forecast_outcomes(read_pairs(sample, table), link))
        probability[arm] = _pick_consumers(sample.consumer_id, linked, at_second.consumer_id)
    forecaster = learn_forecaster(
        take_consumers(ledger, training),
        points,
        outcome=OUTCOME,
        horizon_days=horizon_days,
        cutoff_us=first_us,
    )
    rows = make_forecast(ledger, points, forecaster, as_of_us=second_us).rows
    probability["forecast"], money["forecast"] = (
        _pick_consumers(rows["consumer_id"].to_numpy(), rows[name].to_numpy(), at_second.consumer_id)
        for name in ("probability", "expected_value")
    )
    ranking |= probability
    tested = {name: one[is_test] for name, one in ranking.items()}
    content = dict(report)
    return {
        "pairs_trained": int(is_training.sum()),
        "pairs_tested": int(is_test.sum()),
        "returned": float(came[is_test].mean()),
        "auc": {name: validity.compute_auc(came[is_test], one) for name, one in tested.items()},
        "auc_difference": _compare_rankings(came[is_test], tested, seed, rounds),
        "log_loss": {
            name: float(validity.compute_log_losses(came[is_test], tested[name]).mean())
            for name in probability
        },
        "calibration_error": {
            name: validity.compute_calibration_error(came[is_test], tested[name]) for name in probability
        },
        "gini": {name: validity.compute_gini(spent[is_test], one[is_test]) for name, one in money.items()},
        "gini_difference": _compare_money(
            spent[is_test], money["forecast"][is_test], money["BG/NBD"][is_test], seed, rounds
        ),
        "learnt": {name: content[name] for name in _TOLD},
    }


def _compare_money(
    spent: np.ndarray, own: np.ndarray, rival: np.ndarray, seed: int, rounds: int
) -> list[float]:
    """Difference of the spend Ginis with its 95% interval, from the same draws of pairs."""
    chance = np.random.default_rng(seed)
    draws = [chance.integers(0, spent.size, spent.size) for _ in range(rounds)]
    drawn = [
        validity.compute_gini(spent[draw], own[draw]) - validity.compute_gini(spent[draw], rival[draw])
        for draw in draws
    ]
    difference = validity.compute_gini(spent, own) - validity.compute_gini(spent, rival)
    return [difference, *(float(one) for one in np.quantile(drawn, (0.025, 0.975)))]


def _compare_rankings(
    came: np.ndarray, ranking: dict[str, np.ndarray], seed: int, rounds: int
) -> dict[str, dict[str, list[float]]]:
    """By arm of ours and rival: difference of AUC with its 95% interval, from the same draws of pairs."""
    compared: dict[str, dict[str, list[float]]] = {}
    for arm in OURS:
        draws = validity.bootstrap_differences(
            came, ranking[arm], [ranking[name] for name in RIVALS], seed, rounds
        )
        own = validity.compute_auc(came, ranking[arm])
        compared[arm] = {
            name: [
                own - validity.compute_auc(came, ranking[name]),
                *(float(one) for one in np.quantile(drawn, (0.025, 0.975))),
            ]
            for name, drawn in zip(RIVALS, draws, strict=True)
        }
    return compared


def _pick_consumers(ids: np.ndarray, values: np.ndarray, consumers: np.ndarray) -> np.ndarray:
    """The values of these consumers, in their order."""
    order = np.argsort(ids)
    return values[order[np.searchsorted(ids, consumers, sorter=order)]]


def _find_outcomes(events, consumers: np.ndarray, cutoff_us: int, horizon_days: float):
    """Whether each consumer ordered within the horizon after the cutoff, and for how much."""
    end_us = cutoff_us + round(horizon_days * DAY)
    later = events[
        (events.kind == OUTCOME) & (events.occurred_us > cutoff_us) & (events.occurred_us <= end_us)
    ]
    spent = later.groupby("consumer_id").value.sum().reindex(consumers)
    return spent.notna().to_numpy(), spent.fillna(0.0).to_numpy()


def take_consumers(ledger: pa.Table, consumers: np.ndarray) -> pa.Table:
    return ledger.filter(pa.array(np.isin(ledger["consumer_id"].to_numpy(), consumers)))


def read_time(text: str) -> int:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return round(moment.timestamp() * 1_000_000)


if __name__ == "__main__":
    main()
