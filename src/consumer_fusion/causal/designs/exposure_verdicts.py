"""Verdicts on exposures: the evidence of an effect without randomisation, in plain sentences."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.causal.designs.exposures import GOOD_BALANCE, ExposureEffect
from consumer_fusion.i18n.translation import N_, _, ngettext
from consumer_fusion.records.effect import EvidenceLabel

_MUCH_LEFT_OUT = 0.2


@dataclass(frozen=True, slots=True)
class ExposureVerdict:
    """The verdict on an exposure.

    Attributes:
        label: `cannot_tell`, `changed_after`, or at best `consistent_with_cause`; never `caused`.
        sentences: The comparison, the influence of targeting, and every caution.
    """

    label: EvidenceLabel
    sentences: tuple[str, ...]


def judge_exposure(found: ExposureEffect, placebo: ExposureEffect | None = None) -> ExposureVerdict:
    """Grade an adjusted comparison.

    Args:
        found: The adjusted effect.
        placebo: The same adjustment in a period before anyone was reached, where any effect is bias.
    """
    effect, naive = found.adjusted, found.naive
    is_clear = effect.low > 0.0 or effect.high < 0.0
    is_alike = found.worst_balance <= GOOD_BALANCE
    is_unbiased = placebo is not None and placebo.adjusted.low <= 0.0 <= placebo.adjusted.high
    label: EvidenceLabel = "cannot_tell"
    if is_clear:
        label = "consistent_with_cause" if is_alike and is_unbiased else "changed_after"
    sentences = [
        _(
            N_(
                "The audience was not randomised. The people reached differ from the others by {naive} afterwards, but "
                "they were different before; compared with similar people the effect is {effect}, between {low} and "
                "{high}."
            ),
            naive=f"{naive.effect:+.3g}",
            effect=f"{effect.effect:+.3g}",
            low=f"{effect.low:+.3g}",
            high=f"{effect.high:+.3g}",
        )
    ]
    if not is_clear:
        sentences.append(_(N_("That is compatible with no effect.")))
    sentences += _list_cautions(found, placebo)
    return ExposureVerdict(label, tuple(sentences))


def _list_cautions(found: ExposureEffect, placebo: ExposureEffect | None) -> list[str]:
    cautions = []
    apart = [one.feature for one in found.balance if abs(one.after) > GOOD_BALANCE]
    if apart:
        cautions.append(
            ngettext(
                "Even after weighting, the groups differ in {count} covariate known before: {names}.",
                "Even after weighting, the groups differ in {count} covariates known before: {names}.",
                len(apart),
                names=", ".join(apart),
            )
        )
    if found.trimmed_share > _MUCH_LEFT_OUT:
        cautions.append(
            _(
                N_("{share} of the people have no counterpart in the other group and were left out."),
                share=f"{found.trimmed_share:.0%}",
            )
        )
    if placebo is None:
        cautions.append(_(N_("There was no earlier period to check the comparison on.")))
    elif not placebo.adjusted.low <= 0.0 <= placebo.adjusted.high:
        cautions.append(
            _(
                N_("The same comparison finds {effect} in a period before the action: that much is bias."),
                effect=f"{placebo.adjusted.effect:+.3g}",
            )
        )
    cautions.append(
        _(
            N_(
                "An unmeasured confounder would have to explain {share} of the remaining variation, both of who was "
                "reached and of the outcome, to reduce the effect to zero (E-value {value})."
            ),
            share=f"{found.sensitivity.robustness:.1%}",
            value=f"{found.sensitivity.e_value:.2f}",
        )
    )
    return cautions
