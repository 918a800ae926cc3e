"""Actions near each other: which of them cannot be separated, and which affect the forecast of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.causal.inference.effect import ValidityCheck
from consumer_fusion.causal.series.series import Window

ENTANGLED_DAYS = 14
"""Another action that ended no longer ago than this affects the forecast of a window."""
STEADY_DAYS = 28
"""An action that has run this long and goes on is part of the level."""
LEAST_OWN_SHARE = 1 / 3
LEAST_OWN_DAYS = 2
"""Two actions are separated where each has at least this many days, and this share of the shorter one, without the
other."""


@dataclass(frozen=True, slots=True)
class ActionWindow(Window):
    """The window of another action.

    Attributes:
        name: Name of the action.
        is_temporary: Whether its effect is declared to end with the window.
    """

    name: str = ""
    is_temporary: bool = True


@dataclass(frozen=True, slots=True)
class OverlappingActions:
    """Other actions, sorted by how they affect a window.

    Attributes:
        window: The days to be measured: the action's own, or those of all that cannot be separated from it.
        together: Actions that cannot be separated from it.
        entangled: Other actions on or shortly before these days, which are separated from it.
        later: Other actions that begin after these days.
        steady: Actions that ran on all of these days and long before, a part of the level.
    """

    window: Window
    together: tuple[ActionWindow, ...]
    entangled: tuple[ActionWindow, ...]
    later: tuple[ActionWindow, ...]
    steady: tuple[ActionWindow, ...]


def sort_neighbours(window: Window, others: Sequence[Window]) -> OverlappingActions:
    """Sort other actions by how they affect a window."""
    named = [
        other if isinstance(other, ActionWindow) else ActionWindow(other.start_day, other.end_day)
        for other in others
    ]
    steady = tuple(other for other in named if is_steady(window, other) and other.overlaps(window))
    rest = [other for other in named if not is_steady(window, other)]
    together: list[ActionWindow] = []
    joined = rest
    while joined:
        joined = [other for other in rest if any(are_one(other, member) for member in (window, *together))]
        rest = [other for other in rest if other not in joined]
        together += joined
    whole = Window(
        min(one.start_day for one in (window, *together)), max(one.end_day for one in (window, *together))
    )
    rest = [other for other in rest if other.end_day >= whole.start_day - ENTANGLED_DAYS]
    return OverlappingActions(
        whole,
        tuple(together),
        tuple(other for other in rest if other.start_day <= whole.end_day),
        tuple(other for other in rest if other.start_day > whole.end_day),
        steady,
    )


def is_steady(window: Window, other: Window) -> bool:
    """Whether another action had run for long when a window began, and goes on after it."""
    return other.start_day <= window.start_day - STEADY_DAYS and other.end_day > window.end_day


def are_one(first: Window, second: Window) -> bool:
    """Whether two actions overlap so far that their effects cannot be separated."""
    shared = min(first.end_day, second.end_day) - max(first.start_day, second.start_day) + 1
    if shared < 1 or is_steady(first, second) or is_steady(second, first):
        return False
    shorter = min(first.days, second.days)
    return shorter - shared < max(LEAST_OWN_DAYS, LEAST_OWN_SHARE * shorter)


def check_neighbours(found: OverlappingActions) -> tuple[ValidityCheck, ...]:
    """Report the other actions on these days, and how they were treated."""
    checks: list[ValidityCheck] = []
    if found.together:
        checks.append(
            ValidityCheck(
                "overlap", "warned",
                "Reported once for all of them together, because they ran on the same days and cannot be separated: "
                "this action and {names}.", {"names": list_names(found.together)},
            )
        )  # fmt: skip
    if found.steady:
        checks.append(
            ValidityCheck(
                "overlap", "warned",
                "Measured on top of what ran long before and after it: {names}.", {"names": list_names(found.steady)},
            )
        )  # fmt: skip
    apart = (*found.entangled, *found.later)
    if apart:
        checks.append(
            ValidityCheck(
                "other_actions", "passed", "Separated from other actions nearby: {names}.",
                {"names": list_names(apart)},
            )
        )  # fmt: skip
    return tuple(checks)


def list_names(windows: Sequence[ActionWindow]) -> str:
    """The names of actions, each once."""
    names = [window.name for window in windows if window.name]
    return ", ".join(dict.fromkeys(names)) or str(len(windows))
