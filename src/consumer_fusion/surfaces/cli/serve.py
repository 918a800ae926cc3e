"""`fusion serve`: receives events over HTTP, and serves the console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.access.one_time_links import write_link
from consumer_fusion.access.password_sign_in import make_owner_link
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json
from consumer_fusion.surfaces.cli.serving import LOOPBACK, listen, require_server, run_server, write_address
from consumer_fusion.workspace import DEMO_MARK, Workspace, open_workspace


class ServerSummary(Schema):
    """A server that was started."""

    address: str = describe("Address", "URL of the console and of the API.")
    owner_link: str | None = describe(
        "Owner link", "One-time link that creates the owner account; null where there is one."
    )


def serve(
    workspace: WorkspaceOption = Path(),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 chooses a free one.")] = 8000,
    is_json: JsonOption = False,
) -> None:
    """Receive events over HTTP and serve the console in a browser, until stopped."""
    require_server()
    with open_workspace(workspace) as opened, listen(host, port) as listening:
        _tell_address(opened, host, write_address(host, listening), is_json=is_json)
        run_server(opened, host, listening)


def _tell_address(workspace: Workspace, host: str, address: str, *, is_json: bool) -> None:
    # A demo signs its visitor in, so no owner link is needed.
    is_visited = (workspace.folder / DEMO_MARK).exists() and host in (LOOPBACK, "localhost", "::1")
    link = None if is_visited else _make_owner_link(workspace, address)
    if is_json:
        print_json(ServerSummary(address=address, owner_link=link))
    else:
        console.print(f"Listening at {address}", soft_wrap=True)
        if is_visited:
            console.print("Demo: anyone who opens it on this machine is signed in.")
        if link:
            console.print(f"Create the owner account with this one-time link: {link}", soft_wrap=True)
        console.print("Stop it with Ctrl-C.")
    sys.stdout.flush()


def _make_owner_link(workspace: Workspace, address: str) -> str | None:
    with workspace.store.writing() as session:
        secret = make_owner_link(session, workspace.now_us)
    return write_link(address, secret) if secret else None
