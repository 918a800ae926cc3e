"""The points table: what ships, how a workspace changes it, what it refuses, and how versions differ."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.errors import PointsError, RefusedError
from consumer_fusion.score.points.points_overrides import list_overridden
from consumer_fusion.score.points.points_store import (
    keep_points,
    read_kept_points,
    read_kind_ids,
    register_kinds,
)
from consumer_fusion.score.points.points_table import (
    apply_multipliers,
    digest_folding,
    load_points,
    read_points,
    write_points,
)
from consumer_fusion.score.points_comparison import compare_points
from consumer_fusion.storage.sqlite import SQLiteStore
from pair_ledgers import EVIDENCE_KINDS, POINTS

INTENSITIES = [0.1, 0.3, 1, 3, 5, 8]
NEGATIVE_INTENSITIES = [0.3, 0.8, 2.7, 8, 13, 21]
HALF_LIVES = {7, 30, 60, 90, 180, 365, 1825, 7300}


@pytest.fixture
def load(tmp_path):
    """Load the shipped table with the changes of a text."""

    def load(text):
        path = tmp_path / "points.toml"
        path.write_text(text)
        return load_points(path)

    return load


@pytest.fixture
def find_problems(load):
    """The problems of a text, one a line."""

    def find(text):
        with pytest.raises(PointsError) as caught:
            load(text)
        return [line for line in str(caught.value).splitlines() if line.startswith("- ")]

    return find


def list_points(kind):
    return {entry.facet: entry.points for entry in kind.entries}


# --- what ships ---


def test_the_shipped_table_has_the_founding_kinds():
    assert list_points(POINTS.kinds["Association Observed/gained"]) == {"influence": 3, "standing": 3}
    assert list_points(POINTS.kinds["Reputation Harmed"]) == {"influence": -8, "standing": -8}
    assert list_points(POINTS.kinds["Product Failed"]) == {"delight": -8}
    assert list_points(POINTS.kinds["Complaint Published"]) == {"voice": -8}
    assert POINTS.kinds["Complaint Published"].spreads == "Reputation Harmed"
    assert len(EVIDENCE_KINDS) > 80


@pytest.mark.parametrize("key", POINTS.kinds)
def test_every_shipped_kind_stands_on_the_ladders_and_says_what_it_means(key):
    kind = POINTS.kinds[key]
    assert kind.half_life_days in HALF_LIVES
    assert kind.meaning
    # A negative that takes back money or visits is a reversal: it stands on the ladder of what was given.
    for entry in kind.entries:
        ladder = INTENSITIES if entry.points > 0 or key.startswith(("Order", "Association")) else []
        mended = NEGATIVE_INTENSITIES if kind.mends or entry.points < 0 else []
        assert abs(entry.points) in [*ladder, *mended]


def test_constants_are_those_of_the_model():
    constants = POINTS.constants
    assert (constants.scale, constants.knee, constants.balance_width) == (25, 10, 5)
    assert (constants.ignorance, constants.ignorance_events) == (12, 0.5)
    assert constants.balance == pytest.approx(1 / 3)
    assert constants.negativity == pytest.approx(8 / 3)


def test_contacting_a_brand_or_using_a_right_never_costs_the_consumers_side():
    for event in ("Ticket Opened", "Live Chat Conversation Started", "Complaint Made", "Erasure Requested"):
        for kind in POINTS.kinds.values():
            if kind.event == event:
                assert not any(e.points < 0 and e.direction == "consumer_to_brand" for e in kind.entries)


def test_asking_for_help_and_using_a_right_hint_at_nothing(find_problems):
    hinted = {kind.event for kind in POINTS.kinds.values() if kind.hint}
    assert {"Complaint Made", "Complaint Published", "First Reply"} <= hinted
    for event in ("Ticket Opened", "Live Chat Conversation Started", "Erasure Requested"):
        assert event not in hinted
        assert "remove hint" in find_problems(f'[kinds."{event}"]\nhint = "dissatisfaction"\n')[0]
    assert "known are dissatisfaction" in find_problems('[kinds."Handed Off"]\nhint = "joy"\n')[0]


def test_a_table_of_an_older_release_keeps_its_version():
    older = write_points(POINTS)
    for kind in older["kinds"]:
        kind.pop("hint", None)
    assert {"hint"} & {name for kind in write_points(read_points(older))["kinds"] for name in kind} == set()
    assert digest_folding(read_points(older)) == digest_folding(POINTS)


# --- changes of a workspace ---


def test_only_what_is_named_changes(load):
    points = load('[kinds."Order Completed"]\npoints = { wallet = 5 }\n')
    changed = points.kinds["Order Completed"]
    assert list_points(changed) == {"wallet": 5, "feet": 3, "delight": 3}
    assert replace(changed, entries=()) == replace(POINTS.kinds["Order Completed"], entries=())
    assert [entry.is_graded for entry in changed.entries] == [True, False, False]
    others = {key: kind for key, kind in points.kinds.items() if key != "Order Completed"}
    assert others == {key: kind for key, kind in POINTS.kinds.items() if key != "Order Completed"}


def test_a_facet_set_to_zero_is_taken_away(load):
    points = load('[kinds."Order Completed"]\npoints = { wallet = 0 }\n')
    assert list_points(points.kinds["Order Completed"]) == {"feet": 3, "delight": 3}


def test_a_new_variant_is_tried_before_those_that_ship(load):
    points = load(
        '[kinds."Order Completed/gift card"]\nmeaning = "A gift card"\nhalf_life_days = 90\n'
        'when = { product = { in = ["card", "voucher"] }, value = { above = 5, at_most = 500 } }\n'
        "points = { wallet = 1 }\n"
    )
    variants = [kind.key for kind in points.kinds.values() if kind.event == "Order Completed"]
    assert variants == ["Order Completed/gift card", "Order Completed/no payment", "Order Completed"]
    conditions = points.kinds["Order Completed/gift card"].conditions
    assert [(c.field, c.comparison, c.value) for c in conditions] == [
        ("product", "in", ("card", "voucher")),
        ("value", "above", 5),
        ("value", "at_most", 500),
    ]


def test_a_new_event_is_added(load):
    points = load('[kinds."Dog Groomed"]\nhalf_life_days = 30\npoints = { delight = 1 }\n')
    assert list(points.kinds)[-1] == "Dog Groomed"
    assert points.kinds["Dog Groomed"].event == "Dog Groomed"


def test_a_key_may_name_its_event_itself(load):
    points = load('[kinds."Parcel A/B"]\nevent = "Parcel A/B"\nhalf_life_days = 30\n')
    assert points.kinds["Parcel A/B"].event == "Parcel A/B"


def test_an_empty_file_changes_nothing(load):
    assert load("") == POINTS


def test_what_a_workspace_set_can_be_listed(tmp_path):
    path = tmp_path / "points.toml"
    path.write_text('[constants]\nknee = 12\n[kinds."Stockout"]\npoints = { service = -1 }\n')
    assert list_overridden(path) == {"Stockout"}


def test_a_recovery_follows_what_the_workspace_makes_of_its_failure(load):
    changed = load(
        '[kinds."Service Failed"]\nhalf_life_days = 365\npoints = { service = -5, standing = -1 }\n'
    )
    recovery = changed.kinds["Recovery/Service Failed"]
    assert list_points(recovery) == {"service": 5, "standing": 1}
    assert recovery.half_life_days == 365
    assert all(entry.is_graded for entry in recovery.entries)
    own = load(
        '[kinds."Service Failed"]\npoints = { service = -9 }\n'
        '[kinds."Recovery/Service Failed"]\npoints = { service = 4 }\n'
    )
    assert list_points(own.kinds["Recovery/Service Failed"]) == {"service": 4}


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[kinds."Stockout"]\npoints = { charm = 1 }', "'charm' is not a facet"),
        ('[kinds."Stockout"]\npoints = { service = "much" }', "have to be a number, found 'much'"),
        ('[kinds."Stockout"]\npoints = { service = nan }', "have to be a number, found nan"),
        ('[kinds."Stockout"]\npoints = 3', "points has to be a table of facets"),
        ('[kinds."Stockout"]\nhalflife = 3', "'halflife' is not a field; known are"),
        ('[kinds."Stockout"]\nmagnitude = "huge"', "magnitude 'huge' is no rule"),
        ('[kinds."Stockout"]\nhalf_life_days = 0', "half_life_days has to be a number above 0, found 0"),
        ('[kinds."Stockout"]\nhalf_life_days = inf', "half_life_days has to be a number above 0, found inf"),
        (
            '[kinds."Stockout"]\nhalf_life_days = true',
            "half_life_days has to be a number above 0, found True",
        ),
        ('[kinds."New"]\npoints = { feet = 1 }', "half_life_days has to be a number above 0, found None"),
        ('[kinds."Stockout"]\ntrust = 1.5', "trust has to be from 0 to 1, found 1.5"),
        ('[kinds."Stockout"]\nis_brand_action = "no"', "is_brand_action has to be true or false"),
        ('[kinds."Stockout"]\nmeaning = 3', "meaning has to be a text, found 3"),
        ('[kinds."Stockout"]\ngraded = ["delight"]', "graded names 'delight', which has no points"),
        ('[kinds."Stockout"]\ngraded = "service"', "graded has to be a list of facets"),
        ('[kinds."Stockout"]\nwhen = { size = { over = 3 } }', "'over' is no comparison; known are"),
        ('[kinds."Stockout"]\nwhen = { size = { above = "3" } }', "when size above: expected a number"),
        ('[kinds."Stockout"]\nwhen = { size = { in = "a" } }', "when size in: expected a list"),
        ('[kinds."Stockout"]\nwhen = { size = ["a", "b"] }', "when size is: expected one value"),
        ('[kinds."Stockout"]\nwhen = "always"', "when has to be a table of conditions"),
        ('[kinds."Stockout"]\nspreads = "Gossip"', 'spreads names "Gossip", which is not in the table'),
        ('[kinds."Stockout"]\nderives = "Gossip"', 'derives names "Gossip", which is not in the table'),
        ('[kinds."Stockout"]\nmends = "Gossip"', 'mends names "Gossip", which is not in the table'),
        ("[kinds]\nStockout = 3", "expected a table of fields, found 3"),
        ("[constants]\nkne = 3", "'kne' is not a constant of the model"),
        ("[constants]\nknee = -3", "knee has to be a number above 0"),
        ("[constants]\nbalance = 1", "balance has to be below 1"),
        ("kinds = 3", "kinds: expected a table"),
        ("color = 3", "'color' is not part of a points table"),
        ('model = "fs2"', "this program computes 'fs1', the table is for 'fs2'"),
    ],
)
def test_a_broken_rule_is_told_with_what_was_found(text, problem, find_problems):
    assert any(problem in line for line in find_problems(text))


def test_a_variant_that_is_never_reached_is_refused(find_problems):
    problems = find_problems('[kinds."Order Completed/no payment"]\nwhen = {}')
    assert problems == [
        '- kinds."Order Completed": is never reached, because "Order Completed/no payment" before it takes '
        "every 'Order Completed'; give that one a condition (when) or put it last."
    ]


def test_two_recoveries_of_one_failure_are_refused(find_problems):
    (problem,) = find_problems('[kinds."Recovery/again"]\nhalf_life_days = 90\nmends = "Stockout"')
    assert "is never reached" in problem


@pytest.mark.parametrize(
    "event", ["Consent Withdrawn", "Erasure Requested/met in time", "Access Requested/x"]
)
@pytest.mark.parametrize("facet_points", ["feet = 1", "voice = -1"])
def test_a_right_may_never_touch_what_the_consumer_gives(event, facet_points, find_problems):
    text = f'[kinds."{event}"]\nhalf_life_days = 30\nwhen = {{ x = 1 }}\npoints = {{ {facet_points} }}'
    assert any("using a right has no points of the consumer" in line for line in find_problems(text))


def test_asking_for_help_may_not_cost_the_consumers_side(find_problems, load):
    (problem,) = find_problems('[kinds."Ticket Opened"]\npoints = { feet = -1 }')
    assert "never costs the consumer's side" in problem
    assert (
        list_points(load('[kinds."Ticket Opened"]\npoints = { feet = 1 }').kinds["Ticket Opened"])["feet"]
        == 1
    )


def test_what_spreads_may_not_exceed_its_source(find_problems):
    (problem,) = find_problems('[kinds."Reputation Raised"]\npoints = { standing = 3.5 }')
    assert (
        'kinds."Reputation Raised": 3.5 points of standing exceed the 3 of "Brand Mentioned/positive"'
        in problem
    )
    assert find_problems('[kinds."Complaint Published"]\npoints = { voice = -5 }')


def test_what_is_spread_into_may_not_spread_further(find_problems):
    problems = find_problems('[kinds."Reputation Raised"]\nspreads = "Reputation Harmed"')
    assert any("may not spread further" in problem for problem in problems)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("points = { service = 9 }", "a recovery gives back at most that"),
        ("points = { delight = 1 }", '"Service Failed" takes (0)'),
        ("points = { service = -1 }", "a recovery gives back at most that"),
        ("half_life_days = 365", 'has to be that of "Service Failed", which it repairs (180)'),
    ],
)
def test_a_recovery_mends_at_most_its_failure(text, problem, find_problems):
    assert any(problem in line for line in find_problems(f'[kinds."Recovery/Service Failed"]\n{text}'))


def test_all_problems_are_told_at_once(find_problems):
    text = '[kinds."Store Visited"]\nhalf_life_days = -1\ntrust = 2\npoints = { charm = 1 }\n[constants]\nknee = 0'
    assert len(find_problems(text)) == 4


def test_a_file_that_is_not_toml_is_refused_with_its_name(load, tmp_path):
    with pytest.raises(PointsError, match=r"points\.toml is not TOML"):
        load("[kinds")
    with pytest.raises(PointsError, match=r"absent\.toml cannot be read"):
        load_points(tmp_path / "absent.toml")


# --- versions ---


def test_a_table_comes_back_from_json_as_it_was(load):
    points = load('[kinds."Order Completed/big"]\nhalf_life_days = 9\nwhen = { a = { in = [1, 2] } }\n')
    for table in (POINTS, points):
        assert read_points(json.loads(json.dumps(write_points(table), sort_keys=True))) == table


def test_another_content_is_another_version(load):
    versions = {
        load(text).version
        for text in (
            "",
            "constants.knee = 11",
            '[kinds."Stockout"]\npoints = { service = -1 }',
            '[kinds."Stockout"]\nhalf_life_days = 91',
            '[kinds."Stockout"]\ntrust = 0.5',
        )
    }
    assert len(versions) == 5
    assert load("").version == POINTS.version


@pytest.mark.parametrize(
    "content", [{"model": "fs0"}, {"model": "fs1"}, {"model": "fs1", "constants": {}, "kinds": [1]}]
)
def test_what_is_no_table_of_this_model_is_refused(content):
    with pytest.raises(PointsError):
        read_points(content)


def test_the_differences_of_two_tables_are_named(load):
    changed = load(
        'constants.knee = 11\n[kinds."Stockout"]\nhalf_life_days = 30\npoints = { delight = -1 }\n'
        '[kinds."Dog Groomed"]\nhalf_life_days = 30\n'
    )
    differences = [d for d in compare_points(POINTS, changed) if d.kind != "Recovery/Stockout"]
    assert {(d.kind, d.field, d.before, d.after) for d in differences if d.field} == {
        ("constants", "knee", 10, 11),
        ("Stockout", "half_life_days", 90, 30),
        ("Stockout", "points.delight", None, -1),
        ("Stockout", "graded.delight", None, False),
    }
    (added,) = [d for d in differences if not d.field]
    assert (added.kind, added.before, added.after) == ("Dog Groomed", None, changed.kinds["Dog Groomed"])
    assert compare_points(POINTS, POINTS) == ()


@pytest.mark.parametrize(
    "text",
    [
        '[kinds."Stockout"]\npoints = { service = -1 }',
        '[kinds."Stockout"]\nmeaning = "Sold out"',
        "constants.knee = 11",
        '[kinds."Order Completed"]\ngraded = []',
        '[kinds."Stockout"]\nis_brand_action = true',
    ],
)
def test_other_points_need_no_new_fold(text, load):
    assert digest_folding(load(text)) == digest_folding(POINTS)


@pytest.mark.parametrize(
    "text",
    [
        '[kinds."Store Visited"]\nhalf_life_days = 91',
        '[kinds."Store Visited"]\ntrust = 0.5',
        '[kinds."Store Visited"]\nmagnitude = "stated"',
        '[kinds."Store Visited"]\nwhen = { a = 1 }',
        '[kinds."Store Visited"]\nderives = "Service Failed"',
        '[kinds."Brand Mentioned"]\nspreads = "Campaign Received"',
        '[kinds."Campaign Received"]\npoints = { delight = 1 }',
        '[kinds."Store Visited/often"]\nhalf_life_days = 90\nwhen = { a = 1 }',
    ],
)
def test_what_states_depend_on_needs_a_new_fold(text, load):
    assert digest_folding(load(text)) != digest_folding(POINTS)


def test_tables_and_numbers_of_kinds_are_kept(load, tmp_path):
    changed = load('[kinds."Dog Groomed"]\nhalf_life_days = 30\n')
    store = SQLiteStore(tmp_path / "store.db")
    store.create()
    with store.writing() as session:
        assert read_kept_points(session) is None
        first = register_kinds(session, POINTS)
        keep_points(session, POINTS, applied_us=1)
        second = register_kinds(session, changed)
        keep_points(session, changed, applied_us=2)
    with store.reading() as session:
        assert read_kept_points(session) == changed
        assert read_kind_ids(session) == second
    store.close()
    assert first.items() <= second.items()
    assert set(second) - set(first) == {"Dog Groomed"}
    assert 0 not in second.values()
    assert len(set(second.values())) == len(second)


# --- what a calibration does ---

LEARNABLE = [key for key, kind in POINTS.kinds.items() if not kind.is_brand_action]


@given(
    st.dictionaries(st.sampled_from(LEARNABLE), st.floats(0.05, 20), max_size=30),
    st.dictionaries(st.sampled_from(LEARNABLE), st.floats(0.2, 5), max_size=30),
)
def test_a_calibrated_table_keeps_every_sign_and_every_bound(multipliers, half_life_factors):
    learnt = apply_multipliers(POINTS, multipliers, half_life_factors)
    spread_into = {kind.spreads for kind in POINTS.kinds.values()}
    for key, kind in learnt.kinds.items():
        shipped = POINTS.kinds[key]
        share = (list_points(kind)[e.facet] / e.points for e in shipped.entries)
        if sum(e.points for e in shipped.entries) < 0 and key not in spread_into:
            assert min(share) >= 0.5
            assert kind.half_life_days >= shipped.half_life_days
        elif 0 < max((abs(e.points) for e in shipped.entries), default=0) < 1:
            assert max(share) <= 3.0 + 1e-9
        assert [e.points > 0 for e in kind.entries] == [e.points > 0 for e in shipped.entries]
        assert kind.conditions == shipped.conditions
        if kind.mends:
            failure = learnt.kinds[kind.mends]
            assert kind.half_life_days == failure.half_life_days
            assert {e.facet: -e.points for e in kind.entries} == pytest.approx(list_points(failure))
        if kind.spreads:
            strongest = max(abs(e.points) for e in kind.entries)
            derived = learnt.kinds[kind.spreads]
            assert max(abs(e.points) for e in derived.entries) <= strongest + 1e-9


def test_a_multiplier_scales_all_facets_of_its_kind_and_no_other():
    learnt = apply_multipliers(POINTS, {"Order Completed": 1.5}, {"Order Completed": 2})
    changed = {difference.kind for difference in compare_points(POINTS, learnt)}
    assert changed == {"Order Completed"}
    assert list_points(learnt.kinds["Order Completed"]) == {"wallet": 4.5, "feet": 4.5, "delight": 4.5}
    assert learnt.kinds["Order Completed"].half_life_days == 180
    assert learnt.version != POINTS.version


def test_a_report_of_before_there_were_bounds_is_held_at_them():
    learnt = apply_multipliers(
        POINTS, {"Product Reviewed/negative": 0.05, "Product Viewed": 15}, {"Product Reviewed/negative": 0.2}
    )
    bad = learnt.kinds["Product Reviewed/negative"]
    assert list_points(bad) == {"voice": -4, "delight": -4}
    assert bad.half_life_days == POINTS.kinds["Product Reviewed/negative"].half_life_days
    assert list_points(learnt.kinds["Product Viewed"]) == pytest.approx({"feet": 0.3})


def test_what_the_workspace_set_is_protected():
    assert apply_multipliers(POINTS, {"Stockout": 2}, {"Stockout": 2}, protect={"Stockout"}) == POINTS


def test_a_recovery_grows_with_its_failure():
    learnt = apply_multipliers(
        POINTS, {"Service Failed": 0.5, "Recovery/Service Failed": 9}, {"Service Failed": 2}
    )
    assert list_points(learnt.kinds["Recovery/Service Failed"]) == {"service": 4}
    assert learnt.kinds["Recovery/Service Failed"].half_life_days == 360


def test_what_spreads_shrinks_with_its_weakest_source():
    learnt = apply_multipliers(POINTS, {"Complaint Published": 0.5}, {})
    assert list_points(learnt.kinds["Reputation Harmed"]) == {"influence": -4, "standing": -4}
    assert list_points(learnt.kinds["Recovery/Reputation Harmed"]) == {"influence": 4, "standing": 4}
    assert learnt.kinds["Reputation Raised"] == POINTS.kinds["Reputation Raised"]


def test_something_that_the_brand_does_is_never_learnt_from_watching():
    with pytest.raises(RefusedError, match="Donation Matched"):
        apply_multipliers(POINTS, {"Donation Matched": 2}, {})
    assert apply_multipliers(POINTS, {"Donation Matched": 1}, {}) == POINTS


@pytest.mark.parametrize("multiplier", [0, -1, float("nan"), float("inf")])
def test_a_multiplier_that_could_turn_a_sign_is_refused(multiplier):
    with pytest.raises(PointsError):
        apply_multipliers(POINTS, {"Stockout": multiplier}, {})


def test_a_multiplier_of_a_kind_that_is_gone_is_passed_over():
    assert apply_multipliers(POINTS, {"Gone": 2}, {"Gone": 2}) == POINTS
