"""Mail made to hurt a parser: name -> bytes, made when asked. The bodies are as long as the milter keeps (256 KiB)."""

import random
from collections.abc import Callable

KEPT = 262_000


def filled(piece: str | bytes, size: int = KEPT) -> bytes:
    data = piece if isinstance(piece, bytes) else piece.encode()
    return data * (size // len(data))


def plain(body: bytes, fields: bytes = b"") -> bytes:
    return fields + b"Content-Type: text/plain; charset=utf-8\n\n" + body


def html(body: bytes) -> bytes:
    return b"Content-Type: text/html; charset=utf-8\n\n" + body


def mixed(body: bytes) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + body


def subject(body: bytes) -> bytes:
    return b"Subject: " + body + b"\n\ntext\n"


def nested(depth: int) -> bytes:
    levels = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(depth))
    return b"".join(levels) + b"\ntext\n"


def random_bytes(size: int) -> bytes:
    return random.Random(5).randbytes(size)


ATTACKS: dict[str, Callable[[], bytes]] = {
    # MIME: depth, parts, boundaries, parameters
    "10,000 levels": lambda: nested(10_000),
    "300 levels and many lines": lambda: nested(300) + filled("x\n", 240_000),
    "59 levels and many lines": lambda: nested(59) + filled("\n", 250_000),
    "19 levels and many lines": lambda: nested(19) + filled("text\n", 240_000),
    "many boundaries": lambda: mixed(
        b"".join(b"--b\nContent-Type: text/plain; boundary=c%d\n\n" % i for i in range(4_500))
    ),
    "many empty parts": lambda: mixed(filled("--b\n\n")),
    "many parts": lambda: mixed(filled("--b\nContent-Type: text/plain\n\nx\n")),
    "190 parts of HTML": lambda: mixed(
        b"".join(b"--b\nContent-Type: text/html\n\n" + b"<p>&amp;word " * 100 + b"\n" for _ in range(190))
    ),
    "delimiters only": lambda: mixed(filled("--b\n")),
    "delimiters of nobody": lambda: mixed(filled("--x\n")),
    "empty lines": lambda: plain(filled("\n")),
    "empty lines in a multipart": lambda: mixed(filled("\n")),
    "Content-Type of a part repeated": lambda: mixed(b"--b\n" + filled("Content-Type: text/plain\n")),
    "50,000 parameters": lambda: b"Content-Type: multipart/mixed; " + b"a=b; " * 50_000 + b"\n\nx",
    "50,000 parameters of a part": lambda: mixed(
        b"--b\nContent-Type: text/plain; " + filled("a=b; ", 200_000) + b"\n\nx"
    ),
    "60 parts of 780 parameters": lambda: mixed(
        (b"--b\nContent-Type: text/plain; " + b"a=b; " * 780 + b"\n\nx\n") * 60
    ),
    "RFC 2231 pieces": lambda: b"Content-Type: x/y" + b"".join(b"; a*%d=x" % i for i in range(20_000)) + b"\n\nx",
    "RFC 2231 index of 5,000 digits": lambda: b"Content-Type: text/plain; a*" + b"9" * 5_000 + b"=x\n\nx",
    "60,000 fields of a part": lambda: mixed(b"--b\n" + filled("A: b\n")),
    "a field of a part with 80,000 folds": lambda: mixed(b"--b\nContent-Type: text/plain\n" + filled(" x\n")),
    "8,000 messages in messages": lambda: b"Content-Type: message/rfc822\n\n" * 8_000 + b"x",
    "message/partial": lambda: b"Content-Type: message/partial\n\nx",
    "message/external-body": lambda: b"Content-Type: message/external-body\n\n" + filled("a: b\n"),
    "random bytes as parts": lambda: mixed(b"--b\n\n" + random_bytes(KEPT)),
    # header fields
    "100,000 fields": lambda: b"A: b\n" * 100_000 + b"\nx",
    "a field of 5 MB": lambda: subject(b"x" * 5_000_000),
    "50,000 encoded words": lambda: subject(b"=?utf-8?q?a?= " * 50_000),
    "beginnings of encoded words": lambda: subject(b"=?" * 300_000),
    "encoded words without end": lambda: subject(b"=?a?b?x " * 50_000),
    "encoded words one in another": lambda: subject(b"=?utf-8?b?" * 50_000),
    "30,000 direction overrides": lambda: subject("\u202e".encode() * 30_000),
    "100,000 addresses": lambda: plain(b"x", b"To: " + b"a@b.example, " * 100_000 + b"\n"),
    "50,000 quotes in From": lambda: plain(b"x", b"From: " + b'"' * 50_000 + b"\n"),
    "100,000 brackets in From": lambda: plain(b"x", b"From: " + b"(" * 100_000 + b"\n"),
    # transfer encodings and charsets
    "base64 of text": lambda: b"Content-Transfer-Encoding: base64\n\n" + filled("QUFB\n"),
    "base64 of junk": lambda: b"Content-Transfer-Encoding: base64\n\n" + filled("!"),
    "base64 padded everywhere": lambda: b"Content-Transfer-Encoding: base64\n\n" + filled("QQ=="),
    "quoted-printable of =": lambda: b"Content-Transfer-Encoding: quoted-printable\n\n" + filled("="),
    "quoted-printable of = and CR": lambda: b"Content-Transfer-Encoding: quoted-printable\n\n" + filled("=\r"),
    "random bytes": lambda: plain(random_bytes(KEPT)),
    "NUL": lambda: plain(b"\0" * KEPT),
    "CR": lambda: plain(b"\r" * KEPT + b"\n"),
    "punycode": lambda: b"Content-Type: text/plain; charset=punycode\n\n" + filled("a-"),
    "idna": lambda: b"Content-Type: text/plain; charset=idna\n\n" + filled("xn--"),
    "utf-7": lambda: b"Content-Type: text/plain; charset=utf-7\n\n" + filled("+AAA-"),
    "iso-2022-jp": lambda: b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + filled("\x1b$B"),
    "every Cyrillic letter": lambda: b"Content-Type: text/plain\n\n" + filled(bytes(range(192, 255))),
    "two charsets by turns": lambda: plain(filled("Привет\n".encode() + "Отписаться\n".encode("cp1251"), 40_000)),
    "combining marks": lambda: plain(b"a" + filled("\u0301")),
    "characters without width": lambda: plain(filled("a\u200b")),
    # what the text readers look for
    "HTML <": lambda: html(filled("<") + b">"),
    "HTML <a": lambda: html(filled("<a") + b">"),
    'HTML <a "': lambda: html(filled('<a "') + b">"),
    "HTML <a '\"": lambda: html(filled("<a '\"") + b">"),
    "HTML <!": lambda: html(filled("<!") + b">"),
    "HTML <!--": lambda: html(filled("<!--")),
    "HTML <![CDATA[": lambda: html(filled("<![CDATA[")),
    "HTML &": lambda: html(filled("&")),
    "HTML long references": lambda: html(filled("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
    "HTML divs": lambda: html(filled("<div>")),
    "HTML paragraphs": lambda: html(filled("<p>")),
    "HTML end tags of nothing": lambda: html(filled("<div></b>")),
    "HTML quotes in quotes": lambda: html(filled("<blockquote>x")),
    "HTML cells": lambda: html(filled("<td>")),
    "HTML styles": lambda: html(filled("<style>")),
    "HTML hiding rules": lambda: html(
        b"<style>" + filled(".a{display:none}", 200_000) + b"</style>" + b"<p class=a>" * 999
    ),
    "HTML at-rules": lambda: html(b"<style>display:none" + filled("@{") + b"</style>"),
    "HTML comments of styles": lambda: html(b"<style>display:none" + filled("/* ") + b"</style>"),
    "HTML attributes": lambda: html(b"<a " + filled("style=x ") + b">"),
    "HTML hidden depth": lambda: html(b"<div hidden>" + filled("<b>x")),
    "HTML pre": lambda: html(filled("<pre>x\n</pre>")),
    "alternatives that differ": lambda: (
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\n"
        + filled("abcde ", 120_000)
        + b"\n--b\nContent-Type: text/html\n\n"
        + filled("<p>vwxyz ", 120_000)
        + b"\n--b--\n"
    ),
    "enriched": lambda: b"Content-Type: text/enriched\n\n" + filled("<param>"),
    "flowed": lambda: b"Content-Type: text/plain; format=flowed\n\n" + filled("x \n"),
    "uuencoded beginnings": lambda: plain(filled("begin 644 x\n")),
    "uuencoded without end": lambda: plain(b"begin 644 x\n" + filled(b"M" * 60 + b"\n")),
    "PGP beginnings": lambda: plain(filled("-----BEGIN PGP MESSAGE-----\n")),
    "quoted lines": lambda: plain(filled("> x\n")),
    "one quote of any depth": lambda: plain(b">" * KEPT),
    "colons": lambda: plain(filled("a:\n")),
    "From lines": lambda: plain(b"x\n" + filled("From: a\n")),
    "From and To lines": lambda: plain(b"x\n" + filled("From: a\nTo: b\n")),
    "attributions": lambda: plain(b"x\n" + filled("On Mon wrote:\n")),
    "beginnings of attributions": lambda: plain(b"x\n" + filled("On <a@b\n")),
    "dashes": lambda: plain(b"x\n" + filled("-")),
    "signatures": lambda: plain(b"x\n" + filled("-- \n")),
    "postscripts": lambda: plain(b"x\n" + filled("Regards,\nP.S. x\n")),
    "a long line of spaces": lambda: plain(b"From" + b" " * KEPT),
    "a long word": lambda: plain(b"a" * KEPT),
    "a long line of @": lambda: plain(b"x\n" + b"a" * 64 + filled("@")),
    "quotation marks": lambda: plain(filled("«x")),
    "words": lambda: plain(filled("слово ")),
}
