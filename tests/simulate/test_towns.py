from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from consumer_fusion.errors import InputError
from consumer_fusion.simulate.event_columns import EVENT_SCHEMA
from consumer_fusion.simulate.towns import build_placebo_town, build_town


def test_the_same_seed_gives_the_same_town(town, happened):
    assert pa.Table.from_batches(list(build_town(people=600, seed=7).batches())).equals(happened)


def test_another_seed_gives_another_town():
    moments = [
        {event.occurred_at for event in each.events()}
        for each in (build_town(60, seed=7), build_town(60, seed=8))
    ]
    assert len(moments[0] & moments[1]) < 0.05 * len(moments[0])


def test_describing_a_town_does_no_work():
    assert build_town(people=10**9).people == 10**9


def test_a_town_of_a_negative_size_is_refused():
    with pytest.raises(InputError, match="from 0 upwards"):
        build_town(people=-1)


def test_events_are_the_rows_of_the_batches(rows, town):
    events = list(town.events())
    assert len(events) == len(rows)
    for event, row in zip(events[::97], rows[::97], strict=True):
        assert (event.event_id, event.kind, event.consumer, event.brand) == (
            row["event_id"], row["kind"], row["consumer"], row["brand"],
        )  # fmt: skip
        assert event.occurred_at == datetime.fromisoformat(row["occurred_at"])
        assert event.properties == row["properties"]
        assert event.identifiers == row["identifiers"]


def test_batches_have_the_canonical_columns(town):
    assert next(town.batches()).schema.equals(EVENT_SCHEMA)


def test_every_event_has_an_id_of_its_own(happened):
    assert pc.count_distinct(happened["event_id"]).as_py() == len(happened)


def test_the_history_is_the_year_before_the_concert_and_three_weeks_after(happened):
    first, last = pc.min(happened["occurred_at"]).as_py(), pc.max(happened["occurred_at"]).as_py()
    assert first.startswith("2025-06-05T")
    assert last.startswith("2026-06-24T")


def test_events_arrive_in_order_within_seconds(rows):
    received = [datetime.fromisoformat(row["received_at"]) for row in rows]
    assert received == sorted(received)
    for row, moment in zip(rows, received, strict=True):
        assert timedelta(0) < moment - datetime.fromisoformat(row["occurred_at"]) < timedelta(seconds=10)


def test_people_leave_thirty_to_sixty_events_a_year_and_few_leave_most(happened):
    per_person = np.array(
        [count for key, count in Counter(happened["consumer"].to_pylist()).items() if key is not None]
    )
    assert 30 < len(happened) / 600 < 60
    assert np.median(per_person) < 0.75 * per_person.mean()
    tenth = np.sort(per_person)[-60:]
    assert tenth.sum() > 0.3 * per_person.sum()


def test_size_scales_with_people(happened):
    small = sum(len(batch) for batch in build_town(people=150, seed=7).batches())
    assert 2.5 < len(happened) / small < 6.5


def test_every_kind_is_one_of_the_points_table_and_none_is_derived(happened, shipped_points):
    known = {key.split("/")[0] for key in shipped_points["kinds"]}
    derived = {kind["spreads"] for kind in shipped_points["kinds"].values() if "spreads" in kind}
    kinds = set(happened["kind"].to_pylist())
    assert kinds <= known - derived
    assert len(kinds) > 35


def test_all_eight_brands_have_events_and_some_events_lack_a_party(happened):
    brands = Counter(happened["brand"].to_pylist())
    assert len([brand for brand in brands if brand]) == 8
    assert {"sweater-brand", "salmon-restaurant"} <= set(brands)
    assert happened["consumer"].null_count > 0
    assert happened["brand"].null_count > 0


def test_what_is_referred_to_is_on_record_and_earlier(rows):
    by_id = {row["event_id"]: row for row in rows}
    followed = 0
    for row in rows:
        for name, about in row["properties"].items():
            if name.endswith("event_id"):
                followed += 1
                assert by_id[about]["occurred_at"] <= row["occurred_at"]
                assert by_id[about]["brand"] == row["brand"]
    assert followed > 500


def test_recoveries_mend_failures_on_record(rows):
    kinds = {row["event_id"]: row["kind"] for row in rows}
    mended = [kinds[row["properties"]["about_event_id"]] for row in rows if row["kind"] == "Recovery"]
    assert len(mended) > 10
    assert set(mended) <= {"Product Failed", "Service Failed"}


def test_some_complaints_are_the_only_sign_of_their_failure(rows):
    unrecorded = [
        row for row in rows if row["kind"] == "Complaint Made" and "about_event_id" not in row["properties"]
    ]
    assert unrecorded
    assert all(row["properties"]["blame"] in {"product", "service"} for row in unrecorded)


def test_people_speak_english_and_italian(rows):
    texts = [row["text"] for row in rows if row["kind"] == "Complaint Made"]
    assert any(" the " in text or "Your " in text for text in texts)
    assert any("Ho " in text or "Rivoglio" in text or "promesso" in text for text in texts)


def test_a_second_key_carries_the_same_address(rows, truth):
    second = dict(
        zip(
            truth.second_keys["second_key"].to_pylist(),
            truth.second_keys["consumer"].to_pylist(),
            strict=True,
        )
    )
    addresses = {
        row["consumer"]: row["identifiers"]["email"] for row in rows if "email" in row["identifiers"]
    }
    seen = [key for key in second if key in addresses and second[key] in addresses]
    assert seen
    assert all(addresses[key] == addresses[second[key]] for key in seen)


def test_people_order_more_where_they_truly_stand_better(happened, truth):
    first = truth.affinity.filter(pc.equal(truth.affinity["at"], pc.min(truth.affinity["at"])))
    orders = Counter(
        (row["consumer"], row["brand"])
        for row in happened.filter(pc.equal(happened["kind"], "Order Completed")).to_pylist()
    )
    affinity = first["affinity"].to_numpy()
    counts = np.array(
        [orders[pair] for pair in zip(*first.select(["consumer", "brand"]).to_pydict().values(), strict=True)]
    )
    best, worst = affinity > np.quantile(affinity, 0.75), affinity < np.quantile(affinity, 0.25)
    assert counts[best].mean() > 1.5 * counts[worst].mean()


def test_failures_lower_the_affinity(rows, truth):
    failed = Counter((row["consumer"], row["brand"]) for row in rows if row["kind"].endswith("Failed"))
    at = truth.affinity["at"]
    ends = [truth.affinity.filter(pc.equal(at, end(at))) for end in (pc.min, pc.max)]
    change = ends[1]["affinity"].to_numpy() - ends[0]["affinity"].to_numpy()
    pairs = list(zip(*ends[0].select(["consumer", "brand"]).to_pydict().values(), strict=True))
    has_failed = np.array([failed[pair] >= 2 for pair in pairs])
    assert change[has_failed].mean() < change[~has_failed].mean() - 0.1


def test_a_town_and_its_twin_differ_by_the_caused_orders_and_what_follows_them(rows, truth):
    twin = {event.event_id for event in build_placebo_town(people=600, seed=7).events()}
    ids = {row["event_id"] for row in rows}
    caused = set(truth.caused_events["event_id"].to_pylist())
    assert twin < ids
    assert caused <= ids - twin
    orders = {row["event_id"] for row in rows if row["kind"] == "Order Completed"}
    assert (ids - twin) & orders == caused


def test_targeted_campaigns_reach_those_who_stand_best_and_random_ones_do_not(truth):
    first = truth.affinity.filter(pc.equal(truth.affinity["at"], pc.min(truth.affinity["at"])))
    joined = truth.assignments.join(first, keys=["consumer", "brand"]).group_by(["action_id", "is_treated"])
    means = {
        (row["action_id"], row["is_treated"]): row["affinity_mean"]
        for row in joined.aggregate([("affinity", "mean")]).to_pylist()
    }
    assert means["winter-invitation", True] - means["winter-invitation", False] > 1
    assert means["apology-card", False] - means["apology-card", True] > 1
    assert abs(means["autumn-letter", True] - means["autumn-letter", False]) < 0.3


def test_the_truth_names_every_action_once_for_orders(town, truth):
    effects = {row["action_id"]: row for row in truth.effects.to_pylist() if row["metric"] == "orders"}
    assert set(effects) == {action.action_id for action in town.actions}
    real = {name for name, row in effects.items() if row["relative_effect"]}
    assert real == {"founding-concert", "spring-voucher"}
    assert not any(action.relative_effect for action in build_placebo_town(people=1).actions)
