"""Effects of events of other brands, described without naming the brand or the event.

A reputation that spreads is caused at another brand. A caller who may not see that brand learns that something happened
elsewhere and its effect here, and no more: neither brand, kind, text nor ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.fold.derivation import RECOVERY_KIND
from consumer_fusion.score.model.ledger import HIDDEN_EVENT_ID, LedgerEntry


def mask_other_brands(entries: Sequence[LedgerEntry], points: PointsTable) -> list[LedgerEntry]:
    """The events of a pair, with neutral words for those derived from events of other brands.

    Args:
        entries: The pair's events of some times, or all, in order.
        points: Points in force, which define the kinds that spread.
    """
    masked: list[LedgerEntry] = []
    numbers: Counter[int] = Counter()
    hidden = {kind: is_of_other_brand(kind, points) for kind in {entry.kind for entry in entries}}
    for entry in entries:
        if entry.parent_event_id is None or not hidden[entry.kind]:
            masked.append(entry)
            continue
        numbers[entry.occurred_us] += 1
        masked.append(
            replace(
                entry,
                # Its own id contains that of the other brand's event.
                event_id=f"{HIDDEN_EVENT_ID}-{entry.occurred_us}-{numbers[entry.occurred_us]}",
                channel=None,
                text=None,
                properties={},
                parent_event_id=HIDDEN_EVENT_ID,
                sentence=_choose_words(entry.kind, points),
            )
        )
    return masked


def is_of_other_brand(kind_key: str, points: PointsTable) -> bool:
    """Whether derived events of a kind are caused at other brands."""
    mended = kind_key.removeprefix(f"{RECOVERY_KIND}/")
    return any(kind.spreads == mended for kind in points.kinds.values())


def _choose_words(kind_key: str, points: PointsTable) -> str:
    if kind_key.startswith(f"{RECOVERY_KIND}/"):
        return N_("Recovery after a problem at another brand")
    is_harm = any(each.points < 0 for each in points.kinds[kind_key].entries)
    return (
        N_("Spillover of a public complaint at another brand")
        if is_harm
        else N_("Spillover of public praise of another brand")
    )
