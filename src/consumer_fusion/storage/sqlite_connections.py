"""Connections to one SQLite file, shared by the threads of a process."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

_MOST_IDLE = 4
"""Maximum number of connections that stay open while nobody uses them."""


class ConnectionPool:
    """Connections to a file, each used by one thread at a time and kept open for the next one.

    Args:
        address: URI of the file.
        pragmas: Settings of each connection.
    """

    def __init__(self, address: str, pragmas: Sequence[str]) -> None:
        self._address = address
        self._pragmas = pragmas
        self._lock = Lock()
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; a transaction that is still open at the end is rolled back."""
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._open()
        try:
            yield connection
        finally:
            roll_back(connection)
            with self._lock:
                is_kept = not self._is_closed and len(self._idle) < _MOST_IDLE
                if is_kept:
                    self._idle.append(connection)
            if not is_kept:
                connection.close()

    def close(self) -> None:
        """Close the connections; a borrowed one is closed when it is returned."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        # Without isolation level: transactions begin and end only where we say so.
        connection = sqlite3.connect(self._address, uri=True, isolation_level=None, check_same_thread=False)
        try:
            for pragma in self._pragmas:
                connection.execute(f"pragma {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


def roll_back(connection: sqlite3.Connection) -> None:
    """Roll the open transaction back, if there is one."""
    # On a full disk, SQLite has rolled back already and reports that there is nothing to roll back.
    with suppress(sqlite3.OperationalError):
        if connection.in_transaction:
            connection.execute("rollback")
