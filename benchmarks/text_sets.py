"""The labelled texts that the perceivers are trained and measured on: the project's own corpus and public sets.

The public sets are read from a folder that is given (`--data`); each is told of in the model card, with its licence.
"""

from __future__ import annotations

import json
import tomllib
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from consumer_fusion.perception.linear_heads import Floats
from consumer_fusion.records.perception import ASPECTS, PARTIES, SIGNALS

CORPUS = Path(__file__).resolve().parent.parent / "corpora" / "service_messages"
DEVELOPMENT = ("grocery", "hotel")
"""Sectors on which weights, temperatures and thresholds are chosen."""
TEST = ("events", "utility")
"""Sectors that are only measured on; their author wrote nothing else."""
TEMPLATE_SHARES = {"complaint": 0.42, "question": 0.33, "remark": 0.03, "praise": 0.22}
ORDINALS = {"en": ("second", "third", "fourth", "fifth"), "it": ("seconda", "terza", "quarta", "quinta")}
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "it": ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"),
}
POLARITY_OF = {"complaint": 0, "dislike": 0, "question": 1, "remark": 1, "praise": 2}
SIGN = {"-": 0, "=": 1, "+": 2}

POSITIVE = (
    "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief".split()
)
NEGATIVE = [
    "anger", "annoyance", "disappointment", "disapproval", "disgust", "embarrassment", "fear", "grief", "nervousness",
    "remorse", "sadness",
]  # fmt: skip
FRUSTRATION = "annoyance anger disappointment disapproval disgust".split()
EKMAN = {
    "anger": "anger annoyance disapproval",
    "disgust": "disgust",
    "fear": "fear nervousness",
    "joy": "joy amusement approval excitement gratitude love optimism relief pride admiration desire caring",
    "sadness": "sadness disappointment embarrassment grief remorse",
    "surprise": "surprise realization confusion curiosity",
    "neutral": "neutral",
}
GROUPS = {
    "positive": " ".join(POSITIVE),
    "negative": " ".join(NEGATIVE),
    "ambiguous": "confusion curiosity realization surprise",
    "neutral": "neutral",
}
XED_LABELS = ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust")


@dataclass(frozen=True, slots=True)
class ServiceMessage:
    """One message of the corpus with its labels, as they are in the file."""

    language: str
    sector: str
    author: str
    kind: str
    aspects: tuple[tuple[str, int], ...]
    blamed: str
    cause: str
    traits: frozenset[str]
    text: str

    @property
    def polarity(self) -> int:
        return POLARITY_OF[self.kind]

    @property
    def signals(self) -> list[float]:
        fails = self.kind == "complaint" or (
            any(sign == 0 for _, sign in self.aspects) and self.kind == "praise"
        )
        found = {
            "irony": "ironic" in self.traits,
            "harshness": "harsh" in self.traits,
            "repair": "repair" in self.traits,
            "failure": fails,
            "dissatisfaction": self.polarity == 0,
        }
        return [float(found[name]) for name in SIGNALS]


def read_corpus(
    language: str, sectors: Iterable[str] | None = None, without: Iterable[str] = (), folder: Path = CORPUS
) -> list[ServiceMessage]:
    """The messages of the corpus in a language, of some sectors or of all but some."""
    messages = []
    for file in sorted((folder / language).glob("*.tsv")):
        sector, author = file.name.split(".")[:2]
        if (sectors is not None and sector not in set(sectors)) or sector in set(without):
            continue
        for line in file.read_text(encoding="utf-8").splitlines()[1:]:
            kind, aspects, blamed, cause, traits, text = line.split("\t")
            listed = () if aspects == "-" else tuple((each[:-1], SIGN[each[-1]]) for each in aspects.split())
            messages.append(
                ServiceMessage(
                    language,
                    sector,
                    author,
                    kind,
                    listed,
                    blamed,
                    cause,
                    frozenset(traits.split()) - {"-"},
                    text,
                )
            )
    return messages


def expand_templates(
    language: str, number: int = 2_000, seed: int = 11, folder: Path = CORPUS
) -> list[ServiceMessage]:
    """Messages put together from the parts of the templates, no two alike; the same for the same seed."""
    given = tomllib.loads((folder / "templates" / f"{language}.toml").read_text(encoding="utf-8"))
    random = Random(f"{seed} {language}")
    frames = [
        (frame["kind"], frame.get("traits", ""), part) for frame in given["frames"] for part in frame["parts"]
    ]
    by_kind = {kind: [each for each in frames if each[0] == kind] for kind in POLARITY_OF}
    found: dict[str, ServiceMessage] = {}
    while len(found) < number:
        kind = random.choices(list(TEMPLATE_SHARES), list(TEMPLATE_SHARES.values()))[0]
        _, traits, part = random.choice(by_kind[kind])
        message = _fill_template(language, kind, traits, part, given, random)
        found.setdefault(message.text, message)
    return list(found.values())


def _fill_template(
    language: str, kind: str, traits: str, part: str, given: dict[str, list[str]], random: Random
) -> ServiceMessage:
    words = {
        "number": str(random.randint(1_000, 99_999)), "number2": str(random.randint(2, 6)),
        "ordinal": random.choice(ORDINALS[language]), "day": random.choice(DAYS[language]),
    }  # fmt: skip
    aspects: dict[str, int] = {}
    cause = "-"
    for name in ("failure", "failure2", "success", "success2", "thing", "action"):
        if f"{{{name}}}" not in part and f"{{{name.capitalize()}}}" not in part:
            continue
        *about, said = random.choice(
            given[f"{name.rstrip('2')}{'es' if name.startswith('success') else 's'}"]
        ).split("|")
        words[name] = said
        if kind != "question" and name == "failure" and kind == "complaint":
            cause = about[1]
        sign = 1 if kind in ("question", "remark") else 0 if name.startswith("failure") else 2
        aspects.setdefault(about[0], sign)
    words |= {name.capitalize(): said[0].upper() + said[1:] for name, said in words.items()}
    return ServiceMessage(
        language, "templates", "templates", kind, tuple(aspects.items()), "-", cause, frozenset(traits.split()),
        part.format_map(words),
    )  # fmt: skip


def read_go_emotions(data: Path, split: str) -> tuple[list[str], Floats, list[str]]:
    """Texts, labels (one column each) and the names of the 28 labels."""
    labels = (data / "goemotions" / "labels.txt").read_text().split()
    rows = _read_lines(data / "goemotions" / f"{split}.tsv")
    targets = np.zeros((len(rows), len(labels)), np.float32)
    for number, row in enumerate(rows):
        targets[number, [int(each) for each in row[1].split(",")]] = 1
    return [row[0] for row in rows], targets, labels


def group_labels(targets: Floats, labels: list[str], groups: dict[str, str]) -> Floats:
    """Labels of a coarser set: a group holds where any of its labels does."""
    return np.stack(
        [
            targets[:, [labels.index(each) for each in listed.split()]].max(axis=1)
            for listed in groups.values()
        ],
        axis=1,
    )


def read_xed(data: Path, language: str, split: str = "") -> tuple[list[str], Floats]:
    """Lines of films with their emotions, one column each.

    The set has no official split: `test` is the fifth of the lines whose hash says so, `train` the others.
    """
    file = "AnnotatedData/en-annotated.tsv" if language == "en" else f"Projections/{language}-projections.tsv"
    rows = [row for row in _read_lines(data / "xed" / file) if len(row) == 2 and row[1]]
    if split:
        rows = [row for row in rows if (zlib.crc32(row[0].encode()) % 5 == 0) == (split == "test")]
    targets = np.zeros((len(rows), len(XED_LABELS)), np.float32)
    for number, row in enumerate(rows):
        targets[number, [int(each) - 1 for each in row[1].split(",")]] = 1
    return [row[0] for row in rows], targets


def find_xed_polarity(targets: Floats) -> np.ndarray:
    """0 where only negative emotions are there, 2 where only positive ones, -1 else."""
    by_name = {name: targets[:, number] > 0 for number, name in enumerate(XED_LABELS)}
    positive = by_name["joy"] | by_name["trust"]
    negative = by_name["anger"] | by_name["disgust"] | by_name["fear"] | by_name["sadness"]
    return np.where(positive & ~negative, 2, np.where(negative & ~positive, 0, -1))


def read_neutral_lines(data: Path) -> list[str]:
    """English lines of films without emotion."""
    return [row[1] for row in _read_lines(data / "xed" / "AnnotatedData" / "neu_en.txt")]


def read_intents(data: Path, name: str, split: str) -> tuple[list[str], list[str]]:
    """Texts and intents of BANKING77 or CLINC150."""
    rows = _read_lines(data / name / f"{split}.tsv")
    return [row[1] for row in rows], [row[0] for row in rows]


def read_restaurants(data: Path, split: str) -> list[tuple[str, dict[str, int]]]:
    """Sentences of MAMS-ACSA with the polarity of each aspect."""
    tree = ElementTree.parse(data / "mams" / f"acsa_{split}.xml")
    found = []
    for sentence in tree.getroot():
        opinions = {}
        for each in sentence.find("aspectCategories") or ():
            aspect = each.get("category", "")
            opinions["other" if aspect == "miscellaneous" else aspect] = {
                "negative": 0, "neutral": 1, "positive": 2,
            }[each.get("polarity", "")]  # fmt: skip
        found.append((sentence.findtext("text") or "", opinions))
    return found


def read_conversations(data: Path) -> list[dict]:
    """Conversations of BETOLD with a phone bot: events and whether the person left."""
    return json.loads((data / "betold" / "BETOLD_valid.json").read_text())


def mark_aspects(messages: Iterable[ServiceMessage]) -> Floats:
    """Which aspects each message speaks of."""
    rows = [
        [float(any(each == aspect for each, _ in message.aspects)) for aspect in ASPECTS]
        for message in messages
    ]
    return np.array(rows, np.float32).reshape(-1, len(ASPECTS))


def mark_parties(parties: Iterable[str]) -> Floats:
    """Whom each message blames: one of the parties or none (the last column)."""
    listed = [PARTIES.index(each) if each in PARTIES else len(PARTIES) for each in parties]  # type: ignore[arg-type]
    return np.eye(len(PARTIES) + 1, dtype=np.float32)[listed]


def _read_lines(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t") for line in lines if line.strip()]
