"""Sending: posts one delivery to its address, unless that is in a forbidden network.

The name is resolved once and the connection is made to the checked address, so that a name which resolves differently
a moment later leads nowhere else (DNS rebinding). Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from consumer_fusion.alerts.deliveries import DueDelivery
from consumer_fusion.alerts.envelopes import sign_body
from consumer_fusion.errors import InputError, MissingExtraError
from consumer_fusion.records.release import read_product_version

TRY_SECONDS = 10.0
"""Time limit of an attempt, from resolving the name to the head of the response."""
LOOKUP_SECONDS = 3.0
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The result of an attempt.

    Attributes:
        answer: An HTTP status, or a code for the reason why there was none.
        is_taken: Whether the receiver accepted it.
        is_final: Whether the receiver wants no more.
        retry_after_s: Delay in seconds that the receiver asked for.
    """

    answer: str
    is_taken: bool = False
    is_final: bool = False
    retry_after_s: float | None = None


def post_delivery(due: DueDelivery, now_us: int) -> DeliveryResult:
    """Post a delivery once.

    Raises:
        MissingExtraError: httpx is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError(
            "Alerts cannot be sent without httpx.", hint="pip install 'consumer-fusion[serve]'"
        ) from error
    parts = urlsplit(due.subscription.url)
    assert parts.hostname is not None, "checked when the subscription was made"
    deadline = monotonic() + TRY_SECONDS
    try:
        address = find_address(
            parts.hostname, parts.port or 443, is_internal=due.subscription.is_internal, seconds=TRY_SECONDS
        )
    except TimeoutError:
        return DeliveryResult("timed_out")
    except OSError:
        return DeliveryResult("name_not_found")
    if address is None:
        return DeliveryResult("address_refused")
    body = due.body.encode()
    seconds = now_us // 1_000_000
    delivery_id = due.delivery.delivery_id
    headers = {
        "Host": parts.netloc.rpartition("@")[2],
        "Content-Type": _CONTENT_TYPE,
        "User-Agent": f"consumer-fusion/{read_product_version()}",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": sign_body(due.subscription.secret, delivery_id, seconds, body),
    }
    host = f"[{address}]" if ":" in address else address
    target = parts._replace(
        netloc=host if parts.port is None else f"{host}:{parts.port}", fragment=""
    ).geturl()
    request = httpx.Request(
        "POST", target, content=body, headers=headers, extensions={"sni_hostname": parts.hostname}
    )

    async def post() -> tuple[int, str]:
        # One deadline for the whole request: it also limits a receiver that sends a byte now and then.
        async with asyncio.timeout(max(0.1, deadline - monotonic())):
            # Directly to the transport: without a proxy of the environment, redirects or cookies.
            async with httpx.AsyncHTTPTransport() as transport:
                response = await transport.handle_async_request(request)
                # The body of the response is not read: it is not needed, and it may be endless.
                await response.aclose()
                return response.status_code, response.headers.get("retry-after", "")

    try:
        status, retry_after = asyncio.run(post())
    except (TimeoutError, httpx.TimeoutException):
        return DeliveryResult("timed_out")
    except (httpx.HTTPError, httpx.InvalidURL):
        return DeliveryResult("no_connection")
    return DeliveryResult(
        str(status),
        is_taken=200 <= status < 300,
        is_final=status == 410,
        retry_after_s=float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )


def check_receiver(url: str, *, is_internal: bool) -> None:
    """Refuse an address to which no alert would ever be posted; an unknown name is accepted, as it may exist later.

    Raises:
        InputError: One of its network addresses is not allowed.
    """
    parts = urlsplit(url)
    try:
        address = find_address(
            parts.hostname or "", parts.port or 443, is_internal=is_internal, seconds=LOOKUP_SECONDS
        )
    except OSError:
        return
    if address is None:
        raise InputError(
            "The address is in the network of the server, or in a reserved network.",
            hint="Use an address on the public internet, or mark it as internal.",
        )


def find_address(name: str, port: int, *, is_internal: bool, seconds: float) -> str | None:
    """A network address of a host that alerts may be posted to; None where one of its addresses is not allowed.

    Raises:
        TimeoutError: The name was not resolved in time.
        OSError: The name cannot be resolved.
    """
    found = [str(each[4][0]) for each in _look_up(name, port, seconds)]
    if not all(may_receive(each, is_internal=is_internal) for each in found):
        return None
    return found[0]


def _look_up(name: str, port: int, seconds: float) -> Sequence[Any]:
    """The addresses of a name; resolved in a thread, because the system's resolver has no time limit."""
    answer: Future[Sequence[Any]] = Future()

    def look_up() -> None:
        try:
            answer.set_result(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error if isinstance(error, OSError) else OSError(str(error)))

    Thread(target=look_up, name="name lookup", daemon=True).start()
    return answer.result(timeout=seconds)


def may_receive(text: str, *, is_internal: bool) -> bool:
    """Whether alerts may be posted to a network address, and to every other that it maps to.

    Clouds serve the credentials of a machine at link-local addresses; no receiver has such an address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    return all(_may_receive(each, is_internal=is_internal) for each in _unwrap(address))


def _may_receive(address: _Address, *, is_internal: bool) -> bool:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    is_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return is_internal or (address.is_global and not is_site_local)


def _unwrap(address: _Address) -> list[_Address]:
    """The addresses reached through one: for an IPv6 address with an embedded IPv4 address, that one.

    Mapped (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056) and Teredo (RFC 4380).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if any(address in network for network in _TRANSLATED):
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour is not None:
        return [address.sixtofour]
    return [address, *(address.teredo or ())]
