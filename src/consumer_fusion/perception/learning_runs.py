"""Learning runs: an installation teaches its perceiver, from the labels of the staff and from a file of intents."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence

from pydantic import TypeAdapter

from consumer_fusion.errors import InputError, MissingExtraError, NotFoundError, RefusedError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.messages.perceptions import read_words
from consumer_fusion.perception.intents import train_intents
from consumer_fusion.perception.learning_store import LearntName, forget_learnt, read_report, store_learnt
from consumer_fusion.perception.message_views import TOO_FEW, measure_share
from consumer_fusion.perception.perceiver_choice import load_base_perceiver
from consumer_fusion.perception.staff_learning import LabelledMessage, LearningReport, learn_corrections
from consumer_fusion.records.perception import PERCEPTION_LABELS, PERCEPTIONS, ConsumerMessage
from consumer_fusion.records.schema import Schema, TextFile, describe
from consumer_fusion.workspace import Workspace

_REPORT_MARK = "staff_learning"
_REPORTS = TypeAdapter(list[LearningReport])


class IntentTraining(Schema):
    """Result of a training of intents."""

    intents: int = describe(N_("Intents"), "Number of intents.")
    messages: int = describe(N_("Messages"), "Number of messages.")
    held_out: int = describe(N_("Held out"), "Number of messages held out to measure.")
    accuracy: float = describe(
        N_("Accuracy"), "Share of held-out messages whose intent is right.", form="share"
    )
    accuracy_low: float | None = describe(
        N_("From"), "Lower end of its 95% interval; null for fewer than 30.", form="share", absent=TOO_FEW
    )
    accuracy_high: float | None = describe(N_("to"), "Upper end of it.", form="share", absent=TOO_FEW)
    named: float = describe(
        N_("Named"),
        "Share of held-out messages whose intent is named; the others are out of scope.",
        form="share",
    )
    accuracy_of_named: float = describe(
        N_("Accuracy of named"), "Share of those that are right.", form="share"
    )
    majority: float = describe(N_("Most frequent"), "Share of the most frequent intent.", form="share")


def learn_from_staff(
    workspace: Workspace, progress: Callable[[str, int, int | None], None]
) -> list[LearningReport]:
    """Learn from all labels of the staff; the outputs that show a gain are corrected from now on.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    _require_scipy()
    labelled, base_id = _read_labelled(workspace, progress)
    progress("learn", 0, None)
    arrays, reports = learn_corrections(labelled)
    with workspace.store.writing() as session:
        if arrays:
            store_learnt(session, "staff", base_id, arrays, "", workspace.now_us)
        else:
            forget_learnt(session, "staff")
        # A refusal is kept too: it says why nothing is corrected.
        session.write_mark(_REPORT_MARK, _REPORTS.dump_json(reports).decode())
        workspace.note_change(session)
    return reports


def learn_intents(
    workspace: Workspace, texts: Sequence[str], intents: Sequence[str],
    progress: Callable[[str, int, int | None], None],
) -> IntentTraining:  # fmt: skip
    """Train the intents of labelled messages; they are named from now on.

    Raises:
        InputError: There are too few messages.
        RefusedError: Held-out messages are named no better than by the most frequent intent.
        MissingExtraError: SciPy is not installed.
    """
    _require_scipy()
    perceiver = load_base_perceiver(workspace.settings)
    result = train_intents(texts, intents, lambda done, total: progress("train intents", done, total))
    if result.accuracy <= result.majority:
        raise RefusedError(
            Message(
                "Held-out messages are named right {accuracy} of the time, no better than by the most frequent intent.",
                accuracy=f"{result.accuracy:.0%}",
            ),
            hint="Give more messages of each intent, or fewer intents.",
        )
    share = measure_share(round(result.accuracy * result.held_out), result.held_out)
    training = IntentTraining(
        intents=len(result.model.labels), messages=result.messages, held_out=result.held_out,
        accuracy=round(result.accuracy, 4), accuracy_low=share.low, accuracy_high=share.high,
        named=round(result.named, 4), accuracy_of_named=round(result.accuracy_of_named, 4),
        majority=round(result.majority, 4),
    )  # fmt: skip
    with workspace.store.writing() as session:
        report = training.model_dump_json()
        store_learnt(session, "intents", perceiver.id, result.model.to_arrays(), report, workspace.now_us)
        workspace.note_change(session)
    return training


def forget(workspace: Workspace, name: LearntName) -> None:
    """Forget what was learnt; messages are read without it from now on.

    Raises:
        NotFoundError: Nothing was learnt.
    """
    with workspace.store.writing() as session:
        if not forget_learnt(session, name):
            raise NotFoundError(
                "Nothing was learnt.",
                hint="`fusion perceiver learnt` and `fusion perceiver intents` show what was.",
            )
        if name == "staff":
            session.write_mark(_REPORT_MARK, "")
        workspace.note_change(session)


def read_learning(workspace: Workspace) -> list[LearningReport]:
    """The report of the last learning from the staff; empty where there is none."""
    with workspace.store.reading() as session:
        report = session.read_mark(_REPORT_MARK)
    return _REPORTS.validate_json(report) if report else []


def read_training(workspace: Workspace) -> list[IntentTraining]:
    """The report of the training of intents; empty where there is none."""
    with workspace.store.reading() as session:
        report = read_report(session, "intents")
    return [IntentTraining.model_validate_json(report)] if report else []


def read_intent_file(file: TextFile) -> tuple[list[str], list[str]]:
    """The messages and their intents of a file: lines of intent, tab and text, or CSV with the columns intent and text.

    Raises:
        InputError: A line has another form.
    """
    if file.ending == ".csv":
        rows = list(csv.DictReader(io.StringIO(file.text)))
        if rows and not {"intent", "text"} <= set(rows[0]):
            raise InputError("The file has no columns intent and text.", where=file.name)
        pairs = [(row["intent"] or "", row["text"] or "") for row in rows]
    else:
        lines = [line for line in file.text.splitlines() if line.strip()]
        pairs = [(intent, text) for intent, _, text in (line.partition("\t") for line in lines)]
    for number, (intent, text) in enumerate(pairs, 1):
        if not intent.strip() or not text.strip():
            raise InputError(
                Message("Line {number} has no intent or no text.", number=number),
                hint="Write the intent, a tab and the text; or CSV with the columns intent and text.",
                where=file.name,
            )
    return [text.strip() for _, text in pairs], [intent.strip() for intent, _ in pairs]


def _read_labelled(
    workspace: Workspace, progress: Callable[[str, int, int | None], None]
) -> tuple[list[LabelledMessage], str]:
    """The labelled messages, read again by the perceiver without corrections, and its id."""
    perceiver = load_base_perceiver(workspace.settings)
    with workspace.store.reading() as session:
        labels = session.read(PERCEPTION_LABELS)
        rows = session.read_matching(
            PERCEPTIONS,
            labels.select(["source_id", "event_id"]),
            columns=("source_id", "event_id", "occurred_us", "words_digest"),
        ).to_pylist()
        keys = [((row["source_id"], row["event_id"]), row["occurred_us"]) for row in rows]
        words = read_words(session, workspace.engine, workspace.folder, keys)
    texts = {key: each.text for key, each in words.items()}
    known = {(row["source_id"], row["event_id"]): row for row in labels.to_pylist()}
    # A label of former words says nothing of the present ones.
    digests = {(row["source_id"], row["event_id"]): row["words_digest"] for row in rows}
    texts = {key: text for key, text in texts.items() if known[key]["words_digest"] == digests[key]}
    there = sorted(texts)
    progress("read labelled messages", 0, len(there))
    found = perceiver.perceive([ConsumerMessage(texts[key]) for key in there])
    labelled = [LabelledMessage(texts[key], each, known[key]) for key, each in zip(there, found, strict=True)]
    return labelled, perceiver.id


def _require_scipy() -> None:
    try:
        import scipy  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "Learning needs SciPy, which is not installed.", hint="pip install 'consumer-fusion[perception]'"
        ) from error
