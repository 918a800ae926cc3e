"""An event that lies in a segment is recognised by the digest of its id, however long ago it was sealed."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import consumer_fusion as fusion
from consumer_fusion.events.sealed_ids import DIGEST_SQL, _seal_digests
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.storage.segments import list_segments, place_digests, sweep_files
from copied_workspaces import copy_made
from small_workspaces import count_places, list_files, make_order, make_orders, open_small, seal

ORDERS = make_orders(40)


def make_sealed(folder):
    with open_small(folder) as workspace:
        fusion.import_events(workspace, ORDERS)
        assert seal(workspace) == 40


@pytest.fixture
def sealed(tmp_path):
    """A workspace whose events all lie in segments."""
    with open_small(copy_made(tmp_path, make_sealed)) as workspace:
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


def harm_file(path, harm):
    content = path.read_bytes()
    match harm:
        case "removed":
            path.unlink()
        case "cut off":
            path.write_bytes(content[:-3])
        case "filled with zeros":
            path.write_bytes(bytes(len(content)))
        case "changed":
            path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        case "without its seal":
            path.write_bytes(content[:-32])


@pytest.mark.parametrize("harm", ["removed", "cut off", "filled with zeros", "changed", "without its seal"])
def test_digests_that_are_gone_or_not_whole_are_made_again(sealed, harm):
    fusion.import_events(sealed, ORDERS[:1])
    files = {path: path.read_bytes() for path in list_digests(sealed)}
    assert files
    for path in files:
        harm_file(path, harm)
    told = fusion.import_events(sealed, ORDERS)
    assert (told.accepted, told.duplicates) == (0, 40)
    assert {path: path.read_bytes() for path in list_digests(sealed)} == files


def test_the_digests_of_another_segment_are_not_believed(sealed):
    fusion.import_events(sealed, ORDERS[:1])
    by_size = {}
    for path in list_digests(sealed):
        by_size.setdefault(path.stat().st_size, []).append(path)
    one, other = next(paths for paths in by_size.values() if len(paths) > 1)[:2]
    one.write_bytes(other.read_bytes())
    assert fusion.import_events(sealed, ORDERS).accepted == 0


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
        digests = np.full(each.row_count, digest, np.uint64)
        seal_of_file = _seal_digests(each.sha256, digests)
        place_digests(sealed.folder / each.path).write_bytes(digests.tobytes() + seal_of_file)
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
        assert left.exists()  # somebody may be writing it
        sweep_files(session, sealed.folder, replaced_before=left.stat().st_mtime + 1.0)
    assert place_digests(kept).exists()
    assert not left.exists()
    assert not any(place_digests(path).exists() for path in gone)
