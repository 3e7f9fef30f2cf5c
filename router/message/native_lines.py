"""lines.py in C: which lines the regular expressions of quoting and signature are to be asked of. See native/lines.c.

Python says once which letters are equal when case is ignored, and which words a line of each kind has.
"""

import ctypes
import re
import weakref
from collections.abc import Iterator
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_uint8, c_uint32, c_void_p

from router.message import attribution, signature
from router.message.lines import FIELD, LEGAL, POSTSCRIPT, RULED, SIGN_OFF
from router.native import LETTER_BYTES, function, letters

LETTERS = 0x530
"""Letters below stand in a table of C."""
ODD = (
    *(0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000),  # white space
    *range(0x1C80, 0x1C89),  # Cyrillic letters of old books
    *(0x212A, 0x212B),  # the signs for Kelvin and Ångström
)
"""Above, what is white space or may be a letter of a word when case is ignored; others are neither."""

_SPACE = 1
_BEGINNINGS, _NAMES, _PHRASES = range(3)
_ODD, _FEWEST = 64, 1_024


class _Classes(Structure):
    _fields_ = (("below", c_uint8 * LETTERS), ("odd", c_uint32 * 2 * _ODD), ("odds", c_uint32))


class NativeLines:
    """For one thread at a time."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._kinds = function(library, "lines_kinds", c_int, (c_void_p, c_char_p, c_uint32, c_void_p, c_uint32))
        self._class = function(library, "lines_class", c_uint32, (c_void_p, c_uint32))
        at = function(library, "lines_new", c_void_p, (POINTER(_Classes),))(byref(_classes()))
        if not at:
            raise MemoryError("no memory for telling lines")
        self._at: int = at
        weakref.finalize(self, function(library, "lines_free", None, (c_void_p,)), at)
        teach = function(library, "lines_word", c_int, (c_void_p, c_uint32, c_uint32, c_char_p, c_uint32))
        for which, kind, word in _words():
            assert not teach(at, which, kind, letters(word), len(word)), "native/lines.c has room for so many"
        self._room(_FEWEST)

    def kinds(self, text: str, count: int) -> bytes:
        """As `lines.kinds`, of a text of so many lines."""
        if count > self._most:
            self._room(count)
        data = letters(text)
        found = self._kinds(self._at, data, len(data) // LETTER_BYTES, self._into, count)
        assert found == count, "as many lines as it was cut into"
        return self._view[:count].tobytes()

    def letter_class(self, letter: str) -> int:
        """A number that letters have in common which are equal when case is ignored; 1: white space; 0: of no word."""
        found: int = self._class(self._at, ord(letter))
        return found

    def _room(self, count: int) -> None:
        self._most = count
        self._found = ctypes.create_string_buffer(count)
        self._into = ctypes.addressof(self._found)
        self._view = memoryview(self._found).cast("B")


def _words() -> Iterator[tuple[int, int, str]]:
    """(list, kinds of a line that has it, word)"""
    for kind, beginnings in (
        (RULED, attribution.FORWARD_BEGINNINGS),
        (SIGN_OFF, signature.SIGN_OFF_BEGINNINGS),
        (LEGAL, signature.LEGAL_BEGINNINGS),
        (POSTSCRIPT, signature.POSTSCRIPT_BEGINNINGS),
    ):
        for word in beginnings:
            yield _BEGINNINGS, kind, word
    for word in attribution.ROLE_OF:
        yield _NAMES, FIELD, word
    for word in attribution.ABOVE_THIS_LINE:
        yield _PHRASES, RULED, word


def _classes() -> _Classes:
    """Of every letter, which of the letters of the words it is when case is ignored; the same number for the same."""
    known = "".join(map(chr, (*range(LETTERS), *sorted(ODD))))
    classes = {one: _SPACE for one in known if one.isspace()}
    wanted = sorted({letter for _, _, word in _words() for letter in word} - classes.keys())
    for number, letter in enumerate(wanted, _SPACE + 1):
        equal = re.findall(re.escape(letter), known, re.IGNORECASE)
        number = next((classes[one] for one in equal if one in classes), number)
        classes |= dict.fromkeys(equal, number)
    found = _Classes(odds=len(ODD))
    found.below[:] = [classes.get(chr(number), 0) for number in range(LETTERS)]
    for place, number in enumerate(sorted(ODD)):
        found.odd[place][:] = [number, classes.get(chr(number), 0)]
    return found
