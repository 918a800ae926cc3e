"""Arrow batches of messages: the perceiver as a function over batches, as `mapInArrow` of Spark calls it.

```python
from consumer_fusion.perception.arrow_batches import PERCEIVED_SCHEMA, perceive_batches

perceived = messages.select("id", "text").mapInArrow(perceive_batches, "id string, " + PERCEIVED_SCHEMA)
```
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pyarrow as pa

from consumer_fusion.errors import InputError
from consumer_fusion.perception.shipped_perceiver import load_perceiver
from consumer_fusion.records.perception import POLARITIES, ConsumerMessage, Perception

_NUMBERS = ("irony", "dissatisfaction", "failure", "severity", "harshness", "repair")
PERCEIVED_SCHEMA = ", ".join(
    (
        "language string", "model string", "abstained boolean",
        *(f"{name} double" for name in (*POLARITIES, *_NUMBERS)), "aspects string", "blame string",
    )
)  # fmt: skip
"""The added columns in Spark's notation; aspects and blame are JSON lists with the places of their words."""


def perceive_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read the column `text` of batches; it is replaced by the columns of `PERCEIVED_SCHEMA`, all others are kept.

    Raises:
        InputError: A batch has no column `text`.
    """
    perceiver = load_perceiver()
    for batch in batches:
        if "text" not in batch.schema.names:
            raise InputError(
                f"The batch has the columns {', '.join(batch.schema.names)}, and no column text.",
                hint="Name the column with the words `text`.",
            )
        texts = batch["text"].to_pylist()
        found = perceiver.perceive([ConsumerMessage(text or "") for text in texts])
        kept = {name: batch[name] for name in batch.schema.names if name != "text"}
        yield pa.RecordBatch.from_pydict({**kept, **_lay_out(found)})


def _lay_out(found: list[Perception]) -> dict[str, pa.Array]:
    numbers: dict[str, list[float | None]] = {
        name: [each.polarity.get(name) for each in found] for name in POLARITIES
    }
    numbers |= {name: [getattr(each, name) for each in found] for name in _NUMBERS}
    return {
        "language": pa.array([each.language for each in found], pa.string()),
        "model": pa.array([each.model for each in found], pa.string()),
        "abstained": pa.array([each.abstained for each in found], pa.bool_()),
        **{name: pa.array(values, pa.float64()) for name, values in numbers.items()},
        "aspects": pa.array(
            [
                json.dumps(
                    [(a.aspect, a.polarity, a.probability, a.span.start, a.span.end) for a in each.aspects]
                )
                for each in found
            ],
            pa.string(),
        ),
        "blame": pa.array(
            [
                json.dumps([(b.party, b.probability, b.span.start, b.span.end) for b in each.blame])
                for each in found
            ],
            pa.string(),
        ),
    }
