"""Learning store: models that an installation trained on its own labels."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.records.perception import LEARNT_MODELS
from consumer_fusion.storage.store import Session

LearntName = Literal["staff", "intents"]
Arrays = Mapping[str, NDArray[Any]]


def store_learnt(
    session: Session, name: LearntName, perceiver: str, arrays: Arrays, report: str, now_us: int
) -> str:
    """Store a model in place of the former one of its name.

    Returns:
        Hash of its weights.
    """
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    # Of the numbers, since the file has times in it.
    digest = hashlib.sha256()
    for key in sorted(arrays):
        digest.update(key.encode() + np.ascontiguousarray(arrays[key]).tobytes())
    short = digest.hexdigest()[:12]
    session.replace(
        LEARNT_MODELS, LEARNT_MODELS.column_names, [(name, perceiver, short, file.getvalue(), report, now_us)]
    )
    return short


def forget_learnt(session: Session, name: LearntName) -> bool:
    """Forget a model; returns whether there was one."""
    return session.delete(LEARNT_MODELS, {"name": name}) > 0


def list_learnt(session: Session, perceiver: str) -> dict[str, str]:
    """The hash of each model that was trained beside a perceiver, by name."""
    rows = session.read(LEARNT_MODELS, {"perceiver": perceiver}, columns=("name", "digest")).to_pylist()
    return {row["name"]: row["digest"] for row in rows}


def load_learnt(session: Session, name: LearntName, perceiver: str) -> dict[str, NDArray[Any]] | None:
    """The numbers of a model that was trained beside a perceiver; None where there is none."""
    rows = session.read(LEARNT_MODELS, {"name": name, "perceiver": perceiver}).to_pylist()
    if not rows:
        return None
    with np.load(io.BytesIO(rows[0]["weights"]), allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def read_report(session: Session, name: LearntName) -> str | None:
    """The report of the training of a model, as JSON; None where there is none."""
    rows = session.read(LEARNT_MODELS, {"name": name}, columns=("report",)).to_pylist()
    return rows[0]["report"] if rows else None
