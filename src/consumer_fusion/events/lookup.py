"""Looking somebody up: by the key of a source, or by anything else that they are known by."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import pyarrow as pa

from consumer_fusion.errors import ConflictError
from consumer_fusion.events.event_reader import map_canonical
from consumer_fusion.records.consumer_keys import fold_key
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identifier import STRONG_TYPES, WEAK_TYPES, normalise_identifier
from consumer_fusion.records.identity import IDENTIFIER_SIGHTINGS, IDENTIFIERS
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see who sees only some brands.

    Attributes:
        brand_ids: The brands.
        find_acquainted: Those of consumers, as sources named them, whom these brands know.
    """

    brand_ids: frozenset[int]
    find_acquainted: Callable[[Collection[int]], Collection[int]]


def find_consumer(session: Session, text: str, *, sight: Sight | None = None) -> int | None:
    """The consumer that a text stands for, before merges: whoever serves them has their address, not their key.

    Args:
        session: A session.
        text: A key as the source writes it, or an identifier of any type in any form.
        sight: What may be seen: a key counts only where these brands know its consumer, an identifier as far as one
            of them was told it; None for all. So another brand's key is answered exactly as a text that is no key.

    Returns:
        Its number; None where nobody is known by the text.

    Raises:
        ConflictError: It is an identifier of several.
    """
    named = _find_keys(session, dict.fromkeys([text, fold_key(text.strip())]))
    if sight is not None and named:
        acquainted = sight.find_acquainted(named)
        named = [each for each in named if each in acquainted]
    if named:
        return named[0]
    wanted = [normalise_identifier(name, text) for name in (*STRONG_TYPES, *WEAK_TYPES)]
    places = [each.place for each in wanted if each is not None]
    columns = pa.table({
        "identifier_type": pa.array([name for name, _ in places], pa.string()),
        "identifier_value": pa.array([value for _, value in places], pa.string()),
    })  # fmt: skip
    if sight is None:
        found = session.read_matching(IDENTIFIERS, columns, columns=("consumer_id",)).to_pylist()
    else:
        told = session.read_matching(
            IDENTIFIER_SIGHTINGS, columns, columns=("consumer_id", "brand_id", "is_claim")
        )
        found = [row for row in told.to_pylist() if row["brand_id"] in sight.brand_ids]
        # What a browser claims takes nobody's address from whom a trusted source told by it.
        found = [row for row in found if not row["is_claim"]] or found
    numbers = sorted({row["consumer_id"] for row in found})
    if len(set(map_canonical(session, numbers).values())) > 1:
        raise ConflictError(
            "Several consumers are known by this.", hint="Name one by the key that its source gives."
        )
    return numbers[0] if numbers else None


def _find_keys(session: Session, keys: Collection[str]) -> list[int]:
    wanted = pa.table({"entity_type": ["consumer"] * len(keys), "entity_key": list(keys)})
    rows = session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id")).to_pylist()
    numbers = {row["entity_key"]: row["entity_id"] for row in rows}
    return [numbers[key] for key in keys if key in numbers]
