"""Serving for commands: bind the port first, print the address, run until stopped."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import webbrowser

from consumer_fusion.errors import ConflictError, MissingExtraError
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8000
_TRIED_PORTS = 20


def require_server() -> None:
    """Check that the server can run, before anything else is done.

    Raises:
        MissingExtraError: A required library is not installed.
    """
    try:
        import uvicorn  # noqa: F401

        from consumer_fusion.server import http_server  # noqa: F401
        from consumer_fusion.surfaces import web  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The server needs {error.name}, which is not installed.",
            hint="pip install 'consumer-fusion[serve]'",
        ) from error


def listen(host: str, port: int | None) -> socket.socket:
    """Bind and listen on a port; connections queue until the server runs.

    Args:
        host: Address to listen on.
        port: Port; 0 for any free one, None for the default or the next free one.

    Raises:
        ConflictError: The port is not available.
    """
    if port is not None:
        return _listen_at(host, port)
    for number in range(USUAL_PORT, USUAL_PORT + _TRIED_PORTS):
        try:
            return _listen_at(host, number)
        except ConflictError:
            continue
    return _listen_at(host, 0)


def _listen_at(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConflictError(
            f"Cannot listen on {host}, port {port}: {error.strerror}.",
            hint="Another program may be using the port: choose another with --port.",
        ) from error
    listening.set_inheritable(True)
    return listening


def write_address(host: str, listening: socket.socket) -> str:
    """URL of the server."""
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{listening.getsockname()[1]}"


def run_server(workspace: Workspace, host: str, listening: socket.socket) -> None:
    """Serve a workspace until SIGINT or SIGTERM; received events are processed before it returns."""
    from consumer_fusion.server.http_server import make_server
    from consumer_fusion.server.logs import configure_logging
    from consumer_fusion.surfaces.web import Deployment, build_app

    configure_logging(level=logging.WARNING)
    put_points_in_force(workspace)
    server = make_server(build_app(workspace, place=Deployment(bound_address=host)))
    # The server shuts down cleanly and then raises the signal again for the previous handler.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[listening])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def open_browser(address: str) -> bool:
    """Open a page in a browser for an interactive user, and return whether that was tried.

    It is not tried when the output goes to a program, in continuous integration or without a display; a text browser
    would take the terminal from the server.
    """
    has_screen = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if not (sys.stdout.isatty() and has_screen) or os.environ.get("CI"):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
