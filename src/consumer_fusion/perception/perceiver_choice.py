"""Choice of the perceiver: the one of the workspace's setting, with what the installation trained."""

from __future__ import annotations

from collections.abc import Callable

from consumer_fusion.errors import SettingsError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.perception.classifier_perceivers import (
    find_classifier_id,
    load_onnx_classifier,
    load_transformers_classifier,
)
from consumer_fusion.perception.endpoint_perceiver import EndpointPerceiver, read_endpoint
from consumer_fusion.perception.intents import IntentModel
from consumer_fusion.perception.learning_store import list_learnt, load_learnt
from consumer_fusion.perception.learnt_perceiver import LearntPerceiver
from consumer_fusion.perception.shipped_perceiver import find_model_id, load_perceiver
from consumer_fusion.records.perception import Perceiver
from consumer_fusion.settings import Settings
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

_HINT = 'Write perceiver = "", "ngrams", "onnx:FOLDER", "transformers:FOLDER" or "endpoint:URL#MODEL".'


def choose_perceiver(workspace: Workspace) -> Perceiver:
    """The perceiver of a workspace, ready to read.

    Raises:
        SettingsError: The setting names no perceiver.
        InputError: Its files are not there or cannot be read.
        MissingExtraError: It needs a library that is not installed.
    """
    base = load_base_perceiver(workspace.settings)
    with workspace.store.reading() as session:
        learnt = list_learnt(session, base.id)
        if not learnt:
            return base
        corrections = load_learnt(session, "staff", base.id)
        intents = load_learnt(session, "intents", base.id)
    return LearntPerceiver(
        base,
        corrections,
        None if intents is None else IntentModel.from_arrays(intents),
        _write_id(base.id, learnt),
    )


def find_perceiver_id(session: Session, settings: Settings) -> str:
    """The id of the perceiver of a workspace, without loading it.

    Raises:
        SettingsError: The setting names no perceiver.
    """
    base = _read_setting(settings)[1]()
    return _write_id(base, list_learnt(session, base))


def load_base_perceiver(settings: Settings) -> Perceiver:
    """The perceiver of a setting, without what an installation trained; errors as of `choose_perceiver`."""
    return _read_setting(settings)[0]()


def _read_setting(settings: Settings) -> tuple[Callable[[], Perceiver], Callable[[], str]]:
    """Two functions: one that loads the perceiver of the setting, and one that gives its id."""
    kind, _, place = settings.perceiver.partition(":")
    timeout_seconds = settings.perceiver_timeout_seconds
    if kind == "" and not place:
        return load_perceiver, find_model_id
    if kind == "ngrams" and not place:
        return lambda: load_perceiver(with_encoder=False), lambda: find_model_id(with_encoder=False)
    if kind in ("onnx", "transformers") and place:
        load = load_onnx_classifier if kind == "onnx" else load_transformers_classifier
        return lambda: load(place), lambda: find_classifier_id(kind, place)
    if kind == "endpoint" and place:
        endpoint = read_endpoint(place, timeout_seconds)
        return lambda: EndpointPerceiver(endpoint, load_perceiver()), lambda: endpoint.id
    raise SettingsError(
        Message("The setting perceiver is “{value}”, which names no perceiver.", value=settings.perceiver),
        hint=_HINT,
    )


def _write_id(base: str, learnt: dict[str, str]) -> str:
    return "+".join((base, *(f"{name}@{digest}" for name, digest in sorted(learnt.items()))))
