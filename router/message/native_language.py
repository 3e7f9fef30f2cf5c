"""language.py in C: the same answers, at a fraction of the time. The code is in native/language.c.

Python says once what each letter is and which words are listed. A text with letters C does not know is Python's alone.
"""

import ctypes
import re
import weakref
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from string import ascii_lowercase

from router.message import language
from router.message.language import Weights
from router.native import LETTER_BYTES, function, letters
from router.vocabulary import UNDETERMINED

LETTERS = 0x530
"""C reads the letters below; the tables of words have no others."""
PUNCTUATION = range(0x2000, 0x2070)
SIGNS = (
    (0x20A0, 0x20CF),  # currencies
    (0xFE00, 0xFE0F),  # which picture of a sign is meant
    (0x1F300, 0x1FAFF),  # emoji
    (0x2116, 0x2116),  # №
    (0x2190, 0x245F),  # arrows, mathematics, technical signs
    (0x2500, 0x2775),
    (0x2794, 0x2BFF),
    (0xFEFF, 0xFEFF),
    (0xFFFC, 0xFFFD),
    (0xD800, 0xDFFF),  # what no text has; a mail may
    (0xE000, 0xF8FF),
    (0xE0020, 0xE007F),
)
"""First and last of the ranges that have neither letters nor digits, white space or edges of words: unread, but no
reason to leave the text to Python."""


def _small_form(letter: str) -> str | None:
    """One letter that C reads; None where that cannot be told: of Σ it depends on what stands beside it."""
    small = letter.lower()
    return small if len(small) == 1 and small < chr(LETTERS) and f"a{letter}".lower() == f"a{small}" else None


FLAGS: tuple[Callable[[str], object], ...] = (
    str.isspace,
    str.isalpha,
    lambda one: one.isalnum() and not one.isdecimal(),
    frozenset(language._EDGES).__contains__,
    (language._MACHINE | {"."}).__contains__,
    frozenset("'’ʼ`-").__contains__,
    language._ASCII_LETTER.match,
    language._CYRILLIC_LETTER.match,
    frozenset(".!?:;\n()").__contains__,
    lambda one: one.isalnum() or one == "_",
    lambda one: one < chr(LETTERS) and _small_form(one) is None,
)
"""What C knows of a letter, in the order of its bits. The last: only Python can tell its small form."""

_LANGUAGES = 64
_CYRILLIC, _LATIN, _NOTHING, _OTHER = 0x100, 0x200, 0x300, 0x400
_NONE = 0xFF  # no language
_NO_MEMORY = -1


class _Alphabet(Structure):
    _fields_ = (
        ("flags", c_uint16 * LETTERS),
        ("punctuation", c_uint16 * len(PUNCTUATION)),
        *((name, c_uint16 * LETTERS) for name in ("lower", "to_latin", "to_cyrillic")),
        ("signs", c_uint32 * 2 * 16),
        *((name, c_uint32) for name in ("ranges", "most_characters", "most_words", "most_cyrillic_words")),
        ("plain", c_uint8 * LETTERS),
        ("is_common", c_uint8 * _LANGUAGES),
        *((name, c_uint32) for name in ("russian", "ukrainian", "bulgarian")),
    )


class NativeLanguage:
    """For one thread at a time: C keeps the words of a text where it had those of the last."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._detect = function(library, "language_detect", c_int, (c_void_p, c_char_p, c_uint32))
        self._kind = function(library, "language_kind", c_uint32, (c_void_p, c_uint32))
        tables = _tables()
        names = sorted({one for table in tables for _, weights in table for one, _ in weights} | {"bg"})
        assert len(names) <= _LANGUAGES, "native/language.c has room for so many"
        numbers = {name: number for number, name in enumerate(names)}
        at = function(library, "language_new", c_void_p, (POINTER(_Alphabet),))(byref(_alphabet(numbers)))
        if not at:
            raise MemoryError("no memory for telling languages")
        self._at: int = at
        weakref.finalize(self, function(library, "language_free", None, (c_void_p,)), at)
        arguments = (c_void_p, c_uint32, c_char_p, c_uint32, c_char_p, c_char_p, POINTER(c_double))
        teach = function(library, "language_table", c_int, arguments)
        for which, table in enumerate(tables):
            words = letters("".join(f"{word}\n" for word, _ in table))
            told = [vote for _, weights in table for vote in weights]
            counts = bytes(len(weights) for _, weights in table)
            languages = bytes(numbers[name] for name, _ in told)
            weights = (c_double * len(told))(*(weight for _, weight in told))
            said = teach(at, which, words, len(words) // LETTER_BYTES, counts, languages, weights)
            if said == _NO_MEMORY:
                raise MemoryError("no memory for telling languages")
            assert not said, "native/language.c has room for such tables"
        self._answers = {_NOTHING: (UNDETERMINED, "")}
        for script, name in ((_CYRILLIC, "cyrillic"), (_LATIN, "latin")):
            self._answers[script | _NONE] = UNDETERMINED, name
            for one, number in numbers.items():
                self._answers[script | number] = one.removesuffix("-latn"), name

    def detect(self, text: str) -> tuple[str, str] | None:
        """As `language.detect`, of a text that is cut already; None: Python is to be asked."""
        data = letters(text)
        said = self._detect(self._at, data, len(data) // LETTER_BYTES)
        if answer := self._answers.get(said):
            return answer
        if said == _OTHER:
            return language._other_language(text), "other"
        return None

    def kind(self, letter: str) -> int:
        """What C knows of a letter, a bit for each of FLAGS."""
        found: int = self._kind(self._at, ord(letter))
        return found


def _tables() -> tuple[list[tuple[str, Weights]], ...]:
    """In the order of C's names for them."""
    pieces: list[tuple[str, Weights]] = [
        (piece, ((one, 1.0 if one == "ru" else -1.0),)) for piece, one in language._PIECES.items()
    ]
    return (
        list(language._CYRILLIC.items()),
        list(language._LATIN.items()),
        list(language._CYRILLIC_LETTERS),
        list(language._LATIN_LETTERS),
        pieces,
    )


def _alphabet(numbers: dict[str, int]) -> _Alphabet:
    found = _Alphabet(
        ranges=len(SIGNS),
        most_characters=language.MAX_CHARACTERS,
        most_words=language.MAX_WORDS,
        most_cyrillic_words=language.MAX_CYRILLIC_WORDS,
        russian=numbers["ru"],
        ukrainian=numbers["uk"],
        bulgarian=numbers["bg"],
    )
    alphabet = [chr(number) for number in range(LETTERS)]
    flags = [flags_of(letter) for letter in alphabet]
    found.flags[:] = flags
    found.punctuation[:] = [flags_of(chr(number)) for number in PUNCTUATION]
    found.lower[:] = [ord(_small_form(letter) or "?") for letter in alphabet]
    found.to_latin[:] = [language._TO_LATIN.get(number, number) for number in range(LETTERS)]
    found.to_cyrillic[:] = [language._TO_CYRILLIC.get(number, number) for number in range(LETTERS)]
    found.plain[:] = [number if number < 128 else 0 for number in range(LETTERS)]
    for small in ascii_lowercase:
        for letter in re.findall(small, "".join(alphabet), re.IGNORECASE):
            found.plain[ord(letter)] = ord(small)
    for place, (first, last) in enumerate(SIGNS):
        found.signs[place][:] = [first, last]
    for name in language._COMMON:
        found.is_common[numbers[name]] = 1
    return found


def flags_of(letter: str) -> int:
    return sum(1 << bit for bit, has in enumerate(FLAGS) if has(letter))
