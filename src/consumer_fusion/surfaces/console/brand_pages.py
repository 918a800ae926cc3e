"""The brands, and the overview of one: score distribution, biggest changes, and incoming events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.activity_counts import Activity
from consumer_fusion.i18n.labels import SYMBIOSIS_LABELS
from consumer_fusion.i18n.translation import _
from consumer_fusion.perception.message_views import AspectSentiment
from consumer_fusion.records.perception import Aspect, Polarity
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import Order
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.figure_parts import (
    Placeholder,
    answer_figure,
    find_drawing,
    place_figure,
)
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest, Redirect
from consumer_fusion.surfaces.console.queries import BrandData, BrandsData
from consumer_fusion.surfaces.console.urls import LIVE_PATH, make_path
from consumer_fusion.views.brand_views import MOVERS_DRAWN, make_brand_drawings
from consumer_fusion.views.drawings import Drawing, Drawings
from consumer_fusion.views.sentiment_views import make_sentiment_drawings

MOVERS_LISTED = 4
BRANDS_LISTED = 100
ASPECTS_LISTED = 5
_MOVERS_SCHEMA = pa.schema(
    [
        ("consumer", pa.string()),
        ("brand", pa.string()),
        ("fusion_score", pa.float64()),
        ("score_before", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class BrandsPage:
    """All brands that the user may see.

    Attributes:
        brands: `brand`, `pairs`, `unknown`, quartiles, `mutualism`; the largest first.
        search: Search text.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
        is_quiet: Whether that is the time of the newest event because nothing happened for a day.
        has_more: Whether there are more than are listed.
    """

    brands: Sequence[Mapping[str, Any]]
    search: str
    as_of_us: int
    is_quiet: bool
    has_more: bool


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """A brand at a glance.

    Attributes:
        brand: Key of the brand.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
        is_quiet: Whether that is the time of the newest event because nothing happened for a day.
        pair_count: Number of relationships.
        unknown_count: Number of relationships with too little data.
        quartiles: 25th percentile, median and 75th percentile of the scores; None without any.
        mix: Number of relationships of each class that occurs, in the order of the classes.
        fallen_count: Number of relationships that fell by more than a point in 28 days.
        risen_count: Number of relationships that rose by more than a point in 28 days.
        activity: Incoming events; None while those of a large brand are counted.
        live_path: Path of live updates; None where a fixed as-of time is shown.
        fell: Biggest drops: `consumer`, `shown`, `fusion_score`, `score_before`, `change`.
        rose: Biggest rises, with the same fields.
        figures: Placeholders of its charts.
    """

    brand: str
    as_of_us: int
    is_quiet: bool
    pair_count: int
    unknown_count: int
    quartiles: tuple[float, float, float] | None
    mix: Sequence[tuple[str, int]]
    fallen_count: int
    risen_count: int
    activity: Activity | None
    live_path: str | None
    fell: Sequence[Mapping[str, Any]]
    rose: Sequence[Mapping[str, Any]]
    figures: Sequence[Placeholder]


@dataclass(frozen=True, slots=True)
class SayingsFragment:
    """Part of an overview: what consumers say.

    Attributes:
        brand: Key of the brand.
        messages: Messages that could be judged.
        unknown: Messages that could not.
        praised: Most praised aspects: aspect, messages, share, path of the messages.
        criticised: Most criticised aspects, with the same fields.
        figures: Placeholders of its charts.
        path: Path of all messages.
    """

    brand: str
    messages: int
    unknown: int
    praised: Sequence[tuple[Aspect, int, float, str]]
    criticised: Sequence[tuple[Aspect, int, float, str]]
    figures: Sequence[Placeholder]
    path: str


def show_start(page_request: PageRequest) -> Answer:
    """The start page: the overview of the largest brand that the user may see, or all brands."""
    found = page_request.queries.find_brands(page_request.as_of_us)
    if found is None:
        return show_being_read(_("Brands"), section="brands")
    brands = _list_visible(page_request, found)
    if not brands:
        return show_brands(page_request)
    return Redirect(make_path("/brand", brand=brands[0]["brand"]))


def show_brands(page_request: PageRequest) -> Answer:
    """Page of all brands, searched by a part of their key."""
    page_request.require("view")
    found = page_request.queries.find_brands(page_request.as_of_us)
    if found is None:
        return show_being_read(_("Brands"), section="brands")
    search = page_request.asked.get("search", "").strip()
    rows = [row for row in _list_visible(page_request, found) if search.casefold() in row["brand"].casefold()]
    has_more = len(rows) > BRANDS_LISTED
    content = BrandsPage(rows[:BRANDS_LISTED], search, found.as_of_us, page_request.is_quiet, has_more)
    return Page("brands.html", _("Brands"), content, section="brands")


def show_overview(page_request: PageRequest) -> Answer:
    """Page of the overview of a brand."""
    brand = page_request.read_asked("brand")
    page_request.require("view", brand)
    reading = page_request.queries.find_brand(brand, page_request.as_of_us)
    if reading is None:
        return show_being_read(brand, section="overview", brand=brand)
    as_of_us, scores = reading.as_of_us, reading.scores
    classes = {row["values"]: row["counts"] for row in pc.value_counts(scores["symbiosis"]).to_pylist()}
    change = scores["change_28_days"]
    content = OverviewPage(
        brand=brand,
        as_of_us=as_of_us,
        is_quiet=page_request.is_quiet,
        pair_count=scores.num_rows,
        unknown_count=classes.get("unknown", 0),
        quartiles=_find_quartiles(scores["fusion_score"]),
        mix=[(name, classes[name]) for name in SYMBIOSIS_LABELS if classes.get(name)],
        fallen_count=pc.sum(pc.less(change, -1.0)).as_py() or 0,
        risen_count=pc.sum(pc.greater(change, 1.0)).as_py() or 0,
        activity=page_request.queries.find_activity(brand),
        live_path=find_live_path(page_request, brand=brand),
        fell=_list_movers(page_request, reading, "falling"),
        rose=_list_movers(page_request, reading, "rising"),
        figures=[
            place_figure(each, "/brand/figure", name=name, brand=brand, as_of=page_request.asked.get("as_of"))
            for name, each in _make_drawings(page_request, reading).items()
        ],
    )
    return Page("overview.html", brand, content, section="overview", brand=brand)


def show_being_read(title: str, *, section: str, brand: str | None = None) -> Page:
    """Page shown while a large result is computed for seconds; it reloads itself when the result is ready."""
    return Page("being_read.html", title, None, status=202, section=section, brand=brand)


def show_brand_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """One chart of a brand, or its numbers as CSV."""
    brand, name = page_request.read_asked("brand"), page_request.read_asked("name")
    page_request.require("view", brand)

    def make() -> Drawing:
        queries = page_request.queries
        if name in ("sentiment", "aspects"):
            said = make_sentiment_drawings(
                brand, lambda: queries.read_sentiment(brand), lambda: queries.read_aspects(brand)
            )
            return find_drawing({each.name: each for each in said}, name)
        reading = queries.read_brand(brand, page_request.as_of_us)
        return find_drawing(_make_drawings(page_request, reading), name)

    key = ("brand", brand, name, page_request.asked.get("as_of"), page_request.may("see_identities"))
    return answer_figure(
        page_request, cache, key, page_request.queries.find_version(page_request.as_of_us), make
    )


def find_live_path(page_request: PageRequest, **parameters: object) -> str | None:
    """Path of live updates of a page; None where a fixed as-of time is shown."""
    return make_path(LIVE_PATH, **parameters) if page_request.asked.get("as_of", "now") == "now" else None


def show_sayings(page_request: PageRequest) -> Answer:
    """The part of a brand's overview with what consumers praise and complain of, each leading to the messages."""
    brand = page_request.read_asked("brand")
    page_request.require("view", brand)
    queries = page_request.queries
    months, aspects = queries.read_sentiment(brand), queries.read_aspects(brand)
    content = SayingsFragment(
        brand=brand,
        messages=sum(each.messages for each in months),
        unknown=sum(each.unknown for each in months),
        praised=_list_aspects(brand, aspects, "positive"),
        criticised=_list_aspects(brand, aspects, "negative"),
        figures=[
            place_figure(each, "/brand/figure", name=each.name, brand=brand)
            for each in make_sentiment_drawings(brand, lambda: months, lambda: aspects)
        ],
        path=make_path("/messages", brand=brand),
    )
    return Page("sayings.html", _("What consumers say"), content, brand=brand)


def _list_aspects(
    brand: str, aspects: Sequence[AspectSentiment], said: Polarity
) -> list[tuple[Aspect, int, float, str]]:
    """The aspects with the largest share of a polarity: aspect, messages, share, path of the messages."""
    known = [(each, share) for each in aspects if (share := getattr(each, said)) is not None and share > 0]
    return [
        (
            each.aspect,
            each.messages,
            share,
            make_path("/messages", brand=brand, aspect=each.aspect, said=said),
        )
        for each, share in sorted(known, key=lambda one: -one[1])[:ASPECTS_LISTED]
    ]


def _make_drawings(page_request: PageRequest, reading: BrandData) -> Drawings:
    queries = page_request.queries
    return make_brand_drawings(
        reading.brand, reading.scores,
        read_activity=lambda: queries.read_activity(reading.brand).days,
        read_trend=lambda: queries.read_trend(reading.brand, page_request.as_of_us),
        list_movers=lambda: _tabulate_movers(_list_movers(page_request, reading, "moving", MOVERS_DRAWN)),
    )  # fmt: skip


def _find_quartiles(scores: pa.ChunkedArray) -> tuple[float, float, float] | None:
    if not len(scores):
        return None
    low, middle, high = pc.quantile(scores, [0.25, 0.5, 0.75]).to_pylist()
    return low, middle, high


def _list_movers(
    page_request: PageRequest, reading: BrandData, order: Order, count: int = MOVERS_LISTED
) -> list[dict[str, Any]]:
    """The biggest changes in one direction or both, the largest first, without those too small to show."""
    rows = answers.list_movers(reading.scores, count, order).to_pylist()
    keys = page_request.queries.name_consumers([row["consumer_id"] for row in rows])
    return [
        {
            **row,
            "consumer": keys[row["consumer_id"]],
            "shown": page_request.show_key(keys[row["consumer_id"]]),
            "brand": reading.brand,
            "change": row["fusion_score"] - row["score_before"],
        }
        for row in rows
    ]


def _tabulate_movers(movers: Sequence[Mapping[str, Any]]) -> pa.Table:
    rows = [{**row, "consumer": row["shown"]} for row in movers]
    return pa.Table.from_pylist(rows, _MOVERS_SCHEMA)


def _list_visible(page_request: PageRequest, found: BrandsData) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.brands.to_pylist()
    return [row for row in rows if page_request.staff.caller.sees(row["brand"])]
