"""Signed amounts for display: changes in percent, numbers with a suitable number of decimals."""

from __future__ import annotations

from consumer_fusion.i18n.translation import read_language


def write_relative(share: float) -> str:
    """A relative change with its sign, `+12.3%`, without decimals from tenfold on; what rounds to 0 has no sign."""
    return write_signed(share * 100, 1 if abs(share) < 10 else 0) + "%"


def write_amount(value: float) -> str:
    """A number with one or two decimals where it is small."""
    text = read_language().write_number(abs(value), _choose_places(value))
    return f"−{text}" if value < 0 and any(digit in text for digit in "123456789") else text


def write_change(value: float) -> str:
    """A signed number with one or two decimals where it is small."""
    return write_signed(value, _choose_places(value))


def write_signed(value: float, places: int = 2) -> str:
    """A number with its sign, a true minus; what rounds to 0 has none."""
    text = read_language().write_number(abs(value), places)
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def _choose_places(value: float) -> int:
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
