"""Looking somebody up: by the key of a source, or by anything else that they are known by."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa

from consumer_fusion.identity.identifiers import STRONG_TYPES, WEAK_TYPES, normalise_identifier
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identity import IDENTIFIER_SIGHTINGS, IDENTIFIERS
from consumer_fusion.stores import Session


def find_consumers(session: Session, text: str, *, brand_ids: Collection[int] | None = None) -> list[int]:
    """The consumers that a text stands for, before merges: whoever serves them has their address, not their key.

    Args:
        session: A session.
        text: A key as the source writes it, or an identifier of any type in any form.
        brand_ids: Identifiers count only as far as one of these brands was told them; None for all.
    """
    address = normalise_identifier("email", text)
    keys = dict.fromkeys([text, *([] if address is None else [address.value])])
    named = _find_keys(session, keys)
    if named:
        return named[:1]
    wanted = [normalise_identifier(name, text) for name in (*STRONG_TYPES, *WEAK_TYPES)]
    places = [each.place for each in wanted if each is not None]
    columns = pa.table({
        "identifier_type": pa.array([name for name, _ in places], pa.string()),
        "identifier_value": pa.array([value for _, value in places], pa.string()),
    })  # fmt: skip
    if brand_ids is None:
        found = session.read_matching(IDENTIFIERS, columns, columns=("consumer_id",)).to_pylist()
    else:
        told = session.read_matching(IDENTIFIER_SIGHTINGS, columns, columns=("consumer_id", "brand_id"))
        found = [row for row in told.to_pylist() if row["brand_id"] in set(brand_ids)]
    return list(dict.fromkeys(row["consumer_id"] for row in found))


def _find_keys(session: Session, keys: Collection[str]) -> list[int]:
    wanted = pa.table({"entity_type": ["consumer"] * len(keys), "entity_key": list(keys)})
    rows = session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id")).to_pylist()
    numbers = {row["entity_key"]: row["entity_id"] for row in rows}
    return [numbers[key] for key in keys if key in numbers]
