"""Effects: one with all that is known of it, and all of a brand, as measured and shrunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.actions.declared_actions import find_action, list_actions
from consumer_fusion.causal.effects import effect_wording, shrinking
from consumer_fusion.causal.effects.shrinking import ShownEffect, list_beside, list_effects
from consumer_fusion.causal.series.metric_store import METRIC_NAMES
from consumer_fusion.i18n.translation import _
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.action_pages import find_brand
from consumer_fusion.surfaces.console.figure_parts import (
    Placeholder,
    answer_figure,
    find_drawing,
    place_figure,
)
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.drawings import Drawing
from consumer_fusion.views.effect_views import make_effect_drawings, make_effects_drawing


@dataclass(frozen=True, slots=True)
class EffectPage:
    """One effect.

    Attributes:
        shown: The effect, raw and shrunk.
        brand: Key of the brand.
        metrics: The metrics that may be asked about, by name, and their words.
        label_words: What may be said, in a word.
        label_meaning: The same in sentences.
        window: The days looked at.
        findings: What was found, in sentences.
        checks: What was looked at: verdict, its words, the sentence.
        controls: The series beside it.
        library: Which placebos it was judged by.
        passed: Series that were left out, and why.
        may_measure: Whether the visitor may have it measured anew.
        figures: Its charts, to be drawn.
        download: Where its days are as CSV.
    """

    shown: ShownEffect
    brand: str
    metrics: Mapping[str, str]
    label_words: str
    label_meaning: str
    window: str
    findings: Sequence[str]
    checks: Sequence[tuple[str, str, str]]
    controls: Sequence[str]
    library: str
    passed: Sequence[tuple[str, str]]
    may_measure: bool
    figures: Sequence[Placeholder]
    download: str


@dataclass(frozen=True, slots=True)
class EffectsPage:
    """All effects of a brand.

    Attributes:
        brand: Its key.
        metric: The metric that is shown; empty for all.
        metrics: The metrics that were measured, and their words.
        rows: The effects with what is said of each: `shown`, `label`, `change`, `interval`, `shrunk`,
            `shrunk_interval`, `sign`, `p_value`, `q_value`, `path`.
        counts: How many there are of each label, with its words.
        figure: The chart, to be drawn; None without effects.
        caption: What the rows of the download are.
        action_count: How many actions are declared.
        may_measure: Whether the visitor may have all measured anew.
        download: Where the numbers are as CSV.
    """

    brand: str
    metric: str
    metrics: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    counts: Sequence[tuple[EvidenceLabel, str, int]]
    figure: Placeholder | None
    caption: str
    action_count: int
    may_measure: bool
    download: str


@dataclass(frozen=True, slots=True)
class PairEffectsFragment:
    """Effects that are shown beside the points of a pair.

    Attributes:
        rows: As those of `EffectsPage`.
    """

    rows: Sequence[Mapping[str, Any]]


def show_beside(page_request: PageRequest) -> Answer:
    """The effects of actions in which the consumer was seen with the brand, beside the points of the pair."""
    consumer, brand = page_request.read_asked("consumer"), page_request.read_asked("brand")
    page_request.require("look", brand)
    shown = list_beside(page_request.workspace, consumer, brand, show_key=page_request.show_key)
    content = PairEffectsFragment([_tell_row(each) for each in _put_newest_first(shown)])
    return Page("beside.html", _("Beside the points: what actions did"), content, brand=brand)


def show_effect(page_request: PageRequest) -> Answer:
    """What an action did to a metric, measured at once where nobody has asked before."""
    action_id, metric = page_request.read_asked("action"), page_request.asked.get("metric") or "orders"
    brand = find_brand(page_request, action_id)
    page_request.require("look", brand)
    report = page_request.queries.find_effect(action_id, metric)
    shown = shrinking.show_effect(page_request.workspace, report, show_key=page_request.show_key)
    report = shown.report
    names = dict.fromkeys((metric, *find_action(page_request.workspace, action_id).windows, *METRIC_NAMES))
    content = EffectPage(
        shown=shown,
        brand=brand,
        metrics={name: effect_wording.name_metric(name) for name in names},
        label_words=effect_wording.name_label(report.label),
        label_meaning=effect_wording.tell_label(report.label),
        window=effect_wording.tell_window(report),
        findings=effect_wording.tell_finding(shown),
        checks=[
            (each.verdict, _(effect_wording.VERDICT_WORDS[each.verdict]), each.tell())
            for each in report.checks
        ],
        controls=report.controls,
        library=effect_wording.tell_placebos(report.library),
        passed=effect_wording.list_left_out(report),
        may_measure=page_request.may("declare_actions", brand),
        figures=[
            place_figure(each, "/effect/figure", action=action_id, metric=metric, name=name)
            for name, each in make_effect_drawings(report).items()
        ],
        download=make_path("/effect/figure", action=action_id, metric=metric, name="course", format="csv"),
    )
    title = _("{metric} after “{action}”", metric=effect_wording.name_metric(metric), action=shown.title)
    return Page("effect.html", title, content, section="effects", brand=brand)


def show_effect_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """One chart of an effect, for its place on the page, or its numbers as CSV."""
    action_id, metric = page_request.read_asked("action"), page_request.read_asked("metric")
    name = page_request.read_asked("name")
    page_request.require("look", find_brand(page_request, action_id))
    report = page_request.queries.find_effect(action_id, metric)

    def make() -> Drawing:
        return find_drawing(make_effect_drawings(report), name)

    key = ("effect", action_id, metric, name, hash(report.write_json()))
    return answer_figure(page_request, cache, key, page_request.queries.find_version(), make)


def show_effects(page_request: PageRequest) -> Answer:
    """All effects of a brand's actions that were measured, the chart and the list."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric", "")
    page_request.require("look", brand)
    every = list_effects(page_request.workspace, brand=brand, show_key=page_request.show_key)
    shown = [each for each in every if not metric or each.report.metric == metric]
    drawing = make_effects_drawing(shown, brand)
    content = EffectsPage(
        brand=brand,
        metric=metric,
        metrics={
            name: effect_wording.name_metric(name) for name in sorted({each.report.metric for each in every})
        },
        rows=[_tell_row(each) for each in _put_newest_first(shown)],
        counts=[
            (label, _(words), count)
            for label, words in effect_wording.LABEL_WORDS.items()
            if (count := sum(each.listed_label == label and each.report.told_with is None for each in shown))
        ],
        figure=place_figure(drawing, "/effects/figure", brand=brand, metric=metric)
        if any(each.report.relative is not None for each in shown)
        else None,
        caption=drawing.gather().caption,
        action_count=len(list_actions(page_request.workspace, brand=brand)),
        may_measure=page_request.may("declare_actions", brand),
        download=make_path("/effects/figure", brand=brand, metric=metric, format="csv"),
    )
    return Page("effects.html", _("Impact of {brand}", brand=brand), content, section="effects", brand=brand)


def show_effects_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """The chart of all effects of a brand, for its place on the page, or its numbers as CSV."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric", "")
    page_request.require("look", brand)
    shown = list_effects(
        page_request.workspace, brand=brand, metric=metric or None, show_key=page_request.show_key
    )
    drawing = make_effects_drawing(shown, brand)
    stamp = [(each.report.action, each.report.metric, each.report.relative) for each in shown]
    key = ("effects", brand, metric, repr(stamp))
    return answer_figure(page_request, cache, key, page_request.queries.find_version(), lambda: drawing)


def _put_newest_first(shown: Sequence[ShownEffect]) -> list[ShownEffect]:
    return sorted(shown, key=lambda each: (-each.starts_us, each.report.action, each.report.metric))


def _tell_row(each: ShownEffect) -> dict[str, Any]:
    report, shrunk = each.report, each.shrunk
    is_shrunk = shrunk is not None and shrunk.is_shrunk
    return {
        "shown": each,
        "metric": effect_wording.name_metric(report.metric),
        "label": each.listed_label,
        "label_words": effect_wording.name_verdict(each),
        "change": effect_wording.write_relative(report.relative),
        "interval": effect_wording.write_interval(report.low, report.high),
        "shrunk": effect_wording.write_relative(shrunk.mean) if is_shrunk and shrunk else "",
        "shrunk_interval": effect_wording.write_interval(shrunk.low, shrunk.high)
        if is_shrunk and shrunk
        else "",
        "sign": effect_wording.write_sign(shrunk.sign_probability) if is_shrunk and shrunk else "",
        "p_value": effect_wording.write_p_value(report.p_value),
        "q_value": effect_wording.write_p_value(each.q_value),
        "path": make_path("/effect", action=report.action, metric=report.metric),
    }
