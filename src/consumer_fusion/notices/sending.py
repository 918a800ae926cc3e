"""Sending: one delivery is posted to its address, and to no address that lies where it should not.

The name is looked up once and the connection goes to the address that was looked at, so that a name which points
elsewhere a moment later leads nowhere else. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from consumer_fusion.errors import MissingExtraError
from consumer_fusion.kit.release import read_product_version
from consumer_fusion.notices.deliveries import DueDelivery
from consumer_fusion.notices.envelopes import sign_body

TIMEOUT_SECONDS = 10.0
_CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended.

    Attributes:
        answer: An HTTP status, or a word for what kept it from getting one.
        is_taken: Whether the receiver took it.
        is_final: Whether the receiver wants no more.
        retry_after_s: When the receiver wants to be tried again.
    """

    answer: str
    is_taken: bool = False
    is_final: bool = False
    retry_after_s: float | None = None


def post_delivery(due: DueDelivery, now_us: int) -> Outcome:
    """Post a delivery once.

    Raises:
        MissingExtraError: httpx is not installed.
    """
    try:
        import httpx
    except ImportError as error:
        raise MissingExtraError(
            "Notices cannot be sent without httpx.", hint="pip install 'consumer-fusion[serve]'"
        ) from error
    parts = urlsplit(due.subscription.url)
    assert parts.hostname is not None, "checked when the subscription was made"
    try:
        address = find_address(parts.hostname, parts.port or 443, is_internal=due.subscription.is_internal)
    except OSError:
        return Outcome("name_not_found")
    if address is None:
        return Outcome("address_refused")
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
        "POST", target, content=body, headers=headers,
        extensions={"sni_hostname": parts.hostname, "timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict()},
    )  # fmt: skip
    try:
        # Straight to the transport: no proxy of the environment, no redirect, no cookie comes in between.
        with httpx.HTTPTransport() as transport:
            response = transport.handle_request(request)
            # The body of the answer is not read: nobody needs it, and it may be without end.
            status, retry_after = response.status_code, response.headers.get("retry-after", "")
            response.close()
    except httpx.TimeoutException:
        return Outcome("timed_out")
    except (httpx.HTTPError, httpx.InvalidURL):
        return Outcome("no_connection")
    return Outcome(
        str(status),
        is_taken=200 <= status < 300,
        is_final=status == 410,
        retry_after_s=float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )


def find_address(name: str, port: int, *, is_internal: bool) -> str | None:
    """An address of a host that may be posted to; None where one of its addresses may not.

    Raises:
        OSError: The name is not known.
    """
    found = [str(each[4][0]) for each in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    if not all(may_receive(each, is_internal=is_internal) for each in found):
        return None
    return found[0]


def may_receive(text: str, *, is_internal: bool) -> bool:
    """Whether notices may be posted to a network address.

    Link-local addresses are where clouds keep the secrets of a machine; nobody has a receiver there.
    """
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return is_internal or address.is_global
