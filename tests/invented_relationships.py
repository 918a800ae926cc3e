"""Invented relationships for the tests of charts and report: seeded, without any of the product's own scoring."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import pyarrow as pa

from consumer_fusion.surfaces.report.page import (
    CalibrationSummary,
    PairExplained,
    ReportPage,
    WorkspaceCounts,
)

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
        ("pop-artist", "salmon-restaurant", 50.0, 42.07, "Product Failed, then Complaint Published"),
        ("pop-artist", "sweater-brand", 52.96, 44.98, "Reputation Harmed, because of salmon-restaurant"),
        ("consumer-0012", "sweater-brand", 51.2, 58.9, "3 × Order Completed"),
        ("consumer-0044", "sweater-brand", 55.0, 61.1, "Product Reviewed/positive"),
        ("consumer-0101", "salmon-restaurant", 63.0, 57.2, "Service Failed"),
        ("consumer-0007", "corner-bookshop", 50.0, 55.4, "Order Completed, Event Attended"),
        ("consumer-0310", "sweater-brand", 60.3, 55.6, "Order Refunded/defect"),
        ("consumer-0003", "corner-bookshop", 58.0, 62.1, "Order Completed"),
    ]
    names = ["consumer", "brand", "score_before", "fusion_score", "reason"]
    return pa.Table.from_pylist([dict(zip(names, move, strict=True)) for move in moves])


def invent_changes() -> pa.Table:
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
    rows, score = [], 50.0
    for days, event_id, kind, change in steps:
        at = NOW_US + int(days * DAY_US)
        if rows:
            fading = -0.012 * (at - rows[-1]["at_us"]) / DAY_US
            score += fading
            rows.append(
                {"at_us": at, "event_id": "fading", "kind": "fading", "change": fading, "score_after": score}
            )
        score += change
        rows.append({"at_us": at, "event_id": event_id, "kind": kind, "change": change, "score_after": score})
    return pa.Table.from_pylist(rows)


def invent_history() -> pa.Table:
    changes = invent_changes().to_pylist()
    rows = []
    for day in range(NOW_DAY - 20, NOW_DAY + 1):
        score = 50.0
        for change in changes:
            if change["at_us"] < (day + 1) * DAY_US:
                score = change["score_after"]
        width = 15 - 7 * (day >= NOW_DAY - 7)
        rows.append({"day": day, "fusion_score": score, "low": score - width, "high": score + width})
    return pa.Table.from_pylist(rows)


def invent_contributions() -> pa.Table:
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
    names = [
        "event_id",
        "days",
        "kind",
        "facet",
        "direction",
        "points",
        "contribution",
        "parent_event_id",
        "sentence",
    ]
    listed = [dict(zip(names, row, strict=True)) for row in rows]
    return pa.Table.from_pylist(
        [{**row, "occurred_us": NOW_US + int(row["days"] * DAY_US)} for row in listed]
    ).drop_columns(["days"])


def invent_facets() -> dict[str, float]:
    return {
        "wallet": 3.1, "feet": 3.0, "voice": 0.0, "influence": -5.0,
        "service": 0.3, "delight": 3.0, "standing": -5.0, "wellbeing": 0.0,
    }  # fmt: skip


def invent_reliability() -> pa.Table:
    rows = []
    for series, bend in (("shipped points", 0.78), ("calibrated", 0.98)):
        for number, pairs in enumerate([5200, 3100, 1900, 1200, 800, 520, 330, 200, 90, 40]):
            predicted = 0.03 + number * 0.09
            rows.append(
                {
                    "series": series, "predicted": predicted,
                    "observed": min(1, predicted * bend + 0.02 * math.sin(number)), "pair_count": pairs,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows)


def invent_page(**fields: object) -> ReportPage:
    scores = invent_scores()
    brands = [
        {
            "brand": brand, "pairs": len(own), "lower_quartile": own[len(own) // 4], "median": own[len(own) // 2],
            "upper_quartile": own[3 * len(own) // 4],
            "unknown": sum(row["brand"] == brand and row["symbiosis"] == "unknown" for row in scores.to_pylist()),
            "events": 17 * pairs, "newest_event_us": NOW_US - pairs * 1_000_000_000,
        }
        for brand, pairs in BRANDS.items()
        if (own := sorted(row["fusion_score"] for row in scores.to_pylist() if row["brand"] == brand))
    ]  # fmt: skip
    content = {
        "title": "The town of Mellow Bay",
        "made_at": NOW,
        "as_of_us": NOW_US,
        "product_version": "0.1.0",
        "points_version": "fs1-3f9c2d",
        "counts": WorkspaceCounts(
            event_count=51_715, consumer_count=1_204, brand_count=3, pair_count=scores.num_rows,
            unattributed_count=812, rejected_count=37, duplicate_count=1_150,
            oldest_event_us=NOW_US - 366 * DAY_US, newest_event_us=NOW_US - 1_800_000_000,
            newest_received_us=NOW_US - 60_000_000,
        ),
        "scores": scores,
        "brands": pa.Table.from_pylist(brands),
        "activity": invent_activity(),
        "movers": invent_movers(),
        "movers_since_us": NOW_US - 28 * DAY_US,
        "pair": PairExplained(
            consumer="pop-artist", brand="sweater-brand", fusion_score=46.22, low=37.6, high=55.1,
            consumer_to_brand=47.2, brand_to_consumer=44.1, confidence=0.86, percentile=8.0,
            symbiosis="competition", facets=invent_facets(), contributions=invent_contributions(),
            changes=invent_changes(), history=invent_history(),
        ),
        "rejections": pa.table(
            {
                "code": ["no_time", "bad_amount"],
                "message": ["Row 12 has no occurred_at. Send an ISO 8601 time.", "Row 40: 'n/a' is not an amount."],
                "row_count": [30, 7],
            }
        ),
        "kinds_without_points": pa.table({"kind": ["Window Looked Into"], "event_count": [212]}),
        "calibration": CalibrationSummary(
            outcome="Order Completed", horizon_days=56, cutoff_us=NOW_US - 60 * DAY_US, is_applied=True,
            sentences=("The learnt points forecast better than those in force.",),
            measures=pa.table(
                {
                    "measure": ["log-loss", "ranking (AUC)", "calibration error"],
                    "before": [0.4512, 0.801, 0.048], "after": [0.4397, 0.809, 0.019],
                }
            ),
            reliability=invent_reliability(),
            multipliers=pa.table(
                {
                    "kind": ["Order Completed", "Product Viewed"], "multiplier": [1.21, 0.64],
                    "half_life_factor": [1.3, 0.9],
                }
            ),
        ),
    }  # fmt: skip
    return ReportPage(**{**content, **fields})  # type: ignore[arg-type]
