"""A mail as numbers: the feature code that training and serving share.

A mail is a list of tokens, subject first. Each token carries hashed n-grams of its skeleton and the concepts it stands
for, each place of the text what two neighbours say together; a mail's vector is a sum over its distinct tokens and its
places, divided by its length, whose square is itself such a sum. So a linear classifier's score is a sum of one small
vector a token and a place, and a token's can be remembered: a mail costs a look-up for each word. Of a sentence every
token counts, however often.

Blocks: `chars` n-grams of 2-5 characters inside `<word>`; `words` whole words and five-letter stems; `concepts`
(lexicon.py); `pairs` of neighbouring stems; `concept_pairs`: two concepts that follow each other in a sentence, with at
most one other between them.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from router.classify.lexicon import Lexicon
from router.classify.normalise import unspaced
from router.classify.tokens import END, chunks_of, has_spaced_letters, tokens_of
from router.frozen import dataclass

FEATURE_VERSION = 6
"""Goes up with any change of normalise.py, tokens.py or this file that changes a feature."""

HASH_BITS = 19
FEATURES = 1 << HASH_BITS
"""Hashed features of a block."""

TOKEN_BLOCKS = ("chars", "words", "concepts")
"""Blocks whose features belong to one token each."""
PLACE_BLOCKS = ("pairs", "concept_pairs")
"""Blocks whose features belong to a place of the text."""

BLOCKS = (*TOKEN_BLOCKS, *PLACE_BLOCKS)

NGRAMS = (2, 3, 4, 5)
STEM = 5

Indices: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]

_PRIME = np.uint64(1_099_511_628_211)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - HASH_BITS)
_PAIR = np.uint64(0xC2B2AE3D27D4EB4F)
_CONCEPTS = 256
_SALT = np.array([77, 78], dtype=np.uint64)
_POWERS: Hashes = np.asarray(np.cumprod(np.full(64, _PRIME, dtype=np.uint64)), dtype=np.uint64)
_LENGTHS = np.array(NGRAMS)
_LONGEST = max(NGRAMS)
_WEIGHTS = np.array(
    [[pow(int(_PRIME), n - 1 - k, 1 << 64) if k < n else 0 for n in NGRAMS] for k in range(_LONGEST)], dtype=np.uint64
)
"""What each letter of a window counts in the hash of the n-gram that begins the window: (letters, NGRAMS)."""
_SIZES = np.array(NGRAMS, dtype=np.uint64)
_29, _32 = np.uint64(29), np.uint64(32)


def _bucket(hashes: Hashes) -> Indices:
    """Writes over `hashes`."""
    hashes ^= hashes >> _29
    hashes *= _MIX
    hashes ^= hashes >> _32
    hashes *= _MIX
    hashes >>= _SHIFT
    return hashes.view(np.int64)


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """The features of several tokens.

    buckets, owner: by block, each feature's bucket and which token (0-based, rising) it belongs to. stems: one hash a
    token, of which pairs are made. concepts: the first concept of each token, 0 for none.
    """

    buckets: dict[str, Indices]
    owner: dict[str, Indices]
    stems: Hashes
    concepts: NDArray[np.int64]


def word_features(words: Sequence[str], lexicon: Lexicon) -> WordFeatures:
    """Hashed features of each token, all in one pass. Equal for equal tokens, on any machine."""
    hashed = hashes_of(words)
    concepts = [lexicon.concepts(word) for word in words]
    owner = np.repeat(np.arange(len(words)), hashed.lengths)
    return WordFeatures(
        {
            "chars": hashed.chars[hashed.there],
            "words": hashed.words.reshape(-1),
            "concepts": np.array([one for found in concepts for one in found], dtype=np.int64),
        },
        {
            "chars": np.repeat(owner, hashed.there.sum(axis=1)),
            "words": np.repeat(np.arange(len(words)), 2),
            "concepts": np.repeat(np.arange(len(words)), [len(found) for found in concepts]),
        },
        hashed.stems,
        np.array([found[0] if found else 0 for found in concepts], dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class Hashed:
    """Letters of all words, one after the other, each word as `<word>`.

    chars: (letters, NGRAMS) bucket of the n-gram that begins at a letter. there: the same shape, whether one does.
    words: (words, 2) bucket of the word and of its stem. start, lengths: of each word in the letters. stems: as in
    WordFeatures.
    """

    chars: Indices
    there: NDArray[np.bool_]
    words: Indices
    start: Indices
    lengths: Indices
    stems: Hashes


def hashes_of(words: Sequence[str]) -> Hashed:
    """What is hashed of some words (one at least), in few steps for all of them: a mail brings but a few new ones."""
    text = f"<{'><'.join(words)}>"
    data = text.encode("utf-32-le", "replace")
    # four letters more, so that a window begins at each
    letters = np.frombuffer(data + bytes(4 * _LONGEST), dtype=np.uint32).astype(np.uint64)
    count = len(text)
    windows: Hashes = np.ndarray((count, _LONGEST), np.uint64, letters, strides=letters.strides * 2)
    letters = letters[:count]
    lengths = np.array([len(word) + 2 for word in words])
    start = lengths.cumsum() - lengths
    position = np.arange(count) - start.repeat(lengths)
    # how long an n-gram may be that begins here; classes have none
    room = np.array([0 if word[0] == "=" else len(word) + 2 for word in words]).repeat(lengths) - position
    chars = windows @ _WEIGHTS
    chars += _SIZES
    # a word's own hash: its letters times powers of the prime, summed; a stem's: the same over its first letters
    terms = np.empty((2, count), dtype=np.uint64)
    np.multiply(letters, _powers(int(lengths.max())).take(position), out=terms[0])
    np.multiply(terms[0], position <= STEM, out=terms[1])
    sums = np.add.reduceat(terms, start, axis=1)
    return Hashed(_bucket(chars), room[:, None] >= _LENGTHS, _bucket(sums.T + _SALT), start, lengths, sums[1])


def ngram_bucket(gram: str) -> int:
    """The bucket of one n-gram of `<word>`, worked out letter by letter; `hashes_of` does it for whole mails."""
    value = 0
    for letter in gram:
        value = (value * int(_PRIME) + ord(letter)) % (1 << 64)
    return int(_bucket(np.array([(value + len(gram)) % (1 << 64)], dtype=np.uint64))[0])


def _powers(longest: int) -> Hashes:
    if longest < len(_POWERS):
        return _POWERS
    return np.asarray(np.cumprod(np.full(longest + 1, _PRIME, dtype=np.uint64)), dtype=np.uint64)


def size_of(block: str) -> int:
    """How many features a block can have."""
    return _CONCEPTS * _CONCEPTS if block.startswith("concept") else FEATURES


def pair_buckets(stems: Hashes) -> tuple[Indices, NDArray[np.bool_]]:
    """Neighbouring stems: for each place but the first the bucket of its stem and the one before, and whether both are
    stems. stems: in the order of the text, 0 at an END.
    """
    pairs = stems[:-1] * _PAIR
    pairs += stems[1:]
    words = stems.astype(bool)
    return _bucket(pairs), words[:-1] & words[1:]


def concept_buckets(concepts: Indices) -> list[tuple[Indices, Indices]]:
    """Concept pairs, next to each other and with one between: their buckets, and where the second stands.

    concepts: one a token in the order of the text, 0 for none, -1 at an END.
    """
    where = concepts.nonzero()[0]
    kept = concepts[where]
    words = kept > 0
    near = words[:-1] & words[1:]
    found = []
    for back, together in ((1, near), (2, near[:-1] & near[1:])):
        chosen = together.nonzero()[0]
        found.append((kept[chosen] * _CONCEPTS + kept[chosen + back], where[chosen + back]))
    return found


def tokens(subject: str, text: str) -> list[str]:
    """The tokens of a mail in order; END after each sentence and line, but never first and never twice in a row."""
    found: list[str] = []
    for part in (subject, text):
        lines = _tokens(chunks_of(part))
        found.extend(_tokens(chunks_of(unspaced(part))) if has_spaced_letters(lines) else lines)
    return [token for token, before in zip(found, [END, *found], strict=False) if token != END or before != END]


def _tokens(lines: Iterable[Iterable[str]]) -> list[str]:
    found: list[str] = []
    for line in lines:
        for chunk in line:
            found.extend(tokens_of(chunk))
        found.append(END)
    return found


def segments(documents: Iterable[Sequence[str]]) -> tuple[list[list[str]], list[int]]:
    """Every mail's sentences, and which mail (0-based) each is of. Sentences of less than SHORTEST words join the
    next.
    """
    found: list[list[str]] = []
    owner: list[int] = []
    for number, document in enumerate(documents):
        begun: list[str] = []
        for token in document:
            begun.append(token)
            if token == END and len(begun) > SHORTEST:
                found.append(begun)
                owner.append(number)
                begun = []
        if begun or not owner or owner[-1] != number:
            found.append(begun or [END])
            owner.append(number)
    return found, owner


SHORTEST = 3
"""Tokens of the shortest sentence that is looked at by itself."""


MARKS = ("=url", "=host", "=mail", "=http", "=date", "=money", "=3", "=4", "=5", "=6", "=?", "=!", "=q")
"""Classes of tokens whose presence belongs to a mail's shape."""

SHAPE = 12
"""Numbers of a mail's shape."""

_USUAL_LENGTH = 3.5


def shape_of(words: int, ends: int, marks: Collection[str]) -> list[float]:
    """What a mail looks like, whatever its words: length, and whether it names an address, an error's number, a date …

    words: tokens but END. ends: sentences and lines. marks: which of MARKS it holds. A report of ten words without a
    name or number is vague in any language.
    """
    length = math.log1p(words) - _USUAL_LENGTH
    return [
        length,
        length * length,
        float("=url" in marks or "=host" in marks),
        *(float(one in marks) for one in ("=http", "=mail", "=date", "=money", "=?", "=!", "=q")),
        float(any(one in marks for one in ("=3", "=4", "=5", "=6"))),
        float(ends > 4),
    ]


def shapes(documents: Iterable[Sequence[str]]) -> NDArray[np.float64]:
    """`shape_of` every document, (documents, SHAPE)."""
    found = []
    for document in documents:
        ends = document.count(END)
        found.append(shape_of(len(document) - ends, ends, set(document).intersection(MARKS)))
    return np.array(found).reshape(len(found), SHAPE)


def vocabulary(documents: Iterable[Sequence[str]]) -> dict[str, int]:
    """Each distinct token but END, numbered in the order of first sight."""
    numbers: dict[str, int] = {}
    for document in documents:
        for token in document:
            if token != END and token not in numbers:
                numbers[token] = len(numbers)
    return numbers
