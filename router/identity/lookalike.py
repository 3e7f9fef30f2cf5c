"""Domains made to be mistaken for others: mixed scripts, letters that look alike, one off. A flag, never a match."""

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import idna

# Letters that look like a Latin one in common fonts, lower case (the usual ones of Unicode TR 39), then what a reader
# takes for one letter: rn, vv, cl, and the digits.
_ALIKE = str.maketrans(
    {
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "є": "e", "ғ": "f", "һ": "h", "н": "h", "і": "l", "ј": "j",
        "к": "k", "ӏ": "l", "м": "m", "п": "n", "о": "o", "р": "p", "ԛ": "q", "г": "r", "ѕ": "s", "т": "t", "ц": "u",
        "ѵ": "v", "ԝ": "w", "ѡ": "w", "х": "x", "у": "y", "ь": "b", "з": "3",
        "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "l", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "τ": "t", "υ": "u",
        "χ": "x", "γ": "y", "ω": "w", "σ": "o",
        "ɑ": "a", "ɡ": "g", "ı": "l", "i": "l", "1": "l", "0": "o", "5": "s", "ł": "l", "ø": "o", "đ": "d", "ħ": "h",
    }
)  # fmt: skip
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))
_COMMON = frozenset({"DIGIT", "HYPHEN-MINUS", "COMBINING", "FULL", "LOW"})
# Japanese and Korean are written in several scripts at once.
_TOGETHER = frozenset({"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "HANGUL", "LATIN"})


def readable(domain: str) -> str:
    """A domain with its A-labels as letters, where they can be decoded."""
    labels = []
    for label in domain.split("."):
        if label.startswith("xn--"):
            try:
                label = idna.decode(label)
            except (idna.IDNAError, UnicodeError):
                pass  # shown as it stands
        labels.append(label)
    return ".".join(labels)


def mixes_scripts(domain: str) -> bool:
    """Whether a label has letters of two scripts that no language writes together (`exаmple` with a Cyrillic а)."""
    for label in readable(domain).split("."):
        scripts = {unicodedata.name(one, "?").split(" ")[0] for one in label if not one.isascii() or one.isalpha()}
        scripts -= _COMMON
        if len(scripts) > 1 and not scripts <= _TOGETHER:
            return True
    return False


@lru_cache(maxsize=4_096)  # pure, 20 us, and asked for every mail
def skeleton(domain: str) -> str:
    """What a hurried reader sees: letters that look alike made the same, accents gone. Only to compare with another."""
    if domain.isascii() and "xn--" not in domain:  # nothing to decode, and no accents
        seen = domain.lower().translate(_ALIKE)
    else:
        plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", readable(domain)).casefold())
        seen = "".join(one for one in plain if unicodedata.category(one) != "Mn").translate(_ALIKE)
    for pair, letter in _PAIRS:
        seen = seen.replace(pair, letter)
    return seen


def resembles(domain: str, known: Iterable[str]) -> str | None:
    """The known domain that `domain` may be mistaken for, or None. One of `known`, or below one, is no look-alike.

    Alike: the same skeleton, a skeleton one edit away (of eight letters and more), or the known name in front of
    another (`desk.example.evil.example`).
    """
    own = tuple(known)
    dotted = f".{domain}"
    for one in own:
        if dotted.endswith(f".{one}"):
            return None
    seen = skeleton(domain)
    for one in own:
        meant = skeleton(one)
        if f".{meant}." in f".{seen}." or (len(meant) >= 8 and _one_edit_apart(seen, meant)):
            return one
    return None


def _one_edit_apart(one: str, other: str) -> bool:
    """One letter more, less, other, or two neighbours changed."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, rest_of_other = one[start:], other[start:]
    return (
        rest[1:] == rest_of_other
        or rest == rest_of_other[1:]
        or rest[1:] == rest_of_other[1:]
        or (len(rest) > 1 and rest[:2] == rest_of_other[1::-1] and rest[2:] == rest_of_other[2:])
    )
