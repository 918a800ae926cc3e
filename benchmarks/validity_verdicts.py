"""The targets of gate B, and how what was measured stands against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

RIVALS = ("BG/NBD", "RFM", "logistic RFM", "LightGBM")
OURS = ("defaults", "calibrated", "forecast")


def judge_settings(results: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """One verdict a target: its name, what was measured, what is asked, and whether it is met."""

    def difference(arm: str, rival: str) -> list[float]:
        return [result["auc_difference"][arm][rival][0] for result in results]

    def spread(key: str, arm: str, rival: str | None = None) -> list[float]:
        return [result[key][arm] - (result[key][rival] if rival else 0.0) for result in results]

    verdicts = []
    for arm, mean_goal, each_goal in (
        ("defaults", 0.008, -0.005),
        ("calibrated", 0.010, 0.005),
        ("forecast", 0.010, 0.005),
    ):
        found = difference(arm, "BG/NBD")
        verdicts.append(_judge(f"AUC v BG/NBD, mean, {arm}", _mean(found), mean_goal))
        verdicts.append(_judge(f"AUC v BG/NBD, each, {arm}", min(found), each_goal))
    for arm, mean_goal, each_goal in (
        ("defaults", -0.003, -0.015),
        ("calibrated", 0.0, -0.007),
        ("forecast", 0.0, -0.007),
    ):
        found = difference(arm, "LightGBM")
        verdicts.append(_judge(f"AUC v LightGBM, mean, {arm}", _mean(found), mean_goal))
        verdicts.append(_judge(f"AUC v LightGBM, each, {arm}", min(found), each_goal))
    losses = spread("log_loss", "calibrated", "LightGBM")
    verdicts.append(_judge("log-loss v LightGBM, mean, calibrated", _mean(losses), 0.004, is_most=True))
    for arm in ("calibrated", "forecast"):
        errors = spread("calibration_error", arm)
        verdicts.append(_judge(f"calibration error, mean, {arm}", _mean(errors), 0.035, is_most=True))
    found = _mean(spread("gini", "forecast", "BG/NBD"))
    verdicts.append(_judge("spend Gini v BG/NBD x Gamma-Gamma, mean, forecast", found, 0.020))
    learnt = [one for result in results for one in result["learnt"]]
    signs = sum(value <= 0.0 for one in learnt for value in one["multipliers"].values())
    verdicts.append(_judge("learnt sign violations", float(signs), 0.0, is_most=True))
    drift = max(abs(one["scale_drift"]) for one in learnt)
    verdicts.append(_judge("scale drift, largest", drift, 0.05, is_most=True))
    return verdicts


def print_settings(report: Mapping[str, Any]) -> None:
    """The tables, for people."""
    print(
        "Gate B, prediction. Peers: BG/NBD and Gamma-Gamma of lifetimes (maximum likelihood, all pairs to T2);"
    )
    print(
        "RFM by mean rank; logistic RFM (scikit-learn); LightGBM with rich features, trees by cross-validation."
    )
    print("Supervised ones and the calibration at T1 on half of the pairs; measured at T2 on the other half.")
    print("Figures are means over the splits, intervals (95%) those of one split on average.\n")
    for result in report["settings"]:
        print(
            f"{result['setting']}: T1 {result['cutoffs'][0]}, T2 {result['cutoffs'][1]}; "
            f"{result['pairs_trained']:,.0f} pairs trained, {result['pairs_tested']:,.0f} tested, "
            f"{result['splits']} splits, {result['returned']:.1%} returned. "
            f"BG/NBD: {result['bgnbd']}"
        )
        for key, title in (
            ("auc", "AUC"),
            ("log_loss", "log-loss"),
            ("calibration_error", "calibration error"),
            ("gini", "spend Gini"),
        ):
            print(f"  {title:18s}" + _list_figures(result[key].items(), lambda one: f"{one:.4f}"))
        for arm in OURS:
            print(
                f"  {arm}, AUC minus "
                + _list_figures(
                    result["auc_difference"][arm].items(),
                    _write_interval,
                )
            )
        print(
            "  forecast, spend Gini minus BG/NBD x Gamma-Gamma " + _write_interval(result["gini_difference"])
        )
        is_better = [one["is_better"] for one in result["learnt"]]
        print(
            f"  calibrated: in force in {sum(is_better)} of {len(is_better)} splits; the first learnt points x "
            + _list_figures(result["learnt"][0]["multipliers"].items(), lambda one: f"{one:.2f}")
            + ", half-life x "
            + _list_figures(result["learnt"][0]["half_life_factors"].items(), lambda one: f"{one:.2f}")
        )
        print()
    for verdict in report["verdicts"]:
        print(
            f"  {'pass' if verdict['is_met'] else 'MISS'}  {verdict['name']:48s} {verdict['measured']:+.4f}  "
            f"asked {verdict['asked']}"
        )
    print(f"\n{report['seconds']:.0f} seconds on {report['machine']['cores']} cores.")


def _judge(name: str, measured: float, goal: float, *, is_most: bool = False) -> dict[str, object]:
    is_met = measured <= goal if is_most else measured >= goal
    return {
        "name": name,
        "measured": measured,
        "asked": f"{'<=' if is_most else '>='} {goal:+.3f}",
        "is_met": is_met,
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _write_interval(one: Sequence[float]) -> str:
    return f"{one[0]:+.4f} [{one[1]:+.4f}, {one[2]:+.4f}]"


def _list_figures(items: Iterable[tuple[str, Any]], write: Callable[[Any], str]) -> str:
    return ", ".join(f"{name} {write(value)}" for name, value in items)
