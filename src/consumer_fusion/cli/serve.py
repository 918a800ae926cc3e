"""`fusion serve`: events arrive over HTTP, and people look at relationships in a browser."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import access
from consumer_fusion.cli.output import JsonOption, WorkspaceOption, console, print_json
from consumer_fusion.errors import ConflictError, MissingExtraError
from consumer_fusion.points_in_force import put_points_in_force
from consumer_fusion.workspace import Workspace, open_workspace

_CLOSING_SECONDS = 10


def serve(
    workspace: WorkspaceOption = Path(),
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes one that is free.")] = 8000,
    is_json: JsonOption = False,
) -> None:
    """Take events over HTTP and show relationships in a browser, until it is stopped."""
    try:
        import uvicorn

        from consumer_fusion.web.app import Place, build_app
        from consumer_fusion.web.log import configure_logging
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The server needs {error.name}, which is not installed.",
            hint="pip install 'consumer-fusion[serve]'",
        ) from error
    with open_workspace(workspace) as opened, _listen(host, port) as listening:
        configure_logging(level=logging.WARNING)
        put_points_in_force(opened)
        address = f"http://{_write_host(host)}:{listening.getsockname()[1]}"
        _tell_address(opened, address, is_json=is_json)
        config = uvicorn.Config(
            build_app(opened, place=Place(bound_address=host)),
            access_log=False,  # a request line may hold a key
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=_CLOSING_SECONDS,
        )
        server = uvicorn.Server(config)
        # The server ends well by itself and then raises the signal again, for whoever listened before it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise ConflictError(
            f"It is not possible to listen at {host}, port {port}: {error.strerror}.",
            hint="Another program may have the port: choose another with --port.",
        ) from error
    listening.set_inheritable(True)
    return listening


def _tell_address(workspace: Workspace, address: str, *, is_json: bool) -> None:
    with workspace.store.writing() as session:
        secret = access.make_owner_link(session, workspace.now_us)
    link = access.write_link(address, secret) if secret else None
    if is_json:
        print_json({"address": address, "owner_link": link})
    else:
        console.print(f"Listening at {address}", soft_wrap=True)
        if link:
            console.print(f"Make the first account, once: {link}", soft_wrap=True)
    sys.stdout.flush()


def _write_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
