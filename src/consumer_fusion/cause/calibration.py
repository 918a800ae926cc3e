"""Calibration by placebo: how far forecasts miss where nothing was done, and what that makes of an error.

The models' own standard deviation s is only a scale. A series' placebos say how much too small it is
(lambda, pulled to what is usual by a prior), and the pooled law of u / lambda over many series says how often
an error of such a size comes without any effect. The numbers the rule depends on are fitted on all sources but
one and tried on that one, source by source, so that no source calibrates itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from consumer_fusion.cause.fitting import HORIZONS, LEAST_DAYS, ErrorTrail, FittedSeries
from consumer_fusion.cause.laws import Law, build_law, mix_laws
from consumer_fusion.cause.peeking import DELAYS, find_delay_maxima, find_look_maxima
from consumer_fusion.cause.series import Floats
from consumer_fusion.errors import InputError

PRIOR_WINDOWS = (4.0, 8.0, 16.0, 32.0, 64.0)
CAPS = (2.5, 4.0, 6.0, 12.0)
YOUTHS = (0.0, 0.3, 0.6, 1.0)
OVERLAP = 1.5
"""Placebo windows overlap: K origins of windows of h days count as 1.5 K / h windows."""
OWN_SERIES, OWN_WINDOWS = 20, 400
"""From so many series or windows on, an installation's own placebos replace the shipped library."""
FOLDS = 12
QUESTIONS = ("fixed", "looks", "delays")


@dataclass(frozen=True, slots=True)
class Numbers:
    """What turns a series' placebos into its factor.

    Attributes:
        prior_windows: How many windows the usual factor counts as.
        usual: The usual factor between errors and the models' standard deviations.
        cap: Larger errors count as this many standard deviations in a series' own factor.
        youth: How much wider errors are 35 days after a series began.
    """

    prior_windows: float
    usual: float
    cap: float
    youth: float


@dataclass(frozen=True, slots=True)
class Rule:
    """How errors of one class of windows are judged.

    Attributes:
        numbers: What turns a series' placebos into its factor.
        law: The pooled law of calibrated errors.
        series: How many series it was learnt on.
        windows: How many windows that share no day.
        sources: How many families of series.
    """

    numbers: Numbers
    law: Law
    series: int
    windows: float
    sources: int

    def measure_factor(self, u: Floats, length: int, age: float = np.inf) -> float:
        """A series' own factor (lambda).

        Args:
            u: Its standardised placebo errors.
            length: Length of the windows.
            age: Usable days before the action.
        """
        own, numbers = OVERLAP * u.size / length, self.numbers
        square = float(np.mean(np.minimum(np.abs(u), numbers.cap) ** 2)) if u.size else 0.0
        prior = numbers.prior_windows
        factor = np.sqrt((prior * numbers.usual**2 + own * square) / (prior + own))
        return float(factor * widen_youth(np.array([age]), numbers.youth)[0])


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rules by class: the form of the series, the question asked, the length of the window.

    Attributes:
        name: What it is called in every result.
        rules: By form (`single`, `controls`, `temporary`), question (`fixed`, `looks`, `delays`) and days.
    """

    name: str
    rules: Mapping[tuple[str, str, int], Rule]

    def find_rule(self, form: str, length: int, question: str = "fixed") -> Rule:
        """The rule of the class nearest to a window.

        Raises:
            InputError: There is no rule of that form and question.
        """
        known = [days for kind, asked, days in self.rules if (kind, asked) == (form, question)]
        if not known:
            if form != "single":
                return self.find_rule("single", length, question)
            raise InputError(
                f"The calibration '{self.name}' has no rule for '{form}' series and the question '{question}'.",
                hint="Learn it from more series, or use the shipped library.",
            )
        nearest = min(known, key=lambda days: (abs(np.log(days / length)), days))
        return self.rules[form, question, nearest]

    def has_rule(self, form: str, question: str) -> bool:
        """Whether there is any rule of that form and question."""
        return any((kind, asked) == (form, question) for kind, asked, _ in self.rules)

    def describe(self, form: str, length: int, question: str = "fixed") -> str:
        """Which library judges such a window, and its size, for people."""
        rule = self.find_rule(form, length, question)
        return f"{self.name}: {rule.series} series of {rule.sources} sources, {rule.windows:.0f} windows"

    def blend(self, own: Calibration) -> Calibration:
        """Let an installation's own placebos take over, class by class, as they become many.

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
            rules[key] = Rule(
                replace(given.numbers, usual=usual),
                mix_laws(given.law, rule.law, share),
                given.series + rule.series,
                given.windows + rule.windows,
                given.sources + rule.sources,
            )
        return Calibration(f"{self.name} + {own.name}", rules)

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
    def load(path: Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            InputError: The file holds no calibration.
        """
        try:
            return read_calibration(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"The file holds no calibration: {error}.", hint="Learn it again.", where=str(path)
            ) from None


def read_calibration(raw: Mapping[str, Any]) -> Calibration:
    """A calibration from its JSON form."""
    rules = {}
    for row in raw["rules"]:
        law = Law(np.array(row["sizes"], float), np.array(row["log_shares"], float), float(row["power"]))
        rules[str(row["form"]), str(row["question"]), int(row["days"])] = Rule(
            Numbers(*map(float, row["numbers"])), law, int(row["series"]), float(row["windows"]), int(row["sources"]),
        )  # fmt: skip
    return Calibration(str(raw["name"]), rules)


def load_reference_library() -> Calibration:
    """The library that ships with the product, learnt on openly licensed series by a script in the repository."""
    text = files("consumer_fusion.cause").joinpath("library/reference.json").read_text(encoding="utf-8")
    return read_calibration(json.loads(text))


def learn_calibration(
    fitted: Sequence[FittedSeries],
    *,
    name: str = "own placebos",
    horizons: Iterable[int] = HORIZONS,
    questions: Sequence[str] = QUESTIONS,
) -> Calibration:
    """Learn the rules from series on which nothing is known to have been done.

    Args:
        fitted: The series; those with the same `series.source` are one family.
        name: What the calibration is called in every result.
        horizons: Lengths of the windows it is learnt for.
        questions: `fixed` for windows at their end, `looks` for looking every day, `delays` for searches.
    """
    rules: dict[tuple[str, str, int], Rule] = {}
    for horizon in horizons:
        for form in ("single", "controls"):
            members = [one for one in fitted if one.form == form]
            for question in questions:
                rule = learn_rule([trace_errors(one, horizon, question) for one in members])
                if rule is not None:
                    rules[form, question, horizon] = rule
    return Calibration(name, rules)


def trace_errors(fitted: FittedSeries, length: int, question: str = "fixed") -> ErrorTrail:
    """The placebo errors of one series, as one question sees them; kept with the series."""
    key = (question, length)
    if key not in fitted.trails:
        source = fitted.series.source or fitted.series.name
        before = np.cumsum(np.isfinite(fitted.series.values))
        if question == "delays":
            found, reach = find_delay_maxima(fitted, length, DELAYS), length + DELAYS[-1]
        else:
            found, reach = fitted.placebos(length), length
        maxima = None
        if question == "looks":
            looks = find_look_maxima(fitted, length)
            maxima = np.full(found.origins.size, np.nan)
            at = np.searchsorted(found.origins, looks.origins)
            known = at < found.origins.size
            known[known] = found.origins[at[known]] == looks.origins[known]
            maxima[at[known]] = looks.u[known]
        ages = before[found.origins - fitted.series.first_day].astype(np.float64)
        fitted.trails[key] = ErrorTrail(source, np.abs(found.u), found.origins, reach, ages, maxima)
    return fitted.trails[key]


def learn_rule(trails: Sequence[ErrorTrail]) -> Rule | None:
    """The rule of one class of windows; None without placebos."""
    trails = [trail for trail in trails if np.isfinite(trail.sizes).any()]
    if not trails:
        return None
    groups = group_sources(trails)
    calibrated: list[tuple[Floats, Floats]] = []
    for held_out in groups:
        numbers = choose_numbers([group for group in groups if group is not held_out] or groups)
        for trail in held_out:
            sizes = np.abs(trail.sizes) / trace_factors(trail, numbers)
            sizes = sizes[np.isfinite(sizes)]
            calibrated.append((sizes, np.full(sizes.size, 1.0 / (sizes.size * len(held_out) * len(groups)))))
    windows = sum(trail.u.size / trail.length for trail in trails)
    sizes = np.concatenate([one[0] for one in calibrated])
    weights = np.concatenate([one[1] for one in calibrated])
    law = build_law(sizes, weights, windows)
    return Rule(choose_numbers(groups), law, len(trails), windows, len({trail.source for trail in trails}))


def group_sources(trails: Sequence[ErrorTrail]) -> list[list[ErrorTrail]]:
    """The families of series, each together; many families are dealt into a dozen groups."""
    families: dict[str, list[ErrorTrail]] = {}
    for trail in trails:
        families.setdefault(trail.source, []).append(trail)
    names = sorted(families)
    if len(names) <= FOLDS:
        return [families[one] for one in names]
    groups: list[list[ErrorTrail]] = [[] for _ in range(FOLDS)]
    for index, one in enumerate(names):
        groups[index % FOLDS].extend(families[one])
    return groups


def choose_numbers(groups: Sequence[Sequence[ErrorTrail]]) -> Numbers:
    """The numbers that give the narrowest calibrated intervals (mean log width at 95%)."""
    best_width, best = np.inf, Numbers(PRIOR_WINDOWS[0], 1.0, CAPS[0], 0.0)
    usual = {
        cap: float(
            np.sqrt(
                np.mean(
                    [
                        np.mean([np.mean(np.minimum(np.abs(one.u), cap) ** 2) for one in group])
                        for group in groups
                    ]
                )
            )
        )
        for cap in CAPS
    }
    # How much the young are widened is chosen for the best of the others, not for each.
    for youth in YOUTHS:
        choices = product(CAPS, PRIOR_WINDOWS) if youth == YOUTHS[0] else [(best.cap, best.prior_windows)]
        for cap, prior in choices:
            numbers = Numbers(prior, usual[cap], cap, youth)
            width = measure_width(groups, numbers)
            if width < best_width:
                best_width, best = width, numbers
    return best


def measure_width(groups: Sequence[Sequence[ErrorTrail]], numbers: Numbers) -> float:
    """The mean log half-width of the intervals that just hold 95% of the placebos, each family counting the same."""
    sizes, factors, weights = [], [], []
    for group in groups:
        for trail in group:
            factor = trace_factors(trail, numbers)
            sizes.append(np.abs(trail.u) / factor)
            factors.append(np.log(factor))
            weights.append(np.full(factor.size, 1.0 / (factor.size * len(group))))
    every, weight = np.concatenate(sizes), np.concatenate(weights)
    order = np.argsort(every)
    reached = np.cumsum(weight[order]) / weight.sum()
    bound = every[order][min(int(np.searchsorted(reached, 0.95)), every.size - 1)]
    return float(np.log(bound) + np.average(np.concatenate(factors), weights=weight))


def trace_factors(trail: ErrorTrail, numbers: Numbers) -> Floats:
    """A series' factor at each date, from windows that had ended by then."""
    sums = np.concatenate([[0.0], np.cumsum(np.minimum(np.abs(trail.u), numbers.cap) ** 2)])
    ended = np.searchsorted(trail.origins, trail.origins - trail.length, side="right")
    own = OVERLAP * ended / trail.length
    mean = sums[ended] / np.maximum(ended, 1)
    prior = numbers.prior_windows
    factors = np.sqrt((prior * numbers.usual**2 + own * mean) / (prior + own))
    return np.asarray(factors if trail.ages is None else factors * widen_youth(trail.ages, numbers.youth))


def widen_youth(age: Floats, youth: float) -> Floats:
    """What the models' standard deviations lack while a series has few days behind it."""
    return np.asarray(1.0 + youth * (LEAST_DAYS / np.maximum(age, LEAST_DAYS)) ** 3)
