"""Two stories of effects, told over many worlds: the concert of the town, and twelve promotions of a shop.

`python benchmarks/cause_stories.py [--seeds 100] [--people 1000]`

The concert: orders at the sweater's brand rise by 30% from three days after it, for two weeks; the twin of each town
lacks only those orders. Twelve promotions overlap on a year of a shop whose true effects are known.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from cause_gates import Gate, write_gates
from cause_worlds import draw_single

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, load_reference_library
from consumer_fusion.causal.inference.shrinkage import shrink_effects
from consumer_fusion.causal.series.series import DailySeries, Window, difference_cumulative
from consumer_fusion.simulate.towns import Town, build_placebo_town, build_town

Floats = npt.NDArray[np.float64]
_EPOCH = date(1970, 1, 1).toordinal()
_DAY_US = 86_400_000_000
CONCERT_DAY = date(2026, 6, 5).toordinal() - _EPOCH
HISTORY = (date(2025, 6, 5).toordinal() - _EPOCH, date(2026, 6, 24).toordinal() - _EPOCH)
SALES_WINDOW = Window(CONCERT_DAY + 3, CONCERT_DAY + 16)
"""Declared: two weeks from day three. The effect begins and ends at 20:00: the first day has an evening of it."""
FOLLOWERS_WINDOW = Window(CONCERT_DAY + 1, CONCERT_DAY + 3)
FOLLOWERS_GAINED = 100_000
SWEATER_BRAND = "sweater-brand"
SISTERS = ("corner-grocery", "salmon-restaurant", "book-shop", "phone-company")

PROMOTIONS = 12
SHOP_DAYS = 365
FIRST_PROMOTION_DAY = 90
PROMOTION_DAYS = (7, 21)
"""Shortest and longest."""
PROMOTION_MEAN, PROMOTION_SPREAD = 0.04, 0.06


def main() -> None:
    """Tell both and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="towns; the shop is drawn as often")
    parser.add_argument("--people", type=int, default=1_000, help="in a town")
    parser.add_argument("--only", choices=("concert", "promotions"))
    options = parser.parse_args()
    library = load_reference_library()
    gates: list[Gate] = []
    if options.only != "promotions":
        gates += tell_concert(options.seeds, options.people, library)
    if options.only != "concert":
        gates += tell_promotions(options.seeds, library)
    print("\ngates")
    print(write_gates(gates))


def count_orders(town: Town) -> dict[str, DailySeries]:
    """Orders a day of the sweater's brand and of brands that no one sang in, out of a town's events."""
    first, last = HISTORY
    found = {brand: np.zeros(last - first + 1) for brand in (SWEATER_BRAND, *SISTERS)}
    for batch in town.batches():
        orders = batch.filter(pc.equal(batch["kind"], "Order Completed"))
        brands = orders["brand"].to_pylist()
        days = [read_day(text) for text in orders["occurred_at"].to_pylist()]
        for brand, day in zip(brands, days):
            if brand in found and first <= day <= last:
                found[brand][day - first] += 1
    return {brand: DailySeries(f"orders at {brand}", first, values) for brand, values in found.items()}


def read_day(text: str) -> int:
    """The UTC day of an ISO 8601 moment with offset."""
    return int(datetime.fromisoformat(text).astimezone(UTC).timestamp()) // 86_400


def read_followers(town: Town) -> DailySeries:
    """What the artist's running total of followers gained each day."""
    table = town.followers
    first = table["day"].cast(pa.int32())[0].as_py()
    total = DailySeries("followers", first, np.asarray(table["followers"].to_numpy(), float))
    return difference_cumulative(total)


def tell_concert(seeds: int, people: int, library: PlaceboCalibration) -> list[Gate]:
    """Sales and followers in each town, and sales in its twin without effects."""
    held = {"alone": 0, "with controls": 0}
    flagged = dict(held)
    found = dict(held)
    gained_held, gains, widths, truths = 0, [], [], []
    started = time.process_time()
    for seed in range(seeds):
        orders, nothing = (
            count_orders(build_town(people, seed)),
            count_orders(build_placebo_town(people, seed)),
        )
        span = slice(
            SALES_WINDOW.start_day - HISTORY[0], SALES_WINDOW.start_day - HISTORY[0] + SALES_WINDOW.days
        )
        with_effect, without = orders[SWEATER_BRAND].values[span], nothing[SWEATER_BRAND].values[span]
        truth = float(with_effect.sum() / without.sum() - 1)
        truths.append(truth)
        for name, brands in (("alone", ()), ("with controls", SISTERS)):
            told = measure_sales(orders, brands, library)
            twin = measure_sales(nothing, brands, library)
            held[name] += told.low <= truth <= told.high
            found[name] += told.p_value <= 0.05
            flagged[name] += twin.p_value <= 0.05
            if name == "with controls":
                widths.append(told.high - told.low)
        followers = measure_gain(read_followers(build_town(people, seed)), library)
        gained_held += followers.cumulative_low <= FOLLOWERS_GAINED <= followers.cumulative_high
        gains.append(followers.cumulative)
    print(
        f"concert, {seeds} towns of {people} people: true effect {np.mean(truths):.3f} on average "
        f"(sd {np.std(truths):.3f}); median width with controls {np.median(widths):.3f}; "
        f"{time.process_time() - started:.0f} CPU s"
    )
    for name in held:
        print(
            f"  {name}: interval holds the truth in {held[name]}, flagged in {found[name]}, "
            f"twin without effect flagged in {flagged[name]} of {seeds}"
        )
    print(f"  followers: {np.mean(gains):.0f} gained on average; interval holds 100,000 in {gained_held}")
    gates = []
    for name in held:
        gates += [
            Gate(f"concert, {name}: towns whose interval holds the truth", held[name] / seeds, low=0.90),
            Gate(f"concert, {name}: twins without effect that are flagged", flagged[name] / seeds, high=0.10),
        ]
    return [*gates, Gate("concert: towns whose follower gain is held", gained_held / seeds, low=0.90)]


def measure_sales(
    orders: dict[str, DailySeries], controls: Sequence[str], library: PlaceboCalibration
) -> Effect:
    """What the engine says of the two weeks, from day three on."""
    fit = fit_series(
        orders[SWEATER_BRAND], controls=[orders[brand] for brand in controls], actions=(SALES_WINDOW,)
    )
    return measure_effect(fit, SALES_WINDOW, calibration=library, kind="open")


def measure_gain(followers: DailySeries, library: PlaceboCalibration) -> Effect:
    """What the engine says of the three days after the concert."""
    fit = fit_series(followers, actions=(FOLLOWERS_WINDOW,))
    return measure_effect(fit, FOLLOWERS_WINDOW, calibration=library, kind="open")


def tell_promotions(worlds: int, library: PlaceboCalibration) -> list[Gate]:
    """Twelve promotions that overlap, measured together and one at a time, and the list of them shrunk."""
    together, alone, one_sided = (np.full((worlds, PROMOTIONS), np.nan) for _ in range(3))
    covered, shrunk, shrunk_covered = (np.full((worlds, PROMOTIONS), np.nan) for _ in range(3))
    truths = np.zeros((worlds, PROMOTIONS))
    overlapping = []
    for world in range(worlds):
        series, windows, effects = draw_shop(world)
        truths[world] = effects
        fit = fit_series(series, actions=windows)
        estimates, errors = [], []
        for at, window in enumerate(windows):
            others = [other for other in windows if other is not window]
            overlapping.append(any(window.overlaps(other) for other in others))
            joint = measure_effect(fit, window, calibration=library, kind="temporary", others=others)
            single = measure_effect(fit, window, calibration=library, kind="temporary")
            before = measure_effect(fit, window, calibration=library, kind="open")
            together[world, at], alone[world, at] = (
                joint.relative - effects[at],
                single.relative - effects[at],
            )
            one_sided[world, at] = before.relative - effects[at]
            covered[world, at] = joint.low <= effects[at] <= joint.high
            estimates.append(joint.estimate_log)
            errors.append(joint.se_log)
        known = np.flatnonzero(np.isfinite(estimates) & np.isfinite(errors))
        told = shrink_effects(np.array(estimates)[known], np.array(errors)[known], ["promotion"] * known.size)
        for at, each in zip(known, told):
            shrunk[world, at] = np.expm1(each.mean) - effects[at]
            shrunk_covered[world, at] = each.low <= np.log1p(effects[at]) <= each.high
        if world == 0:
            _print_shop(windows, effects, together[0] + effects, shrunk[0] + effects)
    share = float(np.mean(overlapping))
    bias, error = _bias(together)
    print(
        f"twelve promotions on a year, {worlds} shops, {share:.2f} of them overlapping another: "
        f"bias together {bias:+.4f}, one at a time {_bias(alone)[0]:+.4f}, one-sided {_bias(one_sided)[0]:+.4f}; "
        f"RMSE together {_rmse(together):.3f}, one at a time {_rmse(alone):.3f}, one-sided {_rmse(one_sided):.3f}, "
        f"shrunk {_rmse(shrunk):.3f}; coverage together {np.nanmean(covered):.3f}, "
        f"shrunk {np.nanmean(shrunk_covered):.3f}"
    )
    spread = 2.0 / np.sqrt(worlds * PROMOTIONS)
    return [
        Gate("promotions: bias when measured together", abs(bias), high=0.01, error=error),
        Gate("promotions: RMSE together over one at a time", _rmse(together) / _rmse(alone), high=1.0),
        Gate("promotions: coverage together", float(np.nanmean(covered)), low=0.94, error=spread * 0.22 / 2),
        Gate("promotions: RMSE shrunk over raw", _rmse(shrunk) / _rmse(together), high=1.0),
        Gate(
            "promotions: coverage of the shrunk list", float(np.nanmean(shrunk_covered)), low=0.95,
            error=spread * 0.22 / 2,
        ),
    ]  # fmt: skip


def draw_shop(world: int) -> tuple[DailySeries, tuple[Window, ...], Floats]:
    """A year of a shop, twelve windows that overlap, and what each truly adds."""
    chance = np.random.default_rng([world, 61])
    series = draw_single(chance, SHOP_DAYS, "revenue", "shop")
    last = SHOP_DAYS - PROMOTION_DAYS[1] - 28
    starts = np.sort(chance.integers(FIRST_PROMOTION_DAY, last, PROMOTIONS))
    lengths = chance.integers(PROMOTION_DAYS[0], PROMOTION_DAYS[1] + 1, PROMOTIONS)
    effects = chance.normal(PROMOTION_MEAN, PROMOTION_SPREAD, PROMOTIONS)
    values = series.values.copy()
    windows = []
    for start, days, effect in zip(starts, lengths, effects):
        values[start : start + days] *= 1 + effect
        windows.append(Window(int(series.first_day + start), int(series.first_day + start + days - 1)))
    return DailySeries("revenue", series.first_day, values, source="shop"), tuple(windows), effects


def _print_shop(windows: Sequence[Window], truths: Floats, measured: Floats, shrunk: Floats) -> None:
    print("the first shop's list: days, true, measured together, shrunk")
    for window, truth, raw, small in zip(windows, truths, measured, shrunk):
        print(f"  {window.days:>2} days  {truth:+.3f}  {raw:+.3f}  {small:+.3f}")


def _bias(errors: Floats) -> tuple[float, float]:
    """Mean error and its standard error over worlds."""
    by_world = np.nanmean(errors, axis=1)
    return float(np.nanmean(by_world)), float(np.nanstd(by_world) / np.sqrt(by_world.size))


def _rmse(errors: Floats) -> float:
    return float(np.sqrt(np.nanmean(errors**2)))


if __name__ == "__main__":
    main()
