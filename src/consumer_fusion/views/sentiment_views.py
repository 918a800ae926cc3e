"""Views of what consumers say to and about a brand: sentiment over time, and by aspect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.perception.message_views import ASPECT_WORDS, AspectSentiment, MonthlySentiment
from consumer_fusion.views.drawings import Drawing
from consumer_fusion.views.tables import ColumnView, TableView, list_columns


def make_sentiment_drawings(
    brand: str,
    read_months: Callable[[], Sequence[MonthlySentiment]],
    read_aspects: Callable[[], Sequence[AspectSentiment]],
) -> tuple[Drawing, Drawing]:
    """The charts of what consumers say to and about a brand.

    Args:
        brand: Key of the brand.
        read_months: Reads its sentiment by month.
        read_aspects: Reads its sentiment by aspect.
    """
    from consumer_fusion.views.charts.distributions import draw_aspects
    from consumer_fusion.views.charts.trend import draw_sentiment

    shares = (
        ColumnView("negative", N_("negative"), "share"),
        ColumnView("negative_low", N_("low"), "share"),
        ColumnView("negative_high", N_("high"), "share"),
        ColumnView("positive", N_("positive"), "share"),
        ColumnView("positive_low", N_("low"), "share"),
        ColumnView("positive_high", N_("high"), "share"),
    )
    return (
        Drawing(
            "sentiment",
            _("Sentiment of messages over time"),
            _("Shares of the month's messages, with 95% interval; none for fewer than 30."),
            lambda style: draw_sentiment(_place_months(read_months()), style, brand=brand),
            lambda: TableView(
                "sentiment-by-month",
                _("Sentiment of messages to and about {brand}", brand=brand),
                list_columns(
                    ColumnView("month", N_("month")),
                    ColumnView("messages", N_("messages"), "count"),
                    ColumnView("unknown", N_("unknown"), "count"),
                    *shares,
                ),
                [each.model_dump() for each in read_months()][::-1],
            ),
        ),
        Drawing(
            "aspects",
            _("Praise and complaints"),
            _("Shares of the messages that speak of an aspect; none for fewer than 30."),
            lambda style: draw_aspects(_name_aspects(read_aspects()), style, brand=brand),
            lambda: TableView(
                "messages-by-aspect",
                _("Aspects in messages to and about {brand}", brand=brand),
                list_columns(
                    ColumnView("name", N_("aspect")), ColumnView("messages", N_("messages"), "count"), *shares
                ),
                _name_aspects(read_aspects()),
            ),
        ),
    )


def _place_months(months: Sequence[MonthlySentiment]) -> list[Mapping[str, Any]]:
    return [
        {
            **each.model_dump(),
            "at": datetime.strptime(each.month, "%Y-%m").replace(tzinfo=UTC).timestamp() * 1000,
        }
        for each in months
    ]


def _name_aspects(aspects: Sequence[AspectSentiment]) -> list[Mapping[str, Any]]:
    return [{**each.model_dump(), "name": _(ASPECT_WORDS[each.aspect])} for each in aspects]
