"""Entities: the keys by which sources name consumers, brands and themselves, and their internal numbers."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import pyarrow as pa

from consumer_fusion.records.characters import check_name
from consumer_fusion.records.consumer_keys import fold_key
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import RangeCondition, Session, Where

_COMPARED_KEYS = 5_000


def read_keys(session: Session, entity_type: str) -> pa.Table:
    """All keys of a type with their numbers: entity_key, entity_id."""
    return session.read(ENTITIES, {"entity_type": entity_type}, columns=("entity_key", "entity_id"))


def find_keys(session: Session, entity_type: str, keys: Sequence[str]) -> dict[str, int]:
    """The numbers of the known keys."""
    wanted = pa.table(
        {"entity_type": pa.array([entity_type] * len(keys)), "entity_key": pa.array(keys, pa.string())}
    )
    found = session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id"))
    return dict(zip(found["entity_key"].to_pylist(), found["entity_id"].to_pylist()))


def find_nearest_key(session: Session, entity_type: str, key: str) -> str | None:
    """The known key most similar to an unknown, perhaps mistyped one; None where none is similar."""
    known: list[str] = []
    for opening in dict.fromkeys((key[:2], key[:2].lower(), key[:2].upper(), key[:2].title())):
        between = RangeCondition(above=opening, at_most=f"{opening}\U0010ffff")
        where: Where = {"entity_type": entity_type, "entity_key": between}
        known += session.read(ENTITIES, where, columns=("entity_key",), limit=_COMPARED_KEYS)[
            "entity_key"
        ].to_pylist()
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(key.casefold(), list(by_folded), n=1, cutoff=0.75)
    return by_folded[near[0]] if near else None


def name_entities(session: Session, entity_ids: Iterable[int]) -> dict[int, str]:
    """The keys of the numbers."""
    wanted = pa.table({"entity_id": pa.array(sorted(set(entity_ids)), pa.int64())})
    found = session.read_matching(ENTITIES, wanted, columns=("entity_id", "entity_key"))
    return dict(zip(found["entity_id"].to_pylist(), found["entity_key"].to_pylist()))


def ensure_keys(session: Session, entity_type: str, keys: Iterable[str]) -> dict[str, int]:
    """The numbers of the keys; new keys are assigned one.

    Args:
        session: A writing session.
        entity_type: consumer, brand or source.
        keys: External keys.
    """
    wanted = list(dict.fromkeys(keys))
    known = find_keys(session, entity_type, wanted)
    new = [key for key in wanted if key not in known]
    if new:
        former = int(session.summarise(ENTITIES, "entity_id", "max") or 0)
        session.insert(ENTITIES, ("entity_type", "entity_key"), ((entity_type, key) for key in new))
        # Numbers only grow, so the new keys are those after the last: a range is read faster than each is looked up.
        later = {"entity_id": RangeCondition(above=former)}
        added = session.read(ENTITIES, later, columns=("entity_key", "entity_id"))
        known |= dict(zip(added["entity_key"].to_pylist(), added["entity_id"].to_pylist()))
    return known


def declare_keys(session: Session, entity_type: str, keys: Iterable[str]) -> dict[str, int]:
    """The numbers of keys entered by users; see `ensure_keys`, whose keys were validated with their events.

    A new key of a consumer is normalised like those of events, so that later events match it.

    Raises:
        InputError: A new key contains a forbidden character.
    """
    wanted = list(dict.fromkeys(keys))
    known = find_keys(session, entity_type, wanted)
    new = {key: fold_key(key) if entity_type == "consumer" else key for key in wanted if key not in known}
    for key in new.values():
        check_name(f"The key of a {entity_type}", key)
    numbers = ensure_keys(session, entity_type, new.values())
    return known | {key: numbers[folded] for key, folded in new.items()}


def number_keys(session: Session, engine: Engine, staged_sql: str, column: str, entity_type: str) -> pa.Table:
    """Assign a number to every distinct value of a staged column: entity_key, entity_id."""
    batches = engine.read(
        f"select distinct {column} as key from {staged_sql} where {column} is not null order by 1",
        step=f"list the keys of the column {column}",
    )
    keys: list[pa.Table] = []
    for batch in batches.to_batches(max_chunksize=100_000):
        numbers = ensure_keys(session, entity_type, batch.column(0).to_pylist())
        keys.append(
            pa.table(
                {
                    "entity_key": pa.array(list(numbers), pa.string()),
                    "entity_id": pa.array(list(numbers.values()), pa.int64()),
                }
            )
        )
    schema = pa.schema([("entity_key", pa.string()), ("entity_id", pa.int64())])
    return pa.concat_tables(keys) if keys else schema.empty_table()
