"""How large events are of their kind, as the query that sizes millions says it."""

from __future__ import annotations

import json
import math

import pyarrow as pa
import pytest

from consumer_fusion.score.fold.magnitudes import annotate_sql, annotation_tables
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.storage.duckdb import DuckDBEngine

REFERENCES = [
    {"brand_id": 1, "currency": "EUR", "valid_from_us": 1_000, "amount": 20.0},
    {"brand_id": 1, "currency": "EUR", "valid_from_us": 2_000, "amount": 40.0},
]


@pytest.fixture(scope="module")
def points():
    return load_points()


@pytest.fixture(scope="module")
def annotate(points):
    engine = DuckDBEngine()
    kind_ids = {key: number for number, key in enumerate(points.kinds, start=1)}
    names = {number: key for key, number in kind_ids.items()}
    tables = annotation_tables(points, kind_ids, pa.Table.from_pylist(REFERENCES))

    def run(kind, *, value=None, currency="EUR", channel=None, brand_id=1, occurred_us=0, **properties):
        row = {
            "kind": kind, "value": value, "currency": currency, "channel": channel, "brand_id": brand_id,
            "occurred_us": occurred_us, "properties": json.dumps(properties) if properties else None,
        }  # fmt: skip
        schema = pa.schema(
            [("kind", pa.string()), ("value", pa.float64()), ("currency", pa.string()), ("channel", pa.string()),
             ("brand_id", pa.int64()), ("occurred_us", pa.int64()), ("properties", pa.string())]
        )  # fmt: skip
        events = pa.Table.from_pylist([row], schema=schema)
        found = engine.read(
            annotate_sql(points, kind_ids, "given"), step="test", tables={**tables, "given": events}
        )
        (told,) = found.to_pylist()
        return names.get(told["kind_id"], ""), told["magnitude"]

    yield run
    engine.close()


@pytest.mark.parametrize(
    ("value", "magnitude"),
    [(20, 1.0), (60, 2.0), (1e6, 3.0), (0.01, 0.25), (None, 1.0)],
    ids=["an ordinary order", "three times as much", "a fortune", "a trifle", "amount not said"],
)
def test_money_counts_by_its_doublings_of_the_brands_ordinary_order(annotate, value, magnitude):
    assert annotate("Order Completed", value=value) == ("Order Completed", pytest.approx(magnitude))


def test_the_first_reference_holds_for_all_time_before_and_later_ones_from_their_start(annotate):
    sizes = [annotate("Order Completed", value=40, occurred_us=at)[1] for at in (0, 1_999, 2_000, 9_000)]
    assert sizes == pytest.approx([math.log2(3), math.log2(3), 1.0, 1.0])


def test_money_of_an_unknown_brand_or_currency_is_ordinary(annotate):
    assert annotate("Order Completed", value=900, brand_id=2)[1] == 1.0
    assert annotate("Order Completed", value=900, currency="USD")[1] == 1.0


def test_an_order_of_nothing_is_no_exchange(annotate):
    assert annotate("Order Completed", value=-5)[0] == "Order Completed/no payment"


@pytest.mark.parametrize(
    ("rating", "kind", "magnitude"),
    [
        (5, "Product Reviewed/positive", 1.0),
        ("4", "Product Reviewed/positive", 0.5),
        (3, "Product Reviewed", 1.0),
        (1, "Product Reviewed/negative", 1.0),
        (None, "Product Reviewed", 1.0),
        ("excellent", "Product Reviewed", 1.0),
    ],
)
def test_a_review_counts_by_its_stars(annotate, rating, kind, magnitude):
    properties = {} if rating is None else {"rating": rating}
    assert annotate("Product Reviewed", **properties) == (kind, pytest.approx(magnitude))


def test_reach_is_point_six_a_tenfold_and_never_above_one_for_harm(annotate):
    heard = [
        annotate("Complaint Published", people=people, severity=1)[1] for people in (0, 99, 9_999, 10**8)
    ]
    assert heard == pytest.approx([0.0, 0.4, 0.8, 1.0])


def test_people_not_stated_are_taken_as_a_hundred(annotate):
    assert annotate("Complaint Published", severity=1)[1] == pytest.approx(0.2 * math.log10(101))


def test_praise_may_reach_beyond_one(annotate):
    kind, magnitude = annotate("Brand Mentioned", sentiment=0.5, people=10**7)
    assert (kind, magnitude) == ("Brand Mentioned/positive", pytest.approx(0.7, abs=1e-6))


def test_a_hundred_thousand_followers_are_worth_one(annotate):
    kind, magnitude = annotate("Association Observed", followers_gained=100_000)
    assert (kind, magnitude) == ("Association Observed/gained", pytest.approx(1.0, abs=1e-5))


def test_lost_followers_and_mere_audiences_are_kinds_of_their_own(annotate):
    assert annotate("Association Observed", followers_gained=-50)[0] == "Association Observed/lost"
    assert annotate("Association Observed", audience=500)[0] == "Association Observed/audience"
    assert annotate("Association Observed", followers_gained=5, tier="celebrity")[0].endswith(
        "gained celebrity"
    )


@pytest.mark.parametrize(
    ("seconds", "kind", "magnitude"),
    [(60, "First Reply", 1.0), (30, "First Reply", 2.0), (15, "First Reply", 2.0), (120, "First Reply", 0.0),
     (240, "First Reply/late", 1.0), (10**6, "First Reply/late", 3.0)],
)  # fmt: skip
def test_a_reply_counts_by_halvings_of_its_target(annotate, seconds, kind, magnitude):
    told = annotate("First Reply", response_seconds=seconds, target_seconds=60)
    assert told == (kind, pytest.approx(magnitude))


def test_a_delivery_counts_by_doublings_of_the_days(annotate):
    late = [annotate("Delivery Late", days_late=days)[1] for days in (1, 3, 7)]
    assert late == pytest.approx([1, 2, 3])


def test_a_reason_decides_the_variant_of_a_refund(annotate):
    kinds = [annotate("Order Refunded", value=20, reason=reason)[0] for reason in ("defect", "late", "other")]
    assert kinds == ["Order Refunded/defect", "Order Refunded/wrong or late", "Order Refunded"]


@pytest.mark.parametrize("kind", ["Reputation Harmed", "Recovery/Service Failed", "Recovery", "Teleported"])
def test_nobody_can_send_what_is_only_derived_or_what_has_no_points(annotate, kind):
    assert annotate(kind)[0] == ""
