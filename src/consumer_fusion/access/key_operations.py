"""Operations on write keys: create (shown once), rotate, revoke."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from consumer_fusion.access.keys import (
    DEFAULT_OVERLAP_HOURS,
    KEY_STATES,
    KeyState,
    NewWriteKey,
    WriteKey,
    create_write_key,
    list_write_keys,
    revoke_write_key,
    rotate_write_key,
)
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Moment,
    NoParameters,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    describe,
)
from consumer_fusion.records.access import KeyKind

KIND_WORDS: dict[KeyKind, str] = {
    "server": N_("server"),
    "browser": N_("browser"),
    "webhook": N_("webhook"),
}
KIND_HINTS: dict[KeyKind, str] = {
    "server": N_("On your own server: nobody else can read the key."),
    "browser": N_(
        "In a web page or app: anyone can read the key, so amounts count a quarter until a server confirms them."
    ),
    "webhook": N_("In another service that sends webhooks: fully trusted if its signature is valid."),
}
_ID = (N_("ID"), "The id of the write key.")
_SOURCE = (N_("Source"), N_("The source that its events come from, such as web-shop."))
_KIND = (N_("Kind"), N_("Where the key is used."))
_BRAND = (N_("Brand"), N_("The brand of events that name none."))
_TRUST = (N_("Trust limit"), N_("0 to 1: maximum trust in its events; empty for no limit."))


class Key(Schema):
    """A write key, without the key itself."""

    key_id: str = describe(*_ID, is_shown=False)
    source: str = describe(*_SOURCE)
    brand: str | None = describe(*_BRAND)
    kind: KeyKind = describe(*_KIND, words=KIND_WORDS)
    trust: float | None = describe(*_TRUST, is_shown=False)
    ending: str = describe(N_("Ends in"), "The last four characters of the key.")
    created_at: Moment = describe(N_("Created (UTC)"), "Time of creation.")
    used_at: Moment | None = describe(N_("Last used (UTC)"), "Time of last use.", absent=N_("never"))
    state: KeyState = describe(
        N_("Status"),
        "active; rotated, and valid until `expires_at`; expired; or revoked.",
        words=KEY_STATES,
    )
    expires_at: Moment | None = describe(
        N_("Valid until (UTC)"), "Time when it expires, once it was rotated.", is_shown=False
    )
    replaces_key_id: str | None = describe(N_("Replaces"), "The key that it replaces.", is_shown=False)


class NewKey(Key):
    """A write key that was just created."""

    key: str = describe(
        N_("Write key"),
        N_(
            "Segment and RudderStack libraries take it as their write key; others send it as the user name of HTTP "
            "basic authentication."
        ),
        is_secret=True,
    )


class CreateKey(Schema):
    """A write key to create."""

    source: Text = describe(*_SOURCE)
    kind: KeyKind = describe(*_KIND, default="server", words=KIND_WORDS, hints=KIND_HINTS)
    brand: str | None = describe(*_BRAND, default=None)
    trust: Annotated[float | None, Field(ge=0, le=1)] = describe(*_TRUST, default=None)
    signing_secret: str | None = describe(
        N_("Signing secret"),
        N_("Secret of the source's webhooks, where it signs them."),
        default=None,
        is_secret=True,
    )


class KeyId(Schema):
    """Id of a write key."""

    key_id: Text = describe(*_ID)


class RotateKey(KeyId):
    """A write key to replace."""

    overlap_hours: Annotated[float, Field(ge=0)] = describe(
        N_("Overlap"),
        "Number of hours that the old key stays valid.",
        default=DEFAULT_OVERLAP_HOURS,
    )


def _list_keys(context: Context, _: NoParameters) -> list[Key]:
    with context.reading() as session:
        found = [Key(**_describe(each, context.workspace.now_us)) for each in list_write_keys(session)]
    return sorted(found, key=lambda key: (_is_past(key), key.source, -key.created_at))


def _create_key(context: Context, asked: CreateKey) -> NewKey:
    with context.writing() as session:
        made = create_write_key(session, now_us=context.workspace.now_us, **dict(asked))
        return _tell(context, made)


def _rotate_key(context: Context, asked: RotateKey) -> NewKey:
    with context.writing() as session:
        made = rotate_write_key(session, now_us=context.workspace.now_us, **dict(asked))
        return _tell(context, made)


def _revoke_key(context: Context, asked: KeyId) -> Key:
    now_us = context.workspace.now_us
    with context.writing() as session:
        key = revoke_write_key(session, asked.key_id, now_us=now_us)
        context.describe(object_id=key.key_id, source=key.source)
    return Key(**_describe(key, now_us))


def _tell(context: Context, made: NewWriteKey) -> NewKey:
    """A new key, shown once; the audit entry contains everything except the key itself."""
    key = made.key
    context.describe(object_id=key.key_id)
    # In the details, because there may be no event of this brand yet.
    context.about["detail"] = {
        "source": key.source, "kind": key.kind, "brand": key.brand, "replaces": key.replaces_key_id,
    }  # fmt: skip
    return NewKey(key=made.secret, **_describe(key, key.created_us))


def _describe(key: WriteKey, now_us: int) -> dict[str, Any]:
    return {
        "key_id": key.key_id, "source": key.source, "brand": key.brand, "kind": key.kind, "trust": key.trust,
        "ending": key.ending, "created_at": key.created_us, "used_at": key.used_us, "state": key.state_at(now_us),
        "expires_at": key.expires_us, "replaces_key_id": key.replaces_key_id,
    }  # fmt: skip


def _is_past(key: Key) -> bool:
    return key.state in ("expired", "revoked")


KEYS = OperationGroup(
    "keys",
    N_("Write keys"),
    N_(
        "Create, rotate and revoke write keys. A write key lets one source send events, and nothing else; it is shown "
        "only once, when it is created."
    ),
    under="Access",
)
KEY_OPERATIONS = (
    Query(
        name="keys list", run=_list_keys, needs="change_keys", result=Key, is_many=True, title=N_("Write keys"),
        summary="List the write keys, without the keys themselves.", empty=N_("No write keys yet."),
        is_past=_is_past,
    ),
    Operation(
        name="keys create", run=_create_key, needs="change_keys", parameters=CreateKey, result=NewKey,
        summary=N_("Create a write key. It is shown once; only its hash is stored."), audit="create write key",
        button=N_("Create key"), done=N_("Store this write key in the settings of {source}. It is not shown again."),
    ),
    Operation(
        name="keys rotate", run=_rotate_key, needs="change_keys", parameters=RotateKey, result=NewKey,
        arguments=("key_id",), summary="Replace a key by a new one; both are valid for a while.",
        audit="rotate write key", button=N_("Rotate"),
        done=N_("Store this write key in the settings of {source}. It is not shown again."),
        of_row="key_id", is_on_page=False, is_offered=lambda row: row.state == "active",
        question=N_("Create a new key to replace this one? Both are valid for three days."),
    ),
    Operation(
        name="keys revoke", run=_revoke_key, needs="change_keys", parameters=KeyId, result=Key, arguments=("key_id",),
        summary="Revoke a key; events that are still sent with it are refused and lost.", audit="revoke write key",
        button=N_("Revoke"), done=N_("The key of {source} is no longer valid."), of_row="key_id",
        is_on_page=False, is_offered=lambda row: not _is_past(row), is_danger=True,
        question=N_("Revoke this key? Its source can then no longer send events."),
    ),
)  # fmt: skip
