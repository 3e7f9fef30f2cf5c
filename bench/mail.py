"""Mail for the benchmarks: some hundred messages of 1 to 31 KB, made from our own labelled mails, always the same ones.

The sizes follow what a desk gets (median about 5 KB): plain text, HTML with and without a plain twin, quoted threads,
long signatures, pictures attached; KOI8-R and windows-1251 among UTF-8.
"""

import base64
import json
import random
from email.header import Header
from pathlib import Path

ROOT = Path(__file__).parent.parent


def labelled() -> list[dict[str, str]]:
    rows = []
    for path in sorted((ROOT / "models" / "data").glob("*.jsonl")):
        rows += [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return rows


def messages(count: int, seed: int = 7) -> list[tuple[str, str, bytes]]:
    """(sender, recipient, message with CRLF lines), all different."""
    chance = random.Random(seed)
    rows = labelled()
    chance.shuffle(rows)
    return [_message(rows[number % len(rows)], number, chance, rows) for number in range(count)]


def _message(
    row: dict[str, str], number: int, chance: random.Random, rows: list[dict[str, str]]
) -> tuple[str, str, bytes]:
    name, _, address = row["from"].rpartition("<")
    address = address.rstrip(">")
    text = row["body"] + f"\n\n-- \n{row['from']}\nRef {number:06}\n"
    kind = chance.choice(("plain", "plain", "quoted", "quoted", "quoted", "html", "alternative", "attachment"))
    if kind in ("quoted", "html", "alternative"):
        earlier = "\n".join(chance.choice(rows)["body"] for _ in range(chance.randint(2, 14)))
        text += "\n01.03.2026 10:15, Support <support@flexihost.example> пишет:\n"
        text += "".join(f"> {line}\n" for line in earlier.splitlines())
    charset = chance.choice(("utf-8", "utf-8", "utf-8", "koi8-r", "windows-1251"))
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        charset = "utf-8"
    if kind == "html":
        head, body = _part("text/html", _html(text), charset)
    elif kind == "alternative":
        parts = [_part("text/plain", text, charset), _part("text/html", _html(text), charset)]
        head, body = _multipart("alternative", parts)
    elif kind == "attachment":
        picture = base64.encodebytes(chance.randbytes(chance.randint(2_000, 18_000))).decode()
        attached = ("Content-Type: image/png; name=shot.png\nContent-Transfer-Encoding: base64\n", picture)
        head, body = _multipart("mixed", [_part("text/plain", text, charset), attached])
    else:
        head, body = _part("text/plain", text, charset)
    fields = (
        "Received: from mx.customer.example (mx.customer.example [192.0.2.25])",
        f"\tby mail.flexihost.example with ESMTPS id {number:08X};",
        "\tFri, 6 Mar 2026 19:40:00 +0200",
        f"From: {Header(name.strip() or address, 'utf-8').encode()} <{address}>",
        f"To: {row['to']}",
        f"Subject: {Header(row['subject'], 'utf-8').encode()}",
        "Date: Fri, 6 Mar 2026 19:39:58 +0200",
        f"Message-ID: <bench-{number}@customer.example>",
        "MIME-Version: 1.0",
        f"X-Mailer: Bench 1.0\n{head}",
    )
    data = "\n".join(fields).encode("ascii", "replace") + b"\n" + body.encode(charset, "replace")
    return address, row["to"], data.replace(b"\n", b"\r\n")


def _html(text: str) -> str:
    lines = "".join(
        f'<p class="MsoNormal"><span style="font-size:11pt">{line}</span></p>\n' for line in text.splitlines()
    )
    return f"<html><head><style>p{{margin:0}}</style></head><body>{lines}</body></html>"


def _part(media_type: str, text: str, charset: str) -> tuple[str, str]:
    return f"Content-Type: {media_type}; charset={charset}\nContent-Transfer-Encoding: 8bit\n", text


def _multipart(subtype: str, parts: list[tuple[str, str]]) -> tuple[str, str]:
    body = "".join(f"--=_bench\n{head}\n{text}\n" for head, text in parts) + "--=_bench--\n"
    return f'Content-Type: multipart/{subtype}; boundary="=_bench"\n', body
