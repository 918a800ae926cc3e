"""A complaint implies a failure; a recovery mends what is left of one."""

from __future__ import annotations

import pytest

from consumer_fusion.records.derived_event import ParentEvent
from consumer_fusion.score.fold.derivation import derive_failures, derive_recoveries
from consumer_fusion.score.points.points_table import load_points

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def points():
    return load_points()


@pytest.fixture
def event():
    def make(event_id, kind, day=0, magnitude=1.0, trust=1.0, **properties) -> ParentEvent:
        return ParentEvent(
            1, event_id, day * DAY, 1, 10, kind.split("/")[0], kind, magnitude, trust, properties
        )

    return make


def test_a_complaint_about_nothing_on_record_implies_one_failure(points, event):
    (failure,) = derive_failures([event("c", "Complaint Made", severity=0.5)], points)
    assert (failure.kind_key, failure.magnitude, failure.parent.event_id) == ("Service Failed", 0.5, "c")


def test_blame_of_the_product_implies_a_failed_product(points, event):
    (failure,) = derive_failures([event("c", "Complaint Published/about product")], points)
    assert failure.kind_key == "Product Failed"


def test_a_complaint_about_a_failure_on_record_charges_the_brand_no_second_time(points, event):
    assert derive_failures([event("c", "Complaint Made", about_event_id="f")], points) == []


def test_a_recovery_gives_back_eighty_percent_on_the_same_facet(points, event):
    parents = [event("f", "Product Failed", magnitude=0.5), event("r", "Recovery", about_event_id="f")]
    (recovery,) = derive_recoveries(parents, [], points)
    assert (recovery.kind_key, recovery.magnitude) == ("Recovery/Product Failed", pytest.approx(0.4))


def test_a_late_recovery_gives_back_only_what_is_left(points, event):
    parents = [event("f", "Service Failed"), event("r", "Recovery", day=180, about_event_id="f")]
    (recovery,) = derive_recoveries(parents, [], points)
    assert recovery.magnitude == pytest.approx(0.8 * 0.5)


def test_many_recoveries_never_give_back_more_than_the_failure(points, event):
    parents = [
        event("f", "Service Failed"),
        *(event(f"r{number}", "Recovery", about_event_id="f", share=0.7) for number in range(3)),
    ]
    assert sum(each.magnitude for each in derive_recoveries(parents, [], points)) == pytest.approx(1.0)


def test_a_recovery_about_a_complaint_mends_the_failure_that_it_implied(points, event):
    parents = [event("c", "Complaint Made"), event("r", "Recovery", day=1, about_event_id="c")]
    failures = derive_failures(parents, points)
    (recovery,) = derive_recoveries(parents, failures, points)
    assert recovery.kind_key == "Recovery/Service Failed"


def test_a_recovery_of_nothing_on_record_gives_nothing(points, event):
    assert (
        derive_recoveries([event("r", "Recovery", about_event_id="x"), event("s", "Recovery")], [], points)
        == []
    )


def test_a_recovery_that_arrived_before_its_failure_counts_from_the_failure_on(points, event):
    parents = [event("f", "Service Failed", day=5), event("r", "Recovery", day=1, about_event_id="f")]
    (recovery,) = derive_recoveries(parents, [], points)
    assert recovery.occurred_us == 5 * DAY


def test_a_doubted_failure_is_mended_by_no_more_than_it_harmed(points, event):
    parents = [event("f", "Service Failed", trust=0.25), event("r", "Recovery", about_event_id="f", share=1)]
    (recovery,) = derive_recoveries(parents, [], points)
    assert recovery.magnitude * recovery.trust == pytest.approx(0.25)
