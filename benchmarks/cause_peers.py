"""The peers of the cause benchmark, each behind one function; this file alone also runs in an environment of theirs.

`python cause_peers.py JOBS.npz RESULTS.json` measures the cases of JOBS with the peers named in it, in one thread. It
imports nothing of the product, so that the peers may live in an environment of their own. None of them takes a missing
day: missing days are filled by a straight line between their neighbours. Peers that fit only what came before the
action have the same error whatever is planted after it; augsynth-py's conformal p looks at both and is run twice.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
PLANTED = 0.10
ALPHA = 0.05


def fill_missing(values: Floats) -> Floats:
    """Missing days by a straight line between their neighbours."""
    known = np.isfinite(values)
    if known.all():
        return values
    places = np.arange(values.size)
    return np.interp(places, places[known], values[known])


def _measure_bsts(y: Floats, x: Floats, before: int, prior_level_sd: float) -> dict[str, float]:
    import pandas as pd
    from causal_impact import CausalImpact

    frame = pd.DataFrame(np.column_stack([y, x]) if x.size else y)
    arguments = {"nseasons": 7, "season_duration": 1, "prior_level_sd": prior_level_sd, "seed": 1}
    made = CausalImpact(frame, [0, before - 1], [before, y.size - 1], model_args=arguments)
    found = made._results
    return {
        "effect": found.point_effect_mean,
        "low": found.ci_lower,
        "high": found.ci_upper,
        "p": found.p_value,
    }


PLAIN_MEAN_DAYS = 28


def _measure_plain_mean(y: Floats, x: Floats, before: int) -> dict[str, float]:
    """The mean of the four weeks before, judged by how far it missed at every earlier date: no model at all.

    It compares logarithms where all days allow it, differences otherwise.
    """
    days = y.size - before
    sums = np.concatenate([[0.0], np.cumsum(y)])

    def average(start: npt.NDArray[np.int64] | int, length: int) -> Any:
        return (sums[np.asarray(start) + length] - sums[np.asarray(start)]) / length

    is_log = bool((y[:before] > 0).all() and y[before:].mean() > 0)
    origins = np.arange(PLAIN_MEAN_DAYS, before - days + 1)
    expected, seen = average(origins - PLAIN_MEAN_DAYS, PLAIN_MEAN_DAYS), average(origins, days)
    missed = np.log(seen / expected) if is_log else seen - expected
    half = float(np.quantile(np.abs(missed), 1 - ALPHA))
    line, observed = float(average(before - PLAIN_MEAN_DAYS, PLAIN_MEAN_DAYS)), float(average(before, days))
    low, high = (line * np.exp(-half), line * np.exp(half)) if is_log else (line - half, line + half)
    return {"effect": observed - line, "low": observed - high, "high": observed - low}


def _measure_jamal(y: Floats, x: Floats, before: int) -> dict[str, float]:
    """causalimpact 0.2.6; without a control it refuses, so that it is handed a fitted model, as its manual says."""
    import pandas as pd
    from causalimpact import CausalImpact

    # It asks for a function that pandas 3 no longer has; its days are counted from 0, so that the answer is no.
    pd.core.dtypes.common.is_datetime_or_timedelta_dtype = lambda values: False
    days = y.size - before
    if x.size:
        frame, week = pd.DataFrame(np.column_stack([y, x])), {"nseasons": 7}
        made = CausalImpact(frame, [0, before - 1], [before, y.size - 1], week)
    else:
        from statsmodels.tsa.statespace.structural import UnobservedComponents

        known = y.copy()
        known[before:] = np.nan
        model = UnobservedComponents(pd.DataFrame({"y": known}), level="llevel", seasonal=7)
        made = CausalImpact(ucm_model=model, post_period_response=y[before:])
    made.run()
    table = made.inferences
    # The bounds of its sums come the wrong way round.
    bounds = [float(table[name].iloc[-1]) / days for name in ("cum_effect_lower", "cum_effect_upper")]
    effect = float(table["point_effect"].iloc[before:].mean())
    return {
        "effect": effect,
        "low": min(bounds),
        "high": max(bounds),
    }


def _measure_pysyncon(y: Floats, x: Floats, before: int) -> dict[str, float]:
    import pandas as pd
    from pysyncon import Synth

    donors, own = pd.DataFrame(x), pd.Series(y, name="own")
    made = Synth()
    made.fit(
        X0=donors.iloc[:before],
        X1=own.iloc[:before],
        Z0=donors.iloc[:before],
        Z1=own.iloc[:before],
        custom_V=np.full(before, 1.0 / before),
    )
    found = made.att(time_period=range(before, y.size), Z0=donors, Z1=own)
    return {
        "effect": found["att"],
        "low": found["att"] - 1.96 * found["se"],
        "high": found["att"] + 1.96 * found["se"],
    }


def _measure_augsynth(y: Floats, x: Floats, before: int) -> dict[str, float]:
    import polars as pl
    from augsynth_py import AugSynth, conformal_pvalue

    def fit(own: Floats) -> Any:
        units = {"own": own, **{f"donor{at}": column for at, column in enumerate(x.T)}}
        panel = pl.concat(
            pl.DataFrame({"unit": name, "day": np.arange(y.size), "value": values})
            for name, values in units.items()
        )
        return AugSynth().fit(
            panel, unit="unit", time="day", outcome="value", treated="own", treatment_time=before
        )

    made, planted = fit(y), y.copy()
    planted[before:] *= 1 + PLANTED
    return {
        "effect": float(made.att_),
        "p": float(conformal_pvalue(made)),
        "p_planted": float(conformal_pvalue(fit(planted))),
    }


_SAMPLING = {"draws": 500, "tune": 500, "chains": 2, "cores": 1, "progressbar": False, "random_seed": 1}


def _measure_causalpy_series(y: Floats, x: Floats, before: int) -> dict[str, float]:
    import causalpy
    import pandas as pd

    frame = pd.DataFrame({"y": y, "t": np.arange(y.size) / y.size})
    frame["weekday"] = (np.arange(y.size) % 7).astype(str)
    made = causalpy.InterruptedTimeSeries(
        frame, before, formula="y ~ 1 + t + weekday",
        model=causalpy.pymc_models.LinearRegression(sample_kwargs=_SAMPLING),
    )  # fmt: skip
    return _read_causalpy(made)


def _measure_causalpy_panel(y: Floats, x: Floats, before: int) -> dict[str, float]:
    import causalpy
    import pandas as pd

    donors = [f"donor{at}" for at in range(x.shape[1])]
    frame = pd.DataFrame(np.column_stack([y, x]), columns=["own", *donors])
    made = causalpy.SyntheticControl(
        frame, before, control_units=donors, treated_units=["own"],
        model=causalpy.pymc_models.WeightedSumFitter(sample_kwargs=_SAMPLING),
    )  # fmt: skip
    return _read_causalpy(made)


def _read_causalpy(made: Any) -> dict[str, float]:
    impact = made.post_impact
    if "treated_units" in impact.dims:
        impact = impact.isel(treated_units=0)
    days = next(name for name in impact.dims if name not in ("chain", "draw"))
    means = impact.mean(days).to_numpy().ravel()
    low, high = np.quantile(means, (0.025, 0.975))
    return {"effect": float(means.mean()), "low": float(low), "high": float(high)}


PEERS: dict[str, tuple[Callable[..., dict[str, float]], bool, int]] = {
    "bsts-causalimpact, 7 seasons": (lambda y, x, n: _measure_bsts(y, x, n, 0.01), False, 400),
    "bsts-causalimpact, prior_level_sd .1": (lambda y, x, n: _measure_bsts(y, x, n, 0.1), False, 400),
    "mean of 28 days, own placebos": (_measure_plain_mean, False, 1_000),
    "causalimpact (jamal)": (_measure_jamal, False, 100),
    "pysyncon Synth": (_measure_pysyncon, True, 200),
    "augsynth-py conformal": (_measure_augsynth, True, 60),
    "CausalPy interrupted series": (_measure_causalpy_series, False, 8),
    "CausalPy synthetic control": (_measure_causalpy_panel, True, 6),
}
"""By name: the function, whether it needs controls, and how many cases it gets at most (the slow ones get few)."""

NO_CONTROLS = ("CausalPy interrupted series", "mean of 28 days, own placebos")
"""Peers that are shown only without controls."""


def run_jobs(path_jobs: str, path_results: str) -> None:
    """Measure all cases of a file of jobs and write what came out."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    jobs = np.load(path_jobs)
    plan = json.loads(str(jobs["plan"]))
    results = []
    for job in plan:
        measure = PEERS[job["peer"]][0]
        y, x = fill_missing(jobs[f"y{job['case']}"]), jobs[f"x{job['case']}"]
        x = np.column_stack([fill_missing(column) for column in x.T]) if x.size else x
        started = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                found = measure(y, x, job["before"])
        except ImportError as error:
            found = {"missing": str(error)}
        except Exception as error:  # noqa: BLE001 - a peer that fails on a case has failed on it
            found = {"failed": f"{type(error).__name__}: {error}"}
        results.append({**job, **found, "seconds": time.process_time() - started})
    with open(path_results, "w", encoding="utf-8") as file:
        json.dump(results, file)


if __name__ == "__main__":
    run_jobs(sys.argv[1], sys.argv[2])
