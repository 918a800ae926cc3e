"""`fusion webhooks`: who is told of what, what became of it, and trying dead deliveries again."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.alerts import watching
from consumer_fusion.alerts.deliveries import list_deliveries, retry_deliveries
from consumer_fusion.alerts.subscriptions import list_subscriptions, withdraw_subscription
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Notices that are posted to other programs.", no_args_is_help=True)


class NoticeChoice(StrEnum):
    """What can be told."""

    score_crossed = "score_crossed"
    first_dissatisfaction = "first_dissatisfaction"
    symbiosis_changed = "symbiosis_changed"


class StatusChoice(StrEnum):
    """What became of a delivery."""

    pending = "pending"
    delivered = "delivered"
    dead = "dead"


@application.command()
def subscribe(
    url: Annotated[str, typer.Argument(help="Where to: https://host/path.")],
    of: Annotated[list[NoticeChoice], typer.Option("--of", help="What is told; may be given again.")],
    brand: Annotated[str | None, typer.Option(help="Only of this brand.")] = None,
    line: Annotated[float, typer.Option(help="The score whose crossing is told.")] = 50.0,
    quiet_hours: Annotated[
        float, typer.Option(help="The same about the same pair at most once in so many hours.")
    ] = 24.0,
    internal: Annotated[
        bool, typer.Option("--internal", help="The address may lie in the network of the server.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Tell an address of what happens from now on; its secret is shown once."""
    with open_recorded(
        workspace, "subscribe webhook", detail={"types": [each.value for each in of], "brand": brand}
    ) as opened:
        made = watching.subscribe(
            opened, url=url, types=[each.value for each in of], brand=brand, line=line, quiet_hours=quiet_hours,
            is_internal=internal,
        )  # fmt: skip
    if is_json:
        print_json(asdict(made))
        return
    console.print(f"Subscription {made.subscription_id}")
    console.print(f"Its secret, shown only now: {made.secret}")


@application.command("list")
def list_(workspace: WorkspaceOption = Path(), is_json: JsonOption = False) -> None:
    """List who is told of what."""
    with open_workspace(workspace) as opened, opened.store.reading() as session:
        found = list_subscriptions(session)
    if is_json:
        print_json([{k: v for k, v in asdict(each).items() if k != "secret"} for each in found])
        return
    if not found:
        console.print(
            "Nobody is told of anything yet. Next: fusion webhooks subscribe URL --of first_dissatisfaction"
        )
        return
    print_table(
        "Subscriptions",
        ["id", "address", "told of", "brand", "line"],
        [[each.subscription_id, each.url, ", ".join(each.types), each.brand, each.line] for each in found],
    )


@application.command()
def withdraw(
    subscription_id: Annotated[str, typer.Argument(help="The subscription.")],
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Tell an address no more."""
    with (
        open_recorded(workspace, "withdraw webhook", object_id=subscription_id) as opened,
        opened.store.writing() as session,
    ):
        withdraw_subscription(session, subscription_id, opened.now_us)
        opened.note_change(session)
    if is_json:
        print_json({"withdrawn": subscription_id})
        return
    console.print(f"{subscription_id} withdrawn")


@application.command()
def deliveries(
    status: Annotated[StatusChoice | None, typer.Option(help="Only those.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """List deliveries, the newest first, and what the last try met."""
    with open_workspace(workspace) as opened, opened.store.reading() as session:
        found = list_deliveries(session, status=status.value if status else None, limit=limit)
    if is_json:
        print_json([asdict(each) for each in found])
        return
    if not found:
        console.print("No deliveries yet: they come with the first change that a subscription asks for.")
        return
    print_table(
        "Deliveries",
        ["id", "notice", "status", "tries", "answer", "made"],
        [
            [each.delivery_id, each.notice_type, each.status, each.tries, each.answer, write_moment(each.created_us)]
            for each in found
        ],
        right=["tries"],
    )  # fmt: skip


@application.command()
def retry(
    ids: Annotated[list[str] | None, typer.Argument(help="Dead deliveries; none for all.")] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Try dead deliveries again from the start."""
    with (
        open_recorded(workspace, "retry deliveries", detail={"deliveries": ids or "all"}) as opened,
        opened.store.writing() as session,
    ):
        count = retry_deliveries(session, ids or None, opened.now_us)
        opened.note_change(session)
    if is_json:
        print_json({"retried": count})
        return
    console.print(f"{count:,} deliveries are tried again")
