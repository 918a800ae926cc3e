"""Sentences for people: the effect of an event on a relationship and its reason, in plain words.

"+3.0: seen with the brand; 100,000 new followers". Values that were assumed, because the source did
not give them, are marked as assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer_fusion.i18n.messages import translate_message
from consumer_fusion.i18n.translation import N_, _, ngettext, read_language
from consumer_fusion.records.points import Kind, MagnitudeRule, PointsEntry
from consumer_fusion.score.model.ledger import HIDDEN_EVENT_ID, LedgerEntry, WeighedEntry, dampen_burst

ASSUMED_PEOPLE = 100
"""Assumed number of people that an event reached if its source does not give it (`docs/concepts/score.md`)."""

_NEGLIGIBLE_POINTS = 0.1


def write_sentence(weighed: WeighedEntry, entry: PointsEntry, worth: float) -> str:
    """The effect of one event on one facet, and its reason.

    Args:
        weighed: The event, its kind and its weight.
        entry: Points of the facet.
        worth: Points, times the magnitude where the entry is graded.
    """
    event = weighed.entry
    if event.parent_event_id is not None:
        words = translate_message(event.sentence or "") or _(weighed.kind.meaning)
        body = _lower_first(words).rstrip(".") or _(weighed.kind.event)
        if event.parent_event_id == HIDDEN_EVENT_ID:
            return f"{_format_points(worth)}: {body}{_describe_burst(weighed.burst_count)}"
    else:
        body = _describe_event(event, weighed.kind, entry.is_graded)
    return (
        f"{_format_points(worth)}: {body}{_describe_trust(event)}{_describe_burst(weighed.burst_count)}"
        f"{_describe_experiment(entry)}"
    )


def _format_points(worth: float) -> str:
    decimals = 1 if abs(worth) >= _NEGLIGIBLE_POINTS else 2
    return ("−" if worth < 0 else "+") + read_language().write_number(abs(worth), decimals)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _describe_event(event: LedgerEntry, kind: Kind, is_graded: bool) -> str:
    meaning = _lower_first(_(kind.meaning)) or _(kind.event)
    if kind.magnitude == "gained":
        return _describe_gain(event, meaning)
    describe = _DETAILS.get(kind.magnitude)
    return meaning if describe is None or not is_graded else meaning + describe(event)


def _describe_gain(event: LedgerEntry, meaning: str) -> str:
    gained = _find_number(event, "followers_gained")
    if gained is None:
        return meaning
    # The kind's own words up to the comma name the occasion; the number of followers comes after it.
    count = round(abs(gained))
    followers = (
        ngettext("{count} new follower", "{count} new followers", count)
        if gained > 0
        else ngettext("{count} follower lost", "{count} followers lost", count)
    )
    return f"{meaning.split(',', 1)[0]}; {followers}"


def _describe_audience(event: LedgerEntry) -> str:
    audience = _find_number(event, "audience")
    return (
        _describe_reach(event) if audience is None else _(", before {people}", people=_count_people(audience))
    )


def _describe_reach(event: LedgerEntry) -> str:
    people = _find_number(event, "people")
    if people is None:
        return _(", before {count} people (assumed: the source does not say how many)", count=ASSUMED_PEOPLE)
    return _(", before {people}", people=_count_people(people))


def _describe_severity(event: LedgerEntry) -> str:
    severity = _find_number(event, "severity")
    if severity is None:
        return _(", severity 1 (assumed: the source does not say)")
    return _(", severity {severity}", severity=f"{severity:g}")


def _describe_severity_and_reach(event: LedgerEntry) -> str:
    return _describe_severity(event) + _describe_reach(event)


def _describe_rating(highest: int) -> Callable[[LedgerEntry], str]:
    def describe(event: LedgerEntry) -> str:
        rating = _find_number(event, "rating")
        return "" if rating is None else _(": {rating} of {highest}", rating=f"{rating:g}", highest=highest)

    return describe


def _describe_money(event: LedgerEntry) -> str:
    if event.magnitude == 1:
        return ""
    return _(", {size} times the weight of a usual order", size=f"{event.magnitude:.2g}")


def _describe_lateness(event: LedgerEntry) -> str:
    days = _find_number(event, "days_late")
    if days is None:
        return ""
    return _(N_(", {days} day late") if days == 1 else N_(", {days} days late"), days=f"{days:g}")


def _describe_recovery(event: LedgerEntry) -> str:
    return _(", {share} of what it had cost", share=f"{event.magnitude:.0%}")


def _describe_size(event: LedgerEntry) -> str:
    return "" if event.magnitude == 1 else _(", of size {size}", size=f"{event.magnitude:.2g}")


_DETAILS: Mapping[MagnitudeRule, Callable[[LedgerEntry], str]] = {
    "money": _describe_money,
    "rating": _describe_rating(5),
    "effort": _describe_rating(7),
    "recommendation": _describe_rating(10),
    "severity": _describe_severity,
    "severity_reach": _describe_severity_and_reach,
    "sentiment_reach": _describe_reach,
    "reach": _describe_audience,
    "lateness": _describe_lateness,
    "response_time": _describe_size,
    "recovery": _describe_recovery,
    "stated": _describe_size,
}


def _describe_trust(event: LedgerEntry) -> str:
    if event.trust >= 1:
        return ""
    if event.trust <= 0:
        return _("; not counted: contested, or from an untrusted source")
    return _("; counted at {share}: not confirmed", share=f"{event.trust:.0%}")


def _describe_burst(count: int) -> str:
    if count == 1:
        return ""
    return ngettext(
        "; one of {count} that day, which together count as {worth}",
        "; one of {count} that day, which together count as {worth}",
        count,
        worth=read_language().write_number(dampen_burst(count) * count, 1),
    )


def _describe_experiment(entry: PointsEntry) -> str:
    if entry.experiment_id is None:
        return ""
    return _("; points set by experiment {experiment}", experiment=entry.experiment_id)


def _find_number(event: LedgerEntry, name: str) -> float | None:
    """The property if it is a number; a text that is a number counts."""
    value = event.properties.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _count_people(number: float) -> str:
    return ngettext("{count} person", "{count} people", round(number))
