"""Forecasts against peers, on real data and on worlds of other shapes. `python benchmarks/forecasts.py --data DIR`

The protocol is that of `validity.py`: half of the pairs train at T1, the other half test at T2, a horizon later. The
forecast and LightGBM learn from the same rows of the same traits (`score/forecast/traits.py`), at up to four cutoffs
(LightGBM with rich features is in `validity.py`); BG/NBD with Gamma-Gamma is fitted on all pairs up to T2.
Worlds, seeds and gates are fixed in `forecast_worlds.py`. It exits with 1 if anything misses.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa
from forecast_worlds import GATE_SEEDS, GATES, ORDER, WORLDS
from validity import SEED, SETTINGS, average_figures, read_time, take_consumers
from validity_ledgers import load_ledger
from validity_rivals import DAY, fit_lightgbm, predict_bgnbd, summarise_orders

from consumer_fusion.score.calibration import validity
from consumer_fusion.score.calibration.calibration import list_cutoffs
from consumer_fusion.score.calibration.samples import draw_sample
from consumer_fusion.score.forecast.forecasts import learn_forecaster, make_forecast
from consumer_fusion.score.forecast.traits import compute_features
from consumer_fusion.score.points.points_table import load_points

OURS, SAME, BGNBD, RECENCY, SCORE = "forecast", "LightGBM, same", "BG/NBD", "recency", "score"
ARMS = (OURS, SAME, BGNBD, RECENCY, SCORE)
FORECASTS = (OURS, SAME, BGNBD)
POINTS = load_points()


@dataclass(frozen=True, slots=True)
class Case:
    """One ledger and the question put to it."""

    name: str
    ledger: pa.Table
    horizon_days: float
    first_us: int
    second_us: int


def main() -> None:
    """Run all settings and worlds and print what was measured against the gates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSUMER_FUSION_DATA", "../shared/data"))
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--splits", type=int, default=2, help="random halves of the pairs of each ledger")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=GATE_SEEDS, help="of the worlds; others to tune"
    )
    parser.add_argument("--only", help="settings whose name holds this text")
    options = parser.parse_args()
    started, results = time.monotonic(), {}
    cases = draw_cases(Path(options.data), options.seeds, options.only or "")
    for name, same in groupby(cases, lambda case: case.name):
        results[name] = average_figures([run for case in same for run in run_case(case, options.splits)])
        if not options.json:
            print_case(name, results[name])
    verdicts = judge(results)
    if options.json:
        print(json.dumps({"settings": results, "verdicts": verdicts}, indent=2))
    else:
        print()
        for verdict in verdicts:
            print(
                f"  {'pass' if verdict['is_met'] else 'MISS'}  {verdict['name']:52s} {verdict['measured']:+.4f}  "
                f"asked: {verdict['asked']}  {verdict['misses']}"
            )
        print(f"\n{time.monotonic() - started:.0f} seconds.")
    sys.exit(0 if all(verdict["is_met"] for verdict in verdicts) else 1)


def draw_cases(folder: Path, seeds: list[int], only: str) -> Iterator[Case]:
    """The five settings of `validity.py`, then every world once a seed."""
    loaded: dict[str, pa.Table] = {}
    for setting in SETTINGS:
        if only not in setting.name:
            continue
        ledger = loaded.setdefault(setting.ledger, load_ledger(setting.ledger, folder))
        first_us, second_us = read_time(setting.first_cutoff), read_time(setting.second_cutoff)
        yield Case(setting.name, ledger, setting.weeks * 7.0, first_us, second_us)
    for world in WORLDS:
        if only not in world.name:
            continue
        for seed in seeds:
            first_us = world.second_us - round(world.horizon_days * DAY)
            yield Case(world.name, world.draw(seed), world.horizon_days, first_us, world.second_us)


def run_case(case: Case, splits: int) -> list[dict[str, object]]:
    """One ledger over several splits of its pairs."""
    question = {"outcome": ORDER, "horizon_days": case.horizon_days}
    tested = draw_sample(case.ledger, POINTS, cutoff_us=case.second_us, **question)
    traits = compute_features(tested, POINTS, **question)
    events = case.ledger.select(["consumer_id", "kind", "occurred_us", "day", "value"]).to_pandas()
    summary = summarise_orders(events, case.second_us)
    bgnbd = predict_bgnbd(summary, case.horizon_days)
    place = np.searchsorted(summary.consumer_id, tested.consumer_id).clip(max=summary.consumer_id.size - 1)
    has_ordered = summary.consumer_id[place] == tested.consumer_id
    unit = np.array([tested.brand_units[int(brand)] for brand in tested.brand_id])
    # Who never ordered comes last, by the last event of any kind; BG/NBD knows nothing of them.
    last = np.full(tested.pair_count, np.inf)
    np.minimum.at(last, tested.event_pair, tested.event_age_days)
    ranking = {
        RECENCY: np.where(has_ordered, -traits.history.silence, -1e6 - last),
        SCORE: traits.balance,
        BGNBD: np.where(has_ordered, bgnbd[0][place], 0.0),
    }
    money = {BGNBD: np.where(has_ordered, bgnbd[1][place], 0.0)}
    runs = []
    for split in range(splits):
        seed = SEED + split
        everyone = np.unique(case.ledger["consumer_id"].to_numpy())
        training = np.random.default_rng(seed).permutation(everyone)[: everyone.size // 2]
        ledger = take_consumers(case.ledger, training)
        forecaster = learn_forecaster(ledger, POINTS, cutoff_us=case.first_us, **question)
        forecast = make_forecast(case.ledger, POINTS, forecaster, as_of_us=case.second_us)
        assert np.array_equal(forecast.rows["consumer_id"].to_numpy(), tested.consumer_id)
        ranking[OURS] = forecast.rows["probability"].to_numpy()
        money[OURS] = forecast.rows["expected_value"].to_numpy()
        ranking[SAME] = _grow_trees(case, ledger, traits.values, seed)
        is_tested = ~np.isin(tested.consumer_id, training)
        came, spent = tested.is_outcome[is_tested], (tested.spend * unit)[is_tested]
        runs.append(
            {
                "returned": float(came.mean()),
                "auc": {arm: validity.compute_auc(came, ranking[arm][is_tested]) for arm in ARMS},
                "calibration_error": {
                    arm: validity.compute_calibration_error(came, ranking[arm][is_tested]) for arm in FORECASTS
                },
                "log_loss": {
                    arm: float(validity.compute_log_losses(came, ranking[arm][is_tested]).mean())
                    for arm in FORECASTS
                },
                "gini": {arm: validity.compute_gini(spent, one[is_tested]) for arm, one in money.items()},
                "money": {
                    "spent": float(spent.sum()), **{arm: float(one[is_tested].sum()) for arm, one in money.items()}
                },
                "is_season_suspected": _find_word(forecast.sentences, "A season is"),
                "is_season_counted": _find_word(forecast.sentences, "counted in"),
            }
        )  # fmt: skip
    return runs


def _find_word(sentences: tuple[str, ...], words: str) -> float:
    return float(any(words in sentence for sentence in sentences))


def _grow_trees(case: Case, ledger: pa.Table, values: np.ndarray, seed: int) -> np.ndarray:
    """LightGBM with the forecast's own rows and traits."""
    question = {"outcome": ORDER, "horizon_days": case.horizon_days}
    cutoffs = list_cutoffs(ledger, case.first_us, case.horizon_days, 4)
    samples = [draw_sample(ledger, POINTS, cutoff_us=one, **question) for one in cutoffs]
    rows = np.vstack([compute_features(one, POINTS, **question).values for one in samples])
    came = np.concatenate([one.is_outcome for one in samples])
    return fit_lightgbm(rows, came, seed)(values)


def judge(results: dict[str, dict]) -> list[dict[str, object]]:
    """One verdict a gate of `forecast_worlds.py`."""

    def differ(rival: str) -> dict[str, float]:
        return {name: one["auc"][OURS] - one["auc"][rival] for name, one in results.items()}

    off = {
        name: abs(one["money"][OURS] / one["money"]["spent"] - 1.0)
        for name, one in results.items()
        if one["is_season_suspected"] < 0.5
    }
    errors = {name: one["calibration_error"][OURS] for name, one in results.items()}
    measured = [
        (_mean(differ(SAME)), {}),
        (_mean(differ(BGNBD)), {}),
        (min(differ(RECENCY).values()), differ(RECENCY)),
        (_mean(errors), {}),
        (max(off.values(), default=0.0), off),
    ]
    verdicts = []
    for (name, way, goal), (found, each) in zip(GATES, measured, strict=True):
        is_least = way == "at least"
        missing = [
            f"{key} {one:+.3f}" for key, one in each.items() if (one < goal if is_least else one > goal)
        ]
        verdicts.append(
            {
                "name": name,
                "measured": found,
                "asked": f"{way} {goal:g}",
                "is_met": found >= goal if is_least else found <= goal,
                "misses": "; ".join(missing),
            }
        )
    return verdicts


def print_case(name: str, result: dict) -> None:
    """The figures of one setting so far."""

    def write(key: str) -> str:
        return ", ".join(f"{arm} {value:.4f}" for arm, value in result[key].items())

    spent = result["money"]["spent"]
    money = ", ".join(
        f"{arm} {value / spent:.2f}" for arm, value in result["money"].items() if arm != "spent"
    )
    season = "suspected, said so" if result["is_season_suspected"] >= 0.5 else "none suspected"
    if result["is_season_counted"] >= 0.5:
        season = "counted in"
    print(f"{name}: {result['returned']:.1%} returned; season: {season}")
    print(f"  AUC                {write('auc')}")
    print(f"  calibration error  {write('calibration_error')}")
    print(f"  log-loss           {write('log_loss')}")
    print(f"  spend Gini         {write('gini')}")
    print(f"  money, of what came: {money}", flush=True)


def _mean(each: dict[str, float]) -> float:
    return sum(each.values()) / len(each)


if __name__ == "__main__":
    main()
