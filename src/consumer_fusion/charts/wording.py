"""The plain words and number forms that charts and report share, so that one thing is called one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from consumer_fusion.kit.moments import from_microseconds
from consumer_fusion.records.points import Direction
from consumer_fusion.records.score import Symbiosis

SYMBIOSIS_WORDS: Mapping[Symbiosis, str] = {
    "mutualism": "both gain",
    "commensal-brand-gains": "the brand gains",
    "commensal-consumer-gains": "the consumer gains",
    "neutral": "neutral",
    "unknown": "unknown",
    "one-sided-brand-takes": "one-sided: the brand takes",
    "one-sided-consumer-takes": "one-sided: the consumer takes",
    "amensal": "one side is harmed",
    "competition": "both lose",
}
"""What people read for each class, from good to bad; the ecological words stay in the code."""

SYMBIOSIS_MEANINGS: Mapping[Symbiosis, str] = {
    "mutualism": "consumer and brand clearly give each other something",
    "commensal-brand-gains": "the consumer gives, what comes back is not clear",
    "commensal-consumer-gains": "the brand gives, what comes back is not clear",
    "neutral": "enough is known, and neither side stands out",
    "unknown": "too little happened, or too long ago, to tell",
    "one-sided-brand-takes": "the consumer gives and is harmed",
    "one-sided-consumer-takes": "the brand gives and is harmed",
    "amensal": "one side is harmed, for the other nothing is clear",
    "competition": "each side harms the other",
}

DIRECTION_WORDS: Mapping[Direction, str] = {
    "consumer_to_brand": "The consumer gives",
    "brand_to_consumer": "The brand gives",
}


def name_symbiosis(symbiosis: str) -> str:
    """The plain words for a class; a class that is not known yet is shown as it is."""
    words: Mapping[str, str] = {str(key): text for key, text in SYMBIOSIS_WORDS.items()}
    return words.get(symbiosis, symbiosis)


def write_count(count: int) -> str:
    """A count with thousands marked."""
    return f"{count:,}"


def write_noun(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it belongs."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def write_score(score: float) -> str:
    """A score, to one decimal."""
    return f"{score:.1f}"


def write_change(change: float, decimals: int = 2) -> str:
    """A signed number with a true minus sign; what rounds to nothing has no sign."""
    text = f"{abs(change):.{decimals}f}"
    if float(text) == 0:
        return text
    return f"+{text}" if change > 0 else f"−{text}"


def write_share(share: float) -> str:
    """A share as a percentage; what rounds to nothing or to all, but is not, is told as such."""
    if 0 < share < 0.005:
        return "under 1%"
    if 0.995 <= share < 1:
        return "over 99%"
    return f"{share:.0%}"


def write_day(day: date) -> str:
    """A day as people write it, `5 Jun 2026`."""
    return f"{day.day} {day:%b} {day.year}"


def write_time(microseconds: int) -> str:
    """A day and time in UTC, `5 Jun 2026, 20:00`."""
    moment = from_microseconds(microseconds)
    return f"{write_day(moment.date())}, {moment:%H:%M}"


def from_day_number(day: int) -> datetime:
    """Midnight UTC of a day counted from 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def shorten(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
