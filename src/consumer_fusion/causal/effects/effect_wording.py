"""Effects in words and numbers for people, in the current language, with one word for one thing everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.i18n import number_format
from consumer_fusion.i18n.translation import N_, _, ngettext, read_language
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds

LABEL_WORDS: Mapping[EvidenceLabel, str] = {
    "cannot_tell": N_("no conclusion"),
    "changed_after": N_("changed, cause unclear"),
    "consistent_with_cause": N_("likely caused by it"),
    "caused": N_("caused by it"),
}
"""The strength of the evidence in a word or two, from least to most."""

LABEL_MEANINGS: Mapping[EvidenceLabel, str] = {
    "cannot_tell": N_(
        "No change can be established: what was observed is within chance, two methods disagree, or the data do not "
        "allow an answer."
    ),
    "changed_after": N_(
        "Something changed after the action, more than chance explains. Whether the action was the cause is open: "
        "there was no comparable control series."
    ),
    "consistent_with_cause": N_(
        "Something changed after the action, and comparable series that it did not reach did not change with it. "
        "That is what a cause looks like; another reason that affected only this one remains possible."
    ),
    "caused": N_("The action was given at random, so the difference is its effect, within the interval."),
}

METRIC_WORDS: Mapping[str, str] = {
    "orders": N_("orders"),
    "revenue": N_("revenue"),
    "visits": N_("visits"),
    "page_views": N_("page views"),
    "sign_ups": N_("sign-ups"),
    "complaints": N_("complaints"),
    "mentions": N_("mentions"),
    "followers": N_("followers gained"),
    "sentiment": N_("sentiment"),
    "response_time": N_("time to first reply"),
    "rating": N_("rating"),
    "recommendation": N_("likely to recommend"),
    "fusion_score": N_("mean Fusion Score"),
}
VERDICT_WORDS: Mapping[str, str] = {
    "passed": N_("passed"),
    "warned": N_("warning"),
    "refused": N_("prevents a conclusion"),
}


def name_metric(metric: str) -> str:
    """A metric in words; a metric of an imported file keeps its own name."""
    return _(METRIC_WORDS.get(metric, metric))


def name_measure(report: EffectReport) -> str:
    """The unit of the values of the series: the metric per day, week or month."""
    return _(_MEASURES[report.step], metric=name_metric(report.metric))


_MEASURES = {
    "day": N_("{metric} a day"),
    "week": N_("{metric} a week"),
    "month": N_("{metric} a month"),
}


def name_label(label: EvidenceLabel) -> str:
    """The strength of the evidence in a word or two."""
    return _(LABEL_WORDS[label])


def name_verdict(shown: ShownEffect) -> str:
    """The verdict in a list, or the action under which the effect is reported."""
    if shown.report.told_with is not None:
        return _("reported with {action}", action=shown.report.told_with)
    return name_label(shown.listed_label)


def explain_label(label: EvidenceLabel) -> str:
    """The meaning of a label, in sentences."""
    return _(LABEL_MEANINGS[label])


def tell_window(report: EffectReport) -> str:
    """The days of the window."""
    first, last = write_day(report.start_day), write_day(report.declared_end_day)
    if report.end_day < report.declared_end_day:
        return _(
            "{first} to {last}, seen until {seen}", first=first, last=last, seen=write_day(report.end_day)
        )
    return _("{first} to {last}", first=first, last=last)


def explain_finding(shown: ShownEffect) -> list[str]:
    """The findings, in sentences with their numbers."""
    report = shown.report
    if report.effect is None:
        return [each.tell() for each in report.checks if each.verdict == "refused"]
    sentences = [explain_total(report), _tell_chance(report.p_value)]
    if report.relative is not None:
        change = _(
            "{change} against what was expected, {low} to {high} (95%).",
            change=write_relative(report.relative),
            low=write_relative(report.low),
            high=write_relative(report.high),
        )
        sentences.insert(0, change)
    sentences += (each.tell() for each in report.checks if each.name == "disagreement")
    sentences += _tell_list(shown)
    if report.interval == "sequential":
        sentences.append(_("The window is still open: the interval allows for daily looks."))
    if shown.shrunk is not None and shown.shrunk.is_shrunk:
        sentences.append(
            _(
                "Pooled with {count} actions of its kind, its expected effect is {change}, {low} to {high}.",
                count=shown.shrunk.group_size,
                change=write_relative(shown.shrunk.mean),
                low=write_relative(shown.shrunk.low),
                high=write_relative(shown.shrunk.high),
            )
        )
    if report.mde80 is not None:
        sentences.append(
            _(
                "Smallest detectable effect at 80% power: {mde}.",
                mde=write_relative(report.mde80),
            )
        )
    return sentences


def _tell_list(shown: ShownEffect) -> list[str]:
    """The status of a finding among the other effects of its brand."""
    if shown.report.label == "cannot_tell" or shown.q_value is None or shown.q_count < 2:
        return []
    values = {
        "count": shown.q_count,
        "brand": shown.brand,
        "share": read_language().write_number(shown.q_value * 100, 1) + "%",
    }
    if shown.listed_label == "cannot_tell":
        return [
            _(
                "Significant on its own, but not in the list of the {count} effects of {brand}: cut here, the list "
                "would have {share} false discoveries.",
                **values,
            )
        ]
    return [
        _(
            "Also significant in the list of the {count} effects of {brand}: cut here, the list has {share} false "
            "discoveries.",
            **values,
        )
    ]


def explain_total(report: EffectReport) -> str:
    """The effect in the units of the metric: a day, and over all its days where they may be added up."""
    if not report.adds_up:
        return _("That is {effect}, on the scale of the metric.", effect=write_amount(report.effect))
    effect, total = write_amount(report.effect), write_amount(report.cumulative)
    low, high = write_amount(report.cumulative_low), write_amount(report.cumulative_high)
    if report.step == "week":
        weeks = ngettext("{count} week", "{count} weeks", report.steps_seen)
        return _(
            "That is {effect} a week and {total} over {weeks} ({low} to {high}).",
            effect=effect, total=total, weeks=weeks, low=low, high=high,
        )  # fmt: skip
    if report.step == "month":
        months = ngettext("{count} month", "{count} months", report.steps_seen)
        return _(
            "That is {effect} a month and {total} over {months} ({low} to {high}).",
            effect=effect, total=total, months=months, low=low, high=high,
        )  # fmt: skip
    days = ngettext("{count} day", "{count} days", report.steps_seen)
    return _(
        "That is {effect} a day and {total} over {days} ({low} to {high}).",
        effect=effect, total=total, days=days, low=low, high=high,
    )  # fmt: skip


def _tell_chance(p_value: float | None) -> str:
    if p_value is not None and p_value < 0.001:
        return _("p < 0.001: as large by chance in fewer than one case in a thousand.")
    if p_value is None:
        return _("p is unknown.")
    language = read_language()
    return _(
        "p = {p_value}: as large by chance in {share} of cases.",
        p_value=language.write_number(p_value, 3), share=language.write_number(p_value * 100, 1) + "%",
    )  # fmt: skip


_LEFT_OUT_WORDS = {
    "linked": N_("an association links it with the brand of the action"),
    "own_action": N_("an action of its own falls into the window"),
    "it changed in the window itself, more than the other controls": N_(
        "it changed in the window itself, more than the other controls"
    ),
}
"""Why a series is not a control, in words; other reasons of the engine are shown unchanged."""


def list_left_out(report: EffectReport) -> list[tuple[str, str]]:
    """The series that were ruled out as controls, each with the reason."""
    return [(name, _(_LEFT_OUT_WORDS.get(why, why))) for name, why in report.dropped_controls]


def write_relative(value: float | None) -> str:
    """A relative change, signed, `+12.3%`."""
    return _("unknown") if value is None else number_format.write_relative(value)


def write_interval(low: float | None, high: float | None) -> str:
    """An interval of relative changes."""
    if low is None or high is None:
        return _("unknown")
    return _("{low} to {high}", low=write_relative(low), high=write_relative(high))


def write_amount(value: float | None) -> str:
    """A signed amount in the units of the metric."""
    return _("unknown") if value is None else number_format.write_change(value)


def write_sign(probability: float) -> str:
    """The probability that the sign of an effect is right."""
    return read_language().write_share(min(probability, 0.99))


def write_p_value(value: float | None) -> str:
    """A p-value to three places."""
    if value is None:
        return _("unknown")
    if value < 0.001:
        return _("under {share}", share=read_language().write_number(0.001, 3))
    return read_language().write_number(value, 3)


def write_day(day: int) -> str:
    """A day since 1970 in the current language."""
    return read_language().write_day(from_microseconds(day * DAY_MICROSECONDS).date())
