"""Run by test_native_text.py, in a process that has the address sanitizer: LIBRARY COUNT."""

import base64
import ctypes
import quopri
import random
import sys
from pathlib import Path

from router.message import body
from router.message import text as texts
from router.message.charset import CODECS
from router.message.content import Content
from router.message.entity import Entity
from router.message.native_html import NativeHtml
from router.message.native_text import NativeText

TRANSFERS = (
    "",
    "8bit",
    "7BIT",
    "base64",
    "Base64",
    "quoted-printable",
    "Quoted-Printable",
    '"base64"',
    "qp",
    "x",
    "binary",
)
CHARSETS = (None, "utf-8", "UTF-8", "us-ascii", "iso-8859-1", "windows-1251", "koi8-r", "KOI8-U", "cp866", *CODECS)
PIECES = [
    *(
        "Добрый день",
        "сайт не працює",
        "hello there",
        "not working",
        "пароль",
        "страница",
        "ґанок",
        "№ 5 — «да»",
        "x" * 40,
    ),
    *(
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        " ",
        "\t",
        "\x1b",
        "\0",
        "\u200b",
        "\ufeff",
        "\u00a0",
        "é",
        "ß",
        "и\u0306",
        "😀",
        "𝐀𝐁𝐂𝐃𝐄",
    ),
    *(
        "漢字",
        "=",
        "==",
        "=3D",
        "=20\n",
        "=\n",
        "=\r\n",
        "=\r",
        "=D0",
        "\u2028",
        "\uffff",
        "<p>",
        "</p>",
        "<div hidden>",
        "&amp;",
    ),
    *(
        "<style>.a{display:none}</style>",
        "<i class=a>",
        "QUJD",
        "QUI=",
        "QQ==",
        "A",
        "-- \n",
        "begin 644 x\n",
        "\U0010ffff",
    ),
]
ENCODINGS = (
    "utf-8",
    "utf-8",
    "utf-8",
    "cp1251",
    "koi8-u",
    "koi8-r",
    "cp866",
    "iso8859-5",
    "mac-cyrillic",
    "utf-16",
    "cp1252",
)
BYTES = [
    b"\x1b$B$3$s\x1b(B",
    b"\x1b(",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xd0",
    b"\x98",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf0\x9f",
    b"\xe2\x82",
    b"=",
    b"\x80",
]


def drawn(draw: random.Random) -> Entity:
    """Some leaf as mail programs write it, or nearly."""
    text = "".join(draw.choices(PIECES, k=draw.choice((0, 1, 4, 12, 60))))
    data = text.encode(draw.choice(ENCODINGS), "ignore")
    if draw.random() < 0.2:
        at = draw.randrange(len(data) + 1)
        data = data[:at] + draw.choice(BYTES) + data[at:]
    if draw.random() < 0.05:
        data = draw.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) + data
    transfer = draw.choice(TRANSFERS)
    if draw.random() < 0.9:
        if "base64" in transfer.lower():
            data = base64.encodebytes(data)
        elif "quoted" in transfer.lower():
            data = quopri.encodestring(data)
    if draw.random() < 0.5:
        data = data.replace(b"\n", b"\r\n")
    if draw.random() < 0.2:
        at = draw.randrange(len(data) + 1)
        data = data[:at] + draw.choice((b"", b"=", b" ", b"\n", b"A", b"\r")) + data[at + draw.choice((0, 1, 3)) :]
    declared = draw.choice(CHARSETS if draw.random() < 0.3 else CHARSETS[:9])
    kind = draw.choice(("text/plain", "text/plain", "text/html"))
    return Entity(Content(kind, {} if declared is None else {"charset": declared}), encoding=transfer, body=data)


def seen_in_c(reader: NativeText, leaf: Entity) -> texts.Seen | None:
    read = reader.html if leaf.content.value == "text/html" else reader.plain
    return read(leaf.body, leaf.encoding, leaf.content.parameters.get("charset"))


def agreed_in_c(reader: NativeText, plain: str, leaf: Entity) -> bool | None:
    return reader.agrees(plain, leaf.body, leaf.encoding, leaf.content.parameters.get("charset"))


def main() -> None:
    library, count = ctypes.CDLL(sys.argv[1]), int(sys.argv[2])
    reader = NativeText(library, NativeHtml(library))
    draw = random.Random(5)
    for number in range(count):
        leaf = drawn(draw)
        if number % 200 == 0:
            most = draw.choice((body.MAX_PART_BYTES, 3 * body.MAX_PART_BYTES))
            leaf = Entity(leaf.content, encoding=leaf.encoding, body=(leaf.body * 90_000)[:most])
        plain = "".join(draw.choices(PIECES, k=draw.choice((1, 10, 400))))
        for found, expected in (
            (seen_in_c(reader, leaf), body._cleaned(leaf)),
            (agreed_in_c(reader, plain, leaf), body._agrees_in_python(plain, leaf)),
        ):
            if found is not None and found != expected:
                Path("/dev/stderr").write_text(f"{leaf}: {found}, {expected}"[:3_000], "utf-8", "backslashreplace")
                sys.exit(1)
    print(f"{count} texts")


if __name__ == "__main__":
    main()
