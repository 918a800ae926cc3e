"""Throttling: guessing passwords becomes slow, for one account and from one network address.

A try is counted as failed before the password is looked at, and taken back when it was right: many tries at the
same moment cannot all slip in. While somebody has to wait, nothing is tried and nothing is counted, so the wait
ends. Names without an account are throttled in the same way, so that nothing tells them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.access.accounts import fold_email
from consumer_fusion.errors import ThrottledError
from consumer_fusion.records.access import SIGN_IN_FAILURES
from consumer_fusion.records.networks import name_network
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.store import Between, Session

_SECOND_US = 1_000_000
_LONGEST_SUBJECT = 300


@dataclass(frozen=True, slots=True)
class Throttle:
    """How failing makes one wait.

    Attributes:
        free: So many failures cost nothing.
        longest_s: No wait is longer.
    """

    free: int
    longest_s: int

    def wait_s(self, failures: int) -> int:
        """Seconds to wait after so many failures: 1, 2, 4, ... once the free ones are spent."""
        over = failures - self.free
        return 0 if over < 0 else min(self.longest_s, 2 ** min(over, 30))


# A wait of a quarter of an hour stops guessing and does not lock the owner of the account out for long.
ACCOUNT_THROTTLE = Throttle(free=5, longest_s=900)
# Many people may share one address, in an office.
ADDRESS_THROTTLE = Throttle(free=20, longest_s=3600)


def count_try(session: Session, email: str, address: str, now_us: int) -> None:
    """Count a try that has not succeeded yet, or refuse it.

    Args:
        session: A writing session.
        email: The name of the account, as it was given; there may be none of it.
        address: The network address it came from.
        now_us: When.

    Raises:
        ThrottledError: They have to wait.
    """
    session.delete(SIGN_IN_FAILURES, {"failed_us": Between(at_most=now_us - DAY_MICROSECONDS)})
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
            "Too many tries to sign in.", hint=f"Try again in {seconds} s.", retry_after_s=seconds
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
    """Take a try back that was right: the account begins anew, the address has one failure less.

    The address does not begin anew, or somebody with one account could guess at all others in between.
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
    """Let an account be tried at once again, because its owner has proved who they are by a link."""
    session.delete(SIGN_IN_FAILURES, {"subject": next(iter(_name_subjects(email, "")))})


def _name_subjects(email: str, address: str) -> dict[str, Throttle]:
    return {
        f"account:{fold_email(email)[:_LONGEST_SUBJECT]}": ACCOUNT_THROTTLE,
        f"address:{name_network(address)[:_LONGEST_SUBJECT]}": ADDRESS_THROTTLE,
    }
