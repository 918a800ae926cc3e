"""Entities: the keys by which sources name consumers, brands and themselves, and their internal numbers."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.characters import check_name
from consumer_fusion.records.consumer_keys import fold_key
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import RangeCondition, Session, Where

_COMPARED_KEYS = 5_000
_KEYS_AT_A_TIME = 100_000
"""As Python values keys take several times the memory that they take in Arrow."""


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
    return known | dict(zip(new, _add_keys(session, entity_type, new)))


def _add_keys(session: Session, entity_type: str, new: Sequence[str]) -> range:
    """Give numbers to new keys, in their order, and return them."""
    if not new:
        return range(0)
    # The store chooses the first number, which no key ever had, and the others follow it: nothing is read back.
    session.insert(ENTITIES, ("entity_type", "entity_key"), [(entity_type, new[0])])
    first = find_keys(session, entity_type, new[:1])[new[0]]
    numbers = range(first, first + len(new))
    rows = zip(numbers[1:], itertools.repeat(entity_type), new[1:])
    session.insert(ENTITIES, ENTITIES.column_names, rows)
    return numbers


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
    keys = engine.read(
        f"select distinct {column} as key from {staged_sql} where {column} is not null order by 1",
        step=f"list the keys of the column {column}",
    )["key"].combine_chunks()
    known = _read_known(session, entity_type, keys)
    numbers = known["entity_id"].combine_chunks().take(pc.index_in(keys, known["entity_key"]))
    is_new = numbers.is_null()
    new = keys.filter(is_new)
    given: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(new), _KEYS_AT_A_TIME):
        added = _add_keys(session, entity_type, new[start : start + _KEYS_AT_A_TIME].to_pylist())
        given.append(np.arange(added.start, added.stop))
    if given:
        numbers = pc.replace_with_mask(numbers, is_new, pa.array(np.concatenate(given)))
    return pa.table({"entity_key": keys, "entity_id": numbers})


def _read_known(session: Session, entity_type: str, keys: pa.Array) -> pa.Table:
    """The known keys of a type with their numbers: at least those of these keys."""
    # Reading a key in passing takes a quarter of the time of looking one up; the highest number bounds their number.
    if int(session.summarise(ENTITIES, "entity_id", "max") or 0) <= 4 * len(keys):
        return read_keys(session, entity_type)
    wanted = pa.table({"entity_type": pa.array([entity_type] * len(keys), pa.string()), "entity_key": keys})
    return session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id"))
