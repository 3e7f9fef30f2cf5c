"""One spelling for every way of writing a word. Training and serving read text through this file and no other.

A word ends as its skeleton: lower-case Latin letters without doubled ones, the same for `счёт`, `СЧЕТ`, `s c h e t`,
`cчeт` with Latin letters in it, `счет` with zero-width spaces inside, and transliterated `schet`; Ukrainian and Russian
spellings of one root meet in it as well (`сервіс`, `сервис`, `servis`). A skeleton is for comparing, not for reading.
"""

import re
import unicodedata

INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
"""Format characters, joiners, direction marks, variation selectors and (after NFKC) stacked or stress marks."""

_CYRILLIC_AS_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "e", "ж": "zh", "з": "z",
    "и": "i", "і": "i", "ї": "i", "й": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ў": "u", "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "",
    "ы": "i", "ь": "", "э": "e", "ю": "iu", "я": "ia",
}  # fmt: skip
SINGLE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz") | frozenset(_CYRILLIC_AS_LATIN.values()) - {""}
"""Skeletons that one letter can have."""

_TRANSLITERATE = str.maketrans({**_CYRILLIC_AS_LATIN, **dict.fromkeys("'’ʼ`´-‐‑‒–—_.·*~^", "")})
# How one sound is spelled by people who write Russian or Ukrainian in Latin letters; English words go the same way,
# which does no harm, as long as every word goes it.
_LATIN_SPELLINGS = (("shch", "sch"), ("shh", "sch"), ("kh", "h"), ("ck", "k"), ("y", "i"), ("j", "i"), ("w", "v"))
_C_NOT_CH = re.compile("(?<!s)c(?!h)")
_DOUBLED = re.compile(r"(.)\1+")

# Letters that look alike in either case: what `clean` folded was often a capital (B is the Cyrillic В, H is Н).
_TO_CYRILLIC = str.maketrans("abcehikmnoprtuxyëïαεικνορτυχ", "авсенікмпоргтихуёїаеіквортух")
_TO_LATIN = str.maketrans("авсенікмпоргтихуёїјѕԁԛԝһαβεηικνορτυχω", "abcehikmnoprtuxyeijsdqwhabenikvoptuxw")
_CYRILLIC = re.compile("[\u0400-\u052f]")
_CYRILLIC_ONLY = re.compile("[бгґджзилйпфцчшщъыьэюяєєёв]")
_LATIN = re.compile("[a-zα-ω]")
_LATIN_ONLY = re.compile("[bdfghijlqrsvwz]")
_LEET = str.maketrans("013456@$", "oieasbas")
_LEET_CYRILLIC = str.maketrans("0346@$", "озчбас")
_LEET_WORD = re.compile(r"[^\W\d_][013456@$*]+[^\W\d_]")

_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_][ \t.\-_*·]{1,2}){3,}[^\W\d_](?!\w)")
_GAPS = re.compile(r"[ \t.\-_*·]")


def clean(text: str) -> str:
    """Compatibility forms resolved, invisible characters gone, case folded. Line ends stay."""
    if text.isascii():
        return text.lower()
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    if INVISIBLE.search(text):
        text = INVISIBLE.sub("", text)
    return text.casefold()


def unspaced(text: str) -> str:
    """`п р и в е т`, `с.ч.ё.т` -> `привет`, `счёт`; two spaces or more may part such words."""
    return _SPACED.sub(lambda match: _GAPS.sub("", match[0]), text)


def one_script(word: str) -> str:
    """A word of mixed Latin and Cyrillic (or Greek) letters, in the script that its unmistakable letters are in."""
    if not _LATIN.search(word) or not _CYRILLIC.search(word):
        return word
    latin, cyrillic = len(_LATIN.findall(word)), len(_CYRILLIC.findall(word))
    only_latin, only_cyrillic = len(_LATIN_ONLY.findall(word)), len(_CYRILLIC_ONLY.findall(word))
    if (only_cyrillic, cyrillic) >= (only_latin, latin):
        return word.translate(_TO_CYRILLIC)
    return word.translate(_TO_LATIN)


def skeleton(word: str) -> str:
    """The comparing form of one word as `clean` left it: see the top of this file. May be empty (`ь`, `'`)."""
    if not word.isascii():
        word = one_script(word)
    if _LEET_WORD.search(word):
        word = word.translate(_LEET_CYRILLIC if _CYRILLIC.search(word) else _LEET)
    return plain_skeleton(word)


def plain_skeleton(word: str) -> str:
    """`skeleton` of a word that has lower-case letters of one script and no digits in it. Of several such words with a
    line end between each: the skeletons, likewise, for a fifth of the cost.
    """
    word = word.translate(_TRANSLITERATE)
    for spelling, plain in _LATIN_SPELLINGS:
        if spelling in word:
            word = word.replace(spelling, plain)
    if "c" in word:
        word = _C_NOT_CH.sub("k", word)
    return _DOUBLED.sub(r"\1", word)
