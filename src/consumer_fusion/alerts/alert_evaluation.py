"""Evaluates alert rules: judges changed pairs against the webhooks' subscriptions, and queues deliveries.

The position in the event log up to which pairs were judged is moved in the transaction that queues the deliveries, so
that each event is judged once. Changes due to time alone are judged once a day, for all pairs at once.

Events of an import so large that it is written directly into segments are not judged one by one: they are history, or
so numerous that a report serves their receivers better. Where a pair was seen before, the daily evaluation reports the
change due to the import.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.alerts.alert_rules import DissatisfactionSignal, judge_pair
from consumer_fusion.alerts.deliveries import (
    DueDelivery,
    add_deliveries,
    delete_deliveries,
    record_attempt,
    take_due,
)
from consumer_fusion.alerts.envelopes import write_cloud_event
from consumer_fusion.alerts.sending import check_receiver, post_delivery
from consumer_fusion.alerts.subscriptions import check_url, create_subscription, list_subscriptions
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.event_reader import EventSelection, map_canonical
from consumer_fusion.records.alert import DELIVERIES, LastSeenState, NoticeType, Subscription
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_day, write_moment
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.last_seen_state import (
    forget_standings,
    keep_standings,
    list_standings,
    read_standings,
)
from consumer_fusion.score.model.reading import read_pair
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.decay_alerts import score_decay
from consumer_fusion.score.queries.score_queries import (
    fold_until,
    read_ledgers,
    read_states,
)
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import RangeCondition, Session
from consumer_fusion.workspace import Workspace

WATCHED_MARKS = ((EVENTS, "watched_sequence"), (DERIVED_EVENTS, "watched_derived_sequence"))
DECAY_CHECKED_MARK = "decay_alerts_checked_us"
DECAY_CHECK_HOURS = 24
"""Hours between evaluations of changes due to time alone."""
RECENT_DAYS = 7
"""Older events cause no alerts, since imported history is not news."""
FIRST_DAYS = 90
"""A signal is the first when there was none in this many days before."""
KEPT_DAYS = 30
"""Number of days for which successful deliveries are stored."""
POSTED_AT_ONCE = 8
_EVENTS_AT_A_TIME = 5_000
_WAIT_SECONDS = 10.0
_HOUR_US = DAY_MICROSECONDS // 24
_DECAY_TYPES: frozenset[NoticeType] = frozenset({"score_crossed", "symbiosis_changed"})
_NEWS_COLUMNS = ("source_id", "event_id", "occurred_us", "kind_id", "magnitude", "trust")
_Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that arrived since the last evaluation.

    Attributes:
        source_id: Its source.
        event_id: Its id there.
        occurred_us: Its time, in microseconds since the epoch.
        kind_id: Its kind in the points table; 0 for none.
        magnitude: Its size relative to its kind.
        trust: Trust in its source.
        is_derived: Whether it was derived from another event.
    """

    source_id: int
    event_id: str
    occurred_us: int
    kind_id: int
    magnitude: float
    trust: float
    is_derived: bool


def subscribe(
    workspace: Workspace,
    *,
    url: str,
    types: Collection[NoticeType],
    brand: str | None = None,
    line: float = 50.0,
    quiet_hours: float = 24.0,
    is_internal: bool = False,
    note: Callable[[Subscription], object] = lambda made: None,
) -> Subscription:
    """Add a webhook that is sent alerts from now on.

    Args:
        workspace: The workspace.
        url: URL to which alerts are posted.
        types: Types of alerts.
        brand: Only alerts of this brand.
        line: The threshold of the score.
        quiet_hours: Minimum number of hours between equal alerts about the same pair.
        is_internal: Whether the address may be in the network of the server.
        note: Called with the new subscription before it is durable.

    Raises:
        InputError: One of the arguments is invalid.
    """
    check_url(url, is_internal=is_internal)
    check_receiver(url, is_internal=is_internal)
    with workspace.store.writing() as session:
        if not list_subscriptions(session):
            for table, mark in WATCHED_MARKS:
                session.write_mark(mark, int(session.summarise(table, "sequence", "max") or 0))
            session.write_mark(DECAY_CHECKED_MARK, workspace.now_us)
            forget_standings(session)  # states from before the first webhook are not news either
        made = create_subscription(
            session,
            url=url,
            types=types,
            now_us=workspace.now_us,
            brand=brand,
            line=line,
            quiet_hours=quiet_hours,
            is_internal=is_internal,
        )
        note(made)
        workspace.note_change(session)
    return made


def evaluate_changes(workspace: Workspace) -> int:
    """Judge the pairs that changed since the last evaluation, and return the number of alerts."""
    with workspace.store.reading() as session:
        subscriptions = list_subscriptions(session)
        if not subscriptions or not _has_news(session):
            return 0
    force = put_points_in_force(workspace)
    now_us = workspace.now_us
    # Scores are read before the write lock is taken, so that an import need not wait for that.
    with workspace.store.reading() as session:
        context = force.open(workspace, session)
        before_marks = {mark: session.read_mark(mark) for _, mark in WATCHED_MARKS}
        news, marks = _read_news(session, subscriptions)
        recent = [
            pair
            for pair, events in news.items()
            if any(now_us - RECENT_DAYS * DAY_MICROSECONDS < each.occurred_us <= now_us for each in events)
        ]
        after = _read_now(context, news, now_us) if news else {}
        before = read_standings(session, list(news), force.points.version)
        # For a pair without a last seen state, decay since the last daily evaluation is reported with the event.
        looked_us = min(now_us, int(session.read_mark(DECAY_CHECKED_MARK) or now_us))
        unseen = {pair: news[pair] for pair in recent if pair not in before}
        before |= _read_before(context, unseen, looked_us) if unseen else {}
        hints = _find_hints(context, {pair: news[pair] for pair in recent}, now_us)
        names = name_entities(session, sorted({number for pair in news for number in pair}))
    with workspace.store.writing(wait_seconds=_WAIT_SECONDS) as session:
        if any(session.read_mark(mark) != value for mark, value in before_marks.items()):
            return 0  # another process judged them in the meantime
        for mark, sequence in marks.items():
            session.write_mark(mark, sequence)
        count = sum(
            _notify(session, subscription, pair, names, before[pair], after[pair], hints.get(pair), now_us)
            for pair in recent
            for subscription in subscriptions
            if subscription.brand in (None, names[pair[1]])
        )
        keep_standings(session, after, force.points.version, now_us)
    return count


def _read_now(context: ScoreContext, pairs: Collection[_Pair], now_us: int) -> dict[_Pair, LastSeenState]:
    states = read_states(
        context,
        now_us,
        consumers={consumer for consumer, _ in pairs},
        brand_ids={brand for _, brand in pairs},
    )
    return _score(context, states, pairs)


def _read_before(
    context: ScoreContext, news: Mapping[_Pair, Sequence[NewEvent]], looked_us: int
) -> dict[_Pair, LastSeenState]:
    """How pairs stood at a time, as though their new events had not arrived yet."""
    events = [each for own in news.values() for each in own]
    left_out = pa.table(
        {
            "source_id": pa.array([each.source_id for each in events], pa.int64()),
            "event_id": pa.array([each.event_id for each in events], pa.string()),
            "occurred_us": pa.array([each.occurred_us for each in events], pa.int64()),
        }
    )
    selection = EventSelection(
        consumers={consumer for consumer, _ in news},
        brand_ids={brand for _, brand in news},
        until_us=looked_us,
    )
    return _score(context, fold_until(context, selection, looked_us, without=left_out), news)


def _score(context: ScoreContext, states: pa.Table, pairs: Collection[_Pair]) -> dict[_Pair, LastSeenState]:
    """The scores and classes of pairs; those of strangers where they have no states."""
    stranger = read_pair([], context.points)
    found = dict.fromkeys(pairs, LastSeenState(stranger.fusion_score, stranger.symbiosis))
    scores = score_states(states, context.points, context.kind_ids)
    columns = (scores[name].to_pylist() for name in ("consumer_id", "brand_id", "fusion_score", "symbiosis"))
    for consumer, brand, score, symbiosis in zip(*columns, strict=True):
        if (consumer, brand) in found:
            found[consumer, brand] = LastSeenState(score, symbiosis)
    return found


def evaluate_decay(workspace: Workspace) -> int:
    """Judge once a day the changes of pairs due to time alone, and return the number of alerts.

    A pair is compared with its last seen state, or else with that of a day ago, if it had no events since.
    """
    now_us = workspace.now_us
    with workspace.store.reading() as session:
        subscriptions = [each for each in list_subscriptions(session) if set(each.types) & _DECAY_TYPES]
        since_us = int(session.read_mark(DECAY_CHECKED_MARK) or 0)
    if not subscriptions or now_us - since_us < DECAY_CHECK_HOURS * _HOUR_US:
        return 0
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        brand_ids = _find_watched(session, subscriptions)
        moved = score_decay(
            session,
            force.points,
            force.kind_ids,
            since_us or now_us,
            now_us,
            brand_ids=brand_ids,
        )
        known = list_standings(session, force.points.version)
    found = _find_faded(moved, known, {each.line for each in subscriptions})
    with workspace.store.writing(wait_seconds=_WAIT_SECONDS) as session:
        session.write_mark(DECAY_CHECKED_MARK, now_us)
        names = name_entities(session, sorted({number for pair in found for number in pair}))
        count, told = 0, {}
        for pair, (before, after) in found.items():
            for subscription in subscriptions:
                if subscription.brand in (None, names[pair[1]]):
                    made = _notify(session, subscription, pair, names, before, after, None, now_us)
                    count += made
                    told.update({pair: after} if made else {})
        keep_standings(session, told, force.points.version, now_us)
    return count


def _find_faded(
    moved: pa.Table, known: pa.Table, lines: Collection[float]
) -> dict[_Pair, tuple[LastSeenState, LastSeenState]]:
    """The pairs on another side of a threshold, or of another class, than in their last seen state."""
    table = moved.join(
        known, ["consumer_id", "brand_id"], right_suffix="_known", join_type="left outer"
    ).combine_chunks()
    is_known = pc.is_valid(table["fusion_score_known"])
    table = table.filter(pc.or_(is_known, table["is_quiet"]))
    before = pc.coalesce(table["fusion_score_known"], table["fusion_score_before"])
    class_before = pc.coalesce(table["symbiosis_known"], table["symbiosis_before"])
    changed = pc.not_equal(class_before, table["symbiosis"])
    for line in lines:
        changed = pc.or_(changed, pc.xor(pc.less(before, line), pc.less(table["fusion_score"], line)))
    table = (
        table.append_column("score_then", before).append_column("class_then", class_before).filter(changed)
    )
    return {
        (row["consumer_id"], row["brand_id"]): (
            LastSeenState(row["score_then"], row["class_then"]),
            LastSeenState(row["fusion_score"], row["symbiosis"]),
        )
        for row in table.to_pylist()
    }


def send_due(
    workspace: Workspace,
    post: Callable[[DueDelivery, int], Any] = post_delivery,
    *,
    limit: int = 50,
) -> dict[str, int]:
    """Post the deliveries that are due.

    Args:
        workspace: The workspace.
        post: Posts one delivery.
        limit: Maximum number of deliveries.

    Returns:
        The number of deliveries by their new status.
    """
    now_us = workspace.now_us
    with workspace.store.reading() as session:
        if not session.count(DELIVERIES, {"status": "pending", "next_us": RangeCondition(at_most=now_us)}):
            return {}
    with workspace.store.writing(wait_seconds=_WAIT_SECONDS) as session:
        due = take_due(session, now_us, limit)
    counts: dict[str, int] = {}
    with ThreadPoolExecutor(max_workers=POSTED_AT_ONCE, thread_name_prefix="posting") as pool:
        posted = {pool.submit(post, each, workspace.now_us): each.delivery for each in due}
        # Each result is stored at once: a slow receiver delays neither the others nor the record of them.
        for answer in as_completed(posted):
            with workspace.store.writing() as session:
                status = record_attempt(
                    session, posted[answer], now_us=workspace.now_us, **asdict(answer.result())
                )
            counts[status] = counts.get(status, 0) + 1
    with workspace.store.writing() as session:
        delete_deliveries(session, workspace.now_us - KEPT_DAYS * DAY_MICROSECONDS)
    return counts


def _find_hints(
    context: ScoreContext, news: Mapping[_Pair, Sequence[NewEvent]], now_us: int
) -> dict[_Pair, DissatisfactionSignal]:
    """The first events in a long time that signal dissatisfaction of a consumer, if they are among the new ones.

    The points table marks such kinds (`hint`). Events derived from others are no new signals.
    """
    kinds = context.points.kinds
    keys = {
        number: key
        for key, number in context.kind_ids.items()
        if key in kinds and kinds[key].hint == "dissatisfaction" and kinds[key].trust > 0
    }
    first: dict[_Pair, NewEvent] = {}
    for pair, events in news.items():
        said = [
            each
            for each in events
            if each.kind_id in keys
            and not each.is_derived
            and each.trust > 0
            and each.magnitude > 0
            and now_us - RECENT_DAYS * DAY_MICROSECONDS < each.occurred_us <= now_us
        ]
        if said:
            first[pair] = min(said, key=lambda each: (each.occurred_us, each.event_id))
    if not first:
        return {}
    earliest_us = min(each.occurred_us for each in first.values()) - FIRST_DAYS * DAY_MICROSECONDS
    known = read_ledgers(
        context,
        consumers={consumer for consumer, _ in first},
        brand_ids={brand for _, brand in first},
        kind_ids=set(keys),
        min_day=to_day(earliest_us),
        until_us=now_us,
    )
    is_said = pc.and_(pc.greater(known["trust"], 0), pc.greater(known["magnitude"], 0))
    known = known.filter(pc.and_(is_said, pc.is_null(known["parent_event_id"])))
    said_before: set[_Pair] = set()
    columns = (known[name].to_pylist() for name in ("consumer_id", "brand_id", "occurred_us", "event_id"))
    for consumer, brand, occurred_us, event_id in zip(*columns, strict=True):
        pair = consumer, brand
        if pair in first and event_id not in {each.event_id for each in news[pair]}:
            since_us = first[pair].occurred_us - FIRST_DAYS * DAY_MICROSECONDS
            if since_us < occurred_us <= first[pair].occurred_us:
                said_before.add(pair)
    return {
        pair: DissatisfactionSignal(each.event_id, keys[each.kind_id], each.occurred_us)
        for pair, each in first.items()
        if pair not in said_before
    }


def _has_news(session: Session) -> bool:
    return any(
        int(session.summarise(table, "sequence", "max") or 0) > int(session.read_mark(mark) or 0)
        for table, mark in WATCHED_MARKS
    )


def _read_news(
    session: Session, subscriptions: Sequence[Subscription]
) -> tuple[dict[_Pair, list[NewEvent]], dict[str, int]]:
    """The new events by watched pair, and the position up to which events were read."""
    watched = _find_watched(session, subscriptions)
    canonical: dict[int, int] = {}
    found: dict[_Pair, list[NewEvent]] = {}
    marks: dict[str, int] = {}
    for table, mark in WATCHED_MARKS:
        rows = session.read(
            table,
            {"sequence": RangeCondition(above=int(session.read_mark(mark) or 0))},
            columns=("sequence", "consumer_id", "brand_id", *_NEWS_COLUMNS),
            order_by=("sequence",),
            limit=_EVENTS_AT_A_TIME,
        ).to_pylist()
        if rows:
            marks[mark] = rows[-1]["sequence"]
        rows = [
            row
            for row in rows
            if row["consumer_id"] and row["brand_id"] and (watched is None or row["brand_id"] in watched)
        ]
        new = {row["consumer_id"] for row in rows} - canonical.keys()
        canonical.update(map_canonical(session, new))
        for row in rows:
            pair = canonical[row["consumer_id"]], row["brand_id"]
            event = NewEvent(
                is_derived=table is DERIVED_EVENTS, **{name: row[name] for name in _NEWS_COLUMNS}
            )
            found.setdefault(pair, []).append(event)
    return found, marks


def _find_watched(session: Session, subscriptions: Sequence[Subscription]) -> set[int] | None:
    brands = {each.brand for each in subscriptions}
    if None in brands:
        return None
    return set(find_keys(session, "brand", sorted(map(str, brands))).values())


def _notify(
    session: Session,
    subscription: Subscription,
    pair: _Pair,
    names: Mapping[int, str],
    before: LastSeenState,
    after: LastSeenState,
    hint: DissatisfactionSignal | None,
    now_us: int,
) -> int:
    made = []
    for notice in judge_pair(subscription, before, after, hint):
        delivery_id = make_id()
        data = {
            "consumer": names[pair[0]],
            "brand": names[pair[1]],
            "as_of": write_moment(now_us),
            "fusion_score": after.fusion_score,
            "fusion_score_before": before.fusion_score,
            "symbiosis": after.symbiosis,
            **notice.detail,
        }
        body = write_cloud_event(delivery_id, notice.type, now_us, data)
        made.append((notice.type, *pair, delivery_id, body))
    return add_deliveries(session, subscription, made, now_us)
