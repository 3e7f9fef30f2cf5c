"""One text/plain message out of the snippets (rules-language.md 4.2). Values in, bytes out.

Nothing is given to the stdlib's message classes: Python 3.11.7 turns an encoded word with a line break in it into a
second header field (reliability.md, finding 5). Every field is written here, and the finished block is read again:
exactly the expected names, each once, or there is no message. `canary` runs that on hostile input at start, with the
Python that is running.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import format_datetime

from router.acknowledge import wording
from router.acknowledge.policy import Policy, QueueText, filled, placeholders_in
from router.acknowledge.wish import Wish
from router.acknowledge.wording import Moment
from router.frozen import dataclass
from router.message.headers import shown

MAX_SUBJECT = 200  # characters, the desk's own words included
MAX_BODY_BYTES = 16_384
MAX_LINE = 76  # of quoted-printable (RFC 2045 6.7)
MAX_REFERENCES = 20
MAX_ID_BYTES = 250
LINE_END = b"\r\n"

_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_ADDRESS = re.compile(r"[^\s<>\"(),:;\\\[\]@\x00-\x20\x7f]{1,64}@[A-Za-z0-9.-]{1,253}")
_PLAIN_WORDS = re.compile(r"[\x20-\x7e]*")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/?^_`{|}~-]*")
_URL = re.compile(
    r"""(?: [a-z0-9+.-]{0,15} \s? : \s? // \S* | \bwww\s?\. \S* | \bmailto: \S* | \S+@\S+
          | \b(?:[\w-]{1,63}\s?[.\u3002\uff0e\uff61])+ (?:[a-z]{2,24}|рф|укр|xn--[a-z0-9-]+) \b (?:[/:?#]\S*)? )""",
    re.IGNORECASE | re.VERBOSE,
)
_SPACES = re.compile(r"\s+")
_UNWANTED = re.compile(r"[^\w\s.,:;!?'\"()«»\[\]#№/+&%=*-]")


@dataclass(frozen=True, slots=True)
class Answered:
    """What the acknowledgement answers. to: the bare envelope sender. subject: decoded, or "". message_id: or "".
    references: the field's body."""

    to: str
    subject: str
    message_id: str
    references: str


@dataclass(frozen=True, slots=True)
class Composed:
    """sender is always the null sender. snippets: those that are said; left_out: those that could not be, and why."""

    to: str
    data: bytes
    message_id: str
    snippets: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()


class CannotCompose(Exception):
    """There is no safe or no meaningful message; the words are for the log."""


def compose(policy: Policy, wish: Wish, answered: Answered, *, message_id: str, loop: str, now: datetime) -> Composed:
    """The acknowledgement. message_id: its own. loop: the instance id. now: aware. Raises CannotCompose."""
    if not _ADDRESS.fullmatch(answered.to):
        raise CannotCompose("the envelope sender is no plain address")
    queue = policy.queues.get(wish.queue)
    if queue is None:
        raise CannotCompose(f"no queue {wish.queue}")
    languages = [one for one in wish.languages if one in policy.languages]
    if not languages:
        raise CannotCompose(f"no text in {'+'.join(wish.languages)}")
    said, left_out = _sayable(policy, wish, queue, languages)
    if not said:
        raise CannotCompose("nothing to say: " + "; ".join(f"{name}: {why}" for name, why in left_out))
    body = "\n\n\n".join(_text(policy, wish, queue, language, said) for language in languages)
    address = policy.address_of(wish.queue)
    name = policy.from_name if policy.from_address else queue.titles.get(languages[0], "")
    fields = [
        ("From", mailbox(name, address)),
        ("To", answered.to),
        (
            "Subject",
            encoded(subject(policy.subject.get(languages[0], "{subject}"), answered.subject), len("Subject: ")),
        ),
        ("Date", format_datetime(now.astimezone(UTC))),
        ("Message-ID", message_id),
        *_threading(answered),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        *([("Precedence", "bulk")] if policy.precedence_bulk else []),
        (policy.loop_field, loop),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", "quoted-printable"),
    ]
    data = _block(fields) + LINE_END + quoted_printable(body)
    if len(data) > MAX_BODY_BYTES + 8_192:
        raise CannotCompose(f"{len(data)} bytes")
    _verify(data, [field for field, _ in fields])
    return Composed(answered.to, data, message_id, said, left_out)


def subject(template: str, original: str) -> str:
    """The Subject: the desk's template with the original subject made harmless in it, cut at a word."""
    room = MAX_SUBJECT - len(template) + len("{subject}")
    return shown(_SPACES.sub(" ", filled(template, {"subject": harmless(original, max(room, 20))})))


def harmless(text: str, room: int) -> str:
    """Somebody else's words, fit to be quoted under our signature: one line without controls, invisible or directional
    characters, URLs, addresses or signs that make a link; at most `room` characters, cut between words."""
    text, before = shown(text[:1_000]), ""
    while text != before:  # what a removal has joined may be a URL again; every round is shorter
        before = text
        text = _SPACES.sub(" ", _UNWANTED.sub(" ", _URL.sub(" ", text))).strip()
    if len(text) <= room:
        return text
    cut = text[: room - 1].rsplit(" ", 1)[0] if " " in text[: room - 1] else text[: room - 1]
    return cut.rstrip(" ,;:-") + "…"


def mailbox(name: str, address: str) -> str:
    """`Name <address>` for a From field; the name of rules.yaml, quoted or encoded as it needs."""
    name = _SPACES.sub(" ", shown(name)).strip()[:120]
    if not name:
        return address
    if _ATOMS.fullmatch(name):
        return f"{name} <{address}>"
    if _PLAIN_WORDS.fullmatch(name) and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{_words(name, 60)} <{address}>"


def encoded(text: str, used: int) -> str:
    """`text` as a field body: as it stands when it is short plain ASCII, else as encoded words (RFC 2047), folded.

    used: what the name takes of the first line.
    """
    if _PLAIN_WORDS.fullmatch(text) and "=?" not in text and used + len(text) <= 76:
        return text
    return _words(text, 75 - used)


def _words(text: str, first_room: int) -> str:
    """Encoded words in UTF-8, base 64, each of whole characters and at most 75 long."""
    words, pending, room = [], b"", max(first_room, 24)
    for character in text:
        piece = character.encode("utf-8", "replace")
        if pending and (len(pending) + len(piece) + 2) // 3 * 4 + 12 > room:
            words.append(pending)
            pending, room = b"", 75
        pending += piece
    words.append(pending)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word).decode('ascii')}?=" for word in words)


def quoted_printable(text: str) -> bytes:
    """The body: UTF-8, lines of at most 76 octets ended by CR LF, no control characters, no line of a lone dot."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    clean = "\n".join(
        "".join(c for c in line if c == "\t" or (c.isprintable() and c == shown(c)) or c == " ") for line in lines
    )
    data = clean.strip().encode("utf-8", "replace")
    if len(data) > MAX_BODY_BYTES:
        raise CannotCompose(f"a text of {len(data)} bytes")
    # istext: line breaks stay; quotetabs would write every space as =20
    coded = binascii.b2a_qp(data, quotetabs=False, istext=True, header=False)
    wire = [one for line in coded.split(b"\n") for one in _plain_starts(line)]
    return LINE_END.join(wire) + LINE_END


def _plain_starts(line: bytes) -> Iterator[bytes]:
    """A line of quoted-printable, as one or more of which none begins with a dot (SMTP) or `From ` (mbox)."""
    while line.startswith((b".", b"From ")):
        first, rest = b"=%02X" % line[0], line[1:]
        if len(first) + len(rest) <= MAX_LINE:
            line = first + rest
        else:
            yield first + b"="
            line = rest
    yield line


def _sayable(
    policy: Policy, wish: Wish, queue: QueueText, languages: list[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The snippets in the order of the file, without those whose text has a place that nothing is known for."""
    said, left_out = [], []
    for name, texts in policy.snippets.items():
        if name not in wish.snippets:
            continue
        problem = ""
        for language in languages:
            values = _values(policy, wish, queue, language, "")
            problem = problem or next(
                (f"no {{{place}}}" for place in placeholders_in(texts.get(language, "")) if not values.get(place)), ""
            )
            if not texts.get(language):
                problem = f"no text in {language}"
        if problem:
            left_out.append((name, problem))
        else:
            said.append(name)
    left_out += [(name, "not in these rules") for name in wish.snippets if name not in policy.snippets]
    return tuple(said), tuple(left_out)


def _values(policy: Policy, wish: Wish, queue: QueueText, language: str, before: str) -> dict[str, str]:
    asks = [policy.asks[item].get(language, "") for item in wish.missing if item in policy.asks]
    by, opens = wish.answer_by, wish.opens_at
    return {
        "queue": queue.titles.get(language, ""),
        "expect_by": wording.deadline(Moment(by, queue.zone), language, before) if by else "",
        "opens_at": wording.beginning(Moment(opens, queue.zone), language, before) if opens else "",
        "missing": wording.listed([one for one in asks if one]),
    }


def _text(policy: Policy, wish: Wish, queue: QueueText, language: str, said: tuple[str, ...]) -> str:
    paragraphs = [policy.opening.get(language, "")]
    paragraphs += [_filled(policy, wish, queue, language, policy.snippets[name][language]) for name in said]
    paragraphs.append(policy.closing.get(language, ""))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph.strip())


def _filled(policy: Policy, wish: Wish, queue: QueueText, language: str, template: str) -> str:
    """A snippet's text. A place is filled with regard to the words in front of it (a preposition wants its case)."""
    done, rest = "", template
    for name in placeholders_in(template):
        before, _, rest = rest.partition("{" + name + "}")
        done += before
        done += _values(policy, wish, queue, language, done).get(name, "{" + name + "}")
    return done + rest


def _threading(answered: Answered) -> list[tuple[str, str]]:
    """In-Reply-To and References (RFC 5322 3.6.4), capped; nothing when the mail has no Message-ID that is one."""
    own = answered.message_id.strip()
    if not (_MESSAGE_ID.fullmatch(own) and own.isascii() and own.isprintable() and len(own) <= MAX_ID_BYTES):
        return []
    earlier = [
        one
        for one in _MESSAGE_ID.findall(answered.references[-16_384:])
        if one.isascii() and one.isprintable() and len(one) <= MAX_ID_BYTES and one != own
    ]
    if len(earlier) >= MAX_REFERENCES:  # the first names the thread
        earlier = [earlier[0], *earlier[2 - MAX_REFERENCES :]]
    return [("In-Reply-To", own), ("References", "\r\n ".join([*earlier, own]))]


def _block(fields: list[tuple[str, str]]) -> bytes:
    lines = []
    for name, body in fields:
        bare = body.replace("\r\n ", "")
        if not bare.strip() or not bare.isascii() or not bare.isprintable():
            raise CannotCompose(f"the field {name} would be broken")
        lines.append(f"{name}: {body}".encode("ascii"))
    return LINE_END.join(lines) + LINE_END


def _verify(data: bytes, names: list[str]) -> None:
    """The header block has exactly the fields `names`, for a reader of lines and for the running Python's parser."""
    head, separator, body = data.partition(b"\r\n\r\n")
    found = [line.partition(b":")[0].decode("ascii") for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
    parsed = BytesHeaderParser(policy=compat32).parsebytes(data)
    whole = bool(separator) and not parsed.defects
    if not whole or found != names or list(parsed.keys()) != names or b"\n" in head.replace(b"\r\n", b""):
        raise CannotCompose("the header is not what was meant")
    if any(len(line) > 998 for line in head.split(b"\r\n")) or not data.isascii():
        raise CannotCompose("a line is too long or not ASCII")
    if b"\n" in body.replace(b"\r\n", b"") or b"\r" in body.replace(b"\r\n", b""):
        raise CannotCompose("a bare line end in the body")


HOSTILE = (
    "=?utf-8?q?ok=0D=0ABcc:_all=40x.example?=",
    "ok\r\nBcc: all@x.example",
    "ok\n\n<html>http://x.example/",
    "ok\rBcc: all@x.example\u2028Cc: b@x.example\x85\x0b\x0c\x00",
    "=?utf-8?b?DQpCY2M6IGFsbEB4?=" * 40,
    "\u202egnp.exe" + "ж" * 3_000,
)


def canary(policy: Policy, now: datetime) -> str:
    """Why no acknowledgement may be sent with these texts and this Python, or "". Composes with hostile subjects, ids
    and names and looks at what comes out."""
    queue = next(iter(policy.queues), "")
    wish = Wish("canary", policy.languages, tuple(policy.snippets), queue, tuple(policy.asks), now, now, "pass")
    for hostile in HOSTILE:
        answered = Answered("canary@canary.example", hostile, f"<{hostile}@x.example>", hostile)
        try:
            composed = compose(policy, wish, answered, message_id="<ack.canary@x.example>", loop="canary", now=now)
        except CannotCompose as problem:
            return str(problem)
        lowered = composed.data.lower()
        if any(word in lowered for word in (b"\nbcc", b"\ncc:", b"http:", b"<html")):
            return "a hostile subject gets through"
    return ""
