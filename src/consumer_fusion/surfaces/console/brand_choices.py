"""Choice of brands in a form: all, including future ones, or a selection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import _
from consumer_fusion.surfaces.console.pages import PageRequest

BRANDS_OFFERED = 200


@dataclass(frozen=True, slots=True)
class BrandChoices:
    """Brands to choose from.

    Attributes:
        has_all: Whether all brands are chosen, including future ones.
        offered: Each brand, and whether it is chosen.
        has_more: Whether there are more than are offered.
    """

    has_all: bool
    offered: Sequence[tuple[str, bool]]
    has_more: bool


def offer_brands(brands: Sequence[str], chosen: Collection[str] | None) -> BrandChoices:
    """The brands to choose from.

    Args:
        brands: Existing brands.
        chosen: Currently chosen brands; None for all.
    """
    named = sorted(chosen or ())
    others = [brand for brand in brands if brand not in named]
    room = max(0, BRANDS_OFFERED - len(named))
    return BrandChoices(
        chosen is None,
        [*((brand, True) for brand in named), *((brand, False) for brand in others[:room])],
        len(others) > room,
    )


def read_brands(page_request: PageRequest) -> Collection[str] | None:
    """The chosen brands; None for all.

    Raises:
        InputError: No brand was chosen.
    """
    if page_request.read_form("scope") == "all":
        return None
    more = [part.strip() for part in page_request.read_optional("more_brands").split(",")]
    brands = frozenset([*page_request.read_choices("brand"), *filter(None, more)])
    if not brands:
        raise InputError(
            _("No brand was chosen."), hint=_("Choose one or more brands, or all, including future ones.")
        )
    return brands
