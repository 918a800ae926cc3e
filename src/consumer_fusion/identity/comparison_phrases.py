"""What the levels of a comparison of two records of people say, without any value."""

from __future__ import annotations

from consumer_fusion.i18n.translation import mark

COMPARISON_PHRASES = {
    "name": (
        mark("different name"),
        mark("same first name"),
        mark("same surname"),
        mark("similar name"),
        mark("very similar name"),
        mark("first name and surname swapped"),
        mark("same name"),
    ),
    "first_name": (
        mark("different first name"),
        mark("somewhat similar first name"),
        mark("similar first name"),
        mark("very similar first name"),
        mark("same first name"),
    ),
    "surname": (
        mark("different surname"),
        mark("somewhat similar surname"),
        mark("similar surname"),
        mark("very similar surname"),
        mark("same surname"),
    ),
    "dob": (
        mark("different date of birth"),
        mark("dates of birth within ten years"),
        mark("dates of birth within a year"),
        mark("dates of birth within a month"),
        mark("date of birth differs in one character"),
        mark("same date of birth"),
    ),
    "email": (
        mark("different e-mail"),
        mark("similar name before the @"),
        mark("similar e-mail"),
        mark("same name before the @"),
        mark("same e-mail"),
    ),
    "city": (mark("different city"), mark("same city")),
    "postcode": (
        mark("different postcode"),
        mark("postcode differs in one character"),
        mark("same postcode"),
    ),
    "phone": (
        mark("different telephone"),
        mark("telephone differs in one or two digits"),
        mark("same telephone"),
    ),
}
"""By column: from no agreement upwards, in the order of Splink's levels."""
