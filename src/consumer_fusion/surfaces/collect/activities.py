"""Activity Streams 2.0: posts and activities of other platforms, converted to events.

| activity | event |
|---|---|
| Create, Update of a Note, Article, Image, ... | Brand Mentioned, one for each brand that is mentioned |
| Create of a Review with a `rating` | Product Reviewed |
| Announce | Product Shared |
| View, Read, Listen | Page Viewed |
| Join, Accept of an Event | Event Attended |
| Arrive, Travel to a Place | Store Visited |
| Like, Dislike, Follow, Undo, Flag, Offer, ... | `Activity Like`, ...: stored, without points |

The consumer is the `actor`; the brand is the one named by a `tag` of type Mention, else the brand of the key. The
followers (`followersCount` or `followers.totalItems`) are the people reached. Sentiment counts only where the post
includes it (`sentiment`, -1 to 1); it is never inferred.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from consumer_fusion.records.ids import make_id
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.documents import list_lines
from consumer_fusion.surfaces.collect.own_events import write_event

_KINDS: Mapping[str, str] = MappingProxyType({
    "Announce": "Product Shared", "View": "Page Viewed", "Read": "Page Viewed", "Listen": "Page Viewed",
    "Join": "Event Attended", "Arrive": "Store Visited", "Travel": "Store Visited",
})  # fmt: skip
_WRITING = ("Create", "Update")
_COLLECTIONS = ("Collection", "OrderedCollection", "CollectionPage", "OrderedCollectionPage")
_TAGS = re.compile(r"<[^>]*>")
_BREAKS = re.compile(r"<(?:br\s*/?|/p)>", re.IGNORECASE)


def cut_activities(document: Any, source: str, brand: str | None, received_us: int) -> list[str]:
    """The events of one activity, a list of activities or a collection, one line each.

    Raises:
        CollectError: The body is not an activity, or has too many.
    """
    if isinstance(document, dict) and document.get("type") in _COLLECTIONS:
        document = document.get("orderedItems", document.get("items"))
    activities = [document] if isinstance(document, dict) else document
    if not isinstance(activities, list):
        raise CollectError(
            400, "invalid_body", "The body is not an activity. Send one, a list, or a collection."
        )
    received_at = datetime.fromtimestamp(received_us / 1e6, UTC).isoformat()
    return list_lines(
        write_event(event, source, received_at)
        for activity in activities
        for event in (
            _read_activity(activity, brand, received_at) if isinstance(activity, dict) else [activity]
        )
    )


def _read_activity(activity: Mapping[str, Any], brand: str | None, received_at: str) -> list[dict[str, Any]]:
    kind = _read_type(activity)
    about = _as_object(activity.get("object"))
    actor = _as_object(activity.get("actor") or activity.get("attributedTo"))
    brands = _find_brands(activity, about) or [brand]
    activity_id = _as_text(activity.get("id")) or make_id()
    rating = about.get("rating")
    event = {
        "kind": _name_kind(kind, about, rating),
        "occurred_at": activity.get("published") or about.get("published") or received_at,
        "consumer": _as_text(actor.get("id")) or _as_text(actor.get("preferredUsername")),
        "channel": "social",
        "text": _read_words(about) or None,
        "properties": {
            name: value
            for name, value in {
                "activity": kind,
                "object": _as_text(about.get("id")),
                "object_type": _read_type(about),
                "people": _count_followers(actor),
                "sentiment": about.get("sentiment", activity.get("sentiment")),
                "rating": rating,
            }.items()
            if value is not None and value != ""
        },
    }
    is_single = len(brands) == 1
    return [
        {**event, "brand": each, "event_id": activity_id if is_single else f"{activity_id}#{number}"}
        for number, each in enumerate(brands, start=1)
    ]


def _name_kind(activity: str, about: Mapping[str, Any], rating: object) -> str:
    if activity in _WRITING:
        return "Product Reviewed" if rating is not None else "Brand Mentioned"
    if activity == "Accept" and _read_type(about) == "Event":
        return "Event Attended"
    return _KINDS.get(activity, f"Activity {activity or 'Unknown'}")


def _find_brands(activity: Mapping[str, Any], about: Mapping[str, Any]) -> list[str | None]:
    """The mentioned brands, without duplicates, in the order of their first mention."""
    found: dict[str | None, None] = {}
    for tags in (about.get("tag"), activity.get("tag")):
        for tag in tags if isinstance(tags, list) else [tags]:
            if isinstance(tag, dict) and _read_type(tag) == "Mention":
                name = _as_text(tag.get("name")).lstrip("@").partition("@")[0] or _as_text(tag.get("href"))
                if name:
                    found[name] = None
    return list(found)


def _read_type(thing: Mapping[str, Any]) -> str:
    kind = thing.get("type", thing.get("@type"))
    return _as_text(kind[0] if isinstance(kind, list) and kind else kind)


def _read_words(about: Mapping[str, Any]) -> str:
    """The text of a post without markup."""
    content = about.get("content")
    if not content and isinstance(about.get("contentMap"), dict):
        content = next(iter(about["contentMap"].values()), "")
    text = _TAGS.sub("", _BREAKS.sub("\n", _as_text(content) or _as_text(about.get("name"))))
    return html.unescape(text).strip()


def _count_followers(actor: Mapping[str, Any]) -> int | float | None:
    followers = actor.get("followersCount", actor.get("followers"))
    count = followers.get("totalItems") if isinstance(followers, dict) else followers
    return count if isinstance(count, (int, float)) and not isinstance(count, bool) else None


def _as_object(value: Any) -> Mapping[str, Any]:
    """An object, which may be given by its id alone or as the first of a list."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {"id": value} if isinstance(value, str) else {}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else ""
