"""The plain words and number forms that charts and report share, so that one thing is called one thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from consumer_fusion.i18n.translation import mark, mark_count, read_language, say, say_count
from consumer_fusion.records.points import Direction
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.records.timestamps import from_microseconds

SYMBIOSIS_WORDS: Mapping[Symbiosis, str] = {
    "mutualism": mark("mutual"),
    "commensal-brand-gains": mark("brand benefits"),
    "commensal-consumer-gains": mark("consumer benefits"),
    "neutral": mark("neutral"),
    "unknown": mark("unknown"),
    "one-sided-brand-takes": mark("one-sided: brand benefits"),
    "one-sided-consumer-takes": mark("one-sided: consumer benefits"),
    "amensal": mark("one side loses"),
    "competition": mark("both lose"),
}
"""What people read for each class, from good to bad; the ecological words stay in the code."""

SYMBIOSIS_MEANINGS: Mapping[Symbiosis, str] = {
    "mutualism": mark("consumer and brand clearly give each other something"),
    "commensal-brand-gains": mark("the consumer gives, what comes back is not clear"),
    "commensal-consumer-gains": mark("the brand gives, what comes back is not clear"),
    "neutral": mark("enough is known, and neither side stands out"),
    "unknown": mark("too little happened, or too long ago, to tell"),
    "one-sided-brand-takes": mark("the consumer gives and is harmed"),
    "one-sided-consumer-takes": mark("the brand gives and is harmed"),
    "amensal": mark("one side is harmed, for the other nothing is clear"),
    "competition": mark("each side harms the other"),
}

DIRECTION_WORDS: Mapping[Direction, str] = {
    "consumer_to_brand": mark("Consumer → brand"),
    "brand_to_consumer": mark("Brand → consumer"),
}


NOUNS = (
    mark_count("{count} pair", "{count} pairs"),
    mark_count("{count} event", "{count} events"),
    mark_count("{count} smaller event", "{count} smaller events"),
    mark_count("{count} day", "{count} days"),
    mark_count("{count} row", "{count} rows"),
    mark_count("{count} duplicate", "{count} duplicates"),
    mark_count("{count} window", "{count} windows"),
    mark_count("{count} action", "{count} actions"),
)
"""What is counted, in both forms; `write_noun` says them."""


def name_symbiosis(symbiosis: str) -> str:
    """The plain words for a class; a class that is not known yet is shown as it is."""
    words: Mapping[str, str] = {str(key): text for key, text in SYMBIOSIS_WORDS.items()}
    return say(words.get(symbiosis, symbiosis))


def write_count(count: int) -> str:
    """A count with thousands marked."""
    return read_language().write_number(count, 0)


def write_noun(count: int, noun: str) -> str:
    """A count with its noun, in the plural where it belongs."""
    return say_count(f"{{count}} {noun}", f"{{count}} {noun}s", count)


def write_score(score: float) -> str:
    """A score, to one decimal."""
    return read_language().write_number(score, 1)


def write_change(change: float, decimals: int = 2) -> str:
    """A signed number with a true minus sign; what rounds to nothing has no sign."""
    text = read_language().write_number(abs(change), decimals)
    if not any(digit in text for digit in "123456789"):
        return text
    return f"+{text}" if change > 0 else f"−{text}"


def write_share(share: float) -> str:
    """A share as a percentage; what rounds to nothing or to all, but is not, is told as such."""
    if 0 < share < 0.005:
        return say("under {share}", share=read_language().write_share(0.01))
    if 0.995 <= share < 1:
        return say("over {share}", share=read_language().write_share(0.99))
    return read_language().write_share(share)


def write_day(day: date) -> str:
    """A day as people write it, `5 Jun 2026`."""
    return read_language().write_day(day)


def write_time(microseconds: int) -> str:
    """A day and time in UTC, `5 Jun 2026, 20:00`."""
    return read_language().write_time(from_microseconds(microseconds))


def from_day_number(day: int) -> datetime:
    """Midnight UTC of a day counted from 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)


def shorten(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
