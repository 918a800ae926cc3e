"""Associations: who is declared to be seen with which brand; over these alone may reputation spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consumer_fusion import declarations
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.records.association import Evidence
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.surfaces.console.pages import Answer, Deed, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path

EVIDENCE_WORDS: dict[Evidence, str] = {
    "wears": mark("wears or uses it"),
    "shown_on_stage": mark("is shown with it on stage"),
    "ambassador": mark("is its ambassador"),
    "creator": mark("makes things for it"),
    "sponsor": mark("is sponsored by it"),
}


@dataclass(frozen=True, slots=True)
class AssociationsPage:
    """Declared associations.

    Attributes:
        rows: Columns of `declarations.list_associations`, and `shown`, the consumer as the visitor may see them;
            `state` is holds, ended, to come or withdrawn. The newest first.
        search: A part of the key of a consumer or brand that was searched for.
        with_withdrawn: Whether those taken back are listed too.
        may_declare: Whether the visitor may declare and withdraw.
        evidence_words: The words for each way of being seen together.
        brands: Brands that the visitor may see.
        consumer: Filled in for a new one.
        brand: Filled in for a new one.
        now: The present moment, filled in for a new one.
    """

    rows: Sequence[Mapping[str, Any]]
    search: str
    with_withdrawn: bool
    may_declare: bool
    evidence_words: Mapping[Evidence, str]
    brands: Sequence[str]
    consumer: str
    brand: str
    now: str


def show_associations(visit: Visit) -> Answer:
    """The associations with brands that the visitor may see."""
    visit.require("look")
    search, with_withdrawn = visit.asked.get("search", "").strip(), visit.asked.get("all") == "yes"
    now = write_moment(visit.workspace.now_us)
    rows = [
        {**row, "shown": visit.show_key(row["consumer"]), "state": _name_state(row, now)}
        for row in list_visible(visit, with_withdrawn=with_withdrawn)
        if search.casefold() in f"{row['consumer']}\n{row['brand']}".casefold()
    ]
    content = AssociationsPage(
        rows[::-1],
        search,
        with_withdrawn,
        visit.may("declare_associations"),
        EVIDENCE_WORDS,
        visit.list_brands(),
        visit.asked.get("consumer", ""),
        visit.asked.get("brand", ""),
        now[:16],
    )
    look = Deed("list associations", visit.path, detail={"rows": len(rows)})
    return Page("associations.html", say("Associations"), content, section="associations", look=look)


def declare(visit: Visit) -> Answer:
    """Declare that a consumer is seen with a brand; events on record spread over it at once."""
    visit.require("declare_associations")
    consumer, brand = visit.read_form("consumer"), visit.read_form("brand")
    visit.require("declare_associations", brand)
    evidence = visit.read_form("evidence")
    valid_from_us, valid_to_us = visit.read_moment("valid_from"), visit.read_moment("valid_to")
    if valid_from_us is None:
        raise InputError(say("It is not said since when."), hint=say("Go back and fill it in."))
    association_id = make_id()
    deed = Deed(
        "declare association", object_id=association_id, consumer=consumer, brand=brand,
        detail={"evidence": evidence},
    )  # fmt: skip
    declarations.declare(
        visit.acting(deed), consumer, brand, evidence=evidence, strength=visit.read_number("strength", 1.0),
        is_commercial=visit.read_optional("commercial") == "yes", valid_from_us=valid_from_us,
        valid_to_us=valid_to_us, association_id=association_id,
    )  # fmt: skip
    return Redirect(
        make_path("/associations"),
        say("It is declared, and what happened spreads over it from now on. It can be withdrawn below."),
    )


def withdraw(visit: Visit) -> Answer:
    """Take an association back as never true; what spread over it goes with it."""
    visit.require("declare_associations")
    association_id = visit.read_form("association")
    row = next((each for each in list_visible(visit) if each["association_id"] == association_id), None)
    if row is None:
        raise NotFoundError(
            say("There is no such association in force."), hint=say("The page lists those that there are.")
        )
    visit.require("declare_associations", row["brand"])
    deed = Deed(
        "withdraw association", object_id=association_id, consumer=row["consumer"], brand=row["brand"]
    )
    declarations.withdraw(visit.acting(deed), association_id)
    return Redirect("/associations", say("It is withdrawn, with all that spread over it."))


def list_visible(
    visit: Visit, *, with_withdrawn: bool = False, consumer: str | None = None
) -> list[dict[str, Any]]:
    """The associations with brands that the visitor may see, in the order in which they began."""
    rows = declarations.list_associations(visit.workspace, with_withdrawn=with_withdrawn, consumer=consumer)
    return [row for row in rows if visit.visitor.caller.sees(str(row["brand"]))]


def _name_state(row: Mapping[str, Any], now: str) -> str:
    if row["withdrawn_at"]:
        return "withdrawn"
    if row["valid_from"] > now:
        return "to come"
    return "ended" if row["valid_to"] and row["valid_to"] < now else "holds"
