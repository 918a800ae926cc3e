"""Merges by people: they can be undone, and the order in which they are made does not matter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.errors import ConflictError, InputError, NotFoundError, RefusedError
from consumer_fusion.identity.merges import list_members, merge_consumers, read_identity_map, undo_merge


@pytest.fixture
def merge(town):
    def merge(
        kept, absorbed, *, town=town, origin="staff", reason="Told us so at the till.", made_us=1, name=""
    ):
        merge_id = name or f"{kept}<{absorbed}"
        kept_id, absorbed_id = town.number(kept), town.number(absorbed)
        with town.store.writing() as session:
            return merge_consumers(
                session,
                kept_id,
                absorbed_id,
                reason=reason,
                origin=origin,
                made_us=made_us,
                merge_id=merge_id,
            )

    return merge


def test_the_absorbed_consumer_counts_for_the_kept_one(town, merge):
    anna, web = town.number("anna"), town.number("web-88")
    assert merge("anna", "web-88") == {web: (web, anna)}
    with town.store.reading() as session:
        assert list_members(read_identity_map(session), anna) == (anna, web)


def test_chains_are_followed_to_their_end(town, merge):
    merge("anna", "app", made_us=1)
    merge("anna-at-work", "anna", made_us=2)
    assert {town.person(town.number(key)) for key in ("anna", "app", "anna-at-work")} == {"anna-at-work"}


def test_undo_gives_back_the_old_groups_exactly(town, merge):
    merge("a", "b")
    before = town.groups() | {frozenset({"c"}), frozenset({"d"})}
    merge("c", "d")
    moved = merge("a", "c")
    assert frozenset("abcd") in town.groups()

    with town.store.writing() as session:
        back = undo_merge(session, "a<c", 9)

    assert town.groups() == (before - {frozenset({"c"}), frozenset({"d"})}) | {frozenset("cd")}
    assert back == {raw: (after, earlier) for raw, (earlier, after) in moved.items()}


def test_undoing_an_early_merge_leaves_what_was_merged_later(town, merge):
    merge("a", "b", made_us=1)
    merge("a", "c", made_us=2)
    merge("d", "a", made_us=3)
    with town.store.writing() as session:
        undo_merge(session, "a<b", 4)
    assert town.groups() == {frozenset("b"), frozenset("acd")}


def test_an_undone_merge_stays_on_record(town, merge):
    merge("a", "b", made_us=1_000_000)
    with town.store.writing() as session:
        undo_merge(session, "a<b", 2_000_000)
    (record,) = town.identity("b").merges
    assert (record.made_at, record.undone_at) == (1_000_000, 2_000_000)
    with town.store.writing() as session, pytest.raises(ConflictError, match="undone already"):
        undo_merge(session, "a<b", 3_000_000)


def test_a_merge_that_does_not_exist_cannot_be_undone(town):
    with town.store.writing() as session, pytest.raises(NotFoundError, match="no merge"):
        undo_merge(session, "nothing", 1)


def test_merging_twice_or_in_a_circle_is_refused(town, merge):
    merge("a", "b", made_us=1)
    merge("b", "c", made_us=2)
    for kept, absorbed in (("a", "b"), ("b", "a"), ("c", "a"), ("a", "a")):
        with pytest.raises(ConflictError, match="one consumer already"):
            merge(kept, absorbed, name="again")


def test_a_consumer_that_counts_for_another_is_merged_through_that_one(town, merge):
    merge("a", "b")
    with pytest.raises(ConflictError, match="counts for a third one"):
        merge("c", "b")


def test_a_merge_needs_a_reason_and_known_consumers(town, merge):
    with pytest.raises(InputError, match="needs a reason"):
        merge("a", "b", reason="  ")
    with town.store.writing() as session, pytest.raises(NotFoundError, match="no consumer 999"):
        merge_consumers(session, 1, 999, reason="x", origin="staff", made_us=1, merge_id="m")


def test_a_rule_never_joins_two_accounts_but_staff_may(town, merge):
    town.see(("a", {"account": "1"}), ("b", {"account": "2"}))
    with pytest.raises(RefusedError, match="different account"):
        merge("a", "b", origin="rule")
    merge("a", "b", origin="review")
    assert town.groups() == {frozenset("ab")}


def test_what_staff_joined_later_evidence_does_not_part(town, merge):
    town.see(("a", {"account": "1"}), ("b", {"device": "tablet"}))
    merge("a", "b")
    town.see(("b", {"account": "2"}))
    assert town.groups() == {frozenset("ab")}


def test_events_come_back_to_the_device_when_its_merge_is_undone(town):
    town.see((None, {"device": "phone-7"}))
    seen = town.see(("anna", {"device": "phone-7"}))
    with town.store.writing() as session:
        undo_merge(session, seen.merges[0].merge_id, 9_000_000)
    assert town.groups() == {frozenset({"anna"}), frozenset({"device:phone-7"})}


def test_each_merge_joins_those_who_shared_something_so_that_undoing_one_keeps_the_others_right(town):
    town.see(("first", {}), ("shop-1", {"email": "a@example.org"}), ("shop-2", {"email": "a@example.org"}))
    by_email = town.identity("shop-2").merges[0].merge_id
    town.see(("first", {"phone": "0170 1234567"}), ("shop-2", {"phone": "0170 1234567"}))
    assert town.groups() == {frozenset({"first", "shop-1", "shop-2"})}
    assert town.person(town.number("shop-1")) == "first"

    with town.store.writing() as session:
        undo_merge(session, by_email, 9_000_000)

    assert town.groups() == {frozenset({"shop-1"}), frozenset({"first", "shop-2"})}


_PEOPLE = "abcdef"


@st.composite
def draw_forest(draw):
    """Merges in which everybody is absorbed at most once and nobody, in the end, absorbs themselves."""
    forest = []
    for place in range(1, len(_PEOPLE)):
        if draw(st.booleans()):
            forest.append((_PEOPLE[draw(st.integers(0, place - 1))], _PEOPLE[place]))
    return forest


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=draw_forest(), order=st.randoms(use_true_random=False))
def test_merges_in_any_order_make_the_same_groups_with_the_same_consumer_going_on(
    make_town, merge, forest, order
):
    shuffled = list(forest)
    order.shuffle(shuffled)
    results = []
    for merges in (forest, shuffled):
        town = make_town()
        numbers = {key: town.number(key) for key in _PEOPLE}
        for place, (kept, absorbed) in enumerate(merges):
            merge(kept, absorbed, town=town, made_us=place)
        results.append({key: town.person(number) for key, number in numbers.items()})
    assert results[0] == results[1]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forest=draw_forest(), undone=st.sets(st.integers(0, len(_PEOPLE) - 2)))
def test_undoing_merges_leaves_the_groups_that_the_others_make(make_town, merge, forest, undone):
    town, other = make_town(), make_town()
    for each in (town, other):
        for key in _PEOPLE:
            each.number(key)
    for place, (kept, absorbed) in enumerate(forest):
        merge(kept, absorbed, town=town, made_us=place)
        if place not in undone:
            merge(kept, absorbed, town=other, made_us=place)
    for place in sorted(undone):
        if place < len(forest):
            with town.store.writing() as session:
                undo_merge(session, "<".join(forest[place]), 100)
    assert town.groups() == other.groups()
