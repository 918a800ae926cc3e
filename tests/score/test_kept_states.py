"""However states are added, moved, removed and scaled, the store keeps what a plain dictionary would."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.records.pair_state import PAIRS, STATE_BLOCKS, STATE_CHANGES, STATE_COLUMNS
from consumer_fusion.score.states import kept_states, state_blocks
from consumer_fusion.score.states.kept_states import (
    add_states,
    count_kept_states,
    move_changes,
    read_kept_states,
    remove_states,
    scale_states,
    stream_kept_states,
)
from consumer_fusion.storage.sqlite import SQLiteStore

FAR = 2**62 + 5


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "store.db")
    store.create()
    yield store
    store.close()


@pytest.fixture(
    params=[(50_000, 500, 2_000), (1, 500, 2_000), (1, 0, 2_000), (1, 0, 3)],
    ids=["as changes", "in blocks", "in blocks that are listed", "in a few blocks at a time"],
)
def any_store(request, store, monkeypatch):
    """Few changes wait, many go into blocks at once, which are looked up one by one or listed."""
    monkeypatch.setattr(kept_states, "MANY_CHANGES", request.param[0])
    monkeypatch.setattr(state_blocks, "FEW_PAIRS", request.param[1])
    monkeypatch.setattr(state_blocks, "_BLOCKS_PER_BATCH", request.param[2])
    return store


@pytest.fixture
def block_store(store, monkeypatch):
    monkeypatch.setattr(kept_states, "MANY_CHANGES", 1)
    return store


def make_states(keys, amount=1.0, last=10):
    rows = [(*key, 1, *(amount * number for number in (1, 2, 3, 4, 5)), last) for key in keys]
    columns = zip(*rows) if rows else [[] for _ in STATE_COLUMNS]
    types = [pa.float64() if name in "xyqru" else pa.int64() for name in STATE_COLUMNS]
    return pa.table({n: pa.array(list(c), t) for n, c, t in zip(STATE_COLUMNS, columns, types, strict=True)})


def read_all(session):
    rows = list(zip(*(column.to_pylist() for column in read_kept_states(session).columns), strict=True))
    found = {row[:3]: row[3:] for row in rows}
    assert len(found) == len(rows), "a pair and kind has two states"
    return found


def check_blocks(session):
    """Pairs lie together in one block, no block is too large, the counts and the list of pairs are true."""
    rows = session.read(STATE_BLOCKS).to_pylist()
    assert all(len(row["states"]) == 64 * row["state_count"] for row in rows)
    whole = read_kept_states(session)
    pairs = list(zip(whole["consumer_id"].to_pylist(), whole["brand_id"].to_pylist(), strict=True))
    largest_pair = max(Counter(pairs).values(), default=0)
    assert all(0 < row["state_count"] <= state_blocks.LARGEST_BLOCK + largest_pair for row in rows)
    runs = [pair for before, pair in zip([None, *pairs], pairs) if pair != before]
    assert len(runs) == len(set(runs))
    listed = session.read(PAIRS)
    assert set(zip(listed["consumer_id"].to_pylist(), listed["brand_id"].to_pylist(), strict=True)) >= set(
        pairs
    )


def test_states_are_added_up_and_the_newest_event_is_kept(any_store):
    with any_store.writing() as session:
        add_states(session, [make_states([(1, 7, 2), (1, 7, 2), (2, 7, 2)])])
        add_states(
            session, [make_states([(1, 7, 2)], amount=0.25, last=4), make_states([(FAR, 8, 1)], last=99)]
        )
        assert read_all(session) == {
            (1, 7, 2): (3, 2.25, 4.5, 6.75, 9.0, 11.25, 10),
            (2, 7, 2): (1, 1.0, 2.0, 3.0, 4.0, 5.0, 10),
            (FAR, 8, 1): (1, 1.0, 2.0, 3.0, 4.0, 5.0, 99),
        }
        check_blocks(session)


def test_doubles_are_kept_to_the_last_bit(store):
    amounts = [0.1 + 0.2, 1e-300, 5e-324, 3e307]
    with store.writing() as session:
        add_states(session, [make_states([(n, 1, 1)], amount) for n, amount in enumerate(amounts)])
        kept = read_kept_states(session).sort_by("consumer_id")
    assert kept["x"].to_pylist() == amounts


def test_a_brand_that_grows_is_cut_into_blocks_and_read_in_any_selection(any_store):
    random = np.random.default_rng(5)
    keys = [
        (int(c), b, k) for c in random.permutation(3_000) for b in (1, 2) for k in range(1, 1 + int(c) % 4)
    ]
    with any_store.writing() as session:
        for first in range(0, len(keys), 1_700):
            add_states(session, [make_states(keys[first : first + 1_700])])
        check_blocks(session)
        assert read_all(session).keys() == set(keys)
        assert session.count(STATE_BLOCKS) <= 2.5 * len(keys) / state_blocks.STATES_PER_BLOCK

        def choose(**selection):
            rows = read_kept_states(session, **selection)
            return set(zip(*(rows[name].to_pylist() for name in STATE_COLUMNS[:3]), strict=True))

        assert choose(brand_ids=[2]) == {key for key in keys if key[1] == 2}
        assert choose(consumers=[5, 77, 99_999]) == {key for key in keys if key[0] in (5, 77)}
        assert choose(consumers=[5, 77], brand_ids=[1]) == {k for k in keys if k[0] in (5, 77) and k[1] == 1}
        assert choose(consumers=[]) == choose(brand_ids=[]) == choose(brand_ids=[3]) == set()
        assert count_kept_states(session, 1) == len(keys) / 2
        assert pa.concat_tables(stream_kept_states(session)).num_rows == len(keys)


def test_only_the_blocks_of_an_event_are_written(block_store):
    keys = [(consumer, 1, kind) for consumer in range(2_000) for kind in (1, 2)]
    with block_store.writing() as session:
        add_states(session, [make_states(keys)])
        before = {row["first_place"]: row["states"] for row in session.read(STATE_BLOCKS).to_pylist()}
        add_states(session, [make_states([(1_000, 1, 1), (1_001, 1, 3)])])
        after = {row["first_place"]: row["states"] for row in session.read(STATE_BLOCKS).to_pylist()}
    assert before.keys() == after.keys()
    assert sum(before[place] != after[place] for place in before) == 2


def test_a_state_that_is_scaled_keeps_its_number_of_events(any_store):
    with any_store.writing() as session:
        add_states(session, [make_states([(c, b, k) for c in range(200) for b in (1, 2) for k in (1, 2)])])
        scale_states(session, 0.5, kind_ids=[2], brand_ids=[1])
        found = read_all(session)
        check_blocks(session)
    assert found[3, 1, 2] == (1, 0.5, 1.0, 0.75, 1.0, 1.25, 10)
    assert found[3, 1, 1] == found[3, 2, 2] == (1, 1.0, 2.0, 3.0, 4.0, 5.0, 10)


def test_changes_that_wait_are_moved_once_there_are_many(store, monkeypatch):
    monkeypatch.setattr(kept_states, "CHANGES_PER_MOVE", 70)
    keys = [(consumer, 1, kind) for consumer in range(200) for kind in (1, 2)]
    with store.writing() as session:
        add_states(session, [make_states(keys)])
    assert move_changes(store, least=1_000) == 0
    assert move_changes(store, least=400) == 400
    with store.writing() as session:
        assert session.count(STATE_CHANGES) == 0
        add_states(session, [make_states(keys[:3], last=99)])
        found = read_all(session)
        assert len(found) == 400
        assert found[0, 1, 1] == (2, 2.0, 4.0, 6.0, 8.0, 10.0, 99)
        assert read_kept_states(session, consumers=[1]).num_rows == 2
        check_blocks(session)
    assert move_changes(store, least=0) == 3


KEYS = st.tuples(
    st.sampled_from([1, 2, 17, 33, 400, FAR]), st.sampled_from([1, 2, 9]), st.sampled_from([1, 2, 300])
)
SOME = st.one_of(st.none(), st.lists(st.sampled_from([1, 2, 9, 17, 300, 400, FAR]), max_size=4))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("move"), st.none()),
        st.tuples(st.just("add"), st.lists(KEYS, min_size=1, max_size=30)),
        st.tuples(st.just("remove"), st.tuples(SOME, SOME, SOME)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_adding_and_removing_leaves_what_a_dictionary_would(store, steps):
    expected = {}
    with pytest.MonkeyPatch.context() as patch, store.writing() as session:
        remove_states(session)
        patch.setattr(kept_states, "MANY_CHANGES", 8)
        patch.setattr(state_blocks, "STATES_PER_BLOCK", 2)
        patch.setattr(state_blocks, "LARGEST_BLOCK", 4)
        for step, given_ in steps:
            if step == "move":
                kept_states.move_some(session)
            elif step == "add":
                add_states(session, [make_states(given_)])
                for key in given_:
                    expected[key] = expected.get(key, 0) + 1
            else:
                consumers, brands, kinds = given_
                remove_states(session, consumers=consumers, brand_ids=brands, kind_ids=kinds)
                expected = {
                    key: count
                    for key, count in expected.items()
                    if any(
                        wanted is not None and value not in wanted
                        for value, wanted in zip(key, (consumers, brands, kinds), strict=True)
                    )
                }
        assert {key: row[0] for key, row in read_all(session).items()} == expected
        check_blocks(session)
