"""The rivals of the validity benchmark: BG/NBD with Gamma-Gamma, RFM, logistic RFM, LightGBM with rich features.

Every rival gets the orders (and, for rich features, all events) of the pairs up to a moment. Supervised ones are
fitted at T1 on the training pairs and scored at T2 on the others; BG/NBD is fitted on all pairs up to T2, as is its
custom, with `lifetimes` (maximum likelihood).
"""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

DAY = 86_400_000_000
_WINDOWS_DAYS = (7, 14, 28, 56, 91, 182)
_PENALTIES = (0.0, 0.001, 0.01, 0.1)


@dataclass(frozen=True, slots=True)
class Summary:
    """What the pairs had ordered by a moment; one row a consumer who ordered at all, in order of their ids."""

    frame: pd.DataFrame

    @property
    def consumer_id(self):
        return self.frame.index.to_numpy()


def summarise_orders(events: pd.DataFrame, until_us: int) -> Summary:
    """Recency, frequency, money and age of each pair in days, with the days of purchase as BG/NBD counts them."""
    orders = events[(events.kind == "Order Completed") & (events.occurred_us <= until_us)]
    until_day = until_us // DAY
    by_pair = orders.groupby("consumer_id")
    daily = orders.groupby(["consumer_id", "day"]).value.sum().reset_index()
    first_day = daily.groupby("consumer_id").day.min()
    later = daily[daily.day > daily.consumer_id.map(first_day)]
    frame = pd.DataFrame(
        {
            "orders": by_pair.size(),
            "money": by_pair.value.sum(),
            "first_day": first_day,
            "last_day": daily.groupby("consumer_id").day.max(),
            "frequency": later.groupby("consumer_id").size(),
            "monetary_value": later.groupby("consumer_id").value.mean(),
        }
    ).fillna({"frequency": 0.0, "monetary_value": 0.0})
    frame["recency"] = (frame.last_day - frame.first_day).astype(float)
    frame["T"] = (until_day - frame.first_day).astype(float)
    frame["silence"] = (until_day - frame.last_day).astype(float)
    return Summary(frame.sort_index())


def predict_bgnbd(summary: Summary, horizon_days: float) -> tuple[np.ndarray, np.ndarray, str]:
    """P(at least one order within the horizon), expected money, and how the fit went.

    Given alive, the rate is gamma(r + x, alpha + T), so that no order comes with
    ((alpha + T) / (alpha + T + h))^(r + x) (Fader, Hardie and Lee 2005).
    """
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    frame, weeks = summary.frame, 7.0
    frequency, recency, age = frame.frequency, frame.recency / weeks, frame["T"] / weeks
    note = ""
    # lifetimes prints what its optimiser says when it does not converge; `note` keeps the gist of it.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for penalty in _PENALTIES:
            model = BetaGeoFitter(penalizer_coef=penalty)
            try:
                model.fit(frequency, recency, age)
                break
            except Exception as error:  # noqa: BLE001 - lifetimes raises its own and scipy's
                note = f"did not converge with penalty {penalty:g} ({type(error).__name__}); "
        alive = np.asarray(model.conditional_probability_alive(frequency, recency, age), dtype=float)
        r, alpha = float(model.params_["r"]), float(model.params_["alpha"])
        horizon = horizon_days / weeks
        none = ((alpha + age) / (alpha + age + horizon)) ** (r + frequency)
        expected = np.asarray(
            model.conditional_expected_number_of_purchases_up_to_time(horizon, frequency, recency, age),
            dtype=float,
        )
        money = GammaGammaFitter(penalizer_coef=0.0)
        repeated = frame[(frame.frequency > 0) & (frame.monetary_value > 0)]
        try:
            money.fit(repeated.frequency, repeated.monetary_value)
        except Exception:  # noqa: BLE001
            money = GammaGammaFitter(penalizer_coef=0.01)
            money.fit(repeated.frequency, repeated.monetary_value)
        value = np.asarray(
            money.conditional_expected_average_profit(frame.frequency, frame.monetary_value), dtype=float
        )
    parameters = ", ".join(f"{name} {float(one):.3g}" for name, one in model.params_.items())
    probability = alive * (1.0 - none.to_numpy())
    return probability, np.nan_to_num(expected * np.nan_to_num(value)), f"{note}{parameters}"


def rank_rfm(summary: Summary) -> np.ndarray:
    """The simple RFM score: the mean of the ranks of recency, frequency and money."""
    frame = summary.frame
    ranks = [(-frame.silence).rank(pct=True), frame.orders.rank(pct=True), frame.money.rank(pct=True)]
    return (sum(ranks) / 3.0).to_numpy()


def describe_rfm(summary: Summary) -> np.ndarray:
    """Logarithms of recency, frequency, money and age."""
    frame = summary.frame
    columns = [
        np.log1p(frame.silence),
        np.log1p(frame.orders),
        np.log1p(frame.money.clip(lower=0)),
        np.log1p(frame["T"]),
        np.log1p(frame.frequency),
    ]
    return np.column_stack(columns)


def describe_richly(events: pd.DataFrame, summary: Summary, until_us: int) -> np.ndarray:
    """Everything an analyst would try: windows of counts and money of each kind, gaps, trends, last orders."""
    frame, until_day = summary.frame, until_us // DAY
    past = events[events.occurred_us <= until_us]
    past = past.assign(age=until_day - past.day)
    columns: dict[str, pd.Series] = {
        name: frame[name] for name in ("orders", "money", "frequency", "recency", "T", "silence")
    }
    for kind in ("Order Completed", "Order Refunded", "Coupon Applied"):
        rows = past[past.kind == kind]
        if rows.empty:
            continue
        columns[f"{kind} count"] = rows.groupby("consumer_id").size()
        for window in _WINDOWS_DAYS:
            recent = rows[rows.age < window].groupby("consumer_id")
            columns[f"{kind} {window}"] = recent.size()
            columns[f"{kind} money {window}"] = recent.value.sum()
    orders = past[past.kind == "Order Completed"].sort_values(["consumer_id", "occurred_us"])
    gaps = orders.groupby("consumer_id").occurred_us.diff() / DAY
    by_pair = gaps.groupby(orders.consumer_id)
    columns |= {"gap mean": by_pair.mean(), "gap spread": by_pair.std(), "gap last": by_pair.last()}
    values = orders.groupby("consumer_id").value
    columns |= {"value mean": values.mean(), "value last": values.last(), "value most": values.max()}
    table = pd.DataFrame(columns).reindex(frame.index)
    table["silence in gaps"] = table.silence / table["gap mean"].clip(lower=1)
    table["days in"] = orders.groupby("consumer_id").day.nunique().reindex(frame.index)
    counts = [name for name in table.columns if name[-1].isdigit() or name.endswith("count")]
    table[counts] = table[counts].fillna(0.0)
    return table.to_numpy(dtype=float)


def fit_logistic(features: np.ndarray, happened: np.ndarray):
    """Logistic regression on standardised features; returns the function that predicts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(features, happened)
    return lambda others: model.predict_proba(others)[:, 1]


def fit_lightgbm(features: np.ndarray, happened: np.ndarray, seed: int):
    """Gradient boosting with the number of trees chosen by five-fold cross-validation on the training pairs."""
    import lightgbm as lgb

    parameters = {
        "objective": "binary", "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 30,
        "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 1.0,
        "num_threads": 2, "seed": seed, "deterministic": True, "verbosity": -1,
    }  # fmt: skip
    found = lgb.cv(
        parameters,
        lgb.Dataset(features, happened.astype(int)),
        num_boost_round=600,
        nfold=5,
        stratified=True,
        seed=seed,
        callbacks=[lgb.early_stopping(40, verbose=False)],
    )
    rounds = max(10, len(found["valid binary_logloss-mean"]))
    model = lgb.train(parameters, lgb.Dataset(features, happened.astype(int)), num_boost_round=rounds)
    return model.predict
