"""An event that lies in a segment is recognised by the digest of its id, however long ago it was sealed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import consumer_fusion as fusion
from consumer_fusion.ingest.sealed_ids import DIGEST_SQL
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.segment import SEEN_EVENTS
from consumer_fusion.stores import list_segments, place_digests, sweep_files
from small_workspaces import count_places, list_files, make_order, make_orders, open_small, seal

ORDERS = make_orders(40)


@pytest.fixture
def sealed(tmp_path):
    """A workspace whose events all lie in segments, their ids forgotten by the store."""
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, ORDERS)
        assert seal(workspace) == 40
        with workspace.store.writing() as session:
            session.delete(SEEN_EVENTS)
        yield workspace


def list_digests(workspace):
    return [place_digests(path) for path in list_files(workspace)]


def test_a_sealed_event_that_comes_again_changes_nothing(sealed):
    again = fusion.import_events(sealed, [*ORDERS[:9], make_order(1000)])
    assert (again.accepted, again.duplicates) == (1, 9)
    assert set(count_places(sealed).values()) == {1}


def test_the_same_id_of_another_source_is_another_event(sealed):
    told = fusion.import_events(sealed, [make_order(1, source="web shop")])
    assert (told.accepted, told.duplicates) == (1, 0)


@pytest.mark.parametrize("harm", ["removed", "cut off"])
def test_digests_that_are_gone_are_made_again(sealed, harm):
    fusion.import_events(sealed, ORDERS[:1])
    files = list_digests(sealed)
    assert files
    for each in files:
        if harm == "removed":
            each.unlink()
        else:
            each.write_bytes(each.read_bytes()[:-3])
    assert fusion.import_events(sealed, ORDERS).duplicates == 40
    assert sum(each.stat().st_size for each in list_digests(sealed)) == 40 * 8


def test_a_digest_alone_makes_no_duplicate(sealed):
    fusion.import_events(sealed, ORDERS[:1])
    with sealed.store.reading() as session:
        sources = session.read(ENTITIES, {"entity_type": "source"})
        segments = list_segments(session)
    # As if the new event had the digest of every sealed one.
    digest = int.from_bytes(
        hashlib.md5(f"{sources['entity_id'][0]} order-1000".encode()).digest()[8:], "little"
    )
    for each in segments:
        np.full(each.row_count, digest, np.uint64).tofile(place_digests(sealed.folder / each.path))
    told = fusion.import_events(sealed, [make_order(1000)])
    assert (told.accepted, told.duplicates) == (1, 0)


def test_every_engine_digests_an_id_in_the_same_way(sealed):
    told = sealed.engine.read(
        f"select {DIGEST_SQL} as digest from (select 7 as source_id, 'order-1' as event_id) k", step="digest"
    )
    assert told["digest"][0].as_py() == int.from_bytes(hashlib.md5(b"7 order-1").digest()[8:], "little")


def test_digests_go_with_their_segment(sealed):
    fusion.import_events(sealed, ORDERS[:1])
    kept, *gone = list_files(sealed)
    for path in gone:
        path.unlink()
    left = place_digests(kept).with_name(f"{place_digests(kept).name}.half")
    left.touch()
    with sealed.store.writing() as session:
        sweep_files(session, sealed.folder, replaced_before=0.0)
    assert place_digests(kept).exists()
    assert not left.exists()
    assert not any(place_digests(path).exists() for path in gone)
