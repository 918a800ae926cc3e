"""Backup and restore: a workspace as one file, taken while it is in use, and verified byte by byte when restored.

The order of copying keeps the backup consistent. Arrivals that have not landed are copied first, then the store: an
event that lands in between is in both, and its id reveals it when it lands again. The segment files named by the
copied store never change; they are linked before anything else, so that they cannot be deleted meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from consumer_fusion.errors import ConflictError, InputError, RefusedError, StoreError
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.release import read_product_version
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.settings import SETTINGS_FILE
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.segments import list_segments, sync_folder
from consumer_fusion.storage.sqlite import ARRIVAL_SCHEMA, STORE_SCHEMA, SQLiteStore
from consumer_fusion.workspace import ARRIVALS_FILE, POINTS_FILE, STORE_FILE, Workspace

MANIFEST_FILE = "manifest.json"
FORMAT_VERSION = 1
_TRIES = 3
_CHUNK = 1 << 20
_MANIFEST_LIMIT = 256 << 20


class BackupSummary(Schema):
    """Summary of a backup."""

    path: Path = describe("Path", "File that was written, or folder that was restored.")
    made_at: str = describe("Created", "Time of the backup, ISO 8601.")
    product_version: str = describe("Release", "Release that wrote it.")
    files: int = describe("Files", "Number of files.")
    bytes: int = describe("Bytes", "Total size in bytes.")
    sealed_events: int = describe("Events", "Number of events in segments.")


def back_up(workspace: Workspace, target: Path, progress: Progress = ignore_progress) -> BackupSummary:
    """Write a workspace to one file, while it is in use.

    The file holds everything, including personal data and the secrets of webhooks; only its owner may read it.

    Args:
        workspace: Workspace.
        target: File to write; it must not exist yet.
        progress: Callback for progress.

    Raises:
        ConflictError: The file exists.
        InputError: The file cannot be written.
        StoreError: Segment files are missing.
    """
    if target.exists():
        raise ConflictError(f"The file {target} already exists.", hint="Choose a new file name.")
    claim = lock_folder(workspace.staging_folder / f"backup-{make_id()}")
    assert claim is not None, "a new id is unique"
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
                # Fails if the file was created meanwhile, unlike a rename.
                os.link(unfinished, target)
            except FileExistsError:
                raise ConflictError(
                    f"The file {target} already exists.", hint="Choose a new file name."
                ) from None
            finally:
                unfinished.unlink(missing_ok=True)
            sync_folder(target.resolve().parent)
    except OSError as error:
        raise InputError(
            f"The backup cannot be written to {target}: {error.strerror}.",
            hint="Choose a file in a writable folder with free space.",
        ) from error
    return _summarise(target, manifest)


def restore(source: Path, folder: Path, progress: Progress = ignore_progress) -> BackupSummary:
    """Restore a workspace from a backup, completely or not at all.

    Args:
        source: Backup file.
        folder: New workspace; it must not exist yet, or be empty.
        progress: Callback for progress.

    Raises:
        InputError: The file is not a backup, or cannot be read.
        RefusedError: The backup was damaged or changed: a hash differs.
        ConflictError: The folder is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConflictError(f"The folder {folder} is not empty.", hint="Restore into a new folder.")
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
            hint="Check that the file can be read, and that the folder can be written and has free space.",
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _summarise(folder, manifest)


def _gather(workspace: Workspace, scratch: Path, progress: Progress) -> tuple[dict[str, Path], int]:
    """Copy changing files and link immutable ones; returns paths by name, and the number of events in segments."""
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
            # Deleted between the copy and the link: a newer copy names the file that replaced it.
            continue
        return gathered, sum(each.row_count for each in segments)
    raise StoreError(
        "Segment files are missing.", hint="Run `fusion doctor` to see which, then retry the backup."
    )


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        # Not every file system supports links.
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
                # Segment files are compressed already.
                kind = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
                archive.write(source, name, compress_type=kind, compresslevel=1)
        file.flush()
        os.fsync(file.fileno())


def _open_archive(source: Path) -> zipfile.ZipFile:
    if not source.is_file():
        raise InputError(f"There is no file {source}.", hint="Choose a file written by `fusion backup`.")
    try:
        return zipfile.ZipFile(source)
    except zipfile.BadZipFile:
        raise InputError(
            f"{source} is not a backup, or is truncated.", hint="Choose a file written by `fusion backup`."
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
            "The file has no backup manifest.", hint="Choose a file written by `fusion backup`."
        ) from None
    if format_version != FORMAT_VERSION:
        raise InputError(
            f"The backup has format {format_version}, but this release reads format {FORMAT_VERSION}.",
            hint="Restore it with the release that wrote it, or with a newer one.",
        )
    for name, _, _ in described:
        _check_name(name)
    if STORE_FILE not in files:
        raise InputError("The backup has no store.", hint="Choose a file written by `fusion backup`.")
    return manifest


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    is_known = name in (STORE_FILE, ARRIVALS_FILE, SETTINGS_FILE, POINTS_FILE) or (
        len(path.parts) == 3 and path.parts[0] == "segments" and path.suffix == ".parquet"
    )
    if not is_known or ".." in path.parts or path.is_absolute() or "\\" in name:
        raise RefusedError(
            "The backup contains a file that does not belong in a workspace.",
            hint="It was not written by `fusion backup`, or was changed since; use another one.",
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
            f"The file {name} in the backup is damaged: its hash differs.",
            hint="The backup was damaged or changed; use another one. Nothing was restored.",
        )


def _read_chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _check_restored(folder: Path) -> None:
    """Check that the restored store is intact, and that every segment file matches its recorded hash."""
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
                f"The backup is damaged: {problems[0]}.", hint="Use another one. Nothing was restored."
            )
    _remove_logs(folder)


def _remove_logs(folder: Path) -> None:
    # Closing has emptied them; otherwise they would be unlisted files.
    for path in [*folder.glob("*.db-wal"), *folder.glob("*.db-shm")]:
        path.unlink(missing_ok=True)


def _summarise(path: Path, manifest: Mapping[str, Any]) -> BackupSummary:
    files = manifest["files"]
    return BackupSummary(
        path=path.resolve(),
        made_at=manifest["made_at"],
        product_version=manifest["product_version"],
        files=len(files),
        bytes=sum(int(each["bytes"]) for each in files.values()),
        sealed_events=manifest["sealed_events"],
    )
