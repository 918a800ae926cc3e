"""Train the text models that the package ships: `make bench B=train_text A="--data FOLDER"`.

Everything is seeded; the same sets give the same files. Weights come from the sectors of training, temperatures,
thresholds and the share of each model from the sectors of development; the sectors of test are not read here.
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from text_sets import (
    DEVELOPMENT,
    EKMAN,
    FRUSTRATION,
    GROUPS,
    NEGATIVE,
    POSITIVE,
    TEST,
    XED_LABELS,
    ServiceMessage,
    expand_templates,
    find_xed_polarity,
    group_labels,
    mark_aspects,
    mark_parties,
    read_corpus,
    read_go_emotions,
    read_intents,
    read_restaurants,
    read_xed,
)

from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.clauses import split_clauses
from consumer_fusion.perception.head_fitting import (
    Labels,
    choose_vocabulary,
    fit_head,
    fit_temperature,
    keep_strongest,
    make_matrix,
    tune_thresholds,
)
from consumer_fusion.perception.linear_heads import Floats, Head, LinearHeads, Vocabulary
from consumer_fusion.perception.shipped_perceiver import (
    SENTENCE_IN_OPINION,
    join_logits,
    measure_clauses,
    mix_aspects,
    name_encoded_head,
    split_heads,
)
from consumer_fusion.perception.text_features import count_features
from consumer_fusion.perception.text_model import TextModel
from consumer_fusion.records.perception import ASPECTS, PARTIES, POLARITIES, SIGNALS

WEIGHTS = Path(__file__).resolve().parent.parent / "src" / "consumer_fusion" / "perception" / "weights"
SEED = 11
ROWS = {
    "language": 6_000,
    "emotion_en": 20_000,
    "emotion_it": 6_000,
    "service_en": 14_000,
    "service_it": 10_000,
}
"""Features that each model keeps."""
LANGUAGES = ("de", "en", "es", "fi", "fr", "it", "nl", "pl", "pt", "ro", "sv")
LINES_OF_A_LANGUAGE = 5_000
PUBLIC_WEIGHT = 0.1
"""Weight of a line of a public set in the polarity, against 1 of a message of the corpus."""
TEMPLATE_WEIGHT = 0.3
"""Weight of a message put together from templates."""
ASPECT_IN_OPINION = 0.5
PARTY_OF_ASPECT = {
    "food": "kitchen", "staff": "front", "service": "front", "price": "management", "ambience": "management",
    "menu": "management", "place": "management", "other": "unknown",
}  # fmt: skip
"""Who is responsible for an aspect of a restaurant that is spoken ill of."""
RESTAURANT_ASPECTS = ("food", "service", "staff", "price", "ambience", "menu", "place", "other")

HEADS = {
    "polarity": Head(POLARITIES, True),
    "signals": Head(SIGNALS, False),
    "blamed": Head((*PARTIES, "none"), True),
    "cause": Head((*PARTIES, "unknown"), True),
    "aspects": Head(ASPECTS, False),
}
PENALTIES = {"polarity": 0.3, "signals": 0.3, "blamed": 0.1, "cause": 0.1, "aspects": 0.1, "opinion": 0.5}
ENCODED_PENALTIES = {"polarity": 0.25, "signals": 0.3, "blamed": 0.1, "cause": 0.1, "aspects": 0.1}


@dataclass(frozen=True, slots=True)
class Collection:
    """Texts and what is known of them, by head."""

    texts: list[str]
    labelled: Mapping[str, Labels]


def collect_service(data: Path, languages: Sequence[str]) -> Collection:
    """Messages for the heads of service: the corpus, and public sets where they know something."""
    messages = [each for code in languages for each in read_corpus(code, without=(*DEVELOPMENT, *TEST))]
    texts = [each.text for each in messages]
    parts = describe(messages, 0)
    for code in languages:
        templates = expand_templates(code)
        for name, (labelled,) in describe(templates, len(texts)).items():
            if name != "blamed":
                parts[name].append(replace(labelled, importance=labelled.importance * TEMPLATE_WEIGHT))
        texts += [each.text for each in templates]
    if "en" in languages:
        lines, targets, labels = read_go_emotions(data, "train")
        sides = group_labels(targets, labels, {"-": " ".join(NEGATIVE), "+": " ".join(POSITIVE)})
        neither = (
            1 - group_labels(targets, labels, {"": "confusion curiosity realization surprise neutral"})[:, 0]
        )
        one_sided = np.flatnonzero((sides.sum(axis=1) == 1) & (neither == 1))
        polarity = np.where(sides[one_sided, 0] > 0, 0, 2)
        add(parts, "polarity", len(texts), np.eye(3, dtype=np.float32)[polarity], PUBLIC_WEIGHT)
        texts += [lines[each] for each in one_sided]
        questions, _ = read_intents(data, "clinc150", "train")
        add(
            parts,
            "polarity",
            len(texts),
            np.eye(3, dtype=np.float32)[np.ones(len(questions), int)],
            PUBLIC_WEIGHT,
        )
        texts += questions
        sentences = read_restaurants(data, "train")
        marked = np.full((len(sentences), len(ASPECTS)), np.nan, np.float32)
        for number, (_, opinions) in enumerate(sentences):
            for aspect in RESTAURANT_ASPECTS:
                marked[number, ASPECTS.index(aspect)] = aspect in opinions
        add(parts, "aspects", len(texts), marked, 1)
        failing = [
            (number, {PARTY_OF_ASPECT[aspect] for aspect, sign in opinions.items() if sign == 0})
            for number, (_, opinions) in enumerate(sentences)
        ]
        single = [(number, *parties) for number, parties in failing if len(parties) == 1]
        numbers = np.array([len(texts) + number for number, _ in single])
        parts["cause"].append(
            Labels(numbers, mark_parties(party for _, party in single), np.ones(len(single), np.float32))
        )
        texts += [text for text, _ in sentences]
    if "it" in languages:
        lines, targets = read_xed(data, "it", "train")
        sides = find_xed_polarity(targets)
        kept = np.flatnonzero(sides >= 0)
        add(parts, "polarity", len(texts), np.eye(3, dtype=np.float32)[sides[kept]], PUBLIC_WEIGHT)
        texts += [lines[each] for each in kept]
    joined = {
        name: Labels(
            np.concatenate([each.messages for each in listed]),
            np.concatenate([each.targets for each in listed]),
            np.concatenate([each.importance for each in listed]),
        )
        for name, listed in parts.items()
    }
    return Collection(texts, joined)


def tune_aspects(collection: Collection, model: TextModel) -> Head:
    """The head of the aspects with thresholds from messages that each of three fits did not see."""
    assert model.vocabulary is not None
    labelled = collection.labelled["aspects"]
    whole = labelled.importance == 1
    labelled = Labels(labelled.messages[whole], labelled.targets[whole], labelled.importance[whole])
    texts = [collection.texts[each] for each in labelled.messages]
    matrix = make_matrix(model.vocabulary.weigh(count_features(texts)), model.vocabulary.buckets.size)
    head = HEADS["aspects"]
    fold = np.random.default_rng(SEED).permutation(len(texts)) % 3
    logits = np.zeros(labelled.targets.shape, np.float32)
    for number in range(3):
        train = np.flatnonzero(fold != number)
        fitted = fit_head(
            matrix,
            head,
            Labels(train, labelled.targets[train], labelled.importance[train]),
            PENALTIES["aspects"],
        )
        other = assemble({"aspects": head}, {"aspects": fitted}, model.vocabulary)
        here = np.flatnonzero(fold == number)
        logits[here] = read_ngram_logits(other, [texts[each] for each in here])["aspects"]
    return calibrate_head(head, logits, labelled.targets)


def describe(messages: Sequence[ServiceMessage], first: int) -> dict[str, list[Labels]]:
    """What the corpus knows of its messages, which begin at number `first`."""
    numbers = np.arange(first, first + len(messages))
    even = np.ones(len(messages), np.float32)
    failed = np.array([each.kind == "complaint" for each in messages])
    return {
        "polarity": [
            Labels(numbers, np.eye(3, dtype=np.float32)[[each.polarity for each in messages]], even)
        ],
        "signals": [Labels(numbers, np.array([each.signals for each in messages], np.float32), even)],
        "blamed": [Labels(numbers, mark_parties(each.blamed for each in messages), even)],
        "cause": [
            Labels(numbers[failed], mark_parties(each.cause for each in messages)[failed], even[failed])
        ],
        "aspects": [Labels(numbers, mark_aspects(messages), even)],
    }


def add(parts: dict[str, list[Labels]], head: str, first: int, targets: Floats, weight: float) -> None:
    """Add labels of one head for texts that begin at number `first`."""
    numbers = np.arange(first, first + len(targets))
    parts[head].append(Labels(numbers, targets, np.full(len(targets), weight, np.float32)))


def fit_ngrams(
    name: str,
    collection: Collection,
    heads: Mapping[str, Head],
    penalties: Mapping[str, float],
    word_share: float,
    fewest: int = 2,
) -> tuple[Vocabulary, dict[str, tuple[Floats, Floats]]]:
    """Weights of each head over the features that matter most: fitted on all, then again on those kept."""
    features = count_features(collection.texts)
    vocabulary = choose_vocabulary(features, fewest, word_share)
    for is_last in (False, True):
        matrix = make_matrix(vocabulary.weigh(features), vocabulary.buckets.size)
        fitted = {
            head: fit_head(matrix, heads[head], labelled, penalties[head])
            for head, labelled in collection.labelled.items()
        }
        if not is_last:
            every = np.concatenate(
                [weights / np.linalg.norm(weights) for weights, _ in fitted.values()], axis=1
            )
            vocabulary = keep_strongest(vocabulary, every, features, ROWS[name])
    return vocabulary, fitted


def assemble(
    heads: Mapping[str, Head],
    fitted: Mapping[str, tuple[Floats, Floats]],
    vocabulary: Vocabulary | None,
    aspect_logits: Floats | None = None,
) -> TextModel:
    """The model with weights in eight bits."""
    weights = np.concatenate([fitted[name][0] for name in heads], axis=1)
    biases = np.concatenate([fitted[name][1] for name in heads])
    return TextModel(LinearHeads.quantise(heads, weights, biases), vocabulary, aspect_logits)


def fit_opinions(data: Path, language: str, vocabulary: Vocabulary) -> tuple[Floats, Floats, Floats]:
    """Weights, biases and the logits of each aspect: what a clause says of an aspect."""
    pairs: list[tuple[str, int, int]] = []
    for message in read_corpus(language, without=(*DEVELOPMENT, *TEST)):
        pairs += [(message.text, ASPECTS.index(aspect), sign) for aspect, sign in message.aspects]  # type: ignore[arg-type]
    for message in expand_templates(language):
        pairs += [(message.text, ASPECTS.index(aspect), sign) for aspect, sign in message.aspects]  # type: ignore[arg-type]
    if language == "en":
        for text, opinions in read_restaurants(data, "train"):
            pairs += [(text, ASPECTS.index(aspect), sign) for aspect, sign in opinions.items()]  # type: ignore[arg-type]
    return fit_opinion_pairs(pairs, vocabulary, find_clause=_Clauses(data, language, vocabulary).find)


class _Clauses:
    """Finds the clause that speaks of an aspect, by a first fit of the aspects."""

    def __init__(self, data: Path, language: str, vocabulary: Vocabulary) -> None:
        collection = collect_service(data, [language])
        labelled = collection.labelled["aspects"]
        used = np.unique(labelled.messages)
        matrix = make_matrix(
            vocabulary.weigh(count_features([collection.texts[each] for each in used])),
            vocabulary.buckets.size,
        )
        self.vocabulary = vocabulary
        self.weights, self.biases = fit_head(
            matrix, HEADS["aspects"],
            Labels(np.searchsorted(used, labelled.messages), labelled.targets, labelled.importance),
            PENALTIES["aspects"],
        )  # fmt: skip

    def find(self, texts: Sequence[str], aspects: Sequence[int]) -> list[str]:
        spans = [split_clauses(text) for text in texts]
        clauses = [
            text[start:end] for text, listed in zip(texts, spans, strict=True) for start, end in listed
        ]
        ends = np.cumsum([0, *map(len, spans)])
        matrix = make_matrix(self.vocabulary.weigh(count_features(clauses)), self.vocabulary.buckets.size)
        logits = matrix @ self.weights
        return [
            clauses[ends[number] + int(logits[ends[number] : ends[number + 1], aspect].argmax())]
            for number, aspect in enumerate(aspects)
        ]


def fit_opinion_pairs(pairs: Sequence[tuple[str, int, int]], vocabulary: Vocabulary, find_clause) -> tuple:  # type: ignore[no-untyped-def]
    from scipy.sparse import csr_matrix, hstack

    texts = [text for text, _, _ in pairs]
    aspects = [aspect for _, aspect, _ in pairs]
    clauses = find_clause(texts, aspects)
    size = vocabulary.buckets.size
    of_clauses = make_matrix(vocabulary.weigh(count_features(clauses)), size)
    of_texts = make_matrix(vocabulary.weigh(count_features(texts)), size)
    of_aspects = np.eye(len(ASPECTS), dtype=np.float32)[aspects] * ASPECT_IN_OPINION
    matrix = hstack([of_clauses + of_texts * SENTENCE_IN_OPINION, csr_matrix(of_aspects)]).tocsr()
    targets = np.eye(3, dtype=np.float32)[[sign for _, _, sign in pairs]]
    weights, biases = fit_head(
        matrix, Head(POLARITIES, True), Labels(np.arange(len(pairs)), targets, np.ones(len(pairs), np.float32)),
        PENALTIES["opinion"],
    )  # fmt: skip
    return weights[:size], biases, weights[size:] * ASPECT_IN_OPINION


def train_language(data: Path) -> TextModel:
    """Recognises languages, by characters alone."""
    random = np.random.default_rng(SEED)
    texts: list[str] = []
    numbers: list[int] = []
    for number, code in enumerate(LANGUAGES):
        lines, _ = read_xed(data, code, "train")
        if code in ("en", "it"):
            lines = lines + [each.text for each in read_corpus(code, without=(*DEVELOPMENT, *TEST))]
        chosen = random.permutation(len(lines))[:LINES_OF_A_LANGUAGE]
        texts += [lines[each] for each in chosen]
        numbers += [number] * len(chosen)
    heads = {"language": Head(LANGUAGES, True)}
    targets = np.eye(len(LANGUAGES), dtype=np.float32)[numbers]
    labelled = {"language": Labels(np.arange(len(texts)), targets, np.ones(len(texts), np.float32))}
    vocabulary, fitted = fit_ngrams(
        "language", Collection(texts, labelled), heads, {"language": 1}, 0.3, fewest=5
    )
    return assemble(heads, fitted, vocabulary)


def train_emotion(data: Path, language: str) -> TextModel:
    """Emotions: in English with the coarser sets of the paper beside."""
    if language == "it":
        texts, targets = read_xed(data, "it", "train")
        later = is_calibrating(texts)
        held, known = [each for each, is_later in zip(texts, later, strict=True) if is_later], targets[later]
        texts, targets = (
            [each for each, is_later in zip(texts, later, strict=True) if not is_later],
            targets[~later],
        )
        heads = {"emotion": Head(XED_LABELS, False)}
        labelled = {"emotion": Labels(np.arange(len(texts)), targets, np.ones(len(texts), np.float32))}
    else:
        texts, targets, labels = read_go_emotions(data, "train")
        heads, sets = make_emotion_heads(targets, labels)
        labelled = {
            name: Labels(np.arange(len(texts)), each, np.ones(len(texts), np.float32))
            for name, each in sets.items()
        }
    name = f"emotion_{language}"
    vocabulary, fitted = fit_ngrams(
        name, Collection(texts, labelled), heads, dict.fromkeys(heads, 1.0), 0.3, fewest=3
    )
    model = assemble(heads, fitted, vocabulary)
    if language == "it":
        return calibrate(model, held, {"emotion": known})
    lines, known, labels = read_go_emotions(data, "dev")
    return calibrate(model, lines, make_emotion_heads(known, labels)[1])


def make_emotion_heads(targets: Floats, labels: list[str]) -> tuple[dict[str, Head], dict[str, Floats]]:
    """The heads for GoEmotions and its two coarser sets, and their targets."""
    heads = {
        "emotion": Head(tuple(labels), False),
        "ekman": Head(tuple(EKMAN), False),
        "group": Head(tuple(GROUPS), False),
        "frustration": Head(("frustration",), False),
    }
    return heads, {
        "emotion": targets,
        "ekman": group_labels(targets, labels, EKMAN),
        "group": group_labels(targets, labels, GROUPS),
        "frustration": group_labels(targets, labels, {"frustration": " ".join(FRUSTRATION)}),
    }


def calibrate(model: TextModel, texts: Sequence[str], known: Mapping[str, Floats]) -> TextModel:
    """The model with temperatures and thresholds from texts that it was not trained on."""
    logits = model.measure(texts)
    heads = {
        name: calibrate_head(head, logits[:, model.heads.find_columns(name)], known[name])
        if name in known
        else head
        for name, head in model.heads.heads.items()
    }
    return replace(model, heads=replace(model.heads, heads=heads))


def calibrate_head(head: Head, logits: Floats, known: Floats) -> Head:
    """The head with its temperature, and its thresholds where labels do not exclude each other."""
    temperature = fit_temperature(head, logits, known)
    warm = replace(head, temperature=round(temperature, 4))
    if head.exclusive:
        return warm
    return replace(warm, thresholds=tune_thresholds(warm.read(logits), known))


def train_service(data: Path, language: str) -> TextModel:
    """The heads for messages to brands in one language."""
    collection = collect_service(data, [language])
    vocabulary, fitted = fit_ngrams(f"service_{language}", collection, HEADS, PENALTIES, 0.5)
    weights, biases, aspect_logits = fit_opinions(data, language, vocabulary)
    heads = {**HEADS, "opinion": Head(POLARITIES, True)}
    return assemble(heads, {**fitted, "opinion": (weights, biases)}, vocabulary, aspect_logits)


def is_calibrating(texts: Sequence[str]) -> np.ndarray:
    """Which lines of a set without a part for development set temperatures and thresholds: a tenth, by their hash."""
    return np.array([zlib.crc32(text.encode()[::-1]) % 10 == 0 for text in texts])


def train_encoded(data: Path, vectors: VectorStore) -> TextModel:
    """Heads over the vectors of the encoder, of English and Italian together."""
    collection = collect_service(data, ["en", "it"])
    matrix = vectors.find("service", collection.texts)
    fitted = {
        name: fit_head(matrix, HEADS[name], labelled, ENCODED_PENALTIES[name])
        for name, labelled in collection.labelled.items()
    }
    texts, targets, labels = read_go_emotions(data, "train")
    heads, sets = make_emotion_heads(targets, labels)
    matrix = vectors.find("go_emotions", texts)
    for name, each in sets.items():
        labelled = Labels(np.arange(len(texts)), each, np.ones(len(texts), np.float32))
        fitted[name] = fit_head(matrix, heads[name], labelled, 1.0)
    texts, targets = read_xed(data, "it", "train")
    earlier = ~is_calibrating(texts)
    heads["emotion_it"] = Head(XED_LABELS, False)
    rows = np.flatnonzero(earlier)
    labelled = Labels(rows, targets[rows], np.ones(rows.size, np.float32))
    fitted["emotion_it"] = fit_head(vectors.find("xed_it", texts), heads["emotion_it"], labelled, 1.0)
    return assemble({**HEADS, **heads}, fitted, None)


class VectorStore:
    """Vectors of the encoder, kept between runs where a folder is given, since they take most of the time."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def find(self, name: str, texts: Sequence[str]) -> Floats:
        known: dict[str, Floats] = {}
        file = self.folder / f"{name}.npz" if self.folder else None
        if file is not None and file.exists():
            with np.load(file) as stored:
                known = dict(zip(stored["texts"].tolist(), stored["vectors"], strict=True))
        missing = sorted({text for text in texts if text not in known})
        if missing:
            known.update(zip(missing, sentence_encoder.encode(missing), strict=True))
            if file is not None:
                np.savez(file, texts=np.array(list(known)), vectors=np.stack(list(known.values())))
        return np.stack([known[text] for text in texts])


def read_ngram_logits(model: TextModel, texts: Sequence[str]) -> dict[str, Floats]:
    """The logits of each head as the perceiver reads them: aspects with their clauses."""
    logits = model.measure(texts)
    found = split_heads(model, logits)
    if "aspects" in found:
        spans = [split_clauses(text) for text in texts]
        clauses = measure_clauses(model, texts, spans, logits)[:, model.heads.find_columns("aspects")]
        found["aspects"] = mix_aspects(found["aspects"], clauses, np.cumsum([0, *map(len, spans)]))
    return found


def know(messages: Sequence[ServiceMessage]) -> dict[str, Floats]:
    """What the corpus knows, by head; nan where nothing is known."""
    known: dict[str, Floats] = {}
    for name, (labelled,) in ((name, tuple(each)) for name, each in describe(messages, 0).items()):
        targets = np.full((len(messages), labelled.targets.shape[1]), np.nan, np.float32)
        targets[labelled.messages] = labelled.targets
        known[name] = targets
    return known


def join(
    ngrams: TextModel,
    encoded: TextModel,
    ngram_logits: Mapping[str, Floats],
    vectors: Floats,
    known: Mapping[str, Floats],
    language: str,
) -> dict[str, dict]:
    """For each head the weight of the n-grams that surprises least, with temperature and thresholds."""
    dense = encoded.heads.measure_dense(vectors)
    joints = {}
    for name, targets in known.items():
        of_encoder = name_encoded_head(name, language)
        here = encoded.heads.heads[of_encoder]
        best = None
        for weight in np.linspace(0, 1, 11):
            logits = join_logits(
                float(weight), (ngrams.heads.heads[name], ngram_logits[name]),
                (here, dense[:, encoded.heads.find_columns(of_encoder)]),
            )  # fmt: skip
            head = calibrate_head(replace(here, temperature=1.0), logits, targets)
            read = np.clip(head.read(logits), 1e-6, 1 - 1e-6)
            losses = -targets * np.log(read) - (0 if here.exclusive else (1 - targets) * np.log(1 - read))
            loss = float(np.nanmean(losses))
            if best is None or loss < best[0]:
                best = (loss, float(weight), head)
        assert best is not None
        joints[name] = {
            "ngram_weight": round(best[1], 2), "labels": list(best[2].labels), "exclusive": best[2].exclusive,
            "temperature": best[2].temperature, "thresholds": list(best[2].thresholds),
        }  # fmt: skip
    return joints


def write_joints(data: Path, vectors: VectorStore) -> None:
    """Choose the share of each model, on the sectors of development and on that part of GoEmotions."""
    encoded = TextModel.load(WEIGHTS / "encoded.npz")
    joints = {}
    for code in ("en", "it"):
        service = TextModel.load(WEIGHTS / f"service_{code}.npz")
        messages = read_corpus(code, DEVELOPMENT)
        texts = [each.text for each in messages]
        joints[code] = join(
            service,
            encoded,
            read_ngram_logits(service, texts),
            vectors.find("development", texts),
            know(messages),
            code,
        )
    lines, targets, labels = read_go_emotions(data, "dev")
    emotion = TextModel.load(WEIGHTS / "emotion_en.npz")
    sets = make_emotion_heads(targets, labels)[1]
    joints["en"] |= join(
        emotion,
        encoded,
        read_ngram_logits(emotion, lines),
        vectors.find("go_emotions_dev", lines),
        sets,
        "en",
    )
    lines, targets = read_xed(data, "it", "train")
    later = np.flatnonzero(is_calibrating(lines))
    lines = [lines[each] for each in later]
    emotion = TextModel.load(WEIGHTS / "emotion_it.npz")
    joints["it"] |= join(
        emotion,
        encoded,
        read_ngram_logits(emotion, lines),
        vectors.find("xed_it", lines),
        {"emotion": targets[later]},
        "it",
    )
    (WEIGHTS / "joints.json").write_text(json.dumps(joints, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public sets")
    parser.add_argument("--vectors", type=Path, help="folder where vectors are kept between runs")
    parser.add_argument("--only", nargs="*", default=["language", "emotion", "service", "encoded", "joined"])
    given = parser.parse_args()
    started = time.time()
    WEIGHTS.mkdir(exist_ok=True)
    if given.vectors:
        given.vectors.mkdir(parents=True, exist_ok=True)
    vectors = VectorStore(given.vectors)

    def say(text: str) -> None:
        print(f"{time.time() - started:6.0f} s  {text}", flush=True)

    if "language" in given.only:
        train_language(given.data).save(WEIGHTS / "language.npz")
        say("language")
    for code in ("en", "it"):
        if "emotion" in given.only:
            train_emotion(given.data, code).save(WEIGHTS / f"emotion_{code}.npz")
            say(f"emotion, {code}")
        if "service" in given.only:
            model = train_service(given.data, code)
            messages = read_corpus(code, DEVELOPMENT)
            texts = [each.text for each in messages]
            logits = read_ngram_logits(model, texts)
            heads = {
                name: calibrate_head(head, logits[name], know(messages)[name]) if name in HEADS else head
                for name, head in model.heads.heads.items()
            }
            heads["aspects"] = tune_aspects(collect_service(given.data, [code]), model)
            replace(model, heads=replace(model.heads, heads=heads)).save(WEIGHTS / f"service_{code}.npz")
            say(f"service, {code}")
    if "encoded" in given.only:
        encoded = train_encoded(given.data, vectors)
        every = [each for code in ("en", "it") for each in read_corpus(code, DEVELOPMENT)]
        known = know(every)
        dense = encoded.heads.measure_dense(vectors.find("development", [each.text for each in every]))
        heads = {
            name: calibrate_head(head, dense[:, encoded.heads.find_columns(name)], known[name])
            if name in known else head
            for name, head in encoded.heads.heads.items()
        }  # fmt: skip
        lines, targets, labels = read_go_emotions(given.data, "dev")
        sets = make_emotion_heads(targets, labels)[1]
        of_lines = vectors.find("go_emotions_dev", lines)
        dense = encoded.heads.measure_dense(of_lines)
        for name, each in sets.items():
            heads[name] = calibrate_head(heads[name], dense[:, encoded.heads.find_columns(name)], each)
        encoded = replace(encoded, heads=replace(encoded.heads, heads=heads))
        encoded.save(WEIGHTS / "encoded.npz")
        say("encoded")
    if "joined" in given.only:
        write_joints(given.data, vectors)
        say("joined")
    size = sum(file.stat().st_size for file in WEIGHTS.iterdir())
    say(f"{size / 1e6:.2f} MB of weights")


if __name__ == "__main__":
    main()
