"""Import formats: a format of events or a mapping, stored with the import so that rows can be retried."""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from consumer_fusion.errors import InputError
from consumer_fusion.ingest.mapping import FileMapping, parse_mapping, read_mapping
from consumer_fusion.records.arrival import TrustRule

Format = Literal["events", "segment", "cloudevents", "mapping"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFormat:
    """Format of the rows of an import.

    Attributes:
        format: The form of the rows.
        source: Source of rows that do not name one.
        brand: Brand of rows that do not name one.
        mapping: Mapping, for the format `mapping`.
        lookup_folders: Folders to search for its lookup files, besides the folder of the imported files.
        trust_rule: Rule for the trust of the rows; see `records.arrival.TrustRule`.
        trust_limit: Maximum trust; None for no limit.
    """

    format: Format
    source: str
    brand: str | None = None
    mapping: FileMapping | None = None
    lookup_folders: tuple[str, ...] = ()
    trust_rule: TrustRule = "source"
    trust_limit: float | None = None

    @property
    def claimed_by(self) -> str | None:
        """The source whose identifiers are claims, because its key is public; None where they are not."""
        return None if self.trust_rule == "source" else self.source

    @property
    def is_replacing(self) -> bool:
        """Whether a changed row replaces the stored event of its source."""
        return self.mapping is not None and self.mapping.on_change == "replace"


def choose_reading(
    *,
    format: str | None = None,
    map_file: Path | None = None,
    source: str | None = None,
    brand: str | None = None,
) -> ImportFormat:
    """The format given by name or by a mapping file.

    Raises:
        InputError: Neither or both are given, or the format is unknown.
        MappingError: The mapping file is invalid.
    """  # fmt: skip
    names = [name for name in get_args(Format) if name != "mapping"]
    if (format is None) == (map_file is None):
        raise InputError(
            "Say how the files are to be read: by a format or by a mapping, and only one of them.",
            hint=f"Give --map MAP.toml, or --format with one of: {', '.join(names)}.",
        )
    if map_file is not None:
        mapping = read_mapping(map_file)
        return ImportFormat(
            format="mapping", source=source or mapping.source, brand=brand, mapping=mapping,
            lookup_folders=(str(map_file.absolute().parent),),
        )  # fmt: skip
    if format == "events":
        return ImportFormat(format="events", source=source or "events", brand=brand)
    if format == "segment":
        return ImportFormat(format="segment", source=source or "segment", brand=brand)
    if format == "cloudevents":
        return ImportFormat(format="cloudevents", source=source or "cloudevents", brand=brand)
    raise InputError(f"The format '{format}' is unknown.", hint=f"Known are: {', '.join(names)}.")


def write_reading(reading: ImportFormat) -> str:
    """The format as JSON, for the row of its import."""
    return json.dumps({
        "format": reading.format,
        "source": reading.source,
        "brand": reading.brand,
        "mapping": reading.mapping.text if reading.mapping else None,
        "lookup_folders": reading.lookup_folders,
        **({} if reading.trust_rule == "source" else {"trust_rule": reading.trust_rule}),
        **({} if reading.trust_limit is None else {"trust_limit": reading.trust_limit}),
    })  # fmt: skip


def read_reading(text: str) -> ImportFormat:
    """The format that `write_reading` wrote."""
    given = json.loads(text)
    mapping = parse_mapping(given["mapping"], is_kept=True) if given["mapping"] is not None else None
    return ImportFormat(
        format=given["format"],
        source=given["source"],
        brand=given["brand"],
        mapping=mapping,
        lookup_folders=tuple(given["lookup_folders"]),
        trust_rule=given.get("trust_rule", "source"),
        trust_limit=given.get("trust_limit"),
    )


def find_files(patterns: Sequence[str | Path]) -> tuple[Path, ...]:
    """The files matched by names and globs, each once, in the order given and by name within a glob.

    Raises:
        InputError: A name or a glob matches no file.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_file():
            matches = [path]
        else:
            matches = sorted(
                Path(name) for name in glob.glob(str(pattern), recursive=True) if Path(name).is_file()
            )
        if not matches:
            raise InputError(
                f"There is no file '{pattern}'.",
                hint="Check the name; quote a glob so that the shell does not expand it.",
                where=str(pattern),
            )
        found.update((match.absolute(), None) for match in matches)
    if not found:
        raise InputError("No file is named.", hint="Name at least one file or glob to import.")
    return tuple(found)
