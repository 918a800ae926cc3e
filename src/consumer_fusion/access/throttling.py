"""Throttling of password guessing, by account and by network address.

An attempt is counted as failed before the password is checked, and taken back if it was right, so that many
concurrent attempts cannot bypass the limit. While a caller has to wait, nothing is checked and nothing is counted, so
the wait ends. Unknown accounts are throttled in the same way, so that they cannot be distinguished.
"""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.access.accounts import fold_email
from consumer_fusion.errors import ThrottledError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.access import SIGN_IN_FAILURES
from consumer_fusion.records.networks import name_network
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import RangeCondition, Session

_SECOND_US = 1_000_000
_LONGEST_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class Throttle:
    """Back-off after failures.

    Attributes:
        free: Number of failures without a wait.
        longest_s: Maximum wait in seconds.
    """

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds to wait after a number of failures: 1, 2, 4, ... after the free ones."""
        over = failures - self.free
        return 0 if over < 0 else min(self.longest_s, 2 ** min(over, 30))


# A quarter of an hour stops guessing without locking the owner of the account out for long.
ACCOUNT_THROTTLE = Throttle(free=5, longest_s=900)
# Many people may share one address, in an office.
ADDRESS_THROTTLE = Throttle(free=20, longest_s=3600)


def count_try(session: Session, email: str, address: str, now_us: int) -> None:
    """Count an attempt that has not succeeded yet, or refuse it.

    Args:
        session: Writing session.
        email: E-mail address as given; there may be no such account.
        address: Network address of the client.
        now_us: Current time, in microseconds since the epoch.

    Raises:
        ThrottledError: The caller has to wait.
    """
    session.delete(SIGN_IN_FAILURES, {"failed_us": RangeCondition(at_most=now_us - DAY_MICROSECONDS)})
    subjects = _name_subjects(email, address)
    rows = {
        subject: row
        for subject in subjects
        for row in session.read(SIGN_IN_FAILURES, {"subject": subject}).to_pylist()
    }
    wait_us = max((row["blocked_until_us"] for row in rows.values()), default=0) - now_us
    if wait_us > 0:
        seconds = -(-wait_us // _SECOND_US)
        raise ThrottledError(
            "Too many sign-in attempts.",
            hint=Message("Try again in {seconds} s.", seconds=seconds),
            retry_after_s=seconds,
        )
    for subject, throttle in subjects.items():
        failures = (rows[subject]["failures"] if subject in rows else 0) + 1
        until_us = now_us + throttle.wait_s(failures) * _SECOND_US
        session.replace(
            SIGN_IN_FAILURES,
            ("subject", "failures", "failed_us", "blocked_until_us"),
            [(subject, failures, now_us, until_us if throttle.wait_s(failures) else 0)],
        )


def forgive_try(session: Session, email: str, address: str) -> None:
    """Take back a successful attempt: the account's count is reset, and the address has one failure less.

    The count of the address is not reset, or the owner of one account could guess the passwords of others in between.
    """
    account, place = _name_subjects(email, address)
    session.delete(SIGN_IN_FAILURES, {"subject": account})
    for row in session.read(SIGN_IN_FAILURES, {"subject": place}).to_pylist():
        session.update(
            SIGN_IN_FAILURES,
            {"failures": max(0, row["failures"] - 1), "blocked_until_us": 0},
            {"subject": place},
        )


def forgive_account(session: Session, email: str) -> None:
    """Reset the count of an account whose owner was authenticated by a link."""
    session.delete(SIGN_IN_FAILURES, {"subject": next(iter(_name_subjects(email, "")))})


def _name_subjects(email: str, address: str) -> dict[str, Throttle]:
    return {
        f"account:{fold_email(email)[:_LONGEST_SUBJECT]}": ACCOUNT_THROTTLE,
        f"address:{name_network(address)[:_LONGEST_SUBJECT]}": ADDRESS_THROTTLE,
    }
