"""Phrases for the levels of a comparison of two records, without any value."""

from __future__ import annotations

from consumer_fusion.i18n.translation import N_

COMPARISON_PHRASES = {
    "name": (
        N_("different name"),
        N_("same first name"),
        N_("same surname"),
        N_("similar name"),
        N_("very similar name"),
        N_("first name and surname swapped"),
        N_("same name"),
    ),
    "first_name": (
        N_("different first name"),
        N_("somewhat similar first name"),
        N_("similar first name"),
        N_("very similar first name"),
        N_("same first name"),
    ),
    "surname": (
        N_("different surname"),
        N_("somewhat similar surname"),
        N_("similar surname"),
        N_("very similar surname"),
        N_("same surname"),
    ),
    "dob": (
        N_("different date of birth"),
        N_("dates of birth within ten years"),
        N_("dates of birth within a year"),
        N_("dates of birth within a month"),
        N_("date of birth differs in one character"),
        N_("same date of birth"),
    ),
    "email": (
        N_("different e-mail"),
        N_("similar name before the @"),
        N_("similar e-mail"),
        N_("same name before the @"),
        N_("same e-mail"),
    ),
    "city": (N_("different city"), N_("same city")),
    "postcode": (
        N_("different postcode"),
        N_("postcode differs in one character"),
        N_("same postcode"),
    ),
    "phone": (
        N_("different telephone"),
        N_("telephone differs in one or two digits"),
        N_("same telephone"),
    ),
}
"""By column: from no agreement upwards, in the order of Splink's levels."""
