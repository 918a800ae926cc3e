"""Metrics as daily series: 0 only where a count of a connected brand has no event, missing where a mean has none."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from consumer_fusion import pipeline
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics, read_metric_file
from consumer_fusion.causal.series.metric_list import list_metrics
from consumer_fusion.causal.series.metric_store import MetricStore
from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.operations import TextFile
from consumer_fusion.score.queries import answers
from effect_worlds import NOW, TODAY, open_world, write_day

DAYS = 40


def make_event(number, days_ago, kind="Order Completed", **named):
    return {
        "event_id": f"e{number}", "occurred_at": f"{write_day(days_ago)}T10:00:00Z", "kind": kind,
        "brand": "bakery", "consumer": "ann", **named,
    }  # fmt: skip


@pytest.fixture
def tell(tmp_path):
    """Lets events be imported and series be read of them."""
    with open_world(tmp_path / "workspace") as workspace:

        def read(events, metric, **named):
            path = tmp_path / "events.jsonl"
            path.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
            pipeline.import_files(workspace, [path], choose_reading(format="events"))
            with workspace.store.reading() as session:
                book = MetricStore(workspace, session, workspace.now_us)
                number = find_keys(session, "brand", ["bakery"])["bakery"]
                if named.get("by_region"):
                    return {each.region: each.daily for each in book.list_regions(metric, number).values()}
                found = book.list_brands(metric, segment=named.get("segment"))
                return next(each.daily for each in found.values() if each.brand_id == number)

        yield read


def test_a_day_without_orders_is_0_within_the_history_of_the_brand_and_not_told_outside(tell):
    daily = tell([make_event(1, DAYS), make_event(2, 20), make_event(3, 20), make_event(4, 5)], "orders")
    assert (daily.first_day, daily.last_day) == (TODAY - DAYS, TODAY - 5)
    assert daily.values.sum() == 4
    assert daily.values[DAYS - 20] == 2
    assert daily.values[1] == 0


def test_the_day_that_is_not_over_yet_is_left_out(tell):
    daily = tell([make_event(1, DAYS), make_event(2, 0)], "orders")
    assert daily.last_day == TODAY - 1
    assert daily.values.sum() == 1


def test_orders_of_nobody_we_know_are_orders_too(tell):
    anonymous = make_event(2, 10)
    del anonymous["consumer"]
    assert tell([make_event(1, DAYS), anonymous], "orders").values.sum() == 2


def test_a_mean_is_missing_on_days_without_words_and_carries_how_many_it_is_of(tell):
    spoken = [
        make_event(2, 10, "Brand Mentioned", properties={"sentiment": 0.5}),
        make_event(3, 10, "Brand Mentioned", properties={"sentiment": -0.1}),
        make_event(4, 3, "Brand Mentioned", properties={"sentiment": 1}),
    ]
    daily = tell([make_event(1, DAYS), *spoken], "sentiment")
    assert np.isfinite(daily.values).sum() == 2
    assert daily.values[DAYS - 10] == pytest.approx(0.2)
    assert daily.counts[DAYS - 10] == 2


def test_revenue_is_told_in_the_currency_that_is_used_most(tell):
    told = [
        make_event(1, DAYS, value=10, currency="EUR"),
        make_event(2, 10, value=20, currency="EUR"),
        make_event(3, 10, value=999, currency="SEK"),
    ]
    assert tell(told, "revenue").values.sum() == 30


def test_followers_are_the_differences_of_the_total_that_is_reported(tell):
    counted = [
        make_event(number, days_ago, "Followers Counted", properties={"followers": 1000 + 10 * number})
        for number, days_ago in ((1, DAYS), (2, 39), (3, 38), (4, 36), (5, 2))
    ]
    daily = tell(counted, "followers")
    assert daily.first_day == TODAY - DAYS + 1
    assert daily.values[:2].tolist() == [10, 10]
    # The day after a gap is not known: its growth is of several days.
    assert np.isnan(daily.values[3])


def test_regions_are_told_apart_by_their_property(tell):
    placed = [
        make_event(number, days_ago, properties={"region": region})
        for number, (days_ago, region) in enumerate(
            [(DAYS, "north"), (9, "north"), (9, "south"), (1, "south")]
        )
    ]
    told = tell(placed, "orders", by_region=True)
    assert {region: daily.values.sum() for region, daily in told.items()} == {"north": 2, "south": 2}
    assert told["south"].first_day == TODAY - DAYS


def test_a_segment_is_a_property_too_and_its_name_is_never_part_of_a_query(tell):
    hostile = "x' or '1'='1"
    placed = [make_event(1, DAYS), make_event(2, 9, properties={"segment": hostile}), make_event(3, 3)]
    assert tell(placed, "orders", segment=hostile).values.sum() == 1


def test_the_mean_score_of_a_day_is_what_the_scores_of_its_end_average_to(tmp_path):
    with open_world(tmp_path / "workspace") as workspace:
        events = [
            make_event(number, DAYS - number, consumer=f"c{number % 5}", value=10 + number, currency="EUR")
            for number in range(DAYS - 1)
        ]
        path = tmp_path / "events.jsonl"
        path.write_text("\n".join(map(json.dumps, events)), encoding="utf-8")
        pipeline.import_files(workspace, [path], choose_reading(format="events"))
        with workspace.store.reading() as session:
            book = MetricStore(workspace, session, workspace.now_us)
            (series,) = book.list_brands("fusion_score").values()
        for days_ago in (25, 10, 2):
            end = (NOW - timedelta(days=days_ago)).replace(hour=23, minute=59, second=59, microsecond=999_999)
            scores = answers.score_pairs(workspace, brand="bakery", as_of=end)["fusion_score"].to_pylist()
            told = series.daily.values[TODAY - days_ago - series.daily.first_day]
            assert told == pytest.approx(sum(scores) / len(scores), abs=1e-9)


def test_a_day_that_a_file_leaves_out_stays_missing(tmp_path):
    days = [MetricDay(metric="footfall", day=TODAY - 60 + n, value=5.0, brand="bakery") for n in range(50)]
    with open_world(tmp_path / "workspace", days[:20] + days[21:]) as workspace:
        (row,) = [row for row in list_metrics(workspace) if row.metric == "footfall"]
    assert (row.days, row.missing, row.origin) == (49, 1, "file")


def import_metrics(workspace, name, text):
    """Keep the series of a file."""
    file = TextFile(name=name, text=text)
    return keep_metrics(workspace, read_metric_file(file, {"metric": "footfall", "brand": "bakery"}))


def test_a_file_of_a_metric_is_read_with_what_holds_for_all_its_rows(tmp_path):
    with open_world(tmp_path / "workspace") as workspace:
        with pytest.raises(InputError, match="lacks value") as caught:
            import_metrics(workspace, "footfall.csv", "day,value\n2026-06-01,12\n2026-06-02,\n2026-06-03,9\n")
        assert caught.value.where == "footfall.csv, row 2"
        found = import_metrics(workspace, "footfall.csv", "day,value\n2026-06-01,12\n2026-06-03,9\n")
        assert (found.series, found.days) == (1, 2)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (
            "twice.csv",
            "day,value\n2026-06-01,12\n2026-06-01T18:00:00+00:00,9\n",
            "Row 1 already has this day",
        ),
        ("long.csv", "day,value\n2026-06-01,12,13\n", "more values than the first line has columns"),
        ("list.jsonl", "[1, 2]\n", "Row 1 of list.jsonl is not an object"),
        ("mean.csv", "day,value,kind,reading_count\n2026-06-01,12,mean,0\n", "A mean cannot have 0 readings"),
    ],
)
def test_a_row_of_a_metric_that_can_be_read_two_ways_or_in_none_is_refused_with_its_place(
    tmp_path, name, text, reason
):
    with open_world(tmp_path / "workspace") as workspace, pytest.raises(InputError, match=reason):
        import_metrics(workspace, name, text)
