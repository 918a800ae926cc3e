"""Authentication by write key: results are cached for some seconds, and guessing is limited."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from consumer_fusion.records.networks import name_network
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.source_keys import KeyVerifier, SourceKey

CACHED_SECONDS = 5.0
"""Maximum time that a revoked key is still accepted."""
WRONG_KEYS_LIMIT = 60
"""Maximum number of wrong keys per network and minute; beyond it only previously valid keys are looked up."""
_WINDOW_SECONDS = 60.0
_PLACES = 10_000
_KEY_LENGTH_LIMIT = 256


class KeyAuthenticator:
    """Verifies write keys.

    Args:
        verify: Function that looks a key up.
        clock: Monotonic clock in seconds.
    """

    def __init__(self, verify: KeyVerifier, clock: Callable[[], float] = monotonic) -> None:
        self._verify = verify
        self._clock = clock
        self._known: dict[str, tuple[float, SourceKey | None]] = {}
        self._right: set[str] = set()
        self._wrong: dict[str, tuple[float, int]] = {}

    def find_key(self, text: str, address: str) -> SourceKey | None:
        """The source of a key; None where the key is not valid.

        Args:
            text: Key.
            address: Address of the sender.

        Raises:
            CollectError: Too many wrong keys came from the network, and this one was never valid.
        """
        if not 0 < len(text) <= _KEY_LENGTH_LIMIT:
            return None
        now = self._clock()
        found = self._known.get(text)
        if found is not None and found[0] > now:
            return found[1]
        network = self._name_network(address, now)
        # Guessing from the address of an honest sender does not lock that sender out.
        if text not in self._right:
            self._check_guesses(network, now)
        key = self._verify(text)
        if len(self._known) >= _PLACES:
            self._known.clear()
        self._known[text] = (now + CACHED_SECONDS, key)
        if key is None:
            self._right.discard(text)
            began, count = self._wrong.get(network, (now, 0))
            self._wrong[network] = (began, count + 1)
        else:
            if len(self._right) >= _PLACES:
                self._right.clear()
            self._right.add(text)
        return key

    def _check_guesses(self, network: str, now: float) -> None:
        began, count = self._wrong.get(network, (now, 0))
        if count >= WRONG_KEYS_LIMIT:
            raise CollectError(
                429, "too_many_wrong_keys",
                "Too many wrong write keys came from this address. Send the right one later.",
                retry_after_s=max(1, round(began + _WINDOW_SECONDS - now)),
            )  # fmt: skip

    def _name_network(self, address: str, now: float) -> str:
        """Name under which wrong keys of an address are counted; one name for all others when there are too many."""
        network = name_network(address)
        began, _ = self._wrong.get(network, (now, 0))
        if now - began >= _WINDOW_SECONDS:
            del self._wrong[network]
        if network not in self._wrong and len(self._wrong) >= _PLACES:
            self._wrong = {
                name: entry for name, entry in self._wrong.items() if now - entry[0] < _WINDOW_SECONDS
            }
            return network if len(self._wrong) < _PLACES else "others"
        return network
