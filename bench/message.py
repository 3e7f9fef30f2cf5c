"""CPU of reading one mail of 4 KB: by our fast path, by flanker, by the stdlib; and of its steps.

    python -m bench.message [--repeat 300]

Every figure is the median of process time over `--repeat` runs of one mail, in milliseconds: on a busy machine trust
the ratios. "whole" is `read`; the columns behind it make the MIME tree only. The last row is the mix of bench/mail.py.
"""

import argparse
import base64
import quopri
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.mail import messages
from router.message import entity, language, parse, quoting
from router.message.eml import raw_message
from router.message.entity import mime_headers
from router.message.envelope import Envelope, RawMessage
from router.message.headers import HeaderFields
from router.message.read import read, warm

ENVELOPE = Envelope(b"<olena@customer.example>", (b"<support@desk.example>",))
NOW = datetime(2026, 3, 6, 19, 40, tzinfo=UTC)

FIELDS = (
    "Return-Path: <olena@customer.example>\n"
    + "Received: from mx.customer.example (mx.customer.example [192.0.2.25])\n\tby mail.desk.example with ESMTPS id 7\n"
    "\tfor <support@desk.example>; Fri, 6 Mar 2026 19:40:00 +0200\n" * 3
    + "DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=a; h=From:Subject;\n\tb=" + "Ab+/" * 60 + "\n"
    "From: =?utf-8?B?0J7Qu9C10L3QsA==?= <olena@customer.example>\n"
    "To: support@desk.example\n"
    "Subject: =?utf-8?B?UmU6IFtkZXNrICM1XSDQn9C+0YjRgtCwINC90LUg0L/RgNCw0YbRjtGU?=\n"
    "Message-ID: <m1@customer.example>\nDate: Fri, 6 Mar 2026 19:40:00 +0200\nMIME-Version: 1.0\n"
    "In-Reply-To: <a1@desk.example>\nReferences: <a0@desk.example> <a1@desk.example>\nX-Mailer: Mail\n"
)  # fmt: skip
WORDS = (
    "Доброго дня! З самого ранку не надходять листи на скриньку info@customer.example, браузер показує помилку 502 "
    "Bad Gateway, хоча вчора ввечері все працювало. Ми нічого не змінювали. Перевірте, будь ласка, що сталося.\n\n"
)
TEXT = (
    WORDS * 4
    + "З повагою,\nОлена Бондар\n\nпт, 6 бер. 2026 р. о 12:00 Desk <support@desk.example> пише:\n\n"
    + "".join(f"> {line}\n" for line in (WORDS * 2).splitlines())
)


def part(kind: str, text: str, charset: str = "utf-8", encoding: str = "8bit") -> bytes:
    data = text.encode(charset)
    if encoding == "base64":
        data = base64.encodebytes(data)
    elif encoding == "quoted-printable":
        data = quopri.encodestring(data)
    return f"Content-Type: {kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + data


def multipart(kind: str, *parts: bytes) -> bytes:
    return (
        f'Content-Type: multipart/{kind}; boundary="=_b"\n\n'.encode()
        + b"".join(b"--=_b\n" + one + b"\n" for one in parts)
        + b"--=_b--\n"
    )


def html(text: str) -> str:
    lines = text.replace("&", "&amp;").replace("<", "&lt;").splitlines()
    return '<html><body><div style="font-family:Arial">' + "<br>\n".join(lines) + "</div></body></html>"


PICTURE = (
    b"Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n"
    b"Content-Disposition: attachment; filename=a.png\n\n" + base64.encodebytes(bytes(1_500))
)
MAIL = {
    "plain, UTF-8": part("text/plain", TEXT),
    "plain, base64": part("text/plain", TEXT, encoding="base64"),
    "plain, koi8-u": part("text/plain", TEXT, "koi8-u"),
    "HTML": part("text/html", html(TEXT)),
    "alternative": multipart(
        "alternative",
        part("text/plain", TEXT[:1_300], encoding="base64"),
        part("text/html", html(TEXT[:1_300]), encoding="quoted-printable"),
    ),
    "text and picture": multipart("mixed", part("text/plain", TEXT[:1_300]), PICTURE),
}


def median_ms(run: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.process_time_ns()
        run()
        times.append(time.process_time_ns() - start)
    return statistics.median(times) / 1e6


def trees(raw: RawMessage) -> dict[str, Callable[[], object]]:
    """The three ways to the MIME tree; a way that declines this mail is left out."""
    fields = HeaderFields(raw.fields)
    content_type = next(iter(fields.raw("content-type")), b"")
    top = mime_headers(content_type, None, next(iter(fields.raw("content-transfer-encoding")), None), 1)
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: entity.of_plain_mail(top, raw.body, cut=False),
        "flanker": lambda: parse.by_flanker(top, content_type, raw.body, cut=False),
        "stdlib": lambda: parse.by_stdlib(top, content_type, raw.body, cut=False),
    }
    return {name: way for name, way in ways.items() if way() is not None}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--repeat", type=int, default=300)
    repeat = arguments.parse_args().repeat
    warm()
    columns = ("bytes", "by", "whole", "ours", "flanker", "stdlib", "quotes", "language")
    print(f"{'':18}" + "".join(f"{column:>9}" for column in columns))
    for name, mail in MAIL.items():
        data = FIELDS.encode() + mail
        raw = raw_message(data, ENVELOPE, NOW)
        found = read(raw)
        whole = median_ms(lambda raw=raw: read(raw), repeat)
        ways = {way: f"{median_ms(run, repeat):.3f}" for way, run in trees(raw).items()}
        quotes = median_ms(lambda found=found: quoting.split(found.full_text, found.subject), repeat)
        spoken = median_ms(lambda found=found: language.detect(found.new_text), repeat)
        of_trees = (ways.get(way, "-") for way in ("ours", "flanker", "stdlib"))
        values = (len(data), found.read_by, f"{whole:.3f}", *of_trees, f"{quotes:.3f}", f"{spoken:.3f}")
        print(f"{name:18}" + "".join(f"{value!s:>9}" for value in values))
    mix = [raw_message(data, ENVELOPE, NOW) for _, _, data in messages(300)]
    times = sorted(median_ms(lambda raw=raw: read(raw), 5) for raw in mix)
    size = statistics.median(len(raw.body) for raw in mix)
    middle, high = statistics.median(times), times[len(times) * 95 // 100]
    print(f"{'a desk’s mix':18}{size:9.0f}{'':9}{middle:9.3f}   p95 {high:.3f}")


if __name__ == "__main__":
    main()
