"""text.py's HTML scanner in C: the same text at a fraction of the time. The code is in native/html.c.

Python says once what each element is and what character references mean. Whether attributes or a style sheet hide
something is asked back where they might. What C does not read is Python's alone.
"""

import codecs
import ctypes
import html
import sys
import weakref
from collections.abc import Callable
from ctypes import POINTER, Structure, c_char_p, c_int, c_uint32, c_void_p, string_at
from html.entities import html5

from router.message import text as texts
from router.message.text import Seen
from router.native import LETTER_BYTES, function, letters, marked

ELEMENTS = (
    texts._VOID,
    texts._RAW,
    texts._DROPPED,
    texts._SPACED,
    texts._BLOCK,
    texts._CLOSED_BY_ITSELF,
    texts._CELLS,
    frozenset({"br"}),
    frozenset({"p"}),
    frozenset({"style"}),
    frozenset({"blockquote"}),
    frozenset({"pre"}),
)
"""What C knows of an element, in the order of its bits."""

_NUMBERS = 160
_START, _NOT_MINE, _DONE, _ASK_ATTRIBUTES = -1, -1, 0, 1
_decode = codecs.utf_32_le_decode if sys.byteorder == "little" else codecs.utf_32_be_decode


class _Shown(Structure):
    _fields_ = (
        ("text", c_void_p),
        *((name, c_uint32) for name in ("size", "hid_text", "full", "odd", "start", "stop")),
    )


class NativeHtml:
    """For one thread at a time: C keeps what it reads and what it found in one place."""

    def __init__(self, library: ctypes.CDLL) -> None:
        arguments = (c_uint32, c_uint32, c_char_p, POINTER(c_uint32))
        numbers = (c_uint32 * _NUMBERS)(*(ord(html.unescape(f"&#{number};") or "\0") for number in range(_NUMBERS)))
        at = function(library, "html_new", c_void_p, arguments)(
            texts.MAX_CHARACTERS, texts.MAX_TEXT_CHARACTERS, marked(f"[{texts.ORDINARY}]"), numbers
        )
        if not at:
            raise MemoryError("no memory for reading HTML")
        self._at: int = at
        weakref.finalize(self, function(library, "html_free", None, (c_void_p,)), at)
        teach = function(library, "html_element", c_int, (c_void_p, c_char_p, c_uint32, c_uint32))
        for name in sorted(frozenset().union(*ELEMENTS)):
            flags = sum(1 << bit for bit, names in enumerate(ELEMENTS) if name in names)
            assert not teach(at, letters(name), len(name), flags), "native/html.c has room for so many"
        names = letters("".join(f"{name}\n" for name in html5))
        meanings = (c_uint32 * (2 * len(html5)))(
            *(number for meaning in html5.values() for number in (ord(meaning[0]), ord(meaning[1:] or "\0")))
        )
        arguments_of_references = (c_void_p, c_char_p, c_uint32, POINTER(c_uint32))
        refer = function(library, "html_references", c_int, arguments_of_references)
        assert not refer(at, names, len(names) // LETTER_BYTES, meanings), "native/html.c has room for so many"
        self._shown: _Shown = function(library, "html_shown", POINTER(_Shown), (c_void_p,))(at).contents
        self._scan = function(library, "html_scan", c_int, (c_void_p, c_void_p, c_uint32, c_int))

    def seen(self, source: str) -> Seen | None:
        """As `text.from_html`, of a source that is cut already; None: Python is to be asked."""
        return self.scanned(letters(source), len(source), lambda start, stop: source[start:stop])

    def scanned(self, source: bytes | int, size: int, letters_of: Callable[[int, int], str]) -> Seen | None:
        """The same, of letters as C takes them. letters_of: of this source, from and to where."""
        said = self._scan(self._at, source, size, _START)
        shown = self._shown
        if said != _DONE:
            scanner = texts._Scanner("")  # it remembers what style sheets hide
            while said > _DONE:
                asked = letters_of(shown.start, shown.stop)
                answer = scanner.hides(asked) if said == _ASK_ATTRIBUTES else scanner.learns(asked)
                said = self._scan(self._at, source, size, answer)
            if said == _NOT_MINE:
                return None
        text, _ = _decode(string_at(shown.text, shown.size * LETTER_BYTES), "surrogatepass")
        if not shown.odd:
            return Seen(text, bool(shown.hid_text), bool(shown.full))
        clean = texts.plain(text)
        return Seen(clean.text, clean.hidden or bool(shown.hid_text), bool(shown.full))
