"""Effects: the report of one, and all of a brand with raw and pooled estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion.causal.actions.declared_actions import find_action, list_actions
from consumer_fusion.causal.effects import effect_wording, shrinking
from consumer_fusion.causal.effects.shrinking import ShownEffect, list_effects, list_linked_effects
from consumer_fusion.causal.series.metric_store import METRIC_NAMES
from consumer_fusion.i18n.messages import translate_message
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
        shown: Effect with its raw and pooled estimates.
        brand: Key of the brand.
        metrics: Available metrics, by name, with their labels.
        label_words: Verdict.
        label_meaning: Explanation of the verdict.
        window: Days that were analysed.
        findings: Findings, in sentences.
        checks: Validity checks: verdict, its label, explanation.
        controls: Control series.
        library: Placebos that it was compared with.
        passed: Excluded series, with reasons.
        may_measure: Whether the user may have it measured again.
        figures: Placeholders of its charts.
        download: Path of the daily values as CSV.
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
        brand: Key of the brand.
        metric: Filter by metric; empty for all.
        metrics: Measured metrics, with their labels.
        rows: The effects, formatted: `shown`, `label`, `change`, `interval`, `shrunk`,
            `shrunk_interval`, `sign`, `p_value`, `q_value`, `path`.
        counts: Number of effects with each verdict, with its label.
        figure: Placeholder of the chart; None without effects.
        caption: Description of the rows of the download.
        action_count: Number of declared actions.
        may_measure: Whether the user may have all measured again.
        download: Path of the numbers as CSV.
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
    """Effects shown next to the points of a pair.

    Attributes:
        rows: Same as those of `EffectsPage`.
    """

    rows: Sequence[Mapping[str, Any]]


def show_beside(page_request: PageRequest) -> Answer:
    """The effects of actions that reached the consumer, shown next to the points of the pair."""
    consumer, brand = page_request.read_asked("consumer"), page_request.read_asked("brand")
    page_request.require("view", brand)
    shown = list_linked_effects(
        page_request.workspace,
        consumer,
        brand,
        show_key=page_request.show_key,
        sees=page_request.staff.caller.sees,
    )
    content = PairEffectsFragment([_tell_row(each) for each in _put_newest_first(shown)])
    return Page("beside.html", _("Measured impact of actions"), content, brand=brand)


def show_effect(page_request: PageRequest) -> Answer:
    """Page of an action's effect on a metric, which is measured now if it never was."""
    action_id, metric = page_request.read_asked("action"), page_request.asked.get("metric") or "orders"
    brand = find_brand(page_request, action_id)
    page_request.require("view", brand)
    report = page_request.queries.find_effect(action_id, metric)
    shown = shrinking.show_effect(
        page_request.workspace, report, show_key=page_request.show_key, sees=page_request.staff.caller.sees
    )
    report = shown.report
    names = dict.fromkeys((metric, *find_action(page_request.workspace, action_id).windows, *METRIC_NAMES))
    content = EffectPage(
        shown=shown,
        brand=brand,
        metrics={name: effect_wording.name_metric(name) for name in names},
        label_words=effect_wording.name_label(report.label),
        label_meaning=effect_wording.explain_label(report.label),
        window=effect_wording.tell_window(report),
        findings=effect_wording.explain_finding(shown),
        checks=[
            (each.verdict, _(effect_wording.VERDICT_WORDS[each.verdict]), each.tell())
            for each in report.checks
        ],
        controls=report.controls,
        library=translate_message(report.library),
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
    """One chart of an effect, or its numbers as CSV."""
    action_id, metric = page_request.read_asked("action"), page_request.read_asked("metric")
    name = page_request.read_asked("name")
    page_request.require("view", find_brand(page_request, action_id))
    report = page_request.queries.find_effect(action_id, metric)

    def make() -> Drawing:
        return find_drawing(make_effect_drawings(report), name)

    key = ("effect", action_id, metric, name, hash(report.write_json()))
    return answer_figure(page_request, cache, key, page_request.queries.find_version(), make)


def show_effects(page_request: PageRequest) -> Answer:
    """Page of all measured effects of a brand's actions, as a chart and a list."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric", "")
    page_request.require("view", brand)
    every = list_effects(
        page_request.workspace,
        brand=brand,
        show_key=page_request.show_key,
        sees=page_request.staff.caller.sees,
    )
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
    """The chart of all effects of a brand, or its numbers as CSV."""
    brand, metric = page_request.read_asked("brand"), page_request.asked.get("metric", "")
    page_request.require("view", brand)
    shown = list_effects(
        page_request.workspace,
        brand=brand,
        metric=metric or None,
        show_key=page_request.show_key,
        sees=page_request.staff.caller.sees,
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
