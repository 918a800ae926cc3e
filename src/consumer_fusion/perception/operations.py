"""Operations on messages: what consumers say, and what the staff say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from consumer_fusion.access.permissions import may
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message, as_message, join_messages
from consumer_fusion.i18n.translation import N_
from consumer_fusion.messages.redaction import redact_details
from consumer_fusion.operations import (
    Context,
    Moment,
    NoParameters,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    TextFile,
    describe,
)
from consumer_fusion.perception.learning_runs import (
    IntentTraining,
    forget,
    learn_from_staff,
    learn_intents,
    read_intent_file,
    read_learning,
    read_training,
)
from consumer_fusion.perception.learning_store import LearntName
from consumer_fusion.perception.message_labels import LABELLED, count_agreements, label_message
from consumer_fusion.perception.message_views import (
    ASPECT_WORDS,
    TOO_FEW,
    AspectSentiment,
    BrandSentiment,
    JudgedMessage,
    MonthlySentiment,
    find_message,
    list_judged_messages,
    measure_share,
    summarise_aspects,
    summarise_brands,
    summarise_months,
)
from consumer_fusion.perception.perceived_texts import PerceivedText, describe_text
from consumer_fusion.perception.perception_runs import read_messages
from consumer_fusion.perception.staff_learning import LEARNT, NO_GAIN, TOO_FEW_LABELS, LearningReport
from consumer_fusion.records.identifier import mask_consumer_key
from consumer_fusion.records.perception import Aspect, Party, Polarity

POLARITY_WORDS: dict[Polarity, str] = {
    "negative": N_("negative"),
    "neutral": N_("neutral"),
    "positive": N_("positive"),
}
PARTY_WORDS: dict[Party, str] = {
    "front": N_("front-of-house staff"), "kitchen": N_("kitchen"), "production": N_("production"),
    "carrier": N_("carrier"), "technology": N_("technology"), "management": N_("management"),
    "consumer": N_("the consumer"), "nobody": N_("nobody"),
}  # fmt: skip
LEARNING_WORDS = {
    "polarity": N_("polarity"), "failure": N_("names a failure"), "dissatisfaction": N_("dissatisfied"),
    "irony": N_("ironic"),
}  # fmt: skip
LEARNT_WORDS = {"staff": N_("corrections by the staff"), "intents": N_("intents")}
OUTPUT_WORDS = {
    "polarity": N_("polarity"), "is_failure": N_("names a failure"), "is_dissatisfied": N_("dissatisfied"),
    "is_ironic": N_("ironic"), "blamed": N_("blamed"), "responsible": N_("responsible"),
}  # fmt: skip
_UNKNOWN = N_("unknown")
_BRAND = (N_("Brand"), "Key of the brand.")


class MessageRow(Schema):
    """A message with what it says, as the model in force or the staff judged it."""

    occurred_at: Moment = describe(N_("When (UTC)"), "Time of the message.")
    consumer: str | None = describe(
        N_("Consumer"), "Key of the consumer; null while unknown.", consumer_page="/relationship"
    )
    brand: str | None = describe(N_("Brand"), "Key of the brand; null while unknown.")
    said: Polarity | None = describe(
        N_("Says"), "Its polarity; null where it could not be judged.", words=POLARITY_WORDS, absent=_UNKNOWN
    )
    text: str = describe(
        N_("Words"), "Its words; contact details are masked for roles without identities.", is_long=True
    )
    praised: list[Aspect] = describe(N_("Praised"), "Aspects that it praises.", words=ASPECT_WORDS)
    criticised: list[Aspect] = describe(N_("Criticised"), "Aspects that it complains of.", words=ASPECT_WORDS)
    kind: str = describe(N_("Kind"), "Kind of its event.", is_shown=False)
    language: str = describe(N_("Language"), "ISO 639-1; `und` where it is not known.", is_shown=False)
    dissatisfaction: float | None = describe(
        N_("Dissatisfied"), "Probability that the person is dissatisfied; null where unknown.", is_shown=False
    )
    is_corrected: bool = describe(N_("By staff"), "Whether the staff said what it says.", is_shown=False)
    intent: str | None = describe(
        N_("Intent"),
        "Its intent; null where intents are not trained or it is out of their scope.",
        is_shown=False,
    )
    source: str = describe(N_("Source"), "Source of its event.", is_shown=False, is_id=True)
    event_id: str = describe(N_("Event"), "Id of its event.", is_shown=False, is_id=True)


class MessageFilter(Schema):
    """A filter of messages."""

    brand: str | None = describe(N_("Brand"), N_("Only to and about this brand."), default=None)
    consumer: str | None = describe(N_("Consumer"), N_("Only of this consumer."), default=None)
    said: Polarity | None = describe(
        N_("Says"), N_("Only with this polarity."), default=None, words=POLARITY_WORDS
    )
    aspect: Aspect | None = describe(
        N_("Aspect"), N_("Only those that speak of it; with a polarity, those that say that of it."), default=None,
        words=ASPECT_WORDS,
    )  # fmt: skip
    limit: Annotated[int, Field(ge=1, le=10_000)] = describe(
        N_("At most"), "Maximum number of messages.", default=100, is_shown=False
    )


class BrandKey(Schema):
    """The key of a brand."""

    brand: Text = describe(*_BRAND)


class MessageId(Schema):
    """A message, by its event."""

    brand: Text = describe(*_BRAND)
    source: Text = describe(N_("Source"), "Source of its event.")
    event_id: Text = describe(N_("Event"), "Id of its event.")


class CorrectMessage(Schema):
    """Values of a message by a person of the staff; those left out are not corrected."""

    brand: Text = describe(*_BRAND)
    source: Text = describe(N_("Source"), "Source of its event.")
    event_id: Text = describe(N_("Event"), "Id of its event.")
    is_right: bool = describe(
        N_("As read"),
        "Whether everything else is right as the model read it.",
        default=False,
        option="--right",
    )
    polarity: Polarity | None = describe(N_("Says"), "Its polarity.", default=None, words=POLARITY_WORDS)
    is_failure: bool | None = describe(
        N_("Names a failure"), "Whether it names something that failed.", default=None
    )
    is_dissatisfied: bool | None = describe(
        N_("Dissatisfied"), "Whether the person is dissatisfied.", default=None
    )
    is_ironic: bool | None = describe(
        N_("Ironic"), "Whether it means the opposite of its words.", default=None
    )
    blamed: Party | None = describe(
        N_("Blamed"), "The party that it accuses.", default=None, words=PARTY_WORDS
    )
    responsible: Party | None = describe(
        N_("Responsible"), "The party that was responsible.", default=None, words=PARTY_WORDS
    )
    onlookers_share: Annotated[float, Field(ge=0, le=1)] | None = describe(
        N_("Share of the author"),
        "Share of the harm, 0 to 1, that falls on associations of the author; only of public posts.",
        default=None,
    )  # fmt: skip


class CorrectedMessage(Schema):
    """A message that a person of the staff labelled."""

    brand: str = describe(*_BRAND)
    source: str = describe(N_("Source"), "Source of its event.")
    event_id: str = describe(N_("Event"), "Id of its event.")


class OutputAccuracy(Schema):
    """How often the model in force says what the staff say, for one output."""

    output: str = describe(N_("Output"), "The output.", words=OUTPUT_WORDS)
    labelled: int = describe(N_("Labelled"), "Messages that the staff labelled.")
    agreed: int = describe(N_("Agreed"), "Those of them for which the model says the same.")
    accuracy: float | None = describe(
        N_("Accuracy"), "Share of those; null for fewer than 30.", form="share", absent=TOO_FEW
    )
    low: float | None = describe("Low", "Lower end of its 95% interval.", is_shown=False)
    high: float | None = describe("High", "Upper end of it.", is_shown=False)


def _list_messages(context: Context, asked: MessageFilter) -> list[MessageRow]:
    brands = context.caller.brands if asked.brand is None else [asked.brand]
    found = list_judged_messages(
        context.workspace, brands=brands, consumer=asked.consumer, said=asked.said, aspect=asked.aspect,
        limit=asked.limit,
    )  # fmt: skip
    shows_identities = may(context.caller, "see_identities")
    return [_show_message(each, shows_identities=shows_identities) for each in found]


def _show_message(message: JudgedMessage, *, shows_identities: bool) -> MessageRow:
    consumer = message.consumer
    return MessageRow(
        occurred_at=message.occurred_us,
        consumer=consumer if shows_identities or consumer is None else mask_consumer_key(consumer),
        brand=message.brand,
        said=message.said,
        praised=[aspect for aspect, polarity in message.aspects if polarity == "positive"],
        criticised=[aspect for aspect, polarity in message.aspects if polarity == "negative"],
        text=message.text if shows_identities else redact_details(message.text),
        kind=message.kind,
        language=message.language,
        dissatisfaction=message.dissatisfaction,
        is_corrected=message.is_corrected,
        intent=message.intent,
        source=message.source,
        event_id=message.key[1],
    )


def _show_words(context: Context, asked: MessageId) -> PerceivedText:
    text, perception = find_message(context.workspace, asked.brand, asked.source, asked.event_id)
    found = describe_text(text, perception)
    if may(context.caller, "see_identities"):
        return found
    return found.model_copy(
        update={
            "text": redact_details(found.text),
            "aspects": [
                each.model_copy(update={"words": redact_details(each.words)}) for each in found.aspects
            ],
            "blame": [each.model_copy(update={"words": redact_details(each.words)}) for each in found.blame],
            "evidence": [redact_details(each) for each in found.evidence],
        }
    )


def _list_months(context: Context, asked: BrandKey) -> list[MonthlySentiment]:
    return summarise_months(context.workspace, asked.brand)


def _list_brands(context: Context, asked: NoParameters) -> list[BrandSentiment]:
    return summarise_brands(context.workspace, context.caller.brands)


def _list_aspects(context: Context, asked: BrandKey) -> list[AspectSentiment]:
    return summarise_aspects(context.workspace, asked.brand)


def _correct_message(context: Context, asked: CorrectMessage) -> CorrectedMessage:
    label = {name: getattr(asked, name) for name in (*LABELLED, "onlookers_share")}
    if not asked.is_right and all(value is None for value in label.values()):
        raise InputError(
            "Nothing is said of the message.", hint="Correct a value, or say that it was read right."
        )
    context.describe(
        object_id=asked.event_id, brand=asked.brand, source=asked.source, is_right=asked.is_right
    )
    actor = context.caller.actor
    label_message(
        context.workspace, asked.brand, asked.source, asked.event_id, label, actor.id or actor.type,
        is_right=asked.is_right,
    )  # fmt: skip
    return CorrectedMessage(brand=asked.brand, source=asked.source, event_id=asked.event_id)


class LearningResult(Schema):
    """Results of learning from the labels of the staff."""

    outcome: Message = describe(N_("Outcome"), "The outputs that were learnt and those that were refused.")
    outputs: list[LearningReport] = describe("Outputs", "The result of each output.")


class ForgottenLearning(Schema):
    """Confirmation that learnt corrections or intents were forgotten."""

    name: LearntName = describe(N_("Learnt"), "Name of what was forgotten.", words=LEARNT_WORDS)


class LearningKey(Schema):
    """Learnt corrections or intents to forget."""

    name: LearntName = describe(
        N_("Learnt"),
        N_("Corrections by labels of the staff, or intents of messages."),
        words=LEARNT_WORDS,
    )


class IntentFile(Schema):
    """A file of messages with their intents."""

    file: TextFile = describe(
        N_("File"), N_("Lines of intent, tab and text; or CSV with the columns intent and text.")
    )


def _learn_from_staff(context: Context, asked: NoParameters) -> LearningResult:
    reports = learn_from_staff(context.workspace, context.progress)
    context.describe(**{each.output: each.state for each in reports})
    _read_again(context)
    return LearningResult(outcome=_describe_outcome(reports), outputs=reports)


def _describe_outcome(reports: Sequence[LearningReport]) -> Message:
    """The results as a sentence for each state."""
    sentences = {
        LEARNT: N_("Learnt: {outputs}; messages are read again with it."),
        NO_GAIN: N_("Refused, without a gain on held-out labels: {outputs}."),
        TOO_FEW_LABELS: N_("Refused, for fewer than 50 varied labels: {outputs}."),
    }
    parts = []
    for state, sentence in sentences.items():
        outputs = [as_message(LEARNING_WORDS[each.output]) for each in reports if each.state == state]
        if outputs:
            parts.append(Message(sentence, outputs=join_messages(", ", outputs)))
    return join_messages(" ", parts)


def _forget(context: Context, asked: LearningKey) -> ForgottenLearning:
    context.describe(object_id=asked.name)
    forget(context.workspace, asked.name)
    _read_again(context)
    return ForgottenLearning(name=asked.name)


def _train_intents(context: Context, asked: IntentFile) -> IntentTraining:
    texts, intents = read_intent_file(asked.file)
    context.describe(messages=len(texts), intents=len(set(intents)))
    found = learn_intents(context.workspace, texts, intents, context.progress)
    _read_again(context)
    return found


def _read_again(context: Context) -> None:
    """Read the messages with what was learnt, where that is quick; a server reads many in the background."""
    workspace = replace(context.workspace, on_change=None)
    if context.caller.actor.type == "command line":
        read_messages(workspace, context.progress)


def _list_learning(context: Context, asked: NoParameters) -> list[LearningReport]:
    return read_learning(context.workspace)


def _list_intents(context: Context, asked: NoParameters) -> list[IntentTraining]:
    return read_training(context.workspace)


def _list_accuracy(context: Context, asked: NoParameters) -> list[OutputAccuracy]:
    rows = []
    for output, (labelled, agreed) in count_agreements(context.workspace, context.caller.brands).items():
        share = measure_share(agreed, labelled)
        rows.append(
            OutputAccuracy(
                output=output,
                labelled=labelled,
                agreed=agreed,
                accuracy=share.share,
                low=share.low,
                high=share.high,
            )
        )
    return rows


TRAIN_INTENTS = Operation(
    name="perceiver train", run=_train_intents, needs="change_points", parameters=IntentFile,
    result=IntentTraining, arguments=("file",),
    summary=N_("Train the intents of messages from a file of labelled ones."),
    audit="train intents", button=N_("Train intents"),
    done=N_("{intents} intents are named from now on; of {held_out} held-out messages, {accuracy} were named right."),
)  # fmt: skip
GROUPS = (
    OperationGroup(
        "messages",
        N_("Messages"),
        N_(
            "What consumers say to and about brands, as a model read it or the staff corrected it. What cannot be read "
            "is unknown, not neutral."
        ),
        under="Relationships",
    ),
    OperationGroup(
        "sentiment", N_("Sentiment"), "Show what is said to and about a brand, over time and by aspect."
    ),
    OperationGroup(
        "perceiver",
        N_("Reading of messages"),
        N_(
            "How often the model that reads messages says what the staff say. Staff correct more often what looks "
            "wrong, so the figures are of the labelled messages, not of all. After learning they are of the very "
            "labels learnt from: the gain on held-out labels is in the table of what was learnt."
        ),
        under="Events and people",
    ),
)
OPERATIONS = (
    Query(
        name="messages list", run=_list_messages, needs="view", parameters=MessageFilter, result=MessageRow,
        is_many=True, title=N_("Messages"), summary="List messages with what they say, the newest first.",
        empty=N_("No messages."), audit="list messages",
    ),
    Query(
        name="messages show", run=_show_words, needs="view", parameters=MessageId, result=PerceivedText,
        arguments=("brand", "source", "event_id"), audit="view message",
        summary="Show a message with the words that say what was read in it.",
    ),
    Query(
        name="sentiment brands", run=_list_brands, needs="view", result=BrandSentiment, is_many=True,
        title=N_("Sentiment by brand"), empty=N_("No messages."),
        summary="Summarise for each brand what is said to and about it, with dissatisfaction and its 95% interval.",
    ),
    Query(
        name="sentiment months", run=_list_months, needs="view", parameters=BrandKey, result=MonthlySentiment,
        is_many=True, arguments=("brand",), title=N_("Sentiment by month"),
        empty=N_("No messages."), summary="Summarise month by month what is said to and about a brand.",
    ),
    Query(
        name="sentiment aspects", run=_list_aspects, needs="view", parameters=BrandKey, result=AspectSentiment,
        is_many=True, arguments=("brand",), title=N_("Sentiment by aspect"),
        empty=N_("No messages."), summary="Summarise by aspect what is said to and about a brand.",
    ),
    Query(
        name="perceiver accuracy", run=_list_accuracy, needs="view", result=OutputAccuracy, is_many=True,
        title=N_("Agreement of the model with the staff"),
        summary="Show how often the model says what the staff say, for each output.", empty=N_("No labels."),
    ),
    Query(
        name="perceiver intents", run=_list_intents, needs="view", result=IntentTraining, is_many=True,
        title=N_("Trained intents"), empty=N_("No intents were trained."),
        summary="Show how well the trained intents are named.",
    ),
    Query(
        name="perceiver learnt", run=_list_learning, needs="view", result=LearningReport, is_many=True,
        title=N_("Learnt from the staff"), empty=N_("Nothing was learnt."),
        summary="Show the outputs that are corrected by what the staff said, with the gain on held-out labels.",
    ),
    Operation(
        name="perceiver learn", run=_learn_from_staff, needs="change_points", result=LearningResult,
        summary=N_("Learn from the labels of the staff; an output without a gain on held-out labels is refused."),
        audit="learn from staff", button=N_("Learn from the staff"),
        done=N_("{outcome}"),
    ),
    TRAIN_INTENTS,
    Operation(
        name="perceiver forget", run=_forget, needs="change_points", parameters=LearningKey, result=ForgottenLearning,
        arguments=("name",), summary=N_("Forget what was learnt; messages are read without it again."),
        audit="forget learning", button=N_("Forget"), is_danger=True,
        question=N_("Forget it? Messages are read again without it."), done=N_("Forgotten: {name}."),
    ),
    Operation(
        name="messages correct", run=_correct_message, needs="correct_messages", parameters=CorrectMessage,
        result=CorrectedMessage, arguments=("brand", "source", "event_id"),
        summary=N_("Say what a message says, or that it was read right; scores follow at once."),
        audit="correct message", button=N_("Save"), is_on_page=False,
        done=N_("Saved. The score follows what you said, and the model can learn from it."),
    ),
)  # fmt: skip
