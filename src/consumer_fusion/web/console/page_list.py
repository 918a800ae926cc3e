"""Every page of the console with its address: the list that the routes are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from consumer_fusion.web.console import (
    action_pages,
    association_pages,
    audit_page,
    brand_pages,
    consumer_pages,
    effect_pages,
    identity_pages,
    key_pages,
    planner_page,
    points_page,
    rejected_page,
    relationship_page,
    staff_pages,
    suggestion_pages,
    token_pages,
    unattributed_page,
    webhook_pages,
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
        takes_file: Whether a file may come with its form.
    """

    make: Callable[[Visit, DrawnShelf], Answer]
    is_change: bool = False
    is_preview: bool = False
    takes_file: bool = False


def _show(make: Callable[[Visit], Answer]) -> PageMaker:
    return PageMaker(lambda visit, _: make(visit))


def _change(
    make: Callable[[Visit], Answer], *, is_preview: bool = False, takes_file: bool = False
) -> PageMaker:
    return PageMaker(
        lambda visit, _: make(visit), is_change=True, is_preview=is_preview, takes_file=takes_file
    )


PAGES: dict[str, PageMaker] = {
    "/": _show(brand_pages.show_start),
    "/brands": _show(brand_pages.show_brands),
    "/brand": _show(brand_pages.show_overview),
    "/brand/figure": PageMaker(brand_pages.show_brand_figure),
    "/actions": _show(action_pages.show_actions),
    "/actions/figure": PageMaker(action_pages.show_actions_figure),
    "/actions/declare": _change(action_pages.declare_action),
    "/actions/withdraw": _change(action_pages.withdraw_action),
    "/effect": _show(effect_pages.show_effect),
    "/effect/figure": PageMaker(effect_pages.show_effect_figure),
    "/effect/measure": _change(effect_pages.measure_effect),
    "/effects": _show(effect_pages.show_effects),
    "/effects/figure": PageMaker(effect_pages.show_effects_figure),
    "/effects/measure": _change(effect_pages.measure_effects),
    "/planner": _show(planner_page.show_planner),
    "/planner/figure": PageMaker(planner_page.show_planner_figure),
    "/planner/draw": _change(planner_page.draw_holdout),
    "/planner/list": _show(planner_page.download_holdout),
    "/consumers": _show(consumer_pages.show_consumers),
    "/consumer": _show(consumer_pages.show_consumer),
    "/relationship": _show(relationship_page.show_relationship),
    "/relationship/figure": PageMaker(relationship_page.show_pair_figure),
    "/relationship/without": _show(relationship_page.show_without),
    "/associations": _show(association_pages.show_associations),
    "/associations/declare": _change(association_pages.declare),
    "/associations/withdraw": _change(association_pages.withdraw),
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
    "/unattributed": _show(unattributed_page.show_unattributed),
    "/unattributed/attach": _change(unattributed_page.attach_event),
    "/identities": _show(identity_pages.show_identities),
    "/identities/merge": _change(identity_pages.merge_consumers),
    "/identities/undo": _change(identity_pages.undo_merge),
    "/suggestions": _show(suggestion_pages.show_suggestions),
    "/suggestions/find": _change(suggestion_pages.find_suggestions, is_preview=True, takes_file=True),
    "/suggestions/accept": _change(suggestion_pages.accept_suggestions),
    "/keys": _show(key_pages.show_keys),
    "/keys/create": _change(key_pages.create_key),
    "/keys/rotate": _change(key_pages.rotate_key),
    "/keys/revoke": _change(key_pages.revoke_key),
    "/tokens": _show(token_pages.show_tokens),
    "/tokens/create": _change(token_pages.create_token),
    "/tokens/revoke": _change(token_pages.revoke_token),
    "/webhooks": _show(webhook_pages.show_webhooks),
    "/webhooks/subscribe": _change(webhook_pages.subscribe),
    "/webhooks/withdraw": _change(webhook_pages.withdraw),
    "/webhooks/retry": _change(webhook_pages.retry),
    "/staff": _show(staff_pages.show_staff),
    "/staff/account": _show(staff_pages.show_account),
    "/staff/invite": _change(staff_pages.invite),
    "/staff/change": _change(staff_pages.change),
    "/staff/password": _change(staff_pages.offer_password),
    "/staff/sign-out": _change(staff_pages.sign_out),
    "/staff/deactivate": _change(staff_pages.deactivate),
    "/audit": _show(audit_page.show_audit),
}
