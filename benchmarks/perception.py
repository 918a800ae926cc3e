"""How well the shipped perceivers read, beside VADER, TextBlob and the majority.

Every row has its floor (and stretch goal) from the project's goals. `--questions FILE` adds a file of neutral
questions, one a line, that its author wrote after the weights were frozen.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from measuring import describe_machine
from text_sets import (
    TEST,
    ServiceMessage,
    find_xed_polarity,
    read_conversations,
    read_corpus,
    read_go_emotions,
    read_intents,
    read_restaurants,
    read_xed,
)
from train_text import RESTAURANT_ASPECTS, VectorStore, make_emotion_heads, read_ngram_logits

from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.intents import train_intents
from consumer_fusion.perception.linear_heads import Floats, Head
from consumer_fusion.perception.shipped_perceiver import ShippedPerceiver, join_logits, load_perceiver
from consumer_fusion.records.perception import (
    ASPECTS,
    PARTIES,
    POLARITIES,
    SIGNALS,
    ConsumerMessage,
    Perception,
)

POST_LABELS = Path(__file__).resolve().parent.parent / "corpora" / "ibm_twitter_care_polarity.tsv"
QUESTIONS = POST_LABELS.parent / "italian_questions.txt"
FOLDS = 10
SEED = 11
Figures = dict[str, float]


def measure_f1(truth: np.ndarray, said: np.ndarray) -> float:
    """Macro-F1 of yes-or-no labels, one column each, or of classes given by number."""
    if truth.ndim == 1:
        classes = np.unique(np.concatenate((truth, said)))
        truth, said = truth[:, None] == classes, said[:, None] == classes
    hits = (truth & said).sum(axis=0)
    return float(np.mean(2 * hits / np.maximum(truth.sum(axis=0) + said.sum(axis=0), 1)))


def measure_area(truth: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: how often a true case scores above a false one (ties count half)."""
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    true, false = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - true * (true + 1) / 2) / (true * false))


def measure_calibration_error(truth: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width (Naeini et al. 2015)."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for each in range(bins):
        here = place == each
        if here.any():
            error += here.mean() * abs(probabilities[here].mean() - truth[here].mean())
    return float(error)


def read_head(
    perceiver: ShippedPerceiver, name: str, language: str, logits: dict[str, Floats], dense: Floats | None
) -> tuple[Head, Floats]:
    """A head with its probabilities, from the n-grams or from both models."""
    model = (
        perceiver.models.emotion[language]
        if name in perceiver.models.emotion[language].heads.heads
        else perceiver.models.service[language]
    )
    head = model.heads.heads[name]
    encoded = perceiver.models.encoded
    if encoded is None or dense is None:
        return head, head.read(logits[name])
    joint = perceiver.models.joints[language][name]
    other = dense[:, encoded.heads.find_columns(name)]
    return joint.head, joint.head.read(
        join_logits(joint.ngram_weight, (head, logits[name]), (encoded.heads.heads[name], other))
    )


def measure_emotions(perceiver: ShippedPerceiver, data: Path, vectors: VectorStore) -> Figures:
    """GoEmotions, official test: macro-F1 at the thresholds that were tuned on its development part."""
    texts, targets, labels = read_go_emotions(data, "test")
    _, sets = make_emotion_heads(targets, labels)
    model = perceiver.models.emotion["en"]
    logits = read_ngram_logits(model, texts)
    encoded = perceiver.models.encoded
    dense = encoded.heads.measure_dense(vectors.find("go_emotions_test", texts)) if encoded else None
    read = {name: read_head(perceiver, name, "en", logits, dense) for name in sets}
    figures: Figures = {}
    for name, title in (
        ("emotion", "28"),
        ("ekman", "Ekman 7"),
        ("group", "4 groups"),
        ("frustration", "frustration"),
    ):
        head, values = read[name]
        said = values >= np.array(head.thresholds)
        if name != "frustration":
            figures[f"GoEmotions {title}: macro-F1"] = measure_f1(sets[name] > 0, said)
    frustrated = read["frustration"][1][:, 0]
    truth = sets["frustration"][:, 0] > 0
    figures["frustration: AUC"] = measure_area(truth, frustrated)
    figures["frustration: calibration error"] = measure_calibration_error(truth, frustrated)
    return figures


def measure_public_posts(perceiver: ShippedPerceiver, folder: Path) -> Figures:
    """First posts of conversations with companies, whose polarity the project labelled: fault told, or a question."""
    import pyarrow.parquet as pq

    known = dict(line.split("\t") for line in POST_LABELS.read_text().splitlines()[1:])
    turns = pq.read_table(folder / "turns.parquet", columns=["tweet_id", "text"]).to_pylist()
    texts = {each["tweet_id"]: each["text"] for each in turns if each["tweet_id"] in known}
    truth = np.array([POLARITIES.index(known[each]) for each in texts])  # type: ignore[arg-type]
    found = perceiver.perceive([ConsumerMessage(text, "en") for text in texts.values()])
    read = np.array([list(each.polarity.values()) for each in found])
    figures = {
        f"posts to companies (n={len(truth)}): accuracy": float((read.argmax(axis=1) == truth).mean()),
        "posts to companies: negative, AUC": measure_area(truth == 0, read[:, 0]),
        "posts to companies: questions called negative": float((read[truth == 1].argmax(axis=1) == 0).mean()),
    }
    for name, judge in find_peers().items():
        others = np.array([judge(text) for text in texts.values()])
        figures[f"  {name}: accuracy"] = float((others == truth).mean())
    return figures


def measure_restaurants(perceiver: ShippedPerceiver, data: Path, vectors: VectorStore) -> Figures:
    """MAMS-ACSA, validation: which aspects, which polarity of a given aspect, and whether the front or the kitchen."""
    from consumer_fusion.perception.clauses import split_clauses
    from consumer_fusion.perception.shipped_perceiver import read_opinion

    cases = read_restaurants(data, "val")
    texts = [text for text, _ in cases]
    model = perceiver.models.service["en"]
    logits = read_ngram_logits(model, texts)
    head = model.heads.heads["aspects"]
    present = head.read(logits["aspects"])
    encoded = perceiver.models.encoded
    dense = encoded.heads.measure_dense(vectors.find("restaurants", texts)) if encoded else None
    _, causes = read_head(perceiver, "cause", "en", logits, dense)
    judged = [ASPECTS.index(each) for each in RESTAURANT_ASPECTS]
    truth = np.array([[ASPECTS[each] in opinions for each in judged] for _, opinions in cases])
    said = present[:, judged] >= np.array(head.thresholds)[judged]
    right = total = 0
    front: list[bool] = []
    margin: list[float] = []
    for number, (text, opinions) in enumerate(cases):
        clauses = [text[start:end] for start, end in split_clauses(text)]
        found = model.measure(clauses)
        aspects, opinion = (found[:, model.heads.find_columns(each)] for each in ("aspects", "opinion"))

        def read(
            aspect: str, aspects: Floats = aspects, opinion: Floats = opinion, number: int = number
        ) -> Floats:
            place = ASPECTS.index(aspect)  # type: ignore[arg-type]
            return read_opinion(
                model, opinion[int(aspects[:, place].argmax())], logits["opinion"][number], place
            )

        for aspect, sign in opinions.items():
            right += int(read(aspect).argmax()) == sign
            total += 1
        at_front = any(opinions.get(each) == 0 for each in ("staff", "service"))
        at_kitchen = opinions.get("food") == 0
        if at_front != at_kitchen:
            negative = {
                each: present[number, ASPECTS.index(each)] * read(each)[0]
                for each in ("staff", "service", "food")
            }
            front.append(at_front)
            parties = dict(zip(PARTIES, causes[number], strict=False))
            margin.append(
                float(
                    max(negative["staff"], negative["service"])
                    - negative["food"]
                    + parties["front"]
                    - parties["kitchen"]
                )
            )
    return {
        "MAMS aspects: macro-F1": measure_f1(truth, said),
        "MAMS polarity of a given aspect: accuracy": right / total,
        f"MAMS front or kitchen ({len(front)}): AUC": measure_area(np.array(front), np.array(margin)),
    }


def measure_leaving(data: Path) -> Figures:
    """BETOLD, 10-fold: whether a caller leaves, when the last events are hidden; trained here, on each nine tenths."""
    try:
        from lightgbm import LGBMClassifier
        from scipy.sparse import csr_matrix
    except ImportError:
        print("LightGBM is not installed: make bench installs it")
        return {}
    conversations = read_conversations(data)
    truth = np.array([each["LUHF"] == "luhf" for each in conversations])
    figures = {}
    for hidden in (2, 4):
        counted = [count_events(each["utterances_annotations"], hidden) for each in conversations]
        frequency = Counter(name for counts in counted for name in counts)
        columns = {
            name: place
            for place, name in enumerate(sorted(n for n, times in frequency.items() if times >= 5))
        }
        cells = [
            (row, columns[name], value)
            for row, counts in enumerate(counted)
            for name, value in counts.items()
            if name in columns
        ]
        rows, places, values = zip(*cells, strict=True)
        matrix = csr_matrix((np.array(values, np.float32), (rows, places)))
        fold = np.random.default_rng(SEED).permutation(len(counted)) % FOLDS
        scores = np.zeros(len(counted))
        for number in range(FOLDS):
            model = LGBMClassifier(
                n_estimators=150, learning_rate=0.05, num_leaves=15, min_child_samples=10, subsample=0.8,
                subsample_freq=1, colsample_bytree=0.3, verbose=-1, n_jobs=1, random_state=SEED,
            )  # fmt: skip
            model.fit(matrix[fold != number], truth[fold != number])
            scores[fold == number] = model.predict_proba(matrix[fold == number])[:, 1]
        figures[f"BETOLD, last {hidden} events hidden: AUC"] = measure_area(truth, scores)
    return figures


def count_events(events: Sequence[dict], hidden: int) -> Counter[str]:
    """Who said what and what after it, the last three, and how long it took and how often one repeated oneself."""
    shown = events[: max(1, len(events) - hidden)]
    names = [f"{each['caller_name']} {each['intent']}" for each in shown]
    counts = Counter(names)
    counts.update(f"{first} > {second}" for first, second in pairwise(names))
    counts.update(f"last {place} {name}" for place, name in enumerate(reversed(names[-3:])))
    counts.update(str(entity) for each in shown for entity in each.get("entities") or ())
    counts["events"] = len(shown)
    counts["of the caller"] = sum(each["caller_name"] == "nlu" for each in shown)
    counts["different"] = len(set(names))
    counts["repeated"] = sum(name == before for before, name in zip(names, names[2:], strict=False))
    return counts


def measure_intents(data: Path, vectors: VectorStore, with_encoder: bool) -> Figures:
    """BANKING77 and CLINC150, official tests: intents trained as an installation trains its own."""
    figures: Figures = {}
    for name, title in (("banking77", "BANKING77"), ("clinc150", "CLINC150")):
        texts, intents = read_intents(data, name, "train")
        tests, known = read_intents(data, name, "test")
        outside = []
        if name == "clinc150":
            outside = [
                line.split("\t")[0] for line in (data / name / "oos_test.txt").read_text().splitlines()
            ]
        trained = vectors.find(name, texts) if with_encoder else None
        judged = vectors.find(f"{name}_test", [*tests, *outside]) if with_encoder else None
        result = train_intents(texts, intents, vectors=trained, with_encoder=with_encoder)
        read = result.model.measure_intents([*tests, *outside], judged)
        labels = result.model.labels
        said = read[: len(tests)].argmax(axis=1)
        rights = [labels[each] == right for each, right in zip(said, known, strict=True)]
        figures[f"{title}: accuracy"] = float(np.mean(rights))
        if outside:
            highest = read.max(axis=1)
            figures["CLINC150 out of scope: AUC"] = measure_area(
                np.arange(len(highest)) >= len(tests), -highest
            )
    return figures


def measure_corpus(perceiver: ShippedPerceiver, language: str) -> tuple[Figures, dict[str, dict[str, float]]]:
    """The sectors of test: polarity, by trait, and beside the peers."""
    messages = read_corpus(language, TEST)
    if not messages:
        return {}, {}
    truth = np.array([each.polarity for each in messages])
    found = perceiver.perceive([ConsumerMessage(each.text, language) for each in messages])
    said = np.array([max(range(3), key=list(each.polarity.values()).__getitem__) for each in found])
    figures = {f"own corpus, {language} (n={len(messages)}): macro-F1": measure_f1(truth, said)}
    asked = np.array([each.kind == "question" for each in messages])
    figures[f"own corpus, {language}: questions called negative"] = float((said[asked] == 0).mean())
    figures[f"own corpus, {language}: questions, negative at .6"] = float(
        np.mean(
            [
                each.polarity["negative"] >= 0.6
                for each, is_asked in zip(found, asked, strict=True)
                if is_asked
            ]
        )
    )
    figures |= measure_parts(messages, found, language)
    groups: dict[str, dict[str, float]] = {}
    for trait in ("public", "formal", "colloquial", "typos", "dialect", "nonnative", "emoji", "ironic"):
        here = np.array([trait.replace("nonnative", "non-native") in each.traits for each in messages])
        if here.sum() >= 5:
            groups[trait] = {
                "n": int(here.sum()),
                "accuracy": float((said == truth)[here].mean()),
                "not negative, called negative": _mean((said == 0)[here & (truth != 0)]),
            }
    for name, judge in find_peers().items():
        others = np.array([judge(each.text) for each in messages])
        figures[f"  {name}, {language}: macro-F1"] = measure_f1(truth, others)
        figures[f"  {name}, {language}: questions called negative"] = float((others[asked] == 0).mean())
    return figures, groups


def measure_parts(messages: Sequence[ServiceMessage], found: Sequence[Perception], language: str) -> Figures:
    """Aspects, whom the words blame and who is the cause, and the signals, on messages of the corpus."""
    failed = [
        (message, each) for message, each in zip(messages, found, strict=True) if message.kind == "complaint"
    ]
    blamed = [message.blamed if message.blamed in PARTIES else "" for message, _ in failed]
    said = [each.blame[0].party if each.blame else "" for _, each in failed]
    caused = [(message.cause, each) for message, each in failed if message.cause in PARTIES]
    truth = np.array([[aspect in dict(message.aspects) for aspect in ASPECTS] for message in messages])
    spoken = np.array(
        [[any(part.aspect == aspect for part in each.aspects) for aspect in ASPECTS] for each in found]
    )
    hits = (truth & spoken).sum()
    figures = {
        f"own corpus, {language}: aspects, micro-F1": float(2 * hits / (truth.sum() + spoken.sum())),
        f"own corpus, {language}: whom complaints blame, accuracy": float(
            np.mean([a == b for a, b in zip(blamed, said, strict=True)])
        ),
        f"own corpus, {language}: who caused it, accuracy": float(
            np.mean([bool(each.responsible) and each.responsible[0].party == cause for cause, each in caused])
        ),
    }
    for name in ("irony", "harshness", "repair", "dissatisfaction", "failure"):
        known = np.array([message.signals[SIGNALS.index(name)] > 0 for message in messages])
        scores = np.array([getattr(each, name) for each in found])
        figures[f"own corpus, {language}: {name}, AUC"] = measure_area(known, scores)
    return figures


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")


def find_peers() -> dict[str, Callable[[str], int]]:
    """VADER and TextBlob where they are installed, with the bounds of their documents; the majority, always."""
    peers: dict[str, Callable[[str], int]] = {"majority": lambda text: 0}
    try:
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        analyzer = SentimentIntensityAnalyzer()
        peers["VADER"] = lambda text: _sign(analyzer.polarity_scores(text)["compound"], 0.05)
    except ImportError:
        print("VADER is not installed: python -m pip install vaderSentiment")
    try:
        from textblob import TextBlob

        peers["TextBlob"] = lambda text: _sign(TextBlob(text).sentiment.polarity, 0.05)
    except ImportError:
        print("TextBlob is not installed: python -m pip install textblob")
    return peers


def _sign(value: float, bound: float) -> int:
    return 0 if value <= -bound else 2 if value >= bound else 1


def measure_questions(perceiver: ShippedPerceiver, file: Path) -> Figures:
    """Neutral Italian questions of another hand: how many are called negative."""
    texts = [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    found = perceiver.perceive([ConsumerMessage(text, "it") for text in texts])
    negative = np.array([each.polarity["negative"] for each in found])
    likeliest = np.array([max(each.polarity.values()) for each in found])
    return {
        f"second set of Italian questions (n={len(texts)}): called negative": float(
            np.mean((negative == likeliest) & ~np.array([each.abstained for each in found]))
        ),
        "  the same, by the likeliest also where it abstains": float(np.mean(negative == likeliest)),
        "  the same, at the .6 that makes an event": float(np.mean(negative >= 0.6)),
    }


def measure_films(perceiver: ShippedPerceiver, data: Path) -> Figures:
    """XED: positive against negative emotions, by the polarity."""
    figures: Figures = {}
    languages = ["it"] if perceiver.models.encoded is None else ["it", "es", "fr", "pt", "de"]
    for code in languages:
        texts, targets = read_xed(data, code, "test")
        sides = find_xed_polarity(targets)
        kept = np.random.default_rng(SEED).permutation(np.flatnonzero(sides >= 0))[:2_000]
        found = perceiver.perceive([ConsumerMessage(texts[each], code) for each in kept])
        scores = np.array([each.polarity["positive"] - each.polarity["negative"] for each in found])
        figures[f"XED {code}: positive or negative by polarity, AUC"] = measure_area(sides[kept] == 2, scores)
        if found[0].emotions:
            scores = np.array(
                [
                    sum(each.emotions[name] for name in ("joy", "trust"))
                    - sum(each.emotions[name] for name in ("anger", "disgust", "fear", "sadness"))
                    for each in found
                ]
            )
            figures[f"XED {code}: positive or negative emotions, AUC"] = measure_area(
                sides[kept] == 2, scores
            )
    return figures


def measure_speed(perceiver: ShippedPerceiver, data: Path) -> Figures:
    """Messages a second on one core, in batches and alone, and the floor: the same texts only split into words."""
    texts, _, _ = read_go_emotions(data, "dev")
    messages = [ConsumerMessage(text, "en") for text in texts]
    perceiver.perceive(messages[:64])
    started = time.perf_counter()
    perceiver.perceive(messages)
    batch = len(messages) / (time.perf_counter() - started)
    started = time.perf_counter()
    for text in texts:
        text.lower().split()
    floor = len(texts) / (time.perf_counter() - started)
    single = []
    for message in messages[:500]:
        started = time.perf_counter()
        perceiver.perceive([message])
        single.append(time.perf_counter() - started)
    folder = Path(__file__).resolve().parent.parent / "src/consumer_fusion/perception/weights"
    return {
        "messages/s, one core, in batches": batch,
        "  times the floor (lower case, split)": floor / batch,
        "single message, p95, ms": float(np.quantile(single, 0.95)) * 1_000,
        "weights, MB": sum(file.stat().st_size for file in folder.iterdir()) / 1e6,
    }


GOALS: dict[str, tuple[float, float]] = {
    "GoEmotions 28": (0.455, 0.48), "GoEmotions Ekman 7": (0.59, 0.61), "GoEmotions 4 groups": (0.66, 0.68),
    "frustration: AUC": (0.83, 0.86), "frustration: calibration error": (-0.05, -0.03),
    "MAMS aspects": (0.84, 0.87), "MAMS polarity": (0.70, 0.75), "MAMS front": (0.93, 0.96),
    "BETOLD, last 2": (0.85, 0.88),
    "BETOLD, last 4": (0.81, 0.84),
    "BANKING77": (0.91, 0.93), "CLINC150: accuracy": (0.93, 0.95), "CLINC150 out": (0.95, 0.96),
    "own corpus, en (": (0.75, 0.85), "own corpus, it (": (0.75, 0.85),
    "XED it: positive or negative emotions": (0.75, 0.80),
    "second set": (-0.04, -0.02), "messages/s": (700, 1_200), "single message": (-15, -5), "weights": (-3, -2),
}  # fmt: skip
"""Floor and stretch goal by the beginning of a row; negative where less is better."""
GOALS_WITHOUT_ENCODER = {
    "second set": (-0.10, -0.04), "messages/s": (5_000, 10_000), "single message": (-10, -2), "weights": (-3, -1.5),
}  # fmt: skip


def judge(name: str, value: float, with_encoder: bool) -> str:
    """The floor and the stretch goal of a row, and whether they are met."""
    goals = GOALS if with_encoder else GOALS | GOALS_WITHOUT_ENCODER
    for beginning, (floor, stretch) in goals.items():
        if name.startswith(beginning):
            sign = -1 if floor < 0 else 1
            met = (
                "stretch met"
                if sign * value >= stretch
                else "floor met"
                if sign * value >= floor
                else "MISSED"
            )
            return f"floor {abs(floor):g}, stretch {abs(stretch):g}: {met}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public sets")
    parser.add_argument("--vectors", type=Path, help="folder where vectors are kept between runs")
    parser.add_argument("--posts", type=Path, help="folder of ibm_twitter_care")
    parser.add_argument(
        "--questions", type=Path, default=QUESTIONS, help="file of neutral Italian questions, one a line"
    )
    parser.add_argument("--ngrams", action="store_true", help="without the encoder although it is installed")
    parser.add_argument(
        "--skip", nargs="*", default=[], help="parts to leave out: intents, leaving, speed, ..."
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON at the end")
    given = parser.parse_args()
    with_encoder = sentence_encoder.is_installed() and not given.ngrams
    perceiver = load_perceiver(with_encoder)
    print(describe_machine())
    print(f"{perceiver.id}; languages {', '.join(sorted(perceiver.languages))}", flush=True)
    vectors = VectorStore(given.vectors)
    groups: dict[str, dict[str, dict[str, float]]] = {}

    def measure_messages() -> Figures:
        figures: Figures = {}
        for code in ("en", "it"):
            found, groups[code] = measure_corpus(perceiver, code)
            figures |= found
        return figures

    parts: dict[str, Callable[[], Figures]] = {
        "corpus": measure_messages,
        "emotions": lambda: measure_emotions(perceiver, given.data, vectors),
        "restaurants": lambda: measure_restaurants(perceiver, given.data, vectors),
        "films": lambda: measure_films(perceiver, given.data),
        "leaving": lambda: measure_leaving(given.data),
        "intents": lambda: measure_intents(given.data, vectors, with_encoder),
        "speed": lambda: measure_speed(perceiver, given.data),
    }
    if given.posts:
        parts["posts"] = lambda: measure_public_posts(perceiver, given.posts)
    parts["questions"] = lambda: measure_questions(perceiver, given.questions)
    figures: Figures = {}
    missed = 0
    for name, run in parts.items():
        if name in given.skip:
            continue
        for row, value in run().items():
            figures[row] = value
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1.5 else f"{value:.3f}"
            verdict = judge(row, value, with_encoder)
            missed += verdict.endswith("MISSED")
            print(f"{row:62} {shown:>8}  {verdict}", flush=True)
    for code, rows in groups.items():
        for trait, values in rows.items():
            print(f"  {code}, {trait}: " + ", ".join(f"{name} {value:.2f}" for name, value in values.items()))
    if given.json:
        print(json.dumps({"model": perceiver.id, "figures": figures, "groups": groups}))
    raise SystemExit(missed > 0)


if __name__ == "__main__":
    main()
