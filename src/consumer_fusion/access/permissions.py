"""What who may: roles, the permissions they give, and the brands they are limited to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from consumer_fusion.errors import PermissionDeniedError
from consumer_fusion.records.access import Caller, Permission, Role

PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

BRAND_LEVEL: frozenset[Permission] = frozenset(
    {"look", "see_identities", "make_tokens", "declare_associations", "declare_actions"}
)
"""These are asked for one brand. The others change or show what is of all brands, so they take all brands."""

_AGENT: frozenset[Permission] = frozenset(
    {"look", "see_identities", "declare_associations", "merge_consumers", "mend_events"}
)
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    "read-only": frozenset({"look"}),
    "agent": _AGENT,
    "analyst": _AGENT | {"declare_actions", "make_tokens", "change_points", "export"},
    "owner": frozenset(PERMISSIONS),
}


def may(caller: Caller, permission: Permission, brand: str | None = None) -> bool:
    """Whether the caller may do something, for a brand where it is of a brand.

    Without a brand, a permission of the brand level says that there may be brands for which they have it;
    what is then shown goes through `keep_visible`.
    """
    if permission not in ROLE_PERMISSIONS[caller.role]:
        return False
    if permission not in BRAND_LEVEL and caller.brands is not None:
        return False
    return brand is None or caller.sees(brand)


def require_permission(caller: Caller, permission: Permission, brand: str | None = None) -> None:
    """Refuse what the caller may not do.

    A brand that they may not see is refused in the same words whether it exists or not: ask here before looking.

    Raises:
        PermissionDeniedError: They may not.
    """
    if may(caller, permission, brand):
        return
    if brand is not None and may(caller, permission):
        raise PermissionDeniedError(
            "This brand is not among those that you may see.", hint="An owner can give it to your account."
        )
    task = permission.replace("_", " ")
    if permission in ROLE_PERMISSIONS[caller.role]:
        raise PermissionDeniedError(
            f"To {task} concerns all brands, and you may see only some.",
            hint="Ask somebody who may see all of them.",
        )
    raise PermissionDeniedError(
        f"The role {caller.role} may not {task}.", hint="An owner can change your role."
    )


def keep_visible(caller: Caller, brands: Iterable[str]) -> list[str]:
    """Those of the brands that the caller may see, in their order."""
    return [brand for brand in brands if caller.sees(brand)]


def narrow_brands(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    """The brands that both allow; None stands for all."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
