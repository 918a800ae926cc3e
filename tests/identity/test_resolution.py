"""Who is who by rules, told as it happens to people."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.identity.merges import read_identity_map, undo_merge


def test_phone_and_laptop_are_one_person_after_signing_in(town):
    town.see((None, {"device": "phone-7"}), (None, {"cookie": "laptop-3"}))
    assert town.groups() == {frozenset({"device:phone-7"}), frozenset({"cookie:laptop-3"})}

    town.see(("anna", {"device": "phone-7"}), ("anna", {"cookie": "laptop-3"}))

    assert town.groups() == {frozenset({"anna", "device:phone-7", "cookie:laptop-3"})}
    assert town.person(town.number("device:phone-7")) == "anna"


def test_what_a_signed_in_phone_does_later_without_signing_in_is_still_hers(town):
    town.see(("anna", {"device": "phone-7"}))
    seen = town.see((None, {"device": "phone-7"}))
    assert seen.consumer_ids == (town.number("anna"),)


def test_shop_and_web_shop_keys_with_one_email_are_one_person(town):
    town.see(("shop-12", {"email": "Anna@Example.org "}), ("web-88", {"Email": "anna@example.org"}))
    assert town.groups() == {frozenset({"shop-12", "web-88"})}
    assert town.identity("web-88").merges[0].reason == "The same email was seen for both."


def test_a_shared_family_tablet_never_merges_two_accounts(town):
    town.see((None, {"device": "tablet"}))
    town.see(("mother", {"device": "tablet", "email": "mother@home.org"}))
    town.see(("daughter", {"device": "tablet", "email": "daughter@home.org"}))
    town.see(("grandfather", {"device": "tablet"}))

    assert town.groups() == {
        frozenset({"mother", "device:tablet"}),
        frozenset({"daughter"}),
        frozenset({"grandfather"}),
    }
    assert ("mother", "daughter", "They share a device, which alone joins nobody.") in town.conflicts()


@pytest.mark.parametrize("first_account_comes", ["early", "late"])
def test_two_accounts_with_one_email_are_never_one_consumer(town, first_account_comes):
    sightings = [("a", {"account": "1"}), ("a", {"email": "we@home.org"}), ("b", {"email": "we@home.org"})]
    if first_account_comes == "late":
        sightings.reverse()
    town.see(*sightings)
    town.see(("b", {"account": "2"}))

    assert town.groups() == {frozenset({"a"}), frozenset({"b"})}
    assert [reason for _, _, reason in town.conflicts()] == ["They have a different account."]


def test_an_address_typed_by_someone_with_another_one_joins_nobody(town):
    town.see(("anna", {"email": "anna@example.org"}), ("ben", {"email": "ben@example.org"}))
    town.see(("ben", {"email": "anna@example.org"}))
    assert town.groups() == {frozenset({"anna"}), frozenset({"ben"})}
    assert town.conflicts() == [("anna", "ben", "They have a different email.")]


def test_a_phone_number_in_common_does_not_outweigh_two_addresses(town):
    town.see(
        ("anna", {"email": "anna@example.org", "phone": "+49 170 1234567"}),
        ("ben", {"email": "ben@example.org", "phone": "0049 170 1234567"}),
    )
    assert town.groups() == {frozenset({"anna"}), frozenset({"ben"})}


def test_a_changed_email_of_one_account_keeps_its_history(town):
    town.see((None, {"email": "old@example.org"}))
    town.see(("anna", {"account": "1", "email": "old@example.org"}))
    town.see(("anna", {"account": "1", "email": "new@example.org"}))
    town.see((None, {"account": "1", "email": "newest@example.org"}))
    assert town.groups() == {frozenset({"anna", "email:old@example.org"})}
    assert len(town.identity("anna").identifiers) == 4


def test_a_stranger_on_a_known_device_who_gives_an_email_is_a_new_consumer(town):
    town.see(("anna", {"device": "tablet", "email": "anna@example.org"}))
    seen = town.see((None, {"device": "tablet", "email": "ben@example.org"}))
    assert seen.consumer_ids == (town.number("email:ben@example.org"),)
    assert town.groups() == {frozenset({"anna"}), frozenset({"email:ben@example.org"})}


def test_an_unknown_account_is_not_given_to_the_holder_of_its_email(town):
    town.see(("anna", {"account": "1", "email": "we@home.org"}))
    town.see((None, {"account": "2", "email": "we@home.org"}))
    assert town.groups() == {frozenset({"anna"}), frozenset({"account:2"})}


def test_a_sighting_with_nothing_to_go_by_is_nobodys(town):
    seen = town.see((None, {}), (None, {"email": "null"}), (None, {"ip": "10.0.0.1"}), ("anna", {}))
    assert seen.consumer_ids == (0, 0, 0, town.number("anna"))
    assert town.owners() == {}


def test_a_placeholder_that_every_guest_has_joins_nobody(town):
    town.see(*((f"guest-{n}", {"user_id": "undefined", "email": "N/A", "phone": "0"}) for n in range(5)))
    assert all(len(group) == 1 for group in town.groups())


def test_a_consumer_is_known_by_at_most_so_many_identifiers(make_town):
    town = make_town(limit=3)
    town.see(*(("bot", {"device": f"device-{n}"}) for n in range(10)))
    assert len(town.identity("bot").identifiers) == 3
    assert town.conflicts() == [("bot", None, "It is known by as many identifiers as a consumer may have.")]


def test_an_address_shared_by_a_thousand_keys_does_not_make_one_giant(make_town):
    town = make_town(limit=5)
    town.see(*((f"order-{n}", {"email": "orders@agency.org"}) for n in range(40)))
    assert max(len(group) for group in town.groups()) == 5


def test_a_conflict_met_daily_is_recorded_once(town):
    for _ in range(3):
        town.see(("anna", {"device": "tablet"}), ("ben", {"device": "tablet"}))
    assert len(town.conflicts()) == 1


def test_what_staff_parted_the_rules_do_not_join_again(town):
    first = town.see(("anna", {"email": "we@home.org"}), ("ben", {"email": "we@home.org"}))
    with town.store.writing() as session:
        undo_merge(session, first.merges[0].merge_id, 5_000_000)

    again = town.see(("anna", {"email": "we@home.org"}), ("ben", {"email": "we@home.org"}))

    assert again.merges == ()
    assert town.groups() == {frozenset({"anna"}), frozenset({"ben"})}
    assert town.conflicts() == [("anna", "ben", "A merge of the two was undone before.")]


def test_the_pipeline_is_told_whose_events_count_for_another_than_before(town):
    town.see((None, {"device": "phone-7"}), ("anna", {"email": "anna@example.org"}), ("ben", {}))
    seen = town.see(("anna", {"device": "phone-7"}))
    device, anna = town.number("device:phone-7"), town.number("anna")
    assert seen.regrouped == {device: (device, anna)}


def test_a_merge_says_types_and_never_values(town):
    town.see(("a", {"email": "secret@example.org"}), ("b", {"email": "secret@example.org"}))
    town.see(("a", {"account": "4711"}), ("b", {"account": "4712"}))
    shown = town.identity("a")
    assert len(shown.merges) == 1
    assert len(shown.conflicts) == 1
    assert not any(
        "secret" in each.reason or "471" in each.reason for each in (*shown.merges, *shown.conflicts)
    )


# Three people; each has an account and an e-mail of their own, and all share a telephone, a tablet and a cookie.
_OWN = {"account": "account-{}", "email": "person-{}@example.org"}
_SHARED = {"phone": "0170 1234567", "device": "tablet", "cookie": "browser"}


@st.composite
def draw_household(draw):
    person = draw(st.integers(0, 2))
    own = {name: _OWN[name].format(person) for name in draw(st.sets(st.sampled_from(sorted(_OWN))))}
    shared = {name: _SHARED[name] for name in draw(st.sets(st.sampled_from(sorted(_SHARED))))}
    is_named = draw(st.booleans())
    return (f"person-{person}" if is_named else None, own | shared)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(draw_household(), max_size=8), max_size=4))
def test_in_any_order_two_accounts_or_two_emails_never_meet_in_one_consumer(make_town, batches):
    town = make_town()
    for batch in batches:
        town.see(*batch)
    keys, owners = town.keys(), town.owners()
    with town.store.reading() as session:
        kept = read_identity_map(session)
    for name in _OWN:
        holders = [kept.get(owner, owner) for (kind, _), owner in owners.items() if kind == name]
        assert len(holders) == len(set(holders)), (name, town.groups(), keys)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(draw_household(), max_size=10))
def test_the_same_sightings_again_change_nothing(make_town, batch):
    town = make_town()
    town.see(*batch)
    groups, owners = town.groups(), town.owners()
    again = town.see(*batch)
    assert (again.merges, again.undone_merge_ids, again.identifier_count) == ((), (), 0)
    assert again.regrouped == {}
    assert (town.groups(), town.owners()) == (groups, owners)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(draw_household(), max_size=8), max_size=3))
def test_what_a_batch_reports_is_what_the_store_then_says(make_town, batches):
    town = make_town()
    told: dict[int, int] = {}
    for batch in batches:
        seen = town.see(*batch, seen_us=7)
        for raw, (before, after) in seen.regrouped.items():
            assert told.get(raw, raw) == before
            told[raw] = after
        with town.store.reading() as session:
            kept = read_identity_map(session)
        assert {raw: to for raw, to in told.items() if raw != to} == {
            raw: to for raw, to in kept.items() if raw != to
        }


@st.composite
def draw_people(draw):
    """People who never contradict each other: a few keys each, one e-mail, one telephone, a device a key."""
    sightings = []
    for person in range(draw(st.integers(1, 3))):
        strong = {"email": f"p{person}@example.org", "phone": f"0170 000000{person}"}
        for _ in range(draw(st.integers(1, 5))):
            key = draw(st.sampled_from([None, f"shop-{person}", f"app-{person}"]))
            names = draw(st.sets(st.sampled_from(sorted(strong)), min_size=0 if key else 1))
            device = {"device": f"device-of-{key}"} if key and draw(st.booleans()) else {}
            sightings.append((key, {name: strong[name] for name in names} | device))
        if draw(st.booleans()):
            sightings.append((None, {"device": f"device-of-app-{person}"}))
    return sightings


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sightings=draw_people(), seed=st.integers(0, 1_000))
def test_where_nothing_is_contradictory_the_order_of_sightings_does_not_matter(make_town, sightings, seed):
    shuffled = list(enumerate(sightings))
    random.Random(seed).shuffle(shuffled)
    results = []
    for order in (list(enumerate(sightings)), shuffled):
        town = make_town()
        numbers = town.see(*(sighting for _, sighting in order)).consumer_ids
        together: dict[str, set[int]] = {}
        for (place, _), number in zip(order, numbers, strict=True):
            together.setdefault(town.person(number), set()).add(place)
        results.append({frozenset(places) for places in together.values()})
    assert results[0] == results[1]
