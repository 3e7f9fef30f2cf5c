"""Mail for the benchmarks: 1.4 to 31 KB, median 5.6 KB, made from our own labelled mails, always the same ones.

As a desk gets it: plain text, HTML with and without a plain twin, threads quoted several levels deep, signatures with a
disclaimer below, pictures attached; KOI8-R and windows-1251 among UTF-8, 8bit among base64 and quoted-printable; header
fields of two servers, a DKIM signature, a mail program's own.
"""

import base64
import json
import quopri
import random
import textwrap
from collections.abc import Sequence
from email.header import Header
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = (
    "en", "hard", "hosting_mail_dev", "more-en", "more-hard", "more-ru", "more-uk", "new-en", "new-hard", "new-ru",
    "new-uk", "ru", "uk",
)  # fmt: skip
LARGEST = 31_000
"""Bytes."""

Rows = Sequence[dict[str, str]]

ATTRIBUTIONS = (
    "01.03.2026 10:15, Support <support@flexihost.example> пишет:",
    "пт, 27 лют. 2026 р. о 12:00 Support <support@flexihost.example> пише:",
    "On Fri, Feb 27, 2026 at 12:00 PM Support <support@flexihost.example> wrote:",
)
DISCLAIMERS = (
    "",
    "",
    "Это сообщение и любые вложения предназначены исключительно для адресата. Если вы получили его по ошибке, сообщите "
    "об этом отправителю и удалите письмо. Подумайте о природе, прежде чем печатать его.",
    "Це повідомлення може містити конфіденційну інформацію. Якщо ви отримали його помилково, повідомте відправника та "
    "видаліть його разом із вкладеннями.",
    "This e-mail and any attachments are confidential and intended solely for the addressee. If you have received it "
    "in error, please notify the sender and delete it. Please consider the environment before printing this e-mail.",
)


def labelled() -> list[dict[str, str]]:
    """Labelled mails: of the files that hold whole mails and grow no more, so that figures can be compared."""
    rows = []
    for name in FILES:
        text = (ROOT / "models" / "data" / f"{name}.jsonl").read_text(encoding="utf-8")
        rows += [json.loads(line) for line in text.splitlines() if line.strip()]
    return rows


def messages(count: int, seed: int = 7) -> list[tuple[str, str, bytes]]:
    """(sender, recipient, message with CRLF lines), all different."""
    chance = random.Random(seed)
    rows = labelled()
    chance.shuffle(rows)
    found: list[tuple[str, str, bytes]] = []
    while len(found) < count:
        one = _message(rows[len(found) % len(rows)], len(found), chance, rows)
        if len(one[2]) <= LARGEST:
            found.append(one)
    return found


def _message(row: dict[str, str], number: int, chance: random.Random, rows: Rows) -> tuple[str, str, bytes]:
    name, _, address = row["from"].rpartition("<")
    address = address.rstrip(">")
    kind = chance.choice(("plain", "plain", "quoted", "quoted", "html", "alternative", "alternative", "attachment"))
    text = "\n\n".join([row["body"], *(chance.choice(rows)["body"] for _ in range(chance.choice((0, 0, 1, 2))))])
    text += _signature(row["from"], number, chance)
    if kind in ("quoted", "html", "alternative"):
        text += "\n" + _thread(chance, rows, chance.randint(1, 4))
    charset = chance.choice(("utf-8", "utf-8", "utf-8", "utf-8", "koi8-r", "windows-1251"))
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    encoding = chance.choice(("8bit", "base64", "quoted-printable"))
    if kind == "html":
        head, body = _part("text/html", _html(text), charset, encoding)
    elif kind == "alternative":
        parts = [_part("text/plain", text, charset, encoding), _part("text/html", _html(text), charset, encoding)]
        head, body = _multipart("alternative", parts)
    elif kind == "attachment":
        picture = base64.encodebytes(chance.randbytes(chance.randint(2_000, 18_000)))
        attached = (b"Content-Type: image/png; name=shot.png\nContent-Transfer-Encoding: base64\n", picture)
        head, body = _multipart("mixed", [_part("text/plain", text, charset, encoding), attached])
    else:
        head, body = _part("text/plain", text, charset, encoding)
    signed = base64.b64encode(chance.randbytes(256)).decode()
    fields = (
        f"Return-Path: <{address}>",
        "Received: from mx.customer.example (mx.customer.example [192.0.2.25])",
        f"\tby mail.flexihost.example with ESMTPS id {number:08X}",
        f"\tfor <{row['to']}>; Fri, 6 Mar 2026 19:40:00 +0200",
        f"Received: from [192.0.2.{number % 250}] (helo=desk-{number % 997})",
        f"\tby mx.customer.example with esmtpsa (TLS1.3) tls TLS_AES_256_GCM_SHA384 id 1r{number:06X}-0001",
        "\tFri, 06 Mar 2026 19:39:59 +0200",
        "DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/relaxed; d=customer.example; s=mail;",
        "\th=Content-Type:MIME-Version:Message-ID:Date:Subject:To:From;",
        *(f"\t {piece}" for piece in textwrap.wrap("b=" + signed, 70)),
        f"From: {Header(name.strip() or address, 'utf-8').encode()} <{address}>",
        f"To: {row['to']}",
        f"Subject: {Header(row['subject'], 'utf-8').encode()}",
        "Date: Fri, 6 Mar 2026 19:39:58 +0200",
        f"Message-ID: <bench-{number}@customer.example>",
        "MIME-Version: 1.0",
        "User-Agent: Mozilla Thunderbird",
        "Content-Language: ru",
        "X-Priority: 3",
    )
    data = "\n".join(fields).encode("ascii", "replace") + b"\n" + head + b"\n" + body
    return address, row["to"], data.replace(b"\n", b"\r\n")


def _signature(sender: str, number: int, chance: random.Random) -> str:
    lines = ["", "", "-- ", sender, f"Ref {number:06}"]
    if chance.random() < 0.5:
        lines += [f"Tel.: +380 44 {chance.randint(1_000_000, 9_999_999)}", "www.customer.example"]
    return "\n".join([*lines, "", *textwrap.wrap(chance.choice(DISCLAIMERS), 76)]) + "\n"


def _thread(chance: random.Random, rows: Rows, levels: int) -> str:
    """Some earlier mails, each quoted once more than the one above it."""
    earlier = "\n".join(chance.choice(rows)["body"] for _ in range(chance.randint(1, 4)))
    if levels > 1:
        earlier += "\n" + _thread(chance, rows, levels - 1)
    return chance.choice(ATTRIBUTIONS) + "\n" + "".join(f"> {line}\n" for line in earlier.splitlines())


def _html(text: str) -> str:
    lines = "".join(
        f'<p class="MsoNormal"><span style="font-size:11pt">{line}</span></p>\n' for line in text.splitlines()
    )
    return f"<html><head><style>p{{margin:0}}</style></head><body>{lines}</body></html>"


def _part(media_type: str, text: str, charset: str, encoding: str) -> tuple[bytes, bytes]:
    data = text.encode(charset)
    if encoding == "base64":
        data = base64.encodebytes(data)
    elif encoding == "quoted-printable":
        data = quopri.encodestring(data)
    return f"Content-Type: {media_type}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n".encode(), data


def _multipart(subtype: str, parts: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    body = b"".join(b"--=_bench\n" + head + b"\n" + text + b"\n" for head, text in parts) + b"--=_bench--\n"
    return f'Content-Type: multipart/{subtype}; boundary="=_bench"\n'.encode(), body
