"""Names of series: reports store the series by id, and the keys are looked up when a report is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.masked_keys import SeesBrand, ShowKey
from consumer_fusion.events.entities import name_entities
from consumer_fusion.i18n.translation import _
from consumer_fusion.storage.store import Session

_NUMBERED = re.compile(r"(brand|consumer):(\d+)")
_SERIES = re.compile(r"^[\w -]+/(?:brand|consumer):\d+")


def name_reports(
    session: Session, reports: Sequence[EffectReport], show_key: ShowKey, sees: SeesBrand
) -> list[EffectReport]:
    """The reports with names in place of the ids of series; a brand that the caller may not see has none."""
    texts = [text for report in reports for text in _list_texts(report)]
    numbers = {int(number) for text in texts for _unused, number in _NUMBERED.findall(text)}
    names = name_entities(session, sorted(numbers))
    return [_name_report(report, names, show_key, sees) for report in reports]


def _list_texts(report: EffectReport) -> Iterable[str]:
    yield report.series
    yield from report.controls
    yield from (name for name, _unused in report.dropped_controls)
    yield from (value for check in report.checks for value in check.values.values() if isinstance(value, str))


def _name_report(
    report: EffectReport, names: Mapping[int, str], show_key: ShowKey, sees: SeesBrand
) -> EffectReport:
    def name(text: Any) -> Any:
        return _name_series(text, names, show_key, sees) if isinstance(text, str) else text

    return replace(
        report,
        series=name(report.series),
        controls=tuple(name(each) for each in report.controls),
        dropped_controls=tuple((name(each), why) for each, why in report.dropped_controls),
        checks=tuple(
            replace(check, values={key: name(value) for key, value in check.values.items()})
            for check in report.checks
        ),
    )


def _name_series(text: str, names: Mapping[int, str], show_key: ShowKey, sees: SeesBrand) -> str:
    """Ids such as `orders/brand:3/region:north` as `sweater-brand, north`; anything else as it is.

    Example:
        >>> _name_series("orders/brand:3/region:north", {3: "sweater-brand"}, str, bool)
        'sweater-brand, north'
        >>> _name_series("orders/brand:3, orders/brand:4", {3: "bakery", 4: "florist"}, str, bool)
        'bakery, florist'
    """
    parts = text.split(", ")
    if not all(_SERIES.match(part) for part in parts):
        return text
    return ", ".join(_name_one(part, names, show_key, sees) for part in parts)


def _name_one(key: str, names: Mapping[int, str], show_key: ShowKey, sees: SeesBrand) -> str:
    shown = []
    for part in key.split("/")[1:]:
        found = _NUMBERED.fullmatch(part)
        if found is None:
            shown.append(part.partition(":")[2])
        else:
            name = names.get(int(found[2]), part)
            if found[1] == "consumer":
                shown.append(show_key(name))
            else:
                shown.append(name if sees(name) else _("another brand"))
    return ", ".join(shown)
