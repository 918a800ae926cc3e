from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from consumer_fusion.i18n.messages import parse_message
from consumer_fusion.identity.merges import read_identity_map
from consumer_fusion.identity.overview import Identity, show_identity
from consumer_fusion.identity.resolution import ConsumerSighting, Resolution, resolve_identities
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identity import IDENTIFIERS, IDENTITY_CONFLICTS
from consumer_fusion.storage.sqlite import SQLiteStore
from consumer_fusion.storage.store import Session


@dataclass
class Town:
    """A store in which consumers are sighted, and the questions that the stories ask of it."""

    store: SQLiteStore
    limit: int = 50
    now_us: int = 1_000_000

    def see(self, *sightings: ConsumerSighting, seen_us: int | None = None) -> Resolution:
        """Resolve a batch as the pipeline does."""
        self.now_us += 1_000_000
        with self.store.writing() as session:
            return resolve_identities(
                session,
                sightings,
                ensure_consumers=lambda keys: self.ensure(session, keys),
                seen_us=seen_us if seen_us is not None else self.now_us,
                limit=self.limit,
            )

    @staticmethod
    def ensure(session: Session, keys: Sequence[str]) -> Mapping[str, int]:
        session.insert(
            ENTITIES, ("entity_type", "entity_key"), [("consumer", key) for key in keys], ignore=True
        )
        rows = session.read(ENTITIES, {"entity_type": "consumer"}).to_pylist()
        return {row["entity_key"]: row["entity_id"] for row in rows if row["entity_key"] in set(keys)}

    def number(self, key: str) -> int:
        with self.store.writing() as session:
            return self.ensure(session, [key])[key]

    def keys(self) -> dict[int, str]:
        with self.store.reading() as session:
            rows = session.read(ENTITIES, {"entity_type": "consumer"}).to_pylist()
        return {row["entity_id"]: row["entity_key"] for row in rows}

    def groups(self) -> set[frozenset[str]]:
        """Who is one person, by key; everyone else is alone."""
        keys = self.keys()
        with self.store.reading() as session:
            kept = read_identity_map(session)
        found: dict[int, set[str]] = {}
        for number, key in keys.items():
            found.setdefault(kept.get(number, number), set()).add(key)
        return {frozenset(group) for group in found.values()}

    def person(self, number: int) -> str:
        """The key of the consumer that one counts for."""
        with self.store.reading() as session:
            kept = read_identity_map(session, [number])
        return self.keys()[kept.get(number, number)]

    def identity(self, key: str) -> Identity:
        number = self.number(key)
        with self.store.reading() as session:
            return show_identity(session, number)

    def owners(self) -> dict[tuple[str, str], int]:
        with self.store.reading() as session:
            rows = session.read(IDENTIFIERS).to_pylist()
        return {(row["identifier_type"], row["identifier_value"]): row["consumer_id"] for row in rows}

    def conflicts(self) -> list[tuple[str, str | None, str]]:
        keys = self.keys()
        with self.store.reading() as session:
            rows = session.read(IDENTITY_CONFLICTS).to_pylist()
        return sorted(
            (
                keys[row["first_consumer_id"]],
                keys.get(row["second_consumer_id"]),
                parse_message(row["reason"]),
            )
            for row in rows
        )


@pytest.fixture
def make_town() -> Iterator[Callable[..., Town]]:
    with TemporaryDirectory() as folder:
        towns: list[Town] = []
        empty = SQLiteStore(Path(folder) / "empty.sqlite")
        empty.create()
        empty.close()

        def make(limit: int = 50) -> Town:
            store = SQLiteStore(
                Path(shutil.copy(empty.path, empty.path.with_name(f"town-{len(towns)}.sqlite")))
            )
            towns.append(Town(store, limit))
            return towns[-1]

        yield make
        for each in towns:
            each.store.close()


@pytest.fixture
def town(make_town: Callable[..., Town]) -> Town:
    return make_town()
