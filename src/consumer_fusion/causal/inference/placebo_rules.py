"""Calibration by placebo: how far forecasts miss in windows without an action, and the p-value that an error then has.

The models' own standard deviation s is only a scale. A series' placebos say how much too small it is (lambda, shrunk
to the usual value by a prior), and the pooled null distribution of u / lambda over many series says how often an error
of such a size occurs without any effect. The numbers of the rule are fitted on all sources but one and validated on
that one, source by source (cross-validation), so that no source calibrates itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS, PlaceboErrors
from consumer_fusion.causal.inference.null_distribution import NullDistribution, mix_distributions
from consumer_fusion.causal.series.series import Floats
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message, join_messages
from consumer_fusion.i18n.translation import N_

Integers = npt.NDArray[np.int64]

OVERLAP = 1.5
"""Placebo windows overlap: K origins of windows of h days count as 1.5 K / h windows."""
OWN_SERIES, OWN_WINDOWS = 20, 400
"""Number of series or windows from which an installation's own placebos replace the shipped library."""


@dataclass(frozen=True, slots=True)
class PlaceboFactors:
    """The numbers by which a series' placebos give its factor.

    Attributes:
        prior_windows: Weight of the usual factor, in windows.
        usual: The usual factor between errors and the models' standard deviations.
        cap: Larger errors count as this many standard deviations in a series' own factor.
        youth: Relative widening of errors 35 days after a series began.
    """

    prior_windows: float
    usual: float
    cap: float
    youth: float


@dataclass(frozen=True, slots=True)
class PlaceboRule:
    """The calibration of errors in one class of windows.

    Attributes:
        numbers: The numbers by which a series' placebos give its factor.
        law: The pooled null distribution of calibrated errors.
        series: Number of series it was learnt from.
        windows: Number of windows that do not overlap.
        sources: Number of families of series.
    """

    numbers: PlaceboFactors
    law: NullDistribution
    series: int
    windows: float
    sources: int

    def measure_factor(self, placebos: PlaceboErrors, length: int, age: float = np.inf) -> float:
        """A series' own factor (lambda).

        Args:
            placebos: Errors of its forecasts in windows without an action.
            length: Days that one placebo takes up.
            age: Usable days before the action.
        """
        numbers = self.numbers
        own = OVERLAP * placebos.e.size * placebos.step / length
        sizes = np.minimum(
            np.abs(placebos.u) / widen_for_short_history(placebos.ages, numbers.youth), numbers.cap
        )
        square = float(np.mean(sizes**2)) if sizes.size else 0.0
        prior = numbers.prior_windows
        factor = np.sqrt((prior * numbers.usual**2 + own * square) / (prior + own))
        return float(factor * widen_for_short_history(np.array([age]), numbers.youth)[0])


@dataclass(frozen=True, slots=True)
class PlaceboCalibration:
    """Rules by class: the form of the series, the question, the length of the window.

    Attributes:
        name: Its name in every result.
        rules: By form (`single`, `controls`, `temporary`), question (`fixed`, `looks`, `delays`) and days.
    """

    name: str
    rules: Mapping[tuple[str, str, int], PlaceboRule]

    def find_rule(self, form: str, length: int, question: str = "fixed") -> PlaceboRule:
        """The rule of the class nearest to a window; of another form of series where its own has none.

        Raises:
            InputError: There is no rule of that form and question.
        """
        for other in (form, "single", "controls"):
            known = [days for kind, asked, days in self.rules if (kind, asked) == (other, question)]
            if known:
                break
        else:
            raise InputError(
                f"The calibration '{self.name}' has no rule for '{form}' series and the question '{question}'.",
                hint="Learn it from more series, or use the shipped library.",
            )
        nearest = min(known, key=lambda days: (abs(np.log(days / length)), days))
        return self.rules[other, question, nearest]

    def has_rule(self, form: str, question: str) -> bool:
        """Whether there is any rule of that form and question."""
        return any((kind, asked) == (form, question) for kind, asked, _ in self.rules)

    def describe(self, form: str, length: int, question: str = "fixed") -> Message:
        """The library that calibrates such a window, and its size, for people."""
        rule = self.find_rule(form, length, question)
        return Message(
            "{name}: {series} series of {sources} sources, {windows} windows",
            name=join_messages(" + ", self.name.split(" + ")),
            series=rule.series,
            sources=rule.sources,
            windows=f"{rule.windows:.0f}",
        )

    def blend(self, own: PlaceboCalibration) -> PlaceboCalibration:
        """Blend an installation's own placebos with this library, class by class, the more the more there are.

        With 20 series or 400 windows they replace this library; below that they count in proportion.
        """
        rules = dict(self.rules)
        for key, rule in own.rules.items():
            share = min(1.0, max(rule.series / OWN_SERIES, rule.windows / OWN_WINDOWS))
            given = rules.get(key)
            if given is None or share >= 1.0:
                rules[key] = rule
                continue
            usual = float(np.sqrt((1 - share) * given.numbers.usual**2 + share * rule.numbers.usual**2))
            rules[key] = PlaceboRule(
                replace(given.numbers, usual=usual),
                mix_distributions(given.law, rule.law, share),
                given.series + rule.series,
                given.windows + rule.windows,
                given.sources + rule.sources,
            )
        return PlaceboCalibration(f"{self.name} + {own.name}", rules)

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name,
            "rules": [
                {
                    "form": form, "question": question, "days": days,
                    "numbers": [round(number, 5) for number in astuple(rule.numbers)],
                    "series": rule.series, "windows": round(rule.windows, 1), "sources": rule.sources,
                    "sizes": [round(float(size), 5) for size in rule.law.sizes],
                    "log_shares": [round(float(share), 5) for share in rule.law.shares],
                    "power": round(rule.law.power, 4),
                }
                for (form, question, days), rule in sorted(self.rules.items())
            ],
        }  # fmt: skip

    @staticmethod
    def load(path: Path) -> PlaceboCalibration:
        """Read a file that `save` wrote.

        Raises:
            InputError: The file holds no calibration.
        """
        try:
            return read_calibration(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"The file holds no calibration: {error}.", hint="Learn it again.", where=str(path)
            ) from None


def read_calibration(raw: Mapping[str, Any]) -> PlaceboCalibration:
    """A calibration from its JSON form."""
    rules = {}
    for row in raw["rules"]:
        law = NullDistribution(
            np.array(row["sizes"], float), np.array(row["log_shares"], float), float(row["power"])
        )
        rules[str(row["form"]), str(row["question"]), int(row["days"])] = PlaceboRule(
            PlaceboFactors(*map(float, row["numbers"])), law, int(row["series"]), float(row["windows"]),
            int(row["sources"]),
        )  # fmt: skip
    return PlaceboCalibration(str(raw["name"]), rules)


def load_reference_library() -> PlaceboCalibration:
    """The library shipped with the product, learnt from openly licensed series by a script in the repository."""
    text = (
        files("consumer_fusion.causal.inference")
        .joinpath("library/reference.json")
        .read_text(encoding="utf-8")
    )
    return replace(read_calibration(json.loads(text)), name=N_("Reference library"))


def widen_for_short_history(age: Floats, youth: float) -> Floats:
    """The factor by which the models' standard deviations are too small for a series with few past days."""
    return np.asarray(1.0 + youth * LEAST_DAYS / np.maximum(age, LEAST_DAYS))
