"""Learnt perceiver: another perceiver with what this installation trained on its own labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.perception.intents import IntentModel
from consumer_fusion.perception.shipped_perceiver import LEAST_CONFIDENCE
from consumer_fusion.perception.staff_learning import apply_corrections, measure_messages
from consumer_fusion.records.perception import POLARITIES, ConsumerMessage, Perceiver, Perception


@dataclass(frozen=True)
class LearntPerceiver:
    """Reads messages as another perceiver does, then corrects outputs and names intents.

    Attributes:
        base: The other perceiver.
        corrections: Weights and biases of corrected outputs (`staff_learning`); None for none.
        intents: Model of the intents; None for none.
        id: Id of the base, with the hashes of what was learnt.
    """

    base: Perceiver
    corrections: Mapping[str, NDArray[Any]] | None
    intents: IntentModel | None
    id: str

    @property
    def languages(self) -> frozenset[str]:
        """The languages of the base."""
        return self.base.languages

    def perceive(self, batch: Sequence[ConsumerMessage]) -> Sequence[Perception]:
        """The perception of each message."""
        found = [replace(each, model=self._name_model(each)) for each in self.base.perceive(batch)]
        # Of what the base could not read there is nothing to correct.
        rows = [place for place, each in enumerate(found) if each.polarity]
        if not rows:
            return found
        texts = [batch[row].text for row in rows]
        if self.corrections:
            features = measure_messages(texts, [found[row] for row in rows])
            corrected = apply_corrections(self.corrections, features)
            for place, row in enumerate(rows):
                found[row] = _correct(found[row], {name: read[place] for name, read in corrected.items()})
        if self.intents is not None:
            for row, (intent, unusual) in zip(rows, self.intents.name_intents(texts), strict=True):
                found[row] = replace(found[row], intent=intent, out_of_scope=unusual)
        return found

    def _name_model(self, perception: Perception) -> str:
        # A base that fell back to another model says so in its output.
        return self.id if perception.model == self.base.id else perception.model


def _correct(perception: Perception, read: Mapping[str, NDArray[np.float64]]) -> Perception:
    changes: dict[str, Any] = {name: float(values[0]) for name, values in read.items() if name != "polarity"}
    polarity = dict(perception.polarity)
    if "polarity" in read:
        polarity = dict(zip(POLARITIES, read["polarity"].tolist(), strict=True))
        changes |= {"polarity": polarity, "abstained": max(polarity.values()) < LEAST_CONFIDENCE}
    has_failed = (changes.get("failure", perception.failure) or 0.0) >= LEAST_CONFIDENCE
    severity = polarity["negative"] * (0.5 + 0.5 * (perception.harshness or 0.0)) if has_failed else 0.0
    return replace(perception, **changes, severity=round(severity, 4))
