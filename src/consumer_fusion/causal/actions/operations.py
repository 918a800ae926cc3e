"""Operations on actions: deliberate acts of a brand, declared before their effects are measured."""

from __future__ import annotations

from consumer_fusion.access.permissions import require_permission
from consumer_fusion.causal.actions import declared_actions
from consumer_fusion.causal.actions.declared_actions import (
    ACTION_ID,
    ASSIGNMENT,
    ASSIGNMENT_WORDS,
    BRAND,
    DELAY,
    EXPECTED,
    EXPECTED_WORDS,
    LENGTH,
    REGION,
    SEGMENT,
    TITLE,
    TYPE,
    ActionImport,
    DeclaredAction,
    declare_actions,
    read_action_file,
)
from consumer_fusion.errors import NotFoundError
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    TextFile,
    describe,
)
from consumer_fusion.records.action import Action, Assignment, ExpectedEffect
from consumer_fusion.records.ids import make_id


class ActionFilter(Schema):
    """A filter of actions."""

    brand: str | None = describe(N_("Brand"), N_("Only of this brand."), default=None)
    with_withdrawn: bool = describe(
        N_("Withdrawn"), N_("Include withdrawn actions."), default=False, option="--all"
    )


class DeclareAction(Schema):
    """An action to declare."""

    brand: Text = describe(*BRAND)
    title: Text = describe(*TITLE)
    starts_at: Text = describe(
        N_("First day"), N_("Start of the action: a date, or a time in ISO 8601 (UTC)."), option="--from"
    )
    ends_at: str | None = describe(
        N_("Last day"),
        N_("End of the action: a date is its last full day; left out for a single point in time."),
        default=None, option="--to",
    )  # fmt: skip
    action_type: Text = describe(*TYPE, default="other")
    region: str | None = describe(*REGION, default=None)
    segment: str | None = describe(*SEGMENT, default=None)
    assignment: Assignment = describe(*ASSIGNMENT, default="unknown", words=ASSIGNMENT_WORDS)
    expected_effect: ExpectedEffect = describe(*EXPECTED, default="unknown", words=EXPECTED_WORDS)
    delay_days: int = describe(*DELAY, default=0)
    effect_days: int | None = describe(*LENGTH, default=None)
    action_id: str | None = describe(N_("ID"), N_("An id of your own."), default=None, option="--id")


class ImportActions(Schema):
    """A file of actions to declare."""

    file: TextFile = describe(
        N_("File"), N_("A .csv, .jsonl or .toml file, one action a row ([[actions]] in TOML).")
    )


class ActionId(Schema):
    """The id of an action."""

    action_id: Text = describe(*ACTION_ID)


def list_visible(
    context: Context, *, brand: str | None = None, with_withdrawn: bool = False
) -> list[DeclaredAction]:
    """The actions of brands that the caller may see, in the order in which they began."""
    found = declared_actions.list_actions(context.workspace, brand=brand, with_withdrawn=with_withdrawn)
    return [each for each in found if context.caller.sees(each.brand)]


def find_visible(context: Context, action_id: str) -> DeclaredAction:
    """An action in force of a brand that the caller may see.

    Raises:
        NotFoundError: There is none, or the caller may not see it; the message is the same.
    """
    for each in list_visible(context):
        if each.action_id == action_id:
            return each
    raise NotFoundError(
        f"There is no action {action_id}.", hint="`fusion actions list` lists the declared actions."
    )


def _list_actions(context: Context, asked: ActionFilter) -> list[DeclaredAction]:
    return list_visible(context, brand=asked.brand, with_withdrawn=asked.with_withdrawn)


def _declare_action(context: Context, asked: DeclareAction) -> DeclaredAction:
    told = {**asked.model_dump(), "action_id": asked.action_id or make_id()}
    action = Action(**told)
    context.describe(object_id=action.action_id, brand=action.brand, title=action.title)
    declare_actions(context.workspace, [action], origin="person")
    return find_visible(context, action.action_id)


def _import_actions(context: Context, asked: ImportActions) -> ActionImport:
    actions = read_action_file(asked.file)
    for brand in sorted({each.brand for each in actions}):
        require_permission(context.caller, "declare_actions", brand)
    context.describe(file=asked.file.name)
    return declare_actions(context.workspace, actions, origin="file")


def _withdraw_action(context: Context, asked: ActionId) -> DeclaredAction:
    known = find_visible(context, asked.action_id)
    context.describe(object_id=known.action_id, brand=known.brand)
    declared_actions.withdraw_action(context.workspace, known.action_id)
    return known.model_copy(update={"withdrawn_at": context.workspace.now_us})


GROUPS = (
    OperationGroup(
        "actions",
        N_("Campaigns and actions"),
        "Declare, import and withdraw actions. An action is a deliberate act of a brand with a date.",
    ),
)
OPERATIONS = (
    Query(
        name="actions list", run=_list_actions, needs="view", parameters=ActionFilter, result=DeclaredAction,
        is_many=True, title="Actions", summary="List the actions, in the order in which they began.",
        empty="No actions yet.", is_past=lambda row: row.withdrawn_at is not None,
    ),
    Operation(
        name="actions declare", run=_declare_action, needs="declare_actions", parameters=DeclareAction,
        result=DeclaredAction, arguments=("brand", "title"), audit="declare action", button=N_("Declare action"),
        summary="Declare an action before looking at its effect; it cannot be changed afterwards.",
        done=N_("“{title}” is declared. Its effect can be measured once the first day of its window is over."),
    ),
    Operation(
        name="actions import", run=_import_actions, needs="declare_actions", parameters=ImportActions,
        result=ActionImport, arguments=("file",), audit="import actions", button=N_("Import actions"),
        summary="Declare the actions of a file, all of them or none; identical ones change nothing.",
        done=N_("Actions declared: {declared}; already declared: {known}."),
    ),
    Operation(
        name="actions withdraw", run=_withdraw_action, needs="declare_actions", parameters=ActionId,
        result=DeclaredAction, arguments=("action_id",), audit="withdraw action", button=N_("Withdraw"),
        summary="Withdraw an action as never done; its effects are no longer shown.",
        done=N_("“{title}” is withdrawn; its effects are no longer shown."), of_row="action_id",
        is_on_page=False, is_offered=lambda row: row.withdrawn_at is None, is_danger=True,
        question=N_("Withdraw this action as never done? Its effects are no longer shown."),
    ),
)  # fmt: skip
