"""Perception runs: the messages that wait are read by the model in force, and what follows from them is derived.

A run works in batches, each stored in one transaction with its derived events and scores, so that an interruption
loses nothing. It is made after an import, and by the server every ten seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from consumer_fusion.events.event_reader import EventSelection, map_canonical, open_events
from consumer_fusion.events.landing import AffectedConsumers, Progress, ignore_progress
from consumer_fusion.messages.perceptions import (
    ListedMessage,
    MessageKey,
    count_waiting,
    list_messages,
    note_fallbacks,
    put_perceiver_in_force,
    read_perceiver_in_force,
    read_waiting,
    read_words,
    requeue_fallbacks,
    store_perceptions,
)
from consumer_fusion.perception.perceiver_choice import choose_perceiver, find_perceiver_id
from consumer_fusion.records.perception import ConsumerMessage, Perceiver, Perception
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.storage.file_locks import lock_folder
from consumer_fusion.workspace import Workspace

_MESSAGES_AT_ONCE = 10_000
"""Messages whose texts are read at a time: a message alone may mean a search through every file."""
_MESSAGES_A_TRANSACTION = 1_000
_UNLISTED_MARK = "has_unlisted_messages"
"""Set by the migration of a store with events that an earlier release stored."""
_ALL_COLUMNS = ("source_id", "event_id", "consumer_id", "brand_id", "occurred_us", "kind", "text")


def is_reading_due(workspace: Workspace) -> bool:
    """Whether messages wait to be read, or another model than the one in force would read them."""
    with workspace.store.reading() as session:
        if session.read_mark(_UNLISTED_MARK) == "1" or count_waiting(session):
            return True
        return read_perceiver_in_force(session) not in (None, find_perceiver_id(session, workspace.settings))


def read_messages(
    workspace: Workspace,
    progress: Progress = ignore_progress,
    choose: Callable[[Workspace], Perceiver] = choose_perceiver,
) -> int:
    """Read the messages that wait; nothing while another process does.

    Args:
        workspace: Workspace.
        progress: Callback for progress.
        choose: Function that gives the model; called only if messages wait.

    Returns:
        Number of messages read.
    """
    claim = lock_folder(workspace.staging_folder / "messages")
    if claim is None:
        return 0
    with claim:
        _list_earlier(workspace)
        if not is_reading_due(workspace):
            return 0
        perceiver = choose(workspace)
        with workspace.store.writing() as session:
            put_perceiver_in_force(session, perceiver.id)
            requeue_fallbacks(session)
        with workspace.store.reading() as session:
            total = count_waiting(session)
        done = 0
        while True:
            with workspace.store.reading() as session:
                waiting = read_waiting(session, _MESSAGES_AT_ONCE)
                keys = [(each.key, each.occurred_us) for each in waiting]
                words = read_words(session, workspace.engine, workspace.folder, keys)
                texts = {key: each.text for key, each in words.items()}
            if not waiting:
                return done
            for first in range(0, len(waiting), _MESSAGES_A_TRANSACTION):
                batch = waiting[first : first + _MESSAGES_A_TRANSACTION]
                _store(workspace, batch, _perceive(perceiver, batch, texts), perceiver.id)
                done += len(batch)
                progress("read messages", done, max(total, done))


def _perceive(
    perceiver: Perceiver, batch: Sequence[ListedMessage], texts: dict[MessageKey, str]
) -> dict[ListedMessage, Perception | None]:
    # People write many messages in the same words.
    words = list(dict.fromkeys(texts[each.key] for each in batch if each.key in texts))
    found = dict(zip(words, perceiver.perceive([ConsumerMessage(each) for each in words]), strict=True))
    return {each: found[texts[each.key]] if each.key in texts else None for each in batch}


def _store(
    workspace: Workspace,
    batch: Sequence[ListedMessage],
    perceived: dict[ListedMessage, Perception | None],
    model: str,
) -> None:
    others = {each.model for each in perceived.values() if each is not None} - {model}
    with begin_change(replace(workspace, on_change=None)) as (session, force):
        stored = store_perceptions(session, perceived)
        if others:
            note_fallbacks(session, others)
        consumers = map_canonical(session, {each.consumer_id for each in stored if each.consumer_id})
        changed = AffectedConsumers(consumers=set(consumers.values()))
        if changed.consumers:
            derive_and_fold(force.open(workspace, session), changed, workspace.now_us)


def _list_earlier(workspace: Workspace) -> None:
    """List the messages that an earlier release stored, once."""
    with workspace.store.reading() as session:
        if session.read_mark(_UNLISTED_MARK) != "1":
            return
    with workspace.store.writing() as session:
        source = open_events(
            session, workspace.folder, EventSelection(is_attributed_only=False), columns=_ALL_COLUMNS, is_merged=False,
        )  # fmt: skip
        list_messages(session, workspace.engine, source, workspace.now_us)
        session.write_mark(_UNLISTED_MARK, "0")
