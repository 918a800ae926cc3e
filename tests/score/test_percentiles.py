"""Where a score lies among those of its brand: the same whoever tells it."""

from __future__ import annotations

from datetime import timedelta
from queue import Queue
from threading import Thread

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer_fusion.pipeline import import_events
from consumer_fusion.score.model.percentiles import compute_distribution
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_visibility import find_brand_ids
from consumer_fusion.score.snapshot_renewal import take_snapshots
from small_workspaces import NOW, make_order, open_small

CROWD = st.tuples(
    st.floats(0, 100), st.sampled_from([0.0, 1e-5, 0.01, 0.08, 3.0, 40.0]), st.integers(1, 3_000)
)
"""Some pairs around a score: all at it, within a hundredth of it, or far spread."""


def scatter(crowds, seed):
    """The scores of a brand whose pairs stand in crowds."""
    chance = np.random.default_rng(seed)
    return np.concatenate(
        [np.clip(center + width * chance.normal(size=count), 0, 100) for center, width, count in crowds]
    ).round(6)


def count_place(scores, value):
    """The percentile by its definition."""
    return 100 * ((scores < value).sum() + (scores == value).sum() / 2) / len(scores)


@given(crowds=st.lists(CROWD, min_size=1, max_size=3), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_a_place_told_from_all_scores_is_exact(crowds, seed):
    scores = scatter(crowds, seed)[:400]
    told = compute_distribution(scores).rank(scores)
    assert told.tolist() == pytest.approx([count_place(scores, each) for each in scores], abs=1e-9)


def test_the_last_bits_of_a_score_do_not_move_its_place():
    # Read alone and read among all, the score of one pair is added up in another order.
    scores = [50.0] * 40 + [61.0] * 60
    assert compute_distribution(scores).rank([50.0 + 1e-11, 50.0 - 1e-11]).tolist() == [20.0, 20.0]


def test_a_consumer_asked_about_alone_stands_where_the_list_of_the_brand_says(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        # All of them bought once within an hour, so that their scores lie within a hundredth of a point.
        import_events(
            workspace,
            [make_order(each, consumer=f"guest-{each}", days_ago=10 + each / 960) for each in range(40)],
        )
        listed = {row["consumer"]: row for row in answers.score_pairs(workspace, as_of=NOW).to_pylist()}
        for has_snapshot in (False, True):
            if has_snapshot:
                with workspace.store.reading() as session:
                    brand_ids = find_brand_ids(session, "bakery")
                assert take_snapshots(workspace, brand_ids) == 1
            for name in ("guest-0", "guest-7", "guest-39"):
                (alone,) = answers.score_pairs(
                    workspace, brand="bakery", consumer=name, as_of=NOW
                ).to_pylist()
                assert alone["percentile"] == pytest.approx(listed[name]["percentile"], abs=1e-9)


def test_a_question_about_one_pair_does_not_wait_for_an_import_that_writes(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(each, consumer=f"guest-{each}") for each in range(40)])
        answers.score_pairs(workspace, as_of=NOW)
        told = Queue()
        ask = Thread(
            target=lambda: told.put(
                answers.score_pairs(workspace, brand="bakery", consumer="guest-3", as_of=NOW).num_rows
            )
        )
        with workspace.store.writing() as session:
            session.write_mark("an import", 1)
            ask.start()
            assert told.get(timeout=60) == 1, "it is told while the import still writes"
        ask.join()


def test_a_pair_that_only_decayed_keeps_its_percentile_among_scores_of_a_day_ago(tmp_path):
    orders = [make_order(each, consumer=f"guest-{each}", days_ago=0.1 + each / 10) for each in range(40)]
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, orders)
        with workspace.store.reading() as session:
            brand_ids = find_brand_ids(session, "bakery")
        assert take_snapshots(workspace, brand_ids) == 1
        as_of = NOW + timedelta(hours=20)
        for name in ("guest-0", "guest-7", "guest-39"):
            then, now = (
                answers.score_pairs(workspace, brand="bakery", consumer=name, as_of=moment).to_pylist()[0]
                for moment in (NOW, as_of)
            )
            assert abs(now["fusion_score"] - 50) < abs(then["fusion_score"] - 50), "it decayed"
            assert now["percentile"] == then["percentile"]
