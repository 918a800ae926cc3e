"""`fusion keys`: the write keys by which sources send events."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.access.keys import (
    DEFAULT_OVERLAP_HOURS,
    NewWriteKey,
    WriteKey,
    create_write_key,
    list_write_keys,
    revoke_write_key,
    rotate_write_key,
)
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Write keys, by which sources send events.", no_args_is_help=True)


class Kind(StrEnum):
    """Where a key is kept."""

    SERVER = "server"
    BROWSER = "browser"
    WEBHOOK = "webhook"


@application.command()
def create(
    source: Annotated[str, typer.Option(help="The source that its events are of, such as web-shop.")],
    kind: Annotated[
        Kind, typer.Option(help="Where the key is kept; what a browser sends is believed less.")
    ] = Kind.SERVER,
    brand: Annotated[str | None, typer.Option(help="The brand of events that name none.")] = None,
    trust: Annotated[
        float | None, typer.Option(min=0, max=1, help="Believe its events at most so far.")
    ] = None,
    signing_secret_file: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A file with the secret that a webhook's sender signs with."
        ),
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Make a write key; it is shown this once and kept as a digest only."""
    # From a file, because what stands on a command line is in the shell's history and in the list of processes.
    signing_secret = None if signing_secret_file is None else signing_secret_file.read_text("utf-8").strip()
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        new = create_write_key(
            session, source=source, kind=kind.value, brand=brand, trust=trust, signing_secret=signing_secret,
            actor=COMMAND_LINE, now_us=opened.now_us,
        )  # fmt: skip
    _show_new(new, is_json)


@application.command("list")
def list_(workspace: WorkspaceOption = Path(), is_json: JsonOption = False) -> None:
    """List the write keys, without the keys themselves."""
    with open_workspace(workspace) as opened, opened.store.reading() as session:
        keys = list_write_keys(session)
        told = [_describe(key, opened.now_us) for key in keys]
    if is_json:
        print_json(told)
        return
    columns = ["key_id", "ending", "source", "brand", "kind", "state", "used_at"]
    if not told:
        console.print("No write keys yet. Next: fusion keys create --source NAME")
        return
    print_table(f"{len(told):,} write keys", columns, [[each[column] for column in columns] for each in told])


@application.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The key; `fusion keys list` shows the ids.")],
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="For so long the old key counts beside the new one.")
    ] = DEFAULT_OVERLAP_HOURS,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Make a new key in place of another; both count for a while."""
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        new = rotate_write_key(
            session, key_id, actor=COMMAND_LINE, now_us=opened.now_us, overlap_hours=overlap_hours
        )
    _show_new(new, is_json)


@application.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Let a key count no longer; whoever still sends with it is refused and drops what they sent."""
    with open_workspace(workspace) as opened, opened.store.writing() as session:
        revoke_write_key(session, key_id, actor=COMMAND_LINE, now_us=opened.now_us)
    if is_json:
        print_json({"revoked": key_id})
        return
    console.print(f"{key_id} revoked; a running server refuses it within seconds")


def _show_new(new: NewWriteKey, is_json: bool) -> None:
    if is_json:
        print_json({"key": new.secret, **_describe(new.key, new.key.created_us)})
        return
    console.print(new.secret, soft_wrap=True)
    console.print(
        f"The write key of {new.key.source}. It is not shown again: keep it where {new.key.source} sends from.",
        style="dim",
    )  # fmt: skip


def _describe(key: WriteKey, now_us: int) -> dict[str, object]:
    state = "counts" if key.counts_at(now_us) else "revoked" if key.revoked_us is not None else "expired"
    return {
        "key_id": key.key_id,
        "ending": key.ending,
        "source": key.source,
        "brand": key.brand,
        "kind": key.kind,
        "trust": key.trust,
        "state": state,
        "created_at": write_moment(key.created_us),
        "expires_at": None if key.expires_us is None else write_moment(key.expires_us),
        "used_at": None if key.used_us is None else write_moment(key.used_us),
        "replaces_key_id": key.replaces_key_id,
    }
