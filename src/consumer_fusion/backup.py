"""Backup and restore: a workspace as one file, taken while it is in use, and verified byte by byte when it comes back.

The order makes it whole. What arrived and was not read yet is copied first, then the store: an event that is read in
between is in both, and its id tells so when it is read again. The sealed files that the copied store names never
change; they are linked before anything else takes time, so that nobody can sweep them meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from consumer_fusion.errors import ConflictError, InputError, RefusedError, StoreError
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.release import read_product_version
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.settings import SETTINGS_FILE
from consumer_fusion.storage.file_locks import claim_folder
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.segments import list_segments, sync_folder
from consumer_fusion.storage.sqlite import ARRIVAL_SCHEMA, STORE_SCHEMA, SQLiteStore
from consumer_fusion.workspace import ARRIVALS_FILE, POINTS_FILE, STORE_FILE, Workspace

MANIFEST_FILE = "manifest.json"
FORMAT_VERSION = 1
_TRIES = 3
_CHUNK = 1 << 20
_MANIFEST_LIMIT = 256 << 20


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds.

    Attributes:
        path: The file that was written, or the folder that was restored.
        made_at: When it was taken, ISO 8601.
        product_version: By which release.
        file_count: How many files.
        byte_count: How many bytes they have.
        event_count: How many events are sealed in it.
    """

    path: Path
    made_at: str
    product_version: str
    file_count: int
    byte_count: int
    event_count: int

    def as_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "path": str(self.path),
            "made_at": self.made_at,
            "product_version": self.product_version,
            "files": self.file_count,
            "bytes": self.byte_count,
            "sealed_events": self.event_count,
        }


def back_up(workspace: Workspace, target: Path, progress: Progress = ignore_progress) -> BackupSummary:
    """Write a workspace into one file, while it is in use.

    The file holds everything, personal data and the secrets of webhooks included; only its owner may read it.

    Args:
        workspace: The workspace.
        target: The file; it does not exist yet.
        progress: Told how far it is.

    Raises:
        ConflictError: The file exists.
        InputError: It cannot be written there.
        StoreError: The sealed files are not all there.
    """
    if target.exists():
        raise ConflictError(f"There is a file {target} already.", hint="Name one that does not exist yet.")
    claim = claim_folder(workspace.staging_folder / f"backup-{make_id()}")
    assert claim is not None, "an id that was made just now is nobody else's"
    try:
        with claim:
            gathered, event_count = _gather(workspace, claim.folder, progress)
            manifest = {
                "format": FORMAT_VERSION,
                "made_at": write_moment(workspace.now_us),
                "product_version": read_product_version(),
                "sealed_events": event_count,
                "files": {name: _describe(path) for name, path in gathered.items()},
            }
            unfinished = target.with_name(f".{target.name}.{make_id()}.unfinished")
            try:
                _write_archive(unfinished, manifest, gathered, progress)
                # Fails where somebody else made the file meanwhile, which a rename would not.
                os.link(unfinished, target)
            except FileExistsError:
                raise ConflictError(
                    f"There is a file {target} already.", hint="Name one that does not exist yet."
                ) from None
            finally:
                unfinished.unlink(missing_ok=True)
            sync_folder(target.resolve().parent)
    except OSError as error:
        raise InputError(
            f"The backup cannot be written to {target}: {error.strerror}.",
            hint="Name a file in a folder that can be written and has room.",
        ) from error
    return _summarise(target, manifest)


def restore(source: Path, folder: Path, progress: Progress = ignore_progress) -> BackupSummary:
    """Make a workspace from a backup; it is there whole, or not at all.

    Args:
        source: The file.
        folder: The new workspace; it does not exist yet, or is empty.
        progress: Told how far it is.

    Raises:
        InputError: The file is no backup, or cannot be read.
        RefusedError: It was damaged or changed: a digest differs.
        ConflictError: The folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(
            f"The folder {folder} is not empty.", hint="Restore into a folder that does not exist yet."
        )
    unfinished = folder.resolve().with_name(f".{folder.resolve().name}.{make_id()}.unfinished")
    try:
        with _open_archive(source) as archive:
            manifest = _read_manifest(archive)
            unfinished.mkdir(parents=True, mode=0o700)
            files: Mapping[str, Mapping[str, Any]] = manifest["files"]
            for number, (name, described) in enumerate(files.items()):
                progress("restore", number, len(files))
                _extract(archive, name, described, unfinished)
        _check_restored(unfinished)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder.resolve())
        sync_folder(folder.resolve().parent)
    except OSError as error:
        raise InputError(
            f"The backup cannot be restored: {error.strerror or type(error).__name__}.",
            hint="Check that the file can be read and that the folder can be written and has room.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _summarise(folder, manifest)


def _gather(workspace: Workspace, scratch: Path, progress: Progress) -> tuple[dict[str, Path], int]:
    """Copy what changes and link what does not: their paths by name, and how many events are sealed."""
    for _ in range(_TRIES):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        gathered: dict[str, Path] = {}
        for name in (ARRIVALS_FILE, STORE_FILE):
            store = workspace.arrivals if name == ARRIVALS_FILE else workspace.store
            assert isinstance(store, SQLiteStore), "only files are backed up as files"
            copy = scratch / name
            store.copy_to(copy, lambda done, total: progress("copy the store", done, total))
            gathered[name] = copy
        for name in (SETTINGS_FILE, POINTS_FILE):
            if (workspace.folder / name).exists():
                gathered[name] = Path(shutil.copyfile(workspace.folder / name, scratch / name))
        copied = SQLiteStore(scratch / STORE_FILE)
        try:
            with copied.reading() as session:
                segments = list_segments(session)
        finally:
            copied.close()
            _remove_logs(scratch)
        try:
            for each in segments:
                linked = scratch / each.path
                linked.parent.mkdir(parents=True, exist_ok=True)
                _link(workspace.folder / each.path, linked)
                gathered[each.path] = linked
        except FileNotFoundError:
            # Swept between the copy and the link: a newer copy names the file that replaced it.
            continue
        return gathered, sum(each.row_count for each in segments)
    raise StoreError(
        "Files of sealed events are missing.", hint="`fusion doctor` says which; then try the backup again."
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        # Not every file system can link.
        shutil.copyfile(source, target)


def _describe(path: Path) -> dict[str, object]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return {"bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _write_archive(
    path: Path, manifest: Mapping[str, Any], gathered: Mapping[str, Path], progress: Progress
) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            archive.writestr(
                MANIFEST_FILE, json.dumps(manifest, indent=1), compress_type=zipfile.ZIP_DEFLATED
            )
            for number, (name, source) in enumerate(gathered.items()):
                progress("write the backup", number, len(gathered))
                # Sealed files are compressed already.
                kind = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
                archive.write(source, name, compress_type=kind, compresslevel=1)
        file.flush()
        os.fsync(file.fileno())


def _open_archive(source: Path) -> zipfile.ZipFile:
    if not source.is_file():
        raise InputError(f"There is no file {source}.", hint="Name a file that `fusion backup` wrote.")
    try:
        return zipfile.ZipFile(source)
    except zipfile.BadZipFile:
        raise InputError(
            f"{source} is no backup, or was cut off.", hint="Name a file that `fusion backup` wrote."
        ) from None


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        if archive.getinfo(MANIFEST_FILE).file_size > _MANIFEST_LIMIT:
            raise ValueError(MANIFEST_FILE)
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST_FILE))
        format_version, files = manifest["format"], manifest["files"]
        described = [(str(name), int(each["bytes"]), str(each["sha256"])) for name, each in files.items()]
        if {"made_at", "product_version", "sealed_events"} - manifest.keys():
            raise ValueError(MANIFEST_FILE)
    except (KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile):
        raise InputError(
            "The file has no manifest of a backup.", hint="Name a file that `fusion backup` wrote."
        ) from None
    if format_version != FORMAT_VERSION:
        raise InputError(
            f"The backup is of format {format_version}, this release reads {FORMAT_VERSION}.",
            hint="Restore it with the release that wrote it, or a newer one.",
        )
    for name, _, _ in described:
        _check_name(name)
    if STORE_FILE not in files:
        raise InputError("The backup has no store.", hint="Name a file that `fusion backup` wrote.")
    return manifest


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    is_known = name in (STORE_FILE, ARRIVALS_FILE, SETTINGS_FILE, POINTS_FILE) or (
        len(path.parts) == 3 and path.parts[0] == "segments" and path.suffix == ".parquet"
    )
    if not is_known or ".." in path.parts or path.is_absolute() or "\\" in name:
        raise RefusedError(
            "The backup holds a file that does not belong into a workspace.",
            hint="It was not written by `fusion backup`, or was changed since; take another one.",
        )


def _extract(archive: zipfile.ZipFile, name: str, described: Mapping[str, Any], folder: Path) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(name) as packed, make_file(target).open("wb") as file:
            for chunk in _read_chunks(packed):
                size += len(chunk)
                if size > described["bytes"]:
                    break
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (KeyError, zipfile.BadZipFile, EOFError, ValueError):
        size = -1
    if size != described["bytes"] or digest.hexdigest() != described["sha256"]:
        raise RefusedError(
            f"The file {name} in the backup is not what was backed up: its digest differs.",
            hint="The backup was damaged or changed; take another one. Nothing was restored.",
        )


def _read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _check_restored(folder: Path) -> None:
    """See that the store is whole and that every sealed file that it names is the one that it names."""
    for name in (STORE_FILE, ARRIVALS_FILE):
        if not (folder / name).exists():
            continue
        store = SQLiteStore(folder / name, STORE_SCHEMA if name == STORE_FILE else ARRIVAL_SCHEMA)
        try:
            problems = store.check_file()
            segments: tuple[Segment, ...] = ()
            if name == STORE_FILE and not problems:
                with store.reading() as session:
                    segments = list_segments(session)
            for each in segments:
                path = folder / each.path
                if not path.exists() or _describe(path)["sha256"] != each.sha256:
                    problems.append(each.path)
        finally:
            store.close()
        if problems:
            raise RefusedError(
                f"The backup is not whole: {problems[0]}.", hint="Take another one. Nothing was restored."
            )
    _remove_logs(folder)


def _remove_logs(folder: Path) -> None:
    # Closing has emptied them; they would only be files that nobody named.
    for path in [*folder.glob("*.db-wal"), *folder.glob("*.db-shm")]:
        path.unlink(missing_ok=True)


def _summarise(path: Path, manifest: Mapping[str, Any]) -> BackupSummary:
    files = manifest["files"]
    return BackupSummary(
        path=path.resolve(),
        made_at=manifest["made_at"],
        product_version=manifest["product_version"],
        file_count=len(files),
        byte_count=sum(int(each["bytes"]) for each in files.values()),
        event_count=manifest["sealed_events"],
    )
