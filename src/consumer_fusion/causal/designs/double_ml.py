"""A second opinion on an exposure by another package, DoubleML, an optional installation."""

from __future__ import annotations

import numpy as np

from consumer_fusion.causal.filters.regressions import BoolArray, FloatArray
from consumer_fusion.errors import MissingExtraError

_FOLDS = 5


def estimate_with_double_ml(
    before: FloatArray, after: FloatArray, is_exposed: BoolArray, features: FloatArray, *, seed: int = 0
) -> tuple[float, float]:
    """A second opinion by the package DoubleML, with random forests in place of the product's regressions.

    Args:
        before: Outcome in a period before, by person.
        after: Outcome in an equally long period after.
        is_exposed: Whether a person was reached.
        features: Covariates known before the exposure.
        seed: Seed of its folds and forests.

    Returns:
        The effect on the people reached, and its standard error.

    Raises:
        MissingExtraError: doubleml is not installed.
    """
    try:
        from doubleml import DoubleMLData, DoubleMLIRM
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    except ImportError as error:
        raise MissingExtraError(
            "The second opinion needs doubleml, which is not installed.",
            hint="Run: pip install doubleml.",
        ) from error
    # The package draws its folds from the global generator only.
    np.random.seed(seed)
    data = DoubleMLData.from_arrays(
        np.asarray(features, dtype=np.float64),
        np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64),
        np.asarray(is_exposed, dtype=np.float64),
    )
    forest = {"n_estimators": 200, "min_samples_leaf": 10, "random_state": seed, "n_jobs": 1}
    model = DoubleMLIRM(
        data,
        ml_g=RandomForestRegressor(**forest),
        ml_m=RandomForestClassifier(**forest),
        n_folds=_FOLDS,
        score="ATTE",
    )
    model.fit()
    return float(model.coef[0]), float(model.se[0])
