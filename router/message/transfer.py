"""Content-Transfer-Encoding undone: what is broken is decoded as far as it goes, in linear time, and never raises."""

import binascii
import re

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOREIGN = bytes(set(range(256)) - set(_ALPHABET[:-1]))
_WHITE = b" \t\r\n\v\f"
_PADDING = re.compile(rb"=+")
_CR_SOFT_BREAK = re.compile(rb"=\r(?!\n)")


def transfer_decoded(data: bytes, encoding: str) -> bytes:
    """`data` without its transfer encoding. encoding: the field body, any letter case; unknown ones change nothing."""
    encoding = encoding.strip().strip('"').lower()
    if encoding == "base64":
        return base64_decoded(data) if _looks_like_base64(data) else data
    if encoding in ("quoted-printable", "quoted_printable", "qp"):
        return quoted_printable_decoded(data)
    return data


def base64_decoded(data: bytes) -> bytes:
    """Base64 with stray characters, missing padding, padding in the middle (texts glued together)."""
    try:
        decoded = binascii.a2b_base64(data)
    except binascii.Error:
        decoded = b""
    else:
        padding = data.find(b"=")
        if padding < 0 or not data[padding:].strip(b"=\r\n\t "):
            return decoded
    out = []
    for piece in _PADDING.split(data):
        letters = piece.translate(None, _FOREIGN)
        letters = letters[:-1] if len(letters) % 4 == 1 else letters
        out.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(out)


def quoted_printable_decoded(data: bytes) -> bytes:
    """Quoted-printable; a lone `=` or a bad pair stays as it is, 8-bit bytes pass."""
    return binascii.a2b_qp(_CR_SOFT_BREAK.sub(b"", data) if b"\r" in data else data)


def _looks_like_base64(data: bytes) -> bool:
    """Whether data can be base64 at all: text that only claims to be it has spaces and signs between its words."""
    sample = data[:8_192]
    foreign = sample.translate(None, _ALPHABET + _WHITE)
    spaces = sample.strip().count(b" ")
    return (len(foreign) + spaces) * 20 <= len(sample) + (40 if len(sample) >= 16 else 0)
