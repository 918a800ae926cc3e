"""What a usual order of a brand is: the same events make the same references and scores, however they came."""

from __future__ import annotations

import random
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

import consumer_fusion as fusion
from consumer_fusion.records.points import BRAND_REFERENCES
from consumer_fusion.repairs import replacements
from small_workspaces import NOW, find_problems, list_files, make_order, open_small, read_scores, seal


def read_references(workspace, brand="bakery"):
    """The references of a brand by the day on which each month begins."""
    with workspace.store.reading() as session:
        rows = session.read(BRAND_REFERENCES, order_by=BRAND_REFERENCES.primary_key).to_pylist()
    return {row["valid_from_us"] // 86_400_000_000: row["amount"] for row in rows}


def make_year(count=90, seed=3):
    """Orders and refunds of a year, of two brands, whose prices rise; some in a second currency."""
    chance = random.Random(seed)
    events = []
    for number in range(count):
        days_ago = chance.uniform(1, 360)
        events.append(
            make_order(
                number,
                days_ago=days_ago,
                consumer=f"consumer-{chance.randrange(12)}",
                brand=chance.choice(["bakery", "bakery", "florist"]),
                value=round(chance.lognormvariate(3, 0.6) * (2 - days_ago / 360), 2),
                kind="Order Refunded" if chance.random() < 0.1 else "Order Completed",
            )
        )
    return events


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    with open_small(tmp_path_factory.mktemp("at_once")) as workspace:
        fusion.import_events(workspace, make_year())
        return read_scores(workspace), read_references(workspace)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["by time", "backwards, sealed in between", "shuffled", "one first"])
def test_the_same_events_make_the_same_scores_however_they_come(tmp_path, at_once, way):
    events = sorted(make_year(), key=lambda event: event.occurred_at)
    if way.startswith("backwards"):
        events.reverse()
    elif way != "by time":
        random.Random(way).shuffle(events)
    sizes = {"one first": [1, len(events)]}.get(way, range(30, len(events) + 1, 30))
    with open_small(tmp_path, inbox_import_limit=20) as workspace:
        begun = 0
        for size in sizes:
            fusion.import_events(workspace, events[begun:size])
            begun = size
            if way.startswith("backwards"):
                seal(workspace)
        scores, references = read_scores(workspace), read_references(workspace)
        assert find_problems(workspace) == []
    assert references == at_once[1]
    assert scores == pytest.approx(at_once[0], abs=1e-9)


def test_a_first_order_of_next_to_nothing_lifts_nobody(tmp_path):
    orders = [make_order(number, consumer=f"consumer-{number}", value=20.0) for number in range(6)]
    with open_small(tmp_path / "without") as workspace:
        fusion.import_events(workspace, orders)
        usual = read_scores(workspace)
    with open_small(tmp_path / "with") as workspace:
        fusion.import_events(workspace, [make_order(99, days_ago=40, consumer="prober", value=0.01)])
        fusion.import_events(workspace, orders)
        scores = read_scores(workspace)
    assert {pair: scores[pair] for pair in usual} == pytest.approx(usual, abs=1e-9)


def test_who_is_believed_a_quarter_does_not_say_what_is_usual(tmp_path):
    orders = [make_order(number, consumer=f"consumer-{number}", value=20.0) for number in range(3)]
    claims = [make_order(f"claim-{number}", days_ago=30, value=9_000.0, trust=0.25) for number in range(40)]
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [*claims, *orders])
        amounts = list(read_references(workspace).values())
        assert amounts == pytest.approx([20.0] * len(amounts), rel=0.011)


def test_a_month_is_sized_by_the_year_before_it_once_that_holds_thirty_orders(tmp_path):
    # Thirty orders of 10 in March, then of 40: April is sized by March, July by all before it.
    march = [
        make_order(f"march-{number}", days_ago=95 - number % 5, consumer=f"consumer-{number}", value=10.0)
        for number in range(30)
    ]
    april = [
        make_order(f"april-{number}", days_ago=65 - number % 5, consumer=f"consumer-{number}", value=40.0)
        for number in range(40)
    ]
    june = [make_order("june", days_ago=1, value=40.0)]
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [*march, *april, *june])
        amounts = read_references(workspace)
    _, april_day, may_day, june_day = amounts
    assert amounts[april_day] == pytest.approx(10.0, rel=0.011)
    assert amounts[june_day] == amounts[may_day] == pytest.approx(40.0, rel=0.011)
    assert (NOW - timedelta(days=95)).month == 3


def test_an_order_that_its_source_corrects_moves_the_reference_back(tmp_path):
    orders = [
        make_order(number, days_ago=40, consumer=f"consumer-{number}", value=20.0) for number in range(5)
    ]
    wrong = [
        make_order(number, days_ago=40, consumer=f"consumer-{number}", value=2_000.0) for number in range(5)
    ]
    with open_small(tmp_path / "right") as workspace:
        fusion.import_events(workspace, orders)
        right = read_scores(workspace), read_references(workspace)
    with open_small(tmp_path / "corrected") as workspace:
        fusion.import_events(workspace, wrong)
        assert read_references(workspace) != right[1]
        fusion.import_events(workspace, orders)
        waiting = replacements.list_corrections(workspace)
        replacements.apply_corrections(workspace, [each.correction_id for each in waiting])
        assert (read_scores(workspace), read_references(workspace)) == right


def test_sealed_money_is_sized_again_in_place(tmp_path):
    # The first orders of a brand size all its money, so that cheaper ones of an earlier day move every amount.
    orders = [
        make_order(number, days_ago=20 + number % 3, consumer=f"consumer-{number % 4}")
        for number in range(12)
    ]
    others = [make_order(f"other-{number}", brand="florist", kind="Store Visited") for number in range(3)]
    cheaper = [
        make_order(f"early-{number}", days_ago=40, consumer="consumer-9", value=5.0) for number in range(25)
    ]
    with open_small(tmp_path / "apart", inbox_import_limit=0) as workspace:
        fusion.import_events(workspace, [*orders, *others])
        before = read_sealed(workspace)
        fusion.import_events(workspace, cheaper)
        after = [rows for rows in read_sealed(workspace) if "early-0" not in str(rows["event_id"])]
        scores = read_scores(workspace)
        assert find_problems(workspace) == []
    former, magnitudes = ([rows.pop("magnitude") for rows in files] for files in (before, after))
    assert after == before
    changed = [
        kind
        for rows, was, now in zip(before, former, magnitudes, strict=True)
        for kind, one, other in zip(rows["kind"], was, now, strict=True)
        if one != other
    ]
    assert changed == ["Order Completed"] * len(orders)
    with open_small(tmp_path / "at_once") as workspace:
        fusion.import_events(workspace, [*orders, *others, *cheaper])
        assert scores == pytest.approx(read_scores(workspace), abs=1e-9)


def read_sealed(workspace):
    """The columns of each segment file, in the order of their buckets and of their events."""
    files = [pq.read_table(path, partitioning=None).to_pydict() for path in list_files(workspace)]
    return sorted(files, key=lambda rows: (rows["consumer_id"][0], rows["event_id"][0]))


def test_what_follows_from_money_follows_its_size(tmp_path):
    # A recovery repairs a share of its failure, which is sized here by the money of the cancelled order.
    points = '[kinds."Order Cancelled/by brand"]\nmagnitude = "money"\n'
    failure = make_order(
        "failed", days_ago=9, kind="Order Cancelled", value=90.0, properties={"cancelled_by": "brand"}
    )
    recovery = make_order(
        "mended", days_ago=5, kind="Recovery", value=None, properties={"about_event_id": "order-failed"}
    )
    orders = [make_order(number, consumer=f"consumer-{number}") for number in range(3)]
    cheaper = [make_order(f"early-{number}", days_ago=40, consumer="bob", value=5.0) for number in range(9)]
    scores = []
    for name, batches in (
        ("at once", [[*orders, failure, recovery, *cheaper]]), ("apart", [[*orders, failure, recovery], cheaper]),
    ):  # fmt: skip
        with open_small(tmp_path / name) as workspace:
            workspace.points_path.write_text(points, encoding="utf-8")
            for batch in batches:
                fusion.import_events(workspace, batch)
            scores.append(read_scores(workspace))
    assert scores[1] == pytest.approx(scores[0], abs=1e-9)
