"""Text features: hashed word and character n-grams of a batch of messages, computed with whole-array operations.

Words and pairs of neighbouring words, words after a negation counted apart (Pang, Lee and Vaithyanathan 2002), and
character n-grams inside word boundaries, which survive typos and inflection. Feature hashing: Weinberger et al. 2009.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BUCKET_BITS = 20
BUCKETS = 1 << BUCKET_BITS
FIRST_WORD_BUCKET = BUCKETS // 2
"""Buckets from here on are words and pairs of words, those below are character n-grams."""
CHARACTER_NGRAMS = (3, 4, 5)
NEGATION_WORDS = 4
"""Words after a negation that it reverses, up to the next punctuation mark."""

_NEGATIONS = """
no not never none nobody nothing neither nor cannot cant wont dont didnt doesnt isnt wasnt arent werent couldnt
wouldnt shouldnt hasnt havent hadnt aint without hardly n't don't didn't doesn't isn't wasn't aren't weren't couldn't
wouldn't shouldn't hasn't haven't hadn't ain't can't won't
non nn mai nessun nessuno nessuna niente nulla senza né neanche nemmeno neppure
nunca sin nada ningún ninguna nadie jamás pas jamais rien aucun aucune sans não nem sem nenhum nenhuma
nicht kein keine keinen keiner nie ohne nichts
""".split()
_PUNCTUATION = ".,;:!?()…\n"

_ELIDED = "l|un|dell|all|dall|nell|sull|quest|quell|bell|tutt|c|d|s|m|t|n|v|j|qu|cos|com|dov|qual|anch|senz"
_WORD_OR_MARK = re.compile(
    r"https?://\S+|www\.\S+"
    r"|[\w.+-]+@[\w-]+\.[\w.-]*\w"
    r"|@\w+"
    r"|\d+(?:[.,:/]\d+)*"
    rf"|\b(?:{_ELIDED})'(?=[^\W\d])"
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"
    r"|[!?]{2,}|\.{2,}"
    r"|[^\w\s]"
)
_STRETCHED = re.compile(r"(.)\1{2,}")

_FACTOR = np.uint32(0x01000193)
_PAIR_FACTOR = np.uint32(0x9E3779B1)
_NEGATED = np.uint32(0x5BD1E995)
_SALTS = {"word": np.uint32(0x1B873593), "pair": np.uint32(0xCC9E2D51)}
_LONGEST_WORD = 64
_SPACE = 32


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Features of a batch, sorted by message and bucket.

    Attributes:
        messages: Index of the message of each feature.
        buckets: Its bucket, 0 to `BUCKETS` - 1.
        counts: How often it occurs in the message.
        size: Number of messages.
    """

    messages: NDArray[np.int64]
    buckets: NDArray[np.int64]
    counts: NDArray[np.int64]
    size: int

    def take(self, messages: NDArray[np.int64]) -> TextFeatures:
        """The features of some of the messages, ascending, which are counted from 0 again."""
        if messages.size == self.size:
            return self
        place = np.full(self.size, -1, np.int64)
        place[messages] = np.arange(messages.size)
        kept = place[self.messages] >= 0
        return TextFeatures(place[self.messages[kept]], self.buckets[kept], self.counts[kept], messages.size)


def count_features(texts: Sequence[str]) -> TextFeatures:
    """The features of each text, and how often each occurs."""
    messages, buckets = _find_occurrences(texts)
    keys, counts = np.unique(messages << BUCKET_BITS | buckets, return_counts=True)
    return TextFeatures(keys >> BUCKET_BITS, keys & (BUCKETS - 1), counts, len(texts))


def _find_occurrences(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The message and the bucket of every single occurrence of a feature."""
    listed = [_WORD_OR_MARK.findall(_normalise(text)) for text in texts]
    lengths = np.fromiter(map(len, listed), np.int64, len(listed))
    words = [_shape_word(word) for line in listed for word in line]
    if not words:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    message_of = np.repeat(np.arange(len(texts)), lengths)
    points = np.frombuffer((" " + " ".join(words) + " ").encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.flatnonzero(points == _SPACE)[:-1] + 1
    ends = np.flatnonzero(points == _SPACE)[1:]
    hashes = _hash_words(points, starts, ends)
    scope = _find_negated(hashes, message_of)
    pairs = np.flatnonzero(message_of[1:] == message_of[:-1])
    parts = [
        (_mix(np.where(scope, hashes ^ _NEGATED, hashes) ^ _SALTS["word"]), np.arange(hashes.size)),
        (_mix((hashes[pairs] * _PAIR_FACTOR + hashes[pairs + 1]) ^ _SALTS["pair"]), pairs),
        *_hash_characters(points, starts),
    ]
    buckets = np.concatenate([part[0] for part in parts]).astype(np.int64) & (FIRST_WORD_BUCKET - 1)
    buckets[: hashes.size + pairs.size] += FIRST_WORD_BUCKET
    return message_of[np.concatenate([part[1] for part in parts])], buckets


def _normalise(text: str) -> str:
    """Lower case and plain apostrophes."""
    return text.lower().replace("’", "'").replace("`", "'")


@lru_cache(maxsize=1 << 15)
def _shape_word(word: str) -> str:
    """The word as it is counted: numbers, addresses and handles are all the same."""
    first = word[0]
    if first.isdigit():
        return "0"
    if first == "@" and len(word) > 1:
        return "@"
    if "@" in word:
        return "@mail"
    if word.startswith(("http", "www.")) and len(word) > 4:
        return "@link"
    return _STRETCHED.sub(r"\1\1", word)[:_LONGEST_WORD] if len(word) > 2 else word


def _hash_words(
    points: NDArray[np.uint32], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint32]:
    powers = np.cumprod(np.concatenate(([np.uint32(1)], np.full(_LONGEST_WORD, _FACTOR))), dtype=np.uint32)
    places = np.repeat(ends, np.diff(np.append(starts, points.size)))
    distance = np.clip(places - 1 - np.arange(starts[0], points.size), 0, _LONGEST_WORD)
    weighted = points[starts[0] :] * powers[distance]
    weighted[points[starts[0] :] == _SPACE] = 0
    return np.add.reduceat(weighted, starts - starts[0], dtype=np.uint32)


def _hash_word(word: str) -> int:
    points = np.frombuffer(f" {word} ".encode("utf-32-le"), np.uint32)
    return int(_hash_words(points, np.array([1]), np.array([points.size - 1]))[0])


_NEGATION_HASHES = np.sort(np.array([_hash_word(word) for word in _NEGATIONS], np.uint32))
_MARK_HASHES = np.sort(np.array([_hash_word(mark) for mark in _PUNCTUATION], np.uint32))


def _find_negated(hashes: NDArray[np.uint32], message_of: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each word lies within the scope of a negation."""
    places = np.arange(hashes.size)
    negations = _is_in(hashes, _NEGATION_HASHES)
    barriers = _is_in(hashes, _MARK_HASHES)
    barriers[1:] |= message_of[1:] != message_of[:-1]
    last_negation = np.maximum.accumulate(np.where(negations, places, -BUCKETS))
    last_barrier = np.maximum.accumulate(np.where(barriers, places, -1))
    previous = np.concatenate(([-BUCKETS], last_negation[:-1]))
    is_first = np.concatenate(([False], message_of[1:] != message_of[:-1]))
    return (
        (places - previous <= NEGATION_WORDS)
        & (previous >= last_barrier)
        & ~negations
        & ~barriers
        & ~is_first
    )


def _is_in(values: NDArray[np.uint32], listed: NDArray[np.uint32]) -> NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(listed, values), listed.size - 1)
    found: NDArray[np.bool_] = listed[places] == values
    return found


def _hash_characters(
    points: NDArray[np.uint32], starts: NDArray[np.int64]
) -> list[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
    """Character n-grams inside " word ", each with the index of its word."""
    spaces = points == _SPACE
    word_of = np.cumsum(spaces) - 1
    parts = []
    hashes = points * np.uint32(1)
    for length in range(2, max(CHARACTER_NGRAMS) + 1):
        hashes = hashes[:-1] * _FACTOR + points[length - 1 :]
        if length not in CHARACTER_NGRAMS:
            continue
        first = np.arange(hashes.size)
        # A space may only be the first or the last character.
        inner = word_of[first + length - 2] - word_of[first]
        places = np.flatnonzero(inner == 0) if length > 2 else np.flatnonzero(~(spaces[:-1] & spaces[1:]))
        owner = np.minimum(word_of[places], starts.size - 1)
        parts.append((_mix(hashes[places] ^ np.uint32(length * 0x85EBCA6B & 0xFFFFFFFF)), owner))
    return parts


def _mix(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The finaliser of MurmurHash3, so that the low bits depend on all."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes = hashes * np.uint32(0x85EBCA6B)
    hashes = hashes ^ (hashes >> np.uint32(13))
    hashes = hashes * np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))
