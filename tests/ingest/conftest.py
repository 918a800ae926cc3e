from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consumer_fusion.i18n.messages import parse_message
from consumer_fusion.ingest.formats import ImportFormat, choose_reading, find_files
from consumer_fusion.ingest.staging import Staging, stage_files
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.sqlite import SQLiteStore
from staged_rows import read_staged

RECEIVED_US = 1_900_000_000_000_000  # 2030-03-17
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Desk:
    """A place where files are laid down and staged, and what came of them is looked at."""

    engine: DuckDBEngine
    folder: Path
    stagings: int = 0
    progress: list[tuple[int, int | None]] = field(default_factory=list, repr=False)

    def lay(self, name: str, content: str | bytes | list[Any]) -> Path:
        """Write a file; a list becomes a JSON line each, texts in it as they are."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            lines = [each if isinstance(each, str) else json.dumps(each) for each in content]
            content = "\n".join(lines) + "\n"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def map(self, text: str) -> ImportFormat:
        return choose_reading(map_file=self.lay(f"map-{self.stagings}.toml", text))

    def stage(
        self,
        reading: ImportFormat,
        *patterns: str | Path,
        into: str | None = None,
        hours: float = 24,
        has_lines: bool = False,
    ) -> Staged:
        self.stagings += 1
        folder = self.folder / (into or f"stage-{self.stagings}")
        staging = stage_files(
            self.engine, find_files(patterns), reading, folder, received_us=RECEIVED_US, tolerance_hours=hours,
            has_lines=has_lines, progress=lambda done, total: self.progress.append((done, total)),
        )  # fmt: skip
        return Staged(staging)

    def events(self, *rows: Any, brand: str | None = None) -> Staged:
        """Stage rows as the product's own event lines."""
        path = self.lay(f"events-{self.stagings}.ndjson", list(rows))
        return self.stage(choose_reading(format="events", brand=brand), path)

    def segment(self, *rows: Any, brand: str | None = "shop") -> Staged:
        path = self.lay(f"calls-{self.stagings}.ndjson", list(rows))
        return self.stage(choose_reading(format="segment", brand=brand), path)

    def cloud_events(self, *rows: Any) -> Staged:
        path = self.lay(f"cloud-{self.stagings}.ndjson", list(rows))
        return self.stage(choose_reading(format="cloudevents"), path)


class Staged:
    """The rows of a staging, read back."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.accepted = read_staged(staging)
        self.rejected = [
            {**row, "message": parse_message(row["message"])} for row in read_staged(staging, "rejected")
        ]

    @property
    def only(self) -> Mapping[str, Any]:
        assert len(self.accepted) == 1, (self.accepted, self.rejected)
        return self.accepted[0]

    @property
    def codes(self) -> list[str]:
        return [row["code"] for row in self.rejected]

    @property
    def ids(self) -> list[str]:
        return [row["event_id"] for row in self.accepted]

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.accepted]

    def properties(self) -> list[dict[str, Any]]:
        return [json.loads(text) if text else {} for text in self.column("properties")]


@pytest.fixture(scope="session")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    yield engine
    engine.close()


@pytest.fixture
def desk(engine: DuckDBEngine, tmp_path: Path) -> Desk:
    return Desk(engine, tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "fusion.db")
    store.create()
    yield store
    store.close()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data."""
    folder = Path(os.environ.get("CONSUMER_FUSION_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "online_retail" / "lines.parquet").exists():
        pytest.skip(f"the real data are not at {folder}; set CONSUMER_FUSION_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def examples() -> Path:
    """The mappings that are shipped."""
    return ROOT / "examples"
