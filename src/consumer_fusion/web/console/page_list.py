"""Every page of the console with its address: the list that the routes are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consumer_fusion.web.console import (
    audit_page,
    brand_pages,
    consumer_pages,
    identity_pages,
    key_pages,
    points_page,
    rejected_page,
    relationship_page,
)
from consumer_fusion.web.console.drawings import DrawnShelf
from consumer_fusion.web.console.pages import Answer, Visit


@dataclass(frozen=True, slots=True)
class PageMaker:
    """What makes a page.

    Attributes:
        make: From the visit and the charts that are kept.
        is_change: Whether it does something: it is then posted to, with a form of ours.
        is_preview: Whether it only shows what would be done.
    """

    make: Callable[[Visit, DrawnShelf], Answer]
    is_change: bool = False
    is_preview: bool = False


def _show(make: Callable[[Visit], Answer]) -> PageMaker:
    return PageMaker(lambda visit, _: make(visit))


def _change(make: Callable[[Visit], Answer], *, is_preview: bool = False) -> PageMaker:
    return PageMaker(lambda visit, _: make(visit), is_change=True, is_preview=is_preview)


PAGES: dict[str, PageMaker] = {
    "/": _show(brand_pages.show_start),
    "/brands": _show(brand_pages.show_brands),
    "/brand": _show(brand_pages.show_overview),
    "/brand/figure": PageMaker(brand_pages.show_brand_figure),
    "/consumers": _show(consumer_pages.show_consumers),
    "/consumer": _show(consumer_pages.show_consumer),
    "/relationship": _show(relationship_page.show_relationship),
    "/relationship/figure": PageMaker(relationship_page.show_pair_figure),
    "/relationship/without": _show(relationship_page.show_without),
    "/points": _show(points_page.show_points),
    "/points/kind": _show(points_page.show_kind),
    "/points/versions": _show(points_page.show_versions),
    "/points/preview": _change(points_page.preview_change, is_preview=True),
    "/points/save": _change(points_page.save_change),
    "/rejected": _show(rejected_page.show_rejected),
    "/rejected/row": _show(rejected_page.show_rejection),
    "/rejected/retry": _change(rejected_page.retry_rejection),
    "/rejected/retry-all": _change(rejected_page.retry_all),
    "/rejected/drop": _change(rejected_page.drop_rejection),
    "/identities": _show(identity_pages.show_identities),
    "/identities/merge": _change(identity_pages.merge_consumers),
    "/identities/undo": _change(identity_pages.undo_merge),
    "/keys": _show(key_pages.show_keys),
    "/keys/create": _change(key_pages.create_key),
    "/keys/rotate": _change(key_pages.rotate_key),
    "/keys/revoke": _change(key_pages.revoke_key),
    "/audit": _show(audit_page.show_audit),
}
