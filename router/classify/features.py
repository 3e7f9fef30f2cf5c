"""A mail as numbers: the feature code that training and serving share.

A mail is the set of its tokens. Each token carries hashed n-grams of its skeleton; a document's vector is, block by
block, the sum over its tokens, divided by a norm that is itself a sum over tokens. So a linear classifier's score is a sum of
one small vector a token, and these vectors can be remembered: a mail costs a look-up for each word.

Blocks (each with its own norm and its own features): `text_chars` n-grams of 2-5 characters inside `<word>`, `text_words` whole words and
five-letter stems, `text_pairs` pairs of neighbouring stems, and the same for the subject.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from router.classify.tokens import END, chunks_of, tokens_of

FEATURE_VERSION = 1
"""Goes up with any change of normalise.py, tokens.py or this file that changes a feature."""

HASH_BITS = 20
FEATURES = 1 << HASH_BITS
"""Hashed features of a block."""

NGRAMS = (2, 3, 4, 5)
STEM = 5

Indices: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]

_PRIME = np.uint64(1_099_511_628_211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - HASH_BITS)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)


def _bucket(hashes: Hashes) -> Indices:
    with np.errstate(over="ignore"):
        mixed = (hashes ^ (hashes >> np.uint64(29))) * _MIX
        return ((mixed ^ (mixed >> np.uint64(32))) * _MIX >> _SHIFT).astype(np.int64)


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """The features of several words. `chars` and `words`: bucket of each feature; `*_owner`: which word (0-based, rising) it
    belongs to; `stems`: one hash a word, of which pairs are made."""

    chars: Indices
    chars_owner: Indices
    words: Indices
    words_owner: Indices
    stems: Hashes


def word_features(words: Sequence[str]) -> WordFeatures:
    """Hashed features of each word, all in one pass. Equal for equal words, on any machine."""
    marked = [f"<{word}>" for word in words]
    letters = np.frombuffer("".join(marked).encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.uint64)
    lengths = np.fromiter(map(len, marked), dtype=np.int64, count=len(marked))
    owner = np.repeat(np.arange(len(words)), lengths)
    start = np.cumsum(lengths) - lengths
    plain = np.array([not word.startswith("=") for word in words], dtype=bool)
    buckets, owners = [], []
    with np.errstate(over="ignore"):
        rolling = letters.copy()
        for n in range(2, max(NGRAMS) + 1):
            if len(letters) < n:
                break
            rolling = rolling[:-1] * _PRIME + letters[n - 1 :]
            whole = (owner[: len(rolling)] == owner[n - 1 :]) & plain[owner[: len(rolling)]]
            if n in NGRAMS:
                buckets.append(_bucket(rolling[whole] + np.uint64(n)))
                owners.append(owner[: len(rolling)][whole])
        # whole words and stems: polynomial hash over all letters, by segment
        position = np.arange(len(letters)) - start[owner]
        powers = np.cumprod(np.full(int(lengths.max(initial=1)) + 1, _PRIME, dtype=np.uint64))
        terms = letters * powers[position]
        word_hash = np.add.reduceat(terms, start) if len(words) else np.zeros(0, np.uint64)
        in_stem = position <= STEM
        stem_hash = (
            np.add.reduceat(np.where(in_stem, terms, np.uint64(0)), start) if len(words) else np.zeros(0, np.uint64)
        )
    chars = np.concatenate(buckets) if buckets else np.zeros(0, np.int64)
    chars_owner = np.concatenate(owners) if owners else np.zeros(0, np.int64)
    order = np.argsort(chars_owner, kind="stable")
    pair = np.stack([_bucket(word_hash + np.uint64(77)), _bucket(stem_hash + np.uint64(78))], axis=1).reshape(-1)
    return WordFeatures(chars[order], chars_owner[order], pair, np.repeat(np.arange(len(words)), 2), stem_hash)


def pair_features(stems: Hashes) -> Indices:
    """The distinct buckets of neighbouring stems; `stems` in the order of the text, 0 where a sentence ends."""
    if len(stems) < 2:
        return np.zeros(0, np.int64)
    left, right = stems[:-1], stems[1:]
    both = (left != 0) & (right != 0)
    with np.errstate(over="ignore"):
        return np.unique(_bucket(left[both] * _PAIR + right[both]))


def tokens(text: str) -> list[str]:
    """The tokens of a text in order; END after each sentence and line."""
    found: list[str] = []
    for line in chunks_of(text):
        for chunk in line:
            found.extend(tokens_of(chunk))
        if found and found[-1] != END:
            found.append(END)
    return found


def vocabulary(documents: Iterable[Sequence[str]]) -> dict[str, int]:
    """Each distinct token but END, numbered in the order of first sight."""
    numbers: dict[str, int] = {}
    for document in documents:
        for token in document:
            if token != END and token not in numbers:
                numbers[token] = len(numbers)
    return numbers
