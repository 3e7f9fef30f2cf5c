"""What body.py asks of the bytes of a text, in C: decoded, cleaned and searched at once. The code is in native/text.c.

Only what is well written is read there (and HTML then by native/html.c); None: Python is to be asked.
"""

import codecs
import ctypes
import sys
import weakref
from ctypes import POINTER, Structure, c_char, c_char_p, c_int, c_uint8, c_uint16, c_uint32, c_void_p
from functools import lru_cache

from router.message import body, charset
from router.message import text as texts
from router.message.native_html import NativeHtml
from router.message.text import Seen
from router.native import LETTER_BYTES, function, letters, marked

_TRANSFERS = {"": 0, "7bit": 0, "8bit": 0, "binary": 0, "base64": 1, "quoted-printable": 2}
_NOT_MINE, _ODD = -1, 1
_decode = codecs.utf_32_le_decode if sys.byteorder == "little" else codecs.utf_32_be_decode


class _Charset(Structure):
    _fields_ = (("letters", c_uint16 * 128), ("common", c_uint8 * 128))


class _Read(Structure):
    _fields_ = (("letters", c_void_p), ("size", c_uint32))


class NativeText:
    """For one thread at a time: C keeps what it read until it reads again.

    data, transfer, declared: the body of a part, its Content-Transfer-Encoding and its charset, as they stand.
    """

    def __init__(self, library: ctypes.CDLL, reader: NativeHtml) -> None:
        assert body.MAX_PART_BYTES <= texts.MAX_CHARACTERS, "no text that is read here is cut"
        arguments = (c_uint32, c_char_p, c_char_p)
        ordinary, of_words = marked(f"[{texts.ORDINARY}]"), marked(body.LETTER)
        at = function(library, "text_new", c_void_p, arguments)(body.MAX_PART_BYTES, ordinary, of_words)
        if not at:
            raise MemoryError("no memory for reading texts")
        self._at: int = at
        weakref.finalize(self, function(library, "text_free", None, (c_void_p,)), at)
        arguments_of_read = (c_void_p, c_char_p, c_uint32, c_int, c_char_p, c_int)
        self._read = function(library, "text_read", c_int, arguments_of_read)
        self._agrees = function(library, "text_agrees", c_int, (c_void_p, c_char_p, c_uint32))
        self._found: _Read = function(library, "text_letters", POINTER(_Read), (c_void_p,))(at).contents
        kept = (c_char * (body.MAX_PART_BYTES * LETTER_BYTES)).from_address(self._found.letters)
        self._letters = memoryview(kept).cast("B")
        self._html = reader

    def plain(self, data: bytes, transfer: str, declared: str | None) -> Seen | None:
        """A plain text as a reader sees it."""
        said = self._said(data, transfer, declared, is_plain=True)
        if said == _NOT_MINE:
            return None
        text = self._text(0, self._found.size)
        return texts.plain(text) if said == _ODD else Seen(text)

    def html(self, data: bytes, transfer: str, declared: str | None) -> Seen | None:
        """An HTML text as a reader sees it."""
        if self._said(data, transfer, declared, is_plain=False) == _NOT_MINE:
            return None
        return self._html.scanned(self._found.letters, self._found.size, self._text)

    def agrees(self, plain: str, data: bytes, transfer: str, declared: str | None) -> bool | None:
        """As `body._agrees`: whether words of a plain text stand in the HTML source that `data` is."""
        if self._said(data, transfer, declared, is_plain=False) == _NOT_MINE:
            return None
        beginning = letters(plain[: body.COMPARED_CHARACTERS])
        said = self._agrees(self._at, beginning, len(beginning) // LETTER_BYTES)
        return None if said == _NOT_MINE else said > 0

    def _said(self, data: bytes, transfer: str, declared: str | None, *, is_plain: bool) -> int:
        kind, (is_known, table) = _TRANSFERS.get(transfer.lower()), _charset(declared)
        if kind is None or not is_known:
            return _NOT_MINE
        said: int = self._read(self._at, data, len(data), kind, table, is_plain)
        return said

    def _text(self, start: int, stop: int) -> str:
        return _decode(self._letters[start * LETTER_BYTES : stop * LETTER_BYTES])[0]


@lru_cache(maxsize=64)
def _charset(declared: str | None) -> tuple[bool, bytes | None]:
    """Whether C can tell the letters of a text that declares this, and what it is told of them if not UTF-8."""
    codec = charset.codec_of(declared)
    if codec in charset.SEVEN_BIT or codec in charset.WIDE or codec in charset.EAST_ASIAN:
        return False, None
    if codec not in charset.CYRILLIC:
        return True, None
    high = bytes(range(128, 256)).decode(codec, "replace")
    common = (c_uint8 * 128)(*(letter in charset._COMMON for letter in high))
    return True, bytes(_Charset((c_uint16 * 128)(*map(ord, high)), common))
