"""Marked words: the parts of a message with the opinions and the blame that each says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.records.perception import Aspect, Party, Perception, Polarity


@dataclass(frozen=True, slots=True)
class MarkedSpan:
    """A part of a message.

    Attributes:
        text: Its words.
        said: Polarity of the surest opinion in it; None where it says none.
        opinions: Opinions on aspects in it, the surest first.
        blamed: Parties that it accuses.
    """

    text: str
    said: Polarity | None = None
    opinions: Sequence[tuple[Aspect, Polarity]] = ()
    blamed: Sequence[Party] = ()


def mark_words(text: str, perception: Perception) -> list[MarkedSpan]:
    """The message in parts, in order; together they are the message.

    Opinions are on clauses, which do not overlap; an opinion on the whole message is not marked.
    """
    marked = [each.span for each in perception.aspects] + [each.span for each in perception.blame]
    spans = {(each.start, each.end) for each in marked}
    parts: list[MarkedSpan] = []
    done = 0
    for start, end in sorted(spans):
        is_whole = start == 0 and end >= len(text) and len(spans) > 1
        if start < done or start >= end or is_whole:
            continue
        if start > done:
            parts.append(MarkedSpan(text[done:start]))
        here = [each for each in perception.aspects if (each.span.start, each.span.end) == (start, end)]
        parts.append(
            MarkedSpan(
                text[start:end],
                here[0].polarity if here else None,
                [(each.aspect, each.polarity) for each in here],
                [each.party for each in perception.blame if (each.span.start, each.span.end) == (start, end)],
            )
        )
        done = end
    if done < len(text):
        parts.append(MarkedSpan(text[done:]))
    return parts
