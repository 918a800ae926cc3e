"""Invented relationships for the tests of charts and report: seeded, without any of the product's own scoring."""

from __future__ import annotations

import math
import random
from dataclasses import fields
from datetime import UTC, datetime
from types import SimpleNamespace

import pyarrow as pa
from pydantic import BaseModel

from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.events.activity_counts import Activity
from consumer_fusion.score.calibration.calibration_report import CalibrationReport
from consumer_fusion.score.calibration.validity import ReliabilityBin, ValidityMeasures
from consumer_fusion.score.model.changes import Change
from consumer_fusion.score.model.explanation import Contribution
from consumer_fusion.score.model.ledger import LedgerEntry
from consumer_fusion.score.model.pair_events import KindContribution
from consumer_fusion.score.model.reading import Reading
from consumer_fusion.score.queries.pair_answers import (
    ExplainedEvent,
    ListedChanges,
    ListedEvents,
    PairSnapshot,
    tabulate_changes,
    tabulate_kinds,
)
from consumer_fusion.surfaces.report.writing import Report
from consumer_fusion.views.arrival_views import ArrivalCounts, make_arrivals_section
from consumer_fusion.views.brand_views import make_brand_sections, make_movers_section, make_scores_section
from consumer_fusion.views.calibration_views import make_calibration_section
from consumer_fusion.views.effect_views import make_effects_section
from consumer_fusion.views.pair_views import make_pair_section

DAY_US = 86_400_000_000
NOW = datetime(2026, 6, 15, 21, 0, tzinfo=UTC)
NOW_DAY = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
NOW_US = int(NOW.timestamp()) * 1_000_000
BRANDS = {"sweater-brand": 900, "salmon-restaurant": 340, "corner-bookshop": 120}


def put_on_scale(points: float) -> float:
    return 100 / (1 + math.exp(-points / 25))


def name_class(given: float, received: float, confidence: float) -> str:
    if confidence < 0.5:
        return "unknown"
    signs = tuple(1 if side >= 5 else -1 if side <= -5 else 0 for side in (given, received))
    return {
        (1, 1): "mutualism", (1, 0): "commensal-brand-gains", (0, 1): "commensal-consumer-gains",
        (1, -1): "one-sided-brand-takes", (-1, 1): "one-sided-consumer-takes", (-1, -1): "competition",
        (0, 0): "neutral",
    }.get(signs, "amensal")  # fmt: skip


def invent_scores(seed: int = 7) -> pa.Table:
    chance = random.Random(seed)
    rows = []
    for brand, pairs in BRANDS.items():
        for number in range(pairs):
            evidence = chance.expovariate(0.4)
            confidence = evidence / (evidence + 0.5)
            given = chance.gauss(5, 9) * confidence * 1.6
            received = 0.55 * given + chance.gauss(0.5, 8) * confidence
            if chance.random() < 0.04:
                received -= 24
            mean = (given + received) / 2 - abs(given - received) / 6
            width = 14 * (1 - confidence) + 5
            rows.append(
                {
                    "consumer": f"consumer-{number:04}", "brand": brand, "as_of": "2026-06-15T21:00:00Z",
                    "fusion_score": put_on_scale(mean), "low": put_on_scale(mean - width),
                    "high": put_on_scale(mean + width), "consumer_to_brand": put_on_scale(given),
                    "brand_to_consumer": put_on_scale(received), "confidence": confidence,
                    "percentile": 100 * chance.random(), "symbiosis": name_class(given, received, confidence),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows)


def invent_activity(seed: int = 7) -> pa.Table:
    chance = random.Random(seed)
    levels = {"web": 60, "shop": 34, "mobile": 28, "mail": 14, "phone": 5, None: 2}
    rows = [
        {"day": day, "channel": channel, "event_count": int(chance.gauss(1, 0.25) * level)}
        for day in range(NOW_DAY - 365, NOW_DAY + 1)
        for channel, level in levels.items()
    ]  # fmt: skip
    return pa.Table.from_pylist(rows)


def invent_movers() -> pa.Table:
    moves = [
        ("consumer-0020", "salmon-restaurant", 50.0, 42.07),
        ("consumer-0021", "sweater-brand", 52.96, 44.98),
        ("consumer-0012", "sweater-brand", 51.2, 58.9),
        ("consumer-0044", "sweater-brand", 55.0, 61.1),
        ("consumer-0101", "salmon-restaurant", 63.0, 57.2),
        ("consumer-0007", "corner-bookshop", 50.0, 55.4),
        ("consumer-0310", "sweater-brand", 60.3, 55.6),
        ("consumer-0003", "corner-bookshop", 58.0, 62.1),
    ]
    names = ["consumer", "brand", "score_before", "fusion_score"]
    return pa.Table.from_pylist([dict(zip(names, move, strict=True)) for move in moves])


def invent_change_records() -> tuple[Change, ...]:
    steps = [
        (-7.04, "E1", "Association Observed/gained", 3.00),
        (-6.0, "e-11", "Order Completed", 1.62),
        (-5.0, "e-12", "Product Viewed", 0.04),
        (-4.9, "e-13", "Product Viewed", 0.03),
        (-3.0, "e-14", "Delivery Late", -1.31),
        (-2.0, "e-15", "Ticket Opened", -0.14),
        (-1.5, "e-16", "Ticket Resolved/first contact", 1.35),
        (-0.02, "E4", "Reputation Harmed", -8.28576),
    ]
    told, score = [], 50.0
    for days, event_id, kind, change in steps:
        at_us = NOW_US + int(days * DAY_US)
        if told:
            fading = -0.012 * (at_us - told[-1].at) / DAY_US
            score += fading
            told.append(Change(at_us, "decay", "decay", fading, score))
        score += change
        told.append(Change(at_us, event_id, kind, change, score))
    return tuple(told)


def invent_changes() -> pa.Table:
    return invent_answer().trace()


def invent_history() -> pa.Table:
    changes = invent_change_records()
    rows = []
    for day in range(NOW_DAY - 20, NOW_DAY + 1):
        score = 50.0
        for change in changes:
            if change.at < (day + 1) * DAY_US:
                score = change.score_after
        width = 15 - 7 * (day >= NOW_DAY - 7)
        rows.append({"day": day, "fusion_score": score, "low": score - width, "high": score + width})
    return pa.Table.from_pylist(rows)


def invent_contribution_records() -> tuple[Contribution, ...]:
    rows = [
        ("E1", -7.04, "Association Observed/gained", "influence", "consumer_to_brand", 3.0, 1.46, None,
         "Was seen with the brand; 100,000 followers gained."),
        ("E1", -7.04, "Association Observed/gained", "standing", "brand_to_consumer", 3.0, 1.46, None,
         "Was seen with the brand; 100,000 followers gained."),
        ("e-11", -6.0, "Order Completed", "wallet", "consumer_to_brand", 3.0, 0.71, None, "Ordered for 59.00 EUR."),
        ("e-11", -6.0, "Order Completed", "feet", "consumer_to_brand", 3.0, 0.71, None, "Ordered for 59.00 EUR."),
        ("e-14", -3.0, "Delivery Late", "service", "brand_to_consumer", -2.7, -1.30, None, "Delivered a day late."),
        ("e-16", -1.5, "Ticket Resolved/first contact", "service", "brand_to_consumer", 3.0, 1.34, None,
         "The question was settled at the first contact."),
        ("E4", -0.02, "Reputation Harmed", "influence", "consumer_to_brand", -8.0, -4.08, "E3",
         "Because of a public complaint about salmon-restaurant, seen together with this brand."),
        ("E4", -0.02, "Reputation Harmed", "standing", "brand_to_consumer", -8.0, -4.08, "E3",
         "Because of a public complaint about salmon-restaurant, seen together with this brand."),
    ]  # fmt: skip
    return tuple(Contribution(event_id, NOW_US + int(days * DAY_US), *rest) for event_id, days, *rest in rows)


def invent_contributions() -> pa.Table:
    return tabulate_kinds(invent_answer())


class InventedSnapshot(PairSnapshot):
    """A relationship whose answers are invented, not read."""

    event_count = len({each.event_id for each in invent_contribution_records()})
    first_day = (NOW_US - 7 * DAY_US) // DAY_US

    def list_kinds(self):
        return [
            KindContribution(each.kind, each.facet, each.direction, 1, each.contribution)
            for each in invent_contribution_records()
        ]

    def list_largest(self, *, limit=100, offset=0):
        explained = [
            ExplainedEvent(
                fill(LedgerEntry, event_id=each.event_id, occurred_us=each.occurred_at), (each,), None
            )
            for each in invent_contribution_records()
        ]
        return ListedEvents(tuple(explained), self.event_count, 0, 0.0)

    def list_changes(self, *, limit=100, offset=0):
        return ListedChanges(invent_change_records(), 8, 0, 0.0)

    def trace(self):
        return tabulate_changes(SimpleNamespace(changes=invent_change_records()))

    def replay(self, days):
        return invent_history()


def invent_answer(consumer: str = "pop-artist", brand: str = "sweater-brand") -> PairSnapshot:
    reading = Reading(
        fusion_score=46.22, low=37.6, high=55.1, consumer_to_brand=47.2, brand_to_consumer=44.1, confidence=0.86,
        symbiosis="competition", evidence=3.0, facets=invent_facets(),
    )  # fmt: skip
    return fill(
        InventedSnapshot, consumer=consumer, brand=brand, as_of_us=NOW_US, reading=reading,
    )  # fmt: skip


def fill(record, **values):
    """A record of which only some fields are filled."""
    if issubclass(record, BaseModel):
        return record.model_construct(**dict.fromkeys(record.model_fields) | values)
    return record(**{field.name: None for field in fields(record)} | values)


def invent_facets() -> dict[str, float]:
    return {
        "wallet": 3.1, "feet": 3.0, "voice": 0.0, "influence": -5.0,
        "service": 0.3, "delight": 3.0, "standing": -5.0, "wellbeing": 0.0,
    }  # fmt: skip


def invent_reliability() -> pa.Table:
    rows = []
    for number, pairs in enumerate([5200, 3100, 1900, 1200, 800, 520, 330, 200, 90, 40]):
        predicted = 0.03 + number * 0.09
        observed = min(1, predicted * 0.98 + 0.02 * math.sin(number))
        rows.append({"predicted": predicted, "observed": observed, "pair_count": pairs})
    return pa.Table.from_pylist(rows)


def invent_calibration(**values: object) -> CalibrationReport:
    bins = [ReliabilityBin(*row.values()) for row in invent_reliability().to_pylist()]
    given = {
        "outcome": "Order Completed", "horizon_days": 56.0, "cutoff_us": NOW_US - 60 * DAY_US, "is_better": True,
        "before": ValidityMeasures(0.4512, 0.801, 0.048), "after": ValidityMeasures(0.4397, 0.809, 0.019),
        "reliability": tuple(bins), "placebo_share": 0.04,
        "kept_kinds": {"Reputation Harmed": "derived: it never exceeds what it comes from"},
        "multipliers": {"Order Completed": 1.21}, "half_life_factors": {"Order Completed": 1.3, "Product Viewed": 0.9},
    }  # fmt: skip
    return fill(CalibrationReport, **given | values)


def invent_effect(title: str = "Spring campaign") -> ShownEffect:
    days = tuple(range(NOW_DAY - 60, NOW_DAY + 1))
    level = tuple(10.0 + day % 7 for day in days)
    report = fill(
        EffectReport, action="spring", metric="orders", adds_up=True, step="day", start_day=NOW_DAY - 14,
        end_day=NOW_DAY, declared_end_day=NOW_DAY, effect=3.0, effect_low=1.0, effect_high=5.0, cumulative=42.0,
        cumulative_low=14.0, cumulative_high=70.0, relative=0.3, low=0.1, high=0.5, p_value=0.004, mde80=0.15,
        label="consistent_with_cause", checks=(), days=days, observed=level, expected=level,
        expected_low=tuple(each - 2 for each in level), expected_high=tuple(each + 2 for each in level),
        placebos=(-0.1, 0.0, 0.05, 0.1),
    )  # fmt: skip
    return ShownEffect(
        report, "campaign", title, "sweater-brand", NOW_US - 14 * DAY_US, None, 0.01, 1, NOW_US
    )


def invent_activity_counts() -> Activity:
    days = invent_activity()
    return Activity(days, 51_715, NOW_US - 366 * DAY_US, NOW_US - 1_800_000_000, NOW_US - 60_000_000)


def invent_report(**changed: object) -> Report:
    """A report of everything, in the language in force."""
    scores = invent_scores()
    moves = {(row["consumer"], row["brand"]): row for row in invent_movers().to_pylist()}
    changes = [
        move["fusion_score"] - move["score_before"] if (move := moves.get(pair)) else 0.0
        for pair in zip(scores["consumer"].to_pylist(), scores["brand"].to_pylist())
    ]
    scores = scores.append_column("change_28_days", pa.array(changes))
    own = {brand: sorted(find_scores(scores, brand)) for brand in BRANDS}
    brands = pa.Table.from_pylist(
        [
            {
                "brand": brand, "pairs": len(each), "lower_quartile": each[len(each) // 4],
                "median": each[len(each) // 2], "upper_quartile": each[3 * len(each) // 4],
                "unknown": sum(
                    row["brand"] == brand and row["symbiosis"] == "unknown" for row in scores.to_pylist()
                ),
            }
            for brand, each in own.items()
        ]
    )  # fmt: skip
    counts = ArrivalCounts(
        event_count=51_715, unattributed_count=812, rejected_count=37, duplicate_count=1_150
    )
    rejections = [
        {"code": "no_time", "message": "Row 12 has no occurred_at. Send an ISO 8601 time.", "row_count": 30},
        {"code": "bad_amount", "message": "Row 40: 'n/a' is not an amount.", "row_count": 7},
    ]
    activity = invent_activity_counts()
    content = {
        "title": "Mellow Bay", "made_at_us": NOW_US, "as_of_us": NOW_US, "points_version": "fs1-3f9c2d",
        "pair_count": scores.num_rows, "consumer_count": 1_204, "brand_count": 3, "counts": counts,
        "newest_event_us": activity.newest_event_us, "newest_received_us": activity.newest_received_us,
        "sections": [
            *make_brand_sections(brands, scores),
            make_movers_section(scores),
            make_pair_section(invent_answer(), 8.0),
            make_effects_section([invent_effect()]),
            make_scores_section(scores, 5_000),
            make_arrivals_section(counts, activity, rejections, [{"kind": "Window Looked Into", "events": 212}]),
            make_calibration_section(invent_calibration(), is_applied=True),
        ],
    }  # fmt: skip
    return Report(**{**content, **changed})  # type: ignore[arg-type]


def find_scores(scores: pa.Table, brand: str) -> list[float]:
    return [row["fusion_score"] for row in scores.to_pylist() if row["brand"] == brand]
